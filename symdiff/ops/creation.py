"""Arrays made of sizes and numbers: zeros, ones, full, eye, tri.

A node belongs to a graph, and there is no default graph: ``like=`` takes the graph, or any node
of it. So do NumPy's own functions, ``np.zeros(3, like=x)`` (NEP 35). Without it, and with no
node among the operands, NumPy's function is what is meant, and the error says so.

Names and defaults are the array API standard's (2024.12), dtypes NumPy's. Sizes may be named.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from symdiff.describe import listing
from symdiff.errors import ArgumentError, ShapeError
from symdiff.graph import Graph
from symdiff.node import Node
from symdiff.op import REGISTRY, REQUIRED, Op
from symdiff.ops import structure
from symdiff.ops.declare import numpy_function, op, public
from symdiff.ops.elementwise import cast
from symdiff.ops.joining import stack
from symdiff.ops.operands import as_nodes
from symdiff.ops.shape import broadcast_to, zeros_like
from symdiff.sizes import Size, as_dim
from symdiff.sources import SIZE_OF
from symdiff.types import TensorType, as_dtype, as_shape

__all__ = [
    "empty",
    "empty_like",
    "eye",
    "full",
    "full_like",
    "graph_for",
    "ones",
    "ones_like",
    "tri",
    "tri_mask",
    "zeros",
]


def graph_for(name: str, like: Any, *operands: Any) -> Graph:
    """The graph that `like` names, or that a node among the operands is of."""
    if isinstance(like, Graph):
        return like
    for value in (like, *operands):
        if isinstance(value, Node):
            return value.graph
    if like is None:
        raise ArgumentError(
            f"{name}: which graph? There is no default one: pass like=x, with a node x of it, or "
            f"like=graph; np.{name} makes a plain array, which may stand among nodes as it is"
        )
    raise ArgumentError(f"{name}: like={like!r} is neither a node nor a graph")


# -- one value everywhere ------------------------------------------------------------------


def _value(graph: Graph, value: Any, dtype: Any) -> Node:
    """A fill value as a node, in `dtype` or else its own."""
    if isinstance(value, Size):
        kind = np.int64 if dtype is None else dtype
        return graph.apply(SIZE_OF, (), {"size": value, "dtype": kind})
    if not isinstance(value, Node):
        return graph.constant(value, dtype)
    graph.own((value,), "full")
    return value if dtype is None else cast(value, dtype=dtype)


@public
def full(shape: Any, fill_value: Any, *, dtype: Any = None, like: Any = None) -> Node:
    """An array of one value.

    Arguments: `shape`, an int, a size such as ``"n"`` or ``x.shape[0]``, or a tuple of them;
    `fill_value`, a number, size, array or node that broadcasts to it, through which gradients
    flow; `dtype`, that of `fill_value` by default; `like`, the graph or a node of it, needed
    where `fill_value` is no node. Raises `ArgumentError`, `ShapeError` and `DTypeError`.

    >>> import symdiff as sd
    >>> t = sd.Graph().input("t", sd.f32[()])
    >>> sd.full((2, "n"), t)
    %0 : f32[2,n] = broadcast_to t shape=(2,n)
    """
    graph = graph_for("full", like, fill_value)
    with listing("full", {"fill_value": fill_value}):
        return broadcast_to(_value(graph, fill_value, dtype), shape=as_shape(shape))


@public
def zeros(shape: Any, *, dtype: Any = None, like: Any = None) -> Node:
    """An array of zeros: a scalar that is spread, without memory of its own.

    Arguments: `shape`, an int, a size such as ``"n"`` or ``x.shape[0]``, or a tuple of them;
    `dtype`, float64 by default; `like`, the graph or a node of it. Raises `ArgumentError`
    without `like`, `ShapeError` and `DTypeError`.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64["n"])
    >>> sd.zeros(("2*n + 1", 3), like=x).type
    f64[2*n+1,3]
    """
    return _spread("zeros", 0, shape, dtype, like)


@public
def ones(shape: Any, *, dtype: Any = None, like: Any = None) -> Node:
    """An array of ones; arguments as those of `zeros`.

    >>> import symdiff as sd
    >>> sd.ones(3, dtype=sd.f32, like=sd.Graph())
    %0 : f32[3] = broadcast_to 1.0:f32 shape=(3,)
    """
    return _spread("ones", 1, shape, dtype, like)


@public
def empty(shape: Any, *, dtype: Any = None, like: Any = None) -> Node:
    """`zeros`: a node has no memory that could be left as it was."""
    return _spread("empty", 0, shape, dtype, like)


def _spread(name: str, value: int, shape: Any, dtype: Any, like: Any) -> Node:
    graph = graph_for(name, like)
    with listing(name, {"shape": shape}):
        constant = graph.constant(value, np.float64 if dtype is None else dtype)
        return broadcast_to(constant, shape=as_shape(shape))


@public
def full_like(x: Node, /, fill_value: Any, *, dtype: Any = None) -> Node:
    """An array of one value with the shape of `x`, in its dtype or another; see `full`."""
    (x,) = as_nodes("full_like", (x,))
    with listing("full_like", {"x": x, "fill_value": fill_value}):
        value = _value(x.graph, fill_value, x.dtype if dtype is None else dtype)
        return broadcast_to(value, shape=x.shape)


@public
def ones_like(x: Node, /, *, dtype: Any = None) -> Node:
    """Ones of the shape of `x`, in its dtype or another."""
    (x,) = as_nodes("ones_like", (x,))
    one = x.graph.constant(1, x.dtype if dtype is None else dtype)
    return broadcast_to(one, shape=x.shape)


@public
def empty_like(x: Node, /, *, dtype: Any = None) -> Node:
    """`zeros_like`: a node has no memory that could be left as it was."""
    return zeros_like(x, dtype=dtype)


# -- matrices ------------------------------------------------------------------------------


@public
def eye(
    n_rows: Any,
    n_cols: Any = None,
    /,
    *,
    k: int = 0,
    dtype: Any = None,
    like: Any = None,
) -> Node:
    """Ones on a diagonal and zeros elsewhere: the identity matrix, where nothing else is said.

    Arguments: `n_rows`, `n_cols`, ints or sizes, by default as many columns as rows; `k`, which
    diagonal: 0 is the main one, 1 the one above it; `dtype`, float64 by default; `like`, the
    graph or a node of it. Raises `ArgumentError` without `like`, `ShapeError`, `DTypeError`.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64["n"])
    >>> sd.eye("n", like=x)
    %0 : f64[n,n] = eye n=n
    """
    kind = np.float64 if dtype is None else dtype
    graph = graph_for("eye", like)
    return structure.eye.on(graph, n=n_rows, n_cols=n_cols, k=k, dtype=kind)


def _tri_params(n_rows: Any, n_cols: Any, k: Any, dtype: Any) -> dict[str, Any]:
    rows, columns = as_dim(n_rows), as_dim(n_cols)
    for dim in (rows, columns):
        if isinstance(dim, int) and dim < 0:
            raise ShapeError(f"tri: the size {dim} is negative")
    return {"n_rows": rows, "n_cols": columns, "k": as_dim(k), "dtype": as_dtype(dtype)}


tri_mask: Op = op(
    "tri",
    "",
    doc="""Ones on and below the `k`-th diagonal above the main one, and zeros above it.

    What the triangles of matrices are chosen by. Made by `sd.tri`, `sd.tril` and `sd.triu`.
    """,
    parameters={"n_rows": REQUIRED, "n_cols": REQUIRED, "k": 0, "dtype": np.dtype(np.bool_)},
    normalize=_tri_params,
    infer=lambda n_rows, n_cols, k, dtype: TensorType(dtype, (n_rows, n_cols)),
    kernel=lambda n_rows, n_cols, k, dtype: np.tri(n_rows, n_cols, k, dtype=dtype),
    form="source",
)


@public
def tri(N: Any, M: Any = None, k: int = 0, dtype: Any = None, *, like: Any = None) -> Node:
    """Ones on and below the `k`-th diagonal of a matrix of `N` rows and `M` columns, zeros above.

    Arguments: as those of `eye`. What `tril` chooses a triangle by, as a matrix.

    >>> import symdiff as sd
    >>> sd.evaluate(sd.tri(2, 3, like=sd.Graph()))
    array([[1., 0., 0.],
           [1., 1., 0.]])
    """
    kind = np.float64 if dtype is None else dtype
    columns = N if M is None else M
    return tri_mask.on(graph_for("tri", like), n_rows=N, n_cols=columns, k=k, dtype=kind)


# -- NumPy's names -------------------------------------------------------------------------


def _refuse(name: str, **options: tuple[Any, Any]) -> None:
    """Raise for options that are not at their default and mean nothing for nodes."""
    for option, (value, default) in options.items():
        if value is not default and value != default:
            raise ArgumentError(f"np.{name}: {option}={value!r} is not available on nodes")


def _made(name: str, value: int) -> Any:
    def answer(
        shape: Any, dtype: Any = None, order: str = "C", *, device: Any = None, like: Node
    ) -> Node:
        return _spread(name, value, shape, dtype, like)

    return answer


numpy_function(np.zeros)(_made("zeros", 0))
numpy_function(np.ones)(_made("ones", 1))
numpy_function(np.empty)(_made("empty", 0))


def _made_like(function: Any) -> Any:
    def answer(
        a: Node,
        dtype: Any = None,
        order: str = "K",
        subok: bool = True,
        shape: Any = None,
        *,
        device: Any = None,
    ) -> Node:
        if shape is None:
            return function(a, dtype=dtype)  # type: ignore[no-any-return]
        value = 1 if function is ones_like else 0
        return full(shape, value, dtype=a.dtype if dtype is None else dtype, like=a)

    return answer


numpy_function(np.zeros_like)(_made_like(zeros_like))
numpy_function(np.ones_like)(_made_like(ones_like))
numpy_function(np.empty_like)(_made_like(empty_like))


@numpy_function(np.full_like)
def _np_full_like(
    a: Any,
    fill_value: Any,
    dtype: Any = None,
    order: str = "K",
    subok: bool = True,
    shape: Any = None,
    *,
    device: Any = None,
) -> Node:
    kind = a.dtype if dtype is None else dtype
    return full(a.shape if shape is None else shape, fill_value, dtype=kind, like=a)


@numpy_function(np.full)
def _np_full(
    shape: Any,
    fill_value: Any,
    dtype: Any = None,
    order: str = "C",
    *,
    device: Any = None,
    like: Node,
) -> Node:
    return full(shape, fill_value, dtype=dtype, like=like)


@numpy_function(np.eye)
def _np_eye(
    N: Any,
    M: Any = None,
    k: int = 0,
    dtype: Any = float,
    order: str = "C",
    *,
    device: Any = None,
    like: Node,
) -> Node:
    return eye(N, M, k=k, dtype=dtype, like=like)


numpy_function(np.tri)(tri)
numpy_function(np.identity)(lambda n, dtype=None, *, like: eye(n, dtype=dtype, like=like))


@numpy_function(np.array, np.asarray)
def _np_array(object: Any, dtype: Any = None, *, like: Node, **options: Any) -> Node:
    """What NumPy makes an array of, as a node: nodes among it are stacked."""
    kept = {k: v for k, v in options.items() if k not in ("copy", "order", "subok", "device")}
    _refuse("array", **{k: (v, 0) for k, v in kept.items()})
    if isinstance(object, list | tuple) and object:
        try:
            found = like.graph.constant(object, dtype)
        except TypeError:  # there are nodes inside
            found = stack(object)
    else:
        found = object if isinstance(object, Node) else like.graph.constant(object, dtype)
    return found if dtype is None else cast(found, dtype=dtype)


REGISTRY.enroll(__name__)
