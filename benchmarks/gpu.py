"""A GPU, as one command: every path of `fused` on it in lockstep with `scratch`, then epochs beside peers on it.

    TWOFOLD_DATA=... python benchmarks/gpu.py [--device cuda] [--rounds 5] [--save] [--checks-only]

It takes less than nine minutes. Where there is no GPU it runs on the CPU as far as it can, and says so: the figures are
then those of a CPU. Lockstep is in float64, parameters relative to the largest after two epochs, with steps recorded as
CUDA graphs and without; float32 is held to what its digits allow, with TF32 off and on, and bfloat16 to its own.
A check that fails makes the exit code 1; all are run before that.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from unittest import mock

import numpy as np
import peers
import torch
from figures import Figures, Report
from peers import Epoch, Task

from twofold import Dataset, Network, OptimizerConfig, Recipe, Samples, load_dataset, open_engine, train
from twofold.functions import ACTIVATIONS, LOSSES, NORMALIZATIONS, OPTIMIZERS
from twofold.network import distance, largest

SHAPE = (5, 7, 6, 3)
OPTIONS: dict[str, tuple[dict[str, object], dict[str, object]]] = {  # of the network, of the recipe
    "dropout": ({"dropout": 0.4}, {}),
    "averaged weights": ({}, {"ema_decay": 0.9}),
    "weight decay": ({}, {"weight_decay": 0.1}),
    "L1": ({}, {"l1": 0.05}),
    "clipped": ({}, {"clip_norm": 0.2}),
    "smoothed labels": ({}, {"label_smoothing": 0.1}),
    "slices": ({}, {"slices": 4}),
    "dropout, batch normalisation, Adam": ({"dropout": 0.3, "normalization": "batch"}, {"optimizer": "adam"}),
}
EXACT, FLOAT32, TF32, BFLOAT16 = 1e-10, 1e-4, 2e-2, 0.2  # relative, after two epochs
OUT_OF_MEMORY = ["train", "mlp", "--data", "toy-animals", "--hidden", "400000,400000", "--epochs", "1"]


def cases() -> Iterator[tuple[str, Network, Recipe]]:
    """Every optimiser, loss, activation, normalisation and option that there is, one at a time."""
    usual = Recipe(epochs=2, batch_size=16, learning_rate=0.05)
    for optimizer in OPTIMIZERS:
        recipe = Recipe(epochs=2, batch_size=16, learning_rate=0.01, optimizer=OptimizerConfig(optimizer))
        yield f"optimiser {optimizer}", Network(SHAPE, ("relu", "tanh")), recipe
    for loss in LOSSES:
        outputs = 1 if loss == "sigmoid_cross_entropy" else 3
        yield f"loss {loss}", Network((*SHAPE[:-1], outputs), "tanh", loss), usual
    for activation in ACTIVATIONS:
        yield f"activation {activation}", Network(SHAPE, activation), usual
    for normalization in NORMALIZATIONS:
        yield f"normalisation {normalization}", Network(SHAPE, "silu", normalization=normalization), usual
    for name, (of_network, of_recipe) in OPTIONS.items():
        options: dict[str, object] = {"epochs": 2, "batch_size": 16, "learning_rate": 0.05, **of_recipe}
        yield name, Network(SHAPE, **of_network), Recipe(**options)


def some_data(network: Network) -> Dataset:
    """Draw 50 samples, so that the last minibatch is a short one, weighted, with targets of the loss's kind."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((50, network.inputs))
    y = LOSSES[network.loss].targets.draw(rng, (50, network.outputs))
    return Dataset("random", Samples(X, y, rng.uniform(0.5, 2, 50)))


def trained(kind: str, network: Network, recipe: Recipe, data: Dataset, **options: object) -> tuple[object, ...]:
    """Train an engine; return its parameters."""
    engine = open_engine(kind, network, initialization="he", **{"dtype": "float64"} | options)  # type: ignore[arg-type]
    list(train(engine, data, recipe))
    return engine.parameters()


def apart(first: object, second: object) -> float:
    """How far parameters are apart, relative to the largest."""
    return float(distance(first, second) / max(largest(first), largest(second)))  # type: ignore[arg-type]


@contextmanager
def graphs(*, used: bool) -> Iterator[None]:
    """Let steps be recorded as CUDA graphs, or not."""
    if used:
        yield
        return
    with mock.patch("twofold.engines.fused.device_capture", return_value=None):
        yield


def lockstep(device: str) -> Iterator[tuple[str, float, float]]:
    """Hold `fused` on the device to `scratch`: what is checked, how far apart they are, how far they may be."""
    for recorded in (True, False):
        if not recorded and device == "cpu":
            continue
        for name, network, recipe in cases():
            data = some_data(network)
            with graphs(used=recorded):
                found = trained("fused", network, recipe, data, device=device)
            told = name if recorded else f"{name}, not recorded"
            yield told, apart(trained("scratch", network, recipe, data), found), EXACT


def precisions(device: str) -> Iterator[tuple[str, float, float]]:
    """Hold float32, with TF32 off and on, and bfloat16 to `scratch` in float64."""
    network, recipe = Network((20, 64, 64, 3), "tanh"), Recipe(epochs=2, batch_size=16, learning_rate=0.05)
    data = some_data(network)
    truth = trained("scratch", network, recipe, data)
    before = torch.backends.cuda.matmul.allow_tf32
    try:
        for allowed, bar in ((False, FLOAT32), (True, TF32)):
            torch.backends.cuda.matmul.allow_tf32 = allowed
            found = trained("fused", network, recipe, data, device=device, dtype="float32")
            yield f"float32, TF32 {'on' if allowed else 'off'}", apart(truth, found), bar
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before
    found = trained("fused", network, recipe, data, device=device, dtype="float32", precision="bfloat16")
    yield "bfloat16", apart(truth, found), BFLOAT16


def moves(device: str) -> Iterator[tuple[str, float, float]]:
    """Go on from the CPU on the device, and back; and through several sizes of minibatches, back and forth."""
    network = Network(SHAPE, ("relu", "tanh"), dropout=0.2)
    recipe = Recipe(epochs=4, batch_size=16, learning_rate=0.01, optimizer=OptimizerConfig("adam"), ema_decay=0.9)
    data = some_data(network)
    ends = []
    for places in ((device, "cpu"), ("cpu", device)):
        engine = open_engine("fused", network, initialization="he", dtype="float64", device=places[0])
        next(train(engine, data, recipe))
        state = engine.state()
        other = open_engine("fused", network, initialization="he", dtype="float64", device=places[1])
        other.load(data.train.X, data.train.y, data.train.sample_weight)
        other.start(recipe)
        other.restore(state)
        for each in (engine, other):  # the next epoch's minibatches, in the samples' order
            for start in range(0, 50, 16):
                each.step(np.arange(start, min(50, start + 16)), 0.01)
        yield f"from {places[0]} to {places[1]}", apart(engine.parameters(), other.parameters()), EXACT
    sizes = [16, 9, 16, 5, 3, 9, 16, 2, 7, 5, 16]
    for kind, where in (("scratch", {}), ("fused", {"device": device})):
        engine = open_engine(kind, network, initialization="he", dtype="float64", **where)  # type: ignore[arg-type]
        engine.load(data.train.X, data.train.y, data.train.sample_weight)
        engine.start(recipe)
        for number, size in enumerate(sizes * 3):
            engine.step(np.arange(number, number + size) % 50, 0.01)
        ends.append(engine.parameters())  # type: ignore[arg-type]
    yield "minibatches of seven sizes", apart(*ends), EXACT


def one_line(device: str) -> Iterator[tuple[str, float, float]]:
    """Ask for a network that no card holds: the command must end in one line."""
    if device == "cpu":
        return
    words = [sys.executable, "-m", "twofold", *OUT_OF_MEMORY, "--engine", "fused", "--device", device]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    lines = done.stderr.strip().splitlines()
    yield (
        "out of memory: lines told, beyond one",
        float(len(lines) - 1 if done.returncode == 2 else len(lines) + 9),
        0.0,
    )


def check(report: Report, device: str) -> bool:
    """Run every check and print those that fail, and the worst of each kind."""
    rows, failed = [], []
    for kind in (lockstep, precisions, moves, one_line):
        worst, count = ("", 0.0, 0.0), 0
        try:
            for name, found, bar in kind(device):
                count += 1
                worst = max(worst, (name, found, bar), key=lambda each: each[1])
                if not found <= bar:
                    failed.append([name, f"{found:.1e}", f"{bar:.0e}"])
        except Exception:  # the next kind is checked all the same
            failed.append([f"{kind.__name__}, after {count}: {traceback.format_exc().splitlines()[-1][:60]}", "", ""])
        rows.append([kind.__name__.replace("_", " "), str(count), worst[0], f"{worst[1]:.1e}"])
    report.add(Figures(f"checks on {device}", ["kind", "checks", "worst", "apart"], rows))
    if failed:
        report.add(Figures("failed", ["check", "apart", "at most"], failed))
    return not failed


def finish(device: str) -> None:
    """Wait for what the device still has to do."""
    if device == "cuda":
        torch.cuda.synchronize()


def ours(device: str, precision: str | None = None) -> Callable[[Task], Epoch]:
    """Go through epochs as `fused` on the device."""
    return peers.engine("fused", **{"device": device} | ({"precision": precision} if precision else {}))


def pytorch(device: str, *, compiled: bool = False) -> Callable[[Task], Epoch]:
    """Write the loop in PyTorch with everything on the device; or compile its step."""

    def make(task: Task) -> Epoch:
        X, y = torch.from_numpy(task.floats).to(device), torch.from_numpy(task.targets).to(device)
        model = peers.module(task.network).to(device)
        optimizer = torch.optim.SGD(model.parameters(), lr=task.learning_rate)
        criterion = torch.nn.CrossEntropyLoss()

        def step(rows: torch.Tensor) -> None:
            loss = criterion(model(X[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

        run = torch.compile(step) if compiled else step

        def epoch(_number: int) -> None:
            for rows in torch.randperm(len(X), device=device).split(task.batch_size):
                run(rows)
            finish(device)

        return epoch

    return make


def race(report: Report, device: str, rounds: int) -> None:
    """Time an epoch of Fashion-MNIST in turns."""
    data = load_dataset("fashion-mnist")
    contestants = {"fused": ours(device), "fused, bfloat16": ours(device, "bfloat16"), "PyTorch": pytorch(device)}
    if device != "cpu" or peers.can_compile():
        contestants["PyTorch, torch.compile"] = pytorch(device, compiled=True)
    if find_spec("jax"):
        contestants["JAX, jit and scan"] = peers.jax_scan
    for title, widths, rate in (("MLP 784-256-10", (784, 256, 10), 0.5), ("softmax 784-10", (784, 10), 0.1)):
        task = Task(Network(widths), data.train.X, data.train.y, 256, rate)
        epochs = {name: make(task) for name, make in contestants.items()}
        seconds: dict[str, list[float]] = {name: [] for name in epochs}
        for number in range(rounds + 2):
            for name, epoch in epochs.items():
                finish(device)
                started = time.perf_counter()
                epoch(number + 1)
                if number > 1:
                    seconds[name].append(time.perf_counter() - started)
        rows = []
        for name, own in seconds.items():
            ratio = statistics.median(a / b for a, b in zip(own, seconds["fused"], strict=True))
            rows.append([name, f"{statistics.median(own) * 1000:.1f}", f"{ratio:.2f}"])
        report.add(Figures(f"an epoch of {title} on {device}", ["who", "ms", "times fused"], rows))


def whole(report: Report, device: str) -> None:
    """Time a whole training, five epochs with the test set after each."""
    data = load_dataset("fashion-mnist")
    rows = []
    for precision in (None, "bfloat16"):
        engine = open_engine("fused", Network((784, 256, 10)), device=device, precision=precision)
        started = time.perf_counter()
        *_, last = train(engine, data, Recipe(epochs=5, batch_size=256, learning_rate=0.5))
        taken = time.perf_counter() - started
        rows.append([precision or "float32", f"{taken:.2f}", f"{last.test_accuracy:.4f}"])
    report.add(Figures(f"five epochs of the MLP on {device}", ["numbers", "s", "test accuracy"], rows))


def main() -> int:
    """Check, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--save", action="store_true", help="keep the figures for the documents")
    parser.add_argument("--checks-only", action="store_true", help="time nothing")
    words = parser.parse_args()
    report = Report("gpu", save=words.save)
    if words.device == "cpu":
        print("no GPU here: all runs on the CPU, and what is timed are no figures of a GPU")
    else:
        print(f"{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}, PyTorch {torch.__version__}")
    sound = check(report, words.device)
    if not words.checks_only:
        race(report, words.device, words.rounds)
        whole(report, words.device)
    report.close()
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
