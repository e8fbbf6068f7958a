"""The user's own functions, called while a fit runs."""

from __future__ import annotations

import time
from typing import Any

from twofold.checkpoints import Checkpoints
from twofold.early_stopping import EarlyStopping
from twofold.errors import SpecificationError, show
from twofold.estimators.settings import as_list
from twofold.network import Parameters
from twofold.run import Epoch, is_callback
from twofold.values import is_whole

__all__ = ["CallbackSupportMixin", "Iterations", "Tasks", "are_asked", "ask", "of_the_session", "with_callbacks"]

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # scikit-learn before 1.9 has no callbacks

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Nothing to add: there is no `set_callbacks`."""

    def with_callbacks(method: Any) -> Any:
        """Return the method as it is."""
        return method


def ask(model: Any, record: Epoch) -> bool:
    """Call an estimator's callbacks, its own and those of `set_callbacks`; return whether one wants to stop."""
    answers = [function(model, record) for function in functions(model)]
    tasks: Tasks | None = vars(model).get("_tasks")
    if tasks is not None:
        answers.append(tasks.report())
    return any(answer is True for answer in answers)


def are_asked(model: Any) -> bool:
    """Tell whether there is anybody to call."""
    return bool(functions(model)) or "_tasks" in vars(model)


def functions(model: Any) -> list[Any]:
    """Return the estimator's own callbacks that are functions of it and an epoch."""
    return [each for each in as_list(model.callbacks) if each is not None and not is_callback(each)]


def of_the_session(model: Any, *, goes_on: str = "") -> list[Any]:
    """Return those that `twofold.train` calls.

    Parameters
    ----------
    model : estimator
    goes_on : str
        How the training goes on from an earlier one, if it does; such a one can't go on from a checkpoint too.

    Raises
    ------
    SpecificationError
        If one can't be used in a fit.
    """
    found = [each for each in as_list(model.callbacks) if is_callback(each)]
    for each in found:
        name = type(each).__name__
        if isinstance(each, EarlyStopping):
            raise SpecificationError(f"{name} is for train(); an estimator has early_stopping=True, n_iter_no_change")
        if isinstance(each, Checkpoints) and goes_on:
            raise SpecificationError(f"{name} are of a fit from its start, not of {goes_on}; save() keeps an estimator")
        if isinstance(each, Checkpoints) and not is_whole(model.random_state):
            raise SpecificationError(
                f"{name} need an integer as random_state, here {show(model.random_state)}: "
                "a fit that goes on has to draw the same numbers"
            )
    return found


class Tasks:
    """A fit as tasks that scikit-learn's callbacks are told of: the fit, and in it each iteration or epoch.

    As in scikit-learn the next iteration is begun when one ends, so the last one is empty.

    Parameters
    ----------
    model : estimator
        With callbacks set by `set_callbacks`.
    X, y : ndarray
    sample_weight : array or None
    most : int
        Most iterations.
    """

    def __init__(self, model: Any, X: Any, y: Any, sample_weight: Any, *, most: int) -> None:
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        self._model, self._data, self._told = model, {"X": X, "y": y, "metadata": metadata}, 0
        self._fit = model._init_callback_context(max_subtasks=max(1, most) + 1)
        self._fit.call_on_fit_task_begin(estimator=model, **self._data)

    def begin(self) -> None:
        """Begin an iteration."""
        self._iteration = self._fit.subcontext(task_name="iteration")
        self._iteration.call_on_fit_task_begin(
            estimator=self._model, **self._data, reconstruction_attributes=self._attributes
        )

    def report(self) -> bool:
        """End an iteration with the model's present parameters, and begin the next; return whether to stop."""
        self._told += 1
        stop: bool = self._iteration.call_on_fit_task_end(
            estimator=self._model, **self._data, reconstruction_attributes=self._attributes
        )
        self.begin()
        return stop

    def end(self) -> None:
        """End the fit."""
        if self._told == 0:
            self.report()
        self._iteration.call_on_fit_task_end(estimator=self._model)
        self._fit.call_on_fit_task_end(estimator=self._model, **self._data, reconstruction_attributes={})

    def _attributes(self) -> dict[str, Any]:
        """Return what makes a copy of the estimator one that is fitted so far."""
        model = self._model
        return {name: list(getattr(model, name)) for name in ("coefs_", "intercepts_", "_rest")}


class Iterations:
    """Calls them after each iteration of a solver that goes through all samples at once.

    Parameters
    ----------
    model : estimator
    n : int
        Samples.
    """

    def __init__(self, model: Any, *, n: int) -> None:
        self._model, self._n, self._since = model, n, time.perf_counter()

    def report(self, iteration: int, loss: float, parameters: Parameters) -> bool:
        """Return whether to stop."""
        model = self._model
        if not are_asked(model):
            return False
        model._set_parameters(parameters)
        now = time.perf_counter()
        record = Epoch(
            epoch=iteration,
            epochs=model.max_iter,
            loss=loss,
            train_accuracy=None,
            test_loss=None,
            test_accuracy=None,
            learning_rate=1.0,
            samples=self._n,
            seconds=now - self._since,
        )
        self._since = now
        return ask(model, record)
