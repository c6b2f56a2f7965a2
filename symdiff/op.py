"""What computes a node: `Op`, a frozen record of everything known about one operation.

An op is declared in one expression (`symdiff.ops.declare` has the forms) and applied by calling
it on nodes. The registry holds symdiff's own, of which most load on first use. A user's ops are
plain values of the same class and never registered.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from inspect import Parameter, Signature
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NoReturn

from symdiff import first_use
from symdiff.errors import ArgumentError, NotDifferentiableError
from symdiff.types import Type

if TYPE_CHECKING:
    from symdiff.binding import Requirement
    from symdiff.graph import Graph
    from symdiff.node import Node
    from symdiff.sizes import Dim

__all__ = ["NO_PARAMS", "REGISTRY", "REQUIRED", "Op", "Registry", "Storage", "undefined"]

NO_PARAMS: Final[Mapping[str, Any]] = MappingProxyType({})


class _Sentinel:
    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name

    def __reduce__(self) -> str:
        return self.name


REQUIRED: Final = _Sentinel("REQUIRED")
"""Default of a parameter that has none."""

undefined: Final = _Sentinel("undefined")
"""In a rule's slot: the derivative is not defined, and asking for it raises."""


class Storage:
    """The six slots of a node, while it is being made; `Node` seals them."""

    __slots__ = ("graph", "index", "inputs", "op", "params", "type")

    op: Op
    inputs: tuple[Node, ...]
    params: Mapping[str, Any]
    type: Type
    index: int
    graph: Graph

    def __init__(
        self,
        op: Op,
        inputs: tuple[Node, ...],
        params: Mapping[str, Any],
        type: Type,
        index: int,
        graph: Graph,
    ) -> None:
        self.op = op
        self.inputs = inputs
        self.params = params
        self.type = type
        self.index = index
        self.graph = graph


class _Doc:
    """The class's docstring on the class, the op's own doc on an op: what `help` shows."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __get__(self, op: Op | None, owner: type) -> str:
        return self.text if op is None else op.doc


class Op:
    """One operation: its name, arguments, types, kernel and rules. Compared by identity.

    Rules take and give nodes. `vjp` and `jvp` are one rule for each argument:
    ``rule(g, y, *inputs)`` gives the gradient of that argument from the gradient `g` of the
    result `y` (or, for `jvp`, the result's tangent from that argument's tangent). A slot may
    hold None (zero by definition) or `undefined`. An op whose argument list is variadic has
    one rule for all, ``rule(g, y, position)``, which takes operands from ``y.inputs``.
    `vjp_all(g, y, inputs, wanted)` gives the gradients at the wanted positions at once, as a
    dict; `jvp_all(tangents, y, inputs)` the whole tangent, from tangents of which some are None.

    `batch(y, inputs, mapped)` gives `y` computed on `inputs`, of which those marked in `mapped`
    carry a leading axis; so does the result.

    Of operands' types and params: `infer` gives the type of the result; `normalize` the params in
    the one form that nodes are interned under (axes counted from 0, sizes as ints); `identity`
    says whether the op would do nothing, so that its operand stands for it; `requires` gives what
    sizes must satisfy at a call. Numbers among the operands of an op that `lifts` get the dtype
    that the others have in common.

    `cost(y)` gives the flops of computing `y`, and the bytes its kernel needs at its most beside
    operands and result: ints or sizes. Without it they are those of `symdiff.ops.costs`.
    """

    __slots__ = (
        "arguments",
        "arity",
        "batch",
        "commutative",
        "cost",
        "doc",
        "form",
        "identity",
        "infer",
        "jvp_all",
        "jvp_rules",
        "kernel",
        "lifts",
        "linear",
        "name",
        "normalize",
        "parameters",
        "registered",
        "requires",
        "sympy",
        "ufunc",
        "variadic",
        "vjp_all",
        "vjp_rules",
    )

    def __init__(
        self,
        name: str,
        arguments: str,
        *,
        doc: str,
        infer: Callable[..., Type],
        kernel: Callable[..., Any] | None,
        form: str = "op",
        parameters: Mapping[str, Any] = NO_PARAMS,
        normalize: Callable[..., dict[str, Any]] | None = None,
        identity: Callable[..., bool] | None = None,
        requires: Callable[..., list[Requirement]] | None = None,
        vjp: tuple[Any, ...] | Callable[..., Any] | None = None,
        vjp_all: Callable[..., dict[int, Node | None]] | None = None,
        jvp: tuple[Any, ...] | Callable[..., Any] | None = None,
        jvp_all: Callable[..., Node | None] | None = None,
        batch: Callable[..., Node] | None = None,
        sympy: str | Callable[..., Any] | None = None,
        commutative: bool = False,
        linear: bool = False,
        ufunc: Any = None,
        lifts: bool = True,
        cost: Callable[[Node], tuple[Dim, Dim]] | None = None,
    ) -> None:
        if not name.isidentifier():
            raise ArgumentError(f"an op's name must be an identifier, not {name!r}")
        names = tuple(arguments.split())
        put = object.__setattr__
        put(self, "variadic", len(names) == 1 and names[0].startswith("*"))
        put(self, "arguments", tuple(n.lstrip("*") for n in names))
        put(self, "arity", len(names))
        for slot, value in (
            ("name", name),
            ("doc", doc),
            ("infer", infer),
            ("kernel", kernel),
            ("form", form),
            ("parameters", MappingProxyType(dict(parameters))),
            ("normalize", normalize),
            ("identity", identity),
            ("requires", requires),
            ("vjp_rules", vjp),
            ("vjp_all", vjp_all),
            ("jvp_rules", jvp),
            ("jvp_all", jvp_all),
            ("batch", batch),
            ("sympy", sympy),
            ("commutative", commutative),
            ("linear", linear),
            ("ufunc", ufunc),
            ("lifts", lifts),
            ("cost", cost),
            ("registered", False),
        ):
            put(self, slot, value)
        for slot, rules in (("vjp", vjp), ("jvp", jvp)):
            if isinstance(rules, tuple) and len(rules) != len(self.arguments):
                raise ArgumentError(
                    f"op {name}: {slot} has {len(rules)} rules for {len(self.arguments)} arguments"
                )

    __doc__ = _Doc(__doc__)

    if TYPE_CHECKING:
        name: str
        arguments: tuple[str, ...]
        arity: int
        variadic: bool
        doc: str
        form: str
        parameters: Mapping[str, Any]
        infer: Callable[..., Type]
        kernel: Callable[..., Any] | None
        normalize: Callable[..., dict[str, Any]] | None
        identity: Callable[..., bool] | None
        requires: Callable[..., list[Requirement]] | None
        vjp_rules: tuple[Any, ...] | Callable[..., Any] | None
        vjp_all: Callable[..., dict[int, Node | None]] | None
        jvp_rules: tuple[Any, ...] | Callable[..., Any] | None
        jvp_all: Callable[..., Node | None] | None
        batch: Callable[..., Node] | None
        sympy: str | Callable[..., Any] | None
        commutative: bool
        linear: bool
        ufunc: Any
        lifts: bool
        cost: Callable[[Node], tuple[Dim, Dim]] | None
        registered: bool

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"op {self.name} is frozen; cannot set {name!r}")

    def __call__(self, *args: Any, **params: Any) -> Node:
        """Apply to nodes (arrays, numbers and sizes among them become constants)."""
        if len(args) > self.arity and not self.variadic:  # parameters by position
            extra = args[self.arity :]
            named = dict(zip(self.parameters, extra, strict=False))
            plain = not any(isinstance(value, Storage) for value in extra)
            if plain and len(named) == len(extra) and named.keys().isdisjoint(params):
                return self(*args[: self.arity], **named, **params)
        if args and isinstance(args[0], Storage):
            return args[0].graph.apply(self, args, params)
        for arg in args:
            if isinstance(arg, Storage):
                return arg.graph.apply(self, args, params)
        for arg in args:
            if hasattr(arg, "apply_op"):  # a pattern of a rewrite rule
                return arg.apply_op(self, args, params)  # type: ignore[no-any-return]
        raise ArgumentError(
            f"{self.name}: none of the operands is a node of a graph "
            f"({', '.join(type(a).__name__ for a in args) or 'no operands'}); "
            "make one with graph.input(name, type) or graph.constant(value)"
        )

    def on(self, graph: Graph, **params: Any) -> Node:
        """Apply an op that takes no nodes, such as `eye`, in `graph`."""
        return graph.apply(self, (), params)

    def vjp(self, node: Node, position: int, G: Any) -> Node | None:
        """Gradient of the input at `position` from the gradient `G` of `node`; None for zero.

        Raises `NotDifferentiableError` where the op defines none.
        """
        rules = self.vjp_rules
        rule: Any = rules[position] if type(rules) is tuple else rules
        if rule is undefined or (rule is None and rules is None):
            if self.vjp_all is not None:
                return self.vjp_all(G, node, node.inputs, (position,)).get(position)
            raise NotDifferentiableError(
                f"{self.name} has no derivative with respect to {self.argument_name(position)}"
            )
        if rule is None:
            return None
        if self.variadic:
            return rule(G, node, position)  # type: ignore[no-any-return]
        return rule(G, node, *node.inputs)  # type: ignore[no-any-return]

    def bprop(self, inputs: tuple[Node, ...], X: Node, G: Any, **params: Any) -> Node | None:
        """Goodfellow et al.'s ``op.bprop(inputs, X, G)``: summed over where X occurs in `inputs`.

        Interning makes ``self(*inputs, **params)`` the very node whose gradient is `G`.
        """
        node = self(*inputs, **params)
        total: Node | None = None
        for position, node_input in enumerate(node.inputs):
            if node_input is X:
                part = self.vjp(node, position, G)
                if part is not None:
                    total = part if total is None else total + part
        return total

    def argument_name(self, position: int) -> str:
        """The name of the argument at `position`, as messages print it."""
        return f"{self.arguments[0]}[{position}]" if self.variadic else self.arguments[position]

    @property
    def __signature__(self) -> Signature:
        kind = Parameter.VAR_POSITIONAL if self.variadic else Parameter.POSITIONAL_ONLY
        parameters = [Parameter(name, kind) for name in self.arguments]
        for name, default in self.parameters.items():
            if default is REQUIRED and not self.variadic:
                parameters.append(Parameter(name, Parameter.POSITIONAL_OR_KEYWORD))
            else:
                parameters.append(Parameter(name, Parameter.KEYWORD_ONLY, default=default))
        return Signature(sorted(parameters, key=lambda p: p.kind))

    @property
    def __name__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"<op {self.name}({', '.join(self.arguments)})>"

    def __reduce__(self) -> tuple[Any, ...]:
        if self.registered:
            return REGISTRY.find, (self.name,)
        for module_name, module in list(sys.modules.items()):
            # Not getattr: a module may make names, and warnings, as they are asked for.
            if getattr(module, "__dict__", {}).get(self.name) is self:
                return _attribute, (module_name, self.name)
        raise ArgumentError(
            f"op {self.name} cannot be pickled: ops pickle by qualified name, so bind it to the "
            f"variable {self.name!r} at the top level of a module"
        )


def _attribute(module: str, name: str) -> Any:
    __import__(module)
    return getattr(sys.modules[module], name)


class Registry:
    """symdiff's own ops by name, and what NumPy's functions are called here.

    The one global table of the library. Each family of ops enters itself when its module loads:
    some with `import symdiff`, the others, named in `families`, when one of their names is first
    asked for. A user's ops never enter it.
    """

    def __init__(self) -> None:
        self.ops: dict[str, Op] = {}
        self.functions: dict[str, Callable[..., Any]] = {}
        self.numpy_functions: dict[Any, Callable[..., Any]] = {}
        self.ufuncs: dict[Any, Callable[..., Any]] = {}
        self.families: Mapping[str, str] = {}
        """Names of public functions -> the modules they are in, for `first_use`."""

    def enroll(self, module: str) -> None:
        """Enter every op a module of symdiff has declared: the last line of each family.

        Raises `ArgumentError` for any other module, and for a name that is taken.
        """
        if not module.startswith("symdiff."):
            raise ArgumentError(f"{module}: only symdiff's own ops are registered; use the values")
        for op in list(vars(sys.modules[module]).values()):
            if isinstance(op, Op) and not op.registered:
                if op.name in self.ops:
                    raise ArgumentError(f"op {op.name!r} is declared twice")
                self.ops[op.name] = op
                object.__setattr__(op, "registered", True)
                if op.ufunc is not None:
                    self.ufuncs.setdefault(op.ufunc, op)

    def complete(self) -> dict[str, Op]:
        """All ops, every family loaded."""
        for module in dict.fromkeys(self.families.values()):
            first_use.module(module)
        return self.ops

    def find(self, name: str) -> Op:
        """The op of that name; `ArgumentError` if there is none."""
        op: Op | None = self._look_up(self.ops, name)
        if op is None:
            raise ArgumentError(f"no op is named {name!r}")
        return op

    def function(self, name: str) -> Callable[..., Any]:
        """The public function of that name: the op itself, or a function over ops."""
        if name in self.families:
            first_use.module(self.families[name])
        found = self.functions.get(name)
        return self.find(name) if found is None else found

    def for_ufunc(self, ufunc: Any) -> Callable[..., Any] | None:
        """What a ufunc of NumPy is here, or of SciPy under its name in `sd.special`, if anything.

        A ufunc of SciPy in hand, SciPy is loaded; nothing here loads it.
        """
        name, scipy = ufunc.__name__, sys.modules.get("scipy.special")
        if scipy is not None and getattr(scipy, name, None) is ufunc:
            return getattr(first_use.module("special"), name, None)
        return self._look_up(self.ufuncs, ufunc)  # type: ignore[no-any-return]

    def for_numpy(self, function: Any) -> Callable[..., Any] | None:
        """What a NumPy function, or a ufunc and the name of its method, is here, if anything."""
        return self._look_up(self.numpy_functions, function)  # type: ignore[no-any-return]

    def _look_up(self, table: Mapping[Any, Any], key: Any) -> Any:
        """The entry of a table, once the family that may hold it is loaded."""
        found = table.get(key)
        if found is None:
            family = self.families.get(getattr(key, "__name__", key))
            if family is not None:
                first_use.module(family)
                found = table.get(key)
        if found is None:
            self.complete()
            found = table.get(key)
        return found

    def __reduce__(self) -> str:
        return "REGISTRY"


REGISTRY: Final = Registry()
