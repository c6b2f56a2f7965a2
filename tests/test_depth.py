"""Depth does not matter: long chains under Python's default recursion limit, and their end."""

from __future__ import annotations

import gc
import os
import pickle
import subprocess
import sys
import weakref
from collections.abc import Iterator

import numpy as np
import pytest

import symdiff as sd

DEFAULT_LIMIT = 1000


@pytest.fixture(autouse=True)
def default_recursion_limit() -> Iterator[None]:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(DEFAULT_LIMIT)
    yield
    sys.setrecursionlimit(before)


def deep(steps: int) -> sd.Graph:
    """x + 1/4 sin(x), over and over: three nodes a step, and four of the gradient's."""
    g = sd.Graph("deep")
    x = y = g.input("x", sd.f64)
    for _ in range(steps):
        y = y + 0.25 * sd.sin(y)
    g.outputs = [y, sd.grad(y, x)]
    return g


def eager(steps: int, x: float) -> tuple[float, float]:
    y, d = x, 1.0
    for _ in range(steps):
        y, d = y + 0.25 * np.sin(y), d * (1.0 + 0.25 * np.cos(y))
    return y, d


# Steps of a chain of 10^5 nodes with its gradient's, and of one of 10^6.
@pytest.mark.parametrize("steps", [14_300, pytest.param(143_000, marks=pytest.mark.slow)])
def test_a_long_chain_lives_and_dies(steps: int) -> None:
    g = deep(steps)
    assert len(g) > 7 * steps - 10
    values = sd.evaluate(g.outputs, {"x": 0.1})
    np.testing.assert_allclose(values, eager(steps, 0.1), rtol=1e-9)

    listed = sum(1 for node in g.nodes if node.op.name not in ("input", "constant"))
    assert g.text().count("\n") == listed + 2
    assert len(str(g).split("\n")) == 60
    twin = pickle.loads(pickle.dumps(g))
    assert twin.digest() == g.digest()
    assert len(g.ancestors(g.outputs)) == len(g)
    assert len(g.compact()) == len(g)
    assert g._repr_html_().count("\n") < 100

    dead = weakref.ref(g), weakref.ref(twin)
    del g, twin
    gc.collect()
    assert [r() for r in dead] == [None, None]


def test_a_long_chain_can_be_inlined_substituted_and_pushed_forward() -> None:
    g = deep(4_000)
    x = g.inputs[0]
    host = sd.Graph("host")
    moved, _ = g(host.input("x", sd.f64))
    assert sd.evaluate(moved, {"x": 0.1}) == sd.evaluate(g.outputs[0], {"x": 0.1})
    assert sd.evaluate(sd.substitute(g.outputs[0], {x: x * 2.0}), {x: 0.05}) == sd.evaluate(
        g.outputs[0], {x: 0.1}
    )
    forward = sd.jvp(g.outputs[0], x, 1.0)
    np.testing.assert_allclose(*sd.evaluate([forward, g.outputs[1]], {x: 0.1}), rtol=1e-9)


def test_a_long_chain_is_differentiated_twice() -> None:
    g = sd.Graph()
    x = y = g.input("x", sd.f64)
    for _ in range(5_000):
        y = sd.sin(y)
    first = sd.grad(y, x)
    second = sd.grad(first, x)
    v, d, dd = 0.5, 1.0, 0.0
    for _ in range(5_000):
        v, d, dd = np.sin(v), np.cos(v) * d, np.cos(v) * dd - np.sin(v) * d * d
    np.testing.assert_allclose(sd.evaluate([first, second], {x: 0.5}), [d, dd], rtol=1e-9)


def test_a_wide_sum_is_as_good_as_a_long_chain() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64)
    total = sd.add_n(*[x * float(k) for k in range(5_000)])
    d = sd.grad(total, x)
    assert sd.evaluate(d, {x: 1.0}) == sum(range(5_000))
    assert pickle.loads(pickle.dumps(g)).digest() == g.digest()


# -- dropped graphs ------------------------------------------------------------------------


def test_a_dropped_graph_is_freed_with_what_it_holds() -> None:
    g = deep(100)
    data = np.zeros(1000)
    node = sd.sum(g.constant(data) * g.inputs[0])
    g.consumers(node)
    g.outputs = [sd.hvp(node**2, g.inputs[0], 1.0)]
    dead = weakref.ref(g)
    held = weakref.ref(node.graph.nodes[-1].graph)
    del g
    assert dead() is not None  # a node keeps its graph
    del node
    gc.collect()
    assert dead() is held() is None


MEMORY = """
import os, subprocess, symdiff as sd

def resident():
    if not os.path.exists("/proc/self/statm"):
        return 1024 * int(subprocess.check_output(["ps", "-o", "rss=", "-p", str(os.getpid())]))
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

def build(steps):
    g = sd.Graph("dropped")
    x = y = g.input("x", sd.f64["n"])
    for k in range(steps):
        y = sd.sin(y) * (x + float(k))
    g.outputs = [sd.grad(sd.sum(y), x)]

sizes = []
for _ in range(120):
    build({steps})
    sizes.append(resident())
print(max(sizes[:60]), max(sizes[60:]))
"""


@pytest.mark.parametrize("steps", [300, pytest.param(2_000, marks=pytest.mark.slow)])
def test_memory_does_not_grow_over_a_hundred_dropped_graphs(steps: int) -> None:
    # Nobody calls gc.collect() here: the collector runs when Python runs it.
    found = subprocess.run(
        [sys.executable, "-c", MEMORY.format(steps=steps)],
        env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=True,
    )
    early, late = map(int, found.stdout.split())
    assert late <= 1.1 * early
