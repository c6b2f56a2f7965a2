"""Complex values pass wherever NumPy's do; derivatives through them are refused with the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import symdiff as sd
from symdiff.op import REGISTRY

inf, nan = np.inf, np.nan
Z = np.array([0.3 + 0.4j, -0.2 - 0.1j, 2.0, -1.5j, -3.0 + 0.0j, complex(-3.0, -0.0), 0j])

# -- values and dtypes -----------------------------------------------------------------------

UNARY = [
    name
    for name, op in REGISTRY.complete().items()
    if op.ufunc is not None and any(t.startswith("D->") for t in op.ufunc.types)
]
BINARY = [
    name
    for name, op in REGISTRY.ops.items()
    if op.ufunc is not None and any(t.startswith("DD->") for t in op.ufunc.types)
]


@pytest.mark.parametrize("dtype", ["c8", "c16"])
@pytest.mark.parametrize("name", UNARY)
def test_functions_of_one_operand_take_complex_values(name: str, dtype: str) -> None:
    at, ufunc = Z.astype(dtype), REGISTRY.ops[name].ufunc
    z = sd.Graph().input("z", at)
    with np.errstate(all="ignore"):
        expected = ufunc(at)
    y = ufunc(z)
    found = sd.evaluate(y, {z: at})
    np.testing.assert_array_equal(found, expected)
    assert y.dtype == found.dtype == expected.dtype


@pytest.mark.parametrize("dtypes", [("c16", "c16"), ("c8", "f4"), ("f8", "c8"), ("i8", "c8")])
@pytest.mark.parametrize("name", BINARY)
def test_functions_of_two_operands_take_complex_values(name: str, dtypes: tuple[str, str]) -> None:
    first, second = (Z if d[0] == "c" else np.arange(-3, 4) for d in dtypes)
    a, b = first.astype(dtypes[0]), second[::-1].astype(dtypes[1])
    g, ufunc = sd.Graph(), REGISTRY.ops[name].ufunc
    x, y = g.input("x", a), g.input("y", b)
    with np.errstate(all="ignore"):
        expected = ufunc(a, b)
    found = sd.evaluate(ufunc(x, y), {x: a, y: b})
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == expected.dtype


def test_the_modulus_and_the_parts_are_real() -> None:
    z = sd.Graph().input("z", sd.c64["n"])
    for f in (sd.abs, sd.real, sd.imag, sd.angle):
        assert f(z).type == sd.f32["n"]
    assert sd.conj(z).type == sd.sign(z).type == sd.c64["n"]


PARTS = (
    (sd.real, np.real),
    (sd.imag, np.imag),
    (sd.conj, np.conj),
    (sd.angle, np.angle),
    (lambda z: sd.angle(z, deg=True), lambda z: np.angle(z, deg=True)),
    (lambda z: z.real, lambda z: z.real),
    (lambda z: z.imag, lambda z: z.imag),
    (lambda z: z.conj(), np.conj),
    (lambda z: z.conjugate(), np.conj),
)


@pytest.mark.parametrize("dtype", ["c8", "c16", "f4", "f8", "i4", "u1", "?"])
@pytest.mark.parametrize(("ours", "numpys"), PARTS)
def test_parts_are_numpys_of_complex_and_real_operands(
    ours: Callable[[Any], Any], numpys: Callable[[Any], Any], dtype: str
) -> None:
    at = (Z if dtype[0] == "c" else np.array([3, 0, 1])).astype(dtype)
    z = sd.Graph().input("z", at)
    expected = numpys(at)
    for y in (ours(z), numpys(z)):
        found = sd.evaluate(y, {z: at})
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == expected.dtype


def test_angles_of_negative_numbers_follow_the_signed_zero() -> None:
    at = np.array([-1.0, 1.0, 0.0, -0.0])
    x = sd.Graph().input("x", at)
    np.testing.assert_array_equal(sd.evaluate(sd.angle(x), {x: at}), np.angle(at))


def test_a_result_is_no_view_of_the_argument() -> None:
    f = sd.compile([z := sd.Graph().input("z", sd.c128[2])], sd.real(z))
    at = np.array([1 + 2j, 3j])
    found = f(at)
    found[:] = 9
    np.testing.assert_array_equal(at, [1 + 2j, 3j])


@pytest.mark.parametrize("ask", [np.iscomplexobj, np.isrealobj])
def test_numpy_is_told_whether_a_node_is_complex(ask: Callable[[Any], bool]) -> None:
    g = sd.Graph()
    for name, type_ in {"x": sd.f32[2], "n": sd.i8[2], "z": sd.c64[2]}.items():
        assert ask(g.input(name, type_)) is ask(np.empty(2, type_.dtype))


def test_numpy_is_told_dtypes() -> None:
    g = sd.Graph()
    x, z = g.input("x", sd.f32[2]), g.input("z", sd.c64[2])
    assert np.result_type(x, np.float64) == np.float64
    assert np.result_type(x, z, 1.0) == np.complex64
    assert np.common_type(x, z) is np.complex64
    assert np.can_cast(x.dtype, np.float64)
    np.testing.assert_array_equal(sd.evaluate(np.iscomplex(z), {z: [1j, 1]}), [True, False])
    np.testing.assert_array_equal(sd.evaluate(np.isreal(z), {z: [1j, 1]}), [False, True])
    np.testing.assert_array_equal(sd.evaluate(np.isreal(x), {x: [0.0, 1.0]}), [True, True])


# -- derivatives of real operands ------------------------------------------------------------


def test_parts_of_real_operands_have_derivatives() -> None:
    x = sd.Graph().input("x", sd.f64[3])
    assert sd.real(x) is x
    assert sd.conj(x) is x
    y = sd.real(x) * sd.conj(x) + sd.imag(x) + sd.angle(x)
    slope = sd.evaluate(sd.grad(sd.sum(y), x), {x: [1.0, -2.0, 3.0]})
    np.testing.assert_array_equal(slope, [2.0, -4.0, 6.0])


# -- derivatives through complex values ------------------------------------------------------

THROUGH: dict[str, Callable[[sd.Node], sd.Node]] = {
    "a product": lambda x: sd.sum(sd.real(sd.cast(x, sd.c128) * 2)),
    "an imaginary factor": lambda x: sd.sum(sd.abs(x * 1j)),
    "an exponential": lambda x: sd.sum(sd.imag(sd.exp(1j * x))),
    "a sign": lambda x: sd.sum(sd.real(sd.sign(x + 1j))),
    "an angle": lambda x: sd.sum(sd.angle(x + 1j)),
    "a conjugate": lambda x: sd.real(sd.sum(sd.conj(x * 1j) * (x * 1j))),
}
MODES: dict[str, Callable[[sd.Node, sd.Node], Any]] = {
    "grad": sd.grad,
    "jvp": lambda z, x: sd.jvp(z, x, np.ones(3)),
    "hessian": sd.hessian,
    "build_grad": lambda z, x: sd.build_grad(z.graph, z, x),
    "vjp": lambda z, x: sd.vjp(z, x, 1.0),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", THROUGH)
def test_derivatives_do_not_pass_through_complex_values(name: str, mode: str) -> None:
    x = sd.Graph().input("x", sd.f64[3])
    z = THROUGH[name](x)
    before = len(x.graph)
    with pytest.raises(sd.NotDifferentiableError) as caught:
        MODES[mode](z, x)
    message = str(caught.value)
    assert message.startswith("derivatives do not pass through complex values, only")
    assert "c128" in message.splitlines()[1]
    assert message.count("test_complexes.py:") >= 3
    way = message.split("the path from the output to it:\n")[1].splitlines()
    assert way[0].split()[0] == repr(z).split()[0]
    assert "sd.stop_gradient" in way[-1]
    assert len(x.graph) - before <= 1, "nothing but a seed is appended"


@pytest.mark.parametrize("mode", MODES)
def test_complex_values_that_choose_only_do_no_harm(mode: str) -> None:
    x = sd.Graph().input("x", sd.f64[3])
    above = sd.imag(x * 1j) > 0
    kept = sd.stop_gradient(sd.sign(sd.real(x + 1j)))
    z = sd.sum(sd.where(above, x**2, 0.0)) + sd.sum(kept * x)
    found = MODES[mode](z, x)
    found = found[x] if mode == "build_grad" else found
    expected = {"jvp": 8.0 + 1.0, "hessian": np.diag([2.0, 0.0, 2.0])}
    gradient = [3.0, -1.0, 7.0]
    value = sd.evaluate(found, {x: [1.0, -2.0, 3.0]})
    np.testing.assert_array_equal(value, expected.get(mode, gradient))


def test_only_what_is_complex_is_refused() -> None:
    g = sd.Graph()
    x, y = g.input("x", sd.f64[2]), g.input("y", sd.f64[2])
    z = sd.sum(sd.real(x * 1j) * y) + sd.sum(sd.real(sd.stop_gradient(x * 1j)) * x)
    slope = sd.evaluate(sd.grad(z, y), {x: [1.0, 2.0], y: [3.0, 4.0]})
    np.testing.assert_array_equal(slope, 0.0)
    with pytest.raises(sd.NotDifferentiableError, match="complex"):
        sd.grad(z, x)
    stopped = sd.sum(sd.real(sd.stop_gradient(x * 2j) * 1j) * x)
    np.testing.assert_array_equal(sd.evaluate(sd.grad(stopped, x), {x: [1.0, 2.0]}), [-2, -4])


def test_a_complex_target_or_output_is_named() -> None:
    z = sd.Graph().input("z", sd.c128[2])
    for f in (lambda: sd.grad(sd.sum(sd.abs(z)), z), lambda: sd.jvp(sd.abs(z), z, np.ones(2))):
        with pytest.raises(sd.NotDifferentiableError, match=r"z : c128\[2\]"):
            f()


# -- misuse ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["real", "imag", "conj", "angle"])
def test_what_is_no_node_is_named(name: str) -> None:
    with pytest.raises(sd.ArgumentError, match=rf"{name}: complex is not a node"):
        getattr(sd, name)(1j)
