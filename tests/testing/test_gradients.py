"""`check_grad` on functions and nodes, and the derivatives by number it relies on."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import symdiff as sd
from symdiff.testing.numeric import slopes

X = np.array([[0.5, -1.0, 2.0], [1.5, 0.3, -0.7]])
W = np.array([1.2, -2.0, 0.5])


def badly(partial: Any) -> sd.Op:
    """sin with another derivative."""
    return sd.elementwise("badly", "x", doc="", kernel=np.sin, partials=(partial,))


# -- functions -----------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["f8", "f4"])
@pytest.mark.parametrize("order", [1, 2, 3])
def test_right_gradients_pass(dtype: str, order: int) -> None:
    def f(x: sd.Node, w: sd.Node) -> sd.Node:
        hidden = sd.tanh(x @ w)
        return sd.sum(
            sd.where(hidden > 0, sd.log(1 + hidden**2), sd.exp(hidden)) / (2 + w[0] ** 2)
        )

    sd.testing.check_grad(f, X.astype(dtype), W.astype(dtype), order=order)


def test_outputs_of_any_shape_number_and_nesting_are_checked() -> None:
    def f(p: Any, k: sd.Node) -> Any:
        return {"a": p["w"] * k, "b": [sd.sum(p["v"][0]) * p["w"], p["v"][1]]}

    sd.testing.check_grad(f, {"w": W, "v": [X, X[0]]}, 3)


def test_a_gradient_wrong_by_a_factor_is_reported_with_order_method_place_and_size() -> None:
    wrong = badly(lambda y, x: 2 * sd.cos(x))
    with pytest.raises(AssertionError) as caught:
        sd.testing.check_grad(lambda x: sd.sum(wrong(x) * W), X)
    message = str(caught.value)
    assert message.startswith("check_grad(<lambda>): order 1: forward mode gives ")
    assert "but the complex step gives" in message
    assert "off by" in message
    assert "allowed" in message
    assert "test_gradients.py:" in message


def test_reverse_mode_is_reported_with_the_share_of_each_input() -> None:
    wrong = sd.op(
        "wrong", "a b", doc="", infer=lambda a, b: a, kernel=np.multiply,
        vjp=(lambda g, y, a, b: g * b, lambda g, y, a, b: -g * a),
        jvp=(lambda t, y, a, b: t * b, lambda t, y, a, b: a * t),
    )  # fmt: skip
    with pytest.raises(AssertionError) as caught:
        sd.testing.check_grad(lambda a, b: sd.sum(wrong(a, b)), X, X + 1)
    message = str(caught.value)
    assert "order 1: reverse mode, along a random direction, gives" in message
    assert "the gradient by a : f64[2,3] has" in message
    assert "the gradient by b : f64[2,3] has" in message


def test_a_wrong_second_derivative_is_found_at_order_two_only() -> None:
    wrong = badly(lambda y, x: sd.cos(sd.stop_gradient(x)))
    sd.testing.check_grad(wrong, X, order=1)
    with pytest.raises(AssertionError, match="order 2: forward mode"):
        sd.testing.check_grad(wrong, X)


def test_a_wrong_third_derivative_is_found_at_order_three_only() -> None:
    cosine = sd.elementwise(
        "cosine", "x", doc="", kernel=np.cos, partials=(lambda y, x: -sd.sin(sd.stop_gradient(x)),)
    )
    wrong = badly(lambda y, x: cosine(x))
    sd.testing.check_grad(wrong, X, order=2)
    with pytest.raises(AssertionError, match="order 3: forward mode"):
        sd.testing.check_grad(wrong, X, order=3)


def test_a_gradient_that_is_not_finite_is_found() -> None:
    wrong = badly(lambda y, x: sd.cos(x) + 0.0 / (x - x))
    with pytest.raises(AssertionError, match="gives nan"):
        sd.testing.check_grad(wrong, X)


def test_entries_of_very_different_size_are_each_checked() -> None:
    scales = np.array([1e-8, 1.0, 1e8])
    sd.testing.check_grad(lambda x: sd.sum(sd.log(x * x) * W), scales)
    sd.testing.check_grad(lambda x: sd.sum(sd.sqrt(x)), scales)


def test_integers_are_given_and_not_differentiated_by() -> None:
    sd.testing.check_grad(lambda x, k: sd.sum(x**k), np.abs(W), np.array([1, 2, 3]))


def test_a_mixture_of_dtypes_is_judged_by_the_narrowest() -> None:
    sd.testing.check_grad(lambda x, w: sd.sum(sd.sin(x) * w), X.astype("f4"), W)
    sd.testing.check_grad(lambda x: sd.sum(sd.sin(x)), X.astype("f2"))


def test_an_empty_array_passes() -> None:
    sd.testing.check_grad(lambda x: sd.sum(sd.sin(x)), np.zeros((0, 3)))


def test_a_rule_without_forward_mode_says_what_to_pass() -> None:
    clipped = sd.custom_gradient(lambda x: x * x, vjp=lambda g, y, x: 2.0 * x * g)
    with pytest.raises(AssertionError, match="forward mode raises NotDifferentiableError"):
        sd.testing.check_grad(clipped, W)
    sd.testing.check_grad(clipped, W, forward=False, order=1)


def test_a_custom_gradient_that_is_the_derivative_passes_and_another_does_not() -> None:
    def own(factor: float) -> Any:
        return sd.custom_gradient(
            lambda x: x * sd.sin(x),
            vjp=lambda g, y, x: g * (sd.sin(x) + factor * x * sd.cos(x)),
            jvp=lambda ts, y, x: ts[0] * (sd.sin(x) + factor * x * sd.cos(x)),
        )

    for dtype in ("f8", "f4"):
        sd.testing.check_grad(lambda x: sd.sum(own(1.0)(x)), W.astype(dtype))
        with pytest.raises(AssertionError, match="order 1: forward mode"):
            sd.testing.check_grad(lambda x: sd.sum(own(1.1)(x)), W.astype(dtype))
    sd.testing.check_grad(lambda x: sd.sum(own(1.1)(x)), W, numeric=False)


def test_an_undefined_derivative_fails_the_check() -> None:
    with pytest.raises(AssertionError, match="reverse mode raises NotDifferentiableError"):
        opaque = sd.op("opaque", "x", doc="", infer=lambda x: x, kernel=np.copy)
        sd.testing.check_grad(opaque, W)


@pytest.mark.parametrize(
    ("f", "args", "what"),
    [(lambda k: k + 1.0, (3,), "argument"), (lambda x: x > 0, (W,), "result")],
)
def test_nothing_to_differentiate_is_an_error_of_the_caller(f: Any, args: Any, what: str) -> None:
    with pytest.raises(sd.ArgumentError, match=f"no {what} is of a real floating dtype"):
        sd.testing.check_grad(f, *args)


# -- nodes ---------------------------------------------------------------------------------


def ridge() -> tuple[sd.Graph, sd.Node]:
    g = sd.Graph("ridge")
    X_, y, w = g.input("X", sd.f64["n", 3]), g.input("y", sd.f64["n"]), g.input("w", sd.f64[3])
    return g, sd.sum((X_ @ w - y) ** 2) / y.shape[0] + 0.1 * sd.sum(w**2)


def test_a_node_is_checked_at_the_values_of_its_inputs() -> None:
    g, loss = ridge()
    values = {"X": X, "y": [1.0, 2.0], "w": W}
    sd.testing.check_grad(loss, values)
    sd.testing.check_grad(loss, {i: values[str(i.name)] for i in g.inputs}, order=3)


def test_the_graph_of_a_node_stays_as_it_was() -> None:
    g, loss = ridge()
    before = g.text()
    sd.testing.check_grad(loss, {"X": X, "y": [1.0, 2.0], "w": W})
    assert g.text() == before


def test_a_gradient_node_is_a_node_like_any_other() -> None:
    g, loss = ridge()
    w = g.inputs[2]
    sd.testing.check_grad(sd.grad(loss, w), {"X": X, "y": [1.0, 2.0], "w": W})


def test_a_wrong_node_is_named_by_its_graph() -> None:
    g = sd.Graph("model")
    x = g.input("x", sd.f64["n"])
    with pytest.raises(AssertionError, match=r"^check_grad\(model\): order 1: "):
        sd.testing.check_grad(sd.sum(badly(lambda y, x: y)(x)), {x: W})


def test_values_for_a_node_that_do_not_fit_are_named() -> None:
    _, loss = ridge()
    with pytest.raises(sd.ArgumentError, match="no value is given for input w"):
        sd.testing.check_grad(loss, {"X": X, "y": W[:2]})
    with pytest.raises(sd.ShapeError, match="n is 2 in X but 3 in y"):
        sd.testing.check_grad(loss, {"X": X, "y": W, "w": W})
    with pytest.raises(sd.ArgumentError, match="'b' is not an input of graph ridge"):
        sd.testing.check_grad(loss, {"b": W})
    with pytest.raises(sd.ArgumentError, match="give the values of its inputs"):
        sd.testing.check_grad(loss, X)


# -- derivatives by number -----------------------------------------------------------------


def slope_of(f: Any, at: Any) -> Any:
    at = np.asarray(at)
    g = sd.Graph()
    x = g.input("x", at)
    (found,) = slopes([f(x)], {x: at}, {x: np.ones_like(at)})
    return found


def kernel_op(kernel: Any) -> sd.Op:
    return sd.op("kernel", "x", doc="", infer=lambda x: x, kernel=kernel)


erf = kernel_op(lambda x: np.vectorize(math.erf, otypes=[x.dtype])(x))
conjugate = kernel_op(np.conjugate)


@pytest.mark.parametrize(
    ("f", "derivative"),
    [
        (sd.sin, np.cos),
        (sd.exp, np.exp),
        (lambda x: x**3 / (1 + x), lambda x: (3 * x**2 + 2 * x**3) / (1 + x) ** 2),
        (lambda x: sd.where(x > 1, x * x, x), lambda x: np.where(x > 1, 2 * x, 1)),
    ],
)
def test_the_complex_step_is_taken_where_the_function_is_analytic(f: Any, derivative: Any) -> None:
    at = np.array([0.3, 2.0])
    found = slope_of(f, at)
    assert found.method == "the complex step"
    np.testing.assert_allclose(found.value, derivative(at), rtol=4e-16)


@pytest.mark.parametrize(
    ("f", "derivative"),
    [
        (sd.abs, np.sign),  # of complex operands: a modulus
        (sd.sign, np.zeros_like),  # of complex operands: a phase
        (conjugate, np.ones_like),  # complex, and not analytic
        (lambda x: x % 0.7, np.ones_like),  # no complex operands
        (erf, lambda x: 2 / math.sqrt(math.pi) * np.exp(-(x**2))),  # no complex kernel
        (
            lambda x: x + sd.stop_gradient(x.astype(sd.i64)),
            np.ones_like,
        ),  # cuts the imaginary part
    ],
)
def test_central_differences_are_taken_elsewhere(f: Any, derivative: Any) -> None:
    at = np.array([0.3, -1.7])
    found = slope_of(f, at)
    np.testing.assert_allclose(found.value, derivative(at), rtol=1e-9, atol=1e-9)
    assert found.method == "central differences" or f is not conjugate


def test_slopes_are_of_double_precision_for_single_operands() -> None:
    at = np.array([0.3, 2.0], np.float32)
    found = slope_of(lambda x: sd.abs(sd.sin(x)), at)
    wide = at.astype(np.float64)
    np.testing.assert_allclose(found.value, np.sign(np.sin(wide)) * np.cos(wide), rtol=1e-9)


def test_the_checks_load_when_they_are_first_used() -> None:
    program = (
        "import sys, symdiff as sd; assert 'symdiff.testing' not in sys.modules; "
        "sd.testing.check_grad(sd.sin, 1.0); assert 'symdiff.testing' in sys.modules"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_an_unknown_attribute_of_the_package_is_named() -> None:
    with pytest.raises(AttributeError, match="module 'symdiff' has no attribute 'tests'"):
        sd.tests
