"""Rules for layout: broadcasts, reductions, transposes and reshapes, moved and cancelled.

Values are computed before they are repeated, never after; moves of entries go outward, where
they meet and cancel or become views of what a product takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any, Final

import numpy as np

from symdiff.node import Node
from symdiff.op import Op
from symdiff.ops import elementwise, extrema, functions, nn, powers
from symdiff.ops.elementwise import cast
from symdiff.ops.index import index
from symdiff.ops.reduce import kept_shape
from symdiff.ops.reduce import sum as sum_
from symdiff.ops.reductions import all as all_
from symdiff.ops.reductions import any as any_
from symdiff.ops.reductions import max as max_
from symdiff.ops.reductions import min as min_
from symdiff.ops.reductions import prod
from symdiff.ops.shape import broadcast_to, permute_dims, reshape
from symdiff.rewrite.facts import Facts
from symdiff.rewrite.pattern import Rule, function_rule
from symdiff.rewrite.rules.indexing import INDEXING
from symdiff.rewrite.rules.layout import aligned, only_layout, unit_map
from symdiff.sizes import Dim, bounds
from symdiff.sources import CONSTANT
from symdiff.types import broadcast_shapes, element_count

__all__ = ["SHAPES"]


def _ops_of(*modules: ModuleType) -> tuple[Op, ...]:
    found = [x for module in modules for x in vars(module).values() if isinstance(x, Op)]
    entrywise = [op for op in found if op.form == "elementwise"]
    return tuple(dict.fromkeys(op for op in entrywise if getattr(op.ufunc, "nout", 1) == 1))


ENTRYWISE: Final = (cast, *_ops_of(elementwise, extrema, functions, nn, powers))
"""Ops whose entries are computed one by one."""

# -- broadcasts ----------------------------------------------------------------------------


def _narrow(node: Node, facts: Facts) -> Node | None:
    """Computed before it is repeated; the operation repeats what another operand is larger in."""
    parts = tuple([x.inputs[0] if x.op is broadcast_to else x for x in node.inputs])
    if all(new is old for new, old in zip(parts, node.inputs, strict=True)):
        return None
    return node.graph.intern(node.op, parts, node.params)


def _thin(node: Node, facts: Facts) -> Node | None:
    """Operands without the leading axes of size 1, and constants of one value as a number."""
    for x in node.inputs:
        if x.op is reshape or (x.op is CONSTANT and x.shape):
            break
    else:
        return None
    parts = tuple([_without_ones(x) for x in node.inputs])
    if all(new is old for new, old in zip(parts, node.inputs, strict=True)):
        return None
    if broadcast_shapes([x.shape for x in parts]) != node.shape:
        return None
    return node.graph.intern(node.op, parts, node.params)


MOST_COMPARED: Final = 4096


def _without_ones(x: Node) -> Node:
    if x.op is reshape:
        (source,) = x.inputs
        return source if aligned(source, x.ndim) == x.shape and source.ndim < x.ndim else x
    if x.op is CONSTANT and x.ndim:
        array = x.params["value"].array
        if 0 < array.nbytes <= MOST_COMPARED and array.tobytes() == array.flat[0].tobytes() * (
            array.size
        ):
            return x.graph.constant(array.flat[0])
    return x


def _merge_broadcasts(node: Node, facts: Facts) -> Node | None:
    """``broadcast_to(broadcast_to(x))`` -> ``broadcast_to(x)``."""
    (inner,) = node.inputs
    return broadcast_to(inner.inputs[0], shape=node.shape)


def _broadcast_of_reshape(node: Node, facts: Facts) -> Node | None:
    """Leading axes of size 1 are put in by the broadcast."""
    (inner,) = node.inputs
    (x,) = inner.inputs
    lead = inner.ndim - x.ndim
    if lead > 0 and inner.shape[lead:] == x.shape:
        return broadcast_to(x, shape=node.shape)
    return None


def _reshape_of_broadcast(node: Node, facts: Facts) -> Node | None:
    """Axes of size 1 put in or left out before what is repeated."""
    (inner,) = node.inputs
    (x,) = inner.inputs
    places = unit_map(inner.shape, node.shape)
    if places is None:
        return None
    dims = aligned(x, inner.ndim)
    return reshape(x, shape=tuple([1 if k < 0 else dims[k] for k in places]))


def _permute_of_broadcast(node: Node, facts: Facts) -> Node | None:
    """``broadcast_to(x).T`` -> ``x.T``, repeated where it is needed."""
    (inner,) = node.inputs
    (x,) = inner.inputs
    whole = reshape(x, shape=aligned(x, inner.ndim))
    return permute_dims(whole, axes=node.params["axes"])


BROADCASTS: Final[tuple[Rule, ...]] = (
    *[function_rule("narrow", op, _narrow, operands=(broadcast_to,)) for op in ENTRYWISE],
    *[function_rule("thin", op, _thin, operands=(CONSTANT, reshape)) for op in ENTRYWISE],
    function_rule(
        "broadcast_broadcast", broadcast_to, _merge_broadcasts, operands=(broadcast_to,)
    ),
    function_rule("broadcast_reshape", broadcast_to, _broadcast_of_reshape, operands=(reshape,)),
    function_rule("reshape_broadcast", reshape, _reshape_of_broadcast, operands=(broadcast_to,)),
    function_rule(
        "permute_broadcast", permute_dims, _permute_of_broadcast, operands=(broadcast_to,)
    ),
)

# -- reductions ----------------------------------------------------------------------------

REDUCTIONS: Final = (sum_, prod, max_, min_, any_, all_)


def _as_reduced(x: Node, like: Node) -> Node:
    """Entries that nothing is left to reduce of, as the reduction `like` has them."""
    return reshape(x.astype(like.dtype), shape=like.shape)


def _reduce(x: Node, like: Node, axes: tuple[int, ...], keepdims: bool = False) -> Node:
    """The same reduction over other axes of another node."""
    params: Mapping[str, Any] = {**like.params, "axis": axes, "keepdims": keepdims}
    return like.graph.apply(like.op, (x,), params)


def _over_ones(node: Node, facts: Facts) -> Node | None:
    """A reduction over axes of size 1 reduces nothing."""
    (x,) = node.inputs
    if any(x.shape[a] != 1 for a in node.params["axis"]):
        return None
    if node.op in (any_, all_) and x.dtype.kind != "b":
        return None
    return _as_reduced(x, node)


def _reduction_twice(node: Node, facts: Facts) -> Node | None:
    """A reduction of the same reduction: one over the axes of both."""
    (inner,) = node.inputs
    if inner.op is not node.op or facts.shared(inner):
        return None
    if node.params.get("dtype") is not None or inner.params.get("dtype") is not None:
        return None
    (x,) = inner.inputs
    first = inner.params["axis"]
    left = [k for k in range(x.ndim) if inner.params["keepdims"] or k not in first]
    axes = {*first, *[left[a] for a in node.params["axis"]]}
    return reshape(_reduce(x, node, tuple(sorted(axes))), shape=node.shape)


def _reduced_move(node: Node, facts: Facts) -> Node | None:
    """A reduction of moved entries: over the axes they came from."""
    (inner,) = node.inputs
    (x,) = inner.inputs
    axes, keepdims = node.params["axis"], node.params["keepdims"]
    if len(axes) == inner.ndim:
        return reshape(_reduce(x, node, tuple(range(x.ndim))), shape=node.shape)
    if inner.op is permute_dims:
        places = inner.params["axes"]
        total = _reduce(x, node, tuple(sorted(places[a] for a in axes)), keepdims)
        left = [k for k in range(x.ndim) if keepdims or k not in [places[a] for a in axes]]
        order = [places[a] for a in range(x.ndim) if keepdims or a not in axes]
        return permute_dims(total, axes=tuple(map(left.index, order)))
    found = unit_map(x.shape, inner.shape)
    if found is None:
        return None
    gone = tuple(sorted(found[a] for a in axes if found[a] >= 0))
    if not gone:
        return _as_reduced(x, node) if node.op not in (any_, all_) else None
    return reshape(_reduce(x, node, gone), shape=node.shape)


def _has_one(dim: Dim) -> bool:
    return (bounds(dim)[0] or 0) >= 1


def _reduced_broadcast(node: Node, facts: Facts) -> Node | None:
    """A reduction of repeated entries: of each once. A sum counts how often it is repeated.

    Were that never, the sum would be zero: then an entry may be infinite only if it is computed
    from sizes and finite numbers, as the 1/n of a mean is, which is of no use there.
    """
    (inner,) = node.inputs
    (x,) = inner.inputs
    axes, keepdims = node.params["axis"], node.params["keepdims"]
    dims = aligned(x, inner.ndim)
    spread = [a for a in axes if dims[a] != inner.shape[a]]
    if dims == inner.shape or node.params.get("dtype") is not None:
        return None
    count: Dim = element_count([inner.shape[a] for a in spread])
    if spread and not _may_count(node, x, count, facts):
        return None
    lead = inner.ndim - x.ndim
    gone = tuple(a - lead for a in axes if a not in spread and a >= lead)
    if not gone and node.op in (any_, all_) and x.dtype.kind != "b":
        return None
    once = _reduce(x, node, gone) if gone else x.astype(node.dtype)
    kept = kept_shape(dims, axes)
    left = kept if keepdims else tuple(kept[a] for a in range(inner.ndim) if a not in axes)
    once = reshape(once, shape=left)
    return once * count if spread and node.op is sum_ else once


def _may_count(node: Node, x: Node, count: Dim, facts: Facts) -> bool:
    if _has_one(count):
        return node.op is not prod and node.dtype != np.float16
    if node.op is not sum_ or node.dtype == np.float16:
        return False
    return facts.finite(x) or _from_sizes(x, facts)


def _from_sizes(x: Node, facts: Facts) -> bool:
    """Whether a node is computed from sizes and finite numbers by one operation at most."""
    parts = x.inputs if x.op.form == "elementwise" else (x,)
    return all(
        y.op.name == "size_of" or (y.op.name == "constant" and facts.finite(y)) for y in parts
    )


_MOVES: Final = (reshape, permute_dims)

_REDUCTION_RULES: Final[tuple[Rule, ...]] = tuple(
    made
    for op in REDUCTIONS
    for made in (
        function_rule("reduce_ones", op, _over_ones),
        function_rule("reduce_twice", op, _reduction_twice, operands=(op,)),
        function_rule("reduce_moved", op, _reduced_move, operands=_MOVES),
        function_rule("reduce_broadcast", op, _reduced_broadcast, operands=(broadcast_to,)),
    )
)

# -- reshapes and transposes ---------------------------------------------------------------


def _merge_reshapes(node: Node, facts: Facts) -> Node | None:
    """``reshape(reshape(x))`` -> ``reshape(x)``; so with axes put in by an index."""
    (inner,) = node.inputs
    if inner.op is reshape or (inner.op is index and only_layout(inner)):
        return reshape(inner.inputs[0], shape=node.shape)
    return None


def _index_of_reshape(node: Node, facts: Facts) -> Node | None:
    """``reshape(x)[None]`` -> ``reshape(x)``: an index that puts in axes of size 1 only."""
    return reshape(node.inputs[0].inputs[0], shape=node.shape) if only_layout(node) else None


def _merge_permutations(node: Node, facts: Facts) -> Node | None:
    """``permute_dims(permute_dims(x))`` -> ``permute_dims(x)``."""
    (inner,) = node.inputs
    first = inner.params["axes"]
    return permute_dims(inner.inputs[0], axes=tuple(first[a] for a in node.params["axes"]))


def _permute_ones(node: Node, facts: Facts) -> Node | None:
    """A transpose that moves axes of size 1 only."""
    (x,) = node.inputs
    order = [a for a in node.params["axes"] if x.shape[a] != 1]
    return reshape(x, shape=node.shape) if order == sorted(order) else None


def _permute_through(node: Node, facts: Facts) -> Node | None:
    """The transpose of an operation on transposed operands, if the two cancel."""
    (inner,) = node.inputs
    if inner.op not in ENTRYWISE or facts.shared(inner):
        return None
    axes = node.params["axes"]
    parts = []
    for x in inner.inputs:
        if not x.ndim:
            parts.append(x)
        elif x.op is permute_dims and x.ndim == node.ndim:
            first = x.params["axes"]
            if tuple(first[a] for a in axes) != tuple(range(len(axes))):
                return None
            parts.append(x.inputs[0])
        else:
            return None
    return node.graph.intern(inner.op, tuple(parts), inner.params)


def _permute_out(node: Node, facts: Facts) -> Node | None:
    """An operation on operands transposed alike: computed as they lie, then transposed."""
    moved = [x for x in node.inputs if x.ndim]
    axes = {x.params["axes"] for x in moved if x.op is permute_dims and x.ndim == node.ndim}
    if len(axes) != 1 or any(x.op is not permute_dims or x.ndim != node.ndim for x in moved):
        return None
    parts = tuple([x.inputs[0] if x.ndim else x for x in node.inputs])
    if broadcast_shapes([x.shape for x in parts]) is None:
        return None
    return permute_dims(node.graph.intern(node.op, parts, node.params), axes=axes.pop())


def _reshape_out(node: Node, facts: Facts) -> Node | None:
    """An operation on operands reshaped alike, and on scalars: reshaped when it is done."""
    for x in node.inputs:
        if x.op is not reshape and x.shape:
            return None
    moved = [x for x in node.inputs if x.ndim]
    if len({x.inputs[0].shape if x.op is reshape else None for x in moved}) != 1:
        return None
    if any(x.op is not reshape or x.shape != node.shape for x in moved):
        return None
    parts = tuple([x.inputs[0] if x.ndim else x for x in node.inputs])
    return reshape(node.graph.intern(node.op, parts, node.params), shape=node.shape)


LAYOUTS: Final[tuple[Rule, ...]] = (
    function_rule("reshape_reshape", reshape, _merge_reshapes, operands=(reshape, index)),
    function_rule("index_reshape", index, _index_of_reshape, operands=(reshape,)),
    function_rule("permute_permute", permute_dims, _merge_permutations, operands=(permute_dims,)),
    function_rule("permute_ones", permute_dims, _permute_ones),
    function_rule("permute_through", permute_dims, _permute_through),
    *[function_rule("reshape_out", op, _reshape_out, operands=(reshape,)) for op in ENTRYWISE],
    *[
        function_rule("permute_out", op, _permute_out, operands=(permute_dims,))
        for op in ENTRYWISE
    ],
)

SHAPES: Final[tuple[Rule, ...]] = (*BROADCASTS, *_REDUCTION_RULES, *LAYOUTS, *INDEXING)
