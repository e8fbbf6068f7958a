"""Names of the arrays of a trace: capital letters for a batch, small ones for one sample; layers counted from 1."""

from __future__ import annotations

from dataclasses import dataclass

from twofold.inspect.tracing.record import Symbol


@dataclass(frozen=True)
class Symbols:
    """The symbols of a network's arrays.

    Attributes
    ----------
    samples : int
        With 1, ``o = x W + b``; otherwise ``O = X W + b``.
    layers : int
        Affine layers; with 1, W and b need no number.
    """

    samples: int
    layers: int

    def rows(self, letter: str, layer: int | None = None) -> Symbol:
        """Name an array with a row for each sample: X, Z, H or O."""
        letter = letter.lower() if self.samples == 1 else letter
        return self._numbered(letter, layer)

    def weights(self, layer: int) -> Symbol:
        """Name the weights of a layer, counted from 1."""
        return self._numbered("W", self._number(layer))

    def bias(self, layer: int) -> Symbol:
        """Name the bias of a layer, counted from 1."""
        return self._numbered("b", self._number(layer))

    def scale(self, layer: int) -> Symbol:
        """Name the scale of a normalised layer, counted from 1."""
        return Symbol(f"gamma{layer}", rf"\boldsymbol{{\gamma}}_{{{layer}}}")

    def trained(self, layer: int) -> dict[str, Symbol]:
        """Name what is trained of a layer, by its names in `twofold.network.Layer`."""
        return {"W": self.weights(layer), "b": self.bias(layer), "gamma": self.scale(layer)}

    def input(self, layer: int) -> Symbol:
        """Name what a layer takes: X, or the H below."""
        return self.rows("X") if layer == 1 else self.rows("H", layer - 1)

    def output(self, layer: int) -> Symbol:
        """Name what a layer's affine map gives: Z, or O of the last."""
        return self.rows("O") if layer == self.layers else self.rows("Z", layer)

    @property
    def probabilities(self) -> Symbol:
        """Name what softmax or sigmoid makes of the outputs."""
        return Symbol("y_hat", r"\hat{\mathbf{y}}") if self.samples == 1 else Symbol("Y_hat", r"\hat{\mathbf{Y}}")

    @property
    def targets(self) -> Symbol:
        """Name the targets as rows."""
        return self.rows("Y")

    def _number(self, layer: int) -> int | None:
        return None if self.layers == 1 else layer

    @staticmethod
    def _numbered(letter: str, layer: int | None) -> Symbol:
        number = "" if layer is None else str(layer)
        return Symbol(letter + number, rf"\mathbf{{{letter}}}" + (f"_{{{number}}}" if number else ""))


def gradient(symbol: Symbol) -> Symbol:
    """Name the gradient of the mean loss L with respect to an array: dW."""
    return Symbol(f"d{symbol.name}", rf"\frac{{\partial L}}{{\partial {symbol.latex}}}")


def updated(symbol: Symbol) -> Symbol:
    """Name an array after the step: W_new."""
    return Symbol(f"{symbol.name}_new", rf"{symbol.latex}^{{\mathrm{{new}}}}")


def marked(symbol: Symbol, mark: str) -> Symbol:
    """Name an array that came about in another way: dW_autograd."""
    return Symbol(f"{symbol.name}_{mark}", rf"\left.{symbol.latex}\right|_{{\text{{{mark}}}}}")
