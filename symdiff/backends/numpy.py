"""The NumPy backend: straight-line Python over NumPy, one statement a node.

    def ridge(X, w, y, n):
        v0 = X @ w                                       # f64[n]   model.py:12
        v1 = v0 - y                                      # f64[n]   model.py:12
        del v0
        ...

The function takes the inputs as arrays that fit, then the values of the named sizes, and gives
a tuple of fresh arrays: results never alias arguments, constants or each other. It holds no
state, so any number of threads may run it at once. Graphs of many thousand nodes are not worth
Python's compiler: they run as a loop over the same steps, with slots for variables.
"""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from symdiff.graph import Graph
from symdiff.literals import Slice, map_param
from symdiff.node import Node
from symdiff.ops.declare import scalar_value
from symdiff.ops.index import disjoint
from symdiff.sizes import Size, evaluate, names, substitute
from symdiff.types import dtype_name

__all__ = ["LARGEST_SOURCE", "Program", "build"]

LARGEST_SOURCE: Final = 2_000
"""Steps beyond which a loop over slots starts sooner than compiled source would repay."""


class Program(NamedTuple):
    """A runnable graph: `run(arrays, sizes)` gives the outputs; `source()` shows the steps."""

    run: Callable[[Sequence[Any], Sequence[int]], tuple[np.ndarray[Any, Any], ...]]
    source: Callable[[], str]


def build(graph: Graph, size_names: Sequence[str], *, largest: int = LARGEST_SOURCE) -> Program:
    """The program of a graph's outputs; `size_names` are those the call binds, in order."""
    schedule = _Schedule(graph)
    steps = len(schedule.computed)
    if steps > largest:
        note = f"# {steps} steps are too many to compile: they run as a loop over slots.\n"
        loop = _Loop(schedule, size_names)
        return Program(loop.run, lambda: note + _Lines(schedule, size_names).source())
    lines = _Lines(schedule, size_names)
    source = lines.source()
    namespace = dict(lines.namespace)
    exec(compile(source, f"<symdiff {graph.name}>", "exec"), namespace)
    function = namespace[lines.function_name]
    return Program(lambda arrays, sizes: function(*arrays, *sizes), lambda: source)


# -- what to compute, in which order ---------------------------------------------------------

_VIEWS: Final = frozenset(
    ("reshape", "permute_dims", "broadcast_to", "index", "refine", "stop_gradient", "probe")
)
"""Ops whose kernels may give a view of their operand, or the operand itself."""


class _Schedule:
    """The nodes to compute in order, when values die, and which results must be copied."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.computed = [
            node
            for node in graph.ancestors(graph.outputs)
            if node.op.name not in ("input", "constant")
        ]
        last: dict[Node, int] = {}
        for k, node in enumerate(self.computed):
            last[node] = k
            for taken in node.inputs:
                last[taken] = k
        kept = {*graph.outputs, *graph.inputs}
        final = len(self.computed) - 1
        self.dying: list[list[Node]] = [[] for _ in self.computed]
        """For each computed node those whose values are not needed after it."""
        for node, k in last.items():
            if k < final and node not in kept and node.op.name != "constant":
                self.dying[k].append(node)

    def copied(self) -> list[bool]:
        """Which outputs may share memory with an argument, a constant or an earlier output."""
        seen: set[Node] = set()
        result = []
        for output in self.graph.outputs:
            root = output
            spread = False
            while root.op.name in _VIEWS and root.op.registered:
                spread = spread or root.op.name == "broadcast_to"
                root = root.inputs[0]
            # A user's kernel may give back what it was given.
            shared = root in seen or not root.inputs or not root.op.registered
            result.append(shared or spread)
            seen.add(root)
        return result


# -- expressions ---------------------------------------------------------------------------

_INFIX: Final = {
    "add": "{} + {}",
    "subtract": "{} - {}",
    "multiply": "{} * {}",
    "divide": "{} / {}",
    "matmul": "{} @ {}",
    "negative": "-{}",
    "less": "{} < {}",
    "less_equal": "{} <= {}",
    "greater": "{} > {}",
    "greater_equal": "{} >= {}",
    "equal": "{} == {}",
    "not_equal": "{} != {}",
}
_METHODS: Final = {
    "reshape": "{x}.reshape({shape})",
    "permute_dims": "{x}.transpose({axes})",
    "broadcast_to": "broadcast_to({x}, {shape})",
    "cast": "{x}.astype({dtype})",
    "refine": "{x}",
    "stop_gradient": "{x}",
}


class _Names:
    """Python names that are not taken."""

    def __init__(self, taken: Sequence[str] = ()) -> None:
        self.taken = set(taken)

    def fresh(self, wish: str) -> str:
        name = wish
        while name in self.taken or keyword.iskeyword(name):
            name += "_"
        self.taken.add(name)
        return name


class _Lines:
    """The statements of a graph's outputs, and the names they use."""

    def __init__(self, schedule: _Schedule, size_names: Sequence[str]) -> None:
        self.schedule = schedule
        self.graph = graph = schedule.graph
        self.sizes = tuple(size_names)
        self.namespace: dict[str, Any] = {
            "np": np,
            "broadcast_to": np.broadcast_to,
            "add_reduce": np.add.reduce,
            "array": np.array,
            "zeros": np.zeros,
        }
        self._names = _Names([*self.namespace, *dir(builtins)])
        self.function_name = self._names.fresh(graph.name)
        self.inputs = {node: self._names.fresh(str(node.name)) for node in graph.inputs}
        self.size_of = {name: self._names.fresh(name) for name in self.sizes}
        self._kernels: dict[Any, str] = {}
        self.variables: dict[Node, str] = dict(self.inputs)
        count = 0
        for node in graph.ancestors(graph.outputs):
            if node in self.variables:
                continue
            if node.op.name == "constant":
                self.variables[node] = self._constant(node)
            else:
                self.variables[node] = self._names.fresh(f"v{count}")
                count += 1

    def _constant(self, node: Node) -> str:
        array = node.params["value"].array
        wish = f"c{len(self.namespace)}"
        value = scalar_value(node)
        if value is not None:
            digits = repr(value).replace("-", "m").replace(".0", "").replace(".", "_")
            wish = "c_" + "".join(c if c.isalnum() or c == "_" else "" for c in digits)
        name = self._names.fresh(wish)
        self.namespace[name] = array
        return name

    # -- one node ------------------------------------------------------------------------

    def statements(self, node: Node) -> list[str]:
        """The Python statements that compute a node and bind its variable."""
        name = self.variables[node]
        if node.op.name == "scatter" and node.op.registered:
            shape = self._param(node.params["shape"], "shape")
            dtype = self._param(node.dtype, "dtype")
            return [f"{name} = zeros({shape}, {dtype})", *self._parts(node)]
        return [f"{name} = {self.expression(node)}"]

    def _parts(self, node: Node) -> Iterator[str]:
        """A statement for each part of a `scatter`, which puts it in place."""
        name, keys = self.variables[node], node.params["keys"]
        apart = disjoint(keys)
        for k, (key, part) in enumerate(zip(keys, node.inputs, strict=True)):
            place, value = f"{name}[{self._key(key)}]", self.variables[part]
            if apart or not k:
                yield f"{place} = {value}"
            elif part.shape:
                yield f"np.add({place}, {value}, {place})"  # `+=` would copy the sum onto itself
            else:
                yield f"{place} += {value}"

    def expression(self, node: Node) -> str:
        """The Python expression that computes a node."""
        op, operands = node.op, [self.variables[i] for i in node.inputs]
        if op.name == "index" and op.registered:
            return f"{operands[0]}[{self._key(node.params['key'])}]"
        if op.name == "item":
            return f"{operands[0]}[{node.params['index']}]"
        if op.name in _INFIX and op.registered:
            return _INFIX[op.name].format(*operands)
        if op.name == "add_n" and len(operands) <= 3:
            return " + ".join(operands)
        if op.name == "size_of":
            return f"{self._held(node.params['dtype'].type)}({self._dim(node.params['size'])})"
        if op.name == "sum":
            return self._sum(operands[0], node.params)
        template = _METHODS.get(op.name) if op.registered else None
        params = {
            name: self._param(value, name)
            for name, value in node.params.items()
            if template is None or f"{{{name}}}" in template
        }
        if template is not None:
            return template.format(x=operands[0], **params)
        arguments = [*operands, *[f"{name}={value}" for name, value in params.items()]]
        return f"{self._kernel(node)}({', '.join(arguments)})"

    def _sum(self, operand: str, params: Mapping[str, Any]) -> str:
        axis = params["axis"]
        text = f"add_reduce({operand}, axis={axis[0] if len(axis) == 1 else axis}"
        if params["dtype"] is not None:
            text += f", dtype={self._param(params['dtype'], 'dtype')}"
        return text + (", keepdims=True)" if params["keepdims"] else ")")

    def _held(self, scalar_type: type) -> str:
        self.namespace.setdefault(scalar_type.__name__, scalar_type)
        return scalar_type.__name__

    def _kernel(self, node: Node) -> str:
        op = node.op
        if op not in self._kernels:
            self._kernels[op] = self._names.fresh(op.name)
            self.namespace[self._kernels[op]] = op.kernel
        return self._kernels[op]

    def _param(self, value: Any, name: str) -> str:
        if isinstance(value, Size):
            return self._dim(value)
        if value is None or isinstance(value, bool | int | str):
            return repr(value)
        if isinstance(value, np.dtype):
            short = dtype_name(value)
            if short not in self.namespace:
                self._names.taken.add(short)
                self.namespace[short] = value
            return short
        if isinstance(value, tuple) and not isinstance(value, Slice):
            inner = ", ".join(self._param(v, name) for v in value)
            return f"({inner},)" if len(value) == 1 else f"({inner})"
        if isinstance(value, Slice) and any(names(d) for d in (value.start, value.stop)):
            self.namespace.setdefault("Slice", Slice)
            return f"Slice({self._dim(value.start)}, {self._dim(value.stop)}, {value.step})"
        held = self._names.fresh(name)
        self.namespace[held] = value
        return held

    def _dim(self, dim: int | Size) -> str:
        if isinstance(dim, int):
            return repr(dim)
        return str(substitute(dim, {name: Size(self.size_of[name]) for name in names(dim)}))

    def _key(self, key: tuple[Any, ...]) -> str:
        parts = []
        for entry in key:
            if entry is None:
                parts.append("None")
            elif isinstance(entry, Slice):
                parts.append(self._slice(entry))
            else:
                parts.append(self._dim(entry))
        return ", ".join(parts) if parts else "()"

    def _slice(self, entry: Slice) -> str:
        start = "" if entry.start == 0 and entry.step > 0 else self._dim(entry.start)
        stop = "" if entry.stop == -1 and entry.step < 0 else self._dim(entry.stop)
        if entry.step < 0 and not isinstance(entry.stop, int):
            # A stop that comes out as -1 would count from the end.
            stop = f"None if {stop} < 0 else {stop}"
            return f"slice({start or None}, {stop}, {entry.step})"
        return f"{start}:{stop}" + ("" if entry.step == 1 else f":{entry.step}")

    # -- the whole -------------------------------------------------------------------------

    def source(self) -> str:
        """The function as text."""
        arguments = [*self.inputs.values(), *[self.size_of[s] for s in self.sizes]]
        lines = [f"def {self.function_name}({', '.join(arguments)}):"]
        computed = self.schedule.computed
        blocks = [[f"    {line}" for line in self.statements(n)] for n in computed]
        width = min(max((len(block[0]) for block in blocks), default=0), 60)
        for block, node, dying in zip(blocks, computed, self.schedule.dying, strict=True):
            lines.append(f"{block[0]:<{width}}  # {node.type!s:<10} {self.graph.origin(node)}")
            lines += block[1:]
            if dying:
                lines.append(f"    del {', '.join(self.variables[d] for d in dying)}")
        results = self.results()
        tail = "," if len(results) == 1 else ""
        lines.append(f"    return ({', '.join(results)}{tail})")
        return "\n".join(lines) + "\n"

    def results(self) -> list[str]:
        """The returned expressions: fresh arrays, copied where a value may be shared."""
        return [
            f"array({self.variables[o]}{', order=' + repr('C') if copied else ', copy=None'})"
            for o, copied in zip(self.graph.outputs, self.schedule.copied(), strict=True)
        ]


# -- the loop for large graphs -------------------------------------------------------------


class _Loop:
    """The same steps, run one after another over a list of slots."""

    def __init__(self, schedule: _Schedule, size_names: Sequence[str]) -> None:
        graph = schedule.graph
        self.sizes = tuple(size_names)
        slots: dict[Node, int] = {node: k for k, node in enumerate(graph.inputs)}
        self.constants: list[tuple[int, Any]] = []
        for node in graph.ancestors(graph.outputs):
            if node not in slots:
                slots[node] = len(slots)
                if node.op.name == "constant":
                    self.constants.append((slots[node], node.params["value"].array))
        self.count = len(slots)
        # Kernel, operands' slots, params, whether sizes stand in them, result, slots that die.
        self.steps: list[tuple[Any, ...]] = [
            (
                node.op.kernel,
                tuple([slots[i] for i in node.inputs]),
                node.params,
                bool(node.params) and any(map(_has_size, node.params.values())),
                slots[node],
                tuple([slots[d] for d in dying]),
            )
            for node, dying in zip(schedule.computed, schedule.dying, strict=True)
        ]
        self.outputs = [
            (slots[o], copied) for o, copied in zip(graph.outputs, schedule.copied(), strict=True)
        ]

    def run(self, arrays: Sequence[Any], sizes: Sequence[int]) -> tuple[Any, ...]:
        values: list[Any] = [None] * self.count
        values[: len(arrays)] = arrays
        for slot, constant in self.constants:
            values[slot] = constant
        bound = dict(zip(self.sizes, sizes, strict=True))
        for kernel, operands, params, sized, result, dying in self.steps:
            if sized:
                params = {k: map_param(v, lambda p: _known(p, bound)) for k, v in params.items()}
            values[result] = kernel(*[values[o] for o in operands], **params)
            for slot in dying:
                values[slot] = None
        return tuple(
            np.array(values[slot], order="C") if copied else np.asarray(values[slot])
            for slot, copied in self.outputs
        )


def _known(part: Any, bound: Mapping[str, int]) -> Any:
    return evaluate(part, bound) if isinstance(part, Size) else part


def _has_size(value: Any) -> bool:
    if isinstance(value, Size):
        return True
    return isinstance(value, tuple) and any(map(_has_size, value))
