"""z = f(f(f(x))) differentiated three times: each gradient graph printed, written and drawn."""

from __future__ import annotations

from pathlib import Path

import symdiff as sd

__all__ = ["derivatives", "main"]


def derivatives() -> list[sd.Node]:
    """z and its first three derivatives, all in one graph."""
    g = sd.Graph("chain")
    x = g.input("x", sd.f64[()])
    z = sd.sin(sd.sin(sd.sin(x)))
    nodes = [z]
    for _ in range(3):
        nodes.append(sd.grad(nodes[-1], x))
    return nodes


def main(folder: str | None = None) -> None:
    """Print the first gradient graph, the values at 1, and write the drawings if asked to."""
    nodes = derivatives()
    z, first = nodes[:2]
    print("z = f(f(f(x))) with f = sin, and its gradient in the same graph")
    print("\n".join(f"  {line}" for line in sd.text([z, first]).splitlines()))
    x = z.graph.inputs[0]
    values = sd.compile([x], nodes)(1.0)
    for k, value in enumerate(values):
        size = len(z.graph.ancestors(nodes[: k + 1]))
        print(f"  order {k}: {size:>4} nodes, value {float(value):+.12f}")
    if folder is not None:
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        for k in range(1, 4):
            sd.to_dot(nodes[: k + 1], target / f"chain{k}.dot")
            print(f"  wrote {target / f'chain{k}.dot'}")
            try:
                sd.to_svg(nodes[: k + 1], target / f"chain{k}.svg")
                print(f"  drew {target / f'chain{k}.svg'}")
            except sd.MissingDependencyError as error:
                print(f"  not drawn: {error}")


if __name__ == "__main__":
    main()
