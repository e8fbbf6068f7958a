"""What the page draws of a run: arrays for each picture, found when they are asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.data import Dataset, Samples
from twofold.data.scaling import Scaling
from twofold.engines.scratch import forward
from twofold.functions import LOSSES
from twofold.lab.arrays import packed
from twofold.lab.run import Run
from twofold.network import Parameters, map_arrays

Array = NDArray[Any]

GRID = 40  # points of the input plane each way
LINE = 200  # points of an input line
MARGIN = 0.1  # of the plane around the samples
MOST_POINTS = 5000  # samples that are drawn
MOST_SHOWN = 500  # of a plot of predictions
MOST_CLASSES = 20  # of a confusion matrix
WORST = 12
MOST_INPUTS, MOST_UNITS = 1024, 32  # of a layer's weights that are drawn


def points(run: Run) -> dict[str, Any]:
    """Return the samples as far as they are drawn: features and targets in their own units."""
    data, found = run.data, dict[str, Any]()
    for name, samples in (("train", data.train), ("test", data.test)):
        if samples is None:
            continue
        chosen = slice(0, MOST_POINTS)
        X = _raw(run.units, samples.X[chosen].reshape(len(samples.X[chosen]), -1))
        found[name] = {
            "n": len(samples),
            "X": packed(X if X.shape[1] <= 2 else X[:, :0]),
            "y": packed(_raw_targets(run.units, samples.y[chosen])),
        }
    return found


def _raw(units: Scaling | None, X: Array) -> Array:
    """Bring features back to their own units."""
    if units is None:
        return X
    result: Array = X * units.scale + units.mean
    return result


def _raw_targets(units: Scaling | None, y: Array) -> Array:
    return y if units is None else units.unscaled_targets(y)


def domain(run: Run) -> list[list[float]]:
    """Return the ends of each of one or two inputs, in their own units; none for more."""
    data = run.data
    if data.inputs > 2 or data.image_shape is not None:
        return []
    X = _raw(run.units, data.train.X)
    low, high = X.min(axis=0), X.max(axis=0)
    wide = np.where(high > low, high - low, 1.0) * MARGIN
    return [[float(a), float(b)] for a, b in zip(low - wide, high + wide, strict=True)]


def layers(parameters: Parameters) -> list[dict[str, Any]]:
    """Return each layer's weights and biases, as far as they are drawn."""
    return [
        {
            "W": packed(layer.W[:MOST_INPUTS, :MOST_UNITS]),
            "b": packed(layer.b[:MOST_UNITS]),
            "shape": list(layer.W.shape),
        }
        for layer in parameters
    ]


def plane(run: Run) -> dict[str, Any]:
    """Return outputs and hidden units over the input plane, or along the input line."""
    ends, network = domain(run), run.engine.network
    if not ends:
        return {}
    axes = [np.linspace(low, high, GRID if len(ends) == 2 else LINE) for low, high in ends]
    X = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, len(ends)) if len(ends) == 2 else axes[0][:, None]
    parameters = map_arrays(lambda array: array.astype(np.float64), run.engine.parameters())
    O, tape = forward(network, parameters, X if run.units is None else run.units.features(X))
    mean = LOSSES[network.loss].link.apply(O)  # (G G, q)
    units = []
    for H in tape.inputs[1:]:  # (G G, h)
        H = H[:, :MOST_UNITS]
        largest = float(np.nanmax(np.abs(H), initial=1e-9))
        shades = np.nan_to_num(127 + 127 * H.T / largest, nan=127).clip(0, 254).round()
        units.append({"largest": largest, "values": packed(shades, "u1")})  # 127 is 0
    return {"outputs": packed(_raw_targets(run.units, mean).T), "units": units, "domain": ends}


def activity(run: Run) -> dict[str, Any]:
    """Return, for each hidden unit, the part of the training samples on which it is more than 0."""
    X = run.data.train.X[:MOST_SHOWN].reshape(-1, run.data.inputs)
    X = X / 255 if X.dtype == np.uint8 else X
    _, tape = forward(run.engine.network, run.engine.parameters(), X)
    return {"on": [packed((H[:, :MOST_UNITS] > 0).mean(axis=0)) for H in tape.inputs[1:]]}


def followed(run: Run, X: Array) -> dict[str, Any]:
    """Return what each layer gives for one sample: its features, the hidden units, the prediction."""
    network = run.engine.network
    x = X.reshape(1, -1) / (255 if X.dtype == np.uint8 else 1)  # (1, d)
    parameters = map_arrays(lambda array: array.astype(np.float64), run.engine.parameters())
    O, tape = forward(network, parameters, x)
    mean = LOSSES[network.loss].link.apply(O)  # (1, q)
    return {"layers": [packed(H[0, :MOST_INPUTS]) for H in (*tape.inputs, mean)]}


def _tested(data: Dataset) -> Samples:
    return data.train if data.test is None else data.test


def predictions(run: Run) -> dict[str, Any]:
    """Return how the test set is predicted: confusion matrix and worst mistakes, or numbers beside true ones."""
    samples, network = _tested(run.data), run.engine.network
    loss = LOSSES[network.loss]
    O = run.engine.outputs(samples.X)
    if not np.isfinite(O).all():
        return {}
    losses, _ = loss.samples(O, samples.y)
    mean = loss.link.apply(O)  # (n, q)
    found: dict[str, Any] = {"worst": _worst(run, samples, mean, losses)}
    if samples.y.ndim == 1 and network.outputs <= MOST_CLASSES:
        pairs = samples.y * network.outputs + mean.argmax(axis=1)
        counts = np.bincount(pairs.astype(np.intp), minlength=network.outputs**2)
        found["confusion"] = counts.reshape(network.outputs, -1).tolist()
    elif samples.y.ndim == 2:
        true, predicted = _raw_targets(run.units, samples.y), _raw_targets(run.units, mean)
        found["pairs"] = {"true": packed(true[:MOST_SHOWN]), "predicted": packed(predicted[:MOST_SHOWN])}
        found["rmse"] = float(np.sqrt(np.mean((predicted - true) ** 2)))
    return found


def _worst(run: Run, samples: Samples, mean: Array, losses: Array) -> list[dict[str, Any]]:
    """Return the test samples of the largest losses."""
    found = []
    for index in np.argsort(-losses, kind="stable")[:WORST]:
        entry: dict[str, Any] = {"index": int(index), "loss": float(losses[index])}
        if samples.y.ndim == 1:
            best = int(mean[index].argmax())
            entry |= {"true": int(samples.y[index]), "predicted": best, "probability": float(mean[index, best])}
        else:
            raw, true = _raw_targets(run.units, mean[index]), _raw_targets(run.units, samples.y[index])
            entry |= {"true": true.tolist(), "predicted": raw.tolist()}
        if run.data.image_shape is not None:
            image = samples.X[index]
            entry["image"] = packed(image if image.dtype == np.uint8 else 255 * image, "u1")
        found.append(entry)
    return found


def surface(run: Run) -> dict[str, Any]:
    """Return the loss of linear regression around the exact solution, over two of its parameters, and the way so far.

    The loss is ``L* + (theta - theta*)^T M (theta - theta*) / 2`` with M the second derivatives, at the best of the
    other parameters: for two features their weights, for one its weight and the bias.
    """
    network, data = run.engine.network, run.data
    if network.hidden or network.loss != "squared" or network.outputs != 1 or data.inputs > 10:
        return {}
    A = np.column_stack([data.train.X.reshape(len(data.train), -1), np.ones(len(data.train))])  # (n, d + 1)
    exact, *_ = np.linalg.lstsq(A, data.train.y[:, 0], rcond=None)
    residuals = A @ exact - data.train.y[:, 0]
    M = A.T @ A / len(A)
    seen, rest = np.array([0, 1]), np.arange(2, data.inputs + 1)
    curved = M[np.ix_(seen, seen)]
    if len(rest):
        curved = curved - M[np.ix_(seen, rest)] @ np.linalg.pinv(M[np.ix_(rest, rest)]) @ M[np.ix_(rest, seen)]
    names = [f"w{k + 1}" for k in range(data.inputs)] + ["b"] if data.inputs > 1 else ["w", "b"]
    return {
        "names": names,
        "exact": exact.tolist(),
        "least": float(residuals @ residuals / (2 * len(A))),
        "curvature": curved.tolist(),
        "path": packed(run.path()[:, :2]),
        "distance": float(np.abs(run.path()[-1] - exact).max()),
    }


def collapsed(run: Run) -> dict[str, Any]:
    """Return the one layer that a network without an activation equals."""
    network = run.engine.network
    if not network.hidden or set(network.activations) != {"identity"} or network.normalization == "layer":
        return {}
    parameters = run.engine.parameters()
    if not all(np.isfinite(array).all() for layer in parameters for array in layer):
        return {}
    from twofold.inspect import collapse

    _, (layer,) = collapse(network, parameters)
    return {"W": layer.W.tolist(), "b": layer.b.tolist()}


VIEWS: dict[str, Callable[[Run], dict[str, Any]]] = {
    "plane": plane,
    "activity": activity,
    "predictions": predictions,
    "surface": surface,
    "collapsed": collapsed,
}


def image_of(samples: Samples, index: int) -> dict[str, Any]:
    """Return a sample's image, or its features."""
    x = samples.X[index]
    if x.ndim == 2:
        return {"image": packed(x if x.dtype == np.uint8 else 255 * x, "u1")}
    return {"features": x.tolist()}
