"""Models whose cost is known or measured: name -> the graph's inputs and outputs, and sizes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

import symdiff as sd


class Model(NamedTuple):
    """`build` gives inputs and outputs; `sizes` are those at which data dominates."""

    build: Callable[[sd.Graph], tuple[list[sd.Node], Any]]
    sizes: Mapping[str, int]

    def compiled(self, **options: Any) -> sd.CompiledFunction:
        return sd.compile(*self.build(sd.Graph("model")), **options)


def arguments(function: sd.CompiledFunction, sizes: Mapping[str, int]) -> list[np.ndarray]:
    """Random arrays for the inputs; integers are indices below 5."""
    rng = np.random.default_rng(0)
    arrays = []
    for node in function.graph.inputs:
        shape = sd.types.evaluate_shape(node.shape, sizes)
        if node.dtype.kind == "i":
            arrays.append(rng.integers(0, 5, shape))
        else:
            arrays.append(rng.normal(size=shape).astype(node.dtype) * 0.3)
    return arrays


def with_gradient(inputs: list[sd.Node], loss: sd.Node, *wrt: sd.Node) -> Any:
    return inputs, [loss, *sd.grad(loss, list(wrt))]


def mlp(g: sd.Graph, dtype: Any = sd.f64) -> Any:
    X, Y = g.input("X", dtype["b", "d"]), g.input("Y", dtype["b", 10])
    W1, W2 = g.input("W1", dtype["d", "h"]), g.input("W2", dtype["h", 10])
    U = sd.maximum(X @ W1, 0.0) @ W2
    entropy = sd.mean(sd.logsumexp(U, axis=1) - sd.sum(U * Y, axis=1))
    loss = entropy + 1e-3 * (sd.sum(W1 * W1) + sd.sum(W2 * W2))
    return with_gradient([X, Y, W1, W2], loss, W1, W2)


def _logistic(g: sd.Graph) -> tuple[sd.Node, sd.Node, sd.Node]:
    X, w = g.input("X", sd.f64["n", "d"]), g.input("w", sd.f64["d"])
    return X, w, sd.sum(sd.log1p(sd.exp(X @ w)))


def logistic_hvp(g: sd.Graph) -> Any:
    X, w, loss = _logistic(g)
    v = g.input("v", sd.f64["d"])
    return [X, w, v], [sd.hvp(loss, w, v), X * 1.5]


def logistic_hessian(g: sd.Graph) -> Any:
    X, w, loss = _logistic(g)
    return [X, w], sd.hessian(loss, w)


def _rosenbrock(x: sd.Node) -> sd.Node:
    return sd.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def rosenbrock(g: sd.Graph) -> Any:
    x = g.input("x", sd.f64["n"])
    return with_gradient([x], _rosenbrock(x), x)


def rosenbrock_hessian(g: sd.Graph) -> Any:
    x = g.input("x", sd.f64["n"])
    return [x], sd.hessian(_rosenbrock(x), x)


def elementwise(g: sd.Graph) -> Any:
    x = g.input("x", sd.f64["n"])
    return with_gradient([x], sd.sum(sd.tanh(x) * sd.exp(-(x**2)) + sd.log1p(x**2) * sd.sin(x)), x)


def special(g: sd.Graph) -> Any:
    x = g.input("x", sd.f64["n"])
    gamma = sd.special.gammaln(sd.softplus(x) + 1.0)
    return with_gradient([x], sd.sum(sd.sigmoid(x) * gamma + sd.special.erf(x)), x)


def recurrence(g: sd.Graph) -> Any:
    W, b, h = (
        g.input("W", sd.f64["d", "d"]),
        g.input("b", sd.f64["d"]),
        g.input("h", sd.f64["k", "d"]),
    )
    state = h
    for _ in range(30):
        state = sd.tanh(state @ W + b)
    return with_gradient([W, b, h], sd.sum(state * state), W, b)


def softmax(g: sd.Graph) -> Any:
    X = g.input("X", sd.f64["n", "d"])
    return with_gradient([X], sd.sum(sd.softmax(X, axis=1) * sd.log_softmax(X, axis=1)), X)


def mixture(g: sd.Graph) -> Any:
    """A Gaussian mixture with diagonal covariances."""
    X, weights = g.input("X", sd.f64["n", "d"]), g.input("a", sd.f64["k"])
    means, scales = g.input("mu", sd.f64["k", "d"]), g.input("s", sd.f64["k", "d"])
    z = (X[:, None, :] - means[None]) * sd.exp(-scales)[None]
    inner = weights - 0.5 * sd.sum(z * z, axis=2) - sd.sum(scales, axis=1)
    loss = sd.sum(sd.logsumexp(inner, axis=1))
    return with_gradient([X, weights, means, scales], loss, weights, means, scales)


def variances(g: sd.Graph) -> Any:
    X = g.input("X", sd.f64["n", "d"])
    loss = sd.sum(sd.var(X, axis=0) * sd.std(X, axis=0)) + sd.linalg.vector_norm(X)
    return with_gradient([X], loss, X)


def sorting(g: sd.Graph) -> Any:
    X = g.input("X", sd.f64["n", "d"])
    largest = sd.argmax(X, axis=0)
    rising = sd.cumulative_sum(sd.sort(X, axis=1), axis=1)
    inputs, outputs = with_gradient([X], sd.sum(rising * rising), X)
    return inputs, [*outputs, largest]


def indexing(g: sd.Graph) -> Any:
    X, rows = g.input("X", sd.f64["n", "d"]), g.input("i", sd.i64["k"])
    return with_gradient([X, rows], sd.sum(sd.exp(X[rows]) ** 2), X)


def convolution(g: sd.Graph) -> Any:
    x, w = g.input("x", sd.f64["n"]), g.input("w", sd.f64[5])
    n = x.shape[0]
    y = sum((w[k] * x[k : n - 4 + k] for k in range(1, 5)), w[0] * x[: n - 4])
    return with_gradient([x, w], sd.sum(sd.tanh(y) ** 2), x, w)


def contraction(g: sd.Graph) -> Any:
    A, B = g.input("A", sd.f64["b", "n", "m"]), g.input("B", sd.f64["b", "m", "k"])
    C = sd.einsum("bnm,bmk->nbk", A, B)
    return with_gradient([A, B], sd.sum(C * C), A, B)


def joined(g: sd.Graph) -> Any:
    x, y = g.input("x", sd.f64["n"]), g.input("y", sd.f64["n"])
    both = sd.concat([sd.roll(x, 2), x * y, y])
    return with_gradient([x, y], sd.sum(sd.where(both > 0, both**3, -both)), x, y)


MODELS: Mapping[str, Model] = {
    "contraction": Model(contraction, {"b": 20, "n": 80, "m": 90, "k": 70}),
    "convolution": Model(convolution, {"n": 100_000}),
    "elementwise": Model(elementwise, {"n": 100_000}),
    "indexing": Model(indexing, {"n": 2000, "d": 100, "k": 3000}),
    "joined": Model(joined, {"n": 50_000}),
    "logistic hessian": Model(logistic_hessian, {"n": 5000, "d": 100}),
    "logistic hvp": Model(logistic_hvp, {"n": 5000, "d": 100}),
    "mixture": Model(mixture, {"n": 1000, "d": 10, "k": 25}),
    "mlp": Model(mlp, {"b": 100, "d": 784, "h": 256}),
    "mlp in float32": Model(lambda g: mlp(g, sd.f32), {"b": 100, "d": 784, "h": 256}),
    "recurrence": Model(recurrence, {"d": 60, "k": 200}),
    "rosenbrock": Model(rosenbrock, {"n": 100_000}),
    "rosenbrock hessian": Model(rosenbrock_hessian, {"n": 400}),
    "softmax": Model(softmax, {"n": 2000, "d": 100}),
    "sorting": Model(sorting, {"n": 1000, "d": 200}),
    "special": Model(special, {"n": 100_000}),
    "variances": Model(variances, {"n": 2000, "d": 100}),
}
