"""What `build_grad` records beside the nodes: orders, origins, provenance."""

from __future__ import annotations

import sys
from typing import Any

import symdiff as sd


def scalar() -> sd.Node:
    """An input of a graph of its own."""
    return sd.Graph().input("x", sd.f64)


def line() -> int:
    """The line this is called from."""
    return sys._getframe(1).f_lineno


def appended_since(graph: sd.Graph, size: int) -> tuple[sd.Node, ...]:
    return graph.nodes[size:]


def test_orders_count_the_depth_of_differentiation() -> None:
    x = scalar()
    z = sd.sin(x) * sd.exp(x)
    forward = x.graph.nodes
    dx = sd.grad(z, x)
    first = appended_since(x.graph, len(forward))
    ddx = sd.grad(dx, x)
    second = appended_since(x.graph, len(forward) + len(first))
    assert {n.order for n in forward} == {0}
    assert {n.order for n in first} == {1}
    assert {n.order for n in second} == {2}
    assert [z.order, dx.order, ddx.order] == [0, 1, 2]


def test_what_the_user_writes_after_a_gradient_keeps_its_order() -> None:
    x = scalar()
    dx = sd.grad(sd.sin(x) * x, x)
    assert sd.tanh(x).order == 0
    assert (dx * 2.0).order == 1
    assert (sd.grad(dx, x) + dx).order == 2


def test_a_gradient_node_that_the_user_writes_too_becomes_the_users() -> None:
    x = scalar()
    dx = sd.grad(sd.sin(x), x)
    assert dx.order == 1
    assert sd.cos(x) is dx
    assert dx.order == 0


def test_a_gradient_node_met_by_another_gradient_keeps_its_order() -> None:
    x = scalar()
    dx = sd.grad(sd.sin(x), x)
    assert sd.grad(sd.sin(x) + 2.0, x) is dx
    assert dx.order == 1


def test_appended_nodes_have_the_line_that_asked_for_the_gradient() -> None:
    x = scalar()
    z = sd.sin(x) * x
    size = len(x.graph)
    made_at, (dx, asked_at) = z.origin, (sd.grad(z, x), line())
    origins = {n.origin for n in appended_since(x.graph, size)}
    assert dx.origin in origins
    assert {(o.file, o.line) for o in origins} == {(__file__, asked_at)}
    assert z.origin is made_at


def described(record: Any) -> tuple[Any, ...]:
    """A record of provenance that can be compared: nodes as they print."""
    return (*[repr(node) for node in record[:3]], *record[3:])


def test_every_contribution_and_every_sum_has_its_provenance() -> None:
    x = scalar()
    s = sd.sin(x)
    z = s * x
    dx = sd.grad(z, x)
    by_sine = x * sd.cos(x)
    records = list(x.graph.provenance)
    assert sorted(map(described, records)) == sorted(
        map(
            described,
            [
                (x.graph.constant(1.0), z, z, -1, True),
                (x, z, z, 0, True),  # of s: 1 * x
                (by_sine, z, s, 0, False),
                (s, z, z, 1, False),  # of x: 1 * s
                (dx, z, x, -1, True),
            ],
        )
    )
    assert {r.target for r in records} == {z, s, x}
    assert set(dx.inputs) == {by_sine, s}


def test_provenance_of_second_derivatives_refers_to_the_first() -> None:
    x = scalar()
    dx = sd.grad(sd.sin(x), x)
    before = len(list(x.graph.provenance))
    ddx = sd.grad(dx, x)
    added = list(x.graph.provenance)[before:]
    assert {r.of for r in added} == {dx}
    assert described((ddx, dx, dx, 0, True)) in map(described, added)
