"""9. Algorithms 6.5 and 6.6 step by step, carried out on symbols and on numbers.

The pruned graph, then the grad table as it fills by one `op.bprop` for each edge: once with
a number at once for every gradient (symbol to number), once with a node (symbol to symbol).
Goodfellow, Bengio and Courville, *Deep Learning*, 6.5.5 and 6.5.6.
"""

from collections.abc import Callable, Iterable
from typing import Any

import symdiff as sd

AT = {"w": 4.0, "x": 0.5, "b": 9.0}


def example() -> tuple[sd.Node, sd.Node]:
    """z = (a a² - √b)² with a = w x, and w; t = |a| is nothing that z needs."""
    g = sd.Graph("example")
    w, x, b = (g.input(name, sd.f64) for name in "wxb")
    a = (w * x).named("a")
    s = sd.square(a).named("s")
    sd.abs(a).named("t")
    p = (a * s).named("p")
    r = sd.sqrt(b).named("r")
    u = (p - r).named("u")
    return sd.square(u).named("z"), w


def names(nodes: Iterable[sd.Node]) -> str:
    """The names of nodes as a list."""
    return f"[{', '.join(str(V.name) for V in nodes)}]"


def back_propagate(
    z: sd.Node, target: sd.Node, seed: Any, bprop: Callable[..., Any], total: Callable[..., Any]
) -> dict[sd.Node, Any]:
    """Algorithms 6.5 and 6.6, their recursion as a loop; prints the table as it fills."""
    table = {z: seed}
    print(f"grad_table[z] = {seed!r}")
    for V in reversed(z.graph.prune(z, target)[:-1]):
        consumers = [C for C in reversed(z.graph.consumers(V)) if C in table]
        parts = [bprop(C, V, table[C]) for C in consumers]
        table[V] = parts[0] if len(parts) == 1 else total(*parts)
        for C, part in zip(consumers, parts, strict=True):
            arguments = f"{names(C.inputs)}, {V.name}, grad_table[{C.name}]"
            print(f"  {C.op.name}.bprop({arguments}) = {part!r}")
        print(f"grad_table[{V.name}] = {table[V]!r}")
    return table


def on_symbols(C: sd.Node, V: sd.Node, G: sd.Node) -> sd.Node | None:
    """Symbol to symbol: the rule's operations are appended to the graph."""
    return C.op.bprop(C.inputs, V, G, **C.params)


def on_numbers(value: dict[sd.Node, float]) -> Callable[..., float]:
    """Symbol to number: the rule's operations are carried out at once, and forgotten."""

    def bprop(C: sd.Node, V: sd.Node, G: float) -> float:
        step = sd.Graph("step")
        X = {i: step.input(i.name, i.type) for i in C.inputs}
        rule = C.op.bprop(tuple(X.values()), X[V], step.input("G", C.type), **C.params)
        return float(sd.evaluate(rule, {"G": G} | {i.name: value[i] for i in X}))

    return bprop


def main() -> None:
    """What the algorithms ask of a graph, then the table filled in both ways."""
    z, w = example()
    graph = z.graph
    pruned = set(graph.prune(z, w))
    assert {V.name for V in pruned} == {"w", "a", "s", "p", "u", "z"}
    print("== the graph; * is in the pruned graph")
    print("  node  operation  inputs  consumers")
    for V in graph.nodes:
        star = "*" if V in pruned else " "
        print(f"{star} {V.name:<4}  {V.op.name:<9}  {names(V.inputs):<6}", end="  ")
        print(names(graph.consumers(V)))

    print("== symbol to number: nothing grows")
    size = len(graph)
    value = dict(zip(graph.nodes, sd.evaluate(list(graph.nodes), AT), strict=True))
    numbers = back_propagate(z, w, 1.0, on_numbers(value), lambda *parts: sum(parts))
    assert len(graph) == size

    print("== symbol to symbol: the graph grows")
    symbols = back_propagate(z, w, graph.constant(1.0), on_symbols, sd.add_n)
    assert sd.evaluate(list(symbols.values()), AT) == list(numbers.values())

    print("== the same by sd.build_grad")
    size = len(graph)
    table = sd.build_grad(graph, z, w)
    assert len(graph) == size and all(table[V] is symbols[V] for V in pruned)
    print(graph.text())


if __name__ == "__main__":
    main()
