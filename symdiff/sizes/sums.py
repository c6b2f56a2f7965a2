"""Sums of terms as plain tuples, with + - *: what a size is made of.

A sum is a tuple of (monomial, coefficient), greatest monomial first and without zeros; a
monomial is a tuple of (atom, power); an atom is a name or a `Floor`. A constant is the empty
monomial times an int, and 0 the empty sum. Equal sums are equal tuples.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TypeAlias

from symdiff.errors import ArgumentError

# A guard against sizes nobody means, so that hostile texts and runaway loops stop early.
MAX_TERMS = 256
MAX_DEGREE = 64
MAX_INT = 1 << 128
MAX_WEIGHT = 64  # terms of a quotient, those of the quotients in it included

Atom: TypeAlias = "str | Floor"
Monomial: TypeAlias = "tuple[tuple[Atom, int], ...]"
Sum: TypeAlias = "tuple[tuple[Monomial, int], ...]"

ZERO: Sum = ()
ONE: Sum = (((), 1),)


class Floor:
    """The quotient top//bottom as an atom: an integer nothing more is known about.

    The bottom is a constant >= 2, or a sum whose first coefficient is positive.
    """

    __slots__ = ("bottom", "key", "top", "weight")

    def __init__(self, top: Sum, bottom: Sum, text: str) -> None:
        inner = floors(top + bottom)
        self.weight: int = len(top) + len(bottom) + sum(floor.weight for floor in inner)
        if self.weight > MAX_WEIGHT:
            raise ArgumentError("a size nests too many floor divisions to be kept exactly")
        self.top, self.bottom = top, bottom
        self.key = f"~{text}"  # sorts after every name

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Floor):
            return self.top == other.top and self.bottom == other.bottom
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self.key)

    def __str__(self) -> str:
        return self.key[1:]


def floors(terms: Sum) -> list[Floor]:
    """The quotients among the atoms, each once; not those inside them."""
    found = [atom for mono, _ in terms for atom, _ in mono if isinstance(atom, Floor)]
    return list(dict.fromkeys(found))


# -- Monomials ----------------------------------------------------------------------------


def _key(factor: tuple[Atom, int]) -> str:
    atom = factor[0]
    return atom if isinstance(atom, str) else atom.key


def order(mono: Monomial) -> tuple[int, list[tuple[str, int]]]:
    """Sorts monomials: graded lexicographic, greatest first, the same in every process."""
    return -sum(power for _, power in mono), [(_key(f), -f[1]) for f in mono]


def product(left: Monomial, right: Monomial) -> Monomial:
    if not left or not right:
        return left or right
    powers = dict(left)
    for atom, power in right:
        powers[atom] = powers.get(atom, 0) + power
    if sum(powers.values()) > MAX_DEGREE:
        raise ArgumentError(f"a size has a degree above {MAX_DEGREE}")
    return tuple(sorted(powers.items(), key=_key))


def quotient(mono: Monomial, divisor: Monomial) -> Monomial | None:
    """mono / divisor, or None where that is no monomial."""
    powers = dict(mono)
    for atom, power in divisor:
        powers[atom] = powers.get(atom, 0) - power
        if powers[atom] < 0:
            return None
    return tuple((atom, power) for atom, power in powers.items() if power)


# -- Sums ---------------------------------------------------------------------------------


def single(atom: Atom) -> Sum:
    """The sum that is one atom."""
    return ((((atom, 1),), 1),)


@lru_cache(maxsize=1024)
def constant(value: int) -> Sum:
    """The sum that is one int."""
    return _checked((((), value),)) if value else ZERO


def as_int(terms: Sum) -> int | None:
    """The int that a constant sum is; None for another sum."""
    if not terms:
        return 0
    mono, count = terms[0]
    return None if mono else count


def collect(counts: Mapping[Monomial, int]) -> Sum:
    """The sum with these coefficients, brought into order."""
    kept = [mono for mono, count in counts.items() if count]
    if len(kept) > MAX_TERMS:
        raise ArgumentError(f"a size has more than {MAX_TERMS} terms")
    if len(kept) > 1:
        kept.sort(key=order)
    return _checked(tuple([(mono, counts[mono]) for mono in kept]))


def _checked(terms: Sum) -> Sum:
    for _, count in terms:
        if not -MAX_INT < count < MAX_INT:
            raise ArgumentError("a size has a number too large to be meant: 2**128 or more")
    return terms


def add(left: Sum, right: Sum) -> Sum:
    if not left or not right:
        return left or right
    if not left[0][0]:
        left, right = right, left
    if not right[0][0]:  # a constant, which stands last: no need to sort
        if left[-1][0]:
            return left + right
        return left[:-1] + constant(left[-1][1] + right[0][1])
    counts = dict(left)
    for mono, count in right:
        counts[mono] = counts.get(mono, 0) + count
    return collect(counts)


def negate(terms: Sum) -> Sum:
    return tuple([(mono, -count) for mono, count in terms])


def subtract(left: Sum, right: Sum) -> Sum:
    return add(left, negate(right))


def multiply(left: Sum, right: Sum) -> Sum:
    counts: dict[Monomial, int] = {}
    for mono, count in left:
        add_product(counts, mono, count, right)
    return collect(counts)


def add_product(counts: dict[Monomial, int], mono: Monomial, count: int, terms: Sum) -> None:
    """Add count*mono*terms to the sum that `counts` is about to be."""
    for other, times in terms:
        key = product(mono, other)
        counts[key] = counts.get(key, 0) + count * times


def power(base: Sum, exponent: int) -> Sum:
    result = ONE
    for _ in range(exponent):
        result = multiply(result, base)
    return result
