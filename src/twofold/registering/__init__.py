"""Activations, losses and optimisers of one's own, checked when they are registered."""

from twofold.registering.functions import register_activation, register_loss
from twofold.registering.optimizers import register_optimizer

__all__ = ["register_activation", "register_loss", "register_optimizer"]
