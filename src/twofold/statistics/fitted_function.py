"""A function of one's own with its samples: values, slopes and curvatures, in doubles and with 30 digits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.errors import SpecificationError
from twofold.functions.numpy_functions import NumpyFunctions
from twofold.solvers import pairs
from twofold.solvers.double_double import DoubleDouble, PairFunctions
from twofold.solvers.duals import Dual, DualFunctions
from twofold.solvers.pairs import Pair, pair

Array = NDArray[np.float64]
Model = Callable[[Any, Any, Any], Any]


class _Doubles(NumpyFunctions):
    sin, cos, arctan, pi = np.sin, np.cos, np.arctan, np.pi


NUMPY = _Doubles(np.dtype("float64"))
SLOPES = DualFunctions(NUMPY)
SECOND_SLOPES = DualFunctions(SLOPES)
PAIR_SLOPES = DualFunctions(PairFunctions)


@dataclass(frozen=True)
class FittedFunction:
    """A model and its samples of positive weight.

    Attributes
    ----------
    model : callable
        Of x, b and xp, see `twofold.statistics.nonlinear_least_squares`.
    x : ndarray, shape (n,) or (n, d)
    y : ndarray, shape (n,)
    weight : ndarray, shape (n,), or None
    """

    model: Model
    x: Array
    y: Array
    weight: Array | None

    @cached_property
    def root(self) -> Array:
        """Roots of the weights, (n,)."""
        return np.ones(len(self.y)) if self.weight is None else np.sqrt(self.weight)

    def call(self, x: Any, b: list[Any], xp: Any) -> Any:
        """Compute the model with any kind of number."""
        try:
            with np.errstate(all="ignore"):  # what comes of it is looked at
                return self.model(x, b, xp)
        except (TypeError, AttributeError, ArithmeticError, ValueError) as error:
            message = "the model must be written with arithmetic, ** and xp's functions"
            raise SpecificationError(f"{message}; calling it failed: {error}") from error
        except IndexError as error:
            raise SpecificationError(
                f"the model asks for more coefficients or columns than there are: {error}"
            ) from error

    def shaped(self, value: Any) -> Array:
        """Bring doubles to (n,)."""
        numbers = np.asarray(value, dtype=np.float64)
        if numbers.shape not in ((), self.y.shape):
            raise SpecificationError(f"the model's values have shape {numbers.shape}; expected {self.y.shape}")
        return np.broadcast_to(numbers, self.y.shape)

    def residuals(self, beta: Array) -> Array:
        """Compute ``sqrt(w) (y - f)`` in doubles, (n,)."""
        return self.root * (self.y - self.shaped(self.call(self.x, list(beta), NUMPY)))

    def slopes(self, beta: Array) -> tuple[Array, Array]:
        """Compute residuals and ``sqrt(w) df/db`` in doubles, (n,) and (n, p)."""
        b = [Dual(NUMPY, value, {k: 1.0}) for k, value in enumerate(beta)]
        f = self._dual(self.call(Dual(NUMPY, self.x), b, SLOPES), NUMPY)
        J = np.column_stack([self.shaped(f.slopes.get(k, 0.0)) for k in range(len(beta))])
        return self.root * (self.y - self.shaped(f.value)), self.root[:, None] * J

    def curvature(self, beta: Array, r: Array) -> Array:
        """Compute ``sum_i r_i sqrt(w_i) d2f_i`` in doubles, (p, p)."""
        inner = SLOPES  # the second slopes are slopes of the first
        b = [Dual(inner, Dual(NUMPY, value, {k: 1.0}), {k: 1.0}) for k, value in enumerate(beta)]
        f = self._dual(self.call(Dual(inner, Dual(NUMPY, self.x)), b, SECOND_SLOPES), inner)
        second = np.zeros((len(beta), len(beta)))
        for j, slope in f.slopes.items():
            for k, value in self._dual(slope, NUMPY).slopes.items():
                second[j, k] = (r * self.root) @ _finite(self.shaped(value))
        return second

    def bend(self, beta: Array, delta: Array) -> Array:
        """Compute ``sqrt(w) d2f(b + t delta) / dt2`` at t = 0, in doubles, (n,)."""
        inner = SLOPES
        b = [Dual(inner, Dual(NUMPY, value, {0: step}), {0: step}) for value, step in zip(beta, delta, strict=True)]
        f = self._dual(self.call(Dual(inner, Dual(NUMPY, self.x)), b, SECOND_SLOPES), inner)
        return self.root * _finite(self.shaped(self._dual(f.slopes.get(0, 0.0), NUMPY).slopes.get(0, 0.0)))

    def pair_slopes(self, b: Pair) -> tuple[Pair, Pair]:
        """Compute residuals and slopes with 30 digits, (n,) and (n, p)."""
        p = len(b.high)
        duals = [Dual(PairFunctions, DoubleDouble(b.at(k)), {k: 1.0}) for k in range(p)]
        f = self._dual(self.call(Dual(PairFunctions, DoubleDouble.of(self.x)), duals, PAIR_SLOPES), PairFunctions)
        root = pairs.square_root(pair(np.ones(len(self.y)) if self.weight is None else self.weight))
        columns = [DoubleDouble.of(number).pair for number in (f.value, *(f.slopes.get(k, 0.0) for k in range(p)))]
        table = Pair(*(np.column_stack([self.shaped(getattr(c, half)) for c in columns]) for half in ("high", "low")))
        r = pairs.multiply(pairs.subtract(pair(self.y), table.at((slice(None), 0))), root)
        J = pairs.multiply(table.at((slice(None), slice(1, None))), Pair(root.high[:, None], root.low[:, None]))
        return r, J

    @staticmethod
    def _dual(value: Any, xp: Any) -> Dual:
        return value if isinstance(value, Dual) else Dual(xp, value)


def _finite(second: Array) -> Array:
    """Leave out curvatures that aren't finite, as that of ``x**1.5`` at 0: the search does without them."""
    return np.where(np.isfinite(second), second, 0.0)
