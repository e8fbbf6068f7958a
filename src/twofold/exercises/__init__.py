"""Exercises to the lessons that check themselves: a wrong answer is told what to change.

In a notebook::

    from twofold.exercises import check, show

    show("3.4/softmax")
    check(my_softmax)

On the command line: ``twofold exercise list``, ``show NAME`` and ``check FILE``. NumPy alone is needed, but for the
lessons about PyTorch.
"""

from twofold.exercises.notebook import check, show
from twofold.exercises.registry import EXERCISES, find_exercise
from twofold.exercises.result import Result

__all__ = ["EXERCISES", "Result", "check", "find_exercise", "show"]
