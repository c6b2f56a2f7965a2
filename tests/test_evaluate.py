"""The reference interpreter: values, arguments, and everything it checks on the way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symdiff as sd


@pytest.fixture
def g() -> sd.Graph:
    return sd.Graph("g")


@pytest.fixture
def w(g: sd.Graph) -> sd.Node:
    return g.input("w", sd.f64[3])


W = np.array([0.5, -1.0, 2.0])

# -- values --------------------------------------------------------------------------------


def test_a_value_is_what_numpy_computes(g: sd.Graph, w: sd.Node) -> None:
    X = g.input("X", sd.f64["n", 3])
    data = np.arange(12.0).reshape(4, 3)
    value = sd.evaluate(sd.tanh(X @ w) / X.shape[0] + sd.sum(w), {X: data, w: W})
    np.testing.assert_array_equal(value, np.tanh(data @ W) / 4 + W.sum(), strict=True)


def test_results_come_in_the_nesting_of_the_outputs(w: sd.Node) -> None:
    found = sd.evaluate({"a": [w, (w * 2.0,)], "b": w}, {w: W})
    assert found.keys() == {"a", "b"}
    np.testing.assert_array_equal(found["a"][1][0], W * 2.0)
    assert sd.evaluate([]) == []
    assert sd.evaluate({"a": ()}) == {"a": ()}


def test_inputs_are_given_by_node_or_by_name(w: sd.Node) -> None:
    np.testing.assert_array_equal(sd.evaluate(w, {"w": W}), sd.evaluate(w, {w: W}))


def test_any_node_can_be_taken_as_given(w: sd.Node) -> None:
    inner = sd.sin(w)
    np.testing.assert_array_equal(sd.evaluate(inner * 2.0, {inner: W}), W * 2.0)
    # What only a given node needs is not needed.
    np.testing.assert_array_equal(sd.evaluate(inner, {inner: W}), W)


def test_inputs_that_the_outputs_do_not_need_may_be_missing(g: sd.Graph, w: sd.Node) -> None:
    g.input("unused", sd.f64["n"])
    assert sd.evaluate(sd.sum(w), {w: W}) == 1.5


def test_a_graph_without_inputs_has_values(g: sd.Graph) -> None:
    assert sd.evaluate(g.constant(2.0) * 3.0) == 6.0


def test_zero_dimensional_results_are_arrays(w: sd.Node) -> None:
    total = sd.evaluate(sd.sum(w), {w: W})
    assert type(total) is np.ndarray
    assert total.shape == ()


def test_a_node_with_several_results_has_a_tuple_of_values(w: sd.Node) -> None:
    both = divmod(w, 0.75)[0].inputs[0]
    quotient, rest = sd.evaluate(both, {w: W})
    np.testing.assert_array_equal(quotient, W // 0.75, strict=True)
    np.testing.assert_array_equal(rest, W % 0.75, strict=True)


def test_results_alias_neither_inputs_nor_constants_nor_each_other(g: sd.Graph) -> None:
    x = g.input("x", sd.f64[2, 3])
    data = np.arange(6.0).reshape(2, 3)
    c = g.constant([1.0, 2.0])
    found = sd.evaluate([x, x, x.T, x[0], c, sd.broadcast_to(c, shape=(3, 2))], {x: data})
    assert not any(np.shares_memory(a, data) for a in found)
    assert not any(np.shares_memory(a, b) for k, a in enumerate(found) for b in found[k + 1 :])
    for array in found:
        array[...] = 0.0
    assert data.sum() == 15.0
    assert sd.evaluate(sd.sum(c)) == 3.0


def test_inputs_are_never_written_to(g: sd.Graph) -> None:
    x = g.input("x", sd.f64[3])
    data = W.copy()
    data.flags.writeable = False
    total = sd.add_n(x, x * 2.0, x)
    np.testing.assert_array_equal(sd.evaluate(total, {x: data}), 4.0 * W)
    np.testing.assert_array_equal(data, W)


def test_a_value_is_held_no_longer_than_it_is_needed(w: sd.Node) -> None:
    live = peak = 0

    class Counted(np.ndarray):
        def __del__(self) -> None:
            nonlocal live
            live -= 1

    def kernel(x: Any) -> Any:
        nonlocal live, peak
        live += 1
        peak = max(peak, live)
        return (x + 1.0).view(Counted)

    step = sd.op("step", "x", doc="x + 1, counted.", infer=lambda x: x, kernel=kernel)
    y = w
    for _ in range(50):
        y = step(y)
    np.testing.assert_array_equal(sd.evaluate(y, {w: W}), W + 50.0)
    assert peak <= 3


# -- arguments -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("declared", "given", "value"),
    [
        (sd.f64[2], [1, 2], [1.0, 2.0]),
        (sd.f64[2], (1, True), [1.0, 1.0]),
        (sd.f32[()], 0.1, np.float32(0.1)),
        (sd.f32[2], np.array([1.5, 2.5]), [1.5, 2.5]),
        (sd.f64[2], np.array([1, 2], np.int8), [1.0, 2.0]),
        (sd.u8[2], [1, 255], [1, 255]),
        (sd.i64[2], np.array([1, 2], np.int32), [1, 2]),
        (sd.c128[2], [1, 2j], [1, 2j]),
        (sd.f64[2], np.array([1.0, 2.0], ">f8"), [1.0, 2.0]),
        (sd.f64[2], np.arange(4.0)[::2], [0.0, 2.0]),
        (sd.bool_[2], [True, False], [True, False]),
        (sd.f64[2, 0], np.ones((2, 0)), np.ones((2, 0))),
        (sd.f64[2], [np.nan, np.inf], [np.nan, np.inf]),
    ],
)
def test_arguments_are_taken_as_numpy_would_under_same_kind(
    g: sd.Graph, declared: sd.TensorType, given: Any, value: Any
) -> None:
    x = g.input("x", declared)
    expected = np.asarray(value, declared.dtype)
    np.testing.assert_array_equal(sd.evaluate(x, {x: given}), expected, strict=True)


@pytest.mark.parametrize(
    ("declared", "given", "error"),
    [
        (sd.i64[2], np.array([1.0, 2.0]), sd.DTypeError),
        (sd.f64[2], np.array([1j, 2.0]), sd.DTypeError),
        (sd.bool_[2], np.array([0, 1]), sd.DTypeError),
        (sd.u8[2], [1, 300], sd.DTypeError),
        (sd.u8[()], -1, sd.DTypeError),
        (sd.i64[()], 1.5, sd.DTypeError),
        (sd.f64[2], ["1", "2"], sd.ArgumentError),
        (sd.f64[2], [None, 1.0], sd.ArgumentError),
        (sd.f64[2], [[1.0], [1.0, 2.0]], sd.ArgumentError),
        (sd.f64[2], 1.0, sd.ShapeError),
        (sd.f64[2], [[1.0, 2.0]], sd.ShapeError),
        (sd.f64[2], [1.0], sd.ShapeError),
    ],
)
def test_arguments_that_do_not_fit_are_named(
    g: sd.Graph, declared: sd.TensorType, given: Any, error: type[Exception]
) -> None:
    x = g.input("x", declared)
    with pytest.raises(error, match=r"\bx\b"):
        sd.evaluate(x, {x: given})


def test_anything_with_an_array_inside_is_an_argument(w: sd.Node) -> None:
    class Frame:
        def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
            return W.astype(dtype or W.dtype)

    np.testing.assert_array_equal(sd.evaluate(w, {w: Frame()}), W)
    np.testing.assert_array_equal(sd.evaluate(w, {w: memoryview(W)}), W)


def test_a_missing_input_is_named_with_its_type(w: sd.Node) -> None:
    with pytest.raises(sd.ArgumentError, match=r"no value is given for input w : f64\[3\]"):
        sd.evaluate(sd.sin(w))


def test_a_key_that_is_no_input_is_answered_with_the_inputs(g: sd.Graph, w: sd.Node) -> None:
    for key in ("W", 3, None):
        with pytest.raises(
            sd.ArgumentError, match=r"neither a node nor an input of graph g \(w\)"
        ):
            sd.evaluate(w, {key: W})


def test_values_are_a_dict_that_gives_each_node_once(g: sd.Graph, w: sd.Node) -> None:
    with pytest.raises(sd.ArgumentError, match=r"a dict \{input: value\}, not 2.0"):
        sd.evaluate(w, 2.0)  # type: ignore[arg-type]
    with pytest.raises(sd.ArgumentError, match="given twice, by name and as a node"):
        sd.evaluate(w, {w: W, "w": W})


@pytest.mark.parametrize("given", [True, False])
def test_no_mask_of_an_array_is_lost(g: sd.Graph, w: sd.Node, given: bool) -> None:
    masked = np.ma.masked_greater(np.ones(w.shape), 0.5)
    with pytest.raises(sd.SymdiffError, match="mask would be lost"):
        sd.evaluate(w, {w: masked}) if given else w + masked
    assert np.all(sd.evaluate(w, {w: np.ma.masked_greater(W, np.inf)}) == W)


def test_sizes_no_shape_settles_are_given(g: sd.Graph) -> None:
    p = g.input("p", sd.f64["h*k"])
    columns = p.reshape("h", "k")
    data = np.arange(6.0)
    for sizes, shape in [({"h": 2}, (2, 3)), ({"k": 2}, (3, 2)), ({"h": 2, "k": 3}, (2, 3))]:
        found = sd.evaluate(columns, {p: data}, sizes=sizes)
        np.testing.assert_array_equal(found, data.reshape(shape), strict=True)
    with pytest.raises(sd.ShapeError, match=r"does not settle h, k; pass sizes="):
        sd.evaluate(columns, {p: data})
    with pytest.raises(sd.ShapeError, match=r"h\*k is 8 with h = 2, k = 4, not 6"):
        sd.evaluate(columns, {p: data}, sizes={"h": 2, "k": 4})


def test_everything_is_checked_before_anything_runs(g: sd.Graph, w: sd.Node) -> None:
    ran = []
    spy = sd.op("spy", "x", doc="?", infer=lambda x: x, kernel=lambda x: ran.append(1) or x)
    y = g.input("y", sd.f64["n"])
    for outputs, values, error in [
        ([spy(w), y], {w: W}, sd.ArgumentError),
        ([spy(w), y[3]], {w: W, y: [1.0]}, sd.ShapeError),
        ([spy(w), y], {w: W, y: [[1.0]]}, sd.ShapeError),
    ]:
        with pytest.raises(error):
            sd.evaluate(outputs, values)
    assert not ran


# -- checks on the way ---------------------------------------------------------------------


def faulty(kernel: Any) -> sd.Op:
    return sd.op("faulty", "x", doc="Not what it says.", infer=lambda x: x, kernel=kernel)


@pytest.mark.parametrize(
    ("kernel", "message"),
    [
        (lambda x: x[1:], r"gave f64\[2\], but the node's type is f64\[3\]"),
        (lambda x: x.astype("f4"), r"gave f32\[3\], but the node's type is f64\[3\]"),
        (lambda x: x.astype(object), r"gave object\[3\], but the node's type is f64\[3\]"),
        (lambda x: 1.0, r"gave f64\[\], but the node's type is f64\[3\]"),
        (lambda x: {}[3], r"failed: 3"),
    ],
)
def test_a_kernel_that_breaks_its_type_is_found_at_its_node(
    w: sd.Node, kernel: Any, message: str
) -> None:
    op = faulty(kernel)
    y = op(w)
    with pytest.raises(sd.EvaluationError, match=f"faulty {message}") as caught:
        sd.evaluate(sd.sum(y), {w: W})
    assert f"{y!r}" in str(caught.value)
    assert f"test_evaluate.py:{y.origin.line}" in str(caught.value)


@pytest.mark.parametrize("kernel", [lambda x: x, lambda x: (x,), lambda x: (x, x, x)])
def test_a_kernel_with_a_wrong_number_of_results_is_found(w: sd.Node, kernel: Any) -> None:
    pair = sd.elementwise("pair", "x", doc="Two.", kernel=kernel, dtypes=lambda d: (d, d))
    with pytest.raises(sd.EvaluationError, match="pair must give 2 results"):
        sd.evaluate(pair(w)[0], {w: W})


def test_the_cause_of_a_failed_kernel_is_kept(w: sd.Node) -> None:
    with pytest.raises(sd.EvaluationError) as caught:
        sd.evaluate(faulty(lambda x: [][1])(w), {w: W})
    assert isinstance(caught.value.__cause__, IndexError)


def test_the_first_non_finite_node_is_named_with_its_operands(w: sd.Node) -> None:
    y = sd.log(w)
    z = sd.sum(y * 2.0)
    with pytest.raises(sd.NonFiniteError) as caught:
        sd.evaluate(z, {w: [0.0, -1.0, 2.0]}, stop_at_nonfinite=True)
    line = y.origin.line
    assert str(caught.value) == (
        "log gave 1 NaN and 1 infinite of 3 entries\n"
        f"  %0 : f64[3] = log w            (test_evaluate.py:{line})\n"
        f"  x = w : f64[3]                     (test_evaluate.py:{w.origin.line})  in [-1, 2]"
    )


def test_non_finite_values_are_legal_unless_asked_about(w: sd.Node) -> None:
    with np.errstate(all="raise"):
        value = sd.evaluate(sd.log(w) * 2.0, {w: [0.0, -1.0, 1.0]})
    np.testing.assert_array_equal(value, [-np.inf, np.nan, 0.0])
    assert sd.evaluate(sd.sum(w), {w: W}, stop_at_nonfinite=True) == 1.5
    with pytest.raises(sd.NonFiniteError, match="divide gave 1 NaN"):
        q = w / w
        sd.evaluate(q, {w: [0.0, 1.0, 2.0]}, stop_at_nonfinite=True)


def test_outputs_are_nodes_of_one_graph(w: sd.Node) -> None:
    with pytest.raises(sd.ArgumentError, match=r"outputs\['k'\]\[1\] is 3, not a node"):
        sd.evaluate({"k": [w, 3]}, {w: W})
    foreign = sd.Graph("other").input("x", sd.f64)
    for outputs, values in [([w, foreign], {}), (w, {foreign: 1.0})]:
        with pytest.raises(sd.MixedGraphError, match="'g' and 'other'"):
            sd.evaluate(outputs, values)


def test_a_size_no_value_settles_is_asked_for_with_its_node() -> None:
    g = sd.Graph()
    p, s = g.input("p", sd.f64["n"]), g.input("s", sd.f64)
    z = s * p.shape[0]
    with pytest.raises(sd.ArgumentError, match=r"settles n; pass sizes=[\s\S]*size_of size=n"):
        sd.evaluate(z, {s: 2.0})
    assert sd.evaluate(z, {s: 2.0}, sizes={"n": 3}) == 6.0


def test_the_range_of_an_operand_is_that_of_its_numbers(g: sd.Graph, w: sd.Node) -> None:
    for values, shown in (
        ([1.0, np.nan, 3.0], r"in \[1, 3\] and 1 NaN"),
        ([np.nan] * 3, r"  3 NaN"),
    ):
        with pytest.raises(sd.NonFiniteError, match=shown):
            sd.evaluate(sd.sum(w), {w: values}, stop_at_nonfinite=True)
