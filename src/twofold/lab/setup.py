"""What is trained in the lab, and how: plain data, as it stands in the page's address."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from twofold.data import Dataset
from twofold.dataclass_json import from_dict
from twofold.engines import ENGINES
from twofold.errors import SpecificationError, check_name
from twofold.functions import INITIALIZATIONS, LOSSES
from twofold.network import Network
from twofold.recipe import CONFIGS, Recipe, nest
from twofold.values import FRACTION, POSITIVE

MOST_LAYERS, MOST_UNITS = 6, 1024
MOST_EPOCHS = 100_000


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Data, network, first weights and recipe of a run.

    Attributes
    ----------
    data : str
        A data set: see `twofold.lab.make_data`; or ``"csv"``, the table that was put on the page.
    n, noise, data_seed
        As for `twofold.lab.make_data`.
    target : str
        Of a table: the column to predict.
    hidden, activation, dropout, normalization
        As for `twofold.Network`; one activation, or one of each hidden layer.
    loss : str
        A name in `twofold.functions.LOSSES`; empty for the usual one of the data.
    initialization, sigma
        Of the first weights, as for `twofold.initialize`.
    engine, dtype : str
        As for `twofold.open_engine`.
    fault : str
        A name in `twofold.lab.faults.FAULTS`: something done wrong on purpose; empty for nothing.
    epochs, ..., seed
        As for `twofold.Recipe`; the seed is that of the first weights too.

    Raises
    ------
    SpecificationError
        If a value is out of range or a name unknown.
    """

    data: str = "circles"
    n: int = 500
    noise: float = 0.05
    data_seed: int = 0
    target: str = ""
    hidden: tuple[int, ...] = (4, 2)
    activation: tuple[str, ...] = ("tanh",)
    loss: str = ""
    dropout: float = 0.0
    normalization: str | None = None
    initialization: str = "xavier"
    sigma: float = 0.01
    engine: str = "scratch"
    dtype: str = "float64"
    fault: str = ""
    epochs: int = 500
    batch_size: int = 10
    learning_rate: float = 0.1
    optimizer: str = "sgd"
    momentum: float | None = None
    beta1: float | None = None
    beta2: float | None = None
    weight_decay: float = 0.0
    l1: float = 0.0
    clip_norm: float | None = None
    label_smoothing: float = 0.0
    ema_decay: float = 0.0
    schedule: str = "constant"
    warmup_epochs: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if len(self.hidden) > MOST_LAYERS or any(not 1 <= units <= MOST_UNITS for units in self.hidden):
            raise SpecificationError(
                f"hidden layers are {self.hidden}; at most {MOST_LAYERS} layers of 1 to {MOST_UNITS} units each"
            )
        if not 1 <= self.epochs <= MOST_EPOCHS:
            raise SpecificationError(f"epochs is {self.epochs}; it must be from 1 to {MOST_EPOCHS}")
        check_name("initialization", self.initialization, INITIALIZATIONS)
        check_name("engine", self.engine, ("auto", *ENGINES))
        if not POSITIVE.holds(self.sigma):
            raise SpecificationError(f"sigma is {self.sigma}; it must be {POSITIVE.words}")
        if not FRACTION.holds(self.dropout):
            raise SpecificationError(f"dropout is {self.dropout}; it must be {FRACTION.words}")
        _ = self.recipe  # refused here, not when the training starts

    @classmethod
    def of_plain(cls, value: object) -> Setup:
        """Make a setup of what JSON holds; whoever wrote it, each field is checked.

        Raises
        ------
        FileFormatError
            If a field is unknown, of another type or out of range.
        """
        return from_dict(cls, value, "the setup")

    def to_plain(self) -> dict[str, Any]:
        """Return what `of_plain` reads."""
        return asdict(self)

    @property
    def recipe(self) -> Recipe:
        """The recipe of the training."""
        words = {*Recipe.__dataclass_fields__, *(key for kind in CONFIGS.values() for key in kind.known_constants())}
        return Recipe(**nest({name: value for name, value in vars(self).items() if name in words}))

    def network(self, data: Dataset) -> Network:
        """Return the network on a data set.

        Raises
        ------
        SpecificationError
            If its loss is not one for these targets, or an option is out of range.
        """
        usual, kind = usual_loss(data), kind_of(data)
        loss = LOSSES.check(self.loss or usual)
        expected = LOSSES[loss].targets.name
        if expected != kind:
            raise SpecificationError(f"loss {loss!r} is one for {expected}; {data.name} has {kind} to predict")
        names = self.activation or ("relu",)
        activation = names[0] if len(set(names)) == 1 or not self.hidden else names
        widths = (data.inputs, *self.hidden, data.outputs)
        return Network(widths, activation, loss, self.dropout if self.hidden else 0.0, self.normalization)


def kind_of(data: Dataset) -> str:
    """Tell what a data set has to predict: ``"classes"``, ``"labels"`` or ``"numbers"``."""
    if not data.classes:
        return "numbers"
    return "classes" if data.train.y.ndim == 1 else "labels"


def usual_loss(data: Dataset) -> str:
    """Return the loss that goes with a data set's targets."""
    return {"numbers": "squared", "classes": "cross_entropy", "labels": "sigmoid_cross_entropy"}[kind_of(data)]
