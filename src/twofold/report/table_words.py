"""The words of a table's report, in English and Chinese; names and cells from the table stay as they are."""

from __future__ import annotations

import math

from twofold.language import Phrases, Text
from twofold.pages.numbers import readable

TITLE = Text("{target}, predicted from {data}", "{target}：由 {data} 预测")

# headings
WHAT = Text("What was predicted from what", "由什么预测什么")
HOW_GOOD = Text("How good it is", "效果如何")
MATTERS = Text("What matters", "什么重要")
WORST = Text("The rows missed worst", "错得最多的行")
TRAINING = Text("Training", "训练过程")
LEARNED = Text("What was learned", "学到了什么")
REPEAT = Text("How to repeat it", "如何重复")

# what was predicted from what
PREDICTED = Text("predicted", "预测目标")
CLASSES = Text("{target}: {classes}", "{target}：{classes}")
MORE_CLASSES = Text("{classes} and {n} more", "{classes} 等，另有 {n} 类")
NUMBERS = Text("{target}, a number", "{target}，数值")
UNIT = Text("{target}, a number in {unit}", "{target}，数值，单位 {unit}")
ROWS = Text("rows", "行数")
TRAINED = Text("{n} trained", "{n} 行用于训练")
CHOSE = Text("{n} chose the epoch", "{n} 行用于选轮次")
TESTED = Text("{n} held out to test", "{n} 行留作测试")
JUDGED = Text("{n} to judge by", "{n} 行用来评判")
UNKNOWN = Text("{n} of a class unknown to it, wrong in the accuracy", "{n} 行属于模型未知的类别，在准确率中算错")
WITHOUT = Text("{n} left out, without a target", "{n} 行没有目标值，未用")
COLUMNS = Text("columns", "列")
USED = Text("{n} used, which become {features} features", "用了 {n} 列，变成 {features} 个特征")
LEFT_OUT = Text("{n} left out", "{n} 列未用")
MODEL = Text("model", "模型")
ONE = Text("a network of {hidden} hidden units", "一个网络，{hidden} 个隐藏单元")
PLAIN = Text("a linear model", "线性模型")
SOLVED = Text("linear regression, by least squares, solved exactly", "线性回归，最小二乘的解析解")
MEAN_OF = Text(
    "the mean of {n} networks, each trained without another part of the rows, merged into one",
    "{n} 个网络的平均，每个网络训练时留出不同的一部分行，合并为一个",
)
AND_LINEAR = Text("{model}, and a linear model times {weight}", "{model}，再加线性模型的 {weight} 倍")
READ = Text("How cells were read: {n}", "单元格的读法：{n} 条说明")
WHAT_BECAME = Text("What became of the columns", "每一列变成了什么")
ALL_COLUMNS = Text("All {n} columns and what became of them", "全部 {n} 列，及其变成了什么")
COLUMN_HEADS = (
    Text("column", "列"),
    Text("what became of it", "变成了什么"),
    Text("missing", "缺失"),
)

# how good it is
TEST = Text("test {score}", "测试{score}")
ON_TRAINING = Text("training {score}", "训练{score}")
RESIDUALS = Text("Actual less predicted, over the predicted values", "真实值减预测值，对预测值")
ON_TEST = Text("On the test set, {n} rows that were not trained on", "测试集，{n} 行，均未参与训练")
ON_TRAINED = Text("On the {n} rows that it was trained on", "训练所用的 {n} 行")
ON_ROWS = Text("On the rows of {data}, {n} in all", "{data} 的各行，共 {n} 行")
NOT_HELD_OUT = Text(
    "No row was held out (--test-fraction 0), so what it is worth on new rows isn't known: on the rows that it was "
    "trained on a model scores better than on others. To hold some out: --test-fraction 0.2",
    "没有留出测试行（--test-fraction 0），因此不知道对新行效果如何：在训练过的行上，评分总比在其他行上好。"
    "留出一部分：--test-fraction 0.2",
)
SOME = Text(
    "What follows, pictures and rows, is of {n} rows, evenly spread over the {every}.",
    "以下的图和行取自 {every} 行中均匀分布的 {n} 行。",
)
SIMPLER = Text(
    "The linear model scores no worse than the network here: the simpler model is the better choice.",
    "线性模型在这里不比网络差：更简单的模型是更好的选择。",
)
RARE = Text(
    "{n} of {rows} rows are {rare}: to say {common} of every row is right in {right}, so accuracy tells little; look "
    "at ROC-AUC, average precision and the confusion matrix.",
    "{rows} 行中只有 {n} 行是 {rare}：对每行都说 {common} 就有 {right} 正确，所以准确率说明不了什么；"
    "请看 ROC-AUC、平均精确率和混淆矩阵。",
)
ACTUAL = Text("Actual over predicted values, one dot a row", "真实值与预测值，每行一个点")
MODELS = Text("model, with 95 % intervals", "模型，括注 95% 区间")

# what matters
IMPORTANCE = Text(
    "How much worse {score} is if a column's cells are shuffled among the rows; 95 % intervals",
    "把一列的单元格在各行间打乱后，{score}变差多少；附 95% 区间",
)
DEPENDENCE = Text(
    "What is predicted on average if all rows had the same {column}",
    "假如所有行的 {column} 都相同，平均预测是多少",
)
IMPORTANCE_HEADS = (Text("column", "列"), Text("{score} worse by", "{score} 变差"), Text("95 % interval", "95% 区间"))
IN_NUMBERS = Text("In numbers", "具体数值")
TOO_WIDE = Text(
    "To shuffle each of so many columns takes longer than a report may; twofold plot importance does it.",
    "列太多，逐列打乱所需时间超过一份报告的限度；可用 twofold plot importance。",
)
SHARED = Text(
    "Columns that say much the same can stand in for each other: each then counts for less than both together.",
    "内容相近的列可以互相代替：此时每一列单独看都显得不如合起来重要。",
)

# rows
WORST_CAPTION = Text(
    "Rows that were not trained on, counted from 0 below the line of names", "均未参与训练；行号从表头之下的 0 数起"
)
WORST_TRAINED = Text(
    "Rows that it was trained on, counted from 0 below the line of names", "训练所用的行；行号从表头之下的 0 数起"
)
WORST_PACKED = Text("Rows of the packed test set, counted from 0", "打包表的测试集的行；行号从 0 数起")
WORST_ROWS_OF = Text("Rows of {data}, counted from 0 below the line of names", "{data} 的行；行号从表头之下的 0 数起")
UNSURE = Text("The rows of which it was least sure", "最没有把握的行")
NONE_WRONG = Text("No row is wrong.", "没有一行出错。")
ROW = Text("row", "行号")
ACTUAL_HEAD = Text("actual", "真实")
PREDICTED_HEAD = Text("predicted", "预测")
ERROR = Text("error", "误差")
SURE = Text("p(predicted)", "p(预测)")
OF_ACTUAL = Text("p(actual)", "p(真实)")

# what was learned
INTERCEPT = Text("intercept", "截距")
MISSING = Text("{column} missing", "{column} 缺失")
GROWS = Text(
    "The change of {target} where a column grows by one and the others stay",
    "其他列不变时，某列增加 1，{target} 的变化",
)
AGAINST = Text(
    "The change of {target} where a feature grows by one and the others stay; of a category, from the first one of its "
    "column",
    "其他特征不变时，某特征增加 1，{target} 的变化；类别与该列的第一个类别相比",
)
COEFFICIENT_HEADS = (
    Text("feature", "特征"),
    Text("coefficient", "系数"),
    Text("95 % interval", "95% 区间"),
    Text("standard error", "标准误"),
    Text("p", "p 值"),
)
FOLLOW = Text(
    "Features that follow from the others are left out here, and what they say is in the others' coefficients ({n}): "
    "{features}",
    "由其他特征可以推出的特征在此略去（{n} 个），其作用已计入其他系数：{features}",
)
ALL_COEFFICIENTS = Text("All {n} coefficients", "全部 {n} 个系数")
SIGMA = Text("standard error of the residuals", "残差标准误")
ADJUSTED = Text("adjusted R2", "调整后的 R2")
DF = Text("degrees of freedom", "自由度")
LEFT_OUT = Text("of new rows expect R2 (each row predicted by a fit to the others)", "新数据的预期 R2 (留一法)")
STANDARD = Text(
    "Coefficients times the standard deviations of their features, which makes them comparable; 95 % intervals, hollow "
    "if they hold 0",
    "系数乘以其特征的标准差，便于比较；附 95% 区间，含 0 者为空心",
)
STANDARD_SOME = Text(
    "The {n} coefficients that are clearest of 0, times the standard deviations of their features, which makes them "
    "comparable; 95 % intervals",
    "最明显不为 0 的 {n} 个系数，乘以其特征的标准差，便于比较；附 95% 区间",
)

# training
NETWORK = Text("network {n}", "网络 {n}")
EACH = Text(
    "{what} of each network over its epochs: on the rows that it was trained on (dashed) and on those that it left out",
    "每个网络各轮次的{what}：虚线是训练用的行，实线是留出的行",
)
SINGLE = Text("{what} over the epochs", "各轮次的{what}")
LOSS = Text("Mean loss", "平均损失")
ACCURACY = Text("Accuracy", "准确率")
RMSE_OF = Text("Root mean squared error, in units of {target},", "均方根误差（单位同 {target}）")
RMSE_STANDARD = Text("Root mean squared error of the standardised target", "标准化目标的均方根误差")
KEPT = Text(
    "The weights of the best epoch on the rows left out were kept: {epochs}.",
    "保留的是在留出的行上最好的轮次的权重：{epochs}。",
)
EPOCHS = Text("The epochs of the first network", "第一个网络的各轮次")
ITS_EPOCHS = Text("The epochs", "各轮次")
RECIPE = Text("Network, recipe and versions", "网络、训练设置与版本")
OWN_NUMBERS = Text("The network's own numbers", "网络内部的数值")
MOST = Text("matters most", "最重要的列")
THEN = Text("then {columns}", "其次是 {columns}")
NOT_WORTH = Text("nothing beyond doubt", "没有确定重要的列")
BESIDE = Text("{score} of {model}", "{model}的{score}")

MODEL_NAMES = {
    "always the same": Text("always the same", "总是同一个答案"),
    "linear model": Text("linear model", "线性模型"),
    "network": Text("network", "网络"),
    "softmax regression": Text("softmax regression", "softmax 回归"),
    "linear regression": Text("linear regression", "线性回归"),
}
SCORE_NAMES = {
    "accuracy": Text("accuracy", "准确率"),
    "log loss": Text("log loss", "对数损失"),
    "average precision": Text("average precision", "平均精确率"),
}
KINDS = {
    "number": Text("number", "数值"),
    "category": Text("category", "类别"),
    "boolean": Text("yes or no", "是否"),
    "date": Text("date", "日期"),
    "gaps": Text("gaps alone", "只看有无"),
    "left out": Text("left out", "未用"),
}
# What became of a column, piece by piece between semicolons; reasons why one is left out.
BECAME = Phrases(
    (
        (r"(\S+) to (\S+)", r"\1 至 \2"),
        (r"unit (.+)", r"单位 \1"),
        (r"durations, in seconds", "时长，以秒计"),
        (r"heavy tail, bent like a logarithm", "长尾，取近似对数"),
        (r"missing ones are taken as (\S+)", r"缺失处取 \1"),
        (r"(\d+): (.+)", r"\1 类：\2"),
        (r"rare ones together", "罕见的合为一类"),
        (r"years", "年份"),
        (r"season", "季节"),
        (r"weekday", "星期"),
        (r"clock", "时刻"),
        (r"(years|season|weekday|clock), (.+)", r"{1}、{2}"),
        (r"by the clock of (.+)", r"按 \1 的时钟"),
        (r"constant: every row has (.+)", r"常数：每行都是 \1"),
        (r"it numbers the rows.*", "它是行的编号"),
        (r"free text: (\d+) different values in (\d+) rows", r"自由文本：\2 行中有 \1 个不同的值"),
        (
            r"an identifier or free text: (\d+) cells with something, no two alike",
            r"标识或自由文本：\1 个单元格两两不同",
        ),
        (r"names of which none has (\d+) rows: (.+)", r"名称，没有一个出现在 \1 行中"),
        (r"no value.*", "没有值"),
    )
)
REMARKS = Phrases(
    (
        (
            r"column (.+) has a heavy tail: above about (\S+) its logarithm is predicted, which errs less",
            r"\1 列长尾：约 \2 以上预测其对数，误差更小",
        ),
        (r"read as missing: (.+)", r"读作缺失：\1"),
        (
            r"(\S+) stands apart from all other numbers of (.+); if it is a gap, say so: (\S+) \(in Python (.+)\)",
            r"\1 与 \2 的其他数值相距很远；若它表示缺失，请注明：\3（Python 中为 \4）",
        ),
        (r"numbers are read with decimal commas, as column (.+) has them", r"数值按小数逗号读取，依据 \1 列"),
        (
            r"column (.+): (.+) is read as (.+?)( \(.+?\))?; if it is (.+?), say so: (.+) \(in Python (.+)\)",
            r"\1 列：\2 读作 \3\4；若应为 \5，请注明：\6（Python 中为 \7）",
        ),
        (
            r"column (.+): only (\S+) of its cells are dates such as (.+), so it isn't read as dates; bring.*",
            r"\1 列：只有 \2 的单元格是 \3 这样的日期，因此不当作日期；请统一写法",
        ),
        (
            r"times with a zone, in (.+), are read in UTC; by the clock of a place: (.+)",
            r"\1 中带时区的时间按 UTC 读取；若按某地时钟：\2",
        ),
        (
            r"column (.+): (\d+) of its times have no zone, others have one; they are taken to be in the same clock",
            r"\1 列：\2 个时间没有时区，其余有；视作同一时钟",
        ),
        (
            r"column (.+): decimals stand behind (.+) here and behind (.+) in other columns",
            r"\1 列：此处小数点写作 \2，其他列写作 \3",
        ),
    )
)


def interval(low: float, high: float, language: str) -> str:
    """Write an interval in a language."""
    if math.isnan(low):
        return "–"
    return f"{readable(low)} {'to' if language == 'en' else '至'} {readable(high)}"


def became(what: str, language: str) -> str:
    """Say what became of a column in a language."""
    return what if language == "en" else "；".join(map(BECAME.translate, what.split("; ")))
