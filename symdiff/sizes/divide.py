"""Floor division, remainder and powers of sums, and the normal form of quotients.

The identities are those of Graham, Knuth and Patashnik, *Concrete Mathematics*, 3.1-3.2:

    (d*q + r)//d == q + r//d              q is split off, by polynomial division
    (g*p + c)//(g*d) == (p + c//g)//d     common factors go (3.11)
    (s + p//e)//d == (s*e + p)//(d*e)     nested quotients become one (3.11)
    r//d == -((d - 1 - r)//d)             for an int d: of r and its mirror one is kept (3.4)
"""

from __future__ import annotations

from functools import lru_cache
from math import gcd

from symdiff.errors import ArgumentError
from symdiff.sizes import sums
from symdiff.sizes.ranges import lower, range_of
from symdiff.sizes.sums import Floor, Monomial, Sum
from symdiff.sizes.text import floor, mirror, rounded, shortened, write

MAX_POWER = 16


def power(base: Sum, exponent: Sum) -> Sum:
    count = sums.as_int(exponent)
    if count is None or not 0 <= count <= MAX_POWER:
        shown = shortened(write(exponent))
        raise ArgumentError(f"a size's exponent is an int from 0 to {MAX_POWER}, not {shown}")
    return sums.power(base, count)


def remainder(top: Sum, bottom: Sum) -> Sum:
    return sums.subtract(top, sums.multiply(bottom, floor_divide(top, bottom)))


@lru_cache(maxsize=4096)
def floor_divide(top: Sum, bottom: Sum) -> Sum:
    """top//bottom in normal form."""
    if not bottom:
        raise ArgumentError(f"division of the size {shortened(write(top))} by zero")
    if bottom[0][1] < 0:
        top, bottom = sums.negate(top), sums.negate(bottom)
    top, bottom = _without_common_factor(top, bottom)
    divisor = sums.as_int(bottom)
    if divisor is not None and sums.floors(top):
        low, high = range_of(top)
        if low // divisor == high // divisor:  # infinite ones give nan
            return sums.constant(int(low) // divisor)
    if merged := _merged(top, bottom):
        return floor_divide(*merged)
    whole, rest = _split(top, bottom)
    if whole or not rest:
        return sums.add(whole, floor_divide(rest, bottom)) if rest else whole
    if divisor is None:
        for small, above in ((sums.ZERO, rest), (sums.constant(-1), sums.add(rest, bottom))):
            if lower(above) >= 0 and lower(sums.subtract(bottom, above)) >= 1:
                return small
    else:
        other = mirror(rest, divisor)
        if [count for _, count in other] < [count for _, count in rest]:
            return sums.subtract(rounded(rest), floor_divide(other, bottom))
    return sums.single(floor(rest, bottom))


def _without_common_factor(top: Sum, bottom: Sum) -> tuple[Sum, Sum]:
    """The same quotient without the factors its two sides share."""
    positive = lower(bottom) >= 0
    factor = gcd(*(c for _, c in bottom), *(c for mono, c in top if mono or not positive))
    shared = dict(bottom[0][0])
    for mono, _ in (*bottom, *top):
        powers = dict(mono)
        shared = {a: min(p, powers[a]) for a, p in shared.items() if a in powers}
    if factor == 1 and not shared:
        return top, bottom
    common = tuple(shared.items())
    # n//(2*n*m) is 1//(2*m), where 2 has become a factor as well.
    return _without_common_factor(_shrunk(top, common, factor), _shrunk(bottom, common, factor))


def _shrunk(terms: Sum, common: Monomial, factor: int) -> Sum:
    return sums.collect({sums.quotient(mono, common) or (): c // factor for mono, c in terms})


def _merged(top: Sum, bottom: Sum) -> tuple[Sum, Sum] | None:
    """(s + p//e)//d or (s - p//e)//d as the (top, bottom) of one quotient."""
    for mono, count in top:
        match mono:
            case ((Floor() as inner, 1),) if sign := _merge_sign(top, bottom, inner, count):
                merged = sums.multiply(sums.add(top, ((mono, -sign),)), inner.bottom)
                merged = sums.add(merged, sums.multiply(sums.constant(sign), inner.top))
                if sign < 0:  # -(p//e) == (e - 1 - p)//e
                    merged = sums.add(merged, sums.subtract(inner.bottom, sums.ONE))
                return merged, sums.multiply(bottom, inner.bottom)
    return None


def _merge_sign(top: Sum, bottom: Sum, inner: Floor, count: int) -> int:
    """The sign with which `inner`, `count` times in the top, merges with the bottom; or 0.

    For ints d and e that is `count` modulo d, if it is 1 or -1. Otherwise s must be constant,
    and quotients by quotients stay as they are: to merge them need not end.
    """
    divisor = sums.as_int(bottom)
    if divisor is None or sums.as_int(inner.bottom) is None:
        alone = sums.as_int(sums.subtract(top, sums.single(inner))) is not None
        return int(alone and not sums.floors(bottom + inner.bottom) and lower(bottom) >= 0)
    if divisor == 2:
        return (count % 2) * (1 if count > 0 else -1)
    return {1: 1, divisor - 1: -1}.get(count % divisor, 0) if divisor > 2 else 0


def _split(top: Sum, bottom: Sum) -> tuple[Sum, Sum]:
    """Polynomial division: (q, r) with top == q*bottom + r and no term of r divisible.

    A coefficient c over bottom's first one, d, leaves 0 <= c % d < d, so r is unique.
    """
    (lead, divisor), *tail = bottom
    left = dict(top)
    whole: dict[Monomial, int] = {}
    rest: dict[Monomial, int] = {}
    while left:
        if len(whole) + len(rest) + len(left) > 2 * sums.MAX_TERMS:
            raise ArgumentError(f"the quotient of two sizes has more than {sums.MAX_TERMS} terms")
        mono = min(left, key=sums.order) if tail else next(iter(left))
        count = left.pop(mono)
        factor = sums.quotient(mono, lead)
        times, remaining = (0, count) if factor is None else divmod(count, divisor)
        if remaining:
            rest[mono] = remaining
        if factor is not None and times:
            whole[factor] = times
            sums.add_product(left, factor, -times, tuple(tail))
    return sums.collect(whole), sums.collect(rest)
