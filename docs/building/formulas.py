# ruff: noqa: E501 - texts in two languages
"""The page of formulas: activations, losses and links, each from its definition in `twofold.functions`."""

from __future__ import annotations

from twofold.functions import ACTIVATIONS, LOSSES
from twofold.functions.formulas import as_latex

WORDS = {
    "en": {
        "title": "Formulas",
        "lead": "Of activations and losses, as the definitions have them that every engine computes with. "
        "{doc}`optimizers` has the rules of the optimisers.",
        "activations": "Activations",
        "losses": "Losses",
        "of": "of a sample: $o$ is an output, $y$ its target. A minibatch's loss is the mean over its samples, and the sum "
        "over the outputs; the link says what an output means.",
        "columns": ("name", "value", "derivative"),
        "loss_columns": ("name", "loss", "link", "targets"),
    },
    "zh": {
        "title": "公式",
        "lead": "激活函数和损失函数的公式，取自各引擎计算所用的同一份定义。优化器的更新规则见 {doc}`optimizers`。",
        "activations": "激活函数",
        "losses": "损失函数",
        "of": "一个样本的损失：$o$ 是输出，$y$ 是标签。小批量的损失对样本取平均、对各输出求和；连接函数说明输出的含义。",
        "columns": ("名称", "值", "导数"),
        "loss_columns": ("名称", "损失", "连接函数", "标签"),
    },
}


def formulas_page(language: str) -> str:
    """Write the page in Markdown, with formulas in LaTeX."""
    words = WORDS[language]
    activations = [
        (f"`{name}`", _math(as_latex(phi.formula)), _math(as_latex(phi.derivative_formula)))
        for name, phi in ACTIVATIONS.items()
    ]
    losses = [
        (f"`{name}`", _math(as_latex(loss.formula)), loss.link.name, type(loss.targets).__name__.lower())
        for name, loss in LOSSES.items()
    ]
    return "\n\n".join(
        [
            f"# {words['title']}",
            str(words["lead"]),
            f"## {words['activations']}",
            _table(words["columns"], activations),
            f"## {words['losses']}",
            str(words["of"]),
            _table(words["loss_columns"], losses),
            "",
        ]
    )


def _math(latex: str) -> str:
    """Set a formula in a cell of a table, where a bar would end it."""
    cell = latex.replace("|", r"\vert ")
    return f"${cell}$"


def _table(columns: object, rows: list[tuple[str, ...]]) -> str:
    heads = tuple(map(str, columns))  # type: ignore[call-overload] # a tuple of words
    lines = [heads, ("---",) * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
