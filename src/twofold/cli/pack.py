"""``twofold pack``: a table, once and for all, as rows of fixed width that training reads window by window."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from twofold.cli.options import AS_JSON, takes
from twofold.cli.table_options import ColumnOptions
from twofold.values import count


@takes(ColumnOptions)
def pack(
    column_options: ColumnOptions,
    *,
    file: Annotated[Path, Argument(help="A table: CSV, TSV, Parquet, a folder.", show_default=False)],
    output: Annotated[Path, Option("--output", "-o", help="The folder to make.", show_default=False)],
    seed: Annotated[int, Option("--seed", help="Of the rows that are held out.")] = 0,
    as_json: AS_JSON = False,
) -> None:
    """Pack a table that is larger than memory, to train an mlp on it: twofold train mlp FOLDER."""
    from twofold.cli.screen import Screen
    from twofold.cli.table_job import check_columns, numbered_columns
    from twofold.cli.table_notes import tell_forms, tell_table
    from twofold.errors import SpecificationError
    from twofold.table_defaults import table_defaults
    from twofold.tables.column_inference import Choices
    from twofold.tables.forms import Forms
    from twofold.tables.packing import Packing, pack_table

    if column_options.target is None:
        raise SpecificationError(f"which column of {file} is to be predicted? name it with --target")
    check_columns(column_options)
    screen = Screen(as_json=as_json)

    def settle(rows: int, task: str) -> tuple[Choices, float]:
        usual = table_defaults("mlp", rows, task)
        return usual.choices, usual.validation_fraction

    how = Packing(
        target=column_options.target,
        settle=settle,
        numbered=lambda table, dates: numbered_columns(screen, table, column_options, dates=dates),
        weight=column_options.weight,
        task=column_options.task,
        keep=column_options.names("features"),
        drop=column_options.names("drop") or (),
        kinds=column_options.kinds_by_name(),
        said=Forms(
            decimal=column_options.decimal,
            dates=column_options.dates,
            zone=column_options.zone,
            gaps=tuple(column_options.names("gaps") or ()),
        ),
        header=column_options.header,
        encoding=column_options.encoding,
        test_fraction=0.2 if column_options.test_fraction is None else column_options.test_fraction,
        validation_fraction=column_options.validation_fraction,
        seed=seed,
    )
    packed = pack_table(file, output, how, screen.say)
    problem = packed.problem()
    tell_table(screen, problem, {})
    tell_forms(screen, problem)
    size = sum(each.stat().st_size for each in output.iterdir())
    drawn = f", learned of {packed.learned:,} of them" if packed.learned < packed.rows else ""
    wide = packed.record_type.itemsize
    screen.say(f"{count(packed.rows, 'row')}{drawn}: {output} ({size / 1e6:,.1f} MB, {wide} bytes a row)")
    screen.result({"rows": packed.sizes, "learned": packed.learned, "bytes": size, "output": str(output)})
