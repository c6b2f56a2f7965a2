"""Products of matrices and vectors.

The gradient rules are the transposes of a bilinear map: for ``Y = A B`` and the gradient ``G``
of ``Y``, ``dA = G Bᵀ`` and ``dB = Aᵀ G`` (Goodfellow et al., *Deep Learning*, 6.5.6), summed
over the leading axes along which an operand was broadcast.
"""

from __future__ import annotations

import operator
from functools import reduce
from typing import Any

import numpy as np

from symdiff.describe import listing
from symdiff.errors import ArgumentError, ShapeError
from symdiff.node import Node
from symdiff.op import REGISTRY, Op
from symdiff.ops.declare import fit, moved, numpy_function, op, public, scale
from symdiff.ops.shape import broadcast_to, matrix_transpose, reshape, tensor
from symdiff.ops.structure import eye
from symdiff.sizes import definitely_different
from symdiff.types import Shape, TensorType, Type, broadcast_shapes, promote, shape_text

__all__ = ["matmul", "matrix_power"]


def _matmul_type(a: Type, b: Type) -> TensorType:
    a, b = tensor(a), tensor(b)
    for name, x in (("x1", a), ("x2", b)):
        if not x.rank:
            raise ShapeError(f"{name} is a scalar; use * to scale")
    rows = b.shape[-2] if b.rank > 1 else b.shape[0]
    if a.shape[-1] != rows:
        what = "rows" if b.rank > 1 else "entries"
        verb = (
            "must equal" if definitely_different(a.shape[-1], rows) else "are not known to equal"
        )
        raise ShapeError(f"columns of x1 ({a.shape[-1]}) {verb} {what} of x2 ({rows})")
    lead = broadcast_shapes([a.shape[:-2], b.shape[:-2]])
    if lead is None:
        shapes = f"{shape_text(a.shape[:-2])} and {shape_text(b.shape[:-2])}"
        raise ShapeError(f"leading axes {shapes} do not broadcast")
    shape = lead + (a.shape[-2:-1] if a.rank > 1 else ()) + (b.shape[-1:] if b.rank > 1 else ())
    return TensorType(promote(a.dtype, b.dtype), shape)


def _matmul_gradient_a(g: Node, y: Node, a: Node, b: Node) -> Node:
    if a.ndim == 1 and b.ndim == 1:
        result = g * b
    elif b.ndim == 1:  # y = A b: an outer product of g and b
        result = _outer(g, (*g.shape, 1), b)
    elif a.ndim == 1 and b.ndim == 2:
        result = matmul(b, g)
    elif a.ndim == 1:  # y[..., j] = a . B[..., :, j]
        result = reshape(matmul(b, reshape(g, shape=(*g.shape, 1))), shape=b.shape[:-1])
    else:
        result = matmul(g, matrix_transpose(b))
    return fit(result, a.type)


def _matmul_gradient_b(g: Node, y: Node, a: Node, b: Node) -> Node:
    if a.ndim == 1 and b.ndim == 1:
        result = a * g
    elif a.ndim == 1:  # y = a B: an outer product of a and g
        result = _outer(g, (*g.shape[:-1], 1, g.shape[-1]), reshape(a, shape=(*a.shape, 1)))
    elif b.ndim == 1 and a.ndim == 2:
        result = matmul(g, a)
    elif b.ndim == 1:  # y[..., i] = A[..., i, :] . b
        row = reshape(g, shape=(*g.shape[:-1], 1, g.shape[-1]))
        result = reshape(matmul(row, a), shape=(*a.shape[:-2], a.shape[-1]))
    else:
        result = matmul(matrix_transpose(a), g)
    return fit(result, b.type)


def _outer(g: Node, shape: Shape, x: Node) -> Node:
    """`g` in that shape times `x`, under the mask that `g` brings along: nothing is summed."""
    result = scale(moved(g, lambda part: reshape(part, shape=shape)), x)
    assert result is not None
    return result


def _batch_matmul(y: Node, inputs: tuple[Node, ...], mapped: tuple[bool, ...]) -> Node:
    a, b = inputs
    rank_a, rank_b = a.ndim - mapped[0], b.ndim - mapped[1]
    size = a.shape[0] if mapped[0] else b.shape[0]
    if rank_b == 1 and not mapped[0] and rank_a <= 2:  # many vectors times one matrix
        return matmul(b, a if rank_a == 1 else a.T)
    if rank_a == 1 and not mapped[1] and rank_b <= 2:
        return matmul(a, b)
    # Vectors as matrices of one row or column; then ones after the mapped axis, so that the
    # mapped axis stands before all leading axes of the other operand.
    if rank_a == 1:
        a = reshape(a, shape=(*a.shape[:-1], 1, a.shape[-1]))
    if rank_b == 1:
        b = reshape(b, shape=(*b.shape, 1))
    rank = max(rank_a, rank_b, 2)
    a, b = (
        reshape(x, shape=(x.shape[0], *[1] * (rank + 1 - x.ndim), *x.shape[1:])) if m else x
        for x, m in zip((a, b), mapped, strict=True)
    )
    return reshape(matmul(a, b), shape=(size, *y.shape))


matmul: Op = op(
    "matmul",
    "x1 x2",
    doc="""Matrix product over the last two axes; leading axes broadcast.

    A vector on the left is a row and one on the right a column, and its axis is dropped from
    the result, as NumPy's `@` does.
    """,
    infer=_matmul_type,
    kernel=np.matmul,
    ufunc=np.matmul,
    vjp=(_matmul_gradient_a, _matmul_gradient_b),
    jvp=(lambda t, y, a, b: matmul(t, b), lambda t, y, a, b: matmul(a, t)),
    batch=_batch_matmul,
    sympy="MatMul",
)


numpy_function(np.linalg.matmul)(matmul)


@public
def matrix_power(x: Node, n: int, /) -> Node:
    """The `n`-th power of square matrices, over the last two axes, by repeated squaring.

    Arguments: `n`, an int >= 0; the power 0 is the identity. Raises `ShapeError` unless the last
    two axes have one size, `ArgumentError` for another `n`: a negative one needs the inverse.

    >>> import symdiff as sd
    >>> A = sd.Graph().input("A", sd.f64[2, 2])
    >>> sd.evaluate(sd.linalg.matrix_power(A, 5), {A: [[1.0, 1.0], [1.0, 0.0]]})
    array([[8., 5.],
           [5., 3.]])
    """
    with listing("matrix_power", {"x": x}):
        if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
            raise ShapeError("the last two axes of x must have one size")
        try:
            exponent = operator.index(n)
        except TypeError:
            raise ArgumentError(f"n must be an int, not {n!r}") from None
        if exponent < 0:
            raise ArgumentError(f"n = {n}: a negative power needs the inverse")
    if exponent == 0:
        one = eye.on(x.graph, n=x.shape[-1], dtype=x.dtype)
        return broadcast_to(one, shape=x.shape)
    power: Node | None = None
    while True:
        if exponent % 2:
            power = x if power is None else matmul(power, x)
        exponent //= 2
        if not exponent:
            assert power is not None
            return power
        x = matmul(x, x)


numpy_function(np.linalg.matrix_power)(lambda a, n: matrix_power(a, n))


@numpy_function(np.linalg.multi_dot)
def _np_multi_dot(arrays: Any) -> Node:
    """The product of several; `sd.compile` takes the cheapest order."""
    product: Node = reduce(np.dot, arrays)
    return product


@numpy_function(np.dot)
def _np_dot(a: Any, b: Any) -> Node:
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return a * b  # type: ignore[no-any-return]
    if np.ndim(a) > 1 and np.ndim(b) > 2:  # where `@` would pair the leading axes
        return np.tensordot(a, b, axes=(-1, -2))  # type: ignore[return-value]
    return np.matmul(a, b)  # type: ignore[no-any-return]


REGISTRY.enroll(__name__)
