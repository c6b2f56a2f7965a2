"""The multilayer perceptron of Goodfellow et al., *Deep Learning*, 6.5.7, compiled.

One hidden layer of rectified linear units, softmax cross entropy, weight decay:
J = J_MLE + lambda (sum W1² + sum W2²). One compiled function serves every batch size.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import symdiff as sd

__all__ = ["MLP"]

Array = np.ndarray[Any, Any]


class MLP:
    """A classifier trained by minibatch gradient descent with momentum.

    Arguments: numbers of inputs, hidden units and classes, the weight decay, and a seed.
    """

    def __init__(
        self, inputs: int, hidden: int, classes: int, *, decay: float, seed: int = 0
    ) -> None:
        rng = np.random.default_rng(seed)
        self.parameters = {
            "W1": rng.normal(size=(inputs, hidden)) * np.sqrt(2 / inputs),
            "b1": np.zeros(hidden),
            "W2": rng.normal(size=(hidden, classes)) * np.sqrt(1 / hidden),
            "b2": np.zeros(classes),
        }
        g = sd.Graph("mlp")
        X = g.input("X", sd.f64["batch", inputs])
        labels = g.input("labels", sd.i64["batch"])
        p = g.inputs_like(self.parameters)
        H = sd.relu(X @ p["W1"] + p["b1"])
        scores = H @ p["W2"] + p["b2"]
        loss = sd.mean(sd.softmax_cross_entropy(scores, labels))
        loss = loss + decay * (sd.sum(p["W1"] ** 2) + sd.sum(p["W2"] ** 2))
        self.loss = loss
        self.step = sd.compile([X, labels, p], sd.value_and_grad(loss, p))
        self.scores = sd.compile([X, p], scores)

    def train(self, X: Array, labels: Array, *, epochs: int, rate: float, batch: int) -> float:
        """Minibatches in a random order, the last one as small as it comes; the final loss."""
        rng = np.random.default_rng(1)
        speed = {name: np.zeros_like(w) for name, w in self.parameters.items()}
        loss = np.inf
        for _ in range(epochs):
            order = rng.permutation(len(X))
            for start in range(0, len(X), batch):
                rows = order[start : start + batch]
                loss, gradient = self.step(X[rows], labels[rows], self.parameters)
                for name, slope in gradient.items():
                    speed[name] = 0.9 * speed[name] - rate * slope
                    self.parameters[name] = self.parameters[name] + speed[name]
        return float(loss)

    def accuracy(self, X: Array, labels: Array) -> float:
        """The share of rows whose highest score is their label's."""
        return float(np.mean(np.argmax(self.scores(X, self.parameters), axis=1) == labels))
