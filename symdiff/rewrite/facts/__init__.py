"""What is known of values before they are computed: what a rule may rely on.

Every answer is conservative: False or None says that nothing is known. Facts are found from a
node's op and the facts of its operands, once a node, when they are first asked for.

intervals.py   bounds and the absence of NaN, with their arithmetic
values.py      how they pass through each op: one table
matrices.py    structure, symmetry and definiteness of matrices
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from symdiff import first_use
from symdiff.node import Node
from symdiff.rewrite.facts.intervals import Value
from symdiff.rewrite.facts.values import value_of

if TYPE_CHECKING:
    from symdiff.rewrite.facts.matrices import Matrix

__all__ = ["Facts", "Value"]


class Facts:
    """Facts about the nodes of one graph, found when asked and kept.

    Arguments: `uses`, how often each node is used in the graph that is being rewritten, by its
    index, as the driver counts it; `shared` answers from it.

    >>> import symdiff as sd
    >>> from symdiff.rewrite.facts import Facts
    >>> g = sd.Graph()
    >>> x = g.input("x", sd.f64["n"])
    >>> facts = Facts()
    >>> facts.range(2.0 * sd.tanh(x) + 1.0), facts.nonnegative(x * x), facts.finite(x)
    ((-1.0, 3.0), True, False)
    """

    __slots__ = ("_matrices", "_uses", "_values", "said_shared")

    def __init__(self, uses: Sequence[int] = ()) -> None:
        self._uses = uses
        self.said_shared = False
        """Whether a node was said to be shared: what need not be so once others are replaced."""
        self._values: dict[Node, Value] = {}
        self._matrices: dict[Node, Matrix] = {}

    # -- entries ---------------------------------------------------------------------------

    def positive(self, node: Node) -> bool:
        """Whether every entry is > 0, or NaN."""
        return self.value(node).low > 0

    def nonnegative(self, node: Node) -> bool:
        """Whether every entry is >= 0, or NaN; -0.0 is >= 0."""
        return self.value(node).low >= 0

    def nonpositive(self, node: Node) -> bool:
        """Whether every entry is <= 0, or NaN."""
        return self.value(node).high <= 0

    def nonzero(self, node: Node) -> bool:
        """Whether no entry is 0; it may be NaN."""
        return self.value(node).without_zero

    def finite(self, node: Node) -> bool:
        """Whether no entry is NaN or infinite."""
        return self.value(node).finite

    def no_nan(self, node: Node) -> bool:
        """Whether no entry is NaN."""
        return self.value(node).no_nan

    def integer(self, node: Node) -> bool:
        """Whether every entry is a whole number: neither NaN nor infinite."""
        value = self.value(node)
        return value.whole and value.finite

    def range(self, node: Node) -> tuple[float, float]:
        """Bounds of the entries that are not NaN, as computed; infinite where none are known."""
        value = self.value(node)
        return value.low, value.high

    # -- matrices over the last two axes ---------------------------------------------------

    def symmetric(self, node: Node) -> bool:
        """Whether each matrix equals its transpose, up to rounding."""
        return self.matrix(node).symmetric

    def positive_definite(self, node: Node) -> bool:
        """Whether each matrix is symmetric positive definite, or holds NaN."""
        found = self.matrix(node)
        return found.symmetric and found.definite == 2

    def positive_semidefinite(self, node: Node) -> bool:
        """Whether each matrix is symmetric positive semidefinite, or holds NaN."""
        found = self.matrix(node)
        return found.symmetric and found.definite >= 1

    def structure(self, node: Node) -> str | None:
        """``"eye"``, ``"diagonal"``, ``"lower"`` or ``"upper"``: where entries are not 0.

        The zeros are structural; see `matrices`.
        """
        return self.matrix(node).structure

    # -- the graph -------------------------------------------------------------------------

    def shared(self, node: Node) -> bool:
        """Whether the node has more than one consumer in the graph, or is an output."""
        found = node.index < len(self._uses) and self._uses[node.index] > 1
        self.said_shared = self.said_shared or found
        return found

    # -- finding them ----------------------------------------------------------------------

    def value(self, node: Node) -> Value:
        """What is known of the entries; one look at each node it is computed from."""
        known = self._values
        found = known.get(node)
        if found is not None:
            return found
        stack = [node]
        while stack:
            last = stack[-1]
            missing = [x for x in last.inputs if x not in known]
            if missing:
                stack.extend(missing)
                continue
            stack.pop()
            if last not in known:
                known[last] = value_of(last, tuple([known[x] for x in last.inputs]))
        return known[node]

    def matrix(self, node: Node) -> Matrix:
        """What is known of the matrices; nothing where they are not square."""
        known = self._matrices
        found = known.get(node)
        if found is not None:
            return found
        matrices = first_use.module("rewrite.facts.matrices")
        if not matrices.is_square(node):
            nothing: Matrix = matrices.NO_MATRIX
            return nothing
        stack = [node]
        while stack:
            last = stack[-1]
            missing = [x for x in matrices.needed(last) if x not in known]
            if missing:
                stack.extend(missing)
                continue
            stack.pop()
            if last not in known:
                known[last] = matrices.matrix_of(last, self)
        return known[node]
