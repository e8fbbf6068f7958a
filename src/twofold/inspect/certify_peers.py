"""Other programs' least squares, for `twofold.inspect.certify`: what each gives to whoever takes its defaults.

Python's libraries are given the design as doubles, as they take it; R and Spark add the intercept by themselves.
Standard errors are a library's own; NumPy, SciPy, scikit-learn and Dask have none.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.data.nist import CertifiedSet

Array = NDArray[np.float64]
Answer = tuple[Array, Array | None]  # coefficients and standard errors, the intercept first
R_SCRIPT = """
arguments <- commandArgs(trailingOnly = TRUE)
d <- read.table(arguments[1], col.names = c("y", paste0("x", seq_len(count.fields(arguments[1])[1] - 1))))
fit <- summary(lm(if (arguments[2] == "1") y ~ . else y ~ . - 1, d))$coefficients
cat(R.version$major, R.version$minor, sep = ".")
cat("\\n", sprintf("%.17g ", fit[, 1]), "\\n", sprintf("%.17g ", fit[, 2]), "\\n", sep = "")
"""


@dataclass(frozen=True)
class Peer:
    """A program that solves least squares.

    Attributes
    ----------
    solve : callable
        Of a set.
    module : str
        Of Python, by which it is found; of a program, its name.
    is_program : bool
    """

    solve: Callable[[CertifiedSet], Answer]
    module: str
    is_program: bool = False

    @property
    def is_installed(self) -> bool:
        """Whether it can be asked here."""
        if self.is_program:
            return shutil.which(self.module) is not None
        try:
            return find_spec(self.module) is not None
        except ModuleNotFoundError:  # a package within one that isn't there
            return False

    def version(self, name: str) -> str:
        """Return its version; of R from what it says of itself."""
        return _r_version() if self.is_program else version(name)


def design(data: CertifiedSet) -> Array:
    """Return the matrix of doubles, its column of ones first, (n, p)."""
    return np.column_stack([np.ones(len(data.y)), data.table]) if data.intercept else data.table


def _numpy(data: CertifiedSet) -> Answer:
    return np.asarray(np.linalg.lstsq(design(data), data.y, rcond=None)[0], dtype=np.float64), None


def _scipy(data: CertifiedSet) -> Answer:
    import scipy.linalg

    return scipy.linalg.lstsq(design(data), data.y)[0], None


def _sklearn(data: CertifiedSet) -> Answer:
    linear_model = import_module("sklearn.linear_model")
    model = linear_model.LinearRegression(fit_intercept=data.intercept).fit(data.table, data.y)
    return np.concatenate([[model.intercept_][: int(data.intercept)], model.coef_]), None


def _statsmodels(data: CertifiedSet) -> Answer:
    found = import_module("statsmodels.api").OLS(data.y, design(data)).fit()
    return np.asarray(found.params), np.asarray(found.bse)


def _dask(data: CertifiedSet) -> Answer:
    array = import_module("dask.array")
    found = array.linalg.lstsq(array.from_array(design(data)), array.from_array(data.y))[0]
    return np.asarray(found.compute(), dtype=np.float64), None


def _spark(data: CertifiedSet) -> Answer:
    sql, ml, linalg = (import_module(f"pyspark.{name}") for name in ("sql", "ml.regression", "ml.linalg"))
    builder = sql.SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    session = builder.config("spark.ui.showConsoleProgress", "false").getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    rows = [(linalg.Vectors.dense(x), float(y)) for x, y in zip(data.table.tolist(), data.y.tolist(), strict=True)]
    frame = session.createDataFrame(rows, ["features", "label"])
    try:
        model = ml.LinearRegression(solver="normal", fitIntercept=data.intercept).fit(frame)
        errors = np.array(model.summary.coefficientStandardErrors)  # the intercept's last
    except Exception as error:  # Spark's, with Java's stack within
        raise ValueError(str(error).partition("\n")[0]) from error
    first = int(data.intercept)
    coefficients = np.concatenate([[model.intercept][:first], model.coefficients.toArray()])
    return coefficients, np.roll(errors, first) if len(errors) == len(coefficients) else None


def _r(data: CertifiedSet) -> Answer:
    lines = _run_r(np.column_stack([data.y, data.table]), intercept=data.intercept)
    coefficients, errors = (np.array([float(word) for word in line.split()]) for line in lines[1:3])
    if len(coefficients) != data.table.shape[1] + data.intercept:
        raise ValueError("R left columns out, as it takes them to depend on others")
    return coefficients, errors


def _r_version() -> str:
    return _run_r(np.array([[1.0, 1.0], [2.0, 3.0], [2.0, 4.0]]), intercept=True)[0]


def _run_r(table: Array, *, intercept: bool) -> list[str]:
    """Let R fit the first column to the others; return its version, coefficients and standard errors, a line each."""
    program = shutil.which("Rscript") or "Rscript"
    with tempfile.TemporaryDirectory() as folder:
        script, numbers = Path(folder) / "fit.R", Path(folder) / "numbers.txt"
        script.write_text(R_SCRIPT)
        np.savetxt(numbers, table, fmt="%.17g")
        done = subprocess.run(  # noqa: S603 - a program of the system, on files of our own
            [program, "--vanilla", str(script), str(numbers), str(int(intercept))],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "LC_ALL": "C"},
        )
    if done.returncode:
        raise ValueError(f"R failed: {done.stderr.strip()[:200]}")
    return done.stdout.splitlines()


PEERS: dict[str, Peer] = {
    "numpy": Peer(_numpy, "numpy"),
    "scipy": Peer(_scipy, "scipy"),
    "scikit-learn": Peer(_sklearn, "sklearn"),
    "statsmodels": Peer(_statsmodels, "statsmodels"),
    "dask": Peer(_dask, "dask.array"),
    "pyspark": Peer(_spark, "pyspark"),
    "R": Peer(_r, "Rscript", is_program=True),
}


def installed_peers() -> dict[str, Any]:
    """Return those that can be asked here, by name."""
    return {name: peer for name, peer in PEERS.items() if peer.is_installed}
