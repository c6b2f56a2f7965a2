"""Graphs as mathematics: ``g * cos(x)``, ``matmul(g, matrix_transpose(x2))``.

What `docs/operations.md` prints the rules with. A part that stands twice, or is long, gets a name
and a line of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

import symdiff as sd
from symdiff.literals import Literal, Slice
from tests.ops.exact import NoCounterpartError
from tests.ops.symbolic import number

WIDEST: Final = 76

# Operators as Python binds them: name -> symbol and precedence.
_BINARY: Final[Mapping[str, tuple[str, int]]] = {
    "less": ("<", 1),
    "less_equal": ("<=", 1),
    "greater": (">", 1),
    "greater_equal": (">=", 1),
    "equal": ("==", 1),
    "not_equal": ("!=", 1),
    "bitwise_or": ("|", 2),
    "bitwise_xor": ("^", 3),
    "bitwise_and": ("&", 4),
    "add": ("+", 5),
    "subtract": ("-", 5),
    "multiply": ("*", 6),
    "divide": ("/", 6),
    "floor_divide": ("//", 6),
    "remainder": ("%", 6),
    "matmul": ("@", 6),
    "pow": ("**", 8),
}
_UNARY: Final = {"negative": ("-", 7), "bitwise_invert": ("~", 7)}
_WHOLE: Final = 9
_LAX: Final = {"+", "*", "&", "|", "^"}  # a + (b + c) is written a + b + c
_LETTERS: Final = "tuvwpqrsabcdefhk"


class Text(NamedTuple):
    """An expression and how tightly its outermost operator binds."""

    text: str
    binding: int
    symbol: str = ""

    def within(self, binding: int) -> str:
        return self.text if self.binding >= binding else f"({self.text})"


def lines(outputs: Mapping[str, sd.Node], names: Mapping[sd.Node, str]) -> list[str]:
    """``name = expression`` for each output, after the parts that got a name of their own.

    Arguments: `names`, how inputs and other given nodes are called.
    """
    writer = _Writer(list(outputs.values()), names)
    return writer.written(outputs)


class _Writer:
    def __init__(self, outputs: Sequence[sd.Node], names: Mapping[sd.Node, str]) -> None:
        self.names = dict(names)
        taken = set(names.values())
        self.letters = iter([x for x in _LETTERS if x not in taken])
        graph = outputs[0].graph
        self.order = [n for n in graph.ancestors(outputs, names) if n not in names]
        self.uses = Counter(outputs)
        for node in self.order:
            self.uses.update(node.inputs)

    def written(self, outputs: Mapping[str, sd.Node]) -> list[str]:
        found, final = [], set(outputs.values())
        for node in self.order:
            if self.is_simple(node):
                continue
            often = self.uses[node] > 1
            if often or (node not in final and len(self.text(node).text) > WIDEST // 2):
                name = next(self.letters)
                found.append(f"{name} = {self.text(node).text}")
                self.names[node] = name
        return [*found, *[f"{label} = {self.text(node).text}" for label, node in outputs.items()]]

    def is_simple(self, node: sd.Node) -> bool:
        """What is shorter than a name would be."""
        return not node.inputs or (node.op.name == "negative" and node.inputs[0] in self.names)

    def text(self, node: sd.Node) -> Text:
        if node in self.names:
            return Text(self.names[node], _WHOLE)
        operands = [self.text(x) for x in node.inputs]
        name = node.op.name
        match name:
            case "constant":
                return _constant(node.params["value"])
            case "size_of":
                return Text(str(node.params["size"]), _WHOLE)
            case "item":
                return Text(f"{operands[0].within(_WHOLE)}[{node.params['index']}]", _WHOLE)
            case "add_n":
                return Text(" + ".join(x.within(5) for x in operands), 5)
            case "index":
                return Text(f"{operands[0].within(_WHOLE)}[{_key(node.params['key'])}]", _WHOLE)
        if name in _BINARY:
            return _binary(*_BINARY[name], *operands)
        if name in _UNARY:
            symbol, binding = _UNARY[name]
            return Text(symbol + operands[0].within(binding), binding)
        arguments = [x.text for x in operands]
        arguments += [f"{k}={shown(v)}" for k, v in told(node).items()]
        return Text(f"{name}({', '.join(arguments)})", _WHOLE)


def _binary(symbol: str, binding: int, first: Text, second: Text) -> Text:
    """Left to right, `**` right to left; comparisons are not chained."""
    left = binding + (symbol == "**" or binding == 1)
    right = binding + (symbol != "**" and not (symbol in _LAX and second.symbol == symbol))
    return Text(f"{first.within(left)} {symbol} {second.within(right)}", binding, symbol)


def told(node: sd.Node) -> dict[str, Any]:
    """The parameters that say more than their defaults."""
    defaults = node.op.parameters
    return {
        k: v
        for k, v in node.params.items()
        if v is not None and not (type(v) is type(defaults[k]) and v == defaults[k])
    }


def _constant(value: Literal) -> Text:
    array = value.array
    if array.ndim or array.dtype.kind not in "fiu":
        return Text(shown(array), _WHOLE)
    scalar = array.item()
    if np.isinf(scalar) or np.isnan(scalar):
        return Text(str(scalar), 7 if scalar < 0 else _WHOLE)
    if scalar == round(scalar, 3):
        return Text(f"{scalar:g}", _WHOLE if scalar >= 0 else 7)
    try:
        text = str(number(float(scalar)))
    except NoCounterpartError:
        text = repr(scalar)
    return Text(text, 5 if set(text) & set("+-*/") else _WHOLE)


def shown(value: Any) -> str:
    """A parameter as Python writes it, sizes by name."""
    match value:
        case np.dtype():
            return value.name
        case Literal():
            return shown(value.array)
        case np.ndarray():
            return str(value.tolist())
        case Slice():
            return _slice(value)
        case tuple():
            inner = ", ".join(map(shown, value))
            return f"({inner},)" if len(value) == 1 else f"({inner})"
        case sd.Graph():
            return value.name
        case str() | bool() | None:
            return repr(value)
    if callable(value) and not isinstance(value, sd.Op):
        return getattr(value, "__name__", "…")
    return str(value)


def _key(key: Sequence[Any]) -> str:
    return ", ".join(_slice(e) if isinstance(e, Slice) else shown(e) for e in key)


def _slice(part: Slice) -> str:
    step = "" if part.step == 1 else f":{part.step}"
    return f"{part.start}:{part.stop}{step}"
