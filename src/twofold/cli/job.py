"""What the commands that train have in common: from the command line's words to data, network, recipe and engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from twofold.cli.options import Hardware, JobOptions
from twofold.cli.screen import Screen
from twofold.data import Dataset, Samples, load_dataset
from twofold.engines import Engine, choose, open_engine
from twofold.engines.choice import choose_threads
from twofold.engines.threads import check_threads, use_threads
from twofold.errors import SpecificationError, check_name
from twofold.functions import LOSSES
from twofold.models import MODELS, build_network, scales_targets, suggest_recipe
from twofold.network import Network, Parameters, initialize, start_at_means
from twofold.recipe import Recipe, nest
from twofold.values import count

if TYPE_CHECKING:
    import pyarrow as pa

    from twofold.tables.problem import Problem


@dataclass(frozen=True)
class Job:
    """All that a training needs.

    Attributes
    ----------
    options : JobOptions
        What was asked for, with the defaults for tables.
    raw, data : Dataset
        In its own units, and as it is trained on; the same if it needs no scaling.
    network : Network
    recipe : Recipe
    validation : Samples, optional
        Rows that choose the epoch.
    """

    options: JobOptions
    raw: Dataset
    data: Dataset
    network: Network
    recipe: Recipe
    validation: Samples | None = None


@dataclass(frozen=True)
class OpenedTable:
    """A table that has been read and made ready.

    Attributes
    ----------
    options : JobOptions
        With the defaults for tables.
    raw : Dataset
    problem : Problem or None
        None where least squares takes numbers without a gap as they are.
    members : int
        Networks that are trained, see `twofold.baselines.cross_fit`; 1 for a single one.
    on_all_rows : callable or None
        Makes the table ready anew, without test or validation rows; None where no row is held out.
    table : pyarrow.Table or None
        Its rows, where they are in memory.
    """

    options: JobOptions
    raw: Dataset
    problem: Problem | None = None
    members: int = 1
    on_all_rows: Callable[[], Problem] | None = None
    table: pa.Table | None = None


def check_options(options: JobOptions, *hardware: Hardware) -> None:
    """Try all that can be tried without the data: a mistake should come to light before a download, not after it.

    Parameters
    ----------
    options : JobOptions
    *hardware : Hardware
        Of each engine that is going to train.

    Raises
    ------
    TwofoldError
        If a word is wrong.
    """
    check_name("model", options.model, MODELS)
    LOSSES.check(options.loss or "squared")
    Recipe(**nest(options.recipe))
    trial = Network((1, *(options.hidden_widths() or (1,)), 2), options.activations())
    trial = replace(trial, dropout=options.dropout, normalization=options.normalization)
    for machine in hardware:
        check_threads(machine.threads)
        _open(_engine(machine, trial, samples=0), trial, options.first_weights, machine)


def load(screen: Screen, name: str | None, root: Path | None) -> Dataset:
    """Load the data set that ``--data`` names, with a bar if it is downloaded."""
    if name is None:
        raise SpecificationError("no data: name a set with --data, such as --data digits")
    with screen.downloading() as progress:
        return load_dataset(name, root, progress=progress)


def plan(screen: Screen, options: JobOptions, raw: Dataset, *, hardware: Hardware | None = None) -> Job:
    """Settle network and recipe for a data set, and say what is going to happen.

    Parameters
    ----------
    screen : Screen
    options : JobOptions
    raw : Dataset
        In its own units.
    hardware : Hardware, optional
        What it is going to run on, if that is to be said too.

    Returns
    -------
    Job

    Raises
    ------
    SpecificationError
        If the model doesn't fit the data.
    """
    data = raw.standardized(targets=scales_targets(options.loss)) if raw.needs_scaling else raw
    network = build_network(
        options.model,
        data,
        hidden=options.hidden_widths(),
        activation=options.activations(),
        loss=options.loss,
        dropout=options.dropout,
        normalization=options.normalization,
    )
    recipe = suggest_recipe(options.model, data, **options.recipe)
    machine = "" if hardware is None else f", engine {_engine(hardware, network, **_size(recipe, len(data.train)))}"
    screen.say(
        f"{options.model} {'-'.join(map(str, network.widths))} on {raw.name}, {count(len(raw.train), 'sample')}; "
        f"{network.loss}, {recipe.optimizer}, {count(recipe.epochs, 'epoch')}, batch size {recipe.batch_size}, "
        f"learning rate {recipe.learning_rate:g}{machine}{_further(network, recipe)}"
    )
    if data is not raw:
        screen.say("columns are standardised for training")
    return Job(options, raw, data, network, recipe)


def with_validation(job: Job, validation: Samples | None) -> Job:
    """Add rows of the raw data's numbers to choose the epoch by, in the numbers that are trained on."""
    if validation is not None and job.data is not job.raw and job.data.scaling is not None:
        validation = replace(job.raw, train=validation, test=None).scaled(job.data.scaling).train
    return replace(job, validation=validation)


def _further(network: Network, recipe: Recipe) -> str:
    """Name what is not left out or as usual."""
    words = [
        f"{name} {value:g}"
        for name, value in (
            ("dropout", network.dropout),
            ("weight decay", recipe.weight_decay),
            ("l1", recipe.l1),
            ("label smoothing", recipe.label_smoothing),
            ("EMA decay", recipe.ema_decay),
        )
        if value
    ]
    words += [f"normalization {network.normalization}"] if network.normalization else []
    words += [str(recipe.schedule)] if str(recipe.schedule) != "constant" else []
    names = set(network.activations)
    words += names - {"relu"} if len(names) < 2 else network.activations
    return "".join(f", {word}" for word in words)


def open_engine_for(job: Job, hardware: Hardware, **first: Any) -> Engine:
    """Open the engine of a job, with another ``seed`` if one is given; ``auto`` is told how large the job is."""
    name, start = _engine(hardware, job.network, **_size(job.recipe, len(job.data.train))), None
    first = job.options.first_weights | first
    if not scales_targets(job.network.loss):
        start = start_at_means(job.network, initialize(job.network, **first), np.asarray(job.data.train.y))
    engine = _open(name, job.network, first, hardware, parameters=start)
    use_threads(_threads(job, hardware))
    return engine


def _threads(job: Job, hardware: Hardware) -> int | None:
    """Return how many threads a job has; None for as many as there are."""
    if hardware.threads is not None:
        return hardware.threads
    if job.recipe.slices > 1:  # what several processes have each
        return 1
    batch_size = min(job.recipe.batch_size, len(job.data.train))
    return choose_threads(job.network, batch_size, device=hardware.device)


def _size(recipe: Recipe, n: int) -> dict[str, int]:
    """Return how large a job on n samples is."""
    return {"batch_size": min(recipe.batch_size, n), "samples": recipe.epochs * n}


def _engine(hardware: Hardware, network: Network, **size: int) -> str:
    """Return the name of an engine; of ``auto`` that which it is for a job of this size."""
    if hardware.engine != "auto":
        return hardware.engine
    return choose(network, dtype=hardware.dtype, device=hardware.device, precision=hardware.precision, **size)


def _open(
    name: str, network: Network, first: dict[str, Any], hardware: Hardware, *, parameters: Parameters | None = None
) -> Engine:
    """Open the engine of that name with these parameters, or with first weights."""
    return open_engine(
        name,
        network,
        parameters=parameters,
        **first,
        dtype=hardware.dtype,
        device=hardware.device,
        precision=hardware.precision,
    )
