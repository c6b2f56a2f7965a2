"""The rules of the stability table as people meet them: what is written, and where it fails.

A row for every rule. Rows over scalars are held against SymPy and mpmath, those over vectors
against their own definition in `exact`, which is written with many digits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import mpmath
import numpy as np

import symdiff as sd

Exact = Callable[..., Any]


class Row(NamedTuple):
    """A form: the rule it is for, how it is written, and operands at which that fails.

    `exact` gives, from lists of mpmath numbers, the value of a row over vectors: their dot
    product with 1, 2, … where there are several. `low` and `high` bound the arguments at which
    the rewritten form is compared with the written one. `loses` says how many roundings of its
    arguments it may cost: ``exp(x - y)`` has that of the difference, which the exponential
    magnifies. `means` is the function written out of pieces that meet in a kink.
    """

    rule: str
    written: Callable[..., sd.Node]
    at: tuple[Any, ...]
    exact: Exact | None = None
    low: float = -1e300
    high: float = 1e300
    loses: float = 0.0
    means: Callable[..., sd.Node] | None = None


def _largest(x: sd.Node, **params: Any) -> sd.Node:
    return sd.max(x, axis=-1, keepdims=True, **params)


def _softmax(x: sd.Node) -> sd.Node:
    e = sd.exp(x - _largest(x))
    return e / sd.sum(e, axis=-1, keepdims=True)


def _logsumexp(x: sd.Node) -> sd.Node:
    m = _largest(x)
    return sd.log(sd.sum(sd.exp(x - m), axis=-1)) + m[..., 0]


def _sigmoid(x: sd.Node) -> sd.Node:
    return 1 / (1 + sd.exp(-x))


def _cross_entropy(x: sd.Node, t: sd.Node) -> sd.Node:
    p = _sigmoid(x)
    return -(t * sd.log(p) + (1 - t) * sd.log(1 - p))


# -- many digits ---------------------------------------------------------------------------


def _dot(values: Sequence[Any]) -> Any:
    return mpmath.fsum((k + 1) * v for k, v in enumerate(values))


def _exact_logsumexp(x: Sequence[Any]) -> Any:
    return mpmath.log(mpmath.fsum(mpmath.exp(v) for v in x))


def _exact_log_softmax(x: Sequence[Any]) -> Any:
    return _dot([v - _exact_logsumexp(x) for v in x])


def _exact_softmax(x: Sequence[Any]) -> Any:
    return _dot([mpmath.exp(v - _exact_logsumexp(x)) for v in x])


def _exact_variance(x: Sequence[Any]) -> Any:
    mean = mpmath.fsum(x) / len(x)
    return mpmath.fsum((v - mean) ** 2 for v in x) / len(x)


HIGH: Final = np.array([1000.0, 999.0, 0.0])

SECTIONS: Final[dict[str, tuple[Row, ...]]] = {
    "Logarithms of exponentials": (
        Row("log_exp", lambda x: sd.log(sd.exp(x)), (1000.0,)),
        Row("log1p_exp", lambda x: sd.log1p(sd.exp(x)), (2400.0,)),
        Row("log_add_exp", lambda x: sd.log(1 + sd.exp(x)), (1000.0,)),
        Row("log_add_exp", lambda x, y: sd.log(sd.exp(x) + sd.exp(y)), (1000.0, 999.0)),
        Row(
            "log_add_exp",
            lambda x, y: sd.log(0.5 * sd.exp(x) + 0.5 * sd.exp(y)),
            (-1000.0, -1001.0),
            loses=1,
        ),
        Row("logaddexp_zero", lambda x: sd.logaddexp(x, 0.0), (1.0,)),
        Row("log_expm1", lambda x: sd.log(sd.exp(x) - 1), (1000.0,), low=1e-300),
        Row("log1p_expm1", lambda x: sd.log1p(sd.expm1(x)), (1000.0,)),
        Row(
            "softplus_by_parts",
            lambda x: sd.maximum(x, 0.0) + sd.log1p(sd.exp(-sd.abs(x))),
            (0.0,),
            means=lambda x: sd.log(1 + sd.exp(x)),
        ),
        Row(
            "softplus_by_less",
            lambda x: sd.log1p(sd.exp(-sd.abs(x))) - sd.minimum(x, 0.0),
            (0.0,),
            means=lambda x: sd.log(1 + sd.exp(-x)),
        ),
        Row(
            "log_sum_exp",
            lambda x: sd.log(sd.sum(sd.exp(x))),
            (HIGH,),
            _exact_logsumexp,
        ),
        Row("logsumexp_shift", _logsumexp, (HIGH,), _exact_logsumexp),
        Row(
            "log_product",
            lambda x: sd.log(sd.mean(sd.exp(x))),
            (HIGH,),
            lambda x: _exact_logsumexp(x) - mpmath.log(len(x)),
        ),
        Row(
            "log_product",
            lambda x: sd.log(sd.exp(-0.5 * x**2) / math.sqrt(2 * math.pi)),
            (40.0,),
            loses=1,
        ),
    ),
    "Logarithms of probabilities": (
        Row("log_sigmoid", lambda x: sd.log(sd.sigmoid(x)), (-1000.0,)),
        Row("log_sigmoid", lambda x: sd.log(_sigmoid(x)), (-1000.0,)),
        Row("minus_minus_loss", lambda x: -sd.log(sd.sigmoid(-x)), (1000.0,)),
        Row("one_minus_sigmoid", lambda x: sd.log(1 - sd.sigmoid(x)), (100.0,)),
        Row(
            "log_one_minus_sigmoid",
            lambda x: sd.sigmoid(x) * sd.log(1 - sd.sigmoid(x)),
            (100.0,),
        ),
        Row("log1p_minus_sigmoid", lambda x: sd.log1p(-sd.sigmoid(x)), (100.0,)),
        Row("cross_entropy", _cross_entropy, (-1000.0, 0.25)),
        Row(
            "cross_entropy_less",
            lambda x, t: -t * sd.log(sd.sigmoid(x)) - (1 - t) * sd.log(1 - sd.sigmoid(x)),
            (100.0, 0.25),
        ),
        Row(
            "bernoulli_loss",
            lambda x, t: sd.binary_cross_entropy(sd.sigmoid(x), t),
            (1000.0, 0.25),
            low=-700.0,
        ),
        Row(
            "weighted_log_softmax",
            lambda x: sd.categorical_cross_entropy(sd.softmax(x), [0, 0, 1]),
            (HIGH,),
            lambda x: _exact_logsumexp(x) - x[2],
        ),
        Row("log_softmax", lambda x: sd.log(_softmax(x)), (HIGH,), _exact_log_softmax),
        Row(
            "log_softmax_shift",
            lambda x: sd.log_softmax(x - _largest(x)),
            (HIGH,),
            _exact_log_softmax,
        ),
        Row(
            "less_logsumexp",
            lambda x: x - sd.log(sd.sum(sd.exp(x))),
            (HIGH,),
            _exact_log_softmax,
        ),
        Row(
            "log_of_entries",
            lambda x: -sd.log(sd.softmax(x)[2]),
            (HIGH,),
            lambda x: _exact_logsumexp(x) - x[2],
        ),
        Row(
            "log_of_entries",
            lambda x: sd.categorical_cross_entropy(sd.softmax(x), 2),
            (HIGH,),
            lambda x: _exact_logsumexp(x) - x[2],
        ),
        Row(
            "log_of_choice",
            lambda x: sd.categorical_cross_entropy(sd.softmax(x), [False, False, True]),
            (HIGH,),
            lambda x: _exact_logsumexp(x) - x[2],
        ),
        Row("log_normal", lambda x: sd.log(sd.special.ndtr(x)), (-50.0,)),
        Row("log_normal", lambda x: sd.log(sd.special.erfc(x)), (50.0,), loses=1),
        Row(
            "one_plus_erf",
            lambda x: sd.log(0.5 * (1 + sd.special.erf(x / math.sqrt(2)))),
            (-50.0,),
        ),
        Row(
            "log_prod",
            lambda x: sd.log(sd.prod(sd.exp(-(x**2)))),
            (np.array([20.0, 30.0, 1.0]),),
            lambda x: -mpmath.fsum(v * v for v in x),
        ),
    ),
    "Exponentials and quotients of them": (
        Row("sigmoid", _sigmoid, (-800.0,), high=700.0),
        Row("sigmoid_reciprocal", lambda x: sd.reciprocal(1 + sd.exp(-x)), (-800.0,), high=700.0),
        Row("sigmoid_power", lambda x: (1 + sd.exp(-x)) ** -1, (-800.0,), high=700.0),
        Row("sigmoid_of_exp", lambda x: sd.exp(x) / (1 + sd.exp(x)), (1000.0,)),
        Row("over_one_plus_exp", lambda x: x / (1 + sd.exp(-x)), (-1000.0,)),
        Row(
            "share_of_two",
            lambda x, y: sd.exp(x) / (sd.exp(x) + sd.exp(y)),
            (1000.0, 999.0),
            loses=1,
        ),
        Row(
            "logistic_density",
            lambda x: sd.exp(x) / (1 + sd.exp(x)) ** 2,
            (1000.0,),
        ),
        Row("softmax", lambda x: sd.exp(x) / sd.sum(sd.exp(x)), (HIGH,), _exact_softmax),
        Row("softmax_shift", _softmax, (HIGH,), _exact_softmax),
        Row(
            "softmax_by_reciprocal",
            lambda x: sd.exp(x) * (1 / sd.sum(sd.exp(x))),
            (HIGH,),
            _exact_softmax,
        ),
        Row(
            "exp_log_softmax",
            lambda x: sd.exp(x - _logsumexp(x)),
            (HIGH,),
            _exact_softmax,
        ),
        Row("exp_quotient", lambda x, y: sd.exp(x) / sd.exp(y), (1000.0, 999.0), loses=1),
        Row("exp_product", lambda x, y: sd.exp(x) * sd.exp(y), (1000.0, -999.0), loses=1),
        Row("over_exp", lambda x: 1 / sd.exp(x), (800.0,)),
        Row("over_exp", lambda x, y: y / sd.exp(x**2), (30.0, 1.0), loses=1),
        Row(
            "tanh_of_differences",
            lambda x: (sd.exp(x) - sd.exp(-x)) / (sd.exp(x) + sd.exp(-x)),
            (1000.0,),
        ),
        Row(
            "tanh_of_halves",
            lambda x: (0.5 * (sd.exp(x) - sd.exp(-x))) / (0.5 * (sd.exp(x) + sd.exp(-x))),
            (1000.0,),
        ),
        Row(
            "tanh_over_halves",
            lambda x: ((sd.exp(x) - sd.exp(-x)) / 2) / ((sd.exp(x) + sd.exp(-x)) / 2),
            (1000.0,),
        ),
        Row("tanh_of_sinh", lambda x: sd.sinh(x) / sd.cosh(x), (1000.0,)),
        Row("tanh_of_expm1", lambda x: (sd.exp(2 * x) - 1) / (sd.exp(2 * x) + 1), (1000.0,)),
        Row("tanh_of_minus_expm1", lambda x: (1 - sd.exp(x)) / (1 + sd.exp(x)), (1000.0,)),
        Row("sech", lambda x: 1 / sd.cosh(x), (800.0,)),
        Row("sech_square", lambda x: 1 / sd.cosh(x) ** 2, (400.0,)),
    ),
    "Differences that cancel": (
        Row("exp_minus_one", lambda x: sd.exp(x) - 1, (1e-20,)),
        Row("exp_plus_minus_one", lambda x: sd.exp(x) + -1, (1e-20,)),
        Row("one_minus_exp", lambda x: sd.log(1 - sd.exp(-x)), (1e-20,), low=1e-300),
        Row("log_one_plus", lambda x: sd.log(1 + x), (1e-20,), low=-0.999),
        Row("log_one_minus", lambda x: sd.log(1 - x), (1e-20,), high=0.999),
        Row("expm1_log1p", lambda x: sd.expm1(sd.log1p(x * x)), (1.0,)),
        Row("one_minus_sigmoid", lambda x: 1 - sd.sigmoid(x), (50.0,)),
        Row("one_minus_tanh_square", lambda x: 1 - sd.tanh(x) ** 2, (25.0,)),
        Row("tanh_of_sigmoid", lambda x: 2 * sd.sigmoid(2 * x) - 1, (1e-20,)),
        Row("one_minus_normal", lambda x: 1 - sd.special.erf(x), (10.0,)),
        Row("one_minus_normal", lambda x: 1 - sd.special.ndtr(x), (10.0,)),
        Row("one_minus_cos", lambda x: 1 - sd.cos(x), (1e-9,)),
        Row("sinh", lambda x: 0.5 * (sd.exp(x) - sd.exp(-x)), (1e-20,)),
        Row("sinh_half", lambda x: (sd.exp(x) - sd.exp(-x)) / 2, (1e-20,)),
        Row("asinh", lambda x: sd.log(x + sd.sqrt(x**2 + 1)), (-1e9,)),
        Row("acosh", lambda x: sd.log(x + sd.sqrt(x**2 - 1)), (1e200,), low=1.0),
        Row("atanh", lambda x: 0.5 * sd.log((1 + x) / (1 - x)), (1e-20,), low=-0.999, high=0.999),
        Row(
            "atanh_half",
            lambda x: sd.log((1 + x) / (1 - x)) / 2,
            (1e-20,),
            low=-0.999,
            high=0.999,
        ),
        Row(
            "variance",
            lambda x: sd.mean(x**2) - sd.mean(x) ** 2,
            (np.array([1e9, 1e9 + 1, 1e9 + 2]),),
            _exact_variance,
        ),
    ),
    "Roots and powers": (
        Row("sqrt_square", lambda x: sd.sqrt(x**2), (1e200,)),
        Row("power_half_square", lambda x: (x * x) ** 0.5, (0.0,)),
        Row("square_sqrt", lambda x: sd.sqrt(sd.exp(x)) * sd.sqrt(sd.exp(x)), (1.0,)),
        Row("power_two_sqrt", lambda x: sd.sqrt(sd.abs(x)) ** 2, (1.0,)),
        Row("square_of_sqrt", lambda x: sd.square(sd.sqrt(sd.abs(x))), (1.0,)),
        Row("exp_log", lambda x: sd.exp(sd.log(sd.abs(x))), (0.5,)),
        Row("log_power", lambda x: sd.log(x**2), (1e200,)),
    ),
}

ROWS: Final = tuple(row for rows in SECTIONS.values() for row in rows)
