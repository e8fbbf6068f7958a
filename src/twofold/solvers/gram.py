"""The cheap way for tall tables: one pass for the Gram matrix, with the refinement step in the same pass.

A few rows give a first guess ``W0``. The pass over all rows then collects ``G = A'A`` and ``A'(Y - A W0)`` block by
block while the block is in the cache, and ``W = W0 + G^-1 A'(Y - A W0)`` is a step of iterative refinement (the
corrected seminormal equations, Björck 1996, section 6.6.5): Cholesky's error, about cond(A)^2 eps, falls on the small
correction only, and the residuals come from the data themselves.

It is taken only where that is proved to be as good as QR, whose error is about cond(A) eps: the condition of the scaled
matrix, estimated from Cholesky's factor, must be at most 1000, and the last correction no larger than W / cond(A).
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
import scipy.linalg.lapack
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from twofold.solvers.border import check_finite
from twofold.solvers.design import Problem
from twofold.solvers.orthogonal import residual_sums
from twofold.solvers.solution import LeastSquares, Spread, correct_digits

Array = NDArray[np.float64]
MOST_CONDITION = 1e3  # of the matrix: the Gram matrix has its square, 1e6, and eps times that is far below 1
BLOCK = 1 << 18  # numbers of X taken at a time: 2 MiB, which a core's cache holds
SAMPLE = 1 << 14  # rows of the first guess
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
    guess = _guess(problem)
    if guess is None:
        return None
    with np.errstate(all="ignore"):  # what overflows is found out right below
        sums = _pass(problem, guess, gram=True)
    diagonal = np.diag(sums.G)
    if not (np.isfinite(sums.G).all() and np.isfinite(sums.rr).all()):
        check_finite("X", problem.X.high)
        return None
    if not ((diagonal > 1e-200) & (diagonal < 1e200)).all():
        return None  # squares left the range of doubles: QR scales first
    unit = 1.0 / np.sqrt(diagonal)
    condition, L = scaled_cholesky(sums.G * unit * unit[:, None])
    if L is None or condition > MOST_CONDITION:
        return None
    refined = _correct(problem, guess, sums, (L, unit, condition))
    return None if refined is None else _solution(problem, guess, refined, sums, factor=(L, unit, condition))


def _guess(problem: Problem) -> Guess | None:
    """Solve on a few rows, taken in short runs all over the table; None if even they show a bad condition."""
    X, n = problem.X.high, len(problem.Y)
    size = max(SAMPLE, 8 * X.shape[1])
    rows: NDArray[np.intp] | slice = slice(None)
    if n > 2 * size:
        starts = np.linspace(0, n - 64, size // 64).astype(np.intp)
        rows = (starts[:, None] + np.arange(64)).ravel()
    A, Y = X[rows], problem.Y[rows]  # (s, d), (s, q)
    root = None if problem.weight is None else np.sqrt(problem.weight[rows])[:, None]
    with np.errstate(all="ignore"):
        middle = Y.mean(axis=0) if problem.intercept else np.zeros(Y.shape[1])
        shift = None
        if problem.intercept:
            mean = A.mean(axis=0)
            if (np.abs(mean) > FAR * A.std(axis=0)).any():
                shift = mean
                A = A - shift
            A = np.column_stack([np.ones(len(A)), A])
        if root is not None:
            A, Y = A * root, Y * root
        length = np.sqrt(np.square(A).sum(axis=0))
        A = A / length
    if not np.isfinite(A).all() or not np.isfinite(length).all():
        check_finite("X", X)
        return None
    condition, L = scaled_cholesky(A.T @ A)
    # The rows of a sample are a little worse conditioned than all of them; hence the factor.
    if L is None or condition > 3 * MOST_CONDITION:
        return None
    solved = scipy.linalg.cho_solve((L, True), A.T @ Y) / length[:, None]  # (p, q)
    if problem.intercept:
        return Guess(shift, solved[1:], solved[0], middle)
    return Guess(shift, solved, np.zeros(Y.shape[1]), middle)


def scaled_cholesky(G: Array) -> tuple[float, Array | None]:
    """Factor a Gram matrix with a diagonal of 1; return the condition of the matrix it came from, and L."""
    try:
        L: Array = np.asarray(np.linalg.cholesky(G), dtype=np.float64)
    except np.linalg.LinAlgError:
        return np.inf, None
    reciprocal, _ = scipy.linalg.lapack.dpocon(L, float(np.abs(G).sum(axis=0).max()), uplo="L")
    return (float(np.sqrt(1.0 / reciprocal)), L) if reciprocal > 0 else (np.inf, None)


def _pass(problem: Problem, guess: Guess, *, gram: bool) -> Sums:
    """Go over all rows once, on as many threads as BLAS would use."""
    n, step = len(problem.Y), max(64, BLOCK // problem.X.high.shape[1])
    with own_threads(-(-n // step)) as workers:
        edges = np.linspace(0, n, workers + 1).astype(int)
        if workers == 1:
            return _collect(problem, guess, range(0, n, step), n, gram=gram)

        def part(k: int) -> Sums:
            return _collect(problem, guess, range(edges[k], edges[k + 1], step), edges[k + 1], gram=gram)

        with ThreadPoolExecutor(workers) as pool:
            first, *others = pool.map(part, range(workers))
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
    problem: Problem, guess: Guess, sums: Sums, factor: tuple[Array, Array, float]
) -> tuple[Array, Array, Array] | None:
    """Refine the guess; return coefficients of ``[1, X - shift]``, the last correction and the sum of squares."""
    L, unit, condition = factor
    z = np.vstack([guess.b, guess.W]) if problem.intercept else guess.W
    H, rr = sums.H, sums.rr
    for _ in range(3):
        step = unit[:, None] * scipy.linalg.cho_solve((L, True), unit[:, None] * H)  # (p, q)
        z = z + step
        rss = rr - np.einsum("pq,pq->q", step, H)
        size = np.abs(step / unit[:, None]).max(axis=0)
        if (size * condition <= np.abs(z / unit[:, None]).max(axis=0)).all():
            return z, step, np.maximum(rss, 0.0)
        b, W = (z[0], z[1:]) if problem.intercept else (guess.b, z)
        again = _pass(problem, Guess(guess.shift, W, b, guess.middle), gram=False)
        H, rr = again.H, again.rr
    return None


def _solution(
    problem: Problem,
    guess: Guess,
    refined: tuple[Array, Array, Array],
    sums: Sums,
    *,
    factor: tuple[Array, Array, float],
) -> LeastSquares:
    """Bring everything to the user's scale."""
    (z, step, rss), (L, unit, condition) = refined, factor
    first, (p, _) = int(problem.intercept), z.shape
    # Cholesky's error on the last step, and that of residuals computed in doubles.
    largest = np.abs(z / unit[:, None]).max(axis=0)
    error = unit[:, None] * EPS * (condition**2 * np.abs(step / unit[:, None]).max(axis=0) + condition * largest)
    root = unit[:, None] * scipy.linalg.solve_triangular(L, np.eye(p), lower=True, trans="T")  # root root' = G^-1
    directions = np.eye(p)
    W, b = z[first:], z[0] if first else np.zeros(z.shape[1])
    digits = correct_digits(error, np.maximum(np.abs(z), EPS * unit[:, None] * largest))
    if first and guess.shift is not None:
        b = b - guess.shift @ W
        directions[1:, 0] = -guess.shift
        digits[0] = correct_digits(error[0] + np.abs(guess.shift) @ error[1:], b)
    centred = sums.G
    tss = sums.yy
    if first:
        centred = sums.G[1:, 1:] - np.outer(sums.G[0, 1:], sums.G[0, 1:]) / sums.G[0, 0]
        tss = sums.yy - np.square(sums.y1) / sums.G[0, 0]
    length = np.sqrt(np.diag(centred))
    eigenvalues = np.linalg.eigvalsh(centred / length / length[:, None])
    shift = np.zeros(p - first) if guess.shift is None else guess.shift
    return LeastSquares(
        W=W,
        b=b,
        rank=p - first,
        condition=float(np.sqrt(eigenvalues[-1] / eigenvalues[0])),
        singular=np.sqrt(np.maximum(np.linalg.eigvalsh(centred), 0.0))[::-1],
        digits=digits,
        dependent=(),
        residuals=residual_sums(problem, rss, tss),
        spread=Spread(shift, root, np.square(root.T @ directions).sum(axis=0), np.square(length)),
        method="gram",
        intercept=problem.intercept,
    )
