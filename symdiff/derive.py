"""The derivatives people ask for, as thin compositions of build_grad, tangents and batching.

All append to the graph and return nodes, so each can be differentiated again: any order is
had by repetition. `wrt` is a node or nested lists, tuples and dicts of nodes; results have
the same nesting.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

from symdiff import inline
from symdiff.autodiff.batch import batch_nodes
from symdiff.autodiff.forward import push_forward
from symdiff.autodiff.reverse import backpropagate, build_grad
from symdiff.describe import node_line
from symdiff.errors import ArgumentError, DisconnectedError, ShapeError
from symdiff.graph import Graph
from symdiff.literals import Slice
from symdiff.node import Node
from symdiff.ops.elementwise import add, stop_gradient
from symdiff.ops.index import scatter
from symdiff.ops.reduce import sum as sum_
from symdiff.ops.shape import broadcast_to, reshape, zeros_like
from symdiff.ops.structure import add_n, eye
from symdiff.sizes import Dim
from symdiff.trees import flatten_like, flatten_with_paths, unflatten
from symdiff.types import element_count, promote

__all__ = ["grad", "hessian", "hvp", "jacobian", "jvp", "value_and_grad", "vjp"]


def grad(z: Node, wrt: Any, *, disconnected: str = "raise") -> Any:
    """The gradient of a scalar with respect to nodes, any nodes.

    Arguments: `z`, a scalar node of a real floating dtype; `wrt`, a node or nested nodes;
    `disconnected`, what to do with a node that `z` does not depend on: ``"raise"`` or
    ``"zero"``.

    Returns nodes of the types and nesting of `wrt`. Raises `DisconnectedError`,
    `NotDifferentiableError`, and `ArgumentError` when `z` is not a scalar.

    >>> import symdiff as sd
    >>> g = sd.Graph()
    >>> w = g.input("w", sd.f64[3])
    >>> print(sd.text(sd.grad(sd.sum(w * w), w)))
    graph graph(w: f64[3]) {
      %0 : f64[3] = add_n w w
      return %0
    }
    """
    if disconnected not in ("raise", "zero"):
        raise ArgumentError(f"disconnected must be 'raise' or 'zero', not {disconnected!r}")
    targets = _nodes(wrt, "wrt")
    return unflatten(wrt, _gradients(_node(z, "z"), targets, None, disconnected == "zero"))


def value_and_grad(z: Node, wrt: Any, *, disconnected: str = "raise") -> tuple[Node, Any]:
    """``(z, grad(z, wrt))``."""
    return z, grad(z, wrt, disconnected=disconnected)


def vjp(outputs: Any, wrt: Any, cotangents: Any) -> Any:
    """Vector-Jacobian product: the gradient of ``sum(cotangent * output)`` for fixed cotangents.

    Arguments: `outputs`, a node or nested nodes; `cotangents` of their types, in the same
    nesting (nodes, arrays or numbers). Returns nodes of the types and nesting of `wrt`; a node
    that no output depends on gets zeros.
    """
    nodes = _nodes(outputs, "outputs")
    seeds = _like(cotangents, outputs, nodes, "cotangents")
    targets = _nodes(wrt, "wrt")
    graph = nodes[0].graph
    graph.own([*nodes, *targets], "vjp")
    starts: dict[Node, Node] = {}
    for node, seed in zip(nodes, seeds, strict=True):
        starts[node] = starts[node] + seed if node in starts else seed
    with graph.recording(order=max(graph.order(n) for n in nodes) + 1):
        table = backpropagate(graph, starts, targets)
        return unflatten(wrt, [table[t] if t in table else zeros_like(t) for t in targets])


def jvp(outputs: Any, wrt: Any, tangents: Any) -> Any:
    """Jacobian-vector product by forward mode: how `outputs` move when `wrt` moves by `tangents`.

    Arguments: `tangents` of the types of `wrt`, in the same nesting (nodes, arrays, numbers).
    Returns nodes of the types and nesting of `outputs`; zeros where one does not depend on `wrt`.
    """
    nodes = _nodes(outputs, "outputs")
    targets = _nodes(wrt, "wrt")
    moves = dict(zip(targets, _like(tangents, wrt, targets, "tangents"), strict=True))
    found = push_forward(nodes[0].graph, nodes, moves)
    return unflatten(outputs, [_or_zeros(t, n) for t, n in zip(found, nodes, strict=True)])


def hvp(z: Node, wrt: Any, v: Any, *, mode: str = "forward-over-reverse") -> Any:
    """Hessian-vector product: the derivative of ``grad(z, wrt)`` in the direction `v`.

    Arguments: `v` of the types of `wrt`, in the same nesting (nodes, arrays or numbers);
    `mode`, ``"forward-over-reverse"`` (the gradient pushed forward along `v`) or
    ``"reverse-over-reverse"`` (the gradient of ``sum(grad * v)``, as in Goodfellow et al.,
    6.5.10). Nodes that `z` does not depend on count as structural zeros.
    """
    targets = _nodes(wrt, "wrt")
    directions = _like(v, wrt, targets, "v")
    gradients = _gradients(_node(z, "z"), targets, None, True)
    if mode == "forward-over-reverse":
        moves = dict(zip(targets, directions, strict=True))
        found = push_forward(z.graph, gradients, moves)
        return unflatten(wrt, [_or_zeros(t, x) for t, x in zip(found, targets, strict=True)])
    if mode == "reverse-over-reverse":
        with z.graph.recording(order=z.graph.order(z) + 1):
            # The direction is fixed, even one that is computed from what we differentiate by.
            fixed = [stop_gradient(d) if z.graph.prune(d, targets) else d for d in directions]
            products = [sum_(g * d) for g, d in zip(gradients, fixed, strict=True)]
            along = reduce(add, products)
        return unflatten(wrt, _gradients(along, targets, None, True))
    raise ArgumentError(
        f"mode must be 'forward-over-reverse' or 'reverse-over-reverse', not {mode!r}"
    )


def jacobian(y: Node, wrt: Any) -> Any:
    """The Jacobian of a node of any shape: entries ``d y[i…] / d x[j…]``.

    Returns, for each node `x` of `wrt`, a node of shape ``y.shape + x.shape``; zeros where `y`
    does not depend on `x`. Sizes may be named.

    >>> import symdiff as sd
    >>> g = sd.Graph()
    >>> x = g.input("x", sd.f64["n"])
    >>> sd.jacobian(sd.sin(x), x).type
    f64[n,n]
    """
    targets = _nodes(wrt, "wrt")
    return unflatten(wrt, _jacobians(_node(y, "y"), targets))


def hessian(z: Node, wrt: Any, *, flat: bool = False) -> Any:
    """Second derivatives of a scalar: the Jacobian of its gradient.

    Returns, for one node `x`, a node of shape ``x.shape + x.shape``; for nested nodes the nesting
    of `wrt` within itself, entry ``[i][j]`` of shape ``x_i.shape + x_j.shape``. With `flat`, one
    matrix over all entries of all nodes, raveled in order. Blocks of nodes that do not interact
    are zeros.
    """
    targets = _nodes(wrt, "wrt")
    gradients = _gradients(_node(z, "z"), targets, None, True)
    rows = [_jacobians(g, targets) for g in gradients]
    if flat:
        return _one_matrix(rows, targets)
    return unflatten(wrt, [unflatten(wrt, row) for row in rows])


# -- parts ---------------------------------------------------------------------------------


def _gradients(z: Node, targets: list[Node], seed: Node | None, zeros: bool) -> list[Node]:
    table = build_grad(z.graph, z, targets, seed)
    missing = [t for t in targets if t not in table]
    if missing and not zeros:
        raise DisconnectedError(
            "the output does not depend on these nodes (through real floating nodes):\n"
            + "\n".join(f"  {node_line(t)}" for t in missing)
            + f"\noutput:\n  {node_line(z)}\n"
            "pass disconnected='zero' if zero gradients are meant"
        )
    with z.graph.recording(order=z.graph.order(z) + 1):
        return [table[t] if t in table else zeros_like(t) for t in targets]


def _jacobians(y: Node, targets: list[Node]) -> list[Node]:
    """Reverse mode with a batch of seeds, one for each entry of `y`.

    The gradient for one seed is built and batched in a scratch graph, so that only what the
    Jacobian needs is appended to the user's.
    """
    graph = y.graph
    order = graph.order(y) + 1
    if not y.shape:
        return _gradients(y, targets, None, True)
    graph.own(targets, "jacobian")
    scratch = Graph("jacobian")
    stands_for = inline.transplant([y, *targets], scratch)
    seed = scratch.input(_fresh_name(scratch, "seed"), y.type)
    rows = _gradients(stands_for[y], [stands_for[t] for t in targets], seed, True)
    count = element_count(y.shape)
    basis = reshape(eye.on(scratch, n=count, dtype=y.dtype), shape=(count, *y.shape))
    batched, carries = batch_nodes(scratch, rows, {seed: basis})
    back = {new: old for old, new in stands_for.items()}
    with graph.recording(order=order):
        found = inline.rebuild(batched, back, graph)
        return [
            reshape(
                b if there else broadcast_to(b, shape=(count, *b.shape)),
                shape=(*y.shape, *x.shape),
            )
            for b, there, x in zip(found, carries, targets, strict=True)
        ]


def _fresh_name(graph: Graph, name: str) -> str:
    taken = {i.name for i in graph.inputs}
    while name in taken:
        name += "_"
    return name


def _one_matrix(rows: list[list[Node]], targets: list[Node]) -> Node:
    """The blocks as one matrix: each scattered into its place, then summed."""
    counts = [element_count(t.shape) for t in targets]
    total = _sum_of(counts)
    dtype = promote(*[t.dtype for t in targets])
    blocks = []
    for i, row in enumerate(rows):
        for j, block in enumerate(row):
            start = _sum_of(counts[:i]), _sum_of(counts[:j])
            key = tuple(
                Slice(s, s + n, 1) for s, n in zip(start, (counts[i], counts[j]), strict=True)
            )
            flat = reshape(block.astype(dtype), shape=(counts[i], counts[j]))
            blocks.append(
                flat if len(targets) == 1 else scatter(flat, shape=(total, total), key=key)
            )
    return blocks[0] if len(blocks) == 1 else add_n(*blocks)


def _sum_of(dims: Sequence[Dim]) -> Dim:
    total: Dim = 0
    for dim in dims:
        total = total + dim
    return total


def _node(value: Any, what: str) -> Node:
    if not isinstance(value, Node):
        raise ArgumentError(f"{what} must be a node, not {value!r}")
    return value


def _nodes(tree: Any, what: str) -> list[Node]:
    leaves = flatten_with_paths(tree, what)
    if not leaves:
        raise ArgumentError(f"{what} is empty")
    return [_node(leaf, path) for path, leaf in leaves]


def _like(values: Any, tree: Any, nodes: list[Node], what: str) -> list[Node]:
    """Nodes of the types of `nodes` from nested nodes, arrays and numbers."""
    try:
        found = flatten_like(tree, values)
    except ValueError as error:
        raise ArgumentError(f"{what}: {error}") from None
    result = []
    for value, node in zip(found, nodes, strict=True):
        if not isinstance(value, Node):
            value = node.graph.constant(value, node.dtype)
            if not value.shape:
                value = broadcast_to(value, shape=node.shape)
        if value.type != node.type:
            raise ShapeError(
                f"{what}: {value.type} was given for a node of type {node.type}\n"
                f"  {node_line(node)}"
            )
        result.append(value)
    return result


def _or_zeros(tangent: Node | None, node: Node) -> Node:
    return zeros_like(node) if tangent is None else tangent
