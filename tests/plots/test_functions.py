"""Functions and activations, tested by the lines of the Axes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from twofold.errors import DataError, SpecificationError, UnknownNameError
from twofold.functions import ACTIVATIONS
from twofold.plots import activation_plots, xyplot


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_is_drawn_with_its_derivative(name):
    value, slope = xyplot(name).lines
    x = value.get_xdata()
    np.testing.assert_array_equal(value.get_ydata(), ACTIVATIONS[name].value(x))
    there = np.isfinite(slope.get_ydata())
    np.testing.assert_array_equal(slope.get_ydata()[there], ACTIVATIONS[name].derivative(x)[there])
    assert (~there).sum() == (1 if ACTIVATIONS[name].kink else 0)


def test_relu_has_no_derivative_at_its_kink_and_the_line_breaks_there():
    slope = xyplot("relu").lines[1]
    (broken,) = slope.get_xdata()[np.isnan(slope.get_ydata())]
    assert broken == 0


@pytest.mark.parametrize("function", [math.sin, np.sin, lambda x: math.sin(x) if x > -9 else 0])
def test_any_function_of_one_number_can_be_drawn(function):
    (line,) = xyplot(function, 0, 3).lines
    np.testing.assert_allclose(line.get_ydata(), np.sin(line.get_xdata()))


def test_a_function_has_gaps_where_it_has_no_value():
    for logarithm in (np.log, math.log):
        (line,) = xyplot(logarithm, -1, 1).lines
        np.testing.assert_array_equal(np.isnan(line.get_ydata()), line.get_xdata() <= 0)


def test_a_derivative_of_one_s_own_is_drawn_too_and_constants_are_functions():
    assert len(xyplot(lambda x: x**2, derivative=lambda x: 2 * x).lines) == 2
    assert set(xyplot(lambda x: 3.0).lines[0].get_ydata()) == {3.0}


def test_all_activations_are_drawn_on_one_scale():
    axes = activation_plots()
    assert [ax.get_title(loc="left") for ax in axes] == list(ACTIVATIONS)
    assert len({ax.get_ylim() for ax in axes}) == 1
    assert len({ax.figure for ax in axes}) == 1


def test_what_can_not_be_drawn_is_refused():
    with pytest.raises(SpecificationError, match="the range is 1 to 1"):
        xyplot("relu", 1, 1)
    with pytest.raises(UnknownNameError, match="did you mean 'relu'"):
        xyplot("rleu")
    with pytest.raises(UnknownNameError, match="did you mean 'tanh'"):
        activation_plots(["tan"])
    with pytest.raises(DataError, match="the function made"):
        xyplot(lambda x: np.zeros((2, 2)))
    with pytest.raises(DataError, match="complex128"):
        xyplot(lambda x: x * 1j)
    with pytest.raises(DataError, match="the function made"):
        xyplot(lambda x: "a")
    with pytest.raises(SpecificationError, match="the function is 5; expected one"):
        xyplot(5)


def test_numbers_that_are_there_are_drawn_as_the_book_draws_them():
    x = np.linspace(-8, 8, 33)
    ax = xyplot(x, np.maximum(x, 0), "relu")
    assert ax.get_ylabel() == "relu(x)"
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), np.maximum(x, 0))
    with pytest.raises(DataError, match=r"x has shape \(33,\) and y \(3,\); expected xyplot\(x, y, name\)"):
        xyplot(x, x[:3], "relu")
    with pytest.raises(SpecificationError, match="the range is 'a' to 5"):
        xyplot("relu", "a")


@pytest.mark.torch
def test_tensors_with_a_gradient_are_drawn():
    torch = pytest.importorskip("torch")
    t = torch.arange(-2.0, 2.0, 0.5, requires_grad=True)
    np.testing.assert_array_equal(xyplot(t, t.relu(), "relu").lines[0].get_ydata(), t.relu().detach().numpy())
