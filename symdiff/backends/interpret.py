"""The reference interpreter: one node at a time, every value checked against its type.

This is symbol-to-number evaluation in the words of Goodfellow et al., 6.5.5: plain, slow, and
what every other backend is held against.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from symdiff.arguments import as_argument, check_requirements
from symdiff.binding import bind_shapes
from symdiff.describe import node_line
from symdiff.errors import (
    ArgumentError,
    EvaluationError,
    MissingDependencyError,
    NonFiniteError,
)
from symdiff.graph import Graph
from symdiff.literals import map_param
from symdiff.node import Node
from symdiff.sizes import Size, names
from symdiff.sizes import evaluate as evaluate_size
from symdiff.types import TensorType, TupleType, Type, dtype_name, evaluate_shape

__all__ = ["run"]


def run(
    graph: Graph,
    outputs: Sequence[Node],
    values: Mapping[Node, Any],
    *,
    sizes: Mapping[str, int] | None = None,
    stop_at_nonfinite: bool = False,
) -> list[Any]:
    """The values of `outputs`, given arrays for inputs (or for any other nodes).

    Each result is a fresh array. Raises `ArgumentError` for a missing input, `ShapeError` and
    `DTypeError` for arguments that do not fit, `EvaluationError` for a kernel that fails or
    breaks its type, and `NonFiniteError` at the first NaN or infinity when asked to stop there.
    """
    held: dict[Node, Any] = {
        node: as_argument(_label(node), node.type, value)  # type: ignore[arg-type]
        for node, value in values.items()
    }
    needed = graph.ancestors(outputs, held)
    for node in needed:
        if node.op.name == "input" and node not in held:
            raise ArgumentError(f"no value is given for input {node.name} : {node.type}")
    bound = bind_shapes([(_label(n), n.shape, a.shape) for n, a in held.items()], sizes)
    check_requirements(graph, needed, bound)
    computed = [node for node in needed if node not in held]
    uses = _use_counts(computed, outputs)
    with np.errstate(all="ignore"):
        for node in computed:
            arguments = [held[i] for i in node.inputs]
            held[node] = _apply(node, arguments, bound)
            if stop_at_nonfinite:
                _check_finite(node, held[node], arguments)
            for taken in node.inputs:
                uses[taken] -= 1
                if not uses[taken]:
                    del held[taken]
    return [_fresh(held[o]) for o in outputs]


def _fresh(value: Any) -> Any:
    if isinstance(value, tuple):  # a node with several results
        return tuple(map(_fresh, value))
    return np.array(value, copy=True, order="C")


def _use_counts(computed: Sequence[Node], outputs: Sequence[Node]) -> Counter[Node]:
    uses = Counter(outputs)
    for node in computed:
        uses.update(node.inputs)
    return uses


def _label(node: Node) -> str:
    return str(node.name) if node.op.name == "input" else repr(node)


def _apply(node: Node, arguments: list[Any], sizes: Mapping[str, int]) -> Any:
    kernel = node.op.kernel
    if kernel is None:  # an op that stands for the graph in its params
        body = node.params["body"]
        found = run(body, body.outputs, dict(zip(body.inputs, arguments, strict=True)))
        return tuple(found) if isinstance(node.type, TupleType) else found[0]
    params = {
        k: map_param(v, lambda part: _known(node, part, sizes)) for k, v in node.params.items()
    }
    try:
        value = kernel(*arguments, **params)
        if not isinstance(node.type, TupleType):
            value = np.asarray(value)
    except MissingDependencyError:
        raise  # it names the package and how to get it
    except Exception as error:
        raise EvaluationError(
            f"the kernel of {node.op.name} failed: {error}\n  {node_line(node)}\n"
            f"{_operands(node, arguments)}"
        ) from error
    return _checked(node, node.type, value, sizes)


def _known(node: Node, part: Any, sizes: Mapping[str, int]) -> Any:
    if not isinstance(part, Size):
        return part
    unknown = sorted(names(part) - sizes.keys())
    if unknown:
        raise ArgumentError(
            f"no value given settles {', '.join(unknown)}; pass sizes={{...}}\n  {node_line(node)}"
        )
    return evaluate_size(part, sizes)


def _checked(node: Node, type_: Type, value: Any, sizes: Mapping[str, int]) -> Any:
    if isinstance(type_, TupleType):
        if not isinstance(value, tuple | list) or len(value) != len(type_):
            raise EvaluationError(
                f"the kernel of {node.op.name} must give {len(type_)} results\n  {node_line(node)}"
            )
        return tuple(_checked(node, t, v, sizes) for t, v in zip(type_.items, value, strict=True))
    array = np.asarray(value)  # one of several results
    expected = evaluate_shape(type_.shape, sizes)
    if array.dtype != type_.dtype or array.shape != expected:
        raise EvaluationError(
            f"the kernel of {node.op.name} gave {dtype_name(array.dtype)}{list(array.shape)}, but "
            f"the node's type is {TensorType(type_.dtype, expected)}\n  {node_line(node)}"
        )
    return array


def _check_finite(node: Node, value: Any, arguments: list[Any]) -> None:
    arrays = value if isinstance(value, tuple) else (value,)
    for array in arrays:
        if array.dtype.kind in "fc" and not np.isfinite(array).all():
            bad = np.isnan(array).sum(), np.isinf(array).sum()
            raise NonFiniteError(
                f"{node.op.name} gave {bad[0]} NaN and {bad[1]} infinite of {array.size} "
                f"entries\n  {node_line(node)}\n{_operands(node, arguments)}"
            )


def _operands(node: Node, arguments: Sequence[Any]) -> str:
    lines = []
    for position, (taken, value) in enumerate(zip(node.inputs, arguments, strict=True)):
        lines.append(f"  {node.op.argument_name(position)} = {node_line(taken)}{_range(value)}")
    return "\n".join(lines)


def _range(value: Any) -> str:
    if not (isinstance(value, np.ndarray) and value.size and value.dtype.kind in "fiu"):
        return ""
    known = value[~np.isnan(value)]
    found = [f"in [{known.min():.6g}, {known.max():.6g}]"] if known.size else []
    if known.size < value.size:
        found.append(f"{value.size - known.size} NaN")
    return "  " + " and ".join(found)
