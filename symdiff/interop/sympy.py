"""Nodes as SymPy expressions, through the counterparts that ops state.

For formulas to read, to simplify and to prove things with. What is large, or deep, belongs in the
graph: SymPy writes a shared value out wherever it is used, and recurses over what it holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from functools import partial
from typing import Any, Final

import numpy as np

from symdiff.describe import node_line
from symdiff.errors import ArgumentError, MissingDependencyError, ShapeError
from symdiff.graph import Graph
from symdiff.inline import rebuild
from symdiff.node import Node
from symdiff.sizes import Size
from symdiff.sources import CONSTANT, INPUT
from symdiff.trees import flatten, unflatten
from symdiff.types import TensorType, TupleType, substitute_type, type_names

__all__ = ["to_sympy"]

Array = np.ndarray[Any, Any]

_RELATIONS: Final = {
    "less": "Lt",
    "less_equal": "Le",
    "greater": "Gt",
    "greater_equal": "Ge",
    "equal": "Eq",
    "not_equal": "Ne",
    "logical_and": "And",
    "logical_or": "Or",
    "logical_xor": "Xor",
    "logical_not": "Not",
    "bitwise_and": "And",
    "bitwise_or": "Or",
    "bitwise_xor": "Xor",
    "bitwise_invert": "Not",
}
"""SymPy's words for ops whose results are true or false."""

_ON_OBJECTS: Final = frozenset(
    (
        *("broadcast_to", "concat", "einsum", "index", "matmul", "permute_dims", "put_diagonal"),
        *("reshape", "roll", "scatter", "take_diagonal"),
    )
)
"""Ops whose kernels take entries of any kind: they move them, or add and multiply them."""

_REDUCTIONS: Final = {"sum": "Add", "prod": "Mul", "max": "Max", "min": "Min"}

_EXPONENTIALS: Final[Mapping[str, Callable[..., Array]]] = {
    "softmax": lambda e, x, log, total: e / total,
    "log_softmax": lambda e, x, log, total: x - log,
    "logsumexp": lambda e, x, log, total: log,
}
"""Of exp(x), x, and the logarithm of the sum, and the sum, of the entries along axes."""

_UNCHANGED: Final = frozenset(("barrier", "refine", "stop_gradient"))

_EXACT: Final = 1000
"""The largest denominator of a float that is read as a fraction: 0.1 is 1/10."""


def to_sympy(
    outputs: Any,
    symbols: Mapping[Node, Any] | None = None,
    *,
    sizes: Mapping[str, int] | None = None,
) -> Any:
    """What `outputs` compute, as SymPy expressions.

    Arguments:

    - `outputs`, a node or nested nodes;
    - `symbols`, what stands for some nodes, inputs or not: an expression, or an array of
      expressions of the node's shape. One expression for an array stands for each of its
      entries, in what is computed entry by entry. Inputs without one are ``Symbol(name)``, or
      the entries ``name[0, 1]`` of an ``IndexedBase`` where they are arrays;
    - `sizes`, numbers for named sizes, which arrays need.

    Returns the nesting of `outputs`: an expression for a scalar, a ``sympy.Array`` for an array.
    Constants are read as short fractions where they are ones to the last bit, ``0.1`` as
    ``1/10``. Floating-point rounding, dtypes and what happens at NaN are no part of it.

    Raises `ArgumentError` for what has no counterpart in SymPy and where an expression is too
    deep for SymPy, `ShapeError` for sizes that are missing, `MissingDependencyError` without
    SymPy.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64)
    >>> sd.to_sympy(sd.grad(sd.sin(x) * x, x))
    x*cos(x) + sin(x)
    >>> w = x.graph.input("w", sd.f64[2])
    >>> sd.to_sympy(sd.grad(sd.sum(w**3), w))
    [3*w[0]**2, 3*w[1]**2]
    """
    leaves = flatten(outputs)
    if not leaves or not all(isinstance(leaf, Node) for leaf in leaves):
        raise ArgumentError(f"to_sympy: {outputs!r} is not a node or nested nodes")
    given = dict(symbols or {})
    graph = leaves[0].graph
    graph.own([*leaves, *given], "to_sympy")
    if sizes:
        leaves, given = _sized(leaves, given, sizes)
    found = _Values(_sympy(), given)
    for node in leaves[0].graph.ancestors(leaves, given):
        found.add(node)
    return unflatten(outputs, [found.shown(leaf) for leaf in leaves])


def _sympy() -> Any:
    try:
        import sympy
    except ImportError as error:
        raise MissingDependencyError(
            "to_sympy needs the package sympy (pip install sympy)"
        ) from error
    return sympy


def _sized(
    leaves: list[Node], given: Mapping[Node, Any], sizes: Mapping[str, int]
) -> tuple[list[Node], dict[Node, Any]]:
    """The same nodes in a graph of their own whose named sizes are numbers."""
    source = leaves[0].graph
    target = Graph(source.name)
    mapping = {i: target.input(str(i.name), substitute_type(i.type, sizes)) for i in source.inputs}
    kept = list(given)
    made = rebuild([*leaves, *kept], mapping, target, sizes)
    return made[: len(leaves)], dict(zip(made[len(leaves) :], given.values(), strict=True))


class _Values:
    """The expressions of nodes: arrays of objects, each entry an expression."""

    def __init__(self, sympy: Any, given: Mapping[Node, Any]) -> None:
        self.sympy = sympy
        self.of: dict[Node, Any] = {n: np.array(value, object) for n, value in given.items()}

    def add(self, node: Node) -> None:
        """Work out a node from its operands."""
        if node in self.of:
            return
        operands = [self._operand(i, node) for i in node.inputs]
        try:
            self.of[node] = self._value(node, operands)
        except RecursionError:
            raise ArgumentError(
                f"to_sympy: the expression is too deep for SymPy\n  {node_line(node)}"
            ) from None
        except (TypeError, AttributeError, ValueError) as error:
            if isinstance(error, ArgumentError | ShapeError):
                raise
            raise self._missing(node, f": {error}") from error

    def _operand(self, x: Node, node: Node) -> Any:
        """The value of an operand; truth counts 1 and 0 where numbers are made of it."""
        types = [t for t in (x.type, node.type) if isinstance(t, TensorType)]
        counts = [t.dtype.kind == "b" for t in types] == [True, False]
        if counts and node.op.name not in ("where", "cast"):
            return _entrywise(self._cast("b", "f"), self.of[x])
        return self.of[x]

    def _value(self, node: Node, operands: list[Any]) -> Any:
        op = node.op
        if op is INPUT:
            return self._input(node)
        if op is CONSTANT:
            return self._numbers(node.params["value"].array)
        if op.name == "size_of":
            return np.array(self.sympy.sympify(str(node.params["size"])), object)
        if op.name == "cast":
            cast = self._cast(node.inputs[0].dtype.kind, node.dtype.kind)
            return _entrywise(cast, operands[0])
        if op.name in _UNCHANGED:
            return operands[0]
        function = self._function(node)
        if function is not None:
            given = {k: v for k, v in node.params.items() if v != op.parameters[k]}
            return _entrywise(partial(function, **given), *operands)
        if op.name == "item":
            return operands[0][node.params["index"]]
        for operand, source in zip(operands, node.inputs, strict=True):
            if isinstance(source.type, TensorType) and operand.shape != source.shape:
                raise ArgumentError(
                    f"to_sympy: {op.name} takes the whole of an array for whose entries one "
                    f"expression stands; give an array of them\n  {node_line(source)}"
                )
        return self._whole(node, operands)

    def _function(self, node: Node) -> Callable[..., Any] | None:
        """What computes an entry, where the op works entry by entry."""
        op = node.op
        if op.name == "where":
            return lambda c, a, b: self.sympy.Piecewise((a, c), (b, True))
        if op.name == "add_n":
            return self.sympy.Add  # type: ignore[no-any-return]
        if op.name in _RELATIONS and node.type == TensorType(np.dtype(bool), node.shape):
            return getattr(self.sympy, _RELATIONS[op.name])  # type: ignore[no-any-return]
        if op.form != "elementwise" or op.sympy is None:
            return None
        return getattr(self.sympy, op.sympy) if isinstance(op.sympy, str) else op.sympy

    def _cast(self, before: str, after: str) -> Callable[[Any], Any]:
        """What a cast does to a value, by NumPy's letters for the kinds; rounding apart."""
        sympy = self.sympy
        if before != "b" and after == "b":
            return lambda x: sympy.Ne(x, 0)
        if before == "b" and after != "b":
            return lambda x: sympy.Piecewise((1, x), (0, True))
        if before == "f" and after in "iu":
            return lambda x: sympy.sign(x) * sympy.floor(sympy.Abs(x))
        return lambda x: x

    def _whole(self, node: Node, operands: list[Any]) -> Any:
        """Ops that take whole arrays."""
        name, params, kernel = node.op.name, node.params, node.op.kernel
        if any(isinstance(d, Size) for t in _tensors(node) for d in t.shape):
            sizes = ", ".join(sorted(type_names(node.type)))
            raise ShapeError(
                f"to_sympy: arrays need numbers for their sizes; pass sizes={{...}} for {sizes}\n"
                f"  {node_line(node)}"
            )
        if name in _ON_OBJECTS and kernel is not None:
            return np.asarray(kernel(*operands, **params), object)
        if name == "stack":  # its kernel would make arrays of scalars that are arrays
            return np.stack(operands, **params)
        if name in _REDUCTIONS:
            return _reduced(getattr(self.sympy, _REDUCTIONS[name]), operands[0], **params)
        if name in _EXPONENTIALS:
            exp, (x,) = partial(_entrywise, self.sympy.exp), operands
            total = _reduced(self.sympy.Add, exp(x), **{"keepdims": True, **params})
            return _EXPONENTIALS[name](exp(x), x, _entrywise(self.sympy.log, total), total)
        if node.op.form == "source" and kernel is not None:
            return self._numbers(kernel(**params))
        raise self._missing(node)

    def _missing(self, node: Node, why: str = "") -> ArgumentError:
        return ArgumentError(
            f"to_sympy: {node.op.name} has no counterpart in SymPy{why}; say what stands for it "
            f"with symbols={{node: ...}}\n  {node_line(node)}"
        )

    def _input(self, node: Node) -> Any:
        if not node.shape:
            return np.array(self.sympy.Symbol(node.name), object)
        if any(isinstance(d, Size) for d in node.shape):
            sizes = ", ".join(sorted(type_names(node.type)))
            raise ShapeError(
                f"to_sympy: {node.name} is {node.type}; pass sizes={{...}} for {sizes}, or in "
                "symbols={...} what stands for each of its entries"
            )
        base = self.sympy.IndexedBase(node.name, shape=node.shape)
        value = np.empty(node.shape, object)
        for place in np.ndindex(*value.shape):
            value[place] = base[place]
        return value

    def _numbers(self, array: Array) -> Array:
        # Entry by entry as they are: a ufunc would make doubles of them first.
        return np.array([self._number(v) for v in array.flat], object).reshape(array.shape)

    def _number(self, value: Any) -> Any:
        sympy = self.sympy
        if isinstance(value, bool | np.bool_):
            return sympy.true if value else sympy.false
        if isinstance(value, complex | np.complexfloating):
            return self._number(value.real) + sympy.I * self._number(value.imag)
        if isinstance(value, int | np.integer):
            return sympy.Integer(int(value))
        if not np.isfinite(value):
            return sympy.nan if np.isnan(value) else sympy.oo if value > 0 else -sympy.oo
        near = Fraction(float(value)).limit_denominator(_EXACT)
        if type(value)(near.numerator / near.denominator) == value:
            return sympy.Rational(near.numerator, near.denominator)
        return sympy.Float(float(value))

    def shown(self, node: Node) -> Any:
        """An output as SymPy's own: an expression, or an array of them."""
        if isinstance(node.type, TupleType):
            raise ArgumentError(f"to_sympy: unpack the results first\n  {node_line(node)}")
        value = self.of[node]
        return self.sympy.Array(value) if value.shape else self.sympy.sympify(value.item())


def _entrywise(function: Callable[..., Any], *operands: Any) -> Array:
    """A function of entries, broadcast as NumPy does."""
    result: Array = np.asarray(np.frompyfunc(function, len(operands), 1)(*operands), object)
    return result


def _tensors(node: Node) -> Iterable[TensorType]:
    types = [node.type, *[i.type for i in node.inputs]]
    return [t for t in types if isinstance(t, TensorType)]


def _reduced(
    function: Callable[..., Any], x: Array, axis: Any = None, keepdims: bool = False, **_: Any
) -> Array:
    """A function of all the entries along axes."""
    axes = range(x.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    along = [a % x.ndim for a in axes]
    kept = [a for a in range(x.ndim) if a not in along]
    rows = x.transpose([*kept, *along]).reshape([*[x.shape[a] for a in kept], -1])
    result = np.empty(rows.shape[:-1], object)
    for place in np.ndindex(*result.shape):
        result[place] = function(*rows[place])
    return np.expand_dims(result, tuple(along)) if keepdims else result
