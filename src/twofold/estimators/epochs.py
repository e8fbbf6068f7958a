"""A fit by minibatches: a callback of `twofold.train` that stops where scikit-learn does."""

from __future__ import annotations

import math
import sys
import warnings
from dataclasses import dataclass
from signal import SIGINT
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from twofold.callbacks import TimeBudget
from twofold.data.dataset import Dataset, Samples
from twofold.early_stopping import BestEpoch
from twofold.engines import Engine, EngineState
from twofold.errors import DivergedError, StoppedError
from twofold.estimators.callbacks import are_asked, ask, of_the_session
from twofold.estimators.diagnosis import likely_cause
from twofold.estimators.progress import Progress
from twofold.estimators.validation import Validation
from twofold.network import largest
from twofold.recipe import Recipe
from twofold.run import Run
from twofold.training import train

Array = NDArray[Any]

USER = 5  # how far up from `EpochFit.run` the user's call is, for warnings to point at
MIN_RATE = 1e-6  # at which "adaptive" gives up, as in scikit-learn
# What must be the same for a fit to go on from a checkpoint, besides recipe, network and data.
SETTING = ("tol", "n_iter_no_change", "early_stopping", "learning_rate", "power_t")


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


class EpochFit:
    """One call of `fit` or `partial_fit`: a callback that writes what is learned to the estimator's attributes.

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
        self._progress = Progress(model.verbose, recipe.epochs if incremental else model.max_iter)
        self._adapts = model.learning_rate == "adaptive" and model.solver == "sgd"
        self._words, self._goes_on = "", False

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
        budget = () if model.time_budget is None else (TimeBudget(model.time_budget),)
        callbacks = (self, *budget, *of_the_session(model))
        data = Dataset("fit", self._samples)
        try:
            behind = after if resume is not None or after else None
            for _ in train(self._engine, data, self._recipe, callbacks, resume=resume, after=behind):
                pass
            if model.stop_reason_ == "max_iter":
                warnings.warn(
                    f"Stochastic Optimizer: Maximum iterations ({model.max_iter}) reached and the optimization "
                    "hasn't converged yet.",
                    ConvergenceWarning,
                    stacklevel=USER,
                )
        except KeyboardInterrupt as error:
            if isinstance(error, StoppedError) and error.signal != SIGINT:
                raise
            model.stop_reason_ = "interrupted"
            warnings.warn("Training interrupted by user.", stacklevel=USER)
        except DivergedError as error:
            self._diverged(error)
        finally:
            self._progress.end(self._words)
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
        self.best = self._best_so_far()

    def _best_so_far(self) -> BestEpoch:
        """Return what the estimator remembers, as early stopping has it: the lower, the better."""
        model, no_end = self._model, self._model.n_iter_no_change == math.inf
        best = BestEpoch(
            None if no_end else int(model.n_iter_no_change) + 1,  # scikit-learn stops after one more
            min(float(model.tol), sys.float_info.max),
            every_gain=True,
            keeps_parameters=self._stops_on_score,
        )
        best.waited = model._no_improvement_count
        if self._stops_on_score:
            best.epoch, best.value = model.best_iter_ or 0, -model.best_validation_score_
            best.parameters = getattr(model, "_best_parameters", None)
        else:
            best.value = model.best_loss_
        return best

    def on_train_begin(self, run: Run) -> None:
        """Let the estimator say the learning rate, and what must be the same for the fit to go on."""
        model = self._model
        self._run, run.rate = run, self._rate
        words = {name: str(getattr(model, name)) for name in SETTING}
        scoring = model.scoring if isinstance(model.scoring, str | None) else "a function"
        run.setting |= {"estimator": type(model).__name__, "scoring": str(scoring), **words}

    def on_epoch_begin(self, run: Run) -> None:
        """Stop at once where a fit goes on that had come to its end."""
        if self._goes_on and self.best.is_hopeless:
            self._stop(run)

    def on_epoch_end(self, run: Run) -> None:
        """Note an epoch, and stop where there is no more to be gained."""
        model, score = self._model, None
        if self._validation is not None:
            score, run.epoch = self._validation.judge(model, self._engine, run.epoch)
            model.validation_scores_.append(score)
        if are_asked(model):
            model._set_parameters(self._engine.parameters())
        model.n_iter_ += 1
        model.t_ += len(self._samples)
        model.loss_ = run.epoch.loss + self._penalty()
        model.loss_curve_.append(model.loss_)
        model.history_.append(run.epoch)
        self._progress.report(model.n_iter_, model.loss_, score)
        self._count(score)
        if model.learning_rate == "invscaling" and model.solver == "sgd":
            model._optimizer.learning_rate = model.learning_rate_init / (model.t_ + 1) ** model.power_t
        self._stop_or_slow_down(run)

    def on_train_end(self, run: Run) -> None:
        """Note why the fit ended, where it ended by itself."""
        if run.stop_reason in {"time_budget", "callback"}:
            self._model.stop_reason_ = run.stop_reason
        elif run.stop_reason not in {None, "epochs", "converged"}:
            self._model.stop_reason_ = "callback"

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint holds of the estimator, besides the history and the best epoch."""
        model, scores = self._model, self._model.validation_scores_
        return {
            "loss_curve": list(map(repr, map(float, model.loss_curve_))),
            "validation_scores": None if scores is None else list(map(repr, map(float, scores))),
            "learning_rate": repr(float(model._optimizer.learning_rate)),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Give the estimator back what `state_dict` took of it; the best epoch and the history are there already."""
        model = self._model
        model.history_, model.loss_curve_ = list(self._run.history), list(map(float, state["loss_curve"]))
        model._optimizer.learning_rate = float(state["learning_rate"])
        model.n_iter_ = len(model.loss_curve_)
        model.t_ = model.n_iter_ * len(self._samples)
        if model.loss_curve_:
            model.loss_ = model.loss_curve_[-1]
        if scores := list(map(float, state["validation_scores"] or ())):
            model.validation_scores_, model.best_validation_score_ = scores, max(scores)
            model.best_iter_ = scores.index(max(scores)) + 1
        self._goes_on = True
        self._keep()

    def _stop_or_slow_down(self, run: Run) -> None:
        """Stop if a callback wants to, or nothing was gained for long; slow down instead where the rate adapts."""
        model = self._model
        if ask(model, run.epoch):
            self._words = "Stopped by a callback."
            run.stop()
        elif self.best.is_hopeless and self._adapts and model._optimizer.learning_rate > MIN_RATE:
            model._optimizer.learning_rate /= 5
            model._no_improvement_count = self.best.waited = 0
        elif self.best.is_hopeless:
            self._stop(run)

    def _stop(self, run: Run) -> None:
        model = self._model
        what = "Validation score" if self._stops_on_score else "Training loss"
        words = f"{what} did not improve more than tol={model.tol:f} for {model.n_iter_no_change} consecutive epochs."
        slow = " Learning rate too small." if self._adapts else ""
        self._words = f"{words}{slow} Stopping."
        model.stop_reason_ = "converged"
        run.stop("converged")

    def _count(self, score: float | None) -> None:
        """Count the epochs without a gain of at least tol, of the validation score or else of the training loss."""
        model, best = self._model, self.best
        if score is not None and score > model.best_validation_score_:
            model.best_validation_score_, model.best_iter_ = score, len(model.history_)
        value = -score if self._stops_on_score and score is not None else model.loss_
        best.see(self._engine, len(model.history_), value)
        self._keep()

    def _keep(self) -> None:
        """Write what early stopping remembers to the estimator, which `partial_fit` goes on from."""
        model, best = self._model, self.best
        model._no_improvement_count = best.waited
        if self._stops_on_score:
            model._best_parameters = best.parameters
        else:
            model.best_loss_ = best.value

    def _penalty(self) -> float:
        """Return ``lambda |W|^2 / 2 + l1 |W|_1``, part of the loss that is minimised unless it is decoupled."""
        decay, l1 = self._recipe.weight_decay, self._recipe.l1
        if self._recipe.optimizer.definition.decoupled or not (decay or l1):
            return 0.0
        weights = [layer.W for layer in self._engine.parameters()]
        squares = sum(float(np.vdot(W, W)) for W in weights)
        return decay * squares / 2 + l1 * sum(float(np.abs(W).sum()) for W in weights)

    def _rate(self, _step: int, _steps_per_epoch: int) -> float:
        rate: float = self._model._optimizer.learning_rate
        return rate

    def _diverged(self, error: DivergedError) -> None:
        """Go back to the best epoch if there is one; otherwise say why, as far as can be reported."""
        model, X = self._model, self._samples.X
        cause = likely_cause(X, self._samples.y, names=model._names(), rate=model._optimizer.learning_rate)
        if not self._stops_on_score or self.best.parameters is None:
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
            model._set_parameters(self.best.parameters)
            return
        state, parameters = self._engine.state(), self._engine.parameters()
        if self._stops_on_score and self.best.parameters is not None and (reason or not self._incremental):
            state, parameters = state.with_model(self.best.parameters), self.best.parameters
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
