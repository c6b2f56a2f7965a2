"""Samples of what picks along an axis, sorts and searches: `along.py`, `sorting.py` and kin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tests.ops.domains import Case, Samples, Shape, anything, beyond, cases, fraction, inside


def places(rng: np.random.Generator, shape: Shape, dtype: Any) -> np.ndarray:
    """Places along an axis of three entries or more, from either end."""
    return np.asarray(rng.integers(-3, 3, shape))


def level(rng: np.random.Generator, shape: Shape, dtype: Any) -> np.ndarray:
    """Equal entries: in order also after `check_op` has moved them around."""
    return np.full(shape, 0.7, dtype)


def near_zero(rng: np.random.Generator, shape: Shape, dtype: Any) -> np.ndarray:
    """Apart from what `beyond` gives."""
    return np.asarray(rng.uniform(-0.1, 0.1, shape)).astype(dtype)


PICKED = (
    Case(((2, 3), (2, 4)), {"axis": 1}),
    Case(((4,), (6,)), {"axis": 0}),
    Case(((3,), (0,)), {"axis": 0}),
    Case(((4, 1), (2, 3)), {"axis": 0}),
    Case(((1, 3), (5, 2)), {"axis": -1}),
    Case(((2, 3, 1), (1, 4, 2)), {"axis": 1}),
    Case(((0, 3), (0, 2)), {"axis": 1}),
)

ADDED = (
    Case(((2, 4), (2, 4)), {"shape": (2, 3), "axis": 1}),
    Case(((6,), (6,)), {"shape": (4,), "axis": 0}),
    Case(((1,), (4,)), {"shape": (3,), "axis": -1}),
    Case(((2, 4), (2, 1)), {"shape": (2, 5), "axis": 1}),
    Case(((2, 3), (2, 3)), {"shape": (4, 3), "axis": 0}),
    Case(((5, 4), (1, 4)), {"shape": (1, 3), "axis": 1}),
    Case(((1, 4), (1, 4)), {"shape": (2, 3), "axis": 1}),
    Case(((2, 1, 3), (1, 4, 1)), {"shape": (2, 3, 3), "axis": 1}),
    Case(((0, 2), (0, 2)), {"shape": (3, 2), "axis": 0}),
    Case(((3, 0), (3, 0)), {"shape": (3, 0), "axis": 1}),
)

SORTED = (
    *cases((2, 3), (4,), (1,), (0,), (2, 0), axis=-1),
    *cases((2, 3, 2), (3, 1), axis=0, descending=True),
    *cases((2, 3), axis=1, stable=False),
)

SAMPLES: Mapping[str, Samples] = {
    "add_along_axis": Samples(ADDED, (anything, places)),
    "argsort": Samples(SORTED),
    "inverse_lerp": Samples(domains=(inside, near_zero, beyond)),
    "lerp": Samples(domains=(anything, anything, fraction)),
    "searchsorted": Samples(
        (
            Case(((3,), (2, 4))),
            Case(((3,), ()), {"side": "right"}),
            Case(((0,), (2,))),
            Case(((2, 3), (2, 4)), {"side": "right"}),
            Case(((2, 2, 5), (2, 2))),
            Case(((1, 0), (1, 2))),
        ),
        (level, anything),
    ),
    "sort": Samples(SORTED),
    "take_along_axis": Samples(PICKED, (anything, places)),
    "within": Samples(
        (
            *cases((2, 3), (), (0,), low=0.0, high=2.0, what="share"),
            Case(((1,),), {"low": 0, "high": 1}),
        ),
        (fraction,),
    ),
}


def numpy_argsort(
    x: np.ndarray, axis: int, descending: bool = False, stable: bool = True
) -> np.ndarray:
    """Descending, by NumPy: the last of equal entries comes first from the other end."""
    if not descending:
        return np.argsort(x, axis, stable=True)
    turned = np.argsort(np.flip(x, axis), axis, stable=True)
    return x.shape[axis] - 1 - np.flip(turned, axis)


def numpy_sort(
    x: np.ndarray, axis: int, descending: bool = False, stable: bool = True
) -> np.ndarray:
    found = np.sort(x, axis)
    return np.flip(found, axis) if descending else found


NUMPY: Mapping[str, Callable[..., Any]] = {"argsort": numpy_argsort, "sort": numpy_sort}
