"""Each optimiser stands once: every backend's step is the definition's, and those of before go on to the same bits."""

from __future__ import annotations

import copy
import math
import pickle
import warnings
from pathlib import Path

import numpy as np
import pytest

from helpers import KINDS, open_kind, random_dataset, train_kinds
from twofold import Dataset, Network, Recipe, Samples, open_engine, train
from twofold.errors import FileFormatError, SpecificationError
from twofold.functions import OPTIMIZERS, Optimizer, OptimizerConfig
from twofold.functions.configs import Constant
from twofold.functions.expressions import PYTHON, evaluate, python_lines, take_out
from twofold.functions.numpy_functions import of_type
from twofold.functions.optimizers import adam_length, soften
from twofold.network import distance, largest
from twofold.values import FRACTION

torch_only = pytest.mark.torch
WIDE = of_type(np.dtype("float64"))
L1 = 0.3

PAGE = Path(__file__).parents[1] / "docs" / "optimizers.md"


def defaults(name):
    return {key: constant.default for key, constant in OPTIMIZERS[name].constants.items()}


def gradients(dtype="float64", steps=5):
    rng = np.random.default_rng(0)
    theta = rng.normal(size=40).astype(dtype)
    theta[:3] = 0
    many = rng.normal(size=(steps, 40)).astype(dtype)
    many[:, -3:] = 0  # sign(0) and a root of 0
    return theta, many


def steps_of(name, dtype="float64", l1=0.0):
    """What the definition makes of some gradients with NumPy, and its memory."""
    rule, xp = OPTIMIZERS[name], of_type(np.dtype(dtype))
    theta, many = gradients(dtype)
    memory = tuple(np.zeros_like(theta) for _ in rule.state)
    for t, g in enumerate(many, start=1):
        rule.update(theta, g.copy(), memory, 0.1 / t, t, xp, **defaults(name))
        if l1:
            theta = soften(theta, l1 * rule.length(memory, 0.1 / t, t, xp, **defaults(name)), xp)
    return theta, memory


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sgd", 1 - 0.1 * 3),
        ("momentum", 1 - 0.1 * (0.9 * 2 + 3)),
        ("nesterov", 1 - 0.1 * (3 + 0.9 * (0.9 * 2 + 3))),
        ("rmsprop", 1 - 0.1 * 3 / (math.sqrt(0.99 * 2 + 0.01 * 9) + 1e-8)),
        ("lion", 1 - 0.1),
        *(
            (name, 1 - 0.1 * (2.1 / (1 - 0.9**4)) / (math.sqrt((0.999 * 2 + 0.001 * 9) / (1 - 0.999**4)) + 1e-8))
            for name in ("adam", "adamw")
        ),
    ],
)
def test_a_step_is_its_closed_form(name, expected):
    """The fourth step, with theta 1, a gradient of 3, a memory of 2 and eta 0.1."""
    rule = OPTIMIZERS[name]
    theta, kept = rule.update(1.0, 3.0, (2.0,) * len(rule.state), 0.1, 4, WIDE, **defaults(name))
    assert theta == pytest.approx(expected, rel=1e-14)
    assert len(kept) == len(rule.state)


def test_lion_follows_the_mean_where_the_gradient_disagrees_and_rests_at_0():
    lion = OPTIMIZERS["lion"].update
    theta, (m,) = lion(1.0, -3.0, (2.0,), 0.1, 1, WIDE, **defaults("lion"))
    assert (theta, m) == (0.9, pytest.approx(0.99 * 2 - 0.01 * 3))  # 0.9 * 2 - 0.1 * 3 is more than 0
    assert lion(1.0, 0.0, (0.0,), 0.1, 1, WIDE, **defaults("lion"))[0] == 1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["sgd", "momentum", "nesterov", "adam", "adamw"])
def test_steps_are_those_of_earlier_versions_to_the_bit(name, dtype):
    """So that checkpoints of before go on as they would have."""
    theta, many = gradients(dtype)
    v, m, s = (np.zeros_like(theta) for _ in range(3))
    for t, g in enumerate(many, start=1):
        eta = 0.1 / t
        if name == "sgd":
            theta -= eta * g
        elif name in ("momentum", "nesterov"):
            v *= 0.9
            v += g
            theta -= eta * (v if name == "momentum" else g + 0.9 * v)
        else:
            m *= 0.9
            m += (1 - 0.9) * g
            s *= 0.999
            s += (1 - 0.999) * np.square(g)
            root = np.sqrt(s) / math.sqrt(1 - 0.999**t)
            theta -= eta / (1 - 0.9**t) * m / (root + 1e-8)
    now, _ = steps_of(name, dtype)
    assert now.dtype == dtype
    assert now.tobytes() == theta.tobytes()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimiser_starts_from_its_own_constants(name):
    recipe = Recipe(optimizer=name)
    assert recipe.optimizer.constants == defaults(name)
    changed = dict.fromkeys(OPTIMIZERS[name].constants, 0.5)
    assert OptimizerConfig(name, **changed).constants == changed


@pytest.mark.parametrize("l1", [0.0, L1])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_recorded_steps_are_the_definition(name, l1):
    rule = OPTIMIZERS[name]
    theta, many = gradients()
    memory = [np.zeros_like(theta) for _ in rule.state]
    numbers, rest = take_out(rule.record(**defaults(name)), rule.variables)
    for t, g in enumerate(many, start=1):
        now = {"eta": 0.1 / t, "t": t}
        taken = dict(zip(numbers, evaluate(tuple(numbers.values()), now, WIDE), strict=True))
        assert all(isinstance(number, float) for number in taken.values())
        theta, *memory = evaluate(rest, taken | dict(zip(rule.variables, (theta, g, *memory), strict=True)), WIDE)
        if l1:
            values = now | dict(zip(rule.variables, (theta, g, *memory), strict=True))
            (theta,) = evaluate((rule.record_penalty(l1, **defaults(name)),), values, WIDE)
    expected, kept = steps_of(name, l1=l1)
    np.testing.assert_allclose([theta, *memory], [expected, *kept], rtol=1e-14, atol=1e-16)
    assert ((theta == 0) == (expected == 0)).all()


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [pytest.param("float32", 1e-6, marks=pytest.mark.slow), ("float64", 1e-14)]
)
@pytest.mark.parametrize("l1", [0.0, L1])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_machine_code_computes_the_definition(name, l1, dtype, tolerance):
    pytest.importorskip("numba")
    from twofold.engines.numba.plan import OPTIMIZERS as NUMBERS
    from twofold.engines.numba.updates import take_penalty, take_step

    theta, many = gradients(dtype)
    memory = np.zeros((len(OPTIMIZERS[name].state), len(theta)), dtype)
    constants = np.array([l1, *defaults(name).values()])
    for t, g in enumerate(many, start=1):
        take_step(NUMBERS[name], theta, g, memory, 0.1 / t, t, constants)
        if l1:
            take_penalty(NUMBERS[name], theta, g, memory, 0.1 / t, t, constants)
    expected, kept = steps_of(name, l1=l1)
    np.testing.assert_allclose(theta, expected, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(memory, np.reshape(kept, memory.shape), rtol=tolerance, atol=tolerance)


@torch_only
@pytest.mark.parametrize("l1", [0.0, L1])
@pytest.mark.parametrize("own", [True, False], ids=["kernels", "definition"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_pytorch_computes_the_definition(name, own, l1, monkeypatch):
    import torch

    from twofold.engines.pytorch import update_kernels

    if not own:
        monkeypatch.setattr(update_kernels, "UPDATE_KERNELS", {})
    rule, penalty = (
        update_kernels.update_kernel(OptimizerConfig(name)),
        update_kernels.penalty_kernel(OptimizerConfig(name), l1=l1),
    )
    start, many = gradients()
    theta, memory = torch.from_numpy(start), [torch.zeros(len(start)).double() for _ in OPTIMIZERS[name].state]
    for t, g in enumerate(many, start=1):
        rule.update(theta, torch.from_numpy(g), memory, rule.numbers(0.1 / t, t))
        if l1:
            penalty.update(theta, theta, memory, penalty.numbers(0.1 / t, t))
    expected, kept = steps_of(name, l1=l1)
    np.testing.assert_allclose([theta.numpy(), *memory], [expected, *kept], rtol=1e-13, atol=1e-15)


@torch_only
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimiser_that_torch_lacks_is_taken_as_it_is_defined(name, monkeypatch):
    from twofold.engines.pytorch import optimizers

    network = Network((4, 5, 3), "tanh")
    data = random_dataset(network, 30)
    recipe = Recipe(optimizer=name, epochs=3, batch_size=7, learning_rate=0.01, weight_decay=0.1, l1=0.001)
    engines = [open_engine("concise", network, dtype="float64", initialization="he") for _ in range(2)]
    list(train(engines[0], data, recipe))
    monkeypatch.setattr(optimizers, "RULES", {})
    list(train(engines[1], data, recipe))
    first, second = (engine.state() for engine in engines)
    assert distance(first.parameters, second.parameters) <= 1e-12 * largest(first.parameters)
    assert set(first.optimizer_state) == set(second.optimizer_state) == set(OPTIMIZERS[name].state)
    engines[1].start(recipe)
    engines[1].restore(second)
    assert distance(engines[1].state().parameters, second.parameters) == 0


def damped(theta, g, memory, eta, t, xp, *, damping):
    """A rule of its own: momentum that is damped, and cut to a root."""
    (v,) = memory
    v *= damping
    v += (1 - damping**t) * g
    theta -= eta * v / xp.sqrt(1 + v * v)
    return theta, (v,)


DAMPED = Optimizer(damped, ("speed",), {"damping": Constant(0.5, FRACTION, "what the speed keeps")}, decoupled=True)


@pytest.mark.slow
@torch_only
@pytest.mark.parametrize("name", KINDS)
def test_an_optimiser_that_came_into_the_registry_later_is_in_every_engine(usual_machine_code, name, monkeypatch):
    monkeypatch.setitem(OPTIMIZERS, "damped", DAMPED)
    network = Network((4, 5, 3), "tanh")
    recipe = Recipe(epochs=2, batch_size=8, optimizer="damped", weight_decay=0.1, l1=0.01, clip_norm=0.5)
    engines = train_kinds(("scratch", name), network, random_dataset(network), recipe)
    assert distance(*(engine.parameters() for engine in engines)) < 1e-12
    assert set(engines[1].state().optimizer_state) == {"speed"}


def test_machine_code_refuses_an_optimiser_that_it_lacks(monkeypatch):
    pytest.importorskip("numba")
    from twofold.engines.numba import plan

    recipe = Recipe(optimizer="adam")
    monkeypatch.delitem(plan.OPTIMIZERS, "adam")
    with pytest.raises(KeyError, match="adam"):
        plan.step_config(recipe)


@pytest.mark.slow
@pytest.mark.parametrize("name", [pytest.param(name, marks=() if name == "scratch" else torch_only) for name in KINDS])
def test_engines_are_copied_and_pickled_with_their_optimiser(name):
    network = Network((3, 2))
    data = random_dataset(network, 20)
    engine = open_kind(name, network)
    engine.load(data.train.X, data.train.y)
    engine.start(Recipe(optimizer="rmsprop", l1=0.01))
    engine.step(np.arange(4), 0.1)
    twin = copy.deepcopy(engine)
    for each in (engine, twin):
        each.step(np.arange(4, 9), 0.1)
    assert distance(engine.parameters(), twin.parameters()) == 0
    assert pickle.loads(pickle.dumps(OPTIMIZERS["adam"])).state == ("mean", "square")  # noqa: S301 - our own


def lasso_data():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(60, 8))
    X -= X.mean(axis=0)
    y = X @ np.array([2.0, -1.5, 1.0, 0, 0, 0, 0, 0.05]) + 0.7 + 0.1 * rng.normal(size=60)
    return X, y


@pytest.mark.parametrize("name", [name for name, rule in OPTIMIZERS.items() if not rule.decoupled])
def test_an_l1_penalty_leads_to_the_lasso_with_exact_zeros_and_a_free_bias(name):
    """Full batches to convergence; scikit-learn's Lasso minimises the same objective by coordinate descent."""
    linear_model = pytest.importorskip("sklearn.linear_model")
    X, y = lasso_data()
    truth = linear_model.Lasso(alpha=0.2, tol=1e-12, max_iter=100_000).fit(X, y)
    assert 0 < np.count_nonzero(truth.coef_) < 8
    engine = open_engine("scratch", Network((8, 1), loss="squared"), dtype="float64")
    rate = {"sgd": 0.2, "momentum": 0.05, "nesterov": 0.05}.get(name, 0.01)
    recipe = Recipe(epochs=4000, batch_size=60, learning_rate=rate, optimizer=name, l1=0.2, schedule="cosine")
    list(train(engine, Dataset("lasso", Samples(X, y[:, None])), recipe))
    (layer,) = engine.parameters()
    tolerance = 1e-9 if name in ("sgd", "momentum", "nesterov") else 1e-4
    np.testing.assert_allclose(layer.W[:, 0], truth.coef_, atol=tolerance)
    assert layer.b[0] == pytest.approx(truth.intercept_, abs=tolerance)
    assert ((layer.W[:, 0] == 0) == (truth.coef_ == 0)).all()


def test_both_penalties_are_the_elastic_net():
    linear_model = pytest.importorskip("sklearn.linear_model")
    X, y = lasso_data()
    truth = linear_model.ElasticNet(alpha=0.3, l1_ratio=0.5, tol=1e-12, max_iter=100_000).fit(X, y)
    engine = open_engine("scratch", Network((8, 1), loss="squared"), dtype="float64")
    recipe = Recipe(epochs=2000, batch_size=60, learning_rate=0.2, l1=0.15, weight_decay=0.15)
    list(train(engine, Dataset("net", Samples(X, y[:, None])), recipe))
    np.testing.assert_allclose(engine.parameters()[0].W[:, 0], truth.coef_, atol=1e-9)


@pytest.mark.parametrize("name", [name for name, rule in OPTIMIZERS.items() if rule.decoupled])
def test_a_decoupled_l1_penalty_shrinks_each_weight_by_eta_l1(name):
    network = Network((2, 2), loss="squared")
    engine = open_engine("scratch", network, dtype="float64", parameters=[([[1.0, -1.0], [0.004, 0.0]], [1.0, 1.0])])
    engine.load(np.zeros((1, 2)), np.ones((1, 2)))  # no gradient but rounding's, which is 0
    engine.start(Recipe(optimizer=name, l1=0.1))
    engine.step(np.array([0]), 0.1)
    ((W, b),) = ((layer.W, layer.b) for layer in engine.parameters())
    np.testing.assert_allclose(W, [[0.99, -0.99], [0, 0]], rtol=1e-15)
    assert b.tolist() == [1, 1]


@pytest.mark.parametrize("name", ["momentum", "nesterov", "adam", "rmsprop"])
def test_a_step_length_is_what_a_gradient_of_1_moves_theta_by(name):
    rule, constants = OPTIMIZERS[name], defaults(name)
    theta, memory = 0.0, (0.0,) * len(rule.state)
    for t in range(1, 30):
        before = theta
        theta, memory = rule.update(theta, 1.0, memory, 0.1, t, WIDE, **constants)
        length = rule.length(memory, 0.1, t, WIDE, **constants)
        assert before - theta == pytest.approx(length, rel=1e-12)
    assert rule.length is not adam_length or length == pytest.approx(0.1)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_each_constant_has_a_range_and_words(name):
    for constant, about in OPTIMIZERS[name].constants.items():
        assert constant not in Recipe.__dataclass_fields__
        assert about.range.holds(about.default)
        assert about.help
        assert len({each.range for each in OptimizerConfig.readers(constant).values()}) == 1
        with pytest.raises(SpecificationError, match=f"{constant} is -1; it must be "):
            OptimizerConfig(name, **{constant: -1})
        with pytest.raises(SpecificationError, match=f"{constant} is True; it must be "):
            OptimizerConfig(name, **{constant: True})


@pytest.mark.parametrize(("optimizer", "words"), [("sgd", {}), ("momentum", {"momentum": 0.8}), ("lion", {})])
def test_a_recipe_of_version_0_1_holds_all_constants_and_is_the_one_without_those_that_nothing_reads(optimizer, words):
    old = Recipe(optimizer=optimizer).flat()
    old |= {"momentum": 0.9, "beta1": 0.9, "beta2": 0.99 if optimizer == "lion" else 0.999, "epsilon": 1e-8} | words
    del old["l1"]
    assert Recipe.from_dict(old, "file: recipe") == Recipe(optimizer=OptimizerConfig(optimizer, **words))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_recipe_on_disk_holds_its_constants_as_numbers_and_comes_back(name):
    recipe = Recipe(optimizer=name, l1=0.1)
    plain = recipe.to_dict()
    assert plain["optimizer"] == {"name": name} | defaults(name)
    assert Recipe.from_dict(plain, "file: recipe") == recipe
    changed = Recipe(optimizer=OptimizerConfig(name, **dict.fromkeys(OPTIMIZERS[name].constants, 0.5)))
    assert Recipe.from_dict(changed.to_dict(), "file: recipe") == changed
    assert OptimizerConfig(name, **defaults(name)) == OptimizerConfig(name)


@pytest.mark.parametrize("value", ["many", True, [0.9]])
def test_a_recipe_on_disk_whose_constant_is_no_number_is_refused(value):
    with pytest.raises(FileFormatError, match="recipe: optimizer: momentum is"):
        Recipe.from_dict(Recipe().flat() | {"momentum": value}, "recipe")


@pytest.mark.skipif(not PAGE.exists(), reason="the source tree is out of reach")
def test_the_page_on_optimisers_tells_each_with_its_constants():
    page = PAGE.read_text()
    rows = {row.split("`")[1]: row.split("|")[3].strip() for row in page.splitlines() if row.startswith("| `")}
    told = {name: ", ".join(f"{key} {value:g}" for key, value in defaults(name).items()) for name in OPTIMIZERS}
    assert rows == told


@pytest.mark.parametrize("solver", [name for name in OPTIMIZERS if name not in ("momentum", "nesterov")])
def test_estimators_take_each_optimiser_with_its_own_constants_and_the_l1_penalty(solver):
    pytest.importorskip("sklearn")
    from twofold import MLPRegressor
    from twofold.estimators.settings import build_recipe, check_settings

    model = MLPRegressor(solver=solver, l1=0.05, momentum=0)
    recipe = build_recipe(model, n=60, total=60.0, seed=0, epochs=3)
    assert (recipe.optimizer, recipe.l1) == (OptimizerConfig(solver), 0.05)
    X, y = lasso_data()
    model = MLPRegressor(
        hidden_layer_sizes=(6,),
        solver=solver,
        l1=1.5 if solver == "lion" else 0.3,  # whose steps have their full length: less holds no weight at 0
        momentum=0,
        max_iter=150,
        learning_rate_init=0.03,
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Stochastic Optimizer")
        model.fit(X, y)
    assert sum(int((W == 0).sum()) for W in model.coefs_) > 0
    for word, value, told in [("l1", -1, "at least 0"), ("beta_1", 1.0, "less than 1"), ("epsilon", 0, "positive")]:
        with pytest.raises(SpecificationError, match=f"{word} is {value}; it must be .*{told}"):
            check_settings(MLPRegressor(**{word: value}))


def test_the_loss_of_an_estimator_holds_its_penalties():
    pytest.importorskip("sklearn")
    from twofold import MLPRegressor

    X, y = lasso_data()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Stochastic Optimizer")
        words = {"solver": "sgd", "momentum": 0, "learning_rate_init": 1e-9, "max_iter": 1, "random_state": 0}
        plain, both = (MLPRegressor(hidden_layer_sizes=(3,), alpha=0, l1=l1, **words).fit(X, y) for l1 in (0.0, 0.5))
    weights = sum(np.abs(W).sum() for W in both.coefs_)
    assert both.loss_ - plain.loss_ == pytest.approx(0.5 * weights, rel=1e-5)


def test_lbfgs_has_no_l1_penalty():
    pytest.importorskip("sklearn")
    from twofold import MLPRegressor

    X, y = lasso_data()
    with pytest.raises(SpecificationError, match=r"l1 is 0\.1; solver 'lbfgs' has none"):
        MLPRegressor(solver="lbfgs", l1=0.1).fit(X, y)


def test_python_writes_what_is_taken_out():
    numbers, rest = take_out(OPTIMIZERS["rmsprop"].expressions, OPTIMIZERS["rmsprop"].variables)
    assert [python_lines(number, PYTHON)[-1] for number in numbers.values()] == [
        "return eta",
        "return beta2",
        "return 1.0 - beta2",
        "return epsilon",
    ]
    assert python_lines(rest, PYTHON)[-1] == "return theta - number_1 * g / (sqrt(a1) + number_4), a1"
