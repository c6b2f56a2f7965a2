"""Basic indexing is NumPy's; on named sizes a key states what it needs, checked at the call."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

import symdiff as sd

SHAPES = npst.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)


@st.composite
def keyed_shapes(draw: st.DrawFn) -> tuple[tuple[int, ...], Any]:
    shape = draw(SHAPES)
    return shape, draw(npst.basic_indices(shape, allow_newaxis=True, allow_ellipsis=True))


def numbered(shape: tuple[int, ...]) -> np.ndarray:
    """Every entry another number, so that a wrong entry shows."""
    return np.arange(1.0, 1 + np.prod(shape, dtype=int)).reshape(shape)


@given(keyed_shapes())
@example(((4,), np.s_[::-1]))
@example(((4,), np.s_[10:-10:-3]))
@example(((3, 0), np.s_[..., None, -1::-1]))
@example(((), np.s_[...]))
def test_a_key_takes_the_entries_numpy_takes(keyed: tuple[tuple[int, ...], Any]) -> None:
    shape, key = keyed
    value = numbered(shape)
    x = sd.Graph().input("x", value)
    y = x[key]
    expected = value[key]
    assert y.shape == expected.shape
    np.testing.assert_array_equal(sd.evaluate(y, {x: value}), expected)


@given(keyed_shapes())
def test_the_gradient_is_put_back_where_the_entries_were(
    keyed: tuple[tuple[int, ...], Any],
) -> None:
    shape, key = keyed
    value = numbered(shape)
    x = sd.Graph().input("x", value)
    cotangent = numbered(value[key].shape)
    expected = np.zeros(shape)
    expected[key] = cotangent
    found = sd.evaluate(sd.vjp(x[key], x, cotangent), {x: value})
    np.testing.assert_array_equal(found, expected)


@given(keyed_shapes())
def test_equal_keys_make_one_node(keyed: tuple[tuple[int, ...], Any]) -> None:
    shape, key = keyed
    x = sd.Graph().input("x", numbered(shape))
    assert x[key] is x[key]
    spelled = key if isinstance(key, tuple) else (key,)
    if not any(k is Ellipsis for k in spelled):
        assert x[(*spelled, ...)] is x[key]


def test_a_key_that_takes_everything_is_no_node() -> None:
    x = sd.Graph().input("x", sd.f64[3, "n"])
    for key in (np.s_[:], np.s_[...], np.s_[:, :], np.s_[0:3, ...], np.s_[0:, 0:]):
        assert x[key] is x


# -- named sizes ---------------------------------------------------------------------------

BOUNDS = st.none() | st.integers(-6, 6)
SLICES = st.builds(slice, BOUNDS, BOUNDS, st.sampled_from([None, 1, 2, 3, -1, -2, -3]))
ENTRIES = SLICES | st.integers(-6, 6)


def is_inside(entry: Any, n: int) -> bool:
    """Whether NumPy takes the key as written: nothing clamped, nothing taken backwards."""
    if isinstance(entry, int):
        return -n <= entry < n
    forwards = entry.step is None or entry.step > 0
    low, high = (0, n) if forwards else (-1, n - 1)
    first, last = (low, high) if forwards else (high, low)
    start = first if entry.start is None else entry.start + n * (entry.start < 0)
    stop = last if entry.stop is None else entry.stop + n * (entry.stop < 0)
    ordered = start <= stop if forwards else stop <= start
    return ordered and all(low <= bound <= high for bound in (start, stop))


@given(ENTRIES, st.integers(0, 8))
@example(slice(1, None), 0)
@example(slice(None, None, -1), 0)
@example(slice(-3, None), 3)
@example(slice(None, None, 3), 7)
@example(-1, 0)
@example(slice(-2, None, -1), 1)
def test_a_key_on_a_named_size_is_numpys_inside_and_raises_outside(entry: Any, n: int) -> None:
    value = np.arange(float(n))
    x = sd.Graph().input("x", sd.f64["n"])
    try:
        found = sd.evaluate(x[entry], {x: value})
    except sd.ShapeError as error:
        assert not is_inside(entry, n)
        assert "test_index.py:" in str(error)
        return
    assert is_inside(entry, n)
    np.testing.assert_array_equal(found, value[entry])


@given(ENTRIES, st.integers(1, 8))
def test_a_gradient_through_a_named_size_is_put_back(entry: Any, n: int) -> None:
    assume(is_inside(entry, n))
    value = np.arange(float(n))
    x = sd.Graph().input("x", sd.f64["n"])
    y = x[entry]
    expected = np.zeros(n)
    expected[entry] = 2 * value[entry]
    np.testing.assert_array_equal(sd.evaluate(sd.grad(sd.sum(y * y), x), {x: value}), expected)


@given(ENTRIES, ENTRIES, st.integers(0, 6), st.integers(0, 6))
def test_keys_on_two_named_sizes_act_each_on_its_own(
    first: Any, second: Any, n: int, m: int
) -> None:
    value = numbered((n, m))
    x = sd.Graph().input("x", sd.f64["n", "m"])
    key = (first, None, second)
    try:
        found = sd.evaluate(x[key], {x: value})
    except sd.ShapeError:
        assert not (is_inside(first, n) and is_inside(second, m))
        return
    np.testing.assert_array_equal(found, value[key])


def test_a_slice_has_an_exact_symbolic_size() -> None:
    x = sd.Graph().input("x", sd.f64["n"])
    assert [str(x[key].type) for key in (np.s_[1:], np.s_[:-1], np.s_[2:-2], np.s_[:4])] == [
        "f64[n-1]",
        "f64[n-1]",
        "f64[n-4]",
        "f64[4]",
    ]
    assert (x[1:] - x[:-1]).type == sd.f64["n - 1"]
    assert x[::-1].type == x.type


def test_a_size_can_be_a_bound() -> None:
    g = sd.Graph()
    x, y = g.input("x", sd.f64["n + m"]), g.input("y", sd.f64["n"])
    n = y.shape[0]
    first, rest = x[:n], x[n:]
    assert (first.type, str(rest.type)) == (y.type, "f64[m]")
    values = {x: np.arange(5.0), y: np.zeros(2)}
    np.testing.assert_array_equal(sd.evaluate(first, values), [0, 1])
    np.testing.assert_array_equal(sd.evaluate(rest, values), [2, 3, 4])
    assert sd.evaluate(x[n], values) == 2


def test_the_call_says_which_line_needs_a_larger_size() -> None:
    x = sd.Graph().input("x", sd.f64["n"])
    tail = x[3:]
    with pytest.raises(sd.ShapeError) as caught:
        sd.evaluate(tail, {x: np.zeros(2)})
    message = str(caught.value)
    assert "n >= 3" in message
    assert "n = 2" in message
    assert "test_index.py:" in message
    np.testing.assert_array_equal(sd.evaluate(tail, {x: np.zeros(3)}), np.zeros(0))


def test_a_need_is_checked_before_anything_runs() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64["n"])
    y = seen(x)[2:]
    seen_values.clear()
    with pytest.raises(sd.ShapeError):
        sd.evaluate(y, {x: np.zeros(1)})
    assert seen_values == []
    sd.evaluate(y, {x: np.zeros(2)})
    assert len(seen_values) == 1


seen_values: list[np.ndarray] = []


def _see(x: np.ndarray) -> np.ndarray:
    seen_values.append(x)
    return x


seen = sd.op("seen", "x", doc="", infer=lambda x: x, kernel=_see)


# -- errors --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "error", "message"),
    [
        (3, sd.ShapeError, "index 3 is out of bounds for axis 0 with size 3"),
        (-4, sd.ShapeError, "index -4 is out of bounds for axis 0 with size 3"),
        ((0, 2), sd.ShapeError, "index 2 is out of bounds for axis 1 with size 2"),
        ((0, 0, 0), sd.ShapeError, "3 indices for the 2 axes"),
        ((..., ...), sd.ArgumentError, "only have one Ellipsis"),
        (np.s_[::0], sd.ArgumentError, "step cannot be zero"),
        (1.0, sd.ArgumentError, "must be an int or a size, not 1.0"),
        ("x", sd.ArgumentError, "must be an int or a size, not 'x'"),
    ],
    ids=str,
)
def test_a_key_that_means_nothing_is_named(key: Any, error: type, message: str) -> None:
    x = sd.Graph().input("x", sd.f64[3, 2])
    with pytest.raises(error, match=message):
        x[key]


# -- many reads of one array -----------------------------------------------------------------


def cost(outputs: list[sd.Node]) -> tuple[int, int]:
    """How many operands all nodes have together, and how many entries all their values."""
    needed = outputs[0].graph.ancestors(outputs)
    return sum(1 + len(n.inputs) for n in needed), sum(int(n.size) for n in needed)


def rosenbrock(x: sd.Node) -> sd.Node:
    """Written entry by entry, as a user of plain Python does."""
    terms = [100.0 * (x[k + 1] - x[k] ** 2) ** 2 + (1.0 - x[k]) ** 2 for k in range(len(x) - 1)]
    return sd.add_n(*terms)


def derivatives(n: int) -> list[sd.Node]:
    """A function of n numbers read one by one, its gradient, and a Hessian-vector product."""
    x = sd.Graph().input("x", sd.f64[n])
    z = rosenbrock(x)
    return [z, sd.grad(z, x), sd.hvp(z, x, np.ones(n))]


def test_n_reads_cost_in_proportion_to_n_also_in_derivatives() -> None:
    for order in range(3):
        small, large = cost([derivatives(30)[order]]), cost([derivatives(300)[order]])
        assert large[0] < 11 * small[0]
        assert large[1] < 11 * small[1]


def test_a_read_appends_no_node_that_the_gradient_does_not_need() -> None:
    x = sd.Graph().input("x", sd.f64[20])
    z = rosenbrock(x)
    size = len(x.graph)
    dx = sd.grad(z, x)
    needed = set(x.graph.ancestors(dx))
    dead = [n for n in x.graph.nodes[size:] if n not in needed]
    assert all(n.op.name == "constant" for n in dead)
    assert [n.op.name for n in needed].count("scatter") == 1


def test_compiled_reads_have_a_statement_each_and_one_array_for_the_gradient() -> None:
    point = np.linspace(-1, 1, 30)
    outputs = derivatives(30)
    f = sd.compile([outputs[0].graph.inputs[0]], outputs)
    x = outputs[0].graph.inputs[0]
    for found, expected in zip(f(point), sd.evaluate(outputs, {x: point}), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-13)
    lengths = []
    for n in (30, 60):
        outputs = derivatives(n)
        lengths.append(len(sd.compile([outputs[0].graph.inputs[0]], outputs).source))
    assert lengths[1] < 2.3 * lengths[0]


OVERLAPPING = (
    (np.s_[0], np.s_[1:], np.s_[:-1], np.s_[0]),
    (np.s_[:2], np.s_[2:]),
    (np.s_[0], np.s_[3]),
    (np.s_[::2], np.s_[1::2], np.s_[::-1]),
    (np.s_[3], np.s_[:], np.s_[None, 1:3]),
    (np.s_[4:1:-1], np.s_[:2]),
    (np.s_[2:2], np.s_[1]),
)


@pytest.mark.parametrize("keys", OVERLAPPING, ids=str)
@pytest.mark.parametrize("size", [5, "n"])
def test_reads_that_overlap_add_up(keys: tuple[Any, ...], size: int | str) -> None:
    x = sd.Graph().input("x", sd.f64[size])
    value = np.array([2.0, 3.0, 5.0, 7.0, 11.0])
    z = sd.add_n(*[(k + 1.0) * sd.sum(x[key] ** 3) for k, key in enumerate(keys)])
    expected = np.zeros(5)
    for k, key in enumerate(keys):
        expected[key] += (k + 1) * 3 * value[key] ** 2
    dx = sd.grad(z, x)
    np.testing.assert_allclose(sd.evaluate(dx, {x: value}), expected)
    np.testing.assert_allclose(sd.compile([x], dx)(value), expected)
    sd.testing.check_grad(z, {x: value})


def test_a_read_beside_the_whole_array_adds_to_its_gradient() -> None:
    x = sd.Graph().input("x", sd.f64[3])
    dx = sd.grad(sd.sum(sd.sin(x)) + x[0] * x[1], x)
    value = np.array([0.5, 1.0, 2.0])
    expected = np.cos(value) + np.array([1.0, 0.5, 0.0])
    np.testing.assert_allclose(sd.evaluate(dx, {x: value}), expected)


def test_reads_under_masks_keep_them() -> None:
    """A branch not taken makes no NaN, whatever other entries are read and how."""
    g = sd.Graph()
    x, flag = g.input("x", sd.f64[4]), g.input("flag", sd.bool_)
    root = sd.sqrt(x)
    z = sd.where(flag, root[0], 0.0) + sd.where(flag, 0.0, root[1]) + root[2]
    z = z + sd.sum(sd.where(np.array([False, True]), root[2:], 0.0))
    point = {x: np.array([0.0, 4.0, 4.0, 16.0]), flag: False}
    first = sd.grad(z, x)
    second = sd.grad(sd.sum(first), x)
    for compiled in (False, True):
        outputs = [first, second]
        found = (
            sd.compile([x, flag], outputs)(*point.values())
            if compiled
            else sd.evaluate(outputs, point)
        )
        np.testing.assert_allclose(found[0], [0.0, 0.25, 0.25, 0.125])
        np.testing.assert_allclose(found[1], [0.0, -1 / 32, -1 / 32, -1 / 256])


def test_provenance_leads_from_every_read_to_the_gradient() -> None:
    x = sd.Graph().input("x", sd.f64[3])
    reads = [x[0], x[1]]
    dx = sd.grad(reads[0] * reads[1], x)
    by = {r.forward: r for r in x.graph.provenance if r.gradient is dx and r.position == 0}
    assert set(by) == set(reads)
    assert not any(r.whole for r in by.values())


# -- what scatter takes ----------------------------------------------------------------------


def test_scatter_adds_parts_where_keys_overlap() -> None:
    x = sd.Graph().input("x", sd.f64[2])
    y = sd.scatter(x, x, shape=(3,), keys=(np.s_[:2], np.s_[1:]))
    np.testing.assert_array_equal(sd.evaluate(y, {x: [1.0, 10.0]}), [1.0, 11.0, 10.0])
    assert sd.parse(sd.text(y)).text() == sd.text(y)


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        (
            {"shape": (3,), "keys": (np.s_[:],)},
            sd.ShapeError,
            r"the key of parts\[0\] takes \(3,\)",
        ),
        ({"shape": (3,), "keys": ()}, sd.ArgumentError, "1 parts do not go to 0 keys"),
        ({"shape": (1,), "keys": (5,)}, sd.ShapeError, "index 5 is out of bounds for axis 0"),
        ({"shape": (-1,), "keys": (0,)}, sd.ShapeError, "negative"),
    ],
    ids=str,
)
def test_parts_that_do_not_fit_are_named(params: Any, error: type, message: str) -> None:
    x = sd.Graph().input("x", sd.f64[2])
    with pytest.raises(error, match=message):
        sd.scatter(x, **params)


def test_parts_have_one_dtype() -> None:
    g = sd.Graph()
    x, y = g.input("x", sd.f64), g.input("y", sd.f32)
    with pytest.raises(sd.DTypeError, match=r"parts\[1\] is f32\[\], but parts\[0\] is f64\[\]"):
        sd.scatter(x, y, shape=(2,), keys=(0, 1))


def test_a_node_with_known_sizes_is_iterated_as_numpy_iterates() -> None:
    x = sd.Graph().input("x", sd.f64[2, 3])
    value = numbered((2, 3))
    assert len(x) == 2
    np.testing.assert_array_equal(sd.evaluate(list(x), {x: value}), list(value))
    with pytest.raises(TypeError, match="no axes"):
        iter(sd.sum(x))


def test_a_node_with_a_named_size_cannot_be_iterated() -> None:
    x = sd.Graph().input("x", sd.f64["n"])
    with pytest.raises(sd.NoValueError, match="the first axis has the size n"):
        list(x)
