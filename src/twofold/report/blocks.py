"""What a report is made of: sections of words, facts, tables and pictures. Plain data that a template writes down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Words:
    """A paragraph, or with ``kind="code"`` a command to copy."""

    text: str
    kind: Literal["words", "code"] = "words"


@dataclass(frozen=True)
class Facts:
    """Names and what they are, in two columns."""

    rows: tuple[tuple[str, str], ...]
    kind: Literal["facts"] = "facts"


@dataclass(frozen=True)
class Cell:
    """A cell of two lines: what it says, and below it in small letters what goes with it."""

    text: str
    below: str


@dataclass(frozen=True)
class Listing:
    """A table whose first column names the row.

    Attributes
    ----------
    caption : str
    columns : tuple of str
    rows : tuple of tuple
        Of str, numbers, bool, `Cell`, or None where there is nothing.
    text : int
        So many of the first columns are words, which may be broken into lines.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    text: int = 0
    kind: Literal["listing"] = "listing"


@dataclass(frozen=True)
class Drawing:
    """A picture as SVG text, and what it shows for those who can't see it."""

    svg: str
    caption: str
    kind: Literal["drawing"] = "drawing"


@dataclass(frozen=True)
class Fold:
    """What is shown to whoever asks for it, below a line that says what it is."""

    summary: str
    blocks: tuple[Any, ...]
    kind: Literal["fold"] = "fold"


Block = Words | Facts | Listing | Drawing | Fold


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Headline:
    """A number to see first: what it is, the number, and a line below."""

    name: str
    number: str
    below: str = ""
