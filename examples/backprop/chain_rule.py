"""1. The chain rule of calculus, for scalars and for vectors.

With y = g(x) and z = f(y): dz/dx = dz/dy dy/dx for scalars, and for vectors the gradient by x is
the transposed Jacobian of g times the gradient by y. Both sides are built and compared.
Goodfellow, Bengio and Courville, *Deep Learning*, 6.5.2 (equations 6.44 to 6.46).
"""

import numpy as np

import symdiff as sd


def scalars() -> dict[str, sd.Node]:
    """y = x², z = sin y, and the derivative of each by what it is computed from."""
    g = sd.Graph("scalars")
    x = g.input("x", sd.f64)
    y = (x**2).named("y")
    z = sd.sin(y).named("z")
    dz_dy, dy_dx, dz_dx = sd.grad(z, y), sd.grad(y, x), sd.grad(z, x)
    named = [dz_dy.named("dz_dy"), dy_dx.named("dy_dx"), dz_dx.named("dz_dx")]
    return {node.name: node for node in (y, z, *named)}


def vectors() -> dict[str, sd.Node]:
    """y = tanh(W x), z = Σ y²: the gradient by x with the Jacobian J of y, and without it."""
    g = sd.Graph("vectors")
    W, x = g.input("W", sd.f64["n", "m"]), g.input("x", sd.f64["m"])
    y = sd.tanh(W @ x).named("y")
    z = sd.sum(y**2).named("z")
    table = sd.build_grad(g, z, [x, y])
    J = sd.jacobian(y, x).named("J")
    return {
        "z": z,
        "J": J,
        "dz/dy": table[y],
        "Jᵀ dz/dy": J.T @ table[y],
        "sd.vjp": sd.vjp(y, x, table[y]),
        "build_grad": table[x],
    }


def main() -> None:
    """Both forms of the rule: their graphs, their values, and what they cost."""
    print("== scalars")
    s = scalars()
    print(sd.text([s["z"], s["dz_dx"]]))

    print("== both sides for scalars")
    assert s["dz_dy"] * s["dy_dx"] is s["dz_dx"]  # equal nodes are one node
    values = sd.evaluate(s, {"x": 0.7})
    np.testing.assert_allclose(values["dz_dy"], np.cos(0.7**2))
    np.testing.assert_allclose(values["dy_dx"], 2 * 0.7)
    np.testing.assert_allclose(values["dz_dx"], values["dz_dy"] * values["dy_dx"])
    for name in ("dz_dy", "dy_dx", "dz_dx"):
        print(f"{name} = {values[name]:.6f}")

    print("== with the jacobian")
    v = vectors()
    print(sd.text([v["z"], v["Jᵀ dz/dy"]]))

    print("== by back-propagation")
    print(sd.text([v["z"], v["build_grad"]]))
    assert v["sd.vjp"] is v["build_grad"]

    print("== both sides for vectors")
    W, x = np.array([[1.0, -0.5, 0.25], [0.5, 2.0, -1.0]]), np.array([0.3, -0.2, 0.7])
    found = sd.evaluate(v, {"W": W, "x": x})
    J, dz_dy = found["J"], found["dz/dy"]
    np.testing.assert_allclose(J, (1 - np.tanh(W @ x) ** 2)[:, None] * W)
    found["Σⱼ dz/dyⱼ dyⱼ/dx"] = sum(dz_dy[j] * J[j] for j in range(len(W)))  # equation 6.45
    for name, value in found.items():
        if value.shape == x.shape:
            np.testing.assert_allclose(value, found["build_grad"], rtol=1e-12)
            print(f"{name:<16} = [{', '.join(f'{entry:.6f}' for entry in value)}]")

    print("== cost")
    costs = []
    for name in ("Jᵀ dz/dy", "build_grad"):
        for optimize in ("none", "default"):
            cost = sd.compile(v["z"].graph.inputs, v[name], optimize=optimize).cost()
            costs.append((cost.flops, cost.peak))
            print(f'{name:<10}  optimize="{optimize}"')
            print(f"    {cost.flops} flops, peak {cost.peak} bytes")
    assert costs[1] == costs[3]  # compiled, both are the same computation
    assert costs[0] != costs[2]


def pictures() -> dict[str, str]:
    """The scalars, drawn."""
    s = scalars()
    return {"chain-rule": sd.to_svg([s["z"], s["dz_dx"]])}


if __name__ == "__main__":
    main()
