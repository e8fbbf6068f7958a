"""Kill a training at random instants, again and again, and hold what comes out against the run that nobody killed.

``python tests/kills.py --kills 200`` is the large run, with ``--fits`` of estimators' `fit`;
`tests/checkpoints/test_kills.py` is a small one. All is in one
thread, since PyTorch's don't survive a fork. Every step writes a checkpoint, so that most kills fall into a write.
After each kill every checkpoint there must be readable, the newest must not be older than before, and no more may lie
about than one unfinished file; after a run's last step its parameters, optimiser's memory and history must be those of
the run that wasn't killed, bit for bit.
"""

from __future__ import annotations

import argparse
import os
import pickle
import random
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

from sklearn.exceptions import ConvergenceWarning

from helpers import assert_same_state, random_dataset
from twofold import CheckpointFolder, Checkpoints, MLPClassifier, Network, Recipe, open_engine, train
from twofold.checkpoints.file import read_checkpoint
from twofold.checkpoints.lock import LOCK
from twofold.engines import ENGINES
from twofold.engines.threads import use_threads
from twofold.environment import environment
from twofold.functions import OPTIMIZERS

NETWORK = Network((6, 24, 24, 3), dropout=0.1, normalization="batch")
STEPS = 40  # of a run
KEEP = 2


@dataclass
class Kills:
    """What happened.

    Attributes
    ----------
    kills : int
    in_a_write : int
        Kills that left an unfinished file behind.
    runs : Counter of str
        Runs that came to their end, by engine and optimiser.
    """

    kills: int = 0
    in_a_write: int = 0
    runs: Counter[str] = field(default_factory=Counter)


def play_fits(wanted: int, engines: list[str], seed: int) -> Kills:
    """Kill fits of estimators, and hold what the last process of each fit leaves against the fit nobody killed."""
    rng = random.Random(seed)  # noqa: S311 - no secret
    told, samples = Kills(), random_dataset(NETWORK, n=120).train
    X, y = samples.X, samples.y
    while told.kills < wanted or told.runs.total() < len(FITS):
        options = FITS[told.runs.total() % len(FITS)] | {
            "engine": rng.choice(engines),
            "random_state": rng.randrange(1000),
        }
        whole = fitted(None, X, y, options)
        with tempfile.TemporaryDirectory() as folder:
            while True:
                child = os.fork()
                if child == 0:
                    exit_with(lambda: fitted(folder, X, y, options))  # noqa: B023 - the child ends here
                time.sleep(rng.uniform(0, 0.6))
                os.kill(child, signal.SIGKILL)
                _, status = os.waitpid(child, 0)
                if os.WIFEXITED(status):
                    assert os.WEXITSTATUS(status) == 0
                    break
                told.kills += 1
            assert learned(fitted(folder, X, y, options)) == learned(whole), options
        told.runs[f"{options['engine']} {options['solver']}"] += 1
    return told


FITS = [
    {"solver": "adam", "early_stopping": True, "n_iter_no_change": 3, "max_iter": 40, "learning_rate_init": 0.02},
    {"solver": "sgd", "learning_rate": "adaptive", "n_iter_no_change": 2, "tol": 0.01, "max_iter": 40},
    {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.1, "max_iter": 8},
    {"solver": "lion", "ema_decay": 0.9, "normalization": "batch", "dropout": 0.1, "max_iter": 8},
]


def fitted(folder: str | None, X, y, options: dict):
    """Fit an estimator, with checkpoints if a folder is named."""
    saving = None if folder is None else Checkpoints(folder, every_seconds=1e-9, keep=KEEP)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ConvergenceWarning)
        return MLPClassifier((16,), batch_size=20, callbacks=saving, threads=1, **options).fit(X, y)


def learned(model) -> dict:
    """Everything that a fit learned, but for the time that it took."""
    found = {name: value for name, value in vars(model).items() if name.endswith("_") and name not in ("network_",)}
    found["history_"] = [replace(epoch, seconds=0, epochs=0) for epoch in model.history_]
    found["parameters_"] = [array for layer in model.parameters_ for array in layer.arrays.values()]
    found["rate"] = model._optimizer.learning_rate
    return {name: pickle.dumps(value) for name, value in found.items()}


def exit_with(work) -> None:
    """Do a process's work and end it: 0, or 1 on any error."""
    code = 1
    try:
        work()
        code = 0
    except BaseException as error:
        print(repr(error), file=sys.stderr)
    finally:
        os._exit(code)


def play(wanted: int, engines: list[str], seed: int) -> Kills:
    """Kill until so many kills are done, run by run, each to its end."""
    rng = random.Random(seed)  # noqa: S311 - no secret
    told = Kills()
    while told.kills < wanted:
        engine, optimizer = rng.choice(engines), rng.choice(list(OPTIMIZERS))
        recipe = Recipe(
            epochs=4,
            batch_size=10,
            optimizer=optimizer,
            learning_rate=0.01,
            ema_decay=rng.choice([0.0, 0.9]),
            seed=rng.randrange(10**6),
        )
        with tempfile.TemporaryDirectory() as folder:
            kill_one_run(Path(folder), engine, recipe, told=told, rng=rng)
        told.runs[f"{engine} {optimizer}"] += 1
    return told


def kill_one_run(folder: Path, engine: str, recipe: Recipe, *, told: Kills, rng: random.Random) -> None:
    """Train in one process after the other, each killed at a random instant, until one comes to the end."""
    newest, samples = 0, data().train
    # To import and to compile take longer than any of these processes lives.
    open_engine(engine, NETWORK, seed=1).load(samples.X, samples.y)
    while True:
        child = os.fork()
        if child == 0:
            train_to_the_end(folder, engine, recipe)
        time.sleep(rng.uniform(0, 0.2))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            assert os.WEXITSTATUS(status) == 0, f"a resumed run ended with {os.WEXITSTATUS(status)}"
            break
        told.kills += 1
        newest = inspect(folder, newest, told)
    compare(folder, engine, recipe)


def train_to_the_end(folder: Path, engine: str, recipe: Recipe) -> None:
    """Be the process that is killed; exit 0 at the end, 1 on any error, a damaged checkpoint included."""

    def work() -> None:
        warnings.simplefilter("error")
        worker = open_engine(engine, NETWORK, seed=1)
        for _ in train(worker, data(), recipe, Checkpoints(folder, every_seconds=1e-9, keep=KEEP)):
            pass

    exit_with(work)


def data():
    return replace(random_dataset(NETWORK, n=100), test=random_dataset(NETWORK, n=20, seed=1).train)


def inspect(folder: Path, newest: int, told: Kills) -> int:
    """Look at what a killed process left; return the newest checkpoint's step."""
    names = sorted(entry.name for entry in folder.iterdir() if entry.name != LOCK)
    whole = [name for name in names if name.startswith("step-")]
    strays = len(names) - len(whole)
    assert len(whole) <= KEEP + 1, names
    assert strays <= 1, names
    told.in_a_write += strays
    steps = [read_checkpoint(folder / name).steps for name in whole]
    assert max(steps, default=0) >= newest, (steps, newest)
    return max(steps, default=0)


def compare(folder: Path, engine: str, recipe: Recipe) -> None:
    """Hold a run's last checkpoint against the run that nobody killed."""
    whole = open_engine(engine, NETWORK, seed=1)
    records = list(train(whole, data(), recipe))
    with CheckpointFolder(folder) as checkpoints:
        last = checkpoints.latest()
    assert last is not None
    assert last.steps == STEPS
    assert_same_state(last.state, whole.state())
    assert [replace(epoch, seconds=0) for epoch in last.history] == [replace(epoch, seconds=0) for epoch in records]
    assert len(list(folder.iterdir())) <= KEEP + 1, "files pile up"  # and the lock


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--engines", default=",".join(ENGINES))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fits", action="store_true", help="kill fits of MLPClassifier")
    options = parser.parse_args()
    engines = options.engines.split(",")
    for engine in engines:
        open_engine(engine, NETWORK)  # imported once, here, and not in every process
    use_threads(1)
    environment()
    began = time.perf_counter()
    told = (play_fits if options.fits else play)(options.kills, engines, options.seed)
    print(
        f"{told.kills} kills, {told.in_a_write} of them in a write; {told.runs.total()} runs came to their end, each equal "
        f"to the bit to the run that nobody killed; {time.perf_counter() - began:.0f} s"
    )
    print("runs: " + ", ".join(f"{name} {count}" for name, count in sorted(told.runs.items())))


if __name__ == "__main__":
    main()
