"""The text form read back: ``parse(graph.text()).text() == graph.text()``, to the letter.

The grammar is in ``docs/text-form.md``. A text is read line by line, without recursion but for
parameters within one another, whose depth is bounded. Nodes are made by `Graph.apply`, so a
text is held to the same rules as a program; whatever is wrong with it is a `ParseError` that
shows the line, the place and what was expected there.

`line` is a line with a place in it, `values` reads what stands in one, `reader` whole graphs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from symdiff import first_use
from symdiff.graph import Graph
from symdiff.op import Op

__all__ = ["parse"]


def parse(
    text: str,
    *,
    ops: Iterable[Op] | Mapping[str, Op] = (),
    constants: Iterable[Any] | Mapping[str, Any] = (),
) -> Graph:
    """The graph of a text that `sd.text` or `Graph.text` printed, or that a person wrote.

    Arguments: `ops`, the user's own ops that the text names; `constants`, the arrays that stand
    as a digest in the text, in any order. Either may be a mapping; arrays are found by their
    contents whatever they are called.

    Returns the last graph of the text; the others are bodies that it refers to. Nodes have
    their line of the text as origin, and notes such as ``; d %3 / d w`` become provenance.

    Raises `ParseError`, which shows the line and the place, for anything that is not a graph.

    >>> import symdiff as sd
    >>> g = sd.parse('''
    ... graph line(x: f64[n], a: f64[]) {
    ...   %0 : f64[n] = multiply a x
    ...   %1 : f64[n] = add %0 1.0
    ...   return %1
    ... }
    ... ''')
    >>> sd.evaluate(g.outputs[0], dict(zip(g.inputs, ([1.0, 2.0], 10.0))))
    array([11., 21.])
    """
    graph: Graph = first_use.module("parse.reader").read(text, ops, constants)
    return graph
