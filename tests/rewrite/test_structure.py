"""Structure: derivatives for all rows of an identity matrix come out as closed forms."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
import pytest

import symdiff as sd
from symdiff.ops.contract import put_diagonal, take_diagonal
from symdiff.rewrite.rules.structure import STRUCTURE
from symdiff.rewrite.structured import structured
from symdiff.sizes import evaluate
from symdiff.types import evaluate_shape

SIZES = {"n": 5, "m": 3, "k": 4, "d": 2}


def _values(graph: sd.Graph, sizes: dict[str, int], seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {
        str(i.name): rng.normal(size=evaluate_shape(i.shape, sizes)).astype(i.dtype)
        for i in graph.inputs
    }


def _run(nodes: Any, values: dict[str, Any], sizes: dict[str, int]) -> list[Any]:
    graph = nodes[0].graph
    given = {i: values[str(i.name)] for i in graph.inputs}
    return [np.asarray(v) for v in sd.evaluate(list(nodes), given, sizes=sizes)]


def _largest(graph: sd.Graph, sizes: dict[str, int]) -> int:
    """The entries of the largest array computed; views take none."""
    views = ("reshape", "permute_dims", "broadcast_to", "index")
    found = [n for n in graph.ancestors(graph.outputs) if n.op.name not in views]
    return max(prod(evaluate(d, sizes) for d in n.shape) for n in found if n.inputs)


def _closed(node: sd.Node, sizes: dict[str, int] = SIZES, rtol: float = 1e-9) -> sd.Graph:
    """The graph in closed form, its values compared with those of the plain one."""
    graph = node.graph
    graph.outputs = [node]
    done = structured(graph)
    done.graph.check()
    assert done.graph is not graph
    values = _values(graph, sizes)
    (expected,), (found,) = (_run(g.outputs, values, sizes) for g in (graph, done.graph))
    assert done.graph.outputs[0].type == node.type
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol * 1e-2)
    return done.graph


def _ops(graph: sd.Graph) -> set[str]:
    return {n.op.name for n in graph.ancestors(graph.outputs)}


# -- each operation ------------------------------------------------------------------------


def _matrix(n: Any, x: sd.Node) -> sd.Node:
    return sd.eye(n, like=x, dtype=x.dtype)


ROWS: dict[str, tuple[Callable[[sd.Node, sd.Node], sd.Node], str]] = {
    "eye": (lambda x, X: _matrix("n", x) * x, "scatter reshape"),
    "put_diagonal": (lambda x, X: put_diagonal(x, along=(0, 0)).sum(axis=0), ""),
    "take_diagonal": (lambda x, X: take_diagonal(_matrix("n", x) * x, along=(0, 0)), ""),
    "broadcast_to": (
        lambda x, X: sd.broadcast_to(_matrix("n", x), shape=("n", "n", "n")).sum(axis=2) @ x,
        "sum reshape broadcast_to",
    ),
    "index": (lambda x, X: (_matrix("n", x)[:, 1:] * x[1:]).sum(axis=0), "index"),
    "permute_dims": (lambda x, X: _matrix("n", x)[1:, :].T @ x[1:], "index scatter"),
    "reshape": (lambda x, X: (_matrix("n", x).reshape(("n", 1, "n")) * x).sum(axis=0), "reshape"),
    "scatter": (
        lambda x, X: sd.scatter(
            _matrix("n", x) * x, shape=("n+1", "n"), keys=((slice(1, None), slice(None)),)
        ),
        "scatter reshape",
    ),
    "add": (lambda x, X: (_matrix("n", x) * x + _matrix("n", x)).sum(axis=0), "add"),
    "add_n": (lambda x, X: sd.add_n(_matrix("n", x), _matrix("n", x) * x).sum(axis=0), "add"),
    "subtract": (lambda x, X: (_matrix("n", x) - _matrix("n", x) * x).sum(axis=1), "subtract"),
    "negative": (lambda x, X: sd.negative(_matrix("n", x)) @ x, "negative"),
    "multiply": (lambda x, X: X @ (_matrix("m", X) * X[0]), "index multiply"),
    "divide": (lambda x, X: (_matrix("n", x) / x).sum(axis=0), "divide"),
    "matmul": (lambda x, X: (_matrix("n", x) * x) @ X, "reshape multiply"),
    "einsum": (lambda x, X: sd.einsum("ij,jk->ki", _matrix("n", x), X), "permute_dims"),
    "sum": (lambda x, X: (_matrix("n", x) * x).sum(axis=(0, 1)), "sum"),
    "where": (
        lambda x, X: sd.where(x > 0, _matrix("n", x), 0.0) @ x,
        "greater broadcast_to where multiply",
    ),
}
"""What is written with an identity matrix, and the operations that are left."""


def test_every_operation_has_its_row() -> None:
    assert ROWS.keys() == STRUCTURE.keys()


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("dtype", [sd.f64, sd.f32])
def test_an_operation_on_an_identity_matrix_computes_no_matrix(name: str, dtype: Any) -> None:
    f, after = ROWS[name]
    g = sd.Graph()
    x, X = g.input("x", dtype["n"]), g.input("X", dtype["n", "m"])
    node = f(x, X)
    assert name in {n.op.name for n in g.nodes}
    g.outputs = [node]
    done = structured(g).graph
    assert _left(done) == after
    assert done.outputs[0].type == node.type
    for n in (1, 2, 5):
        sizes = {"n": n, "m": 3}
        values = _values(g, sizes, n)
        np.testing.assert_allclose(
            _run(done.outputs, values, sizes)[0],
            _run(g.outputs, values, sizes)[0],
            rtol=1e-5 if dtype is sd.f32 else 1e-12,
        )


def _left(graph: sd.Graph) -> str:
    live = sorted(graph.ancestors(graph.outputs), key=lambda n: n.index)
    return " ".join(n.op.name for n in live if n.op.name not in ("input", "constant"))


def test_a_product_with_an_identity_matrix_is_its_diagonal() -> None:
    g = sd.Graph()
    A = g.input("A", sd.f64["n", "n"])
    done = _closed(A * sd.eye("n", like=A))
    assert "take_diagonal" in _ops(done)


@pytest.mark.parametrize("k", [-2, -1, 0, 1, 2])
def test_shifted_and_rectangular_identity_matrices(k: int) -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64[5])
    assert "eye" not in _ops(_closed(sd.eye(4, 5, k=k, like=x) * x))
    assert "eye" not in _ops(_closed(sd.eye(5, 4, k=k, like=x).T * x))


def test_diagonals_multiply_to_a_diagonal() -> None:
    g = sd.Graph()
    x, y = g.input("x", sd.f64["n"]), g.input("y", sd.f64["n"])
    done = _closed(sd.diag(x) @ sd.diag(y))
    assert "matmul" not in _ops(done)
    done = _closed(sd.diag(x) @ sd.eye("n", like=x) * sd.diag(y) + sd.diag(x * y))
    assert _ops(done) == {"input", "multiply", "add", "scatter", "reshape"}


def test_structural_zeros_stay_zero_beside_infinities_and_nan() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64["n"])
    g.outputs = [sd.eye("n", like=x) * x]
    done = structured(g).graph
    bad = np.array([np.inf, np.nan, -0.0, 2.0])
    (found,) = _run(done.outputs, {"x": bad}, {"n": 4})
    np.testing.assert_array_equal(found, np.diag(bad))


def test_a_mean_over_nothing_does_not_reach_the_rest_of_a_hessian() -> None:
    g = sd.Graph()
    z, w = _ridge(g)
    g.outputs = [sd.hessian(z, w)]
    done = structured(g).graph
    values = {"X": np.empty((0, 2)), "y": np.empty(0), "w": np.ones(2)}
    (found,) = _run(done.outputs, values, {"n": 0, "m": 2})
    np.testing.assert_allclose(found, 0.2 * np.eye(2))


def test_a_graph_without_structure_is_left_alone() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64["n"])
    g.outputs = [sd.sum(x * x)]
    assert structured(g).graph is g


def test_closed_forms_of_many_more_steps_than_entries_are_left_alone() -> None:
    """The Hessian of a recursion over a few numbers, each its own entry of the input."""
    g = sd.Graph()
    x = g.input("x", sd.f64[6, 3])
    a = [x[0, k] for k in range(3)]
    for t in range(1, 6):
        a = [np.logaddexp(a[k], a[k - 1]) + x[t, k] for k in range(3)]
    g.outputs = [sd.hessian(np.logaddexp(a[1], a[2]), x)]
    assert structured(g).graph is g
    assert len(sd.compile([x], g.outputs).graph) < 1.1 * len(g.ancestors(g.outputs))


def test_an_operation_that_needs_the_entries_gets_them() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64["n"])
    done = _closed(sd.exp(sd.eye("n", like=x) * x))
    assert {"exp", "scatter"} <= _ops(done)
    done = _closed(sd.eye("n", like=x) / (2.0 + sd.eye("n", like=x)))
    assert "divide" in _ops(done)


def test_results_that_are_several_and_numbers_all_along_are_looked_through() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64["n"])
    _, rest = divmod(x, 0.7)
    ones = sd.broadcast_to(g.constant(2.0), shape=("n",)) * 3.0
    done = _closed(sd.eye("n", like=x) * (ones / 4.0) * rest)
    assert "eye" not in _ops(done)
    assert not [n for n in done.ancestors(done.outputs) if n.op.name == "divide"]


def test_what_came_from_what_is_kept() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64["n"])
    z = sd.sum(sd.sin(x))
    H = sd.hessian(z, x)
    g.outputs = [sd.grad(z, x), H, z]
    done = structured(g)
    new = done.mapping[H]
    assert new.order == 2
    assert str(new.origin) == str(H.origin)
    assert any(r.gradient is done.mapping[g.outputs[0]] for r in done.graph.provenance)


def test_the_pass_is_part_of_the_default_and_traces(capsys: pytest.CaptureFixture[str]) -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64["n"])
    g.outputs = [sd.hessian(sd.sum(sd.sin(x)), x)]
    done = sd.optimize(g, trace=True)
    assert "structure" in capsys.readouterr().out
    assert "eye" not in _ops(done.graph)
    assert done.mapping[g.outputs[0]] is done.graph.outputs[0]
    assert set(done.came_from) <= set(done.graph.nodes)
    assert "eye" in _ops(sd.optimize(g, "safe").graph)


# -- Hessians against the formulas of a book -----------------------------------------------


def _inputs(**types: Any) -> tuple[sd.Graph, list[sd.Node]]:
    g = sd.Graph()
    return g, [g.input(name, type_) for name, type_ in types.items()]


SOFTPLUS = """\
graph graph(X: f64[n,m], w: f64[m]) {
  %0 : f64[n]   = matmul X w
  %1 : f64[n]   = sigmoid %0
  %2 : f64[n]   = subtract 1.0 %1
  %3 : f64[n]   = multiply %1 %2
  %4 : f64[m,n] = permute_dims X axes=(1,0)
  %5 : f64[n,1] = reshape %3 shape=(n,1)
  %6 : f64[n,m] = multiply X %5
  %7 : f64[m,m] = matmul %4 %6
  return %7
}"""


def test_the_hessian_of_a_softplus_regression_is_a_scaled_product_and_nothing_else() -> None:
    g, (X, w) = _inputs(X=sd.f64["n", "m"], w=sd.f64["m"])
    z = sd.sum(sd.log1p(sd.exp(X @ w)))
    done = _closed(sd.hessian(z, w))
    assert sd.text(done.outputs[0]) == SOFTPLUS
    sizes = {"n": 100, "m": 7}
    assert _largest(done, sizes) <= 700
    values = _values(g, sizes)
    p = 1.0 / (1.0 + np.exp(-values["X"] @ values["w"]))
    expected = values["X"].T @ ((p * (1 - p))[:, None] * values["X"])
    np.testing.assert_allclose(_run(done.outputs, values, sizes)[0], expected, rtol=1e-9)


def test_the_rosenbrock_hessian_is_vectors_and_one_scatter() -> None:
    for size in ("n", 1, 2, 6):
        g, (x,) = _inputs(x=sd.f64[size])
        z = sd.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)
        g.outputs = [sd.hessian(z, x)]
        done = structured(g).graph
        for n in (1, 2, 3, 6) if size == "n" else (size,):
            values = _values(g, {"n": n})
            (found,) = _run(done.outputs, values, {"n": n})
            expected = np.zeros((n, n))
            low, high = values["x"][:-1], values["x"][1:]
            flat = expected.ravel()
            flat[:: n + 1][:-1] = 1200 * low**2 - 400 * high + 2
            flat[:: n + 1][1:] += 200
            flat[1 :: n + 1] = flat[n :: n + 1] = -400 * low
            np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
        if size in ("n", 6):
            squares = [n for n in done.ancestors(done.outputs) if n.ndim == 2]
            assert [n.op.name for n in squares] == ["reshape"]


def test_a_slice_with_a_named_step_prints_parses_and_compiles() -> None:
    g = sd.Graph()
    x, y = g.input("x", sd.f64["n"]), g.input("y", sd.f64["n", "n"])
    g.outputs = [_coupled_on_dense(x, y)]
    done = structured(g).graph
    text = done.text()
    assert ":n+1,)" in text
    assert sd.parse(text).text() == text
    f = sd.compile(done)
    for n in (1, 2, 5):
        values = _values(g, {"n": n})
        (expected,) = _run(g.outputs, values, {"n": n})
        np.testing.assert_allclose(f(values["x"], values["y"]), expected, rtol=1e-12)
    with pytest.raises(sd.ParseError, match="as the step"):
        sd.parse(text.replace(":n+1,)", ":n-1,)"))


def _coupled_on_dense(x: sd.Node, y: sd.Node) -> sd.Node:
    """Two diagonals on a dense matrix."""
    return y + sd.hessian(sd.sum(sd.sin(x[1:]) * x[:-1]), x)


def _tanh(g: sd.Graph) -> tuple[sd.Node, sd.Node]:
    X, y = g.input("X", sd.f64["n", "m"]), g.input("y", sd.f64["n"])
    w = g.input("w", sd.f64["m"])
    return sd.sum((sd.tanh(X @ w) - y) ** 2), w


def _softmax(g: sd.Graph) -> tuple[sd.Node, sd.Node]:
    X, Y = g.input("X", sd.f64["n", "m"]), g.input("Y", sd.f64["n", "k"])
    W = g.input("W", sd.f64["m", "k"])
    U = X @ W
    return sd.sum(sd.logsumexp(U, axis=-1)) - sd.sum(U * Y), W


def _mixture(g: sd.Graph) -> tuple[sd.Node, sd.Node]:
    X, c = g.input("X", sd.f64["n", "d"]), g.input("c", sd.f64["k", "d"])
    away = X[:, None, :] - c[None]
    return sd.sum(sd.logsumexp(-0.5 * sd.sum(away * away, axis=-1), axis=-1)), c


def _ridge(g: sd.Graph) -> tuple[sd.Node, sd.Node]:
    X, y = g.input("X", sd.f64["n", "m"]), g.input("y", sd.f64["n"])
    w = g.input("w", sd.f64["m"])
    return sd.mean((X @ w - y) ** 2) + 0.1 * sd.sum(w**2), w


def _relu(g: sd.Graph) -> tuple[sd.Node, sd.Node]:
    X, w = g.input("X", sd.f64["n", "m"]), g.input("w", sd.f64["m"])
    return sd.sum(sd.maximum(X @ w, 0.0) ** 3), w


def _coupled(g: sd.Graph) -> tuple[sd.Node, sd.Node]:
    x = g.input("x", sd.f64["n"])
    return sd.sum(sd.sin(x[1:] * x[:-1])) + sd.sum(sd.cos(x[2:] - x[:-2])), x


def _differences(g: sd.Graph) -> tuple[sd.Node, sd.Node]:
    x = g.input("x", sd.f64["n"])
    d = x[1:] - x[:-1]
    return sd.sum(sd.exp(d[1:] - d[:-1])), x


def _matrix_variable(g: sd.Graph) -> tuple[sd.Node, sd.Node]:
    W = g.input("W", sd.f64["m", "k"])
    return sd.sum(sd.exp(W) * W), W


def _batched(g: sd.Graph) -> tuple[sd.Node, sd.Node]:
    X = g.input("X", sd.f64["n", "m"])
    return sd.sum(sd.exp(sd.sum(X * X, axis=1))), X


def _log_determinant(g: sd.Graph) -> tuple[sd.Node, sd.Node]:
    A, s = g.input("A", sd.f64["m", "m"]), g.input("s", sd.f64["m"])
    return sd.sum((A * sd.exp(s)) @ (A.T @ sd.cos(s))), s


def _strided(g: sd.Graph) -> tuple[sd.Node, sd.Node]:
    x = g.input("x", sd.f64[6])
    return sd.sum(sd.sin(x[::2] * x[1::2])) + x[0] ** 2 * x[3] + sd.sum(x[::-1] * x**2), x


HESSIANS: dict[str, tuple[Any, bool]] = {
    "tanh": (_tanh, True),
    "softmax": (_softmax, True),
    "mixture": (_mixture, True),
    "ridge": (_ridge, True),
    "relu": (_relu, True),
    "coupled": (_coupled, True),
    "differences": (_differences, True),
    "matrix variable": (_matrix_variable, True),
    "batched": (_batched, True),
    "log determinant": (_log_determinant, True),
    "strided": (_strided, False),
}


@pytest.mark.parametrize("name", HESSIANS)
def test_a_hessian_in_closed_form(name: str) -> None:
    build, clean = HESSIANS[name]
    g = sd.Graph()
    z, x = build(g)
    done = _closed(sd.hessian(z, x))
    if clean:
        assert "eye" not in _ops(done)
        largest = max(_entries(i, SIZES) for i in g.inputs)
        output = _entries(done.outputs[0], SIZES)
        assert _largest(done, SIZES) <= max(output, largest * max(SIZES.values()))


def _entries(node: sd.Node, sizes: dict[str, int]) -> int:
    return prod(evaluate_shape(node.shape, sizes))


def test_the_hessian_of_a_quadratic_form() -> None:
    _, (A, x) = _inputs(A=sd.f64["n", "n"], x=sd.f64["n"])
    done = _closed(sd.hessian(x @ A @ x, x))
    assert _ops(done) <= {"input", "permute_dims", "add", "add_n"}


STEPS: tuple[Callable[[sd.Node, sd.Node, sd.Node], sd.Node], ...] = (
    lambda y, x, A: sd.sin(y),
    lambda y, x, A: y * y,
    lambda y, x, A: A @ y,
    lambda y, x, A: y @ A + x,
    lambda y, x, A: y - sd.sum(y) * x,
    lambda y, x, A: sd.where(y > 0, sd.tanh(y), y),
    lambda y, x, A: sd.concat([y[1:], y[:1]]),
    lambda y, x, A: -y / (2.0 + x * x),
    lambda y, x, A: sd.scatter(y[:-1] * y[1:], shape=y.shape, keys=((slice(0, y.shape[0] - 1),),)),
)


@pytest.mark.parametrize("size", [6, "n"])
def test_random_objectives_keep_their_hessians(size: Any) -> None:
    rng = np.random.default_rng(7)
    for trial in range(20):
        g = sd.Graph()
        x, A = g.input("x", sd.f64[size]), g.input("A", sd.f64[size, size])
        pool = [x]
        for _ in range(6):
            step = STEPS[rng.integers(len(STEPS))]
            pool.append(step(pool[rng.integers(len(pool))], x, A))
        z = sd.sum(sd.cos(pool[-1] * 0.3)) + sd.sum(pool[-2] * x)
        g.outputs = [sd.hessian(z, x), sd.grad(z, x)]
        done = structured(g)
        done.graph.check()
        for n in (6,) if size == 6 else (1, 2, 4):
            values = _values(g, {"n": n}, trial)
            old, new = (_run(h.outputs, values, {"n": n}) for h in (g, done.graph))
            for a, b in zip(old, new, strict=True):
                np.testing.assert_allclose(b, a, rtol=1e-7, atol=1e-9 * (1 + abs(a).max()))


class _Known(sd.Graph):
    """A graph whose inputs have known sizes where named ones are asked for."""

    sizes: dict[str, int]

    def input(self, name: str, type: Any) -> sd.Node:
        shape = evaluate_shape(type.shape, self.sizes)
        return super().input(name, sd.f64[shape])


@pytest.mark.parametrize("name", HESSIANS)
@pytest.mark.parametrize("least", [1, 2, 3])
def test_known_sizes_axes_of_one_among_them(name: str, least: int) -> None:
    g = _Known()
    g.sizes = {"n": least + 1, "m": least, "k": 1, "d": 4 - least}
    z, x = HESSIANS[name][0](g)
    g.outputs = [sd.hessian(z, x)]
    done = structured(g).graph
    done.check()
    values = _values(g, {})
    (expected,), (found,) = (_run(h.outputs, values, {}) for h in (g, done))
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-11)
    assert done.outputs[0].type == g.outputs[0].type
