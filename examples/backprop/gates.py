"""14. The gates of a circuit, a linear classifier, a three-layer network.

A multiply gate that caches its inputs, beside the same gate as an op with a rule of its own; hinge
loss and regularisation as two nodes; gradients by back-propagation and by finite differences.
Goodfellow, Bengio and Courville, *Deep Learning*, 6.5; notes of Stanford's CS231n, "Linear
classification", "Backpropagation, Intuitions" and "Neural Networks Part 1".
"""

from typing import Any

import numpy as np

import symdiff as sd


class MultiplyGate:
    """z = x y: `forward` caches the inputs, since `backward` needs them."""

    def forward(self, x: float, y: float) -> float:
        self.x, self.y = x, y
        return x * y

    def backward(self, dz: float) -> tuple[float, float]:
        return dz * self.y, dz * self.x


multiply_gate = sd.elementwise(
    "multiply_gate",
    "x y",
    doc="The product of `x` and `y`.",
    kernel=np.multiply,  # forward
    partials=(lambda z, x, y: y, lambda z, x, y: x),  # dz/dx and dz/dy, for backward
)


def network(x: Any, theta: Any, h: int) -> Any:
    """Layers of h, h and 1 units; theta, their h² + 6 h + 1 parameters, is a node or an array."""
    W1, b1, W2, b2, W3, b3 = np.split(theta, np.cumsum([3 * h, h, h * h, h, h]))
    h1 = 1 / (1 + np.exp(-(W1.reshape(h, 3) @ x + b1)))
    h2 = 1 / (1 + np.exp(-(W2.reshape(h, h) @ h1 + b2)))
    return W3 @ h2 + b3[0]


def main() -> None:
    """Print the circuit, the classifier, and the table of errors and costs."""
    print("== the circuit (a b + c) d")
    g = sd.Graph("circuit")
    wires = [g.input(name, sd.f64) for name in "abcd"]
    a, b, c, d = wires
    q = (multiply_gate(a, b) + c).named("q")
    f = multiply_gate(q, d).named("f")
    outputs = [f, *sd.grad(f, wires)]
    print(sd.text(outputs))
    first, second = MultiplyGate(), MultiplyGate()
    value = second.forward(first.forward(3.0, -2.0) + 4.0, 5.0)
    dq, dd = second.backward(1.0)
    da, db = first.backward(dq)  # and the sum hands dq on to c
    assert sd.evaluate(outputs, {a: 3.0, b: -2.0, c: 4.0, d: 5.0}) == [value, da, db, dq, dd]
    print("f, df/da, df/db, df/dc, df/dd =", value, da, db, dq, dd)
    sd.testing.check_op(multiply_gate, np.array([3.0, -1.0]), np.array([[2.0], [4.0]]))

    print("== the linear classifier")
    g = sd.Graph("classifier")
    X, t = g.input("X", sd.f64["n", "d"]), g.input("t", sd.i64["n"])
    W = g.input("W", sd.f64["d", "k"])
    scores = (X @ W).named("scores")
    data_loss = sd.mean(sd.multiclass_hinge_loss(scores, t)).named("data_loss")
    reg_loss = (0.05 * sd.sum(W**2)).named("reg_loss")
    L = (data_loss + reg_loss).named("L")
    print(sd.text(L))
    dL, d_data, d_reg = (sd.grad(loss, W) for loss in (L, data_loss, reg_loss))
    assert dL.op.name == "add_n" and set(dL.inputs) == {d_data, d_reg}
    print("dL/dW = add_n(d data_loss/dW, d reg_loss/dW)")
    at = {X: np.eye(2), t: np.array([0, 1]), W: np.array([[3.0, 5.0, -2.0], [1.0, 4.0, 2.0]])}
    assert sd.evaluate([data_loss, reg_loss], at) == [1.5, 2.95]  # (5 - 3 + 1) / 2, 0.05 * 59
    sd.testing.check_grad(L, at)

    print("== analytic and numerical")
    print("parameters  gradient    error  differences    error")
    x = np.array([1.0, -2.0, 3.0])
    for h in (1, 7, 29):
        point = np.sin(np.arange(h * h + 6 * h + 1))
        theta = sd.Graph("network").input("theta", sd.f64[point.size])
        z = network(x, theta, h)
        f, df = sd.compile([theta], z), sd.compile([theta], sd.grad(z, theta))
        steps = np.eye(point.size)
        central = [(f(point + e) - f(point - e)) / 2e-5 for e in 1e-5 * steps]
        # A step along the imaginary axis: nothing is subtracted, so nothing cancels.
        exact = [network(x, point + e, h).imag / 1e-20 for e in 1e-20j * steps]
        np.testing.assert_allclose(df(point), exact, rtol=0, atol=1e-14)
        np.testing.assert_allclose(central, exact, rtol=0, atol=1e-9)
        ratio = df.cost().flops / f.cost().flops
        print(f"{point.size:>10}  {ratio:>6.1f} f  < 1e-14  {2 * point.size:>9} f  < 1e-9")


if __name__ == "__main__":
    main()
