"""The greatest of sizes: what is left out, and that nothing is that may be the greatest."""

from __future__ import annotations

import pickle
from itertools import product

from symdiff.plan.greatest import MaxOf, greatest, substituted
from symdiff.sizes import as_dim, evaluate


def test_of_numbers_one_is_left() -> None:
    assert greatest([3, 8, 5, 8]) == 8
    assert greatest([]) == 0


def test_a_size_that_another_is_as_large_as_is_left_out() -> None:
    dims = [as_dim(t) for t in ("8*n", "8*n**2", "8*n**2 - 8*n", "16*n*m - 8*m", "8*m", "0")]
    assert [str(d) for d in greatest(dims)] == ["8*n**2", "16*m*n - 8*m"]  # type: ignore[union-attr]


def test_what_is_left_has_the_greatest_value_for_all_sizes_from_one() -> None:
    texts = ("8*n", "24*m", "n*m", "3*n*m - 2*n", "n//2 + 40", "64", "n**2 - m")
    dims = [as_dim(text) for text in texts]
    left = greatest(dims)
    assert isinstance(left, MaxOf)
    for n, m in product((1, 2, 3, 7, 50, 1000), repeat=2):
        sizes = {"n": n, "m": m}
        assert substituted(left, sizes) == max(evaluate(d, sizes) for d in dims)


def test_it_reads_as_the_maximum_it_is_and_pickles() -> None:
    left = greatest([as_dim("8*n + 16"), as_dim("24*m")])
    assert str(left) == "max(8*n + 16, 24*m)"
    assert pickle.loads(pickle.dumps(left)) == left


def test_names_may_be_replaced_by_sizes() -> None:
    left = greatest([as_dim("8*n + 16"), as_dim("24*m")])
    assert str(substituted(left, {"m": as_dim("n")})) == "24*n"
    assert substituted(left, {"m": 10, "n": 1}) == 240
