"""Optimisers of one's own: checked when they are registered, then in every engine."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.errors import SpecificationError
from twofold.functions.configs import Constant
from twofold.functions.expressions import evaluate
from twofold.functions.numpy_functions import of_type
from twofold.functions.optimizers import OPTIMIZERS, Optimizer, OptimizerConfig, Step, whole_step
from twofold.functions.schedules import ScheduleConfig
from twofold.recipe import Recipe
from twofold.registering.checks import MAX_RELATIVE_DIFFERENCE, check_new_name, compare
from twofold.values import Range

Array = NDArray[Any]
Path = NDArray[Any]  # (1 + arrays of the state, numbers): theta and the state after a step

START = (1.0, -2.0, 0.5, 0.0)  # theta at first, on the way down theta^2 / 2, whose gradient is theta
STEPS = 20
WILD = (0.0, 1e-12, -1.0, 1e8)  # gradients at which a step must be finite
FULL_BATCH_SOLVERS = ("lbfgs", "newton")  # what estimators call solvers that are no optimisers
ANY = Range(-math.inf, math.inf, "finite")


def register_optimizer(
    name: str,
    update: Callable[..., Step],
    *,
    state: Iterable[str] | Mapping[str, str] = (),
    constants: Mapping[str, float | Constant] | None = None,
    length: Callable[..., Any] | None = None,
    decoupled: bool = False,
    usual_rate: float | None = None,
    torch: Callable[..., Any] | None = None,
) -> Optimizer:
    """Check an optimiser of one's own and add it to `twofold.functions.OPTIMIZERS`.

    From then on it is in every engine of this process: ``Recipe(optimizer=name)``, and an estimator's ``solver``. Model
    files and checkpoints name the optimiser they need, and hold no code: register the same one before loading them
    elsewhere.

    Parameters
    ----------
    name : str
        A Python name that isn't taken.
    update : callable
        A step, of ``theta, g, state, eta, t, xp`` and the constants by keyword: the parameters, the loss's gradient
        there, a tuple of what is kept of each parameter (0 at first), the learning rate, the step's number from 1 on,
        and the functions that go with theta (`twofold.functions.expressions.FUNCTIONS`). It changes theta and the
        state in place, as in ``theta -= eta * g``, and returns theta and the tuple. Without branches but ``xp.where``.
    state : iterable of str, or mapping of str to str
        Names of what is kept; with ``torch``, to the names that it has there.
    constants : mapping of str to float or Constant
        The update's own, with defaults, or with `twofold.functions.configs.Constant` a range and words too.
    length : callable, optional
        Of ``state, eta, t, xp`` and the constants, after the step: by how much theta moved if g was 1 in all steps. An
        L1 penalty needs it, unless that is eta, or ``decoupled``.
    decoupled : bool
        Whether weight decay shrinks the weights directly, as in AdamW, and isn't part of the gradient.
    usual_rate : float, optional
        A learning rate to start from, where it doesn't depend on how large gradients are.
    torch : callable, optional
        Makes an optimiser of PyTorch's that computes the same, of parameter groups, ``lr`` and the constants by
        keyword; `concise` takes it, and otherwise the update on tensors.

    Returns
    -------
    Optimizer

    Raises
    ------
    SpecificationError
        If the name is taken, or a constant's is; if the update isn't in place or uses what isn't known; if it isn't
        finite, doesn't lead down ``theta^2 / 2``, or the length or PyTorch disagrees: the message names the step and
        both numbers.

    Examples
    --------
    >>> from twofold import OptimizerConfig, Recipe, register_optimizer
    >>> def softsign(theta, g, state, eta, t, xp, *, sharpness):
    ...     theta -= eta * g / (1 / sharpness + xp.abs(g))
    ...     return theta, state
    >>> _ = register_optimizer("softsign", softsign, constants={"sharpness": 10.0}, usual_rate=0.01)
    >>> Recipe(optimizer=OptimizerConfig("softsign", sharpness=3.0)).optimizer
    OptimizerConfig('softsign', sharpness=3.0)
    """
    check_new_name("optimizer", name, (*OPTIMIZERS, *FULL_BATCH_SOLVERS))
    own = {
        key: value if isinstance(value, Constant) else Constant(float(value), ANY, f"a constant of {name}")
        for key, value in (constants or {}).items()
    }
    names, theirs = tuple(state), tuple(state.values()) if isinstance(state, Mapping) else ()
    taken = {*Recipe.__dataclass_fields__, *ScheduleConfig.known_constants(), "theta", "g", "eta", "t", "l1", "average"}
    for key in (*own, *names):
        check_new_name("optimizer's constant or state", key, taken)
    rule = Optimizer(update, names, own, length, decoupled, usual_rate, torch, theirs)
    try:
        recorded = rule.expressions
    except (TypeError, ValueError) as error:
        raise SpecificationError(
            f"{name!r} is no update of theta, g, state, eta, t, xp and its constants: {error}"
        ) from error
    if len(recorded) != 1 + len(names):
        raise SpecificationError(f"{name!r} returns a state of {len(recorded) - 1}; expected {len(names)}: {names}")
    for dtype in ("float32", "float64"):
        _check_finite(name, rule, dtype)
    path = _check_descent(name, rule)
    _check_path(name, path, _recorded(rule), "recorded for other engines it is")
    rule = _with_length(name, rule)
    if find_spec("torch") is not None:
        _check_torch(name, rule, path)
    OPTIMIZERS[name] = rule
    return rule


class _Walk:
    """Steps of a rule with its defaults on NumPy arrays, in place."""

    def __init__(self, name: str, rule: Optimizer, start: Iterable[float], dtype: str = "float64") -> None:
        self.name, self.rule, self.theta = name, rule, np.array(tuple(start), dtype)
        self.state = tuple(np.zeros_like(self.theta) for _ in rule.state)
        self.xp, self.steps = of_type(self.theta.dtype), 0

    def step(self, g: Array) -> Path:
        """Take a step, check that it is one in place, and copy out where it led: theta, and the state."""
        self.steps += 1
        with np.errstate(all="ignore"):
            theta, state = self.rule.update(self.theta, g.copy(), self.state, *self.now, **_defaults(self.rule))
        if theta is not self.theta or any(a is not b for a, b in zip(state, self.state, strict=True)):
            raise SpecificationError(
                f"{self.name!r} makes new arrays; change theta and state in place: theta -= eta * g"
            )
        return np.array([theta, *state])

    @property
    def now(self) -> tuple[float, int, Any]:
        """What a step and its length have beside arrays: eta, t, xp."""
        return _rate(self.rule), self.steps, self.xp


def _defaults(rule: Optimizer) -> dict[str, float]:
    return {key: float(constant.default) for key, constant in rule.constants.items()}


def _rate(rule: Optimizer) -> float:
    return rule.usual_rate or 0.01


def _check_finite(name: str, rule: Optimizer, dtype: str) -> None:
    walk = _Walk(name, rule, [1.0] * len(WILD), dtype)
    for t in range(1, 4):
        arrays = walk.step(np.array(WILD, dtype))
        if not np.isfinite(arrays).all():
            g = WILD[int(np.isfinite(arrays).all(axis=0).argmin())]
            raise SpecificationError(f"{name!r} is not finite after step {t} with gradients of {g:g} in {dtype}")


def _check_descent(name: str, rule: Optimizer) -> list[Path]:
    """Go down theta^2 / 2, whose gradient is theta; return where each step led."""
    walk = _Walk(name, rule, START)
    path = [walk.step(walk.theta) for _ in range(STEPS)]
    heights = [float(theta @ theta) / 2 for theta in (np.array(START), *(theta for theta, *_ in path))]
    if not heights[-1] < heights[0]:
        t = next(t for t, height in enumerate(heights) if t and height >= heights[0])
        first, last = f"{heights[0]:.10g}", f"{heights[t]:.10g}"
        raise SpecificationError(f"{name!r} doesn't lead down theta^2 / 2: it is {last} after step {t}, {first} before")
    return path


def _check_path(name: str, path: list[Path], found: Iterable[Path], by: str) -> None:
    """Hold theta and the state after each step against another's."""
    for t, (ours, theirs) in enumerate(zip(path, found, strict=True), start=1):
        for given, other in zip(ours.ravel(), theirs.ravel(), strict=True):
            compare(f"a number of {name!r} after step {t}", float(given), float(other), by)


def _recorded(rule: Optimizer) -> Iterator[Path]:
    """Yield where the recorded update leads, which other engines compute."""
    xp, now = of_type(np.dtype("float64")), np.array([START, *([0.0] * len(START) for _ in rule.state)])
    for t in range(1, STEPS + 1):
        theta, *kept = now
        values = {"theta": theta, "g": theta, "eta": _rate(rule), "t": t, **_defaults(rule)}
        results = evaluate(rule.expressions, values | dict(zip(rule.state, kept, strict=True)), xp)
        now = np.array([np.broadcast_to(result, len(START)) for result in results])
        yield now


def _with_length(name: str, rule: Optimizer) -> Optimizer:
    """Return the rule with the length of its steps, checked; without one if it isn't known."""
    if rule.decoupled:
        return replace(rule, length=rule.length or whole_step)
    walk, eta, before, whole = _Walk(name, rule, [0.0]), _rate(rule), 0.0, True
    for t in range(1, STEPS + 1):
        after = float(walk.step(np.ones(1))[0, 0])
        whole = whole and abs(before - after - eta) <= MAX_RELATIVE_DIFFERENCE * eta
        if rule.length is not None:
            length = float(np.ravel(rule.length(walk.state, *walk.now, **_defaults(rule)))[0])
            moved = "with gradients of 1 theta moved by"
            compare(f"the length of {name!r} at step {t}, over eta,", length / eta, (before - after) / eta, moved)
        before = after
    return replace(rule, length=whole_step) if rule.length is None and whole else rule


def _check_torch(name: str, rule: Optimizer, path: list[Path]) -> None:
    """Hold the path against PyTorch's: of the counterpart that is given, or of the update on tensors."""
    from twofold.engines.pytorch.optimizers import path_of

    OPTIMIZERS[name] = rule
    try:
        found = path_of(OptimizerConfig(name), np.array(START), rate=_rate(rule), steps=STEPS)
        _check_path(name, path, found, "PyTorch's is")
    finally:
        del OPTIMIZERS[name]
