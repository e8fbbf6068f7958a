"""The lessons' sources: ten, each text in both languages, exercises for each, numbers recorded for every expression."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from twofold.exercises import EXERCISES

DOCS = Path(__file__).parents[2] / "docs"

pytestmark = pytest.mark.skipif(not DOCS.is_dir(), reason="the source tree is out of reach")


@pytest.fixture(scope="module")
def building():
    sys.path.insert(0, str(DOCS))
    from building import lesson_source, recorded

    yield {"source": lesson_source, "recorded": recorded}
    sys.path.remove(str(DOCS))


def test_there_are_ten_lessons_in_the_order_of_the_course(building):
    numbers = [lesson.number for lesson in building["source"].read_lessons()]
    assert numbers == [f"3.{place}" for place in range(1, 11)]


def test_a_chinese_text_follows_each_english_one(building):
    for lesson in building["source"].read_lessons():
        kinds = [block.kind for block in lesson.blocks if block.kind in ("en", "zh")]
        assert kinds == ["en", "zh"] * (len(kinds) // 2), lesson.path.name


def test_both_languages_show_the_same_numbers(building):
    for lesson in building["source"].read_lessons():
        english, chinese = (
            {m[2] for b in lesson.blocks if b.kind == kind for m in building["source"].VALUE.finditer(b.text)}
            for kind in ("en", "zh")
        )
        assert english == chinese, lesson.path.name


def test_every_lesson_has_five_exercises_at_least(building):
    for lesson in building["source"].read_lessons():
        assert sum(name.startswith(f"{lesson.number}/") for name in EXERCISES) >= 5


def test_every_number_is_recorded_with_the_real_images_and_with_the_stand_in(building):
    kept = json.loads((DOCS / "lessons" / "numbers.json").read_text())
    assert set(kept) == {"fashion-mnist", "digits"}
    for lesson in building["source"].read_lessons():
        found = {
            m[2]
            for b in lesson.blocks
            if b.kind in ("en", "both")
            for m in building["source"].VALUE.finditer(b.text)
            if not m[1]
        }
        for images in kept:
            assert set(kept[images][lesson.name]) == found, (images, lesson.name)


def test_every_lesson_has_an_address_of_the_lab_that_can_be_opened(building):
    from twofold.lab.data_sets import make_data
    from twofold.lab.faults import FAULTS
    from twofold.lab.setup import Setup

    usual = Setup().to_plain()
    for lesson in building["source"].read_lessons():
        addresses = {b.kind: re.findall(r"^#(data=\S+)$", b.text, re.MULTILINE) for b in lesson.blocks}
        assert addresses["en"] == addresses["zh"]
        (address,) = addresses["en"]
        given = {}
        for name, text in (part.split("=") for part in address.split("&")):
            if name == "hidden":
                given[name] = [int(each) for each in text.split(",") if each]
            elif name == "activation":
                given[name] = text.split(",")
            else:
                given[name] = type(usual[name])(text)
        setup = Setup.of_plain(given)
        assert setup.fault in ("", *FAULTS)
        setup.network(make_data(setup.data, n=60, noise=setup.noise, seed=0))


def test_a_number_that_changes_is_told_and_rounding_is_not(building):
    same = building["recorded"].same
    assert same("0.8231", "0.825")
    assert same("4e-16", "7e-16")
    assert not same("0.8231", "0.9")
    assert not same("3 of 5", "3 in 5")


def test_a_lesson_without_its_chinese_text_is_refused(building, tmp_path):
    path = tmp_path / "3.99-half.md"
    path.write_text("number: 3.99\nen: Half\nzh: 一半\n\n<!-- en -->\nOnly English.\n")
    with pytest.raises(building["source"].LessonError, match="each English text needs a Chinese one"):
        building["source"].read_lesson(path)


def test_pages_load_nothing_from_elsewhere():
    for path in [
        *(DOCS / "_static").glob("*.css"),
        *(DOCS / "_templates").rglob("*.html"),
        *(DOCS / "start").iterdir(),
    ]:
        assert not re.search(r"(?:src=|url\()[\"']?https?://", path.read_text()), path.name
