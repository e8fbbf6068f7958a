"""The options about a table: which columns, which rows."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated

from typer import Option

from twofold.errors import SpecificationError

HEADER = Annotated[
    bool | None,
    Option("--header/--no-header", help="The first line names the columns, or not: column1, column2, ..."),
]
ENCODING = Annotated[
    str | None, Option("--encoding", help="Of a CSV file: cp1252, gb18030, utf-16, ...; else found, or guessed.")
]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How a file of cells is written, where that isn't found."""

    header: HEADER = None
    encoding: ENCODING = None


@dataclass(frozen=True, kw_only=True)
class ColumnOptions:
    """What is made of a table's columns, and which rows are held out: the command line's words, not yet checked."""

    target: Annotated[str | None, Option("--target", help="The table's column to predict.")] = None
    task: Annotated[str | None, Option("--task", help="classification or regression; seen from the target.")] = None
    features: Annotated[
        str | None, Option("--features", help="Its columns to keep and predict from: a,b; else all.")
    ] = None
    drop: Annotated[str | None, Option("--drop", help="Its columns to leave alone: a,b.")] = None
    kinds: Annotated[
        str | None, Option("--kinds", help="Kinds of columns: a=category,b=date; also number, boolean.")
    ] = None
    decimal: Annotated[
        str | None,
        Option("--decimal", help="The decimal mark, . or , (the other one stands between thousands); inferred."),
    ] = None
    dates: Annotated[
        str | None, Option("--dates", help="The form of dates, in strptime's codes: %d/%m/%Y; inferred.")
    ] = None
    zone: Annotated[
        str | None, Option("--zone", help="The zone whose clock counts, for times with one: Europe/Berlin; else UTC.")
    ] = None
    gaps: Annotated[str | None, Option("--gaps", help="Cells that hold no value, besides the usual: -200,none.")] = None
    weight: Annotated[str | None, Option("--weight", help="Its column of sample weights.")] = None
    header: HEADER = None
    encoding: ENCODING = None
    test_fraction: Annotated[
        float | None, Option("--test-fraction", help="Rows held out to score the model; 0.2, and none for linear.")
    ] = None
    validation_fraction: Annotated[
        float | None, Option("--validation-fraction", help="Training rows held out to choose the epoch.")
    ] = None

    def names(self, option: str) -> list[str] | None:
        """Read ``"a,b"``; None if it isn't given."""
        words = getattr(self, option)
        return None if words is None else [name.strip() for name in words.split(",") if name.strip()]

    def kinds_by_name(self) -> dict[str, str]:
        """Read ``"zip=category"``; raise `SpecificationError` if that isn't names and kinds."""
        pairs = [pair.rpartition("=") for pair in self.names("kinds") or []]
        if any(not (name and mark) for name, mark, _ in pairs):
            raise SpecificationError(f"--kinds is {self.kinds!r}; expected column=kind, such as zip=category")
        return {name: kind for name, _, kind in pairs}


@dataclass(frozen=True, kw_only=True)
class TableOptions(ColumnOptions):
    """What is made of a table: the words of the command line, not yet checked."""

    members: Annotated[
        int | None,
        Option("--members", help="Networks whose mean an mlp is, each trained without another part of the rows."),
    ] = None
    refit: Annotated[
        bool, Option("--refit/--no-refit", help="Train again on all rows, the test rows too, once they are scored.")
    ] = True
    patience: Annotated[
        int | None, Option("--patience", help="Stop after so many epochs without a gain on those rows.")
    ] = None

    def refuse(self) -> None:
        """Raise `SpecificationError` if an option is given that only a table has a use for."""
        for name in self.given():
            raise SpecificationError(f"--{name.replace('_', '-')} is about a table; name its file")

    def given(self) -> list[str]:
        """Return the options that differ from their defaults."""
        return [field.name for field in fields(self) if getattr(self, field.name) != field.default]
