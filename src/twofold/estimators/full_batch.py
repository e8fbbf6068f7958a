"""L-BFGS over all samples at once: the value and gradient of a network, and scipy's minimiser."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.optimize
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from twofold.engines.scratch import backward, forward
from twofold.errors import DivergedError, SpecificationError
from twofold.estimators.callbacks import Iterations
from twofold.estimators.diagnosis import likely_cause
from twofold.estimators.progress import Progress
from twofold.estimators.settings import choose_dtype
from twofold.functions import LOSSES
from twofold.functions.means import mean_gradient, shares, smooth
from twofold.network import Layer, Network, Parameters, largest, map_arrays

Array = NDArray[Any]

USER = 6  # how far up from `minimize` the user's call is, for warnings to point at


def fit_full_batch(model: Any, network: Network, X: Array, y: Array, *, weight: Array | None) -> None:
    """Fit an estimator by L-BFGS; sets its attributes.

    Parameters
    ----------
    model : estimator
    network : Network
    X, y : ndarray
        As the network takes them; X may be a CSR matrix.
    weight : ndarray, shape (n,), or None

    Raises
    ------
    SpecificationError
        If a parameter asks for what only minibatches have.
    DivergedError
        If the minimiser leaves the finite numbers.
    """
    for name in ("dropout", "normalization", "ema_decay", "l1"):
        if getattr(model, name):
            raise SpecificationError(
                f"{name} is {getattr(model, name)!r}; solver 'lbfgs' has none, 'adam' and 'sgd' do"
            )
    dtype = choose_dtype(model, X, y)
    X = X.astype(dtype, copy=False)
    targets = y if y.dtype == np.int64 else y.astype(dtype, copy=False)
    weight = None if weight is None else weight.astype(dtype)
    penalty = model.alpha / (len(y) if weight is None else float(weight.sum()))
    smoothing = getattr(model, "label_smoothing", 0.0)

    def objective(parameters: Parameters) -> tuple[float, Parameters]:
        present = map_arrays(lambda array: array.astype(dtype, copy=False), parameters)
        return value_and_gradient(network, present, X, targets, weight=weight, penalty=penalty, smoothing=smoothing)

    progress = Progress(model.verbose, model.max_iter)
    iterations = Iterations(model, n=len(y))

    def report(iteration: int, loss: float, parameters: Parameters) -> bool:
        progress.report(iteration, loss, None)
        return iterations.report(iteration, loss, parameters)

    found = minimize(
        network,
        model.parameters_,
        objective,
        max_iter=model.max_iter,
        max_fun=model.max_fun,
        tol=model.tol,
        report=report,
        time_budget=model.time_budget,
    )
    progress.end()
    if found.reason == "diverged" or not np.isfinite(largest(found.parameters)):
        raise DivergedError(likely_cause(X, y, names=model._names(), rate=None), found.iterations)
    model.loss_, model.n_iter_, model.stop_reason_ = found.loss, found.iterations, found.reason
    model._set_parameters(found.parameters)


@dataclass(frozen=True)
class Minimum:
    """What the minimiser found.

    Attributes
    ----------
    parameters : Parameters
    loss : float
    iterations : int
    reason : str
        Why it stopped: ``"converged"``, ``"max_iter"``, ``"stalled"``, ``"diverged"``, ``"time_budget"``,
        ``"callback"`` or ``"interrupted"``.
    """

    parameters: Parameters
    loss: float
    iterations: int
    reason: str


def value_and_gradient(
    network: Network,
    parameters: Parameters,
    X: Array,
    y: Array,
    *,
    weight: Array | None,
    penalty: float,
    smoothing: float = 0.0,
) -> tuple[float, Parameters]:
    """Compute ``sum_i s_i l_i + penalty |W|^2 / 2`` with shares s_i that sum to 1, and its gradient.

    Parameters
    ----------
    network : Network
    parameters : Parameters
    X, y : ndarray
        As the engines take them: X of the parameters' type.
    weight : ndarray, shape (n,), or None
    penalty : float
    smoothing : float
        Of labels, as in `twofold.Recipe`.

    Returns
    -------
    value : float
    gradient : Parameters
    """
    loss = LOSSES[network.loss]
    with np.errstate(over="ignore", invalid="ignore"):  # a step too long is taken back by the line search
        O, tape = forward(network, parameters, X, training=True)  # (n, q)
        losses, gradient_of_outputs = loss.samples(O, y)
        if smoothing:
            losses, gradient_of_outputs = smooth((losses, gradient_of_outputs), O, y, smoothing, targets=loss.targets)
        gradient = backward(network, parameters, tape, mean_gradient(gradient_of_outputs, weight))
        value = float(np.sum(losses * shares(len(losses), weight)))
        value += penalty / 2 * sum(float(np.vdot(layer.W, layer.W)) for layer in parameters)
    return value, tuple(replace(g, W=g.W + penalty * layer.W) for g, layer in zip(gradient, parameters, strict=True))


def minimize(
    network: Network,
    start: Parameters,
    objective: Callable[[Parameters], tuple[float, Parameters]],
    *,
    max_iter: int,
    max_fun: int,
    tol: float,
    report: Callable[[int, float, Parameters], bool],
    time_budget: float | None = None,
) -> Minimum:
    """Minimise by L-BFGS until no entry of the gradient is larger than tol.

    Parameters
    ----------
    network : Network
    start : Parameters
    objective : callable
        Value and gradient at parameters.
    max_iter, max_fun : int
        Most iterations, and most evaluations.
    tol : float
        On the gradient's largest entry.
    report : callable
        Called after each iteration with its number, the loss and the parameters; True stops.
    time_budget : float, optional
        Seconds.

    Returns
    -------
    Minimum

    Warns
    -----
    ConvergenceWarning
        If it stopped at a limit.
    """
    deadline = math.inf if time_budget is None else time.perf_counter() + time_budget
    seen: dict[str, Any] = {"iterations": 0, "theta": flatten(start), "loss": math.nan, "reason": ""}

    def evaluate(theta: Array) -> tuple[float, Array]:
        value, gradient = objective(unflatten(network, theta))
        return value, flatten(gradient)

    def after_iteration(intermediate_result: scipy.optimize.OptimizeResult) -> None:
        seen["iterations"] += 1
        seen["theta"], seen["loss"] = np.array(intermediate_result.x), float(intermediate_result.fun)
        if report(seen["iterations"], seen["loss"], unflatten(network, seen["theta"])):
            seen["reason"] = "callback"
            raise StopIteration
        if time.perf_counter() > deadline:
            seen["reason"] = "time_budget"
            raise StopIteration

    try:
        result = scipy.optimize.minimize(
            evaluate,
            seen["theta"],
            method="L-BFGS-B",
            jac=True,
            callback=after_iteration,
            options={"maxfun": max_fun, "maxiter": max_iter, "gtol": tol},
        )
    except KeyboardInterrupt:
        warnings.warn("Training interrupted by user.", stacklevel=USER)
        return Minimum(unflatten(network, seen["theta"]), seen["loss"], seen["iterations"], "interrupted")
    if not seen["reason"]:
        seen["reason"] = {0: "converged", 1: "max_iter"}.get(result.status, "stalled")
        if not math.isfinite(result.fun):
            seen["reason"] = "diverged"
        elif result.status != 0:
            limits = f"increase max_iter (={max_iter}) and max_fun (={max_fun})"
            advice = limits if result.status == 1 else "take a larger tol: rounding hides any lower value"
            warnings.warn(
                f"lbfgs failed to converge after {result.nit} iteration(s) (status={result.status}): {result.message}. "
                f"You might also want to scale the data, or {advice}.",
                ConvergenceWarning,
                stacklevel=USER,
            )
    iterations = min(int(result.nit), max_iter)  # the minimiser may count one more
    return Minimum(unflatten(network, result.x), float(result.fun), iterations, seen["reason"])


def flatten(parameters: Parameters) -> Array:
    """Return all trained numbers in one array, layer by layer."""
    return np.concatenate([array.ravel() for layer in parameters for array in (layer.W, layer.b)])


def unflatten(network: Network, theta: Array) -> Parameters:
    """Undo `flatten`; the arrays are parts of theta."""
    layers, place = [], 0
    for inputs, outputs in network.shapes:
        middle, end = place + inputs * outputs, place + (inputs + 1) * outputs
        layers.append(Layer(theta[place:middle].reshape(inputs, outputs), theta[middle:end]))
        place = end
    return tuple(layers)
