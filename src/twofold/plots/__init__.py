"""Pictures; matplotlib is imported here alone, and nothing here touches its global state."""

from twofold.plots.images import image_grid, save

__all__ = ["image_grid", "save"]
