"""A trace as JSON: numbers for other programs."""

from __future__ import annotations

from typing import Any

import numpy as np

from twofold.inspect.tracing.entries import Entry
from twofold.inspect.tracing.record import Named, Step
from twofold.inspect.tracing.trace_data import Trace

MAX_WHOLE = 1000  # numbers up to which an array is written whole


def to_dict(trace: Trace, *, full: bool = False) -> dict[str, Any]:
    """Bring a trace into what JSON can hold.

    Parameters
    ----------
    trace : Trace
    full : bool
        Write arrays of more than 1000 numbers whole too; otherwise their shape, smallest, largest and norm.

    Returns
    -------
    dict
    """
    return {
        "network": {
            "widths": list(trace.network.widths),
            "activations": list(trace.network.activations),
            "loss": trace.network.loss,
            "normalization": trace.network.normalization,
        },
        "source": trace.source,
        "learning_rate": trace.learning_rate,
        "steps": [_step(step, full=full) for step in trace.steps],
    }


def entry_dict(entry: Entry) -> dict[str, Any]:
    """Bring an entry into what JSON can hold."""
    return {"name": entry.name, "value": entry.value, "related": entry.related, "worked": entry.worked}


def _step(step: Step, *, full: bool) -> dict[str, Any]:
    words = {name: getattr(step, name) for name in ("part", "title", "plain", "latex", "shapes", "worked", "note")}
    table = (
        None if step.table is None else {"columns": list(step.table.columns), "rows": list(map(list, step.table.rows))}
    )
    return {**words, "arrays": [_array(array, full=full) for array in step.arrays], "table": table}


def _array(array: Named, *, full: bool) -> dict[str, Any]:
    values = array.values
    found: dict[str, Any] = {"name": array.symbol.name, "shape": list(values.shape), "columns": list(array.columns)}
    if full or values.size <= MAX_WHOLE:
        return found | {"values": values.tolist()}
    return found | {
        "smallest": float(values.min()),
        "largest": float(values.max()),
        "norm": float(np.linalg.norm(values)),
    }
