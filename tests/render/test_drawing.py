"""What is folded together and what is left out; and that Graphviz draws whatever there is."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import symdiff as sd
from symdiff.op import REGISTRY
from tests.graphviz import SVG, Picture, read, svgs, words
from tests.ops.samples import CHECKED, operands, samples_of


def picture(outputs: Any, **wishes: Any) -> Picture:
    return read(sd.to_dot(outputs, **wishes))


def box(node: sd.Node) -> str:
    return f"n{node.index}"


def rows(picture: Picture, id_: str) -> list[str]:
    """The small lines of a box."""
    return re.findall(r'point-size="9">(.*?)</font>', picture.boxes[id_]["label"])


def mlp() -> tuple[sd.Node, list[sd.Node]]:
    """The loss of a network with one hidden layer, and its parameters."""
    g = sd.Graph("mlp")
    X, y = g.input("X", sd.f64["n", 4]), g.input("y", sd.f64["n"])
    W, b, v = g.input("W", sd.f64[4, 8]), g.input("b", sd.f64[8]), g.input("v", sd.f64[8])
    H = sd.tanh(X @ W + b)
    return sd.mean((H @ v - y) ** 2), [W, b, v]


def left_out(picture: Picture) -> int:
    """The nodes that the summaries count."""
    found = [b["label"] for i, b in picture.boxes.items() if i.startswith("more")]
    return sum(int(re.sub(r"\D", "", label)) for label in found)


# -- elementwise nodes ---------------------------------------------------------------------


@pytest.mark.parametrize("collapse", [True, "elementwise"])
def test_elementwise_nodes_with_one_consumer_fold_into_it(collapse: Any) -> None:
    g = sd.Graph()
    x, w = g.input("x", sd.f64["n"]), g.input("w", sd.f64["n"])
    last = sd.exp(sd.sin(x * 2.0) + sd.cos(w))
    found = picture(sd.sum(last), collapse=collapse)
    assert set(found.boxes) == {"n0", "n1", box(last), f"n{last.index + 1}"}
    assert rows(found, box(last)) == [
        "%0 = multiply x 2.0",
        "%1 = sin %0",
        "%2 = cos w",
        "%3 = add %1 %2",
        "%4 = exp %3",
        "f64[n]",
    ]
    assert found.pairs() == [
        ("n0", box(last)),
        ("n1", box(last)),
        (box(last), f"n{last.index + 1}"),
    ]


def test_a_value_used_twice_or_returned_is_not_folded_away() -> None:
    x = sd.Graph().input("x", sd.f64["n"])
    used_twice = sd.sin(x)
    returned = sd.exp(used_twice)
    total = sd.log(returned) + sd.sum(used_twice)
    found = picture([returned, total], collapse=True)
    assert "%0</b>&#160; sin" in found.boxes[box(used_twice)]["label"]
    assert "%1</b>&#160; exp" in found.boxes[box(returned)]["label"]
    assert {a.tail for a in found.into(box(total))} > {box(returned)}


def test_a_value_taken_twice_by_one_node_has_one_consumer() -> None:
    x = sd.Graph().input("x", sd.f64)
    y = sd.sin(x)
    found = picture(y * y, collapse=True)
    assert set(found.boxes) == {"n0", "n2"}
    assert found.pairs() == [("n0", "n2")]


def test_a_gradient_is_not_folded_into_what_it_is_the_gradient_of() -> None:
    loss, parameters = mlp()
    found = picture([loss, sd.grad(loss, parameters)], collapse=True)
    for order, ids in enumerate((found.frames["forward"], found.frames["gradient"])):
        shown = [loss.graph.node(int(id_[1:])) for id_ in ids if id_.startswith("n")]
        assert {node.order for node in shown} == {order}
    assert found.dashed != []


def test_a_long_chain_shows_its_ends_and_counts_its_middle() -> None:
    node = sd.Graph().input("x", sd.f64)
    for k in range(1000):
        node = sd.sin(node) + float(k)
    found = rows(picture(node, collapse=True), box(node))
    assert found[0] == "%0 = sin x"
    assert found[-2:] == ["%1999 = add %1998 999.0", "f64[]"]
    assert "… 1\N{NO-BREAK SPACE}993 more nodes" in found


# -- labels --------------------------------------------------------------------------------


def test_nodes_of_one_label_fold_together_with_a_count_of_their_ops() -> None:
    loss, parameters = mlp()
    folded = picture(
        [loss, sd.grad(loss, parameters)], collapse=lambda n: "gradient" if n.order else None
    )
    unfolded = picture(loss)
    (group,) = folded.frames["gradient"]
    assert "<b>gradient</b>" in folded.boxes[group]["label"]
    assert re.match(r"\d+\xa0nodes|\d+ nodes: \d multiply, ", rows(folded, group)[0])
    assert folded.boxes.keys() - {group} == unfolded.boxes.keys()
    assert folded.boxes[group]["peripheries"] == "2"


def test_a_label_folds_the_nodes_of_each_order_apart() -> None:
    loss, parameters = mlp()
    found = picture([loss, sd.grad(loss, parameters)], collapse=lambda n: "all")
    forward = next(i for i in found.frames["forward"] if "<b>all</b>" in found.boxes[i]["label"])
    (gradient,) = found.frames["gradient"]
    assert [(a.tail, a.head) for a in found.dashed] == [(forward, gradient)]
    assert found.pairs().count((forward, gradient)) == 1


def test_inputs_and_scalar_constants_are_never_folded() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64)
    asked: list[sd.Node] = []
    found = picture(2.0 * x + 1.0, collapse=lambda n: asked.append(n))  # type: ignore[func-returns-value]
    assert [n.op.name for n in asked] == ["multiply", "add"]
    assert len(found.boxes) == 5


def test_a_fold_that_values_leave_and_come_back_to_is_drawn() -> None:
    x = sd.Graph().input("x", sd.f64["n"])
    total = sd.sum(sd.sin(x))
    product = total * x
    found = picture(sd.sin(product), collapse=lambda n: "sines" if n.op.name == "sin" else None)
    sines = found.labelled("<b>sines</b>")
    assert {a.tail for a in found.into(sines)} == {box(x), box(product)}
    assert {a.head for a in found.solid if a.tail == sines} == {box(total)}


# -- large graphs --------------------------------------------------------------------------


def long_chain(length: int) -> list[sd.Node]:
    """A chain of sines, and its gradient: 3 * length nodes and a few."""
    x = sd.Graph("long").input("x", sd.f64)
    node = x
    for _ in range(length):
        node = sd.sin(node)
    return [node, sd.grad(node, x)]


def test_shown_and_counted_nodes_are_all_there_are() -> None:
    z, dz = long_chain(2000)
    whole = len(z.graph.ancestors([z, dz]))
    found = picture([z, dz], max_nodes=50)
    shown = [i for i in found.boxes if i.startswith("n")]
    assert len(shown) == 50
    assert len(shown) + left_out(found) == whole
    assert {i for i in found.boxes if i.startswith("more")} == {"more0", "more1"}


def test_what_is_nearest_to_outputs_and_inputs_is_kept() -> None:
    z, dz = long_chain(2000)
    found = picture([z, dz], max_nodes=50)
    x = z.graph.inputs[0]
    nearest = [z, z.inputs[0], dz, dz.inputs[0], x, *z.graph.consumers(x)]
    assert {box(n) for n in nearest} <= found.boxes.keys()


def test_the_cut_is_joined_to_what_is_shown() -> None:
    z, dz = long_chain(2000)
    found = picture([z, dz], max_nodes=50)
    heads, tails = {a.head for a in found.solid}, {a.tail for a in found.solid}
    assert {"more0", "more1"} <= heads & tails
    assert len(found.pairs()) == len(set(found.pairs()))


def test_a_graph_that_fits_is_not_cut() -> None:
    z, dz = long_chain(10)
    whole = len(z.graph.ancestors([z, dz]))
    assert left_out(picture([z, dz], max_nodes=whole)) == 0
    assert left_out(picture([z, dz], max_nodes=whole - 1)) == 1


def test_many_inputs_leave_room_for_what_is_near_the_outputs() -> None:
    g = sd.Graph()
    node = sd.add_n(*[sd.sin(x) for x in g.inputs_like([sd.f64] * 500)])
    for _ in range(10):
        node = sd.cos(node)
    found = picture(node, max_nodes=30)
    kinds = [b["label"] for i, b in found.boxes.items() if i.startswith("n")]
    assert sum(" cos<" in label for label in kinds) == 10
    assert found.ids(shape="hexagon") != []


def test_folds_count_as_one_node_of_the_most() -> None:
    node = sd.Graph().input("x", sd.f64["n"])
    for _ in range(100):
        node = sd.sin(sd.cos(node)) * sd.sum(node)
    found = picture(node, max_nodes=20, collapse=True)
    assert len([i for i in found.boxes if i.startswith("n")]) == 20
    assert left_out(found) > 0


def test_a_node_with_ever_so_many_operands_has_a_few_beside_it() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64)
    found = picture(sd.stack([x, *[g.constant(float(k)) for k in range(500)]]))
    assert len(found.boxes) == 9
    assert found.ids(label="… 494 more operands") != []


def test_a_hundred_thousand_nodes_are_drawn_without_recursion() -> None:
    z, dz = long_chain(34_000)
    assert len(z.graph) > 100_000
    drawn = sd.to_dot([z, dz], max_nodes=100)
    (svg,) = svgs([drawn])
    assert any("more nodes" in line for line in words(svg))
    assert len(svg.findall(f".//{SVG}g[@class='node']")) < 300


def test_all_of_a_deep_graph_is_written_when_asked_for() -> None:
    z, dz = long_chain(3000)
    assert sd.to_dot([z, dz], max_nodes=None).count("label=<") == len(z.graph.ancestors([z, dz]))


# -- whatever there is ---------------------------------------------------------------------


def drawn_ops(name: str) -> list[str]:
    """A drawing of the op for its first cases, with a gradient where it has one."""
    made = []
    for case in samples_of(name).cases[:3]:
        g = sd.Graph(name)
        arrays = operands(name, case, "float64")
        nodes = [g.input(f"x{k}", array) for k, array in enumerate(arrays)]
        y = g.apply(REGISTRY.ops[name], tuple(nodes), case.params_for(np.float64))
        results = list(y) if isinstance(y.type, sd.TupleType) else [y]
        made.append(sd.to_dot(results))
        real = [n for n in nodes if n.dtype.kind == "f"]
        floats = [r for r in results if r.dtype.kind == "f"]
        if real and floats:
            z = sd.sum(floats[-1] * floats[-1])
            try:
                made.append(sd.to_dot([z, sd.grad(z, real, disconnected="zero")]))
            except sd.NotDifferentiableError:
                continue
    return made


def test_every_op_and_its_gradient_can_be_drawn() -> None:
    made = [(name, text) for name in CHECKED for text in drawn_ops(name)]
    assert len(made) > 2 * len(CHECKED)
    pictures = svgs(text for _, text in made)
    for (name, text), svg in zip(made, pictures, strict=True):
        assert any(name in line for line in words(svg)) == (f"</b>&#160; {name}<" in text)


@pytest.mark.parametrize(
    "wishes", [{}, {"collapse": True}, {"max_nodes": 7}, {"long_edges": True}]
)
def test_hessians_custom_gradients_and_several_results_can_be_drawn(wishes: Any) -> None:
    loss, parameters = mlp()
    rule = sd.custom_gradient(sd.tanh, vjp=lambda g, y, x: g * (1.0 - y * y))
    g = sd.Graph("zoo")
    x = g.input("x", sd.f64[3])
    quotient, rest = sd.divmod(rule(x), 0.3)
    z = sd.sum(rest * rest + sd.stop_gradient(quotient))
    hessian = sd.hessian(loss, parameters[2])
    found = svgs(
        [
            sd.to_dot([loss, sd.grad(loss, parameters), hessian], **wishes),
            sd.to_dot([z, sd.grad(z, x), sd.hessian(z, x)], **wishes),
            sd.to_dot(loss.graph, **wishes),
        ]
    )
    assert len(found) == 3
