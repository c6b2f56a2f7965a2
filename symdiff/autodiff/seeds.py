"""Jacobians: either mode of differentiation for every unit vector at once.

The gradient, or the tangent, for one seed is built in a scratch graph and batched there over the
rows of an identity matrix, so that only what the Jacobian needs is appended to the user's graph.
These are the vector modes of A. Griewank and A. Walther, *Evaluating Derivatives*, 2nd ed., 2008,
chapter 3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from symdiff import inline
from symdiff.autodiff.batch import batch_nodes
from symdiff.autodiff.forward import push_forward
from symdiff.autodiff.reverse import build_grad
from symdiff.graph import Graph
from symdiff.node import Node
from symdiff.ops.shape import broadcast_to, reshape
from symdiff.ops.structure import eye
from symdiff.types import element_count

__all__ = ["gradient_rows", "tangent_columns"]


def gradient_rows(y: Node, targets: Sequence[Node]) -> list[Node]:
    """The gradients of every entry of `y`: for each target a node of ``y.shape + x.shape``."""
    graph = y.graph
    scratch = Graph("gradients")
    stands_for = inline.transplant([y, *targets], scratch)
    seed = _seed(scratch, y)
    inner = [stands_for[x] for x in targets]
    table = build_grad(scratch, stands_for[y], inner, seed)
    made = _for_every_seed([table.get(x) for x in inner], inner, seed)
    back = {new: old for old, new in stands_for.items()}
    with graph.recording(order=graph.order(y) + 1):
        return inline.rebuild(made, back, graph)


def tangent_columns(moves: Mapping[Node, Sequence[Node]]) -> dict[Node, list[Node]]:
    """Nodes and outputs -> the tangents of these along every entry of the node.

    They are of shape ``x.shape + y.shape``, the entries of the node first.
    """
    outputs = [y for ys in moves.values() for y in ys]
    graph = outputs[0].graph
    scratch = Graph("tangents")
    stands_for = inline.transplant([*moves, *outputs], scratch)
    made: list[Node] = []
    for x, ys in moves.items():
        seed = _seed(scratch, x)
        inner = [stands_for[y] for y in ys]
        found = push_forward(scratch, inner, {stands_for[x]: seed})
        made += _for_every_seed(found, inner, seed)
    back = {new: old for old, new in stands_for.items()}
    with graph.recording(order=max([graph.order(y) for y in outputs]) + 1):
        rest = iter(inline.rebuild(made, back, graph))
    return {x: [next(rest) for _ in ys] for x, ys in moves.items()}


def _seed(scratch: Graph, node: Node) -> Node:
    """What stands for a seed of the type of `node`: 1, where that is all there is."""
    if not node.shape:
        return scratch.constant(1, node.dtype)
    name = "seed"
    while name in {i.name for i in scratch.inputs}:
        name += "_"
    return scratch.input(name, node.type)


def _for_every_seed(found: Sequence[Node | None], like: Sequence[Node], seed: Node) -> list[Node]:
    """Each of `found` for every unit vector as the seed, the seed's axes leading.

    They are of the types of `like`; None stands for zeros.
    """
    scratch, count = seed.graph, element_count(seed.shape)
    there = [node for node in found if node is not None]
    carried = [True] * len(there)
    if seed.shape and there:
        basis = reshape(eye.on(scratch, n=count, dtype=seed.dtype), shape=(count, *seed.shape))
        there, carried = batch_nodes(scratch, there, {seed: basis})
    rest = iter(zip(there, carried, strict=True))
    made = []
    for node, of in zip(found, like, strict=True):
        shape = (*seed.shape, *of.shape)
        if node is None:
            made.append(broadcast_to(scratch.constant(0, of.dtype), shape=shape))
            continue
        new, carries = next(rest)
        made.append(reshape(new, shape=shape) if carries else broadcast_to(new, shape=shape))
    return made
