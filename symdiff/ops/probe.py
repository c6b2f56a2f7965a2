"""A look at a value while a graph runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from symdiff.errors import ArgumentError
from symdiff.node import Node
from symdiff.op import REGISTRY, Op
from symdiff.ops.declare import linear
from symdiff.ops.shape import tensor

__all__ = ["probe"]


def _probe_kernel(x: Any, label: str, callback: Callable[[str, Any], Any] | None) -> Any:
    if callback is None:
        print(f"{label}: {x}")
    else:
        copy = np.array(x)
        copy.flags.writeable = False
        callback(label, copy)
    return x


_probe: Op = linear(
    "probe",
    "x",
    doc="`x` itself; its value is printed or handed to a function each time the graph runs.",
    parameters={"label": None, "callback": None},
    infer=lambda x, label, callback: tensor(x),
    kernel=_probe_kernel,
    transpose=lambda g, y, x: g,
    batch=lambda y, inputs, mapped: y.graph.intern(y.op, inputs, y.params),
)


def probe(x: Node, label: str, callback: Callable[[str, Any], Any] | None = None) -> Node:
    """`x`, whose value is shown each time the graph runs.

    Arguments: `label`, a text printed before the value; `callback(label, value)`, called with a
    read-only copy instead of printing. Only what an output needs runs: use the node that is
    returned. Gradients pass through unchanged and are not shown.

    >>> import symdiff as sd
    >>> g = sd.Graph()
    >>> x = g.input("x", sd.f64[()])
    >>> f = sd.compile([x], sd.sin(sd.probe(x * 2.0, "twice x")))
    >>> _ = f(0.5)
    twice x: 1.0
    """
    if not isinstance(label, str):
        raise ArgumentError(f"probe: label must be a text, not {label!r}")
    if callback is not None and not callable(callback):
        raise ArgumentError(f"probe: callback must be a function, not {callback!r}")
    return _probe(x, label=label, callback=callback)


REGISTRY.enroll(__name__)
