"""Checkpoints and data files that earlier versions wrote are read for ever; ``stored/make_checkpoints.py`` wrote them."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from twofold import CheckpointFolder, Checkpoints, open_engine, read_idx, train
from twofold.checkpoints.file import read_checkpoint
from twofold.network import distance

STORED = Path(__file__).parents[1] / "stored"
VERSIONS = sorted(path.stem.removeprefix("checkpoint-end-") for path in STORED.glob("checkpoint-end-*.safetensors"))


def test_there_are_files_to_read():
    assert "0.1.0" in VERSIONS
    assert (STORED / "numbers-0.1.0.idx.gz").exists()


@pytest.mark.parametrize("version", VERSIONS)
# Another machine and other versions than those it was written with are told, and round otherwise.
@pytest.mark.filterwarnings("ignore:.*the run is the same to rounding:UserWarning")
def test_a_stored_checkpoint_goes_on_to_the_end_that_it_had(tmp_path, version, monkeypatch):
    monkeypatch.syspath_prepend(STORED)
    sys.modules.pop("make_checkpoints", None)
    import make_checkpoints

    middle = read_checkpoint(STORED / f"checkpoint-middle-{version}.safetensors")
    expected = read_checkpoint(STORED / f"checkpoint-end-{version}.safetensors")
    assert (middle.steps, middle.epochs, expected.steps) == (5, 1, 12)
    shutil.copy(STORED / f"checkpoint-middle-{version}.safetensors", tmp_path / f"step-{5:012d}.safetensors")
    with CheckpointFolder(tmp_path) as folder:
        make_checkpoints.go_on(folder)
        end = folder.latest()
    assert (end.network, end.recipe, end.data, end.dtype) == (
        *(expected.network, expected.recipe, expected.data, expected.dtype),
    )
    assert [epoch.epoch for epoch in end.history] == [1, 2, 3, 4]
    np.testing.assert_allclose(
        [epoch.validation_loss for epoch in end.history],
        [epoch.validation_loss for epoch in expected.history],
        rtol=1e-9,
    )
    sets = [(end.state.parameters, expected.state.parameters), (end.best.parameters, expected.best.parameters)]
    sets += [
        (end.state.optimizer_state[name], expected.state.optimizer_state[name])
        for name in expected.state.optimizer_state
    ]
    for parameters, others in sets:
        for layer, other in zip(parameters, others, strict=True):
            np.testing.assert_allclose(layer.W, other.W, rtol=1e-9, atol=1e-12)
    assert end.best.epoch == expected.best.epoch


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore:.*the run is the same to rounding:UserWarning")
def test_a_stored_checkpoint_of_fused_compiled_goes_on_in_fused_with_numba_s_head(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(STORED)
    sys.modules.pop("make_checkpoints", None)
    from make_checkpoints import PLAIN, SMALL, data

    shutil.copy(STORED / "checkpoint-fused-compiled-0.1.0.safetensors", tmp_path / f"step-{5:012d}.safetensors")
    fused, scratch = (
        open_engine(name, SMALL, initialization="xavier", dtype="float64", seed=1) for name in ("fused", "scratch")
    )
    with CheckpointFolder(tmp_path) as folder:
        assert folder.latest().environment["engine"] == "fused"
        list(train(fused, data()[0], PLAIN, Checkpoints(folder)))
        assert fused.head == folder.latest().state.head == "numba"
    list(train(scratch, data()[0], PLAIN))
    assert distance(fused.parameters(), scratch.parameters()) <= 1e-12


def test_a_stored_data_file_is_read():
    np.testing.assert_array_equal(
        read_idx(STORED / "numbers-0.1.0.idx.gz"), (np.arange(24).reshape(2, 3, 4) - 12).astype(np.int16), strict=True
    )
