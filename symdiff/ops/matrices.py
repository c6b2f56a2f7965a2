"""Matrices made of vectors and of other matrices, their triangles and diagonals.

A triangle is chosen by a mask that is computed where it is used (`tri`), so that it costs no
memory in the graph and its size may be named. Diagonals are cut out by slices and the ops
`take_diagonal` and `put_diagonal` of `contract`.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from symdiff.describe import listing
from symdiff.errors import ArgumentError, NoValueError, ShapeError
from symdiff.literals import Slice
from symdiff.node import Node
from symdiff.op import REGISTRY
from symdiff.ops.contract import Factor, contract, put_diagonal, take_diagonal
from symdiff.ops.creation import tri_mask
from symdiff.ops.declare import numpy_function, public
from symdiff.ops.elementwise import where
from symdiff.ops.index import index, scatter
from symdiff.ops.moves import flip
from symdiff.ops.operands import as_nodes
from symdiff.ops.reduce import sum as sum_
from symdiff.ops.scans import exclusive_prod
from symdiff.ops.shape import broadcast_to, permute_dims, reshape
from symdiff.sizes import Dim, as_dim
from symdiff.types import normalize_axis, promote

__all__ = ["diag", "diagflat", "kron", "tril", "triu", "vander"]

# -- triangles -----------------------------------------------------------------------------


def _matrix(name: str, x: Any) -> Node:
    (x,) = as_nodes(name, (x,))
    with listing(name, {"x": x}):
        if x.ndim < 2:
            raise ShapeError(f"two axes are needed, and x has {x.ndim}")
    return x  # type: ignore[no-any-return]


def _below(x: Node, k: Dim) -> Node:
    """Where an entry of a matrix is on or below a diagonal."""
    return tri_mask.on(x.graph, n_rows=x.shape[-2], n_cols=x.shape[-1], k=k)


@public
def tril(x: Node, /, *, k: int = 0) -> Node:
    """The lower triangle of a matrix: zeros above its `k`-th diagonal.

    Arguments: `x`, of two or more axes, of which the last two are the matrices'; `k`, an int or
    a size: 0 is the main diagonal, 1 the one above it. An entry above has no part in the result,
    whatever its value, nor in the gradient. Raises `ShapeError` for fewer than two axes.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64["n", "n"])
    >>> print(sd.text(sd.tril(x)))
    graph graph(x: f64[n,n]) {
      %0 : bool_[n,n] = tri n_rows=n n_cols=n
      %1 : f64[n,n]   = where %0 x 0.0
      return %1
    }
    """
    x = _matrix("tril", x)
    with listing("tril", {"x": x}):
        return where(_below(x, as_dim(k)), x, x.graph.constant(0, x.dtype))


@public
def triu(x: Node, /, *, k: int = 0) -> Node:
    """The upper triangle of a matrix: zeros below its `k`-th diagonal; see `tril`.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64[2, 2])
    >>> sd.evaluate(sd.triu(x), {x: [[1.0, 2.0], [3.0, 4.0]]})
    array([[1., 2.],
           [0., 4.]])
    """
    x = _matrix("triu", x)
    with listing("triu", {"x": x}):
        return where(_below(x, as_dim(k) - 1), x.graph.constant(0, x.dtype), x)


# -- diagonals -----------------------------------------------------------------------------


def _offset(k: Any) -> int:
    try:
        return operator.index(k)
    except TypeError:
        raise ArgumentError(f"a diagonal is chosen by an int, not by {k!r}") from None


def _length(rows: Dim, columns: Dim) -> Dim:
    """The smaller of two sizes, as long as a diagonal is."""
    try:
        shorter = rows if rows == columns or rows <= columns else columns
    except NoValueError:
        raise ShapeError(
            f"how long the diagonal is depends on whether {rows} <= {columns}; state what you "
            "know of the sizes with sd.refine"
        ) from None
    return max(shorter, 0) if isinstance(shorter, int) else shorter


def diagonal_of(x: Node, offset: Any, axis1: int, axis2: int) -> Node:
    """The diagonal of two axes, as the last axis of the result; other axes keep their order."""
    first, second = (normalize_axis(a, x.ndim, "diagonal") for a in (axis1, axis2))
    if first == second:
        raise ShapeError(f"a diagonal is of two axes, and axis {first} is named twice")
    k = _offset(offset)
    top, left = max(-k, 0), max(k, 0)
    length = _length(x.shape[first] - top, x.shape[second] - left)
    key = [Slice(0, dim, 1) for dim in x.shape]
    if length == 0:
        top = left = 0
    key[first], key[second] = Slice(top, top + length, 1), Slice(left, left + length, 1)
    square = index(x, key=tuple(key))
    # The axes of the result in the order in which they occur, and the diagonal's place there.
    place = min(first, second)
    rest = iter(k for k in range(x.ndim - 1) if k != place)
    along = [place if a in (first, second) else next(rest) for a in range(x.ndim)]
    order = [k for k in range(x.ndim - 1) if k != place] + [place]
    return permute_dims(take_diagonal(square, along=along), axes=order)


@public
def diag(x: Node, /, k: int = 0) -> Node:
    """The `k`-th diagonal of a matrix; or the matrix with a vector on its `k`-th diagonal.

    Arguments: `x`, of one or two axes; `k`, an int: 0 is the main diagonal, 1 the one above it.
    Raises `ShapeError` for other ranks, and where named sizes do not tell how long the diagonal
    of a matrix is.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64["n"])
    >>> sd.diag(x, 1).type
    f64[n+1,n+1]
    >>> sd.diag(sd.diag(x, 1), 1).type
    f64[n]
    """
    (x,) = as_nodes("diag", (x,))
    with listing("diag", {"x": x}):
        if x.ndim == 2:
            return diagonal_of(x, k, 0, 1)
        if x.ndim != 1:
            raise ShapeError(f"x has {x.ndim} axes; a vector or a matrix is needed")
        offset = _offset(k)
        square = put_diagonal(x, along=(0, 0))
        if not offset:
            return square
        n, side = x.shape[0], x.shape[0] + abs(offset)
        top, left = max(-offset, 0), max(offset, 0)
        key = (Slice(top, top + n, 1), Slice(left, left + n, 1))
        return scatter(square, shape=(side, side), keys=(key,))


@public
def diagflat(x: Node, /, k: int = 0) -> Node:
    """The matrix with all entries of `x`, in row-major order, on its `k`-th diagonal."""
    (x,) = as_nodes("diagflat", (x,))
    return diag(reshape(x, shape=(-1,)), k)


@public
def diagonal(x: Node, /, *, offset: int = 0) -> Node:
    """The diagonal of matrices, over the last two axes; see `diag` for `offset`.

    The `linalg.diagonal` of the array API standard. Raises `ShapeError` for fewer than two axes,
    and where named sizes do not tell how long the diagonal is.
    """
    x = _matrix("diagonal", x)
    with listing("diagonal", {"x": x}):
        return diagonal_of(x, offset, -2, -1)


@public
def trace(x: Node, /, *, offset: int = 0, dtype: Any = None) -> Node:
    """The sum over the diagonal of matrices, over the last two axes.

    The `linalg.trace` of the array API standard; `dtype` as in `sd.sum`.
    """
    x = _matrix("trace", x)
    with listing("trace", {"x": x}):
        return sum_(diagonal_of(x, offset, -2, -1), axis=-1, dtype=dtype)


# -- matrices from others ------------------------------------------------------------------


@public
def kron(x1: Any, x2: Any, /) -> Node:
    """Kronecker product: each entry of `x1` times the whole of `x2`, in blocks.

    Arguments: nodes, arrays and numbers of any rank; the one of fewer axes gets axes of length 1
    in front. The entry at ``i * x2.shape + j`` is ``x1[i] * x2[j]``, axis by axis.

    >>> import symdiff as sd
    >>> g = sd.Graph()
    >>> A, B = g.input("A", sd.f64["n", "n"]), g.input("B", sd.f64[2, 3])
    >>> sd.kron(A, B).type
    f64[2*n,3*n]
    """
    a, b = as_nodes("kron", (x1, x2))
    rank = max(a.ndim, b.ndim)
    first, second = ((1,) * (rank - x.ndim) + x.shape for x in (a, b))
    factors = [
        Factor(tuple(range(k, 2 * rank, 2)), reshape(x, shape=shape))
        for k, (x, shape) in enumerate(((a, first), (b, second)))
    ]
    product = contract(factors, tuple(range(2 * rank)))
    return reshape(product, shape=tuple(m * n for m, n in zip(first, second, strict=True)))


@public
def vander(x: Node, /, N: Any = None, increasing: bool = False) -> Node:
    """Vandermonde matrix: the powers of a vector as columns, the highest first.

    Arguments: `x`, of one axis; `N`, the number of columns, an int or size, as many as rows by
    default; `increasing`, whether the powers go up from 0. Raises `ShapeError` for other ranks.

    A column is the product of those factors `x` that come before it, so that the derivatives
    hold at 0 as well; see `exclusive_prod`.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64[2])
    >>> sd.evaluate(sd.vander(x, 3), {x: [2.0, 0.0]})
    array([[4., 2., 1.],
           [0., 0., 1.]])
    """
    (x,) = as_nodes("vander", (x,))
    with listing("vander", {"x": x}):
        if x.ndim != 1:
            raise ShapeError(f"x has {x.ndim} axes, but vander is for vectors")
        n = x.shape[0]
        factors = reshape(x.astype(promote(x.dtype, np.dtype(np.int64))), shape=(n, 1))
        columns = n if N is None else as_dim(N)
        powers = exclusive_prod(broadcast_to(factors, shape=(n, columns)), axis=1)
    return powers if increasing else flip(powers, axis=1)


# -- NumPy's names -------------------------------------------------------------------------

numpy_function(np.tril)(lambda m, k=0: tril(m, k=k))
numpy_function(np.triu)(lambda m, k=0: triu(m, k=k))
numpy_function(np.diag)(lambda v, k=0: diag(v, k))
numpy_function(np.diagflat)(lambda v, k=0: diagflat(v, k))
numpy_function(np.kron)(lambda a, b: kron(a, b))
numpy_function(np.vander)(lambda x, N=None, increasing=False: vander(x, N, increasing))
numpy_function(np.linalg.diagonal)(diagonal)
numpy_function(np.linalg.trace)(trace)


@numpy_function(np.diagonal)
def _np_diagonal(a: Node, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Node:
    with listing("np.diagonal", {"a": a}):
        return diagonal_of(a, offset, axis1, axis2)


@numpy_function(np.trace)
def _np_trace(a: Node, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None) -> Node:
    with listing("np.trace", {"a": a}):
        return sum_(diagonal_of(a, offset, axis1, axis2), axis=-1, dtype=dtype)


REGISTRY.enroll(__name__)
