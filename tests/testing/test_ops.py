"""`check_op` finds what is wrong with an op: one good op, and every way to spoil it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symdiff as sd
from symdiff.ops.declare import mask_of
from symdiff.types import TensorType

A = np.array([[0.5, -1.0, 2.0], [1.5, 0.3, -0.7]])
V = np.array([1.2, -2.0, 0.5])


def weighted_slots() -> dict[str, Any]:
    """A (v * v): bilinear in one operand only, no two operands alike, every slot stated."""
    return dict(
        doc="A (v * v).",
        infer=lambda A, v: TensorType(A.dtype, A.shape[:1]),
        kernel=lambda A, v: A @ (v * v),
        vjp=(lambda g, y, A, v: g[:, None] * (v * v), lambda g, y, A, v: 2.0 * v * (g @ A)),
        jvp=(lambda t, y, A, v: t @ (v * v), lambda t, y, A, v: 2.0 * (A @ (v * t))),
        batch=lambda y, inputs, mapped: sd.sum(
            inputs[0] * (inputs[1] * inputs[1]).reshape(-1, 1, inputs[1].shape[-1]), axis=-1
        ),
    )


def weighted(**changes: Any) -> sd.Op:
    """The good op, with some slots changed."""
    return sd.op("weighted", "A v", **{**weighted_slots(), **changes})


GOOD_A, GOOD_V = weighted_slots()["vjp"]
JVP_A, JVP_V = weighted_slots()["jvp"]


@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_a_good_op_passes(dtype: str) -> None:
    sd.testing.check_op(weighted(), A.astype(dtype), V.astype(dtype), order=3)
    sd.testing.check_op(weighted(jvp=None), A.astype(dtype), V.astype(dtype), order=3)


def raises(*_: Any) -> Any:
    raise RuntimeError("no rule for this")


def changes_its_operand(A: np.ndarray, v: np.ndarray) -> np.ndarray:
    v *= v
    return A @ v


def forgets_a_masked_gradient(g: sd.Node, y: sd.Node, A: sd.Node, v: sd.Node) -> sd.Node:
    mask = mask_of(g)
    return GOOD_V(g if mask is None else mask.value + 0.0 * g, y, A, v)


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    # what the kernel gives
    "infers another dtype": (
        {"infer": lambda A, v: TensorType(np.dtype("f4"), A.shape[:1])},
        r"the kernel raises EvaluationError: .* gave f64\[2\], but .* f32\[2\]",
    ),
    "infers another shape": (
        {"infer": lambda A, v: A},
        r"the kernel raises EvaluationError: .* gave f64\[2\], but .* f64\[2,3\]",
    ),
    "kernel fails": ({"kernel": raises}, "the kernel raises EvaluationError: .* no rule for this"),
    "kernel writes to its operand": (
        {"kernel": changes_its_operand},
        "the kernel raises EvaluationError: .* read-only",
    ),
    "kernel gives two results for one": (
        {"kernel": lambda A, v: (A @ v, A)},
        "the kernel raises EvaluationError",
    ),
    # first derivatives by reverse mode
    "vjp twice too large": (
        {"vjp": (GOOD_A, lambda *a: 2.0 * GOOD_V(*a))},
        r"order 1: reverse mode, along a random direction, gives \S+, but the complex step gives",
    ),
    "vjp of the other sign": (
        {"vjp": (lambda *a: -GOOD_A(*a), GOOD_V)},
        "order 1: reverse mode",
    ),
    "vjp misses a factor": (
        {"vjp": (GOOD_A, lambda g, y, A, v: v * (g @ A))},
        "order 1: reverse mode",
    ),
    "vjp uses the output for an operand": (
        {"vjp": (lambda g, y, A, v: y[:, None] * (g[:, None] * (v * v)), GOOD_V)},
        "order 1: reverse mode",
    ),
    "vjp right for entries alike only": (
        {"vjp": (GOOD_A, lambda g, y, A, v: 2.0 * v[::-1] * (g @ A))},
        "order 1: reverse mode",
    ),
    "vjp right at this point only": (
        {"vjp": (GOOD_A, lambda g, y, A, v: (2.0 * V) * (g @ A))},
        "order 1: reverse mode",
    ),
    "vjp a little off": (
        {"vjp": (GOOD_A, lambda *a: 1.00001 * GOOD_V(*a))},
        "order 1: reverse mode",
    ),
    "vjp zero that is not": ({"vjp": (None, GOOD_V)}, "order 1: reverse mode"),
    "vjp_all leaves out what is wanted": (
        {"vjp": None, "vjp_all": lambda g, y, xs, wanted: {0: GOOD_A(g, y, *xs)}},
        "order 1: reverse mode",
    ),
    "vjp_all mixes up the operands": (
        {
            "vjp": None,
            "vjp_all": lambda g, y, xs, wanted: {0: GOOD_V(g, y, *xs), 1: GOOD_A(g, y, *xs)},
        },
        r"InvariantError: the VJP rule of weighted for A gives f64\[3\]",
    ),
    "rules of two operands exchanged": (
        {"vjp": (GOOD_V, GOOD_A)},
        r"the VJP rule for A raises InvariantError: .* gives f64\[3\], but the operand is",
    ),
    "vjp not summed to the operand": (
        {"vjp": (GOOD_A, lambda g, y, A, v: 2.0 * v * g[:, None] * A)},
        r"InvariantError: the VJP rule of weighted for v gives f64\[2,3\], .* is f64\[3\]",
    ),
    "vjp of another dtype": (
        {"vjp": (GOOD_A, lambda *a: GOOD_V(*a).astype(sd.f32))},
        r"InvariantError: the VJP rule of weighted for v gives f32\[3\], .* is f64\[3\]",
    ),
    "vjp raises": (
        {"vjp": (GOOD_A, raises)},
        "the VJP rule for v raises RuntimeError: no rule for this",
    ),
    "vjp adds to the gradient": (
        {"vjp": (GOOD_A, lambda *a: GOOD_V(*a) + 1.0)},
        r"order 1: the gradient by v of a seed .* not linear in its gradient",
    ),
    "vjp squares the gradient": (
        {"vjp": (lambda g, y, A, v: GOOD_A(g * g, y, A, v), GOOD_V)},
        r"order 1: the gradient by A of a seed .* not linear in its gradient",
    ),
    "vjp takes a mask for its value": (
        {"vjp": (GOOD_A, forgets_a_masked_gradient)},
        r"the gradient by v from where\(mask, g, 0\) gives",
    ),
    # first derivatives by forward mode
    "jvp twice too large": (
        {"jvp": (JVP_A, lambda *a: 2.0 * JVP_V(*a))},
        r"order 1: forward mode gives \S+ at entry \(\d,\), but the complex step gives",
    ),
    "jvp zero that is not": ({"jvp": (JVP_A, None)}, "order 1: forward mode"),
    "jvp of another shape": (
        {"jvp": (JVP_A, lambda t, y, A, v: 2.0 * A * v * t)},
        "order 1: forward mode",
    ),
    "jvp raises": (
        {"jvp": (JVP_A, raises)},
        "order 1: forward mode raises RuntimeError: no rule for this",
    ),
    "jvp undefined": (
        {"jvp": (JVP_A, sd.undefined)},
        "order 1: forward mode raises NotDifferentiableError",
    ),
    # second derivatives
    "vjp stops the gradient": (
        {"vjp": (GOOD_A, lambda g, y, A, v: 2.0 * sd.stop_gradient(v) * (g @ A))},
        "order 2: forward mode",
    ),
    "vjp cannot be differentiated": (
        {"vjp": (GOOD_A, lambda g, y, A, v: opaque(2.0 * v * (g @ A)))},
        "order 2: hvp forward-over-reverse raises NotDifferentiableError: opaque",
    ),
    # batching
    "batch ignores the mapped axis": (
        {"batch": lambda y, inputs, mapped: y.op(*inputs)},
        "order 0, batched over A, v: the batch rule raises InvariantError",
    ),
    "batch gives rows in another order": (
        {"batch": lambda *a: weighted_slots()["batch"](*a)[::-1]},
        r"order 0, batched over A, v: row 0 gives \S+ at entry",
    ),
    "batch right when all are mapped only": (
        {
            "batch": lambda y, inputs, mapped: weighted_slots()["batch"](
                y, inputs if all(mapped) else (inputs[0], 2.0 * inputs[1]), mapped
            )
        },
        r"order 0, batched over A: row 0 gives",
    ),
    "batch takes one row for none": (
        {
            "batch": lambda y, inputs, mapped: (
                weighted_slots()["batch"](y, inputs, mapped)
                * (2.0 if mapped[0] and inputs[0].shape[0] == 1 else 1.0)
            )
        },
        "order 0, batched over A, v: the only row gives",
    ),
    "batch counts the rows": (
        {
            "batch": lambda y, inputs, mapped: sd.stack(
                [y.op(inputs[0][k], inputs[1][k]) for k in range(len(inputs[0]))]
            )
        },
        "order 0, .* the batch rule raises NoValueError",
    ),
    "batch raises": ({"batch": raises}, "order 0, .* the batch rule raises RuntimeError"),
}

opaque = sd.op(
    "opaque", "x", doc="", infer=lambda x: x, kernel=np.copy, batch=lambda y, xs, m: opaque(xs[0])
)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_spoilt_op_is_found_out(fault: str) -> None:
    changes, message = FAULTS[fault]
    with pytest.raises(AssertionError, match=f"(?s)^check_op\\(weighted\\): .*{message}"):
        sd.testing.check_op(weighted(**changes), A, V)


@pytest.mark.parametrize("fault", ["vjp twice too large", "jvp zero that is not", "vjp raises"])
def test_a_spoilt_op_is_found_out_in_single_precision(fault: str) -> None:
    changes, _ = FAULTS[fault]
    with pytest.raises(AssertionError, match=r"order 1|the VJP rule"):
        sd.testing.check_op(weighted(**changes), A.astype("f4"), V.astype("f4"))


def test_what_order_two_alone_can_find_passes_at_order_one() -> None:
    sd.testing.check_op(weighted(**FAULTS["vjp stops the gradient"][0]), A, V, order=1)


# -- the faults of the other forms ---------------------------------------------------------


def elementwise(name: str, arguments: str, **slots: Any) -> sd.Op:
    return sd.elementwise(name, arguments, doc="", dtypes=np.promote_types, **slots)


def linear(**changes: Any) -> sd.Op:
    slots: dict[str, Any] = dict(
        doc="",
        infer=lambda x: TensorType(x.dtype, (*x.shape, 2)),
        kernel=lambda x: np.stack([x, x], -1),
        transpose=lambda g, y, x: sd.sum(g, axis=-1),
        batch=lambda y, inputs, mapped: twice(inputs[0]),
    )
    return sd.linear("twice", "x", **{**slots, **changes})


twice = linear()

OTHER_FAULTS: dict[str, tuple[sd.Op, str]] = {
    "partial wrong": (
        elementwise("f", "a b", kernel=np.multiply, partials=(lambda y, a, b: b,) * 2),
        "order 1: forward mode",
    ),
    "partials exchanged": (
        elementwise(
            "f", "a b", kernel=np.multiply,
            partials=(lambda y, a, b: a, lambda y, a, b: b),
        ),
        "order 1: forward mode",
    ),
    "partial one that is not": (
        elementwise("f", "a b", kernel=np.subtract, partials=(lambda y, a, b: 1,) * 2),
        "order 1: forward mode",
    ),
    "called commutative": (
        elementwise(
            "f", "a b", kernel=np.subtract, commutative=True,
            partials=(lambda y, a, b: 1, lambda y, a, b: -1),
        ),
        r"f\(b, a\) gives .*, but f\(a, b\), which is called commutative",
    ),
}  # fmt: skip

LINEAR_FAULTS: dict[str, tuple[sd.Op, str]] = {
    "called linear": (
        linear(kernel=lambda x: np.stack([x, x * x], -1), batch=None),
        "order 1: forward mode",
    ),
    "affine": (
        linear(kernel=lambda x: np.stack([x, x + 1], -1), batch=None),
        "order 1: forward mode",
    ),
    "transpose of another map": (
        linear(transpose=lambda g, y, x: g[..., 0]),
        "order 1: reverse mode",
    ),
    "called moving, but sums": (
        linear(moves=True),
        r"the VJP of the gradient|the gradient by x from where\(mask, g, 0\)",
    ),
    "called the identity": (
        linear(
            infer=lambda x, factor: x,
            parameters={"factor": 2.0},
            identity=lambda x, factor: True,
            kernel=lambda x, factor: factor * x,
            transpose=lambda g, y, x: 2.0 * g,
        ),
        "the kernel gives .*, but identity gives",
    ),
}


@pytest.mark.parametrize("fault", OTHER_FAULTS)
def test_a_spoilt_elementwise_op_is_found_out(fault: str) -> None:
    op, message = OTHER_FAULTS[fault]
    with pytest.raises(AssertionError, match=rf"(?s)^check_op\(f\): .*{message}"):
        sd.testing.check_op(op, A, V)


@pytest.mark.parametrize("fault", LINEAR_FAULTS)
def test_a_spoilt_linear_op_is_found_out(fault: str) -> None:
    op, message = LINEAR_FAULTS[fault]
    with pytest.raises(AssertionError, match=rf"(?s)^check_op\(twice\): .*{message}"):
        sd.testing.check_op(op, A)


def test_the_good_ones_of_the_other_forms_pass() -> None:
    good = elementwise(
        "f", "a b", kernel=np.multiply, commutative=True,
        partials=(lambda y, a, b: b, lambda y, a, b: a),
    )  # fmt: skip
    sd.testing.check_op(good, A, V)
    sd.testing.check_op(twice, A)


applied = sd.op(
    "applied",
    "x",
    doc="A function of the user's, held in a parameter.",
    parameters={"function": None},
    infer=lambda x, function: x,
    kernel=lambda x, function: function(x),
)


def test_a_parameter_that_does_not_pickle_is_found_out() -> None:
    sd.testing.check_op(applied, A, params={"function": np.sin})
    with pytest.raises(AssertionError, match="pickling a graph with the op raises"):
        sd.testing.check_op(applied, A, params={"function": lambda x: x})


# -- what is not a fault -------------------------------------------------------------------


def test_operands_without_a_derivative_are_left_out() -> None:
    sd.testing.check_op(
        weighted(vjp=(GOOD_A, sd.undefined), jvp=(JVP_A, sd.undefined)), A, V, order=1
    )
    sd.testing.check_op(weighted(vjp=None, jvp=None), A, V)
    sd.testing.check_op(sd.where, A > 0, A, -A)
    sd.testing.check_op(sd.less, A, V)


def test_an_op_without_a_batch_rule_passes() -> None:
    sd.testing.check_op(weighted(batch=None), A, V)


def test_a_rule_that_is_no_derivative_on_purpose_passes_when_told() -> None:
    doubled = weighted(
        vjp=tuple((lambda *a, r=r: 2.0 * r(*a)) for r in (GOOD_A, GOOD_V)),
        jvp=tuple((lambda *a, r=r: 2.0 * r(*a)) for r in (JVP_A, JVP_V)),
    )
    sd.testing.check_op(doubled, A, V, order=1, numeric=False)
    with pytest.raises(AssertionError, match="forward mode gives"):
        sd.testing.check_op(doubled, A, V, order=1)
    with pytest.raises(AssertionError, match=r"reverse mode.*, but forward mode gives"):
        lone = weighted(vjp=(GOOD_A, lambda *a: 2.0 * GOOD_V(*a)))
        sd.testing.check_op(lone, A, V, order=1, numeric=False)


def test_no_forward_mode_on_purpose_passes_when_told() -> None:
    one_way = weighted(jvp=(sd.undefined, sd.undefined))
    sd.testing.check_op(one_way, A, V, forward=False, order=1)
    with pytest.raises(AssertionError, match="forward mode raises NotDifferentiableError"):
        sd.testing.check_op(one_way, A, V, order=1)
    with pytest.raises(AssertionError, match="reverse mode"):
        wrong = weighted(vjp=(None, GOOD_V), jvp=(sd.undefined, sd.undefined))
        sd.testing.check_op(wrong, A, V, forward=False, order=1)


def test_tolerances_can_be_stated() -> None:
    off = weighted(vjp=(GOOD_A, lambda *a: 1.00001 * GOOD_V(*a)))
    sd.testing.check_op(off, A, V, order=1, rtol=1e-3)
    with pytest.raises(AssertionError, match="allowed"):
        sd.testing.check_op(off, A, V, order=1, rtol=1e-9, atol=0.0)


def test_a_wrong_number_of_operands_is_named() -> None:
    with pytest.raises(sd.ArgumentError, match=r"weighted takes 2 operands \(A, v\); 1 given"):
        sd.testing.check_op(weighted(), A)


def test_a_parameter_reaches_the_op() -> None:
    sd.testing.check_op(sd.sum, A, params={"axis": 1, "keepdims": True})
    with pytest.raises(sd.ShapeError, match="axis 2 is out of bounds"):
        sd.testing.check_op(sd.sum, A, params={"axis": 2})


def test_operands_are_not_changed() -> None:
    a, v = A.copy(), V.copy()
    sd.testing.check_op(weighted(), a, v)
    np.testing.assert_array_equal(a, A)
    np.testing.assert_array_equal(v, V)
    assert a.flags.writeable
