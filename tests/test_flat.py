"""Graphs as flat arrays: pickling, copying, and compacting keep all that they should."""

from __future__ import annotations

import copy
import os
import pickle
import pickletools
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import symdiff as sd

double: sd.Op = sd.linear(
    "double",
    "x",
    doc="`2 * x`: an op of a user's, at the top level of a module.",
    infer=lambda x: x,
    kernel=lambda x: 2 * x,
    transpose=lambda g, y, x: double(g),
    batch=lambda y, inputs, mapped: double(inputs[0]),
)


def side_lists(graph: sd.Graph) -> list[Any]:
    return [
        [n.order for n in graph.nodes],
        [n.origin for n in graph.nodes],
        [(r.gradient.index, r.of.index, r.forward.index, *r[3:]) for r in graph.provenance],
        [(n.index, r) for n, r in graph.requirements()],
        [n.index for n in graph.outputs],
        [i.name for i in graph.inputs],
    ]


def assert_same(a: sd.Graph, b: sd.Graph) -> None:
    assert a is not b
    assert a.name == b.name
    assert a.text() == b.text()
    assert a.digest() == b.digest()
    assert side_lists(a) == side_lists(b)
    assert [n.type for n in a.nodes] == [n.type for n in b.nodes]
    b.check()
    # Interning goes on where it was.
    count = len(b)
    for node in b.nodes:
        if node.op.name != "input":
            b.apply(node.op, node.inputs, node.params)
    assert len(b) == count


def rich() -> sd.Graph:
    """A graph with params of every kind, sizes, requirements, tuples, rules and gradients."""
    g = sd.Graph("rich")
    x, w = g.input("x", sd.f64["n", 3]), g.input("w", sd.f32[3])
    bounded = sd.custom_gradient(lambda x: sd.sin(x), vjp=lambda g, y, x: sd.tanh(g))
    part = x[1:, ::-1] * w.astype("f8") + g.constant(np.arange(3.0))
    quotient, rest = divmod(part, -0.0)
    z = sd.sum(bounded(part) + rest) / x.shape[0] + 0.0
    d = sd.grad(z, [x, w])
    g.outputs = [z, *d, sd.grad(sd.sum(d[0] ** 2), w), quotient.inputs[0]]
    return g


@pytest.fixture(params=["rich", "empty", "user op"])
def graph(request: pytest.FixtureRequest) -> sd.Graph:
    if request.param == "rich":
        return rich()
    g = sd.Graph(request.param.replace(" ", "_"))
    if request.param == "user op":
        x = g.input("x", sd.f64[2])
        g.outputs = [sd.grad(sd.sum(sd.sin(double(x))), x)]
    return g


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_gives_the_same_graph(graph: sd.Graph, protocol: int) -> None:
    assert_same(graph, pickle.loads(pickle.dumps(graph, protocol)))


def test_a_copy_is_the_same_graph_and_grows_on_its_own(graph: sd.Graph) -> None:
    for twin in (graph.copy(), copy.copy(graph), copy.deepcopy(graph)):
        assert_same(graph, twin)
        count = len(graph)
        sd.sin(twin.input("fresh", sd.f64))
        assert (len(graph), len(twin)) == (count, count + 2)


def test_a_pickled_graph_has_the_same_values() -> None:
    g = rich()
    back = pickle.loads(pickle.dumps(g))
    given = {"x": np.linspace(-1, 1, 12).reshape(4, 3), "w": np.ones(3, "f4")}
    for a, b in zip(sd.evaluate(g.outputs, given), sd.evaluate(back.outputs, given), strict=True):
        np.testing.assert_equal(a, b)


def test_a_pickled_graph_can_be_differentiated_further() -> None:
    back = pickle.loads(pickle.dumps(rich()))
    z, x = back.outputs[0], back.inputs[0]
    before = len(back)
    assert sd.grad(z, x) is back.outputs[1]
    assert len(back) == before


def test_a_node_pickles_with_its_graph() -> None:
    g = rich()
    node, x = pickle.loads(pickle.dumps((g.outputs[1], g.inputs[0])))
    assert node.graph is x.graph
    assert (node.index, node.type) == (g.outputs[1].index, g.outputs[1].type)
    assert repr(node) == repr(g.outputs[1])


def test_nested_nodes_pickle_as_one_graph() -> None:
    g = rich()
    back = pickle.loads(pickle.dumps({"w": [g.outputs[0]], "g": g}))
    assert back["w"][0].graph is back["g"]


def test_a_pickle_holds_numbers_not_nodes() -> None:
    def opcodes(steps: int) -> int:
        g = sd.Graph()
        y = g.input("x", sd.f64)
        for _ in range(steps):
            y = sd.sin(y) * y
        return sum(1 for _ in pickletools.genops(pickle.dumps(g)))

    assert opcodes(1000) < opcodes(10) + 10


def test_a_pickle_is_read_in_another_process() -> None:
    g = rich()
    found = subprocess.run(
        [
            sys.executable,
            "-c",
            "import pickle, sys; g = pickle.load(sys.stdin.buffer); g.check(); print(g.digest())",
        ],
        input=pickle.dumps(g),
        env={"PYTHONHASHSEED": "7", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        check=True,
    )
    assert found.stdout.decode().strip() == g.digest()


def test_registered_ops_stay_themselves() -> None:
    assert pickle.loads(pickle.dumps(sd.sin)) is sd.sin
    assert copy.deepcopy(sd.sum) is sd.sum


def test_an_op_that_no_module_holds_says_why_it_cannot_be_pickled() -> None:
    local = sd.op("local", "x", doc="x", infer=lambda x: x, kernel=lambda x: x)
    g = sd.Graph()
    g.outputs = [local(g.input("x", sd.f64))]
    with pytest.raises(sd.ArgumentError, match=r"op local cannot be pickled.*top level"):
        pickle.dumps(g)


# -- compact -------------------------------------------------------------------------------


def test_compact_keeps_inputs_and_what_the_outputs_need() -> None:
    g = sd.Graph("g")
    x, unused = g.input("x", sd.f64), g.input("unused", sd.f32["n"])
    y = sd.sin(x)
    sd.cos(x) * 3.0
    g.outputs = [y * y, x]
    small = g.compact()
    small.check()
    assert small.name == "g"
    assert [i.name for i in small.inputs] == ["x", "unused"]
    assert [i.type for i in small.inputs] == [x.type, unused.type]
    assert [n.op.name for n in small.nodes] == ["input", "input", "sin", "multiply"]
    assert small.outputs == (small.nodes[-1], small.inputs[0])
    assert sd.text(small.outputs) == sd.text(g.outputs)
    assert len(g) == 7


def test_compact_takes_the_nodes_to_keep() -> None:
    g = rich()
    gradient = g.outputs[1]
    for keep in (gradient, [gradient]):
        small = g.compact(keep)
        small.check()
        assert [n.type for n in small.outputs] == [gradient.type]
        assert sd.text(small.outputs[0]) == sd.text(gradient)
        assert len(small) < len(g)


def test_compact_keeps_order_origin_and_provenance_of_what_it_keeps() -> None:
    g = rich()
    small = g.compact(g.outputs[1])
    kept = g.ancestors([g.outputs[1], *g.inputs])
    assert [n.order for n in small.nodes] == [n.order for n in kept]
    assert [n.origin for n in small.nodes] == [n.origin for n in kept]
    place = {node: k for k, node in enumerate(kept)}
    expected = [
        (place[r.gradient], place[r.of], place[r.forward], *r[3:])
        for r in g.provenance
        if {r.gradient, r.of, r.forward} <= place.keys()
    ]
    found = [(r.gradient.index, r.of.index, r.forward.index, *r[3:]) for r in small.provenance]
    assert found == expected


def test_compact_keeps_only_the_requirements_of_what_it_keeps() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64["n"])
    x[5]
    small = g.compact(x[1:])
    assert [str(r) for _, r in small.requirements()] == ["n >= 1"]


def test_compact_of_nothing_says_what_to_do() -> None:
    g = sd.Graph("g")
    g.input("x", sd.f64)
    with pytest.raises(sd.ArgumentError, match=r"set graph\.outputs or name what to keep"):
        g.compact()
    with pytest.raises(sd.MixedGraphError):
        g.compact(sd.Graph("other").input("x", sd.f64))
