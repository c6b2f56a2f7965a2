"""2. The chain z = f(f(f(x))), its intermediates stored or computed again.

With y = f(x), w = f(y), z = f(w): dz/dx = f'(w) f'(y) f'(x), which keeps y and w, or
f'(f(f(x))) f'(f(x)) f'(x), which keeps nothing but x and computes more the deeper the chain is.
Goodfellow, Bengio and Courville, *Deep Learning*, 6.5.3 (equations 6.50 to 6.53).
"""

import math
import tracemalloc
from collections.abc import Callable

import numpy as np

import symdiff as sd
from symdiff.ops.checkpoint import barrier  # x under another name, once other nodes are there

f, df = sd.sin, sd.cos
AT = np.linspace(-2.0, 2.0, 50_000)


def chain(x: sd.Node, depth: int) -> sd.Node:
    """f(…f(x)), with f taken `depth` times."""
    for _ in range(depth):
        x = f(x)
    return x


def stored(x: sd.Node, depth: int) -> sd.Node:
    """The gradient by back-propagation: each f(…f(x)) is one node, used wherever it occurs."""
    return sd.grad(sd.sum(chain(x, depth)), x)


def recomputed(x: sd.Node, depth: int) -> sd.Node:
    """f'(f(f(x))) f'(f(x)) f'(x), from left to right, each factor from an x of its own."""
    product = df(chain(x, depth - 1))
    for k in reversed(range(depth - 1)):
        again = barrier(x, product, token=k)
        product = product * df(chain(again, k))
    return product


def checkpointed(x: sd.Node, depth: int) -> sd.Node:
    """The gradient when one in √depth of the f(…f(x)) is kept, the others computed again."""
    z, group = x, math.isqrt(depth - 1) + 1
    for done in range(0, depth, group):
        z = sd.checkpoint(chain(z, min(group, depth - done)))
    return sd.grad(sd.sum(z), x)


def tried(form: Callable[[sd.Node, int], sd.Node], depth: int) -> tuple[int, int]:
    """Prints what a form takes; gives the calls of f in it, and the arrays it holds at most."""
    x = sd.Graph("gradient").input("x", sd.f64["n"])
    gradient = sd.compile([x], form(x, depth))
    gradient(AT[:-1])  # what is loaded at a first call does not count
    tracemalloc.start()
    result = gradient(AT)
    arrays = tracemalloc.get_traced_memory()[1] / AT.nbytes
    tracemalloc.stop()

    expected, value = np.ones_like(AT), AT
    for _ in range(depth):
        expected, value = expected * np.cos(value), np.sin(value)
    np.testing.assert_allclose(result, expected, rtol=1e-12)

    cost = gradient.cost()
    fs, dfs = (gradient.source.count(f" {op.name}(") for op in (f, df))
    assert cost.flops == (16 * (fs + dfs) + depth - 1) * x.size  # a sine counts 16
    assert abs(arrays - cost.at(n=AT.size).peak / AT.nbytes) < 0.25
    what = f"{depth:>5}  {form.__name__:<12}  {fs:>3}  {dfs:>2}"
    print(f"{what}  {cost.flops!s:>6}  {cost.peak!s:>5}  {arrays:.0f} arrays")
    return fs, round(arrays)


def main() -> None:
    """Both forms of the gradient as graphs, then what each takes as the chain grows."""
    print("== stored")
    x = sd.Graph("stored").input("x", sd.f64)
    y = f(x).named("y")
    w = f(y).named("w")
    z = f(w).named("z")
    dz_dx = sd.grad(z, x).named("dz_dx")
    print(sd.text([z, dz_dx]))
    assert df(f(f(x))) * df(f(x)) * df(x) is dz_dx  # written so, it is the same graph

    print("== recomputed")
    x = sd.Graph("recomputed").input("x", sd.f64)
    print(sd.text(recomputed(x, 3).named("dz_dx")))
    print("== the same by sd.checkpoint, as compiled")
    print(sd.compile([x], checkpointed(x, 3)).graph)

    print("== operations and memory")
    print("depth  form            f  f'   flops   peak  measured")
    forms = stored, checkpointed, recomputed
    assert [tried(form, 3) for form in forms] == [(2, 3), (3, 3), (3, 3)]
    assert [tried(form, 25) for form in forms] == [(24, 25), (40, 9), (25 * 24 // 2, 3)]


if __name__ == "__main__":
    main()
