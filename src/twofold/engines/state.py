"""The state of an engine: all that it needs to go on; and whether state and recipe fit a network."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from twofold.engines.choice import HEADS
from twofold.errors import SpecificationError, show
from twofold.functions import LOSSES
from twofold.network import Network, Parameters, check_parameters
from twofold.recipe import Recipe
from twofold.validation import Precision

AVERAGE = "average"  # the name of the running mean of the parameters in an engine's state


@dataclass(frozen=True)
class EngineState:
    """Everything that an engine needs to go on as if it had never stopped.

    Random numbers need no state: they are functions of the seed and the step.

    Attributes
    ----------
    parameters : Parameters
        Those that steps change; with `Recipe.ema_decay` not the model's, which are in the optimiser state.
    optimizer_state : dict of str to Parameters
        The optimiser's arrays by name (``"velocity"``, ``"mean"``, ``"square"``), shaped like what is trained; and
        ``"average"``, shaped like all parameters, with `Recipe.ema_decay`.
    steps : int
        Steps taken since `Engine.start`; also says where in which epoch.
    totals : tuple of three floats
        Sums of weighted loss, weighted correct predictions and weights since the epoch began.
    head : str
        What computed the last layers and the loss in ``"fused"``, a name in `HEADS`, since their bits differ;
        `Engine.restore` goes on with the same. Empty for other engines.
    """

    parameters: Parameters
    optimizer_state: dict[str, Parameters] = field(default_factory=dict)
    steps: int = 0
    totals: tuple[float, float, float] = (0.0, 0.0, 0.0)
    head: str = ""

    def with_model(self, parameters: Parameters) -> EngineState:
        """Return the state with these parameters as the model's: the average too, where one is kept."""
        average = {AVERAGE: parameters} if AVERAGE in self.optimizer_state else {}
        return replace(self, parameters=parameters, optimizer_state=self.optimizer_state | average)


def optimizer_state_names(recipe: Recipe) -> tuple[str, ...]:
    """Return the names of what an engine remembers from step to step besides the parameters."""
    return (*recipe.optimizer.definition.state, *((AVERAGE,) if recipe.ema_decay else ()))


def check_recipe(network: Network, recipe: Recipe) -> Recipe:
    """Return a recipe that a network can be trained by.

    Raises
    ------
    SpecificationError
        If its labels are to be smoothed and the loss is no cross entropy; or it has an L1 penalty and its optimiser's
        definition no step length.
    """
    if recipe.label_smoothing and not LOSSES[network.loss].smoothable:
        smoothable = ", ".join(name for name, loss in LOSSES.items() if loss.smoothable)
        raise SpecificationError(f"label_smoothing goes with {smoothable}; the network's loss is {network.loss!r}")
    if recipe.l1:
        _ = recipe.optimizer.definition.step_length  # which it needs
    return recipe


def check_state(network: Network, recipe: Recipe, state: EngineState, dtype: Precision) -> EngineState:
    """Copy a state, checked against the network and the recipe's optimiser, in the engine's dtype.

    Raises
    ------
    SpecificationError
        If it is the state of another network or optimiser, or its head is unknown.
    """
    if state.head not in ("", *HEADS):
        raise SpecificationError(f"the state's head is {show(state.head)}; expected one of {', '.join(HEADS)}, or none")
    names = optimizer_state_names(recipe)
    if set(state.optimizer_state) != set(names):
        has, name = sorted(state.optimizer_state), recipe.optimizer.name
        raise SpecificationError(f"the state has {has}; the optimiser {name!r} needs {sorted(names)}")
    optimizer_state = {
        name: check_parameters(network, state.optimizer_state[name], dtype, statistics=name == AVERAGE)
        for name in names
    }
    return replace(
        state, parameters=check_parameters(network, state.parameters, dtype), optimizer_state=optimizer_state
    )
