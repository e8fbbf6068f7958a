"""Whether a run is the one that a checkpoint is of; if not, in what they differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from twofold.checkpoints.checkpoint import Checkpoint
from twofold.errors import CheckpointError
from twofold.recipe import Recipe
from twofold.training import batch_edges

LOOKS = 1000  # steps at which two schedules are compared


def refuse_other_run(place: str, now: Checkpoint, then: Checkpoint) -> None:
    """Raise `CheckpointError` if the two are not of one run, naming each field in which they differ.

    More epochs than before are no difference; fewer are.

    Parameters
    ----------
    place : str
        Where the checkpoint lies, for the message.
    now : Checkpoint
        What was asked for; its state doesn't matter.
    then : Checkpoint
        The one that is to be gone on from.
    """
    differences = [f"{name} is {a} now and was {b}" for name, a, b in _differences(now, then)]
    if now.recipe.epochs < then.recipe.epochs:
        differences.append(f"recipe.epochs is {now.recipe.epochs} now and was {then.recipe.epochs}; only more can be")
    if differences:
        raise CheckpointError(
            f"{place}: its checkpoints are of another run: {'; '.join(differences)}; "
            "ask for the same, or choose another folder"
        )


def what_may_round_otherwise(now: Checkpoint, then: Checkpoint) -> str:
    """Tell what of the environment has changed, so that the run goes on equal to rounding and not to the bit; or ""."""
    names = [name for name in now.environment if name in then.environment]
    changed = [(name, then.environment[name], now.environment[name]) for name in names]
    reported = [f"{name} was {a} and is {b}" for name, a, b in changed if a != b]
    return f"{'; '.join(reported)}: from here on the run is the same to rounding, not to the bit" if reported else ""


def what_became_of_the_schedule(now: Recipe, then: Recipe, *, steps: int, samples: int) -> str:
    """Tell if more epochs mean that the steps taken had other learning rates than the longer run's; or "".

    A constant rate, steps and inverse time don't look at the end; a cosine does.
    """
    per_epoch = len(batch_edges(samples, now.batch_size, even=now.even_batches)) - 1
    taken = range(0, steps, max(1, steps // LOOKS))
    if all(now.rate(step, per_epoch) == then.rate(step, per_epoch) for step in taken):
        return ""
    return (
        f"the schedule {now.schedule.name!r} looks at the end, now after {now.epochs} epochs and no longer "
        f"{then.epochs}: from here on the learning rate is that of the longer run ({now.rate(steps, per_epoch):.4g}), "
        "which isn't the run of as many epochs from the start"
    )


def _differences(now: Checkpoint, then: Checkpoint) -> Iterator[tuple[str, Any, Any]]:
    recipes = [{k: v for k, v in one.recipe.to_dict().items() if k != "epochs"} for one in (now, then)]
    yield from _unequal("network.", asdict(now.network), asdict(then.network))
    yield from _unequal("recipe.", *recipes)
    yield from _unequal("data.", now.data, then.data)
    yield from _unequal("", {"dtype": now.dtype, **now.setting}, {"dtype": then.dtype, **then.setting})


def _unequal(prefix: str, now: Mapping[str, Any], then: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for name in sorted({*now, *then}):
        a, b = now.get(name), then.get(name)
        if isinstance(a, Mapping) and isinstance(b, Mapping) and a.get("name") == b.get("name"):
            yield from _unequal(f"{prefix}{name}.", a, b)
        elif a != b:
            yield f"{prefix}{name}", _short(a), _short(b)


def _short(value: Any) -> str:
    """Write a value; of a hash the first letters, of an optimiser or a schedule its name."""
    if isinstance(value, Mapping) and "name" in value:
        return repr(value["name"])
    return f"{value[:12]}..." if isinstance(value, str) and len(value) == 64 else repr(value)
