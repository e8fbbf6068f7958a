"""Real sets that need no network: the digits lie beside this file, diabetes comes with scikit-learn."""

from __future__ import annotations

import gzip
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.data.dataset import Dataset, Samples
from twofold.errors import MissingDependencyError
from twofold.randomness import Purpose, stream

Array = NDArray[Any]


def digits() -> Dataset:
    """Load 1797 handwritten digits of 8 x 8 pixels (Alpaydin and Kaynak 1998, doi:10.24432/C50P49).

    ``optdigits.csv.gz`` is the test part of UCI's "Optical Recognition of Handwritten Digits", unchanged: in each row
    64 pixels from 0 to 16 and the digit. Licence: Creative Commons Attribution 4.0.

    Returns
    -------
    Dataset
        1437 training and 360 test images (n, 8, 8), float32 from 0 to 1, classes 0 to 9.
    """
    from importlib.resources import files  # not at the top: it takes 4 ms, and a browser 50

    packed = files("twofold.data").joinpath("optdigits.csv.gz").read_bytes()
    rows = np.loadtxt(gzip.decompress(packed).decode().splitlines(), dtype=np.int64, delimiter=",")  # (1797, 65)
    images = (rows[:, :-1].reshape(-1, 8, 8) / 16).astype(np.float32)  # sixteenths: exact in float32
    classes = tuple(map(str, range(10)))
    return _shuffled_split("digits", images, rows[:, -1], 3, classes=classes, target="digit")


def diabetes() -> Dataset:
    """Load 442 patients' diabetes progression after a year (Efron et al. 2004, doi:10.1214/009053604000000067).

    Returns
    -------
    Dataset
        353 training and 89 test patients, X (n, 10) in the original units, y (n, 1), float64.

    Raises
    ------
    MissingDependencyError
        If scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_diabetes
    except ImportError as error:
        raise MissingDependencyError("diabetes comes with scikit-learn: pip install scikit-learn") from error
    raw = load_diabetes(scaled=False)
    names = tuple(str(name) for name in raw.feature_names)
    return _shuffled_split(
        "diabetes", raw.data, raw.target[:, None].astype(np.float64), 4, features=names, target="progression"
    )


def _shuffled_split(name: str, X: Array, y: Array, place: int, **meaning: Any) -> Dataset:
    """Shuffle by a fixed seed and keep a fifth for testing."""
    order = stream(0, Purpose.DATA, place).permutation(len(X))
    train, test = np.split(order, [len(X) * 4 // 5])
    return Dataset(name, Samples(X[train], y[train]), Samples(X[test], y[test]), **meaning)
