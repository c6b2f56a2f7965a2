"""autograd: `value_and_grad`, the gradient of a gradient times a vector, `hessian`."""

from __future__ import annotations

from typing import Any

import autograd
import autograd.numpy as anp

from tests.benchmarks.peers import Prepared
from tests.benchmarks.tasks import GRADIENT, HVP, Data, Task


def prepare(task: Task, data: Data) -> Prepared:
    fixed = {k: v for k, v in data.items() if k not in task.wrt}

    def objective(targets: Any) -> Any:
        given = {**fixed, **dict(zip(task.wrt, targets, strict=True))}
        ordered = {k: given[k] for k in data}
        return task.objective(anp, **task.operands(ordered))

    targets = tuple(data[name] for name in task.wrt)
    if task.wants == GRADIENT:
        both = autograd.value_and_grad(objective)

        def call() -> Any:
            value, gradients = both(targets)
            return [value, *gradients]

        return call, {}

    def at(w: Any) -> Any:
        return objective((w,))

    if task.wants == HVP:
        gradient = autograd.grad(at)
        product = autograd.grad(lambda w, v: anp.sum(gradient(w) * v))
        return lambda: product(targets[0], data["direction"]), {}
    hessian = autograd.hessian(at)
    return lambda: hessian(targets[0]), {}
