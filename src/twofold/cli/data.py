"""``twofold data``: list, get and show data sets."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option, Typer

from twofold.cli.options import AS_JSON, ROOT

if TYPE_CHECKING:
    from twofold.cli.screen import Screen
    from twofold.data import Dataset

data = Typer(help="List, get and show data sets.", no_args_is_help=True)

NAME = Annotated[str, Argument(help="A data set's name.", show_default=False)]


@data.command("list")
def list_(root: ROOT = None, as_json: AS_JSON = False) -> None:
    """List the data sets, and which of them are here."""
    from twofold.cli.screen import Screen
    from twofold.data import CATALOG
    from twofold.data.image_sets import IMAGE_SETS, find_files
    from twofold.errors import DataError

    def place(name: str) -> str:
        if name not in IMAGE_SETS:
            return "built in"
        try:
            paths = find_files(IMAGE_SETS[name], root)
        except DataError as error:
            return str(error)
        return "not here yet" if paths is None else str(paths[0].parent)

    rows = [(name, entry.summary, place(name)) for name, entry in CATALOG.items()]
    screen = Screen(as_json=as_json)
    screen.table("data sets", ("name", "what it is", "where"), rows, text=3)
    screen.result({name: {"summary": summary, "where": where} for name, summary, where in rows})


@data.command()
def get(name: NAME, root: ROOT = None, as_json: AS_JSON = False) -> None:
    """Download a data set, checked against its published MD5 sums, in torchvision's layout."""
    from twofold.cli.screen import Screen
    from twofold.data import CATALOG
    from twofold.data.image_sets import IMAGE_SETS, get_image_set
    from twofold.errors import match_name

    screen = Screen(as_json=as_json)
    name = match_name("data set", name, CATALOG)
    if name not in IMAGE_SETS:
        screen.say(f"{name} is built in; there is nothing to get")
        screen.result({"name": name, "folder": None})
        return
    with screen.downloading() as progress:
        folder = get_image_set(IMAGE_SETS[name], root, progress=progress)
    screen.say(f"{name} is in {folder}")
    screen.result({"name": name, "folder": str(folder)})


@data.command()
def show(
    name: Annotated[str, Argument(help="A data set's name, or a folder of IDX files.", show_default=False)],
    root: ROOT = None,
    output: Annotated[
        Path | None, Option("--output", "-o", help="Where the grid of images goes; NAME.png otherwise.")
    ] = None,
    as_json: AS_JSON = False,
) -> None:
    """Show a data set: sizes, classes, the seconds it takes to read, and a grid of labelled images as a PNG."""
    from twofold.cli.screen import Screen
    from twofold.data import load_dataset
    from twofold.files import check_place
    from twofold.plots import check_picture
    from twofold.text import file_name

    if output is not None:
        check_picture(output)
        check_place(output)
    screen = Screen(as_json=as_json)
    with screen.downloading() as progress:
        started = time.perf_counter()
        dataset = load_dataset(name, root, progress=progress)
        seconds = time.perf_counter() - started
    size = "x".join(map(str, dataset.train.X.shape[1:]))
    tests = 0 if dataset.test is None else len(dataset.test)
    screen.say(
        f"{dataset.name}: {len(dataset.train)} training and {tests} test samples of {size} {dataset.train.X.dtype}, "
        f"read in {seconds:.2f} s"
    )
    if dataset.classes:
        _show_classes(screen, dataset)
    else:
        _show_columns(screen, dataset)
    path = None if dataset.image_shape is None else output or Path(f"{file_name(dataset.name)}.png")
    if path is not None:
        _draw_grid(dataset, path)
        screen.say(f"the first images of each class: {path}")
        screen.say("drawn with 0 as paper and the largest number as ink; torchvision's grids are bright on black")
    screen.result(
        {
            "name": dataset.name,
            "training": len(dataset.train),
            "test": tests,
            "shape": list(dataset.train.X.shape[1:]),
            "dtype": str(dataset.train.X.dtype),
            "classes": list(dataset.classes),
            "features": list(dataset.features),
            "target": dataset.target,
            "seconds": seconds,
            "picture": None if path is None else str(path),
        }
    )


def _show_classes(screen: Screen, dataset: Dataset) -> None:
    import numpy as np

    parts = [dataset.train] if dataset.test is None else [dataset.train, dataset.test]
    counts = [np.bincount(part.y, minlength=len(dataset.classes)) for part in parts]
    rows = [(f"{i} {name}", *(str(count[i]) for count in counts)) for i, name in enumerate(dataset.classes)]
    screen.table("classes", ("class", "training", "test")[: 1 + len(parts)], rows)


def _show_columns(screen: Screen, dataset: Dataset) -> None:
    import numpy as np

    table = np.hstack([dataset.train.X, dataset.train.y])
    statistics = table.mean(axis=0), table.std(axis=0), table.min(axis=0), table.max(axis=0)
    names = (*dataset.features, dataset.target)
    rows = [(name, *(f"{value[i]:.4g}" for value in statistics)) for i, name in enumerate(names)]
    screen.table("columns of the training set", ("column", "mean", "std", "min", "max"), rows)


def _draw_grid(dataset: Dataset, path: Path) -> None:
    """Draw the first four training images of each class, a class under the other."""
    import numpy as np

    from twofold.plots import image_grid, save

    y = dataset.train.y
    chosen = np.concatenate([np.flatnonzero(y == label)[:4] for label in range(len(dataset.classes))])
    labels = [dataset.classes[label] for label in y[chosen]]
    save(image_grid(dataset.train.X[chosen], labels, columns=8), path)
