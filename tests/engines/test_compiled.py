"""The compiled engine where it goes ways of its own; that it is in lockstep is for test_parity.py."""

from __future__ import annotations

import copy
import os
import pickle
import shutil
import subprocess
import sys
import threading
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from helpers import assert_same_state, assert_same_steps, random_dataset
from twofold import Network, Recipe, open_engine, train
from twofold.engines import numba as loops
from twofold.engines.choice import MAX_NARROW_OUTPUTS
from twofold.engines.compiled import is_shallow
from twofold.engines.numba import entry, jit
from twofold.engines.numba.layers import MAX_CACHED_PRODUCT, multiply
from twofold.errors import DataError, DivergedError
from twofold.functions import LOSSES
from twofold.network import distance, largest


def both(network, X, y, weight=None, *, dtype="float64", steps=3, **recipe):
    """Train by scratch and by compiled on whole sets; return the engines."""
    engines = [open_engine(name, network, initialization="he", dtype=dtype) for name in ("scratch", "compiled")]
    for engine in engines:
        engine.load(X, y, weight)
        engine.start(Recipe(**recipe))
        for _ in range(steps):
            engine.step(np.arange(len(X)), 0.1)
    return engines


@pytest.mark.parametrize("n", [1, 2, 7, 8, 63, loops.ROWS, loops.ROWS + 1, 3 * loops.ROWS + 9])
@pytest.mark.parametrize("q", [2, 3, MAX_NARROW_OUTPUTS, MAX_NARROW_OUTPUTS + 1])
def test_networks_without_hidden_layers_agree_at_every_size(q, n):
    rng = np.random.default_rng(n + q)
    X, y = rng.standard_normal((n, 19)), rng.integers(q, size=n)
    assert is_shallow(Network((19, q))) == (q <= MAX_NARROW_OUTPUTS)
    assert_same_steps(both(Network((19, q)), X, y, rng.random(n)))


@pytest.mark.slow
@pytest.mark.parametrize("widths", [(20, 4), (20, 6, 4)])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-5)])
def test_image_bytes_stand_for_numbers_from_0_to_1(dtype, tolerance, widths):
    rng = np.random.default_rng(0)
    X, y = rng.integers(256, size=(150, 20), dtype=np.uint8), rng.integers(4, size=150)
    assert_same_steps(both(Network(widths), X, y, dtype=dtype), tolerance)


@pytest.mark.parametrize("widths", [(30, 100, 120, 5), (3, 17, 40, 20)])
def test_products_that_go_to_blas_agree_with_those_that_do_not(widths):
    data = random_dataset(Network(widths), 200)
    assert 200 * widths[2] > MAX_CACHED_PRODUCT or widths[0] == 3
    assert_same_steps(both(Network(widths), data.train.X, data.train.y, optimizer="adam"))


@pytest.mark.parametrize("shape", [(1, 1, 16), (5, 7, 16), (5, 8, 33), (4, 21, 64), (130, 9, 130)])
@pytest.mark.parametrize("turned", [False, True])
def test_a_product_is_the_product(turned, shape):
    rng = np.random.default_rng(0)
    n, inner, columns = shape
    A = rng.standard_normal((inner, n)).T if turned else rng.standard_normal((n, inner))
    B, C = rng.standard_normal((inner, columns)), np.empty((n, columns))
    multiply(A, B, C)
    np.testing.assert_allclose(C, A @ B, rtol=0, atol=1e-13)


@pytest.mark.parametrize("widths", [(4, 3), (4, 5, 3)])
@pytest.mark.parametrize("loss", [name for name, loss in LOSSES.items() if loss.targets.compete])
def test_large_outputs_do_not_overflow(loss, widths):
    network = Network(widths, loss=loss)
    rng = np.random.default_rng(0)
    X, y = 1e4 * rng.standard_normal((30, 4)), rng.integers(3, size=30)
    engines = both(network, X, y, steps=1)
    assert np.isfinite(largest(engines[1].parameters()))
    assert_same_steps(engines)


@pytest.mark.parametrize("widths", [(4, 3), (4, 5, 3)])
def test_samples_without_weight_change_nothing(widths):
    rng = np.random.default_rng(0)
    weight = np.repeat([1.0, 0.0], 10)
    _, engine = both(Network(widths), rng.standard_normal((20, 4)), rng.integers(3, size=20), weight, steps=0)
    before = engine.parameters()
    engine.step(np.arange(10, 20), 0.1)
    assert distance(before, engine.parameters()) == 0


@pytest.mark.parametrize("widths", [(4, 1), (4, 5, 1)])
def test_a_run_that_diverges_is_told_so(widths):
    network = Network(widths, loss="squared")
    with pytest.raises(DivergedError, match="training diverged in epoch"):
        list(train(open_engine("compiled", network), random_dataset(network, 40), Recipe(epochs=50, learning_rate=1e9)))


@pytest.mark.parametrize("activation", ["relu", "identity", "silu"])
def test_what_is_not_a_number_stays_none(activation):
    engine = open_engine("compiled", Network((1, 3, 1), activation, "squared"), dtype="float64")
    engine.load(np.full((4, 1), 1e300), np.zeros((4, 1)))
    engine.start(Recipe())
    for _ in range(4):
        engine.step(np.arange(4), 1e300)
    assert not np.isfinite(largest(engine.parameters()))


def test_a_sparse_matrix_is_refused():
    engine = open_engine("compiled", Network((3, 2)))
    with pytest.raises(DataError, match="X is sparse, which the compiled engine doesn't take; scratch does"):
        engine.load(sparse.csr_array(np.eye(3)), np.array([0, 1, 1]))


def test_several_threads_train_at_once_and_alike():
    network = Network((784, 10))
    data, results = random_dataset(network, 500), []

    def run():
        engine = open_engine("compiled", network)
        list(train(engine, data, Recipe(epochs=3, batch_size=100)))
        results.append(engine.parameters())

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    assert all(distance(results[0], other) == 0 for other in results)


PYTHON = """
import sys
import numpy as np
from twofold import Network, Recipe, open_engine
from twofold.network import distance
rng = np.random.default_rng(0)
for widths in ((9, 3), (9, 20, 3)):
    network = Network(widths, normalization="batch" if len(widths) > 2 else None)
    found = []
    for name, options in (("scratch", {}), (sys.argv[1], {"head": "numba"} if sys.argv[1] == "fused" else {})):
        engine = open_engine(name, network, initialization="he", dtype="float64", **options)
        engine.load(np.arange(90).reshape(10, 9) % 7 / 7, np.arange(10) % 3)
        engine.start(Recipe(optimizer="adam", clip_norm=0.1, label_smoothing=0.1))
        for _ in range(3):
            engine.step(np.arange(10), 0.1)
        found.append(engine.parameters())
    print(distance(*found) < 1e-12)
"""


@pytest.mark.parametrize("name", ["compiled", pytest.param("fused", marks=[pytest.mark.torch, pytest.mark.slow])])
def test_the_loops_are_python_for_those_who_want_to_follow_them(name):
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    words = [sys.executable, "-c", PYTHON, name]
    result = subprocess.run(words, capture_output=True, text=True, check=True, env=environment)
    assert result.stdout.split() == ["True", "True"]


OWN = """
from twofold.engines.numba.entry import Entry

@Entry
def twice(x):
    return 2 * x

print("ready", flush=True)
input()
twice.prepare(3)
print(twice.run.stats.cache_path, len(twice.run.stats.cache_hits), len(twice.run.stats.cache_misses))
"""


def fresh(folder, processes=1):
    """Compile a function at the same time in so many processes; return where each looked, and whether it was there."""
    (folder / "own.py").write_text(OWN)
    environment = os.environ | {"NUMBA_CACHE_DIR": str(folder)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": environment}
    running = [subprocess.Popen([sys.executable, folder / "own.py"], **pipes) for _ in range(processes)]
    assert [process.stdout.readline() for process in running] == ["ready\n"] * processes
    for process in running:
        print(file=process.stdin, flush=True)
    found = [process.communicate()[0].split() for process in running]
    return sorted((Path(place), int(hits), int(misses)) for place, hits, misses in found)


@pytest.mark.slow
def test_of_several_processes_one_compiles_and_the_others_wait(tmp_path):
    assert [found[1:] for found in fresh(tmp_path, processes=3)] == [(0, 1), (1, 0), (1, 0)]


@pytest.mark.slow
def test_machine_code_is_kept_on_disk_and_replaced_when_damaged(tmp_path):
    ((place, *counts),) = fresh(tmp_path)
    assert tmp_path in place.parents
    assert counts == [0, 1]
    assert fresh(tmp_path) == [(place, 1, 0)]
    for damaged, kept in (("*.nbc", 100), ("*", 0)):
        for path in place.glob(damaged):
            path.write_bytes(path.read_bytes()[:kept])
        assert fresh(tmp_path) == [(place, 0, 1)]
        assert fresh(tmp_path) == [(place, 1, 0)]


def test_a_copy_of_an_engine_has_its_machine_code():
    engine = open_engine("compiled", Network((2, 2)))
    engine.load(np.eye(2), np.array([0, 1]))
    signatures = len(engine._entries[0].run.signatures)
    for other in (copy.deepcopy(engine), pickle.loads(pickle.dumps(engine))):  # noqa: S301 - our own
        other.step(np.arange(2), 0.1)
        assert other._entries[0] is engine._entries[0]
        assert len(engine._entries[0].run.signatures) == signatures


def test_other_sources_have_machine_code_of_their_own(monkeypatch, tmp_path):
    monkeypatch.setattr(jit.config, "CACHE_DIR", str(tmp_path))
    first = entry.code_folder()
    monkeypatch.setattr(entry, "sources", lambda: "others")
    second = entry.code_folder()
    assert first.parent == second.parent == tmp_path
    assert first != second


def test_a_sum_of_the_sources_changes_with_any_of_them(monkeypatch, tmp_path):
    before = entry.sources()
    files = tmp_path / "numba"
    shutil.copytree(str(resources.files("twofold.engines.numba")), files)
    monkeypatch.setattr(entry.resources, "files", {"twofold.engines.numba": files}.get)
    assert entry.sources() == before
    with (files / "layers.py").open("a") as file:
        file.write("# changed")
    changed = entry.sources()
    monkeypatch.setattr(entry, "EPSILON", 1e-3)
    assert len({before, changed, entry.sources()}) == 3


def test_without_a_folder_to_write_to_it_compiles_in_each_process(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setattr(jit.config, "CACHE_DIR", str(tmp_path / "file"))
    assert entry.code_folder() is None

    def twice(x):
        return 2 * x

    made = entry.Entry(twice)
    made.prepare(3)
    assert made.run(3) == 6


@pytest.mark.parametrize("widths", [(3, 2), (3, 4, 2)])
@pytest.mark.parametrize(
    ("indices", "says"),
    [
        ([0, 40], "indices are .*; expected some from 0 to 39"),
        ([-1, 0], "expected some from 0 to 39"),
        ([10**12], "expected some from 0 to 39"),
        ([], "indices have dtype float64; expected whole numbers"),
        ([0.7, 1.2], "indices have dtype float64"),
        ([True, False], "indices have dtype bool"),
    ],
)
def test_indices_out_of_range_are_refused_and_change_nothing(indices, says, widths):
    _, engine = both(Network(widths), np.ones((40, 3)), np.zeros(40, int), steps=0)
    before = engine.state()
    with pytest.raises(IndexError, match=says):
        engine.step(np.array(indices), 0.1)
    with pytest.raises(IndexError):
        engine.step(np.empty(0, np.int64), 0.1)
    assert_same_state(before, engine.state())


def test_data_and_indices_of_another_make_need_no_other_machine_code():
    network = Network((5, 3))
    data = random_dataset(network, 40)
    engine = open_engine("compiled", network, dtype="float64")
    engine.load(data.train.X, data.train.y)
    engine.step(np.arange(8), 0.1)
    signatures = len(loops.shallow_step.run.signatures)
    fixed, indices = data.train.X.copy(), np.arange(8)
    for array in (fixed, indices):
        array.flags.writeable = False
    for X in (fixed, np.asfortranarray(fixed), np.ones((80, 5))[::2]):
        engine.load(X, data.train.y, np.ones(40))
        for rows in (indices, np.arange(16)[::2], np.arange(8, dtype=np.int32)):
            engine.step(rows, np.float32(0.1))
    assert len(loops.shallow_step.run.signatures) == signatures


@pytest.mark.parametrize("widths", [(4, 3), (4, 5, 3)])
def test_the_smallest_weights_that_there_are_count(widths):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((20, 4)), rng.integers(3, size=20)
    engines = both(Network(widths), X, y, np.full(20, 1e-310))
    assert distance(*(engine.parameters() for engine in engines)) <= 1e-12


def test_a_diverging_normalised_run_warns_of_nothing_else():
    network = Network((6, 8, 1), "silu", "huber", normalization="batch")
    data = random_dataset(network, 40)
    data.train.y[:] *= 1e3
    with pytest.raises(DivergedError):
        list(
            train(
                open_engine("compiled", network, dtype="float64"),
                data,
                Recipe(epochs=50, batch_size=10, learning_rate=1e30),
            )
        )


def test_a_number_of_threads_is_told_to_the_products_of_the_loops_too():
    script = """
from twofold import Network, open_engine
from twofold.engines.threads import use_threads
import numpy as np
from threadpoolctl import threadpool_info
engine = open_engine("compiled", Network((3, 2, 2)))
use_threads(1)
engine.load(np.eye(3), np.array([0, 1, 1]))
engine.step(np.arange(3), 0.1)
print({pool["num_threads"] for pool in threadpool_info()})
"""
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout == "{1}\n"


@pytest.mark.slow
def test_the_process_that_compiles_and_those_after_it_take_the_same_steps(tmp_path):
    """Where a function is not a part of its caller's code, the process that compiled it runs another copy of it."""
    script = """
from hashlib import sha256
from helpers import random_dataset
from twofold import Network, Recipe, open_engine, train
for normalization in ("layer", "batch", None):
    network = Network((9, 300, 300, 3), normalization=normalization)
    engine = open_engine("compiled", network, dtype="float64", initialization="he")
    list(train(engine, random_dataset(network, 192), Recipe(epochs=2, batch_size=64, learning_rate=0.01)))
    numbers = b"".join(array.tobytes() for layer in engine.parameters() for array in layer.arrays.values())
    print(normalization, sha256(numbers).hexdigest())
"""
    own = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[1])}
    first, second = (
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=own).stdout
        for _ in range(2)
    )
    assert first == second
    assert len(set(first.splitlines())) == 3
