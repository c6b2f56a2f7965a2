"""Nested lists, tuples and dicts come apart and together again unchanged."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symdiff.trees import flatten, flatten_like, flatten_with_paths, map_tree, unflatten

leaves = st.one_of(st.none(), st.integers(), st.text(max_size=3), st.sets(st.integers()))
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(st.text(max_size=2), inner, max_size=4),
    ),
    max_leaves=20,
)


class Pair(NamedTuple):
    w: Any
    b: Any


@given(trees)
def test_unflatten_inverts_flatten(tree: Any) -> None:
    assert unflatten(tree, flatten(tree)) == tree


@given(trees)
def test_paths_lead_to_their_leaves(tree: Any) -> None:
    found = flatten_with_paths(tree, "tree")
    assert [leaf for _, leaf in found] == flatten(tree)
    for path, leaf in found:
        assert eval(path, {"tree": tree}) == leaf


@given(trees)
def test_map_keeps_the_nesting(tree: Any) -> None:
    assert flatten(map_tree(lambda leaf: (leaf,), tree)) == [
        part for leaf in flatten(tree) for part in flatten((leaf,))
    ]
    assert map_tree(lambda leaf: leaf, tree) == tree


@given(trees)
def test_a_tree_is_like_itself(tree: Any) -> None:
    assert flatten_like(tree, tree) == flatten(tree)


def test_leaves_come_left_to_right_and_dicts_in_their_own_order() -> None:
    assert flatten({"w": [1, (2, 3)], "b": 4, "a": []}) == [1, 2, 3, 4]
    assert flatten(5) == [5]


def test_named_tuples_stay_named_tuples() -> None:
    tree = {"layer": Pair(1, [2, 3])}
    assert flatten(tree) == [1, 2, 3]
    doubled = map_tree(lambda x: 2 * x, tree)
    assert type(doubled["layer"]) is Pair
    assert doubled["layer"].b == [4, 6]


def test_leaves_left_over_are_an_error() -> None:
    with pytest.raises(ValueError, match="more leaves than the tree holds"):
        unflatten([0, (0,)], [1, 2, 3])


def test_like_follows_keys_not_their_order_and_keeps_lists_at_leaves() -> None:
    assert flatten_like({"w": 0, "b": 0}, {"b": [3, 4], "w": 5}) == [5, [3, 4]]
    assert flatten_like(0, {"any": "thing"}) == [{"any": "thing"}]


@pytest.mark.parametrize(
    ("tree", "values", "message"),
    [
        ({"w": 0}, {"v": 1}, r"at the top: a dict with the keys \['w'\] is needed"),
        ({"w": [0, 0]}, {"w": [1]}, r"at \['w'\]: a sequence of 2 is needed"),
        ([0, {"a": (0,)}], [0, {"a": 3}], r"at \[1\]\['a'\]: a sequence of 1 is needed"),
        ([0, 0], {"a": 1, "b": 2}, "at the top: a sequence of 2 is needed"),
    ],
)
def test_another_nesting_is_named_by_its_path(tree: Any, values: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        flatten_like(tree, values)
