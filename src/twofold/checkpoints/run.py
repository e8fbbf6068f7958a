"""Training with checkpoints by its name of version 0.1."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from twofold.checkpoints.folder import CheckpointFolder
from twofold.checkpoints.saver import Checkpoints
from twofold.data.dataset import Dataset
from twofold.deprecation import warn_renamed
from twofold.early_stopping import EarlyStopping
from twofold.engines import Engine
from twofold.errors import SpecificationError
from twofold.recipe import Recipe
from twofold.run import Epoch
from twofold.training import train


def train_with_checkpoints(
    engine: Engine, data: Dataset, recipe: Recipe, folder: CheckpointFolder, **options: Any
) -> Iterator[Epoch]:
    """Do as ``train(..., Checkpoints(folder))``, by its name of version 0.1."""
    warn_renamed("train_with_checkpoints", "train(..., Checkpoints(folder))")
    validation, best = options.pop("validation", None), options.pop("best", None)
    if (validation is None) != (best is None):
        raise SpecificationError("validation and best go together; give both to stop early, or neither")
    own = {name: options.pop(name) for name in ("every", "every_seconds", "setting") if name in options}
    saving = Checkpoints(folder, signals=options.pop("stop", None), **own)
    stopping = [] if best is None else [EarlyStopping(best=best)]
    return train(engine, data, recipe, [*stopping, saving], validation=validation, **options)
