"""What a person waits for before anything happens: import, help, reading Fashion-MNIST; and a tiny training.

Figures are medians of whole processes.

TWOFOLD_DATA=... python benchmarks/startup.py [--rounds 9] [--save]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

from figures import Figures, Report

from twofold.data.image_sets import IMAGE_SETS, find_files, read_image_set


def process(*command: str) -> float:
    """Seconds from start to exit of a process, its output thrown away."""
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> None:
    """Measure in turns and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--save", action="store_true", help="keep the figures for the documents")
    words = parser.parse_args()
    rounds = words.rounds
    paths = find_files(IMAGE_SETS["fashion-mnist"])
    tasks = {
        "python -c pass": lambda: process(sys.executable, "-c", "pass"),
        "python -c 'import twofold'": lambda: process(sys.executable, "-c", "import twofold"),
        "twofold --help": lambda: process(sys.executable, "-m", "twofold", "--help"),
        "train on 120 tiny images": lambda: process(
            sys.executable, "-m", "twofold", "train", "mlp", "--data", "toy-animals"
        ),
    }
    if paths is not None:

        def read() -> float:
            started = time.perf_counter()
            read_image_set("fashion-mnist")
            return time.perf_counter() - started

        tasks["read Fashion-MNIST, checked"] = read
        tasks["gzip -dc of the same files"] = lambda: process("gzip", "-dc", *map(str, paths))
    seconds: dict[str, list[float]] = {name: [] for name in tasks}
    for _ in range(rounds):
        for name, task in tasks.items():
            seconds[name].append(task())
    report = Report("startup", save=words.save)
    rows = [[name, f"{statistics.median(own):.3f}"] for name, own in seconds.items()]
    report.add(Figures("before anything happens", ["what", "s"], rows))
    report.close()


if __name__ == "__main__":
    main()
