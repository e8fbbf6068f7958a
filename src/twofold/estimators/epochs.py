"""A fit by minibatches: consumes `twofold.train` epoch by epoch and decides, as scikit-learn does, when to stop."""

from __future__ import annotations

import math
import time
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from twofold.data.dataset import Dataset, Samples
from twofold.engines import Engine, EngineState
from twofold.errors import DivergedError
from twofold.estimators.callbacks import are_asked, ask
from twofold.estimators.diagnosis import likely_cause
from twofold.estimators.progress import Progress
from twofold.estimators.validation import Validation
from twofold.functions import OPTIMIZERS
from twofold.network import Parameters, largest
from twofold.recipe import Recipe
from twofold.training import Epoch, train

Array = NDArray[Any]

USER = 5  # how far up from `EpochFit.run` the user's call is, for warnings to point at
MIN_RATE = 1e-6  # at which "adaptive" gives up, as in scikit-learn


@dataclass
class Optimizer:
    """What `partial_fit` goes on with.

    Attributes
    ----------
    learning_rate : float
        Of the next step.
    state : EngineState or None
        The engine's, after the last epoch.
    """

    learning_rate: float
    state: EngineState | None = None


class TimeIsUp(Exception):  # noqa: N818 - not an error
    """Leaves the loop within an epoch."""


class EpochFit:
    """One call of `fit` or `partial_fit`; writes what it learns to the estimator's attributes.

    Parameters
    ----------
    model : estimator
    engine : Engine
    samples : Samples
        To train on.
    recipe : Recipe
    validation : Validation or None
    incremental : bool
        One epoch and no more: `partial_fit`.
    """

    def __init__(
        self,
        model: Any,
        engine: Engine,
        samples: Samples,
        *,
        recipe: Recipe,
        validation: Validation | None,
        incremental: bool,
    ) -> None:
        self._model, self._engine, self._samples, self._recipe = model, engine, samples, recipe
        self._validation, self._incremental = validation, incremental
        self._stops_on_score = bool(model.early_stopping) and validation is not None
        self._best: Parameters | None = getattr(model, "_best_parameters", None) if self._stops_on_score else None
        self._progress = Progress(model.verbose, recipe.epochs if incremental else model.max_iter)
        self._deadline = math.inf if model.time_budget is None else time.perf_counter() + model.time_budget

    def run(self, *, resume: EngineState | None, after: int) -> None:
        """Train, and leave the estimator with its parameters.

        Parameters
        ----------
        resume : EngineState or None
            What `partial_fit` goes on from.
        after : int
            Epochs gone through before.

        Raises
        ------
        DivergedError
            If there is no epoch to go back to.

        Warns
        -----
        ConvergenceWarning
            If the epochs ran out before the loss or the score stood still.
        """
        model = self._model
        self._prepare()
        data = Dataset("fit", self._samples)
        watch = None if model.time_budget is None else self._look_at_clock
        epochs = train(self._engine, data, self._recipe, resume=resume, after=after, rate=self._rate, watch=watch)
        words = ""
        try:
            for record in epochs:
                words = self._take(record)
                if words:
                    break
            else:
                if not self._incremental:
                    warnings.warn(
                        f"Stochastic Optimizer: Maximum iterations ({model.max_iter}) reached and the optimization "
                        "hasn't converged yet.",
                        ConvergenceWarning,
                        stacklevel=USER,
                    )
        except TimeIsUp:
            model.stop_reason_ = "time_budget"
        except KeyboardInterrupt:
            model.stop_reason_ = "interrupted"
            warnings.warn("Training interrupted by user.", stacklevel=USER)
        except DivergedError as error:
            self._diverged(error)
        finally:
            self._progress.end(words)
        self._finish()

    def _prepare(self) -> None:
        """Set what an epoch adds to, where an earlier call hasn't."""
        model = self._model
        model.n_iter_, model.stop_reason_ = 0, None if self._incremental else "max_iter"
        for name, start in {"t_": 0, "_no_improvement_count": 0, "best_iter_": None, "best_loss_": None}.items():
            setattr(model, name, getattr(model, name, start))
        for name in ("loss_curve_", "history_"):
            setattr(model, name, getattr(model, name, []))
        for name in ("validation_scores_", "best_validation_score_"):
            setattr(model, name, getattr(model, name, None))
        if not self._stops_on_score and model.best_loss_ is None:
            model.best_loss_ = math.inf
        if self._validation is not None and model.validation_scores_ is None:
            model.validation_scores_, model.best_validation_score_ = [], -math.inf

    def _take(self, record: Epoch) -> str:
        """Note an epoch; return why to stop, or nothing."""
        model = self._model
        score = None
        if self._validation is not None:
            score, record = self._validation.judge(model, self._engine, record)
            model.validation_scores_.append(score)
        if are_asked(model):
            model._set_parameters(self._engine.parameters())
        model.n_iter_ += 1
        model.t_ += len(self._samples)
        model.loss_ = record.loss + self._penalty()
        model.loss_curve_.append(model.loss_)
        model.history_.append(record)
        self._progress.report(model.n_iter_, model.loss_, score)
        self._count(score)
        if model.learning_rate == "invscaling" and model.solver == "sgd":
            model._optimizer.learning_rate = model.learning_rate_init / (model.t_ + 1) ** model.power_t
        return self._stopping(record)

    def _stopping(self, record: Epoch) -> str:
        """Say why to stop; slow down instead where the learning rate adapts."""
        model = self._model
        if ask(model, record):
            model.stop_reason_ = "callback"
            return "Stopped by a callback."
        if model._no_improvement_count <= model.n_iter_no_change:
            return ""
        what = "Validation score" if self._stops_on_score else "Training loss"
        words = f"{what} did not improve more than tol={model.tol:f} for {model.n_iter_no_change} consecutive epochs."
        if model.learning_rate == "adaptive" and model.solver == "sgd":
            if model._optimizer.learning_rate > MIN_RATE:
                model._optimizer.learning_rate /= 5
                model._no_improvement_count = 0
                return ""
            words += " Learning rate too small."
        model.stop_reason_ = "converged"
        return words + " Stopping."

    def _count(self, score: float | None) -> None:
        """Count the epochs without a gain of at least tol, of the validation score or else of the training loss."""
        model, behind = self._model, False
        if score is not None:
            behind = score < model.best_validation_score_ + model.tol
            if score > model.best_validation_score_:
                model.best_validation_score_, model.best_iter_ = score, len(model.history_)
                if self._stops_on_score:
                    self._best = model._best_parameters = self._engine.parameters()
        if not self._stops_on_score:
            behind = model.loss_ > model.best_loss_ - model.tol
            model.best_loss_ = min(model.best_loss_, model.loss_)
        model._no_improvement_count = model._no_improvement_count + 1 if behind else 0

    def _penalty(self) -> float:
        """Return ``lambda |W|^2 / 2 + l1 |W|_1``, part of the loss that is minimised unless it is decoupled."""
        decay, l1 = self._recipe.weight_decay, self._recipe.l1
        if OPTIMIZERS[self._recipe.optimizer].decoupled or not (decay or l1):
            return 0.0
        weights = [layer.W for layer in self._engine.parameters()]
        squares = sum(float(np.vdot(W, W)) for W in weights)
        return decay * squares / 2 + l1 * sum(float(np.abs(W).sum()) for W in weights)

    def _rate(self, _step: int, _steps_per_epoch: int) -> float:
        rate: float = self._model._optimizer.learning_rate
        return rate

    def _look_at_clock(self, _engine: Engine, _samples: int) -> None:
        if time.perf_counter() > self._deadline:
            raise TimeIsUp

    def _diverged(self, error: DivergedError) -> None:
        """Go back to the best epoch if there is one; otherwise say why, as far as can be reported."""
        model, X = self._model, self._samples.X
        cause = likely_cause(X, self._samples.y, names=model._names(), rate=model._optimizer.learning_rate)
        if not self._stops_on_score or self._best is None:
            words = f"training diverged in epoch {error.epoch}. {cause}"
            raise DivergedError(words, error.epoch, error.history) from error
        model.validation_scores_.append(math.nan)
        model.n_iter_, model.stop_reason_ = model.n_iter_ + 1, "diverged"
        warnings.warn(
            f"training diverged in epoch {error.epoch}; the weights of the best epoch are kept. {cause}",
            ConvergenceWarning,
            stacklevel=USER + 1,
        )

    def _finish(self) -> None:
        """Leave the estimator with its parameters: those of the best epoch if it stops by a score."""
        model, reason = self._model, self._model.stop_reason_
        if reason == "diverged":
            model._optimizer.state = None
            model._set_parameters(self._best)
            return
        state, parameters = self._engine.state(), self._engine.parameters()
        if self._stops_on_score and self._best is not None and (reason or not self._incremental):
            state, parameters = state.with_model(self._best), self._best
            if self._incremental:
                model._no_improvement_count = 0
        usable = all(
            math.isfinite(largest(memory)) for memory in state.optimizer_state.values()
        )  # squares overflow first
        model._optimizer.state = state if usable else None
        if not math.isfinite(largest(parameters)):  # left within an epoch, before the loop could notice
            self._stops_on_score = False
            self._diverged(DivergedError("", model.n_iter_ + 1, model.history_))
        model._set_parameters(parameters)
