"""Indexing against NumPy on generated keys: basic, by arrays of integers, by masks, mixed."""

from __future__ import annotations

from typing import Any

import array_api_strict as xp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import symdiff as sd
from tests.array_api.strategies import EVERY, arrays, shapes

FEW, MANY = 60, 1000


@st.composite
def basic(draw: st.DrawFn) -> tuple[np.ndarray, Any]:
    x = draw(arrays(EVERY, shapes()))
    return x, draw(hnp.basic_indices(x.shape, allow_newaxis=True))


@st.composite
def advanced(draw: st.DrawFn) -> tuple[np.ndarray, Any]:
    """For each axis an array of integers, a slice, an int, or a mask over one or two axes."""
    x = draw(arrays(EVERY, shapes(least=1, least_side=1)))
    common = draw(shapes(most=2))
    key: list[Any] = []
    axis = 0
    while axis < x.ndim and draw(st.integers(0, 5)):
        side = x.shape[axis]
        match draw(st.sampled_from(("array", "array", "slice", "int", "mask", "newaxis"))):
            case "array":
                shape = draw(st.sampled_from((common, common[1:], (1,), ())))
                key.append(
                    draw(hnp.arrays(np.int64, shape, elements=st.integers(-side, side - 1)))
                )
            case "slice":
                key.append(draw(st.slices(side)))
            case "int":
                key.append(draw(st.integers(-side, side - 1)))
            case "mask" if not any(isinstance(k, np.ndarray) for k in key):
                axes = draw(st.integers(1, min(2, x.ndim - axis)))
                key.append(draw(hnp.arrays(bool, x.shape[axis : axis + axes])))
                axis += axes - 1
                common = (int(key[-1].sum()),)
            case _:
                key.append(None)
                axis -= 1
        axis += 1
    if draw(st.booleans()) and not any(k is Ellipsis for k in key):
        key.insert(draw(st.integers(0, len(key))) if axis == x.ndim else len(key), Ellipsis)
    return x, tuple(key)


def check(x: np.ndarray, key: Any) -> None:
    try:
        expected = x[key]
    except IndexError:  # arrays that do not broadcast together
        return
    node = sd.Graph().input("x", x)
    found = sd.evaluate(node[key], {node: x})
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected, err_msg=f"{x.shape}[{key}]")


@settings(max_examples=FEW)
@given(basic())
def test_basic_keys(drawn: tuple[np.ndarray, Any]) -> None:
    check(*drawn)


@settings(max_examples=FEW)
@given(advanced())
def test_keys_with_arrays_and_masks(drawn: tuple[np.ndarray, Any]) -> None:
    check(*drawn)


@pytest.mark.slow
@settings(max_examples=MANY)
@given(st.one_of(basic(), advanced()))
def test_many_keys(drawn: tuple[np.ndarray, Any]) -> None:
    check(*drawn)


@settings(max_examples=FEW)
@given(advanced())
def test_arrays_of_indices_may_be_nodes(drawn: tuple[np.ndarray, Any]) -> None:
    x, key = drawn
    g = sd.Graph()
    node, values = g.input("x", x), {}
    parts = []
    for k, part in enumerate(key):
        if isinstance(part, np.ndarray) and part.dtype.kind == "i":
            parts.append(g.input(f"index_{k}", part))
            values[parts[-1]] = part
        else:
            parts.append(part)
    try:
        expected = x[key]
    except IndexError:
        return
    found = sd.evaluate(node[tuple(parts)], {node: x, **values})
    np.testing.assert_array_equal(found, expected, err_msg=f"{x.shape}[{key}]")


@settings(max_examples=FEW)
@given(basic())
def test_basic_keys_of_the_standard(drawn: tuple[np.ndarray, Any]) -> None:
    """Those that the standard allows: as many entries as axes, slices within them."""
    x, key = drawn
    try:
        expected = np.asarray(xp.asarray(x)[key])
    except (IndexError, TypeError):
        return
    node = sd.Graph().input("x", x)
    np.testing.assert_array_equal(sd.evaluate(node[key], {node: x}), expected)
