"""The process in which a learner's file is run: one line of JSON for each thing that happens.

What the learner's code prints goes to standard error; standard output belongs to the results.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from twofold.exercises.checking import examine
from twofold.exercises.registry import EXERCISES, recognised
from twofold.exercises.running import failure_of

MEMORY = 4 << 30  # bytes of data that a learner's code may hold
FILE = 64 << 20  # bytes of a file that it may write


def main(arguments: list[str]) -> int:
    """Check a file: ``FILE LANGUAGE NAME...``; without names, all functions that it recognises.

    Returns
    -------
    int
    """
    path, language, *names = arguments
    results = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    _limit()

    def tell(**event: Any) -> None:
        print(json.dumps(event), file=results, flush=True)

    tell(event="loading")
    try:
        module = load(Path(path))
    except (Exception, SystemExit) as error:
        failure = failure_of(error, path)
        tell(event="broken", kind=failure.kind, message=failure.message, line=failure.line)
        return 0
    found = {name: getattr(module, EXERCISES[name].function, None) for name in names} or recognised(module, path)
    tell(event="found", names=list(found))
    for name, answer in found.items():
        tell(event="started", name=name)
        exercise = EXERCISES[name]
        if answer is None:
            answer = getattr(module, f"my_{exercise.function}", None)
        if answer is None:
            tell(event="missing", name=name)
            continue
        result = examine(exercise, answer, language)
        sys.stdout.flush()
        tell(event="result", result=result.to_dict())
    return 0


def load(path: Path) -> ModuleType:
    """Run a file as a module of the name "answer"."""
    sys.path.insert(0, str(path.resolve().parent))
    spec = importlib.util.spec_from_file_location("answer", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules["answer"] = module
    sys.dont_write_bytecode = True
    spec.loader.exec_module(module)
    return module


def _limit() -> None:
    """Keep memory and files within bounds, where the system can."""
    try:
        import resource
    except ImportError:  # not on Windows
        return
    for kind, most in ((resource.RLIMIT_DATA, MEMORY), (resource.RLIMIT_FSIZE, FILE), (resource.RLIMIT_CORE, 0)):
        hard = resource.getrlimit(kind)[1]
        resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
