"""A report's own words in Chinese; names and numbers from data stay as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from markupsafe import escape

from twofold.inspect.tracing.chinese import LOSSES
from twofold.language import Phrases
from twofold.report.blocks import Block, Drawing, Facts, Fold, Headline, Listing, Section, Words

PATTERNS: tuple[tuple[str, str], ...] = (
    # sections
    (r"What was trained on what", "模型与数据"),
    (r"Scores", "评分"),
    (r"Training", "训练过程"),
    (r"Predictions", "预测"),
    (r"What was learned", "学到了什么"),
    (r"How to repeat it", "如何重复"),
    (r"In lockstep", "逐步对照"),
    (r"Recipes", "训练设置"),
    (r"Each of them", "各个模型"),
    # scores
    (r"test (.+)", r"测试{1}"),
    (r"training (.+)", r"训练{1}"),
    (r"accuracy", "准确率"),
    (r"loss", "损失"),
    (r"mean loss \((.+)\)", r"平均损失（{1}）"),
    (r"mean loss, (.+) less (.+)", r"平均损失之差，\1 减 \2"),
    (r"mean squared error, (.+) less (.+)", r"均方误差之差，\1 减 \2"),
    (r"R2", "决定系数 R2"),
    (r"RMSE", "均方根误差"),
    (r"MAE|mean absolute error", "平均绝对误差"),
    (r"log-likelihood", "对数似然"),
    (r"(R2|RMSE|MAE) of output (\d+)", r"输出 \2 的{1}"),
    (r"all labels right|exact match", "标签全对的比例"),
    (r"accuracy of always the commonest class", "总猜最常见类别的准确率"),
    (r"RMSE of always the training mean", "总猜训练集均值的均方根误差"),
    (r"RMSE of always the mean of these rows", "总猜这些行均值的均方根误差"),
    (r"only (.+) is right", r"只有 \1 正确"),
    (r"exact McNemar test", "精确 McNemar 检验"),
    (r"95 % interval (.+)", r"95% 区间 {1}"),
    (r"95 % interval", "95% 区间"),
    (r"(-?[\d.e+-]+|nan|-?inf) to (-?[\d.e+-]+|nan|-?inf)", r"\1 至 \2"),
    (r"(\S+) \((-?[\d.e+-]+) to (-?[\d.e+-]+)\)", r"\1（\2 至 \3）"),
    (r"Student, with one right and one wrong more", "Student，另加一对一错"),
    (r"no R2: all targets are alike", "没有 R2：所有目标值都相同"),
    (r"one row has no spread", "一行没有离散程度"),
    (r"On the test set, (\d+) samples?", r"测试集，\1 个样本"),
    (r"On the test set, (\d+) samples?, in units of (.+)", r"测试集，\1 个样本，单位：\2"),
    (r"On the training set \(there is no test set\), (\d+) samples?", r"训练集（没有测试集），\1 个样本"),
    (
        r"On the training set \(there is no test set\), (\d+) samples?, in units of (.+)",
        r"训练集（没有测试集），\1 个样本，单位：\2",
    ),
    (r"On the rows of (.+), (\d+) samples?", r"\1 的各行，\2 个样本"),
    (r"On the rows of (.+), (\d+) samples?, in units of (.+)", r"\1 的各行，\2 个样本，单位：\3"),
    (r"Of each class; the interval is Wilson's, of the recall", "每个类别；区间是召回率的 Wilson 区间"),
    (r"The first (\d+) of (\d+) classes are listed\.", r"只列出 \2 个类别中的前 \1 个。"),
    (r"score", "评分"),
    (r"value", "值"),
    (r"by", "方法"),
    (r"class", "类别"),
    (r"samples", "样本"),
    (r"recall", "召回率"),
    (r"precision", "精确率"),
    # what was trained
    (r"network", "网络"),
    (r"([\d-]+), (\d+) parameters", r"\1，\2 个参数"),
    (r"([\d-]+), (\d+) parameters, (.+) between the layers", r"\1，\2 个参数，层间为 \3"),
    (
        r"([\d-]+), (\d+) parameters, (.+) between the layers, batch normalisation",
        r"\1，\2 个参数，层间为 \3，批量规范化",
    ),
    (
        r"([\d-]+), (\d+) parameters, (.+) between the layers, layer normalisation",
        r"\1，\2 个参数，层间为 \3，层规范化",
    ),
    (r"data", "数据"),
    (
        r"(.+): (\d+) training samples? of (.+?) (\w+), (\d+) test samples?",
        r"\1：\2 个训练样本，每个 \3（\4），\5 个测试样本",
    ),
    (r"(.+): (\d+) training samples? of (.+?) (\w+), no test set", r"\1：\2 个训练样本，每个 \3（\4），没有测试集"),
    (r"(.+): (\d+) rows? to judge by, (.+?) features?", r"\1：用来评判的 \2 行，\3 个特征"),
    (r"classes", "类别"),
    (r"features", "特征"),
    (r"columns", "列"),
    (r"predicted", "预测"),
    (r"scaling", "缩放"),
    (r"standardised for training; scores are in the data's own units", "训练时已标准化；评分用数据原来的单位"),
    (r"dropout", "丢弃率"),
    (r"first weights", "初始权重"),
    (r"(.+), sigma (\S+), seed (\d+)", r"\1，sigma 为 \2，随机种子 \3"),
    (r"(\w+), seed (\d+)", r"\1，随机种子 \2"),
    (r"data hash", "数据的哈希值"),
    (r"(\w+) \(SHA-256 of the training set\)", r"\1（训练集的 SHA-256）"),
    (r"(\w+) \(SHA-256 of the training set of (.+)\)", r"\1（\2 的训练集的 SHA-256）"),
    (
        r"The model was trained on other data than these, with the hash (\w+)\.",
        r"模型是用另外的数据训练的，其哈希值为 \1。",
    ),
    # training
    (r"Every epoch", "每个轮次"),
    (r"(\d+) of (\d+) epochs", r"\2 个轮次中的 \1 个"),
    (r"epoch", "轮次"),
    (r"train accuracy", "训练准确率"),
    (r"validation loss", "验证损失"),
    (r"validation accuracy", "验证准确率"),
    (r"learning rate", "学习率"),
    (r"seconds", "秒"),
    (r"epochs", "轮数"),
    (r"batch size", "批量大小"),
    (r"even batches", "均匀的批量"),
    (r"shuffle", "打乱"),
    (r"optimizer", "优化器"),
    (r"momentum", "动量"),
    (r"window", "窗口"),
    (r"slices", "切片数"),
    (r"weight decay", "权重衰减"),
    (r"l1", "L1 惩罚"),
    (r"clip norm", "梯度裁剪"),
    (r"label smoothing", "标签平滑"),
    (r"ema decay", "权重的指数移动平均"),
    (r"schedule", "学习率调度"),
    (r"warmup epochs", "预热轮数"),
    (r"decay epochs", "衰减间隔（轮次）"),
    (r"decay factor", "衰减因子"),
    (r"decay rate", "衰减率"),
    (r"seed", "随机种子"),
    (r"yes", "是"),
    (r"no", "否"),
    (r"none", "无"),
    (r"constant", "恒定"),
    (r"engine", "引擎"),
    (r"numbers", "数值类型"),
    (r"time of the steps", "各步用时"),
    (r"([\d.e+-]+) s", r"\1 秒"),
    (r"machine", "机器"),
    (r"threads", "线程"),
    (r"device", "设备"),
    (r"exact hash", "精确哈希值"),
    # what was learned
    (r"In the network's own numbers", "网络内部的数值"),
    (r"array", "数组"),
    (r"shape", "形状"),
    (r"mean", "均值"),
    (r"deviation", "标准差"),
    (r"smallest", "最小"),
    (r"largest", "最大"),
    (r"(\w+) of layer (\d+)", r"第 \2 层的 \1"),
    (r"Each of them; places are counted from 0", "每个参数；位置从 0 数起"),
    (r"parameter", "参数"),
    (r"SHA-256 of the parameters", "参数的 SHA-256"),
    (
        r"This model beside the exact solution and its 95 % intervals, in the data's own units",
        "本模型与解析解及其 95% 区间，用数据原来的单位",
    ),
    (
        r"Only (\d+) of (\d+) columns are independent; many solutions are exact\.",
        r"\2 列中只有 \1 列线性无关；精确解有很多个。",
    ),
    (r"coefficient", "系数"),
    (r"model", "模型"),
    (r"exact", "解析解"),
    (r"from", "从"),
    (r"to", "到"),
    (r"standard error", "标准误"),
    (r"intercept", "截距"),
    # in lockstep
    (r"Largest difference of a parameter: (\S+) of the largest parameter\.", r"参数的最大差：最大参数的 \1。"),
    (r"After each epoch", "每个轮次之后"),
    (r"first loss", "第一个的损失"),
    (r"second loss", "第二个的损失"),
    (r"difference of parameters", "参数之差"),
    (r"difference of losses", "损失之差"),
    # pictures
    (r"Mean loss over the epochs", "各轮次的平均损失"),
    (r"Accuracy over the epochs", "各轮次的准确率"),
    (r"Which class was taken for which", "哪个类别被认成了哪个"),
    (r"How often it is right, over how sure it is", "有多确信时有多常正确"),
    (
        r"The first samples and what was predicted; where that is wrong, the true class below",
        "最前的样本及其预测；预测错误时，下面是真实类别",
    ),
    (r"The mistakes that it was surest of", "最确信的错误"),
    (r"The network, ([\d-]+)", r"网络，\1"),
    (
        r"The weights of each class as images: warm positive, cool negative",
        "每个类别的权重画成图像：暖色为正，冷色为负",
    ),
    (
        r"The weights of units of the first layer as images: warm positive, cool negative",
        "第一层单元的权重画成图像：暖色为正，冷色为负",
    ),
    (r"Residuals, actual minus predicted, over the predicted values", "残差（真实值减预测值）与预测值"),
    (r"The exact solution's coefficients, with 95 % intervals", "解析解的系数及其 95% 区间"),
)
PHRASES = Phrases((*PATTERNS, *LOSSES))
OURS = {"score", "array"}  # first columns whose cells are our own words; those of others are names from data
TITLES = Phrases(
    (
        (r"(.+) on (.+): (.+) and (.+)", r"\1，数据 \2：\3 与 \4"),
        (r"(.+) and (.+) on (.+)", r"\1 与 \2，数据 \3"),
        (r"(.+) on (.+)", r"\1，数据 \2"),
    )
)


def chinese_section(section: Section) -> Section:
    """Return a section in Chinese."""
    return Section(PHRASES.translate(section.title), tuple(map(_block, section.blocks)))


def chinese_headlines(headlines: Sequence[Headline]) -> list[Headline]:
    """Return headlines in Chinese; a run's name in front stays."""
    return [Headline(_named(each.name), each.number, PHRASES.translate(each.below)) for each in headlines]


def _named(text: str) -> str:
    """Translate a score, in front of which the name of a run may stand."""
    run, colon, score = text.rpartition(": ")
    return f"{run}：{PHRASES.translate(score)}" if colon else PHRASES.translate(text)


def _block(block: Block) -> Block:
    if isinstance(block, Words):
        return block if block.kind == "code" else Words(PHRASES.translate(block.text))
    if isinstance(block, Facts):
        return Facts(tuple((PHRASES.translate(name), _value(name, value)) for name, value in block.rows))
    if isinstance(block, Listing):
        return _listing(block)
    if isinstance(block, Fold):
        return Fold(block.summary, tuple(map(_block, block.blocks)))
    return _drawing(block)


def _value(name: str, value: str) -> str:
    return value if name in {"classes", "features", "columns", "predicted"} else PHRASES.translate(value)


def _drawing(block: Drawing) -> Drawing:
    caption = PHRASES.translate(block.caption)
    label, told = (f'aria-label="{escape(text)}"' for text in (block.caption, caption))
    return replace(block, caption=caption, svg=block.svg.replace(label, told))


def _listing(block: Listing) -> Listing:
    first = block.columns[0]
    recipes = first == ""  # whose other columns are named as runs are
    rows = []
    for name, *cells in block.rows:
        told = _named(name) if first in OURS else PHRASES.translate(name) if recipes or name == "intercept" else name
        rows.append((told, *(PHRASES.translate(cell) if isinstance(cell, str) else cell for cell in cells)))
    columns = block.columns if recipes else tuple(map(PHRASES.translate, block.columns))
    return Listing(PHRASES.translate(block.caption), columns, tuple(rows))
