"""Seconds from the start of a process to a test accuracy on Fashion-MNIST, by fully connected networks.

    TWOFOLD_DATA=... python benchmarks/speedrun.py [--seeds 5] [--bars 0.85,0.9] [--only twofold] [--save]

Every run is a process of its own, timed from its start to its exit: it imports its library, reads the four files from
disk, trains a fixed plan and scores the model once, on the test set. Plans stand in `PLANS`. They were chosen on the
last 10,000 training images, never on test images; `--held-out` trains on the others and scores on those. A bar is
reached if the mean accuracy over the seeds is at least the bar.

PyTorch and Keras have the same network, loss, schedule and number of epochs as twofold. The textbook's loop is SGD at a
constant rate, and scikit-learn has neither normalisation nor label smoothing nor a schedule for Adam: their plans were
chosen for them. Contestants take turns, seed after seed. Before the first turn each runs a little of its plan,
uncounted, so that files, byte code and Numba's machine code
are in their caches.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from figures import PACKAGES, Figures, Report
from speedrunners import CONTESTANTS

from twofold.cores import usable_cores
from twofold.data.image_sets import IMAGE_SETS, find_files
from twofold.values import count

NEEDS = {"PyTorch": "torch", "the textbook": "torch", "Keras on JAX": "keras", "scikit-learn": "sklearn"}
ENGINES = ("scratch", "compiled", "fused", "fused, bfloat16")
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
COLUMNS = ("who", "seconds", "times twofold", "accuracy", "hidden", "epochs", "batch")


@dataclass(frozen=True)
class Plan:
    """A fixed training.

    Attributes
    ----------
    hidden : tuple of int
        Widths of the hidden layers, of ReLUs.
    epochs, batch_size : int
    rate : float
        The largest learning rate.
    rows : int
        Training images that are used, the first ones.
    optimizer, schedule : str
        As in `twofold.Recipe`; AdamW without decay is Adam.
    decay : float
        Of weights, in AdamW.
    mirrored : bool
        Train on each image and on its mirror image, and predict by the sum of both outputs.
    normalization : str, optional
        As in `twofold.Network`.
    smoothing, dropout : float
        Label smoothing, and the probability with which a hidden unit is dropped.
    engine : str
        twofold's; ", bfloat16" after it is the precision of its matrix products.
    threads : int
        Of the arithmetic; 0 for as many as there are cores. Small products are done sooner by one.
    """

    hidden: tuple[int, ...]
    epochs: int
    batch_size: int
    rate: float
    rows: int = 60_000
    optimizer: str = "adamw"
    schedule: str = "one_cycle"
    decay: float = 0.0
    mirrored: bool = False
    normalization: str | None = None
    smoothing: float = 0.1
    dropout: float = 0.0
    engine: str = "scratch"
    threads: int = 0


def alike(plan: Plan, textbook: Plan, sklearn: Plan) -> dict[str, Plan]:
    """Give PyTorch and Keras twofold's plan, with as many threads as there are cores for large products."""
    everywhere = replace(plan, threads=0) if max(plan.hidden) * plan.batch_size > 2**15 else plan
    return {
        "twofold": plan,
        "PyTorch": everywhere,
        "the textbook": replace(textbook, optimizer="sgd", schedule="constant"),
        "Keras on JAX": everywhere,
        "scikit-learn": replace(sklearn, optimizer="adam", schedule="constant", normalization=None, smoothing=0.0),
    }


PLANS: dict[float, dict[str, Plan]] = {
    0.85: alike(
        Plan((48,), 1, 64, 0.01, rows=42_000, threads=1),
        textbook=Plan((64,), 2, 64, 0.2, threads=1),
        sklearn=Plan((64,), 2, 128, 0.003, threads=1),
    ),
    0.88: alike(
        Plan((128, 64), 2, 192, 0.012, normalization="batch", threads=1),
        textbook=Plan((256,), 15, 128, 0.2, smoothing=0.0),
        sklearn=Plan((128,), 8, 256, 0.002),
    ),
    0.90: alike(
        Plan((256, 256), 7, 256, 0.008, decay=0.1, normalization="batch", engine="compiled", threads=1),
        textbook=Plan((512, 512), 25, 256, 0.2, normalization="batch"),
        sklearn=Plan((512,), 15, 256, 0.001),
    ),
    0.91: alike(
        Plan((512, 512), 10, 256, 0.006, decay=0.1, mirrored=True, normalization="batch", engine="fused, bfloat16"),
        textbook=Plan((512, 512), 25, 256, 0.2, mirrored=True, normalization="batch"),
        sklearn=Plan((512, 512), 12, 256, 0.0003, mirrored=True),
    ),
}


def run(contestant: str, plan: Plan, seed: int, *, held_out: bool = False) -> tuple[float, float]:
    """Return the seconds of a process from its start to its exit, and the accuracy that it printed."""
    words = {**asdict(plan), "held_out": held_out, "files": list(map(str, find_files(IMAGE_SETS["fashion-mnist"])))}
    script = Path(__file__).with_name("speedrunners.py")
    command = [sys.executable, str(script), contestant, json.dumps(words), str(seed)]
    threads = dict.fromkeys(THREADS, str(plan.threads or usable_cores()))
    environment = {**os.environ, **threads, "KERAS_BACKEND": "jax"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # nobody's modules are compiled anew each time
    time.sleep(0.1)  # until the threads of the last one are asleep
    started = time.perf_counter()
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    return time.perf_counter() - started, float(done.stdout.split()[-1])


def warm(contestant: str, plan: Plan) -> None:
    """Run two steps of a plan, so that what a run finds on disk is in the caches."""
    run(contestant, replace(plan, epochs=1, rows=2 * plan.batch_size), 0)


def race(plans: Mapping[str, Plan], seeds: int, *, held_out: bool = False) -> dict[str, list[tuple[float, float]]]:
    """Return each one's seconds and accuracies, seed by seed; a name is a contestant's, or an engine's of twofold."""
    who = {name: name if name in CONTESTANTS else "twofold" for name in plans}
    for name, plan in plans.items():
        warm(who[name], plan)
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in plans}
    for seed in range(seeds):
        for name, plan in plans.items():
            found[name].append(run(who[name], plan, seed, held_out=held_out))
    return found


def as_table(
    bar: float, plans: Mapping[str, Plan], found: Mapping[str, list[tuple[float, float]]], what: str
) -> Figures:
    """Return a bar's table; who misses the bar has its accuracy and no ratio."""
    means = {name: [statistics.fmean(each) for each in zip(*runs, strict=True)] for name, runs in found.items()}
    base = means[next(iter(means))]
    rows = []
    for name, (seconds, accuracy) in means.items():
        plan, reached = plans[name], accuracy >= bar
        rows.append(
            [
                name,
                f"{seconds:.2f}",
                f"{seconds / base[0]:.2f}" if reached and base[1] >= bar else "-",
                f"{accuracy:.4f}" + ("" if reached else ", not reached"),
                "-".join(map(str, plan.hidden)),
                f"{plan.epochs * plan.rows * (1 + plan.mirrored) / Plan.rows:.3g}",
                str(plan.batch_size),
            ]
        )
    seeds = count(len(next(iter(found.values()))), "seed")
    return Figures(f"to {what} accuracy {bar:.2f}; mean of {seeds}", COLUMNS, rows)


def main() -> None:
    """Measure in turns and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--bars", default=",".join(map(str, PLANS)), help="some of these")
    parser.add_argument("--only", default="; ".join(CONTESTANTS), help="some of these")
    parser.add_argument("--engines", action="store_true", help="twofold's plans alone, on each of its engines")
    parser.add_argument("--held-out", action="store_true", help="score training images that are not trained on")
    parser.add_argument("--save", action="store_true", help="keep the figures for the documents")
    given = parser.parse_args()
    if find_files(IMAGE_SETS["fashion-mnist"]) is None:
        parser.error("Fashion-MNIST is not here: `twofold data get fashion-mnist`, or TWOFOLD_DATA=FOLDER")
    report = Report("speedrun", save=given.save, packages=(*PACKAGES, "keras"))
    for bar in map(float, given.bars.split(",")):
        plans = {name: PLANS[bar][name] for name in CONTESTANTS if name in given.only}
        plans = {name: plan for name, plan in plans.items() if name not in NEEDS or find_spec(NEEDS[name])}
        if given.engines:
            plans = {engine: replace(PLANS[bar]["twofold"], engine=engine) for engine in ENGINES}
        found = race(plans, given.seeds, held_out=given.held_out)
        report.add(as_table(bar, plans, found, "held-out" if given.held_out else "test"))
    report.close()


if __name__ == "__main__":
    main()
