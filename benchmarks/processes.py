"""Several processes beside one: seconds of an epoch and the model's hash; PyTorch's DDP in the same run.

Random images, 784-1024-1024-10, batch size 4096, engine fused, 8 slices; medians over rounds in turns. "as before" is
`train` without `processes`, and must take as long as one process with one slice. Then what a process sends in a step,
counted at the collectives, beside the least if all get the sum: 2 (N - 1) / N times the parameters. And how far
DistributedDataParallel's parameters are from those that it has with one process.

python benchmarks/processes.py [--rounds 3] [--processes 1 2] [--counted 2 3 4] [--save]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from hashlib import sha256
from typing import Any

import numpy as np
from figures import Figures, Report

from twofold import Dataset, Network, Recipe, Samples, connect, open_engine, train
from twofold.engines.threads import use_threads

NETWORK = Network((784, 1024, 1024, 10))
SAMPLES, BATCH, SLICES, EPOCHS = 16384, 4096, 8, 3
STEPS = EPOCHS * SAMPLES // BATCH
PARAMETERS = 4 * NETWORK.n_parameters  # bytes


def images() -> Dataset:
    """Random image bytes and classes."""
    rng = np.random.default_rng(0)
    X, y = rng.integers(256, size=(SAMPLES, 784), dtype=np.uint8), rng.integers(10, size=SAMPLES)
    return Dataset("random", Samples(X, y))


class Count:
    """Counts the bytes that this process sends by torch.distributed's collectives.

    A ring's ``all_gather`` passes on all parts but one.
    """

    def __init__(self) -> None:
        self.sent = 0

    def watch(self, size: int) -> None:
        """Begin to count."""
        from torch import distributed

        gather, send = distributed.all_gather, distributed.isend

        def counted_gather(parts: Any, own: Any, **words: Any) -> Any:
            self.sent += (size - 1) * own.nbytes
            return gather(parts, own, **words)

        def counted_send(own: Any, rank: int) -> Any:
            self.sent += own.nbytes
            return send(own, rank)

        distributed.all_gather, distributed.isend = counted_gather, counted_send


def ours(slices: int, threads: int, *, together: bool = True) -> dict[str, Any]:
    """Train with the processes that there are; return what the first one measured."""
    count = Count()
    with connect(threads=threads) as processes:
        engine = open_engine("fused", NETWORK, initialization="he", head="pytorch")
        use_threads(threads)
        recipe = Recipe(epochs=EPOCHS, batch_size=BATCH, slices=slices, learning_rate=0.01)
        if processes.size > 1:
            count.watch(processes.size)
        words = {"processes": processes} if together else {}
        seconds = [epoch.seconds for epoch in train(engine, images(), recipe, **words)]
        numbers = b"".join(array.tobytes() for layer in engine.parameters() for array in layer.arrays.values())
        found = {"seconds": min(seconds), "hash": sha256(numbers).hexdigest()[:12], "sent": count.sent / STEPS}
        return {"rank": processes.rank, **found}


def data_parallel(file: str) -> dict[str, Any]:
    """Train PyTorch's modules by DistributedDataParallel, each process on its part of each minibatch; save them."""
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
    numbers = np.concatenate([parameter.detach().numpy().ravel() for parameter in model.parameters()])
    distributed.destroy_process_group()
    if rank == 0:
        np.save(file, numbers)
    return {"rank": rank, "seconds": min(seconds), "hash": sha256(numbers.tobytes()).hexdigest()[:12]}


def run(processes: int, *words: str) -> dict[str, Any]:
    """Run this file in so many processes; return what the first one says, with the most that any has sent."""
    launch = ["-m", "torch.distributed.run", "--nproc-per-node", str(processes), __file__, "--work", *words]
    output = subprocess.run([sys.executable, *launch], check=True, capture_output=True, text=True).stdout
    said = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    first: dict[str, Any] = next(one for one in said if one["rank"] == 0)
    return first | {"sent": max(one.get("sent", 0.0) for one in said)}


def work(kind: str, *words: str) -> dict[str, Any]:
    """Do what one process is started for."""
    if kind == "ddp":
        return data_parallel(*words)
    return ours(*map(int, words), together=kind == "ours")


def measured(given: argparse.Namespace, folder: str) -> Figures:
    """Time every way in turns."""
    cores = os.cpu_count() or 1
    whole = f"1 process, whole minibatches, {cores} threads"
    tasks: dict[str, tuple[Any, ...]] = {
        whole: (1, "ours", "1", str(cores)),
        "the same, as before": (1, "before", "1", str(cores)),
    }
    for n in given.processes:
        many = f"{n} process{'es' if n > 1 else ''}"
        tasks[f"{many}, {SLICES} slices, 1 thread each"] = (n, "ours", str(SLICES), "1")
        tasks[f"{many}, DistributedDataParallel"] = (n, "ddp", f"{folder}/{n}.npy")
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
    title = f"{'-'.join(map(str, NETWORK.widths))}, batch size {BATCH}"
    return Figures(title, ["who", "s an epoch", "times the first", "model's sum"], rows)


def exchanged(counts: list[int]) -> Figures:
    """Count the bytes of a step."""
    rows = []
    for n in counts:
        sent, least = run(n, "ours", str(SLICES), "1")["sent"], 2 * (n - 1) / n * PARAMETERS
        rows.append([str(n), f"{sent / 1e6:.2f}", f"{least / 1e6:.2f}", f"{sent / least:.3f}"])
    return Figures("processes", ["processes", "MB sent in a step at most", "least", "times the least"], rows)


def differences(counts: list[int], folder: str) -> Figures:
    """Hold DistributedDataParallel's parameters against those of one process."""
    alone = np.load(f"{folder}/1.npy")
    rows = []
    for n in counts:
        apart = np.abs(np.load(f"{folder}/{n}.npy") - alone)
        relative = (apart / np.abs(alone)).max(where=alone != 0, initial=0.0)
        rows.append([f"1 and {n}", f"{(apart > 0).mean():.1%}", f"{apart.max():.1e}", f"{relative:.1e}"])
    columns = ["processes", "parameters that differ", "by at most", "relative"]
    return Figures("DistributedDataParallel", columns, rows)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--counted", type=int, nargs="+", default=[2, 3, 4], help="processes whose bytes are counted")
    parser.add_argument("--work", nargs="+", help=argparse.SUPPRESS)
    parser.add_argument("--save", action="store_true", help="keep the figures for the documents")
    given = parser.parse_args()
    if given.work:
        sys.stdout.write(json.dumps(work(*given.work)) + "\n")
        return
    report = Report("processes", save=given.save)
    with tempfile.TemporaryDirectory() as folder:
        report.add(measured(given, folder))
        if 1 in given.processes and len(given.processes) > 1:
            report.add(differences([n for n in given.processes if n > 1], folder))
    report.add(exchanged(given.counted))
    report.close()


if __name__ == "__main__":
    main()
