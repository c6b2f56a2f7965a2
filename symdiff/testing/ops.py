"""Everything an op declares, held against its kernel: types, rules, batching, pickling."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from symdiff.autodiff.batch import batch_nodes
from symdiff.autodiff.reverse import build_grad
from symdiff.describe import node_line
from symdiff.errors import ArgumentError, NotDifferentiableError
from symdiff.evaluate import evaluate
from symdiff.graph import Graph
from symdiff.node import Node
from symdiff.op import Op
from symdiff.ops.elementwise import where
from symdiff.ops.shape import broadcast_to
from symdiff.sizes import Dim, Size
from symdiff.testing.gradients import Level, Options, check_level, compare, new_input, reported
from symdiff.testing.numeric import Array, precision
from symdiff.testing.structure import assert_same_graph
from symdiff.types import TensorType, TupleType, bool_, is_differentiable

__all__ = ["check_op"]

_BATCH = 3


class _Application(NamedTuple):
    """The op applied to inputs of a graph of its own."""

    op: Op
    node: Node
    outputs: list[Node]
    point: dict[Node, Array]
    params: Mapping[str, Any]

    @property
    def heading(self) -> str:
        return f"check_op({self.op.name})"


def check_op(
    op: Op,
    /,
    *inputs: Any,
    params: Mapping[str, Any] | None = None,
    order: int = 2,
    numeric: bool = True,
    forward: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
) -> None:
    """Check all that an op declares, on given operands.

    Arguments: arrays for `inputs`, at a point where the op is differentiable; `params`, the
    op's parameters; `order`, `numeric`, `forward`, `rtol` and `atol` as for `check_grad`.

    What is checked:

    - the inferred dtype and shape are those of the kernel's result, and the kernel leaves its
      operands alone;
    - an op that calls itself commutative is;
    - each VJP gives a gradient of its operand's type, also for the gradients with a form of
      their own that rules treat apart: masks, ones, scalars spread over an array;
    - everything that `check_grad` checks, by the operands whose derivative is not `undefined`;
    - the batch rule gives what stacking gives, for every choice of mapped operands and for a
      named number of rows, none and one; and so do those of the gradients;
    - a graph with the op and its derivatives comes back from a pickle the same, if the op can
      be found by name: at the top of a module.

    Raises `AssertionError` that says what differs, where and by how much.

    >>> import numpy as np, symdiff as sd
    >>> sd.testing.check_op(sd.matmul, np.ones((2, 3)), np.arange(3.0))
    >>> sd.testing.check_op(sd.sum, np.ones((2, 3)), params={"axis": 0})

    >>> cube = sd.elementwise(
    ...     "cube",
    ...     "x",
    ...     doc="",
    ...     kernel=lambda x: x * x * x,
    ...     dtypes=lambda d: d,
    ...     partials=(lambda y, x: 2 * x * x,),
    ... )
    >>> sd.testing.check_op(cube, np.array([1.0, 2.0]))
    Traceback (most recent call last):
    AssertionError: check_op(cube): order 1: forward mode gives ...
    """
    case = _apply(op, inputs, dict(params or {}))
    _check_values(case)
    _check_commutative(case)
    wrt = _differentiable(case)
    _check_special_gradients(case, wrt)
    outputs = [o for o in case.outputs if is_differentiable(o.type)]
    options = Options(numeric, forward, rtol, atol)
    level = Level(case.heading, 1, case.outputs, wrt, case.point)
    everything = list(case.outputs)
    for k in range(1, order + 1):
        if op.batch is not None and case.point:
            _check_batch(level)
        if not wrt or not outputs:
            break
        if k == 1:
            level = level._replace(outputs=outputs)
        level = check_level(level, options, last=k == order)
        if k < order:
            everything += level.outputs
    if _has_a_name(op):
        _check_pickle(case.heading, everything)


def _apply(op: Op, inputs: Sequence[Any], params: dict[str, Any]) -> _Application:
    graph = Graph(f"check_{op.name}")
    arrays = [np.array(value) for value in inputs]
    for array in arrays:
        array.flags.writeable = False
    names = [f"{op.arguments[0]}_{k}" for k in range(len(arrays))] if op.variadic else op.arguments
    if len(arrays) != len(names):
        raise ArgumentError(
            f"check_op: {op.name} takes {len(names)} operands ({', '.join(names)}); "
            f"{len(arrays)} given"
        )
    nodes = [graph.input(name, array) for name, array in zip(names, arrays, strict=True)]
    node = op(*nodes, **params) if nodes else op.on(graph, **params)
    several = isinstance(node.type, TupleType)
    outputs = [node[k] for k in range(len(node))] if several else [node]
    return _Application(op, node, outputs, dict(zip(nodes, arrays, strict=True)), params)


# -- values --------------------------------------------------------------------------------


def _check_values(case: _Application) -> None:
    """The interpreter compares every result's dtype and shape with its node's type."""
    with reported(case.heading, "the kernel"):
        found = evaluate(case.outputs, case.point)
    if case.node.op is case.op:
        return
    # `identity` said that the operand is the result: then the kernel has to agree.
    assert case.op.kernel is not None
    arrays = list(case.point.values())
    params = {**case.op.parameters, **case.params}
    if case.op.normalize is not None:
        params = case.op.normalize(*[x.type for x in case.point], **params)
    result = np.asarray(case.op.kernel(*arrays, **params))
    if result.dtype != found[0].dtype:
        raise AssertionError(
            f"{case.heading}: identity says nothing changes, but the kernel makes "
            f"{found[0].dtype} {result.dtype}"
        )
    compare(f"{case.heading}: the kernel", result, "identity", found[0], (0.0, 0.0))


def _check_commutative(case: _Application) -> None:
    if not case.op.commutative:
        return
    swapped = case.op(*reversed(case.node.inputs), **case.params)
    one, other = evaluate([case.node, swapped], case.point)
    rtol = 4 * precision([case.node])
    compare(
        f"{case.heading}: {case.op.name}(b, a)",
        other,
        f"{case.op.name}(a, b), which is called commutative,",
        one,
        (rtol, 0.0),
    )


# -- gradients -----------------------------------------------------------------------------


def _differentiable(case: _Application) -> list[Node]:
    """The operands by which the op has a derivative."""
    found = []
    for x in case.point:
        if not is_differentiable(x.type):
            continue
        for output in case.outputs:
            if not is_differentiable(output.type):
                continue
            try:
                with reported(case.heading, f"the VJP rule for {x.name}"):
                    seed = new_input(output.graph, "g", output.type)
                    build_grad(output.graph, output, x, seed=seed)
            except AssertionError as error:
                if isinstance(error.__cause__, NotDifferentiableError):
                    break
                raise
        else:
            found.append(x)
    return found


def _check_special_gradients(case: _Application, wrt: Sequence[Node]) -> None:
    """Rules look at the form of a gradient: a mask stays outermost, ones are not multiplied by."""
    rng = np.random.default_rng(0)
    for output in case.outputs:
        if not is_differentiable(output.type):
            continue
        assert isinstance(output.type, TensorType)
        graph, shape = output.graph, output.type.shape
        scalar_type, mask_type = output.type.with_shape(()), TensorType(bool_.dtype, output.shape)
        g, plain = new_input(graph, "g", output.type), new_input(graph, "g", output.type)
        s, mask = new_input(graph, "s", scalar_type), new_input(graph, "mask", mask_type)
        flag = new_input(graph, "flag", TensorType(bool_.dtype, ()))
        sizes = tuple(int(d) for d in shape)
        given: dict[Node, Array] = {
            **case.point,
            g: rng.normal(size=sizes).astype(output.dtype),
            s: np.asarray(rng.normal()).astype(output.dtype),
            mask: rng.random(sizes) < 0.5,
            flag: np.asarray(True),
        }
        one = graph.constant(1, output.dtype)
        forms = {
            "where(mask, g, 0)": where(mask, g, 0.0),
            "where(mask, 0, g)": where(mask, 0.0, g),
            "where(mask, scalar, 0)": where(mask, s, 0.0),
            "where(flag, g, 0)": where(flag, g, 0.0),
            "broadcast_to(scalar)": broadcast_to(s, shape=shape),
            "ones": broadcast_to(one, shape=shape),
        }
        for form, G in forms.items():
            with reported(case.heading, f"the VJP of the gradient {form}"):
                table = build_grad(graph, output, wrt, seed=G)
                expected = build_grad(graph, output, wrt, seed=plain)
            reached = [x for x in wrt if x in expected]
            value = evaluate(G, given)
            pairs = [(table[x], expected[x]) for x in reached]
            rtol = 16 * precision([output])
            for x, (a, b) in zip(reached, evaluate(pairs, {**given, plain: value}), strict=True):
                compare(
                    f"{case.heading}: the gradient by {x.name} from {form}",
                    a,
                    "the same gradient given as an input",
                    b,
                    (rtol, 0.0),
                )


# -- batching and pickling -----------------------------------------------------------------


def _check_batch(level: Level) -> None:
    """Every choice of mapped inputs against one evaluation a row.

    For a number of rows that has a name, and for one row, which rules might take for an axis
    to be broadcast.
    """
    graph = level.outputs[0].graph
    inputs = list(level.point)
    rows = {x: [_row(array, k) for k in range(_BATCH)] for x, array in level.point.items()}
    stacked = {x: np.stack(arrays) for x, arrays in rows.items()}
    many = {x: _batched_input(x, Size("rows")) for x in inputs}
    one = {x: _batched_input(x, 1) for x in inputs}
    for pattern in product((True, False), repeat=len(inputs)):
        chosen = [x for x, there in zip(inputs, pattern, strict=True) if there]
        if not chosen:
            continue
        names = ", ".join(str(x.name) for x in chosen)
        heading = f"{level.label}: order {level.order - 1}, batched over {names}"
        each = [
            evaluate(level.outputs, {**level.point, **{x: rows[x][k] for x in chosen}})
            for k in range(_BATCH)
        ]
        for mapped, count in ((many, _BATCH), (many, 0), (one, 1)):
            with reported(heading, "the batch rule"):
                nodes, carried = batch_nodes(graph, level.outputs, {x: mapped[x] for x in chosen})
                given = {mapped[x]: stacked[x][:count] for x in chosen}
                found = evaluate(nodes, {**level.point, **given})
            for k in range(count):
                row = "the only row" if count == 1 else f"row {k}"
                _compare_row(f"{heading}: {row}", level, found, carried, each[k], k)


def _batched_input(x: Node, size: Dim) -> Node:
    return new_input(x.graph, "rows", TensorType(x.dtype, (size, *x.shape)))


def _compare_row(
    heading: str, level: Level, found: Any, carried: Sequence[bool], row: Any, k: int
) -> None:
    rtol = 16 * precision(level.outputs)
    for output, whole, there, expected in zip(level.outputs, found, carried, row, strict=True):
        compare(
            heading,
            whole[k] if there else whole,
            "the op on that row alone",
            expected,
            (rtol, 0.0),
            where=f"\n  of {node_line(output)}",
        )


def _row(array: Array, k: int) -> Array:
    """The entries in another order and, where they are floating, of another size."""
    moved = np.roll(array.ravel(), k).reshape(array.shape)
    return moved * array.dtype.type(1 + k / 16) if array.dtype.kind in "fc" else moved


def _has_a_name(op: Op) -> bool:
    """Whether pickle finds the op; one made in a function it cannot."""
    try:
        op.__reduce__()
    except ArgumentError:
        return False
    return True


def _check_pickle(heading: str, outputs: Sequence[Node]) -> None:
    small = outputs[0].graph.compact(outputs)
    with reported(heading, "pickling a graph with the op"):
        again = pickle.loads(pickle.dumps(small))
        again.check()
    assert_same_graph(again, small)
    if again.digest() != small.digest():
        raise AssertionError(f"{heading}: the digest changes when the graph is pickled")
