"""The user's own functions, called while a fit runs."""

from __future__ import annotations

import time
from typing import Any

from twofold.estimators.settings import as_list
from twofold.network import Parameters
from twofold.training import Epoch


def ask(model: Any, record: Epoch) -> bool:
    """Call an estimator's callbacks, each of them; return whether one wants to stop."""
    answers = [callback(model, record) for callback in as_list(model.callbacks) if callback is not None]
    return any(answer is True for answer in answers)


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

    def tell(self, iteration: int, loss: float, parameters: Parameters) -> bool:
        """Return whether to stop."""
        model = self._model
        if model.callbacks is None:
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
