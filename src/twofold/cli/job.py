"""What `train` and `compare` have in common: from the command line's words to data, network and recipe."""

from __future__ import annotations

from dataclasses import dataclass

from twofold.cli.options import JobOptions
from twofold.cli.screen import Screen
from twofold.data import Dataset, load_dataset
from twofold.engines import Engine, open_engine
from twofold.errors import check_name
from twofold.functions import LOSSES
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


def open_worker(options: JobOptions, engine: str, network: Network, dtype: str) -> Engine:
    """Open an engine with the first weights that the options ask for."""
    return open_engine(
        engine, network, seed=options.seed, initialization=options.init, sigma=options.sigma, dtype=dtype
    )


def plan(screen: Screen, options: JobOptions, engines: tuple[str, ...], dtype: str) -> Job:
    """Check the words, load the data and say what is going to happen.

    Parameters
    ----------
    screen : Screen
    options : JobOptions
    engines : tuple of str
        Names of the engines that are going to train.
    dtype : str

    Returns
    -------
    Job

    Raises
    ------
    TwofoldError
        If a word is wrong or the data can't be had.
    """
    check_name("model", options.model, MODELS)
    check_name("loss", options.loss or "squared", LOSSES)
    hidden = options.hidden_widths()
    Recipe(**options.recipe())
    # Tried on a small network first: a mistake comes to light before a download, not after it.
    trial = Network((1, *(hidden or (1,)), 2), options.activation, dropout=options.dropout)
    for engine in engines:
        open_worker(options, engine, trial, dtype)
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
        screen.say("columns are standardised for training")
    return Job(raw, data, network, recipe)
