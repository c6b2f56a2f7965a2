"""8. Forward propagation and back-propagation in a deep fully connected network, by hand.

Algorithms 6.3 and 6.4 of Goodfellow, Bengio and Courville, *Deep Learning* (6.5.4), written in
NumPy as they stand there, then compared layer by layer with the grad table that `build_grad`
fills: a(k), h(k), the gradients on both, and those on b(k) and W(k), of which the regulariser's
part is shown apart.
"""

from typing import Any

import numpy as np

import symdiff as sd

Values = dict[str, Any]  # arrays or nodes, named a1, h1, W1, …
UNITS = (2, 3, 3, 2)  # of the input, which is h(0), and of the layers
LAYERS = range(1, len(UNITS))
LAMBDA = 0.1


def forward(v: Values) -> None:
    """Algorithm 6.3: puts a(k), h(k), L, Omega and J beside h(0), y, W(k) and b(k)."""
    for k in LAYERS:
        v[f"a{k}"] = v[f"b{k}"] + v[f"W{k}"] @ v[f"h{k - 1}"]
        v[f"h{k}"] = np.tanh(v[f"a{k}"])
    v["L"] = np.sum((v[f"h{LAYERS[-1]}"] - v["y"]) ** 2)
    squares = [np.sum(v[f"{p}{k}"] ** 2) for k in LAYERS for p in "Wb"]
    v["Omega"] = sum(squares[1:], squares[0])
    v["J"] = v["L"] + LAMBDA * v["Omega"]


def backward(v: Values) -> None:
    """Algorithm 6.4: puts the gradients of J, and the regulariser's part of them, beside these."""
    g = 2 * (v[f"h{LAYERS[-1]}"] - v["y"])  # on the output
    for k in LAYERS[::-1]:
        v[f"dJ_dh{k}"] = g
        v[f"dJ_da{k}"] = g = g * (1 - np.tanh(v[f"a{k}"]) ** 2)  # on what f = tanh was taken of
        v[f"penalty_b{k}"] = LAMBDA * 2 * v[f"b{k}"]
        v[f"penalty_W{k}"] = LAMBDA * 2 * v[f"W{k}"]
        v[f"dJ_db{k}"] = g + v[f"penalty_b{k}"]
        v[f"dJ_dW{k}"] = np.outer(g, v[f"h{k - 1}"]) + v[f"penalty_W{k}"]
        g = v[f"W{k}"].T @ g  # on the layer below


def network() -> Values:
    """The nodes of J under their names: on nodes, `forward` builds the graph."""
    g = sd.Graph("network")
    types = {"h0": sd.f64[UNITS[0]], "y": sd.f64[UNITS[-1]]}
    for k in LAYERS:
        types |= {f"W{k}": sd.f64[UNITS[k], UNITS[k - 1]], f"b{k}": sd.f64[UNITS[k]]}
    v = {name: g.input(name, type_) for name, type_ in types.items()}
    forward(v)
    return {name: node if name in types else node.named(name) for name, node in v.items()}


def back_propagation(v: Values) -> None:
    """Puts what `build_grad` makes beside the nodes, under the names of `backward`."""
    graph, parameters = v["J"].graph, {v[f"{p}{k}"] for k in LAYERS for p in "Wb"}
    table = sd.build_grad(graph, v["J"], parameters)
    for name in [f"{p}{k}" for k in LAYERS for p in "haWb"]:
        v[f"dJ_d{name}"] = table[v[name]].named(f"dJ_d{name}")
    for record in graph.provenance:  # through which node each contribution came
        if record.target in parameters and record.forward.op.name == "pow":
            name = f"penalty_{record.target.name}"
            v[name] = record.gradient.named(name)


def compare(names: list[str], hand: Values, v: Values, at: Values) -> None:
    """Assert that each node has the value found by hand, and print both; of a matrix row 1."""
    for name, value in zip(names, sd.evaluate([v[n] for n in names], at), strict=True):
        np.testing.assert_allclose(value, hand[name], rtol=1e-12, atol=1e-15)
        row = (np.round(np.atleast_2d(hand[name])[0], 4) + 0.0).tolist()
        print(f"{row!s:<28}{v[name]!r}")


def main() -> None:
    """Both ways on one example."""
    v, rng = network(), np.random.default_rng(0)
    at = {x.name: rng.normal(size=x.shape) for x in v["J"].graph.inputs}
    hand: Values = dict(at)
    forward(hand)
    backward(hand)
    print("== the graph of the loss")
    print(sd.text(v["L"]))
    back_propagation(v)
    print("== forward propagation by hand, and the nodes equal to it")
    compare([f"{p}{k}" for k in LAYERS for p in "ah"] + ["L", "Omega", "J"], hand, v, at)
    print("== back-propagation by hand, and the nodes equal to it")
    compare([f"dJ_d{p}{k}" for k in LAYERS[::-1] for p in "habW"], hand, v, at)
    print("== the regulariser's part")
    compare([f"penalty_{p}{k}" for k in LAYERS[::-1] for p in "bW"], hand, v, at)
    print("== layer 2 in the graph")
    lines = {line.split()[0]: line for line in v["J"].graph.text().splitlines()}
    names = list(lines)
    layer = names[names.index("dJ_dh2") + 1 : names.index("dJ_dh1") + 1]
    print("\n".join(lines[name] for name in [*layer, "dJ_db2", "dJ_dW2"]))


if __name__ == "__main__":
    main()
