"""The exercises themselves, a file for each lesson, or two."""

from twofold.exercises.exercise import Lesson
from twofold.exercises.lessons import linear_regression, linear_scratch, linear_training

LESSONS: tuple[Lesson, ...] = (linear_regression.LESSON, linear_scratch.LESSON)

__all__ = ["LESSONS", "linear_training"]
