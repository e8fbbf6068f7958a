"""The fused engine with machine code where it goes ways of its own; that it is in lockstep is for test_parity.py."""

from __future__ import annotations

import numpy as np
import pytest

from helpers import FUSED_NUMBA, assert_same_steps, every_one, every_pair, open_kind, random_dataset
from twofold import Network, Recipe, train
from twofold.engines import numba as loops
from twofold.engines.choice import MAX_NARROW_OUTPUTS
from twofold.errors import DivergedError, SpecificationError
from twofold.functions import ACTIVATIONS, LOSSES
from twofold.network import distance, largest

pytestmark = pytest.mark.torch


def both(network, data, *, dtype="float64", steps=3, **recipe):
    """Train by scratch and by fused with Numba's head on whole sets; return the engines."""
    engines = [open_kind(name, network, initialization="he", dtype=dtype) for name in ("scratch", FUSED_NUMBA)]
    for engine in engines:
        engine.load(data.train.X, data.train.y, data.train.sample_weight)
        engine.start(Recipe(**recipe))
        for _ in range(steps):
            engine.step(np.arange(len(data.train)), 0.1)
    return engines


WIDTHS = [1, 2, 3, 8, 9, MAX_NARROW_OUTPUTS - 1, MAX_NARROW_OUTPUTS, MAX_NARROW_OUTPUTS + 1]


@pytest.mark.parametrize(("n", "q", "h"), every_pair([1, 17, 130], WIDTHS, [1, 2, 7, 8, 9, 21]))
def test_ends_of_every_shape_agree(n, q, h):
    network = Network((5, h, q), "silu", "squared")
    assert_same_steps(both(network, random_dataset(network, n, weighted=True)))


@pytest.mark.parametrize(("activations", "loss"), every_one([("relu", name) for name in ACTIVATIONS], LOSSES))
def test_several_hidden_layers_agree(activations, loss):
    network = Network((9, 12, 10, 4), activations, loss)
    data = random_dataset(network, 60, weighted=True)
    assert_same_steps(both(network, data, optimizer="momentum", weight_decay=0.01, clip_norm=1.0))


@pytest.mark.slow  # machine code for bytes, which other tests don't take
@pytest.mark.parametrize("hidden", [(), (6,)])
@pytest.mark.parametrize("q", [MAX_NARROW_OUTPUTS, 40])
def test_image_bytes_stand_for_numbers_from_0_to_1(q, hidden):
    network = Network((30, *hidden, q))
    data = random_dataset(network, 80)
    data.train.X[:] = np.random.default_rng(0).integers(256, size=(80, 30))
    bytes_ = [open_kind(name, network, initialization="he") for name in ("scratch", FUSED_NUMBA)]
    for engine in bytes_:
        engine.load(data.train.X.astype(np.uint8), data.train.y)
        for _ in range(3):
            engine.step(np.arange(80), 0.1)
    assert_same_steps(bytes_, 1e-5)


@pytest.mark.parametrize("options", [{"dropout": 0.4}, {"normalization": "batch"}, {"normalization": "layer"}])
def test_what_lies_between_layers_is_left_to_pytorch(options):
    network = Network((5, 8, 3), **options)
    assert_same_steps(both(network, random_dataset(network, 40), optimizer="adam", learning_rate=0.01))


@pytest.mark.parametrize("widths", [(4, 3), (4, 5, 3), (4, 5, 300)])
@pytest.mark.parametrize("loss", [name for name, loss in LOSSES.items() if loss.targets.compete])
def test_large_outputs_do_not_overflow(loss, widths):
    network = Network(widths, loss=loss)
    data = random_dataset(network, 30)
    data.train.X[:] *= 1e4
    engines = both(network, data, steps=1)
    assert np.isfinite(largest(engines[1].parameters()))
    assert_same_steps(engines)


@pytest.mark.parametrize("widths", [(4, 1), (4, 5, 1)])
@pytest.mark.parametrize("precision", [None, pytest.param("bfloat16", marks=pytest.mark.slow)])
def test_a_run_that_diverges_is_told_so(precision, widths):
    network = Network(widths, loss="squared")
    engine = open_kind(FUSED_NUMBA, network, precision=precision)
    with pytest.raises(DivergedError, match="training diverged in epoch"):
        list(train(engine, random_dataset(network, 40), Recipe(epochs=50, learning_rate=1e9)))


def test_indices_out_of_range_are_refused():
    network = Network((3, 4, 2))
    engine = open_kind(FUSED_NUMBA, network)
    engine.load(np.ones((40, 3)), np.zeros(40, int))
    for index in (-1, 40, 10**12):
        before = engine.parameters()
        with pytest.raises(IndexError):
            engine.step(np.array([0, index]), 0.1)
        assert distance(before, engine.parameters()) == 0


@pytest.mark.parametrize("widths", [(3, 4, 2), (3, 30)])
def test_indices_of_another_make_need_no_other_machine_code(widths):
    network = Network(widths)
    data = random_dataset(network, 40)
    engine = open_kind(FUSED_NUMBA, network)
    engine.load(data.train.X, data.train.y)
    entry = loops.loss if widths[-1] > MAX_NARROW_OUTPUTS else loops.last_layers
    signatures, indices = len(entry.run.signatures), np.arange(9)
    indices.flags.writeable = False
    for rows in (indices, np.arange(9, dtype=np.int32), np.arange(18)[::2], np.arange(9, dtype=np.uint8)):
        engine.step(rows, 0.1)
    assert len(entry.run.signatures) == signatures
    for wrong in (np.zeros(0, np.int64), np.zeros(2), np.zeros(2, bool)):
        with pytest.raises(IndexError):
            engine.step(wrong, 0.1)
    assert np.isfinite(engine.running().loss)


def test_python_has_no_bfloat16(monkeypatch):
    monkeypatch.setattr(loops, "COMPILES", False)
    with pytest.raises(
        SpecificationError, match="NUMBA_DISABLE_JIT is set, and Python has no bfloat16; use head 'pytorch'"
    ):
        open_kind(FUSED_NUMBA, Network((3, 2)), precision="bfloat16")


def test_another_set_of_another_kind_may_be_loaded():
    network = Network((3, 4, 2))
    engine, other = (open_kind(FUSED_NUMBA, network, initialization="he") for _ in range(2))
    rng = np.random.default_rng(0)
    bytes_, numbers = rng.integers(256, size=(40, 3), dtype=np.uint8), rng.random((50, 3))
    engine.load(bytes_, rng.integers(2, size=40))
    engine.step(np.arange(40), 0.0)
    y, weight = rng.integers(2, size=50), rng.random(50)
    for one in (engine, other):
        one.load(numbers, y, weight)
        one.step(np.arange(40), 0.1)
    assert distance(engine.parameters(), other.parameters()) == 0
