"""11. What a real implementation of back-propagation has to take care of.

An operation with two results, computed once; many contributions to one gradient, summed in one
buffer; dtypes; a gradient that is not defined, reported with the path to the user's line.
Goodfellow, Bengio and Courville, *Deep Learning*, 6.5.8.
"""

import tracemalloc

import numpy as np

import symdiff as sd

step = sd.elementwise(
    "step",
    "a",
    doc="A unit that fires, 1, where a > 0, and else does not, 0. It has no gradient.",
    kernel=lambda a: np.heaviside(a, 0),
    partials=(sd.undefined,),
)


def recurrence(steps: int) -> sd.Node:
    """dJ/dW of J = Σ h(steps), h(t) = tanh(W h(t-1)): a contribution for each use of W."""
    g = sd.Graph("recurrence")
    W, h = g.input("W", sd.f64["n", "n"]), g.input("h", sd.f64["n"])
    for _ in range(steps):
        h = np.tanh(W @ h)
    return sd.grad(np.sum(h), W)


def matrices(f: sd.CompiledFunction, n: int) -> float:
    """The most memory that a call holds at once, in matrices of n by n numbers."""
    W, h = np.eye(n), np.ones(n)
    f(W[:2, :2], h[:2])  # what is loaded at a first call does not count
    tracemalloc.start()
    f(W, h)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / W.nbytes


def refused(z: sd.Node, x: sd.Node) -> str:
    """What is said to someone who asks for dz/dx."""
    try:
        sd.grad(z, x)
    except sd.NotDifferentiableError as error:
        return str(error)
    raise AssertionError("there is a gradient")


def main() -> None:
    """The four complications, one after the other."""
    print("== two results of one node")
    g = sd.Graph("division")
    a, b = g.input("a", sd.f64["n"]), g.input("b", sd.f64["n"])
    q, r = np.divmod(a, b)
    J = np.sum(r.named("r") ** 2).named("J")
    results = [q.named("q"), J, sd.grad(J, b).named("dJ_db")]
    print(sd.text(results))
    division = sd.compile([a, b], results)
    assert [node.op.name for node in division.graph.nodes].count("divmod") == 1
    values = [value.tolist() for value in division([7.0, 9.5], [2.0, 4.0])]
    assert values == [[3.0, 2.0], 1.0**2 + 1.5**2, [-2 * 1.0 * 3.0, -2 * 1.5 * 2.0]]

    print("== fifty contributions, one buffer")
    dJ_dW, n = recurrence(50), 320
    assert dJ_dW.op.name == "add_n" and len(dJ_dW.inputs) == 50
    for how, outputs, optimize, held in (
        ("each kept", list(dJ_dW.inputs), "none", 50),
        ("summed as they come", dJ_dW, "none", 3),
        ("as compiled by default", dJ_dW, "default", 2),
    ):
        f = sd.compile(outputs=outputs, optimize=optimize)
        print(f"{how:<22}  peak {f.cost().peak!s:<17} bytes; measured, {held} matrices")
        assert held == round(f.cost(n=n).peak / (8 * n * n)) == round(matrices(f, n))

    print("== dtypes")
    g = sd.Graph("mixed")
    a, b, k = g.input("a", sd.f32["n"]), g.input("b", sd.f64["n"]), g.input("k", sd.i64["n"])
    z = np.sum(a * b * k)
    da, db = sd.grad(z, [a, b])
    assert (z.dtype, da.dtype, db.dtype) == (b.dtype, a.dtype, b.dtype)
    print(f"z is {z.type}, dz/da {da.type}, dz/db {db.type}")
    print("dz/dk:", refused(z, k))

    print("== an undefined gradient")
    g = sd.Graph("unit")
    w, v, x = (g.input(name, sd.f64) for name in "wvx")
    h = step(w * x).named("h")
    z = (v * h).named("z")
    assert sd.grad(z, v) is h
    print("dz/dv:", repr(sd.grad(z, v)))
    print("dz/dw:", refused(z, w))


if __name__ == "__main__":
    main()
