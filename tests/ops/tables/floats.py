"""Samples of the operations of `symdiff/ops/floats.py`, `powers.py`, `sinc.py` and their kin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tests.ops.domains import (
    Case,
    Samples,
    Shape,
    anything,
    cases,
    integer,
    positive,
)

ALONE: tuple[Shape, ...] = ((2, 3), (), (0, 3), (1,))
PAIRS: tuple[tuple[Shape, ...], ...] = (
    ((2, 3), (2, 3)),
    ((), ()),
    ((3, 1), (4,)),
    ((0, 3), (3,)),
    ((1,), (2, 1)),
)


def places(rng: np.random.Generator, shape: Shape, dtype: Any) -> np.ndarray:
    """By how many bits to shift."""
    return np.asarray(rng.integers(0, 9, shape))


SAMPLES: Mapping[str, Samples] = {
    "atan2_derivative": Samples(
        (
            *[Case(pair, {"by_x1": 1, "by_x2": 0}) for pair in PAIRS],
            *[Case(pair, {"by_x1": 0, "by_x2": 1}) for pair in PAIRS[:2]],
            *[Case(pair, {"by_x1": 2, "by_x2": 1}) for pair in PAIRS[:2]],
        )
    ),
    "bitwise_left_shift": Samples(domains=(integer, places)),
    "bitwise_right_shift": Samples(domains=(integer, places)),
    "gcd": Samples(domains=(integer, integer)),
    "lcm": Samples(domains=(integer, integer)),
    "ldexp": Samples(domains=(anything, integer)),
    "nan_to_num": Samples(
        (*cases(*ALONE), *cases((2, 1, 3), nan=2.0, posinf=3.0), *cases((3,), neginf=-1.0))
    ),
    "pow_derivative": Samples(
        (
            *[Case(pair, {"by_base": 1}) for pair in PAIRS],
            *[Case(pair, {"by_exponent": 1}) for pair in PAIRS[:2]],
            *[Case(pair, {"by_base": 1, "by_exponent": 2}) for pair in PAIRS[:2]],
            Case(PAIRS[0]),
        ),
        (positive, anything),
    ),
    "sinc_derivative": Samples((*cases(*ALONE), *cases(*ALONE, n=2), *cases((2, 3), n=5))),
}

NUMPY: Mapping[str, Callable[..., Any]] = {"conj": np.conjugate}
"""NumPy's own function for an op, where it is called something else."""
