"""``twofold train``: one model, one data set, one engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from typer import Option

from twofold.cli.options import AS_JSON, DEVICE, ENGINE, PRECISION, THREADS, JobOptions, takes_job

if TYPE_CHECKING:
    from twofold.cli.job import Job
    from twofold.cli.screen import Screen
    from twofold.engines import Engine


@takes_job
def train(
    options: JobOptions,
    *,
    engine: ENGINE = "auto",
    dtype: Annotated[str, Option("--dtype", help="float32 or float64.")] = "float32",
    device: DEVICE = "cpu",
    precision: PRECISION = None,
    threads: THREADS = None,
    as_json: AS_JSON = False,
) -> None:
    """Train a model on a data set."""
    from twofold.cli.job import check_hardware, open_worker, plan
    from twofold.cli.screen import Screen
    from twofold.models import held_out_log_likelihood, in_data_units
    from twofold.training import train as run

    screen = Screen(as_json=as_json)
    hardware = check_hardware(engine, device=device, precision=precision, threads=threads)
    job = plan(screen, options)
    worker = open_worker(job, options, hardware, dtype=dtype)
    records = []
    with screen.training(job.recipe, len(job.data.train), worker.running) as watch:
        for epoch in run(worker, job.data, job.recipe, watch=watch):
            records.append(in_data_units(epoch, job.data))
            screen.say(str(records[-1]))
    result: dict[str, Any] = {
        "model": options.model,
        "engine": worker.name,
        "dtype": dtype,
        "data": job.raw.name,
        "seed": options.seed,
        "epochs": [epoch.to_dict() for epoch in records],
    }
    if options.model == "linear":
        result |= _exact(screen, worker, job)
    log_likelihood = held_out_log_likelihood(job.network, job.data, records[-1])
    if log_likelihood is not None:
        result["test_log_likelihood"] = log_likelihood
        screen.say(f"log-likelihood of the test set: {log_likelihood:.1f}")
    screen.result(result)


def _exact(screen: Screen, worker: Engine, job: Job) -> dict[str, Any]:
    """Print SGD's solution beside the exact one, and return both."""
    from twofold.models import compare_with_exact

    both = compare_with_exact(worker, job.data, job.raw)
    names = [f"w: {name}" for name in job.raw.features] + ["b"]
    sgd, exact = ([*W[:, 0].tolist(), *b.tolist()] for W, b in (both.sgd[0], both.exact.parameters[0]))
    numbers = zip([*names, "loss"], [*sgd, both.sgd_loss], [*exact, both.exact.loss], strict=True)
    rows = [(name, f"{a:.6g}", f"{b:.6g}", f"{a - b:+.2e}") for name, a, b in numbers]
    screen.table(f"{job.raw.target} in two ways", ("", "SGD", "exact", "difference"), rows)
    screen.say(f"distance between the two solutions: {both.distance:.3g}")
    if both.exact.rank < job.network.inputs:
        screen.say(f"only {both.exact.rank} of {job.network.inputs} columns are independent; many solutions are exact")
    return {
        "sgd": {"w": sgd[:-1], "b": sgd[-1], "loss": both.sgd_loss},
        "exact": {"w": exact[:-1], "b": exact[-1], "loss": both.exact.loss},
        "distance": both.distance,
    }
