"""Models as things to keep: one file on disk, and exports to what others read."""

from twofold.saving.file import load_model, save_model
from twofold.saving.model import Model

__all__ = ["Model", "load_model", "save_model"]
