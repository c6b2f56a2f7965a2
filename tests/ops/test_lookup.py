"""Searching, binning, counting and membership: NumPy's answers, also batched, and their errors."""

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

# -- searchsorted ----------------------------------------------------------------------------

SORTED = [
    np.array([1.0, 2.0, 2.0, 3.0]),
    np.array([-inf, 0.0, 0.0, inf, nan, nan]),
    np.array([1, 2, 2, 5], np.int8),
    np.array([0, 2**64 - 1], np.uint64),
    np.array([False, True]),
    np.array([1 - 1j, 1 + 1j, 2 + 0j]),
    np.empty(0),
    np.array([0.5], np.float32),
]
KEYS = [np.array([[2.0, -1.0], [9.0, nan]]), np.array(2), np.array([0, 1, 2], np.int16)]


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("keys", KEYS, ids=lambda x: f"{x.dtype}{list(x.shape)}")
@pytest.mark.parametrize("x", SORTED, ids=lambda x: f"{x.dtype}{list(x.shape)}")
def test_places_are_numpys(x: np.ndarray, keys: np.ndarray, side: str) -> None:
    g = sd.Graph()
    a, k = g.input("a", x), g.input("k", keys)
    expected = np.searchsorted(x, keys, side)
    for node in (
        sd.searchsorted(a, k, side=side),
        sd.searchsorted(a, keys, side=side),
        sd.searchsorted(x, k, side=side),
        np.searchsorted(a, k, side),
        a.searchsorted(k, side),
    ):
        found = sd.evaluate(node, {a: x, k: keys})
        assert (found.dtype, found.shape) == (np.int64, keys.shape)
        np.testing.assert_array_equal(found, expected)


@settings(max_examples=50, deadline=None)
@given(
    hnp.arrays("float64", st.integers(0, 6), elements=st.integers(-2, 2)),
    hnp.arrays("float64", hnp.array_shapes(min_dims=0, max_dims=2), elements=st.integers(-3, 3)),
    st.sampled_from(["left", "right"]),
)
def test_places_are_the_array_api_standards(x: Any, keys: Any, side: Any) -> None:
    x = np.sort(x)
    a = sd.Graph().input("a", x)
    found = sd.evaluate(sd.searchsorted(a, keys, side=side), {a: x})
    expected = strict.searchsorted(strict.asarray(x), strict.asarray(keys), side=side)
    np.testing.assert_array_equal(found, np.asarray(expected))


def test_a_sorter_stands_for_the_order() -> None:
    x, keys = RNG.normal(size=7), RNG.normal(size=(2, 3))
    a = sd.Graph().input("a", x)
    expected = np.searchsorted(np.sort(x), keys)
    for sorter in (sd.argsort(a), np.argsort(x)):
        node = sd.searchsorted(a, keys, sorter=sorter)
        np.testing.assert_array_equal(sd.evaluate(node, {a: x}), expected)


def test_a_number_is_searched_for_in_the_dtype_of_the_array() -> None:
    a = sd.Graph().input("a", sd.f32[3])
    node = sd.searchsorted(a, 0.1)
    assert node.inputs[1].dtype == np.float32
    assert sd.evaluate(node, {a: np.array([0.0, 0.1, 0.2], np.float32)}) == 1


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize(("length", "shape"), [(5, (4,)), (8, ()), (1, (2, 3)), (0, (2,))])
def test_every_row_of_a_batch_is_searched_as_numpy_does(
    length: int, shape: Any, side: str
) -> None:
    rows = np.sort(RNG.integers(0, 4, (3, length)).astype(float), axis=1)
    if length:
        rows[1, -1] = nan
    keys = RNG.integers(-1, 5, (3, *shape)).astype(float)
    keys[0] = nan
    g = sd.Graph()
    x, k = g.input("x", rows[0]), g.input("k", keys[0])
    many_x, many_k = g.input("rows", rows), g.input("keys", keys)
    y = sd.searchsorted(x, k, side=side)
    point = {x: rows[0], k: keys[0], many_x: rows, many_k: keys}
    for batched in ({x: many_x}, {k: many_k}, {x: many_x, k: many_k}):
        found = sd.evaluate(batch_nodes(g, [y], batched)[0], point)[0]
        for r in range(3):
            row = rows[r] if x in batched else rows[0]
            key = keys[r] if k in batched else keys[0]
            np.testing.assert_array_equal(found[r], np.searchsorted(row, key, side))


def test_a_batch_of_batches_is_searched_row_by_row() -> None:
    rows = np.sort(RNG.normal(size=(2, 3, 5)), axis=-1)
    keys = RNG.normal(size=(3, 4))
    g = sd.Graph()
    x, k = g.input("x", sd.f64[5]), g.input("k", sd.f64[4])
    x3, k3 = g.input("x3", sd.f64[3, 5]), g.input("k3", sd.f64[3, 4])
    x2 = g.input("x2", sd.f64[2, 3, 5])
    ((once,), _) = batch_nodes(g, [sd.searchsorted(x, k)], {x: x3, k: k3})
    ((twice,), _) = batch_nodes(g, [once], {x3: x2})
    found = sd.evaluate(twice, {x2: rows, k3: keys})
    for i, j in np.ndindex(2, 3):
        np.testing.assert_array_equal(found[i, j], np.searchsorted(rows[i, j], keys[j]))


# -- membership and bins ---------------------------------------------------------------------


@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize(
    ("x", "members"),
    [
        (np.array([[1.0, nan], [3.0, -0.0]]), np.array([nan, 0.0, 3.0])),
        (np.array([1, 2, 3], np.uint8), np.array([[2, 300], [3, -1]])),
        (np.array([1, 2]), np.array([], int)),
        (np.array([True, False]), np.array([True])),
        (np.array(5), np.array([5, 6])),
        (np.array([1 + 1j, 2j]), np.array([2j, 1.0])),
    ],
)
def test_membership_is_numpys(x: np.ndarray, members: np.ndarray, invert: bool) -> None:
    g = sd.Graph()
    a, m = g.input("a", x), g.input("m", members)
    expected = np.isin(x, members, invert=invert)
    for node in (
        sd.isin(a, m, invert=invert),
        sd.isin(a, members, invert=invert),
        sd.isin(x, m, invert=invert),
        np.isin(a, m, invert=invert),
    ):
        np.testing.assert_array_equal(sd.evaluate(node, {a: x, m: members}), expected)


@pytest.mark.parametrize("right", [False, True])
@pytest.mark.parametrize("bins", [[0.0, 1.0, 2.0], [2.0, 1.0, 1.0, 0.0], [0.0], []])
def test_bins_are_numpys(bins: Any, right: bool) -> None:
    x = np.array([-1.0, 0.0, 0.5, 1.0, 2.0, 3.0, nan])
    a = sd.Graph().input("a", x)
    expected = np.digitize(x, np.array(bins), right)
    for f in (sd.digitize, np.digitize):
        np.testing.assert_array_equal(sd.evaluate(f(a, np.array(bins), right), {a: x}), expected)
    b = a.graph.input("b", np.sort(bins))
    found = sd.evaluate(sd.digitize(a, b, right=right), {a: x, b: np.sort(bins)})
    np.testing.assert_array_equal(found, np.digitize(x, np.sort(bins), right))


def test_counts_and_sums_of_weights_are_numpys() -> None:
    x, weights = np.array([0, 3, 1, 3, 3]), np.array([0.5, 1.0, 2.0, 4.0, -8.0], np.float32)
    g = sd.Graph()
    a, w = g.input("a", sd.i64["n"]), g.input("w", sd.f32["n"])
    found = sd.evaluate([sd.bincount(a, minlength=6), np.bincount(a, w, 6)], {a: x, w: weights})
    for value, expected in zip(
        found, [np.bincount(x, minlength=6), np.bincount(x, weights, 6)], strict=True
    ):
        assert value.dtype == expected.dtype
        np.testing.assert_array_equal(value, expected)
    totals = sd.bincount(a, w, minlength=6)
    slope = sd.evaluate(sd.grad(sd.sum(totals * np.arange(6)), w), {a: x, w: weights})
    np.testing.assert_array_equal(slope, x)


@pytest.mark.parametrize("bad", [4, -1])
def test_an_entry_that_has_no_bin_is_named_when_the_graph_runs(bad: int) -> None:
    a = sd.Graph().input("a", sd.i64["n"])
    f = sd.compile([a], sd.bincount(a, minlength=4))
    with pytest.raises(sd.EvaluationError, match=rf"entry {bad} is not in 0 … 3\n.*test_lookup"):
        f([0, bad])


HISTOGRAMS: list[Any] = [
    {},
    {"bins": 4},
    {"bins": 3, "range": (0.0, 1.0)},
    {"bins": [0.0, 0.25, 2.0]},
    {"bins": 5, "density": True},
    {"bins": 4, "weights": True},
    {"bins": [-1.0, 0.5, 0.75], "weights": True, "density": True},
]


@pytest.mark.parametrize("named", HISTOGRAMS, ids=str)
@pytest.mark.parametrize(
    "x", [np.array([[0.0, 0.25, 0.5], [1.0, 1.0, -0.3]]), np.array([2.0, 2.0]), np.arange(9)]
)
def test_histograms_are_numpys(x: np.ndarray, named: Any) -> None:
    g = sd.Graph()
    a, w = g.input("a", x), g.input("w", sd.TensorType(np.dtype(float), x.shape))
    weights = np.linspace(1.0, 2.0, x.size).reshape(x.shape)
    given = {"weights": w} if "weights" in named else {}
    numbers = {"weights": weights} if "weights" in named else {}
    with np.errstate(invalid="ignore"):  # no entry in any bin has no density
        expected = np.histogram(x, **(named | numbers))
    for f in (sd.histogram, np.histogram):
        found = sd.evaluate(list(f(a, **(named | given))), {a: x, w: weights})
        for value, numpys in zip(found, expected, strict=True):
            assert value.dtype == numpys.dtype
            np.testing.assert_allclose(value, numpys, rtol=1e-14)


def test_a_histogram_leaves_nan_out_and_has_a_gradient_by_its_weights() -> None:
    g = sd.Graph()
    a, w = g.input("a", sd.f64[4]), g.input("w", sd.f64[4])
    counts, _ = sd.histogram(a, 2, (0.0, 2.0), weights=w)
    point = {a: [0.5, nan, 2.0, 9.0], w: [1.0, 2.0, 4.0, 8.0]}
    found = sd.evaluate([counts, sd.grad(sd.sum(counts * [1.0, 10.0]), w)], point)
    np.testing.assert_array_equal(found[0], [1.0, 4.0])
    np.testing.assert_array_equal(found[1], [1.0, 0.0, 10.0, 0.0])


# -- errors ----------------------------------------------------------------------------------


def test_misuse_is_refused_with_the_operands() -> None:
    g = sd.Graph()
    x, m, i = g.input("x", sd.f64[3]), g.input("m", sd.f64[2, 3]), g.input("i", sd.i64[3])
    with pytest.raises(sd.ShapeError, match=r"x1 must have one axis, not 2\n.*x1 = m"):
        sd.searchsorted(m, x)
    with pytest.raises(sd.ArgumentError, match="side must be 'left' or 'right', not 'middle'"):
        sd.searchsorted(x, x, side="middle")
    with pytest.raises(sd.ArgumentError, match="ascending or in descending order"):
        sd.digitize(x, [0.0, 2.0, 1.0])
    with pytest.raises(sd.ArgumentError, match="depend on the data; give minlength"):
        np.bincount(i)
    with pytest.raises(sd.DTypeError, match="x must be integers"):
        sd.bincount(x, minlength=3)
    with pytest.raises(sd.ShapeError, match="x and weights must have one shape"):
        sd.bincount(i, m, minlength=3)
    with pytest.raises(sd.ShapeError, match="x must have one axis"):
        sd.bincount(m.astype(int), minlength=3)
    with pytest.raises(sd.ArgumentError, match="how many bins 'auto' makes depends on the data"):
        np.histogram(x, "auto")
    with pytest.raises(sd.ArgumentError, match="the edges of bins must be in ascending order"):
        sd.histogram(x, [1.0, 0.0])
    with pytest.raises(sd.ArgumentError, match="there must be a bin, not 0"):
        sd.histogram(x, 0)
    with pytest.raises(sd.ShapeError, match="a and weights must have one shape"):
        sd.histogram(x, 2, weights=m)
    with pytest.raises(sd.ArgumentError, match="isin: none of the operands is a node"):
        sd.isin([1], [2])
