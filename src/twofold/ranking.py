"""How well outputs put one class before the other: the area under the ROC curve, and the average precision.

Neither depends on where the line between yes and no is drawn, so they tell something also where one class is rare.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import scipy  # whose `stats` takes half a second to import, and is imported where it is asked for
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtri

from twofold.scores import LEVEL, Estimate

Array = NDArray[Any]


def ranking_scores(margin: Array, positive: Array, *, level: float = LEVEL) -> list[Estimate]:
    """Score how well numbers tell the positive rows from the others.

    Parameters
    ----------
    margin : ndarray of float, shape (n,)
        The larger, the more likely positive.
    positive : ndarray of bool, shape (n,)
        With rows of both kinds; otherwise there is nothing to score, and the list is empty.
    level : float
        Of the intervals.

    Returns
    -------
    list of Estimate
        ROC-AUC, the chance that a positive row is put before another, with the interval of DeLong et al. (1988,
        doi:10.2307/2531595); and average precision, with that of Boyd et al. (2013,
        doi:10.1007/978-3-642-40994-3_29). Both are taken on the scale of log-odds.

    Examples
    --------
    >>> scores = ranking_scores(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True]))
    >>> [(score.name, round(score.value, 3)) for score in scores]
    [('ROC-AUC', 0.75), ('average precision', 0.833)]
    """
    if positive.all() or not positive.any():
        return []
    return [_area(margin, positive, level), _precision(margin, positive, level)]


def _area(margin: Array, positive: Array, level: float) -> Estimate:
    """Compute the area from ranks, and its variance from how each row is placed among those of the other kind."""
    p, n = int(positive.sum()), int((~positive).sum())
    rank = scipy.stats.rankdata
    ranks = rank(margin)
    above = (ranks[positive] - rank(margin[positive])) / n  # part of the others that each positive row exceeds
    below = 1 - (ranks[~positive] - rank(margin[~positive])) / p
    area = float(above.mean())
    variance = (above.var(ddof=1) / p if p > 1 else 0.25) + (below.var(ddof=1) / n if n > 1 else 0.25)
    return _on_log_odds("ROC-AUC", area, math.sqrt(variance), fewest=min(p, n), level=level)


def _precision(margin: Array, positive: Array, level: float) -> Estimate:
    """Average the precision over the positive rows, those of equal margin together."""
    order = np.argsort(-margin, kind="stable")
    found = np.cumsum(positive[order])
    last = np.append(np.flatnonzero(np.diff(margin[order])), len(order) - 1)  # of each run of equal margins
    gained = np.diff(found[last], prepend=0)
    p = int(positive.sum())
    value = float((gained * found[last] / (last + 1)).sum() / p)
    return _on_log_odds("average precision", value, math.sqrt(max(value * (1 - value), 0.0) / p), fewest=p, level=level)


def _on_log_odds(name: str, value: float, deviation: float, *, fewest: int, level: float) -> Estimate:
    """Return an interval that stays within 0 and 1; of a perfect score as of one with half a row wrong."""
    edge = 0.5 / fewest
    inner = min(max(value, edge), 1 - edge) if edge < 0.5 else 0.5
    spread = inner * (1 - inner)
    half = float(ndtri((1 + level) / 2)) * max(deviation, edge * math.sqrt(spread)) / spread
    low, high = expit(logit(inner) - half), expit(logit(inner) + half)
    return Estimate(name, value, min(float(low), value), max(float(high), value), "normal, of the log-odds")
