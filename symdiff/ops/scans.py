"""Operations that carry a value along axes: products of what comes before, linear recurrences.

They are what the gradient of a product is made of. The derivative of ``x0 x1 x2 …`` by one
factor is the product of those before it times the product of those after it: no division, so
zeros among the factors are exact. The derivative of such partial products is in turn a linear
recurrence (G. E. Blelloch, "Prefix sums and their applications", 1990), whose own derivatives
are linear recurrences again, so every order costs time linear in the number of entries.
"""

from __future__ import annotations

import math
from itertools import accumulate
from typing import Any, Final

import numpy as np

from symdiff.errors import ShapeError
from symdiff.node import Node
from symdiff.op import REGISTRY, Op
from symdiff.ops.declare import op
from symdiff.ops.reduce import batch_alike, batch_reduction, masked_mixture
from symdiff.ops.shape import tensor
from symdiff.types import TensorType, Type, normalize_axes, promote

__all__ = ["exclusive_prod", "recurrence"]

Array = np.ndarray[Any, Any]

_FEW_LINES: Final = 16
"""Up to so many lines, Python numbers run faster than arrays of one entry a line."""


# -- kernels -------------------------------------------------------------------------------


def _as_lines(x: Array, axis: tuple[int, ...], reverse: bool) -> Array:
    """`x` with the axes walked along, in row-major order, as its last axis."""
    moved = np.moveaxis(x, axis, range(-len(axis), 0))
    rest = moved.shape[: x.ndim - len(axis)]
    lines = moved.reshape((*rest, math.prod(x.shape[a] for a in axis)))
    return lines[..., ::-1] if reverse else lines


def _from_lines(
    lines: Array, shape: tuple[int, ...], axis: tuple[int, ...], reverse: bool
) -> Array:
    """The inverse of `_as_lines`."""
    lines = lines[..., ::-1] if reverse else lines
    walked = [shape[a] for a in axis]
    return np.moveaxis(lines.reshape((*lines.shape[:-1], *walked)), range(-len(axis), 0), axis)


def _exclusive_prod_kernel(x: Array, axis: tuple[int, ...], reverse: bool) -> Array:
    lines = _as_lines(x, axis, reverse)
    result = np.ones(lines.shape, lines.dtype)
    if lines.shape[-1] > 1:
        np.multiply.accumulate(lines[..., :-1], axis=-1, out=result[..., 1:])
    return _from_lines(result, x.shape, axis, reverse)


def _recurrence_kernel(a: Array, b: Array, axis: tuple[int, ...], reverse: bool) -> Array:
    a_lines, b_lines = _as_lines(a, axis, reverse), _as_lines(b, axis, reverse)
    result = np.empty_like(a_lines, dtype=np.result_type(a, b))  # in their order in memory
    result[..., :1] = 0
    carry(a_lines[..., :-1], b_lines[..., :-1], out=result[..., 1:])
    return _from_lines(result, a.shape, axis, reverse)


def carry(a: Array, b: Array, out: Array) -> Array:
    """``y[0] = b[0]``, ``y[i] = a[i] y[i-1] + b[i]`` along the last axis."""
    lines = out.shape[:-1]
    few = math.prod(lines) <= _FEW_LINES and out.dtype.kind in "fc"  # Python's ints do not wrap
    if out.size and few:
        for line in np.ndindex(lines):
            out[line] = _along(a[line].tolist(), b[line].tolist())
    elif out.size:
        out[..., 0] = b[..., 0]
        for k in range(1, out.shape[-1]):
            here = np.multiply(a[..., k], out[..., k - 1], out=out[..., k])
            here += b[..., k]
    return out


def _along(factors: list[Any], terms: list[Any]) -> list[Any]:
    steps = zip(factors[1:], terms[1:], strict=True)
    return list(accumulate(steps, lambda y, step: step[0] * y + step[1], initial=terms[0]))


# -- the two ops ---------------------------------------------------------------------------


def _scan_params(name: str) -> Any:
    def normalize(x: Type, *rest: Type, axis: Any, reverse: Any) -> dict[str, Any]:
        return {"axis": normalize_axes(axis, tensor(x).rank, name), "reverse": bool(reverse)}

    return normalize


exclusive_prod: Op = op(
    "exclusive_prod",
    "x",
    doc="""Products of the entries before each one: ``y[i] = x[0] x[1] … x[i-1]``, 1 for the first.

    Along `axis` (an int, a tuple whose axes count as one in row-major order, or None for all);
    with `reverse`, of the entries after each one. ``dy[k]/dx[i]``, for ``i < k``, is ``y[i]``
    times the entries between the two: a `recurrence`, with no division, so zeros are exact.
    """,
    parameters={"axis": None, "reverse": False},
    normalize=_scan_params("exclusive_prod"),
    infer=lambda x, axis, reverse: tensor(x),
    kernel=_exclusive_prod_kernel,
    vjp=(lambda g, y, x: masked_mixture(g, y * _walked_back(g, y, x), y.params["axis"]),),
    jvp=(lambda t, y, x: recurrence(x, y * t, **y.params),),
    batch=batch_reduction,
)


def _recurrence_type(a: Type, b: Type, axis: tuple[int, ...], reverse: bool) -> TensorType:
    first, second = tensor(a), tensor(b)
    if first.shape != second.shape:
        raise ShapeError("the factors a and the terms b must have one shape")
    return first.with_dtype(promote(first.dtype, second.dtype))


def _walked_back(g: Node, y: Node, a: Node) -> Node:
    """The gradients `g` of the walk `y` carried by `a` from the other end."""
    return recurrence(a, g, **{**y.params, "reverse": not y.params["reverse"]})


def _of_operand(g: Node, y: Node, operand: Node, total: Node) -> Node:
    return masked_mixture(g, total.astype(operand.dtype), y.params["axis"])


recurrence: Op = op(
    "recurrence",
    "a b",
    doc="""The linear recurrence ``y[0] = 0``, ``y[i] = a[i-1] y[i-1] + b[i-1]``.

    So ``y[i]`` sums, over the entries before it, ``b[j]`` times the `a` between the two. Along
    `axis` (an int, a tuple whose axes count as one in row-major order, or None for all); with
    `reverse` it starts from the last entry. With `h` the same recurrence over ``(a, g)`` from
    the other end, the gradients are ``y h`` by `a` and ``h`` by `b`: the adjoint of a recurrence
    runs backwards (back-propagation through time; Goodfellow et al., *Deep Learning*, 10.2.2).
    """,
    parameters={"axis": None, "reverse": False},
    normalize=_scan_params("recurrence"),
    infer=_recurrence_type,
    kernel=_recurrence_kernel,
    vjp=(
        lambda g, y, a, b: _of_operand(g, y, a, y * _walked_back(g, y, a)),
        lambda g, y, a, b: _of_operand(g, y, b, _walked_back(g, y, a)),
    ),
    jvp=(
        lambda t, y, a, b: recurrence(a, t * y, **y.params),
        lambda t, y, a, b: recurrence(a, t, **y.params),
    ),
    batch=batch_alike,
)

REGISTRY.enroll(__name__)
