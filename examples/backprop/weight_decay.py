"""6. Linear regression with weight decay as a computational graph.

The weights have two uses: the prediction xᵀ w, and beside it the penalty λ Σ wᵢ². So two paths
lead back to them, and the gradients that arrive by each are added.
Goodfellow, Bengio and Courville, *Deep Learning*, 6.5.1 (figure 6.8, d) and 7.1.1.
"""

import numpy as np

import symdiff as sd


def figure() -> list[sd.Node]:
    """The figure's graph: the prediction for one x, and the penalty in its three steps."""
    g = sd.Graph("figure")
    x, w = g.input("x", sd.f64["d"]), g.input("w", sd.f64["d"])
    lam = g.input("lam", sd.f64)
    prediction = (x @ w).named("prediction")
    u1 = (w**2).named("u1")
    u2 = sd.sum(u1).named("u2")
    u3 = (lam * u2).named("u3")
    return [prediction, u3]


def regression() -> dict[str, sd.Node]:
    """J, the squared error over n examples plus the penalty, and its derivatives by w."""
    g = sd.Graph("regression")
    X, y = g.input("X", sd.f64["n", "d"]), g.input("y", sd.f64["n"])
    w, lam = g.input("w", sd.f64["d"]), g.input("lam", sd.f64)
    penalty = (lam * sd.sum(w**2)).named("penalty")
    prediction = (X @ w).named("prediction")
    error = sd.sum((prediction - y) ** 2).named("error")
    J = (error + penalty).named("J")
    dJ_dw = sd.grad(J, w).named("dJ_dw")
    parts = [sd.grad(term, w).named(f"d{term.name}_dw") for term in (error, penalty)]
    assert dJ_dw.op.name == "add_n" and dJ_dw.inputs == tuple(parts)
    return {n.name: n for n in (J, dJ_dw, *parts)} | {"hessian": sd.hessian(J, w)}


def shown(vector: np.ndarray) -> str:
    """The entries, to four digits after the point."""
    return f"[{', '.join(f'{entry:.4f}' for entry in vector)}]"


def main() -> None:
    """The two uses of the weights, the two parts of the gradient, and the minimiser."""
    print("== the figure")
    print(sd.text(figure()))

    print("== the loss and its gradient")
    r = regression()
    graph = r["J"].graph
    print(sd.text([r["J"], r["dJ_dw"]]))

    print("== each part beside its formula")
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 3))
    y = X @ [2.0, -1.0, 0.5] + 0.1 * rng.normal(size=40)
    w, lam = np.array([1.0, 1.0, 1.0]), 5.0
    found = sd.evaluate(r, {"X": X, "y": y, "w": w, "lam": lam})
    parts = {
        "derror_dw": ("2 Xᵀ (X w - y)", 2 * X.T @ (X @ w - y)),
        "dpenalty_dw": ("2 λ w", 2 * lam * w),
    }
    for name, (formula, value) in parts.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-12)
        print(f"{name:<11} = {formula:<14} = {shown(found[name])}")
    np.testing.assert_allclose(found["dJ_dw"], sum(value for _, value in parts.values()))

    print("== the hessian, compiled")
    hessian = sd.compile(graph.inputs, r["hessian"])
    print(hessian.graph)
    np.testing.assert_allclose(found["hessian"], 2 * (X.T @ X + lam * np.eye(3)), atol=1e-12)
    np.testing.assert_allclose(hessian(X, y, w, lam), found["hessian"], atol=1e-12)

    print("== the minimiser")
    newton = sd.compile(graph.inputs, [r["dJ_dw"], r["hessian"]])
    lengths = []
    for lam in (0.0, 5.0, 50.0, 500.0):
        closed = np.linalg.solve(X.T @ X + lam * np.eye(3), X.T @ y)
        gradient, H = newton(X, y, w, lam)
        np.testing.assert_allclose(w - np.linalg.solve(H, gradient), closed, rtol=1e-10)
        slope = newton(X, y, closed, lam)[0]
        assert np.abs(slope).max() < 1e-10
        lengths.append(float(np.linalg.norm(closed)))
        print(f"λ = {lam:5.1f}: w = {shown(closed)}, |w| = {lengths[-1]:.4f}")
    assert lengths == sorted(lengths, reverse=True)


def pictures() -> dict[str, str]:
    """The figure, and the loss with its gradient."""
    r = regression()
    return {
        "weight-decay": sd.to_svg(figure()),
        "weight-decay-gradient": sd.to_svg([r["J"], r["dJ_dw"]]),
    }


if __name__ == "__main__":
    main()
