"""What a trace is: an ordered list of steps, each with its formula, its shapes and its numbers. Plain data."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from numpy.typing import NDArray

from twofold.network import Network
from twofold.text import visible

Array = NDArray[Any]
Part = Literal["given", "forward", "loss", "backward", "update", "check", "explanation"]


@dataclass(frozen=True)
class Symbol:
    """A name in two scripts.

    Attributes
    ----------
    name : str
        In plain text, and to ask for an entry by: ``"W1"``, ``"y_hat"``.
    latex : str
        The same in LaTeX.
    """

    name: str
    latex: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Named:
    """An array of a trace.

    Attributes
    ----------
    symbol : Symbol
    values : ndarray, at most two-dimensional
    columns : tuple of str
        Names of the columns, such as the classes; empty where they have none.
    """

    symbol: Symbol
    values: Array
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """Numbers beside each other, each row under a name.

    Attributes
    ----------
    columns : tuple of str
    rows : tuple of tuple
        Of str, float, int, bool, or None where there is nothing.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True)
class Step:
    """One line of the calculation, as a person would write it on paper.

    Attributes
    ----------
    part : str
        Which part of the whole it belongs to.
    title : str
    plain, latex : str
        The formula in both scripts; empty where nothing is calculated.
    shapes : str
        The formula with each array's shape in its place.
    arrays : tuple of Named
        What came out (of the first part: what went in).
    worked : str
        One entry written out with its numbers; empty if the formula says it all.
    note : str
        A sentence, where there is something to say.
    table : Table, optional
    """

    part: Part
    title: str
    plain: str = ""
    latex: str = ""
    shapes: str = ""
    arrays: tuple[Named, ...] = ()
    worked: str = ""
    note: str = ""
    table: Table | None = None


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
    """

    network: Network
    source: str
    learning_rate: float
    steps: tuple[Step, ...]
    parameter_names: tuple[str, ...] = ()
    checks: dict[str, tuple[float, float | None, float | None]] = field(default_factory=dict)

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

    def __str__(self) -> str:
        from twofold.inspect.tracing.text import render_text

        return render_text(self)

    def _repr_markdown_(self) -> str:
        from twofold.inspect.tracing.markdown import render_markdown

        return render_markdown(self)


def _visible_row(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(visible(cell) if isinstance(cell, str) else cell for cell in row)
