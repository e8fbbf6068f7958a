"""Lines of English and Chinese that fit a width; Chinese characters take two columns each."""

from __future__ import annotations

import re
import unicodedata

NEVER_FIRST = "，。；：！？、）》”’」』…,.;:!?)]}%"
NEVER_LAST = "（《“‘「『([{"
PIECE = re.compile(
    r"\s+|[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\u2018-\u201d\u2026]|[^\s\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\u2018-\u201d\u2026]+"
)


def width(text: str) -> int:
    """Return the columns that a text takes on a terminal.

    Examples
    --------
    >>> width("softmax"), width("交叉熵")
    (7, 6)
    """
    return sum(
        2 if unicodedata.east_asian_width(letter) in "WF" else not unicodedata.combining(letter) for letter in text
    )


def wrap(text: str, columns: int = 80, indent: str = "") -> list[str]:
    """Break a text into lines: at spaces, and between Chinese characters except before or after punctuation.

    Parameters
    ----------
    text : str
        Lines of its own stay; one that begins with a space, such as code, is not broken.
    columns : int
        Width of a line, with the indent.
    indent : str
        In front of each line.

    Returns
    -------
    list of str

    Examples
    --------
    >>> wrap("归一化之前先减去最大值。", 14)
    ['归一化之前先减', '去最大值。']
    """
    lines: list[str] = []
    for paragraph in text.split("\n"):
        kept = paragraph.startswith(" ")
        lines += [indent + line for line in ([paragraph] if kept else _fill(paragraph, columns - width(indent)))]
    return lines


def _fill(paragraph: str, columns: int) -> list[str]:
    lines, line = [], ""
    for piece in _joined(PIECE.findall(paragraph)):
        if line and width(line + piece.rstrip()) > columns:
            lines.append(line.rstrip())
            line = ""
        line += piece if line else piece.lstrip()
    return [*lines, line.rstrip()]


def _joined(pieces: list[str]) -> list[str]:
    """Join punctuation to what it belongs to."""
    joined: list[str] = []
    for piece in pieces:
        if joined and (piece[0] in NEVER_FIRST or joined[-1][-1] in NEVER_LAST):
            joined[-1] += piece
        else:
            joined.append(piece)
    return joined


def hanging(label: str, value: str) -> list[str]:
    """Write a text of several lines beside a label."""
    first, *rest = value.split("\n")
    return [f"{label} {first}", *(" " * (width(label) + 1) + line for line in rest)]
