"""Text that comes from data, made fit to be shown: headers, classes, cells, file names, what a server or a file says.

One function for each way out: `visible` for a screen, a page or a picture, and `file_name` for a file's name. Pages of
HTML and pictures put everything through `visible` themselves (`twofold.pages`, `twofold.plots`), as does the screen of
the command line and the message of each of twofold's errors.
"""

from __future__ import annotations

import re
import unicodedata

UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # controls, formats such as bidi's, lone surrogates, ends of lines
JOINERS = "\u200c\u200d"  # formats too, that emoji, Persian and the scripts of India are written with
NO_CHARACTERS = "\ufffe\uffff"  # no XML holds them
MAX_FILE_NAME = 100  # letters of a file's name, well below what file systems take
TAKEN = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)  # devices, on Windows


def visible(text: str, *, keep: str = "") -> str:
    r"""Write characters that a screen would obey, or not show, as escapes.

    Parameters
    ----------
    text : str
    keep : str
        Characters that stay, such as the ends of lines of a text of our own.

    Returns
    -------
    str
        Without control characters (C0, C1, ESC), bidi controls, separators of lines or lone surrogates: in one line
        that steers no terminal and that UTF-8 can encode.

    Examples
    --------
    >>> print(visible("a\x1b[2Jb"), visible("año\n"), visible("\u202etxt"))
    a\x1b[2Jb año\n \u202etxt
    """
    if text.isprintable():
        return text
    return re.sub("[^ -~]", lambda found: found[0] if found[0] in keep or _seen(found[0]) else _escaped(found[0]), text)


def _seen(letter: str) -> bool:
    return letter in JOINERS or (unicodedata.category(letter) not in UNSEEN and letter not in NO_CHARACTERS)


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode()


def file_name(text: str) -> str:
    """Make a file's name of any text: no folder, nothing that a system refuses or hides.

    Examples
    --------
    >>> file_name("../up/images"), file_name("50% [a|b]?"), file_name("..")
    ('_up_images', '50% [a_b]_', 'unnamed')
    """
    name = re.sub(r'[\\/:*?"<>|]', "_", visible(text)).strip(". ")[:MAX_FILE_NAME].rstrip(". ")
    return f"_{name}" if TAKEN.match(name) else name or "unnamed"
