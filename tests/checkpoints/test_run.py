"""A run that was stopped and goes on is the run that wasn't: bit for bit, wherever it was stopped and however often."""

from __future__ import annotations

import signal
import threading
from dataclasses import fields, replace

import numpy as np
import pytest

from helpers import (
    KINDS,
    AfterStep,
    assert_same_state,
    each_engine,
    engine_first,
    every_one,
    every_pair,
    open_kind,
    random_dataset,
)
from twofold import (
    CheckpointFolder,
    Checkpoints,
    Dataset,
    EarlyStopping,
    Network,
    Recipe,
    Samples,
    ScheduleConfig,
    open_engine,
    train,
)
from twofold.checkpoints import StopSignals
from twofold.checkpoints.compatibility import refuse_other_run
from twofold.early_stopping import BestEpoch
from twofold.engines import ENGINES
from twofold.errors import CheckpointError, DivergedError, SpecificationError, StoppedError
from twofold.functions import NORMALIZATIONS, OPTIMIZERS, SCHEDULES

NETWORK = Network((5, 7, 3), activation="tanh", dropout=0.2)
RECIPE = Recipe(epochs=3, batch_size=16, learning_rate=0.05, weight_decay=0.01, clip_norm=1.0, seed=3)
DATA = replace(random_dataset(NETWORK, weighted=True), test=random_dataset(NETWORK, seed=1).train)  # 4 steps an epoch
HELD = random_dataset(NETWORK, seed=2).train

engines = pytest.mark.parametrize("name", each_engine())


def opened(name="scratch", network=NETWORK, **options):
    return open_kind(name, network, seed=1, initialization="xavier", **options)


def resumable(engine, data, recipe, folder, *, watch=None, best=None, validation=None, **options):
    """Train with checkpoints, and whatever else is asked for."""
    before = [AfterStep(watch)] if watch else []
    stopping = [EarlyStopping(best=best)] if best else []
    return train(engine, data, recipe, [*before, Checkpoints(folder, **options), *stopping], validation=validation)


def stopped(engine, path, *, after, recipe=RECIPE, data=DATA, number=signal.SIGTERM, **options):
    """Train until so many steps of this call are taken, stop by a signal, and return the error."""
    stop, taken = StopSignals(), []

    def watch(_engine, _done):
        taken.append(1)
        if len(taken) == after:
            stop.signal = number

    with CheckpointFolder(path) as folder, pytest.raises(StoppedError) as error:
        for _ in resumable(engine, data, recipe, folder, watch=watch, signals=stop, **options):
            pass
    return error.value


def finished(engine, path, recipe=RECIPE, data=DATA, **options):
    """Train to the end and return the history that the folder holds."""
    with CheckpointFolder(path) as folder:
        for _ in resumable(engine, data, recipe, folder, **options):
            pass
        return folder.latest().history


def untimed(history):
    return [replace(epoch, seconds=0.0) for epoch in history]


def assert_same_run(engine, history, other, records):
    assert_same_state(engine.state(), other.state())
    assert untimed(history) == untimed(records)


@pytest.mark.parametrize(("name", "optimizer"), engine_first(every_one(KINDS, OPTIMIZERS)))
def test_a_run_stopped_at_any_step_is_the_run_that_was_not(tmp_path, name, optimizer):
    recipe = replace(RECIPE, optimizer=optimizer, epochs=2)
    whole = opened(name)
    records = list(train(whole, DATA, recipe))
    for after in range(1, 9):  # 4 and 8: all steps of an epoch are taken and its record isn't made
        path = tmp_path / str(after)
        stopped(opened(name), path, after=after, recipe=recipe)
        engine = opened(name)
        assert_same_run(engine, finished(engine, path, recipe), whole, records)


@pytest.mark.parametrize(("name", "optimizer"), engine_first(every_one(KINDS, OPTIMIZERS)))
def test_a_run_stopped_at_every_step_is_the_run_that_was_not(tmp_path, name, optimizer):
    recipe = replace(RECIPE, optimizer=optimizer)
    whole = opened(name, dtype="float64")
    records = list(train(whole, DATA, recipe))
    for _ in range(12):
        stopped(opened(name, dtype="float64"), tmp_path, after=1, recipe=recipe)
    engine = opened(name, dtype="float64")
    assert_same_run(engine, finished(engine, tmp_path, recipe), whole, records)


@pytest.mark.parametrize(
    ("name", "normalization", "averaging"), engine_first(every_pair(KINDS, [None, *NORMALIZATIONS], [0.0, 0.9]))
)
def test_normalisations_and_averages_go_on_where_they_were(tmp_path, name, normalization, averaging):
    network = replace(NETWORK, widths=(5, 7, 6, 3), activation=("tanh", "relu"), normalization=normalization)
    recipe = replace(RECIPE, ema_decay=averaging, label_smoothing=0.1, optimizer="momentum")
    whole = opened(name, network)
    records = list(train(whole, DATA, recipe))
    for after in (1, 3, 5):  # 3 steps are left to the end
        stopped(opened(name, network), tmp_path, after=after, recipe=recipe)
    engine = opened(name, network)
    assert_same_run(engine, finished(engine, tmp_path, recipe), whole, records)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_schedule_goes_on_where_it_was(tmp_path, schedule):
    recipe = replace(RECIPE, schedule=ScheduleConfig(schedule, warmup_epochs=0.6))
    whole = opened()
    records = list(train(whole, DATA, recipe))
    stopped(opened(), tmp_path, after=6, recipe=recipe)
    engine = opened()
    assert_same_run(engine, finished(engine, tmp_path, recipe), whole, records)


@engines
def test_early_stopping_remembers_the_best_weights_and_its_patience(tmp_path, name):
    recipe = replace(RECIPE, epochs=40, learning_rate=1.0)
    whole, best = opened(name), BestEpoch(patience=3)
    records = list(train(whole, DATA, recipe, EarlyStopping(best=best), validation=HELD))
    assert best.epoch < len(records) < 40
    ends = []
    for after in [7] * (4 * len(records) // 7):
        stopped(opened(name), tmp_path, after=after, recipe=recipe, validation=HELD, best=BestEpoch(patience=3))
    for _ in range(2):  # the second time there is nothing left to do
        engine, again = opened(name), BestEpoch(patience=3)
        ends.append(finished(engine, tmp_path, recipe, validation=HELD, best=again))
        assert (again.epoch, again.value, again.waited) == (best.epoch, best.value, best.waited)
        for layer, other in zip(engine.parameters(), whole.parameters(), strict=True):
            np.testing.assert_array_equal(layer.W, other.W)
        replaced = [replace(epoch, test_loss=None, test_accuracy=None) for epoch in records]
        assert untimed(ends[-1]) == untimed(replaced)


@pytest.mark.torch
@pytest.mark.parametrize("first", ENGINES)
@pytest.mark.parametrize("then", ENGINES)
def test_another_engine_goes_on_to_rounding(tmp_path, first, then):
    recipe = replace(RECIPE, optimizer="adam")
    whole = opened(first, dtype="float64")
    list(train(whole, DATA, recipe))
    stopped(opened(first, dtype="float64"), tmp_path, after=6, recipe=recipe)
    engine = opened(then, dtype="float64")
    if first == then:
        finished(engine, tmp_path, recipe)
        return
    with pytest.warns(UserWarning, match=f"engine was {first} and is {then}: from here on .* to rounding, not to the"):
        finished(engine, tmp_path, recipe)
    for layer, other in zip(engine.parameters(), whole.parameters(), strict=True):
        np.testing.assert_allclose(layer.W, other.W, rtol=0, atol=1e-12)


def test_more_epochs_are_the_longer_run_where_the_schedule_does_not_look_at_the_end(tmp_path):
    recipe = replace(RECIPE, schedule="inverse_time", optimizer="momentum")
    longer = replace(recipe, epochs=5)
    whole = opened()
    records = list(train(whole, DATA, longer))
    finished(opened(), tmp_path, recipe)
    engine = opened()
    assert_same_run(engine, finished(engine, tmp_path, longer), whole, records)


def test_more_epochs_under_a_cosine_are_allowed_and_the_change_is_told(tmp_path):
    recipe = replace(RECIPE, schedule="cosine")
    finished(opened(), tmp_path, recipe)
    with pytest.warns(
        UserWarning, match=r"'cosine' looks at the end, now after 5 epochs and no longer 3: .* \(0.01727\)"
    ):
        history = finished(opened(), tmp_path, replace(recipe, epochs=5))
    assert [epoch.epochs for epoch in history] == [5] * 5


def test_a_finished_run_yields_nothing_more_and_its_engine_holds_the_result(tmp_path):
    first, second = opened(), opened()
    history = finished(first, tmp_path)
    with CheckpointFolder(tmp_path) as folder:
        assert list(resumable(second, DATA, RECIPE, folder)) == []
    assert_same_state(first.state(), second.state())
    assert len(history) == 3


def test_each_difference_is_named_field_by_field(tmp_path):
    finished(opened(), tmp_path)
    X = DATA.train.X.copy()
    X[0, 0] += 1
    cases = {
        "network.widths is (5, 8, 3) now and was (5, 7, 3)": {"network": replace(NETWORK, widths=(5, 8, 3))},
        "network.activation is 'relu' now and was 'tanh'": {"network": replace(NETWORK, activation="relu")},
        "recipe.learning_rate is 0.1 now and was 0.05; recipe.seed is 4 now and was 3": {
            "recipe": replace(RECIPE, learning_rate=0.1, seed=4)
        },
        "recipe.epochs is 2 now and was 3; only more can be": {"recipe": replace(RECIPE, epochs=2)},
        "data.train is ": {"data": Dataset("other", Samples(X, DATA.train.y, DATA.train.sample_weight), DATA.test)},
        "data.test is None now and was ": {"data": replace(DATA, test=None)},
        "dtype is 'float64' now and was 'float32'": {"dtype": "float64"},
        "init is 'he' now and was None": {"setting": {"init": "he"}},
    }
    for message, change in cases.items():
        engine = opened(network=change.pop("network", NETWORK), dtype=change.pop("dtype", "float32"))
        before = engine.state()
        with pytest.raises(CheckpointError) as error:
            finished(engine, tmp_path, **change)
        assert str(error.value).startswith(f"{tmp_path}: its checkpoints are of another run: {message}")
        assert str(error.value).endswith("; ask for the same, or choose another folder")
        assert_same_state(engine.state(), before)


@pytest.mark.torch
def test_products_in_another_precision_are_another_run(tmp_path):
    finished(opened("fused", precision="bfloat16"), tmp_path)
    with pytest.raises(CheckpointError, match="precision is 'float32' now and was 'bfloat16'"):
        finished(opened("fused"), tmp_path)


def test_every_field_of_network_and_recipe_counts(tmp_path):
    finished(opened(), tmp_path)
    with CheckpointFolder(tmp_path) as folder:
        then = folder.latest()
    for name in [field.name for field in fields(Recipe)]:
        other, value = replace(RECIPE), {"optimizer": "adam", "schedule": "linear"}.get(name, -1)
        object.__setattr__(other, name, value)
        with pytest.raises(CheckpointError, match=f"recipe.{name} is {value!r} now"):
            refuse_other_run("here", replace(then, recipe=other), then)
    for name in [field.name for field in fields(Network)]:
        other = replace(NETWORK)
        object.__setattr__(other, name, -1)
        with pytest.raises(CheckpointError, match=f"network.{name} is -1 now"):
            refuse_other_run("here", replace(then, network=other), then)


def test_the_environment_that_changed_is_told(tmp_path, monkeypatch):
    stopped(opened(), tmp_path, after=2)
    monkeypatch.setattr("threadpoolctl.threadpool_info", lambda: [{"num_threads": 77}])
    with pytest.warns(UserWarning, match="threads was .* and is 77: from here on the run is the same to rounding"):
        finished(opened(), tmp_path)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_the_step_end_and_says_where_the_checkpoint_is(tmp_path, number):
    def watch(engine, _done):
        if engine.steps == 6:
            signal.raise_signal(number)

    before = signal.getsignal(number)
    engine = opened()
    with CheckpointFolder(tmp_path) as folder:
        with pytest.raises(StoppedError) as error:
            list(resumable(engine, DATA, RECIPE, folder, watch=watch))
        assert folder.latest().steps == engine.steps == 6
    assert isinstance(error.value, KeyboardInterrupt)
    assert not isinstance(error.value, Exception)
    assert error.value.signal == number
    name = signal.Signals(number).name
    assert str(error.value) == f"stopped by {name}; the newest checkpoint in {tmp_path} is after step 6"
    assert signal.getsignal(number) is before


def test_between_two_epochs_signals_are_the_consumer_s(tmp_path):
    with CheckpointFolder(tmp_path) as folder:
        run = resumable(opened(), DATA, RECIPE, folder)
        next(run)
        with pytest.raises(KeyboardInterrupt) as error:
            signal.raise_signal(signal.SIGINT)
        assert not isinstance(error.value, StoppedError)
        run.close()


def test_a_signal_between_two_epochs_is_noted_where_the_caller_listens(tmp_path):
    engine = opened()
    with CheckpointFolder(tmp_path) as folder, StopSignals() as stop:
        run = resumable(engine, DATA, RECIPE, folder, signals=stop)
        next(run)
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(StoppedError):
            next(run)
    assert engine.steps == 4  # not a step more


def test_a_second_signal_is_the_process_s_own(tmp_path):
    def watch(_engine, _done):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with CheckpointFolder(tmp_path) as folder, pytest.raises(KeyboardInterrupt) as error:
        list(resumable(opened(), DATA, RECIPE, folder, watch=watch))
    assert not isinstance(error.value, StoppedError)


def test_checkpoints_come_every_so_many_epochs_and_at_the_end(tmp_path):
    with CheckpointFolder(tmp_path, keep=9) as folder:
        run = resumable(opened(), DATA, replace(RECIPE, epochs=5), folder, every=2)
        seen = [[int(file.stem[5:]) for file in folder.files()] for _ in run]
    # The first step's proves that the folder can be used.
    assert seen == [[1], [1, 8], [1, 8], [1, 8, 16], [1, 8, 16, 20]]


def test_checkpoints_come_every_so_many_seconds_by_a_clock_that_never_goes_back(tmp_path, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    monkeypatch.setattr("time.time", lambda: -now[0])  # the wall's clock runs backwards

    def watch(_engine, _done):
        now[0] += 1

    with CheckpointFolder(tmp_path, keep=99) as folder:
        list(resumable(opened(), DATA, RECIPE, folder, every_seconds=3, watch=watch))
        assert [int(file.stem[5:]) for file in folder.files()] == [1, 4, 7, 10, 12]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"every": 1, "every_seconds": 2.0}, "every and every_seconds are both given; choose epochs or seconds"),
        ({"every": 0}, "every is 0; it must be an integer of at least 1 epoch"),
        ({"every": 1.5}, "every is 1.5; it must be an integer of at least 1 epoch"),
        ({"every_seconds": 0.0}, "every_seconds is 0.0; it must be positive"),
        ({"every_seconds": float("nan")}, "every_seconds is nan; it must be positive"),
        ({"best": BestEpoch()}, "early stopping needs rows to judge by; give train(..., validation=Samples(X, y))"),
        ({"keep": 2}, "keep goes with a path; a CheckpointFolder has its own"),
    ],
)
def test_options_out_of_range_are_refused(tmp_path, options, message):
    with CheckpointFolder(tmp_path) as folder, pytest.raises(SpecificationError) as error:
        next(resumable(opened(), DATA, RECIPE, folder, **options))
    assert str(error.value) == message


def test_a_diverged_run_leaves_the_last_finite_checkpoint_and_the_whole_history(tmp_path):
    network = Network((1, 1), loss="squared")
    data = Dataset("two", Samples([[1.0], [2.0]], [[1.0], [3.0]]))
    recipe = Recipe(epochs=2000, batch_size=2, learning_rate=1.5)
    stopped(open_engine("scratch", network), tmp_path, after=9, recipe=recipe, data=data)
    with pytest.raises(DivergedError) as error:
        finished(open_engine("scratch", network), tmp_path, recipe=recipe, data=data)
    with CheckpointFolder(tmp_path) as folder:
        last = folder.latest()
    assert last.finite
    assert len(error.value.history) == error.value.epoch - 1 >= last.epochs > 9
    assert [epoch.epoch for epoch in error.value.history] == list(range(1, error.value.epoch))


def test_a_state_that_has_left_the_finite_numbers_is_not_kept(tmp_path):
    network = Network((1, 1), loss="squared")
    data = Dataset("many", Samples(np.ones((400, 1)), np.ones((400, 1))))
    recipe = Recipe(epochs=1, batch_size=1, learning_rate=1e3)  # out of float32 within 20 steps
    with CheckpointFolder(tmp_path, keep=999) as folder:
        with pytest.raises(DivergedError):
            list(resumable(open_engine("scratch", network), data, recipe, folder, every_seconds=1e-9))
        assert folder.latest().finite
        assert 2 < len(folder.files()) < 100


def test_an_epoch_s_time_goes_on_where_it_was(tmp_path):
    stopped(opened(), tmp_path, after=2)
    with CheckpointFolder(tmp_path) as folder:
        kept = folder.latest().seconds
        records = list(resumable(opened(), DATA, RECIPE, folder))
    assert 0 < kept < records[0].seconds
    assert records[0].samples == len(DATA.train)


class Full(CheckpointFolder):
    """A folder on a disk that is full at some times."""

    full = ()

    def save(self, checkpoint):
        if checkpoint.steps in self.full:
            raise CheckpointError("cannot be written: No space left on device")
        return super().save(checkpoint)


def test_a_full_disk_in_the_middle_is_told_and_training_goes_on(tmp_path):
    whole = opened()
    records = list(train(whole, DATA, RECIPE))
    engine = opened()
    with Full(tmp_path) as folder:
        folder.full = (8,)
        with pytest.warns(UserWarning, match="No space left on device; training goes on without a new checkpoint"):
            ran = list(resumable(engine, DATA, RECIPE, folder))
        assert [int(file.stem[5:]) for file in folder.files()] == [1, 4, 12]
    assert_same_run(engine, ran, whole, records)


@pytest.mark.parametrize("steps", [1, 12])
def test_a_first_or_last_checkpoint_that_cannot_be_written_is_an_error(tmp_path, steps):
    with Full(tmp_path) as folder:
        folder.full = (steps,)
        with pytest.raises(CheckpointError, match="No space left on device"):
            list(resumable(opened(), DATA, RECIPE, folder))


def test_a_signal_on_a_full_disk_tells_which_checkpoint_there_is(tmp_path):
    stop = StopSignals()

    def watch(engine, _done):
        if engine.steps == 6:
            stop.signal = signal.SIGTERM

    with Full(tmp_path) as folder:
        folder.full = (6,)
        run = resumable(opened(), DATA, RECIPE, folder, watch=watch, signals=stop)
        with (
            pytest.warns(UserWarning, match="No space left"),
            pytest.raises(StoppedError, match=r"stopped by SIGTERM; the newest checkpoint in .* is after step 4"),
        ):
            list(run)


def test_a_process_that_ignores_a_signal_goes_on_ignoring_it(tmp_path):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with StopSignals() as stop:
            signal.raise_signal(signal.SIGINT)
        assert stop.signal is None
    finally:
        signal.signal(signal.SIGINT, before)


def test_outside_of_the_main_thread_nobody_listens_and_training_works(tmp_path):
    ran = []

    def work():
        with CheckpointFolder(tmp_path) as folder:
            ran.extend(resumable(opened(), DATA, RECIPE, folder))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert len(ran) == 3
