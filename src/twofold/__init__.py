"""Linear regression, softmax regression and the multilayer perceptron, each written twice and proved to agree.

Every public name is imported when it is first used: ``import twofold`` alone loads neither NumPy nor PyTorch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from twofold.deprecation import find_renamed_modules

if TYPE_CHECKING:
    from twofold.baselines.cross_validation import cross_validate
    from twofold.baselines.fit_table import fit_table
    from twofold.callbacks import LearningRate, Progress, TimeBudget
    from twofold.checkpoints import CheckpointFolder, Checkpoints, train_with_checkpoints
    from twofold.data import (
        Dataset,
        Samples,
        as_torch_dataset,
        get_image_set,
        load_dataset,
        read_idx,
        write_idx,
    )
    from twofold.early_stopping import BestEpoch, EarlyStopping, train_best
    from twofold.engines import Engine, EngineState, open_engine
    from twofold.estimators import (
        LinearRegression,
        MLPClassifier,
        MLPRegressor,
        SoftmaxRegression,
        SoftmaxRegressionCV,
        TableEncoder,
        load_estimator,
    )
    from twofold.functions import OptimizerConfig, ScheduleConfig
    from twofold.inspect import affine_map_at, check_gradients, collapse, compare_engines, find_rate, trace
    from twofold.network import Layer, Network, Parameters, initialize
    from twofold.plots.live import LiveCurves
    from twofold.recipe import Recipe
    from twofold.registering import register_activation, register_loss, register_optimizer
    from twofold.run import Epoch, Run
    from twofold.saving import Model, export_onnx, load_model, save_model, to_python, to_torch
    from twofold.side_by_side import train_many
    from twofold.solvers import polynomial_features, solve_least_squares
    from twofold.training import evaluate, train

__version__ = "0.2.0"

# Where each public name lives; `import twofold.X` in a type checker's eyes is the block above.
_HOMES = {
    "BestEpoch": "early_stopping",
    "CheckpointFolder": "checkpoints",
    "Checkpoints": "checkpoints",
    "Dataset": "data",
    "EarlyStopping": "early_stopping",
    "Engine": "engines",
    "EngineState": "engines",
    "Epoch": "run",
    "Layer": "network",
    "LearningRate": "callbacks",
    "LinearRegression": "estimators",
    "LiveCurves": "plots.live",
    "MLPClassifier": "estimators",
    "MLPRegressor": "estimators",
    "Model": "saving",
    "Network": "network",
    "OptimizerConfig": "functions",
    "Parameters": "network",
    "Progress": "callbacks",
    "Recipe": "recipe",
    "Run": "run",
    "Samples": "data",
    "ScheduleConfig": "functions",
    "SoftmaxRegression": "estimators",
    "SoftmaxRegressionCV": "estimators",
    "TableEncoder": "estimators",
    "TimeBudget": "callbacks",
    "affine_map_at": "inspect",
    "as_torch_dataset": "data",
    "check_gradients": "inspect",
    "collapse": "inspect",
    "compare_engines": "inspect",
    "connect": "distributed",
    "cross_validate": "baselines.cross_validation",
    "evaluate": "training",
    "export_onnx": "saving",
    "find_rate": "inspect",
    "fit_table": "baselines.fit_table",
    "get_image_set": "data",
    "initialize": "network",
    "load_dataset": "data",
    "load_estimator": "estimators",
    "load_model": "saving",
    "open_engine": "engines",
    "polynomial_features": "solvers",
    "read_idx": "data",
    "register_activation": "registering",
    "register_loss": "registering",
    "register_optimizer": "registering",
    "save_model": "saving",
    "solve_least_squares": "solvers",
    "to_python": "saving",
    "to_torch": "saving",
    "trace": "inspect",
    "train": "training",
    "train_best": "early_stopping",
    "train_many": "side_by_side",
    "train_with_checkpoints": "checkpoints",
    "write_idx": "data",
}

__all__ = [
    "BestEpoch",
    "CheckpointFolder",
    "Checkpoints",
    "Dataset",
    "EarlyStopping",
    "Engine",
    "EngineState",
    "Epoch",
    "Layer",
    "LearningRate",
    "LinearRegression",
    "LiveCurves",
    "MLPClassifier",
    "MLPRegressor",
    "Model",
    "Network",
    "OptimizerConfig",
    "Parameters",
    "Progress",
    "Recipe",
    "Run",
    "Samples",
    "ScheduleConfig",
    "SoftmaxRegression",
    "SoftmaxRegressionCV",
    "TableEncoder",
    "TimeBudget",
    "affine_map_at",
    "as_torch_dataset",
    "check_gradients",
    "collapse",
    "compare_engines",
    "connect",
    "cross_validate",
    "evaluate",
    "export_onnx",
    "find_rate",
    "fit_table",
    "get_image_set",
    "initialize",
    "load_dataset",
    "load_estimator",
    "load_model",
    "open_engine",
    "polynomial_features",
    "read_idx",
    "register_activation",
    "register_loss",
    "register_optimizer",
    "save_model",
    "solve_least_squares",
    "to_python",
    "to_torch",
    "trace",
    "train",
    "train_best",
    "train_many",
    "train_with_checkpoints",
    "write_idx",
]


find_renamed_modules()


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'twofold' has no attribute {name!r}")
    value = getattr(import_module(f"twofold.{_HOMES[name]}"), name)
    globals()[name] = value  # found at once from now on
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
