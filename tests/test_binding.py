"""Named sizes get their values from arguments, and every mismatch names argument and size."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import symdiff as sd
from symdiff.binding import Requirement, bind_shapes, unify_shapes
from symdiff.sizes import Dim, Size, evaluate

n, m, k = Size("n"), Size("m"), Size("k")


def message(error: type[Exception], *named: Any, given: dict[str, Any] | None = None) -> str:
    with pytest.raises(error) as caught:
        bind_shapes(named, given)
    return str(caught.value)


# -- from shapes of arrays -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("named", "given", "values"),
    [
        ([("X", (n, 3), (5, 3)), ("y", (n,), (5,))], {}, {"n": 5}),
        ([("X", (), ())], {}, {}),
        ([("x", (n,), (0,))], {}, {"n": 0}),
        ([("x", (2 * n + 1,), (11,))], {}, {"n": 5}),
        ([("x", (n + m,), (7,)), ("y", (m,), (3,))], {}, {"n": 4, "m": 3}),
        (
            [("x", (n * m,), (6,)), ("y", (n + k,), (5,)), ("z", (k,), (3,))],
            {},
            dict(n=2, m=3, k=3),
        ),
        ([("x", (n * m,), (6,))], {"n": 2}, {"n": 2, "m": 3}),
        ([("x", (n * m,), (6,))], {"n": 2, "m": 3}, {"n": 2, "m": 3}),
        ([], {"n": 4}, {"n": 4}),
        ([("x", (n // 2,), (3,))], {"n": 7}, {"n": 7}),
        ([("x", (n,), (5,))], {"n": np.int64(5)}, {"n": 5}),
    ],
)
def test_sizes_are_read_off_shapes(named: Any, given: Any, values: dict[str, int]) -> None:
    assert bind_shapes(named, given) == values


@given(
    st.dictionaries(st.sampled_from("nmk"), st.integers(0, 9), min_size=3, max_size=3),
    st.lists(st.sampled_from([n + m, 2 * n + 1, n * m, 3 * k, n + m + k, n // 2]), max_size=4),
)
def test_binding_inverts_evaluating(values: dict[str, int], compound: list[Dim]) -> None:
    shape = (*compound, n, m, k)
    actual = tuple(evaluate(d, values) for d in shape)
    assert bind_shapes([("x", shape, actual)]) == values


def test_the_order_of_arguments_does_not_matter() -> None:
    named = [("x", (n + m,), (7,)), ("y", (m + k,), (5,)), ("z", (k,), (2,))]
    assert bind_shapes(named) == bind_shapes(reversed(named)) == {"n": 4, "m": 3, "k": 2}


def test_two_arguments_that_disagree_are_both_named() -> None:
    assert message(sd.ShapeError, ("X", (n, 3), (5, 3)), ("y", (n,), (4,))) == (
        "n is 5 in X but 4 in y"
    )


def test_an_argument_that_disagrees_with_sizes_is_named() -> None:
    assert message(sd.ShapeError, ("y", (n,), (4,)), given={"n": 5}) == (
        "n is 5 in sizes= but 4 in y"
    )


@pytest.mark.parametrize(
    ("named", "part"),
    [
        (("y", (n,), (2, 2)), "y has 2 axes (2,2); its type has 1: (n,)"),
        (("y", (n, 3), (2, 4)), "axis 1 of y is 4; its type says 3"),
        (("y", (2 * n,), (5,)), "axis 0 of y: 2*n is 5, which no integer n >= 0 gives"),
        (("y", (n + 3,), (2,)), "axis 0 of y: n + 3 is 2, which no integer n >= 0 gives"),
        (("y", (n * m,), (6,)), "axis 0 of y is m*n = 6, which does not settle m, n; pass sizes="),
    ],
)
def test_what_does_not_fit_is_named_with_its_axis(named: Any, part: str) -> None:
    assert part in message(sd.ShapeError, named)


def test_a_compound_size_is_checked_once_all_is_known() -> None:
    text = message(sd.ShapeError, ("x", (n + 1,), (7,)), ("y", (n,), (5,)))
    assert text == "axis 0 of x: n + 1 is 6 with n = 5, not 7"


@pytest.mark.parametrize("value", [2.5, "3", None, [2]])
def test_sizes_are_ints(value: Any) -> None:
    assert "sizes= must give ints by name" in message(sd.ArgumentError, given={"n": value})


def test_sizes_are_not_negative() -> None:
    assert message(sd.ArgumentError, given={"n": -1}) == "size n is -1; sizes are >= 0"


# -- from other sizes ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("named", "mapping"),
    [
        ([("X", (n, 3), (m, 3)), ("y", (n,), (m,))], {"n": m}),
        ([("X", (n,), (2 * k + 1,))], {"n": 2 * k + 1}),
        ([("X", (n,), (4,)), ("y", (n + 1,), (5,))], {"n": 4}),
        ([("y", (2 * n,), (8,))], {"n": 4}),
        ([("y", (n + m,), (8,)), ("x", (m,), (3,))], {"n": 5, "m": 3}),
        ([("X", (n, m), (m, n))], {"n": m, "m": n}),
    ],
)
def test_sizes_stand_for_other_sizes(named: Any, mapping: dict[str, Dim]) -> None:
    assert unify_shapes(named) == mapping


@pytest.mark.parametrize(
    ("named", "part"),
    [
        ([("X", (n, 3), (m,))], "X has the shape (n,3), but the node given for it has (m,)"),
        ([("X", (n, 3), (m, 4))], "X has the shape (n,3), but the node given for it has (m,4)"),
        ([("X", (n,), (m,)), ("y", (n,), (k,))], "n is m elsewhere but k in y"),
        ([("X", (n,), (m,)), ("y", (n + 1,), (m,))], "y has the shape (n+1,)"),
        ([("y", (2 * n,), (7,))], "2*n is 7, which no integer n >= 0 gives"),
        ([("y", (n * m,), (k,))], "y: cannot tell m, n from m*n = k"),
    ],
)
def test_sizes_that_cannot_stand_for_others_are_named(named: Any, part: str) -> None:
    with pytest.raises(sd.ShapeError, match=re.escape(part)):
        unify_shapes(named)


# -- requirements --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "relation", "right", "decided"),
    [
        (n, ">=", 0, True),
        (n + 1, ">=", 1, True),
        (n, ">=", n, True),
        (n, ">=", 1, None),
        (n, ">=", m, None),
        (0, ">=", 1, False),
        (n, ">=", n + 1, False),
        (n, "==", n, True),
        (n, "==", n + 1, False),
        (n, "==", m, None),
        (3, "==", 3, True),
    ],
)
def test_a_requirement_is_decided_where_the_algebra_can(
    left: Dim, relation: str, right: Dim, decided: bool | None
) -> None:
    requirement = Requirement(left, relation, right)
    assert requirement.decide() is decided
    for values in ({"n": a, "m": b} for a in range(4) for b in range(4)):
        assert decided is None or requirement.holds(values) is decided
    assert str(requirement) == f"{left} {relation} {right}"


@pytest.fixture
def y() -> sd.Node:
    return sd.Graph("g").input("y", sd.f64["n"])


def test_a_slice_needs_what_numpy_would_clamp_and_the_call_checks_it(y: sd.Node) -> None:
    part = y[2:-1]
    assert part.shape == (n - 3,)
    assert sd.evaluate(part, {y: np.arange(4.0)}) == [2.0]
    assert sd.evaluate(part, {y: np.arange(3.0)}).shape == (0,)
    with pytest.raises(sd.ShapeError, match=r"needs n - 1 >= 2, but n = 2\n.*test_binding.py"):
        sd.evaluate(part, {y: np.arange(2.0)})


def test_a_requirement_names_the_users_line(y: sd.Node) -> None:
    part = y[1:]
    [(node, requirement)] = y.graph.requirements([part])
    assert (node, requirement) == (part, Requirement(n, ">=", 1))
    line = part.origin.line
    with pytest.raises(sd.ShapeError, match=rf"n >= 1, but n = 0\n  %0.*test_binding.py:{line}"):
        sd.evaluate(part * 2.0, {y: []})


def test_only_what_the_outputs_need_is_required(y: sd.Node) -> None:
    part = y[5]
    assert sd.evaluate(y * 2.0, {y: [1.0]}) == [2.0]
    assert y.graph.requirements([y]) == []
    with pytest.raises(sd.ShapeError, match="n >= 6"):
        sd.evaluate(part, {y: [1.0]})


def test_a_requirement_that_never_holds_is_found_at_construction(y: sd.Node) -> None:
    with pytest.raises(sd.ShapeError, match=r"needs n >= n \+ 1, which never holds"):
        y[y.shape[0]]


def test_the_gradient_of_a_slice_keeps_its_requirement(y: sd.Node) -> None:
    d = sd.grad(sd.sum(y[1:] ** 2), y)
    np.testing.assert_array_equal(sd.evaluate(d, {y: [1.0, 2.0, 3.0]}), [0.0, 4.0, 6.0])


def test_refine_states_what_the_algebra_cannot_prove(y: sd.Node) -> None:
    g = y.graph
    z = g.input("z", sd.f64["m"])
    with pytest.raises(sd.ShapeError, match=r"do not broadcast.*sd\.refine"):
        y + z
    total = sd.refine(z, sd.f64["n"]) + y
    assert total.shape == (n,)
    np.testing.assert_array_equal(sd.evaluate(total, {y: [1.0, 2.0], z: [3.0, 4.0]}), [4.0, 6.0])
    with pytest.raises(sd.ShapeError, match="needs m == n, but m = 3, n = 2"):
        sd.evaluate(total, {y: [1.0, 2.0], z: [3.0, 4.0, 5.0]})


def test_refine_to_a_known_size_is_checked_at_the_call(y: sd.Node) -> None:
    three = sd.refine(y, sd.f64[3])
    assert repr(three[0]).endswith("index %0 key=(0,)")
    assert sd.evaluate(three, {y: np.ones(3)}).shape == (3,)
    with pytest.raises(sd.ShapeError, match="needs n == 3, but n = 2"):
        sd.evaluate(three, {y: np.ones(2)})


def test_refining_to_what_is_known_makes_no_node(y: sd.Node) -> None:
    assert sd.refine(y, sd.f64["n + 1 - 1"]) is y
