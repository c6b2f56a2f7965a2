"""Samples of the operations of `symdiff/ops/cumulative.py` and its kin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import symdiff as sd
from tests.ops.domains import Case, Samples, Shape, cases


def untied(rng: np.random.Generator, shape: Shape, dtype: Any) -> np.ndarray:
    """Distinct entries, whose order neither small steps nor `check_op` changes."""
    size = int(np.prod(shape))
    return (rng.permutation(size).reshape(shape) + 1.0).astype(dtype)


def tied(rng: np.random.Generator, shape: Shape, dtype: Any) -> np.ndarray:
    return rng.integers(1, 4, shape).astype(dtype)


WALKED = (
    *cases((4,), (2, 3), (0,), (0, 3), (1,), axis=0),
    *cases((2, 3), (1, 1), (3, 0), (2, 1, 4), axis=-1, reverse=True),
    *cases((20, 3), axis=0),
    *cases((2, 3, 2), axis=1),
)
ACCUMULATED = (*WALKED, *cases((2, 3), axis=0, dtype=sd.f64))

RECORDS = (
    *(
        Case((shape, shape), {"axis": 0, "largest": largest})
        for shape in ((4,), (0, 3), (1,), (20, 3))
        for largest in (True, False)
    ),
    Case(((2, 1, 4),) * 2, {"axis": -1, "reverse": True}),
    Case(((2, 3, 2),) * 2, {"axis": 1, "reverse": True, "largest": False}),
)

SAMPLES: Mapping[str, Samples] = {
    "cumulative_max": Samples(WALKED, (untied,)),
    "cumulative_min": Samples(WALKED, (untied,)),
    "cumulative_prod": Samples(ACCUMULATED),
    "cumulative_sum": Samples(ACCUMULATED),
    "record_mean": Samples(RECORDS, (untied, untied)),
    "record_share": Samples(RECORDS, (untied, untied)),
}


def accumulated(ufunc: np.ufunc) -> Callable[..., Any]:
    def function(x: Any, axis: int, dtype: Any = None, reverse: bool = False) -> Any:
        x = np.flip(x, axis) if reverse else x
        found = ufunc.accumulate(x, axis=axis, dtype=dtype and dtype.dtype)
        return np.flip(found, axis) if reverse else found

    return function


NUMPY: Mapping[str, Callable[..., Any]] = {
    "cumulative_max": accumulated(np.maximum),
    "cumulative_min": accumulated(np.minimum),
    "cumulative_prod": accumulated(np.multiply),
    "cumulative_sum": accumulated(np.add),
}
