"""``twofold predict``: a model's predictions for the rows of a table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from twofold.cli.options import AS_JSON
from twofold.values import count

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from twofold.saving import Model

MODEL = Annotated[Path, Argument(help="A model that --save wrote.", show_default=False)]
TABLE = Annotated[Path, Argument(help="A table: CSV, TSV, Parquet, a folder.", show_default=False)]
HEADER = Annotated[bool, Option("--header/--no-header", help="The first line names the columns, or not.")]


def predict(
    model: MODEL,
    file: TABLE,
    *,
    output: Annotated[
        Path | None, Option("--output", "-o", help="Where they go: .csv, .tsv or .parquet; else standard output.")
    ] = None,
    probabilities: Annotated[bool, Option("--probabilities", help="The probability of each class too.")] = False,
    header: HEADER = True,
    as_json: AS_JSON = False,
) -> None:
    """Predict for each row of a table, in their order; what is not as in the training set is counted and told."""
    from rich.console import Console

    from twofold.cli.apply import open_rows
    from twofold.cli.screen import Screen
    from twofold.errors import SpecificationError
    from twofold.files import check_place
    from twofold.saving import load_model
    from twofold.tables.writing import check_name_of_table, write_table

    if output is not None:
        check_name_of_table(output)
        check_place(output)
    elif as_json:
        raise SpecificationError("--json prints one object on standard output; name a file for the table with --output")
    # Predictions may go to standard output, so what is told of them does not.
    screen = Screen(as_json=as_json, console=None if as_json else Console(stderr=True, highlight=False))
    trained = load_model(model)
    _, X, notes = open_rows(screen, trained, file, header=header)
    table = _predictions(trained, X, probabilities=probabilities)
    write_table(table, output)
    if output is not None:
        screen.say(f"{count(table.num_rows, 'row')}: {output}")
    screen.result({"rows": table.num_rows, "columns": table.column_names, "output": str(output), "notes": notes})


def _predictions(model: Model, X: NDArray[Any], *, probabilities: bool) -> pa.Table:
    """Make a table of predictions: a column of the target's name, and one for each class's probability."""
    import pyarrow as pa

    from twofold.cli.apply import target_of

    target = target_of(model)
    predicted = model.predict(X)
    columns = {target.name or "prediction": predicted if predicted.ndim == 1 else predicted[:, 0]}
    if probabilities:
        P = model.probabilities(X)
        names = model.classes or tuple(map(str, range(P.shape[1])))
        columns |= {f"P({name})": P[:, k] for k, name in enumerate(names)}
    return pa.table(columns)
