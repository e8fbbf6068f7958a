"""``twofold train``: one model, one data set or table, one engine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from twofold.cli.options import AS_JSON, SAVE, Hardware, JobOptions, Safety, takes

if TYPE_CHECKING:
    from twofold.cli.job import Job
    from twofold.cli.screen import Screen
    from twofold.engines import Engine
    from twofold.training import Epoch


@takes(JobOptions, Hardware, Safety)
def train(
    options: JobOptions,
    hardware: Hardware,
    safety: Safety,
    *,
    file: Annotated[Path | None, Argument(help="A Parquet or CSV table, for linear.", show_default=False)] = None,
    target: Annotated[str | None, Option("--target", help="The table's column to predict.")] = None,
    features: Annotated[str | None, Option("--features", help="Its columns to predict from: a,b; else all.")] = None,
    weight: Annotated[str | None, Option("--weight", help="Its column of sample weights.")] = None,
    save: SAVE = None,
    as_json: AS_JSON = False,
) -> None:
    """Train a model on a data set; linear regression on a table of any size too."""
    from twofold.cli.job import check_words, load, open_worker, plan
    from twofold.cli.safety import check_safety, refuse_safety, same_engine
    from twofold.cli.screen import Screen
    from twofold.cli.table import IN_MEMORY, choose_table, fit_table
    from twofold.data.table_dataset import table_dataset
    from twofold.files import check_place
    from twofold.models import held_out_log_likelihood

    screen = Screen(as_json=as_json)
    check_words(options, hardware)
    last = check_safety(safety)
    if save is not None:
        check_place(save)
    result: dict[str, Any] = {"model": options.model, "dtype": hardware.dtype, "seed": options.seed}
    if file is None:
        raw = load(screen, options)
    else:
        table = choose_table(options, file, target, features=features, weight=weight)
        if table.size > IN_MEMORY:
            refuse_safety(safety, f"{file} is solved in one pass")
            screen.result(result | fit_table(screen, table, save=save))
            return
        raw = table_dataset(table)
    job = plan(screen, options, raw)
    worker = open_worker(job, options, same_engine(hardware, last))
    records = _run(screen, worker, job, options=options, safety=safety)
    result |= {"engine": worker.name, "data": raw.name, "epochs": [epoch.to_dict() for epoch in records]}
    if save is not None:
        result |= _save(screen, save, worker, job=job, records=records)
    if options.model == "linear":
        result |= _exact(screen, worker, job)
    log_likelihood = held_out_log_likelihood(job.network, job.data, records[-1])
    if log_likelihood is not None:
        result["test_log_likelihood"] = log_likelihood
        screen.say(f"log-likelihood of the test set: {log_likelihood:.1f}")
    screen.result(result)


def _run(screen: Screen, worker: Engine, job: Job, *, options: JobOptions, safety: Safety) -> list[Epoch]:
    """Train, an epoch a line, losses in the data's own units."""
    from twofold.cli.safety import training
    from twofold.models import in_data_units, loss_unit

    if job.data.scaling is not None:
        screen.say("losses and coefficients are in the data's own units")
    with (
        screen.training(job.recipe, len(job.data.train), loss_unit=loss_unit(job.data)) as watch,
        training(screen, worker, job, options=options, safety=safety, watch=watch) as epochs,
    ):
        records = [in_data_units(epoch, job.data) for epoch in epochs.before]
        for epoch in epochs.now:
            records.append(in_data_units(epoch, job.data))
            screen.say(str(records[-1]))
    return records


def _save(screen: Screen, path: Path, worker: Engine, *, job: Job, records: list[Epoch]) -> dict[str, Any]:
    """Write the trained model to a file."""
    from twofold.cli.show import tell_saved
    from twofold.saving import Model

    model = Model.of(worker, job.data, raw=job.raw, recipe=job.recipe, history=records)
    return tell_saved(screen, path, model)


def _exact(screen: Screen, worker: Engine, job: Job) -> dict[str, Any]:
    """Print SGD's solution beside the exact one, and the exact one's statistics."""
    from twofold.cli.table import tell_summary
    from twofold.models import compare_with_exact

    both = compare_with_exact(worker, job.data, job.raw)
    names = [f"w: {name}" for name in job.raw.features] + ["b"]
    sgd, exact = ([*layer.W[:, 0].tolist(), *layer.b.tolist()] for (layer,) in (both.sgd, both.exact.parameters))
    numbers = zip([*names, "loss"], [*sgd, both.sgd_loss], [*exact, both.exact.loss], strict=True)
    rows = [(name, f"{a:.6g}", f"{b:.6g}", f"{a - b:+.2e}") for name, a, b in numbers]
    screen.table(f"{job.raw.target} in two ways", ("", "SGD", "exact", "difference"), rows)
    screen.say(f"distance between the two solutions: {both.distance:.3g}")
    return {
        "sgd": {"w": sgd[:-1], "b": sgd[-1], "loss": both.sgd_loss},
        "exact": {"w": exact[:-1], "b": exact[-1], "loss": both.exact.loss},
        "distance": both.distance,
        **tell_summary(screen, both.exact, job.raw.features, job.raw.target),
    }
