"""`Graph`: an append-only list of interned nodes in topological order.

This is the 𝒢 of Goodfellow, Bengio and Courville, *Deep Learning*, section 6.5, with its
`get_operation` (a node's `op`), `get_consumers` and `get_inputs` (a node's `inputs`). Creation
order is topological order, so every traversal here and above is a loop; nothing recurses.

Nodes refer to their graph and the graph to its nodes; the garbage collector frees both when
the last outside reference is dropped.
"""

from __future__ import annotations

from array import array
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, NamedTuple

from symdiff import first_use, inline, lift
from symdiff.binding import Requirement
from symdiff.describe import operand_error, type_list
from symdiff.errors import (
    ArgumentError,
    DTypeError,
    InvariantError,
    MixedGraphError,
    ShapeError,
    SymdiffError,
)
from symdiff.literals import Literal, exact_key
from symdiff.node import Node
from symdiff.op import NO_PARAMS, REQUIRED, Op, Storage
from symdiff.origin import Origin, OriginRecorder
from symdiff.render import text
from symdiff.sources import CONSTANT, INPUT
from symdiff.trees import flatten_with_paths, unflatten
from symdiff.types import (
    TensorType,
    TupleType,
    Type,
    as_dtype,
    as_type,
    check_name,
    type_names,
)

__all__ = ["Graph", "Provenance"]


class Provenance(NamedTuple):
    """Why `build_grad` made a node: an edge from a gradient node to a forward node.

    `gradient` is what reached ``forward.inputs[position]`` through its consumer `forward`, on
    the way back from `of`; `whole` says that nothing else reached it, so that this is all of
    the gradient. With ``position == -1`` it is the whole gradient with respect to `forward`
    itself: a sum of several contributions, or the seed.
    """

    gradient: Node
    of: Node
    forward: Node
    position: int
    whole: bool

    @property
    def target(self) -> Node:
        """The node whose gradient, or part of it, this is."""
        return self.forward if self.position < 0 else self.forward.inputs[self.position]


class _Table:
    """The nodes of one op and params, keyed by their inputs, and the types inferred so far."""

    __slots__ = ("listed", "nodes", "op", "params", "types")

    def __init__(self, op: Op, params: Mapping[str, Any]) -> None:
        self.op = op
        self.params = params if params is NO_PARAMS else MappingProxyType(dict(params))
        self.nodes: dict[tuple[Node, ...], Node] = {}
        self.types: dict[Any, Type] = {}
        self.listed = text.is_listed(op, params)


class Graph:
    """A static graph of expressions.

    Arguments: `name`, an identifier that the text form and error messages print.

    >>> import symdiff as sd
    >>> g = sd.Graph("ridge")
    >>> X, w = g.input("X", sd.f64["n", 3]), g.input("w", sd.f64[3])
    >>> g.outputs = [sd.sum((X @ w) ** 2)]
    >>> print(g)
    graph ridge(X: f64[n,3], w: f64[3]) {
      %0 : f64[n] = matmul X w
      %1 : f64[n] = pow %0 2.0
      %2 : f64[]  = sum %1 axis=(0,)
      return %2
    }
    """

    __slots__ = (
        "__weakref__",
        "_adopted",
        "_consumers",
        "_fixed_order",
        "_fixed_origin",
        "_inputs",
        "_keyed",
        "_names",
        "_nodes",
        "_orders",
        "_origins",
        "_outputs",
        "_plain",
        "_provenance",
        "_recorder",
        "_requirements",
        "_top_order",
        "_types",
        "_unlisted",
        "memo",
        "name",
    )

    def __init__(self, name: str = "graph") -> None:
        if type(name) is not str or not name.isidentifier():
            raise ArgumentError(f"a graph's name must be an identifier, not {name!r}")
        self.name = name
        self._nodes: list[Node] = []
        self._inputs: dict[str, Node] = {}
        self._outputs: tuple[Node, ...] = ()
        self._plain: dict[Op, _Table] = {}
        self._keyed: dict[Any, _Table] = {}
        self._adopted: dict[int, tuple[Any, _Table]] = {}  # by ids of params, which it holds
        self._types: dict[Type, Type] = {}
        # Side lists, by node index.
        self._orders: list[int] = []
        self._origins: list[Origin] = []
        self._unlisted = array("q")  # indices that have no line of their own in the text form
        self._provenance = array("q")  # four entries a record: see record_provenance
        self._names: dict[Node, str] = {}
        self._requirements: list[tuple[int, Requirement]] = []
        self._consumers: list[list[Node]] = []  # filled on demand, up to some index
        self._recorder = OriginRecorder()
        self._top_order = 0
        self._fixed_order: int | None = None
        self._fixed_origin: Origin | None = None
        self.memo: dict[Any, Any] = {}
        """Scratch results of the layers above (rules derived once), dropped with the graph."""

    # -- what it holds ---------------------------------------------------------------------

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All nodes in creation order, which is topological order."""
        return tuple(self._nodes)

    def node(self, index: int) -> Node:
        """The node of that index."""
        return self._nodes[index]

    def __len__(self) -> int:
        return len(self._nodes)

    def __bool__(self) -> bool:
        return True

    @property
    def inputs(self) -> tuple[Node, ...]:
        """The inputs in the order they were made."""
        return tuple(self._inputs.values())

    @property
    def outputs(self) -> tuple[Node, ...]:
        """What the graph returns; set it to a sequence of its nodes."""
        return self._outputs

    @outputs.setter
    def outputs(self, nodes: Iterable[Node]) -> None:
        found = (nodes,) if isinstance(nodes, Node) else tuple(nodes)
        self.own(found, "outputs")
        self._outputs = found

    def order(self, node: Node) -> int:
        """Depth of differentiation of a node: 0 for the user's, 1 for gradients, …."""
        return self._orders[node.index]

    def origin(self, node: Node) -> Origin:
        """The user's line that made a node."""
        return self._origins[node.index]

    @property
    def names(self) -> Mapping[Node, str]:
        """The names that nodes were given, by node: see `Node.named`."""
        return MappingProxyType(self._names)

    def set_name(self, node: Node, name: str) -> None:
        """Give a node a name, unless it has one: what `Node.named` does."""
        self.own((node,), "named")
        check_name(name, "a node's name")
        if not text.is_listed(node.op, node.params):
            raise ArgumentError(
                f"named: {text.short_name(node)} is called that already: inputs keep their "
                "names, and scalar constants stand by their values"
            )
        self._names.setdefault(node, name)

    def take_names(self, other: Graph, stands_for: Mapping[Node, Node]) -> None:
        """Names of another graph's nodes for the nodes that stand for them here.

        One that has a name here keeps it.
        """
        names = other._names
        fewer: Mapping[Node, Any] = names if len(names) < len(stands_for) else stands_for
        for node in list(fewer):
            made = stands_for.get(node)
            if node in names and made is not None and text.is_listed(made.op, made.params):
                self._names.setdefault(made, names[node])

    @property
    def provenance(self) -> Iterator[Provenance]:
        """Every record of `build_grad`, in the order they were appended."""
        nodes, flat_ = self._nodes, self._provenance
        for k in range(0, len(flat_), 4):
            gradient, of, forward, code = flat_[k : k + 4]
            whole = code < 0
            yield Provenance(
                nodes[gradient], nodes[of], nodes[forward], -code - 2 if whole else code, whole
            )

    def record_provenance(
        self, gradient: Node, of: Node, forward: Node, position: int, whole: bool
    ) -> None:
        """Append one record; see `Provenance`."""
        # One number for the last two fields: whole ones count down from -1 (position -1).
        code = -position - 2 if whole else position
        self._provenance.extend((gradient.index, of.index, forward.index, code))

    def requirements(self, nodes: Iterable[Node] | None = None) -> list[tuple[Node, Requirement]]:
        """What slices and refinements need of the sizes: of all nodes, or of these."""
        wanted = None if nodes is None else {n.index for n in nodes}
        return [
            (self._nodes[index], requirement)
            for index, requirement in self._requirements
            if wanted is None or index in wanted
        ]

    # -- making nodes ----------------------------------------------------------------------

    def input(self, name: str, type: Any) -> Node:
        """A new input.

        Arguments: `name`, an identifier not yet taken; `type`, such as ``sd.f64["n", 3]``, a
        bare ``sd.f64`` for a scalar, or an array whose type is meant. Raises `ArgumentError`
        for a bad or repeated name.
        """
        check_name(name, "an input's name")
        if name in self._inputs:
            raise ArgumentError(f"graph {self.name} has an input {name!r} already")
        node = self.apply(INPUT, (), {"name": name, "type": as_type(type)})
        self._inputs[name] = node
        return node

    def inputs_like(self, tree: Any, prefix: str = "") -> Any:
        """Inputs for nested lists, tuples and dicts of arrays or types, in the same nesting.

        Names follow the keys: ``{"w": [a, b]}`` gives ``w_0`` and ``w_1``. `prefix` goes before
        them, and names a lone leaf (``x`` where there is none).

        >>> import symdiff as sd
        >>> sd.Graph().inputs_like({"w": sd.f64[3], "b": [sd.f64[()]]})["b"][0].name
        'b_0'
        """
        leaves = []
        for path, leaf in flatten_with_paths(tree):
            raw = prefix + "_" + "".join(c if c.isalnum() else "_" for c in path)
            name = "_".join(part for part in raw.split("_") if part) or "x"
            name = name if name[0].isalpha() else f"x_{name}"
            check_name(name, "an input's name")
            leaves.append((name, as_type(leaf)))
        taken = [name for name, _ in leaves if name in self._inputs]
        if taken or len({name for name, _ in leaves}) < len(leaves):
            raise ArgumentError(
                f"inputs_like: the names {[n for n, _ in leaves]} repeat or are taken; "
                "pass prefix=..."
            )
        return unflatten(tree, [self.input(name, type_) for name, type_ in leaves])

    def constant(self, value: Any, dtype: Any = None) -> Node:
        """A constant from a number or an array, which is copied.

        Python numbers get NumPy's default dtypes unless `dtype` says otherwise. Raises
        `DTypeError` for values that are not numeric.
        """
        if isinstance(value, Node):
            self.own((value,), "constant")
            return value
        try:
            literal = Literal(value, None if dtype is None else as_dtype(dtype))
        except OverflowError as error:
            raise DTypeError(f"constant: {value!r} does not fit {dtype}") from error
        except (TypeError, ValueError) as error:
            if isinstance(error, SymdiffError):
                raise
            raise DTypeError(f"constant: cannot make an array of {value!r}: {error}") from error
        return self.apply(CONSTANT, (), {"value": literal})

    def apply(self, op: Op, args: tuple[Any, ...], params: Mapping[str, Any]) -> Node:
        """The node of `op` on `args` with `params`: the existing one, or a new one.

        What calling an op does. Raises `MixedGraphError`, or the `ShapeError`, `DTypeError` or
        `ArgumentError` of the op with its operands listed.
        """
        nodes: tuple[Node, ...] = args
        for arg in args:
            if type(arg) is not Node or arg.graph is not self:
                nodes = lift.operands(self, op, args)
                break
        if len(nodes) != op.arity and not op.variadic:
            raise ArgumentError(
                f"{op.name} takes {len(op.arguments)} operands "
                f"({', '.join(op.arguments) or 'none'}); {len(nodes)} given"
            )
        if not params and not op.parameters:
            table = self._plain.get(op)
            return self._intern(self._table(op, NO_PARAMS) if table is None else table, nodes)
        try:
            params = self._params(op, nodes, params)
            if op.identity is not None and op.identity(*[a.type for a in nodes], **params):
                return nodes[0]
        except SymdiffError as error:
            raise operand_error(error, op, nodes, self.here()) from error.__cause__
        return self.intern(op, nodes, params)

    def intern(self, op: Op, inputs: tuple[Node, ...], params: Mapping[str, Any]) -> Node:
        """The node with exactly these fields: `apply` after operands and params are canonical."""
        if not params:
            table = self._plain.get(op)
            return self._intern(self._table(op, NO_PARAMS) if table is None else table, inputs)
        key = (op, *[exact_key(value) for value in params.values()])
        table = self._keyed.get(key)
        return self._intern(self._table(op, params, key) if table is None else table, inputs)

    def _table(self, op: Op, params: Mapping[str, Any], key: Any = None) -> _Table:
        table = _Table(op, params)
        if key is None:
            self._plain[op] = table
        else:
            self._keyed[key] = table
        return table

    def _intern(self, table: _Table, inputs: tuple[Node, ...]) -> Node:
        node = table.nodes.get(inputs)
        if node is not None:
            if self._top_order and self._fixed_order is None:
                # The user wrote what a gradient had made: it counts as the user's from now on.
                natural = max([self._orders[i.index] for i in inputs], default=0)
                if natural < self._orders[node.index]:
                    self._orders[node.index] = natural
            return node
        # Types are one object each in a graph, so their ids key what was inferred before.
        types: Any
        if len(inputs) == 1:
            types = id(inputs[0].type)
        elif len(inputs) == 2:
            types = (id(inputs[0].type), id(inputs[1].type))
        else:
            types = tuple([id(i.type) for i in inputs])
        type_ = table.types.get(types)
        if type_ is None:
            type_ = table.types[types] = self._infer(table, inputs)
        requirements = self._required(table, inputs) if table.op.requires is not None else ()
        order = self._fixed_order
        if order is None:
            orders = self._orders
            order = max([orders[i.index] for i in inputs], default=0) if self._top_order else 0
        elif order > self._top_order:
            self._top_order = order
        origin = self._fixed_origin or self._recorder.here()
        made = self._append(table, inputs, type_, order, origin)
        for requirement in requirements:
            self._requirements.append((made.index, requirement))
        return made

    def _append(
        self, table: _Table, inputs: tuple[Node, ...], type_: Type, order: int, origin: Origin
    ) -> Node:
        nodes = self._nodes
        index = len(nodes)
        made = Storage(table.op, inputs, table.params, type_, index, self)
        made.__class__ = Node  # sealed: from here on it refuses assignment
        table.nodes[inputs] = made  # type: ignore[assignment]
        nodes.append(made)  # type: ignore[arg-type]
        self._orders.append(order)
        self._origins.append(origin)
        if not table.listed:
            self._unlisted.append(index)
        return made  # type: ignore[return-value]

    def _infer(self, table: _Table, inputs: tuple[Node, ...]) -> Type:
        try:
            inferred = table.op.infer(*[i.type for i in inputs], **table.params)
        except SymdiffError as error:
            raise operand_error(error, table.op, inputs, self.here()) from error.__cause__
        if not isinstance(inferred, TensorType | TupleType):
            raise InvariantError(
                f"infer of {table.op.name} gave {inferred!r}; it gives a type, as those of its "
                "operands are, sd.TensorType(dtype, shape) or sd.TupleType(types)"
            )
        return self._types.setdefault(inferred, inferred)

    def restore_node(
        self,
        op: Op,
        inputs: tuple[Node, ...],
        params: Mapping[str, Any],
        order: int,
        origin: Origin,
    ) -> Node:
        """A node with a given order and origin, as `flat.restore` reads them back."""
        self._fixed_order, self._fixed_origin = order, origin
        node = self.intern(op, inputs, params)
        if op is INPUT:
            self._inputs[params["name"]] = node
        return node

    def adopt(self, node: Node, inputs: tuple[Node, ...]) -> Node:
        """A node of another graph, on inputs that are of the types of its own.

        With its order and origin, which what is made next gets too, within `recording`. Made or
        found the short way: what it is was worked out where it comes from.
        """
        op, params, other = node.op, node.params, node.graph
        order, origin = other._orders[node.index], other._origins[node.index]
        if op is INPUT or op.requires is not None:
            return self.restore_node(op, inputs, params, order, origin)
        self._fixed_order, self._fixed_origin = order, origin
        if params is NO_PARAMS:
            table = self._plain.get(op) or self._table(op, params)
        else:
            kept = self._adopted.get(id(params))
            if kept is None or kept[0] is not params:
                key = (op, *[exact_key(value) for value in params.values()])
                kept = params, self._keyed.get(key) or self._table(op, params, key)
                self._adopted[id(params)] = kept
            table = kept[1]
        found = table.nodes.get(inputs)
        if found is not None:
            return found
        if order > self._top_order:
            self._top_order = order
        type_ = self._types.setdefault(node.type, node.type)
        return self._append(table, inputs, type_, order, origin)

    def discard(self) -> None:
        """Forget all nodes, and free them now rather than when the collector comes.

        For a graph of intermediate results that nobody else holds.
        """
        for held in (self._plain, self._keyed, self._adopted, self._inputs, self._names):
            held.clear()
        self._consumers.clear()
        self._outputs = ()
        self.memo.clear()
        while self._nodes:  # the last first: nothing is left to be freed along with it
            self._nodes.pop()

    def restore_orders(self, orders: Iterable[int]) -> None:
        """Set every node's depth of differentiation, as `parse` works them out at the end."""
        self._orders[:] = orders
        self._top_order = max(self._orders, default=0)

    def _required(self, table: _Table, inputs: tuple[Node, ...]) -> list[Requirement]:
        assert table.op.requires is not None
        kept = []
        for requirement in table.op.requires(*[i.type for i in inputs], **table.params):
            decided = requirement.decide()
            if decided is False:
                error = ShapeError(f"this needs {requirement}, which never holds")
                raise operand_error(error, table.op, inputs, self.here())
            if decided is None:
                kept.append(requirement)
        return kept

    def here(self) -> Origin:
        """The user's line that is making nodes now."""
        return self._fixed_origin or self._recorder.here()

    def _params(
        self, op: Op, args: tuple[Node, ...], params: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        for name in params:
            if name not in op.parameters:
                known = ", ".join(op.parameters) or "none"
                raise ArgumentError(f"no parameter is named {name!r}; there is: {known}")
        full = {name: params.get(name, default) for name, default in op.parameters.items()}
        for name, value in full.items():
            if value is REQUIRED:
                raise ArgumentError(f"parameter {name!r} is missing")
        if op.normalize is not None:
            full = op.normalize(*[a.type for a in args], **full)
        if not op.registered:
            for name, value in full.items():
                if isinstance(value, Node) or not _is_hashable(value):
                    raise ArgumentError(
                        f"parameter {name!r} is {value!r}; it must be hashable, such as a number "
                        "or a tuple of them, and what values depend on must be an operand"
                    )
        return full

    def own(self, nodes: Sequence[Node], what: str, operands: Sequence[Any] = ()) -> None:
        """Raise unless all of these are nodes of this graph; `what` names the caller."""
        for node in nodes:
            if not isinstance(node, Node):
                raise ArgumentError(f"{what}: {node!r} is not a node")
            if node.graph is not self:
                raise MixedGraphError(
                    f"{what}: nodes of two graphs meet, {self.name!r} and {node.graph.name!r}\n"
                    f"{type_list(operands or (node,))}\n  at {self.here()}\n"
                    "inline one graph into the other by calling it on nodes, graph(*nodes), or "
                    "put nodes for its inputs with sd.substitute"
                )

    @contextmanager
    def recording(
        self, *, order: int | None = None, origin: Origin | None = None
    ) -> Iterator[None]:
        """While it lasts, new nodes get this order and origin instead of their natural ones.

        For the layers above, which make nodes on the user's behalf: the user's line is found
        once, not once a node.
        """
        before = self._fixed_order, self._fixed_origin
        self._fixed_order = before[0] if order is None else order
        self._fixed_origin = before[1] or origin or self._recorder.here()
        try:
            yield
        finally:
            self._fixed_order, self._fixed_origin = before

    # -- walking it ------------------------------------------------------------------------

    def consumers(self, node: Node) -> tuple[Node, ...]:
        """The nodes that take `node` as an input: `get_consumers(V, 𝒢)`."""
        self.own((node,), "consumers")
        table = self._consumers
        for consumer in self._nodes[len(table) :]:
            table.append([])
            for taken in dict.fromkeys(consumer.inputs):
                table[taken.index].append(consumer)
        return tuple(table[node.index])

    def ancestors(self, nodes: Node | Iterable[Node], given: Container[Node] = ()) -> list[Node]:
        """What `nodes` are computed from, themselves included, in topological order.

        Nodes in `given` cut off what they are computed from.
        """
        start = (nodes,) if isinstance(nodes, Node) else tuple(nodes)
        self.own(start, "ancestors")
        seen = bytearray(len(self._nodes))
        stack = list(start)
        found: list[int] = []
        while stack:
            node = stack.pop()
            if not seen[node.index]:
                seen[node.index] = 1
                found.append(node.index)
                if node not in given:
                    stack.extend(node.inputs)
        found.sort()
        all_nodes = self._nodes
        return [all_nodes[i] for i in found]

    def descendants(self, nodes: Node | Iterable[Node]) -> list[Node]:
        """What is computed from `nodes`, themselves included, in topological order."""
        start = (nodes,) if isinstance(nodes, Node) else tuple(nodes)
        self.own(start, "descendants")
        seen = bytearray(len(self._nodes))
        for node in start:
            seen[node.index] = 1
        first = min((n.index for n in start), default=len(seen))
        found = []
        for node in self._nodes[first:]:
            if seen[node.index] or any(seen[i.index] for i in node.inputs):
                seen[node.index] = 1
                found.append(node)
        return found

    def prune(self, outputs: Node | Iterable[Node], targets: Node | Iterable[Node]) -> list[Node]:
        """The nodes that `outputs` depend on and that depend on a target, in topological order.

        This is the 𝒢′ of Algorithm 6.5.
        """
        start = (targets,) if isinstance(targets, Node) else tuple(targets)
        self.own(start, "prune")
        live = set(start)
        kept = []
        for node in self.ancestors(outputs):
            if node in live or not live.isdisjoint(node.inputs):
                live.add(node)
                kept.append(node)
        return kept

    def __call__(self, *nodes: Any) -> Any:
        """Inline this graph: its outputs computed from `nodes`, in their graph.

        One node (or array) for each input, in order; named sizes become those of the nodes.
        Returns one node, or a tuple where the graph has several outputs. Raises
        `ArgumentError` and `ShapeError`.
        """
        if not self._outputs:
            raise ArgumentError(f"graph {self.name} has no outputs to inline; set graph.outputs")
        result = inline.call(self, self._outputs, nodes)
        return result[0] if len(result) == 1 else tuple(result)

    def copy(self) -> Graph:
        """Another graph with the same nodes, at the same indices."""
        return _restore(_flat().flatten(self))

    def compact(self, keep: Node | Iterable[Node] | None = None) -> Graph:
        """A graph with all inputs and what `keep` (or the outputs) need, and nothing else.

        Its outputs are the kept nodes. Raises `ArgumentError` when there is nothing to keep.
        """
        kept = (
            self._outputs if keep is None else (keep,) if isinstance(keep, Node) else tuple(keep)
        )
        if not kept:
            raise ArgumentError(
                f"graph {self.name} has no outputs; set graph.outputs or name what to keep"
            )
        self.own(kept, "compact")
        wanted = {n.index for n in self.ancestors(kept)} | {n.index for n in self.inputs}
        return _restore(_flat().flatten(self, sorted(wanted), kept))

    def digest(self) -> str:
        """A stable hash of the structure, the same in every process and on every machine.

        Covers inputs, outputs and every node; not names of graphs and nodes, origins, or the
        order in which independent nodes were made.
        """
        # Nodes never change, so what there is of them tells whether a hash is still right.
        state = ("digest", len(self), tuple([o.index for o in self._outputs]))
        if state not in self.memo:
            self.memo[state] = first_use.module("digest").of_graph(self)
        return self.memo[state]  # type: ignore[no-any-return]

    # -- invariants ------------------------------------------------------------------------

    def check(self) -> None:
        """Verify every invariant of the graph; raises `InvariantError` saying which is broken."""
        first_use.module("invariants").check(self)

    # -- showing it ------------------------------------------------------------------------

    def text(self) -> str:
        """The whole graph in the text form, which `sd.parse` reads back."""
        return text.graph_text(self)

    @property
    def unlisted(self) -> array[int]:
        """Indices of the nodes without a line of their own: inputs and scalar constants."""
        return self._unlisted

    @property
    def size_names(self) -> list[str]:
        """Names of the sizes in the inputs' types, sorted."""
        return sorted(frozenset().union(*[type_names(i.type) for i in self._inputs.values()]))

    def __str__(self) -> str:
        return text.cut(self.text())

    def __repr__(self) -> str:
        inputs = ", ".join(f"{i.name}: {i.type}" for i in self.inputs[:6])
        more = ", …" if len(self._inputs) > 6 else ""
        return f"<graph {self.name}({inputs}{more}): {len(self._nodes)} nodes>"

    def _repr_html_(self) -> str:
        page: str = first_use.module("render.html").graph_page(self)
        return page

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (_flat().flatten(self),)

    def __copy__(self) -> Graph:
        return self.copy()


def _restore(state: dict[str, Any]) -> Graph:
    graph: Graph = _flat().restore(state, Graph())
    return graph


def _flat() -> Any:
    return first_use.module("flat")


def _is_hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True
