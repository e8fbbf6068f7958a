"""Processes under torchrun: one model to the bit, whoever dies on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from hashlib import sha256
from itertools import product

import pytest

import process_matrix
from twofold import connect
from twofold.cli import main
from twofold.errors import SpecificationError

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
TRAIN = ["-m", "twofold", "train", "mlp", "--data", "digits", "--slices", "8", "--engine", "scratch"]


def torchrun(processes, words, **options):
    """Start a program with torchrun."""
    launch = ["-m", "torch.distributed.run", "--nproc-per-node", str(processes)]
    command = [sys.executable, *launch, *words]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, env=os.environ | ONE_THREAD, **streams, **options)


def lines_of(process, starts=("twofold:", "going on")):
    """Wait for the end, and return what we print."""
    output, _ = process.communicate(timeout=300)
    return [line for line in output.splitlines() if line.startswith(starts)]


def workers(folder):
    """Return the processes whose working folder this is, by rank."""
    found = {}
    for place in os.listdir("/proc"):
        try:
            if place.isdigit() and os.readlink(f"/proc/{place}/cwd") == str(folder):
                with open(f"/proc/{place}/environ", encoding="utf-8") as words:
                    environment = dict(word.split("=", 1) for word in words.read().split("\0") if "=" in word)
                found[int(environment["RANK"])] = int(place)
        except (OSError, KeyError):
            continue
    return found


def wait_for(folder, what, seconds=120):
    """Wait until there are files of this name."""
    end = time.monotonic() + seconds
    while not list(folder.glob(what)):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_without_torchrun_there_is_one_process(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with connect() as processes:
        assert (processes.rank, processes.size, processes.share(lambda: 5)) == (0, 1, 5)


@pytest.mark.parametrize("seconds", [0, -1, float("inf"), float("nan"), "30"])
def test_one_waits_for_a_number_of_seconds(seconds):
    with pytest.raises(SpecificationError, match="it must be a positive number"):
        connect(seconds=seconds)


def test_torchrun_is_for_training(monkeypatch, capsys):
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert main(["demo"]) == 2
    assert capsys.readouterr().err == "twofold: torchrun starts several processes, which is for `twofold train`\n"


@pytest.mark.torch
@pytest.mark.slow
def test_the_numbers_are_the_same_for_each_number_of_processes(tmp_path):
    every = process_matrix.trainings()
    rows = {row["engine"]: place for place, row in reversed([*enumerate(every)])}.values()
    process_matrix.write_tables(tmp_path)
    told = [process_matrix.run(processes, sorted(rows), tmp_path) for processes in (1, 2, 3)]
    assert len(told[0]) == len(process_matrix.ENGINES)
    assert not [found for found in told[0].values() if found.startswith("refused")]
    assert told[1:] == told[:1] * 2


def test_every_pair_of_options_is_trained():
    every = process_matrix.trainings()
    pairs = {(row["optimizer"], row["engine"]) for row in every}
    assert pairs == {*product(process_matrix.OPTIONS["optimizer"], process_matrix.ENGINES)}
    assert {row["loss"] for row in every} >= {"quantile:0.9", "poisson", "gamma", "cross_entropy"}


@pytest.mark.torch
@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="finds its processes in /proc")
class TestLost:
    """A process is killed in the middle."""

    def sum_of_whole_run(self, folder, epochs):
        place = folder / "whole.safetensors"
        words = [sys.executable, *TRAIN, "--epochs", str(epochs), "--save", str(place)]
        subprocess.run(words, env=os.environ | ONE_THREAD, check=True, stdout=subprocess.DEVNULL)
        return sha256(place.read_bytes()).hexdigest()

    @pytest.mark.parametrize("rank", [0, 1])
    def test_the_others_stop_with_one_line_and_any_number_goes_on(self, tmp_path, rank):
        words = ["--checkpoint", "run", "--every-seconds", "0.2", "--save", "model.safetensors"]
        process = torchrun(2, [*TRAIN, "--epochs", "400", *words], cwd=tmp_path)
        wait_for(tmp_path, "run/step-*.safetensors")
        os.kill(workers(tmp_path)[rank], signal.SIGKILL)
        killed = time.monotonic()
        (line,) = [line for line in lines_of(process) if line.startswith("twofold:")]
        assert time.monotonic() - killed < 30
        assert line.startswith("twofold: one of 2 processes is gone, or was silent for 30 s; the others stop (process")
        assert "; go on with: torchrun --nproc-per-node N -m twofold train mlp" in line
        assert line.endswith("--resume run --every-seconds 0.2 --save model.safetensors")

    def test_torchrun_starts_it_again_and_the_file_is_the_same(self, tmp_path):
        launch = ["--max-restarts", "1", *TRAIN, "--epochs", "12"]
        process = torchrun(2, [*launch, "--checkpoint", "run", "--save", "model.safetensors"], cwd=tmp_path)
        wait_for(tmp_path, "run/step-*.safetensors")
        os.kill(workers(tmp_path)[1], signal.SIGKILL)
        told = lines_of(process)
        assert any(line.startswith("going on from step") for line in told)
        found = sha256((tmp_path / "model.safetensors").read_bytes()).hexdigest()
        assert found == self.sum_of_whole_run(tmp_path, 12)

    def test_a_signal_on_any_writes_one_checkpoint_and_one_process_goes_on(self, tmp_path):
        words = [*TRAIN, "--epochs", "60", "--save", "model.safetensors"]
        process = torchrun(2, [*words, "--checkpoint", "run"], cwd=tmp_path)
        wait_for(tmp_path, "run/step-*.safetensors")
        os.kill(workers(tmp_path)[1], signal.SIGTERM)
        (line,) = [line for line in lines_of(process) if line.startswith("twofold:")]
        assert line.startswith("twofold: stopped by SIGTERM; the newest checkpoint in run is after step ")
        assert not (tmp_path / "model.safetensors").exists()
        alone = [sys.executable, *words, "--resume", "run"]
        subprocess.run(alone, cwd=tmp_path, env=os.environ | ONE_THREAD, check=True, stdout=subprocess.DEVNULL)
        found = sha256((tmp_path / "model.safetensors").read_bytes()).hexdigest()
        assert found == self.sum_of_whole_run(tmp_path, 60)


@pytest.mark.torch
@pytest.mark.slow
def test_compare_shows_the_sums(capsys):
    words = ["compare", "softmax", "--data", "toy-animals", "--epochs", "2", "--slices", "4", "--processes", "1,2"]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "the files are the same, byte for byte" in out


@pytest.mark.torch
@pytest.mark.parametrize("counts", ["", "0", "1,5", "two", "1,,2", "-1", "²"])
def test_compare_takes_numbers_of_processes(capsys, counts):
    words = ["compare", "softmax", "--data", "toy-animals", "--slices", "4", "--processes", counts]
    assert main(words) == 2
    message = f"twofold: --processes is {counts!r}; expected numbers from 1 to 4, which is --slices\n"
    assert capsys.readouterr().err == message
