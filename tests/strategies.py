"""Hypothesis strategies for random computations over symdiff's real floating operations.

`recipes` draws a computation as plain data, a `Recipe`: steps that name an operation, earlier
steps and parameters, with arrays for the inputs. `Recipe.build` makes it in a graph, in any
topological order, and `Recipe.run` computes it with the eager engine of `tests/eager.py`.

While a recipe is drawn its values are computed along, so that an operation is only drawn where
it is smooth and well conditioned: no logarithm near 0, no quotient by something small, no
comparison of things that are nearly equal, nothing large. What is drawn therefore never has to
be thrown away, and derivatives may be compared closely.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

import symdiff as sd
from symdiff.types import broadcast_shapes
from tests import eager

Array = np.ndarray[Any, Any]
Draw = Callable[[st.SearchStrategy[Any]], Any]

LARGEST = 6.0
NAMED = {"n": 3, "m": 2, "e": 0}  # the sizes by name, and what they are when a recipe runs


class Step(NamedTuple):
    """One operation on earlier steps, which stand as their numbers."""

    op: str
    operands: tuple[int, ...] = ()
    params: tuple[Any, ...] = ()


class Built(NamedTuple):
    """A recipe as a graph: a node for each step."""

    graph: sd.Graph
    nodes: list[sd.Node]
    inputs: list[sd.Node]
    output: sd.Node
    point: dict[sd.Node, Array]


class Recipe(NamedTuple):
    """A computation of one scalar, the last step, from inputs, and a point to compute it at."""

    steps: tuple[Step, ...]
    point: tuple[Array, ...]

    @property
    def inputs(self) -> list[int]:
        return [k for k, step in enumerate(self.steps) if step.op == "input"]

    def build(self, order: Sequence[int] | None = None) -> Built:
        """In a new graph, the steps in the order given: any in which operands come first."""
        graph = sd.Graph("random")
        nodes: dict[int, sd.Node] = {}
        for k in range(len(self.steps)) if order is None else order:
            nodes[k] = symbolic(graph, self.steps[k], [nodes[i] for i in self.steps[k].operands])
        inputs = [nodes[k] for k in self.inputs]
        graph.outputs = [nodes[len(self.steps) - 1]]
        point = dict(zip(inputs, self.point, strict=True))
        return Built(graph, [nodes[k] for k in sorted(nodes)], inputs, *graph.outputs, point)

    def run(self, arrays: Sequence[Array] | None = None) -> list[eager.Value]:
        """Every step, by the eager engine, at this point or another."""
        values: list[eager.Value] = []
        given = iter(self.point if arrays is None else arrays)
        for step in self.steps:
            if step.op == "input":
                values.append(eager.Value(next(given)))
            else:
                values.append(at_once(step, [values[i] for i in step.operands]))
        return values

    def gradient(self, arrays: Sequence[Array] | None = None) -> list[Array]:
        """Of the last step with respect to the inputs, by the eager engine."""
        values = self.run(arrays)
        return eager.gradient(values[-1], [values[k] for k in self.inputs])

    @property
    def precision(self) -> float:
        """Machine epsilon of the narrowest dtype in it."""
        casts = [np.dtype(step.params[0]) for step in self.steps if step.op == "cast"]
        return max(float(np.finfo(d).eps) for d in [*casts, *(x.dtype for x in self.point)])


# -- what a step means ---------------------------------------------------------------------

RESHAPES: Mapping[str, Callable[[Any], Any]] = {
    "flat": lambda shape: (-1,),
    "row": lambda shape: (1, *shape),
    "column": lambda shape: (*shape, 1),
    "reversed": lambda shape: shape[::-1],
    "merged": lambda shape: (shape[0] * shape[1], *shape[2:]) if len(shape) > 1 else (-1,),
}

_SYMBOLIC: Mapping[str, Callable[..., sd.Node]] = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / b,
    "pow": lambda a, b: a**b,
    "matmul": lambda a, b: a @ b,
    "square": lambda x: x**2,
    "cube": lambda x: x**3,
    "scale": lambda x, factor: factor * x,
    "shift": lambda x, term: x + term,
    "remainder": lambda a, b: divmod(a, b)[1],
    "choose": lambda x, a, b, threshold: np.where(x > threshold, a, b),
    "cast": lambda x, dtype: x.astype(dtype),
    "sum": lambda x, axis, keepdims: np.sum(x, axis=axis, keepdims=keepdims),
    "reshape": lambda x, kind: x.reshape(RESHAPES[kind](x.shape)),
    "permute_dims": lambda x, axes: x.transpose(axes),
    "broadcast_to": lambda x, lead: np.broadcast_to(x, (lead, *x.shape)),
    "index": lambda x, key: x[key],
}

_EAGER: Mapping[str, Callable[..., eager.Value]] = {
    "constant": lambda array: eager.Value(array),
    "scale": lambda x, factor: eager.multiply(eager.Value(factor), x),
    "shift": lambda x, term: eager.add(x, eager.Value(term)),
    "choose": lambda x, a, b, threshold: eager.choose(x, threshold, a, b),
    "cast": lambda x, dtype: eager.cast(x),
    "reshape": lambda x, kind: eager.reshape(x, RESHAPES[kind](x.data.shape)),
    "broadcast_to": lambda x, lead: eager.broadcast_to(x, (lead, *x.data.shape)),
}


def symbolic(graph: sd.Graph, step: Step, operands: Sequence[sd.Node]) -> sd.Node:
    """The step as a node; what the table does not name is an op of symdiff's."""
    if step.op == "input":
        return graph.input(*step.params)
    if step.op == "constant":
        return graph.constant(*step.params)
    return (_SYMBOLIC.get(step.op) or getattr(sd, step.op))(*operands, *step.params)


def at_once(step: Step, operands: Sequence[eager.Value]) -> eager.Value:
    """The step's value; what the table does not name is a function of the eager engine's."""
    return (_EAGER.get(step.op) or getattr(eager, step.op))(*operands, *step.params)


# -- where a step is smooth ----------------------------------------------------------------


def _far_from_integers(x: Array) -> bool:
    return bool((np.abs(x - np.round(x)) > 0.05).all())


def _anywhere(*operands: Array) -> bool:
    return True


UNARY: Mapping[str, Callable[[Array], Any]] = {
    "negative": _anywhere,
    "sin": _anywhere,
    "cos": _anywhere,
    "tanh": _anywhere,
    "square": _anywhere,
    "cube": _anywhere,
    "exp": lambda x: (x < 1.7).all(),
    "log": lambda x: (x > 0.3).all(),
    "sqrt": lambda x: (x > 0.3).all(),
    "abs": lambda x: (np.abs(x) > 0.1).all(),
    "stop_gradient": _anywhere,
}

BINARY: Mapping[str, Callable[[Array, Array], Any]] = {
    "add": _anywhere,
    "subtract": _anywhere,
    "multiply": _anywhere,
    "divide": lambda a, b: (np.abs(b) > 0.3).all(),
    "pow": lambda a, b: (a > 0.3).all() and (np.abs(b) < 3).all(),
    "remainder": lambda a, b: (np.abs(b) > 0.3).all() and _far_from_integers(a / b),
}


# -- drawing -------------------------------------------------------------------------------


class _Bench:
    """A recipe under construction: its steps, and each as a node and as a value."""

    def __init__(self, draw: Draw) -> None:
        self.draw = draw
        self.rng = np.random.default_rng(draw(st.integers(0, 2**16)))
        self.graph = sd.Graph()
        self.steps: list[Step] = []
        self.nodes: list[sd.Node] = []
        self.values: list[Array] = []

    def put(self, step: Step, value: Array | None = None, largest: float = LARGEST) -> int:
        """Add a step; one that would give something large is made the `tanh` of an operand."""
        if value is None:
            value = at_once(step, [eager.Value(self.values[i]) for i in step.operands]).data
        if (np.abs(value) > largest).any():
            return self.put(Step("tanh", step.operands[:1]))
        self.nodes.append(symbolic(self.graph, step, [self.nodes[i] for i in step.operands]))
        self.steps.append(step)
        self.values.append(value)
        return len(self.steps) - 1

    def any(self) -> int:
        return self.draw(st.integers(0, len(self.steps) - 1))

    def one_of(self, choices: Sequence[Any]) -> Any:
        return self.draw(st.sampled_from(choices))

    def array(self, shape: tuple[int, ...], positive: bool) -> Array:
        signs = 1.0 if positive else self.rng.choice([-1.0, 1.0], shape)
        return np.asarray(signs * self.rng.uniform(0.4, 1.6, shape))

    def partners(self, k: int) -> list[int]:
        """Steps whose shapes broadcast with that of step `k`, itself included."""
        shape = self.nodes[k].shape
        return [
            i for i, x in enumerate(self.nodes) if broadcast_shapes([shape, x.shape]) is not None
        ]


def _unary(bench: _Bench) -> Step:
    x = bench.any()
    return Step(bench.one_of([n for n, smooth in UNARY.items() if smooth(bench.values[x])]), (x,))


def _binary(bench: _Bench) -> Step:
    a = bench.any()
    b = bench.one_of(bench.partners(a))
    a, b = (a, b) if bench.draw(st.booleans()) else (b, a)
    x, y = bench.values[a], bench.values[b]
    return Step(bench.one_of([n for n, smooth in BINARY.items() if smooth(x, y)]), (a, b))


def _with_number(bench: _Bench) -> Step:
    return Step(bench.one_of(["scale", "shift"]), (bench.any(),), (bench.one_of([2.0, -0.5, 1]),))


def _sum(bench: _Bench) -> Step:
    x = bench.any()
    axes = [k for k in range(bench.nodes[x].ndim) if bench.draw(st.booleans())]
    return Step("sum", (x,), (tuple(axes), bench.draw(st.booleans())))


def _reshape(bench: _Bench) -> Step:
    return Step("reshape", (bench.any(),), (bench.one_of(list(RESHAPES)),))


def _permute(bench: _Bench) -> Step:
    x = bench.any()
    return Step(
        "permute_dims", (x,), (tuple(bench.draw(st.permutations(range(bench.nodes[x].ndim)))),)
    )


def _broadcast(bench: _Bench) -> Step:
    return Step("broadcast_to", (bench.any(),), (bench.one_of([1, 2]),))


def _index(bench: _Bench) -> Step:
    """Keys that take something of every axis that has something."""
    x = bench.any()
    key: list[Any] = []
    for size in bench.values[x].shape:
        choices: list[Any] = [slice(None), slice(None, None, -1), slice(None, None, 2)]
        if size:
            choices += [0, -1, slice(1, None), slice(None, -1), slice(0, 1)]
        key.append(bench.one_of(choices))
    if bench.draw(st.booleans()):
        key.insert(bench.draw(st.integers(0, len(key))), None)
    elif bench.draw(st.booleans()):
        key = [*key[:1], Ellipsis]
    return Step("index", (x,), (tuple(key),))


def _matmul(bench: _Bench) -> Step:
    """Of two steps that fit, or of one with a constant made to fit."""
    a = bench.one_of([k for k, x in enumerate(bench.nodes) if x.ndim] or [0])
    x = bench.nodes[a]
    if not x.ndim:
        return Step("tanh", (a,))
    fitting = [k for k, y in enumerate(bench.nodes) if _multiplies(x.shape, y.shape)]
    if fitting and bench.draw(st.booleans()):
        return Step("matmul", (a, bench.one_of(fitting)))
    if not isinstance(x.shape[-1], int):
        return Step("sin", (a,))
    lead = bench.one_of([(), (2,), (1, 2)])
    columns = bench.one_of([(), (1,), (3,)]) if not lead else (2,)
    shape = (*lead[:-1], x.shape[-1], *columns)
    return Step("matmul", (a, bench.put(Step("constant", (), (bench.array(shape, False),)))))


def _multiplies(a: Any, b: Any) -> bool:
    if not a or not b:
        return False
    return bool(
        a[-1] == (b[-2] if len(b) > 1 else b[0]) and broadcast_shapes([a[:-2], b[:-2]]) is not None
    )


def _choose(bench: _Bench) -> Step:
    """A threshold in a wide gap between the values, so that rounding cannot move one across."""
    a = bench.any()
    b, x = bench.one_of(bench.partners(a)), a
    both = broadcast_shapes([bench.nodes[a].shape, bench.nodes[b].shape])
    x = bench.one_of(
        [k for k, y in enumerate(bench.nodes) if broadcast_shapes([y.shape, both]) is not None]
    )
    values = np.unique(bench.values[x])
    gaps = np.diff(values)
    wide = (values[:-1] + gaps / 2)[gaps > 0.05]
    low = values[0] - 1.0 if values.size else 0.0
    return Step("choose", (x, a, b), (float(bench.one_of([*wide[:3], low])),))


def _add_n(bench: _Bench) -> Step:
    x = bench.any()
    same = [k for k, y in enumerate(bench.nodes) if y.type == bench.nodes[x].type]
    terms = [bench.one_of(same) for _ in range(bench.draw(st.integers(1, 3)))]
    return Step("add_n", (x, *terms))


def _constant(bench: _Bench) -> Step:
    shape = bench.one_of([(), (1,), (3,), (2, 3), (2, 1)])
    return Step("constant", (), (bench.array(shape, bench.draw(st.booleans())),))


def _cast(bench: _Bench) -> Step:
    return Step("cast", (bench.any(),), (bench.one_of(["float32", "float64"]),))


ARITHMETIC = (_unary, _unary, _binary, _binary, _with_number)
STRUCTURE = (_sum, _reshape, _permute, _broadcast, _index, _matmul, _choose, _add_n, _constant)


def _shapes(named: bool) -> st.SearchStrategy[tuple[Any, ...]]:
    """Few sizes, so that shapes often fit; some of them by name."""
    dim = st.sampled_from([1, 2, 3, 3, 0, *(["n", "n", "m", "e"] if named else [])])
    return st.lists(dim, max_size=3).map(tuple)


@st.composite
def recipes(
    draw: Draw,
    *,
    max_steps: int = 12,
    mixed: bool = False,
    named: bool = False,
    stops: bool = True,
) -> Recipe:
    """A random computation of a scalar.

    Arguments: `mixed`, with float32 inputs and casts among the float64 ones; `named`, with named
    sizes (`NAMED` says what they are at the point); `stops`, with `stop_gradient`, where the
    derivative is not that of the value.
    """
    bench = _Bench(draw)
    point = []
    for k in range(draw(st.integers(1, 3))):
        shape = draw(_shapes(named))
        kind = draw(st.sampled_from([sd.f64, sd.f32])) if mixed else sd.f64
        array = bench.array(tuple(NAMED.get(d, d) for d in shape), draw(st.booleans()))
        point.append(array.astype(kind.dtype))
        bench.put(Step("input", (), (f"x{k}", kind[shape])), point[-1].astype(np.float64))
    kinds = (*ARITHMETIC, *STRUCTURE, *([_cast] if mixed else []))
    for _ in range(draw(st.integers(1, max_steps))):
        step = draw(st.sampled_from(kinds))(bench)
        if stops or step.op != "stop_gradient":
            bench.put(step)
    _total(bench)
    return Recipe(tuple(bench.steps), tuple(point))


def _total(bench: _Bench) -> None:
    """The last step: the sum of all entries of what was made last and of two other steps."""
    terms = [len(bench.steps) - 1, bench.any(), bench.any()]
    sums = [bench.put(Step("sum", (k,), (None, False)), largest=np.inf) for k in terms]
    product = bench.put(Step("multiply", (sums[0], sums[1])), largest=np.inf)
    bench.put(Step("add", (product, sums[2])), largest=np.inf)


def reordered(recipe: Recipe, seed: int) -> list[int]:
    """Another topological order of the steps; the inputs keep theirs, which is the graph's."""
    rng = np.random.default_rng(seed)
    needs = [set(step.operands) for step in recipe.steps]
    for before, after in zip(recipe.inputs, recipe.inputs[1:], strict=False):
        needs[after].add(before)
    order: list[int] = []
    waiting = list(range(len(needs)))
    while waiting:
        ready = [k for k in waiting if needs[k].issubset(order)]
        order.append(ready[rng.integers(len(ready))])
        waiting.remove(order[-1])
    return order
