"""What is told of a table's cells that are not as they were when the model was trained."""

from __future__ import annotations

from collections import Counter

from twofold.cli.screen import Screen


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
