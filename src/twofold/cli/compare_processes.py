"""``twofold compare --processes 1,2,4``: the same training in so many processes, and the sums of their files."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from twofold.cli.job import Job
from twofold.cli.options import Hardware
from twofold.cli.repeat_command import repeat_command
from twofold.cli.screen import Screen
from twofold.errors import SpecificationError


def compare_processes(screen: Screen, job: Job, hardware: Hardware, counts: str) -> dict[str, Any]:
    """Train by ``torchrun`` in each number of processes, print seconds and sums, and return them for JSON.

    Parameters
    ----------
    screen : Screen
    job : Job
    hardware : Hardware
    counts : str
        Such as ``"1,2,4"``.

    Raises
    ------
    SpecificationError
        If these are no numbers of processes, or a training ends in a mistake.
    """
    numbers = _read_counts(counts, most=job.recipe.slices)
    command = shlex.split(repeat_command("train", job.options, job.recipe, hardware))[1:]
    found = []
    with TemporaryDirectory() as folder:
        for number in numbers:
            place, started = Path(folder) / f"{number}.safetensors", time.perf_counter()
            _train(number, [*command, "--save", str(place)])
            found.append((number, time.perf_counter() - started, sha256(place.read_bytes()).hexdigest()))
    rows = [(str(number), f"{seconds:.1f} s", total[:32]) for number, seconds, total in found]
    screen.table("the model's file", ("processes", "whole command", "SHA-256, its beginning"), rows)
    same = len({total for _, _, total in found}) == 1
    screen.say("the files are the same, byte for byte" if same else "the files differ")
    runs = [{"processes": number, "seconds": seconds, "sha256": total} for number, seconds, total in found]
    return {"runs": runs, "same": same}


def _read_counts(text: str, *, most: int) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and 1 <= int(part) <= most for part in parts):
        raise SpecificationError(f"--processes is {text!r}; expected numbers from 1 to {most}, which is --slices")
    return [int(part) for part in parts]


def _train(processes: int, words: list[str]) -> None:
    """Run ``twofold train`` in so many processes of one thread each."""
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(processes), "-m", "twofold"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}  # said here, so that torchrun doesn't warn of it
    ended = subprocess.run(  # noqa: S603 - our own program, and words that were checked
        [*launch, *words], env=environment, capture_output=True, text=True, check=False
    )
    if ended.returncode:
        ours = [line for line in ended.stderr.splitlines() if line.startswith("twofold: ")]
        why = ours[0].removeprefix("twofold: ") if ours else f"exit code {ended.returncode}"
        raise SpecificationError(f"with --nproc-per-node {processes}: {why}")
