"""Any number of a trace, asked for by its index."""

from __future__ import annotations

import re
from dataclasses import dataclass

from twofold.errors import SpecificationError, check_name
from twofold.inspect.tracing.arithmetic import dot, place
from twofold.inspect.tracing.trace_data import Trace

PATTERN = re.compile(r"\s*([A-Za-z][\w'()]*)\s*(?:\[\s*([\d\s,]*)\s*\])?\s*")


@dataclass(frozen=True)
class Entry:
    """One number of a trace.

    Attributes
    ----------
    name : str
        Such as ``"W1[3, 7]"``.
    value : float
    related : dict of str to float
        Of a weight or bias: its gradient by hand, by autograd and by central differences (as far as there), and its
        value after the step.
    worked : str
        How it came about, with its numbers; empty where there is nothing to add up.
    """

    name: str
    value: float
    related: dict[str, float]
    worked: str = ""

    def __str__(self) -> str:
        lines = [self.worked or f"{self.name} = {self.value:.10g}"]
        width = max(map(len, self.related), default=0)
        return "\n".join([*lines, *(f"  {name.ljust(width)}  {value: .10g}" for name, value in self.related.items())])


def split_entry(text: str) -> tuple[str, tuple[int, ...]]:
    """Take ``"W1[3,7]"`` apart.

    Parameters
    ----------
    text : str

    Returns
    -------
    name : str
    index : tuple of int

    Raises
    ------
    SpecificationError
        If it isn't a name and whole numbers in square brackets.

    Examples
    --------
    >>> split_entry("W1[3,7]")
    ('W1', (3, 7))
    """
    match = PATTERN.fullmatch(text)
    parts = [part.strip() for part in (match[2] or "").split(",") if part.strip()] if match else []
    if match is None or not all(part.isdigit() for part in parts):
        raise SpecificationError(f"entry {text!r} can't be read; write a name and places from 0, such as W1[3,7]")
    return match[1], tuple(int(part) for part in parts)


def find_entry(trace: Trace, text: str) -> Entry:
    """Look an entry up.

    Parameters
    ----------
    trace : Trace
    text : str
        Such as ``"W1[3,7]"`` or ``"y_hat[2]"``: of an array with one row the row may be left out, and with a single
        layer ``W1`` is ``W``.

    Returns
    -------
    Entry

    Raises
    ------
    SpecificationError
        If there is no such array or the place is outside of it.
    """
    name, index = split_entry(text)
    name = _known(trace, name)
    values = trace[name]
    if values.ndim == len(index) + 1 and len(values) == 1:
        index = (0, *index)
    if len(index) != values.ndim or any(i >= size for i, size in zip(index, values.shape, strict=True)):
        shape = values.shape or "one number"
        raise SpecificationError(f"entry {text!r}: {name} is {shape}; give {values.ndim} places from 0, within it")
    full = place(name, index)
    return Entry(full, float(values[index]), _related(trace, name, index), _worked(trace, name, index))


def _known(trace: Trace, name: str) -> str:
    """Return the array's name, with or without the number of a single layer."""
    arrays = trace.arrays
    if name not in arrays and "W" in arrays and name.endswith("1") and name[:-1] in arrays:
        return name[:-1]
    return check_name("array", name, arrays)


def _related(trace: Trace, name: str, index: tuple[int, ...]) -> dict[str, float]:
    if name not in trace.parameter_names:
        return {}
    numbered = name if name[-1].isdigit() else f"{name}1"
    _, autograd, differences = trace.checks.get(place(numbered, index), (0.0, None, None))
    if autograd is None and f"d{name}_autograd" in trace.arrays:
        autograd = float(trace[f"d{name}_autograd"][index])
    found = {
        "gradient by hand": float(trace[f"d{name}"][index]),
        "from autograd": autograd,
        "from central differences": differences,
        "after the step": float(trace[f"{name}_new"][index]),
    }
    return {key: value for key, value in found.items() if value is not None}


def _worked(trace: Trace, name: str, index: tuple[int, ...]) -> str:
    """Write out an affine map's output, or a weight's gradient."""
    arrays = trace.arrays
    network = trace.network
    count = len(network.shapes)
    sums = r"[aA]\d+" if network.normalization else r"[zZ]\d+"
    layer = count if name in ("o", "O") else int(name[1:]) if re.fullmatch(sums, name) else 0
    if layer:
        suffix = str(layer) if count > 1 else ""
        below = [key for key in ("x", "X") if key in arrays] if layer == 1 else [f"h{layer - 1}", f"H{layer - 1}"]
        H = next(arrays[key].values for key in below if key in arrays)
        W, b = trace[f"W{suffix}"], trace[f"b{suffix}"]
        row, column = index
        pairs = zip(H[row], W[:, column], strict=True)
        bias = None if name[0] in "aA" else float(b[column])
        return dot(place(name, index), pairs, float(trace[name][index]), bias)
    return ""
