"""What the special functions share: SciPy on first use, double precision, derivatives by number.

SciPy is an optional provider of kernels and loads when the first of them runs. Every kernel
computes in double precision and rounds once, so that single precision is as accurate as it can
be. Where SciPy loses digits (in tails, next to zeros) the kernels here do without it.

Most derivatives of special functions are another function of the same family. `derivatives`
declares such a family as one op with a parameter `n`, the n-th derivative: its rule is the same
op with ``n + 1``, which no cancellation can spoil, whatever the order.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from symdiff.errors import ArgumentError, DTypeError, MissingDependencyError
from symdiff.op import Op
from symdiff.ops.declare import elementwise
from symdiff.types import promote

__all__ = ["as_order", "derivatives", "doubled", "horner", "piecewise", "real_floats", "scipys"]

Kernel = Callable[..., Any]


def scipys(name: str, *operands: Any) -> Any:
    """SciPy's function of that name on arrays; SciPy loads now if it has not yet."""
    try:
        import scipy.special
    except ImportError as error:
        raise MissingDependencyError(
            f"the special function {name} is computed by SciPy, which is not installed; "
            'pip install "symdiff[scipy]"'
        ) from error
    return getattr(scipy.special, name)(*operands)


def real_floats(*dtypes: Any) -> np.dtype[Any]:
    """The operands' common real floating dtype: integers count as double precision."""
    dtype = promote(*dtypes, float)
    if dtype.kind == "c":
        raise DTypeError("defined here for real operands only")
    return dtype


def doubled(kernel: Kernel) -> Kernel:
    """A kernel that is handed doubles and whose result is rounded to the operands' dtype."""

    @wraps(kernel)
    def run(*operands: Any, **params: Any) -> Any:
        dtype = np.result_type(*operands, 0.0)
        with np.errstate(all="ignore"):  # ends of domains, and branches that do not count
            wide = [np.asarray(x, np.float64) for x in operands]
            found = kernel(*wide, **params)
            if isinstance(found, tuple):
                return tuple(np.asarray(part).astype(dtype, copy=False) for part in found)
            return np.asarray(found).astype(dtype, copy=False)

    return run


def piecewise(*regions: tuple[Any, Kernel], of: tuple[Any, ...]) -> Any:
    """Each function where its condition is the first that holds, NaN where none does.

    A function is called on the entries of its region only, as one-dimensional arrays.
    """
    operands = np.broadcast_arrays(*of)
    shape = operands[0].shape
    result = np.full(shape, np.nan)
    left = np.ones(shape, bool)
    rest = left.size
    for condition, function in regions:
        here = left & condition
        found = int(np.count_nonzero(here))
        if 0 < found == left.size:  # as it often is: then nothing has to be looked up
            result.reshape(-1)[...] = function(*[x.reshape(-1) for x in operands])
        elif found:
            result[here] = function(*[x[here] for x in operands])
        rest -= found
        if not rest:
            break
        left ^= here
    return result


def horner(coefficients: tuple[float, ...], x: Any) -> Any:
    """A polynomial, the highest coefficient first; right at infinity, unlike `np.polyval`."""
    total = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        total *= x
        total += coefficient
    return total


# -- families of derivatives ---------------------------------------------------------------


def derivatives(
    name: str,
    *,
    doc: str,
    kernel: Kernel,
    sympy: Callable[..., Any] | None = None,
    first: int = 1,
) -> Op:
    """Declare the derivatives of a function of one variable as an op with a parameter `n`.

    Arguments: `kernel(x, n)`, the n-th derivative in double precision; `sympy`, the counterpart
    of the one that `n` is by default, `first`.
    """

    family: Op = elementwise(
        name,
        "x",
        doc=f"{doc} Its derivative is the next one.",
        kernel=doubled(kernel),
        dtypes=real_floats,
        parameters={"n": first},
        normalize=lambda x, n: {"n": as_order(n, first)},
        sympy=None if sympy is None else lambda x, n=first: sympy(x).diff(x, n - first),
        partials=(lambda y, x: family(x, n=y.params["n"] + 1),),
    )
    return family


def as_order(n: Any, least: int) -> int:
    """The number of a derivative as an int; `ArgumentError` for anything else."""
    try:
        order = operator.index(n)
    except TypeError as error:
        raise ArgumentError(f"the number n of the derivative must be an int, not {n!r}") from error
    if order < least or isinstance(n, bool):
        raise ArgumentError(f"the number n of the derivative must be at least {least}, not {n!r}")
    return order
