"""The cheap way for tall tables: one pass for the Gram matrix, with the refinement step in the same pass.

A few rows give a first guess ``W0``. The pass over all rows then collects ``G = A'A`` and ``A'(Y - A W0)`` block by
block while the block is in the cache, and ``W = W0 + G^-1 A'(Y - A W0)`` is a step of iterative refinement (the
corrected seminormal equations, Björck 1996, section 6.6.5): Cholesky's error, about cond(A)^2 eps, falls on the small
correction only, and the residuals come from the data themselves.

It is taken only where that is proved to be as good as QR, whose error is about cond(A) eps: the condition of the scaled
matrix, times what centring loses, must be at most 1000, and the last correction no larger than W over that.
A second pass over the residuals is made where the first guess was too far off for that.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy.linalg
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from twofold.solvers.border import check_finite
from twofold.solvers.design import Problem
from twofold.solvers.orthogonal import residual_sums
from twofold.solvers.solution import LeastSquares, Spread, correct_digits

Array = NDArray[np.float64]
MOST_CONDITION = 1e3  # of the matrix: the Gram matrix has its square, 1e6, and eps times that is far below 1
BLOCK = 1 << 18  # numbers of X taken at a time: 2 MiB, which a core's cache holds
SAMPLE = 1 << 13  # rows of the first guess at most
QR_CONSTANT = 2.0  # what a QR factorisation loses is some cond(A) eps, not less than that
RANGES = 16  # that threads share out among them
FAR = 8.0  # mean over standard deviation from which columns are shifted first
EPS = float(np.finfo(np.float64).eps)
_ONE_AT_A_TIME = threading.Lock()  # the number of BLAS threads belongs to the whole process


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
        Weighted sums of ``Y - mean of the sample`` and of its squares.
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
    """Where the pass starts: coefficients of ``[1, X - shift]`` and a value near the mean of Y."""

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
    with np.errstate(all="ignore"):  # what overflows is found out right below
        sums = _pass(problem, guess, workers, gram=True)
    diagonal = np.diag(sums.G)
    if not (np.isfinite(sums.G).all() and np.isfinite(sums.rr).all()):
        check_finite("X", problem.X.high)
        return None
    if not ((diagonal > 1e-200) & (diagonal < 1e200)).all():
        return None  # squares left the range of doubles: QR scales first
    centred = _centre(sums.G, problem.intercept)
    if centred is None or centred.condition * centred.offset > MOST_CONDITION:
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
    if not (np.diag(C) > before / MOST_CONDITION**2).all():
        return None
    unit = 1.0 / np.sqrt(np.diag(C))
    condition, L = scaled_cholesky(C * unit * unit[:, None])
    return None if L is None else Centred(C, L, unit, mean, condition, float(np.sqrt((before * unit**2).max())))


def _guess(problem: Problem) -> Guess | None:
    """Solve on a few rows, taken in short runs all over the table; None if even they show a bad condition."""
    X, n, first = problem.X.high, len(problem.Y), int(problem.intercept)
    size = max(min(SAMPLE, n // 32), 4 * X.shape[1], 64)
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
            mean = A[:, 1:].mean(axis=0)
            deviation = np.sqrt(np.einsum("ij,ij->j", A[:, 1:], A[:, 1:]) / len(A) - mean**2)
            if not (np.abs(mean) <= FAR * deviation).all():
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
    if L is None or condition > 3 * MOST_CONDITION:
        return None
    solved = scipy.linalg.cho_solve((L, True), A.T @ Y / length[:, None]) / length[:, None]  # (p, q)
    return Guess(shift, solved[first:], solved[0] if first else middle, middle)


def scaled_cholesky(G: Array) -> tuple[float, Array | None]:
    """Factor a Gram matrix with a diagonal of 1; return the condition of the matrix it came from, and L."""
    try:
        L: Array = np.asarray(np.linalg.cholesky(G), dtype=np.float64)
    except np.linalg.LinAlgError:
        return np.inf, None
    values = np.linalg.eigvalsh(G)
    return (float(np.sqrt(values[-1] / values[0])), L) if values[0] > 0 else (np.inf, None)


def _rows_at_once(problem: Problem) -> int:
    return max(64, BLOCK // problem.X.high.shape[1])


def _pass(problem: Problem, guess: Guess, workers: int, *, gram: bool) -> Sums:
    """Go over all rows once, a range at a time on each thread."""
    # As many ranges on any machine: sums don't depend on the number of threads, and a busy core holds up little.
    step = _rows_at_once(problem)
    ranges = min(RANGES, -(-len(problem.Y) // step))
    edges = np.linspace(0, len(problem.Y), ranges + 1).astype(int)

    def part(k: int) -> Sums:
        return _collect(problem, guess, range(edges[k], edges[k + 1], step), edges[k + 1], gram=gram)

    with ThreadPoolExecutor(workers) as pool:
        first, *others = pool.map(part, range(ranges))
    for other in others:
        first += other
    return first


@contextmanager
def own_threads(pieces: int) -> Iterator[int]:
    """Take over BLAS's threads: each of ours then calls BLAS on one core, on a block that its cache holds.

    Parameters
    ----------
    pieces : int
        How many there could be use for.

    Yields
    ------
    int
        How many threads to start; 1 leaves BLAS its own.
    """
    controller = _controller()
    with _ONE_AT_A_TIME:
        workers = max([lib.num_threads for lib in controller.lib_controllers if lib.user_api == "blas"], default=1)
        workers = max(1, min(workers, pieces))
        if workers == 1:
            yield 1
            return
        with controller.limit(limits=1, user_api="blas"):
            yield workers


@lru_cache(maxsize=1)
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


def _collect(problem: Problem, guess: Guess, starts: range, stop: int, *, gram: bool) -> Sums:
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
    for start in starts:
        rows = slice(start, min(start + starts.step, stop))
        X = problem.X.high[rows]  # (m, d)
        if guess.shift is not None:
            X = X - guess.shift
        R = Y[rows] - X @ W
        if first:
            R -= b
        T = Y[rows] - middle
        ones = one[: len(X)]
        if problem.weight is not None:
            ones = np.sqrt(problem.weight[rows])
            wide = ones if q == 1 else ones[:, None]
            X, R, T = X * ones[:, None], R * wide, T * wide
        H[first:] += X.T @ R
        sums.rr += np.einsum("i...,i...->...", R, R)
        if first:
            H[0] += ones @ R
        if gram:
            sums.G[first:, first:] += X.T @ X
            sums.y1 += ones @ T
            sums.yy += np.einsum("i...,i...->...", T, T)
            if first:
                sums.G[0, 1:] += ones @ X
                sums.G[0, 0] += ones @ ones
    if first:
        sums.G[1:, 0] = sums.G[0, 1:]
    return sums


def _correct(
    problem: Problem, guess: Guess, sums: Sums, *, workers: int, centred: Centred
) -> tuple[Guess, Array, Array] | None:
    """Refine the guess; return it with the last correction of W, scaled, and the sum of squares."""
    H, rr, unit, safe = sums.H, sums.rr, centred.unit[:, None], centred.condition * centred.offset
    first = int(problem.intercept)
    for _ in range(3):
        moment = H[first:] - np.outer(centred.mean, H[0]) if first else H
        step = unit * scipy.linalg.cho_solve((centred.L, True), unit * moment)  # (d, q)
        move = H[0] / sums.G[0, 0] - centred.mean @ step if first else np.zeros(len(rr))  # (q,)
        guess = Guess(guess.shift, guess.W + step, guess.b + move, guess.middle)
        rss = np.maximum(rr - (step * H[first:]).sum(axis=0) - (move * H[0] if first else 0.0), 0.0)
        size = np.abs(step / unit).max(axis=0)
        if (size * safe <= QR_CONSTANT * np.abs(guess.W / unit).max(axis=0)).all():
            return guess, size, rss
        again = _pass(problem, guess, workers, gram=False)
        H, rr = again.H, again.rr
    return None


def _solution(problem: Problem, refined: tuple[Guess, Array, Array], *, sums: Sums, centred: Centred) -> LeastSquares:
    """Bring everything to the user's scale."""
    (guess, size, rss), first = refined, int(problem.intercept)
    W, unit, d = guess.W, centred.unit[:, None], len(guess.W)
    # Cholesky's error on the last step, and that of residuals computed in doubles.
    safe, largest = centred.condition * centred.offset, np.abs(W / unit).max(axis=0)
    error = unit * EPS * (safe**2 * size + safe * largest)  # (d, q)
    digits = correct_digits(error, W, unit * largest)
    b, shift = guess.b, centred.mean
    if guess.shift is not None:
        b, shift = b - guess.shift @ W, shift + guess.shift
    root = unit * scipy.linalg.solve_triangular(centred.L, np.eye(d), lower=True, trans="T")  # root root' = C^-1
    variances = np.square(root).sum(axis=1)
    tss = sums.yy
    if first:
        n = sums.G[0, 0]
        tss = tss - np.square(sums.y1) / n
        digits = np.vstack(
            [correct_digits(EPS * np.abs(b) + np.abs(shift) @ error, b, np.abs(shift) @ np.abs(W)), digits]
        )
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
        residuals=residual_sums(problem, rss, tss),
        spread=Spread(shift, root, np.sqrt(variances), 1.0 / centred.unit),
        method="gram",
        intercept=problem.intercept,
    )
