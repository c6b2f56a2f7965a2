"""13. Hessian-vector products: Newton's method without the Hessian.

H v = grad((grad J)ᵀ v), built by two calls of `sd.grad`: the gradient is a graph, so it can be
differentiated again. A Krylov solver asks for such products and for nothing else of H.
Goodfellow, Bengio and Courville, *Deep Learning*, 6.5.10; B. A. Pearlmutter, "Fast exact
multiplication by the Hessian", Neural Computation 6 (1994).
"""

import tracemalloc
from functools import partial
from typing import Any

import numpy as np
from scipy.sparse.linalg import LinearOperator, cg

import symdiff as sd

Array = np.ndarray[Any, Any]


def logistic_regression() -> dict[str, sd.Node]:
    """The loss J(w) over n examples with labels t = ±1, its gradient, and H v: nodes by name."""
    g = sd.Graph("logistic")
    X, t = g.input("X", sd.f64["n", "d"]), g.input("t", sd.f64["n"])
    w, v = g.input("w", sd.f64["d"]), g.input("v", sd.f64["d"])
    a = (-t * (X @ w)).named("a")
    J = (sd.sum(sd.softplus(a)) + 5.0 * sd.sum(w**2)).named("J")
    grad_J = sd.grad(J, w).named("grad_J")
    along_v = sd.sum(grad_J * v).named("along_v")  # (grad J)ᵀ v, a number
    sd.grad(along_v, w).named("Hv")
    return {node.name: node for node in g.nodes if node.name}


def examples(n: int, d: int) -> tuple[Array, Array]:
    """Random X; the label of an example is the sign of the sum of its entries."""
    X = np.random.default_rng(13).normal(size=(n, d))
    return X, np.sign(X.sum(axis=1))


def newton(grad_J: Any, Hv: Any, X: Array, t: Array) -> tuple[Array, list[float]]:
    """Eight Newton steps from w = 0, and the norm of the gradient before each."""
    w, norms = np.zeros(X.shape[1]), []
    for _ in range(8):
        gradient = grad_J(X, t, w)
        norms.append(float(np.linalg.norm(gradient)))
        H = LinearOperator((w.size, w.size), partial(Hv, X, t, w))
        p, failed = cg(H, -gradient, maxiter=10)  # iterations, a product H v each
        assert not failed
        w = w + p
    return w, norms


def main() -> None:
    """H v as a graph, its value and its memory beside those of H; then it serves to minimise J."""
    print("== the graph of H v")
    m = logistic_regression()
    print(sd.text([m["along_v"], m["Hv"]]))
    assert sd.hvp(m["J"], m["w"], m["v"], mode="reverse-over-reverse") is m["Hv"]
    print('sd.hvp(J, w, v, mode="reverse-over-reverse") is Hv')

    print("== equal to the Hessian times v")
    inputs = [m[name] for name in "Xtwv"]
    grad_J = sd.compile(inputs[:3], m["grad_J"])
    Hv = sd.compile(inputs, m["Hv"])
    hessian = sd.compile(inputs[:3], sd.hessian(m["J"], m["w"]))
    X, t = examples(20, 5)
    w, v = np.linspace(-1.0, 1.0, 5), np.arange(5.0)
    product = Hv(X, t, w, v)
    np.testing.assert_allclose(product, hessian(X, t, w) @ v, rtol=1e-12)
    print("H v =", np.round(product, 3))

    print("== memory")
    n, d = 200, 10_000
    for name, f in (("H v", Hv), ("H", hessian)):
        megabytes = f.cost(n=n, d=d).peak / 1e6
        print(f"{name:<3}  {f.cost().peak!s:<25} bytes: {megabytes:8,.2f} MB for {n = }, {d = }")
    sd.testing.assert_cost(Hv, peak="24*d + 33*n")
    assert hessian.cost(n=n, d=d).peak > 8 * d**2

    print("== Newton's method")
    X, t = examples(n, d)
    tracemalloc.start()
    w, norms = newton(grad_J, Hv, X, t)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    for k, norm in enumerate(norms, 1):
        print(f"before step {k}: |grad J| = {norm:.3g}")
    assert np.linalg.norm(grad_J(X, t, w)) < 1e-6
    assert peak < 2e6
    print("after step 8: |grad J| < 1e-6, with less than 2 MB beside X")


def pictures() -> dict[str, str]:
    """(grad J)ᵀ v and H v: back through the gradient's own nodes."""
    m = logistic_regression()
    return {"hessian-vector": sd.to_svg([m["along_v"], m["Hv"]])}


if __name__ == "__main__":
    main()
