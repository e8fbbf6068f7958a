"""The exercises by lesson, and how a check went, in lines of at most 80 columns."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from twofold.exercises.exercise import Exercise
from twofold.exercises.lessons import LESSONS
from twofold.exercises.result import Result
from twofold.language import Text
from twofold.pages.layout import wrap

NEXT = Text(
    "Read one, and check your file:\n    twofold exercise show NAME\n    twofold exercise check FILE",
    "阅读一题，检查答案：\n    twofold exercise show 名称\n    twofold exercise check 文件",
)
SOLVED = Text("{done} of {count} solved. ", "已完成 {done}/{count}。")
SUMMARY = Text("{right} of {count} right.", "{count} 个中有 {right} 个正确。")


def list_text(language: str, solved: Collection[str] = ()) -> str:
    """Write the list.

    Parameters
    ----------
    language : {"en", "zh"}
    solved : collection of str
        Names of the exercises that get a mark.

    Returns
    -------
    str
    """
    lines: list[str] = []
    for lesson in LESSONS:
        lines += [f"{lesson.number} {lesson.title.read(language)}"]
        lines += [_line(exercise, exercise.name in solved) for exercise in lesson.exercises] + [""]
    every = [exercise.name for lesson in LESSONS for exercise in lesson.exercises]
    done = SOLVED.fill(done=len(set(every) & set(solved)), count=len(every))
    return "\n".join([*lines, *wrap(done.read(language) + NEXT.read(language))])


def _line(exercise: Exercise, solved: bool) -> str:
    needs = "" if exercise.available else "  (PyTorch)"
    line = f"  {'✓' if solved else ' '} {exercise.name:<25} {exercise.function}{needs}"
    return line.rstrip()


def summary(results: Sequence[Result], language: str) -> str:
    """Say how many answers are right."""
    counted = [result for result in results if result.status != "skipped"]
    return SUMMARY.fill(right=sum(result.right for result in counted), count=len(counted)).read(language)
