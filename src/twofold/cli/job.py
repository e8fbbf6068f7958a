"""What `train` and `compare` have in common: from the command line's words to data, network and recipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from twofold.cli.options import JobOptions
from twofold.cli.screen import Screen
from twofold.data import Dataset, load_dataset
from twofold.engines import DEVICES, ENGINES, PRECISIONS, Engine, choose, open_engine
from twofold.engines.threads import check_threads, use_threads
from twofold.errors import check_name
from twofold.models import MODELS, build_network, suggest_recipe
from twofold.network import Network
from twofold.recipe import Recipe


@dataclass(frozen=True)
class Job:
    """All that a training needs.

    Attributes
    ----------
    raw, data : Dataset
        In its own units, and as it is trained on; the same if it needs no scaling.
    network : Network
    recipe : Recipe
    """

    raw: Dataset
    data: Dataset
    network: Network
    recipe: Recipe


def plan(screen: Screen, options: JobOptions) -> Job:
    """Check the words, load the data and say what is going to happen.

    Parameters
    ----------
    screen : Screen
    options : JobOptions

    Returns
    -------
    Job

    Raises
    ------
    TwofoldError
        If a word is wrong or the data can't be had.
    """
    check_name("model", options.model, MODELS)
    Recipe(**options.recipe())  # mistakes come before a download
    hidden = options.hidden_widths()
    with screen.downloading() as progress:
        raw = load_dataset(options.data, options.root, progress=progress)
    data = raw.standardized() if raw.needs_scaling else raw
    network = build_network(
        options.model,
        data,
        hidden=hidden,
        activation=options.activation,
        loss=options.loss,
        dropout=options.dropout,
    )
    recipe = suggest_recipe(options.model, data, **options.recipe())
    screen.say(
        f"{options.model} {'-'.join(map(str, network.widths))} on {raw.name}, {len(raw.train)} samples; "
        f"{network.loss}, {recipe.optimizer}, {recipe.epochs} epochs, batch size {recipe.batch_size}, "
        f"learning rate {recipe.learning_rate:g}"
    )
    if data.scaling is not None:
        screen.say("columns are standardised for training; losses and coefficients are in the data's own units")
    return Job(raw, data, network, recipe)


@dataclass(frozen=True)
class Hardware:
    """Who computes, and where; see `twofold.open_engine`."""

    engine: str
    device: str
    precision: str | None
    threads: int | None


def check_hardware(engine: str, *, device: str, precision: str | None, threads: int | None) -> Hardware:
    """Check the words before anything is loaded or downloaded; raise `SpecificationError` at a wrong one."""
    check_name("engine", engine, ("auto", *ENGINES))
    check_name("device", device, DEVICES)
    if precision is not None:
        check_name("precision", precision, PRECISIONS)
    return Hardware(engine, device, precision, check_threads(threads))


def open_worker(job: Job, options: JobOptions, hardware: Hardware, *, dtype: str) -> Engine:
    """Open the engine of a job; ``auto`` is told how large the job is."""
    name = hardware.engine
    where: dict[str, Any] = {"device": hardware.device, "precision": hardware.precision}
    if name == "auto":
        recipe = job.recipe
        samples = recipe.epochs * len(job.data.train)
        name = choose(job.network, dtype=dtype, batch_size=recipe.batch_size, samples=samples, **where)
    worker = open_engine(
        name, job.network, seed=options.seed, initialization=options.init, sigma=options.sigma, dtype=dtype, **where
    )
    if hardware.threads is not None:
        use_threads(hardware.threads)
    return worker
