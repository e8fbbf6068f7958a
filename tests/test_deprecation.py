"""Names of version 0.1 that are others now: they work, and a warning says what to write."""

from __future__ import annotations

import importlib
import sys
from dataclasses import replace

import numpy as np
import pytest

from twofold import Network, check_gradients, initialize, trace
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


def test_what_is_traced_is_an_attribute_now():
    network = Network((4, 3))
    parameters = initialize(network)
    with pytest.warns(
        DeprecationWarning, match=r"trace's parameter source is called replace\(trace\(...\), source=...\) now"
    ) as told:
        old = trace(network, parameters, np.ones((1, 4)), [0], source="a sample of ones")
    assert told[0].filename == __file__
    new = replace(trace(network, parameters, np.ones((1, 4)), [0]), source="a sample of ones")
    assert str(old) == str(new)
    assert "a sample of ones" in str(new)


def test_the_step_of_the_differences_is_chosen_now():
    network = Network((4, 5, 3), activation="tanh")
    with pytest.warns(DeprecationWarning, match="check_gradients's parameter step") as told:
        coarse = check_gradients(network, step=0.3)
    assert told[0].filename == __file__
    assert not coarse.passed
    assert check_gradients(network).passed


def test_what_never_was_a_parameter_is_refused():
    network = Network((4, 3))
    with pytest.raises(TypeError, match=r"check_gradients\(\) got an unexpected keyword argument 'nothing'"):
        check_gradients(network, nothing=1)
    with pytest.raises(TypeError, match=r"trace\(\) got an unexpected keyword argument 'nothing'"):
        trace(network, initialize(network), np.ones((1, 4)), [0], nothing=1)
