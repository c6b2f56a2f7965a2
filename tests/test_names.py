"""Named nodes: `node.named("y")` is what texts, drawings, messages and source call it."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import symdiff as sd


@pytest.fixture
def graph() -> sd.Graph:
    """z = sum(exp(sin(x) w + b)) with its parts named, and its gradients."""
    g = sd.Graph("parts")
    x, w, b = (g.input(name, sd.f64["n"]) for name in "xwb")
    c = sd.sin(x).named("c")
    y = (c * w + b).named("y")
    z = sd.sum(sd.exp(y)).named("z")
    g.outputs = [z, *sd.grad(z, [x, w])]
    return g


TEXT = """\
graph parts(x: f64[n], w: f64[n], b: f64[n]) {
  c  : f64[n] = sin x
  %1 : f64[n] = multiply c w
  y  : f64[n] = add %1 b
  %3 : f64[n] = exp y   ; d z / d y
  z  : f64[]  = sum %3 axis=(0,)
  %5 : f64[n] = broadcast_to 1.0 shape=(n,)   ; d z / d %3
  %6 : f64[n] = multiply %3 w   ; d z / d c
  %7 : f64[n] = multiply %3 c   ; d z / d w
  %8 : f64[n] = cos x
  %9 : f64[n] = multiply %6 %8   ; d z / d x
  return z, %9, %7
}"""


def test_names_stand_where_numbers_would_and_numbers_still_count_lines(graph: sd.Graph) -> None:
    assert graph.text() == TEXT


def test_naming_gives_the_same_node_back() -> None:
    x = sd.Graph().input("x", sd.f64)
    y = sd.sin(x)
    assert y.name is None
    assert y.named("y") is y
    assert y.name == "y"
    assert repr(y) == "y : f64[] = sin x"


def test_equal_expressions_are_one_node_which_keeps_its_first_name() -> None:
    x = sd.Graph().input("x", sd.f64)
    y = sd.exp(x).named("y")
    assert sd.grad(y, x).named("dy") is y
    assert y.name == "y"


def test_what_is_printed_twice_under_one_name_gets_a_number() -> None:
    h = x = sd.Graph("deep").input("h", sd.f64)
    for _ in range(3):
        h = sd.sin(h).named("h")
    text = sd.text(h * x)
    assert [line.split(" :")[0].strip() for line in text.splitlines()[1:-2]] == [
        "h_2",
        "h_3",
        "h_4",
        "%3",
    ]
    assert sd.parse(text).text() == text


def test_a_name_with_a_number_behind_it_may_be_someone_elses() -> None:
    x = sd.Graph().input("x", sd.f64)
    nodes = [f(x).named(n) for f, n in [(sd.sin, "h"), (sd.cos, "h_2"), (sd.exp, "h")]]
    text = sd.text(nodes)
    assert "return h, h_2, h_3" in text
    assert sd.parse(text).text() == text


def test_a_hundred_thousand_nodes_of_one_name_are_printed_and_read() -> None:
    h = sd.Graph().input("x", sd.f64)
    for _ in range(100_000):
        h = sd.sin(h).named("h")
    text = sd.text(h)
    assert text.endswith("return h_100000\n}")


def test_the_text_reads_back_to_the_letter(graph: sd.Graph) -> None:
    again = sd.parse(graph.text())
    assert again.text() == graph.text()
    assert sorted(again.names.values()) == ["c", "y", "z"]


def test_names_are_no_part_of_the_digest(graph: sd.Graph) -> None:
    before = graph.digest()
    graph.outputs[1].named("dx")
    assert graph.digest() == before


@pytest.mark.parametrize(
    "again",
    [
        lambda g: pickle.loads(pickle.dumps(g)),
        lambda g: g.copy(),
        lambda g: sd.from_networkx(sd.to_networkx(g)),
    ],
    ids=["pickle", "copy", "networkx"],
)
def test_copies_keep_names(graph: sd.Graph, again: Any) -> None:
    assert again(graph).text() == graph.text()


def test_compact_keeps_the_names_of_what_it_keeps(graph: sd.Graph) -> None:
    z = graph.outputs[0]
    assert graph.compact(z.inputs[0]).text().splitlines()[1:4] == TEXT.splitlines()[1:4]


def test_rewriting_and_compiling_keep_names(graph: sd.Graph) -> None:
    x, w, b = graph.inputs
    f = sd.compile([x, w, b], list(graph.outputs))
    assert "c  : f64[n] = sin x" in f.graph.text()
    assert "sin(x, c)" in f.source
    found = sd.optimize(graph).graph
    assert "  y  : f64[n] = add %1 b" in found.text()
    ones = np.ones(2)
    plain = sd.compile([x, w, b], list(graph.outputs), optimize="none")
    for one, other in zip(f(ones, ones, ones), plain(ones, ones, ones), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-15)


def test_substituting_and_inlining_keep_names(graph: sd.Graph) -> None:
    z, x = graph.outputs[0], graph.inputs[0]
    changed = sd.substitute(z, {x: 2.0 * x})
    assert changed.name == "z"
    other = sd.Graph("other")
    made = graph(*[other.input(n, sd.f64["m"]) for n in "pqr"])[0]
    assert made.name == "z"
    assert "y  : f64[m] = add %1 r" in sd.text(made)


def test_mapped_nodes_keep_the_names_of_what_they_stand_for() -> None:
    X = sd.Graph().input("X", sd.f64["n", 3])
    text = sd.text(sd.vmap(lambda x: sd.sum(sd.sin(x).named("wave")).named("total"))(X))
    assert "wave  : f64[n,3] = sin X" in text
    assert "total : f64[n]   = sum wave" in text


def test_drawings_and_pages_name_nodes(graph: sd.Graph) -> None:
    z = graph.outputs[0]
    assert "<b>y</b>&#160; add" in sd.to_dot(list(graph.outputs))
    assert "d z / d c" in sd.to_dot(list(graph.outputs))
    assert ">y add<" in z._repr_html_()


def test_messages_name_nodes(graph: sd.Graph) -> None:
    y = graph.outputs[0].inputs[0].inputs[0]
    with pytest.raises(sd.ShapeError, match=r"x2 = y : f64\[n\] = add %1 b  +\(test_names.py:\d+"):
        graph.input("A", sd.f64[3, 2]) @ y


@pytest.mark.parametrize("name", ["1a", "", "f64", "nan", "class", 3, None])
def test_a_name_that_is_none_is_refused(name: Any) -> None:
    x = sd.Graph().input("x", sd.f64)
    with pytest.raises(sd.ArgumentError, match="a node's name"):
        sd.sin(x).named(name)


def test_inputs_and_scalar_constants_have_their_names() -> None:
    g = sd.Graph()
    for node in (g.input("x", sd.f64), g.constant(2.0)):
        with pytest.raises(sd.ArgumentError, match="is called that already: inputs keep"):
            node.named("y")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("x : f64[] = sin x", "x is another node's name already"),
        ("f64 : f64[] = sin x", "a node's name cannot be 'f64'"),
        ("y : f64[] = sin y", "no input is named y"),
    ],
)
def test_a_text_with_a_wrong_name_is_refused_with_its_place(line: str, message: str) -> None:
    with pytest.raises(sd.ParseError, match=f"line 2: .*{message}"):
        sd.parse(f"graph g(x: f64[]) {{\n  {line}\n}}\n")


def test_what_is_differentiated_in_a_stable_form_keeps_its_names() -> None:
    x = sd.Graph().input("x", sd.f64)
    p = (1 / (1 + sd.exp(-x))).named("p")
    assert "p  : f64[] = sigmoid x" in sd.text(sd.grad(p * p, x))
    L = (p * p).named("L")
    of_inner = sd.grad(sd.log(1 + sd.exp(L)), L)
    assert "  L  : f64[] = multiply p p" in sd.text(of_inner)
