"""``twofold plot importance`` and ``dependence``: what matters in a table, drawn and in numbers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from twofold.cli.screen import Screen
from twofold.errors import SpecificationError
from twofold.values import count

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from twofold.inspect.dependence import Dependence
    from twofold.inspect.importance import Importance
    from twofold.inspect.table_rows import TableRows
    from twofold.saving import Model

SUBJECTS = ("importance", "dependence")


def draw_of_table(
    screen: Screen, subject: str, file: str, table: Path | None, *, column: str = "", score: str = ""
) -> tuple[Axes, dict[str, Any]]:
    """Draw what matters in a table, and print the numbers.

    Parameters
    ----------
    screen : Screen
    subject : str
        One of `SUBJECTS`.
    file : str
        Of a model.
    table : Path, optional
        Rows with their target.
    column : str
        That predictions depend on; for ``"dependence"``.
    score : str
        What drops; for ``"importance"``; "" for the usual one.

    Returns
    -------
    Axes, and a dict for the command's JSON object.

    Raises
    ------
    SpecificationError
        If a word is missing, or has no use here.
    """
    from twofold.saving import load_model

    if table is None:
        more = " --column COLUMN" if subject == "dependence" else ""
        raise SpecificationError(f"of which rows? name a table: twofold plot {subject} {file} --data rows.csv{more}")
    if subject == "dependence" and not column:
        raise SpecificationError("on which column? name it: --column COLUMN")
    rows = _rows(screen, load_model(file), table)
    if subject == "importance":
        from twofold.inspect.importance import column_importance

        found = column_importance(rows, score=score or None)
        tell_importance(screen, found)
        return found.plot(), found.to_dict()
    from twofold.inspect.dependence import partial_dependence

    curves = partial_dependence(rows, column)
    _tell_dependence(screen, curves)
    return curves.plot(), curves.to_dict()


def _rows(screen: Screen, model: Model, path: Path) -> TableRows:
    from twofold.cli.apply import open_rows
    from twofold.inspect.table_rows import TableRows

    rows = TableRows.of(model, open_rows(screen, model, path)[0])
    if rows.trained_on:
        screen.say(f"the model was trained on these rows; what matters is told better by others than {path}")
    return rows


def tell_importance(screen: Screen, found: Importance) -> None:
    """Print the importance of each column."""
    change = "rises by" if found.score in ("MAE", "log loss") else "drops by"
    title = f"{found.score} is {found.baseline:.4g} in {count(found.rows, 'row')}; with a column shuffled it {change}"
    rows = [(each.name, f"{each.value:.4g}", each.interval) for each in found.columns]
    screen.table(title, ("column", change, "95 % interval"), rows)


def _tell_dependence(screen: Screen, curves: Dependence) -> None:
    """Print the mean prediction for each value of the column, and where most rows' own lie."""
    values = [value if isinstance(value, str) else f"{value:.6g}" for value in curves.values]
    if len(curves.outputs) > 1:
        columns = (curves.column, "rows", *curves.outputs)
        rows = [
            (value, str(n), *(f"{p:.4f}" for p in mean))
            for value, n, mean in zip(values, curves.counts, curves.mean, strict=True)
        ]
        screen.table(f"mean probabilities, {count(curves.rows, 'row')}", columns, rows)
        return
    told = zip(values, curves.counts, curves.mean[:, 0], curves.low[:, 0], curves.high[:, 0], strict=True)
    rows = [(value, str(n), f"{mean:.4g}", f"{low:.4g} to {high:.4g}") for value, n, mean, low, high in told]
    columns = (curves.column, "rows", "mean", "80 % of the rows")
    screen.table(f"prediction of {curves.outputs[0]}, {count(curves.rows, 'row')}", columns, rows)
