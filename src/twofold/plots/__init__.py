"""Pictures; matplotlib is imported here alone, and nothing here touches its global state."""

from twofold.plots.confusion import confusion_matrix
from twofold.plots.curves import best_epoch, training_curves
from twofold.plots.diagram import network_diagram
from twofold.plots.images import image_grid
from twofold.plots.predictions import confident_mistakes, prediction_grid
from twofold.plots.rates import rate_curve
from twofold.plots.residuals import quantile_plot, residual_plot
from twofold.plots.saving import check_picture, save, svg
from twofold.plots.style import panels, style
from twofold.plots.weights import weight_images

__all__ = [
    "best_epoch",
    "check_picture",
    "confident_mistakes",
    "confusion_matrix",
    "image_grid",
    "network_diagram",
    "panels",
    "prediction_grid",
    "quantile_plot",
    "rate_curve",
    "residual_plot",
    "save",
    "style",
    "svg",
    "training_curves",
    "weight_images",
]
