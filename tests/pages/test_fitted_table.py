"""Tables in whatever room there is: no number cut, no heading broken within a word, nothing lost."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

import hostile
from twofold import solve_least_squares
from twofold.cli.screen import PlainConsole, Screen
from twofold.inspect.certify import Certificate, CertifiedRow
from twofold.pages.fitted_table import FittedTable
from twofold.solvers.summary import summarize

WORDS = st.text("abcdefg", min_size=1, max_size=11)
HEADINGS = st.lists(WORDS, min_size=1, max_size=3).map(" ".join)
NUMBERS = st.floats(-1e6, 1e6).map(lambda number: f"{number:.5g}")


def drawn(thing: object, width: int, kind: type[Console] = Console, **words: object) -> str:
    console = kind(file=io.StringIO(), width=width, **words)
    console.print(thing)
    return console.file.getvalue()


@st.composite
def tables(draw):
    columns = draw(st.lists(HEADINGS, min_size=1, max_size=9))
    rows = draw(st.lists(st.tuples(*(NUMBERS if index else WORDS for index in range(len(columns)))), max_size=4))
    return columns, rows


@given(tables(), st.integers(30, 120), st.booleans())
def test_every_number_and_every_word_of_a_heading_is_whole_in_any_room(table, width, boxed):
    columns, rows = table
    out = drawn(FittedTable("", columns, rows, boxed=boxed), width)
    found = re.findall(r"[^\s│┃,:]+", out)
    assert max(map(len, out.splitlines()), default=0) <= width
    assert "…" not in out
    for word in [*" ".join(columns).split() * bool(rows), *(cell for row in rows for cell in row)]:
        assert word in found


def test_names_of_any_length_and_script_are_folded_and_numbers_stay():
    rows = [(name, "0.123456", "1e-300") for name in hostile.NAMES]
    for width in (45, 60, 80):
        out = drawn(FittedTable("", ("class", "recall", "precision"), rows), width)
        assert (out.count("0.123456"), out.count("1e-300")) == (len(rows), len(rows))
        assert not hostile.steers(out)
        assert "[bold red]x[/]" in out
        assert out.count("x") >= 90


@pytest.mark.parametrize("kind", [Console, PlainConsole])
def test_a_summary_of_hostile_names_keeps_them_at_60_columns(kind):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40, 2))
    fit = solve_least_squares(X, X @ [[1.0], [2.0]] + rng.standard_normal((40, 1)))
    summary = summarize(fit, names=["height [m]", "r\x1b[2J"], target_names=["[b]speed [km/h]"])
    for width in (60, 80):
        out = drawn(summary, width, kind)
        assert max(map(len, out.splitlines())) <= width
        for name in ("intercept", "height [m]", "r\\x1b[2J", "Linear regression of [b]speed [km/h]"):
            assert name in out
        for item in summary.coefficients:
            assert f"{item.value:.5g}" in out
    assert not hostile.steers(str(summary))


def test_a_certificate_of_all_libraries_fits_80_columns_and_names_them():
    libraries = {
        "twofold": "0.1.0",
        "numpy": "2.4.6",
        "scipy": "1.17.1",
        "scikit-learn": "1.9.1",
        "statsmodels": "0.15",
        "dask": "2026.8",
        "pyspark": "4.3",
        "R": "4.2.2",
    }
    rows = tuple(CertifiedRow("wampler1", library, 15.0, 14.5) for library in libraries)
    out = drawn(Certificate(rows, libraries), 80)
    assert max(map(len, out.splitlines())) <= 80
    assert all(f"{name} {number}" in " ".join(out.split()) for name, number in libraries.items())
    assert [line.split().count("15.0") for line in out.splitlines() if "wampler1" in line] == [8, 0]
    assert out.count("14.5") == 8


def test_on_a_terminal_a_line_is_broken_between_words_and_elsewhere_it_is_one():
    line = f"saved in /a/folder/of/{'x' * 30}; it has seven-and-twenty words, [b]of which[/b] this is one\x1b"
    screen = Screen(console=PlainConsole(file=io.StringIO(), width=40, force_terminal=True, color_system=None))
    screen.say(line)
    parts = screen.console.file.getvalue().split("\n")
    assert " ".join("".join(f"{part}\n" for part in parts).split()) == line.replace("\x1b", "\\x1b")
    assert [len(part) > 40 for part in parts].count(True) == 1  # the path, which is no use in two pieces
    screen = Screen(console=PlainConsole(file=io.StringIO(), width=40))
    screen.say(line)
    assert screen.console.file.getvalue() == line.replace("\x1b", "\\x1b") + "\n"


def test_no_string_that_a_command_prints_is_markup_or_obeyed():
    out = drawn("[bold]a[/bold] :smile: \x1b[2J", 80, PlainConsole)
    assert out == "[bold]a[/bold] :smile: \\x1b[2J\n"


def test_columns_stand_below_each_other_where_the_screen_lacks_letters():
    console = PlainConsole(file=io.TextIOWrapper(io.BytesIO(), encoding="cp1252"), width=60)
    console.print(FittedTable("", ("class", "n"), [("\U0001f431", "1"), ("名前", "2"), ("a", "3")]))
    console.file.flush()
    lines = console.file.buffer.getvalue().decode("cp1252").splitlines()
    assert "\\U0001f431" in lines[3]
    assert len({len(line) for line in lines}) == 1
