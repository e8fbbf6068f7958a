"""The penalty of softmax regression, by scikit-learn's parameters: l2, l1, both, or none."""

from __future__ import annotations

import math
import warnings
from typing import Any, NamedTuple

from twofold.errors import SpecificationError, check_name, show
from twofold.values import Range

PENALTIES = ("l2", "l1", "elasticnet")
RATIO = Range(0, 1, "from 0 to 1", "[]")


class Penalty(NamedTuple):
    """What is added to the mean loss: ``l2 |W|^2 / 2 + l1 |W|_1``."""

    l2: float
    l1: float


def penalty_of(model: Any, total: float) -> Penalty:
    """Read ``penalty``, ``C`` and ``l1_ratio``; check them, ``dual`` and ``intercept_scaling``.

    Parameters
    ----------
    model : SoftmaxRegression
    total : float
        Sum of the samples' weights.

    Returns
    -------
    Penalty
        Of strength ``1 / (C total)``, ``l1_ratio`` of it on absolute values: all with "l1", and with "l2" what
        ``l1_ratio`` says too, as in scikit-learn from 1.8 on.

    Raises
    ------
    SpecificationError
        If a parameter can't be so, or contradicts another.
    """
    if model.penalty is not None:
        check_name("penalty", model.penalty, PENALTIES)
    if not RATIO.holds(model.l1_ratio):
        raise SpecificationError(f"l1_ratio is {show(model.l1_ratio)}; it must be {RATIO.words}")
    if model.dual:
        raise SpecificationError("dual is liblinear's; only False is here")
    if model.intercept_scaling != 1:
        raise SpecificationError(
            f"intercept_scaling is {show(model.intercept_scaling)}; only 1 is here: the intercept has no penalty"
        )
    if model.penalty is None and model.C != 1:
        warnings.warn("Setting penalty=None will ignore the C and l1_ratio parameters", stacklevel=6)
    if model.penalty is None or math.inf == model.C:
        return Penalty(0.0, 0.0)
    ratio = 1.0 if model.penalty == "l1" else float(model.l1_ratio)
    strength = 1 / (model.C * total)
    return Penalty((1 - ratio) * strength, ratio * strength)
