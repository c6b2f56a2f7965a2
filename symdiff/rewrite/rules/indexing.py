"""Rules for reading parts of arrays, and for putting parts in place.

A part is read of what was put there, before an operation rather than after it, and in one step;
parts put into zeros go there together.
"""

from __future__ import annotations

from typing import Any, Final

from symdiff.literals import Slice
from symdiff.node import Node
from symdiff.ops.elementwise import add, divide, multiply, negative
from symdiff.ops.index import disjoint, index, scatter
from symdiff.ops.reduce import sum as sum_
from symdiff.ops.shape import broadcast_to, reshape
from symdiff.ops.structure import add_n
from symdiff.rewrite.facts import Facts
from symdiff.rewrite.pattern import Rule, function_rule, spread_scalar
from symdiff.rewrite.rules.layout import composed, key_of_operand, whole_key
from symdiff.rewrite.rules.numbers import number
from symdiff.rewrite.rules.sums import total
from symdiff.types import Shape

__all__ = ["INDEXING"]

# -- reading -------------------------------------------------------------------------------


def _index_twice(node: Node, facts: Facts) -> Node | None:
    """``x[1:][::2]`` -> ``x[1::2]``: one key for two, where there is one."""
    (inner,) = node.inputs
    key = composed(inner.params["key"], node.params["key"])
    return None if key is None else index(inner.inputs[0], key=key)


def _index_of_broadcast(node: Node, facts: Facts) -> Node | None:
    """``broadcast_to(x)[key]`` -> the entries of ``x``, repeated where they are needed."""
    (inner,) = node.inputs
    (x,) = inner.inputs
    return index(x, key=key_of_operand(node.params["key"], inner.shape, x.shape))


def _index_of_operation(node: Node, facts: Facts) -> Node | None:
    """Only what is read is computed, where that is half of it or less."""
    (inner,) = node.inputs
    if (
        inner.op.form != "elementwise"
        or facts.shared(inner)
        or not isinstance(inner.inputs, tuple)
    ):
        return None
    key = node.params["key"]
    if not _takes_little(key, inner.shape):
        return None
    parts = [index(x, key=key_of_operand(key, inner.shape, x.shape)) for x in inner.inputs]
    return node.graph.intern(inner.op, tuple(parts), inner.params)


def _takes_little(key: tuple[Any, ...], shape: Shape) -> bool:
    entries = [entry for entry in key if entry is not None]
    for entry, dim in zip(entries, shape, strict=True):
        if not isinstance(entry, Slice):
            if dim != 1:
                return True
        elif isinstance(entry.length, int) and isinstance(dim, int) and 2 * entry.length <= dim:
            return True
    return False


def _index_of_parts(node: Node, facts: Facts) -> Node | None:
    """What was put there, or zeros where nothing was."""
    (inner,) = node.inputs
    key, keys = node.params["key"], inner.params["keys"]
    if key in keys and disjoint(keys):
        part: Node = inner.inputs[keys.index(key)]
        return part
    if all(disjoint([key, other]) for other in keys):
        return node.graph.constant(0, node.dtype)
    return None


def _index_of_stack(node: Node, facts: Facts) -> Node | None:
    """``stack([x, y])[1]`` -> ``y``."""
    (inner,) = node.inputs
    axis = inner.params["axis"]
    key = list(node.params["key"])
    place = [k for k, entry in enumerate(key) if entry is not None][axis]
    entry = key.pop(place)
    if not isinstance(entry, int) or entry >= len(inner.inputs):
        return None
    return index(inner.inputs[entry], key=tuple(key))


def _index_of_concat(node: Node, facts: Facts) -> Node | None:
    """Of one of the arrays that were joined."""
    (inner,) = node.inputs
    axis = inner.params["axis"]
    key = list(node.params["key"])
    place = [k for k, entry in enumerate(key) if entry is not None][axis]
    entry = key[place]
    first: Any = 0
    for x in inner.inputs:
        dim = x.shape[axis]
        if isinstance(entry, Slice):
            if entry == Slice(first, first + dim, 1):
                key[place] = Slice(0, dim, 1)
                return index(x, key=tuple(key))
            bounded = all(isinstance(v, int) for v in (*entry, first, dim)) and entry.length
            if bounded and entry.step > 0 and first <= entry.start and entry.stop <= first + dim:
                key[place] = Slice(entry.start - first, entry.stop - first, entry.step)
                return index(x, key=tuple(key))
        elif all(isinstance(v, int) for v in (entry, first, dim)) and 0 <= entry - first < dim:
            key[place] = entry - first
            return index(x, key=tuple(key))
        first = first + dim
    return None


# -- putting -------------------------------------------------------------------------------


def _scatter_all(node: Node, facts: Facts) -> Node | None:
    """Parts that are all of the result are not put anywhere."""
    shape, keys = node.params["shape"], node.params["keys"]
    if not all(whole_key(key, shape) for key in keys):
        return None
    return total([reshape(part, shape=shape) for part in node.inputs])


def _scatter_zero(node: Node, facts: Facts) -> Node | None:
    """A scatter without the parts that are zero; of no other part it is zero."""
    kept = [k for k, part in enumerate(node.inputs) if spread_scalar(part) != 0]
    if len(kept) == len(node.inputs):
        return None
    if not kept:
        return node.graph.constant(0, node.dtype)
    keys = tuple([node.params["keys"][k] for k in kept])
    return scatter(*[node.inputs[k] for k in kept], shape=node.params["shape"], keys=keys)


def _scatter_twice(node: Node, facts: Facts) -> Node | None:
    """Parts of a part are put in place in one step."""
    parts: list[Node] = []
    keys: list[Any] = []
    for part, key in zip(node.inputs, node.params["keys"], strict=True):
        within: list[Any] = [None]
        if part.op is scatter and not facts.shared(part):
            within = [composed(key, inner) for inner in part.params["keys"]]
        if None in within:
            parts.append(part)
            keys.append(key)
        else:
            parts.extend(part.inputs)
            keys.extend(within)
    if len(parts) == len(node.inputs) and all(
        a is b for a, b in zip(parts, node.inputs, strict=True)
    ):
        return None
    return scatter(*parts, shape=node.params["shape"], keys=tuple(keys))


def _scatter_same(node: Node, facts: Facts) -> Node | None:
    """Parts that go to one place are added before they do."""
    found: dict[Any, list[Node]] = {}
    for part, key in zip(node.inputs, node.params["keys"], strict=True):
        found.setdefault(key, []).append(part)
    if len(found) == len(node.inputs):
        return None
    parts = [total(parts) for parts in found.values()]
    return scatter(*parts, shape=node.params["shape"], keys=tuple(found))


def _sum_of_scatters(node: Node, facts: Facts) -> Node | None:
    """Parts that are added in the end are put into the same zeros."""
    places = [
        k
        for k, x in enumerate(node.inputs)
        if x.op is scatter and x.type == node.type and not facts.shared(x)
    ]
    if len(places) < 2:
        return None
    together = [node.inputs[k] for k in places]
    both = scatter(
        *[part for x in together for part in x.inputs],
        shape=node.shape,
        keys=tuple([key for x in together for key in x.params["keys"]]),
    )
    rest = [x for k, x in enumerate(node.inputs) if k not in places]
    return total([*rest, both])


def _number_into_scatter(node: Node, facts: Facts) -> Node | None:
    """Parts are multiplied before they are put into zeros, if they are not more than those."""
    for place, part in enumerate(node.inputs):
        others = [x for k, x in enumerate(node.inputs) if k != place]
        if part.op is not scatter or facts.shared(part) or part.type != node.type:
            continue
        if (others and number(others[0]) is None) or (node.op is divide and place):
            continue
        keys = part.params["keys"]
        if len(keys) > 1 and not disjoint(keys):
            continue
        parts = [
            node.op(*[x if k == place else others[0] for k in range(len(node.inputs))])
            for x in part.inputs
        ]
        return scatter(*parts, shape=node.shape, keys=keys)
    return None


def _sum_of_put(node: Node, facts: Facts) -> Node | None:
    """``sum(scatter(x, y))`` -> ``sum(x) + sum(y)``; zeros add nothing."""
    (put,) = node.inputs
    if len(node.params["axis"]) < put.ndim or node.dtype.kind != "f":
        return None
    total_of = [
        sum_(part, axis=None, dtype=node.params["dtype"], keepdims=False) for part in put.inputs
    ]
    return reshape(total(total_of), shape=node.shape)


def _sum_of_put_along(node: Node, facts: Facts) -> Node | None:
    """What was put somewhere along an axis and is summed over that axis was put anywhere there."""
    (put,) = node.inputs
    values, indices = put.inputs
    axis = put.params["axis"]
    if axis not in node.params["axis"] or node.dtype.kind != "f":
        return None
    for k, (size, places) in enumerate(zip(values.shape, indices.shape, strict=True)):
        if (k != axis and size != put.shape[k]) or places not in (1, size):
            return None
    return sum_(values, **node.params)


INDEXING: Final[tuple[Rule, ...]] = (
    function_rule("index_index", index, _index_twice, operands=(index,)),
    function_rule("index_broadcast", index, _index_of_broadcast, operands=(broadcast_to,)),
    function_rule("index_scatter", index, _index_of_parts, operands=(scatter,)),
    function_rule("index_stack", index, _index_of_stack, operands=("stack",)),
    function_rule("index_concat", index, _index_of_concat, operands=("concat",)),
    function_rule("index_operation", index, _index_of_operation),
    function_rule("sum_of_put", sum_, _sum_of_put, operands=(scatter,)),
    function_rule("sum_of_put_along", sum_, _sum_of_put_along, operands=("add_along_axis",)),
    function_rule("scatter_zero", scatter, _scatter_zero, operands=("constant", broadcast_to)),
    function_rule("scatter_all", scatter, _scatter_all),
    function_rule("scatter_scatter", scatter, _scatter_twice, operands=(scatter,)),
    function_rule("scatter_same", scatter, _scatter_same),
    *[
        function_rule("sum_of_scatters", op, _sum_of_scatters, operands=(scatter,))
        for op in (add, add_n)
    ],
    *[
        function_rule("number_into_scatter", op, _number_into_scatter, operands=(scatter,))
        for op in (multiply, divide, negative)
    ],
)
