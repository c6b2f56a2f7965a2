"""A static page for notebooks: a picture of the graph over its text form.

One inline SVG and one `<pre>`: no scripts, no styles that reach outside, nothing loaded. Boxes
bring their own light fill and dark letters; everything else takes the notebook's text colour,
so the page reads on light and on dark ground.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from symdiff.render import text
from symdiff.render.dot import TINTS
from symdiff.render.layout import Layout, arrange
from symdiff.render.markup import escape

__all__ = ["graph_page", "page"]

MOST_NODES: Final = 60
"""Nodes of the largest graph that is drawn; a larger one is shown as text alone."""

_WIDEST_LABEL: Final = 22
_WIDEST_LINE: Final = 160
_MARGIN: Final = 12
_GAP: Final = 18
_ROW: Final = 78  # from one row of boxes to the next
_BOX: Final = 38  # height
_CHARACTER: Final = 7.3  # width of one, in the 12 px monospaced letters of the labels
_PORT: Final = 14  # from one edge's end to the next, where several end on one box

_FONT: Final = "ui-monospace,SFMono-Regular,Menlo,Consolas,monospace"
_INK: Final = "#1c2330"
_EDGE: Final = "#8b929c"  # stands out from white and from black alike
_TINTS: Final = TINTS[:3]


def page(outputs: Sequence[Any], name: str) -> str:
    """The picture and the text of what `outputs` are computed from, as an HTML fragment.

    Arguments: `outputs`, nodes of one graph; `name`, what the picture is called to those who
    hear it read. Up to sixty nodes are drawn; a larger graph is shown as text alone.

    >>> import symdiff as sd
    >>> x = sd.Graph("doc").input("x", sd.f64[3])
    >>> page((sd.sin(x),), "doc")[:57]
    '<div><div style="overflow-x:auto"><svg xmlns="http://www.'
    """
    if not outputs:
        return _fragment((), (), name, f"graph {name}() {{\n}}")
    return _fragment(outputs[0].graph.ancestors(outputs), outputs, name, text.text(tuple(outputs)))


def graph_page(graph: Any) -> str:
    """The picture and the text of a whole graph, nodes that no output needs included."""
    return _fragment(graph.nodes, graph.outputs, graph.name, text.graph_text(graph))


def _fragment(nodes: Sequence[Any], outputs: Sequence[Any], name: str, whole: str) -> str:
    shown = "\n".join(_clipped(line, _WIDEST_LINE) for line in text.cut(whole).split("\n"))
    if len(nodes) > MOST_NODES:
        above = (
            f"<p>The picture is left out: the graph has {len(nodes)} nodes, and pictures of more "
            f"than {MOST_NODES} cannot be read.</p>"
        )
    elif nodes:
        above = f'<div style="overflow-x:auto">{_picture(nodes, outputs, name, whole)}</div>'
    else:
        above = ""
    return f"<div>{above}<pre>{escape(shown)}</pre></div>"


# -- what is drawn -------------------------------------------------------------------------


class _Box(NamedTuple):
    """One box: a node, or a scalar constant, which stands once for each of its uses."""

    node: Any
    shape: str
    title: str  # its op with what it is called, its name or its value
    hint: str  # shown by the browser when pointed at
    is_output: bool

    @property
    def width(self) -> float:
        if self.shape == "constant":
            return max(30.0, 16 + _CHARACTER * len(self.title))
        longest = max(len(self.title), len(_clipped(str(self.node.type), _WIDEST_LABEL)))
        return (26 if self.shape == "input" else 18) + _CHARACTER * longest

    @property
    def height(self) -> int:
        return 24 if self.shape == "constant" else _BOX


def _boxes(
    nodes: Sequence[Any], outputs: Sequence[Any], whole: str
) -> tuple[list[_Box], list[tuple[int, int]]]:
    """The boxes in topological order and the edges between them."""
    lines = iter(whole.rpartition("\n\n")[2].split("\n")[1:])  # the graph's own block
    returned = set(outputs)
    boxes: list[_Box] = []
    edges: list[tuple[int, int]] = []
    place: dict[Any, int] = {}
    called = text.labels(nodes[0].graph, nodes)
    for node in nodes:
        if _is_scalar_constant(node):
            if node in returned:
                boxes.append(_constant(node, True))
            continue
        sources = []
        for taken in node.inputs:
            if _is_scalar_constant(taken):
                sources.append(len(boxes))
                boxes.append(_constant(taken, False))
            else:
                sources.append(place[taken])
        title, shape, hint = node.params.get("name"), "input", f"{text.line(node)}"
        if text.is_listed(node.op, node.params):
            title, shape, hint = f"{called[node]} {node.op.name}", "node", next(lines).strip()
        place[node] = len(boxes)
        edges += [(source, len(boxes)) for source in sources]
        hint = f"{_clipped(hint, _WIDEST_LINE)}\n{node.graph.origin(node)}"
        boxes.append(_Box(node, shape, _clipped(title, _WIDEST_LABEL), hint, node in returned))
    return boxes, edges


def _is_scalar_constant(node: Any) -> bool:
    return node.op.name == "constant" and not text.is_listed(node.op, node.params)


def _constant(node: Any, is_output: bool) -> _Box:
    line = text.line(node)
    value = _clipped(line.partition(" : ")[0], 12)
    return _Box(node, "constant", value, f"{line}\n{node.graph.origin(node)}", is_output)


def _clipped(label: str, most: int) -> str:
    return label if len(label) <= most else label[: most - 1] + "…"


# -- the picture ---------------------------------------------------------------------------


def _picture(nodes: Sequence[Any], outputs: Sequence[Any], name: str, whole: str) -> str:
    boxes, edges = _boxes(nodes, outputs, whole)
    top = {k for k, box in enumerate(boxes) if box.shape == "input"}
    layout = arrange([box.width for box in boxes], edges, top, _GAP)
    legend = _legend(boxes)
    head = 30 if legend else 0
    width = max(layout.width, 340.0 if legend else 0.0) + 2 * _MARGIN
    height = head + max(layout.rows) * _ROW + _BOX + 2 * _MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}" '
        f'viewBox="0 0 {width:.0f} {height}" role="img" font-family="{_FONT}" font-size="12" '
        f'fill="{_INK}" text-anchor="middle">',
        f"<title>graph {escape(name)}</title>",
        legend,
        f'<g transform="translate({_MARGIN} {head + _MARGIN})">',
        *_edges(boxes, layout),
        *(_box(box, x, row) for box, x, row in _placed(boxes, layout)),
        "</g></svg>",
    ]
    return "\n".join(part for part in parts if part)


def _placed(boxes: Sequence[_Box], layout: Layout) -> Iterator[tuple[_Box, float, int]]:
    return zip(boxes, layout.centers, layout.rows, strict=False)  # bends follow the boxes


def _box(box: _Box, x: float, row: int) -> str:
    fill, stroke = _tint(box)
    middle = row * _ROW + _BOX / 2
    radius = {"node": 6.0, "input": _BOX / 2, "constant": 12.0}[box.shape]
    dash = ' stroke-dasharray="3 2"' if box.shape == "constant" else ""
    lines = [f"<g><title>{escape(box.hint)}</title>"]
    if box.is_output:  # a second outline
        style = f'fill="none" stroke="{stroke}" stroke-width="1.6"'
        lines.append(_outline(x, middle, box, radius, 4, style))
    style = f'fill="{fill}" stroke="{stroke}"{dash}'
    lines.append(_outline(x, middle, box, radius, 0, style))
    if box.shape == "constant":
        lines.append(_label(x, middle + 4, box.title))
    else:
        lines.append(_label(x, middle - 3, box.title, ' font-weight="600"'))
        type_ = _clipped(str(box.node.type), _WIDEST_LABEL)
        lines.append(_label(x, middle + 12, type_, ' fill-opacity="0.75"'))
    return "".join(lines) + "</g>"


def _outline(x: float, y: float, box: _Box, radius: float, out: int, style: str) -> str:
    width, height = box.width + 2 * out, box.height + 2 * out
    return (
        f'<rect x="{x - width / 2:.1f}" y="{y - height / 2:.1f}" width="{width:.1f}" '
        f'height="{height}" rx="{radius + out:.0f}" {style}/>'
    )


def _label(x: float, y: float, label: str, style: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}"{style}>{escape(label)}</text>'


def _tint(box: _Box) -> tuple[str, str]:
    return _TINTS[min(box.node.graph.order(box.node), 2)]


def _edges(boxes: Sequence[_Box], layout: Layout) -> Iterator[str]:
    """Curves from row to row, with an arrow where one ends on a box."""
    ends = _ports(boxes, layout)
    yield f'<g fill="none" stroke="{_EDGE}" stroke-width="1.3">'
    for (upper, lower), end in zip(layout.segments, ends, strict=True):
        start = layout.centers[upper]
        y = layout.rows[upper] * _ROW + _bottom(boxes, upper)
        y_end = layout.rows[lower] * _ROW + _top(boxes, lower)
        middle = (y + y_end) / 2
        down = "" if lower < len(boxes) else f"v{_BOX}"
        yield (
            f'<path d="M{start:.1f} {y:.0f}C{start:.1f} {middle:.0f} {end:.1f} {middle:.0f} '
            f'{end:.1f} {y_end:.0f}{down}"/>'
        )
    yield f'</g><g fill="{_EDGE}">'
    for (_, lower), end in zip(layout.segments, ends, strict=True):
        if lower < len(boxes):
            y_end = layout.rows[lower] * _ROW + _top(boxes, lower)
            yield f'<path d="M{end:.1f} {y_end:.0f}l-3.5 -7h7z"/>'
    yield "</g>"


def _ports(boxes: Sequence[_Box], layout: Layout) -> list[float]:
    """Where each segment ends: side by side along the top of its box, in the order they come."""
    ends = [layout.centers[lower] for _, lower in layout.segments]
    arriving: dict[int, list[int]] = {}
    for k, (_, lower) in enumerate(layout.segments):
        if lower < len(boxes):
            arriving.setdefault(lower, []).append(k)
    for lower, found in arriving.items():
        found.sort(key=lambda k: layout.centers[layout.segments[k][0]])
        apart = min(_PORT, (boxes[lower].width - 16) / max(len(found) - 1, 1))
        for place, k in enumerate(found):
            ends[k] += (place - (len(found) - 1) / 2) * apart
    return ends


def _top(boxes: Sequence[_Box], point: int) -> float:
    if point >= len(boxes):
        return 0
    return (_BOX - boxes[point].height) / 2 - (4 if boxes[point].is_output else 0)


def _bottom(boxes: Sequence[_Box], point: int) -> float:
    return _BOX - _top(boxes, point)


def _legend(boxes: Sequence[_Box]) -> str:
    orders = {min(box.node.graph.order(box.node), 2) for box in boxes}
    if len(orders) < 2:
        return ""
    parts = ['<g text-anchor="start" fill="currentColor">']
    x = _MARGIN
    for order, label in enumerate(("forward", "gradients", "second order")):
        if order in orders:
            fill, stroke = _TINTS[order]
            parts.append(
                f'<rect x="{x}" y="9" width="18" height="13" rx="3" fill="{fill}" '
                f'stroke="{stroke}"/><text x="{x + 25}" y="20">{label}</text>'
            )
            x += 25 + round(_CHARACTER * len(label)) + 20
    return "".join(parts) + "</g>"
