"""A user's own ops, in each of the three forms: values that behave as symdiff's own do."""

from __future__ import annotations

import pickle
from inspect import signature
from typing import Any

import numpy as np
import pytest

import symdiff as sd
from symdiff.op import REGISTRY
from symdiff.types import TensorType

# -- one op of each form; at the top of the module, where pickle finds them --------------------

ramp = sd.elementwise(
    "ramp",
    "x",
    doc="log(1 + exp(x)).",
    kernel=lambda x: np.log(1 + np.exp(x)),
    dtypes=lambda dtype: dtype,
    partials=(lambda y, x: 1 / (1 + sd.exp(-x)),),
)

hypotenuse = sd.elementwise(
    "hypotenuse",
    "a b",
    doc="sqrt(a^2 + b^2).",
    kernel=lambda a, b: np.sqrt(a * a + b * b),
    dtypes=np.promote_types,
    commutative=True,
    partials=(lambda y, a, b: a / y, lambda y, a, b: b / y),
)

flip = sd.linear(
    "flip",
    "x",
    doc="The first axis reversed.",
    infer=lambda x: x,
    kernel=lambda x: x[::-1],
    transpose=lambda g, y, x: flip(g),
    moves=True,
    batch=lambda y, inputs, mapped: inputs[0][:, ::-1],
)

scaled_sum = sd.linear(
    "scaled_sum",
    "x",
    doc="A multiple of the sum over one axis.",
    parameters={"axis": 0, "factor": 1.0},
    infer=lambda x, axis, factor: TensorType(x.dtype, x.shape[:axis] + x.shape[axis + 1 :]),
    kernel=lambda x, axis, factor: x.dtype.type(factor) * x.sum(axis=axis),
    transpose=lambda g, y, x: sd.broadcast_to(
        y.params["factor"]
        * g.reshape(*x.shape[: y.params["axis"]], 1, *x.shape[y.params["axis"] + 1 :]),
        shape=x.shape,
    ),
    batch=lambda y, inputs, mapped: scaled_sum(
        inputs[0], axis=y.params["axis"] + 1, factor=y.params["factor"]
    ),
)

weighted = sd.op(
    "weighted",
    "A v",
    doc="A (v * v): a product of a matrix and a squared vector.",
    infer=lambda A, v: TensorType(np.promote_types(A.dtype, v.dtype), A.shape[:1]),
    kernel=lambda A, v: A @ (v * v),
    vjp=(
        lambda g, y, A, v: (g[:, None] * (v * v)).astype(A.dtype),
        lambda g, y, A, v: (2.0 * v * (g @ A)).astype(v.dtype),
    ),
    batch=lambda y, inputs, mapped: sd.sum(
        inputs[0] * (inputs[1] * inputs[1]).reshape(-1, 1, inputs[1].shape[-1]), axis=-1
    ),
)

CALLS: list[tuple[int, ...]] = []


def _both_gradients(g: Any, y: sd.Node, inputs: Any, wanted: tuple[int, ...]) -> dict[int, Any]:
    CALLS.append(wanted)
    a, b = inputs
    shared = g * sd.exp(a * b)
    return {k: shared * (b, a)[k] for k in wanted}


exp_product = sd.op(
    "exp_product",
    "a b",
    doc="exp(a b), whose gradients share their work.",
    infer=lambda a, b: a,
    kernel=lambda a, b: np.exp(a * b),
    vjp_all=_both_gradients,
    batch=lambda y, inputs, mapped: sd.exp(inputs[0] * inputs[1]),
)

split = sd.op(
    "split",
    "x",
    doc="The square and the sine: two results of one node.",
    infer=lambda x: sd.TupleType((x, x)),
    kernel=lambda x: (x * x, np.sin(x)),
    vjp=(lambda g, y, x: _split_gradient(g, x),),
    batch=lambda y, inputs, mapped: split(inputs[0]),
)


def _split_gradient(g: tuple[Any, Any], x: sd.Node) -> sd.Node:
    first = None if g[0] is None else 2.0 * x * g[0]
    second = None if g[1] is None else g[1] * sd.cos(x)
    return second if first is None else first if second is None else first + second


X, V = np.array([[0.5, -1.0, 2.0], [1.5, 0.3, -0.7]]), np.array([1.0, -2.0, 0.5])


@pytest.mark.parametrize("dtype", ["f8", "f4"])
@pytest.mark.parametrize(
    ("op", "operands", "params"),
    [
        (ramp, (X,), {}),
        (hypotenuse, (X, V), {}),
        (hypotenuse, (X[:, :1], V), {}),
        (flip, (X,), {}),
        (scaled_sum, (X,), {"axis": 0, "factor": 2.5}),
        (scaled_sum, (X,), {"axis": 1}),
        (weighted, (X, V), {}),
        (exp_product, (V, V + 1), {}),
        (split, (X,), {}),
    ],
    ids=lambda v: getattr(v, "name", ""),
)
def test_an_op_of_ones_own_passes_every_check(
    op: sd.Op, operands: Any, params: dict[str, Any], dtype: str
) -> None:
    sd.testing.check_op(op, *[x.astype(dtype) for x in operands], params=params, order=3)


@pytest.mark.parametrize("op", [ramp, flip, weighted], ids=lambda op: op.form)
def test_an_op_of_ones_own_is_a_value_that_pickles_by_qualified_name(op: sd.Op) -> None:
    assert op.name not in REGISTRY.ops
    assert pickle.loads(pickle.dumps(op)) is op
    g = sd.Graph()
    operands = [g.input(name, sd.f64[2, 2] if name != "v" else sd.f64[2]) for name in op.arguments]
    y = op(*operands)
    again = pickle.loads(pickle.dumps(y))
    assert again.op is op
    sd.testing.assert_same_graph(again, y)


def test_an_op_made_in_a_function_says_why_it_does_not_pickle() -> None:
    local = sd.elementwise("local", "x", doc="", kernel=np.sin, partials=(None,))
    with pytest.raises(sd.ArgumentError, match="bind it to the variable 'local' at the top"):
        pickle.dumps(local)


def test_the_help_of_an_op_is_its_own() -> None:
    assert ramp.__doc__ == "log(1 + exp(x))."
    assert str(signature(scaled_sum)) == "(x, /, *, axis=0, factor=1.0)"
    assert repr(weighted) == "<op weighted(A, v)>"


# -- what a rule's slot may hold -----------------------------------------------------------


def test_vjp_all_is_called_once_for_all_operands_wanted() -> None:
    g = sd.Graph()
    a, b = g.input("a", sd.f64[3]), g.input("b", sd.f64[3])
    z = sd.sum(exp_product(a, b))
    CALLS.clear()
    sd.grad(z, [a, b])
    assert CALLS == [(0, 1)]


def test_vjp_all_is_asked_only_for_what_is_wanted() -> None:
    g = sd.Graph()
    a, b = g.input("a", sd.f64[3]), g.input("b", sd.f64[3])
    z = sd.sum(exp_product(a, b))
    CALLS.clear()
    sd.grad(z, b)
    assert CALLS == [(1,)]


def test_undefined_names_the_op_the_argument_the_line_and_the_path() -> None:
    half = sd.elementwise(
        "half_known",
        "a b",
        doc="",
        kernel=np.multiply,
        partials=(lambda y, a, b: b, sd.undefined),
    )
    g = sd.Graph()
    a, b = g.input("a", sd.f64), g.input("b", sd.f64)
    y = half(a, sd.sin(b))
    z = y * 2.0
    assert sd.evaluate(sd.grad(z, a), {a: 1.0, b: 0.5}) == 2 * np.sin(0.5)
    with pytest.raises(sd.NotDifferentiableError) as caught:
        sd.grad(z, b)
    message = str(caught.value)
    assert "half_known has no derivative with respect to b" in message
    assert "test_declare.py:" in message
    assert "the path from the output to it" in message
    assert "sd.stop_gradient" in message
    with pytest.raises(sd.NotDifferentiableError, match=r"half_known .* with respect to b"):
        sd.jvp(z, b, 1.0)


def test_none_is_zero_by_definition() -> None:
    stepped = sd.elementwise("stepped", "x", doc="", kernel=np.floor, partials=(None,))
    g = sd.Graph()
    x = g.input("x", sd.f64)
    z = stepped(x) + x
    assert sd.evaluate([sd.grad(z, x), sd.jvp(z, x, 1.0)], {x: 1.5}) == [1.0, 1.0]


def test_a_partial_of_one_adds_no_product() -> None:
    shifted = sd.elementwise(
        "shifted", "x", doc="", kernel=lambda x: x + 1, dtypes=lambda d: d,
        partials=(lambda y, x: 1,),
    )  # fmt: skip
    g = sd.Graph()
    x = g.input("x", sd.f64[3])
    seed = g.input("seed", sd.f64[3])
    assert sd.build_grad(g, shifted(x), x, seed=seed)[x] is seed


def test_a_rule_of_the_wrong_type_is_named() -> None:
    unsummed = sd.op(
        "unsummed",
        "a b",
        doc="",
        infer=lambda a, b: a,
        kernel=np.add,
        vjp=(lambda g, y, a, b: g, lambda g, y, a, b: g),
    )
    g = sd.Graph()
    a, b = g.input("a", sd.f64[2, 3]), g.input("b", sd.f64[3])
    message = r"VJP rule of unsummed for b gives f64\[2,3\], but the operand is f64\[3\]"
    with pytest.raises(sd.InvariantError, match=message):
        sd.grad(sd.sum(unsummed(a, b)), b)


def test_a_rule_that_is_not_linear_in_its_gradient_gives_no_tangent() -> None:
    squared = sd.op(
        "squared", "x", doc="", infer=lambda x: x, kernel=np.square,
        vjp=(lambda g, y, x: 2.0 * x * g * g,),
    )  # fmt: skip
    x = sd.Graph().input("x", sd.f64)
    with pytest.raises(sd.NotDifferentiableError, match="not linear in its gradient"):
        sd.jvp(squared(x), x, 1.0)


@pytest.mark.parametrize("slot", ["vjp", "jvp"])
def test_a_wrong_number_of_rules_is_refused(slot: str) -> None:
    with pytest.raises(sd.ArgumentError, match=rf"{slot} has 1 rules for 2 arguments"):
        sd.op("odd", "a b", doc="", infer=lambda a, b: a, kernel=np.add, **{slot: (None,)})


def test_a_kernel_that_breaks_its_type_is_named() -> None:
    wrong = sd.op("wrong", "x", doc="", infer=lambda x: x, kernel=lambda x: x.astype("f4"))
    x = sd.Graph().input("x", sd.f64[3])
    with pytest.raises(sd.EvaluationError, match=r"wrong gave f32\[3\], but .* f64\[3\]"):
        sd.evaluate(wrong(x), {x: np.zeros(3)})


def test_a_kernel_that_raises_is_named_with_its_operands() -> None:
    broken = sd.op("broken", "x", doc="", infer=lambda x: x, kernel=lambda x: x / None)
    x = sd.Graph().input("x", sd.f64[3])
    with pytest.raises(sd.EvaluationError) as caught:
        sd.evaluate(broken(x), {x: np.arange(3.0)})
    assert "the kernel of broken failed" in str(caught.value)
    assert "x = x : f64[3]" in str(caught.value)
    assert "in [0, 2]" in str(caught.value)
    assert isinstance(caught.value.__cause__, TypeError)


def test_rules_are_graph_operations_so_every_order_follows() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64)
    y = ramp(x)
    orders = []
    for _ in range(4):
        y = sd.grad(y, x)
        orders.append(y)
    s = 1 / (1 + np.exp(-0.7))
    wanted = [
        s,
        s * (1 - s),
        s * (1 - s) * (1 - 2 * s),
        s * (1 - s) * (1 - 6 * s + 6 * s * s),
    ]
    np.testing.assert_allclose(sd.evaluate(orders, {x: 0.7}), wanted, rtol=1e-14)


def test_a_kernel_that_is_no_ufunc_gives_the_common_dtype_of_its_operands() -> None:
    twice = sd.elementwise(
        "twice", "x", doc="2x", kernel=lambda x: 2 * x, partials=(lambda y, x: 2.0,)
    )
    x = sd.Graph().input("x", sd.f32["n"])
    y = twice(x)
    assert y.type == sd.f32["n"]
    np.testing.assert_array_equal(
        sd.evaluate(sd.grad(sd.sum(y), x), {x: np.ones(2, np.float32)}), [2.0, 2.0]
    )


def test_a_partial_may_be_a_number_or_an_array() -> None:
    tripled = sd.elementwise("tripled", "x", doc="3x", kernel=lambda x: 3 * x, partials=(3.0,))
    sd.testing.check_op(tripled, [1.0, 2.0])
    weights = np.array([1.0, 2.0])
    weighted = sd.elementwise(
        "weighted", "x", doc="w x", kernel=lambda x: weights * x, partials=(lambda y, x: weights,)
    )
    x = sd.Graph().input("x", sd.f64[2])
    np.testing.assert_array_equal(
        sd.evaluate(sd.grad(sd.sum(weighted(x)), x), {x: [5.0, 6.0]}), weights
    )


@pytest.mark.parametrize("found", [None, (3,), np.float64, [sd.f64[3]]], ids=str)
def test_what_infer_gives_must_be_a_type(found: Any) -> None:
    wrong = sd.op("wrong", "x", doc="", infer=lambda x: found, kernel=np.copy)
    with pytest.raises(sd.InvariantError, match="infer of wrong gave"):
        wrong(sd.Graph().input("x", sd.f64[3]))


@pytest.mark.parametrize(
    "value", [[1], ([1],), np.ones(2), sd.Graph().input("k", sd.f64)], ids=repr
)
def test_a_parameter_that_is_no_constant_value_is_named(value: Any) -> None:
    scaled = sd.op(
        "scaled", "x", doc="", parameters={"k": 1}, infer=lambda x, k: x, kernel=lambda x, k: k * x
    )
    with pytest.raises(sd.ArgumentError, match="parameter 'k' is"):
        scaled(sd.Graph().input("x", sd.f64[2]), k=value)
