"""Seconds per epoch on Fashion-MNIST, side by side in one run: the engines and the plain in-memory PyTorch loop.

    TWOFOLD_DATA=... python benchmarks/engines.py [--rounds 7] [--save]

Contestants take turns, round after round, so that a slow minute of the machine hits them all; the figure of each is
the median of its rounds, and its ratio is the median of the ratios within a round. Between two turns the run sleeps,
since the threads of the last contestant's products spin on for a while and would slow the next.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from itertools import pairwise

import torch
from figures import Figures, Report

from twofold import Dataset, Network, Recipe, load_dataset, open_engine
from twofold.randomness import epoch_order
from twofold.training import batch_edges

NETWORKS = {"softmax 784-10": (Network((784, 10)), 0.1), "mlp 784-256-10": (Network((784, 256, 10)), 0.5)}
PEER = "PyTorch, in memory"
BATCH_SIZE = 256


def pytorch_loop(network: Network, learning_rate: float, data: Dataset) -> Callable[[int], None]:
    """Write the loop that one writes in PyTorch with the data in memory: index, forward, backward, step."""
    X = torch.tensor(data.train.X).reshape(len(data.train), -1).float() / 255
    y = torch.tensor(data.train.y).long()
    layers: list[torch.nn.Module] = []
    for inputs, outputs in network.shapes:
        layers += [torch.nn.ReLU()] if layers else []
        layers.append(torch.nn.Linear(inputs, outputs))
    model = torch.nn.Sequential(*layers)
    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate)
    criterion = torch.nn.CrossEntropyLoss()

    def epoch(_number: int) -> None:
        for rows in torch.randperm(len(X)).split(BATCH_SIZE):
            loss = criterion(model(X[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return epoch


def engine_loop(name: str, network: Network, learning_rate: float, data: Dataset) -> Callable[[int], None]:
    """Go through epochs as one of our engines, its running means read at the end as in `twofold.train`."""
    engine = open_engine(name, network)
    engine.load(data.train.X, data.train.y)
    engine.start(Recipe(batch_size=BATCH_SIZE, learning_rate=learning_rate))
    edges = batch_edges(len(data.train), BATCH_SIZE)

    def epoch(number: int) -> None:
        order = epoch_order(0, number, len(data.train))
        engine.begin_epoch()
        for start, end in pairwise(edges):
            engine.step(order[start:end], learning_rate)
        engine.running()

    return epoch


def measure(network: Network, learning_rate: float, data: Dataset, rounds: int) -> dict[str, list[float]]:
    """Seconds of each contestant in each round, after one that is not counted."""
    contestants = {PEER: pytorch_loop(network, learning_rate, data)}
    contestants |= {name: engine_loop(name, network, learning_rate, data) for name in ("scratch", "concise")}
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(rounds + 1):
        for name, epoch in contestants.items():
            time.sleep(0.1)
            started = time.perf_counter()
            epoch(number + 1)
            if number:
                seconds[name].append(time.perf_counter() - started)
    return seconds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--save", action="store_true", help="keep the figures for the documents")
    words = parser.parse_args()
    data = load_dataset("fashion-mnist")
    report = Report("engines", save=words.save)
    for title, (network, learning_rate) in NETWORKS.items():
        seconds = measure(network, learning_rate, data, words.rounds)
        rows = []
        for name, own in seconds.items():
            ratio = statistics.median(a / b for a, b in zip(own, seconds[PEER], strict=True))
            rows.append([name, f"{statistics.median(own) * 1000:.0f}", f"{ratio:.2f}"])
        report.add(Figures(f"an epoch of {title}", ["who", "ms", f"times {PEER}"], rows))
    report.close()


if __name__ == "__main__":
    main()
