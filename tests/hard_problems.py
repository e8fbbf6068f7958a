"""Random hard problems of least squares, and by how many digits a solution claims too much, in exact arithmetic.

    python tests/hard_problems.py --count 100000 [--seed 0]

Tables have columns that all but depend on each other, or do; that lie far from 0; whose units differ by eighteen orders
of magnitude; more columns than samples; weights; penalties. The truth is computed in whole numbers, which don't round.
`tests/solvers/test_hard_problems.py` runs some.
"""

from __future__ import annotations

import argparse
import math
import warnings
from collections import defaultdict
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from twofold.errors import DataError
from twofold.solvers import Moments, solve_least_squares, solve_moments
from twofold.solvers.inference import robust_errors
from twofold.solvers.influence import influence

MOST = 0.3  # digits by which a claim may be too high
BITS = 1200  # below the point, of square roots


@dataclass(frozen=True)
class Hard:
    """One problem.

    Attributes
    ----------
    kind : str
    X, y : ndarray, shapes (n, d) and (n,)
    weight : ndarray, shape (n,), or None
    intercept : bool
    penalty : float
    """

    kind: str
    X: Any
    y: Any
    weight: Any
    intercept: bool
    penalty: float = 0.0


def nearly_dependent(rng: Any, n: int, d: int) -> Any:
    X = rng.standard_normal((n, d))
    X[:, -1] = X[:, :-1] @ rng.standard_normal(d - 1) + 10.0 ** rng.uniform(-13, 0) * X[:, -1]
    return X


def far_from_0(rng: Any, n: int, d: int) -> Any:
    return rng.standard_normal((n, d)) + 10.0 ** rng.uniform(0, 9, d) * rng.choice([-1.0, 1.0], d)


def unlike_units(rng: Any, n: int, d: int) -> Any:
    return rng.standard_normal((n, d)) * 10.0 ** rng.uniform(-9, 9, d)


def graded(rng: Any, n: int, d: int) -> Any:
    X = rng.standard_normal((n, d)) @ np.diag(10.0 ** -np.linspace(0, rng.uniform(0, 12), d))
    X = X @ rng.standard_normal((d, d))
    return X + rng.choice([0.0, 1.0, -1.0]) * np.abs(X).max() * 10.0 ** rng.uniform(0, 8)


def timestamps(rng: Any, n: int, d: int) -> Any:
    X = rng.standard_normal((n, d))
    X[:, 0] = 1.7e18 + np.sort(rng.integers(0, 10 ** int(rng.integers(10, 18)), n))
    return X


def whole_numbers(rng: Any, n: int, d: int) -> Any:
    return rng.integers(-9, 10, (n, d)) * 10.0 ** rng.integers(-2, 6, d)


def powers(rng: Any, n: int, d: int) -> Any:
    x = rng.uniform(-1, 1, n) * 10.0 ** rng.uniform(-1, 1) + rng.choice([0.0, 3.0])
    return np.column_stack([x ** (k + 1) for k in range(d)])


def dependent(rng: Any, n: int, d: int) -> Any:
    """Make columns of whole numbers, some of which others give, exactly, times powers of two and ten."""
    own = max(1, d - int(rng.integers(1, 3)))
    X = rng.integers(-99, 100, (n, own)).astype(float) * 2.0 ** rng.integers(-30, 30, own)
    while X.shape[1] < d:
        j, k = rng.integers(0, X.shape[1], 2)
        small = 2.0 ** rng.integers(-3, 4)
        X = np.column_stack([X, X[:, j] * small if rng.random() < 0.5 or j == k else _sum(X[:, j], X[:, k])])
    return X[:, rng.permutation(d)]


def _sum(a: Any, b: Any) -> Any:
    exact = all(Fraction(u) + Fraction(v) == Fraction(u + v) for u, v in zip(a.tolist(), b.tolist(), strict=True))
    return a + b if exact else 2.0 * a


TALL = (nearly_dependent, far_from_0, unlike_units, graded, timestamps, whole_numbers, powers)


def draw(rng: Any) -> Hard:
    """Draw a problem."""
    shape = rng.choice(["tall", "wide", "dependent"], p=[0.55, 0.3, 0.15])
    intercept, penalty = bool(rng.random() < 0.7), 0.0
    if shape == "wide":
        n = int(rng.integers(2, 8))
        d = n + int(rng.integers(0, 8))
        X = rng.standard_normal((n, d)) * 10.0 ** rng.uniform(-rng.uniform(0, 4), rng.uniform(0, 4), d)
        X += rng.choice([0.0, 0.0, 1.0]) * 10.0 ** rng.uniform(0, 6)
        if rng.random() < 0.3:
            X[-1] = X[0] + 10.0 ** rng.uniform(-8, 0) * X[-1]
    elif shape == "dependent":
        n, d = int(rng.integers(6, 20)), int(rng.integers(2, 6))
        X = dependent(rng, n, d)
    else:
        make = TALL[rng.integers(len(TALL))]
        d = int(rng.integers(2, 6))
        n = d + 2 + int(rng.integers(1, 25))
        X, shape = make(rng, n, d), make.__name__
        if rng.random() < 0.2:
            penalty = float(10.0 ** rng.uniform(-12, 6))
    y = X @ (rng.standard_normal(d) / np.maximum(np.abs(X).max(axis=0), 1e-300)) * 10.0 ** rng.uniform(-3, 3)
    y = y + 10.0 ** rng.uniform(-12, 2) * rng.standard_normal(len(X)) + rng.choice([0.0, 1e6]) * intercept
    weight = rng.uniform(0.01, 10.0, len(X)) if rng.random() < 0.3 else None
    return Hard(str(shape), X, y, weight, intercept, penalty)


def whole(values: Any) -> tuple[Any, int]:
    """Turn doubles into whole numbers of units of 2**-bits, exactly; return the bits too."""
    ratios = [Fraction(v) for v in np.ravel(values).tolist()]
    bits = max([f.denominator.bit_length() - 1 for f in ratios], default=0)
    found = np.array([int(f * 2**bits) for f in ratios] or [], dtype=object)
    return found.reshape(np.shape(values)), bits


def solve(A: Any, B: Any) -> tuple[Any, int] | None:
    """Solve ``A Z = B`` of whole numbers without fractions (Bareiss); return Z's numerators and its denominator."""
    n = len(A)
    M = np.concatenate([A, B], axis=1)
    before = 1
    for k in range(n):
        pivot = next((i for i in range(k, n) if M[i, k]), None)
        if pivot is None:
            return None
        M[[k, pivot]] = M[[pivot, k]]
        rows = np.arange(n) != k
        M[rows] = (M[k, k] * M[rows] - M[rows, k][:, None] * M[k]) // before
        before = M[k, k]
    return M[:, n:], before


def fractions(numbers: Any, denominator: Any) -> Any:
    return np.array([Fraction(int(v), int(denominator)) for v in numbers.ravel()], dtype=object).reshape(numbers.shape)


@dataclass(frozen=True)
class Truth:
    """Coefficients, the intercept first; the inverse of ``A'A``, and fractions of the design, targets and weights."""

    coefficients: Any
    inverse: Any
    A: Any
    y: Any
    weight: Any


def truth(problem: Hard) -> Truth | None:
    """Solve exactly; None if the columns depend on each other."""
    n = len(problem.X)
    X = np.column_stack([np.ones(n), problem.X]) if problem.intercept else problem.X
    columns = [whole(column) for column in X.T]  # each in its own unit
    A = np.column_stack([column for column, _ in columns])
    y, y_bits = whole(problem.y)
    weight, w_bits = whole(np.ones(n) if problem.weight is None else problem.weight)
    M, C = (A.T * weight) @ A, (A.T * weight) @ y
    scale = np.array([Fraction(2) ** bits for _, bits in columns], dtype=object)
    if problem.penalty:
        square = np.array([Fraction(problem.penalty) * s * s * 2**w_bits for s in scale], dtype=object)
        square[: int(problem.intercept)] = Fraction(0)
        common = max(f.denominator for f in square)
        M, C = M * common, C * common
        M[np.diag_indices(len(M))] += np.array([int(f * common) for f in square], dtype=object)
    found = solve(M, np.column_stack([C, np.eye(len(M), dtype=int).astype(object)]))
    if found is None:
        return None
    Z = fractions(*found)
    inverse = Z[:, 1:] * scale[:, None] * scale * 2**w_bits
    return Truth(
        Z[:, 0] * scale / 2**y_bits, inverse, A / scale, y * Fraction(1, 2**y_bits), weight * Fraction(1, 2**w_bits)
    )


def shortest_truth(problem: Hard) -> Any:
    """Solve exactly for the shortest of all minimisers, (p,); the intercept is free."""
    n, first = len(problem.X), int(problem.intercept)
    A = np.column_stack([np.ones(n), problem.X]) if first else problem.X
    own = independent_columns(A)
    part = replace(problem, X=A[:, own], intercept=False)
    fitted = truth(part).coefficients
    rows = part_rows(A, own)  # (r, p): the columns by the independent ones
    G = rows[:, first:] @ rows[:, first:].T
    right = fitted[:, None]
    if first:
        column = rows[:, :1]
        size = len(G)
        G = np.block([[G, column], [column.T, np.zeros((1, 1), dtype=object)]])
        right = np.concatenate([right, np.zeros((1, 1), dtype=object)])
        a = solve_fractions(G, right)
        return np.concatenate([a[size], rows[:, 1:].T @ a[:size, 0]])
    return rows.T @ solve_fractions(G, right)[:, 0]


def solve_fractions(G: Any, right: Any) -> Any:
    """Solve a system of fractions."""
    both = np.concatenate([G, right], axis=1)
    for row in both:
        row *= math.lcm(*(Fraction(v).denominator for v in row))
    both = np.array([[int(v) for v in row] for row in both], dtype=object)
    return fractions(*solve(both[:, : len(G)], both[:, len(G) :]))


def independent_columns(A: Any) -> list[int]:
    """Return columns that give all others, by exact elimination."""
    M = np.column_stack([whole(column)[0] for column in A.T])
    own, row, before = [], 0, 1
    for j in range(M.shape[1]):
        pivot = next((i for i in range(row, len(M)) if M[i, j]), None)
        if pivot is None:
            continue
        M[[row, pivot]] = M[[pivot, row]]
        rest = np.arange(len(M)) > row
        M[rest] = (M[row, j] * M[rest] - M[rest, j][:, None] * M[row]) // before
        before = M[row, j]
        own.append(j)
        row += 1
    return own


def part_rows(A: Any, own: list[int]) -> Any:
    """Express all columns by some of them, exactly: (r, p)."""
    rows = np.zeros((len(own), A.shape[1]), dtype=object)
    for j in range(A.shape[1]):
        rows[:, j] = truth(Hard("", A[:, own], A[:, j], None, intercept=False)).coefficients
    return rows


def root(value: Fraction) -> Fraction:
    """Take a square root to more digits than any double has."""
    return Fraction(math.isqrt((value.numerator << 2 * BITS) // value.denominator), 1 << BITS)


def right_digits(value: float, exact: Fraction) -> float:
    error = abs(Fraction(float(value)) - exact)
    if not error:
        return 16.0
    return min(16.0, max(0.0, -_log10(error / abs(exact)))) if exact else 0.0


def _log10(value: Fraction) -> float:
    return math.log10(value.numerator) - math.log10(value.denominator)


def overclaims(problem: Hard, *, streamed: bool = False) -> dict[str, float]:
    """Return by how many digits each claim is too high, by what it is about; empty where there is no solution."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            solution = _solution(problem, streamed=streamed)
        except DataError:
            return {}
    first = int(problem.intercept)
    exact: Truth | None = None
    if solution.dependent:
        A = np.column_stack([np.ones(len(problem.X)), problem.X]) if first else problem.X
        if problem.penalty or len(independent_columns(A)) != solution.rank + first:
            return {}  # columns lost in the rounding of the input: another question
        coefficients = shortest_truth(problem)
    else:
        exact = truth(problem)
        if exact is None:
            return {}
        coefficients = exact.coefficients
    values = [*solution.b[:first], *solution.W[:, 0]]
    terms = [float(np.abs(problem.X).mean(axis=0) @ np.abs(solution.W[:, 0]))] * first + [0.0] * problem.X.shape[1]
    found = {}
    for value, true, claim, term in zip(values, coefficients, solution.digits[:, 0], terms, strict=True):
        if abs(true) < 4e-16 * term or not true:
            continue  # of which nothing is left but rounding
        over = float(claim) - right_digits(value, true)
        found["coefficients"] = max(found.get("coefficients", -math.inf), over)
    if exact is not None and solution.spread is not None:
        found |= statistics(problem, exact, solution)
    return found


def _solution(problem: Hard, *, streamed: bool) -> Any:
    X, Y = problem.X, problem.y[:, None]
    options: Any = {"fit_intercept": problem.intercept, "penalty": problem.penalty}
    if not streamed:
        return solve_least_squares(X, Y, problem.weight, **options)
    moments = Moments(X.shape[1], 1)
    for rows in np.array_split(np.arange(len(X)), 3):
        if len(rows):
            moments.add(X[rows], Y[rows], None if problem.weight is None else problem.weight[rows])
    return solve_moments(moments, **options)


def statistics(problem: Hard, exact: Truth, solution: Any) -> dict[str, float]:
    """Return by how many digits the claim about what follows from the covariance is too high."""
    n, p = exact.A.shape
    rest = exact.y - exact.A @ exact.coefficients
    rss = (exact.weight * rest * rest).sum()
    claim = solution.spread.digits
    if not rss or n <= p:
        return {}
    weighted = exact.A * exact.weight[:, None]
    leverage = ((exact.A @ exact.inverse) * weighted).sum(axis=1)
    own = [bool(h == 1) for h in leverage]
    deviations = [root(v) for v in np.diag(exact.inverse)]
    X, Y = problem.X, problem.y[:, None]
    told = influence(solution, X, Y, problem.weight)
    measured: dict[str, list[float]] = defaultdict(list)
    for value, true in zip(solution.spread.deviations, deviations, strict=True):
        measured["standard errors"].append(right_digits(value, true))
    measured["rss"].append(right_digits(solution.residuals.rss[0], rss))
    for i in range(n):
        measured["leverage"].append(right_digits(told.leverage[i], leverage[i]))
        if not own[i] and leverage[i]:
            square, factor = exact.weight[i] * rest[i] ** 2, leverage[i] * (n - p) / rss / p / (1 - leverage[i]) ** 2
            # A residual below a thousandth of the others counts as one of that size.
            wrong = abs(Fraction(float(told.cook[i])) - square * factor) / (factor * max(square, rss / n / 10**6))
            measured["cook"].append(min(16.0, -_log10(wrong)) if wrong else 16.0)
    if not any(own):
        factors = {"HC0": 0, "HC2": 1, "HC3": 2}
        effect = weighted @ exact.inverse  # (n, p)
        for kind, power in factors.items():
            square = exact.weight * 0 + [r * r / (1 - h) ** power for r, h in zip(rest, leverage, strict=True)]
            true_errors = [root(v) for v in (square[:, None] * effect * effect).sum(axis=0)]
            values = robust_errors(solution, X, Y, problem.weight, kind=kind)
            measured[kind] = [right_digits(v, t) for v, t in zip(values, true_errors, strict=True)]
    return {name: claim - min(digits) for name, digits in measured.items() if digits}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--streamed", action="store_true", help="solve from the sums of three blocks")
    options = parser.parse_args()
    worst: dict[tuple[str, str], float] = defaultdict(lambda: -math.inf)
    solved = over = 0
    for number in range(options.count):
        problem = draw(np.random.default_rng([options.seed, number]))
        found = overclaims(problem, streamed=options.streamed)
        solved += bool(found)
        for name, digits in found.items():
            worst[problem.kind, name] = max(worst[problem.kind, name], digits)
            if digits > MOST:
                over += 1
                print(f"problem {number} ({problem.kind}): {name} claimed {digits:.2f} digits too many", flush=True)
    for (kind, name), digits in sorted(worst.items()):
        print(f"{kind:20} {name:16} {digits:6.2f}")
    print(f"{options.count} problems, {solved} solved, {over} claims more than {MOST} digits too high")


if __name__ == "__main__":
    main()
