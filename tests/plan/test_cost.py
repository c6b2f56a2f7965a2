"""Costs: flops by hand, polynomials in the sizes, and peaks against measured ones."""

from __future__ import annotations

import math
import pickle
import tracemalloc
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

import symdiff as sd
from symdiff.errors import ArgumentError
from symdiff.ops.costs import FLOPS, SCRATCH, SCRATCH_BY_OPERAND, SCRATCH_BY_RESULT
from symdiff.ops.costs import flops as flops_of
from symdiff.ops.costs import scratch as scratch_of
from symdiff.plan.cost import Cost
from symdiff.sizes import as_dim, evaluate, names
from tests.ops.domains import Case
from tests.ops.samples import CHECKED, OPS, operands, samples_of
from tests.plan.models import MODELS, arguments

# -- flops and bytes by hand ---------------------------------------------------------------


def cost_of(inputs: list[sd.Node], outputs: Any) -> Cost:
    """Of the graph as it stands."""
    return sd.compile(inputs, outputs, optimize="none").cost()


def inputs(*types: Any) -> list[sd.Node]:
    g = sd.Graph("model")
    return [g.input(name, type_) for name, type_ in zip("abcd", types, strict=False)]


def test_an_elementwise_op_counts_an_operation_an_entry_and_moves_what_it_reads_and_writes() -> (
    None
):
    a, b = inputs(sd.f64["n", 3], sd.f32["n", 1])
    cost = cost_of([a, b], a * b)
    assert (cost.flops, cost.bytes, cost.peak) == tuple(map(as_dim, ("3*n", "52*n", "24*n")))


def test_a_product_of_matrices_counts_two_operations_a_term() -> None:
    a, b = inputs(sd.f64["n", "k"], sd.f64["k", "m"])
    assert cost_of([a, b], a @ b).flops == as_dim("2*n*k*m")
    contracted = sd.einsum("nk,km->mn", a, b)
    assert cost_of([a, b], contracted).flops == as_dim("2*n*k*m")


def test_an_outer_product_adds_nothing_up() -> None:
    a, b = inputs(sd.f64["n"], sd.f64["m"])
    assert cost_of([a, b], sd.einsum("i,j->ji", a, b)).flops == as_dim("n*m")


def test_a_view_costs_nothing_and_what_is_spread_is_read_once() -> None:
    a, b = inputs(sd.f64["n"], sd.f64["m", "n"])
    shown = sd.broadcast_to(a, shape=b.shape) + b.T[::1].T
    cost = cost_of([a, b], shown)
    assert cost.flops == as_dim("n*m")
    assert cost.bytes == as_dim("8*n + 16*n*m")


def test_numbers_take_flops_and_no_bytes() -> None:
    a, b = inputs(sd.f64[()], sd.f64[()])
    cost = cost_of([a, b], sd.exp(a * b) + a)
    assert (cost.flops, cost.bytes, cost.peak) == (18, 0, 0)


def test_rows_that_are_picked_are_read_and_no_others() -> None:
    a, b = inputs(sd.f64["n", 5], sd.i64["k"])
    assert cost_of([a, b], a[b]).bytes == as_dim("88*k")


def test_a_power_is_dearer_than_the_products_it_may_be_written_as() -> None:
    (a,) = inputs(sd.f64["n"])
    power, products = (sd.compile([a], y, optimize="none").cost() for y in (a**3.5, a * a * a))
    assert power.at(n=1).flops > products.at(n=1).flops  # type: ignore[operator]


def test_a_sum_counts_the_additions_however_it_is_taken_apart() -> None:
    a, b, c = inputs(*[sd.f64["n"]] * 3)
    functions = [sd.exp(x) for x in (a, b, c)]
    total = sd.Graph.apply(a.graph, OPS["add_n"], tuple(functions), {})
    cost = cost_of([a, b, c], total)
    (share,) = [n for n in cost.nodes if n.node.op.name == "add_n"]
    assert share.flops == as_dim("2*n")


def test_the_users_op_says_what_it_takes() -> None:
    def work(y: sd.Node) -> Any:
        n = y.inputs[0].shape[0]
        return n**3 // 3, 24 * n * n

    own = sd.op(
        "own",
        "x",
        doc="As a solver would.",
        infer=lambda x: x,
        kernel=lambda x: x + 0.0,
        cost=work,
    )
    (a,) = inputs(sd.f64["n", "n"])
    cost = cost_of([a], own(a))
    assert cost.flops == as_dim("n**3//3")
    assert cost.peak == as_dim("32*n**2")


def test_without_a_word_from_it_an_op_counts_an_operation_for_each_entry_it_reads() -> None:
    own = sd.op("own", "x y", doc="", infer=lambda x, y: x, kernel=lambda x, y: x + 0.0)
    a, b = inputs(sd.f64["n"], sd.f64["m"])
    assert cost_of([a, b], own(a, b)).flops == as_dim("n + m")


# -- the object ----------------------------------------------------------------------------


def test_it_reads_as_a_small_table_and_gives_numbers_for_sizes() -> None:
    a, b = inputs(sd.f64["n", "m"], sd.f64["m"])
    cost = cost_of([a, b], a @ b)
    expected = "cost of model\n  flops  2*m*n\n  bytes  8*m*n + 8*m + 8*n\n  peak   8*n"
    assert repr(cost) == expected
    assert (cost.at(n=100, m=10).flops, cost.at(n=100, m=10).peak) == (2000, 800)
    assert cost.at(m=10).flops == as_dim("20*n")
    assert sd.compile([a, b], a @ b).cost(n=100, m=10).bytes == 8 * (1000 + 10 + 100)
    assert cost.size_names == ("m", "n")


def test_a_size_that_is_none_of_the_functions_is_refused() -> None:
    a, b = inputs(sd.f64["n", "m"], sd.f64["m"])
    with pytest.raises(ArgumentError, match="k is no size of it; its sizes are m, n"):
        sd.compile([a, b], a @ b).cost(n=3, k=4)


def test_sizes_given_to_compile_are_put_in() -> None:
    g = sd.Graph("model")
    x = g.input("x", sd.f64["n"])
    y = sd.broadcast_to(x, shape=(as_dim("m"), as_dim("n"))) * 2.0
    assert sd.compile([x], y, optimize="none", sizes={"m": 4}).cost().flops == as_dim("4*n")


def test_large_arrays_that_are_gone_over_in_blocks_need_less_memory_and_traffic() -> None:
    function = MODELS["elementwise"].compiled(optimize="none")
    whole, blocks = function.cost().at(n=10**6), function.cost(n=10**6)
    assert blocks.flops == whole.flops
    assert blocks.bytes < whole.bytes / 2  # type: ignore[operator]
    assert blocks.peak < whole.peak / 2  # type: ignore[operator]


def test_the_parts_add_up_and_the_dearest_come_first() -> None:
    cost = MODELS["mlp"].compiled().cost(**MODELS["mlp"].sizes)
    assert sum(n.flops for n in cost.nodes) == cost.flops  # type: ignore[misc]
    assert sum(n.bytes for n in cost.nodes) == cost.bytes  # type: ignore[misc]
    head, first, *_ = cost.table(3).splitlines()
    assert head.split()[:3] == ["flops", "bytes", "node"]
    assert "matmul" in first
    assert "models.py:" in first
    assert f"… {len(cost.nodes) - 3} nodes more" in cost.table(3)


def test_it_pickles() -> None:
    cost = MODELS["rosenbrock"].compiled().cost()
    again = pickle.loads(pickle.dumps(cost))
    assert repr(again) == repr(cost)


@pytest.mark.parametrize("name", MODELS)
def test_a_cost_in_named_sizes_is_that_of_a_graph_in_numbers(name: str) -> None:
    model = MODELS[name]
    cost = model.compiled(optimize="none").cost()
    assert {*cost.size_names} <= {*model.sizes}
    assert names(cost.at(**model.sizes).flops) == frozenset()
    assert isinstance(cost.at(**model.sizes).peak, int)


def test_the_cost_of_a_value_and_gradient_is_at_most_three_times_that_of_the_value() -> None:
    for name in ("mlp", "elementwise", "recurrence", "convolution", "softmax"):
        model = MODELS[name]
        model_inputs, outputs = model.build(sd.Graph("model"))
        both, value = (
            sd.compile(model_inputs, o).cost(**model.sizes).flops for o in (outputs, outputs[0])
        )
        assert both <= 3.01 * value, name  # type: ignore[operator]


# -- peaks ---------------------------------------------------------------------------------


def measured_peak(function: sd.CompiledFunction, sizes: Mapping[str, int]) -> int:
    """Bytes alive at once during the first call for these sizes, arguments apart."""
    # What is compiled and loaded when first needed is none of a call's memory.
    function(*arguments(function, {name: size + 1 for name, size in sizes.items()}))
    args = arguments(function, sizes)
    tracemalloc.start()
    try:
        results = function(*args)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert results is not None
    return peak


@pytest.mark.parametrize("optimize", ["default", "none"])
@pytest.mark.parametrize("name", MODELS)
def test_a_peak_is_within_a_tenth_of_the_measured_one(name: str, optimize: str) -> None:
    model = MODELS[name]
    function = model.compiled(optimize=optimize)
    found = function.cost(**model.sizes).peak
    assert found >= 400_000, "too small for data to dominate"  # type: ignore[operator]
    assert found == pytest.approx(measured_peak(function, model.sizes), rel=0.1)


def test_a_million_entries_of_rosenbrock_have_the_peak_that_is_said() -> None:
    function = MODELS["rosenbrock"].compiled()
    found = function.cost(n=10**6).peak
    assert found == pytest.approx(measured_peak(function, {"n": 10**6}), rel=0.02)


def test_what_a_kernel_makes_is_given_back_when_nothing_reads_it_any_more() -> None:
    g = sd.Graph()
    x = g.input("x", sd.f64["n"])
    y = x
    for _ in range(10):
        y = sd.cumulative_sum(y)
    function = sd.compile([x], y)
    assert function.cost(n=10**5).peak <= 16 * 10**5  # type: ignore[operator]
    assert measured_peak(function, {"n": 10**5}) <= 17 * 10**5


# -- every op ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CHECKED)
def test_every_op_has_a_finite_cost_on_every_sample(name: str) -> None:
    op = OPS[name]
    for case in samples_of(name).cases:
        g = sd.Graph()
        values = operands(name, case, "float64")
        nodes = [g.input(f"x{k}", sd.TensorType(v.dtype, v.shape)) for k, v in enumerate(values)]
        node = g.apply(op, tuple(nodes), case.params_for("float64"))
        for count in (flops_of(node), scratch_of(node)):
            assert isinstance(count, int)
            assert 0 <= count < 10**9


def test_the_tables_name_ops_and_none_twice() -> None:
    assert set(FLOPS) <= set(OPS)
    tables = (SCRATCH, SCRATCH_BY_OPERAND, SCRATCH_BY_RESULT)
    listed = [name for table in tables for name in table]
    assert set(listed) <= set(OPS)
    assert len(listed) == len(set(listed))


COMPOSED = [n for n, op in OPS.items() if op.form == "elementwise" and op.ufunc is None]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", COMPOSED)
def test_a_kernel_holds_at_most_the_scratch_it_is_said_to(name: str, dtype: str) -> None:
    op, count = OPS[name], 150_000
    values = operands(name, Case(((count,),) * len(op.arguments)), dtype)
    params = {k: 2 if k == "n" else v for k, v in op.parameters.items()}
    g = sd.Graph()
    nodes = [g.input(f"x{k}", sd.TensorType(v.dtype, v.shape)) for k, v in enumerate(values)]
    node = g.apply(op, tuple(nodes), params)
    with np.errstate(all="ignore"):
        assert op.kernel is not None
        op.kernel(*values, **params)  # tables that are made once
        tracemalloc.start()
        try:
            result = op.kernel(*values, **params)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    said = result.nbytes + evaluate(scratch_of(node), {})
    assert peak <= 1.1 * said + 200_000  # NumPy's own buffers


def test_sorting_counts_comparisons_of_a_known_size_and_a_bound_for_a_named_one() -> None:
    known, named = (
        cost_of([a], sd.sort(a)).flops for a in (inputs(sd.f64[1000])[0], *inputs(sd.f64["n"]))
    )
    assert known == 1000 * math.ceil(math.log2(1000))
    assert named == as_dim("32*n")
