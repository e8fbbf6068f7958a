"""The page on awkward input says what happens."""

from __future__ import annotations

import re

import pytest

import bad_input


def promised() -> dict[tuple[str, str], str]:
    """Read the page: outcomes by face and input."""
    found, face = {}, ""
    for line in bad_input.PAGE.read_text().splitlines():
        if line.startswith("## "):
            face = line.removeprefix("## ")
        elif (row := re.fullmatch(r"\| (.*?) \| (.*) \|", line)) and row[1] != "input":
            found[face, row[1]] = row[2].replace("\\|", "|")
    return found


CASES = {(face, name): call for face, calls in bad_input.cases().items() for name, call in calls.items()}
needs_page = pytest.mark.skipif(not bad_input.PAGE.exists(), reason="the source tree is out of reach")


@needs_page
def test_the_page_has_a_line_for_each_case_and_no_other():
    assert set(promised()) == set(CASES)


@needs_page
@pytest.mark.parametrize("face", bad_input.cases())
def test_what_the_page_says_is_what_happens(face):
    said = {name: outcome for (where, name), outcome in promised().items() if where == face}
    assert {name: bad_input.outcome(call) for (where, name), call in CASES.items() if where == face} == said


def test_what_is_neither_success_nor_refusal_is_found_out():
    with pytest.raises(ZeroDivisionError):
        bad_input.outcome(lambda: 1 / 0)
    with pytest.raises(ValueError, match="could not convert"):
        bad_input.outcome(lambda: float("x"))
