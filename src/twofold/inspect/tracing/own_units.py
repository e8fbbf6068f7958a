"""What a trace of standardised numbers is in the data's own units: the sample before, the prediction after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from twofold.data.scaling import Scaling
from twofold.inspect.tracing.record import Named, Step, Symbol
from twofold.inspect.tracing.trace_data import Trace

NOTE = "All that follows is computed with standardised numbers: mean 0 and standard deviation 1 on the training set."


def with_own_units(trace: Trace, scaling: Scaling, *, features: Sequence[str] = (), target: str = "") -> Trace:
    """Add to a trace the sample, and the prediction if targets were standardised, in the data's own units.

    Parameters
    ----------
    trace : Trace
        Of standardised samples.
    scaling : Scaling
        How they were standardised.
    features : sequence of str, optional
        Names of the columns.
    target : str, optional
        What is predicted, with its unit.

    Returns
    -------
    Trace
    """
    steps = list(trace.steps)
    last = max(index for index, step in enumerate(steps) if step.part == "forward")
    if scaling.target_mean is not None and scaling.target_scale is not None:
        steps.insert(last + 1, _prediction(steps[last].arrays[-1], scaling, target))
    return replace(trace, steps=(_sample(steps[0].arrays[0], scaling, tuple(features)), *steps))


def _sample(scaled: Named, scaling: Scaling, features: tuple[str, ...]) -> Step:
    x = scaled.symbol
    raw, mean, scale = _raw(x), Symbol("m", r"\mathbf{m}"), Symbol("s", r"\mathbf{s}")
    columns = features if len(features) == scaling.mean.size else ()
    values = scaled.values * scaling.scale + scaling.mean
    return Step(
        "given",
        "In the data's own units",
        f"{x.name} = ({raw.name} - {mean.name}) / {scale.name}",
        rf"{x.latex} = ({raw.latex} - {mean.latex}) / {scale.latex}",
        f"{scaled.values.shape} = ({values.shape} - {scaling.mean.shape}) / {scaling.scale.shape}",
        (Named(raw, values, columns), Named(mean, scaling.mean, columns), Named(scale, scaling.scale, columns)),
        note=NOTE,
    )


def _prediction(scaled: Named, scaling: Scaling, target: str) -> Step:
    o = scaled.symbol
    raw, mean, scale = _raw(Symbol("y_hat", r"\hat{\mathbf{y}}")), Symbol("m_y", "m_y"), Symbol("s_y", "s_y")
    assert scaling.target_mean is not None  # noqa: S101 - the caller has seen it
    assert scaling.target_scale is not None  # noqa: S101
    values = scaled.values * scaling.target_scale + scaling.target_mean
    return Step(
        "forward",
        "The prediction in the data's own units",
        f"{raw.name} = {o.name} {scale.name} + {mean.name}",
        rf"{raw.latex} = {o.latex} \, {scale.latex} + {mean.latex}",
        f"{values.shape} = {scaled.values.shape} {scaling.target_scale.shape} + {scaling.target_mean.shape}",
        (
            Named(raw, values, (target,) if target and values.shape[-1] == 1 else ()),
            Named(mean, scaling.target_mean),
            Named(scale, scaling.target_scale),
        ),
    )


def _raw(symbol: Symbol) -> Symbol:
    return Symbol(f"{symbol.name}_own", rf"{symbol.latex}^{{\mathrm{{own}}}}")
