"""Plans as JSON has them; what comes back is checked, as anyone may have written the file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, asdict, fields
from typing import Any

import numpy as np

from twofold.errors import DataError, SpecificationError, check_name
from twofold.tables.category_plan import BooleanPlan, CategoryPlan, GapPlan
from twofold.tables.date_plan import DATE_PARTS, NO_ZONE, OWN_ZONE, DatePlan
from twofold.tables.date_text import check_form, check_zone
from twofold.tables.number_plan import NumberPlan
from twofold.tables.number_text import OTHER
from twofold.tables.plan import Plan

PLANS: dict[str, type[Any]] = {plan.kind: plan for plan in (NumberPlan, BooleanPlan, CategoryPlan, DatePlan, GapPlan)}


def plan_to_dict(plan: Plan) -> dict[str, Any]:
    """Return a plan as JSON has it."""
    return {"kind": plan.kind, **asdict(plan)}  # type: ignore[call-overload]


def plan_from_dict(value: Any) -> Plan:
    """Make a plan of what `plan_to_dict` gave, each field checked.

    Parameters
    ----------
    value : dict
        From a file that anyone may have written.

    Returns
    -------
    Plan

    Raises
    ------
    DataError
        If it is not such a dict.
    """
    kind = value.get("kind") if isinstance(value, dict) else None
    if not isinstance(kind, str) or kind not in PLANS:
        raise DataError(f"a column's plan has kind {kind!r}; expected one of {', '.join(PLANS)}")
    plan = PLANS[kind]
    words = {name: word for name, word in value.items() if name != "kind"}
    names = {field.name: str(field.type) for field in fields(plan)}
    needed = {field.name for field in fields(plan) if field.default is MISSING}  # others came later
    if not needed <= set(words) <= set(names):
        raise DataError(f"a {kind} column's plan has fields {sorted(words)}; expected {sorted(names)}")
    for name, word in words.items():
        checked = _CHECKS[names[name]](word)
        if checked is _WRONG:
            raise DataError(f"field {name!r} of a {kind} column's plan is {str(word)[:40]!r}; expected {names[name]}")
        words[name] = checked
    made: Plan = plan(**words)
    if isinstance(made, CategoryPlan) and len(made.parts) != len(made.values):
        raise DataError(f"column {made.name!r} has {len(made.values)} categories and {len(made.parts)} parts of them")
    if isinstance(made, NumberPlan) and (made.scale == 0 or made.bend == 0 or (np.diff(made.knots) <= 0).any()):
        raise DataError(f"column {made.name!r}: scale and bend must not be 0, and knots must rise")
    _check_forms(made)
    if isinstance(made, DatePlan) and (made.scale == 0 or not set(made.parts) <= set(DATE_PARTS)):
        raise DataError(f"column {made.name!r}: scale must not be 0, and parts be of {', '.join(DATE_PARTS)}")
    if isinstance(made, DatePlan) and any((np.diff(knots) <= 0).any() for knots in (made.year_knots, made.clock_knots)):
        raise DataError(f"column {made.name!r}: knots must rise")
    return made


def _check_forms(made: Plan) -> None:
    """Check how a column's numbers or dates are written."""
    try:
        if isinstance(made, NumberPlan) and made.decimal is not None:
            check_name("decimal mark", made.decimal, OTHER)
        if isinstance(made, DatePlan) and made.date_format is not None:
            check_form(made.date_format)
        if isinstance(made, DatePlan) and made.zone not in (NO_ZONE, OWN_ZONE):
            check_zone(made.zone)
    except SpecificationError as error:
        raise DataError(f"column {made.name!r}: {error}") from error


_WRONG = object()


def _one(kind: type) -> Callable[[Any], Any]:
    return lambda word: word if isinstance(word, kind) else _WRONG


def _finite(word: Any) -> Any:
    good = isinstance(word, int | float) and not isinstance(word, bool) and abs(word) < 1.8e308
    return float(word) if good else _WRONG


def _many(check: Callable[[Any], Any], length: int | None = None) -> Callable[[Any], Any]:
    def checked(word: Any) -> Any:
        if not isinstance(word, list | tuple) or (length is not None and len(word) != length):
            return _WRONG
        read = tuple(check(item) for item in word)
        return _WRONG if any(item is _WRONG for item in read) else read

    return checked


def _or_none(check: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda word: None if word is None else check(word)


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "str": _one(str),
    "bool": _one(bool),
    "float": _finite,
    "float | None": _or_none(_finite),
    "str | None": _or_none(_one(str)),
    "tuple[str, ...]": _many(_one(str)),
    "tuple[float, ...]": _many(_finite),
    "tuple[str, str] | None": _or_none(_many(_one(str), 2)),
}
