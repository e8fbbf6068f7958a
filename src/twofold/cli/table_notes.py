"""What is told of a table: its columns, how its cells were read, and the scores on its rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from twofold.cli.screen import Screen
from twofold.scores import Estimate
from twofold.tables.column_inference import FREE_TEXT
from twofold.tables.problem import Problem
from twofold.tables.targets import MIN_ROWS_PER_CLASS, WHOLE
from twofold.values import count

MAX_SHOWN = 100  # columns that are shown at most: a screen table of thousands takes longer than training
MAX_POSSIBLE_CLASSES = 100  # different whole numbers that may still be names of classes, to be asked for


def _left_out(rows: Sequence[tuple[str, str, str, str]]) -> str:
    number = sum(kind == "left out" for _, kind, _, _ in rows)
    return "none is" if not number else "1 is" if number == 1 else f"{number} are"


def tell_table(screen: Screen, problem: Problem, missing: Mapping[str, int]) -> None:
    """Print what was found in a table; ``missing`` are cells without a value, of the columns that were not encoded."""
    target, missing = problem.target, {**missing, **{name: own["missing"] for name, own in problem.notes.items()}}
    rows = [(name, kind, words, str(missing.get(name) or "")) for name, kind, words in problem.plan.describe()]
    screen.table(f"columns of {problem.data.name}", ("column", "kind", "", "missing"), rows[:MAX_SHOWN], text=3)
    if len(rows) > MAX_SHOWN:
        screen.say(
            f"and {count(len(rows) - MAX_SHOWN, 'column')} more, of which {_left_out(rows[MAX_SHOWN:])} left out"
        )
    what = f"{len(target.classes)} classes: {_some(target.classes)}" if target.classes else "numbers"
    screen.say(f"{target.task} of {target.name} ({target.because}), {what}")
    for line in _hints(problem):
        screen.say(line)
    if problem.dropped:
        screen.say(without(problem.dropped, target.name))
    parts = [("training", problem.data.train), ("validation", problem.validation), ("test", problem.data.test)]
    sizes = [count(len(part), f"{name} row") for name, part in parts if part is not None]
    screen.say(f"{', '.join(sizes)}; {count(problem.data.inputs, 'feature')}")


def _hints(problem: Problem) -> list[str]:
    """Say what to type where the data may mean something else, and what is not read at all."""
    target, lines = problem.target, []
    if WHOLE in target.because:
        different, rows = int(target.because.split()[0]), len(problem.data.train)
        if target.classes and different > 2:
            lines.append(
                f"if the values of {target.name} are amounts or grades, not names of classes: --task regression"
            )
        if not target.classes and different <= MAX_POSSIBLE_CLASSES and rows >= different * MIN_ROWS_PER_CLASS:
            lines.append(f"if the values of {target.name} are names of classes: --task classification")
    folded = Counter(name.casefold() for name in target.classes)
    if alike := [repr(name) for name in target.classes if folded[name.casefold()] > 1]:
        lines.append(f"classes that differ in capital letters alone stay apart: {_some(tuple(alike))}")
    free = [name for name, reason in problem.plan.left_out.items() if reason.startswith("free text")]
    return lines + ([f"column {', '.join(map(repr, free))}: {FREE_TEXT}"] if free else [])


def tell_forms(screen: Screen, problem: Problem) -> None:
    """Print how numbers and dates were read, and which cells could not be."""
    for remark in problem.remarks:
        screen.say(remark)
    tell_notes(screen, {name: Counter(unreadable=counts["unreadable"]) for name, counts in problem.notes.items()})


def tell_scores(screen: Screen, title: str, scores: list[Estimate]) -> dict[str, Any]:
    """Print scores with their intervals, and return them for JSON."""
    rows = [(score.name, f"{score.value:.4g}", score.interval, score.how) for score in scores]
    screen.table(title, ("", "value", "95 % interval", "kind of interval"), rows)
    return {score.name: score.to_dict() for score in scores}


def without(dropped: int, target: str) -> str:
    """Say how many rows have no target."""
    have, are = ("has", "is") if dropped == 1 else ("have", "are")
    return f"{count(dropped, 'row')} {have} no {target} and {are} left out"


def _some(names: tuple[str, ...], most: int = 8) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def tell_notes(screen: Screen, notes: dict[str, Counter[str]]) -> None:
    """Print what is not as it was in the training set."""
    texts = {
        "unseen": "a category that was not in the training set",
        "out of range": "a number beyond those of the training set",
        "newly missing": "no value, where the training set always had one",
        "unreadable": "a cell that can't be read, and counts as missing",
        "with zone": "a time with a zone, where the training set had none; it is read in UTC",
        "without zone": "a time without a zone, where the training set had one; it is read in UTC",
    }
    for name, counts in notes.items():
        for kind, text in texts.items():
            if counts[kind]:
                screen.say(f"column {name}: {counts[kind]} {'row has' if counts[kind] == 1 else 'rows have'} {text}")
