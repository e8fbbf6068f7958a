"""A folder of checkpoints: numbered, proved before an older one goes, one process at a time; faults planted one by one."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from helpers import assert_same_state, random_dataset
from twofold import CheckpointFolder, Network, Recipe, open_engine, train
from twofold.checkpoints import Checkpoint
from twofold.checkpoints.file import read_checkpoint, write_checkpoint
from twofold.checkpoints.lock import LOCK
from twofold.early_stopping import BestEpoch
from twofold.errors import CheckpointError, FileFormatError, NewerFormatError, SpecificationError
from twofold.tensor_file import read_tensors, write_tensors

NETWORK = Network((4, 3, 2), activation="tanh")
RECIPE = Recipe(epochs=2, batch_size=25, optimizer="adam")


@pytest.fixture(scope="module")
def checkpoint():
    engine, data = open_engine("scratch", NETWORK), random_dataset(NETWORK)
    history = tuple(train(engine, data, RECIPE))
    best = BestEpoch(patience=3)
    best.see(engine, 1, 0.5)
    return Checkpoint(NETWORK, RECIPE, {"train": "a" * 64}, {}, "float32", engine.state(), history, 50, 0.25, best)


def at(checkpoint, steps):
    return replace(checkpoint, state=replace(checkpoint.state, steps=steps))


def numbers(folder):
    return [int(file.stem[5:]) for file in folder.files()]


def names(path):
    return sorted(entry.name for entry in path.iterdir() if entry.name != LOCK)


def test_a_checkpoint_comes_back_whole(tmp_path, checkpoint):
    write_checkpoint(tmp_path / "a", checkpoint)
    back = read_checkpoint(tmp_path / "a")
    assert_same_state(back.state, checkpoint.state)
    assert back.history == checkpoint.history
    for layer, other in zip(back.best.parameters, checkpoint.best.parameters, strict=True):
        np.testing.assert_array_equal(layer.W, other.W, strict=True)
    cleared = {"state": None, "best": None}
    assert replace(back, **cleared) == replace(checkpoint, **cleared)
    best = replace(checkpoint.best, parameters=None)
    assert replace(back.best, parameters=None) == best


def test_the_newest_few_are_kept_by_their_steps_whatever_the_clock_says(tmp_path, checkpoint):
    with CheckpointFolder(tmp_path / "new" / "folder", keep=2) as folder:
        for steps in (5, 20, 100, 101):
            path = folder.save(at(checkpoint, steps))
            os.utime(path, (10**9 - steps, 10**9 - steps))  # each is older than the one before it
        assert numbers(folder) == [100, 101]
        assert folder.latest().steps == 101
    assert names(tmp_path / "new" / "folder") == ["step-000000000100.safetensors", "step-000000000101.safetensors"]


def test_one_is_enough_to_keep(tmp_path, checkpoint):
    with CheckpointFolder(tmp_path, keep=1) as folder:
        for steps in (5, 20):
            folder.save(at(checkpoint, steps))
        assert numbers(folder) == [20]


@pytest.mark.parametrize("keep", [0, -1, 1.5, True, "3"])
def test_fewer_than_one_to_keep_is_refused(tmp_path, keep):
    with pytest.raises(SpecificationError, match=f"keep is {keep!r}; it must be an integer of at least 1"):
        CheckpointFolder(tmp_path, keep=keep)


def test_a_folder_that_is_not_entered_is_not_used(tmp_path, checkpoint):
    folder = CheckpointFolder(tmp_path)
    with pytest.raises(CheckpointError, match="is not open; use it as `with"):
        folder.latest()
    with pytest.raises(CheckpointError, match="is not open"):
        folder.save(checkpoint)
    with folder, pytest.raises(CheckpointError, match="is open already"):
        folder.__enter__()


def test_a_second_user_is_refused_and_may_come_after_the_first(tmp_path):
    with CheckpointFolder(tmp_path):
        with pytest.raises(CheckpointError) as error, CheckpointFolder(tmp_path):
            pass
        assert str(error.value) == (
            f"{tmp_path}: another process trains with these checkpoints; let it end, or choose another folder"
        )
    with CheckpointFolder(tmp_path):
        pass


def test_a_lock_goes_with_its_process_however_that_ends(tmp_path):
    script = f"""
import sys, time
from twofold import CheckpointFolder
with CheckpointFolder({str(tmp_path)!r}):
    print("locked", flush=True)
    time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "locked\n"
        with pytest.raises(CheckpointError, match="another process"), CheckpointFolder(tmp_path):
            pass
        process.kill()
        process.wait()
        with CheckpointFolder(tmp_path):
            pass
    assert names(tmp_path) == []


def test_what_a_killed_process_left_is_cleared_away_and_nothing_else(tmp_path, checkpoint):
    new = ".new-step-000000000007.safetensors"
    strays = {new, f".{new}.{'0' * 32}.part"}
    others = {".part", "notes.txt", "step-7.safetensors", ".new-step-1.safetensors", "a.part"}
    for name in strays | others:
        (tmp_path / name).write_bytes(b"half")
    with CheckpointFolder(tmp_path) as folder:
        assert set(names(tmp_path)) == others
        assert folder.latest() is None


def test_every_place_of_a_file_is_guarded(tmp_path, checkpoint):
    with CheckpointFolder(tmp_path) as folder:
        folder.save(at(checkpoint, 1))
        path = folder.save(at(checkpoint, 2))
        whole = path.read_bytes()
    rng = np.random.default_rng(0)
    places = {*range(160), *range(len(whole) - 40, len(whole)), *rng.integers(len(whole), size=400).tolist()}
    for place in sorted(places):
        spoilt = bytearray(whole)
        spoilt[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(spoilt)
        with pytest.raises(FileFormatError) as error:
            read_checkpoint(path)
        assert not isinstance(error.value, NewerFormatError), place
    for length in sorted(places):
        path.write_bytes(whole[:length])
        with pytest.raises(FileFormatError):
            read_checkpoint(path)


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty", "longer", "garbage"])
def test_a_damaged_newest_is_set_aside_and_the_one_before_it_taken(tmp_path, checkpoint, damage):
    with CheckpointFolder(tmp_path, keep=2) as folder:
        for steps in (1, 2):
            path = folder.save(at(checkpoint, steps))
        whole = path.read_bytes()
        spoilt = {
            "truncated": whole[: len(whole) // 2],
            "flipped": whole[:-9] + bytes([whole[-9] ^ 4]) + whole[-8:],
            "empty": b"",
            "longer": whole + b"\0",
            "garbage": b"\xff" * len(whole),
        }[damage]
        path.write_bytes(spoilt)
        with pytest.warns(UserWarning, match=f"{path}: .*; set aside, going back to the checkpoint before it"):
            assert folder.latest().steps == 1
        assert folder.latest().steps == 1  # said once
        assert names(tmp_path) == [f"step-{1:012d}.safetensors", f"step-{2:012d}.safetensors.damaged"]
        folder.save(at(checkpoint, 2))
        assert folder.latest().steps == 2


def test_a_folder_in_which_nothing_can_be_read_is_told_and_left_as_it_is(tmp_path, checkpoint):
    with CheckpointFolder(tmp_path) as folder:
        for steps in (1, 2):
            folder.save(at(checkpoint, steps)).write_bytes(b"")
        with pytest.raises(
            CheckpointError, match="none of its 2 checkpoints can be read; start anew in another folder"
        ):
            folder.latest()
        assert numbers(folder) == [1, 2]


def test_a_checkpoint_of_a_newer_version_is_not_taken_for_a_damaged_one(tmp_path, checkpoint, monkeypatch):
    with CheckpointFolder(tmp_path) as folder:
        folder.save(at(checkpoint, 1))
        path = folder.save(at(checkpoint, 2))
        arrays, words = read_tensors(path, kind="checkpoint", finite=False)
        words["recipe"]["telepathy"] = 1.0
        write_tensors(path, arrays, words, kind="checkpoint")
        with pytest.raises(NewerFormatError, match="has a field 'telepathy', which is not known here; upgrade twofold"):
            folder.latest()
        monkeypatch.setitem(__import__("twofold.tensor_file").tensor_file.SCHEMAS, "checkpoint", 2)
        write_tensors(path, arrays, words, kind="checkpoint")
        monkeypatch.undo()
        with pytest.raises(NewerFormatError, match="written by a newer twofold"):
            folder.latest()
        assert numbers(folder) == [1, 2]


def spoil(words, arrays, what):
    """Change one thing of a checkpoint's content; the file's sum will be right."""
    if what.startswith("-"):
        (words if what[1:] in words else arrays).pop(what[1:])
    elif what.startswith("word "):
        name, value = what[5:].split("=")
        words[name] = json.loads(value)
    else:
        name, value = what.split("=")
        arrays[name] = np.array(json.loads(value))


@pytest.mark.parametrize(
    "what",
    [
        *(f"-{name}" for name in ("network", "recipe", "data", "setting", "dtype", "steps", "samples", "seconds")),
        *("-best", "-environment", "-totals", "-parameters.0.W", "-parameters.1.b", "-best.value", "-history.loss"),
        *("word network=3", 'word recipe={"epochs": "2"}', 'word data={"train": 3}', "word steps=-1", "word steps=1.5"),
        *("word samples=true", 'word seconds="long"', 'word best={"patience": 0}', "word best=[]", "word setting=[]"),
        *("totals=[1.0]", "totals=1.0", "parameters.x.W=[1.0]", "parameters.7.W=[1.0]", "parameters.0.Q=[1.0]"),
        *("history.loss=[1.0]", "history.loss=1.0", "best.value=[1.0, 2.0]", "best.parameters.5.W=[[1.0]]"),
        *("word environment=3", "word dtype=3", "stranger=[1.0]", "memory.mean.0.W=[[1.0]]", "parameters.0.W=[1.0]"),
    ],
)
def test_a_file_with_the_right_sum_and_the_wrong_content_is_refused_in_one_line(tmp_path, checkpoint, what):
    write_checkpoint(tmp_path / "a", checkpoint)
    arrays, words = read_tensors(tmp_path / "a", kind="checkpoint", finite=False)
    spoil(words, arrays, what)
    write_tensors(tmp_path / "a", arrays, words, kind="checkpoint")
    with pytest.raises(FileFormatError, match="not a whole checkpoint: ") as error:
        read_checkpoint(tmp_path / "a")
    assert "\n" not in str(error.value)


def test_a_full_disk_leaves_the_checkpoints_that_are_there(tmp_path, checkpoint, monkeypatch):
    with CheckpointFolder(tmp_path, keep=1) as folder:
        folder.save(at(checkpoint, 1))

        def full(_number):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(CheckpointError, match="cannot be written: No space left on device; free some space"):
            folder.save(at(checkpoint, 2))
        monkeypatch.undo()
        assert names(tmp_path) == [f"step-{1:012d}.safetensors"]
        assert folder.latest().steps == 1


def test_a_disk_that_does_not_keep_what_is_written_is_noticed_before_an_older_checkpoint_goes(
    tmp_path, checkpoint, monkeypatch
):
    with CheckpointFolder(tmp_path, keep=1) as folder:
        folder.save(at(checkpoint, 1))

        def forgetful(path, what):
            write_checkpoint(path, what)
            path.write_bytes(path.read_bytes()[:-1] + b"?")

        monkeypatch.setattr("twofold.checkpoints.folder.write_checkpoint", forgetful)
        with pytest.raises(CheckpointError, match=r"cannot be written: .*SHA-256"):
            folder.save(at(checkpoint, 2))
        assert names(tmp_path) == [f"step-{1:012d}.safetensors"]


@pytest.mark.skipif(os.name != "posix", reason="another system's limits")
def test_a_quota_on_files_is_a_full_disk_too(tmp_path, checkpoint):
    write_checkpoint(tmp_path / "size", checkpoint)
    size = (tmp_path / "size").stat().st_size
    script = f"""
import resource, signal, sys
from twofold import CheckpointFolder
from twofold.checkpoints.file import read_checkpoint
from twofold.errors import CheckpointError
checkpoint = read_checkpoint({str(tmp_path / "size")!r})
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with CheckpointFolder({str(tmp_path / "folder")!r}) as folder:
    folder.save(checkpoint)
    resource.setrlimit(resource.RLIMIT_FSIZE, ({size // 2}, {size // 2}))
    try:
        folder.save(checkpoint)
    except CheckpointError as error:
        print(error)
    print(folder.latest().steps)
"""
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.splitlines()
    assert "cannot be written: File too large; free some space, or choose a folder you may write to" in out[0]
    assert out[1] == str(checkpoint.steps)
    assert names(tmp_path / "folder") == [f"step-{checkpoint.steps:012d}.safetensors"]


def as_nobody(*, then: str) -> str:
    """A script that gives up root's rights, which no folder's mode holds back."""
    return f"""
import os, sys
from twofold import CheckpointFolder
from twofold.errors import CheckpointError
import twofold.checkpoints.file
if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
{then}
"""


@pytest.mark.skipif(os.name != "posix", reason="another system's rights")
def test_a_folder_that_may_not_be_written_to_is_told_at_once(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir()
    for path in (tmp_path, *list(tmp_path.parents)[:-2]):
        if path.stat().st_uid == os.getuid():
            path.chmod(path.stat().st_mode | 0o011)
    closed.chmod(0o555)
    then = f"""
for path in ({str(closed)!r}, {str(closed / "new")!r}):
    try:
        CheckpointFolder(path).__enter__()
    except CheckpointError as error:
        print(error)
"""
    out = subprocess.run(
        [sys.executable, "-c", as_nobody(then=then)], capture_output=True, text=True, check=True
    ).stdout
    closed.chmod(0o755)
    assert out.splitlines() == [
        f"{closed}: cannot be written: Permission denied; choose a folder you may write to",
        f"{closed}/new: cannot be made: Permission denied; choose a folder you may write to",
    ]


def test_a_file_where_the_folder_should_be_is_told(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(CheckpointError, match="file: cannot be made: File exists"), CheckpointFolder(tmp_path / "file"):
        pass


def spoil_link(path):
    path.symlink_to(path.with_name("nowhere"))


@pytest.mark.skipif(os.name != "posix", reason="another system's files")
@pytest.mark.parametrize("spoil", [spoil_link, os.mkdir, os.mkfifo], ids=["dangling link", "folder", "pipe"])
def test_what_is_no_file_is_set_aside_and_the_checkpoint_before_it_taken(tmp_path, checkpoint, spoil):
    with CheckpointFolder(tmp_path) as folder:
        folder.save(at(checkpoint, 1))
        path = tmp_path / f"step-{2:012d}.safetensors"
        spoil(path)
        with pytest.warns(UserWarning, match=f"{path}: .*; set aside, going back to the checkpoint before it"):
            assert folder.latest().steps == 1
        assert folder.save(at(checkpoint, 2)) == path
        assert folder.latest().steps == 2


def test_a_checkpoint_that_may_not_be_read_is_passed_over_and_not_called_damaged(tmp_path, checkpoint, monkeypatch):
    with CheckpointFolder(tmp_path) as folder:
        for steps in (1, 2):
            path = folder.save(at(checkpoint, steps))

        def closed(this, *args, **more):
            if this == path:
                raise PermissionError(errno.EACCES, "Permission denied")
            return opened(this, *args, **more)

        opened = type(path).open
        monkeypatch.setattr(type(path), "open", closed)
        with pytest.warns(UserWarning, match="Permission denied.*; passed over, going back"):
            assert folder.latest().steps == 1
        assert numbers(folder) == [1, 2]


def test_a_lock_holds_when_its_file_is_deleted(tmp_path):
    with CheckpointFolder(tmp_path):
        (tmp_path / LOCK).unlink()
        with pytest.raises(CheckpointError, match="another process trains"), CheckpointFolder(tmp_path):
            pass
    with CheckpointFolder(tmp_path):
        pass


@pytest.mark.skipif(os.name != "posix", reason="another system's files")
def test_bytes_reach_the_disk_before_their_name_does_and_the_name_before_an_older_file_goes(
    tmp_path, checkpoint, monkeypatch
):
    done = []
    fsync, replace_, unlink = os.fsync, type(tmp_path).replace, type(tmp_path).unlink

    def note_flush(number):
        path = os.readlink(f"/proc/self/fd/{number}") if os.path.exists("/proc/self/fd") else "?"
        done.append(f"flush {'folder' if path == str(tmp_path) else 'file'}")
        fsync(number)

    def note_name(path, target):
        done.append(f"name {target.name}")
        return replace_(path, target)

    def note_removal(path, missing_ok=False):
        if path.exists():
            done.append(f"remove {path.name}")
        unlink(path, missing_ok=missing_ok)

    with CheckpointFolder(tmp_path, keep=1) as folder:
        folder.save(at(checkpoint, 1))
        monkeypatch.setattr(os, "fsync", note_flush)
        monkeypatch.setattr(type(tmp_path), "replace", note_name)
        monkeypatch.setattr(type(tmp_path), "unlink", note_removal)
        folder.save(at(checkpoint, 2))
        monkeypatch.undo()
    new, old = f"step-{2:012d}.safetensors", f"step-{1:012d}.safetensors"
    assert done == [
        *("flush file", f"name .new-{new}", "flush folder"),
        *(f"name {new}", "flush folder", f"remove {old}"),
    ]


def test_more_than_enough_are_thinned_out_when_the_folder_is_read(tmp_path, checkpoint):
    with CheckpointFolder(tmp_path, keep=9) as folder:
        for steps in (1, 2, 3, 4):
            folder.save(at(checkpoint, steps))
    with CheckpointFolder(tmp_path, keep=2) as folder:
        assert folder.latest().steps == 4
        assert numbers(folder) == [3, 4]


def test_a_stray_that_can_not_be_removed_is_told_and_the_lock_let_go(tmp_path):
    stray = tmp_path / ".new-step-000000000007.safetensors"
    stray.mkdir()  # a folder of that name can't be unlinked, even by root
    for _ in range(2):
        with (
            pytest.raises(CheckpointError, match=r"cannot be tidied up: .*; choose a folder"),
            CheckpointFolder(tmp_path),
        ):
            pass
    stray.rmdir()
    with CheckpointFolder(tmp_path):
        pass
