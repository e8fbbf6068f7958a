"""Packed tables: a folder with the rows of a table as codes of fixed width, and what it takes to make features of them.

``packed.json`` says what is there; ``train.rows``, ``validation.rows`` and ``test.rows`` hold a record for each row: a
code of each column that is used (8 bytes of a number or date, 2 of a category, 1 of a flag), the target, the weight.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from twofold.data.dataset import Dataset, Samples
from twofold.data.scaling import Scaling
from twofold.data.stored import Stored
from twofold.errors import DataError, DataNotFoundError, FileFormatError, NewerFormatError
from twofold.tables.category_plan import BooleanPlan, CategoryPlan, GapPlan
from twofold.tables.plan import Plan
from twofold.tables.problem import Problem, encoder_from_dict, tell_scale
from twofold.tables.table_plan import TablePlan
from twofold.tables.targets import Target

Array = NDArray[Any]

HEADER = "packed.json"
FORMAT, VERSION = "twofold packed table", 1
PARTS = ("train", "validation", "test")
MAX_HEADER_BYTES = 1 << 26
MAX_ROWS = 1 << 40


@dataclass(frozen=True)
class TargetScale:
    """How numbers to predict are scaled, see `twofold.data.scaling.Scaling`; of one target."""

    target_mean: float
    target_scale: float
    target_low: float
    target_high: float
    target_bend: float | None = None

    def scaling(self, features: int) -> Scaling:
        """Return the scaling of so many features, which stay as they are."""
        own = {name: np.array([value]) for name, value in vars(self).items() if value is not None}
        return Scaling(np.zeros(features), np.ones(features), **own)

    @classmethod
    def of(cls, scaling: Scaling) -> TargetScale:
        """Take the target's part of a scaling."""
        values: dict[str, Any] = {name: getattr(scaling, name) for name in cls.__dataclass_fields__}
        own: dict[str, Any] = {name: None if value is None else float(value[0]) for name, value in values.items()}
        return cls(**own)


@dataclass(frozen=True, kw_only=True)
class PackedTable:
    """A packed table.

    Attributes
    ----------
    name : str
        Of the table.
    plan : TablePlan
    target : Target
    sizes : dict of str to int
        Rows of each of `PARTS`.
    weighted : bool
    scales : tuple of TargetScale
        Of numbers to predict: plain, and with a logarithm if that predicts better.
    dropped : int
        Rows without a target.
    learned : int
        Rows that the plan was learned of.
    notes : dict of str to Counter
    remarks : tuple of str
    folder : Path
    """

    name: str
    plan: TablePlan
    target: Target
    sizes: dict[str, int]
    weighted: bool
    scales: tuple[TargetScale, ...]
    dropped: int
    learned: int
    notes: dict[str, Counter[str]] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    folder: Path = Path()

    @property
    def rows(self) -> int:
        """Rows with a target."""
        return sum(self.sizes.values())

    @property
    def record_type(self) -> np.dtype[Any]:
        """The type of a row."""
        target = "<i4" if self.target.classes else "<f8"
        own = self.plan.record_type.descr
        return np.dtype([*own, ("y", target), *([("w", "<f8")] if self.weighted else [])])

    def write_header(self, folder: Path) -> None:
        """Write ``packed.json``."""
        value = {
            "format": FORMAT,
            "version": VERSION,
            "name": self.name,
            "encoder": {"plan": self.plan.to_dict(), "target": self.target.to_dict()},
            "rows": self.sizes,
            "weighted": self.weighted,
            "scales": [vars(scale) for scale in self.scales],
            "dropped": self.dropped,
            "learned": self.learned,
            "notes": self.notes,
            "remarks": self.remarks,
        }
        (folder / HEADER).write_text(json.dumps(value, allow_nan=False), encoding="utf-8")

    def problem(self, *, scale_target: bool = True, bend_target: bool = True) -> Problem:
        """Return the table made ready to train on, as `twofold.tables.problem.prepare` does, with its rows on disk.

        Parameters
        ----------
        scale_target, bend_target : bool
            As in `twofold.tables.problem.Preparation`.
        """
        width, scaling = len(self.plan.features), None
        if scale_target:
            scaling = Scaling(np.zeros(width), np.ones(width))
            if self.scales:
                scaling = self.scales[-1 if bend_target else 0].scaling(width)
        parts = {name: self._samples(name, scaling) for name in PARTS}
        if (train := parts["train"]) is None:
            raise DataError(f"{self.folder}: there are no rows to train on; pack with a smaller --test-fraction")
        classes = self.target.classes
        data = Dataset(self.name, train, parts["test"], classes, self.plan.features, self.target.name, scaling)
        remarks = self.remarks + tell_scale(self.target.name, scaling)
        return Problem(data, parts["validation"], self.plan, self.target, self.dropped, self.notes, remarks)

    def _samples(self, part: str, scaling: Scaling | None) -> Samples | None:
        if not self.sizes[part]:
            return None
        records = np.memmap(self.folder / f"{part}.rows", self.record_type, mode="r")

        def numbers(rows: Array) -> Array:
            y = rows["y"][:, None]
            return y if scaling is None else scaling.targets(y)

        plan, width = self.plan, len(self.plan.features)
        X = Stored(records, lambda rows: plan.expand(rows, "float32"), (width,), np.dtype(np.float32))
        if self.target.classes:
            y = Stored(records, lambda rows: rows["y"].astype(np.int64), (), np.dtype(np.int64))
        else:
            y = Stored(records, numbers, (1,), np.dtype(np.float64))
        weights = Stored(records, lambda rows: rows["w"], (), np.dtype(np.float64)) if self.weighted else None
        return Samples(X, y, weights)  # type: ignore[arg-type] # as good as arrays


def cells_of_codes(plan: TablePlan, records: Array) -> pa.Table:
    """Return the cells that rows of codes stand for: of a category that the plan doesn't know that it is another one.

    Parameters
    ----------
    plan : TablePlan
    records : ndarray, shape (n,)
        With the fields of the plan's `record_type`.

    Returns
    -------
    pyarrow.Table, n rows
    """
    return pa.table({own.name: _cells(own, records[f"f{k}"]) for k, own in enumerate(plan.plans)})


def _cells(plan: Plan, codes: Array) -> pa.Array:
    if isinstance(plan, CategoryPlan):
        return pa.array([*plan.values, "(other)", None], pa.string()).take(pa.array(codes))
    if isinstance(plan, BooleanPlan):
        return pa.array([False, True, None]).take(pa.array(codes))
    if isinstance(plan, GapPlan):
        return pa.array(["(a value)", None]).take(pa.array(codes))
    return pa.array(codes, from_pandas=True)  # numbers, NaN where there is none, or times, NaT


def is_packed_table(path: Path) -> bool:
    """Tell whether a path is the folder of a packed table."""
    return (path / HEADER).is_file()


def open_packed(folder: Path) -> PackedTable:
    """Open a packed table, and check that it is whole.

    Raises
    ------
    DataNotFoundError
        If there is none.
    NewerFormatError
        If a newer version wrote it.
    FileFormatError
        If its header is none, or a file has another size than it should.
    """
    header = folder / HEADER
    if not header.is_file():
        raise DataNotFoundError(f"{folder}: there is no packed table; make one: twofold pack TABLE --target y -o DIR")
    if header.stat().st_size > MAX_HEADER_BYTES:
        raise FileFormatError(f"{header}: has more than {MAX_HEADER_BYTES >> 20} MiB, which no header has")
    try:
        value = json.loads(header.read_bytes())
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"{header}: is no JSON ({str(error)[:60]}); pack the table again") from error
    if not isinstance(value, Mapping) or value.get("format") != FORMAT:
        raise FileFormatError(f"{header}: is not of a packed table; make one: twofold pack TABLE --target y -o DIR")
    if value.get("version") != VERSION:
        raise NewerFormatError(f"{header}: version {value.get('version')!r:.20}; this one reads {VERSION}: upgrade")
    try:
        packed = _from_header(folder, value)
    except (DataError, KeyError, TypeError, ValueError, OverflowError) as error:
        why = str(error) if isinstance(error, DataError) else f"{type(error).__name__} {error}"
        raise FileFormatError(f"{header}: {why:.200}; pack the table again") from error
    for part, rows in packed.sizes.items():
        _check_size(folder / f"{part}.rows", rows * packed.record_type.itemsize)
    return packed


def _from_header(folder: Path, value: Mapping[str, Any]) -> PackedTable:
    plan, target = encoder_from_dict(value["encoder"])
    sizes = {part: value["rows"][part] for part in PARTS}
    counts = [*sizes.values(), value["dropped"], value["learned"]]
    if not all(type(count) is int and 0 <= count < MAX_ROWS for count in counts):
        raise DataError("rows must be counts")
    scales = tuple(TargetScale(**scale) for scale in value["scales"])
    numbers = [number for scale in scales for number in vars(scale).values() if number is not None]
    if not all(type(number) is float and math.isfinite(number) for number in numbers):
        raise DataError("scales must be finite numbers")
    if len(scales) > 2 or bool(scales) == bool(target.classes) or any(scale.target_scale <= 0 for scale in scales):
        raise DataError("scales are positive, and of numbers to predict")
    texts = [value["name"], *value["remarks"]]
    if not all(isinstance(text, str) for text in texts) or type(value["weighted"]) is not bool:
        raise DataError("name and remarks must be text, and weighted true or false")
    return PackedTable(
        name=value["name"],
        plan=plan,
        target=target,
        sizes=sizes,
        weighted=value["weighted"],
        scales=scales,
        dropped=value["dropped"],
        learned=value["learned"],
        notes={
            str(name): Counter({str(kind): int(n) for kind, n in own.items()}) for name, own in value["notes"].items()
        },
        remarks=tuple(value["remarks"]),
        folder=folder,
    )


def _check_size(path: Path, size: int) -> None:
    found = path.stat().st_size if path.is_file() else None
    if found != size:
        has = "is missing" if found is None else f"has {found} bytes"
        raise FileFormatError(f"{path}: {has}; expected {size}: pack the table again")
