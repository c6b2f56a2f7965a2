"""Sorting: NumPy's order, stable both ways, with NaN last; gradients that permute; top_k."""

from __future__ import annotations

from typing import Any

import array_api_strict as strict
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import symdiff as sd
from symdiff.autodiff.batch import batch_nodes

RNG = np.random.default_rng(0)
inf, nan = np.inf, np.nan

ARRAYS = [
    np.array([3.0, 1.0, 2.0, 1.0]),
    np.array([nan, 2.0, -inf, inf, nan, 0.0, -0.0]),
    RNG.normal(size=(3, 5)),
    RNG.integers(-3, 3, (4, 3, 2)),
    np.array([[127, -128, 0], [5, 5, -5]], np.int8),
    np.array([0, 255, 3, 3], np.uint8),
    np.array([2**64 - 1, 0, 2**63], np.uint64),
    np.array([True, False, True, False]),
    np.array([1 + 2j, 1 - 1j, 0j, complex(nan, 0), complex(1, nan)]),
    np.array([3, 1, 2], np.float16),
    np.empty((0, 3)),
    np.empty((3, 0)),
    np.array([7.0]),
]


def descending_places(x: np.ndarray, axis: int) -> np.ndarray:
    """Row by row, by Python's own stable sort: NaN last, equal entries in their order."""

    def key(value: Any) -> Any:
        parts = [value.real, value.imag] if np.iscomplexobj(value) else [value]
        return [(bool(p != p), 0 if p != p else -p.item()) for p in parts]

    moved = np.moveaxis(x, axis, -1)
    found = np.empty(moved.shape, np.int64)
    for row in np.ndindex(moved.shape[:-1]):
        line = moved[row]
        places = range(line.size)
        # NumPy's order of complex numbers has those with a NaN last, whichever part it is.
        order = sorted(places, key=lambda k: (bool(np.isnan(line[k])), key(line[k])))
        found[row] = order
    return np.moveaxis(found, -1, axis)


@pytest.mark.parametrize("x", ARRAYS, ids=lambda x: f"{x.dtype}{list(x.shape)}")
def test_ascending_order_is_numpys(x: np.ndarray) -> None:
    a = sd.Graph().input("a", x)
    for axis in range(-x.ndim, x.ndim):
        found = sd.evaluate([sd.sort(a, axis=axis), sd.argsort(a, axis=axis)], {a: x})
        np.testing.assert_array_equal(found[0], np.sort(x, axis, kind="stable"))
        np.testing.assert_array_equal(found[1], np.argsort(x, axis, kind="stable"))
        assert found[1].dtype == np.int64


@pytest.mark.parametrize("x", ARRAYS, ids=lambda x: f"{x.dtype}{list(x.shape)}")
def test_descending_order_is_stable_with_nan_last(x: np.ndarray) -> None:
    a = sd.Graph().input("a", x)
    for axis in range(x.ndim):
        values, places = (f(a, axis=axis, descending=True) for f in (sd.sort, sd.argsort))
        found = sd.evaluate([values, places], {a: x})
        expected = descending_places(x, axis)
        np.testing.assert_array_equal(found[1], expected)
        np.testing.assert_array_equal(found[0], np.take_along_axis(x, expected, axis))


def test_signed_zeros_keep_their_order() -> None:
    x = np.array([0.0, -0.0, 1.0, -0.0, 0.0, -1.0] * 20)
    a = sd.Graph().input("a", x)
    for descending in (False, True):
        values, places = sd.evaluate(
            [f(a, descending=descending) for f in (sd.sort, sd.argsort)], {a: x}
        )
        np.testing.assert_array_equal(np.signbit(values), np.signbit(x[places]))


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(
        st.sampled_from(["int64", "int8", "uint8", "float64", "float32"]),
        hnp.array_shapes(max_dims=3, max_side=6),
        elements={"min_value": 0, "max_value": 5},
    ),
    st.integers(-1, 0),
    st.booleans(),
)
def test_order_is_the_array_api_standards(x: np.ndarray, axis: int, descending: bool) -> None:
    a = sd.Graph().input("a", x)
    other = strict.asarray(x)
    for ours, standard in ((sd.sort, strict.sort), (sd.argsort, strict.argsort)):
        found = sd.evaluate(ours(a, axis=axis, descending=descending), {a: x})
        expected = np.asarray(standard(other, axis=axis, descending=descending))
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == expected.dtype


def test_numpys_functions_build_nodes() -> None:
    x = RNG.integers(0, 5, (3, 4)).astype(float)
    a = sd.Graph().input("a", x)
    for node, expected in (
        (np.sort(a), np.sort(x)),
        (np.sort(a, axis=None, kind="heapsort"), np.sort(x, axis=None)),
        (np.sort(a, 0, stable=True), np.sort(x, 0)),
        (np.argsort(a, 0, "stable"), np.argsort(x, 0, "stable")),
        (np.argsort(a, None), np.argsort(x, None, "stable")),
        (a.argsort(axis=0), np.argsort(x, 0, "stable")),
        (np.lexsort((a[0], a[1])), np.lexsort((x[0], x[1]))),
        (np.lexsort((a, a[::-1] > 2), axis=0), np.lexsort((x, x[::-1] > 2), axis=0)),
        (np.sort_complex(a), np.sort_complex(x)),
    ):
        found = sd.evaluate(node, {a: x})
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == expected.dtype


@pytest.mark.parametrize("kth", [0, 2, -1, [1, 3]])
def test_a_partition_has_its_entry_in_place(kth: Any) -> None:
    x = RNG.normal(size=(2, 5))
    a = sd.Graph().input("a", x)
    values, places = sd.evaluate([np.partition(a, kth), np.argpartition(a, kth)], {a: x})
    np.testing.assert_array_equal(values, np.take_along_axis(x, places, -1))
    for k in np.atleast_1d(kth):
        np.testing.assert_array_equal(values[:, k], np.partition(x, k)[:, k])
        assert (values[:, : k % 5] <= values[:, [k]]).all()


# -- gradients -------------------------------------------------------------------------------


@pytest.mark.parametrize("descending", [False, True])
def test_the_gradient_goes_back_to_where_each_entry_came_from(descending: bool) -> None:
    x = np.array([[3.0, 1.0, 1.0, 2.0], [0.0, nan, -1.0, 0.0]])
    a = sd.Graph().input("a", x)
    weights = np.array([1.0, 10.0, 100.0, 1000.0])
    y = sd.sort(a, descending=descending)
    found = sd.evaluate(sd.grad(sd.sum(y * weights), a), {a: x})
    expected = np.empty((2, 4))
    np.put_along_axis(expected, descending_places(x, 1), weights[None], 1)
    if not descending:
        np.put_along_axis(expected, np.argsort(x, 1, "stable"), weights[None], 1)
    np.testing.assert_array_equal(found, expected)


def test_derivatives_of_every_order_through_a_sort() -> None:
    x = RNG.permutation(12).reshape(3, 4) / 4
    weights = np.arange(1.0, 5.0)
    for axis, descending in ((1, False), (0, True)):
        sd.testing.check_grad(
            lambda x, axis=axis, descending=descending: sd.sum(
                sd.sort(sd.sin(x), axis=axis, descending=descending) ** 2 * weights
            ),
            x,
            order=3,
        )


def test_a_masked_order_statistic_keeps_infinite_slopes_out() -> None:
    g = sd.Graph()
    x, m = g.input("x", sd.f64[3]), g.input("m", sd.bool_[3])
    z = sd.sum(sd.where(m, sd.sort(sd.sqrt(x)), 0.0))
    found = sd.evaluate(sd.grad(z, x), {x: [4.0, 0.0, 1.0], m: [False, True, True]})
    np.testing.assert_array_equal(found, [0.25, 0.0, 0.5])


def test_sorting_is_batched_along_the_same_axis() -> None:
    x = RNG.normal(size=(2, 3, 4))
    g = sd.Graph()
    one, many = g.input("one", x[0]), g.input("many", x)
    outputs = [sd.sort(one, axis=0), sd.argsort(one, axis=-1, descending=True)]
    found = sd.evaluate(batch_nodes(g, outputs, {one: many})[0], {many: x})
    np.testing.assert_array_equal(found[0], np.sort(x, 1))
    np.testing.assert_array_equal(found[1], np.argsort(-x, 2))


# -- top_k -----------------------------------------------------------------------------------


def test_the_largest_and_the_smallest_come_in_order_with_their_places() -> None:
    x = np.array([[1.0, 7.0, 3.0, 7.0, nan], [5.0, -inf, 5.0, 5.0, inf]])
    a = sd.Graph().input("a", x)
    large, small = sd.top_k(a, 3), sd.top_k(a, 2, mode="smallest")
    found = sd.evaluate([large.values, large.indices, small.values, small.indices], {a: x})
    np.testing.assert_array_equal(found[0], [[7.0, 7.0, 3.0], [inf, 5.0, 5.0]])
    np.testing.assert_array_equal(found[1], [[1, 3, 2], [4, 0, 2]])
    np.testing.assert_array_equal(found[2], [[1.0, 3.0], [-inf, 5.0]])
    np.testing.assert_array_equal(found[3], [[0, 2], [1, 0]])
    assert large.indices.dtype == np.int64


@pytest.mark.parametrize("k", [0, 1, 3, 4])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_top_k_along_any_axis_is_the_head_of_the_sorted_array(k: int, axis: int) -> None:
    x = RNG.normal(size=(4, 4))
    a = sd.Graph().input("a", x)
    values, indices = sd.top_k(a, k, axis=axis)
    found = sd.evaluate([values, indices], {a: x})
    expected = np.take(np.argsort(-x, axis, "stable"), range(k), axis)
    np.testing.assert_array_equal(found[1], expected)
    np.testing.assert_array_equal(found[0], np.take_along_axis(x, expected, axis))


def test_the_gradient_of_top_k_goes_to_the_entries_chosen() -> None:
    a = sd.Graph().input("a", sd.f64[4])
    values, _ = sd.top_k(a, 2)
    found = sd.evaluate(sd.grad(sd.sum(values * [1.0, 10.0]), a), {a: [5.0, 1.0, 9.0, 5.0]})
    np.testing.assert_array_equal(found, [10.0, 0.0, 1.0, 0.0])
    sd.testing.check_grad(lambda x: sd.sum(sd.top_k(x, 2)[0] ** 3), np.array([0.5, 2.0, 1.0]))


def test_k_may_be_a_size_and_is_held_against_named_ones_at_the_call() -> None:
    g = sd.Graph()
    x, y = g.input("x", sd.f64["n"]), g.input("y", sd.f64["k"])
    values, _ = sd.top_k(x, y.shape[0])
    assert values.type == sd.f64["k"]
    f = sd.compile([x, y], sd.sum(values * y))
    assert f([1.0, 5.0, 3.0], [1.0, 10.0]) == 35.0
    with pytest.raises(sd.ShapeError, match="n >= k"):
        f([1.0], [1.0, 10.0])
    two = sd.compile([x], sd.top_k(x, 2)[1])
    with pytest.raises(sd.ShapeError, match="n >= 2"):
        two([1.0])


# -- errors ----------------------------------------------------------------------------------


def test_misuse_is_refused_with_the_way_out() -> None:
    g = sd.Graph()
    x, s = g.input("x", sd.f64[3]), g.input("s", sd.f64)
    with pytest.raises(sd.ShapeError, match="sort: axis -1 is out of bounds"):
        sd.sort(s)
    with pytest.raises(sd.ShapeError, match="argsort: axis 1 is out of bounds"):
        sd.argsort(x, axis=1)
    with pytest.raises(sd.ArgumentError, match="descending must be a bool, not 'down'"):
        sd.sort(x, descending="down")
    with pytest.raises(sd.ShapeError, match=r"4 entries cannot be taken from axis 0 of size 3\n"):
        sd.top_k(x, 4)
    with pytest.raises(sd.ShapeError, match="-1 entries cannot be taken"):
        sd.top_k(x, -1)
    with pytest.raises(sd.ArgumentError, match="mode must be 'largest' or 'smallest'"):
        sd.top_k(x, 1, mode="best")
    with pytest.raises(sd.ArgumentError, match="kind must be one of"):
        np.sort(x, kind="bubble")
    with pytest.raises(sd.ArgumentError, match="order='f' is for fields"):
        np.argsort(x, order="f")
    with pytest.raises(sd.ShapeError, match="kth 3 is out of bounds for axis -1 of size 3"):
        np.partition(x, 3)
    with pytest.raises(sd.ShapeError, match="the keys must have one shape"):
        np.lexsort((x, s))


@pytest.mark.parametrize(
    "function",
    [np.unique, np.unique_all, np.unique_counts, np.unique_inverse, np.unique_values],
    ids=lambda f: f.__name__,
)
def test_what_has_as_many_entries_as_differ_says_why_it_cannot_be(function: Any) -> None:
    x = sd.Graph().input("x", sd.f64[3])
    with pytest.raises(sd.ArgumentError, match="how many entries differ depends on the data"):
        function(x)
