"""Which exercises a person has solved: a small file in the user's state folder."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def progress_file() -> Path:
    """Return where it is: ``$XDG_STATE_HOME/twofold/exercises.json``, or below ``~/.local/state``.

    References
    ----------
    XDG Base Directory Specification 0.8: a relative XDG_STATE_HOME is to be ignored.
    """
    given = Path(os.environ.get("XDG_STATE_HOME", ""))
    return (given if given.is_absolute() else Path.home() / ".local" / "state") / "twofold" / "exercises.json"


def solved() -> set[str]:
    """Return the names of the exercises that were solved; none if the file is missing or can't be read."""
    with suppress(OSError, ValueError, RuntimeError):
        names = json.loads(progress_file().read_text("utf-8"))
        return {name for name in names if isinstance(name, str)} if isinstance(names, list) else set()
    return set()


def remember(names: Iterable[str]) -> None:
    """Add exercises to those solved. Where nothing can be written nothing is: it is a convenience."""
    before = solved()
    together = sorted(before | set(names))
    if set(together) == before:
        return
    with suppress(OSError, RuntimeError):
        file = progress_file()
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(together), "utf-8")
