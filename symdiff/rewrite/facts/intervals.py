"""What is known of the entries of one value: bounds, and whether NaN can be among them.

Bounds are floats that hold for every entry as it is computed, rounding and overflow included.
Rounding is monotone, so the rounded ends of an exact operation bound its rounded results;
functions that are only accurate to some units in the last place are widened by those. R. E.
Moore, *Interval Analysis*, 1966, is where such arithmetic comes from.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from math import inf
from typing import Any, Final, NamedTuple

import numpy as np

from symdiff.types import TupleType, Type

__all__ = [
    "ANYTHING",
    "Value",
    "added",
    "divided",
    "fitted",
    "hull",
    "image",
    "multiplied",
    "negated",
    "of_array",
    "of_type",
    "total",
]


class Value(NamedTuple):
    """What holds of every entry; of no entries, everything does.

    ``low <= entry <= high`` for entries that are not NaN; `no_nan`: none is NaN; `nonzero`: none
    is 0; `whole`: every entry is a whole number, infinite or NaN.
    """

    low: float
    high: float
    no_nan: bool
    nonzero: bool = False
    whole: bool = False

    @property
    def finite(self) -> bool:
        """No entry is NaN or infinite."""
        return self.no_nan and self.low > -inf and self.high < inf

    @property
    def without_zero(self) -> bool:
        """No entry is 0."""
        return self.nonzero or self.low > 0 or self.high < 0


ANYTHING: Final = Value(-inf, inf, False)
_WIDEST_WHOLE: Final = 2.0**53


def of_type(type_: Type) -> Value:
    """What the dtype alone says."""
    if isinstance(type_, TupleType):
        return ANYTHING
    return _of_dtype(type_.dtype)


def _of_dtype(dtype: np.dtype[Any]) -> Value:
    found = _OF_DTYPE.get(dtype)
    return ANYTHING if found is None else found


def _integers(dtype: Any) -> Value:
    # The float next to the largest 64-bit integer is above it.
    return Value(float(np.iinfo(dtype).min), float(np.iinfo(dtype).max), True, False, True)


_OF_DTYPE: Final[dict[Any, Value]] = {
    np.dtype(bool): Value(0.0, 1.0, True, False, True),
    **{np.dtype(f"{kind}{n}"): _integers(f"{kind}{n}") for kind in "iu" for n in (1, 2, 4, 8)},
}


def of_array(array: np.ndarray[Any, Any]) -> Value:
    """What holds of the entries of a constant, exactly."""
    if array.dtype.kind == "c":
        return Value(-inf, inf, not bool(np.isnan(array).any()))
    if array.ndim == 0:  # most constants are numbers
        number = float(array)
        if math.isnan(number):
            return Value(-inf, inf, False)
        value = Value(number, number, True, number != 0, math.isinf(number) or number % 1 == 0)
    else:
        kept = array[~np.isnan(array)] if array.dtype.kind == "f" else array
        if not kept.size:
            return Value(-inf, inf, array.size == 0)
        with np.errstate(invalid="ignore"):
            whole = array.dtype.kind != "f" or bool((np.isinf(kept) | (kept % 1 == 0)).all())
        low, high = float(kept.min()), float(kept.max())
        value = Value(low, high, kept.size == array.size, bool((kept != 0).all()), whole)
    return fitted(value, array.dtype) if array.dtype.kind in "iu" else value


# -- bounds in a dtype ---------------------------------------------------------------------


def fitted(value: Value, dtype: np.dtype[Any]) -> Value:
    """The value as the dtype holds it, bounds having been computed in float64.

    Narrower floats round outwards and overflow to infinities; integers wrap, and so mean
    anything where they may leave their range, or are too large for a float to tell them apart.
    """
    if dtype.kind == "f":
        if dtype.itemsize >= 8:
            return value
        low, high = _narrowed(value.low, dtype, -inf), _narrowed(value.high, dtype, inf)
        # A narrow float may round to a whole number, or to zero, what was none.
        tiny = float(np.finfo(dtype).tiny)
        nonzero = value.nonzero and (value.low >= tiny or value.high <= -tiny)
        return value._replace(low=low, high=high, nonzero=nonzero)
    full = _of_dtype(dtype)
    if full is ANYTHING:
        return value._replace(low=-inf, high=inf, whole=False)
    within = full.low <= value.low and value.high <= full.high
    small = value.low >= -_WIDEST_WHOLE and value.high <= _WIDEST_WHOLE
    if not within or not small:
        return full
    return value._replace(no_nan=True, whole=True)


def _narrowed(bound: float, dtype: np.dtype[Any], towards: float) -> float:
    if bound == 0 or math.isinf(bound):
        return bound
    with np.errstate(over="ignore", under="ignore"):
        near = dtype.type(bound)
        outside = float(near) > bound if towards < 0 else float(near) < bound
        return float(np.nextafter(near, dtype.type(towards))) if outside else float(near)


def _widened(low: float, high: float, dtype: np.dtype[Any], units: int) -> tuple[float, float]:
    """Bounds moved apart by some units in the last place of the dtype."""
    if units == 0:
        return low, high
    share = units * (float(np.finfo(dtype).eps) if dtype.kind == "f" else 2.0**-52)
    low -= abs(low) * share if math.isfinite(low) else 0.0
    high += abs(high) * share if math.isfinite(high) else 0.0
    return low, high


# -- functions of one value ----------------------------------------------------------------


def hull(one: Value, other: Value) -> Value:
    """What holds of entries that are of the one or of the other."""
    return Value(
        min(one.low, other.low),
        max(one.high, other.high),
        one.no_nan and other.no_nan,
        one.without_zero and other.without_zero,
        one.whole and other.whole,
    )


def negated(x: Value) -> Value:
    """Of ``-x``."""
    return x._replace(low=-x.high, high=-x.low)


def image(
    function: Callable[[float], float],
    x: Value,
    dtype: np.dtype[Any],
    *,
    within: tuple[float, float] = (-inf, inf),
    domain: tuple[float, float] = (-inf, inf),
    units: int = 8,
) -> Value:
    """Of an increasing function, accurate to `units` in the last place of `dtype`.

    Its values lie `within` an interval, also as computed; outside its `domain` they are NaN.
    """
    low = _end(function, max(x.low, domain[0]), within[0], -inf)
    high = _end(function, min(x.high, domain[1]), within[1], inf)
    low, high = _widened(low, high, dtype, units)
    inside = domain[0] <= x.low and x.high <= domain[1]
    return Value(max(low, within[0]), min(high, within[1]), x.no_nan and inside)


def _end(function: Callable[[float], float], at: float, limit: float, infinite: float) -> float:
    if math.isinf(at):
        return limit if at == infinite else function(at)
    try:
        result = function(at)
    except OverflowError:
        result = math.copysign(inf, at)
    except ValueError:  # at a pole, or where the interval is empty
        return limit
    return limit if math.isnan(result) else result


# -- arithmetic ----------------------------------------------------------------------------


def added(a: Value, b: Value) -> Value:
    """Of ``a + b``."""
    meets = (a.high == inf and b.low == -inf) or (a.low == -inf and b.high == inf)
    low = -inf if -inf in (a.low, b.low) else a.low + b.low
    high = inf if inf in (a.high, b.high) else a.high + b.high
    return Value(low, high, a.no_nan and b.no_nan and not meets, False, a.whole and b.whole)


def multiplied(a: Value, b: Value) -> Value:
    """Of ``a * b``."""
    ends = [_product(x, y) for x in (a.low, a.high) for y in (b.low, b.high)]
    undefined = (_infinite(a) and not b.without_zero) or (_infinite(b) and not a.without_zero)
    no_nan = a.no_nan and b.no_nan and not undefined
    return Value(min(ends), max(ends), no_nan, False, a.whole and b.whole)


def _product(x: float, y: float) -> float:
    return 0.0 if x == 0 or y == 0 else x * y


def _infinite(x: Value) -> bool:
    return x.low == -inf or x.high == inf


def divided(a: Value, b: Value) -> Value:
    """Of ``a / b``: anything unless the sign of `b` is known, zeros having two."""
    undefined = (_infinite(a) and _infinite(b)) or not (a.without_zero or b.without_zero)
    no_nan = a.no_nan and b.no_nan and not undefined
    if b.low <= 0 <= b.high:
        return Value(-inf, inf, no_nan)
    ends = [_quotient(x, y) for x in (a.low, a.high) for y in (b.low, b.high)]
    return Value(min(ends), max(ends), no_nan)


def _quotient(x: float, y: float) -> float:
    if x == 0 or (math.isinf(y) and not math.isinf(x)):
        return 0.0
    if math.isinf(x):  # over an infinity: NaN, or as large as one likes before it
        return math.copysign(inf, x) * math.copysign(1.0, y)
    return x / y


def total(x: Value, least: int | None, most: int | None, dtype: np.dtype[Any]) -> Value:
    """Of a sum of at least `least` and at most `most` entries, added in any order."""
    share = (float(np.finfo(dtype).eps) if dtype.kind == "f" else 0.0) * 2

    def end(bound: float, outward: float) -> float:
        far = bound * outward > 0  # more entries reach further
        count = most if far else least
        if bound == 0 or (not far and not count):
            return 0.0
        if count is None or count * share > 0.5 or math.isinf(bound):
            # Not further than infinity; rounding keeps the sign of a sum of like signs.
            return outward * inf if far else 0.0 if math.isfinite(bound) else bound
        widen = 1 + count * share
        return count * bound * (widen if far else 1 / widen)

    low, high = end(x.low, -1.0), end(x.high, 1.0)
    one_sided = x.low >= 0 or x.high <= 0
    limit = float(np.finfo(dtype).max) if dtype.kind == "f" else inf
    no_nan = x.no_nan and (one_sided or low > -limit or high < limit)
    return Value(low, high, no_nan, False, x.whole)
