"""Functions of one number, and activations with their derivatives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

from twofold.errors import DataError, SpecificationError, check_name, show
from twofold.functions import ACTIVATIONS, Activation
from twofold.plots.axes_styling import legend, say, style_axes
from twofold.plots.figures import open_axes, panels
from twofold.plots.style import WIDTH
from twofold.values import is_real

Array = NDArray[Any]

POINTS = 401  # odd, so that a kink at 0 is one of them


def xyplot(
    function: str | Activation | Callable[[Any], Any] | ArrayLike,
    low: float | ArrayLike = -5.0,
    high: float | str = 5.0,
    *,
    derivative: Callable[[Any], Any] | None = None,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw a function; of an activation, its derivative too. ``xyplot(x, y, name)`` draws numbers that are there.

    Parameters
    ----------
    function : callable, Activation or str
        Of an array, or of one number; or an activation, or its name in `twofold.functions.ACTIVATIONS`. Or x, (n,),
        an array or tensor, as in *Dive into Deep Learning*: then ``low`` is y, (n,), and ``high`` its name.
    low, high : float
        The range, low < high.
    derivative : callable, optional
        Drawn beside the function; an activation brings its own.
    title : str
        Otherwise the activation's name.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a figure of its own otherwise.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    SpecificationError
        If the range is empty or the name is unknown.
    DataError
        If the function's values are not one real number for each x.

    Examples
    --------
    >>> ax = xyplot("relu")
    >>> [line.get_label() for line in ax.lines], ax.get_title(loc="left")
    (['function', 'derivative'], 'relu')
    >>> len(xyplot(np.sin, 0, 6.28).lines)
    1
    >>> x = np.linspace(-8, 8, 101)
    >>> xyplot(x, np.maximum(x, 0), "relu").get_ylabel()
    'relu(x)'
    """
    if not (isinstance(function, str | Activation) or callable(function)):
        return _of_numbers(function, low, high, title=title, ax=ax)
    if not (is_real(low) and is_real(high)):
        raise SpecificationError(f"the range is {show(low)} to {show(high)}; expected two numbers, the smaller first")
    low, high = cast(float, low), cast(float, high)
    if not -np.inf < low < high < np.inf:
        raise SpecificationError(f"the range is {low} to {high}; expected two finite numbers, the smaller first")
    kink = False
    if isinstance(function, str):
        title = title or function
        function = ACTIVATIONS[check_name("activation", function, ACTIVATIONS)]
    if isinstance(function, Activation):
        derivative, kink, function = function.derivative, function.kink, function.value
    ax, theme = open_axes(ax, (WIDTH, 2.8))
    x = np.linspace(low, high, POINTS)
    ax.plot(x, _values(function, x), color=theme.color(0), lw=2, label=say("function"))
    if derivative is not None:
        slope = _values(derivative, x)
        if kink:
            slope = np.where(np.abs(x) < (high - low) / POINTS, np.nan, slope)  # there is none, so the line breaks
        ax.plot(x, slope, color=theme.color(1), lw=2, ls="--", label=say("derivative"))
        legend(ax, theme)
    ax.set_xlim(low, high)
    return style_axes(ax, theme, title=title, x="x", grid="both")


def _of_numbers(x: Any, y: Any, name: object, *, title: str, ax: Axes | None) -> Axes:
    """Draw y over x, and call it ``name(x)``."""
    if np.ndim(x) == 0:
        raise SpecificationError(f"the function is {x!r}; expected one, an activation or the name of one")
    across, up = (np.asarray(v.detach() if hasattr(v, "detach") else v, dtype=np.float64) for v in (x, y))
    if across.ndim != 1 or across.shape != up.shape or not across.size:
        raise DataError(
            f"x has shape {across.shape} and y {up.shape}; expected xyplot(x, y, name) with x and y of (n,), or "
            "xyplot(function, low, high)"
        )
    ax, theme = open_axes(ax, (WIDTH, 2.8))
    ax.plot(across, np.where(np.isfinite(up), up, np.nan), color=theme.color(0), lw=2)
    return style_axes(ax, theme, title=title, x="x", y=f"{name}(x)" if isinstance(name, str) else "y", grid="both")


def activation_plots(names: Sequence[str] = (), *, columns: int = 2) -> list[Axes]:
    """Draw activations with their derivatives in one figure, each on Axes of its own, all on the same scale.

    Parameters
    ----------
    names : sequence of str
        Names in `twofold.functions.ACTIVATIONS`; all of them otherwise.
    columns : int
        In a row.

    Returns
    -------
    list of matplotlib.axes.Axes

    Raises
    ------
    UnknownNameError
        If there is no such activation.

    Examples
    --------
    >>> [ax.get_title(loc="left") for ax in activation_plots(["relu", "tanh"])]
    ['relu', 'tanh']
    """
    chosen = list(names) or list(ACTIVATIONS)
    for name in chosen:
        check_name("activation", name, ACTIVATIONS)
    drawn = panels(len(chosen), columns=columns)
    for index, (name, ax) in enumerate(zip(chosen, drawn, strict=True)):
        xyplot(name, -4, 4, ax=ax).set_ylim(-1.3, 3.2)
        ax.set_xlabel("")
        if index > 0:
            ax.get_legend().remove()  # type: ignore[union-attr]
    return drawn


def _values(function: Callable[[Any], Any], x: Array) -> Array:
    """Call a function of arrays, or of one number at a time; where it has no value it is NaN."""
    with np.errstate(all="ignore"):
        try:
            values = np.asarray(function(x))
        except (TypeError, ValueError):  # such as math.sin, or one with an `if`
            values = np.array([_value(function, float(number)) for number in x])
    if values.shape == ():
        values = np.full(x.shape, values)  # a constant
    if values.shape != x.shape or values.dtype.kind not in "iufb":
        raise DataError(
            f"the function made {values.dtype} of shape {values.shape} of {x.shape}; expected real {x.shape}"
        )
    return np.where(np.isfinite(values), values, np.nan)


def _value(function: Callable[[Any], Any], number: float) -> Any:
    try:
        return function(number)
    except ArithmeticError:
        return np.nan
    except ValueError:  # math.log(-1): no value there
        return np.nan
