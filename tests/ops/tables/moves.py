"""Samples of the operations of `symdiff/ops/moves.py` and its kin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tests.ops.domains import Samples, cases

ENDS = ((1, 2),)
BOTH = ((1, 0), (2, 5))

SAMPLES: Mapping[str, Samples] = {
    "fold": Samples(
        (
            *cases((6,), (4,), pad_width=ENDS, mode="edge"),
            *cases((6,), (5,), (4,), pad_width=ENDS, mode="reflect"),
            *cases((6,), (4,), pad_width=ENDS, mode="wrap"),
            *cases((3, 10), (2, 9), (2, 8), pad_width=BOTH, mode="symmetric"),
            *cases((5, 0), pad_width=(*ENDS, (0, 0)), mode="reflect"),
            *cases((3, 2), pad_width=0, mode="edge"),
        )
    ),
    "pad": Samples(
        (
            *cases((3,), (1,), pad_width=ENDS, mode="edge"),
            *cases((3,), (2,), (1,), pad_width=ENDS, mode="reflect"),
            *cases((3,), (1,), pad_width=2, mode="wrap"),
            *cases((2, 3), (1, 2), (1, 1), pad_width=BOTH, mode="symmetric"),
            *cases((2, 0), pad_width=(*ENDS, (0, 0)), mode="reflect"),
            *cases((3, 2), (0,), (), pad_width=0, mode="edge"),
        )
    ),
    "roll": Samples(
        (
            *cases((4,), (1,), (0,), shift=1, axis=0),
            *cases((2, 3), (3, 0), (2, 3, 4), shift=(-1, 5), axis=(0, -1)),
            *cases((2, 3), shift=(1, 2), axis=1),
            *cases((2, 3), shift=6, axis=(0, 1)),
        )
    ),
}

NUMPY: Mapping[str, Callable[..., Any]] = {
    "pad": np.pad,
    "roll": np.roll,
}
