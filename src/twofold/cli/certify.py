"""``twofold certify``: how many digits of NIST's certified values this installation gets right."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from typer import Option

from twofold.cli.options import AS_JSON
from twofold.errors import TwofoldError

GOAL = 13.0  # digits; two of the sets lose a little more by the rounding of their data to doubles
NONLINEAR_GOAL = 10.3  # half a unit of the last of NIST's 11 digits


def certify(
    data: Annotated[
        Path | None, Option("--data", help="Folder of NIST's sets as JSON; else TWOFOLD_DATA/nist-strd.")
    ] = None,
    peers: Annotated[
        bool,
        Option(
            "--peers", help="Measure NumPy, SciPy, scikit-learn, statsmodels, Dask, Spark and R too, where they are."
        ),
    ] = False,
    nonlinear: Annotated[
        bool,
        Option("--nonlinear", help="The 27 nonlinear sets, which come along, from both starts; peers are SciPy's."),
    ] = False,
    as_json: AS_JSON = False,
) -> None:
    """Run NIST's certified least squares against this installation and print the correct digits."""
    from twofold.cli.screen import Screen

    screen = Screen(as_json=as_json)
    if nonlinear:
        from twofold.inspect.certify_nonlinear import certify_nonlinear

        certificate, goal = certify_nonlinear(peers=peers), NONLINEAR_GOAL
    else:
        from twofold.inspect.certify import certify as run

        folder = data or Path(os.environ.get("TWOFOLD_DATA", ".")) / "nist-strd"
        certificate, goal = run(folder, peers=peers), GOAL
    screen.console.print(certificate)
    screen.say(f"least correct digits of a coefficient: {certificate.least:.1f}")
    screen.result({"least": certificate.least, **certificate.to_dict()})
    if certificate.least < goal:
        raise TwofoldError(f"this installation reaches {certificate.least:.1f} digits, fewer than {goal:g}")
