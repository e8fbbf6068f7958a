"""Lockstep: two engines, the same network, seed and batches, trained side by side and compared after every epoch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from twofold.data.dataset import Dataset
from twofold.engines import open_engine
from twofold.network import Network, distance, largest
from twofold.recipe import Recipe
from twofold.run import Epoch
from twofold.training import train


@dataclass(frozen=True)
class Comparison:
    """How far apart two engines are after an epoch.

    Attributes
    ----------
    epoch : int
        Counted from 1.
    max_parameter_difference : float
        Largest absolute difference of a weight or bias, divided by the largest absolute weight or bias.
    max_loss_difference : float
        Absolute difference of the two mean losses, the larger of training and test.
    records : tuple of two Epoch
        What each engine's epoch brought.
    """

    epoch: int
    max_parameter_difference: float
    max_loss_difference: float
    records: tuple[Epoch, Epoch]

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers by name, fit for JSON, without the engines' own records."""
        names = "epoch", "max_parameter_difference", "max_loss_difference"
        return {name: getattr(self, name) for name in names}

    def __repr__(self) -> str:
        return f"<{self}>"

    def __str__(self) -> str:
        first, second = self.records
        return (
            f"epoch {self.epoch}/{first.epochs}  losses {first.loss:.6g} and {second.loss:.6g}  "
            f"difference of parameters {self.max_parameter_difference:.1e}, of losses {self.max_loss_difference:.1e}"
        )


def compare_engines(
    network: Network,
    data: Dataset,
    recipe: Recipe,
    *,
    engines: tuple[str, str] = ("scratch", "concise"),
    dtype: str = "float64",
    callbacks: object = (),
    **first_weights: Any,
) -> Iterator[Comparison]:
    """Train two engines in lockstep.

    Parameters
    ----------
    network : Network
    data : Dataset
    recipe : Recipe
    engines : tuple of two str
        Names, as for `twofold.open_engine`.
    dtype : {"float64", "float32"}
        In float64 they agree to rounding; in float32 the rounding is what one sees.
    callbacks : object or sequence of objects
        As for `twofold.train`; called for the one engine, then for the other.
    **first_weights
        ``seed``, ``initialization`` and ``sigma``, as for `twofold.open_engine`.

    Yields
    ------
    Comparison
        After each epoch.

    Raises
    ------
    SpecificationError, DataError, MissingDependencyError, DivergedError
        As `twofold.open_engine` and `twofold.train` do.

    Examples
    --------
    >>> from twofold import Network, Recipe, load_dataset
    >>> data, recipe = load_dataset("toy-animals"), Recipe(epochs=2, batch_size=16)
    >>> [c.max_parameter_difference < 1e-12 for c in compare_engines(Network((4, 3)), data, recipe)]
    [True, True]
    """
    first, second = (open_engine(name, network, dtype=dtype, **first_weights) for name in engines)
    runs = (train(engine, data, recipe, callbacks) for engine in (first, second))
    for a, b in zip(*runs, strict=True):
        parameters = first.parameters(), second.parameters()
        apart = distance(*parameters)
        losses = [abs(a.loss - b.loss)]
        if a.test_loss is not None and b.test_loss is not None:
            losses.append(abs(a.test_loss - b.test_loss))
        # Two networks of zeros are equal, however small the largest weight is.
        relative = apart / max(map(largest, parameters)) if apart else 0.0
        yield Comparison(a.epoch, relative, max(losses), (a, b))
