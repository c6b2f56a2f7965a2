"""Arrays with entries replaced: at a basic key, or at arrays of indices.

What is replaced has no part in the result, so its gradient is 0 under a mask: an infinite
derivative behind it cannot make NaN. Where indices repeat, the last entry stays and alone gets a
gradient; of a largest or smallest entry all that attain it share equally (see `maximum`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symdiff.errors import DTypeError, ShapeError
from symdiff.node import Node
from symdiff.op import REGISTRY, REQUIRED, Op
from symdiff.ops.declare import op, over, scale
from symdiff.ops.elementwise import equal, under, where
from symdiff.ops.gather import (
    batch_indexed,
    check_taken,
    flat_places,
    gather,
    index_shape,
    moved,
    natural_place,
    scatter_add,
    where_params,
)
from symdiff.ops.index import (
    Key,
    index,
    numpy_key,
    requirements,
    resolve_key,
    result_shape,
    scatter,
    with_mask,
)
from symdiff.ops.ranges import arange
from symdiff.ops.shape import broadcast_to, reshape, tensor, zeros_like
from symdiff.types import Shape, TensorType, Type, element_count, shape_text

__all__ = ["assign", "never_repeats", "put", "scatter_max", "scatter_min"]

Array = np.ndarray[Any, Any]
Axes = tuple[int, ...]


def _check_dtype(x: Type, values: Type) -> None:
    if tensor(values).dtype != tensor(x).dtype:
        raise DTypeError(f"values of {values} cannot be put into {x}; cast them")


def _true(x: Node, shape: Shape) -> Node:
    return broadcast_to(x.graph.constant(True), shape=shape)


# -- at a basic key ------------------------------------------------------------------------


def _assign_type(x: Type, values: Type, key: Key) -> TensorType:
    _check_dtype(x, values)
    if tensor(values).shape != result_shape(key):
        raise ShapeError(
            f"the key takes {shape_text(result_shape(key))}, "
            f"not {shape_text(tensor(values).shape)}"
        )
    return tensor(x)


def _assign_kernel(x: Array, values: Array, key: Key) -> Array:
    result = np.array(x, order="C")
    result[numpy_key(key)] = values
    return result


def _assign_to_x(g: Node, y: Node, x: Node, values: Node) -> Node | None:
    key = y.params["key"]
    return under(scatter(_true(y, values.shape), shape=x.shape, keys=(key,)), g, True)


def _batch_assign(y: Node, inputs: tuple[Node, ...], mapped: tuple[bool, ...]) -> Node:
    size = next(x.shape[0] for x, m in zip(inputs, mapped, strict=True) if m)
    x, values = (
        x if m else broadcast_to(x, shape=(size, *x.shape))
        for x, m in zip(inputs, mapped, strict=True)
    )
    return assign(x, values, key=(slice(None), *y.params["key"]))


def _assign_tangent(tangents: Sequence[Node | None], y: Node, inputs: Sequence[Node]) -> Node:
    return assign(*_filled(tangents, inputs), **y.params)


def _filled(tangents: Sequence[Node | None], inputs: Sequence[Node]) -> list[Node]:
    """Tangents of the first operands, zeros for those that are not moved."""
    pairs = zip(tangents, inputs, strict=True)
    return [zeros_like(x) if t is None else t for t, x in pairs if x.dtype.kind == "f"]


assign: Op = op(
    "assign",
    "x values",
    doc="""`x` with `values`, of the same dtype, in place of the entries at the basic index `key`.

    Made by ``x.at[key].set(values)``. The gradient of what is replaced is 0.
    """,
    parameters={"key": REQUIRED},
    normalize=lambda x, values, key: {"key": resolve_key(key, tensor(x).shape)},
    infer=_assign_type,
    requires=lambda x, values, key: requirements(key, x.shape),
    kernel=_assign_kernel,
    vjp=(
        _assign_to_x,
        lambda g, y, x, values: with_mask(g, lambda h: index(h, key=y.params["key"])),
    ),
    jvp_all=_assign_tangent,
    batch=_batch_assign,
)

# -- at arrays of indices ------------------------------------------------------------------


def _put_type(x: Type, values: Type, *indices: Type, axes: Axes, at: int) -> TensorType:
    _check_dtype(x, values)
    check_taken(values, tensor(x).shape, indices, axes, at)
    return tensor(x)


def _put_params(name: str) -> Any:
    def normalize(x: Type, *rest: Type, axes: Any, at: Any) -> dict[str, Any]:
        return where_params(name, tensor(x).rank, axes, at)

    return normalize


def _put_kernel(x: Array, values: Array, *indices: Array, axes: Axes, at: int) -> Array:
    # Along one axis of indices NumPy assigns in order, so that the last one stays.
    whole = np.broadcast_arrays(*indices)
    key: list[Any] = [slice(None)] * x.ndim
    for axis, places in zip(axes, whole, strict=True):
        key[axis] = places.ravel()
    count, depth = whole[0].size, whole[0].ndim
    lines = values.reshape(*values.shape[:at], count, *values.shape[at + depth :])
    result = np.array(x, order="C")
    result[tuple(key)] = moved(lines, 1, at, natural_place(axes))
    return result


def never_repeats(indices: Sequence[Node]) -> bool:
    """Whether it is known that no place is named twice: constants, counted from the front."""
    if not all(i.op.name == "constant" for i in indices):
        return False
    arrays = np.broadcast_arrays(*[i.params["value"].array for i in indices])
    if any(np.any(a < 0) for a in arrays):
        return False
    rows = np.stack([a.ravel() for a in arrays], axis=1)
    return len(np.unique(rows, axis=0)) == len(rows)


def _last(y: Node) -> Node | None:
    """Which of the values stay; None where it is known that all do."""
    x, _, *indices = y.inputs
    axes, at = y.params["axes"], y.params["at"]
    if never_repeats(indices):
        return None
    shape = index_shape([i.type for i in indices])
    numbers = reshape(arange(element_count(shape), like=y), shape=shape)
    none = broadcast_to(y.graph.constant(0), shape=tuple(x.shape[a] for a in axes))
    alone = {"axes": tuple(range(len(axes))), "at": 0}
    stays = equal(gather(put(none, numbers, *indices, **alone), *indices, **alone), numbers)
    behind = x.ndim - len(axes) - at
    return reshape(stays, shape=(*shape, *[1] * behind))


def _put_gradient(g: Node, y: Node, position: int) -> Node | None:
    if position > 1:
        return None
    x, values, *indices = y.inputs
    if position == 0:
        replaced = scatter_add(_true(y, values.shape), *indices, shape=x.shape, **y.params)
        return under(replaced, g, True)
    taken = with_mask(g, lambda h: gather(h, *indices, **y.params))
    stays = _last(y)
    return taken if stays is None else under(stays, taken, False)


def _put_tangent(tangents: Sequence[Node | None], y: Node, inputs: Sequence[Node]) -> Node:
    return y.op(*_filled(tangents, inputs), *inputs[2:], **y.params)


put: Op = op(
    "put",
    "*operands",
    doc="""The first operand with entries of the second in place of those at arrays of indices.

    The indices are the other operands; `axes` and `at` are those of `gather`. Where they repeat,
    the last entry in row-major order stays, and alone has a gradient. Made by
    ``x.at[i].set(values)``.
    """,
    parameters={"axes": REQUIRED, "at": None},
    normalize=_put_params("put"),
    infer=_put_type,
    kernel=_put_kernel,
    vjp=_put_gradient,
    jvp_all=_put_tangent,
    batch=batch_indexed,
)

# -- the larger and the smaller ------------------------------------------------------------


def _attained(y: Node) -> tuple[Node, Node, Node]:
    """Which entries of the array and of the values are the extreme, and how many there are."""
    x, values, *indices = y.inputs
    kept = equal(x, y)
    came = equal(values, gather(y, *indices, **y.params))
    added = scatter_add(came.astype(x.dtype), *indices, shape=x.shape, **y.params)
    return kept, came, kept.astype(x.dtype) + added


def _extreme_gradient(g: Node, y: Node, position: int) -> Node | None:
    if position > 1:
        return None
    kept, came, count = _attained(y)
    share = scale(g, over(count))
    assert share is not None
    if position == 0:
        return under(kept, share, False)
    taken = with_mask(share, lambda h: gather(h, *y.inputs[2:], **y.params))
    return under(came, taken, False)


def _extreme_tangent(tangents: Sequence[Node | None], y: Node, inputs: Sequence[Node]) -> Node:
    kept, came, count = _attained(y)
    by_x, by_values = _filled(tangents, inputs)
    moved_values = where(came, by_values, 0.0)
    added = scatter_add(moved_values, *inputs[2:], shape=y.shape, **y.params)
    return where(equal(count, 0), 0.0, (where(kept, by_x, 0.0) + added) / count)


def _extreme(name: str, ufunc: np.ufunc, word: str, method: str) -> Op:
    def kernel(x: Array, values: Array, *indices: Array, axes: Axes, at: int) -> Array:
        result = np.array(x, order="C").ravel()
        ufunc.at(result, flat_places(x.shape, indices, axes, at).ravel(), values.ravel())
        return result.reshape(x.shape)

    return op(
        name,
        "*operands",
        doc=f"""The {word} of the first operand and the entries of the second that go there.

        The places are arrays of indices, the other operands; `axes` and `at` are those of
        `gather`. All entries that attain the {word} share the gradient equally; where NaN comes
        out it is 0. Made by ``x.at[i].{method}(values)``.
        """,
        parameters={"axes": REQUIRED, "at": None},
        normalize=_put_params(name),
        infer=_put_type,
        kernel=kernel,
        vjp=_extreme_gradient,
        jvp_all=_extreme_tangent,
        batch=batch_indexed,
    )


scatter_max: Op = _extreme("scatter_max", np.maximum, "largest", "max")
scatter_min: Op = _extreme("scatter_min", np.minimum, "smallest", "min")

REGISTRY.enroll(__name__)
