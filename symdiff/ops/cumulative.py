"""Sums, products and extremes of all entries up to each one, and differences of neighbours.

The transpose of a running sum is the running sum from the other end; the derivatives of a running
product are linear recurrences, without division (see `scans`); those of a running extreme belong
to the entries that hold the record (see `records`). Names and defaults are the array API
standard's (2024.12), dtypes NumPy's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from symdiff.describe import listing
from symdiff.errors import ArgumentError
from symdiff.node import Node
from symdiff.op import REGISTRY, REQUIRED, Op
from symdiff.ops.declare import linear, mask_of, numpy_function, op, public
from symdiff.ops.elementwise import equal, under, where
from symdiff.ops.functions import isnan
from symdiff.ops.joining import concat
from symdiff.ops.records import record_mean, record_share
from symdiff.ops.reduce import accumulator, batch_alike, like_operand
from symdiff.ops.scans import exclusive_prod, recurrence
from symdiff.ops.shape import broadcast_to, reshape, tensor
from symdiff.types import TensorType, Type, as_dtype, normalize_axis

__all__ = [
    "cumulative_max",
    "cumulative_min",
    "cumulative_prod",
    "cumulative_sum",
]

Array = np.ndarray[Any, Any]

# -- what they share -----------------------------------------------------------------------


def _walk_params(name: str) -> Callable[..., dict[str, Any]]:
    def normalize(x: Type, axis: Any, reverse: Any) -> dict[str, Any]:
        return {"axis": normalize_axis(axis, tensor(x).rank, name), "reverse": bool(reverse)}

    return normalize


def _accumulating_params(name: str) -> Callable[..., dict[str, Any]]:
    """The same for a walk that accumulates in a `dtype`; None for the operand's own."""

    def normalize(x: Type, axis: Any, dtype: Any, reverse: Any) -> dict[str, Any]:
        source = tensor(x).dtype
        default = accumulator(source)
        result = default if dtype is None else as_dtype(dtype)
        return {
            "axis": normalize_axis(axis, tensor(x).rank, name),
            "dtype": None if result == source == default else result,
            "reverse": bool(reverse),
        }

    return normalize


def _accumulating_type(x: Type, axis: int, dtype: Any, reverse: bool) -> TensorType:
    return tensor(x).with_dtype(dtype or tensor(x).dtype)


def _accumulated(ufunc: np.ufunc, x: Array, axis: int, dtype: Any, reverse: bool) -> Array:
    if not reverse:
        return ufunc.accumulate(x, axis=axis, dtype=dtype)
    return np.flip(ufunc.accumulate(np.flip(x, axis), axis=axis, dtype=dtype), axis)


def _masked_walk(g: Node, y: Node, total: Node) -> Node:
    """`total`, what a rule makes of the gradient `g` of `y`, with the mask of `g`.

    An entry is masked where the gradients of all entries that it takes part in are.
    """
    mask = mask_of(g)
    if mask is None:
        return total
    taken = broadcast_to(mask.taken, shape=g.shape)
    reached = _cumulative_max(taken, axis=y.params["axis"], reverse=not y.params["reverse"])
    return where(reached, total, 0.0)


# -- sum and product -----------------------------------------------------------------------


def _sum_transpose(g: Node, y: Node, x: Node) -> Node:
    total = _cumulative_sum(g, axis=y.params["axis"], reverse=not y.params["reverse"])
    return _masked_walk(g, y, like_operand(total, x))


_cumulative_sum: Op = linear(
    "cumulative_sum",
    "x",
    doc="""At each place the sum of the entries along `axis` up to it; from it with `reverse`.

    Booleans and narrow integers are summed in 64 bits, as in NumPy; `dtype` overrides. The
    gradient is the running sum from the other end.
    """,
    parameters={"axis": REQUIRED, "dtype": None, "reverse": False},
    normalize=_accumulating_params("cumulative_sum"),
    infer=_accumulating_type,
    kernel=lambda x, axis, dtype, reverse: _accumulated(np.add, x, axis, dtype, reverse),
    transpose=_sum_transpose,
    batch=batch_alike,
)


def _others(y: Node) -> dict[str, Any]:
    return {"axis": y.params["axis"], "reverse": y.params["reverse"]}


def _prod_gradient(g: Node, y: Node, x: Node) -> Node:
    """The entries before each one, times each later gradient and the entries up to it."""
    x_wide, back = x.astype(y.dtype), {**_others(y), "reverse": not y.params["reverse"]}
    later = g + recurrence(x_wide, x_wide * g, **back)
    return _masked_walk(g, y, (exclusive_prod(x_wide, **_others(y)) * later).astype(x.dtype))


def _prod_tangent(t: Node, y: Node, x: Node) -> Node:
    x_wide = x.astype(y.dtype)
    own = exclusive_prod(x_wide, **_others(y)) * t
    return own + x_wide * recurrence(x_wide, own, **_others(y))


_cumulative_prod: Op = op(
    "cumulative_prod",
    "x",
    doc="""At each place the product of the entries along `axis` up to it; from it with `reverse`.

    Booleans and narrow integers are multiplied in 64 bits, as in NumPy; `dtype` overrides. The
    derivatives are products of the other entries, taken without division: zeros among the
    entries are exact at every order, at linear cost.
    """,
    parameters={"axis": REQUIRED, "dtype": None, "reverse": False},
    normalize=_accumulating_params("cumulative_prod"),
    infer=_accumulating_type,
    kernel=lambda x, axis, dtype, reverse: _accumulated(np.multiply, x, axis, dtype, reverse),
    vjp=(_prod_gradient,),
    jvp=(_prod_tangent,),
    batch=batch_alike,
)

# -- extremes ------------------------------------------------------------------------------


def _running_extreme(name: str, ufunc: np.ufunc, word: str, largest: bool) -> Op:
    def gradient(g: Node, y: Node, x: Node) -> Node | None:
        shares = record_share(g, x, largest=largest, **y.params)
        return under(equal(x, y), _masked_walk(g, y, shares), False)

    return op(
        name,
        "x",
        doc=f"""At each place the {word} entry along `axis` up to it; from it with `reverse`.

        The derivative belongs to the entries so far that equal it, which share it equally where
        several do, as in `{name.removeprefix("cumulative_")}`. NaN propagates to all that
        follows, and where it does the derivatives are 0.
        """,
        parameters={"axis": REQUIRED, "reverse": False},
        normalize=_walk_params(name),
        infer=lambda x, axis, reverse: tensor(x),
        kernel=lambda x, axis, reverse: _accumulated(ufunc, x, axis, None, reverse),
        vjp=(gradient,),
        jvp=(lambda t, y, x: record_mean(t, x, largest=largest, **y.params),),
        batch=batch_alike,
    )


_cumulative_max: Op = _running_extreme("cumulative_max", np.maximum, "largest", True)
_cumulative_min: Op = _running_extreme("cumulative_min", np.minimum, "smallest", False)

# -- the array API's names -----------------------------------------------------------------


def _one_axis(name: str, x: Node, axis: Any) -> tuple[Node, int]:
    """The operand and the axis to walk along; a scalar counts as an array of one entry."""
    with listing(name, {"x": x}):
        if not x.ndim:
            x = reshape(x, shape=(1,))
        if axis is None and x.ndim > 1:
            raise ArgumentError(f"axis must be given for an array of {x.ndim} axes")
        return x, normalize_axis(0 if axis is None else axis, x.ndim, name)


def _with_initial(result: Node, axis: int, initial: int) -> Node:
    """The result after what it is of no entries."""
    shape = (*result.shape[:axis], 1, *result.shape[axis + 1 :])
    first = broadcast_to(result.graph.constant(initial, result.dtype), shape=shape)
    return concat([first, result], axis=axis)


@public
def cumulative_sum(
    x: Node, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False
) -> Node:
    """At each place the sum of the entries along `axis` up to and with it.

    Arguments: `axis`, which may be left out for an array of one axis; `dtype`, in which to sum:
    by default the operand's, but 64 bits for booleans and narrow integers; `include_initial`,
    whether to begin with the sum of no entries, 0, so that the axis has one entry more.

    Raises `ArgumentError` where an axis must be given, `ShapeError` for one `x` does not have.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64["n"])
    >>> y = sd.cumulative_sum(x, include_initial=True)
    >>> y.type, sd.evaluate(y, {x: [1.0, 2.0, 4.0]})
    (f64[n+1], array([0., 1., 3., 7.]))
    """
    x, place = _one_axis("cumulative_sum", x, axis)
    result = _cumulative_sum(x, axis=place, dtype=dtype)
    return _with_initial(result, place, 0) if include_initial else result


@public
def cumulative_prod(
    x: Node, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False
) -> Node:
    """At each place the product of the entries along `axis` up to and with it.

    Arguments and errors are those of `cumulative_sum`; the product of no entries is 1. Zeros
    among the entries are exact in derivatives of every order, which take no division.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64[3])
    >>> y = sd.cumulative_prod(x)
    >>> sd.evaluate([y, sd.grad(sd.sum(y), x)], {x: [2.0, 0.0, 5.0]})
    [array([2., 0., 0.]), array([ 1., 12.,  0.])]
    """
    x, place = _one_axis("cumulative_prod", x, axis)
    result = _cumulative_prod(x, axis=place, dtype=dtype)
    return _with_initial(result, place, 1) if include_initial else result


@public
def cumulative_max(x: Node, /, *, axis: int | None = None) -> Node:
    """At each place the largest entry along `axis` up to and with it: `numpy.maximum.accumulate`.

    `axis` may be left out for an array of one axis. The derivative belongs to the entries so far
    that equal the largest, in equal shares where several tie, as in `sd.max`; after a NaN all is
    NaN, with derivatives of 0. Raises as `cumulative_sum`.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64[4])
    >>> y = sd.cumulative_max(x)
    >>> sd.evaluate([y, sd.grad(sd.sum(y), x)], {x: [1.0, 3.0, 2.0, 3.0]})
    [array([1., 3., 3., 3.]), array([1. , 2.5, 0. , 0.5])]
    """
    x, place = _one_axis("cumulative_max", x, axis)
    return _cumulative_max(x, axis=place)


@public
def cumulative_min(x: Node, /, *, axis: int | None = None) -> Node:
    """At each place the smallest entry along `axis` up to and with it: `numpy.minimum.accumulate`.

    Its conventions and errors are those of `cumulative_max`.
    """
    x, place = _one_axis("cumulative_min", x, axis)
    return _cumulative_min(x, axis=place)


# -- NumPy's names -------------------------------------------------------------------------

numpy_function(np.cumulative_sum)(cumulative_sum)
numpy_function(np.cumulative_prod)(cumulative_prod)


def _flat(x: Node, axis: Any) -> tuple[Node, Any]:
    """NumPy's `cumsum` and `cumprod` walk along all entries where no axis is given."""
    return (reshape(x, shape=(-1,)), 0) if axis is None else (x, axis)


@numpy_function(np.cumsum)
def _np_cumsum(a: Node, axis: Any = None, dtype: Any = None, out: None = None) -> Node:
    a, axis = _flat(a, axis)
    return cumulative_sum(a, axis=axis, dtype=dtype)


@numpy_function(np.cumprod)
def _np_cumprod(a: Node, axis: Any = None, dtype: Any = None, out: None = None) -> Node:
    a, axis = _flat(a, axis)
    return cumulative_prod(a, axis=axis, dtype=dtype)


def _unless_nan(a: Node, value: int) -> Node:
    return where(isnan(a), value, a) if a.dtype.kind in "fc" else a


@numpy_function(np.nancumsum)
def _np_nancumsum(a: Node, axis: Any = None, dtype: Any = None, out: None = None) -> Any:
    return _np_cumsum(_unless_nan(a, 0), axis, dtype)


@numpy_function(np.nancumprod)
def _np_nancumprod(a: Node, axis: Any = None, dtype: Any = None, out: None = None) -> Any:
    return _np_cumprod(_unless_nan(a, 1), axis, dtype)


def _accumulate(function: Callable[..., Node], ufunc: np.ufunc, own_dtype: bool) -> None:
    """Answer ``ufunc.accumulate`` on nodes, along the first axis unless told."""

    def answer(array: Node, axis: Any = 0, dtype: Any = None, out: None = None) -> Node:
        if axis is None:
            raise ArgumentError(f"np.{ufunc.__name__}.accumulate: axis must be an int")
        if own_dtype or dtype is None:
            params = {"dtype": dtype} if own_dtype else {}
            return function(array, axis=axis, **params)
        return function(array.astype(dtype), axis=axis)

    numpy_function((ufunc, "accumulate"))(answer)


_accumulate(cumulative_sum, np.add, True)
_accumulate(cumulative_prod, np.multiply, True)
_accumulate(cumulative_max, np.maximum, False)
_accumulate(cumulative_min, np.minimum, False)

REGISTRY.enroll(__name__)
