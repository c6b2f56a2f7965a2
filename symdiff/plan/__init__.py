"""From an optimised graph to what a backend carries out: an order, and memory for each value.

plan.py      the plan as data: steps, places, buffers; how it prints
order.py     which nodes to compute, in which order; sums taken apart into additions
blocks.py    steps that go over rows together, a block at a time
memory.py    liveness; who shares a buffer, who works in place, who is a view
cost.py      flops, bytes moved and peak bytes as polynomials in the named sizes
"""

from symdiff.plan.memory import Target, make_plan
from symdiff.plan.order import VIEWS
from symdiff.plan.plan import (
    ADD,
    ARGUMENT,
    BLOCK,
    BUFFER,
    CONSTANT,
    MADE,
    OUTPUT,
    RUN,
    VIEW,
    Buffer,
    Place,
    Plan,
    Step,
)

__all__ = [
    "ADD",
    "ARGUMENT",
    "BLOCK",
    "BUFFER",
    "CONSTANT",
    "MADE",
    "OUTPUT",
    "RUN",
    "VIEW",
    "VIEWS",
    "Buffer",
    "Place",
    "Plan",
    "Step",
    "Target",
    "make_plan",
]
