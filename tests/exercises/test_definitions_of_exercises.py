"""Every exercise, whatever it is: its reference is right, each known mistake gets its own diagnosis, both languages speak."""

from __future__ import annotations

import ast
import re
import string
from pathlib import Path

import numpy as np
import pytest

import twofold
from twofold.exercises import EXERCISES
from twofold.exercises.checking import diagnose, examine, known_mistakes
from twofold.exercises.comparing import agree
from twofold.exercises.layout import width
from twofold.exercises.running import call, run_all
from twofold.exercises.showing import exercise_text

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


@pytest.mark.parametrize("exercise", ALL)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_exercise_is_shown_within_80_columns(exercise, language):
    skip_without_library(exercise)
    text = exercise_text(exercise, language, solution=True)
    assert max(map(width, text.splitlines())) <= 80
    assert exercise.signature in text
    assert "def " + exercise.function in text


def test_names_are_those_of_the_published_list_in_its_order():
    listed = [line.split() for line in (SOURCE / "exercises" / "names.txt").read_text().splitlines()]
    here = [[each.name, each.function] for each in EXERCISES.values()]
    assert here == [each for each in listed if each in here]  # until all are written


def test_each_function_belongs_to_one_exercise():
    functions = [each.function for each in EXERCISES.values()]
    assert len(functions) == len(set(functions))


CHINESE = re.compile(r"[\u4e00-\u9fff]")


def texts_in_source():
    """Yield every pair of English and Chinese in the package's source, with its place."""
    files = [*(SOURCE / "exercises").rglob("*.py"), SOURCE / "inspect" / "demonstrations.py"]
    for path in files:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("Text", "T", "mistake"):
                pair = [ast.literal_eval(arg) for arg in node.args[:2] if isinstance(arg, ast.Constant)]
                if len(pair) == 2:
                    yield pytest.param(*pair, id=f"{path.name}:{node.lineno}")


@pytest.mark.parametrize(("english", "chinese"), list(texts_in_source()))
def test_a_text_is_in_both_languages_with_the_same_fields(english, chinese):
    if english in ("", ": ") or not re.search(r"\b[a-z]{3,}\b", string_without_fields(english)):
        return
    assert CHINESE.search(chinese)
    assert not CHINESE.search(english)
    if "[" not in english:
        assert fields(english) >= fields(chinese)


def fields(text):
    try:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}
    except ValueError:
        return set()


def string_without_fields(text):
    return re.sub(r"\{[^}]*\}", "", text)


@pytest.mark.parametrize("exercise", ALL)
def test_inputs_are_the_same_each_time(exercise):
    skip_without_library(exercise)
    if exercise.needs:
        return
    first, second = list(exercise.cases()), list(exercise.cases())
    for one, other in zip(first, second, strict=True):
        for a, b in zip(one, other, strict=True):
            if isinstance(a, np.ndarray):
                assert np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
