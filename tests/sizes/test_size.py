"""A size as an object: equality, hashing, pickles, and that it has no value."""

from __future__ import annotations

import copy
import math
import operator
import pickle
import pickletools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from symdiff.errors import ArgumentError, NoValueError
from symdiff.sizes import Dim, Size, bounds, names
from tests.sizes.formulas import dim_of, divided

k, m, n = Size("k"), Size("m"), Size("n")


def test_equal_sizes_hash_alike_and_never_equal_an_int() -> None:
    assert hash(n + m) == hash(m + n)
    assert len({n, n + 0, Size("n"), (2 * n) // 2}) == 1
    for other in (1, 1.0, "n", None, np.int64(1)):
        assert n != other
        assert not n == other  # noqa: SIM201


@pytest.mark.parametrize(
    ("use", "what"),
    [
        (bool, "has no truth value"),
        (int, "where Python needs a number"),
        (float, "where Python needs a number"),
        (operator.index, "where Python needs a number"),
        (range, "where Python needs a number"),
        (list, "cannot be iterated over"),
        (math.sqrt, "where Python needs a number"),
    ],
)
def test_a_size_has_no_value_before_the_call(use: Callable[[Any], object], what: str) -> None:
    with pytest.raises(
        NoValueError, match=rf"^the size n \+ 1 .*{what}.*only at the call.*f64\[3"
    ):
        use(n + 1)


def test_a_size_is_immutable() -> None:
    for name in ("_terms", "other"):
        with pytest.raises(AttributeError, match="a Size is immutable"):
            setattr(n, name, ())
    with pytest.raises(AttributeError, match="a Size is immutable"):
        del n._terms


@given(divided)
def test_sizes_pickle_and_copy(formula: Any) -> None:
    dim = dim_of(formula)
    for other in (pickle.loads(pickle.dumps(dim)), copy.copy(dim), copy.deepcopy(dim)):
        assert other == dim
        assert hash(other) == hash(dim)
        assert str(other) == str(dim)


def test_a_pickle_names_only_the_public_path() -> None:
    found = [arg for _, arg, _ in pickletools.genops(pickle.dumps(n, protocol=4))]
    assert [arg for arg in found if isinstance(arg, str)] == ["symdiff.sizes", "Size", "n"]


def test_the_deepest_quotient_prints_pickles_and_compares() -> None:
    deepest: Dim = n
    with pytest.raises(ArgumentError, match="too many floor divisions"):
        for _ in range(100):
            deepest = (2 * deepest) // k
    assert deepest >= 0
    assert names(deepest) == {"n", "k"}
    assert pickle.loads(pickle.dumps(deepest)) == deepest


def test_sizes_too_long_to_type_still_pickle() -> None:
    long = sum((Size(f"{'a' * 100}{i}") for i in range(150)), start=n)
    assert len(str(long)) > 10_000
    assert pickle.loads(pickle.dumps(long)) == long


def test_threads_agree() -> None:
    def work(_: int) -> tuple[object, ...]:
        size = (3 * Size("p") + Size("q")) // 7 - Size("p") // 2
        return hash(size), str(size), bounds(size), size

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(work, range(200)))) == 1
