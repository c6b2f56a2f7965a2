"""A plain function becomes a graph, with inputs named after its parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import symdiff as sd

F = sd.f64[()]


def names(graph: sd.Graph) -> list[str | None]:
    return [i.name for i in graph.inputs]


def test_a_numpy_function_becomes_a_graph() -> None:
    def ridge(X: Any, y: Any, w: Any) -> Any:
        return np.sum((X @ w - y) ** 2) / X.shape[0] + 0.1 * np.sum(w**2)

    g = sd.trace(ridge, sd.f64["n", 3], sd.f64["n"], w=sd.f64[3])
    assert g.text() == (
        "graph ridge(X: f64[n,3], y: f64[n], w: f64[3]) {\n"
        "  %0 : f64[n] = matmul X w\n"
        "  %1 : f64[n] = subtract %0 y\n"
        "  %2 : f64[n] = pow %1 2.0\n"
        "  %3 : f64[]  = sum %2 axis=(0,)\n"
        "  %4 : f64[]  = size_of size=n dtype=f64\n"
        "  %5 : f64[]  = divide %3 %4\n"
        "  %6 : f64[3] = pow w 2.0\n"
        "  %7 : f64[]  = sum %6 axis=(0,)\n"
        "  %8 : f64[]  = multiply 0.1 %7\n"
        "  %9 : f64[]  = add %5 %8\n"
        "  return %9\n"
        "}"
    )
    X, y, w = np.arange(6.0).reshape(2, 3), np.array([1.0, -1.0]), np.array([0.5, 1.0, -2.0])
    value = sd.evaluate(g.outputs[0], {"X": X, "y": y, "w": w})
    np.testing.assert_allclose(value, ridge(X, y, w))


@pytest.mark.parametrize(
    ("function", "types", "named", "inputs"),
    [
        (lambda a, b: a * b, (F, F), {}, ["a", "b"]),
        (lambda a, b: a * b, (F,), {"b": F}, ["a", "b"]),
        (lambda a, b: a * b, (), {"b": F, "a": F}, ["a", "b"]),
        (lambda a, /, b, *, c: a * b * c, (F, F), {"c": F}, ["a", "b", "c"]),
        (lambda a, b=2.0: a * b, (F,), {}, ["a"]),
        (lambda *xs: xs[0] * xs[1], (F, F), {}, ["xs_0", "xs_1"]),
        (lambda **kw: kw["a"] * kw["b"], (), {"b": F, "a": F}, ["b", "a"]),
        (lambda a, *rest, **kw: a * rest[0] * kw["c"], (F, F), {"c": F}, ["a", "rest_0", "c"]),
        (lambda p: p["w"] * p["b"][1], ({"w": F, "b": [F, F]},), {}, ["p_w", "p_b_0", "p_b_1"]),
        (lambda p: p[0] * p[1], ((F, np.ones(3)),), {}, ["p_0", "p_1"]),
        (np.sin, (F,), {}, ["x"]),
    ],
)
def test_inputs_are_named_after_the_parameters(
    function: Callable[..., Any], types: Any, named: Any, inputs: list[str]
) -> None:
    g = sd.trace(function, *types, **named)
    assert names(g) == inputs
    assert len(g.outputs) == 1
    g.check()


def test_a_type_may_be_given_as_an_array_or_bare_dtype() -> None:
    g = sd.trace(lambda a, b, c: a + b + c, np.zeros((2, 3), np.float32), sd.f32, 1.0)
    assert [i.type for i in g.inputs] == [sd.f32[2, 3], sd.f32[()], sd.f64[()]]


def test_outputs_are_the_leaves_of_the_result_left_to_right() -> None:
    g = sd.trace(lambda a: {"s": np.sin(a), "rest": [a, (2.0, [1, 2])]}, F)
    s, a, *constants = g.outputs
    assert (s.op.name, a) == ("sin", g.inputs[0])
    assert [repr(c) for c in constants] == ["2.0 : f64[]", "1 : i64[]", "2 : i64[]"]


def test_the_graph_is_named_after_the_function() -> None:
    def loss(a: Any) -> Any:
        return a

    assert sd.trace(loss, F).name == "loss"
    assert sd.trace(lambda a: a, F).name == "lambda_"
    assert sd.trace(Model(), F).name == "Model"


class Model:
    def __call__(self, a: Any) -> Any:
        return a * 2.0


def test_methods_and_callable_objects_are_traced() -> None:
    assert names(sd.trace(Model(), F)) == ["a"]
    assert names(sd.trace(Model().__call__, F)) == ["a"]


def test_a_function_of_nothing_gives_a_graph_without_inputs() -> None:
    g = sd.trace(lambda: np.float64(3.0))
    assert (g.inputs, repr(g.outputs[0])) == ((), "3.0 : f64[]")


def test_each_trace_is_a_graph_of_its_own() -> None:
    def double(a: Any) -> Any:
        return a + a

    first, second = sd.trace(double, F), sd.trace(double, F)
    assert first is not second
    assert first.digest() == second.digest()


@pytest.mark.parametrize(
    ("function", "types", "message"),
    [
        (lambda a: a, (), "missing a required argument: 'a'"),
        (lambda a: a, (F, F), "too many positional arguments"),
        (lambda a: None, (F,), "returned None at result, which is not a node"),
        (lambda a: [a, "loss"], (F,), r"returned 'loss' at result\[1\]"),
        (lambda a: {"k": (a, object())}, (F,), r"returned <object .*> at result\['k'\]\[1\]"),
        (lambda a_0, a: a, (F, [F]), r"\['a_0'\] repeat or are taken"),
        (lambda f64: f64, (F,), "cannot be 'f64'"),
    ],
)
def test_what_cannot_be_traced_says_why(
    function: Callable[..., Any], types: Any, message: str
) -> None:
    with pytest.raises(sd.ArgumentError, match=message):
        sd.trace(function, *types)


def test_errors_of_the_function_come_through() -> None:
    with pytest.raises(ZeroDivisionError):
        sd.trace(lambda a: a * (1 / 0), F)
    with pytest.raises(sd.ShapeError, match=r"test_trace.py"):
        sd.trace(lambda a, b: a @ b, sd.f64[2, 3], sd.f64[2])


def test_nodes_of_another_graph_are_not_captured() -> None:
    outside = sd.Graph("outside").input("x", F)
    for function in (lambda a: a * outside, lambda a: outside):
        with pytest.raises(sd.MixedGraphError, match="'lambda_' and 'outside'"):
            sd.trace(function, F)


# -- inputs_like ---------------------------------------------------------------------------


def test_inputs_like_names_inputs_after_their_place_in_the_tree() -> None:
    g = sd.Graph()
    tree = {"layer": [{"w": sd.f64[3, 2], "b": np.zeros(2, "f4")}, (sd.f64["n"],)], 0: 1.5}
    found = g.inputs_like(tree)
    assert names(g) == ["layer_0_w", "layer_0_b", "layer_1_0", "x_0"]
    assert found["layer"][1] == (g.inputs[2],)
    assert [i.type for i in g.inputs] == [sd.f64[3, 2], sd.f32[2], sd.f64["n"], F]


def test_inputs_like_takes_a_prefix() -> None:
    g = sd.Graph()
    assert g.inputs_like(F).name == "x"
    assert g.inputs_like(F, "alpha").name == "alpha"
    assert g.inputs_like([F], "p")[0].name == "p_0"
    assert g.inputs_like({"λ μ": F})["λ μ"].name == "λ_μ"


@pytest.mark.parametrize(
    "tree", [{"ok": F, "f64": F}, {"ok": F, "for": F}, {"ok": F, "taken": F}, {"ok": F, "k": None}]
)
def test_inputs_like_makes_all_or_nothing(tree: Any) -> None:
    g = sd.Graph()
    g.input("taken", F)
    with pytest.raises(sd.ArgumentError):
        g.inputs_like(tree)
    assert names(g) == ["taken"]
