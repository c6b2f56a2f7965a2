"""Expressions typed by a person, such as ``mean((X @ w - y)**2)``, to nodes.

Python's own parser reads them; what may stand in them is listed here and nothing else runs:
names of inputs, numbers, operators, symdiff's functions, array methods, indexing. Nothing is
ever handed to `eval`.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn

from symdiff.errors import ParseError, SymdiffError
from symdiff.graph import Graph
from symdiff.node import Node
from symdiff.types import as_dtype

__all__ = ["parse_expression"]

LONGEST: Final = 20_000
DEEPEST: Final = 100
LARGEST_NUMBER: Final = 2**63 - 1
_CONSTANTS: Final = {"pi": math.pi, "e": math.e, "inf": math.inf, "nan": math.nan}
_METHODS: Final = frozenset(
    (
        *("sum", "mean", "prod", "max", "min", "any", "all", "argmax"),
        *("reshape", "transpose", "ravel", "dot", "squeeze"),
    )
)
_ATTRIBUTES: Final = frozenset(("T", "mT", "shape", "size", "ndim"))
_OPERATORS: Final[dict[type[ast.AST], Callable[..., Any]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.MatMult: operator.matmul,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Invert: operator.invert,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_MODULES: Final = frozenset(("np", "numpy", "sd", "symdiff"))


def parse_expression(text: str, graph: Graph, functions: Mapping[str, Callable[..., Any]]) -> Node:
    """The node an expression stands for, over the inputs of `graph`.

    Arguments: `functions`, what may be called, by name; a prefix ``np.`` or ``sd.`` is allowed.
    Raises `ParseError` for what is not allowed, showing the place, and the ops' own errors.

    >>> import symdiff as sd
    >>> g = sd.Graph()
    >>> x = g.input("x", sd.f64[3])
    >>> parse_expression("sum(2*x)", g, {"sum": sd.sum})
    %1 : f64[] = sum %0 axis=(0,)
    """
    if len(text) > LONGEST:
        raise ParseError(f"the expression has {len(text)} characters; {LONGEST} are the most")
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except SyntaxError as error:
        raise ParseError(_at(text.strip(), (error.offset or 1) - 1, str(error.msg))) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise ParseError(f"the expression cannot be read: {error}") from None
    result = _Reader(text.strip(), graph, functions).read(tree.body, 0)
    if isinstance(result, int | float) and not isinstance(result, bool):
        return graph.constant(float(result))
    if not isinstance(result, Node):
        raise ParseError(f"the expression is not an array but {type(result).__name__}")
    return result


def _at(text: str, column: int, message: str) -> str:
    start = max(0, column - 50)
    return f"{message}\n  {text[start : column + 30]}\n  {' ' * (column - start)}^"


class _Reader:
    """Walks the syntax tree; everything it does not know is refused."""

    def __init__(
        self, text: str, graph: Graph, functions: Mapping[str, Callable[..., Any]]
    ) -> None:
        self.text = text
        self.functions = functions
        self.inputs = {str(i.name): i for i in graph.inputs}

    def refuse(self, node: ast.AST, message: str) -> NoReturn:
        raise ParseError(_at(self.text, getattr(node, "col_offset", 0), message))

    def read(self, node: ast.AST, depth: int) -> Any:
        if depth > DEEPEST:
            self.refuse(node, f"nested more than {DEEPEST} deep")
        match node:
            case ast.Constant(value=bool() | int() | float() | complex() | None):
                return self.checked(node, node.value)
            case ast.Name(id=name):
                return self.name(node, name)
            case ast.BinOp():
                return self.chain(node, depth)
            case ast.UnaryOp(op=op, operand=operand) if type(op) in _OPERATORS:
                return self.apply(node, type(op), self.read(operand, depth + 1))
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _OPERATORS:
                operands = self.read(left, depth + 1), self.read(right, depth + 1)
                return self.apply(node, type(op), *operands)
            case ast.Compare():
                self.refuse(node, "compare two things at a time, joined with &")
            case ast.Call():
                return self.call(node, depth)
            case ast.Attribute(value=value, attr=attr) if attr in _ATTRIBUTES:
                owner = self.read(value, depth + 1)
                if isinstance(owner, Node):
                    return getattr(owner, attr)
            case ast.Subscript(value=value, slice=key):
                owner = self.read(value, depth + 1)
                if isinstance(owner, Node | tuple):
                    return self.guarded(node, lambda: owner[self.key(key, depth + 1)])
            case ast.Tuple(elts=parts):
                return tuple(self.read(part, depth + 1) for part in parts)
            case ast.List(elts=parts):
                return [self.read(part, depth + 1) for part in parts]
        return self.refuse(node, f"{type(node).__name__} is not allowed in an expression")

    def name(self, node: ast.AST, name: str) -> Any:
        if name in self.inputs:
            return self.inputs[name]
        if name in _CONSTANTS:
            return _CONSTANTS[name]
        known = ", ".join(self.inputs) or "none"
        return self.refuse(
            node, f"{name} is no input (-i {name}:f64[...]); the inputs are: {known}"
        )

    def chain(self, node: ast.BinOp, depth: int) -> Any:
        """``a + b + c + …`` leans to the left as deep as it is long: a loop, not a recursion."""
        spine: list[ast.BinOp] = []
        left: ast.AST = node
        while isinstance(left, ast.BinOp):
            spine.append(left)
            left = left.left
        value = self.read(left, depth + 1)
        for part in reversed(spine):
            if type(part.op) not in _OPERATORS:
                self.refuse(part, f"operator {type(part.op).__name__} is not allowed")
            value = self.apply(part, type(part.op), value, self.read(part.right, depth + 1))
        return value

    def apply(self, node: ast.AST, op: type[ast.AST], *operands: Any) -> Any:
        if op is ast.Pow and all(isinstance(x, int | float) for x in operands):
            # Numbers alone are computed in floating point: 9**9**9 must not run for ever.
            return self.guarded(node, lambda: float(operands[0]) ** float(operands[1]))
        return self.guarded(node, lambda: _OPERATORS[op](*operands))

    def guarded(self, node: ast.AST, compute: Callable[[], Any]) -> Any:
        try:
            return self.checked(node, compute())
        except SymdiffError:
            raise
        except (ArithmeticError, TypeError, ValueError) as error:
            return self.refuse(node, str(error))

    def checked(self, node: ast.AST, value: Any) -> Any:
        if isinstance(value, int) and abs(value) > LARGEST_NUMBER:
            self.refuse(node, "the number is too large")
        return value

    def key(self, node: ast.AST, depth: int) -> Any:
        match node:
            case ast.Slice(lower=lower, upper=upper, step=step):
                return slice(
                    *[None if x is None else self.read(x, depth) for x in (lower, upper, step)]
                )
            case ast.Tuple(elts=parts):
                return tuple(self.key(part, depth) for part in parts)
            case ast.Constant(value=value) if value is Ellipsis:
                return value
        return self.read(node, depth)

    def call(self, node: ast.Call, depth: int) -> Any:
        args = [self.read(arg, depth + 1) for arg in node.args]
        named = {}
        for keyword in node.keywords:
            if keyword.arg is None:
                self.refuse(node, "** is not allowed in a call")
            named[keyword.arg] = self.keyword(keyword, depth)
        match node.func:
            case ast.Name(id=name) if name in self.functions:
                return self.guarded(node, lambda: self.functions[name](*args, **named))
            case ast.Attribute(value=ast.Name(id=module), attr=name) if (
                module in _MODULES and module not in self.inputs and name in self.functions
            ):
                return self.guarded(node, lambda: self.functions[name](*args, **named))
            case ast.Attribute(value=value, attr=name) if name in _METHODS:
                owner = self.read(value, depth + 1)
                if isinstance(owner, Node):
                    return self.guarded(node, lambda: getattr(owner, name)(*args, **named))
        shown = ast.unparse(node.func) if not isinstance(node.func, ast.Call) else "this"
        return self.refuse(node, f"{shown[:60]} is not a function that can be called here")

    def keyword(self, keyword: ast.keyword, depth: int) -> Any:
        if keyword.arg == "dtype":
            name = keyword.value.id if isinstance(keyword.value, ast.Name) else None
            name = keyword.value.attr if isinstance(keyword.value, ast.Attribute) else name
            if name is None:
                self.refuse(keyword.value, "a dtype is written f32, f64, i64, …")
            return as_dtype(name)
        return self.read(keyword.value, depth + 1)
