"""einsum, tensordot and kin against NumPy's, over random subscripts too, and their derivatives."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import symdiff as sd

DTYPES = ("f8", "f4", "f2", "i8", "i1", "u2", "?", "c8", "c16")


def integers(shape: tuple[int, ...], seed: int = 0, dtype: Any = float) -> np.ndarray:
    """Whole numbers: their products and sums are exact in any order."""
    return np.random.default_rng(seed).integers(-3, 4, shape).astype(dtype)


def inputs(*arrays: np.ndarray) -> tuple[list[sd.Node], dict[sd.Node, np.ndarray]]:
    g = sd.Graph()
    nodes = [g.input(f"x{k}", a) for k, a in enumerate(arrays)]
    return nodes, dict(zip(nodes, arrays, strict=True))


def assert_value(y: sd.Node, point: Any, expected: Any) -> None:
    expected = np.asarray(expected)
    assert (y.dtype, y.shape) == (expected.dtype, expected.shape)
    np.testing.assert_array_equal(sd.evaluate(y, point), expected)


# -- einsum: random subscripts ------------------------------------------------------------


class Product(NamedTuple):
    """Subscripts with operands they fit."""

    subscripts: str
    operands: list[np.ndarray]


@st.composite
def products(draw: Any, largest: int = 4) -> Product:
    """Repeated indices, ellipses, sizes 0 and 1, broadcasting, with and without an output."""
    sizes = dict(zip("ijkB", draw(st.tuples(*[st.integers(0, 3)] * 4)), strict=True))
    dots = draw(st.lists(st.integers(1, 2), max_size=2))
    terms, shapes = [], []
    for _ in range(draw(st.integers(1, largest))):
        letters = draw(st.lists(st.sampled_from("ijkB"), max_size=3))
        # An axis of length 1 broadcasts, unless its index is twice in the term.
        shape = [
            sizes[c] if letters.count(c) > 1 else draw(st.sampled_from([sizes[c], sizes[c], 1]))
            for c in letters
        ]
        if dots and draw(st.booleans()):
            at = draw(st.integers(0, len(letters)))
            under = dots[draw(st.integers(0, len(dots))) :]
            shape[at:at] = [draw(st.sampled_from([d, d, 1])) for d in under]
            letters.insert(at, "...")
        terms.append("".join(letters))
        shapes.append(tuple(shape))
    subscripts = ",".join(terms)
    if draw(st.booleans()):
        known = sorted(set("".join(terms)) - {"."})
        out = draw(st.permutations(known))[: draw(st.integers(0, len(known)))]
        if "..." in subscripts:
            out.insert(draw(st.integers(0, len(out))), "...")
        subscripts += "->" + "".join(out)
    return Product(subscripts, [integers(s, k) for k, s in enumerate(shapes)])


@given(products())
def test_einsum_is_numpys_whatever_the_subscripts(case: Product) -> None:
    expected = np.einsum(case.subscripts, *case.operands)
    nodes, point = inputs(*case.operands)
    y = sd.einsum(case.subscripts, *nodes)
    assert_value(y, point, expected)
    assert np.einsum(case.subscripts, *nodes, optimize=True) is y
    y.graph.check()


@given(products(largest=3))
def test_einsum_has_both_modes_whatever_the_subscripts(case: Product) -> None:
    """The gradient, by an inner product with what NumPy gives for one operand replaced."""
    nodes, point = inputs(*case.operands)
    y = sd.einsum(case.subscripts, *nodes)
    moves = [integers(a.shape, 7 + k) for k, a in enumerate(case.operands)]
    weights = integers(tuple(y.shape), 5)
    gradients = sd.grad(sd.sum(y * weights), nodes, disconnected="zero")
    expected = np.zeros(y.shape)
    for k, (move, gradient) in enumerate(zip(moves, gradients, strict=True)):
        replaced = [*case.operands[:k], move, *case.operands[k + 1 :]]
        part = np.einsum(case.subscripts, *replaced)
        expected = expected + part
        value = sd.evaluate(gradient, point)
        assert value.shape == move.shape
        assert np.sum(value * move) == np.sum(weights * part)
    tangent = sd.jvp(y, nodes, moves)
    np.testing.assert_array_equal(sd.evaluate(tangent, point), expected)


@pytest.mark.parametrize(
    ("subscripts", "shapes"),
    [
        ("ij,jk->ik", ((2, 3), (3, 4))),
        ("ij,jk,kl->li", ((2, 3), (3, 2), (2, 4))),
        ("ii->i", ((3, 3),)),
        ("ii->", ((3, 3),)),
        ("iji,j->ji", ((2, 3, 2), (3,))),
        ("ii,ij->j", ((3, 3), (3, 2))),
        ("...ij,...jk->...ik", ((2, 1, 2, 3), (4, 3, 2))),
        ("i...,i->...", ((2, 3), (1,))),
        ("i,j,k->kji", ((2,), (3,), (2,))),
        ("i,i,i->", ((4,), (4,), (4,))),
        ("ij,ij->ij", ((2, 3), (2, 3))),
        (",ij,->j", ((), (2, 3), ())),
        ("ij->", ((2, 3),)),
        ("ij->ji", ((2, 3),)),
    ],
)
def test_einsum_is_right_to_second_order(subscripts: str, shapes: Any) -> None:
    arrays = [np.random.default_rng(k).normal(size=s) for k, s in enumerate(shapes)]
    sd.testing.check_grad(lambda *xs: sd.sin(sd.einsum(subscripts, *xs)), *arrays)


@pytest.mark.slow
@given(products(largest=3))
def test_einsum_is_right_to_second_order_whatever_the_subscripts(case: Product) -> None:
    arrays = [np.random.default_rng(k).normal(size=a.shape) for k, a in enumerate(case.operands)]
    sd.testing.check_grad(lambda *xs: sd.sin(sd.einsum(case.subscripts, *xs)), *arrays)


def test_an_operand_that_occurs_twice_gets_both_parts_of_its_gradient() -> None:
    x = sd.Graph().input("x", sd.f64[3])
    A = np.arange(9.0).reshape(3, 3)
    z = sd.einsum("i,ij,j", x, A, x)
    found = sd.evaluate([sd.grad(z, x), sd.hessian(z, x)], {x: [1.0, 2.0, 3.0]})
    np.testing.assert_allclose(found[0], (A + A.T) @ [1.0, 2.0, 3.0], rtol=1e-15)
    np.testing.assert_allclose(found[1], A + A.T, rtol=1e-15)


# -- einsum: forms and types --------------------------------------------------------------


def test_operands_each_with_a_list_of_numbers_mean_the_same_as_letters() -> None:
    (x, y), _ = inputs(np.ones((2, 3, 4)), np.ones((4, 3)))
    pairs = [
        ((x, [0, 1, 2], y, [2, 1]), ("abc,cb", x, y)),
        ((x, [0, 1, 2], y, [2, 1], [1, 0]), ("abc,cb->ba", x, y)),
        ((x, [..., 2], y, [2, 1], [1, ...]), ("...c,cb->b...", x, y)),
        ((y, [30, 2]), ("bA", y)),
    ]
    for numbered, lettered in pairs:
        assert sd.einsum(*numbered) is sd.einsum(*lettered)
        assert np.einsum(*numbered) is sd.einsum(*lettered)


def test_spaces_do_not_matter_and_letters_only_by_where_they_stand() -> None:
    (x, y), _ = inputs(np.ones((2, 3)), np.ones((3, 4)))
    assert sd.einsum("ij,jk->ik", x, y) is sd.einsum(" zA , Ab -> zb ", x, y)


def test_einsum_of_every_mixture_of_dtypes_is_numpys() -> None:
    for one, other in product(DTYPES, repeat=2):
        nodes, point = inputs(integers((2, 3), 0, one), integers((3,), 1, other))
        for subscripts in ("ij,j->i", "ij,j->ij", "ij,j->", "ij,j->j"):
            expected = np.einsum(subscripts, *point.values())
            assert_value(sd.einsum(subscripts, *nodes), point, expected)
        assert_value(sd.einsum("ij->i", nodes[0]), point, np.einsum("ij->i", point[nodes[0]]))


def test_python_numbers_are_weak_and_arrays_are_not() -> None:
    x = sd.Graph().input("x", sd.f32[2])
    assert sd.einsum(",i->i", 2.5, x).type == sd.f32[2]
    assert sd.einsum("i,i->i", x, np.ones(2)).type == sd.f64[2]
    assert_value(sd.einsum("i,,j->", x, 2.0, np.ones(3)), {x: [1, 2]}, np.float64(18.0))


def test_one_compiled_einsum_serves_every_value_of_a_named_size() -> None:
    g = sd.Graph()
    X, w = g.input("X", sd.f64["n", "m", 3]), g.input("w", sd.f64["m"])
    y = sd.einsum("nmk,m,nml->kl", X, w, X)
    loss = sd.sum(y * y)
    assert y.type == sd.f64[3, 3]
    assert sd.einsum("...k,k", X, np.ones(3)).type == sd.f64["n", "m"]
    f = sd.compile([X, w], [loss, sd.grad(loss, w)])
    for n, m in ((1, 2), (4, 3), (0, 2)):
        arrays = integers((n, m, 3)), integers((m,), 1)
        value, gradient = f(*arrays)
        expected = np.einsum("nmk,m,nml->kl", arrays[0], arrays[1], arrays[0])
        assert value == np.sum(expected**2)
        slope = np.einsum("kl,nmk,nml->m", 2 * expected, arrays[0], arrays[0])
        np.testing.assert_array_equal(gradient, slope)


def test_what_is_no_product_is_a_plain_sum_transposition_or_diagonal() -> None:
    (x, s), _ = inputs(np.ones((3, 3)), np.ones(()))
    assert sd.einsum("ij->ij", x) is x
    assert sd.einsum("ij->ji", x) is sd.permute_dims(x, axes=(1, 0))
    assert sd.einsum("ij->j", x) is sd.sum(x, axis=0)
    assert sd.einsum("ij,ij->ij", x, x) is x * x
    assert sd.einsum(",ij->ij", s, x) is s * x
    assert [n.op.name for n in x.graph.ancestors(sd.einsum("ii", x))] == [
        "input",
        "take_diagonal",
        "sum",
    ]


def test_a_chain_of_products_is_taken_in_the_cheap_order() -> None:
    g = sd.Graph()
    A, B, v = (
        g.input("A", sd.f64["n", "n"]),
        g.input("B", sd.f64["n", "n"]),
        g.input("v", sd.f64["n"]),
    )
    y = sd.einsum("ij,jk,k->i", A, B, v)
    matrices = [n for n in g.ancestors(y) if n.ndim == 2]
    assert matrices == [A, B]


def test_value_and_gradient_share_what_they_can() -> None:
    """Three factors of a product: a gradient costs one product of two for each, and no more."""
    g = sd.Graph()
    x, A, y = g.input("x", sd.f64[3]), g.input("A", sd.f64[3, 4]), g.input("y", sd.f64[4])
    z = sd.einsum("i,ij,j->", x, A, y)
    before = len(g)
    sd.grad(z, [x, A, y])
    assert len(g) - before <= 4


def test_the_gradient_of_a_product_of_three_reads_as_products_of_two(
    golden: Callable[[str, str], None],
) -> None:
    g = sd.Graph("bilinear")
    x, A, y = g.input("x", sd.f64["n"]), g.input("A", sd.f64["n", "m"]), g.input("y", sd.f64["m"])
    z = sd.einsum("i,ij,j->", x, A, y)
    golden("ops/gradient_of_einsum", sd.text([z, *sd.grad(z, [x, A, y])]))


def test_a_full_contraction_in_a_branch_not_taken_gives_no_nan() -> None:
    g = sd.Graph()
    x, y = g.input("x", sd.f64[2]), g.input("y", sd.f64[2])
    z = sd.where(x[0] > 0, sd.einsum("i,i", sd.sqrt(x), sd.log(y)), 0.0)
    found = sd.evaluate(sd.grad(z, [x, y]), {x: np.zeros(2), y: np.zeros(2)})
    np.testing.assert_array_equal(found, np.zeros((2, 2)))


X_23, Y_4 = sd.f64[2, 3], sd.f64[4]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda x, y, n: sd.einsum("ij,j->i", x, y),
            sd.ShapeError,
            r"einsum: index 'j' has the size 3 in operands\[0\], which is not the 4 of operands"
            r"\[1\]\n  operands\[0\] = x : f64\[2,3\] .*\n  operands\[1\] = y : f64\[4\]",
        ),
        (
            lambda x, y, n: sd.einsum("ij,j->i", x, n),
            sd.ShapeError,
            r"index 'j' has the size 3 in operands\[0\], which is not known to be the n of",
        ),
        (
            lambda x, y, n: sd.einsum("...,...", x, y),
            sd.ShapeError,
            r"axis -1 under '\.\.\.' has the size 3 in operands\[0\], which is not the 4",
        ),
        (
            lambda x, y, n: sd.einsum(x, [0, 1], y, [1]),
            sd.ShapeError,
            r"index 1 has the size 3 in operands\[0\]",
        ),
        (
            lambda x, y, n: sd.einsum("ii", x),
            sd.ShapeError,
            r"index 'i' is twice in operands\[0\], but the size 2 is not 3",
        ),
        (
            lambda x, y, n: sd.einsum("ijk", x),
            sd.ShapeError,
            r"operands\[0\] has 2 axes, which 'ijk' does not fit",
        ),
        (
            lambda x, y, n: sd.einsum("i...jk", x),
            sd.ShapeError,
            r"operands\[0\] has 2 axes, which 'i\.\.\.jk' does not fit",
        ),
        (
            lambda x, y, n: sd.einsum("ij->ik", x),
            sd.ArgumentError,
            "index 'k' of the result is in no operand",
        ),
        (
            lambda x, y, n: sd.einsum("ij->ii", x),
            sd.ArgumentError,
            "'i' is in the result twice",
        ),
        (
            lambda x, y, n: sd.einsum("...j->j", x),
            sd.ArgumentError,
            r"the result must hold '\.\.\.', which stands for 1 axes here",
        ),
        (
            lambda x, y, n: sd.einsum("ij,j", x),
            sd.ArgumentError,
            "'ij,j' is for 2 operands; 1 given",
        ),
        (
            lambda x, y, n: sd.einsum("i1->i", x),
            sd.ArgumentError,
            "'1' in 'i1->i' is neither a letter nor part of",
        ),
        (lambda x, y, n: sd.einsum("i..j", x), sd.ArgumentError, r"'\.' in 'i\.\.j' is neither"),
        (lambda x, y, n: sd.einsum("ij->i->", x), sd.ArgumentError, "'-' in 'ij->i->' is neither"),
        (lambda x, y, n: sd.einsum(x, [0, -1]), sd.ArgumentError, "a negative number"),
        (lambda x, y, n: sd.einsum(x, [..., ...]), sd.ArgumentError, r"or two of '\.\.\.'"),
        (lambda x, y, n: sd.einsum(x, 3), sd.ArgumentError, "3 is not a list of index numbers"),
        (lambda x, y, n: sd.einsum(), sd.ArgumentError, "no subscripts and no operands"),
        (
            lambda x, y, n: sd.einsum("i", np.ones(3)),
            sd.ArgumentError,
            "none of the operands is a node",
        ),
        (
            lambda x, y, n: np.einsum("ij", x, dtype=float),
            sd.ArgumentError,
            "np.einsum: dtype not available",
        ),
        (
            lambda x, y, n: sd.tensordot(x, y, axes=1),
            sd.ShapeError,
            r"tensordot: axis 1 of x1 has the size 3, which is not the 4 of axis 0 of x2\n"
            r"  x1 = x : f64\[2,3\] .*\n  x2 = y : f64\[4\]",
        ),
        (
            lambda x, y, n: sd.tensordot(x, n, axes=1),
            sd.ShapeError,
            "axis 1 of x1 has the size 3, which is not known to be the n of axis 0 of x2",
        ),
        (
            lambda x, y, n: sd.tensordot(x, y, axes=2),
            sd.ShapeError,
            "axes=2, but x1 has 2 axes and x2 1",
        ),
        (lambda x, y, n: sd.tensordot(x, y, axes=-1), sd.ShapeError, "axes=-1, but"),
        (
            lambda x, y, n: sd.tensordot(x, x, axes=((0, 1), (0,))),
            sd.ShapeError,
            "2 axes of x1 cannot meet 1 of x2",
        ),
        (
            lambda x, y, n: sd.tensordot(x, x, axes=((0, 0), (0, 1))),
            sd.ShapeError,
            "names an axis twice",
        ),
        (
            lambda x, y, n: sd.tensordot(x, x, axes=((0,), (5,))),
            sd.ShapeError,
            "axis 5 is out of bounds",
        ),
        (
            lambda x, y, n: sd.tensordot(x, x, axes="last"),
            sd.ArgumentError,
            "axes must be an int or a pair of axes, not 'last'",
        ),
        (
            lambda x, y, n: sd.outer(y, x),
            sd.ShapeError,
            r"outer: x2 has 2 axes, but outer is for vectors\n  x1 = y",
        ),
        (lambda x, y, n: sd.vecdot(x, y), sd.ShapeError, "vecdot: the size 3 .* is not 4"),
        (lambda x, y, n: sd.vecdot(x, y, axis=-2), sd.ShapeError, "vecdot: axis -2 is not one of"),
    ],
)
def test_what_does_not_fit_is_named_with_the_operands(
    call: Any, error: type[Exception], message: str
) -> None:
    g = sd.Graph()
    x, y, n = g.input("x", sd.f64[2, 3]), g.input("y", sd.f64[4]), g.input("n", sd.f64["n"])
    with pytest.raises(error, match=message):
        call(x, y, n)


def test_operands_of_two_graphs_are_refused() -> None:
    (x,), (y,) = inputs(np.ones(2))[0], inputs(np.ones(2))[0]
    with pytest.raises(sd.MixedGraphError, match="einsum"):
        sd.einsum("i,i", x, y)


# -- tensordot, outer, inner, vdot, vecdot -------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "axes"),
    [
        ((2, 3), (3, 4), 1),
        ((2, 3, 4), (3, 4, 5), 2),
        ((2, 3), (4,), 0),
        ((2, 3), (2, 3), 2),
        ((2, 3, 4), (4, 3, 2), ((0, 1, 2), (2, 1, 0))),
        ((2, 3, 4), (4, 5, 2), ((-1, 0), (0, 2))),
        ((2, 3), (3, 4), (1, 0)),
        ((2, 3), (3, 4), ([1], [0])),
        ((0, 3), (3, 2), 1),
        ((2, 0), (0, 3), 1),
        ((), (2,), 0),
        ((1, 1), (1, 1), 1),
    ],
)
def test_tensordot_is_numpys_to_second_order(first: Any, second: Any, axes: Any) -> None:
    nodes, point = inputs(integers(first), integers(second, 1))
    expected = np.tensordot(*point.values(), axes=axes)
    assert_value(sd.tensordot(*nodes, axes=axes), point, expected)
    assert np.tensordot(*nodes, axes) is sd.tensordot(*nodes, axes=axes)
    sd.testing.check_grad(lambda a, b: sd.tensordot(a, b, axes=axes), *point.values())


def test_tensordot_over_two_axes_is_the_default() -> None:
    nodes, point = inputs(integers((2, 3, 4)), integers((3, 4, 5), 1))
    assert_value(sd.tensordot(*nodes), point, np.tensordot(*point.values()))


@pytest.mark.parametrize(("first", "second"), [((2,), (3,)), ((0,), (3,)), ((1,), (1,))])
def test_outer_is_numpys_to_second_order(first: Any, second: Any) -> None:
    nodes, point = inputs(integers(first), integers(second, 1))
    assert_value(sd.outer(*nodes), point, np.outer(*point.values()))
    assert np.outer(*nodes) is sd.outer(*nodes)
    sd.testing.check_grad(sd.outer, *point.values())


@pytest.mark.parametrize(
    ("first", "second", "axis"),
    [((3,), (3,), -1), ((2, 3), (3,), -1), ((3, 1), (2, 3, 4), -2), ((2, 1, 3), (4, 3), -1)],
)
def test_vecdot_is_numpys_to_second_order(first: Any, second: Any, axis: int) -> None:
    nodes, point = inputs(integers(first), integers(second, 1))
    expected = np.vecdot(*point.values(), axis=axis)
    assert_value(sd.vecdot(*nodes, axis=axis), point, expected)
    assert np.vecdot(*nodes, axis=axis) is sd.vecdot(*nodes, axis=axis)
    sd.testing.check_grad(lambda a, b: sd.vecdot(a, b, axis=axis), *point.values())


def test_vecdot_conjugates_its_first_operand() -> None:
    z, w = np.array([1 + 2j, 3 - 1j]), np.array([2j, 1 + 1j])
    nodes, point = inputs(z, w)
    assert_value(sd.vecdot(*nodes), point, np.vecdot(z, w))
    assert_value(np.vdot(*nodes), point, np.vdot(z, w))


@pytest.mark.parametrize(
    ("function", "first", "second"),
    [
        (np.inner, (3,), (3,)),
        (np.inner, (2, 3), (4, 5, 3)),
        (np.inner, (), (3,)),
        (np.inner, (2, 3), ()),
        (np.vdot, (3,), (3,)),
        (np.vdot, (2, 3), (3, 2)),
        (np.outer, (2, 3), (2,)),
    ],
)
def test_numpys_other_products_take_nodes_and_arrays(
    function: Any, first: Any, second: Any
) -> None:
    (x, y), point = inputs(integers(first), integers(second, 1))
    expected = function(*point.values())
    for operands in ((x, y), (point[x], y), (x, point[y])):
        assert_value(function(*operands), point, expected)
