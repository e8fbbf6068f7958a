"""Lesson 3.3: linear regression with PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np

from twofold.exercises.exercise import Case, Lesson
from twofold.exercises.lessons.shared import T, mistake, normal
from twofold.exercises.lessons.torch_models import (
    filled,
    leaf,
    outputs_of,
    step_mistakes,
    tensor,
    value_and_slope,
)
from twofold.exercises.running import UNREADABLE

LESSON = Lesson("3.3", T("Linear regression, concisely", "线性回归的简洁实现"))
exercise = LESSON.exercise


def _about_loader(returned: Any, arguments: Case) -> dict[str, Any]:
    import torch

    X, y, _ = arguments
    torch.manual_seed(0)
    batches = [(np.asarray(A), np.asarray(t)) for A, t in returned]
    place = {tuple(row): i for i, row in enumerate(X.tolist())}
    rows = [place.get(tuple(row), -1) for A, _ in batches for row in A.tolist()]
    targets = [value for _, t in batches for value in t.tolist()]
    return {
        "sizes": [len(A) for A, _ in batches],
        "each sample once": sorted(rows) == list(range(len(X))),
        "shuffled": rows != sorted(rows),
        "y of the same samples": targets == y[rows].tolist(),
    }


def _loader(X: Any, y: Any, size: int, **words: Any) -> Any:
    from torch.utils.data import DataLoader, TensorDataset

    return DataLoader(TensorDataset(X, y), size, **words)


@exercise(
    "data-loader",
    T(
        "A data loader for training: from the tensors X, (n, d), and y, (n,), make a DataLoader that yields minibatches (X, y) "
        "of batch_size samples in random order, the shorter last one too.",
        "训练用的数据加载器：由张量 X，(n, d)，和 y，(n,)，构造 DataLoader，以随机顺序产生 batch_size 个样本的小批量 (X, y)，"
        "包括较短的最后一批。",
    ),
    T("torch.utils.data has TensorDataset and DataLoader.", "torch.utils.data 中有 TensorDataset 和 DataLoader。"),
    cases=lambda: [(tensor(normal(n, n, 2)), tensor(normal(n + 1, n)), size) for n, size in ((10, 4), (64, 20))],
    observe=_about_loader,
    needs="torch",
    mistakes=(
        mistake(
            "the samples come in their own order: shuffle=True for training",
            "样本按原来的顺序出现：训练时应设 shuffle=True",
            lambda X, y, batch_size: _loader(X, y, batch_size),
        ),
        mistake(
            "the last, shorter batch is dropped: leave drop_last out",
            "最后较短的一批被丢掉了：去掉 drop_last",
            lambda X, y, batch_size: _loader(X, y, batch_size, shuffle=True, drop_last=True),
        ),
        mistake(
            "the batches have one sample each: hand batch_size to the DataLoader",
            "每批只有一个样本：应把 batch_size 传给 DataLoader",
            lambda X, y, batch_size: _loader(X, y, 1, shuffle=True),
        ),
    ),
)
def data_loader(X: Any, y: Any, batch_size: int) -> Any:
    from torch.utils.data import DataLoader, TensorDataset

    return DataLoader(TensorDataset(X, y), batch_size, shuffle=True)


@exercise(
    "model",
    T(
        "Linear regression as a PyTorch model: a torch.nn.Module that takes (n, d) and returns (n, 1), with weights and one "
        "bias. Return the model; its first weights do not matter here.",
        "用 PyTorch 模型表示线性回归：一个 torch.nn.Module，输入 (n, d)，输出 (n, 1)，有权重和一个偏置。返回模型；这里不看它的"
        "初始权重。",
    ),
    T("torch.nn.Linear(inputs, outputs).", "torch.nn.Linear(输入数, 输出数)。"),
    cases=lambda: [(2,), (5,)],
    observe=lambda model, case: outputs_of(model, tensor(normal(1, 20, case[0]))),
    float32=True,
    needs="torch",
    mistakes=(
        mistake(
            "the bias is missing: leave bias=False out",
            "缺少偏置：去掉 bias=False",
            lambda d: _torch().nn.Linear(d, 1, bias=False),
        ),
        mistake(
            "an activation cuts the predictions off: linear regression has none",
            "激活函数截断了预测值：线性回归没有激活函数",
            lambda d: _torch().nn.Sequential(_torch().nn.Linear(d, 1), _torch().nn.ReLU()),
        ),
        mistake(
            "the model has d outputs: a price is one number, Linear(d, 1)",
            "模型有 d 个输出：价格是一个数，Linear(d, 1)",
            lambda d: _torch().nn.Linear(d, d),
        ),
    ),
)
def linear_model(d: int) -> Any:
    import torch

    return torch.nn.Sequential(torch.nn.Linear(d, 1))


def _torch() -> Any:
    import torch

    return torch


@exercise(
    "loss",
    T(
        "The mean squared loss with the half, 1/n sum (output - y)^2 / 2, in PyTorch: output is (n, 1), as nn.Linear gives it, "
        "y is (n,). Return a tensor with one number, through which gradients flow.",
        "用 PyTorch 写带 1/2 的平均平方损失 1/n sum (output - y)^2 / 2：output 是 nn.Linear 给出的 (n, 1)，y 是 (n,)。返回一个"
        "可以反向传播的标量张量。",
    ),
    T("Bring both to one shape: output.reshape(-1), or y.reshape(output.shape).", "先使形状一致：output.reshape(-1) 或 y.reshape(output.shape)。"),
    cases=lambda: [(leaf(normal(n, n, 1)), tensor(normal(n + 1, n))) for n in (3, 8, 32)],
    observe=value_and_slope,
    float32=True,
    needs="torch",
    mistakes=(
        mistake(
            "broadcast to (n, n): output is (n, 1), y is (n,), and each prediction is compared with each label (PyTorch warns). "
            "Bring both to one shape: output.reshape(-1)",
            "广播成了 (n, n)：output 是 (n, 1)，y 是 (n,)，每个预测都与每个标签相减（PyTorch 会警告）。先使形状一致："
            "output.reshape(-1)",
            lambda output, y: ((output - y) ** 2 / 2).mean(),
        ),
        mistake(
            "broadcast to (n, n), and the half is missing: output is (n, 1), y is (n,). Bring both to one shape, "
            "output.reshape(-1), and divide by 2",
            "广播成了 (n, n)，而且缺少 1/2：output 是 (n, 1)，y 是 (n,)。先用 output.reshape(-1) 使形状一致，再除以 2",
            lambda output, y: ((output - y) ** 2).mean(),
        ),
        mistake(
            "the half is missing: nn.MSELoss is the mean of the squares without it",
            "缺少 1/2：nn.MSELoss 是不带 1/2 的平方平均",
            lambda output, y: _torch().nn.functional.mse_loss(output.reshape(-1), y),
        ),
        mistake(
            "this is the sum: take the mean over the samples",
            "这是和：应对样本求平均",
            lambda output, y: ((output.reshape(-1) - y) ** 2 / 2).sum(),
        ),
        mistake(
            "no gradient flows: detach, item, numpy and torch.no_grad cut the result off; leave them out",
            "没有梯度可传播：detach、item、numpy 和 torch.no_grad 会切断计算图；请去掉",
            lambda output, y: ((output.detach().reshape(-1) - y) ** 2 / 2).mean(),
            lambda runs: bool(runs[-1].failure and runs[-1].failure.kind == UNREADABLE),
        ),
    ),
)  # fmt: skip
def half_squared_loss(output: Any, y: Any) -> Any:
    return ((output.reshape(-1) - y) ** 2).mean() / 2


def _first_weights(_: Any, arguments: Case) -> dict[str, Any]:
    model, sigma = arguments
    W, b = model[0].weight.detach().numpy(), model[0].bias.detach().numpy()
    return {
        "std of the weights / sigma": round(float(W.std()) / sigma, 1),
        "normal": bool(np.abs(W).max() > 2.5 * W.std() and abs(W.mean()) < 0.2 * W.std()),
        "bias zero": bool(np.all(b == 0)),
    }


def _set(model: Any, sigma: float, *, bias: Any = 0.0, uniform: bool = False) -> None:
    init = _torch().nn.init
    init.uniform_(model[0].weight, 0, sigma) if uniform else init.normal_(model[0].weight, 0, sigma)
    if bias is not None:
        init.constant_(model[0].bias, bias)


@exercise(
    "initialization",
    T(
        "First parameters of linear regression in PyTorch: model is nn.Sequential(nn.Linear(d, 1)); fill the layer's weights, "
        "in place, with normal numbers of mean 0 and standard deviation sigma, its bias with 0. Return nothing.",
        "在 PyTorch 中设置线性回归的初始参数：model 是 nn.Sequential(nn.Linear(d, 1))；就地把该层的权重设为均值 0、标准差 sigma "
        "的正态随机数，偏置设为 0。不返回任何值。",
    ),
    T("model[0].weight and .bias; torch.nn.init.normal_ and zeros_.", "model[0].weight 和 .bias；torch.nn.init.normal_ 和 zeros_。"),
    cases=lambda: [(_torch().nn.Sequential(_torch().nn.Linear(d, 1)), sigma) for d, sigma in ((2000, 0.01), (3000, 1.0))],
    observe=_first_weights,
    changes=("model",),
    needs="torch",
    mistakes=(
        mistake(
            "the bias keeps PyTorch's own first value: set it to 0, nn.init.zeros_(model[0].bias)",
            "偏置还是 PyTorch 的默认初值：应设为 0，nn.init.zeros_(model[0].bias)",
            lambda model, sigma: _set(model, sigma, bias=None),
        ),
        mistake(
            "the weights are not what was asked for: normal_(model[0].weight, mean=0, std=sigma) changes them in place",
            "权重不符合要求：normal_(model[0].weight, mean=0, std=sigma) 会就地修改它",
            lambda model, sigma: _set(model, sigma**0.5 / 3),
            lambda runs: all(not run.failure and run.got["bias zero"] for run in runs) and any(run.got["std of the weights / sigma"] != 1.0 and run.got["normal"] for run in runs),
        ),
        mistake(
            "the weights are uniform: they are to be normal, nn.init.normal_",
            "权重是均匀分布：应为正态分布，nn.init.normal_",
            lambda model, sigma: _set(model, sigma, uniform=True),
            lambda runs: all(not run.failure and run.got["bias zero"] and not run.got["normal"] for run in runs),
        ),
    ),
)  # fmt: skip
def initialize_linear(model: Any, sigma: float) -> None:
    import torch

    torch.nn.init.normal_(model[0].weight, mean=0.0, std=sigma)
    torch.nn.init.zeros_(model[0].bias)


def small_model(d: int, rate: float) -> tuple[Any, Any]:
    """Return a linear model with fixed parameters, and SGD for it."""
    torch = _torch()
    model = filled(torch.nn.Linear(d, 1))
    return model, torch.optim.SGD(model.parameters(), lr=rate)


def _after_steps(returned: Any, arguments: Case) -> list[Any]:
    model = arguments[0]
    losses = [float(loss) for loss in returned]
    return [np.array(losses), model.weight, model.bias]


def _steps(model: Any, optimizer: Any, batches: Any, *, order: str) -> list[float]:
    """Take steps as letters say: z zeroes gradients, b goes back, s steps, l notes the loss."""
    losses = []
    for X, y in batches:
        loss = ((model(X).reshape(-1) - y) ** 2).mean() / 2
        for letter in order:
            if letter == "z":
                optimizer.zero_grad()
            elif letter == "b":
                loss.backward()
            elif letter == "s":
                optimizer.step()
            else:
                loss = ((model(X).reshape(-1) - y) ** 2).mean() / 2
        losses.append(float(loss))
    return losses


@exercise(
    "training-step",
    T(
        "The training steps of PyTorch: for each (X, y) of the list batches one step of optimizer on the mean of "
        "(model(X) - y)^2 / 2. model gives (n, 1), y is (n,). Change the model, and return the list of losses, each before "
        "its step.",
        "PyTorch 的训练步：对列表 batches 中的每个 (X, y)，用 optimizer 对 (model(X) - y)^2 / 2 的平均值做一步更新。model 输出 "
        "(n, 1)，y 是 (n,)。更新模型，并返回损失的列表，每个都是该步更新之前的损失。",
    ),
    T("loss, optimizer.zero_grad(), loss.backward(), optimizer.step(); loss.item().", "loss，optimizer.zero_grad()，loss.backward()，optimizer.step()；loss.item()。"),
    cases=lambda: [
        (*small_model(d, 0.1), [(tensor(normal(k, n, d)), tensor(normal(k + 9, n))) for k in range(count)])
        for d, n, count in ((2, 4, 3), (3, 8, 5))
    ],
    observe=_after_steps,
    float32=True,
    tolerance=1e-5,
    needs="torch",
    mistakes=(
        *step_mistakes(_steps),
        mistake(
            "the losses are those after the step: note loss.item() of the outputs that the gradient is taken of",
            "记录的是更新之后的损失：应记录求梯度所用输出的 loss.item()",
            lambda model, optimizer, batches: _steps(model, optimizer, batches, order="zbsl"),
        ),
    ),
)  # fmt: skip
def training_steps(model: Any, optimizer: Any, batches: Any) -> list[float]:
    losses = []
    for X, y in batches:
        loss = ((model(X).reshape(-1) - y) ** 2).mean() / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def _with_dropout(d: int) -> Any:
    nn = _torch().nn
    return nn.Sequential(filled(nn.Linear(d, 16)), nn.Dropout(0.5), filled(nn.Linear(16, 1))).train()


def _about_prediction(returned: Any, arguments: Case) -> list[Any]:
    kind = "array" if isinstance(returned, np.ndarray) else "tensor" if hasattr(returned, "detach") else "?"
    return [
        kind,
        f"training mode: {arguments[0].training}",
        np.asarray(returned.detach() if kind == "tensor" else returned),
    ]


def _predicted(model: Any, X: Any, *, evaluating: bool = True) -> Any:
    if evaluating:
        model.eval()
    with _torch().no_grad():
        return model(X)


@exercise(
    "prediction",
    T(
        "Predict with a PyTorch model: put it into evaluation mode (dropout off), compute no gradients, and return its outputs "
        "for X, which are (n, 1), as a NumPy array (n,).",
        "用 PyTorch 模型预测：切换到评估模式（关闭 dropout），不计算梯度，把它对 X 的输出（(n, 1)）作为 NumPy 数组 (n,) 返回。",
    ),
    T(
        "model.eval(), with torch.no_grad():, .reshape(-1).numpy().",
        "model.eval()，with torch.no_grad():，.reshape(-1).numpy()。",
    ),
    cases=lambda: [(_with_dropout(d), tensor(normal(1, n, d))) for d, n in ((2, 3), (4, 20))],
    observe=_about_prediction,
    float32=True,
    tolerance=1e-5,
    needs="torch",
    mistakes=(
        mistake(
            "the model is still in training mode, so dropout changes the predictions at random: call model.eval() first",
            "模型仍在训练模式，dropout 使预测随机变化：应先调用 model.eval()",
            lambda model, X: _predicted(model, X, evaluating=False).reshape(-1).numpy(),
            lambda runs: all(not run.failure and run.got[1] == "training mode: True" for run in runs),
        ),
        mistake(
            "the outputs carry gradients, which numpy() refuses: compute them within torch.no_grad()",
            "输出带有梯度，不能直接 numpy()：应在 torch.no_grad() 中计算",
            lambda model, X: model.eval()(X).reshape(-1).numpy(),
            lambda runs: bool(runs[-1].failure and "requires grad" in runs[-1].failure.message),
        ),
        mistake(
            "a tensor comes back: make a NumPy array of it, .numpy()",
            "返回的是张量：应转换为 NumPy 数组，.numpy()",
            lambda model, X: _predicted(model, X).reshape(-1),
        ),
        mistake(
            "the shape is (n, 1): flatten it, .reshape(-1)",
            "形状是 (n, 1)：应展平，.reshape(-1)",
            lambda model, X: _predicted(model, X).numpy(),
        ),
    ),
)
def predict_numbers(model: Any, X: Any) -> Any:
    import torch

    model.eval()
    with torch.no_grad():
        return model(X).reshape(-1).numpy()
