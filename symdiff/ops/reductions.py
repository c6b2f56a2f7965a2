"""Reductions over axes besides the sum: mean, products, extremes, logic, and where they are.

Derivatives of a product are products of the other factors, without division (see `scans`); of
an extreme, those of the entries that attain it (the subgradient of least norm; R. T.
Rockafellar, *Convex Analysis*, section 23). Names and defaults are the array API standard's
(2024.12), dtypes NumPy's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from symdiff.binding import Requirement
from symdiff.describe import listing
from symdiff.errors import DTypeError, ShapeError
from symdiff.node import Node
from symdiff.op import REGISTRY, Op
from symdiff.ops.declare import mask_of, masked_like, numpy_function, op, over, public, scale
from symdiff.ops.elementwise import (
    equal,
    logical_and,
    logical_or,
    multiply,
    not_equal,
    under,
    where,
)
from symdiff.ops.extrema import maximum, minimum
from symdiff.ops.reduce import (
    accumulating_params,
    accumulating_type,
    as_condition,
    as_in_sum,
    as_keepdims,
    batch_reduction,
    kept_shape,
    numpy_reduction,
    reduced_shape,
    reduction_params,
    sum,
)
from symdiff.ops.scans import exclusive_prod
from symdiff.ops.shape import broadcast_to, reshape, tensor
from symdiff.types import (
    Shape,
    TensorType,
    Type,
    as_dtype,
    element_count,
    normalize_axes,
    normalize_axis,
)

__all__ = [
    "all",
    "any",
    "argmax",
    "argmin",
    "count_nonzero",
    "max",
    "mean",
    "min",
    "prod",
]

# -- mean and count ------------------------------------------------------------------------


@public
def mean(x: Node, /, *, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Node:
    """Arithmetic mean over `axis` (an int, a tuple, or None for all axes).

    A sum divided by the number of entries, which may be a named size; the mean of no entries
    is NaN. Integers and booleans give float64; float16 is summed in float32, as in NumPy.
    Raises `ShapeError` for an axis that `x` does not have.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64["n"])
    >>> print(sd.text(sd.mean(x)))
    graph graph(x: f64[n]) {
      %0 : f64[] = sum x axis=(0,)
      %1 : f64[] = size_of size=n dtype=f64
      %2 : f64[] = divide %0 %1
      return %2
    }
    """
    with listing("mean", {"x": x}):
        axes, keepdims = normalize_axes(axis, x.ndim, "mean"), as_keepdims(keepdims)
    count = element_count(x.shape[a] for a in axes)
    if x.dtype == np.float16:
        total = sum(x, axis=axes, dtype=np.float32, keepdims=keepdims)
        return (total / count).astype(np.float16)
    dtype = None if x.dtype.kind in "fc" else np.dtype(np.float64)
    return sum(x, axis=axes, dtype=dtype, keepdims=keepdims) / count


@public
def count_nonzero(
    x: Node, /, *, axis: int | tuple[int, ...] | None = None, keepdims: bool = False
) -> Node:
    """How many entries along `axis` are not zero, as int64."""
    with listing("count_nonzero", {"x": x}):
        axes, keepdims = normalize_axes(axis, x.ndim, "count_nonzero"), as_keepdims(keepdims)
    return sum(not_equal(x, 0), axis=axes, dtype=np.int64, keepdims=keepdims)


# -- products ------------------------------------------------------------------------------


def _others(y: Node, x: Node) -> Node:
    """For each entry the product of the others it is multiplied with: ``dy / dx``."""
    axes, x = y.params["axis"], x.astype(y.dtype)
    return exclusive_prod(x, axis=axes) * exclusive_prod(x, axis=axes, reverse=True)


def _prod_gradient(g: Node, y: Node, x: Node) -> Node:
    scaled = scale(as_in_sum(g, y), _others(y, x))
    assert scaled is not None
    return scaled.astype(x.dtype)


prod: Op = op(
    "prod",
    "x",
    doc="""Product over `axis` (an int, a tuple, or None for all axes).

    The product over no entries is 1. Booleans and narrow integers are multiplied in 64 bits, as
    in NumPy; `dtype` overrides. The derivative by an entry is the product of the others, taken
    without division: zeros among the entries are exact at every order, at linear cost.
    """,
    parameters={"axis": None, "dtype": None, "keepdims": False},
    normalize=accumulating_params("prod"),
    identity=lambda x, axis, dtype, keepdims: not axis and dtype is None,
    infer=accumulating_type,
    kernel=lambda x, axis, dtype, keepdims: np.multiply.reduce(
        x, axis=axis, dtype=dtype, keepdims=keepdims
    ),
    vjp=(_prod_gradient,),
    jvp=(
        lambda t, y, x: sum(
            t * _others(y, x), axis=y.params["axis"], keepdims=y.params["keepdims"]
        ),
    ),
    batch=batch_reduction,
    form="reduction",
)

# -- extremes ------------------------------------------------------------------------------


def _extreme_type(x: Type, axis: tuple[int, ...], keepdims: bool) -> TensorType:
    source = tensor(x)
    _refuse_empty(source.shape, axis)
    return source.with_shape(reduced_shape(source.shape, axis, keepdims))


def _refuse_empty(shape: Shape, axes: tuple[int, ...]) -> None:
    for axis in axes:
        if shape[axis] == 0:
            raise ShapeError(f"axis {axis} has no entries, and no entries have no extreme")


def _needs_entries(x: TensorType, axis: Any, keepdims: bool) -> list[Requirement]:
    axes = normalize_axes(axis, x.rank, "axis")
    return [Requirement(x.shape[a], ">=", 1) for a in axes if not isinstance(x.shape[a], int)]


def _attained(y: Node, x: Node, keepdims: bool) -> tuple[Node, Node]:
    """Which entries are the extreme, and how many of them there are."""
    axes = y.params["axis"]
    kept = reshape(y, shape=kept_shape(x.shape, axes)) if y.ndim else y  # scalars broadcast
    hit = equal(x, kept)
    return hit, sum(hit, axis=axes, dtype=x.dtype, keepdims=keepdims)


def _extreme_gradient(g: Node, y: Node, x: Node) -> Node | None:
    hit, count = _attained(y, x, y.params["keepdims"])
    share = scale(g, over(count))
    assert share is not None
    return under(hit, _kept(share, y, x), False)


def _kept(g: Node, y: Node, x: Node) -> Node:
    """A gradient of `y` with a 1 for each axis reduced; a mask is moved along."""
    if not g.ndim:
        return g
    shape, mask = kept_shape(x.shape, y.params["axis"]), mask_of(g)
    if mask is None:
        return reshape(g, shape=shape)
    parts = mask.value, mask.condition
    value, condition = (reshape(broadcast_to(p, shape=g.shape), shape=shape) for p in parts)
    return masked_like(g, value, condition)


def _extreme_tangent(t: Node, y: Node, x: Node) -> Node:
    hit, count = _attained(y, x, True)
    # Divided first: where nothing is the extreme, which is NaN then, no 0 is divided by 0.
    return sum(where(hit, t / count, 0.0), **y.params)


def extreme(
    name: str, kernel: np.ufunc, word: str, nan: str = "propagates, and where it does"
) -> Op:
    """Declare a reduction to the extreme entry; `nan` says what happens to NaN."""
    return op(
        name,
        "x",
        doc=f"""The {word} entry over `axis` (an int, a tuple, or None for all axes).

        Entries that tie share the derivative equally. NaN {nan} the
        derivatives are 0. No entries have no extreme: `ShapeError`, at the call where the size
        is named.
        """,
        parameters={"axis": None, "keepdims": False},
        normalize=reduction_params(name),
        identity=lambda x, axis, keepdims: not axis,
        infer=_extreme_type,
        requires=_needs_entries,
        kernel=lambda x, axis, keepdims: kernel.reduce(x, axis=axis, keepdims=keepdims),
        vjp=(_extreme_gradient,),
        jvp=(_extreme_tangent,),
        batch=batch_reduction,
        form="reduction",
    )


max: Op = extreme("max", np.maximum, "largest")
min: Op = extreme("min", np.minimum, "smallest")

# -- logic ---------------------------------------------------------------------------------


def _logical(name: str, kernel: np.ufunc, doc: str) -> Op:
    return op(
        name,
        "x",
        doc=doc,
        parameters={"axis": None, "keepdims": False},
        normalize=reduction_params(name),
        identity=lambda x, axis, keepdims: not axis and x.dtype.kind == "b",
        infer=lambda x, axis, keepdims: TensorType(
            np.dtype(bool), reduced_shape(tensor(x).shape, axis, keepdims)
        ),
        kernel=lambda x, axis, keepdims: kernel.reduce(
            x, axis=axis, dtype=bool, keepdims=keepdims
        ),
        vjp=(None,),
        jvp=(None,),
        batch=batch_reduction,
        form="reduction",
    )


any: Op = _logical(
    "any", np.logical_or, "Whether an entry along `axis` is not zero; False of no entries."
)
all: Op = _logical(
    "all", np.logical_and, "Whether every entry along `axis` is not zero; True of no entries."
)

# -- places --------------------------------------------------------------------------------


def _place_params(name: str) -> Callable[..., dict[str, Any]]:
    def normalize(x: Type, axis: Any, keepdims: Any) -> dict[str, Any]:
        return {
            "axis": None if axis is None else normalize_axis(axis, tensor(x).rank, name),
            "keepdims": as_keepdims(keepdims),
        }

    return normalize


def _place_type(x: Type, axis: int | None, keepdims: bool) -> TensorType:
    source = tensor(x)
    axes = normalize_axes(axis, source.rank, "axis")
    _refuse_empty(source.shape, axes)
    return TensorType(np.dtype(np.int64), reduced_shape(source.shape, axes, keepdims))


def _batch_place(y: Node, inputs: tuple[Node, ...], mapped: tuple[bool, ...]) -> Node:
    (x,), axis, keepdims = inputs, y.params["axis"], y.params["keepdims"]
    if axis is not None:
        return y.op(x, axis=axis + 1, keepdims=keepdims)
    size = x.shape[0]
    flat = reshape(x, shape=(size, element_count(x.shape[1:])))
    return reshape(y.op(flat, axis=1), shape=(size, *y.shape))


def _place(name: str, kernel: Callable[..., Any], word: str) -> Op:
    return op(
        name,
        "x",
        doc=f"""Where the {word} entry is along `axis`: the first, where several tie, as int64.

        With ``axis=None`` its place among all entries in row-major order. A NaN counts as the
        {word}. Piecewise constant, and an integer: no derivative passes. No entries raise
        `ShapeError`, at the call where the size is named.
        """,
        parameters={"axis": None, "keepdims": False},
        normalize=_place_params(name),
        infer=_place_type,
        requires=_needs_entries,
        kernel=lambda x, axis, keepdims: np.asarray(
            kernel(x, axis=axis, keepdims=keepdims), dtype=np.int64
        ),
        vjp=(None,),
        jvp=(None,),
        batch=_batch_place,
        form="reduction",
    )


argmax: Op = _place("argmax", np.argmax, "largest")
argmin: Op = _place("argmin", np.argmin, "smallest")

# -- NumPy's names -------------------------------------------------------------------------


def in_dtype(name: str, a: Node, dtype: Any) -> Node:
    """The operand of a mean or variance in the dtype asked for, a floating one."""
    if dtype is None or dtype is np._NoValue:
        return a
    with listing(name, {"a": a}):
        if as_dtype(dtype).kind not in "fc":
            raise DTypeError(f"in dtype {as_dtype(dtype)} the mean would be truncated")
    return a.astype(dtype)


def mean_where(a: Node, taken: Node, axis: Any, keepdims: bool) -> Node:
    """The mean of the entries at which `taken` holds; NaN of none."""
    if a.dtype == np.float16:
        return mean_where(a.astype(np.float32), taken, axis, keepdims).astype(np.float16)
    dtype = a.dtype if a.dtype.kind in "fc" else np.dtype(np.float64)
    total = sum(where(taken, a, 0), axis=axis, dtype=dtype, keepdims=keepdims)
    return total / sum(taken, axis=axis, dtype=dtype, keepdims=keepdims)


@numpy_function(np.mean)
def _np_mean(
    a: Node,
    axis: Any = None,
    dtype: Any = None,
    out: None = None,
    keepdims: Any = False,
    *,
    where: Any = True,
) -> Node:
    a, taken = in_dtype("np.mean", a, dtype), as_condition("np.mean", a, where)
    keepdims = keepdims is not np._NoValue and keepdims
    if taken is None:
        return mean(a, axis=axis, keepdims=keepdims)
    return mean_where(a, taken, axis, keepdims)


_NUMPYS: tuple[tuple[Any, tuple[Any, ...], np.ufunc, dict[str, Any]], ...] = (
    (prod, (np.prod,), np.multiply, {"neutral": 1, "join": multiply, "dtype": True}),
    (max, (np.max, np.amax), np.maximum, {"join": maximum}),
    (min, (np.min, np.amin), np.minimum, {"join": minimum}),
    (any, (np.any,), np.logical_or, {"neutral": False, "join": logical_or}),
    (all, (np.all,), np.logical_and, {"neutral": True, "join": logical_and}),
)
for _function, _names, _ufunc, _more in _NUMPYS:
    numpy_reduction(_function, *_names, **_more)
    numpy_reduction(_function, (_ufunc, "reduce"), axis=0, **{**_more, "dtype": True})
numpy_reduction(argmax, np.argmax)
numpy_reduction(argmin, np.argmin)
numpy_reduction(count_nonzero, np.count_nonzero)

REGISTRY.enroll(__name__)
