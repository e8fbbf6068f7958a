"""Why it is as it is: claims that textbooks make, each shown by numbers that are computed when it is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.data import load_dataset
from twofold.engines import open_engine
from twofold.functions import LOSSES, softmax
from twofold.inspect.collapse import collapse
from twofold.inspect.tracing.record import Table
from twofold.models import build_network
from twofold.network import Network, initialize
from twofold.randomness import Purpose, stream
from twofold.recipe import Recipe
from twofold.training import train

Array = NDArray[Any]


@dataclass(frozen=True)
class Demonstration:
    """A claim, the numbers that show it, and what they say.

    Attributes
    ----------
    claim : str
    formula : str
    table : Table
    conclusion : str
    holds : bool
        Whether the numbers bear the claim out.
    """

    claim: str
    formula: str
    table: Table
    conclusion: str
    holds: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the fields by name; JSON writes what is not finite as None."""
        return asdict(self)

    def __str__(self) -> str:
        from twofold.inspect.tracing.text import table_lines

        return "\n".join([self.claim, f"  {self.formula}", "", *table_lines(self.table, digits=2), "", self.conclusion])


def softmax_argmax(seed: int = 0) -> Demonstration:
    """Show that softmax doesn't change which class is predicted.

    Parameters
    ----------
    seed : int
        Of the random outputs.

    Returns
    -------
    Demonstration

    Examples
    --------
    >>> softmax_argmax().holds
    True
    """
    draw = stream(seed, Purpose.DIRECTION, 10)
    examples = ([1.0, 3.0, 2.0], [1000.0, 1001.0, 999.0], [-1000.0, -1001.0, -999.0], [0.0, 800.0, -800.0])
    rows: list[tuple[Any, ...]] = []
    holds = True
    for outputs in examples:
        o = np.array([outputs])
        p = softmax(o)
        rows.append((_vector(o[0]), _vector(p[0]), int(o.argmax()), int(p.argmax())))
        holds &= bool(o.argmax() == p.argmax())
    for scale in (1, 1000):
        O = scale * draw.standard_normal((100_000, 10))
        same = int((O.argmax(axis=1) == softmax(O).argmax(axis=1)).sum())
        rows.append((f"100000 random rows of 10, times {scale}", f"{same} the same", None, None))
        holds &= same == len(O)
    return Demonstration(
        "Softmax does not change which class is predicted.",
        "argmax_j softmax(o)_j = argmax_j o_j, since exp rises and the sum is the same for all j",
        Table(("outputs o", "softmax(o)", "argmax of o", "argmax of softmax"), tuple(rows)),
        "A prediction needs no softmax; the probabilities do.",
        holds,
    )


def squared_loss() -> Demonstration:
    """Show that the squared loss on probabilities tells predictions apart that are equally right.

    Returns
    -------
    Demonstration

    Examples
    --------
    >>> print(squared_loss())
    The squared loss asks more of probabilities than that the right class is probable.
      with y = (1, 0, 0): |y_hat - y|^2 / 2 against -log y_hat_y
    <BLANKLINE>
    y_hat            prediction  |y_hat - y|^2 / 2  cross entropy
    (0.6, 0.2, 0.2)           0               0.12       0.510826
    (0.6, 0, 0.4)             0               0.16       0.510826
    <BLANKLINE>
    Prediction and cross entropy are the same; the squared loss differs by what the wrong classes got.
    """
    y = np.array([1.0, 0.0, 0.0])
    rows = [
        (_vector(p), int(p.argmax()), float(np.square(p - y).sum() / 2), float(-np.log(p[0])))
        for p in (np.array([0.6, 0.2, 0.2]), np.array([0.6, 0.0, 0.4]))
    ]
    (_, _, first, one), (_, _, second, two) = rows
    return Demonstration(
        "The squared loss asks more of probabilities than that the right class is probable.",
        "with y = (1, 0, 0): |y_hat - y|^2 / 2 against -log y_hat_y",
        Table(("y_hat", "prediction", "|y_hat - y|^2 / 2", "cross entropy"), tuple(rows)),
        "Prediction and cross entropy are the same; the squared loss differs by what the wrong classes got.",
        one == two and first != second,
    )


def no_activation(seed: int = 0) -> Demonstration:
    """Show that a network of any depth without activation equals one layer, and that one with ReLU doesn't.

    Parameters
    ----------
    seed : int
        Of weights and samples.

    Returns
    -------
    Demonstration

    Examples
    --------
    >>> no_activation().holds
    True
    """
    X = stream(seed, Purpose.DIRECTION, 11).standard_normal((500, 4))
    rows: list[tuple[Any, ...]] = []
    for widths in ((4, 5, 3), (4, 8, 8, 8, 3), (4, *[16] * 20, 3)):
        deep = Network(widths, "identity")
        parameters = initialize(deep, seed, initialization="xavier")
        outputs = _outputs(deep, parameters, X)
        apart = np.abs(outputs - _outputs(*collapse(deep, parameters), X)).max() / np.abs(outputs).max()
        rows.append((f"identity, {len(widths) - 1} layers", "its collapse", float(apart)))
        relu = replace(deep, activation="relu")
        bent = _outputs(relu, parameters, X)
        affine = np.column_stack([X, np.ones(len(X))])
        best = affine @ np.linalg.lstsq(affine, bent, rcond=None)[0]
        rows.append((f"relu, {len(widths) - 1} layers", "the best layer there is",
                     float(np.abs(bent - best).max() / np.abs(bent).max())))  # fmt: skip
    return Demonstration(
        "A deep network without activation is one layer.",
        "(X W_h + b_h) W_o + b_o = X (W_h W_o) + (b_h W_o + b_o)",
        Table(("network", "one layer", "largest difference of outputs, relative"), tuple(rows)),
        "Without activation one layer says the same to rounding; with ReLU no single layer comes near.",
        all((row[2] < 1e-12) == row[0].startswith("identity") for row in rows),
    )


def naive_softmax() -> Demonstration:
    """Show what softmax without subtracting the maximum does at large outputs.

    Returns
    -------
    Demonstration

    Examples
    --------
    >>> naive_softmax().table.rows[-2][1]
    (nan, nan)
    """
    rows = []
    for size in (1.0, 100.0, 709.0, 1000.0, -1000.0):
        o = np.array([size, size - 1])
        with np.errstate(over="ignore", invalid="ignore"):
            naive = np.exp(o) / np.exp(o).sum()
            loss = -np.log(naive[0])
        ours, _ = LOSSES["cross_entropy"].samples(o[None], np.array([0]))
        rows.append((_vector(o), _vector(naive), _vector(softmax(o[None])[0]), float(loss), float(ours[0])))
    right = float(np.log1p(np.exp(-1.0)))
    return Demonstration(
        "Softmax as it is written in books overflows; with the maximum subtracted it can't.",
        "exp(o_j) / sum_i exp(o_i) = exp(o_j - m) / sum_i exp(o_i - m), m = max_i o_i",
        Table(("o", "naive softmax", "softmax", "naive loss of class 0", "loss of class 0"), tuple(rows)),
        "exp overflows float64 above 709.78, and infinity / infinity is no number; below -745 all terms are 0.",
        all(abs(row[4] - right) < 1e-12 for row in rows) and bool(np.isnan(rows[-2][3]) and np.isnan(rows[-1][3])),
    )


def likelihood() -> Demonstration:
    """Show that the largest likelihood and the smallest mean cross entropy are at the same place.

    Returns
    -------
    Demonstration

    Examples
    --------
    >>> likelihood().holds
    True
    """
    seven, n = 7, 10
    rows: list[tuple[Any, ...]] = []
    for p in (0.1, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9):
        joint = p**seven * (1 - p) ** (n - seven)
        entropy = -(seven * np.log(p) + (n - seven) * np.log(1 - p)) / n
        rows.append((f"7 of 10 heads, P(head) = {p}", joint, float(entropy), float(np.exp(-n * entropy))))
    largest = max(rows, key=lambda row: row[1])
    smallest = min(rows, key=lambda row: row[2])
    trained = _trained_likelihoods()
    rows += trained
    order = sorted(trained, key=lambda row: row[1])
    return Demonstration(
        "The likelihood is largest where the mean cross entropy is smallest.",
        "product_i P(y_i) = exp(-n l), l = -(1/n) sum_i log P(y_i)",
        Table(("model", "likelihood of the sample", "mean cross entropy l", "exp(-n l)"), tuple(rows)),
        "The two columns turn over at the same place: minimising the cross entropy is maximising the likelihood.",
        largest is smallest
        and order == sorted(trained, key=lambda row: -row[2])
        and all(np.isclose(row[1], row[3], rtol=1e-9) for row in rows),
    )


def _trained_likelihoods() -> list[tuple[Any, ...]]:
    """Give 20 animals' joint likelihood under softmax regression, epoch by epoch."""
    data = load_dataset("toy-animals")
    engine = open_engine("scratch", build_network("softmax", data), dtype="float64")
    X, y = data.train.X[:20], data.train.y[:20]
    rows = []
    for epoch in train(engine, data, Recipe(epochs=6, batch_size=16, learning_rate=0.5)):
        outputs = engine.outputs(X)
        joint = float(np.prod(softmax(outputs)[np.arange(20), y]))
        entropy = LOSSES["cross_entropy"].value(outputs, y)
        if epoch.epoch % 2 == 0:
            rows.append((f"20 animals, softmax, epoch {epoch.epoch}", joint, entropy, np.exp(-20 * entropy)))
    return rows


DEMONSTRATIONS: dict[str, tuple[Callable[[], Demonstration], str]] = {
    "softmax-argmax": (softmax_argmax, "softmax does not change which class is predicted"),
    "squared-loss": (squared_loss, "squared loss against cross entropy on (0.6, 0.2, 0.2) and (0.6, 0, 0.4)"),
    "no-activation": (no_activation, "a deep network without activation is one layer"),
    "naive-softmax": (naive_softmax, "what softmax does at 1000 when the maximum isn't subtracted"),
    "likelihood": (likelihood, "maximum likelihood is minimum cross entropy"),
}


def _outputs(network: Network, parameters: Any, X: Array) -> Array:
    return open_engine("scratch", network, parameters=parameters, dtype="float64").outputs(X)


def _vector(values: Array) -> tuple[float, ...]:
    return tuple(values.tolist())
