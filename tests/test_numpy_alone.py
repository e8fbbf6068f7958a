"""NumPy alone is enough for networks, data, training, trace and the model file, as in a browser or a small container.

The process of these tests sees the standard library, NumPy and twofold, and no other package.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import twofold


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """Run a script where NumPy and twofold are the only packages; returns what it printed."""
    packages = tmp_path_factory.mktemp("packages")
    site = Path(np.__file__).parents[1]
    for path in [Path(twofold.__file__).parent, *site.glob("numpy*")]:
        (packages / path.name).symlink_to(path)

    def run(script: str) -> str:
        begin = f"import sys; sys.path.append({str(packages)!r})\n"
        command = [sys.executable, "-I", "-S", "-W", "error", "-c", begin + script]
        done = subprocess.run(command, capture_output=True, text=True, cwd=packages, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_no_other_package_is_there(alone):
    script = """
from importlib.util import find_spec
import numpy, twofold
print([name for name in ("scipy", "sklearn", "pyarrow", "safetensors", "threadpoolctl", "rich", "torch") if find_spec(name)])
"""
    assert alone(script) == "[]\n"


@pytest.mark.parametrize("name", ["synthetic", "houses", "spirals", "toy-animals", "digits"])
def test_a_data_set_has_the_same_numbers(alone, name):
    script = f"from twofold.data import data_hash, load_dataset; print(data_hash(load_dataset({name!r}).train))"
    assert alone(script).strip() == twofold.data.data_hash(twofold.load_dataset(name).train)


TRAINING = """
from twofold import Network, Recipe, load_dataset, load_model, open_engine, save_model, train
from twofold.saving import Model
network = Network((64, 16, 10), activation={activation!r}, dropout=0.2)
engine = open_engine("scratch", network, dtype="float64")
recipe = Recipe(epochs=2, batch_size=64, learning_rate=0.01, optimizer="adam")
data = load_dataset("digits")
model = Model.of(engine, data, recipe=recipe, history=train(engine, data, recipe))
save_model({path!r}, model)
"""


@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu"])
def test_a_training_and_its_model_file_are_the_same(alone, tmp_path, activation):
    there, here = (str(tmp_path / f"{name}.safetensors") for name in ("there", "here"))
    alone(TRAINING.format(path=there, activation=activation))
    exec(TRAINING.format(path=here, activation=activation), {})  # noqa: S102 - the text above
    models = [twofold.load_model(path) for path in (there, here)]
    assert twofold.network.distance(*(model.parameters for model in models)) < 1e-12
    theirs, ours = ([(epoch.loss, epoch.test_accuracy) for epoch in model.history] for model in models)
    np.testing.assert_allclose(theirs, ours, rtol=1e-12)


def test_a_trace_a_gradient_check_and_the_exports_work(alone):
    script = """
import numpy as np
from twofold import Network, affine_map_at, check_gradients, collapse, find_rate, initialize, load_dataset, to_python, trace
from twofold import open_engine, register_activation, register_loss, train_best, train_with_checkpoints
network = Network((2, 8, 3))
data, parameters = load_dataset("spirals"), initialize(network, initialization="he")
paper = trace(network, parameters, data.train.X[:2], data.train.y[:2], classes=data.classes)
assert "W1" in str(paper) and "W" in paper._repr_markdown_()
assert check_gradients(network, data.train.X[:5], data.train.y[:5]).passed
assert affine_map_at(network, parameters, data.train.X[0]).margin > 0
assert "def predict" in to_python(open_engine("scratch", network, parameters=parameters))
assert collapse(Network((2, 3, 3), "identity"), initialize(Network((2, 3, 3), "identity")))[0].widths == (2, 3)
"""
    alone(script)


def test_the_lab_and_the_exercises_work(alone):
    script = """
import json
from twofold.exercises import *
from twofold.lab import Session
session = Session()
for message in ({"do": "choices"}, {"do": "advance", "epochs": 1, "views": ["plane", "activity", "predictions"]},
                {"do": "explain", "entry": "W1[0,0]"}, {"do": "python"}, {"do": "model"}):
    assert "error" not in json.loads(session.answer(json.dumps(message)))
"""
    alone(script)


def test_what_needs_another_library_says_so(alone):
    script = """
from twofold import Network, load_dataset, open_engine
from twofold.errors import MissingDependencyError
for call in (lambda: load_dataset("diabetes"), lambda: open_engine("concise", Network((2, 1), loss="squared"))):
    try:
        call()
    except MissingDependencyError as error:
        print(error)
"""
    assert alone(script).splitlines() == [
        "diabetes comes with scikit-learn: pip install scikit-learn",
        "the concise engine needs PyTorch, which is not installed: pip install 'twofold[torch]'",
    ]


def test_the_digits_are_those_of_scikit_learn():
    from sklearn.datasets import load_digits

    from twofold.data.embedded import digits

    theirs, ours = load_digits(), digits()
    images = np.concatenate([ours.train.X, ours.test.X])
    labels = np.concatenate([ours.train.y, ours.test.y])
    order = twofold.randomness.stream(0, twofold.randomness.Purpose.DATA, 3).permutation(1797)
    np.testing.assert_array_equal(images * 16, theirs.images[order])
    np.testing.assert_array_equal(labels, theirs.target[order])
