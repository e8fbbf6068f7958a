"""The command that repeats a run: every decision in it, those that were left to us too."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from typer.models import OptionInfo

from twofold.cli.options import SETTLED, JobOptions, parameters
from twofold.recipe import Recipe


def repeat_command(
    command: str, options: JobOptions, recipe: Recipe, *others: Any, file: Path | None = None, **more: str
) -> str:
    """Write the command line that does the same again, whatever the defaults become.

    Parameters
    ----------
    command : str
        ``"train"``.
    options : JobOptions
    recipe : Recipe
        As it was settled: what the options left open is written out.
    *others : dataclasses of options
        Such as `Hardware`, as it was settled.
    file : Path, optional
        The command's second argument.
    **more
        The command's own words by their options, such as ``dtype="float64"``.

    Returns
    -------
    str

    Examples
    --------
    >>> repeat_command("train", JobOptions(model="softmax", data="digits"), Recipe(epochs=3, learning_rate=0.5))
    'twofold train softmax --data digits --epochs 3 --batch-size 256 --learning-rate 0.5'
    """
    words = ["twofold", command, options.model, *([] if file is None else [str(file)])]
    usual = Recipe(optimizer=recipe.optimizer.name, schedule=recipe.schedule.name).flat()
    usual |= {"optimizer": Recipe.optimizer.name, "schedule": Recipe.schedule.name}
    words += _said(type(options), vars(options) | recipe.flat(), usual, always=SETTLED)
    for each in others:
        words += _said(type(each), vars(each), {}, always=("engine", "dtype"))
    for name, value in more.items():
        words += [f"--{name.replace('_', '-')}", value]
    return shlex.join(words)


def _said(kind: type, values: Mapping[str, Any], usual: Mapping[str, Any], *, always: Collection[str]) -> list[str]:
    """Write the options that aren't as they usually are, and those that are always said."""
    words: list[str] = []
    for each in parameters(kind):
        value = values.get(each.name)
        if each.default is each.empty or (value == usual.get(each.name, each.default) and each.name not in always):
            continue
        name = _name(each.annotation.__metadata__)
        if isinstance(value, bool):
            words.append(name.split("/")[0 if value else 1])
        elif value is not None:
            words += [name, f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)]
    return words


def _name(notes: tuple[Any, ...]) -> str:
    """Return an option's name, which Typer keeps where its other way of declaring keeps the default."""
    (option,) = (note for note in notes if isinstance(note, OptionInfo))
    words = (option.default, *(option.param_decls or ()))
    return next(word for word in words if isinstance(word, str) and word.startswith("--"))
