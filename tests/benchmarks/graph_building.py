"""What a node costs: time and memory to build, differentiate, print, pickle, digest and free.

    python -m tests.benchmarks.graph_building --nodes 1000000

builds a chain of that many nodes and its gradient a few times and prints the median of each
figure. Nothing is asserted: timings belong to a machine.
"""

from __future__ import annotations

import argparse
import gc
import pickle
import resource
import sys
import tracemalloc
from statistics import median
from time import perf_counter

import symdiff as sd

Figures = dict[str, list[float]]


def chain(nodes: int) -> tuple[sd.Graph, sd.Node, sd.Node]:
    """Sines and products by turns, so that half of the nodes have two operands."""
    g = sd.Graph("chain")
    x = y = g.input("x", sd.f64)
    for _ in range(nodes // 2):
        y = sd.sin(y) * x
    return g, x, y


def one_round(nodes: int, figures: Figures) -> None:
    """Time everything once."""

    def note(name: str, start: float, count: int) -> None:
        figures.setdefault(name, []).append(1e6 * (perf_counter() - start) / count)

    gc.collect()
    start = perf_counter()
    g, x, y = chain(nodes)
    note("build, us a node", start, forward := len(g))
    start = perf_counter()
    g.outputs = [y, sd.grad(y, x)]
    note("differentiate, us an appended node", start, len(g) - forward)
    whole = len(g)
    start = perf_counter()
    g.text()
    note("print, us a node", start, whole)
    start = perf_counter()
    data = pickle.dumps(g)
    note("pickle, us a node", start, whole)
    figures.setdefault("pickle, bytes a node", []).append(len(data) / whole)
    start = perf_counter()
    pickle.loads(data)
    note("unpickle, us a node", start, whole)
    start = perf_counter()
    g.digest()
    note("digest, us a node", start, whole)
    start = perf_counter()
    del g, x, y
    gc.collect()
    note("free, us a node", start, whole)


def traced_bytes(nodes: int) -> tuple[float, float]:
    """Bytes a node of the chain, and of its gradient, as `tracemalloc` counts them."""
    gc.collect()
    tracemalloc.start()
    g, x, y = chain(nodes)
    forward, after = len(g), tracemalloc.get_traced_memory()[0]
    sd.grad(y, x)
    whole = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return after / forward, (whole - after) / (len(g) - forward)


def main(arguments: list[str] | None = None) -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--nodes", type=int, default=1_000_000, help="length of the chain")
    parser.add_argument("--rounds", type=int, default=3, help="medians are over so many")
    options = parser.parse_args(arguments)
    figures: Figures = {}
    for _ in range(options.rounds):
        one_round(options.nodes, figures)
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    for name, size in zip(
        ("built, bytes a node", "differentiated, bytes an appended node"),
        traced_bytes(min(options.nodes, 100_000)),
        strict=True,
    ):
        figures[name] = [size]
    print(f"chain of {options.nodes} nodes, median of {options.rounds}")
    for name, values in figures.items():
        print(f"  {name:<42} {median(values):>8.2f}")
    print(f"  {'peak resident memory, MB':<42} {peak / 1e6:>8.0f}")


if __name__ == "__main__":
    main()
