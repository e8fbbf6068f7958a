"""Raw outputs of a fitted estimator, with no more ado than the arithmetic needs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.engines import CHUNK
from twofold.engines.scratch import forward
from twofold.network import Network, Parameters, map_arrays

Array = NDArray[Any]


@np.errstate(over="ignore", invalid="ignore")  # what is too large for a float is infinite, as in an engine
def predict_outputs(network: Network, parameters: Parameters, X: Array) -> Array:
    """Compute raw outputs, in the wider type of X and the parameters.

    Parameters
    ----------
    network : Network
    parameters : Parameters
    X : ndarray or CSR matrix of float, shape (n, d)
        Checked already.

    Returns
    -------
    ndarray, shape (n, q)
    """
    dtype = np.result_type(X.dtype, parameters[0].W.dtype)
    if dtype != parameters[0].W.dtype:
        parameters = map_arrays(lambda array: array.astype(dtype), parameters)
    n = X.shape[0]
    O = np.empty((n, network.outputs), dtype=dtype)
    for rows in (slice(i, i + CHUNK) for i in range(0, n, CHUNK)):
        O[rows], _ = forward(network, parameters, X[rows].astype(dtype, copy=False))
    return O
