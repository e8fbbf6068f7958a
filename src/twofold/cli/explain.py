"""``twofold explain``: a claim of the textbooks, shown by numbers."""

from __future__ import annotations

from typing import Annotated

from typer import Argument

from twofold.cli.options import AS_JSON


def explain(
    name: Annotated[str | None, Argument(help="What to explain; without it, the list.", show_default=False)] = None,
    as_json: AS_JSON = False,
) -> None:
    """Explain by numbers why something is as it is: softmax-argmax, squared-loss, no-activation, and more."""
    from twofold.cli.screen import Screen
    from twofold.errors import check_name
    from twofold.inspect.demonstrations import DEMONSTRATIONS
    from twofold.pages.numbers import precise

    screen = Screen(as_json=as_json)
    if name is None:
        rows = [(each, summary) for each, (_, summary) in DEMONSTRATIONS.items()]
        screen.table("twofold explain NAME", ("name", "what it shows"), rows, text=2)
        screen.result({"names": list(DEMONSTRATIONS)})
        return
    show, _ = DEMONSTRATIONS[check_name("explanation", name, DEMONSTRATIONS)]
    shown = show()
    screen.say(shown.claim)
    screen.say(f"  {shown.formula}")
    screen.table("", shown.table.columns, [[precise(cell, 2) for cell in row] for row in shown.table.rows])
    screen.say(shown.conclusion)
    screen.result({"name": name, **shown.to_dict()})
