"""Classes: outputs, probabilities, losses, accuracy."""

from __future__ import annotations

from typing import Any

import numpy as np

from twofold.data import load_dataset
from twofold.engines import open_engine
from twofold.functions import LOSSES, softmax
from twofold.inspect.demonstrations.demonstration import Demonstration, as_tuple, in_language
from twofold.language import Text
from twofold.models import build_network
from twofold.randomness import Purpose, stream
from twofold.recipe import Recipe
from twofold.training import train


def softmax_argmax(seed: int = 0, *, language: str = "en") -> Demonstration:
    """Show that softmax doesn't change which class is predicted.

    Parameters
    ----------
    seed : int
        Of the random outputs.
    language : {"en", "zh"}

    Returns
    -------
    Demonstration

    Examples
    --------
    >>> softmax_argmax().holds
    True
    """
    draw = stream(seed, Purpose.DIRECTION, 10)
    examples = ([1.0, 3.0, 2.0], [1000.0, 1001.0, 999.0], [-1000.0, -1001.0, -999.0], [0.0, 800.0, -800.0])
    rows: list[tuple[Any, ...]] = []
    holds = True
    for outputs in examples:
        o = np.array([outputs])
        p = softmax(o)
        rows.append((as_tuple(o[0]), as_tuple(p[0]), int(o.argmax()), int(p.argmax())))
        holds &= bool(o.argmax() == p.argmax())
    for scale in (1, 1000):
        O = scale * draw.standard_normal((100_000, 10))
        same = int((O.argmax(axis=1) == softmax(O).argmax(axis=1)).sum())
        what = Text(f"100000 random rows of 10, times {scale}", f"100000 行随机数，每行 10 个，乘以 {scale}")
        rows.append((what, Text(f"{same} the same", f"{same} 行相同"), None, None))
        holds &= same == len(O)
    return in_language(
        language,
        claim=Text("Softmax does not change which class is predicted.", "softmax 不改变预测类别。"),
        formula="argmax_j softmax(o)_j = argmax_j o_j",
        columns=(
            Text("outputs o", "输出 o"),
            "softmax(o)",
            Text("argmax of o", "o 的 argmax"),
            Text("argmax of softmax", "softmax 的 argmax"),
        ),
        rows=rows,
        conclusion=Text(
            "exp rises, and the sum is the same for all j. A prediction needs no softmax; the probabilities do.",
            "exp 单调上升，而分母对所有 j 都相同。预测类别不需要 softmax；概率才需要。",
        ),
        holds=holds,
    )


def squared_loss(*, language: str = "en") -> Demonstration:
    """Show that the squared loss on probabilities tells predictions apart that are equally right.

    Parameters
    ----------
    language : {"en", "zh"}

    Returns
    -------
    Demonstration

    Examples
    --------
    >>> print(squared_loss())
    The squared loss asks more of probabilities than that the right class is probable.
      with y = (0, 0, 1): |y_hat - y|^2 / 2 against -log y_hat_y
    <BLANKLINE>
    y_hat            predicted class  |y_hat - y|^2 / 2  cross entropy
    (0.2, 0.2, 0.6)                2               0.12       0.510826
    (0, 0.4, 0.6)                  2               0.16       0.510826
    <BLANKLINE>
    Prediction and cross entropy are the same; the squared loss differs by what the wrong classes got.
    """
    y = np.array([0.0, 0.0, 1.0])
    rows = [
        (as_tuple(p), int(p.argmax()), float(np.square(p - y).sum() / 2), float(-np.log(p[2])))
        for p in (np.array([0.2, 0.2, 0.6]), np.array([0.0, 0.4, 0.6]))
    ]
    (_, _, first, one), (_, _, second, two) = rows
    return in_language(
        language,
        claim=Text(
            "The squared loss asks more of probabilities than that the right class is probable.",
            "平方损失对概率的要求过于严格，而不只是要求正确类别的概率大。",
        ),
        formula="with y = (0, 0, 1): |y_hat - y|^2 / 2 against -log y_hat_y"
        if language == "en"
        else "y = (0, 0, 1)：|y_hat - y|^2 / 2 与 -log y_hat_y",
        columns=("y_hat", Text("predicted class", "预测类别"), "|y_hat - y|^2 / 2", Text("cross entropy", "交叉熵")),
        rows=rows,
        conclusion=Text(
            "Prediction and cross entropy are the same; the squared loss differs by what the wrong classes got.",
            "预测和交叉熵都相同；平方损失却因错误类别得到的概率而不同。",
        ),
        holds=one == two and first != second,
    )


def output_problem(*, language: str = "en") -> Demonstration:
    """Show that an output alone doesn't say how sure a class is, and what the squared loss makes of outputs.

    Parameters
    ----------
    language : {"en", "zh"}

    Returns
    -------
    Demonstration

    Examples
    --------
    >>> [row[1] for row in output_problem().table.rows[:2]]
    ['cat', 'dog']
    """
    names = Text("dog", "狗"), Text("cat", "猫"), Text("chicken", "鸡")
    y = np.array([0.0, 1.0, 0.0])  # a cat
    rows: list[tuple[Any, ...]] = []
    for outputs in ([0.1, 10.0, 0.1], [1000.0, 10.0, 1000.0], [0.0, 1.0, 0.0]):
        o = np.array(outputs)
        p = softmax(o[None])[0]
        rows.append((as_tuple(o), names[o.argmax()], float(p[1]), float(np.square(o - y).sum() / 2)))
    sure, hopeless, least = rows
    return in_language(
        language,
        claim=Text(
            "An output alone does not say how sure a class is: 10 is much beside 0.1, and little beside 1000.",
            "单看输出值无法知道有多确信：10 在 0.1 旁边很大，在 1000 旁边却很小。",
        ),
        formula="y = (0, 1, 0): |o - y|^2 / 2, softmax(o)_2 = exp(o_2) / sum_j exp(o_j)",
        columns=(
            Text("outputs o", "输出 o"),
            Text("predicted class", "预测类别"),
            Text("probability of cat", "猫的概率"),
            Text("squared loss of o", "o 的平方损失"),
        ),
        rows=rows,
        conclusion=Text(
            "Softmax turns outputs into probabilities, which can be compared; the squared loss of raw outputs punishes "
            "the sure and right (0.1, 10, 0.1) and likes the unsure (0, 1, 0) best.",
            "softmax 把输出变成可以比较的概率；直接对输出用平方损失，会惩罚确信且正确的 (0.1, 10, 0.1)，"
            "反而最喜欢不确信的 (0, 1, 0)。",
        ),
        holds=sure[2] > 0.999
        and hopeless[2] < 1e-6
        and sure[1] != hopeless[1]
        and least[3] == 0 < sure[3]
        and least[2] < 0.6,
    )


def naive_softmax(*, language: str = "en") -> Demonstration:
    """Show what softmax without subtracting the maximum does at large outputs.

    Parameters
    ----------
    language : {"en", "zh"}

    Returns
    -------
    Demonstration

    Examples
    --------
    >>> naive_softmax().table.rows[-2][1]
    (nan, nan)
    """
    rows = []
    for size in (1.0, 100.0, 709.0, 1000.0, -1000.0):
        o = np.array([size, size - 1])
        with np.errstate(over="ignore", invalid="ignore"):
            naive = np.exp(o) / np.exp(o).sum()
            loss = -np.log(naive[0])
        ours, _ = LOSSES["cross_entropy"].samples(o[None], np.array([0]))
        rows.append((as_tuple(o), as_tuple(naive), as_tuple(softmax(o[None])[0]), float(loss), float(ours[0])))
    right = float(np.log1p(np.exp(-1.0)))
    return in_language(
        language,
        claim=Text(
            "Softmax as it is written in books overflows; with the maximum subtracted it can't.",
            "照书上公式写的 softmax 会溢出；减去最大值后就不会。",
        ),
        formula="exp(o_j) / sum_i exp(o_i) = exp(o_j - m) / sum_i exp(o_i - m), m = max_i o_i",
        columns=(
            "o",
            Text("naive softmax", "朴素的 softmax"),
            "softmax",
            Text("naive loss of class 0", "类别 0 的朴素损失"),
            Text("loss of class 0", "类别 0 的损失"),
        ),
        rows=rows,
        conclusion=Text(
            "exp overflows float64 above 709.78, and infinity / infinity is no number; below -745 all terms are 0.",
            "在 float64 中，709.78 以上 exp 溢出，无穷大 / 无穷大不是数；-745 以下各项全为 0。",
        ),
        holds=all(abs(row[4] - right) < 1e-12 for row in rows)
        and bool(np.isnan(rows[-2][3]) and np.isnan(rows[-1][3])),
    )


def likelihood(*, language: str = "en") -> Demonstration:
    """Show that the largest likelihood and the smallest mean cross entropy are at the same place.

    Parameters
    ----------
    language : {"en", "zh"}

    Returns
    -------
    Demonstration

    Examples
    --------
    >>> likelihood().holds
    True
    """
    seven, n = 7, 10
    rows: list[tuple[Any, ...]] = []
    for p in (0.1, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9):
        joint = p**seven * (1 - p) ** (n - seven)
        entropy = -(seven * np.log(p) + (n - seven) * np.log(1 - p)) / n
        rows.append(
            (
                Text(f"7 of 10 heads, P(head) = {p}", f"10 次中 7 次正面，P(正面) = {p}"),
                joint,
                float(entropy),
                float(np.exp(-n * entropy)),
            )
        )
    largest = max(rows, key=lambda row: row[1])
    smallest = min(rows, key=lambda row: row[2])
    trained = _trained_likelihoods()
    rows += trained
    order = sorted(trained, key=lambda row: row[1])
    return in_language(
        language,
        claim=Text(
            "The likelihood is largest where the mean cross entropy is smallest.",
            "平均交叉熵最小之处，似然最大。",
        ),
        formula="product_i P(y_i) = exp(-n l), l = -(1/n) sum_i log P(y_i)",
        columns=(
            Text("model", "模型"),
            Text("likelihood of the sample", "样本的似然"),
            Text("mean cross entropy l", "平均交叉熵 l"),
            "exp(-n l)",
        ),
        rows=rows,
        conclusion=Text(
            "The two columns turn over at the same place: minimising the cross entropy is maximising the likelihood.",
            "两列在同一处转向：最小化交叉熵就是最大化似然。",
        ),
        holds=largest is smallest
        and order == sorted(trained, key=lambda row: -row[2])
        and all(np.isclose(row[1], row[3], rtol=1e-9) for row in rows),
    )


def _trained_likelihoods() -> list[tuple[Any, ...]]:
    """Give 20 animals' joint likelihood under softmax regression, epoch by epoch."""
    data = load_dataset("toy-animals")
    engine = open_engine("scratch", build_network("softmax", data), dtype="float64")
    X, y = data.train.X[:20], data.train.y[:20]
    rows = []
    for epoch in train(engine, data, Recipe(epochs=6, batch_size=16, learning_rate=0.5)):
        outputs = engine.outputs(X)
        joint = float(np.prod(softmax(outputs)[np.arange(20), y]))
        entropy = LOSSES["cross_entropy"].value(outputs, y)
        if epoch.epoch % 2 == 0:
            what = Text(f"20 animals, softmax, epoch {epoch.epoch}", f"20 张动物图，softmax 回归，第 {epoch.epoch} 轮")
            rows.append((what, joint, entropy, np.exp(-20 * entropy)))
    return rows


def accuracy(*, language: str = "en") -> Demonstration:
    """Show that the accuracy doesn't tell how sure predictions are, and has no slope to go down.

    Parameters
    ----------
    language : {"en", "zh"}

    Returns
    -------
    Demonstration

    Examples
    --------
    >>> [row[1] for row in accuracy().table.rows]
    [0.5, 0.5, 0.5, 1.0]
    """
    y = np.array([0, 2])
    rows: list[tuple[Any, ...]] = []
    for P in (
        [[0.1, 0.3, 0.6], [0.3, 0.2, 0.5]],
        [[0.3, 0.3, 0.4], [0.3, 0.2, 0.5]],
        [[0.3, 0.3, 0.4], [0.05, 0.05, 0.9]],
        [[0.34, 0.33, 0.33], [0.33, 0.33, 0.34]],
    ):
        Y_hat = np.array(P)
        right = float((Y_hat.argmax(axis=1) == y).mean())
        entropy = float(-np.log(Y_hat[np.arange(2), y]).mean())
        rows.append((as_tuple(Y_hat[0]), right, as_tuple(Y_hat[1]), entropy))
    entropies = [row[3] for row in rows]
    return in_language(
        language,
        claim=Text(
            "The accuracy counts who is right; the loss also says how sure.",
            "准确率只数谁对了；损失还说明有多确信。",
        ),
        formula="y = (0, 2): (1/n) sum_i [argmax_j y_hat_ij = y_i], -(1/n) sum_i log y_hat_i,y_i",
        columns=(
            Text("sample of class 0", "类别 0 的样本"),
            Text("accuracy", "准确率"),
            Text("sample of class 2", "类别 2 的样本"),
            Text("mean cross entropy", "平均交叉熵"),
        ),
        rows=rows,
        conclusion=Text(
            "From row to row of the first three the loss falls and the accuracy stays: it is flat nearly everywhere, "
            "so it has no gradient to train on. In the last row all are right, and none is sure. Train on the loss; "
            "report the accuracy.",
            "前三行的损失逐行下降，准确率却不变：它几乎处处是平的，没有可供训练的梯度。"
            "最后一行全对，却都不确信。用损失训练，用准确率报告。",
        ),
        holds=entropies[0] > entropies[1] > entropies[2]
        and [row[1] for row in rows] == [0.5, 0.5, 0.5, 1.0]
        and entropies[3] > entropies[2],
    )
