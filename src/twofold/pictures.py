"""Pictures of a model on a data set, by name: what `twofold.plots` draws of arrays, with the arrays found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from twofold.data.dataset import Dataset, Samples
from twofold.data.scaling import Scaling
from twofold.engines import Engine, open_engine
from twofold.errors import DataError, SpecificationError, check_name
from twofold.functions import LOSSES
from twofold.inspect import hidden_activations, sgd_path
from twofold.network import Layer, Network
from twofold.recipe import Recipe
from twofold.saving.model import Model
from twofold.solvers import solve_least_squares
from twofold.solvers.summary import summarize
from twofold.training import train
from twofold.validation import floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[Any]

SAMPLES = 2000  # that distributions of activations and gradients are drawn of
STEPS = 200  # of each path of SGD: more only dance around the exact solution
STICKS = 150  # samples whose residuals are drawn beside a line or plane


@dataclass(frozen=True)
class Subject:
    """A picture of a model on a data set.

    Attributes
    ----------
    summary : str
        What it shows, in a line.
    draw : callable
        From model and data to the Axes drawn on, one or several of one figure.
    lacks : callable
        From model and data to what it needs and they don't have, in words; empty if it can be drawn.
    """

    summary: str
    draw: Callable[[Model, Dataset], list[Axes]]
    lacks: Callable[[Model, Dataset], str]


def draw(subject: str, model: Model, data: Dataset) -> list[Axes]:
    """Draw a picture of a trained model.

    Parameters
    ----------
    subject : str
        A name in `SUBJECTS`.
    model : Model
        Such as ``Model.of(engine, data, history=records)``, or what `twofold.load_model` reads.
    data : Dataset
        In its own units. Scores and mistakes are drawn of the test set where there is one, fits of the training set.

    Returns
    -------
    list of matplotlib.axes.Axes
        Of one figure, which `twofold.plots.save` writes.

    Raises
    ------
    UnknownNameError
        If there is no such subject.
    SpecificationError
        If there is no such picture of this model or data, such as decision regions in 784 dimensions.
    DataError
        If the data don't fit the network.

    Examples
    --------
    >>> from twofold import Network, Recipe, load_dataset, open_engine
    >>> data = load_dataset("toy-animals")
    >>> engine = open_engine("scratch", Network((4, 3)))
    >>> model = Model.of(engine, data, history=train(engine, data, Recipe(epochs=2)))
    >>> [ax.get_ylabel() for ax in draw("curves", model, data)]
    ['loss', 'accuracy']
    """
    from twofold.plots.figures import Pictures

    check_subject(subject, model, data)
    return Pictures(SUBJECTS[subject].draw(model, data))


def check_subject(subject: str, model: Model, data: Dataset) -> None:
    """Raise what `draw` would for a picture that there isn't, without drawing."""
    check_name("picture", subject, SUBJECTS)
    if model.network.inputs != data.inputs:
        raise DataError(
            f"the network has {model.network.inputs} inputs, and {data.name} {data.inputs} features; give its own data"
        )
    lacking = SUBJECTS[subject].lacks(model, data)
    if lacking:
        raise SpecificationError(f"there is no picture {subject!r} of this: it needs {lacking}")


def subjects_of(model: Model, data: Dataset) -> list[str]:
    """Return the names of the pictures that there are of this model on this data set.

    Examples
    --------
    >>> from twofold import Network, initialize, load_dataset
    >>> network = Network((2, 1), loss="squared")
    >>> subjects_of(Model(network=network, parameters=initialize(network)), load_dataset("houses"))
    ['network', 'fit', 'residuals', 'coefficients', 'surface']
    """
    return [name for name, entry in SUBJECTS.items() if not entry.lacks(model, data)]


def film_frames(subject: str, engine: Engine, data: Dataset, recipe: Recipe, *, frames: int = 40) -> Iterator[Axes]:
    """Train, and draw decision regions or weights before the first epoch and after each, or fewer, evenly spread.

    Parameters
    ----------
    subject : {"regions", "weights"}
    engine : Engine
        Its parameters are changed.
    data : Dataset
        As it is trained on, not standardised.
    recipe : Recipe
    frames : int
        Most pictures after the first; at least 1.

    Yields
    ------
    matplotlib.axes.Axes
        A picture of its own each time, fit for `twofold.plots.save_film`.

    Raises
    ------
    SpecificationError
        If there is no such film of this data.
    """
    check_name("film", subject, FILMS)
    if frames < 1:
        raise SpecificationError(f"frames is {frames}; it must be at least 1")
    model = Model.of(engine, data)
    lacking = SUBJECTS[subject].lacks(model, data)
    if lacking:
        raise SpecificationError(f"there is no film {subject!r} of this: it needs {lacking}")
    yield _titled(subject, model, data, 0)
    every = -(-recipe.epochs // frames)
    for record in train(engine, data, recipe):
        if record.epoch % every == 0 or record.epoch == recipe.epochs:
            yield _titled(subject, Model.of(engine, data), data, record.epoch)


def _titled(subject: str, model: Model, data: Dataset, epoch: int) -> Axes:
    from twofold.plots.axes_styling import caption

    (ax,) = SUBJECTS[subject].draw(model, data)
    return caption(ax, "epoch", str(epoch))


# What each needs.


def _nothing(_model: Model, _data: Dataset) -> str:
    return ""


def _history(model: Model, _data: Dataset) -> str:
    return "" if model.history else "the records of a training, which this model has none of"


def _images(_model: Model, data: Dataset) -> str:
    return "" if data.image_shape is not None else f"images, and {data.name} is a table"


def _classes(model: Model, data: Dataset) -> str:
    several = LOSSES[model.network.loss].targets.compete or len(model.classes) == 2 > model.network.outputs
    if several and data.classes and data.train.y.ndim == 1:
        return ""
    return f"one class for each sample, and {data.name} has others to predict"


def _image_classes(model: Model, data: Dataset) -> str:
    return _images(model, data) or _classes(model, data)


def _hidden(model: Model, _data: Dataset) -> str:
    return "" if model.network.hidden else "a hidden layer, which this network hasn't"


def _plane(model: Model, data: Dataset) -> str:
    return _classes(model, data) or ("" if data.inputs == 2 else f"two features, and {data.name} has {data.inputs}")


def _numbers(model: Model, data: Dataset) -> str:
    one = not data.classes and not LOSSES[model.network.loss].targets.has_accuracy and model.network.outputs == 1
    return "" if one else f"one number to predict, and {data.name} has others"


def _one_or_two(model: Model, data: Dataset) -> str:
    few = "" if data.inputs in (1, 2) else f"one or two features, and {data.name} has {data.inputs}"
    return _numbers(model, data) or few


def _linear(model: Model, data: Dataset) -> str:
    squares = not model.network.hidden and model.network.loss == "squared"
    return _numbers(model, data) or ("" if squares else "linear regression with the squared loss")


# How each is drawn.


def _network(model: Model, data: Dataset) -> list[Axes]:
    from twofold.plots import network_diagram

    few = [names if len(names) <= 4 else () for names in (data.features, data.classes)]
    return [network_diagram(model.network, model.parameters, inputs=few[0], outputs=few[1])]


def _curves(model: Model, _data: Dataset) -> list[Axes]:
    from twofold.plots import panels, training_curves

    kinds = ["loss", "accuracy"] if any(record.train_accuracy is not None for record in model.history) else ["loss"]
    return [
        training_curves(model.history, quantity=kind, ax=ax)  # type: ignore[arg-type]
        for kind, ax in zip(kinds, panels(len(kinds)), strict=True)
    ]


def _weights(model: Model, data: Dataset) -> list[Axes]:
    from twofold.plots import weight_images

    height, width = data.image_shape  # type: ignore[misc] # `lacks` has asked
    names = () if model.network.hidden else data.classes
    return [weight_images(model.parameters[0].W, (height, width), names)]


def _confusion(model: Model, data: Dataset) -> list[Axes]:
    from twofold.plots import confusion_matrix

    samples, P = _scored(model, data)
    return [confusion_matrix(_indices(samples), P.argmax(axis=1), data.classes)]


def _calibration(model: Model, data: Dataset) -> list[Axes]:
    from twofold.plots import calibration_plot

    samples, P = _scored(model, data)
    return [calibration_plot(_indices(samples), P)]


def _predictions(model: Model, data: Dataset) -> list[Axes]:
    from twofold.plots import prediction_grid

    samples, P = _scored(model, data)
    return [prediction_grid(samples.X[:20], _indices(samples)[:20], P[:20].argmax(axis=1), data.classes)]


def _mistakes(model: Model, data: Dataset) -> list[Axes]:
    from twofold.plots import confident_mistakes

    samples, P = _scored(model, data)
    return [confident_mistakes(samples.X, _indices(samples), P, data.classes)]


def _layers(model: Model, data: Dataset) -> list[Axes]:
    from twofold.plots import activation_distributions, gradient_distributions, panels

    own = Samples(data.train.X[:SAMPLES], data.train.y[:SAMPLES])
    if model.scaling is not None:
        own = Samples(model.scaling.features(own.X), model.scaling.targets(own.y))
    layers = len(model.parameters)
    above, below = panels(2, size=(4.5, 2.0 + 1.3 * layers))
    activation_distributions(hidden_activations(model.network, model.parameters, own.X), ax=above)
    gradients = model.open_engine("scratch").gradients(own.X, own.y)
    gradient_distributions([layer.W for layer in gradients], ax=below)
    return [above, below]


def _regions(model: Model, data: Dataset) -> list[Axes]:
    from twofold.plots import decision_regions

    names = data.features or ("x₁", "x₂")
    return [decision_regions(model.probabilities, data.train.X, _indices(data.train), data.classes, features=names)]


def _fit(model: Model, data: Dataset) -> list[Axes]:
    from twofold.plots import fit_plot

    names = data.features or ("x₁", "x₂")
    X, y = data.train.X[:STICKS], data.train.y[:STICKS]
    return [fit_plot(model.outputs, X, y, features=names, target=data.target or "y")]


def _residuals(model: Model, data: Dataset) -> list[Axes]:
    from twofold.plots import panels, quantile_plot, residual_plot

    fitted = model.predict(data.train.X)
    above, below = panels(2)
    return [residual_plot(data.train.y, fitted, ax=above), quantile_plot(data.train.y, fitted, ax=below)]


def _coefficients(_model: Model, data: Dataset) -> list[Axes]:
    from twofold.plots import coefficient_plot
    from twofold.plots.axes_styling import say

    X = floats(data.train.X.reshape(len(data.train), -1), "float64")
    names = data.features or tuple(f"x{index}" for index in range(1, X.shape[1] + 1))
    exact = solve_least_squares(X, data.train.y, data.train.sample_weight)
    summary = summarize(exact, names=names, target_names=[data.target or "y"])
    ax = coefficient_plot(summary, scales=dict(zip(names, X.std(axis=0).tolist(), strict=True)))
    ax.set_xlabel(say("coefficient, for one standard deviation of its feature"))
    return [ax]


def _surface(_model: Model, data: Dataset) -> list[Axes]:
    """Draw the paths of SGD from 0 for several batch sizes and learning rates, in the data's own units.

    SGD runs on standardised data where that is needed, and its paths are carried back. The loss over two weights is
    that of the best bias for each: then it is the same picture, but for the numbers at the axes.
    """
    from twofold.plots import loss_surface
    from twofold.plots.axes_styling import say

    own = replace(data.standardized() if data.needs_scaling else data, test=None)
    exact = solve_least_squares(data.train.X, data.train.y)
    paths = {}
    for batch_size, rate, epochs in ((1, 0.02, 1), (10, 0.02, 2), (10, 0.2, 2), (len(own.train), 0.2, 30)):
        network = Network((own.inputs, 1), loss="squared")
        engine = open_engine("scratch", network, dtype="float64", initialization="zeros")
        recipe = Recipe(epochs=epochs, batch_size=batch_size, learning_rate=rate)
        name = f"{say('batch size')} {batch_size}, {say('learning rate')} {rate:g}"
        path = sgd_path(engine, own, recipe)[: STEPS + 1]
        paths[name] = path if own.scaling is None else np.array([_in_data_units(own.scaling, theta) for theta in path])
    names = [*(data.features or [f"x{index}" for index in range(1, own.inputs + 1)])]
    labels = [f"{say('weight')}: {name}" for name in names]
    theta = np.concatenate([exact.W[:, 0], exact.b])
    X = data.train.X if own.scaling is None else data.train.X - data.train.X.mean(axis=0)
    return [loss_surface(X, data.train.y, theta, paths, names=[*labels, say("bias")])]


def _in_data_units(scaling: Scaling, theta: Array) -> Array:
    """Carry ``(w_1, ..., w_d, b)`` of standardised data back to the data's own units."""
    (layer,) = scaling.unscale((Layer(theta[:-1, None], theta[-1:]),))
    return np.concatenate([layer.W[:, 0], layer.b])


def _scored(model: Model, data: Dataset) -> tuple[Samples, Array]:
    """Return the samples that scores are drawn of, and the probabilities of their classes."""
    samples = data.train if data.test is None else data.test
    return samples, model.probabilities(samples.X)


def _indices(samples: Samples) -> Array:
    return samples.y.astype(np.int64)


FILMS = ("regions", "weights")
SUBJECTS: dict[str, Subject] = {
    "network": Subject("units and weights, as textbooks draw them", _network, _nothing),
    "curves": Subject("loss and accuracy over the epochs", _curves, _history),
    "weights": Subject("the first layer's weights as images", _weights, _images),
    "confusion": Subject("which class was taken for which", _confusion, _classes),
    "calibration": Subject("confidence against accuracy", _calibration, _classes),
    "predictions": Subject("images with what they are taken for", _predictions, _image_classes),
    "mistakes": Subject("the most confident mistakes", _mistakes, _image_classes),
    "layers": Subject("activations, gradients and dead units of each layer", _layers, _hidden),
    "regions": Subject("the regions of the classes in the plane", _regions, _plane),
    "fit": Subject("the fitted line or plane with residuals", _fit, _one_or_two),
    "residuals": Subject("residuals over fitted values, and their quantiles", _residuals, _numbers),
    "coefficients": Subject(
        "exact coefficients with intervals, each times its feature's deviation", _coefficients, _linear
    ),
    "surface": Subject("the loss, and the paths of SGD to the exact solution", _surface, _linear),
}
