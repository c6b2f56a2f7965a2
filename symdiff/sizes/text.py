"""Sums as a person writes them; a quotient's text is its place in the order of atoms too.

A quotient by an int d has a mirror, r//d == -((d - 1 - r)//d), and the normal form keeps one
of the two (Graham, Knuth and Patashnik, *Concrete Mathematics*, 3.4). People write the other
one where that is shorter: n - n//2 is (n + 1)//2.
"""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache

from symdiff.errors import ArgumentError
from symdiff.sizes import sums
from symdiff.sizes.sums import Floor, Monomial, Sum


def write(terms: Sum) -> str:
    """The sum as a person writes it, a positive term first where there is one."""
    if not terms:
        return "0"
    terms = presented(terms)
    first = next((i for i, (_, count) in enumerate(terms) if count > 0), 0)
    text = ""
    for mono, count in (terms[first], *terms[:first], *terms[first + 1 :]):
        term = _write_term(mono, abs(count))
        if text:
            text += f" - {term}" if count < 0 else f" + {term}"
        elif count < 0:  # -n//2 would be (-n)//2
            text = f"-({term})" if term in map(str, sums.floors(terms)) else f"-{term}"
        else:
            text = term
    return text


def _write_term(mono: Monomial, count: int) -> str:
    if count == 1 and len(mono) == 1 and mono[0][1] == 1:
        return str(mono[0][0])
    factors = [str(count)] if count != 1 or not mono else []
    for atom, power in mono:
        base = f"({atom})" if isinstance(atom, Floor) else atom
        factors.append(base if power == 1 else f"{base}**{power}")
    return "*".join(factors)


def grouped(terms: Sum) -> str:
    """The sum in parentheses, unless it is one name or number."""
    text = write(terms)
    return text if text.isidentifier() or text.isdigit() else f"({text})"


def shortened(text: str) -> str:
    """An operand in a message; a long one is cut short."""
    return text if len(text) <= 80 else f"{text[:77]}..."


def floor(top: Sum, bottom: Sum) -> Floor:
    """The atom top//bottom, where nothing can be divided."""
    return Floor(top, bottom, f"{grouped(top)}//{grouped(bottom)}")


def mirror(top: Sum, divisor: int) -> Sum:
    """The r with top//divisor == rounded(top) - r//divisor; coefficients in range(divisor)."""
    last = 0 if top[-1][0] else top[-1][1]
    counts = tuple((mono, divisor - count) for mono, count in top if mono)
    return counts + sums.constant(divisor - 1 - last)


def rounded(top: Sum) -> Sum:
    """A quotient and its mirror together: each of the top's monomials once."""
    return tuple((mono, 1) for mono, _ in top if mono)


def presented(terms: Sum) -> Sum:
    """The same sum, not in normal form, with quotients mirrored where that saves terms."""
    for atom in sums.floors(terms):
        with suppress(ArgumentError):  # beyond the limits, so no shorter
            terms = min(terms, _with_mirror(terms, atom), key=len)
    return terms


def _with_mirror(terms: Sum, atom: Floor) -> Sum:
    other = _by_mirror(atom)
    counts: dict[Monomial, int] = {}
    for mono, count in terms:
        powers = dict(mono)
        times = powers.pop(atom, 0)
        sums.add_product(counts, tuple(powers.items()), count, sums.power(other, times))
    return sums.collect(counts)


@lru_cache(maxsize=1024)
def _by_mirror(atom: Floor) -> Sum:
    """The quotient itself, said with its mirror if it has one."""
    divisor = sums.as_int(atom.bottom)
    if divisor is None:
        return sums.single(atom)
    other = floor(mirror(atom.top, divisor), atom.bottom)
    return sums.subtract(rounded(atom.top), sums.single(other))
