"""What a rewrite rule is: a left side to find and a right side to put in its place.

    rule("mul_one", lambda x: x * 1, lambda x: x)

The left side is called once, on pattern variables, and gives the shape to look for. The right
side is called on the nodes the variables stood for, and builds nodes. A number in a pattern
matches a scalar constant of that value, also spread by `broadcast_to`; a variable that occurs
twice must match one node; operands of commutative ops match in either order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from symdiff.node import Node
from symdiff.op import REGISTRY, Op
from symdiff.ops.declare import scalar_value
from symdiff.rewrite.facts import Facts
from symdiff.types import promote

__all__ = ["Rule", "function_rule", "rule"]


class Term:
    """Part of a left side: something ops can be applied to, giving a larger pattern."""

    __slots__ = ()

    def apply_op(self, op: Op, args: tuple[Any, ...], params: Mapping[str, Any]) -> Form:
        """What `Op.__call__` does with patterns among its operands."""
        return Form(op, args, dict(params))


def _operator(name: str, reflected: bool = False) -> Callable[[Term, Any], Form]:
    def method(self: Term, other: Any = None) -> Form:
        operands = (self,) if other is None else (other, self) if reflected else (self, other)
        return Form(REGISTRY.find(name), operands, {})

    return method


for _symbol, _name in (
    ("add", "add"),
    ("sub", "subtract"),
    ("mul", "multiply"),
    ("truediv", "divide"),
    ("pow", "pow"),
    ("matmul", "matmul"),
):
    setattr(Term, f"__{_symbol}__", _operator(_name))
    setattr(Term, f"__r{_symbol}__", _operator(_name, reflected=True))
setattr(Term, "__neg__", _operator("negative"))  # noqa: B010 - as the others


class Variable(Term):
    """Stands for any node."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


class Form(Term):
    """An op applied to terms and numbers; only the params given are compared."""

    __slots__ = ("args", "op", "params")

    def __init__(self, op: Op, args: tuple[Any, ...], params: dict[str, Any]) -> None:
        self.op = op
        self.args = args
        self.params = params


class Rule(NamedTuple):
    """A rewrite of nodes of one op.

    `apply(node, facts)` gives what to put in the node's place, or None where it does not fire.
    `exact` says that it keeps NaN, infinities and dtype (the sign of a zero may change);
    others wait for ``optimize="fast"``.
    """

    name: str
    op: Op
    apply: Callable[[Node, Facts], Node | None]
    exact: bool
    left: Form | None
    right: Callable[..., Any] | None
    needs_number: bool
    """Whether some operand must be a known number: a cheap reason not to look closer."""


def rule(
    name: str,
    left: Callable[..., Any],
    right: Callable[..., Any],
    *,
    when: Callable[..., bool] | None = None,
    exact: bool = True,
) -> Rule:
    """A rule from two sides written over the same variables.

    Arguments: `left` and `right`, lambdas whose parameters are the pattern's variables; `when`,
    a condition on the facts and the nodes they matched; `exact`, see `Rule`.
    """
    names = left.__code__.co_varnames[: left.__code__.co_argcount]
    form = left(*[Variable(n) for n in names])

    def apply(node: Node, facts: Facts) -> Node | None:
        found: dict[str, Node] | None = _match(form, node, {})
        if found is None:
            return None
        nodes = [found[n] for n in names]
        if promote(*[n.dtype for n in nodes]) != node.dtype:
            return None  # a number of the left side is of a wider dtype: dropping it would show
        if when is not None and not when(facts, *nodes):
            return None
        result = right(*nodes)
        return result if isinstance(result, Node) else node.graph.constant(result, node.dtype)

    needs_number = any(not isinstance(part, Term) for part in form.args)
    return Rule(name, form.op, apply, exact, form, right, needs_number)


def function_rule(
    name: str, op: Op, apply: Callable[[Node, Facts], Node | None], *, exact: bool = True
) -> Rule:
    """A rule whose left side needs a look at params or at any number of operands."""
    return Rule(name, op, apply, exact, None, None, False)


def _match(pattern: Any, node: Node, found: dict[str, Node]) -> dict[str, Node] | None:
    """The variables' nodes if `node` has the pattern's shape. Recurses over the pattern only."""
    if isinstance(pattern, Variable):
        known = found.get(pattern.name)
        if known is None:
            return {**found, pattern.name: node}
        return found if known is node else None
    if not isinstance(pattern, Form):
        return found if spread_scalar(node) == pattern else None
    if node.op is not pattern.op or len(node.inputs) != len(pattern.args):
        return None
    if any(node.params[k] != v for k, v in pattern.params.items()):
        return None
    orders = [node.inputs]
    if pattern.op.commutative and node.inputs[0] is not node.inputs[1]:
        orders.append(node.inputs[::-1])
    for operands in orders:
        trial = found
        for part, operand in zip(pattern.args, operands, strict=True):
            extended = _match(part, operand, trial)
            if extended is None:
                break
            trial = extended
        else:
            return trial
    return None


def spread_scalar(node: Node) -> Any:
    """The number of which all entries of `node` are known to be, or None."""
    if node.op.name == "broadcast_to":
        node = node.inputs[0]
    return scalar_value(node)
