"""Bounds that can be proved of a sum, all names being integers >= 0.

A range is (low, high), infinite where nothing is proved; what is finite is an exact int.
"""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from math import inf, lcm
from typing import TypeAlias

from symdiff.errors import ArgumentError
from symdiff.sizes import sums
from symdiff.sizes.sums import Floor, Monomial, Sum
from symdiff.sizes.text import presented

Range: TypeAlias = tuple[float, float]


def range_of(terms: Sum) -> Range:
    return lower(terms), -lower(sums.negate(terms))


def lower(terms: Sum) -> float:
    """The best lower bound, over the ways to write the sum."""
    found = [_least(terms)]
    if sums.floors(terms):
        for form in dict.fromkeys([terms, presented(terms)]):
            found.append(_least(form))
            for also_positive in (False, True):
                with suppress(ArgumentError):  # beyond the limits
                    found.append(_relaxed(form, also_positive=also_positive))
    return max(found)


def _least(terms: Sum) -> float:
    """A lower bound from each term's own range."""
    total: float = 0
    for mono, count in terms:
        bound = _range(mono)[count < 0]
        if bound in (inf, -inf):
            return -inf
        total += count * bound
    return total


@lru_cache(maxsize=1024)
def _range(mono: Monomial) -> Range:
    found: Range = (1, 1)
    for atom, power in mono:
        factor = _floor_range(atom) if isinstance(atom, Floor) else (0, inf)
        for _ in range(power):
            ends = [_times(one, two) for one in found for two in factor]
            found = min(ends), max(ends)
    return found


@lru_cache(maxsize=1024)
def _floor_range(floor: Floor) -> Range:
    small, large = range_of(floor.bottom)
    if small < 0:
        return -inf, inf
    small = max(small, 1)  # a divisor is not zero
    low, high = range_of(floor.top)
    return _over(low, large if low >= 0 else small), _over(high, small if high >= 0 else large)


# An int may be too large to meet a float: the infinite cases come first.


def _times(one: float, two: float) -> float:
    if not one or not two:
        return 0
    if inf in (abs(one), abs(two)):
        return inf if (one > 0) == (two > 0) else -inf
    return one * two


def _over(value: float, divisor: float) -> float:
    if value in (inf, -inf):
        return value
    if divisor == inf:
        return 0 if value >= 0 else -1
    return value // divisor


def _relaxed(terms: Sum, *, also_positive: bool) -> float:
    """A lower bound from p - d + 1 <= d*(p//d) <= p, which lets quotients cancel terms.

    Terms that count positively may be relaxed too or keep their own range: either may prove
    more.
    """
    parts = [
        (count, *(_relax(mono, count) if count < 0 or also_positive else (mono, 1, sums.ONE)))
        for mono, count in terms
    ]
    common = lcm(*(divisor for _, _, divisor, _ in parts))
    counts: dict[Monomial, int] = {}
    for count, factor, divisor, bound in parts:
        sums.add_product(counts, factor, count * (common // divisor), bound)
    least = _least(sums.collect(counts))
    return least if least == -inf else -(-least // common)


def _relax(mono: Monomial, count: int) -> tuple[Monomial, int, Sum]:
    """An (f, k, b) with count*mono >= count*f*b/k.

    For f*(d/k)*(p//d) with d/k a monomial and f*(d/k) >= 0, the sum b has no p//d any more.
    """
    for atom, power in mono:
        if isinstance(atom, Floor) and power == 1 and len(atom.bottom) == 1:
            others = sums.quotient(mono, ((atom, 1),)) or ()
            shared, divisor = atom.bottom[0]
            factor = sums.quotient(others, shared)
            if factor is not None and min(_range(others)[0], _range(shared)[0]) >= 0:
                slack = sums.subtract(atom.bottom, sums.ONE) if count > 0 else sums.ZERO
                return factor, divisor, sums.subtract(atom.top, slack)
    return mono, 1, sums.ONE
