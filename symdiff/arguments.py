"""A call's arguments: made into arrays that fit, and the named sizes read off them.

Everything here happens before anything runs, and errors name the argument.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from symdiff.binding import bind_shapes
from symdiff.describe import node_line
from symdiff.errors import ArgumentError, DTypeError, ShapeError
from symdiff.graph import Graph
from symdiff.literals import has_masked
from symdiff.node import Node
from symdiff.types import TensorType, dtype_name, type_names

__all__ = ["Binder", "as_argument", "check_requirements"]

Array = np.ndarray[Any, Any]

_KINDS: Final = {"b": 0, "u": 1, "i": 1, "f": 2, "c": 3}

MOST_BINDINGS: Final = 64
"""Sets of argument shapes whose sizes are remembered."""


def as_argument(label: str, type_: TensorType, value: Any) -> Array:
    """`value` as an array of the type's dtype; shapes are checked by the caller.

    Python numbers are weak; other dtypes must cast under NumPy's ``same_kind``. Raises
    `ArgumentError` for what is no array and `DTypeError` for a dtype that does not cast.
    """
    if isinstance(value, Node):
        raise ArgumentError(f"{label} is given as a node; give an array or a number")
    if has_masked(value):
        raise ArgumentError(f"{label}: the mask would be lost; give value.filled(...)")
    try:
        array = np.asarray(value)
    except (TypeError, ValueError) as error:
        raise ArgumentError(
            f"{label}: cannot make an array of {_brief(value)}: {error}"
        ) from error
    dtype = type_.dtype
    if array.dtype == dtype:
        return array if type(array) is np.ndarray else np.asarray(array)
    if array.dtype.kind not in _KINDS:
        raise ArgumentError(f"{label}: {_brief(value)} is not an array of numbers")
    weak = isinstance(value, int | float | complex | list | tuple) and not isinstance(
        value, np.generic
    )
    if weak:
        fits = _KINDS[array.dtype.kind] <= _KINDS[dtype.kind]
    else:
        fits = np.can_cast(array.dtype, dtype, "same_kind")
    if not fits:
        raise DTypeError(
            f"{label} is {type_}; {array.dtype} does not cast to {dtype_name(dtype)} under "
            "NumPy's 'same_kind'"
        )
    try:
        return np.asarray(value, dtype=dtype) if weak else array.astype(dtype)
    except (OverflowError, TypeError, ValueError) as error:
        raise DTypeError(f"{label} is {type_}: {error}") from error


def check_requirements(graph: Graph, nodes: Sequence[Node], sizes: Mapping[str, int]) -> None:
    """Raise `ShapeError` where the sizes break what a slice or a `refine` needs of them."""
    for node, requirement in graph.requirements(nodes):
        if not requirement.holds(sizes):
            shown = ", ".join(f"{k} = {v}" for k, v in sorted(sizes.items()))
            raise ShapeError(f"this needs {requirement}, but {shown}\n  {node_line(node)}")


def _brief(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:59]}…"


class Binder:
    """Checks the arguments of one graph's inputs; remembers the sizes of recent shapes."""

    __slots__ = (
        *("_dtypes", "_graph", "_known", "_needed", "_sizes", "_types"),
        *("names", "size_names"),
    )

    def __init__(self, graph: Graph, sizes: Mapping[str, int]) -> None:
        self.names = [str(i.name) for i in graph.inputs]
        self._types = [i.type for i in graph.inputs]
        # NumPy's own objects, which arrays hold: identity is a quicker test than equality.
        self._dtypes = [np.dtype(i.dtype.type) for i in graph.inputs]
        self._graph = graph
        self._needed = graph.ancestors(graph.outputs)
        named = frozenset[str]().union(*[type_names(n.type) for n in self._needed])
        inputs = frozenset[str]().union(*map(type_names, self._types))
        self.size_names = tuple(sorted(named | inputs))
        self._sizes = dict(sizes)
        unknown = sorted(sizes.keys() - {*self.size_names})
        if unknown:
            raise ArgumentError(
                f"sizes={{...}}: {', '.join(unknown)} is no size of graph {graph.name}; "
                f"its sizes are {', '.join(self.size_names) or 'none'}"
            )
        self._known: dict[Any, tuple[int, ...]] = {}

    def bind(self, args: Sequence[Any]) -> tuple[Sequence[Array], tuple[int, ...]]:
        """The arguments as arrays that fit, and the values of `size_names`."""
        # Every call comes here: arrays as declared, of shapes seen before, in one short loop.
        if len(args) == len(self._dtypes):
            shapes = []
            for array, dtype in zip(args, self._dtypes):  # noqa: B905 - counted just now
                if type(array) is not np.ndarray or array.dtype is not dtype:
                    break
                shapes.append(array.shape)
            else:
                found = self._known.get(tuple(shapes))
                if found is not None:
                    return args, found
        return self._bind_anew(args)

    def _bind_anew(self, args: Sequence[Any]) -> tuple[Sequence[Array], tuple[int, ...]]:
        if len(args) != len(self._dtypes):
            raise self._count_error(len(args))
        arrays = self._converted(args)
        shapes = tuple([a.shape for a in arrays])
        found = self._known.get(shapes)
        if found is None:
            found = self._bind_shapes(shapes)
            if len(self._known) >= MOST_BINDINGS:
                self._known.clear()
            self._known[shapes] = found
        return arrays, found

    def _count_error(self, given: int) -> ArgumentError:
        names = ", ".join(f"{n}: {t}" for n, t in zip(self.names, self._types, strict=True))
        return ArgumentError(
            f"{self._graph.name} takes {len(self.names)} arguments ({names or 'none'}); "
            f"{given} given"
        )

    def _converted(self, args: Sequence[Any]) -> list[Array]:
        return [
            as_argument(name, t, a)  # type: ignore[arg-type]
            for name, t, a in zip(self.names, self._types, args, strict=True)
        ]

    def _bind_shapes(self, shapes: tuple[tuple[int, ...], ...]) -> tuple[int, ...]:
        declared = [t.shape for t in self._types]  # type: ignore[union-attr]
        values = bind_shapes(zip(self.names, declared, shapes, strict=True), self._sizes)
        unknown = [name for name in self.size_names if name not in values]
        if unknown:
            raise ArgumentError(
                f"{self._graph.name}: no argument settles {', '.join(unknown)}; "
                "pass sizes={...} to compile"
            )
        check_requirements(self._graph, self._needed, values)
        return tuple(values[name] for name in self.size_names)
