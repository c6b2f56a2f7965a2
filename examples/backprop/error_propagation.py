"""3. Error propagation in z = f(g(x) w + b), node by node.

With c = g(x) and y = c w + b: the error dz/dy = f'(y) of the sum goes back to b as it is, to w
times c, to c times w, and from c on to x times g'(x). Each error is a node with a name.
Goodfellow, Bengio and Courville, *Deep Learning*, 6.5.2 and 6.5.3, for one unit of a network.
"""

import numpy as np

import symdiff as sd


def unit() -> dict[str, sd.Node]:
    """One unit, f = sigmoid and g = sin, and the error of every node on the way to x."""
    graph = sd.Graph("unit")
    x, w, b = (graph.input(name, sd.f64) for name in "xwb")
    c = sd.sin(x).named("c")
    y = (c * w + b).named("y")
    z = sd.sigmoid(y).named("z")
    table = sd.build_grad(graph, z, [b, w, c, x])
    nodes = {"x": x, "w": w, "b": b, "c": c, "y": y, "z": z}
    errors = {f"dz_d{name}": table[nodes[name]] for name in "bwcx"}
    for name, error in errors.items():
        error.named(name)
    return nodes | errors


def by_hand(x: float, w: float, b: float) -> dict[str, float]:
    """The four errors from the chain rule, with f' = z (1 - z) and g' = cos."""
    c = np.sin(x)
    z = 1 / (1 + np.exp(-(c * w + b)))
    slope = z * (1 - z)  # f'(y)
    return {
        "dz_db": slope,
        "dz_dw": slope * c,
        "dz_dc": slope * w,
        "dz_dx": slope * w * np.cos(x),
    }


def main() -> None:
    """The graph with every error named, then each error beside the formula."""
    print("== the graph")
    u = unit()
    errors = [u[f"dz_d{name}"] for name in "bwcx"]
    print(sd.text([u["z"], *errors]))
    again = sd.grad(u["z"], [u[name] for name in "bwcx"])
    assert all(a is b for a, b in zip(again, errors, strict=True))

    print("== the sum hands its error on unchanged")
    assert sd.grad(u["z"], u["y"]) is u["dz_db"]
    print("dz/db and dz/dy are one node:", repr(u["dz_db"]))

    print("== each error beside the formula")
    at = {"x": 0.5, "w": -1.5, "b": 0.25}
    found = sd.evaluate({name: node for name, node in u.items() if node.order}, at)
    formulas = {"dz_db": "f'(y)", "dz_dw": "f'(y) c", "dz_dc": "f'(y) w", "dz_dx": "f'(y) w g'(x)"}
    for name, value in by_hand(**at).items():
        np.testing.assert_allclose(found[name], value, rtol=1e-14)
        print(f"{name} = {formulas[name]:<13} = {value:+.6f}")
    sd.testing.check_grad(u["z"], at)  # and beside finite differences, to order two


def pictures() -> dict[str, str]:
    """The unit going down, its errors coming back up."""
    u = unit()
    return {"error-propagation": sd.to_svg([u["z"], u["dz_dw"], u["dz_dx"]])}


if __name__ == "__main__":
    main()
