"""Names that data may have, and that a screen, a page, a picture or a spreadsheet would read as something else."""

from __future__ import annotations

import csv
import random
from pathlib import Path

NAMES = (
    "height [m]",
    "rate [/s]",
    "[bold red]x[/]",
    "\x1b[2J\x1b]0;title\x07",
    "a\u202etxt.exe",
    "line\nbreak",
    "tab\there",
    "sep\u2028x",
    "\x9b31m",
    "$x_1$ $",
    "<script>alert(1)</script>",
    "&amp;\"'",
    "{0} %s {x!r}",
    "\U0001f431",
    "名前",
    "=1+1",
    "_hidden",
    ":smile:",
    "x" * 90,
    "\\",
    'x id="a url(#b',
)
CLASS, NUMBER = "cl[a]ss \x1b[31m", "speed [km/h]"  # the columns to predict


def write_table(path: Path, names: tuple[str, ...] = NAMES, rows: int = 90) -> Path:
    """Write a table whose columns, and the cells of one that holds classes, have these names."""
    draw = random.Random(3)  # noqa: S311 - numbers of a test
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*names, CLASS, NUMBER])
        for row in range(rows):
            numbers = [round(draw.gauss(0, 1), 3) for _ in names]
            writer.writerow([*numbers, names[row % len(names)], round(sum(numbers) + draw.gauss(0, 0.1), 3)])
    return path


def steers(text: str, keep: str = "\n") -> set[str]:
    """Return the characters of a text that steer a terminal, reverse its lines, or end them."""
    controls = {*map(chr, range(32)), *map(chr, range(127, 160)), *"\u2028\u2029\u200e\u200f\u061c"}
    controls |= {*map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A)), *map(chr, range(0xD800, 0xE000))}
    return (controls - set(keep)) & set(text)
