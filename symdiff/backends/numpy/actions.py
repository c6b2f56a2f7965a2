"""What to call for each step of a plan: one description, for source and for loop."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import numpy as np

from symdiff.backends.numpy.kernels import (
    Action,
    Key,
    Part,
    Scratch,
    copied,
    in_place,
    into,
    put_more,
    writes,
)
from symdiff.backends.numpy.scalars import holds_number, number_action
from symdiff.errors import EvaluationError
from symdiff.graph import Graph
from symdiff.node import Node
from symdiff.plan import (
    ADD,
    ARGUMENT,
    BLOCK,
    BUFFER,
    CONSTANT,
    OUTPUT,
    VIEW,
    Plan,
    Step,
    make_plan,
)
from symdiff.plan.blocks import is_total
from symdiff.sizes import Size
from symdiff.types import Shape, TensorType, Type, dtype_name

__all__ = ["Work", "view", "work_of"]


class _Target:
    """What this backend can do, as the plan asks it."""

    writes = staticmethod(writes)
    in_place = staticmethod(in_place)


class Work(NamedTuple):
    """A plan with the calls of each step."""

    plan: Plan
    calls: tuple[tuple[Step, tuple[Action, ...]], ...]
    fixed: frozenset[Node]
    """Nodes whose array objects are the same in every call."""
    numbers: frozenset[Node]
    """Scalars that are Python floats or bools while it runs."""
    cells: frozenset[Node]
    """Those of them that arrays meet: they are put into a scalar array as well."""


def work_of(graph: Graph, *, floats: bool, blocks: bool = False) -> Work:
    """The calls for a graph's outputs; with `floats`, scalars are Python's where they can be, with
    `blocks`, large arrays are gone over in blocks of rows."""
    plan = make_plan(graph, _Target, blocks=blocks)
    numbers: set[Node] = set()
    if floats:
        numbers.update(
            n for n, p in plan.places.items() if p.kind in (ARGUMENT, CONSTANT) and holds_number(n)
        )
    calls = []
    for step in plan.steps:
        calls.append((step, tuple(_actions(plan, step, numbers, floats))))
    fixed = _fixed(plan, numbers)
    taken = {node for _, done in calls for action in done for node in _array_operands(action.args)}
    cells = {n for n in taken & numbers if plan.places[n].kind not in (ARGUMENT, CONSTANT)}
    return Work(plan, tuple(calls), frozenset(fixed), frozenset(numbers), frozenset(cells))


def _fixed(plan: Plan, numbers: set[Node]) -> set[Node]:
    found = {n for n, place in plan.places.items() if place.kind in (BUFFER, CONSTANT)}
    for step in plan.steps:
        node = step.node
        read = node in numbers or node.op.name == "probe"
        if step.kind == VIEW and node.inputs[0] in found and not read:
            found.add(node)
    return found


def _array_operands(args: Any) -> list[Node]:
    """The nodes among arguments that are taken as arrays."""
    found: list[Node] = []
    for arg in args:
        if isinstance(arg, Node):
            found.append(arg)
        elif type(arg) is Part:
            found.append(arg.node)
        elif type(arg) is tuple:
            found += _array_operands(arg)
    return found


# -- steps ---------------------------------------------------------------------------------


def _actions(plan: Plan, step: Step, numbers: set[Node], floats: bool) -> list[Action]:
    """The calls of one step, in order; notes which results are numbers."""
    node = step.node
    if step.kind == VIEW:
        if floats and not node.type.shape and holds_number(node):  # type: ignore[union-attr]
            numbers.add(node)
            return [_as_float(view(node))]
        return [view(node)]
    if step.kind == ADD:
        return _additions(step)
    if step.group >= 0 and is_total(step):
        if floats and holds_number(node):
            numbers.add(node)
            return [_as_float(_made(node))]
        return into(node, Scratch(node)) if node.shape else [_made(node)]
    if plan.places[node].kind in (BLOCK, BUFFER, OUTPUT):
        cleared = plan.places[node].kind == OUTPUT
        return into(node, node, step.reuses, cleared) if writes(node) else [_put(node)]
    if floats:
        action = number_action(node, numbers)
        if action is not None:
            numbers.add(node)
            return [action]
        if holds_number(node):
            numbers.add(node)
            return [_as_float(_made(node))]
    return [_made(node)]


def _additions(step: Step) -> list[Action]:
    """The calls that add terms to a sum in its place."""
    total, terms = step.node, step.terms()
    if not step.put:
        pair = terms if step.begins else (total, *terms)
        return [Action(np.add, "add", (*pair, total))]
    begun = [copied(total, terms[0])] if step.begins and step.reuses is None else []
    return begun + put_more(total, terms[-1])


def _put(node: Node) -> Action:
    """The call that makes a value and copies it into the node's memory."""
    assert node.op.kernel is not None
    slots = ["{}"] * len(node.inputs) + [f"{name}={{}}" for name in node.params]
    form = f"{{}}[...] = {{f}}({', '.join(slots)})"
    args, named = (node, *node.inputs), tuple(node.params.items())
    return Action(_Put(node.op.kernel), node.op.name, args, None, form, named)


class _Put:
    """A kernel whose result is copied into given memory."""

    __slots__ = ("function",)

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __call__(self, out: Any, *args: Any, **named: Any) -> None:
        out[...] = self.function(*args, **named)


def view(node: Node) -> Action:
    """The call that shows an operand's memory."""
    x, params = node.inputs[0], node.params
    match node.op.name:
        case "index":
            return Action(operator.getitem, "getitem", (x, Key(params["key"])), node, "{}[{}]")
        case "item":
            return Action(operator.getitem, "getitem", (x, params["index"]), node, "{}[{}]")
        case "reshape":
            return Action(np.reshape, "reshape", (x, params["shape"]), node, "{}.reshape({})")
        case "permute_dims":
            return Action(np.transpose, "transpose", (x, params["axes"]), node, "{}.transpose({})")
        case "broadcast_to":
            return Action(np.broadcast_to, "broadcast_to", (x, params["shape"]), node)
    if node.op.name == "probe":
        return _made(node)
    return Action(_same, "same", (x,), node, "{}")


def _same(x: Any) -> Any:
    return x


_INFIX: Final[Mapping[str, tuple[Callable[..., Any], str]]] = {
    "add": (operator.add, "{} + {}"),
    "subtract": (operator.sub, "{} - {}"),
    "multiply": (operator.mul, "{} * {}"),
    "divide": (operator.truediv, "{} / {}"),
    "negative": (operator.neg, "-{}"),
    "matmul": (operator.matmul, "{} @ {}"),
}
_REDUCTIONS: Final = {
    "sum": np.add,
    "prod": np.multiply,
    "max": np.maximum,
    "min": np.minimum,
}


def _made(node: Node) -> Action:
    """A call that gives a value of its own."""
    op, params = node.op, node.params
    if op.registered and op.name == "index":
        return view(node)
    if op.registered and op.name in _INFIX:
        function, form = _INFIX[op.name]
        return Action(function, op.name, node.inputs, node, form)
    if op.registered and op.name == "add_n" and len(node.inputs) > 1:
        return Action(_total, "total", node.inputs, node, " + ".join(["{}"] * len(node.inputs)))
    if op.registered and op.name in _REDUCTIONS:
        ufunc = _REDUCTIONS[op.name]
        axis = params["axis"]
        args = (node.inputs[0], axis[0] if len(axis) == 1 else axis)
        named = (("dtype", params["dtype"]),) if params.get("dtype") is not None else ()
        return Action(ufunc.reduce, f"{ufunc.__name__}_reduce", args, node, None, named)
    assert op.kernel is not None
    kernel = op.kernel if op.registered else _Owned(op.kernel, op.name, node.type)
    return Action(kernel, op.name, node.inputs, node, None, tuple(params.items()))


def _total(*terms: Any) -> Any:
    result = terms[0]
    for term in terms[1:]:
        result = result + term
    return result


class _Owned:
    """A user's kernel: its results are held against their types, as far as these are known.

    It may give back what it was given; then its result is copied.
    """

    __slots__ = ("kernel", "name", "type")

    def __init__(self, kernel: Callable[..., Any], name: str, type_: Type) -> None:
        self.kernel, self.name, self.type = kernel, name, type_

    def __call__(self, *args: Any, **named: Any) -> Any:
        result = self.kernel(*args, **named)
        if isinstance(self.type, TensorType):
            return self.fitting(result, self.type, args)
        if not isinstance(result, tuple | list) or len(result) != len(self.type):
            raise EvaluationError(f"the kernel of {self.name} must give {len(self.type)} results")
        pairs = zip(result, self.type.items, strict=True)
        return tuple([self.fitting(r, t, args) for r, t in pairs])

    def fitting(self, result: Any, type_: TensorType, args: tuple[Any, ...]) -> Any:
        array = np.asarray(result)
        if array.dtype != type_.dtype or not _may_be(array.shape, type_.shape):
            raise EvaluationError(
                f"the kernel of {self.name} gave {dtype_name(array.dtype)}{list(array.shape)}, "
                f"but the node's type is {type_}"
            )
        return np.array(array) if any(np.may_share_memory(array, a) for a in args) else array


def _may_be(shape: tuple[int, ...], declared: Shape) -> bool:
    """Whether a shape is a declared one for some values of its named sizes."""
    return len(shape) == len(declared) and all(
        isinstance(dim, Size) or dim == size for size, dim in zip(shape, declared, strict=True)
    )


class _AsFloat:
    """A function whose result, a scalar, is made a Python float."""

    __slots__ = ("function",)

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __call__(self, *args: Any, **named: Any) -> float:
        return float(self.function(*args, **named))


def _as_float(action: Action) -> Action:
    """The same call, its result made a Python float. How it reads keeps the inner name."""
    slots = ["{}"] * len(action.args) + [f"{name}={{}}" for name, _ in action.named]
    inner = action.form or f"{{f}}({', '.join(slots)})"
    return action._replace(function=_AsFloat(action.function), form=f"float({inner})")
