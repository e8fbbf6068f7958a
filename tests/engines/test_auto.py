"""The rule behind ``auto``, and what an engine says to what it can't do."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest

from twofold import Network, open_engine
from twofold.engines import SMALL_JOB, choose
from twofold.engines.threads import use_threads
from twofold.errors import SpecificationError, UnknownNameError
from twofold.functions import ACTIVATIONS

MLP = Network((784, 256, 10))
torch_only = pytest.mark.torch


@torch_only
def test_a_large_job_is_for_fused_and_a_small_one_for_scratch():
    samples = SMALL_JOB // (3 * MLP.n_parameters)
    assert choose(MLP) == "fused"
    assert choose(MLP, samples=samples + 1) == "fused"
    assert choose(MLP, samples=samples) == "scratch"


@torch_only
def test_small_products_are_for_scratch_whatever_the_job():
    assert choose(Network((20, 64, 64, 1), loss="squared"), batch_size=64) == "scratch"
    assert choose(Network((20, 64, 64, 1), loss="squared"), batch_size=65) == "fused"


def test_without_pytorch_it_is_scratch(monkeypatch):
    monkeypatch.setattr("twofold.engines.find_spec", lambda _name: None)
    assert choose(MLP) == "scratch"
    assert open_engine("auto", MLP).name == "scratch"


@pytest.mark.parametrize("asked", [{"device": "cuda"}, {"precision": "bfloat16"}])
def test_what_fused_alone_has_is_for_fused(asked):
    assert choose(Network((2, 2)), **asked) == "fused"


@torch_only
def test_a_function_that_fused_lacks_goes_to_scratch_and_by_name_is_an_error(monkeypatch):
    monkeypatch.setitem(ACTIVATIONS, "cube", replace(ACTIVATIONS["relu"], value=lambda Z: Z**3))
    network = Network((784, 256, 10), "cube")
    assert open_engine("auto", network).name == "scratch"
    with pytest.raises(SpecificationError, match=r"the fused engine lacks one of \('cube',\) or 'cross_entropy'"):
        open_engine("fused", network)


@pytest.mark.parametrize("name", ["scratch", pytest.param("concise", marks=torch_only)])
def test_other_engines_refuse_a_device_and_a_precision(name):
    with pytest.raises(SpecificationError, match=f"the {name} engine has no device 'mps'; fused has it"):
        open_engine(name, MLP, device="mps")
    with pytest.raises(SpecificationError, match=f"the {name} engine has no precision 'bfloat16'; fused has it"):
        open_engine(name, MLP, precision="bfloat16")


def test_unknown_devices_and_precisions_are_refused():
    with pytest.raises(UnknownNameError, match="unknown device 'gpu'"):
        open_engine("auto", MLP, device="gpu")
    with pytest.raises(UnknownNameError, match="unknown precision 'float8'"):
        open_engine("auto", MLP, precision="float8")


@torch_only
def test_a_device_that_is_not_here_is_an_error(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SpecificationError, match="device is 'cuda'; PyTorch sees none here"):
        open_engine("fused", MLP, device="cuda")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    with pytest.raises(SpecificationError, match="'mps' has no float64"):
        open_engine("fused", MLP, device="mps", dtype="float64")


@torch_only
def test_bfloat16_products_with_float64_parameters_are_refused():
    with pytest.raises(SpecificationError, match="precision 'bfloat16' with dtype 'float64'"):
        open_engine("fused", MLP, precision="bfloat16", dtype="float64")


def test_threads_are_limited_everywhere_and_results_stay(monkeypatch):
    from threadpoolctl import threadpool_info

    before = {pool["filepath"]: pool["num_threads"] for pool in threadpool_info()}
    seen = []
    if "torch" not in sys.modules:
        monkeypatch.setitem(sys.modules, "torch", type("torch", (), {"set_num_threads": seen.append}))
    else:
        monkeypatch.setattr(sys.modules["torch"], "set_num_threads", seen.append)
    use_threads(1)
    assert {pool["num_threads"] for pool in threadpool_info()} == {1}
    assert seen == [1]
    use_threads(max(before.values()))
    with pytest.raises(SpecificationError, match="threads is 0"):
        use_threads(0)
    assert np.ones(2).sum() == 2
