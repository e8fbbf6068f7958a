"""A data set: training and test samples, and what their numbers mean."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from twofold.data.scaling import Scaling
from twofold.data.stored import Stored
from twofold.errors import DataError
from twofold.text import visible
from twofold.values import count, is_sparse, refuse_masked

if TYPE_CHECKING:
    import torch.utils.data

Array = NDArray[Any]
FEW = 12  # names that are listed


@dataclass(frozen=True)
class Samples:
    """Features and targets, row by row.

    Attributes
    ----------
    X : ndarray, shape (n, d) or (n, height, width)
        Features; uint8 are image bytes, 0..255 for 0..1. Or a sparse matrix, which the scratch engine takes.
        Each of the three may be a `twofold.data.stored.Stored`, which `twofold.train` reads window by window.
    y : ndarray
        Class indices (n,), or rows (n, q) of numbers, probabilities or labels.
    sample_weight : ndarray, shape (n,), optional
    """

    X: Array
    y: Array
    sample_weight: Array | None = None

    def __post_init__(self) -> None:
        for name in ("X", "y", "sample_weight"):
            value = getattr(self, name)
            refuse_masked(name, value)
            if value is not None and not is_sparse(value) and not isinstance(value, Stored):
                object.__setattr__(self, name, np.asarray(value))
        if self.X.ndim < 2:
            raise DataError(f"X has shape {self.X.shape}; expected (samples, features) or (samples, height, width)")
        if self.y.shape[:1] != self.X.shape[:1]:
            raise DataError(f"X has shape {self.X.shape} and y {self.y.shape}; the first number must be the same")

    def __len__(self) -> int:
        return int(self.X.shape[0])

    def __repr__(self) -> str:
        weights = "" if self.sample_weight is None else ", with weights"
        return f"<{len(self)} samples: X {self.X.shape} {self.X.dtype}, y {self.y.shape} {self.y.dtype}{weights}>"


@dataclass(frozen=True)
class Dataset:
    """Samples to train on and to test on.

    Attributes
    ----------
    name : str
    train : Samples
    test : Samples, optional
    classes : tuple of str
        Names of the classes, in the order of their indices; empty where targets are numbers.
    features : tuple of str
        Names of the columns of a table; empty for images.
    target : str
        What is predicted, with its unit.
    scaling : Scaling, optional
        How the numbers here came from the user's own: set by `standardized`.
    """

    name: str
    train: Samples
    test: Samples | None = None
    classes: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    target: str = ""
    scaling: Scaling | None = None

    def __repr__(self) -> str:
        parts = [f"{len(self.train)} training"] + ([] if self.test is None else [f"{len(self.test)} test"])
        scaled = "" if self.scaling is None else ", standardised"
        return visible(
            f"<Dataset {self.name}: {' and '.join(parts)} samples of {self._sample()}{scaled}; {self._said()}>"
        )

    def _repr_html_(self) -> str:
        from twofold.pages.notebook import table_html

        parts = {"train": self.train, **({} if self.test is None else {"test": self.test})}
        rows = [
            (name, str(len(part)), f"{part.X.shape} {part.X.dtype}", f"{part.y.shape} {part.y.dtype}")
            for name, part in parts.items()
        ]
        lists = {"features": self.features, "classes": self.classes}
        facts = [f"{name}: {_few(names)}" for name, names in lists.items() if names]
        facts += [f"target: {self.target}"] * bool(self.target and not self.classes)
        facts += ["features and numeric targets are standardised"] * (self.scaling is not None)
        return table_html(self.name, [("", "samples", "X", "y"), *rows], facts)

    def _sample(self) -> str:
        """Say what a sample is."""
        if self.image_shape is not None:
            return f"{'x'.join(map(str, self.image_shape))} {self.train.X.dtype}"
        return count(self.inputs, "feature")

    def _said(self) -> str:
        """Say what is predicted of it."""
        return f"{len(self.classes)} classes" if self.classes else self.target or f"y {self.train.y.shape}"

    @property
    def inputs(self) -> int:
        """Number of features of a sample, d."""
        return int(np.prod(self.train.X.shape[1:]))

    @property
    def outputs(self) -> int:
        """Number of classes, or of numbers to predict, q."""
        if not self.classes and self.train.y.ndim != 2:
            raise DataError(
                f"{self.name} names no classes and y has shape {self.train.y.shape}; give classes=, or numbers (n, q)"
            )
        return len(self.classes) or self.train.y.shape[1]

    @property
    def image_shape(self) -> tuple[int, ...] | None:
        """Height and width of an image; None for a table."""
        shape = self.train.X.shape[1:]
        return shape if len(shape) == 2 else None

    @property
    def needs_scaling(self) -> bool:
        """Whether a column's or numeric target's standard deviation is far from 1: one learning rate can't serve all.

        Far is outside of 0.1 to 10; images and bytes have a fixed scale and constant columns none, and what has a
        `scaling` is scaled already.
        """
        if self.image_shape is not None or self.train.X.dtype == np.uint8 or self.scaling is not None:
            return False
        scaling = Scaling.of(self.train.X, None if self.classes else self.train.y)
        scales = scaling.scale if scaling.target_scale is None else np.append(scaling.scale, scaling.target_scale)
        return bool(((scales < 0.1) | (scales > 10)).any())

    def standardized(self, *, targets: bool = True) -> Dataset:
        """Bring every feature and numeric target to mean 0 and standard deviation 1 on the training set.

        Parameters
        ----------
        targets : bool
            False leaves targets alone, as a loss wants them whose outputs are logarithms of means.

        Returns
        -------
        Dataset
            Of float64, with `scaling` set; its `Scaling.unscale` carries trained parameters back.

        Raises
        ------
        DataError
            If the set holds image bytes, which have a fixed scale.

        Examples
        --------
        >>> from twofold import load_dataset
        >>> load_dataset("houses").standardized().train.X.std(axis=0).round(12)
        array([1., 1.])
        """
        if self.train.X.dtype == np.uint8:
            raise DataError(f"{self.name} holds image bytes, which stand for 0..1 already and are not standardised")
        return self.scaled(Scaling.of(self.train.X, None if self.classes or not targets else self.train.y))

    def scaled(self, scaling: Scaling) -> Dataset:
        """Bring the set into the numbers of a scaling that is there already, such as a trained model's.

        Parameters
        ----------
        scaling : Scaling
            Of as many features.

        Returns
        -------
        Dataset
            With `scaling` set.

        Raises
        ------
        DataError
            If the set has another number of features.
        """
        if scaling.mean.size != self.inputs:
            raise DataError(f"{self.name} has {self.inputs} features; the scaling is one of {scaling.mean.size}")

        def brought(samples: Samples) -> Samples:
            X = samples.X.reshape(-1, *scaling.mean.shape)
            return replace(samples, X=scaling.features(X), y=scaling.targets(samples.y))

        test = None if self.test is None else brought(self.test)
        return replace(self, train=brought(self.train), test=test, scaling=scaling)

    def as_torch_dataset(
        self,
        part: str = "train",
        *,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
    ) -> torch.utils.data.Dataset[tuple[Any, Any]]:
        """Wrap one part as a ``torch.utils.data.Dataset``, fit for torchvision's transforms and a DataLoader.

        Parameters
        ----------
        part : {"train", "test"}
        transform : callable, optional
            Of a sample's features: for images a PIL image, as torchvision's own data sets pass it; for tables a
            tensor (d,). Without it an image is a float32 tensor (1, height, width) from 0 to 1.
        target_transform : callable, optional
            Of a sample's target.

        Returns
        -------
        torch.utils.data.Dataset
            Of (features, target) pairs.

        Raises
        ------
        DataError
            If there is no such part.
        MissingDependencyError
            If PyTorch is not installed.
        """
        parts = {"train": self.train, **({} if self.test is None else {"test": self.test})}
        if part not in parts:
            raise DataError(f"{self.name} has no part {part!r}; it has {' and '.join(map(repr, parts))}")
        from twofold.data.torch_dataset import as_torch_dataset

        return as_torch_dataset(parts[part].X, parts[part].y, transform, target_transform)


def _few(names: tuple[str, ...]) -> str:
    """List names, and how many more there are."""
    more = [f"and {len(names) - FEW} more"] if len(names) > FEW else []
    return ", ".join([*names[:FEW], *more])
