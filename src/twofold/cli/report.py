"""``--report``, and ``twofold report``: a page about a run, or about several."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from twofold.cli.options import AS_JSON, LANGUAGE, ROOT, Hardware
from twofold.cli.table_options import TableOptions

if TYPE_CHECKING:
    from twofold.cli.job import Job, OpenedTable
    from twofold.cli.screen import Screen
    from twofold.cli.table_scores import HeldOutScores
    from twofold.cli.trainer import Trained
    from twofold.data import Dataset
    from twofold.engines import Engine
    from twofold.inspect import Comparison
    from twofold.report import Subject
    from twofold.report.table_story import TableStory
    from twofold.saving import Model

MAX_STORED = 10_000  # rows of a packed table that are looked at one by one

FILES = Annotated[list[Path], Argument(help="One model that --save wrote, or several to compare.", show_default=False)]


def report(
    files: FILES,
    *,
    data: Annotated[str, Option("--data", help="What to judge on: a set's name, a folder of IDX files, or a table.")],
    root: ROOT = None,
    output: Annotated[Path, Option("--output", "-o", help="Where the page goes.")] = Path("report.html"),
    language: LANGUAGE = None,
    as_json: AS_JSON = False,
) -> None:
    """Write a report of a saved model, or of several beside each other: one page of HTML that needs nothing else."""
    from twofold.cli.screen import Screen
    from twofold.files import check_place
    from twofold.report import render_comparison, render_report
    from twofold.saving import load_model

    screen = Screen(as_json=as_json, language=language)
    check_place(output)
    models = [load_model(file) for file in files]
    names = [file.stem for file in files]
    if len(set(names)) < len(names):
        names = [str(file) for file in files]
    subjects = [
        _subject(screen, file, model, data, root=root, name=name)
        for file, model, name in zip(files, models, names, strict=True)
    ]
    if len(subjects) == 1:
        page = render_report(subjects[0], screen.language)
    else:
        page = render_comparison(subjects, language=screen.language)
    screen.result({"models": list(map(str, files)), "data": subjects[0].data.name, **write_page(screen, output, page)})


def _subject(screen: Screen, file: Path, model: Model, data: str, *, root: Path | None, name: str) -> Subject:
    """Return a model beside what it is judged on, in its own units: the rows of a table, or a data set."""
    from twofold.cli.evaluate import rows_file, table_rows
    from twofold.data import load_dataset
    from twofold.errors import SpecificationError
    from twofold.report import Subject

    if (table := rows_file(model, data)) is not None:
        if model.encoder is None and not (model.features and model.target):
            return Subject(model, table_rows(screen, model, table), name=name, rows_alone=True)
        story, rows = _story_of_rows(screen, model, table)
        return Subject(model, rows, name=name, rows_alone=True, table=story)
    if model.encoder is not None:
        raise SpecificationError(f"{file} reads a table; name one: --data rows.csv")
    with screen.downloading() as progress:
        return Subject(model, load_dataset(data, root, progress=progress), name=name)


def write_page(screen: Screen, path: Path, page: str) -> dict[str, Any]:
    """Write a page to a file, all or nothing, and say so.

    Parameters
    ----------
    screen : Screen
    path : Path
    page : str

    Returns
    -------
    dict
        For the command's JSON object.
    """
    from twofold.files import replacing

    with replacing(path) as file:
        file.write(page.encode())
    screen.say(f"report: {path}")
    return {"report": str(path)}


def refuse_report(path: Path | None, file: Path) -> None:
    """Raise `SpecificationError` if a report is wanted of a table that doesn't fit into memory."""
    from twofold.errors import SpecificationError

    if path is not None:
        raise SpecificationError(f"{file} is too large to judge a model on in memory; leave --report out")


def report_run(
    screen: Screen,
    path: Path,
    model: Model,
    *,
    job: Job,
    hardware: Hardware,
    table_options: TableOptions,
    file: Path | None,
    table: TableStory | None = None,
) -> dict[str, Any]:
    """Write the report of a run that has just ended.

    Parameters
    ----------
    screen : Screen
    path : Path
    model : Model
        Trained, with its history.
    job : Job
    hardware, table_options
        Of the command line; the engine's name settled.
    file : Path, optional
        The table that was trained on.
    table : TableStory, optional
        What else is told of it.

    Returns
    -------
    dict
        For the command's JSON object.
    """
    from twofold.cli.repeat_command import repeat_command
    from twofold.report import Subject, render_report

    command = repeat_command("train", job.options, job.recipe, hardware, table_options, file=file)
    subject = Subject(
        model,
        _own_units(_in_memory(job.raw)),
        job.options.model,
        command,
        hardware.engine,
        _details(job.options.first_weights, hardware),
        model.data_hash,
        table=table,
    )
    return write_page(screen, path, render_report(subject, screen.language))


def table_story(opened: OpenedTable, trained: Trained, held_out: HeldOutScores | None) -> TableStory | None:
    """Put together what a report tells of a table that was trained on; None if none was."""
    from twofold.cli.table_scores import score_training
    from twofold.inspect.table_rows import TableRows, describe_columns, target_of
    from twofold.report.table_story import TableStory

    problem, cells, model, data = opened.problem, opened.table, trained.model, opened.raw
    if problem is None and cells is None:
        return None
    validation = None if problem is None else problem.validation
    rows = None
    if cells is None:
        rows = None if data.test is None else TableRows.of_packed(model, data.test, MAX_STORED)
    elif problem is not None and len(tests := problem.test_rows):
        rows = TableRows.of(model, cells.take(tests), numbers=tests)
    elif not model.network.hidden and validation is None:
        rows = TableRows.of(model, cells)
    parts = {"training": data.train, "validation": validation, "test": data.test}
    counts = {name: len(part) for name, part in parts.items() if part is not None}
    return TableStory(
        target=target_of(model),
        columns=describe_columns(model, cells),
        missing={} if problem is None else {name: noted["missing"] for name, noted in problem.notes.items()},
        features=data.inputs,
        counts=counts | {"without target": 0 if problem is None else problem.dropped},
        scores=score_training(model, _in_memory(data)) if held_out is None else held_out.models,
        rows=rows,
        runs=trained.runs,
        kept=trained.kept,
        linear_weight=trained.linear_weight,
        remarks=() if problem is None else problem.remarks,
        packed=cells is None,
    )


def _story_of_rows(screen: Screen, model: Model, path: Path) -> tuple[TableStory, Dataset]:
    """Read a table's rows to judge a model by that was trained on another; with them as a data set."""
    from twofold.baselines.comparison import score_outputs
    from twofold.cli.evaluate import scored_rows
    from twofold.cli.table_scores import model_name
    from twofold.data import Dataset, Samples
    from twofold.inspect.table_rows import TableRows, describe_columns, target_of
    from twofold.report.table_story import TableStory

    table, _, _, unknown, more = scored_rows(screen, model, path)
    rows = TableRows.of(model, table)
    y = rows.y if rows.classes else rows.y[:, None]
    data = Dataset(path.stem, Samples(rows.X, y), classes=model.classes, features=model.features, target=model.target)
    return TableStory(
        target=target_of(model),
        columns=describe_columns(model, table),
        missing={name: noted.get("missing", 0) for name, noted in more["notes"].items()},
        features=model.network.inputs,
        counts={"judged": len(rows), "unknown": unknown, "without target": more["dropped"]},
        scores={model_name(model): score_outputs(rows.outputs(), rows.y, unknown=unknown)},
        rows=rows,
        runs=(model.history,) if model.history else (),
    ), data


def _in_memory(data: Dataset) -> Dataset:
    """Bring evenly spread rows of what is on disk into memory, of the part that a model is judged on."""
    from dataclasses import replace

    from twofold.data import Samples
    from twofold.data.stored import Stored, evenly_spread

    if not isinstance(data.train.X, Stored):
        return data
    parts = {}
    for name, most in {"train": MAX_STORED if data.test is None else 2, "test": MAX_STORED}.items():
        if (samples := getattr(data, name)) is not None:
            rows = evenly_spread(len(samples), most)
            parts[name] = Samples(samples.X[rows], samples.y[rows])
    return replace(data, **parts)


def _own_units(data: Dataset) -> Dataset:
    """Bring the numbers to predict of a table, which may be standardised, back into their own units."""
    from dataclasses import replace

    scaling = data.scaling
    if scaling is None:
        return data
    parts = {
        name: replace(samples, y=scaling.unscaled_targets(samples.y))
        for name in ("train", "test")
        if (samples := getattr(data, name)) is not None
    }
    return replace(data, **parts)


def report_comparison(
    screen: Screen,
    path: Path,
    engines: list[Engine],
    *,
    job: Job,
    steps: list[Comparison],
    dtype: str,
) -> dict[str, Any]:
    """Write the report of two engines in lockstep.

    Parameters
    ----------
    screen : Screen
    path : Path
    engines : list of Engine
        The two, trained.
    job : Job
    steps : list of Comparison
    dtype : str

    Returns
    -------
    dict
        For the command's JSON object.
    """
    from twofold.cli.repeat_command import repeat_command
    from twofold.models import in_data_units
    from twofold.report import Subject, render_comparison
    from twofold.saving import Model

    names = [engine.name for engine in engines]
    command = repeat_command("compare", job.options, job.recipe, engines=",".join(names), dtype=dtype)
    details, subjects = _details(job.options.first_weights, Hardware(dtype=dtype)), []
    for index, engine in enumerate(engines):
        records = [in_data_units(step.records[index], job.data, job.network.loss) for step in steps]
        model = Model.of(engine, job.data, raw=job.raw, recipe=job.recipe, history=records)
        name = engine.name if len(set(names)) == len(names) else f"{engine.name} {index + 1}"
        subjects.append(Subject(model, job.raw, name, command, engine.name, details))
    title = f"{job.options.model} {subjects[0].widths} on {job.raw.name}: {' and '.join(s.name for s in subjects)}"
    return write_page(screen, path, render_comparison(subjects, steps=steps, title=title, language=screen.language))


def _details(first: Mapping[str, Any], hardware: Hardware) -> dict[str, str]:
    """Tell what the recipe doesn't: first weights and hardware."""
    how = first["initialization"]
    drawn = f"{how}, sigma {first['sigma']:g}" if how == "normal" else how
    found = {"first weights": f"{drawn}, seed {first['seed']}", "device": hardware.device}
    found |= {"precision": hardware.precision} if hardware.precision else {}
    return found | ({"threads": str(hardware.threads)} if hardware.threads else {})
