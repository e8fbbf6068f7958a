"""``twofold evaluate``: how good a model is on rows or images that it has not seen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from twofold.cli.options import AS_JSON, ROOT
from twofold.cli.predict import MODEL
from twofold.cli.table_options import ENCODING, HEADER
from twofold.values import count

if TYPE_CHECKING:
    from collections import Counter

    import pyarrow as pa
    from numpy.typing import NDArray

    from twofold.cli.screen import Screen
    from twofold.data import Dataset
    from twofold.saving import Model
    from twofold.tables.targets import Target


def evaluate(
    model: MODEL,
    file: Annotated[Path | None, Argument(help="A table with the target.", show_default=False)] = None,
    *,
    data: Annotated[str | None, Option("--data", help="The table; or a data set, whose test set is taken.")] = None,
    root: ROOT = None,
    header: HEADER = None,
    encoding: ENCODING = None,
    as_json: AS_JSON = False,
) -> None:
    """Score a model: accuracy, log loss and confusion matrix, or R2, RMSE and MAE, with 95 % intervals."""
    from twofold.baselines.comparison import score_outputs
    from twofold.cli.screen import Screen
    from twofold.cli.table_notes import tell_scores
    from twofold.cli.table_scores import tell_confusion
    from twofold.errors import SpecificationError
    from twofold.inspect.table_rows import outputs_to_score, target_of
    from twofold.saving import load_model

    if (file is None) == (data is None):
        raise SpecificationError("give a table, or a data set with --data NAME: one of the two")
    screen = Screen(as_json=as_json)
    trained = load_model(model)
    file = file or rows_file(trained, str(data))
    if file is not None:
        target = target_of(trained)
        classes = bool(target.classes)
        reading: dict[str, Any] = {"header": header, "encoding": encoding, "column": target.name}
        found = scored_rows(
            screen, trained, file, compute=lambda X: outputs_to_score(trained, X, classes=classes), **reading
        )
        _, outputs, y, unknown, more = found
        name = str(file)
    else:
        X, y = _data_set(screen, trained, str(data), root)
        outputs = outputs_to_score(trained, X, classes=y.ndim == 1)
        name, unknown, more = f"test set of {data}", 0, {}
    rows, y = len(y) + unknown, y if y.ndim == 1 else y[:, 0]
    scores = tell_scores(screen, f"{name}, {count(rows, 'row')}", score_outputs(outputs, y, unknown=unknown))
    result: dict[str, Any] = {"data": name, "rows": rows, "scores": scores, **more}
    if outputs.ndim == 2:
        result["confusion"] = tell_confusion(screen, trained, outputs, y)
    screen.result(result)


def scored_rows(
    screen: Screen, model: Model, path: Path, **how: Any
) -> tuple[pa.Table, NDArray[Any], NDArray[Any], int, dict[str, Any]]:
    """Return a table, features and targets of its rows that have a target, and how many are of a class unknown.

    With ``how`` of `open_rows` it is not features but what is computed of them.

    Rows whose target can't be, such as a class that the model was not trained on, are listed. They have no place among
    the targets; classes among them are to be scored as wrong, while numbers that can't be read are left out.
    """
    from twofold.cli.apply import open_rows
    from twofold.cli.table_notes import without
    from twofold.errors import DataError
    from twofold.inspect.table_rows import target_of

    target = target_of(model)
    table, X, notes = open_rows(screen, model, path, **how)
    if target.name not in table.column_names:
        raise DataError(f"{path}: there is no column {target.name!r}, the target; to predict it: twofold predict")
    y, present, unknown = target.read_known(table.column(target.name))
    unread = sum(unknown.values())
    dropped = int((~present).sum()) - unread
    if dropped:
        screen.say(without(dropped, target.name))
    if not len(y):
        target.read(table.column(target.name))  # which says what it holds instead, if anything
        raise DataError(f"{path}: no row has a value of {target.name!r}; there is nothing to score by")
    if unknown:
        screen.say(_strange(target, unknown))
    more = {"notes": notes, "dropped": dropped, "unknown": dict(unknown)}
    return table, X[present], y, unread if target.classes else 0, more


def _strange(target: Target, unknown: Counter[str]) -> str:
    """Say which targets are none that the model can predict, and what becomes of their rows."""
    one = sum(unknown.values()) == 1
    rows, is_, has = count(sum(unknown.values()), "row"), "is" if one else "are", "has" if one else "have"
    names = ", ".join(repr(name[:40]) for name, _ in unknown.most_common(4)) + (", ..." if len(unknown) > 4 else "")
    if not target.classes:
        return f"{rows} {has} {names} in {target.name}, which is no number, and {is_} left out"
    return (
        f"{rows} {is_} of a class that the model was not trained on, {names}: wrong in the accuracy, "
        "left out of the log loss and the confusion matrix"
    )


def rows_file(model: Model, name: str) -> Path | None:
    """Return the table that ``--data`` names; None if it names a data set."""
    path = Path(name)
    return path if path.is_file() or (model.encoder is not None and path.is_dir()) else None


def table_rows(screen: Screen, model: Model, path: Path) -> Dataset:
    """Read a table's rows as the model reads them, as a data set; those without a target are left out."""
    from twofold.data import Dataset, Samples

    _, X, y, _, _ = scored_rows(screen, model, path)
    names = model.features if len(model.features) == X.shape[1] else ()
    return Dataset(path.stem, Samples(X, y), classes=model.classes, features=names, target=model.target)


def _data_set(screen: Screen, model: Model, name: str, root: Path | None) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return features and targets of a data set's test samples."""
    from twofold.data import load_dataset
    from twofold.errors import DataError, SpecificationError

    if model.encoder is not None:
        raise SpecificationError("the model was trained on a table; name one: --data rows.csv")
    with screen.downloading() as progress:
        dataset = load_dataset(name, root, progress=progress)
    if dataset.test is None:
        raise DataError(f"{name} has no test set; evaluate on another set, or on a table")
    if dataset.classes != model.classes or dataset.target != model.target:
        raise SpecificationError(f"the model predicts {_what(model)}; {name} has {_what(dataset)}")
    return dataset.test.X, dataset.test.y


def _what(thing: Any) -> str:
    classes = f" of {', '.join(thing.classes[:5])}{', ...' if len(thing.classes) > 5 else ''}" if thing.classes else ""
    return f"{thing.target or 'a target'}{classes}"
