"""A plan as a person reads it."""

from __future__ import annotations

from types import SimpleNamespace

import symdiff as sd
from symdiff.plan import make_plan


def test_a_plan_says_of_each_step_where_its_value_is() -> None:
    g = sd.Graph("model")
    x = g.input("x", sd.f64["n"])
    y = sd.exp(x * x) + 1.0
    g.outputs = [sd.sum(y * y[0])]
    target = SimpleNamespace(
        writes=lambda node: node.op.ufunc is not None,
        in_place=lambda node: range(len(node.inputs)),
    )
    assert str(make_plan(g, target)).splitlines() == [
        "plan model: 1 buffers of 8*n bytes in all",
        "  run   %0 : f64[n] = multiply x x                       buffer 0",
        "  run   %1 : f64[n] = exp %0                             buffer 0, in place of %0",
        "  run   %2 : f64[n] = add %1 1.0                         buffer 0, in place of %1",
        "  run   %3 : f64[] = index %2 key=(0,)                   made",
        "  run   %4 : f64[n] = multiply %2 %3                     buffer 0, in place of %2",
        "  run   %5 : f64[] = sum %4 axis=(0,)                    made",
    ]
