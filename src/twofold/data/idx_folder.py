"""Four IDX files that belong together: images and labels, to train and to test on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from numpy.typing import NDArray

from twofold.data.idx import read_idx
from twofold.errors import DataError, DataNotFoundError

Array = NDArray[Any]

# File names as people have them, without what follows: the originals, and those of copies that say "test".
STARTS = (("train-images",), ("train-labels",), ("t10k-images", "test-images"), ("t10k-labels", "test-labels"))


class ImageArrays(NamedTuple):
    """An image set in memory.

    Parameters
    ----------
    train_images : ndarray, shape (n, height, width)
        Grey values; uint8 from 0 (background) to 255 for the sets known by name.
    train_labels : ndarray of int, shape (n,)
        The classes.
    test_images : ndarray, shape (m, height, width)
    test_labels : ndarray of int, shape (m,)
    """

    train_images: Array
    train_labels: Array
    test_images: Array
    test_labels: Array


def read_idx_folder(path: str | os.PathLike[str]) -> ImageArrays:
    """Read any folder with four IDX files, gzip or not, of train and test images and labels.

    Parameters
    ----------
    path : path
        The folder. The files' names start with ``train-images``, ``train-labels``, and ``t10k-images``,
        ``t10k-labels`` or ``test-images``, ``test-labels``. Where ``X`` and ``X.gz`` are both there, ``X.gz`` is read.

    Returns
    -------
    ImageArrays
        Images of any IDX type, (n, height, width) or more generally at least two dimensions; labels of any integer
        type, (n,).

    Raises
    ------
    DataNotFoundError
        There is no such folder, or a file is missing.
    DataError
        Two files could be meant; or the four don't fit together.
    FileFormatError
        A file is damaged.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from twofold.data.idx import write_idx
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for part in ("train", "test"):
    ...         write_idx(f"{folder}/{part}-images.gz", np.zeros((5, 2, 2), dtype=np.float32))
    ...         write_idx(f"{folder}/{part}-labels.gz", np.arange(5, dtype=np.int16))
    ...     read_idx_folder(folder).train_images.shape
    (5, 2, 2)
    """
    paths = _four_files(Path(path))
    with ThreadPoolExecutor(len(paths)) as pool:
        arrays = ImageArrays(*pool.map(read_idx, paths))
    for part in (0, 2):
        if arrays[part].ndim < 2:
            shape = arrays[part].shape
            raise DataError(f"{paths[part]}: images need at least 2 dimensions, not shape {shape}; check the file")
        labels = arrays[part + 1]
        if labels.ndim != 1 or labels.dtype.kind not in "iu":
            raise DataError(
                f"{paths[part + 1]}: labels must be integers of shape (n,), "
                f"not {labels.dtype} of shape {labels.shape}; check the file"
            )
    check_fit(arrays, paths)
    return arrays


def _four_files(folder: Path) -> list[Path]:
    try:
        files = sorted(entry for entry in folder.iterdir() if entry.is_file())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataNotFoundError(f"{folder}: no such folder; check the path") from error
    except OSError as error:
        raise DataError(f"{folder}: cannot be read: {error.strerror}; give a folder that you may read") from error
    # X and X.gz are one file to torchvision, which leaves both.
    files = [file for file in files if file.with_name(file.name + ".gz") not in files]
    found = [[file for file in files if file.name.startswith(starts)] for starts in STARTS]
    absent = [
        " or ".join(f"{start}*" for start in starts) for starts, match in zip(STARTS, found, strict=True) if not match
    ]
    if absent:
        raise DataNotFoundError(f"{folder}: no file named {', '.join(absent)}; put it there, or give another folder")
    for match in found:
        if len(match) > 1:
            names = ", ".join(file.name for file in match)
            raise DataError(f"{folder}: only one of these can be meant: {names}; move the others away")
    return [match[0] for match in found]


def check_fit(arrays: ImageArrays, paths: Sequence[Path]) -> None:
    """Raise `DataError` unless images and labels are as many, at least one, and all images of one size."""
    for part in (0, 2):
        images, labels = arrays[part], arrays[part + 1]
        if len(images) != len(labels):
            raise DataError(
                f"{paths[part + 1]}: {len(labels)} labels for the {len(images)} images of {paths[part].name}; "
                "take both files from one source"
            )
        if len(images) == 0:
            raise DataError(f"{paths[part]}: there are no images in it; check the file")
    train, test = arrays.train_images.shape[1:], arrays.test_images.shape[1:]
    if train != test:
        raise DataError(
            f"{paths[2]}: images of shape {test}, but those of {paths[0].name} have {train}; "
            "take both files from one source"
        )
