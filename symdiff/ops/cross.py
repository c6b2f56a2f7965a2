"""The cross product of vectors of three entries, and NumPy's of two.

It is bilinear and antisymmetric, and the triple product ``g . (a x b)`` is invariant under
cyclic exchange, so both gradients are cross products again: ``b x g`` and ``g x a`` (any text on
vector algebra; J. Gibbs and E. Wilson, *Vector Analysis*, 1901, chapter II).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from symdiff.describe import listing
from symdiff.errors import DTypeError, ShapeError
from symdiff.node import Node
from symdiff.op import REGISTRY, Op
from symdiff.ops.declare import align, fit, numpy_function, op, public
from symdiff.ops.joining import concat, moveaxis
from symdiff.ops.operands import as_nodes
from symdiff.ops.reduce import masked_mixture
from symdiff.ops.shape import tensor, zeros_like
from symdiff.types import TensorType, Type, broadcast_shapes, normalize_axis, promote, shape_text

__all__ = ["cross"]

# -- the op --------------------------------------------------------------------------------


def _cross_type(x1: Type, x2: Type) -> TensorType:
    a, b = tensor(x1), tensor(x2)
    dtype = promote(a.dtype, b.dtype)
    if dtype.kind == "b":
        raise DTypeError("truth values cannot be subtracted; cast them")
    for name, x in (("x1", a), ("x2", b)):
        if not x.rank or x.shape[-1] != 3:
            raise ShapeError(f"vectors of 3 entries are needed, and {name} is {x}")
    shape = broadcast_shapes([a.shape, b.shape])
    if shape is None:
        raise ShapeError(f"{shape_text(a.shape)} and {shape_text(b.shape)} do not broadcast")
    return TensorType(dtype, shape)


def _cross_kernel(a: Any, b: Any) -> Any:
    result = np.empty(np.broadcast_shapes(a.shape, b.shape), np.result_type(a, b))
    for k in range(3):
        i, j = (k + 1) % 3, (k + 2) % 3
        entry = np.multiply(a[..., i], b[..., j], out=result[..., k])
        entry -= a[..., j] * b[..., i]
    return result


def _turned(g: Node, first: Node, second: Node, operand: Node) -> Node:
    """The gradient of an operand: a cross product, summed where the operand was broadcast."""
    return fit(masked_mixture(g, _cross(first, second), (g.ndim - 1,)), operand.type)


def _batch_cross(y: Node, inputs: tuple[Node, ...], mapped: tuple[bool, ...]) -> Node:
    return _cross(*[align(x, y.ndim) if m else x for x, m in zip(inputs, mapped, strict=True)])


_cross: Op = op(
    "cross",
    "x1 x2",
    doc="""Cross products of the vectors of three entries in the last axis; the others broadcast.

    The gradients are ``x2 x g`` and ``g x x1``.
    """,
    infer=_cross_type,
    kernel=_cross_kernel,
    vjp=(
        lambda g, y, x1, x2: _turned(g, x2, g, x1),
        lambda g, y, x1, x2: _turned(g, g, x1, x2),
    ),
    jvp=(lambda t, y, x1, x2: _cross(t, x2), lambda t, y, x1, x2: _cross(x1, t)),
    batch=_batch_cross,
)

# -- names ---------------------------------------------------------------------------------


@public
def cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Node:
    """Cross products of the vectors of three entries along `axis`; the other axes broadcast.

    Arguments: nodes and arrays, at least one of them a node; `axis` is counted in each operand
    by itself, and the products lie along it in the result. Raises `ShapeError` where the size
    along it is not 3, `DTypeError` for truth values.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64["n", 3])
    >>> sd.linalg.cross(x, [0.0, 0.0, 1.0])
    %1 : f64[n,3] = cross x %0
    """
    a, b = as_nodes("cross", (x1, x2))
    with listing("cross", {"x1": a, "x2": b}):
        product = _cross(*[moveaxis(x, _axis(x, axis), -1) for x in (a, b)])
        return moveaxis(product, -1, axis)


def _axis(x: Node, axis: Any) -> int:
    return normalize_axis(axis, x.ndim, "cross")


# -- NumPy's names -------------------------------------------------------------------------

numpy_function(np.linalg.cross)(cross)


@numpy_function(np.cross)
def _np_cross(
    a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: Any = None
) -> Node:
    """Vectors of two entries have a third of 0; of two such, only the third of the result."""
    if axis is not None:
        axisa = axisb = axisc = axis
    first, second = as_nodes("np.cross", (a, b))
    with listing("np.cross", {"a": first, "b": second}):
        first = moveaxis(first, _axis(first, axisa), -1)
        second = moveaxis(second, _axis(second, axisb), -1)
        if first.shape[-1] == second.shape[-1] == 2:
            return first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0]
        return moveaxis(_cross(_in_space(first), _in_space(second)), -1, axisc)


def _in_space(x: Node) -> Node:
    return concat([x, zeros_like(x[..., :1])], axis=-1) if x.shape[-1] == 2 else x


REGISTRY.enroll(__name__)
