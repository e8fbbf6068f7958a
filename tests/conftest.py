"""Fixtures: real data where it is, small nets and sets everywhere."""

from __future__ import annotations

import importlib.util
import os
import signal
from collections.abc import Iterator
from pathlib import Path

if "PYTEST_XDIST_WORKER" in os.environ:  # tests run in several processes: each computes in one thread
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")  # read when NumPy and PyTorch are imported, below

import pytest
from hypothesis import settings

from twofold import Dataset, Network, load_dataset

HAS_TORCH = importlib.util.find_spec("torch") is not None
HAS_DASK = importlib.util.find_spec("dask") is not None
needs_dask = pytest.mark.skipif(not HAS_DASK, reason="Dask is not installed: pip install 'twofold[dask]'")
needs_torch = pytest.mark.skipif(not HAS_TORCH, reason="PyTorch is not installed: pip install 'twofold[torch]'")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put last what needs machine code, and skip what needs PyTorch or Dask where they are not installed."""
    machine_code = ("compiled", "Numba", "numba_head", "takes_the_head")
    items.sort(key=lambda item: any(word in item.nodeid for word in machine_code))  # `compile_ahead.py` is at work
    for item in items:
        if "twofold/dask/" in item.nodeid:
            item.add_marker(needs_dask)
        if item.get_closest_marker("torch"):
            item.add_marker(needs_torch)


# A shell that starts the tests in the background hands them a Ctrl-C that is ignored, and so to every process of theirs;
# the tests of interrupted runs mean one that isn't.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# CI draws the same examples each time: a change should not be refused for a case that it didn't cause.
settings.register_profile("ci", derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")


@pytest.fixture(scope="session")
def fashion() -> Dataset:
    """The real Fashion-MNIST, from the folder that TWOFOLD_DATA names."""
    folder = os.environ.get("TWOFOLD_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("TWOFOLD_DATA names no folder with Fashion-MNIST")
    return load_dataset("fashion-mnist")


@pytest.fixture(scope="session")
def animals() -> Dataset:
    return load_dataset("toy-animals")


@pytest.fixture
def usual_machine_code() -> Iterator[None]:
    """Afterwards machine code knows the usual functions alone, whose code is on the disk for other tests."""
    yield
    from twofold.engines import numba as loops

    loops.holds = lambda *_: False
    loops.take_up(Network((2, 2)))  # which makes it anew, and `holds` too


@pytest.fixture
def no_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No image sets anywhere: an empty cache and no TWOFOLD_DATA."""
    monkeypatch.delenv("TWOFOLD_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path
