"""Exact sums do not depend on how rows are dealt to blocks, nor on their order: not in a single bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twofold.solvers import Moments, solve_moments
from twofold.solvers.exact_products import exact_gram
from twofold.solvers.expansions import PARTS, accumulate, canonical


def sums(X, y, weight, hands, *, exact=True):
    """The sums of rows dealt out, each hand's taken in by itself and then merged."""
    whole = Moments(X.shape[1], 1, exact=exact)
    for hand in hands:
        piece = Moments(X.shape[1], 1, exact=exact)
        if len(hand):
            piece.add(X[hand], y[hand, None], None if weight is None else weight[hand])
        whole.merge(piece)
    return whole.settled()


def problem(seed, n=300):
    random = np.random.default_rng(seed)
    X = random.normal(size=(n, 3)) * [1.0, 1e-6, 1e8] + [0.0, 3.0, -1e10]
    return X, X @ [1.0, 2e5, 3e-9] + random.normal(size=n), random.integers(1, 4, n).astype(float), random


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 9), st.booleans())
def test_the_same_bits_for_any_hands(seed, hands, weighted):
    X, y, weight, random = problem(seed)
    weight = weight if weighted else None
    dealt = [random.permutation(hand) for hand in np.array_split(random.permutation(len(y)), hands)]
    dealt.insert(0, np.arange(0))
    whole, merged = sums(X, y, weight, [np.arange(len(y))]), sums(X, y, weight, dealt)
    assert whole.parts.tobytes() == merged.parts.tobytes()
    one, other = solve_moments(whole), solve_moments(merged)
    assert one.W.tobytes() + one.b.tobytes() == other.W.tobytes() + other.b.tobytes()
    assert one.digits.tobytes() == other.digits.tobytes()
    assert one.residuals.rss == other.residuals.rss


def test_sums_in_doubles_do_depend_on_the_hands():
    random = np.random.default_rng(0)
    X, y = random.normal(size=(300, 3)), random.normal(size=300)
    hands = np.array_split(random.permutation(len(y)), 3)
    whole = sums(X, y, None, [np.arange(len(y))], exact=False)
    assert whole.noise.any()
    assert whole.parts.tobytes() != sums(X, y, None, hands, exact=False).parts.tobytes()


@given(st.permutations([1e30, 1.0, 1e-10, -1e30, 2.0**-60, 3.0, -1.0, 0.1]))
def test_a_number_has_one_form(values):
    parts = np.zeros((PARTS, 1))
    for value in values:
        accumulate(parts, np.array([value]))
    found = canonical(parts)[:, 0]
    assert found[0] == pytest.approx(3.1, rel=1e-9)
    assert found.tobytes() == canonical(canonical(parts))[:, 0].tobytes()
    straight = np.zeros((PARTS, 1))
    for value in sorted(values):
        accumulate(straight, np.array([value]))
    assert found.tobytes() == canonical(straight)[:, 0].tobytes()


@pytest.mark.parametrize("rows", [1, 5, 2048, 5000])
def test_sums_of_doubles_are_those_of_their_parts(rows):
    """Doubles have a way of their own, with the same slices."""
    Z = np.random.default_rng(rows).normal(size=(rows, 6)) * np.logspace(-40, 40, 6)
    Z[:, 2] = 0.0
    parts = canonical(exact_gram([Z, np.zeros_like(Z)]))  # of two parts
    assert canonical(exact_gram(Z)).tobytes() == parts.tobytes()
    assert canonical(exact_gram(np.asfortranarray(Z))).tobytes() == parts.tobytes()
