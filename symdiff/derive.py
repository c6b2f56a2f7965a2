"""The derivatives people ask for, as thin compositions of build_grad, tangents and batching.

All append to the graph and return nodes, so each can be differentiated again: any order is
had by repetition. `wrt` is a node or nested lists, tuples and dicts of nodes; results have
the same nesting.

Before it is differentiated an expression is put in accurate forms (see `stabilize`), so that
derivatives of ``log(1 + exp(x))`` are right at every order and argument. With
``stabilize=False`` what is written is differentiated as it is.
"""

from __future__ import annotations

from functools import reduce
from typing import Any, Final

from symdiff import first_use
from symdiff.autodiff.forward import push_forward
from symdiff.autodiff.reverse import backpropagate, build_grad
from symdiff.autodiff.seeds import gradient_rows, tangent_columns
from symdiff.describe import node_line
from symdiff.errors import ArgumentError, DisconnectedError, NotDifferentiableError, ShapeError
from symdiff.node import Node
from symdiff.op import REGISTRY
from symdiff.ops.elementwise import add, stop_gradient
from symdiff.ops.reduce import sum as sum_
from symdiff.ops.shape import broadcast_to, permute_dims, reshape, zeros_like
from symdiff.sizes import evaluate as evaluate_size
from symdiff.sizes import names
from symdiff.trees import flatten_like, flatten_with_paths, unflatten
from symdiff.types import TupleType, element_count, is_differentiable, promote

__all__ = ["grad", "hessian", "hvp", "jacobian", "jvp", "value_and_grad", "vjp"]


def grad(z: Node, wrt: Any, *, disconnected: str = "raise", stabilize: bool = True) -> Any:
    """The gradient of a scalar with respect to nodes, any nodes.

    Arguments: `z`, a scalar node of a real floating dtype; `wrt`, a node or nested nodes;
    `disconnected`, what to do with a node that `z` does not depend on: ``"raise"`` or
    ``"zero"``; `stabilize`, whether what is differentiated is put in accurate forms first.

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
    return unflatten(wrt, _gradients(_node(z, "z"), targets, disconnected == "zero", stabilize)[0])


def value_and_grad(
    z: Node, wrt: Any, *, disconnected: str = "raise", stabilize: bool = True
) -> tuple[Node, Any]:
    """``(z, grad(z, wrt))``: `z` itself, of which `sd.compile` makes what was differentiated."""
    return z, grad(z, wrt, disconnected=disconnected, stabilize=stabilize)


def vjp(outputs: Any, wrt: Any, cotangents: Any, *, stabilize: bool = True) -> Any:
    """Vector-Jacobian product: the gradient of ``sum(cotangent * output)`` for fixed cotangents.

    Arguments: `outputs`, a node or nested nodes; `cotangents` of their types, in the same
    nesting (nodes, arrays or numbers); `stabilize` as for `grad`. Returns nodes of the types and
    nesting of `wrt`; a node that no output depends on gets zeros.
    """
    nodes = _nodes(outputs, "outputs")
    seeds = _like(cotangents, outputs, nodes, "cotangents")
    targets = _nodes(wrt, "wrt")
    graph = nodes[0].graph
    graph.own([*nodes, *targets], "vjp")
    nodes, targets = _stable(nodes, targets, stabilize)
    starts: dict[Node, Node] = {}
    for node, seed in zip(nodes, seeds, strict=True):
        starts[node] = starts[node] + seed if node in starts else seed
    with graph.recording(order=max(graph.order(n) for n in nodes) + 1):
        table = backpropagate(graph, starts, targets)
        return unflatten(wrt, [table[t] if t in table else zeros_like(t) for t in targets])


def jvp(outputs: Any, wrt: Any, tangents: Any, *, stabilize: bool = True) -> Any:
    """Jacobian-vector product by forward mode: how `outputs` move when `wrt` moves by `tangents`.

    Arguments: `tangents` of the types of `wrt`, in the same nesting (nodes, arrays, numbers);
    `stabilize` as for `grad`.
    Returns nodes of the types and nesting of `outputs`; zeros where one does not depend on `wrt`.
    """
    nodes = _nodes(outputs, "outputs")
    targets = _nodes(wrt, "wrt")
    directions = _like(tangents, wrt, targets, "tangents")
    nodes, targets = _stable(nodes, targets, stabilize)
    moves = dict(zip(targets, directions, strict=True))
    found = push_forward(nodes[0].graph, nodes, moves)
    return unflatten(outputs, [_or_zeros(t, n) for t, n in zip(found, nodes, strict=True)])


def hvp(
    z: Node,
    wrt: Any,
    v: Any,
    *,
    mode: str = "forward-over-reverse",
    stabilize: bool = True,
) -> Any:
    """Hessian-vector product: the derivative of ``grad(z, wrt)`` in the direction `v`.

    Arguments: `v` of the types of `wrt`, in the same nesting (nodes, arrays or numbers);
    `mode`, ``"forward-over-reverse"`` (the gradient pushed forward along `v`) or
    ``"reverse-over-reverse"`` (the gradient of ``sum(grad * v)``, as in Goodfellow et al.,
    6.5.10); `stabilize` as for `grad`. Nodes that `z` does not depend on count as structural
    zeros.
    """
    targets = _nodes(wrt, "wrt")
    directions = _like(v, wrt, targets, "v")
    gradients, targets = _gradients(_node(z, "z"), targets, True, stabilize)
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
        return unflatten(wrt, _gradients(along, targets, True, False)[0])
    raise ArgumentError(
        f"mode must be 'forward-over-reverse' or 'reverse-over-reverse', not {mode!r}"
    )


def jacobian(y: Node, wrt: Any, *, mode: str | None = None, stabilize: bool = True) -> Any:
    """The Jacobian of a node of any shape: entries ``d y[i…] / d x[j…]``.

    Arguments: `y`, a node of a real floating dtype; `wrt`, a node or nested nodes; `mode`,
    ``"reverse"`` (the gradients of all entries of `y` at once) or ``"forward"`` (the tangents
    along all entries of `wrt` at once). By default the cheaper one: forward where the nodes of
    `wrt` have fewer entries than `y`, a size that only a call settles counting as a large
    number; but reverse where an op on the way has no forward rule. `stabilize` as for `grad`.

    Returns, for each node `x` of `wrt`, a node of its dtype and of shape ``y.shape + x.shape``;
    zeros where `y` does not depend on `x`. There is no loop in it: the seeds, the rows of an
    identity matrix, are one batch (the vector modes of A. Griewank and A. Walther, *Evaluating
    Derivatives*, 2nd ed., 2008, chapter 3).

    Raises `NotDifferentiableError` for a node that is not real floating and where a path leads
    through an op without a derivative, and `ArgumentError` for another `mode`.

    >>> import symdiff as sd
    >>> g = sd.Graph()
    >>> t, w = g.input("t", sd.f64["n"]), g.input("w", sd.f64[2])
    >>> print(sd.text(sd.jacobian(sd.exp(-t) * sd.sum(w), w)))
    graph graph(t: f64[n]) {
      %0 : f64[n]   = negative t
      %1 : f64[n]   = exp %0
      %2 : f64[2,2] = eye n=2
      %3 : f64[2]   = sum %2 axis=(1,)
      %4 : f64[2,1] = reshape %3 shape=(2,1)
      %5 : f64[2,n] = multiply %4 %1
      %6 : f64[n,2] = permute_dims %5 axes=(1,0)
      return %6
    }
    """
    if mode not in (None, "forward", "reverse"):
        raise ArgumentError(f"mode must be 'forward', 'reverse' or None, not {mode!r}")
    (y,), targets = _stable([_node(y, "y")], _nodes(wrt, "wrt"), stabilize)
    return unflatten(wrt, _jacobian(y, targets, mode))


def hessian(z: Node, wrt: Any, *, flat: bool = False, stabilize: bool = True) -> Any:
    """Second derivatives of a scalar: the Jacobian of its gradient.

    Returns, for one node `x`, a node of shape ``x.shape + x.shape``; for nested nodes the nesting
    of `wrt` within itself, entry ``[i][j]`` of shape ``x_i.shape + x_j.shape``. With `flat`, one
    matrix over all entries of all nodes, raveled in order. Blocks of nodes that do not interact
    are zeros. `stabilize` as for `grad`.

    The gradient is pushed forward along all entries of a node at once; where an op has no
    forward rule it is differentiated again in reverse. Mixed derivatives are computed once:
    block ``[j][i]`` is block ``[i][j]`` with its axes exchanged. (Not where one of the nodes is
    computed from another: there the two differ.)

    >>> import symdiff as sd
    >>> g = sd.Graph()
    >>> a, b = g.input("a", sd.f64["n"]), g.input("b", sd.f64[2, 3])
    >>> z = sd.sum(a) ** 2 * sd.sum(b**3)
    >>> [[block.type for block in row] for row in sd.hessian(z, [a, b])]
    [[f64[n,n], f64[n,2,3]], [f64[2,3,n], f64[2,3,2,3]]]
    >>> sd.hessian(z, [a, b], flat=True).type
    f64[n+6,n+6]
    """
    gradients, targets = _gradients(_node(z, "z"), _nodes(wrt, "wrt"), True, stabilize)
    rows = _second_derivatives(gradients, targets)
    if flat:
        return _one_matrix(rows, targets)
    return unflatten(wrt, [unflatten(wrt, row) for row in rows])


# -- parts ---------------------------------------------------------------------------------


def _stable(
    outputs: list[Node], targets: list[Node], wanted: bool
) -> tuple[list[Node], list[Node]]:
    """Both in accurate forms; see `symdiff.stabilize`, which loads its rules where they matter."""
    if not wanted:
        return outputs, targets
    found: tuple[list[Node], list[Node]] = first_use.module("stabilize").stabilized(
        outputs, targets
    )
    return found


def _gradients(
    z: Node, wrt: list[Node], zeros: bool, stabilize: bool
) -> tuple[list[Node], list[Node]]:
    """The gradients, and the nodes that they are by, which stand for those of `wrt`."""
    (stable,), targets = _stable([z], wrt, stabilize)
    table = build_grad(z.graph, stable, targets)
    missing = [x for x, t in zip(wrt, targets, strict=True) if t not in table]
    if stable is not z:
        for x, t in zip(wrt, targets, strict=True):
            if t in table:
                z.graph.record_provenance(table[t], z, x, -1, True)
    if missing and not zeros:
        raise DisconnectedError(
            "the output does not depend on these nodes (through real floating nodes):\n"
            + "\n".join(f"  {node_line(t)}" for t in missing)
            + f"\noutput:\n  {node_line(z)}\n"
            "pass disconnected='zero' if zero gradients are meant"
        )
    with z.graph.recording(order=z.graph.order(z) + 1):
        return [table[t] if t in table else zeros_like(t) for t in targets], targets


def _jacobian(y: Node, targets: list[Node], mode: str | None) -> list[Node]:
    """The block of each target, of shape ``y.shape + x.shape``."""
    graph = y.graph
    graph.own(targets, "jacobian")
    for node, what in ((y, "differentiate"), *[(x, "differentiate by") for x in targets]):
        if not is_differentiable(node.type):
            raise NotDifferentiableError(
                f"cannot {what} a node of type {node.type}: only real floating nodes have "
                f"Jacobians\n  {node_line(node)}"
            )
    live = set(graph.prune(y, targets))
    reached = [x for x in dict.fromkeys(targets) if x in live]
    forward = _entries(*reached) < _entries(y) if mode is None else mode == "forward"
    blocks: dict[Node, Node] = {}
    if forward and reached:
        try:
            found = tangent_columns({x: [y] for x in reached})
            with graph.recording(order=graph.order(y) + 1):
                blocks = {x: _exchanged(b, x.ndim).astype(x.dtype) for x, (b,) in found.items()}
        except NotDifferentiableError:
            if mode == "forward":
                raise
    if not blocks and reached:
        rows = gradient_rows(y, reached) if y.shape else _gradients(y, reached, True, False)[0]
        blocks = dict(zip(reached, rows, strict=True))
    with graph.recording(order=graph.order(y) + 1):
        return [blocks[x] if x in blocks else _zeros(y, x) for x in targets]


def _second_derivatives(gradients: list[Node], targets: list[Node]) -> list[list[Node]]:
    """Entry ``[i][j]`` is the derivative of the i-th gradient by the j-th target."""
    graph = targets[0].graph
    live = set(graph.prune(targets, targets))
    if any(not live.isdisjoint(x.inputs) for x in targets):
        return [_jacobian(g, targets, None) for g in gradients]
    gradient = dict(zip(targets, gradients, strict=True))
    # Of two nodes the smaller is moved along: so many times the other's gradient is.
    ordered = sorted(gradient, key=_entries)
    later = {x: ordered[k:] for k, x in enumerate(ordered)}
    try:
        found = tangent_columns({x: [gradient[y] for y in later[x]] for x in ordered})
    except NotDifferentiableError:
        found = {x: gradient_rows(gradient[x], later[x]) for x in ordered}
    blocks: dict[tuple[Node, Node], Node] = {}
    with graph.recording(order=max([graph.order(g) for g in gradients]) + 1):
        for x in ordered:
            for y, block in zip(later[x], found[x], strict=True):
                blocks[x, y] = block
                if y is not x:
                    blocks[y, x] = _exchanged(block, x.ndim).astype(x.dtype)
    return [[blocks[x, y] for y in targets] for x in targets]


def _zeros(y: Node, x: Node) -> Node:
    """The derivative of `y` by a node that it does not depend on."""
    return broadcast_to(y.graph.constant(0, x.dtype), shape=(*y.shape, *x.shape))


def _exchanged(block: Node, first: int) -> Node:
    """A block with its first axes behind the others."""
    return permute_dims(block, axes=(*range(first, block.ndim), *range(first)))


_LARGE: Final = 1_000_003


def _entries(*nodes: Node) -> int:
    """How many entries nodes have, a size that only a call settles counting as a large number."""
    counts = [element_count(x.shape) for x in nodes]
    return sum([evaluate_size(n, dict.fromkeys(names(n), _LARGE)) for n in counts])


def _one_matrix(rows: list[list[Node]], targets: list[Node]) -> Node:
    """The blocks as one matrix over all entries of all targets."""
    counts = [element_count(x.shape) for x in targets]
    dtype = promote(*[x.dtype for x in targets])
    flat = [
        [
            reshape(block.astype(dtype), shape=(height, width))
            for block, width in zip(row, counts, strict=True)
        ]
        for row, height in zip(rows, counts, strict=True)
    ]
    if len(targets) == 1:
        return flat[0][0]
    concat = REGISTRY.function("concat")
    whole: Node = concat([concat(row, axis=1) for row in flat], axis=0)
    return whole


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


def _or_zeros(tangent: Any, node: Node) -> Any:
    if isinstance(node.type, TupleType):
        return tuple(map(_or_zeros, tangent or [None] * len(node), node))
    return zeros_like(node) if tangent is None else tangent
