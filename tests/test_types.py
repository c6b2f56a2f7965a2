"""Types against NumPy's own promotion and broadcasting, with named sizes on top."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, mutually_broadcastable_shapes

import symdiff as sd
from symdiff import types
from symdiff.sizes import Dim, Size

NAMES = {
    "bool_": "bool",
    "i8": "int8",
    "i16": "int16",
    "i32": "int32",
    "i64": "int64",
    "u8": "uint8",
    "u16": "uint16",
    "u32": "uint32",
    "u64": "uint64",
    "f16": "float16",
    "f32": "float32",
    "f64": "float64",
    "c64": "complex64",
    "c128": "complex128",
}
DTYPES = [np.dtype(name) for name in NAMES.values()]
dtypes = st.sampled_from(DTYPES)
weak = st.sampled_from([(int, 0), (float, 0.0), (complex, 0j)])


# -- constructors --------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "numpy_name"), NAMES.items())
def test_every_dtype_is_written_by_its_short_name(name: str, numpy_name: str) -> None:
    dtype = getattr(sd, name)
    assert repr(dtype) == f"sd.{name}"
    assert dtype["n", 3].dtype == np.dtype(numpy_name)
    assert str(dtype["n", 3]) == f"{name}[n,3]"
    assert types.as_dtype(dtype) == types.as_dtype(numpy_name)
    if name not in ("i8", "u8", "f16"):  # see below
        assert types.as_dtype(name) == types.as_dtype(dtype)
    assert types.dtype_name(np.dtype(numpy_name)) == name


@pytest.mark.parametrize(
    ("written", "shape", "printed"),
    [
        (sd.f64[()], (), "f64[]"),
        (sd.f64[3], (3,), "f64[3]"),
        (sd.f64["n"], (Size("n"),), "f64[n]"),
        (sd.f64["2*n+1"], (2 * Size("n") + 1,), "f64[2*n+1]"),
        (sd.f64["1 + n*2"], (2 * Size("n") + 1,), "f64[2*n+1]"),
        (sd.f64["n", 3, Size("m") // 2], (Size("n"), 3, Size("m") // 2), "f64[n,3,m//2]"),
        (sd.f64[0, np.int64(2)], (0, 2), "f64[0,2]"),
        (sd.f64["7"], (7,), "f64[7]"),
    ],
)
def test_a_type_is_written_as_dtype_and_shape(
    written: sd.TensorType, shape: tuple[Dim, ...], printed: str
) -> None:
    assert written.shape == shape
    assert str(written) == repr(written) == printed


@pytest.mark.parametrize(
    ("entry", "error"),
    [
        (-1, sd.ShapeError),
        ("n +", sd.ParseError),
        (1.5, sd.ArgumentError),
        (True, sd.ArgumentError),
        (None, sd.ArgumentError),
        ([2], sd.ArgumentError),
        ((2, 3), sd.ArgumentError),
    ],
)
def test_what_is_no_shape_is_refused(entry: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        sd.f64[entry, 2]


def test_a_dtype_is_not_iterated_by_mistake() -> None:
    with pytest.raises(TypeError, match=r"write sd\.f64\[shape\]"):
        list(sd.f64)


@pytest.mark.parametrize("value", [object, "S3", "M8[s]", str, None, "f128", np.longdouble, "zz"])
def test_dtypes_without_a_name_are_refused_with_the_list_of_names(value: Any) -> None:
    with pytest.raises(sd.DTypeError, match=r"sd\.bool_, .*sd\.c128"):
        types.as_dtype(value)


def test_byte_order_is_no_part_of_a_type() -> None:
    assert types.as_type(np.ones(2, ">f8")) == sd.f64[2]


def test_arrays_and_bare_dtypes_say_their_type() -> None:
    assert types.as_type(np.zeros((2, 3), np.int32)) == sd.i32[2, 3]
    assert types.as_type(sd.f32) == sd.f32[()]
    assert types.as_type([True, False]) == sd.bool_[2]
    for value in (None, "f64", float, types.TupleType((sd.f64[2],))):
        with pytest.raises(sd.ArgumentError, match="write it as"):
            types.as_type(value)


# -- values --------------------------------------------------------------------------------


def test_types_compare_and_hash_by_value() -> None:
    assert sd.f64["n + 1"] == sd.f64[Size("n") + 1]
    assert hash(sd.f64["n + 1"]) == hash(sd.f64[Size("n") + 1])
    assert len({sd.f64[2], sd.f64[2], sd.f32[2], sd.f64[3], sd.f64["n"], sd.f64["m"]}) == 5
    assert sd.f64[2] != (np.dtype("f8"), (2,))
    pair = types.TupleType((sd.f64[2], sd.i64[2]))
    assert pair == types.TupleType((sd.f64[2], sd.i64[2]))
    assert pair != types.TupleType((sd.i64[2], sd.f64[2]))
    assert len(pair) == 2
    assert str(pair) == "(f64[2], i64[2])"


@pytest.mark.parametrize("value", [sd.f64["n", 3], types.TupleType((sd.f64[2],)), sd.f32])
def test_types_pickle_and_copy(value: Any) -> None:
    assert pickle.loads(pickle.dumps(value)) == value
    assert copy.deepcopy(value) == value
    assert hash(copy.copy(value)) == hash(value)


@pytest.mark.parametrize("value", [sd.f64["n", 3], types.TupleType((sd.f64[2],))])
def test_types_are_immutable(value: Any) -> None:
    for name in ("shape", "items", "other"):
        with pytest.raises(AttributeError, match="immutable"):
            setattr(value, name, ())


def test_rank_and_size_are_read_off_a_type() -> None:
    assert sd.f64["n", 3, "n"].rank == 3
    assert sd.f64["n", 3, "n"].size == 3 * Size("n") ** 2
    assert sd.f64[()].size == 1
    assert sd.f64["n", 0].size == 0
    assert sd.f64[2].with_shape((3,)) == sd.f64[3]
    assert sd.f64[2].with_dtype(np.dtype("i4")) == sd.i32[2]


# -- promotion -----------------------------------------------------------------------------


@given(st.lists(dtypes, min_size=1, max_size=4))
def test_promotion_is_numpys(operands: list[np.dtype[Any]]) -> None:
    assert types.promote(*operands) == np.result_type(*operands)


@given(st.lists(dtypes, min_size=1, max_size=3), st.lists(weak, min_size=1, max_size=2))
def test_promotion_with_python_scalars_is_numpys(
    operands: list[np.dtype[Any]], scalars: list[tuple[type, Any]]
) -> None:
    expected = np.result_type(*operands, *[value for _, value in scalars])
    assert types.promote(*operands, *[kind for kind, _ in scalars]) == expected


# -- broadcasting --------------------------------------------------------------------------


@given(mutually_broadcastable_shapes(num_shapes=3, max_dims=4, min_side=0))
def test_known_shapes_broadcast_as_in_numpy(shapes: Any) -> None:
    assert types.broadcast_shapes(list(shapes.input_shapes)) == shapes.result_shape


@given(st.lists(array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3), max_size=3))
def test_known_shapes_broadcast_exactly_where_numpy_broadcasts(
    shapes: list[tuple[int, ...]],
) -> None:
    try:
        expected = np.broadcast_shapes(*shapes)
    except ValueError:
        expected = None
    assert types.broadcast_shapes(shapes) == expected


named_dims = st.sampled_from([0, 1, 2, Size("n"), Size("m"), Size("n") + 1, 2 * Size("n")])
named_shapes = st.lists(named_dims, max_size=3).map(tuple)


@given(st.lists(named_shapes, min_size=2, max_size=3), st.integers(2, 5), st.integers(2, 5))
def test_named_shapes_that_broadcast_do_so_for_every_value(
    shapes: list[tuple[Dim, ...]], n: int, m: int
) -> None:
    result = types.broadcast_shapes(shapes)
    if result is not None:
        for values in ({"n": n, "m": m}, {"n": 0, "m": 1}):
            known = [types.evaluate_shape(s, values) for s in shapes]
            assert np.broadcast_shapes(*known) == types.evaluate_shape(result, values)


def test_a_named_size_broadcasts_with_itself_and_one_alone() -> None:
    n, m = Size("n"), Size("m")
    assert types.broadcast_shapes([(n,), (n,)]) == (n,)
    assert types.broadcast_shapes([(1, n), (3, 1)]) == (3, n)
    assert types.broadcast_shapes([(n + 1 - 1,), (n,), ()]) == (n,)
    for other in (m, 2, 0, n + 1, 2 * n):
        assert types.broadcast_shapes([(n,), (other,)]) is None


# -- axes ----------------------------------------------------------------------------------


@given(st.integers(1, 4), st.data())
def test_axes_are_normalized_as_numpy_does(rank: int, data: Any) -> None:
    axes = data.draw(st.lists(st.integers(-rank, rank - 1), max_size=rank))
    places = [a % rank for a in axes]
    if len(set(places)) == len(places):
        assert types.normalize_axes(tuple(axes), rank, "f") == tuple(sorted(places))
    else:
        with pytest.raises(sd.ShapeError, match="names an axis twice"):
            types.normalize_axes(tuple(axes), rank, "f")


@pytest.mark.parametrize(("axis", "error"), [(2, sd.ShapeError), (-3, sd.ShapeError)])
def test_an_axis_out_of_bounds_is_a_shape_error(axis: int, error: type[Exception]) -> None:
    with pytest.raises(error, match=f"f: axis {axis} is out of bounds for an array of 2 axes"):
        types.normalize_axes(axis, 2, "f")


@pytest.mark.parametrize("axis", ["0", 1.0, (0, None)])
def test_an_axis_is_an_int(axis: Any) -> None:
    with pytest.raises(sd.ArgumentError, match="axis must be an int"):
        types.normalize_axes(axis, 2, "f")


@pytest.mark.parametrize("name", ["i8", "u8", "f16"])
def test_a_name_that_means_another_dtype_in_numpy_is_refused(name: str) -> None:
    with pytest.raises(sd.DTypeError, match=f"counts bits here .sd.{name}, .* bytes in NumPy"):
        sd.Graph().input("x", sd.f64[2]).astype(name)
    assert sd.Graph().input("x", sd.f64[2]).astype(getattr(sd, name)).dtype.itemsize <= 2
