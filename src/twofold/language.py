"""English and Chinese beside each other, and which of them a person reads."""

from __future__ import annotations

import os
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
