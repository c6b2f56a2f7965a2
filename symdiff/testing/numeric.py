"""Derivatives from values alone: the complex step and central differences.

No op's rule is used here, so what comes out can be held against every rule. The complex step
(W. Squire and G. Trapp, "Using complex variables to estimate derivatives of real functions",
SIAM Review 40, 1998) loses nothing to cancellation, but needs every op to be analytic and to
take complex operands. Central differences, extrapolated once, serve elsewhere, and tell where
the complex step can be trusted.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from symdiff.errors import SymdiffError
from symdiff.evaluate import evaluate
from symdiff.graph import Graph
from symdiff.literals import Literal, map_param
from symdiff.node import Node
from symdiff.types import TensorType, TupleType, Type

__all__ = ["Array", "Slope", "precision", "slopes"]

Array = np.ndarray[Any, Any]

_DOUBLE: Final = np.dtype(np.float64)
_COMPLEX: Final = np.dtype(np.complex128)
_COMPLEX_STEP: Final = 1e-30
_AGREEMENT: Final = 1e-4


class Slope(NamedTuple):
    """The derivative of one output along a direction.

    `noise` is what rounding may have added to each entry; `method` says how it was found.
    """

    value: Array
    noise: Array
    method: str


def slopes(
    outputs: Sequence[Node], point: Mapping[Node, Array], direction: Mapping[Node, Array]
) -> list[Slope]:
    """How each output changes when some inputs move along `direction` from `point`.

    Computed in double precision, whatever the dtypes of the graph, where its ops allow.
    """
    differences = _central_differences(outputs, point, direction)
    steps = _complex_step(outputs, point, direction)
    if steps is None:
        return differences
    return [
        step if _agree(step, difference) else difference
        for step, difference in zip(steps, differences, strict=True)
    ]


def precision(nodes: Sequence[Node]) -> float:
    """Machine epsilon of the narrowest real floating dtype that `nodes` are computed in."""
    types: list[TensorType] = []
    for node in nodes[0].graph.ancestors(nodes):
        types += node.type.items if isinstance(node.type, TupleType) else [node.type]
    return max([float(np.finfo(t.dtype).eps) for t in types if t.dtype.kind == "f"], default=0.0)


def _agree(step: Slope, difference: Slope) -> bool:
    """Whether the complex step is a derivative here: not so for abs, sign, or a conjugate."""
    if step.value.size == 0:
        return True
    allowed = _AGREEMENT * np.abs(difference.value).max() + 10 * difference.noise
    return bool(np.all(np.abs(step.value - difference.value) <= allowed))


# -- the two methods -----------------------------------------------------------------------


def _complex_step(
    outputs: Sequence[Node], point: Mapping[Node, Array], direction: Mapping[Node, Array]
) -> list[Slope] | None:
    """Im f(x + ihd) / h; None where an op does not take complex operands."""
    try:
        nodes, stands_for = _in_dtype(outputs, _COMPLEX)
        step = 1j * _COMPLEX_STEP
        moved = {x: _wide(point[x]) + step * _wide(d) for x, d in direction.items()}
        found = _values(nodes, stands_for, {**point, **moved})
    except SymdiffError:
        return None
    return [Slope(v.imag / _COMPLEX_STEP, np.zeros(v.shape), "the complex step") for v in found]


def _central_differences(
    outputs: Sequence[Node], point: Mapping[Node, Array], direction: Mapping[Node, Array]
) -> list[Slope]:
    try:
        nodes, stands_for = _in_dtype(outputs, _DOUBLE)
        return _differences(nodes, stands_for, point, direction)
    except SymdiffError:  # an op that fixes its dtypes, such as a traced custom rule
        return _differences(outputs, {x: x for x in point}, point, direction)


def _differences(
    nodes: Sequence[Node],
    stands_for: Mapping[Node, Node],
    point: Mapping[Node, Array],
    direction: Mapping[Node, Array],
) -> list[Slope]:
    """(f(x + hd) - f(x - hd)) / 2h for h and h/2, extrapolated to h = 0 (Richardson)."""
    eps = precision(nodes)
    step = eps**0.3  # between truncation, which shrinks as h^4, and rounding, which grows as 1/h

    def at(h: float) -> list[Array]:
        moved = {x: _wide(point[x]) + h * _wide(d) for x, d in direction.items()}
        return _values(nodes, stands_for, {**point, **moved})

    def quotient(h: float) -> list[Array]:
        return [_difference(a, b) / (2 * h) for a, b in zip(at(h), at(-h), strict=True)]

    return [
        Slope((4 * fine - coarse) / 3, 4 * eps / step * np.abs(value), "central differences")
        for fine, coarse, value in zip(quotient(step / 2), quotient(step), at(0.0), strict=True)
    ]


def _difference(a: Array, b: Array) -> Array:
    """a - b, and 0 where both are the same infinity."""
    with np.errstate(invalid="ignore"):
        return np.where(a == b, 0.0, a - b)


def _values(
    nodes: Sequence[Node], stands_for: Mapping[Node, Node], point: Mapping[Node, Any]
) -> list[Array]:
    given = {stands_for[x]: value for x, value in point.items() if x in stands_for}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # such as NumPy's on a kernel that drops imaginary parts
        found = evaluate(list(nodes), given)
    return [_wide(v) for v in found]


def _wide(array: Array) -> Array:
    return array.astype(_COMPLEX if array.dtype.kind == "c" else _DOUBLE)


# -- the same graph in another precision ---------------------------------------------------


def _in_dtype(
    outputs: Sequence[Node], dtype: np.dtype[Any]
) -> tuple[list[Node], dict[Node, Node]]:
    """The same computation with `dtype` for every real floating one, and old nodes to new."""
    source = outputs[0].graph
    target = Graph(source.name)
    made: dict[Node, Node] = {}
    for node in source.ancestors(outputs):
        params = {
            k: map_param(v, lambda part: _recast(part, dtype)) for k, v in node.params.items()
        }
        if node.op.name == "input":
            made[node] = target.input(params["name"], params["type"])
        else:
            made[node] = target.intern(node.op, tuple([made[i] for i in node.inputs]), params)
    return [made[o] for o in outputs], made


def _recast(part: Any, dtype: np.dtype[Any]) -> Any:
    match part:
        case Literal(array=array) if array.dtype.kind == "f":
            return Literal(array.astype(dtype))
        case np.dtype(kind="f"):
            return dtype
        case TensorType():
            return _recast_type(part, dtype)
    return part


def _recast_type(type_: TensorType, dtype: np.dtype[Any]) -> Type:
    return type_.with_dtype(dtype) if type_.dtype.kind == "f" else type_
