"""The numbers of the lessons' texts as they were when somebody last looked: one that changes fails the build.

Numbers may differ by a fiftieth, since PyTorch's sums depend on the processor; words may not differ at all.
"""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

FILE = Path(__file__).parents[1] / "lessons" / "numbers.json"
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")
TOLERANCE = 0.02
TINY = 1e-9  # what is rounding itself differs as it likes


def record(images: str, values: dict[str, dict[str, str]]) -> None:
    """Write down the values of some lessons, with the set of images that they were computed on."""
    kept = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    kept.setdefault(images, {}).update(values)
    FILE.write_text(json.dumps(kept, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")


def compare(images: str, values: dict[str, dict[str, str]]) -> list[str]:
    """Return what differs from the record, a line each."""
    kept = json.loads(FILE.read_text(encoding="utf-8")).get(images, {}) if FILE.exists() else {}
    wrong = []
    for lesson, found in values.items():
        for expression in found.keys() | kept.get(lesson, {}).keys():
            now, then = found.get(expression), kept.get(lesson, {}).get(expression)
            if now is None or then is None or not same(now, then):
                wrong.append(f"{lesson}: {expression} is {now}; it was {then}")
    return wrong


def same(now: str, then: str) -> bool:
    """Tell whether two texts differ by no more than small changes of their numbers.

    Examples
    --------
    >>> same("0.8231", "0.825"), same("0.8231", "0.9"), same("4e-16", "7e-16"), same("3 of 5", "3 in 5")
    (True, False, True, False)
    """
    if NUMBER.sub("", now) != NUMBER.sub("", then):
        return False
    pairs = zip(map(float, NUMBER.findall(now)), map(float, NUMBER.findall(then)), strict=True)
    return all(math.isclose(a, b, rel_tol=TOLERANCE, abs_tol=TINY) for a, b in pairs)
