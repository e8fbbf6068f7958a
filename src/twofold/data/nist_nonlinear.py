"""NIST's certified nonlinear regression sets (Statistical Reference Datasets), and their models.

``nist_nonlinear.json.gz`` beside this file holds the numbers of all 27 files as NIST prints them. They are a work of
the National Institute of Standards and Technology, an agency of the United States government: public domain in the
United States. Source: https://www.itl.nist.gov/div898/strd/nls/nls_main.shtml
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Model = Callable[[Any, Any, Any], Any]


@dataclass(frozen=True)
class NonlinearSet:
    """One set and what NIST certifies for it.

    Attributes
    ----------
    name : str
    difficulty : str
        lower, average or higher.
    model : callable
        Of x, b and xp, see `twofold.statistics.nonlinear_least_squares`.
    x : ndarray, shape (n,) or (n, 2)
    y : ndarray, shape (n,)
        Nelson's are logarithms.
    starts : ndarray, shape (2, p)
        The first lies far from the minimum, the second near.
    coefficients, standard_errors : tuple of str
        In NIST's own decimals, 11 digits.
    residual_std : str
    """

    name: str
    difficulty: str
    model: Model
    x: Array
    y: Array
    starts: Array
    coefficients: tuple[str, ...]
    standard_errors: tuple[str, ...]
    residual_std: str


def load_nonlinear_sets() -> list[NonlinearSet]:
    """Read the sets, in NIST's order, from those of lower difficulty to those of higher."""
    from importlib.resources import files

    packed = files("twofold.data").joinpath("nist_nonlinear.json.gz").read_bytes()
    return [_read(content) for content in json.loads(gzip.decompress(packed))["sets"]]


def _read(content: dict[str, Any]) -> NonlinearSet:
    x, y = np.array(content["x"], dtype=np.float64), np.array(content["y"], dtype=np.float64)
    name = content["name"]
    return NonlinearSet(
        name=name,
        difficulty=content["difficulty"],
        model=MODELS[name],
        x=x[:, 0] if x.shape[1] == 1 else x,
        y=np.log(y) if name == "Nelson" else y,
        starts=np.array(content["starts"], dtype=np.float64),
        coefficients=tuple(content["coefficients"]),
        standard_errors=tuple(content["standard_errors"]),
        residual_std=content["residual_std"],
    )


def _gauss(x: Any, b: Any, xp: Any) -> Any:
    first = b[2] * xp.exp(-((x - b[3]) ** 2) / b[4] ** 2)
    return b[0] * xp.exp(-b[1] * x) + first + b[5] * xp.exp(-((x - b[6]) ** 2) / b[7] ** 2)


def _lanczos(x: Any, b: Any, xp: Any) -> Any:
    return b[0] * xp.exp(-b[1] * x) + b[2] * xp.exp(-b[3] * x) + b[4] * xp.exp(-b[5] * x)


def _cubics(x: Any, b: Any, _: Any) -> Any:
    return (b[0] + b[1] * x + b[2] * x**2 + b[3] * x**3) / (1 + b[4] * x + b[5] * x**2 + b[6] * x**3)


def _enso(x: Any, b: Any, xp: Any) -> Any:
    total = b[0]
    for amplitudes, period in (((1, 2), 12), ((4, 5), b[3]), ((7, 8), b[6])):
        angle = 2 * xp.pi * x / period
        total = total + b[amplitudes[0]] * xp.cos(angle) + b[amplitudes[1]] * xp.sin(angle)
    return total


MODELS: dict[str, Model] = {
    "Misra1a": lambda x, b, xp: b[0] * (1 - xp.exp(-b[1] * x)),
    "Chwirut2": lambda x, b, xp: xp.exp(-b[0] * x) / (b[1] + b[2] * x),
    "Chwirut1": lambda x, b, xp: xp.exp(-b[0] * x) / (b[1] + b[2] * x),
    "Lanczos3": _lanczos,
    "Gauss1": _gauss,
    "Gauss2": _gauss,
    "DanWood": lambda x, b, _: b[0] * x ** b[1],
    "Misra1b": lambda x, b, _: b[0] * (1 - (1 + b[1] * x / 2) ** -2),
    "Kirby2": lambda x, b, _: (b[0] + b[1] * x + b[2] * x**2) / (1 + b[3] * x + b[4] * x**2),
    "Hahn1": _cubics,
    "Nelson": lambda x, b, xp: b[0] - b[1] * x[:, 0] * xp.exp(-b[2] * x[:, 1]),
    "MGH17": lambda x, b, xp: b[0] + b[1] * xp.exp(-x * b[3]) + b[2] * xp.exp(-x * b[4]),
    "Lanczos1": _lanczos,
    "Lanczos2": _lanczos,
    "Gauss3": _gauss,
    "Misra1c": lambda x, b, _: b[0] * (1 - (1 + 2 * b[1] * x) ** -0.5),
    "Misra1d": lambda x, b, _: b[0] * b[1] * x / (1 + b[1] * x),
    "Roszman1": lambda x, b, xp: b[0] - b[1] * x - xp.arctan(b[2] / (x - b[3])) / xp.pi,
    "ENSO": _enso,
    "MGH09": lambda x, b, _: b[0] * (x**2 + x * b[1]) / (x**2 + x * b[2] + b[3]),
    "Thurber": _cubics,
    "BoxBOD": lambda x, b, xp: b[0] * (1 - xp.exp(-b[1] * x)),
    "Rat42": lambda x, b, xp: b[0] / (1 + xp.exp(b[1] - b[2] * x)),
    "MGH10": lambda x, b, xp: b[0] * xp.exp(b[1] / (x + b[2])),
    "Eckerle4": lambda x, b, xp: b[0] / b[1] * xp.exp(-(((x - b[2]) / b[1]) ** 2) / 2),
    "Rat43": lambda x, b, xp: b[0] / (1 + xp.exp(b[1] - b[2] * x)) ** (1 / b[3]),
    "Bennett5": lambda x, b, _: b[0] * (b[1] + x) ** (-1 / b[2]),
}
