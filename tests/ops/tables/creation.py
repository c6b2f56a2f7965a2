"""Samples of the operations of `symdiff/ops/creation.py` and `ranges.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import symdiff as sd
from tests.ops.domains import Case, Samples


def sources(*params: Mapping[str, Any]) -> tuple[Case, ...]:
    return tuple(Case((), p) for p in params)


SAMPLES: Mapping[str, Samples] = {
    "arange": Samples(
        sources(
            {"stop": 3},
            {"stop": 0},
            {"start": 5, "stop": -2, "step": -3, "dtype": sd.f32},
            {"start": 0.5, "stop": 2.0, "step": 0.25, "dtype": sd.f64},
        )
    ),
    "linspace": Samples(
        (
            Case(((), ()), {"num": 5}),
            Case(((), ()), {"num": 4, "endpoint": False}),
            Case(((3, 1), (2,)), {"num": 3}),
            Case(((2,), (2,)), {"num": 1}),
            Case(((2,), ()), {"num": 0}),
            Case(((0,), (1,)), {"num": 3}),
        )
    ),
    "tri": Samples(
        sources(
            {"n_rows": 3, "n_cols": 3},
            {"n_rows": 2, "n_cols": 4, "k": 1, "dtype": sd.f32},
            {"n_rows": 0, "n_cols": 2, "k": -1},
        )
    ),
}

NUMPY: Mapping[str, Callable[..., Any]] = {
    "arange": lambda start=0, stop=0, step=1, dtype=sd.i64: np.arange(
        start, stop, step, dtype=dtype.dtype
    ),
    "tri": lambda n_rows, n_cols, k=0, dtype=sd.bool_: np.tri(
        n_rows, n_cols, k, dtype=dtype.dtype
    ),
}
