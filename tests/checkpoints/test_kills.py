"""Killed at random instants, a run goes on, and ends as the run that nobody killed: the small form of ``kills.py``."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


KILLS = Path(__file__).parents[1] / "kills.py"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="another system's processes")
@pytest.mark.parametrize("engine", ["scratch", pytest.param("fused", marks=pytest.mark.torch)])
def test_a_dozen_kills_cost_nothing_but_time(engine):
    command = [sys.executable, str(KILLS), "--kills", "12", "--engines", engine]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = re.match(r"(\d+) kills, (\d+) of them in a write; (\d+) runs came to their end", done.stdout)
    kills, _, runs = map(int, told.groups())
    assert kills >= 12
    assert runs >= 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="another system's processes")
def test_a_fit_that_is_killed_goes_on_and_ends_as_the_one_that_nobody_killed():
    command = [sys.executable, str(KILLS), "--fits", "--kills", "8", "--engines", "scratch"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    kills, runs = map(int, re.match(r"(\d+) kills, .*; (\d+) runs came to their end", done.stdout).groups())
    assert kills >= 8
    assert runs >= 4
