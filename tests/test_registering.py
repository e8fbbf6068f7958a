"""Functions of one's own: refused with the reason, or in every engine, estimator, export and trace."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from helpers import OTHERS, random_dataset, train_kinds
from twofold import (
    CheckpointFolder,
    Checkpoints,
    MLPRegressor,
    Network,
    OptimizerConfig,
    Recipe,
    check_gradients,
    export_onnx,
    initialize,
    load_model,
    open_engine,
    register_activation,
    register_loss,
    register_optimizer,
    save_model,
    to_python,
    trace,
    train,
)
from twofold.errors import SpecificationError, TwofoldError
from twofold.functions import ACTIVATIONS, LOSSES, OPTIMIZERS
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
def test_own_functions_take_the_same_steps_in_every_engine(usual_machine_code, own, own_optimizer, engine):
    network = Network(*NETWORK)
    recipe = Recipe(epochs=2, batch_size=8, optimizer=OptimizerConfig("adagrad", small=1e-4), l1=0.01, weight_decay=0.1)
    engines = train_kinds(("scratch", engine), network, random_dataset(network), recipe)
    assert distance(*(engine.parameters() for engine in engines)) < 1e-12
    assert set(engines[1].state().optimizer_state) == {"squares"}
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


def adagrad(theta, g, state, eta, t, xp, *, small):
    (s,) = state
    s += g * g
    theta -= eta * g / (xp.sqrt(s) + small)
    return theta, (s,)


def adagrad_length(state, eta, t, xp, *, small):
    return eta / (xp.sqrt(state[0]) + small)


def torch_adagrad(params, lr, small, weight=0.0):
    import torch

    return torch.optim.Adagrad(params, lr=lr, eps=small, initial_accumulator_value=weight)


ADAGRAD = {"constants": {"small": 1e-8}, "usual_rate": 0.05, "length": adagrad_length}


@pytest.fixture
def own_optimizer():
    """AdaGrad as one's own optimiser, taken out again afterwards."""
    register_optimizer("adagrad", adagrad, state=["squares"], **ADAGRAD)
    yield
    del OPTIMIZERS["adagrad"]


@pytest.mark.torch
def test_an_own_optimiser_is_its_counterpart_of_pytorch_in_concise_and_keeps_its_state():
    words = ADAGRAD | {"torch": torch_adagrad}
    try:
        register_optimizer("adagrad", adagrad, state={"squares": "sum"}, **words)
        network = Network((4, 3))
        data, recipe = random_dataset(network), Recipe(epochs=2, batch_size=8, optimizer="adagrad", learning_rate=0.05)
        engines = train_kinds(("scratch", "concise"), network, data, recipe)
        states = [engine.state() for engine in engines]
        assert distance(*(state.optimizer_state["squares"] for state in states)) < 1e-12
        assert type(engines[1]._optimizer).__name__ == "Adagrad"
    finally:
        del OPTIMIZERS["adagrad"]


def test_an_estimator_takes_an_own_optimiser_as_its_solver(own_optimizer):
    X = np.random.default_rng(0).normal(size=(60, 3))
    model = MLPRegressor(
        hidden_layer_sizes=(8,),
        solver="adagrad",
        learning_rate_init=0.3,
        max_iter=300,
        random_state=0,
        l1=1e-3,
        engine="scratch",  # others would have all machine code compiled anew
    )
    assert model.fit(X, X @ [1.0, -2, 0.5]).score(X, X @ [1.0, -2, 0.5]) > 0.98


def test_a_model_file_and_a_checkpoint_name_an_own_optimiser_and_say_so_where_it_is_not(own_optimizer, tmp_path):
    network = Network((4, 3))
    data, recipe = random_dataset(network), Recipe(epochs=1, optimizer=OptimizerConfig("adagrad", small=0.5))
    engine = open_engine("scratch", network)
    list(train(engine, data, recipe, Checkpoints(tmp_path / "run")))
    save_model(tmp_path / "own.safetensors", Model.of(engine, data, recipe=recipe))
    assert load_model(tmp_path / "own.safetensors").recipe == recipe
    with CheckpointFolder(tmp_path / "run") as folder:
        assert folder.latest().recipe == recipe
    rule = OPTIMIZERS.pop("adagrad")
    try:
        with pytest.raises(TwofoldError, match=r"recipe: optimizer: unknown optimizer 'adagrad'.*register_optimizer"):
            load_model(tmp_path / "own.safetensors")
    finally:
        OPTIMIZERS["adagrad"] = rule


def test_an_own_optimiser_without_a_step_length_has_no_l1_penalty():
    try:
        assert register_optimizer("adagrad", adagrad, state=["squares"], constants={"small": 1e-8}).length is None
        engine = open_engine("scratch", Network((4, 3)))
        with pytest.raises(SpecificationError, match="l1 needs the length of a step"):
            engine.start(Recipe(optimizer="adagrad", l1=0.1))
    finally:
        del OPTIMIZERS["adagrad"]


def climbing(theta, g, state, eta, t, xp):
    theta += eta * g
    return theta, state


def rooted(theta, g, state, eta, t, xp):
    theta -= eta * g / xp.sqrt(xp.abs(g))
    return theta, state


def seesaw(theta, g, state, eta, t, xp):
    theta -= eta * (g if xp.sqrt(1.0) == 1.0 else -g)
    return theta, state


@pytest.mark.parametrize(
    ("name", "update", "words", "message"),
    [
        ("adam", climbing, {}, "there is optimizer 'adam' already"),
        ("lbfgs", climbing, {}, "there is optimizer 'lbfgs' already"),
        ("my rule", climbing, {}, "expected a Python name, such as 'my_optimizer'"),
        ("own", climbing, {}, r"'own' doesn't lead down theta\^2 / 2: it is 2\.67\d+ after step 1, 2\.625 before"),
        ("own", rooted, {}, "'own' is not finite after step 1 with gradients of 0 in float32"),
        ("own", seesaw, {}, "a number of 'own' after step 1 is given as .*; recorded for other engines it is"),
        ("own", lambda theta, g, s, eta, t, xp: (theta - eta * g, s), {}, "makes new arrays; .*theta -= eta"),
        ("own", lambda theta, g, s: (theta, s), {}, "'own' is no update of theta, g, state, eta, t, xp and its constants"),
        ("own", lambda theta, g, s, eta, t, xp: (xp.cos(theta), s), {}, r"uses xp\.cos, which is not known"),
        ("own", lambda theta, g, s, eta, t, xp: (theta, (g,)), {}, r"returns a state of 1; expected 0: \(\)"),
        ("own", adagrad, {"state": ["s"], "constants": {"epochs": 1}}, "there is optimizer's constant or state 'epochs'"),
        (
            *("own", adagrad, {"state": ["s"], "constants": {"small": 1e-8}, "length": lambda s, eta, t, xp, small: eta}),
            "the length of 'own' at step 2, over eta, is given as 1; with gradients of 1 theta moved by 0.707106",
        ),
        pytest.param(
            *("own", adagrad),
            ADAGRAD | {"state": {"s": "sum"}, "torch": lambda params, lr, small: torch_adagrad(params, lr, small, 0.1)},
            "a number of 'own' after step 1 is given as .*; PyTorch's is",
            marks=pytest.mark.torch,
        ),
        pytest.param(
            *("own", adagrad, ADAGRAD | {"state": {"s": "square"}, "torch": torch_adagrad}),
            "'own' has no 'square' in PyTorch, which keeps step, sum",
            marks=pytest.mark.torch,
        ),
    ],
)  # fmt: skip
def test_an_optimiser_that_is_wrong_is_refused_and_not_kept(name, update, words, message):
    before = dict(OPTIMIZERS)
    with pytest.raises(SpecificationError, match=message):
        register_optimizer(name, update, **words)
    assert before == OPTIMIZERS


@pytest.mark.skipif(not PAGE.exists(), reason="the source tree is out of reach")
def test_the_page_on_functions_of_ones_own_runs_as_it_stands():
    page = PAGE.read_text()
    before = dict(ACTIVATIONS), dict(LOSSES), dict(OPTIMIZERS)
    space: dict = {}
    try:
        for block in re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL):
            exec(compile(block, "own-functions.md", "exec"), space)  # noqa: S102 - our own page
        assert ACTIVATIONS.keys() - before[0].keys() == {"squareplus"}
        assert LOSSES.keys() - before[1].keys() == {"log_cosh", "negative_binomial"}
        assert OPTIMIZERS.keys() - before[2].keys() == {"adagrad"}
    finally:
        for registry, names in zip((ACTIVATIONS, LOSSES, OPTIMIZERS), before, strict=True):
            for name in registry.keys() - names.keys():
                del registry[name]


WITHOUT_LENGTH = """
import numpy as np
import twofold as tw
from twofold.errors import TwofoldError

def adagrad(theta, g, state, eta, t, xp, *, epsilon):
    (s,) = state
    s += g * g
    theta -= eta * g / (xp.sqrt(s) + epsilon)
    return theta, (s,)

tw.register_optimizer("own_adagrad", adagrad, state=("s",), constants={"epsilon": 1e-8})
for optimizer, l1 in (("sgd", 0.0), ("sgd", 0.1), ("own_adagrad", 0.0), ("own_adagrad", 0.1)):
    engine = tw.open_engine("compiled", tw.Network((2, 3, 2)))
    engine.load(np.eye(2), np.array([0, 1]))
    try:
        engine.start(tw.Recipe(epochs=1, batch_size=2, optimizer=optimizer, l1=l1))
        engine.step(np.arange(2), 0.1)
        print("taken")
    except TwofoldError as error:
        print(error)
"""


@pytest.mark.slow  # a process whose loops are plain Python
def test_an_optimiser_without_a_steps_length_leaves_machine_code_to_the_others():
    pytest.importorskip("numba")
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1"}  # machine code is plain Python then: the same way in
    words = [sys.executable, "-c", WITHOUT_LENGTH]
    done = subprocess.run(words, capture_output=True, text=True, env=environment, check=True)
    *taken, refused = done.stdout.splitlines()
    assert taken == ["taken"] * 3
    assert "l1 needs the length of a step" in refused
