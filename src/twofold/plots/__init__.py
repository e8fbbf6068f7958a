"""Pictures; matplotlib is imported here alone, and nothing here touches its global state."""

from twofold.plots.images import check_picture, image_grid, save
from twofold.plots.rates import rate_curve

__all__ = ["check_picture", "image_grid", "rate_curve", "save"]
