"""How bounds and the absence of NaN pass through each op: one table, by the op's name.

An entry takes the node and what is known of its operands. What has no entry is known by its
dtype alone. Ops of a user's own are never looked up, whatever they are called.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from functools import reduce
from math import inf
from typing import Final

from symdiff.node import Node
from symdiff.rewrite.facts.intervals import (
    ANYTHING,
    Value,
    added,
    divided,
    fitted,
    hull,
    image,
    multiplied,
    negated,
    of_array,
    of_type,
    total,
)
from symdiff.sizes import Dim, bounds
from symdiff.types import TupleType, element_count

__all__ = ["value_of"]

Values = tuple[Value, ...]
Entry = Callable[[Node, Values], Value]


def value_of(node: Node, operands: Values) -> Value:
    """What holds of the entries of `node`, from what holds of those of its inputs."""
    if type(node.type) is TupleType or not node.op.registered:
        return of_type(node.type)
    name = node.op.name
    entry = _MOVES.get(name)
    if entry is None:
        if _is_complex(node):
            return of_array(node.params["value"].array) if name == "constant" else ANYTHING
        if any(_is_complex(x) for x in node.inputs):
            return Value(0.0, inf, False) if name == "abs" else of_type(node.type)
        entry = _TABLE.get(name)
    return of_type(node.type) if entry is None else entry(node, operands)


def _is_complex(node: Node) -> bool:
    return type(node.type) is not TupleType and node.dtype.kind == "c"


# -- arithmetic ----------------------------------------------------------------------------


def _square(x: Value) -> Value:
    low = 0.0 if x.low <= 0 <= x.high else min(x.low * x.low, x.high * x.high)
    return Value(low, max(x.low * x.low, x.high * x.high), x.no_nan, False, x.whole)


def _multiply(node: Node, operands: Values) -> Value:
    a, b = operands
    same = node.inputs[0] is node.inputs[1]
    return fitted(_square(a) if same else multiplied(a, b), node.dtype)


def _subtract(node: Node, operands: Values) -> Value:
    a, b = operands
    if node.inputs[0] is node.inputs[1] and a.finite:
        return Value(0.0, 0.0, True, False, True)
    return fitted(added(a, negated(b)), node.dtype)


def _add_n(node: Node, operands: Values) -> Value:
    return reduce(lambda a, b: fitted(added(a, b), node.dtype), operands)


def _pow(node: Node, operands: Values) -> Value:
    x, exponent = operands
    fixed = exponent.low == exponent.high and exponent.no_nan
    whole = exponent.whole and exponent.finite
    value = Value(-inf, inf, x.no_nan and exponent.no_nan and (x.low >= 0 or whole))
    if node.dtype.kind != "f":
        return of_type(node.type)
    if fixed and whole and exponent.low >= 0 and exponent.low % 2 == 0:
        largest = max(abs(x.low), abs(x.high))
        smallest = 0.0 if x.low <= 0 <= x.high else min(abs(x.low), abs(x.high))
        if exponent.low == 0:
            return Value(1.0, 1.0, True, True, True)
        inside = Value(smallest, largest, value.no_nan)
        power = exponent.low
        return fitted(image(lambda t: t**power, inside, node.dtype, within=(0.0, inf)), node.dtype)
    if x.low > 0 or (x.low >= 0 and exponent.low >= 0):
        return value._replace(low=0.0)
    return value


def _abs(node: Node, operands: Values) -> Value:
    (x,) = operands
    low = 0.0 if x.low <= 0 <= x.high else min(abs(x.low), abs(x.high))
    return fitted(x._replace(low=low, high=max(abs(x.low), abs(x.high))), node.dtype)


def _sign(node: Node, operands: Values) -> Value:
    (x,) = operands
    low = 1.0 if x.low > 0 else 0.0 if x.low == 0 else -1.0
    high = -1.0 if x.high < 0 else 0.0 if x.high == 0 else 1.0
    return Value(low, high, x.no_nan, x.without_zero, True)


def _divide(node: Node, operands: Values) -> Value:
    a, b = operands
    found = divided(a, b)
    below = node.inputs[1]
    one_zero = below.op.name == "size_of" or below.dtype.kind in "biu"
    if a.low >= 0 and b.low >= 0 and one_zero:  # there is no -0.0 among whole numbers
        found = found._replace(low=max(found.low, 0.0))
    return fitted(found, node.dtype)


def _reciprocal(node: Node, operands: Values) -> Value:
    return fitted(divided(Value(1.0, 1.0, True, True), operands[0]), node.dtype)


def _arithmetic(function: Callable[..., Value]) -> Entry:
    return lambda node, operands: fitted(function(*operands), node.dtype)


# -- choices -------------------------------------------------------------------------------


def _maximum(a: Value, b: Value) -> Value:
    return hull(a, b)._replace(low=max(a.low, b.low))


def _minimum(a: Value, b: Value) -> Value:
    return hull(a, b)._replace(high=min(a.high, b.high))


def _fmax(a: Value, b: Value) -> Value:
    both = a.no_nan and b.no_nan
    either = hull(a, b)._replace(no_nan=a.no_nan or b.no_nan)
    return either._replace(low=max(a.low, b.low)) if both else either


def _fmin(a: Value, b: Value) -> Value:
    both = a.no_nan and b.no_nan
    either = hull(a, b)._replace(no_nan=a.no_nan or b.no_nan)
    return either._replace(high=min(a.high, b.high)) if both else either


_LARGER: Final = {"greater": 1, "greater_equal": 1, "less": -1, "less_equal": -1}


def _where(node: Node, operands: Values) -> Value:
    condition, a, b = node.inputs
    _, first, second = operands
    return hull(_taken(condition, a, first, True), _taken(condition, b, second, False))


def _taken(condition: Node, x: Node, value: Value, holds: bool) -> Value:
    """What holds of `x` where a condition such as ``x > 0`` does (or does not)."""
    way = _LARGER.get(condition.op.name)
    if way is None or not condition.op.registered or type(x.type) is TupleType:
        return value
    left, right = condition.inputs
    if left is not x and right is not x:
        return value
    limit = _number(right if left is x else left)
    if limit is None or x.dtype.kind != "f" or math.isnan(limit):
        return value
    way = way if left is x else -way
    no_nan = value.no_nan or holds  # a comparison with NaN never holds
    strict = condition.op.name in ("greater", "less")
    way, strict = (way, strict) if holds else (-way, not strict)
    if way > 0:
        low = math.nextafter(limit, inf) if strict else limit
        return value._replace(low=max(value.low, low), no_nan=no_nan)
    high = math.nextafter(limit, -inf) if strict else limit
    return value._replace(high=min(value.high, high), no_nan=no_nan)


def _number(node: Node) -> float | None:
    if node.op.name == "broadcast_to":
        node = node.inputs[0]
    if node.op.name != "constant" or node.type.shape or node.dtype.kind == "c":  # type: ignore[union-attr]
        return None
    return float(node.params["value"].array)


# -- functions -----------------------------------------------------------------------------


def _rising(
    function: Callable[[float], float],
    within: tuple[float, float] = (-inf, inf),
    domain: tuple[float, float] = (-inf, inf),
) -> Entry:
    """An increasing function; see `image`."""
    return lambda node, operands: fitted(
        image(function, operands[0], node.dtype, within=within, domain=domain), node.dtype
    )


def _within(low: float, high: float, defined: Callable[[Value], bool] = lambda x: True) -> Entry:
    """A function of which only bounds are known; no NaN where `defined` holds of an operand."""
    return lambda node, operands: fitted(
        Value(low, high, operands[0].no_nan and defined(operands[0])), node.dtype
    )


def _stepped(function: Callable[[float], float]) -> Entry:
    def entry(node: Node, operands: Values) -> Value:
        (x,) = operands
        low = x.low if math.isinf(x.low) else float(function(x.low))
        high = x.high if math.isinf(x.high) else float(function(x.high))
        return fitted(Value(low, high, x.no_nan, False, True), node.dtype)

    return entry


def _safe_exp(x: float) -> float:
    return inf if x > 710 else math.exp(x)


def _logistic(x: float) -> float:
    return 1 / (1 + _safe_exp(-x))


def _log_logistic(x: float) -> float:
    return x if x < -700 else -math.log1p(math.exp(-x))


_HALF_PI: Final = math.nextafter(math.pi / 2, inf) * (1 + 1e-15)


def _not_infinite(x: Value) -> bool:
    return x.low > -inf and x.high < inf


# -- sums ----------------------------------------------------------------------------------


_Count = tuple[int | None, int | None]


def _reduced(node: Node) -> _Count:
    """The fewest and most entries that go into one of a reduction over an axis."""
    return _count(node.inputs[0].shape[a] for a in node.params["axis"])


def _count(dims: Iterable[Dim]) -> _Count:
    count = element_count(dims)
    return (count, count) if isinstance(count, int) else bounds(count)


def _sum(node: Node, operands: Values) -> Value:
    if node.dtype.kind != "f" and node.inputs[0].dtype.kind == "f":
        return of_type(node.type)
    return fitted(total(operands[0], *_reduced(node), node.dtype), node.dtype)


def _matmul(node: Node, operands: Values) -> Value:
    a, b = node.inputs
    return _products(node, operands, a is b and a.ndim == 1, _count(a.shape[-1:]))


def _einsum(node: Node, operands: Values) -> Value:
    a, b = node.inputs
    left, rest = node.params["subscripts"].split(",")
    right, out = rest.split("->")
    count = _count(dim for letter, dim in zip(left, a.shape, strict=True) if letter not in out)
    return _products(node, operands, a is b and left == right, count)


def _products(node: Node, operands: Values, same: bool, count: _Count) -> Value:
    if node.dtype.kind != "f":
        return of_type(node.type)
    each = _square(operands[0]) if same else multiplied(*operands)
    return fitted(total(fitted(each, node.dtype), *count, node.dtype), node.dtype)


def _prod(node: Node, operands: Values) -> Value:
    (x,) = operands
    if node.dtype.kind != "f" or x.low < 0:
        return of_type(node.type)
    # On the way to a product of both small and large entries 0 may meet infinity.
    return Value(
        0.0,
        1.0 if x.high <= 1 else inf,
        x.no_nan and (x.high <= 1 or x.low >= 1),
        False,
        x.whole,
    )


def _logsumexp(node: Node, operands: Values) -> Value:
    (x,) = operands
    least, most = _reduced(node)
    low = x.low if least else -inf
    high = inf if most is None or not most else x.high + math.log(most)
    widened = image(lambda t: t, Value(low, high, x.no_nan and x.high < inf), node.dtype)
    return fitted(widened, node.dtype)


# -- sources -------------------------------------------------------------------------------


def _constant(node: Node, operands: Values) -> Value:
    return of_array(node.params["value"].array)


def _size_of(node: Node, operands: Values) -> Value:
    least, most = bounds(node.params["size"])
    low = -(2.0**63) if least is None else float(least)
    high = 2.0**63 if most is None else float(most)
    return fitted(Value(low, high, True, False, True), node.dtype)


def _zero_or_one(node: Node, operands: Values) -> Value:
    return Value(0.0, 1.0, True, False, True)


def _arange(node: Node, operands: Values) -> Value:
    ends = [node.params[k] for k in ("start", "stop")]
    if node.dtype.kind != "i" or not all(isinstance(end, int) for end in ends):
        return of_type(node.type)
    return fitted(Value(float(min(ends)), float(max(ends)), True, False, True), node.dtype)


def _places(node: Node, operands: Values) -> Value:
    return of_type(node.type)._replace(low=0.0)


# -- the table -----------------------------------------------------------------------------


def _keep(node: Node, operands: Values) -> Value:
    return operands[0]


def _join(node: Node, operands: Values) -> Value:
    return reduce(hull, operands)


_ZERO: Final = Value(0.0, 0.0, True, False, True)


def _among_zeros(node: Node, operands: Values) -> Value:
    return hull(_ZERO, operands[0])


def _scatter(node: Node, operands: Values) -> Value:
    """Zeros, to which the parts are added where they lie, some over others."""
    value = _ZERO
    for part in operands:
        value = hull(value, fitted(added(value, part), node.dtype))
    return value


def _cast(node: Node, operands: Values) -> Value:
    (x,) = operands
    if _is_complex(node) or _is_complex(node.inputs[0]):
        return ANYTHING if node.dtype.kind in "fc" else of_type(node.type)
    if node.dtype.kind == "f" or (node.dtype.kind in "iu" and x.finite):
        return fitted(_truncated(x) if node.dtype.kind in "iu" else x, node.dtype)
    return of_type(node.type)


def _truncated(x: Value) -> Value:
    return Value(float(math.trunc(x.low)), float(math.trunc(x.high)), x.no_nan, False, True)


_MOVES: Final[Mapping[str, Entry]] = {
    **dict.fromkeys(
        (
            "broadcast_to",
            "checkpoint",
            "gather",
            "index",
            "pad",
            "permute_dims",
            "probe",
            "refine",
            "reshape",
            "roll",
            "sort",
            "stop_gradient",
            "take_along_axis",
            "take_diagonal",
        ),
        _keep,
    ),
    "concat": _join,
    "stack": _join,
    "put_diagonal": _among_zeros,
    "cast": _cast,
}
"""Ops that move entries, of any dtype."""

_TABLE: Final[Mapping[str, Entry]] = {
    "add": _arithmetic(added),
    "subtract": _subtract,
    "multiply": _multiply,
    "divide": _divide,
    "negative": lambda node, operands: fitted(negated(operands[0]), node.dtype),
    "reciprocal": _reciprocal,
    "square": lambda node, operands: fitted(_square(operands[0]), node.dtype),
    "pow": _pow,
    "add_n": _add_n,
    "abs": _abs,
    "sign": _sign,
    "maximum": lambda node, operands: _maximum(*operands),
    "minimum": lambda node, operands: _minimum(*operands),
    "fmax": lambda node, operands: _fmax(*operands),
    "fmin": lambda node, operands: _fmin(*operands),
    "relu": lambda node, operands: _maximum(operands[0], _ZERO),
    "where": _where,
    "exp": _rising(math.exp, (0.0, inf)),
    "exp2": _rising(lambda x: 2.0**x, (0.0, inf)),
    "expm1": _rising(math.expm1, (-1.0, inf)),
    "log": _rising(math.log, domain=(0.0, inf)),
    "log2": _rising(math.log2, domain=(0.0, inf)),
    "log10": _rising(math.log10, domain=(0.0, inf)),
    "log1p": _rising(math.log1p, domain=(-1.0, inf)),
    "sqrt": _rising(math.sqrt, (0.0, inf), (0.0, inf)),
    "cbrt": _rising(math.cbrt),
    "deg2rad": _rising(math.radians),
    "rad2deg": _rising(math.degrees),
    "tanh": _rising(math.tanh, (-1.0, 1.0)),
    "sinh": _rising(math.sinh),
    "asinh": _rising(math.asinh),
    "atan": _rising(math.atan, (-_HALF_PI, _HALF_PI)),
    "erf": _rising(math.erf, (-1.0, 1.0)),
    "sigmoid": _rising(_logistic, (0.0, 1.0)),
    "expit": _rising(_logistic, (0.0, 1.0)),
    "log_expit": _rising(_log_logistic, (-inf, 0.0)),
    "softplus": _rising(lambda x: -_log_logistic(-x), (0.0, inf)),
    "floor": _stepped(math.floor),
    "ceil": _stepped(math.ceil),
    "trunc": _stepped(math.trunc),
    "round": _stepped(round),
    "sin": _within(-1.0, 1.0, _not_infinite),
    "cos": _within(-1.0, 1.0, _not_infinite),
    "cosh": _within(0.0, inf),
    "sech": _within(0.0, 1.0 + 1e-15),
    "erfc": _within(0.0, 2.0),
    "ndtr": _within(0.0, 1.0),
    "softmax": _within(0.0, 1.0, _not_infinite),
    "log_softmax": _within(-inf, 0.0, _not_infinite),
    "hypot": lambda node, operands: Value(0.0, inf, all(x.no_nan for x in operands)),
    "sum": _sum,
    "prod": _prod,
    "matmul": _matmul,
    "einsum": _einsum,
    "logsumexp": _logsumexp,
    "max": _keep,
    "min": _keep,
    "cumulative_max": _keep,
    "cumulative_min": _keep,
    "argmax": _places,
    "argmin": _places,
    "argsort": _places,
    "scatter": _scatter,
    "constant": _constant,
    "size_of": _size_of,
    "eye": _zero_or_one,
    "tri": _zero_or_one,
    "one_hot": _zero_or_one,
    "arange": _arange,
}
