"""JAX: `jit` of `value_and_grad`, of `jvp` over `grad`, of `hessian`."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from tests.benchmarks.peers import Phases, Prepared, timed
from tests.benchmarks.tasks import GRADIENT, HVP, Data, Task

jax.config.update("jax_enable_x64", True)


def prepare(task: Task, data: Data) -> Prepared:
    names = list(data)
    places = tuple(names.index(w) for w in task.wrt)

    def objective(*args: Any) -> Any:
        return task.objective(jnp, **task.operands(dict(zip(names, args, strict=True))))

    def wanted(*args: Any) -> Any:
        if task.wants == GRADIENT:
            return jax.value_and_grad(objective, argnums=places)(*args)
        (k,) = places

        def at(w: Any) -> Any:
            return objective(*args[:k], w, *args[k + 1 :])

        if task.wants == HVP:
            return jax.jvp(jax.grad(at), (args[k],), (args[-1],))[1]
        return jax.hessian(at)(args[k])

    phases: Phases = {}
    args = [jnp.asarray(array) for array in data.values()]
    with timed(phases, "graph"):
        lowered = jax.jit(wanted).lower(*args)
    with timed(phases, "compile"):
        compiled = lowered.compile()

    def call() -> Any:
        result = jax.block_until_ready(compiled(*args))
        if task.wants != GRADIENT:
            return np.asarray(result)
        value, gradients = result
        return [np.asarray(value), *map(np.asarray, gradients)]

    return call, phases
