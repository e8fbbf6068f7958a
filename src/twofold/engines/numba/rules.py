"""Machine code for optimisers: the definitions of `twofold.functions.optimizers` as loops over parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from twofold.engines.numba.formulas import FUNCTIONS, NUMBA
from twofold.engines.numba.jit import compiled
from twofold.functions.expressions import Expression, Language, function_of, python_lines, take_out, walk
from twofold.functions.optimizers import Optimizer

WIDE = Language(NUMBA.calls, number=repr)  # for what is computed once a step, in float64 whatever theta is
OF_KIND = Language(NUMBA.calls, number=lambda value: f"kind({value!r})")  # of theta's type


def source_of_step(rule: Optimizer) -> str:
    """Write a rule's step as ``loop(theta, g, state, eta, t, constants)``, which changes theta and the state.

    The constants are l1 and the rule's own.
    """
    return _source(rule, rule.expressions, ("theta", *rule.state))


def source_of_penalty(rule: Optimizer) -> str:
    """Write the proximal step of an L1 penalty in the same way; it changes theta.

    Of a rule without a step's length, which takes no penalty, it changes nothing.
    """
    if rule.length is None:
        return _source(rule, (Expression("theta"),), ("theta",))
    penalty = rule.record_penalty(**{name: Expression(name) for name in ("l1", *rule.constants)})
    return _source(rule, (penalty,), ("theta",))


def _source(rule: Optimizer, expressions: tuple[Any, ...], changed: Sequence[str]) -> str:
    """Write a loop over all parameters that stores the expressions in what is changed."""
    numbers, expressions = take_out(expressions, rule.variables)
    used = {part.name for part in walk(*expressions, *numbers.values()) if isinstance(part, Expression)} | {*changed}
    # Arrays have a line under their names; the names alone are their numbers.
    lines = ["kind = theta_.dtype.type"]
    lines += [f"{name} = constants_[{k}]" for k, name in enumerate(("l1", *rule.constants)) if name in used]
    for name, number in numbers.items():
        *before, last = python_lines(number, WIDE)
        lines += [*before, f"{name} = kind({last.removeprefix('return ')})"]
    lines += [f"{name}_ = state_[{k}]" for k, name in enumerate(rule.state) if name in used]
    *before, last = python_lines(expressions, OF_KIND)
    loop = [*(f"{name} = {name}_[i_]" for name in rule.variables if name in used), *before]
    loop.append(f"{', '.join(f'{name}_[i_]' for name in changed)} = {last.removeprefix('return ')}")
    lines += ["for i_ in range(len(theta_)):", *(f"    {line}" for line in loop)]
    return "def loop(theta_, g_, state_, eta, t, constants_):\n" + "".join(f"    {line}\n" for line in lines)


@cache
def loop_of(source: str) -> Callable[..., None]:
    """Compile a loop; rules that differ in name alone share one."""
    made: Callable[..., None] = compiled(function_of(source, "loop", FUNCTIONS))
    return made
