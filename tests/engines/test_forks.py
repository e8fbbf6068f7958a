"""Processes forked after PyTorch has computed with several threads: they compute, with one."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

FIT = """
import multiprocessing, sys
import numpy as np
import torch
from twofold import MLPClassifier, Network, open_engine


torch.set_num_threads(2)
X = np.random.default_rng(0).standard_normal((2000, 200))
y = (X[:, 0] > 0).astype(int)
engine = open_engine(sys.argv[1], Network((200, 256, 2)))
engine.outputs(X)  # by two threads

def fit(_):
    model = MLPClassifier((256,), max_iter=1, tol=0, solver="sgd", engine=sys.argv[1], threads=2, random_state=0)
    return model.fit(X, y).loss_

def predict(_):
    return engine.outputs(X).shape

fit(0)
with multiprocessing.get_context("fork").Pool(1) as pool:
    print(pool.map(fit, [0]), pool.map(predict, [0]))
"""


@pytest.mark.torch
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no forks")
@pytest.mark.parametrize("engine", ["concise", "fused"])
def test_a_fork_fits_and_predicts_after_its_parent_did_with_two_threads(engine):
    environment = os.environ | {"OMP_NUM_THREADS": "2", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [sys.executable, "-c", FIT, engine], capture_output=True, text=True, timeout=60, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("[(2000, 2)]\n")
