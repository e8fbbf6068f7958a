"""What each default for tables is worth, and how the whole stands beside boosted trees.

    TWOFOLD_DATA=FOLDER python benchmarks/table_defaults.py [--splits 3] [--tables heart,bank] [--variants default,...]

FOLDER holds ``tables/`` with the files named below. Each split holds a fifth of the rows out, of each class alike,
drawn by ``twofold.tables.splitting.split_rows`` with the seeds 0, 1, ...; every model sees the same rows. Printed are
accuracy or R2, and log loss or MAE, each the mean over the splits, with CPU seconds. LightGBM, CatBoost and RealMLP
(pytabkit) are taken if they are installed; all peers at their defaults, with categories as categories. The linear model
is scikit-learn's linear regression, or its logistic regression with as many iterations as it takes, of standardised
numbers and of categories as indicators.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from twofold.baselines.fit_table import fit_table
from twofold.table_defaults import table_defaults
from twofold.tables import Choices, learn_table
from twofold.tables.forms import Forms, infer_forms
from twofold.tables.gaps import with_gaps
from twofold.tables.problem import feature_columns
from twofold.tables.reading import read_table, without_empty_rows
from twofold.tables.row_numbers import row_numbers
from twofold.tables.splitting import split_rows
from twofold.tables.targets import infer_target

TABLES: dict[str, dict[str, Any]] = {
    "heart": {"file": "heart.csv", "target": "target"},
    "forestfires": {"file": "forestfires.csv", "target": "area"},
    "student": {"file": "student.csv", "target": "G3", "task": "regression"},
    "german": {"file": "german_credit.csv", "target": "default"},
    "airfoil": {"file": "airfoil_self_noise.dat", "target": "column6", "header": False},
    "abalone": {"file": "abalone.csv", "target": "column9", "header": False, "task": "regression"},
    "bank": {"file": "bank.csv", "target": "y"},
    "wine": {"file": "wine_white.csv", "target": "quality", "task": "classification"},
    "phoneme": {"file": "phoneme.csv", "target": "column6", "header": False},
    "taxis": {"file": "taxis.csv", "target": "tip", "drop": ["total"]},
    "air": {"file": "air_quality.csv", "target": "CO(GT)", "gaps": ("-200",)},
    "mushrooms": {"file": "mushrooms.csv", "target": "type"},
    "bike": {"file": "bike_sharing.csv", "target": "cnt", "task": "regression", "drop": ["casual", "registered"]},
    "california": {"file": "california_housing.csv", "target": "median_house_value"},
    "adult": {"file": "adult.csv", "target": "column15", "header": False},
}
OLD = {"hidden": "256,256", "learning_rate": 0.001, "beta2": 0.999, "dropout": 0.2}
VARIANTS: dict[str, Callable[[Choices], dict[str, Any]]] = {
    "default": lambda _: {},
    "30 categories": lambda own: {"choices": replace(own, max_categories=30)},
    "no sines and cosines": lambda own: {"choices": replace(own, frequencies=0)},
    "no pieces": lambda own: {"choices": replace(own, pieces=0)},
    "two layers": lambda _: {"hidden": "128,128"},
    "no mean of weights": lambda _: {"ema_decay": 0.0},
    "target as is": lambda _: {"bend_target": False},
    "two members": lambda _: {"members": 2},
    "three members": lambda _: {"members": 3},
    "ten members": lambda _: {"members": 10},
    "256, rate 0.001": lambda _: OLD,
}


class Task:
    """A table with its target read, ready to be split."""

    def __init__(self, name: str) -> None:
        spec = dict(TABLES[name])
        self.target_name, drop = spec["target"], spec.get("drop", [])
        gaps = spec.get("gaps", ())
        path = Path(os.environ["TWOFOLD_DATA"]) / "tables" / spec["file"]
        spelled = None if spec.get("task") == "regression" else self.target_name
        table = read_table(path, header=spec.get("header"), spelled=spelled, say=lambda _: None)
        table = with_gaps(without_empty_rows(table, lambda _: None), gaps)
        features = feature_columns(table, self.target_name, drop=drop)
        self.forms = infer_forms(table.select([self.target_name, *features]), Forms(gaps=gaps))
        column = table.column(self.target_name)
        self.target = infer_target(self.target_name, column, spec.get("task"))
        y, present = self.target.read(column)
        self.table = table.select([self.target_name, *features]).take(np.flatnonzero(present))
        self.numbered = row_numbers(table.select(features), set(self.forms.dates))
        self.y = y if y.ndim == 1 else y[:, 0]
        self.gaps = gaps

    def frames(self, train: Any, test: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return numbers with gaps, categories, and dates as their parts: what boosted trees take."""
        columns = [name for name in self.table.column_names if name != self.target_name]
        features = self.table.select(columns)
        plan = learn_table(
            features.take(train), Choices(max_categories=250, scale=False), numbered=self.numbered, forms=self.forms
        )
        found: dict[str, Any] = {}
        for own in plan.plans:
            column = features.column(own.name)
            if own.kind == "category":
                codes = own.codes(column)[0].astype(int)  # others, and what is missing, lie beyond the values
                found[own.name] = pd.Categorical.from_codes(np.where(codes < len(own.values), codes, -1), own.values)
                continue
            X = own.features(own.codes(column)[0])
            missing = X[:, -1] == 1 if own.gaps else np.zeros(len(X), bool)
            for name, values in zip(own.feature_names(), X.T, strict=True):
                found[name] = np.where(missing, np.nan, values)
        frame = pd.DataFrame(found)
        frame.columns = [f"f{place}" for place in range(frame.shape[1])]
        return frame.iloc[train], frame.iloc[test]


def ours(task: Task, train: Any, test: Any, variant: str) -> Any:
    """Fit to the training rows alone and predict the others."""
    usual = table_defaults("mlp", len(train), task.target.task)
    words = VARIANTS[variant](usual.choices)
    if task.target.classes:
        words["task"] = "classification"
    fit = fit_table(
        task.table.take(train),
        task.target_name,
        gaps=task.gaps,
        test_fraction=0,
        **({"task": task.target.task} | words),
    )
    rows = task.table.take(test)
    return _aligned(fit.predict_proba(rows), fit.model.classes, task) if task.target.classes else fit.predict(rows)


def _aligned(P: Any, classes: tuple[str, ...], task: Task) -> Any:
    full = np.zeros((len(P), len(task.target.classes)))
    full[:, [task.target.classes.index(name) for name in classes]] = P
    return full


def peer(task: Task, train: Any, test: Any, name: str) -> Any:
    """Fit boosted trees, or another model, at its defaults."""
    A, B = task.frames(train, test)
    classes = bool(task.target.classes)
    if name == "histogram boosting":
        kind = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
        model = kind(categorical_features="from_dtype", random_state=0)
    elif name == "LightGBM":
        import lightgbm

        model = (lightgbm.LGBMClassifier if classes else lightgbm.LGBMRegressor)(verbose=-1, n_jobs=1)
    elif name == "RealMLP":
        from pytabkit import RealMLP_TD_Classifier, RealMLP_TD_Regressor

        kind = RealMLP_TD_Classifier if classes else RealMLP_TD_Regressor
        model = kind(device="cpu", random_state=0, n_threads=1, verbosity=0)
        A, B = _without_gaps(A, B)
    elif name == "linear model":
        A, B = _without_gaps(A, B)
        categories = [column for column in A if isinstance(A[column].dtype, pd.CategoricalDtype)]
        model = make_pipeline(
            make_column_transformer(
                (OneHotEncoder(handle_unknown="ignore"), categories), remainder=StandardScaler(), sparse_threshold=0
            ),
            LogisticRegression(max_iter=10_000) if classes else LinearRegression(),
        )
    else:
        import catboost

        categories = [column for column in A if isinstance(A[column].dtype, pd.CategoricalDtype)]
        A, B = (
            frame.assign(**{c: frame[c].astype(object).fillna("missing").astype(str) for c in categories})
            for frame in (A, B)
        )
        kind = catboost.CatBoostClassifier if classes else catboost.CatBoostRegressor
        model = kind(verbose=0, thread_count=1, allow_writing_files=False, cat_features=categories)
    model.fit(A, task.y[train])
    if not classes:
        return model.predict(B)
    full = np.zeros((len(B), len(task.target.classes)))
    full[:, np.asarray(model.classes_, int)] = model.predict_proba(B)
    return full


def _without_gaps(train: pd.DataFrame, test: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Fill missing numbers by the training rows' median, and flag them."""
    gaps = [name for name in train if train[name].dtype == float and train[name].isna().any()]
    medians = train[gaps].median()
    filled = [
        frame.fillna(medians).assign(**{f"{c}gap": frame[c].isna() * 1.0 for c in gaps}) for frame in (train, test)
    ]
    return filled[0], filled[1].fillna(train.median(numeric_only=True))


def score(task: Task, test: Any, predicted: Any) -> tuple[float, float]:
    """Return accuracy and log loss, or R2 and MAE."""
    y = task.y[test]
    if task.target.classes:
        P = np.clip(predicted, 1e-15, 1)
        P /= P.sum(axis=1, keepdims=True)
        return float((P.argmax(axis=1) == y).mean()), float(-np.log(P[np.arange(len(y)), y]).mean())
    return float(1 - ((y - predicted) ** 2).sum() / ((y - y.mean()) ** 2).sum()), float(np.abs(y - predicted).mean())


def main() -> None:
    """Run what is asked for and print a line each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--splits", type=int, default=3)
    parser.add_argument("--tables", default=",".join(TABLES))
    parser.add_argument("--variants", default=",".join(VARIANTS))
    parser.add_argument("--peers", help="only these, such as CatBoost,RealMLP")
    parser.add_argument("--no-peers", action="store_true")
    asked = parser.parse_args()
    warnings.filterwarnings("ignore")
    peers = [
        "linear model",
        "histogram boosting",
        *(n for n, m in (("LightGBM", "lightgbm"), ("CatBoost", "catboost"), ("RealMLP", "pytabkit")) if find_spec(m)),
    ]
    peers = asked.peers.split(",") if asked.peers else peers
    models = [(name, ours) for name in asked.variants.split(",") if name]
    models += [] if asked.no_peers else [(name, peer) for name in peers]
    for name in asked.tables.split(","):
        task = Task(name)
        targets = task.y if task.target.classes else task.y[:, None]
        for model, fit in models:
            found, started = [], time.process_time()
            for seed in range(asked.splits):
                train, test = split_rows(targets, 0.2, seed=seed)
                found.append(score(task, test, fit(task, train, test, model)))
            a, b = np.mean(found, axis=0)
            seconds = (time.process_time() - started) / asked.splits
            print(f"{name:12} {model:20} {a:9.4f} {b:11.4f} {seconds:8.1f} s", flush=True)


if __name__ == "__main__":
    main()
