"""The contestants of `speedrun.py`: each a function that reads Fashion-MNIST, trains one plan, and returns an accuracy.

    python benchmarks/speedrunners.py CONTESTANT PLAN SEED    # prints the accuracy; PLAN is JSON of `speedrun.Plan`

Every run is a process of its own, so the libraries are imported where they are used, and nothing else is.
"""

from __future__ import annotations

import gzip
import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import torch

    Array = np.ndarray[Any, Any]
    Parts = tuple[Array, Array, Array, Array]
    Words = dict[str, Any]

CHOSEN_ON = 10_000  # training images, the last ones, on which recipes were chosen


def cut(parts: Parts, words: Words) -> Parts:
    """Return the images and labels to train on, then those to score: the test set, or training images held out."""
    import numpy as np

    X, y, test_X, test_y = parts
    if words["held_out"]:
        X, y, test_X, test_y = X[:-CHOSEN_ON], y[:-CHOSEN_ON], X[-CHOSEN_ON:], y[-CHOSEN_ON:]
    X, y = X[: words["rows"]], y[: words["rows"]]
    if words["mirrored"]:
        X, y = np.concatenate([X, X[:, :, ::-1]]), np.concatenate([y, y])
    return X, y, test_X, test_y


def read(words: Words) -> Parts:
    """Read the four files as one who knows their format does: images as float32 from 0 to 1, a row each."""
    import numpy as np

    def numbers(path: str, header: int) -> Array:
        with gzip.open(path) as file:
            return np.frombuffer(file.read(), np.uint8, offset=header)

    images, labels, test_images, test_labels = (
        numbers(path, header) for path, header in zip(words["files"], (16, 8, 16, 8), strict=True)
    )
    X, y, test_X, test_y = cut(
        (images.reshape(-1, 28, 28), labels, test_images.reshape(-1, 28, 28), test_labels), words
    )
    X, test_X = (np.divide(part.reshape(-1, 784), 255, dtype=np.float32) for part in (X, test_X))
    return X, y.astype(np.int64), test_X, test_y.astype(np.int64)


def accuracy(outputs: Callable[[Array], Array], X: Array, y: Array, words: Words) -> float:
    """Return the part of images whose class has the largest output; with mirror images, of both outputs together."""
    O = outputs(X)
    if words["mirrored"]:
        O = O + outputs(X.reshape(-1, 28, 28)[:, :, ::-1].reshape(X.shape))
    return float((O.argmax(axis=1) == y).mean())


def with_twofold(words: Words, seed: int) -> float:
    """Train by `twofold.train`, on the plan's engine."""
    import twofold as tw

    data = tw.load_dataset("fashion-mnist")
    X, y, test_X, test_y = cut((data.train.X, data.train.y, data.test.X, data.test.y), words)
    network = tw.Network((784, *words["hidden"], 10), dropout=words["dropout"], normalization=words["normalization"])
    name, _, precision = words["engine"].partition(", ")
    engine = tw.open_engine(
        name, network, seed=seed, initialization="he", **({"precision": precision} if precision else {})
    )
    recipe = tw.Recipe(
        epochs=words["epochs"],
        batch_size=words["batch_size"],
        learning_rate=words["rate"],
        optimizer=words["optimizer"],
        weight_decay=words["decay"],
        schedule=words["schedule"],
        label_smoothing=words["smoothing"],
        seed=seed,
    )
    for _ in tw.train(engine, tw.Dataset("fashion-mnist", tw.Samples(X, y)), recipe):
        pass
    return accuracy(engine.outputs, test_X.reshape(-1, 784), test_y, words)


def module(words: Words) -> torch.nn.Sequential:
    """Make a plan's network as PyTorch writes it."""
    from itertools import pairwise

    from torch import nn

    layers: list[nn.Module] = []
    for inputs, outputs in pairwise((784, *words["hidden"])):
        layers.append(nn.Linear(inputs, outputs))
        if words["normalization"]:
            layers.append(nn.BatchNorm1d(outputs))
        layers.append(nn.ReLU())
        if words["dropout"]:
            layers.append(nn.Dropout(words["dropout"]))
    return nn.Sequential(*layers, nn.Linear(words["hidden"][-1], 10))


def outputs_of(model: torch.nn.Module) -> Callable[[Array], Array]:
    """Return the outputs of a PyTorch model as a function of images."""
    import torch

    model.eval()

    def outputs(X: Array) -> Array:
        with torch.inference_mode():
            return model(torch.from_numpy(X)).numpy()

    return outputs


def textbook(words: Words, seed: int) -> float:
    """Run the loop of "Dive into Deep Learning": SGD at a constant rate, minibatches from a DataLoader."""
    import torch
    from torch import nn
    from torch.utils import data

    torch.manual_seed(seed)
    images, labels, *test = read(words)
    X, y = torch.from_numpy(images), torch.from_numpy(labels)
    train_iter = data.DataLoader(data.TensorDataset(X, y), words["batch_size"], shuffle=True)
    net = module(words)
    loss = nn.CrossEntropyLoss(reduction="none", label_smoothing=words["smoothing"])
    trainer = torch.optim.SGD(net.parameters(), lr=words["rate"])
    for _ in range(words["epochs"]):
        for features, labels in train_iter:
            value = loss(net(features), labels)
            trainer.zero_grad()
            value.mean().backward()
            trainer.step()
    return accuracy(outputs_of(net), *test, words)


def pytorch_tuned(words: Words, seed: int) -> float:
    """Write the loop for speed: tensors in memory, AdamW's fused update, one cycle of the rate."""
    import torch

    torch.manual_seed(seed)
    images, labels, *test = read(words)
    X, y = torch.from_numpy(images), torch.from_numpy(labels)
    model, size = module(words), words["batch_size"]
    steps = words["epochs"] * -(-len(X) // size)
    weights, others = ([p for p in model.parameters() if (p.ndim > 1) is decays] for decays in (True, False))
    groups = [{"params": weights}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=words["rate"], weight_decay=words["decay"], fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, words["rate"], steps, cycle_momentum=False)
    criterion = torch.nn.CrossEntropyLoss(label_smoothing=words["smoothing"])
    for _ in range(words["epochs"]):
        for rows in torch.randperm(len(X)).split(size):
            loss = criterion(model(X.index_select(0, rows)), y.index_select(0, rows))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return accuracy(outputs_of(model), *test, words)


def keras_jax(words: Words, seed: int) -> float:
    """Fit a Keras model on JAX, its step compiled; one cycle of the rate as a cosine after a warm-up."""
    import keras

    keras.utils.set_random_seed(seed)
    X, y, test_X, test_y = read(words)
    layers: list[Any] = []
    for width in words["hidden"]:
        layers.append(keras.layers.Dense(width))
        if words["normalization"]:
            layers.append(keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5))
        layers.append(keras.layers.Activation("relu"))
        if words["dropout"]:
            layers.append(keras.layers.Dropout(words["dropout"]))
    model = keras.Sequential([keras.Input((784,)), *layers, keras.layers.Dense(10)])
    steps = words["epochs"] * -(-len(X) // words["batch_size"])
    rise = int(0.3 * steps)
    rate = keras.optimizers.schedules.CosineDecay(
        words["rate"] / 25, steps - rise, warmup_target=words["rate"], warmup_steps=rise
    )
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=words["smoothing"])
    optimizer = keras.optimizers.AdamW(rate, weight_decay=words["decay"])
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    model.compile(optimizer, loss, jit_compile=True)
    model.fit(X, keras.utils.to_categorical(y, 10), batch_size=words["batch_size"], epochs=words["epochs"], verbose=0)
    return accuracy(lambda images: model.predict(images, batch_size=len(images), verbose=0), test_X, test_y, words)


def sklearn_mlp(words: Words, seed: int) -> float:
    """Fit scikit-learn's MLPClassifier: Adam at a constant rate, which is all that it has beside SGD's schedules."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    X, y, test_X, test_y = read(words)
    model = MLPClassifier(
        words["hidden"],
        batch_size=words["batch_size"],
        learning_rate_init=words["rate"],
        max_iter=words["epochs"],
        n_iter_no_change=words["epochs"] + 1,
        random_state=seed,
    )
    warnings.simplefilter("ignore", ConvergenceWarning)  # the epochs are as many as planned
    return accuracy(model.fit(X, y).predict_proba, test_X, test_y, words)


CONTESTANTS: dict[str, Callable[[Words, int], float]] = {
    "twofold": with_twofold,
    "PyTorch": pytorch_tuned,
    "the textbook": textbook,
    "Keras on JAX": keras_jax,
    "scikit-learn": sklearn_mlp,
}

if __name__ == "__main__":
    print(CONTESTANTS[sys.argv[1]](json.loads(sys.argv[2]), int(sys.argv[3])))
