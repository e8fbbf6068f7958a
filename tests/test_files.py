"""Files: read whole, written all or nothing."""

import os

import pytest

from twofold import load_model
from twofold.data.idx import read_idx
from twofold.data.tables import open_table
from twofold.errors import DataError
from twofold.files import read_bytes, replacing
from twofold.tables.reading import read_table


def test_replacing_leaves_the_old_file_when_the_block_fails(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), replacing(path) as file:  # noqa: PT012 - the write is the point
        file.write(b"half")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_replacing_flushes_the_file_before_it_renames_and_the_folder_after(tmp_path, monkeypatch):
    path, events = tmp_path / "a", []
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda number: (events.append(path.exists()), fsync(number)))
    with replacing(path) as file:
        file.write(b"new")
    assert events == [False, True]
    assert path.read_bytes() == b"new"


def test_replacing_writes_through_a_symbolic_link(tmp_path):
    path, link = tmp_path / "a", tmp_path / "link"
    path.write_bytes(b"old")
    link.symlink_to(path)
    with replacing(link) as file:
        file.write(b"new")
    assert link.is_symlink()
    assert path.read_bytes() == b"new"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
@pytest.mark.parametrize("read", [read_bytes, read_idx, read_table, load_model, lambda path: open_table(path, "y")])
def test_a_pipe_is_refused_where_it_would_be_waited_for_for_ever(tmp_path, read):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="pipe: is a pipe, which may never end; save what comes out of it in a file"):
        read(tmp_path / "pipe")
