"""The best that we know of both models on Fashion-MNIST, without convolution: test accuracy, mean of several seeds.

TWOFOLD_DATA=... python examples/best_fashion_mnist.py mlp|softmax [--seeds 5] [--validate]

Everything was chosen on the last 10000 training images, held out with ``--validate``; the test set is scored by the
weights of the last epoch.
"""

from __future__ import annotations

import argparse
import statistics
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from twofold import Dataset, Network, Recipe, Samples, load_dataset, open_engine, train

Images = NDArray[np.uint8]

SHIFTS = ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1))  # down and to the right, in pixels

NETWORKS = {
    "mlp": Network((784, 1024, 1024, 10), activation="relu", dropout=0.3, normalization="batch"),
    "softmax": Network((784, 10)),
}
RECIPES = {
    # 16 epochs of five images for one: 80 of the set as it is.
    "mlp": Recipe(
        epochs=16,
        batch_size=256,
        optimizer="adamw",
        learning_rate=0.003,
        weight_decay=0.01,
        schedule="one_cycle",
        label_smoothing=0.1,
    ),
    "softmax": Recipe(epochs=40, batch_size=256, optimizer="adam", learning_rate=0.002, schedule="one_cycle"),
}


def shifted(images: Images, down: int, right: int) -> Images:
    """Move images (n, 28, 28) by whole pixels; what comes in is black."""
    moved = np.roll(images, (down, right), axis=(1, 2))
    rows, columns = (slice(0, step) if step > 0 else slice(28 + step, 28) for step in (down, right))
    if down:
        moved[:, rows] = 0
    if right:
        moved[:, :, columns] = 0
    return moved


def prepare(model: str, *, validate: bool) -> Dataset:
    """Load the images; for the MLP, each in five places."""
    data = load_dataset("fashion-mnist")
    X, y = np.asarray(data.train.X).reshape(-1, 28, 28), data.train.y
    if validate:
        data = replace(data, test=Samples(X[50_000:].reshape(-1, 784), y[50_000:]))
        X, y = X[:50_000], y[:50_000]
    if model == "mlp":
        X, y = np.concatenate([shifted(X, *step) for step in SHIFTS]), np.tile(y, len(SHIFTS))
    return replace(data, train=Samples(X.reshape(-1, 784), y))


def main() -> None:
    """Train with each seed, and print the mean."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", choices=NETWORKS)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument(
        "--validate", action="store_true", help="hold out 10000 training images in place of the test set"
    )
    words = parser.parse_args()
    data = prepare(words.model, validate=words.validate)
    accuracies = []
    for seed in range(words.seeds):
        precision = "bfloat16" if words.model == "mlp" else None
        network, recipe = NETWORKS[words.model], replace(RECIPES[words.model], seed=seed)
        engine = open_engine("fused", network, seed=seed, initialization="he", precision=precision)
        *_, last = train(engine, data, recipe)
        accuracies.append(last.test_accuracy)
        print(f"seed {seed}: {last}", flush=True)
    spread = f", standard deviation {statistics.stdev(accuracies):.4f}" if len(accuracies) > 1 else ""
    print(f"{words.model}: mean accuracy {statistics.mean(accuracies):.4f} of {len(accuracies)} seeds{spread}")


if __name__ == "__main__":
    main()
