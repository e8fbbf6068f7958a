"""Lesson 3.10: the multilayer perceptron with PyTorch, when to stop, and which model to choose."""

from __future__ import annotations

from typing import Any

import numpy as np

from twofold.exercises.exercise import Case, Lesson
from twofold.exercises.lessons.shared import T, labels, mistake, normal
from twofold.exercises.lessons.torch_models import about_evaluation, filled, left_in, outputs_of, tensor

LESSON = Lesson("3.10", T("Multilayer perceptron, concisely", "多层感知机的简洁实现"))
exercise = LESSON.exercise


def _nn() -> Any:
    import torch

    return torch.nn


def _chain(*layers: Any) -> Any:
    return _nn().Sequential(_nn().Flatten(), *layers)


@exercise(
    "model",
    T(
        "A multilayer perceptron in PyTorch: images, (n, 1, height, width) with height * width = d, are flattened, then a "
        "hidden layer of h units with ReLU, then q outputs, without softmax. Return the model.",
        "用 PyTorch 写多层感知机：图像 (n, 1, height, width)，height * width = d，先展平，然后是 h 个单元、带 ReLU 的隐藏层，"
        "再到 q 个输出，不做 softmax。返回模型。",
    ),
    T(
        "nn.Flatten, nn.Linear, nn.ReLU, nn.Linear in an nn.Sequential.",
        "在 nn.Sequential 中依次放 nn.Flatten、nn.Linear、nn.ReLU、nn.Linear。",
    ),
    cases=lambda: [(6, 5, 3), (8, 16, 4)],
    observe=lambda model, case: outputs_of(model, tensor(normal(1, 6, 1, 2, case[0] // 2))),
    float32=True,
    tolerance=1e-5,
    needs="torch",
    mistakes=(
        mistake(
            "the activation is missing: put nn.ReLU() between the layers, or the two are one",
            "缺少激活函数：请在两层之间加 nn.ReLU()，否则两层等于一层",
            lambda d, h, q: _chain(_nn().Linear(d, h), _nn().Linear(h, q)),
        ),
        mistake(
            "the model ends with a softmax: CrossEntropyLoss has one inside, so it would be applied twice; leave it out",
            "模型以 softmax 结尾：CrossEntropyLoss 中已有 softmax，会做两次；请去掉",
            lambda d, h, q: _chain(_nn().Linear(d, h), _nn().ReLU(), _nn().Linear(h, q), _nn().Softmax(dim=1)),
        ),
        mistake(
            "ReLU stands after the output layer too: outputs may be negative, leave it out there",
            "输出层之后也有 ReLU：输出可以为负，请去掉",
            lambda d, h, q: _chain(_nn().Linear(d, h), _nn().ReLU(), _nn().Linear(h, q), _nn().ReLU()),
        ),
        mistake(
            "the hidden layer has another activation: this exercise takes nn.ReLU()",
            "隐藏层用了别的激活函数：本练习用 nn.ReLU()",
            lambda d, h, q: _chain(_nn().Linear(d, h), _nn().Sigmoid(), _nn().Linear(h, q)),
            lambda runs: any(_like(runs, activation) for activation in ("Sigmoid", "Tanh", "LeakyReLU", "GELU")),
        ),
        mistake(
            "the hidden layer is missing: Linear(d, h), ReLU, Linear(h, q)",
            "缺少隐藏层：Linear(d, h)、ReLU、Linear(h, q)",
            lambda d, h, q: _chain(_nn().Linear(d, q)),
        ),
    ),
)
def mlp_model(d: int, h: int, q: int) -> Any:
    from torch import nn

    hidden = nn.Linear(d, h)
    return nn.Sequential(nn.Flatten(), hidden, nn.ReLU(), nn.Linear(h, q))


def _like(runs: Any, activation: str) -> bool:
    for run in runs:
        d, h, q = run.case
        model = _chain(_nn().Linear(d, h), getattr(_nn(), activation)(), _nn().Linear(h, q))
        wanted = outputs_of(model, tensor(normal(1, 6, 1, 2, d // 2)))[0].detach().numpy()
        if run.failure or np.shape(run.got[0]) != wanted.shape or not np.allclose(run.got[0], wanted, atol=1e-5):
            return False
    return True


def _layers(model: Any) -> list[Any]:
    return [layer for layer in model.modules() if isinstance(layer, _nn().Linear)]


def _about_layers(_: Any, arguments: Case) -> list[Any]:
    model, sigma = arguments
    return [
        [round(float(layer.weight.std()) / sigma, 1) for layer in _layers(model)],
        [bool((layer.bias == 0).all()) for layer in _layers(model)],
    ]


def _set(model: Any, sigma: float, *, layers: Any = slice(None), bias: bool = True) -> None:
    for layer in _layers(model)[layers]:
        _nn().init.normal_(layer.weight, 0, sigma)
        if bias:
            _nn().init.zeros_(layer.bias)


def _nested() -> Any:
    nn = _nn()
    return nn.Sequential(nn.Flatten(), nn.Sequential(nn.Linear(300, 200), nn.ReLU()), nn.Linear(200, 50))


@exercise(
    "initialization",
    T(
        "First parameters of a PyTorch model of several layers: fill the weights of all its nn.Linear layers, nested ones too, "
        "in place with normal numbers of mean 0 and standard deviation sigma, and their biases with 0. Return nothing.",
        "设置多层 PyTorch 模型的初始参数：就地把所有 nn.Linear 层（包括嵌套的）的权重设为均值 0、标准差 sigma 的正态随机数，"
        "偏置设为 0。不返回任何值。",
    ),
    T(
        "model.apply(f) calls f with each layer; isinstance(layer, nn.Linear).",
        "model.apply(f) 对每一层调用 f；isinstance(layer, nn.Linear)。",
    ),
    cases=lambda: [(_nested(), 0.01), (_nested(), 2.0)],
    observe=_about_layers,
    changes=("model",),
    needs="torch",
    mistakes=(
        mistake(
            "only the layers at the top are filled: model.modules() and model.apply reach nested ones too",
            "只设置了最外层的层：model.modules() 和 model.apply 也能到达嵌套的层",
            lambda model, sigma: _set(model, sigma, layers=slice(1, None)),
            lambda runs: all(not run.failure and run.got[0][1] == 1.0 and run.got[0][0] != 1.0 for run in runs),
        ),
        mistake(
            "the output layer keeps PyTorch's own first weights: fill all nn.Linear layers",
            "输出层还是 PyTorch 的默认初始权重：应设置所有 nn.Linear 层",
            lambda model, sigma: _set(model, sigma, layers=slice(1)),
            lambda runs: all(not run.failure and run.got[0][0] == 1.0 and run.got[0][1] != 1.0 for run in runs),
        ),
        mistake(
            "the biases keep PyTorch's own first values: set them to 0",
            "偏置还是 PyTorch 的默认初值：应设为 0",
            lambda model, sigma: _set(model, sigma, bias=False),
            lambda runs: all(not run.failure and run.got == [[1.0, 1.0], [False, False]] for run in runs),
        ),
    ),
)
def initialize_layers(model: Any, sigma: float) -> None:
    from torch import nn

    for layer in model.modules():
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, mean=0.0, std=sigma)
            nn.init.zeros_(layer.bias)


def _about_dropout(model: Any, arguments: Case) -> list[Any]:
    """Say what a model does in both modes: test outputs, whether training varies, and the mean of training."""
    import torch

    d = arguments[0]
    X = tensor(normal(1, 4, d))
    filled(model)
    torch.manual_seed(0)
    with torch.no_grad():
        test = model.eval()(X)
        again = model(X)
        many = torch.stack([model.train()(X) for _ in range(200)])
    zero = bool((many == 0).any()) and not bool((test == 0).any())
    return [
        test,
        f"test outputs vary: {not torch.equal(test, again)}",
        f"training outputs vary: {bool(many.std(0).max() > 1e-6)}",
        f"outputs dropped: {zero}",
    ]


@exercise(
    "dropout",
    T(
        "A multilayer perceptron with dropout in PyTorch: (n, d) to a hidden layer of h units with ReLU, whose units are "
        "dropped with probability p while training only, to q outputs, none of which is dropped. Return the model.",
        "用 PyTorch 写带 dropout 的多层感知机：(n, d)，经 h 个单元、带 ReLU 的隐藏层，隐藏单元只在训练时以概率 p 被丢弃，再到 q 个"
        "输出，输出不被丢弃。返回模型。",
    ),
    T(
        "nn.Dropout(p) after the ReLU; it knows model.train() and model.eval().",
        "在 ReLU 之后放 nn.Dropout(p)；它能区分 model.train() 和 model.eval()。",
    ),
    cases=lambda: [(4, 16, 3, 0.5), (6, 32, 2, 0.3)],
    observe=_about_dropout,
    float32=True,
    tolerance=1e-5,
    needs="torch",
    mistakes=(
        mistake(
            "dropout stands after the output layer, so outputs become 0: put it after the hidden layer's ReLU",
            "dropout 放在了输出层之后，输出会变成 0：应放在隐藏层的 ReLU 之后",
            lambda d, h, q, p: _chain(_nn().Linear(d, h), _nn().ReLU(), _nn().Linear(h, q), _nn().Dropout(p)),
        ),
        mistake(
            "there is no dropout: nn.Dropout(p) after the hidden layer's ReLU",
            "没有 dropout：应在隐藏层的 ReLU 之后加 nn.Dropout(p)",
            lambda d, h, q, p: _chain(_nn().Linear(d, h), _nn().ReLU(), _nn().Linear(h, q)),
        ),
        mistake(
            "units are dropped when testing too: torch.nn.functional.dropout needs training=self.training; nn.Dropout knows "
            "the mode by itself",
            "测试时也丢弃了单元：torch.nn.functional.dropout 需要 training=self.training；nn.Dropout 会自己区分模式",
            lambda d, h, q, p: _always(d, h, q, p),
            lambda runs: all(not run.failure and run.got[1] == "test outputs vary: True" for run in runs),
        ),
    ),
)
def dropout_model(d: int, h: int, q: int, p: float) -> Any:
    from torch import nn

    hidden = nn.Linear(d, h), nn.ReLU(), nn.Dropout(p)
    return nn.Sequential(*hidden, nn.Linear(h, q))


def _always(d: int, h: int, q: int, p: float) -> Any:
    layer = _nn().Dropout(p)
    layer.forward = lambda X: _nn().functional.dropout(X, p)
    return _chain(_nn().Linear(d, h), _nn().ReLU(), layer, _nn().Linear(h, q))


def _trained(d: int, q: int) -> Any:
    nn = _nn()
    return nn.Sequential(filled(nn.Linear(d, 32)), nn.ReLU(), nn.Dropout(0.5), filled(nn.Linear(32, q))).train()


def _score(model: Any, X: Any, y: Any, *, evaluating: bool = True, back: bool = True) -> float:
    model.train(not evaluating)
    score = float((model(X).argmax(1) == y).float().mean())
    if back:
        model.train()
    return score


@exercise(
    "evaluation",
    T(
        "Accuracy in the middle of training: put the model into evaluation mode, compute its accuracy on X and y without "
        "gradients, and put it back into training mode, or the next epoch trains without dropout. Return a number.",
        "训练途中的准确率：把模型切换到评估模式，不计算梯度地求它在 X 和 y 上的准确率，再切换回训练模式，否则下一个轮次训练时就没有 "
        "dropout。返回一个数。",
    ),
    T("model.eval() before, model.train() after.", "之前 model.eval()，之后 model.train()。"),
    cases=lambda: [(_trained(3, 4), tensor(normal(1, 40, 3)), tensor(labels(1, 40, 4))), (_trained(2, 3), tensor(normal(2, 25, 2)), tensor(labels(2, 25, 3)))],
    observe=about_evaluation,
    float32=True,
    needs="torch",
    mistakes=(
        mistake(
            "the model stays in evaluation mode, so the next epoch trains without dropout: model.train() at the end",
            "模型停留在评估模式，下一个轮次训练时就没有 dropout：最后应调用 model.train()",
            lambda model, X, y: _score(model, X, y, back=False),
            left_in(False),
        ),
        mistake(
            "dropout is on while the accuracy is measured, so it is too low and changes at random: model.eval() first",
            "测量准确率时 dropout 仍开着，结果偏低且随机变化：应先调用 model.eval()",
            lambda model, X, y: _score(model, X, y, evaluating=False),
            lambda runs: left_in(True)(runs) and not all(run.right for run in runs) and all(0 <= run.got[1] <= 1 for run in runs),
        ),
        mistake(
            "this is the number of correct predictions: divide by the number of samples",
            "这是预测正确的个数：请除以样本数",
            lambda model, X, y: _score(model, X, y) * len(y),
        ),
    ),
)  # fmt: skip
def evaluate_model(model: Any, X: Any, y: Any) -> float:
    import torch

    model.eval()
    with torch.no_grad():
        accuracy = (model(X).argmax(1) == y).float().mean().item()
    model.train()
    return accuracy
