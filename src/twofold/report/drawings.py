"""The pictures that fit a model and its data, as SVG within the page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any

from twofold.plots import (
    calibration_plot,
    coefficient_plot,
    confident_mistakes,
    confusion_matrix,
    network_diagram,
    prediction_grid,
    residual_plot,
    style,
    svg,
    training_curves,
    weight_images,
)
from twofold.report.blocks import Drawing
from twofold.report.subject import Subject
from twofold.run import Epoch
from twofold.solvers.summary import Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_CLASSES = 20  # of a confusion matrix that can be read
MAX_IMAGES = 15
MAX_POINTS = 2000  # of a scatter: more would make a heavy page that looks the same


class Easel:
    """Draws pictures that follow the reader's light or dark screen, each with ids of its own.

    Parameters
    ----------
    language : {"en", "zh"}
        Of the words in them.
    """

    def __init__(self, language: str = "en") -> None:
        self._numbers = count(1)
        self._language: Any = language

    def hang(self, draw: Callable[[], Axes | Figure], caption: str, *, mixed: bool = False) -> Drawing:
        """Draw a part of a page.

        Parameters
        ----------
        draw : callable
            Makes the picture, in the style that is in force.
        caption : str
        mixed : bool
            Whether it has colours between those of the theme, as images and shaded cells have: these can't follow the
            screen, so that it is drawn twice, and the style sheet shows one.

        Returns
        -------
        Drawing
        """
        if not mixed:
            with style("auto", language=self._language):
                return Drawing(self._inline(draw(), caption), caption)
        with style("light", language=self._language):
            light = self._inline(draw(), caption)
        with style("dark", language=self._language):
            dark = self._inline(draw(), caption)
        return Drawing(f'<div class="on-light">{light}</div><div class="on-dark">{dark}</div>', caption)

    def _inline(self, picture: Axes | Figure, caption: str) -> str:
        return inline(svg(picture), f"p{next(self._numbers)}-", caption)

    def curves(self, runs: Mapping[str, Sequence[Epoch]]) -> Iterator[Drawing]:
        """Draw loss, and accuracy where there is one, over the epochs."""
        records = [record for run in runs.values() for record in run]
        if not records:
            return
        shown = runs if len(runs) > 1 else next(iter(runs.values()))
        yield self.hang(lambda: training_curves(shown), "Mean loss over the epochs")
        if all(record.train_accuracy is not None for record in records):
            yield self.hang(lambda: training_curves(shown, quantity="accuracy"), "Accuracy over the epochs")

    def predictions(self, subject: Subject) -> Iterator[Drawing]:
        """Draw where the predictions are right and where they are wrong."""
        if subject.kind == "numbers":
            yield from self._residuals(subject)
        if subject.kind == "classes":
            yield from self._classes(subject)
            if subject.data.image_shape is not None:
                yield from self._images(subject)

    def learned(self, subject: Subject) -> Iterator[Drawing]:
        """Draw the network, and the weights of what reads images."""
        model, network = subject.model, subject.model.network
        names = tuple(model.features) if len(model.features) == network.inputs <= 6 else ()
        outputs = subject.classes if subject.kind == "classes" and network.outputs <= 6 else ()
        parameters = model.parameters if max(network.widths) <= 7 else None
        yield self.hang(
            lambda: network_diagram(network, parameters, inputs=names, outputs=outputs),
            f"The network, {subject.widths}",
            mixed=True,
        )
        shape = subject.data.image_shape
        if shape is not None and min(shape) > 1:
            units = subject.classes if not network.hidden and subject.kind == "classes" else ()
            what = "each class" if units else "units of the first layer"
            yield self.hang(
                lambda: weight_images(model.parameters[0].W, (shape[0], shape[1]), units),
                f"The weights of {what} as images: warm positive, cool negative",
                mixed=True,
            )

    def coefficients(self, summary: Summary) -> Drawing:
        """Draw the exact solution's coefficients with their intervals."""
        return self.hang(lambda: coefficient_plot(summary), "The exact solution's coefficients, with 95 % intervals")

    def _classes(self, subject: Subject) -> Iterator[Drawing]:
        actual, predicted, names = subject.actual, subject.predicted, subject.classes
        if len(names) <= MAX_CLASSES:
            yield self.hang(
                lambda: confusion_matrix(actual, predicted, names), "Which class was taken for which", mixed=True
            )
        P = subject.probabilities.astype(float)
        yield self.hang(lambda: calibration_plot(actual, P), "How often it is right, over how sure it is")

    def _images(self, subject: Subject) -> Iterator[Drawing]:
        images, actual, predicted, names = subject.samples.X, subject.actual, subject.predicted, subject.classes
        few = slice(0, MAX_IMAGES)
        yield self.hang(
            lambda: prediction_grid(images[few], actual[few], predicted[few], names),
            "The first samples and what was predicted; where that is wrong, the true class below",
            mixed=True,
        )
        if (actual != predicted).any():
            yield self.hang(
                lambda: confident_mistakes(images, actual, subject.probabilities, names),
                "The mistakes that it was surest of",
                mixed=True,
            )

    def _residuals(self, subject: Subject) -> Iterator[Drawing]:
        if subject.outputs.shape[1] != 1:
            return
        few = slice(0, MAX_POINTS)
        yield self.hang(
            lambda: residual_plot(subject.actual[few], subject.numbers[few]),
            "Residuals, actual minus predicted, over the predicted values",
        )


def inline(text: str, prefix: str, label: str) -> str:
    """Make an SVG file's text a part of a page: no prologue, ids of its own, a name for screen readers.

    Parameters
    ----------
    text : str
        As `twofold.plots.svg` gives it.
    prefix : str
        Goes before each id.
    label : str
        What the picture shows.

    Returns
    -------
    str
    """
    from markupsafe import escape

    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    # Within tags alone: a name of data may well say id=" or url(#.
    text = re.sub(r"<[^>]*>", lambda tag: re.sub(r'(\sid="|url\(#|href="#)', rf"\g<1>{prefix}", tag[0]), text)
    return text.replace("<svg ", f'<svg role="img" aria-label="{escape(label)}" ', 1)
