"""The pass that keeps track of structure: from identity matrices on, entries are not computed.

Jacobians and Hessians are derivatives for all rows of an identity matrix at once. The walk
carries the forms of what is made of such matrices (`symdiff.rewrite.rules.structure`) and makes
nodes of them only where an output or another operation needs the entries. So the Hessian of a
separable sum is a vector on a diagonal and that of ``f(X @ w)`` is ``X.T @ (s[:, None] * X)``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import prod
from typing import Any, Final

import numpy as np

from symdiff.collector import paused_collector
from symdiff.graph import Graph
from symdiff.node import Node
from symdiff.rewrite.collect import collected
from symdiff.rewrite.driver import Pass
from symdiff.rewrite.embedding import embedded
from symdiff.rewrite.forms import Form, Space
from symdiff.rewrite.notes import carry_notes
from symdiff.rewrite.rules.places import SOURCES
from symdiff.rewrite.rules.structure import STRUCTURE
from symdiff.sizes import evaluate, names
from symdiff.types import TensorType

__all__ = ["structured"]


def structured(graph: Graph) -> Pass:
    """The graph with what is made of identity matrices and diagonals in closed form.

    Left as it is where it has no such part, and where the closed forms would take more work: on
    the whole, or at some sizes by more than a sixteenth, since what is counted is not time. So it
    is where they are so many more steps that these outweigh the entries at all sizes.
    """
    live = graph.ancestors(graph.outputs)
    unchanged = Pass(graph, {node: node for node in live})
    if not any(node.op.name in SOURCES for node in live):
        return unchanged
    with paused_collector():
        result = _Walk(graph).run()
    if result is None:
        return unchanged
    made = result.graph.ancestors(result.graph.outputs)
    before, after = _work(live), _work(made)
    if max(after) + _STEP * len(made) > 2 * (max(before) + _STEP * len(live)):
        return unchanged
    ratios = [new / max(old, 1) for old, new in zip(before, after, strict=True)]
    if max(ratios) > 17 / 16 or prod(ratios) > 1:
        return unchanged
    return result


class _Walk:
    """One walk: for each old node its new one, or a form in place of it."""

    def __init__(self, graph: Graph) -> None:
        self.old = graph
        self.new = Graph(graph.name)
        needs = [r.left - r.right for _, r in graph.requirements() if r.relation == ">="]
        self.space = Space(self.new, needs)
        self.mapping: dict[Node, Node] = {}
        self.forms: dict[Node, Form] = {}
        self.came_from: dict[Node, Node] = {}

    def run(self) -> Pass | None:
        """The new graph; None as soon as it is seen to become far larger than the old."""
        graph, new = self.old, self.new
        needed = {n.index for n in graph.ancestors(graph.outputs)}
        needed.update(n.index for n in graph.inputs)
        for done, index in enumerate(sorted(needed)):
            if len(new) > 2 * done + _SLACK:
                return None
            node = graph.node(index)
            known = len(new)
            with new.recording(order=graph.order(node), origin=graph.origin(node)):
                form = self._form(node)
            self._note(known, node)
            if form is not None:
                self.forms[node] = form
                continue
            inputs = tuple([self._made(i) for i in node.inputs])
            known = len(new)
            self.mapping[node] = new.restore_node(
                node.op, inputs, node.params, graph.order(node), graph.origin(node)
            )
            self._note(known, node)
            self.space.note(self.mapping[node])
        outputs = [self._made(o) for o in graph.outputs]
        carry_notes(graph, new, self.mapping)
        new.outputs = outputs
        return Pass(new, self.mapping, self.came_from)

    def _note(self, known: int, node: Node) -> None:
        """What was made since there were `known` nodes was made at the place of `node`."""
        for index in range(known, len(self.new)):
            self.came_from[self.new.node(index)] = node

    def _form(self, node: Node) -> Form | None:
        """The form of a node, if its op keeps structure and there is some."""
        rule = STRUCTURE.get(node.op.name)
        type_ = node.type
        if rule is None or not node.op.registered or not isinstance(type_, TensorType):
            return None
        begins = node.op.name in SOURCES
        if type_.dtype.kind != "f" or not (begins or any(i in self.forms for i in node.inputs)):
            return None
        operands = []
        for taken in node.inputs:
            form = self.forms.get(taken)
            operands.append(self.space.dense(self.mapping[taken]) if form is None else form)
        if any(f.type.dtype.kind not in "fb" for f in operands):
            return None
        operands = [_in_dtype(form, type_.dtype) for form in operands]
        found = rule(self.space, node, tuple(operands))
        return None if found is None else collected(self.space, found)

    def _made(self, node: Node) -> Node:
        """The new node of an old one; one of a form is made when it is first needed."""
        known = self.mapping.get(node)
        if known is None:
            graph = self.old
            count = len(self.new)
            with self.new.recording(order=graph.order(node), origin=graph.origin(node)):
                known = embedded(self.space, self.forms[node])
            self._note(count, node)
            self.mapping[node] = known
        return known


def _in_dtype(form: Form, dtype: np.dtype[Any]) -> Form:
    """The form with its factors in the dtype of the result, in which they are multiplied."""
    if form.type.dtype == dtype or form.type.dtype.kind == "b":
        return form
    terms = [
        t._replace(factors=tuple([f._replace(node=f.node.astype(dtype)) for f in t.factors]))
        for t in form.terms
    ]
    return Form(TensorType(dtype, form.type.shape), tuple(terms))


# -- whether it pays -----------------------------------------------------------------------

_STEP: Final = 512
"""What a step takes beside its entries, in entries."""

_SLACK: Final = 1000
"""By how many steps the new graph may be ahead of twice the old one's, on the way."""

_VIEWS: Final = ("reshape", "permute_dims", "broadcast_to", "index", "item", "input", "constant")


def _work(nodes: Iterable[Node]) -> list[int]:
    """Entries made and multiplications, for several sizes of what is named."""
    found = list(nodes)
    named = sorted(
        {x for n in found if isinstance(n.type, TensorType) for d in n.shape for x in names(d)}
    )
    samples: list[Mapping[str, int]] = [dict.fromkeys(named, size) for size in (8, 64, 512)]
    for name in named[:6]:
        samples += [{**samples[1], name: 8}, {**samples[1], name: 512}]
    kinds: dict[Any, tuple[Node, int]] = {}  # nodes of one op on operands of the same types
    for node in found:
        if node.op.name not in _VIEWS and isinstance(node.type, TensorType):
            kind = (node.op, id(node.type), *[id(x.type) for x in node.inputs])
            one, count = kinds.get(kind, (node, 0))
            kinds[kind] = one, count + 1
    return [
        sum(count * _node_work(node, sizes) for node, count in kinds.values()) for sizes in samples
    ]


def _node_work(node: Node, sizes: Mapping[str, int]) -> int:
    made = prod(evaluate(dim, sizes) for dim in node.shape)
    if node.op.name == "add_n":
        return made * (len(node.inputs) - 1)
    if node.op.name in ("matmul", "einsum"):
        one, other = (prod(evaluate(d, sizes) for d in i.shape) for i in node.inputs)
        # For each entry of the result as many products as the shared axis is long.
        inner = evaluate(node.inputs[0].shape[-1], sizes) if node.op.name == "matmul" else 1
        return made + 2 * made * inner if node.op.name == "matmul" else made + 2 * max(one, other)
    return made
