"""`x.at[key].set(v)` is what ``x[key] = v`` leaves behind; repeated indices all take part."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import symdiff as sd
from tests.ops.test_gather import numbered, shapes_and_keys, takes

UFUNCS: dict[str, Any] = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.divide,
    "max": np.maximum,
    "min": np.minimum,
}


def changed(method: str, x: np.ndarray, key: Any, value: Any) -> np.ndarray:
    """What NumPy makes of it: every value takes part where indices repeat."""
    result = x.copy()
    if method == "set":
        # Entry by entry, for NumPy leaves the order open where there are several axes.
        flat = np.arange(x.size).reshape(x.shape)[key]
        value = np.broadcast_to(value, flat.shape)
        for place, v in zip(flat.ravel(), value.ravel(), strict=True):
            result.flat[place] = v
    else:
        UFUNCS[method].at(result, key, value)
    return result


KEYS = (
    np.s_[0],
    np.s_[1:, ::2],
    np.s_[::-1, None],
    np.s_[...],
    np.s_[[0, 2]],
    np.s_[[0, -1, 0]],
    np.s_[[2, 2, 2, 2]],
    np.s_[:, [0, 1, 1]],
    np.s_[[0, 0], [1, 1]],
    np.s_[1, [3, 0, 3]],
    np.s_[1:, [3, 0, 3]],
    np.s_[[[0], [1]], [0, 0, 2]],
    np.s_[[0, 1], None, [1, 1]],
    np.s_[np.array([True, False, True])],
    np.s_[numbered((3, 4)) % 3 == 0],
    np.s_[[]],
    np.s_[True],
    np.s_[False],
    np.s_[()],
)


@pytest.mark.parametrize("key", KEYS, ids=str)
@pytest.mark.parametrize("method", ["set", *UFUNCS])
def test_the_result_is_numpys(method: str, key: Any) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, 4))
    value = rng.normal(size=x[key].shape)
    g = sd.Graph()
    a, b = g.input("a", x), g.input("b", value)
    y = getattr(a.at[key], method)(b)
    expected = changed(method, x, key, value)
    np.testing.assert_allclose(sd.evaluate(y, {a: x, b: value}), expected, rtol=1e-14)
    np.testing.assert_allclose(sd.compile([a, b], y)(x, value), expected, rtol=1e-14)


@given(shapes_and_keys(), st.sampled_from(["set", *UFUNCS]), st.booleans())
def test_any_key_is_numpys(case: Any, method: str, at_the_call: bool) -> None:
    shape, key = case
    expected = takes(shape, key)
    if expected is None:
        return
    x, value = numbered(shape), np.linspace(0.5, 1.5, expected.size).reshape(expected.shape)
    g = sd.Graph()
    a, b = g.input("a", x), g.input("b", value)
    point: dict[sd.Node, Any] = {a: x, b: value}
    symbolic = list(key)
    for k, entry in enumerate(key):
        if at_the_call and isinstance(entry, np.ndarray) and entry.dtype.kind == "i":
            symbolic[k] = g.input(f"i{k}", entry)
            point[symbolic[k]] = entry
    y = getattr(a.at[tuple(symbolic)], method)(b)
    found = sd.evaluate(y, point)
    np.testing.assert_allclose(found, changed(method, x, key, value), rtol=1e-12)


@pytest.mark.parametrize("value", [7.0, 7, [1.0, 2.0], [[1.0, 2.0]], [[1.0], [2.0], [3.0]]])
def test_values_broadcast_as_numpy_assigns_them(value: Any) -> None:
    x, value = sd.Graph().input("x", sd.f64[3, 2]), np.array(value)
    start = numbered((3, 2))
    expected = start.copy()
    expected[:] = value
    np.testing.assert_array_equal(sd.evaluate(x.at[:].set(value), {x: start}), expected)
    if np.ndim(value) < 2 or np.shape(value)[0] == 1:
        expected = start.copy()
        expected[[0, 2]] = value
        np.testing.assert_array_equal(sd.evaluate(x.at[[0, 2]].set(value), {x: start}), expected)
        expected = start.copy()
        expected[1] = value
        np.testing.assert_array_equal(sd.evaluate(x.at[1].set(value), {x: start}), expected)


def test_the_last_of_many_stays_whatever_the_layout_of_the_indices() -> None:
    rng = np.random.default_rng(0)
    for shape in ((50,), (20, 30), (4, 5, 6)):
        i = np.asfortranarray(rng.integers(0, 7, shape))
        v = rng.normal(size=(*shape, 3))
        x = np.zeros((7, 3))
        g = sd.Graph()
        a, b, c = g.input("a", x), g.input("b", v), g.input("c", i)
        expected = x.copy()
        for place in np.ndindex(shape):
            expected[i[place]] = v[place]
        found = sd.evaluate(a.at[c].set(b), {a: x, b: v, c: i})
        np.testing.assert_array_equal(found, expected)


def test_get_is_indexing() -> None:
    x = sd.Graph().input("x", sd.f64[3, 4])
    assert x.at[1:, [0, 2]].get() is x[1:, [0, 2]]
    assert x.at[0].get() is x[0]


# -- gradients -------------------------------------------------------------------------------

REPEATING = (np.s_[0], np.s_[1:, 1], np.s_[[0, 2]], np.s_[[0, -1, 0]], np.s_[1:, [1, 0, 1]])


@pytest.mark.parametrize("key", REPEATING, ids=str)
@pytest.mark.parametrize("method", ["set", *UFUNCS])
def test_derivatives_hold_to_second_order(method: str, key: Any) -> None:
    rng = np.random.default_rng(3)
    x = rng.uniform(0.5, 2.0, (3, 3))
    value = rng.uniform(0.5, 2.0, x[key].shape)
    sd.testing.check_grad(lambda x, v: sd.sum(getattr(x.at[key], method)(v) ** 3), x, value)


@pytest.mark.parametrize("method", ["set", *UFUNCS])
def test_derivatives_hold_for_indices_given_at_the_call(method: str) -> None:
    rng = np.random.default_rng(4)
    g = sd.Graph()
    x, v, i = g.input("x", sd.f64["n", 2]), g.input("v", sd.f64["k", 2]), g.input("i", sd.i64["k"])
    z = sd.sum(getattr(x.at[i], method)(v) ** 3)
    point = {x: rng.uniform(0.5, 2, (3, 2)), v: rng.uniform(0.5, 2, (5, 2)), i: [2, 0, -1, 2, 0]}
    sd.testing.check_grad(z, point)


def test_only_the_value_that_stays_has_a_gradient() -> None:
    g = sd.Graph()
    x, v, i = g.input("x", sd.f64[3]), g.input("v", sd.f64[4]), g.input("i", sd.i64[4])
    y = x.at[i].set(v)
    weights = np.array([1.0, 10.0, 100.0])
    point = {x: np.zeros(3), v: np.ones(4), i: np.array([2, 0, -1, 0])}
    dx, dv = sd.evaluate(sd.grad(sd.sum(y * weights), [x, v]), point)
    np.testing.assert_array_equal(dx, [0.0, 10.0, 0.0])
    np.testing.assert_array_equal(dv, [0.0, 0.0, 100.0, 1.0])


def test_what_is_replaced_cannot_make_nan() -> None:
    x = sd.Graph().input("x", sd.f64[3])
    root = sd.sqrt(x)
    for y in (root.at[0].set(1.0), root.at[[0, 0]].set(1.0), root.at[x == 0].set(1.0)):
        dx = sd.grad(sd.sum(y), x)
        found = sd.evaluate([dx, sd.grad(sd.sum(dx), x)], {x: [0.0, 4.0, 16.0]})
        np.testing.assert_allclose(found, [[0.0, 0.25, 0.125], [0.0, -1 / 32, -1 / 256]])


@pytest.mark.parametrize("static", [True, False])
def test_zeros_among_repeated_factors_are_exact_at_second_order(static: bool) -> None:
    """x0 v0 v1 v2 and its derivatives, with two of the factors zero."""
    g = sd.Graph()
    x, v, i = g.input("x", sd.f64[2]), g.input("v", sd.f64[4]), g.input("i", sd.i64[4])
    places = np.array([0, 1, 0, 0])
    z = x.at[places if static else i].multiply(v)[0]
    point = {x: np.array([2.0, 1.0]), v: np.array([0.0, 9.0, 0.0, 5.0]), i: places}
    dx, dv = sd.grad(z, [x, v])
    np.testing.assert_array_equal(sd.evaluate(dv, point), [0.0, 0.0, 0.0, 0.0])
    hessian = np.zeros((4, 4))
    hessian[0, 2] = hessian[2, 0] = 10.0  # x0 v3
    np.testing.assert_array_equal(sd.evaluate(sd.hessian(z, v), point), hessian)
    np.testing.assert_array_equal(sd.evaluate(dx, point), [0.0, 0.0])
    one = {**point, v: np.array([0.0, 9.0, 3.0, 5.0])}
    np.testing.assert_array_equal(sd.evaluate(dv, one), [30.0, 0.0, 0.0, 0.0])


@pytest.mark.parametrize(("method", "other"), [("max", 1.0), ("min", 9.0)])
def test_all_that_attain_the_extreme_share_equally(method: str, other: float) -> None:
    g = sd.Graph()
    x, v, i = g.input("x", sd.f64[2]), g.input("v", sd.f64[4]), g.input("i", sd.i64[4])
    z = sd.sum(getattr(x.at[i], method)(v) * np.array([6.0, 10.0]))
    point = {
        x: np.array([5.0, 5.0]),
        v: np.array([5.0, other, 5.0, other]),
        i: np.array([0, 0, 0, 1]),
    }
    dx, dv = sd.evaluate(sd.grad(z, [x, v]), point)
    np.testing.assert_allclose(dx, [2.0, 10.0])
    np.testing.assert_allclose(dv, [2.0, 0.0, 2.0, 0.0])
    t = sd.jvp(z, [x, v], [np.array([1.0, 0.0]), np.array([0.0, 7.0, 1.0, 7.0])])
    np.testing.assert_allclose(sd.evaluate(t, point), 4.0)
    at_once = {**point, x: np.array([np.nan, 5.0])}
    dx, dv = sd.evaluate(sd.grad(z, [x, v]), at_once)
    np.testing.assert_array_equal(dx, [0.0, 10.0])
    np.testing.assert_array_equal(dv, np.zeros(4))


# -- masks that only a call settles ----------------------------------------------------------


@pytest.mark.parametrize("method", ["set", *UFUNCS])
def test_a_mask_chooses_entry_by_entry(method: str) -> None:
    start = numbered((3, 2))
    x = sd.Graph().input("x", sd.f64[3, 2])
    for mask, static in ((x > 2.0, start > 2.0), (x[:, 0] > 2.0, start[:, 0] > 2.0)):
        for value in (4.0, np.array([3.0, 9.0])):
            if mask.ndim == 2 and np.ndim(value):
                continue  # NumPy has one row of values there
            y = getattr(x.at[mask], method)(value)
            expected = changed(method, start, static, value)
            np.testing.assert_array_equal(sd.evaluate(y, {x: start}), expected)
    whole = getattr(x.at[(x > 2.0,)], method)(sd.sin(x))
    expected = changed(method, start, start > 2.0, np.sin(start)[start > 2.0])
    np.testing.assert_allclose(sd.evaluate(whole, {x: start}), expected)
    sd.testing.check_grad(sd.sum(whole**2), {x: start + 0.1})


def test_a_mask_that_does_not_fit_is_named() -> None:
    g = sd.Graph()
    x, m = g.input("x", sd.f64[3, 2]), g.input("m", sd.bool_[2])
    with pytest.raises(sd.ShapeError, match=r"mask of shape \(2,\) does not fit .* \(3,2\)"):
        x.at[m].set(0.0)
    with pytest.raises(sd.ShapeError, match=r"\(3,\) does not broadcast to \(3,2\)"):
        x.at[x > 0].set(np.zeros(3))
    with pytest.raises(sd.ArgumentError, match="say how many"):
        x.at[x > 0].get()


# -- dtypes, sizes, errors -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dtype", "value", "fits"),
    [
        (sd.f32, 1.5, True),
        (sd.f32, np.float64(1.5), True),
        (sd.f32, 1j, False),
        (sd.i32, 2, True),
        (sd.i32, True, True),
        (sd.i32, np.int64(2), True),
        (sd.i32, 2.0, False),
        (sd.i32, np.float32(2.0), False),
        (sd.i8, 300, False),
        (sd.bool_, True, True),
        (sd.bool_, 1, False),
        (sd.c128, 1.5, True),
    ],
    ids=str,
)
def test_the_dtype_never_changes(dtype: Any, value: Any, fits: bool) -> None:
    x = sd.Graph().input("x", dtype[2])
    for key in (0, [0, 0], x != x):
        if not fits:
            with pytest.raises(sd.DTypeError) as caught:
                x.at[key].set(value)
            assert "x : " in str(caught.value)
            continue
        y = x.at[key].set(value)
        assert y.type == x.type


@pytest.mark.parametrize("dtype", [sd.i64, sd.i8, sd.f32, sd.bool_])
@pytest.mark.parametrize("method", ["set", "add", "multiply", "max"])
def test_integers_and_narrow_floats_are_numpys(dtype: Any, method: str) -> None:
    start, places = np.array([1, 0, 3]).astype(dtype.dtype), np.array([2, 0, 2, -1])
    value = np.array([1, 1, 0, 2]).astype(dtype.dtype)
    g = sd.Graph()
    x, i = g.input("x", start), g.input("i", places)
    y = getattr(x.at[i], method)(value)
    assert y.type == x.type
    found = sd.evaluate(y, {x: start, i: places})
    np.testing.assert_array_equal(found, changed(method, start, places, value))


def test_products_of_narrow_integers_wrap_as_numpys_do() -> None:
    start, places, value = np.ones(2, "i1"), np.array([0, 0]), np.array([100, 3], "i1")
    g = sd.Graph()
    x, i = g.input("x", start), g.input("i", places)
    found = sd.evaluate(x.at[i].multiply(value), {x: start, i: places})
    np.testing.assert_array_equal(found, changed("multiply", start, places, value))


def test_sizes_and_nodes_are_values_too() -> None:
    g = sd.Graph()
    x, v = g.input("x", sd.f64["n"]), g.input("v", sd.f64)
    y = x.at[x.shape[0] - 1].set(x.shape[0]).at[1:].add(v)
    np.testing.assert_array_equal(sd.evaluate(y, {x: [1.0, 2.0, 3.0], v: 0.5}), [1.0, 2.5, 3.5])
    with pytest.raises(sd.ShapeError, match="this needs n - 1 >= 0"):
        sd.evaluate(y, {x: [], v: 0.5})


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda x: x.at[3].set(0.0), sd.ShapeError, "index 3 is out of bounds"),
        (lambda x: x.at[[3]].add(0.0), sd.ShapeError, "index 3 is out of bounds"),
        (lambda x: x.at[0].set([1.0, 2.0, 3.0]), sd.ShapeError, r"at\.set: .*\(3,\) does not"),
        (lambda x: x.at[[0, 1]].add(np.ones((3, 2))), sd.ShapeError, r"at\.add: .*\(3,2\)"),
        (lambda x: x.at["a"].set(0.0), sd.ArgumentError, "must be an int or a size"),
        (lambda x: x.at[0].set("a"), sd.DTypeError, r"at\.set"),
        (lambda x: x.astype("i4").at[0].divide(2), sd.DTypeError, r"at\.divide: quotients"),
    ],
)
def test_misuse_is_named(change: Callable[[sd.Node], sd.Node], error: type, message: str) -> None:
    x = sd.Graph().input("x", sd.f64[3, 2])
    with pytest.raises(error, match=message):
        change(x)


def test_an_index_out_of_bounds_at_the_call_names_the_node() -> None:
    g = sd.Graph()
    x, i = g.input("x", sd.f64[3]), g.input("i", sd.i64[2])
    for method in ("set", "add", "max", "multiply"):
        f = sd.compile([x, i], getattr(x.at[i], method)(2.0))
        with pytest.raises(sd.EvaluationError, match=r"index 3 is out of bounds[^$]*test_at.py"):
            f(np.zeros(3), [0, 3])


def test_a_result_is_an_array_of_its_own() -> None:
    x = sd.Graph().input("x", sd.f64[3])
    value = np.zeros(3)
    for y in (x.at[0].set(1.0), x.at[[0]].set(1.0), x.at[[0]].max(1.0), x.at[...].set(x)):
        sd.compile([x], y)(value)[...] = 5.0
        np.testing.assert_array_equal(value, np.zeros(3))


def test_updates_can_be_mapped() -> None:
    g = sd.Graph()
    x, i = g.input("x", sd.f64["b", 3]), g.input("i", sd.i64["b", 2])
    y = sd.vmap(lambda row, places: row.at[places].multiply(2.0).at[places].set(row[0]))(x, i)
    point = {x: numbered((2, 3)), i: np.array([[1, 1], [2, -1]])}
    expected = [[1.0, 1.0, 3.0], [4.0, 5.0, 4.0]]
    np.testing.assert_array_equal(sd.evaluate(y, point), expected)


def test_what_it_is_shows_in_its_repr() -> None:
    x = sd.Graph().input("x", sd.f64[3])
    assert repr(x.at) == "<x : f64[3]>.at"
    assert repr(x.at[0]) == "<x : f64[3]>.at[0]"
