"""What is measured: objectives, their data, and their derivatives as a NumPy user writes them.

An objective is written once, over a namespace `xp` with NumPy's names (`sum`, `exp`, `tanh`, …),
so that every library runs the same mathematics. What is asked of it (`wants`): its value and
gradient, a Hessian-vector product, or its Hessian. `by_hand` is the same in plain NumPy,
differentiated on paper.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]
Data = dict[str, Array]

GRADIENT, HVP, HESSIAN = "gradient", "hvp", "hessian"


class Task(NamedTuple):
    """One line of the table.

    `data` gives the inputs by name; with ``wants == "hvp"`` the last one is the direction and
    no operand of the objective. `wrt` names what it is differentiated by: all of them for a
    gradient, exactly one for second derivatives.
    """

    name: str
    wants: str
    objective: Callable[..., Any]
    data: Callable[[], Data]
    wrt: tuple[str, ...]
    by_hand: Callable[..., Any] | None = None
    rtol: float = 1e-7

    def operands(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """The inputs of the objective."""
        return {k: v for k, v in data.items() if k != "direction"}


def _rng() -> np.random.Generator:
    return np.random.default_rng(20240229)


# -- Rosenbrock ----------------------------------------------------------------------------


def rosenbrock(xp: Any, x: Any) -> Any:
    return xp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def rosenbrock_gradient(x: Array) -> Any:
    low, high = x[:-1], x[1:]
    t, s = high - low * low, 1.0 - low
    g = np.empty_like(x)
    g[:-1] = -400.0 * (t * low) - 2.0 * s
    g[-1] = 0.0
    g[1:] += 200.0 * t
    return 100.0 * np.dot(t, t) + np.dot(s, s), g


def rosenbrock_hvp(x: Array, direction: Array) -> Array:
    low, high, v, w = x[:-1], x[1:], direction[:-1], direction[1:]
    result = np.empty_like(x)
    result[:-1] = (1200.0 * (low * low) - 400.0 * high + 2.0) * v - 400.0 * low * w
    result[-1] = 0.0
    result[1:] += 200.0 * w - 400.0 * (low * v)
    return result


def rosenbrock_hessian(x: Array) -> Array:
    low, high, n = x[:-1], x[1:], x.size
    result = np.zeros((n, n))
    flat = result.ravel()
    diagonal = flat[:: n + 1]
    diagonal[:-1] = 1200.0 * (low * low) - 400.0 * high + 2.0
    diagonal[1:] += 200.0
    beside = -400.0 * low
    flat[1 :: n + 1] = beside
    flat[n :: n + 1] = beside
    return result


def _rosenbrock(n: int, wants: str, by_hand: Callable[..., Any]) -> Task:
    def data() -> Data:
        rng = _rng()
        x = {"x": rng.uniform(-1.5, 1.5, n)}
        return x | {"direction": rng.normal(size=n)} if wants == HVP else x

    what = "" if wants == GRADIENT else f" {wants}"
    return Task(f"rosenbrock{what} {n}", wants, rosenbrock, data, ("x",), by_hand)


# -- multilayer perceptrons ----------------------------------------------------------------


def logsumexp(xp: Any, x: Any) -> Any:
    """Over the last axis, without overflow."""
    most = xp.max(x, axis=-1, keepdims=True)
    return xp.log(xp.sum(xp.exp(x - most), axis=-1)) + most[..., 0]


def mlp(xp: Any, X: Any, Y: Any, W1: Any, W2: Any) -> Any:
    """Goodfellow et al., 6.5.7: one hidden layer of rectified units, cross-entropy, decay."""
    U = xp.maximum(X @ W1, 0.0) @ W2
    cross_entropy = xp.sum(logsumexp(xp, U) - xp.sum(U * Y, axis=-1)) / X.shape[0]
    return cross_entropy + 1e-3 * (xp.sum(W1 * W1) + xp.sum(W2 * W2))


def mlp_by_hand(X: Array, Y: Array, W1: Array, W2: Array) -> Any:
    H = X @ W1
    np.maximum(H, 0.0, out=H)
    U = H @ W2
    U -= U.max(axis=-1, keepdims=True)
    P = np.exp(U)
    total = P.sum(axis=-1, keepdims=True)
    P /= total
    value = (np.log(total).sum() - (U * Y).sum()) / len(X)
    value += 1e-3 * (np.vdot(W1, W1) + np.vdot(W2, W2))
    P -= Y
    P /= len(X)
    dW2 = H.T @ P
    dW2 += 2e-3 * W2
    dH = P @ W2.T
    dH *= H > 0
    dW1 = X.T @ dH
    dW1 += 2e-3 * W1
    return value, dW1, dW2


def _mlp(dtype: str, batch: int = 100, sizes: tuple[int, int, int] = (784, 256, 10)) -> Task:
    def data() -> Data:
        rng = _rng()
        many, hidden, classes = sizes
        arrays = {
            "X": rng.random((batch, many)),
            "Y": np.eye(classes)[rng.integers(0, classes, batch)],
            "W1": rng.normal(size=(many, hidden)) / math.sqrt(many),
            "W2": rng.normal(size=(hidden, classes)) / math.sqrt(hidden),
        }
        return {k: v.astype(dtype) for k, v in arrays.items()}

    rtol = 1e-7 if dtype == "float64" else 2e-3
    return Task(f"mlp {dtype}", GRADIENT, mlp, data, ("W1", "W2"), mlp_by_hand, rtol)


LAYERS = 20


def tanh_layers(xp: Any, X: Any, **weights: Any) -> Any:
    h = X
    for k in range(len(weights) // 2):
        h = xp.tanh(h @ weights[f"W{k}"] + weights[f"b{k}"])
    return xp.sum(h * h)


def tanh_layers_by_hand(X: Array, **weights: Array) -> Any:
    count = len(weights) // 2
    states = [X]
    for k in range(count):
        z = states[-1] @ weights[f"W{k}"]
        z += weights[f"b{k}"]
        states.append(np.tanh(z, out=z))
    h = states.pop()
    value, g = np.vdot(h, h), 2.0 * h
    gradients: list[Array] = []
    for k in reversed(range(count)):
        g *= 1.0 - h * h
        h = states.pop()
        gradients += [g.sum(axis=0), h.T @ g]
        if k:
            g = g @ weights[f"W{k}"].T
    return value, *reversed(gradients)


def _tanh_layers(count: int = LAYERS, width: int = 64, batch: int = 32) -> Task:
    names = [f"{letter}{k}" for k in range(count) for letter in "Wb"]

    def data() -> Data:
        rng = _rng()
        shapes = {"W": (width, width), "b": (width,)}
        weights = {n: rng.normal(size=shapes[n[0]]) / math.sqrt(width) for n in names}
        return {"X": rng.normal(size=(batch, width)), **weights}

    return Task("tanh layers", GRADIENT, tanh_layers, data, tuple(names), tanh_layers_by_hand)


# -- logistic regression -------------------------------------------------------------------


def logistic(xp: Any, X: Any, y: Any, w: Any) -> Any:
    z = -y * (X @ w)
    return xp.sum(xp.log1p(xp.exp(-xp.abs(z))) + xp.maximum(z, 0.0)) / X.shape[0]


def _curvature(X: Array, y: Array, w: Array) -> Array:
    p = 1.0 / (1.0 + np.exp(y * (X @ w)))
    return p * (1.0 - p) / len(X)


def logistic_hvp(X: Array, y: Array, w: Array, direction: Array) -> Array:
    return X.T @ (_curvature(X, y, w) * (X @ direction))


def logistic_hessian(X: Array, y: Array, w: Array) -> Array:
    return X.T @ (_curvature(X, y, w)[:, None] * X)


def _logistic(wants: str, rows: int = 10000, columns: int = 200) -> Task:
    def data() -> Data:
        rng = _rng()
        found = {
            "X": rng.normal(size=(rows, columns)),
            "y": rng.choice([-1.0, 1.0], rows),
            "w": rng.normal(size=columns) / math.sqrt(columns),
        }
        return found | {"direction": rng.normal(size=columns)} if wants == HVP else found

    by_hand = logistic_hvp if wants == HVP else logistic_hessian
    return Task(f"logistic {wants}", wants, logistic, data, ("w",), by_hand)


# -- elementwise ---------------------------------------------------------------------------


def elementwise(xp: Any, x: Any) -> Any:
    return xp.sum(xp.tanh(x) * xp.exp(-(x**2)) + xp.log1p(x**2) * xp.sin(x))


def elementwise_by_hand(x: Array) -> Any:
    square = x * x
    t, e, l, s = np.tanh(x), np.exp(-square), np.log1p(square), np.sin(x)
    value = np.dot(t, e) + np.dot(l, s)
    gradient = e * ((1.0 - t * t) - 2.0 * (x * t)) + l * np.cos(x) + 2.0 * x * s / (1.0 + square)
    return value, gradient


def _elementwise(n: int) -> Task:
    return Task(
        f"elementwise {n}",
        GRADIENT,
        elementwise,
        lambda: {"x": _rng().normal(size=n)},
        ("x",),
        elementwise_by_hand,
    )


# -- Gaussian mixture ----------------------------------------------------------------------


def mixture(xp: Any, X: Any, place: Any, alphas: Any, means: Any, logs: Any, lower: Any) -> Any:
    """Log likelihood of a Gaussian mixture with a Wishart prior on the precisions' factors.

    Each precision is Q'Q with Q lower triangular: `logs` of its diagonal, `lower` below it, put
    in place by the constant matrix `place`. (J. Taylor, "The Gaussian mixture model objective".)
    """
    (n, d), K = X.shape, alphas.shape[0]
    below = (lower @ place).reshape((K, d, d))
    centred = X[:, None, :] - means
    turned = xp.exp(logs) * centred + xp.sum(below * centred[:, :, None, :], axis=-1)
    inner = alphas + xp.sum(logs, axis=-1) - 0.5 * xp.sum(turned * turned, axis=-1)
    likelihood = xp.sum(logsumexp(xp, inner)) - n * logsumexp(xp, alphas)
    prior = 0.5 * (xp.sum(xp.exp(2.0 * logs)) + xp.sum(lower * lower)) - xp.sum(logs)
    return likelihood - prior


def mixture_by_hand(
    X: Array, place: Array, alphas: Array, means: Array, logs: Array, lower: Array
) -> Any:
    (n, d), K = X.shape, alphas.size
    Q = (lower @ place).reshape((K, d, d))
    diagonal = np.exp(logs)
    Q[:, range(d), range(d)] = diagonal
    centred = X[None, :, :] - means[:, None, :]  # K n d
    turned = centred @ Q.transpose(0, 2, 1)
    inner = (alphas + logs.sum(axis=-1))[:, None] - 0.5 * np.einsum("kni,kni->kn", turned, turned)
    most = inner.max(axis=0)
    weights = np.exp(inner - most)
    total = weights.sum(axis=0)
    value = (np.log(total) + most).sum()
    weights /= total
    shift = alphas.max()
    soft = np.exp(alphas - shift)
    value -= n * (np.log(soft.sum()) + shift)
    value -= 0.5 * (np.vdot(diagonal, diagonal) + np.vdot(lower, lower)) - logs.sum()
    each = weights.sum(axis=1)
    turned *= -weights[:, :, None]
    dQ = turned.transpose(0, 2, 1) @ centred
    dlogs = dQ[:, range(d), range(d)] * diagonal + each[:, None] - (diagonal * diagonal - 1.0)
    dmeans = -(turned.sum(axis=1)[:, None, :] @ Q)[:, 0, :]
    dlower = dQ.reshape(K, d * d) @ place.T - lower
    return value, each - n * soft / soft.sum(), dmeans, dlogs, dlower


def _mixture(n: int = 1000, d: int = 10, K: int = 25) -> Task:
    def data() -> Data:
        rng = _rng()
        rows, columns = np.tril_indices(d, -1)
        place = np.zeros((rows.size, d * d))
        place[range(rows.size), rows * d + columns] = 1.0
        return {
            "X": rng.normal(size=(n, d)),
            "place": place,
            "alphas": rng.normal(size=K),
            "means": rng.normal(size=(K, d)),
            "logs": 0.3 * rng.normal(size=(K, d)),
            "lower": 0.3 * rng.normal(size=(K, rows.size)),
        }

    wrt = ("alphas", "means", "logs", "lower")
    return Task("gaussian mixture", GRADIENT, mixture, data, wrt, mixture_by_hand)


# -- recurrences, arms, chains -------------------------------------------------------------


def _recurrence(steps: int, width: int = 8) -> Task:
    def objective(xp: Any, W: Any, b: Any, h: Any) -> Any:
        for _ in range(steps):
            h = xp.tanh(W @ h + b)
        return xp.sum(h * h)

    def by_hand(W: Array, b: Array, h: Array) -> Any:
        states = np.empty((steps + 1, width))
        states[0] = h
        for k in range(steps):
            np.tanh(np.dot(W, states[k]) + b, out=states[k + 1])
        h = states[-1]
        value, g = np.dot(h, h), 2.0 * h
        slopes = 1.0 - states[1:] ** 2
        gradients = np.empty((steps, width))
        turned = W.T
        for k in range(steps - 1, -1, -1):
            row = np.multiply(g, slopes[k], out=gradients[k])
            g = np.dot(turned, row)
        return value, gradients.T @ states[:-1], gradients.sum(axis=0), g

    def data() -> Data:
        rng = _rng()
        return {
            "W": rng.normal(size=(width, width)) / math.sqrt(width),
            "b": 0.1 * rng.normal(size=width),
            "h": rng.normal(size=width),
        }

    return Task(f"recurrence {steps}", GRADIENT, objective, data, ("W", "b", "h"), by_hand)


JOINTS = 6


def arm(xp: Any, q: Any) -> Any:
    """Potential energy of an arm of joints turning about z and y by turns, and a spring."""
    turn = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    place: list[Any] = [0.0, 0.0, 0.0]
    energy: Any = 0.0
    for k in range(JOINTS):
        c, s = xp.cos(q[k]), xp.sin(q[k])
        about = (0, 1) if k % 2 == 0 else (2, 0)
        turn = [_turned(row, about, c, s) for row in turn]
        length = 1.0 / (k + 1)
        place = [p + length * row[0] for p, row in zip(place, turn, strict=True)]
        energy = energy + 9.81 * (JOINTS - k) * place[2]
    return energy + 50.0 * sum((p - t) ** 2 for p, t in zip(place, (0.5, 0.4, 0.8), strict=True))


def _turned(row: list[Any], about: tuple[int, int], c: Any, s: Any) -> list[Any]:
    i, j = about
    new = list(row)
    new[i], new[j] = c * row[i] + s * row[j], c * row[j] - s * row[i]
    return new


def chain(xp: Any, x: Any) -> Any:
    y = x
    for _ in range(1000):
        y = xp.sin(y) * x
    return y


def chain_by_hand(x: Array) -> Any:
    start = float(x)
    values = [start]
    for _ in range(1000):
        values.append(math.sin(values[-1]) * start)
    g, dx = 1.0, 0.0
    for y in reversed(values[:-1]):
        dx += g * math.sin(y)
        g *= start * math.cos(y)
    return values[-1], dx + g


# -- the table -----------------------------------------------------------------------------

TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        _rosenbrock(10, GRADIENT, rosenbrock_gradient),
        _rosenbrock(1000, GRADIENT, rosenbrock_gradient),
        _rosenbrock(1_000_000, GRADIENT, rosenbrock_gradient),
        _rosenbrock(1000, HVP, rosenbrock_hvp),
        _rosenbrock(10, HESSIAN, rosenbrock_hessian),
        _rosenbrock(100, HESSIAN, rosenbrock_hessian),
        _mlp("float64"),
        _mlp("float32"),
        _tanh_layers(),
        _logistic(HVP),
        _logistic(HESSIAN),
        _elementwise(100),
        _elementwise(1_000_000),
        _mixture(),
        _recurrence(100),
        _recurrence(1000),
        _recurrence(10_000),
        Task("arm hessian", HESSIAN, arm, lambda: {"q": _rng().normal(size=JOINTS)}, ("q",)),
        Task("chain 2000", GRADIENT, chain, lambda: {"x": np.array(1.7)}, ("x",), chain_by_hand),
    )
}

SMALL: tuple[Task, ...] = (
    _rosenbrock(5, GRADIENT, rosenbrock_gradient),
    _rosenbrock(5, HVP, rosenbrock_hvp),
    _rosenbrock(5, HESSIAN, rosenbrock_hessian),
    _mlp("float64", 4, (7, 5, 3)),
    _mlp("float32", 4, (7, 5, 3)),
    _tanh_layers(3, 4, 5),
    _logistic(HVP, 20, 4),
    _logistic(HESSIAN, 20, 4),
    _elementwise(7),
    _mixture(12, 3, 4),
    _recurrence(5, 3),
    TASKS["arm hessian"],
    TASKS["chain 2000"],
)
"""The same tasks at sizes a test can afford."""
