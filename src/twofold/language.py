"""English and Chinese beside each other, and which of them a person reads."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

from twofold.errors import check_name

LANGUAGES = ("en", "zh")


class Text(NamedTuple):
    """The same words in both languages.

    Attributes
    ----------
    en, zh : str
        English and Chinese; both may hold the same fields in braces.
    """

    en: str
    zh: str

    def read(self, language: str) -> str:
        """Return the words in a language."""
        return self.zh if language == "zh" else self.en

    def fill(self, **fields: Any) -> Text:
        """Return the same with fields filled in; one that is a `Text` itself in its own language.

        Examples
        --------
        >>> Text("{n} samples", "{n} 个样本").fill(n=3)
        Text(en='3 samples', zh='3 个样本')
        """
        return Text(*(self.read(each).format(**_read_all(fields, each)) for each in LANGUAGES))


def _read_all(fields: dict[str, Any], language: str) -> dict[str, Any]:
    return {name: value.read(language) if isinstance(value, Text) else value for name, value in fields.items()}


class Phrases:
    r"""Texts in Chinese by their English, where names and numbers vary.

    Parameters
    ----------
    patterns : sequence of (str, str)
        A regular expression of a whole text, and the Chinese: in it ``\1`` is the first group as it is, ``{1}`` the
        same translated if it is one of these texts too. The first that matches counts.

    Examples
    --------
    >>> phrases = Phrases([("loss", "损失"), (r"(test|mean) (\w+) of (\w+)", r"\3 的{2}")])
    >>> phrases.translate("test loss of mlp"), phrases.translate("price")
    ('mlp 的损失', 'price')
    """

    def __init__(self, patterns: Sequence[tuple[str, str]]) -> None:
        self._patterns = [(re.compile(pattern, re.DOTALL), chinese) for pattern, chinese in patterns]

    def translate(self, text: str) -> str:
        """Return a text in Chinese; one that isn't of these, such as a name from data, stays."""
        for pattern, chinese in self._patterns:
            if (found := pattern.fullmatch(text)) is not None:
                return re.sub(r"\\(\d)|\{(\d)\}", partial(self._part, found), chinese)
        return text

    def _part(self, found: re.Match[str], place: re.Match[str]) -> str:
        return found[int(place[1])] if place[1] else self.translate(found[int(place[2])])


def choose_language(asked: str | None = None) -> str:
    """Return the language to write in.

    Parameters
    ----------
    asked : str, optional
        ``"en"`` or ``"zh"``. Without it the environment decides: ``TWOFOLD_LANGUAGE``, else Chinese where the
        system's own language is (``LC_ALL``, ``LC_MESSAGES``, ``LANG``), else English.

    Returns
    -------
    str

    Raises
    ------
    UnknownNameError
        If it is none of the two.

    Examples
    --------
    >>> choose_language("zh")
    'zh'
    """
    asked = asked or os.environ.get("TWOFOLD_LANGUAGE")
    if asked:
        return check_name("language", asked, LANGUAGES)
    system = next((value for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := os.environ.get(name))), "")
    return "zh" if system.lower().startswith("zh") else "en"
