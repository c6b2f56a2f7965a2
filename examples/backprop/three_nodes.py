"""5. Three nodes by hand, then a line fitted by gradient descent.

The loss (w x - y)² has three nodes: the prediction, the difference, the square. At x = 1, w = 1,
y = 2 they are 1, -1 and 1, and the gradient goes back through them as -2, -2, dw = -2. The same
gradient, compiled, then fits y = w x to three points by stochastic gradient descent.
Goodfellow, Bengio and Courville, *Deep Learning*, 6.5.1 to 6.5.3, on the smallest example.
"""

from itertools import pairwise

import numpy as np

import symdiff as sd

RATE = 0.01
EPOCHS = 10
DATA = ((1.0, 2.0), (2.0, 4.0), (3.0, 6.0))


def model() -> dict[str, sd.Node]:
    """The three inputs, the three nodes, and the gradient by w."""
    g = sd.Graph("line")
    x, y, w = (g.input(name, sd.f64) for name in "xyw")
    prediction = (x * w).named("prediction")
    difference = (prediction - y).named("difference")
    loss = (difference**2).named("loss")
    dw = sd.grad(loss, w).named("dw")
    nodes = {"x": x, "y": y, "w": w}
    return nodes | {n.name: n for n in (prediction, difference, loss, dw)}


def train(w: float) -> float:
    """Stochastic gradient descent, an example a step; prints each gradient and returns w."""
    m = model()
    gradient = sd.compile([m["x"], m["y"], m["w"]], m["dw"])
    for epoch in range(1, EPOCHS + 1):
        steps = []
        for x, y in DATA:
            dw = float(gradient(x, y, w))
            np.testing.assert_allclose(dw, 2 * x * (w * x - y))
            w -= RATE * dw
            steps.append(f"{dw:8.4f}")
        print(f"epoch {epoch:>2}: dw = {', '.join(steps)}; then w = {w:.4f}")
    return w


def main() -> None:
    """The pass forward and back at one point, then the fit."""
    print("== the graph")
    m = model()
    print(sd.text([m["loss"], m["dw"]]))

    print("== forward and back")
    at = {"x": 1.0, "y": 2.0, "w": 1.0}
    chain = [m[name] for name in ("w", "prediction", "difference", "loss")]
    table = sd.build_grad(m["loss"].graph, m["loss"], chain)
    print("node        value  local gradient                  gradient of the loss")
    for operand, node in pairwise(chain):
        value, local, slope = sd.evaluate([node, sd.grad(node, operand), table[operand]], at)
        by = f"d {node.name} / d {operand.name}"
        onward = f"d loss / d {operand.name:<10} {slope:3.0f}"
        print(f"{node.name:<10}  {value:5.0f}  {by:<27} {local:2.0f}  {onward}")
        assert slope == local * sd.evaluate(table[node], at)

    values = sd.evaluate(chain[1:], at)
    assert values == [1, -1, 1]
    assert sd.evaluate([table[node] for node in reversed(chain)], at) == [1, -2, -2, -2]
    assert table[m["w"]] is m["dw"]

    print("== stochastic gradient descent")
    w = train(1.0)

    print("== the prediction at 4")
    before, after = (float(sd.evaluate(m["prediction"], {"x": 4.0, "w": v})) for v in (1.0, w))
    print(f"before training {before:.4f}, after {EPOCHS} epochs {after:.4f}")
    contraction = np.prod([1 - 2 * RATE * x * x for x, _ in DATA])  # of w - 2, each epoch
    np.testing.assert_allclose(w, 2 - contraction**EPOCHS)
    assert before == 4.0 and abs(after - 8.0) < 0.3


def pictures() -> dict[str, str]:
    """The three nodes going down and the gradient coming up."""
    m = model()
    return {"three-nodes": sd.to_svg([m["loss"], m["dw"]])}


if __name__ == "__main__":
    main()
