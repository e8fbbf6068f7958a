"""Machine code for a definition of `twofold.functions`, from the expression that was recorded of it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from twofold.engines.numba import exponential
from twofold.engines.numba.jit import inlined
from twofold.engines.numba.normal import normal
from twofold.functions.expressions import Expression, Language, function_of, python_lines


@inlined
def maximum(a: Any, b: Any) -> Any:
    """Return the larger; a that is NaN stays NaN."""
    return b if a <= b else a


@inlined
def minimum(a: Any, b: Any) -> Any:
    """Return the smaller; a that is NaN stays NaN."""
    return b if a >= b else a


@inlined
def exp(x: Any) -> Any:
    """``exp(x)`` of any x, from that of ``-|x|``."""
    e = exponential.exp(-abs(x))
    return type(x)(1) / e if x > 0 else e


@inlined
def expm1(x: Any) -> Any:
    """``exp(x) - 1`` of any x, from that of ``-|x|``."""
    t = exponential.expm1(-abs(x))
    return -t / (type(x)(1) + t) if x > 0 else t


@inlined
def tanh(z: Any) -> Any:
    """``tanh(z)``, from ``t = exp(-2 |z|) - 1``."""
    number = type(z)
    t = exponential.expm1(number(-2) * abs(z))
    h = t / (number(2) + t)
    return h if z < 0 else -h


@inlined
def log1p(x: Any) -> Any:
    """``log(1 + x)`` of any x above -1."""
    return type(x)(math.log1p(x))


@inlined
def log(x: Any) -> Any:
    """Return the natural logarithm of x, above 0."""
    return type(x)(math.log(x))


@inlined
def sqrt(x: Any) -> Any:
    """Return the square root of x, at least 0."""
    return type(x)(math.sqrt(x))


@inlined
def sign(x: Any) -> Any:
    """-1, 0 or 1."""
    return type(x)(np.sign(x))


def _is_negative(part: Any) -> bool:
    """Tell whether a part is known to be at most 0: then the exponential of fewer operations will do."""
    if not isinstance(part, Expression):
        return bool(part <= 0)
    match part.name, part.arguments:
        case "negative", (Expression("abs"),):
            return True
        case "negative", (Expression("*", (a, b)),):
            return a is b
        case "/", (a, b):
            return _is_negative(a) and not isinstance(b, Expression) and b > 0
        case "minimum", (_, b):
            return _is_negative(b)
    return False


def _is_fraction(part: Any) -> bool:
    """Tell whether a part is known to lie between 0 and 1."""
    return isinstance(part, Expression) and part.name == "exp" and _is_negative(part.arguments[0])


NUMBA = Language(
    {
        "where": "{1} if {0} else {2}",
        "exp": lambda x: "exp_of_negative({})" if _is_negative(x) else "exp({})",
        "expm1": lambda x: "expm1_of_negative({})" if _is_negative(x) else "expm1({})",
        "log1p": lambda x: "log1p_of_fraction({})" if _is_fraction(x) else "log1p({})",
    },
    number=lambda value: f"number({float(value)!r})",
)
FUNCTIONS = {
    "exp": exp,
    "exp_of_negative": exponential.exp,
    "expm1": expm1,
    "expm1_of_negative": exponential.expm1,
    "log": log,
    "log1p": log1p,
    "log1p_of_fraction": exponential.log1p,
    "maximum": maximum,
    "minimum": minimum,
    "ndtr": normal,
    "sign": sign,
    "sqrt": sqrt,
    "tanh": tanh,
}


def source_of(expression: Any, *variables: str) -> str:
    """Write an expression as a function of numbers, all of one type."""
    lines = [f"number = type({variables[0]})", *python_lines(expression, NUMBA)]
    return f"def formula({', '.join(variables)}):\n" + "".join(f"    {line}\n" for line in lines)


def machine_code(expression: Any, *variables: str) -> Any:
    """Compile an expression to a function of numbers, all of one type.

    Parameters
    ----------
    expression : Expression or float
    *variables : str
        Names of the function's parameters.

    Returns
    -------
    callable
        Of as many numbers; debuggers find its lines.
    """
    return inlined(function_of(source_of(expression, *variables), "formula", FUNCTIONS))
