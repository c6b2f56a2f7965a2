"""Facts hold of the values they are about, whatever those are: NaN, infinities, overflow."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, nan
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import symdiff as sd
from symdiff.rewrite.facts import Facts

Array = np.ndarray[Any, Any]

# -- one by one ----------------------------------------------------------------------------

G = sd.Graph("facts")
X = G.input("x", sd.f64["n", 3])
S = G.input("s", sd.f64["n"])
Q = G.input("q", sd.f64["n", "n"])
C = G.input("c", sd.f64[3, 3])
K = G.input("k", sd.i64["n"])
F = Facts()

NONNEGATIVE = [
    sd.exp(X),
    X * X,
    X**2,
    sd.abs(X),
    sd.sum(sd.exp(X)),
    sd.mean(X * X, axis=0),
    sd.max(sd.abs(X), axis=1),
    sd.sqrt(X),
    sd.sigmoid(X),
    sd.softmax(X),
    sd.relu(X),
    1.0 - sd.sigmoid(X),
    1.0 - sd.tanh(X) * sd.tanh(X),
    sd.maximum(X, 0.0),
    sd.where(X > 0, X, 0.0),
    sd.where(X < 0, 0.0, X * X),
    sd.concat([sd.exp(X), X * X]),
    sd.exp(X)[0].reshape(3, 1).T,
    sd.broadcast_to(sd.exp(S), shape=(2, "n")),
    sd.add_n(sd.exp(X), X * X),
    sd.softplus(X),
    sd.exp(X) @ sd.abs(C),
    S @ S,
    sd.eye("n", like=X),
    sd.zeros_like(X),
    sd.var(X),
    sd.exp(X).astype(sd.f32),
    sd.diag(S * S),
]


@pytest.mark.parametrize("node", NONNEGATIVE, ids=repr)
def test_what_cannot_be_negative(node: sd.Node) -> None:
    assert F.nonnegative(node)
    assert F.nonpositive(-node)


UNKNOWN = [X, X * X - 1.0, sd.sin(X), sd.log(X), X @ C, -sd.exp(X), sd.exp(X) - 1.0, K, 1 / X]


@pytest.mark.parametrize("node", UNKNOWN, ids=repr)
def test_what_can_be_negative(node: sd.Node) -> None:
    assert not F.nonnegative(node)


POSITIVE = [
    sd.exp(sd.tanh(X)),
    sd.exp(X) + 1.0,
    1.0 + X * X,
    sd.exp(sd.sin(X)) * 2.0,
    sd.maximum(X, 1e-3),
    sd.where(X > 0, X, 1.0),
    sd.sqrt(1.0 + X * X),
    sd.sum(sd.exp(sd.tanh(C))),
    1 / (1.0 + sd.exp(sd.tanh(X))),
    sd.cosh(X) + 1.0,
]


@pytest.mark.parametrize("node", POSITIVE, ids=repr)
def test_what_is_positive(node: sd.Node) -> None:
    assert F.positive(node)
    assert F.nonzero(-node)


@pytest.mark.parametrize(
    "node", [sd.exp(X), X * X, sd.sum(1.0 + X * X), 1 / (1.0 + X * X)], ids=repr
)
def test_what_may_underflow_or_be_a_sum_of_nothing_is_not_positive(node: sd.Node) -> None:
    assert not F.positive(node)


FINITE = [
    sd.where(X > 0, sd.tanh(sd.where(X > 0, X, 1.0)), 0.0),
    sd.eye("n", like=X),
    G.constant(np.arange(6.0)),
    sd.sum(K * 0),
    K.astype(sd.f64),
    sd.sin(K.astype(sd.f64)),
    sd.ones_like(X),
    sd.isnan(X).astype(sd.f64),
    sd.exp(sd.cos(K.astype(sd.f64))),
    sd.softmax(K.astype(sd.f64)),
]


@pytest.mark.parametrize("node", FINITE, ids=repr)
def test_what_is_finite(node: sd.Node) -> None:
    assert F.finite(node)
    assert F.no_nan(node)


@pytest.mark.parametrize(
    "node",
    [
        X,
        sd.tanh(X),
        sd.exp(K.astype(sd.f64)),
        sd.sum(sd.cos(K.astype(sd.f64))),
        G.constant(np.array([1.0, nan])),
        G.constant(inf),
        sd.ones_like(X) / sd.zeros_like(X),
    ],
    ids=repr,
)
def test_what_may_be_nan_or_infinite(node: sd.Node) -> None:
    assert not F.finite(node)


def test_products_with_infinity_and_differences_of_infinities_may_be_nan() -> None:
    e = sd.exp(sd.where(X > 0, X, 0.0))  # in [1, inf], without NaN
    assert F.no_nan(e)
    assert F.no_nan(e + e)
    assert F.no_nan(sd.sum(e))
    assert F.no_nan(e * e)
    assert not F.no_nan(e - e)
    assert not F.no_nan(e * sd.zeros_like(e))
    assert not F.no_nan(e / e)
    assert not F.no_nan(sd.sin(e))


@pytest.mark.parametrize(
    ("node", "bounds"),
    [
        (sd.tanh(X), (-1.0, 1.0)),
        (sd.sin(X) * 2.0 + 1.0, (-1.0, 3.0)),
        (sd.softmax(X), (0.0, 1.0)),
        (sd.clip(X, -2.0, 5.0), (-2.0, 5.0)),
        (sd.minimum(sd.exp(X), 3.0), (0.0, 3.0)),
        (G.constant(np.array([3.0, -1.0, nan])), (-1.0, 3.0)),
        (X > 0, (0.0, 1.0)),
        (sd.sum(sd.clip(C, 0.0, 1.0)), (0.0, pytest.approx(9.0))),
        (sd.argmax(S), (0.0, 2.0**63)),
        (sd.floor(sd.clip(X, -1.5, 1.5)), (-2.0, 1.0)),
        (X, (-inf, inf)),
    ],
    ids=repr,
)
def test_ranges(node: sd.Node, bounds: Any) -> None:
    assert F.range(node) == bounds


def test_whole_numbers() -> None:
    assert F.integer(G.constant(np.array([2.0, -7.0])))
    assert F.integer(K * 3)
    assert F.integer(sd.floor(sd.clip(X, 0.0, 1.0)) + 2.0) is False  # of NaN it is NaN
    assert F.integer(sd.floor(sd.tanh(K.astype(sd.f64))) + 2.0)
    assert not F.integer(G.constant(2.5))
    assert not F.integer(sd.floor(X))
    assert not F.integer(G.constant(inf))


def test_integers_wrap() -> None:
    byte = G.constant(np.array([100, 27], np.int8))
    assert F.range(byte) == (27.0, 100.0)
    assert F.range(byte + byte) == (-128.0, 127.0)
    assert F.nonnegative(byte.astype(sd.i64) + byte.astype(sd.i64))


def test_narrow_floats_overflow_and_underflow() -> None:
    half = G.constant(np.array([6e4], np.float16))
    assert F.range(half + half)[1] == inf
    assert not F.finite(half * half)
    assert not F.nonzero(G.constant(1e-300).astype(sd.f32))


# -- matrices ------------------------------------------------------------------------------

LOWER, UPPER = sd.tril(Q), sd.triu(Q)


@pytest.mark.parametrize(
    ("node", "structure"),
    [
        (sd.eye("n", like=X), "eye"),
        (sd.eye(3, like=X), "eye"),
        (sd.diag(S), "diagonal"),
        (sd.eye("n", like=X) * S, "diagonal"),
        (sd.exp(S)[:, None] * sd.eye("n", like=X), "diagonal"),
        (sd.eye("n", like=X) @ sd.diag(S), "diagonal"),
        (sd.eye("n", like=X) * 2.0 + sd.diag(S), "diagonal"),
        (-sd.diag(S) / 3.0, "diagonal"),
        (LOWER, "lower"),
        (LOWER.T, "upper"),
        (UPPER, "upper"),
        (LOWER @ LOWER, "lower"),
        (LOWER @ sd.diag(S), "lower"),
        (LOWER + sd.diag(S), "lower"),
        (LOWER * UPPER, "diagonal"),
        (LOWER + UPPER, None),
        (LOWER @ UPPER, None),
        (LOWER + 1.0, None),
        (sd.cos(LOWER), None),
        (sd.sin(LOWER), "lower"),
        (G.constant(np.eye(3)), "eye"),
        (G.constant(np.diag([1.0, 2.0])), "diagonal"),
        (G.constant(np.triu(np.ones((3, 3)))), "upper"),
        (G.constant(np.eye(3)) * C, None),  # 0 * inf: these zeros are only numbers
        (sd.eye(3, like=X) * C, "diagonal"),
        (sd.sum(sd.broadcast_to(sd.eye(3, like=X), shape=("n", 3, 3)), axis=0), "diagonal"),
        (Q, None),
        (X, None),
    ],
    ids=repr,
)
def test_structure(node: sd.Node, structure: str | None) -> None:
    assert F.structure(node) == structure


SYMMETRIC = [
    X.T @ X,
    X @ X.T,
    X.T @ (sd.sin(S)[:, None] * X),
    (X.T * S) @ X,
    (sd.cos(S)[:, None] * X).T @ X,
    X.T @ (2.0 * X),
    Q + Q.T,
    sd.exp(Q + Q.T),
    (X.T @ X) * 3.0 + sd.eye(3, like=X),
    sd.diag(S),
    sd.add_n(X.T @ X, C + C.T),
    X @ (C + C.T) @ X.T,
    sd.einsum("ij,ik->jk", X, X),
    (C + C.T).T,
    sd.ones_like(C),
    G.constant(np.array([[1.0, 2.0], [2.0, 5.0]])),
]


@pytest.mark.parametrize("node", SYMMETRIC, ids=repr)
def test_symmetric(node: sd.Node) -> None:
    assert F.symmetric(node)


@pytest.mark.parametrize(
    "node", [Q, X, C @ C, X.T @ (X * S[:, None] + 1.0), Q - Q.T, C * S[:3], LOWER], ids=repr
)
def test_not_known_to_be_symmetric(node: sd.Node) -> None:
    assert not F.symmetric(node)


def test_definiteness() -> None:
    gram = X.T @ (sd.exp(S)[:, None] * X)
    assert F.positive_semidefinite(gram)
    assert not F.positive_definite(gram)
    assert F.positive_definite(gram + 0.1 * sd.eye(3, like=X))
    assert F.positive_definite(sd.diag(1.0 + S * S))
    assert F.positive_semidefinite(sd.diag(S * S))
    assert not F.positive_semidefinite(X.T @ (S[:, None] * X))
    assert not F.positive_semidefinite(gram - sd.eye(3, like=X))
    assert not F.positive_semidefinite(-gram)
    assert F.positive_semidefinite(X @ gram @ X.T)


# -- the graph -----------------------------------------------------------------------------


def test_a_users_own_op_is_unknown_whatever_it_is_called() -> None:
    exp = sd.ops.declare.elementwise("exp", "x", doc="Not that.", kernel=np.negative)
    assert not F.nonnegative(exp(X))


def test_facts_of_a_deep_graph_are_found_in_a_loop() -> None:
    graph = sd.Graph()
    y = graph.input("y", sd.f64[3, 3])
    for _ in range(20_000):
        y = sd.tanh(y + y.T)
    facts = Facts()
    assert facts.nonnegative(1.0 - y)
    assert facts.symmetric(y)


# -- on random graphs ----------------------------------------------------------------------


def _conditioned(x: sd.Node) -> sd.Node:
    return sd.where(x > 0.5, x, 0.5)


STEPS: dict[str, tuple[Callable[..., sd.Node], int]] = {
    "add": (sd.add, 2),
    "subtract": (sd.subtract, 2),
    "multiply": (sd.multiply, 2),
    "divide": (sd.divide, 2),
    "pow": (sd.pow, 2),
    "maximum": (sd.maximum, 2),
    "minimum": (sd.minimum, 2),
    "fmax": (sd.fmax, 2),
    "matmul": (sd.matmul, 2),
    "where": (sd.where, 3),
    "less": (sd.less, 2),
    "einsum": (lambda a, b: sd.einsum("ij,ik->jk", a, b), 2),
    "gram": (lambda a, b: a.T @ (sd.sum(b, axis=1, keepdims=True) * a), 2),
    "mirror": (lambda a: a + a.T, 1),
    "tril": (sd.tril, 1),
    "diagonal": (lambda a: sd.diag(sd.diag(a)), 1),
    "row": (lambda a: sd.broadcast_to(sd.sum(a, axis=0), shape=a.shape), 1),
    "total": (lambda a: sd.broadcast_to(sd.sum(a), shape=a.shape), 1),
    "largest": (lambda a: sd.broadcast_to(sd.max(a, axis=0), shape=a.shape), 1),
    "prod": (lambda a: sd.broadcast_to(sd.prod(a, axis=1), shape=a.shape), 1),
    "logsumexp": (lambda a: sd.broadcast_to(sd.logsumexp(a, axis=1), shape=a.shape), 1),
    "conditioned": (_conditioned, 1),
    "square": (lambda a: a * a, 1),
    "even": (lambda a: a**2, 1),
    "root": (lambda a: a**0.5, 1),
    "shift": (lambda a: a + 1.0, 1),
    "scale": (lambda a: a * -2.0, 1),
    "inverse": (lambda a: 1.0 / a, 1),
    "narrow": (lambda a: a.astype(sd.f32), 1),
    "half": (lambda a: a.astype(sd.f16), 1),
    "turned": (lambda a: a.T, 1),
    "flip": (lambda a: a[::-1], 1),
    "joined": (lambda a, b: sd.concat([a, b])[:3], 2),
    "eye": (lambda a: sd.eye(3, like=a), 1),
    "count": (lambda a: sd.broadcast_to(sd.argmax(a).astype(sd.f64), shape=a.shape), 1),
    **{
        name: (getattr(sd, name), 1)
        for name in (
            *("abs", "sign", "sqrt", "exp", "log", "log1p", "expm1", "sin", "cos", "tanh"),
            *("sigmoid", "softplus", "relu", "sech", "softmax", "log_softmax", "reciprocal"),
            *("floor", "round", "negative", "atan", "sinh", "cosh", "isnan", "exp2", "cbrt"),
        )
    },
}

ENTRIES = st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.3, -2.5, 7.0, 1e-320, 1e200, -1e200, inf, nan])
TAME = st.sampled_from([0.0, 1.0, -1.0, 0.3, -2.5, 1.7])


@st.composite
def evaluated(draw: Any, entries: st.SearchStrategy[float]) -> list[tuple[sd.Node, Array]]:
    graph = sd.Graph()
    inputs = [graph.input(name, sd.f64[3, 3]) for name in "ab"]
    nodes = [*inputs, graph.constant(np.array(draw(st.lists(entries, min_size=9, max_size=9))))]
    nodes[-1] = nodes[-1].reshape(3, 3)
    for _ in range(draw(st.integers(1, 7))):
        step, arity = STEPS[draw(st.sampled_from(sorted(STEPS)))]
        operands = [draw(st.sampled_from(nodes)) for _ in range(arity)]
        if step is sd.where:
            operands[0] = operands[0] > draw(st.sampled_from([0.0, 0.5]))
        try:
            nodes.append(step(*operands))
        except sd.DTypeError:  # such as a logarithm of booleans
            continue
    point = {
        x: np.array(draw(st.lists(entries, min_size=9, max_size=9))).reshape(3, 3) for x in inputs
    }
    every = [n for n in graph.nodes if n.op.name != "input"]
    with np.errstate(all="ignore"):
        return list(zip(every, sd.evaluate(every, point), strict=True))


@given(evaluated(ENTRIES))
def test_facts_hold_of_the_entries(pairs: list[tuple[sd.Node, Array]]) -> None:
    facts = Facts()
    for node, array in pairs:
        value = facts.value(node)
        numbers = np.asarray(array, dtype=float)
        kept = numbers[~np.isnan(numbers)]
        assert (kept >= value.low).all(), (node, value)
        assert (kept <= value.high).all(), (node, value)
        assert not (facts.no_nan(node) and np.isnan(numbers).any()), node
        assert not (facts.finite(node) and not np.isfinite(numbers).all()), node
        assert not (facts.nonzero(node) and (kept == 0).any()), node
        assert not (facts.integer(node) and (numbers % 1 != 0).any()), node


@given(evaluated(TAME))
def test_facts_hold_of_the_matrices(pairs: list[tuple[sd.Node, Array]]) -> None:
    facts = Facts()
    for node, array in pairs:
        matrix = np.asarray(array, dtype=float)
        if not np.isfinite(matrix).all() or np.abs(matrix).max(initial=0) > 1e6:
            continue
        taken = {n.index for n in node.inputs}
        if any(not np.isfinite(x).all() for n, x in pairs if n.index in taken):
            continue
        structure = facts.structure(node)
        kept = {
            None: matrix,
            "eye": np.eye(3),
            "diagonal": np.diag(np.diag(matrix)) if matrix.ndim == 2 else matrix,
            "lower": np.tril(matrix) if matrix.ndim == 2 else matrix,
            "upper": np.triu(matrix) if matrix.ndim == 2 else matrix,
        }[structure]
        np.testing.assert_array_equal(matrix, kept, err_msg=f"{structure}: {node!r}")
        eps = 64 * float(np.finfo(node.dtype).eps) if node.dtype.kind == "f" else 0.0
        scale = eps * np.abs(matrix).max(initial=1)
        if facts.symmetric(node):
            np.testing.assert_allclose(matrix, matrix.T, atol=scale, err_msg=repr(node))
        if facts.positive_semidefinite(node):
            lowest = np.linalg.eigvalsh((matrix + matrix.T) / 2).min()
            assert lowest >= -scale * 10, node
            assert lowest > 0 or not facts.positive_definite(node), node
