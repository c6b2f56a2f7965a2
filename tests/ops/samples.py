"""Where each op is checked: operands and parameters as data.

An elementwise op is checked on shapes that follow from its number of operands, and needs a line
here only where it is not defined and differentiable on all of ±[0.4, 2]. Any other op needs a
line with its cases. An op that has neither fails `test_every_op_is_covered`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from symdiff.op import REGISTRY
from tests.ops.domains import Case, Samples, anything
from tests.ops.tables import (
    along,
    core,
    creation,
    cumulative,
    floats,
    gather,
    moves,
    special,
    summaries,
)

OPS = REGISTRY.complete()
"""Every op there is: the families that load on first use among them."""

_TABLES: tuple[Any, ...] = (
    core,
    floats,
    special,
    summaries,
    cumulative,
    moves,
    creation,
    gather,
    along,
)

SAMPLES: Mapping[str, Samples] = {k: v for table in _TABLES for k, v in table.SAMPLES.items()}
BY_HAND: Mapping[str, str] = core.BY_HAND
NUMPY: Mapping[str, Callable[..., Any]] = {
    k: v for table in _TABLES for k, v in getattr(table, "NUMPY", {}).items()
}

# -- shapes of elementwise ops: ordinary, scalar, empty, size 1, broadcasting -----------------

ELEMENTWISE: Mapping[int, tuple[Case, ...]] = {
    1: tuple(Case((s,)) for s in ((2, 3), (), (0,), (0, 3), (1,), (2, 1, 4))),
    2: tuple(
        Case(shapes)
        for shapes in (
            ((2, 3), (2, 3)),
            ((), ()),
            ((3, 1), (4,)),
            ((2, 3), ()),
            ((), (1,)),
            ((0, 3), (3,)),
            ((1,), (0,)),
            ((2, 1, 3), (4, 1)),
        )
    ),
    3: tuple(
        Case(shapes)
        for shapes in (
            ((2, 3), (2, 3), (2, 3)),
            ((), (), ()),
            ((3, 1), (4,), ()),
            ((), (2, 1), (3,)),
            ((0, 3), (3,), (1, 1)),
        )
    ),
}


# -- reading it ----------------------------------------------------------------------------


def samples_of(name: str) -> Samples:
    """The table's entry, completed from the op's form."""
    entry = SAMPLES.get(name, Samples())
    op = OPS[name]
    if op.form == "elementwise" and not entry.cases:
        return entry._replace(cases=ELEMENTWISE[len(op.arguments)])
    return entry


def operands(name: str, case: Case, dtype: Any, seed: int = 0) -> list[np.ndarray]:
    """Arrays for one case, the same on every run."""
    rng = np.random.default_rng(seed)
    domains = samples_of(name).domains or (anything,) * len(case.shapes)
    domains += domains[-1:] * (len(case.shapes) - len(domains))
    return [domain(rng, shape, dtype) for domain, shape in zip(domains, case.shapes, strict=True)]


def is_covered(name: str) -> bool:
    """Whether there is anything to check the op on."""
    return bool(samples_of(name).cases) or name in BY_HAND


CHECKED: tuple[str, ...] = tuple(n for n in OPS if samples_of(n).cases)
ELEMENTWISE_OPS: tuple[str, ...] = tuple(n for n, op in OPS.items() if op.form == "elementwise")
