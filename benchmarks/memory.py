"""How much memory a training on Fashion-MNIST takes at its peak, each job in a process of its own.

TWOFOLD_DATA=... python benchmarks/memory.py [--rounds 3] [--save]

The peak is VmHWM of /proc/self/status: all pages of the process that were in memory at once, those of the libraries'
code among them, of which some are only touched once something is computed: the column "code" tells how many (RssFile).
A figure is the median of the rounds.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys

from figures import Figures, Report

from twofold import load_dataset

TRAIN = """
from twofold import Network, Recipe, load_dataset, open_engine, train
data = load_dataset("fashion-mnist")
engine = open_engine({engine!r}, Network((784, 256, 10)), **{options})
list(train(engine, data, Recipe(epochs=1, batch_size=256, learning_rate=0.1)))
"""
BASE = "python, torch imported"
JOBS = {
    "python": "",
    BASE: "import torch",
    "and a product of two matrices": "import torch; torch.ones(256, 784) @ torch.ones(784, 256)",
    "and Fashion-MNIST read": "import torch; from twofold import load_dataset; data = load_dataset('fashion-mnist')",
    "fused: read, an epoch, the test set": "import torch" + TRAIN.format(engine="fused", options={}),
    "fused, Numba": "import torch" + TRAIN.format(engine="fused", options={"head": "numba"}),
    "fused, bfloat16": "import torch" + TRAIN.format(engine="fused", options={"precision": "bfloat16"}),
    "twofold train mlp --engine fused": """
from twofold.cli import main
main(["train", "mlp", "--data", "fashion-mnist", "--engine", "fused", "--epochs", "1"])
""",
    "concise": "import torch" + TRAIN.format(engine="concise", options={}),
    "scratch, without torch": TRAIN.format(engine="scratch", options={}),
    "PyTorch, data in memory as floats, not scored": """
import sys; sys.path.insert(0, "benchmarks")
import peers
from twofold import Network, load_dataset
data = load_dataset("fashion-mnist")
peers.pytorch_in_memory(peers.Task(Network((784, 256, 10)), data.train.X, data.train.y, 256, 0.1))(1)
""",
}
PEAK = """
status = dict(line.split(":") for line in open("/proc/self/status"))
print(*(status[name].split()[0] for name in ("VmHWM", "RssFile")))
"""


def peak(job: str) -> tuple[float, float]:
    """MiB that a fresh process had in memory at most, and of libraries' code at the end."""
    done = subprocess.run([sys.executable, "-c", job + PEAK], check=True, capture_output=True, text=True)
    everything, code = done.stdout.split()[-2:]
    return int(everything) / 1024, int(code) / 1024


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--save", action="store_true", help="keep the figures for the documents")
    words = parser.parse_args()
    rounds = words.rounds
    data = load_dataset("fashion-mnist")
    parts = [part for part in (data.train, data.test) if part is not None]
    size = sum(array.nbytes for part in parts for array in (part.X, part.y)) / 2**20
    peaks = {
        name: tuple(map(statistics.median, zip(*(peak(job) for _ in range(rounds)), strict=True)))
        for name, job in JOBS.items()
    }
    rows = []
    base, base_code = peaks[BASE]
    for name, (own, own_code) in peaks.items():
        above, code = own - base, own_code - base_code
        without = above - code
        rows.append([name, *(f"{number:.0f}" for number in (own, above, code, without)), f"{without / size:.2f}"])
    columns = ["process", "MiB", "above torch", "code", "without code", "times the data"]
    report = Report("memory", save=words.save)
    report.add(Figures(f"peak memory; the data set has {size:.1f} MiB", columns, rows))
    report.close()


if __name__ == "__main__":
    main()
