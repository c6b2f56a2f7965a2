"""The function face: plain NumPy-style functions with derivatives."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest

import symdiff as sd
from symdiff.function import MOST_SPECIALISATIONS


def energy(x: Any) -> Any:
    return np.sum(np.sin(x) ** 2)


def test_value_gradient_hessian_and_products() -> None:
    f = sd.function(energy)
    x = np.array([0.1, 0.5, 2.0])
    np.testing.assert_allclose(f(x), np.sum(np.sin(x) ** 2))
    np.testing.assert_allclose(f.value(x), f(x))
    np.testing.assert_allclose(f.grad(x), np.sin(2 * x))
    value, gradient = f.value_and_grad(x)
    np.testing.assert_allclose(value, f(x))
    np.testing.assert_allclose(gradient, np.sin(2 * x))
    np.testing.assert_allclose(f.hessian(x), np.diag(2 * np.cos(2 * x)), atol=1e-15)
    np.testing.assert_allclose(f.hvp(x, np.ones(3)), 2 * np.cos(2 * x))


def test_it_is_a_decorator_bare_and_with_arguments() -> None:
    @sd.function
    def f(x: Any) -> Any:
        """Squares."""
        return np.sum(x * x)

    @sd.function(wrt=1)
    def g(x: Any, w: Any) -> Any:
        return np.sum(x * w)

    @sd.function(sd.f64["n"])
    def h(x: Any) -> Any:
        return np.sum(x * x)

    assert f.__name__ == "f"
    assert f.__doc__ == "Squares."
    np.testing.assert_array_equal(f.grad([1.0, 2.0]), [2.0, 4.0])
    np.testing.assert_array_equal(g.grad([1.0, 2.0], [5.0, 6.0]), [1.0, 2.0])
    assert [h(np.ones(n)) for n in (1, 2, 3)] == [1.0, 2.0, 3.0]


def test_with_named_sizes_the_function_is_traced_once() -> None:
    calls = []

    def f(x: Any) -> Any:
        calls.append(x)
        return np.sum(x**2)

    compiled = sd.function(f, sd.f64["n"])
    for n in (1, 5, 9):
        np.testing.assert_array_equal(compiled.grad(np.ones(n)), 2 * np.ones(n))
    assert len(calls) == 1


def test_without_types_each_dtype_and_shape_is_traced_once_and_few_are_kept() -> None:
    calls = []

    def f(x: Any) -> Any:
        calls.append(x.type)
        return np.sum(x * x)

    compiled = sd.function(f)
    for _ in range(3):
        compiled(np.ones(2))
        compiled(np.ones(2, np.float32))
        compiled(np.ones(3))
    assert len(calls) == 3
    assert compiled(np.ones(2, np.float32)).dtype == np.float32
    for n in range(4, 4 + MOST_SPECIALISATIONS):
        compiled(np.ones(n))
    compiled(np.ones(2))
    assert len(calls) == 3 + MOST_SPECIALISATIONS + 1


def test_nested_arguments_give_nested_gradients() -> None:
    def loss(p: Any, x: Any) -> Any:
        return np.sum((x @ p["w"] + p["b"]) ** 2)

    f = sd.function(loss)
    p = {"w": np.array([1.0, 2.0]), "b": np.array(0.5)}
    x = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    r = x @ p["w"] + p["b"]
    gradient = f.grad(p, x)
    np.testing.assert_allclose(gradient["w"], 2 * x.T @ r)
    np.testing.assert_allclose(gradient["b"], 2 * r.sum())
    blocks = f.hessian(p, x)
    np.testing.assert_allclose(blocks["w"]["w"], 2 * x.T @ x)
    np.testing.assert_allclose(blocks["w"]["b"], 2 * x.sum(axis=0))
    product = f.hvp((p, x), {"w": np.array([1.0, 0.0]), "b": 0.0})
    np.testing.assert_allclose(product["w"], 2 * (x.T @ x)[0])


def test_wrt_takes_positions_names_and_several() -> None:
    def f(a: Any, b: Any) -> Any:
        return np.sum(a * b * b)

    a, b = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    by_name = sd.function(f, wrt="b").grad(a, b)
    np.testing.assert_array_equal(by_name, 2 * a * b)
    both = sd.function(f, wrt=("a", 1)).grad(a, b)
    assert isinstance(both, tuple)
    np.testing.assert_array_equal(both[0], b * b)
    np.testing.assert_array_equal(both[1], 2 * a * b)


def test_keywords_and_defaults_are_bound() -> None:
    def f(x: Any, scale: Any = 2.0) -> Any:
        return np.sum(x * scale)

    compiled = sd.function(f)
    assert compiled([1.0, 2.0]) == 6.0
    assert compiled([1.0, 2.0], scale=3.0) == 9.0


def test_defaults_that_are_not_given_stay_with_the_function() -> None:
    def f(x: Any, scale: Any = 2.0, kind: str = "sum", axis: Any = None) -> Any:
        return scale * getattr(np, kind)(x, axis=axis)

    assert sd.function(f)([1.0, 2.0]) == 6.0
    assert sd.function(f)([1.0, 2.0], scale=3.0) == 9.0
    assert sd.function(f, wrt="scale").grad([1.0, 2.0]) == 3.0
    assert sd.function(f, sd.f64["n"])([1.0, 2.0]) == 6.0
    assert sd.function(f, sd.f64["n"], sd.f64)([1.0, 2.0]) == 6.0
    assert sd.function(functools.partial(f, kind="prod"))([3.0, 2.0]) == 12.0
    np.testing.assert_array_equal(sd.function(np.sum, sd.f64["n"]).grad([1.0, 2.0]), [1.0, 1.0])


def test_gradients_have_the_nesting_of_each_call() -> None:
    f = sd.function(lambda p: p[0] * p[1])
    x, y = np.array(2.0), np.array(3.0)
    assert f.grad([x, y]) == [3.0, 2.0]
    assert f.grad((x, y)) == (3.0, 2.0)


def test_several_results_have_values_but_no_gradient() -> None:
    f = sd.function(lambda x: {"a": x + 1.0, "b": (x * 2.0, 3.0)})
    result = f(np.array([1.0]))
    np.testing.assert_array_equal(result["b"][0], [2.0])
    assert result["b"][1] == 3.0
    with pytest.raises(sd.ArgumentError, match="several values"):
        f.grad(np.array([1.0]))


def test_an_argument_the_value_does_not_depend_on_has_a_zero_gradient() -> None:
    f = sd.function(lambda a, b: np.sum(a), wrt=1)
    np.testing.assert_array_equal(f.grad(np.ones(2), np.ones(3)), np.zeros(3))


def test_the_graph_is_there_to_look_at() -> None:
    f = sd.function(energy, sd.f64["n"])
    f.grad(np.ones(2))
    assert "f64[n] = sin x" in f.graph.text()
    with pytest.raises(sd.ArgumentError, match="has not been called"):
        _ = sd.function(energy).graph


BAD = {
    "not a function": (lambda: sd.function(3), "neither a function nor a type"),
    "no such argument": (lambda: sd.function(energy, wrt="y"), "wrt='y'"),
    "position out of range": (lambda: sd.function(energy, wrt=4), "wrt=4"),
    "too many arguments": (lambda: sd.function(energy)(1.0, 2.0), "energy"),
    "not an array": (lambda: sd.function(np.sum)([1.0], "axis"), "'axis' is not an array"),
    "ragged": (lambda: sd.function(energy)([1.0, [2.0]]), "makes no array"),
    "wrt without a type": (
        lambda: sd.function(lambda x, y=1.0: x, sd.f64, wrt="y"),
        "but 1 types are given",
    ),
    "types do not fit": (lambda: sd.function(energy, sd.f64[2], sd.f64[2]), "do not fit"),
}


@pytest.mark.parametrize("case", BAD)
def test_misuse_is_an_argument_error(case: str) -> None:
    call, message = BAD[case]
    with pytest.raises(sd.ArgumentError, match=message):
        call()


def test_a_function_of_a_non_scalar_says_so_when_differentiated() -> None:
    with pytest.raises(sd.ArgumentError, match="scalar"):
        sd.function(lambda x: x * 2.0).grad(np.ones(2))
