"""Ops made of several calls of NumPy: as accurate as their kernels, and what they share once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symdiff as sd
from symdiff.backends import numpy as backend
from symdiff.backends.numpy.lower import _LOWER, lowered
from tests.ops.samples import OPS

INF = np.inf
ROWS = np.array(
    [
        [0.0, -50.0, 1e-300, -0.0],
        [-INF, -INF, -INF, -INF],
        [INF, 1.0, -INF, INF],
        [np.nan, 1.0, 2.0, -INF],
        [800.0, -800.0, 88.8, -88.8],
        [-1e308, 1e308, 1e308, 0.0],
        [3.0, 3.0, 3.0, -40.0],
    ]
)
AXES = {"logsumexp": ({"axis": 1}, {"axis": (0, 1), "keepdims": True}, {"axis": 0})}


def values(graph: sd.Graph, arrays: list[Any]) -> None:
    expected = sd.evaluate(list(graph.outputs), dict(zip(graph.inputs, arrays, strict=True)))
    for largest in (10**9, -1):
        for a, b in zip(
            backend.build(graph, (), largest=largest).run(arrays, ()), expected, strict=True
        ):
            assert a.dtype == b.dtype
            tiny = np.finfo(a.dtype).tiny
            np.testing.assert_allclose(a, b, rtol=4 * np.finfo(a.dtype).eps, atol=4 * tiny)


@pytest.mark.parametrize("name", sorted(set(_LOWER) - {"einsum", "add_n"}))
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_values_are_those_of_the_kernel_at_every_edge(name: str, dtype: str) -> None:
    softmaxes = ({"axis": 1}, {"axis": 0}, {"axis": (0, 1)})
    params = AXES.get(name, softmaxes if "softmax" in name else ({},))
    with np.errstate(all="ignore"):
        arrays = [ROWS.astype(dtype), np.zeros((0, 3), dtype), np.zeros((3, 0), dtype)]
    for array in arrays:
        for p in params:
            g = sd.Graph("one")
            x = g.input("x", array)
            g.outputs = [OPS[name](x, **p)]
            values(g, [array])


@pytest.mark.parametrize(
    "subscripts",
    [
        "ij,jk->ik",
        "ij,ik->jk",
        "ij,kj->ki",
        "bij,bjk->bik",
        "bij,bj->bi",
        "ij,ij->i",
        "i,j->ij",
        "kij,nkj->nki",
        "i,i->",
        "ij,j->i",
        "ijk,ljk->il",
        "ab,cab->cb",
    ],
)
def test_products_are_those_of_the_kernel(subscripts: str) -> None:
    rng = np.random.default_rng(0)
    sizes = {c: 2 + k for k, c in enumerate(sorted(set(subscripts) - set(",->")))}
    left, right = subscripts.split("->")[0].split(",")
    arrays = [rng.normal(size=[sizes[c] for c in term]) for term in (left, right)]
    g = sd.Graph("one")
    a, b = g.input("a", arrays[0]), g.input("b", arrays[1])
    node = OPS["einsum"](a, b, subscripts=subscripts)
    g.outputs = [node, sd.sin(node)]
    expected = np.einsum(subscripts, *arrays)
    for found in (
        backend.build(g, ()).run(arrays, ()),
        backend.build(g, (), largest=-1).run(arrays, ()),
    ):
        np.testing.assert_allclose(found[0], expected, rtol=1e-13)
        np.testing.assert_allclose(found[1], np.sin(expected), rtol=1e-11)


def test_exponentials_of_the_same_values_are_computed_once() -> None:
    g = sd.Graph("shared")
    x = g.input("x", sd.f64["n", 5])
    z = sd.sum(sd.special.logsumexp(x, axis=1))
    source = sd.compile([x], [z, sd.grad(z, x), sd.log_softmax(x), sd.softmax(x)]).source
    assert source.count("exp(") == 1
    y = sd.sum(sd.softplus(x))
    source = sd.compile([x], [y, sd.grad(y, x)]).source
    assert source.count("exp(") == 1


@pytest.mark.parametrize("shape", [(3,), (2, 3), (0,), (1, 1, 2)])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_many_small_terms_are_summed_at_once(shape: Any, dtype: str) -> None:
    g = sd.Graph("many")
    x = g.input("x", sd.TensorType(np.dtype(dtype), shape))
    total = sd.add_n(*[sd.sin(x) * float(k) for k in range(9)])
    g.outputs = [total, sd.exp(total)]
    array = np.linspace(-1.0, 1.0, int(np.prod(shape))).reshape(shape).astype(dtype)
    values(g, [array])
    assert ("concatenate" in backend.build(g, ()).source) == (len(shape) > 0)


def test_a_graph_without_such_ops_is_left_as_it_is() -> None:
    g = sd.Graph("plain")
    x = g.input("x", sd.f64[3])
    g.outputs = [sd.sin(x)]
    assert lowered(g) is g
