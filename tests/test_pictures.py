"""Pictures by name: what there is of which model, and that each reads the right samples."""

from __future__ import annotations

import numpy as np
import pytest

from twofold import Network, Recipe, load_dataset, open_engine, train
from twofold.errors import DataError, SpecificationError, UnknownNameError
from twofold.pictures import SUBJECTS, check_subject, draw, subjects_of
from twofold.plots import svg
from twofold.saving import Model

CLASSES = {"network", "curves", "confusion", "calibration"}
NUMBERS = {"network", "curves", "residuals"}
EXPECTED = {
    ("toy-animals", (4, 3)): CLASSES | {"weights", "predictions", "mistakes"},
    ("digits", (64, 8, 10)): CLASSES | {"weights", "predictions", "mistakes", "layers"},
    ("spirals", (2, 8, 8, 3)): CLASSES | {"regions", "layers"},
    ("houses", (2, 1)): NUMBERS | {"fit", "coefficients", "surface"},
    ("diabetes", (10, 4, 1)): NUMBERS | {"layers"},
}


@pytest.fixture(scope="module", params=EXPECTED, ids=lambda key: key[0])
def case(request):
    name, widths = request.param
    raw = load_dataset(name)
    data = raw.standardized() if raw.needs_scaling else raw
    network = Network(widths, loss="cross_entropy" if data.classes else "squared")
    engine = open_engine("scratch", network, initialization="he")
    recipe = Recipe(epochs=2, batch_size=16, learning_rate=0.02)
    return (
        Model.of(engine, data, raw=raw, recipe=recipe, history=train(engine, data, recipe)),
        raw,
        EXPECTED[request.param],
    )


def test_there_are_the_pictures_that_fit_model_and_data_and_each_can_be_drawn(case):
    model, data, expected = case
    assert set(subjects_of(model, data)) == expected
    for subject in expected:
        axes = draw(subject, model, data)
        assert len({id(ax.figure) for ax in axes}) == 1
        assert svg(axes[0]).rstrip().endswith("</svg>")


def test_every_other_picture_is_refused_with_what_it_needs(case):
    model, data, expected = case
    for subject in SUBJECTS.keys() - expected:
        with pytest.raises(SpecificationError, match=rf"there is no picture '{subject}' of this: it needs \w+"):
            check_subject(subject, model, data)


def test_scores_are_drawn_of_the_test_set():
    data = load_dataset("toy-animals")
    engine = open_engine("scratch", Network((4, 3)))
    (ax,) = draw("confusion", Model.of(engine, data), data)
    assert sum(int(text.get_text()) for text in ax.texts) == len(data.test)


def test_residuals_are_in_the_data_s_own_units():
    raw = load_dataset("houses")
    data = raw.standardized()
    engine = open_engine("scratch", Network((2, 1), loss="squared"))
    recipe = Recipe(epochs=20, batch_size=10, learning_rate=0.03)
    model = Model.of(engine, data, raw=raw, history=train(engine, data, recipe))
    above, _ = draw("residuals", model, raw)
    points = above.collections[0].get_offsets()
    np.testing.assert_allclose(points.sum(axis=1), raw.train.y[:, 0])  # fitted + residual
    assert 13 < points[:, 1].std() < 17  # the noise of 15 that the set was made with


def test_a_model_of_other_data_is_refused():
    data = load_dataset("digits")
    model = Model.of(open_engine("scratch", Network((4, 3))))
    with pytest.raises(DataError, match="the network has 4 inputs, and digits 64 features; give its own data"):
        draw("confusion", model, data)
    with pytest.raises(UnknownNameError, match="did you mean 'confusion'"):
        draw("confuson", model, data)


@pytest.mark.parametrize("loss", ["huber", "absolute"])
def test_pictures_of_least_squares_are_not_drawn_of_another_loss(loss):
    data = load_dataset("synthetic")
    model = Model.of(open_engine("scratch", Network((2, 1), loss=loss)), data)
    assert {"fit", "residuals"} <= set(subjects_of(model, data))
    for subject in ("coefficients", "surface"):
        with pytest.raises(SpecificationError, match="it needs linear regression with the squared loss"):
            draw(subject, model, data)


def test_the_loss_surface_of_scaled_columns_is_in_the_datas_own_units():
    houses = load_dataset("houses")
    network = Network((2, 1), loss="squared")
    engine = open_engine("scratch", network)
    data = houses.standardized()
    model = Model.of(engine, data, raw=houses, history=train(engine, data, Recipe(epochs=1, batch_size=100)))
    (ax,) = draw("surface", model, houses)
    star = ax.lines[-1].get_xydata()[0]
    exact = np.linalg.lstsq(np.column_stack([houses.train.X, np.ones(1000)]), houses.train.y[:, 0], rcond=None)[0]
    np.testing.assert_allclose(star, exact[:2], rtol=1e-9)
    for path in ax.lines[:-1]:
        assert np.abs(path.get_xydata()[-1] - star).max() < 0.3
