"""A tiny eager reverse-mode engine over NumPy: an independent peer of symdiff.

Nothing of symdiff is used here. Every operation computes its value at once and remembers, for
each operand, how a gradient of its result becomes one of that operand. All is done in double
precision, or in complex double: no rule takes a conjugate or drops an imaginary part, so the
derivative of anything computed here, gradients included, is had by a complex step
(`complex_step`) without any rounding of differences.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
STEP = 1e-30
_clock = count()


class Value:
    """An array, and its parents: values with the pullback of each."""

    def __init__(self, data: Any, parents: Sequence[tuple[Value, Callable[[Array], Array]]] = ()):
        array = np.asarray(data)
        self.data = array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)
        self.parents = parents
        self.time = next(_clock)


def gradient(z: Value, wrt: Sequence[Value]) -> list[Array]:
    """The gradient of a scalar with respect to values; zeros where it does not depend on them."""
    reached, stack = {z}, [z]
    while stack:
        for parent, _ in stack.pop().parents:
            if parent not in reached:
                reached.add(parent)
                stack.append(parent)
    adjoint: dict[Value, Array] = {z: np.ones_like(z.data)}
    for value in sorted(reached, key=lambda v: -v.time):
        for parent, pullback in value.parents:
            adjoint[parent] = adjoint.get(parent, 0) + pullback(adjoint[value])
    return [adjoint.get(x, np.zeros_like(x.data)) for x in wrt]


def complex_step(
    function: Callable[[list[Array]], list[Array]],
    point: Sequence[Array],
    direction: Sequence[Array],
) -> list[Array]:
    """The derivative of `function` at `point` along `direction`, to the last digits."""
    moved = [x + 1j * STEP * v for x, v in zip(point, direction, strict=True)]
    return [np.asarray(y).imag / STEP for y in function(moved)]


# -- entry by entry ------------------------------------------------------------------------


def _unbroadcast(g: Array, shape: tuple[int, ...]) -> Array:
    g = g.sum(axis=tuple(range(g.ndim - len(shape))))
    stretched = tuple(k for k, dim in enumerate(shape) if dim == 1)
    return g.sum(axis=stretched, keepdims=True)


def _entrywise(kernel: Callable[..., Any], *partials: Callable[..., Any]) -> Callable[..., Value]:
    def apply(*operands: Value) -> Value:
        xs = [operand.data for operand in operands]
        y = np.asarray(kernel(*xs))

        def pullback(x: Array, partial: Callable[..., Any]) -> Callable[[Array], Array]:
            return lambda g: _unbroadcast(g * partial(y, *xs), x.shape)

        return Value(
            y, [(o, pullback(o.data, p)) for o, p in zip(operands, partials, strict=True)]
        )

    return apply


def _floor_ratio(a: Array, b: Array) -> Array:
    return np.floor(a.real / b.real)


add = _entrywise(np.add, lambda y, a, b: 1, lambda y, a, b: 1)
subtract = _entrywise(np.subtract, lambda y, a, b: 1, lambda y, a, b: -1)
multiply = _entrywise(np.multiply, lambda y, a, b: b, lambda y, a, b: a)
divide = _entrywise(np.divide, lambda y, a, b: 1 / b, lambda y, a, b: -a / b**2)
pow = _entrywise(
    lambda a, b: np.exp(b * np.log(a)),
    lambda y, a, b: y * b / a,
    lambda y, a, b: y * np.log(a),
)
remainder = _entrywise(
    lambda a, b: a - b * _floor_ratio(a, b),
    lambda y, a, b: 1,
    lambda y, a, b: -_floor_ratio(a, b),
)
negative = _entrywise(np.negative, lambda y, x: -1)
square = _entrywise(lambda x: x * x, lambda y, x: 2 * x)
cube = _entrywise(lambda x: x * x * x, lambda y, x: 3 * x * x)
abs = _entrywise(lambda x: x * np.sign(x.real), lambda y, x: np.sign(x.real))
exp = _entrywise(np.exp, lambda y, x: y)
log = _entrywise(np.log, lambda y, x: 1 / x)
sqrt = _entrywise(np.sqrt, lambda y, x: 1 / (2 * y))
sin = _entrywise(np.sin, lambda y, x: np.cos(x))
cos = _entrywise(np.cos, lambda y, x: -np.sin(x))
tanh = _entrywise(np.tanh, lambda y, x: 1 / np.cosh(x) ** 2)
cast = _entrywise(lambda x: x, lambda y, x: 1)
stop_gradient = _entrywise(lambda x: x.real, lambda y, x: 0)


def choose(x: Value, threshold: float, a: Value, b: Value) -> Value:
    """`a` where ``x > threshold``, and `b` elsewhere."""
    chosen = x.data.real > threshold
    return _entrywise(
        lambda a, b: np.where(chosen, a, b),
        lambda y, a, b: np.where(chosen, 1, 0),
        lambda y, a, b: np.where(chosen, 0, 1),
    )(a, b)


# -- whole arrays --------------------------------------------------------------------------


def sum(x: Value, axis: tuple[int, ...] | None, keepdims: bool) -> Value:
    kept = tuple(1 if axis is None or k in axis else d for k, d in enumerate(x.data.shape))
    back = lambda g: np.broadcast_to(g.reshape(kept), x.data.shape)  # noqa: E731
    return Value(x.data.sum(axis=axis, keepdims=keepdims), [(x, back)])


def reshape(x: Value, shape: tuple[int, ...]) -> Value:
    return Value(x.data.reshape(shape), [(x, lambda g: g.reshape(x.data.shape))])


def permute_dims(x: Value, axes: tuple[int, ...]) -> Value:
    return Value(x.data.transpose(axes), [(x, lambda g: g.transpose(np.argsort(axes)))])


def broadcast_to(x: Value, shape: tuple[int, ...]) -> Value:
    return Value(np.broadcast_to(x.data, shape), [(x, lambda g: _unbroadcast(g, x.data.shape))])


def index(x: Value, key: Any) -> Value:
    def back(g: Array) -> Array:
        whole = np.zeros(x.data.shape, g.dtype)
        whole[key] = g
        return whole

    return Value(x.data[key], [(x, back)])


def add_n(*terms: Value) -> Value:
    return Value(np.sum([t.data for t in terms], axis=0), [(t, lambda g: g) for t in terms])


def matmul(a: Value, b: Value) -> Value:
    """Vectors become matrices of one row or column, so that one pair of rules does."""
    left = a.data[None, :] if a.data.ndim == 1 else a.data
    right = b.data[:, None] if b.data.ndim == 1 else b.data
    product = left @ right
    y = a.data @ b.data

    def to_a(g: Array) -> Array:
        part = g.reshape(product.shape) @ np.swapaxes(right, -1, -2)
        return _unbroadcast(part, left.shape).reshape(a.data.shape)

    def to_b(g: Array) -> Array:
        part = np.swapaxes(left, -1, -2) @ g.reshape(product.shape)
        return _unbroadcast(part, right.shape).reshape(b.data.shape)

    return Value(y, [(a, to_a), (b, to_b)])
