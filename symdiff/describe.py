"""How errors speak of nodes: one place, so that every message has the same shape."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from symdiff.errors import SymdiffError
from symdiff.op import Op, Storage
from symdiff.render import text

if TYPE_CHECKING:
    from symdiff.node import Node
    from symdiff.origin import Origin

__all__ = ["listing", "node_line", "operand_error", "path_lines", "type_list"]

_WIDTH = 72


def operand_error(
    error: SymdiffError, op: Op, operands: Iterable[Any], origin: Origin
) -> SymdiffError:
    """The same error, with the op's name before it and operands, types and lines after it."""
    message = str(error)
    lines = [message if message.startswith(f"{op.name}:") else f"{op.name}: {message}"]
    for position, operand in enumerate(operands):
        lines.append(f"  {op.argument_name(position)} = {_operand(operand)}")
    lines.append(f"  at {origin}")
    return type(error)("\n".join(lines))


@contextmanager
def listing(name: str, operands: Mapping[str, Any]) -> Iterator[None]:
    """What `operand_error` does, for the errors of a function over ops raised inside."""
    try:
        yield
    except SymdiffError as error:
        message = str(error)
        lines = [message if message.startswith(f"{name}:") else f"{name}: {message}"]
        lines += [f"  {label} = {_operand(operand)}" for label, operand in operands.items()]
        raise type(error)("\n".join(lines)) from None


def type_list(operands: Iterable[Any]) -> str:
    """The operands, one a line."""
    return "\n".join(f"  {_operand(operand)}" for operand in operands)


def node_line(node: Node) -> str:
    """A node as messages show it: its line and the user's line that made it."""
    line = text.line(node)
    line = line if len(line) <= _WIDTH else line[: _WIDTH - 1] + "…"
    return f"{line:<30} ({node.graph.origin(node)})"


def path_lines(path: Iterable[Node]) -> str:
    """A path through the graph, one node a line."""
    return "\n".join(f"  {node_line(node)}" for node in path)


def _operand(operand: Any) -> str:
    if isinstance(operand, Storage):
        return node_line(operand)  # type: ignore[arg-type]
    shown = repr(operand)
    shown = shown if len(shown) <= _WIDTH else shown[: _WIDTH - 1] + "…"
    return f"{shown} ({type(operand).__name__})"
