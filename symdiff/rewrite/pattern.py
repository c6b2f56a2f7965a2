"""What a rewrite rule is: a left side to find and a right side to put in its place.

    rule("mul_one", lambda x: x * 1, lambda x: x)

The left side is called once, on pattern variables, and gives the shape to look for. The right
side is called on the nodes the variables stood for, and builds nodes. A number in a pattern
matches a scalar constant of that value, also spread by `broadcast_to`; a variable that occurs
twice must match one node; operands of commutative ops match in either order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from typing import Any, Final, NamedTuple

from symdiff.node import Node
from symdiff.op import REGISTRY, Op
from symdiff.ops.declare import scalar_value
from symdiff.ops.shape import broadcast_to
from symdiff.rewrite.facts import Facts
from symdiff.sources import CONSTANT
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
    needs: tuple[frozenset[str], ...]
    """Of each set, some operand must be made by an op of that name: a reason to look no closer."""
    numbers: tuple[Any, ...] = ()
    """What some operands must be, each of them; likewise."""
    finds: Callable[[Node], bool] | None = None
    """Whether a node is of the form of the left side, where that is a pattern."""

    def may_match(self, operands: Iterable[Op]) -> bool:
        """Whether a node whose operands are made by these ops can be the rule's left side."""
        made_by = list(operands)
        if self.left is not None:
            return any(_fits(form, made_by) for form in _turned(self.left))
        names = frozenset([op.name for op in made_by])
        return not any(names.isdisjoint(wanted) for wanted in self.needs)


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
    made: list[Matcher] = []
    twins = len(form.args) == 2 and form.args[0] is form.args[1]

    def matchers() -> list[Matcher]:
        if not made:  # most rules of a table are never tried
            places = {n: k for k, n in enumerate(names)}
            made.extend([_matcher(order, places) for order in _orders(form)])
        return made

    def finds(node: Node) -> bool:
        return any(matches(node, [None] * len(names)) for matches in matchers())

    def apply(node: Node, facts: Facts) -> Node | None:
        if twins and node.inputs[0] is not node.inputs[1]:
            return None
        for matches in made or matchers():
            nodes: list[Any] = [None] * len(names)
            if not matches(node, nodes):
                continue
            if promote(*[n.dtype for n in nodes]) != node.dtype:
                continue  # a number on the left is of a wider dtype: dropping it would show
            if when is not None and not when(facts, *nodes):
                continue
            result = right(*nodes)
            if not isinstance(result, Node):
                return node.graph.constant(result, node.dtype)
            if result.dtype == node.dtype or len({n.dtype for n in nodes}) == 1:
                return result  # or a fault of the rule, which the driver reports
        return None  # or what widened the dtype is not on the right

    needs = tuple(
        [
            frozenset((part.op.name,)) if isinstance(part, Form) else _NUMBERS
            for part in form.args
            if not isinstance(part, Variable)
        ]
    )
    numbers = tuple([part for part in form.args if not isinstance(part, Term)])
    return Rule(name, form.op, apply, exact, form, right, needs, numbers, finds)


def function_rule(
    name: str,
    op: Op,
    apply: Callable[[Node, Facts], Node | None],
    *,
    exact: bool = True,
    operands: Iterable[Op | str] = (),
    beside: Iterable[Op | str] = (),
) -> Rule:
    """A rule whose left side needs a look at params or at any number of operands.

    Arguments: `operands`, ops (or their names) of which one must have made an operand, where
    that is so: the rule is not tried elsewhere; `beside`, others, of which likewise one must.
    """
    sets = [
        frozenset([op if isinstance(op, str) else op.name for op in ops])
        for ops in (operands, beside)
    ]
    return Rule(name, op, apply, exact, None, None, tuple([names for names in sets if names]))


_NUMBERS: Final = frozenset((CONSTANT.name, broadcast_to.name))
"""Ops of which a pattern's number may be the value."""

Matcher = Callable[[Node, list[Any]], bool]


def _orders(pattern: Any) -> list[Any]:
    """The pattern with the operands of commutative ops in every order."""
    if not isinstance(pattern, Form):
        return [pattern]
    return [
        Form(pattern.op, parts, pattern.params)
        for form in _turned(pattern)
        for parts in product(*map(_orders, form.args))
    ]


def _turned(form: Form) -> list[Form]:
    """The form, and where its op is commutative the one with its operands in the other order."""
    if not form.op.commutative or len(form.args) != 2:
        return [form]
    return [form, Form(form.op, form.args[::-1], form.params)]


def _fits(form: Form, made_by: Sequence[Op]) -> bool:
    """Whether operands made by these ops can be, one by one, those of the form."""
    if len(made_by) != len(form.args):
        return False
    for part, op in zip(form.args, made_by, strict=True):
        if isinstance(part, Form):
            if op is not part.op:
                return False
        elif not isinstance(part, Term) and op.name not in _NUMBERS:
            return False
    return True


def _matcher(pattern: Any, places: Mapping[str, int]) -> Matcher:
    """What finds a pattern, and puts the nodes its variables stand for in their places."""
    if isinstance(pattern, Variable):
        return _variable_matcher(places[pattern.name])
    if isinstance(pattern, Form):
        return _form_matcher(pattern, [_matcher(part, places) for part in pattern.args])
    return lambda node, found: bool(spread_scalar(node) == pattern)


def _variable_matcher(place: int) -> Matcher:
    def matches(node: Node, found: list[Any]) -> bool:
        if found[place] is None:
            found[place] = node
        return found[place] is node

    return matches


def _form_matcher(pattern: Form, parts: list[Matcher]) -> Matcher:
    op, params, count = pattern.op, pattern.params, len(parts)
    made_by = [(k, part.op) for k, part in enumerate(pattern.args) if isinstance(part, Form)]

    def matches(node: Node, found: list[Any]) -> bool:
        if node.op is not op or len(node.inputs) != count:
            return False
        for k, wanted in made_by:  # before any of them is looked into
            if node.inputs[k].op is not wanted:
                return False
        for name, value in params.items():
            if node.params[name] != value:
                return False
        for part, operand in zip(parts, node.inputs, strict=True):  # noqa: SIM110 - its speed
            if not part(operand, found):
                return False
        return True

    return matches


def spread_scalar(node: Node) -> Any:
    """The number of which all entries of `node` are known to be, or None."""
    if node.op.name == "broadcast_to":
        node = node.inputs[0]
    return scalar_value(node)
