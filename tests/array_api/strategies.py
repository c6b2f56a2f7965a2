"""Hypothesis strategies for calls of the standard's functions: arrays, axes, shapes, dtypes.

An array is drawn as a dtype, a shape and a seed, and filled by NumPy's generator: that is fast,
and shrinks to small shapes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import array_api_strict as xp
import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from hypothesis.strategies import SearchStrategy

from symdiff.op import NO_PARAMS

Array = np.ndarray


class Call(NamedTuple):
    """Arguments of a function of the standard; arrays stand for arrays or nodes.

    `ours` are those by keyword that symdiff's has in addition.
    """

    args: tuple[Any, ...]
    named: dict[str, Any]
    ours: Mapping[str, Any] = NO_PARAMS


class Static(NamedTuple):
    """An array that a shape depends on: to symdiff it is given as it is, not as a node."""

    value: Array


def call(*args: Any, **named: Any) -> Call:
    return Call(args, named)


# -- dtypes --------------------------------------------------------------------------------

BOOLEAN = ("bool",)
SIGNED = ("int8", "int16", "int32", "int64")
UNSIGNED = ("uint8", "uint16", "uint32", "uint64")
INTEGER = (*SIGNED, *UNSIGNED)
FLOATING = ("float32", "float64")
COMPLEX = ("complex64", "complex128")
REAL = (*INTEGER, *FLOATING)
NUMERIC = (*REAL, *COMPLEX)
INEXACT = (*FLOATING, *COMPLEX)
EVERY = (*BOOLEAN, *NUMERIC)
BITS = (*BOOLEAN, *INTEGER)


@cache
def partners(dtype: str, kinds: tuple[str, ...]) -> tuple[str, ...]:
    """The dtypes that the standard lets meet `dtype` in one operation."""
    found = []
    for other in kinds:
        try:
            xp.result_type(getattr(xp, dtype), getattr(xp, other))
        except TypeError:
            continue
        found.append(other)
    return tuple(found)


# -- arrays --------------------------------------------------------------------------------

Fill = Callable[[np.random.Generator, tuple[int, ...], np.dtype[Any]], Array]


def anything(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Ordinary values among zeros, ones, NaN, infinities and the ends of integers."""
    if dtype.kind == "b":
        return rng.random(shape) < 0.5
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        ends = np.array([0, 1, 2, 3, info.min, info.max, info.max // 3], dtype)
        return rng.choice(ends, shape)
    parts = rng.choice([0.0, -0.0, 1.0, -1.0, 0.5, np.inf, -np.inf, np.nan], (2, *shape))
    parts = np.where(rng.random((2, *shape)) < 0.4, parts, rng.normal(scale=4.0, size=(2, *shape)))
    with np.errstate(invalid="ignore"):
        whole = parts[0] if dtype.kind == "f" else parts[0] + 1j * parts[1]
    return np.asarray(whole).astype(dtype)


def tame(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Small finite values, of which many are equal: sums and products of them do not overflow."""
    if dtype.kind == "b":
        return rng.random(shape) < 0.5
    parts = rng.integers(0 if dtype.kind == "u" else -3, 4, (2, *shape))
    if dtype.kind in "iu":
        return parts[0].astype(dtype)
    whole = parts[0] if dtype.kind == "f" else parts[0] + 1j * parts[1]
    return np.asarray(whole / 2).astype(dtype)


def nonzero(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Anything but an integer zero, by which nothing is divided."""
    found = anything(rng, shape, dtype)
    return np.where(found == 0, found.dtype.type(1), found) if dtype.kind in "iu" else found


def bits(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """How far to shift, or which power to take: 0 … 7."""
    return rng.integers(0, 8, shape).astype(dtype)


def filled(shape: tuple[int, ...], dtype: str, seed: int, fill: Fill) -> Array:
    return np.asarray(fill(np.random.default_rng(seed), shape, np.dtype(dtype)))


SEEDS = st.integers(0, 2**32 - 1)


def shapes(least: int = 0, most: int = 4, least_side: int = 0) -> SearchStrategy[tuple[int, ...]]:
    return hnp.array_shapes(min_dims=least, max_dims=most, min_side=least_side, max_side=3)


def arrays(
    kinds: Sequence[str],
    shape: SearchStrategy[tuple[int, ...]] | tuple[int, ...] | None = None,
    fill: Fill = anything,
) -> SearchStrategy[Array]:
    if shape is None:
        shape = shapes()
    given = st.just(shape) if isinstance(shape, tuple) else shape
    return st.builds(filled, given, st.sampled_from(kinds), SEEDS, st.just(fill))


# -- axes ----------------------------------------------------------------------------------


def axis_of(x: Array) -> SearchStrategy[int]:
    return st.integers(-x.ndim, x.ndim - 1)


def axes_of(x: Array, *, none: bool = True) -> SearchStrategy[Any]:
    """None, one axis or several, of either sign."""
    found = [st.none()] if none else []
    if x.ndim:
        several = st.lists(st.integers(0, x.ndim - 1), unique=True, max_size=x.ndim)
        signed = several.flatmap(
            lambda axes: st.tuples(*[st.sampled_from((a, a - x.ndim)) for a in axes])
        )
        found += [axis_of(x), signed]
    return st.one_of(found)


def some(draw: st.DrawFn, **named: SearchStrategy[Any]) -> dict[str, Any]:
    """Some of these keyword arguments; the others keep their defaults."""
    return {name: draw(s) for name, s in named.items() if draw(st.booleans())}


# -- families of functions -----------------------------------------------------------------


def unary(kinds: Sequence[str], fill: Fill = anything) -> SearchStrategy[Call]:
    return st.builds(call, arrays(kinds, fill=fill))


@st.composite
def binary(
    draw: st.DrawFn, kinds: Sequence[str], second: Fill = anything, first: Fill = anything
) -> Call:
    """Two arrays that broadcast and promote, or an array and a Python number."""
    drawn = hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=4, max_side=3)
    one, other = draw(drawn).input_shapes
    dtype = draw(st.sampled_from(kinds))
    x1 = filled(one, dtype, draw(SEEDS), first)
    partner = draw(st.sampled_from(partners(dtype, tuple(kinds))))
    x2 = filled(other, partner, draw(SEEDS), second)
    match draw(st.sampled_from(("arrays", "arrays", "arrays", "number first", "number second"))):
        case "number first" if x1.size:
            return call(x1.ravel()[0].item(), filled(other, dtype, draw(SEEDS), second))
        case "number second" if x2.size and partner == dtype:
            return call(x1, x2.ravel()[0].item())
    return call(x1, x2)


@st.composite
def reduction(
    draw: st.DrawFn,
    kinds: Sequence[str],
    *,
    fill: Fill = tame,
    entries: bool = False,
    one_axis: bool = False,
    **more: SearchStrategy[Any],
) -> Call:
    """Arguments: `entries`, whether at least one is needed; `one_axis`, not a tuple of them."""
    x = draw(arrays(kinds, shapes(least_side=int(entries)), fill))
    along = st.one_of(st.none(), axis_of(x)) if x.ndim else st.none()
    axis = along if one_axis else axes_of(x)
    return Call((x,), some(draw, axis=axis, keepdims=st.booleans(), **more))


@st.composite
def accumulation(draw: st.DrawFn, kinds: Sequence[str], fill: Fill = tame) -> Call:
    x = draw(arrays(kinds, shapes(least=1), fill))
    named = some(draw, include_initial=st.booleans(), dtype=wider(x.dtype))
    if x.ndim > 1 or draw(st.booleans()):
        named["axis"] = draw(axis_of(x))
    return Call((x,), named)


def wider(dtype: np.dtype[Any]) -> SearchStrategy[Any]:
    """A dtype for the result of a sum or product: None, or one of the same kind or a wider."""
    names = {"f": FLOATING, "c": COMPLEX, "i": SIGNED, "u": UNSIGNED}[dtype.kind]
    return st.sampled_from([None, *map(np.dtype, names)])


GROUPS = (BOOLEAN, SIGNED, UNSIGNED, FLOATING, COMPLEX)
"""Kinds of dtypes within which any number of arrays promote."""


@st.composite
def joined(draw: st.DrawFn, new_axis: bool) -> Call:
    """A list of arrays that agree but along `axis`, or altogether where the axis is new."""
    kinds = draw(st.sampled_from(GROUPS))
    shape = draw(shapes(least=0 if new_axis else 1, most=3))
    axis = draw(st.integers(-len(shape) - new_axis, len(shape) - 1 + new_axis))
    found = []
    for _ in range(draw(st.integers(1, 3))):
        sides = list(shape)
        if not new_axis:
            sides[axis] = draw(st.integers(0, 3))
        found.append(draw(arrays(kinds, tuple(sides))))
    if not new_axis and draw(st.integers(0, 3)) == 0:
        return call(found, axis=None)
    default = axis % (len(shape) + new_axis) == 0 and draw(st.booleans())
    return call(found) if default else call(found, axis=axis)


@st.composite
def on_array(
    draw: st.DrawFn,
    rest: Callable[[st.DrawFn, Array], Call],
    kinds: Sequence[str] = EVERY,
    least: int = 0,
    least_side: int = 0,
    fill: Fill = anything,
) -> Call:
    """An array, and further arguments that depend on it."""
    x = draw(arrays(kinds, shapes(least=least, least_side=least_side), fill))
    more = rest(draw, x)
    return Call((x, *more.args), more.named)
