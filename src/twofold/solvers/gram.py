"""The cheap way for tall tables: one pass for the Gram matrix, with the refinement step in the same pass.

A few rows give a first guess ``W0``. The pass over all rows then collects ``G = A'A`` and ``A'(Y - A W0)`` block by
block while the block is in the cache, and ``W = W0 + G^-1 A'(Y - A W0)`` is a step of iterative refinement (the
corrected seminormal equations, Björck 1996, section 6.6.5): Cholesky's error, about cond(A)^2 eps, falls on the small
correction only, and the residuals come from the data themselves.

It is taken only where that is proved to be as good as QR, whose error is about cond(A) eps: the condition of the scaled
matrix, times what centring loses, must be at most 1000, and the last correction no larger than W over that.
A second pass over the residuals is made where the first guess was too far off for that; and one in pairs of doubles
where residuals are below a millionth of the targets, or else the sums of squares are lost to cancellation.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from twofold.solvers import pairs
from twofold.solvers.design import MIN_SHIFT_RATIO, Problem
from twofold.solvers.input_checks import check_finite
from twofold.solvers.orthogonal import residual_sums
from twofold.solvers.solution import DERIVED_DIGITS, LeastSquares, Spread, correct_digits
from twofold.solvers.threads import own_threads

Array = NDArray[np.float64]
MAX_CONDITION = 1e3  # of the matrix: the Gram matrix has its square, 1e6, and eps times that is far below 1
BLOCK = 1 << 17  # numbers of X taken at a time: 1 MiB, which a core's cache holds
SAMPLE = 1 << 13  # rows of the first guess at most
QR_CONSTANT = 2.0  # what a QR factorisation loses is some cond(A) eps, not less than that
RANGES = 16  # that threads share out among them
MIN_LEFT = 1e-4  # what may be left of a sum of squares
MIN_RESIDUALS = 1e-12  # squared: residuals computed in doubles have ten digits above
EPS = float(np.finfo(np.float64).eps)


@dataclass
class Sums:
    """What one pass collects; sums of two ranges of rows add up.

    Attributes
    ----------
    G : ndarray, shape (p, p)
        ``A'A``, A the weighted columns ``[1, X - shift]``.
    H : ndarray, shape (p, q)
        ``A'R``, R the residuals of the guess.
    rr : ndarray, shape (q,)
        Squares of the residuals.
    y1, yy : ndarray, shape (q,)
        Weighted sums of ``Y - middle`` and of its squares.
    """

    G: Array
    H: Array
    rr: Array
    y1: Array
    yy: Array

    def __iadd__(self, other: Sums) -> Sums:
        for name, value in vars(other).items():
            getattr(self, name).__iadd__(value)
        return self


@dataclass(frozen=True)
class Guess:
    """Where the pass starts: coefficients of ``[1, X - shift]`` for ``Y - middle``, middle near the mean of Y.

    A target far from 0 would otherwise lose in its residuals the digits that its mean takes.
    """

    shift: Array | None
    W: Array
    b: Array
    middle: Array


def solve_gram(problem: Problem) -> LeastSquares | None:
    """Solve by Gram matrix, Cholesky and refinement.

    Parameters
    ----------
    problem : Problem
        Without penalty; X without low part, not yet searched for numbers that are not finite.

    Returns
    -------
    LeastSquares or None
        None if the condition doesn't prove it as good as QR.

    Raises
    ------
    DataError
        If X holds a number that is not finite.
    """
    # BLAS's own threads are off throughout: for matrices of d rows they cost more than they give.
    with own_threads(-(-len(problem.Y) // _rows_at_once(problem))) as workers:
        return _solve(problem, workers)


def _solve(problem: Problem, workers: int) -> LeastSquares | None:
    """Guess, pass over the rows, check that it is safe, refine."""
    guess = _guess(problem)
    if guess is None:
        return None
    sums = _pass(problem, guess, workers, gram=True)
    diagonal = np.diag(sums.G)
    if not (np.isfinite(sums.G).all() and np.isfinite(sums.rr).all()):
        check_finite("X", problem.X.high)
        return None
    if not ((diagonal > 1e-200) & (diagonal < 1e200)).all():
        return None  # squares left the range of doubles: QR scales first
    centred = _centre(sums.G, problem.intercept)
    if centred is None or centred.condition * centred.offset > MAX_CONDITION:
        return None
    refined = _correct(problem, guess, sums, workers=workers, centred=centred)
    return None if refined is None else _solution(problem, refined, sums=sums, centred=centred)


@dataclass(frozen=True)
class Centred:
    """The Gram matrix of the features about their means, factored.

    Attributes
    ----------
    C : ndarray, shape (d, d)
    L : ndarray, shape (d, d)
        Cholesky's factor of C scaled to a diagonal of 1.
    unit : ndarray, shape (d,)
        The scaling: 1 over the columns' lengths.
    mean : ndarray, shape (d,)
        0 without an intercept.
    condition : float
        Of the centred columns scaled to length 1.
    offset : float
        The most by which a column was longer before its mean was taken out: digits lost to that.
    """

    C: Array
    L: Array
    unit: Array
    mean: Array
    condition: float
    offset: float


def _centre(G: Array, intercept: bool) -> Centred | None:
    """Take the means out of the Gram matrix of ``[1, X]``, and factor; None if it is not positive definite."""
    if intercept:
        mean = G[0, 1:] / G[0, 0]
        before, C = np.diag(G)[1:], G[1:, 1:] - np.outer(G[0, 1:], mean)
    else:
        mean, before, C = np.zeros(len(G)), np.diag(G), G
    if not (np.diag(C) > before / MAX_CONDITION**2).all():
        return None
    unit = 1.0 / np.sqrt(np.diag(C))
    condition, L = scaled_cholesky(C * unit * unit[:, None])
    return None if L is None else Centred(C, L, unit, mean, condition, float(np.sqrt((before * unit**2).max())))


def _guess(problem: Problem) -> Guess | None:
    """Solve on a few rows, taken in short runs all over the table; None if even they show a bad condition."""
    X, n, first = problem.X.high, len(problem.Y), int(problem.intercept)
    size = max(min(SAMPLE, n // 64), 4 * X.shape[1], 64)
    rows: NDArray[np.intp] | slice = slice(None)
    if n > 2 * size:
        starts = np.linspace(0, n - 64, size // 64).astype(np.intp)
        rows = (starts[:, None] + np.arange(64)).ravel()
    Y = problem.Y[rows]  # (s, q)
    A = np.ones((len(Y), X.shape[1] + first))
    A[:, first:] = X[rows]
    middle, shift = np.zeros(Y.shape[1]), None
    with np.errstate(all="ignore"):  # what isn't finite shows in G
        if first:
            middle = Y.mean(axis=0)
            Y = Y - middle
            mean = A[:, 1:].mean(axis=0)
            deviation = np.sqrt(np.einsum("ij,ij->j", A[:, 1:], A[:, 1:]) / len(A) - mean**2)
            if not (np.abs(mean) <= MIN_SHIFT_RATIO * deviation).all():
                shift = mean
                A[:, 1:] -= shift
        if problem.weight is not None:
            root = np.sqrt(problem.weight[rows])[:, None]
            A, Y = A * root, Y * root
        G = A.T @ A
        length = np.sqrt(np.diag(G))
        if not (np.isfinite(G).all() and (length > 0).all()):
            check_finite("X", X)
            return None
        condition, L = scaled_cholesky(G / length / length[:, None])
    # The rows of a sample are a little worse conditioned than all of them; hence the factor.
    if L is None or condition > 3 * MAX_CONDITION:
        return None
    solved = scipy.linalg.cho_solve((L, True), A.T @ Y / length[:, None]) / length[:, None]  # (p, q)
    return Guess(shift, solved[first:], solved[0] if first else np.zeros_like(middle), middle)


def scaled_cholesky(G: Array) -> tuple[float, Array | None]:
    """Factor a Gram matrix with a diagonal of 1; return the condition of the matrix it came from, and L."""
    try:
        L: Array = np.asarray(np.linalg.cholesky(G), dtype=np.float64)
    except np.linalg.LinAlgError:
        return np.inf, None
    condition = condition_of_gram(G)
    return condition, L if condition < np.inf else None


def condition_of_gram(G: Array) -> float:
    """Return the condition of the matrix that a Gram matrix came from; infinite if it is not positive definite."""
    values = np.linalg.eigvalsh(G)
    return float(np.sqrt(values[-1] / values[0])) if values[0] > 0 else np.inf


def _rows_at_once(problem: Problem) -> int:
    return max(64, BLOCK // problem.X.high.shape[1])


def _pass(problem: Problem, guess: Guess, workers: int, *, gram: bool, exact: bool = False) -> Sums:
    """Go over all rows once, a range at a time on each thread."""
    # As many ranges on any machine: sums don't depend on the number of threads, and a busy core holds up little.
    step = _rows_at_once(problem)
    ranges = min(RANGES, -(-len(problem.Y) // step))
    edges = np.linspace(0, len(problem.Y), ranges + 1).astype(int)

    def part(k: int) -> Sums:
        rows = range(edges[k], edges[k + 1], step)
        with np.errstate(all="ignore"):  # which threads don't inherit; what isn't finite shows in the sums
            return _collect(problem, guess, rows, edges[k + 1], gram=gram, exact=exact)

    with ThreadPoolExecutor(workers) as pool:
        first, *others = pool.map(part, range(ranges))
    for other in others:
        first += other
    return first


def _collect(problem: Problem, guess: Guess, starts: range, stop: int, *, gram: bool, exact: bool) -> Sums:
    """Collect the sums of a range of rows, block by block."""
    first, (d, q) = int(problem.intercept), guess.W.shape
    p = d + first
    sums = Sums(np.zeros((p, p)), np.zeros((p, q)), np.zeros(q), np.zeros(q), np.zeros(q))
    one = np.ones(starts.step)
    # One target is a vector to BLAS, which reads X at full speed; a matrix of one column is slower.
    W: Array = guess.W[:, 0] if q == 1 else guess.W
    Y: Array = problem.Y[:, 0] if q == 1 else problem.Y
    b, middle = (guess.b[0], guess.middle[0]) if q == 1 else (guess.b, guess.middle)
    H = sums.H[:, 0] if q == 1 else sums.H
    both = np.empty((2, starts.step, *W.shape[1:]))
    for start in starts:
        rows = slice(start, min(start + starts.step, stop))
        X = problem.X.high[rows]  # (m, d)
        if guess.shift is not None:
            X = X - guess.shift
        T, R = both[0, : len(X)], both[1, : len(X)]  # not new ones each time: a thread's memory is slow to come
        np.subtract(Y[rows], middle, out=T)
        ones, weighted = one[: len(X)], X
        if problem.weight is not None:
            ones = np.sqrt(problem.weight[rows])
            wide = ones if q == 1 else ones[:, None]
            weighted = X * ones[:, None]
            T *= wide
        # Long products are np.dot's: matmul keeps Python's lock where its result is small, so that threads would wait.
        # Short ones do keep it: letting go of it and taking it again would take longer than they do.
        if gram:  # first, while X comes from memory: matrix products wait for it the least
            sums.G[first:, first:] += np.dot(weighted.T, weighted)
            if first:
                sums.G[0, 1:] += np.dot(ones, weighted)
                sums.G[0, 0] += ones @ ones
        if first:
            sums.y1 += ones @ T if q == 1 else np.dot(ones, T)
        sums.yy += _squares(T)
        if exact:
            R[...] = _exact(problem, guess, rows).reshape(R.shape)
            R *= 1.0 if problem.weight is None else wide
        else:
            np.dot(weighted, W, out=R)
            np.subtract(T, R, out=R)
            if first:
                R -= b if problem.weight is None else b * wide
        H[first:] += np.dot(R, weighted) if q == 1 else np.dot(weighted.T, R)
        sums.rr += _squares(R)
        if first:
            H[0] += ones @ R if q == 1 else np.dot(ones, R)
    if first:
        sums.G[1:, 0] = sums.G[0, 1:]
    return sums


def _exact(problem: Problem, guess: Guess, rows: slice) -> Array:
    """Compute the residuals of a guess in pairs, (m, q)."""
    A, q = pairs.pair(problem.X.high[rows]), len(guess.b)
    if guess.shift is not None:
        A = pairs.subtract(A, pairs.pair(np.broadcast_to(guess.shift, A.high.shape)))
    T = pairs.two_sum(problem.Y[rows], np.broadcast_to(-guess.middle, (len(A.high), q)))
    fitted = pairs.add(pairs.matrix_product(A, pairs.pair(guess.W)), pairs.pair(guess.b))
    return pairs.subtract(T, fitted).high


def _squares(R: Array) -> Array:
    """Sum squares over rows: (m,) to (), or (m, q) to (q,)."""
    return np.asarray(R @ R if R.ndim == 1 else np.einsum("ij,ij->j", R, R))


def _correct(
    problem: Problem, guess: Guess, sums: Sums, *, workers: int, centred: Centred
) -> tuple[Guess, Array, Array, Array] | None:
    """Refine the guess; return it with the last correction of W, scaled, and both sums of squares."""
    found, exact, lengths = sums, False, np.sqrt(np.diag(sums.G))
    unit, safe = centred.unit[:, None], centred.condition * centred.offset
    first = int(problem.intercept)
    for _ in range(4):
        H, rr, tss = found.H, found.rr, found.yy - np.square(found.y1) / sums.G[0, 0] * first
        moment = H[first:] - np.outer(centred.mean, H[0]) if first else H
        step = unit * scipy.linalg.cho_solve((centred.L, True), unit * moment)  # (d, q)
        move = H[0] / sums.G[0, 0] - centred.mean @ step if first else np.zeros(len(rr))  # (q,)
        guess = Guess(guess.shift, guess.W + step, guess.b + move, guess.middle)
        rss = np.maximum(rr - (step * H[first:]).sum(axis=0) - (move * H[0] if first else 0.0), 0.0)
        size = np.abs(step / unit).max(axis=0)
        settled = bool((size * safe <= QR_CONSTANT * np.abs(guess.W / unit).max(axis=0)).all())
        terms = found.yy + np.square(lengths[first:] @ np.abs(guess.W))
        cancelled = (rss < MIN_LEFT * rr) | (tss < MIN_LEFT * found.yy) | (rss < MIN_RESIDUALS * terms)
        if settled and (exact or not cancelled.any()):
            return guess, size, rss, tss
        exact, away = exact or settled, found.y1 / sums.G[0, 0] * first
        guess = Guess(guess.shift, guess.W, guess.b - away, guess.middle + away)
        found = _pass(problem, guess, workers, gram=False, exact=exact)
    return None


def _solution(
    problem: Problem, refined: tuple[Guess, Array, Array, Array], *, sums: Sums, centred: Centred
) -> LeastSquares:
    """Bring everything to the user's scale."""
    (guess, size, rss, tss), first = refined, int(problem.intercept)
    W, unit, d = guess.W, centred.unit[:, None], len(guess.W)
    root = unit * scipy.linalg.solve_triangular(centred.L, np.eye(d), lower=True, trans="T")  # root root' = C^-1
    deviations = np.sqrt(np.square(root).sum(axis=1))[:, None]
    # Residuals computed in doubles are wrong by eps of their terms, in the norm of the fit; and so is their product
    # with A, by the condition. To that comes Cholesky's error on the last step.
    safe, largest = centred.condition * centred.offset, np.abs(W / unit).max(axis=0)
    terms = np.sqrt(sums.yy) + np.sqrt(np.diag(sums.G))[first:] @ np.abs(W) + safe * np.sqrt(rss)
    if first:
        terms = terms + np.sqrt(sums.G[0, 0]) * np.abs(guess.b)
    error = EPS * (safe**2 * size * unit + terms * deviations)  # (d, q)
    whole = terms + np.sqrt(sums.G[0, 0]) * np.abs(guess.middle) * first
    digits = correct_digits(error, W, np.maximum(unit * largest, deviations * whole))
    b, shift, size_b = guess.b, centred.mean, np.abs(guess.b) + np.abs(guess.middle)
    if guess.shift is not None:
        shift = shift + guess.shift
        b, size_b = b - guess.shift @ W, size_b + np.abs(guess.shift) @ np.abs(W)
    b = b + guess.middle
    variances = deviations[:, 0] ** 2
    if first:
        n = sums.G[0, 0]
        error_b = EPS * (size_b + terms / np.sqrt(n)) + np.abs(shift) @ error
        digits = np.vstack([correct_digits(error_b, b, size_b + np.abs(shift) @ np.abs(W)), digits])
        variances = np.concatenate([[1 / n + np.square(shift @ root).sum()], variances])
        root = scipy.linalg.block_diag(1 / np.sqrt(n), root)
    return LeastSquares(
        W=W,
        b=b,
        rank=d,
        condition=centred.condition,
        singular=np.sqrt(np.maximum(np.linalg.eigvalsh(centred.C), 0.0))[::-1],
        digits=digits,
        dependent=(),
        residuals=residual_sums(problem, np.minimum(rss, np.maximum(tss, 0.0)), np.maximum(tss, 0.0)),
        spread=Spread(shift, root, np.sqrt(variances), 1.0 / centred.unit, digits=_derived(safe, terms, rss)),
        method="gram",
        intercept=problem.intercept,
    )


def _derived(safe: float, terms: Array, rss: Array) -> float:
    """Tell the digits of standard errors and leverages, which have Cholesky's error, and of residuals."""
    with np.errstate(divide="ignore"):
        error = EPS * (safe**2 + safe * (terms / np.sqrt(rss)).max(initial=0.0))
    return float(np.clip(-np.log10(error), 0.0, DERIVED_DIGITS))
