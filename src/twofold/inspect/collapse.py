"""Why an activation: without one, a network of any depth equals one layer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from twofold.errors import SpecificationError
from twofold.functions.normalizations import EPSILON
from twofold.network import Layer, Network, Parameters, check_parameters


def collapse(network: Network, parameters: Parameters) -> tuple[Network, Parameters]:
    """Fold a network whose activation is the identity into the one layer that it equals.

    ``O = (X W_h + b_h) W_o + b_o = X (W_h W_o) + (b_h W_o + b_o)``, and so on for every layer.

    Parameters
    ----------
    network : Network
        With ``activation="identity"``, or without a hidden layer; batch normalisation, as it predicts, is affine too.
    parameters : Parameters

    Returns
    -------
    network : Network
        Of widths (d, q), with the same loss.
    parameters : Parameters
        Its one layer, in float64.

    Raises
    ------
    SpecificationError
        If an activation or layer normalisation stands between the layers, or the parameters don't fit the network.

    Examples
    --------
    >>> from twofold import Network, initialize
    >>> deep = Network((4, 5, 5, 3), activation="identity")
    >>> shallow, (layer,) = collapse(deep, initialize(deep))
    >>> shallow.widths, layer.W.shape
    ((4, 3), (4, 3))
    """
    if network.normalization == "layer":
        raise SpecificationError("layer normalisation is no affine map of the sample; it doesn't collapse")
    if network.hidden and network.activation != "identity":
        raise SpecificationError(
            f"the activation {network.activation!r} stands between the layers; only 'identity' lets them collapse"
        )
    first, *above = fold_normalization(network, check_parameters(network, parameters, "float64"))[1]
    W, b = first.W, first.b
    for layer in above:
        W, b = W @ layer.W, b @ layer.W + layer.b
    shallow = replace(network, widths=(network.inputs, network.outputs), dropout=0.0, normalization=None)
    return shallow, (Layer(W, b),)


def fold_normalization(network: Network, parameters: Parameters) -> tuple[Network, Parameters]:
    """Fold batch normalisation into the weights before it: predictions stay, and a plain network makes them.

    With running mean m and variance v, ``gamma (X W - m) / sqrt(v + epsilon) + b = X (W s) + (b - m s)`` where
    ``s = gamma / sqrt(v + epsilon)``.

    Parameters
    ----------
    network : Network
        Without layer normalisation, which depends on the sample.
    parameters : Parameters

    Returns
    -------
    network : Network
        The same without a normalisation.
    parameters : Parameters
        In the type of those given.

    Raises
    ------
    SpecificationError
        If the network has layer normalisation.

    Examples
    --------
    >>> from twofold import Network, initialize
    >>> network = Network((4, 5, 3), normalization="batch")
    >>> plain, layers = fold_normalization(network, initialize(network))
    >>> plain.normalization, [sorted(layer.arrays) for layer in layers]
    (None, [['W', 'b'], ['W', 'b']])
    """
    if network.normalization == "layer":
        raise SpecificationError("layer normalisation depends on the sample; it can't be folded into the weights")
    layers = []
    for layer in parameters:
        if layer.gamma is None or layer.mean is None or layer.variance is None:
            layers.append(layer)
        else:
            scale = layer.gamma / np.sqrt(layer.variance + EPSILON)
            layers.append(Layer(layer.W * scale, layer.b - layer.mean * scale))
    return replace(network, normalization=None), tuple(layers)
