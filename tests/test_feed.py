"""Windows: an epoch's order in windows of blocks, and sets on disk that train to the bits of the same set in memory."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from helpers import each_engine, open_kind, threads_as_processes
from twofold import Checkpoints, Dataset, Network, Recipe, Samples, evaluate, open_engine, train
from twofold.data import data_hash
from twofold.data.stored import Stored
from twofold.engines.slices import slices_of
from twofold.randomness import epoch_order, epoch_windows

N, D = 1000, 5


@pytest.mark.parametrize("window", [1, 63, 64, 400, 999])
def test_windows_together_are_a_permutation_of_consecutive_blocks(window):
    windows = list(epoch_windows(3, 2, N, window))
    assert max(map(len, windows)) <= window
    assert sorted(np.concatenate(windows)) == list(range(N))
    size = max(1, window // 64)
    for rows in windows:
        assert len(np.unique(rows // size)) == -(-len(rows) // size)
    again, other = (np.concatenate(list(epoch_windows(3, epoch, N, window))) for epoch in (2, 3))
    np.testing.assert_array_equal(np.concatenate(windows), again)
    assert (again != other).any()


@pytest.mark.parametrize("window", [0, N, 2 * N])
def test_a_window_that_covers_the_set_has_the_ordinary_order(window):
    (rows,) = epoch_windows(3, 2, N, window)
    np.testing.assert_array_equal(rows, epoch_order(3, 2, N))


def data(weighted: bool = False) -> Dataset:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N + 300, D)).astype(np.float32)
    y = (X[:, 0] * X[:, 1] > 0).astype(np.int64)
    w = rng.uniform(0.5, 2, N + 300) if weighted else None
    parts = [slice(N), slice(N, None)]
    train, test = (Samples(X[part], y[part], None if w is None else w[part]) for part in parts)
    return Dataset("mine", train, test, classes=("a", "b"))


def on_disk(samples: Samples, path) -> Samples:
    """Write a set's records to a file and map them."""
    weighted = samples.sample_weight is not None
    kind = [("X", "<f4", (D,)), ("y", "u1"), *([("w", "<f8")] if weighted else [])]
    records = np.empty(len(samples), kind)
    records["X"], records["y"] = samples.X, samples.y
    if weighted:
        records["w"] = samples.sample_weight
    records.tofile(path)
    mapped = np.memmap(path, records.dtype, mode="r")
    X = Stored(mapped, lambda rows: rows["X"], (D,), np.dtype("f4"))
    y = Stored(mapped, lambda rows: rows["y"].astype(np.int64), (), np.dtype("i8"))
    return Samples(X, y, Stored(mapped, lambda rows: rows["w"], (), np.dtype("f8")) if weighted else None)


def trained(set_: Dataset, recipe: Recipe, name: str = "scratch", *callbacks, **more) -> tuple:
    network = Network((D, 8, 2), dropout=0.1)
    engine = open_kind(name, network, dtype="float32", seed=1)
    records = [replace(epoch, seconds=0.0) for epoch in train(engine, set_, recipe, callbacks, **more)]
    return [array.tobytes() for layer in engine.parameters() for array in layer], records


def assert_same_on_disk(tmp_path, name: str, recipe: Recipe, *, weighted: bool = False) -> None:
    there = data(weighted)
    stored = replace(there, train=on_disk(there.train, tmp_path / "train"), test=on_disk(there.test, tmp_path / "test"))
    assert trained(stored, recipe, name) == trained(there, recipe, name)
    assert data_hash(stored.train) == data_hash(there.train)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("window", [0, 30, 150, 400, N])
def test_a_set_on_disk_trains_to_the_bits_of_the_set_in_memory(tmp_path, window, weighted):
    recipe = Recipe(epochs=2, batch_size=64, learning_rate=0.1, window=window)
    assert_same_on_disk(tmp_path, "scratch", recipe, weighted=weighted)


@pytest.mark.parametrize("name", each_engine())
def test_every_engine_takes_windows(tmp_path, name):
    assert_same_on_disk(tmp_path, name, Recipe(epochs=2, batch_size=64, window=300))


@pytest.mark.parametrize("recipe", [Recipe(shuffle=False, window=300), Recipe(even_batches=False, window=300)])
def test_without_shuffling_or_with_a_short_last_minibatch_too(tmp_path, recipe):
    there = data()
    stored = replace(there, train=on_disk(there.train, tmp_path / "train"))
    assert trained(stored, recipe) == trained(there, recipe)


def test_slices_take_windows_too(tmp_path):
    there, recipe = data(), Recipe(epochs=2, batch_size=64, window=300, slices=4)
    stored = replace(there, train=on_disk(there.train, tmp_path / "train"))
    assert trained(stored, recipe) == trained(there, recipe)


@pytest.mark.parametrize("even", [True, False])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("size", [2, 3])
def test_each_process_reads_the_rows_of_its_slices_alone(tmp_path, size, weighted, even):
    there = data(weighted)
    recipe = Recipe(epochs=2, batch_size=64, window=300, slices=4, even_batches=even)
    stored = replace(there, train=on_disk(there.train, tmp_path / "train"))
    X, read = stored.train.X, {rank: [] for rank in range(size)}

    def work(processes):
        def count(rows):
            read[processes.rank].append(rows)
            return X.read(rows)

        own = replace(stored, train=replace(stored.train, X=Stored(X.records, count, X.tail, X.dtype)))
        return trained(own, recipe, processes=processes)

    assert threads_as_processes(size, work) == [trained(there, recipe)] * size
    rows = [np.concatenate(read[rank])["X"][:, 0] for rank in range(size)]
    once = np.concatenate(rows) if not weighted else rows[0]
    assert sorted(once) == sorted([*there.train.X[:, 0]] * recipe.epochs)
    for rank, own in enumerate(rows):
        part = 1 if weighted else len(slices_of(rank, size, recipe.slices)) / recipe.slices
        steps = recipe.epochs * -(-N // recipe.batch_size)
        assert len(own) == pytest.approx(part * recipe.epochs * N, abs=steps)  # a row of a minibatch more or less


class Leaving:
    """Ends a run after some steps."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def on_step_end(self, run) -> None:
        self.left -= 1
        if self.left == 0:
            run.stop()


@pytest.mark.parametrize("steps", [1, 5, 7, 16, 17, 30])
def test_a_run_in_windows_goes_on_after_any_step(tmp_path, steps):
    there, recipe = data(), Recipe(epochs=3, batch_size=64, window=300)
    stored = replace(there, train=on_disk(there.train, tmp_path / "train"))
    trained(stored, recipe, "scratch", Checkpoints(tmp_path / "run"), Leaving(steps))
    assert trained(stored, recipe, "scratch", Checkpoints(tmp_path / "run"))[0] == trained(there, recipe)[0]


def test_no_more_than_two_windows_are_read_ahead_of_what_is_trained(tmp_path):
    there = data()
    stored = replace(there, train=on_disk(there.train, tmp_path / "train"))
    read, loaded = [], []
    X = stored.train.X
    counted = Stored(X.records, lambda rows: read.append(len(rows)) or X.read(rows), X.tail, X.dtype)
    engine = open_engine("scratch", Network((D, 8, 2)), dtype="float32")
    load = engine.load

    def count(*words):
        loaded.append(len(words[0]))
        assert len(read) <= len(loaded) + 1
        load(*words)

    engine.load = count
    recipe = Recipe(epochs=1, batch_size=50, window=128)
    list(train(engine, replace(stored, train=replace(stored.train, X=counted), test=None), recipe))
    assert max(read) <= 128 + 50
    assert sum(read) == N


def test_whoever_leaves_the_run_ends_the_reader(tmp_path):
    import threading

    there = data()
    stored = replace(there, train=on_disk(there.train, tmp_path / "train"))
    run = train(open_engine("scratch", Network((D, 8, 2)), dtype="float32"), stored, Recipe(window=128))
    next(run)
    run.close()
    assert not any(thread.name == "twofold-prefetch" for thread in threading.enumerate())


def test_a_set_on_disk_is_scored_as_in_memory(tmp_path):
    there = data(weighted=True)
    engine = open_engine("scratch", Network((D, 8, 2)), dtype="float32")
    assert evaluate(engine, on_disk(there.test, tmp_path / "test")) == evaluate(engine, there.test)
