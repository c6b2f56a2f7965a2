"""Operations the graph itself needs: sums of gradients, results taken apart, stated types."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from symdiff.binding import Requirement
from symdiff.errors import ArgumentError, DTypeError, ShapeError
from symdiff.node import Node
from symdiff.op import REGISTRY, REQUIRED, Op
from symdiff.ops.declare import linear, op
from symdiff.ops.shape import broadcast_to, tensor
from symdiff.sizes import as_dim, definitely_different
from symdiff.types import TensorType, TupleType, Type, as_dtype, as_type

__all__ = ["add_n", "eye", "item", "refine"]

# -- add_n ---------------------------------------------------------------------------------


def _add_n_type(*types: Type) -> Type:
    if not types:
        raise ArgumentError("nothing to add")
    for other in types[1:]:
        if other != types[0]:
            raise ShapeError(f"all terms must have one type; {types[0]} and {other} meet")
    return tensor(types[0])


def _add_n_kernel(*xs: Any) -> Any:
    total = np.array(xs[0], copy=True)
    for x in xs[1:]:
        np.add(total, x, out=total)
    return total


def _batch_add_n(y: Node, inputs: tuple[Node, ...], mapped: tuple[bool, ...]) -> Node:
    size = next(x.shape[0] for x, m in zip(inputs, mapped, strict=True) if m)
    shape = (size, *y.shape)
    return add_n(
        *[x if m else broadcast_to(x, shape=shape) for x, m in zip(inputs, mapped, strict=True)]
    )


add_n: Op = linear(
    "add_n",
    "*terms",
    doc="Sum of several terms of one type: where gradients from several consumers meet.",
    infer=_add_n_type,
    kernel=_add_n_kernel,
    transpose=lambda g, y, position: g,
    batch=_batch_add_n,
    sympy="Add",
)

# -- item ----------------------------------------------------------------------------------


def _item_params(x: Type, index: Any) -> dict[str, Any]:
    if not isinstance(x, TupleType):
        raise DTypeError(f"{x} is one array and has no results to take apart")
    try:
        place = operator.index(index)
    except TypeError as error:
        raise ArgumentError(f"results are taken by number, not by {index!r}") from error
    if not -len(x) <= place < len(x):
        raise ArgumentError(f"result {place} of {len(x)} does not exist")
    return {"index": place % len(x)}


item: Op = op(
    "item",
    "x",
    doc="""One result of a node that has several; unpacking a node makes these.

    `build_grad` gathers the gradients of a node's items into the tuple its rule takes.
    """,
    parameters={"index": None},
    normalize=_item_params,
    infer=lambda x, index: x.items[index],
    kernel=lambda x, index: x[index],
    batch=lambda y, inputs, mapped: item(inputs[0], index=y.params["index"]),
    form="structure",
)

# -- refine --------------------------------------------------------------------------------


def _refine_type(x: Type, type: TensorType) -> TensorType:
    source = tensor(x)
    if source.dtype != type.dtype:
        raise DTypeError(f"refine states sizes, not dtypes: {source} is not {type}; cast it")
    if source.rank != type.rank:
        raise ShapeError(f"{source} has {source.rank} axes, {type} has {type.rank}")
    for have, want in zip(source.shape, type.shape, strict=True):
        if definitely_different(have, want):
            raise ShapeError(f"{source} can never be {type}: {have} is not {want}")
    return type


def _refine_requires(x: TensorType, type: TensorType) -> list[Requirement]:
    pairs = zip(x.shape, type.shape, strict=True)
    return [Requirement(have, "==", want) for have, want in pairs if have != want]


def _batch_refine(y: Node, inputs: tuple[Node, ...], mapped: tuple[bool, ...]) -> Node:
    (x,) = inputs
    return refine(x, type=TensorType(y.dtype, (x.shape[0], *y.shape)))


_refine_op: Op = linear(
    "refine",
    "x",
    doc="""`x`, stated to be of `type`: sizes the algebra cannot prove equal.

    What is stated is checked when the function is called, before anything runs; a statement
    that can never hold raises `ShapeError` at once.
    """,
    parameters={"type": None},
    normalize=lambda x, type: {"type": as_type(type)},
    identity=lambda x, type: x == type,
    infer=_refine_type,
    requires=_refine_requires,
    kernel=lambda x, type: x,
    transpose=lambda g, y, x: refine(g, type=x.type),
    batch=_batch_refine,
    moves=True,
)


def refine(x: Node, type: Any) -> Node:
    """`x`, stated to be of `type`; see `docs` on sizes.

    Checked when the function is called: "n == m" is then a condition on the arguments.
    Raises `ShapeError` where it can never hold, `DTypeError` for another dtype.

    >>> import symdiff as sd
    >>> g = sd.Graph()
    >>> x, y = g.input("x", sd.f64["n"]), g.input("y", sd.f64["m"])
    >>> sd.refine(y, sd.f64["n"]) * x
    %1 : f64[n] = multiply %0 x
    """
    return _refine_op(x, type=type)


# -- eye -----------------------------------------------------------------------------------


def _eye_params(n: Any, n_cols: Any, k: Any, dtype: Any) -> dict[str, Any]:
    rows, columns = as_dim(n), None if n_cols is None else as_dim(n_cols)
    for dim in (rows, columns):
        if isinstance(dim, int) and dim < 0:
            raise ShapeError(f"eye({dim}): the size is negative")
    same = columns == rows  # a square matrix has one form
    return {
        "n": rows,
        "n_cols": None if same else columns,
        "k": as_dim(k),
        "dtype": as_dtype(dtype),
    }


eye: Op = op(
    "eye",
    "",
    doc="""Ones on a diagonal and zeros elsewhere: the identity matrix with `n` rows.

    `n_cols` is the number of columns where it is another than `n`; the diagonal is the `k`-th
    above the main one. Made by `sd.eye`.
    """,
    parameters={"n": REQUIRED, "n_cols": None, "k": 0, "dtype": np.dtype(np.float64)},
    normalize=_eye_params,
    infer=lambda n, n_cols, k, dtype: TensorType(dtype, (n, n if n_cols is None else n_cols)),
    kernel=lambda n, n_cols, k, dtype: np.eye(n, n_cols, k, dtype=dtype),
    form="source",
)

REGISTRY.enroll(__name__)
