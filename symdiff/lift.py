"""Operands as nodes: numbers, sizes and arrays among them become constants.

Python numbers and sizes are weak, as NumPy 2 has it (NEP 50): they take the dtype of the other
operands where it can hold their kind. That happens here, once, and never after.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from symdiff.describe import operand_error
from symdiff.errors import DTypeError
from symdiff.node import Node
from symdiff.op import Op
from symdiff.sizes import Size
from symdiff.sources import SIZE_OF
from symdiff.types import promote

if TYPE_CHECKING:
    from symdiff.graph import Graph

__all__ = ["operands"]

_WEAK: Final = (bool, int, float, complex, Size)
_COMPARISONS: Final = frozenset(
    (np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal)
)


def operands(graph: Graph, op: Op, args: Sequence[Any]) -> tuple[Node, ...]:
    """`args` as nodes of `graph`.

    Raises `MixedGraphError` for a node of another graph and `DTypeError`, with the operands
    listed, for what is no array or does not fit the common dtype.
    """
    graph.own([a for a in args if isinstance(a, Node)], op.name, args)
    found: list[Any] = []
    for arg in args:
        weak = isinstance(arg, _WEAK) and not isinstance(arg, np.generic)
        try:
            found.append(arg if weak or isinstance(arg, Node) else graph.constant(arg))
        except DTypeError as error:
            raise operand_error(_stack_hint(error, arg), op, args, graph.here()) from None
    dtype = _common_dtype(found) if op.lifts else None
    for k, arg in enumerate(found):
        if isinstance(arg, Size):
            params = {"size": arg, "dtype": np.dtype(np.int64) if dtype is None else dtype}
            found[k] = graph.apply(SIZE_OF, (), params)
        elif not isinstance(arg, Node):
            try:
                found[k] = graph.constant(arg, dtype)
            except DTypeError as error:
                if op.ufunc in _COMPARISONS:  # NumPy compares with numbers of any size
                    found[k] = graph.constant(arg)
                    continue
                raise operand_error(error, op, args, graph.here()) from None
    return tuple(found)


def _common_dtype(found: Sequence[Any]) -> np.dtype[Any] | None:
    """The dtype weak operands take; None where there are none."""
    strong = [a.dtype for a in found if isinstance(a, Node)]
    kinds = [_kind(a) for a in found if not isinstance(a, Node)]
    return promote(*strong, *kinds) if kinds else None


def _kind(weak: Any) -> type:
    if isinstance(weak, Size):
        return int
    return next(kind for kind in (bool, int, float, complex) if isinstance(weak, kind))


def _stack_hint(error: DTypeError, arg: Any) -> DTypeError:
    if isinstance(arg, list | tuple):
        return DTypeError(f"{error}; a list that holds nodes is joined with sd.stack")
    return error
