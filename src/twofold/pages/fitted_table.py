"""A table for a screen of any width: no number is cut, no heading broken within a word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from twofold.text import visible

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.table import Table

MIN_FOLDED_WIDTH = 12  # letters to which a long word that is no number may be folded


@dataclass(frozen=True)
class FittedTable:
    """A table that rich draws in the room there is: in a box, without one, or each row in words.

    Attributes
    ----------
    title : str
    columns : sequence of str
        Headings, broken between words where that saves room.
    rows : sequence of sequence of str
    text : int
        So many of the first columns are words, and may be folded; the others are numbers.
    boxed : bool
        Whether there is a box where it fits.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    text: int = 1
    boxed: bool = True

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        from rich.text import Text

        def shown(text: str) -> str:  # what the screen lacks is longer as an escape, and room is kept for it
            return visible(text).encode(options.encoding, "backslashreplace").decode(options.encoding)

        if self.title:
            yield Text(shown(self.title), style="bold")
        columns, rows = list(map(shown, self.columns)), [list(map(shown, row)) for row in self.rows]
        n = len(columns)
        # Two spaces and a line for each column and a line more; or two spaces, or one.
        for boxed, gap, around in ((True, 2, 3 * n + 1), (False, 2, 2 * n), (False, 1, n)):
            widths = column_widths(columns, rows, text=self.text, room=options.max_width - around)
            if widths is not None and (self.boxed or not boxed):
                yield self._table(columns, rows, widths, gap=None if boxed else gap)
                return
        for row in rows:
            yield Text(_in_words(columns, row))

    def _table(
        self, columns: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int], *, gap: int | None
    ) -> Table:
        from rich.table import Table
        from rich.text import Text

        table = Table() if gap is None else Table(box=None, padding=(0, gap, 0, 0))
        for index, (name, width) in enumerate(zip(columns, widths, strict=True)):
            justify = "left" if index < self.text else "right"
            table.add_column(Text(name), justify=justify, overflow="fold", width=width)  # type: ignore[arg-type]
        for row in rows:
            table.add_row(*map(Text, row))
        return table


def column_widths(columns: Sequence[str], rows: Sequence[Sequence[str]], *, text: int, room: int) -> list[int] | None:
    """Share out the characters that there are.

    Parameters
    ----------
    columns : sequence of str
        Headings.
    rows : sequence of sequence of str
    text : int
        So many of the first columns are words.
    room : int
        Characters in all.

    Returns
    -------
    list of int or None
        None if numbers would have to be cut, headings broken within a word, or words folded to less than
        `MIN_FOLDED_WIDTH`.

    Examples
    --------
    >>> column_widths(["model", "test accuracy"], [["mlp", "0.98"]], text=1, room=20)
    [5, 13]
    >>> column_widths(["model", "test accuracy"], [["mlp", "0.98"]], text=1, room=13)
    [5, 8]
    >>> column_widths(["model", "test accuracy"], [["mlp", "0.98"]], text=1, room=12)
    """
    from rich.cells import cell_len

    widths, whole = [], []
    for index, name in enumerate(columns):
        cells = max((cell_len(row[index]) for row in rows), default=0)
        heading = max(map(cell_len, name.split()), default=0)
        widths.append(max(heading, 1, min(cells, MIN_FOLDED_WIDTH) if index < text else cells))
        whole.append(max(cells, cell_len(name), 1))
    spare = room - sum(widths)
    if spare < 0:
        return None
    for part in (range(text), range(len(widths))):  # a character each to those that lack some, to words first
        while spare and any(widths[index] < whole[index] for index in part):
            for index in part:
                if spare and widths[index] < whole[index]:
                    widths[index] += 1
                    spare -= 1
    return widths


def _in_words(columns: Sequence[str], row: Sequence[str]) -> str:
    """Write a table's row without the table."""
    words = [f"{name} {cell}".strip() for name, cell in zip(columns, row, strict=True) if cell]
    return ": ".join(filter(None, [*words[:1], ", ".join(words[1:])]))
