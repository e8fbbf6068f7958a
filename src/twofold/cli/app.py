"""The commands, put together."""

from __future__ import annotations

from typing import Annotated

import typer

from twofold import __version__
from twofold.cli.certify import certify
from twofold.cli.compare import compare
from twofold.cli.data import data
from twofold.cli.demo import demo
from twofold.cli.evaluate import evaluate
from twofold.cli.exercise import exercise
from twofold.cli.explain import explain
from twofold.cli.export import export
from twofold.cli.find_rate import find_rate
from twofold.cli.fit import fit
from twofold.cli.lab import lab
from twofold.cli.pack import pack
from twofold.cli.plot import plot
from twofold.cli.predict import predict
from twofold.cli.report import report
from twofold.cli.show import show
from twofold.cli.trace import trace
from twofold.cli.train import train

app = typer.Typer(
    help="Linear regression, softmax regression and the multilayer perceptron, each two ways.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,  # a mistake of ours: Python's own traceback, in any encoding
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"twofold {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Take the options of every command; ``--debug`` has been read before it comes here."""


app.command()(train)
app.command()(fit)
app.command()(compare)
app.command()(find_rate)
app.command()(plot)
app.command()(pack)
app.command()(predict)
app.command()(evaluate)
app.command()(show)
app.command()(trace)
app.command()(explain)
app.command()(export)
app.command()(report)
app.command()(demo)
app.command()(lab)
app.command()(certify)
app.add_typer(data, name="data")
app.add_typer(exercise, name="exercise")
