"""The op behind einsum: its normal form, the kernel's layouts, diagonals, the order chosen."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

import symdiff as sd
from symdiff.op import REGISTRY
from symdiff.ops.contract import put_diagonal, take_diagonal

einsum_of_two = REGISTRY.ops["einsum"]
SIZES = {"i": 2, "j": 3, "k": 4, "b": 5}


@pytest.mark.parametrize("left", ["bij", "bi", "ij", "i", "b"])
def test_every_layout_of_the_kernel_gives_numpys_values(left: str) -> None:
    """Matrix products, outer products and inner products, with their axes in every order."""
    rng = np.random.default_rng(0)
    for right in ("bjk", "bi", "jk", "k", "b", "ij"):
        shared = set(left) & set(right)
        kept = sorted((set(left) | set(right)) - shared)
        for out in (*[sorted(shared) + kept], kept, [*kept, *sorted(shared & {"b"})]):
            for order in permutations(left):
                term = "".join(order)
                subscripts = f"{term},{right}->{''.join(out)}"
                a, b = (rng.integers(-3, 4, [SIZES[c] for c in t]) for t in (term, right))
                g = sd.Graph()
                x, y = g.input("x", a * 1.0), g.input("y", b * 1.0)
                node = einsum_of_two(x, y, subscripts=subscripts)
                expected = np.einsum(subscripts, a, b)
                found = sd.evaluate(node, {x: a, y: b})
                np.testing.assert_array_equal(found, expected, err_msg=subscripts)


def test_indices_are_named_in_the_order_they_occur() -> None:
    g = sd.Graph()
    x, y = g.input("x", sd.f64[2, 3]), g.input("y", sd.f64[3, 4])
    node = einsum_of_two(x, y, subscripts="ab,bc->ca")
    assert repr(node) == '%0 : f64[4,2] = einsum x y subscripts="ij,jk->ki"'
    assert node is einsum_of_two(x, y, subscripts="xy,yz->zx")


@pytest.mark.parametrize("subscripts", ["ij,jk", "ij->i", "ij,j,k->i", "i1,i->i", ",i->i", 3])
def test_what_is_not_a_product_of_two_is_refused(subscripts: object) -> None:
    x = sd.Graph().input("x", sd.f64[3, 3])
    with pytest.raises(sd.ArgumentError, match=r"is not of the form 'ij,jk->ik'; see sd\.einsum"):
        einsum_of_two(x, x, subscripts=subscripts)


@pytest.mark.parametrize("subscripts", ["ii,ij->j", "ij,kl->il", "ij,jk->ii", "ij,jk->il"])
def test_an_index_that_occurs_once_or_twice_in_a_term_is_refused(subscripts: str) -> None:
    x = sd.Graph().input("x", sd.f64[3, 3])
    with pytest.raises(sd.ArgumentError, match=r"in two or three of the terms(.|\n)*a = x"):
        einsum_of_two(x, x, subscripts=subscripts)


def test_sizes_that_differ_are_named() -> None:
    g = sd.Graph()
    x, y = g.input("x", sd.f64[2, 3]), g.input("y", sd.f64["n", 4])
    with pytest.raises(sd.ShapeError, match="index 'j' has the size 3 in a, which is not known"):
        einsum_of_two(x, y, subscripts="ij,jk->ik")
    with pytest.raises(sd.ShapeError, match="a has 2 axes, but 'i' is for 1"):
        einsum_of_two(x, y, subscripts="i,ij->j")


def test_the_gradient_of_a_product_is_the_same_kind_of_product() -> None:
    g = sd.Graph()
    A, B, G = g.input("A", sd.f64[2, 3]), g.input("B", sd.f64[3, 4]), g.input("G", sd.f64[2, 4])
    y = einsum_of_two(A, B, subscripts="ij,jk->ik")
    table = sd.build_grad(g, y, [A, B], seed=G)
    assert table[A] is sd.einsum("ik,jk->ij", G, B)
    assert table[B] is sd.einsum("ij,ik->jk", A, G)


def test_inner_products_of_float16_are_added_up_in_more() -> None:
    rng = np.random.default_rng(0)
    a, b = (rng.normal(size=(3, 4000)).astype(np.float16) for _ in range(2))
    g = sd.Graph()
    x, y = g.input("x", a), g.input("y", b)
    found = sd.evaluate(sd.einsum("ij,ij->i", x, y), {x: a, y: b})
    exact = np.sum(a.astype(float) * b.astype(float), axis=1)
    np.testing.assert_allclose(found, exact, rtol=1e-3)


def test_a_size_known_only_at_the_call_does_not_stop_the_choice_of_an_order() -> None:
    g = sd.Graph()
    v = g.input("v", sd.f64["n"])
    A = g.input("A", sd.f64["n", "2*n + 1"])
    y = sd.einsum("i,j,ij->", v, np.ones(5), A[:, :5])
    assert max(n.ndim for n in g.ancestors(y) if n.op.name == "einsum") == 1


# -- diagonals -----------------------------------------------------------------------------


def test_taking_a_diagonal_undoes_putting_it() -> None:
    x = sd.Graph().input("x", sd.f64["n", 2])
    put = put_diagonal(x, along=(0, 1, 0))
    assert put.type == sd.f64["n", 2, "n"]
    array = np.arange(6.0).reshape(3, 2)
    found = sd.evaluate([put, take_diagonal(put, along=(0, 1, 0))], {x: array})
    np.testing.assert_array_equal(found[1], array)
    np.testing.assert_array_equal(np.einsum("iji->ij", found[0]), array)
    assert np.count_nonzero(found[0]) == np.count_nonzero(array)


def test_a_mask_moves_along_to_the_diagonal() -> None:
    x = sd.Graph().input("x", sd.f64[2, 2])
    d = take_diagonal(sd.sqrt(x), along=(0, 0))
    z = sd.sum(sd.where(d > 0, d, 0.0))
    found = sd.evaluate(sd.grad(z, x), {x: [[0.0, 1.0], [1.0, 4.0]]})
    np.testing.assert_array_equal(found, [[0.0, 0.0], [0.0, 0.25]])


@pytest.mark.parametrize(
    ("op", "along", "message"),
    [
        (take_diagonal, (0, 0), r"axes that share a diagonal differ in size: \(2,3\)"),
        (take_diagonal, (0,), "is for 1 axes, not the 2 of x"),
        (take_diagonal, (1, 0), "must number the result.s axes"),
        (put_diagonal, (0, 0), "is for 1 axes, not the 2 of x"),
    ],
)
def test_axes_that_cannot_share_a_diagonal_are_refused(
    op: sd.Op, along: tuple[int, ...], message: str
) -> None:
    x = sd.Graph().input("x", sd.f64[2, 3])
    with pytest.raises((sd.ShapeError, sd.ArgumentError), match=message):
        op(x, along=along)
