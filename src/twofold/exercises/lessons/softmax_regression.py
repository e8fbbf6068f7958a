"""Lesson 3.4: softmax regression, from outputs to probabilities, loss and accuracy."""

from __future__ import annotations

from typing import Any

import numpy as np

from twofold.exercises.exercise import Lesson
from twofold.exercises.lessons.shared import Array, T, labels, mistake, normal, probabilities

LESSON = Lesson("3.4", T("Softmax regression", "softmax 回归"))
exercise = LESSON.exercise


@exercise(
    "outputs",
    T(
        "The outputs of a single layer for n samples: O = X W + b. X is (n, d), W is (d, q), b is (q,); return O, (n, q). "
        "No loop over the samples.",
        "单层网络对 n 个样本的输出：O = X W + b。X 是 (n, d)，W 是 (d, q)，b 是 (q,)；返回 O，(n, q)。不要对样本循环。",
    ),
    T(
        "Four pixels and three classes: W is 4 x 3; b is added to each row.",
        "四个像素、三个类别：W 是 4 x 3；b 加到每一行上。",
    ),
    cases=lambda: [
        (np.array([[1.0, 0.0, 2.0, 1.0]]), np.arange(12.0).reshape(4, 3), np.array([0.1, 0.2, 0.3])),
        (normal(1, 3, 3), normal(2, 3, 3), normal(3, 3)),
        (1e5 * normal(4, 5, 2), normal(5, 2, 4), normal(6, 4)),
    ],
    samples="X",
    many=lambda n: (normal(7, n, 4), normal(8, 4, 3), normal(9, 3)),
    mistakes=(
        mistake(
            "b is added to columns of samples, not to the outputs: b has one entry for each class, so no b[:, None]",
            "b 加到了样本方向上，而不是输出上：b 的每个元素对应一个类别，不要用 b[:, None]",
            lambda X, W, b: X @ W + b[:, None],
            lambda runs: len(runs) > 1 and not runs[1].failure and _is(runs[1], lambda X, W, b: X @ W + b[:, None]),
        ),
        mistake(
            "the bias is missing: O = X W + b",
            "缺少偏置：O = X W + b",
            lambda X, W, b: X @ W,
        ),
        mistake(
            "W is transposed, (q, d): W is (d, q) here, each column belongs to a class: X @ W",
            "把 W 转置成了 (q, d)：这里的 W 是 (d, q)，每一列对应一个类别：X @ W",
            lambda X, W, b: X @ W.T + b,
        ),
    ),
)
def affine_outputs(X: Array, W: Array, b: Array) -> Array:
    return X @ W + b  # (n, q)


def _is(run: Any, answer: Any) -> bool:
    got, wrong = run.got, answer(*run.case)
    return bool(np.shape(got) == np.shape(wrong) and np.allclose(got, wrong))


def _exp(O: Array, axis: int | None = 1, shift: Any = 0.0) -> Array:
    E = np.exp(O - shift)
    return E / E.sum(axis=axis, keepdims=True)


def _overflows(runs: Any) -> bool:
    """Tell whether ordinary rows are right and large ones no numbers."""
    ordinary = [run for run in runs if np.abs(run.case[0]).max() < 700]
    large = [run for run in runs if np.abs(run.case[0]).max() >= 700]
    shaped = all(not run.failure and np.shape(run.got) == np.shape(run.expected) for run in runs)
    return shaped and all(run.right for run in ordinary) and any(np.isnan(run.got).any() for run in large)


@exercise(
    "softmax",
    T(
        "Softmax of each row: exp(o_j) / sum_i exp(o_i). O is (n, q); return probabilities, (n, q), whose rows add up to 1. "
        "It must hold for outputs such as 1000 and -1000 too. No loop over the rows.",
        "对每一行做 softmax：exp(o_j) / sum_i exp(o_i)。O 是 (n, q)；返回概率，(n, q)，每行的和为 1。对 1000、-1000 这样的输出"
        "也要成立。不要对行循环。",
    ),
    T(
        "Softmax does not change if the same number is subtracted from all outputs of a row: subtract the row's maximum.",
        "一行的所有输出减去同一个数，softmax 不变：先减去该行的最大值。",
    ),
    cases=lambda: [
        (np.array([[1.0, 2.0, 3.0], [0.1, 10.0, 0.1]]),),
        (normal(1, 4, 3),),
        (normal(2, 3, 3),),
        (np.array([[0.0, 0.0, 0.0, 0.0]]),),
        (np.array([[1000.0, 10.0, 1000.0], [1000.0, 1001.0, 999.0]]),),
        (np.array([[-1000.0, -1001.0, -999.0], [2000.0, 0.0, 2001.0]]),),
    ],
    samples="O",
    many=lambda n: (normal(3, n, 5),),
    mistakes=(
        mistake(
            "softmax overflows: exp(o) is infinite for outputs above 709, and all zero for rows below -745, so that "
            "inf/inf and 0/0 give nan. Subtract each row's maximum first: np.exp(O - O.max(axis=1, keepdims=True))",
            "softmax 溢出：输出大于 709 时 exp(o) 为无穷大，整行小于 -745 时全为 0，inf/inf 和 0/0 得到 nan。先减去每行的最大值："
            "np.exp(O - O.max(axis=1, keepdims=True))",
            _exp,
            lambda runs: _overflows(runs) and np.isnan(runs[4].got).any(),
        ),
        mistake(
            "the maximum of the whole matrix is subtracted: rows far below it become 0/0 = nan. Take each row's own, "
            "O.max(axis=1, keepdims=True)",
            "减去的是整个矩阵的最大值：远小于它的行会变成 0/0 = nan。应取每行自己的最大值，O.max(axis=1, keepdims=True)",
            lambda O: _exp(O, shift=O.max()),
            lambda runs: _overflows(runs) and not np.isnan(runs[4].got).any(),
        ),
        mistake(
            "the columns add up to 1, not the rows: classes lie along axis 1, so sum(axis=1, keepdims=True)",
            "每列的和为 1，而不是每行：类别在 axis 1 上，应为 sum(axis=1, keepdims=True)",
            lambda O: _exp(O, 0, O.max(axis=0)),
        ),
        mistake(
            "the whole matrix adds up to 1: each row must, sum(axis=1, keepdims=True)",
            "整个矩阵的和为 1：应是每一行的和为 1，sum(axis=1, keepdims=True)",
            lambda O: np.exp(O - O.max()) / np.exp(O - O.max()).sum(),
        ),
        mistake(
            "softmax is applied twice: the probabilities go through it again; return them as they are",
            "softmax 做了两次：概率又做了一遍 softmax；直接返回即可",
            lambda O: _exp(_exp(O, shift=O.max(axis=1, keepdims=True))),
        ),
        mistake(
            "the outputs are divided by their sum without exp: negative numbers would be no probabilities; exp comes first",
            "没有取 exp 就除以了和：负数不能成为概率；应先取 exp",
            lambda O: O / O.sum(axis=1, keepdims=True),
        ),
        mistake(
            "this is the logarithm of softmax: return exp of it, probabilities between 0 and 1",
            "这是 softmax 的对数：应再取 exp，得到 0 到 1 之间的概率",
            lambda O: O - O.max(axis=1, keepdims=True) - np.log(
                np.exp(O - O.max(axis=1, keepdims=True)).sum(axis=1, keepdims=True)
            ),
        ),
    ),
)  # fmt: skip
def softmax(O: Array) -> Array:
    E = np.exp(O - O.max(axis=1, keepdims=True))  # (n, q)
    return E / E.sum(axis=1, keepdims=True)  # (n, q)


@exercise(
    "one-hot",
    T(
        "One-hot labels: y, (n,), holds classes from 0 to q - 1; return Y, (n, q), floats: 1 in the column of the class, "
        "0 elsewhere. No loop over the samples.",
        "独热编码：y，(n,)，是 0 到 q - 1 的类别；返回 Y，(n, q)，浮点数：类别所在的列为 1，其余为 0。不要对样本循环。",
    ),
    T("np.eye(q)[y] picks rows of the identity matrix.", "np.eye(q)[y] 从单位矩阵中取行。"),
    cases=lambda: [(np.array([2, 0, 1]), 3), (np.array([0, 1, 1, 0]), 5), (labels(1, 12, 10), 10)],
    samples="y",
    many=lambda n: (labels(2, n, 4), 4),
    mistakes=(
        mistake(
            "the number of classes is taken from the labels that occur, y.max() + 1; in a small batch the last classes may be "
            "missing: take q",
            "类别数取自出现过的标签 y.max() + 1；小批量里可能没有最后几类：应使用 q",
            lambda y, q: np.eye(y.max() + 1)[y],
        ),
        mistake(
            "classes are counted from 1; here they begin with 0: column y, not y - 1",
            "类别从 1 数起；这里从 0 开始：应是第 y 列，而不是 y - 1",
            lambda y, q: np.eye(q)[y - 1],
        ),
    ),
)
def one_hot(y: Array, q: int) -> Array:
    return np.eye(q)[y]  # (n, q)


@exercise(
    "cross-entropy",
    T(
        "The cross entropy of each sample: minus the logarithm of the probability of its true class. Y_hat, (n, q), holds "
        "probabilities, y, (n,), classes from 0; return (n,). No loop over the samples.",
        "每个样本的交叉熵：真实类别的概率取对数再取负。Y_hat，(n, q)，是概率；y，(n,)，是从 0 开始的类别；返回 (n,)。"
        "不要对样本循环。",
    ),
    T("Y_hat[np.arange(n), y] picks one probability of each row.", "Y_hat[np.arange(n), y] 从每行取一个概率。"),
    cases=lambda: [
        (np.array([[0.2, 0.2, 0.6], [0.1, 0.3, 0.6]]), np.array([2, 0])),
        (probabilities(1, 5, 4), labels(1, 5, 4)),
        (np.array([[1.0, 0.0], [1e-300, 1.0]]), np.array([0, 0])),
        (probabilities(2, 64, 10), labels(2, 64, 10)),
    ],
    kind="loss",
    samples="y",
    many=lambda n: (probabilities(3, n, 4), labels(3, n, 4)),
    mistakes=(
        mistake(
            "Y_hat[:, y] picks for each sample the labels of all samples, (n, n): pair them, Y_hat[np.arange(n), y]",
            "Y_hat[:, y] 为每个样本取了所有样本的标签，得到 (n, n)：应一一配对，Y_hat[np.arange(n), y]",
            lambda Y_hat, y: -np.log(Y_hat[:, y]),
        ),
        mistake(
            "a small number is added inside the logarithm: at a probability of 1e-300 the loss is 690.8, yours stops "
            "far below; leave it out",
            "对数里加了一个很小的数：概率为 1e-300 时损失应是 690.8，你的远小于它；请去掉",
            lambda Y_hat, y: -np.log(Y_hat[np.arange(len(y)), y] + 1e-12),
            lambda runs: [run.right for run in runs][2:3] == [False] and not runs[-1].failure and _stops(runs),
        ),
        mistake(
            "the logarithm has another base; cross entropy takes the natural one, np.log (not log2 or log10)",
            "对数的底不对；交叉熵用自然对数 np.log（不是 log2 或 log10）",
            lambda Y_hat, y: -np.log2(Y_hat[np.arange(len(y)), y]),
            lambda runs: any(_is(runs[1], lambda P, y, b=b: -np.log(P[np.arange(len(y)), y]) / np.log(b)) for b in (2, 10)),
        ),
        mistake(
            "this is the squared loss of the probability; take minus its logarithm",
            "这是概率的平方损失；应取对数再取负",
            lambda Y_hat, y: (1 - Y_hat[np.arange(len(y)), y]) ** 2 / 2,
        ),
        mistake(
            "this is one minus the probability; take minus its logarithm",
            "这是 1 减概率；应取对数再取负",
            lambda Y_hat, y: 1 - Y_hat[np.arange(len(y)), y],
        ),
        mistake(
            "the logarithm is of all classes, (n, q): the true class alone counts",
            "对所有类别都取了对数，(n, q)：只应取真实类别的",
            lambda Y_hat, y: -np.log(Y_hat),
        ),
    ),
)  # fmt: skip
def cross_entropy(Y_hat: Array, y: Array) -> Array:
    return -np.log(Y_hat[np.arange(len(y)), y])  # (n,)


def _stops(runs: Any) -> bool:
    """Tell whether only the loss at a tiny probability is wrong, and too small."""
    run = runs[2]
    near = all(
        np.allclose(each.got, each.expected, rtol=1e-4)
        for each in (runs[0], runs[1])
        if np.shape(each.got) == np.shape(each.expected)
    )
    return near and np.shape(run.got) == (2,) and 1 < run.got[1] < 600


@exercise(
    "predicted-class",
    T(
        "The predicted class of each sample: the place of its largest output. O is (n, q); return whole numbers, (n,).",
        "每个样本的预测类别：最大输出的位置。O 是 (n, q)；返回整数，(n,)。",
    ),
    T(
        "argmax gives a place, max a value; softmax does not change which is largest.",
        "argmax 给出位置，max 给出数值；softmax 不改变哪个最大。",
    ),
    cases=lambda: [
        (np.array([[0.1, 10.0, 0.1], [1000.0, 10.0, 999.0]]),),
        (normal(1, 6, 4),),
        (normal(2, 3, 3),),
    ],
    samples="O",
    mistakes=(
        mistake(
            "the maximum is taken over the samples (axis 0): classes lie along axis 1",
            "最大值是对样本取的（axis 0）：类别在 axis 1 上",
            lambda O: O.argmax(axis=0),
        ),
        mistake(
            "without axis, argmax counts through the whole matrix: argmax(axis=1)",
            "不写 axis 时，argmax 在整个矩阵中计数：应为 argmax(axis=1)",
            lambda O: O.argmax(),
        ),
        mistake(
            "these are the largest outputs, not their places: argmax in place of max",
            "这是最大的输出值，而不是位置：应用 argmax 而不是 max",
            lambda O: O.max(axis=1),
        ),
    ),
)
def predicted_class(O: Array) -> Array:
    return O.argmax(axis=1)  # (n,)


@exercise(
    "accuracy",
    T(
        "Accuracy: the share of samples whose predicted class is the true one. O, (n, q), holds outputs, y, (n,), classes; "
        "return a number between 0 and 1.",
        "准确率：预测类别等于真实类别的样本所占的比例。O，(n, q)，是输出；y，(n,)，是类别；返回 0 到 1 之间的数。",
    ),
    T(
        "The mean of an array of True and False is the share of True.",
        "由 True 和 False 组成的数组的平均值就是 True 的比例。",
    ),
    cases=lambda: [
        (np.array([[0.1, 0.3, 0.6], [0.3, 0.2, 0.5]]), np.array([0, 2])),
        (normal(1, 10, 4), labels(1, 10, 4)),
        (normal(2, 7, 3), normal(2, 7, 3).argmax(axis=1)),
        (normal(3, 64, 5), labels(3, 64, 5)),
    ],
    samples="y",
    mistakes=(
        mistake(
            "this is the number of correct predictions: divide by the number of samples",
            "这是预测正确的个数：请除以样本数",
            lambda O, y: float((O.argmax(axis=1) == y).sum()),
        ),
        mistake(
            "this is in percent: leave the factor 100 out",
            "这是百分数：请去掉因子 100",
            lambda O, y: 100 * float((O.argmax(axis=1) == y).mean()),
        ),
        mistake(
            "this is the share of mistakes: == in place of !=",
            "这是预测错误的比例：应用 == 而不是 !=",
            lambda O, y: float((O.argmax(axis=1) != y).mean()),
        ),
        mistake(
            "predictions of shape (n, 1) are compared with labels of (n,), each with each, (n, n): leave keepdims out",
            "形状为 (n, 1) 的预测与 (n,) 的标签两两比较，成了 (n, n)：请去掉 keepdims",
            lambda O, y: float((O.argmax(axis=1, keepdims=True) == y).mean()),
        ),
    ),
)
def accuracy(O: Array, y: Array) -> float:
    return float((O.argmax(axis=1) == y).mean())


@exercise(
    "log-likelihood",
    T(
        "The logarithm of the joint likelihood of n independent samples: log of the product of the probabilities of their "
        "true classes. Y_hat, (n, q), holds probabilities, y, (n,), classes; return a number. It must hold for thousands of "
        "samples.",
        "n 个独立样本的联合似然的对数：各真实类别概率之积的对数。Y_hat，(n, q)，是概率；y，(n,)，是类别；返回一个数。对上千个"
        "样本也要成立。",
    ),
    T("The logarithm of a product is the sum of the logarithms.", "乘积的对数等于对数的和。"),
    cases=lambda: [
        (np.array([[0.2, 0.2, 0.6], [0.1, 0.3, 0.6]]), np.array([2, 0])),
        (probabilities(1, 5, 4), labels(1, 5, 4)),
        (probabilities(2, 3000, 10), labels(2, 3000, 10)),
    ],
    samples="y",
    mistakes=(
        mistake(
            "the product of thousands of probabilities underflows to 0, whose logarithm is -inf: add the logarithms up",
            "上千个概率的乘积下溢为 0，对数成了 -inf：应把对数相加",
            lambda Y_hat, y: float(np.log(np.prod(Y_hat[np.arange(len(y)), y]))),
        ),
        mistake(
            "this is the likelihood itself: take its logarithm, as a sum of logarithms",
            "这是似然本身：应取对数，即对数之和",
            lambda Y_hat, y: float(np.prod(Y_hat[np.arange(len(y)), y])),
        ),
        mistake(
            "this is the mean: the logarithm of the joint likelihood is the sum, -n times the mean cross entropy",
            "这是平均值：联合似然的对数是和，即平均交叉熵的 -n 倍",
            lambda Y_hat, y: float(np.log(Y_hat[np.arange(len(y)), y]).mean()),
        ),
    ),
)
def log_likelihood(Y_hat: Array, y: Array) -> float:
    return float(np.log(Y_hat[np.arange(len(y)), y]).sum())
