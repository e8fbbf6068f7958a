"""The same gradient in two other ways: from autograd, and from central differences."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.engines import open_engine
from twofold.errors import MissingDependencyError
from twofold.inspect.gradients import MAX_COORDINATES, GradientReport, check_gradients
from twofold.inspect.tracing.record import Named, Step, Symbol, Table
from twofold.inspect.tracing.symbols import Symbols, gradient, marked
from twofold.network import Network, Parameters

Array = NDArray[Any]

MAX_ROWS = 12
MAX_ENTRIES = 2  # entries of each array that a large network is checked at


def check_steps(
    network: Network,
    parameters: Parameters,
    samples: tuple[Array, Array],
    gradients: Parameters,
    *,
    also: tuple[str, ...],
) -> tuple[list[Step], GradientReport]:
    """Hold the gradient by hand against autograd's and against central differences.

    Parameters
    ----------
    network : Network
    parameters : Parameters
    samples : tuple of X (n, d) and y
    gradients : Parameters
        By hand.
    also : tuple of str
        Entries to check besides, such as ``"W1[3, 7]"``.

    Returns
    -------
    steps : list of Step
    report : GradientReport
    """
    X, y = samples
    symbols = Symbols(len(X), len(parameters))
    coordinates = None
    if network.n_parameters > MAX_COORDINATES:
        coordinates = list(dict.fromkeys([*_largest_entries(gradients), *also]))
    report = check_gradients(network, X, y, parameters=parameters, coordinates=coordinates)
    autograd = autograd_gradients(network, parameters, X, y)
    steps = [_autograd_step(symbols, gradients, autograd)]
    steps.append(_differences_step(symbols, report, whole=coordinates is None, also=also))
    return steps, report


def autograd_gradients(network: Network, parameters: Parameters, X: Array, y: Array) -> Parameters | None:
    """Return PyTorch's gradient; None where PyTorch isn't installed."""
    try:
        engine = open_engine("concise", network, parameters=parameters, dtype="float64")
    except MissingDependencyError:
        return None
    return engine.gradients(X, y)


def _named(symbols: Symbols, gradients: Parameters) -> list[tuple[Symbol, Array]]:
    return [
        (symbols.trained(number)[name], array)
        for number, layer in enumerate(gradients, start=1)
        for name, array in layer.arrays.items()
    ]


def _autograd_step(symbols: Symbols, by_hand: Parameters, autograd: Parameters | None) -> Step:
    title = "The same gradient from autograd"
    if autograd is None:
        return Step("check", title, note="Not compared: PyTorch is not installed (pip install 'twofold[torch]').")
    rows, arrays = [], []
    for (symbol, hand), (_, auto) in zip(_named(symbols, by_hand), _named(symbols, autograd), strict=True):
        d = gradient(symbol)
        arrays.append(Named(marked(d, "autograd"), auto))
        rows.append((d.name, float(np.abs(hand).max()), float(np.abs(hand - auto).max())))
    columns = ("array", "largest entry by hand", "largest difference to autograd")
    return Step("check", title, arrays=tuple(arrays), table=Table(columns, tuple(rows)))


def _differences_step(symbols: Symbols, report: GradientReport, *, whole: bool, also: tuple[str, ...]) -> Step:
    checks = [check for check in report.checks if check.where != "direction"]
    by_size = sorted(checks, key=lambda check: -abs(check.by_hand))
    chosen = checks if len(checks) <= MAX_ROWS else by_size[:MAX_ROWS]
    chosen += [check for check in checks if check.where in also and check not in chosen]
    single = symbols.layers == 1
    rows = [
        (_entry_name(check.where, single=single), check.by_hand, check.autograd, check.differences,
         None if check.differences is None else abs(check.by_hand - check.differences))
        for check in [*chosen, report.checks[0]]
    ]  # fmt: skip
    extent = f"all {len(checks)} entries" if whole else f"{len(checks)} entries and one direction through all of them"
    return Step(
        "check",
        "The same gradient from central differences",
        plain="dL/dw = (8 (L(w + h) - L(w - h)) - (L(w + 2h) - L(w - 2h))) / (12 h) + O(h^4)",
        latex=r"\frac{\partial L}{\partial w} = \frac{8\,(L(w + h) - L(w - h)) - (L(w + 2h) - L(w - 2h))}{12\,h}"
        r" + O(h^4)",
        note=f"Checked: {extent}; largest relative error {report.worst.error:.1e} at "
        f"{_entry_name(report.worst.where, single=single)}: {'passed' if report.passed else 'FAILED'} "
        f"(tolerance {report.tolerance:.0e}).",
        table=Table(("entry", "by hand", "autograd", "central differences", "hand - differences"), tuple(rows)),
    )


def _entry_name(where: str, *, single: bool) -> str:
    """Write ``W1[0, 2]`` as the gradient's entry, without the number where there is one layer."""
    if where == "direction":
        return "a random direction"
    return f"d{where[0]}{where[2:]}" if single else f"d{where}"


def _largest_entries(gradients: Parameters) -> list[str]:
    """Name the largest entries of each array."""
    names = []
    for number, layer in enumerate(gradients, start=1):
        for letter, array in layer.arrays.items():
            flat = np.argsort(-np.abs(array), axis=None, kind="stable")[:MAX_ENTRIES]
            places = zip(*np.unravel_index(flat, array.shape), strict=True)
            names += [f"{letter}{number}[{', '.join(map(str, place))}]" for place in places]
    return names
