"""The encoding of a file of lines: as told, or guessed from its bytes; what comes out is UTF-8."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from twofold.errors import FileFormatError, SpecificationError
from twofold.tables.file_bytes import FileBytes

SAMPLE = 1 << 16  # bytes of cells beyond ASCII that a guess looks at
HEAD = 1 << 16  # bytes in which NULs tell UTF-16
PIECE = 1 << 24  # bytes that are checked at a time
MIN_COMMON = 0.8  # part of the characters that must be everyday ones for a guess to hold
MARKS = (  # byte order marks; UTF-32's begins as UTF-16's does
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BEYOND = re.compile(rb"[\x80-\xff][^\n\r,;\t\"]*")  # a cell's end, from the first byte that ASCII has not
_RUN = re.compile(rb"[\x80-\xff]+")

Say = Callable[[str], None]


def check_encoding(name: str) -> str:
    """Return the name; raise `SpecificationError` if Python knows no encoding of text of that name."""
    try:
        bytes(4).decode(name, errors="replace")
    except (LookupError, ValueError) as error:
        raise SpecificationError(
            f"unknown encoding {name!r}; expected a name such as utf-8, utf-16, cp1252, gb18030 or shift_jis"
        ) from error
    return name


def as_utf8(path: Path, data: Any, encoding: str | None, say: Say) -> Any:
    """Return a file's bytes as UTF-8 without a byte order mark.

    Parameters
    ----------
    path : Path
        For messages.
    data : pyarrow.Buffer or FileBytes
        The latter comes back as one if it is UTF-8, and is read into memory if it isn't.
    encoding : str or None
        As the user says; otherwise a byte order mark tells, or NULs, or that it is UTF-8, or else it is guessed.
    say : callable
        Told of a guess.

    Returns
    -------
    pyarrow.Buffer

    Raises
    ------
    SpecificationError
        If there is no such encoding.
    FileFormatError
        If there are bytes that the encoding does not have, or no encoding of text has.
    """
    if encoding is None:
        encoding = _marked(data) or _by_nulls(path, data)
    if encoding is None:
        if _is_utf8(data):
            return data
        data = pa.py_buffer(data.to_pybytes()) if isinstance(data, FileBytes) else data
        encoding = guess_encoding(path, data)
        say(f"{path.name} is not UTF-8; read as {encoding}, by a guess from its bytes: if wrong, --encoding NAME")
    check_encoding(encoding)
    plain = codecs.lookup(encoding).name
    if plain in ("utf-8", "utf-8-sig") and _is_utf8(data):
        mark = len(codecs.BOM_UTF8) if _marked(data) == "utf-8-sig" else 0
        return data.slice(mark)
    try:
        return pa.py_buffer(data.to_pybytes().decode(encoding).removeprefix("\ufeff").encode())
    except UnicodeError as error:
        place = f", byte {error.start}" if isinstance(error, UnicodeDecodeError) else ""
        raise FileFormatError(f"{path}{place}: it can't be read as {encoding}; name another: --encoding") from error


def _marked(data: Any) -> str | None:
    first = data.slice(0, min(4, data.size)).to_pybytes()
    return next((name for mark, name in MARKS if first.startswith(mark)), None)


def _by_nulls(path: Path, data: Any) -> str | None:
    """Tell UTF-16 without a mark by where the NULs of its ASCII letters are; refuse what isn't text."""
    head = data.slice(0, min(HEAD, data.size)).to_pybytes()
    even, odd = b"\0" in head[::2], b"\0" in head[1::2]
    if not (even or odd):
        if not any(b"\0" in piece for piece in _pieces(data)):
            return None
        raise _no_text(path)
    if even != odd and data.size % 2 == 0:
        name = "utf-16-be" if even else "utf-16-le"
        text = head[: len(head) // 2 * 2].decode(name, errors="replace")
        if "\ufffd" not in text and ("\n" in text or "\r" in text) and not re.search("[\0-\b\x0e-\x1f]", text):
            return name
    raise _no_text(path)


def _no_text(path: Path) -> FileFormatError:
    return FileFormatError(f"{path}: not a table: it holds bytes that no text has; expected CSV, TSV or Parquet")


def _pieces(data: Any) -> Iterator[bytes]:
    for start in range(0, data.size, PIECE):
        yield data.slice(start, min(PIECE, data.size - start)).to_pybytes()


def _is_utf8(data: Any) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for piece in _pieces(data):
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def guess_encoding(path: Path, data: Any) -> str:
    """Guess the encoding of bytes that are no UTF-8: Chinese, Japanese, Korean, Cyrillic, or else Western European.

    An encoding of two bytes a character is taken if nearly all the characters are everyday ones in it.

    Raises
    ------
    FileFormatError
        If most of it is UTF-8, so that what isn't is damage.
    """
    sample, size = [], 0
    for match in islice(_BEYOND.finditer(memoryview(data)), SAMPLE):
        sample.append(match[0])
        if (size := size + len(match[0])) > SAMPLE:
            break
    cells = b"\n".join(sample)
    good = sum(_decoded(cell, "utf-8") is not None for cell in sample)
    if good > len(sample) / 2:
        raise FileFormatError(
            f"{path}: most of it is UTF-8, but not all; mend it, or say what it is: --encoding, such as cp1252"
        )
    for encoding, common in (
        ("gb18030", _common_chinese),
        ("shift_jis", _common_japanese),
        ("cp932", _common_japanese),  # Windows' own, which has a few more
        ("euc_jp", _common_japanese),
        ("big5", _common_traditional),
    ):
        text = _decoded(cells, encoding)
        if text is not None and common([letter for letter in text if letter > "\x7f"]):
            return "euc_kr" if encoding == "gb18030" and _korean(cells) else encoding
    runs = [len(run) for run in _RUN.findall(cells)]
    if sum(runs) > 2.5 * len(runs) and sum(byte >= 0xC0 for byte in cells) > MIN_COMMON * sum(runs):
        return "cp1251"
    return "cp1252" if _decoded(data.to_pybytes(), "cp1252") is not None else "latin-1"


def _decoded(content: bytes, encoding: str) -> str | None:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        return None


def _common_chinese(letters: list[str]) -> bool:
    """Tell by the 3755 characters of GB 2312's first level, and punctuation."""
    codes = [letter.encode("gb18030") for letter in letters]
    everyday = [len(code) == 2 and code[1] > 0xA0 and (code[0] < 0xA4 or 0xB0 <= code[0] <= 0xD7) for code in codes]
    return sum(everyday) >= MIN_COMMON * len(letters) and any(code[0] >= 0xB0 for code in codes)


def _korean(cells: bytes) -> bool:
    """Tell by the first bytes, which in Korean stop at C8: Chinese has a third of its words beyond."""
    leads = [run[k] for run in _RUN.findall(cells) for k in range(0, len(run), 2)]
    return len(leads) >= 10 and all(0xB0 <= lead <= 0xC8 for lead in leads)


def _common_japanese(letters: list[str]) -> bool:
    """Tell by kana: there is no Japanese text of some length without."""
    kana = sum("\u3040" <= letter <= "\u30ff" for letter in letters)
    other = sum("\u4e00" <= letter <= "\u9fff" or "\u3000" <= letter < "\u3040" for letter in letters)
    return kana >= 0.1 * len(letters) and kana + other >= MIN_COMMON * len(letters)


def _common_traditional(letters: list[str]) -> bool:
    """Tell by the 5401 frequent characters of Big5, and punctuation."""
    leads = [letter.encode("big5")[0] for letter in letters]
    return sum(lead <= 0xC6 for lead in leads) >= MIN_COMMON * len(leads)
