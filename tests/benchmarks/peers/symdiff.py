"""symdiff: the objective run on nodes, differentiated, compiled."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

import symdiff as sd
from tests.benchmarks.peers import Phases, Prepared, timed
from tests.benchmarks.tasks import GRADIENT, HVP, Data, Task


def graph_of(task: Task, data: Data, phases: Phases) -> tuple[dict[str, sd.Node], Any]:
    """The inputs by name, and the nodes of what the task wants."""
    with timed(phases, "graph"):
        g = sd.Graph()
        nodes = {name: g.input(name, array) for name, array in data.items()}
        loss = task.objective(np, **task.operands(nodes))
    with timed(phases, "gradient"):
        targets = [nodes[name] for name in task.wrt]
        if task.wants == GRADIENT:
            return nodes, [loss, *sd.grad(loss, targets)]
        if task.wants == HVP:
            return nodes, sd.hvp(loss, targets[0], nodes["direction"])
        return nodes, sd.hessian(loss, targets[0])


def prepare(task: Task, data: Data) -> Prepared:
    phases: Phases = {}
    nodes, wanted = graph_of(task, data, phases)
    with timed(phases, "compile"):
        f = sd.compile(list(nodes.values()), wanted)
    return partial(f, *data.values()), phases
