"""Samples of the operations of `symdiff/ops/summaries.py` and its kin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tests.ops.domains import Case, Samples, anything, boolean, cases

REDUCED = (
    *cases((2, 3), (1,), (2, 1, 3), (), axis=None),
    *cases((2, 3), (3, 0), axis=0),
    *cases((2, 3, 2), axis=(0, -1)),
    *cases((2, 3), axis=1, keepdims=True),
    *cases((2, 3), axis=()),
)

NORMS = (
    *REDUCED,
    *cases((0, 3), (0,), axis=0),
    *cases((2, 3), (4,), axis=-1, ord=3),
    *cases((2, 3), axis=0, ord=1.5, keepdims=True),
    *cases((3,), axis=None, ord=0.5),
    *cases((2, 3), axis=1, ord=-2),
)

PARTS = tuple(
    Case((shape,), {"ord": order, "power": power, "over": over, "axis": axis})
    for order, power, over, axis, shape in (
        (2, 1, 0, None, (2, 3)),
        (2, 1, 0, 1, (2, 3)),
        (2, 2, 1, 0, (3,)),
        (2, 1, 1, 0, (0, 3)),
        (3, 1, 0, (0, 2), (2, 3, 2)),
        (3, 2, 1, None, ()),
        (1.5, 1, 0, -1, (2, 3)),
        (0.5, 2, 2, None, (1,)),
        (-1, 1, 1, 0, (3, 2)),
    )
)

DEVIATIONS = (
    *cases((2, 3), (1,), (), (0,), axis=None),
    *cases((2, 3), (0, 3), axis=0),
    *cases((2, 3, 2), axis=(0, -1)),
    *cases((2, 3), axis=()),
)

SAMPLES: Mapping[str, Samples] = {
    "cross": Samples(
        tuple(
            Case(shapes)
            for shapes in (
                ((3,), (3,)),
                ((2, 3), (2, 3)),
                ((4, 1, 3), (2, 3)),
                ((3,), (0, 3)),
                ((1, 3), (3,)),
            )
        )
    ),
    "deviations": Samples(DEVIATIONS),
    "deviations_where": Samples(
        tuple(case._replace(shapes=case.shapes * 2) for case in DEVIATIONS), (anything, boolean)
    ),
    "nanmax": Samples(REDUCED),
    "nanmin": Samples(REDUCED),
    "p_norm": Samples(NORMS),
    "p_norm_part": Samples(PARTS),
}

NUMPY: Mapping[str, Callable[..., Any]] = {
    "nanmax": np.fmax.reduce,
    "nanmin": np.fmin.reduce,
}
