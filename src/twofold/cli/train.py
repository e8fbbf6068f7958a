"""``twofold train``: one model, one data set or table, one engine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Context

from twofold.cli.options import Hardware, JobOptions, Results, Safety, takes
from twofold.cli.table_options import TableOptions

if TYPE_CHECKING:
    from twofold.cli.job import Job, OpenedTable
    from twofold.cli.screen import Screen
    from twofold.cli.table_scores import HeldOutScores
    from twofold.cli.trainer import Trained, Trainer
    from twofold.data import Dataset
    from twofold.data.tables import TableFile
    from twofold.distributed import Processes
    from twofold.models import TwoSolutions
    from twofold.saving import Model
    from twofold.tables.problem import Problem


@takes(JobOptions, Hardware, Safety, TableOptions, Results)
def train(
    options: JobOptions,
    hardware: Hardware,
    safety: Safety,
    table_options: TableOptions,
    *,
    results: Results,
    context: Context,
    file: Annotated[Path | None, Argument(help="A table: CSV, TSV, Parquet, a folder.", show_default=False)] = None,
) -> None:
    """Train a model on a data set, or on a table; linear regression on a table of any size."""
    from twofold.cli.job import check_options, open_engine_for, plan, with_validation
    from twofold.cli.report import report_run, table_story
    from twofold.cli.safety import check_safety, same_engine
    from twofold.cli.screen import Screen
    from twofold.cli.trainer import Trainer
    from twofold.distributed import Processes, connect, is_launched
    from twofold.files import check_places
    from twofold.models import compare_with_exact

    screen, save, report = Screen(as_json=results.as_json, language=results.language), results.save, results.report
    check_options(options, hardware)
    sliced = options.recipe.get("slices") not in (None, 1)
    processes = connect(threads=hardware.threads or 1) if sliced or is_launched() else Processes()
    last = processes.share(lambda: check_safety(safety))
    check_places(save, report)
    result: dict[str, Any] = {"model": options.model, "dtype": hardware.dtype, "seed": options.first_weights["seed"]}
    if file is not None and (large := _large(screen, options, table_options, file=file)):
        from twofold.cli.table import fit_table

        _refuse_for_large(file, safety, report, processes)
        fit_table(screen, large, result, save=save)
        return
    opened = _open(screen, options, table_options, file=file, given=given(context))
    raw, problem = opened.raw, opened.problem
    job = with_validation(
        plan(screen, opened.options, raw, hardware=same_engine(hardware, last)),
        None if problem is None else problem.validation,
    )
    engine = open_engine_for(job, same_engine(hardware, last))
    trainer = Trainer(screen, hardware, safety, table_options.patience, processes)
    trained = trainer.train(engine, job, opened)
    result |= {"engine": engine.name, "data": raw.name, "epochs": [epoch.to_dict() for epoch in trained.records]}
    if processes.rank > 0:  # the first process writes and tells
        _finish(save, trainer, job, opened=opened, trained=trained)
        return
    result |= _saved(save, trained.model)  # before anything is told, or made of it: a mistake there must not lose it
    try:
        if options.model == "linear" and job.network.loss == "squared":
            both = compare_with_exact(engine, job.data, job.raw)
            if file is not None:
                exact = replace(trained.model, parameters=both.exact.parameters, scaling=None)
                trained = replace(trained, model=exact)
                result |= _saved(save, exact)
            result |= _tell_exact(screen, both, job.raw)
        told, held_out = _tell_scores(screen, trained, job, problem=problem)
        result |= told | _finish(save, trainer, job, opened=opened, trained=trained)
        if report is not None:
            settled, story = replace(hardware, engine=engine.name), table_story(opened, trained, held_out)
            result |= report_run(
                screen,
                report,
                trained.model,
                job=job,
                hardware=settled,
                table_options=table_options,
                file=file,
                table=story,
            )
    finally:
        screen.result(result)


def _open(
    screen: Screen, options: JobOptions, table_options: TableOptions, *, file: Path | None, given: set[str]
) -> OpenedTable:
    """Read a data set, or a table that fits in memory."""
    from twofold.cli.job import OpenedTable, load

    if file is not None:
        from twofold.cli.table_job import open_in_memory, open_packed_table
        from twofold.tables.packed import is_packed_table

        if is_packed_table(file):
            return open_packed_table(screen, file, options, table_options=table_options, given=given)
        try:
            return open_in_memory(screen, file, options, table_options=table_options, given=given)
        except MemoryError as error:
            how = f"twofold pack {file} --target {table_options.target} -o DIR, and train mlp DIR"
            raise MemoryError(f"{error}; a table that is larger than memory is packed first: {how}") from error
    table_options.refuse()
    return OpenedTable(options, load(screen, options.data, options.root))


def _large(screen: Screen, options: JobOptions, table_options: TableOptions, *, file: Path) -> TableFile | None:
    """Check the options about a table, and return it if it is solved in one pass."""
    from twofold.cli.table import large_table
    from twofold.cli.table_job import check_table_options
    from twofold.tables.packed import is_packed_table

    if is_packed_table(file):
        return None
    check_table_options(options, table_options, file)
    return large_table(screen, options, file, table_options)


def _refuse_for_large(file: Path, safety: Safety, report: Path | None, processes: Processes) -> None:
    """Raise `SpecificationError` if more is asked for than least squares in one pass has."""
    from twofold.cli.report import refuse_report
    from twofold.cli.safety import refuse_safety

    refuse_safety(safety, f"{file} is solved in one pass")
    processes.refuse(f"{file} is solved in one pass")
    refuse_report(report, file)


def _finish(save: Path | None, trainer: Trainer, job: Job, *, opened: OpenedTable, trained: Trained) -> dict[str, str]:
    """Train again on all rows of a table, save that, and say where it is; return what JSON says of it."""
    from twofold.cli.show import tell_saved

    if save is None:
        return {}
    model = trained.model if opened.on_all_rows is None else trainer.refit(job, opened, trained)
    if trainer.processes.rank > 0:
        return {}
    saved = {} if opened.on_all_rows is None else _saved(save, model)
    tell_saved(trainer.screen, save)
    return saved


def given(context: Context) -> set[str]:
    """Return the names of the options that the user gave a value."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return {name for name, source in sources.items() if source is not None and source.name != "DEFAULT"}


def _saved(path: Path | None, model: Model) -> dict[str, str]:
    """Save a model, if a file is named, and return what JSON says of it."""
    from twofold.saving import save_model

    return {} if path is None else {"saved": str(path), "sha256": save_model(path, model)}


def _tell_scores(
    screen: Screen, trained: Trained, job: Job, *, problem: Problem | None
) -> tuple[dict[str, Any], HeldOutScores | None]:
    """Print what a model reaches on what it has not seen; return it for JSON, and of a table's test rows as scores."""
    from twofold.models import held_out_log_likelihood

    reported: dict[str, Any] = {}
    held_out = None
    if problem is not None:
        from twofold.cli.table_scores import score_test, tell_test

        held_out = score_test(trained.model, problem, linear=trained.linear)
        scores = tell_test(screen, trained.model, problem, held_out)
        reported |= {"remarks": list(problem.remarks), **scores}
    if not trained.records:
        return reported, held_out
    log_likelihood = held_out_log_likelihood(job.network, job.data, trained.records[-1])
    if log_likelihood is not None:
        reported["test_log_likelihood"] = log_likelihood
        screen.say(f"log-likelihood of the test set: {log_likelihood:.1f}")
    return reported, held_out


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
        **tell_summary(screen, both.exact, raw.features, raw.target, samples=raw.train),
    }
