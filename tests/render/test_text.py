"""What the text form shows: lines, numbers, notes, and what is left out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symdiff as sd
from symdiff.op import REQUIRED
from symdiff.render.text import LONGEST_TEXT, cut


def chain(length: int) -> sd.Graph:
    g = sd.Graph("chain")
    y = g.input("x", sd.f64)
    for _ in range(length):
        y = sd.sin(y)
    g.outputs = [y]
    return g


def lines(graph: sd.Graph) -> list[str]:
    """The lines of the nodes."""
    return [line for line in graph.text().split("\n") if line.startswith("  %")]


# -- which lines there are -----------------------------------------------------------------


def test_a_graphs_text_has_all_nodes_and_the_text_of_outputs_only_their_ancestors() -> None:
    g = sd.Graph("both")
    x, y = g.input("x", sd.f64), g.input("y", sd.f64)
    sd.cos(y)
    g.outputs = [sd.sin(x)]
    assert g.text() == (
        "graph both(x: f64[], y: f64[]) {\n"
        "  %0 : f64[] = cos y\n"
        "  %1 : f64[] = sin x\n"
        "  return %1\n"
        "}"
    )
    assert sd.text(g.outputs) == ("graph both(x: f64[]) {\n  %0 : f64[] = sin x\n  return %0\n}")


def test_a_graph_without_outputs_has_no_line_that_returns() -> None:
    g = sd.Graph()
    sd.sin(g.input("x", sd.f64))
    assert g.text() == "graph graph(x: f64[]) {\n  %0 : f64[] = sin x\n}"


def test_an_input_or_a_scalar_may_be_an_output() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64)
    assert sd.text([x, g.constant(2), x]) == "graph graph(x: f64[]) {\n  return x, 2, x\n}"


def test_nested_outputs_are_listed_left_to_right() -> None:
    g = sd.Graph()
    x, y = g.input("x", sd.f64), g.input("y", sd.f64)
    assert sd.text({"a": [y], "b": (x, y)}).split("\n")[1] == "  return y, x, y"


def test_text_of_what_is_no_node_is_refused() -> None:
    for what in ([], None, 3.0, {"a": "x"}):
        with pytest.raises(sd.ArgumentError, match="is not a node or nested nodes"):
            sd.text(what)
    one, two = chain(1), chain(2)
    with pytest.raises(sd.MixedGraphError):
        sd.text([*one.outputs, *two.outputs])


def test_numbers_and_types_stand_in_columns() -> None:
    g = sd.Graph()
    x = y = g.input("x", sd.f64["n", 3])
    for _ in range(10):
        y = sd.sin(y)
    sd.sum(y)
    shown = lines(g)
    assert shown[0] == "  %0  : f64[n,3] = sin x"
    assert shown[10] == "  %10 : f64[]    = sum %9 axis=(0,1)"
    assert len({line.index(" = ") for line in shown}) == 1
    assert x.graph is g


def test_a_very_long_type_does_not_push_the_others_aside() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64["2*alpha*beta*gamma + 1", "first", "second"])
    sd.sum(sd.sin(x))
    long, short = lines(g)
    assert len(long.split(" = ")[0]) > 30
    assert short.split(" = ")[0] == "  %1 : f64[]                   "


# -- one line ------------------------------------------------------------------------------


def test_a_parameter_with_its_default_is_left_out() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f32[2, 3])
    sd.sum(x, axis=0)
    sd.sum(x, axis=0, keepdims=True)
    sd.sum(x, dtype=sd.f64)
    assert [line.split(" = ")[1] for line in lines(g)] == [
        "sum x axis=(0,)",
        "sum x axis=(0,) keepdims=True",
        "sum x axis=(0,1) dtype=f64",
    ]


def test_a_parameter_that_only_looks_like_its_default_is_shown() -> None:
    hold = sd.op(
        "hold",
        "x",
        doc="",
        parameters={"value": 1},
        infer=lambda x, value: x,
        kernel=lambda x, value: x,
    )
    g = sd.Graph()
    x = g.input("x", sd.f64)
    for value in (1, 1.0, True):
        hold(x, value=value)
    assert [line.split("hold x")[1] for line in lines(g)] == ["", " value=1.0", " value=True"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (2.0, "2.0"),
        (2, "2"),
        (True, "True"),
        (1 + 2j, "1.0+2.0j"),
        (-2j, "-0.0-2.0j"),
        (-0.0, "-0.0"),
        (1e-05, "1e-05"),
        (np.float32(0.1), "0.1:f32"),
        (np.float16(65504), "6.55e+04:f16"),
        (np.uint8(7), "7:u8"),
        (np.complex64(complex(np.nan, -np.inf)), "nan-infj:c64"),
        (np.nan, "nan"),
        (-np.float64(np.nan), "nan(0xfff8000000000000)"),
        (np.array([0x7FC00001], np.uint32).view(np.float32)[0], "nan(0x7fc00001):f32"),
    ],
)
def test_a_scalar_constant_stands_by_its_value(value: Any, shown: str) -> None:
    g = sd.Graph()
    node = g.constant(value)
    assert repr(node) == f"{shown} : {node.type}"


@pytest.mark.parametrize(
    ("array", "shown"),
    [
        (np.array([1.0, -0.5]), "[1.0, -0.5]"),
        (np.array([[1], [2]], np.int8), "[[1], [2]]"),
        (np.array([True, False]), "[True, False]"),
        (np.zeros((3, 0, 2)), "[]"),
        (np.zeros((10**12, 0)), "[]"),
    ],
)
def test_an_array_stands_on_its_own_line(array: np.ndarray[Any, Any], shown: str) -> None:
    g = sd.Graph()
    node = g.constant(array)
    assert repr(node) == f"%0 : {node.type} = constant {shown}"


def test_an_array_above_one_kibibyte_stands_by_its_digest() -> None:
    g = sd.Graph()
    whole, cut_short = g.constant(np.arange(128.0)), g.constant(np.arange(129.0))
    assert repr(whole).endswith("126.0, 127.0]")
    digest = repr(cut_short).removeprefix("%1 : f64[129] = constant #")
    assert len(digest) == 32
    other = sd.Graph()
    assert digest in repr(other.constant(np.arange(129.0)))
    assert digest not in repr(other.constant(np.arange(129.0, dtype=np.float32)))


def test_a_function_in_a_parameter_is_named_without_its_address() -> None:
    g = sd.Graph()
    node = sd.probe(g.input("x", sd.f64), "x", chain)
    assert repr(node) == f'%0 : f64[] = probe x label="x" callback=<{__name__}.chain>'
    with pytest.raises(sd.ParseError, match="a Python object stood here, which no text can hold"):
        sd.parse(g.text())


def test_a_parameter_never_breaks_a_line() -> None:
    class Odd:
        __hash__ = object.__hash__

        def __repr__(self) -> str:
            return "two\nlines"

    hold = sd.op(
        "hold",
        "x",
        doc="",
        parameters={"value": REQUIRED},
        infer=lambda x, value: x,
        kernel=lambda x, value: x,
    )
    g = sd.Graph()
    x = g.input("x", sd.f64)
    for value in (Odd(), "two\nlines", ("a\r\n", Odd())):
        assert "\n" not in repr(hold(x, value=value))


# -- notes ---------------------------------------------------------------------------------


def test_a_gradient_says_what_it_is_and_a_part_of_one_says_through_what() -> None:
    g = sd.Graph()
    x, w = g.input("x", sd.f64), g.input("w", sd.f64)
    z = sd.exp(x * w) * sd.sin(w)
    sd.grad(z, w)
    assert [line.split(" = ")[1] for line in lines(g)] == [
        "multiply x w",
        "exp %0   ; d %3 / d %2",
        "sin w   ; d %3 / d %1",
        "multiply %1 %2",
        "cos w",
        "multiply %1 %4   ; d %3 / d w via %2",
        "multiply %2 %1   ; d %3 / d %0",
        "multiply %6 x   ; d %3 / d w via %0 [1]",
        "add_n %5 %7   ; d %3 / d w",
    ]


def test_a_note_is_left_out_where_it_would_name_a_node_that_is_not_shown() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64["n"])
    slope = sd.grad(sd.sum(sd.sin(x)), x)
    assert "; d %1 / d x" in g.text()
    assert sd.text(slope) == "graph graph(x: f64[n]) {\n  %0 : f64[n] = cos x\n  return %0\n}"


# -- repr, str, and long texts ---------------------------------------------------------------


def test_repr_of_a_node_is_its_line_in_its_graph() -> None:
    g = chain(3)
    (y,) = g.outputs
    assert repr(y) == "%2 : f64[] = sin %1"
    assert repr(y.inputs[0]) == "%1 : f64[] = sin %0"
    assert repr(g.inputs[0]) == "x : f64[]"
    assert f"  {y!r}" in g.text().split("\n")


def test_repr_of_a_graph_is_one_line_however_many_inputs_it_has() -> None:
    assert repr(chain(3)) == "<graph chain(x: f64[]): 4 nodes>"
    g = sd.Graph("wide")
    for k in range(100):
        g.input(f"x{k}", sd.f64)
    assert repr(g).count("x") == 6
    assert repr(g).endswith(", …): 100 nodes>")


def test_str_is_the_text_up_to_sixty_lines() -> None:
    longest = LONGEST_TEXT - 3  # the graph's own lines: the first, return, and the last
    g = chain(longest)
    assert str(g) == g.text()
    assert str(g.outputs[0]) == sd.text(g.outputs)
    assert len(str(chain(longest + 1)).split("\n")) == LONGEST_TEXT


def test_str_of_a_long_graph_leaves_out_the_middle_and_says_how_much() -> None:
    g = chain(1000)
    whole, shown = g.text().split("\n"), str(g).split("\n")
    gap = next(k for k, line in enumerate(shown) if "…" in line)
    assert shown[:gap] == whole[:gap]
    assert shown[gap + 1 :] == whole[gap + 1 - len(shown) :]
    assert shown[gap] == f"  … {len(whole) - len(shown) + 1} lines …"
    assert shown[-1] == "}"
    assert str(g.outputs[0]) == str(g)


def test_a_text_that_was_cut_says_so_when_it_is_read() -> None:
    with pytest.raises(sd.ParseError, match=r"left out; print graph\.text\(\) instead"):
        sd.parse(str(chain(1000)))


def test_cutting_keeps_every_line_of_a_short_text() -> None:
    assert cut("") == ""
    assert cut("a\nb") == "a\nb"
