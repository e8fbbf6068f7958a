"""What the checks of all definitions have in common."""

from __future__ import annotations

from collections.abc import Iterable

from twofold.errors import SpecificationError, show

MAX_RELATIVE_DIFFERENCE = 1e-7  # relative to the larger of both numbers and 1


def check_new_name(kind: str, name: object, known: Iterable[str]) -> None:
    """Raise `SpecificationError` if a name is taken, or is none that Python would take."""
    if not isinstance(name, str) or not name.isidentifier():
        raise SpecificationError(f"the {kind}'s name is {show(name)}; expected a Python name, such as 'my_{kind}'")
    if name in known:
        raise SpecificationError(f"there is {kind} {name!r} already; choose another name")


def compare(what: str, given: float, found: float, by: str) -> None:
    """Raise `SpecificationError`, with both numbers, if one that is given isn't what was found."""
    if not abs(given - found) <= MAX_RELATIVE_DIFFERENCE * max(1.0, abs(given), abs(found)):
        raise SpecificationError(f"{what} is given as {given:.10g}; {by} {found:.10g}")
