"""Losses: exact gradients, both kinds of targets, hard cases without NaN, and their errors."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
import scipy.special
from mpmath import mp, mpf

import symdiff as sd

inf, nan = np.inf, np.nan


def loss_and_derivatives(loss: Callable[..., Any], logits: Any, targets: Any) -> list[Any]:
    """Loss, gradient and Hessian by the first operand."""
    array = np.asarray(logits, float)
    x = sd.Graph().input("x", array)
    y = loss(x, targets)
    return sd.evaluate([y, sd.grad(sd.sum(y), x), sd.hessian(sd.sum(y), x)], {x: array})


# -- sigmoid_binary_cross_entropy ------------------------------------------------------------

LOGITS = np.array([-1e4, -800.0, -40.0, -1.0, 0.0, 1e-9, 2.0, 40.0, 800.0, 1e4])


@pytest.mark.parametrize("target", [0, 1, 0.25, True])
def test_binary_loss_is_right_to_the_last_digits(target: Any) -> None:
    value, gradient, hessian = loss_and_derivatives(
        sd.sigmoid_binary_cross_entropy, LOGITS, target
    )
    with mpmath.workdps(50):
        points, t = [mpf(float(v)) for v in LOGITS], mpf(float(target))
        exact = [float(mp.log1p(mp.exp(p)) - p * t) for p in points]
        slope = [float(1 / (1 + mp.exp(-p)) - t) for p in points]
    np.testing.assert_allclose(value, exact, rtol=1e-15)
    np.testing.assert_allclose(gradient, slope, rtol=1e-15, atol=1e-16)
    p = scipy.special.expit(LOGITS)
    np.testing.assert_allclose(hessian, np.diag(p * (1 - p)), rtol=1e-14, atol=1e-16)


def test_infinite_logits_cost_nothing_when_they_are_right() -> None:
    value, gradient, hessian = loss_and_derivatives(
        sd.sigmoid_binary_cross_entropy, [-inf, inf, -inf, inf, nan], [0, 1, 1, 0, 0]
    )
    np.testing.assert_array_equal(value, [0.0, 0.0, inf, inf, nan])
    np.testing.assert_array_equal(gradient, [0.0, 0.0, -1.0, 1.0, nan])
    np.testing.assert_array_equal(np.diag(hessian), [0.0, 0.0, 0.0, 0.0, nan])


def test_a_compiled_binary_loss_gives_no_warning_at_the_ends() -> None:
    g = sd.Graph()
    x, t = g.input("x", sd.f64[5]), g.input("t", sd.f64[5])
    loss = sd.sigmoid_binary_cross_entropy(x, t)
    f = sd.compile([x, t], [loss, sd.grad(sd.sum(loss), x)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        value, gradient = f([-inf, inf, -1e4, 1e4, 0.0], [0.0, 1.0, 1.0, 0.0, 0.5])
    np.testing.assert_allclose(value, [0.0, 0.0, 1e4, 1e4, np.log(2)])
    np.testing.assert_array_equal(gradient, [0.0, 0.0, -1.0, 1.0, 0.0])


def test_binary_loss_is_linear_in_its_targets() -> None:
    g = sd.Graph()
    x, t = g.input("x", sd.f64[3]), g.input("t", sd.f64[3])
    loss = sd.sigmoid_binary_cross_entropy(x, t)
    by_targets = sd.evaluate(sd.grad(sd.sum(loss), t), {x: [-2.0, 0.0, 1e4], t: [0.0, 0.5, 1.0]})
    np.testing.assert_array_equal(by_targets, [2.0, 0.0, -1e4])


# -- softmax_cross_entropy -------------------------------------------------------------------

ROWS = np.array(
    [
        [1.0, 2.0, 3.0],
        [1e4, -1e4, 0.0],
        [-1e4, -1e4, -1e4],
        [-inf, 0.5, -0.5],
        [5.0, 5.0, 5.0],
    ]
)
CLASSES = np.array([0, 1, 2, 1, 0])
ONE_HOT = np.eye(3)[CLASSES]


def exact_cross_entropies(rows: Any, classes: Any) -> list[float]:
    """By definition, at digits enough for exp(-2e4)."""
    with mpmath.workdps(50):
        losses = []
        for row, k in zip(rows, classes, strict=True):
            powers = [mp.exp(mpf(float(v))) if v > -inf else mpf(0) for v in row]
            losses.append(float(mp.log(mp.fsum(powers)) - mpf(float(row[k]))))
        return losses


@pytest.mark.parametrize(
    "targets",
    [CLASSES, CLASSES.astype(np.uint8), ONE_HOT, ONE_HOT.astype(int), ONE_HOT.astype(bool)],
    ids=["classes", "u8", "distributions", "integers", "booleans"],
)
def test_softmax_loss_and_its_gradient_for_every_kind_of_targets(targets: np.ndarray) -> None:
    value, gradient, _ = loss_and_derivatives(sd.softmax_cross_entropy, ROWS, targets)
    np.testing.assert_allclose(value, exact_cross_entropies(ROWS, CLASSES), rtol=1e-15)
    p = scipy.special.softmax(ROWS, axis=1)
    np.testing.assert_allclose(gradient, p - ONE_HOT, rtol=1e-15, atol=2e-16)


def test_the_gradient_of_a_mean_loss_is_softmax_minus_targets() -> None:
    rng = np.random.default_rng(0)
    logits, targets = 5 * rng.normal(size=(6, 4)), rng.dirichlet(np.ones(4), 6)
    x = sd.Graph().input("x", logits)
    loss = sd.sum(sd.softmax_cross_entropy(x, targets)) / 6
    gradient = sd.evaluate(sd.grad(loss, x), {x: logits})
    expected = (scipy.special.softmax(logits, axis=1) - targets) / 6
    np.testing.assert_allclose(gradient, expected, rtol=1e-13, atol=1e-17)


@pytest.mark.parametrize("targets", [CLASSES, ONE_HOT], ids=["classes", "distributions"])
def test_second_derivatives_of_softmax_loss(targets: np.ndarray) -> None:
    _, _, hessian = loss_and_derivatives(sd.softmax_cross_entropy, ROWS, targets)
    expected = np.zeros((5, 3, 5, 3))
    for k, p in enumerate(scipy.special.softmax(ROWS, axis=1)):
        expected[k, :, k, :] = np.diag(p) - np.outer(p, p)
    np.testing.assert_allclose(hessian, expected, rtol=1e-14, atol=1e-16)


def test_an_impossible_class_costs_infinity_only_where_it_is_the_true_one() -> None:
    for targets in ([0, 1], [[1.0, 0.0], [0.0, 1.0]]):
        value, gradient, _ = loss_and_derivatives(
            sd.softmax_cross_entropy, [[-inf, 0.0], [-inf, 0.0]], targets
        )
        np.testing.assert_array_equal(value, [inf, 0.0])
        np.testing.assert_array_equal(gradient, [[-1.0, 1.0], [0.0, 0.0]])


def test_gradients_by_soft_targets_are_the_negative_log_probabilities() -> None:
    g = sd.Graph()
    x, t = g.input("x", sd.f64[2, 2]), g.input("t", sd.f64[2, 2])
    loss = sd.softmax_cross_entropy(x, t)
    point = {x: [[0.0, 0.0], [3.0, 3.0]], t: [[0.0, 1.0], [0.5, 0.5]]}
    found = sd.evaluate(sd.grad(sd.sum(loss), t), point)
    np.testing.assert_allclose(found, np.log(2), rtol=1e-15)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("loss", [sd.softmax_cross_entropy, sd.categorical_cross_entropy])
def test_classes_may_stand_along_any_axis(loss: Callable[..., Any], axis: int) -> None:
    rng = np.random.default_rng(1)
    scores = rng.uniform(0.1, 1.0, (2, 3, 4))
    shape = np.delete(scores.shape, axis)
    classes = rng.integers(0, scores.shape[axis], shape)
    weights = np.moveaxis(np.eye(scores.shape[axis])[classes], -1, axis)
    x = sd.Graph().input("x", scores)
    by_class, by_weight = loss(x, classes, axis), loss(x, weights, axis=axis)
    assert by_class.shape == by_weight.shape == tuple(shape)
    gradients = [sd.grad(sd.sum(y), x) for y in (by_class, by_weight)]
    found = sd.evaluate([by_class, by_weight, *gradients], {x: scores})
    np.testing.assert_allclose(found[0], found[1], rtol=1e-14)
    np.testing.assert_allclose(found[2], found[3], rtol=1e-14, atol=1e-16)


def test_a_class_out_of_range_is_an_error_when_the_graph_runs() -> None:
    g = sd.Graph()
    x, t = g.input("x", sd.f64["n", 3]), g.input("t", sd.i64["n"])
    loss = sd.softmax_cross_entropy(x, t)
    for bad in (3, -1):
        with pytest.raises(sd.EvaluationError, match=f"class index {bad} is not in 0 … 2"):
            sd.evaluate(loss, {x: ROWS, t: [0, 1, 2, bad, 0]})


@pytest.mark.parametrize("targets", [[0], [[1.0, 0.0]], [[True, False]]])
@pytest.mark.parametrize(
    ("loss", "scores"),
    [
        (sd.softmax_cross_entropy, [[800.0, 0.0]]),
        (sd.categorical_cross_entropy, [[1.0, 0.0]]),
    ],
)
def test_a_certain_class_costs_zero_and_not_minus_zero(
    loss: Any, scores: Any, targets: Any
) -> None:
    x = sd.Graph().input("x", sd.f64[1, 2])
    y = loss(x, targets)
    for found in (sd.evaluate(y, {x: scores}), sd.compile([x], y)(scores)):
        np.testing.assert_array_equal(found, [0.0])
        assert not np.signbit(found).any()


def test_a_loss_of_classes_picks_and_makes_no_array_of_zeros_and_ones() -> None:
    g = sd.Graph()
    x, t = g.input("x", sd.f64["n", 1000]), g.input("t", sd.i64["n"])
    loss = sd.mean(sd.softmax_cross_entropy(x, t))
    used = {node.op.name for node in g.ancestors(sd.grad(loss, x))}
    assert "one_hot" not in used
    assert "take_along_axis" in {node.op.name for node in g.ancestors(loss)}


# -- from probabilities ----------------------------------------------------------------------


def test_binary_loss_from_probabilities_at_the_ends() -> None:
    p = [0.0, 1.0, 0.0, 1.0, 0.25, 1e-300, 1e-18]
    t = [0.0, 1.0, 1.0, 0.0, 0.5, 1.0, 0.0]
    value, gradient, hessian = loss_and_derivatives(sd.binary_cross_entropy, p, t)
    middle = -0.5 * np.log(0.25 * 0.75)
    np.testing.assert_allclose(
        value, [0.0, 0.0, inf, inf, middle, 300 * np.log(10), 1e-18], rtol=1e-15
    )
    assert not np.signbit(value).any()
    np.testing.assert_allclose(
        gradient, [1.0, -1.0, -inf, inf, -2 + 2 / 3, -1e300, 1.0], rtol=1e-15
    )
    curvature = np.diag(hessian)[[0, 1, 4, 6]]
    np.testing.assert_allclose(curvature, [1.0, 1.0, 8 + 8 / 9, 1.0], rtol=1e-15)


@pytest.mark.parametrize(
    "targets", [[2, 0, 1], np.eye(3)[[2, 0, 1]], np.eye(3, dtype=bool)[[2, 0, 1]]]
)
def test_categorical_loss_from_probabilities_at_the_ends(targets: Any) -> None:
    p = [[0.5, 0.25, 0.25], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0]]
    value, gradient, _ = loss_and_derivatives(sd.categorical_cross_entropy, p, targets)
    np.testing.assert_allclose(value, [2 * np.log(2), 0.0, inf], rtol=1e-15)
    expected = [[0.0, 0.0, -4.0], [-1.0, 0.0, 0.0], [0.0, -inf, 0.0]]
    np.testing.assert_array_equal(gradient, expected)


@pytest.mark.parametrize(
    ("from_logits", "squash", "from_probabilities"),
    [
        (sd.sigmoid_binary_cross_entropy, sd.sigmoid, sd.binary_cross_entropy),
        (sd.softmax_cross_entropy, sd.softmax, sd.categorical_cross_entropy),
    ],
)
def test_losses_from_probabilities_agree_with_those_from_logits(
    from_logits: Any, squash: Any, from_probabilities: Any
) -> None:
    rng = np.random.default_rng(2)
    x = sd.Graph().input("x", sd.f64[5, 4])
    t = rng.dirichlet(np.ones(4), 5)
    losses = [from_logits(x, t), from_probabilities(squash(x), t)]
    gradients = [sd.grad(sd.sum(y), x) for y in losses]
    a, b, da, db = sd.evaluate([*losses, *gradients], {x: rng.normal(size=(5, 4))})
    np.testing.assert_allclose(a, b, rtol=1e-13)
    np.testing.assert_allclose(da, db, rtol=1e-12, atol=1e-14)


# -- hinge_loss ------------------------------------------------------------------------------


def test_hinge_loss_is_zero_beyond_the_margin_and_has_no_slope_at_its_edge() -> None:
    scores = [2.0, 1.0, 0.5, -1.0, -2.0, -1.0, 0.0]
    labels = [1, 1, 1, 1, -1, -1, -1]
    value, gradient, hessian = loss_and_derivatives(sd.hinge_loss, scores, labels)
    np.testing.assert_array_equal(value, [0.0, 0.0, 0.5, 2.0, 0.0, 0.0, 1.0])
    np.testing.assert_array_equal(gradient, [0.0, 0.0, -1.0, -1.0, 0.0, 0.0, 1.0])
    np.testing.assert_array_equal(hessian, 0.0)


def test_boolean_labels_of_a_hinge_are_refused_with_the_way_out() -> None:
    s = sd.Graph().input("s", sd.f64[3])
    with pytest.raises(
        sd.DTypeError, match=r"not booleans; for outcomes t write 2 \* t - 1\n +s "
    ):
        sd.hinge_loss(s, np.array([True, False, True]))


# -- multiclass_hinge_loss -------------------------------------------------------------------


def test_every_class_within_the_margin_costs_what_it_lacks() -> None:
    scores = np.array([[3.2, 5.1, -1.7], [1.3, 4.9, 2.0], [2.2, 2.5, -3.1], [1.0, 0.0, 0.0]])
    classes = np.array([0, 1, 2, 0])
    value, gradient, hessian = loss_and_derivatives(sd.multiclass_hinge_loss, scores, classes)
    true = scores[np.arange(4), classes][:, None]
    margins = np.maximum(0.0, scores - true + 1)
    margins[np.arange(4), classes] = 0.0
    np.testing.assert_allclose(value, margins.sum(axis=1), rtol=1e-15)
    slope = (margins > 0).astype(float)
    slope[np.arange(4), classes] = -slope.sum(axis=1)
    np.testing.assert_array_equal(gradient, slope)
    np.testing.assert_array_equal(hessian, 0.0)


def test_the_margin_and_the_axis_of_a_hinge_are_given() -> None:
    x = sd.Graph().input("x", sd.f64[3, 2])
    loss = sd.multiclass_hinge_loss(x, [0, 2], 0, margin=0.25)
    found = sd.evaluate(loss, {x: [[1.0, 0.5], [0.5, 0.25], [2.0, 0.5]]})
    np.testing.assert_allclose(found, [1.25, 0.25])


def test_a_hinge_of_classes_takes_nothing_else() -> None:
    g = sd.Graph()
    x, t = g.input("x", sd.f64[2, 3]), g.input("t", sd.i64[2])
    with pytest.raises(sd.ShapeError, match=r"are not class indices, which have \(2,\)\n  x : "):
        sd.multiclass_hinge_loss(x, np.eye(3)[:2])
    with pytest.raises(sd.DTypeError, match="class indices must be integers"):
        sd.multiclass_hinge_loss(x, [0.0, 1.0])
    with pytest.raises(sd.EvaluationError, match="class index -1 is not in 0 … 2"):
        sd.evaluate(sd.multiclass_hinge_loss(x, t), {x: np.ones((2, 3)), t: [0, -1]})


# -- all of them -----------------------------------------------------------------------------

LOSSES: dict[str, tuple[Callable[..., Any], Any]] = {
    "sigmoid_binary": (sd.sigmoid_binary_cross_entropy, [[0, 1, 1], [1, 0, 0]]),
    "softmax_classes": (sd.softmax_cross_entropy, [2, 0]),
    "softmax_weights": (sd.softmax_cross_entropy, [[0.25, 0.25, 0.5], [0.0, 0.0, 1.0]]),
    "binary": (sd.binary_cross_entropy, [[0, 1, 1], [1, 0, 0]]),
    "categorical_classes": (sd.categorical_cross_entropy, [2, 0]),
    "categorical_weights": (sd.categorical_cross_entropy, [[0.25, 0.25, 0.5], [0.0, 0.0, 1.0]]),
    "hinge": (sd.hinge_loss, [[-1, 1, 1], [1, -1, -1]]),
    "hinge_classes": (sd.multiclass_hinge_loss, [2, 0]),
}
INSIDE = np.array([[0.2, 0.3, 0.7], [0.6, 0.1, 0.55]])


@pytest.mark.parametrize("name", LOSSES)
def test_derivatives_of_every_loss_against_numbers(name: str) -> None:
    loss, targets = LOSSES[name]
    sd.testing.check_grad(lambda x: loss(x, targets), INSIDE)


@pytest.mark.parametrize("name", [n for n in LOSSES if not n.endswith("weights")])
@pytest.mark.parametrize("dtype", ["f16", "f32"])
def test_narrow_scores_stay_narrow_whatever_integers_the_targets_are(
    name: str, dtype: str
) -> None:
    loss, targets = LOSSES[name]
    g = sd.Graph()
    x = g.input("x", getattr(sd, dtype)[2, 3])
    t = g.input("t", np.asarray(targets))
    y = loss(x, t)
    gradient = sd.grad(sd.sum(y), x)
    assert y.dtype == gradient.dtype == x.dtype
    used = {n.dtype for n in g.ancestors(gradient) if n.dtype.kind == "f"}
    assert used == {x.dtype}


@pytest.mark.parametrize("name", LOSSES)
def test_losses_take_named_sizes_and_give_one_value_an_example(name: str) -> None:
    loss, targets = LOSSES[name]
    array = np.asarray(targets)
    g = sd.Graph()
    x = g.input("x", sd.f64["n", 3])
    t = g.input("t", sd.TensorType(array.dtype, sd.f64["n", 3].shape[: array.ndim]))
    y = loss(x, t)
    elementwise = name in ("sigmoid_binary", "binary", "hinge")
    assert y.type == (sd.f64["n", 3] if elementwise else sd.f64["n"])
    f = sd.compile([x, t], [y, sd.grad(sd.sum(y), x)])
    for repeats in (0, 1, 3):
        scores = np.tile(INSIDE, (repeats, 1))
        tiled = np.tile(array, (repeats, *[1] * (array.ndim - 1)))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = f(scores, tiled)
        expected = sd.evaluate([y, sd.grad(sd.sum(y), x)], {x: scores, t: tiled})
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-14)


@pytest.mark.parametrize("name", LOSSES)
def test_targets_may_be_the_node_and_scores_the_array(name: str) -> None:
    loss, targets = LOSSES[name]
    array = np.asarray(targets)
    t = sd.Graph().input("t", array)
    x = sd.Graph().input("x", INSIDE)
    one = sd.evaluate(loss(INSIDE, t), {t: array})
    np.testing.assert_array_equal(one, sd.evaluate(loss(x, array), {x: INSIDE}))


@pytest.mark.parametrize("name", LOSSES)
def test_without_a_node_there_is_no_graph(name: str) -> None:
    loss, targets = LOSSES[name]
    with pytest.raises(
        sd.ArgumentError, match=rf"{loss.__name__}: none of the operands is a node"
    ):
        loss(INSIDE, targets)


@pytest.mark.parametrize("loss", [sd.softmax_cross_entropy, sd.categorical_cross_entropy])
def test_targets_that_are_neither_classes_nor_weights_are_shown(loss: Callable[..., Any]) -> None:
    g = sd.Graph()
    x, t = g.input("x", sd.f64["n", 3]), g.input("t", sd.f64["n"])
    with pytest.raises(
        sd.DTypeError, match=r"class indices must be integers\n  x : .*\n  t : f64\[n\]"
    ):
        loss(x, t)
    with pytest.raises(
        sd.ShapeError,
        match=r"targets of shape \(4,\) are neither class indices, which have \(n,\), nor "
        r"distributions, which have \(n,3\)\n  x : f64\[n,3\]",
    ):
        loss(x, np.zeros(4, int))
    with pytest.raises(sd.ShapeError, match="axis 2 is out of bounds"):
        loss(x, t, axis=2)
