"""Threads on a quiet machine and on a shared one: one, as many as there are cores, and what the rule takes.

    python benchmarks/threads.py [--rounds 3] [--save]

Random numbers; seconds of an epoch, the median of the rounds, each with its own competitor started before and stopped
after: none; a program that keeps one core busy; a NumPy program whose products have threads of their own. Then within a
quota of one core, as containers have it, where this process may make a group for it (Linux, root).
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import numpy as np
from figures import Figures, Report

import twofold as tw
from twofold import cores
from twofold.engines.choice import choose_threads
from twofold.engines.threads import limited_threads

QUOTA = "a quota of one core"
GROUP = Path("/sys/fs/cgroup/cpu/twofold-benchmark")  # of version 1
COMPETITORS = {
    "quiet": "",
    "one core busy": "while True: pass",
    "NumPy beside": "import numpy as np; A = np.ones((800, 800), 'f4')\nwhile True: A @ A",
    QUOTA: "",
}
JOBS = [  # widths, batch size, samples
    ((20, 64, 64, 1), 32, 8192),
    ((64, 100, 10), 200, 8000),
    ((495, 128, 128, 1), 128, 8192),
    ((784, 256, 10), 256, 8192),
    ((784, 1024, 1024, 10), 256, 4096),
]


@contextmanager
def beside(program: str) -> Iterator[None]:
    """Have another program run within a block; "" for none."""
    if not program:
        yield
        return
    other = subprocess.Popen([sys.executable, "-c", program])
    time.sleep(0.5)  # until it has begun
    try:
        yield
    finally:
        other.kill()
        other.wait()


@contextmanager
def one_core() -> Iterator[None]:
    """Have this process live within a quota of one core."""
    GROUP.mkdir()
    try:
        (GROUP / "cpu.cfs_quota_us").write_text((GROUP / "cpu.cfs_period_us").read_text())
        (GROUP / "cgroup.procs").write_text(str(os.getpid()))
        cores.quota.cache_clear()
        yield
    finally:
        (GROUP.parent / "cgroup.procs").write_text(str(os.getpid()))
        GROUP.rmdir()
        cores.quota.cache_clear()


def seconds(widths: tuple[int, ...], batch_size: int, samples: int, *, engine: str, threads: int) -> float:
    """Return the seconds of the fastest of three epochs."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((samples, widths[0])).astype(np.float32), rng.integers(max(2, widths[-1]), size=samples)
    squared = widths[-1] == 1
    network = tw.Network(widths, loss="squared") if squared else tw.Network(widths)
    data = tw.Dataset("random", tw.Samples(X, y[:, None].astype(np.float32) if squared else y))
    recipe = tw.Recipe(epochs=3, batch_size=batch_size, learning_rate=0.001)
    with limited_threads(threads):
        opened = tw.open_engine(engine, network, initialization="he")
        return min(epoch.seconds for epoch in tw.train(opened, data, recipe))


def measure(condition: str, program: str, given: argparse.Namespace, most: int) -> Figures:
    """Measure every job with one thread, with as many as there are cores, and tell what the rule takes."""
    rows = []
    for widths, batch_size, samples in JOBS:
        rule = choose_threads(tw.Network(widths, loss="squared"), batch_size) or cores.usable_cores()
        for engine in given.engines.split(","):
            times: dict[int, list[float]] = {1: [], most: []}
            for _ in range(given.rounds):
                with beside(program):
                    for threads, found in times.items():
                        found.append(seconds(widths, batch_size, samples, engine=engine, threads=threads))
                time.sleep(0.1)
            medians = {threads: statistics.median(found) for threads, found in times.items()}
            name = f"{'-'.join(map(str, widths))}, {batch_size}, {engine}"
            ratio = medians[rule] / min(medians.values())
            rows.append([name, *(f"{1e3 * each:.1f}" for each in medians.values()), str(rule), f"{ratio:.2f}"])
    columns = [f"{condition}: network, batch size", "1 thread, ms", f"{most} threads, ms", "rule", "rule / best"]
    return Figures(columns[0], columns, rows)


def main() -> None:
    """Measure in turns and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--engines", default="scratch,compiled,fused")
    parser.add_argument("--save", action="store_true", help="keep the figures for the documents")
    given = parser.parse_args()
    report, most = Report("threads", save=given.save), cores.usable_cores()
    for engine in given.engines.split(","):
        seconds((20, 64, 64, 1), 32, 64, engine=engine, threads=1)  # imports, and compiles
    for condition, program in COMPETITORS.items():
        try:
            with one_core() if condition == QUOTA else nullcontext():
                report.add(measure(condition, program, given, most))
        except OSError as error:
            print(f"{condition}: not measured ({error})")
    report.close()


if __name__ == "__main__":
    os.environ.pop("OMP_NUM_THREADS", None)
    main()
