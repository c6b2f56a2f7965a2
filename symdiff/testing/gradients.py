"""Derivatives held against numbers, against each other, and against what they must satisfy.

One level of differentiation is checked at a time: forward mode against numerical derivatives
entry by entry, reverse mode by inner products (<u, J v> = <Jᵀ u, v>), and the gradient's
linearity in the seed u. The gradients, with their seeds as further inputs, are then the
outputs of the next level.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import reduce
from typing import Any, NamedTuple

import numpy as np

from symdiff import derive
from symdiff.describe import node_line
from symdiff.errors import ArgumentError
from symdiff.evaluate import evaluate
from symdiff.graph import Graph
from symdiff.inline import transplant
from symdiff.node import Node
from symdiff.ops.elementwise import add
from symdiff.ops.reduce import sum as sum_
from symdiff.testing.numeric import Array, Slope, precision, slopes
from symdiff.trace import trace_nested
from symdiff.trees import flatten
from symdiff.types import Type, is_differentiable

__all__ = ["Level", "Options", "check_grad", "check_level", "compare", "new_input", "reported"]


class Options(NamedTuple):
    """What `check_grad` and `check_op` were asked for."""

    numeric: bool = True
    forward: bool = True
    rtol: float | None = None
    atol: float | None = None


class Level(NamedTuple):
    """Outputs to differentiate by `wrt` at a point, all in one graph."""

    label: str
    order: int
    outputs: list[Node]
    wrt: list[Node]
    point: dict[Node, Array]

    @property
    def heading(self) -> str:
        """What messages begin with."""
        return f"{self.label}: order {self.order}"


def check_grad(
    f: Callable[..., Any] | Node,
    /,
    *args: Any,
    order: int = 2,
    numeric: bool = True,
    forward: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
) -> None:
    """Check the derivatives of a function at a point, up to an order.

    Arguments:

    - `f`, a function of nodes, with arrays (or nested lists, tuples and dicts of arrays) for
      its arguments; or a node, with a dict from inputs (or their names) to arrays. Derivatives
      are taken by the inputs of a real floating dtype; nothing is added to a node's graph.
    - `order`: 1 checks the gradient, 2 the derivative of the gradient too, and so on.
    - `numeric`, False where a rule is not the derivative of the value on purpose
      (`sd.stop_gradient`, a `custom_gradient`); reverse mode is then held against forward mode.
    - `forward`, False where a rule has no forward mode on purpose.
    - `rtol`, `atol`: what may differ, as in `numpy.testing.assert_allclose` but relative to
      the largest entry. The default follows from the narrowest dtype of the graph.

    At each order, along one random direction: forward mode against the complex step where the
    function is analytic and against central differences elsewhere, reverse mode against both by
    inner products, linearity of the gradient in its seed, and Hessian-vector products
    forward-over-reverse against reverse-over-reverse.

    Raises `AssertionError` that says at which order what differs from what by how much.

    >>> import numpy as np, symdiff as sd
    >>> sd.testing.check_grad(lambda x, w: sd.sum(sd.tanh(x @ w)), np.eye(3), np.ones(3))

    >>> g = sd.Graph()
    >>> x = g.input("x", sd.f64["n"])
    >>> sd.testing.check_grad(sd.sum(x**3), {x: np.arange(1.0, 4.0)}, order=3)

    >>> floored = sd.elementwise(
    ...     "floored", "x", doc="", kernel=np.sqrt, partials=(lambda y, x: 0.5 * y,)
    ... )
    >>> sd.testing.check_grad(floored, 4.0)
    Traceback (most recent call last):
    AssertionError: check_grad(floored): order 1: forward mode gives ...
    """
    outputs, point = _problem(f, args)
    outputs = [o for o in outputs if is_differentiable(o.type)]
    wrt = [x for x in point if is_differentiable(x.type)]
    if not outputs or not wrt:
        what = "result" if wrt else "argument"
        raise ArgumentError(
            f"check_grad: no {what} is of a real floating dtype, so there is nothing to check"
        )
    name = f.graph.name if isinstance(f, Node) else getattr(f, "__name__", type(f).__name__)
    options = Options(numeric, forward, rtol, atol)
    level = Level(f"check_grad({name})", 1, outputs, wrt, point)
    for k in range(1, order + 1):
        level = check_level(level, options, last=k == order)


def _problem(f: Any, args: tuple[Any, ...]) -> tuple[list[Node], dict[Node, Array]]:
    """Outputs and the point, in a graph of their own."""
    if not isinstance(f, Node):
        graph, _ = trace_nested(f, args, {})
        given = dict(zip(graph.inputs, flatten(args), strict=True))
        return list(graph.outputs), _arrays(graph.outputs, given)
    if len(args) != 1 or not isinstance(args[0], Mapping):
        raise ArgumentError("check_grad: for a node, give the values of its inputs: {x: array}")
    scratch = Graph(f.graph.name)
    made = transplant([f], scratch)
    named = {i.name: i for i in f.graph.inputs}
    given = {}
    for key, value in args[0].items():
        node = named.get(key) if isinstance(key, str) else key
        if not isinstance(node, Node) or node.op.name != "input" or node.graph is not f.graph:
            raise ArgumentError(f"check_grad: {key!r} is not an input of graph {f.graph.name}")
        if node in made:
            given[made[node]] = value
    return [made[f]], _arrays([made[f]], given)


def _arrays(outputs: Sequence[Node], given: Mapping[Node, Any]) -> dict[Node, Array]:
    evaluate(list(outputs), given)  # complains of values that are missing or do not fit
    return {x: np.asarray(value).astype(x.dtype) for x, value in given.items()}


# -- one level -----------------------------------------------------------------------------


class _Built(NamedTuple):
    """The derivatives of a level's outputs, and the inputs that stand for seeds and moves."""

    z: Node
    seeds: list[Node]
    gradients: list[Node]
    moves: list[Node]
    tangents: list[Node]


def check_level(level: Level, options: Options, *, last: bool) -> Level:
    """Check the first derivatives of a level's outputs, and make them the next level's outputs.

    They are checked at the level's point and at one near it, where a number in a rule that fits
    the point alone does not. `last` leaves out Hessian-vector products.
    """
    rng = np.random.default_rng(level.order)
    tolerance = _tolerance(level, options)
    built = _build(level, options)
    given = {}
    for place in (level._replace(point=_near(level.point)), level):
        values = evaluate(place.outputs, place.point)
        given = {u: _normal(rng, y) for u, y in zip(built.seeds, values, strict=True)}
        _check_at(place, built, given, options, tolerance, rng)
    point = {**level.point, **given}
    if options.forward and not last:
        _check_hvp(level, built, point, tolerance, rng)
    wrt = [*level.wrt, *built.seeds]
    return Level(level.label, level.order + 1, built.gradients, wrt, point)


def _tolerance(level: Level, options: Options) -> tuple[float, float]:
    eps = precision([*level.outputs, *level.wrt])
    # Rounding of a few operations is some eps; half the digits leaves room for conditioning.
    rtol = 4 * eps**0.5 if options.rtol is None else options.rtol
    atol = eps**0.65 if options.atol is None else options.atol
    return rtol, atol


def _build(level: Level, options: Options) -> _Built:
    """The gradients of <u, outputs> for seeds u, and the outputs' tangents."""
    graph = level.outputs[0].graph
    seeds = [new_input(graph, "u", output.type) for output in level.outputs]
    z = reduce(add, [sum_(y * u) for y, u in zip(level.outputs, seeds, strict=True)])
    with reported(level.heading, "reverse mode"):
        gradients = derive.grad(z, level.wrt, disconnected="zero")
    moves = [new_input(graph, "v", x.type) for x in level.wrt]
    tangents = []
    if options.forward:
        with reported(level.heading, "forward mode"):
            tangents = derive.jvp(level.outputs, level.wrt, moves)
    return _Built(z, seeds, gradients, moves, tangents)


def _check_at(
    level: Level,
    built: _Built,
    seeds: Mapping[Node, Array],
    options: Options,
    tolerance: tuple[float, float],
    rng: np.random.Generator,
) -> None:
    """Linearity, forward mode and reverse mode at the level's point."""
    gradients = evaluate(built.gradients, {**level.point, **seeds})
    _check_linear(level, built, gradients, seeds, tolerance, rng)
    direction = {x: _direction(level.point[x], rng) for x in level.wrt}
    expected = slopes(level.outputs, level.point, direction) if options.numeric else []
    if options.forward:
        moves = dict(zip(built.moves, direction.values(), strict=True))
        tangents = evaluate(built.tangents, {**level.point, **moves})
        _check_forward(level, tangents, expected, tolerance)
        expected = expected or [Slope(t, np.zeros(t.shape), "forward mode") for t in tangents]
    if expected:
        pairs = zip(level.wrt, gradients, direction.values(), strict=True)
        by_reverse = {x: _products(g, v) for x, g, v in pairs}
        _check_reverse(level, by_reverse, expected, list(seeds.values()), tolerance)


def _near(point: Mapping[Node, Array]) -> dict[Node, Array]:
    return {x: a * a.dtype.type(17 / 16) if a.dtype.kind == "f" else a for x, a in point.items()}


def _direction(array: Array, rng: np.random.Generator) -> Array:
    """A random direction in which every entry moves in proportion to its size.

    So one step width suits entries of any magnitude and stays inside a domain's bound at 0.
    """
    spread = rng.uniform(0.5, 1.0, array.shape) * rng.choice([-1.0, 1.0], array.shape)
    scale = np.abs(array).astype(np.float64)
    return np.asarray(spread * np.where(scale > 0, scale, 1.0)).astype(array.dtype)


def _normal(rng: np.random.Generator, like: Array) -> Array:
    return np.asarray(rng.normal(size=like.shape)).astype(like.dtype)


def _check_linear(
    level: Level,
    built: _Built,
    values: Sequence[Array],
    seeds: Mapping[Node, Array],
    tolerance: tuple[float, float],
    rng: np.random.Generator,
) -> None:
    """v(a g + b h) = a v(g) + b v(h) for the gradient v as a function of its seed."""
    a, b = 0.75, -1.25
    others = {u: _normal(rng, g) for u, g in seeds.items()}
    mixed = {u: np.asarray(a * g + b * others[u]).astype(g.dtype) for u, g in seeds.items()}
    second = evaluate(built.gradients, {**level.point, **others})
    found = evaluate(built.gradients, {**level.point, **mixed})
    for x, v, w, actual in zip(level.wrt, values, second, found, strict=True):
        compare(
            f"{level.heading}: the gradient by {x.name} of a seed a*g + b*h",
            actual,
            "a v(g) + b v(h), so the VJP is not linear in its gradient,",
            a * v.astype(np.float64) + b * w,
            tolerance,
        )


def _check_forward(
    level: Level,
    tangents: Sequence[Array],
    expected: Sequence[Slope],
    tolerance: tuple[float, float],
) -> None:
    """Tangents against numerical derivatives, entry by entry."""
    for output, tangent, slope in zip(level.outputs, tangents, expected, strict=False):
        compare(
            f"{level.heading}: forward mode",
            tangent,
            slope.method,
            slope.value,
            tolerance,
            noise=slope.noise,
            where=f"\n  of {node_line(output)}",
        )


def _check_reverse(
    level: Level,
    by_reverse: Mapping[Node, Array],
    expected: Sequence[Slope],
    seeds: Sequence[Array],
    tolerance: tuple[float, float],
) -> None:
    """<Jᵀ u, v> against <u, J v>."""
    by_number = [_products(s.value, u) for s, u in zip(expected, seeds, strict=True)]
    noise = sum(np.sum(s.noise * np.abs(u)) for s, u in zip(expected, seeds, strict=True))
    # Sums may cancel: what rounding leaves is relative to their terms.
    size = sum(np.abs(p).sum() for p in (*by_reverse.values(), *by_number))
    compare(
        f"{level.heading}: reverse mode, along a random direction,",
        np.asarray(sum(p.sum() for p in by_reverse.values())),
        expected[0].method,
        np.asarray(sum(p.sum() for p in by_number)),
        tolerance,
        noise=float(noise + tolerance[0] * size),
        where="".join(
            f"\n  the gradient by {x.name} : {x.type} has {p.sum():.9g} of it"
            for x, p in by_reverse.items()
        ),
    )


def _products(a: Array, b: Array) -> Array:
    return np.asarray(a.astype(np.float64) * b.astype(np.float64))


def _check_hvp(
    level: Level,
    built: _Built,
    point: Mapping[Node, Array],
    tolerance: tuple[float, float],
    rng: np.random.Generator,
) -> None:
    """The two ways to a Hessian-vector product, entry by entry."""
    heading = f"{level.label}: order {level.order + 1}"
    given = {v: _direction(point[x], rng) for x, v in zip(level.wrt, built.moves, strict=True)}
    modes = ("forward-over-reverse", "reverse-over-reverse")
    found = []
    for mode in modes:
        with reported(heading, f"hvp {mode}"):
            products = derive.hvp(built.z, level.wrt, built.moves, mode=mode)
        found.append(evaluate(products, {**point, **given}))
    for x, ahead, back in zip(level.wrt, *found, strict=True):
        what = f"{heading}: the Hessian-vector product by {x.name}, {modes[0]},"
        compare(what, ahead, modes[1], back, tolerance)


# -- shared --------------------------------------------------------------------------------


def new_input(graph: Graph, stem: str, type_: Type) -> Node:
    """A new input under a name not yet taken."""
    return graph.input(f"{stem}_{len(graph)}", type_)


@contextmanager
def reported(heading: str, doing: str) -> Iterator[None]:
    """An error of a rule while derivatives are built fails the check."""
    try:
        yield
    except Exception as error:
        raise AssertionError(
            f"{heading}: {doing} raises {type(error).__name__}: {error}"
        ) from error


def compare(
    what: str,
    actual: Array,
    against: str,
    expected: Array,
    tolerance: tuple[float, float],
    *,
    noise: Array | float = 0.0,
    where: str = "",
) -> None:
    """Raise `AssertionError` unless the entries agree, relative to the largest one."""
    if actual.shape != expected.shape:
        raise AssertionError(
            f"{what} has the shape {actual.shape}, but {against} has {expected.shape}{where}"
        )
    if not actual.size:
        return
    rtol, atol = tolerance
    actual, expected = np.asarray(actual), np.asarray(expected)
    wide = np.complex128 if "c" in (actual.dtype.kind, expected.dtype.kind) else np.float64
    a, b = actual.astype(wide), expected.astype(wide)
    finite = np.abs(b[np.isfinite(b)])
    allowed = np.broadcast_to(atol + rtol * finite.max(initial=0.0) + noise, a.shape)
    with np.errstate(invalid="ignore"):
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        off = np.where(same, 0.0, np.abs(a - b))
    bad = ~(off <= allowed)
    if bad.any():
        place = np.unravel_index(
            np.argmax(np.where(bad, np.nan_to_num(off, nan=np.inf), -1)), bad.shape
        )
        entry = f" at entry {tuple(map(int, place))}" if a.ndim else ""
        raise AssertionError(
            f"{what} gives {a[place]:.9g}{entry}, but {against} gives {b[place]:.9g}: "
            f"off by {off[place]:.3g}, allowed {allowed[place]:.3g}{where}"
        )
