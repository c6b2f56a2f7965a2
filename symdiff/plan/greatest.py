"""The greatest of several sizes, where which one that is depends on the sizes.

Two are compared for names that are 1 or more: ``8*n**2`` then is as large as ``8*n``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from symdiff.sizes import Dim, as_dim, bounds, names, substitute

__all__ = ["MaxOf", "covers", "greatest", "substituted"]

MOST_COMPARED: Final = 64
"""Candidates beyond which a new one is kept without a look whether another is as large."""


class MaxOf(tuple[Dim, ...]):
    """The greatest of two sizes or more, of which none provably is as large as another.

    >>> from symdiff.sizes import as_dim
    >>> largest = greatest([as_dim("8*n"), as_dim("24*m"), as_dim("8*n + 16"), 16])
    >>> print(largest)
    max(24*m, 8*n + 16)
    >>> substituted(largest, {"n": 5, "m": 1})
    56
    >>> print(substituted(largest, {"m": as_dim("n")}))
    24*n
    """

    __slots__ = ()

    def __str__(self) -> str:
        return f"max({', '.join(map(str, self))})"

    def __repr__(self) -> str:
        return f"MaxOf({str(self)!r})"


def greatest(dims: Iterable[Dim]) -> Dim | MaxOf:
    """The greatest of sizes >= 0; 0 of none.

    Those are left out that another provably is as large as.
    """
    kept: list[Dim] = []
    for dim in dict.fromkeys(dims):
        seen = kept[-MOST_COMPARED:]
        if any(covers(other, dim) for other in seen):
            continue
        kept = [other for other in kept if not covers(dim, other)] + [dim]
    if not kept:
        return 0
    return kept[0] if len(kept) == 1 else MaxOf(kept)


def covers(large: Dim, small: Dim) -> bool:
    """Whether one size provably is as large as another, all names being 1 or more."""
    if isinstance(large, int) and isinstance(small, int):
        return large >= small
    difference = large - small
    from_one = {name: as_dim(name) + 1 for name in names(difference)}
    low, _ = bounds(substitute(difference, from_one))
    return low is not None and low >= 0


def substituted(value: Dim | MaxOf, mapping: Mapping[str, Dim]) -> Dim | MaxOf:
    """`value` with names replaced by ints or sizes, all at once."""
    parts = value if isinstance(value, MaxOf) else (value,)
    return greatest(substitute(part, mapping) for part in parts)
