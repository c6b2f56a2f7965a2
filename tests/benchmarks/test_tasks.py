"""The benchmark compares like with like: derivatives by hand are those symdiff finds."""

from __future__ import annotations

import numpy as np
import pytest

from tests.benchmarks.peers import PEERS, UnavailableError, numpy, symdiff
from tests.benchmarks.tasks import GRADIENT, HVP, SMALL, TASKS, Data, Task


def listed(results: object) -> list[np.ndarray]:
    return [np.asarray(r) for r in (results if isinstance(results, list | tuple) else [results])]


@pytest.mark.parametrize("task", SMALL, ids=lambda task: task.name)
def test_derivatives_by_hand_are_those_of_symdiff(task: Task) -> None:
    data = task.data()
    found = listed(symdiff.prepare(task, data)[0]())
    try:
        expected = listed(numpy.prepare(task, data)[0]())
    except UnavailableError:
        expected = by_differences(task, data)
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
        scale = np.max(np.abs(other))
        np.testing.assert_allclose(one, other, rtol=task.rtol, atol=task.rtol * scale)


def by_differences(task: Task, data: Data) -> list[np.ndarray]:
    """A Hessian by complex steps of the gradient's central differences."""
    assert task.wants not in (GRADIENT, HVP)
    ((name, at),) = data.items()
    step, n = 1e-4, at.size
    hessian = np.empty((n, n))
    for i in range(n):
        for j in range(n):
            ends = []
            for sign in (1.0, -1.0):
                moved = at.astype(complex)
                moved[i] += sign * step
                moved[j] += 1e-30j
                ends.append(task.objective(np, **{name: moved}).imag / 1e-30)
            hessian[i, j] = (ends[0] - ends[1]) / (2.0 * step)
    return [hessian]


def test_every_peer_has_a_module_and_every_task_a_small_form() -> None:
    assert {t.name.split()[0] for t in SMALL} == {name.split()[0] for name in TASKS}
    assert PEERS[:2] == ("numpy", "symdiff")
