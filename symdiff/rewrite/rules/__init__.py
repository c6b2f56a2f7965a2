"""The rule tables, one file a subject; each rule is a line of data that is checked by itself.

stability.py   forms that overflow or cancel, and what is accurate in their place
neutral.py     operations that do nothing, or undo one another
products.py    sums of products as matrix products, factors where they meet few entries
contractions.py  sums of products over some of many axes
gathered.py    sums of many products as one
shapes.py      broadcasts, reductions, transposes and reshapes, moved and cancelled
indexing.py    reading parts of arrays, and putting parts in place
masks.py       choices and conditions; what is known where they hold is in regions.py
algebra.py     products and quotients; sums are in sums.py, powers in powers.py
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

__all__ = ["FILES", "PASSES", "File"]


class File(NamedTuple):
    """A table in a file: ``symdiff.rewrite.rules.<module>.<table>``, tried by a pass.

    `starts`: names of ops that its rules fire at -> names of those of which one must have made
    an operand, or None where that is not so. ``"*"`` is any other op.
    """

    tried_by: str
    module: str
    table: str
    starts: Mapping[str, frozenset[str] | None]

    def concerns(self, op: str, operands: frozenset[str]) -> bool:
        """Whether a rule may fire at a node of this op on operands made by those."""
        wanted = self.starts.get(op, self.starts.get("*", _NEVER))
        return wanted is None or not wanted.isdisjoint(operands)


_NEVER: Final[frozenset[str]] = frozenset()


def _starts(*lines: str) -> Mapping[str, frozenset[str] | None]:
    """Lines of ops, a colon, and what must have made an operand; nothing if anything may."""
    found: dict[str, frozenset[str] | None] = {}
    for line in lines:
        ops, _, operands = line.partition(":")
        wanted = frozenset(operands.split()) or None
        found.update(dict.fromkeys(ops.split(), wanted))
    return found


FILES: Final = (
    File("stability", "stability", "STABILITY", _starts("*")),
    File(
        "neutral",
        "neutral",
        "NEUTRAL",
        _starts(
            "add subtract multiply divide pow: broadcast_to constant",
            "negative: negative",
            "matmul: eye",
        ),
    ),
    File("products", "gathered", "GATHERED", _starts("add_n: matmul multiply")),
    File(
        "products",
        "products",
        "PRODUCTS",
        _starts(
            "sum: divide multiply negative",
            "einsum",
            "matmul: broadcast_to divide multiply negative reshape",
            "permute_dims take_diagonal: matmul",
        ),
    ),
    File("products", "contractions", "CONTRACTIONS", _starts("sum: add multiply subtract")),
    File(
        "shapes",
        "shapes",
        "SHAPES",
        _starts(
            "*: broadcast_to constant permute_dims reshape scatter",
            "permute_dims sum prod max min any all index scatter",
            "reshape: broadcast_to index reshape",
        ),
    ),
    File(
        "masks",
        "masks",
        "MASKS",
        _starts(
            "bitwise_and bitwise_or bitwise_invert logical_and logical_or equal not_equal",
            "where maximum minimum relu",
            "logical_not: equal logical_not not_equal",
            "add subtract add_n: where",
            "cast: cast",
        ),
    ),
    File("masks", "conditions", "CONDITIONS", _starts("multiply")),
    File(
        "algebra",
        "algebra",
        "ALGEBRA",
        _starts(
            "multiply: abs broadcast_to constant divide multiply negative sign",
            "subtract divide square reciprocal abs",
            "add: subtract",
            "negative: divide multiply negative subtract",
            "sign: sign",
        ),
    ),
    File("algebra", "powers", "POWERS", _starts("pow: broadcast_to constant")),
    File(
        "algebra",
        "sums",
        "SUMS",
        _starts("add_n add subtract", "sum: add add_n subtract"),
    ),
)
"""In the order in which their rules are tried."""

PASSES: Final = tuple(dict.fromkeys([file.tried_by for file in FILES]))
"""Names of the passes that try rules, in their order."""
