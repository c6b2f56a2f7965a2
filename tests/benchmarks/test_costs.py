"""A gradient costs at most three times its value, and a Hessian-vector product four times.

Counted in flops, before any run (`CompiledFunction.cost`), on every task whose value takes long
enough for more than Python's own time to matter. A. Griewank and A. Walther, *Evaluating
Derivatives*, 2nd edition, chapter 4, have the bounds that hold for any program.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import pytest

import symdiff as sd
from symdiff.plan.cost import Cost
from tests.benchmarks.tasks import SMALL, TASKS, Task

GRADIENT_BOUND: Final = 3.0
PRODUCT_BOUND: Final = 4.0

BILINEAR: Final = {"tanh layers": 6.0, "gaussian mixture": 6.0}
"""Tasks whose work is products of two factors that both depend on what is differentiated by.

For ``h @ W`` a Hessian-vector product takes eight products of that size: the value's, two for
its tangent, one for the cotangent of `h`, and two each for the tangents of the cotangents of `h`
and `W`. Only what else the value computes brings the multiple below eight.
"""

OVER_1_MS: Final = (
    "rosenbrock 1000000",
    "mlp float64",
    "mlp float32",
    "tanh layers",
    "logistic hvp",
    "elementwise 1000000",
    "gaussian mixture",
    "recurrence 100",
)
"""Those whose value takes longer than 1 ms; of the recurrences, whose steps cost alike, the one
that is soon built."""


class Costs(NamedTuple):
    value: Cost
    gradient: Cost
    product: Cost
    """Of a Hessian-vector product, by all that is differentiated by."""


def costs_of(task: Task) -> Costs:
    data = task.operands(task.data())
    g = sd.Graph()
    nodes: dict[str, Any] = {name: g.input(name, array) for name, array in data.items()}
    loss = task.objective(np, **nodes)
    targets = [nodes[name] for name in task.wrt]
    directions = [g.input(f"along_{x.name}", x.type) for x in targets]
    inputs = list(nodes.values())
    return Costs(
        sd.compile(inputs, loss).cost(),
        sd.compile(inputs, [loss, *sd.grad(loss, targets)]).cost(),
        sd.compile([*inputs, *directions], sd.hvp(loss, targets, directions)).cost(),
    )


def check(task: Task) -> None:
    value, gradient, product = costs_of(task)
    assert gradient.flops <= GRADIENT_BOUND * value.flops
    assert product.flops <= BILINEAR.get(task.name, PRODUCT_BOUND) * value.flops


@pytest.mark.parametrize("name", OVER_1_MS)
def test_derivatives_cost_a_small_multiple_of_the_value(name: str) -> None:
    check(TASKS[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["recurrence 1000", "chain 2000"])
def test_derivatives_of_long_programs_cost_no_larger_multiple(name: str) -> None:
    check(TASKS[name])


@pytest.mark.parametrize("task", SMALL[:-1], ids=lambda task: task.name)
def test_small_arrays_have_no_larger_multiple(task: Task) -> None:
    check(task)


def test_eight_products_are_what_a_layer_of_two_factors_takes() -> None:
    """What `BILINEAR` rests on: no order of them takes fewer, and none is taken twice."""
    g = sd.Graph()
    h, W, dh, dW = (g.input(name, sd.f64[64, 64]) for name in ("h", "W", "dh", "dW"))
    loss = sd.sum(sd.tanh(h @ W))
    f = sd.compile([h, W, dh, dW], sd.hvp(loss, [h, W], [dh, dW]))
    products = [node for node in f.graph.nodes if node.op is sd.matmul and node.ndim == 2]
    assert len(products) == 3 + 4  # the cotangent of h itself is not asked for
