"""Search in Chinese: every two neighbouring characters are a word, in the index and in what one types.

Sphinx's own search of Chinese names a stemmer that its page lacks, and without a dictionary takes sentences for words.
"""

from __future__ import annotations

import re
from itertools import pairwise

from sphinx.search import SearchEnglish

RUN = re.compile(r"[\u4e00-\u9fff]+|[^\W\u4e00-\u9fff]+")


class ChineseSearch(SearchEnglish):
    """Splits Chinese into pairs of characters, and Latin words as English does."""

    js_splitter_code = r"""
var splitQuery = (query) =>
  (query.match(/\p{Script=Han}+|[^\P{Letter}\p{Script=Han}]+|[\p{Number}_]+/gu) ?? []).flatMap((run) => {
    const characters = [...run];
    if (!/\p{Script=Han}/u.test(run) || characters.length < 2) return [run];
    return characters.slice(1).map((character, place) => characters[place] + character);
  });
"""

    def split(self, input: str) -> list[str]:  # noqa: A002 - Sphinx's name
        """Split a text into words; a single character is one too.

        Examples
        --------
        >>> ChineseSearch({}).split("学习率 learning")
        ['学', '习', '率', '学习', '习率', 'learning']
        """
        found = []
        for run in RUN.findall(input):
            chinese = "\u4e00" <= run[0] <= "\u9fff"
            found += [*run, *map("".join, pairwise(run))] if chinese else [run]
        return found
