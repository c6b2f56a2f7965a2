"""A user's own derivative for a subexpression: `custom_gradient`.

The subexpression and its rules are traced to closed graphs, which a `custom` node holds in its
params. Differentiating the node inlines the rule's graph, so what it gives is made of ordinary
nodes and can be differentiated again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from symdiff.autodiff.batch import batch_nodes
from symdiff.binding import unify_shapes
from symdiff.describe import node_line
from symdiff.errors import ArgumentError, NotDifferentiableError, ShapeError
from symdiff.graph import Graph
from symdiff.inline import rebuild
from symdiff.node import Node
from symdiff.op import REGISTRY, Op
from symdiff.ops.declare import op
from symdiff.ops.shape import broadcast_to, zeros_like
from symdiff.sizes import Dim
from symdiff.types import TensorType, Type, substitute_type

__all__ = ["custom", "custom_gradient"]


def custom_gradient(
    function: Callable[..., Node],
    *,
    vjp: Callable[..., Any],
    jvp: Callable[..., Node] | None = None,
    linear: bool = False,
) -> Callable[..., Node]:
    """`function` with a gradient rule of your own.

    Arguments:

    - `function(*xs)`, from nodes to one node;
    - `vjp(g, y, *xs)`, the gradients of the arguments (one node, or a tuple of one for each
      argument, None for zero), from the gradient `g` of the result `y`; each has the type of
      its argument;
    - `jvp(ts, y, *xs)`, the tangent of `y` from a tuple of tangents. Without it forward mode
      raises `NotDifferentiableError`, unless
    - `linear` says that `function` is linear and the rule its transpose, so that the tangent
      is `function` of the tangents.

    All are traced once for each set of types, to closed graphs: nodes of another graph may not
    appear in them (pass those as arguments; that raises `MixedGraphError`).

    >>> import symdiff as sd
    >>> bounded = sd.custom_gradient(lambda x: x, vjp=lambda g, y, x: sd.tanh(g))
    >>> g = sd.Graph()
    >>> x = g.input("x", sd.f64[()])
    >>> print(sd.evaluate(sd.grad(100.0 * bounded(x), x), {x: 3.0}))
    1.0
    """
    for what, given in (("function", function), ("vjp", vjp)):
        if not callable(given):
            raise ArgumentError(f"custom_gradient: {what} must be a function, not {given!r}")
    if linear and jvp is not None:
        raise ArgumentError("custom_gradient: a linear rule needs no jvp; give one of the two")
    raw = getattr(function, "__name__", "custom")
    name = raw if raw.isidentifier() else "custom"

    def apply(*args: Any) -> Node:
        graph = next((a.graph for a in args if isinstance(a, Node)), None)
        if graph is None:
            raise ArgumentError(f"{name}: none of the arguments is a node")
        nodes = tuple(a if isinstance(a, Node) else graph.constant(a) for a in args)
        key = (apply, *[n.type for n in nodes])
        if key not in graph.memo:
            graph.memo[key] = _traced(name, function, vjp, jvp, linear, [n.type for n in nodes])
        return graph.apply(custom, nodes, graph.memo[key])

    apply.__name__ = name
    apply.__doc__ = function.__doc__
    return apply


# -- tracing -------------------------------------------------------------------------------


def _traced(
    name: str, function: Any, vjp: Any, jvp: Any, linear: bool, types: Sequence[Type]
) -> dict[str, Any]:
    body, xs = _graph(name, [(f"x{k}", t) for k, t in enumerate(types)])
    y = function(*xs)
    if not isinstance(y, Node) or not isinstance(y.type, TensorType):
        raise ArgumentError(f"{name}: the function must return one node, not {y!r}")
    body.outputs = (y,)
    named = [("y", y.type), *[(str(x.name), x.type) for x in xs]]

    rule, (g, *rest) = _graph(f"{name}_vjp", [("g", y.type), *named])
    returned = vjp(g, *rest)
    parts = returned if isinstance(returned, tuple | list) else (returned,)
    if len(parts) != len(types):
        raise ArgumentError(f"{name}: vjp gives {len(parts)} gradients for {len(types)} arguments")
    outputs = []
    for part, x in zip(parts, xs, strict=True):
        if part is None:
            continue
        gradient = rule.constant(part)
        if gradient.type != x.type:
            raise ShapeError(
                f"{name}: vjp gives {gradient.type} for argument {x.name}, which is {x.type}"
            )
        outputs.append(gradient)
    rule.outputs = outputs

    tangent: Graph | None = None
    if jvp is not None:
        tangent, nodes = _graph(
            f"{name}_jvp", [*[(f"t{k}", t) for k, t in enumerate(types)], *named]
        )
        result = tangent.constant(jvp(tuple(nodes[: len(types)]), *nodes[len(types) :]))
        if result.type != y.type:
            raise ShapeError(f"{name}: jvp gives {result.type}; the result is {y.type}")
        tangent.outputs = (result,)
    given = tuple(part is not None for part in parts)
    return {"body": body, "vjp": rule, "given": given, "jvp": tangent, "linear": linear}


def _graph(name: str, inputs: Sequence[tuple[str, Type]]) -> tuple[Graph, list[Node]]:
    graph = Graph(name)
    return graph, [graph.input(label, type_) for label, type_ in inputs]


# -- the op --------------------------------------------------------------------------------


def _sizes(body: Graph, types: Sequence[Type]) -> dict[str, Dim]:
    """What the body's sizes are for operands of these types."""
    if len(types) != len(body.inputs):
        raise ArgumentError(f"{body.name} takes {len(body.inputs)} operands")
    named = []
    for declared, actual in zip(body.inputs, types, strict=True):
        if not isinstance(actual, TensorType) or actual.dtype != declared.dtype:
            raise ShapeError(f"{body.name}: {declared.name} is {declared.type}, not {actual}")
        named.append((str(declared.name), declared.shape, actual.shape))
    return unify_shapes(named)


def _infer(*types: Type, body: Graph, **_: Any) -> Type:
    if all(t == i.type for t, i in zip(types, body.inputs, strict=True)):
        return body.outputs[0].type
    return substitute_type(body.outputs[0].type, _sizes(body, types))


def _inlined(graph: Graph, output: int, arguments: Sequence[Node], y: Node) -> Node:
    sizes = {}
    if any(i.type != x.type for i, x in zip(y.params["body"].inputs, y.inputs, strict=True)):
        sizes = _sizes(y.params["body"], [x.type for x in y.inputs])
    mapping = dict(zip(graph.inputs, arguments, strict=True))
    return rebuild([graph.outputs[output]], mapping, y.graph, sizes)[0]


def _vjp(g: Node, y: Node, position: int) -> Node | None:
    given = y.params["given"]
    if not given[position]:
        return None
    return _inlined(y.params["vjp"], sum(given[:position]), [g, y, *y.inputs], y)


def _jvp_all(tangents: tuple[Node | None, ...], y: Node, xs: tuple[Node, ...]) -> Node:
    full = [zeros_like(x) if t is None else t for t, x in zip(tangents, xs, strict=True)]
    if y.params["linear"]:
        return y.graph.intern(y.op, tuple(full), y.params)
    if y.params["jvp"] is None:
        raise NotDifferentiableError(
            f"{y.params['body'].name} has a gradient rule of its own and no forward one; give "
            f"custom_gradient a jvp, or linear=True\n  {node_line(y)}"
        )
    return _inlined(y.params["jvp"], 0, [*full, y, *xs], y)


def _batch(y: Node, inputs: tuple[Node, ...], mapped: tuple[bool, ...]) -> Node:
    """The body and its rules batched as graphs; an operand shared by the batch is spread first."""
    size = next(x.shape[0] for x, m in zip(inputs, mapped, strict=True) if m)
    full = tuple(
        x if m else broadcast_to(x, shape=(size, *x.shape))
        for x, m in zip(inputs, mapped, strict=True)
    )
    params = dict(y.params)
    for key in ("body", "vjp", "jvp"):
        if params[key] is not None:
            params[key] = _batched(params[key], size)
    return y.graph.intern(y.op, full, params)


def _batched(graph: Graph, size: Dim) -> Graph:
    result = graph.copy()
    inputs = {
        old: result.input(f"batched_{old.name}", TensorType(old.dtype, (size, *old.shape)))
        for old in result.inputs
    }
    outputs, carries = batch_nodes(result, result.outputs, inputs)
    small, fresh = _graph(graph.name, [(str(old.name), new.type) for old, new in inputs.items()])
    whole = [
        o if there else broadcast_to(o, shape=(size, *o.shape))
        for o, there in zip(outputs, carries, strict=True)
    ]
    small.outputs = rebuild(whole, dict(zip(inputs.values(), fresh, strict=True)), small)
    return small


custom: Op = op(
    "custom",
    "*operands",
    doc="A subexpression with its own gradient rule; made by `custom_gradient`.",
    parameters={"body": None, "vjp": None, "given": None, "jvp": None, "linear": False},
    infer=_infer,
    kernel=None,
    vjp=_vjp,
    jvp_all=_jvp_all,
    batch=_batch,
)

REGISTRY.enroll(__name__)
