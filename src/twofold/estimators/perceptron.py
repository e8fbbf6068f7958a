"""What MLPClassifier and MLPRegressor have in common: from X and y to parameters, and from parameters to outputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Self, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from twofold.data.dataset import Samples
from twofold.engines import AVERAGE
from twofold.engines.choice import choose_threads
from twofold.engines.threads import limited_threads
from twofold.errors import DataError, SpecificationError
from twofold.estimators.callbacks import CallbackSupportMixin, Tasks, of_the_session, with_callbacks
from twofold.estimators.coefficients import LayerCoefficients, check_coefficients, dense
from twofold.estimators.epochs import EpochFit, Optimizer
from twofold.estimators.foreign import validated
from twofold.estimators.input_checks import check_names
from twofold.estimators.members import fit_members
from twofold.estimators.outputs import predict_outputs
from twofold.estimators.saved import Saved
from twofold.estimators.settings import (
    build_network,
    build_recipe,
    check_settings,
    choose_dtype,
    draw_parameters,
    draw_seed,
    minibatch_solvers,
    open_fitting_engine,
)
from twofold.estimators.validation import Validation, set_aside
from twofold.estimators.weights import spread
from twofold.network import Layer, Network, Parameters, largest, map_arrays, start_at_means
from twofold.validation import check_weight

Array = NDArray[Any]
Method = TypeVar("Method", bound=Callable[..., Any])


def _takes_minibatches(model: Any) -> bool:
    if model.solver not in minibatch_solvers():
        raise AttributeError(
            f"partial_fit is only available for stochastic optimizers. {model.solver} is not stochastic."
        )
    return True


def takes_minibatches(method: Method) -> Method:
    """Make a method available with the solvers that go by minibatches."""
    decorated: Method = available_if(_takes_minibatches)(method)
    return decorated


class Perceptron(Saved, CallbackSupportMixin, BaseEstimator):  # type: ignore[misc]
    """The common part of the two; not for use by itself.

    A subclass sets its parameters and says how targets are written: `_encode(y, first)` returns what the network is
    trained on, `_decode(O)` turns outputs into predictions, `_network_loss()` names the loss, `_fit_exactly` is the
    solver that goes by no minibatches.
    """

    coefs_ = LayerCoefficients(2, doc="W of each layer, (inputs, outputs).")
    intercepts_ = LayerCoefficients(1, doc="b of each layer, (outputs,).")
    _optimizer: Optimizer
    _full_batch_solvers: tuple[str, ...] = ("lbfgs",)
    _take_no_step: tuple[str, ...] = ()  # solvers that may be asked for no iteration

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        eval_set: Sequence[ArrayLike] | None = None,
    ) -> Self:
        """Fit the network to X and y.

        Parameters
        ----------
        X : array, sparse matrix or data frame, shape (n, d)
        y : array, shape (n,) or (n, q)
        sample_weight : array, shape (n,), optional
            Non-negative, not all 0.
        eval_set : (X, y) or (X, y, sample_weight), optional
            A validation set of one's own, scored after each epoch; with ``early_stopping`` it decides when to stop, and
            nothing is set aside.

        Returns
        -------
        Itself.

        Raises
        ------
        DataError, SpecificationError
            If the data or a parameter can't be used.
        DivergedError
            If training leaves the finite numbers; the likely cause is named.

        Warns
        -----
        ConvergenceWarning
            If ``max_iter`` is reached, or a target's scale kept the fit from learning anything.
        """
        if getattr(self, "n_members", 1) != 1:
            check_settings(self)
            fit_members(self, lambda member: member.fit(X, y, sample_weight, eval_set=eval_set))
            return self
        self._fit(X, y, sample_weight, eval_set=eval_set, incremental=False)
        self._look_back(y, sample_weight)
        return self

    def _look_back(self, y: ArrayLike, sample_weight: ArrayLike | None) -> None:
        """Warn of what a whole fit came to."""

    def _fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None,
        *,
        eval_set: Sequence[ArrayLike] | None,
        incremental: bool,
    ) -> Self:
        check_settings(self)
        if incremental and getattr(self, "n_members", 1) != 1:
            raise SpecificationError(f"n_members={self.n_members} goes with fit; partial_fit trains one network")
        goes_on = "partial_fit" if incremental else "warm_start" if self.warm_start else ""
        if of_the_session(self, goes_on=goes_on) and self.solver not in minibatch_solvers():
            raise SpecificationError(f"callbacks of steps and epochs go with minibatches; {self.solver!r} has none")
        first = not self.__sklearn_is_fitted__() or not (self.warm_start or incremental)
        check_names(X)
        features, labels = self._checked(X, y, reset=first or not hasattr(self, "n_features_in_"))
        weight = self._weights(labels, sample_weight, incremental=incremental)
        targets = self._encode(labels, first=first and not incremental)
        random_state = check_random_state(self.random_state)
        network = self._start(features, targets, first=first, random_state=random_state)
        with (
            limited_threads(self.threads),
            self._told(features, labels, sample_weight, 1 if incremental else self.max_iter),
        ):
            if self.solver not in minibatch_solvers():
                if eval_set is not None:
                    raise SpecificationError(f"eval_set is scored epoch by epoch; solver {self.solver!r} has no epochs")
                self._fit_exactly(network, features, targets, weight)
                return self
            validation = self._own_validation(eval_set)
            rows: Any = slice(None)
            if self.early_stopping and validation is None:
                if incremental:
                    raise SpecificationError(
                        "partial_fit does not support early_stopping=True without a validation set of your own; "
                        "give eval_set=(X, y)"
                    )
                rows, held = set_aside(
                    targets,
                    weight,
                    fraction=self.validation_fraction,
                    random_state=random_state,
                    classes=targets.dtype.kind != "f",
                )
                validation = Validation(
                    features[held], targets[held], labels[held], None if weight is None else weight[held]
                )
            samples = Samples(features[rows], targets[rows], _rows(weight, rows))
            if not hasattr(self, "_seed"):  # drawn last: weights and validation set are scikit-learn's
                self._seed, self._epochs = draw_seed(random_state), 0
            self._fit_epochs(network, samples, validation=validation, incremental=incremental)
        return self

    @contextmanager
    def _told(self, X: Array, y: Array, sample_weight: ArrayLike | None, most: int) -> Iterator[None]:
        """Tell scikit-learn's callbacks of the fit, where some are set."""
        if not getattr(self, "_skl_callbacks", None):
            yield
            return
        try:
            self._tasks = Tasks(self, X, y, sample_weight, most=most)
            self._tasks.begin()
            yield
            self._tasks.end()
        finally:
            self.__dict__.pop("_tasks", None)
            with_callbacks(lambda _: None)(self)  # tears down; around the fit it would be one call more to warn through

    def _fit_epochs(
        self, network: Network, samples: Samples, *, validation: Validation | None, incremental: bool
    ) -> None:
        """Train by minibatches, in an engine."""
        n, weight = len(samples), samples.sample_weight
        held = () if validation is None else (validation.X, validation.y)
        dtype = choose_dtype(self, samples.X, samples.y, *held)
        epochs = 1 if incremental else self.max_iter
        recipe = build_recipe(
            self,
            n=n,
            total=float(n if weight is None else weight.sum()),
            seed=self._seed,
            epochs=self._epochs + epochs,
        )
        is_sparse = sparse.issparse(samples.X)
        engine = open_fitting_engine(
            self,
            network,
            self.parameters_,
            dtype=dtype,
            samples=n * epochs * getattr(self, "_companions", 1),
            batch_size=recipe.batch_size,
            is_sparse=is_sparse,
        )
        if is_sparse and engine.name != "scratch":
            samples = replace(samples, X=cast("Any", samples.X).toarray())
        before: Optimizer | None = getattr(self, "_optimizer", None)
        resume = before.state if incremental and before is not None else None
        if resume is None:
            self._optimizer = Optimizer(float(self.learning_rate_init))
        elif not self.ema_decay:
            resume = replace(resume, parameters=engine.parameters())
        elif not self._are_mine(resume.optimizer_state[AVERAGE]):  # others were assigned since
            resume = resume.with_model(engine.parameters())
        fit = EpochFit(self, engine, samples, recipe=recipe, validation=validation, incremental=incremental)
        own = None if self.threads is not None else choose_threads(network, recipe.batch_size, device=self.device)
        with limited_threads(own):
            fit.run(resume=resume, after=self._epochs)
        self._epochs += self.n_iter_

    def _start(self, X: Array, y: Array, *, first: bool, random_state: np.random.RandomState) -> Network:
        """Make the network, and draw its parameters if there are none to go on from."""
        outputs = 1 if y.ndim == 1 else y.shape[1]
        if y.dtype == np.int64:
            outputs = len(self.classes_)
        network = build_network(self, X.shape[1], outputs, self._network_loss())
        if first:
            self._forget()
            self._dtype = X.dtype if X.dtype.kind == "f" else np.dtype(np.float64)
            self._set_parameters(start_at_means(network, self._first_parameters(network, random_state), y))
        elif (shapes := tuple(layer.W.shape for layer in self.parameters_)) != network.shapes:
            raise SpecificationError(
                f"the weights so far have shapes {shapes}, the parameters and data ask for {network.shapes}; "
                "set warm_start=False to begin anew"
            )
        self._dtype = self.parameters_[0].W.dtype
        self.network_ = network
        self.n_outputs_, self.n_layers_ = outputs, len(network.widths)
        self.out_activation_ = self._out_activation()
        return network

    def _weight_decay(self, steps: int, total: float) -> float:
        """Return scikit-learn's penalty: alpha divided by the samples, or weights, of a minibatch."""
        return float(self.alpha) * steps / total

    def _first_parameters(self, network: Network, random_state: np.random.RandomState) -> Parameters:
        return draw_parameters(network, random_state)

    def _forget(self) -> None:
        """Drop what an earlier fit left."""
        own = ("history_", "loss_curve_", "loss_", "best_loss_", "validation_scores_", "best_validation_score_")
        more = ("best_iter_", "t_", "_no_improvement_count", "_optimizer", "_best_parameters", "_seed", "members_")
        for name in own + more:
            if hasattr(self, name):
                delattr(self, name)

    def _own_validation(self, eval_set: Sequence[ArrayLike] | None) -> Validation | None:
        """Check the user's own validation set."""
        if eval_set is None:
            return None
        if not isinstance(eval_set, list | tuple) or len(eval_set) not in (2, 3):
            raise SpecificationError("eval_set is (X, y) or (X, y, sample_weight)")
        features, labels = self._checked(eval_set[0], eval_set[1], reset=False)
        weight = None if len(eval_set) == 2 else check_weight(eval_set[2], len(labels), dtype="float64")
        return Validation(features, self._encode(labels, first=False), labels, weight)

    def _weights(self, y: Array, sample_weight: ArrayLike | None, *, incremental: bool) -> Array | None:  # noqa: ARG002
        """Return the samples' weights, or None."""
        return check_weight(spread(sample_weight, len(y)), len(y), dtype="float64")

    @property
    def parameters_(self) -> Parameters:
        """The network's parameters, a `twofold.Layer` of each layer, all of one type."""
        coefs, intercepts = [dense(W) for W in self.coefs_], [np.asarray(b) for b in self.intercepts_]
        rest: list[dict[str, Array]] = getattr(self, "_rest", None) or [{}] * len(coefs)
        fit = all(W.ndim == 2 for W in coefs) and all(b.ndim == 1 for b in intercepts)
        if not (fit and 0 < len(coefs) == len(intercepts) == len(rest)):
            raise DataError(
                f"coefs_ have shapes {[W.shape for W in coefs]}, intercepts_ {[b.shape for b in intercepts]}; expected "
                f"(inputs, outputs) and (outputs,) of {len(rest)} layer(s)"
            )
        dtype = np.result_type(*coefs, *intercepts)
        layers = (Layer(W, b, **more) for W, b, more in zip(coefs, intercepts, rest, strict=True))
        return map_arrays(lambda array: array.astype(dtype, copy=False), tuple(layers))

    def _network(self) -> tuple[Network, Parameters]:
        """Return network and parameters as they are now: both may have been assigned."""
        parameters, outputs = self.parameters_, self._output_count()
        network: Network | None = vars(self).get("network_")
        if network is None:
            network = build_network(self, parameters[0].W.shape[0], outputs, self._network_loss())
        shapes = [(layer.W.shape, layer.b.shape) for layer in parameters]
        expected = [((rows, columns), (columns,)) for rows, columns in network.shapes]
        if shapes != expected or network.outputs != outputs:
            self._refuse_shapes(network, outputs)
        return network, parameters

    def _output_count(self) -> int:
        return len(self.intercepts_[-1])

    def _refuse_shapes(self, network: Network, outputs: int) -> None:
        shapes = [np.shape(W) for W in self.coefs_], [np.shape(b) for b in self.intercepts_]
        expected = list(network.shapes), [(columns,) for _, columns in network.shapes]
        raise DataError(
            f"coefs_ have shapes {shapes[0]}, intercepts_ {shapes[1]}; the network has {expected[0]} and {expected[1]} "
            f"for {outputs} output(s)"
        )

    def _state(self) -> dict[str, Any]:
        W = self.parameters_[0].W
        return vars(self) | {"n_features_in_": len(W), "_dtype": W.dtype}

    def _are_mine(self, parameters: Parameters) -> bool:
        """Tell whether these are the parameters that the estimator has, but for their type."""
        mine = _arrays(self.parameters_)
        pairs = zip(mine, _arrays(parameters), strict=True)
        return all(np.array_equal(own, other.astype(own.dtype)) for own, other in pairs)

    def _set_parameters(self, parameters: Parameters) -> None:
        """Take over parameters, in the type of X as scikit-learn has it."""
        if largest(parameters) > float(np.finfo(getattr(self, "_dtype", np.float64)).max):
            self._dtype = np.dtype(np.float64)  # what float32 can't hold stays as the engine had it
        dtype = getattr(self, "_dtype", np.float64)
        arrays = [{name: array.astype(dtype) for name, array in layer.arrays.items()} for layer in parameters]
        # Not as if the user had assigned them: those of a run that diverges are judged by the training loop.
        self.__dict__["coefs_"] = [layer.pop("W") for layer in arrays]
        self.__dict__["intercepts_"] = [layer.pop("b") for layer in arrays]
        self._rest = arrays

    def _outputs(self, X: ArrayLike) -> Array:
        """Compute raw outputs (n, q), in the wider type of X and the weights."""
        check_is_fitted(self)
        features = validated(self, X, accept_sparse="csr", dtype=(np.float64, np.float32), reset=False)
        network, parameters = self._network()
        O = predict_outputs(network, parameters, features)
        if not np.isfinite(O).all():  # only then, for it may be parameters that were assigned
            for k, (W, b) in enumerate(zip(self.coefs_, self.intercepts_, strict=True)):
                check_coefficients(f"coefs_[{k}]", dense(W))
                check_coefficients(f"intercepts_[{k}]", np.asarray(b))
        return O

    def _names(self) -> list[str] | None:
        names = getattr(self, "feature_names_in_", None)
        return None if names is None else [str(name) for name in names]

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "coefs_") and hasattr(self, "intercepts_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _arrays(parameters: Parameters) -> list[Array]:
    return [array for layer in parameters for array in layer]


def _rows(weight: Array | None, rows: Any) -> Array | None:
    return None if weight is None else weight[rows]
