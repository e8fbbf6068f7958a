"""``check`` and ``show`` for notebooks, the browser and scripts: in the process that calls them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twofold.exercises.checking import examine, wrong
from twofold.exercises.contained import MOST_OUTPUT, TimeLimitError, contained
from twofold.exercises.files import TOO_LONG
from twofold.exercises.registry import find_exercise
from twofold.exercises.result import Result
from twofold.exercises.showing import exercise_text
from twofold.language import choose_language


def check(
    answer: Callable[..., Any], name: str | None = None, *, language: str | None = None, seconds: float = 10.0
) -> Result:
    """Check an answer, and say what to change if it is wrong.

    Parameters
    ----------
    answer : callable
        Named as the exercise's function, with or without ``my_`` in front.
    name : str, optional
        The exercise, such as ``"3.4/softmax"``; found by the function's name otherwise.
    language : {"en", "zh"}, optional
        The environment's otherwise, see `twofold.language.choose_language`.
    seconds : float
        After which an endless loop is stopped.

    Returns
    -------
    Result
        Shown as a text.

    Raises
    ------
    UnknownNameError
        If there is no such exercise.

    Examples
    --------
    >>> import numpy as np
    >>> def my_softmax(O):
    ...     O = np.exp(O - O.max(axis=1, keepdims=True))
    ...     return O / O.sum(axis=1, keepdims=True)
    >>> check(my_softmax, language="en").right
    True
    """
    language = choose_language(language)
    exercise = find_exercise(name or str(getattr(answer, "__name__", answer)), language)
    with contained(seconds) as output:
        try:
            result = examine(exercise, answer, language)
        except TimeLimitError:
            result = wrong(exercise, language, (TOO_LONG.fill(seconds=seconds), "stopped"))
    return result.with_output(output.getvalue()[:MOST_OUTPUT])


class Shown(str):
    """A text that a notebook shows as it is."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def show(name: str, *, language: str | None = None) -> Shown:
    """Return an exercise's task, the line to begin with, an example and a hint.

    Parameters
    ----------
    name : str
        Such as ``"3.4/softmax"``.
    language : {"en", "zh"}, optional

    Returns
    -------
    str
    """
    language = choose_language(language)
    return Shown(exercise_text(find_exercise(name, language), language))
