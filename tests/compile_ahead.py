"""Have the machine code compiled that many tests need, while others run: one process does, and the others find it."""

from __future__ import annotations

from contextlib import suppress

import numpy as np

from twofold import Network, Recipe, open_engine
from twofold.errors import MissingDependencyError

ENGINES = [  # widths, name, options
    ((20, 8, 3), "compiled", {}),
    ((20, 3), "compiled", {}),
    ((20, 8, 3), "fused", {"head": "numba"}),
    ((20, 8, 40), "fused", {"head": "numba"}),
]
X, y = np.zeros((4, 20)), np.zeros(4, np.int64)
KINDS = [(X, "float64"), (X.astype(np.float32), "float32")]  # the most used first


def main() -> None:
    """Open every engine that has machine code, for the kinds of data that tests have."""
    for X, dtype in KINDS:
        for widths, name, options in ENGINES:
            with suppress(MissingDependencyError):
                engine = open_engine(name, Network(widths), dtype=dtype, **options)
                engine.load(X, y)
                engine.start(Recipe(epochs=1, batch_size=2))


if __name__ == "__main__":
    main()
