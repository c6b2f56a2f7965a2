"""Samples of the operations of `symdiff/ops/gather.py` and its kin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from symdiff.ops.index import resolve_key
from tests.ops.domains import Case, Samples, Shape, anything


def place(rng: np.random.Generator, shape: Shape, dtype: Any) -> np.ndarray:
    """Indices of an axis of three entries or more, from either end; they repeat."""
    return np.asarray(rng.integers(-3, 3, shape))


def distinct(rng: np.random.Generator, shape: Shape, dtype: Any) -> np.ndarray:
    """Numbers of which no two are equal, nor near to it."""
    size = int(np.prod(shape))
    return rng.permutation(np.linspace(-2, 2, size + 2)[1:-1]).reshape(shape).astype(dtype)


def half_zeros(rng: np.random.Generator, shape: Shape, dtype: Any) -> np.ndarray:
    """As many zeros as other numbers in every row, however the row is turned."""
    row = np.arange(shape[-1]) % 2 + np.zeros(shape)
    return np.asarray(row).astype(dtype)


PLACES: tuple[tuple[Shape, tuple[Shape, ...], dict[str, Any]], ...] = (
    # the array, the arrays of indices, what they stand for
    ((4, 5), ((3,),), {"axes": 0}),
    ((3, 4, 5), ((2, 1), (3,)), {"axes": (0, 2)}),
    ((3, 4), ((2, 3),), {"axes": (1,), "at": 1}),
    ((3, 4), ((2,),), {"axes": 1, "at": 0}),
    ((3,), ((),), {"axes": 0}),
    ((4, 3), ((), ()), {"axes": (0, 1)}),
    ((2, 3, 4), ((3,), (3,)), {"axes": (1, 2)}),
    ((3, 2, 4), ((2,), ()), {"axes": (2, 0), "at": 1}),
    ((3, 0), ((2,),), {"axes": 0}),
    ((3, 2), ((0,),), {"axes": 0}),
    ((5,), ((1,),), {"axes": -1}),
)


def taken(shape: Shape, indices: tuple[Shape, ...], axes: Any, at: int | None = None) -> Shape:
    """The shape of what the indices take: NumPy's own, its axes moved."""
    axes = [a % len(shape) for a in (axes if isinstance(axes, tuple) else (axes,))]
    together = max(axes) - min(axes) == len(axes) - 1
    at = at if at is not None else min(axes) if together else 0
    rest = [n for a, n in enumerate(shape) if a not in axes]
    return (*rest[:at], *np.broadcast_shapes(*indices), *rest[at:])


GATHERED = tuple(Case((shape, *indices), where) for shape, indices, where in PLACES)
ADDED = tuple(
    Case((taken(shape, indices, **where), *indices), {"shape": shape, **where})
    for shape, indices, where in PLACES
)
PUT = tuple(
    Case((shape, taken(shape, indices, **where), *indices), where)
    for shape, indices, where in PLACES
)


def assigned(shape: Shape, *keys: Any) -> tuple[Case, ...]:
    array = np.empty(shape)
    return tuple(Case((shape, array[key].shape), {"key": resolve_key(key, shape)}) for key in keys)


SAMPLES: Mapping[str, Samples] = {
    "assign": Samples(
        (
            *assigned((4, 5), np.s_[1], np.s_[1:, ::2], np.s_[3:0:-2, 1], np.s_[2:2]),
            *assigned((3,), np.s_[0], np.s_[:], np.s_[None, 1:]),
            *assigned((0, 3), np.s_[:, 1]),
        )
    ),
    "gather": Samples(GATHERED, (anything, place)),
    "nonzero": Samples(
        (
            Case(((4,),), {"size": 2}),
            Case(((2, 6),), {"size": 4, "fill_value": 7}),
            Case(((0,),), {"size": 0}),
            Case(((3, 0),), {"size": 2, "fill_value": -1}),
        ),
        (half_zeros,),
    ),
    "put": Samples(PUT, (anything, anything, place)),
    "scatter_add": Samples(ADDED, (anything, place)),
    "scatter_max": Samples(PUT, (distinct, anything, place)),
    "scatter_min": Samples(PUT, (distinct, anything, place)),
}
