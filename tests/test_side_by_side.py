"""Trainings side by side: each is the training it would be alone."""

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

import twofold as tw
from helpers import each_engine, open_kind
from twofold.errors import SpecificationError
from twofold.side_by_side import run_in_processes, run_side_by_side
from twofold.validation import floats


def in_floats(part):
    """Samples as numbers from 0 to 1: machine code for bytes is compiled for no other test."""
    return tw.Samples(floats(part.X.reshape(len(part), -1), "float32"), part.y)


ANIMALS = tw.load_dataset("toy-animals")
DATA = tw.Dataset("animals", in_floats(ANIMALS.train), in_floats(ANIMALS.test), classes=ANIMALS.classes)
RECIPE = tw.Recipe(epochs=3, batch_size=16, learning_rate=0.1)


def open_engines(name, number=3, widths=(4, 5, 3)):
    return [open_kind(name, tw.Network(widths), seed=seed, dtype="float32") for seed in range(number)]


def same(ours, theirs):
    pairs = zip(ours.parameters(), theirs.parameters(), strict=True)
    return all(np.array_equal(a.W, b.W) and np.array_equal(a.b, b.b) for a, b in pairs)


@pytest.mark.parametrize("engine", each_engine())
def test_each_is_the_training_it_would_be_alone(engine):
    recipes = [tw.Recipe(epochs=3, batch_size=16, learning_rate=rate) for rate in (0.01, 0.1, 0.5)]
    many = tw.train_many(open_engines(engine), DATA, recipes)
    for alone, recipe, run in zip(open_engines(engine), recipes, many, strict=True):
        history = list(tw.train(alone, DATA, recipe))
        assert same(alone, run.engine)
        assert [epoch.loss for epoch in history] == [epoch.loss for epoch in run.history]
        assert run.recipe is recipe
        assert run.error is None


def test_data_and_validation_may_differ_from_engine_to_engine():
    half = tw.Dataset("half", tw.Samples(DATA.train.X[::2], DATA.train.y[::2]), classes=DATA.classes)
    runs = tw.train_many(open_engines("scratch", 2), [DATA, half], RECIPE, validation=[half.train, DATA.train])
    assert [run.history[-1].samples for run in runs] == [len(DATA.train), len(half.train)]
    assert runs[0].history[-1].validation_loss == pytest.approx(tw.evaluate(runs[0].engine, half.train).loss)


def test_one_that_diverges_does_not_end_the_others():
    engines = [tw.open_engine("scratch", tw.Network((4, 8, 1), loss="squared"), seed=seed) for seed in range(2)]
    data = tw.Dataset("numbers", tw.Samples(DATA.train.X, 1e4 * DATA.train.X[:, :1]))
    wild = tw.Recipe(epochs=3, batch_size=16, learning_rate=1e6)
    broken, whole = tw.train_many(engines, data, [wild, tw.Recipe(epochs=3, batch_size=16, learning_rate=1e-4)])
    assert isinstance(broken.error, tw.errors.DivergedError)
    assert "diverged" in repr(broken)
    assert whole.error is None
    assert len(whole.history) == 3


def test_callbacks_are_made_for_each_training():
    class Notes:
        def __init__(self, place):
            self.place, self.epochs = place, []

        def on_epoch_end(self, run):
            self.epochs.append(run.epoch.epoch)

    notes = {}
    tw.train_many(open_engines("scratch"), DATA, RECIPE, lambda place: notes.setdefault(place, Notes(place)))
    assert {place: note.epochs for place, note in notes.items()} == {place: [1, 2, 3] for place in range(3)}


def test_a_mistake_in_a_callback_ends_all_and_is_raised():
    class Fails:
        def on_epoch_end(self, _run):
            raise RuntimeError("a mistake of mine")

    long = tw.Recipe(epochs=10**6, batch_size=16)  # ends only because the first one fails
    with pytest.raises(RuntimeError, match="a mistake of mine"):
        tw.train_many(open_engines("scratch", 2), DATA, long, lambda place: [Fails()] if place == 0 else [])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"engines": []}, "there is no engine to train"),
        ({"recipe": [RECIPE]}, "recipe has 1 entries for 2 engines; give one for each, or one"),
        ({"data": "digits"}, "data is a str; expected one for all engines, or a list"),
        ({"validation": [None]}, "validation has 1 entries for 2 engines"),
    ],
)
def test_what_does_not_fit_together_is_refused(change, words):
    given = {"engines": open_engines("scratch", 2), "data": DATA, "recipe": RECIPE} | change
    with pytest.raises(SpecificationError, match=words):
        tw.train_many(**given)


def test_an_engine_given_twice_is_refused():
    (engine,) = open_engines("scratch", 1)
    with pytest.raises(SpecificationError, match="given twice"):
        tw.train_many([engine, engine], DATA, RECIPE)


def test_tasks_run_in_as_many_threads_as_there_are_cores(monkeypatch):
    monkeypatch.setattr("twofold.side_by_side.usable_cores", lambda: 3)
    meet = threading.Barrier(3, timeout=30)
    assert run_side_by_side([lambda _: meet.wait() >= 0] * 3) == [True] * 3
    monkeypatch.setattr("twofold.side_by_side.usable_cores", lambda: 1)
    assert len(set(run_side_by_side([lambda _: threading.get_ident()] * 3))) == 1


@pytest.fixture
def cores(monkeypatch):
    """Three cores, and no PyTorch in this process."""
    if sys.platform != "linux":
        pytest.skip("processes are forked on Linux alone")
    monkeypatch.setattr("twofold.side_by_side.usable_cores", lambda: 3)
    monkeypatch.delitem(sys.modules, "torch", raising=False)


@pytest.fixture
def forked(monkeypatch):
    """The processes that a test forks, none of which is left at its end."""
    found, fork = [], os.fork

    def noted():
        if process := fork():
            found.append(process)
        return process

    monkeypatch.setattr(os, "fork", noted)
    yield found
    for process in found:
        with pytest.raises(ChildProcessError):
            os.waitpid(process, os.WNOHANG)


def test_scratch_trains_in_processes_to_what_each_comes_to_alone(cores):
    recipe = tw.Recipe(epochs=3, batch_size=16, learning_rate=0.1, optimizer="adam", ema_decay=0.9)
    engines, alone = open_engines("scratch", 5), open_engines("scratch", 5)
    runs = tw.train_many(engines, DATA, recipe)
    for engine, run, one in zip(engines, runs, alone, strict=True):
        history = list(tw.train(one, DATA, recipe))
        assert run.engine is engine
        assert same(engine, one)
        assert engine.steps == one.steps
        assert [epoch.loss for epoch in run.history] == [epoch.loss for epoch in history]


def test_a_training_that_diverges_in_another_process_is_told(cores):
    recipes = [RECIPE, *[tw.Recipe(epochs=5, batch_size=16, learning_rate=1e200)] * 2]
    data = tw.load_dataset("synthetic")
    engines = [tw.open_engine("scratch", tw.Network((2, 1), loss="squared"), seed=seed) for seed in range(3)]
    good, *bad = tw.train_many(engines, data, recipes)
    assert good.error is None
    assert all("learning rate" in str(each.error) and each.history == tuple(each.error.history) for each in bad)


def where(k, seconds=0.05):
    """Say where a task runs, once it has taken a while."""
    time.sleep(seconds)
    return k, os.getpid()


def test_tasks_run_in_as_many_processes_as_there_are_cores(cores, forked):
    found = run_in_processes([lambda _, k=k: where(k) for k in range(9)])
    assert [k for k, _ in found] == list(range(9))
    assert found[0][1] == os.getpid()
    assert len({process for _, process in found}) == 3
    assert {os.getpid(), *forked} == {process for _, process in found}


def test_any_number_of_tasks(cores):
    assert run_in_processes([lambda _, k=k: k for k in range(1000)]) == list(range(1000))


def test_large_results_come_back(cores):
    found = run_in_processes([lambda _, k=k: np.full(300_000, k) for k in range(4)])
    assert [array.sum() for array in found] == [0, 300_000, 600_000, 900_000]


def test_a_task_that_ended_with_its_process_runs_once_more(cores):
    here = os.getpid()

    def fragile(k):
        if os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        return where(k)

    assert run_in_processes([lambda _, k=k: fragile(k) for k in range(6)]) == [(k, here) for k in range(6)]


def test_ctrl_c_ends_none_of_the_processes_by_itself_since_the_first_one_does(cores):
    here = os.getpid()

    def interrupted(k):
        if os.getpid() != here:
            os.kill(os.getpid(), signal.SIGINT)
        return where(k)

    found = run_in_processes([lambda _, k=k: interrupted(k) for k in range(9)])
    assert len({process for _, process in found}) == 3


LONG = """
import os, signal, time
import twofold.side_by_side
signal.signal(signal.SIGINT, signal.default_int_handler)  # which shells take from what they start beside others
twofold.side_by_side.usable_cores = lambda: 3
def work(_):
    os.write(1, b"at work\\n")
    time.sleep(60)
twofold.side_by_side.run_in_processes([work] * 3)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux alone")
@pytest.mark.parametrize("tell", [os.kill, os.killpg])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_all_processes_end_with_the_first_one_whatever_ends_it(number, tell):
    with subprocess.Popen(
        [sys.executable, "-c", LONG],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert [process.stdout.readline() for _ in range(3)] == ["at work\n"] * 3
        tell(process.pid, number)
        _, err = process.communicate(timeout=20)  # until no process has the pipes open
    assert process.returncode == -number
    assert err.count("Traceback") == (number == signal.SIGINT)


@pytest.mark.parametrize("wrong", [0, 4])
def test_a_mistake_in_any_process_is_raised_and_leaves_none_behind(cores, forked, wrong):
    def task(k):
        if k == wrong:
            raise ValueError(f"task {k} is wrong")
        return where(k)

    with pytest.raises(ValueError, match=f"task {wrong} is wrong"):
        run_in_processes([lambda _, k=k: task(k) for k in range(6)])
    assert len(forked) == 2


def test_what_reads_a_process_that_is_killed_has_its_file_until_it_has_seen_the_end(cores, monkeypatch):
    faults = []
    monkeypatch.setattr(threading, "excepthook", faults.append)

    def late(file, load=pickle.load):
        try:
            return load(file)
        except EOFError:
            time.sleep(0.1)
            file.peek(1)  # as the unpickler does between two reads
            raise

    monkeypatch.setattr(pickle, "load", late)
    with pytest.raises(ZeroDivisionError):
        run_in_processes([lambda _, k=k: 1 / 0 if k == 0 else where(k, 5) for k in range(3)])
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and thread.name.endswith("(_read)"):
            thread.join()
    assert not faults


def test_beside_pytorch_and_where_no_process_can_be_had_threads_or_this_one_do_the_work(cores, monkeypatch):
    monkeypatch.setattr(os, "fork", lambda: (_ for _ in ()).throw(OSError("no more processes")))
    assert run_in_processes([lambda _, k=k: where(k, 0) for k in range(4)]) == [(k, os.getpid()) for k in range(4)]
    torch = SimpleNamespace(get_num_threads=lambda: 1, set_num_threads=lambda _: None)
    monkeypatch.setitem(sys.modules, "torch", torch)
    assert {process for _, process in run_in_processes([lambda _, k=k: where(k) for k in range(4)])} == {os.getpid()}
