"""Data sets by name, IDX files, synthetic sets; nothing here knows of engines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twofold.data.catalog import CATALOG, load_dataset
from twofold.data.dataset import Dataset, Samples
from twofold.data.fingerprint import data_hash
from twofold.data.idx import read_idx, write_idx
from twofold.data.image_sets import get_image_set

if TYPE_CHECKING:
    from twofold.data.torch_dataset import as_torch_dataset

__all__ = [
    "CATALOG",
    "Dataset",
    "Samples",
    "as_torch_dataset",
    "data_hash",
    "get_image_set",
    "load_dataset",
    "read_idx",
    "write_idx",
]


def __getattr__(name: str) -> Any:
    if name == "as_torch_dataset":  # it needs PyTorch, which nothing else here does
        from twofold.data.torch_dataset import as_torch_dataset

        return as_torch_dataset
    raise AttributeError(f"module 'twofold.data' has no attribute {name!r}")
