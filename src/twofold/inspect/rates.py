"""The learning-rate finder: one short run in which the rate grows with every step, and what the loss does meanwhile."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.data.dataset import Dataset
from twofold.engines import Engine
from twofold.errors import DivergedError, SpecificationError
from twofold.randomness import epoch_order
from twofold.recipe import Recipe
from twofold.training import batch_edges

Array = NDArray[Any]

MEMORY = 0.9  # of the smoothed loss: about ten steps
FIRST = 10  # steps whose smoothed loss is the mean of few minibatches, and falls or rises by their chance
MAX_LOSS_RATIO = 4.0  # the sweep ends where the smoothed loss is so many times the smallest


@dataclass(frozen=True)
class RateSweep:
    """What a sweep saw.

    Attributes
    ----------
    rates : ndarray, shape (k,)
        The learning rate of each step, growing by the same factor.
    losses : ndarray, shape (k,)
        Mean loss of each step's minibatch, taken just before the step.
    smoothed : ndarray, shape (k,)
        An exponential mean of the losses, without its bias towards the start.
    suggestion : float
        The rate at which the smoothed loss falls fastest per factor of the rate.
    """

    rates: Array
    losses: Array
    smoothed: Array
    suggestion: float

    def __repr__(self) -> str:
        return f"<RateSweep of {len(self.rates)} steps: suggestion {self.suggestion:.3g}>"

    def to_dict(self) -> dict[str, Any]:
        """Return the fields by name, fit for JSON."""
        arrays = {name: getattr(self, name).tolist() for name in ("rates", "losses", "smoothed")}
        return {"suggestion": self.suggestion, **arrays}


def find_rate(
    engine: Engine,
    data: Dataset,
    recipe: Recipe,
    *,
    lowest: float = 1e-4,
    highest: float = 10.0,
    steps: int = 200,
) -> RateSweep:
    """Sweep the learning rate upwards, a step a rate, and suggest one (Smith 2017, doi:10.1109/WACV.2017.58).

    The rate of step k of K is ``lowest (highest / lowest)^(k / (K - 1))``. The sweep ends early once the loss has grown
    far beyond its smallest. The suggestion is where the smoothed loss falls most steeply over the logarithm of the
    rate: large enough to learn fast, and well below where the loss turns upward.

    Parameters
    ----------
    engine : Engine
        Starts from its present parameters; its state is the same afterwards, but ``data`` stays loaded.
    data : Dataset
        ``data.train`` is swept through, again and again if it is short.
    recipe : Recipe
        Batch size, optimiser and seed; its own learning rate and schedule don't count.
    lowest, highest : float
        Rates of the first and the last step; ``0 < lowest < highest``.
    steps : int
        At least 20.

    Returns
    -------
    RateSweep

    Raises
    ------
    SpecificationError
        If the range or the number of steps can't be.
    DataError
        If the data don't fit the network.
    DivergedError
        If the loss is no finite number before there is enough to judge by: take a smaller ``lowest``.

    Examples
    --------
    >>> from twofold import Network, load_dataset, open_engine
    >>> engine = open_engine("scratch", Network((4, 3)))
    >>> sweep = find_rate(engine, load_dataset("toy-animals"), Recipe(batch_size=16))
    >>> 0.01 < sweep.suggestion < 10
    True
    """
    if not 0 < lowest < highest < math.inf:
        raise SpecificationError(f"rates from {lowest} to {highest}; expected 0 < lowest < highest")
    if steps < 20:
        raise SpecificationError(f"steps is {steps}; a sweep needs at least 20")
    engine.load(data.train.X, data.train.y, data.train.sample_weight)
    engine.start(replace(recipe, schedule="constant"))
    engine.begin_epoch()
    before = engine.state()
    rates = np.geomspace(lowest, highest, steps)
    losses = np.array(list(_sweep(engine, len(data.train), recipe, rates)))
    engine.start(recipe)
    engine.restore(before)
    if len(losses) < 10:
        raise DivergedError(
            f"the loss left the finite numbers at a learning rate of {rates[len(losses)]:.3g}, after {len(losses)} "
            f"steps; start the sweep lower than {lowest:.3g}, or scale the features",
            1,
        )
    smoothed = smooth(losses)
    return RateSweep(rates[: len(losses)], losses, smoothed, _steepest(rates[: len(losses)], smoothed))


def _sweep(engine: Engine, n: int, recipe: Recipe, rates: Array) -> Iterator[float]:
    """Take a step at each rate and yield the loss just before it, until it is far beyond its smallest."""
    edges = batch_edges(n, recipe.batch_size, even=recipe.even_batches)
    per_epoch = len(edges) - 1
    mean, smallest = 0.0, math.inf
    for k, rate in enumerate(rates):
        epoch, place = divmod(k, per_epoch)
        if place == 0:
            order = epoch_order(recipe.seed, epoch + 1, n)
        engine.begin_epoch()
        engine.step(order[edges[place] : edges[place + 1]], float(rate))
        loss = engine.running().loss
        mean = MEMORY * mean + (1 - MEMORY) * loss
        present = mean / (1 - MEMORY ** (k + 1))
        smallest = min(smallest, present)
        if not math.isfinite(loss) or present > MAX_LOSS_RATIO * smallest:
            return
        yield loss


def smooth(losses: Array) -> Array:
    """Return the exponential mean ``m_k = a m_(k-1) + (1 - a) l_k``, divided by ``1 - a^k``, which undoes m_0 = 0."""
    means, mean = np.empty_like(losses), 0.0
    for k, loss in enumerate(losses):
        mean = MEMORY * mean + (1 - MEMORY) * loss
        means[k] = mean / (1 - MEMORY ** (k + 1))
    return means


def _steepest(rates: Array, smoothed: Array) -> float:
    """Return the rate of the steepest fall before the smallest smoothed loss; a tenth of the last if it never falls."""
    first = min(FIRST, len(rates) // 10)
    rates, smoothed = rates[first:], smoothed[first:]
    lowest = int(np.argmin(smoothed))
    if lowest < 2:
        return float(rates[-1] / 10)
    slope = np.gradient(smoothed[: lowest + 1], np.log(rates[: lowest + 1]))
    return float(rates[int(np.argmin(slope))])
