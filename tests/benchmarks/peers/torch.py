"""PyTorch in eager mode: `autograd.grad`, and `grad` of it for second derivatives."""

from __future__ import annotations

from typing import Any

import torch

from tests.benchmarks.peers import Prepared
from tests.benchmarks.tasks import GRADIENT, HVP, Data, Task

torch.set_num_threads(1)


class Names:
    """torch's functions under NumPy's names and arguments."""

    exp, log, log1p, tanh = torch.exp, torch.log, torch.log1p, torch.tanh
    sin, cos, abs = torch.sin, torch.cos, torch.abs

    @staticmethod
    def sum(x: Any, axis: Any = None) -> Any:
        return torch.sum(x) if axis is None else torch.sum(x, dim=axis)

    @staticmethod
    def max(x: Any, axis: Any, keepdims: bool = False) -> Any:
        return torch.amax(x, dim=axis, keepdim=keepdims)

    @staticmethod
    def maximum(x: Any, other: float) -> Any:
        return torch.clamp_min(x, other)


def prepare(task: Task, data: Data) -> Prepared:
    tensors = {k: torch.from_numpy(v.copy()) for k, v in data.items()}
    targets = [tensors[name].requires_grad_() for name in task.wrt]

    def objective() -> Any:
        return task.objective(Names, **task.operands(tensors))

    def gradient() -> Any:
        loss = objective()
        return [loss.detach().numpy(), *(g.numpy() for g in torch.autograd.grad(loss, targets))]

    def product() -> Any:
        (first,) = torch.autograd.grad(objective(), targets, create_graph=True)
        (second,) = torch.autograd.grad(first, targets, tensors["direction"])
        return second.numpy()

    def hessian() -> Any:
        (w,) = targets

        def at(value: Any) -> Any:
            return task.objective(Names, **{**task.operands(tensors), task.wrt[0]: value})

        return torch.autograd.functional.hessian(at, w, vectorize=True).numpy()

    return {GRADIENT: gradient, HVP: product}.get(task.wants, hessian), {}
