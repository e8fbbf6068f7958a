"""Names of version 0.1 that are others now: they work, and a warning says what to write."""

from __future__ import annotations

import importlib
import sys

import pytest

from twofold.deprecation import MODULES, REMOVED_IN


@pytest.mark.parametrize("old", MODULES)
def test_a_module_is_found_by_its_old_name(old, monkeypatch):
    monkeypatch.delitem(sys.modules, old, raising=False)
    new = importlib.import_module(MODULES[old])
    spec = new.__spec__
    with pytest.warns(DeprecationWarning, match=f"{old} is called {MODULES[old]} now.*goes in version {REMOVED_IN}"):
        assert importlib.import_module(old) is new
    assert new.__spec__ is spec
    monkeypatch.delitem(sys.modules, old)


def test_other_names_are_still_unknown():
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'twofold\.border'"):
        importlib.import_module("twofold.border")
