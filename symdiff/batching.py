"""One example made many: `sd.vmap` of functions and `sd.batch` of graphs.

A function is run once, in the graph of its arguments, on a lane for each mapped argument: a
node of the type that one example has. What it returns is then batched, the arguments standing
for the lanes, by one rule for each op (`symdiff.autodiff.batch`). So a function may close over
other nodes of the graph, differentiate what it has computed, and map again. The lanes and what
was made of them are needed by nothing afterwards.
"""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, NamedTuple, NoReturn

from symdiff.autodiff.batch import batch_nodes
from symdiff.describe import listing, node_line
from symdiff.errors import ArgumentError, DTypeError, ShapeError
from symdiff.graph import Graph
from symdiff.node import Node
from symdiff.op import REGISTRY, REQUIRED, Op
from symdiff.ops.declare import op
from symdiff.ops.shape import broadcast_to, permute_dims
from symdiff.sizes import Dim, as_dim
from symdiff.trees import flatten_with_paths, map_tree, unflatten
from symdiff.types import TensorType, TupleType, as_type, normalize_axis

__all__ = ["batch", "vmap"]


# -- lanes ---------------------------------------------------------------------------------


def _left_its_function(name: str, token: int, type: TensorType) -> NoReturn:
    raise ArgumentError(
        f"this is one example of {name}, a value inside sd.vmap that left it: it stands for no "
        "array; return from the function what is needed of it"
    )


_lane: Op = op(
    "lane",
    "",
    doc="""One example of the argument `name` of a function that `sd.vmap` runs.

    It has no value: what the function returns is batched, and no lane is left in it. `token`
    tells the lanes of a graph apart.
    """,
    parameters={"name": REQUIRED, "token": REQUIRED, "type": REQUIRED},
    normalize=lambda name, token, type: {
        "name": str(name),
        "token": operator.index(token),
        "type": as_type(type),
    },
    infer=lambda name, token, type: type,
    kernel=_left_its_function,
    form="source",
)


def _lane_for(rows: Node, name: str) -> Node:
    """A new lane for the examples that `rows` holds along its first axis."""
    graph, token = rows.graph, len(rows.graph)
    type_ = TensorType(rows.dtype, rows.shape[1:])
    with graph.recording(order=graph.order(rows)):
        while True:
            lane = _lane.on(graph, name=name, token=token, type=type_)
            if lane.index == len(graph) - 1:
                return lane
            token += 1  # taken by a lane that was kept when the graph was compacted


# -- batch ---------------------------------------------------------------------------------


def batch(outputs: Any, batched: Mapping[Node, Any]) -> Any:
    """`outputs` computed for many values of some nodes at once.

    Arguments: `outputs`, a node or nested lists, tuples and dicts of nodes; `batched`, from
    node to a node (or array) of its dtype and its shape behind one more leading axis. The
    leading axes are of one size, which may be named.

    Returns the nesting of `outputs`, each with the leading axis: what does not depend on a
    batched node is repeated along it. The new nodes are in the same graph; what they have in
    common with the old ones is computed once.

    Raises `ShapeError` and `DTypeError` for a batch that does not fit its node and where
    leading axes differ, and `ArgumentError` for what is not a node and where an op (a user's)
    has no batch rule.

    >>> import symdiff as sd
    >>> g = sd.Graph()
    >>> x, w, X = g.input("x", sd.f64[3]), g.input("w", sd.f64[3]), g.input("X", sd.f64["n", 3])
    >>> y = sd.tanh(x @ w)
    >>> print(sd.text(sd.batch(y, {x: X})))
    graph graph(w: f64[3], X: f64[n,3]) {
      %0 : f64[n] = matmul X w
      %1 : f64[n] = tanh %0
      return %1
    }
    """
    leaves = flatten_with_paths(outputs, "outputs")
    for path, leaf in leaves:
        if not isinstance(leaf, Node):
            raise ArgumentError(f"batch: {path} must be a node, not {leaf!r}")
    if not hasattr(batched, "items") or not batched:
        raise ArgumentError(f"batch: give nodes and their batches as a dict, not {batched!r}")
    for old in batched:
        if not isinstance(old, Node):
            raise ArgumentError(f"batch: {old!r} is not a node to be batched")
    graph = next(iter(batched)).graph
    values = {
        old: new if isinstance(new, Node) else graph.constant(new, old.dtype)
        for old, new in batched.items()
    }
    nodes = [leaf for _, leaf in leaves]
    found, carries = batch_nodes(graph, nodes, values)
    size: Dim = next(iter(values.values())).shape[0]
    return unflatten(
        outputs, [_with_axis(n, there, size) for n, there in zip(found, carries, strict=True)]
    )


def _with_axis(node: Node, carried: bool, size: Dim) -> Node:
    if carried:
        return node
    if isinstance(node.type, TupleType):
        raise ArgumentError(
            "batch: an output with several results that does not depend on the batch cannot be "
            f"repeated; give its items\n  {node_line(node)}"
        )
    return broadcast_to(node, shape=(size, *node.shape))


# -- vmap ----------------------------------------------------------------------------------


def vmap(
    f: Callable[..., Any],
    in_axes: Any = 0,
    out_axes: Any = 0,
    *,
    axis_size: Any = None,
) -> Callable[..., Any]:
    """`f`, a function of one example, as a function of many: mapped along an axis.

    Arguments:

    - `f`, a function from nodes (nested in lists, tuples and dicts as you like) to nodes. It is
      run once; what it closes over is the same for every example.
    - `in_axes`: the axis of the arguments that holds the examples, an int, which may count from
      the end; or None for what is the same for every example and is handed to `f` as it is; or
      a tuple with one of these for each positional argument. Where an argument is nested, its
      entry may be nested likewise, and holds for all that is below it. Keyword arguments are
      mapped along their first axis; so is nothing that is None.
    - `out_axes`: the axis the results have the examples along: an int, None for a result that
      no mapped argument has a part in, or nested as the results are. A result that is the same
      for every example is repeated, unless its entry is None.
    - `axis_size`: the number of examples, where no argument tells.

    Returns a function of nodes (arrays and numbers among them become constants). There is no
    loop in what it makes: every operation is made once, with one more axis. It may be mapped
    again, differentiated, and differentiate inside. For arrays, use ``sd.function(sd.vmap(f))``.

    Raises `ArgumentError` when no argument is a node, when nothing is mapped, and where axes do
    not match the nesting; `ShapeError` for an axis that does not exist and for numbers of
    examples that differ, naming the arguments.

    The arguments and their meaning are those of JAX's `vmap` (J. Bradbury et al., "JAX:
    composable transformations of Python+NumPy programs", 2018).

    >>> import symdiff as sd
    >>> g = sd.Graph()
    >>> w, X, y = g.input("w", sd.f64[3]), g.input("X", sd.f64["n", 3]), g.input("y", sd.f64["n"])
    >>> def gradient(x, y):
    ...     return sd.grad((x @ w - y) ** 2, w)
    >>> sd.vmap(gradient)(X, y).type
    f64[n,3]
    """
    name = getattr(f, "__name__", type(f).__name__)
    if not callable(f):
        raise ArgumentError(f"vmap: {f!r} is not a function")
    heading = f"vmap({name})"
    if not (in_axes is None or isinstance(in_axes, tuple | list) or _is_int(in_axes)):
        raise ArgumentError(
            f"{heading}: in_axes must be an int, None, or a tuple with an entry for each "
            f"argument, not {in_axes!r}"
        )
    for what, axes in (("in_axes", in_axes), ("out_axes", out_axes)):
        for path, axis in flatten_with_paths(axes, what):
            if axis is not None and not _is_int(axis):
                raise ArgumentError(f"{heading}: {path} must be an int or None, not {axis!r}")
    size = None if axis_size is None else as_dim(axis_size)
    names = _parameter_names(f)

    @wraps(f)
    def mapped(*args: Any, **named: Any) -> Any:
        leaves = _leaves(heading, names, in_axes, args, named)
        graph = next((leaf.value.graph for leaf in leaves if isinstance(leaf.value, Node)), None)
        if graph is None:
            raise ArgumentError(
                f"{heading}: none of the arguments is a node; sd.function(sd.vmap({name})) takes "
                "arrays, and graph.constant(value) makes a node of one"
            )
        graph.own([x.value for x in leaves if isinstance(x.value, Node)], heading)
        rows = [_rows(heading, graph, leaf) for leaf in leaves]
        count = _common_size(heading, leaves, rows, size)
        lanes = [
            r if r is None else _lane_for(r, x.path) for r, x in zip(rows, leaves, strict=True)
        ]
        filled = [x.value if n is None else n for n, x in zip(lanes, leaves, strict=True)]
        inner_args, inner_named = unflatten((args, named), filled)
        result = f(*inner_args, **inner_named)
        stands_for = {
            n: r for n, r in zip(lanes, rows, strict=True) if n is not None and r is not None
        }
        return _batched(heading, graph, result, out_axes, stands_for, count)

    return mapped


class _Leaf(NamedTuple):
    """One leaf of the arguments: what messages call it, its value and its mapped axis."""

    path: str
    value: Any
    axis: int | None


def _is_int(axis: Any) -> bool:
    return hasattr(axis, "__index__") and not isinstance(axis, bool | Node)


def _parameter_names(f: Callable[..., Any]) -> list[str]:
    """What the function calls its positional arguments, as far as that is known."""
    try:
        parameters = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        return []
    return [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]


def _leaves(
    heading: str,
    names: Sequence[str],
    in_axes: Any,
    args: tuple[Any, ...],
    named: Mapping[str, Any],
) -> list[_Leaf]:
    """The leaves of all arguments in order, each with its axis."""
    entries = in_axes if isinstance(in_axes, tuple | list) else (in_axes,) * len(args)
    if len(entries) != len(args):
        raise ArgumentError(
            f"{heading}: in_axes has {len(entries)} entries, but {len(args)} positional "
            "arguments are given"
        )
    labels = [*names[: len(args)], *[f"args[{k}]" for k in range(len(names), len(args))]]
    trees = [*zip(labels, args, entries, strict=True), *[(k, v, 0) for k, v in named.items()]]
    found = []
    for label, tree, entry in trees:
        axes = _spread(heading, "in_axes", entry, tree, label)
        for (path, value), axis in zip(flatten_with_paths(tree, label), axes, strict=True):
            found.append(_Leaf(path, value, None if value is None else axis))
    return found


def _spread(heading: str, what: str, axes: Any, tree: Any, path: str) -> list[int | None]:
    """An axis for each leaf of `tree`: an entry of `axes` holds for all that is below it."""
    if axes is None or _is_int(axes):
        return [axes] * len(flatten_with_paths(tree))
    # Recursion follows the nesting a person wrote, never the graph.
    if isinstance(axes, dict):
        if not isinstance(tree, dict) or axes.keys() != tree.keys():
            raise ArgumentError(
                f"{heading}: {what} has the keys {list(axes)} for {path}: {tree!r}"
            )
        pairs = [(axes[key], tree[key], f"{path}[{key!r}]") for key in tree]
    else:
        if not isinstance(tree, tuple | list) or len(axes) != len(tree):
            raise ArgumentError(f"{heading}: {what} has {len(axes)} entries for {path}: {tree!r}")
        pairs = [(a, t, f"{path}[{k}]") for k, (a, t) in enumerate(zip(axes, tree, strict=True))]
    return [axis for a, t, p in pairs for axis in _spread(heading, what, a, t, p)]


def _rows(heading: str, graph: Graph, leaf: _Leaf) -> Node | None:
    """A mapped argument with its examples along the first axis; None for any other."""
    if leaf.axis is None:
        return None
    with listing(heading, {leaf.path: leaf.value}):
        node = leaf.value if isinstance(leaf.value, Node) else graph.constant(leaf.value)
        axis = normalize_axis(leaf.axis, node.ndim, f"{heading}: in_axes of {leaf.path}")
    return permute_dims(node, axes=(axis, *[k for k in range(node.ndim) if k != axis]))


def _common_size(
    heading: str, leaves: Sequence[_Leaf], rows: Sequence[Node | None], size: Dim | None
) -> Dim:
    """The number of examples."""
    there = [(x, r) for x, r in zip(leaves, rows, strict=True) if r is not None]
    if not there and size is None:
        raise ArgumentError(
            f"{heading}: nothing is mapped: in_axes is None for every argument; without vmap "
            "the function does the same, and axis_size=... gives a number of examples"
        )
    found: dict[Dim, None] = dict.fromkeys([] if size is None else [size])
    found.update((row.shape[0], None) for _, row in there)
    if len(found) > 1:
        lines = [] if size is None else [f"  axis_size = {size}"]
        for leaf, row in there:
            type_ = leaf.value.type if isinstance(leaf.value, Node) else row.type
            lines.append(f"  {row.shape[0]} along axis {leaf.axis} of {leaf.path} : {type_}")
        raise ShapeError(
            f"{heading}: the mapped axes differ in size\n" + "\n".join(lines) + "\n"
            "use in_axes=None for what is not mapped; state with sd.refine(x, type) that named "
            "sizes are equal"
        )
    return next(iter(found))


def _batched(
    heading: str,
    graph: Graph,
    result: Any,
    out_axes: Any,
    stands_for: Mapping[Node, Node],
    size: Dim,
) -> Any:
    """What the function returned, of all examples, the axis moved to where it is wanted."""
    result = map_tree(_taken_apart, result)
    leaves = flatten_with_paths(result, "result")
    axes = _spread(heading, "out_axes", out_axes, result, "result")
    nodes = []
    for path, leaf in leaves:
        try:
            nodes.append(leaf if leaf is None else graph.constant(leaf))
        except DTypeError as error:
            raise ArgumentError(
                f"{heading}: the function returned {leaf!r} at {path}, which is not a node"
            ) from error
    wanted = [node for node in nodes if node is not None]
    found, carries = wanted, [False] * len(wanted)
    if stands_for:
        found, carries = batch_nodes(graph, wanted, stands_for)
    rest = iter(zip(found, carries, strict=True))
    placed = [
        None
        if node is None
        else _placed(f"{heading}: out_axes of {path}", *next(rest), size, axis)
        for node, (path, _), axis in zip(nodes, leaves, axes, strict=True)
    ]
    return unflatten(result, placed)


def _taken_apart(leaf: Any) -> Any:
    """A node with several results is the tuple of them."""
    several = isinstance(leaf, Node) and isinstance(leaf.type, TupleType)
    return tuple(leaf) if several else leaf


def _placed(what: str, node: Node, carried: bool, size: Dim, axis: int | None) -> Node:
    """A result with its examples along `axis`."""
    if axis is None:
        if carried:
            raise ArgumentError(
                f"{what} is None, but it is not the same for every example\n  {node_line(node)}"
            )
        return node
    whole = _with_axis(node, carried, size)
    place = normalize_axis(axis, whole.ndim, what)
    order = list(range(1, whole.ndim))
    order.insert(place, 0)
    return permute_dims(whole, axes=order)


REGISTRY.enroll(__name__)
