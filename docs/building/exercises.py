"""The exercises at the end of each lesson, as `twofold.exercises` has them."""

from __future__ import annotations

from building.lesson_source import Lesson
from twofold.exercises import EXERCISES
from twofold.text import visible

WORDS = {
    "en": (
        "## Exercises",
        "Write each function into a file, such as `answers.py`, and run `twofold exercise check answers.py`: it "
        "calls your function beside ours on many inputs and says what is wrong, not only that it is. In a notebook, "
        "`from twofold.exercises import check` and `check(my_function)` do the same. `twofold exercise show NAME` has "
        "an example and a hint.",
    ),
    "zh": (
        "## 练习",
        "把每个函数写进一个文件，例如 `answers.py`，再用 `twofold exercise check answers.py` 批改：它在许多输入上"
        "把你的函数与我们的对照，不只说错了，还说错在哪里。在笔记本里，用 `from twofold.exercises import check` 和 "
        "`check(my_function)` 效果相同。`twofold exercise show NAME` 给出例子和提示。",
    ),
}


def exercise_text(lesson: Lesson, language: str) -> str:
    """Write the section of a lesson's exercises; empty if it has none.

    Parameters
    ----------
    lesson : Lesson
    language : {"en", "zh"}
    """
    found = [exercise for name, exercise in EXERCISES.items() if name.startswith(f"{lesson.number}/")]
    if not found:
        return ""
    title, lead = WORDS[language]
    rows = [
        f"{place}. `{each.name}`, `{each.signature[4:-1]}`: {_plain(each.task.read(language))}"
        for place, each in enumerate(found, start=1)
    ]
    return "\n\n".join([title, lead, "\n".join(rows)])


def _plain(text: str) -> str:
    """Return a task that Markdown takes literally."""
    for sign in "\\*_<[$":
        text = text.replace(sign, f"\\{sign}")
    return visible(" ".join(text.split()))
