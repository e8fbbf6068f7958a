"""The rule behind ``auto``, and what an engine says to what it can't do."""

from __future__ import annotations

import copy
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec

import numpy as np
import pytest

from helpers import FUSED_NUMBA, KINDS, random_dataset, train_kinds
from twofold import Network, Recipe, open_engine, train
from twofold.engines.choice import MAX_SHORT_STEPS, MAX_SMALL_JOB, choose, choose_head
from twofold.engines.threads import use_threads
from twofold.errors import MissingDependencyError, SpecificationError, UnknownNameError
from twofold.functions import ACTIVATIONS, Activation
from twofold.network import distance
from twofold.saving import Model

MLP = Network((784, 256, 10))
SMALL = Network((20, 64, 64, 1), loss="squared")
torch_only = pytest.mark.torch


@torch_only
def test_a_large_job_is_for_fused_and_a_small_one_for_scratch():
    samples = MAX_SMALL_JOB // (3 * MLP.n_parameters)
    assert choose(MLP) == "fused"
    assert choose(MLP, samples=samples + 1) == "fused"
    assert choose(MLP, samples=samples) == "scratch"


def test_many_large_steps_are_for_numba_s_loops():
    samples = MAX_SHORT_STEPS * 256
    assert choose_head(MLP, batch_size=256, samples=samples + 1) == "numba"
    assert choose_head(MLP, batch_size=256, samples=samples) == "pytorch"
    assert choose_head(MLP, batch_size=256, samples=samples + 1, device="cuda") == "pytorch"
    assert choose_head(MLP, batch_size=1024, samples=10**12) == "numba"
    assert choose_head(MLP, batch_size=1025, samples=10**12) == "pytorch"
    assert choose_head(Network((9, 17)), batch_size=9, samples=10**12) == "numba"
    assert choose_head(Network((9, 17), loss="squared"), batch_size=9, samples=10**12) == "pytorch"


@torch_only
@pytest.mark.parametrize("asked", [{}, {"precision": "bfloat16"}])
def test_fused_takes_the_head_that_the_job_is_worth_and_keeps_it_where_it_goes_on(monkeypatch, asked):
    data = random_dataset(Network((4, 3)), 40)
    for few, expected in ((3, "numba"), (4, "pytorch")):
        monkeypatch.setattr("twofold.engines.choice.MAX_SHORT_STEPS", few)
        engine = open_engine("fused", Network((4, 3)), **asked)
        assert engine.head == ""
        list(train(engine, data, Recipe(epochs=1, batch_size=10)))
        assert engine.head == engine.state().head == expected
        assert copy.deepcopy(engine).state().head == expected
        monkeypatch.setattr("twofold.engines.choice.MAX_SHORT_STEPS", 7 - few)
        other = open_engine("fused", Network((4, 3)), **asked)
        list(train(other, data, Recipe(epochs=2, batch_size=10), resume=engine.state()))
        assert other.head == expected
        assert Model.of(other).environment["head"] == expected


@torch_only
def test_a_head_of_numba_that_can_t_be_had_is_told_where_a_run_goes_on(monkeypatch):
    network = Network((4, 3))
    data = random_dataset(network, 40)
    (engine,) = train_kinds([FUSED_NUMBA], network, data, Recipe(epochs=1), dtype="float32")
    monkeypatch.setattr("twofold.engines.choice.find_spec", lambda name: None if name == "numba" else find_spec(name))
    other = open_engine("fused", network)
    with pytest.warns(UserWarning, match="from here on the run is the same to rounding, not to the bit"):
        list(train(other, data, Recipe(epochs=2), resume=engine.state()))
    assert other.head == "pytorch"


def test_a_name_of_version_0_1_says_what_to_use():
    with pytest.raises(UnknownNameError, match=r"engine 'fused-compiled' is 'fused' now.*; use 'fused'"):
        open_engine("fused-compiled", MLP)


@pytest.mark.parametrize(
    ("network", "batch_size"),
    [(SMALL, 32), (SMALL, 256), (Network((784, 10)), 256), (Network((20, 1), loss="squared"), 1)],
)
def test_many_small_steps_are_for_compiled_and_few_for_scratch(network, batch_size):
    samples = MAX_SHORT_STEPS * batch_size
    assert choose(network, batch_size=batch_size, samples=samples + 1) == "compiled"
    assert choose(network, batch_size=batch_size, samples=samples) == "scratch"


@torch_only
def test_products_above_a_size_are_for_fused():
    assert choose(SMALL, batch_size=1024, samples=10**12) == "compiled"
    assert choose(SMALL, batch_size=1025, samples=10**12) == "fused"
    assert choose(Network((10, 2)), batch_size=10_000, samples=10**12) == "scratch"


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_much_of_a_long_formula_is_not_for_compiled(activation):
    network = Network((20, 64, 64, 1), activation, "squared")
    assert choose(network, batch_size=256, samples=10**12) == "compiled"
    assert (choose(network, batch_size=257, samples=10**12) == "compiled") == (activation not in ("gelu", "mish"))


def test_large_minibatches_are_not_for_compiled():
    assert choose(Network((10, 2)), batch_size=1024, samples=10**12) == "compiled"
    assert choose(Network((10, 2)), batch_size=1025, samples=10**12) == "scratch"


def test_small_minibatches_are_chosen_for_without_pytorch_being_imported():
    script = """
import sys
from twofold import Network
from twofold.engines import choose
print(choose(Network((784, 10)), batch_size=256, samples=10**12), "torch" in sys.modules)
"""
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert said.split() == ["compiled", "False"]


def test_loops_that_are_not_compiled_are_not_fast(monkeypatch):
    monkeypatch.setattr("twofold.engines.numba.COMPILES", False)
    assert choose(SMALL, batch_size=32, samples=10**12) == "scratch"


@torch_only
def test_of_a_job_of_unknown_size_the_products_decide():
    assert choose(SMALL, batch_size=64) == "scratch"
    assert choose(SMALL, batch_size=65) == "fused"


def test_without_pytorch_a_large_product_is_for_scratch(monkeypatch):
    monkeypatch.setattr("twofold.engines.choice.find_spec", lambda name: None if name == "torch" else find_spec(name))
    assert choose(SMALL, batch_size=32, samples=10**9) == "compiled"
    assert choose(MLP, samples=10**9) == "scratch"


@torch_only
def test_without_numba_it_is_scratch_or_fused(monkeypatch):
    monkeypatch.setattr("twofold.engines.choice.find_spec", lambda name: None if name == "numba" else find_spec(name))
    assert choose(SMALL, batch_size=64, samples=10**12) == "scratch"
    assert choose(SMALL, batch_size=65, samples=10**12) == "fused"


@pytest.mark.parametrize("kind", [ImportError, OSError, AttributeError, SystemError])
def test_a_numba_that_does_not_work_here_is_passed_over(kind, monkeypatch):
    def refuse_loops(name):
        if name in ("twofold.engines.numba", "twofold.engines.compiled"):
            raise kind("Numba needs NumPy 1")
        return import_module(name)

    for name in [name for name in sys.modules if name.startswith("twofold.engines.numba")]:
        monkeypatch.delitem(sys.modules, name)
    for place in ("twofold.engines.factory", "twofold.engines.choice"):
        monkeypatch.setattr(f"{place}.import_module", refuse_loops)
    assert choose(SMALL, batch_size=32, samples=10**12) == "scratch"
    with pytest.raises(
        MissingDependencyError, match=r"needs Numba, which can't be imported here \(Numba needs NumPy 1\)"
    ):
        open_engine("compiled", SMALL)


def test_without_both_it_is_scratch(monkeypatch):
    monkeypatch.setattr("twofold.engines.choice.find_spec", lambda _name: None)
    assert choose(MLP) == "scratch"
    assert choose(MLP, samples=10**9) == "scratch"
    assert open_engine("auto", MLP).name == "scratch"


@pytest.mark.parametrize("asked", [{"device": "cuda"}, {"precision": "bfloat16"}])
def test_devices_and_precisions_are_for_fused(asked):
    assert choose(Network((2, 2)), **asked) == "fused"


@pytest.mark.slow
@torch_only
@pytest.mark.parametrize("name", KINDS)
def test_an_activation_that_came_into_the_registry_later_is_in_every_engine(name, monkeypatch):
    def cube(z, _xp):
        return z * z * z

    def cube_derivative(z, _xp):
        return 3 * z * z

    monkeypatch.setitem(ACTIVATIONS, "cube", Activation(cube, cube_derivative, "z**3", "3 * z**2"))
    network = Network((4, 5, 3), "cube", "squared")
    recipe = Recipe(epochs=2, batch_size=8, learning_rate=1e-3)
    engines = train_kinds(("scratch", name), network, random_dataset(network), recipe)
    assert distance(*(engine.parameters() for engine in engines)) < 1e-12


@pytest.mark.parametrize("name", ["scratch", "compiled", pytest.param("concise", marks=torch_only)])
def test_other_engines_refuse_a_device_and_a_precision(name):
    with pytest.raises(SpecificationError, match=f"the {name} engine has no device 'mps'; fused has it"):
        open_engine(name, MLP, device="mps")
    with pytest.raises(SpecificationError, match=f"the {name} engine has no precision 'bfloat16'; fused has it"):
        open_engine(name, MLP, precision="bfloat16")
    with pytest.raises(SpecificationError, match=f"the {name} engine has no head 'numba'; fused has it"):
        open_engine(name, MLP, head="numba")


BROKEN = """
import importlib.abc, importlib.machinery, sys
class Broken(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        return importlib.machinery.ModuleSpec(name, self) if name == sys.argv[1] else None
    def exec_module(self, module):
        if sys.argv[3] == "raise":
            raise OSError("a shared object is missing")
sys.meta_path.insert(0, Broken())
from twofold import Network, open_engine
try:
    open_engine("fused", Network((2, 2)), head=sys.argv[2])
except Exception as error:
    print(type(error).__name__, str(error).partition(" (")[0])
"""


@torch_only
@pytest.mark.parametrize("how", ["raise", pytest.param("empty", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("module", "head", "title"),
    [("torch", "pytorch", "PyTorch"), ("torch", "numba", "PyTorch"), ("numba", "numba", "Numba")],
)
def test_a_broken_library_is_named(module, head, title, how):
    words = [sys.executable, "-c", BROKEN, module, head, how]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert said == f"MissingDependencyError the fused engine needs {title}, which can't be imported here\n"


@torch_only
def test_machine_code_runs_on_no_other_device(monkeypatch):
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: True)
    with pytest.raises(SpecificationError, match="head 'numba' computes on a CPU; device is 'mps': use head 'pytorch'"):
        open_engine("fused", MLP, device="mps", head="numba")


def test_unknown_devices_and_precisions_are_refused():
    with pytest.raises(UnknownNameError, match="unknown device 'gpu'"):
        open_engine("auto", MLP, device="gpu")
    with pytest.raises(UnknownNameError, match="unknown precision 'float8'"):
        open_engine("auto", MLP, precision="float8")
    with pytest.raises(UnknownNameError, match="unknown head 'jax'"):
        open_engine("fused", MLP, head="jax")
    with pytest.raises(TypeError, match="unexpected keyword argument 'devise'"):
        open_engine("fused", MLP, devise="cpu")


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
