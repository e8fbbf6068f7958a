"""The image sets of the MNIST family as arrays: found, or downloaded, checked against their published sums, read."""

from __future__ import annotations

import gzip
import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from twofold.data.idx import read_idx
from twofold.data.idx_folder import Array, ImageArrays, check_fit
from twofold.data.layout import (
    FILE_NAMES,
    IMAGE_SETS,
    ImageSet,
    cache_folder,
    complete,
    find_files,
    has_sum,
    is_another,
    missing,
    places,
    resolve,
)
from twofold.errors import ChecksumError, DataError, DataNotFoundError, DownloadError, FileFormatError
from twofold.files import read_bytes, replacing

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "IMAGE_SETS",
    "ImageArrays",
    "ImageSet",
    "Progress",
    "cache_folder",
    "find_files",
    "get_image_set",
    "read_image_set",
]

# Called in a download with the file's name, the bytes done, and all bytes or None.
Progress = Callable[[str, int, int | None], None]


def read_image_set(
    image_set: ImageSet | str, root: str | os.PathLike[str] | None = None, *, progress: Progress | None = None
) -> ImageArrays:
    """Read an image set by name, downloading it if it isn't here.

    Parameters
    ----------
    image_set : ImageSet or str
        The set, or its name: ``"fashion-mnist"``, ``"mnist"``, ``"kmnist"``.
    root : path, optional
        The only folder to search and to download to; otherwise ``$TWOFOLD_DATA``, if set, and then `cache_folder`
        are searched, and the cache is downloaded to.
    progress : callable, optional
        Called as ``progress(file_name, done_bytes, total_bytes_or_None)`` while downloading.

    Returns
    -------
    ImageArrays
        ``train_images`` (n, 28, 28) uint8, ``train_labels`` (n,) uint8, and the same for test.

    Raises
    ------
    UnknownNameError
        No set has that name.
    DataNotFoundError
        There is no folder ``root``.
    ChecksumError
        A gzip file is not the published one.
    FileFormatError, DataError
        A file is damaged, or the four don't fit together.
    DownloadError
        The set is not here, and no address delivered it.

    Examples
    --------
    >>> data = read_image_set("fashion-mnist")  # doctest: +SKIP
    >>> data.train_images.shape  # doctest: +SKIP
    (60000, 28, 28)
    """
    image_set = resolve(image_set)
    if root is not None and not Path(root).expanduser().is_dir():
        advice = f"`twofold data get {image_set.name} --root {os.fspath(root)}` makes it"
        raise DataNotFoundError(f"{os.fspath(root)}: no such folder; {advice}")
    with ThreadPoolExecutor(len(FILE_NAMES)) as pool:  # zlib and hashlib let go of the interpreter's lock
        for place, paths in complete(image_set, root):
            files = list(pool.map(_read, paths))
            if not is_another(image_set, place, [file.md5 for file in files]):
                break
            files.clear()  # before the next ones are in memory
        else:
            raw = get_image_set(image_set, root, progress=progress)
            paths = [raw / name for name in FILE_NAMES]
            files = list(pool.map(_read, paths))
    for path, file, published in zip(paths, files, image_set.md5, strict=True):
        if file.md5 not in (None, published):
            advice = f"delete it and run `twofold data get {image_set.name}`"
            raise ChecksumError(f"{path}: MD5 sum {file.md5} instead of {published}; {advice}")
    arrays = ImageArrays(*(file.array() for file in files))
    _check_set(image_set, arrays, paths)
    return arrays


class _File(NamedTuple):
    """What a file holds, or why it holds nothing: a wrong sum says more, so it is told first."""

    content: Array | FileFormatError
    md5: str | None

    def array(self) -> Array:
        if isinstance(self.content, FileFormatError):
            raise self.content
        return self.content


def _read(path: Path) -> _File:
    total = hashlib.md5(usedforsecurity=False)
    try:
        content: Array | FileFormatError = read_idx(path, update=total.update if has_sum(path) else None)
    except FileFormatError as error:
        content = error
    return _File(content, total.hexdigest() if has_sum(path) else None)


def _check_set(image_set: ImageSet, arrays: ImageArrays, paths: Sequence[Path]) -> None:
    for dimensions, array, path in zip((3, 1, 3, 1), arrays, paths, strict=True):
        if array.ndim != dimensions or array.dtype != np.uint8:
            wanted = (
                "images must be uint8 of shape (n, height, width)"
                if dimensions == 3
                else "labels must be uint8 of shape (n,)"
            )
            raise DataError(
                f"{path}: {wanted}, not {array.dtype} of shape {array.shape}; check that the file is the set's own"
            )
        if dimensions == 1 and array.size and array.max() >= len(image_set.classes):
            row, highest = int(array.argmax()), len(image_set.classes) - 1
            raise DataError(
                f"{path}: label {array[row]} in row {row}, but {image_set.name} has labels from 0 to {highest}; "
                "check that the file is the set's own"
            )
    check_fit(arrays, paths)
    shapes = arrays.train_images.shape, arrays.test_images.shape
    if image_set.shapes not in (None, shapes):
        raise DataError(
            f"{paths[0].parent}: images of shapes {shapes[0]} and {shapes[1]}, but {image_set.name} has "
            f"{image_set.shapes[0]} and {image_set.shapes[1]}; check that the files are the set's own"
        )


def get_image_set(
    image_set: ImageSet | str, root: str | os.PathLike[str] | None = None, *, progress: Progress | None = None
) -> Path:
    """Make sure that a set lies in a folder as torchvision has it, gzip files and extracted files.

    What is there and right is left alone, what is wrong is replaced; what another searched folder holds is copied;
    the rest is downloaded.

    Parameters
    ----------
    image_set : ImageSet or str
        The set, or its name.
    root : path, optional
        The base folder, `cache_folder` if None; the files go into ``ROOT/FOLDER/raw``. torchvision then reads them
        with ``FashionMNIST(root, download=False)``.
    progress : callable, optional
        Called as ``progress(file_name, done_bytes, total_bytes_or_None)`` while downloading.

    Returns
    -------
    Path
        ``ROOT/FOLDER/raw``.

    Raises
    ------
    UnknownNameError
        No set has that name.
    ChecksumError, DownloadError
        No address delivered the set, or the folder can't be written.

    Examples
    --------
    >>> get_image_set("fashion-mnist", "data")  # doctest: +SKIP
    PosixPath('data/FashionMNIST/raw')
    """
    image_set = resolve(image_set)
    raw = Path(cache_folder() if root is None else root).expanduser() / image_set.folder / "raw"
    folders = [raw, *(place.folder for base in (root, None) for place in places(image_set, base))]
    for name, md5 in zip(FILE_NAMES, image_set.md5, strict=True):
        target = raw / name
        content = next((found for folder in folders if (found := _right(folder / name, md5)) is not None), None)
        if content is None:
            content = _fetch(image_set, target, md5, root=root, progress=progress)
        _ensure(target, content)
        _ensure(raw / name.removesuffix(".gz"), gzip.decompress(content))
    return raw


def _right(path: Path, md5: str) -> bytes | None:
    """Return a file's bytes if they have that sum, None if they don't or can't be read."""
    try:
        content = read_bytes(path)
    except DataError:
        return None
    return content if hashlib.md5(content, usedforsecurity=False).hexdigest() == md5 else None


def _fetch(
    image_set: ImageSet, target: Path, md5: str, *, root: str | os.PathLike[str] | None, progress: Progress | None
) -> bytes:
    from twofold.data.download import download  # not at the top: reading needs no urllib, ssl and email

    def report(done: int, total: int | None) -> None:
        if progress is not None:
            progress(target.name, done, total)

    try:
        download([address + target.name for address in image_set.addresses], target, md5=md5, progress=report)
    except DownloadError as error:
        part = missing(image_set, root)
        if part is None:
            raise
        folder, names = part
        raise DownloadError(f"{error}; {folder} holds a part of the set, but not {', '.join(names)}") from error
    return read_bytes(target)


def _ensure(path: Path, content: bytes) -> None:
    try:
        if path.is_file() and path.read_bytes() == content:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            file.write(content)
    except OSError as error:
        advice = "free some space, or choose a folder you may write to"
        raise DownloadError(f"{path}: cannot be written: {error.strerror}; {advice}") from error
