"""Targets: what a loss is told of each sample, numbers, one class of several, or labels that are there or not.

Each kind knows what values are allowed, when a prediction is right, and how random ones are drawn. Nobody else asks
which kind it is.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[Any]


class Targets(ABC):
    """A kind of targets.

    Attributes
    ----------
    name : str
        ``"numbers"``, ``"classes"`` or ``"labels"``.
    least_outputs : int
        Fewest outputs that make sense: two for classes, which compete.
    has_accuracy : bool
        Whether a prediction is right or wrong.
    compete : bool
        Whether the outputs of a sample compete: exactly one is right.
    """

    name: ClassVar[str]
    least_outputs: ClassVar[int] = 1
    has_accuracy: ClassVar[bool] = True
    compete: ClassVar[bool] = False

    @abstractmethod
    def outside(self, Y: Array) -> Array:
        """Tell which of the targets Y (n, q) can't be, each by itself: bool (n, q)."""

    @property
    @abstractmethod
    def allowed(self) -> str:
        """What a target may be, in words."""

    def complaint(self, Y: Array) -> str:
        """Say what is wrong with the first row of Y (n, q) that isn't allowed; empty if all are."""
        outside = self.outside(Y)
        if not outside.any():
            return ""
        row, column = divmod(int(outside.argmax()), Y.shape[1])
        return f"y[{row}, {column}] is {Y[row, column]}; {self.allowed}"

    @abstractmethod
    def draw(self, generator: np.random.Generator, shape: tuple[int, int]) -> Array:
        """Draw targets of n samples and q outputs at random: (n, q), or (n,) class indices."""

    def right(self, O: Any, y: Any, outputs: int) -> Any:
        """Tell what of each prediction is right.

        Parameters
        ----------
        O, y : ndarray or Tensor
            Raw outputs and targets.
        outputs : int
            The axis of the outputs.

        Returns
        -------
        ndarray or Tensor of bool
            (n,), or of O's shape where each output is right or wrong by itself.
        """
        raise NotImplementedError(f"there is no right and wrong of {self.name}")

    def even(self, outputs: int) -> float:
        """Return what every target would be if nothing were known."""
        raise NotImplementedError(f"{self.name} have no even value")


@dataclass(frozen=True)
class Numbers(Targets):
    """Numbers, one for each output.

    Attributes
    ----------
    least : float
        The smallest allowed.
    includes_least : bool
        Whether that one itself is.
    """

    least: float = -math.inf
    includes_least: bool = True

    name: ClassVar[str] = "numbers"
    has_accuracy: ClassVar[bool] = False

    def outside(self, Y: Array) -> Array:
        """Tell which are below the least."""
        below: Array = self.least > Y if self.includes_least else self.least >= Y
        return below

    @property
    def allowed(self) -> str:
        """From which number on."""
        return f"this loss is for numbers {'from' if self.includes_least else 'above'} {self.least:g}"

    def draw(self, generator: np.random.Generator, shape: tuple[int, int]) -> Array:
        """Draw from the standard normal distribution, or from the exponential one above the least."""
        if self.least == -math.inf:
            return generator.standard_normal(shape)
        return self.least + generator.standard_exponential(shape)


class Probabilities(Targets):
    """Targets between 0 and 1."""

    def outside(self, Y: Array) -> Array:
        """Tell which are no probabilities."""
        outside: Array = (Y < 0) | (Y > 1)
        return outside

    @property
    def allowed(self) -> str:
        """Where a probability lies."""
        return "a probability lies between 0 and 1"


class Classes(Probabilities):
    """One class of several: as indices (n,), or rows of probabilities (n, q)."""

    name: ClassVar[str] = "classes"
    least_outputs: ClassVar[int] = 2
    compete: ClassVar[bool] = True

    def complaint(self, Y: Array) -> str:
        """Say which row holds no probabilities, or doesn't sum to 1."""
        if words := super().complaint(Y):
            return words
        total = Y.sum(axis=1, dtype="float64")
        wrong = abs(total - 1) > 1e-5
        if not wrong.any():
            return ""
        row = int(wrong.argmax())
        words = f"row {row} of y sums to {total[row]:.6g}; probabilities of classes sum to 1"
        several = bool(((Y == 0) | (Y == 1)).all())
        return f"{words}; for several labels of a sample take loss 'sigmoid_cross_entropy'" if several else words

    def draw(self, generator: np.random.Generator, shape: tuple[int, int]) -> Array:
        """Draw indices."""
        return generator.integers(shape[1], size=shape[0])

    def right(self, O: Any, y: Any, outputs: int) -> Any:
        """Tell whether the largest output is the class, or the most probable one."""
        return O.argmax(outputs) == (y if y.ndim == 1 else y.argmax(outputs))

    def even(self, outputs: int) -> float:
        """Return 1 / q."""
        return 1 / outputs


class Labels(Probabilities):
    """Labels, several for each sample, each there or not: rows (n, q) in [0, 1]."""

    name: ClassVar[str] = "labels"

    def draw(self, generator: np.random.Generator, shape: tuple[int, int]) -> Array:
        """Draw 0 or 1."""
        return generator.integers(2, size=shape).astype(float)

    def right(self, O: Any, y: Any, outputs: int) -> Any:  # noqa: ARG002
        """Tell of each label whether it is predicted, being more likely than not, and there, or neither."""
        return (O > 0) == (y > 0.5)

    def even(self, outputs: int) -> float:  # noqa: ARG002
        """Return 1 / 2."""
        return 0.5
