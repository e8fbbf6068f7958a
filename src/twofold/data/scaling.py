"""Standardisation: to mean 0 and standard deviation 1, and back to the user's own units."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.errors import SpecificationError
from twofold.network import Layer, Parameters, map_arrays

Array = NDArray[Any]

MAX_BENT = 700.0  # whose sinh is still a double


@dataclass(frozen=True)
class Scaling:
    """Means and standard deviations of features and, where they are numbers, of targets.

    Attributes
    ----------
    mean, scale : ndarray of float64, shape (d,)
        A feature x becomes ``(x - mean) / scale``; a constant column keeps its scale, 1.
    target_mean, target_scale : ndarray of float64, shape (q,), or None
        The same for targets; None for classes, which are left alone.
    target_bend : ndarray of float64, shape (q,), or None
        Targets y first become ``asinh(y / bend)``, which is close to a logarithm above ``bend`` and to a straight line
        below: for amounts of several orders of magnitude. Positive.
    target_low, target_high : ndarray of float64, shape (q,), or None
        Predictions are kept between them.
    """

    mean: Array
    scale: Array
    target_mean: Array | None = None
    target_scale: Array | None = None
    target_bend: Array | None = None
    target_low: Array | None = None
    target_high: Array | None = None

    @classmethod
    def of(cls, X: Array, Y: Array | None = None) -> Scaling:
        """Measure features X (n, d) and numeric targets Y (n, q)."""
        return cls(*_moments(X), *((None, None) if Y is None else _moments(Y)))

    @property
    def keeps_features(self) -> bool:
        """Whether features stay as they are, as those of a table do, which come scaled from its encoder."""
        return not self.mean.any() and bool((self.scale == 1).all())

    def features(self, X: Array) -> Array:
        """Scale features (n, d)."""
        return (X - self.mean) / self.scale

    def targets(self, y: Array) -> Array:
        """Scale targets (n, q); classes come back as they are."""
        bent = y if self.target_bend is None else np.arcsinh(y / self.target_bend)
        return y if self.target_mean is None else (bent - self.target_mean) / self.target_scale

    def unscaled_targets(self, y: Array) -> Array:
        """Bring scaled targets (n, q) back to their own units, the inverse of `targets`; classes come back as they are.

        Examples
        --------
        >>> y = np.array([[1.0], [3.0], [50.0]])
        >>> scaling = replace(Scaling.of(y, y[:2]), target_high=np.array([3.0]))
        >>> scaling.unscaled_targets(scaling.targets(y))[2], scaling.predictions(scaling.targets(y))[2]
        (array([50.]), array([3.]))
        """
        if self.target_mean is None or self.target_scale is None:
            return y
        y = y * self.target_scale + self.target_mean
        if self.target_bend is not None:
            y = self.target_bend * np.sinh(np.clip(y, -MAX_BENT, MAX_BENT))
        return y

    def predictions(self, O: Array) -> Array:
        """Bring outputs (n, q) to the targets' own units and range; those of classes come back as they are."""
        y = self.unscaled_targets(O)
        if self.target_low is not None:
            y = np.maximum(y, self.target_low)
        return y if self.target_high is None else np.minimum(y, self.target_high)

    def bent(self, bend: Array, y: Array) -> Scaling:
        """Return the scaling that bends targets; y are targets (n, q) in their own units."""
        none = replace(self, target_bend=bend, target_mean=np.zeros(y.shape[1]), target_scale=np.ones(y.shape[1]))
        mean, scale = _moments(none.targets(y))
        return replace(none, target_mean=mean, target_scale=scale)

    def unscale(self, parameters: Parameters) -> Parameters:
        """Carry a network trained on scaled numbers back to the user's units.

        The maps are affine, so they fold into the first and the last layer:
        ``((x - m) / s) W + b = x (W / s) + (b - (m / s) W)``, and ``(o W + b) t + u`` likewise.

        Parameters
        ----------
        parameters : Parameters

        Returns
        -------
        parameters : Parameters
            Of float64; with raw features in, raw predictions come out.

        Raises
        ------
        SpecificationError
            If the network has layer normalisation, or targets are bent.
        """
        if self.target_bend is not None:
            raise SpecificationError("targets are bent like a logarithm, so no layer can carry outputs back")
        first, *above = map_arrays(lambda array: array.astype(np.float64), parameters)
        shift = (self.mean / self.scale) @ first.W
        first = replace(first, W=first.W / self.scale[:, None])
        if first.gamma is None:
            first = replace(first, b=first.b - shift)
        elif first.mean is not None:  # what comes before batch normalisation is taken away by its mean
            first = replace(first, mean=first.mean + shift)
        else:
            raise SpecificationError("layer normalisation comes before b, so scaled features can't be carried back")
        layers = [first, *above]
        if self.target_mean is not None and self.target_scale is not None:
            last = layers[-1]
            layers[-1] = Layer(last.W * self.target_scale, last.b * self.target_scale + self.target_mean)
        return tuple(layers)


def _moments(values: Array) -> tuple[Array, Array]:
    values = values.astype(np.float64)
    scale = values.std(axis=0)
    # What is computed of a constant column is not 0 but the rounding of its mean.
    rounding = len(values) * np.finfo(np.float64).eps * np.abs(values).max(axis=0)
    return values.mean(axis=0), np.where(scale > rounding, scale, 1.0)
