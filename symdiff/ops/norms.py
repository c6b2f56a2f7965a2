"""Norms of vectors and matrices, of every order but those that need singular values.

The p-norm and all its derivatives come from one family of arrays. With ``y`` the norm, put

    q(k, m) = c(k, m) * sign(x)**k * (abs(x) / y)**(p - k) / y**m,

whose derivative by entry j, at entry i, is ``q(k+1, m+1)`` for ``i == j`` less ``q(k, m+1)``
times ``u[j]``, where ``u = q(1, 0)`` is the gradient of the norm itself. The numbers c follow
from c(1, 0) = 1 and are products of ``p - 1, p - 2, …`` and ``p - 1, p, p + 1, …``. Nothing is
squared that could overflow: kernels compute in units of the largest entry (N. Higham, *Accuracy
and Stability of Numerical Algorithms*, 2002, 27.5, where p-norms are section 6.1).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symdiff.describe import listing
from symdiff.errors import ArgumentError, DTypeError, ShapeError
from symdiff.node import Node
from symdiff.op import REGISTRY, Op
from symdiff.ops.declare import numpy_function, op, public, scale
from symdiff.ops.elementwise import abs as abs_
from symdiff.ops.elementwise import not_equal
from symdiff.ops.joining import squeeze
from symdiff.ops.reduce import (
    as_in_sum,
    as_keepdims,
    batch_reduction,
    masked_mixture,
    reduced_shape,
)
from symdiff.ops.reduce import sum as sum_
from symdiff.ops.reductions import max as max_
from symdiff.ops.reductions import min as min_
from symdiff.ops.shape import tensor
from symdiff.types import TensorType, Type, normalize_axes, normalize_axis, promote

__all__ = ["matrix_norm", "p_norm", "p_norm_part", "vector_norm"]

Array = np.ndarray[Any, Any]

# -- kernels -------------------------------------------------------------------------------


def _real(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype of an absolute value, a floating one."""
    wide = promote(dtype, float)
    return np.empty((), wide).real.dtype


def _sizes(x: Array) -> Any:
    """Absolute values, half precision as single."""
    wide = np.float32 if x.dtype == np.float16 else promote(x.dtype, float)
    return np.abs(x.astype(wide, copy=False))


def _plain(x: Array, ord: float, axis: tuple[int, ...]) -> Any:
    """The 2-norm by the squares of `x`, where none of them is lost; None where one may be."""
    if ord != 2 or x.dtype.char not in "fd":
        return None
    with np.errstate(over="ignore", under="ignore"):
        total = np.add.reduce(np.square(x), axis=axis, keepdims=True)
    limits = np.finfo(x.dtype)
    safe = (total >= limits.tiny / limits.eps) & (total <= limits.max)
    if not safe.all():
        safe |= ~np.logical_or.reduce(x, axis=axis, keepdims=True)  # zeros, as x - x has
    return np.sqrt(total) if safe.all() else None


def _measured(x: Array, ord: float, axis: tuple[int, ...]) -> tuple[Array, Array, Array]:
    """Sizes of the entries and the norm, both in a unit that suits them, and the unit.

    Where the norm is infinite the infinite entries count as 1 and all others as 0.
    """
    a = _sizes(x)
    reduce, empty = (np.maximum.reduce, 0.0) if ord > 0 else (np.minimum.reduce, math.inf)
    unit = reduce(a, axis=axis, keepdims=True, initial=empty)
    endless, one = np.isinf(unit), a.dtype.type(1)
    entries = a / np.where(endless | (unit == 0), one, unit)
    if np.any(endless):
        entries = np.where(endless, np.isinf(a), entries).astype(a.dtype, copy=False)
    powers = np.square(entries) if ord == 2 else entries**ord
    total = np.add.reduce(powers, axis=axis, keepdims=True)
    norm = np.sqrt(total) if ord == 2 else total ** (1 / ord)
    return entries, norm, np.where(unit == 0, one, unit)


def _p_norm(x: Array, ord: float, axis: tuple[int, ...], keepdims: bool) -> Any:
    found = _plain(x, ord, axis)
    if found is None:
        _, norm, unit = _measured(x, ord, axis)
        found = (norm * unit).astype(_real(x.dtype), copy=False)
    return found if keepdims else np.squeeze(found, axis)


def _coefficient(ord: float, power: int, over: int) -> float:
    """c(k, m) of the family: one factor for each derivative taken."""
    falling = math.prod(ord - j for j in range(1, power))
    return falling * math.prod(ord - 1 + i for i in range(over - power + 1))


def _p_norm_part(x: Array, ord: float, power: int, over: int, axis: tuple[int, ...]) -> Any:
    length = _plain(x, ord, axis) if power == 1 else None
    if length is None:
        result, length = _ratios(x, ord, power, axis)
    else:
        if not length.all():
            length = np.where(length == 0, length.dtype.type(1), length)
        result = x / length
    coefficient = _coefficient(ord, power, over)
    if coefficient != 1:
        result *= coefficient
    for _ in range(over):
        result /= length
    return result.astype(x.dtype, copy=False)


def _ratios(x: Array, ord: float, power: int, axis: tuple[int, ...]) -> tuple[Any, Any]:
    """``sign(x)**k * (abs(x) / y)**(p - k)`` by the conventions of the doc, and y, 1 for 0."""
    entries, norm, unit = _measured(x, ord, axis)
    none = norm == 0
    norm = np.where(none, norm.dtype.type(1), norm)
    result = entries / norm
    exponent = ord - power
    if exponent != 1:
        result **= exponent
    if power % 2:
        result *= np.sign(x)
    if exponent < 0:
        none = none | (x == 0) | (np.isinf(unit) & (entries == 0))
    if np.any(none):
        result = np.where(none, result.dtype.type(0), result)
    return result, norm * unit


# -- the two ops ---------------------------------------------------------------------------


def _as_order(ord: Any) -> float:
    """The order of a norm as a float; `ArgumentError` for anything but a number."""
    if isinstance(ord, int | float | np.integer | np.floating) and not math.isnan(ord):
        return float(ord)
    raise ArgumentError(f"the order of a vector norm is a number, inf or -inf, not {ord!r}")


def _finite_order(ord: Any) -> float:
    order = _as_order(ord)
    if order == 0 or math.isinf(order):
        raise ArgumentError(f"order {order} is no power; sd.linalg.vector_norm has every order")
    return order


def _p_norm_params(x: Type, ord: Any, axis: Any, keepdims: Any) -> dict[str, Any]:
    return {
        "ord": _finite_order(ord),
        "axis": normalize_axes(axis, tensor(x).rank, "p_norm"),
        "keepdims": as_keepdims(keepdims),
    }


def _p_norm_type(x: Type, ord: float, axis: tuple[int, ...], keepdims: bool) -> TensorType:
    source = tensor(x)
    return TensorType(_real(source.dtype), reduced_shape(source.shape, axis, keepdims))


def _unit_vector(y: Node, x: Node) -> Node:
    """The gradient of the norm that `y` is made of: of length 1 in the dual norm."""
    return p_norm_part(x, ord=y.params["ord"], axis=y.params["axis"])


p_norm: Op = op(
    "p_norm",
    "x",
    doc="""The p-norm over `axis` (an int, a tuple, or None for all): `sum(abs(x)**ord)**(1/ord)`.

    `ord` is any finite number but 0. Neither overflow nor underflow happens on the way. The
    derivative by an entry is ``sign(x) * (abs(x) / norm)**(ord - 1)``. Where the norm is 0 all
    derivatives are 0, at every order; at an entry of 0, those are that would be infinite
    (``ord`` below 1, second derivatives below 2). Where the norm is infinite, the infinite
    entries share its derivative and all others have none.
    """,
    parameters={"ord": 2.0, "axis": None, "keepdims": False},
    normalize=_p_norm_params,
    infer=_p_norm_type,
    kernel=_p_norm,
    vjp=(lambda g, y, x: scale(as_in_sum(g, y), _unit_vector(y, x)),),
    jvp=(
        lambda t, y, x: sum_(
            t * _unit_vector(y, x), axis=y.params["axis"], keepdims=y.params["keepdims"]
        ),
    ),
    batch=batch_reduction,
    form="reduction",
)


def _part_params(x: Type, ord: Any, power: Any, over: Any, axis: Any) -> dict[str, Any]:
    return {
        "ord": _finite_order(ord),
        "power": int(power),
        "over": int(over),
        "axis": normalize_axes(axis, tensor(x).rank, "p_norm_part"),
    }


def _part_type(x: Type, ord: float, power: int, over: int, axis: tuple[int, ...]) -> TensorType:
    source = tensor(x)
    if source.dtype.kind != "f":
        raise DTypeError("only real floating arrays have a norm with derivatives")
    return source


def _next_part(y: Node, x: Node, power: int) -> Node | None:
    """The part `power` steps of k and one of m on; None where its coefficient is 0."""
    p = {**y.params, "power": y.params["power"] + power, "over": y.params["over"] + 1}
    return p_norm_part(x, **p) if _coefficient(p["ord"], p["power"], p["over"]) else None


def _first_part(y: Node, x: Node) -> Node:
    first = y.params["power"] == 1 and y.params["over"] == 0
    return y if first else _unit_vector(y, x)


def _difference(terms: Sequence[Node | None]) -> Node | None:
    """The first less the second; None counts as 0."""
    first, second = terms
    if second is None:
        return first
    return -second if first is None else first - second


def _product(part: Node | None, factor: Callable[[Node], Node]) -> Node | None:
    return None if part is None else factor(part)


def _part_gradient(g: Node, y: Node, x: Node) -> Node | None:
    axis, u = y.params["axis"], _first_part(y, x)
    own = _product(_next_part(y, x, 1), lambda q: q * g)
    shared = _product(_next_part(y, x, 0), lambda q: u * sum_(g * q, axis=axis, keepdims=True))
    total = _difference((own, shared))
    return None if total is None else masked_mixture(g, total, axis)


def _part_tangent(t: Node, y: Node, x: Node) -> Node | None:
    axis, u = y.params["axis"], _first_part(y, x)
    own = _product(_next_part(y, x, 1), lambda q: q * t)
    shared = _product(_next_part(y, x, 0), lambda q: q * sum_(t * u, axis=axis, keepdims=True))
    return _difference((own, shared))


p_norm_part: Op = op(
    "p_norm_part",
    "x",
    doc="""What the derivatives of a `p_norm` y are made of; by default its gradient.

    With k for `power` and m for `over`,
    ``c * sign(x)**k * (abs(x) / y)**(ord - k) / y**m``, where c is the product of ``ord - 1,
    ord - 2, …`` (k - 1 factors) and ``ord - 1, ord, ord + 1, …`` (m - k + 1 factors). 0 where the
    norm is 0, and where a negative power of 0 would be taken.
    """,
    parameters={"ord": 2.0, "power": 1, "over": 0, "axis": None},
    normalize=_part_params,
    infer=_part_type,
    kernel=_p_norm_part,
    vjp=(_part_gradient,),
    jvp=(_part_tangent,),
    batch=batch_reduction,
)

# -- the array API's names -----------------------------------------------------------------


def _as_floating(x: Node) -> Node:
    return x if x.dtype.kind in "fc" else x.astype(np.float64)


@public
def vector_norm(
    x: Node,
    /,
    *,
    axis: int | tuple[int, ...] | None = None,
    keepdims: bool = False,
    ord: float = 2,
) -> Node:
    """The norm of the vectors along `axis` (an int, a tuple, or None for all entries).

    Arguments: `ord`, any number, ``inf`` or ``-inf``: ``sum(abs(x)**ord)**(1/ord)``, the largest
    and the smallest absolute value, and for 0 how many entries are not 0. Integers and booleans
    give float64, complex entries a real norm.

    Values and derivatives neither overflow nor underflow on the way. Conventions: all
    derivatives are 0 where the norm is, at every order; entries that tie for the largest share
    its derivative equally; an entry of 0 has the derivative 0 wherever its own would be
    infinite or undecided; the number of entries that are not 0 is an integer, through which no
    derivative passes.

    Raises `ShapeError` for an axis that `x` does not have, and for no entries where the order
    is infinite; `ArgumentError` for an order that is no number.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64["n", 2])
    >>> rows = sd.linalg.vector_norm(x, axis=1)
    >>> sd.evaluate([rows, sd.grad(sd.sum(rows), x)], {x: [[3e200, 4e200], [0, 0]]})
    [array([5.e+200, 0.e+000]), array([[0.6, 0.8],
           [0. , 0. ]])]
    """
    with listing("vector_norm", {"x": x}):
        axes, keepdims = normalize_axes(axis, x.ndim, "vector_norm"), as_keepdims(keepdims)
        order = _as_order(ord)
        x = _as_floating(x)
        if order == 0:
            return sum_(not_equal(x, 0), axis=axes, dtype=_real(x.dtype), keepdims=keepdims)
        if order == 1:
            return sum_(abs_(x), axis=axes, keepdims=keepdims)
        if math.isinf(order):
            return _extreme_of(abs_(x), axes, keepdims, order)
        return p_norm(x, ord=order, axis=axes, keepdims=keepdims)


def _extreme_of(a: Node, axes: tuple[int, ...], keepdims: bool, order: float) -> Node:
    """The largest or smallest entry; of no entries the largest size is 0."""
    if order > 0 and any(a.shape[k] == 0 for k in axes):
        return sum_(a, axis=axes, keepdims=keepdims)
    return (max_ if order > 0 else min_)(a, axis=axes, keepdims=keepdims)


@public
def matrix_norm(x: Node, /, *, keepdims: bool = False, ord: Any = "fro") -> Node:
    """The norm of the matrices in the last two axes.

    Arguments: `ord`, ``"fro"`` for Frobenius's, the 2-norm of all entries; 1 and -1 for the
    largest and smallest sum of absolute values over a column, ``inf`` and ``-inf`` over a row.
    Conventions are those of `vector_norm`. Raises `ShapeError` below two axes, `ArgumentError`
    for 2, -2 and ``"nuc"``, which need singular values, and for what is no order.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64["n", 2, 2])
    >>> sd.linalg.matrix_norm(x).type, sd.linalg.matrix_norm(x, ord=1, keepdims=True).type
    (f64[n], f64[n,1,1])
    """
    with listing("matrix_norm", {"x": x}):
        if x.ndim < 2:
            raise ShapeError("a matrix has two axes")
        return _matrix_norm(x, x.ndim - 2, x.ndim - 1, ord, as_keepdims(keepdims))


_SPECTRAL = (2, -2, "nuc")


def _matrix_norm(x: Node, row: int, column: int, ord: Any, keepdims: bool) -> Node:
    """The norm of the matrices whose rows are counted along the axis `row`."""
    if ord is None or ord in ("fro", "f"):
        return p_norm(_as_floating(x), axis=(row, column), keepdims=keepdims)
    if ord in _SPECTRAL:
        raise ArgumentError(
            f"the norm of order {ord!r} needs singular values, which no operation gives yet; "
            "there are 'fro', 1, -1, inf and -inf"
        )
    if ord not in (1, -1, math.inf, -math.inf):
        raise ArgumentError(f"{ord!r} is not the order of a matrix norm; use 'fro', ±1 or ±inf")
    along, across = (row, column) if ord in (1, -1) else (column, row)
    sums = sum_(abs_(_as_floating(x)), axis=along, keepdims=True)
    found = _extreme_of(sums, (across,), True, ord)
    return found if keepdims else squeeze(found, axis=(row, column))


# -- NumPy's names -------------------------------------------------------------------------


@numpy_function(np.linalg.norm)
def _np_norm(x: Node, ord: Any = None, axis: Any = None, keepdims: Any = False) -> Node:
    """A vector's norm or a matrix's, as the axes are one or two; all entries by default."""
    with listing("np.linalg.norm", {"x": x}):
        keepdims = as_keepdims(keepdims)
        axes = _numpy_axes(axis, x.ndim)
        if axis is None and (ord is None or (x.ndim, ord) in ((1, 2), (2, "f"), (2, "fro"))):
            return p_norm(_as_floating(x), axis=None, keepdims=keepdims)
        if len(axes) == 1:
            return vector_norm(x, axis=axes, keepdims=keepdims, ord=2 if ord is None else ord)
        if len(axes) == 2:
            return _matrix_norm(x, *axes, ord, keepdims)
        raise ShapeError(f"a norm of order {ord!r} is of one or two axes, not of {len(axes)}")


def _numpy_axes(axis: Any, rank: int) -> tuple[int, ...]:
    """Axes in the order given: the first counts the rows."""
    if axis is None:
        return tuple(range(rank))
    given = axis if isinstance(axis, tuple | list) else (axis,)
    axes = tuple(normalize_axis(a, rank, "norm") for a in given)
    if len(set(axes)) < len(axes):
        raise ShapeError(f"axis {axis} names an axis twice")
    return axes


numpy_function(np.linalg.vector_norm)(vector_norm)
numpy_function(np.linalg.matrix_norm)(matrix_norm)

REGISTRY.enroll(__name__)
