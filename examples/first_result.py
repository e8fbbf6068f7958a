"""Draw the picture of the README: two models, two ways, and how little lies between them.

TWOFOLD_DATA=... python examples/first_result.py [PICTURE]
"""

from __future__ import annotations

import sys
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from twofold import Network, Recipe, compare_engines, load_dataset

MODELS = {"MLP 784-256-10": (Network((784, 256, 10)), "#0072b2"), "softmax 784-10": (Network((784, 10)), "#d55e00")}


def main(path: Path) -> None:
    """Train both models with both engines for ten epochs, and draw."""
    data = load_dataset("fashion-mnist")
    recipe = Recipe(epochs=10, batch_size=256, learning_rate=0.1)
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    for name, (network, color) in MODELS.items():
        comparisons = list(compare_engines(network, data, recipe))
        epochs = [comparison.epoch for comparison in comparisons]
        scratch, concise = ([c.records[index].test_accuracy for c in comparisons] for index in (0, 1))
        left.plot(epochs, scratch, color=color, label=f"{name}, NumPy by hand")
        left.plot(epochs, concise, "o", color=color, mfc="none", label=f"{name}, PyTorch")
        right.semilogy(epochs, [c.max_parameter_difference for c in comparisons], "o-", color=color, label=name)
    left.set(xlabel="epoch", ylabel="test accuracy", title="Fashion-MNIST, learned twice")
    right.axhline(1e-12, color="0.5", linestyle="--", linewidth=1)
    right.text(1, 1.3e-12, "the promise", color="0.4", va="bottom", fontsize=9)
    right.set(xlabel="epoch", ylim=(1e-17, 1e-11), title="largest difference of parameters, relative")
    for ax in (left, right):
        ax.legend(frameon=False, fontsize=8)
        ax.spines[["top", "right"]].set_visible(False)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/first-result.png"))
