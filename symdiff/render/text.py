"""The text form: one node a line, which `sd.parse` reads back to the letter.

    graph loss(A: f64[2,3], x: f64[3,1]) {
      %0 : f64[2,1] = matmul A x
      %1 : f64[]    = sum %0 axis=(0,1)
      return %1
    }

The grammar is in ``docs/text-form.md``. Inputs stand by name, scalar constants by value;
every other node has a line and a number, dense over the lines printed.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np

from symdiff.errors import ArgumentError
from symdiff.literals import Literal, Slice, exact_key
from symdiff.sizes import Size
from symdiff.trees import flatten
from symdiff.types import TensorType, TupleType, dtype_name

__all__ = [
    "cut",
    "graph_text",
    "is_listed",
    "labels",
    "line",
    "seeded",
    "short_name",
    "shown_params",
    "text",
]

LONGEST_TEXT: Final = 60
"""Lines of `str(node)` and `str(graph)`; longer texts are cut in the middle."""

LARGEST_CONSTANT: Final = 1024
"""Bytes of an array constant printed in full; larger ones print their digest."""

_WIDEST_LABEL: Final = 12
_WIDEST_TYPE: Final = 24
_PLAIN_DTYPES: Final = ("float64", "int64", "bool", "complex128")
_CARRIED: Final = "?bhilqBHILQefdFD"  # characters of the dtypes that have a short name


def is_listed(op: Any, params: Mapping[str, Any]) -> bool:
    """Whether nodes of this op and params have a line of their own."""
    if op.name == "constant":
        return not params["value"].is_scalar
    return bool(op.name != "input")


def labels(graph: Any, nodes: Iterable[Any]) -> dict[Any, str]:
    """What those of some nodes are called that have a line of their own.

    A node is called by its name, with a number behind it where the name is taken, or else by
    the number of its line: ``y``, ``y_2``, ``%2``.
    """
    names = graph.names
    found: dict[Any, str] = {}
    used = {i.name: 1 for i in graph.inputs} if names else {}
    for node in nodes:
        if is_listed(node.op, node.params):
            name = names.get(node)
            found[node] = f"%{len(found)}" if name is None else _untaken(name, used)
    return found


def _untaken(name: str, used: dict[str, int]) -> str:
    """The name, or the first of ``name_2``, ``name_3``, … that is not used; marked as used."""
    label = name
    while label in used:
        used[name] += 1
        label = f"{name}_{used[name]}"
    used[label] = 1
    return label


def text(outputs: Any) -> str:
    """The text form of what `outputs` (a node, or nested nodes) are computed from.

    The inputs and the lines are those that the outputs need. Raises `ArgumentError` for
    anything but nodes and `MixedGraphError` for nodes of two graphs.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64[3])
    >>> print(sd.text(sd.sum(sd.sin(x))))
    graph graph(x: f64[3]) {
      %0 : f64[3] = sin x
      %1 : f64[]  = sum %0 axis=(0,)
      return %1
    }
    """
    found = flatten(outputs)
    if not found or not hasattr(found[0], "graph"):
        raise ArgumentError(f"text: {outputs!r} is not a node or nested nodes")
    graph = found[0].graph
    return _render(graph, graph.ancestors(found), found)


def graph_text(graph: Any) -> str:
    """The text form of a whole graph, nodes that no output needs included."""
    return _render(graph, graph.nodes, graph.outputs)


def line(node: Any) -> str:
    """One node's line, numbered as in the text of its whole graph: its `repr`."""
    body = _line(node, _reference_in_graph, lambda g: f"@{g.name}")
    return body.removeprefix("  ")


def cut(whole: str) -> str:
    """A text of more than sixty lines with its middle left out."""
    lines = whole.split("\n")
    if len(lines) <= LONGEST_TEXT:
        return whole
    head, tail = LONGEST_TEXT * 2 // 3, LONGEST_TEXT // 3 - 1
    return "\n".join([*lines[:head], f"  … {len(lines) - head - tail} lines …", *lines[-tail:]])


def _render(graph: Any, nodes: Sequence[Any], outputs: Sequence[Any]) -> str:
    # digest -> label, graph: the graphs in params. The text's own graph keeps its name.
    bodies: dict[str, tuple[str, Any]] = {"": (graph.name, graph)}
    for node in nodes:
        if node.params:
            for value in node.params.values():
                _collect_graphs(value, bodies)
    del bodies[""]
    blocks = [
        _block(label, body, body.nodes, body.outputs, bodies) for label, body in bodies.values()
    ]
    blocks.append(_block(graph.name, graph, nodes, outputs, bodies))
    return "\n\n".join(blocks)


def _block(
    name: str, graph: Any, nodes: Sequence[Any], outputs: Sequence[Any], bodies: Mapping[str, Any]
) -> str:
    called = labels(graph, nodes)
    inputs = [node for node in nodes if node.op.name == "input"]

    def reference(node: Any) -> str:
        return called.get(node) or short_name(node)

    widths = (
        min(max(map(len, called.values()), default=0), _WIDEST_LABEL),
        min(max((len(str(n.type)) for n in called), default=0), _WIDEST_TYPE),
    )
    notes = _notes(graph, called, {*called, *inputs}, reference)
    header = ", ".join(f"{i.params['name']}: {i.type}" for i in inputs)
    lines = [f"graph {name}({header}) {{"]
    for node in called:
        lines.append(
            _line(node, reference, lambda g: f"@{bodies[g.digest()][0]}", widths)
            + notes.get(node, "")
        )
    if outputs:
        lines.append(f"  return {', '.join(map(reference, outputs))}")
    lines.append("}")
    return "\n".join(lines)


def _line(
    node: Any,
    reference: Callable[[Any], str],
    graph_name: Callable[[Any], str],
    widths: tuple[int, int] = (0, 0),
) -> str:
    if not is_listed(node.op, node.params):
        return f"{short_name(node)} : {node.type}"
    label, type_ = widths
    parts = [f"  {reference(node):<{label}} : {node.type!s:<{type_}} =", node.op.name]
    parts += map(reference, node.inputs)
    if node.op.name == "constant":
        parts.append(_array(node.params["value"]))
    else:
        parts += shown_params(node, graph_name).values()
    return " ".join(parts)


def shown_params(node: Any, graph_name: Callable[[Any], str]) -> dict[str, str]:
    """The params that are not at their default, as the text form prints them, by name."""
    defaults = node.op.parameters
    return {
        name: f"{name}={_param(value, graph_name)}"
        for name, value in node.params.items()
        if defaults[name] is not value and exact_key(defaults[name]) != exact_key(value)
    }


def _notes(
    graph: Any, listed: Mapping[Any, str], known: set[Any], reference: Callable[[Any], str]
) -> dict[Any, str]:
    """``; d %3 / d w`` behind a gradient; ``via %2`` where it is the part through a consumer."""
    whole: dict[Any, str] = {}
    parts: dict[Any, str] = {}
    for record, seed in seeded(graph, known):
        gradient, of, forward, position, is_whole = record
        target = record.target
        if gradient not in listed or of not in known or target not in known:
            continue
        factor = "" if seed is None else f"{reference(seed)} * "
        note = f"   ; {factor}d {reference(of)} / d {reference(target)}"
        if is_whole:
            whole.setdefault(gradient, note)
        elif forward in known:
            via = reference(forward) + (f" [{position}]" if position else "")
            parts.setdefault(gradient, f"{note} via {via}")
    return parts | whole


def seeded(graph: Any, known: Container[Any]) -> Iterator[tuple[Any, Any]]:
    """The records of provenance, each with the seed that its gradient started from; None for 1.

    With a seed u, a gradient of y is u * dy / dx. Left out are the record of the seed itself, and
    all with a seed that cannot be named, being no constant and not `known`.
    """
    seeds: dict[Any, Any] = {}
    for record in graph.provenance:
        if record.forward is record.of and record.position < 0:
            seed = record.gradient
            if seed.op.name == "broadcast_to":
                seed = seed.inputs[0]  # one number for all entries
            is_one = seed.op.name == "constant" and np.all(seed.params["value"].array == 1)
            seeds[record.of] = None if is_one and not record.of.type.shape else seed
            continue
        seed = seeds.get(record.of)
        if seed is None or seed.op.name == "constant" or seed in known:
            yield record, seed


def _collect_graphs(value: Any, bodies: dict[str, tuple[str, Any]]) -> None:
    if isinstance(value, tuple):
        for entry in value:
            _collect_graphs(entry, bodies)
    elif hasattr(value, "digest") and hasattr(value, "outputs"):
        key = value.digest()
        if key in bodies:
            return
        for node in value.nodes:
            for inner in node.params.values():
                _collect_graphs(inner, bodies)
        taken = {label for label, _ in bodies.values()}
        label, count = value.name, 1
        while label in taken:
            count += 1
            label = f"{value.name}_{count}"
        bodies[key] = (label, value)


def _reference_in_graph(node: Any) -> str:
    if not is_listed(node.op, node.params):
        return short_name(node)
    if node in node.graph.names:
        return str(node.graph.names[node])
    return f"%{node.index - bisect_left(node.graph.unlisted, node.index)}"


def short_name(node: Any) -> str:
    """What stands for an input or a scalar constant wherever it is used."""
    if node.op.name == "input":
        return str(node.params["name"])
    array = node.params["value"].array
    suffix = "" if array.dtype.name in _PLAIN_DTYPES else f":{dtype_name(array.dtype)}"
    return _number(array[()]) + suffix


def _number(value: Any) -> str:
    """A NumPy scalar so that reading it back gives the same bits."""
    if value.dtype.kind == "c":
        imaginary = _real(value.imag)
        sign = "" if imaginary.startswith("-") else "+"
        return f"{_real(value.real)}{sign}{imaginary}j"
    return _real(value) if value.dtype.kind == "f" else str(value)


def _real(value: Any) -> str:
    if value != value:
        bits = np.asarray(value).view(f"u{value.itemsize}")
        usual = np.array(np.nan, value.dtype).view(bits.dtype)
        return "nan" if bits == usual else f"nan({int(bits):#x})"
    if value.itemsize == 8:
        return repr(float(value))
    # Shorter than the digits of a double; but reading goes through a double, and rounding
    # twice might miss.
    short = str(value)
    return short if value.dtype.type(float(short)) == value else repr(float(value))


def _array(literal: Literal) -> str:
    if literal.array.nbytes > LARGEST_CONSTANT:
        return f"#{literal.digest().hex()}"
    return _nested(literal.array)


def _nested(array: np.ndarray[Any, Any]) -> str:
    # Depth is the rank, at most 64. The type says which axes an empty array has.
    if array.ndim == 0:
        return _number(array[()])
    return f"[{', '.join(map(_nested, array))}]" if array.size else "[]"


def _quoted(text: str) -> str:
    """A string of JSON; everything but printable ASCII is escaped."""
    units = text.encode("utf-16-be", "surrogatepass")
    codes = [int.from_bytes(units[k : k + 2], "big") for k in range(0, len(units), 2)]
    plain = [chr(c) if 0x20 <= c < 0x7F and chr(c) not in '"\\' else f"\\u{c:04x}" for c in codes]
    return f'"{"".join(plain)}"'


def _param(value: Any, graph_name: Callable[[Any], str]) -> str:
    match value:
        case Slice(start, stop, step):
            end = "" if stop == -1 and step < 0 else _param(stop, graph_name)
            tail = "" if step == 1 else f":{_param(step, graph_name)}"
            return f"{_param(start, graph_name)}:{end}{tail}"
        case tuple():
            inner = ",".join(_param(v, graph_name) for v in value)
            return f"({inner},)" if len(value) == 1 else f"({inner})"
        case Size():
            return value.compact()
        case str():
            return _quoted(str(value))
        case np.generic() if value.dtype.char in _CARRIED:
            return f"{_number(value)}:{dtype_name(value.dtype)}"
        case complex():
            return _number(np.complex128(value))
        case np.dtype():
            return dtype_name(value)
        case Literal():
            return f"{TensorType(value.array.dtype, value.array.shape)}{_array(value)}"
        case TensorType():
            return str(value)
        case TupleType():
            return f"tuple[{','.join(map(str, value.items))}]"
        case _ if hasattr(value, "digest") and hasattr(value, "outputs"):
            return graph_name(value)
        case None | bool() | int() | float():
            return repr(value)
        case _:  # a function or another object: named, but no text can hold it
            of = value if hasattr(value, "__qualname__") else type(value)
            return f"<{of.__module__}.{of.__qualname__}>".replace(" ", "")
