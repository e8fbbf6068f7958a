"""What the benchmarks measured, and what the documents quote of it.

    python benchmarks/engines.py --save    # prints its tables, and keeps them in benchmarks/results/engines.json
    python benchmarks/figures.py           # writes the kept figures into the documents, between their marks

So no figure in a document is typed by hand; `tests/test_figures.py` holds the documents to the results that are kept.
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
WIDTH = 80  # columns of a screen
PACKAGES = ("numpy", "torch", "numba", "jax", "scikit-learn", "scikit-learn-intelex", "pyarrow")
BLOCK = re.compile(r"(<!-- figures: ([\w, ]+) -->\n).*?(<!-- end of figures -->)", re.DOTALL)
CELLS = {  # what stands in a cell of a table: the file, what stands before it
    "README.md": r"(beside JAX and beside a PyTorch loop \| )[^|]*( \|)",
    "README.zh.md": r"(与 JAX、与 PyTorch 循环相比 \| )[^|]*( \|)",
}
FAST = {"README.md": "{} and {} times as fast", "README.zh.md": "{} 倍，{} 倍"}
PAGES = ("speed", "processes", "outgrowing", "dask", "tables", "lab")
DOCUMENTS = (*(f"docs/{page}.md" for page in PAGES), "README.md", "README.zh.md")


@dataclass(frozen=True)
class Figures:
    """One table.

    Attributes
    ----------
    title : str
    columns : sequence of str
        The first is that of the rows' names.
    rows : list of list of str
    """

    title: str
    columns: Sequence[str]
    rows: list[list[str]]

    def column(self, name: str) -> dict[str, str]:
        """Return a column's cells by the rows' names."""
        place = list(self.columns).index(name)
        return {row[0]: row[place] for row in self.rows}


class Report:
    """Prints a benchmark's tables as they come, and keeps them at the end if it is told so.

    Parameters
    ----------
    name : str
        Of the benchmark: the file is ``benchmarks/results/NAME.json``.
    save : bool
    packages : sequence of str
        Whose versions are kept.
    """

    def __init__(self, name: str, *, save: bool, packages: Sequence[str] = PACKAGES) -> None:
        self._name, self._save, self._packages = name, save, packages
        self._tables: list[Figures] = []

    def add(self, table: Figures) -> None:
        """Print a table, and keep it."""
        from rich.box import SIMPLE_HEAD
        from rich.console import Console
        from rich.table import Table

        shown = Table(title=table.title, title_justify="left", box=SIMPLE_HEAD)
        for place, column in enumerate(table.columns):
            words = " ".join([column, *(row[place] for row in table.rows)]).split()
            shown.add_column(column, justify="right" if place else "left", min_width=max(map(len, words)))
        for row in table.rows:
            shown.add_row(*row)
        Console(width=min(WIDTH, Console().width)).print(shown)
        self._tables.append(table)

    def close(self) -> None:
        """Write the file, with the command, the day, the machine and the versions."""
        if not self._save:
            return
        RESULTS.mkdir(exist_ok=True)
        words = {
            "command": " ".join(["python", f"benchmarks/{self._name}.py", *(w for w in sys.argv[1:] if w != "--save")]),
            "date": datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
            "machine": machine(),
            "versions": versions(self._packages),
            "tables": [asdict(table) for table in self._tables],
        }
        path = RESULTS / f"{self._name}.json"
        path.write_text(json.dumps(words, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def machine() -> str:
    """Say what this runs on."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        name = platform.processor() or platform.machine()
    return f"{name}, {os.cpu_count()} cores, {platform.system()}"


def versions(packages: Sequence[str]) -> dict[str, str]:
    """Return the versions of what is measured, as far as it is installed."""
    found = {"Python": platform.python_version()}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def kept(name: str) -> tuple[dict[str, str], list[Figures]]:
    """Return what is kept of a benchmark: what it was run on, and its tables."""
    words = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return words, [Figures(**table) for table in words.pop("tables")]


def as_markdown(name: str) -> str:
    """Return a benchmark's tables and where they come from; how to make them, if it has not been run yet."""
    if not (RESULTS / f"{name}.json").exists() and (ROOT / "benchmarks" / f"{name}.py").exists():
        return f"No figures are kept yet: `python benchmarks/{name}.py --save`.\n\n"
    words, tables = kept(name)
    parts = [PIVOTS[name](tables)] if name in PIVOTS else [_table(each) for each in tables]
    used = ", ".join(f"{package} {number}" for package, number in words["versions"].items())  # type: ignore[attr-defined]
    return "\n\n".join([*parts, f"`{words['command']}`, {words['date']}: {words['machine']}; {used}."]) + "\n\n"


def _table(table: Figures) -> str:
    head = [table.title, *table.columns[1:]]
    lines = [head, ["---"] * len(head), *table.rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _beside_fused(tables: list[Figures]) -> str:
    """Put the epochs of every network into one table, a column each; `fused` is 1."""
    epochs = [table for table in tables if table.title.startswith("an epoch of ")]
    names = list(dict.fromkeys(row[0] for table in epochs for row in table.rows))
    rows = []
    for name in names:
        row = [name]
        for table in epochs:
            ratio = table.column("times fused").get(name, "")
            row.append(f"1 ({table.column('ms')[name]} ms)" if name == "fused" else ratio)
        rows.append(row)
    titles = [table.title.removeprefix("an epoch of ").partition(";")[0] for table in epochs]
    others = [_table(table) for table in tables if table not in epochs]
    return "\n\n".join([_table(Figures("an epoch; more is slower", ["", *titles], rows)), *others])


PIVOTS: dict[str, Callable[[list[Figures]], str]] = {"fused": _beside_fused}


def times_as_fast() -> tuple[str, str]:
    """Return how many times as fast as JAX and as a PyTorch loop the MLP's epoch is, by what `auto` takes."""
    _, tables = kept("fused")
    table = next(each for each in tables if "MLP 784-256-10" in each.title)
    own = min(float(table.column("ms")[name]) for name in ("fused", "fused, Numba"))
    peers = (float(table.column("ms")[name]) for name in ("JAX, jit and scan", "PyTorch, in memory"))
    jax, pytorch = (f"{peer / own:.1f}" for peer in peers)
    return jax, pytorch


def update(document: str, text: str) -> str:
    """Return a document's text with the figures that are kept."""
    text = BLOCK.sub(lambda found: found[1] + "".join(map(as_markdown, found[2].split(", "))) + found[3], text)
    if document in CELLS:
        fast = FAST[document].format(*times_as_fast())
        text, cells = re.subn(CELLS[document], lambda found: found[1] + fast + found[2], text)
        if not cells:
            raise ValueError(f"{document} has no cell for the speed of an epoch")
    return text


def main() -> None:
    """Write the figures into the documents."""
    for document in DOCUMENTS:
        path = ROOT / document
        path.write_text(update(document, path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
