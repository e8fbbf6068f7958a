"""Data sets by name, IDX files, synthetic sets; nothing here knows of engines."""

from twofold.data.catalog import CATALOG, load_dataset
from twofold.data.dataset import Dataset, Samples
from twofold.data.fingerprint import data_hash
from twofold.data.idx import read_idx, write_idx

__all__ = ["CATALOG", "Dataset", "Samples", "data_hash", "load_dataset", "read_idx", "write_idx"]
