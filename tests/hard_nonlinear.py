"""Random nonlinear least squares, and by how many digits a solution claims too much, against 90 decimal digits.

    python tests/hard_nonlinear.py --count 1000 [--seed 0]

The truth is found by Newton's method on differences of the function's values, which shares nothing with the solver but
the function. `tests/statistics/test_nonlinear.py` runs some. It needs mpmath.
"""

from __future__ import annotations

import argparse
import math
import warnings
from types import SimpleNamespace

import mpmath as mp
import numpy as np

from twofold.errors import DataError, NotConvergedError
from twofold.statistics import nonlinear_least_squares
from twofold.statistics.fitted_function import NUMPY

MOST = 0.3  # digits by which a claim may be too high
PRECISION, STEP, STEPS = 90, mp.mpf(10) ** -25, 12
NAMES = {"arctan": "atan"} | {n: n for n in ("exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "tanh")}
XP = SimpleNamespace(pi=None, **{name: np.frompyfunc(getattr(mp, theirs), 1, 1) for name, theirs in NAMES.items()})


def _exact(values):
    return np.array([mp.mpf(v) for v in np.ravel(values).tolist()], dtype=object).reshape(np.shape(values))


def truth(model, x, y, beta, weight=None):
    """Return the coefficients of the minimum near beta, their standard errors, and the sum of squares."""
    with mp.workdps(PRECISION):
        XP.pi = mp.pi()
        X, Y, W = _exact(x), _exact(y), _exact(np.ones(len(y)) if weight is None else weight)
        b, p = list(_exact(beta)), len(beta)
        h = [STEP * (abs(v) or 1) for v in b]

        def moved(b, k, by):
            return [*b[:k], b[k] + by, *b[k + 1 :]]

        def difference(function, b, k):
            return (function(moved(b, k, h[k])) - function(moved(b, k, -h[k]))) / (2 * h[k])

        def f(b):
            return np.broadcast_to(model(X, b, XP), Y.shape)

        def gradient(b):
            return np.array([(W * (Y - f(b)) * difference(f, b, k)).sum() for k in range(p)])

        for _ in range(STEPS):
            H = mp.matrix([[-v for v in difference(gradient, b, k)] for k in range(p)])
            delta = mp.lu_solve(H.T, mp.matrix(gradient(b).tolist()))
            b = [u + v for u, v in zip(b, delta, strict=True)]
            if all(abs(v) < STEP * abs(u) for u, v in zip(b, delta, strict=True)):
                break
        slopes = [difference(f, b, k) for k in range(p)]
        rss = (W * (Y - f(b)) ** 2).sum()
        inverse = mp.matrix([[(W * u * v).sum() for v in slopes] for u in slopes]) ** -1
        df = len(y) - p
        return b, [mp.sqrt(rss / df * inverse[k, k]) for k in range(p)] if df else [], rss


def right_digits(value, true):
    with mp.workdps(PRECISION):
        error = abs(mp.mpf(float(value)) - true)
        return float(min(16, -mp.log10(error / abs(true)))) if error else 16.0


def exponentials(x, b, xp):
    return b[0] * xp.exp(-b[1] * x) + b[2] * xp.exp(-b[3] * x)


def power(x, b, _):
    return b[0] * (b[1] + x) ** b[2]


def logistic(x, b, xp):
    return b[0] / (1 + xp.exp(b[1] - b[2] * x))


def wave(x, b, xp):
    return b[0] + b[1] * xp.sin(b[2] * x + b[3])


def rational(x, b, _):
    return (b[0] + b[1] * x) / (1 + b[2] * x + b[3] * x**2)


def cancelling(x, b, xp):
    return (1e12 + b[0] * xp.exp(b[1] * x)) - 1e12


def arc_tangent(x, b, xp):
    return b[0] * xp.arctan(b[1] * (x - b[2]))


def near_0(x, b, xp):
    return b[0] * xp.log1p(1e-9 * b[1] * x) + b[2] * xp.expm1(-1e-9 * x**2) + xp.tanh(b[1] * x)


def draw(rng):
    """Draw a model, x, y, weights and a start."""
    make = {
        exponentials: lambda: [rng.uniform(1, 3), 1.0, rng.uniform(1, 3), 1 + 10 ** rng.uniform(-3, 0.3)],
        power: lambda: [10 ** rng.uniform(-2, 2), rng.uniform(0.2, 50), rng.uniform(-2, 2)],
        logistic: lambda: [10 ** rng.uniform(-3, 3), rng.uniform(0, 4), rng.uniform(0.5, 2)],
        wave: lambda: [10 ** rng.uniform(0, 8), 1.0, rng.uniform(0.5, 2), 0.3],
        rational: lambda: rng.uniform(0.5, 2, 4),
        cancelling: lambda: [1.0, 0.5],
        arc_tangent: lambda: [2.0, 3.0, rng.uniform(1, 3)],
        near_0: lambda: [1e9 * rng.uniform(0.5, 2), rng.uniform(0.1, 1), 1e9 * rng.uniform(0.5, 2)],
    }
    model = list(make)[rng.integers(len(make))]
    b = np.array(make[model]())
    x = np.sort(rng.uniform(0.1, 5, len(b) + int(rng.integers(1, 15))))
    f = np.asarray(model(x, b, NUMPY))
    y = f + 10 ** rng.uniform(-14, -1) * np.std(f) * rng.standard_normal(len(x))
    weight = rng.uniform(0.1, 10, len(x)) if rng.random() < 0.3 else None
    return model, x, y, weight, b * (1 + 0.02 * rng.standard_normal(len(b)))


def overclaims(model, x, y, weight, start):
    """Return by how many digits each claim is too high; empty where the solver says that there is no minimum."""
    try:
        fit = nonlinear_least_squares(model, x, y, start, sample_weight=weight)
    except (DataError, NotConvergedError):
        return {}
    b, errors, _ = truth(model, x, y, fit.coefficients, weight)
    claims = [claim - right_digits(v, t) for v, t, claim in zip(fit.coefficients, b, fit.digits, strict=True)]
    worst = min(right_digits(v, t) for v, t in zip(fit.standard_errors, errors, strict=True))
    return {"coefficients": float(max(claims)), "standard errors": fit.error_digits - worst}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    warnings.simplefilter("ignore", UserWarning)
    solved = over = 0
    worst: dict[tuple[str, str], float] = {}
    for number in range(options.count):
        problem = draw(np.random.default_rng([options.seed, number]))
        found = overclaims(*problem)
        solved += bool(found)
        for name, digits in found.items():
            key = (problem[0].__name__, name)
            worst[key] = max(worst.get(key, -math.inf), digits)
            if digits > MOST:
                over += 1
                print(f"problem {number} ({key[0]}): {name} claimed {digits:.2f} digits too many", flush=True)
    for (kind, name), digits in sorted(worst.items()):
        print(f"{kind:20} {name:16} {digits:6.2f}")
    print(f"{options.count} problems, {solved} solved, {over} claims more than {MOST} digits too high")


if __name__ == "__main__":
    main()
