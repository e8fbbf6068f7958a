"""What a classifier gets right and wrong, and what it learned, tested by what the Axes hold."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex

from twofold.errors import DataError
from twofold.plots import confident_mistakes, confusion_matrix, prediction_grid, weight_images
from twofold.plots.style import LIGHT


def words(ax):
    return [text.get_text() for text in ax.texts]


def test_a_confusion_matrix_counts_rows_of_actual_and_columns_of_predicted_classes():
    ax = confusion_matrix(np.array([0, 0, 0, 2]), np.array([0, 1, 1, 2]), ["a", "b", "c"])
    assert np.reshape(words(ax), (3, 3)).tolist() == [["1", "2", "0"], ["0", "0", "0"], ["0", "0", "1"]]
    opacity = np.reshape([cell.get_facecolor()[3] for cell in ax.patches], (3, 3))
    np.testing.assert_allclose(opacity / opacity.max(), [[1 / 3, 2 / 3, 0], [0, 0, 0], [0, 0, 1]])
    assert [cell.get_xy() for cell in ax.patches[:2]] == [(-0.48, -0.48), (0.52, -0.48)]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b", "c"]
    assert ax.get_ylim()[0] > ax.get_ylim()[1]  # the first class on top


def test_a_matrix_of_many_classes_has_colours_alone():
    ax = confusion_matrix(np.arange(40), np.arange(40))
    assert words(ax) == []
    assert len(ax.patches) == 1600


def test_where_a_prediction_is_wrong_the_true_label_stands_in_another_colour():
    ax = prediction_grid(np.zeros((2, 3, 3)), np.array([1, 1]), np.array([1, 0]), ["cat", "dog"])
    assert words(ax) == ["dog\n", "cat\nis dog"]
    assert [to_hex(text.get_color()) for text in ax.texts] == [LIGHT.ink, LIGHT.wrong]


def test_labels_have_one_line_where_all_is_right():
    assert words(prediction_grid(np.zeros((1, 2, 2)), np.array([3]), np.array([3]))) == ["3"]


def test_the_surest_mistakes_come_first_and_right_answers_not_at_all():
    images = np.arange(4.0)[:, None, None] * np.ones((4, 2, 2))
    P = np.array([[0.6, 0.4], [1.0, 0.0], [0.9, 0.1], [0.2, 0.8]])
    ax = confident_mistakes(images, np.array([1, 0, 1, 0]), P, most=2)
    assert [image.get_array()[0, 0] for image in ax.images] == [2.0, 3.0]
    assert words(ax) == ["0 90%\nis 1", "1 80%\nis 0"]


def test_no_mistake_is_said_to_be_none():
    with pytest.raises(DataError, match="all 1 predictions are right"):
        confident_mistakes(np.zeros((1, 2, 2)), np.array([0]), np.array([[0.9, 0.1]]))


def test_the_image_of_a_unit_is_its_column_of_weights():
    W = np.arange(12.0).reshape(6, 2)
    ax = weight_images(W, (2, 3), ["a", "b"])
    np.testing.assert_array_equal(ax.images[1].get_array(), W[:, 1].reshape(2, 3))
    low, high = ax.images[0].get_clim()
    assert low == -high


def test_of_many_units_those_with_the_largest_weights_are_drawn():
    W = np.ones((4, 100))
    W[:, [7, 93]] = 5
    assert words(weight_images(W, (2, 2), most=2)) == ["7", "93"]


def test_what_does_not_fit_is_refused():
    with pytest.raises(DataError, match=r"W has shape \(5, 2\); for images of 2 x 2 expected \(4, units\)"):
        weight_images(np.zeros((5, 2)), (2, 2))
    with pytest.raises(DataError, match="2 units and 1 names"):
        weight_images(np.zeros((4, 2)), (2, 2), ["a"])
    with pytest.raises(DataError, match=r"shapes \(2,\) and \(3,\)"):
        confusion_matrix(np.zeros(2, int), np.zeros(3, int))
    with pytest.raises(DataError, match="classes are float64"):
        confusion_matrix(np.zeros(2), np.zeros(2, int))
    with pytest.raises(DataError, match="class 2 has no name among the 2 given"):
        confusion_matrix(np.array([2]), np.array([0]), ["a", "b"])
    with pytest.raises(DataError, match="for 1 predictions expected"):
        prediction_grid(np.zeros((2, 2, 2)), np.array([0]), np.array([0]))
    with pytest.raises(DataError, match=r"probabilities have shape \(2,\)"):
        confident_mistakes(np.zeros((2, 2, 2)), np.array([0, 1]), np.zeros(2))
