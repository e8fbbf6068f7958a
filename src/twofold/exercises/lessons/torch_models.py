"""Models, tensors and steps of PyTorch that the exercises of three lessons share."""

from __future__ import annotations

from typing import Any

import numpy as np

from twofold.exercises.exercise import Case
from twofold.exercises.lessons.shared import mistake


def tensor(values: Any) -> Any:
    """Return an array as a tensor, floats in float32."""
    import torch

    array = np.asarray(values)
    return torch.tensor(array, dtype=torch.float32 if array.dtype.kind == "f" else None)


def filled(model: Any) -> Any:
    """Fill a model's parameters with numbers that depend on their shapes alone."""
    import torch

    with torch.no_grad():
        for parameter in model.parameters():
            size = parameter.numel()
            numbers = torch.sin(torch.arange(1.0, size + 1) * (1 + parameter.dim()))
            parameter.copy_(numbers.reshape(parameter.shape))
    return model


def outputs_of(model: Any, X: Any) -> list[Any]:
    """Return what a model with such parameters makes of samples, and how many parameters it has."""
    return [filled(model).eval()(X), sum(parameter.numel() for parameter in model.parameters())]


def value_and_slope(returned: Any, arguments: Case) -> list[Any]:
    """Return a loss and its gradient at its first argument."""
    outputs = arguments[0]
    returned.sum().backward()
    return [returned, outputs.grad]


def leaf(values: Any) -> Any:
    """Return a tensor that keeps its gradient."""
    return tensor(values).requires_grad_()


def step_mistakes(steps: Any) -> tuple[Any, ...]:
    """Return the mistakes that are made in the order of zero_grad, backward and step."""
    return (
        mistake(
            "the gradients of earlier batches are still there: PyTorch adds up, so call optimizer.zero_grad() before "
            "loss.backward() in each step",
            "之前批量的梯度还在：PyTorch 会累加，所以每步在 loss.backward() 之前要调用 optimizer.zero_grad()",
            lambda *case: steps(*case, order="bs"),
        ),
        mistake(
            "the parameters stay as they are: call loss.backward() and then optimizer.step() in each step",
            "参数没有改变：每步应调用 loss.backward()，再调用 optimizer.step()",
            lambda *case: steps(*case, order="zb"),
        ),
        mistake(
            "optimizer.step() comes before loss.backward(), so each step takes the gradient of the batch before",
            "optimizer.step() 在 loss.backward() 之前，每步用的是上一批的梯度",
            lambda *case: steps(*case, order="szb"),
        ),
    )


def about_evaluation(returned: Any, arguments: Case) -> list[Any]:
    """Return a score, and in which mode the model was left."""
    return [f"training mode: {arguments[0].training}", float(returned)]


def left_in(mode: bool) -> Any:
    """Return what tells whether all calls left the model in this mode."""
    return lambda runs: all(not run.failure and run.got[0] == f"training mode: {mode}" for run in runs)
