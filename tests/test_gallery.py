"""The gallery: its files are there and small, its commands and its example are what they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from twofold.cli.plot_table import SUBJECTS as OF_TABLES
from twofold.pictures import SUBJECTS

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "gallery.md"

pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="the source tree is out of reach")


def text() -> str:
    return PAGE.read_text()


def test_every_picture_is_there_with_words_for_those_who_can_not_see_it():
    shown = re.findall(r'<img src="(gallery/[^"]+)" width="360" alt="([^"]{10,})">', text())
    assert len(shown) == text().count("<img")
    assert {PAGE.parent / name for name, _ in shown} == set((PAGE.parent / "gallery").iterdir())


def test_the_files_are_small():
    sizes = [path.stat().st_size for path in (PAGE.parent / "gallery").iterdir()]
    assert max(sizes) <= 60_000
    assert sum(sizes) < 700_000


def test_every_subject_is_shown_and_every_command_names_one():
    named = re.findall(r"twofold plot ([a-z]+)", text())
    assert set(named) <= {*SUBJECTS, *OF_TABLES, "activations", "film"}
    for subject in (*SUBJECTS, *OF_TABLES):
        assert subject in text()


def test_the_example_runs_as_it_stands(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", text(), flags=re.DOTALL)
    exec(compile(code, str(PAGE), "exec"), {})  # noqa: S102 - our own page
    assert "'confusion'" in capsys.readouterr().out
    assert (tmp_path / "confusion.png").stat().st_size > 10_000


def test_every_word_can_be_read_in_a_column_of_360_pixels():
    for path in (PAGE.parent / "gallery").glob("*.svg"):
        picture = path.read_text()
        width = float(re.search(r'viewBox="0 0 ([\d.]+)', picture)[1])
        sizes = [float(size) for size in re.findall(r"font(?:-size)?: (?:[a-z]+ )*([\d.]+)px", picture)]
        assert min(sizes) * 360 / width >= 7.99, path.name
