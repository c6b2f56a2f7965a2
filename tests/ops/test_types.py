"""Types are NumPy's own: dtype and shape of every op, and where NumPy raises, so does symdiff."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import pytest

import symdiff as sd
from symdiff.op import REGISTRY, Op
from tests.ops.samples import CHECKED, ELEMENTWISE_OPS, NUMPY, Case, operands, samples_of

DTYPES = tuple(
    np.dtype(d)
    for d in ("f2", "f4", "f8", "i1", "i4", "i8", "u1", "?", "c8", "c16")
)  # fmt: skip
SHAPES = ((), (0,), (0, 3), (1,), (4,), (3, 1), (2, 3), (3, 2), (1, 1, 3), (5,))


def numpy_function(op: Op) -> Callable[..., Any]:
    """NumPy's own function for the op, or the op's kernel where NumPy has none."""
    assert op.kernel is not None
    kernel = partial(op.kernel, **op.parameters) if op.parameters else op.kernel
    return NUMPY.get(op.name) or getattr(np, op.name, None) or kernel


def outcome(function: Callable[..., Any], arrays: Sequence[Any], **params: Any) -> Any:
    """Arrays, or the class of error that symdiff has for what NumPy raises."""
    with np.errstate(all="ignore"):
        try:
            found = function(*arrays, **params)
        except (TypeError, OverflowError, np.exceptions.ComplexWarning):
            return sd.DTypeError
        except ValueError:
            return sd.ShapeError
    return found if isinstance(found, tuple) else (found,)


def assert_like_numpy(op: Op, arrays: Sequence[np.ndarray]) -> None:
    """Same types and values, or the same kind of error when the node is made."""
    g = sd.Graph()
    inputs = [g.input(f"x{k}", a) for k, a in enumerate(arrays)]
    expected = outcome(numpy_function(op), arrays)
    shown = f"{op.name} of {', '.join(str(i.type) for i in inputs)}"
    if isinstance(expected, type):
        with pytest.raises(expected):
            pytest.fail(f"{shown} is {op(*inputs).type}; NumPy raises")
        return
    y = op(*inputs)
    outputs = [y[k] for k in range(len(y))] if isinstance(y.type, sd.TupleType) else [y]
    point = dict(zip(inputs, arrays, strict=True))
    for output, value, numpys in zip(outputs, sd.evaluate(outputs, point), expected, strict=True):
        assert (output.dtype, output.shape) == (numpys.dtype, numpys.shape), shown
        np.testing.assert_array_equal(value, numpys, err_msg=shown)


@pytest.mark.parametrize("name", ELEMENTWISE_OPS)
def test_dtypes_are_numpys_for_every_mixture(name: str) -> None:
    op = REGISTRY.ops[name]
    for dtypes in product(DTYPES, repeat=len(op.arguments)):
        assert_like_numpy(op, [np.array([1, 2]).astype(d) for d in dtypes])


@pytest.mark.parametrize("name", ELEMENTWISE_OPS)
def test_shapes_broadcast_as_numpys(name: str) -> None:
    op = REGISTRY.ops[name]
    dtypes = [x.dtype for x in operands(name, Case(((),) * op.arity), "float64")]
    pool = SHAPES if len(op.arguments) < 3 else SHAPES[::2]
    for shapes in product(pool, repeat=len(op.arguments)):
        assert_like_numpy(op, [np.ones(s, d) for s, d in zip(shapes, dtypes, strict=True)])


@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning")
@pytest.mark.parametrize("name", [n for n in CHECKED if n in NUMPY and n not in ELEMENTWISE_OPS])
def test_types_with_parameters_are_numpys(name: str) -> None:
    op = REGISTRY.ops[name]
    for case, dtype in product(samples_of(name).cases, DTYPES):
        params = case.params_for(dtype)
        arrays = [a.astype(dtype) for a in operands(name, case, "float64")]
        (expected,) = outcome(NUMPY[name], arrays, **params)
        g = sd.Graph()
        inputs = [g.input(f"x{k}", a) for k, a in enumerate(arrays)]
        y = op(*inputs, **params) if inputs else op.on(g, **params)
        assert (y.dtype, y.shape) == (expected.dtype, expected.shape), (case, dtype)
        value = sd.evaluate(y, dict(zip(inputs, arrays, strict=True)))
        np.testing.assert_allclose(value, expected, rtol=4 * precision(expected.dtype))


def precision(dtype: np.dtype) -> float:
    return float(np.finfo(dtype).eps) if dtype.kind in "fc" else 0.0


# -- Python scalars are weak ---------------------------------------------------------------

# The ufunc, not the operator on arrays, is NumPy's word: `array ** 2` is a square there, which
# makes int8 of booleans.
OPERATORS = {
    np.add: operator.add,
    np.subtract: operator.sub,
    np.multiply: operator.mul,
    np.divide: operator.truediv,
    np.floor_divide: operator.floordiv,
    np.remainder: operator.mod,
    np.divmod: divmod,
    np.power: operator.pow,
    np.less: operator.lt,
    np.less_equal: operator.le,
    np.greater: operator.gt,
    np.greater_equal: operator.ge,
    np.equal: operator.eq,
    np.not_equal: operator.ne,
    np.bitwise_and: operator.and_,
    np.bitwise_or: operator.or_,
    np.bitwise_xor: operator.xor,
}
SCALARS = (True, 2, 2.5, 1 + 2j, np.float32(2.5), np.int8(2), np.True_, np.complex64(2j))


@pytest.mark.parametrize("ufunc", OPERATORS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_scalars_of_python_are_weak_on_either_side(ufunc: np.ufunc, dtype: np.dtype) -> None:
    array = np.array([1, 2]).astype(dtype)
    for scalar, swap in product(SCALARS, (False, True)):
        x = sd.Graph().input("x", array)
        pair = (scalar, array) if swap else (array, scalar)
        nodes = (scalar, x) if swap else (x, scalar)
        shown = f"{ufunc.__name__} of {nodes}"
        expected = outcome(ufunc, pair)
        if isinstance(expected, type):
            with pytest.raises(expected):
                pytest.fail(f"{shown} is {OPERATORS[ufunc](*nodes).type}; NumPy raises")
            continue
        y = OPERATORS[ufunc](*nodes)
        outputs = y if isinstance(y.type, sd.TupleType) else (y,)
        for output, numpys in zip(outputs, expected, strict=True):
            assert output.dtype == numpys.dtype, shown
            np.testing.assert_array_equal(sd.evaluate(output, {x: array}), numpys, err_msg=shown)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("scalar", [True, 2, 2.5, 2j])
def test_scalars_of_python_are_weak_in_where(dtype: np.dtype, scalar: Any) -> None:
    array, mask = np.array([1, 2]).astype(dtype), np.array([True, False])
    g = sd.Graph()
    c, x = g.input("c", mask), g.input("x", array)
    for y, expected in (
        (sd.where(c, x, scalar), np.where(mask, array, scalar)),
        (sd.where(c, scalar, x), np.where(mask, scalar, array)),
    ):
        assert y.dtype == expected.dtype
        np.testing.assert_array_equal(sd.evaluate(y, {c: mask, x: array}), expected)


@pytest.mark.parametrize("scalar", [300, -1])
def test_a_python_int_that_does_not_fit_raises(scalar: int) -> None:
    x = sd.Graph().input("x", sd.u8[2])
    with pytest.raises(sd.DTypeError, match=rf"{scalar} does not fit uint8"):
        x + scalar


def test_a_scalar_is_weak_when_applied_and_never_after() -> None:
    x = sd.Graph().input("x", sd.f32[2])
    assert (x * 2.5 * np.float64(1.0)).dtype == np.float64
    assert (x * (2.5 * 1.0)).dtype == np.float32
    assert (sd.sum(x) * 2).dtype == np.float32


def test_an_array_on_the_left_applies_the_op_once() -> None:
    x = sd.Graph().input("x", sd.f64[3])
    y = np.ones((2, 3), np.float32) * x
    assert isinstance(y, sd.Node)
    assert (y.op.name, y.type) == ("multiply", sd.f64[2, 3])


# -- named sizes ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "result"),
    [
        (sd.f64["n"], sd.f64["n"], sd.f64["n"]),
        (sd.f64["n"], sd.f64[1], sd.f64["n"]),
        (sd.f64["n"], sd.f64[()], sd.f64["n"]),
        (sd.f64["n", 1], sd.f32["m"], sd.f64["n", "m"]),
        (sd.f64["n + 1"], sd.i64["1 + n"], sd.f64["n+1"]),
        (sd.f64["n"], sd.f64["m"], None),
        (sd.f64["n"], sd.f64[3], None),
        (sd.f64["n"], sd.f64["n + 1"], None),
    ],
)
def test_a_named_size_broadcasts_with_itself_and_with_one(
    first: sd.TensorType, second: sd.TensorType, result: sd.TensorType | None
) -> None:
    g = sd.Graph()
    a, b = g.input("a", first), g.input("b", second)
    for x, y in ((a, b), (b, a)):
        if result is None:
            with pytest.raises(sd.ShapeError, match=r"do not broadcast.*sd\.refine"):
                x + y
        else:
            assert (x + y).type == result
