"""What an engine's steps free is kept for the next step."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

STEPS = """
import resource
import numpy as np
from twofold import Network, open_engine

engine = open_engine("scratch", Network((784, 256, 10)), initialization="he")
rng = np.random.default_rng(0)
engine.load(rng.integers(256, size=(512, 784), dtype=np.uint8), rng.integers(10, size=512))
for step in range(30):
    if step == 10:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    engine.step(np.arange(256) + step, 0.1)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc gives a step's memory back to the system")
def test_a_step_takes_the_memory_that_the_last_one_freed():
    run = subprocess.run([sys.executable, "-c", STEPS], capture_output=True, text=True, check=True)
    assert int(run.stdout) < 1000  # pages first touched in 20 steps, each of which fills a thousand
