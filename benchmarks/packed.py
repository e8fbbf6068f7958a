"""A table block by block beside the same table in memory: seconds, rows a second, peak memory, score; one run.

python benchmarks/packed.py [--rows 300000] [--epochs 3] [--engine fused] [--skip-memory] [--save]

The table has 20 columns of all kinds, and a number to predict. Each job runs in a process of its own; the peak is
VmHWM of /proc/self/status, Python and its libraries included. The packed rows are in the page cache, having just been
written. "CPU s" are of the whole command, all its epochs; other figures of training are of its fastest epoch. Without
--skip-memory the table is also trained on in memory, in the ordinary order and in that of the windows. Last, processes
that share the packed table's rows: the peak is the largest of any. Each training has --threads, 1.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from figures import Figures, Report
from pyarrow import csv

JOB = """
import json, resource, sys
from twofold.cli import main
code = main(sys.argv[1:])
used = resource.getrusage(resource.RUSAGE_SELF)
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(json.dumps({"peak": int(status["VmHWM"].split()[0]) / 1024, "cpu": used.ru_utime + used.ru_stime}))
sys.exit(code)
"""
PIECE = 100_000  # rows that are made at a time


def write_table(path: Path, rows: int) -> None:
    """Write columns of numbers, categories, flags, codes, dates, times and amounts, and a sum of some of them."""
    for start in range(0, rows, PIECE):
        n = min(PIECE, rows - start)
        rng = np.random.default_rng(start)
        Z, city, code = rng.normal(size=(n, 8)), rng.integers(0, 40, n), rng.integers(0, 200, n)
        pop, rooms = np.exp(2 * Z[:, 6] + 6), rng.integers(1, 9, n)
        gaps = np.where(rng.random(n) < 0.05, np.nan, 3 * Z[:, 7])
        seconds = rng.integers(0, 10**8, n).astype("m8[s]")
        y = 2 * Z[:, 0] + np.sin(2 * Z[:, 1]) + Z[:, 2] * Z[:, 3] + city / 10 + np.log(pop) / 2 + rooms / 5
        table = pa.table(
            {f"x{k}": Z[:, k].round(4) for k in range(6)}
            | {
                "population": pop.round(2),
                "age": rng.integers(18, 90, n),
                "rooms": rooms,
                "distance": pa.array(gaps.round(3), from_pandas=True),
                "city": [f"city{k}" for k in city],
                "code": [f"0{k:03}" for k in code],
                "color": np.array(["red", "green", "blue", "grey"])[rng.integers(0, 4, n)].tolist(),
                "grade": np.array([*"ABCDE"])[rng.integers(0, 5, n)].tolist(),
                "yes": np.array(["yes", "no"])[rng.integers(0, 2, n)].tolist(),
                "flag": rng.integers(0, 2, n).astype(bool),
                "day": (np.datetime64("2018-01-01") + rng.integers(0, 1500, n)).astype(str).tolist(),
                "when": [str(t).replace("T", " ") for t in np.datetime64("2019-01-01T00:00:00") + seconds],
                "amount": [f"{a:.2f} EUR" for a in rng.gamma(2, 100, n)],
                "kind": np.array(["u", "v", "w"])[rng.integers(0, 3, n)].tolist(),
                "y": (y + 0.3 * rng.normal(size=n)).round(3),
            }
        )
        with path.open("ab" if start else "wb") as file:
            csv.write_csv(table, file, csv.WriteOptions(include_header=not start))


def run(*words: str, processes: int = 0) -> dict[str, Any]:
    """Run a command in a process of its own; return its JSON object, its seconds and CPU seconds, its peak in MiB.

    With ``processes`` it is run in so many by torchrun; the peak is then the largest of any, and CPU seconds the sum.
    """
    launch = ["-m", "torch.distributed.run", "--nproc-per-node", str(processes), "--no-python", sys.executable]
    command = [sys.executable, *(launch if processes else []), "-c", JOB, *words, "--json"]
    started = time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds = time.perf_counter() - started
    told = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    costs = [one for one in told if "peak" in one]
    (found,) = [one for one in told if "peak" not in one]
    peak, cpu = max(one["peak"] for one in costs), sum(one["cpu"] for one in costs)
    return {**found, "peak": peak, "cpu": cpu, "seconds": seconds}


def train(*words: str, processes: int = 0) -> dict[str, Any]:
    """Train; return the fastest epoch's seconds, the R2 of the test rows, and the peak."""
    one = ("--members", "1") if "--target" in words else ()
    found = run("train", "mlp", *words, *one, processes=processes)
    return {
        "seconds": min(epoch["seconds"] for epoch in found["epochs"]),
        "samples": found["epochs"][-1]["samples"],
        "score": found["test"]["R2"]["value"],
        "peak": found["peak"],
        "cpu": found["cpu"],
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--engine", default="fused")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--processes", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--skip-memory", action="store_true")
    parser.add_argument("--save", action="store_true", help="keep the figures for the documents")
    words = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows, packed, model = (f"{folder}/{name}" for name in ("rows.csv", "packed", "m.safetensors"))
        write_table(Path(rows), words.rows)
        how = ("--engine", words.engine, "--epochs", str(words.epochs), "--threads", str(words.threads))
        whole = (rows, "--target", "y", "--no-refit", *how)
        jobs = {"packed": lambda: train(packed, "--save", model, *how)}
        if not words.skip_memory:
            jobs["in memory"] = lambda: train(*whole)
            jobs["in memory, in windows' order"] = lambda: train(*whole, "--window", "32768")
        for n in words.processes:
            many = f"{n} process{'es' if n > 1 else ''}"
            jobs[f"packed, 4 slices, {many}"] = lambda n=n: train(packed, *how, "--slices", "4", processes=n)
        pack = run("pack", rows, "--target", "y", "-o", packed)
        found: dict[str, list[dict[str, Any]]] = {name: [] for name in jobs}
        for _ in range(words.rounds):
            for name, job in jobs.items():
                found[name].append(job())
        predict = run("predict", model, rows, "-o", f"{folder}/out.csv")
        size = Path(rows).stat().st_size / 2**20
    lines = []
    for name, one in (("pack", pack), ("predict", predict)):
        speed = f"{words.rows / one['seconds']:,.0f}"
        lines.append([name, f"{one['seconds']:.1f}", speed, f"{one['cpu']:.1f}", f"{one['peak']:.0f}", ""])
    for name, rounds in found.items():
        seconds, cpu, peak = (statistics.median(one[key] for one in rounds) for key in ("seconds", "cpu", "peak"))
        speed, score = f"{rounds[0]['samples'] / seconds:,.0f}", f"{rounds[0]['score']:.4f}"
        lines.append([f"epoch, {name}", f"{seconds:.1f}", speed, f"{cpu:.1f}", f"{peak:.0f}", score])
    report = Report("packed", save=words.save)
    title = f"{words.rows:,} rows of 20 columns, {size:.0f} MiB; {words.engine}"
    report.add(Figures(title, ["job", "s", "rows/s", "CPU s", "peak MiB", "R2"], lines))
    report.close()


if __name__ == "__main__":
    main()
