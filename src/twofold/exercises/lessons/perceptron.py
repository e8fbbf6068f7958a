"""Lesson 3.8: the multilayer perceptron, its activations and why it needs them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from twofold.exercises.exercise import Case, Lesson
from twofold.exercises.lessons.shared import Array, T, mistake, normal

LESSON = Lesson("3.8", T("Multilayer perceptron", "多层感知机"))
exercise = LESSON.exercise
POINTS = np.array([-3.0, -0.5, 0.0, 0.5, 2.0])


@exercise(
    "relu",
    T(
        "ReLU of each entry: max(z, 0). Z has any shape; return an array of the same shape, also where Z is infinite, and "
        "leave Z as it is.",
        "对每个元素做 ReLU：max(z, 0)。Z 可以是任意形状；返回同样形状的数组，Z 为无穷大时也要成立，并保持 Z 不变。",
    ),
    T("np.maximum compares entry by entry; np.max looks for one largest number.", "np.maximum 逐元素比较；np.max 找一个最大的数。"),
    cases=lambda: [(POINTS,), (normal(1, 3, 4),), (np.array([[-np.inf, np.inf], [1e300, -1e300]]),)],
    many=lambda n: (normal(2, n, 3),),
    mistakes=(
        mistake("this is the absolute value; relu makes negative numbers 0: np.maximum(Z, 0)", "这是绝对值；relu 把负数变为 0：np.maximum(Z, 0)", np.abs),
        mistake(
            "negative numbers stay and positive ones become 0: max(z, 0), not min(z, 0)",
            "负数留下了，正数变成了 0：应为 max(z, 0)，而不是 min(z, 0)",
            lambda Z: np.minimum(Z, 0),
        ),
        mistake(
            "negative numbers are multiplied by a small slope, as in leaky ReLU; here they must become 0: np.maximum(Z, 0)",
            "负数乘了一个小斜率，这是 leaky ReLU；这里负数应变为 0：np.maximum(Z, 0)",
            lambda Z: np.where(Z > 0, Z, 0.01 * Z),
            lambda runs: all(not run.failure for run in runs) and bool(np.all(np.isclose(runs[0].got[[3, 4]], [0.5, 2])) and np.isclose(runs[0].got[0], 6 * runs[0].got[1]) and -1 < runs[0].got[0] < 0),
        ),
        mistake(
            "Z * (Z > 0) gives nan at minus infinity, since -inf * 0 is no number: np.maximum(Z, 0) or np.where",
            "Z * (Z > 0) 在负无穷处得到 nan，因为 -inf * 0 不是数：用 np.maximum(Z, 0) 或 np.where",
            lambda Z: Z * (Z > 0),
        ),
        mistake(
            "this is the derivative, 0 or 1: return the numbers themselves where they are positive",
            "这是导数，0 或 1：正数处应返回数本身",
            lambda Z: (Z > 0).astype(float),
        ),
    ),
)  # fmt: skip
def relu(Z: Array) -> Array:
    return np.maximum(Z, 0)


@exercise(
    "relu-derivative",
    T(
        "The derivative of ReLU at each entry of the pre-activation Z: 1 where z > 0, 0 elsewhere. At 0, where there is none, "
        "take 0, as PyTorch does. Return floats of the same shape.",
        "ReLU 在激活前的值 Z 的每个元素处的导数：z > 0 时为 1，否则为 0。在没有导数的 0 处，与 PyTorch 一样取 0。返回同样形状"
        "的浮点数。",
    ),
    T("(Z > 0) is True or False; make floats of them.", "(Z > 0) 是 True 或 False；把它变成浮点数。"),
    cases=lambda: [(POINTS,), (normal(1, 3, 4),), (np.array([0.0, -0.0, 1e-300, -1e-300]),)],
    many=lambda n: (normal(2, n, 3),),
    mistakes=(
        mistake(
            "at 0 yours is 1: take z > 0 in place of z >= 0; PyTorch's ReLU has the derivative 0 there",
            "在 0 处你的结果是 1：应用 z > 0 而不是 z >= 0；PyTorch 的 ReLU 在那里导数为 0",
            lambda Z: (Z >= 0).astype(float),
        ),
        mistake(
            "at 0 yours is 1/2: take 0 there, as PyTorch does",
            "在 0 处你的结果是 1/2：应与 PyTorch 一样取 0",
            lambda Z: np.heaviside(Z, 0.5),
        ),
        mistake(
            "this is ReLU itself: its derivative is 1 where Z > 0 and 0 elsewhere, (Z > 0).astype(float)",
            "这是 ReLU 本身：它的导数在 Z > 0 处为 1，其余为 0，(Z > 0).astype(float)",
            lambda Z: np.maximum(Z, 0),
        ),
        mistake(
            "negative numbers give -1: there ReLU is flat, its derivative 0 (np.sign is the derivative of abs)",
            "负数处得到 -1：那里 ReLU 是平的，导数为 0（np.sign 是绝对值的导数）",
            np.sign,
        ),
    ),
)
def relu_derivative(Z: Array) -> Array:
    return (Z > 0).astype(float)


def _sigma(z: Any) -> Any:
    return np.where(z >= 0, 1 / (1 + np.exp(-np.abs(z))), np.exp(-np.abs(z)) / (1 + np.exp(-np.abs(z))))


@exercise(
    "sigmoid",
    T(
        "The sigmoid of each entry: 1 / (1 + exp(-z)). Z has any shape; it must be finite and right for 1000 and -1000 too, "
        "and for -700 to 7 digits (it is 9.86e-305 there).",
        "对每个元素做 sigmoid：1 / (1 + exp(-z))。Z 可以是任意形状；对 1000 和 -1000 也要有限且正确，在 -700 处要有 7 位有效"
        "数字（那里是 9.86e-305）。",
    ),
    T(
        "exp of a large negative number is 0 without harm; exp of a large positive one is infinite.",
        "很负的数的 exp 是 0，没有问题；很大的数的 exp 是无穷大。",
    ),
    cases=lambda: [
        (POINTS,),
        (normal(1, 3, 4),),
        (np.array([1000.0, 30.0, 0.0]),),
        (np.array([-700.0]),),
        (np.array([-1000.0]),),
    ],
    many=lambda n: (normal(2, n, 3),),
    mistakes=(
        mistake(
            "exp(z) / (1 + exp(z)) is inf/inf = nan for large z: 1 / (1 + exp(-z)) is not",
            "z 很大时 exp(z) / (1 + exp(z)) 是 inf/inf = nan；1 / (1 + exp(-z)) 则不会",
            lambda Z: np.exp(Z) / (1 + np.exp(Z)),
        ),
        mistake(
            "the sign in the exponent is missing: 1 / (1 + exp(-z)), which rises from 0 to 1",
            "指数里缺少负号：1 / (1 + exp(-z))，它从 0 升到 1",
            lambda Z: 1 / (1 + np.exp(Z)),
        ),
        mistake(
            "this is tanh, from -1 to 1: the sigmoid goes from 0 to 1, 1 / (1 + exp(-z))",
            "这是 tanh，从 -1 到 1：sigmoid 从 0 到 1，1 / (1 + exp(-z))",
            np.tanh,
        ),
        mistake(
            "this is the derivative, s (1 - s): return s",
            "这是导数 s (1 - s)：应返回 s",
            lambda Z: _sigma(Z) * (1 - _sigma(Z)),
        ),
    ),
)
def sigmoid(Z: Array) -> Array:
    return 1 / (1 + np.exp(-Z))


@exercise(
    "sigmoid-derivative",
    T(
        "The derivative of the sigmoid at each entry of the pre-activation Z: s (1 - s) with s = sigmoid(z). It is 1/4 at 0 "
        "and vanishes to both sides, right to 7 digits at -50 and 50 (1.9e-22).",
        "sigmoid 在激活前的值 Z 的每个元素处的导数：s (1 - s)，s = sigmoid(z)。在 0 处为 1/4，向两侧消失，在 -50 和 50 处要有"
        " 7 位有效数字（1.9e-22）。",
    ),
    T("1 - sigmoid(z) = sigmoid(-z), which keeps its digits.", "1 - sigmoid(z) = sigmoid(-z)，后者不会损失位数。"),
    cases=lambda: [(POINTS,), (normal(1, 3, 4),), (np.array([50.0]),), (np.array([-50.0]),)],
    kind="gradient",
    numeric=lambda Z: (_sigma(Z + 1e-5) - _sigma(Z - 1e-5)) / 2e-5 if np.abs(Z).max() < 10 else _sigma(Z) * _sigma(-Z),
    mistakes=(
        mistake(
            "z (1 - z) is of the pre-activation itself: first s = sigmoid(z), then s (1 - s)",
            "z (1 - z) 用了激活前的值本身：先算 s = sigmoid(z)，再算 s (1 - s)",
            lambda Z: Z * (1 - Z),
        ),
        mistake(
            "this is the sigmoid itself: its derivative is s (1 - s)",
            "这是 sigmoid 本身：导数是 s (1 - s)",
            _sigma,
        ),
        mistake(
            "right near 0; at 50 the digits are gone, since 1 - s is 0 there: sigmoid(z) * sigmoid(-z)",
            "在 0 附近正确；在 50 处位数损失，因为那里 1 - s 为 0：sigmoid(z) * sigmoid(-z)",
            lambda Z: _sigma(Z) * (1 - _sigma(Z)),
            lambda runs: [run.right for run in runs] == [True, True, False, True],
        ),
        mistake(
            "this is the derivative of tanh, 1 - tanh(z)^2: the sigmoid's is s (1 - s)",
            "这是 tanh 的导数 1 - tanh(z)^2：sigmoid 的是 s (1 - s)",
            lambda Z: 1 - np.tanh(Z) ** 2,
        ),
    ),
)  # fmt: skip
def sigmoid_derivative(Z: Array) -> Array:
    def s(z: Array) -> Array:
        return 1 / (1 + np.exp(-z))

    return s(Z) * s(-Z)


def _mlp_case(seed: int, n: int, widths: tuple[int, int, int]) -> Case:
    d, h, q = widths
    return normal(seed, n, d), normal(seed + 1, d, h), normal(seed + 2, h), normal(seed + 3, h, q), normal(seed + 4, q)


@exercise(
    "hidden-layer",
    T(
        "The outputs of a multilayer perceptron with one hidden layer: H = relu(X W_h + b_h), O = H W_o + b_o. X is (n, d), "
        "W_h is (d, h), b_h is (h,), W_o is (h, q), b_o is (q,); return O, (n, q). No loop over the samples.",
        "有一个隐藏层的多层感知机的输出：H = relu(X W_h + b_h)，O = H W_o + b_o。X 是 (n, d)，W_h 是 (d, h)，b_h 是 (h,)，"
        "W_o 是 (h, q)，b_o 是 (q,)；返回 O，(n, q)。不要对样本循环。",
    ),
    T("Two affine maps with np.maximum(..., 0) between them.", "两个仿射变换，中间是 np.maximum(..., 0)。"),
    cases=lambda: [_mlp_case(1, 2, (4, 5, 3)), _mlp_case(2, 6, (3, 3, 3)), _mlp_case(3, 5, (2, 8, 1))],
    samples="X",
    many=lambda n: _mlp_case(4, n, (4, 5, 3)),
    mistakes=(
        mistake(
            "the activation is missing: without relu the two layers are one, X (W_h W_o) + ...",
            "缺少激活函数：没有 relu，两层就等于一层，X (W_h W_o) + ...",
            lambda X, W_h, b_h, W_o, b_o: (X @ W_h + b_h) @ W_o + b_o,
        ),
        mistake(
            "relu stands after the output layer too: outputs may be negative, leave it out there",
            "输出层之后也加了 relu：输出可以为负，请去掉",
            lambda X, W_h, b_h, W_o, b_o: np.maximum(np.maximum(X @ W_h + b_h, 0) @ W_o + b_o, 0),
        ),
        mistake(
            "relu stands after the output layer: put it between the layers, H = relu(X W_h + b_h), O = H W_o + b_o",
            "relu 放在了输出层之后：应放在两层之间，H = relu(X W_h + b_h)，O = H W_o + b_o",
            lambda X, W_h, b_h, W_o, b_o: np.maximum((X @ W_h + b_h) @ W_o + b_o, 0),
        ),
        mistake(
            "the hidden bias is added after relu: H = relu(X W_h + b_h)",
            "隐藏层的偏置加在了 relu 之后：H = relu(X W_h + b_h)",
            lambda X, W_h, b_h, W_o, b_o: (np.maximum(X @ W_h, 0) + b_h) @ W_o + b_o,
        ),
        mistake(
            "the hidden layer's bias is missing: H = relu(X W_h + b_h)",
            "缺少隐藏层的偏置：H = relu(X W_h + b_h)",
            lambda X, W_h, b_h, W_o, b_o: np.maximum(X @ W_h, 0) @ W_o + b_o,
        ),
        mistake(
            "the hidden layer has another activation: this exercise takes relu, np.maximum(..., 0)",
            "隐藏层用了别的激活函数：本练习用 relu，np.maximum(..., 0)",
            lambda X, W_h, b_h, W_o, b_o: _sigma(X @ W_h + b_h) @ W_o + b_o,
            lambda runs: any(_same_with(runs, f) for f in (_sigma, np.tanh)),
        ),
        mistake(
            "these are probabilities: return the outputs, without softmax",
            "这是概率：应返回输出，不做 softmax",
            lambda X, W_h, b_h, W_o, b_o: _rows(np.maximum(X @ W_h + b_h, 0) @ W_o + b_o),
        ),
    ),
)
def mlp_outputs(X: Array, W_h: Array, b_h: Array, W_o: Array, b_o: Array) -> Array:
    H = np.maximum(X @ W_h + b_h, 0)  # (n, h)
    return H @ W_o + b_o  # (n, q)


def _rows(O: Array) -> Array:
    E = np.exp(O - O.max(axis=1, keepdims=True))
    return E / E.sum(axis=1, keepdims=True)


def _same_with(runs: Any, activation: Any) -> bool:
    for run in runs:
        X, W_h, b_h, W_o, b_o = run.case
        wanted = activation(X @ W_h + b_h) @ W_o + b_o
        if run.failure or np.shape(run.got) != wanted.shape or not np.allclose(run.got, wanted):
            return False
    return True


@exercise(
    "one-layer",
    T(
        "Without an activation, O = (X W_h + b_h) W_o + b_o is a single layer O = X W + b. Return its W, (d, q), and b, (q,), "
        "from W_h, (d, h), b_h, (h,), W_o, (h, q), and b_o, (q,).",
        "没有激活函数时，O = (X W_h + b_h) W_o + b_o 就是一个单层 O = X W + b。由 W_h，(d, h)，b_h，(h,)，W_o，(h, q)，和 "
        "b_o，(q,)，返回它的 W，(d, q)，和 b，(q,)。",
    ),
    T("Multiply out: X (W_h W_o) + (b_h W_o + b_o).", "展开：X (W_h W_o) + (b_h W_o + b_o)。"),
    cases=lambda: [_mlp_case(1, 1, (4, 5, 3))[1:], _mlp_case(2, 1, (3, 3, 3))[1:], _mlp_case(3, 1, (2, 6, 1))[1:]],
    returns=("W", "b"),
    mistakes=(
        mistake(
            "b is b_o alone: the hidden bias goes through the second layer too, b_h @ W_o + b_o",
            "b 只取了 b_o：隐藏层的偏置也会经过第二层，b_h @ W_o + b_o",
            lambda W_h, b_h, W_o, b_o: (W_h @ W_o, b_o),
        ),
        mistake(
            "the output bias is missing: b_h @ W_o + b_o",
            "缺少输出层的偏置：b_h @ W_o + b_o",
            lambda W_h, b_h, W_o, b_o: (W_h @ W_o, b_h @ W_o),
        ),
        mistake(
            "the matrices are multiplied in the wrong order: X comes first, so X (W_h W_o)",
            "矩阵乘法的顺序不对：X 在最前，所以是 X (W_h W_o)",
            lambda W_h, b_h, W_o, b_o: (W_o @ W_h, b_h @ W_o + b_o),
        ),
    ),
)
def one_layer(W_h: Array, b_h: Array, W_o: Array, b_o: Array) -> tuple[Array, Array]:
    return W_h @ W_o, b_h @ W_o + b_o


@exercise(
    "parameter-count",
    T(
        "How many parameters has a multilayer perceptron? widths lists the units of all layers, such as [784, 256, 10]; each "
        "layer has weights and one bias for each of its outputs. Return a whole number.",
        "多层感知机有多少个参数？widths 列出各层的单元数，例如 [784, 256, 10]；每层有权重，以及每个输出一个偏置。返回整数。",
    ),
    T("784-256-10 has 784 * 256 + 256 + 256 * 10 + 10 of them.", "784-256-10 有 784 * 256 + 256 + 256 * 10 + 10 个。"),
    cases=lambda: [([4, 5, 3],), ([784, 256, 10],), ([7, 1],), ([3, 8, 8, 8, 2],)],
    mistakes=(
        mistake(
            "the biases are missing: one for each output of a layer",
            "漏掉了偏置：每层的每个输出各有一个",
            lambda widths: sum(a * b for a, b in pairwise(widths)),
        ),
        mistake(
            "the inputs have no biases: a layer's biases are as many as its outputs",
            "输入没有偏置：一层的偏置数等于它的输出数",
            lambda widths: sum(a * b for a, b in pairwise(widths)) + sum(widths),
        ),
        mistake(
            "the biases are counted by the layers' inputs: b has as many entries as the layer has outputs",
            "偏置按各层的输入数计算了：b 的长度应等于该层的输出数",
            lambda widths: sum(a * b + a for a, b in pairwise(widths)),
        ),
        mistake(
            "only one bias is counted for each layer: each output of a layer has one",
            "每层只算了一个偏置：应是每个输出一个",
            lambda widths: sum(a * b + 1 for a, b in pairwise(widths)),
        ),
    ),
)
def parameter_count(widths: list[int]) -> int:
    return sum(a * b + b for a, b in pairwise(widths))


def _chain(z: float, layers: int) -> float:
    slope = 1.0
    for _ in range(layers):
        s = float(_sigma(z))
        slope *= s * (1 - s)
        z = s
    return slope


@exercise(
    "vanishing-derivative",
    T(
        "Why deep networks of sigmoids learn slowly: the derivative of sigmoid(sigmoid(...sigmoid(z))), nested layers times, "
        "with respect to the number z. Return a number.",
        "深层 sigmoid 网络为何学得慢：sigmoid(sigmoid(...sigmoid(z)))（嵌套 layers 层）对数 z 的导数。返回一个数。",
    ),
    T(
        "Chain rule: the product of s (1 - s) at each layer, whose input is the output of the layer before.",
        "链式法则：各层 s (1 - s) 的乘积，每层的输入是前一层的输出。",
    ),
    cases=lambda: [(0.0, 1), (0.5, 2), (-2.0, 5), (1.0, 30)],
    kind="gradient",
    mistakes=(
        mistake(
            "the same derivative at z is taken for each layer: the second layer's input is sigmoid(z), not z",
            "每层都用了 z 处的同一个导数：第二层的输入是 sigmoid(z)，而不是 z",
            lambda z, layers: float((_sigma(z) * (1 - _sigma(z))) ** layers),
        ),
        mistake(
            "the derivatives of the layers are added: the chain rule multiplies them",
            "把各层的导数相加了：链式法则是相乘",
            lambda z, layers: _added(z, layers),
        ),
        mistake(
            "1/4 for each layer is the largest it can be, at z = 0: take each layer's own input",
            "每层 1/4 只是 z = 0 时的最大值：应使用各层自己的输入",
            lambda z, layers: 0.25**layers,
        ),
    ),
)
def chained_derivative(z: float, layers: int) -> float:
    slope = 1.0
    for _ in range(layers):
        s = 1 / (1 + np.exp(-z))
        slope *= s * (1 - s)
        z = s
    return float(slope)


def _added(z: float, layers: int) -> float:
    total = 0.0
    for _ in range(layers):
        s = float(_sigma(z))
        total += s * (1 - s)
        z = s
    return total
