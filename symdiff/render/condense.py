"""What makes a large graph small enough to look at: nodes folded together, and a middle cut out.

Nodes are numbers here, their places in topological order. A unit is a set of nodes that is
drawn as one box, named by one of its nodes; `homes` says which unit a node belongs to. Every
function is one or two passes over nodes and edges.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Container, Sequence
from typing import Any

from symdiff.errors import ArgumentError

__all__ = ["elementwise_homes", "labelled_homes", "nearest"]


def elementwise_homes(
    nodes: Sequence[Any], operands: Sequence[Sequence[int]], kept: Container[int]
) -> list[int]:
    """Elementwise nodes folded into their only consumer, where that is elementwise as well.

    What a fusing backend would compute in one loop. Both must be of one order; nodes in `kept`
    stay the last of theirs. A unit is named by its last node, whose value is the unit's.
    """
    count = len(nodes)
    consumer = [-1] * count  # -2: several
    for place, sources in enumerate(operands):
        for source in sources:
            if consumer[source] != place:
                consumer[source] = place if consumer[source] == -1 else -2
    homes = list(range(count))
    for place in range(count - 1, -1, -1):
        after = consumer[place]
        if after < 0 or place in kept:
            continue
        node, taker = nodes[place], nodes[after]
        if node.op.form == taker.op.form == "elementwise" and _order(node) == _order(taker):
            homes[place] = homes[after]
    return homes


def labelled_homes(
    nodes: Sequence[Any], label: Callable[[Any], str | None], foldable: Callable[[Any], bool]
) -> tuple[list[int], dict[int, str]]:
    """Nodes of one label and one order folded together, and the labels of the units.

    A unit is named by its first node. Raises `ArgumentError` for a label that is no text.
    """
    homes = list(range(len(nodes)))
    first: dict[tuple[int, str], int] = {}
    for place, node in enumerate(nodes):
        if not foldable(node):
            continue
        found = label(node)
        if found is None:
            continue
        if not isinstance(found, str):
            raise ArgumentError(
                f"collapse must give a text or None for each node; for {node!r} it gave {found!r}"
            )
        homes[place] = first.setdefault((_order(node), found), place)
    return homes, {place: text for (_, text), place in first.items()}


def nearest(
    homes: Sequence[int],
    operands: Sequence[Sequence[int]],
    outputs: Sequence[int],
    inputs: Sequence[int],
    most: int,
) -> set[int]:
    """At most `most` units: by turns the next nearest to the outputs and to the inputs.

    Nodes at home in -1 are no part of the drawing.
    """
    units = {home for home in homes if home >= 0}
    if len(units) <= most:
        return units
    before: dict[int, list[int]] = {unit: [] for unit in units}
    after: dict[int, list[int]] = {unit: [] for unit in units}
    for place, sources in enumerate(operands):
        unit = homes[place]
        if unit < 0:
            continue
        for source in sources:
            if homes[source] not in (unit, -1):
                before[unit].append(homes[source])
                after[homes[source]].append(unit)
    shown: set[int] = set()
    from_outputs = deque(homes[p] for p in outputs)
    from_inputs = deque(homes[p] for p in inputs)
    while len(shown) < most and (from_outputs or from_inputs):
        for queue, neighbours in ((from_outputs, before), (from_inputs, after)):
            while queue and len(shown) < most:
                unit = queue.popleft()
                if unit not in shown:
                    shown.add(unit)
                    queue.extend(neighbours[unit])
                    break
    return shown


def _order(node: Any) -> int:
    return node.graph.order(node)  # type: ignore[no-any-return]
