"""Makes `docs/stability.md` from the rows of the stability table: nothing on it is typed in."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np

import symdiff as sd
from symdiff.rewrite.driver import run_rules
from symdiff.rewrite.rules.stability import STABILITY, VALUES_ONLY
from tests import infix
from tests.rewrite.stability_rows import SECTIONS, Row

PAGE: Final = Path(__file__).parent.parent / "docs" / "stability.md"

HEAD: Final = """# Stability

Many expressions are right on paper and wrong in floating point: `log(1 + exp(x))` is infinite at
1000, and `log(1 - sigmoid(x))` at 100. The forms below are found in what was written and replaced
by operations that are accurate for every argument:

- by `sd.compile`, wherever they stand (the pass `"stability"` of `optimize="default"`);
- by `sd.grad`, `value_and_grad`, `vjp`, `jvp`, `hvp`, `jacobian` and `hessian`, in what is
  differentiated, *before* it is: only then are all derivatives right too. The accurate forms are
  appended to the graph, and nothing that was there changes. `stabilize=False` leaves it out, and
  `sd.build_grad` is the bare algorithm.

No rule looks through a node that is differentiated by: the gradient with respect to `e` in
`log(1 + e)` is `1 / (1 + e)`, whatever `e` is.

**What a rule may do.** It fires where its result is right to rounding wherever what was written
is: NaN, infinities and dtypes stay. `exp(x) / exp(y)` becomes `exp(x - y)` at the price of the
rounding of the difference, `abs(x - y)` units in the last place, and `log(b * exp(x))` becomes
`x + log(b)` at that of the sum. A form of which other parts of the graph need a piece anyhow
stays where that is cheaper and a unit in the last place of 1 is all that is lost
(`1 - sigmoid(x)`, `1 - tanh(x)**2`).

**What stays as it is.** `sqrt(x**2 + y**2)` does not become `hypot(x, y)`, which takes NumPy
twice the time or more and gains only beyond 1e154. `x * log(x)` stays NaN at 0, as `sin(x) / x`
does: `xlogy` and `sinc` say that the limit is meant, and cost more. `exp(x) + exp(-x)` loses
nothing, and is faster than `cosh`. The derivative of `sqrt(sum(x**2))` at 0 stays NaN: write
`sd.linalg.vector_norm(x)`, whose derivative there is 0.

**How to read it.** In each cell what was written comes first and what stands there now second.
*At* gives the arguments, of `x` and then of the other. Derivatives are by `x`; of an array those
of its dot product with 1, 2, 3. Where both numbers are the same the rule is there for another
one's sake, or for speed. Under *values only* the derivatives of what was written are right: what
is differentiated stays. Every row is held against fifty digits by `tests/rewrite/`, which also
says that no rule loses digits elsewhere.

`sd.optimize(graph, trace=True)` prints every rule that fires, by the name in the first column.
"""


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for title, rows in SECTIONS.items():
        table = [
            f"## {title}\n",
            "| rule | written | becomes | at | value | gradient | second derivative |",
            "|---|---|---|---|---|---|---|",
            *[_line(row) for row in rows],
        ]
        parts.append("\n".join(table) + "\n")
    return "\n".join(parts)


def _line(row: Row) -> str:
    g = sd.Graph()
    nodes = [g.input(n, sd.f64[np.shape(v)]) for n, v in zip("xy", row.at, strict=False)]
    z = row.written(*nodes)
    g.outputs = [z]
    new = run_rules(g, STABILITY).graph
    fresh = dict(zip(nodes, new.inputs, strict=True))
    cells = [
        f"`{row.rule}`",
        _text(z),
        _text(new.outputs[0]),
        ", ".join(_shown(v, 12) for v in row.at),
        _pair(_value(z, nodes, row), _value(new.outputs[0], list(fresh.values()), row)),
    ]
    if row.rule in VALUES_ONLY:
        return "| " + " | ".join([*cells, "values only", ""]) + " |"
    before, after = (_derivatives(z, nodes, row, stabilize) for stabilize in (False, True))
    cells += [_pair(one, other) for one, other in zip(before, after, strict=True)]
    return "| " + " | ".join(cells) + " |"


def _derivatives(z: sd.Node, nodes: list[sd.Node], row: Row, stabilize: bool) -> list[Any]:
    total = sd.sum(z * np.arange(1.0, 4.0)) if z.shape else z
    first = sd.grad(total, nodes[0], stabilize=stabilize)
    along = sd.sum(first * np.arange(1.0, 4.0)) if first.shape else first
    second = sd.grad(along, nodes[0], disconnected="zero", stabilize=stabilize)
    return [_value(node, nodes, row) for node in (first, second)]


def _value(node: sd.Node, nodes: list[sd.Node], row: Row) -> Any:
    with np.errstate(all="ignore"):
        return sd.evaluate(node, dict(zip(nodes, row.at, strict=True)))


def _text(node: sd.Node) -> str:
    names = {i: str(i.name) for i in node.graph.inputs}
    *parts, last = infix.lines({"_": node}, names)
    return f"`{'; '.join([last.removeprefix('_ = '), *parts])}`"


def _pair(before: Any, after: Any) -> str:
    one, other = _shown(before), _shown(after)
    return one if one == other else f"{one} → **{other}**"


def _shown(value: Any, digits: int = 6) -> str:
    array = np.asarray(value, float) + 0.0  # -0.0 is 0
    if array.ndim:
        return f"[{', '.join(_shown(v, digits) for v in array)}]"
    text = f"{float(array):.{digits}g}"
    return text.replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")
