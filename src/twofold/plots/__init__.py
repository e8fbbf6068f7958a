"""Pictures; matplotlib is imported here alone, and nothing here touches its global state."""

import twofold.plots.backend  # noqa: F401 - before anything imports matplotlib
from twofold.plots.calibration import Calibration, calibration, calibration_plot
from twofold.plots.coefficients import coefficient_plot
from twofold.plots.confusion import confusion_matrix
from twofold.plots.curves import best_epoch, training_curves
from twofold.plots.diagnostics import diagnostic_plots
from twofold.plots.diagram import network_diagram
from twofold.plots.figures import panels
from twofold.plots.film import check_film, save_film
from twofold.plots.functions import activation_plots, xyplot
from twofold.plots.images import image_grid
from twofold.plots.importance import dependence_plot, importance_plot
from twofold.plots.layers import activation_distributions, dead_units, gradient_distributions
from twofold.plots.lines import line_plot
from twofold.plots.live import live_curves
from twofold.plots.plane import decision_regions, fit_plot
from twofold.plots.predictions import confident_mistakes, prediction_grid
from twofold.plots.rates import rate_curve
from twofold.plots.residuals import actual_plot, quantile_plot, residual_plot
from twofold.plots.saving import check_picture, save, svg
from twofold.plots.style import style, use_style
from twofold.plots.surface import loss_surface
from twofold.plots.weights import weight_images

__all__ = [
    "Calibration",
    "activation_distributions",
    "activation_plots",
    "actual_plot",
    "best_epoch",
    "calibration",
    "calibration_plot",
    "check_film",
    "check_picture",
    "coefficient_plot",
    "confident_mistakes",
    "confusion_matrix",
    "dead_units",
    "decision_regions",
    "dependence_plot",
    "diagnostic_plots",
    "fit_plot",
    "gradient_distributions",
    "image_grid",
    "importance_plot",
    "line_plot",
    "live_curves",
    "loss_surface",
    "network_diagram",
    "panels",
    "prediction_grid",
    "quantile_plot",
    "rate_curve",
    "residual_plot",
    "save",
    "save_film",
    "style",
    "svg",
    "training_curves",
    "use_style",
    "weight_images",
    "xyplot",
]
