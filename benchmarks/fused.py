"""The fast engines beside their peers, in one run.

Install them by ``pip install 'twofold[bench]'``, then:

    TWOFOLD_DATA=... python benchmarks/fused.py [--rounds 5] [--quick] [--only mlp,softmax] [--save]

Contestants take turns, round after round, so that a slow minute of the machine hits them all; a figure is the median of
its rounds, a ratio the median of the ratios within a round. Between two turns the run sleeps: OpenBLAS's threads spin
for some 25 ms after a product, and would slow whoever comes next. After that sleep everybody's first milliseconds are
slow, so that a turn goes through whole epochs until it has lasted `TURN`, as a training does.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
import timeit
from collections.abc import Callable, Sequence
from importlib.util import find_spec

os.environ.setdefault("KERAS_BACKEND", "jax")

import numpy as np
import peers
import torch
from figures import Figures, Report
from peers import Epoch, Task
from predictors import PREDICTORS

from twofold import Dataset, Network, load_dataset, open_engine

Make = Callable[[Task], Epoch]
OURS: dict[str, Make] = {
    "scratch": peers.engine("scratch"),
    "compiled": peers.engine("compiled"),
    "fused": peers.engine("fused", head="pytorch"),
    "fused, bfloat16": peers.engine("fused", precision="bfloat16", head="pytorch"),
    "fused, Numba": peers.engine("fused", head="numba"),
    "fused, Numba, bfloat16": peers.engine("fused", precision="bfloat16", head="numba"),
}
FAST: dict[str, Make] = {
    "PyTorch, in memory": peers.pytorch_in_memory,
    "PyTorch, torch.compile": peers.pytorch_compiled,
    "JAX, jit and scan": peers.jax_scan,
}
SLOW: dict[str, Make] = {
    "the textbook loop": peers.textbook,
    "PyTorch, DataLoader": peers.pytorch_loader,
    "Lightning": peers.lightning_trainer,
    "skorch": peers.skorch_net,
    "Keras on JAX": peers.keras_jax,
    "scikit-learn": peers.sklearn_mlp,
}
NEEDS = {
    "JAX, jit and scan": "jax",
    "JAX, jit": "jax",
    "Lightning": "lightning",
    "skorch": "skorch",
    "Keras on JAX": "keras",
}
TURN = 0.3  # seconds
JOB = """
import sys; sys.path.insert(0, "benchmarks")
import torch, peers
from twofold import Network, load_dataset
data = load_dataset("fashion-mnist")
task = peers.Task(Network({widths}), data.train.X, data.train.y, 256, {rate})
epoch = peers.textbook(task, (data.test.X, data.test.y))
for number in range(5): epoch(number)
"""


def arithmetic(task: Task) -> Epoch:
    """Do an epoch's products alone, in bfloat16 on operands that stay in the cache: the limit."""
    size = task.batch_size
    pairs = [(torch.randn(size, i).bfloat16(), torch.randn(o, i).bfloat16()) for i, o in task.network.shapes]
    steps = -(-len(task.X) // size)

    def epoch(_number: int) -> None:
        for _ in range(steps):
            for index, (H, W) in enumerate(pairs):
                Z = H @ W.t()
                Z.t() @ H
                if index:
                    Z @ W

    return epoch


def race(task: Task, contestants: dict[str, Make], rounds: int) -> dict[str, list[float]]:
    """Seconds per epoch of each contestant in each round, after one that is not counted."""
    there = {name: make for name, make in contestants.items() if name not in NEEDS or find_spec(NEEDS[name])}
    if not peers.can_compile():
        there.pop("PyTorch, torch.compile", None)
    epochs = {name: make(task) for name, make in there.items()}
    seconds: dict[str, list[float]] = {name: [] for name in epochs}
    for number in range(rounds + 1):
        for name, epoch in epochs.items():
            time.sleep(0.1)
            taken = turn(epoch, number + 1)
            if number:
                seconds[name].append(taken)
    return seconds


def turn(epoch: Epoch, number: int) -> float:
    """Seconds per epoch of a turn."""
    started, done = time.perf_counter(), 0
    while (lasted := time.perf_counter() - started) < TURN:
        epoch(number)
        done += 1
    return lasted / done


def show(
    report: Report,
    title: str,
    seconds: dict[str, list[float]],
    *,
    unit: float = 1e-3,
    bases: Sequence[str] = ("compiled", "fused"),
) -> None:
    """Print who needed how long, and how many times as long as two of ours."""
    bases = [name for name in bases if name in seconds]
    columns = ["who", "us" if unit == 1e-6 else "ms", "least", *(f"times {name}" for name in bases)]
    rows = []
    for name, own in seconds.items():
        ratios = [statistics.median(a / b for a, b in zip(own, seconds[base], strict=True)) for base in bases]
        taken = (f"{statistics.median(own) / unit:.1f}", f"{min(own) / unit:.1f}")
        rows.append([name, *taken, *(f"{ratio:.2f}" for ratio in ratios)])
    report.add(Figures(f"{title}; load {os.getloadavg()[0]:.1f}", columns, rows))


def tasks(data: Dataset) -> dict[str, tuple[str, Task]]:
    """Every network that is trained here."""
    rng = np.random.default_rng(0)
    X, y = data.train.X, data.train.y
    small, wide = rng.standard_normal((20_000, 20), np.float32), rng.standard_normal((20_000, 100), np.float32)
    table = rng.standard_normal((1_000_000, 20), np.float32)
    squares = {"loss": "squared"}
    return {
        "mlp": ("MLP 784-256-10", Task(Network((784, 256, 10)), X, y, 256, 0.5)),
        "softmax": ("softmax 784-10", Task(Network((784, 10)), X, y, 256, 0.1)),
        "wide": ("MLP 784-1024-1024-10", Task(Network((784, 1024, 1024, 10)), X, y, 256, 0.1)),
        "small": (
            "MLP 20-64-64-1, batch size 32",
            Task(Network((20, 64, 64, 1), **squares), small, small[:, :1] ** 2, 32, 0.01),
        ),
        "classes": ("softmax 100-1000", Task(Network((100, 1000)), wide, rng.integers(1000, size=20_000), 256, 0.1)),
        "linear": ("linear 1e6 x 20", Task(Network((20, 1), **squares), table, table.sum(axis=1)[:, None], 256, 0.01)),
    }


def predictions(report: Report, task: Task, rounds: int) -> None:
    """Seconds for the outputs of all samples."""
    title = f"outputs of {len(task.X)} samples, {'-'.join(map(str, task.network.widths))}"
    show(report, f"{title}, {torch.get_num_threads()} threads", race(task, PREDICTORS, rounds))


def one_row(report: Report, rounds: int) -> None:
    """Seconds for one sample, inside the process."""
    from sklearn.neural_network import MLPRegressor

    for widths in ((20, 64, 64, 1), (784, 256, 10)):
        rng = np.random.default_rng(0)
        X, y = rng.random((200, widths[0]), dtype=np.float32), rng.random((200, widths[-1]), dtype=np.float32)
        model = MLPRegressor(
            hidden_layer_sizes=widths[1:-1], max_iter=2, solver="sgd", learning_rate_init=1e-6, tol=1e9
        ).fit(X, y)
        engine = open_engine("fused", Network(widths, loss="squared"))
        x, row = X[0], X[:1]
        who = {
            "fused": lambda engine=engine, x=x: engine.output(x),
            "scikit-learn": lambda model=model, row=row: model.predict(row),
        }
        seconds = {name: [timeit.timeit(f, number=500) / 500 for _ in range(rounds)] for name, f in who.items()}
        show(report, f"one row through {'-'.join(map(str, widths))}", seconds, unit=1e-6)


def whole_job(report: Report, rounds: int) -> None:
    """Seconds of whole processes: five epochs, each with its evaluation."""
    for model, widths, rate in (("softmax", (784, 10), 0.1), ("mlp", (784, 256, 10), 0.1)):
        command = [sys.executable, "-m", "twofold", "train", model, "--data", "fashion-mnist", "--epochs", "5"]
        who = {
            "fused": [*command, "--engine", "fused"],
            "auto": command,
            "the textbook loop": [sys.executable, "-c", JOB.format(widths=widths, rate=rate)],
        }
        seconds: dict[str, list[float]] = {name: [] for name in who}
        for _ in range(max(1, rounds // 2)):
            for name, words in who.items():
                started = time.perf_counter()
                subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
                seconds[name].append(time.perf_counter() - started)
        show(report, f"twofold train {model}, five epochs, a whole process", seconds, bases=("fused", "auto"))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="leave out the slow peers")
    parser.add_argument("--only", default="mlp,softmax,wide,small,classes,linear,predict,row,job", help="some of these")
    parser.add_argument("--save", action="store_true", help="keep the figures for the documents")
    words = parser.parse_args()
    only, report = words.only.split(","), Report("fused", save=words.save)
    if not peers.can_compile():
        print("torch.compile is left out: it can't compile here, for which it needs a C++ compiler")
    all_tasks = tasks(load_dataset("fashion-mnist"))
    for name, (title, task) in all_tasks.items():
        if name not in only:
            continue
        slow = {} if words.quick or name not in ("mlp", "softmax") else dict(SLOW)
        if name == "softmax":
            slow.pop("scikit-learn", None)
        contestants = {**FAST, **slow, "bfloat16 products alone": arithmetic, **OURS}
        show(report, f"an epoch of {title}; {torch.get_num_threads()} threads", race(task, contestants, words.rounds))
    if "predict" in only:
        predictions(report, all_tasks["mlp"][1], words.rounds)
    if "row" in only:
        one_row(report, words.rounds)
    if "job" in only:
        whole_job(report, words.rounds)
    report.close()


if __name__ == "__main__":
    main()
