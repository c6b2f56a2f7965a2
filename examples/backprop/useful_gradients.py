"""4. Useful gradients: sigmoid, softmax, and the two cross entropies.

Each is written as in the text and differentiated; compiled, the gradient has its closed form.
SymPy is asked whether that is the derivative, NumPy whether its numbers are right.
Goodfellow, Bengio and Courville, *Deep Learning*, 3.10, 6.2.2 and 6.5.2.
"""

import io

import numpy as np
import sympy
from matplotlib import rc_context
from matplotlib.figure import Figure

import symdiff as sd


def simplified(z: sd.Node, x: sd.Node) -> tuple[sd.CompiledFunction, sd.Node, sd.Node]:
    """z and dz/dx compiled, and their nodes; SymPy, given z as written, must agree."""
    f = sd.compile(z.graph.inputs, [z, sd.jacobian(z, x).named(f"d{z.name}_d{x.name}")])
    simple, derivative = f.graph.outputs
    expected = sympy.derive_by_array(*sd.to_sympy([z, x]))  # the one matrix is symmetric
    assert sympy.factor(sd.to_sympy(derivative)) == sympy.factor(expected)
    return f, simple, derivative


def sigmoid() -> tuple[sd.CompiledFunction, sd.Node, sd.Node]:
    """y = 1 / (1 + exp(-x)) and its derivative."""
    x = sd.Graph("sigmoid").input("x", sd.f64)
    return simplified((1 / (1 + sd.exp(-x))).named("y"), x)


def softmax() -> None:
    """y_j = exp(x_j) / Σ exp(x_k) and its Jacobian, entry by entry and as diag(y) - y yᵀ."""
    x = sd.Graph("softmax").input("x", sd.f64[3])
    f, y, dy_dx = simplified((sd.exp(x) / sd.sum(sd.exp(x))).named("y"), x)
    Y = sympy.symbols("y:3")
    formula = sd.to_sympy(dy_dx, {y: Y})
    for j, k in np.ndindex(3, 3):
        closed = Y[k] * (1 - Y[k]) if j == k else -Y[j] * Y[k]
        print(f"dy{j}/dx{k} = {closed}")
        assert formula[j, k] == sympy.expand(closed)
    values, jacobian = f([0.5, -1.0, 2.0])
    np.testing.assert_allclose(jacobian, np.diag(values) - np.outer(values, values), atol=1e-15)


def cross_entropy(loss: sd.Node, y: sd.Node, closed: str) -> None:
    """The gradient of Σ loss by the probabilities y, beside its closed form in t and y."""
    f, _, dL_dy = simplified(sd.sum(loss).named("L"), y)
    symbols = sympy.symbols("t y")
    formula = sd.to_sympy(dL_dy, dict(zip(f.graph.inputs, symbols, strict=True)))
    print(sd.text(dL_dy))
    print("dL/dy =", formula)
    assert formula == sympy.sympify(closed)
    at = np.array([0.0, 1.0, 0.0]), np.array([0.2, 0.5, 0.3])
    np.testing.assert_allclose(f(*at)[1], sympy.lambdify(symbols, closed)(*at))


def main() -> None:
    """Each in its turn."""
    print("== sigmoid")
    f, y, dy_dx = sigmoid()
    formula = sd.to_sympy(dy_dx, {y: sympy.Symbol("y")})
    assert formula == sympy.sympify("y*(1 - y)")
    print(f.graph)
    print("dy/dx =", formula)

    print("== saturation")
    for x in (-10.0, -5.0, 0.0, 5.0, 10.0):
        value, slope = f(x)
        np.testing.assert_allclose(slope, np.exp(-x) / (1 + np.exp(-x)) ** 2, rtol=1e-11)
        assert 0 < slope <= 0.25
        print(f"x = {x:>3.0f}   y = {value:.6f}   dy/dx = {slope:.6f}")

    print("== softmax")
    softmax()
    g = sd.Graph("cross_entropy")
    t, y = g.input("t", sd.f64[3]), g.input("y", sd.f64[3])
    print("== binary cross entropy")
    cross_entropy(-(t * sd.log(y) + (1 - t) * sd.log(1 - y)), y, "-t/y + (1 - t)/(1 - y)")
    print("== categorical cross entropy")
    cross_entropy(-t * sd.log(y), y, "-t/y")


def pictures() -> dict[str, str]:
    """The sigmoid and its derivative over x."""
    x = np.linspace(-10, 10, 201)
    f, _, _ = sigmoid()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "symdiff"}):
        axes = Figure(figsize=(6, 3), layout="constrained").subplots()
        axes.plot(x, [f(at) for at in x], label=["y = sigmoid(x)", "dy/dx = y (1 - y)"])
        axes.set(xlabel="x", yticks=[0, 0.25, 0.5, 1])
        axes.legend(frameon=False)
        out = io.StringIO()
        axes.figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return {"saturation": out.getvalue()}


if __name__ == "__main__":
    main()
