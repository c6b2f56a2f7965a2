"""Whole texts: graphs, their lines, and the notes that gradients carry."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from symdiff.collector import paused_collector
from symdiff.errors import ParseError, SymdiffError
from symdiff.graph import Graph
from symdiff.literals import Literal
from symdiff.node import Node
from symdiff.op import NO_PARAMS, REGISTRY, Op
from symdiff.origin import Origin
from symdiff.parse.line import CLOSE, COMMA, WORD, Line, compiled
from symdiff.parse.values import (
    Known,
    read_array,
    read_scalar,
    read_tensor_type,
    read_type,
    read_value,
)
from symdiff.types import Type, check_name

__all__ = ["read"]

_HEADER: Final = rf"[ \t]*graph[ \t]+({WORD})[ \t]*\([ \t]*"
_INPUT: Final = rf"({WORD})[ \t]*:"
_OPEN_BODY: Final = r"[ \t]*\{[ \t]*$"
_RETURN: Final = r"[ \t]*return(?:[ \t]+|$)"
_OUTPUT: Final = r"[^\s,;=]+"
_TOKEN: Final = r"\S+"
_PARAM: Final = rf"[ \t]+({WORD})="
_NOTE: Final = (
    r"[ \t]*;[ \t]*(?:(\S+)[ \t]*\*[ \t]*)?d[ \t]+(\S+)[ \t]*/[ \t]*d[ \t]+(\S+)"
    r"(?:[ \t]+via[ \t]+(\S+)(?:[ \t]+\[(-1|[0-9]{1,9})\])?)?(?=[ \t]*$)"
)
_LABEL: Final = r"[ \t]*(%[0-9]+|[^\W\d]\w*(?=[ \t]*:))[ \t]*"
_COLON: Final = r"[ \t]*:[ \t]*"
_EQUALS: Final = r"[ \t]*=[ \t]*"
_OP: Final = rf"({WORD})"
# A node's line up to its operands, in one go.
_NODE: Final = rf"{_LABEL}:([^=;]+)=[ \t]*{_OP}((?:[ \t]++[^\s=;]++(?!\S))*)"


def read(
    text: str, ops: Iterable[Op] | Mapping[str, Op], constants: Iterable[Any] | Mapping[str, Any]
) -> Graph:
    """See `symdiff.parse.parse`."""
    own = ops if isinstance(ops, Mapping) else {op.name: op for op in ops}
    arrays = constants.values() if isinstance(constants, Mapping) else constants
    by_digest = {Literal(a).digest().hex(): a for a in arrays}
    known = Known({**REGISTRY.complete(), **own}, {}, by_digest)
    lines = text.replace("\r\n", "\n").split("\n")
    block: _Block | None = None
    with paused_collector():
        for number, line in enumerate(lines, 1):
            if block is not None:
                if block.read(number, line):
                    known.graphs[block.graph.name] = block.graph
                    block = None
            elif line and not line.isspace():
                block = _opened(Line(number, line.rstrip()), known)
    if block is not None:
        last = Line(len(lines), lines[-1], len(lines[-1]))
        raise last.error(f"expected `}}`: the text ends within graph {block.graph.name}")
    if not known.graphs:
        raise Line(1, "").error("expected `graph name(...) {`: the text is empty")
    return next(reversed(known.graphs.values()))


def _opened(line: Line, known: Known) -> _Block:
    """The graph that a first line opens: ``graph name(x: f64[n], y: f64[]) {``."""
    name = line.expect(_HEADER, "`graph name(...) {`, the first line of a graph")
    if not name[1].isidentifier():
        raise line.error("a graph's name must be an identifier", *name.span(1))
    if name[1] in known.graphs:
        raise line.error("the text has a graph of this name already", *name.span(1))
    block = _Block(known, Graph(name[1]))
    with block.graph.recording(origin=Origin("<text>", line.number, "")):
        while not line.match(CLOSE):
            if block.names:
                line.expect(COMMA, "`,` or `)`")
            found = line.expect(_INPUT, "an input such as `x: f64[n,3]`, or `)`")
            type_ = read_tensor_type(line)
            with line.blaming(found.start()):
                block.names[found[1]] = block.graph.input(found[1], type_)
    line.expect(_OPEN_BODY, "`{` at the end of the line")
    return block


class _Note(NamedTuple):
    """``; seed * d of / d target via forward [position]`` behind a gradient."""

    gradient: Node
    line: Line
    found: re.Match[str]


class _Block:
    """One graph of the text while its lines are read."""

    def __init__(self, known: Known, graph: Graph) -> None:
        self.known = known
        self.graph = graph
        self.names: dict[str, Node] = {}  # what an operand is called -> its node
        self.types: dict[str, Type] = {}  # a type as written -> as inferred, once it agreed
        self.count = 0
        self.notes: list[_Note] = []
        self.seeds: dict[Node, Node] = {}  # what was differentiated -> the seed noted last
        self.has_returned = False

    def read(self, number: int, text: str) -> bool:
        """Read one line; True where it closes the graph."""
        found = compiled(_NODE).match(text)
        if found is not None and not self.has_returned:
            self.read_node(number, found)
            return False
        line = Line(number, text.rstrip())
        word = line.text.strip()
        if word == "}":
            self.close()
            return True
        if not word:
            return False
        if self.has_returned:
            raise line.error("expected `}` after the line that returns")
        if line.match(_RETURN) is None:
            raise self.malformed(line)
        self.graph.outputs = self.read_outputs(line)
        self.has_returned = True
        return False

    def malformed(self, line: Line) -> ParseError:
        """The error for a line that has not the form of a node's."""
        if line.text.lstrip().startswith("…"):
            return line.error("the middle of this text was left out; print graph.text() instead")
        line.expect(_LABEL, "a node's number such as %0, `return`, or `}`")
        line.expect(_COLON, "`:` and a type")
        read_type(line)
        line.expect(_EQUALS, "`=` and an op")
        line.expect(_OP, "the name of an op")
        return line.error("expected a node")

    def read_outputs(self, line: Line) -> list[Node]:
        found = []
        while True:
            token = line.expect(_OUTPUT, "a node")
            found.append(self.operand(line, token))
            if not line.match(COMMA):
                line.expect_end()
                return found

    # -- a node ----------------------------------------------------------------------------

    def read_node(self, number: int, found: re.Match[str]) -> None:
        """``%2 : f64[] = sum %1 axis=(0,)   ; d %0 / d w``, matched up to its operands."""
        line = Line(number, found.string, found.end())
        label, written, name, operands = found.groups()
        is_name = label[0] != "%"
        if is_name:
            self.check_label(line, found)
        elif label != f"%{self.count}":
            raise line.error(f"expected %{self.count}, the next number", *found.span(1))
        op = self.known.ops.get(name)
        if op is None or op.form == "source":
            op = self.source_op(line, found)
        params: Mapping[str, Any] = NO_PARAMS
        args: tuple[Node, ...] = ()
        if name == "constant":
            params = self.read_constant(line, found)
        elif operands:
            args = self.read_operands(line, found)
        note = None
        if line.at < len(line.text):
            params = self.read_params(line, op) or params
            note = self.read_note(line)
        node = self.apply(line, op, args, params, found)
        if written not in self.types or self.types[written] is not node.type:
            self.check_type(line, node, found)
        self.names[label] = node.named(label) if is_name else node
        self.count += 1
        if note is not None:
            self.notes.append(_Note(node, line, note))

    def check_label(self, line: Line, found: re.Match[str]) -> None:
        """Raise unless a node can be called by the name that stands before its type."""
        with Line(line.number, line.text, found.end(1)).blaming(found.start(1)):
            check_name(found[1], "a node's name")
        if found[1] in self.names:
            raise line.error(f"{found[1]} is another node's name already", *found.span(1))

    def source_op(self, line: Line, found: re.Match[str]) -> Op:
        """An op without operands, or the error for an op that has no lines."""
        name = found[3]
        if name == "input":
            raise line.error("inputs stand in the graph's first line", *found.span(3))
        op = self.known.ops.get(name)
        if op is None:
            why = f"expected an op; none is named {name}{_similar(name, self.known.ops)}. "
            why += "Your own ops are passed as parse(text, ops=[...])"
            raise line.error(why, *found.span(3))
        return op

    def read_operands(self, line: Line, found: re.Match[str]) -> tuple[Node, ...]:
        names = self.names
        try:
            return tuple([names[token] for token in found[4].split()])
        except KeyError:  # named for the first time, as scalar constants are; or by mistake
            tokens = compiled(_TOKEN).finditer(line.text, *found.span(4))
        return tuple([self.operand(line, token) for token in tokens])

    def operand(self, line: Line, token: re.Match[str]) -> Node:
        """The node of a token: a name, a number, or a scalar constant."""
        name = token[0]
        node = self.names.get(name)
        if node is not None:
            return node
        with Line(line.number, line.text, token.end()).blaming(token.start()):
            value = read_scalar(name)
        if value is not None:
            with self.graph.recording(origin=Origin("<text>", line.number, "")):
                node = self.names[name] = self.graph.constant(value)
            return node
        if name.startswith("%"):
            why = f"expected a node of a line above; {name} is none"
        else:
            similar = _similar(name, [str(i.name) for i in self.graph.inputs])
            why = f"expected a node; no input is named {name}{similar}"
        raise line.error(why, *token.span())

    def read_params(self, line: Line, op: Op) -> dict[str, Any]:
        params: dict[str, Any] = {}
        while found := line.match(_PARAM):
            name = found[1]
            if name not in op.parameters or op.name == "constant":
                listed = ", ".join(op.parameters) or "none"
                why = f"expected a parameter of {op.name} ({listed}); {name} is none"
                raise line.error(why, *found.span(1))
            if name in params:
                raise line.error(f"expected {name} once; it is given twice", *found.span(1))
            params[name] = read_value(line, self.known)
        return params

    def read_constant(self, line: Line, found: re.Match[str]) -> dict[str, Any]:
        """The array behind ``constant``, whose type stands before it."""
        type_ = read_tensor_type(Line(line.number, line.text, found.start(2)))
        if not type_.shape:
            raise line.error("a scalar constant stands where it is used", *found.span(3))
        line.at = found.end(3)
        return {"value": read_array(line, type_, self.known)}

    def read_note(self, line: Line) -> re.Match[str] | None:
        found = line.match(_NOTE)
        if found is None and not line.is_done:
            line.skip_space()
            note = "a note such as `; d %3 / d w`"
            raise line.error(
                f"expected {note if line.next_is(';') else f'a parameter, {note}, or the end'}"
            )
        return found

    def apply(
        self,
        line: Line,
        op: Op,
        args: tuple[Node, ...],
        params: Mapping[str, Any],
        found: re.Match[str],
    ) -> Node:
        before = len(self.graph)
        try:
            with self.graph.recording(origin=Origin("<text>", line.number, "")):
                node = self.graph.apply(op, args, params)
        except Exception as error:  # given such operands an op, a user's too, may fail in any way
            raise line.error(_refusal(error, op), *found.span(3)) from error
        if node.index < before:
            same = next(name for name, other in self.names.items() if other is node)
            raise line.error(f"expected another node; this is {same} again", *found.span(3))
        return node

    def check_type(self, line: Line, node: Node, found: re.Match[str]) -> None:
        """The type that stands in the line must be the one its op infers."""
        at = Line(line.number, line.text, found.start(2))
        start = at.skip_space()
        stated = read_type(at)
        end = at.at
        if at.skip_space() != found.end(2):
            raise at.error("expected `=`")
        if stated != node.type:
            try:
                inferred = str(node.type)
            except Exception as error:  # the op did not look at its params: it gave no type
                raise line.error(_refusal(error, node.op), *found.span(3)) from error
            why = f"expected {inferred}, the type that {node.op.name} gives here"
            raise line.error(why, start, end)
        self.types[found[2]] = node.type

    # -- the end of a graph ----------------------------------------------------------------

    def close(self) -> None:
        """Notes can be read now: a node may be a gradient of one that comes after it."""
        older: dict[int, list[int]] = {}  # gradient -> what it is of, where that came before it
        # A seed holds for what is recorded after it.
        for note in sorted(self.notes, key=lambda note: note.found[1] is not None):
            of = self.record(note)
            if of.index < note.gradient.index:
                older.setdefault(note.gradient.index, []).append(of.index)
        if older:
            self.graph.restore_orders(_orders(self.graph, older))

    def record(self, note: _Note) -> Node:
        """Put one note into the graph's provenance; returns what was differentiated."""
        gradient, line, found = note
        of, target = self.noted(line, found, 2), self.noted(line, found, 3)
        if gradient.type != target.type:
            why = f"expected a node of the gradient's type, {gradient.type}, not {target.type}"
            raise line.error(why, *found.span(3))
        token = compiled(_TOKEN).match(line.text, *found.span(1)) if found[1] else None
        if token is not None:
            seed = self.operand(line, token)
            if self.seeds.get(of) is not seed:
                self.seeds[of] = seed
                self.graph.record_provenance(seed, of, of, -1, True)
        if found[4] is None:
            self.graph.record_provenance(gradient, of, target, -1, True)
            return of
        forward = self.noted(line, found, 4)
        position = int(found[5] or 0)
        places = (*forward.inputs, forward)  # the node itself is at -1
        if position >= len(forward.inputs) or places[position] is not target:
            why = f"expected a node that takes {found[3]} as its operand {position}"
            raise line.error(why, *found.span(4))
        self.graph.record_provenance(gradient, of, forward, position, False)
        return of

    def noted(self, line: Line, found: re.Match[str], group: int) -> Node:
        node = self.names.get(found[group])
        if node is None:
            raise line.error(f"expected a node; {found[group]} is none", *found.span(group))
        return node


def _orders(graph: Graph, older: Mapping[int, list[int]]) -> list[int]:
    """Depths of differentiation, as far as notes tell them.

    A gradient is one deeper than what it is a gradient of, and no node less deep than its
    operands. What came after the first node differentiated, and is taken by gradients alone,
    was made for them: it is as deep as the least of them.
    """
    orders: list[int] = []
    for node in graph.nodes:
        depths = [orders[i.index] for i in node.inputs]
        depths += [orders[of] + 1 for of in older.get(node.index, ())]
        orders.append(max(depths, default=0))
    first = min(map(min, older.values()))
    settled = {n.index for n in (*graph.inputs, *graph.outputs)}
    least: dict[int, int] = {}  # by index, of the consumers
    for node in reversed(graph.nodes[first:]):
        if node.index in least and node.index not in settled:
            orders[node.index] = max(orders[node.index], least[node.index])
        depth = orders[node.index]
        for i in node.inputs:
            least[i.index] = min(least.get(i.index, depth), depth)
    return orders


def _refusal(error: Exception, op: Op) -> str:
    """What an op says of its operands, with the lines that list them."""
    if not isinstance(error, SymdiffError):
        why = f"{op.name} cannot take these operands and parameters"
        return f"{why}: {type(error).__name__}: {error}".partition("\n")[0]
    first, *rest = str(error).split("\n")
    return "\n".join([first, *(line for line in rest if " = " in line)])


def _similar(name: str, known: Iterable[str]) -> str:
    """A hint at the names that hold this one or are held by it."""
    low = name.lower()
    near = [k for k in known if low in k.lower() or (len(k) > 2 and k.lower() in low)]
    return f" (there is {', '.join(sorted(near)[:4])})" if near else ""
