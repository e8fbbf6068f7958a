"""Softmax regression as a problem to minimise: value, gradient and curvature over all samples.

``f(W, b) = sum_i s_i l_i + penalty |W|^2 / 2``, with the cross entropy l_i and shares s_i that sum to 1. Everything
lies transposed here, one row a class: outputs are (q, m), so that a sum over classes runs along whole rows. Samples are
gone through in blocks of rows, each of which is read from memory once for outputs and gradient together.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

BLOCK = 8192  # rows: enough for the products' speed


class SoftmaxProblem:
    """Value, gradient and curvature of softmax regression; of logistic regression where there are two classes.

    Parameters
    ----------
    X : ndarray or CSR matrix of float, shape (n, d)
        Products are in its type, sums in float64.
    y : ndarray of int64, shape (n,)
        Class indices.
    classes : int
        Two are one row of weights, the second's against the first's; more are a row each.
    shares : ndarray, shape (n,), or None
        Of each sample, summing to 1; 1 / n otherwise.
    penalty : float
        lambda, on weights and not on the intercept.
    fit_intercept : bool
        Whether parameters have a last column b.
    """

    def __init__(
        self, X: Any, y: Array, *, classes: int, shares: Array | None, penalty: float, fit_intercept: bool
    ) -> None:
        self.X, self.y, self.penalty, self.fit_intercept = X, y, penalty, fit_intercept
        self.n, self.d = X.shape
        self.rows = 1 if classes == 2 else classes
        self.shares = None if shares is None else shares.astype(X.dtype)

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of the parameters: weights, and the intercept if there is one."""
        return self.rows, self.d + self.fit_intercept

    def with_features(self, X: Any) -> SoftmaxProblem:
        """Return the same problem on features of another type."""
        shares = None if self.shares is None else self.shares.astype(np.float64)
        return SoftmaxProblem(
            X,
            self.y,
            classes=max(2, self.rows),
            shares=shares,
            penalty=self.penalty,
            fit_intercept=self.fit_intercept,
        )

    def centred(self, theta: Array) -> Array:
        """Return the parameters of the same probabilities whose penalty is least: they sum to 0 over the classes."""
        if self.rows == 1:
            return theta
        mean = theta.mean(axis=0)
        is_more_than_rounding = np.abs(mean) > 4 * np.finfo(np.float64).eps * np.abs(theta).max(axis=0)
        return theta - np.where(is_more_than_rounding, mean, 0.0)  # what is centred stays as it is, to the bit

    def value_and_gradient(self, theta: Array) -> tuple[float, Array]:
        """Compute f and its gradient.

        Parameters
        ----------
        theta : ndarray of float64, shape (q, d + 1) or (q, d)

        Returns
        -------
        f : float
        gradient : ndarray of float64, of theta's shape
        """
        gradient = np.zeros(self.shape)
        total = 0.0
        for rows, O in self._outputs(theta):
            losses = self._losses_to_slopes(O, self.y[rows])  # (m,), and O is the slope (q, m)
            if self.shares is None:
                total += float(losses.sum(dtype=np.float64)) / self.n
                O /= self.n
            else:
                total += float(np.dot(losses.astype(np.float64), self.shares[rows]))
                O *= self.shares[rows]
            self._add_products(gradient, O, rows)
        W = theta[:, : self.d]
        gradient[:, : self.d] += self.penalty * W
        return total + self.penalty / 2 * float(np.vdot(W, W)), gradient

    def probabilities(self, theta: Array, rows: Any = slice(None)) -> Array:
        """Compute each class's probability, (q, n); of two classes the second's, (1, n)."""
        parts = [_to_probabilities(O) for _, O in self._outputs(theta, rows)]
        return np.hstack(parts)

    def curvature(self, P: Array, V: Array) -> Array:
        """Multiply a direction by the Hessian at the parameters that give probabilities P.

        Parameters
        ----------
        P : ndarray, shape (q, n)
        V : ndarray of float64, shape (q, d + 1) or (q, d)

        Returns
        -------
        ndarray of float64, of V's shape
        """
        product = np.zeros(self.shape)
        for rows, R in self._outputs(V):
            p = P[:, rows]
            R *= p
            R -= p * (R.sum(axis=0) if self.rows > 1 else p * (R / np.maximum(p, np.finfo(p.dtype).tiny)))
            R *= 1 / self.n if self.shares is None else self.shares[rows]
            self._add_products(product, R, rows)
        product[:, : self.d] += self.penalty * V[:, : self.d]
        return product

    def diagonal(self, P: Array) -> Array:
        """Return the Hessian's diagonal at the parameters that give probabilities P, of the parameters' shape."""
        weights = P * (1 - P) * (1 / self.n if self.shares is None else self.shares)
        squares = self.X.multiply(self.X) if hasattr(self.X, "indptr") else np.square(self.X)
        own = np.asarray((squares.T @ weights.T).T, dtype=np.float64) + self.penalty
        ones = weights.sum(axis=1, keepdims=True)[:, : int(self.fit_intercept)]
        found = np.hstack([own, ones])
        return np.maximum(found, 1e-12 * found.max(initial=1e-300))

    def _outputs(self, theta: Array, rows: Any = slice(None)) -> Iterator[tuple[Any, Array]]:
        """Yield blocks of rows and their outputs ``W X^T + b`` (q, m)."""
        W = theta[:, : self.d].astype(self.X.dtype)
        X = self.X[rows] if not isinstance(rows, slice) else self.X
        for block in (slice(i, i + BLOCK) for i in range(0, X.shape[0], BLOCK)):
            O = np.ascontiguousarray((X[block] @ W.T).T) if hasattr(X, "indptr") else W @ X[block].T  # (q, m)
            if self.fit_intercept:
                O += theta[:, self.d :].astype(O.dtype)
            yield block, O

    def _losses_to_slopes(self, O: Array, y: Array) -> Array:
        """Return each sample's loss (m,), and turn O (q, m) into ``d l_i / d o_i`` in place."""
        if self.rows == 1:
            o = O[0]
            e = np.exp(-np.abs(o))
            losses = np.maximum(o, 0) - o * y + np.log1p(e)
            O[0] = np.where(o > 0, 1, e) / (1 + e) - y
            return losses.astype(O.dtype, copy=False)
        O -= O.max(axis=0)
        places = np.arange(len(y))
        at_class = O[y, places]
        np.exp(O, out=O)
        totals = O.sum(axis=0)
        O /= totals
        O[y, places] -= 1
        return np.log(totals) - at_class

    def _add_products(self, out: Array, dO: Array, rows: slice) -> None:
        """Add ``dO X`` and, for the intercept, the sum of dO."""
        X = self.X[rows]
        out[:, : self.d] += (X.T @ dO.T).T if hasattr(X, "indptr") else dO @ X
        if self.fit_intercept:
            out[:, self.d] += dO.sum(axis=1)


def _to_probabilities(O: Array) -> Array:
    """Turn outputs (q, m) into probabilities in place; a single row by the sigmoid."""
    if len(O) == 1:
        e = np.exp(-np.abs(O))
        return np.where(O > 0, 1, e) / (1 + e)
    O -= O.max(axis=0)
    np.exp(O, out=O)
    O /= O.sum(axis=0)
    return O
