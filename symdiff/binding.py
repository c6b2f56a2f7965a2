"""Named sizes get their values: from the shapes of arrays, and from other shapes' sizes.

`Requirement` is what a slice or a `refine` needs of the sizes and cannot prove; it is checked
when the sizes are known, before anything runs.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from symdiff.errors import ArgumentError, ShapeError
from symdiff.sizes import Dim, Size, bounds, evaluate, names, solve, substitute
from symdiff.types import Shape, shape_text

__all__ = ["Requirement", "bind_shapes", "unify_shapes"]


class Requirement(NamedTuple):
    """``left >= right`` or ``left == right`` between sizes."""

    left: Dim
    relation: str
    right: Dim

    def decide(self) -> bool | None:
        """True or False where the algebra can tell for all sizes >= 0; None where it cannot."""
        low, high = bounds(self.left - self.right)
        if self.relation == ">=":
            if low is not None and low >= 0:
                return True
            return False if high is not None and high < 0 else None
        if low == high == 0:
            return True
        apart = (low is not None and low > 0) or (high is not None and high < 0)
        return False if apart else None

    def holds(self, values: Mapping[str, int]) -> bool:
        """Whether it holds for these values of the sizes."""
        left, right = evaluate(self.left, values), evaluate(self.right, values)
        return left >= right if self.relation == ">=" else left == right

    def __str__(self) -> str:
        return f"{self.left} {self.relation} {self.right}"


def bind_shapes(
    named: Iterable[tuple[str, Shape, tuple[int, ...]]], given: Mapping[str, int] | None = None
) -> dict[str, int]:
    """Values of the named sizes from ``(argument, declared shape, actual shape)`` triples.

    Entries that are a bare name bind it; the others are solved where they are linear in one
    unknown, then checked. `given` holds sizes known beforehand.

    Raises `ShapeError` naming the arguments and the size: ``n is 5 in X but 4 in y``.

    >>> n = Size("n")
    >>> bind_shapes([("X", (n, 3), (5, 3)), ("y", (2 * n + 1,), (11,))])
    {'n': 5}
    """
    try:
        values = {name: operator.index(value) for name, value in (given or {}).items()}
    except TypeError:
        raise ArgumentError(f"sizes= must give ints by name, not {given!r}") from None
    source = dict.fromkeys(values, "sizes=")
    pending: list[tuple[str, int, Size, int]] = []
    for name, declared, actual in named:
        if len(declared) != len(actual):
            raise ShapeError(
                f"{name} has {len(actual)} axes {shape_text(actual)}; "
                f"its type has {len(declared)}: {shape_text(declared)}"
            )
        for axis, (dim, size) in enumerate(zip(declared, actual, strict=True)):
            if isinstance(dim, int):
                if dim != size:
                    raise ShapeError(f"axis {axis} of {name} is {size}; its type says {dim}")
            elif str(dim) in names(dim):
                key = str(dim)
                if values.setdefault(key, size) != size:
                    where = f"axis {axis} of {name}" if source[key] == name else name
                    raise ShapeError(
                        f"{key} is {values[key]} in {source[key]} but {size} in {where}"
                    )
                source.setdefault(key, name)
            else:
                pending.append((name, axis, dim, size))
    while pending:
        left = []
        for name, axis, dim, size in pending:
            try:
                solution = solve(dim, size, values)
            except ShapeError as error:
                raise ShapeError(f"axis {axis} of {name}: {error}") from None
            if solution is None:
                left.append((name, axis, dim, size))
                continue
            for key, value in solution.items():
                values[key], source[key] = value, name
        if len(left) == len(pending):
            name, axis, dim, size = left[0]
            raise ShapeError(
                f"axis {axis} of {name} is {dim} = {size}, which does not settle "
                f"{', '.join(sorted(names(dim) - values.keys()))}; pass sizes={{...}}"
            )
        pending = left
    for key, value in values.items():
        if value < 0:
            raise ArgumentError(f"size {key} is {value}; sizes are >= 0")
    return values


def unify_shapes(
    named: Sequence[tuple[str, Shape, Shape]],
) -> dict[str, Dim]:
    """What a graph's named sizes are when nodes of these types stand for its inputs.

    Takes ``(input name, declared shape, shape of the node given)``. Raises `ShapeError` where the
    types do not fit.
    """
    mapping: dict[str, Dim] = {}
    for name, declared, actual in named:
        if len(declared) != len(actual):
            raise _unfit(name, declared, actual)
        for dim, size in zip(declared, actual, strict=True):
            if isinstance(dim, Size) and str(dim) in names(dim):
                first = mapping.setdefault(str(dim), size)
                if first != size:
                    raise ShapeError(f"{dim} is {first} elsewhere but {size} in {name}")
    for name, declared, actual in named:
        for dim, size in zip(declared, actual, strict=True):
            unknown = names(dim) - mapping.keys()
            if unknown and isinstance(size, int):
                known = {k: v for k, v in mapping.items() if isinstance(v, int)}
                mapping.update(solve(dim, size, known) or {})
                unknown = names(dim) - mapping.keys()
            if unknown:
                raise ShapeError(
                    f"{name}: cannot tell {', '.join(sorted(unknown))} from {dim} = {size}"
                )
            if substitute(dim, mapping) != size:
                raise _unfit(name, declared, actual)
    return mapping


def _unfit(name: str, declared: Shape, actual: Shape) -> ShapeError:
    return ShapeError(
        f"{name} has the shape {shape_text(declared)}, but the node given for it has "
        f"{shape_text(actual)}"
    )
