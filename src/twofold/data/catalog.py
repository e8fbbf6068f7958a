"""The catalogue: data sets by name."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from twofold.data import embedded, synthetic
from twofold.data.dataset import Dataset, Samples
from twofold.data.idx_folder import ImageArrays, read_idx_folder
from twofold.data.image_sets import IMAGE_SETS, Progress, read_image_set
from twofold.errors import DataError, DataNotFoundError, match_name

MAX_CLASSES = 1 << 16  # a wild label in a file should not become a list of billions of names


@dataclass(frozen=True)
class Entry:
    """A data set of the catalogue.

    Attributes
    ----------
    summary : str
        What it is, in a line.
    make : callable, optional
        Makes it, or reads it from an installed library; None for the image sets, which are files.
    """

    summary: str
    make: Callable[[], Dataset] | None = None


CATALOG: dict[str, Entry] = {
    "synthetic": Entry("1200 x 2, y = 2 x1 - 3.4 x2 + 4.2 + noise", synthetic.synthetic),
    "houses": Entry("1200 houses: price from area and age, generated", synthetic.houses),
    "spirals": Entry("450 points of the plane in three arms that wind", synthetic.spirals),
    "toy-animals": Entry("180 images of 2 x 2 pixels: dog, cat, chicken", synthetic.toy_animals),
    "digits": Entry("1797 handwritten digits, 8 x 8", embedded.digits),
    "diabetes": Entry("442 patients, 10 measurements, from scikit-learn", embedded.diabetes),
    "fashion-mnist": Entry("70000 images of clothing, 28 x 28, 10 classes; 31 MB"),
    "mnist": Entry("70000 handwritten digits, 28 x 28, 10 classes; 12 MB"),
    "kmnist": Entry("70000 cursive Japanese characters, 28 x 28, 10 classes; 21 MB"),
}


def load_dataset(
    name: str | os.PathLike[str], root: str | os.PathLike[str] | None = None, *, progress: Progress | None = None
) -> Dataset:
    """Load a data set by its name, or a folder of IDX files by its path.

    Parameters
    ----------
    name : str or path
        A name of `CATALOG`, in any case and with or without its hyphens; or a folder with train-images, train-labels,
        t10k-images (or test-images) and t10k-labels in IDX format, gzip or not.
    root : path, optional
        Where the image sets lie, in torchvision's layout or flat. Otherwise the variable ``TWOFOLD_DATA`` and the
        user's cache are searched, and what is not found is downloaded to the cache, once.
    progress : callable, optional
        Called in a download with the file's name, the bytes done and all bytes (or None).

    Returns
    -------
    Dataset
        Images as bytes (n, height, width).

    Raises
    ------
    UnknownNameError
        If there is no such name.
    DataNotFoundError
        If a folder is not there.
    FileFormatError
        If a file is damaged; the message names it.
    DownloadError
        If a download fails from every address.

    Examples
    --------
    >>> data = load_dataset("synthetic")
    >>> data.train.X.shape, data.train.y.shape
    ((1000, 2), (1000, 1))
    """
    text = os.fspath(name)
    path = Path(text)
    if path.is_dir() and text not in CATALOG:
        arrays = read_idx_folder(path)
        return _of_images(path.resolve().name, arrays, _class_names(path, arrays))
    if text not in CATALOG and (path.name != text or path.exists()):
        raise DataNotFoundError(f"{text}: no folder of IDX files there; `twofold data list` shows the sets by name")
    text = match_name("data set", text, CATALOG)
    entry = CATALOG[text]
    if entry.make is not None:
        return entry.make()
    image_set = IMAGE_SETS[text]
    return _of_images(text, read_image_set(image_set, root, progress=progress), image_set.classes)


def _class_names(path: Path, arrays: ImageArrays) -> tuple[str, ...]:
    """Name the classes of a folder's labels by their numbers, from 0 to the largest."""
    labels = np.concatenate([arrays.train_labels, arrays.test_labels]).astype(np.int64)
    if labels.min() < 0 or labels.max() >= MAX_CLASSES:
        raise DataError(
            f"{path}: labels from {labels.min()} to {labels.max()}; expected classes numbered from 0, "
            f"fewer than {MAX_CLASSES}"
        )
    return tuple(map(str, range(labels.max() + 1)))


def _of_images(name: str, arrays: ImageArrays, classes: tuple[str, ...]) -> Dataset:
    """Bring a family of four IDX files into one data set."""
    return Dataset(
        name,
        Samples(arrays.train_images, arrays.train_labels),
        Samples(arrays.test_images, arrays.test_labels),
        classes=classes,
        target="class",
    )
