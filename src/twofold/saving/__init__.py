"""Models as things to keep: one file on disk, and exports to what others read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twofold.saving.file import load_model, save_model
from twofold.saving.model import Model, Savable
from twofold.saving.onnx_graph import OnnxReport, export_onnx
from twofold.saving.python_source import to_python

if TYPE_CHECKING:
    from torch import nn

__all__ = ["Model", "OnnxReport", "export_onnx", "load_model", "save_model", "to_python", "to_torch"]


def to_torch(model: Savable) -> nn.Sequential:
    """Turn a model into a plain ``torch.nn.Sequential``: see `twofold.saving.torch_module.to_torch`."""
    from twofold.saving.torch_module import to_torch

    return to_torch(model)
