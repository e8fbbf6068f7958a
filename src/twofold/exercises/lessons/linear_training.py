"""Lesson 3.2, second half: SGD, an epoch of training, and a gradient without a formula."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from twofold.exercises.exercise import Case
from twofold.exercises.lessons.linear_scratch import LESSON
from twofold.exercises.lessons.shared import Array, T, mistake, normal, regression_case

exercise = LESSON.exercise


def _after(_: Any, arguments: Case) -> Any:
    return arguments[0]


def _update(function: Callable[[Array, Array, float, int], None]) -> Any:
    def sgd(params: list[Array], grads: list[Array], learning_rate: float, batch_size: int) -> None:
        for p, g in zip(params, grads, strict=True):
            function(p, g, learning_rate, batch_size)

    return sgd


def _plus(p: Array, g: Array, rate: float, n: int) -> None:
    p += rate * g / n


def _no_mean(p: Array, g: Array, rate: float, _: int) -> None:
    p -= rate * g


def _rebound(p: Array, g: Array, rate: float, n: int) -> None:
    p = p - rate * g / n


def _first_only(params: list[Array], grads: list[Array], learning_rate: float, batch_size: int) -> None:
    params[0] -= learning_rate * grads[0] / batch_size


@exercise(
    "sgd",
    T(
        "Minibatch SGD in place: params is a list of arrays, grads a list of gradients of the loss summed over the batch. "
        "Change each array itself: param <- param - learning_rate * grad / batch_size. Return nothing.",
        "就地更新的小批量随机梯度下降：params 是数组的列表，grads 是损失在批量上求和后的梯度的列表。直接修改每个数组："
        "param <- param - learning_rate * grad / batch_size。不返回任何值。",
    ),
    T(
        "param -= ... changes an array in place; param = param - ... makes a new one.",
        "param -= ... 就地修改数组；param = param - ... 会产生新数组。",
    ),
    cases=lambda: [
        ([np.array([1.0, 2.0]), np.array([0.5])], [np.array([4.0, -8.0]), np.array([2.0])], 0.1, 4),
        ([normal(1, 3, 2), normal(2, 2)], [normal(3, 3, 2), normal(4, 2)], 0.03, 10),
        ([normal(5, 2)], [1e6 * normal(6, 2)], 1e-4, 256),
    ],
    observe=_after,
    changes=("params",),
    mistakes=(
        mistake(
            "the update adds the gradient and goes uphill; subtract it: param -= learning_rate * grad / batch_size",
            "更新时加上了梯度，是在上坡；应减去：param -= learning_rate * grad / batch_size",
            _update(_plus),
        ),
        mistake(
            "the step is batch_size times too long: the gradients are sums over the batch, divide by batch_size",
            "步长大了 batch_size 倍：梯度是批量上的和，请除以 batch_size",
            _update(_no_mean),
        ),
        mistake(
            "nothing changes: param = param - ... makes a new array and forgets it; param -= ... changes the array itself",
            "参数没有改变：param = param - ... 产生新数组后就丢弃了；param -= ... 才会修改数组本身",
            _update(_rebound),
        ),
        mistake(
            "only the first array is updated: loop over all, zip(params, grads)",
            "只更新了第一个数组：应遍历全部，zip(params, grads)",
            _first_only,
        ),
    ),
)
def sgd(params: list[Array], grads: list[Array], learning_rate: float, batch_size: int) -> None:
    for param, grad in zip(params, grads, strict=True):
        param -= learning_rate * grad / batch_size


def _epoch(
    X: Array, y: Array, w: Array, b: float, rate: float, size: int, *, by: int = 0, stop: int | None = None
) -> Any:
    """Go through the batches; ``by`` is what a batch is divided by in place of its own size."""
    w = w.copy()
    for start in range(0, len(X) if stop is None else stop, size):
        A, t = X[start : start + size], y[start : start + size]
        error = A @ w + b - t
        w, b = w - rate * A.T @ error / (by or len(A)), b - rate * error.sum() / (by or len(A))
    return w, float(b)


def _bias_from_new_weights(X: Array, y: Array, w: Array, b: float, learning_rate: float, batch_size: int) -> Any:
    for start in range(0, len(X), batch_size):
        A, t = X[start : start + batch_size], y[start : start + batch_size]
        w = w - learning_rate * A.T @ (A @ w + b - t) / len(A)
        b = b - learning_rate * float(np.mean(A @ w + b - t))
    return w, b


def _training_case(seed: int, n: int, size: int) -> Case:
    return (*regression_case(seed, n, 2), 0.1, size)


@exercise(
    "training-epoch",
    T(
        "One epoch of minibatch SGD for linear regression: take the batches in the order of X (not shuffled here), each of "
        "batch_size samples but the last, which has the rest; each step goes against the gradient of the batch's mean loss "
        "1/|B| sum (y_hat - y)^2 / 2. X is (n, d), y is (n,); return the new w and b.",
        "线性回归的小批量随机梯度下降的一个轮次：按 X 的顺序取批量（这里不打乱），每批 batch_size 个样本，最后一批是剩下的；"
        "每步沿该批平均损失 1/|B| sum (y_hat - y)^2 / 2 的负梯度更新。X 是 (n, d)，y 是 (n,)；返回新的 w 和 b。",
    ),
    T(
        "For each batch: error = X_batch @ w + b - y_batch, then both gradients, then both updates.",
        "对每个批量：error = X_batch @ w + b - y_batch，然后求两个梯度，再做两个更新。",
    ),
    cases=lambda: [_training_case(1, 10, 4), _training_case(2, 25, 10), _training_case(3, 30, 7)],
    returns=("w", "b"),
    mistakes=(
        mistake(
            "the short last batch is divided by batch_size; |B| is the number of samples that are in it: len(X_batch)",
            "最后的短批除以了 batch_size；|B| 应是该批实际的样本数：len(X_batch)",
            lambda X, y, w, b, learning_rate, batch_size: _epoch(X, y, w, b, learning_rate, batch_size, by=batch_size),
        ),
        mistake(
            "the short last batch is left out: the range must go to n",
            "漏掉了最后的短批：range 应到 n 为止",
            lambda X, y, w, b, learning_rate, batch_size: _epoch(
                X, y, w, b, learning_rate, batch_size, stop=len(X) - len(X) % batch_size
            ),
        ),
        mistake(
            "each step divides by n, the size of the data set: divide by the size of the batch",
            "每步除以了数据集大小 n：应除以该批的样本数",
            lambda X, y, w, b, learning_rate, batch_size: _epoch(X, y, w, b, learning_rate, batch_size, by=len(X)),
        ),
        mistake(
            "the mean is missing: the step is |B| times too long, divide the gradient by the size of the batch",
            "没有求平均：步长大了 |B| 倍，梯度请除以该批的样本数",
            lambda X, y, w, b, learning_rate, batch_size: _epoch(X, y, w, b, learning_rate, batch_size, by=1),
        ),
        mistake(
            "one step for the whole data set: take a step for each batch",
            "整个数据集只更新了一步：应对每个批量各更新一步",
            lambda X, y, w, b, learning_rate, batch_size: _epoch(X, y, w, b, learning_rate, len(X)),
        ),
        mistake(
            "the gradient of b is computed with the new w: compute both gradients first, then update both",
            "b 的梯度用了已更新的 w：应先求出两个梯度，再更新两者",
            _bias_from_new_weights,
        ),
        mistake(
            "the update adds the gradient and goes uphill: subtract it",
            "更新时加上了梯度，是在上坡：应减去梯度",
            lambda X, y, w, b, learning_rate, batch_size: _epoch(X, y, w, b, -learning_rate, batch_size),
        ),
        mistake(
            "the bias is not updated: b <- b - learning_rate * mean of the errors",
            "偏置没有更新：b <- b - learning_rate * 误差的平均",
            lambda X, y, w, b, learning_rate, batch_size: _fixed_bias(X, y, w, b, (learning_rate, batch_size)),
        ),
    ),
)
def training_epoch(
    X: Array, y: Array, w: Array, b: float, learning_rate: float, batch_size: int
) -> tuple[Array, float]:
    for start in range(0, len(X), batch_size):
        X_batch = X[start : start + batch_size]
        y_batch = y[start : start + batch_size]
        error = X_batch @ w + b - y_batch
        dw, db = X_batch.T @ error / len(X_batch), error.mean()
        w, b = w - learning_rate * dw, b - learning_rate * db
    return w, float(b)


def _fixed_bias(X: Array, y: Array, w: Array, b: float, settings: tuple[float, int]) -> tuple[Array, float]:
    rate, size = settings
    for start in range(0, len(X), size):
        A = X[start : start + size]
        w = w - rate * A.T @ (A @ w + b - y[start : start + size]) / len(A)
    return w, b


def _square(w: Array) -> float:
    return float((w**2).sum() / 2)


def _wave(w: Array) -> float:
    return float(np.sin(w).sum() + w.ravel()[0] * w.ravel()[-1])


def _differences(f: Callable[[Array], float], w: Array, h: float, back: float) -> Array:
    gradient = np.zeros(w.shape)
    for place in np.ndindex(w.shape):
        step = np.zeros(w.shape)
        step[place] = h
        gradient[place] = (f(w + step) - f(w - back * step)) / (2 * h)
    return gradient


def _shifting(f: Callable[[Array], float], w: Array, h: float) -> Array:
    gradient = np.zeros(w.shape)
    for place in np.ndindex(w.shape):
        w[place] += h
        above = f(w)
        w[place] -= 2 * h
        gradient[place] = (above - f(w)) / (2 * h)
    return gradient


@exercise(
    "numerical-gradient",
    T(
        "Check a gradient without any formula: central differences of f, a function of an array that returns a number. "
        "For each entry (f(w + h) - f(w - h)) / (2h), where h is added to that entry alone. w has any shape; return an array "
        "of the same shape, and leave w as it was.",
        "不用公式检验梯度：f 的中心差分，f 以数组为参数，返回一个数。每个元素为 (f(w + h) - f(w - h)) / (2h)，其中 h 只加到该"
        "元素上。w 可以是任意形状；返回同样形状的数组，并保持 w 不变。",
    ),
    T(
        "Loop over np.ndindex(w.shape), with a copy of w for each side.",
        "用 np.ndindex(w.shape) 循环，两侧各用 w 的一个副本。",
    ),
    cases=lambda: [
        (_square, np.array([1.0, -2.0]), 1e-3),
        (_wave, normal(1, 2, 3), 1e-3),
        (_wave, 0.1 + normal(2, 5), 0.3),
    ],
    tolerance=1e-6,
    mistakes=(
        mistake(
            "this is the forward difference, whose error shrinks with h alone; the central one, with h^2: "
            "(f(w + h) - f(w - h)) / (2h)",
            "这是前向差分，误差只按 h 减小；中心差分按 h^2 减小：(f(w + h) - f(w - h)) / (2h)",
            lambda f, w, h: _differences(f, w, h, 0.0) * 2,
        ),
        mistake(
            "divided by h: between w - h and w + h there are 2h",
            "除以了 h：w - h 与 w + h 之间相距 2h",
            lambda f, w, h: _differences(f, w, h, 1.0) * 2,
        ),
        mistake(
            "w is not set back after an entry: the next entries' differences start from a shifted w",
            "处理完一个元素后没有还原 w：后面元素的差分从移动过的 w 开始",
            _shifting,
        ),
        mistake(
            "h is added to all entries at once, which gives one slope: change one entry at a time",
            "h 同时加到了所有元素上，只得到一个斜率：每次只改变一个元素",
            lambda f, w, h: np.full(w.shape, (f(w + h) - f(w - h)) / (2 * h)),
        ),
    ),
)
def numerical_gradient(f: Callable[[Array], float], w: Array, h: float) -> Array:
    gradient = np.zeros(w.shape)
    for place in np.ndindex(w.shape):
        above, below = w.copy(), w.copy()
        above[place] += h
        below[place] -= h
        gradient[place] = (f(above) - f(below)) / (2 * h)
    return gradient
