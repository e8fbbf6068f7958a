"""Formulas for people: written as Python, shown as plain text and as LaTeX."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from twofold.errors import SpecificationError

SYMBOLS = {"sigmoid": (r"\sigma", "sigma"), "ndtr": (r"\Phi", "Phi"), "phi": (r"\phi", "phi"), "pi": (r"\pi", "pi")}
NAMED = {"exp", "log", "max", "min", "tanh"}  # LaTeX's own
LOOSE, PRODUCT, TIGHT = 1, 2, 3
Names = Mapping[str, str]
COMPARISONS = {ast.Gt: ">", ast.GtE: r"\ge", ast.Lt: "<", ast.LtE: r"\le"}


@dataclass(frozen=True)
class Written:
    """A formula that is no Python expression, in both scripts."""

    text: str
    latex: str


def as_text(formula: str | Written, **names: object) -> str:
    """Write a formula as plain text.

    Parameters
    ----------
    formula : str or Written
        A Python expression.
    **names : str
        What its variables are called.

    Examples
    --------
    >>> as_text("ndtr(z) + z * exp(-z**2 / 2) / sqrt(2 * pi)")
    'Phi(z) + z exp(-z^2 / 2) / sqrt(2 pi)'
    >>> as_text("(o - y)**2 / 2", o="O", y="Y")
    '(O - Y)^2 / 2'
    """
    if isinstance(formula, Written):
        return formula.text.format(**names)
    tree = _parse(formula)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            node.id = str(names.get(node.id, node.id))
    text = ast.unparse(tree).replace(" ** ", "^").replace("**", "^").replace(" * ", " ")
    for name, (_, plain) in SYMBOLS.items():
        text = text.replace(f"{name}_derivative(", f"{plain}'(").replace(f"{name}(", f"{plain}(")
    return text


def as_latex(formula: str | Written, **names: str) -> str:
    r"""Write a formula in LaTeX; the parameters are those of `as_text`.

    Examples
    --------
    >>> as_latex("z * sigmoid(z)"), as_latex("1 / (1 + exp(-z))")
    ('z\\,\\sigma(z)', '\\frac{1}{1 + e^{-z}}')
    """
    if isinstance(formula, Written):
        return formula.latex.format(**names)
    return _latex(_parse(formula), names)[0]


def evaluate(formula: str, values: Mapping[str, float], functions: Mapping[str, Callable[..., float]]) -> float:
    """Compute a formula as people would, with no care for extremes.

    Parameters
    ----------
    formula : str
        A Python expression of the variables, of Python's ``abs``, ``max`` and ``min``, of the names in `math`, of
        ``sign``, ``ndtr`` and ``functions``.
    values : mapping of str to float
        Of the variables.
    functions : mapping of str to callable
        Further functions by name.

    Returns
    -------
    float

    Raises
    ------
    SpecificationError
        If it is no expression of real numbers, or holds what has no LaTeX or isn't known.
    ArithmeticError, ValueError
        If it can't be computed at these values.

    Examples
    --------
    >>> evaluate("max(z, 0) + log(1 + exp(-abs(z)))", {"z": 0.0}, {})
    0.6931471805599453
    """
    tree = _parse(formula)
    _latex(tree, {})
    space = {name: value for name, value in vars(math).items() if not name.startswith("_")}
    space |= {"abs": abs, "max": max, "min": min, "sign": lambda x: (x > 0) - (x < 0)}
    space |= {"ndtr": lambda x: math.erfc(-x / math.sqrt(2)) / 2, **functions, **values}
    if unknown := {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - space.keys():
        raise SpecificationError(f"the formula {formula!r} uses {min(unknown)!r}, which is not known")
    code = compile(ast.Expression(tree), "<formula>", "eval")
    try:
        return float(eval(code, {"__builtins__": {}}, space))  # noqa: S307 - arithmetic of known functions alone
    except TypeError as error:
        raise SpecificationError(f"the formula {formula!r} can't be computed: {error}") from error


def _parse(formula: str) -> ast.expr:
    try:
        return ast.parse(formula, mode="eval").body
    except SyntaxError as error:
        raise SpecificationError(f"the formula {formula!r} is no Python expression: {error.msg}") from error


def _latex(node: ast.expr, names: Names) -> tuple[str, int]:  # noqa: PLR0911, PLR0912 - a line for each form
    """Write a part of a formula, and say how tightly it binds."""
    match node:
        case ast.Constant(value):
            return f"{value:g}" if isinstance(value, float) else str(value), TIGHT
        case ast.Name(name):
            return names.get(name) or SYMBOLS.get(name, (name,))[0], TIGHT
        case ast.UnaryOp(ast.USub(), operand):
            return f"-{_tight(operand, names, PRODUCT)}", LOOSE
        case ast.BinOp(ast.UnaryOp(ast.USub(), left), ast.Div(), right):
            return rf"-\frac{{{_latex(left, names)[0]}}}{{{_latex(right, names)[0]}}}", LOOSE
        case ast.BinOp(left, ast.Div(), right):
            return rf"\frac{{{_latex(left, names)[0]}}}{{{_latex(right, names)[0]}}}", TIGHT
        case ast.BinOp(left, ast.Pow(), right):
            return _power(left, _latex(right, names)[0], names), TIGHT
        case ast.BinOp(left, ast.Mult(), right):
            return rf"{_tight(left, names, PRODUCT)}\,{_tight(right, names, PRODUCT)}", PRODUCT
        case ast.BinOp(left, ast.Add(), right):
            return f"{_latex(left, names)[0]} + {_latex(right, names)[0]}", LOOSE
        case ast.BinOp(left, ast.Sub(), right):
            return f"{_latex(left, names)[0]} - {_tight(right, names, PRODUCT)}", LOOSE
        case ast.Compare(left, [comparison], [right]):
            return f"{_latex(left, names)[0]} {COMPARISONS[type(comparison)]} {_latex(right, names)[0]}", LOOSE
        case ast.IfExp(test, ast.Constant(1), ast.Constant(0)):
            return rf"\mathbb{{1}}[{_latex(test, names)[0]}]", TIGHT
        case ast.IfExp(test, body, otherwise):
            first = rf"{_latex(body, names)[0]} & {_latex(test, names)[0]}"
            rows = rf"{first} \\ {_latex(otherwise, names)[0]} & \text{{else}}"
            return rf"\begin{{cases}} {rows} \end{{cases}}", TIGHT
        case ast.Call(ast.Name(name), arguments):
            return _call(name, ", ".join(_latex(argument, names)[0] for argument in arguments)), TIGHT
    raise SpecificationError(f"a formula holds {ast.unparse(node)!r}, which has no LaTeX here")


def _tight(node: ast.expr, names: Names, binding: int) -> str:
    text, own = _latex(node, names)
    return text if own >= binding else f"({text})"


def _power(base: ast.expr, exponent: str, names: Names) -> str:
    match base:
        case ast.Call(ast.Name(name), [argument]) if name in NAMED - {"exp"}:  # tanh^2(z)
            return rf"\{name}^{{{exponent}}}({_latex(argument, names)[0]})"
    return f"{_tight(base, names, TIGHT)}^{{{exponent}}}"


def _call(name: str, arguments: str) -> str:
    if name == "exp":
        return f"e^{{{arguments}}}"
    if name == "sqrt":
        return rf"\sqrt{{{arguments}}}"
    if name == "abs":
        return f"|{arguments}|"
    stem, derivative, _ = name.partition("_derivative")
    word = SYMBOLS[stem][0] if stem in SYMBOLS else rf"\{stem}" if stem in NAMED else rf"\mathrm{{{stem}}}"
    return f"{word}{chr(39) if derivative else ''}({arguments})"
