"""Words that stand for a missing value."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

# Gaps wherever they stand, also in the column to predict; "?" is that of UCI's tables.
GAP_WORDS = ("?", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "-nan", "NULL", "null", "<NA>")

# Gaps in features only: as the name of a class to predict, each of these is one.
FEATURE_GAP_WORDS = (
    *GAP_WORDS,
    *("-", "--", "---", ".", "..", "N/a", "na", "n.a.", "N.A.", "#NA", "#NULL!", "#VALUE!", "#DIV/0!", "#REF!", "NaT"),
    *("Null", "None", "NONE", "NIL", "nil", "missing", "Missing", "MISSING", "unknown", "Unknown", "UNKNOWN"),
)  # not "none": no telephone is something that is known


MOST_WORDS = 2  # that stand for gaps although nobody has listed them


def few_words(text: pa.ChunkedArray, unread: NDArray[Any]) -> bool:
    """Tell if the cells of a column that can't be read, ``unread`` (n,), are one or two words without a digit."""
    rest = text.filter(pa.array(unread)).unique().drop_null()
    return len(rest) <= MOST_WORDS and not pc.any(pc.match_substring_regex(rest, r"\d")).as_py()


def without_gaps(text: pa.ChunkedArray, words: tuple[str, ...] = FEATURE_GAP_WORDS) -> pa.ChunkedArray:
    """Turn cells that hold a word for a missing value into null.

    Parameters
    ----------
    text : pyarrow.ChunkedArray of string
        Without space around its cells, see `twofold.tables.cells.words`.
    words : tuple of str

    Returns
    -------
    pyarrow.ChunkedArray of string

    Examples
    --------
    >>> without_gaps(pa.chunked_array([["5", "unknown", "?"]])).to_pylist()
    ['5', None, None]
    """
    gap = pc.is_in(text, value_set=pa.array(words, pa.string()))
    return pc.if_else(gap, pa.scalar(None, pa.string()), text) if pc.any(gap).as_py() else text
