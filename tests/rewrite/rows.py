"""Rules by themselves: what an expression is rewritten to, and that the values stay the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import product
from typing import Any, NamedTuple

import numpy as np

import symdiff as sd
from symdiff.rewrite.driver import run_rules
from symdiff.rewrite.pattern import Rule

SHAPES: dict[str, tuple[Any, ...]] = {
    "x": ("n", 3),
    "y": ("n", 3),
    "z": ("n", 3),
    "v": (3,),
    "r": ("n", 1),
    "s": (),
    "t": (),
    "m": ("n", 3),
    "k": ("n", 3),
    "i": ("n", 3),
    "q": ("n", 2, 3),
}
BOOLEAN, INTEGER = ("m", "k"), ("i",)
SPECIAL = (1.5, -2.0, 0.0, np.nan, np.inf, -np.inf)


class Row(NamedTuple):
    """An expression over the inputs above, and how the rule leaves it.

    `finite` says that the rule asks for values without NaN and infinities, or gives up those.
    """

    build: Callable[..., Any]
    after: str
    finite: bool = False


def inputs_of(graph: sd.Graph, dtype: Any) -> dict[str, sd.Node]:
    kinds = dict.fromkeys(SHAPES, dtype)
    kinds.update(dict.fromkeys(BOOLEAN, sd.bool_), **dict.fromkeys(INTEGER, sd.i64))
    return {name: graph.input(name, kinds[name][shape]) for name, shape in SHAPES.items()}


def shown(x: sd.Node) -> str:
    """A node as an expression; recursion is fine for what a test writes."""
    if x.name is not None:
        return x.name
    if x.op.name == "constant":
        return str(x.params["value"].array.tolist())
    parts = [shown(operand) for operand in x.inputs]
    hidden = {"keepdims": False, "dtype": None, "n_cols": None}
    for name, value in x.params.items():
        if name not in hidden or hidden[name] != value:
            parts.append(f"{name}={_text(value)}")
    return f"{x.op.name}({', '.join(parts)})"


def _text(value: Any) -> str:
    if hasattr(value, "start"):
        return f"{value.start}:{value.stop}:{value.step}"
    if isinstance(value, tuple):
        return "(" + ",".join(map(_text, value)) + ")"
    return str(value)


def point(n: int, dtype: str, special: bool, seed: int = 0) -> dict[str, Any]:
    """Values of the inputs; special ones meet each other in every pair."""
    rng = np.random.default_rng(seed)
    found: dict[str, Any] = {}
    pairs = np.array(list(product(SPECIAL, repeat=2)))
    for name, shape in SHAPES.items():
        size = tuple(n if dim == "n" else dim for dim in shape)
        if name in BOOLEAN:
            found[name] = rng.integers(0, 2, size).astype(bool)
        elif name in INTEGER:
            found[name] = rng.integers(-4, 5, size)
        else:
            array = rng.choice([-1.0, 1.0], size) * rng.uniform(0.3, 2.0, size)
            if special and array.size:
                column = 1 if name == "y" else 0
                array = np.resize(pairs[:, column], size)
            found[name] = np.asarray(array, dtype)
    return found


def check(rules: Iterable[Rule], name: str, row: Row) -> None:
    """That the rules of that name, and no others, give what the row says, and equal values."""
    chosen = [rule for rule in rules if rule.name == name]
    for dtype, eps in (("float64", 1e-13), ("float32", 1e-5)):
        g = sd.Graph("g")
        g.outputs = [
            row.build(**inputs_of(g, getattr(sd, {"float64": "f64", "float32": "f32"}[dtype])))
        ]
        log: list[Any] = []
        done = run_rules(g, chosen, log)
        done.graph.check()
        (before,), (after,) = g.outputs, done.graph.outputs
        assert {firing.rule for firing in log} - {"fold_constants"} == {name}, shown(before)
        assert after.type == before.type
        if dtype == "float64":
            assert shown(after) == row.after, shown(after)
        for n, special in ((4, False), (0, False), (12, True)):
            if special and row.finite:
                continue
            values = point(n, dtype, special)
            with np.errstate(all="ignore"):
                expected, found = (sd.evaluate(z, values) for z in (before, after))
            np.testing.assert_allclose(found, expected, rtol=eps, atol=eps)
