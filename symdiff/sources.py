"""The ops that take no operands: where the values of a graph come from."""

from __future__ import annotations

from typing import Final

import numpy as np

from symdiff.op import REGISTRY, REQUIRED, Op
from symdiff.sizes import as_dim
from symdiff.types import TensorType, as_dtype, type_of_value

__all__ = ["CONSTANT", "INPUT", "SIZE_OF"]

INPUT: Final = Op(
    "input",
    "",
    doc="A value given when the graph runs. Made by `Graph.input`.",
    form="source",
    parameters={"name": REQUIRED, "type": REQUIRED},
    infer=lambda name, type: type,
    kernel=None,
)

CONSTANT: Final = Op(
    "constant",
    "",
    doc="An array fixed when the graph is built. Made by `Graph.constant`.",
    form="source",
    parameters={"value": REQUIRED},
    infer=lambda value: type_of_value(value.array),
    kernel=lambda value: value.array,
)

SIZE_OF: Final = Op(
    "size_of",
    "",
    doc="A size as a number, such as the `n` in ``sum(x) / x.shape[0]``.",
    form="source",
    parameters={"size": REQUIRED, "dtype": REQUIRED},
    normalize=lambda size, dtype: {"size": as_dim(size), "dtype": as_dtype(dtype)},
    infer=lambda size, dtype: TensorType(dtype, ()),
    kernel=lambda size, dtype: np.asarray(size, dtype=dtype),
)

REGISTRY.enroll(__name__)
