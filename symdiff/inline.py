"""One graph's nodes rebuilt on other inputs: `graph(*nodes)` and `sd.substitute`.

Sizes belong to a graph; inlining replaces them, in types and params alike, by what the nodes
given for the inputs say they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from symdiff.binding import unify_shapes
from symdiff.collector import paused_collector
from symdiff.describe import type_list
from symdiff.errors import ArgumentError, DTypeError, ShapeError
from symdiff.literals import map_param
from symdiff.node import Node
from symdiff.sizes import Dim, Size
from symdiff.sizes import substitute as substitute_size
from symdiff.trees import flatten, unflatten
from symdiff.types import TensorType, TupleType, substitute_type

if TYPE_CHECKING:
    from symdiff.graph import Graph

__all__ = ["call", "rebuild", "substitute", "transplant"]


def call(graph: Graph, outputs: Sequence[Node], args: Sequence[Any]) -> list[Node]:
    """`outputs` of `graph` computed from `args`, one for each input, in the args' graph."""
    inputs = graph.inputs
    if len(args) != len(inputs):
        names = ", ".join(f"{i.name}: {i.type}" for i in inputs)
        raise ArgumentError(
            f"graph {graph.name} takes {len(inputs)} inputs ({names}); {len(args)} given"
        )
    target = next((a.graph for a in args if isinstance(a, Node)), None)
    if target is None:
        if args or (outputs and outputs[0].inputs):
            raise ArgumentError(
                f"graph {graph.name}: none of the arguments is a node; "
                "sd.evaluate runs a graph on arrays"
            )
        return list(outputs)
    nodes = [
        a if isinstance(a, Node) else target.constant(a, i.dtype)
        for a, i in zip(args, inputs, strict=True)
    ]
    target.own(nodes, f"graph {graph.name}")
    for node, declared in zip(nodes, inputs, strict=True):
        if node.dtype != declared.dtype:
            raise DTypeError(
                f"graph {graph.name}: input {declared.name} is {declared.type}; given\n"
                f"{type_list((node,))}\ncast it with node.astype"
            )
    shapes = [(str(i.name), i.shape, n.shape) for i, n in zip(inputs, nodes, strict=True)]
    try:
        sizes = unify_shapes(shapes)
    except ShapeError as error:
        raise ShapeError(f"graph {graph.name}: {error}\n{type_list(nodes)}") from None
    return rebuild(outputs, dict(zip(inputs, nodes, strict=True)), target, sizes)


def rebuild(
    outputs: Sequence[Node],
    mapping: Mapping[Node, Node],
    target: Graph,
    sizes: Mapping[str, Dim] | None = None,
) -> list[Node]:
    """`outputs` with the nodes of `mapping` replaced, made in `target`, named sizes replaced.

    Linear in the ancestors of `outputs`. New nodes keep the origin of those they stand for.
    """
    done = dict(mapping)
    if not outputs:
        return []
    source = outputs[0].graph
    same_sizes = not sizes or all(str(v) == k for k, v in sizes.items())
    for node in source.ancestors(outputs, done):
        if node in done:
            continue
        inputs = tuple([done[i] for i in node.inputs])
        params = node.params
        if target is source and all(a is b for a, b in zip(inputs, node.inputs, strict=True)):
            done[node] = node
            continue
        with target.recording(origin=source.origin(node)):
            if params and not (same_sizes and _same_types(inputs, node.inputs)):
                # Normal params depend on sizes and on the operands' types.
                put = {
                    k: map_param(v, lambda part: _resize(part, sizes or {}))
                    for k, v in params.items()
                }
                done[node] = target.apply(node.op, inputs, put)
            else:
                done[node] = target.intern(node.op, inputs, params)
    target.take_names(source, done)
    return [done[node] for node in outputs]


def _same_types(one: Sequence[Node], other: Sequence[Node]) -> bool:
    return all(a.type == b.type for a, b in zip(one, other, strict=True))


def transplant(
    nodes: Sequence[Node], target: Graph, given: Mapping[Node, Node] | None = None
) -> dict[Node, Node]:
    """What `nodes` are computed from, made again in another graph: old node -> new node.

    `given` says what stands for some of them already.
    """
    done = dict(given or {})
    source = nodes[0].graph
    with target.recording(order=0, origin=source.origin(nodes[0])), paused_collector():
        for node in source.ancestors(nodes):
            if node not in done:
                done[node] = target.adopt(node, tuple([done[i] for i in node.inputs]))
    target.take_names(source, done)
    return done


def _resize(part: Any, sizes: Mapping[str, Dim]) -> Any:
    if isinstance(part, Size):
        return substitute_size(part, sizes)
    if isinstance(part, TensorType | TupleType):
        return substitute_type(part, sizes)
    return part


def substitute(node: Any, replacements: Mapping[Node, Any]) -> Any:
    """`node` (or nested nodes) with some nodes replaced by other expressions of the same graph.

    Arguments: `node`, a node or nested lists, tuples and dicts of nodes; `replacements`, from
    node to node (or number or array). A replacement has the type of what it replaces, or
    another that every consumer accepts. Raises `ArgumentError`, and the errors of the ops
    that are built again.

    >>> import symdiff as sd
    >>> g = sd.Graph()
    >>> x = g.input("x", sd.f64[()])
    >>> print(sd.substitute(sd.sin(x) + x, {x: 2.0 * x}))
    graph graph(x: f64[]) {
      %0 : f64[] = multiply 2.0 x
      %1 : f64[] = sin %0
      %2 : f64[] = add %1 %0
      return %2
    }
    """
    outputs = flatten(node)
    if not outputs or not all(isinstance(n, Node) for n in outputs):
        raise ArgumentError(f"substitute: {node!r} is not nested nodes")
    graph = outputs[0].graph
    graph.own([*outputs, *replacements], "substitute")
    mapping = {
        old: new if isinstance(new, Node) else graph.constant(new, old.dtype)
        for old, new in replacements.items()
    }
    graph.own(list(mapping.values()), "substitute")
    return unflatten(node, rebuild(outputs, mapping, graph))
