"""Checkpoints on the command line: stopped by a signal, gone on from by the command that is told, refused with reasons."""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
import sys
import time

import pytest

from twofold import CheckpointFolder
from twofold.cli import main
from twofold.cli.safety import how_to_go_on

# An engine that has nothing to compile: what is tried here is the same on all.
WORDS = shlex.split("train mlp --data digits --hidden 16 --optimizer adam --seed 2 --engine scratch")


def run(capsys, *words):
    code = main([*WORDS, *map(str, words)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def untimed(out):
    result = json.loads(out)
    for epoch in result["epochs"]:
        epoch.pop("seconds")
    return result


def test_a_run_that_is_made_longer_prints_the_rest_and_reports_the_whole(capsys, tmp_path):
    path = tmp_path / "run"
    code, out, _ = run(capsys, "--epochs", 2, "--checkpoint", path)
    assert code == 0
    code, out, _ = run(capsys, "--epochs", 4, "--resume", path)
    lines = out.splitlines()
    assert lines[1] == "going on from step 90, 2 of 4 epochs being over"
    assert [line.split()[1] for line in lines[2:4]] == ["3/4", "4/4"]
    _, out, _ = run(capsys, "--epochs", 4, "--resume", path, "--json")
    _, whole, _ = run(capsys, "--epochs", 4, "--json")
    assert untimed(out) == untimed(whole)
    assert len(untimed(out)["epochs"]) == 4


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_run_with_a_checkpoint_and_the_command_that_goes_on(tmp_path, number, code):
    path = tmp_path / "my run"
    words = [*WORDS, "--epochs", "100000"]
    command = [sys.executable, "-m", "twofold", *words, f"--checkpoint={path}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while not process.stdout.readline().startswith("epoch 3/"):
            pass
        process.send_signal(number)
        _, err = process.communicate(timeout=30)
    assert process.returncode == code
    (line,) = err.splitlines()
    with CheckpointFolder(path) as folder:
        last = folder.latest()
    told = (
        f"twofold: stopped by {number.name}; the newest checkpoint in {path} is after step {last.steps}; go on with: "
    )
    assert line.startswith(told)
    typed = shlex.split(line.removeprefix(told))
    assert typed == ["twofold", *words, f"--resume={path}"]
    again = [sys.executable, "-m", *typed]
    with subprocess.Popen(again, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        process.stdout.readline()
        told = process.stdout.readline()
        process.kill()
    assert told == f"going on from step {last.steps}, {last.epochs} of 100000 epochs being over\n"


def test_checkpoint_and_resume_together_start_or_go_on(capsys, tmp_path):
    for _ in range(2):
        code, out, err = run(capsys, "--epochs", 2, "--checkpoint", tmp_path, "--resume", tmp_path, "--keep", 1)
        assert (code, err) == (0, "")
    assert "going on from step 90" in out
    assert len(list(tmp_path.glob("*.safetensors"))) == 1


def test_auto_stays_the_engine_that_the_run_began_with(capsys, tmp_path, monkeypatch):
    run(capsys, "--epochs", 2, "--checkpoint", tmp_path)

    def refuse(*_, samples, **__):
        return pytest.fail("auto was asked") if samples else "scratch"  # of no samples, to check words

    monkeypatch.setattr("twofold.cli.job.choose", refuse)
    code, _, err = run(capsys, "--epochs", 3, "--resume", tmp_path, "--engine", "auto")
    assert (code, err) == (0, "")


def test_every_seconds_writes_within_an_epoch(capsys, tmp_path):
    run(capsys, "--epochs", 1, "--checkpoint", tmp_path, "--every-seconds", 1e-9, "--keep", 99)
    assert len(list(tmp_path.glob("*.safetensors"))) == 45


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--every", "2"], "--every, --every-seconds and --keep go with --checkpoint or --resume"),
        (["--resume", "{}/none"], "{}/none: no such folder; start with --checkpoint {}/none"),
        (["--resume", "{}"], "{}: holds no checkpoint; start with --checkpoint {}"),
        (["--checkpoint", "a", "--resume", "b"], "--checkpoint is a and --resume b; a run has one folder"),
        (["--checkpoint", "{}", "--every", "0"], "every is 0; it must be an integer of at least 1 epoch"),
        (["--checkpoint", "{}", "--every-seconds", "-1"], "every_seconds is -1.0; it must be positive"),
        (["--checkpoint", "{}", "--every", "1", "--every-seconds", "1"], "every and every_seconds are both given"),
        (["--checkpoint", "{}", "--keep", "0"], "keep is 0; it must be an integer of at least 1"),
        (["--checkpoint", "/proc/none"], "/proc/none: cannot be made: No such file or directory; choose a folder"),
    ],
)
def test_mistakes_end_in_one_line_before_anything_is_loaded(capsys, tmp_path, words, message, monkeypatch):
    monkeypatch.setattr("twofold.cli.job.load_dataset", lambda *_, **__: pytest.fail("data were loaded"))
    code, out, err = run(capsys, *(word.format(tmp_path) for word in words))
    assert (code, out) == (2, "")
    assert err.startswith(f"twofold: {message.format(tmp_path, tmp_path)}")
    assert len(err.splitlines()) == 1


def test_a_folder_in_use_or_of_another_run_is_refused(capsys, tmp_path):
    run(capsys, "--epochs", 1, "--checkpoint", tmp_path)
    code, _, err = run(capsys, "--epochs", 1, "--checkpoint", tmp_path)
    assert code == 2
    assert "holds checkpoints already, up to step 45; go on with --resume" in err
    code, _, err = run(capsys, "--epochs", 1, "--resume", tmp_path, "--learning-rate", "0.5", "--init", "he")
    assert code == 2
    assert "recipe.learning_rate is 0.5 now and was 0.001; init is 'he' now and was 'normal'" in err
    with CheckpointFolder(tmp_path):
        code, _, err = run(capsys, "--epochs", 1, "--resume", tmp_path)
        assert code == 2
        assert "another process trains with these checkpoints" in err


def test_another_run_is_refused_before_it_is_said_to_go_on(capsys, tmp_path):
    path = tmp_path / "run"
    run(capsys, "--epochs", 1, "--checkpoint", path)
    code, out, err = run(capsys, "--epochs", 2, "--activation", "tanh", "--resume", path)
    assert code == 2
    assert "going on" not in out
    assert "network.activation is 'tanh' now and was 'relu'" in err


def test_what_is_solved_in_one_pass_has_no_checkpoints(capsys, tmp_path, monkeypatch):
    (tmp_path / "a.csv").write_text("x,y\n1,2\n2,3\n3,5\n")
    monkeypatch.setattr("twofold.cli.table.MAX_BYTES_IN_MEMORY", 0)
    words = ["train", "linear", str(tmp_path / "a.csv"), "--target", "y", "--checkpoint", str(tmp_path / "run")]
    assert main(words) == 2
    assert (
        "is solved in one pass and has no checkpoints; leave --checkpoint and --resume out" in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("train mlp --checkpoint a b.csv", "twofold train mlp --resume a b.csv"),
        ("train mlp --checkpoint=a", "twofold train mlp --resume=a"),
        ("train mlp --checkpoint a --resume a", "twofold train mlp --checkpoint a --resume a"),
    ],
)
def test_the_command_to_go_on_is_the_one_that_was_given(words, expected):
    assert how_to_go_on(words.split()) == expected


def test_two_processes_on_one_folder_the_second_is_refused(tmp_path):
    command = [
        sys.executable,
        "-m",
        "twofold",
        *WORDS,
        "--epochs",
        "100000",
        "--checkpoint",
        tmp_path,
        "--resume",
        tmp_path,
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as first:
        while not first.stdout.readline().startswith("epoch 1/"):
            time.sleep(0)
        second = subprocess.run(command, capture_output=True, text=True, check=False)
        first.kill()
    assert second.returncode == 2
    assert second.stderr == (
        f"twofold: {tmp_path}: another process trains with these checkpoints; let it end, or choose another folder\n"
    )


def test_a_time_budget_ends_a_training_and_the_next_one_goes_on(capsys, tmp_path):
    code, out, _ = run(capsys, "--epochs", 10**6, "--time-budget", 0.2, "--checkpoint", tmp_path / "run")
    assert code == 0
    assert re.search(r"the time budget is used up, \d+ samples into epoch \d+", out)
    steps = re.escape(max(path.stem for path in (tmp_path / "run").glob("step-*"))[5:].lstrip("0"))
    _, out, _ = run(capsys, "--epochs", 10**6, "--time-budget", 0.1, "--resume", tmp_path / "run")
    assert re.search(rf"going on from step {steps}, \d+ of 1000000 epochs being over", out)


def test_a_budget_for_less_than_an_epoch_still_leaves_a_model(capsys, tmp_path):
    code, _, err = run(capsys, "--time-budget", 1e-6, "--save", tmp_path / "model", "--report", tmp_path / "a.html")
    assert (code, err) == (0, "")
    assert (tmp_path / "model").exists()
    assert run(capsys, "--time-budget", 0)[2] == (
        "twofold: the time budget is 0.0; it must be a positive number of seconds\n"
    )
