"""Lesson 3.7: softmax regression concisely: a loss that takes outputs, and PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np

from twofold.exercises.exercise import Lesson
from twofold.exercises.lessons.shared import Array, T, labels, mistake, normal
from twofold.exercises.lessons.torch_models import (
    about_evaluation,
    filled,
    leaf,
    left_in,
    outputs_of,
    step_mistakes,
    tensor,
    value_and_slope,
)

LESSON = Lesson("3.7", T("Softmax regression, concisely", "softmax 回归的简洁实现"))
exercise = LESSON.exercise


def _infinite(runs: Any, ordinary: int) -> bool:
    """Tell whether the first inputs are right, and a later one gives no finite number."""
    shaped = all(not run.failure and np.shape(run.got) == np.shape(run.expected) for run in runs)
    later = [run for run in runs[ordinary:] if not np.isfinite(run.got).all()]
    return shaped and all(run.right for run in runs[:ordinary]) and bool(later)


@exercise(
    "log-sum-exp",
    T(
        "The logarithm of the sum of exponentials of each row, log sum_j exp(o_j), right for outputs such as 1000 and -1000 "
        "too. O is (n, q); return (n,). No loop over the rows.",
        "每行的指数和的对数 log sum_j exp(o_j)，对 1000、-1000 这样的输出也要正确。O 是 (n, q)；返回 (n,)。不要对行循环。",
    ),
    T("With m the row's maximum: m + log sum_j exp(o_j - m).", "设 m 为该行的最大值：m + log sum_j exp(o_j - m)。"),
    cases=lambda: [
        (np.array([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]]),),
        (normal(1, 5, 4),),
        (np.array([[1000.0, 1001.0], [-1000.0, -1001.0]]),),
    ],
    samples="O",
    many=lambda n: (normal(2, n, 3),),
    mistakes=(
        mistake(
            "exp overflows above 709 and is 0 below -745: subtract the row's maximum before exp, and add it after log",
            "exp 在 709 以上溢出，在 -745 以下为 0：取 exp 前先减去该行的最大值，取 log 后再加回",
            lambda O: np.log(np.exp(O).sum(axis=1)),
        ),
        mistake(
            "the maximum was subtracted and not added back: m + log sum exp(o - m)",
            "减去了最大值，却没有加回来：m + log sum exp(o - m)",
            lambda O: np.log(np.exp(O - O.max(axis=1, keepdims=True)).sum(axis=1)),
        ),
        mistake(
            "the maximum of the whole matrix is subtracted: rows far below it give log 0. Take each row's own",
            "减去的是整个矩阵的最大值：远小于它的行会得到 log 0。应取每行自己的最大值",
            lambda O: O.max() + np.log(np.exp(O - O.max()).sum(axis=1)),
        ),
    ),
)
def log_sum_exp(O: Array) -> Array:
    m = O.max(axis=1)  # (n,)
    return m + np.log(np.exp(O - m[:, None]).sum(axis=1))


def _softmax(O: Array) -> Array:
    E = np.exp(O - O.max(axis=1, keepdims=True))
    return E / E.sum(axis=1, keepdims=True)


@exercise(
    "cross-entropy",
    T(
        "The cross entropy of outputs, with the softmax inside: for each sample log sum_j exp(o_j) - o_y. O is (n, q), y, "
        "(n,), holds classes; return (n,), finite for outputs such as 1000 too. No loop over the samples.",
        "由输出直接计算交叉熵，softmax 包含在内：每个样本为 log sum_j exp(o_j) - o_y。O 是 (n, q)，y，(n,)，是类别；返回 "
        "(n,)，对 1000 这样的输出也要有限。不要对样本循环。",
    ),
    T("Subtract the row's maximum first; never take the logarithm of a softmax.", "先减去该行的最大值；不要对 softmax 取对数。"),
    cases=lambda: [
        (np.array([[0.1, 10.0, 0.1], [1.0, 2.0, 3.0]]), np.array([1, 0])),
        (normal(1, 6, 4), labels(1, 6, 4)),
        (np.array([[1000.0, 10.0, 1000.0], [60.0, 0.0, 0.0]]), np.array([0, 1])),
        (np.array([[1000.0, 0.0], [-1000.0, 0.0]]), np.array([1, 0])),
    ],
    kind="loss",
    samples="y",
    many=lambda n: (normal(2, n, 5), labels(2, n, 5)),
    mistakes=(
        mistake(
            "the logarithm of a softmax that has become 0 is -inf (or nan, if exp overflowed): compute "
            "log sum exp(o - m) + m - o_y with the row's maximum m, without softmax",
            "softmax 下溢为 0 后取对数是 -inf（若 exp 溢出则是 nan）：请用该行的最大值 m 计算 log sum exp(o - m) + m - o_y，"
            "不经过 softmax",
            lambda O, y: -np.log(_softmax(O)[np.arange(len(y)), y]),
            lambda runs: _infinite(runs, 2),
        ),
        mistake(
            "the probabilities are clipped or a small number is added: losses stop at about 20 to 40, where they are 1000, and "
            "the gradient is lost; compute log sum exp(o - m) + m - o_y",
            "概率被截断或加了很小的数：损失停在 20 到 40 左右，而应是 1000，梯度也消失了；请计算 log sum exp(o - m) + m - o_y",
            lambda O, y: -np.log(np.clip(_softmax(O)[np.arange(len(y)), y], 1e-10, 1)),
            lambda runs: all(np.shape(run.got) == np.shape(run.expected) for run in runs) and np.allclose(runs[1].got, runs[1].expected, rtol=1e-4) and bool(np.all(runs[3].got < 800)),
        ),
        mistake(
            "softmax is applied twice: this loss has one inside and takes outputs; leave the first out",
            "softmax 做了两次：这个损失里已包含 softmax，应接收输出；去掉前面的 softmax",
            lambda O, y: -np.log(_softmax(_softmax(O))[np.arange(len(y)), y]),
        ),
        mistake(
            "the mean over the samples is taken: each sample keeps its own loss, (n,)",
            "对样本求了平均：每个样本应保留自己的损失，(n,)",
            lambda O, y: (log_sum_exp(O) - O[np.arange(len(y)), y]).mean(),
        ),
        mistake(
            "the output of the true class is missing: log sum exp(o) - o_y",
            "缺少真实类别的输出：log sum exp(o) - o_y",
            lambda O, y: log_sum_exp(O),
        ),
    ),
)  # fmt: skip
def cross_entropy_of_outputs(O: Array, y: Array) -> Array:
    m = O.max(axis=1)
    lse = m + np.log(np.exp(O - m[:, None]).sum(axis=1))
    return lse - O[np.arange(len(y)), y]


def _nn() -> Any:
    import torch

    return torch.nn


@exercise(
    "model",
    T(
        "Softmax regression as a PyTorch model that ends with the outputs, since the loss has the softmax inside: it takes "
        "images, (n, 1, height, width) with height * width = d, and returns (n, q). Return the model.",
        "用 PyTorch 模型表示 softmax 回归，以输出结尾，因为损失中已包含 softmax：输入图像 (n, 1, height, width)，"
        "height * width = d，返回 (n, q)。返回模型。",
    ),
    T("nn.Sequential of nn.Flatten and nn.Linear.", "由 nn.Flatten 和 nn.Linear 组成的 nn.Sequential。"),
    cases=lambda: [(6, 3), (12, 5)],
    observe=lambda model, case: outputs_of(model, tensor(normal(1, 4, 1, 2, case[0] // 2))),
    float32=True,
    needs="torch",
    mistakes=(
        mistake(
            "the model ends with a softmax: CrossEntropyLoss has one inside, so it would be applied twice; return the outputs",
            "模型以 softmax 结尾：CrossEntropyLoss 中已有 softmax，会做两次；应返回输出",
            lambda d, q: _nn().Sequential(_nn().Flatten(), _nn().Linear(d, q), _nn().Softmax(dim=1)),
        ),
        mistake(
            "the images are not flattened: nn.Flatten() comes first, since a linear layer acts on the last axis alone",
            "图像没有展平：应先用 nn.Flatten()，因为线性层只作用于最后一维",
            lambda d, q: _nn().Linear(d, q),
            lambda runs: bool(runs[-1].failure and "shapes cannot be multiplied" in runs[-1].failure.message),
        ),
        mistake(
            "relu cuts negative outputs off: leave the activation out, there is no hidden layer here",
            "relu 截去了负的输出：去掉激活函数，这里没有隐藏层",
            lambda d, q: _nn().Sequential(_nn().Flatten(), _nn().Linear(d, q), _nn().ReLU()),
        ),
        mistake(
            "the bias is missing: leave bias=False out",
            "缺少偏置：去掉 bias=False",
            lambda d, q: _nn().Sequential(_nn().Flatten(), _nn().Linear(d, q, bias=False)),
        ),
    ),
)
def softmax_model(d: int, q: int) -> Any:
    from torch import nn

    return nn.Sequential(nn.Flatten(), nn.Linear(d, q))


@exercise(
    "loss",
    T(
        "The mean cross entropy in PyTorch: O, (n, q), holds outputs, before any softmax, y, (n,), classes. Return a tensor "
        "with one number, through which gradients flow.",
        "用 PyTorch 写平均交叉熵：O，(n, q)，是未经 softmax 的输出，y，(n,)，是类别。返回一个可以反向传播的标量张量。",
    ),
    T("torch.nn.functional.cross_entropy takes outputs.", "torch.nn.functional.cross_entropy 接收输出。"),
    cases=lambda: [(leaf(normal(n, n, q)), tensor(labels(n, n, q))) for n, q in ((4, 3), (12, 5), (7, 2))],
    observe=value_and_slope,
    float32=True,
    needs="torch",
    mistakes=(
        mistake(
            "softmax is applied twice: cross_entropy (CrossEntropyLoss) has one inside; hand it the outputs as they are",
            "softmax 做了两次：cross_entropy（CrossEntropyLoss）中已有 softmax；应直接传入输出",
            lambda O, y: _nn().functional.cross_entropy(O.softmax(1), y),
        ),
        mistake(
            "this is the sum: leave reduction='sum' out, the mean over the samples is wanted",
            "这是和：去掉 reduction='sum'，要的是对样本的平均",
            lambda O, y: _nn().functional.cross_entropy(O, y, reduction="sum"),
        ),
        mistake(
            "nll_loss takes logarithms of probabilities: log_softmax first, or cross_entropy in its place",
            "nll_loss 接收的是概率的对数：先做 log_softmax，或改用 cross_entropy",
            lambda O, y: _nn().functional.nll_loss(O, y),
        ),
        mistake(
            "nll_loss takes logarithms of probabilities, not probabilities: log_softmax in place of softmax",
            "nll_loss 接收的是概率的对数，而不是概率：应用 log_softmax 而不是 softmax",
            lambda O, y: _nn().functional.nll_loss(O.softmax(1), y),
        ),
    ),
)
def torch_cross_entropy(O: Any, y: Any) -> Any:
    import torch

    return torch.nn.functional.cross_entropy(O, y)


def _batches(seed: int, sizes: tuple[int, ...], d: int, q: int) -> list[Any]:
    return [(tensor(normal(seed + k, n, d)), tensor(labels(seed + k, n, q))) for k, n in enumerate(sizes)]


def _learner(d: int, q: int) -> tuple[Any, Any]:
    import torch

    model = filled(torch.nn.Linear(d, q))
    return model, torch.optim.SGD(model.parameters(), lr=0.5)


def _epoch(model: Any, optimizer: Any, batches: Any, *, order: str = "zbs", weigh: bool = True) -> float:
    losses = []
    for X, y in batches:
        loss = _nn().functional.cross_entropy(model(X), y)
        for letter in order:
            {"z": optimizer.zero_grad, "b": loss.backward, "s": optimizer.step}[letter]()
        losses.append(float(loss.detach()) * (len(y) if weigh else 1))
    return float(sum(losses) / (sum(len(y) for _, y in batches) if weigh else len(batches)))


@exercise(
    "training-epoch",
    T(
        "One epoch in PyTorch: a step of optimizer for each (X, y) of the list batches on the mean cross entropy of model(X). "
        "Change the model; return the mean loss of the epoch over all samples, a number: the last batch may be short.",
        "用 PyTorch 训练一个轮次：对列表 batches 中的每个 (X, y)，用 optimizer 对 model(X) 的平均交叉熵做一步更新。更新模型；"
        "返回该轮次中对所有样本的平均损失，一个数：最后一批可能较短。",
    ),
    T(
        "Add up loss.item() * len(y), and divide by the number of samples at the end.",
        "累加 loss.item() * len(y)，最后除以样本总数。",
    ),
    cases=lambda: [(*_learner(3, 4), _batches(1, (8, 8, 3), 3, 4)), (*_learner(2, 3), _batches(5, (6, 6, 6, 1), 2, 3))],
    observe=lambda returned, arguments: [float(returned), arguments[0].weight, arguments[0].bias],
    float32=True,
    tolerance=1e-5,
    needs="torch",
    mistakes=(
        *step_mistakes(_epoch),
        mistake(
            "the mean of the batches' losses counts a sample of the short last batch for more: add up loss.item() * len(y) and "
            "divide by the number of samples",
            "直接平均各批的损失会让最后短批的样本权重过大：应累加 loss.item() * len(y)，再除以样本总数",
            lambda model, optimizer, batches: _epoch(model, optimizer, batches, weigh=False),
        ),
    ),
)
def torch_epoch(model: Any, optimizer: Any, batches: Any) -> float:
    import torch

    total, count = 0.0, 0
    for X, y in batches:
        loss: Any = torch.nn.functional.cross_entropy(model(X), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(y)
        count += len(y)
    return total / count


def _with_dropout(d: int, q: int) -> Any:
    nn = _nn()
    return nn.Sequential(filled(nn.Linear(d, 32)), nn.ReLU(), nn.Dropout(0.5), filled(nn.Linear(32, q))).train()


def _score(model: Any, batches: Any, *, evaluating: bool = True, weigh: bool = True) -> float:
    model.train(not evaluating)
    right = [(model(X).argmax(1) == y).float() for X, y in batches]
    means = [float(each.mean()) for each in right]
    return float(sum(float(each.sum()) for each in right) / sum(map(len, right))) if weigh else float(np.mean(means))


@exercise(
    "test-accuracy",
    T(
        "The accuracy of a PyTorch model on a test set that comes in a list of batches (X, y), the last of them short: put the "
        "model into evaluation mode, and return correct predictions / all samples.",
        "PyTorch 模型在测试集上的准确率，测试集是批量 (X, y) 的列表，最后一批较短：把模型切换到评估模式，返回预测正确的样本数 / "
        "样本总数。",
    ),
    T(
        "model.eval(), with torch.no_grad():, model(X).argmax(1) == y.",
        "model.eval()，with torch.no_grad():，model(X).argmax(1) == y。",
    ),
    cases=lambda: [
        (_with_dropout(3, 4), _batches(1, (16, 16, 3), 3, 4)),
        (_with_dropout(2, 3), _batches(5, (7, 7, 7, 2), 2, 3)),
    ],
    observe=about_evaluation,
    float32=True,
    needs="torch",
    mistakes=(
        mistake(
            "the model is still in training mode, so dropout changes the predictions at random: call model.eval() first",
            "模型仍在训练模式，dropout 使预测随机变化：应先调用 model.eval()",
            lambda model, batches: _score(model, batches, evaluating=False),
            left_in(True),
        ),
        mistake(
            "the mean of the batches' accuracies counts a sample of the short last batch for more: count correct predictions, "
            "and divide by the number of samples",
            "直接平均各批的准确率会让最后短批的样本权重过大：应累计正确数，再除以样本总数",
            lambda model, batches: _score(model, batches, weigh=False),
        ),
        mistake(
            "this is the number of correct predictions: divide by the number of samples",
            "这是预测正确的个数：请除以样本总数",
            lambda model, batches: _score(model, batches) * sum(len(y) for _, y in batches),
        ),
    ),
)
def torch_accuracy(model: Any, batches: Any) -> float:
    import torch

    model.eval()
    correct = count = 0
    with torch.no_grad():
        for X, y in batches:
            correct += (model(X).argmax(1) == y).sum().item()
            count += len(y)
    return correct / count
