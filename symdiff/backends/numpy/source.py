"""The calls of a plan as Python source: memory and views of it, then the function that uses them.

    b0 = empty(8*n, u8)
    v1 = ndarray((n,), f64, b0)

    def ridge(X, w, y):
        dot(X, w, v1)                                # f64[n]   model.py:12
        subtract(v1, y, v2)
        ...

The text is compiled once and run once for each workspace, in a namespace of its own, where the
named sizes have their values. The function may be called any number of times, but not while it
runs: it owns its memory. (Memory stands in globals, for Python takes time that is quadratic in
the variables of an enclosing function.)
"""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from symdiff.backends.numpy.actions import Work, view
from symdiff.backends.numpy.kernels import Action, Key, Number, Part, Scratch, starts_cleared
from symdiff.literals import Slice
from symdiff.node import Node
from symdiff.ops.declare import scalar_value
from symdiff.plan import ARGUMENT, BLOCK, BUFFER, CONSTANT, MADE, OUTPUT, VIEW, Step
from symdiff.plan.blocks import cut, is_total, rows_of
from symdiff.plan.release import released
from symdiff.render.text import labels
from symdiff.sizes import Size, names, substitute
from symdiff.types import dtype_name, element_count

__all__ = ["Run", "Source"]

Run = Callable[..., tuple[Any, ...]]
Line = tuple[str, Node | None]
"""A statement, and the node whose type and origin stand beside it."""
Call = tuple[Step, tuple[Action, ...]]

BLOCK_ENTRIES: Final = 16_384
"""Entries of a block: 128 KiB of float64, so that some of them fit a second-level cache."""


class Source:
    """The text, and the names it uses."""

    def __init__(
        self, work: Work, size_names: Sequence[str], entries: int = BLOCK_ENTRIES
    ) -> None:
        self.work, self.plan, self.entries = work, work.plan, entries
        self.namespace: dict[str, Any] = {
            "np": np,
            "empty": np.empty,
            "zeros": np.zeros,
            "ndarray": np.ndarray,
            "array": np.array,
            "asarray": np.asarray,
            "u8": np.dtype(np.uint8),
        }
        self.taken = {*self.namespace, *dir(builtins)}
        graph = self.plan.graph
        self.function = self.fresh(graph.name)
        self.size_of = {name: self.fresh(name) for name in size_names}
        self.of = {n: self.fresh(str(n.name)) for n in graph.inputs}
        self.number_of: dict[Node, str] = {}
        self.held: dict[Any, str] = {}
        self.part_of: dict[Part, str] = {}
        self.dtypes: dict[np.dtype[Any], np.dtype[Any]] = {}
        self.blocks: dict[str, str] = {}
        self.in_block = False
        self.scratches: dict[Node, str] = {}
        self.setup: list[str] = []
        for node, place in self.plan.places.items():
            if node.op.name == "constant" and place.kind == CONSTANT:
                self.of[node] = self.constant(node)
        self.block_rows = self._block_rows()
        self._lay_out()

    def fresh(self, wish: str) -> str:
        """A Python name that is not taken."""
        name = wish
        while name in self.taken or keyword.iskeyword(name):
            name += "_"
        self.taken.add(name)
        return name

    def variable(self, label: str, count: int) -> str:
        """What a value is called: by its node's name, if it has one."""
        return self.fresh(f"v{count}" if label.startswith("%") else label)

    def hold(self, value: Any, wish: str) -> str:
        """The name of an object of the namespace, the same for the same object."""
        # A method of a ufunc is another object each time it is looked up, but an equal one.
        key = value if callable(value) else id(value)
        if key not in self.held:
            self.held[key] = self.fresh(wish)
            self.namespace[self.held[key]] = value
        return self.held[key]

    def constant(self, node: Node) -> str:
        value = scalar_value(node)
        wish = "c"
        if value is not None:
            digits = repr(value).replace("-", "m").replace(".0", "").replace(".", "_")
            wish = "c_" + "".join(c if c.isalnum() or c == "_" else "" for c in digits)
        return self.hold(node.params["value"].array, wish)

    # -- setting up ------------------------------------------------------------------------

    def _block_rows(self) -> dict[int, str]:
        """How many rows a block of each group has."""
        widths: dict[int, set[str]] = {}
        for step in self.plan.steps:
            if step.group >= 0 and not is_total(step):
                width = self.dim(element_count(step.node.shape[1:]))
                widths.setdefault(step.group, set()).add(width)
        return {group: _rows_text(sorted(found), self.entries) for group, found in widths.items()}

    def _lay_out(self) -> None:
        plan, work = self.plan, self.work
        for k, buffer in enumerate(plan.buffers):
            self.setup.append(f"b{k} = empty({self.dim(buffer.nbytes)}, u8)")
            self.taken.add(f"b{k}")
        for k, buffer in enumerate(plan.blocks):
            most = f"max({16 * self.entries}, {self.dim(buffer.nbytes)})"
            self.setup.append(f"block{k} = empty({most}, u8)")
            self.taken.add(f"block{k}")
        count = 0
        called = labels(plan.graph, plan.graph.nodes)
        for node in plan.setup:
            self.of[node] = self.variable(called[node], count)
            count += 1
            named = ", ".join(
                [self.of[i] for i in node.inputs]
                + [f"{k}={self.shown(v)}" for k, v in node.params.items()]
            )
            kernel = self.hold(node.op.kernel, node.op.name)
            self.setup.append(f"{self.of[node]} = asarray({kernel}({named}))")
        for step in plan.steps:
            node = step.node
            if node in self.of:
                continue
            place = plan.places[node]
            if place.kind == BLOCK:
                self.of[node] = self._block(node, place.number, step.group)
                continue
            self.of[node] = self.variable(called[node], count)
            count += 1
            if place.kind == BUFFER:
                what = f"{self.shown(node.shape)}, {self.dtype(node.dtype)}, b{place.number}"
                self.setup.append(f"{self.of[node]} = ndarray({what})")
            elif step.kind == VIEW and node in work.fixed:
                self.setup.append(f"{self.of[node]} = {self.expression(view(node))}")
            if node in work.numbers:
                self.number_of[node] = self.of[node]
                if node in work.cells:
                    self.of[node] = self.fresh(f"s{count - 1}")
                    dtype = self.dtype(node.dtype)
                    self.setup.append(f"{self.of[node]} = empty((), {dtype})")

    def _block(self, node: Node, number: int, group: int) -> str:
        """The name of memory for a block of a value; values of one type share it."""
        dims = [self.block_rows[group], *map(self.dim, node.shape[1:])]
        shape = f"({', '.join(dims)}{',' if len(dims) == 1 else ''})"
        made = f"ndarray({shape}, {self.dtype(node.dtype)}, block{number})"
        if made not in self.blocks:
            self.blocks[made] = self.fresh(f"t{len(self.blocks)}")
            self.setup.append(f"{self.blocks[made]} = {made}")
        return self.blocks[made]

    # -- expressions -----------------------------------------------------------------------

    def expression(self, action: Action) -> str:
        """How a call reads."""
        args = [self.shown(a) for a in action.args]
        values = [self.shown(value) for _, value in action.named]
        form = action.form
        if form is None:
            slots = ["{}"] * len(args) + [f"{name}={{}}" for name, _ in action.named]
            form = f"{{f}}({', '.join(slots)})"
        if "{f}" not in form:
            return form.format(*args, *values)
        function = getattr(action.function, "function", action.function)
        return form.format(*args, *values, f=self.hold(function, action.name))

    def shown(self, arg: Any) -> str:
        """An argument as source."""
        if isinstance(arg, Node):
            return self.of[arg]
        if type(arg) is Number:
            return self.number(arg.node)
        if type(arg) is Part:
            return self.part(arg)
        if type(arg) is Scratch:
            return self.scratch(arg.node)
        if type(arg) is Key:
            return self.key(arg.entries)
        if isinstance(arg, Size):
            return self.dim(arg)
        if arg is None or isinstance(arg, bool | int | str):
            return repr(arg)
        if arg is Ellipsis:
            return "..."
        if isinstance(arg, np.dtype):
            return self.dtype(arg)
        if isinstance(arg, Slice):
            if any(map(names, arg)):
                made = self.hold(Slice, "Slice")
                return f"{made}({', '.join(map(self.dim, arg))})"
        elif isinstance(arg, tuple):
            inner = ", ".join(map(self.shown, arg))
            return f"({inner},)" if len(arg) == 1 else f"({inner})"
        return self.hold(arg, "p")

    def number(self, node: Node) -> str:
        """A scalar as a Python float."""
        if node not in self.number_of:
            value = scalar_value(node)
            if value is not None:
                plain = isinstance(value, float) and np.isfinite(value)
                shown = repr(value) if plain else self.hold(value, "c")
                self.number_of[node] = f"({shown})" if shown.startswith("-") else shown
            else:
                self.number_of[node] = self.fresh(f"{self.of[node]}_")
                if self.plan.places[node].kind == CONSTANT:
                    self.setup.append(f"{self.number_of[node]} = {self.of[node]}.item()")
        return self.number_of[node]

    def part(self, part: Part) -> str:
        """A view of a node's memory; one of the workspace is made once, when it is set up."""
        name = self.of[part.node]
        if part.key is not None:
            text = f"{name}[{self.key(part.key)}]"
        elif part.dtype is not None:
            text = f"{name}.view({self.dtype(part.dtype)})"
        else:
            text = f"{name}.reshape({self.shown(part.shape)})"
        if part.node not in self.work.fixed or self.in_block:
            return text
        if part not in self.part_of:
            self.part_of[part] = self.fresh(f"{name}_part")
            self.setup.append(f"{self.part_of[part]} = {text}")
        return self.part_of[part]

    def dtype(self, dtype: np.dtype[Any]) -> str:
        # One object a dtype, so that it has one name.
        return self.hold(self.dtypes.setdefault(dtype, dtype), dtype_name(dtype))

    def dim(self, dim: int | Size) -> str:
        if isinstance(dim, int):
            return repr(dim)
        return str(substitute(dim, {name: Size(self.size_of[name]) for name in names(dim)}))

    def key(self, entries: tuple[Any, ...]) -> str:
        parts = [
            "None" if e is None else self.slice(e) if isinstance(e, Slice) else self.dim(e)
            for e in entries
        ]
        return ", ".join(parts) if parts else "()"

    def slice(self, entry: Slice) -> str:
        start = "" if entry.start == 0 and entry.step > 0 else self.dim(entry.start)
        stop = "" if entry.stop == -1 and entry.step < 0 else self.dim(entry.stop)
        if entry.step < 0 and not isinstance(entry.stop, int):
            # A stop that comes out as -1 would count from the end.
            stop = f"None if {stop} < 0 else {stop}"
            return f"slice({start or None}, {stop}, {entry.step})"
        return f"{start}:{stop}" + ("" if entry.step == 1 else f":{self.dim(entry.step)}")

    # -- the whole -------------------------------------------------------------------------

    def text(self) -> str:
        """The source."""
        plan, work = self.plan, self.work
        graph = plan.graph
        body: list[Line] = []
        dying = released(plan)
        k = 0
        while k < len(work.calls):
            end = k + 1
            group = work.calls[k][0].group
            if group < 0:
                body += self._step(*work.calls[k])
            else:
                while end < len(work.calls) and work.calls[end][0].group == group:
                    end += 1
                body += self._group(work.calls[k:end])
            # What a group makes for a block is as small as that, and not made without rows.
            small = {step.node for step, _ in work.calls[k:end]} if group >= 0 else ()
            gone = [self.of[n] for j in range(k, end) for n in dying.get(j, ()) if n not in small]
            if gone:
                body.append((f"del {', '.join(gone)}", None))
            k = end
        entry = [
            f"{self.number_of[n]} = float({self.of[n]})"
            for n in graph.inputs
            if n in self.number_of
        ]
        width = min(max((len(text) for text, _ in body), default=0), 56)
        arguments = ", ".join(self.of[n] for n in graph.inputs)
        lines = [*self.setup, ""] if self.setup else []
        lines.append(f"def {self.function}({arguments}):")
        lines += [f"    {text}" for text in entry]
        for text, made in body:
            remark = f"  # {made.type!s:<10} {graph.origin(made)}" if made is not None else ""
            lines.append(f"    {text:<{width}}{remark}".rstrip())
        results = self.results()
        lines.append(f"    return ({', '.join(results)}{',' if len(results) == 1 else ''})")
        return "\n".join(lines) + "\n"

    def _step(self, step: Step, actions: Sequence[Action]) -> list[Line]:
        """The statements of a step."""
        node = step.node
        body: list[Line] = []
        if self.plan.places[node].kind == OUTPUT and step.begins:
            body.append(self._fresh_output(node))
        if step.kind == VIEW and node in self.work.fixed:
            return body
        body += [self._statement(action, node) for action in actions]
        if node in self.work.cells:
            body.append((f"{self.of[node]}[()] = {self.number_of[node]}", None))
        return body

    def _fresh_output(self, node: Node) -> Line:
        shape, dtype = self.shown(node.shape), self.dtype(node.dtype)
        made = "zeros" if starts_cleared(node) else "empty"
        return f"{self.of[node]} = {made}({shape}, {dtype})", None

    def _statement(self, action: Action, node: Node) -> Line:
        text = self.expression(action)
        if action.result is not None:
            text = f"{self.number_of.get(node, self.of[node])} = {text}"
        return text, node

    # -- blocks of rows --------------------------------------------------------------------

    def _group(self, calls: Sequence[Call]) -> list[Line]:
        """The loop over blocks of rows, and what goes before and after it."""
        places, numbers = self.plan.places, self.number_of
        count, step = self.dim(rows_of(calls[0][0])), self.block_rows[calls[0][0].group]
        before: list[Line] = []
        after: list[Line] = []
        for s, _ in calls:
            node = s.node
            if places[node].kind == OUTPUT and s.begins:
                before.append(self._fresh_output(node))
            if is_total(s):
                before.append((self._zero(node), None))
                if node in self.work.cells:
                    after.append((f"{self.of[node]}[()] = {numbers[node]}", None))
        whole, self.in_block = dict(self.of), True
        inside: list[Line] = [(f"for i_ in range(0, {count}, {step}):", None)]
        inside += [(f"    {text}", None) for text in self._cuts(calls, f"{count} - i_", step)]
        for s, actions in calls:
            node = s.node
            for action in actions:
                text, _ = self._statement(action, node)
                if not is_total(s):
                    inside.append((f"    {text}", node))
                elif not node.shape:
                    inside.append((f"    {self._sum_up(node, self.expression(action))}", node))
                else:
                    more = ", ".join([whole[node], self.scratch(node), whole[node]])
                    inside.append((f"    {text}", node))
                    inside.append((f"    {self.hold(np.add, 'add')}({more})", None))
        # Rows of what a kernel made would keep all of it.
        rows = {x: name for x, name in self.of.items() if name != whole[x]}
        after += [(f"{rows[x]} = None", None) for x in rows if places[x].kind == MADE]
        self.of, self.in_block = whole, False
        return [*before, *inside, *after]

    def _zero(self, node: Node) -> str:
        """A sum over rows before the first block."""
        if node in self.number_of:
            return f"{self.number_of[node]} = 0.0"
        if node.shape:
            return f"{self.of[node]}[...] = 0"
        return f"{self.of[node]} = {self.hold(node.dtype.type(0), 'zero')}"

    def _sum_up(self, node: Node, value: str) -> str:
        if node in self.number_of:
            return f"{self.number_of[node]} += {value}"
        return f"{self.of[node]} = {self.of[node]} + {value}"

    def scratch(self, node: Node) -> str:
        """The name of memory beside a node's own."""
        if node not in self.scratches:
            self.scratches[node] = self.fresh(f"{self.of[node]}_more")
            shape, dtype = self.shown(node.shape), self.dtype(node.dtype)
            self.setup.append(f"{self.scratches[node]} = empty({shape}, {dtype})")
        return self.scratches[node]

    def _cuts(self, calls: Sequence[Call], left: str, step: str) -> list[str]:
        """Names for the rows of a block; from here on they stand for their nodes."""
        texts: dict[str, str] = {}
        found: dict[Node, str] = {}
        members = {s.node for s, _ in calls}
        for s, _ in calls:
            for x in (*s.reads(), *(() if is_total(s) else (s.node,))):
                kind = self.plan.places[x].kind
                if x in found or (kind == MADE and x in members):
                    continue
                if kind == BLOCK:
                    text = f"{self.of[x]}[:{left}]"
                elif x is s.node or is_total(s) or cut(x, s.node):
                    text = f"{self.of[x]}[i_:i_ + {step}]"
                else:
                    continue
                found[x] = texts.setdefault(text, self.fresh(f"{self.of[x]}_"))
        self.of = self.of | found
        return [f"{name} = {text}" for text, name in texts.items()]

    def maker(self) -> Callable[..., Run]:
        """What makes a function with a workspace of its own, given the values of the sizes."""
        code = compile(self.text(), f"<symdiff {self.plan.graph.name}>", "exec")

        def make(*sizes: int) -> Run:
            space = self.namespace | dict(zip(self.size_of.values(), sizes, strict=True))
            exec(code, space)
            return space[self.function]  # type: ignore[no-any-return]

        return make

    def results(self) -> list[str]:
        """The returned expressions: fresh arrays, copied where a value may be shared."""
        found = []
        for output, copied in zip(self.plan.graph.outputs, self.plan.copied, strict=True):
            kind = self.plan.places[output].kind
            name = self.of[output]
            if kind not in (ARGUMENT, CONSTANT):
                name = self.number_of.get(output, name)
            if copied:
                name = f"array({name}, order='C')"
            elif kind != OUTPUT:
                name = f"asarray({name})"  # a number, or what a kernel made
            found.append(name)
        return found


def _rows_text(widths: Sequence[str], entries: int) -> str:
    widest = widths[0] if len(widths) == 1 else f"max({', '.join(widths)})"
    return f"{entries}" if widest == "1" else f"max(1, {entries} // max(1, {widest}))"
