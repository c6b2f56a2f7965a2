"""10. Back-propagation to train a multilayer perceptron, matched node by node.

J = J_MLE + λ (Σ W1² + Σ W2²) with one hidden layer of rectified linear units. Two paths lead
back to each weight: 2 λ W by the penalty, and the one by the cross entropy, along which the
gradient is G on U2, Hᵀ G on W2, G' = G W2ᵀ under the rectifier's mask on U1, Xᵀ G' on W1.
Goodfellow, Bengio and Courville, *Deep Learning*, 6.5.7 and figure 6.11.
"""

from types import SimpleNamespace

import numpy as np

import symdiff as sd

LAMBDA = 0.01


def perceptron() -> SimpleNamespace:
    """J and its gradient for m examples, n_h hidden units and k classes: every named node."""
    g = sd.Graph("mlp")
    X, y = g.input("X", sd.f64["m", "d"]), g.input("y", sd.i64["m"])
    W1, W2 = g.input("W1", sd.f64["d", "n_h"]), g.input("W2", sd.f64["n_h", "k"])
    U1 = (X @ W1).named("U1")
    H = sd.relu(U1).named("H")
    U2 = (H @ W2).named("U2")
    J_MLE = sd.mean(sd.softmax_cross_entropy(U2, y)).named("J_MLE")
    penalty = (LAMBDA * (np.sum(W1**2) + np.sum(W2**2))).named("penalty")
    J = (J_MLE + penalty).named("J")

    table = sd.build_grad(g, J, [W1, W2])
    for V, name in ((U2, "G"), (U1, "G_prime"), (W2, "dJ_dW2"), (W1, "dJ_dW1")):
        table[V].named(name)
    return SimpleNamespace(**{node.name: node for node in g.nodes if node.name})


def formulas(v: SimpleNamespace) -> dict[str, sd.Node]:
    """What the text says of the gradient, written on nodes: equal expressions are one node."""
    return {
        "G = (softmax(U2) - onehot(y)) / m": v.G,
        "2 λ W2": LAMBDA * (2 * v.W2),
        "Hᵀ G": v.H.T @ v.G,
        "dJ/dW2 = 2 λ W2 + Hᵀ G": sd.add_n(LAMBDA * (2 * v.W2), v.H.T @ v.G),
        "G W2ᵀ": v.G @ v.W2.T,
        "G' = G W2ᵀ where H > 0": np.where(v.H > 0, v.G @ v.W2.T, 0),
        "2 λ W1": LAMBDA * (2 * v.W1),
        "Xᵀ G'": v.X.T @ v.G_prime,
        "dJ/dW1 = 2 λ W1 + Xᵀ G'": sd.add_n(LAMBDA * (2 * v.W1), v.X.T @ v.G_prime),
    }


def main() -> None:
    """The graph, the two paths to each weight, and each formula beside its node."""
    v = perceptron()
    graph = v.J.graph
    print("== the loss")
    print(sd.text(v.J))

    print("== the two paths to each weight")
    for W in (v.W1, v.W2):
        for r in graph.provenance:
            if r.target is W and not r.whole:
                print(f"{W.name} is an operand of {r.forward!r}\n  and gets {r.gradient!r}")

    print("== each formula and its node")
    size = len(graph)
    found = formulas(v)
    assert len(graph) == size  # no formula made a node: back-propagation had made them all
    assert {v.G_prime, v.dJ_dW1, v.dJ_dW2} < set(found.values())
    for formula, node in found.items():
        print(f"{formula:<34} {node!r}")

    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(6, 4)), rng.integers(0, 3, 6)
    W1, W2 = rng.normal(size=(4, 5)), rng.normal(size=(5, 3))
    scores = np.exp(np.maximum(X @ W1, 0) @ W2)
    G = (scores / scores.sum(axis=1, keepdims=True) - np.eye(3)[y]) / 6
    np.testing.assert_allclose(sd.evaluate(v.G, {"X": X, "y": y, "W1": W1, "W2": W2}), G)


def pictures() -> dict[str, str]:
    """The loss and its gradient, the nodes of each formula in one box."""
    v = perceptron()
    box = dict.fromkeys(vars(v).values()) | {v.J_MLE: "J_MLE", v.penalty: "penalty"}
    with v.J.graph.recording(order=1):  # what is written here stays part of the gradient
        box |= {node: formula for formula, node in formulas(v).items()}
    outputs = [v.J, v.dJ_dW2, v.dJ_dW1]
    for node in reversed(v.J.graph.ancestors(outputs)):
        if node not in box:  # a step of what it is first used for
            box[node] = box[v.J.graph.consumers(node)[0]]
    return {"mlp-gradient": sd.to_svg(outputs, collapse=box.get)}


if __name__ == "__main__":
    main()
