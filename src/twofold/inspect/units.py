"""What the hidden units of a network say to a set of samples."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike, NDArray

from twofold.engines.scratch import forward
from twofold.network import Network, Parameters
from twofold.validation import check_features, floats

Array = NDArray[Any]


def hidden_activations(network: Network, parameters: Parameters, X: ArrayLike) -> list[Array]:
    """Compute each hidden layer's activations ``H = phi(X W + b)``, without dropout.

    Parameters
    ----------
    network : Network
    parameters : Parameters
        Such as an engine's.
    X : array, shape (n, d) or (n, height, width)
        Features; uint8 are image bytes, 0..255 for 0..1.

    Returns
    -------
    list of ndarray of float64, shape (n, h) each
        Layer by layer; empty without a hidden layer.

    Raises
    ------
    DataError
        If X doesn't fit the network.

    Examples
    --------
    >>> from twofold import initialize
    >>> network = Network((4, 5, 3))
    >>> [H.shape for H in hidden_activations(network, initialize(network), [[1.0, 2.0, 3.0, 4.0]])]
    [(1, 5)]
    """
    _, tape = forward(network, parameters, floats(check_features(network, X, dtype="float64"), "float64"))
    return tape.inputs[1:]
