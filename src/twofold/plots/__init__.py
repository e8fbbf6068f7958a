"""Pictures; matplotlib is imported here alone, and nothing here touches its global state."""

from twofold.plots.images import check_picture, image_grid, save

__all__ = ["check_picture", "image_grid", "save"]
