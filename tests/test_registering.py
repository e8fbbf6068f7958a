"""Functions of one's own: refused with the reason, or in every engine, estimator, export and trace."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from helpers import OTHERS, random_dataset, train_kinds
from twofold import (
    MLPRegressor,
    Network,
    Recipe,
    check_gradients,
    export_onnx,
    initialize,
    load_model,
    open_engine,
    register_activation,
    register_loss,
    save_model,
    to_python,
    trace,
)
from twofold.errors import SpecificationError, TwofoldError
from twofold.functions import ACTIVATIONS, LOSSES
from twofold.functions.losses import SCIKIT_LEARN_NAMES
from twofold.network import distance
from twofold.saving import Model

PAGE = Path(__file__).parents[1] / "docs" / "own-functions.md"


def bent(z, xp):
    return xp.where(z > 0, z, z / (1 - xp.minimum(z, 0)))


def bent_derivative(z, xp):
    w = 1 - xp.minimum(z, 0)
    return xp.where(z > 0, 1, 1 / w / w)


def log_cosh(o, y, xp):
    r = o - y
    return xp.abs(r) + xp.log1p(xp.exp(-2 * xp.abs(r))) - np.log(2), xp.tanh(r)


@pytest.fixture
def own(monkeypatch):
    """An activation and a loss of one's own, taken out again afterwards."""
    for registry in (ACTIVATIONS, LOSSES):
        for name in ("bent", "log_cosh"):
            monkeypatch.setitem(registry, name, None)
            del registry[name]
    register_activation("bent", bent, bent_derivative, smooth=False)
    register_loss("log_cosh", log_cosh)
    yield
    del ACTIVATIONS["bent"], LOSSES["log_cosh"]
    for registry in (ACTIVATIONS, LOSSES):
        for name in ("bent", "log_cosh"):
            registry[name] = None  # for monkeypatch to take out


NETWORK = ((4, 6, 3), "bent", "log_cosh")


@pytest.mark.slow
@pytest.mark.torch
@pytest.mark.parametrize("engine", OTHERS)
def test_own_functions_take_the_same_steps_in_every_engine(own, engine):
    network = Network(*NETWORK)
    recipe = Recipe(epochs=2, batch_size=8)
    engines = train_kinds(("scratch", engine), network, random_dataset(network), recipe)
    assert distance(*(engine.parameters() for engine in engines)) < 1e-12
    assert check_gradients(network).passed


def test_own_functions_are_in_exports_and_traces(own, tmp_path):
    network = Network(*NETWORK)
    data = random_dataset(network)
    model = Model.of(open_engine("scratch", network, initialization="he", dtype="float64"))
    names: dict = {}
    exec(to_python(model), names)  # noqa: S102 - our own source
    X = data.train.X
    np.testing.assert_allclose([names["predict"](x) for x in X.tolist()], model.predict(X), rtol=1e-13)
    pytest.importorskip("onnxruntime")
    assert export_onnx(model, tmp_path / "a.onnx").largest_difference < 1e-12
    text = str(trace(network, initialize(network), X[:1], data.train.y[:1]))
    assert "phi(z) = z if z > 0 else z / (1 - min(z, 0))" in text
    assert "l(o, y) = abs(o - y) + log1p(exp(-2 abs(o - y))) - 0.693147" in " ".join(text.split())


def test_an_estimator_takes_an_own_activation_and_loss(own):
    X = np.random.default_rng(0).normal(size=(60, 3))
    model = MLPRegressor(loss="log_cosh", activation="bent", max_iter=300, solver="lbfgs", random_state=0)
    assert model.set_params(hidden_layer_sizes=(8,)).fit(X, X @ [1.0, -2, 0.5]).score(X, X @ [1.0, -2, 0.5]) > 0.98


def test_a_model_file_names_what_it_needs_and_says_so_where_it_is_not(own, tmp_path, monkeypatch):
    network = Network(*NETWORK)
    save_model(tmp_path / "own.safetensors", open_engine("scratch", network))
    assert load_model(tmp_path / "own.safetensors").network == network
    with monkeypatch.context() as elsewhere:
        elsewhere.delitem(ACTIVATIONS, "bent")
        with pytest.raises(TwofoldError, match=r"unknown activation 'bent'.*register_activation"):
            load_model(tmp_path / "own.safetensors")


def wrong(z, xp):
    return 1.001 * bent_derivative(z, xp)


@pytest.mark.parametrize(
    ("name", "functions", "message"),
    [
        ("relu", (bent, bent_derivative), "there is activation 'relu' already"),
        ("my act", (bent, bent_derivative), "expected a Python name"),
        (
            "own",
            (bent, wrong),
            r"the derivative of 'own' at z = -6 is given as 0\.0204\d+; central differences say 0\.02",
        ),
        ("own", (lambda z, xp: xp.exp(z), lambda z, xp: xp.exp(z)), "'own' is not finite at z = 10000 in float32"),
        ("own", (lambda z, xp: np.cosh(z), lambda z, xp: np.sinh(z)), "calls a function that isn't xp's"),
        ("own", (lambda z, xp: None, bent_derivative), "'own' returns None; expected what is computed"),
        ("own", (lambda z, xp: z + 1 / 0, bent_derivative), "division by zero"),
        ("own", (lambda z, xp: z.clip(0), bent_derivative), "has no attribute 'clip'"),
        ("own", (lambda z, xp: z if z > 0 else 0, bent_derivative), r"choose with xp\.where"),
        ("own", (lambda z, xp: xp.gamma(z), bent_derivative), r"uses xp\.gamma, which is not known"),
        ("own", (lambda z, xp: xp.maximum(z, 0) ** 0.5, bent_derivative), "raises a number to a power"),
    ],
)
def test_an_activation_that_is_wrong_is_refused_and_not_kept(name, functions, message):
    before = dict(ACTIVATIONS)
    with pytest.raises(SpecificationError, match=message):
        register_activation(name, *functions, smooth=False)
    assert before == ACTIVATIONS


@pytest.mark.parametrize(
    ("formula", "derivative_formula", "message"),
    [
        (
            "z if z > 0 else z / (1 + z)",
            "",
            r"'z if .*' at z = -6 is given as 1\.2; what is computed is -0\.8571428571",
        ),
        ("", "phi(z)", r"the formula of the derivative of 'own', 'phi\(z\)' at z = -6 is given as -0\.857"),
        ("f(z)", "", "uses 'f', which is not known"),
        ("max(z)", "", "can't be computed: 'float' object is not iterable"),
        ("log(-1)", "", "can't be computed at any number that was tried"),
        ("sin(", "", "is no Python expression"),
        ("z.real", "", "holds 'z.real', which has no LaTeX"),
    ],
)
def test_a_formula_for_people_is_held_to_what_is_computed(formula, derivative_formula, message):
    with pytest.raises(SpecificationError, match=message):
        register_activation(
            "own", bent, bent_derivative, formula=formula, derivative_formula=derivative_formula, smooth=False
        )
    assert "own" not in ACTIVATIONS


@pytest.mark.torch
def test_a_module_of_pytorch_that_computes_something_else_is_refused():
    with pytest.raises(SpecificationError, match=r"'own' at z = -6 is given as -0\.857\d+; PyTorch says -0\.99"):
        register_activation("own", bent, bent_derivative, torch="ELU", smooth=False)
    with pytest.raises(SpecificationError, match=r"torch\.nn has no 'Bent'"):
        register_activation("own", bent, bent_derivative, torch="Bent", smooth=False)
    assert "own" not in ACTIVATIONS


@pytest.mark.parametrize(
    ("pair", "words", "message"),
    [
        (lambda o, y, xp: ((o - y) * (o - y), o - y), {}, r"the gradient of 'own' at o = -3, y = .* is given as"),
        (log_cosh, {"link": "probit"}, "link is 'probit'; expected one of identity, exp, sigmoid"),
        (log_cosh, {"link": "exp"}, "allows targets from -inf: say least=0"),
        (log_cosh, {"link": "exp", "least": 0.0}, r"should be least at o = .* for y = "),
        (log_cosh, {"formula": "log(cosh(o))"}, r"'log\(cosh\(o\)\)' at o = -3, y = .* is given as 2\.309328505"),
        (log_cosh, {"slope_formula": "tanh(o + y)"}, "the formula of the gradient of 'own', .* what is computed is"),
        (lambda o, y, xp: o - y, {}, "expected a pair"),
        (lambda o, y, xp: (o - y, None), {}, "'own' returns None; expected what is computed"),
        (log_cosh, {"least": "0"}, "least is '0'; expected a number"),
        (log_cosh, {"least": float("nan")}, "least is nan; expected a number"),
    ],
)
def test_a_loss_that_is_wrong_is_refused_and_not_kept(pair, words, message):
    before = dict(LOSSES)
    with pytest.raises(SpecificationError, match=message):
        register_loss("own", pair, **words)
    assert before == LOSSES


@pytest.mark.parametrize(("name", "own"), SCIKIT_LEARN_NAMES.items())
def test_a_name_that_estimators_use_is_taken(name, own):
    with pytest.raises(SpecificationError, match=f"'{own}' is what estimators call the loss '{name}'"):
        register_loss(own, log_cosh)


@pytest.mark.skipif(not PAGE.exists(), reason="the source tree is out of reach")
def test_the_page_on_functions_of_ones_own_runs_as_it_stands():
    page = PAGE.read_text()
    before = dict(ACTIVATIONS), dict(LOSSES)
    space: dict = {}
    try:
        for block in re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL):
            exec(compile(block, "own-functions.md", "exec"), space)  # noqa: S102 - our own page
        assert ACTIVATIONS.keys() - before[0].keys() == {"squareplus"}
        assert LOSSES.keys() - before[1].keys() == {"log_cosh", "negative_binomial"}
    finally:
        for registry, names in ((ACTIVATIONS, before[0]), (LOSSES, before[1])):
            for name in registry.keys() - names.keys():
                del registry[name]
