"""`logsumexp` with weights, which may be negative, and the softmax family as SciPy calls it.

The derivatives by entries and weights are the shares in the sum, ``w = b * exp(a) / Σ`` and
``u = exp(a) / Σ``: ops of their own, for an overflowing ``u`` times a weight of 0 were NaN. Their
derivatives are products of shares again. An entry of weight 0 does not count, whatever it is.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from symdiff.describe import listing
from symdiff.errors import ShapeError
from symdiff.node import Node
from symdiff.op import REGISTRY, Op
from symdiff.ops import nn
from symdiff.ops.declare import op, scale
from symdiff.ops.elementwise import less, where
from symdiff.ops.operands import graph_of
from symdiff.ops.reduce import reduced_shape, reduction_params, sum
from symdiff.ops.shape import broadcast_to, tensor
from symdiff.ops.special import doubled, real_floats
from symdiff.types import (
    TensorType,
    TupleType,
    Type,
    broadcast_shapes,
    normalize_axes,
    shape_text,
)

__all__ = ["log_softmax", "logsumexp", "softmax"]

# -- kernels -------------------------------------------------------------------------------


def _terms(a: Any, b: Any, axis: tuple[int, ...]) -> tuple[Any, Any]:
    """``b * exp(a - shift)`` and the shift, which makes the largest of the terms about 1."""
    sizes = np.where(b == 0, -np.inf, a + np.log(np.abs(b)))
    largest = np.maximum.reduce(sizes, axis=axis, keepdims=True, initial=-np.inf)
    shift = np.where(np.isfinite(largest), largest, 0.0)
    return np.where(b == 0, 0.0, b * np.exp(a - shift)), shift


def _signed_logsumexp(a: Any, b: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    terms, shift = _terms(a, b, axis)
    ones = np.abs(terms) == 1
    whole = np.add.reduce(np.where(ones, terms, 0.0), axis=axis, keepdims=True)
    rest = np.add.reduce(np.where(ones, 0.0, terms), axis=axis, keepdims=True)
    total, share = whole + rest, rest / whole
    close = np.abs(share) < 0.5  # accurate also where one term makes up nearly all of the sum
    size = np.where(close, np.log1p(share) + np.log(np.abs(whole)), np.log(np.abs(total)))
    found = (size + shift, np.sign(total))
    return found if keepdims else tuple(np.squeeze(x, axis) for x in found)


def _share(a: Any, b: Any, axis: tuple[int, ...]) -> Any:
    terms, shift = _terms(a, b, axis)
    total = np.add.reduce(terms, axis=axis, keepdims=True)
    nothing = np.isneginf(a) | ((b == 0) & ~np.isfinite(a))
    return np.where(nothing, 0.0, np.exp(a - shift) / total)


def _weighted_share(a: Any, b: Any, axis: tuple[int, ...]) -> Any:
    terms, _ = _terms(a, b, axis)
    total = np.add.reduce(terms, axis=axis, keepdims=True)
    return np.where(np.isneginf(a) | (b == 0), 0.0, terms / total)


# -- ops -----------------------------------------------------------------------------------


def _same_type(a: Type, b: Type) -> TensorType:
    one, other = tensor(a), tensor(b)
    if one.shape != other.shape:
        raise ShapeError("the weights must have the shape of the entries")
    return TensorType(real_floats(one.dtype, other.dtype), one.shape)


def _pair_type(a: Type, b: Type, axis: tuple[int, ...], keepdims: bool) -> TupleType:
    both = _same_type(a, b)
    result = TensorType(both.dtype, reduced_shape(both.shape, axis, keepdims))
    return TupleType((result, result))


def _batched(y: Node, inputs: tuple[Node, ...], mapped: tuple[bool, ...]) -> Node:
    (size,) = {x.shape[0] for x, there in zip(inputs, mapped, strict=True) if there}
    full = tuple(
        x if there else broadcast_to(x, shape=(size, *x.shape))
        for x, there in zip(inputs, mapped, strict=True)
    )
    axes = tuple(k + 1 for k in y.params["axis"])
    return y.graph.intern(y.op, full, {**y.params, "axis": axes})


def _inner(G: Node, y: Node) -> Node:
    return sum(y * G, axis=y.params["axis"], keepdims=True)


def _share_by_entry(G: Node, y: Node, a: Node, b: Node) -> Node:
    """The transpose of ``d u_i / d a_j = u_i * (δ_ij - w_j)``."""
    return y * G - _weighted_shares(a, b, axis=y.params["axis"]) * _inner(G, y)


def _share_by_weight(G: Node, y: Node, a: Node, b: Node) -> Node:
    """The transpose of ``d u_i / d b_j = -u_i * u_j``."""
    return -(y * _inner(G, y))


def _weighted_by_entry(G: Node, y: Node, a: Node, b: Node) -> Node:
    """The transpose of ``d w_i / d a_j = w_i * (δ_ij - w_j)``, which is symmetric."""
    return y * (G - _inner(G, y))


def _weighted_by_weight(G: Node, y: Node, a: Node, b: Node) -> Node:
    """The transpose of ``d w_i / d b_j = u_j * (δ_ij - w_i)``."""
    return _shares(a, b, axis=y.params["axis"]) * (G - _inner(G, y))


def _shares_op(name: str, kernel: Any, vjp: tuple[Any, Any], doc: str) -> Op:
    return op(
        name,
        "a b",
        doc=f"{doc} without overflow. 0 for entries of -inf, and for infinite ones of weight 0.",
        parameters={"axis": None},
        normalize=lambda a, b, axis: {"axis": normalize_axes(axis, tensor(a).rank, name)},
        infer=lambda a, b, axis: _same_type(a, b),
        kernel=doubled(kernel),
        vjp=vjp,
        batch=_batched,
    )


_shares: Op = _shares_op(
    "share",
    _share,
    (_share_by_entry, _share_by_weight),
    "`exp(a) / sum(b * exp(a))` over `axis`,",
)
_weighted_shares: Op = _shares_op(
    "weighted_share",
    _weighted_share,
    (_weighted_by_entry, _weighted_by_weight),
    "`b * exp(a) / sum(b * exp(a))` over `axis`,",
)


def _spread(g: Node, y: Node, a: Node) -> Node:
    """A gradient of the sum at every entry."""
    return sum.vjp_rules[0](g, y, a)  # type: ignore[index, no-any-return]


def _sum_by_entry(g: Any, y: Node, a: Node, b: Node) -> Node | None:
    if g[0] is None:
        return None
    return scale(_spread(g[0], y, a), _weighted_shares(a, b, axis=y.params["axis"]))


def _sum_by_weight(g: Any, y: Node, a: Node, b: Node) -> Node | None:
    if g[0] is None:
        return None
    return scale(_spread(g[0], y, b), _shares(a, b, axis=y.params["axis"]))


_sums: Op = op(
    "signed_logsumexp",
    "a b",
    doc="""Logarithm of the size of ``sum(b * exp(a))`` over `axis`, and its sign: two results.

    Entries of weight 0 do not count. The derivative of the sign is zero by definition.
    """,
    parameters={"axis": None, "keepdims": False},
    normalize=lambda a, b, axis, keepdims: reduction_params("logsumexp")(a, axis, keepdims),
    infer=_pair_type,
    kernel=_signed_logsumexp,
    vjp=(_sum_by_entry, _sum_by_weight),
    batch=_batched,
)

# -- SciPy's names -------------------------------------------------------------------------


def logsumexp(
    a: Any, axis: Any = None, b: Any = None, keepdims: bool = False, return_sign: bool = False
) -> Any:
    """``log(sum(b * exp(a)))`` without overflow, with weights of any sign.

    Arguments: `a`, real entries of any shape; `axis`, an int, a tuple, or None for all; `b`,
    weights of a shape that broadcasts with that of `a`, or None for ones; `keepdims`, whether
    the axes stay with size 1; `return_sign`, whether to return the pair of the logarithm of the
    sum's size and its sign. Otherwise a negative sum has no logarithm and gives NaN.

    An entry of weight 0 does not count, whatever it is, but has a derivative by its weight. Over
    nothing but -inf, and over no entries, the value is -inf. Raises `ShapeError` where the
    shapes do not broadcast.

    >>> import symdiff as sd
    >>> g = sd.Graph()
    >>> a, b = g.input("a", sd.f64[2]), g.input("b", sd.f64[2])
    >>> y = sd.special.logsumexp(a, b=b)
    >>> sd.evaluate([y, *sd.grad(y, [a, b])], {a: [1000.0, 1000.0], b: [3.0, -2.0]})
    [array(1000.), array([ 3., -2.]), array([1., 1.])]
    """
    if b is None and not return_sign:
        return nn.logsumexp(a, axis=axis, keepdims=keepdims)
    entries, weights = _common(a, 1 if b is None else b)
    size, sign = _sums(entries, weights, axis=axis, keepdims=keepdims)
    return (size, sign) if return_sign else where(less(sign, 0), math.nan, size)


def _common(a: Any, b: Any) -> tuple[Node, Node]:
    """Both as nodes of one graph and of one shape."""
    graph = graph_of("logsumexp", (a, b))
    with listing("logsumexp", {"a": a, "b": b}):
        weak = isinstance(b, int | float) and not isinstance(b, np.generic)
        one = graph.constant(a)
        floating = weak and one.dtype.kind == "f"
        other = graph.constant(b, one.dtype if floating else None)
        shape = broadcast_shapes([one.shape, other.shape])
        if shape is None:
            shapes = f"{shape_text(one.shape)} and {shape_text(other.shape)}"
            raise ShapeError(f"shapes {shapes} do not broadcast")
    return broadcast_to(one, shape=shape), broadcast_to(other, shape=shape)


def softmax(x: Any, axis: Any = None) -> Node:
    """``exp(x) / sum(exp(x))`` over `axis`: all axes where none is named, as in SciPy.

    `sd.softmax` is the same function over the last axis.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64[2, 2])
    >>> sd.evaluate(sd.special.softmax(x), {x: [[0.0, 0.0], [0.0, 0.0]]})
    array([[0.25, 0.25],
           [0.25, 0.25]])
    """
    return nn.softmax(x, axis=axis)


def log_softmax(x: Any, axis: Any = None) -> Node:
    """Logarithm of `softmax`: over all axes where none is named, as in SciPy.

    `sd.log_softmax` is the same function over the last axis.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64[2])
    >>> sd.evaluate(sd.special.log_softmax(x), {x: [1000.0, 0.0]})
    array([    0., -1000.])
    """
    return nn.log_softmax(x, axis=axis)


REGISTRY.enroll(__name__)
