"""Numbers in a row: arange, linspace, and the grids of points that rows of coordinates span.

As in `creation`, ``like=`` says which graph, where no operand is a node.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from symdiff.binding import Requirement
from symdiff.describe import listing
from symdiff.errors import ArgumentError, DTypeError, ShapeError
from symdiff.node import Node
from symdiff.op import REGISTRY, REQUIRED, Op
from symdiff.ops.creation import graph_for
from symdiff.ops.declare import fit, numpy_function, op, public, scale
from symdiff.ops.elementwise import cast
from symdiff.ops.functions import floor
from symdiff.ops.joining import moveaxis
from symdiff.ops.operands import as_nodes
from symdiff.ops.shape import broadcast_to, reshape, tensor
from symdiff.sizes import Dim, Size, as_dim
from symdiff.types import TensorType, Type, as_dtype, broadcast_shapes, promote

__all__ = ["arange", "geomspace", "linspace", "logspace", "meshgrid"]

# -- arange --------------------------------------------------------------------------------


def _number(value: Any) -> Any:
    """A bound or step as an int, a float or a `Size`."""
    if isinstance(value, Node):
        raise ArgumentError(
            "bounds and steps must be known before the call, for the size depends on them, and a "
            "node has no value yet; scale what a size gives: start + step * sd.arange('n', like=x)"
        )
    if isinstance(value, np.generic | np.ndarray) and np.ndim(value) == 0:
        value = value.item()
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ArgumentError(f"bounds and steps are finite, not {value}")
        return value
    return as_dim(value)


def _arange_params(start: Any, stop: Any, step: Any, dtype: Any) -> dict[str, Any]:
    values = [_number(value) for value in (start, stop, step)]
    if any(isinstance(v, float) for v in values) and any(isinstance(v, Size) for v in values):
        raise ArgumentError(
            "how many entries there are between a size and a fraction cannot be told; scale what "
            "a size gives: start + step * sd.arange('n', like=x)"
        )
    if values[2] == 0:
        raise ArgumentError("the step is zero")
    kind = as_dtype(dtype)
    if kind.kind == "b":
        raise DTypeError("the truth values are no range")
    return dict(zip(("start", "stop", "step"), values, strict=True)) | {"dtype": kind}


def _entries(start: Any, stop: Any, step: Any) -> Dim:
    """How many there are: NumPy's count for numbers, exact for ints and sizes."""
    if isinstance(start, float) or isinstance(stop, float) or isinstance(step, float):
        ratio = (stop - start) / step
        if ratio == 0 and stop != start:  # too small for a float
            return 0 if math.copysign(1.0, ratio) < 0 else 1
        return int(max(math.ceil(ratio), 0))
    distance: Dim = start - stop if isinstance(step, int) and step < 0 else stop - start
    if isinstance(distance, int) and distance <= 0:
        return 0
    width: Dim = abs(step) if isinstance(step, int) else step
    return (distance + (width - 1)) // width


def _arange_requires(start: Any, stop: Any, step: Any, dtype: Any) -> list[Requirement]:
    """With sizes nothing is clamped: a range goes forwards, if its step does."""
    needs = [Requirement(step, ">=", 1)] if isinstance(step, Size) else []
    if isinstance(stop, float) or not isinstance(stop - start, Size):
        return needs
    forwards = isinstance(step, Size) or step > 0
    return [*needs, Requirement(stop, ">=", start) if forwards else Requirement(start, ">=", stop)]


_arange: Op = op(
    "arange",
    "",
    doc="""Numbers from `start` up to `stop`, which is left out, in steps of `step`.

    Made by `sd.arange`. The bounds and the step are ints and sizes, or numbers.
    """,
    parameters={"start": 0, "stop": REQUIRED, "step": 1, "dtype": np.dtype(np.int64)},
    normalize=_arange_params,
    infer=lambda start, stop, step, dtype: TensorType(dtype, (_entries(start, stop, step),)),
    requires=_arange_requires,
    kernel=lambda start, stop, step, dtype: np.arange(start, stop, step, dtype=dtype),
    form="source",
)


@public
def arange(
    start: Any, /, stop: Any = None, step: Any = 1, *, dtype: Any = None, like: Any = None
) -> Node:
    """Numbers from `start` up to `stop`, which is left out, in steps of `step`.

    Arguments: `start`, `stop`, `step`, ints and sizes such as ``"n"``, or floats; with one
    argument that is `stop`, and `start` is 0. `dtype`, int64 by default, float64 where a float is
    given. `like`, the graph or a node of it.

    Raises `ArgumentError` without `like`, for nodes (the size would depend on data) and for
    floats among named sizes. With named sizes ``stop >= start`` is checked at the call.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64["n"])
    >>> sd.arange("n", like=x)
    %0 : i64[n] = arange stop=n
    >>> sd.arange(0.0, 1.0, 0.25, like=x).type
    f64[4]
    """
    graph = graph_for("arange", like, start, stop, step)
    if stop is None:
        start, stop = 0, start
    values = {"start": start, "stop": stop, "step": step}
    with listing("arange", values):
        numbers = [_number(value) for value in values.values()]
    if dtype is None:
        dtype = np.float64 if any(isinstance(v, float) for v in numbers) else np.int64
    return _arange.on(graph, start=start, stop=stop, step=step, dtype=dtype)


# -- linspace ------------------------------------------------------------------------------


def _linspace_params(start: Type, stop: Type, num: Any, endpoint: Any) -> dict[str, Any]:
    count = as_dim(num)
    if isinstance(count, int) and count < 0:
        raise ShapeError(f"the number of entries is negative: {count}")
    return {"num": count, "endpoint": bool(endpoint)}


def _linspace_type(start: Type, stop: Type, num: Dim, endpoint: bool) -> TensorType:
    one, other = tensor(start), tensor(stop)
    shape = broadcast_shapes([one.shape, other.shape])
    if shape is None:
        raise ShapeError("start and stop do not broadcast together")
    return TensorType(promote(one.dtype, other.dtype, float), (num, *shape))


def _linspace_kernel(start: Any, stop: Any, num: int, endpoint: bool) -> Any:
    dtype = promote(start.dtype, stop.dtype, float)
    return np.linspace(start, stop, num, endpoint=endpoint, dtype=dtype)


def _share(y: Node, position: int) -> Node:
    """How much of an endpoint there is in every entry: from 1 down to 0, or from 0 up to 1."""
    ends = [y.graph.constant(float(k != position), y.dtype) for k in (1, 0)]
    share = _linspace(*ends, **y.params)
    return reshape(share, shape=(*share.shape, *[1] * (y.ndim - 1)))


def _endpoint_vjp(position: int) -> Any:
    def rule(g: Node, y: Node, start: Node, stop: Node) -> Node:
        scaled = scale(g, _share(y, position))
        assert scaled is not None
        return fit(scaled, (start, stop)[position].type)

    return rule


def _endpoint_jvp(position: int) -> Any:
    return lambda t, y, start, stop: t * _share(y, position)


def _batch_linspace(y: Node, inputs: tuple[Node, ...], mapped: tuple[bool, ...]) -> Node:
    rank = y.ndim - 1
    start, stop = (
        reshape(x, shape=(x.shape[0], *[1] * (rank + 1 - x.ndim), *x.shape[1:])) if m else x
        for x, m in zip(inputs, mapped, strict=True)
    )
    return moveaxis(_linspace(start, stop, **y.params), 1, 0)


_linspace: Op = op(
    "linspace",
    "start stop",
    doc="""`num` numbers at equal distances from `start` to `stop`, along a new first axis.

    With `endpoint` the last one is `stop`, exactly; without it, the next would be. Made by
    `sd.linspace`. Linear in the endpoints, whose shares go from 1 to 0 and from 0 to 1.
    """,
    parameters={"num": REQUIRED, "endpoint": True},
    normalize=_linspace_params,
    infer=_linspace_type,
    kernel=_linspace_kernel,
    vjp=(_endpoint_vjp(0), _endpoint_vjp(1)),
    jvp=(_endpoint_jvp(0), _endpoint_jvp(1)),
    batch=_batch_linspace,
)


@public
def linspace(
    start: Any,
    stop: Any,
    /,
    num: Any,
    *,
    dtype: Any = None,
    endpoint: bool = True,
    like: Any = None,
) -> Node:
    """`num` numbers at equal distances from `start` to `stop`.

    Arguments: `start`, `stop`, numbers, sizes, nodes or arrays (the new axis then comes first),
    through which gradients flow; `num`, an int or a size; `dtype`, that of the endpoints by
    default, float64 for integers; `endpoint`, whether `stop` itself is the last entry; `like`,
    the graph or a node of it, needed where neither endpoint is a node.

    Raises `ArgumentError`, `ShapeError` and `DTypeError`.

    >>> import symdiff as sd
    >>> b = sd.Graph().input("b", sd.f64[()])
    >>> y = sd.linspace(0.0, b, 5)
    >>> sd.evaluate([y, sd.jacobian(y, b)], {b: 2.0})
    [array([0. , 0.5, 1. , 1.5, 2. ]), array([0.  , 0.25, 0.5 , 0.75, 1.  ])]
    """
    graph = graph_for("linspace", like, start, stop)
    found = graph.apply(_linspace, (start, stop), {"num": num, "endpoint": endpoint})
    if dtype is None:
        return found
    return cast(floor(found) if as_dtype(dtype).kind in "iu" else found, dtype=dtype)


@public
def logspace(
    start: Any,
    stop: Any,
    /,
    num: Any = 50,
    *,
    endpoint: bool = True,
    base: Any = 10.0,
    like: Any = None,
) -> Node:
    """`num` numbers from ``base**start`` to ``base**stop``, each the same multiple of the last.

    Arguments as those of `linspace`; `base`, a number or a node.

    >>> import symdiff as sd
    >>> sd.evaluate(sd.logspace(0.0, 2.0, 3, like=sd.Graph()))
    array([  1.,  10., 100.])
    """
    return base ** linspace(start, stop, num, endpoint=endpoint, like=like)  # type: ignore[no-any-return]


@public
def geomspace(
    start: Any, stop: Any, /, num: Any = 50, *, endpoint: bool = True, like: Any = None
) -> Node:
    """`num` numbers from `start` to `stop`, each the same multiple of the last.

    Arguments as those of `linspace`; the ends are of one sign, and not 0.

    >>> import symdiff as sd
    >>> b = sd.Graph().input("b", sd.f64[()])
    >>> sd.evaluate(sd.geomspace(1.0, b, 4), {b: 8.0})
    array([1., 2., 4., 8.])
    """
    graph = graph_for("geomspace", like, start, stop)
    share = linspace(0.0, 1.0, num, endpoint=endpoint, like=graph)
    first = start if isinstance(start, Node) else graph.constant(np.asarray(start, float))
    rank = max(first.ndim, np.ndim(stop))
    share = reshape(share, shape=(*share.shape, *[1] * rank))
    return first * (stop / first) ** share  # type: ignore[no-any-return]


# -- grids ---------------------------------------------------------------------------------


@public
def meshgrid(*arrays: Any, indexing: str = "xy") -> tuple[Node, ...]:
    """Coordinates of a grid's points: an array for each axis, from that axis' coordinates.

    Arguments: `arrays`, vectors (scalars are vectors of one entry), at least one of them a node;
    `indexing`, ``"ij"`` for arrays of shape ``(n1, n2, …)``, or ``"xy"``, by default, for the
    first two sizes exchanged. Raises `ArgumentError` and, for other ranks, `ShapeError`.

    >>> import symdiff as sd
    >>> g = sd.Graph()
    >>> x, y = g.input("x", sd.f64["n"]), g.input("y", sd.f64["m"])
    >>> [z.type for z in sd.meshgrid(x, y)]
    [f64[m,n], f64[m,n]]
    """
    return _grid(arrays, indexing, False)


def _grid(arrays: tuple[Any, ...], indexing: str, sparse: bool) -> tuple[Node, ...]:
    if indexing not in ("xy", "ij"):
        raise ArgumentError(f"meshgrid: indexing must be 'xy' or 'ij', not {indexing!r}")
    nodes = as_nodes("meshgrid", arrays)
    rank = len(nodes)
    places = list(range(rank))
    if indexing == "xy":
        places[:2] = reversed(places[:2])
    found = []
    with listing("meshgrid", {f"arrays[{k}]": x for k, x in enumerate(nodes)}):
        for k, (x, place) in enumerate(zip(nodes, places, strict=True)):
            if x.ndim > 1:
                raise ShapeError(f"arrays[{k}] has {x.ndim} axes, but coordinates are vectors")
            shape: list[Dim] = [1] * rank
            shape[place] = x.size
            found.append(reshape(x, shape=tuple(shape)))
    if sparse:
        return tuple(found)
    whole = broadcast_shapes([x.shape for x in found])
    return tuple(broadcast_to(x, shape=whole) for x in found)


# -- NumPy's names -------------------------------------------------------------------------


@numpy_function(np.arange)
def _np_arange(
    start: Any,
    stop: Any = None,
    step: Any = 1,
    dtype: Any = None,
    *,
    device: Any = None,
    like: Node,
) -> Node:
    return arange(start, stop, 1 if step is None else step, dtype=dtype, like=like)


@numpy_function(np.linspace)
def _np_linspace(
    start: Any,
    stop: Any,
    num: Any = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
    *,
    device: Any = None,
) -> Node:
    if retstep:
        raise ArgumentError("np.linspace: retstep=True is not available on nodes")
    found = linspace(start, stop, num, dtype=dtype, endpoint=endpoint)
    return found if axis == 0 else moveaxis(found, 0, axis)


@numpy_function(np.logspace)
def _np_logspace(
    start: Any,
    stop: Any,
    num: Any = 50,
    endpoint: bool = True,
    base: Any = 10.0,
    dtype: Any = None,
    axis: int = 0,
) -> Node:
    return _as_asked(logspace(start, stop, num, endpoint=endpoint, base=base), dtype, axis)


@numpy_function(np.geomspace)
def _np_geomspace(
    start: Any, stop: Any, num: Any = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0
) -> Node:
    return _as_asked(geomspace(start, stop, num, endpoint=endpoint), dtype, axis)


def _as_asked(found: Node, dtype: Any, axis: int) -> Node:
    found = found if dtype is None else cast(found, dtype=dtype)
    return found if axis == 0 else moveaxis(found, 0, axis)


@numpy_function(np.meshgrid)
def _np_meshgrid(
    *xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy"
) -> tuple[Node, ...]:
    return _grid(xi, indexing, sparse)


REGISTRY.enroll(__name__)
