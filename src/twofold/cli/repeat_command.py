"""The command that repeats a run: every decision in it, those that were left to us too."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_type_hints

from typer.models import OptionInfo

from twofold.cli.options import JobOptions
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
    words += _said(options, {name: getattr(recipe, name) for name in ("epochs", "batch_size", "learning_rate")})
    for each in others:
        words += _said(each, {name: getattr(each, name) for name in ("engine", "dtype") if hasattr(each, name)})
    for name, value in more.items():
        words += [f"--{name.replace('_', '-')}", value]
    return shlex.join(words)


def _said(options: Any, settled: Mapping[str, Any]) -> list[str]:
    """Write the options that aren't as they are by default, and those that were settled since."""
    words: list[str] = []
    hints = get_type_hints(type(options), include_extras=True)
    for field in dataclasses.fields(options):
        value = settled.get(field.name, getattr(options, field.name))
        if field.default is dataclasses.MISSING or (value == field.default and field.name not in settled):
            continue
        name = _name(hints[field.name].__metadata__)
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
