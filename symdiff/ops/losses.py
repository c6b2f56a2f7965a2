"""Losses: cross entropies from logits and from probabilities, and hinge losses.

One value an example and no reduction: write ``sd.mean(loss)`` or ``sd.sum(loss)``. A target of
weight 0 costs nothing, however unlikely it was held to be: ``0 * log 0`` is 0 throughout, with
the derivative 0 (Cover and Thomas, *Elements of Information Theory*, 2.1).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from symdiff.describe import type_list
from symdiff.errors import DTypeError, ShapeError
from symdiff.node import Node
from symdiff.op import REGISTRY, Op
from symdiff.ops.along import pick, within
from symdiff.ops.declare import elementwise
from symdiff.ops.elementwise import equal, log, logical_and, where
from symdiff.ops.functions import in_sympy, xlog1py, xlogy
from symdiff.ops.nn import log_softmax, one_hot, real_floating, relu, sigmoid
from symdiff.ops.operands import graph_of
from symdiff.ops.reduce import sum as sum_
from symdiff.ops.shape import reshape
from symdiff.types import normalize_axis, promote, shape_text

__all__ = [
    "binary_cross_entropy",
    "categorical_cross_entropy",
    "hinge_loss",
    "multiclass_hinge_loss",
    "sigmoid_binary_cross_entropy",
    "softmax_cross_entropy",
]


# -- operands ------------------------------------------------------------------------------


def _operands(name: str, scores: Any, targets: Any) -> tuple[Node, Node]:
    """Both as nodes of one graph; a plain float among the targets in the scores' dtype."""
    graph = graph_of(name, (scores, targets))
    scores = graph.constant(scores)
    weak = isinstance(targets, float) and not isinstance(targets, np.generic)
    return scores, graph.constant(targets, scores.dtype if weak else None)


def _as_scores(targets: Node, scores: Node) -> Node:
    """Targets that are integers or booleans in the dtype of the scores."""
    return targets.astype(scores.dtype) if targets.dtype.kind in "iub" else targets


def _class_indices(name: str, scores: Node, targets: Node, axis: int, weights: str) -> Node:
    """Targets that are class indices, with an axis of length 1 for that of the classes.

    `weights` says what else targets may be. An index that is no class is an error at the call:
    a negative one would count from the end.
    """
    rest = (*scores.shape[:axis], *scores.shape[axis + 1 :])
    operands = type_list((scores, targets))
    if targets.shape != rest:
        raise ShapeError(
            f"{name}: targets of shape {shape_text(targets.shape)} are "
            f"{'neither' if weights else 'not'} class indices, which have {shape_text(rest)}"
            f"{weights}\n{operands}"
        )
    if targets.dtype.kind not in "iu":
        raise DTypeError(f"{name}: class indices must be integers\n{operands}")
    found = within(targets, low=0, high=scores.shape[axis] - 1, what="class index")
    return reshape(found, shape=(*rest[:axis], 1, *rest[axis:]))


def _split(name: str, scores: Node, targets: Node, axis: int) -> tuple[Node | None, Node | None]:
    """Targets as class indices, or else as weights: a mask of booleans, or a distribution."""
    if targets.shape == scores.shape:
        return None, targets if targets.dtype.kind == "b" else _as_scores(targets, scores)
    weights = f", nor distributions, which have {shape_text(scores.shape)}"
    return _class_indices(name, scores, targets, axis, weights), None


surprisal: Op = elementwise(
    "surprisal",
    "x",
    doc="""`-x`, the cost of an event of log probability `x`: 0, not -0.0, for a certain one.""",
    kernel=lambda x: np.subtract(0, x),
    dtypes=lambda dtype: promote(dtype, int),
    sympy=lambda x: -x,
    partials=(lambda y, x: -1,),
)

# -- from logits ---------------------------------------------------------------------------


def _logistic_loss(x: Any, t: Any) -> Any:
    """``|x| * w + log(1 + exp(-|x|))``, `w` being the weight of what `x` speaks against."""
    dtype = np.result_type(x, t, 0.0)
    x, t = np.asarray(x, dtype), np.asarray(t, dtype)
    size = np.fabs(x)
    against = np.where(x > 0, 1 - t, t)
    loss = np.zeros(against.shape, dtype)
    np.multiply(size, against, out=loss, where=against != 0)  # 0 * inf is 0 here
    return np.add(loss, np.logaddexp(-size, 0.0), out=loss)


_sigmoid_binary_cross_entropy: Op = elementwise(
    "sigmoid_binary_cross_entropy",
    "logits targets",
    doc="""`log(1 + exp(logits)) - logits * targets`, accurate at both ends.

    The derivative by the logits is ``sigmoid(logits) - targets``. An infinite logit that agrees
    with a target of 0 or 1 costs 0.
    """,
    kernel=_logistic_loss,
    dtypes=real_floating,
    sympy=in_sympy(lambda s, x, t: s.log(1 + s.exp(x)) - x * t),
    partials=(lambda y, x, t: sigmoid(x) - t, lambda y, x, t: -x),
)


def sigmoid_binary_cross_entropy(logits: Any, targets: Any) -> Node:
    """Cross entropy of the Bernoulli distribution ``sigmoid(logits)`` against `targets`.

    Arguments: `logits`, of any shape; `targets`, the probability of 1 (or the outcome 0 or 1,
    of any dtype), of a shape that broadcasts.

    Returns one loss for each entry. The gradient by the logits is exactly
    ``sigmoid(logits) - targets`` (*Deep Learning*, 6.2.2.2), also where the loss is huge.

    >>> import numpy as np, symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64[3])
    >>> loss = sd.sigmoid_binary_cross_entropy(x, [1, 0, 1])
    >>> sd.evaluate([loss, sd.grad(sd.sum(loss), x)], {x: [0.0, -np.inf, -8.0]})
    [array([0.69314718, 0.        , 8.00033541]), array([-0.5       ,  0.        , -0.99966465])]
    """
    logits, targets = _operands("sigmoid_binary_cross_entropy", logits, targets)
    return _sigmoid_binary_cross_entropy(logits, _as_scores(targets, logits))


def softmax_cross_entropy(logits: Any, targets: Any, axis: int = -1) -> Node:
    """Cross entropy of the distribution ``softmax(logits)`` along `axis` against `targets`.

    Arguments: `logits`, of any shape; `targets`, class indices, integers of the shape of
    `logits` without `axis`, or weights of the classes, of the shape of `logits` (booleans mark
    classes of weight 1).

    Returns one loss for each example: the shape of `logits` without `axis`. The gradient by
    the logits is ``softmax(logits) - targets`` for targets that sum to 1. A class index out of
    range is an error when the graph runs. Raises `ShapeError` and `DTypeError` for targets that
    are neither.

    >>> import symdiff as sd
    >>> x = sd.Graph().input("x", sd.f64[1, 3])
    >>> loss = sd.softmax_cross_entropy(x, [2])
    >>> sd.evaluate([loss, sd.grad(sd.sum(loss), x)], {x: [[0.0, -800.0, -800.0]]})
    [array([800.]), array([[ 1.,  0., -1.]])]
    """
    logits, targets = _operands("softmax_cross_entropy", logits, targets)
    axis = normalize_axis(axis, logits.ndim, "softmax_cross_entropy")
    classes, weights = _split("softmax_cross_entropy", logits, targets, axis)
    logs = log_softmax(logits, axis=axis)
    if weights is None:
        return surprisal(_picked(logs, classes, axis))
    if weights.dtype.kind == "b":
        return surprisal(sum_(where(weights, logs, 0.0), axis=axis))
    excluded = logical_and(equal(weights, 0), equal(logs, -math.inf))
    return surprisal(sum_(weights * where(excluded, 0.0, logs), axis=axis))


def _picked(scores: Node, classes: Node | None, axis: int) -> Node:
    """The score of the true class of each example."""
    assert classes is not None
    shape = (*scores.shape[:axis], *scores.shape[axis + 1 :])
    return reshape(pick(scores, classes, axis=axis), shape=shape)


# -- from probabilities --------------------------------------------------------------------


def binary_cross_entropy(probabilities: Any, targets: Any) -> Node:
    """``-(targets * log(p) + (1 - targets) * log(1 - p))``, entry by entry.

    Arguments: `probabilities` of 1, in [0, 1]; `targets`, the true probability of 1 (or the
    outcome 0 or 1, of any dtype), of a shape that broadcasts.

    Nothing is clipped: the loss is 0 where a probability of 0 or 1 is right, inf where it is
    wrong, and so is the gradient. From logits, `sigmoid_binary_cross_entropy` is finite.

    >>> import symdiff as sd
    >>> p = sd.Graph().input("p", sd.f64[3])
    >>> loss = sd.binary_cross_entropy(p, [1, 0, 1])
    >>> sd.evaluate([loss, sd.grad(sd.sum(loss), p)], {p: [0.5, 0.75, 1.0]})
    [array([0.69314718, 1.38629436, 0.        ]), array([-2.,  4., -1.])]
    """
    p, targets = _operands("binary_cross_entropy", probabilities, targets)
    t = _as_scores(targets, p)
    return xlogy(-t, p) + xlog1py(t - 1, -p)  # so signed that no loss is -0.0


def categorical_cross_entropy(probabilities: Any, targets: Any, axis: int = -1) -> Node:
    """``-sum(targets * log(probabilities))`` along `axis`.

    Arguments: `probabilities`, of any shape, which need not sum to 1; `targets` as for
    `softmax_cross_entropy`: class indices, or weights of the classes.

    Nothing is clipped: the loss is inf where the true class has probability 0, and so is the
    gradient. From logits, `softmax_cross_entropy` is finite.

    >>> import symdiff as sd
    >>> p = sd.Graph().input("p", sd.f64[2, 3])
    >>> loss = sd.categorical_cross_entropy(p, [2, 0])
    >>> sd.evaluate(loss, {p: [[0.5, 0.25, 0.25], [0.5, 0.5, 0.0]]})
    array([1.38629436, 0.69314718])
    """
    p, targets = _operands("categorical_cross_entropy", probabilities, targets)
    axis = normalize_axis(axis, p.ndim, "categorical_cross_entropy")
    classes, weights = _split("categorical_cross_entropy", p, targets, axis)
    if weights is None:
        return surprisal(log(_picked(p, classes, axis)))
    if weights.dtype.kind == "b":
        return surprisal(sum_(log(where(weights, p, 1.0)), axis=axis))
    return surprisal(sum_(xlogy(weights, p), axis=axis))


# -- margins -------------------------------------------------------------------------------


def hinge_loss(scores: Any, labels: Any) -> Node:
    """Hinge loss of a binary classifier: ``max(0, 1 - labels * scores)``, entry by entry.

    Arguments: `scores`, of any shape, of which the sign is the prediction; `labels`, -1 or 1,
    of a shape that broadcasts. Labels of 0 and 1 are ``2 * t - 1``; booleans raise `DTypeError`.

    The derivative by the scores is ``-labels`` inside the margin, 0 outside and at its edge
    (C. Cortes and V. Vapnik, "Support-Vector Networks", Machine Learning 20, 1995).

    >>> import symdiff as sd
    >>> s = sd.Graph().input("s", sd.f64[3])
    >>> loss = sd.hinge_loss(s, [1, -1, 1])
    >>> sd.evaluate([loss, sd.grad(sd.sum(loss), s)], {s: [0.5, 0.5, 1.0]})
    [array([0.5, 1.5, 0. ]), array([-1.,  1.,  0.])]
    """
    scores, labels = _operands("hinge_loss", scores, labels)
    if labels.dtype.kind == "b":
        raise DTypeError(
            f"hinge_loss: labels are -1 or 1, not booleans; for outcomes t write 2 * t - 1\n"
            f"{type_list((scores, labels))}"
        )
    return relu(1 - _as_scores(labels, scores) * scores)


def multiclass_hinge_loss(
    scores: Any, targets: Any, axis: int = -1, *, margin: float = 1.0
) -> Node:
    """Hinge loss of a classifier of several classes: ``sum(max(0, s_j - s_t + margin))``.

    The sum is over the classes ``j`` along `axis` other than the true one, ``t``.

    Arguments: `scores`, of any shape; `targets`, class indices, integers of the shape of `scores`
    without `axis`; `margin`, by how much the true class has to lead.

    Returns one loss for each example: the shape of `scores` without `axis`. The derivative is 1
    by the score of each class within the margin, 0 at its edge, and minus their number by that
    of the true class (J. Weston and C. Watkins, "Support Vector Machines for Multi-Class Pattern
    Recognition", ESANN 1999). A class index out of range is an error when the graph runs; raises
    `ShapeError` and `DTypeError` for targets that are no class indices.

    >>> import symdiff as sd
    >>> s = sd.Graph().input("s", sd.f64[1, 3])
    >>> loss = sd.multiclass_hinge_loss(s, [0])
    >>> sd.evaluate([loss, sd.grad(sd.sum(loss), s)], {s: [[2.0, 1.5, 3.0]]})
    [array([2.5]), array([[-2.,  1.,  1.]])]
    """
    scores, targets = _operands("multiclass_hinge_loss", scores, targets)
    axis = normalize_axis(axis, scores.ndim, "multiclass_hinge_loss")
    classes = _class_indices("multiclass_hinge_loss", scores, targets, axis, "")
    behind = relu(scores - pick(scores, classes, axis=axis) + margin)
    true = one_hot(targets, n=scores.shape[axis], dtype=bool, axis=axis)
    return sum_(where(true, 0.0, behind), axis=axis)


REGISTRY.enroll(__name__)
