"""Write the stored checkpoints and the stored IDX file of this version: ``python tests/stored/make_checkpoints.py``.

They are kept for ever: a file that is there is never written again, and a new schema gets files of its own.
``checkpoint-fused-compiled-0.1.0.safetensors`` is of the engine of that name, which is ``"fused"`` with Numba's head now:
`SMALL` by `PLAIN` from `data` and the same start as in `go_on`, after step 5.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np

from twofold import (
    CheckpointFolder,
    Checkpoints,
    Dataset,
    EarlyStopping,
    Network,
    Recipe,
    Samples,
    __version__,
    open_engine,
    train,
    write_idx,
)

FOLDER = Path(__file__).parent
NETWORK = Network((3, 4, 2), activation="tanh", dropout=0.2, normalization="batch")
SMALL = Network((3, 4, 2), activation="tanh")
PLAIN = Recipe(epochs=4, batch_size=8, optimizer="adam", seed=5, learning_rate=0.01)
RECIPE = Recipe(epochs=4, batch_size=8, optimizer="adam", schedule="cosine", ema_decay=0.9, seed=5, learning_rate=0.01)


def data() -> tuple[Dataset, Samples]:
    """A training set, and one to stop by: sums and differences of whole numbers, the same on every machine."""
    X = (np.arange(90).reshape(30, 3) * 7 % 11 - 5) / 4
    y = (X.sum(axis=1) > 0).astype(int)
    return Dataset("whole numbers", Samples(X[:20], y[:20])), Samples(X[20:], y[20:])


def go_on(folder: CheckpointFolder) -> None:
    """Train to the end, from the folder's newest checkpoint if there is one."""
    samples, held = data()
    engine = open_engine("scratch", NETWORK, initialization="xavier", dtype="float64", seed=1)
    callbacks = [EarlyStopping(patience=9), Checkpoints(folder, every_seconds=1e-9)]
    for _ in train(engine, samples, RECIPE, callbacks, validation=held):
        pass


def main() -> None:
    middle, end = (FOLDER / f"checkpoint-{which}-{__version__}.safetensors" for which in ("middle", "end"))
    if not end.exists():
        with tempfile.TemporaryDirectory() as path, CheckpointFolder(path, keep=99) as folder:
            go_on(folder)
            shutil.copy(folder.files()[4], middle)  # after step 5: in the middle of the second epoch of 3 steps
            shutil.copy(folder.files()[-1], end)
    numbers = FOLDER / f"numbers-{__version__}.idx.gz"
    if not numbers.exists():
        write_idx(numbers, (np.arange(24).reshape(2, 3, 4) - 12).astype(np.int16))


if __name__ == "__main__":
    main()
