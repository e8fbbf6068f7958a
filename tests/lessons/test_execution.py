"""The lessons' cells run, their claims hold, and their numbers are those recorded: with the small images, in seconds."""

from __future__ import annotations

import io
import sys
from contextlib import redirect_stdout
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
LONG = ("3.1", "3.3", "3.8", "3.9", "3.10")  # more than a second of computing
NUMBERS = [pytest.param(f"3.{n}", marks=[pytest.mark.slow] * (f"3.{n}" in LONG)) for n in range(1, 11)]

pytestmark = pytest.mark.skipif(not DOCS.is_dir(), reason="the source tree is out of reach")


@pytest.fixture(scope="module")
def building():
    sys.path.insert(0, str(DOCS))
    from building import lesson_source, recorded

    yield {"source": lesson_source, "recorded": recorded}
    sys.path.remove(str(DOCS))


def execute(source, lesson, language: str) -> dict[str, str]:
    """Run a lesson's cells in their order, as its notebook does, and return what the text's expressions come to."""
    names: dict[str, object] = {"__name__": "lesson"}
    values = {}
    for block in lesson.of(language):
        if block.kind in source.KINDS:
            code = source.translate(block.text, language).replace(f'"{source.IMAGES}"', f'"{source.STAND_IN}"')
            with redirect_stdout(io.StringIO()):
                exec(compile(code, f"{lesson.path.name}, line {block.line}", "exec"), names)  # noqa: S102 - our own
        else:
            for varies, expression in source.VALUE.findall(block.text):
                value = eval(f"f'''{{{expression}}}'''", names)  # noqa: S307 - our own
                values |= {} if varies else {expression: value}
    return values


@pytest.mark.torch
@pytest.mark.parametrize("number", NUMBERS)
def test_a_lesson_runs_and_its_numbers_are_those_recorded(building, number):
    pytest.importorskip("torch")
    source = building["source"]
    (lesson,) = (each for each in source.read_lessons() if each.number == number)
    language = "zh" if number == "3.5" else "en"  # the code is the same, but for words
    values = execute(source, lesson, language)
    assert building["recorded"].compare(source.STAND_IN, {lesson.name: values}) == []
