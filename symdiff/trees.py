"""Nested lists, tuples and dicts of leaves: taken apart and put together again.

Whatever takes several nodes, types or arrays takes them nested, and gives results back in the
same nesting. Anything that is not a list, a tuple or a dict is a leaf.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["flatten", "flatten_like", "flatten_with_paths", "map_tree", "unflatten"]


def flatten(tree: Any) -> list[Any]:
    """The leaves, left to right; dicts in their own order.

    >>> flatten({"w": [1, 2], "b": (3,)})
    [1, 2, 3]
    """
    return [leaf for _, leaf in flatten_with_paths(tree)]


def flatten_with_paths(tree: Any, path: str = "") -> list[tuple[str, Any]]:
    """The leaves with the path of each, such as ``['w'][0]``.

    >>> flatten_with_paths({"w": [1, 2]}, "p")
    [("p['w'][0]", 1), ("p['w'][1]", 2)]
    """
    leaves: list[tuple[str, Any]] = []
    stack = [(path, tree)]
    while stack:
        here, item = stack.pop()
        if isinstance(item, dict):
            stack.extend((f"{here}[{key!r}]", item[key]) for key in reversed(item))
        elif isinstance(item, list | tuple):
            stack.extend((f"{here}[{i}]", item[i]) for i in range(len(item) - 1, -1, -1))
        else:
            leaves.append((here, item))
    return leaves


def unflatten(tree: Any, leaves: list[Any]) -> Any:
    """The same nesting as `tree`, holding `leaves` instead.

    >>> unflatten({"w": [1, 2], "b": (3,)}, ["a", "b", "c"])
    {'w': ['a', 'b'], 'b': ('c',)}
    """
    rest = iter(leaves)
    result = _fill(tree, rest)
    if next(rest, rest) is not rest:
        raise ValueError("more leaves than the tree holds")
    return result


def _fill(tree: Any, leaves: Iterator[Any]) -> Any:
    # Recursion follows the nesting a person wrote, never the graph.
    if isinstance(tree, dict):
        return {key: _fill(value, leaves) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_fill(value, leaves) for value in tree]
    if isinstance(tree, tuple):
        values = [_fill(value, leaves) for value in tree]
        return type(tree)(*values) if hasattr(tree, "_fields") else tuple(values)
    return next(leaves)


def map_tree(function: Callable[[Any], Any], tree: Any) -> Any:
    """The same nesting with `function` applied to each leaf.

    >>> map_tree(lambda x: 2 * x, [1, (2, 3)])
    [2, (4, 6)]
    """
    return unflatten(tree, [function(leaf) for leaf in flatten(tree)])


def flatten_like(tree: Any, values: Any, path: str = "") -> list[Any]:
    """What `values` holds at the leaves of `tree`; there it may itself be a list or a tuple.

    Raises `ValueError` naming the path where the nesting differs; `path` is that of the whole.

    >>> flatten_like({"w": 1, "b": 2}, {"b": [3, 4], "w": 5})
    [5, [3, 4]]
    """
    leaves: list[Any] = []
    stack = [(path, tree, values)]
    while stack:
        path, item, value = stack.pop()
        if isinstance(item, dict):
            if not isinstance(value, dict) or value.keys() != item.keys():
                raise ValueError(
                    f"at {path or 'the top'}: a dict with the keys {list(item)} is needed"
                )
            stack.extend((f"{path}[{k!r}]", item[k], value[k]) for k in reversed(item))
        elif isinstance(item, list | tuple):
            if not isinstance(value, list | tuple) or len(value) != len(item):
                raise ValueError(f"at {path or 'the top'}: a sequence of {len(item)} is needed")
            last = len(item) - 1
            stack.extend((f"{path}[{k}]", item[k], value[k]) for k in range(last, -1, -1))
        else:
            leaves.append(value)
    return leaves
