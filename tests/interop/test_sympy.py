"""`sd.to_sympy`: an expression has the values of its node, and says so when it cannot."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy

import symdiff as sd
from symdiff.op import REGISTRY
from tests.ops.samples import ELEMENTWISE_OPS, Case, operands

X = sympy.Symbol("x")


@pytest.fixture
def x() -> sd.Node:
    return sd.Graph("model").input("x", sd.f64)


def value_of(expression: Any, at: dict[sd.Node, Any]) -> np.ndarray:
    """The numbers of an expression, at the values of inputs."""
    entries: dict[Any, float] = {}
    for node, value in at.items():
        array = np.asarray(value)
        base = sympy.IndexedBase(node.name, shape=array.shape)
        for place in np.ndindex(*array.shape):
            symbol = base[place] if place else sympy.Symbol(node.name)
            entries[symbol] = array[place].item()
    shape = getattr(expression, "shape", ())
    flat = np.ravel(expression.tolist()) if shape else [expression]
    # SymPy has no numbers for erfcinv, but for what it is made of.
    numbers = [sympy.sympify(e).subs(entries).rewrite(sympy.erfinv) for e in flat]
    return np.array([bool(n) if n in (True, False) else float(n) for n in numbers]).reshape(shape)


# -- what it gives -------------------------------------------------------------------------


def test_a_derivative_is_sympys_own_expression(x: sd.Node) -> None:
    assert sd.to_sympy(sd.grad(sd.sin(x) * x, x)) == sympy.diff(sympy.sin(X) * X, X)


def test_nested_outputs_give_the_same_nesting(x: sd.Node) -> None:
    assert sd.to_sympy({"y": x**2, "all": [x, (x + 1,)]}) == {"y": X**2, "all": [X, (X + 1,)]}


STRUCTURE: dict[str, Callable[[sd.Node, sd.Node], Any]] = {
    "matmul": lambda w, A: A @ w,
    "einsum": lambda w, A: sd.einsum("ij,kj->ik", A, A),
    "sum": lambda w, A: sd.sum(A, axis=0),
    "sum, kept": lambda w, A: sd.sum(A, axis=1, keepdims=True) + w,
    "mean": lambda w, A: np.mean(A, axis=(0, 1)),
    "prod": lambda w, A: np.prod(A, axis=1),
    "max": lambda w, A: np.max(A, axis=0),
    "min": lambda w, A: np.min(A),
    "softmax": lambda w, A: sd.softmax(A, axis=1),
    "log_softmax": lambda w, A: sd.log_softmax(w),
    "logsumexp": lambda w, A: sd.logsumexp(A, axis=1, keepdims=True),
    "transpose": lambda w, A: A.T,
    "reshape": lambda w, A: A.reshape(2, 3) * A.T,
    "index": lambda w, A: A[::-1, 1],
    "scatter": lambda w, A: sd.grad(sd.sum(A[1:, 0] ** 2), A),
    "concat": lambda w, A: sd.concat([w, A[0]]),
    "stack": lambda w, A: sd.stack([w[0], w[1] * w[0]]),
    "diagonal": lambda w, A: np.diagonal(A @ A.T),
    "diag": lambda w, A: sd.diag(w),
    "roll": lambda w, A: np.roll(A, 1, axis=0),
    "broadcast": lambda w, A: sd.broadcast_to(w, shape=(3, 2)),
    "where": lambda w, A: sd.where(w < A, A, -(w**2)),
    "logic": lambda w, A: (A > 0) & ~(w < 0.1),
    "truth as numbers": lambda w, A: (A > 0).astype(sd.f64) * w,
    "numbers as truth": lambda w, A: (A * (A > 0)).astype(sd.bool_),
    "truth counted": lambda w, A: sd.sum(A > 0) * w,
    "whole numbers": lambda w, A: (3.0 * A).astype(sd.i64) + w,
    "comparison": lambda w, A: w >= A,
    "constants": lambda w, A: np.arange(6.0).reshape(3, 2) * A + np.eye(3)[:, :2],
    "hessian": lambda w, A: sd.hessian(sd.sum(w**3) * w[0], w),
    "gradient": lambda w, A: sd.grad(sd.sum(np.tanh(A @ w) ** 2), A),
}


@pytest.mark.parametrize("name", STRUCTURE)
def test_an_expression_of_arrays_has_the_values_of_its_node(name: str) -> None:
    g = sd.Graph()
    w, A = g.input("w", sd.f64[2]), g.input("A", sd.f64[3, 2])
    node = STRUCTURE[name](w, A)
    rng = np.random.default_rng(0)
    at = {w: rng.uniform(0.2, 2, 2), A: rng.normal(size=(3, 2))}
    inputs = {i: at[i] for i in (w, A)}
    found = value_of(sd.to_sympy(node), inputs)
    np.testing.assert_allclose(found, sd.evaluate(node, inputs), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", [n for n in ELEMENTWISE_OPS if REGISTRY.ops[n].sympy is not None])
def test_every_elementwise_op_with_a_counterpart_converts(name: str) -> None:
    op, g = REGISTRY.ops[name], sd.Graph()
    case = Case(((),) * op.arity)
    values = operands(name, case, "float64", 1)
    inputs = [g.input(a, v) for a, v in zip(op.arguments, values, strict=True)]
    y = op(*inputs)
    found = value_of(sd.to_sympy(y), dict(zip(inputs, values, strict=True)))
    expected = sd.evaluate(y, dict(zip(inputs, values, strict=True)))
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-300)


def test_named_sizes_get_numbers() -> None:
    y = sd.Graph().input("y", sd.f64["n"])
    base = sympy.IndexedBase("y", shape=(3,))
    expected = sum(base[k] ** 2 for k in range(3)) / 3
    assert sympy.simplify(sd.to_sympy(np.mean(y**2), sizes={"n": 3}) - expected) == 0


def test_one_expression_may_stand_for_each_entry() -> None:
    g = sd.Graph()
    y, t = g.input("y", sd.f64["n"]), g.input("t", sd.f64["n"])
    loss = sd.sum(t * sd.log(y))
    dy = sd.grad(loss, y)
    Y, T = sympy.symbols("y t")
    assert sd.to_sympy(dy, {y: Y, t: T}) == T / Y
    assert sd.to_sympy(y / y.shape[0], {y: Y}) == Y / sympy.Symbol("n")


def test_inner_nodes_may_be_given(x: sd.Node) -> None:
    y = sd.sigmoid(x)
    Y = sympy.Symbol("y")
    assert sd.to_sympy(sd.grad(y, x), {y: Y}) in (Y * (1 - Y), (1 - Y) * Y)
    assert sd.to_sympy(y, {y: Y}) == Y


def test_an_array_of_expressions_stands_for_an_array() -> None:
    w = sd.Graph().input("w", sd.f64[2])
    a, b = sympy.symbols("a b")
    assert sd.to_sympy(sd.sum(w * w), {w: [a, b]}) == a**2 + b**2


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0.1, sympy.Rational(1, 10)),
        (-2.0, sympy.Integer(-2)),
        (np.float32(0.1), sympy.Rational(1, 10)),
        (1e-20, sympy.Float(1e-20)),
        (np.inf, sympy.oo),
        (-np.inf, -sympy.oo),
    ],
)
def test_constants_are_short_fractions_where_they_are_ones(number: Any, expected: Any) -> None:
    g = sd.Graph()
    assert sd.to_sympy(g.constant(number)) == expected


def test_a_small_graph_with_much_sharing_converts_without_being_walked_twice(x: sd.Node) -> None:
    y = x
    for _ in range(60):  # 2**60 paths
        y = y + y
    assert sd.to_sympy(y) == 2**60 * X


# -- what it refuses -----------------------------------------------------------------------


def test_an_op_without_a_counterpart_is_named_with_the_way_out() -> None:
    w = sd.Graph().input("w", sd.f64[2])
    with pytest.raises(sd.ArgumentError, match=r"sort has no counterpart.*symbols=\{node"):
        sd.to_sympy(sd.sort(w))
    y = sd.sort(w)
    assert sd.to_sympy(y * 2.0, {y: sympy.symbols("a b")}).tolist() == [
        2 * sympy.Symbol("a"),
        2 * sympy.Symbol("b"),
    ]


def test_named_sizes_without_numbers_are_named() -> None:
    y = sd.Graph().input("y", sd.f64["n"])
    with pytest.raises(sd.ShapeError, match=r"y is f64\[n\]; pass sizes=\{\.\.\.\} for n"):
        sd.to_sympy(sd.sum(y))


def test_one_expression_for_all_entries_cannot_be_summed() -> None:
    y = sd.Graph().input("y", sd.f64[3])
    with pytest.raises(sd.ArgumentError, match="sum takes the whole of an array"):
        sd.to_sympy(sd.sum(y), {y: X})


def test_what_is_too_deep_for_sympy_says_so(x: sd.Node) -> None:
    y = x
    for _ in range(3000):
        y = sd.sin(y)
    with pytest.raises(sd.ArgumentError, match="too deep for SymPy"):
        sd.to_sympy(y)


@pytest.mark.parametrize("wrong", [3.0, [], {"a": None}])
def test_anything_but_nodes_is_refused(wrong: Any) -> None:
    with pytest.raises(sd.ArgumentError, match="is not a node or nested nodes"):
        sd.to_sympy(wrong)


def test_nodes_of_two_graphs_are_refused(x: sd.Node) -> None:
    with pytest.raises(sd.MixedGraphError, match="to_sympy"):
        sd.to_sympy([x, sd.Graph("other").input("x", sd.f64)])


def test_results_are_unpacked_first(x: sd.Node) -> None:
    with pytest.raises(sd.ArgumentError, match=r"divmod has no counterpart|unpack"):
        sd.to_sympy(np.divmod(x, 2.0)[0].inputs[0])


def test_without_sympy_the_error_names_the_package(
    x: sd.Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = builtins.__import__

    def refusing(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "sympy":
            raise ImportError(name)
        return plain(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refusing)
    with pytest.raises(sd.MissingDependencyError, match="pip install sympy"):
        sd.to_sympy(x)
