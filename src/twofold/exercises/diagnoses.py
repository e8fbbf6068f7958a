"""Diagnoses that hold for any exercise: what calls of an answer show, told as what to change."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from twofold.exercises.comparing import agree, close, is_number, parts, plain
from twofold.exercises.exercise import Answer, Exercise
from twofold.exercises.factors import factor
from twofold.exercises.running import UNREADABLE, Failure, Run
from twofold.language import Text

Diagnosis = Callable[[Exercise, Sequence[Run]], Text | None]
RESULT = Text("the result", "返回值")
PRODUCT = Text(
    "; the inner sizes of a product are equal, (n, d) @ (d, q): is a .T missing?",
    "；矩阵乘法的内侧大小要相等，(n, d) @ (d, q)：是否缺少 .T？",
)
ADVICE = {  # what the message of an exception says, and what to change then
    "could not be broadcast": Text(
        "; shapes must fit from the right: keepdims=True in sum or max keeps (n, 1), and so does [:, None]",
        "；形状要从右边对齐：sum、max 加 keepdims=True 可保留 (n, 1)，[:, None] 也可以",
    ),
    "matmul": PRODUCT,
    "not aligned": PRODUCT,
    "truth value of an array": Text(
        "; Python's max, if and and take one number: np.maximum, np.where and & take arrays",
        "；Python 的 max、if、and 只接受一个数：对数组请用 np.maximum、np.where、&",
    ),
    "Boolean value of Tensor": Text(
        "; the loss is made first and called then: nn.CrossEntropyLoss()(O, y)",
        "；应先创建损失再调用：nn.CrossEntropyLoss()(O, y)",
    ),
    "cannot reshape": Text(
        "; take the sizes from the array itself, as in reshape(len(X), -1)",
        "；大小应取自数组本身，例如 reshape(len(X), -1)",
    ),
    "does not require grad": Text(
        "; no gradient flows: leave detach, .item(), .numpy() and torch.no_grad() out",
        "；没有梯度可传播：去掉 detach、.item()、.numpy() 和 torch.no_grad()",
    ),
    "mat1 and mat2": Text("; are the images flattened first, with nn.Flatten()?", "；图像是否先用 nn.Flatten() 展平？"),
}
RETURNED = {  # what a result of this type needs
    "generator": Text(": yield each batch, in place of return", "：用 yield 逐批产生，而不是 return"),
    "Tensor": Text(": leave .item(), .numpy() and float() out", "：去掉 .item()、.numpy() 和 float()"),
}


def wrong_parameters(exercise: Exercise, answer: Answer) -> Text | None:
    """See whether the answer can't be called with the arguments that the task names."""
    if not callable(answer):
        return Text(
            "{function} is no function but {kind}; write {signature}",
            "{function} 不是函数，而是 {kind}；请写 {signature}",
        ).fill(function=exercise.function, kind=type(answer).__name__, signature=exercise.signature)
    try:
        inspect.signature(answer).bind(*exercise.parameters)
    except TypeError as error:
        return Text(
            "it can't be called with {given}: {why}. Begin with  {signature}",
            "不能用参数 {given} 调用：{why}。请这样开头： {signature}",
        ).fill(given=", ".join(exercise.parameters), why=error, signature=exercise.signature)
    except ValueError:  # a function in C that tells no signature
        return None
    return None


def failed(_: Exercise, runs: Sequence[Run]) -> Text | None:
    """See whether a call raised an exception."""
    return None if (failure := runs[-1].failure) is None else failure_text(failure)


def failure_text(failure: Failure) -> Text:
    """Say in a line what was raised and where."""
    line, kind, message = failure.line, failure.kind, failure.message
    place = Text("", "") if line is None else Text(f"line {line}: ", f"第 {line} 行：")
    if kind == "SystemExit":
        return Text(
            "{place}it ends the program (exit); leave that out, return the result instead",
            "{place}代码退出了程序（exit）；请删去，改为返回结果",
        ).fill(place=place)
    advice = next((text for part, text in ADVICE.items() if part in message), Text("", ""))
    if kind == UNREADABLE and failure.returned == failure.wanted:
        return Text(
            "what it returns fails when it is used: {message}{advice}", "返回的结果在使用时出错：{message}{advice}"
        ).fill(message=message, advice=advice)
    if kind == UNREADABLE:
        return Text(
            "the result is of type {returned}, expected {wanted}{advice}; read the task again: twofold exercise show",
            "返回值的类型是 {returned}，应为 {wanted}{advice}；请再读一遍题目：twofold exercise show",
        ).fill(returned=failure.returned, wanted=failure.wanted, advice=RETURNED.get(failure.wanted, Text("", "")))
    if kind == "EOFError":
        return Text(
            "{place}it waits for the keyboard (input); take the arguments instead",
            "{place}代码在等待键盘输入（input）；请改用函数的参数",
        ).fill(place=place)
    if kind == "MemoryError":
        return Text(
            "{place}it asks for more memory than an exercise may use; is an array (n, n) meant to be (n,)?",
            "{place}所需内存超过了练习的上限；是否有应为 (n,) 的数组成了 (n, n)？",
        ).fill(place=place)
    return Text("{place}{kind}: {message}{advice}", "{place}{kind}：{message}{advice}").fill(
        place=place, kind=kind, message=message, advice=advice
    )


def nothing_returned(exercise: Exercise, runs: Sequence[Run]) -> Text | None:
    """See whether the function ends without return."""
    failure = runs[-1].failure
    raised = failure is not None and failure.kind != UNREADABLE
    if exercise.changes or raised or any(run.returned is not None for run in runs):
        return None
    return Text(
        "it returns nothing (None): end the function with  return ...; print shows a number, but does not return it",
        "函数没有返回值（None）：请以 return ... 结尾；print 只显示数值，并不返回它",
    )


def wrong_number_of_results(exercise: Exercise, runs: Sequence[Run]) -> Text | None:
    """See whether there are more or fewer results than the task names."""
    names, got = exercise.returns, runs[0].got
    if exercise.observe or len(names) < 2 or (isinstance(got, (tuple, list)) and len(got) == len(names)):
        return None
    found = len(got) if isinstance(got, (tuple, list)) else 1
    return Text(
        "it returns {found} of {count} results: write  return {names}",
        "返回了 {found} 个结果，应为 {count} 个：请写 return {names}",
    ).fill(found=found, count=len(names), names=", ".join(names))


def wrong_order(exercise: Exercise, runs: Sequence[Run]) -> Text | None:
    """See whether two results are right and stand in each other's place."""
    names = exercise.returns
    if len(names) < 2 or not all(_paired(run.got, len(names)) for run in runs):
        return None
    turned = [agree(list(run.got)[::-1], list(run.expected), exercise.tolerance) for run in runs]
    if not all(turned) or all(run.right for run in runs):
        return None
    return Text(
        "the results are right, but in the wrong order: return {names}", "结果正确，但顺序不对：应 return {names}"
    ).fill(names=", ".join(names))


def _paired(got: Any, count: int) -> bool:
    return isinstance(got, (tuple, list)) and len(got) == count


def wrong_kind(exercise: Exercise, runs: Sequence[Run]) -> Text | None:
    """See whether a list, a string or a tensor stands where an array belongs."""
    for name, got, expected in each_part(exercise, runs):
        if is_number(got):
            continue
        wanted = Text("an array", "数组") if np.ndim(expected) else Text("a number", "一个数")
        return Text(
            "{name} is a {kind}, expected {wanted}{advice}", "{name}的类型是 {kind}，应为{wanted}{advice}"
        ).fill(name=name, kind=type(got).__name__, wanted=wanted, advice=_advice(got))
    return None


def _advice(got: Any) -> Text:
    if isinstance(got, list):
        return Text(": np.array(...) makes one of a list", "：用 np.array(...) 把列表变成数组")
    return Text("", "")


def wrong_shape(exercise: Exercise, runs: Sequence[Run]) -> Text | None:
    """See whether a result has another shape: broadcast, transposed, averaged or not."""
    for run in runs:
        for name, got, expected in each_part(exercise, [run]):
            if is_number(got) and np.shape(got) != np.shape(expected):
                return _shape_text(exercise, run, name, (np.asarray(got), np.asarray(expected)))
    return None


def _shape_text(exercise: Exercise, run: Run, name: Text, pair: tuple[Any, Any]) -> Text:
    got, expected = pair
    facts = {"name": name, "got": got.shape, "expected": expected.shape, "shapes": argument_shapes(exercise, run)}
    return _shape_reason(got, expected, exercise.tolerance).fill(**facts)


def _shape_reason(got: Any, expected: Any, tolerance: float) -> Text:
    """Say why a result has its shape."""
    n = expected.size
    if got.ndim == 2 and got.shape == (n, n) and n > 1 and 1 in (expected.ndim, *expected.shape[1:]):
        return Text(
            "broadcast to {got}: {shapes}. (n, 1) with (n,) becomes (n, n); bring both to one shape first, "
            "with .reshape(-1) or .reshape(y_hat.shape)",
            "广播成了 {got}：{shapes}。(n, 1) 与 (n,) 运算会变成 (n, n)；先用 .reshape(-1) 或 "
            ".reshape(y_hat.shape) 使形状一致",
        )
    if got.ndim == 2 and got.shape == expected.shape[::-1] and close_floats(got.T, expected, tolerance):
        return Text(
            "{name} is transposed: its shape is {got}, expected {expected}",
            "{name}转置了：形状是 {got}，应为 {expected}",
        )
    if got.size == expected.size and close_floats(got.reshape(expected.shape), expected, tolerance):
        return Text(
            "the numbers are right, the shape of {name} is {got}, expected {expected}: "
            "change it with .reshape or an index, or leave keepdims out",
            "数值正确，但{name}的形状是 {got}，应为 {expected}：用 .reshape 或下标改变形状，或去掉 keepdims",
        )
    if got.size == 1 and expected.size > 1:
        return Text(
            "{name} is one number, expected {expected}, one for each: leave sum, mean or max out, or give it an axis",
            "{name}是一个数，应为 {expected}，每个各一：去掉求和、求平均或求最大值，或给它指定 axis",
        )
    if expected.size == 1 and got.size > 1:
        return Text(
            "{name} has the shape {got}, expected one number: the mean (or sum) over the samples is missing",
            "{name}的形状是 {got}，应为一个数：缺少对样本求平均（或求和）",
        )
    return Text(
        "{name} has the shape {got}, expected {expected}, for {shapes}",
        "{name}的形状是 {got}，应为 {expected}；{shapes}",
    )


def changed_arguments(_: Exercise, runs: Sequence[Run]) -> Text | None:
    """See whether the answer writes into its arguments."""
    names = next((run.changed for run in runs if run.changed), ())
    if not names:
        return None
    return Text(
        "it changes its argument {name} in place (-=, +=, [...] = or out=): whoever calls it finds {name} altered. "
        "Work on a new array: {name} = {name} - ..., or {name}.copy()",
        "函数就地修改了参数 {name}（-=、+=、[...] = 或 out=）：调用者的 {name} 因此被改变。请使用新数组："
        "{name} = {name} - ... 或 {name}.copy()",
    ).fill(name=names[0])


def not_finite(exercise: Exercise, runs: Sequence[Run]) -> Text | None:
    """See whether NaN or infinity stands where a finite number is right."""
    for name, got, expected in each_part(exercise, runs):
        if not is_number(got) or np.shape(got) != np.shape(expected):
            continue
        lost = np.isfinite(expected) & ~np.isfinite(got)
        if np.any(lost):
            value = np.asarray(got, float)[lost].ravel()[0]
            return Text(
                "{name} has {value} where a finite number is right: look for exp of a large number, log of 0 or 0/0 "
                "in the example below",
                "{name}中出现 {value}，而正确值是有限的：请在下面的例子里寻找大数的 exp、0 的 log 或 0/0",
            ).fill(name=name, value=f"{value:g}")
    return None


def whole_numbers(exercise: Exercise, runs: Sequence[Run]) -> Text | None:
    """See whether whole numbers stand where fractions belong."""
    for name, got, expected in each_part(exercise, runs):
        kinds = [np.asarray(each).dtype.kind for each in (got, expected)] if is_number(got) else ["", ""]
        cut = kinds[0] in "iu" and kinds[1] == "f" and np.shape(got) == np.shape(expected)
        if cut and np.any(np.asarray(expected) != np.asarray(got)):
            return Text(
                "{name} holds whole numbers ({dtype}), so fractions were cut off: use / and not //, and arrays of "
                "floats: .astype(float)",
                "{name}是整数（{dtype}），小数部分被截去：用 / 而不是 //，并使用浮点数组：.astype(float)",
            ).fill(name=name, dtype=np.asarray(got).dtype)
    return None


def single_precision(exercise: Exercise, runs: Sequence[Run]) -> Text | None:
    """See whether it is right, but only to the seven digits of float32."""
    if exercise.float32 or not all(run.right for run in runs) or not any(run.single for run in runs):
        return None
    return Text(
        "right to 7 digits only: the result is float32 where the inputs are float64; leave the conversion out",
        "只有 7 位有效数字：输入是 float64，结果却是 float32；请去掉类型转换",
    )


def constant_factor(exercise: Exercise, runs: Sequence[Run]) -> Text | None:
    """See whether a result is a constant, or the number of samples, times the right one."""
    count = len(exercise.returns) or 1
    if not all(_paired(run.got, count) or count == 1 for run in runs):
        return None
    for place in range(count):
        pairs = [(parts(run.got, count)[place], parts(run.expected, count)[place]) for run in runs]
        found = factor(exercise, [run.case for run in runs], pairs)
        if found is not None:
            return found.fill(name=part_name(exercise, place))
    return None


def small_differences(exercise: Exercise, runs: Sequence[Run]) -> Text | None:
    """See whether it is right to a few digits, such as with a constant that is added for safety."""
    pairs = list(each_part(exercise, runs))
    near = [is_number(got) and close_floats(got, expected, 1e-3) for _, got, expected in pairs]
    if not pairs or not all(near) or all(run.right for run in runs):
        return None
    return Text(
        "nearly right: it differs by less than 0.1 percent. Is a small constant added (1e-8 or the like), a number "
        "rounded, or an approximation taken?",
        "几乎正确：相差不到千分之一。是否加了很小的常数（如 1e-8）、做了舍入或用了近似？",
    )


def each_part(exercise: Exercise, runs: Sequence[Run]) -> Iterator[tuple[Text, Any, Any]]:
    """Yield name, result and expected result of each part of each call that is numbers."""
    count = len(exercise.returns) or 1
    for run in runs:
        if count == 1 or (_paired(run.got, count) and _paired(run.expected, count)):
            pairs = zip(parts(run.got, count), parts(run.expected, count), strict=True)
            for place, (got, expected) in enumerate(pairs):
                if is_number(expected):
                    yield part_name(exercise, place), got, expected


def part_name(exercise: Exercise, place: int) -> Text:
    """Name one of the results."""
    return Text(exercise.returns[place], f" {exercise.returns[place]} ") if exercise.returns else RESULT


def argument_shapes(exercise: Exercise, run: Run) -> Text:
    """Say which shapes the arguments have: ``y_hat is (5, 1), y is (5,)``."""
    named = zip(exercise.parameters, map(plain, run.case), strict=True)
    shapes = [(name, value.shape) for name, value in named if isinstance(value, np.ndarray)]
    return Text(
        ", ".join(f"{name} is {shape}" for name, shape in shapes),
        "，".join(f"{name} 是 {shape}" for name, shape in shapes),
    )


def close_floats(got: Any, expected: Any, tolerance: float) -> bool:
    """Tell whether two arrays of numbers have one shape and the same numbers."""
    same = np.shape(got) == np.shape(expected)
    return same and close(np.asarray(got, float), np.asarray(expected, float), tolerance)


LOOP = Text(
    "the results are right, but Python runs through the samples one by one ({function} does more steps for {many} "
    "samples than for {few}): write it with whole arrays, which is shorter and about a hundred times faster",
    "结果正确，但 Python 逐个样本循环（{many} 个样本比 {few} 个时执行的步骤更多）：请对整个数组运算，更短，也快约百倍",
)
GENERAL: tuple[Diagnosis, ...] = (
    nothing_returned,
    failed,
    wrong_number_of_results,
    wrong_order,
    wrong_kind,
    wrong_shape,
    whole_numbers,
    changed_arguments,
    not_finite,
    constant_factor,
    single_precision,
    small_differences,
)
