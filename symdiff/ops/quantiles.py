"""Medians and quantiles: order statistics, and what lies between two of them.

The nine methods are those of R. Hyndman and Y. Fan, "Sample Quantiles in Statistical Packages",
The American Statistician 50(4), 1996, and four of NumPy's; all give NumPy's values and dtypes. An
order statistic is an entry of the sorted array, so the gradient goes to that entry, with the
weight of the interpolation; of entries that tie, to the one that the stable order puts there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import numpy as np

from symdiff.describe import listing
from symdiff.errors import ArgumentError, DTypeError, ShapeError
from symdiff.literals import Slice
from symdiff.node import Node
from symdiff.op import REGISTRY
from symdiff.ops.along import pick, within
from symdiff.ops.declare import numpy_function, public
from symdiff.ops.elementwise import where
from symdiff.ops.functions import isnan
from symdiff.ops.index import index
from symdiff.ops.interpolation import lerp
from symdiff.ops.joining import moveaxis
from symdiff.ops.operands import as_nodes
from symdiff.ops.reduce import as_keepdims, reduced_shape
from symdiff.ops.reduce import sum as sum_
from symdiff.ops.reductions import mean
from symdiff.ops.shape import reshape
from symdiff.ops.sorting import sort
from symdiff.sizes import Dim, Size
from symdiff.sources import SIZE_OF
from symdiff.types import element_count, normalize_axes, promote

__all__ = [
    "median",
    "nanmedian",
    "nanpercentile",
    "nanquantile",
    "percentile",
    "quantile",
]

Axes = int | tuple[int, ...] | None


# -- sorted along one axis -----------------------------------------------------------------


class _Sorted(NamedTuple):
    """`x` sorted along the axes it is reduced over, which are one axis at the end."""

    x: Node
    axes: tuple[int, ...]
    keepdims: bool
    entries: Node

    @property
    def length(self) -> Dim:
        return self.entries.shape[-1]

    def shaped(self, result: Node, lead: tuple[Dim, ...] = ()) -> Node:
        """A result with one entry a row, or with those of shape `lead` at the front."""
        return reshape(
            result, shape=(*lead, *reduced_shape(self.x.shape, self.axes, self.keepdims))
        )

    def last(self) -> Node:
        """The last of each row, of length 1: NaN if there is one."""
        return self.taken(self.length - 1, self.length)

    def taken(self, start: Dim, stop: Dim) -> Node:
        key = [Slice(0, dim, 1) for dim in self.entries.shape]
        key[-1] = Slice(start, stop, 1)
        return index(self.entries, key=tuple(key))


def _sorted(name: str, x: Any, axis: Any, keepdims: Any) -> _Sorted:
    (x,) = as_nodes(name, (x,), weak=True)
    with listing(name, {"x": x}):
        axes, keepdims = normalize_axes(axis, x.ndim, name), as_keepdims(keepdims)
        count = element_count(x.shape[a] for a in axes)
        if count == 0:
            raise ShapeError("there are no entries along the axis, and so no order statistic")
    rest = [k for k in range(x.ndim) if k not in axes]
    moved = moveaxis(x, axes, tuple(range(len(rest), x.ndim)))
    lines = reshape(moved, shape=(*[x.shape[k] for k in rest], count))
    return _Sorted(x, axes, keepdims, sort(lines))


def _poisoned(result: Node, rows: _Sorted) -> Node:
    """NaN where a row has one. What is added is constant, so gradients pass without a mask."""
    if rows.x.dtype.kind not in "fc":
        return result
    nan, nothing = (rows.x.graph.constant(v, rows.x.dtype) for v in (np.nan, -0.0))
    return result + where(isnan(rows.last()), nan, nothing)


# -- medians -------------------------------------------------------------------------------


@public
def median(x: Any, /, *, axis: Axes = None, keepdims: bool = False) -> Node:
    """Median over `axis` (an int, a tuple, or None for all): the middle entry in order.

    Of an even number of entries, the mean of the two in the middle. Integers and booleans give
    float64. NaN propagates; the gradient is then that of the places in the middle all the same.

    The gradient goes to the middle entry, or in halves to the two; of entries that tie, to those
    that the stable order puts there. Raises `ShapeError` for no entries, at the call where sizes
    are named.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64["n"])
    >>> y = sd.median(x)
    >>> sd.evaluate([y, sd.grad(y, x)], {x: [3.0, 1.0, 7.0, 5.0]})
    [array(4.), array([0.5, 0. , 0. , 0.5])]
    """
    rows = _sorted("median", x, axis, keepdims)
    middle = rows.taken((rows.length - 1) // 2, rows.length // 2 + 1)
    return rows.shaped(_poisoned(mean(middle, axis=-1, keepdims=True), rows))


@public
def nanmedian(x: Any, /, *, axis: Axes = None, keepdims: bool = False) -> Node:
    """`median` of the entries that are not NaN; NaN where there are no others.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64[4])
    >>> sd.evaluate(sd.nanmedian(x), {x: [3.0, float("nan"), 1.0, 2.0]})
    array(2.)
    """
    rows = _sorted("nanmedian", x, axis, keepdims)
    if rows.x.dtype.kind not in "fc":
        return median(rows.x, axis=rows.axes, keepdims=keepdims)
    count = _valid(rows, np.dtype(np.int64))
    # Of no entries the middle is -1, which is the last one: a NaN.
    below, above = (pick(rows.entries, k, axis=-1) for k in ((count - 1) // 2, count // 2))
    return rows.shaped(0.5 * below + 0.5 * above)


def _valid(rows: _Sorted, dtype: np.dtype[Any]) -> Node:
    """How many entries of each row are not NaN."""
    return sum_(~isnan(rows.entries), axis=-1, keepdims=True, dtype=dtype)


# -- places between order statistics -------------------------------------------------------

# What follows is arithmetic on numbers known beforehand or on nodes: NumPy's functions do both.


def _by_definition(alpha: float, beta: float) -> Callable[[Any, Any], Any]:
    """Hyndman and Fan's place, counted from 0, for the parameters α and β."""
    return lambda n, q: n * q + (alpha + q * (1 - alpha - beta)) - 1


def _closest(n: Any, q: Any) -> Any:
    place = n * q - 1.5
    below = np.floor(place)
    return np.where((place == below) & (below % 2 == 1), below, below + 1)


_PLACES: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "inverted_cdf": lambda n, q: np.ceil(n * q - 1),
    "averaged_inverted_cdf": lambda n, q: n * q - 1,
    "closest_observation": _closest,
    "interpolated_inverted_cdf": _by_definition(0, 1),
    "hazen": _by_definition(0.5, 0.5),
    "weibull": _by_definition(0, 0),
    "linear": lambda n, q: (n - 1) * q,
    "median_unbiased": _by_definition(1 / 3, 1 / 3),
    "normal_unbiased": _by_definition(3 / 8, 3 / 8),
    "lower": lambda n, q: np.floor((n - 1) * q),
    "higher": lambda n, q: np.ceil((n - 1) * q),
    "midpoint": lambda n, q: (n - 1) * q,
    "nearest": lambda n, q: np.rint((n - 1) * q),
}
"""Where a quantile lies in the sorted entries, counted from 0."""

_DISCRETE: Final = ("inverted_cdf", "closest_observation", "lower", "higher", "nearest")

_WEIGHTS: Final[Mapping[str, tuple[float, float]]] = {
    "averaged_inverted_cdf": (0.5, 1.0),
    "midpoint": (0.0, 0.5),
}
"""Weights of the entry above a place on an entry and beside one, where they are not linear."""


def _quantiles(rows: _Sorted, count: Any, q: Any, method: str, weak: bool) -> Node:
    """Quantiles of each row, along the last axis: of all `q`, which have one axis."""
    place = _PLACES[method](count, q)
    if method in _DISCRETE or (method == "linear" and place.dtype.kind in "iu"):
        return _picked(rows, place, count)
    below = np.floor(place)
    t = place - below
    if method in _WEIGHTS:
        t = np.where(t == 0, *[np.asarray(w, t.dtype) for w in _WEIGHTS[method]])
    if weak:
        t = t.astype(promote(rows.x.dtype, float))
    return lerp(_picked(rows, below, count), _picked(rows, below + 1, count), t)


def _picked(rows: _Sorted, place: Any, count: Any) -> Node:
    """The entries at these places, or at the end they are beyond."""
    inside = np.maximum(np.minimum(place, count - 1), 0).astype(np.int64)
    missing = rows.entries.ndim - inside.ndim
    if missing > 0:
        inside = inside.reshape((*[1] * missing, *inside.shape))
    return pick(rows.entries, inside, axis=-1)


def _fractions(name: str, x: Node, q: Any) -> tuple[Any, bool]:
    """`q` as an array or a node, in 0 … 1, and whether it is a weak number."""
    if isinstance(q, Node):
        with listing(name, {"x": x, "q": q}):
            if q.dtype.kind not in "fiu":
                raise DTypeError("q must be real")
        return within(q, low=0, high=1, what="quantile"), False
    found = np.asarray(q)
    with listing(name, {"x": x, "q": q}):
        if found.dtype.kind not in "fiub":
            raise DTypeError("q must be real")
        if not ((found >= 0) & (found <= 1)).all():
            raise ArgumentError("q must be in 0 … 1 (for percentiles in 0 … 100)")
    return found, type(q) in (int, float)


def _all_quantiles(
    name: str, x: Any, q: Any, axis: Any, method: str, keepdims: bool, skip: bool
) -> Node:
    """Quantiles over `axis`; with `skip`, of the entries that are not NaN."""
    if not isinstance(x, Node) and isinstance(q, Node):
        x, _ = as_nodes(name, (x, q), weak=True)
    rows = _sorted(name, x, axis, keepdims)
    with listing(name, {"x": rows.x}):
        if rows.x.dtype.kind == "c":
            raise DTypeError("complex entries have no order")
        if method not in _PLACES:
            raise ArgumentError(f"method must be one of {', '.join(_PLACES)}, not {method!r}")
    q, weak = _fractions(name, rows.x, q)
    dtype = q.dtype if q.dtype.kind != "b" else np.dtype(np.int64)
    floats = rows.x.dtype.kind == "f"
    count: Any = rows.length
    if skip and floats:
        count = _valid(rows, dtype)
    elif isinstance(count, Size):
        count = rows.x.graph.apply(SIZE_OF, (), {"size": count, "dtype": dtype})
    found = _quantiles(rows, count, q.reshape(-1), method, weak)
    if not skip:
        found = _poisoned(found, rows)
    if q.ndim:
        found = moveaxis(found, -1, 0)
    return rows.shaped(found, q.shape)


@public
def quantile(
    x: Any, q: Any, /, *, axis: Axes = None, method: str = "linear", keepdims: bool = False
) -> Node:
    """The quantiles `q` of `x` over `axis` (an int, a tuple, or None for all).

    Arguments: `q`, a number in 0 … 1, an array of them, or a node; `method`, how a quantile
    between two entries is found, one of NumPy's thirteen: ``"linear"`` (in between, by the
    distance to each), ``"lower"``, ``"higher"``, ``"midpoint"``, ``"nearest"``, ``"hazen"``, ….

    Returns the axes of `q`, then those of `x` that are left (with `keepdims`, those reduced are
    1). The dtype is NumPy's: for a Python number `q` that of `x`, or float64 for integers. NaN
    propagates.

    The gradient goes to the one or two entries the quantile lies at, with their weights; of
    entries that tie, to those that the stable order puts there. A node `q` has one too, by the
    methods that interpolate: the slope between the two entries. Raises `ArgumentError` for a `q`
    beyond 0 … 1 (of a node, when the graph runs) and for an unknown `method`, `ShapeError` for
    no entries.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64["n"])
    >>> y = sd.quantile(x, 0.25)
    >>> sd.evaluate([y, sd.grad(y, x)], {x: [4.0, 1.0, 3.0]})
    [array(2.), array([0. , 0.5, 0.5])]
    """
    return _all_quantiles("quantile", x, q, axis, method, keepdims, False)


@public
def percentile(
    x: Any, q: Any, /, *, axis: Axes = None, method: str = "linear", keepdims: bool = False
) -> Node:
    """`quantile` with `q` in percent: 0 … 100.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64[3])
    >>> sd.evaluate(sd.percentile(x, [0, 50]), {x: [4.0, 1.0, 3.0]})
    array([1., 3.])
    """
    return _all_quantiles("percentile", x, _hundredths(q), axis, method, keepdims, False)


def _hundredths(q: Any) -> Any:
    return q / 100 if isinstance(q, Node | int | float) else np.true_divide(q, 100)


@public
def nanquantile(
    x: Any, q: Any, /, *, axis: Axes = None, method: str = "linear", keepdims: bool = False
) -> Node:
    """`quantile` of the entries that are not NaN; NaN where there are no others.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64[4])
    >>> sd.evaluate(sd.nanquantile(x, 0.25), {x: [4.0, float("nan"), 1.0, 3.0]})
    array(2.)
    """
    return _all_quantiles("nanquantile", x, q, axis, method, keepdims, True)


@public
def nanpercentile(
    x: Any, q: Any, /, *, axis: Axes = None, method: str = "linear", keepdims: bool = False
) -> Node:
    """`nanquantile` with `q` in percent: 0 … 100."""
    return _all_quantiles("nanpercentile", x, _hundredths(q), axis, method, keepdims, True)


# -- NumPy's names -------------------------------------------------------------------------


def _as_numpys_median(ours: Callable[..., Node], numpys: Any) -> None:
    def answer(
        a: Any,
        axis: Any = None,
        out: None = None,
        overwrite_input: bool = False,
        keepdims: Any = False,
    ) -> Node:
        return ours(a, axis=axis, keepdims=keepdims is not np._NoValue and keepdims)

    numpy_function(numpys)(answer)


def _as_numpys_quantile(ours: Callable[..., Node], numpys: Any) -> None:
    def answer(
        a: Any,
        q: Any,
        axis: Any = None,
        out: None = None,
        overwrite_input: bool = False,
        method: str = "linear",
        keepdims: Any = False,
        *,
        weights: None = None,
    ) -> Node:
        if weights is not None:
            raise ArgumentError(f"np.{numpys.__name__}: weights are not available on nodes")
        keepdims = keepdims is not np._NoValue and keepdims
        return ours(a, q, axis=axis, method=method, keepdims=keepdims)

    numpy_function(numpys)(answer)


_as_numpys_median(median, np.median)
_as_numpys_median(nanmedian, np.nanmedian)
_as_numpys_quantile(quantile, np.quantile)
_as_numpys_quantile(percentile, np.percentile)
_as_numpys_quantile(nanquantile, np.nanquantile)
_as_numpys_quantile(nanpercentile, np.nanpercentile)

REGISTRY.enroll(__name__)
