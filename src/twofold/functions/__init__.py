"""Activations, losses, normalisations, optimisers and schedules, each with its formula: the pages one learns from."""

from twofold.functions.activations import ACTIVATIONS, Activation, sigmoid
from twofold.functions.losses import LOSSES, Loss, softmax
from twofold.functions.normalizations import NORMALIZATIONS, Normalization
from twofold.functions.optimizers import OPTIMIZERS, Optimizer
from twofold.functions.schedules import SCHEDULES, Schedule

__all__ = [
    "ACTIVATIONS",
    "LOSSES",
    "NORMALIZATIONS",
    "OPTIMIZERS",
    "SCHEDULES",
    "Activation",
    "Loss",
    "Normalization",
    "Optimizer",
    "Schedule",
    "sigmoid",
    "softmax",
]
