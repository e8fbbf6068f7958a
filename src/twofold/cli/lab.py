"""``twofold lab``: a page where a network is built, trained and taken apart."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Option


def lab(
    *,
    port: Annotated[int, Option("--port", help="Port on this machine; 0 for any free one.")] = 0,
    browser: Annotated[bool, Option("--browser/--no-browser", help="Open the page in a browser.")] = True,
    build: Annotated[
        Path | None, Option("--build", help="Write the page to this folder instead, for any web server.")
    ] = None,
    pyodide: Annotated[
        str | None, Option("--pyodide", help="With --build: a folder or address that has Pyodide's files.")
    ] = None,
) -> None:
    """Open the lab: build a network on a page, train it, go back a step, see every number.

    On this machine, for this user: the page's address holds a token, and nothing is sent anywhere. With --build the
    same page as a folder of files, in which Python runs in the browser itself.
    """
    from twofold.cli.screen import Screen
    from twofold.errors import SpecificationError

    screen = Screen()
    if build is None:
        if pyodide is not None:
            raise SpecificationError("--pyodide goes with --build FOLDER")
        from twofold.lab.server import serve

        serve(port=port, browser=browser, say=screen.say)
        return
    from twofold.lab.build import MIRROR, build_lab

    size = build_lab(build, pyodide or MIRROR)
    screen.say(f"{build}: {size / 1e6:.1f} MB; try it: python -m http.server --directory {build}")
