"""12. Forward against reverse accumulation on one product of Jacobians.

Where each w_k is computed from the one before it, with the Jacobian J_k, the derivative of w4 by
w0 is J4 J3 J2 J1. Forward accumulation multiplies from w0 on, J4 (J3 (J2 J1)); reverse
accumulation from w4 back, ((J4 J3) J2) J1. One result, two costs; a third order may beat both.
Goodfellow, Bengio and Courville, *Deep Learning*, 6.5.9; A. Griewank and A. Walther, *Evaluating
Derivatives*, 2nd edition, 2008, chapter 3; U. Naumann, "Optimal Jacobian accumulation is
NP-complete", Mathematical Programming 112 (2008).
"""

from collections.abc import Callable, Sequence

import numpy as np

import symdiff as sd

SHAPES = {
    "narrow at w0": {"a": 1, "b": 50, "c": 50, "d": 50, "e": 1000},
    "narrow at w4": {"a": 1000, "b": 50, "c": 50, "d": 50, "e": 1},
    "narrow at w2": {"a": 100, "b": 100, "c": 2, "d": 100, "e": 100},
}
"""How many entries w0 … w4 have: a … e."""

Unit = Callable[[sd.Node], sd.Node]


def steps(sizes: Sequence[int | str], unit: Unit = lambda a: a) -> tuple[sd.Node, ...]:
    """w4, w0 and J1 … J4, for w_k = unit(J_k w_{k-1}); without a unit J_k is the Jacobian."""
    g = sd.Graph("product")
    w0 = w = g.input("w0", sd.f64[sizes[0]])
    J = [g.input(f"J{k}", sd.f64[sizes[k], sizes[k - 1]]) for k in range(1, 5)]
    for k in range(4):
        w = unit(J[k] @ w).named(f"w{k + 1}")
    return w, w0, *J


def accumulated(mode: str, assume: dict[str, int]) -> sd.CompiledFunction:
    """dw4/dw0 for sizes with names; without `assume` the products stay in the mode's order."""
    w4, w0, *J = steps("abcde")
    return sd.compile(J, sd.jacobian(w4, w0, mode=mode), assume=assume)


def by_shape() -> None:
    """Flops of both orders, and of what either becomes when the sizes are assumed."""
    print("shape            forward     reverse    assumed")
    rng = np.random.default_rng(0)
    for name, sizes in SHAPES.items():
        functions = [
            accumulated(m, assume) for m in ("forward", "reverse") for assume in ({}, sizes)
        ]
        f, f_assumed, r, r_assumed = (function.cost().at(**sizes).flops for function in functions)
        print(f"{name:<12}  {f:>10,}  {r:>10,}  {f_assumed:>9,}")
        assert f_assumed == r_assumed <= min(f, r)
        a, *rest = sizes.values()
        J = [rng.normal(size=shape) for shape in zip(rest, [a, *rest[:-1]], strict=True)]
        for function in functions:
            np.testing.assert_allclose(function(*J), np.linalg.multi_dot(J[::-1]), rtol=1e-9)


def with_units() -> None:
    """The same with w_k = tanh(J_k w_{k-1}), sizes known: what dw4/dw0 adds to the cost of w4."""
    print("shape            forward     reverse")
    for name, sizes in SHAPES.items():
        w4, w0, *J = steps(tuple(sizes.values()), sd.tanh)
        value = sd.compile([w0, *J], w4).cost().flops
        f, r = (
            sd.compile([w0, *J], [w4, sd.jacobian(w4, w0, mode=mode)]).cost().flops - value
            for mode in ("forward", "reverse")
        )
        print(f"{name:<12}  {f:>10,}  {r:>10,}")
        cheapest = accumulated("reverse", sizes).cost().at(**sizes).flops
        assert max(f, r) < 1.25 * cheapest
        chosen = "forward" if sizes["a"] < sizes["e"] else "reverse"
        assert sd.jacobian(w4, w0) is sd.jacobian(w4, w0, mode=chosen)


def main() -> None:
    """Costs as polynomials in the sizes, then for three shapes."""
    for mode in ("forward", "reverse"):
        print(f"== {mode} accumulation")
        f = accumulated(mode, {})
        print(f.graph.text())
        print(f.cost().flops, "flops")
    print("== by shape")
    by_shape()
    print("== narrow at w2, the sizes assumed")
    print(accumulated("reverse", SHAPES["narrow at w2"]).graph.text())
    print("== one direction")
    w4, w0, *J = steps("abcde")
    v, u = w4.graph.input("v", w0.type), w4.graph.input("u", w4.type)
    for product in (sd.jvp(w4, w0, v), sd.vjp(w4, w0, u)):
        print(sd.compile([*J, v, u], product).cost().flops, "flops")
    print("== units between the steps")
    with_units()


if __name__ == "__main__":
    main()
