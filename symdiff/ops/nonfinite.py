"""NaN and infinities: told apart and replaced; and equality within a tolerance."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from symdiff.describe import listing
from symdiff.errors import ArgumentError, DTypeError
from symdiff.node import Node
from symdiff.op import REGISTRY, Op
from symdiff.ops.declare import elementwise, numpy_function, public
from symdiff.ops.elementwise import (
    abs,
    cast,
    equal,
    less_equal,
    logical_and,
    logical_or,
    under,
)
from symdiff.ops.functions import isfinite, isnan
from symdiff.ops.operands import as_nodes
from symdiff.ops.reductions import all
from symdiff.sizes import definitely_different
from symdiff.types import promote

__all__ = ["allclose", "isclose", "isneginf", "isposinf", "nan_to_num"]

# -- replacing -----------------------------------------------------------------------------


def _replacements(x: Any, **numbers: Any) -> dict[str, Any]:
    for name, value in numbers.items():
        if value is None and name != "nan":
            continue
        if not isinstance(value, bool | int | float | np.bool_ | np.integer | np.floating):
            raise ArgumentError(
                f"{name} must be a number, not {value!r}; to put in an array or a node, choose it "
                "with sd.where(sd.isnan(x), fill, x)"
            )
        numbers[name] = float(value)
    return numbers


def _where_finite(g: Node, y: Node, x: Node) -> Node | None:
    return under(isfinite(x), g, False)


_nan_to_num: Op = elementwise(
    "nan_to_num",
    "x",
    doc="""`x` with numbers in place of NaN, +inf and -inf: 0 and the ends of the dtype.

    The derivative is 1 where `x` is finite and 0 where it was replaced.
    """,
    parameters={"nan": 0.0, "posinf": None, "neginf": None},
    normalize=_replacements,
    kernel=lambda x, **numbers: np.nan_to_num(x, **numbers),
    dtypes=lambda dtype: dtype,
    vjp=(_where_finite,),
    jvp=(_where_finite,),
)


@public
def nan_to_num(
    x: Node, /, *, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Node:
    """`x` with numbers in place of NaN, +inf and -inf.

    Arguments: `nan`, `posinf`, `neginf`, the numbers; None means the largest and the smallest of
    the dtype. Integers and booleans are returned as they are.

    The derivative is 1 where `x` is finite and 0 where it was replaced. Raises `ArgumentError`
    for what is no number: `sd.where` chooses from arrays and nodes.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64[3])
    >>> y = sd.nan_to_num(x, posinf=9.0)
    >>> sd.evaluate([y, sd.grad(sd.sum(y), x)], {x: [1.0, float("nan"), float("inf")]})
    [array([1., 0., 9.]), array([1., 0., 0.])]
    """
    (x,) = as_nodes("nan_to_num", (x,))
    y = _nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)
    return x if x.dtype.kind in "biu" else y


@numpy_function(np.nan_to_num)
def _np_nan_to_num(
    x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None
) -> Node:
    if copy is not True:
        raise ArgumentError("np.nan_to_num: nodes cannot change, so copy=False has no meaning")
    return nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)


# -- telling apart -------------------------------------------------------------------------


def _infinite(name: str, x: Any, infinity: float) -> Node:
    (x,) = as_nodes(name, (x,))
    with listing(name, {"x": x}):
        if x.dtype.kind == "c":
            raise DTypeError("complex infinities have no sign; test sd.real(x) or sd.imag(x)")
    return equal(x, infinity)


@public
@numpy_function(np.isposinf)
def isposinf(x: Node, /) -> Node:
    """Where `x` is +inf. Raises `DTypeError` for complex `x`.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64[3])
    >>> sd.evaluate(sd.isposinf(x), {x: [1.0, float("inf"), -float("inf")]})
    array([False,  True, False])
    """
    return _infinite("isposinf", x, math.inf)


@public
@numpy_function(np.isneginf)
def isneginf(x: Node, /) -> Node:
    """Where `x` is -inf. Raises `DTypeError` for complex `x`.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64[3])
    >>> sd.evaluate(sd.isneginf(x), {x: [1.0, float("inf"), -float("inf")]})
    array([False, False,  True])
    """
    return _infinite("isneginf", x, -math.inf)


# -- closeness -----------------------------------------------------------------------------


@public
@numpy_function(np.isclose)
def isclose(a: Any, b: Any, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: bool = False) -> Node:
    """Where `a` and `b` are equal within a tolerance, `abs(a - b) <= atol + rtol * abs(b)`.

    Arguments: nodes, arrays or numbers that broadcast, `a` or `b` a node; `equal_nan`, whether
    two NaN count as equal. Equal infinities do.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64[3])
    >>> sd.evaluate(sd.isclose(x, 1.0), {x: [1.0, 1.000001, 1.1]})
    array([ True,  True, False])
    """
    first, second = as_nodes("isclose", (a, b), weak=True)
    second = cast(second, dtype=promote(second.dtype, float))
    near = less_equal(abs(first - second), atol + rtol * abs(second))
    close = near & isfinite(second) | equal(first, second)
    return close | (isnan(first) & isnan(second)) if equal_nan else close


@public
@numpy_function(np.allclose)
def allclose(
    a: Any, b: Any, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: bool = False
) -> Node:
    """Whether all entries of `a` and `b` are equal within a tolerance: see `sd.isclose`.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64[2])
    >>> bool(sd.evaluate(sd.allclose(x, 1.0), {x: [1.0, 1.000001]}))
    True
    """
    return all(isclose(a, b, rtol, atol, equal_nan))


@numpy_function(np.array_equal)
def _np_array_equal(a1: Any, a2: Any, equal_nan: bool = False) -> Node:
    """Whether two arrays have one shape and the same entries."""
    one, other = as_nodes("np.array_equal", (a1, a2))
    if one.ndim != other.ndim or any(map(definitely_different, one.shape, other.shape)):
        return one.graph.constant(False)
    same = equal(one, other)
    if equal_nan:
        same = logical_or(same, logical_and(isnan(one), isnan(other)))
    return all(same)


REGISTRY.enroll(__name__)
