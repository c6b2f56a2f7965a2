"""What is known of values before they are computed: what a rule may rely on.

Facts are found from a node's op and the facts of its operands, once a node.
"""

from __future__ import annotations

from symdiff.node import Node
from symdiff.ops.structure import eye

__all__ = ["Facts"]


class Facts:
    """Facts about the nodes of one graph, found when asked and kept."""

    __slots__ = ()

    def nonnegative(self, node: Node) -> bool:
        """Whether every entry is >= 0, or NaN."""
        return node.op.name == "exp"

    def finite(self, node: Node) -> bool:
        """Whether no entry is NaN or infinite."""
        return node.op is eye
