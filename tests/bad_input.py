"""Awkward numbers handed to everything that fits, and what becomes of each; ``python tests/bad_input.py`` writes the page.

`tests/test_bad_input.py` holds the page, ``docs/bad-input.md``, against what happens: either it works, or it is refused
in one line by one of twofold's errors (or, at a scikit-learn face, by scikit-learn's own check).
"""

from __future__ import annotations

import os
import tempfile
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from twofold import Dataset, LinearRegression, MLPClassifier, MLPRegressor, Network, Recipe, Samples, open_engine, train
from twofold.errors import DivergedError, TwofoldError
from twofold.tables.reading import read_table

PAGE = Path(__file__).parents[1] / "docs" / "bad-input.md"
RNG = np.random.default_rng(5)
X = RNG.standard_normal((60, 3))
LABELS = np.arange(60) % 3
NUMBERS = X @ np.array([1.0, -2.0, 0.5]) + 0.1 * RNG.standard_normal(60)


def with_number(number: float) -> np.ndarray:
    changed = X.copy()
    changed[4, 1] = number
    return changed


def read_only(array: np.ndarray) -> np.ndarray:
    array = array.copy()
    array.flags.writeable = False
    return array


def frame(names: list[str]) -> Any:
    import pandas as pd

    return pd.DataFrame(X, columns=names)


def constant_column() -> np.ndarray:
    changed = X.copy()
    changed[:, 2] = 7.0
    return changed


MANY = "100,000 features"

# Each input: features, and what is done to the targets and weights.
FEATURES: dict[str, Callable[[], Any]] = {
    "NaN in a feature": lambda: with_number(np.nan),
    "infinity in a feature": lambda: with_number(np.inf),
    "minus infinity in a feature": lambda: with_number(-np.inf),
    "1e308 in a feature": lambda: with_number(1e308),
    "features all subnormal (1e-310)": lambda: X * 1e-310,
    "one subnormal number": lambda: with_number(5e-324),
    "a constant column": constant_column,
    "all columns constant": lambda: np.ones((60, 3)),
    "two equal columns": lambda: X[:, [0, 1, 1]],
    "one feature": lambda: X[:, :1],
    "no feature": lambda: X[:, :0],
    MANY: lambda: np.tile(X, 33334)[:, :100_000] * np.linspace(0.5, 1, 100_000) / 300,
    "duplicate column names": lambda: frame(["a", "b", "b"]),
    "column names that are no text": lambda: frame([1, 2, 3]),
    "every second row of an array": lambda: np.repeat(X, 2, axis=0)[::2],
    "columns in reverse (negative strides)": lambda: X[:, ::-1],
    "Fortran order": lambda: np.asfortranarray(X),
    "a read-only array": lambda: read_only(X),
    "the other byte order": lambda: X.astype(X.dtype.newbyteorder("S")),
    "float16": lambda: X.astype("float16"),
    "whole numbers (int64)": lambda: (X * 100).astype(int),
    "booleans": lambda: X > 0,
    "lists": X.tolist,
    "objects that are numbers": lambda: X.astype(object),
    "text": lambda: X.astype(str).astype(object) + "a",
    "complex numbers": lambda: X + 1j,
    "one dimension": lambda: X[:, 0],
}
ROWS: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
    "no samples": (lambda: X[:0], lambda y: y[:0]),
    "one sample": (lambda: X[:1], lambda y: y[:1]),
    "two samples": (lambda: X[:2], lambda y: y[:2]),
    "one class, or one number, for all": (lambda: X, lambda y: y * 0),
    "NaN in a target": (lambda: X, lambda y: np.where(np.arange(60) == 4, np.nan, y)),
    "infinity in a target": (lambda: X, lambda y: np.where(np.arange(60) == 4, np.inf, y)),
    "1e308 in a target": (lambda: X, lambda y: np.where(np.arange(60) == 4, 1e308, y)),
    "one target too few": (lambda: X, lambda y: y[:-1]),
    "targets that are text": (lambda: X, lambda y: np.array([f"kind {v:.0f}" for v in y])),
    "a read-only target": (lambda: X, read_only),
    "targets of the other byte order": (lambda: X, lambda y: y.astype(y.dtype.newbyteorder("S"))),
}
WEIGHTS: dict[str, np.ndarray] = {
    "a negative weight": np.where(np.arange(60) == 4, -1.0, 1.0),
    "NaN as a weight": np.where(np.arange(60) == 4, np.nan, 1.0),
    "all weights 0": np.zeros(60),
    "one weight too few": np.ones(59),
    "a weight of 1e300": np.where(np.arange(60) == 4, 1e300, 1.0),
}
TABLES: dict[str, bytes] = {
    "an empty file": b"",
    "a header and no rows": b"x,y\n",
    "duplicate column names": b"x,x,y\n1,2,3\n",
    "a row with a cell too many": b"x,y\n1,2\n3,4,5\n",
    "a row with a cell too few": b"x,y\n1,2\n3\n",
    "no header line": b"1,2\n3,4\n",
    "bytes that are not UTF-8": b"x,y\n\xff,2\n",
    "zero bytes": b"x,y\n1,\x002\n",
    "missing cells": b"x,y\n1,\n,2\n",
    "1e999 in a cell": b"x,y\n1,1e999\n2,3\n",
    "decimal commas between semicolons": b"x;y\n1,5;2\n3;4\n",
}


def train_softmax(features: Any, targets: Any, weight: Any) -> Any:
    data = Dataset("awkward", Samples(features, targets, weight), classes=("a", "b", "c"))
    engine = open_engine("scratch", Network((data.inputs or 1, 3)))
    list(train(engine, data, Recipe(epochs=2, batch_size=16)))
    return engine.outputs(features)


def fit(make: Callable[[], Any]) -> Callable[[Any, Any, Any], Any]:
    return lambda features, targets, weight: make().fit(features, targets, sample_weight=weight).predict(features)


FACES: dict[str, tuple[Callable[[Any, Any, Any], Any], np.ndarray]] = {
    "`train` (softmax regression, float32)": (train_softmax, LABELS),
    "`LinearRegression`": (fit(LinearRegression), NUMBERS),
    "`MLPClassifier`": (fit(lambda: MLPClassifier((4,), max_iter=3, engine="scratch", random_state=0)), LABELS),
    "`MLPRegressor`": (
        fit(lambda: MLPRegressor(hidden_layer_sizes=(4,), max_iter=3, engine="scratch", random_state=0)),
        NUMBERS,
    ),
}


def outcome(call: Callable[[], Any]) -> str:
    """Run something and tell what came of it; anything but success and a refusal is raised."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            result = call()
        except DivergedError:
            return "refused: training diverged, with what to try"
        except TwofoldError as error:
            assert "\n" not in str(error)  # noqa: PT017 - every refusal is one line
            # What pyarrow says of a line is its own affair, and another version's may be other words.
            return f"refused: {str(error).split(': CSV parse error')[0]}"
        except (TypeError, ValueError) as error:
            if f"{os.sep}sklearn{os.sep}" not in traceback.extract_tb(error.__traceback__)[-1].filename:
                raise
            return "refused, in scikit-learn's words"
    if isinstance(result, np.ndarray) and result.dtype.kind == "f":
        assert np.isfinite(result).all(), "numbers that are not finite came out"
    told = {
        " ".join(str(warning.message).split()) for warning in warned if "Convergence" not in warning.category.__name__
    }
    warnings_ = "; ".join(sorted(told))
    return f"works, and warns: {warnings_[:120]}{'...' * (len(warnings_) > 120)}" if told else "works"


def read(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "awkward.csv"
        path.write_bytes(content)
        try:
            read_table(path)
        except TwofoldError as error:
            raise type(error)(str(error).replace(str(path), "FILE")) from error


def cases() -> dict[str, dict[str, Callable[[], Any]]]:
    """Every case there is, by face and name."""
    found: dict[str, dict[str, Callable[[], Any]]] = {}
    for face, (run, y) in FACES.items():
        found[face] = {
            **{
                name: lambda run=run, y=y, make=make: run(make(), y, None)
                for name, make in FEATURES.items()
                if not (name == MANY and "Linear" in face)
            },
            **{
                name: lambda run=run, y=y, make=make, change=change: run(make(), change(y), None)
                for name, (make, change) in ROWS.items()
            },
            **{name: lambda run=run, y=y, weight=weight: run(X, y, weight) for name, weight in WEIGHTS.items()},
        }
    # With more columns than samples least squares takes some milliseconds for each, to say on which others it depends.
    found["`LinearRegression`"]["300 features, five times the samples"] = lambda: (
        LinearRegression().fit(np.random.default_rng(6).standard_normal((60, 300)), NUMBERS).coef_
    )
    found["`train` (softmax regression, float32)"]["a label that no output has"] = lambda: train_softmax(
        X, LABELS + 1, None
    )
    found["`MLPClassifier`"]["a label never seen, in `score`"] = lambda: (
        MLPClassifier((4,), max_iter=3, engine="scratch", random_state=0).fit(X, LABELS).score(X, LABELS + 1)
    )
    found["CSV files"] = {name: lambda content=content: read(content) for name, content in TABLES.items()}
    return found


def page() -> str:
    """Write the page."""
    lines = [
        "# Awkward input, and what becomes of it",
        "",
        "Written by `python tests/bad_input.py`; a test holds every line of it against what happens.",
    ]
    for face, calls in cases().items():
        lines += ["", f"## {face}", "", "| input | outcome |", "|---|---|"]
        lines += [f"| {name} | {outcome(call).replace('|', chr(92) + '|')} |" for name, call in calls.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
