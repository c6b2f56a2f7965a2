"""What a drawing shows, read back from the DOT text by Graphviz itself."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from html import unescape
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import symdiff as sd
from symdiff.render.dot import TINTS
from tests.graphviz import Picture, read, svgs, words
from tests.strategies import Recipe, recipes

ROOT = Path(__file__).parent.parent.parent


def chain(order: int) -> list[sd.Node]:
    """sin(sin(sin(x))) and its derivatives up to an order."""
    x = sd.Graph("chain").input("x", sd.f64)
    nodes = [sd.sin(sd.sin(sd.sin(x)))]
    for _ in range(order):
        nodes.append(sd.grad(nodes[-1], x))
    return nodes


def ridge() -> tuple[sd.Node, sd.Node]:
    """A loss of an X of any length, and the weights."""
    g = sd.Graph("ridge")
    X, y = g.input("X", sd.f64["n", 3]), g.input("y", sd.f64["n"])
    w = g.input("w", sd.f64[3])
    return sd.sum((X @ w - y) ** 2) + 0.1 * sd.sum(w**2), w


def picture(outputs: Any, **wishes: Any) -> Picture:
    return read(sd.to_dot(outputs, **wishes))


def box(node: sd.Node) -> str:
    return f"n{node.index}"


def place(picture: Picture, id_: str) -> tuple[float, float]:
    x, y = picture.boxes[id_]["pos"].split(",")
    return float(x), float(y)


# -- nodes ---------------------------------------------------------------------------------


def test_each_node_shows_op_type_and_the_number_it_has_in_the_text() -> None:
    loss, w = ridge()
    outputs = [loss, sd.grad(loss, w), sd.hessian(loss, w)]
    found = picture(outputs)
    listed = [line for line in sd.text(outputs).splitlines() if line.startswith("  %")]
    assert len(listed) > 20
    for line in listed:
        number, _, type_, _, op = line.split()[:5]
        label = found.boxes[found.labelled(f"<b>{number}</b>&#160; {op}<")]["label"]
        assert f">{type_}<" in label


def test_params_stand_in_the_box_unless_they_are_the_default() -> None:
    x = sd.Graph().input("x", sd.f64[2, 3])
    label = picture(sd.sum(x, axis=0)).boxes["n1"]["label"]
    assert "axis=(0,)" in label
    assert "keepdims" not in label


def test_inputs_array_constants_and_outputs_have_shapes_of_their_own() -> None:
    g = sd.Graph()
    x, c = g.input("x", sd.f64[2]), g.constant([1.0, 2.0])
    y = x + c
    found = picture(sd.exp(y))
    assert found.ids(shape="ellipse") == [box(x)]
    assert found.ids(shape="note") == [box(c)]
    assert "[1.0, 2.0]" in found.boxes[box(c)]["label"]
    assert found.ids(shape="box", peripheries="2") == [f"n{y.index + 1}"]


def test_a_scalar_constant_stands_beside_each_of_its_uses() -> None:
    x = sd.Graph().input("x", sd.f64)
    y = 2.0 * x
    z = y - 2.0
    found = picture(z)
    twos = found.ids(label="2.0")
    assert [a.head for two in twos for a in found.solid if a.tail == two] == [box(y), box(z)]


def test_a_lone_constant_and_a_lone_input_can_be_drawn() -> None:
    g = sd.Graph()
    for node, name in ((g.constant(2.5), "2.5"), (g.input("x", sd.f64), "x")):
        found = picture(node)
        assert f"<b>{name}</b>" in found.boxes[box(node)]["label"]
        assert found.ids(peripheries="2") == [box(node)]


def test_an_empty_graph_is_an_empty_drawing() -> None:
    assert picture(sd.Graph("empty")).boxes == {}


def test_a_graph_is_drawn_whole_and_outputs_with_what_they_need() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64)
    unused, y = sd.cos(x), sd.sin(x)
    g.outputs = [y]
    assert box(unused) in picture(g).boxes
    assert box(unused) not in picture(y).boxes


def test_several_outputs_are_told_apart_by_their_place_in_the_nesting() -> None:
    x = sd.Graph().input("x", sd.f64)
    y, z = sd.sin(x), sd.cos(x)
    found = picture({"y": y, "all": [z, y]})
    assert "output ['y'], output ['all'][1]" in unescape(found.boxes[box(y)]["label"])
    assert "output ['all'][0]" in unescape(found.boxes[box(z)]["label"])
    assert "output" not in picture(y).boxes[box(y)]["label"]


def test_pointing_at_a_box_shows_the_formula_and_the_line_that_made_it() -> None:
    x = sd.Graph().input("x", sd.f64["n"])
    hint = picture(sd.sum(x * x)).boxes["n2"]["tooltip"]
    assert hint.startswith(r"%1 = sum %0 axis=(0,) : f64[]\ntest_dot.py:")


def test_edges_start_at_the_result_of_a_node_that_has_several() -> None:
    x = sd.Graph().input("x", sd.f64[4])
    quotient, rest = sd.divmod(x, 3.0)
    both = quotient.inputs[0]
    found = picture(rest - quotient)
    assert "0: " in found.boxes[box(both)]["label"]
    ports = {a.head: a.looks["tailport"] for a in found.solid if a.tail == box(both)}
    assert ports == {box(quotient): "r0:s", box(rest): "r1:s"}


def test_the_graphs_within_a_node_are_named_with_their_ops() -> None:
    bounded = sd.custom_gradient(
        lambda x: sd.tanh(x) * sd.exp(x), vjp=lambda g, y, x: g * sd.cos(y)
    )
    x = sd.Graph().input("x", sd.f64)
    label = picture(bounded(x)).boxes["n1"]["label"]
    assert "body=@custom: tanh, exp, multiply" in label
    assert "vjp=@custom_vjp: cos, multiply" in label


# -- edges ---------------------------------------------------------------------------------


def test_positions_stand_at_edges_where_exchanging_operands_would_matter() -> None:
    g = sd.Graph()
    a, b = g.input("a", sd.f64), g.input("b", sd.f64)
    product, difference = a * b, a - b
    found = picture([product, difference])
    assert {e.tail: e.label for e in found.into(box(product))} == {box(a): "", box(b): ""}
    assert {e.tail: e.label for e in found.into(box(difference))} == {box(a): "0", box(b): "1"}


def test_an_operand_taken_twice_has_two_edges() -> None:
    x = sd.Graph().input("x", sd.f64)
    assert picture(x * x).pairs() == [("n0", "n1"), ("n0", "n1")]


def test_values_go_from_operand_to_result_at_every_order() -> None:
    nodes = chain(3)
    found = picture(nodes, long_edges=True)
    graph = nodes[0].graph
    wanted = [(box(i), box(n)) for n in graph.ancestors(nodes) for i in n.inputs]
    assert found.pairs() == sorted(wanted)


@settings(max_examples=15)
@given(recipes(named=True))
def test_every_operand_of_a_random_gradient_is_an_edge(recipe: Recipe) -> None:
    built = recipe.build()
    outputs = [built.output, sd.grad(built.output, built.inputs, disconnected="zero")]
    found = picture(outputs, long_edges=True, max_nodes=None)
    for node in built.graph.ancestors([built.output, *outputs[1]]):
        if node.op.form != "source":
            assert len(found.into(box(node))) == len(node.inputs)


# -- gradients -----------------------------------------------------------------------------


def test_each_order_has_a_frame_and_a_tint() -> None:
    nodes = chain(3)
    found = picture(nodes)
    graph = nodes[0].graph
    assert list(found.frames) == ["forward", "gradient", "second order", "third order"]
    for order, ids in enumerate(found.frames.values()):
        own = {box(n) for n in graph.ancestors(nodes) if n.order == order}
        assert {i for i in ids if i.startswith("n")} == own & found.boxes.keys()
        fills = {
            found.boxes[i]["fillcolor"] for i in own if "hexagon" not in found.boxes[i]["shape"]
        }
        assert fills == {TINTS[order][0]}


def test_forward_nodes_alone_need_no_frame() -> None:
    assert picture(chain(0)).frames == {}


def test_orders_without_a_name_are_numbered() -> None:
    x = sd.Graph().input("x", sd.f64)
    node = sd.sin(x)
    for _ in range(5):
        node = sd.grad(node * x, x)
    assert {"third order", "order 4", "order 5"} <= picture(node).frames.keys()


def test_dashed_edges_join_nodes_and_the_gradients_with_respect_to_them() -> None:
    z, dz = chain(1)
    g = z.graph
    table = sd.build_grad(g, z, g.inputs)
    found = picture([z, dz])
    wanted = {(box(n), box(table[n])) for n in table if n is not z}
    assert {(a.tail, a.head) for a in found.dashed} == wanted
    assert len(wanted) == 3


def test_gradients_stand_beside_their_nodes() -> None:
    found = picture(chain(1))
    assert len(found.dashed) == 3
    for arrow in found.dashed:
        assert place(found, arrow.tail)[1] == pytest.approx(place(found, arrow.head)[1], abs=2)


def test_a_gradient_says_what_it_is_the_gradient_of() -> None:
    loss, w = ridge()
    dw = sd.grad(loss, w)
    label = picture([loss, dw]).boxes[box(dw)]["label"]
    assert "<i>" in label
    assert "d %7 / d w" in label


def test_a_node_that_a_later_derivative_found_ready_made_is_not_its_gradient() -> None:
    z, dz, ddz = chain(2)
    # d dz / d %5 is cos(x), which stands among the first derivatives already.
    assert "d %7 / d %5" not in sd.to_dot([z, dz, ddz])


def test_a_sum_of_contributions_has_its_own_shape_and_says_where_they_come_from() -> None:
    loss, w = ridge()
    dw = sd.grad(loss, w)
    found = picture([loss, dw])
    assert found.ids(shape="hexagon") == [box(dw)]
    labels = sorted(a.label for a in found.into(box(dw)))
    assert labels == ["via %0 [1]", "via %4"]
    assert "<b>%0</b>&#160; matmul" in sd.to_dot(loss)
    assert "<b>%4</b>&#160; pow" in sd.to_dot(loss)


def test_a_node_that_contributes_twice_is_labelled_with_both_ways() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64)
    z = sd.multiply(sd.sin(x), sd.sin(x))
    found = picture([z, sd.grad(z, x)])
    (total,) = found.ids(shape="hexagon")
    assert sorted(a.label for a in found.into(total)) == ["via %1", "via %1 [1]"]


def test_what_a_second_derivative_takes_from_lower_orders_is_a_tag_with_its_number() -> None:
    z, dz, ddz = chain(2)
    found = picture([z, dz, ddz])
    numbers = {i: found.boxes[i]["label"] for i in found.frames["second order"] if i[0] == "t"}
    graph = z.graph
    for node in graph.ancestors(ddz):
        if node.order == 2:
            taken = {f"t{i.index}_{box(node)}" for i in node.inputs if i.order < 2}
            assert {a.tail for a in found.into(box(node)) if a.tail[0] == "t"} == taken
            for id_ in taken:
                assert (
                    f"<b>{numbers[id_]}</b>" in found.boxes[f"n{id_[1:].split('_')[0]}"]["label"]
                )
    assert {found.boxes[i]["fillcolor"] for i in numbers} == {TINTS[0][0], TINTS[1][0]}


def test_long_edges_are_drawn_when_asked_for() -> None:
    found = picture(chain(2), long_edges=True)
    assert [i for i in found.boxes if i.startswith("t")] == []
    gradient, second = found.frames["gradient"], found.frames["second order"]
    assert [a for a in found.solid if a.tail in gradient and a.head in second] != []


def test_letters_and_outlines_stand_out_from_every_tint() -> None:
    for fill, stroke in TINTS:
        assert contrast("#1c2330", fill) > 7  # the strictest level of the WCAG
        assert contrast(stroke, "#ffffff") > 4.5


@pytest.mark.parametrize("eyes", ["all cones", "no middle cones", "no long cones"])
def test_tints_differ_for_people_who_take_red_for_green(eyes: str) -> None:
    for (fill, stroke), (other_fill, other_stroke) in combinations(TINTS, 2):
        assert difference(stroke, other_stroke, eyes) > 20
        assert difference(fill, other_fill, eyes) > 10


# What is seen of linear RGB, by Viénot, Brettel and Mollon (1999).
EYES = {
    "all cones": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "no middle cones": [[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]],
    "no long cones": [[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]],
}
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def linear(colour: str) -> np.ndarray:
    parts = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    """The ratio of luminances that the WCAG asks for."""
    dark, light = sorted(linear(colour) @ XYZ[1] for colour in (one, other))
    return (light + 0.05) / (dark + 0.05)


def difference(one: str, other: str, eyes: str) -> float:
    """The distance in CIELAB; 2 is just noticeable side by side."""
    places = []
    for colour in (one, other):
        seen = np.clip(np.array(EYES[eyes]) @ linear(colour), 0, 1)
        x, y, z = np.cbrt(XYZ @ seen / XYZ.sum(axis=1))
        places.append(np.array([116 * y, 500 * (x - y), 200 * (y - z)]))
    return float(np.linalg.norm(places[0] - places[1]))


# -- any text ------------------------------------------------------------------------------

HOSTILE = (
    '"',
    "\\",
    "\\N \\G \\l",
    '"]; evil [label="',
    "</b><script>alert(1)</script>",
    "<b>&amp;]]></b>",
    "a\nb\r\tc",
    "\x00\x07\x1b\ud800",
    "naïve Größe 梯度 \N{MATHEMATICAL SCRIPT CAPITAL G}",
    "--> <!-- }",
    "%s {0} ${x}",
    "",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_any_text_is_shown_as_it_is(text: str) -> None:
    x = sd.Graph().input("x", sd.f64)
    y = sd.probe(sd.sin(x), text.encode(errors="replace").decode())
    drawn = sd.to_dot([y, sd.grad(y, x)], title=text, collapse=lambda n: text if n.order else None)
    (svg,) = svgs([drawn])
    shown = " ".join(words(svg)).replace("\xa0", " ")
    legible = "".join(c if c >= " " and c != "\ud800" else "\ufffd" for c in text)
    for line in text.splitlines() if text.isprintable() else legible.split("\ufffd"):
        assert line in shown
    assert len(read(drawn).boxes) == 4


@settings(max_examples=30)
@given(st.text(), st.text())
def test_no_title_or_label_breaks_the_drawing(title: str, label: str) -> None:
    x = sd.Graph().input("x", sd.f64)
    drawn = sd.to_dot(sd.sin(x), title=title, collapse=lambda n: label)
    assert len(read(drawn).boxes) == 2


def test_long_words_are_cut() -> None:
    g = sd.Graph()
    x = g.input("x" * 5000, sd.f64["n" * 300, 3])
    drawn = sd.to_dot(sd.probe(x, "p" * 5000))
    assert len(drawn) < 6000
    assert "…" in drawn


# -- the same text -------------------------------------------------------------------------

PROGRAM = """
import symdiff as sd
from tests.render.test_dot import ridge
loss, w = ridge()
print(sd.to_dot([loss, sd.grad(loss, w), sd.hessian(loss, w)], collapse=True, max_nodes=20))
"""


def test_the_text_is_the_same_in_every_process() -> None:
    made = [
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert "digraph" in made[0]
    assert made[0] == made[1]


def test_ids_stay_when_the_graph_grows() -> None:
    z, dz = chain(1)
    before = picture(z).boxes
    sd.grad(dz, z.graph.inputs[0])
    after = picture([z, dz]).boxes
    for id_, looks in before.items():
        assert after[id_]["label"].split("<br/>")[0] == looks["label"].split("<br/>")[0]


# -- goldens -------------------------------------------------------------------------------

GOLDENS = {
    "chain": """
        graph chain(x: f64[]) {
          %0 : f64[] = sin x
          %1 : f64[] = sin %0
          %2 : f64[] = cos %0   ; d %1 / d %0
          %3 : f64[] = cos x
          %4 : f64[] = multiply %2 %3   ; d %1 / d x
          return %1, %4
        }
        """,
    "fan_out": """
        graph fan_out(x: f64[n]) {
          %0 : f64[n] = sin x
          %1 : f64[n] = multiply x %0
          %2 : f64[]  = sum %1 axis=(0,)
          %3 : f64[n] = broadcast_to 1.0 shape=(n,)   ; d %2 / d %1
          %4 : f64[n] = multiply %3 %0   ; d %2 / d x via %1
          %5 : f64[n] = multiply %3 x   ; d %2 / d %0
          %6 : f64[n] = cos x
          %7 : f64[n] = multiply %5 %6   ; d %2 / d x via %0
          %8 : f64[n] = add_n %4 %7   ; d %2 / d x
          return %8
        }
        """,
    "divmod": """
        graph remainder(x: f64[3]) {
          %0 : (f64[3], f64[3]) = divmod x 2.5
          %1 : f64[3] = item %0 index=1
          %2 : f64[3] = constant [1.0, 2.0, 3.0]
          %3 : f64[3] = subtract %1 %2
          return %3
        }
        """,
}


@pytest.mark.parametrize("name", GOLDENS)
def test_the_dot_text_is_as_it_was(name: str, golden: Callable[[str, str], None]) -> None:
    lines = [line.removeprefix("        ") for line in GOLDENS[name].splitlines()]
    drawn = sd.to_dot(sd.parse("\n".join(lines)), title=name)
    svgs([drawn])
    golden(f"dot/{name}", drawn.rstrip("\n"))
