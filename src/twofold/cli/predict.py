"""``twofold predict``: a model's predictions for the rows of a table."""

from __future__ import annotations

from contextlib import closing
from io import TextIOWrapper
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, cast

from typer import Argument, Option

from twofold.cli.options import AS_JSON, takes
from twofold.cli.table_options import Reading
from twofold.values import count

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa
    from numpy.typing import NDArray

    from twofold.saving import Model

MODEL = Annotated[Path, Argument(help="A model that --save wrote.", show_default=False)]
TABLE = Annotated[Path, Argument(help="A table: CSV, TSV, Parquet, a folder.", show_default=False)]


@takes(Reading)
def predict(
    reading: Reading,
    *,
    model: MODEL,
    file: TABLE,
    output: Annotated[
        Path | None,
        Option("--output", "-o", help="Where they go: .csv or .tsv, in UTF-8, or .parquet; else standard output."),
    ] = None,
    probabilities: Annotated[bool, Option("--probabilities", help="The probability of each class too.")] = False,
    interval: Annotated[
        float | None,
        Option("--interval", help="Of numbers: the ends that hold so many of them, 0.9 for 90 %, in two columns more."),
    ] = None,
    escape_formulas: Annotated[
        bool, Option("--escape-formulas", help="An apostrophe before texts that a spreadsheet would compute: =1+1.")
    ] = False,
    as_json: AS_JSON = False,
) -> None:
    """Predict for each row of a table, in their order; what is not as in the training set is counted and reported."""
    from twofold.cli.apply import open_model_rows
    from twofold.cli.screen import Screen
    from twofold.errors import SpecificationError
    from twofold.files import check_place
    from twofold.saving import load_model
    from twofold.tables.writing import check_name_of_table, write_blocks, write_csv

    if output is not None:
        check_name_of_table(output, escape_formulas=escape_formulas)
        check_place(output)
    elif as_json:
        raise SpecificationError("--json prints one object on standard output; name a file for the table with --output")
    # Predictions may go to standard output, so what is told of them does not.
    screen = Screen(as_json=as_json, aside=True)
    trained = load_model(model)
    names: list[str] = []
    with open_model_rows(screen, trained, file, **vars(reading)) as rows:

        def predictions_of(_: pa.Table, X: NDArray[Any]) -> pa.Table:
            return _predictions(trained, X, probabilities=probabilities, interval=interval)

        def predicted() -> Iterator[pa.Table]:
            """Predict block by block, while the next ones are read."""
            with closing(rows.computed(predictions_of)) as tables:
                for table in tables:
                    names[:] = table.column_names
                    yield table

        if output is None:
            with SpooledTemporaryFile(1 << 24) as spool:  # all or nothing, as with a file
                n = write_csv(predicted(), spool, escape_formulas=escape_formulas)
                spool.seek(0)
                text = TextIOWrapper(cast("BinaryIO", spool), encoding="utf-8", newline="")
                screen.data(iter(lambda: text.read(1 << 20), ""))
        else:
            n = write_blocks(predicted(), output, escape_formulas=escape_formulas)
            screen.say(f"{count(n, 'row')}: {output}")
    screen.result({"rows": n, "columns": names, "output": str(output), "notes": rows.notes})


def _predictions(model: Model, X: NDArray[Any], *, probabilities: bool, interval: float | None) -> pa.Table:
    """Make a table: a column of the target's name, one for each class's probability, two for an interval's ends."""
    import pyarrow as pa

    from twofold.inspect.table_rows import target_of

    target = target_of(model)
    predicted = model.predict(X)
    names, columns = [target.name or "prediction"], [predicted if predicted.ndim == 1 else predicted[:, 0]]
    if probabilities:
        P = model.probabilities(X)
        names += [f"P({name})" for name in model.classes or range(P.shape[1])]
        columns += [*P.T]
    if interval is not None:
        from twofold.saving.intervals import predict_interval

        names += [f"{names[0]} {end}" for end in ("low", "high")]
        columns += predict_interval(model, X, interval)
    return pa.table([pa.array(column) for column in columns], names=names)
