"""The image sets of the MNIST family as arrays: found, or downloaded, checked against their published sums, read."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from twofold.data.idx import parse_idx, read_bytes, read_idx, replacing
from twofold.data.layout import (
    FILE_NAMES,
    IMAGE_SETS,
    ImageSet,
    cache_folder,
    checksum,
    complete,
    find_files,
    is_another,
    missing,
    places,
    resolve,
)
from twofold.errors import ChecksumError, DataError, DataNotFoundError, DownloadError

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    Array = np.ndarray[Any, np.dtype[Any]]

__all__ = [
    "IMAGE_SETS",
    "ImageArrays",
    "ImageSet",
    "Progress",
    "cache_folder",
    "find_files",
    "get_image_set",
    "read_idx_folder",
    "read_image_set",
]

# Called in a download with the file's name, the bytes done, and all bytes or None.
Progress = Callable[[str, int, int | None], None]

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
    with ThreadPoolExecutor(len(FILE_NAMES)) as pool:  # zlib and hashlib let go of the interpreter's lock
        for place, paths in complete(image_set, root):
            contents, sums = zip(*pool.map(_with_sum, paths), strict=True)
            if not is_another(image_set, place, sums):
                break
        else:
            raw = get_image_set(image_set, root, progress=progress)
            paths = [raw / name for name in FILE_NAMES]
            contents, sums = zip(*pool.map(_with_sum, paths), strict=True)
        for path, actual, published in zip(paths, sums, image_set.md5, strict=True):
            if actual not in (None, published):
                advice = f"delete it and run `twofold data get {image_set.name}`"
                raise ChecksumError(f"{path}: MD5 sum {actual} instead of {published}; {advice}")
        arrays = ImageArrays(*pool.map(parse_idx, contents, paths))
    _check_set(image_set, arrays, paths)
    return arrays


def _with_sum(path: Path) -> tuple[bytes, str | None]:
    content = read_bytes(path)
    return content, checksum(path, content)


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
    _check_fit(arrays, paths)


def _check_fit(arrays: ImageArrays, paths: Sequence[Path]) -> None:
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
    return content if checksum(path, content) == md5 else None


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
    _check_fit(arrays, paths)
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
