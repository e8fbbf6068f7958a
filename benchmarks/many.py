"""Many small networks at once beside one, and beside JAX's vmap, in one run.

    python benchmarks/many.py [--rounds 5] [--save]

Random numbers, 8192 samples, float32, SGD; contestants take turns, a figure is the median of its rounds. JAX, if it is
installed, has a whole epoch of all networks under jit, scan and vmap.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
from figures import Figures, Report

import twofold as tw

NETWORK = tw.Network((20, 64, 64, 1), loss="squared")
NETWORKS, SAMPLES, EPOCHS = 16, 8192, 8
RECIPE = tw.Recipe(epochs=EPOCHS, batch_size=32, learning_rate=0.01)
FOLDS = 5


def numbers() -> tw.Dataset:
    """Random features and targets."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((SAMPLES, 20)).astype(np.float32)
    return tw.Dataset("random", tw.Samples(X, np.sin(X[:, :1]) + X[:, 1:2] * X[:, 2:3]))


def engines(number: int) -> list[tw.Engine]:
    """Open engines from first weights of their own."""
    return [tw.open_engine("compiled", NETWORK, seed=seed, initialization="he") for seed in range(number)]


def with_vmap(number: int, data: tw.Dataset) -> Callable[[], object]:
    """Return what trains so many networks by JAX."""
    import jax
    import jax.numpy as jnp

    X, y = jnp.asarray(data.train.X), jnp.asarray(data.train.y)
    starts = [tw.initialize(NETWORK, seed, initialization="he") for seed in range(number)]
    first = jax.tree.map(lambda *arrays: jnp.stack(arrays), *[[(W, b) for W, b in start] for start in starts])

    def loss(parameters: Any, x: Any, t: Any) -> Any:
        for W, b in parameters[:-1]:
            x = jax.nn.relu(x @ W + b)
        W, b = parameters[-1]
        return jnp.square(x @ W + b - t).sum(axis=1).mean() / 2

    def epoch(parameters: Any, key: Any) -> Any:
        order = jax.random.permutation(key, SAMPLES).reshape(-1, RECIPE.batch_size)

        def step(parameters: Any, rows: Any) -> Any:
            gradient = jax.grad(loss)(parameters, X[rows], y[rows])
            return jax.tree.map(lambda p, g: p - RECIPE.learning_rate * g, parameters, gradient), None

        return jax.lax.scan(step, parameters, order)[0]

    compiled = jax.jit(jax.vmap(epoch))

    def run() -> object:
        parameters = first
        for k in range(EPOCHS):
            parameters = compiled(parameters, jax.random.split(jax.random.PRNGKey(k), len(starts)))
        return jax.block_until_ready(parameters)

    return run


def in_turns(contestants: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Return the seconds of each, round by round, after a first time that doesn't count."""
    for run in contestants.values():
        run()
    found: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, run in contestants.items():
            time.sleep(0.1)  # until the threads of the last one are asleep
            started = time.perf_counter()
            run()
            found[name].append(time.perf_counter() - started)
    return found


def as_rows(found: dict[str, list[float]], base: str) -> list[list[str]]:
    """Return a line for each: median seconds, and times the base, round by round."""
    rows = []
    for name, seconds in found.items():
        ratio = statistics.median(a / b for a, b in zip(seconds, found[base], strict=True))
        rows.append([name, f"{statistics.median(seconds):.3f}", f"{ratio:.2f}"])
    return rows


def main() -> None:
    """Measure in turns and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--save", action="store_true", help="keep the figures for the documents")
    given = parser.parse_args()
    data, report = numbers(), Report("many", save=given.save)
    contestants: dict[str, Callable[[], object]] = {
        "one network": lambda: tw.train_many(engines(1), data, RECIPE),
        f"{NETWORKS} networks, train_many": lambda: tw.train_many(engines(NETWORKS), data, RECIPE),
        f"{NETWORKS} networks, one after the other": lambda: [tw.train_many([e], data, RECIPE) for e in engines(16)],
    }
    if find_spec("jax"):
        contestants["one network, JAX"] = with_vmap(1, data)
        contestants[f"{NETWORKS} networks, JAX's vmap"] = with_vmap(NETWORKS, data)
    found = in_turns(contestants, given.rounds)
    columns = ["20-64-64-1, batch size 32, 8 epochs", "seconds", "times one network"]
    report.add(Figures(columns[0], columns, as_rows(found, "one network")))
    model = tw.MLPClassifier(max_iter=30, tol=0, n_iter_no_change=31, random_state=0)
    X, y = (np.asarray(part) for part in (tw.load_dataset("digits").train.X, tw.load_dataset("digits").train.y))
    X = X.reshape(len(X), -1) / 16.0
    small = tw.Recipe(epochs=30, batch_size=200, learning_rate=0.01, optimizer="adam")
    digits = tw.Dataset("digits", tw.Samples(X.astype(np.float32), y))
    network = tw.Network((64, 100, 10))
    one = "one fit, engine and train"
    found = in_turns(
        {
            one: lambda: list(tw.train(tw.open_engine("scratch", network, initialization="he"), digits, small)),
            f"cross_validate, {FOLDS} folds": lambda: tw.cross_validate(
                network, digits, small, folds=FOLDS, engine="scratch"
            ),
            "MLPClassifier": lambda: model.set_params(n_members=1).fit(X, y),
            "MLPClassifier(n_members=8)": lambda: model.set_params(n_members=8).fit(X, y),
        },
        given.rounds,
    )
    columns = ["digits, 64-100-10, batch size 200, 30 epochs", "seconds", "times one fit"]
    report.add(Figures(columns[0], columns, as_rows(found, one)))
    report.close()


if __name__ == "__main__":
    main()
