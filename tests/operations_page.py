"""Makes `docs/operations.md` from the registry: every op, its rule as mathematics, its checks.

The rule is printed from the graph that it builds for symbolic operands, so it is the one that
runs. Nothing measured stands on the page: it is the same on every machine.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import numpy as np
import sympy

import symdiff as sd
from symdiff.op import REGISTRY, REQUIRED, Op, undefined
from symdiff.types import is_differentiable
from tests import infix
from tests.ops.accuracy import NOT_SHOWN, Bound, bound_of
from tests.ops.exact import counterpart, real_symbols
from tests.ops.samples import BY_HAND, NUMPY, Case, operands, samples_of

HEAD: Final = """# Operations

Everything a graph can compute, by family. Each operation is declared in one expression, from
which this page is made: a test fails when it is stale.

**How to read it.** `g` is the gradient of the result, and `grad x` is what the operation's rule
makes of it for the operand `x`, printed from the nodes that the rule appends to the graph. A rule
is made of operations of this page, so it can be differentiated again, to any order; forward mode
follows from the same rule. Operands broadcast where a family says so; the gradient of one that
was broadcast is summed to its shape. `y` is the result. Names and defaults are those of the
[array API standard](https://data-apis.org/array-api/2024.12/), else NumPy's or SciPy's; NumPy's
own functions, operators and methods on nodes make the same.

**How each operation is verified.** On the shapes of `tests/ops/tables/` (empty, of size 1 and
batched among them) `sd.testing.check_op` holds every rule against derivatives from values alone
(the complex step, or extrapolated central differences), in reverse and in forward mode, at first
and second order in double precision and at first and second in single, at third order in the slow
tests; `sd.vmap` against one call a row, of the value and its gradients; masks, which must stay
outermost; pickling and the text form. Further checks stand with each operation:

- *SymPy*: the counterpart whose `diff` SymPy shows to be the printed rule;
- *mpmath*: the largest error allowed, in units in the last place of the exact result, against
  fifty digits, at large, tiny, subnormal, negative and boundary arguments; no NumPy warning where
  the result is finite, and the limit at singular points (`tests/ops/accuracy.py`);
- *NumPy*: the function whose dtypes, shapes and values are compared for all mixtures of dtypes.

Functions listed as *composed* are made of the operations, and so are their derivatives; what
users do not call by name stands under *of which these are made*. All that is of the array API
standard is compared with `array_api_strict` and NumPy on generated calls
(`tests/array_api/`, which also lists what of the standard is out of scope, and why).
"""

FAMILIES: Final[Mapping[str, str]] = {
    "elementwise": "Arithmetic, comparisons and choice",
    "functions": "Elementary functions",
    "angles": "Angles in the plane",
    "powers": "Powers",
    "floats": "Roots, signs, angles",
    "sinc": "Cardinal sine",
    "nonfinite": "NaN and infinities",
    "complexes": "Complex numbers",
    "extrema": "The larger, the smaller, clipping",
    "nn": "Activations and softmax",
    "weighted": "Softmax under SciPy's names",
    "losses": "Losses",
    "normal": "Error functions, the normal distribution",
    "gamma": "The gamma function",
    "beta": "The beta function",
    "bessel": "Modified Bessel functions",
    "entropy": "Logit, entropies, divergences",
    "reduce": "Sums",
    "reductions": "Reductions",
    "summaries": "Statistics",
    "covariance": "Covariances",
    "quantiles": "Medians and quantiles",
    "missing": "Reductions that pass over NaN",
    "norms": "Norms",
    "scans": "Products and recurrences along axes",
    "cumulative": "Cumulative sums, products and extremes",
    "records": "Running extremes: the entries that hold the record",
    "differences": "Differences, slopes, integrals",
    "interpolation": "Interpolation",
    "polynomials": "Polynomials",
    "linalg": "Matrix products",
    "products": "Products of arrays",
    "contract": "Contractions and diagonals",
    "cross": "Cross products",
    "matrices": "Matrices",
    "shape": "Shapes",
    "joining": "Joining",
    "stacking": "Stacking",
    "splitting": "Splitting",
    "moves": "Moving and repeating",
    "padding": "Padding",
    "index": "Indexing",
    "gather": "Gathering",
    "take": "Taking",
    "along": "Taking along an axis",
    "put": "Putting",
    "lookup": "Searching",
    "sorting": "Sorting",
    "creation": "Creation",
    "ranges": "Ranges and grids",
    "probe": "Looking at values",
    "checkpoint": "Values computed again instead of kept",
    "custom": "Subexpressions with rules of their own",
    "batching": "Batches",
    "structure": "The graph itself",
    "sources": "Where values come from",
}
"""Files of `symdiff/ops/` in the order of the page, and their titles.

A file that is not here comes after the families of arrays, under how its docstring begins.
"""

# -- what there is, and where --------------------------------------------------------------


@cache
def modules() -> dict[str, ModuleType]:
    """The modules that ops, and functions over them, are declared in, by their last names."""
    REGISTRY.complete()
    spaces = namespaces().values()
    loaded = {
        name: module
        for name, module in sorted(sys.modules.items())
        if name.startswith("symdiff.") and not name.startswith("symdiff.rewrite.")
    }
    del loaded["symdiff.ops.declare"]  # how ops are made, not ops
    return {
        name.rpartition(".")[2]: module
        for name, module in loaded.items()
        if name.startswith("symdiff.ops.") or (module not in spaces and declared_in(module))
    }


@cache
def namespaces() -> dict[str, ModuleType]:
    """`sd`, and the namespaces under it that hold functions over ops."""
    found = {"sd": sd}
    for name in sd._MODULES:
        module = getattr(sd, name)
        if name != "testing":
            found[f"sd.{name}"] = module
    return found


def declared_in(module: ModuleType) -> list[Op]:
    """The ops of a module, in the order of the file: names that it assigns, not imports."""
    tree = ast.parse(inspect.getsource(module))
    imported = {
        alias.asname or alias.name
        for statement in ast.walk(tree)
        if isinstance(statement, ast.ImportFrom | ast.Import)
        for alias in statement.names
    }
    ops = {
        id(value): value
        for name, value in vars(module).items()
        if isinstance(value, Op) and value.registered and name not in imported
    }
    return list(ops.values())


@cache
def public_names() -> dict[Any, str]:
    """What is public -> how users write it: `sd.sum`, `sd.special.erf`, `sd.linalg.trace`."""
    found: dict[Any, str] = {}
    for prefix, namespace in namespaces().items():
        for name in namespace.__all__:
            value = getattr(namespace, name)
            if callable(value) and not isinstance(value, type):
                found.setdefault(value, f"{prefix}.{name}")
    return found


def composed_in(module: ModuleType) -> list[Any]:
    """The public functions over ops of a family, in the order of the file."""
    found = [
        f for f in public_names() if not isinstance(f, Op) and f.__module__ == module.__name__
    ]
    return sorted(found, key=lambda f: inspect.unwrap(f).__code__.co_firstlineno)


def ordered() -> list[str]:
    """The families that have anything to show, in the order of the page."""
    known, rest = list(FAMILIES), [name for name in modules() if name not in FAMILIES]
    last = known.index("probe")
    found = {n: m for n, m in modules().items() if declared_in(m) or composed_in(m)}
    return [name for name in (*known[:last], *rest, *known[last:]) if name in found]


# -- signatures and texts ------------------------------------------------------------------


def signature(function: Any, name: str) -> str:
    """The call as users write it, without annotations."""
    given = inspect.signature(function)
    plain = [
        p.replace(annotation=inspect.Parameter.empty, default=_default(p.default))
        for p in given.parameters.values()
    ]
    shown = str(given.replace(parameters=plain, return_annotation=inspect.Signature.empty))
    return f"{name}{shown}"


class _Shown:
    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def _default(value: Any) -> Any:
    if value is inspect.Parameter.empty or value is REQUIRED:
        return inspect.Parameter.empty
    return _Shown(infix.shown(value))


def paragraphs(doc: str) -> list[str]:
    """A docstring's paragraphs, each on one line, in Markdown."""
    found = inspect.cleandoc(doc).split("\n\n")
    return [" ".join(p.split()).replace("``", "`") for p in found]


# -- rules ---------------------------------------------------------------------------------

_SIDES: Final = {2: "m", 3: "n", 4: "k", 5: "p"}


class Applied:
    """An op on the operands of its first sample that it changes, with names for its sizes."""

    def __init__(self, op: Op) -> None:
        self.op = op
        cases = samples_of(op.name).cases
        if op.form == "elementwise":
            cases = tuple(Case(((),) * op.arity, case.params) for case in cases)
        for case in cases:
            arrays, params = operands(op.name, case, "float64"), case.params_for("float64")
            try:
                self._apply(arrays, dict(params), named=True)
            except sd.SymdiffError:  # parameters hold a shape
                self._apply(arrays, dict(params), named=False)
            if self.y.op is op:
                return

    def _apply(self, arrays: list[np.ndarray], params: dict[str, Any], named: bool) -> None:
        graph = sd.Graph()
        names = self.op.arguments
        if self.op.variadic:
            names = tuple(f"{names[0]}[{k}]" for k in range(len(arrays)))
        self.inputs = []
        for k, array in enumerate(arrays):
            shape = tuple(_SIDES.get(side, side) if named else side for side in array.shape)
            self.inputs.append(graph.input(f"x{k}", sd.TensorType(array.dtype, shape_of(shape))))
        self.y = self.op(*self.inputs, **params) if arrays else self.op.on(graph, **params)
        self.names = dict(zip(self.inputs, names, strict=True))
        several = isinstance(self.y.type, sd.TupleType)
        self.outputs = [self.y[k] for k in range(len(self.y))] if several else [self.y]
        self.rules = self._rules()

    def _rules(self) -> dict[str, sd.Node | str]:
        """For each operand its gradient, or why there is none."""
        graph = self.y.graph
        floating = [o for o in self.outputs if is_differentiable(o.type)]
        names = (
            ["g"][: len(floating)]
            if len(self.outputs) == 1
            else [f"g{k}" for k in range(len(floating))]
        )
        seeds = [graph.input(name, o.type) for name, o in zip(names, floating, strict=True)]
        self.names.update(zip(seeds, names, strict=True))
        self.names[self.y] = "y"
        self.names.update(
            {o: f"y[{k}]" for k, o in enumerate(self.outputs)} if len(self.outputs) > 1 else {}
        )
        found: dict[str, sd.Node | str] = {}
        for k, x in enumerate(self.inputs):
            if is_differentiable(x.type) and floating:
                found[self.names[x]] = self._rule(k, x, floating, seeds)
        return found

    def _rule(
        self, position: int, x: sd.Node, floating: list[sd.Node], seeds: list[sd.Node]
    ) -> sd.Node | str:
        rules = self.op.vjp_rules
        rule = rules[position] if isinstance(rules, tuple) else rules
        if rule is undefined or (rule is None and rules is None and self.op.vjp_all is None):
            return "not defined"
        if isinstance(rules, tuple) and rule is None:
            return "0"
        return sd.vjp(floating, x, seeds)

    @property
    def types(self) -> str:
        """Operands' types, parameters, and the result's type."""
        given = [f"{self.names[x]}: {x.type}" for x in self.inputs]
        given += [f"{k}={infix.shown(v)}" for k, v in infix.told(self.y).items()]
        return f"{', '.join(given)} → {', '.join(str(o.type) for o in self.outputs)}"


def shape_of(dims: tuple[int | str, ...]) -> Any:
    return sd.f64[dims].shape


def rule_lines(applied: Applied) -> list[str]:
    nodes = {f"grad {k}": v for k, v in applied.rules.items() if isinstance(v, sd.Node)}
    written = infix.lines(nodes, applied.names) if nodes else []
    return written + [f"grad {k} = {v}" for k, v in applied.rules.items() if isinstance(v, str)]


# -- one op --------------------------------------------------------------------------------


def described(op: Op) -> Iterator[str]:
    """An op's entry."""
    yield f"### `{signature(op, public_names().get(op, op.name))}`"
    yield from paragraphs(op.doc)
    applied = Applied(op) if samples_of(op.name).cases else None
    if applied is not None:
        block = [] if op.form == "elementwise" else [applied.types]
        if block := block + rule_lines(applied):
            yield "\n".join(["```text", *block, "```"])
    if checks := "; ".join(further_checks(op)):
        yield f"{checks}."


def further_checks(op: Op) -> Iterator[str]:
    """What is checked of this op besides what is checked of all."""
    if op.form == "elementwise" and op.sympy is not None:
        formula = sympy.sstr(counterpart(op, real_symbols(op)))
        for ours, theirs in (
            ("Floor", "floor"),
            ("Ceiling", "ceiling"),
            ("Sign", "sign"),
            ("Size", "Abs"),
        ):
            formula = formula.replace(f"{ours}(", f"{theirs}(")
        told = " (compared with the rule to forty digits)" if op.name in NOT_SHOWN else ""
        yield f"*SymPy* `{formula}`{told}"
        yield bound_text(bound_of(op.name))
    if numpy_name := numpy_function(op):
        yield f"*NumPy* `{numpy_name}`"
    if op.name in BY_HAND:
        yield "*NumPy* no function: it has tests of its own"
    elif not samples_of(op.name).numeric:
        yield "*differences* none: its derivative is not that of its value"


def bound_text(bound: Bound) -> str:
    reason = f" ({bound.reason.rstrip('.')})" if bound.reason else ""
    return f"*mpmath* value {ulp(bound.value)}, derivative {ulp(bound.partial)}{reason}"


def ulp(bound: float) -> str:
    if bound == 0:
        return "exact"
    return "correctly rounded" if bound == 0.5 else f"within {bound:g} ulp"


def numpy_function(op: Op) -> str:
    """NumPy's own function that the op is compared with, where it has one."""
    function = NUMPY.get(op.name) or getattr(np, op.name, None)
    if function is None or not (op.form == "elementwise" or op.name in NUMPY):
        return ""
    name = getattr(function, "__name__", "")
    if getattr(np, name, None) is function:
        return f"np.{name}"
    return f"np.{op.name}" if hasattr(np, op.name) else ""


# -- the page ------------------------------------------------------------------------------


def section(name: str) -> Iterator[str]:
    """A family: what its file says of itself, its ops, and what is composed of them."""
    module = modules()[name]
    first, *rest = paragraphs(module.__doc__ or "")
    yield f"## {title(name)}"
    yield from [p for p in (first, *rest) if p != f"{title(name)}." and not p.startswith(">>>")]
    public = [op for op in declared_in(module) if op in public_names()]
    for op in public:
        yield from described(op)
    if functions := composed_in(module):
        yield "### Composed"
        yield "\n".join(
            f"- `{signature(f, public_names()[f])}`: {paragraphs(f.__doc__ or '')[0]}"
            for f in functions
        )
    if inner := [op for op in declared_in(module) if op not in public]:
        yield "### Of which these are made"
        for op in inner:
            head, *body = described(op)
            yield f"#{head}"
            yield from body


def title(name: str) -> str:
    first = paragraphs(modules()[name].__doc__ or "")[0]
    return FAMILIES.get(name) or re.split("[:,(]", first)[0].strip(" .")


def anchor(text: str) -> str:
    """What Markdown makes of a heading."""
    return "".join(c for c in text.lower() if c.isalnum() or c in " -_").replace(" ", "-")


def page() -> str:
    """The whole page."""
    contents = "\n".join(f"- [{title(n)}](#{anchor(title(n))})" for n in ordered())
    parts = [HEAD.rstrip(), contents]
    for name in ordered():
        parts += section(name)
    return "\n\n".join(parts) + "\n"


PAGE: Final = Path(__file__).parent.parent / "docs" / "operations.md"
