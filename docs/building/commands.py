"""The reference of the command line, read from the commands themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from twofold.cli.app import command_line

HEAD = {
    "en": (
        "Command line",
        "Each command as it describes itself; `twofold COMMAND --help` says the same.",
        "Option",
        "Meaning",
    ),
    "zh": ("命令行", "每条命令的说明由命令自身给出 (英文); 与 `twofold COMMAND --help` 一致。", "选项", "含义"),
}


def command_page(language: str) -> str:
    """Write the page of all commands.

    Parameters
    ----------
    language : {"en", "zh"}
    """
    from typer.main import get_command

    title, lead, option, meaning = HEAD[language]
    parts = [f"# {title}", lead]
    for path, command in _walk(get_command(command_line()), "twofold"):
        arguments = " ".join(_written(p) for p in command.params if p.param_type_name == "argument")
        parts += [f"## {path}", f"```text\n{path} [OPTIONS] {arguments}".rstrip() + "\n```", _plain(command.help or "")]
        rows = [f"| {_names(p)} | {_meaning(p)} |" for p in command.params if not getattr(p, "hidden", False)]
        if rows:
            parts.append("\n".join([f"| {option} | {meaning} |", "|---|---|", *rows]))
    return "\n\n".join(parts) + "\n"


def _walk(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    for name, inner in getattr(command, "commands", {}).items():
        if getattr(inner, "commands", None):
            yield from _walk(inner, f"{path} {name}")
        else:
            yield f"{path} {name}", inner


def _written(parameter: Any) -> str:
    name = (parameter.metavar or parameter.name).upper().strip("[]").split(":")[0]
    return name if parameter.required else f"[{name}]"


def _names(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{_written(parameter)}`"
    names = ", ".join([*parameter.opts, *parameter.secondary_opts])
    kind = "" if getattr(parameter, "is_flag", False) else f" {parameter.metavar or 'VALUE'}"
    return f"`{names}{kind}`"


def _meaning(parameter: Any) -> str:
    words = _plain(getattr(parameter, "help", "") or "").replace("|", "\\|")
    default = parameter.default
    shown = (
        getattr(parameter, "show_default", True) and default not in (None, "", False, (), []) and not callable(default)
    )
    return f"{words} (`{default}`)" if shown else words


def _plain(text: str) -> str:
    """Return help as one paragraph that Markdown takes literally."""
    return " ".join(text.split()).replace("*", "\\*").replace("<", "&lt;").replace("[", "\\[")
