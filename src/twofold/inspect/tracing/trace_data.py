"""A trace: an ordered list of steps, which shows itself as text, and in a notebook with its formulas."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from numpy.typing import NDArray

from twofold.inspect.tracing.chinese import chinese, chinese_cell, chinese_shapes
from twofold.inspect.tracing.markdown import render_markdown
from twofold.inspect.tracing.record import Named, Step, Table
from twofold.inspect.tracing.text import heading, render_text
from twofold.network import Network
from twofold.text import visible

Array = NDArray[Any]


@dataclass(frozen=True)
class Trace:
    """One sample, or a small batch, followed through a network and back.

    Attributes
    ----------
    network : Network
    source : str
        What was traced, in words.
    learning_rate : float
        Of the update.
    steps : tuple of Step
    parameter_names : tuple of str
        Names of the arrays that the update changes, layer by layer.
    checks : dict of str to tuple
        Entries of the gradient by their names: by hand, by autograd (None without PyTorch) and by central differences
        (None at a kink).
    language : {"en", "zh"}
        Of its words; see `in_language`.
    """

    network: Network
    source: str
    learning_rate: float
    steps: tuple[Step, ...]
    parameter_names: tuple[str, ...] = ()
    checks: dict[str, tuple[float, float | None, float | None]] = field(default_factory=dict)
    language: str = "en"

    @property
    def arrays(self) -> dict[str, Named]:
        """Every array of the trace by its name, in the order of the calculation."""
        return {array.symbol.name: array for step in self.steps for array in step.arrays}

    def __getitem__(self, name: str) -> Array:
        """Return the numbers of an array, such as ``trace["dW1"]``; KeyError if there is none of that name."""
        return self.arrays[name].values

    def visible(self) -> Trace:
        """Return the same with all that comes from data, names and where they are from, fit to be shown."""
        steps = tuple(
            replace(
                step,
                note=visible(step.note),
                arrays=tuple(replace(array, columns=tuple(map(visible, array.columns))) for array in step.arrays),
                table=step.table and replace(step.table, rows=tuple(map(_visible_row, step.table.rows))),
            )
            for step in self.steps
        )
        return replace(self, source=visible(self.source), steps=steps)

    def in_language(self, language: str) -> Trace:
        """Return the same in Chinese, if that is the language: titles, notes, and the words of tables."""
        if language == self.language or language != "zh":
            return self
        steps = tuple(map(_chinese_step, self.steps))
        return replace(self, source=chinese(self.source), steps=steps, language=language)

    def __str__(self) -> str:
        return render_text(self)

    def __repr__(self) -> str:
        return f"<Trace of {heading(self.visible())}; {len(self.steps)} steps>"

    def _repr_html_(self) -> str:
        from twofold.inspect.tracing.html import render_notebook

        return render_notebook(self)

    def _repr_markdown_(self) -> str:
        return render_markdown(self)


def _visible_row(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(visible(cell) if isinstance(cell, str) else cell for cell in row)


def _chinese_step(step: Step) -> Step:
    table = step.table and Table(
        tuple(map(chinese, step.table.columns)), tuple(tuple(map(chinese_cell, row)) for row in step.table.rows)
    )
    return replace(
        step, title=chinese(step.title), note=chinese(step.note), shapes=chinese_shapes(step.shapes), table=table
    )
