"""Parts of complex numbers: real and imaginary part, conjugate, angle.

Values may be complex wherever NumPy's are. Derivatives may not: a complex function of a complex
variable need not have one, and conventions for those that have differ. So derivatives that would
pass through a complex node raise `NotDifferentiableError`, which shows the way to it. Of real
operands these functions are what they are in NumPy, with their derivatives.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from symdiff.errors import ArgumentError
from symdiff.node import Node
from symdiff.op import REGISTRY, Op
from symdiff.ops.angles import atan2
from symdiff.ops.declare import elementwise, numpy_function, public
from symdiff.ops.elementwise import equal, not_equal
from symdiff.ops.shape import zeros_like

__all__ = ["angle", "conj", "imag", "real"]


def _check_node(name: str, x: Any) -> None:
    if not isinstance(x, Node):
        raise ArgumentError(
            f"{name}: {type(x).__name__} is not a node; make one with graph.input(name, type)"
        )


def _part_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return np.empty(0, dtype).real.dtype


_real: Op = elementwise(
    "real",
    "x",
    doc="Real part of `x`. Real operands are their own.",
    kernel=lambda x: np.array(x.real),
    dtypes=_part_dtype,
    sympy="re",
    partials=(lambda y, x: 1,),
)

_imag: Op = elementwise(
    "imag",
    "x",
    doc="Imaginary part of `x`: 0 for real operands, and so is the derivative.",
    kernel=lambda x: np.array(x.imag),
    dtypes=_part_dtype,
    partials=(lambda y, x: 0,),  # not "zero by definition", which would hide complex operands
)

_conj: Op = elementwise(
    "conj",
    "x",
    doc="Complex conjugate of `x`. Real operands are their own.",
    kernel=np.conjugate,
    sympy="conjugate",
    partials=(lambda y, x: 1,),
)


@public
@numpy_function(np.real)
def real(x: Node, /) -> Node:
    """Real part of `x`; a real node itself.

    Values may be complex, gradients may not: one that would pass through a complex node raises
    `NotDifferentiableError`.

    >>> import symdiff as sd
    >>> z = sd.Graph().input("z", sd.c128[2])
    >>> sd.evaluate(sd.real(z), {z: [1 + 2j, 3j]})
    array([1., 0.])
    """
    _check_node("real", x)
    return _real(x) if x.dtype.kind == "c" else x


@public
@numpy_function(np.imag)
def imag(x: Node, /) -> Node:
    """Imaginary part of `x`; zeros for a real node.

    >>> import symdiff as sd
    >>> z = sd.Graph().input("z", sd.c128[2])
    >>> sd.evaluate(sd.imag(z), {z: [1 + 2j, 3j]})
    array([2., 3.])
    """
    _check_node("imag", x)
    return _imag(x) if x.dtype.kind == "c" else zeros_like(x)


@public
@numpy_function(np.conjugate)
def conj(x: Node, /) -> Node:
    """Complex conjugate of `x`; a real node itself.

    >>> import symdiff as sd
    >>> z = sd.Graph().input("z", sd.c128[2])
    >>> sd.evaluate(sd.conj(z), {z: [1 + 2j, 3j]})
    array([1.-2.j, 0.-3.j])
    """
    _check_node("conj", x)
    return x if x.dtype.kind in "iuf" else _conj(x)


@public
@numpy_function(np.angle)
def angle(z: Node, /, deg: bool = False) -> Node:
    """Angle of `z` in the complex plane, in (-π, π], or in degrees with ``deg=True``.

    Of a real `z` it is 0 or π, and its derivative is 0.

    >>> import symdiff as sd
    >>> z = sd.Graph().input("z", sd.c128[3])
    >>> sd.evaluate(sd.angle(z, deg=True), {z: [1, 1j, -2]})
    array([  0.,  90., 180.])
    """
    _check_node("angle", z)
    part = _imag(z) if z.dtype.kind == "c" else 0
    found = atan2(part, real(z))
    return found * (180 / math.pi) if deg else found


# -- what NumPy asks of a dtype ------------------------------------------------------------


@numpy_function(np.iscomplexobj)
def _np_iscomplexobj(x: Node) -> bool:
    return x.dtype.kind == "c"


@numpy_function(np.isrealobj)
def _np_isrealobj(x: Node) -> bool:
    return x.dtype.kind != "c"


@numpy_function(np.iscomplex)
def _np_iscomplex(x: Node) -> Node:
    return not_equal(imag(x), 0)


@numpy_function(np.isreal)
def _np_isreal(x: Node) -> Node:
    return equal(imag(x), 0)


@numpy_function(np.result_type)
def _np_result_type(*arrays_and_dtypes: Any) -> np.dtype[Any]:
    plain = [x.dtype if isinstance(x, Node) else x for x in arrays_and_dtypes]
    return np.result_type(*plain)


@numpy_function(np.can_cast)
def _np_can_cast(from_: Any, to: Any, casting: Any = "safe") -> bool:
    return np.can_cast(from_.dtype if isinstance(from_, Node) else from_, to, casting)


@numpy_function(np.common_type)
def _np_common_type(*arrays: Any) -> Any:
    return np.common_type(*[np.empty(0, x.dtype) if isinstance(x, Node) else x for x in arrays])


REGISTRY.enroll(__name__)
