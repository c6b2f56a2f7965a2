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


# -- seeds ---------------------------------------------------------------------------------


def noted(outputs: Any) -> list[str]:
    """The notes of a text, which must read back to the letter."""
    text = sd.text(outputs)
    assert sd.parse(text).text() == text
    return [line.split(" ; ")[1] for line in text.splitlines() if " ; " in line]


def test_a_product_with_a_jacobian_is_noted_with_its_vector() -> None:
    x = sd.Graph().input("x", sd.f64["n"])
    u = x.graph.input("u", sd.f64["n"])
    y = sd.sin(x).named("y")
    assert noted([y, sd.vjp(y, x, u)]) == ["u * d y / d x"]
    assert noted([y, sd.vjp(y, x, 3.0)]) == ["3.0 * d y / d x"]
    assert noted([y, sd.vjp(y, x, u * u)]) == ["%2 * d y / d x"]


def test_a_gradient_of_a_scalar_is_noted_without_a_seed() -> None:
    x = scalar()
    y = sd.sin(x).named("y")
    assert noted([y, sd.grad(y, x)]) == ["d y / d x"]
    assert noted([y, sd.vjp(y, x, 1.0)]) == ["d y / d x"]


def test_seeds_hold_for_what_was_made_with_them() -> None:
    x = scalar()
    u = x.graph.input("u", sd.f64)
    y = sd.exp(sd.sin(x)).named("y")
    found = noted([y, sd.vjp(y, x, u), sd.grad(y, x), sd.vjp(y, x, 2.0)])
    assert "u * d y / d x" in found
    assert "d y / d x" in found
    assert "2.0 * d y / d x" in found


def test_what_several_outputs_give_together_is_no_derivative_of_one() -> None:
    x = scalar()
    u = x.graph.input("u", sd.f64)
    outputs = [sd.sin(x).named("a"), sd.cos(x).named("b")]
    assert noted([*outputs, sd.vjp(outputs, x, [u, u])]) == []


def test_drawings_say_the_vector_too() -> None:
    x = scalar()
    u = x.graph.input("u", sd.f64)
    y = sd.sin(x).named("y")
    assert "u * d y / d x" in sd.to_dot([y, sd.vjp(y, x, u)])
