"""Why it is as it is: claims that textbooks make, each shown by numbers that are computed when it is asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from twofold.inspect.demonstrations.classes import (
    accuracy,
    likelihood,
    naive_softmax,
    output_problem,
    softmax_argmax,
    squared_loss,
)
from twofold.inspect.demonstrations.demonstration import Demonstration
from twofold.inspect.demonstrations.gradients import batch_mean, numerical_gradient, vanishing_derivatives
from twofold.inspect.demonstrations.layers import no_activation
from twofold.language import Text

__all__ = [
    "DEMONSTRATIONS",
    "Demonstration",
    "accuracy",
    "batch_mean",
    "likelihood",
    "naive_softmax",
    "no_activation",
    "numerical_gradient",
    "output_problem",
    "softmax_argmax",
    "squared_loss",
    "vanishing_derivatives",
]


class Entry(NamedTuple):
    """A demonstration that can be asked for by name.

    Attributes
    ----------
    show : callable
        Takes ``language``.
    summary : Text
    """

    show: Callable[..., Demonstration]
    summary: Text


DEMONSTRATIONS: dict[str, Entry] = {
    "batch-mean": Entry(
        batch_mean,
        Text("why a step divides by the size of the batch, once", "为什么一步要除以批量大小，而且只除一次"),
    ),
    "numerical-gradient": Entry(
        numerical_gradient,
        Text("the derivative by formula against finite differences", "公式求出的导数与有限差分对比"),
    ),
    "output-problem": Entry(
        output_problem,
        Text("what an output of 10 means beside 0.1 and beside 1000", "输出值 10 在 0.1 旁和在 1000 旁各意味着什么"),
    ),
    "softmax-argmax": Entry(
        softmax_argmax,
        Text("softmax does not change which class is predicted", "softmax 不改变预测类别"),
    ),
    "squared-loss": Entry(
        squared_loss,
        Text(
            "squared loss against cross entropy on (0.2, 0.2, 0.6) and (0, 0.4, 0.6)",
            "在 (0.2, 0.2, 0.6) 和 (0, 0.4, 0.6) 上比较平方损失与交叉熵",
        ),
    ),
    "likelihood": Entry(likelihood, Text("maximum likelihood is minimum cross entropy", "最大似然就是最小交叉熵")),
    "naive-softmax": Entry(
        naive_softmax,
        Text(
            "what softmax does at 1000 when the maximum isn't subtracted",
            "不减去最大值时，softmax 在 1000 处会怎样",
        ),
    ),
    "accuracy": Entry(
        accuracy,
        Text("why one trains on the loss and reports the accuracy", "为什么用损失训练，用准确率报告"),
    ),
    "no-activation": Entry(
        no_activation,
        Text("a deep network without activation is one layer", "没有激活函数的深层网络就是一层"),
    ),
    "vanishing-derivatives": Entry(
        vanishing_derivatives,
        Text("derivatives through many layers of sigmoid, tanh and relu", "导数经过许多层 sigmoid、tanh 和 relu 之后"),
    ),
}
