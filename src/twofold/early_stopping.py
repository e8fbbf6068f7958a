"""Early stopping: train while a validation set gets better, and end with the weights of the best epoch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from twofold.data.dataset import Dataset, Samples
from twofold.deprecation import warn_renamed
from twofold.engines import Engine
from twofold.errors import SpecificationError
from twofold.network import Parameters
from twofold.recipe import Recipe
from twofold.run import Epoch, Run
from twofold.training import train


@dataclass
class BestEpoch:
    """The best epoch so far: what early stopping remembers from one epoch to the next.

    Attributes
    ----------
    patience : int or None
        Epochs in a row without a gain after which there is no more hope; None hopes for ever. At least 1.
    least_gain : float
        What a value must be lower by to count as a gain; at least 0.
    epoch : int
        The best epoch, counted from 1; 0 before the first.
    value : float
        Its value: the lower, the better.
    parameters : Parameters or None
        The weights that it ended with.
    waited : int
        Epochs in a row without a gain.
    every_gain : bool
        Take any lower value as the new best, also where it doesn't count as a gain; one that is lower by exactly
        ``least_gain`` then counts: scikit-learn's rule. Otherwise only a gain moves the best.
    keeps_parameters : bool
        Whether the weights are copied.

    Raises
    ------
    SpecificationError
        If patience or the least gain is out of range.

    Examples
    --------
    >>> from twofold import Network, open_engine
    >>> engine, best = open_engine("scratch", Network((2, 2))), BestEpoch(patience=2)
    >>> [best.see(engine, epoch, value) for epoch, value in enumerate([3.0, 1.0, 2.0, 1.5, 0.5], start=1)]
    [True, True, True, False, True]
    """

    patience: int | None = None
    least_gain: float = 0.0
    epoch: int = 0
    value: float = math.inf
    parameters: Parameters | None = None
    waited: int = 0
    every_gain: bool = False
    keeps_parameters: bool = True

    def __post_init__(self) -> None:
        if self.patience is not None and self.patience < 1:
            raise SpecificationError(f"patience is {self.patience}; expected at least 1 epoch, or None for no end")
        if not 0 <= self.least_gain < math.inf:
            raise SpecificationError(f"least_gain is {self.least_gain}; it must be at least 0 and finite")

    def see(self, engine: Engine, epoch: int, value: float) -> bool:
        """Note what an epoch brought; return whether to go on.

        Parameters
        ----------
        engine : Engine
            Its weights are copied if they are the best yet.
        epoch : int
        value : float
            Of this epoch; the lower, the better.

        Returns
        -------
        bool
            False once `patience` epochs in a row have brought no gain.
        """
        border = self.value - self.least_gain
        if self.every_gain:
            gained, is_best = not value > border, value < self.value
        else:
            gained = is_best = value < border or self.epoch == 0
        if is_best:
            self.epoch, self.value = epoch, value
            self.parameters = engine.parameters() if self.keeps_parameters else None
        self.waited = 0 if gained else self.waited + 1
        return not self.is_hopeless

    @property
    def is_hopeless(self) -> bool:
        """Whether `patience` epochs in a row have brought no gain."""
        return self.patience is not None and self.waited >= self.patience

    def bring_back(self, engine: Engine) -> None:
        """Set an engine's weights to the best epoch's; nothing happens before the first."""
        if self.parameters is not None:
            engine.restore(engine.state().with_model(self.parameters))


class EarlyStopping:
    """Ends a training when a validation set stops getting better, and brings the best epoch's weights back.

    Parameters
    ----------
    patience : int, optional
        Epochs in a row without a gain after which to stop; None goes on to the last epoch. At least 1.
    least_gain : float
        What a value must be lower by to count as a gain; at least 0.
    judge : callable, optional
        The value of an epoch, the lower, the better; the loss on the validation set otherwise.
    best : BestEpoch, optional
        In place of ``patience`` and ``least_gain``.

    Attributes
    ----------
    best : BestEpoch
        The best epoch and its weights, also if the loop is left early or training diverges.

    Raises
    ------
    SpecificationError
        If patience or the least gain is out of range; at the beginning, if there is no validation set to judge by.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from twofold import Network, load_dataset, open_engine, train
    >>> data, stopping = load_dataset("synthetic"), EarlyStopping(patience=2)
    >>> held, rest = Samples(data.train.X[900:], data.train.y[900:]), Samples(data.train.X[:900], data.train.y[:900])
    >>> engine = open_engine("scratch", Network((2, 1), loss="squared"))
    >>> recipe = Recipe(epochs=50, batch_size=10)
    >>> ran = list(train(engine, replace(data, train=rest), recipe, stopping, validation=held))
    >>> len(ran) < 50, stopping.best.epoch == len(ran) - 2
    (True, True)
    """

    def __init__(
        self,
        patience: int | None = None,
        *,
        least_gain: float = 0.0,
        judge: Callable[[Epoch], float] | None = None,
        best: BestEpoch | None = None,
    ) -> None:
        self.best = BestEpoch(patience, least_gain) if best is None else best
        self._judge = judge

    def on_train_begin(self, run: Run) -> None:
        """Look whether there is something to judge by."""
        if self._judge is None and run.validation is None:
            raise SpecificationError("early stopping needs rows to judge by; give train(..., validation=Samples(X, y))")

    def on_epoch_begin(self, run: Run) -> None:
        """Stop at once if a run goes on that had stopped."""
        if self.best.is_hopeless:
            run.stop("early_stopping")

    def on_epoch_end(self, run: Run) -> None:
        """Note what the epoch brought."""
        record = run.epoch
        value = (self._judge or _validation_loss)(record)
        if not self.best.see(run.engine, record.epoch, value):
            run.stop("early_stopping")

    def on_train_end(self, run: Run) -> None:
        """Bring the best weights back."""
        self.best.bring_back(run.engine)


def train_best(
    engine: Engine, data: Dataset, recipe: Recipe, *, validation: Samples, best: BestEpoch, **options: Any
) -> Iterator[Epoch]:
    """Do as ``train(..., EarlyStopping(best=best), validation=validation)``, by its name of version 0.1."""
    warn_renamed("train_best", "train(..., EarlyStopping(patience), validation=samples)")
    judge = options.pop("judge", None)
    return train(engine, data, recipe, EarlyStopping(best=best, judge=judge), validation=validation, **options)


def _validation_loss(epoch: Epoch) -> float:
    return math.inf if epoch.validation_loss is None else epoch.validation_loss
