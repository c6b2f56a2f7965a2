"""What can be asked of a size: bounds, names, its value, and a name from its value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import gcd, inf
from operator import index

from symdiff.errors import ArgumentError, ShapeError
from symdiff.sizes.ranges import range_of
from symdiff.sizes.size import Dim, as_dim, dim_of, terms_of
from symdiff.sizes.sums import Atom, Sum, single


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
    low, high = range_of(terms_of(dim))
    return None if low == -inf else int(low), None if high == inf else int(high)


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
    if isinstance(difference, int):
        return difference != 0
    terms = terms_of(difference)
    low, high = range_of(terms)
    if low > 0 or high < 0:
        return True
    constant = sum(count for mono, count in terms if not mono)
    return constant % gcd(*(count for mono, count in terms if mono)) != 0


def names(dim: Dim) -> frozenset[str]:
    """The names that occur in `dim`.

    >>> sorted(names(as_dim("n*m + k//2"))), names(3)
    (['k', 'm', 'n'], frozenset())
    """
    return frozenset() if isinstance(dim, int) else _names(terms_of(dim))


def _names(terms: Sum) -> frozenset[str]:
    found: set[str] = set()
    for mono, _ in terms:
        for atom, _ in mono:
            found |= {atom} if isinstance(atom, str) else _names(atom.top) | _names(atom.bottom)
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
    if isinstance(dim, int):
        return dim
    try:
        return index(_value(terms_of(dim), values))
    except KeyError as error:
        given = ", ".join(values) or "nothing"
        raise ArgumentError(f"no value for {error.args[0]} in {dim}: {given} given") from None


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
    found = names(dim)
    if found.isdisjoint(mapping):
        return dim
    return _value(terms_of(dim), {name: dim_of(single(name)) for name in found} | dict(mapping))


def _value(terms: Sum, values: Mapping[str, Dim]) -> Dim:
    """The sum with values for its names, ints or sizes."""
    total: Dim = 0
    for mono, count in terms:
        term: Dim = count
        for atom, power in mono:
            value = _atom_value(atom, values)
            for _ in range(power):
                term = term * value
        total = total + term
    return total


def _atom_value(atom: Atom, values: Mapping[str, Dim]) -> Dim:
    if isinstance(atom, str):
        return as_dim(values[atom])
    divisor = _value(atom.bottom, values)
    if divisor == 0:
        raise ShapeError(f"{atom} divides by zero{_with(values, _names(atom.bottom))}")
    return _value(atom.top, values) // divisor


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
    value = index(value)
    left = substitute(dim, known)
    where = _with(known, names(dim))
    if isinstance(left, int):
        if left == value:
            return {}
        raise ShapeError(f"{dim} is {left}{where}, not {value}")
    if not definitely_different(left, value):
        match terms_of(left - value):
            case ((((str(name), 1),), factor), *rest) if not rest or not rest[0][0]:
                # Divisibility is settled: definitely_different has looked at the remainder.
                solution = -sum(count for _, count in rest) // factor
                if solution >= 0:
                    return {name: solution}
            case _:
                return None
    unknown = ", ".join(sorted(names(left)))
    give = f"integers {unknown} >= 0 give" if "," in unknown else f"integer {unknown} >= 0 gives"
    raise ShapeError(f"{dim} is {value}{where}, which no {give}")


def _with(values: Mapping[str, Dim], wanted: Iterable[str]) -> str:
    """The values behind a message; a name that stands for itself is none."""
    pairs = [f"{n} = {values[n]}" for n in sorted(wanted) if n in values and str(values[n]) != n]
    return f" with {', '.join(pairs)}" if pairs else ""
