"""What is told of a table beside its model: columns, scores of simpler models, rows, how it was trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from twofold.baselines.comparison import RARE
from twofold.inspect.dependence import Dependence, partial_dependence
from twofold.inspect.importance import REPEATS, Importance, column_importance
from twofold.inspect.table_rows import TableRows
from twofold.run import Epoch
from twofold.scores import Estimate
from twofold.tables.targets import Target

MAX_WORK = 2e11  # shuffled rows times parameters: some 20 s of one core
MIN_SHUFFLED_ROWS = 50  # fewer tell too little of what matters
MAX_CURVES = 3  # columns whose dependence is drawn: the most important ones


@dataclass(frozen=True, eq=False, kw_only=True)
class TableStory:
    """A table, as a report tells of it.

    Attributes
    ----------
    target : Target
    columns : sequence of (name, kind, what becomes of it)
        As `TablePlan.describe` gives them.
    missing : mapping of str to int
        Cells without a value, per column.
    features : int
        That the columns become.
    counts : mapping of str to int
        Rows that trained, chose the epoch, tested, had no target: ``"training"``, ``"validation"``, ``"test"``,
        ``"without target"``; of other rows ``"judged"``, and ``"unknown"``, whose class the model doesn't know.
    scores : mapping of str to list of Estimate
        On the rows that were not trained on, of the model and of simpler ones before it; of a model without such rows
        on those that it was trained on.
    rows : TableRows or None
        Those rows; None if no row was held out.
    runs : sequence of sequence of Epoch
        Of each network.
    kept : sequence of int
        The epoch that each kept.
    linear_weight : float
        What the linear model is multiplied by that is part of the model.
    remarks : sequence of str
        How cells were read.
    packed : bool
        Its rows are on disk, and some of them are looked at one by one.
    """

    target: Target
    columns: Sequence[tuple[str, str, str]]
    missing: Mapping[str, int] = field(default_factory=dict)
    features: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    scores: Mapping[str, list[Estimate]] = field(default_factory=dict)
    rows: TableRows | None = None
    runs: Sequence[Sequence[Epoch]] = ()
    kept: Sequence[int] = ()
    linear_weight: float = 0.0
    remarks: Sequence[str] = ()
    packed: bool = False

    @cached_property
    def importance(self) -> Importance | None:
        """What matters; of a rare class in log loss, where accuracy tells little. None if it can't be told in time."""
        if self.rows is None or len(self.rows) < 2:
            return None
        passes = len(self.rows.blocks) * REPEATS * self.rows.model.network.n_parameters
        most = int(MAX_WORK / passes)
        if most < min(MIN_SHUFFLED_ROWS, len(self.rows)):
            return None
        rows = self.rows.some(most)
        if not rows.classes:
            return column_importance(rows, score="R2" if (rows.y != rows.y[0]).any() else "MAE")
        rare = len(rows.classes) == 2 and min(rows.y.mean(), 1 - rows.y.mean()) < RARE
        return column_importance(rows, score="log loss" if rare else "accuracy")

    @cached_property
    def dependences(self) -> list[Dependence]:
        """How predictions go with the most important columns, those that matter beyond doubt; one at least."""
        if self.importance is None or self.rows is None:
            return []
        sure = [each.name for each in self.importance.columns if each.low > 0] or [self.importance.columns[0].name]
        return [partial_dependence(self.rows, name) for name in sure[:MAX_CURVES]]
