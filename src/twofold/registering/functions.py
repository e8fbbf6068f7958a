"""Activations and losses of one's own: checked when they are registered, then in every engine, export and trace."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.errors import SpecificationError, show
from twofold.functions.activations import ACTIVATIONS, Activation
from twofold.functions.expressions import FORMULA, Expression, python_lines, record
from twofold.functions.formulas import evaluate
from twofold.functions.links import EXPONENTIAL, IDENTITY, SIGMOID
from twofold.functions.losses import LABELS, LOSSES, SCIKIT_LEARN_NAMES, Loss
from twofold.functions.targets import Numbers, Targets
from twofold.inspect.gradients import central_difference
from twofold.registering.checks import MAX_RELATIVE_DIFFERENCE, check_new_name, compare
from twofold.values import is_real

Array = NDArray[Any]

LINKS = {link.name: link for link in (IDENTITY, EXPONENTIAL, SIGMOID)}
POINTS = np.concatenate([np.linspace(-6.0, 6.0, 49), [-0.1, 0.1, -1e-3, 1e-3]])
EXTREMES = {"float32": 1e4, "float64": 1e300}
STEP, DIFFERENCES = 1e-3, "central differences say"
FAR = 30.0  # an output whose exponential, or sigmoid, is next to 0


def register_activation(
    name: str,
    phi: Callable[[Any, Any], Any],
    phi_derivative: Callable[[Any, Any], Any],
    *,
    formula: str = "",
    derivative_formula: str = "",
    torch: str = "",
    smooth: bool = True,
) -> Activation:
    """Check an activation of one's own and add it to `twofold.functions.ACTIVATIONS`.

    From then on it is in every engine, estimator, export, trace and picture of this process. A model file names the
    activations it needs, and holds no code: register the same one before loading it elsewhere.

    Parameters
    ----------
    name : str
        A Python name that isn't taken.
    phi, phi_derivative : callable
        The value and its derivative: each of z and of ``xp``, the functions that go with z, whether that is a NumPy
        array or a PyTorch tensor. `twofold.functions.expressions.FUNCTIONS` lists them. There are no branches but
        ``xp.where``; both must be finite wherever z is.
    formula, derivative_formula : str, optional
        What people are shown, as Python expressions of z (the second may use ``phi(z)``), with the functions of
        `math`, ``abs``, ``max``, ``min``, ``sign``, ``ndtr``, and each activation and its ``_derivative``; otherwise
        what is computed.
    torch : str, optional
        A module in ``torch.nn`` that computes the same; otherwise autograd goes through ``phi``.
    smooth : bool
        False if phi has a kink, or a bend without a second derivative, at 0.

    Returns
    -------
    Activation

    Raises
    ------
    SpecificationError
        If the name is taken; if phi uses what isn't known, isn't finite at the extremes or changes the dtype; if the
        derivative is not phi's (the message names the point and both numbers); if PyTorch's autograd or the module that
        is named disagrees; or a formula has another value than what is computed.

    Examples
    --------
    >>> from twofold import Network, check_gradients, register_activation
    >>> def square(z, xp):
    ...     return xp.maximum(z, 0) * xp.minimum(xp.maximum(z, 0), 100)
    >>> def square_derivative(z, xp):
    ...     return xp.where(z < 100, 2 * xp.maximum(z, 0), 100)
    >>> _ = register_activation("squared_relu", square, square_derivative, smooth=False)
    >>> check_gradients(Network((3, 5, 2), "squared_relu")).passed
    True
    """
    check_new_name("activation", name, ACTIVATIONS)
    activation = Activation(phi, phi_derivative, formula, derivative_formula, torch, smooth=smooth)
    value, derivative = activation.expressions
    _check_results(name, value, derivative)
    _check_finite(name, [activation.value, activation.derivative])
    points = POINTS if smooth else POINTS[np.abs(POINTS) > 2 * STEP]
    for z, given in zip(points, activation.derivative(points), strict=True):
        gradient = central_difference(_along(activation.value, z), STEP)
        compare(f"the derivative of {name!r} at z = {z:g}", given, gradient, DIFFERENCES)
    named = [{"z": float(z)} for z in points]
    phi_z, slope_z = _of_number(activation.value), _of_number(activation.derivative)
    _check_formula(f"the formula of {name!r},", formula, named, phi_z)
    _check_formula(f"the formula of the derivative of {name!r},", derivative_formula, named, slope_z, phi=phi_z)
    activation = Activation(
        phi,
        phi_derivative,
        formula or _formula(value),
        derivative_formula or _formula(derivative),
        torch,
        smooth=smooth,
    )
    ACTIVATIONS[name] = activation
    try:
        _check_autograd(name, activation, points)
    except BaseException:
        del ACTIVATIONS[name]
        raise
    return activation


def register_loss(
    name: str,
    pair: Callable[[Any, Any, Any], Any],
    *,
    link: str = "identity",
    least: float | Numbers = -math.inf,
    formula: str = "",
    slope_formula: str = "",
    pieces: Iterable[float] = (),
    degree: int = 2,
) -> Loss:
    """Check a loss of one's own and add it to `twofold.functions.LOSSES`.

    It is a sum over the outputs. From then on it is in every engine, estimator, export and trace of this process. A
    model file names the loss it needs, and holds no code: register the same one before loading it elsewhere.

    Parameters
    ----------
    name : str
        A Python name that isn't taken.
    pair : callable
        Of one output o, its target y and ``xp``, the functions that go with them (see `register_activation`): the loss
        ``l`` and its gradient ``d l / d o``.
    link : {"identity", "exp", "sigmoid"}
        What an output means: a number, the logarithm of a mean, or a label's log-odds.
    least : float or Numbers
        Smallest target allowed; or `twofold.functions.targets.Numbers`, which may leave that one itself out. Without
        meaning for labels.
    formula, slope_formula : str, optional
        What people are shown, as Python expressions of o and y; otherwise what is computed.
    pieces : iterable of float
        Errors ``o - y`` at which the loss has a kink or a bend without a second derivative.
    degree : int
        Power of the targets' unit that the loss is in: 2 for a square, 1 for an absolute value.

    Returns
    -------
    Loss

    Raises
    ------
    SpecificationError
        If the name is taken; if the pair uses what isn't known; if the gradient is not the value's (the message names
        the point and both numbers); if the loss isn't least where the link turns the output into the target, or the
        link gives values that aren't allowed as targets; or a formula has another value than what is computed.

    Examples
    --------
    >>> from twofold import Network, check_gradients, register_loss
    >>> def log_cosh(o, y, xp):
    ...     r = o - y
    ...     return xp.abs(r) + xp.log1p(xp.exp(-2 * xp.abs(r))) - 0.6931471805599453, xp.tanh(r)
    >>> _ = register_loss("log_cosh", log_cosh, formula="log(cosh(o - y))", slope_formula="tanh(o - y)")
    >>> check_gradients(Network((3, 5, 2), loss="log_cosh")).passed
    True
    """
    check_new_name("loss", name, LOSSES)
    if name in SCIKIT_LEARN_NAMES.values():
        (own,) = (ours for ours, theirs in SCIKIT_LEARN_NAMES.items() if theirs == name)
        raise SpecificationError(f"{name!r} is what estimators call the loss {own!r}; choose another name")
    if link not in LINKS:
        raise SpecificationError(f"link is {show(link)}; expected one of {', '.join(LINKS)}")
    least = least if isinstance(least, Numbers) else Numbers(least)
    if not is_real(least.least) or math.isnan(least.least):
        raise SpecificationError(f"least is {show(least.least)}; expected a number, the smallest target allowed")
    targets: Targets = LABELS if link == "sigmoid" else least
    loss = Loss(pair, targets, LINKS[link], formula, slope_formula, pieces=tuple(sorted(pieces)), degree=degree)
    recorded = record(pair, "o", "y")
    if not (isinstance(recorded, tuple) and len(recorded) == 2):
        raise SpecificationError(
            f"the loss {name!r} returns {type(recorded).__name__}; expected a pair, value and gradient"
        )
    _check_results(name, *recorded)
    _check_loss(name, loss)
    texts = formula or _formula(recorded[0]), slope_formula or _formula(recorded[1])
    LOSSES[name] = Loss(pair, targets, loss.link, *texts, pieces=loss.pieces, degree=degree)
    return LOSSES[name]


def _check_results(name: str, *results: object) -> None:
    for result in results:
        if not isinstance(result, Expression) and not is_real(result):
            raise SpecificationError(f"{name!r} returns {show(result)}; expected what is computed by operators and xp")


def _check_finite(name: str, functions: list[Callable[[Array], Array]]) -> None:
    for dtype, big in EXTREMES.items():
        Z = np.array([[-big, -50, -1, 0], [0.5, 1, 50, big]], dtype)
        for function in functions:
            with np.errstate(all="ignore"):
                result = function(Z)
            if result.dtype != Z.dtype or result.shape != Z.shape:
                raise SpecificationError(
                    f"{name!r} makes {result.dtype} {result.shape} of {Z.dtype} {Z.shape}; expected the same"
                )
            if not np.isfinite(result).all():
                z = Z[~np.isfinite(result)][0]
                raise SpecificationError(f"{name!r} is not finite at z = {z:g} in {dtype}; rewrite it so that it is")


def _along(function: Callable[[Array], Array], point: float) -> Callable[[float], float]:
    """Return the function of a number's distance from a point."""
    return lambda h: float(function(np.array([point + h]))[0])


def _check_formula(
    what: str, formula: str, points: Iterable[Mapping[str, float]], computed: Callable[..., float], **functions: Any
) -> None:
    """Hold a formula for people to what is computed, wherever it can be computed as it stands."""
    known, held = _activations() | functions, not formula
    for point in points if formula else ():
        try:
            given = evaluate(formula, point, known)
        except SpecificationError:
            raise
        except (ArithmeticError, ValueError):  # such as log(0): what is computed takes care of that
            continue
        held = True
        at = ", ".join(f"{name} = {value:.4g}" for name, value in point.items())
        compare(f"{what} {formula!r} at {at}", given, computed(**point), "what is computed is")
    if not held:
        raise SpecificationError(f"{what} {formula!r} can't be computed at any number that was tried")


def _activations() -> dict[str, Callable[[float], float]]:
    """Return the value and derivative of each activation, as functions of a number."""
    values = {name: _of_number(phi.value) for name, phi in ACTIVATIONS.items()}
    return values | {f"{name}_derivative": _of_number(phi.derivative) for name, phi in ACTIVATIONS.items()}


def _of_number(function: Callable[[Array], Array]) -> Callable[[float], float]:
    return lambda z: float(function(np.array([z]))[0])


def _check_autograd(name: str, activation: Activation, points: Array) -> None:
    """Hold value and derivative against PyTorch's, where PyTorch is."""
    if find_spec("torch") is None:
        return
    from twofold.engines.concise import by_autograd

    given = activation.value(points), activation.derivative(points)
    for what, ours, theirs in zip(("", "the derivative of "), given, by_autograd(name, points), strict=True):
        for point, own, other in zip(points, ours, theirs, strict=True):
            compare(f"{what}{name!r} at z = {point:g}", own, other, "PyTorch says")


def _check_loss(name: str, loss: Loss) -> None:
    """Check a loss at random targets, and outputs around them."""
    low = getattr(loss.targets, "least", 0.0)
    if loss.link is EXPONENTIAL and low < 0:
        raise SpecificationError(
            f"link 'exp' makes means above 0, but {name!r} allows targets from {low:g}: say least=0"
        )
    targets = loss.targets.draw(np.random.default_rng(0), (20, 1)).ravel().tolist()
    pairs = [(o, y) for y in targets for o in np.linspace(-3.0, 3.0, 13).tolist()]
    pairs = [(o, y) for o, y in pairs if all(abs(o - y - piece) > 2 * STEP for piece in loss.pieces)]

    def value(o: float, y: float) -> float:
        return float(loss.samples(np.array([[o]]), np.array([[y]]))[0][0])

    def gradient(o: float, y: float) -> float:
        return float(loss.gradient(np.array([[o]]), np.array([[y]]))[0, 0])

    for o, y in pairs:
        by_differences = central_difference(lambda h, o=o, y=y: value(o + h, y), STEP)  # type: ignore[misc]
        compare(f"the gradient of {name!r} at o = {o:g}, y = {y:.4g}", gradient(o, y), by_differences, DIFFERENCES)
    for y in targets:
        _check_minimum(name, loss, y)
    named = [{"o": o, "y": y} for o, y in pairs]
    for what, formula, computed in (
        (f"the formula of {name!r},", loss.formula, value),
        (f"the formula of the gradient of {name!r},", loss.slope_formula, gradient),
    ):
        _check_formula(what, str(formula), named, computed)


def _check_minimum(name: str, loss: Loss, y: float) -> None:
    """Check that the loss is least where the link turns the output into the target."""
    best = {"identity": y, "exp": math.log(y) if y > 0 else -30.0, "sigmoid": 30.0 if y > 0.5 else -30.0}[
        loss.link.name
    ]
    at = [loss.value(np.array([[best + h]]), np.array([[y]])) for h in (-1.0, 0.0, 1.0)]
    if at[1] > min(at) + MAX_RELATIVE_DIFFERENCE:
        o = best + (-1.0 if at[0] < at[2] else 1.0)
        raise SpecificationError(
            f"{name!r} with link {loss.link.name!r} should be least at o = {best:.4g} for y = {y:.4g}, "
            f"but is {at[1]:.6g} there and {min(at):.6g} at o = {o:.4g}"
        )


def _formula(expression: Any) -> str:
    """Write what is computed as one Python expression, for people."""
    return python_lines(expression, FORMULA, share=False)[0].removeprefix("return ")
