"""Write the stored model files of this version: ``python tests/stored/make_models.py``.

They are kept for ever: a file that is there is never written again, and a new schema gets files of its own.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from twofold import Dataset, Model, Network, Recipe, Samples, __version__, load_dataset, open_engine, save_model, train

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
    recipe = Recipe(epochs=3, batch_size=8, averaging=0.9)
    engine = open_engine("scratch", network, initialization="he", dtype="float64")
    return Model.of(engine, data, recipe=recipe, history=train(engine, data, recipe))


MODELS = {"normalized": normalized, "classifier": classifier, "regression": regression}


def main() -> None:
    """Write what is not there yet, with the outputs that it must give for ever."""
    for name, make in MODELS.items():
        path = FOLDER / f"{name}-{__version__}.safetensors"
        if path.exists():
            continue
        model = make()
        X = np.random.default_rng(1).standard_normal((3, model.network.inputs)) * 10
        save_model(path, model)
        path.with_suffix(".json").write_text(json.dumps({"X": X.tolist(), "outputs": model.outputs(X).tolist()}))


if __name__ == "__main__":
    main()
