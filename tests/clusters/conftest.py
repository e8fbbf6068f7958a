"""A real cluster of processes on this machine, and tables dealt out to files and partitions."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest


def pytest_collection_modifyitems(items):
    """Let pass what Dask itself does that pandas will drop."""
    for item in items:
        if "tests/clusters/" in item.nodeid:
            ignored = "ignore:The inplace keyword in DataFrame:DeprecationWarning"
            item.add_marker(pytest.mark.filterwarnings(ignored))


@pytest.fixture(scope="module")
def cluster():
    """Two worker processes of one thread each; what is computed meanwhile is computed there."""
    import distributed

    before = dict(os.environ)  # to which Dask adds what its workers' memory and threads are to be like
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0", silence_logs=50
        ) as found,
        distributed.Client(found) as client,
    ):
        yield client
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def here():
    """All partitions in this thread, one after the other."""
    import dask

    with dask.config.set(scheduler="synchronous"):
        yield


@pytest.fixture
def deal(tmp_path):
    """Deal a table's rows out to Parquet files at random, some of them empty, and read the folder."""
    import dask.dataframe as dd

    def dealt(frame, files=5, seed=0, columns=None):
        random = np.random.default_rng(seed)
        hands = random.integers(0, files, len(frame))
        hands[hands == 1] = 0  # nobody has the second one
        folder = tmp_path / f"dealt-{seed}-{files}"
        folder.mkdir()
        for hand in range(files):
            rows = random.permutation(np.flatnonzero(hands == hand))
            frame.iloc[rows].to_parquet(folder / f"part-{hand}.parquet", index=False)
        return dd.read_parquet(folder, columns=columns)

    return dealt


@pytest.fixture
def losing_a_worker(tmp_path):
    """Compute something of a table whose partitions take a while, and kill the worker that has the first of them."""
    import dask.dataframe as dd

    def computed(frame, compute, parts=6):
        note, pieces = tmp_path / "pid", np.array_split(np.arange(len(frame)), parts)

        def load(k):
            if not note.exists():  # the first to come waits to be killed
                note.write_text(str(os.getpid()))
                time.sleep(60)
            time.sleep(0.05)
            return frame.iloc[pieces[k]]

        ddf = dd.from_map(load, range(parts), meta=frame.iloc[:0])
        with ThreadPoolExecutor(1) as pool:
            found = pool.submit(compute, ddf)
            _kill(note)
            return found.result(timeout=60)

    return computed


def _kill(note: Path) -> None:
    """Kill the process whose number is written there, once it is."""
    deadline = time.monotonic() + 30
    while not (note.exists() and note.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(int(note.read_text()), signal.SIGKILL)
