"""The three models by name: which network each is on a data set, and a recipe to start from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from twofold.data.dataset import Dataset
from twofold.engines import Engine
from twofold.errors import SpecificationError, check_name
from twofold.functions import LOSSES
from twofold.functions.links import IDENTITY
from twofold.network import Network, Parameters
from twofold.recipe import Recipe, nest
from twofold.run import Epoch
from twofold.validation import floats

if TYPE_CHECKING:
    from twofold.solvers import LeastSquares

MODELS: dict[str, str] = {
    "linear": "linear regression: no hidden layer, squared loss",
    "softmax": "softmax regression: no hidden layer, cross entropy",
    "mlp": "multilayer perceptron: hidden layers, either loss",
}


def build_network(
    model: str,
    data: Dataset,
    *,
    hidden: Sequence[int] | None = None,
    activation: str | Sequence[str] = "relu",
    loss: str | None = None,
    dropout: float = 0.0,
    normalization: str | None = None,
) -> Network:
    """Make the network of a model on a data set.

    Parameters
    ----------
    model : {"linear", "softmax", "mlp"}
    data : Dataset
        Gives the number of inputs and outputs, and whether classes or numbers are predicted.
    hidden : sequence of int, optional
        Units of the MLP's hidden layers, (256,) if None; the other models have none.
    activation, dropout, normalization
        Of the hidden layers, as for `Network`.
    loss : str, optional
        Otherwise the cross entropy for classes, the squared loss for numbers.

    Returns
    -------
    Network

    Raises
    ------
    SpecificationError
        If the model is unknown, can't predict what the data set holds, or an option is out of range.

    Examples
    --------
    >>> from twofold import load_dataset
    >>> build_network("softmax", load_dataset("toy-animals")).widths
    (4, 3)
    """
    check_name("model", model, MODELS)
    what = "classes" if data.classes else "numbers"
    if {"linear": "numbers", "softmax": "classes"}.get(model, what) != what:
        other = "softmax" if data.classes else "linear"
        raise SpecificationError(f"{data.name} has {what} to predict, which {model} can't; train {other} or mlp on it")
    loss = LOSSES.check(loss or ("cross_entropy" if data.classes else "squared"))
    expected = LOSSES[loss].targets.name
    if expected != what:
        raise SpecificationError(f"loss {loss!r} is one for {expected}; {data.name} has {what} to predict")
    if model != "mlp" and (hidden or dropout or normalization):
        raise SpecificationError(f"{model} has no hidden layer; hidden units, dropout and normalization are for mlp")
    layers = (256,) if hidden is None and model == "mlp" else tuple(hidden or ())
    if model == "mlp" and not layers:
        raise SpecificationError("an mlp needs a hidden layer; without one it is softmax or linear")
    phi = activation if isinstance(activation, str) else tuple(activation)
    return Network((data.inputs, *layers, data.outputs), phi, loss, dropout, normalization)


def suggest_recipe(model: str, data: Dataset, **chosen: Any) -> Recipe:
    """Fill a recipe with usual values, those of the published results where there are some.

    Linear regression: batch size 10, learning rate 0.03, 3 epochs. Otherwise the optimiser's usual learning rate (0.1,
    0.001 with Adam), and batch size 256, 5 epochs on 10000 samples or more; 32 and 20 on fewer.

    Parameters
    ----------
    model : str
        A name in `MODELS`.
    data : Dataset
    **chosen
        Fields of `Recipe` that are decided, and constants of its optimiser and schedule; None leaves one open.

    Returns
    -------
    Recipe

    Raises
    ------
    SpecificationError
        If a value is out of its range.

    Examples
    --------
    >>> from twofold import load_dataset
    >>> suggest_recipe("linear", load_dataset("synthetic"), epochs=10).batch_size
    10
    """
    decided = nest({name: value for name, value in chosen.items() if value is not None})
    usual: dict[str, Any]
    if model == "linear":
        usual = {"batch_size": 10, "learning_rate": 0.03, "epochs": 3}
    elif len(data.train) >= 10_000:
        usual = {"batch_size": 256, "learning_rate": 0.1, "epochs": 5}
    else:
        usual = {"batch_size": 32, "learning_rate": 0.1, "epochs": 20}
    recipe = Recipe(**(usual | decided))
    rate = recipe.optimizer.definition.usual_rate
    return recipe if rate is None or "learning_rate" in decided else replace(recipe, learning_rate=rate)


def held_out_log_likelihood(network: Network, data: Dataset, epoch: Epoch) -> float | None:
    """Return the log-likelihood of the test set, ``-n l``; None unless the loss is the cross entropy.

    Minimising the mean cross entropy l is maximising the joint likelihood ``exp(-n l)`` of n independent samples.
    """
    if network.loss != "cross_entropy" or data.test is None or epoch.test_loss is None:
        return None
    return -len(data.test) * epoch.test_loss


def scales_targets(loss: str | None) -> bool:
    """Tell whether numbers may be standardised for a loss, None for the usual one: not if it takes their logarithm."""
    return loss is None or LOSSES[LOSSES.check(loss)].link is IDENTITY


def loss_unit(data: Dataset, loss: str) -> float:
    """Return what a loss on this data is multiplied by to be in the data's own units; 1 for classes.

    It undoes the target's standardisation: the squared loss is in the square of the target's unit, the absolute one in
    the unit; Huber's has its border at the target's standard deviation. With several outputs there is no one unit, and
    it is 1, and of targets that are bent like a logarithm, where it changes from sample to sample.
    """
    if data.scaling is None or data.scaling.target_scale is None or len(data.scaling.target_scale) > 1:
        return 1.0
    if data.scaling.target_bend is not None:
        return 1.0
    return float(data.scaling.target_scale[0]) ** LOSSES[loss].degree


def in_data_units(epoch: Epoch, data: Dataset, loss: str) -> Epoch:
    """Return the record with its losses in the data's own units, see `loss_unit`."""
    unit = loss_unit(data, loss)
    losses = {"test_loss": epoch.test_loss, "validation_loss": epoch.validation_loss}
    scaled: dict[str, Any] = {name: None if value is None else value * unit for name, value in losses.items()}
    return replace(epoch, loss=epoch.loss * unit, **scaled)


@dataclass(frozen=True)
class TwoSolutions:
    """Linear regression solved by SGD and exactly, on the same training set, in the data's own units.

    Attributes
    ----------
    sgd : Parameters
    exact : LeastSquares
    sgd_loss : float
        Mean squared loss of SGD's solution on the training set, to be held against ``exact.loss``.
    distance : float
        Euclidean distance between the two, over all weights and biases.
    """

    sgd: Parameters
    exact: LeastSquares
    sgd_loss: float
    distance: float


def compare_with_exact(engine: Engine, data: Dataset, raw: Dataset) -> TwoSolutions:
    """Hold a trained linear regression against the analytical solution.

    Parameters
    ----------
    engine : Engine
        Trained on ``data``.
    data : Dataset
        As it was trained on, standardised or not.
    raw : Dataset
        The same in its own units.

    Returns
    -------
    TwoSolutions
    """
    from twofold.solvers import solve_least_squares  # not at the top: most trainings need neither it nor SciPy

    parameters = engine.parameters()
    sgd = parameters if data.scaling is None else data.scaling.unscale(parameters)
    X = floats(raw.train.X, "float64")  # the engine's numbers: image bytes as 0 to 1
    exact = solve_least_squares(X, raw.train.y, raw.train.sample_weight, names=raw.features or None)
    (layer,), (best,) = sgd, exact.parameters
    apart = np.concatenate([(layer.W - best.W).ravel(), layer.b - best.b])
    O = X @ layer.W + layer.b
    loss = LOSSES["squared"].value(O, raw.train.y, raw.train.sample_weight)
    return TwoSolutions(sgd, exact, loss, float(np.linalg.norm(apart)))
