"""PyTensor: `function` over `grad`, in its default mode."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytensor
import pytensor.tensor as pt

from tests.benchmarks.peers import Phases, Prepared, timed
from tests.benchmarks.tasks import GRADIENT, HVP, Data, Task


def _sum(x: Any, axis: Any = None) -> Any:
    return pt.sum(x, axis=axis, acc_dtype=x.dtype)


NAMES = SimpleNamespace(
    **{
        name: getattr(pt, name)
        for name in ("exp", "log", "log1p", "tanh", "sin", "cos", "abs", "maximum", "max")
    },
    sum=_sum,
)


def prepare(task: Task, data: Data) -> Prepared:
    phases: Phases = {}
    with timed(phases, "graph"):
        inputs = {k: pt.tensor(k, dtype=v.dtype, shape=v.shape) for k, v in data.items()}
        loss = task.objective(NAMES, **task.operands(inputs))
    with timed(phases, "gradient"):
        targets = [inputs[name] for name in task.wrt]
        if task.wants == GRADIENT:
            outputs = [loss, *pt.grad(loss, targets)]
        elif task.wants == HVP:
            (w,) = targets
            outputs = [pt.grad(pt.sum(pt.grad(loss, w) * inputs["direction"]), w)]
        else:
            outputs = [pytensor.gradient.hessian(loss, targets[0])]
    with timed(phases, "compile"):
        f = pytensor.function(list(inputs.values()), outputs, on_unused_input="ignore")
    f.trust_input = True
    args = list(data.values())
    if task.wants == GRADIENT:
        return lambda: f(*args), phases
    return lambda: f(*args)[0], phases
