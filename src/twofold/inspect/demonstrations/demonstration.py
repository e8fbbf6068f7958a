"""What a demonstration is: a claim, the numbers that show it, and what they say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from twofold.inspect.tracing.record import Table
from twofold.language import Text


@dataclass(frozen=True)
class Demonstration:
    """A claim, the numbers that show it, and what they say.

    Attributes
    ----------
    claim : str
    formula : str
    table : Table
    conclusion : str
    holds : bool
        Whether the numbers bear the claim out.
    """

    claim: str
    formula: str
    table: Table
    conclusion: str
    holds: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the fields by name; JSON writes what is not finite as None."""
        return asdict(self)

    def __repr__(self) -> str:
        return f"<Demonstration: {self.claim}>"

    def _repr_html_(self) -> str:
        from twofold.pages.notebook import table_html
        from twofold.pages.numbers import precise

        rows = [[precise(cell, 2) for cell in row] for row in self.table.rows]
        return table_html(self.claim, [self.table.columns, *rows], [self.formula, self.conclusion])

    def __str__(self) -> str:
        from twofold.inspect.tracing.text import table_lines

        return "\n".join([self.claim, f"  {self.formula}", "", *table_lines(self.table, digits=2), "", self.conclusion])


def in_language(
    language: str,
    *,
    claim: Text,
    formula: str,
    columns: Sequence[Text | str],
    rows: Sequence[Sequence[Any]],
    conclusion: Text,
    holds: bool,
) -> Demonstration:
    """Put a demonstration together; headings and cells that are `Text` are read in the language.

    Parameters
    ----------
    language : {"en", "zh"}
    claim, conclusion : Text
    formula : str
    columns : sequence of Text or str
    rows : sequence of sequence
    holds : bool

    Returns
    -------
    Demonstration
    """

    def read(value: Any) -> Any:
        return value.read(language) if isinstance(value, Text) else value

    table = Table(tuple(map(read, columns)), tuple(tuple(map(read, row)) for row in rows))
    return Demonstration(read(claim), formula, table, read(conclusion), holds)


def as_tuple(values: Any) -> tuple[float, ...]:
    """Return a vector as a tuple, which is shown in one cell."""
    return tuple(values.tolist())
