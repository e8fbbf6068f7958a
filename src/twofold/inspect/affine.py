"""The exact affine map that a ReLU network is at a sample: an explanation of one prediction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twofold.errors import DataError, SpecificationError
from twofold.functions import ACTIVATIONS
from twofold.inspect.collapse import fold_normalization
from twofold.network import Network, Parameters, check_parameters
from twofold.validation import check_features, floats

Array = NDArray[Any]


@dataclass(frozen=True)
class AffineMap:
    """``o = x W + b``, exact for every x of one linear region.

    Attributes
    ----------
    W : ndarray of float64, shape (d, q)
    b : ndarray of float64, shape (q,)
    x : ndarray of float64, shape (d,)
        The sample that the region lies around.
    margin : float
        Euclidean distance of x to the nearest boundary of its region; infinite if there is none, 0 on one.
    nearest : tuple of two int, or None
        The hidden layer (from 1) and unit (from 0) whose boundary that is; None if there is none.
    active : tuple of ndarray of bool
        Which units of each hidden layer are on: at the right of the kink.
    step : ndarray of float64, shape (d,)
        From x to the nearest point of that boundary; 0 if there is none.
    """

    W: Array
    b: Array
    x: Array
    margin: float
    nearest: tuple[int, int] | None
    active: tuple[Array, ...]
    step: Array

    @property
    def outputs(self) -> Array:
        """The network's outputs at x, (q,)."""
        return self.x @ self.W + self.b

    def contributions(self) -> Array:
        """Return what each feature adds to each output, ``x_k W_kj`` (d, q): with b they sum to the outputs."""
        return self.x[:, None] * self.W


def affine_map_at(network: Network, parameters: Parameters, x: ArrayLike) -> AffineMap:
    """Fold a ReLU network into the one affine map that it is around a sample.

    A unit that is on passes its input, one that is off passes 0 (a leaky one a hundredth); as long as none of them
    changes, the network is affine: ``W = W_1 D_1 W_2 D_2 ... W_o`` with D the diagonals of slopes (Montufar et al.
    2014, arXiv:1402.1869). Within its region each pre-activation is ``z_u = x a_u + c_u``, the region is where none of
    them changes its sign, and so the margin is the smallest ``|z_u| / |a_u|``, exactly.

    Parameters
    ----------
    network : Network
        Whose activations are straight on each side of 0, such as ``"relu"``; batch normalisation counts as it predicts.
    parameters : Parameters
    x : array, shape (d,) or (height, width)
        One sample; uint8 are image bytes, 0..255 for 0..1.

    Returns
    -------
    AffineMap

    Raises
    ------
    SpecificationError
        If an activation isn't affine on each side of 0, layers are normalised by sample, or the parameters don't fit.
    DataError
        If x is not one sample of the network's.

    Examples
    --------
    >>> from twofold import Network, initialize
    >>> network = Network((4, 5, 3))
    >>> affine_map_at(network, initialize(network), [0.1, 0.2, 0.3, 0.4]).W.shape
    (4, 3)
    """
    names = network.activations
    for name in names:
        if not ACTIVATIONS[name].is_piecewise_linear:
            straight = ", ".join(other for other, phi in ACTIVATIONS.items() if phi.is_piecewise_linear)
            raise SpecificationError(f"the activation {name!r} is curved; an exact affine map is for {straight}")
    if network.normalization == "layer":
        raise SpecificationError("layer normalisation divides by what depends on x; there is no affine map with it")
    network, layers = fold_normalization(network, check_parameters(network, parameters, "float64"))
    values = np.asarray(x)
    if values.size != network.inputs:
        raise DataError(f"x has shape {values.shape}; expected one sample of {network.inputs} features")
    row = floats(check_features(network, values.reshape(1, -1), dtype="float64"), "float64")[0]  # (d,)
    W, b = layers[0].W, layers[0].b
    active, boundaries = [], []
    for number, (name, layer) in enumerate(zip(names, layers[1:], strict=True), start=1):
        z = row @ W + b  # (h,)
        phi = ACTIVATIONS[name]
        derivative = phi.derivative(z)  # (h,)
        active.append(z > 0 if phi.kink else np.ones(len(z), dtype=bool))
        if phi.kink:
            boundaries.append(_nearest(number, W, z))
        W = (W * derivative) @ layer.W  # (d, h)
        b = (b * derivative) @ layer.W + layer.b  # (h,)
    margin, nearest, step = min(boundaries, key=lambda found: found[0], default=(np.inf, None, np.zeros_like(row)))
    return AffineMap(W, b, row, float(margin), nearest if np.isfinite(margin) else None, tuple(active), step)


def _nearest(layer: int, A: Array, z: Array) -> tuple[float, tuple[int, int], Array]:
    """Return the distance to the nearest boundary of a layer's units, the unit, and the way there.

    Parameters
    ----------
    layer : int
    A : ndarray, shape (d, h)
        How each pre-activation depends on x.
    z : ndarray, shape (h,)
    """
    norms = np.linalg.norm(A, axis=0)  # (h,)
    distances = np.where(norms > 0, np.abs(z) / np.where(norms > 0, norms, 1.0), np.inf)
    unit = int(distances.argmin())
    step = -z[unit] * A[:, unit] / norms[unit] ** 2 if norms[unit] > 0 else np.zeros(len(A))
    return float(distances[unit]), (layer, unit), step
