"""The fused engine: PyTorch tensors without autograd; the steps of ``scratch.py`` in place, at the hardware's speed.

Read it beside ``scratch.py``: the same forward, backward and update. What differs is where the numbers lie. All
parameters are one flat array, ``[every W, every b]``, so that an update is a few operations however many layers there
are; samples are columns, so that the large products need no transposed copy; buffers are made once per size of a
minibatch; image bytes stay bytes until they are gathered, and their factor 1/255 goes to the first layer's few outputs,
not to every pixel.

Losses, and a narrow last layer with what lies around it, are for a head: PyTorch's calls, or in long trainings Numba's
loops, see ``twofold.engines.pytorch.heads``.

With ``precision="bfloat16"`` the products take and give bfloat16, and so are the hidden layers between them; outputs,
loss, parameters, the optimiser's state and updates stay float32.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import chain
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from twofold.engines.choice import choose_head
from twofold.engines.pytorch.buffers import Buffers, Flat, Tensors
from twofold.engines.pytorch.cuda_graphs import CudaGraphs, device_capture
from twofold.engines.pytorch.heads import Head, Samples, Training, check_numba_head, factor_of, make_head
from twofold.engines.pytorch.kernels import Scalar, correct, holds, loss_of, shares
from twofold.engines.pytorch.passes import Gradients, Passes
from twofold.engines.pytorch.running_metrics import RunningMetrics
from twofold.engines.pytorch.single_sample import SingleSample
from twofold.engines.pytorch.tensors import check_device, tensor
from twofold.engines.pytorch.update_kernels import clip, move, penalty_kernel, update_kernel
from twofold.engines.slices import ALONE, Processes, Sums, sliced_step
from twofold.engines.state import AVERAGE, EngineState, check_recipe, check_state
from twofold.errors import SpecificationError
from twofold.functions import LOSSES
from twofold.functions.normalizations import RATE
from twofold.metrics import Score, running_score
from twofold.network import Network, Parameters
from twofold.recipe import Recipe
from twofold.validation import Precision, as_rows, check_block, check_features

Array = NDArray[Any]

MAX_BATCH_SIZES_KEPT = 4  # of minibatches, whose buffers are kept; an epoch has two

Numbers = list[list[Scalar]]  # that change with the step: of decoupled decay, the optimiser and the L1 penalty


class FusedEngine:
    """PyTorch without autograd, in place; the protocol is `twofold.engines.Engine`.

    Parameters
    ----------
    network : Network
    parameters : Parameters
    dtype : {"float32", "float64"}
    device : str
        ``"cpu"``, ``"cuda"`` or ``"mps"``.
    precision : {"bfloat16"}, optional
        Type of the products' operands; by default that of everything else.
    head : {"pytorch", "numba"}, optional
        What computes the last layers and the loss; by default what `choose_head` says of the job, or what computed the
        state that is gone on from. Numba's has nothing to do for many outputs that are numbers: then it is PyTorch's.

    Raises
    ------
    SpecificationError
        If there is no such device here, or no code for one of the network's functions.
    """

    name = "fused"
    processes: Processes = ALONE

    def __init__(
        self,
        network: Network,
        parameters: Parameters,
        dtype: Precision,
        *,
        device: str = "cpu",
        precision: str | None = None,
        head: str | None = None,
    ) -> None:
        check_device(device, dtype)
        if precision is not None and dtype != "float32":
            raise SpecificationError(f"precision {precision!r} with dtype {dtype!r}; it goes with float32 alone")
        if not holds(network):
            raise SpecificationError(
                f"the fused engine lacks one of {network.activations} or {network.loss!r}; the scratch engine has them"
            )
        if head == "numba":
            check_numba_head(network, device, precision)
        self.network, self.dtype, self.steps = network, dtype, 0
        self.device, self.precision = device, precision  # as asked for
        self._device = torch.device(device)
        self._floats = torch.float32 if dtype == "float32" else torch.float64
        self._operands = self._floats if precision is None else torch.bfloat16
        self._make_buffers: Callable[..., Buffers] = partial(
            Buffers, network, floats=self._floats, operands=self._operands, device=self._device
        )
        self._passes = Passes(network, self._floats, self._operands)
        self._theta = Flat(network, self._floats, self._device, statistics=True)
        self._average: Flat | None = None
        self._gradient = Flat(network, self._floats, self._device)
        self._copies = Flat(network, self._operands, self._device)
        self._graphs = CudaGraphs(device_capture(self._device))
        right = partial(correct, LOSSES[network.loss].targets)
        self._metrics = RunningMetrics(self._device, right, wait=not self._graphs.active)
        self._buffers: dict[int, Buffers] = {}
        self._samples: Samples | None = None
        self._asked_head, self._earlier_head = head, ""
        self._head: Head | None = None
        self._theta.write(parameters)
        self.start(Recipe())
        self.begin_epoch()

    def load(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        """Check the samples and put them on the device as they are: bytes stay bytes."""
        block = check_block(self.network, X, y, sample_weight, dtype=self.dtype)
        weight = None if block.weight is None else self._place(block.weight)
        self._samples = Samples(self._place(block.X), self._place(block.y), weight)
        self._forget()

    def start(self, recipe: Recipe) -> None:
        """Forget the optimiser's state and follow this recipe from step 0."""
        self._recipe = check_recipe(self.network, recipe)
        self._theta.all.copy_(self._model.all)
        self._average = None
        if recipe.ema_decay:
            self._average = Flat(self.network, self._floats, self._device, statistics=True)
            self._average.all.copy_(self._theta.all)
        rule = recipe.optimizer.definition
        self._optimizer = update_kernel(recipe.optimizer)
        self._penalty = penalty_kernel(recipe.optimizer, l1=recipe.l1) if recipe.l1 else None
        self._decoupled = rule.decoupled
        self._numbers = torch.zeros(sum(map(len, self._new_numbers(0.0))), dtype=self._floats, device=self._device)
        self._optimizer_state = {name: Flat(self.network, self._floats, self._device) for name in rule.state}
        self._moments = Flat(self.network, self._floats, self._device, statistics=True) if recipe.slices > 1 else None
        # If a step is no more than `theta <- theta - eta g`, each product's result goes straight into its weights.
        self._plain = (
            recipe.optimizer.name == "sgd" and recipe.clip_norm is None and not (recipe.weight_decay or recipe.l1)
        )
        self._forget()
        self._view()
        self.steps, self._earlier_head = 0, ""
        if self._samples is not None:
            self._make_head(self._samples)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Begin as a copy of another: the arrays become views of the tensors again."""
        self.__dict__ |= state
        self._view()

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what is made anew: buffers, and arrays that are views of tensors."""
        return self.__dict__ | {"_buffers": {}, "_single_sample": None, "_head": None, "_earlier_head": self.head}

    @property
    def head(self) -> str:
        """What computes the last layers and the loss, ``"pytorch"`` or ``"numba"``; empty before there are samples."""
        return self._earlier_head if self._head is None else self._head.name

    def _make_head(self, samples: Samples) -> Head:
        """Settle who computes the last layers and the loss, before anybody's clock runs."""
        recipe, network = self._recipe, self.network
        job = {"batch_size": recipe.batch_size, "samples": recipe.epochs * len(samples.X)}
        wanted = self._asked_head or self._earlier_head or choose_head(network, device=self.device, **job)
        flats = (self._theta, self._gradient)
        training = Training(network, recipe, self._passes, *flats, samples, self._metrics, self._make_buffers)
        self._head = make_head(training, wanted, asked=self._asked_head is not None)
        return self._head

    def _view(self) -> None:
        """View what is used as arrays too."""
        fits = self._device.type == "cpu" and self.network.normalization is None
        self._single_sample = SingleSample(self.network, self._model.layers, self.dtype) if fits else None

    @torch.inference_mode()
    def step(self, indices: Array, learning_rate: float) -> None:
        """Take one minibatch step: forward, loss, backward, update."""
        if self._recipe.slices > 1:
            sliced_step(self, self._recipe, indices, learning_rate)
            return
        head, buffers = self._made_for(len(indices))
        numbers, rows = self._step_numbers(learning_rate), torch.from_numpy(as_rows(indices)).to(self._device)
        if self._graphs.active:
            rows = buffers.rows.copy_(rows)

        def compute() -> None:
            gradients = head.gradients(rows, self._read_by_products(self._theta), buffers)
            self._update(gradients, numbers, factor_of(buffers.raw))

        self._graphs.run(len(rows), compute)
        self._follow()

    def weights_of(self, indices: Array) -> Array | None:
        """Return the weights of rows, if there are weights."""
        weight = None if self._samples is None else self._samples.weight
        return None if weight is None else weight.cpu().numpy()[indices]

    @torch.inference_mode()
    def sums_of(self, indices: Array, start: int = 0) -> Sums:
        """Go forward and back over rows that stand at this place of a minibatch."""
        head, buffers = self._made_for(len(indices), start)
        earlier, moments = self._metrics.read(), cast("Flat", self._moments)
        moments.all.zero_()  # what follows them at a rate from 0 is they, times the rate
        layers = [
            layer._replace(mean=own.mean, variance=own.variance)
            for layer, own in zip(self._read_by_products(self._theta), moments.layers, strict=True)
        ]
        self._metrics.set((0.0, 0.0, 0.0))
        rows = torch.from_numpy(as_rows(indices)).to(self._device)
        self._gradient.collect(head.gradients(rows, layers, buffers), factor_of(buffers.raw))
        numbers = torch.cat([self._gradient.all, moments.all[self.network.n_parameters :] / RATE])
        sums = Sums(numbers.cpu().numpy(), np.array(self._metrics.read()))
        self._metrics.set(earlier)
        return sums

    @torch.inference_mode()
    def take(self, sums: Sums, learning_rate: float) -> None:
        """Update by a minibatch's sums."""
        trained = self.network.n_parameters
        numbers = tensor(sums.numbers).to(self._device)
        self._gradient.all.copy_(numbers[:trained])
        self._theta.all[trained:].lerp_(numbers[trained:], RATE)
        self._apply(self._step_numbers(learning_rate))
        self._metrics.set(tuple(np.add(self._metrics.read(), sums.totals).tolist()))
        self._follow()

    def _made_for(self, n: int, start: int = 0) -> tuple[Head, Buffers]:
        """Return the head, and buffers for n rows with the masks for their place in this step's minibatch."""
        if (samples := self._samples) is None:
            raise SpecificationError("no samples are loaded; call load before step")
        head = self._head or self._make_head(samples)
        if n not in self._buffers:
            if len(self._buffers) == MAX_BATCH_SIZES_KEPT:
                self._forget_sizes()
            self._buffers[n] = self._make_buffers(n, samples.X.dtype)
        buffers = self._buffers[n]
        buffers.draw_masks(self.network, seed=self._recipe.seed, step=self.steps, start=start)
        return head, buffers

    def _follow(self) -> None:
        """Count the step, and move the average."""
        if self._average is not None:
            self._average.all.lerp_(self._theta.all, 1 - self._recipe.keep(self.steps))
        self.steps += 1

    @property
    def _model(self) -> Flat:
        """The parameters that predictions are made with."""
        return self._theta if self._average is None else self._average

    def begin_epoch(self) -> None:
        """Set the running means back to nothing."""
        self._metrics.set((0.0, 0.0, 0.0))

    def running(self) -> Score:
        """Read the mean loss and accuracy since the epoch began."""
        return running_score(LOSSES[self.network.loss], self._metrics.read())

    def output(self, x: ArrayLike) -> Array:
        """Compute the raw outputs of one sample, in microseconds.

        Parameters
        ----------
        x : array, shape (d,)
            Image bytes or numbers.

        Returns
        -------
        ndarray of the engine's dtype, shape (q,)
            On a CPU computed in that type throughout, whatever the products' precision.

        Raises
        ------
        DataError
            If it doesn't fit the network or holds what is not a finite number.
        """
        return self.outputs(np.asarray(x)[None])[0] if self._single_sample is None else self._single_sample(x)

    @torch.inference_mode()
    def outputs(self, X: ArrayLike) -> Array:
        """Compute raw outputs O (n, q)."""
        X = check_features(self.network, X, dtype=self.dtype)
        if len(X) == 1 and self._single_sample is not None:
            return self._single_sample(X[0])[None]
        features = tensor(X)
        O = np.empty((len(features), self.network.outputs), dtype=self.dtype)
        make_buffers = partial(self._make_buffers, features=features.dtype, dropout=False)
        layers, factor = self._read_by_products(self._model), factor_of(features)
        for rows, result in self._passes.in_parts(layers, features, factor, make_buffers=make_buffers):
            O[rows] = result
        return O

    @torch.inference_mode()
    def gradients(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Parameters:
        """Compute the gradient of the mean loss at the present parameters."""
        block = check_block(self.network, X, y, sample_weight, dtype=self.dtype)
        features = self._place(block.X)
        weight = None if block.weight is None else self._place(block.weight)
        buffers = self._make_buffers(len(features), features.dtype, dropout=False)
        # Nothing is to follow these samples' means and variances.
        layers = [layer._replace(mean=None, variance=None) for layer in self._read_by_products(self._model)]
        factor = factor_of(features)
        O, tape = self._passes.forward(layers, features, factor, buffers, training=True)
        loss_of(self.network.loss)(O, self._place(block.y).t(), shares(len(features), weight), buffers.dO)
        self._gradient.collect(self._passes.backward(tape, self._gradient), factor)
        return self._gradient.read()

    def parameters(self) -> Parameters:
        """Copy the parameters out."""
        return self._model.read()

    def state(self) -> EngineState:
        """Copy out everything that `restore` needs."""
        optimizer_state = {name: flat.read() for name, flat in self._optimizer_state.items()}
        if self._average is not None:
            optimizer_state[AVERAGE] = self._average.read()
        return EngineState(self._theta.read(), optimizer_state, self.steps, self._metrics.read(), self.head)

    def restore(self, state: EngineState) -> None:
        """Go on from a state."""
        state = check_state(self.network, self._recipe, state, self.dtype)
        self._theta.write(state.parameters)
        for name, flat in self._optimizer_state.items():
            flat.write(state.optimizer_state[name])
        if self._average is not None:
            self._average.write(state.optimizer_state[AVERAGE])
        self._metrics.set(state.totals)
        self.steps = state.steps
        if state.head not in ("", self.head):
            self._earlier_head = state.head
            if self._samples is not None:
                self._make_head(self._samples)

    def _read_by_products(self, theta: Flat) -> list[Tensors]:
        """Return the layers as the products read them: in the operands' type."""
        return theta.layers if self._operands == self._floats else theta.as_operands(self._copies)

    def _update(self, gradients: Gradients, numbers: Numbers, factor: float) -> None:
        """Change every parameter in place by these gradients."""
        if self._plain:
            theta, g, own = self._theta, self._gradient, numbers[1]
            for index, (layer, dW) in enumerate(zip(theta.layers, gradients, strict=True)):
                move(layer.W, dW, own[0] if index else own[0] * factor)
            move(theta.rest, g.rest, own[0])
            return
        self._gradient.collect(gradients, factor)
        self._apply(numbers)

    def _apply(self, numbers: Numbers) -> None:
        """Clip, decay and let the optimiser change every parameter by the collected gradient."""
        theta, g, recipe = self._theta, self._gradient, self._recipe
        (shrink,), own, penalty = numbers
        if recipe.clip_norm is not None:
            clip(g.trained, recipe.clip_norm)
        if recipe.weight_decay and self._decoupled:
            move(theta.weights, theta.weights, shrink)
        elif recipe.weight_decay:
            move(g.weights, theta.weights, recipe.weight_decay)
        optimizer_state = list(self._optimizer_state.values())
        self._optimizer.update(theta.trained, g.trained, [flat.trained for flat in optimizer_state], own)
        if self._penalty is not None:
            self._penalty.update(theta.weights, g.weights, [flat.weights for flat in optimizer_state], penalty)

    def _new_numbers(self, eta: float) -> list[list[float]]:
        """Compute what changes with the step: of decoupled decay, of the optimiser and of the L1 penalty."""
        t = self.steps + 1
        penalty = [] if self._penalty is None else self._penalty.numbers(eta, t)
        return [[-eta * self._recipe.weight_decay], self._optimizer.numbers(eta, t), penalty]

    def _step_numbers(self, eta: float) -> Numbers:
        """Return what changes with the step; on the device where steps are replayed."""
        numbers = self._new_numbers(eta)
        if not self._graphs.active:
            return cast("Numbers", numbers)
        self._numbers.copy_(torch.tensor([*chain(*numbers)], dtype=self._floats))
        on_device = iter(self._numbers.unbind())
        return [[next(on_device) for _ in group] for group in numbers]

    def _place(self, array: Array) -> Tensor:
        return tensor(array).to(self._device)  # on a CPU it stays where it is

    def _forget(self) -> None:
        """Drop what was made for the set and the recipe before."""
        self._head = None
        self._forget_sizes()

    def _forget_sizes(self) -> None:
        """Drop what was made for minibatches of some sizes."""
        self._buffers.clear()
        self._graphs.forget()
