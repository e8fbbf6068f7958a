"""The words of a trace in Chinese, by their English; what varies, such as names and numbers, is kept."""

from __future__ import annotations

from twofold.language import Phrases

# Each whole text that a trace may hold; see Phrases.
PATTERNS: tuple[tuple[str, str], ...] = (
    # titles
    (r"In the data's own units", "数据自己的单位"),
    (r"The prediction in the data's own units", "预测值，用数据自己的单位"),
    (
        r"All that follows is computed with standardised numbers: mean 0 and standard deviation 1 on the "
        r"training set\.",
        "以下全部用标准化后的数计算：在训练集上均值为 0，标准差为 1。",
    ),
    (r"The sample", "样本"),
    (r"The (\d+) samples", r"\1 个样本"),
    (r"Weights and bias", "权重和偏置"),
    (r"Weights and bias of layer (\d+)", r"第 \1 层的权重和偏置"),
    (r"Learning rate", "学习率"),
    (r"Outputs", "输出"),
    (r"Hidden layer (\d+)", r"第 \1 个隐藏层"),
    (r"Activation (\S+)", r"激活函数 \1"),
    (r"Mean and variance over the samples", "对样本求均值和方差"),
    (r"Mean and variance over the units", "对单元求均值和方差"),
    (r"Normalised", "规范化"),
    (r"Scaled and moved", "缩放和平移"),
    (r"Largest output", "最大的输出"),
    (r"Outputs less the largest", "输出减去最大值"),
    (r"Exponentials", "指数"),
    (r"Their sum", "指数之和"),
    (r"Probabilities", "概率"),
    (r"Predicted means", "预测的均值"),
    (r"Loss (.+) of each sample", r"每个样本的损失：{1}"),
    (r"Mean loss", "平均损失"),
    (r"Loss", "损失"),
    (r"Loss (.+)", r"损失：{1}"),
    (r"Slope at the outputs", "输出处的梯度"),
    (r"Gradient of (\S+)", r"\1 的梯度"),
    (r"Down to (\S+)", r"传到 \1"),
    (r"Through the activation (\S+)", r"通过激活函数 \1"),
    (r"Through the scale", "通过缩放"),
    (r"Through the normalisation", "通过规范化"),
    (r"New (\S+)", r"新的 \1"),
    (r"The loss after the step", "更新之后的损失"),
    (r"The same gradient from autograd", "自动求导得到的同一梯度"),
    (r"The same gradient from central differences", "中心差分得到的同一梯度"),
    (r"The affine map in force at this sample", "在该样本处起作用的仿射变换"),
    # notes
    (r"It changes no probability and keeps exp from overflowing\.", "它不改变概率，并使 exp 不溢出。"),
    (r"(\d+) of (\d+) units are 0\.", r"\2 个单元中有 \1 个为 0。"),
    (r"Here, and nowhere else, the mean's 1/n enters\.", "平均的 1/n 只在这里出现一次。"),
    (r"Prediction of the first sample (argmax.*)\.", r"第一个样本的预测类别 \1。"),
    (r"Prediction (argmax.*)\.", r"预测类别 \1。"),
    (
        r"Mean and variance depend on every number that they are taken of; these are their shares\.",
        "均值和方差依赖于参与计算的每个数；这里已计入它们的贡献。",
    ),
    (
        r"Not compared: PyTorch is not installed \(pip install 'twofold\[torch\]'\)\.",
        "未比较：没有安装 PyTorch（pip install 'twofold[torch]'）。",
    ),
    (
        r"Checked: all (\d+) entries; largest relative error (\S+) at (.+): (passed|FAILED) \(tolerance (\S+)\)\.",
        r"已检验全部 \1 个元素；最大相对误差 \2，在 {3}：{4}（容差 \5）。",
    ),
    (
        r"Checked: (\d+) entries and one direction through all of them; largest relative error (\S+) at (.+): "
        r"(passed|FAILED) \(tolerance (\S+)\)\.",
        r"已检验 \1 个元素和一个穿过所有元素的方向；最大相对误差 \2，在 {3}：{4}（容差 \5）。",
    ),
    (
        r"Exact: (.+) hidden units are on, and there is no boundary\. What makes output (.+):",
        r"精确成立：{1}，没有边界。输出 \2 的组成：",
    ),
    (
        r"Exact: (.+) hidden units are on, and it holds wherever x moves by less than (\S+), where unit (\d+) of "
        r"hidden layer (\d+) changes sides\. What makes output (.+):",
        r"精确成立：{1}；只要 x 的移动小于 \2 就成立，到那里第 \4 个隐藏层的单元 \3 改变状态。"
        r"输出 \5 的组成：",
    ),
    (r"(\d+) of (\d+)", r"\2 个隐藏单元中有 \1 个打开"),  # of each layer
    (r"(.+) \+ (\d+ of \d+)", "{1}，{2}"),
    # tables
    (r"array", "数组"),
    (r"largest entry by hand", "手算的最大元素"),
    (r"largest difference to autograd", "与自动求导的最大差"),
    (r"entry", "元素"),
    (r"by hand", "手算"),
    (r"autograd", "自动求导"),
    (r"central differences", "中心差分"),
    (r"hand - differences", "手算 - 差分"),
    (r"a random direction", "一个随机方向"),
    (r"feature", "特征"),
    (r"weight", "权重"),
    (r"x times weight", "x 乘权重"),
    (r"all others", "其余全部"),
    (r"bias", "偏置"),
    (r"sum", "和"),
    (r"passed", "通过"),
    (r"FAILED", "未通过"),
    # where samples are from
    (r"(.*), train samples? (.*)", r"\1，训练样本 \2"),
    (r"(.*), test samples? (.*)", r"\1，测试样本 \2"),
    (r"(.*), samples? (.*)", r"\1，样本 \2"),
)  # fmt: skip
LOSSES: tuple[tuple[str, str], ...] = (
    (r"cross entropy", "交叉熵"),
    (r"squared", "平方损失"),
    (r"softmax squared", "对 softmax 概率的平方损失"),
    (r"sigmoid cross entropy", "sigmoid 交叉熵"),
    (r"absolute", "绝对误差"),
    (r"huber", "Huber 损失"),
    (r"quantile", "分位数损失"),
    (r"quantile:(.+)", r"分位数损失 \1"),
    (r"poisson", "泊松损失"),
    (r"gamma", "伽马损失"),
)
PHRASES = Phrases((*PATTERNS, *LOSSES))


def chinese(text: str) -> str:
    """Return a text of a trace in Chinese; what isn't one of its texts, such as the name of a feature, stays.

    Examples
    --------
    >>> chinese("Gradient of W1"), chinese("area")
    ('W1 的梯度', 'area')
    """
    return PHRASES.translate(text)


def chinese_cell(cell: object) -> object:
    """Return a table's cell in Chinese if it is a word of ours; names from data stay, whatever they are."""
    return chinese(cell) if isinstance(cell, str) and cell in CELLS else cell


def chinese_shapes(shapes: str) -> str:
    """Return shapes with the words between them in Chinese.

    Examples
    --------
    >>> chinese_shapes("(1,) from (1, 3) and (1, 3)")
    '(1,) 由 (1, 3) 和 (1, 3)'
    """
    for english, words in SHAPE_WORDS.items():
        shapes = shapes.replace(english, words)
    return shapes


SHAPE_WORDS = {
    " from ": " 由 ",
    " and ": " 和 ",
    "means over the samples": "对样本求平均",
    "means over the units": "对单元求平均",
}
CELLS = {"a random direction", "all others", "bias", "sum"}
