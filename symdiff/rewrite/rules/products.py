"""Sums of products as matrix products, and factors moved to where they touch the fewest entries.

A factor is moved across a contraction only where what it meets there is smaller, provably for
all values of the named sizes or because it has fewer axes (a vector before a matrix). Where sums
over no entries would then be multiplied by an infinite number, the factor stays.
"""

from __future__ import annotations

from typing import Final

from symdiff.node import Node
from symdiff.op import REGISTRY
from symdiff.ops.contract import take_diagonal
from symdiff.ops.declare import scalar_value
from symdiff.ops.elementwise import divide, multiply, negative
from symdiff.ops.linalg import matmul
from symdiff.ops.reduce import sum as sum_
from symdiff.ops.shape import broadcast_to, permute_dims, reshape
from symdiff.rewrite.facts import Facts
from symdiff.rewrite.pattern import Rule, function_rule
from symdiff.sizes import Dim, bounds
from symdiff.types import Shape, element_count

__all__ = ["PRODUCTS", "is_fewer"]

_einsum: Final = REGISTRY.find("einsum")


def is_fewer(one: Shape, other: Shape) -> bool:
    """Whether an array of the shape `one` has fewer entries, or as many on fewer axes.

    By rank where sizes are named: those of a vector count less than those of a matrix.
    """
    many, few = element_count(other), element_count(one)
    low = bounds(many - few)[0]
    if low is not None and low >= 0:
        return low > 0 or len(one) < len(other)
    high = bounds(many - few)[1]
    if high is not None and high <= 0:
        return False
    axes = [sum(dim != 1 for dim in shape) for shape in (one, other)]
    return axes[0] < axes[1]


def _may_leave(facts: Facts, factor: Node, over: bool, *summed: Dim) -> bool:
    """Whether a factor, or divisor, may be taken out of a sum.

    Were there nothing to sum, it would have to be finite, and a divisor not zero.
    """
    harmless = facts.finite(factor) and (not over or facts.nonzero(factor))
    return harmless or all((bounds(dim)[0] or 0) >= 1 for dim in summed)


def _is_real(*nodes: Node) -> bool:
    """Whether BLAS multiplies them: float16 it would add up in float16."""
    return all(x.dtype.kind == "f" and x.dtype.itemsize >= 4 for x in nodes)


def _product(facts: Facts, node: Node) -> tuple[Node, Node] | None:
    """The operands of a product of one dtype that nothing else needs."""
    if node.op is not multiply or facts.shared(node):
        return None
    x, y = node.inputs
    return (x, y) if x.dtype == y.dtype and _is_real(x, y) else None


# -- sums of products ----------------------------------------------------------------------


def _sum_as_dot(node: Node, facts: Facts) -> Node | None:
    """``sum(x * y)`` over all axes as the dot product of all entries."""
    (inner,) = node.inputs
    found = _product(facts, inner)
    if found is None or len(node.params["axis"]) != inner.ndim or node.params["dtype"]:
        return None
    x, y = found
    if x.shape != y.shape:
        return None
    flat = (element_count(x.shape),)
    return reshape(matmul(reshape(x, shape=flat), reshape(y, shape=flat)), shape=node.shape)


def _sum_as_matvec(node: Node, facts: Facts) -> Node | None:
    """``sum(A * v, axis)`` with `v` along a summed axis as a product with a vector."""
    (inner,) = node.inputs
    found = _product(facts, inner)
    if found is None or inner.ndim != 2 or node.params["dtype"]:
        return None
    for axis in reversed(node.params["axis"]):
        for A, v in (found, found[::-1]):
            thin = (1,) * (2 - v.ndim) + v.shape
            along = thin[axis] == inner.shape[axis] and thin[1 - axis] == 1
            if A.shape != inner.shape or not along or thin == A.shape:
                continue
            row = reshape(v, shape=(A.shape[axis],))
            total = matmul(A, row) if axis else matmul(row, A)
            if len(node.params["axis"]) > 1:
                total = sum_(total)
            return reshape(total, shape=node.shape)
    return None


def _sum_as_einsum(node: Node, facts: Facts) -> Node | None:
    """``sum(x * y)`` over the last axes: many inner products, with no array for ``x * y``."""
    (inner,) = node.inputs
    found = _product(facts, inner)
    axes = node.params["axis"]
    if found is None or node.params["dtype"] or not 0 < len(axes) < inner.ndim:
        return None
    x, y = found
    if x.shape != y.shape or axes != tuple(range(inner.ndim - len(axes), inner.ndim)):
        return None
    letters = "ijklmnopqrstuvwxyz"[: inner.ndim]
    out = letters[: inner.ndim - len(axes)]
    total = _einsum(x, y, subscripts=f"{letters},{letters}->{out}")
    return reshape(total, shape=node.shape)


def _factor_out_of_sum(node: Node, facts: Facts) -> Node | None:
    """``sum(c * x)`` as ``c * sum(x)``, where `c` does not change along what is summed."""
    (inner,) = node.inputs
    axes, kept = node.params["axis"], node.params["keepdims"]
    if inner.op not in (multiply, divide, negative) or facts.shared(inner):
        return None
    if node.params["dtype"] or not _is_real(*inner.inputs):
        return None
    summed = [inner.shape[k] for k in axes]
    if inner.op is negative:
        return negative(sum_(inner.inputs[0], **node.params))
    pairs = [(0, 1), (1, 0)] if inner.op is multiply else [(0, 1)]
    for at_x, at_c in pairs:
        x, c = inner.inputs[at_x], inner.inputs[at_c]
        thin = (1,) * (inner.ndim - c.ndim) + c.shape
        if x.shape != inner.shape or any(thin[k] != 1 for k in axes) or x.dtype != inner.dtype:
            continue
        if not is_fewer(node.shape, inner.shape) or not _may_leave(
            facts, c, inner.op is divide, *summed
        ):
            continue
        left = tuple([n for k, n in enumerate(thin) if kept or k not in axes])
        factor = reshape(c, shape=left if c.ndim else ())
        total = sum_(x, **node.params)
        return total * factor if inner.op is multiply else total / factor
    return None


# -- factors and matrix products -----------------------------------------------------------


def _scaling_of(facts: Facts, node: Node) -> tuple[Node, Node | None, bool] | None:
    """A matrix or vector of a product, its factor (None is -1), and whether it is divided by."""
    if node.op not in (multiply, divide, negative):
        return None
    if facts.shared(node) or not _is_real(*node.inputs):
        return None
    if node.op is negative:
        return node.inputs[0], None, False
    x, c = node.inputs
    if node.op is multiply and (x.shape != node.shape or x.ndim < c.ndim):
        x, c = c, x
    if x.shape != node.shape or c.dtype != node.dtype or x.dtype != node.dtype:
        return None
    return x, c, node.op is divide


def _scaled(x: Node, factor: Node | None, over: bool) -> Node:
    if factor is None:
        return negative(x)
    return x / factor if over else x * factor


def _number_across_matmul(node: Node, facts: Facts) -> Node | None:
    """``(c * A) @ B`` with the number where it meets the fewest entries."""
    for k, operand in enumerate(node.inputs):
        found = _scaling_of(facts, operand)
        if found is None or (found[1] is not None and found[1].shape):
            continue
        x, c, over = found
        other = node.inputs[1 - k]
        if other.dtype != node.dtype:
            continue
        inner = node.inputs[0].shape[-1]
        leave = c is None or _may_leave(facts, c, over, inner)
        if leave and is_fewer(node.shape, x.shape) and not is_fewer(other.shape, node.shape):
            return _scaled(matmul(*_ordered(k, x, other)), c, over)
        if is_fewer(other.shape, x.shape):
            return matmul(*_ordered(k, x, _scaled(other, c, over)))
    return None


def _ordered(place: int, one: Node, other: Node) -> tuple[Node, Node]:
    return (one, other) if place == 0 else (other, one)


def _vector_across_matmul(node: Node, facts: Facts) -> Node | None:
    """A scaled matrix in a product, with the scaling on the other operand or on the result.

    ``(A * s) @ B`` is ``A @ (s[:, None] * B)``, which pays where `B` is smaller, and
    ``(r[:, None] * A) @ B`` is ``r[:, None] * (A @ B)``, which pays where the result is; and so
    from the right.
    """
    for k, operand in enumerate(node.inputs):
        other = node.inputs[1 - k]
        found = _scaling_of(facts, operand)
        if found is None or operand.ndim > 2 or other.ndim > 2 or other.dtype != node.dtype:
            continue
        x, c, over = found
        if c is None or not c.shape:
            continue
        thin = (1,) * (operand.ndim - c.ndim) + c.shape
        inside = operand.ndim - 1 if k == 0 else 0  # the summed axis of the operand
        size = thin[inside]
        if size != 1 and all(n == 1 for a, n in enumerate(thin) if a != inside):
            if is_fewer(other.shape, x.shape):
                column = k == 0 and other.ndim == 2
                moved = reshape(c, shape=(size, 1) if column else (size,))
                return matmul(*_ordered(k, x, _scaled(other, moved, over)))
            continue
        pays = size == 1 and operand.ndim == 2 and is_fewer(node.shape, x.shape)
        if pays and _may_leave(facts, c, over, x.shape[inside]):
            rows: tuple[Dim, ...] = (thin[1 - inside],)
            rows = (*rows, *[1] * (node.ndim - 1)) if k == 0 else rows
            return _scaled(matmul(*_ordered(k, x, other)), reshape(c, shape=rows), over)
    return None


def _matmul_of_rows(node: Node, facts: Facts) -> Node | None:
    """A product with a matrix of one row, or one column, that is a vector, as one with that."""
    a, b = node.inputs
    if a.ndim != 2 or b.ndim != 2:
        return None
    if a.shape[0] == 1 and _is_vector(a) and b.shape[1] != 1:
        return reshape(matmul(reshape(a, shape=a.shape[1:]), b), shape=node.shape)
    if b.shape[1] == 1 and _is_vector(b) and a.shape[0] != 1:
        return reshape(matmul(a, reshape(b, shape=b.shape[:1])), shape=node.shape)
    return None


def _is_vector(x: Node) -> bool:
    return x.op is reshape and x.inputs[0].ndim == 1


def _matmul_of_uniform(node: Node, facts: Facts) -> Node | None:
    """The product of two vectors of which one is a number all along, as its sum times that."""
    for x, y in (node.inputs, node.inputs[::-1]):
        if node.ndim or y.op is not broadcast_to or x.ndim != 1 or x.dtype != node.dtype:
            continue
        number = y.inputs[0]
        if number.ndim == 0 and number.dtype == node.dtype:
            value = scalar_value(number)
            if _may_leave(facts, number, False, x.shape[0]):
                return sum_(x) if value == 1 else sum_(x) * number
    return None


def _transposed_product(node: Node, facts: Facts) -> Node | None:
    """``(A.T @ B).T`` as ``B.T @ A``, which has one transposition less."""
    (product,) = node.inputs
    if product.op is not matmul or facts.shared(product) or node.params["axes"] != (1, 0):
        return None
    a, b = product.inputs
    if a.ndim != 2 or b.ndim != 2 or permute_dims not in (a.op, b.op):
        return None
    return matmul(_turned(b), _turned(a))


def _turned(x: Node) -> Node:
    return x.inputs[0] if x.op is permute_dims else permute_dims(x, axes=(1, 0))


def _diagonal_of_product(node: Node, facts: Facts) -> Node | None:
    """The diagonal of ``A @ B``: as many inner products as it has entries."""
    (product,) = node.inputs
    if product.op is not matmul or product.ndim != 2 or facts.shared(product):
        return None
    a, b = product.inputs
    if a.ndim != 2 or b.ndim != 2 or not _is_real(a, b) or a.dtype != b.dtype:
        return None
    return sum_(a * permute_dims(b, axes=(1, 0)), axis=1)


def _einsum_as_matmul(node: Node, facts: Facts) -> Node | None:
    """A product of two matrices and vectors over one index as `matmul`, of views."""
    left, right, out = node.params["subscripts"].replace("->", ",").split(",")
    a, b = node.inputs
    summed = [x for x in left if x not in out]
    shared = [x for x in left if x in right]
    if len(summed) != 1 or shared != summed or a.ndim > 2 or b.ndim > 2 or a.dtype != b.dtype:
        return None
    (k,) = summed
    rows, columns = left.replace(k, ""), right.replace(k, "")
    if out != rows + columns:
        if out != columns + rows:
            return None
        a, b, left, right = b, a, right, left
        rows, columns = columns, rows
    a = a if left == rows + k else permute_dims(a, axes=(1, 0))
    b = b if right == k + columns else permute_dims(b, axes=(1, 0))
    return matmul(a, b)


PRODUCTS: Final[tuple[Rule, ...]] = (
    function_rule("sum_factor", sum_, _factor_out_of_sum, operands=(multiply, divide, negative)),
    function_rule("sum_as_dot", sum_, _sum_as_dot, operands=(multiply,)),
    function_rule("sum_as_matvec", sum_, _sum_as_matvec, operands=(multiply,)),
    function_rule("sum_as_einsum", sum_, _sum_as_einsum, operands=(multiply,)),
    function_rule("einsum_as_matmul", _einsum, _einsum_as_matmul),
    function_rule(
        "matmul_number", matmul, _number_across_matmul, operands=(multiply, divide, negative)
    ),
    function_rule("matmul_scaling", matmul, _vector_across_matmul, operands=(multiply, divide)),
    function_rule("matmul_row", matmul, _matmul_of_rows, operands=(reshape,)),
    function_rule("matmul_uniform", matmul, _matmul_of_uniform, operands=(broadcast_to,)),
    function_rule("transposed_product", permute_dims, _transposed_product, operands=(matmul,)),
    function_rule("diagonal_of_product", take_diagonal, _diagonal_of_product, operands=(matmul,)),
)
