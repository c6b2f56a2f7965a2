"""Polynomials, by Horner's scheme (N. Higham, *Accuracy and Stability of Numerical Algorithms*,
2002, chapter 5).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from symdiff.describe import listing
from symdiff.errors import ShapeError
from symdiff.node import Node
from symdiff.op import REGISTRY
from symdiff.ops.declare import numpy_function, public
from symdiff.ops.operands import as_nodes
from symdiff.ops.shape import zeros_like
from symdiff.sizes import Size

__all__ = ["polyval"]


@numpy_function(np.polyval)
@public
def polyval(p: Any, x: Any, /) -> Node:
    """The polynomial with the coefficients `p`, the highest power first, at `x`.

    Arguments: `p`, a vector whose length is known; `x`, of any shape. One of them is a node, and
    derivatives flow to both. Raises `ShapeError` for coefficients of another rank, or as many of
    them as only the call settles.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64["n"])
    >>> sd.evaluate(sd.polyval([1.0, 0.0, -1.0], x), {x: [0.0, 1.0, 3.0]})
    array([-1.,  0.,  8.])
    """
    coefficients, at = as_nodes("polyval", (p, x))
    with listing("polyval", {"p": coefficients, "x": at}):
        if coefficients.ndim != 1 or isinstance(coefficients.shape[0], Size):
            raise ShapeError("p must be a vector of known length")
    result = zeros_like(at)
    for k in range(coefficients.shape[0]):
        result = coefficients[k] if k == 0 else result * at + coefficients[k]
    return result + zeros_like(at) if len(coefficients) == 1 else result


REGISTRY.enroll(__name__)
