"""What must hold for every op of the registry; `samples.py` says where each is checked."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import symdiff as sd
from symdiff.errors import ArgumentError, NotDifferentiableError
from symdiff.op import REGISTRY, Op
from tests.ops.samples import (
    BY_HAND,
    CHECKED,
    ELEMENTWISE_OPS,
    SAMPLES,
    Case,
    is_covered,
    operands,
    samples_of,
)


def test_every_op_is_covered() -> None:
    missing = [name for name in REGISTRY.ops if not is_covered(name)]
    assert missing == [], "add a line to SAMPLES in one of tests/ops/tables/"


def test_samples_name_ops_that_exist() -> None:
    assert set(SAMPLES) | set(BY_HAND) <= set(REGISTRY.ops)


def check(name: str, case: Case, dtype: str, order: int = 2, seed: int = 0) -> None:
    arrays = operands(name, case, dtype, seed)
    sd.testing.check_op(
        REGISTRY.ops[name],
        *arrays,
        params=case.params_for(dtype),
        order=order,
        numeric=samples_of(name).numeric,
    )


@pytest.mark.parametrize("name", CHECKED)
def test_every_rule_of_the_op_holds_to_second_order(name: str) -> None:
    for case in samples_of(name).cases:
        check(name, case, "float64")


@pytest.mark.parametrize("name", CHECKED)
def test_every_rule_of_the_op_holds_in_single_precision(name: str) -> None:
    for case in samples_of(name).cases[:2]:
        check(name, case, "float32")


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", CHECKED)
def test_every_rule_of_the_op_holds_to_third_order(name: str, dtype: str) -> None:
    for seed, case in enumerate(samples_of(name).cases):
        check(name, case, dtype, order=3, seed=seed)


@pytest.mark.parametrize("name", [n for n in CHECKED if n != "probe"])
def test_a_graph_with_the_op_and_its_gradient_is_parsed_back_from_its_text(name: str) -> None:
    for case in samples_of(name).cases:
        g = sd.Graph()
        inputs = [g.input(f"x{k}", a) for k, a in enumerate(operands(name, case, "float64"))]
        op, params = REGISTRY.ops[name], case.params_for("float64")
        y = op(*inputs, **params) if inputs else op.on(g, **params)
        outputs = list(y) if isinstance(y.type, sd.TupleType) else [y]
        for output in [o for o in outputs if o.dtype.kind == "f"]:
            wrt = [x for x in inputs if x.dtype.kind == "f"]
            outputs += sd.vjp(output, wrt, 1.0) if wrt else []
        g.outputs = outputs
        again = sd.parse(g.text())
        assert again.text() == g.text()
        sd.testing.assert_same_graph(again, g)


@pytest.mark.parametrize("name", REGISTRY.ops)
def test_an_op_with_operands_can_be_batched(name: str) -> None:
    op = REGISTRY.ops[name]
    assert (op.batch is not None) == bool(op.arguments)


@pytest.mark.parametrize("name", REGISTRY.ops)
def test_an_op_is_documented(name: str) -> None:
    doc = REGISTRY.ops[name].doc
    assert doc.strip().endswith(".")
    assert REGISTRY.ops[name].__doc__ == doc


def test_sources_give_values_of_their_types() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f32["n", 2])
    constant = g.constant(np.array([1, 2], np.int8))
    size = x.sum() / x.shape[0]
    found = sd.evaluate([x, constant, size], {x: np.ones((5, 2), np.float32)})
    assert [(v.dtype, v.shape) for v in found] == [
        (np.float32, (5, 2)),
        (np.int8, (2,)),
        (np.float32, ()),
    ]
    assert found[2] == 2


# -- what a gradient costs -----------------------------------------------------------------

FEW, MANY = 4, 8


def budget(op: Op) -> int:
    unary = op.form == "elementwise" and len(op.arguments) == 1
    few = op.form == "linear" or unary or op.name in ("multiply", "matmul")
    return FEW if few else MANY


def gradient_cost(op: Op, case: Case, arrays: list[np.ndarray]) -> tuple[int, int]:
    """Nodes appended by `build_grad` for one node, and the edges that needed a gradient."""
    g = sd.Graph()
    inputs = [g.input(f"x{k}", a) for k, a in enumerate(arrays)]
    y = op(*inputs, **case.params_for("float64"))
    if isinstance(y.type, sd.TupleType):
        y = y[len(y) - 1]
    if y.dtype.kind != "f":
        return 0, 0
    wrt = [x for x in inputs if x.dtype.kind == "f"]
    seed = g.input("seed", y.type)
    before = len(g)
    sd.build_grad(g, y, wrt, seed=seed)
    return len(g) - before, len(wrt)


@pytest.mark.parametrize(
    "name",
    # The rule of a custom op is its user's; a checkpoint's computes its body again.
    [n for n in CHECKED if REGISTRY.ops[n].arguments and n not in ("custom", "checkpoint")],
)
def test_a_gradient_appends_few_nodes(name: str) -> None:
    op = REGISTRY.ops[name]
    for case in samples_of(name).cases:
        nodes, edges = gradient_cost(op, case, operands(name, case, "float64"))
        assert nodes <= budget(op) * edges, case


# -- masks ---------------------------------------------------------------------------------


def takes_floats(name: str) -> bool:
    op = REGISTRY.ops[name]
    g = sd.Graph()
    try:
        op(*[g.input(f"x{k}", sd.f64) for k in range(len(op.arguments))])
    except sd.DTypeError:
        return False
    return True


SINGULAR = np.array([0.0, -0.0, 1.0, -1.0, 0.5, np.inf, -np.inf, np.nan])


@pytest.mark.parametrize("name", [n for n in ELEMENTWISE_OPS if takes_floats(n)])
def test_a_branch_not_taken_has_no_gradient_whatever_its_values(name: str) -> None:
    op = REGISTRY.ops[name]
    g = sd.Graph()
    columns = [c.ravel() for c in np.meshgrid(*[SINGULAR] * len(op.arguments))]
    point = {g.input(f"x{k}", c): c for k, c in enumerate(columns)}
    y = op(*point)
    wrt = list(point)
    mask = g.input("mask", sd.bool_[columns[0].size])
    point[mask] = np.zeros(columns[0].size, bool)
    outputs = [y[k] for k in range(len(y))] if isinstance(y.type, sd.TupleType) else [y]
    for output in outputs:
        z = sd.sum(sd.where(mask, output, 0.0))
        for _ in range(2):
            gradients = sd.grad(z, wrt, disconnected="zero")
            for value in sd.evaluate(gradients, point):
                np.testing.assert_array_equal(value, 0.0)
            z = sum(sd.sum(sd.sin(d)) for d in gradients)


# -- the registry itself -------------------------------------------------------------------


def test_a_user_op_does_not_enter_the_registry() -> None:
    before = dict(REGISTRY.ops)
    mine = sd.elementwise("mine", "x", doc="", kernel=np.sin, partials=(None,))
    assert not mine.registered
    assert REGISTRY.ops == before
    with pytest.raises(ArgumentError, match="only symdiff's own ops"):
        REGISTRY.enroll(__name__)


def test_a_user_op_may_bear_the_name_of_a_registered_one() -> None:
    sin = sd.elementwise("sin", "x", doc="", kernel=np.sin, partials=(None,))
    x = sd.Graph().input("x", sd.f64)
    assert sin(x) is not sd.sin(x)
    assert np.sin(x) is sd.sin(x)


@pytest.mark.parametrize("name", REGISTRY.ops)
def test_an_op_pickles_by_name_and_is_frozen(name: str) -> None:
    op = REGISTRY.ops[name]
    data = pickle.dumps(op)
    assert pickle.loads(data) is op
    assert len(data) < 80 + len(name)
    with pytest.raises(AttributeError, match="frozen"):
        op.doc = "another"


def test_an_unknown_name_is_named() -> None:
    with pytest.raises(ArgumentError, match="no op is named 'sine'"):
        REGISTRY.find("sine")


@pytest.mark.parametrize("name", [n for n in CHECKED if REGISTRY.ops[n].arguments])
def test_an_op_applied_to_no_node_says_how_to_get_one(name: str) -> None:
    op = REGISTRY.ops[name]
    with pytest.raises(ArgumentError, match=rf"{name}: none of the operands is a node"):
        op(*[1.0] * len(op.arguments))


@pytest.mark.parametrize("name", [n for n in CHECKED if not REGISTRY.ops[n].variadic])
def test_a_wrong_number_of_operands_raises(name: str) -> None:
    op = REGISTRY.ops[name]
    g = sd.Graph()
    x = g.input("x", sd.f64)
    with pytest.raises(ArgumentError, match=rf"takes {len(op.arguments)} operands"):
        op(*[x] * (len(op.arguments) + 1))


@pytest.mark.parametrize("name", [n for n in CHECKED if REGISTRY.ops[n].arguments])
def test_an_unknown_parameter_is_named_with_those_there_are(name: str) -> None:
    case = samples_of(name).cases[0]
    g = sd.Graph()
    nodes = [g.input(f"x{k}", a) for k, a in enumerate(operands(name, case, "float64"))]
    with pytest.raises(ArgumentError, match=r"no parameter is named 'colour'; there is: \w+"):
        REGISTRY.ops[name](*nodes, **case.params_for("float64"), colour="red")


@pytest.mark.parametrize("name", ["sum", "matmul", "where", "sin"])
def test_bprop_is_the_rule_summed_over_the_positions_of_an_operand(name: str) -> None:
    """Goodfellow et al.'s `op.bprop(inputs, X, G)`, against `build_grad` on one node."""
    g = sd.Graph()
    x, c = g.input("x", sd.f64[3, 3]), g.input("c", sd.bool_[3, 3])
    op = REGISTRY.ops[name]
    inputs = (c, x, x) if name == "where" else (x,) * len(op.arguments)
    y = op(*inputs)
    G = g.input("G", y.type)
    both = [op.bprop(inputs, x, G), sd.build_grad(g, y, x, seed=G)[x]]
    point = {x: np.arange(9.0).reshape(3, 3), c: np.eye(3) > 0, G: np.full(y.shape, 1.5)}
    np.testing.assert_array_equal(*sd.evaluate(both, point))


def test_no_vjp_at_all_is_not_differentiable() -> None:
    opaque = sd.op("opaque", "x", doc="", infer=lambda x: x, kernel=np.copy)
    x = sd.Graph().input("x", sd.f64)
    with pytest.raises(NotDifferentiableError, match=r"opaque .*\bx\b"):
        sd.grad(opaque(x), x)
