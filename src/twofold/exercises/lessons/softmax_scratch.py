"""Lesson 3.6: softmax regression from scratch, from first weights to the accuracy on a test set."""

from __future__ import annotations

from typing import Any

import numpy as np

from twofold.exercises.exercise import Case, Lesson
from twofold.exercises.lessons.shared import Array, T, classification_case, generator, labels, mistake, normal
from twofold.exercises.lessons.softmax_regression import softmax

LESSON = Lesson("3.6", T("Softmax regression from scratch", "softmax 回归的从零开始实现"))
exercise = LESSON.exercise


def about_weights(W: Any, b: Any, shape: tuple[int, ...], sigma: float) -> dict[str, Any]:
    """Say how first weights are distributed, whatever the numbers are."""
    W, b = np.asarray(W), np.asarray(b)
    return {
        "shapes": (list(W.shape), list(b.shape)),
        "std of W / sigma": round(float(W.std()) / sigma, 1),
        "W normal": bool(W.size > 1 and np.abs(W).max() > 2.5 * max(W.std(), 1e-300) and abs(W.mean()) < 0.1 * sigma),
        "W zero": bool(np.all(W == 0)),
        "b zero": bool(np.all(b == 0)),
        "expected shape": list(shape) == list(W.shape),
    }


def _about_first(returned: Any, arguments: Case) -> dict[str, Any]:
    (W, b), (d, q, sigma, _) = returned, arguments
    return about_weights(W, b, (d, q), sigma)


@exercise(
    "initialization",
    T(
        "First parameters of softmax regression: W, (d, q), normal with mean 0 and standard deviation sigma, drawn from rng, "
        "a np.random.Generator; b, (q,), zeros. Return W and b.",
        "softmax 回归的初始参数：W，(d, q)，服从均值 0、标准差 sigma 的正态分布，用 np.random.Generator rng 抽取；b，(q,)，"
        "全为 0。返回 W 和 b。",
    ),
    T("rng.normal(0, sigma, (d, q)).", "rng.normal(0, sigma, (d, q))。"),
    cases=lambda: [(784, 10, 0.01, generator(1)), (300, 20, 0.5, generator(2))],
    observe=_about_first,
    mistakes=(
        mistake(
            "W has the standard deviation 1: multiply by sigma",
            "W 的标准差是 1：请乘以 sigma",
            lambda d, q, sigma, rng: (rng.standard_normal((d, q)), np.zeros(q)),
            lambda runs: _all(runs, lambda run: abs(run.got["std of W / sigma"] * run.case[2] - 1) < 0.05),
        ),
        mistake(
            "sigma is the standard deviation of W, not its variance: no square root",
            "sigma 是 W 的标准差，不是方差：不要开方",
            lambda d, q, sigma, rng: (rng.normal(0, sigma**0.5, (d, q)), np.zeros(q)),
            lambda runs: _all(runs, lambda run: abs(run.got["std of W / sigma"] * run.case[2] ** 0.5 - 1) < 0.05),
        ),
        mistake(
            "W is not normally distributed around 0: rng.normal(0, sigma, ...), not rng.random or rng.uniform",
            "W 不服从以 0 为中心的正态分布：应用 rng.normal(0, sigma, ...)，而不是 rng.random 或 rng.uniform",
            lambda d, q, sigma, rng: (rng.random((d, q)) * sigma, np.zeros(q)),
            lambda runs: _all(runs, lambda run: not run.got["W normal"] and run.got["std of W / sigma"] > 0),
        ),
        mistake(
            "W is all zero: draw it with rng.normal(0, sigma, (d, q))",
            "W 全为 0：请用 rng.normal(0, sigma, (d, q)) 抽取",
            lambda d, q, sigma, rng: (np.zeros((d, q)), np.zeros(q)),
            lambda runs: _all(runs, lambda run: run.got["W zero"]),
        ),
        mistake(
            "b is drawn at random: biases begin with 0",
            "b 是随机的：偏置应从 0 开始",
            lambda d, q, sigma, rng: (rng.normal(0, sigma, (d, q)), rng.normal(0, sigma, q)),
            lambda runs: _all(runs, lambda run: not run.got["b zero"]),
        ),
        mistake(
            "W is transposed: its shape is (d, q), so that X @ W is (n, q)",
            "W 转置了：形状应是 (d, q)，使 X @ W 为 (n, q)",
            lambda d, q, sigma, rng: (rng.normal(0, sigma, (q, d)), np.zeros(q)),
        ),
    ),
)
def initialize_softmax(d: int, q: int, sigma: float, rng: np.random.Generator) -> tuple[Array, Array]:
    return rng.normal(0, sigma, (d, q)), np.zeros(q)


def _all(runs: Any, holds: Any) -> bool:
    return all(not run.failure and isinstance(run.got, dict) and holds(run) for run in runs)


@exercise(
    "network",
    T(
        "Softmax regression of images: images, (n, height, width), are flattened to (n, d) with d = height * width, then "
        "O = X W + b, then softmax of each row. W is (d, q), b is (q,); return probabilities, (n, q), finite for large "
        "outputs too.",
        "对图像做 softmax 回归：images，(n, height, width)，先展平为 (n, d)，d = height * width；然后 O = X W + b；再对每行做 "
        "softmax。W 是 (d, q)，b 是 (q,)；返回概率，(n, q)，输出很大时也要有限。",
    ),
    T("images.reshape(len(images), -1) keeps the samples apart.", "images.reshape(len(images), -1) 保持样本分开。"),
    cases=lambda: [
        (normal(n, n, 2, 3), scale * normal(n + 1, 6, 4), normal(n + 2, 4))
        for n, scale in ((1, 1.0), (5, 1.0), (7, 1000.0))
    ],
    samples="images",
    mistakes=(
        mistake(
            "the images are flattened in the wrong order: their pixels must stay with their sample; "
            "images.reshape(len(images), -1)",
            "图像展平的顺序不对：像素必须留在各自的样本中；images.reshape(len(images), -1)",
            lambda images, W, b: softmax(images.transpose(2, 1, 0).reshape(-1, len(images)).T @ W + b),
        ),
        mistake(
            "these are the outputs: take the softmax of each row",
            "这是输出：还应对每行做 softmax",
            lambda images, W, b: images.reshape(len(images), -1) @ W + b,
        ),
        mistake(
            "the bias is missing: O = X W + b",
            "缺少偏置：O = X W + b",
            lambda images, W, b: softmax(images.reshape(len(images), -1) @ W),
        ),
        mistake(
            "softmax overflows at large outputs: exp(o) is infinite above 709, and inf/inf is nan. Subtract each row's "
            "maximum first",
            "输出较大时 softmax 溢出：o 大于 709 时 exp(o) 为无穷大，inf/inf 得 nan。先减去每行的最大值",
            lambda images, W, b: (E := np.exp(images.reshape(len(images), -1) @ W + b)) / E.sum(axis=1, keepdims=True),
        ),
    ),
)
def softmax_network(images: Array, W: Array, b: Array) -> Array:
    X = images.reshape(len(images), -1)  # (n, d)
    E = np.exp((O := X @ W + b) - O.max(axis=1, keepdims=True))  # (n, q)
    return E / E.sum(axis=1, keepdims=True)


def mean_cross_entropy(O: Array, y: Array) -> float:
    """Return the mean over samples of log sum exp minus the true class's output."""
    m = O.max(axis=1)
    return float((m + np.log(np.exp(O - m[:, None]).sum(axis=1)) - O[np.arange(len(y)), y]).mean())


def differences(loss: Any, array: Array) -> Array:
    """Return the gradient of a function of an array by central differences."""
    h, gradient = 1e-5, np.zeros(array.shape)
    for place in np.ndindex(array.shape):
        step = np.zeros(array.shape)
        step[place] = h
        gradient[place] = (loss(array + step) - loss(array - step)) / (2 * h)
    return gradient


def output_error(O: Array, y: Array) -> Array:
    """Return softmax(O) minus the one-hot labels."""
    return softmax(O) - np.eye(O.shape[1])[y]


@exercise(
    "output-gradient",
    T(
        "The gradient of the mean cross entropy of softmax(O) with respect to the outputs O. O is (n, q), y, (n,), holds "
        "classes; return (n, q). The mean is over the n samples.",
        "softmax(O) 的平均交叉熵对输出 O 的梯度。O 是 (n, q)，y，(n,)，是类别；返回 (n, q)。平均是对 n 个样本。",
    ),
    T(
        "For one sample it is softmax(o) minus the one-hot label: predicted minus true probability.",
        "对单个样本，它等于 softmax(o) 减去独热标签：预测概率减真实概率。",
    ),
    cases=lambda: [
        (np.array([[0.1, 10.0, 0.1], [1.0, 2.0, 3.0], [0.0, 0.0, 0.0]]), np.array([1, 0, 2])),
        (normal(1, 5, 4), labels(1, 5, 4)),
        (normal(2, 16, 3), labels(2, 16, 3)),
    ],
    kind="gradient",
    samples="y",
    many=lambda n: (normal(3, n, 4), labels(3, n, 4)),
    numeric=lambda O, y: differences(lambda Z: mean_cross_entropy(Z, y), O),
    mistakes=(
        mistake(
            "the outputs stand where their softmax belongs: (softmax(O) - Y) / n",
            "应是输出的 softmax，而不是输出本身：(softmax(O) - Y) / n",
            lambda O, y: (O - np.eye(O.shape[1])[y]) / len(y),
        ),
        mistake(
            "the gradient also goes through softmax's own derivative p (1 - p): with the cross entropy they cancel, and "
            "(softmax(O) - Y) / n is left",
            "多乘了 softmax 自身的导数 p (1 - p)：与交叉熵合在一起时它们抵消，只剩 (softmax(O) - Y) / n",
            lambda O, y: output_error(O, y) * softmax(O) * (1 - softmax(O)) / len(y),
        ),
        mistake(
            "divided by n * q: the mean is over the n samples, not over all entries",
            "除以了 n * q：平均是对 n 个样本，而不是对所有元素",
            lambda O, y: output_error(O, y) / O.size,
        ),
        mistake(
            "only the column of the true class has a gradient here: the other classes' is their probability / n",
            "这里只有真实类别那一列有梯度：其他类别的梯度是各自的概率 / n",
            lambda O, y: output_error(O, y) * np.eye(O.shape[1])[y] / len(y),
        ),
    ),
)
def output_gradient(O: Array, y: Array) -> Array:
    E = np.exp(O - O.max(axis=1, keepdims=True))
    dO = E / E.sum(axis=1, keepdims=True)  # (n, q)
    dO[np.arange(len(y)), y] -= 1
    return dO / len(y)


def _numeric(X: Array, y: Array, W: Array, b: Array) -> tuple[Array, Array]:
    dW = differences(lambda V: mean_cross_entropy(X @ V + b, y), W)
    return dW, differences(lambda c: mean_cross_entropy(X @ W + c, y), b)


@exercise(
    "gradient",
    T(
        "The gradients of softmax regression: of the mean cross entropy of O = X W + b with respect to W and b. X is (n, d), "
        "y, (n,), holds classes, W is (d, q), b is (q,); return dW, (d, q), and db, (q,). No loop over the samples.",
        "softmax 回归的梯度：O = X W + b 的平均交叉熵对 W 和 b 的梯度。X 是 (n, d)，y，(n,)，是类别，W 是 (d, q)，b 是 (q,)；"
        "返回 dW，(d, q)，和 db，(q,)。不要对样本循环。",
    ),
    T(
        "With dO of the exercise before: dW = X.T @ dO, db = dO.sum(axis=0).",
        "用上一题的 dO：dW = X.T @ dO，db = dO.sum(axis=0)。",
    ),
    cases=lambda: [
        classification_case(seed, n, d, q) for seed, n, d, q in ((1, 3, 2, 4), (2, 6, 3, 2), (3, 256, 4, 3))
    ],
    returns=("dW", "db"),
    kind="gradient",
    samples="X",
    many=lambda n: classification_case(4, n, 3, 4),
    numeric=_numeric,
    mistakes=(
        mistake(
            "db keeps the samples, (n, q): add up over them, dO.sum(axis=0)",
            "db 保留了样本维，(n, q)：应对样本求和，dO.sum(axis=0)",
            lambda X, y, W, b: (X.T @ output_gradient(X @ W + b, y), output_gradient(X @ W + b, y)),
        ),
        mistake(
            "db is the mean of dO, which is divided by n already: the sum, dO.sum(axis=0)",
            "db 取了 dO 的平均，而 dO 已经除过 n：应求和，dO.sum(axis=0)",
            lambda X, y, W, b: (X.T @ output_gradient(X @ W + b, y), output_gradient(X @ W + b, y).mean(axis=0)),
        ),
        mistake(
            "the one-hot labels are missing: dO = (softmax(O) - Y) / n, yours is softmax(O) / n",
            "缺少独热标签：dO = (softmax(O) - Y) / n，你的是 softmax(O) / n",
            lambda X, y, W, b: (X.T @ softmax(X @ W + b) / len(y), softmax(X @ W + b).mean(axis=0)),
        ),
        mistake(
            "dW is transposed, (q, d): dW has the shape of W, X.T @ dO",
            "dW 转置了，(q, d)：dW 的形状应与 W 相同，X.T @ dO",
            lambda X, y, W, b: ((X.T @ output_gradient(X @ W + b, y)).T, output_gradient(X @ W + b, y).sum(axis=0)),
        ),
    ),
)
def softmax_gradient(X: Array, y: Array, W: Array, b: Array) -> tuple[Array, Array]:
    E = np.exp((O := X @ W + b) - O.max(axis=1, keepdims=True))
    dO = E / E.sum(axis=1, keepdims=True)  # (n, q)
    dO[np.arange(len(y)), y] -= 1
    dO /= len(y)
    return X.T @ dO, dO.sum(axis=0)  # (d, q), (q,)


def _step(X: Array, y: Array, W: Array, b: Array, rate: float) -> tuple[Array, Array]:
    dW, db = softmax_gradient(X, y, W, b)
    return W - rate * dW, b - rate * db


@exercise(
    "training-step",
    T(
        "One training step of softmax regression: W <- W - learning_rate * dW and the same for b, with the gradients of the "
        "mean cross entropy of this minibatch, which may be a short one. X is (n, d), y is (n,); return the new W and b, and "
        "leave the old arrays as they are.",
        "softmax 回归的一个训练步：W <- W - learning_rate * dW，b 同理，梯度取自该小批量（可能较短）的平均交叉熵。X 是 "
        "(n, d)，y 是 (n,)；返回新的 W 和 b，原来的数组保持不变。",
    ),
    T("Use your gradient of the exercise before.", "使用上一题的梯度。"),
    cases=lambda: [
        (*classification_case(seed, n, d, q), rate)
        for seed, n, d, q, rate in ((1, 3, 2, 4, 0.1), (2, 256, 3, 2, 0.5), (3, 16, 4, 3, 0.03))
    ],
    returns=("W", "b"),
    mistakes=(
        mistake(
            "the update adds the gradient and goes uphill: subtract it",
            "更新时加上了梯度，是在上坡：应减去梯度",
            lambda X, y, W, b, learning_rate: _step(X, y, W, b, -learning_rate),
        ),
        mistake(
            "the bias is not updated: b - learning_rate * db",
            "偏置没有更新：b - learning_rate * db",
            lambda X, y, W, b, learning_rate: (_step(X, y, W, b, learning_rate)[0], b),
        ),
        mistake(
            "the step is n times too long: divide the gradients by n, the size of the minibatch",
            "步长大了 n 倍：没有对小批量求平均，梯度应除以批量大小 n",
            lambda X, y, W, b, learning_rate: _step(X, y, W, b, learning_rate * len(X)),
        ),
        mistake(
            "the step is n times too short: the gradient is divided by n twice; divide once",
            "步长小了 n 倍：梯度除了两次 n；只应除一次",
            lambda X, y, W, b, learning_rate: _step(X, y, W, b, learning_rate / len(X)),
        ),
        mistake(
            "divided by 256, whatever the batch's size: divide by len(X), which is less in the last batch",
            "无论批量大小都除以了 256：应除以 len(X)，最后一批会更小",
            lambda X, y, W, b, learning_rate: _step(X, y, W, b, learning_rate * len(X) / 256),
        ),
    ),
)
def softmax_step(X: Array, y: Array, W: Array, b: Array, learning_rate: float) -> tuple[Array, Array]:
    E = np.exp((O := X @ W + b) - O.max(axis=1, keepdims=True))
    dO = E / E.sum(axis=1, keepdims=True)
    dO[np.arange(len(y)), y] -= 1
    dO /= len(y)
    return W - learning_rate * X.T @ dO, b - learning_rate * dO.sum(axis=0)


def _evaluation_case(seed: int, sizes: tuple[int, ...]) -> Case:
    W, b = normal(seed, 3, 4), normal(seed + 1, 4)
    batches = []
    for place, n in enumerate(sizes):
        X = normal(seed + 2 + place, n, 3)
        y = (X @ W + b).argmax(axis=1) if place % 2 else labels(seed + place, n, 4)
        batches.append((X, y))
    return batches, W, b


def _scores(batches: Any, W: Array, b: Array) -> list[Array]:
    return [(X @ W + b).argmax(axis=1) == y for X, y in batches]


@exercise(
    "test-accuracy",
    T(
        "The accuracy of softmax regression on a data set that comes in minibatches: batches is a list of (X, y), the last "
        "often short; return correct predictions / all samples, a number.",
        "softmax 回归在以小批量给出的数据集上的准确率：batches 是 (X, y) 的列表，最后一批往往较短；返回预测正确的样本数 / "
        "样本总数，一个数。",
    ),
    T("Count the correct ones and the samples, and divide once at the end.", "累计正确数和样本数，最后只除一次。"),
    cases=lambda: [_evaluation_case(1, (4, 1)), _evaluation_case(2, (16, 16, 16, 3)), _evaluation_case(3, (10,))],
    mistakes=(
        mistake(
            "the mean of the batches' accuracies counts a sample of the short last batch for more: count the correct "
            "predictions of all batches, and divide by the number of all samples",
            "直接平均各批的准确率会让最后短批的样本权重过大：应累计所有批的正确数，再除以样本总数",
            lambda batches, W, b: float(np.mean([score.mean() for score in _scores(batches, W, b)])),
        ),
        mistake(
            "this is the number of correct predictions: divide by the number of samples",
            "这是预测正确的个数：请除以样本总数",
            lambda batches, W, b: float(sum(score.sum() for score in _scores(batches, W, b))),
        ),
        mistake(
            "only the last batch counts: the numbers are set anew in each round; add them up (+=)",
            "只算了最后一批：每轮都重新赋值了；应累加（+=）",
            lambda batches, W, b: float(_scores(batches, W, b)[-1].mean()),
        ),
        mistake(
            "this is divided by the number of batches: divide by the number of samples in all batches",
            "除以了批数：应除以所有批的样本总数",
            lambda batches, W, b: float(sum(score.sum() for score in _scores(batches, W, b)) / len(batches)),
        ),
    ),
)
def test_accuracy(batches: list[tuple[Array, Array]], W: Array, b: Array) -> float:
    correct = total = 0
    for X, y in batches:
        correct += ((X @ W + b).argmax(axis=1) == y).sum()
        total += len(y)
    return float(correct / total)
