"""The run: the same steps as the library's loop, and any of them again."""

from __future__ import annotations

from itertools import islice

import pytest

from twofold import open_engine, train
from twofold.errors import SpecificationError
from twofold.lab import Setup, make_data
from twofold.lab.run import Run
from twofold.network import distance, largest

SETUPS = {
    "line": Setup(data="line", hidden=()),
    "circles": Setup(data="circles"),
    "adam with dropout": Setup(data="spirals", hidden=(8, 4), activation=("relu",), dropout=0.3, optimizer="adam",
                               learning_rate=0.01),
    "batch normalisation": Setup(data="xor", hidden=(4,), normalization="batch", optimizer="momentum", momentum=0.8),
    "averaging": Setup(data="blobs", hidden=(), ema_decay=0.99, schedule="cosine", epochs=4, warmup_epochs=0.5),
    "uneven": Setup(data="discs", hidden=(5,), batch_size=33, n=101, weight_decay=0.01, l1=0.001),
}  # fmt: skip


def run_of(setup: Setup) -> Run:
    data = make_data(setup.data, n=setup.n, noise=setup.noise, seed=setup.data_seed)
    engine = open_engine(setup.engine, setup.network(data), seed=setup.seed, initialization=setup.initialization,
                         dtype=setup.dtype)  # fmt: skip
    return Run(engine, data, setup.recipe)


@pytest.mark.parametrize("setup", SETUPS.values(), ids=SETUPS)
def test_a_run_is_the_training_of_the_library_bit_for_bit(setup):
    run, other = run_of(setup), run_of(setup)
    run.advance(3 * run.steps_per_epoch)
    epochs = list(islice(train(other.engine, other.data, setup.recipe), 3))
    assert distance(run.engine.parameters(), other.engine.parameters()) == 0
    assert [record.loss for record in run.records[1:]] == [epoch.loss for epoch in epochs]
    assert [record.test_accuracy for record in run.records[1:]] == [epoch.test_accuracy for epoch in epochs]


@pytest.mark.parametrize("setup", SETUPS.values(), ids=SETUPS)
def test_any_step_comes_back_exactly_and_what_follows_it_too(setup):
    run = run_of(setup)
    seen = {}
    for step in range(run.last_step if run.last_step < 130 else 130):
        seen[step] = run.engine.parameters(), run.engine.running()
        run.advance()
    for step in (97, 3, 0, 64, 120, 1):
        run.go_to(step)
        parameters, running = seen[step]
        assert distance(run.engine.parameters(), parameters) == 0
        assert run.step == step
        assert str(run.engine.running()) == str(running)
    run.advance(100)
    assert distance(run.engine.parameters(), seen[101][0]) == 0


def test_a_long_run_keeps_few_states_and_still_goes_back_exactly():
    run = run_of(Setup(data="line", hidden=(), n=20, epochs=5000))
    run.advance(777)
    there = run.engine.parameters()
    run.advance(4000)
    run.go_to(777)
    assert len(run._kept) <= 129
    assert distance(run.engine.parameters(), there) == 0


def test_a_run_ends_where_the_recipe_does():
    run = run_of(Setup(data="line", hidden=(), n=20, epochs=2))
    run.advance(10**6)
    assert (run.step, len(run.records)) == (run.last_step, 3)
    with pytest.raises(SpecificationError, match="the run has steps from 0 to 4"):
        run.go_to(5)


def test_the_way_of_a_small_network_is_kept_and_is_that_up_to_now():
    run = run_of(Setup(data="line", hidden=()))
    run.advance(100)
    assert run.path().shape == (101, 2)
    run.go_to(10)
    assert run.path().shape == (11, 2)
    assert largest(run.engine.parameters()) == abs(run.path()[-1]).max()
