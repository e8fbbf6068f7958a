"""Image grids, tested by what the Axes hold."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from twofold.errors import DataError, SpecificationError
from twofold.plots import image_grid, save


def test_a_grid_holds_every_image_under_its_label_row_by_row():
    images = np.arange(5 * 6).reshape(5, 2, 3)
    ax = image_grid(images, list("abcde"), columns=2)
    assert [text.get_text() for text in ax.texts] == list("abcde")
    np.testing.assert_array_equal(ax.images[3].get_array(), images[3])
    corners = [image.get_extent()[::3] for image in ax.images]  # left, top
    assert corners[0] == [0, 0] or corners[0] == (0, 0)
    assert corners[1][0] > corners[0][0]
    assert corners[2][0] == corners[0][0]
    assert corners[2][1] > corners[0][1]
    lowest = max(image.get_extent()[2] for image in ax.images)
    assert ax.get_ylim()[0] >= lowest  # nothing is cut off below


def test_a_grid_is_drawn_on_given_axes_and_needs_no_labels(tmp_path):
    figure = Figure()
    ax = figure.subfigures(1, 2)[0].subplots()
    assert image_grid(np.zeros((1, 2, 2)), ax=ax) is ax
    assert not ax.texts
    for name in ("grid.png", "grid.svg"):
        save(ax, tmp_path / name)
        assert (tmp_path / name).stat().st_size > 0


def test_a_stripe_of_pixels_still_makes_a_picture(tmp_path):
    save(image_grid(np.zeros((3, 1, 5000))), tmp_path / "stripe.png")
    save(image_grid(np.zeros((3, 5000, 1)), ["a", "b", "c"]), tmp_path / "tower.png")


@pytest.mark.parametrize("name", ["grid", "grid.txt", "."])
def test_a_name_without_a_picture_s_ending_is_refused_and_nothing_written(name, tmp_path):
    with pytest.raises(SpecificationError, match=r"a picture's name ends in one of .*.png.*.svg"):
        save(image_grid(np.zeros((1, 2, 2))), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_grid_is_refused():
    with pytest.raises(DataError, match=r"images have shape \(2, 2\)"):
        image_grid(np.zeros((2, 2)))
    with pytest.raises(DataError, match=r"images have shape \(2, 0, 2\)"):
        image_grid(np.zeros((2, 0, 2)))
    with pytest.raises(DataError, match="an image holds a number that is not finite"):
        image_grid(np.full((1, 2, 2), np.nan))
    with pytest.raises(DataError, match="2 images and 1 labels"):
        image_grid(np.zeros((2, 2, 2)), ["one"])
