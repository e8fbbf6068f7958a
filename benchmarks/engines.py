"""Seconds per epoch on Fashion-MNIST, side by side in one run: the engines and the plain in-memory PyTorch loop.

    TWOFOLD_DATA=... python benchmarks/engines.py [--rounds 7] [--json]

Contestants take turns, round after round, so that a slow minute of the machine hits them all; the figure of each is
the median of its rounds, and its ratio is the median of the ratios within a round. Between two turns the run sleeps,
since the threads of the last contestant's products spin on for a while and would slow the next.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from itertools import pairwise

import torch
from rich.console import Console
from rich.table import Table

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
    parser.add_argument("--json", action="store_true")
    words = parser.parse_args()
    data = load_dataset("fashion-mnist")
    results = {}
    for title, (network, learning_rate) in NETWORKS.items():
        seconds = measure(network, learning_rate, data, words.rounds)
        results[title] = {
            name: {
                "seconds": statistics.median(own),
                "ratio": statistics.median(a / b for a, b in zip(own, seconds[PEER], strict=True)),
            }
            for name, own in seconds.items()
        }
    if words.json:
        print(json.dumps(results))
        return
    table = Table(
        title=f"an epoch of Fashion-MNIST, batch size {BATCH_SIZE}, float32, {torch.get_num_threads()} threads"
    )
    for column in ("network", "who", "ms", f"times {PEER}"):
        table.add_column(column, justify="left" if column in ("network", "who") else "right")
    for title, rows in results.items():
        for name, figures in rows.items():
            table.add_row(title, name, f"{figures['seconds'] * 1000:.0f}", f"{figures['ratio']:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
