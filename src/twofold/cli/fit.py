"""``twofold fit``: a formula and a table become a linear or generalised linear model, with its tests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from twofold.cli.options import AS_JSON, takes
from twofold.cli.table_options import ENCODING, HEADER

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, kw_only=True)
class FitOptions:
    """What is fitted, and what is told of it."""

    formula: Annotated[
        str, Option("--formula", "-f", help="As in R: 'y ~ x * group + poly(age, 2)'; '.' is all other columns.")
    ]
    family: Annotated[str, Option("--family", help="gaussian, binomial, poisson, gamma or multinomial.")] = "gaussian"
    quantile: Annotated[
        float | None, Option("--quantile", help="Quantile regression in place of the mean: 0.5 is the median.")
    ] = None
    weights: Annotated[str | None, Option("--weights", help="The column of sample weights.")] = None
    offset: Annotated[str | None, Option("--offset", help="The column added to the linear predictor.")] = None
    errors: Annotated[
        str, Option("--errors", help="classical, HC0, HC1, HC2, HC3, HAC (a series), or cluster with --groups.")
    ] = "classical"
    groups: Annotated[str | None, Option("--groups", help="The column of groups, for --errors cluster.")] = None
    lags: Annotated[int | None, Option("--lags", help="For --errors HAC; else from the number of rows.")] = None
    level: Annotated[float, Option("--level", help="Of confidence intervals.")] = 0.95
    anova: Annotated[
        str | None, Option("--anova", help="Test each term: I (in order), II (beside all others) or III.")
    ] = None
    tests: Annotated[
        bool, Option("--tests", help="Test a linear model's residuals: equal variance, independence, normality.")
    ] = False


@takes(FitOptions)
def fit(
    options: FitOptions,
    *,
    file: Annotated[Path, Argument(help="A table: CSV, TSV, Parquet, a folder.", show_default=False)],
    header: HEADER = None,
    encoding: ENCODING = None,
    plot: Annotated[
        Path | None, Option("--plot", help="Draw the four diagnostic plots into this file: fit.svg, .png, .pdf.")
    ] = None,
    save: Annotated[Path | None, Option("--save", help="Write all that is printed as JSON to this file.")] = None,
    as_json: AS_JSON = False,
) -> None:
    """Fit a formula to a table by least squares or maximum likelihood, as R's lm and glm do, and print its summary.

    A formula is run as Python where it calls functions: take none from strangers.
    """
    from twofold.cli.screen import Screen
    from twofold.files import check_places, replacing
    from twofold.pages.numbers import to_json
    from twofold.tables.reading import read_table, without_empty_rows

    screen = Screen(as_json=as_json)
    _check(options, plot)
    check_places(save, plot)
    if plot is not None:
        from twofold.plots import check_picture
        from twofold.plots import save as save_picture

        check_picture(plot)
    table = without_empty_rows(read_table(file, header=header, encoding=encoding, say=screen.say), screen.say)
    model = _fitted(table, options)
    shown = _results(model, table, options)
    result = {"data": file.name, "formula": options.formula, "family": options.family}
    result |= {name: each.to_dict() for name, each in shown.items()}
    if save is not None:  # before it is told: a mistake there must not lose it
        with replacing(save) as out:
            out.write(f"{to_json(result)}\n".encode())
    for each in shown.values():
        screen.console.print(each)
    if save is not None:
        screen.say(f"saved in {save}")
    if plot is not None:
        save_picture(model.plot(), plot)
        screen.say(f"diagnostic plots: {plot}")
    screen.result(result)


def _check(options: FitOptions, plot: Path | None) -> None:
    """Refuse options that don't go together, before the table is read."""
    from twofold.errors import SpecificationError

    other = options.family == "multinomial" or options.quantile is not None
    what = "a multinomial model" if options.family == "multinomial" else "quantile regression"
    if other and plot is not None:
        raise SpecificationError(f"{what} has no diagnostic plots; leave out --plot")
    if other and (options.errors != "classical" or options.groups or options.anova or options.tests):
        raise SpecificationError(f"{what} has no --errors, --anova and --tests here; leave them out")
    if options.quantile is not None and (options.family != "gaussian" or options.offset):
        raise SpecificationError("--quantile takes neither --family nor --offset; leave them out")
    if options.tests and options.family != "gaussian":
        raise SpecificationError("--tests are of the residuals of a linear model; leave out --family")
    if options.offset and options.family == "gaussian":
        raise SpecificationError("--offset belongs to a generalised linear model; name its --family")


def _fitted(table: pa.Table, options: FitOptions) -> Any:
    from twofold.statistics import glm, lm, quantile_regression

    if options.quantile is not None:
        return quantile_regression(options.formula, table, options.quantile, weights=options.weights)
    if options.family == "gaussian":
        return lm(options.formula, table, weights=options.weights)
    return glm(options.formula, table, family=options.family, weights=options.weights, offset=options.offset)


def _results(model: Any, table: pa.Table, options: FitOptions) -> dict[str, Any]:
    """Compute the summary and what else is asked for, each printable and with a `to_dict`."""
    more: dict[str, Any] = {}
    if options.errors != "classical" or options.groups or options.lags is not None:
        more = {"errors": options.errors, "groups": _groups(table, options.groups), "lags": options.lags}
    found: dict[str, Any] = {"summary": model.summary(level=options.level, **more)}
    if options.anova is not None:
        from twofold.statistics import anova

        found["anova"] = anova(model, kind=options.anova)
    if options.tests:
        from twofold.statistics.hypothesis_tests import residual_tests

        found["tests"] = residual_tests(model)
    return found


def _groups(table: pa.Table, name: str | None) -> Any:
    from twofold.errors import DataError, nearest

    if name is None:
        return None
    if name not in table.column_names:
        raise DataError(f"--groups: there is no column {name!r}{nearest(name, table.column_names)}")
    return table.column(name).to_pandas().to_numpy()
