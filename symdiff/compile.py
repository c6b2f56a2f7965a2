"""`sd.compile`: optimise, generate, and check every argument before anything runs."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from symdiff import first_use
from symdiff.arguments import Binder
from symdiff.describe import node_line
from symdiff.errors import ArgumentError
from symdiff.graph import Graph
from symdiff.inline import transplant
from symdiff.node import Node
from symdiff.trees import flatten, flatten_like, flatten_with_paths, map_tree, unflatten
from symdiff.types import TupleType

if TYPE_CHECKING:
    from symdiff.plan.cost import Cost
    from symdiff.profile import Profile

__all__ = ["CompiledFunction", "compile"]


def compile(
    inputs: Any = None,
    outputs: Any = None,
    *,
    optimize: str | tuple[str, ...] = "default",
    sizes: Mapping[str, int] | None = None,
    assume: Mapping[str, int] | None = None,
    verbose: bool = False,
) -> CompiledFunction:
    """A fast Python callable for expressions.

    Arguments:

    - `inputs`: the input nodes in the order of the call's arguments, nested as the arguments
      are; None means the graph's inputs, in the order they were made. A `Graph` in place of
      both stands for its inputs and outputs.
    - `outputs`: a node, or nested nodes; a call returns the same nesting of arrays, and of a node
      with several results their tuple.
    - `optimize`: ``"none"``, ``"safe"``, ``"default"``, ``"fast"``, or a tuple of pass names.
    - `sizes`: values of named sizes, where no argument's shape settles them.
    - `assume`: what named sizes will be, more or less. Results are right for all sizes; for these
      the orders of matrix products are chosen, where names leave open which one is cheapest.
    - `verbose`: print what each pass did and took, the plan, and what a call costs.

    Raises `ArgumentError` for what is not an input, inputs that repeat, outputs that need an
    input that is not listed, and names in `sizes` or `assume` that are no sizes of the graph.

    >>> import numpy as np, symdiff as sd
    >>> g = sd.Graph("line")
    >>> x, w = g.input("x", sd.f64["n"]), g.input("w", sd.f64[()])
    >>> f = sd.compile([x, w], {"y": w * x, "total": sd.sum(w * x)})
    >>> f(np.arange(3.0), w=2.0)
    {'y': array([0., 2., 4.]), 'total': array(6.)}
    """
    if isinstance(inputs, Graph) and outputs is None:
        graph, inputs = inputs, None
        if not graph.outputs:
            raise ArgumentError(f"compile: graph {graph.name} has no outputs; set graph.outputs")
        outputs = graph.outputs[0] if len(graph.outputs) == 1 else graph.outputs
    output_nodes = _nodes(outputs, "outputs")
    graph = output_nodes[0].graph
    tree = list(graph.inputs) if inputs is None else inputs
    tree = tree if isinstance(tree, list | tuple) else [tree]
    input_nodes = _nodes(tree, "inputs") if tree else []
    graph.own([*input_nodes, *output_nodes], "compile")
    _check_inputs(graph, input_nodes, output_nodes)
    first_use.module("rewrite.passes").pass_names(optimize)

    snapshot, stands_for = _snapshot(graph, input_nodes, output_nodes)
    found = {o: _results(stands_for[o]) for o in output_nodes}
    snapshot.outputs = [result for o in output_nodes for result in flatten(found[o])]
    arguments = map_tree(lambda _: None, tree)
    flat = all(part is None for part in arguments)
    results = map_tree(lambda o: map_tree(lambda _: None, found[o]), outputs)
    history = (array("q", [n.index for n in stands_for]), graph._provenance[:])
    function = CompiledFunction(
        snapshot,
        None if flat else arguments,
        results,
        optimize,
        dict(sizes or {}),
        dict(assume or {}),
        history,
    )
    if verbose:
        print(function.report())
    return function


def _nodes(tree: Any, what: str) -> list[Node]:
    leaves = flatten_with_paths(tree, what)
    if not leaves:
        raise ArgumentError(f"compile: {what} is empty")
    for path, leaf in leaves:
        if not isinstance(leaf, Node):
            raise ArgumentError(f"compile: {path} is {leaf!r}, not a node")
    return [leaf for _, leaf in leaves]


def _snapshot(
    graph: Graph, inputs: Iterable[Node], outputs: Sequence[Node]
) -> tuple[Graph, dict[Node, Node]]:
    """Another graph of what the outputs need, with all of the inputs, and old node -> new node."""
    snapshot = Graph(graph.name)
    stands_for = {}
    for node in inputs:
        with snapshot.recording(origin=graph.origin(node)):
            stands_for[node] = snapshot.input(str(node.name), node.type)
    return snapshot, transplant(outputs, snapshot, stands_for)


def _results(output: Node) -> Any:
    """The output, or the tuple of its items where it has several results."""
    if not isinstance(output.type, TupleType):
        return output
    with output.graph.recording(origin=output.origin):
        return tuple(output)


def _check_inputs(graph: Graph, inputs: list[Node], outputs: list[Node]) -> None:
    for node in inputs:
        if node.op.name != "input":
            raise ArgumentError(
                f"compile: this is not an input of graph {graph.name}, but computed; put an "
                f"input in its place with sd.substitute\n  {node_line(node)}"
            )
    if len(set(inputs)) < len(inputs):
        twice = next(n for n, times in Counter(inputs).items() if times > 1)
        raise ArgumentError(f"compile: input {twice.name} is listed twice")
    listed = set(inputs)
    for node in graph.ancestors(outputs):
        if node.op.name == "input" and node not in listed:
            raise ArgumentError(
                f"compile: the outputs need input {node.name}, which is not listed\n"
                f"  {node_line(node)}"
            )


def _check_assumed(graph: Graph, names: Sequence[str], assume: Mapping[str, Any]) -> None:
    if unknown := sorted(assume.keys() - {*names}):
        raise ArgumentError(
            f"assume={{...}}: {', '.join(unknown)} is no size of graph {graph.name}; "
            f"its sizes are {', '.join(names) or 'none'}"
        )
    for name, size in assume.items():
        if not isinstance(size, int | np.integer) or size < 1:
            raise ArgumentError(
                f"assume={{...}}: {name} is {size!r}; give a whole number from 1, about what "
                "it will be"
            )


def _nesting(outputs: Any) -> Callable[[tuple[Any, ...]], Any]:
    """What makes the nesting of `outputs` of as many results, the shortest way."""
    if outputs is None:
        return itemgetter(0)
    if type(outputs) in (list, tuple) and all(part is None for part in outputs):
        return type(outputs)
    return lambda results: unflatten(outputs, list(results))


class CompiledFunction:
    """A compiled graph: call it with arrays, by position or by input name.

    Arguments are checked before anything runs: their number, names, dtypes (NumPy's
    ``same_kind``), ranks and sizes. Results are fresh arrays. Any number of threads may call
    it at once; it pickles.
    """

    __slots__ = ("_binder", "_inputs", "_nested", "_program", "_state", "graph")

    def __init__(
        self,
        graph: Graph,
        inputs: Any,
        outputs: Any,
        optimize: str | tuple[str, ...],
        sizes: dict[str, int],
        assume: dict[str, int],
        history: tuple[array[int], array[int]],
    ) -> None:
        self._state = (graph, inputs, outputs, optimize, sizes, assume, history)
        self._inputs = inputs
        self._binder = Binder(graph, sizes)
        _check_assumed(graph, self._binder.size_names, assume)
        passes = first_use.module("rewrite.passes")
        self.graph: Graph = passes.optimize(
            passes.expand(graph), optimize, assume={**assume, **sizes}
        ).graph
        """The optimised graph that runs."""
        self._nested = _nesting(outputs)
        self._program = first_use.module("backends.numpy").build(
            self.graph, self._binder.size_names
        )

    @property
    def source(self) -> str:
        """The generated Python: memory set up once for given sizes, then a statement a step."""
        text: str = self._program.source
        return text

    def cost(self, **sizes: int) -> Cost:
        """What a call costs: flops, bytes moved and peak bytes, before any run.

        They are polynomials in the named sizes, or numbers where `sizes` gives their values: then
        by the plan for those sizes, which goes over large arrays in blocks. See
        `symdiff.plan.cost` for what counts. Raises `ArgumentError` for unknown sizes.
        """
        names, program = self._binder.size_names, self._program
        if unknown := sorted(sizes.keys() - {*names}):
            raise ArgumentError(
                f"{self.graph.name}: {', '.join(unknown)} is no size of it; "
                f"its sizes are {', '.join(names) or 'none'}"
            )
        known = self._state[4] | sizes
        whole = all(name in known for name in names)
        plan = program.plan_at(tuple(known[n] for n in names)) if whole else program.plan
        found: Cost = first_use.module("plan.cost").cost(plan, known, program.block_bytes)
        return found

    def report(self) -> str:
        """What compiling did: what each pass changed and took, the plan, and what a call costs."""
        snapshot, _, _, optimize, sizes, assume, _ = self._state
        module = first_use.module("report")
        text: str = module.report(snapshot, optimize, self._binder.size_names, {**assume, **sizes})
        return text

    def profile(self, *args: Any, **named: Any) -> Profile:
        """Time and bytes by node and by line of the user's code, on these arguments of a call.

        The steps of the plan run one by one under a clock; see `symdiff.profile`.
        """
        if named or self._inputs is not None:
            args = self._leaves(args, named)
        arrays, sizes = self._binder.bind(args)
        module = first_use.module("profile")
        charged = module.charged(self._state[0], module.History(*self._state[-1]))
        again = CompiledFunction(charged, *self._state[1:])
        found: Profile = module.profile(again._program, arrays, sizes)
        return found

    def __call__(self, *args: Any, **named: Any) -> Any:
        """Run on arrays, numbers, nested lists of numbers, or anything NumPy can make one of.

        Raises `ArgumentError`, `DTypeError` or `ShapeError` naming the argument, before
        anything is computed.
        """
        if named or self._inputs is not None:
            args = self._leaves(args, named)
        arrays, sizes = self._binder.bind(args)
        try:
            results = self._program.run(arrays, sizes)
        except Exception:  # of any kernel, a user's too; where the reference finds none, it stands
            self._explain(arrays)
            raise
        return self._nested(results)

    def _explain(self, arrays: Sequence[np.ndarray[Any, Any]]) -> None:
        """Run again node by node: the reference interpreter's error names the node."""
        graph = self._state[0]
        values = dict(zip(graph.inputs, arrays, strict=True))
        first_use.module("backends.interpret").run(
            graph, graph.outputs, values, sizes=self._state[4]
        )

    def _leaves(self, args: tuple[Any, ...], named: Mapping[str, Any]) -> tuple[Any, ...]:
        """The arguments in the order of the graph's inputs."""
        names = self._binder.names
        tree = self._inputs if self._inputs is not None else [None] * len(names)
        if len(args) > len(tree):
            raise self._count_error(len(args))
        values: dict[str, Any] = {}
        rest = iter(names)
        for k, (part, value) in enumerate(zip(tree, args, strict=False)):
            try:
                leaves = flatten_like(part, value, f"argument {k}")
            except ValueError as error:
                raise ArgumentError(f"{self.graph.name}: {error}") from None
            values.update((name, leaf) for leaf, name in zip(leaves, rest, strict=False))
        for name, value in named.items():
            if name not in names:
                raise ArgumentError(
                    f"{self.graph.name} has no input {name!r}; its inputs are {self._signature()}"
                )
            if name in values:
                raise ArgumentError(f"{self.graph.name}: input {name} is given twice")
            values[name] = value
        missing = [name for name in names if name not in values]
        if missing:
            raise ArgumentError(
                f"{self.graph.name}: no value for {', '.join(missing)}; "
                f"its inputs are {self._signature()}"
            )
        return tuple(values[name] for name in names)

    def _count_error(self, given: int) -> ArgumentError:
        nested = "" if self._inputs is None else ", nested as they were listed"
        wanted = self._binder.names if self._inputs is None else self._inputs
        return ArgumentError(
            f"{self.graph.name} takes {len(wanted)} arguments "
            f"({self._signature()}{nested}); {given} given"
        )

    def _signature(self) -> str:
        return ", ".join(f"{i.name}: {i.type}" for i in self.graph.inputs)

    def __repr__(self) -> str:
        outputs = ", ".join(str(o.type) for o in self.graph.outputs)
        return f"<compiled {self.graph.name}({self._signature()}) -> {outputs}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return CompiledFunction, self._state
