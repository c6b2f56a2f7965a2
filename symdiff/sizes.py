"""Sizes: integer polynomials in named sizes, "n", "2*n + 1", "(n + 1)//2".

A `Size` is a sum of terms; a term is an integer times a product of atoms; an atom is a name
(an integer >= 0 known only at the call) or a floor quotient. Sizes are kept in a normal form,
so equality is structural: `(n + 1) - 1 == n`, `n//2 + (n + 1)//2 == n`. Terms stand in graded
lexicographic order, which is also the order polynomial division needs.

Floor quotients follow Graham, Knuth and Patashnik, *Concrete Mathematics*, 3.1-3.2:

    (d*q + r)//d == q + r//d              q is split off, by polynomial division
    (g*p + c)//(g*d) == (p + c//g)//d     common factors go (3.11)
    (s + p//e)//d == (s*e + p)//(d*e)     nested quotients become one (3.11)
    r//d == -((d - 1 - r)//d)             for an int d: of r and its mirror one is kept (3.4)

Equal normal forms are equal sizes; the converse holds for polynomials and for one quotient of
a polynomial, not for every identity between several quotients.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from keyword import iskeyword
from math import gcd, lcm
from typing import NoReturn, TypeAlias

from symdiff.errors import ArgumentError, NoValueError, ParseError, ShapeError

__all__ = [
    "Dim",
    "Size",
    "as_dim",
    "bounds",
    "definitely_different",
    "definitely_equal",
    "evaluate",
    "names",
    "solve",
    "substitute",
]

# A guard against sizes nobody means, so that hostile texts and runaway loops stop early.
MAX_TEXT = 10_000
MAX_NESTING = 50
MAX_TERMS = 256
MAX_POWER = 16
MAX_DEGREE = 64
MAX_COEFFICIENT = 1 << 128
MAX_FLOORS = 16  # quotients within quotients
MAX_FLOOR_WEIGHT = 200  # terms of a quotient, those of the quotients in it included

_Atom: TypeAlias = "str | _Floor"
_Monomial: TypeAlias = "tuple[tuple[_Atom, int], ...]"
_Terms: TypeAlias = "tuple[tuple[_Monomial, int], ...]"


class Size:
    """An integer known only at the call: a polynomial in named sizes, never a constant.

    `+ - * // % **` with ints and sizes give a `Size`, or an `int` where the result is constant.
    Sizes are immutable, hash and compare by normal form, and pickle as their text.

    Args:
        text: the size as a person writes it; see `as_dim`.

    Raises:
        ParseError: `text` is not a size.
        ArgumentError: `text` is a constant.

    >>> n = Size("n")
    >>> (2 * n + 3) // 2
    Size('n + 1')
    >>> (n + 1) - n
    1
    """

    __slots__ = ("_hash", "_terms")

    _terms: _Terms
    _hash: int

    # NumPy then leaves `array + size` to `Size.__radd__`, which leaves it to Python.
    __array_ufunc__ = None

    def __new__(cls, text: str) -> Size:
        dim = as_dim(text)
        if isinstance(dim, int):
            raise ArgumentError(f"{text!r} is the constant {dim}, not a Size; use the int {dim}")
        return dim

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a Size is immutable: cannot set {name!r} of {self!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a Size is immutable: cannot delete {name!r} of {self!r}")

    def __reduce__(self) -> tuple[Callable[[str], Dim], tuple[str]]:
        return _read, (str(self),)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Size):
            return self is other or self._terms == other._terms
        return NotImplemented

    def __hash__(self) -> int:
        try:
            return self._hash
        except AttributeError:
            _set_hash(self, hash(self._terms))
            return self._hash

    def __str__(self) -> str:
        return _text(self._terms)

    def compact(self) -> str:
        """`str(self)` without spaces, as types are printed.

        >>> Size("2*n + 1").compact()
        '2*n+1'
        """
        return str(self).replace(" ", "")

    def __repr__(self) -> str:
        return f"Size({str(self)!r})"

    def __add__(self, other: Dim) -> Dim:
        right = _operand(other)
        return NotImplemented if right is None else _add(self, right)

    __radd__ = __add__

    def __sub__(self, other: Dim) -> Dim:
        right = _operand(other)
        return NotImplemented if right is None else _add(self, -right)

    def __rsub__(self, other: Dim) -> Dim:
        left = _operand(other)
        return NotImplemented if left is None else _add(left, -self)

    def __mul__(self, other: Dim) -> Dim:
        right = _operand(other)
        return NotImplemented if right is None else _multiply(self, right)

    __rmul__ = __mul__

    def __floordiv__(self, other: Dim) -> Dim:
        right = _operand(other)
        return NotImplemented if right is None else _floor_divide(self, right)

    def __rfloordiv__(self, other: Dim) -> Dim:
        left = _operand(other)
        return NotImplemented if left is None else _floor_divide(left, self)

    def __mod__(self, other: Dim) -> Dim:
        right = _operand(other)
        return NotImplemented if right is None else _remainder(self, right)

    def __rmod__(self, other: Dim) -> Dim:
        left = _operand(other)
        return NotImplemented if left is None else _remainder(left, self)

    def __truediv__(self, other: Dim) -> Dim:
        if _operand(other) is None:
            return NotImplemented
        raise _no_quotient(self, other)

    def __rtruediv__(self, other: Dim) -> Dim:
        if _operand(other) is None:
            return NotImplemented
        raise _no_quotient(other, self)

    def __pow__(self, exponent: int) -> Dim:
        power = _operand(exponent)
        return _power(self, power) if isinstance(power, int) else NotImplemented

    def __neg__(self) -> Size:
        return _size(tuple((mono, -count) for mono, count in self._terms))

    def __pos__(self) -> Size:
        return self

    def __lt__(self, other: Dim) -> bool:
        right = _operand(other)
        return NotImplemented if right is None else _is_less(self, right, self, "<", right)

    def __le__(self, other: Dim) -> bool:
        right = _operand(other)
        return NotImplemented if right is None else not _is_less(right, self, self, "<=", right)

    def __gt__(self, other: Dim) -> bool:
        right = _operand(other)
        return NotImplemented if right is None else _is_less(right, self, self, ">", right)

    def __ge__(self, other: Dim) -> bool:
        right = _operand(other)
        return NotImplemented if right is None else not _is_less(self, right, self, ">=", right)

    def __bool__(self) -> NoReturn:
        raise _no_value(self, "has no truth value", "compare it, as in `size >= 1`")

    def __index__(self) -> NoReturn:
        raise _no_value(self, "cannot be used where Python needs an int")

    def __int__(self) -> NoReturn:
        raise _no_value(self, "cannot become an int")

    def __float__(self) -> NoReturn:
        raise _no_value(self, "cannot become a float")

    def __iter__(self) -> Iterator[NoReturn]:
        raise _no_value(self, "cannot be iterated over")


Dim = int | Size
"""What a shape's entry is: an `int`, or a `Size` known only at the call."""

_set_terms = Size.__dict__["_terms"].__set__
_set_hash = Size.__dict__["_hash"].__set__


class _Floor:
    """The quotient top//bottom as an atom: an integer nothing more is known about.

    The bottom is an int >= 2, or a `Size` whose first term is positive. `key` sorts atoms,
    names before quotients, the same in every process.
    """

    __slots__ = ("_bounds", "_hash", "_mirror", "bottom", "depth", "key", "top", "weight")

    top: Dim
    bottom: Dim
    key: str
    depth: int
    weight: int
    _hash: int
    _bounds: tuple[int | None, int | None]
    _mirror: _Floor

    def __init__(self, top: Dim, bottom: Dim) -> None:
        inner = [a for dim in (top, bottom) for a in _atoms(dim) if isinstance(a, _Floor)]
        self.depth = 1 + max((floor.depth for floor in inner), default=0)
        self.weight = sum(len(_terms(dim)) for dim in (top, bottom))
        self.weight += sum(floor.weight for floor in inner)
        if self.depth > MAX_FLOORS or self.weight > MAX_FLOOR_WEIGHT:
            raise ArgumentError("a size nests too many floor divisions to be kept exactly")
        if isinstance(bottom, int) and bottom >= MAX_COEFFICIENT:
            raise ArgumentError("a size has a divisor too large to be meant: 2**128 or more")
        self.top, self.bottom = top, bottom
        self.key = f"~{_grouped(top)}//{_grouped(bottom)}"
        self._hash = hash((top, bottom))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, _Floor):
            return self.top == other.top and self.bottom == other.bottom
        return NotImplemented

    def __hash__(self) -> int:
        return self._hash

    def __str__(self) -> str:
        return self.key[1:]

    @property
    def mirror(self) -> _Floor:
        """The quotient M of the same int bottom with self == _rounded(self) - M."""
        try:
            return self._mirror
        except AttributeError:
            assert isinstance(self.bottom, int)
            _, rest = _divide(self.bottom - 1 - self.top, self.bottom)
            self._mirror = _Floor(rest, self.bottom)
            return self._mirror

    @property
    def bounds(self) -> tuple[int | None, int | None]:
        """As `bounds(self)`; kept, so that nested quotients cost one pass each."""
        try:
            return self._bounds
        except AttributeError:
            self._bounds = _quotient_bounds(bounds(self.top), bounds(self.bottom))
            return self._bounds


# -- Building blocks ----------------------------------------------------------------------


def _size(terms: _Terms) -> Size:
    size = object.__new__(Size)
    _set_terms(size, terms)
    return size


def _terms(dim: Dim) -> _Terms:
    if isinstance(dim, Size):
        return dim._terms
    return (((), dim),) if dim else ()


def _atoms(dim: Dim) -> Iterator[_Atom]:
    return (atom for mono, _ in _terms(dim) for atom, _ in mono)


def _key(factor: tuple[_Atom, int]) -> str:
    atom = factor[0]
    return atom if isinstance(atom, str) else atom.key


def _order(mono: _Monomial) -> tuple[int, list[tuple[str, int]]]:
    """Graded lexicographic order, greatest first."""
    return -sum(power for _, power in mono), [(_key(f), -f[1]) for f in mono]


def _collect(counts: Mapping[_Monomial, int]) -> Dim:
    """The size that sums `counts`, brought into order."""
    kept = [mono for mono, count in counts.items() if count]
    if len(kept) > MAX_TERMS:
        raise ArgumentError(f"a size has more than {MAX_TERMS} terms")
    kept.sort(key=_order)
    if not any(kept):
        return counts[()] if kept else 0
    return _checked(tuple((mono, counts[mono]) for mono in kept))


def _checked(terms: _Terms) -> Size:
    for _, count in terms:
        if not -MAX_COEFFICIENT < count < MAX_COEFFICIENT:
            raise ArgumentError("a size has a coefficient too large to be meant: 2**128 or more")
    return _size(terms)


def _times(left: _Monomial, right: _Monomial) -> _Monomial:
    if not left or not right:
        return left or right
    powers = dict(left)
    for atom, power in right:
        powers[atom] = powers.get(atom, 0) + power
    if sum(powers.values()) > MAX_DEGREE:
        raise ArgumentError(f"a size has a degree above {MAX_DEGREE}")
    return tuple(sorted(powers.items(), key=_key))


def _over(mono: _Monomial, divisor: _Monomial) -> _Monomial | None:
    """mono / divisor, or None where it is no monomial."""
    powers = dict(mono)
    for atom, power in divisor:
        powers[atom] = powers.get(atom, 0) - power
        if powers[atom] < 0:
            return None
    return tuple((atom, power) for atom, power in powers.items() if power)


# -- Arithmetic ---------------------------------------------------------------------------


def _operand(value: object) -> Dim | None:
    """`value` as a `Dim`, or None where the other side of an operator should decide.

    Arrays and nodes implement `__array_function__`; NumPy's integer scalars do not.
    """
    kind = type(value)
    if kind is int or kind is Size:
        return value  # type: ignore[return-value]
    if kind is bool or hasattr(kind, "__array_function__"):
        return None
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        return None


def _add(left: Dim, right: Dim) -> Dim:
    if isinstance(left, int):
        left, right = right, left
    if isinstance(left, int):
        return left + right
    terms = left._terms
    if isinstance(right, int):
        if not terms[-1][0]:
            right += terms[-1][1]
            terms = terms[:-1]
        if right:
            terms += (((), right),)
            if not -MAX_COEFFICIENT < right < MAX_COEFFICIENT:
                return _checked(terms)
        return _size(terms)
    counts = dict(terms)
    for mono, count in right._terms:
        counts[mono] = counts.get(mono, 0) + count
    return _collect(counts)


def _multiply(left: Dim, right: Dim) -> Dim:
    if isinstance(left, int):
        left, right = right, left
    if isinstance(left, int):
        return left * right
    if isinstance(right, int):
        return _checked(tuple((m, c * right) for m, c in left._terms)) if right else 0
    counts: dict[_Monomial, int] = {}
    for left_mono, left_count in left._terms:
        for right_mono, right_count in right._terms:
            mono = _times(left_mono, right_mono)
            counts[mono] = counts.get(mono, 0) + left_count * right_count
    return _collect(counts)


def _power(base: Dim, exponent: Dim) -> Dim:
    if not isinstance(exponent, int) or not 0 <= exponent <= MAX_POWER:
        raise ArgumentError(
            f"a size's exponent is an int from 0 to {MAX_POWER}, not {_shown(exponent)}"
        )
    result: Dim = 1
    for _ in range(exponent):
        result = _multiply(result, base)
    return result


def _remainder(left: Dim, right: Dim) -> Dim:
    return left - right * _floor_divide(left, right)


@lru_cache(maxsize=4096)
def _floor_divide(top: Dim, bottom: Dim) -> Dim:
    """top//bottom in normal form, by the identities of the module's docstring."""
    if bottom == 0:
        raise ArgumentError(f"division of the size {_shown(top)} by zero")
    if _terms(bottom)[0][1] < 0:
        top, bottom = -top, -bottom
    top, bottom = _without_common_factor(top, bottom)
    if isinstance(bottom, int):
        if bottom == 1:
            return top
        if isinstance(top, int):
            return top // bottom
        for mono, count in top._terms:
            sign = _sign_modulo(count, bottom)
            match mono:
                case ((_Floor(top=inner, bottom=int(divisor)) as floor, 1),) if sign:
                    lifted = (top - sign * _atom(floor)) * divisor + sign * inner
                    slack = 0 if sign > 0 else divisor - 1  # -(p//e) == (e - 1 - p)//e
                    return _floor_divide(lifted + slack, bottom * divisor)
        quotient, rest = _divide(top, bottom)
        return quotient + _int_quotient(rest, bottom)
    quotient, rest = _divide(top, bottom)
    return quotient + _size_quotient(rest, bottom)


def _sign_modulo(count: int, bottom: int) -> int:
    """1 or -1 where `count` is that modulo `bottom`, else 0; for 2 the sign of `count`."""
    if bottom == 2:
        return (count % 2) * (1 if count > 0 else -1)
    return {1: 1, bottom - 1: -1}.get(count % bottom, 0)


def _atom(atom: _Atom) -> Size:
    return _size(((((atom, 1),), 1),))


def _without_common_factor(top: Dim, bottom: Dim) -> tuple[Dim, Dim]:
    """The same quotient without the factors its two sides share."""
    tops, bottoms = _terms(top), _terms(bottom)
    positive = isinstance(bottom, int) or _at_least(bottom, 0)
    factor = gcd(*(c for _, c in bottoms), *(c for mono, c in tops if mono or not positive))
    shared = dict(bottoms[0][0])
    for mono, _ in (*bottoms, *tops):
        if not shared:
            break
        powers = dict(mono)
        shared = {a: min(p, powers[a]) for a, p in shared.items() if a in powers}
    if factor == 1 and not shared:
        return top, bottom
    common = tuple(shared.items())

    def reduced(terms: _Terms) -> Dim:
        return _collect({_over(m, common) or (): c // factor for m, c in terms})

    # n//(2*n*m) is 1//(2*m), where 2 has become a factor as well.
    return _without_common_factor(reduced(tops), reduced(bottoms))


def _divide(top: Dim, bottom: Dim) -> tuple[Dim, Dim]:
    """Polynomial division: (q, r) with top == q*bottom + r and no term of r divisible.

    A coefficient c over bottom's first one, d, leaves 0 <= c % d < d, so r is unique.
    """
    (lead, scale), *tail = _terms(bottom)
    left = dict(_terms(top))
    quotient: dict[_Monomial, int] = {}
    rest: dict[_Monomial, int] = {}
    while left:
        if len(quotient) + len(rest) + len(left) > 2 * MAX_TERMS:
            raise ArgumentError(f"the quotient of two sizes has more than {MAX_TERMS} terms")
        mono = min(left, key=_order) if tail else next(iter(left))
        count = left.pop(mono)
        factor = _over(mono, lead)
        whole, remaining = (0, count) if factor is None else divmod(count, scale)
        if remaining:
            rest[mono] = remaining
        if factor is not None and whole:
            quotient[factor] = whole
            for other, other_count in tail:
                product = _times(factor, other)
                left[product] = left.get(product, 0) - whole * other_count
    return _collect(quotient), _collect(rest)


def _int_quotient(rest: Dim, bottom: int) -> Dim:
    """rest//bottom, where all coefficients of rest are in range(bottom)."""
    if isinstance(rest, int):
        return 0
    if any(isinstance(atom, _Floor) for atom in _atoms(rest)):
        low, high = bounds(rest)
        if low is not None and high is not None and low // bottom == high // bottom:
            return low // bottom
        if (merged := _merged(rest, bottom)) is not None:
            return merged
    floor = _Floor(rest, bottom)
    counts = [count for mono, count in rest._terms if mono]
    constant = rest._terms[-1][1] if not rest._terms[-1][0] else 0
    mirrored = [bottom - count for count in counts]
    if (counts, constant) <= (mirrored, bottom - 1 - constant):
        return _atom(floor)
    return _rounded(floor) - _int_quotient(floor.mirror.top, bottom)


def _rounded(floor: _Floor) -> Dim:
    """The sum of a quotient and its mirror: each of the top's products once."""
    return _collect({mono: 1 for mono, _ in _terms(floor.top) if mono})


def _size_quotient(rest: Dim, bottom: Size) -> Dim:
    """rest//bottom, where no term of rest can be divided."""
    if rest == 0:
        return 0
    if _at_least(bottom, 0):
        if _at_least(rest, 0) and _at_least(bottom - 1 - rest, 0):
            return 0
        if _at_least(-1 - rest, 0) and _at_least(rest + bottom, 0):
            return -1
        if (merged := _merged(rest, bottom)) is not None:
            return merged
    return _atom(_Floor(rest, bottom))


def _merged(rest: Dim, bottom: Dim) -> Dim | None:
    """(p//e + c)//bottom as one quotient, for a constant c and a bottom > 0."""
    match _terms(rest):
        case ((((_Floor(top=inner, bottom=divisor) as floor, 1),), 1), *_):
            shift = rest - _atom(floor)
            deep = any(isinstance(a, _Floor) for d in (bottom, divisor) for a in _atoms(d))
            if isinstance(shift, int) and not deep:  # deep ones need not end
                return _floor_divide(shift * divisor + inner, bottom * divisor)
    return None


# -- Bounds and comparisons ---------------------------------------------------------------


def bounds(dim: Dim) -> tuple[int | None, int | None]:
    """The least and greatest value that can be proved of `dim`, all names being >= 0.

    Args:
        dim: an int or a size.

    Returns:
        (lower, upper); None where nothing is proved, though a bound may exist.

    >>> bounds(as_dim("2*n + 1")), bounds(as_dim("n % 3")), bounds(as_dim("4 - n"))
    ((1, None), (0, 2), (None, 4))
    """
    if isinstance(dim, int):
        return dim, dim
    high = _lower(_terms(-dim))
    return _lower(dim._terms), None if high is None else -high


def _lower(terms: _Terms) -> int | None:
    """The best lower bound, over the ways to write the sum."""
    if not any(isinstance(atom, _Floor) for mono, _ in terms for atom, _ in mono):
        return _least(terms)
    found: list[int | None] = []
    for form in {terms, _presented(terms)}:
        found.append(_least(form))
        for only_negative in (True, False):
            with suppress(ArgumentError):  # beyond the limits
                found.append(_relaxed(form, only_negative=only_negative))
    return max((bound for bound in found if bound is not None), default=None)


def _least(terms: Iterable[tuple[_Monomial, int]]) -> int | None:
    """A lower bound from each term's own range."""
    total = 0
    for mono, count in terms:
        low, high = _range(mono)
        bound = low if count > 0 else high
        if bound is None:
            return None
        total += count * bound
    return total


def _range(mono: _Monomial) -> tuple[int | None, int | None]:
    low: int | None = 1
    high: int | None = 1
    for atom, power in mono:
        atom_low, atom_high = (0, None) if isinstance(atom, str) else atom.bounds
        for _ in range(power):
            if low is not None and low >= 0 and atom_low is not None and atom_low >= 0:
                low *= atom_low
                if high == 0 or atom_high == 0:
                    high = 0
                else:
                    high = None if high is None or atom_high is None else high * atom_high
            elif low is None or high is None or atom_low is None or atom_high is None:
                return None, None
            else:
                ends = [a * b for a in (low, high) for b in (atom_low, atom_high)]
                low, high = min(ends), max(ends)
    return low, high


def _relaxed(terms: _Terms, *, only_negative: bool) -> int | None:
    """A lower bound from p - d + 1 <= d*(p//d) <= p, which lets quotients cancel terms."""
    found = {
        mono: relaxed
        for mono, count in terms
        if not (only_negative and count > 0) and (relaxed := _relaxable(mono))
    }
    scale = lcm(*(divisor for _, divisor, _ in found.values()))
    total: dict[_Monomial, int] = {}
    for mono, count in terms:
        if mono in found:
            factor, divisor, floor = found[mono]
            bound = floor.top if count < 0 else floor.top - floor.bottom + 1
            part = [(_times(factor, m), c * (scale // divisor)) for m, c in _terms(bound)]
        else:
            part = [(mono, scale)]
        for product, times in part:
            total[product] = total.get(product, 0) + times * count
    least = _least((mono, count) for mono, count in total.items() if count)
    return None if least is None else -(-least // scale)


def _relaxable(mono: _Monomial) -> tuple[_Monomial, int, _Floor] | None:
    """(f, k, p//d) where mono == f*(d/k)*(p//d), with d/k a product and f*(d/k) >= 0."""
    for position, (atom, power) in enumerate(mono):
        if isinstance(atom, _Floor) and power == 1 and len(_terms(atom.bottom)) == 1:
            others = mono[:position] + mono[position + 1 :]
            product, divisor = _terms(atom.bottom)[0]
            factor = _over(others, product)
            if factor is not None and _is_nonnegative(others) and _is_nonnegative(product):
                return factor, divisor, atom
    return None


def _is_nonnegative(mono: _Monomial) -> bool:
    low = _range(mono)[0]
    return low is not None and low >= 0


def _quotient_bounds(
    top: tuple[int | None, int | None], bottom: tuple[int | None, int | None]
) -> tuple[int | None, int | None]:
    if bottom[0] is None or bottom[0] < 0:
        return None, None
    small, large = max(bottom[0], 1), bottom[1]  # a divisor is not zero
    low, high = top
    if low is not None:
        far = 0 if large is None else low // large
        low = far if low >= 0 else low // small
    if high is not None:
        far = -1 if large is None else high // large
        high = high // small if high >= 0 else far
    return low, high


def _at_least(dim: Dim, least: int) -> bool:
    low = bounds(dim)[0]
    return low is not None and low >= least


def _is_less(left: Dim, right: Dim, *shown: Dim | str) -> bool:
    low, high = bounds(right - left)
    if low is not None and low >= 1:
        return True
    if high is not None and high <= 0:
        return False
    raise NoValueError(
        f"{' '.join(map(_shown, shown))} cannot be decided before the call: the sizes are any "
        "integers >= 0; state what is known with `sd.refine`, or give the input a fixed size"
    )


def definitely_equal(left: Dim, right: Dim) -> bool:
    """Whether two dims are the same whatever the sizes are: their normal forms are equal.

    >>> n = as_dim("n")
    >>> definitely_equal(n + 1 - 1, n), definitely_equal(n, as_dim("m"))
    (True, False)
    """
    return left == right


def definitely_different(left: Dim, right: Dim) -> bool:
    """Whether two dims provably differ whatever the sizes are.

    >>> n = as_dim("n")
    >>> definitely_different(n, n + 1), definitely_different(2 * n, 3), definitely_different(n, 1)
    (True, True, False)
    """
    difference = left - right
    low, high = bounds(difference)
    if (low is not None and low > 0) or (high is not None and high < 0):
        return True
    counts = [count for mono, count in _terms(difference) if mono]
    constant = sum(count for mono, count in _terms(difference) if not mono)
    return bool(counts) and constant % gcd(*counts) != 0


# -- Names and values ---------------------------------------------------------------------


def names(dim: Dim) -> frozenset[str]:
    """The names that occur in `dim`.

    >>> sorted(names(as_dim("n*m + k//2"))), names(3)
    (['k', 'm', 'n'], frozenset())
    """
    found: set[str] = set()
    for atom in _atoms(dim):
        found |= {atom} if isinstance(atom, str) else names(atom.top) | names(atom.bottom)
    return frozenset(found)


def evaluate(dim: Dim, values: Mapping[str, int]) -> int:
    """The integer `dim` is when its names have these values.

    Args:
        dim: an int or a size.
        values: name -> int; names that do not occur are ignored.

    Raises:
        ArgumentError: a name has no value.
        ShapeError: a divisor is zero.

    >>> evaluate(as_dim("(n + 1)//2"), {"n": 6})
    3
    """
    total = 0
    for mono, count in _terms(dim):
        for atom, power in mono:
            if isinstance(atom, str):
                if atom not in values:
                    given = ", ".join(map(str, values)) or "nothing"
                    raise ArgumentError(f"no value for {atom} in {dim}: {given} given")
                count *= operator.index(values[atom]) ** power
            else:
                divisor = evaluate(atom.bottom, values)
                if divisor == 0:
                    where = _binding_text(values, names(atom.bottom))
                    raise ShapeError(f"{atom} divides by zero{where}")
                count *= (evaluate(atom.top, values) // divisor) ** power
        total += count
    return total


def substitute(dim: Dim, mapping: Mapping[str, Dim]) -> Dim:
    """`dim` with names replaced by other dims, all at once.

    Args:
        dim: an int or a size.
        mapping: name -> int or size; other names stay.

    Raises:
        ShapeError: a divisor becomes zero.
        ArgumentError: the result is too large to be kept.

    >>> n, m = as_dim("n"), as_dim("m")
    >>> substitute(n - 2 * m, {"n": m, "m": n})
    Size('m - 2*n')
    """
    if names(dim).isdisjoint(mapping):
        return dim
    total: Dim = 0
    for mono, count in _terms(dim):
        term: Dim = count
        for atom, power in mono:
            value: Dim
            if isinstance(atom, str):
                value = as_dim(mapping[atom]) if atom in mapping else _atom(atom)
            else:
                divisor = substitute(atom.bottom, mapping)
                if divisor == 0:
                    where = _binding_text(mapping, names(atom.bottom))
                    raise ShapeError(f"{atom} divides by zero{where}")
                value = _floor_divide(substitute(atom.top, mapping), divisor)
            for _ in range(power):
                term = _multiply(term, value)
        total = _add(total, term)
    return total


def solve(dim: Dim, value: int, known: Mapping[str, int]) -> dict[str, int] | None:
    """The one unknown name of `dim` from the value `dim` has.

    Args:
        dim: an int or a size.
        value: what `dim` is in the data.
        known: the names whose values are known.

    Returns:
        {name: its value} where `dim` is linear in its one unknown name; {} where nothing is
        unknown and the value fits; None where the equation cannot be solved this way.

    Raises:
        ShapeError: provably no values >= 0 of the unknown names give `value`.

    >>> solve(as_dim("2*n + m"), 9, {"m": 1})
    {'n': 4}
    """
    value = operator.index(value)
    left = substitute(dim, known)
    unknown = sorted(names(left))
    where = _binding_text(known, names(dim))
    if isinstance(left, int):
        if left == value:
            return {}
        raise ShapeError(f"{dim} is {left}{where}, not {value}")
    no_solution = ShapeError(
        f"{dim} is {value}{where}, which no integer{'s' * (len(unknown) > 1)} "
        f"{', '.join(unknown)} >= 0 give{'s' * (len(unknown) == 1)}"
    )
    if definitely_different(left, value):
        raise no_solution
    match _terms(left - value):
        case ((((str(name), 1),), factor), *rest) if not rest or rest[0][0] == ():
            # Divisibility is settled: definitely_different has looked at the remainder.
            solution = -sum(count for _, count in rest) // factor
            if solution < 0:
                raise no_solution
            return {name: solution}
    return None


def _binding_text(values: Mapping[str, Dim], wanted: Iterable[str]) -> str:
    pairs = ", ".join(f"{name} = {values[name]}" for name in sorted(wanted) if name in values)
    return f" with {pairs}" if pairs else ""


# -- Text ---------------------------------------------------------------------------------


def _shown(part: Dim | str) -> str:
    """An operand in a message; long ones are cut short."""
    if isinstance(part, int) and abs(part) >= MAX_COEFFICIENT:
        return "a number of more than 38 digits"
    text = str(part)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _no_value(size: Size, what: str, instead: str = "") -> NoValueError:
    ways = [instead] if instead else []
    ways += ["pass it on as a size", "give the input a fixed size, as in f64[3]"]
    return NoValueError(
        f"the size {_shown(size)} {what}: it is known only at the call; {', or '.join(ways)}"
    )


def _no_quotient(top: Dim, bottom: Dim) -> NoValueError:
    return NoValueError(
        f"{_grouped(top)} / {_grouped(bottom)}: sizes are integers known only at the call; use "
        "`//` for a size, or divide a node by it, as in `sd.sum(x) / x.shape[0]`"
    )


def _presented(terms: _Terms) -> _Terms:
    """The same sum with quotients mirrored where that saves terms: n - n//2 as (n + 1)//2.

    For reading and for bounds only: the result is not in normal form.
    """
    floors = {atom: None for mono, _ in terms for atom, _ in mono if isinstance(atom, _Floor)}
    for floor in floors:
        if isinstance(floor.bottom, int):
            with suppress(ArgumentError):  # beyond the limits, so longer
                terms = _mirrored(terms, floor)
    return terms


def _mirrored(terms: _Terms, floor: _Floor) -> _Terms:
    """The sum without this quotient but its mirror, or as it is if that is no shorter."""
    other = _rounded(floor) - _atom(floor.mirror)
    counts = dict(terms)
    for mono, count in terms:
        powers = dict(mono)
        if power := powers.pop(floor, 0):
            del counts[mono]
            for part, times in _terms(_power(other, power)):
                product = _times(tuple(powers.items()), part)
                counts[product] = counts.get(product, 0) + times * count
    if sum(map(bool, counts.values())) >= len(terms):
        return terms
    return _terms(_collect(counts))


def _text(terms: _Terms) -> str:
    """The sum as a person writes it, a positive term first where there is one."""
    terms = _presented(terms)
    first = next((i for i, (_, count) in enumerate(terms) if count > 0), 0)
    text = ""
    for mono, count in (terms[first], *terms[:first], *terms[first + 1 :]):
        term = _term_text(mono, abs(count))
        if text:
            text += f" - {term}" if count < 0 else f" + {term}"
        elif count < 0:  # -n//2 would be (-n)//2
            text = f"-({term})" if term == str(mono[0][0]) and "//" in term else f"-{term}"
        else:
            text = term
    return text


def _term_text(mono: _Monomial, count: int) -> str:
    if count == 1 and len(mono) == 1 and mono[0][1] == 1:
        return str(mono[0][0])
    factors = [str(count)] if count != 1 or not mono else []
    for atom, power in mono:
        base = atom if isinstance(atom, str) else f"({atom})"
        factors.append(base if power == 1 else f"{base}**{power}")
    return "*".join(factors)


def _grouped(dim: Dim) -> str:
    text = str(dim)
    return text if text.isidentifier() or text.isdigit() else f"({text})"


# -- Parsing ------------------------------------------------------------------------------

_RESERVED = frozenset(
    [
        *("f16", "f32", "f64", "c64", "c128", "bool", "bool_", "nan", "inf"),
        *("i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64"),
    ]
)
_TOKEN = re.compile(r"[ \t]*(?:([0-9]+)|([A-Za-z_][A-Za-z0-9_]*)|(\*\*|//|[-+*/%()])|(\S)|$)")
_OPERATIONS: dict[str, Callable[[Dim, Dim], Dim]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "//": _floor_divide,
    "%": _remainder,
    "**": _power,
}


def as_dim(value: int | str | Size) -> Dim:
    """`value` as a shape's entry: an int or a `Size`.

    Args:
        value: an integer (NumPy's too), a `Size`, or a text of names, integers, parentheses
            and `+ - * // % **` with Python's precedence. A name is an ASCII identifier that
            is no keyword, dtype, `nan` or `inf`.

    Raises:
        ParseError: a text is not a size, or too large; the message shows the place.
        ArgumentError: `value` is of another kind.

    >>> as_dim("(n + 4)//2"), as_dim("7"), as_dim(3)
    (Size('n//2 + 2'), 7, 3)
    """
    if isinstance(value, str):
        if len(value) > MAX_TEXT:
            raise ParseError(
                f"the size {_shown(value)!r} has {len(value)} characters, more than {MAX_TEXT}"
            )
        return _read(value)
    dim = _operand(value)
    if dim is None:
        kind = type(value).__name__
        raise ArgumentError(
            f"a size is an int, a Size or a text such as 'n' or '2*n + 1', not the {kind} "
            f"{_shown(repr(value))}"
        )
    return dim


@lru_cache(maxsize=1024)
def _read(text: str) -> Dim:
    return _Reader(text).read()


class _Reader:
    """A recursive-descent reader of one text, by Python's precedence."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.depth = 0
        self.end = 0
        self.advance()

    def advance(self) -> None:
        """Read the next token: its kind ("number", "name" or itself; "" at the end)."""
        found = _TOKEN.match(self.text, self.end)
        if found is None:  # a line break, or another space than blank and tab
            self.start = self.end
            self.fail("a size is one line of names, integers and + - * // % ** ( )")
        number, name, sign, other = found.groups()
        self.token = number or name or sign or ""
        self.kind = "number" if number else "name" if name else self.token
        self.end = found.end()
        self.start = self.end - len(other or self.token)
        if other:
            self.fail(f"{other!r} has no meaning in a size")

    def fail(self, why: str, place: int | None = None) -> NoReturn:
        place = self.start if place is None else place
        first = max(0, place - 40)
        window = re.sub(r"\s", " ", self.text[first : place + 30])
        mark = " " * (place - first) + "^"
        raise ParseError(f"not a size: {why}\n    {window}\n    {mark}")

    def read(self) -> Dim:
        dim = self.chain(("+", "-"))
        if self.kind:
            why = {
                ")": "this parenthesis was never opened",
                "/": "`/` gives no integer; write `//`",
            }
            self.fail(why.get(self.kind, "an operator is missing here"))
        return dim

    def chain(self, signs: tuple[str, ...]) -> Dim:
        """Operands joined by `signs`, from left to right."""
        operand = self.product if "+" in signs else self.signed
        dim = operand()
        while self.kind in signs:
            sign, place = self.kind, self.start
            self.advance()
            dim = self.apply(sign, dim, operand(), place)
        return dim

    def product(self) -> Dim:
        return self.chain(("*", "//", "%"))

    def signed(self) -> Dim:
        negative = False
        while self.kind in ("+", "-"):
            negative ^= self.kind == "-"
            self.advance()
        dim = self.atom()
        if self.kind == "**":
            place = self.start
            dim = self.apply("**", dim, self.nested(self.signed), place)
        return -dim if negative else dim

    def atom(self) -> Dim:
        kind, token, place = self.kind, self.token, self.start
        if kind == "(":
            dim = self.nested(lambda: self.chain(("+", "-")))
            if self.kind != ")":
                what = "an operator is missing here, or" if self.kind else "the text ends, but"
                self.fail(f"{what} the parenthesis is not closed")
            self.advance()
            return dim
        if kind not in ("name", "number"):
            self.fail("a name or an integer is missing here")
        if kind == "name" and (token in _RESERVED or iskeyword(token)):
            what = "a Python keyword" if iskeyword(token) else "a dtype or a float constant"
            self.fail(f"{token} is {what}; a size needs another name")
        self.advance()
        if kind == "name":
            return _atom(token)
        if len(token) > 39:
            self.fail("a number of 2**128 or more is not a size", place)
        return int(token)

    def nested(self, rule: Callable[[], Dim]) -> Dim:
        if self.depth == MAX_NESTING:
            self.fail(f"more than {MAX_NESTING} parentheses and powers within one another")
        self.depth += 1
        self.advance()
        dim = rule()
        self.depth -= 1
        return dim

    def apply(self, sign: str, left: Dim, right: Dim, place: int) -> Dim:
        try:
            dim = _OPERATIONS[sign](left, right)
        except ArgumentError as error:
            self.fail(str(error), place)
        if isinstance(dim, int) and abs(dim) >= MAX_COEFFICIENT:
            self.fail("a number of 2**128 or more is not a size", place)
        return dim
