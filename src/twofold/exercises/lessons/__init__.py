"""The exercises themselves, a file for each lesson, or two."""

from twofold.exercises.exercise import Lesson
from twofold.exercises.lessons import (
    fashion_mnist,
    linear_concise,
    linear_regression,
    linear_scratch,
    linear_training,
    model_choice,
    perceptron,
    perceptron_concise,
    perceptron_scratch,
    perceptron_training,
    softmax_concise,
    softmax_regression,
    softmax_scratch,
)

LESSONS: tuple[Lesson, ...] = (
    linear_regression.LESSON,
    linear_scratch.LESSON,
    linear_concise.LESSON,
    softmax_regression.LESSON,
    fashion_mnist.LESSON,
    softmax_scratch.LESSON,
    softmax_concise.LESSON,
    perceptron.LESSON,
    perceptron_scratch.LESSON,
    perceptron_concise.LESSON,
)

__all__ = ["LESSONS", "linear_training", "model_choice", "perceptron_training"]
