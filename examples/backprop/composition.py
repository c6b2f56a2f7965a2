"""15. A deep composition, its squared loss, and the products its gradients share.

f_0 = x, f_i = tanh(A_{i-1} f_{i-1} + b_{i-1}), and L = ‖y - f_K‖². With θ_i = {A_i, b_i},
dL/dθ_i = dL/df_K · df_K/df_{K-1} ⋯ df_{i+2}/df_{i+1} · df_{i+1}/dθ_i: all factors but the last are
those of dL/dθ_{i+1} and one more. In the graph they are the same nodes.
Deisenroth, Faisal and Ong, *Mathematics for Machine Learning*, 5.6.1; Goodfellow, Bengio and
Courville, *Deep Learning*, 6.5.4.
"""

from typing import Any

import numpy as np

import symdiff as sd

Array = np.ndarray[Any, Any]


def composition(*widths: int | str) -> dict[str, sd.Node]:
    """f_0 … f_K of these widths, the loss and its gradients, all by their names."""
    g = sd.Graph("composition")
    K = len(widths) - 1
    x, y = g.input("x", sd.f64[widths[0]]), g.input("y", sd.f64[widths[K]])
    A = [g.input(f"A_{i}", sd.f64[widths[i + 1], widths[i]]) for i in range(K)]
    b = [g.input(f"b_{i}", sd.f64[widths[i + 1]]) for i in range(K)]
    f = [x]
    for i in range(K):
        f.append(sd.tanh(A[i] @ f[i] + b[i]).named(f"f_{i + 1}"))
    L = sd.sum((y - f[K]) ** 2).named("L")
    table = sd.build_grad(g, L, [*A, *b])
    gradients = [table[node].named(f"d{node.name}") for node in [*A, *b, *f[1:]]]
    return {node.name: node for node in [*f, y, *A, *b, L, *gradients]}


def two_layers() -> list[sd.Node]:
    """The loss of two layers and its gradients."""
    c = composition("l", "m", "n")
    return [c[name] for name in ("L", "dA_0", "db_0", "dA_1", "db_1")]


def by_formula(v: dict[str, Array], i: int, K: int) -> tuple[Array, Array]:
    """dL/dA_i and dL/db_i as products of whole Jacobians, multiplied from the left."""
    f = [v["x"], *(v[f"f_{k}"] for k in range(1, K + 1))]
    row = -2 * (v["y"] - f[K])  # dL/df_K
    for k in range(K, i + 1, -1):
        row = row @ np.diag(1 - f[k] ** 2) @ v[f"A_{k - 1}"]  # df_k/df_{k-1}
    row = row @ np.diag(1 - f[i + 1] ** 2)  # df_{i+1}/db_i
    return np.outer(row, f[i]), row


def backward(*gradients: sd.Node) -> list[sd.Node]:
    """What is computed for some gradients after the loss."""
    return [n for n in gradients[0].graph.ancestors(gradients) if n.order and n.inputs]


def main() -> None:
    """Two layers as a graph; of four the values of all gradients, and the nodes they share."""
    print("== two layers")
    print(sd.text(two_layers()))

    print("== values of four layers")
    K = 4
    c = composition(4, 5, 3, 3, 2)
    rng = np.random.default_rng(15)
    v = sd.evaluate(c, {i: rng.normal(size=i.shape) for i in c["L"].graph.inputs})
    for i in range(K):
        dA, db = by_formula(v, i, K)
        np.testing.assert_allclose(v[f"dA_{i}"], dA, rtol=1e-12)
        np.testing.assert_allclose(v[f"db_{i}"], db, rtol=1e-12)
        print(f"db_{i} = [{', '.join(f'{entry:.4f}' for entry in db)}]")

    print("== shared nodes")
    made: set[sd.Node] = set()
    for i in reversed(range(K)):
        needed = backward(c[f"dA_{i}"], c[f"db_{i}"])
        reused = [node for node in needed if node in made]
        expected = backward(c[f"db_{i + 1}"]) if i < K - 1 else []
        assert set(reused) == set(expected)
        new = len(needed) - len(reused)
        assert new == (6 if reused else 7)
        assert sum(node.op.name == "matmul" for node in needed) == K - 1 - i  # products by an A
        names = ", ".join(node.name for node in reused if node.name) or "none"
        print(f"dA_{i}, db_{i}: {new} new nodes; {len(reused)} of later layers: {names}")
        made.update(needed)


def pictures() -> dict[str, str]:
    """Two layers: the loss and all gradients."""
    return {"composition": sd.to_svg(two_layers())}


if __name__ == "__main__":
    main()
