"""Where numbers are computed: versions, machine and threads, which may make a rounding differ."""

from __future__ import annotations

import functools
import platform

LIBRARIES = ("llvmlite", "numba", "numpy", "scipy", "torch")


def environment() -> dict[str, str]:
    """Return the versions of twofold, Python and the libraries that compute, the kind of machine, and the threads.

    Without threadpoolctl nobody knows the threads: they are left out.

    Examples
    --------
    >>> {"machine", "numpy", "python", "threads", "twofold"} <= set(environment())
    True
    """
    found = {**_versions(), "machine": f"{platform.system()} {platform.machine()}"}
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return found
    return found | {"threads": str(max((pool["num_threads"] for pool in threadpool_info()), default=1))}


@functools.cache  # looking into installed packages takes longer than a small training
def _versions() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version  # not at the top: it takes 10 ms, and a browser 150

    from twofold import __version__

    found = {"twofold": __version__, "python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # it takes no part
            continue
    return found
