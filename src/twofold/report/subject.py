"""What a report is about: a trained model, the data in its own units, and what the model says of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.data.dataset import Dataset, Samples
from twofold.errors import DataError
from twofold.functions import LOSSES, softmax
from twofold.report.table_story import TableStory
from twofold.saving import Model

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Subject:
    """A trained model and the data that it is judged on.

    Attributes
    ----------
    model : Model
    data : Dataset
        In its own units. The test set is judged on; without one, the training set, and the report says so.
    name : str
        What the run is called: ``"softmax"``.
    command : str
        What repeats it; empty if that isn't known.
    engine : str
        Which engine trained it; empty if that isn't known.
    details : mapping of str to str
        Further facts of how it was trained.
    fingerprint : str
        The sum of the training set, as `twofold.data.data_hash` gives it; taken of ``data`` otherwise.
    rows_alone : bool
        ``data`` are other rows than the model was trained on, such as those of another table, all to judge it by.
    table : TableStory, optional
        What else is told of a table.

    Raises
    ------
    DataError
        If the data have another number of features or outputs than the model.
    """

    model: Model
    data: Dataset
    name: str = "model"
    command: str = ""
    engine: str = ""
    details: Mapping[str, str] = field(default_factory=dict)
    fingerprint: str = ""
    rows_alone: bool = False
    table: TableStory | None = None

    def __post_init__(self) -> None:
        network, data = self.model.network, self.data
        if data.inputs != network.inputs or (self.kind == "classes" and data.outputs != network.outputs):
            raise DataError(
                f"{data.name} has {data.inputs} features and {data.outputs} outputs; "
                f"the model takes {network.inputs} and gives {network.outputs}"
            )

    @property
    def kind(self) -> str:
        """What is predicted: ``"classes"``, ``"numbers"`` or ``"labels"``."""
        return LOSSES[self.model.network.loss].targets.name

    @property
    def held_out(self) -> bool:
        """Whether it is judged on what it wasn't trained on."""
        return self.rows_alone or self.data.test is not None

    @property
    def solved(self) -> bool:
        """Whether it is linear regression of a table, whose least squares are solved exactly."""
        network = self.model.network
        return self.table is not None and not network.hidden and network.loss == "squared" and network.outputs == 1

    @property
    def part(self) -> str:
        """What it is judged on, in words."""
        if self.rows_alone:
            return f"rows of {self.data.name}"
        return "test set" if self.held_out else "training set (there is no test set)"

    @property
    def samples(self) -> Samples:
        """What it is judged on."""
        return self.data.train if self.data.test is None else self.data.test

    @property
    def widths(self) -> str:
        """The network's widths, ``"784-256-10"``."""
        return "-".join(map(str, self.model.network.widths))

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes; their numbers if they have none."""
        names = self.model.classes or self.data.classes
        q = self.model.network.outputs
        return tuple(names) if len(names) == q else tuple(map(str, range(q)))

    @cached_property
    def outputs(self) -> Array:
        """The model's outputs on the samples, in the data's own units, (n, q)."""
        return self.model.outputs(self.samples.X)

    @cached_property
    def numbers(self) -> Array:
        """Of numbers: what is predicted, (n, q)."""
        return LOSSES[self.model.network.loss].link.apply(self.outputs)

    @cached_property
    def probabilities(self) -> Array:
        """Of classes: each one's probability, (n, q)."""
        return softmax(self.outputs)

    @cached_property
    def actual(self) -> Array:
        """Of classes: their indices, (n,); of numbers and labels: rows (n, q)."""
        y = self.samples.y
        if self.kind == "classes":
            return y.astype(np.int64) if y.ndim == 1 else y.argmax(axis=1)
        return y.reshape(len(y), -1)

    @cached_property
    def predicted(self) -> Array:
        """Of classes: the indices predicted, (n,)."""
        return self.outputs.argmax(axis=1)

    @cached_property
    def losses(self) -> Array:
        """The loss of each sample, in the network's own numbers, (n,)."""
        O, y = self.outputs.astype(np.float64), self.samples.y
        scaling = self.model.scaling
        if scaling is not None:
            O, y = (O, y) if scaling.target_mean is None else (scaling.targets(O), scaling.targets(y))
        return LOSSES[self.model.network.loss].samples(O, y)[0]
