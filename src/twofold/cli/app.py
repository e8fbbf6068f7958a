"""The commands, put together."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Annotated

import typer

from twofold import __version__

COMMANDS = (  # each a module here with a function, or an app, of its name
    "train",
    "fit",
    "compare",
    "find-rate",
    "plot",
    "pack",
    "predict",
    "evaluate",
    "show",
    "trace",
    "explain",
    "export",
    "report",
    "demo",
    "lab",
    "certify",
    "data",
    "exercise",
)


def command_line(words: Sequence[str] = ()) -> typer.Typer:
    """Put the commands together: the one that is called alone, since each takes its time to load; otherwise all."""
    app = typer.Typer(
        help="Linear regression, softmax regression and the multilayer perceptron, each two ways.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,  # a mistake of ours: Python's own traceback, in any encoding
    )
    app.callback()(_options)
    called = [word for word in words[:1] if word in COMMANDS]
    for name in called or COMMANDS:
        place = name.replace("-", "_")
        command = getattr(import_module(f"twofold.cli.{place}"), place)
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command(name)(command)
    return app


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"twofold {__version__}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Take the options of every command; ``--debug`` has been read before it comes here."""
