"""Activations and losses against their formulas, their derivatives against differences, both at the extremes."""

from __future__ import annotations

from decimal import Decimal, getcontext

import numpy as np
import pytest

from twofold import Network
from twofold.errors import SpecificationError
from twofold.functions import ACTIVATIONS, LOSSES, NORMALIZATIONS, sigmoid, softmax
from twofold.functions.losses import CLASSES, LABELS
from twofold.functions.means import shares, smooth
from twofold.inspect.gradients import central_difference

Z = np.concatenate([np.linspace(-8, 8, 41), [-1e-3, 1e-3]])
EXTREMES = {"float32": 1e4, "float64": 1e300}


def targets(kind: str, n: int = 6, q: int = 4, seed: int = 0):
    rng = np.random.default_rng(seed)
    rows = rng.random((n, q))
    return {"classes": rng.integers(q, size=n), "numbers": rows, "labels": rows.round()}[kind]


def by_decimal(function):
    """Evaluate at Z in 60 digits, on numbers."""
    getcontext().prec = 60
    return np.array([float(function(Decimal(float(z)))) for z in Z])


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_derivative_is_the_slope_of_the_value(name):
    activation = ACTIVATIONS[name]
    points = Z[Z != 0]  # ReLU has no slope at 0
    for z in points:
        slope = central_difference(lambda h, z=z: activation.value(np.array([z + h]))[0], 1e-4)
        assert activation.derivative(np.array([z]))[0] == pytest.approx(slope, rel=1e-9, abs=1e-11), z


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("dtype", EXTREMES)
def test_activation_keeps_dtype_and_shape_and_stays_finite_at_the_extremes(name, dtype):
    big = EXTREMES[dtype]
    values = np.array([[-big, -50, -1, 0], [0.5, 1, 50, big]], dtype=dtype)
    before = values.copy()
    for function in (ACTIVATIONS[name].value, ACTIVATIONS[name].derivative):
        result = function(values)
        assert result.dtype == dtype
        assert result.shape == values.shape
        assert np.isfinite(result).all()
    np.testing.assert_array_equal(values, before)  # pure: the argument is left alone


def test_relu_has_slope_0_at_the_kink():
    assert ACTIVATIONS["relu"].derivative(np.zeros(1)) == 0


def test_sigmoid_and_silu_and_tanh_have_16_digits_in_both_tails():
    np.testing.assert_allclose(sigmoid(Z), by_decimal(lambda z: 1 / (1 + (-z).exp())), rtol=4e-16)
    np.testing.assert_allclose(ACTIVATIONS["silu"].value(Z), by_decimal(lambda z: z / (1 + (-z).exp())), rtol=4e-16)
    exact = by_decimal(lambda z: 1 - (((2 * z).exp() - 1) / ((2 * z).exp() + 1)) ** 2)
    np.testing.assert_allclose(ACTIVATIONS["tanh"].derivative(Z), exact, rtol=1e-15)


def test_gelu_is_z_times_the_normal_distribution():
    from scipy.stats import norm

    np.testing.assert_allclose(ACTIVATIONS["gelu"].value(Z), Z * norm.cdf(Z), rtol=1e-14)


@pytest.mark.parametrize("dtype", EXTREMES)
def test_softmax_is_positive_sums_to_1_and_never_overflows(dtype):
    big = EXTREMES[dtype]
    O = np.array([[0, 1, 2], [big, -big, 0], [-big, -big, -big], [big, big, -1]], dtype=dtype)
    P = softmax(O)
    assert P.dtype == dtype
    assert (P >= 0).all()
    np.testing.assert_allclose(P.sum(axis=1), 1, rtol=3e-7 if dtype == "float32" else 1e-15)


def test_softmax_does_not_change_the_largest_output():
    O = np.random.default_rng(0).normal(size=(100, 5)) * 1000
    np.testing.assert_array_equal(softmax(O).argmax(axis=1), O.argmax(axis=1))


def test_softmax_of_1000_is_what_a_naive_one_can_not_say():
    with np.errstate(over="ignore", invalid="ignore"):
        naive = np.exp([1000.0, 1001.0]) / np.exp([1000.0, 1001.0]).sum()
    assert np.isnan(naive).all()
    np.testing.assert_allclose(softmax(np.array([[1000.0, 1001.0]])), [[1 / (1 + np.e), np.e / (1 + np.e)]])


def test_cross_entropy_matches_60_digits():
    getcontext().prec = 60
    O = np.random.default_rng(1).normal(size=(5, 3)) * 20
    exact = [float(sum(Decimal(float(o)).exp() for o in row).ln() - Decimal(float(row[2]))) for row in O]
    losses, _ = LOSSES["cross_entropy"].samples(O, np.full(5, 2))
    np.testing.assert_allclose(losses, exact, rtol=1e-13)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("weighted", [False, True])
def test_gradient_of_a_loss_is_the_slope_of_its_value(name, weighted):
    loss = LOSSES[name]
    rng = np.random.default_rng(2)
    O, y = rng.normal(size=(6, 4)), loss.targets.draw(rng, (6, 4))
    weight = rng.random(6) if weighted else None
    gradient = loss.gradient(O, y, weight)
    for place in np.ndindex(O.shape):

        def value(h, place=place):
            moved = O.copy()
            moved[place] += h
            return loss.value(moved, y, weight)

        assert gradient[place] == pytest.approx(central_difference(value, 1e-3), rel=1e-8, abs=1e-12)


@pytest.mark.parametrize("name", ["cross_entropy", "softmax_squared"])
def test_class_indices_and_one_hot_rows_are_the_same_targets(name):
    loss = LOSSES[name]
    O, y = np.random.default_rng(3).normal(size=(6, 4)), targets("classes")
    assert loss.value(O, y) == pytest.approx(loss.value(O, np.eye(4)[y]), rel=1e-15)
    np.testing.assert_allclose(loss.gradient(O, y), loss.gradient(O, np.eye(4)[y]), rtol=1e-15)


@pytest.mark.parametrize("name", ["cross_entropy", "softmax_squared", "sigmoid_cross_entropy"])
@pytest.mark.parametrize("dtype", EXTREMES)
def test_loss_is_finite_and_its_gradient_right_at_the_extremes(name, dtype):
    big = EXTREMES[dtype]
    O = np.array([[big, -big, 0], [-big, big, 0]], dtype=dtype)
    loss = LOSSES[name]
    y = np.array([[0.0, 0, 1], [0, 1, 0]], dtype=dtype) if loss.targets is LABELS else np.array([2, 1])
    value, gradient = loss.value(O, y), loss.gradient(O, y)
    assert np.isfinite(value)
    # In both rows softmax and sigmoid have saturated, so slopes are whole numbers (the sigmoid's at 0 is 1/2), / n.
    expected = {
        "cross_entropy": [[1, 0, -1], [0, 0, 0]],
        "softmax_squared": [[0, 0, 0], [0, 0, 0]],
        "sigmoid_cross_entropy": [[1, 0, -0.5], [0, 0, 0.5]],
    }[name]
    np.testing.assert_array_equal(gradient, np.array(expected) / 2)
    assert gradient.dtype == dtype


def test_cross_entropy_at_the_extreme_is_the_gap_between_the_outputs():
    O = np.array([[1e300, -1e300]])
    assert LOSSES["cross_entropy"].value(O, np.array([1])) == 2e300


def test_squared_loss_is_halved_summed_over_outputs_and_averaged_over_samples():
    assert LOSSES["squared"].value(np.array([[3.0, 1.0], [0.0, 0.0]]), np.zeros((2, 2))) == (9 + 1) / 2 / 2


def test_the_two_predictions_of_the_textbook_differ_in_squared_loss_and_not_in_cross_entropy():
    first, second = np.log([[0.6, 0.2, 0.2]]), np.log([[0.6, 1e-300, 0.4]])
    y = np.array([0])
    squared, cross = LOSSES["softmax_squared"], LOSSES["cross_entropy"]
    assert first.argmax() == second.argmax() == 0
    assert squared.value(first, y) == pytest.approx((0.4**2 + 0.2**2 + 0.2**2) / 2)
    assert squared.value(second, y) == pytest.approx((0.4**2 + 0.4**2) / 2)
    assert cross.value(first, y) == pytest.approx(-np.log(0.6))
    assert cross.value(second, y) == pytest.approx(-np.log(0.6))


def test_least_cross_entropy_is_greatest_likelihood():
    rng = np.random.default_rng(4)
    O, y = rng.normal(size=(6, 4)), targets("classes")
    likelihood = softmax(O)[np.arange(6), y].prod()
    assert np.exp(-6 * LOSSES["cross_entropy"].value(O, y)) == pytest.approx(likelihood, rel=1e-13)


def test_whole_weights_are_repetitions():
    rng = np.random.default_rng(5)
    O, y, weight = rng.normal(size=(6, 4)), targets("classes"), np.array([0, 1, 2, 3, 1, 0])
    loss = LOSSES["cross_entropy"]
    repeated = np.repeat(np.arange(6), weight)
    assert loss.value(O, y, weight) == pytest.approx(loss.value(O[repeated], y[repeated]), rel=1e-14)


def test_shares_of_weights_that_are_all_0_are_0():
    np.testing.assert_array_equal(shares(2, np.zeros(2)), [0, 0])


@pytest.mark.parametrize("name", NORMALIZATIONS)
def test_normalised_numbers_have_mean_0_and_variance_1_along_their_axis(name):
    normalization = NORMALIZATIONS[name]
    Z = np.random.default_rng(0).normal(3, 20, size=(40, 30))
    Z_hat, m, v, scale = normalization.value(Z)
    np.testing.assert_allclose(Z_hat.mean(axis=normalization.axis), 0, atol=1e-14)
    np.testing.assert_allclose(Z_hat.var(axis=normalization.axis), v.ravel() / (v.ravel() + 1e-5), rtol=1e-12)
    np.testing.assert_allclose(Z_hat / scale + m, Z, rtol=1e-12)


@pytest.mark.parametrize("name", NORMALIZATIONS)
def test_the_way_back_through_a_normalisation_is_its_slope(name):
    normalization, rng = NORMALIZATIONS[name], np.random.default_rng(1)
    Z, towards, d = (rng.normal(size=(5, 4)) for _ in range(3))
    dZ = normalization.backward(towards, normalization.value(Z))
    slope = central_difference(lambda h: (towards * normalization.value(Z + h * d).Z_hat).sum(), 1e-4)
    assert (dZ * d).sum() == pytest.approx(slope, rel=1e-9)


@pytest.mark.parametrize("q", [2, 5])
def test_smoothed_labels_are_the_cross_entropy_of_smoothed_rows(q):
    rng = np.random.default_rng(0)
    O, y, loss = rng.normal(size=(6, q)) + 1e4, rng.integers(q, size=6), LOSSES["cross_entropy"]
    rows = 0.9 * np.eye(q)[y] + 0.1 / q
    for targets in (y, np.eye(q)[y]):
        losses, slope = smooth(loss.samples(O, targets), O, targets, 0.1, targets=CLASSES)
        expected = loss.samples(O, rows)
        np.testing.assert_allclose(losses, expected[0], rtol=1e-12)
        np.testing.assert_allclose(slope, expected[1], atol=1e-15)


def test_smoothed_labels_several_per_sample_go_towards_one_half():
    rng = np.random.default_rng(0)
    O, Y, loss = rng.normal(size=(6, 3)), rng.integers(2, size=(6, 3)).astype(float), LOSSES["sigmoid_cross_entropy"]
    losses, slope = smooth(loss.samples(O, Y), O, Y, 0.1, targets=LABELS)
    expected = loss.samples(O, 0.9 * Y + 0.05)
    np.testing.assert_allclose(losses, expected[0], rtol=1e-12)
    np.testing.assert_allclose(slope, expected[1], atol=1e-15)


def test_huber_is_squared_near_0_and_absolute_less_one_half_away_from_it():
    R = np.array([[0.5], [-1.0], [3.0], [-1e200]])
    losses, slope = LOSSES["huber"].samples(R, np.zeros((4, 1)))
    np.testing.assert_allclose(losses, [0.125, 0.5, 2.5, 1e200])
    np.testing.assert_allclose(slope, [[0.5], [-1], [1], [-1]])


def test_the_least_absolute_loss_is_at_the_median():
    y = np.array([[1.0], [2.0], [7.0], [30.0], [100.0]])
    values = {o: LOSSES["absolute"].value(np.full((5, 1), float(o)), y) for o in range(101)}
    assert min(values, key=values.__getitem__) == np.median(y)


def test_a_quantile_is_the_minimum_of_its_loss():
    y = np.random.default_rng(0).exponential(size=(999, 1))
    for c in (0.1, 0.5, 0.9):
        loss = LOSSES[f"quantile:{c}"]
        at = [loss.value(np.full_like(y, o), y) for o in np.sort(y[:, 0])]
        assert np.argmin(at) == np.ceil(c * 999) - 1
    assert (
        LOSSES["quantile"].value(np.zeros((1, 1)), np.ones((1, 1)))
        == LOSSES["absolute"].value(np.zeros((1, 1)), np.ones((1, 1))) / 2
    )


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("quantile:1", "loss 'quantile:1': expected a number between 0 and 1 after the colon"),
        ("quantile:", "expected a number between 0 and 1"),
        ("quantile:nan", "expected a number between 0 and 1"),
        ("squared:0.5", "loss 'squared' takes no number; write 'squared'"),
        ("quantil:0.5", r"unknown loss 'quantil'; did you mean 'quantile'\?"),
    ],
)
def test_a_loss_with_a_number_that_can_not_be_is_refused(name, message):
    with pytest.raises(SpecificationError, match=message):
        Network((2, 1), loss=name)


def test_means_of_counts_are_least_where_they_are_the_counts():
    y = np.array([[0.0], [3.0], [1e6]])
    losses, slope = LOSSES["poisson"].samples(np.log(np.maximum(y, 1e-300)), y)
    np.testing.assert_allclose(losses, 0, atol=1e-9)
    np.testing.assert_allclose(slope, 0, atol=1e-9)
    losses, slope = LOSSES["gamma"].samples(np.log(y[1:]), y[1:])
    np.testing.assert_allclose([losses, slope[:, 0]], 0, atol=1e-14)


def test_deviances_are_those_of_scikit_learn():
    from sklearn.metrics import mean_gamma_deviance, mean_poisson_deviance

    rng = np.random.default_rng(0)
    O, y = rng.normal(size=(50, 1)), rng.poisson(2.0, size=(50, 1)).astype(float)
    assert LOSSES["poisson"].value(O, y) == pytest.approx(mean_poisson_deviance(y, np.exp(O)) / 2, rel=1e-13)
    assert LOSSES["gamma"].value(O, y + 1) == pytest.approx(mean_gamma_deviance(y + 1, np.exp(O)) / 2, rel=1e-13)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_value_and_derivative_together_are_those_one_by_one(name: str, dtype: str) -> None:
    Z = np.array([[-1e30, -40.0, -1.5, -1e-3], [0.0, 0.25, 3.0, 1e30]], dtype)
    phi = ACTIVATIONS[name]
    value, derivative = phi.value_and_derivative(Z)
    assert value.dtype == derivative.dtype == Z.dtype
    assert value.tobytes() == phi.value(Z).tobytes()
    assert derivative.tobytes() == phi.derivative(Z).tobytes()
