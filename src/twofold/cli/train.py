"""``twofold train``: one model, one data set or table, one engine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Context

from twofold.cli.options import AS_JSON, LANGUAGE, REPORT, SAVE, Hardware, JobOptions, Safety, takes
from twofold.cli.table_options import TableOptions
from twofold.values import count

if TYPE_CHECKING:
    from twofold.cli.job import Job
    from twofold.cli.screen import Screen
    from twofold.data import Dataset
    from twofold.engines import Engine
    from twofold.models import TwoSolutions
    from twofold.run import Epoch, Run
    from twofold.saving import Model
    from twofold.tables.problem import Problem


@takes(JobOptions, Hardware, Safety, TableOptions)
def train(
    options: JobOptions,
    hardware: Hardware,
    safety: Safety,
    words: TableOptions,
    *,
    context: Context,
    file: Annotated[Path | None, Argument(help="A table: CSV, TSV, Parquet, a folder.", show_default=False)] = None,
    save: SAVE = None,
    report: REPORT = None,
    language: LANGUAGE = None,
    as_json: AS_JSON = False,
) -> None:
    """Train a model on a data set, or on a table; linear regression on a table of any size."""
    from twofold.cli.job import check_words, load, open_engine_for, plan, with_validation
    from twofold.cli.report import refuse_report, report_run
    from twofold.cli.safety import check_safety, refuse_safety, same_engine
    from twofold.cli.screen import Screen
    from twofold.cli.show import tell_saved
    from twofold.files import check_places
    from twofold.models import compare_with_exact

    screen = Screen(as_json=as_json, language=language)
    check_words(options, hardware)
    last = check_safety(safety)
    check_places(save, report)
    result: dict[str, Any] = {"model": options.model, "dtype": hardware.dtype, "seed": options.seed}
    problem = None
    if file is None:
        words.refuse()
        raw = load(screen, options)
    else:
        from twofold.cli.table import fit_table, large_table
        from twofold.cli.table_job import check_table_words, open_in_memory

        check_table_words(options, words, file)
        if large := large_table(screen, options, file, words):
            refuse_safety(safety, f"{file} is solved in one pass")
            refuse_report(report, file)
            fit_table(screen, large, result, save=save)
            return
        options, raw, problem = open_in_memory(screen, file, options, words=words, given=given(context))
    job = plan(screen, options, raw, hardware=same_engine(hardware, last))
    if problem is not None:
        job = with_validation(job, problem.validation)
    engine = open_engine_for(job, options, same_engine(hardware, last))
    records = _run(screen, engine, job, options=options, safety=safety, patience=words.patience)
    result |= {"engine": engine.name, "data": raw.name, "epochs": [epoch.to_dict() for epoch in records]}
    model = _model(engine, job, records=records, problem=problem)
    result |= _saved(save, model)  # before anything is told, or made of it: a mistake there must not lose it
    try:
        if options.model == "linear" and job.network.loss == "squared":
            both = compare_with_exact(engine, job.data, job.raw)
            if file is not None:
                model = replace(model, parameters=both.exact.parameters, scaling=None)
                result |= _saved(save, model)
            result |= _tell_exact(screen, both, job.raw)
        result |= _tell_scores(screen, model, job, last=records[-1] if records else None, problem=problem)
        if save is not None:
            tell_saved(screen, save)
        if report is not None:
            settled = replace(hardware, engine=engine.name)
            result |= report_run(
                screen, report, model, job=job, options=options, hardware=settled, words=words, file=file
            )
    finally:
        screen.result(result)


def given(context: Context) -> set[str]:
    """Return the names of the options that the user gave a value."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return {name for name, source in sources.items() if source is not None and source.name != "DEFAULT"}


def _run(
    screen: Screen, engine: Engine, job: Job, *, options: JobOptions, safety: Safety, patience: int | None
) -> list[Epoch]:
    """Train, an epoch a line, losses in the data's own units; to the best epoch, if there are rows to choose it by."""
    from twofold.cli.safety import budget, checkpoints
    from twofold.early_stopping import EarlyStopping
    from twofold.models import loss_unit
    from twofold.training import train

    if job.data.scaling is not None and not job.data.classes:
        screen.say("losses and coefficients are in the data's own units")
    told = Told(screen, job)
    stopping = [] if job.validation is None else [EarlyStopping(patience)]
    with (
        screen.training(job.recipe, len(job.data.train), loss_unit=loss_unit(job.data, job.network.loss)) as bars,
        checkpoints(options, safety) as saving,
    ):
        callbacks = [*stopping, *budget(safety), *bars, *saving, told]
        for _ in train(engine, job.data, job.recipe, callbacks, validation=job.validation):
            pass
    for each in stopping:
        screen.say(f"the weights are those of epoch {each.best.epoch}, the best on the validation rows")
    return told.records


class Told:
    """A callback that prints a line per epoch, once its checkpoint is written, and keeps the records.

    Parameters
    ----------
    screen : Screen
    job : Job

    Attributes
    ----------
    records : list of Epoch
        Those before an interruption too, with losses in the data's own units.
    """

    last = True

    def __init__(self, screen: Screen, job: Job) -> None:
        self._screen, self._job = screen, job
        self.records: list[Epoch] = []

    def on_train_begin(self, run: Run) -> None:
        """Say where the run goes on, if it does."""
        self.records = [self._in_data_units(epoch) for epoch in run.history]
        if run.resumed is not None:
            behind = f"{len(run.history)} of {count(run.recipe.epochs, 'epoch')} being over"
            self._screen.say(f"going on from step {run.resumed.steps}, {behind}")

    def on_epoch_end(self, run: Run) -> None:
        """Print the epoch."""
        self.records.append(self._in_data_units(run.epoch))
        self._screen.say(str(self.records[-1]))

    def on_train_end(self, run: Run) -> None:
        """Say that the time was up."""
        if run.stop_reason == "time_budget":
            where = f"{run.samples} samples into epoch {len(run.history) + 1}"
            self._screen.say(f"the time budget is used up, {where}")

    def _in_data_units(self, epoch: Epoch) -> Epoch:
        from twofold.models import in_data_units

        return in_data_units(epoch, self._job.data, self._job.network.loss)


def _model(engine: Engine, job: Job, *, records: list[Epoch], problem: Problem | None) -> Model:
    """Put together what is worth saving."""
    from twofold.saving import Model

    more = {} if problem is None else {"encoder": problem.to_dict()}
    return Model.of(engine, job.data, raw=job.raw, recipe=job.recipe, history=records, **more)


def _saved(path: Path | None, model: Model) -> dict[str, str]:
    """Save a model, if a file is named, and return what JSON says of it."""
    from twofold.saving import save_model

    return {} if path is None else {"saved": str(path), "sha256": save_model(path, model)}


def _tell_scores(
    screen: Screen, model: Model, job: Job, *, last: Epoch | None, problem: Problem | None
) -> dict[str, Any]:
    """Print what a model reaches on what it has not seen, and return it for JSON."""
    from twofold.models import held_out_log_likelihood

    reported: dict[str, Any] = {}
    if problem is not None:
        from twofold.cli.table_job import report_test

        reported |= {"remarks": list(problem.remarks), **report_test(screen, model, problem)}
    log_likelihood = None if last is None else held_out_log_likelihood(job.network, job.data, last)
    if log_likelihood is not None:
        reported["test_log_likelihood"] = log_likelihood
        screen.say(f"log-likelihood of the test set: {log_likelihood:.1f}")
    return reported


def _tell_exact(screen: Screen, both: TwoSolutions, raw: Dataset) -> dict[str, Any]:
    """Print SGD's solution beside the exact one, and the exact one's statistics."""
    from twofold.cli.table import tell_summary

    names = [f"w: {name}" for name in raw.features] + ["b"]
    sgd, exact = ([*layer.W[:, 0].tolist(), *layer.b.tolist()] for (layer,) in (both.sgd, both.exact.parameters))
    numbers = zip([*names, "loss"], [*sgd, both.sgd_loss], [*exact, both.exact.loss], strict=True)
    rows = [(name, f"{a:.6g}", f"{b:.6g}", f"{a - b:+.2e}") for name, a, b in numbers]
    screen.table(f"{raw.target} in two ways", ("", "SGD", "exact", "difference"), rows)
    screen.say(f"distance between the two solutions: {both.distance:.3g}")
    return {
        "sgd": {"w": sgd[:-1], "b": sgd[-1], "loss": both.sgd_loss},
        "exact": {"w": exact[:-1], "b": exact[-1], "loss": both.exact.loss},
        "distance": both.distance,
        **tell_summary(screen, both.exact, raw.features, raw.target),
    }
