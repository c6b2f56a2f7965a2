"""Arrays widened at their ends: with a constant, or with their own entries.

Zeros are put around by `scatter`, other constants by `concat`. Entries of the array's own,
continued by the edge, by reflection or in a circle, are an op, `pad`: by how often it goes
around an axis of a named size is settled at the call. Its transpose, `fold`, adds what was
continued back to where it came from, so a gradient accumulates.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from symdiff.binding import Requirement
from symdiff.describe import listing
from symdiff.errors import ArgumentError, ShapeError
from symdiff.literals import Slice
from symdiff.node import Node
from symdiff.op import REGISTRY, REQUIRED, Op
from symdiff.ops.declare import linear, mask_of, numpy_function, public
from symdiff.ops.elementwise import cast, where
from symdiff.ops.index import scatter
from symdiff.ops.joining import concat
from symdiff.ops.operands import as_nodes
from symdiff.ops.shape import broadcast_to, tensor
from symdiff.sizes import Dim, Size, as_dim
from symdiff.types import Shape, TensorType, Type, normalize_axis

__all__ = ["fold", "pad"]

Array = np.ndarray[Any, Any]
Widths = tuple[tuple[Dim, Dim], ...]

_CONTINUED: Final = ("edge", "reflect", "symmetric", "wrap")

# -- the op, and its transpose -------------------------------------------------------------


def _pad_params(x: Type, pad_width: Any, mode: Any) -> dict[str, Any]:
    if mode not in _CONTINUED:
        raise ArgumentError(f"mode {mode!r} is not one of {', '.join(_CONTINUED)}")
    return {"pad_width": _as_widths(pad_width, tensor(x).rank), "mode": mode}


def _as_widths(given: Any, rank: int) -> Widths:
    """How much to put before and after each axis, from any form that NumPy takes."""
    if isinstance(given, Mapping):
        table: list[Any] = [(0, 0)] * rank
        for axis, width in given.items():
            table[normalize_axis(axis, rank, "pad")] = width
        given = tuple(w if isinstance(w, tuple | list) else (w, w) for w in table)
    return _pairs(given, rank, "pad_width", _width)


def _pairs(given: Any, rank: int, what: str, entry: Any) -> tuple[tuple[Any, Any], ...]:
    """A pair for each axis, from one value, a pair, or a sequence of pairs."""
    listed = given.tolist() if isinstance(given, np.ndarray) else given
    rows = listed if isinstance(listed, tuple | list) else (listed,)
    if not any(isinstance(row, tuple | list) for row in rows):
        rows = (rows,)  # one pair, or one value, for all axes
    pairs = [tuple(row) if isinstance(row, tuple | list) else (row,) for row in rows]
    if len(pairs) not in (1, rank) or any(len(pair) not in (1, 2) for pair in pairs):
        raise ArgumentError(
            f"{what}={given!r} is neither one value, a pair (before, after), nor a pair for each "
            f"of the {rank} axes"
        )
    whole = [tuple(entry(v) for v in (pair * 2 if len(pair) == 1 else pair)) for pair in pairs]
    return tuple(whole * (rank if len(whole) == 1 else 1))


def _width(value: Any) -> Dim:
    if isinstance(value, float | np.floating | Node):
        raise ArgumentError(f"widths are ints or sizes known before the call, not {value!r}")
    width = as_dim(value)
    if isinstance(width, int) and width < 0:
        raise ShapeError(f"widths are never negative, as {width} is; a slice takes entries away")
    return width


def _pad_type(x: Type, pad_width: Widths, mode: str) -> TensorType:
    shape = tensor(x).shape
    for axis, (dim, width) in enumerate(zip(shape, pad_width, strict=True)):
        if dim == 0 and width != (0, 0):
            raise ShapeError(f"axis {axis} has no entries to continue; pad it with a constant")
    return tensor(x).with_shape(_wider(shape, pad_width))


def _wider(shape: Shape, pad_width: Widths) -> Shape:
    return tuple(dim + sum(width) for dim, width in zip(shape, pad_width, strict=True))


def _narrower(shape: Shape, pad_width: Widths) -> Shape:
    return tuple(dim - sum(width) for dim, width in zip(shape, pad_width, strict=True))


def _needs(shape: Shape, pad_width: Widths) -> list[Requirement]:
    """There is an entry to continue, and no width is negative."""
    found = []
    for dim, width in zip(shape, pad_width, strict=True):
        if width != (0, 0):
            found.append(Requirement(dim, ">=", 1))
            found += [Requirement(w, ">=", 0) for w in width if isinstance(w, Size)]
    return found


def _unfold(g: Node, y: Node, x: Node) -> Node:
    """The transpose of `pad`; a sum of masked entries is masked where all of them are."""
    total = fold(g, **y.params)
    mask = mask_of(g)
    if mask is None:
        return total
    taken = fold(broadcast_to(mask.taken, shape=g.shape), **y.params)
    return where(taken, total, 0.0)


def _batch(y: Node, inputs: tuple[Node, ...], mapped: tuple[bool, ...]) -> Node:
    widths = ((0, 0), *y.params["pad_width"])
    return y.op(inputs[0], pad_width=widths, mode=y.params["mode"])


_pad: Op = linear(
    "pad",
    "x",
    doc="""`x` continued at the ends of its axes with entries of its own.

    `pad_width` is a pair for each axis; `mode` is "edge", "reflect", "symmetric" or "wrap". Made
    by `sd.pad`, which also pads with constants. Its transpose is `fold`.
    """,
    parameters={"pad_width": REQUIRED, "mode": REQUIRED},
    normalize=_pad_params,
    identity=lambda x, pad_width, mode: all(width == (0, 0) for width in pad_width),
    infer=_pad_type,
    requires=lambda x, pad_width, mode: _needs(x.shape, pad_width),
    kernel=lambda x, pad_width, mode: np.pad(x, pad_width, mode) if pad_width else x,
    transpose=_unfold,
    batch=_batch,
)


def _fold_type(x: Type, pad_width: Widths, mode: str) -> TensorType:
    shape = _narrower(tensor(x).shape, pad_width)
    for axis, (dim, width) in enumerate(zip(shape, pad_width, strict=True)):
        if isinstance(dim, int) and (dim < 0 or (dim == 0 and width != (0, 0))):
            raise ShapeError(f"axis {axis} has no entries between those that were put around it")
    return tensor(x).with_shape(shape)


def _fold_kernel(x: Array, pad_width: tuple[tuple[int, int], ...], mode: str) -> Array:
    result = x
    for axis, (before, after) in enumerate(pad_width):
        if before or after:
            rows = _fold_rows(np.moveaxis(result, axis, 0), before, after, mode)
            result = np.moveaxis(rows, 0, axis)
    return x.copy() if result is x else result


def _fold_rows(x: Array, before: int, after: int, mode: str) -> Array:
    """The rows put around those in the middle, added to those they are copies of."""
    count = len(x) - before - after
    result = x[before : before + count].copy()
    source: Array = np.pad(np.arange(count), (before, after), mode)  # type: ignore[call-overload]
    outside = np.arange(before - 1, -1, -1), np.arange(before + count, len(x))  # outwards
    if count == 1 or mode == "edge":
        for rows in outside:
            if len(rows):
                result[source[rows[0]]] += np.add.reduce(x[rows], axis=0, dtype=x.dtype)
        return result
    step = (
        count - 1 if mode == "reflect" else count
    )  # so many in a row are copies of different ones
    for rows in outside:
        for k in range(0, len(rows), step):
            some = rows[k : k + step]
            result[source[some]] += x[some]
    return result


fold: Op = linear(
    "fold",
    "x",
    doc="""What `pad` put around the axes of `x` added back to where it came from.

    The transpose of `pad`, with the same parameters. Booleans are joined by "or".
    """,
    parameters={"pad_width": REQUIRED, "mode": REQUIRED},
    normalize=_pad_params,
    identity=lambda x, pad_width, mode: all(width == (0, 0) for width in pad_width),
    infer=_fold_type,
    requires=lambda x, pad_width, mode: _needs(_narrower(x.shape, pad_width), pad_width),
    kernel=_fold_kernel,
    transpose=lambda g, y, x: _pad(g, **y.params),
    batch=_batch,
    moves=True,
)

# -- the function --------------------------------------------------------------------------


@public
def pad(x: Node, /, pad_width: Any, mode: str = "constant", *, constant_values: Any = 0) -> Node:
    """`x` with entries put before and after those along each axis.

    Arguments, as `numpy.pad` has them: `pad_width`, ints or sizes >= 0: one for all ends, a pair
    (before, after) for all axes, a pair for each axis, or a dict from axis to either; `mode`,
    one of

    - ``"constant"``: `constant_values`, in the forms of `pad_width`, numbers or scalar nodes;
    - ``"edge"``: the first and the last entry;
    - ``"reflect"``: mirrored at the first and the last entry, which are not repeated;
    - ``"symmetric"``: mirrored, the first and the last entry repeated;
    - ``"wrap"``: from the other end;
    - ``"empty"``: anything, here zeros.

    Widths may exceed the size of the axis, which may be named: what is mirrored or wrapped goes
    on periodically. The gradient of an entry is the sum over its copies. Raises `ShapeError` for
    negative widths and for an axis of no entries to continue, `ArgumentError` otherwise.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64["n"])
    >>> y = sd.pad(x, (2, 1), "reflect")
    >>> sd.evaluate([y, sd.grad(sd.sum(y), x)], {x: [1.0, 2.0, 3.0]})
    [array([3., 2., 1., 2., 3., 2.]), array([1., 3., 2.])]
    """
    x, *_ = as_nodes("pad", (x, *_nodes_among(constant_values)))
    if mode in _CONTINUED:
        return _pad(x, pad_width=pad_width, mode=mode)
    with listing("pad", {"x": x}):
        if mode not in ("constant", "empty"):
            known = ", ".join(("constant", *_CONTINUED, "empty"))
            raise ArgumentError(f"mode {mode!r} is not one of {known}")
        widths = _as_widths(pad_width, x.ndim)
        filled = 0 if mode == "empty" else constant_values
        if isinstance(filled, int | float) and filled == 0:
            key = tuple(Slice(w[0], w[0] + n, 1) for w, n in zip(widths, x.shape, strict=True))
            return scatter(x, shape=_wider(x.shape, widths), keys=(key,))
        values = _pairs(filled, x.ndim, "constant_values", lambda v: _filling(x, v))
        for axis, (ends, width) in enumerate(zip(values, widths, strict=True)):
            before, after = (
                broadcast_to(v, shape=(*x.shape[:axis], w, *x.shape[axis + 1 :]))
                for v, w in zip(ends, width, strict=True)
            )
            parts = [before] * (width[0] != 0) + [x] + [after] * (width[1] != 0)
            x = concat(parts, axis=axis)
        return x


def _nodes_among(values: Any) -> list[Node]:
    if isinstance(values, tuple | list):
        return [node for value in values for node in _nodes_among(value)]
    return [values] if isinstance(values, Node) else []


def _filling(x: Node, value: Any) -> Node:
    """A constant in the dtype of `x`, as `numpy.pad` has it."""
    node = value if isinstance(value, Node) else x.graph.constant(value, x.dtype)
    if node.ndim:
        raise ShapeError(f"a constant to pad with is one number, not {node.type}")
    return cast(node, dtype=x.dtype)


@numpy_function(np.pad)
def _np_pad(array: Any, pad_width: Any, mode: Any = "constant", **options: Any) -> Node:
    if options.get("reflect_type", "even") == "even":
        options.pop("reflect_type", None)
    if unknown := options.keys() - {"constant_values"}:
        listed = ", ".join(f"{name}=" for name in sorted(unknown))
        raise ArgumentError(f"np.pad: {listed} is not available on nodes")
    return pad(array, pad_width, mode, **options)


REGISTRY.enroll(__name__)
