"""Entries moved, repeated, cut and padded: NumPy's results, exact sizes, sums as gradients."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

import symdiff as sd

DTYPES = ("f8", "f4", "f2", "i8", "i1", "u2", "?", "c8")
CUBE = (2, 3, 4)


def filled(shape: tuple[int, ...], dtype: str = "f8", seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(-9, 9, shape).astype(dtype)


def assert_same(found: Any, expected: Any, point: Any) -> None:
    """Nodes, or one node, have the types and values of arrays, or of one."""
    several = isinstance(expected, list | tuple)
    nodes, values = (found, expected) if several else ([found], [expected])
    assert len(nodes) == len(values)
    for y, value in zip(nodes, values, strict=True):
        assert (y.dtype, y.shape) == (value.dtype, value.shape)
        np.testing.assert_array_equal(sd.evaluate(y, point), value)


def agree(name: str, arrays: Any, *args: Any, **params: Any) -> None:
    """`sd.name` and NumPy's own function on nodes give what NumPy's gives on arrays.

    A tuple of arrays is given as one argument, a list as one each.
    """
    g = sd.Graph()
    nodes = type(arrays)(g.input(f"x{k}", a) for k, a in enumerate(arrays))
    point = dict(zip(nodes, arrays, strict=True))
    ours, numpys = getattr(sd, name), getattr(np, name)
    if isinstance(arrays, tuple):
        arrays, nodes = [arrays], [nodes]
    expected = numpys(*arrays, *args, **params)
    assert_same(ours(*nodes, *args, **params), expected, point)
    assert_same(numpys(*nodes, *args, **params), expected, point)


# -- roll, flip, rot90 ---------------------------------------------------------------------

ROLLS = [
    (0, None),
    (1, None),
    (-7, None),
    (2, 0),
    (-1, 1),
    (5, -1),
    ((1, -2), (0, 2)),
    (3, (0, 1)),
    ((1, 2), 1),
    ((1, 1), (1, 1)),
    (12, 2),
]


@pytest.mark.parametrize(("shift", "axis"), ROLLS)
@pytest.mark.parametrize("shape", [CUBE, (1, 2, 1), (0, 2, 3)])
def test_roll_is_numpys(shape: Any, shift: Any, axis: Any) -> None:
    agree("roll", [filled(shape)], shift, axis)


def test_a_roll_by_nothing_or_all_the_way_is_the_node_itself() -> None:
    x = sd.Graph().input("x", sd.f64[3, "n"])
    assert sd.roll(x, 3, axis=0) is x
    assert sd.roll(x, x.shape[1], axis=1) is x
    assert sd.roll(x, (1, -1), axis=1) is x
    assert sd.roll(x, -1, axis=0) is sd.roll(x, 2, axis=0)


def test_a_roll_counts_modulo_a_size_that_only_the_call_settles() -> None:
    x = sd.Graph().input("x", sd.f64["n"])
    k = x.shape[0]
    y = [
        sd.roll(x, 7),
        sd.roll(x, k // 2),
        sd.roll(x, "n + 1"),
        sd.grad(x[0] * sd.roll(x, 7)[1], x),
    ]
    for n in (2, 3, 5):
        data = np.arange(1.0, n + 1)
        found = sd.evaluate(y, {x: data})
        for value, shift in zip(found, (7, n // 2, 1), strict=False):
            np.testing.assert_array_equal(value, np.roll(data, shift))
        expected = np.zeros(n)
        expected[0] += np.roll(data, 7)[1]
        expected[(1 - 7) % n] += data[0]
        np.testing.assert_array_equal(found[3], expected)
        sd.compile([x], y)(data)


@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2), ()])
def test_flip_is_numpys(axis: Any) -> None:
    agree("flip", [filled(CUBE)], axis)


@pytest.mark.parametrize("k", range(-2, 6))
@pytest.mark.parametrize("axes", [(0, 1), (1, 0), (2, 0), (-1, 1)])
def test_rot90_is_numpys(k: int, axes: Any) -> None:
    agree("rot90", [filled(CUBE)], k, axes)


def test_flips_by_name_are_numpys_and_hold_for_named_sizes() -> None:
    for name in ("fliplr", "flipud"):
        agree(name, [filled(CUBE)])
        agree(name, [filled((0, 2))])
    x = sd.Graph().input("x", sd.f64["n", "m"])
    assert sd.rot90(x).type == sd.f64["m", "n"]
    for data in (np.zeros((0, 2)), filled((1, 3)), filled((2, 2))):
        y = [sd.rot90(x), sd.flip(x), sd.flipud(x)]
        expected = [np.rot90(data), np.flip(data), np.flipud(data)]
        for value, right in zip(sd.evaluate(y, {x: data}), expected, strict=True):
            np.testing.assert_array_equal(value, right)


# -- tile and repeat -----------------------------------------------------------------------


@pytest.mark.parametrize("reps", [2, 0, 1, (2,), (3, 1), (2, 0), (1, 2, 3), (2, 1, 1, 3), ()])
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (1, 1), (2, 0)])
def test_tile_is_numpys(shape: Any, reps: Any) -> None:
    agree("tile", [filled(shape)], reps)


@pytest.mark.parametrize("axis", [None, 0, -1])
@pytest.mark.parametrize("repeats", [0, 1, 3, [2]])
@pytest.mark.parametrize("shape", [(3,), (2, 3), (1, 1), (2, 0)])
def test_repeat_is_numpys(shape: Any, repeats: Any, axis: Any) -> None:
    agree("repeat", [filled(shape)], repeats, axis)


@pytest.mark.parametrize(
    ("repeats", "axis"), [([1, 2], 0), ([0, 3, 1], 1), ([0, 0], 0), ([1, 0, 2, 0, 1, 3], None)]
)
def test_entries_may_be_repeated_each_by_its_own_number(repeats: Any, axis: Any) -> None:
    x = filled((2, 3))
    for counts in (repeats, np.array(repeats)):
        agree("repeat", [x], counts, axis)
    if axis is not None:
        sd.testing.check_grad(lambda a: sd.sum(sd.repeat(a, repeats, axis=axis) ** 3), x + 0.5)


def test_repetitions_may_be_sizes() -> None:
    g = sd.Graph()
    x, y = g.input("x", sd.f64["n"]), g.input("y", sd.f64["m"])
    tiled, repeated = sd.tile(x, "m"), sd.repeat(x, y.shape[0] + 1)
    assert (tiled.type, repeated.type) == (sd.f64["m*n"], sd.f64["m*n + n"])
    loss = sd.sum(tiled * tiled) + sd.sum(repeated)
    found = sd.evaluate([tiled, repeated, sd.grad(loss, x)], {x: [1.0, 2.0], y: np.zeros(3)})
    np.testing.assert_array_equal(found[0], np.tile([1.0, 2.0], 3))
    np.testing.assert_array_equal(found[1], np.repeat([1.0, 2.0], 4))
    np.testing.assert_array_equal(found[2], [3 * 2 + 4, 3 * 4 + 4])


def test_gradients_of_repeated_entries_are_sums_over_the_copies() -> None:
    for f in (
        lambda x: sd.tile(x, (2, 1, 3)),
        lambda x: sd.repeat(x, 3, axis=1),
        lambda x: sd.repeat(x, 2),
        lambda x: sd.roll(x, (1, 2), axis=(0, 1)),
        lambda x: sd.rot90(x),
        lambda x: sd.flip(x),
    ):
        sd.testing.check_grad(lambda x, f=f: sd.sum(f(x) ** 3), filled((2, 3)) + 0.5)


# -- pad -----------------------------------------------------------------------------------

WIDTHS: list[Any] = [
    1,
    (2,),
    (1, 3),
    ((0, 2),),
    ((1, 0), (0, 2)),
    ((1,), (2,)),
    [[2, 1], [0, 0]],
    np.array([[7, 5], [0, 9]]),
    {0: 2},
    {-1: (1, 4)},
    0,
]
MODES = ("constant", "edge", "reflect", "symmetric", "wrap")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("shape", [(2, 3), (1, 4), (1, 1), (5, 2)])
def test_pad_is_numpys_however_wide(shape: Any, mode: str) -> None:
    for width in WIDTHS:
        agree("pad", [filled(shape)], width, mode)


@pytest.mark.parametrize("values", [0, 2.5, (1, 2), ((1, 2), (3, 4)), ((5,), (6,)), -0.0])
def test_constants_to_pad_with_come_in_numpys_forms(values: Any) -> None:
    for dtype, width in product(("f8", "f4", "i8"), WIDTHS):
        agree("pad", [filled((2, 3), dtype)], width, constant_values=values)


@pytest.mark.parametrize("mode", MODES)
def test_pad_keeps_the_dtype(mode: str) -> None:
    for dtype in DTYPES:
        agree("pad", [filled((3,), dtype)], 2, mode)


@pytest.mark.parametrize("mode", MODES)
def test_gradients_of_pads_accumulate(mode: str) -> None:
    rng = np.random.default_rng(0)
    for shape, width in (((3,), 2), ((2, 3), ((1, 5), (4, 0))), ((1, 2), 3)):
        weights = rng.normal(size=np.pad(np.zeros(shape), width).shape)
        sd.testing.check_grad(
            lambda x, w=width, c=weights: sd.sum(c * sd.pad(x, w, mode) ** 2),
            rng.normal(size=shape),
        )


def test_a_constant_to_pad_with_may_be_a_node_and_has_a_gradient() -> None:
    g = sd.Graph()
    x, c = g.input("x", sd.f64["n", 2]), g.input("c", sd.f64[()])
    y = sd.pad(x, ((0, 1), (2, 0)), constant_values=((0.0, c), (1.0, 2 * c)))
    point = {x: np.ones((3, 2)), c: 0.5}
    value, dc = sd.evaluate([y, sd.grad(sd.sum(y * y), c)], point)
    np.testing.assert_array_equal(
        value, np.pad(point[x], ((0, 1), (2, 0)), constant_values=((0, 0.5), (1, 1)))
    )
    assert dc == 2 * 2 * 0.5
    assert sd.pad(np.ones(2), 1, constant_values=c).type == sd.f64[4]


@pytest.mark.parametrize("mode", MODES)
def test_named_sizes_are_padded_whatever_they_are_at_the_call(mode: str) -> None:
    x = sd.Graph().input("x", sd.f64["n", 2])
    y = sd.pad(x, ((3, "n"), (0, 1)), mode)
    assert y.type == sd.f64["2*n + 3", 3]
    run = sd.compile([x], [y, sd.grad(sd.sum(y**2), x)])
    for n in (1, 2, 5):
        data = filled((n, 2), seed=n)
        value, gradient = run(data)
        expected = np.pad(data, ((3, n), (0, 1)), mode)
        np.testing.assert_array_equal(value, expected)
        places = np.pad(np.arange(2 * n).reshape(n, 2), ((3, n), (0, 1)), mode, **outside(mode))
        totals = np.zeros(2 * n + 1)
        np.add.at(totals, places, 2 * expected)
        np.testing.assert_array_equal(gradient, totals[:-1].reshape(n, 2))


def test_a_pad_by_a_size_that_turns_out_0_is_not_the_argument_itself() -> None:
    g = sd.Graph()
    x, k = g.input("x", sd.f64["n"]), g.input("k", sd.f64["k"])
    y = sd.pad(x, (0, "k"), "wrap")
    run = sd.compile([x, k], [y, sd.vjp(y, x, y)])
    data = np.arange(3.0)
    for found in run(data, np.zeros(0)):
        np.testing.assert_array_equal(found, data)
        assert not np.shares_memory(found, data)


def outside(mode: str) -> dict[str, int]:
    return {"constant_values": -1} if mode == "constant" else {}


def test_an_empty_axis_has_nothing_to_continue_at_construction_or_at_the_call() -> None:
    g = sd.Graph()
    x, y = g.input("x", sd.f64[0, 2]), g.input("y", sd.f64["n"])
    with pytest.raises(sd.ShapeError, match=r"pad: axis 0 has no entries(.|\n)*x : f64\[0,2\]"):
        sd.pad(x, 1, "wrap")
    assert sd.pad(x, ((0, 0), (1, 1)), "wrap").shape == (0, 4)
    assert sd.pad(x, 1).shape == (2, 4)
    padded = sd.pad(y, 1, "edge")
    with pytest.raises(sd.ShapeError, match="n >= 1"):
        sd.evaluate(padded, {y: np.zeros(0)})


@pytest.mark.parametrize("mode", ["edge", "reflect", "symmetric", "wrap"])
def test_a_branch_not_taken_stays_so_through_what_accumulates(mode: str) -> None:
    """A gradient 0 that comes back under a mask does not meet an infinite derivative."""
    g = sd.Graph()
    x = g.input("x", sd.f64[4])
    y = sd.pad(sd.sqrt(x), 3, mode)
    loss = sd.sum(sd.where(y > 0, y, 0.0))
    for _ in range(2):
        (dx,) = sd.grad(loss, [x])
        found = sd.evaluate(dx, {x: [0.0, 1.0, 4.0, 0.0]})
        np.testing.assert_array_equal(found[[0, 3]], 0.0)
        assert np.isfinite(found).all()
        loss = sd.sum(dx)


# -- cut -----------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_unstack_is_numpys_and_the_inverse_of_stack(axis: int) -> None:
    x = filled(CUBE)
    agree("unstack", [x], axis=axis)
    node = sd.Graph().input("x", x)
    assert_same(sd.stack(sd.unstack(node, axis=axis), axis=axis), x, {node: x})


@pytest.mark.parametrize("given", [1, 2, 4, [1, 3], [], [0, 9], [3, 1], [-1], np.array([2])])
def test_split_and_array_split_are_numpys(given: Any) -> None:
    for shape, axis in (((4,), 0), ((2, 4), 1), ((2, 4, 1), -2)):
        agree("split", [filled(shape)], given, axis)
        agree("array_split", [filled(shape)], given, axis)


def test_unequal_parts_differ_by_one_as_numpys() -> None:
    for n, count in product((0, 1, 5, 7, 8), (1, 2, 3, 9)):
        agree("array_split", [filled((n,))], count)
    x = sd.Graph().input("x", sd.f64["n"])
    parts = sd.array_split(x, 3)
    assert sd.concat(parts).type == x.type
    for n in range(7):
        expected = np.array_split(np.arange(float(n)), 3)
        for value, right in zip(sd.evaluate(parts, {x: np.arange(n)}), expected, strict=True):
            np.testing.assert_array_equal(value, right)


def test_a_named_size_is_cut_into_equal_parts_if_the_call_allows() -> None:
    x = sd.Graph().input("x", sd.f64["2*n", "m"])
    assert [part.type for part in sd.split(x, 2)] == [sd.f64["n", "m"]] * 2
    halves = sd.split(x, 2, axis=1)
    assert [part.type for part in halves] == [sd.f64["2*n", "m//2"]] * 2
    data = filled((2, 6))
    for value, right in zip(sd.evaluate(halves, {x: data}), np.split(data, 2, 1), strict=True):
        np.testing.assert_array_equal(value, right)
    with pytest.raises(sd.ShapeError, match="refine"):
        sd.evaluate(halves, {x: filled((2, 5))})


def test_the_gradient_of_the_parts_is_one_array() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64[60])
    loss = sum(sd.sum(part**2) for part in sd.split(x, 20))
    before = len(g)
    dx = sd.grad(loss, x)
    np.testing.assert_array_equal(sd.evaluate(dx, {x: np.arange(60.0)}), 2 * np.arange(60.0))
    assert len(g) - before < 20 * 8


def test_splits_by_name_are_numpys() -> None:
    for name, given in product(("vsplit", "hsplit", "dsplit"), (2, [1])):
        agree(name, [filled((2, 4, 2))], given)
    agree("hsplit", [filled((4,))], 2)


# -- put in and taken out ------------------------------------------------------------------


@pytest.mark.parametrize("axis", [None, 0, 1])
@pytest.mark.parametrize(
    "obj",
    [0, 1, -1, [0], [0, 1], [1, 1], [], slice(None, None, 2), np.array([-1, 0]), np.int64(1)],
)
def test_delete_is_numpys(obj: Any, axis: Any) -> None:
    agree("delete", [filled((2, 3))], obj, axis)


def test_delete_takes_masks_and_named_sizes() -> None:
    agree("delete", [filled((4,))], [True, False, True, False])
    x = sd.Graph().input("x", sd.f64["n"])
    for obj in (0, 2, -1, -2):
        y = sd.delete(x, obj)
        assert y.type == sd.f64["n - 1"]
        data = np.arange(5.0)
        np.testing.assert_array_equal(sd.evaluate(y, {x: data}), np.delete(data, obj))


@pytest.mark.parametrize(
    ("obj", "values", "axis"),
    [
        (1, 5, None),
        (-1, [7, 8], None),
        (6, 5, None),
        (1, 5.7, 0),
        (1, [1, 2, 3], 0),
        (1, [1, 2], 1),
        (1, [[1, 2], [3, 4]], 1),
        ([1], [[1, 2], [3, 4]], 1),
        ([0, 2], [[1, 2], [3, 4]], 1),
        ([1, 1, 0], [7, 8, 9], None),
        ([2, 0], 5, 1),
        (slice(0, 2), [7, 8], None),
        ([], [], None),
        ([], 1, 1),
    ],
)
def test_insert_is_numpys(obj: Any, values: Any, axis: Any) -> None:
    for dtype in ("f8", "i8"):
        agree("insert", [filled((2, 3), dtype)], obj, values, axis)


def test_inserted_nodes_have_gradients() -> None:
    sd.testing.check_grad(
        lambda x, v: sd.sum(sd.insert(x, [0, 2], v, axis=1) ** 3), filled((2, 3)) + 0.5, np.ones(2)
    )
    sd.testing.check_grad(lambda x: sd.sum(sd.delete(x, [0, 3]) ** 3), filled((5,)) + 0.5)


# -- put together --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["vstack", "hstack", "dstack", "column_stack"])
@pytest.mark.parametrize("shapes", [((), ()), ((2,), (2,)), ((2, 3), (2, 3)), (CUBE, CUBE)])
def test_stacks_are_numpys(name: str, shapes: Any) -> None:
    arrays = tuple(filled(s, seed=k) for k, s in enumerate(shapes))
    agree(name, arrays)
    numpys, ours = getattr(np, name), getattr(sd, name)
    x = sd.Graph().input("x", arrays[0])
    point = {x: arrays[0]}
    assert_same(ours([x, arrays[1]]), numpys(arrays), point)
    assert_same(ours(node for node in [x, x]), numpys([arrays[0]] * 2), point)


@pytest.mark.parametrize("name", ["atleast_1d", "atleast_2d", "atleast_3d"])
def test_at_least_so_many_axes_as_numpys(name: str) -> None:
    for shape in ((), (2,), (2, 3), CUBE, (2, 1, 1, 2)):
        agree(name, [filled(shape)])
        agree(name, [filled(shape), filled((3,))])


def test_append_is_numpys() -> None:
    for axis in (None, 0):
        agree("append", [filled((2, 3)), filled((1, 3))], axis)
    agree("append", [filled((2,))], 3)
    x = sd.Graph().input("x", sd.f64[2])
    assert_same(sd.append([1, 2], x), np.array([1.0, 2.0, 3.0, 4.0]), {x: [3.0, 4.0]})


def test_block_is_numpys() -> None:
    arrays = filled((2, 2)), filled((2, 1))
    g = sd.Graph()
    nodes = [g.input(f"x{k}", a) for k, a in enumerate(arrays)]
    layouts: list[Any] = [
        lambda A, b: [A, b],
        lambda A, b: [[A, b], [b.T, 5]],
        lambda A, b: [[A, np.ones((2, 3))], [np.zeros((2, 5))]],
        lambda A, b: [[[A], [A]]],
        lambda A, b: [[1, 2, b[0]]],
        lambda A, b: A,
    ]
    for layout in layouts:
        expected = np.block(layout(*arrays))
        assert_same(sd.block(layout(*nodes)), expected, dict(zip(nodes, arrays, strict=True)))
        assert_same(np.block(layout(*nodes)), expected, dict(zip(nodes, arrays, strict=True)))


# -- shapes --------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(3, -1), (6, 4), (-1,), -1, (2, 2, 6), (np.int64(-1), 2)])
def test_reshape_in_column_major_order_is_numpys(shape: Any) -> None:
    data = filled(CUBE)
    x = sd.Graph().input("x", data)
    for order in ("C", "F", "A"):
        expected = np.reshape(data, shape, order)
        assert_same(np.reshape(x, shape, order), expected, {x: data})
        assert_same(x.reshape(shape, order=order), expected, {x: data})
        assert_same(x.ravel(order), data.ravel(order), {x: data})


def test_rollaxis_size_and_copy_are_numpys() -> None:
    data = filled(CUBE)
    x = sd.Graph().input("x", data)
    for axis, start in product(range(-3, 3), range(-3, 4)):
        assert_same(np.rollaxis(x, axis, start), np.rollaxis(data, axis, start), {x: data})
    node = sd.Graph().input("x", sd.f64["n", 3, 4])
    assert np.size(node) == node.size
    assert np.size(node, (1, 2)) == 12
    assert np.size(node, 0) == node.shape[0]
    assert np.copy(node) is node


def test_arrays_are_broadcast_to_the_shape_they_share() -> None:
    for shapes in (((2, 1), (3,)), ((), (2, 3), (1,)), ((4,),), ((0, 1), (1, 2))):
        arrays = [filled(s, seed=k) for k, s in enumerate(shapes)]
        agree("broadcast_arrays", arrays)
    g = sd.Graph()
    x, y = g.input("x", sd.f64["n", 1]), g.input("y", sd.f64["m"])
    assert [z.shape for z in sd.broadcast_arrays(x, y)] == [sd.f64["n", "m"].shape] * 2
    with pytest.raises(sd.ShapeError, match=r"broadcast_arrays: (.|\n)*arrays\[1\] = "):
        sd.broadcast_arrays(x[:, 0], y)


# -- misuse --------------------------------------------------------------------------------

MISUSE: list[tuple[Any, type[Exception], str]] = [
    (lambda x, n: sd.roll(x, 1, axis=2), sd.ShapeError, r"roll: axis 2 is out of bounds"),
    (lambda x, n: sd.roll(x, 1.5), sd.ArgumentError, "shifts are ints or sizes, not 1.5"),
    (lambda x, n: sd.roll(x, (1, 2, 3), axis=(0, 1)), sd.ArgumentError, "3 shifts .* 2 axes"),
    (lambda x, n: sd.roll(x, n), sd.ArgumentError, "size"),
    (lambda x, n: sd.roll(np.ones(2), 1), sd.ArgumentError, "roll: none of the operands"),
    (lambda x, n: sd.flip(x, axis=3), sd.ShapeError, r"flip: axis 3 (.|\n)*x = x : f64\[2,3\]"),
    (lambda x, n: sd.fliplr(n), sd.ShapeError, r"fliplr: 2 axes are needed(.|\n)*f64\[n\]"),
    (lambda x, n: sd.rot90(x, axes=(0, 0)), sd.ShapeError, "rot90: axis .* twice"),
    (lambda x, n: sd.rot90(x, axes=(0, 1, 1)), sd.ArgumentError, "a plane has two axes"),
    (lambda x, n: sd.tile(x, -1), sd.ShapeError, r"tile: repetitions are never negative"),
    (lambda x, n: sd.tile(x, x[0, 0]), sd.ArgumentError, "tile: repetitions must be known"),
    (lambda x, n: sd.repeat(x, 1.0), sd.ArgumentError, "repeats are ints or sizes, not 1.0"),
    (lambda x, n: sd.repeat(x, n), sd.ArgumentError, "repeat: repeats must be known before"),
    (lambda x, n: sd.repeat(x, [1, 2, 3]), sd.ShapeError, "3 repeats .* axis 0 has 6"),
    (lambda x, n: sd.repeat(n, [1, 2]), sd.ShapeError, "2 repeats .* axis 0 has n"),
    (lambda x, n: sd.pad(x, -1), sd.ShapeError, r"pad: widths are never negative(.|\n)*f64\[2,3"),
    (lambda x, n: sd.pad(x, ((1, 1),) * 3), sd.ArgumentError, "for each of the 2 axes"),
    (lambda x, n: sd.pad(x, 1, "mirror"), sd.ArgumentError, "'mirror' is not one of constant, e"),
    (lambda x, n: sd.pad(x, n), sd.ArgumentError, "known before the call"),
    (lambda x, n: np.pad(x, 1, "reflect", reflect_type="odd"), sd.ArgumentError, "reflect_type="),
    (lambda x, n: sd.pad(x, 1, constant_values=n), sd.ShapeError, "a constant to pad with is one"),
    (lambda x, n: sd.unstack(n), sd.ShapeError, r"unstack: axis 0 has n entries(.|\n)*x = n"),
    (lambda x, n: sd.split(x, 2, axis=1), sd.ShapeError, "3 entries along axis 1 .* 2 equal"),
    (lambda x, n: sd.split(x, 0), sd.ArgumentError, "0 is not a number of parts"),
    (lambda x, n: sd.split(n, "n"), sd.ArgumentError, "how many nodes there are"),
    (lambda x, n: sd.vsplit(n, 1), sd.ShapeError, "vsplit: 2 axes are needed"),
    (lambda x, n: sd.dsplit(x, 1), sd.ShapeError, "dsplit: 3 axes are needed"),
    (lambda x, n: sd.delete(x, 6), sd.ShapeError, "delete: place 6 is out of bounds"),
    (lambda x, n: sd.delete(n, [0, 1]), sd.ShapeError, "slices and sd.concat"),
    (lambda x, n: sd.delete(x, n), sd.ArgumentError, "places must be known before the call"),
    (lambda x, n: sd.insert(x, 7, 0.0), sd.ShapeError, "insert: place 7 is out of bounds"),
    (lambda x, n: sd.insert(x, [0.5, 1], 0.0), sd.ArgumentError, "places are ints"),
    (lambda x, n: sd.hstack([]), sd.ArgumentError, "hstack: there is nothing to join"),
    (lambda x, n: sd.vstack(3), sd.ArgumentError, "vstack takes a list of arrays"),
    (lambda x, n: sd.block([[x], x]), sd.ArgumentError, r"arrays\[0\]\[0\] is 2 deep"),
    (lambda x, n: sd.block([[x], []]), sd.ArgumentError, r"arrays\[1\] is an empty list"),
    (lambda x, n: sd.block((x, x)), sd.ArgumentError, "is a tuple; blocks stand in lists"),
    (lambda x, n: np.reshape(x, (3, 2), "K"), sd.ArgumentError, "order 'K'"),
]


@pytest.mark.parametrize(("call", "error", "message"), MISUSE)
def test_misuse_is_refused_with_the_operands_and_a_way_out(
    call: Any, error: type[Exception], message: str
) -> None:
    g = sd.Graph()
    x, n = g.input("x", sd.f64[2, 3]), g.input("n", sd.f64["n"])
    with pytest.raises(error, match=message):
        call(x, n)
