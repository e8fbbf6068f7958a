"""Estimators on disk: a fitted one as a `twofold.Model`, and back as it was."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from twofold.data.scaling import Scaling
from twofold.deprecation import PARAMETERS
from twofold.errors import FileFormatError, SpecificationError, TwofoldError
from twofold.estimators.epochs import Optimizer
from twofold.estimators.state import decode, encode, fits
from twofold.estimators.targets import ClassTargets
from twofold.network import Layer, Network
from twofold.saving import Model, load_model
from twofold.solvers.moments import Moments
from twofold.solvers.solution import LeastSquares

Array = NDArray[Any]

HOMES = {
    "LinearRegression": "linear",
    "MLPClassifier": "mlp_classifier",
    "MLPRegressor": "mlp_regressor",
    "SoftmaxRegression": "softmax_regression",
}

# The attributes that are kept, with their types; what the model itself holds is put together again from that.
COMMON: dict[str, Any] = {"n_features_in_": int, "feature_names_in_": np.ndarray}
MIN_SQUARES: dict[str, Any] = COMMON | {
    "target_names_": tuple[str, ...],
    "solution_": LeastSquares,
    "moments_": Moments,
    "penalties_": np.ndarray,
    "loo_errors_": np.ndarray,
    "_flat": bool,
}
PERCEPTRON: dict[str, Any] = COMMON | {
    "classes_": np.ndarray,
    "loss_": float,
    "loss_curve_": list[float],
    "best_loss_": float | None,
    "validation_scores_": list[float] | None,
    "best_validation_score_": float | None,
    "best_iter_": int | None,
    "stop_reason_": str | None,
    "n_iter_": int,
    "t_": int,
    "n_layers_": int,
    "n_outputs_": int,
    "out_activation_": str,
    "_dtype": np.dtype,
    "_targets": ClassTargets,
    "_optimizer": Optimizer,
    "_best_parameters": tuple[Layer, ...],
    "_no_improvement_count": int,
    "_seed": int,
    "_epochs": int,
}
SOFTMAX: dict[str, Any] = PERCEPTRON | {"n_iter_": int | np.ndarray, "gradient_": float}

CLASSIFIERS = ("MLPClassifier", "SoftmaxRegression")


class Saved:
    """What makes an estimator one that `twofold.save_model` takes.

    A subclass says what it is now: `_network()` returns network and parameters, `_state()` its attributes by name.
    """

    def _scaling(self) -> Scaling | None:
        """Return how targets were scaled for the fit; None if they weren't."""
        return None

    def to_model(self) -> Model:
        """Return the fitted estimator as a `twofold.Model`, with all that `twofold.load_estimator` needs.

        Returns
        -------
        Model
            Predicts what the estimator does, with classes as text; bytes at their value too.

        Raises
        ------
        NotFittedError
            If it isn't fitted.
        SpecificationError
            If a parameter is no plain data (a function, a random generator), or the class is not one of twofold's.
        """
        check_is_fitted(self)
        kind = type(self).__name__
        if kind not in HOMES or type(self) is not _class(kind):
            raise SpecificationError(f"{kind} can't be saved; these can: {', '.join(HOMES)}")
        arrays: dict[str, Array] = {}
        params = {name: encode(value, arrays, name) for name, value in self.get_params(deep=False).items()}  # type: ignore[attr-defined]
        network, parameters = self._network()  # type: ignore[attr-defined]
        known = self._state()  # type: ignore[attr-defined]
        state = {name: encode(known[name], arrays, name) for name in _attributes(kind) if name in known}
        names, labels = known.get("feature_names_in_", ()), known.get("classes_", ())
        return Model(
            network=network,
            parameters=parameters,
            classes=tuple(map(str, labels)),
            features=tuple(map(str, names)),
            target=", ".join(known.get("target_names_", ())),
            scaling=self._scaling(),
            history=tuple(known.get("history_", ())),
            estimator={"class": kind, "params": params, "state": state},
            arrays=arrays,
        )


def load_estimator(path: str | os.PathLike[str]) -> Any:
    """Read a fitted estimator that `twofold.save_model` wrote; it goes on where it was, `partial_fit` included.

    Parameters
    ----------
    path : path

    Returns
    -------
    LinearRegression, MLPClassifier, MLPRegressor or SoftmaxRegression

    Raises
    ------
    DataNotFoundError
        There is no such file.
    FileFormatError
        It holds no estimator, or is damaged: as for `twofold.load_model`.

    Examples
    --------
    >>> import tempfile
    >>> from twofold import LinearRegression, load_estimator, save_model
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = save_model(f"{folder}/line", LinearRegression().fit([[1.0], [2.0], [3.0]], [3.0, 5.0, 7.0]))
    ...     line = load_estimator(f"{folder}/line")
    >>> line.predict([[4.0]])
    array([9.])
    """
    model = load_model(path)
    if model.estimator is None:
        raise FileFormatError(f"{path}: holds a model and no estimator; read it with load_model")
    try:
        return _estimator(model, model.estimator)
    except (TwofoldError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise FileFormatError(f"{path}: not a whole estimator: {type(error).__name__}: {error}") from error


def _estimator(model: Model, held: Any) -> Any:
    """Put an estimator together again."""
    kind = held["class"]
    if kind not in HOMES:
        raise SpecificationError(f"class {kind!r:.60}; expected one of {', '.join(HOMES)}")
    params = {PARAMETERS.get(name, name): decode(value, model.arrays) for name, value in held["params"].items()}
    if params.get("engine") == "fused-compiled":  # version 0.1's name
        params["engine"] = "fused"
    made = _class(kind)(**params)
    hints = _attributes(kind)
    state = {name: decode(value, model.arrays) for name, value in held["state"].items()}
    for name, value in state.items():
        if not fits(value, hints[name]):
            raise SpecificationError(f"{name} is {value!r:.60}")
    vars(made).update(state)
    if missing := [name for name in _required(kind) if name not in state]:
        raise SpecificationError(f"{missing[0]} is missing")
    if made.n_features_in_ != model.network.inputs:
        raise SpecificationError(f"n_features_in_ is {made.n_features_in_}; the network has {model.network.inputs}")
    if kind == "LinearRegression":
        (layer,) = model.parameters
        solution = state.get("solution_")
        if solution is not None and (solution.W.shape != layer.W.shape or solution.b.shape != layer.b.shape):
            raise SpecificationError("solution_ has other shapes than the network")
        made._set_coefficients(layer.W, layer.b, intercept=solution is None or solution.intercept)
        return made
    if kind in CLASSIFIERS:
        if not _tells_apart(state["_targets"], made.classes_, model.network):
            raise SpecificationError("the classes are not those of the network")
        made._targets = vars(made).pop("_targets")
    if made._dtype.name != model.dtype:
        raise SpecificationError(f"_dtype is {made._dtype}; the parameters are of {model.dtype}")
    _take_scaling(made, model.scaling)
    made.network_ = model.network
    if model.history:
        made.history_ = list(model.history)
    made._set_parameters(model.parameters)
    return made


def _take_scaling(made: Any, scaling: Scaling | None) -> None:
    """Give an estimator back how targets were scaled."""
    if (scaling is not None and scaling.target_mean is not None) != bool(getattr(made, "scale_target", False)):
        raise SpecificationError("scale_target says otherwise than the model's scaling")
    if scaling is not None:
        made.target_mean_, made.target_scale_ = scaling.target_mean, scaling.target_scale


def _class(kind: str) -> Any:
    return getattr(import_module(f"twofold.estimators.{HOMES[kind]}"), kind)


def _attributes(kind: str) -> dict[str, Any]:
    return {"LinearRegression": MIN_SQUARES, "SoftmaxRegression": SOFTMAX}.get(kind, PERCEPTRON)


def _required(kind: str) -> tuple[str, ...]:
    """Return the attributes without which there are no predictions."""
    if kind == "LinearRegression":
        return "n_features_in_", "_flat"
    return "n_features_in_", "_dtype", *(("classes_", "_targets") if kind in CLASSIFIERS else ())


def _tells_apart(targets: ClassTargets, classes: Array, network: Network) -> bool:
    """Tell whether these are the classes of this network."""
    fit = targets.classes.ndim == 1 and np.array_equal(targets.classes, classes) and len(classes) > 0
    return fit and targets.loss == network.loss and targets.outputs == network.outputs
