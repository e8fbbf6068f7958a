"""A learner's file in a process of its own: whatever it does, each exercise gets its line."""

from __future__ import annotations

import json

import pytest

from twofold.cli import main
from twofold.exercises import EXERCISES
from twofold.exercises.files import check_file
from twofold.pages.layout import width, wrap

RIGHT = "import numpy as np\ndef linear_prediction(X, w, b):\n    return X @ w + b\n"


@pytest.fixture(autouse=True)
def english(monkeypatch, tmp_path):
    monkeypatch.setenv("TWOFOLD_LANGUAGE", "en")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def checked(folder, code, **words):
    file = folder / "answers.py"
    file.write_text(code)
    return {result.exercise: result for result in check_file(file, **words)}


def test_loops_exits_and_floods_cost_one_exercise_each(tmp_path):
    code = (
        RIGHT
        + """
import os, sys
def mean_squared_loss(X, y, w, b):
    while True: pass
def sgd_step(w, b, dw, db, learning_rate):
    os._exit(7)
def squared_loss(y_hat, y):
    while True: print("x" * 9999)
def epoch_loss(losses, sizes):
    sys.exit()
def original_units(w, b, mean, std):
    os.kill(os.getpid(), 9)
def my_sgd(params, grads, learning_rate, batch_size):
    for p, g in zip(params, grads): p -= learning_rate * g / batch_size
"""
    )
    found = checked(tmp_path, code, seconds=1.0)
    assert found["3.1/prediction"].right
    assert found["3.2/sgd"].right
    assert "loop without end" in found["3.1/mean-loss"].message
    assert "exit code 7" in found["3.1/sgd-step"].message
    assert "million characters" in found["3.2/squared-loss"].message
    assert "ends the program" in found["3.2/epoch-loss"].message
    assert "ended the whole process" in found["3.1/original-units"].message
    assert list(found) == [name for name in EXERCISES if name in found]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("def softmax(O)\n    return O\n", "line 1: SyntaxError: expected ':'"),
        ("import numpy as np\n\nx = nump.ones(3)\n", "line 3: NameError: name 'nump' is not defined"),
        ("import nunpy\n", "line 1: ModuleNotFoundError"),
        ("import sys\nsys.exit(1)\n", "line 2: it ends the program"),
        ("import os\nos._exit(4)\n", "exit code 4"),
        ("input()\n", "waits for the keyboard"),
        ("x = 3\n", "no function of an exercise"),
    ],
)
def test_a_file_that_cannot_be_run_is_told_in_one_line(tmp_path, capsys, code, words):
    file = tmp_path / "answers.py"
    file.write_text(code)
    assert main(["exercise", "check", str(file)]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


def test_too_much_memory_is_told(tmp_path):
    pytest.importorskip("resource")
    found = checked(
        tmp_path, "import numpy as np\ndef linear_prediction(X, w, b):\n    return np.ones((100_000, 100_000))\n"
    )
    assert "more memory" in found["3.1/prediction"].message


def test_only_the_named_exercise_is_checked_and_a_missing_one_is_told(tmp_path):
    code = RIGHT + "def sgd(params, grads, learning_rate, batch_size): pass\n"
    found = checked(tmp_path, code, names=["3.1/prediction", "3.1/gradient"])
    assert list(found) == ["3.1/prediction", "3.1/gradient"]
    assert found["3.1/gradient"].diagnosis == "missing"
    assert "def linear_gradient(X, y, w, b):" in found["3.1/gradient"].message


def test_the_command_checks_shows_and_remembers(tmp_path, capsys):
    file = tmp_path / "answers.py"
    file.write_text(RIGHT)
    assert main(["exercise", "check", str(file)]) == 0
    assert "1 of 1 right." in capsys.readouterr().out
    assert main(["exercise", "list"]) == 0
    out = capsys.readouterr().out
    assert "✓ 3.1/prediction" in out
    assert max(map(width, out.splitlines())) <= 80
    assert main(["exercise", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert list(listed) == list(EXERCISES)
    assert [name for name, each in listed.items() if each["solved"]] == ["3.1/prediction"]
    file.write_text(RIGHT.replace("+ b", ""))
    assert main(["exercise", "check", str(file), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["results"][0]["diagnosis"] == "3.1/prediction#0"


def test_the_command_speaks_chinese(tmp_path, capsys):
    file = tmp_path / "answers.py"
    file.write_text(RIGHT.replace("+ b", ""))
    assert main(["exercise", "check", str(file), "--language", "zh"]) == 1
    assert "缺少偏置" in capsys.readouterr().out
    assert main(["exercise", "show", "3.1/prediction", "--language", "zh"]) == 0
    assert "用线性模型同时预测 n 个样本" in capsys.readouterr().out
    assert main(["exercise", "check", str(tmp_path / "nothing.py"), "--language", "zh"]) == 2
    assert "没有文件" in capsys.readouterr().err


def test_a_file_that_is_no_python_file_is_refused(tmp_path, capsys):
    (tmp_path / "answers.ipynb").write_text("{}")
    assert main(["exercise", "check", str(tmp_path / "answers.ipynb")]) == 2
    assert "in a notebook, call check(your_function)" in capsys.readouterr().err


def test_chinese_lines_break_between_characters_and_never_before_a_comma():
    lines = wrap("先减去最大值，再取指数，最后除以和。" * 4, 20)
    assert max(map(width, lines)) <= 20
    assert not any(line[0] in "，。" for line in lines)
    assert "".join(lines) == "先减去最大值，再取指数，最后除以和。" * 4
