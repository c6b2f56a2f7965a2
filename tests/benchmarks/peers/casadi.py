"""CasADi: the objective in its own matrices, SX for scalars and MX for the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import casadi as ca
import numpy as np

from tests.benchmarks import tasks
from tests.benchmarks.peers import Phases, Prepared, UnavailableError, timed
from tests.benchmarks.tasks import GRADIENT, HESSIAN, HVP, Data, Task

SCALARS = 100
"""Up to so many numbers, graphs of scalars (SX) are the faster ones, and what its users take."""


def _rosenbrock(x: Any) -> Any:
    return ca.sum1(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def _logsumexp(rows: Any) -> Any:
    most = ca.mmax(rows)  # of the whole matrix: there is none along rows
    return ca.log(ca.sum2(ca.exp(rows - most))) + most


def _mlp(X: Any, Y: Any, W1: Any, W2: Any) -> Any:
    U = ca.mtimes(ca.fmax(ca.mtimes(X, W1), 0.0), W2)
    cross_entropy = ca.sum1(_logsumexp(U) - ca.sum2(U * Y)) / X.shape[0]
    return cross_entropy + 1e-3 * (ca.sumsqr(W1) + ca.sumsqr(W2))


def _tanh_layers(X: Any, **weights: Any) -> Any:
    h = X
    for k in range(len(weights) // 2):
        rows = ca.repmat(weights[f"b{k}"].T, X.shape[0], 1)
        h = ca.tanh(ca.mtimes(h, weights[f"W{k}"]) + rows)
    return ca.sumsqr(h)


def _logistic(X: Any, y: Any, w: Any) -> Any:
    z = -y * ca.mtimes(X, w)
    return ca.sum1(ca.log1p(ca.exp(-ca.fabs(z))) + ca.fmax(z, 0.0)) / X.shape[0]


def _elementwise(x: Any) -> Any:
    return ca.sum1(ca.tanh(x) * ca.exp(-(x**2)) + ca.log1p(x**2) * ca.sin(x))


def _recurrence(steps: int) -> Callable[..., Any]:
    def objective(W: Any, b: Any, h: Any) -> Any:
        for _ in range(steps):
            h = ca.tanh(ca.mtimes(W, h) + b)
        return ca.sumsqr(h)

    return objective


def _objective(task: Task) -> Callable[..., Any]:
    own = {
        tasks.rosenbrock: _rosenbrock,
        tasks.mlp: _mlp,
        tasks.tanh_layers: _tanh_layers,
        tasks.logistic: _logistic,
        tasks.elementwise: _elementwise,
        tasks.arm: lambda q: tasks.arm(ca, q),
        tasks.chain: lambda x: tasks.chain(ca, x),
    }
    if task.objective in own:
        return own[task.objective]
    if task.name.startswith("recurrence"):
        return _recurrence(int(task.name.split()[1]))
    raise UnavailableError("needs arrays of three axes")


def prepare(task: Task, data: Data) -> Prepared:
    if any(array.dtype != np.float64 for array in data.values()):
        raise UnavailableError("has float64 only")
    objective = _objective(task)
    phases: Phases = {}
    symbol = ca.SX if sum(array.size for array in data.values()) <= SCALARS else ca.MX
    with timed(phases, "graph"):
        inputs = {
            k: symbol.sym(k, *(v.shape if v.ndim == 2 else (v.size, 1))) for k, v in data.items()
        }
        loss = objective(**task.operands(inputs))
    with timed(phases, "gradient"):
        targets = [inputs[name] for name in task.wrt]
        if task.wants == GRADIENT:
            outputs = [loss, *(ca.gradient(loss, w) for w in targets)]
        elif task.wants == HVP:
            (w,) = targets
            outputs = [ca.jtimes(ca.gradient(loss, w), w, inputs["direction"])]
        else:
            outputs = [ca.hessian(loss, targets[0])[0]]
    with timed(phases, "compile"):
        f = ca.Function("f", list(inputs.values()), outputs)
    return _Buffered(f, task, data), phases


class _Buffered:
    """CasADi's fastest call: on memory it was given before. `results` are dense, of our shapes."""

    def __init__(self, f: Any, task: Task, data: Data) -> None:
        self.f = f
        self.shapes = [data[name].shape for name in task.wrt]
        if task.wants == GRADIENT:
            self.shapes.insert(0, ())
        elif task.wants == HESSIAN:
            self.shapes = [self.shapes[0] * 2]
        self.given = [np.asfortranarray(array).ravel(order="F") for array in data.values()]
        self.taken = [np.zeros(f.nnz_out(k)) for k in range(f.n_out())]
        self.buffer, self.run = f.buffer()
        for k, array in enumerate(self.given):
            self.buffer.set_arg(k, memoryview(array))
        for k, array in enumerate(self.taken):
            self.buffer.set_res(k, memoryview(array))

    def __call__(self) -> Any:
        self.run()
        return self.taken

    def results(self) -> Any:
        self.run()
        dense = [
            np.asarray(ca.DM(self.f.sparsity_out(k), array)) for k, array in enumerate(self.taken)
        ]
        found = [a.reshape(s) for a, s in zip(dense, self.shapes, strict=True)]
        return found if len(found) > 1 else found[0]
