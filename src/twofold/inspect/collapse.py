"""Why an activation: without one, a network of any depth equals one layer."""

from __future__ import annotations

from dataclasses import replace

from twofold.errors import SpecificationError
from twofold.network import Layer, Network, Parameters, check_parameters


def collapse(network: Network, parameters: Parameters) -> tuple[Network, Parameters]:
    """Fold a network whose activation is the identity into the one layer that it equals.

    ``O = (X W_h + b_h) W_o + b_o = X (W_h W_o) + (b_h W_o + b_o)``, and so on for every layer.

    Parameters
    ----------
    network : Network
        With ``activation="identity"``, or without a hidden layer.
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
        If an activation stands between the layers, or the parameters don't fit the network.

    Examples
    --------
    >>> from twofold import Network, initialize
    >>> deep = Network((4, 5, 5, 3), activation="identity")
    >>> shallow, (layer,) = collapse(deep, initialize(deep))
    >>> shallow.widths, layer.W.shape
    ((4, 3), (4, 3))
    """
    if network.hidden and network.activation != "identity":
        raise SpecificationError(
            f"the activation {network.activation!r} stands between the layers; only 'identity' lets them collapse"
        )
    (W, b), *above = check_parameters(network, parameters, "float64")
    for layer in above:
        W, b = W @ layer.W, b @ layer.W + layer.b
    shallow = replace(network, widths=(network.inputs, network.outputs), dropout=0.0)
    return shallow, (Layer(W, b),)
