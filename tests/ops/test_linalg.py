"""`matmul` under all of NumPy's rules: vectors, leading axes, empty operands, errors."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest

import symdiff as sd

SHAPES = (
    (), (3,), (1,), (0,), (2, 3), (3, 2), (3, 3), (1, 3), (3, 1), (0, 3), (3, 0),
    (2, 1, 3), (4, 3, 2), (2, 3, 3), (5, 1, 2, 3), (4, 3, 1), (0, 3, 2),
)  # fmt: skip


def integers(shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Whole numbers as floats: their products are exact in any order of summation."""
    return np.random.default_rng(seed).integers(-5, 6, shape).astype(float)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_products_are_numpys_and_so_are_the_shapes_that_have_none(shape: tuple[int, ...]) -> None:
    for other in SHAPES:
        a, b = integers(shape, 1), integers(other, 2)
        g = sd.Graph()
        A, B = g.input("A", a), g.input("B", b)
        try:
            expected = np.matmul(a, b)
        except ValueError:
            with pytest.raises(sd.ShapeError, match="matmul: "):
                A @ B
            continue
        y = A @ B
        assert (y.dtype, y.shape) == (expected.dtype, expected.shape)
        np.testing.assert_array_equal(sd.evaluate(y, {A: a, B: b}), expected)


def outcomes() -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    pairs = []
    for pair in product(SHAPES, repeat=2):
        try:
            np.matmul(*map(np.ones, pair))
        except ValueError:
            continue
        pairs.append(pair)
    return pairs


@pytest.mark.parametrize("shapes", outcomes(), ids=str)
def test_gradients_of_a_product_are_those_of_the_sum_over_entries(
    shapes: tuple[tuple[int, ...], tuple[int, ...]],
) -> None:
    """Each against an einsum of the gradient with the other operand, in exact whole numbers."""
    a, b = integers(shapes[0], 1), integers(shapes[1], 2)
    g = sd.Graph()
    A, B = g.input("A", a), g.input("B", b)
    y = A @ B
    c = integers(y.shape, 3)
    G = g.input("G", c)
    found = sd.evaluate(sd.vjp(y, [A, B], G), {A: a, B: b, G: c})
    wanted = product_gradients(a, b, c)
    for value, want in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(value, want)


def product_gradients(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, ...]:
    """From vectors made matrices, and leading axes made equal and summed again."""
    rows = a[None] if a.ndim == 1 else a
    columns = b[:, None] if b.ndim == 1 else b
    lead = np.broadcast_shapes(rows.shape[:-2], columns.shape[:-2])
    c = c.reshape(*lead, rows.shape[-2], columns.shape[-1])
    full_a = np.broadcast_to(rows, (*lead, *rows.shape[-2:]))
    full_b = np.broadcast_to(columns, (*lead, *columns.shape[-2:]))
    by_a = np.einsum("...ik,...jk->...ij", c, full_b)
    by_b = np.einsum("...ij,...ik->...jk", full_a, c)
    return unbroadcast(by_a, rows.shape).reshape(a.shape), unbroadcast(
        by_b, columns.shape
    ).reshape(b.shape)


def unbroadcast(x: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    x = x.sum(axis=tuple(range(x.ndim - len(shape))))
    stretched = tuple(k for k, n in enumerate(shape) if n == 1 and x.shape[k] != 1)
    return x.sum(axis=stretched, keepdims=True)


def test_sizes_that_do_not_fit_are_named() -> None:
    g = sd.Graph()
    A, B = g.input("A", sd.f64[2, 3]), g.input("B", sd.f64[2, 1])
    with pytest.raises(sd.ShapeError) as caught:
        A @ B
    lines = str(caught.value).splitlines()
    assert lines[0] == "matmul: columns of x1 (3) must equal rows of x2 (2)"
    assert lines[1].startswith("  x1 = A : f64[2,3]")
    assert lines[2].startswith("  x2 = B : f64[2,1]")
    assert "test_linalg.py" in lines[1]


def test_named_sizes_that_may_differ_do_not_multiply() -> None:
    g = sd.Graph()
    A, B = g.input("A", sd.f64["n", "m"]), g.input("B", sd.f64["k", 2])
    with pytest.raises(sd.ShapeError, match=r"columns of x1 \(m\) are not known to equal rows"):
        A @ B
    assert (A @ sd.refine(B, sd.f64["m", 2])).type == sd.f64["n", 2]


def test_leading_axes_that_do_not_broadcast_are_named() -> None:
    g = sd.Graph()
    A, B = g.input("A", sd.f64[2, 3, 4]), g.input("B", sd.f64[5, 4, 3])
    with pytest.raises(sd.ShapeError, match=r"leading axes \(2,\) and \(5,\) do not broadcast"):
        A @ B


def test_a_scalar_is_told_to_use_multiplication() -> None:
    g = sd.Graph()
    A, s = g.input("A", sd.f64[2, 2]), g.input("s", sd.f64)
    with pytest.raises(sd.ShapeError, match="x2 is a scalar; use \\* to scale"):
        A @ s


@pytest.mark.parametrize("first", ["f4", "f8", "i4", "?", "c8"])
@pytest.mark.parametrize("second", ["f4", "f8", "i8", "u1", "?"])
def test_dtypes_are_numpys(first: str, second: str) -> None:
    a, b = np.ones((2, 3), first), np.ones(3, second)
    g = sd.Graph()
    A, B = g.input("A", a), g.input("B", b)
    value = sd.evaluate(A @ B, {A: a, B: b})
    assert (A @ B).dtype == value.dtype == (a @ b).dtype
    np.testing.assert_array_equal(value, a @ b)


def test_arrays_and_lists_multiply_from_either_side() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64[2])
    m = np.array([[1.0, 2.0], [3.0, 4.0]])
    found = sd.evaluate([m @ x, x @ m, np.matmul(m, x), np.dot(m, x), x.dot(m)], {x: [1.0, 1.0]})
    for value, wanted in zip(found, ([3, 7], [4, 6], [3, 7], [3, 7], [4, 6]), strict=True):
        np.testing.assert_array_equal(value, wanted)


@pytest.mark.parametrize("a", [(4,), (3, 4), (2, 3, 4)], ids=str)
@pytest.mark.parametrize("b", [(4,), (4, 3), (2, 4, 5)], ids=str)
def test_dot_pairs_no_leading_axes(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    g = sd.Graph()
    A, B = (np.arange(math.prod(shape), dtype=float).reshape(shape) for shape in (a, b))
    x, y = g.input("x", A), g.input("y", B)
    for found in sd.evaluate([np.dot(x, y), x.dot(B), np.dot(A, y)], {x: A, y: B}):
        np.testing.assert_array_equal(found, np.dot(A, B))


def test_multi_dot_is_numpys() -> None:
    g = sd.Graph()
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=shape) for shape in ((3,), (3, 4), (4, 2), (2,))]
    nodes = [g.input(f"x{k}", a) for k, a in enumerate(arrays)]
    found = sd.evaluate(np.linalg.multi_dot(nodes), dict(zip(nodes, arrays, strict=True)))
    np.testing.assert_allclose(found, np.linalg.multi_dot(arrays))
