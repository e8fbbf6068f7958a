"""Draw the pictures of docs/gallery.md: real Fashion-MNIST, and sets that are built in.

TWOFOLD_DATA=... python examples/gallery.py [FOLDER]
"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from twofold import Dataset, Network, Recipe, Samples, fit_table, load_dataset, open_engine, train
from twofold.pictures import draw, film_frames
from twofold.plots import (
    activation_plots,
    image_grid,
    network_diagram,
    panels,
    save,
    save_film,
    style,
    training_curves,
    weight_images,
    xyplot,
)
from twofold.saving import Model


def fit(network: Network, data: Dataset, recipe: Recipe, *, raw: Dataset | None = None, init: str = "he") -> Model:
    """Train a network on a data set."""
    engine = open_engine("scratch", network, initialization=init)
    return Model.of(engine, data, raw=raw, recipe=recipe, history=train(engine, data, recipe))


def fashion(folder: Path) -> None:
    """Draw what a classifier of images does, right and wrong."""
    data = load_dataset("fashion-mnist")
    softmax = fit(Network((784, 10)), data, Recipe(epochs=10, learning_rate=0.1), init="normal")
    mlp = fit(Network((784, 128, 64, 10)), data, Recipe(epochs=10, learning_rate=0.3))
    images, labels = data.train.X[:12], [data.classes[label] for label in data.train.y[:12]]
    save(image_grid(images, labels, columns=6), folder / "images.png", dpi=110)
    runs = {"softmax 784-10": softmax.history, "MLP 784-128-64-10": mlp.history}
    with style("auto"):
        loss, accuracy = panels(2)
        training_curves(runs, ax=loss)
        training_curves(runs, quantity="accuracy", ax=accuracy)
        save(loss, folder / "curves.svg")
        for subject in ("confusion", "calibration", "layers"):
            save(draw(subject, mlp, data)[0], folder / f"{subject}.svg")
    save(draw("weights", softmax, data)[0], folder / "weights.png", dpi=110)
    save(draw("mistakes", mlp, data)[0], folder / "mistakes.png", dpi=110)
    save(draw("predictions", mlp, data)[0], folder / "predictions.png", dpi=100)
    with style("dark"):
        wide = fit(Network((784, 128, 10)), data, Recipe(epochs=10, learning_rate=0.5), init="normal")
        features = weight_images(wide.parameters[0].W, (28, 28), most=15)
        save(features, folder / "features.png", dpi=90)


def plane(folder: Path) -> None:
    """Draw the regions of an MLP, and how they come about."""
    data = load_dataset("spirals")
    recipe = Recipe(epochs=60, batch_size=32, optimizer="adam", learning_rate=0.01)
    network = Network((2, 32, 32, 3))
    save(draw("regions", fit(network, data, recipe), data)[0], folder / "regions.png", dpi=90)
    engine = open_engine("scratch", network, initialization="he")
    short = dataclasses.replace(recipe, epochs=30)
    save_film(film_frames("regions", engine, data, short, frames=10), folder / "film.webp", dpi=80, seconds=0.4)


def regression(folder: Path) -> None:
    """Draw linear regression: the loss and the ways down, the fit, what it leaves over, the coefficients."""
    synthetic, houses, diabetes = (load_dataset(name) for name in ("synthetic", "houses", "diabetes"))
    recipe = Recipe(epochs=20, batch_size=10, learning_rate=0.03)
    line = Network((2, 1), loss="squared")
    with style("auto"):
        save(draw("surface", fit(line, synthetic, recipe), synthetic)[0], folder / "surface.svg")
        few = dataclasses.replace(houses, train=Samples(houses.train.X[:120], houses.train.y[:120]))
        model = fit(line, few.standardized(), recipe, raw=few)
        save(draw("residuals", model, few)[0], folder / "residuals.svg")
        ten = fit(Network((10, 1), loss="squared"), diabetes.standardized(), recipe, raw=diabetes)
        save(draw("coefficients", ten, diabetes)[0], folder / "coefficients.svg")
    save(draw("fit", model, few)[0], folder / "fit.png", dpi=90)


def tables(folder: Path) -> None:
    """Draw what matters in a table, and how predictions go with one column of it."""
    diabetes = load_dataset("diabetes")
    columns = dict(zip(diabetes.features, diabetes.train.X.T.tolist(), strict=True))
    found = fit_table({**columns, diabetes.target: diabetes.train.y[:, 0].tolist()}, diabetes.target)
    with style("auto"):
        save(found.importance().plot(), folder / "importance.svg")
        save(found.dependence("bmi").plot(), folder / "dependence.svg")


def diagrams(folder: Path) -> None:
    """Draw networks and activations."""
    animals = load_dataset("toy-animals")
    model = fit(Network((4, 5, 3)), animals, Recipe(epochs=40, batch_size=16, learning_rate=0.5), init="xavier")
    with style("auto"):
        save(network_diagram((4, 3)), folder / "network-4-3.svg")
        save(network_diagram((4, 5, 3)), folder / "network-4-5-3.svg")
        save(draw("network", model, animals)[0], folder / "network-weights.svg")
        save(network_diagram((784, 256, 10)), folder / "network-large.svg")
        save(activation_plots()[0], folder / "activations.svg")
        save(xyplot(lambda x: x**3 - 1 / x, 0.1, 3, derivative=lambda x: 3 * x**2 + 1 / x**2), folder / "xyplot.svg")
    with style("auto", language="zh"):
        save(network_diagram((4, 5, 3)), folder / "network-chinese.svg")


def main(folder: Path) -> None:
    """Draw everything."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in (diagrams, plane, regression, tables, fashion):
        part(folder)
    for path in folder.glob("*.png"):  # so many colours are enough for these
        with Image.open(path) as picture:
            small = picture.convert("RGB").quantize(256, dither=Image.Dither.NONE)
        small.save(path, optimize=True)
    sizes = {path.name: path.stat().st_size for path in sorted(folder.iterdir())}
    print("\n".join(f"{size:8,} {name}" for name, size in sizes.items()))
    print(f"{np.sum(list(sizes.values())):8,} in all")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/gallery"))
