"""Chains of matrix products: the cheapest order, against all orders there are."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

import symdiff as sd
from symdiff.rewrite.chain import reorder


def _cost(graph: sd.Graph) -> int:
    """Multiplications of all products, on known sizes."""
    total = 0
    for node in graph.ancestors(graph.outputs):
        if node.op is sd.matmul:
            a, b = node.inputs
            total += int(np.prod(a.shape, dtype=int)) * (b.shape[-1] if b.ndim > 1 else 1)
    return total


def _cheapest(dims: tuple[int, ...]) -> int:
    """The least cost of a chain, by trying every order."""

    @cache
    def least(i: int, j: int) -> int:
        if j - i == 1:
            return 0
        return min(
            least(i, k) + least(k, j) + dims[i] * dims[k] * dims[j] for k in range(i + 1, j)
        )

    return least(0, len(dims) - 1)


def _check(graph: sd.Graph, done: sd.Graph, seed: int = 0) -> None:
    done.check()
    rng = np.random.default_rng(seed)
    data = {str(i.name): rng.normal(size=i.shape) for i in graph.inputs}
    old, new = (sd.evaluate(list(g.outputs), data) for g in (graph, done))
    for a, b in zip(old, new, strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_random_chains_come_out_as_cheap_as_the_cheapest_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(3, 8))
    dims = tuple(int(d) for d in rng.integers(1, 30, count + 1))
    g = sd.Graph()
    factors: list[Any] = []
    for k in range(count):
        turned = bool(rng.integers(2))
        shape = (dims[k + 1], dims[k]) if turned else (dims[k], dims[k + 1])
        node = g.input(f"A{k}", sd.f64[shape])
        factors.append(node.T if turned else node)
    while len(factors) > 1:  # in any order, with transpositions and numbers between
        k = int(rng.integers(len(factors) - 1))
        product = factors[k] @ factors[k + 1]
        match int(rng.integers(4)):
            case 0:
                product = (factors[k + 1].T @ factors[k].T).T
            case 1:
                product = -(product * 2.0)
        factors[k : k + 2] = [product]
    g.outputs = factors
    done = reorder(g).graph
    assert _cost(done) == _cheapest(dims)
    _check(g, done, seed)


def test_vectors_at_the_ends_come_first() -> None:
    g = sd.Graph()
    A, B = g.input("A", sd.f64[9, 9]), g.input("B", sd.f64[9, 9])
    u, v = g.input("u", sd.f64[9]), g.input("v", sd.f64[9])
    for node in (A @ B @ v, u @ (A @ B), u @ ((A @ B) @ A) @ v):
        g.outputs = [node]
        done = reorder(g).graph
        assert all(n.ndim < 2 for n in done.ancestors(done.outputs) if n.op is sd.matmul)
        _check(g, done)


def test_named_sizes_are_decided_by_rank_or_not_at_all() -> None:
    g = sd.Graph()
    A, B = g.input("A", sd.f64["n", "k"]), g.input("B", sd.f64["k", "m"])
    C, v = g.input("C", sd.f64["m", "p"]), g.input("v", sd.f64["m"])
    g.outputs = [A @ B @ v]
    (output,) = reorder(g).graph.outputs
    assert output.inputs[1].ndim == 1
    g.outputs = [A @ B @ C]
    assert reorder(g).graph is g
    assumed = {"n": 2, "k": 1000, "m": 1000, "p": 3}
    assert reorder(g, assumed).graph is g
    (output,) = reorder(g, {**assumed, "n": 1000, "p": 1}).graph.outputs
    assert output.inputs[0].name == "A"


def test_a_product_that_something_else_needs_stays() -> None:
    g = sd.Graph()
    A, B, v = g.input("A", sd.f64[9, 9]), g.input("B", sd.f64[9, 9]), g.input("v", sd.f64[9])
    AB = A @ B
    g.outputs = [AB @ v, AB]
    assert reorder(g).graph is g


def test_batches_of_matrices_are_chains_where_their_leading_axes_agree() -> None:
    g = sd.Graph()
    A, B = g.input("A", sd.f64[4, 5, 6]), g.input("B", sd.f64[4, 6, 7])
    C, D = g.input("C", sd.f64[4, 7, 1]), g.input("D", sd.f64[7, 1])
    g.outputs = [A @ B @ C]
    done = reorder(g).graph
    assert done.outputs[0].inputs[0].name == "A"
    _check(g, done)
    g.outputs = [A @ B @ D]
    assert reorder(g).graph is g


def test_a_long_chain_keeps_its_order_and_a_deep_one_is_no_recursion() -> None:
    g = sd.Graph()
    y = g.input("A", sd.f64[2, 2])
    v = g.input("v", sd.f64[2])
    for _ in range(3000):
        y = y @ g.inputs[0]
    g.outputs = [y @ v]
    assert reorder(g).graph is g


def test_orders_origins_and_provenance_are_kept() -> None:
    g = sd.Graph()
    A, B, v = g.input("A", sd.f64[9, 9]), g.input("B", sd.f64[9, 9]), g.input("v", sd.f64[9])
    z = sd.sum(sd.sin(A @ B @ v))
    gradient = sd.grad(z, v)
    g.outputs = [z, gradient]
    done = reorder(g)
    assert str(done.mapping[z].origin) == str(z.origin)
    assert done.mapping[gradient].order == 1
    assert any(r.gradient is done.mapping[gradient] for r in done.graph.provenance)
    _check(g, done.graph)
