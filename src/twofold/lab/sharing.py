"""What one takes home from the lab: the lines of Python that give the same numbers, the model file, the test rows."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

import numpy as np

from twofold.data import Dataset
from twofold.functions.configs import Config
from twofold.lab.data_sets import MAKERS
from twofold.lab.setup import Setup, kind_of
from twofold.models import scales_targets
from twofold.network import Network
from twofold.recipe import Recipe
from twofold.saving import Model, save_model


def as_python(setup: Setup, network: Network, *, epochs: int, file: str, scaled: bool) -> str:
    """Write the program that gives the same numbers as the page.

    Parameters
    ----------
    setup : Setup
        With the fault in it, as far as a setup can say it.
    network : Network
    epochs : int
        To train.
    file : str
        Name of the table, if there is one.
    scaled : bool
        Whether the data are standardised.

    Returns
    -------
    str
    """
    fault, targets = setup.fault, "" if scales_targets(network.loss) else ", targets=False"
    names = ["Network", "Recipe", "open_engine", "train"]
    lines = [f"data = make_data({setup.data!r}, n={setup.n}, noise={setup.noise}, seed={setup.data_seed})"]
    imports = ["from twofold.lab import make_data"]
    if setup.data == "csv":
        imports = ["from pathlib import Path", "", "from twofold.lab.csv_table import prepare, read_csv"]
        read = f"read_csv({file!r}, Path({file!r}).read_bytes())"
        lines = [f"data = prepare({read}, {setup.target!r}, seed={setup.data_seed}{targets}).data"]
    elif setup.data not in MAKERS:
        imports, lines, names = [], [f"data = load_dataset({setup.data!r})"], [*names, "load_dataset"]
    if scaled:
        lines.append(f"data = data.standardized({targets.lstrip(', ')})")
    if fault == "naive-softmax":
        imports.append("from twofold.lab.faults import LARGE, enlarge, use_naive_softmax")
        lines.append("data = enlarge(data, LARGE)")
    lines += [_network_line(network), *_engine_lines(setup, names)]
    if fault == "dead-relu":
        imports.append("from twofold.lab.faults import kill_units")
    if fault == "naive-softmax":
        lines.append("use_naive_softmax(engine)")
    lines.append(_recipe_line(setup.recipe, names))
    rate = ""
    if fault == "mean-twice":
        imports.append("from twofold.lab.faults import mean_twice")
        names.append("LearningRate")
        rate = ", LearningRate(mean_twice(recipe))"
    imports = sorted([f"from twofold import {', '.join(sorted(names))}", *filter(None, imports)])
    imports = ["from itertools import islice", *imports]
    loop = [f"for epoch in islice(train(engine, data, recipe{rate}), {epochs}):", "    print(epoch)"]
    return "\n".join([*imports, "", *lines, *loop, ""])


def _network_line(network: Network) -> str:
    shown = [repr(network.widths)]
    if network.hidden:
        shown.append(f"activation={network.activation!r}")
    shown.append(f"loss={network.loss!r}")
    shown += [f"dropout={network.dropout}"] if network.dropout else []
    shown += [f"normalization={network.normalization!r}"] if network.normalization else []
    return f"network = Network({', '.join(shown)})"


def _engine_lines(setup: Setup, names: list[str]) -> list[str]:
    start = f"initialization={setup.initialization!r}" + (
        f", sigma={setup.sigma}" if setup.initialization == "normal" else ""
    )
    if setup.fault == "dead-relu":
        names.append("initialize")
        return [
            f"parameters = kill_units(initialize(network, {setup.seed}, {start}, dtype={setup.dtype!r}))",
            f"engine = open_engine({setup.engine!r}, network, parameters=parameters, dtype={setup.dtype!r})",
        ]
    return [f"engine = open_engine({setup.engine!r}, network, seed={setup.seed}, {start}, dtype={setup.dtype!r})"]


def _recipe_line(recipe: Recipe, names: list[str]) -> str:
    usual, shown = Recipe(), []
    for name in recipe.to_dict():
        value = getattr(recipe, name)
        if value == getattr(usual, name) and name not in ("epochs", "batch_size", "learning_rate"):
            continue
        if isinstance(value, Config) and value.given:
            names.append(type(value).__name__)
        elif isinstance(value, Config):
            value = value.name
        shown.append(f"{name}={value!r}")
    return f"recipe = Recipe({', '.join(shown)})"


def model_file(model: Model) -> bytes:
    """Return the bytes of a model's file."""
    with tempfile.TemporaryDirectory() as folder:
        save_model(Path(folder) / "model.safetensors", model)
        return (Path(folder) / "model.safetensors").read_bytes()


def test_rows(raw: Dataset) -> str:
    """Write the test samples of a data set with named columns as CSV, every digit of them; empty if there are none."""
    if raw.test is None or not raw.features or kind_of(raw) == "labels":
        return ""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*raw.features, raw.target])
    y = raw.test.y
    targets = [raw.classes[k] for k in y] if raw.classes else np.asarray(y)[:, 0].tolist()
    writer.writerows([*x, target] for x, target in zip(raw.test.X.tolist(), targets, strict=True))
    return text.getvalue()
