"""The options that several commands share, each described once."""

from __future__ import annotations

import dataclasses
import inspect
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

from typer import Argument, Option

from twofold.errors import SpecificationError, check_name
from twofold.functions.activations import ACTIVATIONS
from twofold.functions.initializations import INITIALIZATIONS, SIGMA
from twofold.functions.losses import LOSSES
from twofold.functions.normalizations import NORMALIZATIONS
from twofold.functions.optimizers import OPTIMIZERS, readers
from twofold.values import either

if TYPE_CHECKING:
    from twofold.functions import Optimizer, Schedule

AS_JSON = Annotated[bool, Option("--json", help="Print one JSON object as the last line, and nothing else.")]
SAVE = Annotated[Path | None, Option("--save", help="Write the trained model to this file: model.safetensors.")]
REPORT = Annotated[Path | None, Option("--report", help="Write a report of it all, one page: run.html.")]
LANGUAGE = Annotated[
    str | None, Option("--language", help="en or zh; else TWOFOLD_LANGUAGE or the system's.", show_default=False)
]
ROOT = Annotated[Path | None, Option("--root", help="Where image sets lie; else TWOFOLD_DATA and the cache.")]
DECOUPLED = either((name for name, rule in OPTIMIZERS.items() if rule.decoupled), "and")


def about_constant(name: str) -> str:
    """Say what a constant of optimisers does, of which ones, and what it is by default.

    Examples
    --------
    >>> about_constant("momentum")
    'What the velocity keeps of itself in a step; of momentum and nesterov, else 0.9.'
    """
    alike: dict[tuple[str, float], list[str]] = defaultdict(list)
    for optimizer, constant in readers(name).items():
        alike[constant.help, constant.default].append(optimizer)
    texts = [f"{text}; of {either(names, 'and')}, else {default:g}." for (text, default), names in alike.items()]
    return " ".join(text[0].upper() + text[1:] for text in texts)


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
    epochs: Annotated[int | None, Option("--epochs", help="Times through the training set.")] = None
    batch_size: Annotated[int | None, Option("--batch-size", help="Most samples of a minibatch.")] = None
    even_batches: Annotated[
        bool, Option("--even-batches/--short-last-batch", help="Minibatches of even sizes, or full ones and a rest.")
    ] = True
    learning_rate: Annotated[float | None, Option("--learning-rate", help="Step length.")] = None
    optimizer: Annotated[str, Option("--optimizer", help=f"{either(OPTIMIZERS)}.")] = "sgd"
    momentum: Annotated[float | None, Option("--momentum", help=about_constant("momentum"))] = None
    beta1: Annotated[float | None, Option("--beta1", help=about_constant("beta1"))] = None
    beta2: Annotated[float | None, Option("--beta2", help=about_constant("beta2"))] = None
    epsilon: Annotated[float | None, Option("--epsilon", help=about_constant("epsilon"))] = None
    weight_decay: Annotated[
        float, Option("--weight-decay", help=f"L2 penalty on weights; decoupled in {DECOUPLED}.")
    ] = 0.0
    l1: Annotated[
        float, Option("--l1", help=f"L1 penalty on weights, some of which become 0; decoupled in {DECOUPLED}.")
    ] = 0.0
    clip_norm: Annotated[float | None, Option("--clip-norm", help="Largest norm of a step's gradient.")] = None
    label_smoothing: Annotated[
        float, Option("--label-smoothing", help="Part of each target that is spread over all classes.")
    ] = 0.0
    averaging: Annotated[
        float, Option("--averaging", help="The model is a running mean of the weights, which keeps so much: 0.999.")
    ] = 0.0
    schedule: Annotated[
        str, Option("--schedule", help="constant, step, cosine, linear, one_cycle or inverse_time.")
    ] = "constant"
    warmup_epochs: Annotated[float, Option("--warmup-epochs", help="Epochs in which the rate rises first.")] = 0.0
    decay_epochs: Annotated[
        float | None, Option("--decay-epochs", help="Of step: epochs between two decays; else 1.")
    ] = None
    decay_factor: Annotated[
        float | None, Option("--decay-factor", help="Of step: what each decay multiplies by; else 0.5.")
    ] = None
    decay_rate: Annotated[float | None, Option("--decay-rate", help="Of inverse_time: r in 1 / (1 + r t); else 1.")] = (
        None
    )
    seed: Annotated[int, Option("--seed", help="Of first weights, order and dropout.")] = 0
    init: Annotated[str, Option("--init", help=f"First weights: {either(INITIALIZATIONS)}.")] = "normal"
    sigma: Annotated[float, Option("--sigma", help=f"Of normal: {SIGMA.help}.")] = SIGMA.default

    def recipe(self) -> dict[str, Any]:
        """Return the fields of a `twofold.Recipe` that are decided."""
        from twofold.recipe import Recipe

        names = [field.name for field in dataclasses.fields(Recipe)]
        words = {name: getattr(self, name) for name in names if hasattr(self, name)}
        return {name: word for name, word in words.items() if word is not None}

    def refuse_idle(self) -> None:
        """Raise `SpecificationError` if a number is given that neither the optimiser nor the schedule reads.

        It is told before a table is open: who wants a constant of an optimiser names the optimiser too.
        """
        from twofold.functions.schedules import SCHEDULES

        registries: dict[str, Mapping[str, Optimizer | Schedule]] = {"optimizer": OPTIMIZERS, "schedule": SCHEDULES}
        for option, rules in registries.items():
            chosen = rules[check_name(option, getattr(self, option), rules)]
            for name in dict.fromkeys(chain.from_iterable(rule.constants for rule in rules.values())):
                given = getattr(self, name, None)
                if given is None or name in chosen.constants:
                    continue
                word, able = (
                    name.replace("_", "-"),
                    [reader for reader, rule in rules.items() if name in rule.constants],
                )
                raise SpecificationError(
                    f"--{word} is {given:g}, which only {either(able, 'and')} can use; take --{option} {able[0]}, "
                    f"or leave --{word} out"
                )

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
    threads: Annotated[int | None, Option("--threads", help="Threads of the arithmetic; all cores otherwise.")] = None


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


def takes(*kinds: type) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options that these dataclasses hold, in the place of its first parameters.

    Typer reads a function's signature; this one is put together from the fields and the command's other parameters.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        shared = [_parameters(kind) for kind in kinds]
        hints = get_type_hints(command, include_extras=True)
        own = [
            parameter.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY)
            for name, parameter in list(inspect.signature(command).parameters.items())[len(kinds) :]
        ]

        def run(**words: Any) -> None:
            options = [
                kind(**{parameter.name: words.pop(parameter.name) for parameter in parameters})
                for kind, parameters in zip(kinds, shared, strict=True)
            ]
            command(*options, **words)

        # Arguments come in this order: the model first, then a command's own.
        together = [*chain.from_iterable(shared), *own]
        run.__name__, run.__doc__ = command.__name__, command.__doc__
        run.__signature__ = inspect.Signature(together)  # type: ignore[attr-defined] # typeshed lacks it
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in together}
        return run

    return decorate


def _parameters(kind: type) -> list[inspect.Parameter]:
    """Return a dataclass's fields as keyword parameters."""
    hints = get_type_hints(kind, include_extras=True)
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is dataclasses.MISSING else field.default,
            annotation=hints[field.name],
        )
        for field in dataclasses.fields(kind)
    ]
