"""Operations that only move entries: reshape, permute_dims, broadcast_to, and kin."""

from __future__ import annotations

from typing import Any

import numpy as np

from symdiff.describe import listing, node_line
from symdiff.errors import ArgumentError, DTypeError, ShapeError
from symdiff.node import Node
from symdiff.op import REGISTRY, REQUIRED, Op
from symdiff.ops.declare import fit, linear, numpy_function, public
from symdiff.ops.operands import as_nodes
from symdiff.sizes import Dim, definitely_different
from symdiff.types import (
    Shape,
    TensorType,
    Type,
    as_shape,
    broadcast_shapes,
    element_count,
    normalize_axes,
    normalize_axis,
    shape_text,
)

__all__ = [
    "broadcast_arrays",
    "broadcast_to",
    "matrix_transpose",
    "permute_dims",
    "reshape",
    "tensor",
    "zeros_like",
]


def tensor(x: Type) -> TensorType:
    """The type of a single array; `DTypeError` for a node with several results."""
    if not isinstance(x, TensorType):
        raise DTypeError("the operand has several results; unpack it first")
    return x


# -- reshape -------------------------------------------------------------------------------


def _reshape_params(x: Type, shape: Any) -> dict[str, Any]:
    given = tuple(shape) if isinstance(shape, tuple | list) else (shape,)
    unknown = [k for k, dim in enumerate(given) if isinstance(dim, int | np.integer) and dim == -1]
    if len(unknown) > 1:
        raise ShapeError(f"shape {given} leaves more than one entry open")
    if not unknown:
        return {"shape": as_shape(given)}
    k = unknown[0]
    known = as_shape((*given[:k], *given[k + 1 :]))
    total, rest = tensor(x).size, element_count(known)
    if rest == 0:
        raise ShapeError(f"shape {given}: an open entry beside a 0 cannot be told")
    open_dim = total // rest
    if open_dim * rest != total:
        never = (
            "do not" if isinstance(total, int) and isinstance(rest, int) else "are not known to"
        )
        raise ShapeError(
            f"{total} entries {shape_text(tensor(x).shape)} {never} divide into {rest}"
        )
    return {"shape": (*known[:k], open_dim, *known[k:])}


def _reshape_type(x: Type, shape: Shape) -> TensorType:
    have, want = tensor(x).size, element_count(shape)
    if have != want:
        verb = "is not" if definitely_different(have, want) else "is not known to be"
        raise ShapeError(
            f"{shape_text(tensor(x).shape)} has {have} entries, which {verb} the {want} of "
            f"{shape_text(shape)}"
        )
    return TensorType(tensor(x).dtype, shape)


reshape: Op = linear(
    "reshape",
    "x",
    doc="""`x` with another shape of as many entries, in row-major order.

    One entry may be -1: it is worked out, also where sizes are named.
    """,
    parameters={"shape": REQUIRED},
    normalize=_reshape_params,
    identity=lambda x, shape: x.shape == shape,
    infer=_reshape_type,
    kernel=lambda x, shape: x.reshape(shape),
    transpose=lambda g, y, x: reshape(g, shape=x.shape),
    batch=lambda y, inputs, mapped: reshape(inputs[0], shape=(inputs[0].shape[0], *y.shape)),
    moves=True,
)

# -- permute_dims --------------------------------------------------------------------------


def _permute_params(x: Type, axes: Any) -> dict[str, Any]:
    rank = tensor(x).rank
    if axes is None:
        return {"axes": tuple(reversed(range(rank)))}
    found = tuple(normalize_axis(a, rank, "permute_dims") for a in axes)
    if sorted(found) != list(range(rank)):
        raise ShapeError(f"axes {tuple(axes)} are not a permutation of the {rank} axes")
    return {"axes": found}


def _inverse(axes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted(range(len(axes)), key=axes.__getitem__))


permute_dims: Op = linear(
    "permute_dims",
    "x",
    doc="`x` with its axes permuted; None reverses them.",
    parameters={"axes": REQUIRED},
    normalize=_permute_params,
    identity=lambda x, axes: axes == tuple(range(len(axes))),
    infer=lambda x, axes: tensor(x).with_shape(tuple(x.shape[a] for a in axes)),
    kernel=lambda x, axes: x.transpose(axes),
    transpose=lambda g, y, x: permute_dims(g, axes=_inverse(y.params["axes"])),
    batch=lambda y, inputs, mapped: permute_dims(
        inputs[0], axes=(0, *[a + 1 for a in y.params["axes"]])
    ),
    moves=True,
)


@public
def matrix_transpose(x: Node, /) -> Node:
    """`x` with its last two axes exchanged; `ShapeError` below two axes."""
    if x.ndim < 2:
        raise ShapeError(f"matrix_transpose: two axes are needed\n  x = {node_line(x)}")
    return permute_dims(x, axes=(*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


# -- broadcast_to --------------------------------------------------------------------------


def _broadcast_type(x: Type, shape: Shape) -> TensorType:
    source = tensor(x)
    if broadcast_shapes([source.shape, shape]) != shape:
        raise ShapeError(f"{shape_text(source.shape)} does not broadcast to {shape_text(shape)}")
    return source.with_shape(shape)


def _batch_broadcast(y: Node, inputs: tuple[Node, ...], mapped: tuple[bool, ...]) -> Node:
    (x,) = inputs
    shape = (x.shape[0], *[1] * (y.ndim + 1 - x.ndim), *x.shape[1:])
    return broadcast_to(reshape(x, shape=shape), shape=(x.shape[0], *y.shape))


broadcast_to: Op = linear(
    "broadcast_to",
    "x",
    doc="`x` repeated along new leading axes and along axes of length 1, without a copy.",
    parameters={"shape": REQUIRED},
    normalize=lambda x, shape: {"shape": as_shape(shape)},
    identity=lambda x, shape: x.shape == shape,
    infer=_broadcast_type,
    kernel=lambda x, shape: np.broadcast_to(x, shape),
    transpose=lambda g, y, x: fit(g, x.type),
    batch=_batch_broadcast,
)


@public
def broadcast_arrays(*arrays: Any) -> tuple[Node, ...]:
    """The arrays, each repeated to the shape they have in common.

    Arguments: `arrays`, nodes, arrays and numbers, at least one of them a node. Raises
    `ShapeError` where the shapes do not broadcast: a named size does so with itself and with 1.

    >>> import symdiff as sd
    >>> g = sd.Graph()
    >>> x, y = g.input("x", sd.f64["n", 1]), g.input("y", sd.f32[3])
    >>> [z.type for z in sd.broadcast_arrays(x, y)]
    [f64[n,3], f32[n,3]]
    """
    nodes = as_nodes("broadcast_arrays", arrays)
    shape = broadcast_shapes([x.shape for x in nodes])
    if shape is None:
        shapes = " and ".join(shape_text(x.shape) for x in nodes)
        with listing("broadcast_arrays", {f"arrays[{k}]": x for k, x in enumerate(nodes)}):
            raise ShapeError(f"shapes {shapes} do not broadcast; of named sizes see sd.refine")
    return tuple(broadcast_to(x, shape=shape) for x in nodes)


@public
def zeros_like(x: Node, /, *, dtype: Any = None) -> Node:
    """Zeros of the shape of `x`, in its dtype or another. Raises `DTypeError` for an unknown one.

    >>> import symdiff as sd
    >>> sd.zeros_like(sd.Graph().input("x", sd.f64["n", 3]))
    %0 : f64[n,3] = broadcast_to 0.0 shape=(n,3)
    """
    (x,) = as_nodes("zeros_like", (x,))
    zero = x.graph.constant(0, x.dtype if dtype is None else dtype)
    return broadcast_to(zero, shape=x.shape)


# -- NumPy's names -------------------------------------------------------------------------


@numpy_function(np.reshape)
def _np_reshape(a: Node, /, shape: Any, order: str = "C", *, copy: Any = None) -> Node:
    if copy is False:
        raise ArgumentError("np.reshape: copy=False has no meaning for nodes, which hold no value")
    if order in ("C", "A"):  # nodes are in row-major order, which "A" asks of
        return reshape(a, shape=shape)
    if order != "F":
        raise ArgumentError(f"np.reshape: order {order!r} is not one of 'C', 'F' and 'A'")
    turned = tuple(reversed(shape)) if isinstance(shape, tuple | list) else shape
    return permute_dims(reshape(permute_dims(a, axes=None), shape=turned), axes=None)


@numpy_function(np.transpose, np.permute_dims)
def _np_transpose(a: Node, axes: Any = None) -> Node:
    return permute_dims(a, axes=axes)


@numpy_function(np.broadcast_to)
def _np_broadcast_to(array: Node, shape: Any, subok: bool = False) -> Node:
    return broadcast_to(array, shape=shape)


numpy_function(np.broadcast_arrays)(lambda *args, subok=False: broadcast_arrays(*args))
numpy_function(np.matrix_transpose, np.linalg.matrix_transpose)(matrix_transpose)
numpy_function(np.shape)(lambda a: a.shape)
numpy_function(np.ndim)(lambda a: a.ndim)
numpy_function(np.ravel)(lambda a, order="C": _np_reshape(a, -1, "C" if order == "K" else order))
numpy_function(np.copy)(lambda a, order="K", subok=False: a)


@numpy_function(np.size)
def _np_size(a: Node, axis: Any = None) -> Dim:
    return element_count(a.shape[k] for k in normalize_axes(axis, a.ndim, "np.size"))


REGISTRY.enroll(__name__)
