"""Decision regions, fits and loss surfaces, tested by what the Axes hold."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from twofold import Network, Recipe, load_dataset, open_engine, solve_least_squares
from twofold.errors import DataError, SpecificationError
from twofold.inspect import hidden_activations, sgd_path
from twofold.network import initialize
from twofold.plots import decision_regions, fit_plot, loss_surface, style
from twofold.plots.surface import emptiest

X = np.array([[-1.0, -1.0], [1.0, 1.0], [1.0, -1.0]])
Y = np.array([0, 1, 2])


def half(points):
    return (points[:, 0] > 0).astype(int)


def test_each_point_of_the_plane_has_its_class_s_colour():
    ax = decision_regions(half, X, Y, resolution=20)
    colors = ax.images[0].get_array()
    assert colors.shape == (20, 20, 3)
    left, right = colors[:, :10].reshape(-1, 3), colors[:, 10:].reshape(-1, 3)
    assert len(np.unique(left, axis=0)) == len(np.unique(right, axis=0)) == 1
    assert not np.array_equal(left[0], right[0])


def test_the_surer_the_stronger():
    def sure(points):
        p = np.where(points[:, 0] > 0, 0.99, 0.6)
        return np.column_stack([p, 1 - p])

    colors = decision_regions(sure, X, Y, resolution=20).images[0].get_array()
    assert colors[0, 15].sum() < colors[0, 0].sum()  # darker than the paper
    with style("dark"):
        colors = decision_regions(sure, X, Y, resolution=20).images[0].get_array()
    assert colors[0, 15].sum() > colors[0, 0].sum()


def test_samples_lie_on_the_regions_by_class_and_by_name():
    ax = decision_regions(half, X, Y, ["a", "b", "c"])
    assert [points.get_label() for points in ax.collections] == ["a", "b", "c"]
    np.testing.assert_array_equal(ax.collections[1].get_offsets(), [[1, 1]])
    shapes = {points.get_paths()[0].vertices.tobytes() for points in ax.collections}
    assert len(shapes) == 3  # told apart without colour too


def test_what_has_no_two_columns_has_no_regions():
    with pytest.raises(DataError, match=r"X has shape \(3, 1\) and y \(3,\); a plane needs"):
        decision_regions(half, X[:, :1], Y)
    with pytest.raises(DataError, match=r"predict made shape \(1,\) of 57600 points"):
        decision_regions(lambda points: np.zeros(1), X, Y)
    with pytest.raises(DataError, match="predict made <U1; expected indices of classes"):
        decision_regions(lambda points: np.full(len(points), "a"), X, Y)


def test_a_line_is_drawn_with_each_sample_s_residual():
    x, y = np.array([[0.0], [1.0], [2.0]]), np.array([[1.0], [1.0], [5.0]])
    ax = fit_plot(lambda points: 2 * points[:, 0], x, y, features=["area"], target="price")
    sticks = np.array(ax.collections[0].get_segments())
    np.testing.assert_array_equal(sticks, [[[0, 0], [0, 1]], [[1, 2], [1, 1]], [[2, 4], [2, 5]]])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("area", "price")


def test_a_plane_is_drawn_in_three_dimensions_with_a_stick_for_each_sample():
    points, y = np.random.default_rng(0).standard_normal((7, 2)), np.arange(7.0)
    ax = fit_plot(lambda rows: rows @ np.array([[1.0], [2.0]]), points, y)
    assert ax.name == "3d"
    assert len(ax.lines) == 7
    assert ax._repr_svg_().startswith("<?xml")
    given = Figure().add_subplot(projection="3d")
    assert fit_plot(lambda rows: rows[:, 0], points, y, ax=given) is given
    with pytest.raises(DataError, match="give Axes made with projection='3d'"):
        fit_plot(lambda rows: rows[:, 0], points, y, ax=Figure().subplots())
    with pytest.raises(DataError, match=r"X has shape \(7, 3\)"):
        fit_plot(lambda rows: rows[:, 0], np.zeros((7, 3)), y)


@pytest.fixture(scope="module")
def paths():
    data = load_dataset("synthetic")
    fit = solve_least_squares(data.train.X, data.train.y)
    exact = np.concatenate([fit.W.ravel(), fit.b])
    network = Network((2, 1), loss="squared")
    routes = {}
    for batch, rate in ((1000, 0.1), (10, 0.03)):
        engine = open_engine("scratch", network, dtype="float64")
        recipe = Recipe(epochs=3, batch_size=batch, learning_rate=rate)
        routes[f"batch size {batch}"] = sgd_path(engine, data, recipe)
        np.testing.assert_array_equal(routes[f"batch size {batch}"][-1, :2], engine.parameters()[0].W[:, 0])
    return data, exact, routes


def test_a_path_has_the_start_and_every_step(paths):
    _, exact, routes = paths
    assert {name: path.shape for name, path in routes.items()} == {"batch size 1000": (4, 3), "batch size 10": (301, 3)}
    start = initialize(Network((2, 1), loss="squared"))[0]
    np.testing.assert_array_equal(routes["batch size 10"][0], [*start.W[:, 0], *start.b])
    assert np.abs(routes["batch size 10"][-1] - exact).max() < 0.01


def test_paths_are_drawn_on_the_surface_and_end_near_the_star(paths):
    data, exact, routes = paths
    ax = loss_surface(data.train.X, data.train.y, exact, routes)
    lines = {line.get_label(): line.get_xydata() for line in ax.lines}
    np.testing.assert_array_equal(lines["batch size 10"], routes["batch size 10"][:, :2])
    np.testing.assert_array_equal(lines["exact solution"], [exact[:2]])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("w₁", "w₂")
    ax = loss_surface(data.train.X, data.train.y, exact, routes, axes=(1, 2), names=["area", "age", "base"])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("age", "base")


def test_the_legend_takes_the_corner_with_the_fewest_points():
    points = np.array([[0.1, 0.1], [0.9, 0.1], [0.9, 0.2], [0.1, 0.9]])
    assert emptiest(points, (0, 1, 0, 1)) == "upper right"
    assert emptiest(-points, (-1, 0, -1, 0)) == "lower left"


def test_the_contours_are_those_of_the_loss(paths):
    data, exact, routes = paths
    ax = loss_surface(data.train.X, data.train.y, exact, routes)
    angles = np.linspace(0, 2 * np.pi, 9)
    circle = np.column_stack([np.cos(angles), np.sin(angles)])
    for contour in ax.patches[::5]:
        losses = []
        for point in contour.get_patch_transform().transform(circle):
            residuals = data.train.X @ point + exact[2] - data.train.y[:, 0]
            losses.append(np.mean(residuals**2) / 2)
        assert np.ptp(losses) < 1e-9 * np.mean(losses)


def test_what_is_no_surface_is_refused(paths):
    data, exact, _ = paths
    with pytest.raises(SpecificationError, match=r"axes are \(1, 1\)"):
        loss_surface(data.train.X, data.train.y, exact, axes=(1, 1))
    with pytest.raises(DataError, match=r"the exact solution has shape \(2,\); expected \(3,\)"):
        loss_surface(data.train.X, data.train.y, exact[:2])
    with pytest.raises(DataError, match=r"path 'a' has shape \(5, 2\)"):
        loss_surface(data.train.X, data.train.y, exact, {"a": np.zeros((5, 2))})


def test_hidden_activations_lead_to_the_engine_s_outputs():
    network = Network((4, 5, 3), activation="tanh")
    engine = open_engine("scratch", network, dtype="float64", initialization="xavier")
    rows = np.random.default_rng(0).standard_normal((6, 4))
    (H,) = hidden_activations(network, engine.parameters(), rows)
    last = engine.parameters()[1]
    np.testing.assert_allclose(H @ last.W + last.b, engine.outputs(rows), rtol=1e-14)
    assert hidden_activations(Network((4, 3)), initialize(Network((4, 3))), rows) == []
