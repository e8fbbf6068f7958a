"""Training curves and the pictures of residuals, tested by what the Axes hold."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from twofold import Epoch
from twofold.errors import DataError, UnknownNameError
from twofold.plots import actual_plot, best_epoch, quantile_plot, residual_plot, training_curves


def run(losses, tests=(), accuracies=()):
    rows = zip(losses, tests or [None] * len(losses), accuracies or [None] * len(losses), strict=True)
    return [Epoch(k, len(losses), loss, a, test, a, 0.1, 100, 0.1) for k, (loss, test, a) in enumerate(rows, start=1)]


def test_the_training_curve_stands_at_the_middle_of_an_epoch_and_the_test_curve_at_its_end():
    ax = training_curves(run([3.0, 2.0, 1.0], [2.5, 1.5, 1.7]))
    train, test, best = ax.lines
    np.testing.assert_array_equal(train.get_xydata(), [(0.5, 3), (1.5, 2), (2.5, 1)])
    np.testing.assert_array_equal(test.get_xydata(), [(1, 2.5), (2, 1.5), (3, 1.7)])
    np.testing.assert_array_equal(best.get_xydata(), [(2, 1.5)])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["train", "test", "best: epoch 2, 1.5"]


def test_several_runs_lie_over_each_other_each_in_its_colour_and_with_its_best_epoch():
    runs = {"small": run([3.0, 2.0], [2.0, 3.0], [0.1, 0.2]), "large": run([2.0, 1.0], [2.0, 1.0], [0.3, 0.2])}
    ax = training_curves(runs, quantity="accuracy")
    colors = [line.get_color() for line in ax.lines if len(line.get_xdata()) == 2]
    assert colors[0] == colors[1] != colors[2] == colors[3]
    rings = [tuple(line.get_xydata()[0]) for line in ax.lines if len(line.get_xdata()) == 1]
    assert rings == [(2.0, 0.2), (1.0, 0.3)]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["small", "large", "train", "test", "best"]


def test_without_a_test_set_there_is_one_curve_and_no_best_epoch():
    records = run([3.0, 2.0])
    ax = training_curves(records)
    assert [line.get_label() for line in ax.lines] == ["train"]
    assert best_epoch(records) is None


def test_the_best_epoch_is_none_that_diverged():
    assert best_epoch(run([1.0, 1.0], [np.nan, 5.0])) == (2, 5.0)


def test_a_validation_set_has_a_curve_and_chooses_the_best_epoch():
    def epoch(k, loss, validation, test=None):
        return SimpleNamespace(
            epoch=k, loss=loss, validation_loss=validation, test_loss=test, train_accuracy=None, test_accuracy=None
        )

    run = [epoch(1, 0.9, 0.5), epoch(2, 0.5, 0.3), epoch(3, 0.2, 0.6)]
    ax = training_curves(run)
    assert [line.get_label() for line in ax.lines] == ["train", "validation", "best: epoch 2, 0.3"]
    assert best_epoch(run) == (2, 0.3)
    assert training_curves(run, kept=[3]).lines[2].get_label() == "kept: epoch 3, 0.6"
    both = training_curves({"a": run, "b": run}, kept=[2, 1])
    assert [text.get_text() for text in both.get_legend().get_texts()] == ["a", "b", "train", "validation", "kept"]
    tested = [epoch(1, 0.9, 0.5, 0.4), epoch(2, 0.5, 0.6, 0.3)]
    assert [line.get_linestyle() for line in training_curves(tested).lines[:3]] == ["--", ":", "-"]
    assert best_epoch(tested) == (1, 0.5)


def test_curves_of_nothing_are_refused():
    for runs in ([], {}, {"a": []}):
        with pytest.raises(DataError, match="there is no epoch to draw"):
            training_curves(runs)
    with pytest.raises(DataError, match="these runs have no accuracy"):
        training_curves(run([1.0]), quantity="accuracy")
    with pytest.raises(UnknownNameError, match="did you mean 'accuracy'"):
        training_curves(run([1.0]), quantity="acuracy")


def test_residuals_stand_over_the_fitted_values_and_the_largest_are_named():
    actual, fitted = np.arange(40.0), np.arange(40.0)[::-1].copy()
    fitted[5] += 100
    ax = residual_plot(actual[:, None], fitted, outliers=1)
    np.testing.assert_array_equal(ax.collections[0].get_offsets(), np.stack([fitted, actual - fitted], axis=1))
    assert [text.get_text() for text in ax.texts] == ["5"]
    (trend,) = (line for line in ax.lines if line.get_label() == "trend")
    assert len(trend.get_xdata()) == 10


def test_normal_residuals_lie_on_the_line_of_the_quantile_plot():
    rng = np.random.default_rng(0)
    points = quantile_plot(rng.standard_normal(20000), np.zeros(20000)).collections[0].get_offsets()
    assert np.abs(points[100:-100, 0] - points[100:-100, 1]).max() < 0.1
    far = quantile_plot(rng.exponential(size=20000), np.zeros(20000)).collections[0].get_offsets()
    assert np.abs(far[100:-100, 0] - far[100:-100, 1]).max() > 0.5


@pytest.mark.parametrize("draw", [residual_plot, quantile_plot])
def test_what_are_no_residuals_is_refused(draw):
    with pytest.raises(DataError, match="3 actual and 4 fitted values"):
        draw(np.zeros(3), np.zeros(4))
    with pytest.raises(DataError, match=r"fitted has shape \(3, 2\); expected \(n,\)"):
        draw(np.zeros(3), np.zeros((3, 2)))
    with pytest.raises(DataError, match="actual holds a number that is not finite"):
        draw(np.full(3, np.inf), np.zeros(3))


def test_two_residuals_have_no_quantiles():
    with pytest.raises(DataError, match="2 residuals; their quantiles need at least 3"):
        quantile_plot(np.zeros(2), np.zeros(2))


def test_actual_values_stand_over_predicted_ones_beside_the_line_where_they_are_the_same():
    actual, predicted = np.array([1.0, 20.0, 300.0]), np.array([[2.0], [10.0], [250.0]])
    ax = actual_plot(actual, predicted, name="$x$", log=True)
    assert ax.collections[0].get_offsets().tolist() == [[2.0, 1.0], [10.0, 20.0], [250.0, 300.0]]
    assert (ax.get_xscale(), ax.get_xlabel(), ax.get_ylabel()) == ("log", "predicted", "actual")
    assert ax.lines[0].get_xdata().tolist() == ax.lines[0].get_ydata().tolist() == [1.0, 300.0]
    assert ax.get_title(loc="left") == "$x$"
    assert actual_plot(actual - 1, predicted, log=True).get_xscale() == "linear"
    with pytest.raises(DataError, match="3 actual and 2 fitted values"):
        actual_plot(actual, predicted[:2])
