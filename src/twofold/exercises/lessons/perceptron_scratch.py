"""Lesson 3.9: the multilayer perceptron from scratch: first weights, the way back, a step."""

from __future__ import annotations

from typing import Any

import numpy as np

from twofold.exercises.exercise import Case, Lesson
from twofold.exercises.lessons.shared import Array, T, generator, labels, mistake, normal
from twofold.exercises.lessons.softmax_scratch import about_weights, differences, mean_cross_entropy, output_gradient

LESSON = Lesson("3.9", T("Multilayer perceptron from scratch", "多层感知机的从零开始实现"))
exercise = LESSON.exercise


def _about_first(returned: Any, arguments: Case) -> dict[str, Any]:
    d, h, q, sigma, _ = arguments
    W1, b1, W2, b2 = returned
    return {"first": about_weights(W1, b1, (d, h), sigma), "second": about_weights(W2, b2, (h, q), sigma)}


def _both(runs: Any, key: str, value: Any) -> bool:
    return all(
        not run.failure and isinstance(run.got, dict) and all(each[key] == value for each in run.got.values())
        for run in runs
    )


@exercise(
    "initialization",
    T(
        "First parameters of a multilayer perceptron: W1, (d, h), and W2, (h, q), normal with mean 0 and standard deviation "
        "sigma, drawn from rng, a np.random.Generator; b1, (h,), and b2, (q,), zeros. Return W1, b1, W2, b2.",
        "多层感知机的初始参数：W1，(d, h)，和 W2，(h, q)，服从均值 0、标准差 sigma 的正态分布，用 np.random.Generator rng "
        "抽取；b1，(h,)，和 b2，(q,)，全为 0。返回 W1、b1、W2、b2。",
    ),
    T("Were all weights zero, all hidden units would stay alike for ever.", "若权重全为零，所有隐藏单元将永远相同。"),
    cases=lambda: [(784, 256, 10, 0.01, generator(1)), (60, 50, 40, 0.3, generator(2))],
    observe=_about_first,
    mistakes=(
        mistake(
            "all weights are zero: every hidden unit then gets the same gradient, and they stay alike for ever; draw them",
            "权重全为零：每个隐藏单元的梯度都相同，它们将永远一样；应随机抽取",
            lambda d, h, q, sigma, rng: (np.zeros((d, h)), np.zeros(h), np.zeros((h, q)), np.zeros(q)),
            lambda runs: _both(runs, "W zero", True),
        ),
        mistake(
            "all weights are the same number: hidden units that begin alike stay alike; draw each at random",
            "权重全是同一个数：一开始相同的隐藏单元会一直相同；每个都应随机抽取",
            lambda d, h, q, sigma, rng: (np.full((d, h), sigma), np.zeros(h), np.full((h, q), sigma), np.zeros(q)),
            lambda runs: _both(runs, "std of W / sigma", 0) and _both(runs, "W zero", False),
        ),
        mistake(
            "the biases are drawn at random: they begin with 0",
            "偏置是随机的：应从 0 开始",
            lambda d, h, q, sigma, rng: (
                rng.normal(0, sigma, (d, h)), rng.normal(0, sigma, h), rng.normal(0, sigma, (h, q)), rng.normal(0, sigma, q)
            ),
            lambda runs: _both(runs, "b zero", False),
        ),
        mistake(
            "the weights have the standard deviation 1: multiply by sigma",
            "权重的标准差是 1：请乘以 sigma",
            lambda d, h, q, sigma, rng: (
                rng.standard_normal((d, h)), np.zeros(h), rng.standard_normal((h, q)), np.zeros(q)
            ),
            lambda runs: all(not run.failure and abs(run.got["first"]["std of W / sigma"] * run.case[3] - 1) < 0.1 for run in runs),
        ),
        mistake(
            "the weights are transposed: W1 is (d, h), so that X @ W1 is (n, h)",
            "权重转置了：W1 应是 (d, h)，使 X @ W1 为 (n, h)",
            lambda d, h, q, sigma, rng: (
                rng.normal(0, sigma, (h, d)), np.zeros(h), rng.normal(0, sigma, (q, h)), np.zeros(q)
            ),
            lambda runs: _both(runs, "expected shape", False) and _both(runs, "b zero", True),
        ),
    ),
)  # fmt: skip
def initialize_mlp(d: int, h: int, q: int, sigma: float, rng: np.random.Generator) -> tuple[Array, ...]:
    W1, W2 = rng.normal(0, sigma, (d, h)), rng.normal(0, sigma, (h, q))
    return W1, np.zeros(h), W2, np.zeros(q)


@exercise(
    "hidden-gradient",
    T(
        "Back through a ReLU layer: given dO, (n, q), the gradient at the outputs O = relu(Z) W, with W (h, q) and the "
        "pre-activation Z, (n, h), return the gradient at Z, (n, h). At z = 0 relu's derivative is 0.",
        "反向通过 ReLU 层：已知输出 O = relu(Z) W 处的梯度 dO，(n, q)，W 是 (h, q)，激活前的值 Z 是 (n, h)，返回 Z 处的梯度，"
        "(n, h)。relu 在 z = 0 处的导数取 0。",
    ),
    T("First dH = dO W^T, then keep it where Z > 0.", "先算 dH = dO W^T，再只保留 Z > 0 处。"),
    cases=lambda: [
        (np.array([[1.0, -2.0]]), np.array([[1.0, 2.0], [3.0, 5.0], [4.0, 1.0]]), np.array([[1.0, -1.0, 0.0]])),
        (normal(1, 4, 3), normal(2, 3, 3), normal(3, 4, 3)),
        (normal(4, 5, 2), normal(5, 6, 2), np.round(normal(6, 5, 6))),
    ],
    kind="gradient",
    samples="dO",
    many=lambda n: (normal(7, n, 3), normal(8, 4, 3), normal(9, n, 4)),
    mistakes=(
        mistake(
            "relu's derivative is missing: multiply by (Z > 0); a unit that is off passes nothing back",
            "缺少 relu 的导数：应乘以 (Z > 0)；关闭的单元不向回传递",
            lambda dO, W, Z: dO @ W.T,
        ),
        mistake(
            "W is not transposed: dH = dO W^T",
            "W 没有转置：dH = dO W^T",
            lambda dO, W, Z: (dO @ W) * (Z > 0),
        ),
        mistake(
            "at Z = 0 yours passes the gradient on: take Z > 0, not Z >= 0",
            "在 Z = 0 处你让梯度通过了：应为 Z > 0，而不是 Z >= 0",
            lambda dO, W, Z: (dO @ W.T) * (Z >= 0),
        ),
        mistake(
            "multiplied by relu(Z) itself: multiply by its derivative, which is 0 or 1",
            "乘了 relu(Z) 本身：应乘它的导数，0 或 1",
            lambda dO, W, Z: (dO @ W.T) * np.maximum(Z, 0),
        ),
        mistake(
            "relu is applied to the gradient: it is the sign of Z that decides, not that of the gradient",
            "对梯度做了 relu：应由 Z 的符号决定，而不是梯度的符号",
            lambda dO, W, Z: np.maximum(dO @ W.T, 0),
        ),
    ),
)
def hidden_gradient(dO: Array, W: Array, Z: Array) -> Array:
    return (dO @ W.T) * (Z > 0)  # (n, h)


def _case(seed: int, n: int, widths: tuple[int, int, int]) -> Case:
    d, h, q = widths
    first = normal(seed, n, d), labels(seed, n, q)
    return (*first, normal(seed + 1, d, h), normal(seed + 2, h), normal(seed + 3, h, q), normal(seed + 4, q))


def _forward(X: Array, W1: Array, b1: Array, W2: Array, b2: Array) -> tuple[Array, Array, Array]:
    Z = X @ W1 + b1
    return Z, np.maximum(Z, 0), np.maximum(Z, 0) @ W2 + b2


def _backward(
    X: Array, y: Array, W1: Array, b1: Array, W2: Array, b2: Array, *, mask: Any = None, by: Any = None
) -> Any:
    Z, H, O = _forward(X, W1, b1, W2, b2)
    dO = output_gradient(O, y)
    dZ = (dO @ W2.T) * (Z > 0 if mask is None else mask(Z))
    below = X if by is None else by(X)
    return below.T @ dZ, dZ.sum(axis=0), H.T @ dO, dO.sum(axis=0)


def _numeric(X: Array, y: Array, W1: Array, b1: Array, W2: Array, b2: Array) -> Any:
    def loss(W1: Array, b1: Array, W2: Array, b2: Array) -> float:
        return mean_cross_entropy(_forward(X, W1, b1, W2, b2)[2], y)

    return (
        differences(lambda A: loss(A, b1, W2, b2), W1),
        differences(lambda a: loss(W1, a, W2, b2), b1),
        differences(lambda A: loss(W1, b1, A, b2), W2),
        differences(lambda a: loss(W1, b1, W2, a), b2),
    )


@exercise(
    "gradient",
    T(
        "Backpropagation through H = relu(X W1 + b1), O = H W2 + b2 with the mean cross entropy of softmax(O). X is (n, d), "
        "y, (n,), holds classes, W1 is (d, h), b1 is (h,), W2 is (h, q), b2 is (q,); return dW1, db1, dW2, db2. No loop over "
        "the samples.",
        "对 H = relu(X W1 + b1)，O = H W2 + b2 和 softmax(O) 的平均交叉熵做反向传播。X 是 (n, d)，y，(n,)，是类别，W1 是 "
        "(d, h)，b1 是 (h,)，W2 是 (h, q)，b2 是 (q,)；返回 dW1、db1、dW2、db2。不要对样本循环。",
    ),
    T(
        "dO = (softmax(O) - Y) / n; dW2 = H^T dO; dZ = dO W2^T where Z > 0; dW1 = X^T dZ; biases: sums over the samples.",
        "dO = (softmax(O) - Y) / n；dW2 = H^T dO；dZ 是 Z > 0 处的 dO W2^T；dW1 = X^T dZ；偏置的梯度是对样本求和。",
    ),
    cases=lambda: [_case(1, 3, (2, 4, 3)), _case(2, 7, (3, 3, 3)), _case(3, 64, (4, 5, 2))],
    returns=("dW1", "db1", "dW2", "db2"),
    kind="gradient",
    samples="X",
    many=lambda n: _case(4, n, (4, 5, 3)),
    numeric=_numeric,
    mistakes=(
        mistake(
            "dW1 and db1 lack relu's derivative: dZ = (dO W2^T) * (Z > 0)",
            "dW1 和 db1 缺少 relu 的导数：dZ = (dO W2^T) * (Z > 0)",
            lambda X, y, W1, b1, W2, b2: _backward(X, y, W1, b1, W2, b2, mask=np.ones_like),
        ),
        mistake(
            "relu's derivative is 0 where it should be 1, and 1 where it should be 0: (Z > 0)",
            "relu 的导数该为 1 处为 0，该为 0 处为 1：应为 (Z > 0)",
            lambda X, y, W1, b1, W2, b2: _backward(X, y, W1, b1, W2, b2, mask=lambda Z: Z <= 0),
        ),
        mistake(
            "dW2 takes the pre-activation: it is H^T dO with H = relu(Z)",
            "dW2 用了激活前的值：应为 H^T dO，其中 H = relu(Z)",
            lambda X, y, W1, b1, W2, b2: _with_pre_activation(X, y, W1, b1, W2, b2),
        ),
        mistake(
            "the biases' gradients keep the samples or are means of sums: db = dZ.sum(axis=0), since dO has the 1/n already",
            "偏置的梯度保留了样本维，或对和又取了平均：db = dZ.sum(axis=0)，因为 dO 已含 1/n",
            lambda X, y, W1, b1, W2, b2: _mean_biases(X, y, W1, b1, W2, b2),
        ),
        mistake(
            "the one-hot labels are missing: dO = (softmax(O) - Y) / n, yours is softmax(O) / n",
            "缺少独热标签：dO = (softmax(O) - Y) / n，你的是 softmax(O) / n",
            lambda X, y, W1, b1, W2, b2: _without_labels(X, y, W1, b1, W2, b2),
        ),
    ),
)
def mlp_gradient(X: Array, y: Array, W1: Array, b1: Array, W2: Array, b2: Array) -> tuple[Array, Array, Array, Array]:
    Z = X @ W1 + b1  # (n, h)
    H = np.maximum(Z, 0)
    E = np.exp((O := H @ W2 + b2) - O.max(axis=1, keepdims=True))
    dO = E / E.sum(axis=1, keepdims=True)  # (n, q)
    dO[np.arange(len(y)), y] -= 1
    dO /= len(y)
    dZ = (dO @ W2.T) * (Z > 0)  # (n, h)
    return X.T @ dZ, dZ.sum(axis=0), H.T @ dO, dO.sum(axis=0)


def _with_pre_activation(X: Array, y: Array, W1: Array, b1: Array, W2: Array, b2: Array) -> Any:
    dW1, db1, _, db2 = _backward(X, y, W1, b1, W2, b2)
    Z, _, O = _forward(X, W1, b1, W2, b2)
    return dW1, db1, Z.T @ output_gradient(O, y), db2


def _mean_biases(X: Array, y: Array, W1: Array, b1: Array, W2: Array, b2: Array) -> Any:
    dW1, db1, dW2, db2 = _backward(X, y, W1, b1, W2, b2)
    return dW1, db1 / len(y), dW2, db2 / len(y)


def _without_labels(X: Array, y: Array, W1: Array, b1: Array, W2: Array, b2: Array) -> Any:
    Z, H, O = _forward(X, W1, b1, W2, b2)
    E = np.exp(O - O.max(axis=1, keepdims=True))
    dO = E / E.sum(axis=1, keepdims=True) / len(y)
    dZ = (dO @ W2.T) * (Z > 0)
    return X.T @ dZ, dZ.sum(axis=0), H.T @ dO, dO.sum(axis=0)


def _stepped(parameters: tuple[Array, ...], gradients: tuple[Array, ...], rate: float) -> tuple[Array, ...]:
    return tuple(p - rate * g for p, g in zip(parameters, gradients, strict=True))


def _late(X: Array, y: Array, parameters: tuple[Array, ...], rate: float) -> tuple[Array, ...]:
    """Update the second layer before the gradient of the first is computed."""
    W1, b1, W2, b2 = parameters
    Z, H, O = _forward(X, W1, b1, W2, b2)
    dO = output_gradient(O, y)
    W2, b2 = W2 - rate * H.T @ dO, b2 - rate * dO.sum(axis=0)
    dZ = (dO @ W2.T) * (Z > 0)
    return W1 - rate * X.T @ dZ, b1 - rate * dZ.sum(axis=0), W2, b2


@exercise(
    "training-step",
    T(
        "One step of SGD for the multilayer perceptron of the exercise before: all four gradients first, then each parameter "
        "minus learning_rate times its gradient. parameters is (W1, b1, W2, b2); return the four new arrays, and leave the "
        "old ones as they are.",
        "上一题的多层感知机的一步随机梯度下降：先求出全部四个梯度，再让每个参数减去 learning_rate 乘它的梯度。parameters 是 "
        "(W1, b1, W2, b2)；返回四个新数组，原来的保持不变。",
    ),
    T("The gradient of W1 needs the old W2.", "W1 的梯度需要旧的 W2。"),
    cases=lambda: [(c[0], c[1], c[2:], rate) for c, rate in ((_case(1, 3, (2, 4, 3)), 0.5), (_case(2, 8, (3, 3, 3)), 0.1), (_case(3, 20, (4, 5, 2)), 0.5))],
    returns=("W1", "b1", "W2", "b2"),
    mistakes=(
        mistake(
            "the update adds the gradient and goes uphill: subtract it",
            "更新时加上了梯度，是在上坡：应减去梯度",
            lambda X, y, parameters, learning_rate: _stepped(parameters, _backward(X, y, *parameters), -learning_rate),
        ),
        mistake(
            "W2 is updated before the gradient of W1 is computed from it: all gradients first, then all updates",
            "先更新了 W2，再用它求 W1 的梯度：应先求全部梯度，再全部更新",
            _late,
        ),
        mistake(
            "only the output layer learns: update W1 and b1 by their gradients too",
            "只有输出层在学习：W1 和 b1 也要按梯度更新",
            lambda X, y, parameters, learning_rate: (
                *parameters[:2], *_stepped(parameters[2:], _backward(X, y, *parameters)[2:], learning_rate)
            ),
        ),
        mistake(
            "the biases are not updated: b1 and b2 take a step too, b - learning_rate * db",
            "偏置没有更新：b1 和 b2 也要更新，b - learning_rate * db",
            lambda X, y, parameters, learning_rate: tuple(
                old if old.ndim == 1 else new
                for old, new in zip(
                    parameters, _stepped(parameters, _backward(X, y, *parameters), learning_rate), strict=True
                )
            ),
        ),
        mistake(
            "the step is n times too long: divide the gradients by n, the size of the minibatch",
            "步长大了 n 倍：没有对小批量求平均，梯度应除以批量大小 n",
            lambda X, y, parameters, learning_rate: _stepped(
                parameters, _backward(X, y, *parameters), learning_rate * len(X)
            ),
        ),
    ),
)  # fmt: skip
def mlp_step(X: Array, y: Array, parameters: tuple[Array, ...], learning_rate: float) -> tuple[Array, ...]:
    W1, b1, W2, b2 = parameters
    Z = X @ W1 + b1
    H = np.maximum(Z, 0)
    E = np.exp((O := H @ W2 + b2) - O.max(axis=1, keepdims=True))
    dO = E / E.sum(axis=1, keepdims=True)
    dO[np.arange(len(y)), y] -= 1
    dO /= len(y)
    dZ = (dO @ W2.T) * (Z > 0)
    gradients = X.T @ dZ, dZ.sum(axis=0), H.T @ dO, dO.sum(axis=0)
    pairs = zip(parameters, gradients, strict=True)
    return tuple(p - learning_rate * g for p, g in pairs)
