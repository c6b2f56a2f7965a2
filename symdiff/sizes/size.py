"""`Size`: a sum that is not constant, with Python's operators."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Final, NoReturn

from symdiff.errors import ArgumentError, NoValueError, ParseError
from symdiff.sizes import sums
from symdiff.sizes.divide import floor_divide, power, remainder
from symdiff.sizes.ranges import range_of
from symdiff.sizes.reader import read
from symdiff.sizes.sums import Sum
from symdiff.sizes.text import grouped, shortened, write

MAX_TEXT = 10_000


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

    __slots__ = ("_terms",)
    __module__ = "symdiff.sizes"  # the public path, which pickles name

    _terms: Sum

    def __new__(cls, text: str | Size) -> Size:
        # No limit on the length, unlike `as_dim`: a pickle may hold any size there is.
        dim = _read(text) if isinstance(text, str) else as_dim(text)
        if isinstance(dim, int):
            raise ArgumentError(f"{text!r} is the constant {dim}, not a Size; use the int {dim}")
        return dim

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a Size is immutable: cannot set {name!r} of {self!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a Size is immutable: cannot delete {name!r} of {self!r}")

    def __reduce__(self) -> tuple[type[Size], tuple[str]]:
        return Size, (str(self),)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Size):
            return self._terms == other._terms
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self._terms)

    def __str__(self) -> str:
        return write(self._terms)

    def compact(self) -> str:
        """`str(self)` without spaces, as types are printed.

        >>> Size("2*n + 1").compact()
        '2*n+1'
        """
        return str(self).replace(" ", "")

    def __repr__(self) -> str:
        return f"Size({str(self)!r})"

    def __add__(self, other: Dim) -> Dim:
        return _apply(sums.add, self, other)

    __radd__ = __add__

    def __sub__(self, other: Dim) -> Dim:
        return _apply(sums.subtract, self, other)

    def __rsub__(self, other: Dim) -> Dim:
        return _apply(sums.subtract, other, self)

    def __mul__(self, other: Dim) -> Dim:
        return _apply(sums.multiply, self, other)

    __rmul__ = __mul__

    def __floordiv__(self, other: Dim) -> Dim:
        return _apply(floor_divide, self, other)

    def __rfloordiv__(self, other: Dim) -> Dim:
        return _apply(floor_divide, other, self)

    def __mod__(self, other: Dim) -> Dim:
        return _apply(remainder, self, other)

    def __rmod__(self, other: Dim) -> Dim:
        return _apply(remainder, other, self)

    def __truediv__(self, other: Dim) -> Dim:
        return _apply(_refuse_quotient, self, other)

    def __rtruediv__(self, other: Dim) -> Dim:
        return _apply(_refuse_quotient, other, self)

    def __pow__(self, exponent: int) -> Dim:
        return _apply(power, self, exponent)

    def __neg__(self) -> Size:
        return _size(sums.negate(self._terms))

    def __pos__(self) -> Size:
        return self

    def __lt__(self, other: Dim) -> bool:
        return _compare(self, "<", other)

    def __le__(self, other: Dim) -> bool:
        return _compare(self, "<=", other)

    def __gt__(self, other: Dim) -> bool:
        return _compare(self, ">", other)

    def __ge__(self, other: Dim) -> bool:
        return _compare(self, ">=", other)

    def __bool__(self) -> NoReturn:
        raise _no_value(self, "has no truth value", "compare it, as in `size >= 1`")

    def __index__(self) -> NoReturn:  # int and float ask here too
        raise _no_value(self, "cannot be used where Python needs a number")

    def __iter__(self) -> Iterator[NoReturn]:
        raise _no_value(self, "cannot be iterated over")

    def __array_ufunc__(self, ufunc: object, method: str, *inputs: Any, **_: object) -> Any:
        # Nodes decide what NumPy's functions do with sizes; NumPy's numbers are as Python's.
        operate = _OPERATORS.get(getattr(ufunc, "__name__", ""))
        plain = [i.item() if hasattr(i, "item") and i.shape == () else i for i in inputs]
        known = all(isinstance(i, int | float | complex | Size) for i in plain)
        return operate(*plain) if operate and known and method == "__call__" else NotImplemented


Dim = int | Size
"""What a shape's entry is: an `int`, or a `Size` known only at the call."""

_OPERATORS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "add": operator.add, "subtract": operator.sub, "multiply": operator.mul,
    "divide": operator.truediv, "floor_divide": operator.floordiv, "remainder": operator.mod,
    "power": operator.pow, "equal": operator.eq, "not_equal": operator.ne,
    "less": operator.lt, "less_equal": operator.le, "greater": operator.gt,
    "greater_equal": operator.ge,
}  # fmt: skip
"""What NumPy's scalars ask for by these names, in `np.int64(2) * n`."""

_set_terms = Size.__dict__["_terms"].__set__


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
                f"the size {shortened(value)!r} has {len(value)} characters, more than {MAX_TEXT}"
            )
        return _read(value)
    dim = value if isinstance(value, Size) else _as_integer(value)
    if dim is None:
        kind = type(value).__name__
        raise ArgumentError(
            f"a size is an int, a Size or a text such as 'n' or '2*n + 1', not the {kind} "
            f"{shortened(repr(value))}"
        )
    return dim


@lru_cache(maxsize=1024)
def _read(text: str) -> Dim:
    return dim_of(read(text))


def dim_of(terms: Sum) -> Dim:
    """The int or size that a sum is."""
    number = sums.as_int(terms)
    return _size(terms) if number is None else number


def terms_of(dim: Dim) -> Sum:
    """The sum that an int or size is."""
    return sums.constant(dim) if isinstance(dim, int) else dim._terms


def _size(terms: Sum) -> Size:
    size = object.__new__(Size)
    _set_terms(size, terms)
    return size


def _apply(operation: Callable[[Sum, Sum], Sum], left: object, right: object) -> Dim:
    one, two = _operand(left), _operand(right)
    if isinstance(left, (float, complex)) or isinstance(right, (float, complex)):
        raise NoValueError(
            f"{left} and {right} in one term: sizes are integers known only at the call; begin "
            "the term with a node, as in `sd.sum(x) / x.shape[0]`"
        )
    return NotImplemented if one is None or two is None else dim_of(operation(one, two))


def _operand(value: object) -> Sum | None:
    """`value` as a sum, or None where the other side of an operator should decide."""
    if isinstance(value, Size):
        return value._terms
    number = _as_integer(value)
    return None if number is None else sums.constant(number)


def _as_integer(value: object) -> int | None:
    """An integer, NumPy's too; None for a bool, and for arrays and nodes without a look."""
    kind = type(value)
    if kind is int:
        return value  # type: ignore[return-value]
    if kind is bool or hasattr(kind, "__array_function__"):
        return None
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        return None


def _compare(size: Size, sign: str, other: object) -> bool:
    left, right = size._terms, _operand(other)
    if right is None:
        return NotImplemented  # type: ignore[no-any-return]
    strict = sign in ("<", ">")
    low, high = range_of(sums.subtract(right, left))
    if sign in (">", "<="):
        low, high = -high, -low
    if low >= 1:
        return strict
    if high <= 0:
        return not strict
    raise NoValueError(
        f"{shortened(write(left))} {sign} {shortened(write(right))} cannot be decided before the "
        "call: the sizes are any integers >= 0; state what is known with `sd.refine`, or give "
        "the input a fixed size"
    )


def _refuse_quotient(top: Sum, bottom: Sum) -> NoReturn:
    raise NoValueError(
        f"{grouped(top)} / {grouped(bottom)}: sizes are integers known only at the call; use "
        "`//` for a size, or divide a node by it, as in `sd.sum(x) / x.shape[0]`"
    )


def _no_value(size: Size, what: str, instead: str = "") -> NoValueError:
    ways = [instead] if instead else []
    ways += [
        "pass it on as a size, as in np.eye(n, like=x)",
        "give the input a fixed size, as in f64[3]",
    ]
    return NoValueError(
        f"the size {shortened(str(size))} {what}: it is known only at the call; "
        f"{', or '.join(ways)}"
    )
