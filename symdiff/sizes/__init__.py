"""Sizes: integer polynomials in named sizes, "n", "2*n + 1", "(n + 1)//2".

A `Size` is a sum of terms; a term is an integer times a product of atoms; an atom is a name
(an integer >= 0 known only at the call) or a floor quotient. Sizes are kept in a normal form,
so equality is structural: `(n + 1) - 1 == n`, `n//2 + (n + 1)//2 == n`. Equal normal forms are
equal sizes; the converse holds for polynomials and for one quotient of a polynomial, not for
every identity between several quotients.

Each file needs only those above it:

    sums.py      sums of terms as plain tuples, with + - *
    text.py      sums as a person writes them
    ranges.py    bounds that can be proved of a sum
    divide.py    the normal form of quotients
    reader.py    text -> sum
    size.py      `Size`, a sum that is not constant, with Python's operators
    queries.py   bounds, names, evaluate, substitute, solve
"""

from symdiff.sizes.queries import (
    bounds,
    definitely_different,
    definitely_equal,
    evaluate,
    names,
    solve,
    substitute,
)
from symdiff.sizes.size import Dim, Size, as_dim

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
