"""Compiled functions: what they take, what they give back, and what they promise."""

from __future__ import annotations

import gc
import pickle
import sys
import threading
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import symdiff as sd


def ridge() -> tuple[Any, ...]:
    g = sd.Graph("ridge")
    X, y, w = g.input("X", sd.f64["n", 3]), g.input("y", sd.f64["n"]), g.input("w", sd.f64[3])
    loss = sd.sum((X @ w - y) ** 2) / X.shape[0] + 0.1 * sd.sum(w**2)
    return g, X, y, w, loss


def data(n: int = 5) -> tuple[np.ndarray[Any, Any], ...]:
    rng = np.random.default_rng(n)
    return rng.normal(size=(n, 3)), rng.normal(size=n), rng.normal(size=3)


# -- nesting and calls ---------------------------------------------------------------------


def test_one_function_serves_every_batch_size() -> None:
    _, X, y, w, loss = ridge()
    f = sd.compile([X, y, w], [loss, sd.grad(loss, w), sd.hessian(loss, w)])
    for n in (1, 2, 7, 100):
        A, b, v = data(n)
        value, gradient, hessian = f(A, b, v)
        np.testing.assert_allclose(value, np.sum((A @ v - b) ** 2) / n + 0.1 * v @ v)
        np.testing.assert_allclose(gradient, 2 / n * A.T @ (A @ v - b) + 0.2 * v)
        np.testing.assert_allclose(hessian, 2 / n * A.T @ A + 0.2 * np.eye(3), atol=1e-14)


def test_a_single_node_gives_a_single_array() -> None:
    _, X, y, w, loss = ridge()
    result = sd.compile([X, y, w], loss)(*data())
    assert type(result) is np.ndarray
    assert result.shape == ()


def test_outputs_come_back_in_their_nesting() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64[()])
    f = sd.compile([x], {"a": [x + 1.0, (x * 2.0,)], "b": x})
    assert f(3.0) == {"a": [np.array(4.0), (np.array(6.0),)], "b": np.array(3.0)}


def test_a_node_with_several_results_gives_their_tuple() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64["n"])
    parts = np.frexp(x)
    f = sd.compile([x], {"parts": parts, "exponent": [parts[1]]})
    for function in (f, pickle.loads(pickle.dumps(f))):
        found = function([3.0, 5.0])
        mantissa, exponent = found["parts"]
        np.testing.assert_array_equal(mantissa, [0.75, 0.625])
        np.testing.assert_array_equal(exponent, [2, 3])
        assert exponent.dtype == np.int32
        np.testing.assert_array_equal(found["exponent"][0], exponent)


def test_inputs_are_taken_in_their_nesting() -> None:
    g = sd.Graph()
    p = g.inputs_like({"w": sd.f64[2], "b": sd.f64[()]})
    x = g.input("x", sd.f64[2])
    f = sd.compile([p, x], sd.sum(p["w"] * x) + p["b"])
    assert f({"b": 1.0, "w": [1.0, 2.0]}, [3.0, 4.0]) == 12.0
    assert f(x=[3.0, 4.0], w=[1.0, 2.0], b=1.0) == 12.0
    with pytest.raises(sd.ArgumentError, match=r"takes 2 arguments \(.*, nested .*\); 3 given"):
        f([1.0, 2.0], 1.0, [3.0, 4.0])


def test_inputs_none_means_the_graphs_inputs_in_order() -> None:
    g = sd.Graph()
    a, b = g.input("a", sd.f64[()]), g.input("b", sd.f64[()])
    assert sd.compile(None, a - b)(5.0, 3.0) == 2.0


def test_a_graph_alone_stands_for_its_inputs_and_outputs() -> None:
    g = sd.trace(lambda x, y: (x + y, x * y), sd.f64[()], sd.f64[()])
    assert sd.compile(g)(2.0, 3.0) == (5.0, 6.0)


def test_arguments_go_by_position_or_by_name() -> None:
    _, X, y, w, loss = ridge()
    f = sd.compile([X, y, w], loss)
    A, b, v = data()
    assert f(A, b, v) == f(A, w=v, y=b) == f(w=v, y=b, X=A)


def test_the_function_is_a_snapshot_of_the_graph() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64[()])
    f = sd.compile([x], sd.sin(x))
    before = len(f.graph)
    sd.grad(sd.sin(x), x)
    assert len(f.graph) == before
    assert f(0.0) == 0.0


# -- what may be passed --------------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda a: a.tolist(), id="lists"),
        pytest.param(lambda a: np.asfortranarray(a), id="fortran order"),
        pytest.param(lambda a: np.repeat(a, 2, axis=0)[::2], id="a strided view"),
        pytest.param(lambda a: pd.DataFrame(a), id="a pandas frame"),
        pytest.param(lambda a: a.astype(">f8"), id="another byte order"),
        pytest.param(lambda a: a.astype(np.float32), id="a narrower dtype"),
        pytest.param(lambda a: np.ma.masked_array(a), id="a subclass"),
        pytest.param(lambda a: memoryview(np.ascontiguousarray(a)), id="a buffer"),
    ],
)
def test_whatever_numpy_can_read_is_accepted(make: Any) -> None:
    _, X, y, w, loss = ridge()
    f = sd.compile([X, y, w], [loss, sd.grad(loss, w)])
    A, b, v = data()
    A = np.round(A, 2).astype(np.float32).astype(np.float64)
    for found, expected in zip(f(make(A), b, v), f(A, b, v), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-13)  # BLAS sums in another order


def test_anything_with_dunder_array_is_accepted() -> None:
    class Holder:
        def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
            return np.arange(3.0)

    g = sd.Graph()
    x = g.input("x", sd.f64["n"])
    assert sd.compile([x], sd.sum(x))(Holder()) == 3.0


def test_read_only_arguments_are_accepted_and_nothing_is_written_to() -> None:
    _, X, y, w, loss = ridge()
    f = sd.compile([X, y, w], [loss, sd.grad(loss, [X, y, w])])
    arguments = data()
    copies = [a.copy() for a in arguments]
    for a in arguments:
        a.flags.writeable = False
    f(*arguments)
    for a, c in zip(arguments, copies, strict=True):
        np.testing.assert_array_equal(a, c)


def test_nan_and_inf_in_data_are_legal_and_silent() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64["n"])
    f = sd.compile([x], sd.log(x) / x)
    result = f([0.0, -1.0, np.nan, np.inf])
    assert np.isnan(result[1:]).all()
    assert result[0] == -np.inf


def test_empty_arrays_run() -> None:
    _, X, y, w, _ = ridge()
    f = sd.compile([X, y, w], [sd.sum(X @ w - y), sd.grad(sd.sum(X @ w - y), w)])
    value, gradient = f(np.zeros((0, 3)), np.zeros(0), np.ones(3))
    assert value == 0.0
    np.testing.assert_array_equal(gradient, np.zeros(3))


# -- what comes back -----------------------------------------------------------------------


def views(x: Any) -> list[Any]:
    """Outputs whose kernels give views of their operand, or the operand."""
    return [
        x,
        x[1:],
        x[::-1],
        x.reshape(3, 2),
        x.T,
        np.broadcast_to(x, (2, 6)),
        sd.stop_gradient(x),
        sd.refine(x, sd.f64[6]),
        sd.probe(x, "seen", lambda label, value: None),
        x[None],
    ]


@pytest.mark.parametrize("level", ["none", "default"])
def test_outputs_alias_neither_arguments_nor_each_other(level: str) -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64[6])
    t = x * 2.0
    c = g.constant(np.arange(6.0)) if level else None
    outputs = [*views(x), *views(t), t, t, c, c[1:], c]  # type: ignore[index]
    f = sd.compile([x], outputs, optimize=level)
    argument = np.arange(6.0)
    first = f(argument)
    for k, a in enumerate(first):
        assert a.flags.writeable
        assert not np.shares_memory(a, argument)
        for b in first[k + 1 :]:
            assert not np.shares_memory(a, b)
    for a in first:
        a[...] = -1.0
    for a, expected in zip(f(argument), sd.evaluate(outputs, {x: argument}), strict=True):
        np.testing.assert_array_equal(a, expected)


def test_a_users_op_that_gives_back_its_operand_does_not_alias_it() -> None:
    same = sd.op("same", "x", doc="x", infer=lambda x: x, kernel=lambda x: x)
    g = sd.Graph()
    x = g.input("x", sd.f64[3])
    argument = np.arange(3.0)
    assert not np.shares_memory(sd.compile([x], same(x))(argument), argument)


# -- errors --------------------------------------------------------------------------------

BAD_CALLS = {
    "too few": (lambda A, b, v: ((A, b), {}), sd.ArgumentError, "takes 3 arguments"),
    "too many": (lambda A, b, v: ((A, b, v, v), {}), sd.ArgumentError, "takes 3 arguments"),
    "unknown name": (lambda A, b, v: ((A, b), {"u": v}), sd.ArgumentError, "no input 'u'"),
    "given twice": (lambda A, b, v: ((A, b, v), {"w": v}), sd.ArgumentError, "w is given twice"),
    "missing by name": (lambda A, b, v: ((A,), {"w": v}), sd.ArgumentError, "no value for y"),
    "sizes disagree": (
        lambda A, b, v: ((A, b[:4], v), {}),
        sd.ShapeError,
        "n is 5 in X but 4 in y",
    ),
    "fixed size": (lambda A, b, v: ((A, b, v[:2]), {}), sd.ShapeError, "axis 0 of w is 2"),
    "rank": (lambda A, b, v: ((A[0], b, v), {}), sd.ShapeError, "X has 1 axes"),
    "complex": (lambda A, b, v: ((A * 1j, b, v), {}), sd.DTypeError, "same_kind"),
    "text": (lambda A, b, v: ((A, "abc", v), {}), sd.ArgumentError, "y: 'abc'"),
    "objects": (lambda A, b, v: ((A, [object()] * 5, v), {}), sd.ArgumentError, "not an array"),
    "ragged": (lambda A, b, v: (([[1.0], [1.0, 2.0]], b, v), {}), sd.ArgumentError, "X:"),
}


@pytest.mark.parametrize("case", BAD_CALLS)
def test_a_bad_call_names_the_argument_before_anything_runs(case: str) -> None:
    change, error, message = BAD_CALLS[case]
    seen: list[str] = []
    _, X, y, w, loss = ridge()
    loss = sd.probe(loss, "ran", lambda label, value: seen.append(label))
    f = sd.compile([X, y, w], loss)
    args, named = change(*data())
    with pytest.raises(error, match=message):
        f(*args, **named)
    assert not seen


def test_an_argument_of_another_nesting_is_named_by_its_place() -> None:
    g = sd.Graph("line")
    x, p = g.input("x", sd.f64[()]), g.inputs_like([sd.f64, sd.f64], "p")
    f = sd.compile([x, p], p[0] * x + p[1])
    with pytest.raises(sd.ArgumentError, match="line: at argument 1: a sequence of 2 is needed"):
        f(1.0, np.ones(2))


def test_a_node_as_an_argument_is_refused() -> None:
    _, X, y, w, loss = ridge()
    A, b, _ = data()
    with pytest.raises(sd.ArgumentError, match="w is given as a node"):
        sd.compile([X, y, w], loss)(A, b, w)


def test_integers_do_not_take_floats() -> None:
    g = sd.Graph()
    k = g.input("k", sd.i64["n"])
    f = sd.compile([k], k + 1)
    assert f([1, 2]).dtype == np.int64
    with pytest.raises(sd.DTypeError, match=r"k is i64\[n\]; float64 does not cast"):
        f(np.array([1.0, 2.0]))
    with pytest.raises(sd.DTypeError, match="k is"):
        f([1.5])


BAD_COMPILES = {
    "a computed node as input": (lambda X, w, loss: ([X @ w], loss), "not an input"),
    "an input missing": (lambda X, w, loss: ([X, w], loss), "need input y"),
    "an input twice": (lambda X, w, loss: ([X, w, w], loss), "w is listed twice"),
    "outputs empty": (lambda X, w, loss: ([X], []), "outputs is empty"),
    "an output that is no node": (lambda X, w, loss: ([X], [3.0]), r"outputs\[0\] is 3.0"),
}


@pytest.mark.parametrize("case", BAD_COMPILES)
def test_a_bad_compile_says_what_is_wrong(case: str) -> None:
    change, message = BAD_COMPILES[case]
    _, X, _, w, loss = ridge()
    with pytest.raises(sd.ArgumentError, match=message):
        sd.compile(*change(X, w, loss))


def test_unknown_levels_and_passes_are_refused() -> None:
    _, X, y, w, loss = ridge()
    for level in ("fastest", ("neutral", "magic")):
        with pytest.raises(sd.ArgumentError, match="optimize="):
            sd.compile([X, y, w], loss, optimize=level)


def test_a_slice_that_needs_more_rows_is_checked_with_its_line() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64["n"])
    f = sd.compile([x], sd.sum(x[2:] - x[:-2]))
    assert f(np.arange(4.0)) == 4.0
    with pytest.raises(sd.ShapeError, match=r"needs n >= 2, but n = 1[\s\S]*test_compile.py:\d+"):
        f([1.0])


def test_a_failing_kernel_is_reported_with_its_node() -> None:
    def broken(x: Any) -> Any:
        raise ZeroDivisionError("no")

    bad = sd.op("bad", "x", doc="fails", infer=lambda x: x, kernel=broken)
    g = sd.Graph()
    x = g.input("x", sd.f64[()])
    with pytest.raises(
        sd.EvaluationError, match=r"kernel of bad failed: no[\s\S]*test_compile.py"
    ):
        sd.compile([x], bad(x))(1.0)


def test_sizes_no_argument_settles_are_asked_for() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64["n*m"])
    f = sd.compile([x], sd.sum(x.reshape("n", "m"), axis=0))
    with pytest.raises(sd.ShapeError, match=r"does not settle .*sizes="):
        f(np.arange(6.0))
    g = sd.compile([x], sd.sum(x.reshape("n", "m"), axis=0), sizes={"n": 2})
    np.testing.assert_array_equal(g(np.arange(6.0)), [3.0, 5.0, 7.0])


def test_a_size_nobody_knows_is_refused() -> None:
    _, X, y, w, loss = ridge()
    with pytest.raises(sd.ArgumentError, match="m is no size of graph ridge; its sizes are n"):
        sd.compile([X, y, w], loss, sizes={"m": 2})


# -- sizes that are assumed ----------------------------------------------------------------


def chain_of_three() -> tuple[list[sd.Node], sd.Node]:
    """A product whose cheapest order no names settle."""
    g = sd.Graph("chain")
    A, B = g.input("A", sd.f64["n", "k"]), g.input("B", sd.f64["k", "m"])
    C = g.input("C", sd.f64["m", "p"])
    return [A, B, C], A @ B @ C


def first_product(function: sd.CompiledFunction) -> list[str | None]:
    """The operands' names of the product that is taken first."""
    return [x.name for x in next(n for n in function.graph.nodes if n.op is sd.matmul).inputs]


@pytest.mark.parametrize(
    ("assume", "first"),
    [
        (None, ["A", "B"]),
        ({"n": 2, "k": 1000, "m": 1000, "p": 3}, ["A", "B"]),
        ({"n": 1000, "k": 1000, "m": 1000, "p": 1}, ["B", "C"]),
        ({"n": np.int64(1000), "k": 10, "m": 10, "p": 1}, ["B", "C"]),
        ({"n": 1000}, ["A", "B"]),
    ],
    ids=["nothing", "few rows", "few columns", "a NumPy number", "too little"],
)
def test_the_order_of_products_is_that_for_the_sizes_assumed(assume: Any, first: Any) -> None:
    inputs, product = chain_of_three()
    f = sd.compile(inputs, product, assume=assume)
    assert first_product(f) == first
    rng = np.random.default_rng(0)
    for n, k, m, p in [(4, 9, 3, 7), (1000, 10, 10, 1), (1, 50, 60, 70), (0, 2, 3, 4)]:
        A, B, C = rng.normal(size=(n, k)), rng.normal(size=(k, m)), rng.normal(size=(m, p))
        np.testing.assert_allclose(f(A, B, C), A @ B @ C, rtol=1e-9, atol=1e-9)


def test_what_is_assumed_is_kept_where_a_function_goes() -> None:
    inputs, product = chain_of_three()
    assume = {"n": 1000, "k": 1000, "m": 1000, "p": 1}
    f = sd.compile(inputs, product, assume=assume)
    again = pickle.loads(pickle.dumps(f))
    assert again.source == f.source
    assert first_product(again) == ["B", "C"]
    assert "chain" in f.report()
    arguments = [np.ones((1000, 5)), np.ones((5, 5)), np.ones((5, 1))]
    assert [str(row.node) for row in f.profile(*arguments).by_node]
    assume["n"] = 1
    assert first_product(pickle.loads(pickle.dumps(f))) == ["B", "C"]


def test_sizes_that_are_given_count_as_assumed() -> None:
    g = sd.Graph("chain")
    x, B, C = g.input("x", sd.f64["n*k"]), g.input("B", sd.f64["k", 5]), g.input("C", sd.f64[5, 1])
    product = x.reshape("n", "k") @ B @ C
    f = sd.compile([x, B, C], product, sizes={"n": 1000, "k": 4}, assume={"n": 1})
    assert first_product(f) == ["B", "C"]


@pytest.mark.parametrize(
    ("assume", "message"),
    [
        ({"q": 2}, r"assume={...}: q is no size of graph chain; its sizes are k, m, n, p"),
        ({"n": 0}, "n is 0; give a whole number from 1"),
        ({"n": 2.5}, "n is 2.5; give a whole number from 1"),
        ({"n": "many"}, "n is 'many'; give a whole number from 1"),
    ],
)
def test_what_cannot_be_assumed_is_refused(assume: Any, message: str) -> None:
    inputs, product = chain_of_three()
    with pytest.raises(sd.ArgumentError, match=message):
        sd.compile(inputs, product, assume=assume)


# -- running it ----------------------------------------------------------------------------


def test_it_pickles() -> None:
    _, X, y, w, loss = ridge()
    f = sd.compile([X, y, w], {"loss": loss})
    again = pickle.loads(pickle.dumps(f))
    assert again(*data()) == f(*data())
    assert again.source == f.source


def test_eight_threads_share_one_function() -> None:
    _, X, y, w, loss = ridge()
    f = sd.compile([X, y, w], [loss, sd.grad(loss, w)])
    cases = [data(n) for n in range(1, 9)]
    expected = [f(*case) for case in cases]
    wrong: list[int] = []
    stop = threading.Event()

    def work(k: int) -> None:
        while not stop.is_set():
            value, gradient = f(*cases[k])
            if value != expected[k][0] or not np.array_equal(gradient, expected[k][1]):
                wrong.append(k)
                return

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    stop.wait(1.0)
    stop.set()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.slow
def test_a_hundred_thousand_calls_leak_nothing() -> None:
    _, X, y, w, loss = ridge()
    f = sd.compile([X, y, w], [loss, sd.grad(loss, w)])
    cases = [data(n) for n in range(1, 200)]

    def grown(calls: int, measured: Callable[[], int]) -> int:
        for k in range(1000):
            f(*cases[k % len(cases)])
        gc.collect()
        before = measured()
        for k in range(calls):
            f(*cases[k % len(cases)])
        gc.collect()
        return measured() - before

    # Every object, an array's header too, is one of Python's blocks; counting them is free.
    assert grown(100_000, sys.getallocatedblocks) < 1000
    tracemalloc.start()  # what is allocated besides, at twenty times the price
    try:
        assert grown(10_000, lambda: tracemalloc.get_traced_memory()[0]) < 20_000
    finally:
        tracemalloc.stop()


def test_source_is_readable_python_with_types_and_lines() -> None:
    _, X, y, w, loss = ridge()
    source = sd.compile([X, y, w], [loss, sd.grad(loss, w)]).source
    compile(source, "source", "exec")
    assert "dot(X, w, " in source
    assert "f64[n]" in source
    assert "test_compile.py:" in source


def test_names_that_would_clash_are_told_apart() -> None:
    g = sd.Graph("np")
    n = g.input("n", sd.f64["n"])
    lambda_ = g.input("array", sd.f64["v0"])
    f = sd.compile([n, lambda_], [n + n.shape[0], lambda_ * 2.0, sd.sum(n)])
    a, b, c = f([1.0, 2.0], [3.0])
    np.testing.assert_array_equal(a, [3.0, 4.0])
    np.testing.assert_array_equal(b, [6.0])
    assert c == 3.0
