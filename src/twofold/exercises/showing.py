"""An exercise in 80 columns: the task, the line to begin with, an example, a hint."""

from __future__ import annotations

import inspect
import textwrap

from twofold.exercises.exercise import Exercise
from twofold.exercises.result import value_text
from twofold.exercises.running import call
from twofold.language import Text
from twofold.pages.layout import hanging, wrap

WORDS = {
    "begin": Text("Begin with", "这样开头"),
    "example": Text("Example", "例子"),
    "result": Text("result", "结果"),
    "hint": Text("Hint", "提示"),
    "solution": Text("Solution", "参考答案"),
    "check": Text(
        "Write it into a file, such as answers.py, and run\n    twofold exercise check answers.py\n"
        "or in a notebook\n    from twofold.exercises import check\n    check({function})",
        "把函数写进文件，例如 answers.py，然后运行\n    twofold exercise check answers.py\n"
        "或在笔记本里\n    from twofold.exercises import check\n    check({function})",
    ),
    "needs": Text(
        "This exercise needs PyTorch: pip install 'twofold[torch]'", "本练习需要 PyTorch：pip install 'twofold[torch]'"
    ),
}


def exercise_text(exercise: Exercise, language: str, *, solution: bool = False) -> str:
    """Write an exercise for people.

    Parameters
    ----------
    exercise : Exercise
    language : {"en", "zh"}
    solution : bool
        Show the reference solution too.

    Returns
    -------
    str
        No line is wider than 80 columns.
    """

    def head(word: str) -> list[str]:
        return ["", WORDS[word].read(language)]

    lines = [exercise.name, "", *wrap(exercise.task.read(language))]
    lines += [*head("begin"), "", *(f"    {line}" for line in starter(exercise))]
    if exercise.available:
        lines += [*head("example"), "", *example_lines(exercise, language)]
    else:
        lines += ["", *wrap(WORDS["needs"].read(language))]
    lines += [*head("hint"), "", *wrap(exercise.hint.read(language), 80, "    ")]
    if solution:
        lines += [*head("solution"), "", *(f"    {line}" for line in solution_lines(exercise))]
    lines += ["", *wrap(WORDS["check"].fill(function=exercise.function).read(language))]
    return "\n".join(line.rstrip() for line in lines)


def starter(exercise: Exercise) -> list[str]:
    """Return the code to begin with."""
    first = ["import torch", ""] if exercise.needs == "torch" else ["import numpy as np", ""]
    return [*first, exercise.signature, "    ..."]


def example_lines(exercise: Exercise, language: str) -> list[str]:
    """Write the first input, and the reference's result for it."""
    case = next(iter(exercise.cases()))
    observed, returned, _, _ = call(exercise, exercise.reference, case)
    result = observed if exercise.changes else returned
    given = zip(exercise.parameters, case, strict=True)
    lines = [line for name, value in given for line in hanging(f"    {name} =", value_text(value))]
    names = exercise.returns if len(exercise.returns) > 1 and not exercise.observe else ()
    pairs = zip(names, result, strict=True) if names else [(WORDS["result"].read(language), result)]
    return [*lines, *(line for name, value in pairs for line in hanging(f"    -> {name}:", value_text(value)))]


def solution_lines(exercise: Exercise) -> list[str]:
    """Return the source of the reference solution, without its decorator and its types."""
    source = textwrap.dedent(inspect.getsource(exercise.reference)).splitlines()
    start = next(number for number, line in enumerate(source) if line.startswith("def "))
    end = next(number for number in range(start, len(source)) if source[number].endswith(":"))
    return [exercise.signature, *source[end + 1 :]]
