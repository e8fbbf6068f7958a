"""The peers that `fused.py` measures: each a function from a task to one that goes through one epoch.

Each is written as its own documentation would have it, with the data in memory in the form that suits it best, plain
SGD, and the same batch size and learning rate. The libraries are imported where they are used: those not installed
are left out of the table.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from twofold import Network, Recipe, initialize, open_engine
from twofold.randomness import epoch_order
from twofold.training import batch_edges

Epoch = Callable[[int], object]


@dataclass(frozen=True)
class Task:
    """What every contestant does: one network, one set of samples, plain SGD."""

    network: Network
    X: np.ndarray
    y: np.ndarray
    batch_size: int
    learning_rate: float

    @property
    def floats(self) -> np.ndarray:
        """Features as float32, bytes from 0 to 1."""
        X = self.X.reshape(len(self.X), -1)
        numbers = X.astype(np.float32)
        if X.dtype == np.uint8:
            numbers /= 255
        return numbers

    @property
    def squared(self) -> bool:
        """Whether the loss is the squared one; the cross entropy otherwise."""
        return self.network.loss == "squared"

    @property
    def targets(self) -> np.ndarray:
        """Targets, numbers as float32."""
        return self.y.astype(np.float32) if self.squared else self.y


def engine(name: str, **options: str) -> Callable[[Task], Epoch]:
    """Make one of ours; its running means are read at the end of an epoch as in `twofold.train`."""

    def make(task: Task) -> Epoch:
        worker = open_engine(name, task.network, initialization="he", **options)
        worker.load(task.X, task.y)
        worker.start(Recipe(batch_size=task.batch_size, learning_rate=task.learning_rate))
        edges = batch_edges(len(task.X), task.batch_size)

        def epoch(number: int) -> None:
            order = epoch_order(0, number, len(task.X))
            worker.begin_epoch()
            for start, end in pairwise(edges):
                worker.step(order[start:end], task.learning_rate)
            worker.running()

        return epoch

    return make


def module(network: Network) -> torch.nn.Sequential:
    """Make a network as PyTorch writes it."""
    layers: list[torch.nn.Module] = []
    for inputs, outputs in network.shapes:
        layers += [torch.nn.ReLU()] if layers else []
        layers.append(torch.nn.Linear(inputs, outputs))
    return torch.nn.Sequential(*layers)


def _torch_step(task: Task) -> tuple[torch.nn.Module, Callable[[torch.Tensor, torch.Tensor], object]]:
    model = module(task.network)
    optimizer = torch.optim.SGD(model.parameters(), lr=task.learning_rate)
    criterion = torch.nn.MSELoss() if task.squared else torch.nn.CrossEntropyLoss()

    def step(X: torch.Tensor, y: torch.Tensor) -> None:
        loss = criterion(model(X), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return model, step


def pytorch_in_memory(task: Task) -> Epoch:
    """Index, forward, backward, step: the loop that one writes with the data in memory."""
    X, y = torch.from_numpy(task.floats), torch.from_numpy(task.targets)
    _, step = _torch_step(task)

    def epoch(_number: int) -> None:
        for rows in torch.randperm(len(X)).split(task.batch_size):
            step(X.index_select(0, rows), y.index_select(0, rows))

    return epoch


@cache
def can_compile() -> bool:
    """Whether torch.compile works here: it needs a C++ compiler."""
    try:
        torch.compile(lambda x: x + 1)(torch.ones(2))
    except RuntimeError:
        return False
    return True


def pytorch_compiled(task: Task) -> Epoch:
    """Compile a whole step by torch.compile, gathering and update with it, on bytes where the data are bytes.

    Written so because it is the fastest of those tried: the loss alone under compile, a step with ``backward()`` and
    ``optimizer.step()``, floats in place of bytes, ``mode="max-autotune"`` and the C++ wrapper were slower or the same.
    """
    torch._dynamo.reset()  # it keeps a few versions of a function, and this one has one per network and size
    X, y = torch.from_numpy(task.X.reshape(len(task.X), -1)), torch.from_numpy(task.targets)
    y = y if task.squared else y.long()
    model = module(task.network)
    parameters = {name: parameter.detach() for name, parameter in model.named_parameters()}
    criterion = torch.nn.MSELoss() if task.squared else torch.nn.CrossEntropyLoss()
    as_bytes = task.X.dtype == np.uint8

    def loss(parameters: dict[str, torch.Tensor], x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        return criterion(torch.func.functional_call(model, parameters, (x,)), t)

    @torch.compile(dynamic=False, fullgraph=True)
    def step(rows: torch.Tensor) -> None:
        x = X.index_select(0, rows)
        x = x.float() / 255 if as_bytes else x
        gradients = torch.func.grad(loss)(parameters, x, y.index_select(0, rows))
        for name, parameter in parameters.items():
            parameter.sub_(gradients[name], alpha=task.learning_rate)

    @torch.no_grad()
    def epoch(_number: int) -> None:
        for rows in torch.randperm(len(X)).split(task.batch_size):
            step(rows)

    return epoch


def pytorch_loader(task: Task) -> Epoch:
    """TensorDataset and DataLoader."""
    pair = torch.utils.data.TensorDataset(torch.from_numpy(task.floats), torch.from_numpy(task.targets))
    loader = torch.utils.data.DataLoader(pair, batch_size=task.batch_size, shuffle=True)
    _, step = _torch_step(task)

    def epoch(_number: int) -> None:
        for X, y in loader:
            step(X, y)

    return epoch


class Images(torch.utils.data.Dataset[tuple[torch.Tensor, int]]):
    """What torchvision's FashionMNIST with ToTensor does for a sample: a PIL image, then its bytes as floats."""

    def __init__(self, X: np.ndarray, y: np.ndarray) -> None:
        self.X, self.y = torch.from_numpy(X), torch.from_numpy(y)

    def __len__(self) -> int:
        return len(self.X)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        from PIL import Image

        image = Image.fromarray(self.X[index].numpy())
        pixels = torch.from_numpy(np.array(image, np.uint8, copy=True)).view(28, 28, 1)
        return pixels.permute(2, 0, 1).contiguous().to(torch.float32).div(255), int(self.y[index])


def textbook(task: Task, test: tuple[np.ndarray, np.ndarray] | None = None) -> Epoch:
    """Run the textbook's loop over torchvision's data set, whose samples are made one by one.

    With a test set each epoch ends with the accuracy there, as the textbook's does.
    """
    loader = torch.utils.data.DataLoader(Images(task.X, task.y), batch_size=task.batch_size, shuffle=True)
    test_loader = () if test is None else torch.utils.data.DataLoader(Images(*test), batch_size=task.batch_size)
    model, step = _torch_step(task)

    def epoch(_number: int) -> None:
        for X, y in loader:
            step(X.flatten(1), y)
        with torch.no_grad():
            for X, y in test_loader:
                (model(X.flatten(1)).argmax(dim=1) == y).sum().item()

    return epoch


def jax_scan(task: Task) -> Epoch:
    """JAX with the whole epoch under jit and scan; the few samples of a short last minibatch are left out."""
    import jax
    import jax.numpy as jnp

    X, y = jnp.asarray(task.floats), jnp.asarray(task.targets)
    n, size = len(X), task.batch_size
    parameters = [(jnp.asarray(W), jnp.asarray(b)) for W, b in initialize(task.network, dtype="float32")]

    def loss(parameters: Any, x: Any, t: Any) -> Any:
        for W, b in parameters[:-1]:
            x = jax.nn.relu(x @ W + b)
        W, b = parameters[-1]
        o = x @ W + b
        if task.squared:
            return jnp.square(o - t).sum(axis=1).mean() / 2
        return -jnp.take_along_axis(jax.nn.log_softmax(o), t[:, None], axis=1).mean()

    def run(parameters: Any, key: Any) -> Any:
        order = jax.random.permutation(key, n)[: n // size * size].reshape(-1, size)

        def step(parameters: Any, rows: Any) -> Any:
            value, gradient = jax.value_and_grad(loss)(parameters, X[rows], y[rows])
            return jax.tree.map(lambda p, g: p - task.learning_rate * g, parameters, gradient), value

        return jax.lax.scan(step, parameters, order)

    compiled = jax.jit(run, donate_argnums=0)

    def epoch(number: int) -> None:
        nonlocal parameters
        parameters, values = compiled(parameters, jax.random.PRNGKey(number))
        values.block_until_ready()

    return epoch


def sklearn_mlp(task: Task) -> Epoch:
    """scikit-learn's MLPClassifier, an epoch by partial_fit; it has no network without a hidden layer."""
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    kind = MLPRegressor if task.squared else MLPClassifier
    options = {"solver": "sgd", "alpha": 0.0, "momentum": 0.0, "batch_size": task.batch_size}
    model = kind(hidden_layer_sizes=task.network.hidden, learning_rate_init=task.learning_rate, **options)
    X, y = task.floats, task.targets.ravel()
    words = {} if task.squared else {"classes": np.unique(y)}
    return lambda _number: model.partial_fit(X, y, **words)


def skorch_net(task: Task) -> Epoch:
    """Train skorch's NeuralNetClassifier, an epoch by partial_fit."""
    from skorch import NeuralNetClassifier

    net = NeuralNetClassifier(
        module(task.network), criterion=torch.nn.CrossEntropyLoss, lr=task.learning_rate, max_epochs=1,
        batch_size=task.batch_size, iterator_train__shuffle=True, train_split=None, verbose=0,
    )  # fmt: skip
    X, y = task.floats, task.y
    return lambda _number: net.partial_fit(X, y)


def lightning_trainer(task: Task) -> Epoch:
    """Fit a LightningModule by a Trainer of one epoch, everything that can be turned off turned off."""
    import lightning

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.model = module(task.network)

        def training_step(self, batch: Any, _index: int) -> Any:
            return torch.nn.functional.cross_entropy(self.model(batch[0]), batch[1])

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=task.learning_rate)

    pair = torch.utils.data.TensorDataset(torch.from_numpy(task.floats), torch.from_numpy(task.y))
    loader = torch.utils.data.DataLoader(pair, batch_size=task.batch_size, shuffle=True)
    learner = Module()
    off = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}

    def epoch(_number: int) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            lightning.Trainer(max_epochs=1, accelerator="cpu", **off).fit(learner, loader)

    return epoch


def keras_jax(task: Task) -> Epoch:
    """Keras on JAX, its step compiled; the benchmark sets KERAS_BACKEND."""
    import keras

    layers = [keras.layers.Dense(h, activation="relu") for h in task.network.hidden]
    model = keras.Sequential([keras.Input((task.network.inputs,)), *layers, keras.layers.Dense(task.network.outputs)])
    loss = "mse" if task.squared else keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.SGD(task.learning_rate), loss=loss, jit_compile=True)
    X, y = task.floats, task.targets
    return lambda _number: model.fit(X, y, batch_size=task.batch_size, epochs=1, verbose=0)
