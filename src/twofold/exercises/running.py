"""An answer called on an exercise's inputs, beside the reference solution."""

from __future__ import annotations

import copy
import sys
import traceback
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import FrameType
from typing import Any

import numpy as np

from twofold.exercises.comparing import agree, plain, single_precision
from twofold.exercises.exercise import Answer, Case, Exercise

SINGLE = 1e-4  # relative difference within which a result in float32 is the right one but for its precision
FEW, MANY = 16, 256  # samples between which the number of Python's instructions must not grow
NOTHING = object()  # no call has returned yet
UNREADABLE = "unreadable result"  # the kind of failure where the result is not what the task asks for
MORE = 200  # instructions by which it may


@dataclass(frozen=True)
class Failure:
    """An exception that left an answer.

    Attributes
    ----------
    kind, message : str
    line : int or None
        The line of the learner's own code that it came from.
    returned, wanted : str
        Of a result that can't be read: its type, and that of the reference's.
    """

    kind: str
    message: str
    line: int | None
    returned: str = ""
    wanted: str = ""


@dataclass(frozen=True)
class Run:
    """One call of an answer.

    Attributes
    ----------
    case : tuple
        The arguments.
    expected, got : object
        Results of the reference and of the answer, as they are compared; got is None after a failure.
    returned : object
        What the answer returned.
    failure : Failure or None
    changed : tuple of str
        Parameters whose arrays the answer changed although it shouldn't.
    right : bool
        Whether it is the expected result; its precision aside.
    """

    case: Case
    expected: Any
    got: Any
    returned: Any
    failure: Failure | None
    changed: tuple[str, ...]
    right: bool

    @property
    def single(self) -> bool:
        """Whether the result is in single precision."""
        return single_precision(self.got)


def run_all(exercise: Exercise, answer: Answer) -> list[Run]:
    """Call an answer on every input of an exercise; stop after a failure."""
    runs = []
    for case in exercise.cases():
        runs.append(run(exercise, answer, case))
        if runs[-1].failure:
            break
    return runs


def run(exercise: Exercise, answer: Answer, case: Case) -> Run:
    """Call an answer on one input."""
    expected, reference, _, _ = call(exercise, exercise.reference, case)
    got, returned, failure, after = call(exercise, answer, case)
    if failure is not None and failure.kind == UNREADABLE:
        wanted = type(reference).__name__  # a tensor has come as an array
        failure = replace(failure, wanted="Tensor" if exercise.needs and wanted == "ndarray" else wanted)
    tolerance = SINGLE if single_precision(got) else exercise.tolerance
    right = failure is None and agree(got, expected, max(tolerance, exercise.tolerance))
    changed = tuple(
        name
        for name, before, now in zip(exercise.parameters, case, after, strict=True)
        if name not in exercise.changes and isinstance(before, np.ndarray) and not np.array_equal(before, now, True)
    )
    return Run(case, expected, got, returned, failure, changed, right)


def call(exercise: Exercise, answer: Answer, case: Case) -> tuple[Any, Any, Failure | None, Case]:
    """Call a function on copies of arguments.

    Returns
    -------
    observed, returned : object
    failure : Failure or None
    after : tuple
        The arguments as the call left them.
    """
    arguments = copy.deepcopy(case)
    returned: Any = NOTHING
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            returned = answer(*arguments)
            observed = plain(exercise.observe(returned, arguments) if exercise.observe else returned)
    except (Exception, SystemExit) as error:
        failure = failure_of(error, answer)
        if returned is not NOTHING and failure.line is None:  # we couldn't read what it returned
            told = f"{failure.kind}: {failure.message}"
            failure = Failure(UNREADABLE, told, None, returned=type(returned).__name__)
        return None, None if returned is NOTHING else plain(returned), failure, arguments
    return observed, plain(returned), None, arguments


def failure_of(error: BaseException, answer: Answer | str) -> Failure:
    """Say what an exception is, and which line of the answer it came from.

    Parameters
    ----------
    error : BaseException
    answer : callable or str
        The function, or the file that it is in.
    """
    code = getattr(answer, "__code__", None)
    file = answer if isinstance(answer, str) else getattr(code, "co_filename", None)
    if isinstance(error, SyntaxError) and error.filename == file:
        return Failure(type(error).__name__, str(error.msg), error.lineno)
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == file]
    return Failure(type(error).__name__, " ".join(str(error).split())[:300], lines[-1] if lines else None)


def same_results(exercise: Exercise, answer: Answer, runs: Sequence[Run]) -> bool:
    """Tell whether a function gives, on every input, the results of these calls; or fails as they do."""
    for each in runs:
        got, _, failure, _ = call(exercise, answer, each.case)
        if (failure and failure.kind) != (each.failure and each.failure.kind):
            return False
        tolerance = SINGLE if each.single else max(exercise.tolerance, 1e-9)
        if failure is None and not agree(each.got, got, tolerance):
            return False
    return True


def loops_over_samples(exercise: Exercise, answer: Answer) -> bool:
    """Tell whether an answer executes more of Python's instructions when there are more samples."""
    if exercise.many is None:
        return False
    return instructions(answer, exercise.many(MANY)) > instructions(answer, exercise.many(FEW)) + MORE


def instructions(answer: Answer, arguments: Case) -> int:
    """Count the instructions of Python that a call executes."""
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        with np.errstate(all="ignore"):
            answer(*arguments)
    finally:
        sys.settrace(before)
    return count
