"""What is costly is saved before anything is told of it, and no way of telling can lose it."""

from __future__ import annotations

import errno
import io
import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest

import hostile
from twofold import Model, Network, Recipe, load_dataset, load_model, open_engine, save_model, train
from twofold.cli import main

STEPS = {  # all that comes after a training, and what breaks it
    "linear": (
        "twofold.models.compare_with_exact",
        "twofold.cli.table.summarize",
        "twofold.cli.screen.Screen.table",
        "twofold.cli.report.report_run",
    ),
    "softmax": (
        "twofold.cli.table_scores.score_outputs",
        "twofold.cli.screen.Screen.table",
        "twofold.cli.report.report_run",
        "twofold.report.render_report",
        "twofold.models.held_out_log_likelihood",
    ),
}


class BrokenError(RuntimeError):
    pass


def broken(*_: object, **_more: object) -> None:
    raise BrokenError


@pytest.mark.parametrize(("model", "step"), [(model, step) for model, steps in STEPS.items() for step in steps])
def test_whatever_breaks_after_the_training_the_model_is_there_and_json_is_told(
    model, step, tmp_path, monkeypatch, capsys
):
    table, file = hostile.write_table(tmp_path / "t.csv", ("a", "b")), tmp_path / "m.safetensors"
    target = hostile.CLASS if model == "softmax" else hostile.NUMBER
    words = ["train", model, table, "--target", target, "--drop", "a", "--epochs", "1", "--save", file, "--json"]
    started = []
    monkeypatch.setattr(step, lambda *_, **__: broken() if started else None)
    monkeypatch.setattr("twofold.cli.trainer.Trainer.train", _noting(started))
    with pytest.raises(BrokenError):
        main([*map(str, words), "--report", str(tmp_path / "r.html")])
    assert load_model(file).network.inputs >= 1
    assert json.loads(capsys.readouterr().out)["saved"] == str(file)


def _noting(started: list[bool]):
    from twofold.cli.trainer import Trainer

    train = Trainer.train

    def trained(*words, **more):
        done = train(*words, **more)
        started.append(True)
        return done

    return trained


def test_a_table_too_large_for_memory_is_saved_before_its_summary(tmp_path, monkeypatch):
    monkeypatch.setattr("twofold.cli.table.MAX_BYTES_IN_MEMORY", 0)
    monkeypatch.setattr("twofold.cli.table.summarize", broken)
    (tmp_path / "t.csv").write_text("height [m],y [/s]\n" + "".join(f"{x},{2 * x}\n" for x in range(9)))
    file = tmp_path / "m.safetensors"
    with pytest.raises(BrokenError):
        main(["train", "linear", str(tmp_path / "t.csv"), "--target", "y [/s]", "--save", str(file)])
    assert load_model(file).features == ("height [m]",)


def test_a_rate_is_suggested_although_its_picture_cannot_be_drawn(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("twofold.plots.save", broken)
    words = ["find-rate", "softmax", "--data", "toy-animals", "-o", str(tmp_path / "r.png"), "--json"]
    with pytest.raises(BrokenError):
        main(words)
    assert json.loads(capsys.readouterr().out)["suggestion"] > 0


@pytest.mark.parametrize("command", ["plot curves mlp --data digits", "find-rate mlp --data digits"])
def test_the_place_of_a_picture_is_tried_before_the_training(command, tmp_path, capsys):
    assert main([*command.split(), "-o", str(tmp_path / "no" / "a.png")]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "there is no folder" in captured.err


def test_a_report_does_not_take_the_models_place(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = ["train", "softmax", "--data", "toy-animals", "--save", "run", "--report", str(tmp_path / "run")]
    assert main(words) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "two things are to be written to it" in captured.err


class Full(io.StringIO):
    """A stream to a disk that has no room."""

    def __init__(self, code: int) -> None:
        super().__init__()
        self._code = code

    def write(self, _text: str) -> int:
        raise OSError(self._code, os.strerror(self._code))


@pytest.mark.parametrize(
    ("code", "exit_code", "told"),
    [(errno.ENOSPC, 2, "twofold: the output can't be written: No space left on device; files"), (errno.EPIPE, 141, "")],
)
@pytest.mark.parametrize("more", [[], ["--json"]])
def test_where_nothing_can_be_printed_the_model_is_saved_all_the_same(
    code, exit_code, told, more, tmp_path, monkeypatch, capsys
):
    file = tmp_path / "m.safetensors"
    monkeypatch.setattr(sys, "stdout", Full(code))
    words = ["train", "softmax", "--data", "toy-animals", "--epochs", "2", "--save", str(file), *more]
    assert main(words) == exit_code
    assert capsys.readouterr().err.startswith(told)
    assert len(load_model(file).history) == 2


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_a_process_whose_output_is_full_or_closed_saves_and_ends_without_a_traceback(tmp_path):
    file = tmp_path / "m.safetensors"
    words = [sys.executable, "-m", "twofold", "train", "softmax", "--data", "toy-animals", "--epochs", "2"]
    with open("/dev/full", "w") as full:
        done = subprocess.run([*words, "--save", file], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert len(load_model(file).history) == 2
    file.unlink()
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([*words, "--save", file], stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")
    assert len(load_model(file).history) == 2


@pytest.mark.parametrize("number", [float("inf"), float("nan")])
def test_a_history_with_a_loss_beyond_numbers_is_saved_without_it(tmp_path, number):
    data, engine = load_dataset("toy-animals"), open_engine("scratch", Network((4, 3)))
    history = [replace(epoch, test_loss=number) for epoch in train(engine, data, Recipe(epochs=1))]
    save_model(tmp_path / "m", Model.of(engine, data, history=history))
    (epoch,) = load_model(tmp_path / "m").history
    assert epoch.test_loss is None
    assert epoch.loss == history[0].loss


def test_a_name_with_two_spaces_is_told_to_the_letter(tmp_path, capsys):
    assert main(["show", str(tmp_path / "a  b")]) == 2
    assert f"{tmp_path / 'a  b'}: no such file" in capsys.readouterr().err
