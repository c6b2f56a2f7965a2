"""Operations that carry a value along axes: products of what comes before, linear recurrences.

They are what the gradient of a product is made of. The derivative of ``x0 x1 x2 …`` by one
factor is the product of those before it times the product of those after it: no division, so
zeros among the factors are exact. The derivative of such partial products is in turn a linear
recurrence (G. E. Blelloch, "Prefix sums and their applications", 1990), whose own derivatives
are linear recurrences again, so every order costs time linear in the number of entries.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import accumulate
from typing import Any, Final

import numpy as np

from symdiff.errors import ShapeError
from symdiff.node import Node
from symdiff.op import REGISTRY, Op
from symdiff.ops.declare import op
from symdiff.ops.reduce import batch_reduction
from symdiff.ops.shape import broadcast_to, tensor
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
    result = np.zeros(a_lines.shape, np.result_type(a, b))
    count = math.prod(result.shape[:-1])
    if result.size and count <= _FEW_LINES:
        for line in np.ndindex(result.shape[:-1]):
            result[line] = _along(a_lines[line][:-1].tolist(), b_lines[line][:-1].tolist())
    elif result.size:
        for k in range(1, result.shape[-1]):
            here = np.multiply(a_lines[..., k - 1], result[..., k - 1], out=result[..., k])
            here += b_lines[..., k - 1]
    return _from_lines(result, a.shape, axis, reverse)


def _along(factors: Iterable[Any], terms: Iterable[Any]) -> list[Any]:
    steps = zip(factors, terms, strict=True)
    return list(accumulate(steps, lambda y, step: step[0] * y + step[1], initial=0))


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
    vjp=(lambda g, y, x: y * recurrence(x, g, **_turned(y)),),
    jvp=(lambda t, y, x: recurrence(x, y * t, **y.params),),
    batch=batch_reduction,
)


def _recurrence_type(a: Type, b: Type, axis: tuple[int, ...], reverse: bool) -> TensorType:
    first, second = tensor(a), tensor(b)
    if first.shape != second.shape:
        raise ShapeError("the factors a and the terms b must have one shape")
    return first.with_dtype(promote(first.dtype, second.dtype))


def _turned(y: Node) -> dict[str, Any]:
    """The params of the same walk from the other end."""
    return {**y.params, "reverse": not y.params["reverse"]}


def _batch_recurrence(y: Node, inputs: tuple[Node, ...], mapped: tuple[bool, ...]) -> Node:
    size = inputs[0].shape[0] if mapped[0] else inputs[1].shape[0]
    whole = tuple(
        x if m else broadcast_to(x, shape=(size, *x.shape))
        for x, m in zip(inputs, mapped, strict=True)
    )
    return batch_reduction(y, whole, (True, True))


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
        lambda g, y, a, b: (y * recurrence(a, g, **_turned(y))).astype(a.dtype),
        lambda g, y, a, b: recurrence(a, g, **_turned(y)).astype(b.dtype),
    ),
    jvp=(
        lambda t, y, a, b: recurrence(a, t * y, **y.params),
        lambda t, y, a, b: recurrence(a, t, **y.params),
    ),
    batch=_batch_recurrence,
)

REGISTRY.enroll(__name__)
