"""Writing a result into given memory: which ops can, and by which calls.

`INTO` says for an op what is called; an op with a ufunc is its own. Every entry is a function
``(node, out) -> [Action, …]``, where `out` stands for the memory.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from symdiff.literals import Slice
from symdiff.node import Node
from symdiff.ops.declare import scalar_value
from symdiff.ops.index import disjoint
from symdiff.sizes import Size
from symdiff.types import TensorType

__all__ = [
    "INTO",
    "Action",
    "Key",
    "Number",
    "Part",
    "Scratch",
    "copied",
    "in_place",
    "into",
    "put_more",
    "starts_cleared",
    "writes",
]


class Part(NamedTuple):
    """The memory of a node at a basic index, or in another shape, or read as another dtype."""

    node: Node
    key: tuple[Any, ...] | None = None
    shape: tuple[Any, ...] | None = None
    dtype: np.dtype[Any] | None = None


class Scratch(NamedTuple):
    """Memory beside a node's own, of its type."""

    node: Node


class Number(NamedTuple):
    """The value of a scalar node as a Python float (or bool)."""

    node: Node


class Key(NamedTuple):
    """A basic index among an action's arguments."""

    entries: tuple[Any, ...]


class Action(NamedTuple):
    """One call. Among `args` a node stands for its array, and see `Part`, `Number` and `Key`.

    `form` is how it reads, with ``{}`` for each argument and ``{f}`` for the function, which is
    called `name` there; without one it is a plain call.
    `result` is the node whose value the call gives, where it does not write into memory.
    """

    function: Callable[..., Any]
    name: str
    args: tuple[Any, ...]
    result: Node | None = None
    form: str | None = None
    named: tuple[tuple[str, Any], ...] = ()


def copied(out: Any, source: Any) -> Action:
    """The call that copies an array into memory."""
    return Action(operator.setitem, "setitem", (out, Ellipsis, source), form=_PUT)


def _ufunc(node: Node, out: Any) -> list[Action]:
    ufunc = node.op.ufunc
    function, form = _KEYWORD_OUT.get(ufunc, (ufunc, None))
    return [Action(function, ufunc.__name__, (*node.inputs, out), form=form)]


def _maximum(a: Any, b: Any, out: Any) -> Any:
    return np.maximum(a, b, out=out)


def _minimum(a: Any, b: Any, out: Any) -> Any:
    return np.minimum(a, b, out=out)


_KEYWORD_OUT: Final[Mapping[Any, tuple[Callable[..., Any], str]]] = {
    np.maximum: (_maximum, "np.maximum({}, {}, out={})"),
    np.minimum: (_minimum, "np.minimum({}, {}, out={})"),
}
"""Where a third operand by position is deprecated."""


def _matmul(node: Node, out: Any) -> list[Action]:
    a, b = node.inputs
    plain = a.ndim <= 2 and b.ndim <= 2 and a.dtype == b.dtype == node.dtype
    function = np.dot if plain else np.matmul
    return [Action(function, function.__name__, (a, b, out))]


def _reduction(ufunc: np.ufunc) -> Callable[[Node, Any], list[Action]]:
    def into(node: Node, out: Any) -> list[Action]:
        params = node.params
        axis = params["axis"]
        dtype = bool if node.dtype.kind == "b" else params.get("dtype")
        args: tuple[Any, ...] = (
            node.inputs[0],
            axis[0] if len(axis) == 1 else axis,
            dtype,
            out,
        )
        if params["keepdims"]:
            args = (*args, True)
        return [Action(ufunc.reduce, f"{ufunc.__name__}_reduce", args)]

    return into


def _where(node: Node, out: Any) -> list[Action]:
    zero = _zero_choice(node)
    if zero is not None:
        return _masked(node, out, zero)
    condition, first, second = node.inputs
    masked = Action(np.copyto, "copyto", (out, first, "unsafe", condition))
    return [copied(out, second), masked]


_BITS: Final[Mapping[np.dtype[Any], np.dtype[Any]]] = {
    np.dtype(np.float32): np.dtype(np.int32),
    np.dtype(np.float64): np.dtype(np.int64),
}
_BYTE: Final[np.dtype[Any]] = np.dtype(np.int8)


def _zero_choice(node: Node) -> int | None:
    """Which choice of a `where` is the number 0, if the other can be masked bit by bit."""
    if node.dtype not in _BITS or node.inputs[0].dtype != np.bool_:
        return None
    for position in (2, 1):
        value = scalar_value(node.inputs[position])
        other = node.inputs[3 - position]
        if value == 0 and not np.signbit(value) and other.dtype == node.dtype:
            return position
    return None


def _masked(node: Node, out: Any, zero: int) -> list[Action]:
    """An array where a condition holds and 0 elsewhere (or the other way round): its bits and
    those of -1 or 0. A copy under a mask takes ten times as long where the mask is not regular."""
    condition, kept = node.inputs[0], node.inputs[3 - zero]
    bits = _BITS[node.dtype]
    mask, into = Part(condition, dtype=_BYTE), Part(out, dtype=bits)
    if zero == 2:
        spread = Action(np.negative, "negative", (mask, into))
    else:
        spread = Action(np.subtract, "subtract", (mask, 1, into))
    return [spread, Action(np.bitwise_and, "bitwise_and", (into, Part(kept, dtype=bits), into))]


def _cast(node: Node, out: Any) -> list[Action]:
    return [Action(np.copyto, "copyto", (out, node.inputs[0], "unsafe"))]


def _reshape(node: Node, out: Any) -> list[Action]:
    (x,) = node.inputs
    return [copied(Part(out, shape=x.shape), x)]


def _scatter(node: Node, out: Any) -> list[Action]:
    keys = node.params["keys"]
    alone = len(keys) == 1 or not disjoint(keys)
    return [*(_zeros_around(node, out) if alone else [copied(out, 0)]), *_parts(node, out)]


def _parts(node: Node, out: Any) -> list[Action]:
    """The parts of a `scatter`, put where there are zeros."""
    keys = node.params["keys"]
    if disjoint(keys):
        return [_put(out, key, part) for key, part in zip(keys, node.inputs, strict=True)]
    first = _put(out, keys[0], node.inputs[0])
    return [first, *_put_more(out, keys[1:], node.inputs[1:])]


def _zeros_around(node: Node, out: Any) -> list[Action]:
    """Zeros where the first part will not come: around a run along one axis, or everywhere."""
    key = node.params["keys"][0]
    plain = all(isinstance(e, Slice) and e.step == 1 for e in key) and len(key) == node.ndim
    runs = [
        (axis, e)
        for axis, (e, dim) in enumerate(zip(key, node.shape, strict=False))
        if plain and e != Slice(0, dim, 1)
    ]
    if len(runs) != 1:
        return [copied(out, 0)]
    ((axis, run),) = runs
    around = []
    for start, stop in ((0, run.start), (run.stop, node.shape[axis])):
        if start != stop:
            whole = [Slice(0, dim, 1) for dim in node.shape]
            whole[axis] = Slice(start, stop, 1)
            put = (out, Key(tuple(whole)), 0)
            around.append(Action(operator.setitem, "setitem", put, form=_PUT))
    return around


def put_more(out: Node, scatter: Node) -> list[Action]:
    """The calls that add the parts of a `scatter` to what memory holds."""
    return _put_more(out, scatter.params["keys"], scatter.inputs)


def _put(out: Node, key: tuple[Any, ...], part: Node) -> Action:
    return Action(operator.setitem, "setitem", (out, Key(key), part), form=_PUT)


def _put_more(out: Node, keys: Sequence[Any], parts: Sequence[Node]) -> list[Action]:
    actions = []
    for part, key in zip(parts, keys, strict=True):
        if all(isinstance(entry, int | Size) for entry in key):
            actions.append(Action(_add_at, "add_at", (out, Key(key), part), form=_PUT_MORE))
        else:
            place = Part(out, key)
            actions.append(Action(np.add, "add", (place, part, place)))
    return actions


_PUT: Final = "{0}[{1}] = {2}"
_PUT_MORE: Final = "{0}[{1}] += {2}"


def _add_at(array: Any, key: Any, value: Any) -> None:
    array[key] += value


def _stack(node: Node, out: Any) -> list[Action]:
    if all(not x.shape for x in node.inputs):
        return [Action(_fill, "fill", (out, tuple(node.inputs)), form="{0}[:] = {1}")]
    return [_join(np.stack, node, out)]


def _fill(array: Any, values: Any) -> None:
    array[:] = values


def _concat(node: Node, out: Any) -> list[Action]:
    return [_join(np.concatenate, node, out)]


def _join(function: Any, node: Node, out: Any) -> Action:
    return Action(function, function.__name__, (tuple(node.inputs), node.params["axis"], out))


def _einsum(node: Node, out: Any) -> list[Action]:
    form = "{f}({}, {}, {}, out={})"
    args = (node.params["subscripts"], *node.inputs, out)
    return [Action(_einsum_into, "einsum", args, form=form)]


def _einsum_into(subscripts: str, a: Any, b: Any, out: Any) -> Any:
    return np.einsum(subscripts, a, b, out=out)


def _lone(node: Node, out: Any) -> list[Action]:
    """A sum of one term; one of more is taken apart by the plan."""
    return [copied(out, node.inputs[0])]


INTO: Final[Mapping[str, Callable[[Node, Any], list[Action]]]] = {
    "add_n": _lone,
    "all": _reduction(np.logical_and),
    "any": _reduction(np.logical_or),
    "cast": _cast,
    "concat": _concat,
    "einsum": _einsum,
    "matmul": _matmul,
    "max": _reduction(np.maximum),
    "min": _reduction(np.minimum),
    "prod": _reduction(np.multiply),
    "reshape": _reshape,
    "scatter": _scatter,
    "stack": _stack,
    "sum": _reduction(np.add),
    "where": _where,
}


def writes(node: Node) -> bool:
    """Whether a node can be computed into given memory."""
    op = node.op
    if not op.registered or not isinstance(node.type, TensorType):
        return False
    if op.name == "einsum" and node.dtype == np.float16:
        return False  # NumPy's loop would add up in half precision
    if op.name in INTO:
        return True
    return op.ufunc is not None and op.form == "elementwise" and op.ufunc.nout == 1


def in_place(node: Node) -> range | tuple[int, ...]:
    """Positions of operands whose memory may be the result's."""
    if node.op.name == "where":
        return () if _zero_choice(node) is not None else (2,)
    if node.op.form == "elementwise" and node.op.ufunc is not None:
        return range(len(node.inputs))
    return ()


def starts_cleared(node: Node) -> bool:
    """Whether new memory for a node is best made of zeros."""
    return node.op.name == "scatter"


def into(node: Node, out: Any, reused: Node | None = None, cleared: bool = False) -> list[Action]:
    """The calls that compute a node into `out`, which holds what `reused` was, or zeros."""
    if cleared and node.op.name == "scatter":
        return _parts(node, out)
    actions = INTO.get(node.op.name, _ufunc)(node, out)
    if reused is not None and node.op.name == "where":
        return actions[1:]  # the second choice is there already
    return actions
