"""`sd.vmap` and `sd.batch`: one example made many, with every op and every derivative."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import pytest

import symdiff as sd
from symdiff.op import REGISTRY
from symdiff.trees import flatten
from tests.ops.samples import CHECKED, Case, operands, samples_of

Array = np.ndarray[Any, Any]


def inputs(**types: Any) -> list[sd.Node]:
    """Inputs of a graph of their own."""
    graph = sd.Graph()
    return [graph.input(name, type_) for name, type_ in types.items()]


def data(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).uniform(0.5, 1.5, shape)


def lanes_in(outputs: Any) -> list[sd.Node]:
    """What is left of the examples in what was made of them."""
    leaves = outputs if isinstance(outputs, list | tuple) else [outputs]
    return [n for n in leaves[0].graph.ancestors(leaves) if n.op.name == "lane"]


# -- every op is mapped as stacking has it -----------------------------------------------------

MANY = 3
WITH_OPERANDS = [name for name in CHECKED if REGISTRY.ops[name].arguments]
CHOSEN = (
    "multiply", "pow", "where", "divmod", "sum", "max", "logsumexp", "softmax", "matmul",
    "einsum", "index", "scatter", "concat", "reshape", "permute_dims", "broadcast_to", "custom",
)  # fmt: skip
"""Ops whose gradients and nested maps are checked on every run; the slow run checks all."""


def stacked(parts: Sequence[Any], axis: int = 0) -> Any:
    """What `np.stack` does, of several results one by one."""
    if isinstance(parts[0], tuple):
        return tuple(stacked([p[k] for p in parts], axis) for k in range(len(parts[0])))
    return np.stack(parts, axis=axis)


def assert_close(found: Any, expected: Any, dtype: str) -> None:
    if isinstance(expected, tuple):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_close(one, other, dtype)
        return
    assert found.dtype == expected.dtype
    exact = found.dtype.kind not in "fc"
    rtol = 0.0 if exact else 1e-10 if dtype == "float64" else 1e-4
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol)


def patterns(count: int) -> list[tuple[bool, ...]]:
    return [p for p in product((True, False), repeat=count) if any(p)]


def check_mapped(
    f: Callable[..., Any], examples: Sequence[Sequence[Array]], axis: int, dtype: str
) -> None:
    """`f` mapped over every choice of its operands against `f` of each example."""
    first = examples[0]
    for pattern in patterns(len(first)):
        chosen = [
            [x if m else x0 for x, x0, m in zip(xs, first, pattern, strict=True)]
            for xs in examples
        ]
        columns = [
            np.stack(column, axis=axis) if m else column[0]
            for column, m in zip(zip(*chosen, strict=True), pattern, strict=True)
        ]
        graph = sd.Graph()
        nodes = [graph.input(f"x{k}", a) for k, a in enumerate(columns)]
        result = sd.vmap(f, in_axes=tuple(axis if m else None for m in pattern))(*nodes)
        assert lanes_in(result) == []
        found = sd.evaluate(result, dict(zip(nodes, columns, strict=True)))

        one = sd.Graph()
        single = [one.input(f"x{k}", a) for k, a in enumerate(first)]
        y = f(*single)
        y = tuple(y) if isinstance(y, sd.Node) and isinstance(y.type, sd.TupleType) else y
        each = [sd.evaluate(y, dict(zip(single, xs, strict=True))) for xs in chosen]
        assert_close(found, stacked(each), dtype)


def applied(name: str, case: Case, dtype: str) -> Callable[..., Any]:
    params = case.params_for(dtype)
    return lambda *xs: REGISTRY.ops[name](*xs, **params)


def examples_of(name: str, case: Case, dtype: str, count: int = MANY) -> list[list[Array]]:
    return [operands(name, case, dtype, seed) for seed in range(count)]


def gradient_of(f: Callable[..., Any], first: Sequence[Array]) -> Callable[..., Any] | None:
    """The gradients of `f` for one fixed cotangent; None where it has none."""
    graph = sd.Graph()
    nodes = [graph.input(f"x{k}", a) for k, a in enumerate(first)]
    floating = [k for k, x in enumerate(nodes) if x.dtype.kind == "f"]
    y = f(*nodes)
    several = isinstance(y.type, sd.TupleType)
    last = y[len(y) - 1] if several else y
    if not floating or last.dtype.kind != "f":
        return None
    cotangent = np.cos(np.arange(float(last.size))).reshape(last.shape).astype(last.dtype)

    def gradient(*xs: sd.Node) -> Any:
        y = f(*xs)
        z = y[len(y) - 1] if several else y
        return tuple(sd.vjp(z, [xs[k] for k in floating], cotangent))

    try:
        gradient(*nodes)
    except sd.NotDifferentiableError:
        return None
    return gradient


def check_derived(name: str, case: Case, dtype: str) -> None:
    """The gradient mapped, and the op mapped twice."""
    f, examples = applied(name, case, dtype), examples_of(name, case, dtype)
    gradient = gradient_of(f, examples[0])
    if gradient is not None:
        check_mapped(gradient, examples, 0, dtype)
    # Twice: the outer map over what the inner one made.
    table = [examples_of(name, case, dtype, 2 * MANY)[k * MANY : (k + 1) * MANY] for k in (0, 1)]
    columns = [
        np.stack([np.stack([row[i] for row in rows]) for rows in table])
        for i in range(len(examples[0]))
    ]
    graph = sd.Graph()
    nodes = [graph.input(f"x{k}", a) for k, a in enumerate(columns)]
    result = sd.vmap(sd.vmap(f), in_axes=0, out_axes=0)(*nodes)
    found = sd.evaluate(result, dict(zip(nodes, columns, strict=True)))
    one = sd.Graph()
    single = [one.input(f"x{k}", a) for k, a in enumerate(examples[0])]
    y = f(*single)
    y = tuple(y) if isinstance(y.type, sd.TupleType) else y
    each = [
        stacked([sd.evaluate(y, dict(zip(single, row, strict=True))) for row in rows])
        for rows in table
    ]
    assert_close(found, stacked(each), dtype)


@pytest.mark.parametrize("name", WITH_OPERANDS)
def test_an_op_is_mapped_as_its_examples_are_stacked(name: str) -> None:
    for case in samples_of(name).cases[:2]:
        for axis in (0, -1):
            f, examples = applied(name, case, "float64"), examples_of(name, case, "float64")
            check_mapped(f, examples, axis, "float64")


@pytest.mark.parametrize("name", CHOSEN)
def test_the_gradient_of_an_op_is_mapped_and_maps_nest(name: str) -> None:
    for case in samples_of(name).cases[:2]:
        check_derived(name, case, "float64")


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", WITH_OPERANDS)
def test_every_case_of_every_op_is_mapped(name: str, dtype: str) -> None:
    for case in samples_of(name).cases:
        f, examples = applied(name, case, dtype), examples_of(name, case, dtype)
        for axis in (0, -1):
            check_mapped(f, examples, axis, dtype)
        check_derived(name, case, dtype)


# -- axes ----------------------------------------------------------------------------------


def test_the_mapped_axis_may_be_any_and_count_from_the_end() -> None:
    (x,) = inputs(x=sd.f64[2, 3, 4])
    X = data(2, 3, 4)
    for axis in range(-3, 3):
        y = sd.vmap(lambda row: sd.cumulative_sum(row, axis=0), in_axes=axis)(x)
        expected = np.cumsum(np.moveaxis(X, axis, 0), axis=1)
        np.testing.assert_allclose(sd.evaluate(y, {x: X}), expected)


def test_the_results_may_have_the_axis_anywhere() -> None:
    (x,) = inputs(x=sd.f64[5, 2, 3])
    X = data(5, 2, 3)
    for axis in range(-3, 3):
        y = sd.vmap(lambda row: row * 2.0, out_axes=axis)(x)
        np.testing.assert_array_equal(sd.evaluate(y, {x: X}), np.moveaxis(X * 2, 0, axis))


def test_none_leaves_an_argument_as_it_is() -> None:
    x, w = inputs(x=sd.f64[4, 3], w=sd.f64[3])
    seen = []

    def f(row: Any, weight: Any, power: int, flag: Any) -> Any:
        seen.append((weight, power, flag))
        return sd.sum(row * weight) ** power

    y = sd.vmap(f, in_axes=(0, None, None, None))(x, w, 2, "any object")
    assert seen == [(w, 2, "any object")]
    X, W = data(4, 3), data(3, seed=1)
    np.testing.assert_allclose(sd.evaluate(y, {x: X, w: W}), (X @ W) ** 2)


class Layer(NamedTuple):
    weight: Any
    bias: Any


def test_nested_arguments_have_nested_axes_or_one_for_all() -> None:
    W, b, x = inputs(W=sd.f64[2, 3, 5], b=sd.f64[5, 2], x=sd.f64[3])

    def f(layer: Layer, more: dict[str, Any]) -> Any:
        assert type(layer) is Layer
        assert layer.weight.shape == (2, 3)
        assert more["x"] is x
        return sd.tanh(layer.weight @ more["x"] + layer.bias)

    y = sd.vmap(f, in_axes=(Layer(-1, 0), {"x": None}))(Layer(W, b), {"x": x})
    V, B, X = data(2, 3, 5), data(5, 2, seed=1), data(3, seed=2)
    expected = np.stack([np.tanh(V[..., k] @ X + B[k]) for k in range(5)])
    np.testing.assert_allclose(sd.evaluate(y, {W: V, b: B, x: X}), expected)
    total = sd.vmap(lambda tree: sd.sum(tree[0]) + sd.sum(tree[1]["b"]))([b, {"b": b}])
    np.testing.assert_allclose(sd.evaluate(total, {b: B}), 2 * B.sum(axis=1))


def test_nested_results_have_nested_axes_or_one_for_all() -> None:
    x, c = inputs(x=sd.f64[4, 3], c=sd.f64[2])

    def f(row: Any) -> Any:
        return {"double": row * 2.0, "rest": (sd.sum(row), [c, 1.5, None])}

    axes = {"double": -1, "rest": (0, [None, 0, None])}
    found = sd.vmap(f, out_axes=axes)(x)
    assert found["rest"][1][0] is c
    assert found["rest"][1][2] is None
    X = data(4, 3)
    values = sd.evaluate((found["double"], found["rest"][0], found["rest"][1][1]), {x: X})
    np.testing.assert_array_equal(values[0], 2 * X.T)
    np.testing.assert_allclose(values[1], X.sum(axis=1))
    np.testing.assert_array_equal(values[2], np.full(4, 1.5))
    assert [r.shape for r in sd.vmap(f, out_axes=0)(x)["rest"][1][:2]] == [(4, 2), (4,)]


def test_what_is_the_same_for_every_example_is_repeated_where_it_is_asked_for() -> None:
    x, c = inputs(x=sd.f64["n"], c=sd.f64[2, 3])
    y = sd.vmap(lambda v: sd.exp(c), out_axes=1)(x)
    assert y.type == sd.f64[2, "n", 3]
    C = data(2, 3)
    found = sd.evaluate(y, {c: C, x: np.zeros(4)})
    np.testing.assert_array_equal(found, np.repeat(np.exp(C)[:, None], 4, axis=1))


def test_keyword_arguments_are_mapped_along_their_first_axis() -> None:
    x, t = inputs(x=sd.f64[4, 3], t=sd.f64[4])
    y = sd.vmap(lambda row, scale=1.0: sd.sum(row) * scale)(x, scale=t)
    X, T = data(4, 3), data(4, seed=1)
    np.testing.assert_allclose(sd.evaluate(y, {x: X, t: T}), X.sum(axis=1) * T)


def test_arrays_and_numbers_among_the_arguments_are_constants() -> None:
    (x,) = inputs(x=sd.f64[4])
    A = data(3, 4)
    y = sd.vmap(lambda v, column, k: v * column + k, in_axes=(0, 1, None))(x, A, 2)
    X = data(4, seed=1)
    np.testing.assert_allclose(sd.evaluate(y, {x: X}), X[:, None] * A.T + 2)


def test_an_argument_may_be_none_and_is_not_mapped() -> None:
    (x,) = inputs(x=sd.f64[4])
    y = sd.vmap(lambda v, mask: v if mask is None else v * mask)(x, None)
    assert y.type == x.type


def test_a_number_of_examples_may_be_given_where_no_argument_tells() -> None:
    (x,) = inputs(x=sd.f64[3])
    y = sd.vmap(lambda v: v * 2.0, in_axes=None, axis_size="k")(x)
    assert y.type == sd.f64["k", 3]
    assert sd.vmap(sd.sin, axis_size=3)(x).type == x.type


def test_results_of_one_node_come_one_by_one() -> None:
    a, b = inputs(a=sd.f64[3], b=sd.f64)
    quotient, rest = sd.vmap(sd.divmod, in_axes=(0, None))(a, b)
    A = np.array([7.5, 2.0, -3.0])
    np.testing.assert_array_equal(sd.evaluate([quotient, rest], {a: A, b: 2.0}), divmod(A, 2.0))


def test_numpy_functions_and_operators_are_mapped() -> None:
    x, y = inputs(x=sd.f64[4, 3], y=sd.f64[4, 3])
    X, Y = data(4, 3), data(4, 3, seed=1)
    for f in (np.dot, np.inner, lambda a, b: np.where(a > b, a, -b).sum(), lambda a, b: a @ b):
        found = sd.evaluate(sd.vmap(f)(x, y), {x: X, y: Y})
        np.testing.assert_allclose(found, [f(a, b) for a, b in zip(X, Y, strict=True)])


# -- what is made of it --------------------------------------------------------------------


def test_a_function_is_run_once_and_makes_no_loop() -> None:
    calls = []

    def f(row: sd.Node) -> sd.Node:
        calls.append(row.type)
        return sd.sum(sd.tanh(row) ** 2)

    lengths = []
    for many in (3, 3000, "n"):
        (x,) = inputs(x=sd.f64[many, 3])
        lengths.append(len(x.graph.ancestors(sd.vmap(f)(x))))
    assert calls == [sd.f64[3]] * 3
    assert len(set(lengths)) == 1


def test_the_map_is_written_as_one_would_write_it_by_hand() -> None:
    X, w = inputs(X=sd.f64["batch", 3], w=sd.f64[3])
    mapped = sd.vmap(lambda x: sd.tanh(x @ w) ** 2)(X)
    assert mapped is sd.tanh(X @ w) ** 2


def test_what_does_not_depend_on_the_examples_is_computed_once() -> None:
    X, w = inputs(X=sd.f64["n", 3], w=sd.f64[3])
    length = sd.sqrt(sd.sum(w * w))
    y = sd.vmap(lambda x: sd.sum(x) * sd.sqrt(sd.sum(w * w)))(X)
    assert length is y.inputs[1]


def test_new_nodes_keep_their_lines_and_orders() -> None:
    X, w = inputs(X=sd.f64[4, 3], w=sd.f64[3])
    value, slope = [], []

    def f(x: sd.Node) -> Any:
        value.append(sd.tanh(x @ w))
        slope.append(sd.grad(value[0], w))
        return value[0], slope[0]

    y, dy = sd.vmap(f)(X)
    assert (y.origin, dy.origin) == (value[0].origin, slope[0].origin)
    assert (y.order, dy.order) == (0, 1)
    assert sd.vmap(lambda row: row * 2.0)(dy).order == 1


def test_examples_do_not_stay_in_what_is_compiled_printed_or_pickled() -> None:
    X, w = inputs(X=sd.f64["n", 3], w=sd.f64[3])
    g = X.graph
    y = sd.vmap(lambda x: sd.vmap(lambda v: sd.grad(sd.sin(v) * sd.sum(x), v))(w))(X)
    assert "lane" not in sd.text(y)
    f = sd.compile([X, w], y)
    assert "lane" not in f.source
    assert "lane" not in g.compact([y]).text()
    g.check()
    assert sd.parse(g.text()).text() == g.text()
    assert pickle.loads(pickle.dumps(g)).text() == g.text()
    assert lanes_in(y) == []


def test_the_rest_of_the_graph_is_not_walked(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a thousand maps in one large graph cost what they are, not that squared."""
    X, w = inputs(X=sd.f64["n", 3], w=sd.f64[3])

    def refuse(*args: Any) -> Any:
        raise AssertionError("vmap walked the graph")

    for walk in ("ancestors", "descendants", "prune", "nodes", "consumers"):
        monkeypatch.setattr(sd.Graph, walk, refuse)
    y = sd.vmap(lambda x: sd.tanh(x @ w) * x)(X)
    monkeypatch.undo()
    assert y.type == X.type


def test_a_long_function_is_mapped() -> None:
    (x,) = inputs(x=sd.f64["n"])

    def f(v: sd.Node) -> sd.Node:
        for _ in range(3000):
            v = sd.sin(v)
        return v

    y = sd.vmap(f)(x)
    assert y.type == x.type


# -- closures ------------------------------------------------------------------------------


def test_a_function_closes_over_nodes_that_are_mapped_elsewhere() -> None:
    """The argument itself, inside its own map, is the whole array."""
    (x,) = inputs(x=sd.f64["n", 2])
    gram = sd.vmap(lambda row: x @ row)(x)
    distances = sd.vmap(lambda a: sd.vmap(lambda b: sd.sum((a - b) ** 2))(x))(x)
    X = data(4, 2)
    found = sd.evaluate([gram, distances], {x: X})
    np.testing.assert_allclose(found[0], X @ X.T)
    np.testing.assert_allclose(found[1], ((X[:, None] - X[None]) ** 2).sum(axis=-1))


def test_maps_nest_over_different_axes() -> None:
    a, b = inputs(a=sd.f64["n"], b=sd.f64["m"])
    table = sd.vmap(sd.vmap(lambda u, v: u / v, in_axes=(None, 0)), in_axes=(0, None))(a, b)
    turned = sd.vmap(sd.vmap(lambda u, v: u / v, in_axes=(0, None)), in_axes=(None, 0))(a, b)
    assert (table.type, turned.type) == (sd.f64["n", "m"], sd.f64["m", "n"])
    A, B = data(3), data(2, seed=1)
    found = sd.evaluate([table, turned], {a: A, b: B})
    np.testing.assert_allclose(found[0], A[:, None] / B)
    np.testing.assert_allclose(found[1], A / B[:, None])


def test_three_maps_make_an_outer_product() -> None:
    a, b, c = inputs(a=sd.f64[2], b=sd.f64[3], c=sd.f64[4])
    y = sd.vmap(lambda u: sd.vmap(lambda v: sd.vmap(lambda w: u * v * w)(c))(b), out_axes=-1)(a)
    A, B, C = data(2), data(3), data(4)
    found = sd.evaluate(y, {a: A, b: B, c: C})
    np.testing.assert_allclose(found, np.einsum("i,j,k->jki", A, B, C))


def test_one_function_mapped_twice_does_not_confuse_its_examples() -> None:
    x, y = inputs(x=sd.f64[3], y=sd.f64[3])
    square = sd.vmap(lambda v: v * v)
    both = sd.vmap(lambda a, b: a - b)
    X, Y = data(3), data(3, seed=1)
    found = sd.evaluate([square(x), square(y), both(x, y), both(x, x)], {x: X, y: Y})
    for value, expected in zip(found, [X * X, Y * Y, X - Y, X - X], strict=True):
        np.testing.assert_array_equal(value, expected)


# -- derivatives ---------------------------------------------------------------------------


def network(x: Any, W: Any, b: Any) -> Any:
    """A scalar of one example."""
    return sd.sum(sd.tanh(W @ x + b) ** 2)


POINT = {"x": (4, 3), "W": (2, 3), "b": (2,)}


def problem() -> tuple[list[sd.Node], dict[sd.Node, Array]]:
    nodes = inputs(**{name: sd.f64[shape] for name, shape in POINT.items()})
    return nodes, {n: data(*n.shape, seed=k) for k, n in enumerate(nodes)}


def one_by_one(f: Callable[..., Any], point: dict[sd.Node, Array]) -> Any:
    """`f(x, W, b)` of one example at a time, stacked."""
    X, W, B = point.values()
    x, w, b = inputs(x=sd.f64[3], W=sd.f64[2, 3], b=sd.f64[2])
    y = f(x, w, b)
    each = [sd.evaluate(y, {x: row, w: W, b: B}) for row in X]
    return stacked([tuple(e) if isinstance(e, list) else e for e in each])


DERIVATIVES: dict[str, Callable[[Any, Any, Any], Any]] = {
    "gradient by the example": lambda x, W, b: sd.grad(network(x, W, b), x),
    "gradient by what is shared": lambda x, W, b: tuple(sd.grad(network(x, W, b), [W, b])),
    "gradient by an inner node": lambda x, W, b: sd.grad(sd.sum((u := W @ x) ** 3), u),
    "tangent": lambda x, W, b: sd.jvp(network(x, W, b), x, 2.0 * x),
    "cotangent": lambda x, W, b: sd.vjp(sd.tanh(W @ x), W, b),
    "hessian": lambda x, W, b: sd.hessian(network(x, W, b), x),
    "hessian by what is shared": lambda x, W, b: sd.hessian(network(x, W, b), [W, b], flat=True),
    "hessian times a vector": lambda x, W, b: sd.hvp(network(x, W, b), x, x * x),
    "jacobian, reverse": lambda x, W, b: sd.jacobian(sd.tanh(W @ x), x, mode="reverse"),
    "jacobian, forward": lambda x, W, b: sd.jacobian(sd.tanh(W @ x), x, mode="forward"),
    "gradient of a gradient": lambda x, W, b: sd.grad(
        sd.sum(sd.grad(network(x, W, b), x) ** 2), W
    ),
    "masked": lambda x, W, b: sd.grad(sd.sum(sd.where(x > 1.0, sd.sqrt(x - 1.0), x)), x),
    "stopped": lambda x, W, b: sd.grad(sd.sum(sd.stop_gradient(W @ x) * (W @ x)), x),
}


@pytest.mark.parametrize("name", DERIVATIVES)
def test_a_derivative_is_taken_inside_for_each_example(name: str) -> None:
    f = DERIVATIVES[name]
    (x, W, b), point = problem()
    found = sd.evaluate(sd.vmap(f, in_axes=(0, None, None))(x, W, b), point)
    assert_close(found, one_by_one(f, point), "float64")
    closed = sd.evaluate(sd.vmap(lambda row: f(row, W, b))(x), point)
    assert_close(closed, found, "float64")


def test_derivatives_of_a_map_are_those_of_the_sum_written_by_hand() -> None:
    (x, W, b), point = problem()
    mapped = sd.sum(sd.vmap(network, in_axes=(0, None, None))(x, W, b))
    by_hand = sd.sum(sd.tanh(x @ W.T + b) ** 2)
    v = [data(*n.shape, seed=9) for n in (x, W, b)]
    for derive in (
        lambda z: sd.grad(z, [x, W, b]),
        lambda z: sd.jvp(z, [x, W, b], v),
        lambda z: sd.hvp(z, [x, W, b], v),
        lambda z: sd.hessian(z, [W, b], flat=True),
        lambda z: sd.hessian(z, x),
    ):
        found, expected = sd.evaluate([derive(mapped), derive(by_hand)], point)
        for one, other in zip(flatten(found), flatten(expected), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)


def test_a_map_of_gradients_is_differentiated_again() -> None:
    """The norm of each example's gradient, and its gradient by what they share."""
    (x, W, b), point = problem()

    def norm(row: Any) -> Any:
        return sd.sqrt(sum(sd.sum(d**2) for d in sd.grad(network(row, W, b), [W, b])))

    dW = sd.grad(sd.sum(sd.vmap(norm)(x)), W)
    rows, step = point[x], 1e-6
    direction = data(*W.shape, seed=5)

    def total(weight: Array) -> float:
        z = [norm(x[k]) for k in range(len(rows))]
        return float(sum(sd.evaluate(z, {**point, W: weight})))

    slope = (total(point[W] + step * direction) - total(point[W] - step * direction)) / (2 * step)
    assert np.sum(sd.evaluate(dW, point) * direction) == pytest.approx(slope, rel=1e-6)


def test_a_jacobian_of_a_map_is_block_diagonal() -> None:
    (x,) = inputs(x=sd.f64["n", 2])
    J = sd.jacobian(sd.vmap(lambda row: row * sd.sum(row))(x), x)
    X = data(3, 2)
    found = sd.evaluate(J, {x: X})
    for i, j in product(range(3), range(3)):
        block = X[i].sum() * np.eye(2) + np.outer(X[i], np.ones(2)) if i == j else np.zeros((2, 2))
        np.testing.assert_allclose(found[i, :, j], block)


@pytest.mark.parametrize("shared", [True, False])
def test_a_rule_of_ones_own_is_mapped(shared: bool) -> None:
    scaled = sd.custom_gradient(
        lambda a, b: a * sd.sum(b),
        vjp=lambda g, y, a, b: (10.0 * g * sd.sum(b), sd.sin(b) * sd.sum(g)),
        jvp=lambda ts, y, a, b: ts[0] * sd.sum(b),
    )
    a, b = inputs(a=sd.f64[4, 3], b=sd.f64[2] if shared else sd.f64[4, 2])
    axes = (0, None) if shared else 0

    def f(u: Any, v: Any) -> Any:
        return scaled(u, v), *sd.grad(sd.sum(scaled(u, v)), [u, v])

    A, B = data(4, 3), data(*b.shape, seed=1)
    found = sd.evaluate(sd.vmap(f, in_axes=axes)(a, b), {a: A, b: B})
    rows = np.broadcast_to(B, (4, 2))
    np.testing.assert_allclose(found[0], A * rows.sum(axis=1, keepdims=True))
    np.testing.assert_allclose(found[1], np.repeat(10 * rows.sum(axis=1)[:, None], 3, axis=1))
    np.testing.assert_allclose(found[2], np.sin(rows) * 3)


def test_a_map_inside_a_rule_of_ones_own() -> None:
    norm = sd.custom_gradient(
        lambda m: sd.sum(sd.vmap(lambda row: sd.sqrt(sd.sum(row**2)))(m)),
        vjp=lambda g, y, m: sd.vmap(lambda row: g * row)(m),
    )
    (m,) = inputs(m=sd.f64["n", 2])
    M = data(3, 2)
    found = sd.evaluate([norm(m), sd.grad(norm(m), m)], {m: M})
    np.testing.assert_allclose(found[0], np.linalg.norm(M, axis=1).sum())
    np.testing.assert_allclose(found[1], M)


# -- compiled ------------------------------------------------------------------------------


def test_one_compiled_map_serves_every_number_of_examples() -> None:
    X, y, w = inputs(X=sd.f64["batch", 3], y=sd.f64["batch"], w=sd.f64[3])

    def gradient(x: sd.Node, t: sd.Node) -> sd.Node:
        return sd.grad((x @ w - t) ** 2, w)

    f = sd.compile([X, y, w], sd.vmap(gradient)(X, y))
    W = data(3)
    for n in (0, 1, 7):
        A, T = data(n, 3), data(n, seed=1)
        np.testing.assert_allclose(f(A, T, W), 2 * (A @ W - T)[:, None] * A)
    with pytest.raises(sd.ShapeError, match="batch is 2 in X but 3 in y"):
        f(data(2, 3), data(3), W)


def test_a_mapped_function_of_arrays() -> None:
    def f(x: Any, scale: float) -> Any:
        return np.sum(np.exp(x)) * scale

    mapped = sd.function(sd.vmap(f, in_axes=(1, None)))
    X = data(2, 3)
    np.testing.assert_allclose(mapped(X, 2.0), np.exp(X).sum(axis=0) * 2)
    assert mapped.__name__ == "f"
    total = sd.function(lambda x: np.sum(sd.vmap(np.linalg.norm)(x)))
    np.testing.assert_allclose(total.grad(X), X / np.linalg.norm(X, axis=1, keepdims=True))


# -- what is refused -----------------------------------------------------------------------


def refused(error: type[Exception], *lines: str) -> Any:
    return pytest.raises(error, match="(?s)" + ".*".join(lines))


def add(x: Any, y: Any) -> Any:
    return x + y


def test_a_map_of_arrays_alone_says_what_takes_them() -> None:
    with refused(sd.ArgumentError, r"vmap\(add\): none .* node; sd.function\(sd.vmap\(add\)\)"):
        sd.vmap(add)(np.ones(3), np.ones(3))


def test_numbers_of_examples_that_differ_are_listed_with_the_arguments() -> None:
    x, y = inputs(x=sd.f64[4, 3], y=sd.f64["n"])
    with refused(
        sd.ShapeError,
        r"vmap\(add\): the mapped axes differ",
        r"3 along axis 1 of x : f64\[4,3\]",
        r"n along axis 0 of y : f64\[n\]",
        r"in_axes=None.*sd.refine",
    ):
        sd.vmap(add, in_axes=(1, 0))(x, y)
    with refused(sd.ShapeError, "axis_size = 5", "4 along axis 0 of x", "4 along axis 0 of y"):
        sd.vmap(add, axis_size=5)(x, np.ones(4))


def test_an_axis_that_is_not_there_is_named_with_its_argument() -> None:
    x, y = inputs(x=sd.f64[4, 3], y=sd.f64[4])
    with refused(sd.ShapeError, r"in_axes of y: axis 1 is out of bounds", r"y : f64\[4\]"):
        sd.vmap(add, in_axes=(0, 1))(x, y)
    with refused(sd.ShapeError, r"in_axes of y\['a'\]: axis 0 is out of bounds", r"3.0 \(float\)"):
        sd.vmap(lambda x, y: x)(x, {"a": 3.0})
    with refused(sd.ShapeError, r"out_axes of result\[1\]: axis 2 is out of bounds"):
        sd.vmap(lambda u: (u, u), out_axes=(0, 2))(x)


def test_nothing_mapped_is_refused() -> None:
    (x,) = inputs(x=sd.f64[4])
    with refused(sd.ArgumentError, "nothing is mapped", "axis_size"):
        sd.vmap(add, in_axes=None)(x, x)


@pytest.mark.parametrize("axes", ["0", 1.5, True, {"x": 0}])
def test_axes_are_ints_and_none(axes: Any) -> None:
    with refused(sd.ArgumentError, r"vmap\(add\): in_axes must be an int"):
        sd.vmap(add, in_axes=axes)
    with refused(sd.ArgumentError, r"in_axes\[1\]\[0\] must be an int or None"):
        sd.vmap(add, in_axes=(0, ["0"]))
    with refused(sd.ArgumentError, r"out_axes.* must be an int or None"):
        sd.vmap(add, out_axes=[1.5])


def test_axes_follow_the_nesting() -> None:
    (x,) = inputs(x=sd.f64[4])
    with refused(sd.ArgumentError, "in_axes has 1 entries, but 2 positional"):
        sd.vmap(add, in_axes=(0,))(x, x)
    with refused(sd.ArgumentError, r"in_axes has the keys \['a'\] for y: "):
        sd.vmap(lambda x, y: x, in_axes=(0, {"a": 0}))(x, {"b": x})
    with refused(sd.ArgumentError, r"in_axes has 2 entries for y\['b'\]: "):
        sd.vmap(lambda x, y: x, in_axes=(0, {"b": (0, 0)}))(x, {"b": [x]})
    with refused(sd.ArgumentError, "out_axes has 2 entries for result: "):
        sd.vmap(lambda v: v, out_axes=(0, 0))(x)


def test_a_result_that_is_mapped_has_an_axis() -> None:
    (x,) = inputs(x=sd.f64[4])
    with refused(sd.ArgumentError, r"out_axes of result\['y'\] is None", "sin", r"test_vmap.py:"):
        sd.vmap(lambda v: {"y": sd.sin(v)}, out_axes={"y": None})(x)


def test_a_function_returns_nodes() -> None:
    (x,) = inputs(x=sd.f64[4])
    with refused(sd.ArgumentError, r"returned 'text' at result\[1\], which is not a node"):
        sd.vmap(lambda v: (v, "text"))(x)
    with refused(sd.ArgumentError, "vmap: 3 is not a function"):
        sd.vmap(3)


def test_nodes_of_two_graphs_do_not_meet() -> None:
    (x,), (y,) = inputs(x=sd.f64[4]), inputs(y=sd.f64[4])
    for f in (lambda: sd.vmap(add)(x, y), lambda: sd.vmap(lambda v: y)(x)):
        with pytest.raises(sd.MixedGraphError):
            f()


def test_an_op_without_a_batch_rule_is_named() -> None:
    alone = sd.op("alone", "x", doc="", infer=lambda x: x, kernel=np.sort)
    (x,) = inputs(x=sd.f64[4, 3])
    with refused(sd.ArgumentError, r"alone has no batch rule\n", r"test_vmap.py:\d+"):
        sd.vmap(alone)(x)


def test_errors_inside_speak_of_one_example() -> None:
    (x,) = inputs(x=sd.f64[4, 3])
    with refused(sd.ShapeError, "matmul", r'f64\[3\] = lane name="row"'):
        sd.vmap(lambda row: row @ np.ones(2))(x)


def test_a_value_that_leaves_the_function_is_found_out() -> None:
    (x,) = inputs(x=sd.f64[4])
    kept = []
    sd.vmap(lambda v: kept.append(sd.sin(v)) or v)(x)
    message = ("one example of v, a value inside sd.vmap that left it", "test_vmap.py")
    with refused(sd.EvaluationError, *message):
        sd.evaluate(kept[0], {})
    with refused(sd.EvaluationError, *message):
        sd.compile([x], sd.vmap(lambda v: v * kept[0])(x))(np.ones(4))
    again = sd.vmap(lambda v: v + sd.exp(v))(x)
    assert lanes_in(again) == []


def test_a_kept_value_is_no_example_of_a_later_map() -> None:
    """Also in a graph that has been made smaller, where numbers are given again."""
    (x,) = inputs(x=sd.f64[4])
    kept = []
    sd.vmap(lambda v: kept.append(sd.sin(v)) or v)(x)
    small = x.graph.compact(kept)
    (y,) = small.inputs
    for _ in range(4):
        mapped = sd.vmap(lambda v: v * small.outputs[0])(y)
        assert len(lanes_in(mapped)) == 1


# -- batch ---------------------------------------------------------------------------------


def test_a_graph_is_batched_over_some_of_its_nodes() -> None:
    x, w, X, W = inputs(x=sd.f64[3], w=sd.f64[3], X=sd.f64["n", 3], W=sd.f64["n", 3])
    y = sd.tanh(x @ w)
    tree = {"y": y, "more": [sd.grad(y, x), sd.exp(w)]}
    A, B, v = data(4, 3), data(4, 3, seed=1), data(3, seed=2)
    some = sd.batch(tree, {x: X})
    assert [some["y"].type, some["more"][1].type] == [sd.f64["n"], sd.f64["n", 3]]
    found = sd.evaluate(some, {X: A, w: v})
    np.testing.assert_allclose(found["y"], np.tanh(A @ v))
    np.testing.assert_allclose(found["more"][0], (1 - np.tanh(A @ v)[:, None] ** 2) * v)
    np.testing.assert_allclose(found["more"][1], np.broadcast_to(np.exp(v), (4, 3)))
    both = sd.evaluate(sd.batch(y, {x: X, w: W}), {X: A, W: B})
    np.testing.assert_allclose(both, np.tanh((A * B).sum(axis=1)))


def test_a_batch_may_be_an_array_or_of_an_inner_node() -> None:
    (x,) = inputs(x=sd.f64[3])
    u = sd.sin(x)
    A = data(4, 3)
    found = sd.evaluate(sd.batch([u, sd.sum(u) * x], {u: A}), {x: np.ones(3)})
    np.testing.assert_array_equal(found[0], A)
    np.testing.assert_allclose(found[1], A.sum(axis=1, keepdims=True) * np.ones(3))


def test_misuse_of_batch_is_named() -> None:
    x, n, X = inputs(x=sd.f64[3], n=sd.f64["n", 3], X=sd.f32[4, 3])
    y = sd.sin(x)
    for error, message, call in (
        (
            sd.ArgumentError,
            r"outputs\[1\] must be a node, not 3",
            lambda: sd.batch([y, 3], {x: n}),
        ),
        (sd.ArgumentError, "nodes and their batches as a dict", lambda: sd.batch(y, {})),
        (sd.ArgumentError, "nodes and their batches as a dict", lambda: sd.batch(y, n)),
        (sd.ArgumentError, "'x' is not a node", lambda: sd.batch(y, {"x": n})),
        (sd.DTypeError, r"f32\[4,3\] does not stand for f64\[3\]", lambda: sd.batch(y, {x: X})),
        (sd.ShapeError, r"f64\[3\] is not f64\[3\] with", lambda: sd.batch(y, {x: sd.exp(x)})),
        (sd.ShapeError, r"is not f64\[3\] with a leading", lambda: sd.batch(y, {x: 1.0})),
        (
            sd.ShapeError,
            r"leading axes differ: n, 4\n  n : .*sd.refine",
            lambda: sd.batch(x * y, {x: n, y: np.ones((4, 3))}),
        ),
    ):
        with refused(error, message):
            call()
