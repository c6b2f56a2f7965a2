"""What a sample of an op is made of: cases, and the domains that operands are drawn from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from symdiff.op import NO_PARAMS

Shape = tuple[int, ...]
Domain = Callable[[np.random.Generator, Shape, Any], np.ndarray]
Params = Mapping[str, Any] | Callable[[Any], Mapping[str, Any]]  # or what they are for a dtype


class Case(NamedTuple):
    """Shapes of the operands, and parameters."""

    shapes: tuple[Shape, ...]
    params: Params = NO_PARAMS

    def params_for(self, dtype: Any) -> Mapping[str, Any]:
        return self.params(np.dtype(dtype)) if callable(self.params) else self.params


class Samples(NamedTuple):
    """Cases, the domain of each operand, and whether the rule is the value's derivative.

    The last domain is that of all further operands.
    """

    cases: tuple[Case, ...] = ()
    domains: tuple[Domain, ...] = ()
    numeric: bool = True


# -- domains -------------------------------------------------------------------------------


def anything(rng: np.random.Generator, shape: Shape, dtype: Any) -> np.ndarray:
    return positive(rng, shape, dtype) * rng.choice([-1, 1], shape).astype(dtype)


def positive(rng: np.random.Generator, shape: Shape, dtype: Any) -> np.ndarray:
    return np.asarray(rng.uniform(0.4, 2.0, shape)).astype(dtype)


def inside(rng: np.random.Generator, shape: Shape, dtype: Any) -> np.ndarray:
    """Between -1 and 1, also when `check_op` moves it."""
    return np.asarray(rng.uniform(-0.85, 0.85, shape)).astype(dtype)


def fraction(rng: np.random.Generator, shape: Shape, dtype: Any) -> np.ndarray:
    return np.abs(inside(rng, shape, dtype))


def beyond(rng: np.random.Generator, shape: Shape, dtype: Any) -> np.ndarray:
    """Larger than anything `anything` gives, and so than 1."""
    return positive(rng, shape, dtype) + np.asarray(2).astype(dtype)


def class_index(rng: np.random.Generator, shape: Shape, dtype: Any) -> np.ndarray:
    return np.asarray(rng.integers(0, 3, shape))


def integer(rng: np.random.Generator, shape: Shape, dtype: Any) -> np.ndarray:
    return np.asarray(rng.integers(-9, 9, shape))


def boolean(rng: np.random.Generator, shape: Shape, dtype: Any) -> np.ndarray:
    return np.asarray(rng.integers(0, 2, shape)).astype(bool)


def cases(*shapes: Shape, **params: Any) -> tuple[Case, ...]:
    """One case for each shape of a lone operand, all with the same parameters."""
    return tuple(Case((shape,), params) for shape in shapes)
