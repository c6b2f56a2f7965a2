"""Branches not taken: a gradient under a mask stays under it, so nothing there can make NaN."""

from __future__ import annotations

import numpy as np
import pytest

import symdiff as sd


def variable(type_: sd.TensorType) -> sd.Node:
    """An input of a graph of its own."""
    return sd.Graph().input("x", type_)


UNDER_A_MASK = {
    "root": lambda x: sd.sqrt(x),
    "entropy": lambda x: x * sd.log(x),
    "reciprocal used twice": lambda x: 1.0 / x + (1.0 / x) ** 2,
    "root of a logarithm": lambda x: sd.sqrt(sd.log(x + 1.0) / x),
    "reshaped": lambda x: sd.sqrt(x.reshape(3, 1)).reshape(3),
    "reversed and back": lambda x: sd.sqrt(x[::-1])[::-1],
    "nested choices": lambda x: np.where(x < 5.0, sd.sqrt(x), sd.log(x)) / x,
}


@pytest.mark.parametrize("name", UNDER_A_MASK)
def test_a_branch_not_taken_has_the_derivative_zero_at_every_order(name: str) -> None:
    """Whatever its own derivatives are there: infinite, or not a number."""
    function = UNDER_A_MASK[name]
    x = variable(sd.f64[3])
    derivatives = [sd.grad(sd.sum(np.where(x > 0.0, function(x), 0.0)), x)]
    inside = [sd.grad(sd.sum(function(x)), x)]
    for chain in (derivatives, inside):
        for _ in range(2):
            chain.append(sd.grad(sd.sum(chain[-1]), x))
    found = sd.evaluate(derivatives, {x: [-1.0, 0.0, 4.0]})
    expected = sd.evaluate(inside, {x: [4.0, 4.0, 4.0]})
    for actual, value in zip(found, expected, strict=True):
        np.testing.assert_allclose(actual, [0.0, 0.0, value[2]], rtol=1e-12)


WHOLE = {
    "matrix times vector": lambda x: sd.sum(np.ones((3, 2)) @ sd.sqrt(x)),
    "inner product": lambda x: np.dot(sd.sqrt(x), np.ones(2)),
    "einsum": lambda x: np.einsum("ij,j->", np.ones((3, 2)), sd.sqrt(x)),
    "product": lambda x: np.prod(sd.sqrt(x)),
    "largest": lambda x: np.max(sd.sqrt(x)),
    "sums so far": lambda x: np.cumsum(sd.sqrt(x))[1],
    "sorted": lambda x: np.sort(sd.sqrt(x))[1],
    "logsumexp": lambda x: sd.logsumexp(sd.sqrt(x)),
    "a choice inside": lambda x: np.ones(2) @ np.where(x > 1.0, sd.sqrt(x), sd.log(x)),
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_condition_for_all_entries_cuts_what_is_behind_any_op(name: str) -> None:
    x = variable(sd.f64[2])
    z = np.where(sd.sum(x) > 0, WHOLE[name](x), 0.0)
    derivatives = [sd.grad(z, x), sd.hvp(z, x, 1.0), sd.jvp(z, x, 1.0)]
    for found in sd.evaluate(derivatives, {x: np.zeros(2)}):
        np.testing.assert_array_equal(found, np.zeros_like(found))
    sd.testing.check_grad(z, {"x": [4.0, 9.0]})


@pytest.mark.parametrize("side", ["left", "right"])
def test_rows_not_taken_are_cut_behind_a_product_with_a_vector(side: str) -> None:
    x = variable(sd.f64["n", 2])
    root = sd.sqrt(x)
    product = root @ np.ones(2) if side == "left" else np.ones(2) @ root.T
    z = sd.sum(np.where(sd.sum(x, axis=1) > 0, product, 0.0))
    found = sd.evaluate(sd.grad(z, x), {x: [[0.0, 0.0], [4.0, 1.0]]})
    np.testing.assert_allclose(found, [[0.0, 0.0], [0.25, 0.5]])


def test_the_direction_of_a_row_may_be_given_the_gradient_zero_where_the_row_is_zero() -> None:
    x = variable(sd.f64["n", 3])
    length = sd.sqrt(np.sum(x * x, axis=1, keepdims=True))
    z = sd.sum(np.where(length > 0, x / length, 0.0) * np.array([1.0, 2.0, 3.0]))
    found = sd.evaluate(sd.grad(z, x), {x: [[0.0, 0.0, 0.0], [0.0, 3.0, 4.0]]})
    np.testing.assert_array_equal(found[0], np.zeros(3))
    np.testing.assert_allclose(found[1], [1 / 5, 2 / 5 - 3 * 18 / 125, 3 / 5 - 4 * 18 / 125])


BROADCAST_MASKS = {
    "of a row": ((2, 1), sd.f64[2, 3], lambda x: sd.sqrt(x)),
    "of a row, axes permuted": ((2, 1), sd.f64[2, 3], lambda x: sd.sqrt(x.T).T),
    "of one value for many": ((4,), sd.f64[()], lambda x: sd.sqrt(x)),
    "of one row for many": ((4, 3), sd.f64[1, 3], lambda x: sd.sqrt(x)),
    "of another precision": ((3,), sd.f32[3], lambda x: sd.sqrt(x) * np.ones(3)),
}


@pytest.mark.parametrize("name", BROADCAST_MASKS)
def test_a_mask_that_broadcasts_or_is_broadcast_over_cuts_the_branch_too(name: str) -> None:
    mask, type_, function = BROADCAST_MASKS[name]
    x = variable(type_)
    m = x.graph.input("m", sd.bool_[mask])
    dx = sd.grad(sd.sum(np.where(m, function(x), 0.0)), x)
    zeros = np.zeros(type_.shape, type_.dtype)
    found = sd.evaluate(dx, {x: zeros, m: np.zeros(mask, bool)})
    np.testing.assert_array_equal(found, zeros)
