"""Whatever a stranger hands in is taken, or refused in one line by an error of twofold's: the small form of ``fuzz.py``."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzz import change
from strangers import READERS, Pieces, fed

FEW = {"command": 15, "estimator": 40, "parquet": 100, "csv": 100, "states": 100, "model": 150, "checkpoint": 150}


@pytest.mark.parametrize("name", READERS)
def test_changed_bytes_are_taken_or_refused_in_one_line(name):
    rng, reader = random.Random(7), READERS[name]  # noqa: S311 - no secret
    seeds = reader.seeds()
    told = {fed(reader, change(rng.choice(seeds), rng.choice(seeds), rng)) for _ in range(FEW.get(name, 400))}
    assert len(told) > 2 or name == "command", "nothing is reached"


@pytest.mark.parametrize("name", [name for name in READERS if name not in ("command", "estimator")])
@settings(max_examples=40, deadline=None)
@given(data=st.binary(max_size=200))
def test_any_bytes_are_taken_or_refused_in_one_line(name, data):
    fed(READERS[name], data)


@pytest.mark.parametrize("name", [name for name in READERS if name not in ("command", "estimator")])
def test_some_of_what_it_starts_from_is_taken(name):
    reader = READERS[name]
    if name in ("recipe", "network", "arrays", "states"):
        rng = random.Random(0)  # noqa: S311 - no secret
        assert any(fed(reader, rng.randbytes(20)) == "" for _ in range(2000))
    else:
        assert any(fed(reader, seed) == "" for seed in reader.seeds())


def test_a_reader_that_lets_something_else_escape_is_found_out():
    from strangers import Reader

    def careless(data):
        if data[:1] == b"x":
            raise IndexError("outside")

    with pytest.raises(IndexError):
        fed(Reader(careless, list, 0), b"xyz")
    assert fed(Reader(careless, list, 0), b"abc") == ""


def test_values_are_odd_often():
    values = [Pieces(bytes([number, 1, 2, 3])).value() for number in range(256)]
    assert any(isinstance(value, str) for value in values)
    assert any(np.isnan(value) for value in values if isinstance(value, float))
