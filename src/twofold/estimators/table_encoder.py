"""Tables with text, dates and gaps as numbers: a scikit-learn transformer."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from twofold.errors import DataError, check_name
from twofold.tables import Choices, TablePlan, as_table, learn_table
from twofold.tables.forms import AmbiguousCellsWarning, Forms, infer_forms
from twofold.tables.frames import with_columns
from twofold.tables.table_plan import tell_gaps

Array = NDArray[Any]


class TableEncoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turn a table of numbers, text, dates, booleans and gaps into features for a network.

    What kind each column is, is seen from its cells. Numbers are standardised, and bent like a logarithm first if their
    tail is heavy; categories become one feature each, with a place for rare and unseen ones; dates become years,
    season, weekday and time of day. Missing cells are filled and flagged. Columns that number the rows, identifiers,
    free text and constant columns are left out, see `left_out_`.

    Parameters
    ----------
    max_categories : int
        Most categories of a column that get a feature of their own, the most frequent ones.
    rare : int, optional
        A category with fewer rows than this gets none; a hundredth of the rows, but at most 3, if None.
    pieces : int
        Encode each column of numbers piecewise linearly too, in so many pieces of as many rows each: a network then
        learns bends and steps of one column more easily (`twofold.tables.number_plan.pieces`). Times of day get as many
        too, the years of dates four times as many. 0 for none.
    frequencies : int
        Encode each column of numbers by sines and cosines of so many frequencies too: a network then learns finer
        bends (`twofold.tables.number_plan.waves`). 0 for none.
    scale : bool
        False leaves numbers as they are.
    baseline : bool
        Give the most frequent category of a column no feature, as least squares needs it.
    kinds : mapping of str to str, optional
        Columns that are not what they look like: ``{"zip": "category"}``. The kinds are ``"number"``, ``"category"``,
        ``"boolean"`` and ``"date"``.
    decimal : {".", ","}, optional
        The decimal mark of numbers in text; the other one then stands between thousands. Inferred from all columns if
        None.
    dates : str, optional
        The form of dates in text, in codes of ``strptime``: ``"%d/%m/%Y"``. Inferred if None.
    zone : str, optional
        The zone whose clock is taken, for times that have one: ``"Europe/Berlin"``; UTC if None.
    gaps : sequence of str or float
        Cells that hold no value, besides the usual ones: ``[-200]``.
    dtype : {"float64", "float32"}
        Of the features.

    Attributes
    ----------
    plan_ : TablePlan
        All that was learned: plain data.
    left_out_ : dict of str to str
        Columns that are not used, with the reason.
    remarks_ : tuple of str
        What was inferred of how cells are written.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        If the table had names of columns.

    Examples
    --------
    >>> table = {"city": ["Rome", "Bonn", None, "Rome"], "area": [30.0, 41.0, 52.0, None], "same": [1, 1, 1, 1]}
    >>> encoder = TableEncoder().fit(table)
    >>> encoder.get_feature_names_out().tolist()
    ['city=Rome', 'city=Bonn', 'city missing', 'area', 'area missing']
    >>> encoder.transform({"city": ["Oslo"], "area": [41.0]}).round(3)
    array([[0.667, 0.333, 0.   , 0.   , 0.   ]])
    >>> encoder.left_out_
    {'same': 'constant: every row has 1'}
    """

    plan_: TablePlan
    n_features_in_: int

    def __init__(
        self,
        *,
        max_categories: int = 300,
        rare: int | None = None,
        pieces: int = 0,
        frequencies: int = 0,
        scale: bool = True,
        baseline: bool = False,
        kinds: Mapping[str, str] | None = None,
        decimal: str | None = None,
        dates: str | None = None,
        zone: str | None = None,
        gaps: Sequence[str | float] = (),
        dtype: str = "float64",
    ) -> None:
        self.max_categories = max_categories
        self.rare = rare
        self.pieces = pieces
        self.frequencies = frequencies
        self.scale = scale
        self.baseline = baseline
        self.kinds = kinds
        self.decimal = decimal
        self.dates = dates
        self.zone = zone
        self.gaps = gaps
        self.dtype = dtype

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: ARG002 - the signature that pipelines call
        """Learn a table.

        Parameters
        ----------
        X : pandas, polars or Arrow data frame, mapping of columns, list of records, or array (n, d)
            Masked cells are gaps; categories of whatever type are categories.
        y : ignored

        Returns
        -------
        TableEncoder
            Itself.

        Raises
        ------
        DataError
            If no column is of use, two have one name, or a number is infinite.

        Warns
        -----
        AmbiguousCellsWarning
            If cells read in two ways, such as 1.250 or 01/02/2020, and nothing in the table tells which is right.
        """
        check_name("dtype", self.dtype, ("float64", "float32"))
        choices = Choices(
            max_categories=self.max_categories,
            rare=self.rare,
            pieces=self.pieces,
            frequencies=self.frequencies,
            scale=self.scale,
            baseline=self.baseline,
        )
        table = self._table(X, reset=True)
        gaps = tuple(map(str, self.gaps))
        forms = infer_forms(table, Forms(decimal=self.decimal, dates=self.dates, zone=self.zone, gaps=gaps))
        for doubt in forms.doubts:
            warnings.warn(doubt, AmbiguousCellsWarning, stacklevel=2)
        self.plan_ = learn_table(table, choices, self.kinds, forms=forms)
        self.remarks_ = forms.remarks + forms.doubts + tell_gaps(self.plan_, table)
        self.left_out_ = dict(self.plan_.left_out)
        return self

    def transform(self, X: Any) -> Array:
        """Turn a table into features.

        Parameters
        ----------
        X : as in `fit`
            Columns of a frame are found by name; those that the encoder does not use may lack.

        Returns
        -------
        ndarray of dtype, shape (n, k)

        Raises
        ------
        DataError
            If a column is not there, or holds something else than when the encoder was fitted.
        """
        return self.inspect(X)[0]

    def inspect(self, X: Any) -> tuple[Array, dict[str, Counter[str]]]:
        """Turn a table into features, and count per column what is not as it was when the encoder was fitted.

        Returns
        -------
        X : ndarray of dtype, shape (n, k)
        notes : dict of str to Counter
            See `twofold.tables.TablePlan.encode`.
        """
        check_is_fitted(self)
        return self.plan_.encode(self._table(X, reset=False), self.dtype)

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """Name the features.

        Parameters
        ----------
        input_features : sequence of str, optional
            Only accepted if they are the names of the columns that the encoder was fitted to.

        Returns
        -------
        ndarray of str, shape (k,)
        """
        check_is_fitted(self)
        known = getattr(self, "feature_names_in_", None)
        if input_features is not None and known is not None and list(input_features) != list(known):
            raise ValueError("input_features is not equal to feature_names_in_")
        return np.array(self.plan_.features, dtype=object)

    def to_dict(self) -> dict[str, Any]:
        """Return all that was learned as JSON has it."""
        check_is_fitted(self)
        return {"dtype": self.dtype, "plan": self.plan_.to_dict()}

    @classmethod
    def from_dict(cls, value: Any) -> Self:
        """Make a fitted encoder of what `to_dict` gave; no code is in it, and each field is checked.

        Raises
        ------
        DataError
            If it is not such a dict.
        """
        if not isinstance(value, Mapping) or set(value) != {"dtype", "plan"}:
            raise DataError("an encoder is written as dtype and plan; this is something else")
        encoder = cls(dtype=check_name("dtype", value["dtype"], ("float64", "float32")))
        encoder.plan_ = TablePlan.from_dict(value["plan"])
        encoder.left_out_ = dict(encoder.plan_.left_out)
        encoder.remarks_ = ()
        encoder.n_features_in_ = len(encoder.plan_.columns) + len(encoder.left_out_)
        return encoder

    def _table(self, X: Any, *, reset: bool) -> pa.Table:
        """Check a table as scikit-learn does, as far as that goes for one with text and gaps."""
        if issparse(X):
            raise TypeError("sparse input is not supported; a table has a column for each kind of cell")
        X = with_columns(X)
        if isinstance(X, np.ndarray):
            if not isinstance(X, np.ma.MaskedArray):  # whose mask would be lost; as_table checks its shape
                X = check_array(X, dtype=None, ensure_all_finite=False, ensure_min_samples=0)
            validate_data(self, X, reset=reset, skip_check_array=True)
            names = getattr(self, "feature_names_in_", None)
            table = as_table(X, None if names is None else [str(name) for name in names])
        else:
            table = as_table(X)
            if reset:
                self.n_features_in_ = table.num_columns
                self.feature_names_in_ = np.array(table.column_names, dtype=object)
        if table.num_rows == 0:
            raise DataError(f"Found array with 0 sample(s) (shape=({table.num_rows}, {table.num_columns})); give rows")
        return table

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = tags.input_tags.categorical = True
        return tags
