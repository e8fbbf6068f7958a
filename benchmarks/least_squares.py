"""Least squares side by side: this library, scikit-learn, its Intel extension, NumPy, and the bare Gram matrix.

    python benchmarks/least_squares.py [--quick] [--rounds 5] [--stream-rows 10000000] [--folder DIR] [--save]

Every contender solves the same problem in turn, round after round, in one process; the table shows the least time of
each and its ratio to forming ``X.T @ X`` once; a pause before each lets the threads of the last one come to rest, as
BLAS's go on spinning and would be timed with the next. Digits are those of the worst coefficient against the refined QR
solution, which NIST's sets prove right to the last digit. Streaming writes a Parquet file first and compares with
pyarrow reading it in batches and doing nothing, in both ways that pyarrow has: a file's batches, and a data set's,
which hold whole row groups in memory. Peaks of memory are those of fresh processes that fit a tenth of it, and it.
"""

from __future__ import annotations

import argparse
import math
import platform
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from figures import Figures, Report

from twofold.estimators import LinearRegression
from twofold.estimators.files import fit_file
from twofold.solvers import solve_least_squares

SIZES = ((1_000_000, 20), (200_000, 200))
QUICK = ((100_000, 20), (20_000, 200))
NOISE = 1.0
PAUSE = 0.1  # seconds


def make(n: int, d: int, seed: int = 0) -> tuple[Any, Any]:
    """Make a well-conditioned table with an offset, a known truth and noise."""
    random = np.random.default_rng(seed)
    X = random.standard_normal((n, d)) + 1.0
    return X, X @ np.linspace(-1.0, 2.0, d) + 3.0 + NOISE * random.standard_normal(n)


def contenders(X: Any, y: Any) -> dict[str, Callable[[], Any]]:
    """Return what to time; each gives coefficients, or None."""
    ones = np.column_stack([X, np.ones(len(X))])

    def fitted(model: Any) -> Any:
        return model.fit(X, y).coef_

    found = {
        "Gram matrix alone": lambda: (X.T @ X, None)[1],
        "twofold": lambda: fitted(LinearRegression()),
        "scikit-learn": lambda: fitted(import_module("sklearn.linear_model").LinearRegression()),
        "NumPy lstsq": lambda: np.linalg.lstsq(ones, y)[0][:-1],
        "normal equations": lambda: np.linalg.solve(ones.T @ ones, ones.T @ y)[:-1],
    }
    try:
        intel = import_module("sklearnex.linear_model").LinearRegression
    except ImportError:
        return found
    return found | {"scikit-learn-intelex": lambda: fitted(intel())}


def timed(task: Callable[[], Any]) -> tuple[float, Any]:
    """Run a task once all is quiet; return its seconds and its result."""
    time.sleep(PAUSE)
    start = time.perf_counter()
    result = task()
    return time.perf_counter() - start, result


def in_memory(report: Report, n: int, d: int, rounds: int) -> None:
    """Time one size."""
    X, y = make(n, d)
    truth = solve_least_squares(X, y[:, None], method="qr").W[:, 0]
    tasks = contenders(X, y)
    least = dict.fromkeys(tasks, math.inf)
    answers = {}
    for _ in range(rounds):
        for name, task in tasks.items():
            seconds, answers[name] = timed(task)
            least[name] = min(least[name], seconds)
    rows = []
    for name, seconds in sorted(least.items(), key=lambda item: item[1]):
        answer = answers[name]
        digits = ""
        if answer is not None:
            error = float(np.max(np.abs(answer / truth - 1)))
            digits = f"{min(16.0, -math.log10(error)):.1f}" if error else "all"
        ratios = (f"{seconds / least[other]:.2f}" for other in ("Gram matrix alone", "twofold"))
        rows.append([name, f"{1e3 * seconds:.1f}", *ratios, digits])
    title = f"least squares, {n} x {d} doubles; least of {rounds}"
    report.add(Figures(title, ["who", "ms", "to Gram", "to twofold", "digits"], rows))


def write_parquet(path: Path, rows: int, d: int = 20) -> None:
    """Write features x0, x1, ... and a target y, uncompressed, in row groups of half a million."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = [*(f"x{j}" for j in range(d)), "y"]
    step = min(rows, 500_000)
    schema = pa.schema([(name, pa.float64()) for name in names])
    with pq.ParquetWriter(path, schema, compression="none", use_dictionary=False) as file:
        for k in range(-(-rows // step)):
            X, y = make(min(step, rows - k * step), d, seed=k)
            file.write_table(pa.table([*X.T, y], names=names), row_group_size=step)


def streaming(report: Report, rows: int, path: Path, rounds: int) -> None:
    """Time one pass over a Parquet file against pyarrow's bare read."""
    import pyarrow.dataset as ds
    import pyarrow.parquet as pq

    write_parquet(path, rows)

    def batches() -> None:
        with pq.ParquetFile(path) as source:
            for _ in source.iter_batches(1 << 16):
                pass

    def scan() -> None:
        for _ in ds.dataset(path).to_batches():
            pass

    tasks = {
        "pyarrow, a file's batches": batches,
        "pyarrow, a data set's batches": scan,
        "pyarrow, read_table": lambda: pq.read_table(path),
        "twofold": lambda: fit_file(path, "y"),
    }
    least = dict.fromkeys(tasks, math.inf)
    for _ in range(rounds):
        for name, task in tasks.items():
            least[name] = min(least[name], timed(task)[0])
    table = []
    for name, seconds in least.items():
        ratios = (f"{seconds / least[f'pyarrow, {other} batches']:.2f}" for other in ("a file's", "a data set's"))
        table.append([name, f"{seconds:.3f}", *ratios])
    title = f"Parquet, {rows} x 20 and y, {path.stat().st_size / 1e9:.2f} GB"
    report.add(Figures(title, ["who", "s", "to a file's batches", "to a data set's"], table))


def memory(path: Path, rows: int) -> list[str]:
    """Tell how far fitting the file raises the peak of a fresh process (Linux: getrusage would tell its parent's)."""
    import subprocess
    import sys

    code = (
        "import sys; from twofold.estimators.files import fit_file; import pyarrow.parquet;"
        "peak = lambda: next(l.split()[1] for l in open('/proc/self/status') if l.startswith('VmHWM'));"
        "before = peak(); fit_file(sys.argv[1], 'y'); print(before, peak())"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    before, after = (int(number) / 1024 for number in done.stdout.split())
    return [f"{rows} rows", f"{after:.0f}", f"{before:.0f}"]


def main() -> None:
    """Run all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the sizes")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--stream-rows", type=int, default=None, help="rows of the Parquet file; 0 leaves it out")
    parser.add_argument("--folder", type=Path, default=None, help="where the Parquet file is made (about 1.7 GB)")
    parser.add_argument("--save", action="store_true", help="keep the figures for the documents")
    options = parser.parse_args()
    report = Report("least_squares", save=options.save)
    for n, d in QUICK if options.quick else SIZES:
        in_memory(report, n, d, options.rounds)
    rows = options.stream_rows
    if rows is None:
        rows = 1_000_000 if options.quick else 10_000_000
    if rows:
        with tempfile.TemporaryDirectory(dir=options.folder) as made:
            path, part = Path(made) / "big.parquet", Path(made) / "part.parquet"
            streaming(report, rows, path, min(options.rounds, 3))
            write_parquet(part, rows // 10)
            if platform.system() == "Linux":
                peaks = [memory(part, rows // 10), memory(path, rows)]
                report.add(Figures("memory of fitting the file", ["rows", "MiB at most", "of which imports"], peaks))
    report.close()


if __name__ == "__main__":
    main()
