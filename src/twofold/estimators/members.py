"""An estimator whose network is the mean of several, each fitted from other first weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sklearn.base import clone
from sklearn.utils import check_random_state

from twofold.baselines.merging import merge_networks
from twofold.errors import SpecificationError
from twofold.estimators.settings import draw_seed, minibatch_solvers
from twofold.side_by_side import run_side_by_side


def fit_members(model: Any, fit: Callable[[Any], Any]) -> None:
    """Fit ``n_members`` estimators side by side and give `model` their mean.

    Parameters
    ----------
    model : MLPClassifier or MLPRegressor
        Gets the attributes of its first member, but for ``parameters_`` and ``network_``, the merged network's, and
        ``members_``, the list of all.
    fit : callable
        Fits a member.

    Raises
    ------
    SpecificationError
        If a parameter doesn't go with several members.
    """
    _check(model)
    random_state = check_random_state(model.random_state)
    members = [
        clone(model).set_params(n_members=1, random_state=draw_seed(random_state), threads=None)
        for _ in range(model.n_members)
    ]
    for member in members:
        member._companions = len(members)  # the whole job decides which engine pays
    tasks = [lambda _, member=member: fit(member) for member in members]
    run_side_by_side(tasks, threads=1 if model.threads is None else model.threads)
    first = members[0]
    fitted = {name: value for name, value in vars(first).items() if name not in first.get_params(deep=False)}
    for name in ("_optimizer", "_best_parameters", "_companions"):  # nothing goes on from several
        fitted.pop(name, None)
    vars(model).update(fitted)
    model.network_, parameters = merge_networks(first.network_, [member.parameters_ for member in members])
    model._set_parameters(parameters)
    model.members_ = members


def _check(model: Any) -> None:
    """Raise if a parameter doesn't go with several members."""
    words = f"n_members={model.n_members}"
    if model.solver not in minibatch_solvers():
        raise SpecificationError(f"{words} goes with minibatches; solver {model.solver!r} has none")
    if model.normalization == "layer":
        raise SpecificationError(f"{words} doesn't go with normalization='layer', which mixes hidden units")
    if model.warm_start:
        raise SpecificationError(f"{words} doesn't go with warm_start: the mean of networks is no start for one")
    if model.callbacks is not None or getattr(model, "_skl_callbacks", None):
        raise SpecificationError(f"{words} doesn't go with callbacks, which follow one network")
