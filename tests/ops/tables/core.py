"""Samples of the operations of the core: elementwise, reductions, shapes, products, the graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import symdiff as sd
from symdiff.ops.index import resolve_key
from tests.ops.domains import (
    Case,
    Samples,
    Shape,
    anything,
    beyond,
    boolean,
    cases,
    class_index,
    fraction,
    inside,
    integer,
    positive,
)


def indexed(shape: Shape, *keys: Any) -> tuple[Case, ...]:
    return tuple(Case((shape,), {"key": resolve_key(key, shape)}) for key in keys)


def scattered(shape: Shape, *keys: Any) -> Case:
    taken = np.empty(shape)
    resolved = tuple(resolve_key(key, shape) for key in keys)
    return Case(tuple(taken[key].shape for key in keys), {"shape": shape, "keys": resolved})


def custom_params(dtype: Any) -> Mapping[str, Any]:
    """What a node of `x * sin(x)`, with rules of its own, holds."""
    own = sd.custom_gradient(
        lambda x: x * sd.sin(x),
        vjp=lambda g, y, x: g * (sd.sin(x) + x * sd.cos(x)),
        jvp=lambda ts, y, x: ts[0] * (sd.sin(x) + x * sd.cos(x)),
    )
    return own(sd.Graph().input("x", sd.TensorType(np.dtype(dtype), (3,)))).params


def part_params(dtype: Any) -> Mapping[str, Any]:
    """What a node of `x * sin(x)` and `y * x`, to be computed again, holds."""
    graph = sd.Graph()
    x, y = (graph.input(name, sd.TensorType(np.dtype(dtype), (3,))) for name in "xy")
    parts = sd.checkpoint([x * sd.sin(x), y * x])
    return parts[0].inputs[0].params


def ignore(label: str, value: np.ndarray) -> None:
    """What a probe calls."""


MATMUL = (
    ((2, 3), (3, 4)),
    ((3,), (3,)),
    ((3,), (3, 4)),
    ((2, 3), (3,)),
    ((5, 2, 3), (5, 3, 4)),
    ((2, 1, 2, 3), (4, 3, 2)),
    ((3,), (2, 3, 4)),
    ((2, 4, 3), (3,)),
    ((0, 3), (3, 2)),
    ((2, 0), (0, 3)),
    ((0,), (0,)),
    ((1, 1), (1, 1)),
    ((3, 2, 3), (3, 1)),
)

EINSUM = (
    ("ij,jk->ik", (2, 3), (3, 4)),
    ("ij,kj->ki", (2, 3), (4, 3)),
    ("i,i->", (3,), (3,)),
    ("ij,ji->", (2, 3), (3, 2)),
    ("i,j->ji", (2,), (3,)),
    ("ij,ij->ji", (2, 3), (2, 3)),
    ("ij,i->ij", (2, 3), (2,)),
    ("ij,ij->i", (2, 3), (2, 3)),
    ("ijk,kil->ijl", (2, 3, 4), (4, 2, 5)),
    ("ijk,kjl->il", (2, 3, 4), (4, 3, 2)),
    ("ij,jk->ik", (0, 3), (3, 2)),
    ("ij,jk->ik", (2, 0), (0, 3)),
    ("ij,jk->ik", (1, 1), (1, 1)),
)

REDUCED = (
    *cases((2, 3), (1,), (2, 1, 3), axis=None),
    *cases((2, 3), (3, 0), axis=0),
    *cases((2, 3, 2), axis=(0, -1)),
    *cases((2, 3), axis=1, keepdims=True),
    *cases((2, 3), axis=()),
)

ALONG_AXES = (
    *cases((2, 3), (3,), (0, 3), (3, 0), (1, 4), axis=-1),
    *cases((2, 3, 4), axis=0),
    *cases((2, 3, 4), (1, 2, 1), axis=(0, -1)),
    *cases((2, 3), (), axis=None),
    *cases((2, 3), axis=()),
)

# -- the table -----------------------------------------------------------------------------

SAMPLES: Mapping[str, Samples] = {
    # elementwise ops that are not at home on all of ±[0.4, 2]
    "acos": Samples(domains=(inside,)),
    "acosh": Samples(domains=(beyond,)),
    "asin": Samples(domains=(inside,)),
    "atanh": Samples(domains=(inside,)),
    "bitwise_and": Samples(domains=(integer, integer)),
    "bitwise_invert": Samples(domains=(integer,)),
    "bitwise_or": Samples(domains=(integer, integer)),
    "bitwise_xor": Samples(domains=(boolean, boolean)),
    "cathetus": Samples(domains=(beyond, anything)),
    "log": Samples(domains=(positive,)),
    "log10": Samples(domains=(positive,)),
    "log1p": Samples(domains=(inside,)),
    "log2": Samples(domains=(positive,)),
    "pow": Samples(domains=(positive, anything)),
    "sigmoid_binary_cross_entropy": Samples(domains=(anything, fraction)),
    "sqrt": Samples(domains=(positive,)),
    "xlog1py": Samples(domains=(anything, inside)),
    "xlogy": Samples(domains=(anything, positive)),
    "where": Samples(domains=(boolean, anything, anything)),
    # the others
    "add_n": Samples((Case(((2, 3),) * 3), Case(((3,),)), Case(((), ())), Case(((0, 2),) * 2))),
    "all": Samples((*REDUCED, *cases((), (0,), axis=None)), (boolean,)),
    "any": Samples((*REDUCED, *cases((), (0,), axis=None)), (boolean,)),
    "argmax": Samples(
        (*cases((2, 3), (4,), (), axis=None), *cases((2, 3), (3, 0), axis=0, keepdims=True))
    ),
    "argmin": Samples(
        (*cases((2, 3), (2, 1), axis=-1), *cases((2, 3), (), axis=None, keepdims=True))
    ),
    "broadcast_to": Samples(
        (
            *cases((3, 1), (4,), (1, 1), (), (3, 4), shape=(3, 4)),
            *cases((2, 1, 1), shape=(2, 3, 4)),
            *cases((1,), (0,), (3, 1), shape=(3, 0)),
        )
    ),
    "cast": Samples(
        (
            *cases((2, 3), (), (0,), dtype=sd.f64),
            *cases((2, 3), dtype=sd.f32),
            *cases((2, 3), dtype=sd.i64),
        )
    ),
    "concat": Samples(
        (
            Case(((2, 3), (2, 1), (2, 0)), {"axis": 1}),
            Case(((2,), (3,)), {"axis": 0}),
            Case(((0, 3), (1, 3)), {"axis": -2}),
            Case(((2, 3),), {"axis": 0}),
        )
    ),
    "barrier": Samples((Case(((3,), (2,)), {"token": 1}),)),
    "checkpoint": Samples((Case(((3,), (3,)), part_params),)),
    "custom": Samples((Case(((3,),), custom_params),)),
    "einsum": Samples(
        tuple(Case(shapes, {"subscripts": subscripts}) for subscripts, *shapes in EINSUM)
    ),
    "exclusive_prod": Samples(
        (
            *cases((4,), (2, 3), (), (0, 2), axis=None),
            *cases((2, 3, 2), axis=(0, 2), reverse=True),
            *cases((3, 2), (1, 2), axis=0),
            *cases((2, 3), axis=()),
        )
    ),
    "eye": Samples((Case((), {"n": 3}), Case((), {"n": 0}), Case((), {"n": 2, "dtype": sd.i32}))),
    "index": Samples(
        (
            *indexed((4, 5), np.s_[1], np.s_[-1, 2], np.s_[1:, ::2], np.s_[::-1], np.s_[3:0:-2]),
            *indexed((4, 5), np.s_[None, 1:3], np.s_[..., 0], np.s_[2:2], np.s_[1:, None, 4]),
            *indexed((3,), np.s_[0], np.s_[...], np.s_[:0]),
            *indexed((1,), np.s_[0], np.s_[::-1]),
            *indexed((0, 3), np.s_[:, 1], np.s_[::-1, 1:]),
        )
    ),
    "log_softmax": Samples(ALONG_AXES),
    "logsumexp": Samples(
        (
            *cases((2, 3), (), (2, 3, 4), axis=None),
            *cases((2, 3), (0, 3), (1, 4), axis=-1),
            *cases((2, 3, 4), (3, 0, 2), axis=(0, -1)),
            *cases((2, 3), (3, 0), axis=0, keepdims=True),
            *cases((2, 3), axis=()),
        )
    ),
    "matmul": Samples(tuple(Case(shapes) for shapes in MATMUL)),
    "max": Samples(REDUCED),
    "min": Samples(REDUCED),
    "one_hot": Samples(
        (
            *cases((2, 4), (), (0,), (1,), n=3),
            *cases((2, 4), n=3, axis=0, dtype=sd.f32),
            *cases((2, 4), n=3, axis=1, dtype=sd.bool_),
        ),
        (class_index,),
    ),
    "permute_dims": Samples(
        (
            *cases((2, 3), (3,), (), (0, 2), (2, 3, 4), axes=None),
            *cases((2, 3, 4), axes=(2, 0, 1)),
            *cases((2, 3), axes=(0, 1)),
        )
    ),
    "probe": Samples(cases((2, 3), (), (0,), label="x", callback=ignore)),
    "prod": Samples(
        (
            *REDUCED,
            *cases((), (0,), axis=None),
            *cases((2, 3), (), axis=None, dtype=sd.f64),
            *cases((0, 2), axis=0),
        )
    ),
    "put_diagonal": Samples(
        (
            *cases((3,), (0,), (1,), along=(0, 0)),
            *cases((3, 2), along=(0, 1, 0)),
            *cases((2,), along=(0, 0, 0)),
            *cases((2, 3), along=(0, 1)),
        )
    ),
    "recurrence": Samples(
        (
            Case(((4,), (4,)), {"axis": None}),
            Case(((2, 3), (2, 3)), {"axis": None, "reverse": True}),
            Case(((3, 20), (3, 20)), {"axis": 0}),
            Case(((2, 3, 2), (2, 3, 2)), {"axis": (0, 2)}),
            Case(((), ()), {"axis": None}),
            Case(((0, 2), (0, 2)), {"axis": 0}),
        )
    ),
    "refine": Samples((Case(((2, 3),), lambda dtype: {"type": sd.TensorType(dtype, (2, 3))}),)),
    "reshape": Samples(
        (
            *cases((2, 3), (6,), (3, 2, 1), shape=(3, 2)),
            *cases((2, 3), (0, 4), (1,), (), shape=(-1,)),
            *cases((1, 1), (), shape=()),
        )
    ),
    "scatter": Samples(
        (
            *[
                scattered((4, 5), k)
                for k in (np.s_[1], np.s_[1:, ::2], np.s_[3:0:-2, 1], np.s_[:0])
            ],
            scattered((3,), np.s_[0]),
            scattered((3,), np.s_[:]),
            scattered((3,), np.s_[0], np.s_[2], np.s_[0]),
            scattered((3,), np.s_[None, 1:], np.s_[:2], np.s_[1]),
            scattered((4, 3), np.s_[1], np.s_[2:, ::-1], np.s_[..., 0]),
            scattered((0, 3), np.s_[:, 1], np.s_[:]),
            scattered((), np.s_[...], np.s_[None]),
        )
    ),
    "softmax": Samples(ALONG_AXES),
    "stack": Samples(
        (
            Case(((2, 3),) * 3, {"axis": 1}),
            Case(((2,),) * 2, {"axis": -1}),
            Case(((), (), ()), {"axis": 0}),
            Case(((0, 2),), {"axis": 0}),
        )
    ),
    "stop_gradient": Samples(cases((2, 3), (), (0,)), numeric=False),
    "sum": Samples(
        (
            *cases((2, 3), (), (0,), (3, 0), (2, 3, 4), axis=None),
            *cases((2, 3), (0, 3), (1, 4), axis=0),
            *cases((2, 3, 4), (2, 0, 1), axis=(0, -1)),
            *cases((2, 3), (1, 1), axis=1, keepdims=True),
            *cases((2, 3), axis=None, keepdims=True),
            *cases((2, 3), axis=0, dtype=sd.f64),
            *cases((2, 3), axis=()),
        )
    ),
    "take_diagonal": Samples(
        (
            *cases((3, 3), (0, 0), (1, 1), along=(0, 0)),
            *cases((3, 2, 3), along=(0, 1, 0)),
            *cases((2, 2, 2), along=(0, 0, 0)),
            *cases((2, 3), along=(0, 1)),
        )
    ),
}

BY_HAND: Mapping[str, str] = {
    "constant": "made by Graph.constant: test_sources_give_values_of_their_types",
    "input": "made by Graph.input: test_sources_give_values_of_their_types",
    "item": "takes apart what divmod gives, and is checked with it",
    "lane": "has no value: made and replaced by sd.vmap, which tests/test_vmap.py checks",
    "size_of": "made where a size is an operand: test_sources_give_values_of_their_types",
}
"""Ops that cannot be applied to arrays alone, and where they are checked."""

NUMPY: Mapping[str, Callable[..., Any]] = {
    "abs": np.absolute,
    "all": np.all,
    "any": np.any,
    "argmax": np.argmax,
    "argmin": np.argmin,
    "bitwise_invert": np.invert,
    "broadcast_to": np.broadcast_to,
    "cast": lambda x, dtype: x.astype(dtype.dtype),
    "concat": lambda *arrays, axis: np.concatenate(arrays, axis),
    "eye": lambda n, dtype=sd.f64: np.eye(n, dtype=dtype.dtype),
    "matmul": np.matmul,
    "max": np.max,
    "min": np.min,
    "permute_dims": np.transpose,
    "pow": np.power,
    "prod": lambda x, axis, dtype=None, keepdims=False: np.prod(
        x, axis=axis, dtype=dtype and dtype.dtype, keepdims=keepdims
    ),
    "reshape": np.reshape,
    "round": np.rint,
    "stack": lambda *arrays, axis: np.stack(arrays, axis),
    "sum": lambda x, axis, dtype=None, keepdims=False: np.sum(
        x, axis=axis, dtype=dtype and dtype.dtype, keepdims=keepdims
    ),
}
"""NumPy's own function for an op, where it is called something else or takes other arguments."""
