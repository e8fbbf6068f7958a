"""Least squares of every size beside scikit-learn's, in one run: CPU time of `fit`, and of standard errors after it.

    python benchmarks/small_least_squares.py [--quick] [--rounds 5] [--save]

From 10 x 2 to 1e6 x 20 doubles, of columns that are independent, and with one that another gives but for 1e-9, so that
the cheap way is closed. Both contestants fit the same table in turn, round after round; the table shows the least time
of each, and their ratio. `summary()` is the first one, which computes the standard errors.
"""

from __future__ import annotations

import argparse
import math
import time
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from figures import Figures, Report
from sklearn import linear_model

from twofold.estimators import LinearRegression

SIZES = (
    (10, 2),
    (60, 5),
    (300, 5),
    (100, 50),
    (1000, 10),
    (3000, 20),
    (5000, 20),
    (1000, 100),
    (1500, 110),
    (2000, 300),
    (20, 60),
    (100, 1000),
    (100_000, 20),
    (1_000_000, 20),
)
QUICK = 100_000  # numbers


def make(n: int, d: int, *, collinear: bool) -> tuple[Any, Any]:
    """Make a table and targets."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, d))
    if collinear:
        X[:, 1] = X[:, 0] + 1e-9 * X[:, 1]
    return X, X @ rng.standard_normal(d) + rng.standard_normal(n)


def seconds(task: Callable[[], Any]) -> float:
    """Return the CPU time that a task takes."""
    start = time.process_time()
    task()
    return time.process_time() - start


def least(X: Any, y: Any, rounds: int) -> tuple[float, float, float]:
    """Return the least times of scikit-learn's fit, ours, and our first summary; infinite where there is none."""
    best = [math.inf] * 3
    for _ in range(rounds):
        theirs, model = linear_model.LinearRegression(), LinearRegression()
        times = [seconds(partial(estimator.fit, X, y)) for estimator in (theirs, model)]
        times.append(seconds(model.summary) if model.solution_.spread is not None else math.inf)
        best = [min(pair) for pair in zip(best, times, strict=True)]
    return best[0], best[1], best[2]


def main() -> None:
    """Run all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="leave out the large ones")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--save", action="store_true", help="keep the figures for the documents")
    options = parser.parse_args()
    warnings.simplefilter("ignore", UserWarning)
    rows = []
    for n, d in SIZES:
        if options.quick and n * d > QUICK:
            continue
        for collinear in (False, True):
            theirs, ours, summary = least(*make(n, d, collinear=collinear), options.rounds)
            name = f"{n} x {d}{', collinear' if collinear else ''}"
            told = f"{1e3 * summary:.2f}" if summary < math.inf else "-"
            rows.append([name, f"{1e3 * theirs:.2f}", f"{1e3 * ours:.2f}", f"{ours / theirs:.1f}", told])
    report = Report("small_least_squares", save=options.save)
    report.add(Figures("CPU ms of a fit", ["size", "scikit-learn", "twofold", "ratio", "summary()"], rows))
    report.close()


if __name__ == "__main__":
    main()
