"""``twofold plot``: a picture of a model, saved or trained for it; of all activations; of a network by its widths."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from twofold.cli.options import AS_JSON, Hardware, JobOptions, names_file, parameters, takes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from twofold.cli.job import Job
    from twofold.cli.screen import Screen
    from twofold.data import Dataset
    from twofold.engines import Engine
    from twofold.saving import Model


@dataclass(frozen=True, kw_only=True)
class PictureOptions:
    """What is drawn, and in which style."""

    subject: Annotated[
        str,
        Argument(
            help="activations, xyplot, network, curves, weights, confusion, calibration, predictions, mistakes, "
            "layers, regions, fit, residuals, coefficients, surface, film; of a table importance or dependence.",
            show_default=False,
        ),
    ]
    output: Annotated[
        Path | None, Option("--output", "-o", help="Where the picture goes; SUBJECT.svg (film.gif) otherwise.")
    ] = None
    beside: Annotated[
        list[Path] | None, Option("--beside", help="For curves: a model file whose run is laid over; repeatable.")
    ] = None
    of: Annotated[
        str, Option("--of", help="For a film: regions or weights; for importance: R2, MAE, accuracy or log loss.")
    ] = ""
    column: Annotated[str, Option("--column", help="For dependence: the column that predictions depend on.")] = ""
    frames: Annotated[int, Option("--frames", help="For a film: most pictures.")] = 40
    theme: Annotated[str, Option("--theme", help="light, dark, or auto: an SVG that follows the screen.")] = "light"
    language: Annotated[str, Option("--language", help="Words in the picture: en or zh.")] = "en"


@dataclass(frozen=True, kw_only=True)
class PlotJob(JobOptions):
    """What a picture is of: a model file, or the words of a training, as for ``twofold train``."""

    model: Annotated[
        str,
        Argument(
            help="A model file; linear, softmax or mlp, trained first; for network widths such as 4-5-3; "
            "for activations and xyplot a name.",
            show_default=False,
        ),
    ] = ""
    table: Annotated[
        Path | None, Argument(help="For a saved model of a table: its rows, or others.", show_default=False)
    ] = None


@takes(PictureOptions, PlotJob, Hardware)
def plot(
    options: PictureOptions,
    job: PlotJob,
    hardware: Hardware,
    *,
    as_json: AS_JSON = False,
) -> None:
    """Draw a picture of a model, as SVG, PNG or PDF; trained for it, or read from a file that --save wrote."""
    from twofold.cli.plot_table import SUBJECTS as OF_TABLES
    from twofold.cli.screen import Screen
    from twofold.errors import SpecificationError, check_name
    from twofold.files import check_place
    from twofold.pictures import SUBJECTS
    from twofold.plots import check_film, check_picture, save, style

    screen = Screen(as_json=as_json)
    subject = check_name("picture", options.subject, ("activations", "xyplot", *SUBJECTS, *OF_TABLES, "film"))
    if subject == "xyplot" and not job.model:
        raise SpecificationError("xyplot of which function? name an activation, such as: twofold plot xyplot relu")
    if options.column and subject != "dependence":
        raise SpecificationError(f"--column is for dependence; {subject} has no use for it")
    path = options.output or Path("film.gif" if subject == "film" else f"{subject}.svg")
    (check_film if subject == "film" else check_picture)(path)
    check_place(path)
    with ExitStack() as stack:
        stack.enter_context(style(options.theme, language=options.language))  # type: ignore[arg-type] # it checks the word
        if subject == "film":
            film = _film(screen, job, hardware, path=path, of=options.of, frames=options.frames)
            more: dict[str, Any] = {"frames": film}
        elif subject in OF_TABLES:
            picture, more = _draw_of_table(screen, subject, job, options)
            save(picture, path)
        else:
            save(_draw(screen, subject, job, hardware=hardware, beside=options.beside or [])[0], path)
            more = {}
    screen.say(f"{subject}: {path} ({path.stat().st_size:,} bytes)")
    screen.result({"subject": subject, "picture": str(path), **more})


def _draw(screen: Screen, subject: str, job: PlotJob, *, hardware: Hardware, beside: list[Path]) -> list[Axes]:
    """Draw any picture but a film."""
    from twofold.errors import SpecificationError
    from twofold.pictures import draw

    if beside and subject != "curves":
        raise SpecificationError(f"--beside lays runs over each other's curves; {subject} has none")
    if subject in ("activations", "xyplot"):
        from twofold.plots import activation_plots, xyplot

        return [xyplot(job.model)] if job.model else activation_plots()
    widths = _widths(job.model) if subject == "network" else None
    if widths is not None:
        from twofold.plots import network_diagram

        return [network_diagram(widths)]
    if not job.model:
        raise SpecificationError(f"of which model? name a file, or linear, softmax or mlp, after {subject}")
    if subject == "curves" and beside:
        return _laid_over(screen, job, hardware, beside)
    return draw(subject, *_model(screen, subject, job, hardware))


def _draw_of_table(screen: Screen, subject: str, job: PlotJob, options: PictureOptions) -> tuple[Axes, dict[str, Any]]:
    """Draw what matters in the rows that ``--data`` or a second word names."""
    from twofold.cli.plot_table import draw_of_table
    from twofold.errors import SpecificationError

    if not names_file(job.model):
        raise SpecificationError(f"{subject} is of a saved model: twofold train mlp FILE --target COLUMN --save MODEL")
    _refuse_training_options(job)
    if job.table is not None and job.data is not None:
        raise SpecificationError(f"give --data {job.data} or the table {job.table}, not both")
    table = job.table or (None if job.data is None else Path(job.data))
    return draw_of_table(screen, subject, job.model, table, column=options.column, score=options.of)


def _widths(text: str) -> tuple[int, ...] | None:
    """Read ``"4-5-3"``; None if that is something else."""
    parts = text.split("-")
    return tuple(map(int, parts)) if len(parts) > 1 and all(part.isdecimal() for part in parts) else None


def _model(screen: Screen, subject: str, job: PlotJob, hardware: Hardware) -> tuple[Model, Dataset]:
    """Read the model from its file, or train it; with the data set, in its own units."""
    from twofold.cli.evaluate import rows_file, table_rows
    from twofold.cli.job import load
    from twofold.errors import SpecificationError
    from twofold.models import MODELS
    from twofold.saving import load_model

    if job.model in MODELS:
        if job.table is not None:
            raise SpecificationError(
                f"for a picture of a table's model: twofold train {job.model} {job.table} --target COLUMN --save FILE; "
                f"then twofold plot {subject} FILE {job.table}"
            )
        return _trained(screen, subject, job, hardware)
    if not names_file(job.model):
        from twofold.errors import check_name

        check_name("model", job.model, MODELS)
    _refuse_training_options(job)
    model = load_model(job.model)
    if job.table is not None and job.data is not None:
        raise SpecificationError(f"give --data {job.data} or the table {job.table}, not both")
    if (table := job.table or rows_file(model, str(job.data))) is not None:
        return model, table_rows(screen, model, table)
    if subject not in ("curves", "network") and (model.encoder is not None or _of_table(model, job)):
        raise SpecificationError(f"{job.model} reads a table; name it: twofold plot {subject} {job.model} TABLE")
    if (subject != "curves" and model.encoder is None) or job.data is not None:
        return model, load(screen, job.data or model.data_name or None, job.root)
    return model, _no_data(model)


def _of_table(model: Model, job: PlotJob) -> bool:
    """Tell whether a model was trained on a table of numbers, and no data set is named in its place."""
    from twofold.data.catalog import CATALOG

    return job.data is None and bool(model.features and model.target) and model.data_name not in CATALOG


def _no_data(model: Model) -> Dataset:
    """Return an empty set of the model's shape, for pictures that read no sample."""
    import numpy as np

    from twofold.data import Dataset, Samples

    return Dataset(model.data_name, Samples(np.zeros((0, model.network.inputs)), np.zeros((0, model.network.outputs))))


def _refuse_training_options(job: PlotJob) -> None:
    """Refuse an option that only a training reads: with a model file it would change nothing."""
    from twofold.errors import SpecificationError

    own, words = {"model", "data", "root", "table"}, vars(job) | job.recipe
    options = {each.name: each.default for each in parameters(type(job)) if each.name not in own}
    given = [name for name, default in options.items() if words.get(name, default) != default]
    if given:
        option = "--" + given[0].replace("_", "-")
        raise SpecificationError(f"{job.model} is trained already; {option} is for a model that is trained here")


def _trained(screen: Screen, subject: str, options: PlotJob, hardware: Hardware) -> tuple[Model, Dataset]:
    """Train as ``twofold train`` does."""
    from twofold.cli.trainer import Told
    from twofold.models import loss_unit
    from twofold.pictures import check_subject
    from twofold.saving import Model
    from twofold.training import train

    job, engine = _prepared(screen, options, hardware)
    if subject != "curves":  # all else can be told before the training
        check_subject(subject, Model.of(engine, job.data), job.raw)
    told = Told(screen, job)
    with screen.training(job.recipe, len(job.data.train), loss_unit=loss_unit(job.data, job.network.loss)) as bars:
        for _ in train(engine, job.data, job.recipe, [*bars, told]):
            pass
    return Model.of(engine, job.data, raw=job.raw, recipe=job.recipe, history=told.records), job.raw


def _prepared(screen: Screen, options: PlotJob, hardware: Hardware) -> tuple[Job, Engine]:
    from twofold.cli.job import check_options, load, open_engine_for, plan

    check_options(options, hardware)
    job = plan(screen, options, load(screen, options.data, options.root))
    return job, open_engine_for(job, hardware)


def _laid_over(screen: Screen, job: PlotJob, hardware: Hardware, beside: list[Path]) -> list[Axes]:
    """Draw the curves of several runs, each under its file's name."""
    from twofold.errors import SpecificationError
    from twofold.plots import panels, training_curves
    from twofold.saving import load_model

    model, _ = _model(screen, "curves", job, hardware)
    runs = {Path(job.model).stem: model.history}
    for path in beside:
        runs[path.stem if path.stem not in runs else str(path)] = load_model(path).history
    bare = [name for name, run in runs.items() if not run]
    if bare:
        raise SpecificationError(
            f"{', '.join(bare)}: no records of a training to draw; only `twofold train` keeps them"
        )
    kinds = ["loss"]
    if all(record.train_accuracy is not None for run in runs.values() for record in run):
        kinds.append("accuracy")
    return [
        training_curves(runs, quantity=kind, ax=ax)  # type: ignore[arg-type]
        for kind, ax in zip(kinds, panels(len(kinds)), strict=True)
    ]


def _film(screen: Screen, options: PlotJob, hardware: Hardware, *, path: Path, of: str, frames: int) -> int:
    """Train and film it; of a plane its regions, of images the weights."""
    from twofold.errors import SpecificationError, check_name
    from twofold.models import MODELS
    from twofold.pictures import FILMS, film_frames
    from twofold.plots import save_film

    if of:
        check_name("film", of, FILMS)
    check_name("model", options.model, MODELS)
    job, engine = _prepared(screen, options, hardware)
    if job.data.scaling is not None:
        raise SpecificationError(f"{job.raw.name} is standardised for training, of which there is no film")
    subject = of or ("weights" if job.raw.image_shape is not None else "regions")
    return save_film(film_frames(subject, engine, job.data, job.recipe, frames=frames), path)
