"""A trained model with all that is known of it: plain data that predicts through any engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twofold.data.fingerprint import data_hash
from twofold.data.scaling import Scaling
from twofold.engines import Engine, open_engine
from twofold.environment import environment
from twofold.errors import SpecificationError
from twofold.functions import LOSSES
from twofold.network import Network, Parameters, check_parameters
from twofold.recipe import Recipe
from twofold.run import Epoch
from twofold.validation import check_features
from twofold.values import count

if TYPE_CHECKING:
    from twofold.data.dataset import Dataset

Array = NDArray[Any]


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Model:
    """A trained network, what its numbers mean and where they came from.

    Attributes
    ----------
    network : Network
    parameters : Parameters
        All of float32, or all of float64.
    recipe : Recipe, optional
        How it was trained.
    classes : tuple of str
        Names of the classes or labels, in the order of the outputs; two for one output that tells them apart. Empty
        where numbers are predicted or the classes have no names.
    features : tuple of str
        Names of the columns that are predicted from; empty for images.
    target : str
        What is predicted, with its unit.
    scaling : Scaling, optional
        What the network's numbers are in the data's own units; `outputs` takes and gives the latter.
    history : tuple of Epoch
        A record of each epoch, losses in the data's own units.
    data_name, data_hash : str
        What it was trained on: a name, and the sum that `twofold.data.data_hash` gives.
    environment : dict of str to str
        Versions of what it was trained with; and the engine, with the head that ``"fused"`` had.
    encoder : dict, optional
        What turns a table's columns into the network's numbers, fit for JSON.
    estimator : dict, optional
        Class, parameters and state of the estimator that it came from, fit for JSON.
    arrays : dict of str to ndarray
        Further arrays of the estimator's.

    Raises
    ------
    SpecificationError
        If shapes disagree with the network, a number is not finite, or there is another number of names than of
        what they name.

    Examples
    --------
    >>> from twofold import Network, Recipe, load_dataset, open_engine, train
    >>> data = load_dataset("houses").standardized()
    >>> engine = open_engine("scratch", Network((2, 1), loss="squared"))
    >>> recipe = Recipe(epochs=3, batch_size=10)
    >>> model = Model.of(engine, data, recipe=recipe, history=train(engine, data, recipe))
    >>> model.predict(load_dataset("houses").train.X[:2]).shape
    (2, 1)
    """

    network: Network
    parameters: Parameters
    recipe: Recipe | None = None
    classes: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    target: str = ""
    scaling: Scaling | None = None
    history: tuple[Epoch, ...] = ()
    data_name: str = ""
    data_hash: str = ""
    environment: Mapping[str, str] = field(default_factory=environment)
    encoder: Mapping[str, Any] | None = None
    estimator: Mapping[str, Any] | None = None
    arrays: Mapping[str, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("classes", "features", "history"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        types = {array.dtype.name for layer in self.parameters for array in layer}
        if len(types) != 1 or not types <= {"float32", "float64"}:
            raise SpecificationError(f"the parameters are of {sorted(types)}; expected all float32 or all float64")
        object.__setattr__(self, "parameters", check_parameters(self.network, self.parameters, self.dtype))
        q = self.network.outputs
        pair = q == 1 and len(self.classes) == 2
        if self.classes and len(self.classes) != q and not pair:
            raise SpecificationError(f"there are {len(self.classes)} names of classes; the network has {q} outputs")
        if self.features and self.encoder is None and len(self.features) != self.network.inputs:
            raise SpecificationError(
                f"there are {len(self.features)} names of features; the network has {self.network.inputs} inputs"
            )
        if self.scaling is not None:
            _check_scaling(self.scaling, self.network)
        for name, array in self.arrays.items():
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                raise SpecificationError(f"the array {name} holds a number that is not finite")

    @classmethod
    def of(
        cls,
        engine: Engine,
        data: Dataset | None = None,
        *,
        raw: Dataset | None = None,
        recipe: Recipe | None = None,
        history: Iterable[Epoch] = (),
        **more: Any,
    ) -> Model:
        """Take a model out of an engine.

        Parameters
        ----------
        engine : Engine
        data : Dataset, optional
            As it was trained on.
        raw : Dataset, optional
            The same in its own units, if it was standardised: the hash is that of this one.
        recipe : Recipe, optional
        history : iterable of Epoch
            Gone through first: a run of `twofold.train` takes place here.
        **more
            Other attributes.

        Returns
        -------
        Model
        """
        records = tuple(history)
        if data is not None:
            known: dict[str, Any] = {"classes": data.classes, "features": data.features, "target": data.target}
            name = data.name.encode("utf-8", "backslashreplace").decode()  # of a folder, which may be no UTF-8
            known |= {"scaling": data.scaling, "data_name": name, "data_hash": data_hash((raw or data).train)}
            more = known | more
        made = environment() | {"engine": engine.name}
        if head := getattr(engine, "head", ""):
            made["head"] = head
        more = {"environment": made} | more
        return cls(network=engine.network, parameters=engine.parameters(), recipe=recipe, history=records, **more)

    @property
    def dtype(self) -> str:
        """Type of the parameters, ``"float32"`` or ``"float64"``."""
        return self.parameters[0].W.dtype.name

    @property
    def takes_images(self) -> bool:
        """Whether bytes are those of an image, 0..255 for 0..1; in a table or an estimator's X they are numbers."""
        return self.scaling is None and self.encoder is None and self.estimator is None

    def __repr__(self) -> str:
        network = self.network
        words = ["-".join(map(str, network.widths)), *dict.fromkeys(network.activations), network.loss]
        epochs = f"; {count(len(self.history), 'epoch')}" if self.history else ""
        return f"<Model {', '.join(words)}; {network.n_parameters} parameters of {self.dtype}{epochs}>"

    def open_engine(self, name: str = "auto", *, dtype: str | None = None, **hardware: Any) -> Engine:
        """Make an engine that goes on from these parameters.

        Parameters
        ----------
        name : str
            As for `twofold.open_engine`.
        dtype : str, optional
            The parameters' own otherwise.
        **hardware
            ``device`` and ``precision``.

        Returns
        -------
        Engine
            It takes and gives the network's numbers: with a `scaling`, standardised ones.
        """
        return open_engine(name, self.network, parameters=self.parameters, dtype=dtype or self.dtype, **hardware)

    def outputs(self, X: ArrayLike, *, engine: str = "scratch") -> Array:
        """Compute raw outputs, from and in the data's own units.

        Parameters
        ----------
        X : array, shape (n, d) or (n, height, width)
            Of the kind that it was trained on.
        engine : str
            Who computes.

        Returns
        -------
        ndarray, shape (n, q)
            Of the parameters' type; of float64 with a scaled target.

        Raises
        ------
        DataError
            If X doesn't fit the network or holds what is not a finite number.
        """
        opened = self.open_engine(engine)
        if self.scaling is None or self.scaling.keeps_features:
            rows = np.asarray(X)
            O = opened.outputs(rows if self.takes_images or rows.dtype != np.uint8 else rows.astype(self.dtype))
            return O if self.scaling is None else self.scaling.predictions(O)
        mean = self.scaling.mean
        own = check_features(self.network, X, dtype="float64").astype(np.float64, copy=False)
        return self.scaling.predictions(opened.outputs(self.scaling.features(own.reshape(-1, *mean.shape))))

    def probabilities(self, X: ArrayLike, *, engine: str = "scratch") -> Array:
        """Compute the probability of each class or label.

        Returns
        -------
        ndarray, shape (n, q)
            Of classes, rows that sum to 1 (n, 2 for one output with two names); of labels, each its own.

        Raises
        ------
        SpecificationError
            If the network predicts numbers.
        DataError
            As for `outputs`.
        """
        loss = LOSSES[self.network.loss]
        if not loss.targets.has_accuracy:
            raise SpecificationError(f"loss {self.network.loss!r} is one for numbers, which have no probabilities")
        O = self.outputs(X, engine=engine)
        P = loss.link.apply(O)
        return np.hstack([loss.link.apply(-O), P]) if self.tells_two_apart else P

    def predict(self, X: ArrayLike, *, engine: str = "scratch") -> Array:
        """Predict.

        Returns
        -------
        ndarray
            Of classes (n,): their names, or their indices if they have none. Of labels (n, q): 1 where a label is
            more likely than not, else 0. Of numbers (n, q): those; with a logarithmic link their means.

        Raises
        ------
        DataError
            As for `outputs`.
        """
        loss = LOSSES[self.network.loss]
        O = self.outputs(X, engine=engine)
        if not loss.targets.has_accuracy:
            return loss.link.apply(O)
        if not loss.targets.compete and not self.tells_two_apart:
            return (O > 0).astype(np.int64)
        indices = O.argmax(axis=1) if loss.targets.compete else (O[:, 0] > 0).astype(np.int64)
        return np.array(self.classes)[indices] if self.classes else indices

    @property
    def tells_two_apart(self) -> bool:
        """Whether its one output is the second of two classes: its sigmoid is that one's probability."""
        targets = LOSSES[self.network.loss].targets
        single = targets.has_accuracy and not targets.compete and self.network.outputs == 1
        return single and len(self.classes) == 2


def _check_scaling(scaling: Scaling, network: Network) -> None:
    """Refuse a scaling that isn't one of this network's inputs and outputs."""
    values = {item.name: getattr(scaling, item.name) for item in fields(scaling)}
    if (values["target_mean"] is None) != (values["target_scale"] is None):
        raise SpecificationError("scaling: target_mean and target_scale come together or not at all")
    if values["target_mean"] is None and any(values[f"target_{name}"] is not None for name in ("bend", "low", "high")):
        raise SpecificationError("scaling: target_bend, target_low and target_high go with a target_mean")
    fits: dict[str, Callable[[Array], bool]] = {
        "mean": lambda a: a.size == network.inputs and a.ndim > 0,
        "scale": lambda a: a.shape == scaling.mean.shape and bool((a > 0).all()),
        "target_mean": lambda a: a.shape == (network.outputs,),
        "target_scale": lambda a: a.shape == (network.outputs,) and bool((a > 0).all()),
        "target_bend": lambda a: a.shape == (network.outputs,) and bool((a > 0).all()),
        "target_low": lambda a: a.shape == (network.outputs,),
        "target_high": lambda a: a.shape == (network.outputs,),
    }
    for name, array in values.items():
        if array is not None and not (array.dtype == np.float64 and np.isfinite(array).all() and fits[name](array)):
            kind = "positive" if "scale" in name or "bend" in name else "finite"
            raise SpecificationError(
                f"scaling: {name} has shape {array.shape} and dtype {array.dtype}; expected {kind} numbers of float64, "
                f"one of each of the network's {network.inputs} inputs or {network.outputs} outputs"
            )


@runtime_checkable
class Modelled(Protocol):
    """What can tell its model, such as a fitted estimator."""

    def to_model(self) -> Model:
        """Return network, parameters and all that is needed to come back."""
        ...


Savable = Model | Modelled | Engine


def as_model(thing: Savable) -> Model:
    """Return the model that something is or has.

    Parameters
    ----------
    thing : Model, estimator or Engine
        Of an engine, network and parameters are all that is known.

    Returns
    -------
    Model

    Raises
    ------
    SpecificationError
        If it is something else.
    """
    if isinstance(thing, Model):
        return thing
    if isinstance(thing, Modelled):
        return thing.to_model()
    if not isinstance(getattr(thing, "network", None), Network):
        raise SpecificationError(f"{type(thing).__name__} is no model; give a Model, an engine or an estimator")
    return Model.of(thing)
