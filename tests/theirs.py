"""scikit-learn's own test files, run with other classes in the place of some of its own."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

import pytest
import sklearn

KNOWN = ("1.9",)  # the versions whose files were gone through, test by test


def installed() -> str:
    """Why the files can't be run here, or nothing."""
    version = ".".join(sklearn.__version__.split(".")[:2])
    if version not in KNOWN:
        return f"the tests of scikit-learn {version} were not gone through; known are those of {', '.join(KNOWN)}"
    if not (Path(sklearn.__file__).parent / "linear_model" / "tests").is_dir():
        return "scikit-learn was installed without its tests"
    return ""


def load(path: str, ours: Mapping[str, Any], edits: Mapping[str, str]) -> dict[str, Any]:
    """Run a test file with our classes imported for theirs; return its tests and fixtures by name.

    Parameters
    ----------
    path : str
        Of the file, in scikit-learn's folder.
    ours : mapping
        Our class for the name of each of theirs, ``"sklearn.linear_model.LinearRegression"``.
    edits : mapping of str to str
        Parts of the file's text that must be there, and what stands in their place.
    """
    file = Path(sklearn.__file__).parent / path
    code = file.read_text(encoding="utf-8")
    for old, new in edits.items():
        assert old in code, f"{path} has no {old!r} any more"
        code = code.replace(old, new)
    package = ".".join(["sklearn", *Path(path).parent.parts])
    import_module(f"{package}.{file.stem}")  # what it imports must not first be imported with our classes in place
    module = ModuleType(f"theirs_{file.stem}")
    module.__file__, module.__package__ = str(file), package
    sys.modules[module.__name__] = module  # where pickle looks for the classes of its tests
    with ExitStack() as stack:
        for name, kind in ours.items():
            place, _, short = name.rpartition(".")
            stack.enter_context(patch.object(import_module(place), short, kind))
        exec(compile(code, str(file), "exec"), vars(module))  # noqa: S102 - scikit-learn's own file
    marks = getattr(module, "pytestmark", [])
    found = {}
    for name, thing in vars(module).items():
        if name.startswith("test_") and callable(thing):
            for mark in marks if isinstance(marks, list) else [marks]:
                thing = mark(thing)
            found[name] = thing
        elif type(thing).__name__ == "FixtureFunctionDefinition":
            found[name] = thing
    return found


def expect_failure(request: pytest.FixtureRequest, left_out: Mapping[str, str]) -> None:
    """Mark a test that is left out, with its reason, so that it must fail: by its name, or the beginning of its parameters."""
    name = request.node.name
    for key, reason in left_out.items():
        if name == key or name.startswith(key if "[" in key else f"{key}["):
            request.node.add_marker(pytest.mark.xfail(reason=reason, strict=True))
