"""The source of a lesson: one file with the text of both languages and the code, which stands once.

A file begins with the lesson's number and titles; then come blocks, in the order of the page:

* ``<!-- en -->``, ``<!-- zh -->``, ``<!-- both -->``: text of one language or of both, up to the next block;
* three backticks and ``cell``: code, shown with what it prints;
* ``picture``: code whose output is shown and whose lines the page folds away;
* ``check``: code that is run and not shown: what the text claims, asserted;
* ``program NAME``: a file of ``programs/``, shown and run as a cell.

``{{ expression }}`` or ``{{ expression:.3f }}`` in a text is replaced by its value at this place of the lesson;
``{{~ expression }}`` too, but is not held against the recorded values: times differ from run to run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

LESSONS = Path(__file__).parents[1] / "lessons"
PROGRAMS = LESSONS / "programs"
LANGUAGES = ("en", "zh")
KINDS = ("cell", "picture", "check", "program")
IMAGES = "fashion-mnist"
STAND_IN = "digits"  # where Fashion-MNIST is not on this machine
PHRASE = re.compile(r'words\("([^"]*)", "([^"]*)"\)')
COMMENT = re.compile(r"# (.*) \|\| (.*)$", re.MULTILINE)
FENCE = re.compile(r"^```(cell|picture|check|program)\b *(.*)$")
MARK = re.compile(r"^<!-- (en|zh|both) -->$")
VALUE = re.compile(r"\{\{(~?) *(.+?) *\}\}")


class LessonError(Exception):
    """A lesson's source is not as it must be, or what it says is not so."""


@dataclass(frozen=True)
class Block:
    """A piece of a lesson.

    Attributes
    ----------
    kind : str
        ``"en"``, ``"zh"`` or ``"both"`` for text; one of `KINDS` for code.
    text : str
    line : int
        Where it begins in the file.
    """

    kind: str
    text: str
    line: int


@dataclass(frozen=True)
class Lesson:
    """A lesson: its place in the course, its titles, its blocks."""

    path: Path
    number: str
    titles: dict[str, str]
    blocks: list[Block]

    @property
    def name(self) -> str:
        """The page's name, such as ``linear-regression``."""
        return self.path.stem.split("-", 1)[1]

    def of(self, language: str) -> list[Block]:
        """Return the blocks that a reader of this language sees or runs."""
        return [block for block in self.blocks if block.kind in ("both", language, *KINDS)]


def read_lessons() -> list[Lesson]:
    """Read every lesson, in the order of the course."""
    return [read_lesson(path) for path in sorted(LESSONS.glob("3*-*.md"))]


def read_lesson(path: Path) -> Lesson:
    """Read one lesson and check that no language lacks a text that the other has."""
    lines = path.read_text(encoding="utf-8").split("\n")
    head = dict(line.split(": ", 1) for line in lines[: lines.index("")])
    lesson = Lesson(path, head["number"], {language: head[language] for language in LANGUAGES}, _blocks(path, lines))
    counts = {language: sum(block.kind == language for block in lesson.blocks) for language in LANGUAGES}
    if len(set(counts.values())) != 1:
        raise LessonError(f"{path.name}: texts of {counts}; each English text needs a Chinese one")
    return lesson


def _blocks(path: Path, lines: list[str]) -> list[Block]:
    blocks: list[Block] = []
    kind, first, text = "", 0, list[str]()

    def close() -> None:
        if kind and "".join(text).strip():
            blocks.append(Block(kind, "\n".join(text).strip("\n"), first + 1))

    rows = iter(enumerate(lines[lines.index("") :], start=lines.index("")))
    for number, line in rows:
        if mark := MARK.match(line):
            close()
            kind, first, text = mark[1], number, []
        elif fence := FENCE.match(line):
            close()
            code = []
            for _, inside in rows:
                if inside == "```":
                    break
                code.append(inside)
            else:
                raise LessonError(f"{path.name}, line {number + 1}: the code has no end")
            program = (PROGRAMS / fence[2]).read_text(encoding="utf-8").rstrip() if fence[1] == "program" else None
            blocks.append(Block(fence[1], program or "\n".join(code), number + 1))
            kind, text = "", []
        elif kind:
            text.append(line)
        elif line.strip():
            raise LessonError(f"{path.name}, line {number + 1}: text of no language: {line[:40]!r}")
    close()
    return blocks


def translate(code: str, language: str) -> str:
    """Keep one language of the words and comments of a cell.

    Examples
    --------
    >>> translate('x = words("loss", "损失")  # a word || 一个词', "zh")
    'x = "损失"  # 一个词'
    """
    place = 1 if language == "en" else 2
    code = PHRASE.sub(lambda match: f'"{match[place]}"', code)
    return COMMENT.sub(lambda match: f"# {match[place].strip()}", code)
