"""Functions of double-double numbers against 60 decimal digits."""

from decimal import Decimal, localcontext

import numpy as np
import pytest

from twofold.functions import LOSSES
from twofold.functions.numpy_functions import of_type
from twofold.solvers.double_double import DoubleDouble, PairFunctions
from twofold.solvers.pairs import pair

RNG = np.random.default_rng(0)
X = np.concatenate([RNG.uniform(-600, 600, 100), RNG.normal(size=100), 1e-9 * RNG.normal(size=50), [0.0]])


def numbers(x):
    return DoubleDouble(pair(x, 1e-17 * x * RNG.normal(size=x.shape)))


def decimals(x):
    return [Decimal(a) + Decimal(b) for a, b in zip(x.pair.high.tolist(), x.pair.low.tolist(), strict=True)]


def error(found, true, *, least):
    """The largest error, of what is computed or of a least size."""
    with localcontext() as context:
        context.prec = 60
        return float(max(abs(a - b) / max(abs(b), Decimal(least)) for a, b in zip(decimals(found), true, strict=True)))


@pytest.mark.parametrize("name", ["exp", "log", "tanh", "log1p", "expm1", "sqrt"])
def test_functions_have_thirty_digits(name):
    x = numbers({"exp": X, "tanh": X / 100}.get(name, np.exp(X / 40)))
    if name == "expm1":
        x = numbers(X[np.abs(X) > 0.01] / 10)
    with localcontext() as context:
        context.prec = 60
        exact = {
            "exp": lambda v: v.exp(),
            "log": lambda v: v.ln(),
            "tanh": lambda v: ((2 * v).exp() - 1) / ((2 * v).exp() + 1),
            "log1p": lambda v: (1 + v).ln(),
            "expm1": lambda v: v.exp() - 1,
            "sqrt": lambda v: v.sqrt(),
        }[name]
        true = [exact(value) for value in decimals(x)]
    assert error(getattr(PairFunctions, name)(x), true, least=1e-300 if name in ("exp", "sqrt") else 1) < 1e-29


def test_exp_ends_in_0_and_in_infinity():
    found = PairFunctions.exp(np.array([-800.0, 0.0, 800.0])).pair
    assert found.high.tolist() == [0.0, 1.0, np.inf]
    assert found.low.tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    "name", ["squared", "huber", "absolute", "quantile:0.3", "poisson", "gamma", "sigmoid_cross_entropy"]
)
def test_losses_are_computed_from_their_one_definition(name):
    o, y = RNG.normal(size=20), RNG.uniform(0.1, 0.9, 20)
    pairs = LOSSES[name].of_outputs(DoubleDouble.of(o), DoubleDouble.of(y), PairFunctions)
    doubles = LOSSES[name].of_outputs(o, y, of_type(np.dtype(float)))
    for found, expected in zip(pairs, doubles, strict=True):
        np.testing.assert_allclose(DoubleDouble.of(found).high, expected, rtol=1e-13, atol=1e-16)


def test_operators_are_exact_where_doubles_are_not():
    third = DoubleDouble.of(np.array([1.0])) / 3.0
    assert float((third * 3.0 - 1.0).high[0]) == pytest.approx(0, abs=1e-31)
    assert float(((2.0 - third) + third - 2.0).high[0]) == pytest.approx(0, abs=1e-31)
    assert (abs(-third) > 0.3).all()
    assert (third <= 1.0).all()
    assert float((1.0 / third).high[0]) == 3.0
    assert float((third**2).high[0]) == pytest.approx(1 / 9, rel=1e-16)
    assert DoubleDouble.of(np.array([1e30, 1.0, -1e30])).sum() == 1.0
