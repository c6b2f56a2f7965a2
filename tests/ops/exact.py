"""Exact values of elementwise ops and of their derivatives, from SymPy and mpmath.

An op's SymPy counterpart and SymPy's own `diff` of it are evaluated by mpmath, with as many
digits as it takes for two precisions to agree on fifty: `log(1 + exp(x))` at -800 takes 400.
None of symdiff's rules or kernels is used here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import mpmath
import numpy as np
import sympy

from symdiff.op import NO_PARAMS, Op

DIGITS: Final = 50
_LADDER: Final = (DIGITS + 15, DIGITS + 60, 450, 1600)
"""Digits that are tried, one after another."""

_NOTHING: Final = mpmath.ldexp(1, -4000)
"""What has no two equal digits at any precision, and is no larger than this, is 0."""

_FAR: Final = (mpmath.ldexp(1, 200), mpmath.ldexp(1, 400))
"""What a function tends to at infinity shows here."""
_NEAR: Final = (mpmath.ldexp(1, -200), mpmath.ldexp(1, -800))
"""Steps from a point, relative to one that is not 0; they need 241 digits."""

# -- SymPy ---------------------------------------------------------------------------------


class Step(sympy.Function):
    """A function whose jumps count as constant: `floor`, of which SymPy leaves `diff` open."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return sympy.Integer(0)


class Floor(Step):
    """`floor`, with the derivative 0."""


class Ceiling(Step):
    """`ceiling`, with the derivative 0."""


class Sign(Step):
    """`sign`, with the derivative 0 in place of 2 δ."""


class Size(sympy.Function):
    """`Abs`, of what is real: SymPy doubts it of `gamma(x)`."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return Sign(self.args[0])


class Tail(sympy.Function):
    """`erfc`, left as it is."""


_FOR_REALS: Final = (
    (sympy.floor, Floor),
    (sympy.ceiling, Ceiling),
    (sympy.sign, Sign),
    (sympy.Abs, Size),
    (sympy.re, lambda x: x),
    (sympy.conjugate, lambda x: x),
)


class NoCounterpartError(Exception):
    """SymPy has no word for something."""


def counterpart(
    op: Op, symbols: Sequence[sympy.Expr], params: Mapping[str, Any] = NO_PARAMS
) -> sympy.Expr:
    """SymPy's expression for the op, its jumps being constants as the op's doc says they count.

    Arguments: `params`, handed to counterparts that take parameters. Raises
    `NoCounterpartError` where there is none, and for parameters that the counterpart ignores.
    """
    function = getattr(sympy, op.sympy) if isinstance(op.sympy, str) else op.sympy
    given = {k: v for k, v in params.items() if v != op.parameters[k]}
    try:
        expression = function(*symbols, **given)  # type: ignore[misc]
    except TypeError as error:
        raise NoCounterpartError(f"{op.name} with {given}") from error
    return for_reals(expression)


def for_reals(expression: sympy.Expr) -> sympy.Expr:
    """The expression with the functions above for SymPy's."""
    expression = expression.replace(sympy.Mod, lambda a, b: a - b * sympy.floor(a / b))
    for theirs, ours in _FOR_REALS:
        expression = expression.replace(theirs, ours)
    return expression


def derivative(expression: sympy.Expr, *symbols: sympy.Symbol) -> sympy.Expr:
    """SymPy's derivative; a step function at its jump takes the middle."""
    found = expression.diff(*symbols).replace(sympy.DiracDelta, lambda *_: sympy.Integer(0))
    return for_reals(found.replace(sympy.Heaviside, lambda x, *_: (1 + Sign(x)) / 2))


def real_symbols(op: Op) -> list[sympy.Symbol]:
    """A real symbol for each operand."""
    return [sympy.Symbol(name, real=True) for name in op.arguments]


# -- mpmath --------------------------------------------------------------------------------


def _erfc(x: Any) -> Any:
    """Far out by the asymptotic series (DLMF 7.12.1), where mpmath's own gives up."""
    if abs(x) < 1e8:
        return mpmath.erfc(x)
    if x < 0:
        return 2 - _erfc(-x)
    terms = [mpmath.mpf(1)]
    for k in range(1, 1 + mpmath.mp.dps // 15):
        terms.append(-terms[-1] * (2 * k - 1) / (2 * x * x))
    return mpmath.fsum(terms) * mpmath.exp(-x * x) / (x * mpmath.sqrt(mpmath.pi))


def _erfcinv(y: Any) -> Any:
    """By Newton's method for log(erfc(x)), which bends one way."""
    if y > 1:
        return -_erfcinv(2 - y)
    if y <= 0:
        raise ValueError(y)
    target, x = mpmath.log(y), mpmath.sqrt(mpmath.log(2 / y))
    while True:
        value = mpmath.erfc(x)
        step = (
            (mpmath.log(value) - target) * value * mpmath.sqrt(mpmath.pi) / 2 * mpmath.exp(x * x)
        )
        x += step
        if abs(step) <= mpmath.mpf(10) ** (10 - mpmath.mp.dps):
            return x


def _erfinv(x: Any) -> Any:
    return mpmath.sign(x) * _erfcinv(1 - abs(x)) if abs(x) > 0.5 else mpmath.erfinv(x)


_WORDS: Final = {
    "Floor": mpmath.floor,
    "Ceiling": mpmath.ceil,
    "Sign": mpmath.sign,
    "Size": mpmath.fabs,
    "Tail": _erfc,
    "erfc": _erfc,
    "erfcinv": _erfcinv,
    "erfinv": _erfinv,
}
"""What mpmath calls otherwise or lacks."""

Exact = Any  # an mpf, of as many digits as it takes; None where there is no finite real value


def function(expression: sympy.Expr, symbols: Sequence[sympy.Symbol]) -> Callable[..., Exact]:
    """The expression as a function of doubles (or mpf) that is exact to fifty digits."""
    # SymPy writes erfc(-z) as 2 - erfc(z), which at large z no number of digits can hold.
    z = sympy.Wild("z")
    told = expression.replace(1 - sympy.erfc(z) / 2, Tail(-z) / 2)
    told = told.replace(sympy.erfinv(z - 1), -sympy.Function("erfcinv")(z))
    plain = sympy.lambdify(list(symbols), told, modules=[_WORDS, "mpmath"])

    def at(digits: int, point: Sequence[Any]) -> Exact:
        with mpmath.workdps(digits):
            try:
                found = mpmath.mpmathify(plain(*[mpmath.mpf(x) for x in point]))
            except (ZeroDivisionError, ValueError):  # a pole
                return None
            if isinstance(found, mpmath.mpc):
                small = mpmath.ldexp(abs(found.real), -3 * DIGITS)
                found = found.real if abs(found.imag) <= small else None
            return found if found is not None and mpmath.isfinite(found) else None

    costly = is_costly(expression)

    def exact(*point: Any, least: int = 0) -> Exact:
        before = None
        first = least or (_LADDER[0] if costly else _decades(point) + _LADDER[0])
        for digits in (first, first + 45, *_LADDER):
            if digits < first:
                continue
            now = at(digits, point)
            if now is None or (before is not None and now and _agree(before, now)):
                return now
            before = now
        return before if abs(before) > _NOTHING else mpmath.mpf(0)

    return exact


_COSTLY: Final = (
    *(sympy.gamma, sympy.loggamma, sympy.polygamma, sympy.digamma, sympy.besseli),
    *(sympy.erf, sympy.erfc, sympy.erfinv, sympy.erfcinv),
)
"""What is slow at many digits: those that ``1 + x`` needs of a tiny `x` are not asked for."""


def is_costly(expression: sympy.Expr) -> bool:
    """Whether a value takes milliseconds."""
    return bool(expression.has(*_COSTLY))


def _decades(point: Sequence[Any]) -> int:
    """Decimal places between 1 and the square of the smallest of some numbers."""
    return max([0, *[-2 * mpmath.frexp(x)[1] for x in point if x]]) * 3 // 10


def _agree(a: Exact, b: Exact) -> bool:
    with mpmath.workdps(DIGITS):
        return bool(abs(a - b) <= abs(b) * mpmath.mpf(10) ** -DIGITS)


# -- comparing -----------------------------------------------------------------------------


class Format:
    """A binary floating format: its precision in bits, its least and its largest powers of 2."""

    def __init__(self, dtype: Any) -> None:
        info = np.finfo(dtype)
        self.bits = info.nmant + 1
        self.least = info.minexp - info.nmant  # of the smallest subnormal number
        self.end = mpmath.ldexp(1, info.maxexp)  # too large
        self.beyond = self.end - mpmath.ldexp(1, info.maxexp - self.bits - 1)  # rounds to it

    def ulp(self, exact: Exact) -> Exact:
        """The distance of two neighbours in the format, at an exact value."""
        exponent = mpmath.frexp(exact)[1] if exact else self.least
        return mpmath.ldexp(1, max(exponent - self.bits, self.least))

    def clamp(self, value: Any) -> Exact:
        """The value as far as the format reaches; infinity lies just beyond."""
        return max(min(mpmath.mpf(value), self.end), -self.end)

    def rounded(self, exact: Exact) -> float:
        """The value as a double, infinite where it is too large for the format."""
        return float(mpmath.sign(exact)) * float("inf") if self.overflows(exact) else float(exact)

    def overflows(self, exact: Exact) -> bool:
        """Whether the value, rounded, is infinite."""
        return bool(abs(exact) >= self.beyond)

    def error(self, found: Any, exact: Exact, size: Any = 0.0) -> float:
        """How far a computed value is from the exact one, in ulp of that or of a larger `size`."""
        if np.isnan(found):
            return float("inf")
        with mpmath.workdps(2 * DIGITS):
            exact = self.clamp(exact)
            unit = self.ulp(max(abs(exact), self.clamp(float(size))))
            return float(abs(self.clamp(float(found)) - exact) / unit)


# -- limits --------------------------------------------------------------------------------


def limits(value: Callable[..., Exact], exact: Callable[..., Exact], point: float) -> list[float]:
    """What `exact`, `value` or a derivative of it, tends to at a point or an infinity.

    One limit, or two that differ: from the left and from the right. A side on which `value` is
    not real does not count; NaN stands for tending to nothing. What keeps growing (or shrinking)
    over hundreds of powers of two tends to infinity (or to 0), however slowly.
    """
    if np.isinf(point):
        least, sides = _LADDER[0], [[float(np.sign(point)) * far for far in _FAR]]
    else:
        least = 300 if point else _LADDER[1]
        with mpmath.workdps(least):
            steps = [(abs(point) or 1) * step for step in _NEAR]
            sides = [[mpmath.mpf(point) + side * step for step in steps] for side in (-1, 1)]
    found = []
    for near, nearer in sides:
        if value(nearer, least=least) is not None:
            found.append(_tendency(exact(near, least=least), exact(nearer, least=least)))
    return found if len(set(found)) > 1 else found[:1]


def _tendency(near: Exact, nearer: Exact) -> float:
    if near is None or nearer is None:
        return float("nan")
    if near == nearer or _agree(near, nearer):
        return float(Format("float64").clamp(nearer))
    if abs(nearer) >= max(1.5 * abs(near), 16):
        return float(mpmath.sign(nearer)) * float("inf")
    if abs(nearer) <= min(abs(near) / 1.5, 1 / 16):
        return 0.0
    return float("nan")
