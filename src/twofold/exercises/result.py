"""What checking an answer finds, and how it is told within 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from twofold.language import Text
from twofold.pages.layout import hanging, wrap
from twofold.text import visible

WORDS = {
    "right": Text("right", "正确"),
    "wrong": Text("not yet", "还不对"),
    "skipped": Text("skipped", "跳过"),
    "example": Text("For example, of {count} inputs tried, with", "例如（共试了 {count} 组输入），当"),
    "called": Text("Called with", "调用时的参数："),
    "expected": Text("expected", "正确"),
    "got": Text("yours", "你的"),
    "differences": Text("differences", "差分"),
    "output": Text("Your code printed:", "你的代码输出了："),
    "more": Text("... and {count} more characters", "……还有 {count} 个字符"),
}
SHOWN = 600  # characters of a learner's own output that are shown
MARKS = {"right": "✓", "wrong": "✗", "skipped": "-"}


@dataclass(frozen=True)
class Result:
    """What was found out about an answer.

    Attributes
    ----------
    exercise : str
        Its name, such as ``"3.4/softmax"``.
    function : str
        The function's name.
    status : {"right", "wrong", "skipped"}
    message : str
        The diagnosis; what was tried, if it is right.
    language : str
    diagnosis : str
        Which one it is: ``"3.4/softmax#0"`` for the exercise's first known mistake, or a general one's name.
    example : tuple of (str, str)
        An input for which it is wrong, with expected and actual result: names and numbers.
    output : str
        What the answer printed.
    """

    exercise: str
    function: str
    status: str
    message: str
    language: str = "en"
    diagnosis: str = ""
    example: tuple[tuple[str, str], ...] = ()
    tried: int = 0
    output: str = ""

    @property
    def right(self) -> bool:
        """Whether the answer is right."""
        return self.status == "right"

    def to_dict(self) -> dict[str, Any]:
        """Return the fields by name."""
        return asdict(self)

    def with_output(self, output: str) -> Result:
        """Return the same with what the answer printed."""
        return replace(self, output=output)

    def __str__(self) -> str:
        def word(name: str, **fields: Any) -> str:
            return WORDS[name].fill(**fields).read(self.language)

        lines = [f"{MARKS[self.status]} {self.exercise}  {self.function}: {word(self.status)}"]
        lines += wrap(visible(self.message, keep="\n").strip(), 78, "  ")
        if self.example:
            lines += ["", f"  {word('example' if self.tried > 1 else 'called', count=self.tried)}"]
            lines += [line for name, value in self.example for line in hanging(f"    {name}", value)]
        if self.output:
            shown = visible(self.output[:SHOWN], keep="\n").rstrip().splitlines()[:10]
            left = len(self.output) - len("\n".join(shown))
            lines += ["", f"  {word('output')}", *(f"    {line[:74]}" for line in shown)]
            lines += [f"    {word('more', count=left)}"] if left > 1 else []
        return "\n".join(lines)

    __repr__ = __str__


def value_text(value: Any) -> str:
    """Write an argument or a result in a few lines."""
    if isinstance(value, np.ndarray) or hasattr(value, "detach"):
        array = value if isinstance(value, np.ndarray) else value.detach().cpu().numpy()
        with np.printoptions(precision=6, threshold=24, edgeitems=2, linewidth=58, suppress=False):
            return f"{array}" if array.size <= 24 else f"{array}  {array.shape}"
    if isinstance(value, (tuple, list)):
        return "\n".join(value_text(each) for each in value[:6]) + ("\n..." if len(value) > 6 else "")
    if isinstance(value, (float, np.floating)):
        return f"{float(value):.10g}"
    if isinstance(value, dict):
        return "\n".join(f"{key}: {value_text(each)}" for key, each in value.items())
    name = getattr(value, "__name__", None)
    text = str(name or value)
    lines = textwrap.wrap(text, 58) or [""]
    return "\n".join([*lines[:4], "..."] if len(lines) > 4 else lines)


def named_text(names: Sequence[str], value: Any) -> str:
    """Write the results of a call; several under their names."""
    if len(names) < 2 or not isinstance(value, (tuple, list)) or len(names) != len(value):
        return value_text(value)
    pairs = zip(names, value, strict=True)
    return "\n".join(line for name, each in pairs for line in hanging(f"{name} =", value_text(each)))
