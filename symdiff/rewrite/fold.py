"""Constants computed once: operations on nothing but constants, where the result is no larger."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import numpy as np

from symdiff.node import Node
from symdiff.op import Op
from symdiff.sources import CONSTANT
from symdiff.types import TensorType

__all__ = ["folded", "may_fold"]

_SPREADING: Final = ("broadcast_to", "eye", "scatter")
"""Ops whose result is larger than what it says; folding them would only take memory."""

_KEPT: Final = ("checkpoint", "probe", "within")
"""Ops that are there for more than their value."""


def may_fold(op: Op, operands: Iterable[Op]) -> bool:
    """Whether nodes of `op` on operands made by these ops can be constants.

    A user's kernel may be more than a function of its operands, and is left alone.
    """
    made_by = set(operands)
    known = op.registered and op.kernel is not None
    return known and made_by == {CONSTANT} and op.name not in (*_SPREADING, *_KEPT)


def folded(node: Node) -> Node | None:
    """The constant that a node which `may_fold` is, where it is no larger than its operands."""
    type_ = node.type
    if not isinstance(type_, TensorType) or not all(isinstance(dim, int) for dim in type_.shape):
        return None
    arrays = [taken.params["value"].array for taken in node.inputs]
    assert node.op.kernel is not None
    try:
        with np.errstate(all="ignore"):
            value: Any = np.asarray(node.op.kernel(*arrays, **node.params))
    except Exception:  # the call will raise it, with the node's line
        return None
    fits = value.dtype == type_.dtype and value.shape == type_.shape
    if not fits or value.nbytes > max(1024, *[a.nbytes for a in arrays]):
        return None
    return node.graph.constant(value)
