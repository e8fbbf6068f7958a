"""Layers: why there is an activation between them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.engines import open_engine
from twofold.inspect.collapse import collapse
from twofold.inspect.demonstrations.demonstration import Demonstration, in_language
from twofold.language import Text
from twofold.network import Network, initialize
from twofold.randomness import Purpose, stream

Array = NDArray[Any]


def no_activation(seed: int = 0, *, language: str = "en") -> Demonstration:
    """Show that a network of any depth without activation equals one layer, and that one with ReLU doesn't.

    Parameters
    ----------
    seed : int
        Of weights and samples.
    language : {"en", "zh"}

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
    holds = True
    for widths in ((4, 5, 3), (4, 8, 8, 8, 3), (4, *[16] * 20, 3)):
        deep = Network(widths, "identity")
        parameters = initialize(deep, seed, initialization="xavier")
        outputs = _outputs(deep, parameters, X)
        apart = float(np.abs(outputs - _outputs(*collapse(deep, parameters), X)).max() / np.abs(outputs).max())
        layers = len(widths) - 1
        rows.append(
            (
                Text(f"identity, {layers} layers", f"恒等函数，{layers} 层"),
                Text("its collapse", "合并而成的一层"),
                apart,
            )
        )
        holds &= apart < 1e-12
        relu = replace(deep, activation="relu")
        bent = _outputs(relu, parameters, X)
        affine = np.column_stack([X, np.ones(len(X))])
        best = affine @ np.linalg.lstsq(affine, bent, rcond=None)[0]
        apart = float(np.abs(bent - best).max() / np.abs(bent).max())
        rows.append(
            (Text(f"relu, {layers} layers", f"relu，{layers} 层"), Text("the best layer there is", "最好的一层"), apart)
        )
        holds &= apart > 1e-12
    return in_language(
        language,
        claim=Text("A deep network without activation is one layer.", "没有激活函数的深层网络就是一层。"),
        formula="(X W_h + b_h) W_o + b_o = X (W_h W_o) + (b_h W_o + b_o)",
        columns=(
            Text("network", "网络"),
            Text("one layer", "一层"),
            Text("largest difference of outputs, relative", "输出的最大相对差"),
        ),
        rows=rows,
        conclusion=Text(
            "Without activation one layer says the same to rounding; with ReLU no single layer comes near.",
            "没有激活函数时，一层就给出相同的输出（舍入误差之内）；有 ReLU 时，任何单层都差得很远。",
        ),
        holds=holds,
    )


def _outputs(network: Network, parameters: Any, X: Array) -> Array:
    return open_engine("scratch", network, parameters=parameters, dtype="float64").outputs(X)
