"""Chains of matrix products in the order that takes the fewest multiplications.

The classical dynamic programme: T. H. Cormen et al., *Introduction to Algorithms*, 3rd ed.,
2009, section 15.2. A chain is a tree of products each of which only the next one needs;
transpositions between them are moved to the operands, and numbers to the end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

from symdiff.collector import paused_collector
from symdiff.graph import Graph
from symdiff.node import Node
from symdiff.ops.elementwise import multiply, negative
from symdiff.ops.linalg import matmul
from symdiff.ops.shape import matrix_transpose, permute_dims
from symdiff.rewrite.driver import Pass
from symdiff.rewrite.notes import carry_notes
from symdiff.sizes import Dim, Size, bounds, evaluate, names, substitute

__all__ = ["reorder"]

LONGEST: Final = 64
"""A longer chain keeps its order: the programme is cubic in the length."""

LONGEST_NAMED: Final = 12
"""The same where costs are polynomials in named sizes."""

_LARGE: Final = 10**6
_APART: Final = 10**3
"""Costs whose ratio is larger at large sizes differ in degree: vectors come before matrices."""


def reorder(graph: Graph, sizes: Mapping[str, int] | None = None) -> Pass:
    """The graph with every chain of products in its cheapest order.

    Arguments: `sizes`, what named sizes are assumed to be. Where a name has no value there, an
    order is taken only if it costs no more for all values >= 1, or less by a whole size.

    Linear in the graph but for the chains' lengths, of which it is cubic up to a limit. What is
    computed stays the same up to rounding.

    >>> import symdiff as sd
    >>> g = sd.Graph()
    >>> A, B, v = g.input("A", sd.f64[9, 9]), g.input("B", sd.f64[9, 9]), g.input("v", sd.f64[9])
    >>> g.outputs = [A @ B @ v]
    >>> print(reorder(g).graph.text())
    graph graph(A: f64[9,9], B: f64[9,9], v: f64[9]) {
      %0 : f64[9] = matmul B v
      %1 : f64[9] = matmul A %0
      return %1
    }
    """
    live = sorted(graph.ancestors(graph.outputs), key=lambda n: n.index)
    uses = Counter([x for node in live for x in node.inputs])
    uses.update(graph.outputs)
    inner: set[Node] = set()
    for node in reversed(live):
        if node.op is matmul or node in inner:
            inner.update(x for x in node.inputs if uses[x] == 1 and _passes(node, x))
    plans: dict[Node, _Chain] = {}
    chained = any(node.op is matmul for node in inner)
    for node in live if chained else ():
        if node.op is matmul and node not in inner:
            chain = _chain_of(node, inner)
            tree = _cheaper(chain, sizes or {})
            if tree is not None:
                plans[node] = chain._replace(tree=tree)
    if not plans:
        return Pass(graph, {node: node for node in [*live, *graph.inputs]})
    return _rebuilt(graph, live, plans)


# -- what a chain is -----------------------------------------------------------------------


class _Link(NamedTuple):
    """An operand of a chain, as it stands or transposed."""

    node: Node
    turned: bool


Tree: TypeAlias = "int | tuple[Tree, Tree]"
"""The order of a chain's products, over the numbers of its operands."""


class _Chain(NamedTuple):
    links: tuple[_Link, ...]
    numbers: tuple[Node, ...]
    negative: bool
    dims: tuple[Dim, ...]
    tree: Tree


def _passes(consumer: Node, x: Node) -> bool:
    """Whether a chain goes on from a consumer to its operand `x`."""
    if consumer.op is matmul:
        return _is_link(x) and x.shape[:-2] == consumer.shape[: x.ndim - 2] and _aligned(consumer)
    return _is_link(consumer) and _is_link(x) and not (consumer.op is multiply and x.ndim == 0)


def _aligned(product: Node) -> bool:
    """Whether the operands of a product have the same leading axes, or are plain matrices."""
    a, b = product.inputs
    if a.ndim <= 2 and b.ndim <= 2:
        return a.dtype == b.dtype
    return a.ndim == b.ndim and a.shape[:-2] == b.shape[:-2] and a.dtype == b.dtype


def _is_link(x: Node) -> bool:
    """Whether a node may be inside a chain: a product, or a transposed or scaled one."""
    if x.op is matmul:
        return x.ndim >= 1 and _aligned(x)
    if x.op is permute_dims:
        last = tuple(range(x.ndim - 2))
        return x.ndim >= 2 and x.params["axes"] == (*last, x.ndim - 1, x.ndim - 2)
    if x.op is negative:
        return x.ndim >= 1
    return x.op is multiply and x.ndim >= 1 and _number_in(x) is not None


def _number_in(x: Node) -> tuple[Node, Node] | None:
    """The scalar and the rest of a scaled array of one dtype."""
    one, other = x.inputs
    for number, rest in ((one, other), (other, one)):
        if number.ndim == 0 and rest.ndim and number.dtype == rest.dtype == x.dtype:
            return number, rest
    return None


def _chain_of(root: Node, inner: set[Node]) -> _Chain:
    """The operands of all products below a root, from left to right, and their order now."""
    links: list[_Link] = []
    numbers: list[Node] = []
    minus = False
    done: list[Tree] = []
    stack: list[tuple[Node | None, bool]] = [(root, False)]
    while stack:
        node, turned = stack.pop()
        if node is None:
            right, left = done.pop(), done.pop()
            done.append((left, right))
        elif node is not root and node not in inner:
            done.append(len(links))
            links.append(_Link(node, turned and node.ndim > 1))
        elif node.op is matmul:
            a, b = node.inputs[::-1] if turned else node.inputs
            stack += [(None, False), (b, turned), (a, turned)]
        elif node.op is permute_dims:
            stack.append((node.inputs[0], not turned))
        elif node.op is negative:
            minus = not minus
            stack.append((node.inputs[0], turned))
        else:
            found = _number_in(node)
            assert found is not None
            numbers.append(found[0])
            stack.append((found[1], turned))
    return _Chain(tuple(links), tuple(numbers), minus, _dims(links), done.pop())


def _dims(links: Sequence[_Link]) -> tuple[Dim, ...]:
    """The sizes between the operands; a vector at an end has a 1 on its outer side."""
    shapes = []
    for k, (node, turned) in enumerate(links):
        rows, columns = (
            node.shape[-2:]
            if node.ndim > 1
            else (1, node.shape[0])
            if k == 0
            else (node.shape[0], 1)
        )
        shapes.append((columns, rows) if turned else (rows, columns))
    return (*[rows for rows, _ in shapes], shapes[-1][1])


# -- the cheapest order --------------------------------------------------------------------


def _cheaper(chain: _Chain, sizes: Mapping[str, int]) -> Tree | None:
    """An order that costs less than the present one; None where none is known to."""
    count = len(chain.links)
    dims = [_known(dim, sizes) for dim in chain.dims]
    named = any(isinstance(dim, Size) for dim in dims)
    if count < 3 or count > (LONGEST_NAMED if named else LONGEST):
        return None
    if any(link.node.ndim == 1 for link in chain.links[1:-1]):
        return None  # a product with a vector in the middle is no chain
    best: dict[tuple[int, int], tuple[Dim, Tree]] = {(k, k): (0, k) for k in range(count)}
    for length in range(2, count + 1):
        for i in range(count - length + 1):
            j = i + length - 1
            options: list[tuple[Dim, Tree]] = []
            for k in range(i, j):
                (left, first), (right, second) = best[i, k], best[k + 1, j]
                cost = left + right + dims[i] * dims[k + 1] * dims[j + 1]
                options.append((cost, (first, second)))
            least = _least(options)
            if least is None:
                return None
            best[i, j] = least
    cost, tree = best[0, count - 1]
    now = _cost(chain.tree, dims)
    return tree if now != cost and _is_less(cost, now) else None


def _known(dim: Dim, sizes: Mapping[str, int]) -> Dim:
    if isinstance(dim, int):
        return dim
    return evaluate(dim, sizes) if names(dim) <= sizes.keys() else dim


def _least(options: Sequence[tuple[Dim, Tree]]) -> tuple[Dim, Tree] | None:
    best = options[0]
    for option in options[1:]:
        if _is_less(option[0], best[0]):
            best = option
        elif not _is_less(best[0], option[0]) and option[0] != best[0]:
            return None
    return best


def _is_less(one: Dim, other: Dim) -> bool:
    """Whether a cost is smaller: for all sizes >= 1, or by a whole size."""
    if isinstance(one, int) and isinstance(other, int):
        return one < other
    found = names(one) | names(other)
    gain = substitute(other - one, {name: Size(name) + 1 for name in found})
    low = bounds(gain)[0]
    if low is not None and low >= 0:
        return one != other
    large = dict.fromkeys(found, _LARGE)
    return evaluate(one, large) * _APART <= evaluate(other, large)


def _cost(tree: Tree, dims: Sequence[Dim]) -> Dim:
    """The multiplications of a chain in a given order."""
    total: Dim = 0
    spans: list[tuple[int, int]] = []
    stack: list[tuple[Tree, bool]] = [(tree, False)]
    while stack:
        part, seen = stack.pop()
        if isinstance(part, int):
            spans.append((part, part + 1))
        elif not seen:
            stack += [(part, True), (part[1], False), (part[0], False)]
        else:
            (k, end), (start, _) = spans.pop(), spans.pop()
            total = total + dims[start] * dims[k] * dims[end]
            spans.append((start, end))
    return total


# -- the new graph -------------------------------------------------------------------------


def _rebuilt(graph: Graph, live: Sequence[Node], plans: Mapping[Node, _Chain]) -> Pass:
    """The graph with other nodes for the roots of the chains planned."""
    gone = _inside(plans)
    fresh = Graph(graph.name)
    mapping: dict[Node, Node] = {}
    came_from: dict[Node, Node] = {}
    first = graph.origin(live[0])
    needed = sorted({*live, *graph.inputs}, key=lambda n: n.index)
    with fresh.recording(order=0, origin=first), paused_collector():
        for node in needed:
            if node in gone:
                continue
            order, origin = graph.order(node), graph.origin(node)
            known = len(fresh)
            if node in plans:
                with fresh.recording(order=order, origin=origin):
                    mapping[node] = _made(plans[node], mapping)
            else:
                inputs = tuple([mapping[i] for i in node.inputs])
                mapping[node] = fresh.restore_node(node.op, inputs, node.params, order, origin)
            came_from.update((fresh.node(k), node) for k in range(known, len(fresh)))
    carry_notes(graph, fresh, mapping)
    fresh.outputs = [mapping[o] for o in graph.outputs]
    return Pass(fresh, mapping, came_from)


def _inside(plans: Mapping[Node, _Chain]) -> set[Node]:
    """The nodes between the roots and the operands of these chains."""
    found: set[Node] = set()
    for root, chain in plans.items():
        ends = {*[link.node for link in chain.links], *chain.numbers}
        stack = [x for x in root.inputs if x not in ends]
        while stack:
            node = stack.pop()
            found.add(node)
            stack += [x for x in node.inputs if x not in ends]
    return found


def _made(chain: _Chain, mapping: Mapping[Node, Node]) -> Node:
    """The product in its order; numbers scale the smallest operand, by the sizes that count."""
    links = []
    for node, turned in chain.links:
        new = mapping[node]
        links.append(matrix_transpose(new) if turned else new)
    least = min(range(len(links)), key=lambda k: _entries(links[k]))
    for number in chain.numbers:
        links[least] = links[least] * mapping[number]
    if chain.negative:
        links[least] = negative(links[least])
    values: list[Node] = []
    stack: list[tuple[Tree, bool]] = [(chain.tree, False)]
    while stack:
        part, seen = stack.pop()
        if isinstance(part, int):
            values.append(links[part])
        elif not seen:
            stack += [(part, True), (part[1], False), (part[0], False)]
        else:
            right, left = values.pop(), values.pop()
            values.append(matmul(left, right))
    return values.pop()


def _entries(node: Node) -> tuple[int, int]:
    """How many entries an operand has, all named sizes being large; of equals the first."""
    total = 1
    for dim in node.shape:
        total *= evaluate(dim, dict.fromkeys(names(dim), _LARGE))
    return total, node.index
