"""Formulas, as users of R write them: ``y ~ x * group + poly(age, 2)`` and a table become a target and a design.

The library formulaic reads them; here missing values, classes, counts of successes and new levels are looked after.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twofold.errors import DataError, MissingDependencyError, SpecificationError, nearest, show

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
Table = Any  # a pandas or polars data frame, a pyarrow table, or a dict of columns
SUCCESSES = "cbind("


@dataclass(frozen=True)
class Term:
    """What stands between two ``+`` of a formula.

    Attributes
    ----------
    name : str
    factors : frozenset of str
        What it is a product of.
    columns : tuple of int
        Of the design without its intercept.
    """

    name: str
    factors: frozenset[str]
    columns: tuple[int, ...]


@dataclass(frozen=True)
class ModelFrame:
    """A formula filled with a table's rows.

    Attributes
    ----------
    formula : str
    target : str
        Its left side.
    y : ndarray, shape (n,)
        Numbers; of classes their indices.
    classes : tuple of str or None
        The target's levels in order, if it is of classes.
    X : ndarray, shape (n, d)
        The design without its column of ones.
    names : tuple of str
        Of its columns.
    intercept : bool
    terms : tuple of Term
    weight, offset : ndarray, shape (n,), or None
    rows : ndarray of int, shape (n,)
        Of the table, counted from 0: those with a value in every column that is used.
    missing : int
        Rows left out.
    """

    formula: str
    target: str
    y: Array
    classes: tuple[str, ...] | None
    X: Array
    names: tuple[str, ...]
    intercept: bool
    terms: tuple[Term, ...]
    weight: Array | None
    offset: Array | None
    rows: NDArray[np.intp]
    missing: int
    _design: Any
    _used: tuple[str, ...]
    _offset_name: str | None

    def columns(self, chosen: NDArray[np.intp]) -> ModelFrame:
        """Return the frame with some of its columns; terms that keep none are left out."""
        place = {int(old): new for new, old in enumerate(chosen)}
        kept = (replace(term, columns=tuple(place[j] for j in term.columns if j in place)) for term in self.terms)
        return replace(
            self,
            X=self.X[:, chosen],
            names=tuple(self.names[j] for j in chosen),
            terms=tuple(term for term in kept if term.columns),
        )

    def design_of(self, data: Table, all_names: tuple[str, ...]) -> tuple[Array, Array | None]:
        """Return the design of new rows, and their offset.

        Parameters
        ----------
        data : table
        all_names : tuple of str
            Of the columns before some were left out.

        Raises
        ------
        DataError
            If a column is missing, a value is missing, or a level is new.
        """
        table = as_frame(data)
        for name in (*self._used, *([self._offset_name] if self._offset_name else [])):
            if name not in table:
                raise DataError(f"the new table has no column {name!r}, which the formula uses")
            if (gap := table[name].isna().to_numpy()).any():
                raise DataError(f"column {name!r} has no value in row {int(gap.argmax())}; drop or fill it")
        rows = _numbers_as_such(table[list(self._used)].reset_index(drop=True))
        matrix = _built(self._design, rows, self.formula, known=table.columns)
        X = np.asarray(matrix, dtype=np.float64)[:, int(self.intercept) :]
        X = X[:, [all_names.index(name) for name in self.names]]
        _check_finite(X, self.names, np.arange(len(X)))
        offset = None if self._offset_name is None else table[self._offset_name].to_numpy(dtype=np.float64)
        return X, offset


def model_frame(
    formula: str, data: Table, *, weights: str | ArrayLike | None = None, offset: str | ArrayLike | None = None
) -> ModelFrame:
    """Fill a formula with a table.

    ``a * b`` is ``a + b + a:b``, ``.`` all other columns, ``0 +`` or ``- 1`` no intercept, ``I(x**2)`` arithmetic,
    ``poly(x, 2)`` orthogonal polynomials, ``C(g, contr.sum)`` another contrast than treatment, ``log(y)`` a function;
    ``cbind(yes, no)`` on the left are numbers of successes and failures. Names with blanks stand in backquotes.

    Parameters
    ----------
    formula : str
        Run as Python where it calls functions: take none from strangers.
    data : table
        A pandas or polars data frame, a pyarrow table, or a dict of columns. Rows with a gap in a column that is used
        are left out.
    weights, offset : str or array, shape (n,), optional
        Columns by name, or numbers for each row of the table.

    Returns
    -------
    ModelFrame

    Raises
    ------
    SpecificationError
        If the formula can't be read, or names a column that is not there.
    DataError
        If no row is left, or a number is not finite.
    MissingDependencyError
        If formulaic is not installed.

    Examples
    --------
    >>> frame = model_frame("y ~ x + g", {"y": [1.0, 2.0, 4.0], "x": [0.0, 1.0, 2.0], "g": ["a", "b", "a"]})
    >>> frame.names, frame.X.tolist()
    (('x', 'g[T.b]'), [[0.0, 0.0], [1.0, 1.0], [2.0, 0.0]])
    """
    table = as_frame(data)
    parsed, target = _parsed(formula, table)
    used = _used([parsed.lhs, parsed.rhs], table)
    known, table, n = table.columns, table.reset_index(drop=True), len(table)
    given = {"weights": weights, "offset": offset}
    numbers = {what: _column(table, what, value) for what, value in given.items() if value is not None}
    whole = ~table[used].isna().any(axis=1).to_numpy()
    for values in numbers.values():
        whole &= ~np.isnan(values)
    rows = np.flatnonzero(whole)
    if not len(rows):
        raise DataError(f"no row of {n} has a value in each of {', '.join(used)}; fill gaps or leave columns out")
    table = _numbers_as_such(table.loc[rows, used].reset_index(drop=True))
    for name in used:
        if hasattr(table[name].dtype, "categories"):
            table[name] = table[name].cat.remove_unused_categories()
    matrices = _built(parsed, table, formula, known=known)
    spec = matrices.rhs.model_spec
    all_names = list(spec.column_names)
    intercept = "Intercept" in all_names
    X = np.asarray(matrices.rhs, dtype=np.float64)[:, int(intercept) :]
    names = tuple(all_names[int(intercept) :])
    _check_finite(X, names, rows)
    y, classes, trials = _target(target, matrices.lhs, table, rows)
    weight = numbers["weights"][rows] if "weights" in numbers else None
    if trials is not None:
        weight = trials if weight is None else weight * trials
    return ModelFrame(
        formula=formula,
        target=target,
        y=y,
        classes=classes,
        X=X,
        names=names,
        intercept=intercept,
        terms=_terms(spec, int(intercept)),
        weight=weight,
        offset=numbers["offset"][rows] if "offset" in numbers else None,
        rows=rows,
        missing=n - len(rows),
        _design=spec,
        _used=tuple(_used([parsed.rhs], table)),
        _offset_name=offset if isinstance(offset, str) else None,
    )


def as_frame(data: Table) -> pd.DataFrame:
    """Return a table as a pandas data frame."""
    try:
        import pandas as pd
    except ImportError as error:
        raise MissingDependencyError("formulas need pandas and formulaic; pip install 'twofold[formulas]'") from error
    if isinstance(data, pd.DataFrame):
        return data
    if hasattr(data, "to_pandas"):
        return data.to_pandas()
    if isinstance(data, Mapping):
        try:
            return pd.DataFrame(dict(data))
        except ValueError as error:
            raise DataError(f"the columns make no table: {error}") from error
    raise DataError(f"data is {show(type(data).__name__)}; expected a data frame, a pyarrow table or a dict of columns")


def _parsed(formula: str, table: pd.DataFrame) -> tuple[Any, str]:
    """Return formulaic's formula and the text of its left side."""
    try:
        from formulaic import Formula
    except ImportError as error:
        raise MissingDependencyError("formulas need formulaic; pip install 'twofold[formulas]'") from error
    given: object = formula
    if not isinstance(given, str) or not all(side.strip() for side in given.partition("~")):
        raise SpecificationError(f"formula is {show(formula)}; expected a target and its terms: 'y ~ x + group'")
    try:
        parsed = Formula(formula, _context={"__formulaic_variables_available__": [str(name) for name in table.columns]})
        left = [str(term) for term in parsed.lhs]
        right = list(parsed.rhs)
    except Exception as error:  # the library raises whatever its parsers do
        raise SpecificationError(f"formula {formula!r} can't be read: {_plain(error)}") from error
    if len(left) != 1 or isinstance(parsed.rhs, tuple) or not right:
        raise SpecificationError(f"formula {formula!r}: expected one target and its terms, such as 'y ~ x + group'")
    return parsed, formula.partition("~")[0].strip()


def _used(sides: Sequence[Any], table: pd.DataFrame) -> list[str]:
    """Return the table's columns that sides of a formula name."""
    found: dict[str, None] = {}
    for term in (term for side in sides for term in side):
        for factor in term.factors:
            expression = str(factor.expr)
            if expression in table:
                found[expression] = None
                continue
            try:
                tree = ast.parse(expression.replace("`", "_"), mode="eval")
            except SyntaxError:
                continue
            names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
            found |= {str(name): None for name in table.columns if name in names or f"`{name}`" in expression}
    return list(found)


def _built(formula: Any, table: pd.DataFrame, text: str, *, known: Iterable[Any]) -> Any:
    """Let formulaic build the matrices; its errors and warnings become ours."""
    from formulaic.errors import DataMismatchWarning
    from formulaic.transforms import TRANSFORMS

    context = {"cbind": lambda *columns: np.column_stack(columns), "factor": TRANSFORMS["C"]}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", DataMismatchWarning)
            return formula.get_model_matrix(table, context=context, na_action="ignore")
    except DataMismatchWarning as error:
        level = str(error).partition("{")[2].partition("}")[0]
        raise DataError(f"{level} was no level of its column when the model was fitted; leave such rows out") from error
    except Exception as error:  # formulas run functions of the user's choice
        message = _plain(error)
        if "is not present in the dataset" in message:
            name = message.partition("[")[2].split("`")[1]
            near = nearest(name, map(str, known))
            raise SpecificationError(f"formula {text!r}: the table has no column {name!r}{near}") from error
        raise SpecificationError(f"formula {text!r} can't be computed: {message}") from error


def _plain(error: Exception) -> str:
    """Return the first line of an error's text."""
    line = (str(error).splitlines() or [""])[0] or type(error).__name__
    return line.replace("insuffient", "insufficient").rstrip(". ")


def _column(table: pd.DataFrame, what: str, given: str | ArrayLike) -> Array:
    """Return weights or an offset, a number for each row."""
    if isinstance(given, str):
        if given not in table:
            raise DataError(f"{what}: there is no column {given!r}{nearest(given, map(str, table.columns))}")
        given = table[given]
    try:
        values = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{what} must be numbers: {error}") from error
    if values.shape != (len(table),):
        raise DataError(f"{what} has shape {values.shape}; the table has {len(table)} rows")
    wrong = np.isinf(values) | ((values < 0) & (what == "weights"))
    if wrong.any():
        row = int(wrong.argmax())
        expected = "a finite number of at least 0" if what == "weights" else "a finite number"
        raise DataError(f"{what} is {values[row]:g} in row {row}; expected {expected}")
    return values


def _numbers_as_such(table: pd.DataFrame) -> pd.DataFrame:
    """Make columns of Python's numbers columns of doubles, which else count as levels; refuse complex ones."""
    found: dict[str, Any] = {}
    for name, column in table.items():
        if column.dtype.kind == "c":
            raise DataError(f"column {name!r} has complex numbers; expected real ones")
        if column.dtype.kind == "O" and all(isinstance(v, Real | Decimal) and not isinstance(v, bool) for v in column):
            try:
                found[str(name)] = column.astype(np.float64)
            except (OverflowError, ValueError) as error:
                raise DataError(f"column {name!r} has a number that no double holds: {error}") from error
    return table.assign(**found) if found else table


def _terms(spec: Any, first: int) -> tuple[Term, ...]:
    return tuple(
        Term(
            str(term),
            frozenset(str(factor) for factor in term.factors),
            tuple(range(part.start - first, part.stop - first)),
        )
        for term, part in spec.term_slices.items()
        if str(term) != "1"
    )


def _target(
    name: str, matrix: Any, table: pd.DataFrame, rows: NDArray[np.intp]
) -> tuple[Array, tuple[str, ...] | None, Array | None]:
    """Return the target's numbers or indices, its classes, and the trials of counted successes."""
    plain = name.strip("`")
    if plain in table and table[plain].dtype.kind not in "iufb":
        column = table[plain].astype("category")
        return (
            np.asarray(column.cat.codes, dtype=np.float64),
            tuple(str(level) for level in column.cat.categories),
            None,
        )
    values = np.asarray(matrix, dtype=np.float64)
    if name.replace(" ", "").startswith(SUCCESSES) and values.shape[1] == 2:
        if (values < 0).any() or not np.isfinite(values).all():
            raise DataError(f"{name}: numbers of successes and failures are not negative")
        trials = values.sum(axis=1)
        return np.divide(values[:, 0], trials, out=np.zeros(len(trials)), where=trials > 0), None, trials
    if values.shape[1] != 1:
        raise SpecificationError(f"{name} has {values.shape[1]} columns; expected one, or cbind(successes, failures)")
    _check_finite(values, (name,), rows)
    return values[:, 0], None, None


def _check_finite(values: Array, names: tuple[str, ...], rows: NDArray[np.intp]) -> None:
    wrong = ~np.isfinite(values)
    if wrong.any():
        row, column = (int(i) for i in np.argwhere(wrong)[0])
        raise DataError(f"{names[column]} is {values[row, column]} in row {rows[row]}; expected a finite number")
