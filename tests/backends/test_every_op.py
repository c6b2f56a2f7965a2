"""Every op of the registry as the NumPy backend runs it: right, and sharing no memory.

Operands are computed values, whose memory a plan may give away, and arguments, whose memory it
may not.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest

import symdiff as sd
from symdiff.backends import numpy as backend
from symdiff.plan import VIEWS
from tests.ops.samples import CHECKED, OPS, Case, operands, samples_of

NAMES = [n for n in CHECKED if n != "probe" and OPS[n].kernel is not None]
DTYPES = ("float64", "float32")


def computed(x: sd.Node) -> sd.Node:
    """The same values, but not an argument."""
    if x.dtype.kind == "b":
        return sd.logical_or(x, x)
    return x * x.graph.constant(1, x.dtype)


def graph_of(name: str, arrays: list[np.ndarray], params: Any, *, plain: bool, keep: bool) -> Any:
    """The op on arguments (`plain`) or on computed values, which may be outputs as well."""
    g = sd.Graph("one")
    inputs = [g.input(f"x{k}", a) for k, a in enumerate(arrays)]
    taken = inputs if plain else [computed(x) for x in inputs]
    y = OPS[name](*taken, **params) if taken else OPS[name].on(g, **params)
    g.outputs = [*(y if isinstance(y.type, sd.TupleType) else [y]), *(taken if keep else [])]
    return g


def ways(name: str, case: Case) -> Any:
    for plain, keep in ((True, False), (False, False), (False, True)):
        for dtype in DTYPES:
            params = case.params_for(dtype)
            arrays = operands(name, case, dtype)
            yield graph_of(name, arrays, params, plain=plain, keep=keep), arrays


def same(found: Any, expected: Any) -> None:
    for a, b in zip(found, expected, strict=True):
        assert type(a) is np.ndarray
        assert a.dtype == b.dtype
        # Python's and NumPy's functions of one number may round differently.
        near = 4 * np.finfo(a.dtype).eps if a.dtype.kind in "fc" else 0.0
        np.testing.assert_allclose(a, b, rtol=near, atol=0)


@pytest.mark.parametrize("name", NAMES)
def test_compiled_and_interpreted_agree_and_nothing_shares_memory(name: str) -> None:
    for case in samples_of(name).cases:
        for graph, arrays in ways(name, case):
            before = [a.copy() for a in arrays]
            expected = sd.evaluate(
                list(graph.outputs), dict(zip(graph.inputs, arrays, strict=True))
            )
            for largest in (10**9, -1):
                program = backend.build(graph, (), largest=largest)
                first, second = program.run(arrays, ()), program.run(arrays, ())
                same(first, expected)
                same(second, expected)
                for a, b in combinations([*arrays, *first, *second], 2):
                    assert not np.may_share_memory(a, b)
            for a, b in zip(arrays, before, strict=True):
                np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", NAMES)
def test_a_kernel_that_shows_its_operand_is_one_the_plan_knows(name: str) -> None:
    for case in samples_of(name).cases:
        arrays = operands(name, case, "float64")
        g = graph_of(name, arrays, case.params_for("float64"), plain=True, keep=False)
        for node in [n for n in g.nodes if n.op is OPS[name]]:  # some cases need no node
            with np.errstate(all="ignore"):
                result = node.op.kernel(*arrays, **node.params)
            parts = result if isinstance(result, tuple | list) else (result,)
            shown = any(np.may_share_memory(p, a) for p in parts for a in arrays)
            assert not shown or name in VIEWS
