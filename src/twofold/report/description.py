"""What was trained on what, and how: data, recipe, parameters, environment, a command to repeat it."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from twofold.data import data_hash
from twofold.pages.numbers import short
from twofold.recipe import Recipe
from twofold.report.blocks import Block, Facts, Listing, Words
from twofold.report.subject import Subject
from twofold.tables.problem import encoder_from_dict
from twofold.values import count

MAX_LISTED = 60  # parameters that are listed one by one


def about(subject: Subject) -> list[Block]:
    """Say what was trained on what.

    Parameters
    ----------
    subject : Subject

    Returns
    -------
    list of Block
    """
    model, data = subject.model, subject.data
    size = " x ".join(map(str, data.train.X.shape[1:]))
    tests = "no test set" if data.test is None else count(len(data.test), "test sample")
    rows = [
        *network_facts(subject),
        (
            "data",
            f"{data.name}: {count(len(data.train), 'row')} to judge by, {size} feature{'' if size == '1' else 's'}"
            if subject.rows_alone
            else f"{data.name}: {count(len(data.train), 'training sample')} of {size} {data.train.X.dtype}, {tests}",
        ),
    ]
    if data.classes:
        rows.append(("classes", ", ".join(data.classes)))
    if model.encoder is not None:
        rows.append(("columns", ", ".join(encoder_from_dict(model.encoder)[0].columns)))
    elif data.features:
        rows.append(("features", ", ".join(data.features)))
    if data.target and not data.classes:
        rows.append(("predicted", data.target))
    if model.scaling is not None:
        rows.append(("scaling", "standardised for training; scores are in the data's own units"))
    present = subject.fingerprint or (model.data_hash if subject.rows_alone else data_hash(data.train))
    trained = f" of {model.data_name}" if subject.rows_alone and model.data_name else ""
    rows += [("data hash", f"{present} (SHA-256 of the training set{trained})")] if present else []
    blocks: list[Block] = [Facts(tuple(rows))]
    if model.data_hash and model.data_hash != present:
        blocks.append(Words(f"The model was trained on other data than these, with the hash {model.data_hash}."))
    return blocks


def network_facts(subject: Subject) -> list[tuple[str, str]]:
    """Tell of the network: its widths, what stands between its layers, loss and dropout."""
    network = subject.model.network
    between = f", {', '.join(dict.fromkeys(network.activations))} between the layers" if network.hidden else ""
    between += f", {network.normalization} normalisation" if network.normalization else ""
    rows = [
        ("network", f"{subject.widths}, {network.n_parameters} parameters{between}"),
        ("loss", network.loss.replace("_", " ")),
    ]
    return [*rows, ("dropout", short(network.dropout))] if network.dropout else rows


def how(subject: Subject) -> list[Block]:
    """Tell the recipe, the environment and the command that repeats the run."""
    model = subject.model
    blocks: list[Block] = [Words(subject.command, "code")] if subject.command else []
    if model.recipe is not None:
        blocks.append(Facts(tuple(recipe_facts(model.recipe))))
    seconds = sum(record.seconds for record in model.history)
    rows = {"engine": subject.engine} if subject.engine else {}
    rows |= {"numbers": model.dtype, **subject.details}
    rows |= {"time of the steps": f"{seconds:.3g} s"} if seconds else {}
    rows |= {name: str(version) for name, version in model.environment.items()}
    return [*blocks, Facts(tuple(rows.items()))]


def recipe_facts(recipe: Recipe) -> list[tuple[str, str]]:
    """Return what a recipe says: its fields, and the constants of its optimiser and schedule.

    Parameters
    ----------
    recipe : Recipe

    Returns
    -------
    list of tuple of str

    Examples
    --------
    >>> dict(recipe_facts(Recipe(optimizer="momentum")))["momentum"]
    '0.9'
    """
    return [
        (name.replace("_", " "), "none" if value is None else short(value, 8)) for name, value in recipe.flat().items()
    ]


def parameters(subject: Subject) -> list[Block]:
    """Tell of the parameters, layer by layer; few of them one by one.

    Parameters
    ----------
    subject : Subject

    Returns
    -------
    list of Block
    """
    layers, total = subject.model.parameters, hashlib.sha256()
    rows: list[tuple[Any, ...]] = []
    entries: list[tuple[Any, ...]] = []
    for number, layer in enumerate(layers, start=1):
        for letter, array in layer.arrays.items():
            total.update(np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).tobytes())
            shape = " x ".join(map(str, array.shape))
            numbers = (float(f(array)) for f in (np.mean, np.std, np.min, np.max))
            rows.append((f"{letter} of layer {number}", shape, *numbers))
            if subject.model.network.n_parameters <= MAX_LISTED:
                entries += [
                    (f"{letter}{number}[{', '.join(map(str, place))}]", float(value))
                    for place, value in np.ndenumerate(array)
                ]
    columns = ("array", "shape", "mean", "deviation", "smallest", "largest")
    blocks: list[Block] = [Listing("In the network's own numbers", columns, tuple(rows))]
    if entries:
        blocks.append(Listing("Each of them; places are counted from 0", ("parameter", "value"), tuple(entries)))
    return [*blocks, Facts((("SHA-256 of the parameters", total.hexdigest()),))]


def history(subject: Subject, most: int = 12) -> list[Block]:
    """List the epochs; of many, evenly chosen ones."""
    records = subject.model.history
    if not records:
        return []
    places = sorted({round(i) for i in np.linspace(0, len(records) - 1, min(most, len(records)))})
    held_out = ("validation_loss", "validation_accuracy", "test_loss", "test_accuracy")
    names = ("epoch", "loss", "train_accuracy", *held_out, "learning_rate", "seconds")
    columns = tuple(name.replace("_", " ") for name in names)
    cells = [[getattr(records[i], name) for name in names] for i in places]
    timed = any(record.seconds for record in records)  # one that was read from a file isn't
    there = [j for j in range(len(names) - (not timed)) if any(row[j] is not None for row in cells)]
    rows = tuple(tuple(row[j] for j in there) for row in cells)
    caption = "Every epoch" if len(places) == len(records) else f"{len(places)} of {len(records)} epochs"
    return [Listing(caption, tuple(columns[j] for j in there), rows)]
