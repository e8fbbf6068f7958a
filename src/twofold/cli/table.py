"""Linear regression of a table on disk, for ``twofold train linear FILE --target COLUMN``."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
from rich.progress import BarColumn, TimeRemainingColumn

from twofold.cli.options import JobOptions
from twofold.cli.screen import Screen, bars_on, field
from twofold.cli.table_options import TableOptions
from twofold.data.dataset import Samples
from twofold.data.tables import TableFile, open_table, read_blocks
from twofold.errors import DataError, SpecificationError
from twofold.network import Network
from twofold.saving import Model, save_model
from twofold.solvers.influence import MAX_LEFT_OUT, left_out_scores
from twofold.solvers.solution import LeastSquares
from twofold.solvers.summary import summarize
from twofold.validation import floats

MAX_BYTES_IN_MEMORY = 1 << 28  # bytes of file up to which a table is loaded, and SGD is run beside the exact solution


def large_table(screen: Screen, options: JobOptions, path: Path, table_options: TableOptions) -> TableFile | None:
    """Look at the columns of a file that is too large for memory; None if it isn't.

    Parameters
    ----------
    screen : Screen
    options : JobOptions
    path : Path
    table_options : TableOptions
        With a target.

    Returns
    -------
    TableFile or None

    Raises
    ------
    SpecificationError
        If it is too large for what is asked for.
    DataError
        If a column is not there, or not of numbers.
    """
    if not path.is_file() or path.stat().st_size <= MAX_BYTES_IN_MEMORY or table_options.target is None:
        return None
    if options.model != "linear":
        return None
    if options.loss not in (None, "squared"):
        raise SpecificationError(f"{path} is solved in one pass, by least squares of all rows; leave out --loss")
    written = (
        table_options.decimal
        or table_options.dates
        or table_options.zone
        or table_options.gaps
        or table_options.encoding
    )
    if (
        table_options.drop
        or table_options.test_fraction
        or table_options.kinds
        or written
        or table_options.header is False
    ):
        raise SpecificationError(
            f"{path} has {path.stat().st_size / 1e6:.0f} MB and is solved in one pass, by least squares of all rows; "
            "leave out --drop, --kinds, --decimal, --dates, --zone, --gaps, --encoding, --no-header and "
            "--test-fraction, and name the columns with --features"
        )
    table = open_table(
        path, table_options.target, features=table_options.names("features"), weight=table_options.weight
    )
    return _without_row_numbers(screen, table, table_options)


def _without_row_numbers(screen: Screen, table: TableFile, table_options: TableOptions) -> TableFile:
    """Leave out the columns that number the rows of the first block."""
    from twofold.cli.table_job import numbered_columns

    with closing(read_blocks(table)) as blocks:
        first = next(blocks, None)
    if first is None:
        return table
    rows = pa.table({name: first.Z[:, 1 + k] for k, name in enumerate(table.features)})
    numbered = numbered_columns(screen, rows, table_options)
    features = tuple(name for name in table.features if name not in numbered)
    if not features:
        raise DataError(
            f"{table.path}: every column but {table.target!r} numbers the rows; name those to keep: --features"
        )
    return replace(table, features=features)


def fit_table(screen: Screen, table: TableFile, result: dict[str, Any], *, save: Path | None = None) -> None:
    """Solve linear regression of a table too large for memory, in one pass with a bar, and print its summary.

    Parameters
    ----------
    screen : Screen
    table : TableFile
    result : dict
        Of the command's JSON object, what is known so far.
    save : Path, optional
        Where the model goes, before anything is told of it.
    """
    from twofold.cli.show import tell_saved
    from twofold.estimators.files import fit_file

    screen.say(f"linear regression of {table.path}, {table.size / 1e6:.0f} MB, exactly and in one pass")
    columns = field("description"), BarColumn(), TimeRemainingColumn()
    with bars_on(screen.console, *columns, transient=True) as bar:
        task = bar.add_task("reading", total=1.0)

        def show(rows: int, fraction: float) -> None:
            bar.update(task, completed=fraction, description=f"{rows:,} rows")

        fit = fit_file(table.path, table.target, features=table.features, weight=table.weight, progress=show)
    result |= {"data": table.path.name, "epochs": []}
    if save is not None:
        network = Network((len(table.features), 1), loss="squared")
        model = Model(
            network=network,
            parameters=fit.solution.parameters,
            features=table.features,
            target=table.target,
            data_name=table.path.name,
        )
        result |= {"saved": str(save), "sha256": save_model(save, model)}
    try:
        result |= tell_summary(screen, fit.solution, table.features, table.target)
        if save is not None:
            tell_saved(screen, save)
    finally:
        screen.result(result)


def tell_summary(
    screen: Screen, solution: LeastSquares, features: tuple[str, ...], target: str, *, samples: Samples | None = None
) -> dict[str, Any]:
    """Print the statistics of an exact solution; none where columns depend on each other.

    With the samples that were fitted it says what to expect of new ones.
    """
    if solution.rank < len(features):
        screen.say(f"only {solution.rank} of {len(features)} columns are independent; many solutions are exact")
        return {"summary": None}
    left_out = None
    if samples is not None and len(samples) <= MAX_LEFT_OUT:
        X = floats(samples.X.reshape(len(samples), -1), "float64")
        left_out = left_out_scores(solution, X, samples.y, samples.sample_weight)
    summary = summarize(solution, names=features, target_names=[target], left_out=left_out)
    screen.console.print(summary)
    return {"summary": summary.to_dict()}
