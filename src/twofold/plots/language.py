"""The words in pictures, in English and Chinese, and the font that Chinese needs."""

from __future__ import annotations

import warnings
from functools import cache
from pathlib import Path

from matplotlib import font_manager

from twofold.plots.words import CHINESE

LANGUAGES = ("en", "zh")
CJK_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "PingFang SC",
    "Hiragino Sans GB",
    "Heiti SC",
    "Microsoft YaHei",
    "DengXian",
    "SimHei",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Noto Sans CJK JP",  # the name under which a collection's first face is found
    "Droid Sans Fallback",
    "Arial Unicode MS",
)
CJK_FILES = ("cjk", "notosanssc", "sourcehansans", "wqy", "msyh", "simhei", "pingfang", "hiragino", "droidsansfallback")


class MissingFontWarning(UserWarning):
    """No font has some characters: Chinese ones, so that English is written, or those of a name, drawn as boxes."""


@cache
def chinese_font() -> str | None:
    """Return the name of an installed font that has Chinese characters; None if there is none."""
    found = _first_known()
    if found is None:  # installed since matplotlib made its list of fonts
        for path in font_manager.findSystemFonts():
            if any(part in Path(path).name.lower().replace("-", "") for part in CJK_FILES):
                font_manager.fontManager.addfont(path)
        found = _first_known()
    return found


def _first_known() -> str | None:
    installed = {entry.name for entry in font_manager.fontManager.ttflist}
    return next((name for name in CJK_FONTS if name in installed), None)


def language_for_drawing(language: str) -> str:
    """Return the language that can be written here: the one asked for, or English with a warning."""
    if language == "zh" and chinese_font() is None:
        warnings.warn(
            "no font with Chinese characters is installed, so the picture is in English; "
            "install one, such as Noto Sans CJK SC",
            MissingFontWarning,
            stacklevel=4,
        )
        return "en"
    return language


def font_family(language: str) -> list[str] | None:
    """Return the fonts to write a language in; None for what matplotlib is set to."""
    font = chinese_font() if language == "zh" else None
    return None if font is None else ["DejaVu Sans", font]


def translate(words: str, language: str) -> str:
    """Return words in a language; those that the dictionary lacks, such as names of classes, stay as they are."""
    return CHINESE.get(words, words) if language == "zh" else words
