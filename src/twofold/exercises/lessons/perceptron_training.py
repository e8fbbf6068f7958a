"""Lesson 3.9, second half: dropout, weight decay, momentum, dead units."""

from __future__ import annotations

from typing import Any

import numpy as np

from twofold.exercises.exercise import Case
from twofold.exercises.lessons.perceptron_scratch import LESSON
from twofold.exercises.lessons.shared import Array, T, generator, mistake, normal

exercise = LESSON.exercise


def _about_dropout(returned: Any, arguments: Case) -> dict[str, Any]:
    """Say what dropout did to numbers none of which is zero."""
    H, p, _ = arguments
    out = np.asarray(returned)
    if out.shape != H.shape:
        return {"shape": list(out.shape)}
    kept = out != 0
    scales = out[kept] / H[kept]
    return {
        "shape": list(out.shape),
        "share dropped": round(float(1 - kept.mean()), 2),
        "kept entries times": round(float(scales.mean()), 3) if kept.any() else 0.0,
        "all alike": bool(kept.any() and np.allclose(scales, scales[0])),
        "each row its own": bool(p in (0.0, 1.0) or not np.all(kept == kept[0])),
        "finite": bool(np.isfinite(out).all()),
    }


def _kept(H: Array, p: float, rng: np.random.Generator) -> Array:
    return rng.random(H.shape) >= p


@exercise(
    "dropout",
    T(
        "Dropout while training: each entry of H, (n, h), becomes 0 with probability p, each for itself, and those that are "
        "kept are divided by 1 - p, so that the mean stays. p = 0 keeps all, p = 1 drops all. Draw from rng, a "
        "np.random.Generator; leave H as it is.",
        "训练时的暂退法（dropout）：H，(n, h)，的每个元素各自以概率 p 变为 0，留下的除以 1 - p，使均值不变。p = 0 全部保留，"
        "p = 1 全部丢弃。用 np.random.Generator rng 抽取；保持 H 不变。",
    ),
    T("rng.random(H.shape) >= p is True with probability 1 - p; treat p = 1 apart.", "rng.random(H.shape) >= p 以概率 1 - p 为 True；p = 1 单独处理。"),
    cases=lambda: [(1 + np.abs(normal(n, 400, 200)), p, generator(n)) for n, p in ((1, 0.5), (2, 0.2), (3, 0.0), (4, 1.0))],
    observe=_about_dropout,
    mistakes=(
        mistake(
            "the entries that are kept are not scaled: divide them by 1 - p, or the next layer sees smaller numbers while "
            "training than when testing",
            "保留的元素没有缩放：应除以 1 - p，否则训练时下一层看到的数比测试时小",
            lambda H, p, rng: H * _kept(H, p, rng),
        ),
        mistake(
            "p is the probability of being dropped; yours keeps with probability p",
            "p 是被丢弃的概率；你的代码以概率 p 保留",
            lambda H, p, rng: H * (rng.random(H.shape) < p) / (p or 1),
            lambda runs: _seen(runs, 1, lambda got: got["share dropped"] == 0.8),
        ),
        mistake(
            "those that are kept are divided by p: by 1 - p, the share that is kept",
            "保留的元素除以了 p：应除以保留的比例 1 - p",
            lambda H, p, rng: H * _kept(H, p, rng) / (p or 1),
        ),
        mistake(
            "those that are kept are multiplied by 1 - p: divide by it",
            "保留的元素乘了 1 - p：应除以它",
            lambda H, p, rng: H * _kept(H, p, rng) * (1 - p),
        ),
        mistake(
            "all samples lose the same units: draw a mask of the shape of H, not of one row",
            "所有样本丢弃了相同的单元：掩码的形状应与 H 相同，而不是一行",
            lambda H, p, rng: H * (rng.random(H.shape[1]) >= p) / (1 - p if p < 1 else 1),
            lambda runs: _seen(runs, 0, lambda got: not got["each row its own"] and got["share dropped"] > 0),
        ),
        mistake(
            "at p = 1 all is dropped, and 0/0 gives nan: return zeros there",
            "p = 1 时全部丢弃，0/0 得到 nan：此时应返回零",
            lambda H, p, rng: H * _kept(H, p, rng) / np.float64(1 - p),
        ),
    ),
)  # fmt: skip
def dropout(H: Array, p: float, rng: np.random.Generator) -> Array:
    if p == 1:
        return np.zeros_like(H)
    kept = rng.random(H.shape) >= p  # (n, h)
    return H * kept / (1 - p)


def _seen(runs: Any, place: int, holds: Any) -> bool:
    if len(runs) <= place or runs[place].failure or "share dropped" not in runs[place].got:
        return False
    return bool(holds(runs[place].got))


def _decayed(parameters: Any, gradients: Any, change: Any) -> list[Array]:
    return [change(p, g) for p, g in zip(parameters, gradients, strict=True)]


@exercise(
    "weight-decay",
    T(
        "Gradients with weight decay: the loss gains rate / 2 * (sum of the squares of all weights), so each weight matrix's "
        "gradient gains rate * W. Biases, the arrays with one dimension, are left out. parameters and gradients are lists of "
        "arrays; return the list of new gradients.",
        "带权重衰减的梯度：损失增加 rate / 2 *（所有权重的平方和），因此每个权重矩阵的梯度增加 rate * W。偏置（一维数组）不参与。"
        "parameters 和 gradients 是数组的列表；返回新梯度的列表。",
    ),
    T("array.ndim tells a matrix (2) from a bias (1).", "array.ndim 可区分矩阵（2）和偏置（1）。"),
    cases=lambda: [
        ([np.ones((2, 2)), np.ones(2)], [np.zeros((2, 2)), np.zeros(2)], 0.1),
        ([normal(1, 3, 4), normal(2, 4), normal(3, 4, 2), normal(4, 2)], [normal(5, 3, 4), normal(6, 4), normal(7, 4, 2), normal(8, 2)], 0.01),
        ([normal(9, 2, 3)], [normal(10, 2, 3)], 3.0),
    ],
    mistakes=(
        mistake(
            "the biases decay too: leave arrays with one dimension as they are",
            "偏置也衰减了：一维数组应保持不变",
            lambda parameters, gradients, rate: _decayed(parameters, gradients, lambda p, g: g + rate * p),
        ),
        mistake(
            "the weights are squared in the gradient: the derivative of rate / 2 * w^2 is rate * w",
            "梯度里对权重取了平方：rate / 2 * w^2 的导数是 rate * w",
            lambda parameters, gradients, rate: _decayed(parameters, gradients, lambda p, g: g + rate / 2 * p**2 * (p.ndim > 1)),
            lambda runs: any(_fits(runs, c) for c in (0.5, 1.0)),
        ),
        mistake(
            "half as much: the 1/2 of the loss goes with the square's 2, the gradient gains rate * W",
            "少了一半：损失中的 1/2 与平方的 2 相消，梯度增加的是 rate * W",
            lambda parameters, gradients, rate: _decayed(parameters, gradients, lambda p, g: g + rate / 2 * p * (p.ndim > 1)),
        ),
        mistake(
            "twice as much: the loss has the factor 1/2, so the gradient gains rate * W",
            "多了一倍：损失中有因子 1/2，所以梯度增加的是 rate * W",
            lambda parameters, gradients, rate: _decayed(parameters, gradients, lambda p, g: g + 2 * rate * p * (p.ndim > 1)),
        ),
        mistake(
            "rate * W is subtracted from the gradient, so weights grow: add it; the step subtracts the gradient",
            "从梯度中减去了 rate * W，权重会增大：应相加；更新时才减去梯度",
            lambda parameters, gradients, rate: _decayed(parameters, gradients, lambda p, g: g - rate * p * (p.ndim > 1)),
        ),
    ),
)  # fmt: skip
def weight_decay(parameters: list[Array], gradients: list[Array], rate: float) -> list[Array]:
    pairs = zip(parameters, gradients, strict=True)
    return [g + rate * p if p.ndim > 1 else g for p, g in pairs]


def _fits(runs: Any, constant: float) -> bool:
    for run in runs:
        if run.failure or not isinstance(run.got, (list, tuple)) or len(run.got) != len(run.case[0]):
            return False
        for got, p, g in zip(run.got, *run.case[:2], strict=True):
            wanted = g + constant * run.case[2] * p**2 * (p.ndim > 1)
            if np.shape(got) != wanted.shape or not np.allclose(got, wanted):
                return False
    return True


def _moved(w: Array, v: Array, gradient: Array, rates: tuple[float, float], *, form: str = "") -> tuple[Array, Array]:
    rate, momentum = rates
    new = momentum * v + gradient * ((1 - momentum) if form == "damped" else 1)
    step = {"old": v, "nesterov": gradient + momentum * new}.get(form, new)
    return (w + rate * step if form == "plus" else w - rate * step), v if form == "kept" else new


@exercise(
    "momentum",
    T(
        "One step of SGD with momentum: v <- momentum * v + gradient, then w <- w - learning_rate * v with the new v. w, v "
        "and gradient have one shape; return the new w and v.",
        "带动量的随机梯度下降的一步：v <- momentum * v + gradient，然后用新的 v 更新 w <- w - learning_rate * v。w、v、"
        "gradient 形状相同；返回新的 w 和 v。",
    ),
    T("The velocity v remembers earlier gradients; return it for the next step.", "速度 v 记住以前的梯度；返回它供下一步使用。"),
    cases=lambda: [
        (np.array([1.0, 2.0]), np.array([0.5, 0.0]), np.array([1.0, -1.0]), 0.1, 0.9),
        (normal(1, 3, 2), normal(2, 3, 2), normal(3, 3, 2), 0.03, 0.5),
        (normal(4, 2), np.zeros(2), 1e4 * normal(5, 2), 1e-3, 0.99),
    ],
    returns=("w", "v"),
    mistakes=(
        mistake(
            "the velocity is added to w: this v points uphill, subtract learning_rate * v",
            "w 加上了速度：这里的 v 指向上坡，应减去 learning_rate * v",
            lambda w, v, gradient, learning_rate, momentum: _moved(w, v, gradient, (learning_rate, momentum), form="plus"),
        ),
        mistake(
            "w moves by the old velocity: update v first, then step with the new one",
            "w 用了旧的速度：应先更新 v，再用新的 v",
            lambda w, v, gradient, learning_rate, momentum: _moved(w, v, gradient, (learning_rate, momentum), form="old"),
        ),
        mistake(
            "the old velocity is returned: return the new one, or the next step has no memory",
            "返回的是旧的速度：应返回新的速度，否则下一步没有记忆",
            lambda w, v, gradient, learning_rate, momentum: _moved(w, v, gradient, (learning_rate, momentum), form="kept"),
        ),
        mistake(
            "the gradient is multiplied by 1 - momentum: here it goes in whole, v = momentum * v + gradient",
            "梯度乘了 1 - momentum：这里应整个加入，v = momentum * v + gradient",
            lambda w, v, gradient, learning_rate, momentum: _moved(w, v, gradient, (learning_rate, momentum), form="damped"),
        ),
        mistake(
            "this is Nesterov's momentum, which looks a step ahead: w - learning_rate * v with the new v",
            "这是 Nesterov 动量，它会向前看一步：应用新的 v，w - learning_rate * v",
            lambda w, v, gradient, learning_rate, momentum: _moved(w, v, gradient, (learning_rate, momentum), form="nesterov"),
        ),
        mistake(
            "momentum is missing: this is plain SGD; v = momentum * v + gradient remembers the steps before",
            "缺少动量：这是普通的随机梯度下降；v = momentum * v + gradient 才记住以前的梯度",
            lambda w, v, gradient, learning_rate, momentum: (w - learning_rate * gradient, gradient),
        ),
        mistake(
            "the learning rate is inside the velocity, as some libraries have it: here v = momentum * v + gradient, and "
            "the step is w - learning_rate * v",
            "学习率放进了速度里（有些库如此）：这里 v = momentum * v + gradient，更新是 w - learning_rate * v",
            lambda w, v, gradient, learning_rate, momentum: (
                w + (u := momentum * v - learning_rate * gradient), u
            ),
        ),
    ),
)  # fmt: skip
def momentum_step(w: Array, v: Array, gradient: Array, learning_rate: float, momentum: float) -> tuple[Array, Array]:
    v = momentum * v + gradient
    return w - learning_rate * v, v


@exercise(
    "dead-units",
    T(
        "Dead units: hidden units whose relu is 0 for every sample learn nothing any more. From Z, (n, h), the pre-activations "
        "of a data set, return the places of the dead units, whole numbers in ascending order.",
        "失活单元：对所有样本 relu 都为 0 的隐藏单元不再学习。由数据集的激活前的值 Z，(n, h)，返回失活单元的位置，按升序排列的"
        "整数。",
    ),
    T("np.flatnonzero gives the places of True; relu(0) is 0.", "np.flatnonzero 给出 True 的位置；relu(0) 是 0。"),
    cases=lambda: [
        (np.array([[-1.0, 2.0, 0.0, -3.0], [-2.0, -1.0, -1.0, 4.0]]),),
        (normal(1, 6, 5) - np.array([9.0, 0, 0, 9.0, 0]),),
        (np.abs(normal(2, 3, 4)),),
        (np.zeros((3, 3)),),
    ],
    samples="Z",
    mistakes=(
        mistake(
            "units that are off for some sample are counted: dead is who is off for all, np.all, not np.any",
            "把对某个样本关闭的单元也算上了：失活是对所有样本都关闭，用 np.all 而不是 np.any",
            lambda Z: np.flatnonzero((Z <= 0).any(axis=0)),
        ),
        mistake(
            "the samples are looked through, not the units: units lie along axis 1, so all(axis=0)",
            "检查的是样本，而不是单元：单元在 axis 1 上，所以用 all(axis=0)",
            lambda Z: np.flatnonzero((Z <= 0).all(axis=1)),
        ),
        mistake(
            "a unit with z = 0 is off too, relu(0) = 0: Z <= 0, not Z < 0",
            "z = 0 的单元也是关闭的，relu(0) = 0：应为 Z <= 0，而不是 Z < 0",
            lambda Z: np.flatnonzero((Z < 0).all(axis=0)),
        ),
        mistake(
            "these are True and False: return the places, np.flatnonzero(...)",
            "这是 True 和 False：应返回位置，np.flatnonzero(...)",
            lambda Z: (Z <= 0).all(axis=0),
        ),
        mistake(
            "this is their number: return their places, np.flatnonzero(...)",
            "这是它们的个数：应返回位置，np.flatnonzero(...)",
            lambda Z: int((Z <= 0).all(axis=0).sum()),
        ),
    ),
)
def dead_units(Z: Array) -> Array:
    return np.flatnonzero((Z <= 0).all(axis=0))
