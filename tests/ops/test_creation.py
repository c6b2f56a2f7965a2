"""Arrays made of sizes and numbers, and matrices of vectors: NumPy's values, named sizes."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

import symdiff as sd

DTYPES: tuple[Any, ...] = (None, "f4", np.int8, sd.bool_, complex)


def assert_value(y: sd.Node, expected: Any, point: Any = None, sizes: Any = None) -> None:
    expected = np.asarray(expected)
    found = sd.evaluate(y, point, sizes=sizes)
    assert (y.dtype, found.dtype, found.shape) == (expected.dtype, expected.dtype, expected.shape)
    np.testing.assert_array_equal(found, expected)


def dtype_of(name: Any) -> Any:
    return name.dtype if name is sd.bool_ else name


# -- which graph ---------------------------------------------------------------------------

CALLS: dict[str, tuple[Any, ...]] = {
    "zeros": ((2, 3),),
    "ones": (4,),
    "empty": ((2, 0),),
    "full": ((2,), 1.5),
    "eye": (2, 3),
    "tri": (3,),
    "arange": (1, 7, 2),
}


@pytest.mark.parametrize("name", CALLS)
def test_like_is_a_graph_or_a_node_and_works_in_numpys_function_too(name: str) -> None:
    g = sd.Graph()
    x = g.input("x", sd.f32["n"])
    ours, numpys = getattr(sd, name), getattr(np, name)
    y = ours(*CALLS[name], like=x)
    assert y.graph is g
    assert ours(*CALLS[name], like=g) is y
    assert numpys(*CALLS[name], like=x) is y
    if name != "empty":
        assert_value(y, numpys(*CALLS[name]))


@pytest.mark.parametrize("name", CALLS)
def test_without_a_graph_the_way_out_is_named(name: str) -> None:
    with pytest.raises(sd.ArgumentError, match=rf"{name}: which graph\?.*like=x.*np\.{name}"):
        getattr(sd, name)(*CALLS[name])
    with pytest.raises(sd.ArgumentError, match=r"like=3 is neither a node nor a graph"):
        getattr(sd, name)(*CALLS[name], like=3)


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("dtype", DTYPES[1:])
def test_dtypes_may_be_asked_for(name: str, dtype: Any) -> None:
    g = sd.Graph()
    if name == "arange" and dtype is sd.bool_:
        with pytest.raises(sd.DTypeError, match="arange: the truth values"):
            sd.arange(1, 7, dtype=dtype, like=g)
        return
    y = getattr(sd, name)(*CALLS[name], dtype=dtype, like=g)
    assert_value(y, getattr(np, name)(*CALLS[name], dtype=dtype_of(dtype)))


def test_identity_and_arrays_of_numpy_may_be_made_like_a_node() -> None:
    x = sd.Graph().input("x", sd.f64[2])
    point = {x: [5.0, 6.0]}
    assert np.identity(3, like=x) is sd.eye(3, like=x)
    assert_value(np.array([1, 2], like=x), [1, 2])
    assert_value(np.asarray(2.5, dtype="f4", like=x), np.float32(2.5))
    assert_value(np.array([x, [1.0, 2.0]], like=x), [[5.0, 6.0], [1.0, 2.0]], point)
    assert_value(np.array([x[0], 1], dtype=np.float32, like=x), np.array([5, 1], "f4"), point)
    assert np.asarray(x, like=x) is x


# -- one value everywhere ------------------------------------------------------------------


def test_named_sizes_make_shapes() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64["n", 3])
    shape = ("n", "2*n + 1", x.shape[1])
    for name in ("zeros", "ones", "empty"):
        assert getattr(sd, name)(shape, like=x).type == sd.f64[shape]
    y = sd.ones("2*n + 1", like=x) + sd.sum(x)
    assert_value(y, np.full(5, 7.0), {x: np.ones((2, 3))})
    assert_value(sd.eye("n", "n + 1", k=1, like=x), np.eye(2, 3, 1), {x: np.ones((2, 3))})


def test_a_filled_array_costs_no_more_than_its_number() -> None:
    g = sd.Graph()
    sd.zeros((1000, 1000), like=g)
    sd.full((1000, 1000), 2.5, like=g)
    assert [node.op.name for node in g.nodes] == ["constant", "broadcast_to"] * 2
    assert all(node.type.shape == () for node in g.nodes if node.op.name == "constant")


@pytest.mark.parametrize("value", [2, 2.5, True, 1j, np.float32(3), [1, 2, 3], np.arange(3.0)])
def test_full_is_numpys(value: Any) -> None:
    g = sd.Graph()
    assert_value(sd.full((2, 3), value, like=g), np.full((2, 3), value))
    if not np.iscomplexobj(value):
        assert_value(sd.full((2, 3), value, dtype="i4", like=g), np.full((2, 3), value, "i4"))


def test_a_node_fills_an_array_and_gets_the_sum_of_its_gradient() -> None:
    g = sd.Graph()
    t, v = g.input("t", sd.f32[()]), g.input("v", sd.f64["n"])
    y = sd.full((4, "n"), v)
    assert sd.full((2, 3), t).type == sd.f32[2, 3]
    assert sd.full((2, 3), t, dtype=float).type == sd.f64[2, 3]
    assert_value(sd.grad(sd.sum(y), v), [4.0, 4.0], {v: np.ones(2)})
    assert_value(sd.grad(sd.sum(sd.full_like(y, t)) * 2, t), np.float32(16), {v: np.ones(2), t: 3})
    assert_value(sd.full(2, v.shape[0], like=g), [3, 3], {v: np.ones(3)})


@pytest.mark.parametrize("name", ["zeros_like", "ones_like", "empty_like", "full_like"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_arrays_like_another_are_numpys(name: str, dtype: Any) -> None:
    data = np.ones((2, 3), "f4")
    x = sd.Graph().input("x", data)
    more = (1,) if name == "full_like" else ()
    ours, numpys = getattr(sd, name), getattr(np, name)
    y = ours(x, *more, dtype=dtype)
    assert numpys(x, *more, dtype=dtype) is y
    expected = numpys(data, *more, dtype=dtype_of(dtype))
    assert_value(y, np.zeros_like(expected) if name == "empty_like" else expected)
    assert numpys(x, *more, dtype, shape=("n", 2)).shape == sd.f64["n", 2].shape


# -- eye and tri ---------------------------------------------------------------------------


@pytest.mark.parametrize("k", range(-4, 5))
def test_eye_and_tri_are_numpys(k: int) -> None:
    g = sd.Graph()
    for rows, columns in product((0, 1, 3), (None, 0, 2, 4)):
        assert_value(sd.eye(rows, columns, k=k, like=g), np.eye(rows, columns, k))
        assert_value(np.eye(rows, columns, k, like=sd.ones(1, like=g)), np.eye(rows, columns, k))
        assert_value(sd.tri(rows, columns, k, like=g), np.tri(rows, columns, k))


def test_a_square_eye_has_one_form() -> None:
    x = sd.Graph().input("x", sd.f64["n"])
    assert sd.eye("n", like=x) is sd.eye("n", x.shape[0], like=x)
    assert repr(sd.eye("n", 3, k=-1, like=x)).endswith("eye n=n n_cols=3 k=-1")


def test_a_product_with_an_eye_that_is_no_identity_stays() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64["n", "n"])
    g.outputs = [sd.eye("n", like=x) @ x, sd.eye("n", k=1, like=x) @ x]
    data = np.arange(9.0).reshape(3, 3)
    found = sd.optimize(g)
    assert found.graph.outputs[0].op.name == "input"
    shifted = sd.evaluate(found.graph.outputs[1], {"x": data})
    np.testing.assert_array_equal(shifted, np.eye(3, k=1) @ data)


# -- arange and linspace -------------------------------------------------------------------

RANGES: list[tuple[Any, ...]] = [
    (5,),
    (0,),
    (-3,),
    (2, 9),
    (2, 9, 3),
    (9, 2, -3),
    (2, 9, -1),
    (0.5,),
    (1.0, 2.0, 0.1),
    (0, 1, 0.1),
    (1, 0, -0.3),
    (1.5, 1.5),
    (0, 1e-300, 1e300),
    (0, -1e-300, 1e300),
    (np.int8(3), np.float32(9.5), 2),
]


@pytest.mark.parametrize("args", RANGES)
@pytest.mark.parametrize("dtype", [None, np.float32, np.int64, complex])
def test_arange_is_numpys(args: Any, dtype: Any) -> None:
    if dtype is np.int64 and not all(float(a).is_integer() for a in args):
        return  # a step below 1 has no meaning in integers
    g = sd.Graph()
    x = g.input("x", sd.f64)
    expected = np.arange(*args, dtype=dtype)
    assert_value(sd.arange(*args, dtype=dtype, like=g), expected)
    assert_value(np.arange(*args, dtype=dtype, like=x), expected)


def test_arange_between_sizes_counts_at_the_call() -> None:
    g = sd.Graph()
    x, y = g.input("x", sd.f64["n"]), g.input("y", sd.f64["k"])
    n = x.shape[0]
    cases = [
        (("n",), sd.i64["n"]),
        ((n, 2 * n + 1), sd.i64["n + 1"]),
        ((n, n + 3), sd.i64[3]),
        ((n, n - 2), sd.i64[0]),
        ((0, "n", 3), sd.i64["(n + 2)//3"]),
        (("n", 0, -2), sd.i64["(n + 1)//2"]),
        ((1, "n + 1", "k"), sd.i64["(n + k - 1)//k"]),
    ]
    for args, type_ in cases:
        node = sd.arange(*args, like=g)
        assert node.type == type_
        for a, b in ((1, 1), (4, 1), (5, 2), (6, 3)):
            bound = {"n": a, "k": b}
            plain = [eval(str(v), {}, bound) if not isinstance(v, int) else v for v in args]
            assert_value(node, np.arange(*plain), {x: np.ones(a), y: np.ones(b)})
            compiled = sd.compile([x, y], node * 1)
            np.testing.assert_array_equal(compiled(np.ones(a), np.ones(b)), np.arange(*plain))


def test_a_range_between_sizes_does_not_run_backwards() -> None:
    x = sd.Graph().input("x", sd.f64["n"])
    node = sd.arange(3, "n", like=x)
    assert_value(node, [3, 4], {x: np.ones(5)})
    with pytest.raises(sd.ShapeError, match="n >= 3"):
        sd.evaluate(node, {x: np.ones(2)})


@pytest.mark.parametrize("num", [0, 1, 2, 3, 7])
@pytest.mark.parametrize("endpoint", [True, False])
@pytest.mark.parametrize("ends", [(0, 1), (-1.5, 2.25), (3, 3), (5, -2), (0.1, 0.7), (1j, 2)])
def test_linspace_is_numpys(ends: Any, endpoint: bool, num: int) -> None:
    g = sd.Graph()
    expected = np.linspace(*ends, num, endpoint=endpoint)
    assert_value(sd.linspace(*ends, num, endpoint=endpoint, like=g), expected)
    nodes = [g.input(f"x{k}", np.asarray(v)) for k, v in enumerate(ends)]
    point = dict(zip(nodes, ends, strict=True))
    assert_value(sd.linspace(*nodes, num, endpoint=endpoint), expected, point)
    assert_value(np.linspace(*nodes, num, endpoint), expected, point)
    if not any(isinstance(v, complex) for v in ends):
        expected = np.linspace(*ends, num, endpoint=endpoint, dtype=int)
        assert_value(np.linspace(*nodes, num, endpoint, dtype=int), expected, point)


def test_linspace_takes_arrays_named_sizes_and_an_axis() -> None:
    g = sd.Graph()
    a, b = g.input("a", sd.f64["n", 1]), g.input("b", sd.f32[2])
    point = {a: np.arange(3.0)[:, None], b: np.array([4, -1], "f4")}
    expected = np.linspace(point[a], point[b], 5)
    assert_value(sd.linspace(a, b, 5), expected, point)
    assert_value(np.linspace(a, b, 5, axis=-1), np.moveaxis(expected, 0, -1), point)
    assert sd.linspace(0, 1, "n + 1", like=g).type == sd.f64["n + 1"]
    assert_value(sd.linspace(0, a.shape[0], "n + 1", like=g), np.linspace(0, 3, 4), point)
    assert sd.linspace(b, 1.0, 3).type == sd.f32[3, 2]


@pytest.mark.parametrize("endpoint", [True, False])
@pytest.mark.parametrize("num", [1, 2, 6])
def test_gradients_flow_to_the_endpoints_of_linspace(num: int, endpoint: bool) -> None:
    weights = np.random.default_rng(0).normal(size=(num, 3, 2))
    sd.testing.check_grad(
        lambda a, b: sd.sum(weights * sd.linspace(a, b, num, endpoint=endpoint) ** 3),
        np.array([[0.5], [1.0], [2.0]]),
        np.array([1.5, -0.7]),
    )


def test_the_ends_of_linspace_are_exact_and_so_are_their_derivatives() -> None:
    g = sd.Graph()
    a, b = g.input("a", sd.f64), g.input("b", sd.f64)
    y = sd.linspace(a, b, 50)
    value, da, db = sd.evaluate([y, sd.jacobian(y, a), sd.jacobian(y, b)], {a: 0.1, b: 0.7})
    assert (value[0], value[-1]) == (0.1, 0.7)
    assert (da[0], da[-1], db[0], db[-1]) == (1.0, 0.0, 0.0, 1.0)
    np.testing.assert_allclose(da + db, 1.0, rtol=1e-15)


# -- grids ---------------------------------------------------------------------------------


@pytest.mark.parametrize("indexing", ["xy", "ij"])
@pytest.mark.parametrize("sizes", [(3,), (2, 3), (1, 0), (2, 3, 4), ((), 2)])
def test_meshgrid_is_numpys(sizes: Any, indexing: Any) -> None:
    arrays = [np.random.default_rng(k).normal(size=s) for k, s in enumerate(sizes)]
    g = sd.Graph()
    nodes = [g.input(f"x{k}", a) for k, a in enumerate(arrays)]
    point = dict(zip(nodes, arrays, strict=True))
    for sparse in (False, True):
        expected = np.meshgrid(*arrays, indexing=indexing, sparse=sparse)
        found = [np.meshgrid(*nodes, indexing=indexing, sparse=sparse)]
        found += [] if sparse else [sd.meshgrid(*nodes, indexing=indexing)]
        for y, value in ((y, v) for f in found for y, v in zip(f, expected, strict=True)):
            assert_value(y, value, point)


def test_a_grid_of_named_sizes_gives_gradients_to_its_coordinates() -> None:
    sd.testing.check_grad(
        lambda x, y: sd.sum(sd.sin(np.multiply(*sd.meshgrid(x, y)))),
        np.array([0.5, 1.0]),
        np.array([2.0, 0.3, 1.1]),
    )
    g = sd.Graph()
    x, y = g.input("x", sd.f64["n"]), g.input("y", sd.f64["m"])
    assert [z.shape for z in sd.meshgrid(x, y, indexing="ij")] == [sd.f64["n", "m"].shape] * 2


# -- triangles and diagonals ---------------------------------------------------------------


@pytest.mark.parametrize("k", range(-3, 4))
@pytest.mark.parametrize("name", ["tril", "triu"])
def test_triangles_are_numpys(name: str, k: int) -> None:
    for shape, dtype in product(((3, 3), (2, 4), (2, 3, 2), (0, 2)), ("f8", "f4", "i8", "?")):
        data = np.arange(1, 1 + np.prod(shape)).reshape(shape).astype(dtype)
        x = sd.Graph().input("x", data)
        assert_value(getattr(sd, name)(x, k=k), getattr(np, name)(data, k), {x: data})
        assert getattr(np, name)(x, k) is getattr(sd, name)(x, k=k)


def test_what_a_triangle_leaves_out_has_no_part_in_value_or_gradient() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64["n", "n"])
    loss = sd.sum(sd.tril(sd.sqrt(x)))
    point = {x: np.array([[1.0, 0.0, -1.0], [4.0, 1.0, np.nan], [1.0, 4.0, 1.0]])}
    for order in range(2):
        dx = sd.grad(loss, x)
        found = sd.evaluate([loss, dx], point)
        assert np.isfinite(found[0])
        np.testing.assert_array_equal(found[1][np.triu_indices(3, 1)], 0.0)
        assert found[1][1, 0] == [0.25, -1 / 32][order]
        loss = sd.sum(dx)


@pytest.mark.parametrize("k", range(-3, 4))
def test_diag_is_numpys_both_ways(k: int) -> None:
    for shape in ((0,), (1,), (3,), (3, 3), (2, 4), (4, 2), (0, 3), (1, 1)):
        data = np.random.default_rng(0).normal(size=shape)
        x = sd.Graph().input("x", data)
        assert_value(sd.diag(x, k), np.diag(data, k), {x: data})
        assert_value(np.diagflat(x, k), np.diagflat(data, k), {x: data})
        assert np.diag(x, k=k) is sd.diag(x, k)
    sd.testing.check_grad(lambda x: sd.sum(sd.diag(x, k) ** 3), np.arange(1.0, 4))
    if abs(k) < 3:
        sd.testing.check_grad(lambda x: sd.sum(sd.diag(x, k) ** 3), np.ones((3, 4)))


@pytest.mark.parametrize("axes", [(0, 1), (1, 0), (2, 0), (-1, 1), (1, 2)])
@pytest.mark.parametrize("offset", [-2, 0, 1, 5])
def test_diagonal_and_trace_are_numpys(axes: Any, offset: int) -> None:
    for dtype in ("f8", "i1"):
        data = np.arange(24).reshape(2, 3, 4).astype(dtype)
        x = sd.Graph().input("x", data)
        expected = np.diagonal(data, offset, *axes)
        assert_value(np.diagonal(x, offset, *axes), expected, {x: data})
        assert x.diagonal(offset, *axes) is np.diagonal(x, offset, *axes)
        assert_value(np.trace(x, offset, *axes), np.trace(data, offset, *axes), {x: data})
        assert_value(x.trace(offset, *axes, "f4"), data.trace(offset, *axes, "f4"), {x: data})


def test_the_array_apis_diagonal_and_trace_are_of_the_last_two_axes() -> None:
    data = np.random.default_rng(0).normal(size=(2, 3, 3))
    x = sd.Graph().input("x", data)
    assert_value(np.linalg.diagonal(x, offset=1), np.linalg.diagonal(data, offset=1), {x: data})
    assert_value(np.linalg.trace(x), np.linalg.trace(data), {x: data})
    assert_value(np.linalg.trace(x, dtype="f4"), np.linalg.trace(data, dtype="f4"), {x: data})


def test_diagonals_of_named_sizes() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64["n", "n + 2"])
    assert sd.diag(x).type == sd.diag(x, 2).type == sd.f64["n"]
    assert sd.diag(x, -1).type == sd.f64["n - 1"]
    loss = sd.sum(sd.diag(x, 1) ** 2) + np.trace(x)
    data = np.arange(15.0).reshape(3, 5)
    expected = 2 * data * np.eye(3, 5, 1) + np.eye(3, 5)
    assert_value(sd.grad(loss, x), expected, {x: data})
    y = g.input("y", sd.f64["n", "m"])
    with pytest.raises(sd.ShapeError, match=r"diag: how long the diagonal is(.|\n)*y : f64\[n,m"):
        sd.diag(y)


# -- matrices of others --------------------------------------------------------------------


@pytest.mark.parametrize(
    "shapes",
    [
        ((2, 3), (3, 2)),
        ((2,), (3,)),
        ((2, 2), (3,)),
        ((3,), (1, 2, 2)),
        ((), (2, 2)),
        ((0,), (2,)),
    ],
)
def test_kron_is_numpys(shapes: Any) -> None:
    arrays = [np.random.default_rng(k).normal(size=s) for k, s in enumerate(shapes)]
    g = sd.Graph()
    nodes = [g.input(f"x{k}", a) for k, a in enumerate(arrays)]
    point = dict(zip(nodes, arrays, strict=True))
    assert_value(sd.kron(*nodes), np.kron(*arrays), point)
    assert_value(np.kron(nodes[0], arrays[1]), np.kron(*arrays), point)
    sd.testing.check_grad(lambda a, b: sd.sum(sd.kron(a, b) ** 2), *arrays)


def test_vander_is_numpys_and_differentiable_at_zero() -> None:
    for dtype, N, up in product(("f8", "f4", "i4", "?"), (None, 0, 1, 4), (False, True)):
        data = np.array([0, 1, 2]).astype(dtype)
        x = sd.Graph().input("x", data)
        assert_value(sd.vander(x, N, up), np.vander(data, N, up), {x: data})
        assert np.vander(x, N, increasing=up) is sd.vander(x, N, up)
    x = sd.Graph().input("x", sd.f64["n"])
    y = sd.vander(x, 4, increasing=True)
    dx = sd.grad(sd.sum(y), x)
    ddx = sd.grad(sd.sum(dx), x)
    first, second = sd.evaluate([dx, ddx], {x: [0.0, 2.0]})
    np.testing.assert_array_equal(first, [1.0, 1 + 4 + 12])
    np.testing.assert_array_equal(second, [2.0, 2 + 12])


# -- misuse --------------------------------------------------------------------------------

MISUSE: list[tuple[Any, type[Exception], str]] = [
    (lambda x: sd.zeros(-1, like=x), sd.ShapeError, "zeros: .*negative"),
    (lambda x: sd.zeros(2.5, like=x), sd.ShapeError, "zeros: 2.5 is not a shape"),
    (lambda x: sd.zeros(x[0, 0], like=x), sd.SymdiffError, "zeros: "),
    (lambda x: sd.ones(2, dtype="U3", like=x), sd.DTypeError, "ones: dtype 'U3'"),
    (lambda x: sd.full(2, "a", like=x), sd.DTypeError, "full: dtype .*U1"),
    (lambda x: sd.full(2, x), sd.ShapeError, r"\(2,3\) does not broadcast to \(2,\)"),
    (lambda x: sd.full_like(x, 1j), sd.DTypeError, "full_like: "),
    (lambda x: sd.zeros_like(np.ones(2)), sd.ArgumentError, "zeros_like: none of the operands"),
    (lambda x: sd.eye(-1, like=x), sd.ShapeError, r"eye\(-1\): the size is negative"),
    (lambda x: sd.tri(2, -1, like=x), sd.ShapeError, "tri: the size -1 is negative"),
    (lambda x: sd.arange(x[0, 0]), sd.ArgumentError, "arange: bounds and steps must be known"),
    (lambda x: sd.arange(0, 1, 0, like=x), sd.ArgumentError, "arange: the step is zero"),
    (lambda x: sd.arange(np.inf, like=x), sd.ArgumentError, "finite, not inf"),
    (lambda x: sd.arange(0.5, "n", like=x), sd.ArgumentError, "between a size and a fraction"),
    (lambda x: sd.linspace(0, 1, -2, like=x), sd.ShapeError, "linspace: .* negative: -2"),
    (lambda x: sd.linspace(0, 1, 2.5, like=x), sd.ArgumentError, "linspace: .*2.5"),
    (lambda x: sd.linspace(x, x[0, :2], 2), sd.ShapeError, r"linspace: .*(.|\n)*stop = %\d"),
    (lambda x: np.linspace(x, 1, 2, retstep=True), sd.ArgumentError, "retstep=True"),
    (lambda x: sd.meshgrid(x, x), sd.ShapeError, r"meshgrid: arrays\[0\] has 2 axes"),
    (lambda x: sd.meshgrid(x[0], indexing="yx"), sd.ArgumentError, "indexing must be 'xy' or"),
    (lambda x: sd.tril(x[0]), sd.ShapeError, "tril: two axes are needed"),
    (lambda x: sd.triu(x, k=0.5), sd.ArgumentError, "triu: .*0.5"),
    (lambda x: sd.diag(x[None]), sd.ShapeError, "diag: x has 3 axes"),
    (lambda x: sd.diag(x, 1.0), sd.ArgumentError, "a diagonal is chosen by an int, not by 1.0"),
    (lambda x: np.diagonal(x, 0, 1, 1), sd.ShapeError, "axis 1 is named twice"),
    (lambda x: np.trace(x, 0, 0, 2), sd.ShapeError, "np.trace: .*axis 2 is out of bounds"),
    (lambda x: sd.vander(x), sd.ShapeError, "vander: x has 2 axes"),
    (lambda x: sd.kron(1, 2), sd.ArgumentError, "kron: none of the operands is a node"),
]


@pytest.mark.parametrize(("call", "error", "message"), MISUSE)
def test_misuse_is_refused_with_the_operands_and_a_way_out(
    call: Any, error: type[Exception], message: str
) -> None:
    x = sd.Graph().input("x", sd.f64[2, 3])
    with pytest.raises(error, match=message):
        call(x)


def test_what_is_made_here_is_compiled_and_parsed_back() -> None:
    g = sd.Graph()
    x, y = g.input("x", sd.f64["n", 2]), g.input("y", sd.f64["m"])
    g.outputs = [
        sd.arange("n", "2*n + 1", 2, like=x),
        sd.arange(0.5, 2.0, 0.1, dtype="f4", like=x),
        sd.linspace(x, 1.0, "n", endpoint=False),
        sd.eye("n", "m", k=-2, like=x),
        sd.tri("n", 3, like=x),
        sd.triu(x, k=1),
        sd.zeros(("n", 1), like=x),
        sd.pad(x, (1, "n"), "wrap"),
        sd.roll(x, ("n - 7", -1), axis=(0, 1)),
    ]
    again = sd.parse(g.text())
    assert again.text() == g.text()
    sd.testing.assert_same_graph(again, g)
    for n in (1, 4):
        data = np.arange(2.0 * n).reshape(n, 2)
        expected = sd.evaluate(list(g.outputs), {x: data}, sizes={"m": 3})
        found = sd.compile([x, y], list(g.outputs))(data, np.zeros(3))
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one, other)
