"""Values and dtypes against array_api_strict and against NumPy, on generated calls.

Each function of the standard is called as `calls.py` and `matrices.py` say: through symdiff's
name and, where NumPy has the function, through NumPy's on nodes. A few calls make one graph.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any, Final

import array_api_strict as xp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import symdiff as sd
from tests.array_api.calls import CREATION, ELEMENTWISE, REDUCTIONS, SEARCHING, SHAPES
from tests.array_api.matrices import LINALG
from tests.array_api.scope import ADDED, IN_SCOPE, STANDARD, find
from tests.array_api.strategies import Call, Static

CALLS = {**ELEMENTWISE, **REDUCTIONS, **SHAPES, **SEARCHING, **CREATION, **LINALG}
FEW, MANY = 8, 200

# -- NumPy's names -------------------------------------------------------------------------

NUMPY: Final[Mapping[str, Callable[..., Any] | None]] = {
    "argsort": lambda x, axis=-1, descending=False: np.argsort(x, axis=axis, stable=True),
    "astype": None,  # of ndarrays only
    "clip": lambda x, low=None, high=None: np.clip(x, low, high),
    "sort": lambda x, axis=-1, descending=False, stable=True: np.sort(x, axis=axis),
    "arange": None,
    "empty": None,
    "empty_like": None,
    "eye": None,
    "full": None,
    "linspace": None,
    "nonzero": None,
    "ones": None,
    "zeros": None,
}
"""NumPy's function where its arguments differ; None where nodes are not among them."""

# -- calling -------------------------------------------------------------------------------


def mapped(convert: Callable[[Any], Any], value: Any) -> Any:
    if isinstance(value, Static) or not isinstance(value, list | tuple | dict):
        return convert(value)
    if isinstance(value, dict):
        return {k: mapped(convert, v) for k, v in value.items()}
    return type(value)(mapped(convert, v) for v in value)


def applied(function: Callable[..., Any], call: Call, convert: Callable[[Any], Any]) -> list[Any]:
    """The results of a call, each function's several as a list."""
    found = function(*[mapped(convert, a) for a in call.args], **mapped(convert, call.named))
    return list(found) if isinstance(found, list | tuple) else [found]


def for_strict(value: Any) -> Any:
    if isinstance(value, Static):
        return xp.asarray(value.value)
    if isinstance(value, np.dtype):
        return getattr(xp, value.name)
    return xp.asarray(value) if isinstance(value, np.ndarray) else value


def for_numpy(value: Any) -> Any:
    return value.value if isinstance(value, Static) else value


class Nodes:
    """Arrays as inputs of one graph."""

    def __init__(self) -> None:
        self.graph = sd.Graph()
        self.values: dict[sd.Node, np.ndarray] = {}

    def __call__(self, value: Any) -> Any:
        if not isinstance(value, np.ndarray):
            return for_numpy(value)
        node = self.graph.input(f"x{len(self.values)}", value)
        self.values[node] = value
        return node


def check(name: str, calls: list[Call]) -> None:
    nodes, expected, shown = Nodes(), [], []
    outputs: list[sd.Node] = []
    ours = find(sd, name)
    theirs = NUMPY.get(name, find(np, name))
    added = {"like": nodes.graph} if "like" in ADDED.get(name, ()) else {}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # NumPy's, of means of nothing
        for call in calls:
            results = applied(STANDARD[name], call, for_strict)
            expected += [np.asarray(r) for r in results]
            here = call._replace(named={**call.named, **call.ours, **added})
            made = applied(ours, here, nodes)
            assert len(made) == len(results), call
            outputs += made
            shown += [f"sd.{name}{call}"] * len(results)
            if theirs is None:
                continue
            results = applied(theirs, call, for_numpy)
            expected += [np.asarray(r) for r in results]
            outputs += applied(theirs, call, nodes)
            shown += [f"np.{name}{call}"] * len(results)
        found = sd.evaluate(outputs, nodes.values)
    for one, other, text in zip(found, expected, shown, strict=True):
        assert one.dtype == other.dtype, text
        assert one.shape == other.shape, text
        if not name.startswith("empty"):
            compare(one, other, text)


def compare(found: np.ndarray, expected: np.ndarray, text: str) -> None:
    if found.dtype.kind in "fc":
        eps = np.finfo(found.dtype).eps
        np.testing.assert_allclose(found, expected, 32 * eps, 32 * eps, err_msg=text)
    else:
        np.testing.assert_array_equal(found, expected, err_msg=text)


# -- the tests -----------------------------------------------------------------------------


def test_every_function_in_scope_is_called() -> None:
    assert set(CALLS) == set(IN_SCOPE)


@pytest.mark.parametrize("name", CALLS)
def test_values_and_dtypes_are_those_of_the_standard_and_of_numpy(name: str) -> None:
    run(name, FEW)


@pytest.mark.slow
@pytest.mark.parametrize("name", CALLS)
def test_values_and_dtypes_on_many_calls(name: str) -> None:
    run(name, MANY)


def run(name: str, examples: int) -> None:
    assert find(sd, name) is not None, f"sd.{name} is missing"

    @settings(max_examples=examples)
    @given(st.lists(CALLS[name], min_size=1, max_size=4))
    def holds(calls: list[Call]) -> None:
        check(name, calls)

    holds()
