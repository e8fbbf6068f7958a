"""``twofold compare``: two engines in lockstep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from typer import Option

from twofold.cli.options import AS_JSON, LANGUAGE, REPORT, Hardware, JobOptions, takes

if TYPE_CHECKING:
    from twofold.engines import Engine
    from twofold.run import Run


@dataclass
class _Seen:
    """Notes the engines that are trained."""

    engines: list[Engine]

    def on_train_begin(self, run: Run) -> None:
        self.engines.append(run.engine)


@takes(JobOptions)
def compare(
    options: JobOptions,
    *,
    engines: Annotated[str, Option("--engines", help="The two to compare.")] = "scratch,concise",
    processes: Annotated[
        str | None,
        Option("--processes", help="1,2,4: train the first engine in so many processes instead, with --slices."),
    ] = None,
    dtype: Annotated[str, Option("--dtype", help="float64, or float32 to see its rounding.")] = "float64",
    report: REPORT = None,
    language: LANGUAGE = None,
    as_json: AS_JSON = False,
) -> None:
    """Train two engines in lockstep and print how far apart they are; or one in several processes."""
    from twofold.cli.job import check_options, load, plan
    from twofold.cli.report import report_comparison
    from twofold.cli.screen import Screen
    from twofold.errors import SpecificationError
    from twofold.files import check_places
    from twofold.inspect import compare_engines

    names = engines.split(",")
    if len(names) != 2:
        raise SpecificationError(f"--engines is {engines!r}; expected two names such as scratch,concise")
    first, second = names
    screen = Screen(as_json=as_json, language=language)
    check_places(report)
    check_options(options, Hardware(engine=first, dtype=dtype), Hardware(engine=second, dtype=dtype))
    job = plan(screen, options, load(screen, options.data, options.root))
    if processes is not None:
        from twofold.cli.compare_processes import compare_processes

        screen.result(compare_processes(screen, job, Hardware(engine=first, dtype=dtype), processes))
        return
    comparisons = []
    seen = _Seen([])
    with screen.training(job.recipe, len(job.data.train), runs=2) as bars:
        for comparison in compare_engines(
            job.network,
            job.data,
            job.recipe,
            engines=(first, second),
            dtype=dtype,
            **options.first_weights,
            callbacks=[seen, *bars],
        ):
            comparisons.append(comparison)
            screen.say(str(comparison))
    worst = max(comparison.max_parameter_difference for comparison in comparisons)
    worst_loss = max(comparison.max_loss_difference for comparison in comparisons)
    screen.say(f"largest difference of a parameter {worst:.1e} of the largest parameter, of a loss {worst_loss:.1e}")
    result = {
        "model": options.model,
        "engines": [first, second],
        "dtype": dtype,
        "data": job.raw.name,
        "seed": options.first_weights["seed"],
        "epochs": [comparison.to_dict() for comparison in comparisons],
        "max_parameter_difference": worst,
        "max_loss_difference": worst_loss,
    }
    try:
        if report is not None:
            result |= report_comparison(screen, report, seen.engines, job=job, steps=comparisons, dtype=dtype)
    finally:
        screen.result(result)
