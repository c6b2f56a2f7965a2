"""Whether the stability table has anything to say about a graph, found out at little cost.

Most graphs have no form that overflows or cancels; what they pay is one look at the op of each
node, and the table does not load before an op occurs that every form has one of.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Final

from symdiff import first_use
from symdiff.node import Node
from symdiff.op import Op
from symdiff.ops.declare import scalar_value

if TYPE_CHECKING:
    from symdiff.rewrite.pattern import Rule

__all__ = ["TRIGGERS", "Dispatch", "dispatch", "is_concerned"]

TRIGGERS: Final = frozenset(
    (
        *("cosh", "erf", "erfc", "exp", "expm1", "log", "log1p", "log_softmax", "logaddexp"),
        *("logsumexp", "ndtr", "pow", "sigmoid", "sinh", "softmax", "softplus", "sqrt"),
    )
)
"""Names of ops, one of which there is wherever a rule fires that changes derivatives."""

_MAKES: Final = (
    ("exp", "expm1 negative sigmoid sinh softmax tanh"),
    ("exp log", "logsumexp"),
    ("softmax log", "log_softmax"),
    ("logsumexp", "log_softmax"),
    ("sigmoid log", "softplus"),
    ("sigmoid log1p", "softplus"),
    ("exp log1p", "softplus"),
    ("logaddexp", "softplus"),
    ("erf", "erfc"),
    ("erfc", "erf"),
)
"""Where ops of these names occur, rules may make ops of those, which others look for."""


def dispatch(nodes: Sequence[Node], *, values: bool = False) -> Dispatch | None:
    """The rules that may fire at these nodes; None where it is clear that none does.

    Arguments: `values`, whether rules count for which the derivatives need not be different.
    """
    if not is_concerned(nodes, values=values):
        return None
    present = {op.name for op in {node.op for node in nodes}}
    for needed, made in _MAKES:
        if present.issuperset(needed.split()):
            present.update(made.split())
    found = Dispatch(present, values)
    return found if found.any_of(nodes) else None


def is_concerned(nodes: Sequence[Node], *, values: bool = False) -> bool:
    """Whether the table need load: a rule may fire at these nodes, or at what others make there.

    Arguments: as of `dispatch`.
    """
    present = {op.name for op in {node.op for node in nodes}}
    if not TRIGGERS.isdisjoint(present - {"pow"}):
        return True
    if "pow" in present and not all(_is_whole(n) for n in nodes if n.op.name == "pow"):
        return True
    if not values:
        return False
    return present.issuperset(_MEAN) or any(
        node.op.name in _LESS_THAN_ONE and not node.order for node in nodes
    )


_MEAN: Final = ("sum", "divide")
"""What means of values are made of, whose variance is computed by rules for values."""

_LESS_THAN_ONE: Final = ("cos", "tanh")
"""Ops of which the user writes complements, which rules for values compute."""


def _is_whole(power: Node) -> bool:
    """Whether an exponent is a whole number: no root is near."""
    value = scalar_value(power.inputs[1])
    return isinstance(value, int | float) and float(value).is_integer()


@cache
def _table(values: bool) -> tuple[tuple[Rule, frozenset[str]], ...]:
    """The rules, each with names of ops that all occur where it fires."""
    table = first_use.module("rewrite.rules.stability")
    return tuple(
        (rule, table.ops_within(rule))
        for rule in table.STABILITY
        if values or rule.name not in table.VALUES_ONLY
    )


def _may_fire(rule: Rule, node: Node) -> bool:
    """Whether the form is there; of other rules, whether they look at such nodes at all."""
    if rule.finds is not None:
        return rule.finds(node)
    written: bool = rule.name in first_use.module("rewrite.rules.stability").WRITTEN_ONLY
    return not (written and node.order)


class Dispatch:
    """The rules that may fire at a node of a graph in which only ops of some names occur."""

    __slots__ = ("_by_op", "_found")

    def __init__(self, present: set[str], values: bool) -> None:
        self._by_op: dict[Op, list[Rule]] = {}
        for rule, within in _table(values):
            if within <= present:
                self._by_op.setdefault(rule.op, []).append(rule)
        self._found: dict[tuple[Op, ...], list[Rule]] = {}

    def of(self, node: Node) -> list[Rule]:
        """By the node's op and the ops of its operands."""
        if node.op not in self._by_op:
            return []
        return self._matching((node.op, *[x.op for x in node.inputs]))

    def any_of(self, nodes: Sequence[Node]) -> bool:
        """Whether there is a rule for any of these."""
        return any(
            _may_fire(rule, node)
            for node in nodes
            if node.op in self._by_op
            for rule in self.of(node)
        )

    def _matching(self, kind: tuple[Op, ...]) -> list[Rule]:
        found = self._found.get(kind)
        if found is None:
            op, *operands = kind
            found = [rule for rule in self._by_op[op] if rule.may_match(operands)]
            self._found[kind] = found
        return found
