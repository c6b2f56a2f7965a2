"""The three forms an op is declared in, and the rules that follow from a form.

- `elementwise` states partial derivatives; un-broadcasting, dtype and masks are done here.
- `linear` states its transpose; the tangent is the op itself.
- `op` states everything.

Rules are written in graph operations only, so that what they build can be differentiated
again. Nodes bring their operators along, so this file needs no op by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce, wraps
from inspect import CO_VARARGS
from operator import or_
from typing import Any, TypeVar

import numpy as np

from symdiff.errors import DTypeError, ShapeError
from symdiff.node import Node
from symdiff.op import NO_PARAMS, REGISTRY, Op, undefined
from symdiff.sizes import Dim
from symdiff.types import (
    Shape,
    TensorType,
    TupleType,
    Type,
    broadcast_shapes,
    dtype_name,
    promote,
    shape_text,
)

__all__ = [
    "elementwise",
    "fit",
    "linear",
    "mask_of",
    "masked_like",
    "masked_total",
    "moved",
    "numpy_function",
    "op",
    "over",
    "public",
    "scalar_value",
    "scale",
    "undefined",
]

Number = bool | int | float | complex
F = TypeVar("F", bound=Callable[..., Any])


class over:  # noqa: N801 - reads as a word in a rule
    """A partial derivative ``1 / denominator``: the gradient is divided, not multiplied."""

    __slots__ = ("denominator",)

    def __init__(self, denominator: Node) -> None:
        self.denominator = denominator


# -- elementwise ---------------------------------------------------------------------------


def elementwise(
    name: str,
    arguments: str,
    *,
    doc: str,
    kernel: Callable[..., Any],
    partials: tuple[Any, ...] | None = None,
    vjp: tuple[Any, ...] | None = None,
    jvp: tuple[Any, ...] | None = None,
    dtypes: Callable[..., Any] | None = None,
    parameters: Mapping[str, Any] = NO_PARAMS,
    normalize: Callable[..., dict[str, Any]] | None = None,
    sympy: str | Callable[..., Any] | None = None,
    commutative: bool = False,
    cost: Callable[[Node], tuple[Dim, Dim]] | None = None,
) -> Op:
    """Declare an op that acts entry by entry and broadcasts as NumPy does.

    Arguments: `partials`, one ``rule(y, *inputs)`` for each argument giving the partial
    derivative as a node, a number, ``over(node)``, or None for zero by definition; a number that
    is always the same stands there itself; or
    `vjp`/`jvp` in their place, whose results are un-broadcast here all the same. `dtypes`
    gives the result's dtype (or a tuple of them) from the operands'; without it a ufunc is asked,
    and any other kernel is taken to give the operands' common dtype.
    """
    ufunc = kernel if isinstance(kernel, np.ufunc) else None
    result_dtypes = dtypes or (promote if ufunc is None else _ufunc_dtypes(name, kernel))

    def infer(*types: Type, **params: Any) -> Type:
        tensors = _tensors(types)
        shape = broadcast_shapes([t.shape for t in tensors])
        if shape is None:
            raise ShapeError(_broadcast_message(tensors))
        dtype = result_dtypes(*[t.dtype for t in tensors])
        if isinstance(dtype, tuple):
            return TupleType(tuple(TensorType(d, shape) for d in dtype))
        return TensorType(dtype, shape)

    if partials is not None:
        rules = [_rule(partial) for partial in partials]
        vjp = tuple(_vjp_from_partial(k, rule) for k, rule in enumerate(rules))
        jvp = tuple(map(_jvp_from_partial, rules))
    elif vjp is not None:
        vjp = tuple(_fitted(k, rule) for k, rule in enumerate(vjp))
    return Op(
        name,
        arguments,
        doc=doc,
        form="elementwise",
        infer=infer,
        kernel=kernel,
        parameters=parameters,
        normalize=normalize,
        vjp=vjp,
        jvp=jvp,
        batch=_batch_elementwise,
        sympy=sympy,
        commutative=commutative,
        ufunc=ufunc,
        cost=cost,
    )


def _tensors(types: tuple[Type, ...]) -> list[TensorType]:
    tensors = [t for t in types if isinstance(t, TensorType)]
    if len(tensors) < len(types):
        raise DTypeError("an operand has several results; unpack it first")
    return tensors


def _broadcast_message(tensors: list[TensorType]) -> str:
    shapes = " and ".join(shape_text(t.shape) for t in tensors)
    named = any(not isinstance(dim, int) for t in tensors for dim in t.shape)
    advice = (
        "; a named size broadcasts only with itself and with 1, so state what you know with "
        "sd.refine(x, type)"
        if named
        else ""
    )
    return f"shapes {shapes} do not broadcast{advice}"


def _ufunc_dtypes(name: str, ufunc: Any) -> Callable[..., Any]:
    """The result's dtype by NumPy's own type resolution, kept by operand dtypes."""
    known: dict[Any, Any] = {}

    def resolve(*dtypes: np.dtype[Any]) -> Any:
        found = known.get(dtypes)
        if found is None:
            try:
                loop = ufunc.resolve_dtypes((*dtypes, *[None] * ufunc.nout))
            except TypeError as error:
                shown = ", ".join(map(dtype_name, dtypes))
                raise DTypeError(f"no meaning for operands of dtype {shown}") from error
            out = loop[ufunc.nin :]
            found = known[dtypes] = out[0] if ufunc.nout == 1 else tuple(out)
        return found

    return resolve


def _rule(partial: Any) -> Any:
    """The rule of an argument; a number is what it always gives."""
    known = partial is None or partial is undefined or callable(partial)
    return partial if known else lambda *_: partial


def _vjp_from_partial(position: int, partial: Any) -> Any:
    if partial is None or partial is undefined:
        return partial

    def rule(g: Node, y: Node, *inputs: Node) -> Node | None:
        scaled = scale(g, partial(y, *inputs))
        return None if scaled is None else fit(scaled, inputs[position].type)

    return rule


def _jvp_from_partial(partial: Any) -> Any:
    if partial is None or partial is undefined:
        return partial
    return lambda t, y, *inputs: scale(t, partial(y, *inputs))


def _fitted(position: int, rule: Any) -> Any:
    if rule is None or rule is undefined:
        return rule

    def fitted(g: Any, y: Node, *inputs: Node) -> Node | None:
        result = rule(g, y, *inputs)
        return None if result is None else fit(result, inputs[position].type)

    return fitted


def scale(g: Node, partial: Any) -> Node | None:
    """A gradient times a partial derivative.

    A mask is kept outermost: ``where(m, h, 0)`` times ``p`` is ``where(m, h * p, 0)``, so a
    branch not taken cannot make NaN, whatever its partial derivatives are.
    """
    if isinstance(partial, np.ndarray):
        partial = g.graph.constant(partial)
    if type(partial) is not Node:
        if partial is None or partial == 0:
            return None
        if partial == 1:
            return g
    mask = mask_of(g) if g.op.name == "where" else None
    if mask is not None:
        return masked_like(g, _times(mask.value, partial))
    return _times(g, partial)


def _times(g: Node, partial: Any) -> Node:
    if isinstance(partial, over):
        below = partial.denominator
        narrow = _unspread(g, below)
        return 1.0 / below if _is_one(g, narrow, below) else narrow / below
    if type(partial) is Node:
        narrow = _unspread(g, partial)
        return partial if _is_one(g, narrow, partial) else narrow * partial
    return _minus(g) if partial == -1 else g * partial


def _minus(g: Node) -> Node:
    """`-g`; of a number, and of one repeated, the number with the other sign."""
    number = scalar_value(_unspread(g, g))
    if number is None:
        return -g
    return _spread(g.graph.constant(-number, g.dtype), g.shape)


def _unspread(g: Node, like: Node) -> Node:
    """`g` before it was spread, where an operation with `like` spreads it again."""
    return g.inputs[0] if g.op.name == "broadcast_to" and g.type == like.type else g


def _is_one(g: Node, narrow: Node, like: Node) -> bool:
    """Whether `g` is all ones and multiplying `like` by it changes nothing."""
    return narrow.op.name == "constant" and g.type == like.type and scalar_value(narrow) == 1


class _Mask:
    __slots__ = ("condition", "value", "zero_first")

    def __init__(self, condition: Node, value: Node, zero_first: bool) -> None:
        self.condition = condition
        self.value = value
        self.zero_first = zero_first

    @property
    def taken(self) -> Node:
        """Where the value counts."""
        return ~self.condition if self.zero_first else self.condition


def mask_of(g: Any) -> _Mask | None:
    """The parts of ``where(condition, value, 0)`` or ``where(condition, 0, value)``."""
    if not isinstance(g, Node) or g.op.name != "where":
        return None
    condition, first, second = g.inputs
    if scalar_value(second) == 0:
        return _Mask(condition, first, False)
    if scalar_value(first) == 0:
        return _Mask(condition, second, True)
    return None


def masked_like(g: Node, value: Node, condition: Node | None = None) -> Node:
    """The mask `g` with another value (and condition) under it."""
    m, first, second = g.inputs
    m = m if condition is None else condition
    if scalar_value(second) != 0:
        return g.op(m, first if first.dtype == value.dtype else 0.0, value)
    return g.op(m, value, second if second.dtype == value.dtype else 0.0)


def masked_total(parts: Sequence[Node], add: Op) -> Node:
    """The sum of the gradients that reach one node, masked where all of them are.

    Or else a branch not taken, whose gradients come back on two paths, would lose its mask
    where they meet, and the next rule would multiply their 0 by an infinite derivative.
    """
    masks = [mask_of(part) for part in parts]
    first = masks[0]
    found = [mask for mask in masks if mask is not None]
    if first is None or len(found) < len(parts):
        return add(*parts)
    if all(
        m.condition is first.condition
        and m.zero_first == first.zero_first
        and m.value.type == parts[0].type
        for m in found
    ):
        return masked_like(parts[0], add(*[m.value for m in found]))
    taken = reduce(or_, dict.fromkeys(m.taken for m in found))
    return parts[0].op(taken, add(*parts), 0.0)


def scalar_value(node: Any) -> Number | None:
    """The value of a scalar constant; None for any other node."""
    if isinstance(node, Node) and node.op.name == "constant" and not node.type.shape:  # type: ignore[union-attr]
        return node.params["value"].array.item()  # type: ignore[no-any-return]
    return None


def fit(g: Node, type_: Type) -> Node:
    """`g` summed over the axes an operand was broadcast along, in that operand's dtype.

    A sum of masked entries is masked where all of them are. (Not where axes are new and
    stretched at once: the rules of two operands would pass eight nodes an edge.)
    """
    assert isinstance(type_, TensorType)
    if g.type is type_ or g.type == type_:
        return g
    mask = mask_of(g)
    if mask is None:
        return _summed(g, type_.shape).astype(type_.dtype)
    if g.shape == type_.shape:
        return masked_like(g, mask.value.astype(type_.dtype))
    total = _summed(g, type_.shape).astype(type_.dtype)
    taken = _any(mask.taken, g.ndim, type_.shape)
    return total if taken is None else g.op(taken, total, 0.0)


def _summed(g: Node, target: Shape) -> Node:
    """`g` summed to the shape `target`, which broadcasts to that of `g`."""
    shape = g.shape
    lead = len(shape) - len(target)
    stretched = tuple(
        lead + k for k, dim in enumerate(target) if dim == 1 and shape[lead + k] != 1
    )
    if lead and not stretched:
        return g.sum(axis=tuple(range(lead)))
    if stretched and not lead:
        return g.sum(axis=stretched, keepdims=True)
    if lead:
        return g.sum(axis=(*range(lead), *stretched)).reshape(target)
    return g


def _any(condition: Node, rank: int, target: Shape) -> Node | None:
    """Where a condition on `rank` axes holds anywhere along those that `target` sums over."""
    offset, lead = rank - condition.ndim, rank - len(target)
    gone = [k for k in range(condition.ndim) if k + offset < lead]
    stretched = [
        k
        for k, dim in enumerate(condition.shape)
        if k + offset >= lead and dim != 1 and target[k + offset - lead] == 1
    ]
    if gone and stretched:
        return None
    if not gone and not stretched:
        return condition
    return condition.any(axis=(*gone, *stretched), keepdims=bool(stretched))


def _batch_elementwise(y: Node, inputs: tuple[Node, ...], mapped: tuple[bool, ...]) -> Node:
    items = y.type.items if isinstance(y.type, TupleType) else (y.type,)
    rank = items[0].rank
    aligned = [align(x, rank) if m else x for x, m in zip(inputs, mapped, strict=True)]
    return y.graph.intern(y.op, tuple(aligned), y.params)


def align(x: Node, rank: int) -> Node:
    """A mapped operand with ones after its leading axis, to broadcast as one of `rank` axes."""
    missing = rank + 1 - x.ndim
    if missing <= 0:
        return x
    return x.reshape((x.shape[0], *[1] * missing, *x.shape[1:]))


# -- linear --------------------------------------------------------------------------------


def linear(
    name: str,
    arguments: str,
    *,
    doc: str,
    infer: Callable[..., Type],
    kernel: Callable[..., Any],
    transpose: Callable[..., Any],
    batch: Callable[..., Node] | None,
    moves: bool = False,
    parameters: Mapping[str, Any] = NO_PARAMS,
    normalize: Callable[..., dict[str, Any]] | None = None,
    identity: Callable[..., bool] | None = None,
    requires: Callable[..., Any] | None = None,
    sympy: str | Callable[..., Any] | None = None,
    cost: Callable[[Node], tuple[Dim, Dim]] | None = None,
) -> Op:
    """Declare an op that is linear in all its array arguments together.

    Arguments: `transpose`, a rule ``(g, y, *inputs)`` (for variadic ops ``(g, y, position)``)
    giving the transposed map on `g`; `moves`, True where the transpose only moves entries (or
    puts zeros), so that a mask can be moved along with what it masks.
    """
    rule = _moving(transpose) if moves else _under_one_condition(transpose)
    variadic = arguments.startswith("*")
    return Op(
        name,
        arguments,
        doc=doc,
        form="linear",
        infer=infer,
        kernel=kernel,
        parameters=parameters,
        normalize=normalize,
        identity=identity,
        requires=requires,
        vjp=rule if variadic else (rule,),
        jvp=None,
        batch=batch,
        sympy=sympy,
        linear=True,
        cost=cost,
    )


def _moving(transpose: Callable[..., Any]) -> Callable[..., Any]:
    def rule(g: Node, y: Node, *rest: Any) -> Any:
        return moved(g, lambda part: transpose(part, y, *rest))

    return rule


def moved(g: Node, move: Callable[[Node], Node]) -> Node:
    """`g` with its entries moved, and the mask that it brings along moved with them."""
    mask = mask_of(g)
    if mask is None:
        return move(g)
    value, condition = (_spread(part, g.shape) for part in (mask.value, mask.condition))
    return masked_like(g, move(value), move(condition))


def _under_one_condition(rule: Any) -> Any:
    """A VJP rule that keeps a mask of one condition for all entries outermost.

    What it gives is linear in `g`, so it may be computed of what is under the mask. Without this
    ``where(c, A @ sqrt(x), 0)`` at 0 would have the derivative 0 * inf where `c` does not hold.
    """
    if rule is None or rule is undefined:
        return rule

    def masked(g: Any, y: Node, *rest: Any) -> Any:
        mask = mask_of(g)
        if mask is None:
            return rule(g, y, *rest)
        mask.condition = _unspread(mask.condition, mask.condition)
        if mask.condition.shape:
            return rule(g, y, *rest)
        found = rule(_spread(mask.value, g.shape), y, *rest)
        if found is None:
            return None
        inner = mask_of(found)  # masks are one level deep
        if inner is None:
            return masked_like(g, found, mask.condition)
        return g.op(mask.taken & inner.taken, inner.value, 0.0)

    return masked


def _spread(x: Node, shape: Shape) -> Node:
    return x if x.shape == shape else REGISTRY.find("broadcast_to")(x, shape=shape)


# -- op ------------------------------------------------------------------------------------


def op(
    name: str,
    arguments: str,
    *,
    doc: str,
    infer: Callable[..., Type],
    kernel: Callable[..., Any] | None,
    vjp: Any = None,
    vjp_all: Callable[..., Any] | None = None,
    jvp: Any = None,
    jvp_all: Callable[..., Any] | None = None,
    batch: Callable[..., Node] | None = None,
    parameters: Mapping[str, Any] = NO_PARAMS,
    normalize: Callable[..., dict[str, Any]] | None = None,
    identity: Callable[..., bool] | None = None,
    requires: Callable[..., Any] | None = None,
    sympy: str | Callable[..., Any] | None = None,
    ufunc: Any = None,
    lifts: bool = True,
    form: str = "op",
    cost: Callable[[Node], tuple[Dim, Dim]] | None = None,
) -> Op:
    """Declare an op with every rule stated; see `symdiff.op.Op` for what each slot takes.

    Without `vjp` or `vjp_all` the op has no derivative, and asking for one raises. Without
    `jvp` the tangent follows from the VJP, which is linear in its gradient.
    """
    if isinstance(vjp, tuple):
        vjp = tuple(map(_under_one_condition, vjp))
    else:
        vjp = _under_one_condition(vjp)
    return Op(
        name,
        arguments,
        doc=doc,
        form=form,
        infer=infer,
        kernel=kernel,
        parameters=parameters,
        normalize=normalize,
        identity=identity,
        requires=requires,
        vjp=vjp,
        vjp_all=vjp_all,
        jvp=jvp,
        jvp_all=jvp_all,
        batch=batch,
        sympy=sympy,
        ufunc=ufunc,
        lifts=lifts,
        cost=cost,
    )


# -- names ---------------------------------------------------------------------------------


def public(function: F) -> F:
    """Hand a function over ops to `Node`'s methods under its own name.

    What the array API has by keyword only, as `axis`, may also come by position, as in NumPy.
    """
    code = function.__code__
    names, taken = code.co_varnames, code.co_argcount
    keywords = names[taken : taken + code.co_kwonlyargcount]
    found: Any = function
    if keywords and not code.co_flags & CO_VARARGS:

        @wraps(function)
        def found(*args: Any, **named: Any) -> Any:
            if len(args) > taken:
                extra = dict(zip(keywords, args[taken:], strict=False))
                if len(extra) == len(args) - taken and extra.keys().isdisjoint(named):
                    return function(*args[:taken], **extra, **named)
            return function(*args, **named)

    REGISTRY.functions[function.__name__] = found
    return found  # type: ignore[no-any-return]


def numpy_function(*functions: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Answer these NumPy functions and ufuncs, called on nodes, with the function decorated."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        for numpy_name in functions:
            ufunc = isinstance(numpy_name, np.ufunc)
            (REGISTRY.ufuncs if ufunc else REGISTRY.numpy_functions)[numpy_name] = function
        return function

    return register
