"""The estimators beside scikit-learn's, with the same settings, in one run: fit time, and what defaults give.

    TWOFOLD_DATA=... python benchmarks/estimators.py [--quick] [--only fashion,houses,softmax,defaults] [--rounds 3]
                                                   [--save]

- fashion: MLPClassifier, 784-256-10 on Fashion-MNIST, batch size 256; houses: MLPRegressor with scikit-learn's default
  layer on California housing (``tables/california_housing.csv`` in the data folder), batch size 256. Both fit a given
  number of epochs. The whole of `fit` is timed, checks and copies included; PyTorch, if it is needed, is imported
  before.
- softmax: SoftmaxRegression and LogisticRegression on Fashion-MNIST, both to the same largest entry of the gradient,
  which is measured afterwards, in float64, by one function.
- defaults: both MLPs as they come, StandardScaler in front, on five tables of scikit-learn's; mean test score of five
  splits. Regression targets are standardised too.

Contestants take turns, round after round, and a run sleeps between two turns; a ratio is the median of the ratios
within a round.
"""

from __future__ import annotations

import argparse
import csv
import os
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from figures import Figures, Report
from sklearn import datasets, linear_model, neural_network
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from twofold import MLPClassifier, MLPRegressor, SoftmaxRegression, load_dataset
from twofold.engines.threads import limited_threads
from twofold.solvers.softmax import SoftmaxProblem

TABLES = ("iris", "wine", "breast_cancer", "digits", "diabetes")
Results = dict[str, dict[str, Any]]


def fashion() -> tuple[Any, Any, Any, Any]:
    """Return Fashion-MNIST as a user of scikit-learn has it: float64 from 0 to 1, and the test set."""
    data = load_dataset("fashion-mnist")
    parts = [(part.X.reshape(len(part), -1) / 255.0, part.y.astype(np.int64)) for part in (data.train, data.test)]
    return (*parts[0], *parts[1])


def houses() -> tuple[Any, Any]:
    """Return California housing's eight numbers a block, standardised, and the standardised price."""
    path = Path(os.environ["TWOFOLD_DATA"]) / "tables" / "california_housing.csv"
    with path.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    numbers = [name for name in rows[0] if name not in ("ocean_proximity", "median_house_value")]
    whole = [row for row in rows if all(row[name] for name in numbers)]
    X = np.array([[float(row[name]) for name in numbers] for row in whole])
    return scale(X), scale(np.array([float(row["median_house_value"]) for row in whole]))


def take_turns(contestants: dict[str, Callable[[], Any]], rounds: int) -> tuple[dict[str, list[float]], dict[str, Any]]:
    """Seconds of each contestant in each round, and what each gave last."""
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    results = {}
    for _ in range(rounds):
        for name, run in contestants.items():
            time.sleep(0.1)
            started = time.perf_counter()
            results[name] = run()
            seconds[name].append(time.perf_counter() - started)
    return seconds, results


def figures(seconds: dict[str, list[float]], results: dict[str, Any], told: Callable[[Any], dict[str, Any]]) -> Results:
    """Median seconds, how many times faster than scikit-learn, and what else there is to tell."""
    peers = seconds["scikit-learn"]
    return {
        name: {
            "seconds": statistics.median(own),
            "times_faster": statistics.median(b / a for a, b in zip(own, peers, strict=True)),
            **told(results[name]),
        }
        for name, own in seconds.items()
    }


def fit_times(which: str, *, quick: bool, rounds: int) -> Results:
    """Fit both MLPs for a number of epochs."""
    if which == "fashion":
        X, y, *test = fashion()
        kinds: tuple[Any, Any] = (neural_network.MLPClassifier, MLPClassifier)
        options: dict[str, Any] = {"hidden_layer_sizes": (256,), "max_iter": 3 if quick else 20}
    else:
        X, y = houses()
        X, y, test = X[::2], y[::2], [X[1::2], y[1::2]]
        kinds = (neural_network.MLPRegressor, MLPRegressor)
        options = {"max_iter": 10 if quick else 100}
    options |= {"batch_size": 256, "random_state": 0, "n_iter_no_change": 10**6}
    kinds[1](**options | {"max_iter": 1}).fit(X[:512], y[:512])  # imports are no part of a fit
    seconds, models = take_turns(
        {
            "scikit-learn": lambda: kinds[0](**options).fit(X, y),
            "twofold": lambda: kinds[1](**options).fit(X, y),
        },
        rounds,
    )
    return figures(seconds, models, lambda model: {"test_score": model.score(*test)})


def softmax_times(*, quick: bool, rounds: int) -> Results:
    """Solve softmax regression to the same gradient."""
    X, y, *test = fashion()
    if quick:
        X, y = X[::6], y[::6]
    tol = 1e-3 if quick else 1e-4
    options = {"tol": tol, "max_iter": 10_000}
    problem = SoftmaxProblem(X, y, classes=10, shares=None, penalty=1 / len(y), fit_intercept=True)

    def told(model: Any) -> dict[str, Any]:
        value, gradient = problem.value_and_gradient(np.c_[model.coef_, model.intercept_])
        return {
            "iterations": int(np.ravel(model.n_iter_)[0]),
            "gradient": float(np.abs(gradient).max()),
            "objective": value,
            "test_score": model.score(*test),
        }

    seconds, models = take_turns(
        {
            "scikit-learn": lambda: linear_model.LogisticRegression(**options).fit(X, y),
            "twofold": lambda: SoftmaxRegression(**options).fit(X, y),
        },
        rounds,
    )
    return figures(seconds, models, told)


def defaults(*, quick: bool, rounds: int) -> Results:  # noqa: ARG001
    """Score both MLPs as they come."""
    results: Results = {}
    for name in TABLES[:3] if quick else TABLES:
        X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
        numbers = name == "diabetes"
        splits = (ShuffleSplit if numbers else StratifiedShuffleSplit)(5, test_size=0.25, random_state=0)
        results[name] = {}
        for who, home in (("scikit-learn", neural_network), ("twofold", None)):
            kinds = (MLPClassifier, MLPRegressor) if home is None else (home.MLPClassifier, home.MLPRegressor)
            model = make_pipeline(StandardScaler(), kinds[numbers](random_state=0))
            if numbers:
                model = TransformedTargetRegressor(model, transformer=StandardScaler())
            results[name][who] = float(np.mean(cross_val_score(model, X, y, cv=splits, error_score="raise")))
    return results


TITLES = {
    "fashion": "MLPClassifier, Fashion-MNIST",
    "houses": "MLPRegressor, California housing",
    "softmax": "softmax regression, Fashion-MNIST",
    "defaults": "scores of the MLPs as they come",
}


def as_figures(which: str, rows: Results) -> Figures:
    """Write results as a table."""
    names = list(next(iter(rows.values())))
    columns = ["table" if which == "defaults" else "who", *(name.replace("_", " ") for name in names)]
    cells = [
        [who, *(f"{row[name]:.1e}" if name == "gradient" else f"{row[name]:.4g}" for name in names)]
        for who, row in rows.items()
    ]
    return Figures(TITLES[which], columns, cells)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="fashion,houses,softmax,defaults")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--save", action="store_true", help="keep the figures for the documents")
    words = parser.parse_args()
    runs: dict[str, Callable[..., Results]] = {
        "fashion": lambda **how: fit_times("fashion", **how),
        "houses": lambda **how: fit_times("houses", **how),
        "softmax": softmax_times,
        "defaults": defaults,
    }
    report = Report("estimators", save=words.save)
    with warnings.catch_warnings(), limited_threads(words.threads):
        warnings.simplefilter("ignore", ConvergenceWarning)  # a number of epochs is what is timed
        for name in words.only.split(","):
            report.add(as_figures(name, runs[name](quick=words.quick, rounds=1 if words.quick else words.rounds)))
    report.close()


if __name__ == "__main__":
    main()
