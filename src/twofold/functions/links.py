"""Links: what a raw output means. A loss names its link, and whoever predicts, exports or traces reads it there.

A raw output o is any number. The identity takes it as it is; the sigmoid makes of it the probability of a label, the
softmax of a row of them the probabilities of classes, the exponential the mean of what can't be negative.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from twofold.functions.activations import identity, sigmoid
from twofold.functions.expressions import record

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


def exponential(o: Any, xp: Any) -> Any:
    """``exp(o)``: positive, and a step of o multiplies it."""
    return xp.exp(o)


def softmax(O: Array) -> Array:
    """Turn each row of outputs into probabilities: ``y_hat_j = exp(o_j) / sum_i exp(o_i)``.

    Parameters
    ----------
    O : ndarray of float, shape (n, q)
        Raw outputs; the largest of a row is subtracted first, which changes nothing but the range.

    Returns
    -------
    ndarray, shape (n, q)
        Positive rows that sum to 1, of O's dtype.

    Examples
    --------
    >>> import numpy as np
    >>> softmax(np.array([[1000.0, 1000.0]]))
    array([[0.5, 0.5]])
    """
    import numpy as np

    E = np.exp(O - O.max(axis=1, keepdims=True))  # (n, q)
    return E / E.sum(axis=1, keepdims=True)


@dataclass(frozen=True)
class Link:
    """What a raw output means.

    Attributes
    ----------
    name : str
    formula : str
        Of an output o, for people.
    meaning : str
        What comes out, in the plural: ``"probabilities"``.
    mean : callable, optional
        Of an output o and ``xp``; None where the outputs of a sample belong together, as under softmax.
    """

    name: str
    formula: str
    meaning: str
    mean: Callable[[Any, Any], Any] | None

    def apply(self, O: Array) -> Array:
        """Return what raw outputs O (n, q) mean, (n, q) of O's dtype."""
        if self.mean is None:
            return softmax(O)
        from twofold.functions.numpy_functions import of_type

        result: Array = self.mean(O, of_type(O.dtype))
        return result

    @cached_property
    def expression(self) -> Any:
        """What `mean` computes of ``z``, recorded; None for softmax."""
        return None if self.mean is None else record(self.mean, "z")


IDENTITY = Link("identity", "o", "predictions", identity)
SIGMOID = Link("sigmoid", "sigmoid(o)", "probabilities", sigmoid)
SOFTMAX = Link("softmax", "exp(o) / sum(exp(o))", "probabilities", None)
EXPONENTIAL = Link("exp", "exp(o)", "means", exponential)
