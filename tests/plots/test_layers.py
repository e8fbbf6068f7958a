"""Layers' distributions, calibration and coefficients, tested by their numbers and what the Axes hold."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex

from twofold import LinearRegression
from twofold.errors import DataError, SpecificationError
from twofold.plots import (
    activation_distributions,
    calibration,
    calibration_plot,
    coefficient_plot,
    dead_units,
    gradient_distributions,
)
from twofold.plots.calibration import wilson
from twofold.plots.style import LIGHT


def test_zeros_and_dead_units_are_counted():
    H = np.array([[0.0, 0.0, 1.0, 0.0], [0.0, 2.0, 3.0, 0.0]])
    assert dead_units(H).tolist() == [True, False, False, True]
    ax = activation_distributions([H, np.ones((2, 3))], ["first", "second"])
    assert [text.get_text() for text in ax.texts] == ["62% zeros\n2 of 4 units dead", "0% zeros\n3 of 3 units dead"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["first", "second"]


def test_a_layer_that_is_all_zero_still_makes_a_picture():
    ax = activation_distributions([np.zeros((3, 2))])
    assert ax.texts[0].get_text() == "100% zeros\n2 of 2 units dead"
    assert gradient_distributions([np.zeros((3, 2))]).texts[0].get_text() == "100% zeros\nmedian 0"


def test_a_gradient_a_thousandfold_smaller_lies_three_steps_to_the_left():
    G = np.random.default_rng(0).standard_normal((50, 50))
    ax = gradient_distributions([G, G / 1000])
    peaks = []
    for ridge in ax.collections:
        x, y = ridge.get_paths()[0].vertices.T
        peaks.append(x[y.argmax()])
    assert peaks[0] - peaks[1] == pytest.approx(3, abs=0.15)


def test_what_are_no_layers_is_refused():
    with pytest.raises(DataError, match="expected at least one"):
        activation_distributions([])
    with pytest.raises(DataError, match="not finite"):
        gradient_distributions([np.full((1, 1), np.nan)])
    with pytest.raises(DataError, match="1 layers and 2 names"):
        activation_distributions([np.ones((1, 1))], ["a", "b"])


def test_calibration_holds_the_mean_confidence_of_a_bin_against_its_accuracy():
    P = np.array([[0.62, 0.38], [0.68, 0.32], [0.05, 0.95], [0.0, 1.0]])
    found = calibration(np.array([0, 1, 1, 1]), P)
    np.testing.assert_array_equal(found.counts, [2, 2])
    np.testing.assert_allclose(found.confidence, [0.65, 0.975])
    np.testing.assert_allclose(found.accuracy, [0.5, 1.0])
    assert found.error == pytest.approx((0.15 + 0.025) / 2)


def test_wilson_s_interval_is_the_published_one():
    # Newcombe 1998 (Statistics in Medicine 17, 857-872), table I: 81 of 263 gives 0.2553 to 0.3662.
    low, high = wilson(np.array([81 / 263]), np.array([263]))
    assert (round(float(low[0]), 4), round(float(high[0]), 4)) == (0.2553, 0.3662)


def test_a_model_that_says_how_sure_it_is_lies_on_the_line():
    rng = np.random.default_rng(0)
    p = rng.uniform(0.5, 1, 20000)
    y = (rng.uniform(size=20000) > p).astype(int)
    P = np.column_stack([p, 1 - p])
    assert calibration(y, P).error < 0.02
    assert calibration(np.zeros(20000, int), P).error > 0.2
    ax = calibration_plot(y, P)
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend[-1] == f"measured (ECE {calibration(y, P).error:.3f})"


def test_what_are_no_probabilities_is_refused():
    with pytest.raises(DataError, match="a row is no probabilities"):
        calibration(np.array([0]), np.array([[3.0, -2.0]]))
    with pytest.raises(DataError, match=r"probabilities have shape \(1, 2\) and classes \(2,\)"):
        calibration(np.array([0, 1]), np.array([[0.5, 0.5]]))
    with pytest.raises(SpecificationError, match="bins is 0"):
        calibration(np.array([0]), np.array([[0.5, 0.5]]), bins=0)


@pytest.fixture(scope="module")
def summary():
    rng = np.random.default_rng(1)
    X = rng.standard_normal((200, 2))
    return LinearRegression().fit(X, 3 * X[:, 0] + rng.standard_normal(200)).summary()


def test_coefficients_are_drawn_with_their_intervals_hollow_where_0_is_inside(summary):
    ax = coefficient_plot(summary)
    items = {item.name: item for item in summary.coefficients}
    _, interval, point, _, hollow = ax.lines
    np.testing.assert_array_equal(interval.get_xdata(), (items["x0"].low, items["x0"].high))
    assert point.get_xdata()[0] == items["x0"].value
    assert to_hex(point.get_markerfacecolor()) == LIGHT.colors[0]
    assert items["x1"].low < 0 < items["x1"].high
    assert to_hex(hollow.get_markerfacecolor()) == LIGHT.paper
    assert [label.get_text() for label in ax.get_yticklabels()] == ["x0", "x1"]
    assert len(coefficient_plot(summary, intercept=True).get_yticks()) == 3


def test_coefficients_are_scaled_by_name(summary):
    ax = coefficient_plot(summary, scales={"x0": 10.0, "x1": 1.0})
    assert ax.lines[2].get_xdata()[0] == pytest.approx(10 * summary.coefficients[1].value)
    with pytest.raises(DataError, match="scales lack x1"):
        coefficient_plot(summary, scales={"x0": 1.0})
