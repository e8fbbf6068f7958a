"""Who computes the outputs of many samples in `fused.py`: each a function from a task to one that does it once.

The peers have their features in memory as float32, ours take the images as they are, as bytes, and the same as floats.
Weights are random; scikit-learn's `predict_proba`, which it has in place of outputs, adds a softmax.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from peers import Epoch, Task, module

from twofold import initialize, open_engine

CHUNK = 1024


def engine(name: str, precision: str | None = None, *, as_floats: bool = False) -> Callable[[Task], Epoch]:
    """Make one of ours."""

    def make(task: Task) -> Epoch:
        worker = open_engine(name, task.network, initialization="he", precision=precision)
        X = task.floats if as_floats else task.X
        return lambda _number: worker.outputs(X)

    return make


def pytorch(*, chunk: int | None = None, dtype: torch.dtype = torch.float32) -> Callable[[Task], Epoch]:
    """Make PyTorch's module in inference mode, all samples at once or in chunks."""

    def make(task: Task) -> Epoch:
        model, X = module(task.network).to(dtype), torch.from_numpy(task.floats).to(dtype)

        @torch.inference_mode()
        def outputs(_number: int) -> torch.Tensor:
            return model(X) if chunk is None else torch.cat([model(part) for part in X.split(chunk)])

        return outputs

    return make


def jax_jit(task: Task) -> Epoch:
    """JAX, all samples at once under jit."""
    import jax
    import jax.numpy as jnp

    X = jnp.asarray(task.floats)
    parameters = [(jnp.asarray(W), jnp.asarray(b)) for W, b, *_ in initialize(task.network, dtype="float32")]

    @jax.jit
    def run(parameters: Any, H: Any) -> Any:
        for W, b in parameters[:-1]:
            H = jax.nn.relu(H @ W + b)
        W, b = parameters[-1]
        return H @ W + b

    return lambda _number: run(parameters, X).block_until_ready()


def sklearn_proba(task: Task) -> Epoch:
    """Ask scikit-learn's MLPClassifier for probabilities; one step on 1000 samples has made its weights."""
    from sklearn.neural_network import MLPClassifier

    X = task.floats
    model = MLPClassifier(hidden_layer_sizes=task.network.hidden, solver="sgd", batch_size=1000)
    model.partial_fit(X[:1000], task.y[:1000], classes=range(task.network.outputs))
    return lambda _number: model.predict_proba(X)


def products(dtype: torch.dtype) -> Callable[[Task], Epoch]:
    """Make the products alone, by oneDNN if it is there, on operands that stay in the cache: the limit."""

    def make(task: Task) -> Epoch:
        operands = [[torch.randn(n, i).to(dtype) for n in (CHUNK, o)] for i, o in task.network.shapes]
        if torch.backends.mkldnn.is_available():
            operands = [[array.to_mkldnn() for array in pair] for pair in operands]

        @torch.inference_mode()
        def multiply(_number: int) -> None:
            for _ in range(-(-len(task.X) // CHUNK)):
                for H, W in operands:
                    torch.nn.functional.linear(H, W)

        return multiply

    return make


PREDICTORS: dict[str, Callable[[Task], Epoch]] = {
    "PyTorch, one call": pytorch(),
    f"PyTorch, chunks of {CHUNK}": pytorch(chunk=CHUNK),
    "PyTorch, bfloat16, one call": pytorch(dtype=torch.bfloat16),
    f"PyTorch, bfloat16, chunks of {CHUNK}": pytorch(chunk=CHUNK, dtype=torch.bfloat16),
    "JAX, jit": jax_jit,
    "scikit-learn, predict_proba": sklearn_proba,
    "products alone, float32": products(torch.float32),
    "products alone, bfloat16": products(torch.bfloat16),
    "scratch": engine("scratch"),
    "fused, of floats": engine("fused", as_floats=True),
    "fused": engine("fused"),
    "fused, bfloat16": engine("fused", "bfloat16"),
}
