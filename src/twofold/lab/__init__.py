"""The lab: build a network on a page, train it, take it back a step, take it apart; computed by this package alone.

A `Session` takes messages and gives answers, and knows no transport. ``server.py`` puts it behind a WebSocket on this
machine; ``page/worker.js`` runs it in the browser itself, by Pyodide. All but ``server.py`` needs no more than NumPy.
"""

from twofold.lab.data_sets import make_data
from twofold.lab.session import Session
from twofold.lab.setup import Setup

__all__ = ["Session", "Setup", "make_data"]
