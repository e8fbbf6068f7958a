"""The command line: parse, call, print; no logic of its own.

Mistakes end in one line on standard error and exit code 2; ``--debug`` shows the traceback as well.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout

from twofold.deprecation import PARAMETERS, renamed
from twofold.text import visible


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        Those of the process otherwise.

    Returns
    -------
    int
        The exit code: 0, 2 for a mistake, 130 after Ctrl-C, 141 if nobody reads what is printed, 143 after SIGTERM
        where there are checkpoints.
    """
    from twofold.cli.streams import safe_output

    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    with _first_process_speaks(), safe_output() as (output, _):
        words = [_renamed(word) for word in words if word != "--debug"]
        if os.environ.get("WORLD_SIZE", "1") != "1" and words[:1] != ["train"]:
            return _complain("torchrun starts several processes, which is for `twofold train`", 2, debug=debug)
        code = _run(words, debug=debug)
        output.flush()
        failure = output.failure
        if failure is None or code:
            return code
        if isinstance(failure, BrokenPipeError):
            return 141
        why = f"the output can't be written: {failure.strerror or failure}"
        return _complain(f"{why}; files that were asked for are there all the same", 2, debug=debug)


@contextmanager
def _first_process_speaks() -> Iterator[None]:
    """Of the processes that ``torchrun`` has started let only the first one print."""
    if os.environ.get("RANK", "0") == "0":
        yield
        return
    with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        yield


def _run(words: list[str], *, debug: bool) -> int:
    """Run a command; what ends it early becomes a line and an exit code."""
    from typer import Abort

    from twofold.cli.app import command_line
    from twofold.cli.stopped import Stopped
    from twofold.errors import TwofoldError

    try:
        with warnings.catch_warnings():
            warnings.showwarning = _note
            code = command_line(words)(words, prog_name="twofold", standalone_mode=False)
    except (KeyboardInterrupt, Abort):
        code = 130
    except Stopped as stopped:
        from twofold.cli.safety import how_to_go_on

        return _complain(f"{stopped}; go on with: {how_to_go_on(words)}", stopped.code, debug=debug)
    except (TwofoldError, OSError) as error:
        return _complain_of(error, words, debug=debug)
    except MemoryError as error:
        return _complain(f"there is not enough memory for this: {error}", 2, debug=debug)
    except Exception as error:
        if type(error).__name__ == "OutOfMemoryError":  # PyTorch's, of a GPU; what follows is for programmers
            told = f"there is not enough memory for this: {str(error).partition('. ')[0]}"
        elif hasattr(error, "format_message"):  # Typer's own complaints; their base class has had several homes
            told = error.format_message() or "no command; see `twofold --help`"
        else:
            raise
        return _complain(told, 2, debug=debug)
    if code == 130:  # Ctrl-C, which some versions of Typer return and others raise
        return _complain("stopped", 130, debug=debug)
    return code if isinstance(code, int) else 0


def _renamed(word: str) -> str:
    """Return an option by its name of now, and tell who writes the old one."""
    option, equals, value = word.partition("=")
    options = {f"--{old.replace('_', '-')}": f"--{new.replace('_', '-')}" for old, new in PARAMETERS.items()}
    if option in options:
        _note(renamed(option, options[option]))
    return options.get(option, option) + equals + value


def _note(message: Warning | str, *_: object, **_more: object) -> None:
    """Show a warning as a line, without the place in our code that it came from."""
    print(f"twofold: {_in_one_line(str(message))}", file=sys.stderr)


def _complain(message: str, code: int, *, debug: bool) -> int:
    if debug:
        import traceback

        print(visible(traceback.format_exc(), keep="\n"), file=sys.stderr)
    print(f"twofold: {_in_one_line(message)}", file=sys.stderr)
    return code


def _complain_of(error: Exception, words: list[str], *, debug: bool) -> int:
    """Say what was wrong; that another process is gone says whichever of those left has noticed it first."""
    from twofold.errors import ProcessLostError

    if not isinstance(error, ProcessLostError):
        return _complain(str(error), 2, debug=debug)
    from twofold.cli.safety import how_to_go_on

    saved = any(word.startswith(("--checkpoint", "--resume")) for word in words)
    text = f"{error}; go on with: {how_to_go_on(words)}" if saved else str(error)
    if not error.first:
        return 1
    with redirect_stderr(sys.__stderr__):
        return _complain(text, 1, debug=debug)


def _in_one_line(text: str) -> str:
    """Join the lines of a message of somebody else's; two spaces stay, since names of files may have them."""
    return visible(" ".join(line.strip() for line in text.strip().split("\n")))
