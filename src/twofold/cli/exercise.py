"""``twofold exercise``: list, show and check the exercises of the lessons."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Exit, Option, Typer

from twofold.cli.options import AS_JSON, LANGUAGE

if TYPE_CHECKING:
    from twofold.exercises import Result

exercise = Typer(help="List, show and check the exercises of the lessons.", no_args_is_help=True)


@exercise.command("list")
def list_(language: LANGUAGE = None, as_json: AS_JSON = False) -> None:
    """List the exercises by lesson, with a mark at those that are solved."""
    from twofold.cli.screen import Screen
    from twofold.exercises.listing import list_text
    from twofold.exercises.progress import solved
    from twofold.exercises.registry import EXERCISES
    from twofold.language import choose_language

    screen = Screen(as_json=as_json)
    done = solved()
    if not as_json:
        screen.document(list_text(choose_language(language), done))
    screen.result(
        {
            name: {"function": each.signature[4:-1], "solved": name in done, "needs": each.needs or None}
            for name, each in EXERCISES.items()
        }
    )


@exercise.command()
def show(
    name: Annotated[str, Argument(help="An exercise, such as 3.4/softmax.", show_default=False)],
    solution: Annotated[bool, Option("--solution", help="Show a solution too.")] = False,
    language: LANGUAGE = None,
    as_json: AS_JSON = False,
) -> None:
    """Show an exercise: the task, the line to begin with, an example, a hint."""
    from twofold.cli.screen import Screen
    from twofold.exercises.registry import find_exercise
    from twofold.exercises.showing import exercise_text
    from twofold.language import choose_language

    screen = Screen(as_json=as_json)
    language = choose_language(language)
    found = find_exercise(name, language)
    if not as_json:
        screen.document(exercise_text(found, language, solution=solution))
    screen.result(
        {
            "name": found.name,
            "task": found.task.read(language),
            "begin": found.signature,
            "hint": found.hint.read(language),
        }
    )


@exercise.command()
def check(
    file: Annotated[Path, Argument(help="A Python file with your functions, such as answers.py.", show_default=False)],
    *,
    only: Annotated[
        list[str] | None, Option("--exercise", help="Check this one alone, such as 3.4/softmax; may be repeated.")
    ] = None,
    seconds: Annotated[float, Option("--seconds", min=0.1, help="For which an exercise may run.")] = 10.0,
    language: LANGUAGE = None,
    as_json: AS_JSON = False,
) -> None:
    """Check your answers, in a process of its own; a wrong one is told what to change.

    The exit code is 0 if all are right, 1 if one isn't.
    """
    from twofold.cli.screen import Screen
    from twofold.exercises.files import check_file
    from twofold.exercises.listing import summary
    from twofold.exercises.progress import remember
    from twofold.exercises.registry import find_exercise
    from twofold.language import choose_language

    screen = Screen(as_json=as_json)
    language = choose_language(language)
    names = list(dict.fromkeys(find_exercise(name, language).name for name in only or ()))
    results: list[Result] = []
    for result in check_file(file, names, language=language, seconds=seconds):
        results.append(result)
        if not as_json:
            screen.document(f"{result}\n")
    remember(result.exercise for result in results if result.right)
    if not as_json:
        screen.document(summary(results, language))
    screen.result({"results": [result.to_dict() for result in results]})
    if any(result.status == "wrong" for result in results):
        raise Exit(1)
