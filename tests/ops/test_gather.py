"""Arrays of indices are NumPy's: the same entries in the same layout, gradients added up."""

from __future__ import annotations

import inspect
from typing import Any

import array_api_strict
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

import symdiff as sd

# -- keys ------------------------------------------------------------------------------------


def numbered(shape: tuple[int, ...]) -> np.ndarray:
    """Every entry another number, so that a wrong entry shows."""
    return np.arange(1.0, 1 + np.prod(shape, dtype=int)).reshape(shape)


INDEX_SHAPES = [(), (2,), (1,), (3, 1), (3, 2), (0,)]


@st.composite
def shapes_and_keys(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[Any, ...]]:
    """A shape and a key with arrays in it, whose indices broadcast together."""
    shape = draw(npst.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=4))
    most = draw(st.sampled_from([(3, 2), (3, 1), (2,), ()]))
    key: list[Any] = []
    axis, dots = 0, False
    while axis < len(shape):
        size = shape[axis]
        kinds = ["array", "array", "int", "slice", "new", "mask"]
        kind = draw(st.sampled_from(kinds if dots else [*kinds, "dots"]))
        match kind:
            case "array":
                dims = [d if draw(st.booleans()) else 1 for d in most]
                taken = tuple(dims[draw(st.integers(0, len(dims))) :])
                places = st.integers(-size, size - 1)
                key.append(draw(npst.arrays(np.int64, taken, elements=places)))
            case "int":
                key.append(draw(st.integers(-size, size - 1)))
            case "slice":
                key.append(draw(st.slices(size)))
            case "new":
                key.append(None)
                axis -= 1
            case "mask":
                # As many hits as the last axis of the indices broadcasts with.
                hits = draw(st.integers(0, min(size, 1)))
                key.append(np.arange(size) < hits)
            case "dots":
                key.append(Ellipsis)
                dots = True
                axis = draw(st.integers(axis, len(shape))) - 1
        axis += 1
        if len(key) > 7 or (axis < len(shape) and draw(st.integers(0, 4)) == 0):
            break
    return shape, tuple(key)


def takes(shape: tuple[int, ...], key: Any) -> np.ndarray | None:
    """What NumPy takes, or None where the key is none for it."""
    try:
        return np.asarray(numbered(shape)[key])
    except (IndexError, ValueError):
        return None


CASES = (
    ((4, 5), np.s_[[0, 2]]),
    ((4, 5), np.s_[[0, -1, 0], [1, 2, 1]]),
    ((4, 5), np.s_[1:, [0, 2]]),
    ((4, 5), np.s_[[[0], [1]], [0, 2]]),
    ((4, 5), np.ix_([0, 2], [1, 3, 4])),
    ((2, 3, 4), np.s_[0, :, [0, 1]]),  # an int counts as an array: apart, so in front
    ((2, 3, 4), np.s_[:, 0, [0, 1]]),
    ((2, 3, 4), np.s_[[0, 1], ..., 1]),
    ((2, 3), np.s_[[0, 1], ..., [0, 1]]),  # an Ellipsis of no axes keeps them apart
    ((2, 3, 4), np.s_[[0, 1], None, [0, 1]]),
    ((2, 3, 4), np.s_[..., [0, 1], None]),
    ((2, 3, 4), np.s_[None, [0, 1], :, [2]]),
    ((3,), np.s_[[]]),
    ((3,), np.s_[True]),
    ((3,), np.s_[False]),
    ((3,), np.s_[None, True, 1:]),
    ((2, 3), np.s_[[0, 1], True]),
    ((2, 3), np.array([[True, False, True], [False, True, False]])),
    ((2, 3), np.s_[:, [True, False, True]]),
    ((2, 3), np.s_[np.array([True, False]), [0, 2]]),
    ((3, 2), np.s_[np.array(1), [0, 1]]),
    ((3, 2), np.s_[np.int8(1), [0, 1]]),
    ((3, 2), np.s_[(0, 1), :]),
    ((3, 0), np.s_[[0, 2]]),
    ((0, 3), np.s_[[], 1]),
)


@pytest.mark.parametrize(("shape", "key"), CASES, ids=str)
def test_arrays_take_what_numpy_takes(shape: tuple[int, ...], key: Any) -> None:
    check_key(shape, key)


@given(shapes_and_keys())
def test_any_key_takes_what_numpy_takes(case: tuple[tuple[int, ...], Any]) -> None:
    check_key(*case)


def check_key(shape: tuple[int, ...], key: Any) -> None:
    """Values, and the gradient: the cotangent added up where the entries came from."""
    value, expected = numbered(shape), takes(shape, key)
    x = sd.Graph().input("x", value)
    if expected is None:
        with pytest.raises((sd.ShapeError, sd.ArgumentError)):
            x[key]
        return
    y = x[key]
    assert y.shape == expected.shape
    np.testing.assert_array_equal(sd.evaluate(y, {x: value}), expected)
    cotangent = numbered(expected.shape)
    total = np.zeros(shape)
    np.add.at(total, key, cotangent)
    np.testing.assert_array_equal(sd.evaluate(sd.vjp(y, x, cotangent), {x: value}), total)


@given(shapes_and_keys())
def test_indices_given_at_the_call_are_as_static_ones(case: tuple[tuple[int, ...], Any]) -> None:
    shape, key = case
    value, expected = numbered(shape), takes(shape, key)
    if expected is None:
        return
    g = sd.Graph()
    x = g.input("x", value)
    given_, symbolic = {x: value}, []
    for k, entry in enumerate(key):
        if isinstance(entry, np.ndarray) and entry.dtype.kind == "i":
            node = g.input(f"i{k}", entry)
            given_[node] = entry
            entry = node
        symbolic.append(entry)
    y = x[tuple(symbolic)]
    compiled = sd.compile(list(given_), y)
    np.testing.assert_array_equal(sd.evaluate(y, given_), expected)
    np.testing.assert_array_equal(compiled(*given_.values()), expected)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "uint64", "int64"])
def test_indices_are_of_any_integer_dtype(dtype: str) -> None:
    g = sd.Graph()
    x, i = g.input("x", sd.f64[3]), g.input("i", sd.TensorType(np.dtype(dtype), (2,)))
    y = x[i]
    point = {x: np.array([1.0, 2.0, 3.0]), i: np.array([2, 2], dtype)}
    np.testing.assert_array_equal(sd.evaluate(y, point), [3.0, 3.0])
    np.testing.assert_array_equal(sd.evaluate(sd.grad(sd.sum(y), x), point), [0.0, 0.0, 2.0])


@pytest.mark.parametrize("dtype", [sd.bool_, sd.i32, sd.u8, sd.f32, sd.c128])
def test_entries_are_of_any_dtype(dtype: Any) -> None:
    value = np.array([0, 1, 1]).astype(dtype.dtype)
    x = sd.Graph().input("x", value)
    found = sd.evaluate(x[[2, 0]], {x: value})
    assert found.dtype == value.dtype
    np.testing.assert_array_equal(found, value[[2, 0]])


def test_a_list_of_nodes_is_an_array_of_indices() -> None:
    g = sd.Graph()
    x, i = g.input("x", sd.f64[5]), g.input("i", sd.i64)
    y = x[[i, i + 1, 0]]
    np.testing.assert_array_equal(sd.evaluate(y, {x: np.arange(5.0), i: 2}), [2.0, 3.0, 0.0])


def test_named_sizes_stay_in_the_result() -> None:
    g = sd.Graph()
    x, i = g.input("x", sd.f64["n", "m"]), g.input("i", sd.i64["k"])
    assert [str(y.type) for y in (x[i], x[:, i], x[1:, i], x[i, i], x[i, None], x[[0, 1]])] == [
        "f64[k,m]",
        "f64[n,k]",
        "f64[n-1,k]",
        "f64[k]",
        "f64[k,1,m]",
        "f64[2,m]",
    ]
    value, places = numbered((3, 4)), np.array([2, -1, 0, 0, 2])
    dx = sd.grad(sd.sum(x[1:, i] ** 2), x)
    expected = np.zeros((3, 4))
    np.add.at(expected, np.s_[1:, places], 2 * value[1:, places])
    point = {x: value, i: places}
    np.testing.assert_allclose(sd.evaluate(dx, point), expected)


def test_a_mask_settles_a_named_size() -> None:
    x = sd.Graph().input("x", sd.f64["n"])
    y = x[[True, False, True]]
    assert y.type == sd.f64[2]
    np.testing.assert_array_equal(sd.evaluate(y, {x: [1.0, 2.0, 3.0]}), [1.0, 3.0])
    with pytest.raises(sd.ShapeError, match="this needs n == 3"):
        sd.evaluate(y, {x: [1.0, 2.0]})


def test_a_constant_mask_has_a_static_count() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64[3])
    assert x[g.constant([True, False, True])] is x[[0, 2]]


# -- gradients -------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [np.s_[[0, 0, 2]], np.s_[:, [1, 1]], np.s_[[0, 1], [1, 1]]])
def test_gradients_of_repeated_reads_hold_to_third_order(key: Any) -> None:
    value = np.linspace(0.5, 2.0, 12).reshape(3, 4)
    sd.testing.check_grad(lambda x: sd.sum(sd.sin(x[key]) * x[key] ** 2), value, order=3)


def test_a_gradient_under_a_mask_stays_under_it_where_indices_repeat() -> None:
    g = sd.Graph()
    x, m = g.input("x", sd.f64[3]), g.input("m", sd.bool_[3])
    root = sd.sqrt(x)[[0, 0, 1]]
    dx = sd.grad(sd.sum(sd.where(m, root * np.array([1.0, 2.0, 4.0]), 0.0)), x)
    point = {x: np.array([0.0, 4.0, 0.0]), m: np.array([False, False, True])}
    np.testing.assert_array_equal(sd.evaluate(dx, point), [0.0, 1.0, 0.0])
    again = sd.grad(sd.sum(dx), x)
    np.testing.assert_array_equal(sd.evaluate(again, point), [0.0, -0.125, 0.0])
    some = {x: np.array([4.0, 4.0, 0.0]), m: np.array([False, True, False])}
    np.testing.assert_array_equal(sd.evaluate(dx, some), [0.5, 0.0, 0.0])


def entries(outputs: list[sd.Node]) -> tuple[int, int]:
    needed = outputs[0].graph.ancestors(outputs)
    return sum(1 + len(n.inputs) for n in needed), sum(int(n.size) for n in needed)


def reads(n: int, masked: bool) -> list[sd.Node]:
    """n products of entries read one by one, at indices given at the call."""
    g = sd.Graph()
    x, i = g.input("x", sd.f64[n]), g.input("i", sd.i64[n])
    terms = [x[i[k]] * sd.sin(x[k]) for k in range(n)]
    z = sd.add_n(*[sd.where(t > 0, t, 0.0) if masked else t for t in terms])
    dx = sd.grad(z, x)
    return [z, dx, sd.grad(sd.sum(dx * dx), x)]


@pytest.mark.parametrize("masked", [False, True])
def test_n_reads_at_the_call_cost_in_proportion_to_n(masked: bool) -> None:
    for order in range(3):
        small, large = entries([reads(20, masked)[order]]), entries([reads(200, masked)[order]])
        assert large[0] < 11 * small[0]
        assert large[1] < 11 * small[1]


@pytest.mark.parametrize("masked", [False, True])
def test_many_reads_together_give_the_gradient_they_give_alone(masked: bool) -> None:
    n = 6
    outputs = reads(n, masked)
    rng = np.random.default_rng(0)
    x, i = rng.normal(size=n), rng.integers(-n, n, n)
    kept = x[i] * np.sin(x) > 0 if masked else np.ones(n, bool)
    expected = np.zeros(n)
    np.add.at(expected, i, np.sin(x) * kept)
    expected += kept * x[i] * np.cos(x)
    point = dict(zip(outputs[0].graph.inputs, (x, i), strict=True))
    np.testing.assert_allclose(sd.evaluate(outputs[1], point), expected, rtol=1e-13)


def test_reads_of_several_shapes_and_axes_add_up() -> None:
    g = sd.Graph()
    x, i = g.input("x", sd.f64[3, 4]), g.input("i", sd.i32[2, 2])
    z = sd.sum(x[i] ** 2) + sd.sum(x[[0, 1]] ** 3) + sd.sum(x[:, i] ** 2) + sd.sum(x[2, i])
    z = z + sd.sum(x[i, i] ** 3) + sd.sum(x[[1], :, None] * x[0, None, None])
    sd.testing.check_grad(z, {x: np.linspace(0.2, 1.0, 12).reshape(3, 4), i: [[0, 1], [1, -1]]})
    needed = x.graph.ancestors(sd.grad(z, x))
    added = [n for n in needed if n.op.name == "scatter_add" and n.shape == x.shape]
    assert sorted(n.params["axes"] for n in added) == [(0,), (0, 1), (1,)]


def test_a_mapped_read_has_no_loop() -> None:
    """Rows of x at rows of indices, by a batch rule: check_op checks every choice."""
    g = sd.Graph()
    x, i = g.input("x", sd.f64["b", "n"]), g.input("i", sd.i64["b", 3])
    y = sd.vmap(lambda row, places: row[places])(x, i)
    point = {x: numbered((2, 4)), i: np.array([[0, 3, 3], [-1, 0, 1]])}
    expected = np.take_along_axis(point[x], point[i] % 4, axis=1)
    np.testing.assert_array_equal(sd.evaluate(y, point), expected)
    sd.testing.check_grad(sd.sum(y**3), point)


# -- errors ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "error", "message"),
    [
        (np.s_[[0, 3]], sd.ShapeError, "index 3 is out of bounds for axis 0 with size 3"),
        (np.s_[:, [-3]], sd.ShapeError, "index -3 is out of bounds for axis 1 with size 2"),
        (np.s_[[0.5]], sd.DTypeError, "integers, or booleans for a mask; entry 0 .* float64"),
        (np.s_[[0, 1], [0, 1, 1]], sd.ShapeError, r"shapes \(2,\) and \(3,\) do not broadcast"),
        (np.s_[[0], 0, 0], sd.ShapeError, "3 indices for the 2 axes"),
        (np.s_[..., [0], ...], sd.ArgumentError, "only have one Ellipsis"),
        (np.s_[[True, False]], sd.ShapeError, "the mask has 2 entries along axis 0.* size 3"),
        (np.s_[[[0], [0, 1]]], sd.ArgumentError, "entry 0 of the key is no array of indices"),
        (np.s_[["a"]], sd.DTypeError, "integers, or booleans"),
        (np.s_[[0], 1.5], sd.ArgumentError, "must be an int or a size, not 1.5"),
    ],
    ids=str,
)
def test_a_key_that_means_nothing_is_named(key: Any, error: type, message: str) -> None:
    x = sd.Graph().input("x", sd.f64[3, 2])
    with pytest.raises(error, match=message) as caught:
        x[key]
    assert "x : f64[3,2]" in str(caught.value)


def test_indices_that_are_no_integers_are_named() -> None:
    g = sd.Graph()
    x, i = g.input("x", sd.f64[3]), g.input("i", sd.f64[2])
    with pytest.raises(sd.DTypeError, match=r"entry 0 is f64\[2\]"):
        x[i]


@pytest.mark.parametrize("where", ["value", "gradient"])
def test_an_index_out_of_bounds_at_the_call_names_the_node_and_its_line(where: str) -> None:
    g = sd.Graph()
    x, i = g.input("x", sd.f64["n"]), g.input("i", sd.i64[2])
    y = x[i]
    output = y if where == "value" else sd.grad(sd.sum(y), x)
    for bad in (3, -4):
        point = {x: np.zeros(3), i: np.array([0, bad])}
        for run in (
            lambda point: sd.evaluate(output, point),
            lambda point: sd.compile([x, i], output)(*point.values()),
        ):
            with pytest.raises(sd.EvaluationError) as caught:
                run(point)
            message = str(caught.value)
            assert f"index {bad} is out of bounds for axis 0 with size 3" in message
            assert "test_gather.py:" in message
            assert "i : i64[2]" in message


def test_a_mask_that_only_a_call_settles_names_the_ways_out() -> None:
    x = sd.Graph().input("x", sd.f64[3])
    with pytest.raises(
        sd.ArgumentError, match=r"sd\.where.*x\[sd\.nonzero\(mask, size=\.\.\.\)\]"
    ):
        x[x > 0]
    with pytest.raises(sd.ArgumentError, match=r"sd\.nonzero"):
        x[0:2, None][x[0:2] > 0]


def test_writing_into_a_node_names_the_way_out() -> None:
    x = sd.Graph().input("x", sd.f64[3])
    with pytest.raises(TypeError, match=r"x\.at\[key\]\.set\(v\)"):
        x[0] = 1.0  # type: ignore[index]
    with pytest.raises(TypeError, match=r"x\.at\[key\]\.add\(v\)"):
        x[[0, 1]] += 1.0
    for change in (
        lambda: np.put(x, [0], 1.0),
        lambda: np.add.at(x, [0], 1.0),
        lambda: np.copyto(x, 0.0),
        lambda: np.place(x, x > 0, 0.0),
    ):
        with pytest.raises(sd.ArgumentError, match=r"a node never changes; use "):
            change()


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"axes": (0, 0)}, sd.ShapeError, "each once"),
        ({"axes": ()}, sd.ShapeError, "one axis or more"),
        ({"axes": 2}, sd.ShapeError, "out of bounds"),
        ({"axes": (0, 1)}, sd.ArgumentError, "2 axes take as many arrays of indices, not 1"),
        ({"axes": 0, "at": 3}, sd.ShapeError, "at: axis 3 is out of bounds"),
    ],
    ids=str,
)
def test_params_that_do_not_fit_are_named(params: Any, error: type, message: str) -> None:
    g = sd.Graph()
    x, i = g.input("x", sd.f64[3, 2]), g.input("i", sd.i64[2])
    with pytest.raises(error, match=message):
        sd.gather(x, i, **params)


# -- take ------------------------------------------------------------------------------------


def test_take_has_the_signature_of_the_array_api() -> None:
    expected = inspect.signature(array_api_strict.take).parameters.values()
    found = inspect.signature(sd.take).parameters.values()
    assert [(p.name, p.kind, p.default) for p in found] == [
        (p.name, p.kind, p.default) for p in expected
    ]


@given(
    npst.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=4),
    st.none() | st.integers(-3, 2),
    st.sampled_from(INDEX_SHAPES),
    st.integers(0, 99),
)
@example((2, 3), None, (2,), 0)
def test_take_is_numpys(
    shape: tuple[int, ...], axis: int | None, places: tuple[int, ...], seed: int
) -> None:
    if axis is not None and not -len(shape) <= axis < len(shape):
        return
    size = int(np.prod(shape)) if axis is None else shape[axis]
    indices = np.random.default_rng(seed).integers(-size, size, places)
    g = sd.Graph()
    x, i = g.input("x", numbered(shape)), g.input("i", indices)
    point = {x: numbered(shape), i: indices}
    expected = np.take(numbered(shape), indices, axis)
    for y in (
        sd.take(x, indices, axis=axis),
        sd.take(x, i, axis=axis),
        np.take(x, i, axis),
        x.take(i, axis),
        sd.take(numbered(shape), i, axis=axis),
    ):
        found = sd.evaluate(y, point)
        assert found.shape == expected.shape
        np.testing.assert_array_equal(found, expected)


def test_take_refuses_what_it_cannot_mean() -> None:
    x = sd.Graph().input("x", sd.f64[3, 2])
    with pytest.raises(sd.ArgumentError, match="mode='clip' is not available on nodes"):
        np.take(x, [0], mode="clip")
    with pytest.raises(sd.ShapeError, match="axis 2 is out of bounds"):
        sd.take(x, [0], axis=2)
    with pytest.raises(sd.ShapeError, match="index 3 is out of bounds"):
        sd.take(x, [3], axis=0)
    with pytest.raises(sd.DTypeError, match="indices are integers"):
        sd.take(x, np.array([True, False, True]), axis=0)


# -- nonzero ---------------------------------------------------------------------------------


@given(npst.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=4), st.integers(0, 99))
def test_nonzero_is_numpys_where_the_size_is_right(shape: tuple[int, ...], seed: int) -> None:
    value = np.random.default_rng(seed).integers(0, 2, shape).astype(float)
    x = sd.Graph().input("x", value)
    expected = np.nonzero(value)
    found = sd.evaluate(sd.nonzero(x, size=len(expected[0])), {x: value})
    assert len(found) == len(expected)
    for ours, numpys in zip(found, expected, strict=True):
        assert ours.dtype == numpys.dtype
        np.testing.assert_array_equal(ours, numpys)
    for fill in (-1, tuple(range(5, 5 + len(shape)))):
        longer = sd.nonzero(x, size=len(expected[0]) + 2, fill_value=fill)
        for k, ours in enumerate(sd.evaluate(longer, {x: value})):
            filled = fill[k] if isinstance(fill, tuple) else fill
            np.testing.assert_array_equal(ours, [*expected[k], filled, filled])


def test_nonzero_never_leaves_anything_out() -> None:
    x = sd.Graph().input("x", sd.f64[3])
    value = {x: [0.0, np.nan, 2.0]}
    with pytest.raises(sd.EvaluationError, match="2 entries are not zero, where size=1"):
        sd.evaluate(sd.nonzero(x, size=1), value)
    with pytest.raises(sd.EvaluationError, match="2 entries are not zero, where size=1"):
        sd.evaluate(sd.nonzero(x, size=1, fill_value=0), value)
    with pytest.raises(sd.EvaluationError, match=r"where size=3; fill_value=.*\n.*test_gather.py"):
        sd.evaluate(sd.nonzero(x, size=3), value)


def test_the_entries_under_a_mask_have_gradients() -> None:
    x = sd.Graph().input("x", sd.f64["n"])
    chosen = x[sd.nonzero(x > 0, size=2)]
    dx = sd.grad(sd.prod(chosen), x)
    np.testing.assert_array_equal(
        sd.evaluate(dx, {x: [-1.0, 3.0, 0.0, 5.0]}), [0.0, 5.0, 0.0, 3.0]
    )


def test_a_size_may_be_named() -> None:
    g = sd.Graph()
    x, y = g.input("x", sd.f64[4]), g.input("y", sd.f64["k"])
    chosen = x[sd.nonzero(x > 0, size=y.shape[0])]
    assert chosen.type == y.type
    point = {x: np.array([1.0, -1.0, 2.0, 0.0]), y: np.zeros(2)}
    np.testing.assert_array_equal(sd.evaluate(chosen + y, point), [1.0, 2.0])


@pytest.mark.parametrize("function", [sd.nonzero, np.nonzero, np.flatnonzero, np.argwhere])
def test_without_a_size_nonzero_names_the_ways_out(function: Any) -> None:
    x = sd.Graph().input("x", sd.f64[3])
    with pytest.raises(sd.ArgumentError, match=r"nonzero.*size=\.\.\..*sd\.where"):
        function(x)


def test_what_nonzero_refuses_is_named() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64[3])
    with pytest.raises(sd.ShapeError, match="a scalar has no axes"):
        sd.nonzero(sd.sum(x), size=1)
    with pytest.raises(sd.ArgumentError, match="fill_value is an int, or one for each of the 1"):
        sd.nonzero(x, size=1, fill_value=0.5)  # type: ignore[arg-type]
    with pytest.raises(sd.ShapeError, match="the size is negative"):
        sd.nonzero(x, size=-1)
    assert [y.shape for y in sd.nonzero(g.constant([0, 3, 4]))] == [(2,)]


# -- NumPy's other ways to choose ------------------------------------------------------------


def compared(function: Any, *arrays: Any) -> None:
    """A function of NumPy on nodes against itself on arrays."""
    g = sd.Graph()
    nodes = [g.input(f"x{k}", a) for k, a in enumerate(arrays)]
    expected = function(*arrays)
    found = sd.evaluate(function(*nodes), dict(zip(nodes, arrays, strict=True)))
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


def test_numpys_functions_that_choose_take_nodes() -> None:
    x, y = numbered((3, 4)), -numbered((3, 4))
    which = np.array([0, 1, 1, 0])
    compared(lambda x: np.compress([False, True, True], x, axis=0), x)
    compared(lambda x: np.compress([False, True, True], x), x)
    compared(lambda x: np.extract(numbered((3, 4)) % 2 == 0, x), x)
    compared(lambda which, x, y: np.choose(which, [x, y]), which, x, y)
    compared(lambda which, x: np.choose(which, x[:2]), which, x)
    compared(lambda x, y: np.select([x > 9, x > 5], [x, y], 7), x, y)
    compared(lambda x, y: np.select([x > 9, x > 5], [x, y]), x.astype("f4"), y.astype("f4"))
    compared(lambda x, i: x[np.ix_(i, [True, False, True, True])], x, np.array([2, 0]))


def test_the_gradient_of_a_choice_is_that_of_what_was_chosen() -> None:
    which = np.array([2, 0, 1])
    value = np.linspace(0.5, 2.0, 9).reshape(3, 3)
    sd.testing.check_grad(lambda x: np.choose(which, list(sd.sin(x))), value)
    sd.testing.check_grad(lambda x: np.select([x > 1.5, x > 1.0], [sd.sin(x), x**3]), value)


def test_choices_that_do_not_fit_are_named() -> None:
    g = sd.Graph()
    x, i = g.input("x", sd.f64[3]), g.input("i", sd.i64[2])
    with pytest.raises(sd.ShapeError, match="do not broadcast"):
        np.choose(i, [x, x])
    with pytest.raises(sd.ArgumentError, match="1 conditions need as many choices, not 2"):
        np.select([x > 0], [x, x])
    with pytest.raises(sd.ArgumentError, match=r"sd\.nonzero\(condition, size=\.\.\.\)"):
        np.compress(x > 0, x)
    with pytest.raises(sd.ArgumentError, match="mode='wrap'"):
        np.choose(i, [x[:2], x[1:]], mode="wrap")
    y = np.choose(i, [x[:2], x[1:]])
    with pytest.raises(sd.EvaluationError, match="index 2 is out of bounds"):
        sd.evaluate(y, {x: np.zeros(3), i: np.array([0, 2])})
