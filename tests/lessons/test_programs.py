"""The lessons' programs: short, on their own, and step for step what the engines do."""

from __future__ import annotations

import ast
import io
from contextlib import redirect_stdout
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from twofold import Dataset, Network, open_engine
from twofold.network import Parameters

PROGRAMS = Path(__file__).parents[2] / "docs" / "lessons" / "programs"
SCRATCH = ("linear_regression_scratch", "softmax_regression_scratch", "mlp_scratch")
CONCISE = ("linear_regression_concise", "softmax_regression_concise", "mlp_concise")

pytestmark = pytest.mark.skipif(not PROGRAMS.is_dir(), reason="the source tree is out of reach")


def source(name: str) -> str:
    return (PROGRAMS / f"{name}.py").read_text()


def run(name: str, **given: Any) -> dict[str, Any]:
    """Run a program as a notebook's cell, with the data that a cell before it loads."""
    names = dict(given)
    with redirect_stdout(io.StringIO()):
        exec(compile(source(name), name, "exec"), names)  # noqa: S102 - our own program
    return names


def arrays(data: Dataset, dtype: str = "float64") -> dict[str, Any]:
    """The variables that lesson 3.5 makes of a set of images."""
    largest = data.train.X.max()
    X_train, X_test = (
        (s.X.reshape(len(s), -1) / largest).astype(dtype) for s in (data.train, data.test) if s is not None
    )
    return {"X_train": X_train, "y_train": data.train.y, "X_test": X_test, "y_test": data.test.y}


def distance(parameters: Parameters, *theirs: Any) -> float:
    ours = [array for layer in parameters for array in layer]
    return max(float(np.abs(a - np.asarray(b).reshape(a.shape)).max()) for a, b in zip(ours, theirs, strict=True))


def steps(engine: Any, batches: Any, rate: float) -> Parameters:
    for rows in batches:
        engine.step(np.asarray(rows), rate)
    return engine.parameters()


@pytest.mark.parametrize("name", SCRATCH + CONCISE)
def test_a_program_fits_on_a_screen(name):
    lines = source(name).splitlines()
    assert sum(bool(line.strip()) for line in lines) <= 35
    assert max(map(len, lines)) <= 92


@pytest.mark.parametrize("name", SCRATCH + CONCISE)
def test_a_program_imports_nothing_of_twofold(name):
    imported = {
        alias.name.split(".")[0] if isinstance(node, ast.Import) else node.module.split(".")[0]
        for node in ast.walk(ast.parse(source(name)))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert imported == ({"numpy"} if name in SCRATCH else {"torch"})


def test_linear_regression_takes_the_steps_of_the_scratch_engine():
    found = run("linear_regression_scratch")
    rng = np.random.default_rng(0)
    rng.normal(0, 1, (1000, 2)), rng.normal(0, 0.01, 1000)
    start = [(rng.normal(0, 0.01, 2)[:, None], np.zeros(1))]
    engine = open_engine("scratch", Network((2, 1), loss="squared"), parameters=start, dtype="float64")
    engine.load(found["X"], found["y"][:, None])
    batches = [rows for _ in range(3) for rows in np.split(rng.permutation(1000), 100)]
    assert distance(steps(engine, batches, 0.03), found["w"], found["b"]) < 1e-12


@pytest.mark.parametrize("set_", ["digits", "animals"])
@pytest.mark.parametrize(
    ("name", "hidden", "rate"), [("softmax_regression_scratch", (), 0.1), ("mlp_scratch", (256,), 0.5)]
)
def test_a_classifier_takes_the_steps_of_the_scratch_engine(name, hidden, rate, set_, animals):
    from twofold import load_dataset

    given = arrays(animals if set_ == "animals" else load_dataset("digits"))
    found = run(name, **given)
    X, y = given["X_train"], given["y_train"]
    rng, widths = np.random.default_rng(0), (X.shape[1], *hidden, y.max() + 1)
    start = [(rng.normal(0, 0.01, (a, b)), np.zeros(b)) for a, b in pairwise(widths)]
    engine = open_engine("scratch", Network(tuple(map(int, widths))), parameters=start, dtype="float64")
    engine.load(X, y)
    batches = [rows for _ in range(5) for rows in np.array_split(rng.permutation(len(X)), -(-len(X) // 256))]
    theirs = found["theta"] if hidden else (found["W"], found["b"])
    assert distance(steps(engine, batches, rate), *theirs) < 1e-12


@pytest.fixture
def in_64_bits():
    torch = pytest.importorskip("torch")
    torch.set_default_dtype(torch.float64)
    yield torch
    torch.set_default_dtype(torch.float32)


@pytest.mark.torch
def test_linear_regression_in_pytorch_takes_the_steps_of_the_concise_engine(in_64_bits):
    torch = in_64_bits
    from torch.utils.data import DataLoader, TensorDataset

    found = run("linear_regression_concise")
    torch.manual_seed(0)
    torch.randn(1000, 2), torch.randn(1000, 1)
    net = torch.nn.Linear(2, 1)
    torch.nn.init.normal_(net.weight, std=0.01)
    start = [(net.weight.detach().numpy().T, np.zeros(1))]
    engine = open_engine("concise", Network((2, 1), loss="squared"), parameters=start, dtype="float64")
    engine.load(found["X"].numpy(), found["y"].numpy())
    order = DataLoader(TensorDataset(torch.arange(1000)), batch_size=10, shuffle=True)
    batches = [rows.numpy() for _ in range(3) for (rows,) in order]
    theirs = [found["net"].weight.detach().T, found["net"].bias.detach()]
    assert distance(steps(engine, batches, 0.03), *theirs) < 1e-12


@pytest.mark.torch
@pytest.mark.parametrize(
    ("name", "hidden", "rate"), [("softmax_regression_concise", (), 0.1), ("mlp_concise", (256,), 0.5)]
)
def test_a_classifier_in_pytorch_takes_the_steps_of_the_concise_engine(name, hidden, rate, animals, in_64_bits):
    torch = in_64_bits
    given = arrays(animals)
    found = run(name, **given)
    X, y = given["X_train"], given["y_train"]
    widths = (X.shape[1], *hidden, int(y.max()) + 1)
    torch.manual_seed(0)
    layers = [torch.nn.Linear(a, b) for a, b in pairwise(widths)]
    start = [
        (torch.nn.init.normal_(each.weight, std=0.01).detach().numpy().T, np.zeros(each.out_features))
        for each in layers
    ]
    engine = open_engine("concise", Network(widths), parameters=start, dtype="float64")
    engine.load(X, y)
    batches = [rows.numpy() for _ in range(5) for rows in torch.randperm(len(X)).split(256)]
    trained = [p.detach().numpy() for p in found["net"].parameters()]
    assert distance(steps(engine, batches, rate), *(p.T if p.ndim == 2 else p for p in trained)) < 1e-12


def test_a_program_with_the_mean_divided_twice_is_told_apart():
    """The tests above can fail: a gradient divided once more ends elsewhere."""
    wrong = source("linear_regression_scratch").replace("residual / len(y)", "residual / len(y) / 10")
    names: dict[str, Any] = {}
    with redirect_stdout(io.StringIO()):
        exec(compile(wrong, "wrong", "exec"), names)  # noqa: S102 - our own program
    assert np.abs(names["w"] - run("linear_regression_scratch")["w"]).max() > 0.1
