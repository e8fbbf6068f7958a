"""Lesson 3.2: linear regression from scratch, from the data to the training loop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from twofold.exercises.exercise import Case, Lesson
from twofold.exercises.lessons.shared import Array, T, generator, mistake, normal

LESSON = Lesson("3.2", T("Linear regression from scratch", "线性回归的从零开始实现"))
exercise = LESSON.exercise


def _about_data(returned: Any, arguments: Case) -> list[Any]:
    """Bring a synthetic data set into numbers that don't depend on the random ones."""
    X, y = returned
    w, b, n, noise, _ = arguments
    if np.shape(X) != (n, len(w)) or np.shape(y) != (n,):
        return [f"X {np.shape(X)}", f"y {np.shape(y)}"]
    rest = (y - X @ w - b) / noise
    spread = bool(abs(X.std() - 1) < 0.02 and abs(X.mean()) < 0.02 and np.abs(X).max() > 3)
    return [f"X {X.shape}", f"y {y.shape}", f"X normal: {spread}", bool(abs(rest.mean()) < 0.05), round(rest.std(), 1)]


@exercise(
    "synthetic-data",
    T(
        "Make a data set: X, (n, d), of normal numbers with mean 0 and standard deviation 1, and y = X w + b + noise, (n,), "
        "whose noise is normal with mean 0 and standard deviation noise, anew for each sample. w is (d,); draw from rng, a "
        "np.random.Generator. Return X and y.",
        "生成数据集：X，(n, d)，服从均值 0、标准差 1 的正态分布；y = X w + b + 噪声，(n,)，噪声服从均值 0、标准差 noise 的"
        "正态分布，每个样本各自抽取。w 是 (d,)；用 np.random.Generator rng 抽取。返回 X 和 y。",
    ),
    T("rng.standard_normal((n, d)) and rng.normal(0, noise, n).", "rng.standard_normal((n, d)) 和 rng.normal(0, noise, n)。"),
    cases=lambda: [(np.array([2.0, -3.4]), 4.2, n, noise, generator(n)) for n, noise in ((20_000, 0.01), (30_000, 2.0))],
    observe=_about_data,
    mistakes=(
        mistake(
            "y has no noise: add rng.normal(0, noise, n)",
            "y 没有噪声：请加上 rng.normal(0, noise, n)",
            lambda w, b, n, noise, rng: (X := rng.standard_normal((n, len(w))), X @ w + b),
        ),
        mistake(
            "one noise for all samples: draw n numbers, rng.normal(0, noise, n)",
            "所有样本的噪声都相同：应抽取 n 个数，rng.normal(0, noise, n)",
            lambda w, b, n, noise, rng: (X := rng.standard_normal((n, len(w))), X @ w + b + rng.normal(0, noise)),
            lambda runs: all(not run.failure and len(run.got) == 5 and run.got[4] == 0 and not run.got[3] for run in runs),
        ),
        mistake(
            "the noise has the variance noise; noise is the standard deviation: no square root",
            "噪声的方差是 noise；noise 应是标准差：不要开方",
            lambda w, b, n, noise, rng: (
                X := rng.standard_normal((n, len(w))), X @ w + b + rng.normal(0, noise**0.5, n)
            ),
        ),
        mistake(
            "X is not normally distributed with mean 0 and standard deviation 1; rng.random and rng.uniform are uniform",
            "X 不服从均值 0、标准差 1 的正态分布；rng.random 和 rng.uniform 是均匀分布",
            lambda w, b, n, noise, rng: (X := rng.random((n, len(w))), X @ w + b + rng.normal(0, noise, n)),
            lambda runs: all(not run.failure and len(run.got) == 5 and run.got[2] == "X normal: False" for run in runs),
        ),
    ),
)  # fmt: skip
def synthetic_data(w: Array, b: float, n: int, noise: float, rng: np.random.Generator) -> tuple[Array, Array]:
    X = rng.standard_normal((n, len(w)))  # (n, d)
    return X, X @ w + b + rng.normal(0, noise, n)


def _about_batches(returned: Any, arguments: Case) -> dict[str, Any]:
    """Say what a pass through minibatches did, whatever the order was."""
    X, y, _, _ = arguments
    batches = [(np.asarray(A), np.asarray(t)) for A, t in returned]
    place = {tuple(row): i for i, row in enumerate(X.tolist())}
    rows = [place.get(tuple(row), -1) for A, _ in batches for row in A.tolist()]
    targets = [value for _, t in batches for value in t.tolist()]
    return {
        "sizes": [len(A) for A, _ in batches],
        "each sample once": sorted(rows) == list(range(len(X))),
        "in the order of X": rows == sorted(rows),
        "y of the same samples": len(targets) == len(rows) and bool(np.all(y[rows] == targets)),
    }


def _some_batches(X: Array, y: Array, order: Array, batch_size: int) -> Iterator[tuple[Array, Array]]:
    for start in range(0, len(order), batch_size):
        chosen = order[start : start + batch_size]
        yield X[chosen], y[chosen]


@exercise(
    "minibatches",
    T(
        "Go through a data set in minibatches: a generator that yields (X_batch, y_batch), in random order, each sample "
        "exactly once. X is (n, d), y is (n,); all batches have batch_size samples, but the last, which has the rest. Draw "
        "from rng, a np.random.Generator.",
        "以小批量遍历数据集：一个生成器，依次产生 (X_batch, y_batch)，顺序随机，每个样本恰好一次。X 是 (n, d)，y 是 (n,)；"
        "每批 batch_size 个样本，最后一批是剩下的。用 np.random.Generator rng 抽取。",
    ),
    T(
        "order = rng.permutation(len(X)), then slices of order: order[start : start + batch_size].",
        "order = rng.permutation(len(X))，再取 order 的切片：order[start : start + batch_size]。",
    ),
    cases=lambda: [(normal(n, n, 2), normal(n + 1, n), size, generator(n)) for n, size in ((10, 4), (60, 20), (7, 50))],
    observe=_about_batches,
    mistakes=(
        mistake(
            "the last, shorter batch is left out: the range must go to n, not to n // batch_size batches",
            "漏掉了最后较短的一批：range 应到 n 为止，而不是 n // batch_size 批",
            lambda X, y, batch_size, rng: list(_some_batches(X, y, rng.permutation(len(X)), batch_size))[: len(X) // batch_size],
            lambda runs: _sizes_are(runs, lambda n, size: [size] * (n // size)),
        ),
        mistake(
            "the samples come in the order of the data set: shuffle the indices first, rng.permutation(n)",
            "样本按数据集的顺序出现：先打乱下标，rng.permutation(n)",
            lambda X, y, batch_size, rng: _some_batches(X, y, np.arange(len(X)), batch_size),
        ),
        mistake(
            "X and y are shuffled apart, so samples get others' labels: take both by the same indices",
            "X 和 y 是分别打乱的，样本配上了别人的标签：两者应使用同一组下标",
            lambda X, y, batch_size, rng: _some_batches(rng.permutation(X), rng.permutation(y), rng.permutation(len(X)), batch_size),
        ),
        mistake(
            "samples are drawn with replacement, so some come twice and others never: take a permutation",
            "样本是有放回抽取的，有的出现两次，有的从不出现：应使用排列（permutation）",
            lambda X, y, batch_size, rng: _some_batches(X, y, rng.integers(0, len(X), len(X)), batch_size),
        ),
    ),
)  # fmt: skip
def minibatches(X: Array, y: Array, batch_size: int, rng: np.random.Generator) -> Iterator[tuple[Array, Array]]:
    order = rng.permutation(len(X))
    for start in range(0, len(X), batch_size):
        chosen = order[start : start + batch_size]
        yield X[chosen], y[chosen]


def _sizes_are(runs: Any, sizes: Callable[[int, int], list[int]]) -> bool:
    return all(
        not run.failure
        and run.got["sizes"] == sizes(len(run.case[0]), run.case[2])
        and run.got["y of the same samples"]
        for run in runs
    )


@exercise(
    "squared-loss",
    T(
        "The squared loss of each sample, (y_hat - y)^2 / 2. y_hat is (n,) or (n, 1), as X @ w gives it for w of (d,) or "
        "(d, 1); y is (n,). Return (n,).",
        "每个样本的平方损失 (y_hat - y)^2 / 2。y_hat 是 (n,) 或 (n, 1)（w 是 (d,) 或 (d, 1) 时 X @ w 的形状）；y 是 (n,)。"
        "返回 (n,)。",
    ),
    T("y_hat.reshape(-1) is (n,) in both cases.", "两种情形下 y_hat.reshape(-1) 都是 (n,)。"),
    cases=lambda: [
        (np.array([1.0, 2.5, 0.0]), np.array([1.5, 2.0, -1.0])),
        (normal(1, 5, 1), normal(2, 5)),
        (1e6 * normal(3, 1, 1), normal(4, 1)),
        (normal(5, 64), normal(6, 64)),
    ],
    kind="loss",
    samples="y",
    many=lambda n: (normal(7, n, 1), normal(8, n)),
    mistakes=(
        mistake(
            "broadcast to (n, n): y is (n,), y_hat is (n, 1), and each prediction is compared with each label; "
            "bring both to one shape first: y_hat.reshape(-1)",
            "广播成了 (n, n)：y 是 (n,)，y_hat 是 (n, 1)，每个预测都与每个标签相减；先使形状一致：y_hat.reshape(-1)",
            lambda y_hat, y: (y_hat - y) ** 2 / 2,
        ),
        mistake(
            "broadcast to (n, n), and the mean hides it: y is (n,), y_hat is (n, 1). Bring both to one shape first, "
            "y_hat.reshape(-1), and leave the mean out: one loss for each sample",
            "广播成了 (n, n)，又被求平均掩盖：y 是 (n,)，y_hat 是 (n, 1)。先用 y_hat.reshape(-1) 使形状一致，并去掉求平均："
            "每个样本一个损失",
            lambda y_hat, y: ((y_hat - y) ** 2 / 2).mean(),
        ),
        mistake(
            "the mean over the samples is taken: here each sample keeps its own loss, (n,)",
            "对样本求了平均：这里每个样本保留自己的损失，(n,)",
            lambda y_hat, y: ((y_hat.reshape(-1) - y) ** 2 / 2).mean(),
        ),
        mistake(
            "this is the absolute error; square it in place of abs, and halve it",
            "这是绝对误差；应取平方而不是绝对值，再除以 2",
            lambda y_hat, y: np.abs(y_hat.reshape(-1) - y),
        ),
    ),
)
def squared_loss(y_hat: Array, y: Array) -> Array:
    return (y_hat.reshape(-1) - y) ** 2 / 2  # (n,)


@exercise(
    "epoch-loss",
    T(
        "The mean loss of an epoch over all samples: losses holds the mean loss of each minibatch, sizes its number of "
        "samples (the last is often shorter), both (k,). Return one number.",
        "一个轮次中所有样本的平均损失：losses 是每个小批量的平均损失，sizes 是它的样本数（最后一批往往较短），都是 (k,)。"
        "返回一个数。",
    ),
    T("Bring the means back to sums first: losses * sizes.", "先把平均值还原成和：losses * sizes。"),
    cases=lambda: [
        (np.array([0.5, 0.4, 0.9]), np.array([256, 256, 10])),
        (np.abs(normal(1, 7)), np.array([10] * 6 + [3])),
        (np.array([0.4858]), np.array([256])),
    ],
    kind="loss",
    mistakes=(
        mistake(
            "the mean of the batches' means counts a sample of a short last batch for more: weight each with its size, "
            "sum(losses * sizes) / sum(sizes)",
            "直接平均各批的平均值会让最后短批的样本权重过大：应按样本数加权，sum(losses * sizes) / sum(sizes)",
            lambda losses, sizes: losses.mean(),
        ),
        mistake(
            "divided by the number of samples twice (0.0019 where the loss is 0.4858): losses are means already, multiply "
            "each by its size before you divide by n",
            "除了两次样本数（损失是 0.4858，却得到 0.0019）：losses 已经是平均值，除以 n 之前应先乘各自的样本数",
            lambda losses, sizes: losses.sum() / sizes.sum(),
        ),
        mistake(
            "this is the sum over the samples: divide by their number, sizes.sum()",
            "这是对样本的和：请除以样本总数 sizes.sum()",
            lambda losses, sizes: (losses * sizes).sum(),
        ),
    ),
)
def epoch_loss(losses: Array, sizes: Array) -> float:
    return float((losses * sizes).sum() / sizes.sum())
