"""Checkpoints: a run that is stopped and goes on is the run that wasn't stopped, bit for bit."""

from twofold.checkpoints.checkpoint import Checkpoint
from twofold.checkpoints.folder import CheckpointFolder
from twofold.checkpoints.run import train_with_checkpoints
from twofold.checkpoints.saver import Checkpoints
from twofold.checkpoints.signals import StopSignals

__all__ = ["Checkpoint", "CheckpointFolder", "Checkpoints", "StopSignals", "train_with_checkpoints"]
