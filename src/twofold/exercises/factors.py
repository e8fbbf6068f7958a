"""A result that is the right one but for a factor: a sign, a half, the number of samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from twofold.exercises.comparing import is_number
from twofold.exercises.exercise import Case, Exercise
from twofold.language import Text

SIGN = {
    "value": Text("the sign is wrong", "符号反了"),
    "loss": Text("the sign is wrong: a loss is never negative", "符号反了：损失不会是负数"),
    "gradient": Text(
        "the sign is wrong: the derivative of the error y_hat - y is +1 for y_hat",
        "符号反了：误差 y_hat - y 对 y_hat 的导数是 +1",
    ),
    "step": Text(
        "the update adds the gradient; go down the slope: subtract it",
        "更新时加上了梯度；应沿下降方向：减去梯度",
    ),
}
TIMES = {
    2.0: Text("the factor 1/2 is missing", "缺少因子 1/2"),
    0.5: Text("there is one factor 1/2 too many", "多了一个因子 1/2"),
}
TIMES_OF_GRADIENT = {
    2.0: Text("leave the factor 2 out: the 1/2 of the loss cancels it", "去掉因子 2：它与损失中的 1/2 相消"),
}
MEAN = {
    1: Text("the mean is missing: divide by the number of samples", "没有求平均：请除以样本数"),
    -1: Text("it is divided by the number of samples once too often: a mean is divided by n already",
             "多除了一次样本数：平均值已经除过 n"),
}  # fmt: skip


def factor(exercise: Exercise, cases: Sequence[Case], pairs: Sequence[tuple[Any, Any]]) -> Text | None:
    """Say by which factor results differ from the expected ones.

    Parameters
    ----------
    exercise : Exercise
    cases : sequence of tuple
        The arguments of the calls.
    pairs : sequence of tuple
        Result and expected result of each call.

    Returns
    -------
    Text or None
        With the field ``name`` still to be filled; None if there is no such factor, or it is 1.
    """
    found = [_ratio(got, expected) for got, expected in pairs]
    if any(ratio is None for ratio in found):
        return None
    known = [(case, ratio) for case, ratio in zip(cases, found, strict=True) if ratio]
    if len(known) < 2:
        return None
    counts = [exercise.n_samples(case) or 1 for case, _ in known]
    ratios = [ratio for _, ratio in known if ratio]
    for power in (0, 1, -1) if len(set(counts)) > 1 else (0,):
        constants = np.array([ratio / count**power for ratio, count in zip(ratios, counts, strict=True)])
        constant = float(constants[0])
        if np.allclose(constants, constant, rtol=1e-5) and not (power == 0 and abs(constant - 1) < 1e-5):
            return _told(exercise, power, constant, (max(counts), ratios[int(np.argmax(counts))]))
    return None


def _ratio(got: Any, expected: Any) -> float | None:
    """Return the factor between two results; 0 if both are zero everywhere, None if there is none."""
    if not (is_number(got) and is_number(expected)) or np.shape(got) != np.shape(expected):
        return None
    one, other = np.asarray(got, float).ravel(), np.asarray(expected, float).ravel()
    finite = np.isfinite(other)
    if not np.array_equal(finite, np.isfinite(one)):
        return None
    one, other = one[finite], other[finite]
    largest = float(np.abs(other).max(initial=0.0))
    if largest == 0:
        return 0.0 if not np.any(one) else None
    ratio = float((one / largest) @ (other / largest)) / float((other / largest) @ (other / largest))
    return ratio if ratio and np.allclose(one, ratio * other, rtol=1e-5, atol=1e-5 * abs(ratio) * largest) else None


def _told(exercise: Exercise, power: int, constant: float, largest: tuple[int, float]) -> Text:
    count, ratio = largest
    reasons = [MEAN[power]] if power else []
    size = abs(constant)
    times = TIMES | (TIMES_OF_GRADIENT if exercise.kind == "gradient" else {})
    reasons += [text for value, text in times.items() if np.isclose(size, value)]
    reasons += [SIGN[exercise.kind]] if constant < 0 else []
    if not reasons or not any(np.isclose(size, value) for value in (0.5, 1.0, 2.0)):
        reasons.append(Text(f"a constant factor {constant:.6g} is wrong", f"常数因子 {constant:.6g} 有误"))
    batch = Text(f" in a batch of {count}", f"（批量大小为 {count}）") if power else Text("", "")
    return Text(
        "{{name}} is {ratio} times the right one{batch}: {reasons}", "{{name}}是正确值的 {ratio} 倍{batch}：{reasons}"
    ).fill(
        ratio=f"{ratio:.6g}",
        batch=batch,
        reasons=Text("; ".join(text.en for text in reasons), "；".join(text.zh for text in reasons)),
    )
