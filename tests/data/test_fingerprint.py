"""A fingerprint tells data apart that differ in anything that training sees."""

from __future__ import annotations

import numpy as np
import pytest

from twofold import Samples
from twofold.data import data_hash, fingerprint
from twofold.errors import DataError

X = np.arange(12.0).reshape(4, 3)
Y = np.arange(4)


def test_the_same_numbers_have_the_same_fingerprint_in_any_layout(monkeypatch):
    expected = data_hash(Samples(X, Y))
    monkeypatch.setattr(fingerprint, "PIECE", 1)
    for other in (np.asfortranarray(X), X.astype(">f8"), np.repeat(X, 2, axis=1)[:, ::2]):
        assert data_hash(Samples(other, Y)) == expected


@pytest.mark.parametrize(
    "other",
    [
        Samples(X + 1e-15, Y),
        Samples(X.astype("float32"), Y),
        Samples(X[::-1], Y),
        Samples(X.reshape(4, 3, 1), Y),
        Samples(X, Y[:, None]),
        Samples(X, Y.astype(float)),
        Samples(X, Y, np.ones(4)),
        Samples(X[:3], Y[:3]),
    ],
)
def test_anything_else_has_another(other):
    assert data_hash(other) != data_hash(Samples(X, Y))


def test_nothing_at_all_has_a_fingerprint_too():
    assert len(data_hash(Samples(np.empty((0, 3)), np.empty(0)))) == 64


def test_objects_have_none():
    with pytest.raises(DataError, match="y has dtype object"):
        data_hash(Samples(X, np.array([None] * 4)))
