"""Text from data is shown without being obeyed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hostile
from twofold.errors import DataNotFoundError, TwofoldError
from twofold.text import file_name, visible

ANY = st.text(st.characters(exclude_categories=()))  # lone surrogates too


@given(ANY)
def test_nothing_that_is_shown_steers_a_terminal_and_all_of_it_can_be_encoded(text):
    assert not hostile.steers(visible(text), keep="")
    visible(text).encode()


@given(st.text(st.characters(categories=["L", "N", "P", "S"])))
def test_letters_of_every_script_stay(text):
    assert visible(text) == text


def test_emoji_and_spaces_stay_and_what_is_kept_does():
    assert visible("👩\u200d💻 a\u00a0b") == "👩\u200d💻 a\u00a0b"
    assert visible("a\nb\x1b", keep="\n") == "a\nb\\x1b"


@given(ANY)
def test_any_text_becomes_the_name_of_a_file_in_this_folder(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / file_name(text)
    path.write_bytes(b"")
    assert path.parent == tmp_path_factory.getbasetemp()
    assert path.is_file()
    path.unlink()


@pytest.mark.parametrize("name", ["con", "NUL.png", "a/b", "..", "", "a\0b", "x" * 999])
def test_names_that_a_system_refuses_are_changed(name):
    made = file_name(name)
    assert 0 < len(made) <= 101
    assert made.lower() not in ("con", "nul.png", "..")
    assert not set(made) & set("/\\\0:")


def test_an_errors_message_is_one_line_that_steers_no_terminal():
    assert str(TwofoldError("a\x1b[2J\nb")) == "a\\x1b[2J\\nb"
    assert str(DataNotFoundError("\u202ea: no such file")) == "\\u202ea: no such file"
