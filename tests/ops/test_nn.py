"""Activations and the softmax family: exact at the ends, sound with -inf, right at order two."""

from __future__ import annotations

import warnings
from typing import Any

import mpmath
import numpy as np
import pytest
import scipy.special
from mpmath import mp, mpf

import symdiff as sd
from symdiff.op import REGISTRY

inf, nan = np.inf, np.nan
FAMILY = ("logsumexp", "softmax", "log_softmax")


def silent(op: str, *arrays: Any, **params: Any) -> Any:
    """The op's kernel alone, where any floating point exception but underflow is an error."""
    kernel = REGISTRY.ops[op].kernel
    assert kernel is not None
    with np.errstate(all="raise", under="ignore"):
        return kernel(*[np.asarray(a) for a in arrays], **params)


def relative(values: Any, exact: list[Any]) -> float:
    """The largest relative error; an exact 0 allows none, nor does a result below the normals."""
    tiny = mpf(float(np.finfo(np.float64).tiny))
    return max(
        float(abs(mpf(float(v)) - e) / max(abs(e), tiny))
        for v, e in zip(values, exact, strict=True)
    )


# -- elementwise -----------------------------------------------------------------------------

ENDS = (-1e4, -745.0, -700.0, -40.0, -1.0, -1e-9, 0.0, 1e-300, 0.3, 30.0, 40.0, 700.0, 1e4)


def test_sigmoid_and_softplus_are_right_to_the_last_digits() -> None:
    x = sd.Graph().input("x", sd.f64[len(ENDS)])
    found = sd.evaluate([sd.sigmoid(x), sd.softplus(x)], {x: ENDS})
    with mpmath.workdps(50):
        points = [mpf(p) for p in ENDS]
        assert relative(found[0], [1 / (1 + mp.exp(-p)) for p in points]) < 1e-15
        assert relative(found[1], [mp.log1p(mp.exp(p)) for p in points]) < 1e-15


def test_derivatives_of_sigmoid_and_softplus_to_third_order() -> None:
    x = sd.Graph().input("x", sd.f64[len(ENDS)])
    nodes = [sd.softplus(x)]
    for _ in range(3):
        nodes.append(sd.grad(sd.sum(nodes[-1]), x))
    found = sd.evaluate(nodes[1:], {x: ENDS})
    with mpmath.workdps(50):
        y = [1 / (1 + mp.exp(-mpf(p))) for p in ENDS]
        exact = [y, [v * (1 - v) for v in y], [v * (1 - v) * (1 - 2 * v) for v in y]]
        exact = [[float(v) for v in row] for row in exact]
    np.testing.assert_allclose(found, exact, rtol=1e-14, atol=2e-16)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("relu", [[0.0, inf, nan], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]),
        ("sigmoid", [[0.0, 1.0, nan], [0.0, 0.0, nan], [0.0, 0.0, nan]]),
        ("softplus", [[0.0, inf, nan], [0.0, 1.0, nan], [0.0, 0.0, nan]]),
    ],
)
def test_activations_at_infinity_have_their_limits(name: str, expected: list[Any]) -> None:
    x = sd.Graph().input("x", sd.f64[3])
    y = getattr(sd, name)(x)
    first = sd.grad(sd.sum(y), x)
    second = sd.grad(sd.sum(first * x.graph.constant(np.ones(3))), x, disconnected="zero")
    found = sd.evaluate([y, first, second], {x: [-inf, inf, nan]})
    np.testing.assert_array_equal(found, expected)


def test_relu_has_no_slope_at_zero() -> None:
    x = sd.Graph().input("x", sd.f64[5])
    y = sd.relu(x)
    nodes = [y, sd.grad(sd.sum(y), x), sd.hessian(sd.sum(y * y), x), sd.jvp(y, x, np.ones(5))]
    value, slope, curvature, tangent = sd.evaluate(nodes, {x: [-2.0, -0.0, 0.0, 1e-300, 3.0]})
    np.testing.assert_array_equal(value, [0.0, 0.0, 0.0, 1e-300, 3.0])
    np.testing.assert_array_equal(slope, [0.0, 0.0, 0.0, 1.0, 1.0])
    np.testing.assert_array_equal(curvature, np.diag([0.0, 0.0, 0.0, 2.0, 2.0]))
    np.testing.assert_array_equal(tangent, slope)


def test_relu_keeps_masks_outermost() -> None:
    x = sd.Graph().input("x", sd.f64[2])
    gradient = sd.grad(sd.sum(sd.where(x > 1.0, sd.sqrt(sd.relu(x)), 0.0)), x)
    np.testing.assert_array_equal(sd.evaluate(gradient, {x: [-1.0, 4.0]}), [0.0, 0.25])


def test_logaddexp_shares_its_gradient_as_the_exponentials_do() -> None:
    a = [0.0, 1e4, -1e4, 0.0, -inf, -inf, 3.0, inf]
    b = [0.0, 1e4, 1e4, -50.0, 0.0, -inf, -inf, 0.0]
    g = sd.Graph()
    x, y = g.input("x", sd.f64[8]), g.input("y", sd.f64[8])
    z = sd.logaddexp(x, y)
    value, dx, dy = sd.evaluate([z, *sd.grad(sd.sum(z), [x, y])], {x: a, y: b})
    np.testing.assert_array_equal(value, np.logaddexp(a, b))
    rare = 1 / (1 + np.exp(50.0))
    np.testing.assert_allclose(dx, [0.5, 0.5, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0], rtol=1e-15)
    np.testing.assert_allclose(dy, [0.5, 0.5, 1.0, rare, 1.0, 0.0, 0.0, 0.0], rtol=1e-15)
    assert np.logaddexp(x, y) is z


def test_second_derivatives_of_logaddexp_with_impossible_operands_are_zero() -> None:
    x = sd.Graph().input("x", sd.f64[2])
    hessian = sd.hessian(sd.logaddexp(x[0], x[1]), x)
    for point in ([-inf, 0.0], [0.0, -inf], [-inf, -inf]):
        np.testing.assert_array_equal(sd.evaluate(hessian, {x: point}), 0.0)
    quarter = np.array([[0.25, -0.25], [-0.25, 0.25]])
    np.testing.assert_array_equal(sd.evaluate(hessian, {x: [1e4, 1e4]}), quarter)


@pytest.mark.parametrize("name", ["relu", "sigmoid", "softplus"])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_activation_kernels_raise_no_floating_point_exception(name: str, dtype: str) -> None:
    found = silent(name, np.array([-inf, -1e4, -100.0, -1e-9, 0.0, 20.0, 1e4, inf], dtype))
    assert found.dtype == dtype
    assert np.isfinite(found[:-1]).all()


# -- along axes: values ----------------------------------------------------------------------

LOGITS = np.array(
    [
        [1.0, 2.0, 3.0, 4.0],
        [1e4, -1e4, 1e4, 0.0],
        [-1e4, -1e4, -1e4 - 1.0, -1e4],
        [7.0, 7.0, 7.0, 7.0],
        [-inf, 0.0, -40.0, -inf],
        [800.0, 0.0, -800.0, 1.0],
    ]
)


def scipys(name: str, x: np.ndarray, axis: Any) -> Any:
    with np.errstate(all="ignore"):
        return getattr(scipy.special, name)(x, axis=axis)


@pytest.mark.parametrize("axis", [0, 1, -1, (0, 1), None])
@pytest.mark.parametrize("name", FAMILY)
def test_values_are_scipys_over_any_axes(name: str, axis: Any) -> None:
    x = sd.Graph().input("x", sd.f64["n", 4])
    value = sd.evaluate(getattr(sd, name)(x, axis=axis), {x: LOGITS})
    np.testing.assert_allclose(value, scipys(name, LOGITS, axis), rtol=1e-14, atol=4e-16)


def test_defaults_are_all_axes_for_the_sum_and_the_last_for_the_softmax() -> None:
    x = sd.Graph().input("x", sd.f64["n", 4])
    assert sd.logsumexp(x) is sd.logsumexp(x, axis=(0, 1))
    assert sd.softmax(x) is sd.softmax(x, axis=1)
    assert sd.log_softmax(x) is sd.log_softmax(x, axis=-1)
    assert sd.logsumexp(x, axis=1, keepdims=True).type == sd.f64["n", 1]
    assert sd.logsumexp(x, axis=0).type == sd.f64[4]


@pytest.mark.parametrize(("dtype", "rtol"), [("f2", 1e-3), ("f4", 1e-6), ("f8", 1e-15)])
def test_a_hundred_thousand_equal_entries(dtype: str, rtol: float) -> None:
    n = 100_000
    logits = np.full(n, 3.0, dtype)
    x = sd.Graph().input("x", logits)
    y = sd.logsumexp(x)
    total, weights, logs, gradient = sd.evaluate(
        [y, sd.softmax(x), sd.log_softmax(x), sd.grad(y, x)], {x: logits}
    )
    assert total.dtype == weights.dtype == logs.dtype == gradient.dtype == dtype
    # 1e-5 is no normal number in half precision, and has fewer digits there.
    spacing = float(np.spacing(np.array(1e-5, dtype)))
    np.testing.assert_allclose(total, 3 + np.log(n), rtol=rtol)
    np.testing.assert_allclose(weights, 1 / n, rtol=rtol, atol=spacing)
    np.testing.assert_allclose(gradient, 1 / n, rtol=rtol, atol=spacing)
    np.testing.assert_allclose(logs, -np.log(n), rtol=rtol)


def test_float32_logits_of_ten_thousand_lose_no_digits_in_the_gradient() -> None:
    x = sd.Graph().input("x", sd.f32[3])
    y = sd.logsumexp(x)
    gradient = sd.evaluate(sd.grad(y, x), {x: [1e4, 1e4 + 1, 1e4 + 2]})
    np.testing.assert_allclose(gradient, scipy.special.softmax([0.0, 1.0, 2.0]), rtol=3e-7)


def test_log_softmax_is_accurate_where_softmax_is_zero() -> None:
    x = sd.Graph().input("x", sd.f64[3])
    value = sd.evaluate(sd.log_softmax(x), {x: [1e4, -1e4, 0.0]})
    np.testing.assert_array_equal(value, [0.0, -2e4, -1e4])


def test_what_is_next_to_certain_keeps_the_digits_of_the_rest() -> None:
    x = sd.Graph().input("x", sd.f64[3])
    y = sd.logsumexp(x)
    for point in ([0.0, -50.0, -60.0], [-1e-3, -30.0, -inf], [0.0, 0.0, -45.0]):
        total, logs = sd.evaluate([y, sd.log_softmax(x)], {x: point})
        with mpmath.workdps(50):
            exact = mp.log(mp.fsum([mp.exp(mpf(p)) for p in point if p > -inf]))
            assert relative([total], [exact]) < 1e-15
            if point[0] == 0:
                assert relative(logs, [mpf(p) - exact for p in point]) < 1e-15


@pytest.mark.parametrize("name", FAMILY)
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_kernels_raise_no_floating_point_exception(name: str, dtype: str) -> None:
    largest = float(np.finfo(dtype).max)
    params = {"axis": (1,)} | ({"keepdims": False} if name == "logsumexp" else {})
    rows = [
        *([1e4, -1e4, 0.0], [5.0, 5.0, 5.0], [-inf, 0.0, 1.0], [-inf, -inf, -inf]),
        *([largest / 2, 0.0, -largest / 2], [-largest, -largest, -largest]),
    ]
    found = silent(name, np.array(rows, dtype), **params)
    assert found.dtype == dtype
    assert not np.isnan(found).any()


# -- along axes: derivatives -----------------------------------------------------------------


def softmax_at_50_digits(row: Any) -> list[Any]:
    powers = [mp.exp(mpf(float(v))) if v > -inf else mpf(0) for v in row]
    return [p / mp.fsum(powers) for p in powers]


def test_the_gradient_of_logsumexp_is_the_softmax_to_the_last_digits() -> None:
    x = sd.Graph().input("x", sd.f64["n", 4])
    gradient = sd.grad(sd.sum(sd.logsumexp(x, axis=1)), x)
    found = sd.evaluate([gradient, sd.softmax(x)], {x: LOGITS})
    with mpmath.workdps(50):
        for row, *values in zip(LOGITS, *found, strict=True):
            exact = softmax_at_50_digits(row)
            assert max(relative(v, exact) for v in values) < 1e-15


@pytest.mark.parametrize("row", range(len(LOGITS)))
def test_second_derivatives_of_logsumexp_are_those_of_a_covariance(row: int) -> None:
    x = sd.Graph().input("x", sd.f64[4])
    hessian = sd.evaluate(sd.hessian(sd.logsumexp(x), x), {x: LOGITS[row]})
    p = scipys("softmax", LOGITS[row], 0)
    np.testing.assert_allclose(hessian, np.diag(p) - np.outer(p, p), rtol=1e-13, atol=1e-16)


@pytest.mark.parametrize("row", range(len(LOGITS)))
def test_jacobians_of_softmax_and_its_logarithm(row: int) -> None:
    x = sd.Graph().input("x", sd.f64[4])
    found = sd.evaluate(
        [sd.jacobian(sd.softmax(x), x), sd.jacobian(sd.log_softmax(x), x)], {x: LOGITS[row]}
    )
    p = scipys("softmax", LOGITS[row], 0)
    np.testing.assert_allclose(found[0], np.diag(p) - np.outer(p, p), rtol=1e-13, atol=1e-16)
    np.testing.assert_allclose(found[1], np.eye(4) - p, rtol=1e-13, atol=1e-16)


def test_with_nothing_but_minus_infinity_no_derivative_is_nan() -> None:
    x = sd.Graph().input("x", sd.f64[2, 3])
    point = {x: [[-inf, -inf, -inf], [0.0, 0.0, -inf]]}
    total, weights, logs = sd.logsumexp(x, axis=1), sd.softmax(x), sd.log_softmax(x)
    values = sd.evaluate([total, weights, logs], point)
    np.testing.assert_array_equal(values[0], [-inf, np.log(2)])
    np.testing.assert_array_equal(values[1], [[0, 0, 0], [0.5, 0.5, 0]])
    np.testing.assert_array_equal(values[2][0], -inf)
    for y in (total, weights, logs):
        first = sd.grad(sd.sum(y), x)
        second = sd.grad(sd.sum(first * first), x)
        found = sd.evaluate([first, second], point)
        assert np.isfinite(found).all()
    (first,) = sd.evaluate([sd.grad(sd.sum(total), x)], point)
    np.testing.assert_array_equal(first, [[0, 0, 0], [0.5, 0.5, 0]])


def test_infinite_and_nan_logits_show_in_their_slice_alone() -> None:
    x = sd.Graph().input("x", sd.f64[3, 2])
    point = {x: [[inf, 0.0], [nan, 0.0], [0.0, 0.0]]}
    total, weights = sd.evaluate([sd.logsumexp(x, axis=1), sd.softmax(x)], point)
    np.testing.assert_array_equal(total, [inf, nan, np.log(2)])
    assert np.isnan(weights).any(axis=1).tolist() == [True, True, False]


def test_over_no_entries_the_sum_is_zero() -> None:
    x = sd.Graph().input("x", sd.f64["n", 2])
    y = sd.logsumexp(x, axis=0)
    empty = np.zeros((0, 2))
    value, gradient, weights = sd.evaluate([y, sd.grad(sd.sum(y), x), sd.softmax(x)], {x: empty})
    np.testing.assert_array_equal(value, [-inf, -inf])
    assert gradient.shape == weights.shape == (0, 2)


def test_rows_left_out_by_a_mask_have_no_gradient_whatever_they_hold() -> None:
    g = sd.Graph()
    x, keep = g.input("x", sd.f64[3, 2]), g.input("keep", sd.bool_[3])
    total = sd.sum(sd.where(keep, sd.logsumexp(x, axis=1), 0.0))
    point = {x: [[nan, 0.0], [inf, inf], [0.0, 0.0]], keep: [False, False, True]}
    gradient = sd.evaluate(sd.grad(total, x), point)
    np.testing.assert_array_equal(gradient, [[0, 0], [0, 0], [0.5, 0.5]])


@pytest.mark.parametrize("name", FAMILY)
def test_a_compiled_softmax_gives_no_warning_at_the_ends(name: str) -> None:
    x = sd.Graph().input("x", sd.f64["n", 4])
    y = getattr(sd, name)(x, axis=1)
    f = sd.compile([x], [y, sd.grad(sd.sum(y), x)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = f(LOGITS)
    for value, expected in zip(found, sd.evaluate(f.graph.outputs, {"x": LOGITS}), strict=True):
        np.testing.assert_array_equal(value, expected)


# -- types and errors ------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["f16", "f32", "f64"])
@pytest.mark.parametrize("name", [*FAMILY, "relu", "sigmoid", "softplus"])
def test_the_dtype_stays_in_value_gradient_and_tangent(name: str, dtype: str) -> None:
    x = sd.Graph().input("x", getattr(sd, dtype)["n", 3])
    y = getattr(sd, name)(x)
    nodes = [y, sd.grad(sd.sum(y), x), sd.jvp(y, x, sd.zeros_like(x) + 1)]
    assert {n.dtype for n in nodes} == {x.dtype}
    for value in sd.evaluate(nodes, {x: np.ones((2, 3))}):
        assert value.dtype == x.dtype


@pytest.mark.parametrize("name", [*FAMILY, "sigmoid", "softplus"])
@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64, np.bool_])
def test_integers_are_taken_as_floats(name: str, dtype: Any) -> None:
    array = np.array([0, 1, 3]).astype(dtype)
    x = sd.Graph().input("x", array)
    y = getattr(sd, name)
    value = sd.evaluate(y(x), {x: array})
    assert value.dtype == np.float64
    np.testing.assert_array_equal(value, sd.evaluate(y(x.astype(float)), {x: array}))


@pytest.mark.parametrize("name", [*FAMILY, "softplus"])
def test_complex_logits_are_refused(name: str) -> None:
    z = sd.Graph().input("z", sd.c128[3])
    with pytest.raises(sd.DTypeError, match=rf"{name}: complex operands have no order"):
        getattr(sd, name)(z)


@pytest.mark.parametrize("name", FAMILY)
def test_an_axis_out_of_bounds_is_named(name: str) -> None:
    x = sd.Graph().input("x", sd.f64["n", 3])
    with pytest.raises(sd.ShapeError, match=rf"{name}: axis 2 is out of bounds"):
        getattr(sd, name)(x, axis=2)
    with pytest.raises(sd.ShapeError, match=r"names an axis twice"):
        getattr(sd, name)(x, axis=(1, -1))


# -- one_hot ---------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_one_hot_puts_the_classes_where_asked(axis: int) -> None:
    indices = np.array([[0, 2, 1], [3, 3, 0]], np.uint8)
    x = sd.Graph().input("x", indices)
    y = sd.one_hot(x, n=4, dtype=sd.f32, axis=axis)
    value = sd.evaluate(y, {x: indices})
    assert value.dtype == np.float32
    np.testing.assert_array_equal(value, np.moveaxis(np.eye(4)[indices], -1, axis))


def test_one_hot_takes_a_named_number_of_classes() -> None:
    g = sd.Graph()
    x, w = g.input("x", sd.i64["m"]), g.input("w", sd.f64["k", 2])
    picked = sd.one_hot(x, n=w.shape[0]) @ w
    assert picked.type == sd.f64["m", 2]
    rows = np.arange(6.0).reshape(3, 2)
    gradient = sd.grad(sd.sum(picked), w)
    value, counts = sd.evaluate([picked, gradient], {x: [2, 0, 2], w: rows})
    np.testing.assert_array_equal(value, rows[[2, 0, 2]])
    np.testing.assert_array_equal(counts, [[1, 1], [0, 0], [2, 2]])


@pytest.mark.parametrize("index", [-1, 3])
def test_a_class_out_of_range_is_an_error_that_names_it(index: int) -> None:
    x = sd.Graph().input("x", sd.i64[3])
    with pytest.raises(sd.EvaluationError, match=rf"class index {index} is not in 0 … 2"):
        sd.evaluate(sd.one_hot(x, n=3), {x: [0, index, 1]})


def test_class_indices_that_are_not_integers_are_refused() -> None:
    x = sd.Graph().input("x", sd.f64[3])
    with pytest.raises(sd.DTypeError, match=r"one_hot: class indices must be integers, and f64"):
        sd.one_hot(x, n=3)
    with pytest.raises(sd.ShapeError, match="one_hot: the number of classes is negative: -1"):
        sd.one_hot(x.astype(int), n=-1)
