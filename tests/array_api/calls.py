"""How each function of the standard is called in the generated tests: a line a function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from hypothesis.strategies import SearchStrategy

from tests.array_api.strategies import (
    BITS,
    BOOLEAN,
    COMPLEX,
    EVERY,
    FLOATING,
    GROUPS,
    INEXACT,
    INTEGER,
    NUMERIC,
    REAL,
    Array,
    Call,
    Fill,
    Static,
    accumulation,
    anything,
    arrays,
    axis_of,
    binary,
    bits,
    call,
    joined,
    nonzero,
    on_array,
    reduction,
    shapes,
    some,
    tame,
    unary,
    wider,
)

# -- elementwise ---------------------------------------------------------------------------


def _powers(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    return bits(rng, shape, dtype) if dtype.kind in "iu" else anything(rng, shape, dtype)


@st.composite
def _clip(draw: st.DrawFn) -> Call:
    """Bounds are arrays of the same dtype, numbers or None, the lower below the upper."""
    shape = draw(shapes())
    x = draw(arrays(REAL, shape))

    inner = draw(st.sampled_from((shape, ())))
    ends = np.sort(draw(arrays((x.dtype.name,), (2, *inner), tame)), axis=0)
    least, most = np.asarray(ends[0]), np.asarray(ends[1])
    if least.size and draw(st.booleans()):
        least, most = least.min().item(), most.max().item()
    return call(x, *draw(st.sampled_from(((), (least,), (None, most), (least, most)))))


@st.composite
def _where(draw: st.DrawFn) -> Call:
    drawn = hnp.mutually_broadcastable_shapes(num_shapes=3, max_dims=3, max_side=3)
    one, two, three = draw(drawn).input_shapes
    kinds = draw(st.sampled_from(GROUPS))
    return call(draw(arrays(BOOLEAN, one)), draw(arrays(kinds, two)), draw(arrays(kinds, three)))


def _elementwise(
    names: str, kinds: tuple[str, ...], second: Fill | None = None
) -> dict[str, SearchStrategy[Call]]:
    made = unary(kinds) if second is None else binary(kinds, second)
    return dict.fromkeys(names.split(), made)


ELEMENTWISE: Final[Mapping[str, SearchStrategy[Call]]] = {
    **_elementwise("abs conj isfinite isinf isnan", NUMERIC),
    **_elementwise("imag", COMPLEX),
    **_elementwise("negative positive real square", NUMERIC),
    **_elementwise("acos acosh asin asinh atan atanh cos cosh exp expm1 log log10 log1p", INEXACT),
    **_elementwise("log2 reciprocal sin sinh sqrt tan tanh", INEXACT),
    **_elementwise("ceil floor round trunc", REAL),
    **_elementwise("signbit", FLOATING),
    "sign": st.one_of(
        unary(REAL), unary(COMPLEX, tame)
    ),  # of complex infinities it is unspecified
    **_elementwise("bitwise_invert", BITS),
    **_elementwise("logical_not", BOOLEAN),
    **_elementwise("add multiply subtract", NUMERIC, anything),
    **_elementwise("divide", INEXACT, anything),
    **_elementwise("atan2 copysign hypot logaddexp nextafter", FLOATING, anything),
    **_elementwise("floor_divide remainder", REAL, nonzero),
    **_elementwise("greater greater_equal less less_equal maximum minimum", REAL, anything),
    **_elementwise("equal not_equal", EVERY, anything),
    **_elementwise("bitwise_and bitwise_or bitwise_xor", BITS, anything),
    **_elementwise("bitwise_left_shift bitwise_right_shift", INTEGER, bits),
    **_elementwise("logical_and logical_or logical_xor", BOOLEAN, anything),
    **_elementwise("pow", NUMERIC, _powers),
    "clip": _clip(),
    "where": _where(),
}

# -- reductions and scans ------------------------------------------------------------------


@st.composite
def _summed(draw: st.DrawFn, kinds: tuple[str, ...]) -> Call:
    found = draw(reduction(kinds))
    if draw(st.booleans()):
        found.named["dtype"] = draw(wider(found.args[0].dtype))
    return found


def _diff(draw: st.DrawFn, x: Array) -> Call:
    axis = draw(axis_of(x))
    named = {"axis": axis, "n": draw(st.integers(0, 3))}
    for end in ("prepend", "append"):
        if draw(st.booleans()):
            shape = list(x.shape)
            shape[axis] = draw(st.integers(0, 2))
            named[end] = draw(arrays((x.dtype.name,), tuple(shape), tame))
    return call(**named)


_CORRECTIONS = st.sampled_from((0.0, 1.0, 0.5, 1))

REDUCTIONS: Final[Mapping[str, SearchStrategy[Call]]] = {
    "all": reduction(EVERY, fill=anything),
    "any": reduction(EVERY, fill=anything),
    "argmax": reduction(REAL, fill=anything, entries=True, one_axis=True),
    "argmin": reduction(REAL, fill=anything, entries=True, one_axis=True),
    "count_nonzero": reduction(EVERY, fill=anything),
    "cumulative_prod": accumulation(NUMERIC),
    "cumulative_sum": accumulation(NUMERIC),
    "diff": on_array(_diff, NUMERIC, least=1, fill=tame),
    "max": reduction(REAL, fill=anything, entries=True),
    "mean": reduction(INEXACT),
    "min": reduction(REAL, fill=anything, entries=True),
    "prod": _summed(NUMERIC),
    "std": reduction(FLOATING, correction=_CORRECTIONS),
    "sum": _summed(NUMERIC),
    "var": reduction(FLOATING, correction=_CORRECTIONS),
}

# -- shapes --------------------------------------------------------------------------------


def _reshape(draw: st.DrawFn, x: Array) -> Call:
    """The entries as one axis, or the axes in another order, perhaps with one left open."""
    shape = draw(st.sampled_from([(x.size,), (1, x.size), x.shape[::-1], (*x.shape, 1)]))
    if x.size and shape and draw(st.booleans()):
        k = draw(st.integers(0, len(shape) - 1))
        shape = (*shape[:k], -1, *shape[k + 1 :])
    return call(shape)


def _roll(draw: st.DrawFn, x: Array) -> Call:
    if draw(st.booleans()) or not x.ndim:
        return call(draw(st.integers(-7, 7)))
    axes = draw(st.lists(axis_of(x), min_size=1, max_size=3))
    if len(axes) == 1:
        return call(draw(st.integers(-7, 7)), axis=axes[0])
    return call(tuple(draw(st.integers(-7, 7)) for _ in axes), axis=tuple(axes))


def _repeat(draw: st.DrawFn, x: Array) -> Call:
    axis = draw(st.one_of(st.none(), axis_of(x))) if x.ndim else None
    length = x.size if axis is None else x.shape[axis]
    each = draw(st.lists(st.integers(0, 3), min_size=length, max_size=length))
    times = draw(st.sampled_from((draw(st.integers(0, 3)), Static(np.array(each, np.int64)))))
    return call(times) if axis is None else call(times, axis=axis)


@st.composite
def _squeeze(draw: st.DrawFn) -> Call:
    shape = draw(shapes(most=3))
    places = draw(st.lists(st.integers(0, len(shape)), min_size=1, max_size=2))
    for place in places:
        shape = (*shape[:place], 1, *shape[place:])
    ones = [k for k, side in enumerate(shape) if side == 1]
    axes = draw(st.lists(st.sampled_from(ones), min_size=1, unique=True))
    return call(draw(arrays(EVERY, shape)), axes[0] if len(axes) == 1 else tuple(axes))


@st.composite
def _broadcast(draw: st.DrawFn, together: bool) -> Call:
    found = draw(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=4, max_side=3))
    xs = [draw(arrays(EVERY, shape)) for shape in found.input_shapes]
    return call(*xs) if together else call(xs[0], found.result_shape)


def _moveaxis(draw: st.DrawFn, x: Array) -> Call:
    if draw(st.booleans()):
        return call(draw(axis_of(x)), draw(axis_of(x)))
    count = draw(st.integers(0, x.ndim))
    orders = st.permutations(range(x.ndim)).map(lambda order: tuple(order[:count]))
    return call(draw(orders), draw(orders))


SHAPES: Final[Mapping[str, SearchStrategy[Call]]] = {
    "astype": on_array(lambda draw, x: call(draw(st.sampled_from(_casts(x)))), fill=tame),
    "broadcast_arrays": _broadcast(True),
    "broadcast_to": _broadcast(False),
    "concat": joined(new_axis=False),
    "expand_dims": on_array(lambda draw, x: call(draw(st.integers(-x.ndim - 1, x.ndim)))),
    "flip": on_array(lambda draw, x: call(**some(draw, axis=_flipped(x)))),
    "moveaxis": on_array(_moveaxis, least=1),
    "permute_dims": on_array(lambda draw, x: call(tuple(draw(st.permutations(range(x.ndim)))))),
    "repeat": on_array(_repeat),
    "reshape": on_array(_reshape),
    "roll": on_array(_roll),
    "squeeze": _squeeze(),
    "stack": joined(new_axis=True),
    "tile": on_array(
        lambda draw, x: call(tuple(draw(st.lists(st.integers(0, 3), max_size=x.ndim + 1))))
    ),
    "tril": on_array(lambda draw, x: call(**some(draw, k=st.integers(-4, 4))), least=2),
    "triu": on_array(lambda draw, x: call(**some(draw, k=st.integers(-4, 4))), least=2),
    "unstack": on_array(lambda draw, x: call(**some(draw, axis=axis_of(x))), least=1),
}


def _flipped(x: Array) -> SearchStrategy[Any]:
    if not x.ndim:
        return st.none()
    several = st.lists(st.integers(0, x.ndim - 1), unique=True).map(tuple)
    return st.one_of(st.none(), axis_of(x), several)


def _casts(x: Array) -> list[np.dtype[Any]]:
    """What the standard lets `x` be cast to: not from complex to real."""
    return [np.dtype(k) for k in (COMPLEX if x.dtype.kind == "c" else EVERY)]


# -- searching, sorting, indexing ----------------------------------------------------------


def _sort(draw: st.DrawFn, x: Array) -> Call:
    return call(**some(draw, axis=axis_of(x), descending=st.booleans(), stable=st.booleans()))


@st.composite
def _argsort(draw: st.DrawFn) -> Call:
    """Stable, where entries tie."""
    x = draw(arrays(REAL, shapes(least=1), tame))
    return call(x, **some(draw, axis=axis_of(x), descending=st.booleans()))


@st.composite
def _searchsorted(draw: st.DrawFn) -> Call:
    dtype = draw(st.sampled_from(REAL))
    x1 = draw(arrays((dtype,), shapes(least=1, most=1), tame))
    x2 = draw(arrays((dtype,), shapes(most=3), tame))
    named = some(draw, side=st.sampled_from(("left", "right")))
    if draw(st.booleans()):
        return call(x1, x2, sorter=np.argsort(x1, kind="stable"), **named)
    return call(np.sort(x1), x2, **named)


@st.composite
def _isin(draw: st.DrawFn) -> Call:
    """Not inverted: array_api_strict leaves `invert` out."""
    dtype = draw(st.sampled_from(INTEGER))
    entries, members = (draw(arrays((dtype,), shapes(most=3), tame)) for _ in range(2))
    return call(entries, members)


@st.composite
def _take(draw: st.DrawFn) -> Call:
    x = draw(arrays(EVERY, shapes(least=1, least_side=1)))
    axis = draw(axis_of(x))
    side = x.shape[axis]
    picked = draw(st.lists(st.integers(-side, side - 1), max_size=4))
    indices = np.array(picked, draw(st.sampled_from((np.int64, np.int32))))
    return call(x, indices) if x.ndim == 1 else call(x, indices, axis=axis)


@st.composite
def _take_along_axis(draw: st.DrawFn) -> Call:
    x = draw(arrays(EVERY, shapes(least=1, least_side=1)))
    axis = draw(axis_of(x))
    shape = list(x.shape)
    shape[axis] = draw(st.integers(0, 4))
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    indices = rng.integers(-x.shape[axis], x.shape[axis], shape)
    return call(x, indices, axis=axis)


def _nonzero(x: Array) -> Call:
    return Call((x,), {}, {"size": int(np.count_nonzero(x))})


SEARCHING: Final[Mapping[str, SearchStrategy[Call]]] = {
    "argsort": _argsort(),
    "isin": _isin(),
    "nonzero": arrays(EVERY, shapes(least=1), tame).map(_nonzero),
    "searchsorted": _searchsorted(),
    "sort": on_array(_sort, REAL, least=1, fill=tame),
    "take": _take(),
    "take_along_axis": _take_along_axis(),
}

# -- creation ------------------------------------------------------------------------------

_DTYPES = st.sampled_from([None, *map(np.dtype, EVERY)])
_NUMBERS = st.sampled_from([None, *map(np.dtype, INEXACT)])
_SIDES = st.one_of(st.integers(0, 4), shapes())


@st.composite
def _made(draw: st.DrawFn) -> Call:
    return call(draw(_SIDES), **some(draw, dtype=_DTYPES))


@st.composite
def _full(draw: st.DrawFn) -> Call:
    value = draw(st.sampled_from((True, False, 0, 3, 1.5, float("inf"), 2j)))
    fits = {bool: EVERY, int: NUMERIC, float: INEXACT, complex: COMPLEX}[type(value)]
    dtypes = st.sampled_from([None, *map(np.dtype, fits)])
    return call(draw(_SIDES), value, **some(draw, dtype=dtypes))


def _full_like(draw: st.DrawFn, x: Array) -> Call:
    value = {"b": True, "f": 1.5, "c": 2j}.get(x.dtype.kind, 3)
    return call(value)


@st.composite
def _arange(draw: st.DrawFn) -> Call:
    """Integers, or halves, so that no entry is on an edge by rounding."""
    whole = draw(st.booleans())
    value = st.integers(-5, 5) if whole else st.integers(-10, 10).map(lambda k: k / 2 + 0.25)
    step = draw(st.sampled_from((1, 2, -1, -3) if whole else (0.5, -1.5, 1.0)))
    kinds = ("int64", "int32", *FLOATING) if whole else FLOATING
    named = some(draw, dtype=st.sampled_from([None, *map(np.dtype, kinds)]))
    args = [draw(value), draw(value), step][: draw(st.integers(1, 3))]
    return call(*args, **named)


@st.composite
def _linspace(draw: st.DrawFn) -> Call:
    ends = st.sampled_from((0, 1, -2, 0.5, 10.0))
    named = some(draw, dtype=_NUMBERS, endpoint=st.booleans())
    return call(draw(ends), draw(ends), draw(st.integers(0, 5)), **named)


@st.composite
def _eye(draw: st.DrawFn) -> Call:
    sides = draw(st.lists(st.integers(0, 4), min_size=1, max_size=2))
    return call(*sides, **some(draw, k=st.integers(-4, 4), dtype=_DTYPES))


@st.composite
def _meshgrid(draw: st.DrawFn) -> Call:
    dtype = draw(st.sampled_from(NUMERIC))
    count = draw(st.integers(0, 3))
    xs = [draw(arrays((dtype,), shapes(least=1, most=1))) for _ in range(max(count, 1))]
    return call(*xs, **some(draw, indexing=st.sampled_from(("xy", "ij"))))


_LIKE = on_array(lambda draw, x: call(**some(draw, dtype=_DTYPES)))

CREATION: Final[Mapping[str, SearchStrategy[Call]]] = {
    "arange": _arange(),
    "empty": _made(),
    "empty_like": _LIKE,
    "eye": _eye(),
    "full": _full(),
    "full_like": on_array(_full_like),
    "linspace": _linspace(),
    "meshgrid": _meshgrid(),
    "ones": _made(),
    "ones_like": _LIKE,
    "zeros": _made(),
    "zeros_like": _LIKE,
}
