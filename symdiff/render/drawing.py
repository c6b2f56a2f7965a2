"""What a drawing of a graph shows, as data: boxes in topological order and edges between them.

`dot` writes it down. Each node is one box, except that

- a scalar constant stands beside each of its uses, as it does in the lines of the text form;
- nodes that `collapse` folds together are one box, and what `max_nodes` cuts out is one
  summary for each order of differentiation;
- what a second or higher derivative takes from a lower one is a tag with its number: those
  lines would run all over the drawing (`long_edges` draws them).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from symdiff.render.condense import elementwise_homes, labelled_homes, nearest
from symdiff.render.labels import Names, Roles, clipped, counted, listed_ops, params_of
from symdiff.types import TupleType

__all__ = ["Box", "Drawing", "Edge", "Wishes", "drawing"]

_WIDEST: Final = 44  # characters of a line in a box
_MOST_ROWS: Final = 8  # lines of a box that stands for several nodes
_MOST_BESIDE: Final = 6  # constants and tags beside one box
_LONGEST_HINT: Final = 400
_FAR: Final = 2  # the lowest order that stands apart from what it takes

_KINDS: Final = {"input": "input", "constant": "constant", "add_n": "sum"}


class Wishes(NamedTuple):
    """What the user asked for; see `sd.to_dot`."""

    collapse: Callable[[Any], str | None] | bool = False
    max_nodes: int | None = None
    long_edges: bool = False


class Box(NamedTuple):
    """One box; `kind` says what it stands for and so what it looks like.

    ``input``, ``constant``, ``node``, ``sum`` (an `add_n`), ``results`` (a node with several),
    ``fused`` (elementwise nodes), ``group`` (nodes of one label), ``more`` (nodes left out);
    and beside another box ``value`` (a scalar constant) and ``tag`` (a node drawn elsewhere, of
    the order `tint`). `output` is what an output is called, empty for the only one.
    """

    id: str
    kind: str
    order: int
    tint: int
    name: str = ""
    op: str = ""
    params: str = ""
    rows: tuple[str, ...] = ()
    type: str = ""
    note: str = ""
    hint: str = ""
    output: str | None = None


class Edge(NamedTuple):
    """From box to box, by id; `port` is the result of `source` that is taken."""

    source: str
    target: str
    label: str = ""
    port: int | None = None
    is_provenance: bool = False


class Drawing(NamedTuple):
    """Boxes in topological order, and the edges between them."""

    boxes: list[Box]
    edges: list[Edge]


def drawing(nodes: Sequence[Any], outputs: Sequence[tuple[str, Any]], wishes: Wishes) -> Drawing:
    """What is drawn of `nodes`, which are closed under inputs and in topological order.

    `outputs` are those of the nodes that are returned, each with what it is called.
    """
    if not nodes:
        return Drawing([], [])
    scene = _Scene(nodes, outputs, wishes)
    boxes = _boxes(scene)
    wires = _Wires(scene, boxes)
    edges = [*wires.edges, *_provenance(scene, boxes)]
    return Drawing([b for box in boxes.values() for b in (*wires.beside(box), box)], edges)


class _Scene:
    """The nodes with their names and roles, and which of them are drawn as one box.

    A box that stands for several nodes is known by one of them, their home.
    """

    def __init__(
        self, nodes: Sequence[Any], outputs: Sequence[tuple[str, Any]], wishes: Wishes
    ) -> None:
        self.nodes = nodes
        self.graph = nodes[0].graph
        self.long_edges = wishes.long_edges
        self.place = {node: place for place, node in enumerate(nodes)}
        self.names = Names(self.graph, nodes)
        self.roles = Roles(self.graph, self.place, self.names)
        self.outputs: dict[int, str] = {}
        for called, node in outputs:
            before = self.outputs.get(self.place[node])
            self.outputs[self.place[node]] = called if before is None else f"{before}, {called}"
        self.labels: dict[int, str] = {}
        self.homes = self._homes(wishes.collapse)
        self.shown = self._shown(wishes.max_nodes)
        self.members: dict[int, list[int]] = {}
        self.left_out: Counter[int] = Counter()
        for place, home in enumerate(self.homes):
            if home in self.shown:
                self.members.setdefault(home, []).append(place)
            elif home >= 0:
                self.left_out[self.order(place)] += 1

    def _homes(self, collapse: Callable[[Any], str | None] | bool) -> list[int]:
        """The home of each node; -1 for a scalar constant, which stands beside its uses."""
        if callable(collapse):
            homes, self.labels = labelled_homes(self.nodes, collapse, self.names.is_listed)
        elif collapse:
            homes = elementwise_homes(self.nodes, self.operands(), self.outputs)
        else:
            homes = list(range(len(self.nodes)))
        for place, node in enumerate(self.nodes):
            is_scalar = node.op.name == "constant" and not self.names.is_listed(node)
            if is_scalar and place not in self.outputs:
                homes[place] = -1
        return homes

    def _shown(self, most: int | None) -> set[int]:
        units = {home for home in self.homes if home >= 0}
        if most is None or len(units) <= most:
            return units
        inputs = [place for place, node in enumerate(self.nodes) if node.op.name == "input"]
        return nearest(self.homes, self.operands(), list(self.outputs), inputs, most)

    def operands(self) -> list[list[int]]:
        """The places of each node's inputs."""
        place = self.place
        return [[place[i] for i in node.inputs] for node in self.nodes]

    def order(self, place: int) -> int:
        return self.graph.order(self.nodes[place])  # type: ignore[no-any-return]

    def box(self, place: int) -> str:
        """The id of a node's box: by its index in the graph, which stays as the graph grows."""
        home = self.homes[place]
        return f"n{self.nodes[home].index}" if home in self.shown else f"more{self.order(place)}"

    def hint(self, node: Any) -> str:
        """What is shown of a node that is pointed at."""
        line = f"{self.names.formula(node)} : {node.type}"
        return f"{clipped(line, _LONGEST_HINT)}\n{self.graph.origin(node)}"


# -- boxes ---------------------------------------------------------------------------------


def _boxes(scene: _Scene) -> dict[str, Box]:
    boxes = {}
    for home, members in sorted(scene.members.items()):
        if home in scene.labels:
            box = _labelled(scene, home, members)
        elif len(members) > 1:
            box = _folded(scene, home, members)
        else:
            box = _single(scene, home)
        boxes[box.id] = box
    for order, count in sorted(scene.left_out.items()):
        id_ = f"more{order}"
        boxes[id_] = Box(id_, "more", order, order, name=f"… {counted(count, 'more node')}")
    return boxes


def _single(scene: _Scene, place: int) -> Box:
    node, order = scene.nodes[place], scene.order(place)
    kind = _KINDS.get(node.op.name, "node")
    params, rows = ("", []) if kind == "input" else params_of(node)
    if isinstance(node.type, TupleType):
        kind, rows = "results", [str(item) for item in node.type.items]
    return Box(
        scene.box(place),
        kind,
        order,
        order,
        name=clipped(scene.names.of(node), _WIDEST),
        op="" if kind == "input" or not scene.names.is_listed(node) else node.op.name,
        params=clipped(params, _WIDEST),
        rows=tuple(clipped(row, _WIDEST) for row in rows),
        type="" if kind == "results" else clipped(str(node.type), _WIDEST),
        note=clipped(scene.roles.note(node), _WIDEST),
        hint=scene.hint(node),
        output=scene.outputs.get(place),
    )


def _folded(scene: _Scene, home: int, members: Sequence[int]) -> Box:
    """Elementwise nodes as their formulas, the last of which gives the value."""
    shown = list(members)
    cut = len(members) - _MOST_ROWS
    if cut > 0:
        shown = [*members[: _MOST_ROWS - 3], *members[-2:]]
    rows = [clipped(scene.names.formula(scene.nodes[p]), _WIDEST) for p in shown]
    if cut > 0:
        rows.insert(-2, f"… {counted(cut + 1, 'more node')}")
    box = _single(scene, home)
    return box._replace(kind="fused", name="", op="", params="", rows=tuple(rows))


def _labelled(scene: _Scene, home: int, members: Sequence[int]) -> Box:
    order = scene.order(home)
    nodes = [scene.nodes[p] for p in members]
    found = [scene.outputs[p] for p in members if p in scene.outputs]
    return Box(
        scene.box(home),
        "group",
        order,
        order,
        name=clipped(scene.labels[home], _WIDEST),
        rows=(clipped(f"{counted(len(nodes), 'node')}: {listed_ops(nodes)}", _WIDEST),),
        hint=f"{scene.labels[home]}: {counted(len(nodes), 'node')}",
        output=clipped(", ".join(found), _WIDEST) if found else None,
    )


# -- edges ---------------------------------------------------------------------------------


class _Wires:
    """The edges along which values go, and the small boxes that stand beside others."""

    def __init__(self, scene: _Scene, boxes: dict[str, Box]) -> None:
        self.edges: list[Edge] = []
        self._seen: set[Edge] = set()
        self._beside: dict[str, dict[str, Box]] = {}
        self._left_out: Counter[str] = Counter()
        for place, node in enumerate(scene.nodes):
            if scene.homes[place] < 0 or not node.inputs:
                continue
            target = boxes[scene.box(place)]
            stands_for_one = target.kind not in ("fused", "group", "more")
            labels = _operand_labels(scene, node) if stands_for_one else [""] * len(node.inputs)
            for taken, label in zip(node.inputs, labels, strict=True):
                origin = scene.place[taken]
                if scene.homes[origin] < 0:
                    if stands_for_one:  # otherwise the box says it, or says nothing of it
                        self._stand_beside(target, _value(scene, taken, target), label)
                    continue
                source = boxes[scene.box(origin)]
                if source is target:
                    continue
                if _is_far(source, target) and not scene.long_edges:
                    self._stand_beside(target, _tag(scene, taken, source, target), label)
                    continue
                if source.kind == "more":
                    self._add(Edge(source.id, target.id), again=False)
                    continue
                port = node.params["index"] if source.kind == "results" else None
                self._add(Edge(source.id, target.id, label, port), again=stands_for_one)

    def beside(self, target: Box) -> list[Box]:
        """The constants and tags that stand beside a box."""
        return list(self._beside.get(target.id, {}).values())

    def _add(self, edge: Edge, again: bool) -> None:
        """An edge; one that is there already only if it may be drawn again."""
        if again or edge not in self._seen:
            self._seen.add(edge)
            self.edges.append(edge)

    def _stand_beside(self, target: Box, box: Box, label: str) -> None:
        near = self._beside.setdefault(target.id, {})
        if box.id not in near and len(near) >= _MOST_BESIDE:
            self._left_out[target.id] += 1
            count = counted(self._left_out[target.id], "more operand")
            id_ = f"more_{target.id}"
            near[id_] = Box(id_, "value", target.order, target.order, name=f"… {count}")
            self._add(Edge(id_, target.id), again=False)
            return
        near[box.id] = box
        self._add(Edge(box.id, target.id, label), again=True)


def _operand_labels(scene: _Scene, node: Any) -> list[str]:
    """What is written at the edges into a node: positions, where they make a difference."""
    if node.op.name == "add_n":
        return scene.roles.via(node)
    if len(node.inputs) < 2 or node.op.commutative:
        return [""] * len(node.inputs)
    return list(map(str, range(len(node.inputs))))


def _is_far(source: Box, target: Box) -> bool:
    return source.order != target.order and max(source.order, target.order) >= _FAR


def _value(scene: _Scene, node: Any, target: Box) -> Box:
    name = clipped(scene.names.of(node), _WIDEST)
    id_ = f"c{node.index}_{target.id}"
    hint = f"{name} : {node.type}"
    return Box(id_, "value", target.order, target.order, name=name, hint=hint)


def _tag(scene: _Scene, node: Any, source: Box, target: Box) -> Box:
    name = clipped(scene.names.of(node), _WIDEST)
    id_ = f"t{node.index}_{target.id}"
    return Box(id_, "tag", target.order, source.order, name=name, hint=scene.hint(node))


def _provenance(scene: _Scene, boxes: dict[str, Box]) -> list[Edge]:
    """Edges from nodes to the gradients with respect to them, where those stand beside them.

    A group of many gradients is joined to groups alone: to each node would be a line too many.
    """
    edges: dict[Edge, None] = {}
    for home, members in scene.members.items():
        gradient = boxes[scene.box(home)]
        for place in members if gradient.kind == "group" else (home,):
            for node in scene.roles.targets(scene.nodes[place]):
                target = boxes.get(scene.box(scene.place[node]))
                if target is None or target.kind == "more":
                    continue
                distance = gradient.order - target.order
                is_joined = distance == 1 or (distance > 1 and scene.long_edges)
                if is_joined and (gradient.kind != "group" or target.kind == "group"):
                    edges[Edge(target.id, gradient.id, is_provenance=True)] = None
    return list(edges)
