"""Which image sets there are, and where their files lie on this machine.

A set is four gzip files, and every set of the family gives them the same names; so the folder, and the published MD5
sum of each file, tell the sets apart. Folders are laid out as torchvision has them, and both libraries share files.

References
----------
MD5 sums and the first address of each set: torchvision, ``torchvision/datasets/mnist.py`` (commit 01977a18).
Those of Fashion-MNIST also: Xiao, Rasul, Vollgraf, README of github.com/zalandoresearch/fashion-mnist, "Get the Data".
MNIST: LeCun, Cortes, Burges, 1998. Fashion-MNIST: Xiao, Rasul, Vollgraf, arXiv:1708.07747, 2017.
KMNIST: Clanuwat, Bober-Irizar, Kitamoto, Lamb, Yamamoto, Ha, arXiv:1812.01718, 2018.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from twofold.data.slices import Slices
from twofold.errors import DataNotFoundError, match_name
from twofold.files import reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FILE_NAMES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)


@dataclasses.dataclass(frozen=True)
class ImageSet:
    """An image set of the MNIST family: 28 x 28 grey pixels, ten classes.

    Parameters
    ----------
    name : str
        What the command line calls it, and its own folder's name.
    folder : str
        torchvision's name for its folder; the files lie in ``folder/raw``.
    classes : tuple of str
        The classes' names, in the order of their labels.
    addresses : tuple of str
        Where to download from, in order of preference; a file's name is appended.
    md5 : tuple of str
        The published MD5 sums, in the order of `FILE_NAMES`.
    shapes : pair of shapes, optional
        Of the training and the test images; None where any will do.
    """

    name: str
    folder: str
    classes: tuple[str, ...]
    addresses: tuple[str, ...]
    md5: tuple[str, str, str, str]
    shapes: tuple[tuple[int, int, int], tuple[int, int, int]] | None = ((60000, 28, 28), (10000, 28, 28))


# fmt: off
FASHION = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)
# fmt: on

IMAGE_SETS = {
    image_set.name: image_set
    for image_set in (
        ImageSet(
            name="fashion-mnist",
            folder="FashionMNIST",
            classes=FASHION,
            addresses=(
                "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
                "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
            ),
            md5=(
                "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
                "25c81989df183df01b3e8a0aad5dffbe",
                "bef4ecab320f06d8554ea6380940ec79",
                "bb300cfdad3c16e7a12a480ee83cd310",
            ),
        ),
        ImageSet(
            name="mnist",
            folder="MNIST",
            classes=tuple("0123456789"),
            addresses=(
                "https://ossci-datasets.s3.amazonaws.com/mnist/",
                "https://storage.googleapis.com/cvdf-datasets/mnist/",
            ),
            md5=(
                "f68b3c2dcbeaaa9fbdd348bbdeb94873",
                "d53e105ee54ea40749a09fcbcd1e9432",
                "9fb629c4189551a2d022fa330f9573f3",
                "ec29112dd5afa0611ce80d1b7f02629c",
            ),
        ),
        ImageSet(
            name="kmnist",
            folder="KMNIST",
            classes=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
            addresses=(
                "http://codh.rois.ac.jp/kmnist/dataset/kmnist/",
                "https://codh.rois.ac.jp/kmnist/dataset/kmnist/",
            ),
            md5=(
                "bdb82020997e1d708af4cf47b453dcf7",
                "e144d726b3acfaa3e44228e80efcd344",
                "5c965bf0a639b31b8f53240b1b52f4d7",
                "7320c461ea6c1c855c0b718fb2a4b134",
            ),
        ),
    )
}


class Place(NamedTuple):
    """A folder that may hold a set, and whether its name says which set."""

    folder: Path
    own: bool


def resolve(image_set: ImageSet | str) -> ImageSet:
    """Return the set of that name, or the set itself.

    Raises
    ------
    UnknownNameError
        No set has that name.

    Examples
    --------
    >>> resolve("kmnist").classes[:3]
    ('o', 'ki', 'su')
    """
    if isinstance(image_set, ImageSet):
        return image_set
    return IMAGE_SETS[match_name("image set", image_set, IMAGE_SETS)]


def cache_folder() -> Path:
    """Return where downloads go: ``$XDG_CACHE_HOME/twofold``, or ``~/.cache/twofold``.

    References
    ----------
    XDG Base Directory Specification 0.8: a relative XDG_CACHE_HOME is to be ignored.
    """
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (given if given.is_absolute() else Path.home() / ".cache") / "twofold"


def places(image_set: ImageSet, root: str | os.PathLike[str] | None = None) -> Iterator[Place]:
    """List the folders that are searched for a set, first choice first, whether they exist or not.

    Parameters
    ----------
    image_set : ImageSet
        The set.
    root : path, optional
        The only base folder; otherwise ``$TWOFOLD_DATA``, if set, and the cache.

    Yields
    ------
    Place
        In each base folder: itself, ``NAME``, ``FOLDER/raw`` and ``raw``.
    """
    data = os.environ.get("TWOFOLD_DATA")
    if root is None and data and not Path(data).expanduser().is_dir():
        raise DataNotFoundError(f"TWOFOLD_DATA is {data}, and there is no such folder; set it right, or unset it")
    searched = [Path(data), cache_folder()] if data else [cache_folder()]
    for base in searched if root is None else [Path(root)]:
        home = base.expanduser()
        yield Place(home, own=False)
        yield Place(home / image_set.name, own=True)
        yield Place(home / image_set.folder / "raw", own=True)
        yield Place(home / "raw", own=False)


def complete(image_set: ImageSet, root: str | os.PathLike[str] | None = None) -> Iterator[tuple[Place, list[Path]]]:
    """List the places that hold all four files of a set, or of another set of the same family.

    Parameters
    ----------
    image_set, root
        As `places`.

    Yields
    ------
    place : Place
        Where.
    paths : list of Path
        The files in the order of `FILE_NAMES`; ``X.gz`` wins over ``X``, since it alone has a published sum.
    """
    for place in places(image_set, root):
        paths = [path for name in FILE_NAMES if (path := _present(place.folder, name)) is not None]
        if len(paths) == len(FILE_NAMES):
            yield place, paths


def missing(image_set: ImageSet, root: str | os.PathLike[str] | None = None) -> tuple[Path, list[str]] | None:
    """Return the first place that holds some of a set's files but not all, and the names of the others, or None.

    Parameters
    ----------
    image_set, root
        As `places`.
    """
    for place in places(image_set, root):
        names = [name for name in FILE_NAMES if _present(place.folder, name) is None]
        if 0 < len(names) < len(FILE_NAMES):
            return place.folder, names
    return None


def _present(folder: Path, name: str) -> Path | None:
    # os.path's isfile takes a folder that may not be searched for one without the file; Path's would raise.
    return next((path for path in (folder / each for each in _spellings(name)) if os.path.isfile(path)), None)


def _spellings(name: str) -> Iterator[str]:
    """List what a file may be called, ``.gz`` first: as published, or ``train-images.idx3-ubyte`` as on Kaggle."""
    dotted = name.replace("-idx", ".idx")
    yield from (name, dotted)
    yield from (each.removesuffix(".gz") for each in (name, dotted))


def find_files(image_set: ImageSet | str, root: str | os.PathLike[str] | None = None) -> list[Path] | None:
    """Find the four files of a set on this machine.

    Parameters
    ----------
    image_set : ImageSet or str
        The set, or its name.
    root : path, optional
        The only base folder to search; otherwise ``$TWOFOLD_DATA``, if set, and then the cache.

    Returns
    -------
    list of Path, or None
        In the order of `FILE_NAMES`, all from one folder. Whether their sums are right is not looked at, except
        that another registered set is not taken for this one.

    Raises
    ------
    UnknownNameError
        No set has that name.
    DataNotFoundError
        ``$TWOFOLD_DATA`` names no folder.
    DataError
        A file may not be read.
    """
    image_set = resolve(image_set)
    for place, paths in complete(image_set, root):
        if not is_another(image_set, place, [checksum(path) for path in paths]):
            return paths
    return None


def has_sum(path: Path) -> bool:
    """Whether a sum is published of such a file: of a ``.gz`` file, not of an extracted one."""
    return path.suffix == ".gz"


def checksum(path: Path) -> str | None:
    """Return the MD5 sum of a ``.gz`` file; None for an extracted file."""
    if not has_sum(path):
        return None
    total = hashlib.md5(usedforsecurity=False)
    with reading(path) as (file, size):
        Slices(file, size, total.update).finish()
    return total.hexdigest()


def is_another(image_set: ImageSet, place: Place, sums: Sequence[str | None]) -> bool:
    """Tell whether four files belong to another registered set.

    Parameters
    ----------
    image_set : ImageSet
        The set that was asked for.
    place : Place
        Where the files lie. Under the set's own name they are nobody else's.
    sums : sequence of str or None
        The files' MD5 sums as `checksum` gives them, in the order of `FILE_NAMES`.
    """
    if place.own:
        return False
    others = [other for other in IMAGE_SETS.values() if other.name != image_set.name]
    if None in sums:  # without sums, a folder such as MNIST/raw can only be taken at its name
        folder = place.folder.resolve()
        base = folder.parent if folder.name == "raw" else folder
        if any(base.name in (other.name, other.folder) for other in others):
            return True
    return any(
        actual == theirs != ours
        for other in others
        for actual, theirs, ours in zip(sums, other.md5, image_set.md5, strict=True)
    )
