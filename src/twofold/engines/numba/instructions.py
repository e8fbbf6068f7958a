"""Instructions that Numba has no word for, each with a stand-in for where nothing is compiled."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from twofold.engines.numba.jit import COMPILES

LINE = 64  # bytes that come from memory at once
READ = (0, 3, 1)  # of llvm.prefetch: to be read; kept in all caches; data, not instructions

# A bfloat16 is the upper half of a float32; Numba knows it as 16 bits.
HALF, WHOLE, SINGLE, DOUBLE, LONG = ir.IntType(16), ir.IntType(32), ir.FloatType(), ir.DoubleType(), ir.IntType(64)
LOWER_HALF = 16  # bits that a bfloat16 lacks
NEARLY_HALF = 0x7FFF  # of the last digit that is kept
NOT_A_NUMBER = 0x7FC0


def _prefetch(_context: Any, X: Any, row: Any) -> Any:
    """Ask memory for a row of X (n, d), C-contiguous: it comes while the processor goes on with something else."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        width = builder.extract_value(array.strides, 0)
        start = builder.add(builder.ptrtoint(array.data, width.type), builder.mul(arguments[1], width))
        pointer, flag = ir.PointerType(ir.IntType(8)), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [pointer, flag, flag, flag])
        ask = builder.module.declare_intrinsic("llvm.prefetch", [pointer], kind)
        loop: Any = cgutils.for_range_slice
        with loop(builder, width.type(0), width, width.type(LINE)) as (offset, _):
            place = builder.inttoptr(builder.add(start, offset), pointer)
            builder.call(ask, [place, *(ir.Constant(flag, value) for value in READ)])
        return context.get_dummy_value()

    return types.void(X, row), generate


def _wait(_X: Any, _row: Any) -> None:
    """Stand in for `prefetch` where nothing is compiled."""


def _power_of_two(_context: Any, k: Any) -> Any:
    """``2^k`` of a float that is a whole number, at most 0; 0 where that is too small for a normal number."""

    def generate(_context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        single = signature.return_type == types.float32
        number, bits, digits, bias = (SINGLE, WHOLE, 23, 127) if single else (DOUBLE, LONG, 52, 1023)
        ordered = builder.fcmp_ordered("ord", arguments[0], arguments[0])  # NaN is no whole number
        exponent = builder.add(builder.fptosi(builder.select(ordered, arguments[0], number(0.0)), bits), bits(bias))
        negative = builder.icmp_signed("<", exponent, bits(0))
        return builder.bitcast(builder.shl(builder.select(negative, bits(0), exponent), bits(digits)), number)

    return k(k), generate


def _python_power_of_two(k: Any) -> Any:
    """Stand in for `power_of_two` where nothing is compiled."""
    return type(k)(2.0**k)


def _widen(_context: Any, x: Any) -> Any:
    """Return the float32 that 16 bits stand for; a float as it is."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(builder.shl(builder.zext(arguments[0], WHOLE), WHOLE(LOWER_HALF)), SINGLE)

    return (types.float32(x), generate) if x == types.uint16 else (x(x), _leave)


def _narrow(_context: Any, x: Any, like: Any) -> Any:
    """Return the 16 bits nearest to a float32, of two the even ones, if ``like`` is 16 bits; else the float."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        bits = builder.bitcast(arguments[0], WHOLE)
        odd = builder.and_(builder.lshr(bits, WHOLE(LOWER_HALF)), WHOLE(1))
        rounded = builder.add(bits, builder.add(odd, WHOLE(NEARLY_HALF)))
        upper = builder.trunc(builder.lshr(rounded, WHOLE(LOWER_HALF)), HALF)
        return builder.select(builder.fcmp_unordered("uno", arguments[0], arguments[0]), HALF(NOT_A_NUMBER), upper)

    return (types.uint16(x, like), generate) if like == types.uint16 else (x(x, like), _leave)


def _leave(_context: Any, _builder: Any, _signature: Any, arguments: Any) -> Any:
    return arguments[0]


def _same(x: Any, _like: Any = None) -> Any:
    """Stand in for both where nothing is compiled: then nobody has bfloat16."""
    return x


prefetch: Any = intrinsic(_prefetch) if COMPILES else _wait
power_of_two: Any = intrinsic(_power_of_two) if COMPILES else _python_power_of_two
widen: Any = intrinsic(_widen) if COMPILES else _same
narrow: Any = intrinsic(_narrow) if COMPILES else _same
