"""A drawing written in DOT, the language of Graphviz.

Forward nodes run downwards and the gradients beside them upwards, each next to what it is the
gradient of; the second order runs downwards again, and so on. To have Graphviz rank them that
way, edges within an order that runs upwards are written from head to tail, with ``dir=back``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from symdiff.render.drawing import Box, Drawing, Edge
from symdiff.render.markup import escape, printable

__all__ = ["TINTS", "dot_text"]

_INK: Final = "#1c2330"
_LINE: Final = "#4a5361"
_SUM: Final = "#fff2b3"
_FONT: Final = "Helvetica,Arial,sans-serif"

TINTS: Final = (
    ("#d9ebfd", "#2f6fb0"),
    ("#ffe0b8", "#ad5c0c"),
    ("#f2c6d8", "#a03f72"),
    ("#cdeed6", "#2f7d4f"),
)
"""Fill and outline by order of differentiation; from the fourth on the last three by turns.

They differ for people who take red for green as well. On grey paper the frames say the order.
"""

_TITLES: Final = ("forward", "gradient", "second order", "third order")

_HEAD: Final = f"""\
  graph [rankdir=TB, newrank=true, nodesep=0.25, ranksep=0.35, pad=0.1,
    fontname="{_FONT}", fontsize=12, fontcolor="{_INK}"];
  node [shape=box, style="rounded,filled", height=0.3, width=0.4, margin="0.11,0.05",
    fontname="{_FONT}", fontsize=11, fontcolor="{_INK}"];
  edge [color="{_LINE}", arrowsize=0.7, fontname="{_FONT}", fontsize=8,
    fontcolor="{_LINE}", labeldistance=1.7, labelangle=-28];"""

# Edges from one order to another, and those from a node to the gradient with respect to it.
_CROSSING: Final = 'color="#8f98a3", constraint=false'
_PROVENANCE: Final = (
    'style=dashed, color="#b08d5b", arrowhead=none, penwidth=0.8, constraint=false'
)
# No rank apart, and as near to that as can be: a gradient stands beside its node.
_BESIDE: Final = "constraint=true, minlen=0, weight=2"

# What each kind of box looks like beyond the head of the file and its tint.
_LOOKS: Final[Mapping[str, str]] = {
    "input": "shape=ellipse, style=filled, margin=0.04",
    "constant": "shape=note, style=filled",
    "node": "",
    "sum": f'shape=hexagon, style=filled, fillcolor="{_SUM}", margin=0',
    "results": "",
    "fused": "style=filled",
    "group": "style=filled",
    "more": 'style="rounded,dashed"',
    "value": 'shape=plaintext, style="", width=0, height=0.15, margin="0.04,0.02", fontsize=10',
    "tag": 'width=0.2, height=0.16, margin="0.04,0.01", fontsize=9, penwidth=0.6',
}


_SPACES: Final = str.maketrans("\t\r\n", "   ")


def dot_text(drawing: Drawing, name: str, title: str | None = None) -> str:
    """The DOT text of a drawing; `name` is the graph's, `title` is written above it."""
    boxes = {box.id: box for box in drawing.boxes}
    orders = sorted({box.order for box in drawing.boxes})
    lines = [f"digraph {_quoted(name)} {{", _HEAD]
    if title is not None:
        lines.append(f"  labelloc=t; label={_quoted(title)};")
    for order in orders:
        within = [box for box in drawing.boxes if box.order == order]
        lines += _cluster(order, within, framed=len(orders) > 1)
    edges: dict[str, list[str]] = {looks: [] for looks in ("", _CROSSING, _PROVENANCE)}
    for edge in drawing.edges:
        source, target = boxes[edge.source], boxes[edge.target]
        looks = _PROVENANCE if edge.is_provenance else _CROSSING
        edges[looks if source.order != target.order else ""].append(_edge(edge, source, target))
    for looks, found in edges.items():
        if found and looks:
            lines += [f"  {{ edge [{looks}];", *("  " + line for line in found), "  }"]
        else:
            lines += found
    lines.append("}")
    return "\n".join(lines) + "\n"


def _cluster(order: int, boxes: list[Box], framed: bool) -> Iterator[str]:
    """The boxes of one order, in their tint; framed where there are others."""
    fill, stroke = _tint(order)
    tint = f'node [color="{stroke}", fillcolor="{fill}"];'
    if framed:
        title = _TITLES[order] if order < len(_TITLES) else f"order {order}"
        yield f"  subgraph cluster_{order} {{"
        yield f'    label="{title}"; style=rounded; color="{stroke}"; fontcolor="{stroke}";'
        yield f"    {tint}"
        yield from (f"    {_box(box)}" for box in boxes)
        yield "  }"
    else:
        yield f"  {tint}"
        yield from (f"  {_box(box)}" for box in boxes)


def _tint(order: int) -> tuple[str, str]:
    return TINTS[order] if order < len(TINTS) else TINTS[1 + (order - 1) % 3]


# -- boxes ---------------------------------------------------------------------------------


def _box(box: Box) -> str:
    looks = [f"label={_label(box)}", _LOOKS[box.kind], f"tooltip={_quoted(box.hint or box.name)}"]
    if box.kind == "tag":
        fill, stroke = _tint(box.tint)
        looks.append(f'color="{stroke}", fillcolor="{fill}"')
    if box.output is not None:
        looks.append("peripheries=2")
    return f"{box.id} [{', '.join(filter(None, looks))}];"


def _label(box: Box) -> str:
    """The label as Graphviz's HTML: a bold name, and the rest in smaller lines below it."""
    if box.kind in ("value", "tag", "more"):
        return _quoted(box.name)
    # Wide apart, for a browser may draw the name wider than Graphviz took it to be.
    title = "&#160; ".join(filter(None, (_styled("<b>{}</b>", box.name), box.op)))
    if box.kind == "results":
        return f"<{_table(_lines(title, _small(box.params)), box.rows)}>"
    before = [_small(part) for part in (box.params, *box.rows, box.type)]
    note = _styled('<i><font point-size="9">{}</font></i>', box.note)
    return f"<{_lines(title, *before, note, _small(box.output or ''))}>"


def _lines(*parts: str) -> str:
    return "<br/>".join(filter(None, parts))


def _table(title: str, results: tuple[str, ...]) -> str:
    """A title over a cell for each result, from which its edges start."""
    cells = "".join(
        f'<td port="r{k}" border="1" color="#8f98a3">{k}: {_small(type_)}</td>'
        for k, type_ in enumerate(results)
    )
    return (
        '<table border="0" cellborder="0" cellspacing="2" cellpadding="2">'
        f'<tr><td colspan="{len(results)}">{title}</td></tr><tr>{cells}</tr></table>'
    )


def _small(part: str) -> str:
    return _styled('<font point-size="9">{}</font>', part)


def _styled(style: str, part: str) -> str:
    """A part of a label, or nothing: Graphviz's HTML has no empty elements."""
    shown = escape(part.translate(_SPACES)).strip(" ")
    return style.format(shown) if shown else ""


# -- edges ---------------------------------------------------------------------------------


def _edge(edge: Edge, source: Box, target: Box) -> str:
    upwards = source.order == target.order and source.order % 2 == 1
    start, end = source.id, target.id
    if edge.port is not None:
        start += f":r{edge.port}:{'n' if upwards else 's'}"
    looks = []
    # In the middle of the edge there is room for words, but only where the ends are ranks apart:
    # Graphviz frees memory twice after edges with a label within the topmost rank.
    if edge.label and (edge.label.isdigit() or source.order != target.order):
        looks.append(f"{'taillabel' if upwards else 'headlabel'}={_quoted(edge.label)}")
    elif edge.label:
        looks.append(f"label={_quoted(edge.label)}")
    if upwards:
        start, end = end, start
        looks.append("dir=back")
    if edge.is_provenance and target.order - source.order == 1:
        looks.append(_BESIDE)
    return f"  {start} -> {end}" + (f" [{', '.join(looks)}];" if looks else ";")


# -- text ----------------------------------------------------------------------------------


def _quoted(raw: str) -> str:
    """Any text as a string of DOT, where a backslash begins an escape."""
    clean = printable(raw).replace("\\", "\\\\").replace('"', '\\"')
    return '"' + clean.replace("\n", "\\n") + '"'
