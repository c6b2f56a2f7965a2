"""Joining arrays, and axes of length 1: NumPy's results, exact named sizes, named misfits."""

from __future__ import annotations

from itertools import permutations, product
from typing import Any

import numpy as np
import pytest

import symdiff as sd

DTYPES = ("f8", "f4", "f2", "i8", "i1", "u2", "?", "c8")


def inputs(*arrays: np.ndarray) -> tuple[list[sd.Node], dict[sd.Node, np.ndarray]]:
    g = sd.Graph()
    nodes = [g.input(f"x{k}", a) for k, a in enumerate(arrays)]
    return nodes, dict(zip(nodes, arrays, strict=True))


def assert_value(y: sd.Node, point: Any, expected: np.ndarray) -> None:
    assert (y.dtype, y.shape) == (expected.dtype, expected.shape)
    np.testing.assert_array_equal(sd.evaluate(y, point), expected)


# -- concat and stack ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shapes", "axes"),
    [
        (((2, 3), (2, 1), (2, 0)), (1, -1)),
        (((2, 3), (4, 3)), (0, -2)),
        (((3,), (0,), (1,)), (0, -1, None)),
        (((0, 3), (0, 3)), (0, 1, None)),
        (((), (2, 1)), (None,)),
        (((1, 2, 1), (1, 1, 1)), (1,)),
    ],
)
def test_concat_is_numpys(shapes: Any, axes: Any) -> None:
    nodes, point = inputs(*[np.random.default_rng(k).normal(size=s) for k, s in enumerate(shapes)])
    for axis in axes:
        expected = np.concatenate(list(point.values()), axis=axis)
        assert_value(sd.concat(nodes, axis=axis), point, expected)
        assert_value(np.concatenate(nodes, axis), point, expected)
        assert_value(np.concat(tuple(nodes), axis=axis), point, expected)


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0, 2), (1, 1)])
def test_stack_is_numpys(shape: tuple[int, ...]) -> None:
    nodes, point = inputs(*[np.random.default_rng(k).normal(size=shape) for k in range(3)])
    for axis in range(-len(shape) - 1, len(shape) + 1):
        expected = np.stack(list(point.values()), axis)
        assert_value(sd.stack(nodes, axis=axis), point, expected)
        assert_value(np.stack(nodes, axis), point, expected)


def test_dtypes_promote_as_numpys_do_when_joined() -> None:
    for one, other in product(DTYPES, repeat=2):
        nodes, point = inputs(np.array([1, 0], one), np.array([1, 1], other))
        assert_value(sd.concat(nodes), point, np.concatenate(list(point.values())))
        assert_value(sd.stack(nodes), point, np.stack(list(point.values())))


def test_a_dtype_asked_of_numpy_is_cast_to() -> None:
    (x, y), _ = inputs(np.ones(2), np.ones(2))
    assert np.concatenate([x, y], dtype=np.float32).type == sd.f32[4]
    assert np.stack([x, y], dtype=np.float32).type == sd.f32[2, 2]
    with pytest.raises(sd.ArgumentError, match="casting='no'"):
        np.stack([x, y], casting="no")


def test_arrays_and_numbers_may_stand_among_the_nodes() -> None:
    g = sd.Graph()
    t, x = g.input("t", sd.f32[()]), g.input("x", sd.f64[2])
    assert_value(sd.stack([t, 1, 2.5]), {t: 3.0}, np.array([3, 1, 2.5], np.float32))
    assert_value(sd.concat([x, np.array([5])]), {x: [1.0, 2.0]}, np.array([1.0, 2.0, 5.0]))
    assert_value(sd.stack([x, [3.0, 4.0]]), {x: [1.0, 2.0]}, np.array([[1.0, 2.0], [3.0, 4.0]]))


def test_nested_lists_of_scalars_make_a_matrix() -> None:
    t = sd.Graph().input("t", sd.f64[()])
    R = sd.stack([[sd.cos(t), -sd.sin(t)], [sd.sin(t), sd.cos(t)]])
    expected = np.array([[np.cos(0.3), -np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]])
    np.testing.assert_allclose(sd.evaluate(R, {t: 0.3}), expected, rtol=1e-15)
    turned = sd.evaluate(sd.jacobian(R, t), {t: 0.3})
    np.testing.assert_allclose(turned, expected @ [[0, -1], [1, 0]], rtol=1e-15)


def test_named_sizes_add_when_joined_and_keep_when_stacked() -> None:
    g = sd.Graph()
    x, y = g.input("x", sd.f64["n"]), g.input("y", sd.f64["m"])
    joined = sd.concat([x, y, np.ones(2)])
    assert str(joined.type) == "f64[m+n+2]"
    assert sd.concat([joined, x]).type == sd.f64["m + 2*n + 2"]
    assert sd.stack([x, x * 2]).type == sd.f64[2, "n"]
    assert joined[sd.Size("n") :].type == sd.f64["m + 2"]
    gradients = sd.grad(sd.sum(joined**2), [x, y])
    point = {x: [1.0, 2.0, 3.0], y: [4.0]}
    for gradient, values in zip(sd.evaluate(gradients, point), point.values(), strict=True):
        np.testing.assert_array_equal(gradient, 2 * np.array(values))
    assert not g.requirements()


@pytest.mark.parametrize("function", [sd.concat, sd.stack])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_gradients_of_joined_arrays_are_their_parts(function: Any, axis: int) -> None:
    arrays = np.random.default_rng(0).normal(size=(3, 2, 3))
    sd.testing.check_grad(lambda x, y, z: sd.sin(function([x, y, z, x], axis=axis)), *arrays)


def test_a_gradient_of_mixed_precision_has_its_operands_dtype_also_under_a_mask() -> None:
    g = sd.Graph()
    x, y, i = g.input("x", sd.f32[2]), g.input("y", sd.f64[2]), g.input("i", sd.i64[2])
    for function in (sd.concat, sd.stack):
        z = function([x, y, i])
        loss = sd.sum(sd.where(z > 0, sd.log(z), 0.0))
        dx, dy = sd.grad(loss, [x, y])
        assert (dx.type, dy.type) == (sd.f32[2], sd.f64[2])
        found = sd.evaluate([dx, dy], {x: [0.0, 2.0], y: [-1.0, 4.0], i: [1, 1]})
        np.testing.assert_array_equal(found, [[0.0, 0.5], [0.0, 0.25]])


@pytest.mark.parametrize("function", [sd.concat, sd.stack])
def test_a_mask_moves_along_to_the_parts(function: Any) -> None:
    g = sd.Graph()
    x, y = g.input("x", sd.f64[2]), g.input("y", sd.f64[2])
    z = function([sd.sqrt(x), sd.sqrt(y)])
    loss = sd.sum(sd.where(z > 0, z, 0.0))
    for order in range(2):
        gradients = sd.grad(loss, [x, y], disconnected="zero")
        found = sd.evaluate(gradients, {x: [0.0, 1.0], y: [0.0, 0.0]})
        np.testing.assert_array_equal(found, [[0.0, [0.5, -0.25][order]], [0.0, 0.0]])
        loss = sd.sum(gradients[0]) + sd.sum(gradients[1])


def test_scalars_taken_apart_and_joined_again_cost_a_few_nodes_each() -> None:
    counts = []
    for n in (10, 100):
        g = sd.Graph()
        x = g.input("x", sd.f64[n])
        joined = sd.stack([sd.sin(x[k]) for k in range(n)])
        gradient = sd.grad(sd.sum(joined**2), x)
        counts.append(len(g) / n)
        np.testing.assert_allclose(
            sd.evaluate(gradient, {x: np.arange(n) / n}), np.sin(2 * np.arange(n) / n), rtol=1e-14
        )
    assert counts[1] <= counts[0] < 12


def test_one_array_joined_with_nothing_is_itself() -> None:
    x = sd.Graph().input("x", sd.f64[2, 3])
    assert sd.concat([x], axis=1) is x


def test_rows_of_a_node_may_be_joined() -> None:
    nodes, point = inputs(np.arange(6.0).reshape(2, 3))
    assert_value(sd.concat(nodes[0]), point, np.arange(6.0))
    assert_value(sd.stack(nodes[0], axis=1), point, np.arange(6.0).reshape(2, 3).T)


@pytest.mark.parametrize("shapes", [((), ()), ((2,), (2,)), ((2, 3), (2, 3)), ((3,), (3,))])
def test_vstack_and_hstack_are_numpys(shapes: Any) -> None:
    nodes, point = inputs(*[np.random.default_rng(k).normal(size=s) for k, s in enumerate(shapes)])
    for function in (np.vstack, np.hstack):
        assert_value(function(nodes), point, function(list(point.values())))
        mixed = [nodes[0], point[nodes[1]]]
        assert_value(function(mixed), point, function(list(point.values())))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x, n: sd.concat([]), sd.ArgumentError, "concat: there is nothing to join"),
        (lambda x, n: sd.stack([]), sd.ArgumentError, "stack: there is nothing to join"),
        (lambda x, n: sd.concat(3), sd.ArgumentError, "concat takes a list of arrays"),
        (
            lambda x, n: sd.concat([np.ones(2)]),
            sd.ArgumentError,
            "concat: none of the operands is a node",
        ),
        (
            lambda x, n: sd.concat([x, x, np.ones((2, 4))]),
            sd.ShapeError,
            r"the size 4 of arrays\[2\] along axis 1 must be 3, as in arrays\[0\]\n"
            r"  arrays\[0\] = x : f64\[2,3\]",
        ),
        (
            lambda x, n: sd.concat([x, x[0]]),
            sd.ShapeError,
            r"arrays\[1\] has 1 axes \(3,\), arrays\[0\] has 2 \(2,3\)",
        ),
        (
            lambda x, n: sd.stack([x, x[:1]]),
            sd.ShapeError,
            r"stack: the size 1 of arrays\[1\] along axis 0 must be 2",
        ),
        (
            lambda x, n: sd.stack([n, np.ones(3)]),
            sd.ShapeError,
            r"the size 3 of arrays\[1\] along axis 0 is not known to be n.*see sd\.refine",
        ),
        (
            lambda x, n: sd.concat([x[0, 0], x[0, 1]]),
            sd.ShapeError,
            r"arrays of no axes cannot be joined along one; use sd\.stack",
        ),
        (lambda x, n: sd.concat([x, x], axis=2), sd.ShapeError, "concat: axis 2 is out of bounds"),
        (lambda x, n: sd.stack([x, x], axis=3), sd.ShapeError, "stack: axis 3 is out of bounds"),
        (lambda x, n: sd.stack([x, "y"]), sd.DTypeError, "arrays.1. = 'y'"),
    ],
)
def test_what_does_not_join_is_named(call: Any, error: type[Exception], message: str) -> None:
    g = sd.Graph()
    x, n = g.input("x", sd.f64[2, 3]), g.input("n", sd.f64["n"])
    with pytest.raises(error, match=message):
        call(x, n)


def test_arrays_of_two_graphs_do_not_join() -> None:
    (x,), (y,) = inputs(np.ones(2))[0], inputs(np.ones(2))[0]
    with pytest.raises(sd.MixedGraphError, match="concat"):
        sd.concat([x, y])


# -- axes ----------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -3, (0, 1), (0, -1), (-1, -2), (3, 1), ()])
def test_expand_dims_is_numpys_and_a_reshape(axis: Any) -> None:
    (x,), point = inputs(np.arange(6.0).reshape(2, 3))
    y = sd.expand_dims(x, axis=axis)
    assert_value(y, point, np.expand_dims(point[x], axis))
    assert np.expand_dims(x, axis) is y
    assert y is x or y.op is sd.reshape
    assert_value(sd.squeeze(y, axis), point, point[x])


@pytest.mark.parametrize("axis", [0, 2, -1, (0, 2), (-1, 0), ()])
def test_squeeze_is_numpys(axis: Any) -> None:
    (x,), point = inputs(np.arange(3.0).reshape(1, 3, 1))
    for y in (sd.squeeze(x, axis), np.squeeze(x, axis), x.squeeze(axis)):
        assert_value(y, point, np.squeeze(point[x], axis))


def test_squeezing_all_axes_leaves_named_sizes_alone() -> None:
    x = sd.Graph().input("x", sd.f64[1, "n", 1, 2])
    assert x.squeeze().type == np.squeeze(x).type == sd.f64["n", 2]


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_moveaxis_and_swapaxes_are_numpys(rank: int) -> None:
    (x,), point = inputs(np.random.default_rng(0).normal(size=(2, 3, 4)[:rank]))
    for source, destination in product(range(-rank, rank), repeat=2):
        expected = np.moveaxis(point[x], source, destination)
        assert_value(sd.moveaxis(x, source, destination), point, expected)
        assert_value(np.moveaxis(x, source, destination), point, expected)
        expected = np.swapaxes(point[x], source, destination)
        for y in (sd.swapaxes, np.swapaxes, sd.Node.swapaxes):
            assert_value(y(x, source, destination), point, expected)
    for source in permutations(range(rank), rank - 1):
        destination = tuple(range(1, rank))
        expected = np.moveaxis(point[x], source, destination)
        assert_value(sd.moveaxis(x, source, destination), point, expected)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: sd.squeeze(x, 1), r"squeeze: axis 1 has the size 3, not 1\n  x = x : f64\[n"),
        (lambda x: sd.squeeze(x, 0), r"squeeze: axis 0 has the size n, not 1; .* sd\.refine"),
        (lambda x: sd.squeeze(x, 2), r"squeeze: axis 2 is out of bounds(.|\n)*f64\[n,3\]"),
        (lambda x: sd.expand_dims(x, axis=3), r"expand_dims: axis 3 is out of bounds .* 3 axes"),
        (lambda x: sd.expand_dims(x, axis=(0, -4)), "expand_dims: axis .* names an axis twice"),
        (lambda x: sd.moveaxis(x, (0, 1), 0), r"moveaxis: 2 axes cannot go to 1 places\n  x ="),
        (lambda x: sd.moveaxis(x, (0, 0), (0, 1)), "moveaxis: .* names an axis twice"),
        (lambda x: sd.moveaxis(x, 0, 2), "moveaxis: axis 2 is out of bounds"),
        (lambda x: sd.swapaxes(x, 0, 2), "swapaxes: axis 2 is out of bounds"),
    ],
)
def test_axes_that_do_not_fit_are_named_with_the_operand(call: Any, message: str) -> None:
    x = sd.Graph().input("x", sd.f64["n", 3])
    with pytest.raises(sd.ShapeError, match=message):
        call(x)
