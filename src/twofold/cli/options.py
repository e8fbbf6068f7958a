"""The options that several commands share, each described once."""

from __future__ import annotations

import dataclasses
import inspect
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_type_hints

from typer import Argument, Option

from twofold.errors import SpecificationError
from twofold.functions.activations import ACTIVATIONS
from twofold.functions.configs import Config
from twofold.functions.initializations import INITIALIZATIONS, SIGMA
from twofold.functions.losses import LOSSES
from twofold.functions.normalizations import NORMALIZATIONS
from twofold.recipe import CONFIGS, Recipe
from twofold.values import either, is_real

AS_JSON = Annotated[bool, Option("--json", help="Print one JSON object as the last line, and nothing else.")]
SAVE = Annotated[Path | None, Option("--save", help="Write the trained model to this file: model.safetensors.")]
REPORT = Annotated[Path | None, Option("--report", help="Write a report of it all, one page: run.html.")]
LANGUAGE = Annotated[
    str | None, Option("--language", help="en or zh; else TWOFOLD_LANGUAGE or the system's.", show_default=False)
]
ROOT = Annotated[Path | None, Option("--root", help="Where image sets lie; else TWOFOLD_DATA and the cache.")]
T = TypeVar("T")


SETTLED = ("epochs", "batch_size", "learning_rate")  # by the model and the data, where they are left open


def recipe_parameters() -> list[inspect.Parameter]:
    """Return an option for each field of a `Recipe`, and for each constant of its optimisers and schedules."""
    hints, found = get_type_hints(Recipe), []
    for field in dataclasses.fields(Recipe):
        if kind := CONFIGS.get(field.name):
            found.append(_parameter(field.name, str, f"its name: {either(kind.registry)}; else {field.default.name}"))
            found += [_parameter(name, float, about_constant(kind, name)) for name in kind.known_constants()]
            continue
        usual = "" if field.name in SETTLED or not is_real(field.default) else f"; else {field.default:g}"
        found.append(
            _parameter(field.name, hints[field.name], field.metadata["help"] + usual, field.metadata.get("option"))
        )
    return found


def _parameter(name: str, kind: Any, about: str, option: str | None = None) -> inspect.Parameter:
    """Return an option that is None where it isn't given."""
    info = Option(option or f"--{name.replace('_', '-')}", help=f"{about[0].upper()}{about[1:]}.", show_default=False)
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, info]
    )


def about_constant(kind: type[Config], name: str) -> str:
    """Say what a constant does, of which optimisers or schedules, and what it is by default.

    Examples
    --------
    >>> about_constant(CONFIGS["optimizer"], "momentum")
    'What the velocity keeps of itself in a step; of momentum and nesterov, else 0.9'
    """
    alike: dict[tuple[str, float], list[str]] = defaultdict(list)
    for reader, constant in kind.readers(name).items():
        alike[constant.help, constant.default].append(reader)
    texts = []
    for (text, default), names in alike.items():
        which = "" if len(names) == len(kind.registry) else f"of {either(names, 'and')}, "
        texts.append(f"{text[0].upper()}{text[1:]}; {which}else {default:g}")
    return ". ".join(texts)


@dataclass(frozen=True, kw_only=True)
class JobOptions:
    """What is trained on what, and how: the words of the command line, not yet checked."""

    model: Annotated[str, Argument(help="linear, softmax or mlp.", show_default=False)]
    data: Annotated[str | None, Option("--data", help="A data set's name, or a folder of IDX files.")] = None
    root: ROOT = None
    hidden: Annotated[str | None, Option("--hidden", help="Units of the mlp's hidden layers: 256, or 256,128.")] = None
    activation: Annotated[
        str,
        Option("--activation", help=f"{either(ACTIVATIONS)}; or one of each layer: relu,tanh."),
    ] = "relu"
    loss: Annotated[str | None, Option("--loss", help=f"{either(LOSSES)}.")] = None
    dropout: Annotated[float, Option("--dropout", help="Probability that a hidden unit is dropped.")] = 0.0
    normalization: Annotated[
        str | None,
        Option("--normalization", help=f"{either(NORMALIZATIONS)}: of hidden layers, before their activation."),
    ] = None
    recipe: dict[str, Any] = dataclasses.field(default_factory=dict, metadata={"parameters": recipe_parameters()})
    init: Annotated[str, Option("--init", help=f"First weights: {either(INITIALIZATIONS)}.")] = "normal"
    sigma: Annotated[float, Option("--sigma", help=f"Of normal: {SIGMA.help}.")] = SIGMA.default

    @property
    def first_weights(self) -> dict[str, Any]:
        """How the first weights are drawn, as `twofold.open_engine` takes it."""
        return {"seed": self.recipe.get("seed", Recipe.seed), "initialization": self.init, "sigma": self.sigma}

    def activations(self) -> str | tuple[str, ...]:
        """Read ``"relu"``, or ``"relu,tanh"`` as one name of each hidden layer."""
        names = tuple(part.strip() for part in self.activation.split(","))
        return names[0] if len(names) == 1 else names

    def hidden_widths(self) -> tuple[int, ...] | None:
        """Return the units of the hidden layers; None if they are not given."""
        return widths(self.hidden)


def widths(text: str | None) -> tuple[int, ...] | None:
    """Read ``"256,128"``; raise `SpecificationError` if that isn't whole numbers."""
    if text is None:
        return None
    try:
        found = tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError:
        found = (0,)
    if any(width < 1 for width in found):
        raise SpecificationError(f"--hidden is {text!r}; expected whole numbers such as 256 or 256,128")
    return found


def names_file(text: str) -> bool:
    """Tell whether a word that may name a model's file or a kind of model names a file."""
    return Path(text).exists() or Path(text).name != text or bool(Path(text).suffix)


@dataclass(frozen=True, kw_only=True)
class Hardware:
    """Who computes, where and in which numbers; see `twofold.open_engine`."""

    engine: Annotated[
        str,
        Option(
            "--engine",
            help="auto, scratch (NumPy), compiled (Numba), concise or fused (PyTorch; with Numba in long trainings).",
        ),
    ] = "auto"
    dtype: Annotated[str, Option("--dtype", help="float32 or float64.")] = "float32"
    device: Annotated[str, Option("--device", help="cpu, cuda or mps.")] = "cpu"
    precision: Annotated[str | None, Option("--precision", help="bfloat16: matrix products in half the bits.")] = None
    threads: Annotated[
        int | None,
        Option("--threads", help="Threads of the arithmetic; one for small products otherwise."),
    ] = None


@dataclass(frozen=True, kw_only=True)
class Safety:
    """Whether checkpoints are written, where and how often, and when to stop; see `twofold.Checkpoints`."""

    checkpoint: Annotated[Path | None, Option("--checkpoint", help="A new folder to write checkpoints to.")] = None
    resume: Annotated[
        Path | None,
        Option(
            "--resume", help="A folder of checkpoints to go on from and write to; with --checkpoint, if there are any."
        ),
    ] = None
    every: Annotated[int | None, Option("--every", help="Epochs between two checkpoints; else 1.")] = None
    every_seconds: Annotated[
        float | None, Option("--every-seconds", help="Seconds between two checkpoints, within an epoch too.")
    ] = None
    keep: Annotated[int | None, Option("--keep", help="How many checkpoints to keep; else 3.")] = None
    time_budget: Annotated[float | None, Option("--time-budget", help="Seconds after which to stop training.")] = None


@dataclass(frozen=True, kw_only=True)
class Results:
    """Where results go, and in which form."""

    save: SAVE = None
    report: REPORT = None
    language: LANGUAGE = None
    as_json: AS_JSON = False


def takes(*kinds: type) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options that these dataclasses hold, in the place of its first parameters.

    Typer reads a function's signature; this one is put together from the fields and the command's other parameters.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        names = list(inspect.signature(command).parameters)[: len(kinds)]
        shared = [parameters(kind) for kind in kinds]
        hints = get_type_hints(command, include_extras=True)
        own = [
            parameter.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY)
            for name, parameter in list(inspect.signature(command).parameters.items())[len(kinds) :]
        ]

        def run(**words: Any) -> None:
            command(**{name: _packed(kind, words) for name, kind in zip(names, kinds, strict=True)}, **words)

        # Arguments come in this order: the model first, then a command's own.
        together = [*chain.from_iterable(shared), *own]
        run.__name__, run.__doc__ = command.__name__, command.__doc__
        run.__signature__ = inspect.Signature(together)  # type: ignore[attr-defined] # typeshed lacks it
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in together}
        return run

    return decorate


def parameters(kind: type) -> list[inspect.Parameter]:
    """Return a dataclass's fields as keyword parameters; a field that stands for several has them in its metadata."""
    hints, found = get_type_hints(kind, include_extras=True), []
    for field in dataclasses.fields(kind):
        default = inspect.Parameter.empty if field.default is dataclasses.MISSING else field.default
        one = inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hints[field.name]
        )
        found += field.metadata.get("parameters", [one])
    return found


def _packed(kind: type[T], words: dict[str, Any]) -> T:
    """Make a dataclass of options of the words for it, which are taken out."""
    values: dict[str, Any] = {}
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        if several := field.metadata.get("parameters"):
            taken = {each.name: words.pop(each.name) for each in several}
            values[field.name] = {name: word for name, word in taken.items() if word is not None}
        else:
            values[field.name] = words.pop(field.name)
    return kind(**values)
