"""The page a notebook shows: well-formed, self-contained, escaped, and bounded."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import symdiff as sd
from symdiff.render import html
from symdiff.render.dot import TINTS

SVG = "{http://www.w3.org/2000/svg}"
FORWARD, GRADIENTS, SECOND = (fill for fill, _ in TINTS[:3])

MODEL = """\
g = sd.Graph("loss")
x, w = g.input("x", sd.f64["n"]), g.input("w", sd.f64["n"])
z = sd.sum(sd.sin(x * w) ** 2) / x.shape[0]
"""


def model() -> dict[str, Any]:
    scope: dict[str, Any] = {"sd": sd}
    exec(compile(MODEL, "model.py", "exec"), scope)
    return scope


def parsed(page: str) -> ElementTree.Element:
    """The page as XML, which it must be to stand in any notebook."""
    return ElementTree.fromstring(page)


def labels(page: str) -> list[str]:
    return ["".join(t.itertext()) for t in parsed(page).iter(f"{SVG}text")]


def hints(page: str) -> list[str]:
    return [t.text or "" for t in parsed(page).iter(f"{SVG}title")]


def fills(page: str) -> set[str | None]:
    return {r.get("fill") for r in parsed(page).iter(f"{SVG}rect")} - {"none"}


# -- what it shows -------------------------------------------------------------------------


def test_a_small_page(golden: Callable[[str, str], None]) -> None:
    scope = model()
    d = sd.grad(scope["z"], scope["w"])
    golden("html/loss", html.page((scope["z"], d), "loss"))


def test_the_text_stands_under_the_picture() -> None:
    scope = model()
    root = parsed(scope["z"]._repr_html_())
    picture, pre = root
    assert picture[0].tag == f"{SVG}svg"
    assert (pre.tag, pre.text) == ("pre", sd.text(scope["z"]))


def test_every_node_is_drawn_with_its_op_number_and_type() -> None:
    z = model()["z"]
    found = labels(z._repr_html_())
    for node in z.graph.nodes:
        assert str(node.type) in found or not node.shape
    for label in ("x", "w", "2.0", "%0 multiply", "%1 sin", "%2 pow", "%3 sum", "%5 divide"):
        assert label in found


def test_numbers_in_the_picture_are_those_of_the_text() -> None:
    scope = model()
    page = sd.grad(scope["z"], scope["x"])._repr_html_()
    pre = parsed(page)[-1].text or ""
    numbered = dict(re.findall(r"^  (%\d+) : \S+ *= (\w+)", pre, re.MULTILINE))
    drawn = dict(label.split(" ", 1) for label in labels(page) if label.startswith("%"))
    assert drawn == numbered
    lines = [line.strip() for line in pre.split("\n") if " = " in line]
    assert {hint.split("\n")[0] for hint in hints(page)} >= set(lines)


def test_pointing_at_a_node_shows_its_line_in_the_users_file() -> None:
    page = model()["z"]._repr_html_()
    assert any(h.endswith("%1 : f64[n] = sin %0\nmodel.py:3") for h in hints(page))
    assert "x : f64[n]\nmodel.py:2" in hints(page)


def test_inputs_constants_and_outputs_have_shapes_of_their_own() -> None:
    z = model()["z"]
    boxes = {
        labels_of[0]: group.findall(f"{SVG}rect")
        for group in parsed(z._repr_html_()).iter(f"{SVG}g")
        if group.find(f"{SVG}title") is not None
        for labels_of in [[t.text for t in group.findall(f"{SVG}text")]]
    }
    assert boxes["x"][0].get("rx") == "19"
    assert boxes["%1 sin"][0].get("rx") == "6"
    assert boxes["2.0"][0].get("stroke-dasharray")
    assert not boxes["%1 sin"][0].get("stroke-dasharray")
    assert [len(boxes[k]) for k in ("x", "%1 sin", "2.0", "%5 divide")] == [1, 1, 1, 2]


def test_orders_of_differentiation_have_tints_and_a_legend() -> None:
    scope = model()
    z, w = scope["z"], scope["w"]
    d = sd.grad(z, w)
    dd = sd.grad(sd.sum(d**2), w)
    assert fills(html.page((z,), "z")) == {FORWARD}
    assert fills(html.page((z, d), "d")) == {FORWARD, GRADIENTS}
    assert fills(html.page((z, d, dd), "dd")) == {FORWARD, GRADIENTS, SECOND}
    names = ["forward", "gradients", "second order"]
    for outputs, shown in [((z,), []), ((z, d), names[:2]), ((z, d, dd), names)]:
        found = labels(html.page(outputs, "z"))
        assert [name for name in names if name in found] == shown


def test_a_third_order_has_the_tint_of_the_second() -> None:
    x = sd.Graph().input("x", sd.f64)
    d = x**4
    for _ in range(3):
        d = sd.grad(d, x)
    assert d.order == 3
    assert fills(d._repr_html_()) <= {FORWARD, GRADIENTS, SECOND}


def test_a_constant_stands_beside_each_of_its_uses() -> None:
    x = sd.Graph().input("x", sd.f64)
    y = sd.sin(x + 1.0) * sd.cos(x - 1.0)
    assert labels(y._repr_html_()).count("1.0") == 2


def test_a_graphs_page_shows_the_whole_graph() -> None:
    g = sd.Graph("whole")
    x = g.input("x", sd.f64)
    g.input("unused", sd.f64)
    sd.cos(x)
    g.outputs = [sd.sin(x)]
    page = g._repr_html_()
    assert {"x", "unused", "%0 cos", "%1 sin"} <= set(labels(page))
    assert parsed(page)[-1].text == g.text()


def test_an_empty_graph_has_a_page() -> None:
    root = parsed(sd.Graph("nothing")._repr_html_())
    assert [child.tag for child in root] == ["pre"]
    assert root[0].text == "graph nothing() {\n}"


def test_tuples_bodies_and_lone_outputs_have_a_page() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64[3])
    quotient, rest = divmod(x, 2.0)
    bounded = sd.custom_gradient(lambda a: sd.sin(a), vjp=lambda g, y, a: g)
    for outputs in [
        (quotient, rest),
        (quotient.inputs[0],),
        (bounded(x),),
        (x,),
        (g.constant(2.0),),
        (g.constant([1.0, 2.0]), x),
    ]:
        page = html.page(outputs, "g")
        assert parsed(page)[-1].text == sd.text(outputs)
        assert labels(page)


# -- what it must not do -------------------------------------------------------------------


def test_nothing_is_run_or_loaded() -> None:
    page = model()["z"]._repr_html_()
    tags = {element.tag.removeprefix(SVG) for element in parsed(page).iter()}
    assert tags <= {"div", "pre", "svg", "title", "g", "rect", "path", "text"}
    attributes = {name for element in parsed(page).iter() for name in element.attrib}
    assert not [name for name in attributes if name.startswith("on") or "href" in name]
    assert not re.search(r"url\(|@import|http(?!://www\.w3\.org/2000/svg)", page)


HOSTILE = "</pre></title></svg><script>alert('1')</script>&amp;\"'\x00\x1b\ud800\uffff"


def test_hostile_names_are_escaped() -> None:
    tagged = sd.op(
        "tagged",
        "x",
        doc="`x`, with a note.",
        parameters={"note": None},
        infer=lambda x, note: x,
        kernel=lambda x, note: x,
    )
    scope: dict[str, Any] = {"sd": sd, "tagged": tagged, "note": HOSTILE}
    source = "g = sd.Graph('g'); y = tagged(g.input('x', sd.f64), note=note)"
    exec(compile(source, "<img src=x onerror=alert(1)>", "exec"), scope)
    g = scope["g"]
    g.name = HOSTILE
    g.outputs = [scope["y"]]
    for page in (g._repr_html_(), scope["y"]._repr_html_()):
        tags = {element.tag.removeprefix(SVG) for element in parsed(page).iter()}
        assert not tags & {"script", "img"}
        assert "<script" not in page
        assert "<img" not in page


def test_letters_and_lines_take_the_notebooks_colour_or_their_own_ground() -> None:
    scope = model()
    root = parsed(html.page((scope["z"], sd.grad(scope["z"], scope["w"])), "z"))
    svg = next(root.iter(f"{SVG}svg"))
    legend = svg.find(f"{SVG}g")
    assert legend is not None
    assert legend.get("fill") == "currentColor"
    assert root[-1].attrib == {}
    for group in svg.iter(f"{SVG}g"):
        if group.find(f"{SVG}title") is not None:
            assert group.findall(f"{SVG}rect")[-1].get("fill") in (FORWARD, GRADIENTS, SECOND)


# -- size ----------------------------------------------------------------------------------


def sines(count: int) -> sd.Node:
    y = sd.Graph("sines").input("x", sd.f64[2])
    for _ in range(count - 1):
        y = sd.sin(y)
    return y


def test_sixty_nodes_are_drawn_and_more_are_not() -> None:
    assert "<svg" in sines(60)._repr_html_()
    page = sines(61)._repr_html_()
    assert "<svg" not in page
    sentence = parsed(page)[0].text or ""
    assert sentence.startswith("The picture is left out: the graph has 61 nodes")
    assert "60" in sentence


def test_the_text_of_a_large_graph_is_cut_in_the_middle() -> None:
    y = sines(5000)
    pre = parsed(y._repr_html_())[-1].text or ""
    assert pre == str(y)
    assert len(pre.split("\n")) == 60


def test_a_line_with_thousands_of_operands_is_cut() -> None:
    x = sd.Graph().input("x", sd.f64)
    page = sd.add_n(*[x] * 10_000)._repr_html_()
    assert max(map(len, (parsed(page)[-1].text or "").split("\n"))) <= 160


def test_long_labels_are_cut_to_fit_their_boxes() -> None:
    g = sd.Graph()
    x = g.input("a_name_far_too_long_to_stand_in_a_box", sd.f64["rows", "columns", "planes", 3])
    y = x * 1.234567890123456789e-300
    found = labels(y._repr_html_())
    assert "a_name_far_too_long_t…" in found
    assert max(map(len, found)) <= 22


# -- the drawing ---------------------------------------------------------------------------


def rectangles(page: str) -> list[tuple[float, float, float, float]]:
    groups = [g for g in parsed(page).iter(f"{SVG}g") if g.find(f"{SVG}title") is not None]
    boxes = [g.findall(f"{SVG}rect")[0] for g in groups]
    return [tuple(float(b.get(k, "")) for k in ("x", "y", "width", "height")) for b in boxes]  # type: ignore[misc]


@pytest.mark.parametrize("wide", [1, 7, 15])
def test_boxes_never_overlap_and_stay_inside_the_picture(wide: int) -> None:
    g = sd.Graph()
    xs = [g.input(f"x{k}", sd.f64[3]) for k in range(wide)]
    z = sd.sum(sd.add_n(*[sd.sin(x) * 2.0 for x in xs], xs[0]))
    page = html.page((z, *xs[:2]), "g")
    found = rectangles(page)
    svg = next(parsed(page).iter(f"{SVG}svg"))
    width, height = float(svg.get("width", "")), float(svg.get("height", ""))
    for k, (x, y, w, h) in enumerate(found):
        assert x + 12 >= 0
        assert x + w + 12 <= width
        assert y + 12 >= 0
        assert y + h + 12 <= height
        for x2, y2, w2, h2 in found[k + 1 :]:
            assert x + w <= x2 or x2 + w2 <= x or y + h <= y2 or y2 + h2 <= y


def test_a_page_is_the_same_every_time() -> None:
    def build() -> str:
        scope = model()
        return html.page((scope["z"], sd.hvp(scope["z"], scope["w"], scope["x"])), "z")

    assert build() == build()


def test_a_value_with_many_digits_is_drawn_with_all_in_the_hint() -> None:
    x = sd.Graph().input("x", sd.f64)
    page = (x * np.pi)._repr_html_()
    assert any(hint.startswith(f"{np.pi!r} : f64[]") for hint in hints(page))
