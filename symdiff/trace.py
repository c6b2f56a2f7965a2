"""A plain function becomes a graph: it is called once, on nodes."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from symdiff.errors import ArgumentError, DTypeError
from symdiff.graph import Graph
from symdiff.node import Node
from symdiff.trees import flatten_with_paths

__all__ = ["trace", "trace_nested"]


def trace(function: Callable[..., Any], /, *types: Any, **named_types: Any) -> Graph:
    """The graph of `function` called on inputs of these types.

    Arguments: types (or nested lists, tuples and dicts of types) for positional and keyword
    arguments; the inputs are named after the function's parameters. The function returns a
    node or nested nodes (numbers and arrays among them become constants); they are the
    graph's outputs, left to right.

    Raises `ArgumentError` when the types do not fit the signature or the function returns
    something that is not made of nodes.

    >>> import numpy as np, symdiff as sd
    >>> g = sd.trace(lambda x, w: np.sum(x @ w), sd.f64["n", 3], w=sd.f64[3])
    >>> print(g)
    graph lambda_(x: f64[n,3], w: f64[3]) {
      %0 : f64[n] = matmul x w
      %1 : f64[]  = sum %0 axis=(0,)
      return %1
    }
    """
    return trace_nested(function, types, named_types)[0]


def trace_nested(
    function: Callable[..., Any], types: tuple[Any, ...], named_types: dict[str, Any]
) -> tuple[Graph, Any]:
    """The graph, and the function's result as it returned it, nested nodes."""
    raw = getattr(function, "__name__", type(function).__name__)
    name = "lambda_" if raw == "<lambda>" else raw
    graph = Graph(name if name.isidentifier() else "function")
    try:
        bound = inspect.signature(function).bind(*types, **named_types)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"trace: the types do not fit {raw}: {error}") from error
    arguments: dict[str, Any] = {}
    for parameter, value in bound.arguments.items():
        kind = bound.signature.parameters[parameter].kind
        if kind is inspect.Parameter.VAR_KEYWORD:
            arguments[parameter] = {k: graph.inputs_like(v, k) for k, v in value.items()}
        else:
            arguments[parameter] = graph.inputs_like(value, parameter)
    bound.arguments.update(arguments)
    result = function(*bound.args, **bound.kwargs)
    outputs = []
    for path, leaf in flatten_with_paths(result, "result"):
        try:
            outputs.append(leaf if isinstance(leaf, Node) else graph.constant(leaf))
        except DTypeError as error:
            raise ArgumentError(
                f"trace: {raw} returned {leaf!r} at {path}, which is not a node; "
                "return the nodes you compute"
            ) from error
    graph.outputs = outputs
    return graph, result
