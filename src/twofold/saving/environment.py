"""What a model was made with."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

LIBRARIES = ("numpy", "scipy", "torch")


def environment() -> dict[str, str]:
    """Return the versions of twofold, Python and the libraries that compute, and the kind of machine.

    Examples
    --------
    >>> sorted(environment())[:3]
    ['machine', 'numpy', 'python']
    """
    from twofold import __version__

    found = {"twofold": __version__, "python": platform.python_version()}
    found["machine"] = f"{platform.system()} {platform.machine()}"
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # it takes no part
            continue
    return found
