"""Files are drawn whatever backend the environment names; where it names one that is here, windows go on using it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

MISSING = "module://matplotlib_inline.backend_inline"  # where it is not installed, matplotlib can't be imported
DRAW = """
from twofold.plots import network_diagram, save, save_film, svg, live_curves
from types import SimpleNamespace as Record
for ending in ("png", "svg", "pdf"):
    save(network_diagram((4, 3)), f"a.{ending}")
save_film([network_diagram((4, 3))], "a.gif")
shown = []
one = Record(epoch=1, loss=0.5, test_loss=None, train_accuracy=None, test_accuracy=None)
list(live_curves([one], display=lambda *words, **more: shown.append(words)))
import matplotlib

print(len(shown), matplotlib.rcParams._get("backend"))
"""


def run(words: list[str], folder, backend: str) -> subprocess.CompletedProcess[str]:
    environment = {name: text for name, text in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    return subprocess.run(
        [sys.executable, *words],
        env=environment | {"MPLBACKEND": backend},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("backend", "kept"), [("nonsense", False), ("tkagg", True), ("agg", True), ("module://there_is_none", True)]
)
def test_files_are_drawn_with_any_backend_and_one_that_there_is_stays_set(tmp_path, backend, kept):
    done = run(["-c", DRAW], tmp_path, backend)
    assert (done.returncode, done.stderr) == (0, "")
    shown, found = done.stdout.split(maxsplit=1)
    assert shown == "1"
    assert (found.strip() == backend) is kept
    assert {path.name for path in tmp_path.iterdir()} == {"a.png", "a.svg", "a.pdf", "a.gif"}


def test_a_notebook_s_backend_that_is_not_installed_is_passed_over(tmp_path):
    done = run(["-c", DRAW], tmp_path, MISSING)
    assert (done.returncode, done.stderr) == (0, "")
    assert len([*tmp_path.iterdir()]) == 4


def test_the_command_line_draws_and_reports_with_a_backend_that_is_not_here(tmp_path):
    words = ["train", "softmax", "--data", "toy-animals", "--epochs", "1", "--report", "r.html"]
    for command in (["plot", "activations", "-o", "a.png"], words):
        done = run(["-m", "twofold", *command], tmp_path, MISSING)
        assert (done.returncode, done.stderr) == (0, "")
    assert {path.name for path in tmp_path.iterdir()} == {"a.png", "r.html"}
