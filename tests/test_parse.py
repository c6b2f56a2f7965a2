"""`sd.parse` is the inverse of the text form: everything that prints comes back, to the letter.

What happens to texts that are no graphs is in `tests/test_parse_errors.py`.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from inspect import isfunction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import symdiff as sd
from symdiff.literals import Literal, Slice, exact_key
from symdiff.op import REGISTRY, REQUIRED
from symdiff.sizes import Size
from tests.ops.samples import BY_HAND, CHECKED, operands, samples_of
from tests.strategies import Recipe, recipes

DTYPES = [
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "complex64", "complex128"),
]


def assert_round_trip(text: str, **known: Any) -> sd.Graph:
    """`text` reads back and prints again to the letter; returns the graph that was read."""
    again = sd.parse(text, **known)
    again.check()
    assert again.text() == text
    return again


# -- every op ------------------------------------------------------------------------------


def gradients(outputs: list[sd.Node], inputs: list[sd.Node]) -> list[sd.Node]:
    """What the outputs can be differentiated to, so that the text has notes."""
    wrt = [x for x in inputs if x.dtype.kind == "f"]
    found = []
    for output in outputs:
        if output.dtype.kind == "f" and wrt:
            found += sd.build_grad(output.graph, sd.sum(output), wrt).values()
    return found


def textual(params: Mapping[str, Any]) -> dict[str, Any]:
    """Params without what no text can hold: what a probe calls."""
    return {name: value for name, value in params.items() if not isfunction(value)}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", CHECKED)
def test_every_op_reads_back_with_its_gradients(name: str, dtype: str) -> None:
    op = REGISTRY.ops[name]
    for case in samples_of(name).cases:
        g = sd.Graph(f"of_{name}")
        arrays = operands(name, case, dtype)
        inputs = [g.input(f"x{k}", array) for k, array in enumerate(arrays)]
        params = textual(case.params_for(dtype))
        node = op(*inputs, **params) if inputs else op.on(g, **params)
        outputs = (
            [node[k] for k in range(len(node))] if isinstance(node.type, sd.TupleType) else [node]
        )
        assert_round_trip(sd.text(outputs))
        try:
            outputs += gradients(outputs, inputs)
        except sd.NotDifferentiableError:
            continue
        assert_round_trip(sd.text(outputs))
        g.outputs = outputs
        again = assert_round_trip(g.text())
        assert sd.parse(sd.text(outputs)).digest() == g.compact(outputs).digest()
        assert len(again.outputs) == len(outputs)


def test_the_ops_that_only_the_graph_makes_read_back() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f32["n", 2])
    mean = x.sum() / x.shape[0]
    quotient, remainder = divmod(x, np.float32(3))
    g.outputs = [mean, quotient, remainder, g.constant(np.arange(3)), g.constant(2.5), x]
    made = {node.op.name for node in g.nodes}
    assert set(BY_HAND) - {"lane"} <= made  # a lane has no value, and no output needs one
    again = assert_round_trip(g.text())
    assert again.digest() == g.digest()


@given(recipes(mixed=True, named=True), st.integers(0, 1))
def test_a_random_graph_reads_back_with_gradients(recipe: Recipe, depth: int) -> None:
    built = recipe.build()
    outputs = [built.output]
    if depth:
        outputs += sd.grad(built.output, built.inputs, disconnected="zero")
    built.graph.outputs = outputs
    again = assert_round_trip(built.graph.text())
    assert again.compact().digest() == built.graph.compact().digest()
    point = {again.inputs[k]: built.point[x] for k, x in enumerate(built.graph.inputs)}
    for found, expected in zip(
        sd.evaluate(list(again.outputs), point), sd.evaluate(outputs, built.point), strict=True
    ):
        assert found.tobytes() == expected.tobytes()


# -- constants -----------------------------------------------------------------------------


def specials(dtype: np.dtype[Any]) -> list[Any]:
    if dtype.kind == "b":
        return [True, False]
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return [0, 1, limits.min, limits.max]
    part = np.finfo(dtype)
    reals = [0.0, -0.0, 1.0, -0.1, np.inf, -np.inf, np.nan, part.max, part.tiny, part.eps]
    reals += [part.smallest_subnormal, 1e4, 1 / 3]
    if dtype.kind == "f":
        return reals
    return [complex(a, b) for a in reals for b in reals]


@pytest.mark.parametrize("dtype", DTYPES)
def test_scalar_constants_come_back_bit_for_bit(dtype: str) -> None:
    for special in specials(np.dtype(dtype)):
        value = np.array(special, dtype)
        g = sd.Graph()
        g.outputs = [g.constant(value)]
        (again,) = assert_round_trip(g.text()).outputs
        array = again.params["value"].array
        assert (array.dtype, array.shape) == (value.dtype, ())
        assert array.tobytes() == value.tobytes(), g.text()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1,), (3,), (2, 3), (1, 1, 2), (0,), (0, 3), (2, 0), (2, 0, 2)])
def test_arrays_come_back_bit_for_bit(dtype: str, shape: tuple[int, ...]) -> None:
    pool = specials(np.dtype(dtype))
    array = np.array([pool[k % len(pool)] for k in range(np.prod(shape))], dtype).reshape(shape)
    g = sd.Graph()
    g.outputs = [g.constant(array)]
    (again,) = assert_round_trip(g.text()).outputs
    assert again.params["value"] == Literal(array)


FLOATS = [np.dtype(d) for d in ("float16", "float32", "float64", "complex64", "complex128")]


@given(
    st.sampled_from(FLOATS).flatmap(
        lambda d: st.tuples(st.just(d), st.binary(min_size=16, max_size=16))
    )
)
def test_any_bits_of_a_float_come_back(drawn: tuple[np.dtype[Any], bytes]) -> None:
    dtype, bits = drawn
    value = np.frombuffer(bits, dtype)[:1]
    g = sd.Graph()
    g.outputs = [g.constant(value), g.constant(value.reshape(()))]
    array, scalar = assert_round_trip(g.text()).outputs
    assert array.params["value"].array.tobytes() == value.tobytes()
    assert scalar.params["value"].array.tobytes() == value.tobytes()


@given(
    hnp.arrays(
        st.sampled_from([np.dtype(d) for d in DTYPES]),
        hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=3),
    )
)
def test_any_array_comes_back(array: np.ndarray[Any, Any]) -> None:
    g = sd.Graph()
    g.outputs = [g.constant(array)]
    (again,) = sd.parse(g.text(), constants=[array]).outputs
    assert again.params["value"] == Literal(array)


def test_nans_of_two_kinds_stay_two_constants() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64)
    g.outputs = [x * np.float64(np.nan), x * -np.float64(np.nan)]
    first, second = assert_round_trip(g.text()).outputs
    assert first is not second


def test_one_number_written_in_two_ways_is_one_constant() -> None:
    g = sd.parse("graph f(x: f64[]) {\n %0:f64[]=add x 2.0\n %1:f64[]=multiply x 2.00:f64\n}")
    assert len(g) == 4


def test_large_constants_come_back_by_their_digest() -> None:
    first, second = np.arange(200.0), np.arange(400, dtype=np.int16).reshape(20, 20)
    g = sd.Graph()
    g.outputs = [g.constant(first), g.constant(second)]
    text = g.text()
    for known in ([second, first], {"a": first, "b": second}, iter([first, second, second])):
        again = assert_round_trip(text, constants=known)
        assert again.digest() == g.digest()


def test_a_list_that_is_given_for_a_digest_counts_as_its_array() -> None:
    numbers = [float(k) for k in range(200)]
    g = sd.Graph()
    g.outputs = [g.constant(numbers)]
    assert_round_trip(g.text(), constants=[numbers])


# -- parameters ----------------------------------------------------------------------------

hold = sd.op(
    "hold",
    "x",
    doc="`x`; holds a parameter.",
    parameters={"value": REQUIRED, "other": 7},
    infer=lambda x, value, other: x,
    kernel=lambda x, value, other: x,
)

n, m = Size("n"), Size("m")
PARAMS = [
    *(None, True, False, 0, 1, -3, 10**30, -(10**200)),
    *(0.0, -0.0, 0.1, -1e-05, 1e22, 5e-324, float("inf"), float("-inf"), float("nan")),
    *(1 + 2j, complex(-0.0, 0.0), complex(0.0, -0.0), complex(float("nan"), float("inf"))),
    *("", "plain", 'a "quoted" \\ text', "; d %0 / d x", "a,b) c=1", "é ☃ \n\t\0", "\ud800"),
    *(n, n + 1, 2 * n * m - 3, (n + 1) // 2, -n, n // 3 * m, n**2 - m, -(n // 2)),
    *(Slice(0, n, 1), Slice(n - 1, -1, -1), Slice(5, -1, -2), Slice(4, 0, -2), Slice(0, 0, 1)),
    *(Slice((n + 1) // 2, n, 3), Slice(0, (n + 1) // 2, 1)),
    *((), (1,), (1, 2), ((1,), ()), ((),), (n,), ((n + 1) // 2, 3), (Slice(1, n, 1), None, 0)),
    *((1.5, "a", None, True, (2, (3, (4,)))), ("(", ")"), (-1, -n), ((n + 1) // 2,)),
    *(np.dtype("float32"), np.dtype(bool), (np.dtype("complex64"), n)),
    *(sd.f64["n", 3], sd.bool_[()], sd.i8["(n + 1)//2"], (sd.f64[2], sd.f32[()])),
    *(sd.TupleType((sd.f64[2], sd.f32["n"])), sd.TupleType(()), (sd.TupleType((sd.f64[2],)),)),
    *(Literal([1, 2, 3]), Literal(2.5), Literal(np.zeros((0, 2))), Literal([[True], [False]])),
    *(Literal(np.array([1 + 2j, np.nan], np.complex64)), (Literal([1.0]), 2, Literal([[2.0]]))),
    *(np.float32(0.1), np.int64(3), np.bool_(True), np.uint8(255), np.complex64(1 - 2j)),
    *((np.float64(2.0), 2.0, 2), np.float16(np.inf)),
]


@pytest.mark.parametrize("value", PARAMS, ids=repr)
@pytest.mark.parametrize("other", [7, (8,)])
def test_every_kind_of_parameter_comes_back_as_it_was(value: Any, other: Any) -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64["n"])
    g.outputs = [hold(x, value=value, other=other)]
    (node,) = assert_round_trip(g.text(), ops=[hold]).outputs
    assert exact_key(node.params["value"]) == exact_key(value)
    assert exact_key(node.params["other"]) == exact_key(other)
    assert type(node.params["value"]) is type(value)


def test_a_large_array_in_a_parameter_comes_back_by_its_digest() -> None:
    array = np.arange(300)
    g = sd.Graph()
    g.outputs = [hold(g.input("x", sd.f64), value=(Literal(array), 1))]
    (node,) = assert_round_trip(g.text(), ops=[hold], constants=[array]).outputs
    assert node.params["value"][0] == Literal(array)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | st.text()
    | st.sampled_from([v for v in PARAMS if not isinstance(v, tuple)]),
    lambda inner: st.lists(inner, max_size=3).map(tuple),
    max_leaves=8,
)


@given(VALUES)
def test_any_nesting_of_parameters_comes_back(value: Any) -> None:
    g = sd.Graph()
    g.outputs = [hold(g.input("x", sd.f64), value=value)]
    (node,) = assert_round_trip(g.text(), ops=[hold]).outputs
    assert exact_key(node.params["value"]) == exact_key(value)


# -- graphs in parameters ------------------------------------------------------------------


def doubled() -> Any:
    """A custom gradient; every one of them has the same bodies."""
    return sd.custom_gradient(lambda x: 2.0 * x, vjp=lambda g, y, x: 2.0 * g)


def test_bodies_of_one_name_are_told_apart() -> None:
    g = sd.Graph("custom")  # the name that bodies of lambdas have
    x = g.input("x", sd.f64)
    halved = sd.custom_gradient(lambda x: x / 2.0, vjp=lambda g, y, x: g / 2.0)
    g.outputs = [doubled()(x), halved(x)]
    text = g.text()
    names = [line.split("(")[0] for line in text.split("\n") if line.startswith("graph")]
    assert len(set(names)) == len(names) == 5
    again = assert_round_trip(text)
    assert again.name == "custom"
    assert again.digest() == g.digest()


def test_equal_bodies_are_one_body_and_their_nodes_one_node() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64)
    assert doubled()(x) is doubled()(x)
    assert_round_trip(g.text())


def test_bodies_within_bodies_come_back() -> None:
    inner = doubled()
    outer = sd.custom_gradient(lambda x: inner(x) + 1.0, vjp=lambda g, y, x: inner(g))
    g = sd.Graph()
    x = g.input("x", sd.f64["n"])
    g.outputs = [sd.sum(outer(x)), sd.grad(sd.sum(outer(x)), x)]
    again = assert_round_trip(g.text())
    assert again.digest() == g.digest()
    value, slope = sd.evaluate(list(again.outputs), {again.inputs[0]: np.array([1.0, 2.0])})
    np.testing.assert_array_equal(value, 8.0)
    np.testing.assert_array_equal(slope, [2.0, 2.0])


# -- the user's ops ------------------------------------------------------------------------


def test_a_users_op_is_found_by_its_name_or_the_one_it_is_given() -> None:
    text = "graph f(x: f64[]) {\n  %0 : f64[] = hold x value=1\n  return %0\n}"
    assert assert_round_trip(text, ops=[hold]).outputs[0].op is hold
    assert assert_round_trip(text, ops={"hold": hold}).outputs[0].op is hold
    other = text.replace("hold", "mine")
    assert sd.parse(other, ops={"mine": hold}).text() == text


def test_a_users_op_goes_before_symdiffs_of_the_same_name() -> None:
    mine = sd.elementwise("sin", "x", doc="", kernel=np.sin)
    text = "graph f(x: f64[]) {\n  %0 : f64[] = sin x\n  return %0\n}"
    assert sd.parse(text, ops=[mine]).outputs[0].op is mine
    assert sd.parse(text).outputs[0].op is sd.sin


# -- what stands beside the nodes ------------------------------------------------------------


def depths(graph: sd.Graph) -> list[int]:
    """Orders of the nodes that have lines."""
    return [x.order for x in graph.nodes if x.op.name not in ("input", "constant")]


def test_gradients_keep_their_depths_at_every_order() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64)
    z = sd.exp(sd.sin(x**3)) * x
    first = sd.grad(z, x)
    second = sd.grad(first, x)
    g.outputs = [z, first, second, sd.grad(second, x)]
    again = assert_round_trip(g.text())
    assert depths(again) == depths(g)
    assert max(depths(g)) == 3


def test_a_later_expression_of_a_gradient_keeps_the_gradients_depth() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64[3])
    z = sd.sum(sd.sin(x))
    g.outputs = [z, sd.grad(z, x) * x]
    again = assert_round_trip(g.text())
    assert [node.order for node in again.outputs] == [0, 1]
    assert (again.outputs[1] + 1.0).order == 1


def test_a_gradient_that_the_user_had_written_before_stays_the_users() -> None:
    g = sd.Graph()
    x, w = g.input("x", sd.f64), g.input("w", sd.f64)
    y = sd.sin(x)
    g.outputs = [y * w, sd.grad(y * w, w)]
    text = g.text()
    assert "sin x   ; d %1 / d w" in text  # the gradient comes before what it is a gradient of
    assert depths(assert_round_trip(text)) == [0, 0]


def test_provenance_is_read_back_from_the_notes() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64)
    z = x * sd.sin(x)
    g.outputs = [z, sd.grad(z, x)]
    again = assert_round_trip(g.text())
    product, total = again.outputs
    (x_again,) = again.inputs
    sine = product.inputs[1]
    found = {(r.gradient, r.forward, r.position, r.whole) for r in again.provenance}
    part = total.inputs[1]
    assert {r.of for r in again.provenance} == {product}
    assert (total, x_again, -1, True) in found
    assert (part, sine, 0, False) in found
    assert (sine, product, 0, False) in found
    assert (x_again, product, 1, False) not in found  # an input has no line to note it on


def test_a_node_knows_its_line_of_the_text() -> None:
    g = sd.parse("\ngraph f(x: f64[]) {\n  %0 : f64[] = sin x\n\n  %1 : f64[] = add %0 2.0\n}\n")
    origins = {node.op.name: str(node.origin) for node in g.nodes}
    assert origins == {
        "input": "<text>:2",
        "sin": "<text>:3",
        "constant": "<text>:5",
        "add": "<text>:5",
    }


def test_what_a_slice_needs_of_its_sizes_is_recorded_again() -> None:
    g = sd.Graph()
    g.outputs = [g.input("x", sd.f64["n"])[2:]]
    again = assert_round_trip(g.text())
    assert [str(r) for _, r in again.requirements()] == [str(r) for _, r in g.requirements()]


# -- leniency ------------------------------------------------------------------------------


def test_spaces_blank_lines_and_line_ends_do_not_matter() -> None:
    tidy = (
        "graph f(x: f64[n,3], y: f64[]) {\n"
        "  %0 : f64[n,3] = multiply x y\n"
        "  %1 : f64[]    = sum %0 axis=(0,1)   ; d %0 / d y\n"
        "  return %1, x\n"
        "}"
    )
    loose = (
        "\r\n  graph  f ( x:f64[n, 3],y : f64[] )  {  \r\n\r\n"
        "%0:f64[n,3]=multiply   x y\r\n"
        "\t%1 :  f64[] = \tsum %0 axis=( 0, 1 ) ;d  %0/ d y \r\n"
        "return %1 ,x\r\n \r\n}\r\n\r\n"
    )
    assert sd.parse(loose).text() == tidy


def test_parameters_are_brought_into_their_normal_form() -> None:
    g = sd.parse("graph f(x: f64[2,3]) {\n  %0 : f64[2] = sum x axis=-1\n  return %0\n}")
    assert "sum x axis=(1,)" in g.text()


def test_a_graph_may_have_no_inputs_no_nodes_and_no_outputs() -> None:
    assert_round_trip("graph empty() {\n}")
    assert_round_trip("graph one() {\n  return 1.0\n}")
    assert_round_trip("graph unused(x: f64[]) {\n}")


def test_names_may_be_any_identifier() -> None:
    g = sd.Graph("return_")
    names = ["d", "via", "graph", "sin", "α", "n·m", "_", "e5", "x1"]  # noqa: RUF001
    inputs = [g.input(name, sd.f64) for name in names]
    z = sd.sin(inputs[0])
    for x in inputs[1:]:
        z = z * x
    g.outputs = [z, *sd.grad(z, inputs)]
    assert assert_round_trip(g.text()).compact().digest() == g.compact().digest()


# -- size ----------------------------------------------------------------------------------


def test_a_chain_of_200_000_nodes_reads_back_at_the_default_recursion_limit() -> None:
    count = 200_000
    assert sys.getrecursionlimit() <= 1000
    g = sd.Graph()
    y = g.input("x", sd.f64)
    for _ in range(count):
        y = sd.sin(y)
    g.outputs = [y]
    text = g.text()
    assert text.count("\n") == count + 2
    again = sd.parse(text)
    assert again.text() == text


@pytest.mark.slow
def test_a_gradient_of_a_million_lines_reads_back() -> None:
    g = sd.Graph()
    x = y = g.input("x", sd.f64)
    for _ in range(330_000):
        y = sd.sin(y)
    g.outputs = [y, sd.grad(y, x)]
    text = g.text()
    assert text.count("\n") > 980_000
    again = sd.parse(text)
    assert again.text() == text
    assert depths(again) == depths(g)
