"""Codes: digits with leading zeros, such as postcodes and 007, which as numbers would lose them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

MIN_LEADING_ZEROS = 0.05  # part of the cells with a leading zero from which on they needn't be of one length
PIECE = 1 << 24  # bytes that are looked through at a time
_BEFORE = np.zeros(256, dtype=bool)  # bytes that a cell may begin after
_BEFORE[list(b'\n\r,;\t|" ')] = True


def are_codes(text: pa.ChunkedArray) -> bool:
    """Tell whether cells are codes: digits alone, some with a leading zero, of one length or many with such a zero.

    Parameters
    ----------
    text : pyarrow.ChunkedArray of string
        Without space around; null where there is nothing.

    Returns
    -------
    bool

    Examples
    --------
    >>> [are_codes(pa.chunked_array([cells])) for cells in (["007", "010"], ["0", "10"], ["0.5"], ["a", "01"])]
    [True, False, False, False]
    """
    present = text.drop_null()
    if not len(present) or not pc.all(pc.match_substring_regex(present, r"^[0-9]+$")).as_py():
        return False
    led = pc.sum(pc.match_substring_regex(present, r"^0[0-9]")).as_py()
    lengths = pc.min_max(pc.utf8_length(present)).as_py()
    return led > 0 and (lengths["min"] == lengths["max"] or led >= MIN_LEADING_ZEROS * len(present))


def may_hold_codes(data: Any) -> bool:
    """Tell whether a cell of a file may begin with a zero and another digit.

    Parameters
    ----------
    data : pyarrow.Buffer
        Lines of cells.
    """
    letters = np.frombuffer(data, dtype=np.uint8)
    for start in range(0, len(letters), PIECE):
        piece = letters[max(0, start - 2) : start + PIECE]
        zeros = np.flatnonzero(piece[1:-1] == ord("0")) + 1
        digit = (piece[zeros + 1] >= ord("0")) & (piece[zeros + 1] <= ord("9"))
        if (digit & _BEFORE[piece[zeros - 1]]).any():
            return True
    return False
