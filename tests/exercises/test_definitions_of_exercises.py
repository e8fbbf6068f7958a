"""Every exercise, whatever it is: its reference is right, each known mistake gets its own diagnosis, both languages speak."""

from __future__ import annotations

import ast
import re
import string
from pathlib import Path

import numpy as np
import pytest

import twofold
from twofold.exercises import EXERCISES, diagnoses
from twofold.exercises.checking import diagnose, examine, known_mistakes
from twofold.exercises.comparing import agree
from twofold.exercises.lessons import LESSONS
from twofold.exercises.running import call, run_all
from twofold.exercises.showing import exercise_text
from twofold.pages.layout import width

SOURCE = Path(twofold.__file__).parent
ALL = [pytest.param(each, id=name) for name, each in EXERCISES.items()]
MISTAKES = [
    pytest.param(each, number, id=f"{name}-{number}")
    for name, each in EXERCISES.items()
    for number in range(len(each.mistakes))
]


def skip_without_library(exercise):
    if not exercise.available:
        pytest.skip(f"{exercise.needs} is not installed")


@pytest.mark.parametrize("exercise", ALL)
def test_the_reference_solution_passes_its_own_exercise(exercise):
    skip_without_library(exercise)
    result = examine(exercise, exercise.reference, "en")
    assert result.right, str(result)


@pytest.mark.parametrize(("exercise", "number"), MISTAKES)
def test_a_known_mistake_gets_its_own_diagnosis_and_no_other(exercise, number):
    skip_without_library(exercise)
    answer = exercise.mistakes[number].answer
    runs = run_all(exercise, answer)
    assert known_mistakes(exercise, runs) == [number]
    assert diagnose(exercise, answer, runs) == (exercise.mistakes[number].text, f"{exercise.name}#{number}")


@pytest.mark.parametrize("exercise", [each for each in ALL if each.values[0].numeric])
def test_a_reference_gradient_is_that_of_central_differences(exercise):
    for case in exercise.cases():
        expected, _, _, _ = call(exercise, exercise.reference, case)
        differences, _, failure, _ = call(exercise, exercise.numeric, case)
        assert failure is None
        assert agree(differences, expected, 1e-6)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_exercise_is_shown_within_80_columns(language):
    for exercise in EXERCISES.values():
        text = exercise_text(exercise, language, solution=True)
        assert max(map(width, text.splitlines())) <= 80, exercise.name
        assert exercise.signature in text


def test_names_are_those_of_the_published_list_in_its_order():
    listed = [line.split() for line in (SOURCE / "exercises" / "names.txt").read_text().splitlines()]
    here = [[each.name, each.function] for each in EXERCISES.values()]
    assert here == listed


def test_each_function_belongs_to_one_exercise():
    functions = [each.function for each in EXERCISES.values()]
    assert len(functions) == len(set(functions))


def test_there_are_at_least_fifty_exercises_five_of_each_lesson_and_thirty_diagnoses():
    assert [lesson.number for lesson in LESSONS] == [f"3.{number}" for number in range(1, 11)]
    assert min(len(lesson.exercises) for lesson in LESSONS) >= 5
    assert len(EXERCISES) >= 50
    assert len(MISTAKES) + len(diagnoses.GENERAL) >= 30


CHINESE = re.compile(r"[\u4e00-\u9fff]")
FILES = [path for folder in ("exercises", "inspect") for path in (SOURCE / folder).rglob("*.py")]


def texts_in_source(path):
    """Yield every pair of English and Chinese in a file, with its line."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("Text", "T", "mistake"):
            pair = [ast.literal_eval(arg) for arg in node.args[:2] if isinstance(arg, ast.Constant)]
            if len(pair) == 2:
                yield node.lineno, *pair


def test_every_text_is_in_both_languages_with_the_same_fields():
    """One that is code alone may be the same in both, but for punctuation."""
    found = [(path.name, *text) for path in FILES for text in texts_in_source(path)]
    assert len(found) > 400
    for name, line, english, chinese in found:
        place = f"{name}:{line}"
        assert not CHINESE.search(english), place
        assert CHINESE.search(chinese) or is_code(english, chinese), place
        assert fields(english) >= fields(chinese), place


def is_code(english, chinese):
    bare = [re.sub(r"[\s,.:;]", "", text.translate(str.maketrans("，。：；", ",.:;"))) for text in (english, chinese)]
    return bare[0] == bare[1]


def fields(text):
    try:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name and name.isidentifier()}
    except ValueError:
        return set()


@pytest.mark.parametrize("exercise", [each for each in ALL if not each.values[0].needs])
def test_inputs_are_the_same_each_time(exercise):
    for one, other in zip(exercise.cases(), exercise.cases(), strict=True):
        assert agree([a for a in one if isinstance(a, np.ndarray)], [a for a in other if isinstance(a, np.ndarray)], 0)
