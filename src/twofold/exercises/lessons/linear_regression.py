"""Lesson 3.1: linear regression, its loss, its exact solution, its gradient."""

from __future__ import annotations

import numpy as np

from twofold.exercises.exercise import Lesson
from twofold.exercises.lessons.shared import Array, T, mistake, normal, regression_case

LESSON = Lesson("3.1", T("Linear regression", "线性回归"))
exercise = LESSON.exercise


@exercise(
    "prediction",
    T(
        "Predict with a linear model: y_hat = X w + b for n samples at once. X is (n, d), w is (d,), b is a number; "
        "return y_hat, (n,). No loop over the samples.",
        "用线性模型同时预测 n 个样本：y_hat = X w + b。X 是 (n, d)，w 是 (d,)，b 是一个数；返回 y_hat，(n,)。"
        "不要对样本循环。",
    ),
    T(
        "X @ w is the matrix product; b is added to each entry (broadcasting).",
        "X @ w 是矩阵乘法；b 会加到每个元素上（广播）。",
    ),
    cases=lambda: [
        (np.array([[1.0, 2.0], [3.0, 4.0], [0.0, 1.0]]), np.array([2.0, -3.4]), 4.2),
        (normal(1, 5, 3), normal(2, 3), -1.5),
        (1e6 * normal(3, 1, 4), normal(4, 4), 0.0),
    ],
    samples="X",
    many=lambda n: (normal(5, n, 3), normal(6, 3), 1.0),
    mistakes=(
        mistake(
            "the bias is missing: y_hat = X w + b, yours is X w",
            "缺少偏置：y_hat = X w + b，你的是 X w",
            lambda X, w, b: X @ w,
        ),
        mistake(
            "X * w multiplies entry by entry, (n, d); the matrix product X @ w also adds up over the d features",
            "X * w 是按元素相乘，得到 (n, d)；矩阵乘法 X @ w 还会对 d 个特征求和",
            lambda X, w, b: X * w + b,
        ),
        mistake(
            "b is added once for each feature, so d times: add it after the sum over the features",
            "b 对每个特征各加了一次，共加了 d 次：应在对特征求和之后再加",
            lambda X, w, b: (X * w + b).sum(axis=1),
        ),
    ),
)
def linear_prediction(X: Array, w: Array, b: float) -> Array:
    return X @ w + b  # (n,)


@exercise(
    "mean-loss",
    T(
        "The loss of a linear model over a data set: L(w, b) = 1/n sum_i (y_hat_i - y_i)^2 / 2 with y_hat = X w + b. "
        "X is (n, d), y is (n,), w is (d,); return one number.",
        "线性模型在数据集上的损失：L(w, b) = 1/n sum_i (y_hat_i - y_i)^2 / 2，其中 y_hat = X w + b。X 是 (n, d)，"
        "y 是 (n,)，w 是 (d,)；返回一个数。",
    ),
    T("The mean of an array is .mean(); it divides by n already.", "数组的平均值是 .mean()；它已经除过 n。"),
    cases=lambda: [regression_case(seed, n, d) for seed, n, d in ((1, 3, 2), (2, 8, 1), (3, 256, 4))],
    kind="loss",
    samples="X",
    mistakes=(
        mistake(
            "this is the root of the mean square; the loss has no root: 1/n sum (y_hat - y)^2 / 2",
            "这是均方根；损失不开方：1/n sum (y_hat - y)^2 / 2",
            lambda X, y, w, b: np.sqrt(np.mean((X @ w + b - y) ** 2)),
        ),
        mistake(
            "this is the mean absolute error; square the error in place of abs",
            "这是平均绝对误差；请对误差取平方，而不是取绝对值",
            lambda X, y, w, b: np.mean(np.abs(X @ w + b - y)),
        ),
        mistake(
            "the mean is taken before the square, so errors of different signs cancel: square first, then mean",
            "先求了平均再平方，正负误差会相互抵消：应先平方，再求平均",
            lambda X, y, w, b: np.mean(X @ w + b - y) ** 2 / 2,
        ),
    ),
)
def mean_squared_loss(X: Array, y: Array, w: Array, b: float) -> float:
    return float(np.mean((X @ w + b - y) ** 2) / 2)


def _numeric_gradient(X: Array, y: Array, w: Array, b: float) -> tuple[Array, float]:
    h = 1e-6
    dw = [
        mean_squared_loss(X, y, w + h * e, b) / (2 * h) - mean_squared_loss(X, y, w - h * e, b) / (2 * h)
        for e in np.eye(len(w))
    ]
    db = (mean_squared_loss(X, y, w, b + h) - mean_squared_loss(X, y, w, b - h)) / (2 * h)
    return np.array(dw), float(db)


@exercise(
    "gradient",
    T(
        "The gradient of L(w, b) = 1/n sum_i (y_hat_i - y_i)^2 / 2 with y_hat = X w + b. X is (n, d), y is (n,), w is "
        "(d,); return dw, (d,), and db, a number. No loop over the samples.",
        "L(w, b) = 1/n sum_i (y_hat_i - y_i)^2 / 2 的梯度，其中 y_hat = X w + b。X 是 (n, d)，y 是 (n,)，w 是 (d,)；"
        "返回 dw，(d,)，以及 db，一个数。不要对样本循环。",
    ),
    T(
        "With the error e = y_hat - y, (n,): dw_k is the mean over i of e_i x_ik, and db is the mean of e_i.",
        "设误差 e = y_hat - y，(n,)：dw_k 是 e_i x_ik 对 i 的平均，db 是 e_i 的平均。",
    ),
    cases=lambda: [regression_case(seed, n, d) for seed, n, d in ((1, 3, 2), (2, 8, 1), (3, 256, 4))],
    returns=("dw", "db"),
    kind="gradient",
    samples="X",
    many=lambda n: regression_case(4, n, 3),
    numeric=_numeric_gradient,
    mistakes=(
        mistake(
            "the prediction leaves the bias out: the error is X w + b - y",
            "预测值漏掉了偏置：误差是 X w + b - y",
            lambda X, y, w, b: (X.T @ (X @ w - y) / len(y), np.mean(X @ w - y)),
        ),
        mistake(
            "dw multiplies by the mean of X in place of each sample's own x: X.T @ e / n, not X.mean(0) * e.mean()",
            "dw 乘的是 X 的平均值，而不是每个样本自己的 x：应为 X.T @ e / n，而不是 X.mean(0) * e.mean()",
            lambda X, y, w, b: (X.mean(axis=0) * np.mean(X @ w + b - y), np.mean(X @ w + b - y)),
        ),
    ),
)
def linear_gradient(X: Array, y: Array, w: Array, b: float) -> tuple[Array, float]:
    error = X @ w + b - y  # (n,)
    return X.T @ error / len(y), float(error.mean())  # (d,), one number


def _solvable(seed: int, n: int, d: int, digits: int) -> tuple[Array, Array]:
    """Return a problem whose last column is the first but for so many digits."""
    X = normal(seed, n, d) + 3
    if digits:
        X[:, -1] = X[:, 0] + 10.0**-digits * normal(seed + 50, n)
    return X, X @ np.arange(1.0, d + 1) + 4.2


def _by_inverse(X: Array, y: Array) -> tuple[Array, float]:
    A = np.column_stack([X, np.ones(len(X))])
    *w, b = np.linalg.inv(A.T @ A) @ A.T @ y
    return np.array(w), float(b)


def _centred(X: Array, y: Array) -> Array:
    return np.linalg.lstsq(X - X.mean(axis=0), y - y.mean(), rcond=None)[0]


@exercise(
    "exact-solution",
    T(
        "The exact solution of linear regression: w and b that minimise sum_i (x_i w + b - y_i)^2, in closed form. X is "
        "(n, d) with independent columns, y is (n,); return w, (d,), and b, a number. It must hold to 6 digits also "
        "where features have very different sizes or are nearly alike.",
        "线性回归的解析解：使 sum_i (x_i w + b - y_i)^2 最小的 w 和 b。X 是 (n, d)，各列线性无关，y 是 (n,)；返回 w，"
        "(d,)，以及 b，一个数。即使特征的大小相差很远或彼此很接近，也要有 6 位有效数字。",
    ),
    T(
        "Add a column of ones, whose weight is b. np.linalg.lstsq(A, y) is accurate; inverting A^T A loses twice the digits.",
        "添加一列 1，它的权重就是 b。np.linalg.lstsq(A, y) 很准确；对 A^T A 求逆会损失两倍的位数。",
    ),
    cases=lambda: [_solvable(*case) for case in ((1, 6, 2, 0), (2, 40, 3, 0), (3, 30, 2, 5), (4, 50, 3, 6))],
    returns=("w", "b"),
    tolerance=1e-6,
    mistakes=(
        mistake(
            "there is no column of ones, so the line goes through the origin: add it, its weight is b",
            "没有添加一列 1，所以直线被迫通过原点：请添加，它的权重就是 b",
            lambda X, y: (np.linalg.lstsq(X, y, rcond=None)[0], 0.0),
        ),
        mistake(
            "right for ordinary data, wrong in the digits where columns are nearly alike: (A^T A)^-1 squares the "
            "condition number. Take np.linalg.lstsq(A, y) or a QR decomposition",
            "对普通数据正确，但各列很接近时数字不准：(A^T A)^-1 会使条件数平方。请用 np.linalg.lstsq(A, y) 或 QR 分解",
            _by_inverse,
            lambda runs: [run.right for run in runs[:2]] == [True, True] and not runs[-1].right and not runs[0].failure,
        ),
        mistake(
            "b is the mean of y; that is right only if the columns of X have mean zero: b = mean(y) - mean(X) w",
            "b 取了 y 的平均；只有 X 各列的平均为零时才对：b = mean(y) - mean(X) w",
            lambda X, y: (_centred(X, y), float(y.mean())),
        ),
    ),
)
def exact_solution(X: Array, y: Array) -> tuple[Array, float]:
    A = np.column_stack([X, np.ones(len(X))])  # (n, d + 1)
    *w, b = np.linalg.lstsq(A, y, rcond=None)[0]
    return np.array(w), float(b)


@exercise(
    "sgd-step",
    T(
        "One step of stochastic gradient descent: from w, (d,), and b with the gradients dw and db return the new w and b. "
        "The old arrays stay as they are.",
        "随机梯度下降的一步：由 w，(d,)，和 b 以及梯度 dw 和 db，返回新的 w 和 b。原来的数组保持不变。",
    ),
    T("Against the gradient: w - learning_rate * dw.", "沿负梯度方向：w - learning_rate * dw。"),
    cases=lambda: [
        (np.array([1.0, 2.0]), 0.5, np.array([0.5, -1.0]), 2.0, 0.1),
        (normal(1, 5), -1.0, 10 * normal(2, 5), -3.0, 0.03),
        (normal(3, 1), 0.0, 1e8 * normal(4, 1), 1e-3, 1e-6),
    ],
    returns=("w", "b"),
    observe=lambda returned, _: returned,
    mistakes=(
        mistake(
            "the update adds the gradient and goes uphill; subtract it: w - learning_rate * dw",
            "更新时加上了梯度，是在上坡；应减去：w - learning_rate * dw",
            lambda w, b, dw, db, learning_rate: (w + learning_rate * dw, b + learning_rate * db),
        ),
        mistake(
            "the bias is not updated: b - learning_rate * db",
            "偏置没有更新：b - learning_rate * db",
            lambda w, b, dw, db, learning_rate: (w - learning_rate * dw, b),
        ),
        mistake(
            "the learning rate is missing: the step is learning_rate * dw",
            "缺少学习率：步长是 learning_rate * dw",
            lambda w, b, dw, db, learning_rate: (w - dw, b - db),
        ),
    ),
)
def sgd_step(w: Array, b: float, dw: Array, db: float, learning_rate: float) -> tuple[Array, float]:
    return w - learning_rate * dw, b - learning_rate * db


@exercise(
    "standardize",
    T(
        "Bring features to mean 0 and standard deviation 1: (x - mean) / std for each column, with mean and std of the "
        "training set for both sets. X_train is (n, d), X_test is (m, d); a column that is constant in training becomes 0 "
        "in training (divide by 1). Return both.",
        "特征标准化，使平均值为 0、标准差为 1：每列 (x - mean) / std，两个集合都用训练集的 mean 和 std。X_train 是 (n, d)，"
        "X_test 是 (m, d)；训练集中为常数的列变为 0（除以 1）。返回两者。",
    ),
    T("mean(axis=0) and std(axis=0) have the shape (d,).", "mean(axis=0) 和 std(axis=0) 的形状是 (d,)。"),
    cases=lambda: [
        (np.array([[1.0, 100.0], [2.0, 300.0], [3.0, 200.0]]), np.array([[2.0, 400.0]])),
        (5 + 3 * normal(1, 20, 3), 5 + 3 * normal(2, 7, 3)),
        (np.column_stack([normal(3, 9), np.full(9, 7.0)]), np.column_stack([normal(4, 4), np.full(4, 8.0)])),
    ],
    returns=("train", "test"),
    mistakes=(
        mistake(
            "the test set is scaled by its own mean and std: take the training set's, or the same house gets two different "
            "inputs, and the test set is looked at",
            "测试集用了它自己的 mean 和 std：应使用训练集的，否则同一样本会有两种输入，而且偷看了测试集",
            lambda X_train, X_test: (_scaled(X_train, X_train), _scaled(X_test, X_test)),
        ),
        mistake(
            "mean and std are taken of both sets together: the training set alone decides, the test set is unknown yet",
            "mean 和 std 取自两个集合的合并：应只由训练集决定，此时测试集还是未知的",
            lambda X_train, X_test: tuple(_scaled(X, np.vstack([X_train, X_test])) for X in (X_train, X_test)),
        ),
        mistake(
            "one mean and one std for all features: give axis=0, so that each column has its own",
            "所有特征共用了一个 mean 和 std：请加 axis=0，使每列各有自己的",
            lambda X_train, X_test: tuple((X - X_train.mean()) / X_train.std() for X in (X_train, X_test)),
        ),
        mistake(
            "a constant column has std 0, and 0/0 is nan: divide by 1 there, np.where(std > 0, std, 1)",
            "常数列的 std 为 0，0/0 得 nan：那里应除以 1，np.where(std > 0, std, 1)",
            lambda X_train, X_test: tuple((X - X_train.mean(axis=0)) / X_train.std(axis=0) for X in (X_train, X_test)),
        ),
        mistake(
            "std divides by n - 1 (ddof=1); here it is the standard deviation of the n samples themselves: np.std as it is",
            "std 除以了 n - 1（ddof=1）；这里要的是 n 个样本本身的标准差：直接用 np.std",
            lambda X_train, X_test: tuple(_scaled(X, X_train, 1) for X in (X_train, X_test)),
        ),
    ),
)
def standardize(X_train: Array, X_test: Array) -> tuple[Array, Array]:
    mean, std = X_train.mean(axis=0), X_train.std(axis=0)  # (d,)
    std = np.where(std > 0, std, 1.0)
    return (X_train - mean) / std, (X_test - mean) / std


def _scaled(X: Array, of: Array, ddof: int = 0) -> Array:
    std = of.std(axis=0, ddof=ddof)
    return (X - of.mean(axis=0)) / np.where(std > 0, std, 1.0)


@exercise(
    "original-units",
    T(
        "A model was trained on standardised features (x - mean) / std, with weights w, (d,), and bias b. Return the weights "
        "and the bias that give the same predictions from the original x.",
        "模型是用标准化特征 (x - mean) / std 训练的，权重为 w，(d,)，偏置为 b。返回对原始 x 给出相同预测的权重和偏置。",
    ),
    T(
        "w_k (x_k - mean_k) / std_k = (w_k / std_k) x_k - w_k mean_k / std_k.",
        "w_k (x_k - mean_k) / std_k = (w_k / std_k) x_k - w_k mean_k / std_k。",
    ),
    cases=lambda: [
        (np.array([2.0, -3.0]), 1.0, np.array([10.0, 0.5]), np.array([4.0, 2.0])),
        (normal(1, 4), -2.0, normal(2, 4), 1 + np.abs(normal(3, 4))),
    ],
    returns=("w", "b"),
    mistakes=(
        mistake(
            "the weights are multiplied by std; a feature that is std times larger needs a weight std times smaller",
            "权重乘以了 std；特征大 std 倍，权重就应小 std 倍",
            lambda w, b, mean, std: (w * std, b - w * std @ mean),
        ),
        mistake(
            "the bias does not change with the mean: subtract (w / std) @ mean from it",
            "偏置没有随 mean 改变：应从中减去 (w / std) @ mean",
            lambda w, b, mean, std: (w / std, b),
        ),
        mistake(
            "(w / std) @ mean is added to the bias: subtract it, since x - mean stands in the model",
            "偏置加上了 (w / std) @ mean：应减去，因为模型中是 x - mean",
            lambda w, b, mean, std: (w / std, b + (w / std) @ mean),
        ),
    ),
)
def original_units(w: Array, b: float, mean: Array, std: Array) -> tuple[Array, float]:
    return w / std, float(b - (w / std) @ mean)
