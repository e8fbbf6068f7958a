"""Formulas for people: written as Python, shown as plain text and as LaTeX."""

from __future__ import annotations

import ast
from functools import cache

from twofold.errors import SpecificationError

SYMBOLS = {"sigmoid": (r"\sigma", "sigma"), "ndtr": (r"\Phi", "Phi"), "phi": (r"\phi", "phi"), "pi": (r"\pi", "pi")}
NAMED = {"exp", "log", "max", "min", "tanh"}  # LaTeX's own
LOOSE, PRODUCT, TIGHT = 1, 2, 3
COMPARISONS = {ast.Gt: ">", ast.GtE: r"\ge", ast.Lt: "<", ast.LtE: r"\le"}


@cache
def as_text(formula: str) -> str:
    """Write a formula as plain text.

    Examples
    --------
    >>> as_text("ndtr(z) + z * exp(-z**2 / 2) / sqrt(2 * pi)")
    'Phi(z) + z exp(-z^2 / 2) / sqrt(2 pi)'
    """
    text = ast.unparse(_parse(formula)).replace(" ** ", "^").replace("**", "^").replace(" * ", " ")
    for name, (_, plain) in SYMBOLS.items():
        text = text.replace(f"{name}_derivative(", f"{plain}'(").replace(f"{name}(", f"{plain}(")
    return text


@cache
def as_latex(formula: str) -> str:
    r"""Write a formula in LaTeX.

    Examples
    --------
    >>> as_latex("z * sigmoid(z)"), as_latex("1 / (1 + exp(-z))")
    ('z\\,\\sigma(z)', '\\frac{1}{1 + e^{-z}}')
    """
    return _latex(_parse(formula))[0]


def _parse(formula: str) -> ast.expr:
    try:
        return ast.parse(formula, mode="eval").body
    except SyntaxError as error:
        raise SpecificationError(f"the formula {formula!r} is no Python expression: {error.msg}") from error


def _latex(node: ast.expr) -> tuple[str, int]:  # noqa: PLR0911, PLR0912 - a line for each form of expression
    """Write a part of a formula, and say how tightly it binds."""
    match node:
        case ast.Constant(value):
            return f"{value:g}" if isinstance(value, float) else str(value), TIGHT
        case ast.Name(name):
            return SYMBOLS[name][0] if name in SYMBOLS else name, TIGHT
        case ast.UnaryOp(ast.USub(), operand):
            return f"-{_tight(operand, PRODUCT)}", LOOSE
        case ast.BinOp(ast.UnaryOp(ast.USub(), left), ast.Div(), right):
            return rf"-\frac{{{_latex(left)[0]}}}{{{_latex(right)[0]}}}", LOOSE
        case ast.BinOp(left, ast.Div(), right):
            return rf"\frac{{{_latex(left)[0]}}}{{{_latex(right)[0]}}}", TIGHT
        case ast.BinOp(left, ast.Pow(), right):
            return _power(left, _latex(right)[0]), TIGHT
        case ast.BinOp(left, ast.Mult(), right):
            return rf"{_tight(left, PRODUCT)}\,{_tight(right, PRODUCT)}", PRODUCT
        case ast.BinOp(left, ast.Add(), right):
            return f"{_latex(left)[0]} + {_latex(right)[0]}", LOOSE
        case ast.BinOp(left, ast.Sub(), right):
            return f"{_latex(left)[0]} - {_tight(right, PRODUCT)}", LOOSE
        case ast.Compare(left, [comparison], [right]):
            return f"{_latex(left)[0]} {COMPARISONS[type(comparison)]} {_latex(right)[0]}", LOOSE
        case ast.IfExp(test, ast.Constant(1), ast.Constant(0)):
            return rf"\mathbb{{1}}[{_latex(test)[0]}]", TIGHT
        case ast.IfExp(test, body, otherwise):
            rows = rf"{_latex(body)[0]} & {_latex(test)[0]} \\ {_latex(otherwise)[0]} & \text{{else}}"
            return rf"\begin{{cases}} {rows} \end{{cases}}", TIGHT
        case ast.Call(ast.Name(name), arguments):
            return _call(name, ", ".join(_latex(argument)[0] for argument in arguments)), TIGHT
    raise SpecificationError(f"a formula holds {ast.unparse(node)!r}, which has no LaTeX here")


def _tight(node: ast.expr, binding: int) -> str:
    text, own = _latex(node)
    return text if own >= binding else f"({text})"


def _power(base: ast.expr, exponent: str) -> str:
    match base:
        case ast.Call(ast.Name(name), [argument]) if name in NAMED - {"exp"}:  # tanh^2(z)
            return rf"\{name}^{{{exponent}}}({_latex(argument)[0]})"
    return f"{_tight(base, TIGHT)}^{{{exponent}}}"


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
