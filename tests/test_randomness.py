"""Streams: functions of seed, purpose and place alone."""

from __future__ import annotations

import numpy as np
import pytest

from twofold.errors import SpecificationError
from twofold.randomness import Purpose, dropout_masks, epoch_order, stream


def test_the_order_is_a_permutation_and_a_function_of_seed_and_epoch():
    order = epoch_order(3, 2, 1000)
    np.testing.assert_array_equal(np.sort(order), np.arange(1000))
    np.testing.assert_array_equal(order, epoch_order(3, 2, 1000))
    assert not np.array_equal(order, epoch_order(3, 3, 1000))
    assert not np.array_equal(order, epoch_order(4, 2, 1000))


def test_every_place_has_first_numbers_of_its_own():
    places = [
        (seed, purpose, a, b) for seed in (0, 1, 2**64 - 1) for purpose in Purpose for a in (0, 1) for b in (0, 1)
    ]
    firsts = {stream(seed, purpose, a, b).random() for seed, purpose, a, b in places}
    assert len(firsts) == len(places)


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_a_seed_out_of_range_is_refused(seed):
    with pytest.raises(SpecificationError, match="it must lie between 0"):
        stream(seed, Purpose.DATA)


def test_dropout_drops_at_its_rate_and_keeps_the_mean():
    (mask,) = dropout_masks((200,), 500, 0.25, seed=0, step=0)
    assert set(np.unique(mask)) == {0, 1 / 0.75}
    assert mask.mean() == pytest.approx(1, abs=0.01)


def test_dropout_differs_between_steps_and_layers_and_is_off_at_rate_0():
    first, second = dropout_masks((50, 50), 20, 0.5, seed=0, step=0)
    (next_step, _) = dropout_masks((50, 50), 20, 0.5, seed=0, step=1)
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, next_step)
    assert dropout_masks((50,), 20, 0, seed=0, step=0) == []


@pytest.mark.parametrize("seed", [0, 7, 2**64 - 1])
@pytest.mark.parametrize("start", [0, 3, 40])
def test_masks_are_the_coins_of_their_streams(seed: int, start: int) -> None:
    masks = dropout_masks((5, 8), 6, 0.25, seed=seed, step=9, dtype="float32", start=start)
    for layer, (h, mask) in enumerate(zip((5, 8), masks, strict=True)):
        raw = stream(seed, Purpose.DROPOUT, 9, layer).bit_generator.random_raw((start + 6) * h // 4 + 4)
        coins = raw.astype("<u8").view("<u2")[start * h : (start + 6) * h].reshape(6, h)
        np.testing.assert_array_equal(mask, np.where(coins >= 2**14, np.float32(1) / np.float32(0.75), np.float32(0)))
        assert mask.dtype == np.float32
