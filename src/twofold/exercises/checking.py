"""Check one function: run it beside the reference, and say what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twofold.exercises import diagnoses
from twofold.exercises.exercise import Answer, Exercise
from twofold.exercises.result import WORDS, Result, named_text, value_text
from twofold.exercises.running import FEW, MANY, Run, call, loops_over_samples, run_all, same_results
from twofold.language import Text

RIGHT = Text("{count} inputs tried, also extreme ones.", "试了 {count} 组输入，包括极端情形。")
PLAIN = Text(
    "the result differs from the expected one; compare the numbers below", "结果与正确值不同；请比较下面的数值"
)
NEEDED = Text(
    "this exercise is about {library}, which is not installed: pip install {package}",
    "本练习需要 {library}，但尚未安装：pip install {package}",
)


def examine(exercise: Exercise, answer: Answer, language: str) -> Result:
    """Check an answer to an exercise.

    Parameters
    ----------
    exercise : Exercise
    answer : callable
    language : {"en", "zh"}
        Of what is told.

    Returns
    -------
    Result
    """
    if not exercise.available:
        return skipped(exercise, language)
    if (text := diagnoses.wrong_parameters(exercise, answer)) is not None:
        return wrong(exercise, language, (text, "wrong_parameters"))
    runs = run_all(exercise, answer)
    found = diagnose(exercise, answer, runs)
    if found is None:
        message = RIGHT.fill(count=len(runs)).read(language)
        return Result(exercise.name, exercise.function, "right", message, language, tried=len(runs))
    return wrong(exercise, language, found, runs)


def diagnose(exercise: Exercise, answer: Answer, runs: Sequence[Run]) -> tuple[Text, str] | None:
    """Return the first diagnosis that fits, with its name; None if the answer is right."""
    if any(not run.right for run in runs):
        for number in known_mistakes(exercise, runs):
            return exercise.mistakes[number].text, f"{exercise.name}#{number}"
    for diagnosis in diagnoses.GENERAL:
        if (text := diagnosis(exercise, runs)) is not None:
            return text, diagnosis.__name__
    if any(not run.right for run in runs):
        return PLAIN, "difference"
    if loops_over_samples(exercise, answer):
        return diagnoses.LOOP.fill(function=exercise.function, few=FEW, many=MANY), "loop"
    return None


def known_mistakes(exercise: Exercise, runs: Sequence[Run]) -> list[int]:
    """Return the places of all mistakes of the exercise that these calls show."""
    return [
        number
        for number, mistake in enumerate(exercise.mistakes)
        if (_seen(mistake.seen, runs) if mistake.seen else same_results(exercise, mistake.answer, runs))
    ]


def _seen(seen: Callable[[Sequence[Run]], bool], runs: Sequence[Run]) -> bool:
    """Ask a mistake whether these calls show it; a result that it can't read is not of its kind."""
    try:
        return seen(runs)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return False


def wrong(exercise: Exercise, language: str, found: tuple[Text, str], runs: Sequence[Run] = ()) -> Result:
    """Tell a diagnosis, with the first input that shows it."""
    text, name = found
    shown = next((run for run in runs if not run.right or run.changed), None)
    example = () if shown is None else example_of(exercise, shown, language)
    return Result(
        exercise.name, exercise.function, "wrong", text.read(language), language, name, example, len(runs)
    )  # fmt: skip


def example_of(exercise: Exercise, run: Run, language: str) -> tuple[tuple[str, str], ...]:
    """Put an input and its results together, each as a name and a text."""
    results = [("expected", run.expected)]
    if exercise.numeric is not None:
        differences, _, failure, _ = call(exercise, exercise.numeric, run.case)
        results += [] if failure else [("differences", differences)]
    results += [] if run.failure else [("got", run.got)]
    given = zip(exercise.parameters, run.case, strict=True)
    return (
        *((f"{name} =", value_text(value)) for name, value in given),
        *((WORDS[word].read(language), named_text(exercise.returns, value)) for word, value in results),
    )


def skipped(exercise: Exercise, language: str) -> Result:
    """Say which library is missing."""
    text = NEEDED.fill(library="PyTorch", package="'twofold[torch]'")
    return Result(exercise.name, exercise.function, "skipped", text.read(language), language)
