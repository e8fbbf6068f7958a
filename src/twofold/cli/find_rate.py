"""``twofold find-rate``: a sweep of learning rates, with a picture and a suggestion."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Option

from twofold.cli.options import AS_JSON, Hardware, JobOptions, takes
from twofold.values import count


@takes(JobOptions, Hardware)
def find_rate(
    options: JobOptions,
    hardware: Hardware,
    *,
    lowest: Annotated[float, Option("--lowest", help="Learning rate of the first step.")] = 1e-4,
    highest: Annotated[float, Option("--highest", help="Learning rate of the last step.")] = 10.0,
    steps: Annotated[int, Option("--steps", help="Steps of the sweep.")] = 200,
    output: Annotated[Path, Option("--output", "-o", help="Where the picture goes.")] = Path("rates.png"),
    as_json: AS_JSON = False,
) -> None:
    """Sweep the learning rate upwards and suggest one."""
    from twofold.cli.job import check_options, load, open_engine_for, plan
    from twofold.cli.screen import Screen
    from twofold.files import check_place
    from twofold.inspect import find_rate as sweep_rates
    from twofold.plots import check_picture, rate_curve, save

    screen = Screen(as_json=as_json)
    check_options(options, hardware)
    check_picture(output)
    check_place(output)
    job = plan(screen, options, load(screen, options.data, options.root))
    engine = open_engine_for(job, hardware)
    sweep = sweep_rates(engine, job.data, job.recipe, lowest=lowest, highest=highest, steps=steps)
    result = {"engine": engine.name, "data": job.raw.name, **sweep.to_dict()}
    screen.say(f"{count(len(sweep.rates), 'step')}, learning rates {sweep.rates[0]:.3g} to {sweep.rates[-1]:.3g}")
    screen.say(f"suggested learning rate: {sweep.suggestion:.2g}")
    try:
        save(rate_curve(sweep.rates, sweep.losses, sweep.smoothed, sweep.suggestion), output)
        result["picture"] = str(output)
        screen.say(f"picture: {output}")
    finally:
        screen.result(result)
