"""What the gradient of a product is made of: exclusive products and linear recurrences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symdiff as sd
from symdiff.ops.scans import exclusive_prod, recurrence


def walked(axis: Any, reverse: bool, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
    """Arrays with the axes walked along last and flat, in the order they are walked."""
    axes = tuple(range(arrays[0].ndim)) if axis is None else tuple(np.atleast_1d(axis))
    moved = [np.moveaxis(a, axes, range(-len(axes), 0)) for a in arrays]
    lines = [m.reshape((*m.shape[: m.ndim - len(axes)], -1)) for m in moved]
    return tuple(x[..., ::-1] if reverse else x for x in lines)


CASES = [((5,), None), ((2, 3), None), ((3, 4), 0), ((4, 3), -1), ((2, 3, 2), (0, 2))]


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(("shape", "axis"), CASES)
def test_an_exclusive_product_is_of_the_entries_before(
    shape: tuple[int, ...], axis: Any, reverse: bool
) -> None:
    array = np.random.default_rng(0).integers(-2, 3, shape).astype(float)
    x = sd.Graph().input("x", array)
    value = sd.evaluate(exclusive_prod(x, axis=axis, reverse=reverse), {x: array})
    found, entries = walked(axis, reverse, value, array)
    for k in range(found.shape[-1]):
        np.testing.assert_array_equal(found[..., k], np.prod(entries[..., :k], axis=-1))


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(("shape", "axis"), [*CASES, ((20, 3), 1), ((3, 20), 0)])
def test_a_recurrence_multiplies_what_it_carries_and_adds(
    shape: tuple[int, ...], axis: Any, reverse: bool
) -> None:
    rng = np.random.default_rng(0)
    first, second = (rng.integers(-2, 3, shape).astype(float) for _ in range(2))
    g = sd.Graph()
    a, b = g.input("a", first), g.input("b", second)
    value = sd.evaluate(recurrence(a, b, axis=axis, reverse=reverse), {a: first, b: second})
    found, factors, terms = walked(axis, reverse, value, first, second)
    carried = np.zeros(found.shape[:-1])
    for k in range(found.shape[-1]):
        np.testing.assert_array_equal(found[..., k], carried)
        carried = factors[..., k] * carried + terms[..., k]


def test_mixed_precision_gives_each_gradient_its_operands_dtype() -> None:
    g = sd.Graph()
    a, b = g.input("a", sd.f32[4]), g.input("b", sd.f64[4])
    y = recurrence(a, b)
    da, db = sd.grad(sd.sum(y * y), [a, b])
    assert (y.type, da.type, db.type) == (sd.f64[4], sd.f32[4], sd.f64[4])


def test_what_was_multiplied_by_zero_does_not_come_back_as_nan() -> None:
    """A walk in blocks would multiply overflowed factors by zero."""
    array = np.array([0.0] + [1e200] * 4)
    g = sd.Graph()
    a, b = g.input("a", array), g.input("b", np.zeros(5))
    value = sd.evaluate(recurrence(a, b), {a: array, b: np.zeros(5)})
    np.testing.assert_array_equal(value, np.zeros(5))


def test_factors_and_terms_of_different_shapes_are_refused() -> None:
    g = sd.Graph()
    a, b = g.input("a", sd.f64[4]), g.input("b", sd.f64[1])
    with pytest.raises(sd.ShapeError, match=r"must have one shape\n  a = a.*\n  b = b"):
        recurrence(a, b)
