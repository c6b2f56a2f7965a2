"""Covariances and correlations of variables that are observed together.

The covariance of two variables is the mean product of their deviations from their means, taken
first (see `summaries`); with weights the means are weighted, and the number of observations is
that of NumPy's `cov`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from symdiff.describe import listing
from symdiff.errors import ArgumentError, ShapeError
from symdiff.node import Node
from symdiff.op import REGISTRY
from symdiff.ops.contract import take_diagonal
from symdiff.ops.declare import numpy_function, public
from symdiff.ops.elementwise import sqrt
from symdiff.ops.joining import concat
from symdiff.ops.operands import as_nodes
from symdiff.ops.reductions import mean
from symdiff.ops.shape import reshape
from symdiff.sizes import Dim
from symdiff.types import promote

__all__ = ["corrcoef", "cov"]


def _rows(name: str, x: Node, rowvar: bool) -> Node:
    """The variables as rows of a matrix, in a floating dtype."""
    with listing(name, {"x": x}):
        if x.ndim > 2:
            raise ShapeError(f"x has {x.ndim} axes; a vector or a matrix is needed")
    x = x.astype(promote(x.dtype, float))
    if x.ndim < 2:
        return reshape(x, shape=(1, -1))
    return x if rowvar or x.shape[0] == 1 else x.T


@public
def cov(
    x: Any,
    y: Any = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
) -> Node:
    """The covariance matrix of variables, given their observations.

    Arguments: `x`, a vector (one variable) or a matrix with a variable in each row, or with
    ``rowvar=False`` in each column; `y`, more of them; `bias`, divide by the number n of
    observations and not by ``n - 1``; `ddof`, divide by ``n - ddof``. Returns a matrix, a scalar
    for one variable. Raises `ShapeError` for more than two axes.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64[2, "n"])
    >>> sd.evaluate(sd.cov(x), {x: [[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]})
    array([[ 1., -1.],
           [-1.,  1.]])
    """
    found = as_nodes("cov", (x,) if y is None else (x, y))
    parts = [_rows("cov", part, rowvar) for part in found]
    rows = parts[0] if len(parts) == 1 else concat(parts, axis=0)
    if rows.dtype.kind == "c":
        raise ArgumentError("cov: complex variables are not available; write the products out")
    less = ddof if ddof is not None else 0 if bias else 1
    deviations = rows - mean(rows, axis=1, keepdims=True)
    count: Dim = rows.shape[1]
    result: Node = (deviations @ deviations.T) / (count - less)
    return reshape(result, shape=()) if rows.shape[0] == 1 else result


@public
def corrcoef(x: Any, y: Any = None, rowvar: bool = True) -> Node:
    """The matrix of correlation coefficients: covariances over the standard deviations.

    Arguments as those of `cov`. A variable that never changes has none: NaN, as in NumPy.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64[2, "n"])
    >>> sd.evaluate(sd.corrcoef(x), {x: [[0.0, 1.0, 2.0], [5.0, 3.0, 1.0]]})
    array([[ 1., -1.],
           [-1.,  1.]])
    """
    covariance = cov(x, y, rowvar)
    if not covariance.ndim:
        return covariance / covariance
    deviation = sqrt(take_diagonal(covariance, along=(0, 0)))
    return covariance / reshape(deviation, shape=(-1, 1)) / deviation


# -- NumPy's names -------------------------------------------------------------------------


@numpy_function(np.cov)
def _np_cov(
    m: Any,
    y: Any = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: Any = None,
    aweights: Any = None,
    *,
    dtype: Any = None,
) -> Node:
    if fweights is not None or aweights is not None:
        raise ArgumentError("np.cov: weights are not available on nodes; repeat or scale the data")
    found = cov(m, y, rowvar, bias, ddof)
    return found if dtype is None else found.astype(dtype)


@numpy_function(np.corrcoef)
def _np_corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Node:
    found = corrcoef(x, y, rowvar)
    return found if dtype is None else found.astype(dtype)


REGISTRY.enroll(__name__)
