"""7. The naive chain rule's exponential cost against one product for each edge.

The derivative of z by x is the sum, over all paths from x to z, of the products of the derivatives
along them. The chain rule alone walks every path; `build_grad` takes one product for each edge.
Goodfellow, Bengio and Courville, *Deep Learning*, 6.5.3 (equation 6.49) and 6.5.6 (equation 6.55).
"""

from math import comb

import numpy as np

import symdiff as sd

calls: list[sd.Node] = []  # the op's rule enters itself here whenever it is asked for a product


def product_rule(G: sd.Node, u: sd.Node, position: int) -> sd.Node:
    """G times the derivative of u by one of its inputs: the product on that edge."""
    calls.append(u)
    return G * (u / u.inputs[position])


product = sd.op(
    "product",
    "*inputs",
    doc="The product of numbers; `at` tells nodes apart that take the same.",
    parameters={"at": ()},
    infer=lambda *types, at: types[0],
    kernel=lambda *values, at: np.multiply.reduce(values),
    vjp=product_rule,
)


def chain(x: sd.Node, n: int) -> sd.Node:
    """n steps, each of which takes the one before it twice."""
    for _ in range(n):
        x = product(x, x)
    return x


def grid(x: sd.Node, n: int) -> sd.Node:
    """From one corner of a square to the other: each node takes those above and to its left."""
    u = {(0, 0): x}
    for i, j in list(np.ndindex(n + 1, n + 1))[1:]:
        before = [u[k] for k in ((i - 1, j), (i, j - 1)) if k in u]
        u[i, j] = product(*before, at=(i, j)).named(f"p{i}_{j}")
    return u[n, n]


def dense(x: sd.Node, n: int) -> sd.Node:
    """n nodes after the first, each of which takes all before it."""
    u = [x]
    for _ in range(n):
        u.append(product(*u))
    return u[-1]


def naive(z: sd.Node, x: sd.Node) -> sd.Node:
    """dz/dx by the chain rule alone: the sum of dz/dy dy/dx over the inputs y of z."""
    if z is x:
        return x.graph.constant(1.0)
    return sum(product_rule(naive(y, x), z, position) for position, y in enumerate(z.inputs))


FAMILIES = {  # and by n: the paths, the products that `naive` takes, and the edges
    chain: lambda n: (2**n, 2 ** (n + 1) - 2, 2 * n),
    grid: lambda n: (comb(2 * n, n), comb(2 * n + 2, n + 1) - 2, 2 * n * (n + 1)),
    dense: lambda n: (2 ** (n - 1), 2**n - 1, n * (n + 1) // 2),
}


def main() -> None:
    """Three families of graphs, each differentiated both ways, from shallow to deep."""
    for build, counts in FAMILIES.items():
        print("==", build.__name__)
        print(" n                      paths                      naive  build_grad")
        for n in (1, 2, 4, 8, 16, 32):
            paths, products, edges = counts(n)
            x = sd.Graph(build.__name__).input("x", sd.f64)
            z = build(x, n)
            calls.clear()
            dz_dx = sd.build_grad(x.graph, z, x)[x]
            assert len(calls) == edges == sum(len(u.inputs) for u in x.graph.ancestors(z))
            # z is x to the power of the number of paths, so its derivative at 1 is that number.
            np.testing.assert_allclose(sd.evaluate(dz_dx, {x: 1.0}), paths, rtol=1e-12)

            if products < 10_000:  # few enough to take them
                calls.clear()
                assert sd.evaluate(naive(z, x), {x: 1.0}) == paths
                assert len(calls) == products
            print(f"{n:>2} {paths:>26,} {products:>26,}  {edges:>10,}")


def pictures() -> dict[str, str]:
    """A grid of nine nodes with six paths."""
    return {"paths": sd.to_svg(grid(sd.Graph("grid").input("x", sd.f64), 2))}


if __name__ == "__main__":
    main()
