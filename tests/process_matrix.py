"""The model to the bit for any number of processes: few trainings in which every pair of options occurs.

python tests/process_matrix.py [--processes 1 2 3 4 7 8] [--rows 0 5 7]

Each number of processes is a run of `torchrun`, which goes through all rows; each row's parameters, losses and what the
optimiser remembers must have the same SHA-256 in all of them.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import csv

import twofold as tw
from helpers import every_pair, random_dataset
from twofold.functions import LOSSES, OPTIMIZERS
from twofold.models import scales_targets
from twofold.tables.column_inference import Choices
from twofold.tables.packed import open_packed
from twofold.tables.packing import Packing, pack_table

ROWS, BATCH = 192, 64  # 16 slices of 4
ENGINES: dict[str, dict[str, Any]] = {
    "scratch": {"name": "scratch"},
    "scratch float64": {"name": "scratch", "dtype": "float64"},
    "compiled": {"name": "compiled"},
    "compiled float64": {"name": "compiled", "dtype": "float64"},
    "fused": {"name": "fused", "head": "pytorch"},
    "fused float64": {"name": "fused", "head": "pytorch", "dtype": "float64"},
    "fused bfloat16": {"name": "fused", "precision": "bfloat16"},
    "fused, Numba": {"name": "fused", "head": "numba"},
}
SMOOTH, SMOOTHED = ("cross_entropy", "sigmoid_cross_entropy"), ", smoothed"  # against labels that are spread
CLASSES, NUMBERS = "grade", "amount"
OPTIONS: dict[str, tuple[Any, ...]] = {
    "engine": tuple(ENGINES),
    "optimizer": tuple(OPTIMIZERS),
    "loss": (
        *(name for name in LOSSES if name != "quantile"),
        "quantile:0.9",
        *(f"{name}{SMOOTHED}" for name in SMOOTH),
    ),
    "normalization": ("none", "batch", "layer"),
    "source": ("set", "table", "packed"),
    "slices": (8, 16),
    "dropout": (0.0, 0.3),
    "weighted": (False, True),
    "ema_decay": (0.0, 0.9),
    "clip_norm": (None, 0.5),
    "l1": (0.0, 0.001),
    "weight_decay": (0.0, 0.01),
    "hidden": ((), (7,), (300, 300)),  # the last one's gradient is exchanged in chunks
}


def trainings() -> list[dict[str, Any]]:
    """Return few trainings, each a choice of every option, in which every pair occurs that can be."""
    names = list(OPTIONS)
    rows = every_pair(*([f"{place}" for place in range(len(values))] for values in OPTIONS.values()))
    chosen = [{name: OPTIONS[name][int(at)] for name, at in zip(names, row, strict=True)} for row in rows]
    return [possible(row) for row in chosen]


def possible(row: dict[str, Any]) -> dict[str, Any]:
    """Take labels' smoothing out of the loss, and leave out what doesn't go with the rest."""
    if not row["hidden"]:
        row |= {"normalization": "none", "dropout": 0.0}
    row["label_smoothing"] = 0.1 if row["loss"].endswith(SMOOTHED) else 0.0
    row["loss"] = row["loss"].removesuffix(SMOOTHED)
    if row["loss"] == "sigmoid_cross_entropy":  # several labels, which a table has not
        row["source"] = "set"
    return row


def write_tables(folder: Path) -> None:
    """Pack two tables, one with classes and one with positive numbers."""
    rng = np.random.default_rng(0)
    n = 2 * ROWS
    a, b = rng.normal(size=(2, n)).round(3)
    cells = {
        "a": a,
        "b": b,
        "color": np.array(["red", "green", "blue"])[rng.integers(0, 3, n)].tolist(),
        "w": rng.uniform(0.5, 2, n).round(2),
        CLASSES: np.array(["x", "y", "z"])[(a > 0).astype(int) + (b > 0)].tolist(),
        NUMBERS: np.exp(a / 2 + b / 4).round(3),
    }
    csv.write_csv(pa.table(cells), folder / "all.csv")
    for target, other in ((CLASSES, NUMBERS), (NUMBERS, CLASSES)):
        for weighted in (False, True):
            how = Packing(
                target=target,
                settle=lambda *_: (Choices(pieces=4), 0.1),
                numbered=lambda *_: {},
                weight="w" if weighted else None,
                drop=(other,) if weighted else (other, "w"),
            )
            pack_table(folder / "all.csv", folder / f"{target}-{weighted}", how, lambda _line: None)


def data_of(row: dict[str, Any], tables: Path) -> tw.Dataset:
    """Return what a training is on."""
    if row["source"] == "set":
        outputs = 1 if row["loss"] in ("poisson", "gamma") else 3
        network = tw.Network((5, outputs), loss=row["loss"])
        return random_dataset(network, ROWS, weighted=row["weighted"])
    kind = CLASSES if row["loss"] in ("cross_entropy", "softmax_squared") else NUMBERS
    packed = open_packed(tables / f"{kind}-{row['weighted']}")
    data = packed.problem(scale_target=scales_targets(row["loss"]), bend_target=False).data
    if row["source"] == "packed":
        return data
    own = data.train
    weights = None if own.sample_weight is None else np.asarray(own.sample_weight)
    return tw.Dataset(data.name, tw.Samples(np.asarray(own.X), np.asarray(own.y), weights), classes=data.classes)


def trained(row: dict[str, Any], tables: Path, processes: Any) -> str:
    """Train, and return the SHA-256 of what it came to."""
    data = data_of(row, tables)
    outputs = len(data.classes) or (1 if data.train.y.ndim == 1 else data.train.y.shape[1])
    if row["source"] == "set" and row["loss"] in ("cross_entropy", "softmax_squared"):
        outputs = 3
    network = tw.Network(
        (data.train.X.shape[1], *row["hidden"], outputs),
        loss=row["loss"],
        dropout=row["dropout"],
        normalization=None if row["normalization"] == "none" else row["normalization"],
    )
    words = {name: row[name] for name in ("optimizer", "slices", "ema_decay", "label_smoothing", "clip_norm", "l1")}
    window = 100 if row["source"] == "packed" else 0
    recipe = tw.Recipe(
        epochs=2, batch_size=BATCH, learning_rate=0.01, weight_decay=row["weight_decay"], window=window, **words
    )
    engine = tw.open_engine(network=network, initialization="he", **ENGINES[row["engine"]])
    *_, last = tw.train(engine, data, recipe, processes=processes)
    state = engine.state()
    sets = [engine.parameters(), *state.optimizer_state.values()]
    arrays = [array for layers in sets for layer in layers for array in layer if array is not None]
    return sha256(
        b"".join(array.tobytes() for array in arrays) + repr((last.loss, last.train_accuracy)).encode()
    ).hexdigest()


def work(rows: list[int], tables: Path) -> None:
    """Train each row, and print its sum."""
    every = trainings()
    with tw.connect() as processes:
        for place in rows:
            try:
                found = trained(every[place], tables, processes)
            except tw.TwofoldError as error:
                found = f"refused: {error}"
            if processes.rank == 0:
                print(json.dumps({"row": place, "sum": found}), flush=True)


def run(processes: int, rows: list[int], tables: Path) -> dict[int, str]:
    """Let so many processes train the rows; return the sums."""
    launch = ["-m", "torch.distributed.run", "--nproc-per-node", str(processes), __file__]
    words = ["--work", str(tables), "--rows", *map(str, rows)]
    one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *launch, *words], env=os.environ | one_thread, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{processes} processes: {done.stderr[-3000:]}")
    told = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {one["row"]: one["sum"] for one in told}


def main() -> int:
    """Train and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2, 3, 4, 7, 8])
    parser.add_argument("--rows", type=int, nargs="+", default=list(range(len(trainings()))))
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        work(given.rows, given.work)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        write_tables(Path(folder))
        found = {}
        for processes in given.processes:
            found[processes] = run(processes, given.rows, Path(folder))
            print(f"{processes} processes: {len(found[processes])} trainings", flush=True)
    failures = 0
    for row in given.rows:
        sums = [sums[row] for sums in found.values()]
        bad = len(set(sums)) > 1 or sums[0].startswith("refused")
        failures += bad
        if bad:
            print(f"row {row} {trainings()[row]}: {dict(zip(found, sums, strict=True))}")
    print(f"{len(given.rows) - failures} of {len(given.rows)} trainings have one sum for {given.processes} processes")
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
