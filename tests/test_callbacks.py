"""Callbacks: who is told of a training, in which order, and what they may do."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from helpers import assert_same_state, random_dataset
from twofold import (
    BestEpoch,
    CheckpointFolder,
    Checkpoints,
    EarlyStopping,
    LiveCurves,
    MLPClassifier,
    Network,
    Progress,
    Recipe,
    TimeBudget,
    open_engine,
    train,
    train_best,
    train_with_checkpoints,
)
from twofold.errors import DivergedError, SpecificationError
from twofold.run import EVENTS

NETWORK = Network((5, 7, 3))
RECIPE = Recipe(epochs=3, batch_size=16, learning_rate=0.05)
DATA = replace(random_dataset(NETWORK, 64), test=random_dataset(NETWORK, seed=1).train)  # 4 steps an epoch
HELD = random_dataset(NETWORK, seed=2).train


def opened(name="scratch"):
    return open_engine(name, NETWORK, seed=1, initialization="xavier", dtype="float64")


class Listener:
    """Writes down what it is told, and stops where it is asked to."""

    def __init__(self, told=None, name="", stop_at=None):
        self.told, self.name, self.stop_at = [] if told is None else told, name, stop_at

    def __getattr__(self, event):
        if event not in EVENTS:
            raise AttributeError(event)

        def tell(run):
            words = (self.name + event, run.engine.steps, run.samples, len(run.history))
            self.told.append(words)
            if words[1:] == self.stop_at:
                run.stop()

        return tell


def test_each_event_is_told_in_its_order():
    listener = Listener()
    list(train(opened(), DATA, replace(RECIPE, epochs=2), listener))
    steps = [(16, 32, 48, 64)] * 2
    expected = [("on_train_begin", 0, 0, 0)]
    for epoch, ends in enumerate(steps):
        expected.append(("on_epoch_begin", 4 * epoch, 0, epoch))
        expected += [("on_step_end", 4 * epoch + k, end, epoch) for k, end in enumerate(ends, start=1)]
        expected.append(("on_epoch_end", 4 * epoch + 4, 64, epoch + 1))
    assert listener.told == [*expected, ("on_train_end", 8, 64, 2)]


def test_callbacks_come_in_the_order_given_the_end_in_reverse_and_what_saves_them_last():
    told = []
    last = Listener(told, "last ")
    last.last = True
    list(train(opened(), DATA, replace(RECIPE, epochs=1), [last, Listener(told, "a "), Listener(told, "b ")]))
    words = [name for name, *_ in told]
    assert words[:3] == ["a on_train_begin", "b on_train_begin", "last on_train_begin"]
    assert words[-6:] == [
        *("a on_epoch_end", "b on_epoch_end", "last on_epoch_end"),
        *("last on_train_end", "b on_train_end", "a on_train_end"),
    ]


def test_callbacks_leave_the_training_as_it_is():
    plain, told = opened(), opened()
    records = list(train(plain, DATA, RECIPE))
    callbacks = [Listener(), TimeBudget(1e9), Progress(io.StringIO()), LiveCurves()]
    others = list(train(told, DATA, RECIPE, callbacks))
    assert_same_state(plain.state(), told.state())
    assert [replace(record, seconds=0) for record in records] == [replace(record, seconds=0) for record in others]


@pytest.mark.parametrize(("stop_at", "steps", "epochs"), [((2, 32, 0), 2, 0), ((8, 64, 2), 8, 2)])
def test_a_callback_stops_a_run_after_a_step_or_an_epoch(stop_at, steps, epochs):
    engine = opened()
    listener = Listener(stop_at=stop_at)
    assert len(list(train(engine, DATA, RECIPE, listener))) == epochs
    assert engine.steps == steps
    assert listener.told[-1][0] == "on_train_end"


def test_the_end_is_told_when_the_loop_is_left_and_when_training_fails():
    listener = Listener()
    for _ in train(opened(), DATA, RECIPE, listener):
        break
    assert listener.told[-1] == ("on_train_end", 4, 64, 1)
    network = Network((1, 1), loss="squared")
    data = random_dataset(network)
    with pytest.raises(DivergedError):
        list(train(open_engine("scratch", network), data, Recipe(epochs=99, learning_rate=1e9), listener))
    assert listener.told[-1][0] == "on_train_end"


def test_a_callback_may_change_the_learning_rate_and_a_record():
    class Halve:
        def on_train_begin(self, run):
            usual = run.rate
            run.rate = lambda step, steps: usual(step, steps) / 2

        def on_epoch_end(self, run):
            run.epoch = replace(run.epoch, samples=7)

    engine, other = opened(), opened()
    records = list(train(engine, DATA, RECIPE, Halve()))
    list(train(other, DATA, replace(RECIPE, learning_rate=RECIPE.learning_rate / 2)))
    assert_same_state(engine.state(), other.state())
    assert [record.samples for record in records] == [7] * 3


def test_a_time_budget_ends_a_training_within_an_epoch(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("twofold.callbacks.time.perf_counter", lambda: now[0])

    class Clock:
        def on_step_end(self, run):
            now[0] += 1

    engine, budget = opened(), TimeBudget(5.5)
    assert len(list(train(engine, DATA, RECIPE, [Clock(), budget]))) == 1
    assert engine.steps == 6
    list(train(opened(), DATA, RECIPE, [Clock(), budget]))  # the clock begins anew
    assert now[0] == 12


def test_a_run_stopped_by_its_budget_goes_on_from_its_checkpoint(tmp_path):
    whole = opened()
    records = list(train(whole, DATA, RECIPE))
    list(train(opened(), DATA, RECIPE, [Checkpoints(tmp_path, every=9), Listener(stop_at=(6, 32, 1))]))
    engine = opened()
    rest = list(train(engine, DATA, RECIPE, Checkpoints(tmp_path)))
    assert_same_state(engine.state(), whole.state())
    assert [record.epoch for record in rest] == [2, 3]
    assert [record.loss for record in rest] == [record.loss for record in records[1:]]


def test_what_a_callback_remembers_is_in_the_checkpoint(tmp_path):
    class Counter:
        def __init__(self):
            self.steps = 0

        def on_step_end(self, run):
            self.steps += 1

        def state_dict(self):
            return {"steps": self.steps}

        def load_state_dict(self, state):
            self.steps = state["steps"]

    for pair in ([Counter(), Counter()], [Counter(), Counter()]):
        pair[1].steps = 100
        list(train(opened(), DATA, RECIPE, [*pair, Checkpoints(tmp_path)]))
        assert [counter.steps for counter in pair] == [12, 112]


@pytest.mark.parametrize("callbacks_first", [True, False])
def test_early_stopping_and_checkpoints_go_together_in_either_order(tmp_path, callbacks_first):
    recipe, best = replace(RECIPE, epochs=40, learning_rate=1.0), BestEpoch(patience=3)
    pair = [EarlyStopping(best=best), Checkpoints(tmp_path)]
    list(train(opened(), DATA, recipe, pair if callbacks_first else pair[::-1], validation=HELD))
    with CheckpointFolder(tmp_path) as folder:
        saved = folder.latest().best
    assert (saved.epoch, saved.waited) == (best.epoch, 3)


def test_live_curves_are_redrawn_after_each_epoch():
    drawn = []

    class Handle:
        def update(self, picture, raw):
            drawn.append(picture)

    def display(picture, raw, display_id):
        drawn.append(picture)
        return Handle()

    list(train(opened(), DATA, RECIPE, LiveCurves(display=display)))
    assert [picture["text/plain"].split("  ")[0] for picture in drawn] == ["epoch 1/3", "epoch 2/3", "epoch 3/3"]
    assert all(picture["image/svg+xml"].startswith("<") for picture in drawn)


class Misspelt:
    def on_epoch_end(self, run): ...

    def on_steps_end(self, run): ...


@pytest.mark.parametrize(
    ("callbacks", "message"),
    [
        (print, "builtin_function_or_method is no callback: it has none of the methods on_train_begin, on_epoch_begin"),
        ([Progress(), 3], "int is no callback"),
        (Misspelt(), "Misspelt.on_steps_end is never called; did you mean on_step_end?"),
    ],
)
def test_what_is_no_callback_is_refused_at_the_call(callbacks, message):
    with pytest.raises(SpecificationError, match=message):
        train(opened(), DATA, RECIPE, callbacks)


@pytest.mark.parametrize("seconds", [0, -1.0, float("nan"), "5", True])
def test_a_time_budget_is_a_positive_number(seconds):
    with pytest.raises(SpecificationError, match=r"the time budget is .*; it must be a positive number of seconds"):
        TimeBudget(seconds)


def test_an_unknown_parameter_is_a_type_error():
    with pytest.raises(TypeError, match=r"train\(\) got an unexpected keyword argument 'wach'"):
        train(opened(), DATA, RECIPE, wach=print)


def test_old_parameters_of_train_work_and_name_the_new_ones():
    done, engine = [], opened()
    with pytest.warns(
        DeprecationWarning, match="train's parameter watch is called a callback's on_step_end now"
    ) as told:
        list(train(engine, DATA, replace(RECIPE, epochs=1), watch=lambda engine, samples: done.append(samples)))
    assert told[0].filename == __file__
    assert done == [16, 32, 48, 64]
    with pytest.warns(DeprecationWarning, match="train's parameter rate is called callbacks=LearningRate"):
        (record,) = train(engine, DATA, replace(RECIPE, epochs=1), rate=lambda step, steps: 0.25)
    assert record.learning_rate == 0.25


def test_train_best_works_and_names_early_stopping():
    best, again = BestEpoch(patience=3), BestEpoch(patience=3)
    engine, other = opened(), opened()
    with pytest.warns(DeprecationWarning, match=r"train_best is called train\(..., EarlyStopping\(patience\)") as told:
        records = list(train_best(engine, DATA, RECIPE, validation=HELD, best=best))
    assert told[0].filename == __file__
    others = list(train(other, DATA, RECIPE, EarlyStopping(best=again), validation=HELD))
    assert [record.validation_loss for record in records] == [record.validation_loss for record in others]
    assert_same_state(engine.state(), other.state())
    assert (best.epoch, best.value) == (again.epoch, again.value)


def test_train_with_checkpoints_works_and_names_checkpoints(tmp_path):
    engine, other = opened(), opened()
    match = r"train_with_checkpoints is called train\(..., Checkpoints\(folder\)\) now"
    for epochs in (2, 3):
        engine = opened()
        with CheckpointFolder(tmp_path) as folder, pytest.warns(DeprecationWarning, match=match):
            records = list(
                train_with_checkpoints(
                    engine, DATA, replace(RECIPE, epochs=epochs), folder, validation=HELD, best=BestEpoch(), every=1
                )
            )
    list(train(other, DATA, RECIPE, EarlyStopping(), validation=HELD))
    assert_same_state(engine.state(), other.state())
    assert [record.epoch for record in records] == [3]


X, Y = DATA.train.X, DATA.train.y


def mlp(*callbacks, **options):
    options = {"hidden_layer_sizes": (6,), "max_iter": 3, "random_state": 0, "engine": "scratch", "tol": 0} | options
    return MLPClassifier(callbacks=list(callbacks), **options)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_an_estimator_has_the_same_callbacks():
    listener, told = Listener(), []
    model = mlp(listener, lambda model, epoch: told.append(epoch.epoch)).fit(X, Y)
    assert [words[0] for words in listener.told].count("on_epoch_end") == 3
    assert told == [1, 2, 3]
    assert model.stop_reason_ == "max_iter"
    stopped = mlp(Listener(stop_at=(1, 64, 1))).fit(X, Y)
    assert (stopped.stop_reason_, stopped.n_iter_) == ("callback", 1)
    assert mlp(TimeBudget(1e-9)).fit(X, Y).stop_reason_ == "time_budget"


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "options",
    [
        {"early_stopping": True, "n_iter_no_change": 2, "max_iter": 40, "learning_rate_init": 0.1},
        {"solver": "sgd", "learning_rate": "adaptive", "n_iter_no_change": 1, "tol": 0.1, "max_iter": 40},
        {"solver": "sgd", "learning_rate": "invscaling", "ema_decay": 0.9, "normalization": "batch"},
    ],
    ids=["early stopping", "adaptive", "invscaling"],
)
def test_a_fit_that_went_on_is_the_fit_that_was_not_stopped(tmp_path, options):
    whole = mlp(**options).fit(X, Y)
    for step in (1, 2, 1, 3):
        taken = []

        class Stop:
            def on_step_end(self, run, step=step, taken=taken):
                taken.append(1)
                if len(taken) == step:
                    run.stop()

        mlp(Stop(), Checkpoints(tmp_path, every_seconds=1e-9), **options).fit(X, Y)
    for _ in range(2):  # the second time there is nothing left to do
        model = mlp(Checkpoints(tmp_path), **options).fit(X, Y)
        for layer, other in zip(model.parameters_, whole.parameters_, strict=True):
            np.testing.assert_array_equal(layer.W, other.W)
        names = ["loss_curve_", "validation_scores_", "best_validation_score_", "best_iter_", "best_loss_", "n_iter_"]
        for name in [*names, "t_", "stop_reason_", "loss_"]:
            assert getattr(model, name) == getattr(whole, name), name
        assert [replace(epoch, seconds=0) for epoch in model.history_] == [
            replace(epoch, seconds=0) for epoch in whole.history_
        ]


def test_a_fit_of_other_parameters_does_not_go_on(tmp_path):
    mlp(Checkpoints(tmp_path), tol=1e9, n_iter_no_change=1).fit(X, Y)
    with pytest.raises(Exception, match=r"checkpoints are of another run: .*tol is '1.0' now and was"):
        mlp(Checkpoints(tmp_path), tol=1.0, n_iter_no_change=1).fit(X, Y)


@pytest.mark.parametrize(
    ("options", "fit", "message"),
    [
        ({"random_state": None}, "fit", "Checkpoints need an integer as random_state, here None"),
        ({"warm_start": True}, "fit", "Checkpoints are of a fit from its start, not of warm_start"),
        ({}, "partial_fit", "Checkpoints are of a fit from its start, not of partial_fit"),
        ({"solver": "lbfgs"}, "fit", "callbacks of steps and epochs go with minibatches; 'lbfgs' has none"),
    ],
)
def test_a_fit_that_cannot_have_checkpoints_says_why(tmp_path, options, fit, message):
    model = mlp(Checkpoints(tmp_path), **options)
    with pytest.raises(SpecificationError, match=message):
        model.fit(X, Y) if fit == "fit" else model.partial_fit(X, Y, classes=[0, 1, 2])


def test_an_estimator_stops_early_by_its_own_parameters():
    with pytest.raises(SpecificationError, match="an estimator has early_stopping=True, n_iter_no_change"):
        mlp(EarlyStopping(patience=3)).fit(X, Y)
    with pytest.raises(SpecificationError, match=r"callbacks is .*; it must be a function or a callback"):
        mlp(3).fit(X, Y)


def test_the_page_on_callbacks_runs(tmp_path, monkeypatch, capsys):
    page = Path(__file__).parents[1] / "docs" / "callbacks.md"
    if not page.exists():
        pytest.skip("the documents are not beside the tests")
    monkeypatch.chdir(tmp_path)
    names = {}
    for code in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        exec(code, names)  # noqa: S102 - our own page
    assert capsys.readouterr().out.startswith("epoch 1/5  loss")
    assert names["model"].n_iter_ >= 1
    assert names["epochs"][-1].loss < 0.5 <= names["epochs"][-2].loss
    assert set(re.findall(r"\| `(\w+)\(", page.read_text(encoding="utf-8"))) == {
        *("EarlyStopping", "Checkpoints", "TimeBudget", "LearningRate", "Progress", "LiveCurves")
    }
