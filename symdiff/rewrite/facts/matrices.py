"""What is known of the matrices that the last two axes of a node hold: structure, symmetry.

Zeros outside a structure are structural: 0 for whatever finite values the operands have. The
zeros of `eye`, of a diagonal put in place and of a triangle chosen by `where` are `firm`: a
product with them is 0 by what it means, as the zeros of a gradient are, though evaluated
literally ``0 * inf`` would be NaN. Other zeros, those of a constant, count in a product only
with operands known to be finite.

Symmetric means equal to the transpose up to rounding, and definite means it of the exact value:
a product ``X.T @ (s * X)`` with ``s >= 0`` is both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, Protocol

import numpy as np

from symdiff.literals import Slice
from symdiff.node import Node
from symdiff.ops.declare import mask_of
from symdiff.rewrite.facts.intervals import Value
from symdiff.sizes import bounds
from symdiff.types import TensorType, element_count

__all__ = ["NO_MATRIX", "Matrix", "is_square", "matrix_of", "needed", "transposed"]


class Matrix(NamedTuple):
    """What is known of the square matrices a node holds.

    `structure` is "eye", "diagonal", "lower", "upper" or None; `definite` is 2 for positive
    definite, 1 for semidefinite and 0 where nothing is known.
    """

    structure: str | None = None
    firm: bool = False
    symmetric: bool = False
    definite: int = 0


NO_MATRIX: Final = Matrix()


class _Known(Protocol):
    def value(self, node: Node) -> Value: ...

    def matrix(self, node: Node) -> Matrix: ...


def is_square(node: Node) -> bool:
    """Whether the last two axes are of one size."""
    type_ = node.type
    return (
        isinstance(type_, TensorType)
        and len(type_.shape) >= 2
        and type_.shape[-1] == type_.shape[-2]
    )


def needed(node: Node) -> list[Node]:
    """The nodes whose matrices are looked at for those of `node`."""
    found = [x for x in node.inputs if is_square(x)]
    if node.op.name == "matmul":
        found += [y for x in node.inputs if x.op.name == "matmul" for y in x.inputs]
        return [x for x in found if is_square(x)]
    return found


def matrix_of(node: Node, facts: _Known) -> Matrix:
    """What holds of the square matrices of `node`, those of what it `needed` being known."""
    if not node.op.registered:
        return NO_MATRIX
    entry = _TABLE.get(node.op.name)
    if entry is not None:
        found = entry(node, facts)
    elif node.op.form == "elementwise":
        found = Matrix(symmetric=all(_seen_from(x, node, facts).symmetric for x in node.inputs))
    else:
        return NO_MATRIX
    if node.dtype.kind != "f":  # integers wrap, booleans do not add
        found = found._replace(definite=0)
    if found.structure in ("eye", "diagonal"):
        definite = 2 if found.structure == "eye" else found.definite
        if not definite and node.dtype.kind in "fiu" and facts.value(node).low >= 0:
            definite = 1
        return found._replace(symmetric=True, definite=definite)
    return found


# -- shapes --------------------------------------------------------------------------------


def transposed(node: Node) -> Node | None:
    """What `node` is the matrix transpose of, where it is made as one."""
    if node.op.name != "permute_dims" or not node.op.registered:
        return None
    axes = node.params["axes"]
    last = len(axes) - 1
    swaps = last >= 1 and axes == (*range(last - 1), last, last - 1)
    return node.inputs[0] if swaps else None


def _is_uniform(x: Node) -> bool:
    """Whether `x` has one entry along the last two axes: it broadcasts as a number to each."""
    return isinstance(x.type, TensorType) and all(dim == 1 for dim in x.shape[-2:])


def _seen_from(x: Node, node: Node, facts: _Known) -> Matrix:
    """The matrices of an operand of an elementwise op, after it is broadcast to the result."""
    if _is_uniform(x):
        return Matrix(symmetric=True, definite=1 if facts.value(x).low >= 0 else 0)
    if x.ndim >= 2 and x.shape[-2:] == node.shape[-2:]:
        return facts.matrix(x)
    return NO_MATRIX


# -- structures ----------------------------------------------------------------------------

_TURNED: Final = {"lower": "upper", "upper": "lower"}


def _join(one: str | None, other: str | None) -> str | None:
    """Zero where both are; also the structure of their matrix product."""
    if one is None or other is None or one == other:
        return one if one == other else None
    pair = {one, other}
    if pair == {"lower", "upper"}:
        return None
    return (pair - {"eye", "diagonal"}).pop() if pair - {"eye", "diagonal"} else "diagonal"


def _meet(one: str | None, other: str | None) -> str | None:
    """Zero where either is: the structure of their entrywise product."""
    if one is None or other is None or one == other:
        return one or other
    return "diagonal"


def _unlike_eye(structure: str | None) -> str | None:
    return "diagonal" if structure == "eye" else structure


def _source(node: Node, facts: _Known) -> Matrix:
    k = node.params["k"]
    if not isinstance(k, int):
        return NO_MATRIX
    if node.op.name == "tri":
        return Matrix("lower", True) if k <= 0 else NO_MATRIX
    return Matrix("eye" if k == 0 else "upper" if k > 0 else "lower", True)


_LARGEST_LOOK: Final = 1 << 20
"""Constants of more entries are not looked at."""


def _constant(node: Node, facts: _Known) -> Matrix:
    array = node.params["value"].array
    if array.size > _LARGEST_LOOK or not facts.value(node).finite:
        return NO_MATRIX
    lower, upper = not np.triu(array, 1).any(), not np.tril(array, -1).any()
    symmetric = bool((array == np.swapaxes(array, -1, -2)).all())
    if lower and upper:
        ones = bool((np.diagonal(array, axis1=-2, axis2=-1) == 1).all())
        return Matrix("eye" if ones else "diagonal")
    return Matrix("lower" if lower else "upper" if upper else None, symmetric=symmetric)


def _put_diagonal(node: Node, facts: _Known) -> Matrix:
    along = node.params["along"]
    if along[-1] != along[-2] or len(set(along)) != len(along) - 1:
        return NO_MATRIX
    low = facts.value(node.inputs[0]).low
    return Matrix("diagonal", True, definite=2 if low > 0 else 1 if low >= 0 else 0)


# -- moves ---------------------------------------------------------------------------------


def _keep(node: Node, facts: _Known) -> Matrix:
    (x,) = node.inputs
    return facts.matrix(x) if is_square(x) and x.shape[-2:] == node.shape[-2:] else NO_MATRIX


def _permute(node: Node, facts: _Known) -> Matrix:
    (x,) = node.inputs
    last = x.ndim - 1
    ends = node.params["axes"][-2:]
    if set(ends) != {last - 1, last} or not is_square(x):
        return NO_MATRIX
    found = facts.matrix(x)
    if ends == (last - 1, last):
        return found
    return found._replace(structure=_TURNED.get(found.structure or "", found.structure))


def _broadcast(node: Node, facts: _Known) -> Matrix:
    return _seen_from(node.inputs[0], node, facts)


def _index(node: Node, facts: _Known) -> Matrix:
    (x,) = node.inputs
    whole = [Slice(0, dim, 1) for dim in x.shape[-2:]]
    kept = is_square(x) and list(node.params["key"][-2:]) == whole
    return facts.matrix(x) if kept else NO_MATRIX


def _cast(node: Node, facts: _Known) -> Matrix:
    return _keep(node, facts) if node.dtype.kind in "fc" else NO_MATRIX


def _sum(node: Node, facts: _Known) -> Matrix:
    (x,) = node.inputs
    axes = node.params["axis"]
    if not is_square(x) or any(a >= x.ndim - 2 for a in axes):
        return NO_MATRIX
    found = facts.matrix(x)
    count = element_count(x.shape[a] for a in axes)
    some = (count if isinstance(count, int) else bounds(count)[0] or 0) >= 1
    definite = found.definite if some else min(found.definite, 1)
    return found._replace(structure=_unlike_eye(found.structure), definite=definite)


# -- entrywise -----------------------------------------------------------------------------


def _zero_at_zero(node: Node, facts: _Known) -> Matrix:
    found = facts.matrix(node.inputs[0])
    return Matrix(_unlike_eye(found.structure), found.firm, found.symmetric)


def _one_at_one(node: Node, facts: _Known) -> Matrix:
    found = facts.matrix(node.inputs[0])
    return Matrix(found.structure, found.firm, found.symmetric)


def _added(node: Node, facts: _Known) -> Matrix:
    parts = [_seen_from(x, node, facts) for x in node.inputs]
    structure, firm = parts[0].structure, all(part.firm for part in parts)
    for part in parts[1:]:
        structure = _join(structure, part.structure)
    a, b = node.inputs[0], node.inputs[-1]
    minus = node.op.name == "subtract"
    mirrored = len(parts) == 2 and (transposed(a) is b or transposed(b) is a) and not minus
    definite = max(p.definite for p in parts) if all(p.definite for p in parts) else 0
    return Matrix(
        _unlike_eye(structure),
        firm,
        mirrored or all(part.symmetric for part in parts),
        0 if minus else definite,
    )


def _scaled(found: Matrix, by: Node, facts: _Known) -> int:
    """How definite a matrix is after each is multiplied by a number."""
    low = facts.value(by).low
    return found.definite if low > 0 else min(found.definite, 1) if low >= 0 else 0


def _multiplied(node: Node, facts: _Known) -> Matrix:
    a, b = node.inputs
    one, other = _seen_from(a, node, facts), _seen_from(b, node, facts)
    if _is_uniform(b):
        definite = _scaled(one, b, facts)
    elif _is_uniform(a):
        definite = _scaled(other, a, facts)
    else:  # I. Schur, 1911: the entrywise product of semidefinite matrices is one
        definite = min(one.definite, other.definite)
    lasting = [
        part.structure
        for part, beside in ((one, b), (other, a))
        if part.structure is not None and (part.firm or facts.value(beside).finite)
    ]
    structure = _meet(lasting[0], lasting[-1]) if lasting else None
    both_eye = one.structure == other.structure == "eye"
    return Matrix(
        structure if both_eye else _unlike_eye(structure),
        one.firm or other.firm,
        one.symmetric and other.symmetric,
        definite,
    )


def _divided(node: Node, facts: _Known) -> Matrix:
    a, b = node.inputs
    one, other = _seen_from(a, node, facts), _seen_from(b, node, facts)
    below = facts.value(b)
    lasting = one.firm or (below.no_nan and below.without_zero)
    return Matrix(
        _unlike_eye(one.structure) if lasting else None,
        one.firm,
        one.symmetric and other.symmetric,
        one.definite if _is_uniform(b) and below.low > 0 else 0,
    )


def _where(node: Node, facts: _Known) -> Matrix:
    """A triangle, where a mask of one is; else what all three have in common."""
    parts = [_seen_from(x, node, facts) for x in node.inputs]
    symmetric = all(part.symmetric for part in parts)
    mask = mask_of(node)
    if mask is not None and mask.condition.op.name == "tri":
        k = mask.condition.params["k"]
        if isinstance(k, int) and (k >= -1 if mask.zero_first else k <= 0):
            return Matrix("upper" if mask.zero_first else "lower", True, symmetric)
    structure = _unlike_eye(_join(parts[1].structure, parts[2].structure))
    return Matrix(structure, parts[1].firm and parts[2].firm, symmetric)


# -- products ------------------------------------------------------------------------------


def _matmul(node: Node, facts: _Known) -> Matrix:
    a, b = node.inputs
    if a.ndim < 2 or b.ndim < 2:
        return NO_MATRIX
    structure, firm = None, False
    if is_square(a) and is_square(b):
        one, other = facts.matrix(a), facts.matrix(b)
        firm = one.firm and other.firm
        if firm or (facts.value(a).finite and facts.value(b).finite):
            structure = _join(one.structure, other.structure)
    symmetric, definite = _gram(a, b, facts)
    return Matrix(structure, firm, symmetric, definite)


def _gram(a: Node, b: Node, facts: _Known) -> tuple[bool, int]:
    """Whether ``a @ b`` is ``X.T @ (s * X)`` in some guise, or ``P.T @ S @ P``."""
    if transposed(a) is b or transposed(b) is a:
        return True, 1
    left, right = _peeled(a), _peeled(b)
    if left.core is right.core and left.turned != right.turned:
        weights = [w for w in (left.along_columns, right.along_rows, *left.plain) if w is not None]
        if left.along_rows is None and right.along_columns is None:
            weights += right.plain
            return True, int(all(facts.value(w).low >= 0 for w in weights))
    for product, end, first in ((a, b, True), (b, a, False)):
        if product.op.name != "matmul":
            continue
        outer, middle = product.inputs if first else product.inputs[::-1]
        if is_square(middle) and (transposed(outer) is end or transposed(end) is outer):
            found = facts.matrix(middle)
            return found.symmetric, min(found.definite, 1)
    return False, 0


class _Peeled(NamedTuple):
    """A factor taken apart: ``core``, perhaps transposed, times weights."""

    core: Node
    turned: bool
    along_rows: Node | None
    along_columns: Node | None
    plain: tuple[Node, ...]


def _peeled(x: Node) -> _Peeled:
    turned, plain = False, []
    weights: list[Node | None] = [None, None]  # that differ along rows, along columns
    for _ in range(4):
        inner = transposed(x)
        if inner is not None:
            x, turned = inner, not turned
            continue
        split = _weighted(x)
        if split is None:
            break
        weight, x_inner, axis = split
        if axis is None:
            plain.append(weight)
        else:
            axis = 1 - axis if turned else axis
            if weights[axis] is not None:
                break
            weights[axis] = weight
        x = x_inner
    return _Peeled(x, turned, weights[0], weights[1], tuple(plain))


def _weighted(x: Node) -> tuple[Node, Node, int | None] | None:
    """``s * core`` with `s` along the rows (0), the columns (1), or a number (None)."""
    if x.op.name != "multiply" or not x.op.registered:
        return None
    for weight, core in (x.inputs, x.inputs[::-1]):
        if core.shape == x.shape and weight.shape != x.shape:
            if _is_uniform(weight):
                return weight, core, None
            if weight.shape[-1] == 1:
                return weight, core, 0
            if weight.ndim == 1 or weight.shape[-2] == 1:
                return weight, core, 1
    return None


def _einsum(node: Node, facts: _Known) -> Matrix:
    """``ij,ik->jk`` of one operand with itself, or with itself times a weight along `i`."""
    left, rest = node.params["subscripts"].split(",")
    right, out = rest.split("->")
    differ = [k for k, (p, q) in enumerate(zip(left, right, strict=False)) if p != q]
    if len(left) != len(right) or len(differ) != 1:
        return NO_MATRIX
    (axis,) = differ
    if {left[axis], right[axis]} != set(out[-2:]):
        return NO_MATRIX
    a, b = node.inputs
    if a is b:
        return Matrix(symmetric=True, definite=1)
    for core, scaled in ((a, b), (b, a)):
        if scaled.op.name == "multiply" and any(x is core for x in scaled.inputs):
            weight = scaled.inputs[1 if scaled.inputs[0] is core else 0]
            place = axis - (core.ndim - weight.ndim)
            if core.shape == scaled.shape and (place < 0 or weight.shape[place] == 1):
                return Matrix(symmetric=True, definite=int(facts.value(weight).low >= 0))
    return NO_MATRIX


# -- the table -----------------------------------------------------------------------------

_TABLE: Final[Mapping[str, Callable[[Node, Any], Matrix]]] = {
    **dict.fromkeys(("eye", "tri"), _source),
    **dict.fromkeys(("checkpoint", "probe", "refine", "reshape", "stop_gradient"), _keep),
    **dict.fromkeys(("abs", "sign", "sqrt", "square"), _one_at_one),
    **dict.fromkeys(
        ("asinh", "atan", "erf", "expm1", "log1p", "negative", "relu", "sin", "sinh", "tanh"),
        _zero_at_zero,
    ),
    **dict.fromkeys(("add", "add_n", "subtract"), _added),
    "broadcast_to": _broadcast,
    "cast": _cast,
    "constant": _constant,
    "divide": _divided,
    "einsum": _einsum,
    "index": _index,
    "matmul": _matmul,
    "multiply": _multiplied,
    "permute_dims": _permute,
    "put_diagonal": _put_diagonal,
    "sum": _sum,
    "where": _where,
}
