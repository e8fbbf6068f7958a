"""Linear regression on a cluster side by side: twofold.dask, dask-ml, dask.array and Spark; digits and seconds.

    python benchmarks/cluster.py [--quick] [--rounds 2] [--rows 5000000] [--nist DIR] [--folder DIR] [--save]

Dask's contenders share one cluster of two processes with one thread each; Spark has two threads, and its start is not
timed. Each reads the same folder of Parquet files, warm in the page cache, in turn, round after round; the least time
counts. Digits of NIST's sets are those of the worst coefficient, as the solution of the very doubles that all are
given, which mpmath solves with 120 digits; twofold has the rows dealt to four partitions at random. Digits of the
large table are told by twofold's exact sums. dask-ml is there as it comes, and with its solver that is right most
often. What isn't installed is left out in one line.
"""

from __future__ import annotations

import argparse
import math
import os
import tempfile
import time
import warnings
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import dask.dataframe as dd
import numpy as np
import pandas as pd
from distributed import Client, LocalCluster
from figures import Figures, Report
from least_squares import make

from twofold.dask import fit_linear
from twofold.data.nist import NIST_SETS, CertifiedSet, load_nist
from twofold.inspect.certify_peers import PEERS, Answer, design

WORKERS = 2
FILES = 10
COLUMNS = 20
PACKAGES = ("numpy", "pyarrow", "pandas", "dask", "dask-ml", "pyspark")
MAX_DIGITS = 16.0
DIGITS = 120  # of mpmath's arithmetic


def true_coefficients(data: CertifiedSet) -> list[Any]:
    """Solve the normal equations of the doubles with so many digits that nothing of a double is lost."""
    mp = import_module("mpmath")
    with mp.workdps(DIGITS):
        A, y = mp.matrix(design(data).tolist()), mp.matrix(data.y.tolist())
        return list(mp.lu_solve(A.T * A, A.T * y))


def correct_digits(computed: Any, true: list[Any]) -> float:
    """Return the digits of the worst of several numbers."""
    worst = MAX_DIGITS
    for value, exact in zip(computed, true, strict=True):
        error = abs((exact - float(value)) / exact)
        worst = min(worst, -math.log10(error)) if error else worst
    return max(worst, 0.0)


def on_partitions(data: CertifiedSet) -> Answer:
    """Solve a set whose rows are dealt to partitions at random."""
    X, random = data.table, np.random.default_rng(0)
    frame = pd.DataFrame(X, columns=[f"x{k}" for k in range(X.shape[1])]).assign(y=data.y)
    model = fit_linear(
        dd.from_pandas(frame.sample(frac=1, random_state=random), npartitions=4), "y", fit_intercept=data.intercept
    )
    return np.concatenate([[model.intercept_][: int(data.intercept)], model.coef_]), None


def by_dask_ml(**words: str) -> Callable[[CertifiedSet], Answer]:
    """Return dask-ml's regression with a solver, or as it comes."""

    def solve(data: CertifiedSet) -> Answer:
        array, linear = import_module("dask.array"), import_module("dask_ml.linear_model")
        X, y = (array.from_array(part, chunks=part.shape) for part in (data.table, data.y))
        model = linear.LinearRegression(fit_intercept=data.intercept, **words).fit(X, y)
        return np.concatenate([[model.intercept_][: int(data.intercept)], model.coef_]), None

    return solve


def installed(module: str) -> bool:
    """Tell whether a library is there; say in one line if it isn't."""
    try:
        import_module(module)
    except ImportError as error:
        print(f"{module} is left out: {error}")
        return False
    return True


def on_nist(report: Report, folder: Path) -> None:
    """Count digits."""
    solvers = {"twofold.dask": on_partitions, "dask.array lstsq": PEERS["dask"].solve}
    if installed("dask_ml.linear_model"):
        solvers |= {"dask-ml": by_dask_ml(), "dask-ml, newton": by_dask_ml(solver="newton")}
    if installed("pyspark"):
        solvers["Spark"] = PEERS["pyspark"].solve
    rows = []
    for name in NIST_SETS:
        data, row = load_nist(name, folder), [name]
        true = true_coefficients(data)
        for solve in solvers.values():
            try:
                row.append(f"{correct_digits(solve(data)[0], true):.1f}")
            except (ArithmeticError, ValueError) as error:
                print(f"{name}: {str(error)[:100]}")
                row.append("-")
        rows.append(row)
    report.add(Figures("correct digits of NIST's sets", ["set", *solvers], rows))


def write_files(folder: Path, rows: int) -> None:
    """Write features x0, x1, ... and a target y, in several files."""
    for k in range(FILES):
        X, y = make(rows // FILES, COLUMNS, seed=k)
        frame = pd.DataFrame(X, columns=[f"x{j}" for j in range(COLUMNS)]).assign(y=y)
        frame.to_parquet(folder / f"part-{k}.parquet", compression=None, index=False)


def contenders(folder: Path) -> dict[str, Callable[[], Any]]:
    """Return what to time; each reads the folder, and gives coefficients or None."""
    names = [f"x{j}" for j in range(COLUMNS)]

    def arrays() -> tuple[Any, Any]:
        both = dd.read_parquet(folder)[[*names, "y"]].to_dask_array(lengths=True)
        return both[:, :-1], both[:, -1]

    def by_lstsq() -> Any:
        array = import_module("dask.array")
        X, y = arrays()
        ones = array.ones((len(X), 1), chunks=(X.chunks[0], 1))
        A = array.concatenate([ones, X], axis=1).rechunk({1: -1})
        return array.linalg.lstsq(A, y)[0].compute()[1:]

    def by_ml(**words: str) -> Callable[[], Any]:
        return lambda: import_module("dask_ml.linear_model").LinearRegression(**words).fit(*arrays()).coef_

    found = {
        "twofold.dask": lambda: fit_linear(dd.read_parquet(folder), "y").coef_,
        "twofold.dask, exact=False": lambda: fit_linear(dd.read_parquet(folder), "y", exact=False).coef_,
        "Dask, sums of the columns alone": lambda: (dd.read_parquet(folder).sum().compute(), None)[1],
        "dask.array lstsq": by_lstsq,
    }
    if installed("dask_ml.linear_model"):
        found |= {"dask-ml": by_ml(), "dask-ml, newton": by_ml(solver="newton")}
    if installed("pyspark"):
        found["Spark"] = by_spark(folder, names)
    return found


def by_spark(folder: Path, names: list[str]) -> Callable[[], Any]:
    """Start Spark, and return its regression of the folder."""
    sql, ml, feature = (import_module(f"pyspark.{name}") for name in ("sql", "ml.regression", "ml.feature"))
    builder = sql.SparkSession.builder.master(f"local[{WORKERS}]").config("spark.driver.memory", "6g")
    for word in ("enabled", "showConsoleProgress"):
        builder = builder.config(f"spark.ui.{word}", "false")
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("OFF")

    def solve() -> Any:
        frame = feature.VectorAssembler(inputCols=names, outputCol="features").transform(
            session.read.parquet(str(folder))
        )
        return ml.LinearRegression(labelCol="y", solver="normal").fit(frame).coefficients.toArray()

    return solve


def on_files(report: Report, rows: int, folder: Path, rounds: int) -> None:
    """Time a table in files."""
    write_files(folder, rows)
    tasks = contenders(folder)
    least, answers = dict.fromkeys(tasks, math.inf), {}
    for _ in range(rounds):
        for name, task in tasks.items():
            start = time.perf_counter()
            answers[name] = task()
            least[name] = min(least[name], time.perf_counter() - start)
    truth, table = answers["twofold.dask"], []
    for name, seconds in least.items():
        answer = answers[name]
        if answer is None:
            digits = ""
        else:
            error = float(np.abs(answer / truth - 1).max())
            digits = f"{min(MAX_DIGITS, -math.log10(error)):.1f}" if error else "all"
        table.append([name, f"{seconds:.1f}", f"{seconds / least['twofold.dask']:.2f}", digits])
    size = sum(file.stat().st_size for file in folder.iterdir()) / 1e9
    title = f"Parquet, {rows} x {COLUMNS} and y, {size:.2f} GB in {FILES} files; least of {rounds}"
    report.add(Figures(title, ["who", "s", "to twofold.dask", "digits"], table))


def main() -> None:
    """Run all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows, one round")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--rows", type=int, default=5_000_000)
    nist = os.environ.get("TWOFOLD_NIST_DIR")
    parser.add_argument("--nist", type=Path, default=nist, help="NIST's sets, else TWOFOLD_NIST_DIR; else left out")
    parser.add_argument("--folder", type=Path, default=None, help="where the files are made (about 0.84 GB)")
    parser.add_argument("--save", action="store_true", help="keep the figures for the documents")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # peers' own, of what will change in other libraries
    rows, rounds = (options.rows // 10, 1) if options.quick else (options.rows, options.rounds)
    report = Report("cluster", save=options.save, packages=PACKAGES)
    with (
        tempfile.TemporaryDirectory(dir=options.folder) as made,
        LocalCluster(n_workers=WORKERS, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster),
    ):
        on_files(report, rows, Path(made), rounds)
        if options.nist is not None:
            on_nist(report, options.nist)
    report.close()


if __name__ == "__main__":
    main()
