"""NIST's certified sets, and their exact solutions in rational arithmetic."""

import json
import math
import os
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

DATA = Path(os.environ.get("TWOFOLD_NIST_DIR", Path(__file__).parents[2] / "shared" / "data" / "nist-strd"))
NAMES = [
    "norris",
    "pontius",
    "noint1",
    "noint2",
    "filip",
    "longley",
    "wampler1",
    "wampler2",
    "wampler3",
    "wampler4",
    "wampler5",
]


class Exact(NamedTuple):
    coefficients: list[Fraction]
    variances: list[Fraction]  # of the coefficients, sigma^2 included
    rss: Fraction


@lru_cache
def load(name):
    return json.loads((DATA / f"{name}.json").read_text())


def table(name):
    """The matrix of doubles a user would hand over, without the column of ones, and y, and whether there is one."""
    data = load(name)
    x = np.array(data["x"], dtype=float)
    if data["model"]["kind"] == "polynomial":
        x = np.column_stack([x[:, 0] ** k for k in range(1, data["model"]["degree"] + 1)])
    return x, np.array(data["y"], dtype=float), data["model"]["intercept"]


def certified(name, key):
    return [Decimal(value) for value in load(name)["certified"][key]]


def solve_exactly(rows, y, weights=None):
    """Gauss-Jordan elimination of the normal equations over the rationals."""
    rows = [[Fraction(v) for v in row] for row in rows]
    y = [Fraction(v) for v in y]
    w = [Fraction(1)] * len(y) if weights is None else [Fraction(v) for v in weights]
    p, n = len(rows[0]), len(rows)
    columns = list(zip(*rows, strict=True))
    weighted = [[wi * v for wi, v in zip(w, c, strict=True)] for c in columns]

    def dot(a, b):
        return sum((u * v for u, v in zip(a, b, strict=True)), Fraction(0))

    M = [
        [dot(weighted[i], columns[j]) for j in range(p)]
        + [dot(weighted[i], y)]
        + [Fraction(int(i == j)) for j in range(p)]
        for i in range(p)
    ]
    for i in range(p):
        pivot = next(k for k in range(i, p) if M[k][i])
        M[i], M[pivot] = M[pivot], M[i]
        M[i] = [v / M[i][i] for v in M[i]]
        for k in range(p):
            if k != i and M[k][i]:
                M[k] = [a - M[k][i] * b for a, b in zip(M[k], M[i], strict=True)]
    beta = [M[i][p] for i in range(p)]
    residual = [b - dot(row, beta) for row, b in zip(rows, y, strict=True)]
    rss = sum((wi * r * r for wi, r in zip(w, residual, strict=True)), Fraction(0))
    sigma2 = rss / (n - p) if n > p else Fraction(0)
    return Exact(beta, [sigma2 * M[i][p + 1 + i] for i in range(p)], rss)


@lru_cache
def exact(name):
    X, y, intercept = table(name)
    rows = [[1.0, *row] if intercept else list(row) for row in X.tolist()]
    return solve_exactly(rows, y.tolist())


def root(value):
    """The square root of a fraction, to 40 digits."""
    scale = 10**80
    shift = 1
    if value and value < 1:
        shift = 10 ** (2 * len(str(int(1 / value))))
    return Fraction(math.isqrt(int(value * shift * scale)), math.isqrt(shift * scale))


def digits(computed, true):
    """-log10 of the relative error, at most 16; for a true 0, of the absolute error."""
    true = Fraction(true)
    error = abs(Fraction(float(computed)) - true)
    if error == 0:
        return 16.0
    relative = error / abs(true) if true else error
    return min(16.0, -(math.log10(relative.numerator) - math.log10(relative.denominator)))


def worst(computed, true):
    return min(digits(c, t) for c, t in zip(computed, true, strict=True))
