"""Each formula stands once: what is read from a definition, in each language, computes what the definition does."""

from __future__ import annotations

import math

import numpy as np
import pytest

from twofold.errors import SpecificationError
from twofold.functions import ACTIVATIONS, LOSSES, sigmoid
from twofold.functions.expressions import PYTHON, python_lines, record
from twofold.functions.formulas import as_latex, as_text, evaluate

Z = np.concatenate([np.linspace(-30, 30, 601), np.linspace(-1, 1, 200), [1e3, -1e3, 0.0]])


def in_python(expression) -> list[float]:
    """What the recorded formula gives in plain Python, number by number."""
    body = "\n".join(f"    {line}" for line in python_lines(expression, PYTHON))
    space = {name: getattr(math, name) for name in ("exp", "expm1", "log", "log1p", "sqrt", "tanh")}
    space |= {"ndtr": lambda z: math.erfc(-z / math.sqrt(2)) / 2, "sign": np.sign}
    exec(f"def formula(z):\n{body}", space)  # noqa: S102 - of a definition
    return [space["formula"](z) for z in Z.tolist()]


def by_people(name: str, formula: str):
    """What the formula that people are shown gives, as they would compute it: with no care for extremes."""
    space = {phi: (lambda z, phi=phi: float(ACTIVATIONS[phi].value(np.array(z)))) for phi in ACTIVATIONS}
    space |= {
        f"{phi}_derivative": (lambda z, phi=phi: float(ACTIVATIONS[phi].derivative(np.array(z)))) for phi in ACTIVATIONS
    }
    space |= {"exp": math.exp, "log": math.log, "sqrt": math.sqrt, "pi": math.pi, "phi": space[name]}
    space |= {"ndtr": lambda z: math.erfc(-z / math.sqrt(2)) / 2}
    return [eval(formula, space, {"z": z}) for z in Z[:-3].tolist()]  # noqa: S307 - of a definition


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_plain_python_computes_the_definition(name):
    phi = ACTIVATIONS[name]
    value, derivative = phi.expressions
    np.testing.assert_allclose(in_python(value), phi.value(Z), rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(in_python(derivative), phi.derivative(Z), rtol=1e-14, atol=1e-15)


@pytest.mark.torch
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_pytorch_computes_the_definition_and_autograd_its_derivative(name):
    import torch

    from twofold.engines.concise import Formula, activation_module
    from twofold.engines.pytorch.tensor_functions import TensorFunctions

    phi = ACTIVATIONS[name]
    where = Z[Z != 0]
    for module in (activation_module(name), Formula(name)):
        z = torch.tensor(where, requires_grad=True)
        H = module(z)
        H.sum().backward()
        np.testing.assert_allclose(H.detach().numpy(), phi.value(where), rtol=1e-13, atol=1e-14)
        np.testing.assert_allclose(z.grad.numpy(), phi.derivative(where), rtol=1e-12, atol=1e-14)
    derivative = phi.phi_derivative(z.detach(), TensorFunctions(z.detach()))
    np.testing.assert_allclose(np.broadcast_to(derivative, where.shape), phi.derivative(where), rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_formulas_that_people_read_are_those_that_are_computed(name):
    phi = ACTIVATIONS[name]
    np.testing.assert_allclose(by_people(name, phi.formula), phi.value(Z[:-3]), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(by_people(name, phi.derivative_formula), phi.derivative(Z[:-3]), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_activations_are_those_of_earlier_versions_to_the_bit(dtype):
    """So that checkpoints of before go on as they would have."""
    z = Z.astype(dtype)
    e = np.exp(-np.abs(z))
    before = {
        "sigmoid": (np.exp(np.minimum(z, 0)) / (1 + e), e / np.square(1 + e)),
        "tanh": (np.tanh(z), 4 * np.square(e) / np.square(1 + np.square(e))),
        "relu": (np.maximum(z, 0), (z > 0).astype(dtype)),
    }
    before["silu"] = (z * before["sigmoid"][0], before["sigmoid"][0] + z * before["sigmoid"][1])
    for name, arrays in before.items():
        for own, array in zip((ACTIVATIONS[name].value(z), ACTIVATIONS[name].derivative(z)), arrays, strict=True):
            assert own.tobytes() == array.tobytes(), name


def test_which_activations_have_a_kink_and_which_are_straight_on_each_side_of_it():
    assert [name for name, phi in ACTIVATIONS.items() if phi.kink] == ["relu", "leaky_relu"]
    assert [name for name, phi in ACTIVATIONS.items() if phi.is_piecewise_linear] == ["identity", "relu", "leaky_relu"]


@pytest.mark.parametrize("name", [name for name, loss in LOSSES.items() if not loss.targets.compete])
def test_the_formulas_of_losses_that_people_read_are_those_that_are_computed(name):
    loss = LOSSES[name]
    rng = np.random.default_rng(0)
    o, y = rng.normal(size=(60, 1)), loss.targets.draw(rng, (60, 1))
    y = np.maximum(y, 1e-9) if "log(y)" in loss.formula else y  # whose formula has no care for y = 0
    functions = {"sigmoid": lambda o: 1 / (1 + math.exp(-o))}
    pairs = [{"o": float(a), "y": float(b), "c": loss.constant or 0.0} for a, b in zip(o[:, 0], y[:, 0], strict=True)]
    value, gradient = loss.samples(o, y)
    for formula, computed in ((loss.formula, value), (loss.slope_formula, gradient[:, 0])):
        given = [evaluate(formula, pair, functions) for pair in pairs]
        np.testing.assert_allclose(given, computed, rtol=1e-12, atol=1e-12)


def test_a_formula_is_written_as_text_and_in_latex():
    assert as_text("z * sigmoid(z) + sigmoid_derivative(z)") == "z sigma(z) + sigma'(z)"
    assert as_latex("1 if z > 0 else 0") == r"\mathbb{1}[z > 0]"
    assert as_latex("-(a + b) / 2") == r"-\frac{a + b}{2}"
    assert as_latex("(a + b) * tanh(z)**2 - (c - d)") == r"(a + b)\,\tanh^{2}(z) - (c - d)"
    with pytest.raises(SpecificationError, match="is no Python expression"):
        as_latex("z +")
    with pytest.raises(SpecificationError, match="which has no LaTeX here"):
        as_latex("[z]")


def test_what_is_used_twice_is_computed_once():
    def twice(z, xp):
        e = xp.exp(z)
        return e / (1 + e)

    assert python_lines(record(twice, "z"), PYTHON) == ["a1 = exp(z)", "return a1 / (1.0 + a1)"]


@pytest.mark.parametrize(
    ("function", "lines"),
    [
        (lambda z, xp: z - (z - 1), "return z - (z - 1.0)"),
        (lambda z, xp: -(z + 1) * 2, "return -(z + 1.0) * 2.0"),
        (lambda z, xp: 2 / (z * 3) / 4, "return 2.0 / (z * 3.0) / 4.0"),
        (lambda z, xp: 1 + xp.where(z > 0, z, -1), "return 1.0 + (z if z > 0.0 else -1.0)"),
        (
            lambda z, xp: xp.where(z > xp.where(z < 1, 0, 1), 2, 3),
            "return 2.0 if z > (0.0 if z < 1.0 else 1.0) else 3.0",
        ),
        (lambda z, xp: 5, "return 5.0"),
    ],
)
def test_an_expression_is_written_with_the_brackets_it_needs(function, lines):
    assert python_lines(record(function, "z"), PYTHON) == [lines]


def test_a_definition_that_asks_or_calls_what_it_cannot_is_told_so():
    with pytest.raises(SpecificationError, match=r"choose with xp\.where"):
        record(lambda z, xp: z if z > 0 else 0, "z")
    with pytest.raises(SpecificationError, match=r"uses xp\.cosh, which is not known; there are abs, exp"):
        record(lambda z, xp: xp.cosh(z), "z")


def test_sigmoid_of_arrays_is_at_hand():
    np.testing.assert_array_equal(sigmoid(np.zeros(2)), [0.5, 0.5])
