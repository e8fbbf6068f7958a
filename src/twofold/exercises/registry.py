"""All exercises by name, found by the name of a function too."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from twofold.errors import UnknownNameError, nearest
from twofold.exercises.exercise import Exercise
from twofold.exercises.lessons import LESSONS
from twofold.language import Text

EXERCISES: dict[str, Exercise] = {exercise.name: exercise for lesson in LESSONS for exercise in lesson.exercises}
BY_FUNCTION = {exercise.function: exercise for exercise in EXERCISES.values()}


def find_exercise(name: str, language: str = "en") -> Exercise:
    """Return an exercise by its name, the name's end, or the name of its function.

    Parameters
    ----------
    name : str
        ``"3.4/softmax"``, ``"softmax"``, or a function's name with or without ``my_``.
    language : {"en", "zh"}

    Returns
    -------
    Exercise

    Raises
    ------
    UnknownNameError
        If there is none; the message suggests the nearest.
    """
    bare = name.removeprefix("my_")
    ends = [exercise for exercise in EXERCISES.values() if exercise.name.endswith(f"/{bare}")]
    found = EXERCISES.get(name) or BY_FUNCTION.get(bare) or (ends[0] if len(ends) == 1 else None)
    if found is not None:
        return found
    near = nearest(name, [*EXERCISES, *BY_FUNCTION])
    text = Text(
        "unknown exercise {name!r}{near}; all names: twofold exercise list",
        "没有练习 {name!r}{near}；全部名称见 twofold exercise list",
    )
    meant = Text(near, near.replace("; did you mean ", "（是否指 ").replace("?", "？）"))
    raise UnknownNameError(text.fill(name=name, near=meant).read(language))


def recognised(module: ModuleType, path: str) -> dict[str, Any]:
    """Return the functions of a module that answer an exercise, by the exercises' names, in their order."""
    found = {}
    for exercise in EXERCISES.values():
        for name in (exercise.function, f"my_{exercise.function}"):
            answer = vars(module).get(name)
            if getattr(getattr(answer, "__code__", None), "co_filename", None) == path:
                found[exercise.name] = answer
                break
    return found
