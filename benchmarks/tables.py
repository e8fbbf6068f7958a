"""How good a first try on a table is: one command with its defaults, mean of five splits, against scikit-learn's MLP.

TWOFOLD_DATA=... python benchmarks/tables.py [--splits 5] [--only iris,california]

The peer is `StandardScaler` and `MLPClassifier` or `MLPRegressor` with its own defaults, on the very same rows; it
can't take the text and gaps of California housing. The score is accuracy, or R2 where numbers are predicted, on rows
that neither has seen.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import csv
from sklearn import datasets
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from twofold.cli import main as twofold
from twofold.tables.splitting import split_rows

TABLES = ("iris", "wine", "breast_cancer", "digits", "diabetes")
CALIFORNIA = "tables/california_housing.csv"
AIRFOIL = "tables/airfoil_self_noise.dat"


def command(path: Path, target: str, seed: int, *more: str) -> float:
    """Return the test score that ``twofold train mlp`` prints for a table."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        code = twofold(["train", "mlp", str(path), "--target", target, "--seed", str(seed), "--json", *more])
    if code:
        raise SystemExit(code)
    test = json.loads(printed.getvalue())["test"]
    return float(test["R2" if "R2" in test else "accuracy"]["value"])


def peer(X: Any, y: Any, seed: int) -> float:
    """Return the score of scikit-learn's MLP on the rows that the command with this seed scores."""
    classes = y.ndim == 1
    train, test = split_rows(y, 0.2, seed=seed)
    model = make_pipeline(StandardScaler(), (MLPClassifier if classes else MLPRegressor)(random_state=seed))
    flat = y if classes else y[:, 0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its default of 200 epochs is too few for some of these tables
        return float(model.fit(X[train], flat[train]).score(X[test], flat[test]))


def compare(name: str, path: Path, X: Any, y: Any, *, target: str, splits: int, more: tuple[str, ...] = ()) -> None:
    """Score both on the same splits and print their means."""
    ours = np.array([command(path, target, seed, *more) for seed in range(splits)])
    theirs = np.array([peer(X, y, seed) for seed in range(splits)])
    print(f"{name:16s} {ours.mean():8.4f} {theirs.mean():8.4f} {(ours - theirs).mean():+8.4f}", flush=True)


def embedded(name: str, folder: Path, splits: int) -> None:
    """Compare on a table that comes with scikit-learn."""
    raw = getattr(datasets, f"load_{name}")(**({"scaled": False} if name == "diabetes" else {}))
    columns = {str(column): raw.data[:, k] for k, column in enumerate(raw.feature_names)}
    classes = name != "diabetes"
    target = [str(raw.target_names[k]) for k in raw.target] if classes else raw.target
    path = folder / f"{name}.csv"
    csv.write_csv(pa.table({**columns, "target": target}), path)
    y = np.unique(target, return_inverse=True)[1] if classes else raw.target[:, None]
    compare(name, path, raw.data, y, target="target", splits=splits)


def main() -> None:
    """Print a line for each table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--only", default=",".join([*TABLES, "airfoil", "california"]))
    words = parser.parse_args()
    wanted = words.only.split(",")
    print(f"mean of {words.splits} splits\n{'':16s} {'twofold':>8s} {'peer':>8s} {'apart':>8s}")
    with tempfile.TemporaryDirectory() as folder:
        for name in TABLES:
            if name in wanted:
                embedded(name, Path(folder), words.splits)
    data = Path(os.environ.get("TWOFOLD_DATA", ""))
    if "airfoil" in wanted and (data / AIRFOIL).is_file():
        table = np.loadtxt(data / AIRFOIL)
        X, y = table[:, :5], table[:, 5:]
        compare("airfoil", data / AIRFOIL, X, y, target="column6", splits=words.splits, more=("--no-header",))
    if "california" in wanted and (data / CALIFORNIA).is_file():
        scores = [command(data / CALIFORNIA, "median_house_value", seed) for seed in range(words.splits)]
        print(f"{'california':16s} {np.mean(scores):8.4f}{'':9s} splits {' '.join(f'{s:.4f}' for s in scores)}")


if __name__ == "__main__":
    main()
