"""``twofold show``: what a model file holds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument

from twofold.cli.options import AS_JSON
from twofold.values import count

if TYPE_CHECKING:
    from twofold.cli.screen import Screen
    from twofold.data.scaling import Scaling
    from twofold.recipe import Recipe
    from twofold.run import Epoch
    from twofold.saving import Model

MAX_NAMES = 20  # features or classes that are shown at most
MAX_EPOCHS = 12  # rows of the history that are shown at most

FILE = Annotated[Path, Argument(help="A model that --save wrote.", show_default=False)]


def show(file: FILE, as_json: AS_JSON = False) -> None:
    """Show what a model file holds: network, features, recipe, history, data and versions."""
    from twofold.cli.screen import Screen
    from twofold.saving import load_model
    from twofold.saving.file import metadata

    screen = Screen(as_json=as_json)
    model = load_model(file)
    for name, words in _lines(model):
        screen.say(f"{name:<10}{words}")
    screen.table("arrays", ("", "shape", "mean", "deviation", "largest"), _arrays(model), text=2)
    if model.history:
        columns = [(name, cells) for name, *cells in _history(model.history) if any(cells)]
        screen.table(
            "history", [name for name, _ in columns], zip(*(cells for _, cells in columns), strict=True), text=0
        )
    screen.result(
        {"file": str(file), "dtype": model.dtype, "parameters": model.network.n_parameters, **metadata(model)}
    )


def tell_saved(screen: Screen, path: Path) -> None:
    """Say that a model was saved."""
    screen.say(f"saved in {path} ({path.stat().st_size:,} bytes); `twofold show {path}` tells what is in it")


def _lines(model: Model) -> list[tuple[str, str]]:
    """Put a model in words, a line for each thing that there is."""
    network = model.network
    words = ["-".join(map(str, network.widths)), *dict.fromkeys(network.activations), network.loss]
    words += [f"{name} {value}" for name in ("dropout", "normalization") if (value := getattr(network, name))]
    lines = [("network", f"{', '.join(words)}; {network.n_parameters:,} parameters of {model.dtype}")]
    columns = _table_columns(model)
    lines += [("columns", _some(columns))] if columns else []
    shown = ("classes",) if columns else ("features", "classes")
    lines += [(name, _some(names)) for name in shown if (names := getattr(model, name))]
    if model.target:
        lines.append(("target", model.target))
    if model.scaling is not None:
        lines.append(("scaling", _scaling(model.scaling)))
    if columns:
        become = "1 column of a table becomes" if len(columns) == 1 else f"{len(columns)} columns of a table become"
        lines.append(("encoder", f"{become} {count(network.inputs, 'feature')}"))
    elif model.encoder is not None:
        lines.append(("encoder", f"holds {', '.join(map(str, model.encoder))}"))
    if model.estimator is not None:
        lines.append(("estimator", str(model.estimator.get("class"))))
    if model.recipe is not None:
        lines.append(("recipe", _recipe(model.recipe)))
    if model.data_name or model.data_hash:
        lines.append(("data", f"{model.data_name} {f'(SHA-256 {model.data_hash})' if model.data_hash else ''}".strip()))
    lines.append(("made by", ", ".join(f"{name} {version}" for name, version in model.environment.items())))
    return lines


def _recipe(recipe: Recipe) -> str:
    """Write the numbers that everybody asks for, and what is not as usual."""
    from twofold.recipe import Recipe

    usual = ("optimizer", "epochs", "batch_size", "learning_rate", "schedule", "seed")
    default = Recipe()
    names = [each for each in recipe.to_dict() if getattr(recipe, each) != getattr(default, each)]
    return ", ".join(f"{name} {getattr(recipe, name)}" for name in dict.fromkeys([*usual, *names]))


def _scaling(scaling: Scaling) -> str:
    """Say what is standardised."""
    as_it_is = not scaling.mean.any() and bool((scaling.scale == 1).all())
    what = [*([] if as_it_is else ["features"]), *([] if scaling.target_mean is None else ["target"])]
    return f"{' and '.join(what) or 'nothing'} standardised; means and standard deviations are in the file"


def _table_columns(model: Model) -> list[str]:
    """Return the columns of the table that an encoder reads, with their kinds; none if it tells no such thing."""
    plan = (model.encoder or {}).get("plan")
    columns = plan.get("columns") if isinstance(plan, dict) else None
    if not isinstance(columns, list) or not all(isinstance(column, dict) for column in columns):
        return []
    return [f"{column.get('name')} ({column.get('kind')})" for column in columns]


def _arrays(model: Model) -> list[tuple[str, ...]]:
    """Return a row for each array of the network."""
    return [
        (
            f"layers.{index}.{name}",
            " x ".join(map(str, array.shape)),
            f"{array.mean():.3g}",
            f"{array.std():.3g}",
            f"{abs(array).max():.3g}",
        )
        for index, layer in enumerate(model.parameters)
        for name, array in layer.arrays.items()
    ]


def _history(history: tuple[Epoch, ...]) -> list[list[str]]:
    """Return the columns, each with its name first, of all epochs or of some, evenly spaced, with the last."""
    step = -(-len(history) // MAX_EPOCHS)
    rows = history[(len(history) - 1) % step :: step]
    scores = {
        "train accuracy": ("train_accuracy", ".4f"),
        "validation loss": ("validation_loss", ".4g"),
        "validation accuracy": ("validation_accuracy", ".4f"),
        "test loss": ("test_loss", ".4g"),
        "test accuracy": ("test_accuracy", ".4f"),
    }
    there = {  # a column without a number would only take room
        title: (name, digits)
        for title, (name, digits) in scores.items()
        if any(getattr(epoch, name) is not None for epoch in rows)
    }
    return [
        ["epoch", *(str(epoch.epoch) for epoch in rows)],
        ["loss", *(f"{epoch.loss:.4g}" for epoch in rows)],
        *(
            [title, *(_score(getattr(epoch, name), digits) for epoch in rows)]
            for title, (name, digits) in there.items()
        ),
        ["rate", *(f"{epoch.learning_rate:.4g}" for epoch in rows)],
        *([["time", *(f"{epoch.seconds:.3f} s" for epoch in rows)]] if any(epoch.seconds for epoch in rows) else []),
    ]


def _score(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:MAX_NAMES]) + (f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else "")
