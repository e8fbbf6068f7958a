"""matplotlib, imported whatever backend the environment names: pictures here are drawn without one."""

from __future__ import annotations

import contextlib
import os
import sys


def _import_matplotlib() -> None:
    """Import matplotlib; MPLBACKEND counts for windows and notebooks as ever, unless it names none that is here.

    matplotlib itself can't be imported then.
    """
    backend = os.environ.pop("MPLBACKEND", None)
    try:
        import matplotlib
    finally:
        if backend is not None:
            os.environ["MPLBACKEND"] = backend
    if backend:
        with contextlib.suppress(ValueError):
            matplotlib.rcParams["backend"] = backend


if "matplotlib" not in sys.modules:
    _import_matplotlib()
