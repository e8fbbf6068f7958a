"""Early stopping: train while a validation set gets better, and end with the weights of the best epoch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from twofold.data.dataset import Dataset, Samples
from twofold.engines import Engine, EngineState
from twofold.errors import SpecificationError
from twofold.network import Parameters
from twofold.recipe import Recipe
from twofold.training import Epoch, train


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
        if value < self.value - self.least_gain or self.parameters is None:
            self.epoch, self.value, self.parameters, self.waited = epoch, value, engine.parameters(), 0
        else:
            self.waited += 1
        return self.patience is None or self.waited < self.patience

    def bring_back(self, engine: Engine) -> None:
        """Set an engine's weights to the best epoch's; nothing happens before the first."""
        if self.parameters is not None:
            engine.restore(engine.state().with_model(self.parameters))


def train_best(
    engine: Engine,
    data: Dataset,
    recipe: Recipe,
    *,
    validation: Samples,
    best: BestEpoch,
    judge: Callable[[Epoch], float] | None = None,
    resume: EngineState | None = None,
    watch: Callable[[Engine, int], None] | None = None,
) -> Iterator[Epoch]:
    """Train until a validation set stops getting better; the engine ends with the weights of its best epoch.

    Parameters
    ----------
    engine, data, recipe, resume, watch
        As in `twofold.train`, but for ``data.test``, which is left alone: what chooses an epoch must not be what the
        model is scored by in the end.
    validation : Samples
        Scored after each epoch; not part of ``data.train``.
    best : BestEpoch
        How patient to be; holds the best epoch and its weights, also if the loop is left early or training diverges.
    judge : callable, optional
        The value of an epoch, the lower, the better; the loss on the validation set otherwise.

    Yields
    ------
    Epoch
        With `validation_loss` and `validation_accuracy`.

    Raises
    ------
    DataError
        If the data don't fit the network.
    DivergedError
        If training leaves the finite numbers.

    Examples
    --------
    >>> from twofold import Network, load_dataset, open_engine
    >>> data, best = load_dataset("synthetic"), BestEpoch(patience=2)
    >>> engine = open_engine("scratch", Network((2, 1), loss="squared"))
    >>> held = Samples(data.train.X[900:], data.train.y[900:])
    >>> data = replace(data, train=Samples(data.train.X[:900], data.train.y[:900]))
    >>> ran = list(train_best(engine, data, Recipe(epochs=50, batch_size=10), validation=held, best=best))
    >>> len(ran) < 50, best.epoch == len(ran) - 2
    (True, True)
    """
    judge = judge or _validation_loss
    try:
        for record in train(engine, replace(data, test=validation), recipe, resume=resume, watch=watch):
            judged = replace(
                record,
                test_loss=None,
                test_accuracy=None,
                validation_loss=record.test_loss,
                validation_accuracy=record.test_accuracy,
            )
            hope = best.see(engine, judged.epoch, judge(judged))
            yield judged
            if not hope:
                return
    finally:
        best.bring_back(engine)


def _validation_loss(epoch: Epoch) -> float:
    return math.inf if epoch.validation_loss is None else epoch.validation_loss
