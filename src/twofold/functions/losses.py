"""Losses: how far the raw outputs O of a minibatch are from its targets y.

A loss is a function of raw outputs, before any softmax or sigmoid, that returns a pair: the loss ``l`` and its gradient
``d l / d o``; they share what is costly, the exponentials. Softmax and sigmoid live inside, by way of log-sum-exp, so
nothing is clipped and nothing overflows: outputs of +-1e4 in float32 and +-1e300 in float64 give finite losses and
right gradients. (The losses of numbers have no such trick: they overflow where the square of an error, or the
exponential of an output, does.)

Most losses are sums over the outputs: they are defined on one output o and its target y, with ``xp`` the functions that
go with them, see `twofold.functions.expressions`. Those of classes, whose outputs compete, are defined on rows.

The mean over the minibatch, and with it the factor 1/n, enters in one place: `shares`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from twofold.errors import SpecificationError, check_name
from twofold.functions.activations import ACTIVATIONS
from twofold.functions.activations import sigmoid as logistic
from twofold.functions.expressions import record
from twofold.functions.formulas import Written
from twofold.functions.links import EXPONENTIAL, IDENTITY, SIGMOID, SOFTMAX, Link, softmax
from twofold.functions.means import mean_gradient, minus_target, shares
from twofold.functions.targets import Classes, Labels, Numbers, Targets

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]
    Pair = tuple[Array, Array]

SMALLEST = 1e-30  # of a target whose logarithm is taken; y log y is 0 there, and in float32 too

sigmoid = ACTIVATIONS["sigmoid"].value


def squared(o: Any, y: Any, _xp: Any) -> Any:
    """``l = (o - y)^2 / 2``, ``d l / d o = o - y``.

    PyTorch's MSELoss divides by the number of outputs as well, and not by 2.
    """
    r = o - y
    return r * r / 2, r


def huber(o: Any, y: Any, xp: Any) -> Any:
    """``l = r^2 / 2`` where ``|r| <= 1``, else ``|r| - 1/2``, with ``r = o - y``; the gradient is r cut to +-1.

    Huber (1964), doi:10.1214/aoms/1177703732, with the border at 1; for another border, divide the targets by it.
    """
    r = o - y
    gradient = xp.minimum(xp.maximum(r, -1), 1)
    return gradient * (r - gradient / 2), gradient


def absolute(o: Any, y: Any, xp: Any) -> Any:
    """``l = |o - y|``, ``d l / d o = sign(o - y)``, 0 at 0; its minimum is at medians."""
    r = o - y
    return xp.abs(r), xp.sign(r)


def poisson(o: Any, y: Any, xp: Any) -> Any:
    """``l = m - y + y log(y / m)`` with the mean ``m = exp(o)``, ``d l / d o = m - y``: half the Poisson deviance.

    Its minimum is where ``-log p(y)`` of counts y has its own; it is 0 where m = y. McCullagh and Nelder (1989),
    Generalized Linear Models, section 2.3.
    """
    m = xp.exp(o)
    return (m - y) + y * (xp.log(xp.maximum(y, SMALLEST)) - o), m - y


def gamma(o: Any, y: Any, xp: Any) -> Any:
    """``l = y / m - 1 - log(y / m)`` with the mean ``m = exp(o)``, ``d l / d o = 1 - y / m``: half the gamma deviance.

    For positive numbers whose standard deviation grows with their mean, such as amounts of money or durations.
    McCullagh and Nelder (1989), section 2.3.
    """
    ratio = y * xp.exp(-o)
    return (ratio - 1) - (xp.log(xp.maximum(y, SMALLEST)) - o), 1 - ratio


def quantile(o: Any, y: Any, c: Any, xp: Any) -> Any:
    """``l = (1 - c) (o - y)`` where o is above y, else ``c (y - o)``: its minimum is at the quantile c.

    Koenker and Bassett (1978), doi:10.2307/1913643; also called the pinball loss. Where o = y the gradient is -c.
    """
    r = o - y
    return xp.where(r > 0, (1 - c) * r, -c * r), xp.where(r > 0, 1 - c, -c)


def sigmoid_cross_entropy(o: Any, y: Any, xp: Any) -> Any:
    """``l = log(1 + exp(o)) - y o``, ``d l / d o = sigma(o) - y``: each output a label, there or not."""
    return xp.maximum(o, 0) - o * y + xp.log1p(xp.exp(-xp.abs(o))), logistic(o, xp) - y


def cross_entropy(O: Array, y: Array) -> Pair:
    """``l = - sum_j y_j log softmax(o)_j``, ``d l / d o = softmax(o) - y``.

    With ``S = O - max``, ``log softmax(o)_j = s_j - log sum_i exp(s_i)``; for a class index y is one-hot.
    """
    import numpy as np

    S = O - O.max(axis=1, keepdims=True)  # (n, q)
    E = np.exp(S)  # (n, q)
    total = E.sum(axis=1, keepdims=True)  # (n, 1), between 1 and q
    if y.ndim == 1:
        return np.log(total[:, 0]) - S[np.arange(len(y)), y], minus_target(E / total, y)
    # A row of probabilities in float32 sums to 1 only to rounding; its own sum keeps the gradient that of the loss.
    return (y * (np.log(total) - S)).sum(axis=1), E * (y.sum(axis=1, keepdims=True) / total) - y


def softmax_squared(O: Array, y: Array) -> Pair:
    """``l = |p - y|^2 / 2`` with ``p = softmax(o)``: kept to show why it is too strict.

    With ``r = p - y``, ``d l / d o_j = p_j (r_j - sum_k p_k r_k)``.
    """
    P = softmax(O)  # (n, q)
    R = minus_target(P.copy(), y)  # (n, q)
    return (R * R).sum(axis=1) / 2, P * (R - (P * R).sum(axis=1, keepdims=True))


@dataclass(frozen=True)
class Loss:
    """A loss on raw outputs.

    Attributes
    ----------
    pair : callable
        ``l`` and ``d l / d o``: of one output o, its target y, the constant if there is one, and ``xp``; or, if the
        outputs compete, of the rows O (n, q) and y, of each sample, (n,) and (n, q).
    targets : Targets
        What y is and may be: numbers (n, q); classes, as indices (n,) or rows of probabilities (n, q); or labels,
        several per sample, (n, q) in [0, 1].
    link : Link
        What an output means.
    formula, slope_formula : str or Written
        Both for people: Python expressions of o and y.
    smoothable : bool
        Whether it is a cross entropy, which `smooth` knows how to change.
    pieces : tuple of float
        Errors ``o - y`` at which the loss goes from one piece to another that it is put together from.
    degree : int
        Power of the targets' unit that the loss is in: 1 of the absolute loss.
    constant : float, optional
        c in the pair, between 0 and 1; written behind the loss's name: ``"quantile:0.9"``.
    """

    pair: Callable[..., Any]
    targets: Targets
    link: Link
    formula: str | Written
    slope_formula: str | Written
    smoothable: bool = False
    pieces: tuple[float, ...] = ()
    degree: int = 2
    constant: float | None = None

    def samples(self, O: Array, y: Array) -> Pair:
        """Return the loss of each sample ``l_i`` (n,), and its gradient ``d l_i / d o_i`` (n, q).

        Parameters
        ----------
        O : ndarray of float, shape (n, q)
            Raw outputs.
        y : ndarray
            Targets as `targets` says.
        """
        if self.targets.compete:
            result: Pair = self.pair(O, y)
            return result
        from twofold.functions.numpy_functions import of_type

        losses, gradient = self.of_outputs(O, y, of_type(O.dtype))
        return losses.sum(axis=1), gradient

    def of_outputs(self, o: Any, y: Any, xp: Any) -> Any:
        """Return `pair` with the constant in it, for losses whose outputs don't compete."""
        return self.pair(o, y, xp) if self.constant is None else self.pair(o, y, self.constant, xp)

    @cached_property
    def expressions(self) -> tuple[Any, Any]:
        """What `pair` computes of ``o``, ``y`` and ``c``, recorded; for losses whose outputs don't compete."""
        value, gradient = record(self.pair, "o", "y", *([] if self.constant is None else ["c"]))
        return value, gradient

    def piece(self, O: Array, y: Array) -> Array | None:
        """Return the number of the piece that each output (n, q) lies in; None for a loss of one piece."""
        import numpy as np

        if not self.pieces:
            return None
        return np.searchsorted(self.pieces, O - y) + np.searchsorted(self.pieces, O - y, side="right")

    def value(self, O: Array, y: Array, weight: Array | None = None) -> float:
        """Return the (weighted) mean loss of a minibatch.

        Parameters
        ----------
        O : ndarray of float, shape (n, q)
            Raw outputs.
        y : ndarray
            Targets as `targets` says.
        weight : ndarray of float, shape (n,), optional
            Sample weights.

        Returns
        -------
        float
        """
        losses, _ = self.samples(O, y)
        return float((losses * shares(len(O), weight)).sum(dtype="float64"))

    def gradient(self, O: Array, y: Array, weight: Array | None = None) -> Array:
        """Return the gradient of `value` with respect to O, shape (n, q); same parameters."""
        _, gradient = self.samples(O, y)
        return mean_gradient(gradient, weight)


NUMBERS, COUNTS, POSITIVE = Numbers(), Numbers(least=0.0), Numbers(least=0.0, includes_least=False)
CLASSES, LABELS = Classes(), Labels()


# What scikit-learn, and so our estimators, call a loss that has another name here.
SCIKIT_LEARN_NAMES = {"squared": "squared_error", "absolute": "absolute_error"}


def family(name: str) -> str:
    """Return a loss's name without its constant."""
    return name.partition(":")[0]


class Losses(dict[str, Loss]):
    """Losses by name; one with a constant has it behind its name, as in ``"quantile:0.9"``, and 1/2 without."""

    def __missing__(self, name: str) -> Loss:
        family, _, constant = name.partition(":")
        if not constant or self[family].constant is None:
            raise KeyError(name)
        return replace(self[family], constant=_constant(name, constant))

    def check(self, name: str) -> str:
        """Return the name of a loss that is here; raise `UnknownNameError` or `SpecificationError` if none is."""
        family, colon, constant = str(name).partition(":")
        check_name("loss", family, self)
        if colon and self[family].constant is None:
            raise SpecificationError(f"loss {family!r} takes no number; write {family!r}")
        if colon:
            _constant(name, constant)
        return name


def _constant(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < 1:
        raise SpecificationError(f"loss {name!r}: expected a number between 0 and 1 after the colon, such as 0.9")
    return value


LOSSES = Losses(
    {
        "squared": Loss(squared, NUMBERS, IDENTITY, "(o - y)**2 / 2", "o - y"),
        "huber": Loss(
            huber,
            NUMBERS,
            IDENTITY,
            "(o - y)**2 / 2 if abs(o - y) < 1 else abs(o - y) - 1 / 2",
            "max(-1, min(1, o - y))",
            pieces=(-1.0, 1.0),
        ),
        "absolute": Loss(absolute, NUMBERS, IDENTITY, "abs(o - y)", "sign(o - y)", pieces=(0.0,), degree=1),
        "quantile": Loss(
            quantile,
            NUMBERS,
            IDENTITY,
            "(1 - c) * (o - y) if o > y else c * (y - o)",
            "1 - c if o > y else -c",
            pieces=(0.0,),
            degree=1,
            constant=0.5,
        ),
        "poisson": Loss(poisson, COUNTS, EXPONENTIAL, "exp(o) - y + y * (log(y) - o)", "exp(o) - y", degree=1),
        "gamma": Loss(gamma, POSITIVE, EXPONENTIAL, "y * exp(-o) - 1 - (log(y) - o)", "1 - y * exp(-o)", degree=0),
        "cross_entropy": Loss(
            cross_entropy,
            CLASSES,
            SOFTMAX,
            Written(
                "- sum_j y_ij log y_hat_ij = log t_i - sum_j y_ij s_ij",
                r"-\sum_j y_{{ij}} \log \hat{{y}}_{{ij}} = \log t_i - \sum_j y_{{ij}} s_{{ij}}",
            ),
            Written("{y_hat} - {y}", "{y_hat} - {y}"),
            smoothable=True,
        ),
        "softmax_squared": Loss(
            softmax_squared,
            CLASSES,
            SOFTMAX,
            Written(
                "|y_hat_i - y_i|^2 / 2", r"\tfrac{{1}}{{2}} \lVert \hat{{\mathbf{{y}}}}_i - \mathbf{{y}}_i \rVert^2"
            ),
            Written(
                "y_hat_j (r_j - sum_k y_hat_k r_k), r = {y_hat} - {y}",
                r"\hat{{y}}_j \bigl(r_j - \sum_k \hat{{y}}_k r_k\bigr), \quad \mathbf{{r}} = {y_hat} - {y}",
            ),
        ),
        "sigmoid_cross_entropy": Loss(
            sigmoid_cross_entropy, LABELS, SIGMOID, "log(1 + exp(o)) - y * o", "sigmoid(o) - y", smoothable=True
        ),
    }
)
