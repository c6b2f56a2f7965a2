"""The words of a drawing: what its nodes are called and what each is the gradient of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from symdiff.render import text

__all__ = ["Names", "Roles", "clipped", "counted", "listed_ops", "params_of"]

_MOST_TARGETS: Final = 3  # what one node is the gradient with respect to, as far as it is said
_MOST_OPS: Final = 3

# Params that keep an op's books and tell a reader nothing.
_BOOKKEEPING: Final[Mapping[str, tuple[str, ...]]] = {"custom": ("given", "linear")}


class Names:
    """What nodes are called: inputs by name, scalar constants by value, others by number or name.

    All are called as in the text form of the same nodes.
    """

    def __init__(self, graph: Any, nodes: Iterable[Any]) -> None:
        self._labels = text.labels(graph, nodes)

    def is_listed(self, node: Any) -> bool:
        """Whether a node has a line in the text form."""
        return node in self._labels

    def of(self, node: Any) -> str:
        """``%3``, ``x`` or ``2.0``."""
        return self._labels.get(node) or text.short_name(node)

    def formula(self, node: Any) -> str:
        """A node as one computes it: ``%3 = matmul X w``; what is just given, by its name."""
        if node.op.form == "source" and not self.is_listed(node):
            return self.of(node)
        head = f"{self.of(node)} = {node.op.name}"
        if node.op.name == "constant":
            return f"{head} {_value(node)}"
        params = text.shown_params(node, _body_name).values()
        return " ".join([head, *map(self.of, node.inputs), *params])


class Roles:
    """What each node is the gradient of, as `build_grad` recorded it.

    `targets` has the nodes that a node is the whole gradient with respect to, `note` says so in
    words, and `via` names the consumers through which parts came. What a gradient found
    ready-made among the nodes it differentiates is no gradient here.
    """

    def __init__(self, graph: Any, shown: Mapping[Any, int], names: Names) -> None:
        self._names = names
        self._whole: dict[Any, dict[tuple[Any, Any], None]] = {}
        self._parts: dict[tuple[Any, Any, Any], list[str]] = {}
        order = graph.order
        self._factors: dict[tuple[Any, Any, Any], str] = {}
        for record, seed in text.seeded(graph, shown):
            gradient, of, forward, position, is_whole = record
            if not (gradient in shown and of in shown and forward in shown):
                continue
            target = record.target
            if seed is not None:
                self._factors.setdefault((gradient, of, target), f"{names.of(seed)} * ")
            if is_whole:
                if order(gradient) > order(of):
                    self._whole.setdefault(gradient, {})[of, target] = None
            else:
                via = f"via {names.of(forward)}" + (f" [{position}]" if position else "")
                self._parts.setdefault((gradient, of, target), []).append(via)

    def targets(self, node: Any) -> list[Any]:
        """The nodes that `node` is the gradient with respect to."""
        return list(dict.fromkeys(target for _, target in self._whole.get(node, ())))

    def note(self, node: Any) -> str:
        """``d %9 / d w``, or nothing."""
        pairs = list(self._whole.get(node, ()))
        if not pairs:
            return ""
        of = pairs[0][0]
        factor = self._factors.get((node, *pairs[0]), "")
        targets = [self._names.of(target) for other, target in pairs if other is of]
        more = ", …" if len(targets) > _MOST_TARGETS else ""
        return f"{factor}d {self._names.of(of)} / d {', '.join(targets[:_MOST_TARGETS])}{more}"

    def via(self, total: Any) -> list[str]:
        """For each term of a sum of contributions, the consumer it came through."""
        pairs = self._whole.get(total, ())
        seen: Counter[Any] = Counter()
        labels = []
        for term in total.inputs:
            found = next((v for of, t in pairs if (v := self._parts.get((term, of, t)))), [])
            labels.append(found[seen[term]] if seen[term] < len(found) else "")
            seen[term] += 1
        return labels


def params_of(node: Any) -> tuple[str, list[str]]:
    """The params worth showing: short ones in one line, and a line for each graph among them."""
    if node.op.name == "constant":
        return _value(node), []
    shown = text.shown_params(node, _body_name)
    hidden = _BOOKKEEPING.get(node.op.name, ())
    bodies = [name for name in shown if hasattr(node.params[name], "outputs")]
    plain = [value for name, value in shown.items() if name not in bodies and name not in hidden]
    return " ".join(plain), [f"{shown[n]}: {listed_ops(node.params[n].nodes)}" for n in bodies]


def listed_ops(nodes: Sequence[Any]) -> str:
    """The commonest ops with how often they occur: ``3 matmul, 2 add, relu``."""
    counts = Counter(n.op.name for n in nodes if text.is_listed(n.op, n.params))
    found = [f"{count} {op}" if count > 1 else op for op, count in counts.most_common(_MOST_OPS)]
    return ", ".join(found or ["no ops"]) + (", …" if len(counts) > _MOST_OPS else "")


def counted(count: int, what: str) -> str:
    """``12 345 nodes``, in groups of three digits that no line break parts."""
    grouped = f"{count:,}".replace(",", "\N{NO-BREAK SPACE}")
    return f"{grouped} {what}{'s' * (count != 1)}"


def clipped(label: str, most: int) -> str:
    """At most so many characters, the last one an ellipsis where some are missing."""
    return label if len(label) <= most else label[: most - 1] + "…"


def _value(constant: Any) -> str:
    """A constant's value as the text form prints it; a scalar's is its name already."""
    return text.line(constant).partition(" = constant ")[2]


def _body_name(graph: Any) -> str:
    return f"@{graph.name}"
