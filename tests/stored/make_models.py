"""Write the stored model files of this version: ``python tests/stored/make_models.py``.

They are kept for ever: a file that is there is never written again, and a new schema gets files of its own.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from twofold import (
    Dataset,
    LinearRegression,
    MLPClassifier,
    MLPRegressor,
    Model,
    Network,
    Recipe,
    Samples,
    SoftmaxRegression,
    __version__,
    load_dataset,
    load_model,
    open_engine,
    save_model,
    train,
)

FOLDER = Path(__file__).parent


def classifier() -> Model:
    """Three classes of four features in float64, with everything that can be known of a model."""
    rng = np.random.default_rng(0)
    y = np.arange(30) % 3
    samples = Samples(rng.standard_normal((30, 4)) + y[:, None], y)
    data = Dataset("three clouds", samples, samples, ("ant", "bee", "größe"), ("a", "b", "c", "d"), "animal")
    recipe = Recipe(epochs=3, batch_size=8, optimizer="adam", learning_rate=0.01, clip_norm=1.0)
    engine = open_engine("scratch", Network((4, 5, 3), "gelu", dropout=0.1), initialization="he", dtype="float64")
    more = {"encoder": {"columns": [{"name": "a", "mean": 0.1}]}, "arrays": {"curve": np.arange(3)}}
    return Model.of(engine, data, recipe=recipe, history=train(engine, data, recipe), **more)


def regression() -> Model:
    """Prices of houses in float32, standardised."""
    raw = load_dataset("houses")
    data, recipe = raw.standardized(), Recipe(epochs=2, batch_size=100)
    engine = open_engine("scratch", Network((2, 1), loss="squared"), dtype="float32")
    return Model.of(engine, data, raw=raw, recipe=recipe, history=train(engine, data, recipe))


def normalized() -> Model:
    """Two hidden layers with batch normalisation, each with an activation of its own, in float64."""
    rng = np.random.default_rng(0)
    data = Dataset("noise", Samples(rng.standard_normal((30, 4)), rng.standard_normal((30, 2))))
    network = Network((4, 5, 3, 2), ("relu", "tanh"), "huber", normalization="batch")
    recipe = Recipe(epochs=3, batch_size=8, ema_decay=0.9)
    engine = open_engine("scratch", network, initialization="he", dtype="float64")
    return Model.of(engine, data, recipe=recipe, history=train(engine, data, recipe))


def estimators() -> dict[str, Any]:
    """One fitted estimator of each class, those by minibatches with what `partial_fit` goes on with."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40, 3))
    y = X @ [1.0, -2.0, 0.5]
    classes = np.array(["ant", "bee", "größe"])[np.digitize(y, [-1, 1])]
    small = {"hidden_layer_sizes": (4,), "random_state": 0}
    return {
        "LinearRegression": LinearRegression().partial_fit(X, np.c_[y, y + 1]),
        "SoftmaxRegression": SoftmaxRegression().fit(X, classes),
        "MLPClassifier": MLPClassifier(**small).partial_fit(X, classes, classes=np.unique(classes)),
        "MLPRegressor": MLPRegressor(**small, solver="sgd").partial_fit(X.astype("float32"), y),
    }


MODELS = {"normalized": normalized, "classifier": classifier, "regression": regression}


def main() -> None:
    """Write what is not there yet, with the outputs that it must give for ever."""
    for name, make in MODELS.items():
        path = FOLDER / f"{name}-{__version__}.safetensors"
        if path.exists():
            continue
        write(path, make())
    for name, estimator in estimators().items():
        path = FOLDER / f"{name}-{__version__}.safetensors"
        if not path.exists():
            write(path, estimator)


def write(path: Path, thing: Any) -> None:
    """Write a model or an estimator, and what comes out of it beside it."""
    save_model(path, thing)
    model = load_model(path)
    X = np.random.default_rng(1).standard_normal((3, model.network.inputs)) * 10
    known = {"X": X.tolist(), "outputs": model.outputs(X).tolist()}
    if model.estimator is not None:
        known["predictions"] = thing.predict(X.astype(model.dtype)).tolist()
    path.with_suffix(".json").write_text(json.dumps(known))


if __name__ == "__main__":
    main()
