"""A formula as an expression: what a function of numbers computes, recorded by calling it once.

Definitions in this folder are functions of a number or an array ``z`` and of ``xp``, the functions that go with it:
`twofold.functions.numpy_functions` for NumPy arrays, others for PyTorch, and `Recorder` here. With the recorder a
definition returns an `Expression`, from which plain Python, machine code and ONNX graphs are written. Whoever debugs a
definition calls it with NumPy's functions and steps through it.
"""

from __future__ import annotations

import linecache
import operator
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from twofold.errors import SpecificationError

# What `xp` offers: name and number of arguments.
FUNCTIONS = {
    "abs": 1,
    "exp": 1,
    "expm1": 1,
    "log": 1,
    "log1p": 1,
    "maximum": 2,
    "minimum": 2,
    "ndtr": 1,
    "sign": 1,
    "sqrt": 1,
    "tanh": 1,
    "where": 3,
}
COMPARISONS = ("<", "<=", ">", ">=")
# How tightly each operator binds, in Python's grammar.
BINDING = {"where": 0, **dict.fromkeys(COMPARISONS, 1), "+": 2, "-": 2, "*": 3, "/": 3, "negative": 4}
TIGHT = 5  # names, numbers and calls

_number_of_file = count(1)


@dataclass(frozen=True, eq=False)
class Expression:
    """An operator or function and what it is applied to.

    Attributes
    ----------
    name : str
        One of `FUNCTIONS`, an operator, ``"negative"``, or the name of a variable, which has no arguments.
    arguments : tuple of Expression or float
    """

    name: str
    arguments: tuple[Any, ...] = ()

    def __add__(self, other: Any) -> Expression:
        return Expression("+", (self, other))

    def __radd__(self, other: Any) -> Expression:
        return Expression("+", (other, self))

    def __sub__(self, other: Any) -> Expression:
        return Expression("-", (self, other))

    def __rsub__(self, other: Any) -> Expression:
        return Expression("-", (other, self))

    def __mul__(self, other: Any) -> Expression:
        return Expression("*", (self, other))

    def __rmul__(self, other: Any) -> Expression:
        return Expression("*", (other, self))

    def __truediv__(self, other: Any) -> Expression:
        return Expression("/", (self, other))

    def __rtruediv__(self, other: Any) -> Expression:
        return Expression("/", (other, self))

    def __pow__(self, exponent: Any) -> Expression:
        if isinstance(exponent, Expression):
            return Expression("pow", (self, exponent))
        if exponent not in (2, 3, 4):
            raise SpecificationError(
                f"a definition raises a number to a power, {exponent!r}; expected 2, 3 or 4, or xp.exp(c * xp.log(z))"
            )
        power: Expression = self
        for _ in range(exponent - 1):
            power = power * self
        return power

    def __rpow__(self, other: Any) -> Expression:
        return Expression("pow", (other, self))

    def __neg__(self) -> Expression:
        return Expression("negative", (self,))

    def __abs__(self) -> Expression:
        return Expression("abs", (self,))

    def __lt__(self, other: Any) -> Expression:
        return Expression("<", (self, other))

    def __le__(self, other: Any) -> Expression:
        return Expression("<=", (self, other))

    def __gt__(self, other: Any) -> Expression:
        return Expression(">", (self, other))

    def __ge__(self, other: Any) -> Expression:
        return Expression(">=", (self, other))

    def __bool__(self) -> bool:
        raise SpecificationError("a definition asks whether a number is true; choose with xp.where(condition, a, b)")


class Recorder:
    """The functions of `FUNCTIONS`, on expressions."""

    def __getattr__(self, name: str) -> Callable[..., Expression]:
        if name.startswith("__"):
            raise AttributeError(name)
        if name not in FUNCTIONS:
            raise SpecificationError(
                f"a definition uses xp.{name}, which is not known; there are {', '.join(FUNCTIONS)}"
            )
        return lambda *arguments: Expression(name, arguments)


def record(function: Callable[..., Any], *variables: str) -> Any:
    """Return what a definition computes.

    Parameters
    ----------
    function : callable
        Of as many numbers as there are variables, and of ``xp``.
    *variables : str
        Their names.

    Returns
    -------
    Expression or float

    Examples
    --------
    >>> python_lines(record(lambda z, xp: z * xp.exp(-xp.abs(z)), "z"), PYTHON)
    ['return z * exp(-abs(z))']
    """
    try:
        return function(*map(Expression, variables), Recorder())
    except (TypeError, AttributeError, ArithmeticError, ValueError) as error:
        raise SpecificationError(f"a definition calls a function that isn't xp's, or not as it is: {error}") from error


def walk(*expressions: Any) -> Iterator[Any]:
    """Go through the parts of expressions, each once, the innermost first; numbers are parts too."""
    seen: set[int] = set()

    def go(part: Any) -> Iterator[Any]:
        if id(part) in seen:
            return
        seen.add(id(part))
        for argument in getattr(part, "arguments", ()):
            yield from go(argument)
        yield part

    for expression in expressions:
        yield from go(expression)


def share(*expressions: Any) -> tuple[Any, ...]:
    """Return expressions in which parts that are the same are one part, to be computed once.

    Examples
    --------
    >>> z = Expression("z")
    >>> python_lines(share((1 - z) * (1 - z), 1 - z), PYTHON)
    ['a1 = 1.0 - z', 'return a1 * a1, a1']
    """
    first: dict[tuple[Any, ...], Expression] = {}
    places: dict[int, Any] = {}
    for part in walk(*expressions):
        places[id(part)] = part
        if isinstance(part, Expression):
            arguments = tuple(places[id(argument)] for argument in part.arguments)
            key = tuple(id(a) if isinstance(a, Expression) else repr(a) for a in arguments)
            places[id(part)] = first.setdefault((part.name, *key), Expression(part.name, arguments))
    return tuple(places[id(expression)] for expression in expressions)


def names_in(expression: Any) -> set[str]:
    """Return the names of an expression's functions and operators."""
    return {part.name for part in walk(expression) if isinstance(part, Expression) and part.arguments}


def is_piecewise_constant(expression: Any) -> bool:
    """Tell whether an expression depends on its variables by comparisons alone."""
    if not isinstance(expression, Expression):
        return True
    if expression.name == "where":
        return all(map(is_piecewise_constant, expression.arguments[1:]))
    return bool(expression.arguments) and all(map(is_piecewise_constant, expression.arguments))


@dataclass(frozen=True)
class Language:
    """How the functions of `FUNCTIONS` are written.

    Attributes
    ----------
    calls : mapping
        Of a name to a template with a place for each argument, or a function that makes one for these very arguments.
    number : callable
        Writes a constant.
    """

    calls: Mapping[str, str | Callable[..., str]]
    number: Callable[[float], str]


PYTHON = Language(
    {"where": "{1} if {0} else {2}", "maximum": "max({}, {})", "minimum": "min({}, {})"},
    number=lambda value: repr(float(value)),
)


FORMULA = Language(PYTHON.calls, number=lambda value: f"{value:.6g}")  # for people


def python_lines(expression: Any, language: Language, *, share: bool = True) -> list[str]:
    """Write an expression as the lines of a function's body; what is used several times gets a name.

    Parameters
    ----------
    expression : Expression or float, or a tuple of them
    language : Language
    share : bool
        False writes what is used several times out each time.

    Returns
    -------
    list of str
        The last one begins with ``return``.
    """
    results = expression if isinstance(expression, tuple) else (expression,)
    parts = list(walk(*results))
    uses = Counter(id(argument) for part in parts for argument in getattr(part, "arguments", ()))
    uses.update(map(id, results))
    written: dict[int, tuple[str, int]] = {}
    lines: list[str] = []
    for part in parts:
        if not isinstance(part, Expression):
            text = language.number(part)
            written[id(part)] = (text, BINDING["negative"] if text.startswith("-") else TIGHT)
        elif not part.arguments:
            written[id(part)] = (part.name, TIGHT)
        else:
            written[id(part)] = _write(part, [written[id(argument)] for argument in part.arguments], language)
            if share and uses[id(part)] > 1:
                name = f"a{len(lines) + 1}"
                lines.append(f"{name} = {written[id(part)][0]}")
                written[id(part)] = (name, TIGHT)
    return [*lines, f"return {', '.join(written[id(result)][0] for result in results)}"]


def function_of(source: str, name: str, functions: Mapping[str, Any]) -> Any:
    """Make a function of text that defines it, with these functions at hand; debuggers find its lines."""
    file = f"<{name} {next(_number_of_file)}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    space: dict[str, Any] = dict(functions)
    exec(compile(source, file, "exec"), space)  # noqa: S102 - our own text, of operators, functions and numbers alone
    return space[name]


def _write(part: Expression, arguments: list[tuple[str, int]], language: Language) -> tuple[str, int]:
    """Write an operator or a call of arguments that are written, each with how tightly it binds."""
    binding = BINDING.get(part.name, TIGHT)
    if part.name in language.calls:
        template = language.calls[part.name]
        if callable(template):
            template = template(*part.arguments)
        inner = [_inside(argument, binding + 1) if binding < TIGHT else argument[0] for argument in arguments]
        return template.format(*inner), binding
    if part.name == "negative":
        return f"-{_inside(arguments[0], binding)}", binding
    if part.name in BINDING:
        left, right = _inside(arguments[0], binding), _inside(arguments[1], binding + 1)
        return f"{left} {part.name} {right}", binding
    return f"{part.name}({', '.join(text for text, _ in arguments)})", TIGHT


def _inside(argument: tuple[str, int], binding: int) -> str:
    text, own = argument
    return text if own >= binding else f"({text})"


OPERATORS: dict[str, Callable[..., Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "negative": operator.neg,
    "pow": operator.pow,
}


def evaluate(expressions: tuple[Any, ...], values: Mapping[str, Any], xp: Any) -> list[Any]:
    """Compute expressions.

    Parameters
    ----------
    expressions : tuple of Expression or float
    values : mapping
        Of the variables, by name.
    xp
        The functions that go with them.

    Returns
    -------
    list

    Examples
    --------
    >>> z = Expression("z")
    >>> evaluate((z * z, 1 - z), {"z": 3}, xp=None)
    [9, -2]
    """
    known: dict[int, Any] = {}
    for part in walk(*expressions):
        if not isinstance(part, Expression):
            known[id(part)] = part
        elif not part.arguments:
            known[id(part)] = values[part.name]
        else:
            function = OPERATORS.get(part.name) or getattr(xp, part.name)
            known[id(part)] = function(*(known[id(argument)] for argument in part.arguments))
    return [known[id(expression)] for expression in expressions]


def take_out(expressions: tuple[Any, ...], variables: Collection[str]) -> tuple[dict[str, Expression], tuple[Any, ...]]:
    """Take out of expressions what doesn't depend on some variables, so that it is computed once for all of these.

    What is divided by such a part is multiplied by its reciprocal, which takes less time.

    Parameters
    ----------
    expressions : tuple of Expression or float
    variables : collection of str

    Returns
    -------
    numbers : dict of str to Expression
        The largest parts without one of the variables, by new names.
    expressions : tuple of Expression or float
        With these names in their place.

    Examples
    --------
    >>> a, x = Expression("a"), Expression("x")
    >>> numbers, (rest,) = take_out(((1 - a) * x,), {"x"})
    >>> python_lines(rest, PYTHON), python_lines(numbers["number_1"], PYTHON)
    (['return number_1 * x'], ['return 1.0 - a'])
    """
    numbers: dict[str, Expression] = {}
    rest: dict[int, Any] = {}
    depends: dict[int, bool] = {}
    for part in walk(*expressions):
        inner = getattr(part, "arguments", ())
        is_variable = isinstance(part, Expression) and not inner and part.name in variables
        depends[id(part)] = is_variable or any(depends[id(argument)] for argument in inner)

    def named(part: Expression) -> Expression:
        name = f"number_{len(numbers) + 1}"
        numbers[name] = part
        return Expression(name)

    def without(part: Any) -> Any:
        if not isinstance(part, Expression):
            return part
        if not depends[id(part)]:
            return named(part)
        if part.name == "/" and isinstance(part.arguments[1], Expression) and not depends[id(part.arguments[1])]:
            return Expression("*", (go(part.arguments[0]), named(1 / part.arguments[1])))
        return Expression(part.name, tuple(map(go, part.arguments)))

    def go(part: Any) -> Any:
        if id(part) not in rest:
            rest[id(part)] = without(part)
        return rest[id(part)]

    return numbers, tuple(map(go, expressions))
