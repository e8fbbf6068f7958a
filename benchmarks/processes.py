"""Several processes beside one: seconds of an epoch and the model's hash; PyTorch's DDP in the same run.

Random images, 784-1024-1024-10, batch size 4096, engine fused, 8 slices; medians over rounds in turns.

python benchmarks/processes.py [--rounds 3] [--processes 1 2] [--save]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from hashlib import sha256
from typing import Any

import numpy as np
from figures import Figures, Report

from twofold import Dataset, Network, Recipe, Samples, connect, open_engine, train
from twofold.engines.threads import use_threads

NETWORK = Network((784, 1024, 1024, 10))
SAMPLES, BATCH, SLICES, EPOCHS = 16384, 4096, 8, 3


def images() -> Dataset:
    """Random image bytes and classes."""
    rng = np.random.default_rng(0)
    X, y = rng.integers(256, size=(SAMPLES, 784), dtype=np.uint8), rng.integers(10, size=SAMPLES)
    return Dataset("random", Samples(X, y))


def ours(slices: int, threads: int) -> dict[str, Any]:
    """Train with the processes that there are; return what the first one measured."""
    with connect(threads=threads) as processes:
        engine = open_engine("fused", NETWORK, initialization="he", head="pytorch")
        use_threads(threads)
        recipe = Recipe(epochs=EPOCHS, batch_size=BATCH, slices=slices, learning_rate=0.01)
        seconds = [epoch.seconds for epoch in train(engine, images(), recipe, processes=processes)]
        numbers = b"".join(array.tobytes() for layer in engine.parameters() for array in layer.arrays.values())
        return {"rank": processes.rank, "seconds": min(seconds), "hash": sha256(numbers).hexdigest()[:12]}


def data_parallel() -> dict[str, Any]:
    """Train PyTorch's modules by DistributedDataParallel, each process on its part of each minibatch."""
    import torch
    from torch import distributed, nn
    from torch.nn.parallel import DistributedDataParallel

    torch.set_num_threads(1)
    distributed.init_process_group("gloo")
    rank, size = distributed.get_rank(), distributed.get_world_size()
    torch.manual_seed(0)
    widths = NETWORK.widths
    layers = [nn.Linear(784, widths[1]), nn.ReLU(), nn.Linear(*widths[1:3]), nn.ReLU(), nn.Linear(*widths[2:])]
    model = DistributedDataParallel(nn.Sequential(*layers))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    data = images().train
    X, y = torch.from_numpy(data.X.reshape(SAMPLES, 784)).float() / 255, torch.from_numpy(np.asarray(data.y))
    seconds = []
    for _ in range(EPOCHS):
        started = time.perf_counter()
        for start in range(0, SAMPLES, BATCH):
            own = slice(start + BATCH * rank // size, start + BATCH * (rank + 1) // size)
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(X[own]), y[own]).backward()
            optimizer.step()
        seconds.append(time.perf_counter() - started)
    numbers = b"".join(parameter.detach().numpy().tobytes() for parameter in model.parameters())
    distributed.destroy_process_group()
    return {"rank": rank, "seconds": min(seconds), "hash": sha256(numbers).hexdigest()[:12]}


def run(processes: int, *words: str) -> dict[str, Any]:
    """Run this file in so many processes; return what the first one says."""
    launch = ["-m", "torch.distributed.run", "--nproc-per-node", str(processes), __file__, "--work", *words]
    output = subprocess.run([sys.executable, *launch], check=True, capture_output=True, text=True).stdout
    said: dict[str, Any] = next(json.loads(line) for line in output.splitlines() if line.startswith("{"))
    return said


def main() -> None:
    """Measure in turns and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--work", nargs="+", help=argparse.SUPPRESS)
    parser.add_argument("--save", action="store_true", help="keep the figures for the documents")
    given = parser.parse_args()
    if given.work:
        kind, *numbers = given.work
        said = data_parallel() if kind == "ddp" else ours(*map(int, numbers))
        if said["rank"] == 0:
            print(json.dumps(said), flush=True)
        return
    cores = os.cpu_count() or 1
    whole = f"1 process, whole minibatches, {cores} threads"
    tasks: dict[str, tuple[Any, ...]] = {whole: (1, "ours", "1", str(cores))}
    for n in given.processes:
        many = f"{n} process{'es' if n > 1 else ''}"
        tasks[f"{many}, {SLICES} slices, 1 thread each"] = (n, "ours", str(SLICES), "1")
        tasks[f"{many}, DistributedDataParallel"] = (n, "ddp")
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in tasks}
    for _ in range(given.rounds):
        for name, (processes, *words) in tasks.items():
            found[name].append(run(processes, *words))
    rows = []
    for name, said in found.items():
        seconds = statistics.median(one["seconds"] for one in said)
        ratio = statistics.median(a["seconds"] / b["seconds"] for a, b in zip(said, found[whole], strict=True))
        models = ", ".join(sorted({one["hash"] for one in said}))
        rows.append([name, f"{seconds:.3f}", f"{ratio:.2f}", models])
    report = Report("processes", save=given.save)
    report.add(
        Figures("784-1024-1024-10, batch size 4096", ["who", "s an epoch", "times the first", "model's sum"], rows)
    )
    report.close()


if __name__ == "__main__":
    main()
