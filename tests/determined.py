"""Train each engine and print its parameters' digests: run by `test_determinism.py` in processes of their own.

``python tests/determined.py THREADS FOLDER`` writes each engine's parameters to FOLDER/ENGINE-DTYPE.npz as well.
"""

from __future__ import annotations

import hashlib
import sys
from importlib.util import find_spec
from itertools import product
from pathlib import Path

import numpy as np

from helpers import KINDS, open_kind
from twofold import Dataset, Network, Recipe, Samples, train
from twofold.engines.choice import LIBRARIES
from twofold.engines.threads import use_threads

NETWORK = Network((784, 256, 10), dropout=0.1)
RECIPE = Recipe(epochs=2, batch_size=256, optimizer="adam", learning_rate=0.001, clip_norm=1.0)


def data() -> Dataset:
    rng = np.random.default_rng(0)
    return Dataset("noise", Samples(rng.integers(256, size=(1280, 784), dtype=np.uint8), rng.integers(10, size=1280)))


def main(threads: int, folder: Path) -> None:
    for name, dtype in product(KINDS, ("float32", "float64")):
        if not all(find_spec(library.module) for library in LIBRARIES.get(name.partition(",")[0], ())):
            continue
        engine = open_kind(name, NETWORK, initialization="he", dtype=dtype)
        use_threads(threads)
        history = list(train(engine, data(), RECIPE))
        arrays = [array for layer in engine.parameters() for array in (layer.W, layer.b)]
        digest = hashlib.sha256(b"".join(array.tobytes() for array in arrays) + repr(history[-1].loss).encode())
        print(name, dtype, digest.hexdigest())
        np.savez(folder / f"{name}-{dtype}.npz", *arrays)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
