"""The lab as a folder of files for any web server: the page, this package, and CPython and NumPy in WebAssembly."""

from __future__ import annotations

import hashlib
import json
import os
import urllib.request
import zipfile
from collections.abc import Iterator
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any

from twofold.errors import ChecksumError, DataNotFoundError, DownloadError, SpecificationError
from twofold.lab.server import page_files
from twofold.lab.session import Session

PYODIDE = "0.27.7"
MIRROR = f"https://cdn.jsdelivr.net/pyodide/v{PYODIDE}/full/"
LOCK = "pyodide-lock.json"
CORE = {  # of the npm package pyodide 0.27.7
    "pyodide.js": "b4cb23a53aba19c221659b9fb40a2f18281d685691dc06647fb0afd0681baf98",
    "pyodide.asm.js": "6b4c90de5b7172873f04f21884d0e9d2274e305fe32116558fe3e4fbe3618d51",
    "pyodide.asm.wasm": "a50dd1843f805a0b7c45b61037ee0d7b26dfe85efe0e18ef95a34ad24e401f5f",
    "python_stdlib.zip": "16611534726e5d8ac2bd8f926410b2dcb8d6f49aa24913463533b457a2115c16",
    LOCK: "9c45b916001a750f4102fc287494f3eab215909c7535c626a20db80fd6333e2c",
}
WAIT = 60  # seconds for an answer of a mirror
NATIVE = {  # rooms that need more than NumPy, or that no message of a session reaches
    "baselines", "cli", "estimators", "exercises", "plots", "report", "solvers", "statistics", "tables",
}  # fmt: skip
EPOCH = (1980, 1, 1, 0, 0, 0)  # of the files in the archive, so that the same sources give the same bytes


def build_lab(folder: str | os.PathLike[str], pyodide: str = MIRROR) -> int:
    """Write the lab to a folder.

    Parameters
    ----------
    folder : path
        New or empty, or one that was built before.
    pyodide : str
        A folder, or an address that begins with https:// or http://, with the files of Pyodide 0.27.7: `CORE`, and
        NumPy's wheel as the lock file names it. Each is checked against its SHA-256 sum.

    Returns
    -------
    int
        Bytes that were written.

    Raises
    ------
    SpecificationError
        If the folder holds something else.
    DataNotFoundError, DownloadError
        If a file of Pyodide is not there.
    ChecksumError
        If it is another.
    """
    target = Path(folder)
    if target.exists() and not target.is_dir():
        raise SpecificationError(f"{target} is a file; name a new folder")
    if target.is_dir() and any(target.iterdir()) and not (target / "twofold.zip").exists():
        raise SpecificationError(f"{target} holds something else; name a new folder")
    parts = {**_page(), "twofold.zip": _package(), "first.json": _first()}
    parts |= {f"pyodide/{name}": content for name, content in _runtime(pyodide)}
    for name, content in parts.items():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return sum(map(len, parts.values()))


def _page() -> dict[str, bytes]:
    return dict(_walk(page_files(), ""))


def _walk(folder: Any, before: str) -> Iterator[tuple[str, bytes]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir() and entry.name not in ("__pycache__", "page"):
            yield from _walk(entry, f"{before}{entry.name}/")
        elif entry.is_file() and not entry.name.endswith(".pyc"):
            yield before + entry.name, entry.read_bytes()


def _package() -> bytes:
    """Return this package as an archive that Python imports from."""
    data = BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in _walk(files("twofold"), "twofold/"):
            if name.split("/")[1] in NATIVE:
                continue
            archive.writestr(zipfile.ZipInfo(name, EPOCH), content, zipfile.ZIP_DEFLATED, 9)
    return data.getvalue()


def _first() -> bytes:
    """Return the answers that the page begins with, so that there is something to see before Python has arrived."""
    session = Session()
    views = ["plane"]
    asked = ({"do": "choices"}, {"do": "setup", "setup": {}, "views": views})
    choices, first = (json.loads(session.answer(json.dumps(message))) for message in asked)
    return json.dumps({"choices": choices, "first": first}, ensure_ascii=False).encode()


def _runtime(source: str) -> Iterator[tuple[str, bytes]]:
    """Read the files of Pyodide that are needed, each checked."""
    for name, expected in CORE.items():
        content = _read(source, name)
        _check(source, name, content, expected)
        if name != LOCK:
            yield name, content
            continue
        lock = json.loads(content)
        numpy = lock["packages"]["numpy"]
        yield name, json.dumps({"info": lock["info"], "packages": {"numpy": numpy}}).encode()
        wheel = _read(source, numpy["file_name"])
        _check(source, numpy["file_name"], wheel, numpy["sha256"])
        yield numpy["file_name"], wheel


def _read(source: str, name: str) -> bytes:
    if not source.startswith(("https://", "http://")):
        try:
            return (Path(source) / name).read_bytes()
        except FileNotFoundError as error:
            raise DataNotFoundError(f"{source}: no file {name} there; it is one of Pyodide {PYODIDE}") from error
    try:
        with urllib.request.urlopen(f"{source.rstrip('/')}/{name}", timeout=WAIT) as answer:  # noqa: S310 - as asked
            content: bytes = answer.read()
            return content
    except OSError as error:
        raise DownloadError(f"{source}: {name} can't be had ({error}); name a mirror or a folder: --pyodide") from error


def _check(source: str, name: str, content: bytes, expected: str) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise ChecksumError(f"{source}: {name} has the sum {found}, not {expected} as Pyodide {PYODIDE}; get it again")
