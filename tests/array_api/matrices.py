"""How the standard's functions of linear algebra are called in the generated tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from hypothesis.strategies import SearchStrategy

from tests.array_api.strategies import (
    FLOATING,
    INEXACT,
    NUMERIC,
    Array,
    Call,
    arrays,
    axes_of,
    call,
    on_array,
    partners,
    shapes,
    some,
    tame,
    wider,
)


@st.composite
def _products(draw: st.DrawFn, signature: str) -> Call:
    """Two arrays whose last axes fit, as a generalised ufunc says."""
    drawn = hnp.mutually_broadcastable_shapes(signature=signature, max_dims=2, max_side=3)
    one, other = draw(drawn).input_shapes
    dtype = draw(st.sampled_from(NUMERIC))
    x1 = draw(arrays((dtype,), one, tame))
    return call(x1, draw(arrays(partners(dtype, NUMERIC), other, tame)))


@st.composite
def _vecdot(draw: st.DrawFn) -> Call:
    """Broadcast; with an axis of its own, counted from the end, where ranks agree."""
    found = draw(_products("(n),(n)->()"))
    x1, x2 = found.args
    if x1.ndim != x2.ndim:
        return found
    axis = draw(st.integers(-x1.ndim, -1))
    return call(np.moveaxis(x1, -1, axis), np.moveaxis(x2, -1, axis), axis=axis)


@st.composite
def _tensordot(draw: st.DrawFn) -> Call:
    """The last axes with the first, by their number, or any axes with any, by name."""
    common = draw(shapes(most=2))
    one, other = draw(shapes(most=2)), draw(shapes(most=2))
    dtype = draw(st.sampled_from(NUMERIC))
    x1 = draw(arrays((dtype,), (*one, *common), tame))
    x2 = draw(arrays(partners(dtype, NUMERIC), (*common, *other), tame))
    count = len(common)
    if draw(st.booleans()):
        return call(x1, x2, axes=count)
    first, second = (draw(st.permutations(range(x.ndim))) for x in (x1, x2))
    return call(
        np.moveaxis(x1, range(x1.ndim), first),
        np.moveaxis(x2, range(x2.ndim), second),
        axes=(tuple(first[len(one) :]), tuple(second[:count])),
    )


@st.composite
def _outer(draw: st.DrawFn) -> Call:
    dtype = draw(st.sampled_from(NUMERIC))
    x1 = draw(arrays((dtype,), shapes(least=1, most=1), tame))
    return call(x1, draw(arrays(partners(dtype, NUMERIC), shapes(least=1, most=1), tame)))


@st.composite
def _cross(draw: st.DrawFn) -> Call:
    rest = draw(shapes(most=2))
    dtype = draw(st.sampled_from(NUMERIC))
    axis = draw(st.integers(-len(rest) - 1, -1))
    x1, x2 = (
        np.moveaxis(draw(arrays((d,), (*rest, 3), tame)), -1, axis)
        for d in (dtype, draw(st.sampled_from(partners(dtype, NUMERIC))))
    )
    return call(x1, x2) if axis == -1 else call(x1, x2, axis=axis)


@st.composite
def _power(draw: st.DrawFn) -> Call:
    side = draw(st.integers(0, 3))
    shape = (*draw(shapes(most=1)), side, side)
    return call(draw(arrays(FLOATING, shape, tame)), draw(st.integers(0, 5)))


def _trace(draw: st.DrawFn, x: Array) -> Call:
    return call(**some(draw, offset=st.integers(-4, 4), dtype=wider(x.dtype)))


_ORDERS = (2, 1, 0, 3, 0.5, -1, float("inf"), -float("inf"), 2.5)
_MATRIX_ORDERS = ("fro", 1, -1, float("inf"), -float("inf"))  # the others are decompositions


def _norm(draw: st.DrawFn, x: Array) -> Call:
    return call(
        **some(draw, axis=axes_of(x), keepdims=st.booleans(), ord=st.sampled_from(_ORDERS))
    )


LINALG: Final[Mapping[str, SearchStrategy[Call]]] = {
    "matmul": _products("(m?,n),(n,p?)->(m?,p?)"),
    "matrix_transpose": on_array(lambda draw, x: call(), least=2),
    "tensordot": _tensordot(),
    "vecdot": _vecdot(),
    "linalg.cross": _cross(),
    "linalg.diagonal": on_array(
        lambda draw, x: call(**some(draw, offset=st.integers(-4, 4))), least=2
    ),
    "linalg.matmul": _products("(m?,n),(n,p?)->(m?,p?)"),
    "linalg.matrix_norm": on_array(
        lambda draw, x: call(
            **some(draw, keepdims=st.booleans(), ord=st.sampled_from(_MATRIX_ORDERS))
        ),
        INEXACT,
        least=2,
        least_side=1,
        fill=tame,
    ),
    "linalg.matrix_power": _power(),
    "linalg.matrix_transpose": on_array(lambda draw, x: call(), least=2),
    "linalg.outer": _outer(),
    "linalg.tensordot": _tensordot(),
    "linalg.trace": on_array(_trace, NUMERIC, least=2, fill=tame),
    "linalg.vecdot": _vecdot(),
    "linalg.vector_norm": on_array(_norm, INEXACT, least_side=1, fill=tame),
}
