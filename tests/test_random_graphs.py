"""Random computations: what symdiff gives against an eager engine, numbers, and itself.

The strategies are in `tests/strategies.py`, the eager engine in `tests/eager.py`.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import symdiff as sd
from symdiff.autodiff.batch import batch_nodes
from symdiff.autodiff.reverse import pruned
from tests import eager
from tests.strategies import Built, Recipe, recipes, reordered

ROOT = Path(__file__).parent.parent
ANY = st.one_of(
    recipes(),
    recipes(mixed=True),
    recipes(named=True),
    recipes(mixed=True, named=True, max_steps=20),
)
SEEDS = st.integers(0, 2**16)
FEWER = settings(max_examples=40)  # for what does not hang on values
MODES = ("forward-over-reverse", "reverse-over-reverse")


def assert_close(actual: Any, expected: Any, precision: float) -> None:
    """Equal to all but four digits of the precision, relative to the largest entry."""
    assert np.shape(actual) == np.shape(expected)
    size = 1.0 + np.max(np.abs(expected), initial=0.0)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e4 * precision * size)


def inner(left: Sequence[Any], right: Sequence[Any]) -> float:
    return float(sum(np.sum(np.float64(a) * b) for a, b in zip(left, right, strict=True)))


def fresh(built: Built, like: Sequence[sd.Node], stem: str, seed: int) -> dict[sd.Node, Any]:
    """New inputs of the types of these nodes, with random values."""
    rng = np.random.default_rng(seed)
    shapes = [value.shape for value in sd.evaluate(list(like), built.point)]
    return {
        built.graph.input(f"{stem}{k}", x.type): rng.standard_normal(shape).astype(x.dtype)
        for k, (x, shape) in enumerate(zip(like, shapes, strict=True))
    }


def gradients(built: Built) -> list[sd.Node]:
    return sd.grad(built.output, built.inputs, disconnected="zero")


# -- values and derivatives ----------------------------------------------------------------


def check_value(recipe: Recipe) -> None:
    built = recipe.build()
    found = sd.evaluate(built.nodes, built.point)
    for node, actual, expected in zip(built.nodes, found, recipe.run(), strict=True):
        assert actual.dtype == node.dtype
        assert_close(actual, expected.data, recipe.precision)


def check_gradient(recipe: Recipe) -> None:
    built = recipe.build()
    appended = gradients(built)
    assert [d.type for d in appended] == [x.type for x in built.inputs]
    for actual, expected in zip(
        sd.evaluate(appended, built.point), recipe.gradient(), strict=True
    ):
        assert_close(actual, expected, recipe.precision)


def check_hvp(recipe: Recipe, mode: str) -> None:
    built = recipe.build()
    along = fresh(built, built.inputs, "v", seed=0)
    products = sd.hvp(built.output, built.inputs, list(along), mode=mode)
    assert [p.type for p in products] == [x.type for x in built.inputs]
    expected = eager.complex_step(recipe.gradient, recipe.point, list(along.values()))
    found = sd.evaluate(products, {**built.point, **along})
    for actual, column in zip(found, expected, strict=True):
        assert_close(actual, column, recipe.precision)


@given(ANY)
def test_every_value_is_that_of_the_eager_engine(recipe: Recipe) -> None:
    check_value(recipe)


@given(ANY)
def test_the_gradient_is_that_of_the_eager_engine(recipe: Recipe) -> None:
    check_gradient(recipe)


@pytest.mark.parametrize("mode", MODES)
@given(recipe=ANY)
def test_the_hvp_is_the_complex_step_of_the_eager_gradient(mode: str, recipe: Recipe) -> None:
    check_hvp(recipe, mode)


@pytest.mark.slow
@settings(max_examples=1000)
@given(recipes(mixed=True, named=True, max_steps=60))
def test_large_graphs_agree_with_the_eager_engine(recipe: Recipe) -> None:
    check_value(recipe)
    check_gradient(recipe)
    for mode in MODES:
        check_hvp(recipe, mode)


@given(recipes(stops=False, named=True), SEEDS)
def test_along_a_direction_the_gradient_is_the_complex_step_of_the_value(
    recipe: Recipe, seed: int
) -> None:
    built = recipe.build()
    direction = list(fresh(built, built.inputs, "v", seed).values())
    found = sd.evaluate(gradients(built), built.point)
    (expected,) = eager.complex_step(lambda xs: [recipe.run(xs)[-1].data], recipe.point, direction)
    assert_close(inner(found, direction), expected, recipe.precision)


def central_difference(
    function: Callable[[list[Any]], list[Any]], point: Sequence[Any], along: Sequence[Any]
) -> list[Any]:
    """At two step sizes, extrapolated to none (Richardson)."""

    def quotient(h: float) -> list[Any]:
        ahead = function([x + h * v for x, v in zip(point, along, strict=True)])
        behind = function([x - h * v for x, v in zip(point, along, strict=True)])
        return [(a - b) / (2 * h) for a, b in zip(ahead, behind, strict=True)]

    return [(4 * a - b) / 3 for a, b in zip(quotient(5e-5), quotient(1e-4), strict=True)]


@given(recipes(stops=False, named=True), SEEDS)
def test_gradient_and_hvp_are_the_finite_differences_of_value_and_gradient(
    recipe: Recipe, seed: int
) -> None:
    built = recipe.build()
    along = fresh(built, built.inputs, "v", seed)
    outputs = [built.output, *gradients(built)]

    def at(point: list[Any]) -> list[Any]:
        return sd.evaluate(outputs, dict(zip(built.inputs, point, strict=True)))

    slope, *columns = central_difference(at, recipe.point, list(along.values()))
    _, *found = at(list(recipe.point))
    # Rounding of the differences and what extrapolation leaves: about eight digits stay.
    assert_close(inner(found, list(along.values())), slope, 1e-11)
    products = sd.hvp(built.output, built.inputs, list(along))
    for actual, column in zip(
        sd.evaluate(products, {**built.point, **along}), columns, strict=True
    ):
        assert_close(actual, column, 1e-10)


@given(ANY, SEEDS)
def test_forward_and_reverse_mode_are_transposes(recipe: Recipe, seed: int) -> None:
    built = recipe.build()
    outputs = built.nodes[-8:]
    tangents = fresh(built, built.inputs, "t", seed)
    cotangents = fresh(built, outputs, "c", seed + 1)
    ahead = sd.jvp(outputs, built.inputs, list(tangents))
    back = sd.vjp(outputs, built.inputs, list(cotangents))
    assert [t.type for t in ahead] == [y.type for y in outputs]
    assert [c.type for c in back] == [x.type for x in built.inputs]
    found = sd.evaluate([ahead, back], {**built.point, **tangents, **cotangents})
    assert_close(
        inner(found[0], list(cotangents.values())),
        inner(found[1], list(tangents.values())),
        recipe.precision,
    )


# -- the graph itself ----------------------------------------------------------------------


@FEWER
@given(ANY)
def test_derivatives_only_append_and_keep_every_invariant(recipe: Recipe) -> None:
    built = recipe.build()
    along = list(fresh(built, built.inputs, "v", seed=0))
    before = built.graph.nodes
    gradients(built)
    for mode in MODES:
        sd.hvp(built.output, built.inputs, along, mode=mode)
    sd.hessian(built.output, built.inputs)
    built.graph.check()
    assert all(old is new for old, new in zip(before, built.graph.nodes, strict=False))
    assert {node.order for node in before} == {0}


ARITHMETIC = (sd.add, sd.subtract, sd.multiply, sd.divide, sd.negative, sd.pow, sd.sqrt)


def arithmetic(rng: np.random.Generator, steps: int) -> tuple[sd.Node, list[sd.Node]]:
    """A random expression of scalars; every node is used."""
    graph = sd.Graph()
    nodes = [graph.input(f"x{k}", sd.f64[()]) for k in range(3)]
    for _ in range(steps):
        op = ARITHMETIC[rng.integers(len(ARITHMETIC))]
        nodes.append(op(*[nodes[rng.integers(len(nodes))] for _ in op.arguments]))
    used = {operand for node in nodes for operand in node.inputs}
    return sum(node for node in nodes if node not in used), nodes[:3]


def test_gradients_of_arithmetic_take_at_most_three_nodes_an_edge_on_average() -> None:
    rng = np.random.default_rng(0)
    edges = appended = 0
    for _ in range(30):
        z, inputs = arithmetic(rng, steps=100)
        path = pruned(z.graph, z, inputs)
        edges += sum(source in path for node in path for source in node.inputs)
        before = len(z.graph)
        sd.grad(z, inputs)
        appended += len(z.graph) - before
    assert edges > 3000
    assert appended <= 3 * edges


@FEWER
@given(ANY)
def test_a_graph_with_gradients_pickles_and_comes_back_the_same(recipe: Recipe) -> None:
    built = recipe.build()
    built.graph.outputs = [built.output, *gradients(built)]
    graph, output = pickle.loads(pickle.dumps((built.graph, built.output)))
    assert_same(graph, built.graph)
    assert output is graph.outputs[0]
    by_name = {str(x.name): value for x, value in built.point.items()}
    for actual, expected in zip(
        sd.evaluate(list(graph.outputs), by_name),
        sd.evaluate(list(built.graph.outputs), built.point),
        strict=True,
    ):
        np.testing.assert_array_equal(actual, expected)


def assert_same(actual: sd.Graph, expected: sd.Graph) -> None:
    actual.check()
    assert actual.text() == expected.text()
    assert actual.digest() == expected.digest()
    assert [n.order for n in actual.nodes] == [n.order for n in expected.nodes]
    assert [n.origin for n in actual.nodes] == [n.origin for n in expected.nodes]
    assert [repr(r) for r in actual.provenance] == [repr(r) for r in expected.provenance]


@FEWER
@given(ANY)
def test_a_copy_is_the_same_and_independent(recipe: Recipe) -> None:
    built = recipe.build()
    gradients(built)
    copy = built.graph.copy()
    assert_same(copy, built.graph)
    size = len(built.graph)
    copy.input("another", sd.f64)
    copy.outputs = []
    assert len(built.graph) == size
    assert built.graph.outputs == (built.output,)


@FEWER
@given(ANY)
def test_compacting_keeps_values_and_drops_what_they_do_not_need(recipe: Recipe) -> None:
    built = recipe.build()
    kept = gradients(built)
    compact = built.graph.compact(kept)
    compact.check()
    assert [x.name for x in compact.inputs] == [x.name for x in built.inputs]
    assert set(compact.nodes) == {*compact.ancestors(compact.outputs), *compact.inputs}
    by_name = {str(x.name): value for x, value in built.point.items()}
    for actual, expected in zip(
        sd.evaluate(list(compact.outputs), by_name), sd.evaluate(kept, built.point), strict=True
    ):
        np.testing.assert_array_equal(actual, expected)


@FEWER
@given(ANY, SEEDS)
def test_the_digest_does_not_show_the_order_of_creation(recipe: Recipe, seed: int) -> None:
    graph, other = recipe.build().graph, recipe.build(reordered(recipe, seed)).graph
    other.check()
    assert graph.digest() == other.digest()
    extended = graph.outputs[0] + 0.125
    assert extended.graph.digest() != other.digest()


IN_ANOTHER_PROCESS = """
import pickle, sys
from tests.test_random_graphs import described
print(*[line for recipe in pickle.load(sys.stdin.buffer) for line in described(recipe)], sep="\\n")
"""


def described(recipe: Recipe) -> tuple[str, str]:
    """The digest and the text of the graph with its gradients."""
    built = recipe.build()
    built.graph.outputs = gradients(built)
    return built.graph.digest(), built.graph.text()


@settings(max_examples=2, phases=[Phase.generate])
@given(st.lists(ANY, min_size=12, max_size=12))
def test_digest_and_gradients_are_the_same_in_every_process(drawn: list[Recipe]) -> None:
    here = "\n".join(line for recipe in drawn for line in described(recipe))
    for hash_seed in ("1", "2"):
        run = subprocess.run(
            [sys.executable, "-c", IN_ANOTHER_PROCESS],
            input=pickle.dumps(drawn),
            env={"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=True,
        )
        assert run.stdout.decode().rstrip("\n") == here


# -- one graph in another ------------------------------------------------------------------


@FEWER
@given(ANY)
def test_substituting_an_expression_is_evaluating_at_its_value(recipe: Recipe) -> None:
    built = recipe.build()
    outputs = [built.output, *gradients(built)]
    replaced = sd.substitute(outputs, {x: x * 0.5 for x in built.inputs})
    built.graph.check()
    halved = {x: value * value.dtype.type(0.5) for x, value in built.point.items()}
    for actual, expected in zip(
        sd.evaluate(replaced, built.point), sd.evaluate(outputs, halved), strict=True
    ):
        np.testing.assert_array_equal(actual, expected)


@FEWER
@given(ANY)
def test_inlining_into_another_graph_keeps_values_and_settles_sizes(recipe: Recipe) -> None:
    built = recipe.build()
    built.graph.outputs = [built.output, *gradients(built)]
    other = sd.Graph("other")
    shapes = [x.shape for x in recipe.point]
    inputs = [
        other.input(f"y{k}", sd.TensorType(x.dtype, shape))
        for k, (x, shape) in enumerate(zip(built.inputs, shapes, strict=True))
    ]
    inlined = built.graph(*inputs)
    other.check()
    expected = sd.evaluate(list(built.graph.outputs), built.point)
    found = sd.evaluate(list(inlined), dict(zip(inputs, recipe.point, strict=True)))
    for node, actual, value in zip(inlined, found, expected, strict=True):
        assert node.shape == value.shape
        np.testing.assert_array_equal(actual, value)


@FEWER
@given(ANY, st.sampled_from([1, 3, "b"]), st.integers(1, 7), SEEDS)
def test_batching_is_stacking(recipe: Recipe, size: int | str, mask: int, seed: int) -> None:
    """Value and gradient, over any of the inputs; values and sizes of the batch at random."""
    built = recipe.build()
    outputs = [built.output, *gradients(built)]
    chosen = [x for k, x in enumerate(built.inputs) if mask >> k & 1] or built.inputs
    batched = {
        x: built.graph.input(f"batch_{x.name}", sd.TensorType(x.dtype, (as_size(size), *x.shape)))
        for x in chosen
    }
    found, carries = batch_nodes(built.graph, outputs, batched)
    built.graph.check()

    rng = np.random.default_rng(seed)
    count = size if isinstance(size, int) else 2
    stacks = {}
    for x in chosen:  # near the point, where everything is smooth
        noise = rng.uniform(0.995, 1.005, (count, *built.point[x].shape))
        stacks[x] = (built.point[x] * noise).astype(x.dtype)
    each = [
        sd.evaluate(outputs, {**built.point, **{x: stack[i] for x, stack in stacks.items()}})
        for i in range(count)
    ]
    given = {**built.point, **{batched[x]: stack for x, stack in stacks.items()}}
    values = sd.evaluate(found, given)
    for k, (value, there) in enumerate(zip(values, carries, strict=True)):
        stacked = np.stack([one[k] for one in each])
        assert_close(value, stacked if there else stacked[0], recipe.precision)


def as_size(size: int | str) -> Any:
    return sd.Size(size) if isinstance(size, str) else size
