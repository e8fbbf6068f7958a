"""``twofold explain``: a claim of the textbooks, shown by numbers."""

from __future__ import annotations

from typing import Annotated

from typer import Argument

from twofold.cli.options import AS_JSON, LANGUAGE


def explain(
    name: Annotated[str | None, Argument(help="What to explain; without it, the list.", show_default=False)] = None,
    language: LANGUAGE = None,
    as_json: AS_JSON = False,
) -> None:
    """Explain by numbers why something is as it is: softmax-argmax, squared-loss, no-activation, and more."""
    from twofold.cli.screen import Screen
    from twofold.errors import check_name
    from twofold.inspect.demonstrations import DEMONSTRATIONS
    from twofold.language import Text, choose_language
    from twofold.pages.numbers import precise

    screen, language = Screen(as_json=as_json), choose_language(language)
    if name is None:
        rows = [(each, entry.summary.read(language)) for each, entry in DEMONSTRATIONS.items()]
        columns = Text("name", "名称").read(language), Text("what it shows", "说明什么").read(language)
        screen.table(Text("twofold explain NAME", "twofold explain 名称").read(language), columns, rows, text=2)
        screen.result({"names": list(DEMONSTRATIONS)})
        return
    shown = DEMONSTRATIONS[check_name("explanation", name, DEMONSTRATIONS)].show(language=language)
    screen.say(shown.claim)
    screen.say(f"  {shown.formula}")
    screen.table("", shown.table.columns, [[precise(cell, 2) for cell in row] for row in shown.table.rows])
    screen.say(shown.conclusion)
    screen.result({"name": name, **shown.to_dict()})
