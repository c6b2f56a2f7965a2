"""Values computed again in the backward part instead of kept: `sd.checkpoint`.

A checkpointed part of an expression is one node that holds the part as a graph, so that nothing
reaches into it. Where it runs it is that graph's nodes. Its gradient builds the part again, on
its operands seen through a `barrier`: the same values under another name, which come after the
gradient that is on its way back. The recomputed nodes are thus other nodes than the first ones,
and neither interning nor a rewrite can make them one and keep the values alive.

A. Griewank, "Achieving logarithmic growth of temporal and spatial complexity in reverse
automatic differentiation", *Optimization Methods and Software* 1, 1992; T. Chen, B. Xu, C. Zhang
and C. Guestrin, "Training Deep Nets with Sublinear Memory Cost", 2016.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from symdiff import first_use
from symdiff.binding import Requirement, unify_shapes
from symdiff.errors import ArgumentError, DTypeError
from symdiff.graph import Graph
from symdiff.inline import rebuild
from symdiff.node import Node
from symdiff.op import REGISTRY, REQUIRED, Op
from symdiff.ops.declare import op
from symdiff.ops.shape import broadcast_to, tensor
from symdiff.sizes import Dim, substitute
from symdiff.trees import flatten, unflatten
from symdiff.types import (
    TensorType,
    TupleType,
    Type,
    substitute_type,
    type_names,
)

__all__ = ["barrier", "checkpoint"]

# -- barriers ------------------------------------------------------------------------------


def _batch_barrier(y: Node, inputs: tuple[Node, ...], mapped: tuple[bool, ...]) -> Node:
    """A value the batch shares stays shared: it is not made to wait for what is batched."""
    x, *after = inputs
    if mapped[0]:
        return barrier(*inputs, token=y.params["token"])
    kept = [a for a, m in zip(after, mapped[1:], strict=True) if not m]
    size = next(a.shape[0] for a, m in zip(after, mapped[1:], strict=True) if m)
    return broadcast_to(barrier(x, *kept, token=y.params["token"]), shape=(size, *x.shape))


barrier: Op = op(
    "barrier",
    "*operands",
    doc="""The first operand itself, under another name, once the other operands are there.

    What `checkpoint` computes again is computed from these. `token` tells barriers apart: two
    of different tokens are never one node, nor are a barrier and what it stands for.
    """,
    parameters={"token": REQUIRED},
    infer=lambda x, *after, token: tensor(x),
    kernel=lambda x, *after, token: x,
    vjp=lambda g, y, position: g if position == 0 else None,
    jvp=lambda t, y, position: t if position == 0 else None,
    batch=_batch_barrier,
    sympy=lambda x, *after, token: x,
    form="structure",
)

# -- the op --------------------------------------------------------------------------------


def _as_type(types: Sequence[Type]) -> Type:
    return types[0] if len(types) == 1 else TupleType(tuple([tensor(t) for t in types]))


def _sizes(types: Sequence[Type], body: Graph) -> dict[str, Dim]:
    """What the body's sizes are for operands of these types; empty where they are the same."""
    if len(types) != len(body.inputs):
        raise ArgumentError(f"{body.name} takes {len(body.inputs)} operands, not {len(types)}")
    if all(i.type == t for i, t in zip(body.inputs, types, strict=True)):
        return {}
    for declared, found in zip(body.inputs, types, strict=True):
        if tensor(found).dtype != declared.dtype:
            raise DTypeError(f"operand {declared.name} is {declared.type}, not {found}")
    shapes = [
        (str(i.name), i.shape, tensor(t).shape) for i, t in zip(body.inputs, types, strict=True)
    ]
    return unify_shapes(shapes)


def _infer(*types: Type, body: Graph, token: int) -> Type:
    sizes = _sizes(types, body)
    return substitute_type(_as_type([o.type for o in body.outputs]), sizes)


def _requires(*types: Type, body: Graph, token: int) -> list[Requirement]:
    """What the body needs of the sizes, the caller has to give."""
    sizes = _sizes(types, body)
    return [
        Requirement(substitute(left, sizes), relation, substitute(right, sizes))
        for _, (left, relation, right) in body.requirements(body.ancestors(body.outputs))
    ]


def _copied(y: Node, name: str) -> tuple[Graph, list[Node], list[Node]]:
    """The body in a new graph, in the sizes of the operands: with its inputs and outputs."""
    body = y.params["body"]
    graph = Graph(name)
    inputs = [graph.input(str(i.name), x.type) for i, x in zip(body.inputs, y.inputs, strict=True)]
    pairs = dict(zip(body.inputs, inputs, strict=True))
    sizes = _sizes([x.type for x in y.inputs], body)
    return graph, inputs, rebuild(body.outputs, pairs, graph, sizes)


def _closed(name: str, inputs: Sequence[Node], outputs: Sequence[Node]) -> Graph:
    """The outputs as a graph with these inputs alone."""
    graph = Graph(name)
    pairs = {i: graph.input(str(i.name), i.type) for i in inputs}
    graph.outputs = rebuild(outputs, pairs, graph)
    return graph


def _applied(y: Node, body: Graph, operands: Sequence[Node]) -> Node:
    return y.graph.intern(y.op, tuple(operands), {"body": body, "token": y.params["token"]})


def _as_items(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _vjp_all(
    g: Any, y: Node, xs: tuple[Node, ...], wanted: tuple[int, ...]
) -> dict[int, Node | None]:
    """The gradients of the body, computed again behind barriers, for one gradient an output."""
    gradients = _as_items(g)
    present = tuple([k for k, part in enumerate(gradients) if part is not None])
    key = ("checkpoint", y.params["body"].digest(), *[x.type for x in xs], wanted, present)
    memo = y.graph.memo
    if key not in memo:
        memo[key] = _gradient_graph(y, wanted, present)
    graph, reached = memo[key]
    after = [gradients[k] for k in present]
    behind = [barrier(x, *after, token=y.params["token"]) for x in xs]
    pairs = dict(zip(graph.inputs, [*behind, *after], strict=True))
    return dict(zip(reached, rebuild(graph.outputs, pairs, y.graph), strict=True))


def _gradient_graph(
    y: Node, wanted: tuple[int, ...], present: tuple[int, ...]
) -> tuple[Graph, list[int]]:
    """Operands and gradients of outputs -> gradients of operands; and of which operands."""
    graph, inputs, outputs = _copied(y, f"{y.params['body'].name}_vjp")
    seeds = {k: graph.input(f"g_{k}", outputs[k].type) for k in present}
    targets = [inputs[k] for k in wanted]
    kept = [outputs[k] for k in present]
    kept, targets = first_use.module("stabilize").stabilized(kept, targets)
    starts: dict[Node, Node] = {}
    for output, seed in zip(kept, seeds.values(), strict=True):
        starts[output] = starts[output] + seed if output in starts else seed
    table = first_use.module("autodiff.reverse").backpropagate(graph, starts, targets)
    reached = [k for k in wanted if inputs[k] in table]
    found = [table[inputs[k]] for k in reached]
    return _closed(graph.name, [*inputs, *seeds.values()], found), reached


def _jvp_all(tangents: tuple[Any, ...], y: Node, xs: tuple[Node, ...]) -> Any:
    """The tangents, a checkpoint too: their gradient computes them again."""
    moved = tuple([k for k, t in enumerate(tangents) if t is not None])
    key = ("checkpoint_jvp", y.params["body"].digest(), *[x.type for x in xs], moved)
    memo = y.graph.memo
    if key not in memo:
        graph, inputs, outputs = _copied(y, f"{y.params['body'].name}_jvp")
        moves = {inputs[k]: graph.input(f"t_{k}", xs[k].type) for k in moved}
        outputs, _ = first_use.module("stabilize").stabilized(outputs, list(moves))
        found = first_use.module("autodiff.forward").push_forward(graph, outputs, moves)
        kept = [part for part in found if part is not None]
        small = _closed(graph.name, [*inputs, *moves.values()], kept) if kept else None
        memo[key] = small, [part is not None for part in found]
    body, there = memo[key]
    if body is None:
        return None
    result = _applied(y, body, [*xs, *[tangents[k] for k in moved]])
    several = isinstance(result.type, TupleType)
    parts = iter([result[k] for k in range(len(body.outputs))] if several else [result])
    whole = tuple([next(parts) if is_there else None for is_there in there])
    return whole if isinstance(y.type, TupleType) else whole[0]


def _batch(y: Node, inputs: tuple[Node, ...], mapped: tuple[bool, ...]) -> Node:
    """The body batched as a graph, over those inputs that are."""
    size = next(x.shape[0] for x, m in zip(inputs, mapped, strict=True) if m)
    graph, singles, outputs = _copied(y, y.params["body"].name)
    batches = {
        x: graph.input(f"batch_of_{x.name}", TensorType(x.dtype, (size, *x.shape)))
        for x, m in zip(singles, mapped, strict=True)
        if m
    }
    found, carries = first_use.module("autodiff.batch").batch_nodes(graph, outputs, batches)
    whole = [
        x if carried else broadcast_to(x, shape=(size, *x.shape))
        for x, carried in zip(found, carries, strict=True)
    ]
    return _applied(y, _closed(graph.name, [batches.get(x, x) for x in singles], whole), inputs)


_checkpoint: Op = op(
    "checkpoint",
    "*operands",
    doc="""The outputs of the graph `body`, computed from the operands; made by `sd.checkpoint`.

    Its gradient computes the body again behind a `barrier`. `token` tells checkpoints apart.
    """,
    parameters={"body": REQUIRED, "token": REQUIRED},
    infer=_infer,
    requires=_requires,
    kernel=None,
    vjp_all=_vjp_all,
    jvp_all=_jvp_all,
    batch=_batch,
    form="structure",
)

# -- making one ----------------------------------------------------------------------------


def checkpoint(expression: Any, *, inputs: Iterable[Node] | None = None) -> Any:
    """The same values, computed again in the backward part instead of kept for it.

    Arguments: `expression`, a node or nested nodes; `inputs`, nodes at which the part that is
    computed again begins. It always begins at inputs of the graph and at what is checkpointed
    already, so that a chain of layers is ``h = sd.checkpoint(layer(h, W))`` a step.

    Returns nodes of the types and nesting of `expression`; use those from there on. Of the part,
    only what it begins at is kept until a gradient comes back, which takes its time once more
    and frees the memory of all that lies between: a chain of n layers in groups of sqrt(n)
    needs the memory of 2 sqrt(n). Values and derivatives of any order are the same; a node
    inside the part no longer lies on the way to a target. `sd.optimize` and `sd.compile` keep
    the two computations apart at every level.

    Raises `ArgumentError` for what is no node, `DTypeError` for a node with several results.

    >>> import symdiff as sd
    >>> g = sd.Graph()
    >>> x = g.input("x", sd.f64[3])
    >>> y = sd.checkpoint(sd.exp(sd.sin(x)))
    >>> print(sd.text(sd.grad(sd.sum(y), x)))
    graph graph(x: f64[3]) {
      %0 : f64[3] = broadcast_to 1.0 shape=(3,)
      %1 : f64[3] = barrier x %0 token=3
      %2 : f64[3] = sin %1
      %3 : f64[3] = exp %2
      %4 : f64[3] = multiply %0 %3
      %5 : f64[3] = cos %1
      %6 : f64[3] = multiply %4 %5
      return %6
    }
    """
    wanted = flatten(expression)
    if not wanted or not all(isinstance(node, Node) for node in wanted):
        raise ArgumentError(f"checkpoint: {expression!r} is not a node, nor nested nodes")
    graph = wanted[0].graph
    given = [] if inputs is None else list(inputs)
    graph.own([*wanted, *given], "checkpoint")
    for node in [*wanted, *given]:
        if isinstance(node.type, TupleType):
            raise DTypeError(f"checkpoint: {node!r} has several results; unpack it first")
    ends = set(given)
    outputs = list(dict.fromkeys(node for node in wanted if not _begins(node, ends)))
    if not outputs:
        return expression
    part, operands = _part(graph, outputs, ends)
    if not operands:  # nothing it could be differentiated by
        return expression
    result = _checkpoint(*operands, body=part, token=len(graph))
    several = isinstance(result.type, TupleType)
    parts = [result[k] for k in range(len(outputs))] if several else [result]
    stands_for = dict(zip(outputs, parts, strict=True))
    return unflatten(expression, [stands_for.get(node, node) for node in wanted])


_GIVEN: Final = ("input", "lane", "constant")
"""Ops of what is given: `lane` is one of a batch within `vmap`."""


def _begins(node: Node, ends: set[Node]) -> bool:
    """Whether what is computed again begins at a node."""
    inner = node.inputs[0] if node.op.name == "item" else node
    return node in ends or node.op.name in _GIVEN or inner.op is _checkpoint


def _part(graph: Graph, outputs: list[Node], ends: set[Node]) -> tuple[Graph, list[Node]]:
    """What lies between the ends and the outputs as a graph, and the ends it is computed from."""
    cut = _Cut(ends)
    nodes = graph.ancestors(outputs, cut)
    operands = [n for n in nodes if n in cut and n.op.name != "constant"]
    known = frozenset().union(*[type_names(x.type) for x in operands])
    if not operands:
        return Graph(), []
    operands += _settling(graph, nodes, known)
    body = Graph("part")
    taken = {x.name for x in operands}
    numbered = (f"x{k}" for k in range(2 * len(operands) + 1) if f"x{k}" not in taken)
    pairs: Mapping[Node, Node] = {
        x: body.input(x.name or next(numbered), x.type) for x in operands
    }
    body.outputs = rebuild(outputs, pairs, body)
    return body, operands


class _Cut:
    """The nodes at which a part begins, as a container."""

    def __init__(self, ends: set[Node]) -> None:
        self.ends = ends

    def __contains__(self, node: object) -> bool:
        return isinstance(node, Node) and _begins(node, self.ends)


def _settling(graph: Graph, nodes: Iterable[Node], known: frozenset[str]) -> list[Node]:
    """Inputs of the graph whose shapes say what the sizes in a part are that its own do not."""
    missing = frozenset().union(*[type_names(n.type) for n in nodes]) - known
    found = []
    for x in graph.inputs:
        here = type_names(x.type)
        if missing & here:
            found.append(x)
            missing -= here
    return found


REGISTRY.enroll(__name__)
