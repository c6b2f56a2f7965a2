"""What it takes to compute a node: flops, and memory its kernel needs beside the result.

**A flop** is what an addition of two entries takes that are at hand; subtraction, product,
quotient, square root, comparison and selection count the same, as in G. H. Golub and C. F. Van
Loan, *Matrix Computations*, 4th edition, 1.1.15. A function of an entry counts what NumPy takes
for it in such additions, measured in float64 and rounded to 16, 64, 256 or 1024. Counted as one,
``x**3`` would be cheaper than ``x * x * x``, which is twenty times as fast; a gradient would
seem dear that adds three products to a tanh. So counts compare as times do, and the bound of
A. Griewank and A. Walther, *Evaluating Derivatives*, 2nd edition, 4.6, on the cost of a gradient
is one on what is waited for. Moving entries is no flop: that is counted in bytes.

**Scratch** are the arrays a kernel holds for a while: bytes an entry, as tracemalloc sees them.

An op says its own in its `cost` slot, or it has a line here, or it counts by its form: one flop
an entry of the result where it is elementwise, and otherwise one for each entry that it reads.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from symdiff.node import Node
from symdiff.sizes import Dim
from symdiff.types import TupleType, element_count

__all__ = ["entries", "flops", "nbytes", "scratch"]

NAMED_SIZE_BITS: Final = 32
"""What sorting counts for log2 of a named size: enough below 4 * 10**9 entries."""


def entries(node: Node) -> Dim:
    """How many entries a value has; of several results of one shape, one counts."""
    type_ = node.type.items[0] if isinstance(node.type, TupleType) else node.type
    return type_.size


def nbytes(node: Node) -> Dim:
    """Bytes of a value."""
    items = node.type.items if isinstance(node.type, TupleType) else (node.type,)
    total: Dim = 0
    for item in items:
        total = total + item.size * item.dtype.itemsize
    return total


def flops(node: Node) -> Dim:
    """What computing a node takes, an int or a size."""
    op = node.op
    if op.cost is not None:
        return op.cost(node)[0]
    if not op.registered:
        return _default(node)
    if op.name in FLOPS:
        return FLOPS[op.name](node)
    return _default(node)


def scratch(node: Node) -> Dim:
    """The bytes that a node's kernel needs at its most, beside operands and result."""
    op = node.op
    if op.cost is not None:
        return op.cost(node)[1]
    if not op.registered:
        return 0
    if op.name in SCRATCH:
        return SCRATCH[op.name](node)
    if op.name in SCRATCH_BY_RESULT:
        return entries(node) * _of_width(node, SCRATCH_BY_RESULT[op.name])
    if op.name in SCRATCH_BY_OPERAND:
        operand = node.inputs[0]
        return entries(operand) * _of_width(operand, SCRATCH_BY_OPERAND[op.name])
    return 0


def _default(node: Node) -> Dim:
    return entries(node) if node.op.form == "elementwise" else _read(node)


def _read(node: Node) -> Dim:
    total: Dim = 0
    for operand in node.inputs:
        total = total + entries(operand)
    return total


def _of_width(node: Node, pair: tuple[int, int]) -> int:
    dtype = node.type.items[0].dtype if isinstance(node.type, TupleType) else node.dtype
    return pair[dtype.itemsize < 8]


# -- flops ---------------------------------------------------------------------------------

Rule = Callable[[Node], Dim]


def _an_entry(count: int) -> Rule:
    """So many for each entry of the result."""
    return lambda y: count * entries(y)


def _an_operand_entry(count: int) -> Rule:
    """So many for each entry of the first operand."""
    return lambda y: count * entries(y.inputs[0])


def _logarithm(count: Dim) -> int:
    return max(count - 1, 0).bit_length() if isinstance(count, int) else NAMED_SIZE_BITS


def _sorted(y: Node) -> Dim:
    (x,) = y.inputs
    return entries(x) * _logarithm(x.shape[y.params["axis"]])


def _searched(y: Node) -> Dim:
    inside, wanted = y.inputs
    return entries(wanted) * _logarithm(entries(inside))


def _matmul(y: Node) -> Dim:
    return 2 * entries(y) * y.inputs[0].shape[-1]


def _terms(y: Node) -> tuple[str, str, str]:
    """The indices of the operands and of the result."""
    left, right, out = re.split(",|->", y.params["subscripts"])
    return left, right, out


def _einsum(y: Node) -> Dim:
    """A product, and an addition where an index is summed, for all values of all indices."""
    left, right, out = _terms(y)
    a, b = y.inputs
    sizes = dict(zip(left + right, a.shape + b.shape, strict=True))
    return element_count(sizes.values()) * (1 if len(sizes) == len(out) else 2)


def _p_norm(y: Node) -> Dim:
    return entries(y.inputs[0]) * (2 if y.params["ord"] == 2 else 64)


_MOVES: Final = (
    *("input", "constant", "size_of", "eye", "lane", "tri", "arange"),
    *("reshape", "permute_dims", "broadcast_to", "index", "item", "refine", "stop_gradient"),
    *("take_diagonal", "put_diagonal", "concat", "stack", "roll", "pad", "probe", "one_hot"),
    *("gather", "take_along_axis", "assign", "put", "custom", "checkpoint", "barrier"),
)
_FUNCTIONS: Final[Mapping[int, str]] = {
    16: """exp exp2 expm1 log log1p log2 log10 sin cos asin atan fmod remainder floor_divide
    divmod gcd lcm ldexp frexp modf nextafter spacing cathetus nan_to_num sigmoid expit
    logit_derivative""",
    64: """acos acosh asinh atan2 atan2_derivative atanh cbrt cosh digamma direction entr erf
    erf_derivative erfc erfcinv erfinv exp2_share exprel gamma hypot inverse_lerp lerp log_expit
    logaddexp logaddexp2 logit ndtr_derivative ndtri pow pow_derivative sech
    sigmoid_binary_cross_entropy sinc sinh softplus tan tanh xlog1py xlogy""",
    256: """beta betaln erfcinv_derivative erfcx erfinv_derivative gammaln i0 i0_derivative i0e
    i1 i1e kl_div log_ndtr log_ndtr_derivative log_ratio ndtr ndtri_derivative rel_entr
    sinc_derivative""",
    1024: """digamma_difference erfcx_derivative exprel_derivative i0e_derivative i1e_derivative
    polygamma""",
}
"""Elementwise ops that take more than an addition."""

FLOPS: Final[Mapping[str, Rule]] = {
    **dict.fromkeys(_MOVES, lambda y: 0),
    **{name: _an_entry(count) for count, names in _FUNCTIONS.items() for name in names.split()},
    "add_along_axis": _an_operand_entry(1),
    "add_n": lambda y: (len(y.inputs) - 1) * entries(y),
    "argsort": _sorted,
    "cross": _an_entry(3),
    "deviations": _an_entry(2),
    "deviations_where": _an_entry(4),
    "einsum": _einsum,
    "linspace": _an_entry(2),
    "log_softmax": _an_entry(24),
    "logsumexp": _an_operand_entry(24),
    "matmul": _matmul,
    "p_norm": _p_norm,
    "p_norm_part": _p_norm,
    "record_mean": _an_entry(4),
    "record_share": _an_entry(4),
    "scatter_add": _an_operand_entry(1),
    "searchsorted": _searched,
    "share": _an_entry(24),
    "signed_logsumexp": _an_operand_entry(24),
    "softmax": _an_entry(20),
    "sort": _sorted,
    "weighted_share": _an_entry(24),
    "within": _an_entry(2),
}

# -- scratch -------------------------------------------------------------------------------


def _argmax_scratch(y: Node) -> Dim:
    """NumPy looks along the last axis only: any other is copied there."""
    (x,) = y.inputs
    axis = y.params["axis"]
    return 0 if axis is None or axis == x.ndim - 1 else nbytes(x)


def _p_norm_scratch(y: Node) -> Dim:
    return nbytes(y.inputs[0]) * (1 if y.params["ord"] == 2 else 3)


def _p_norm_part_scratch(y: Node) -> Dim:
    plain = y.params["ord"] == 2 and y.params["power"] == 1
    return 0 if plain else 2 * nbytes(y.inputs[0])


def _einsum_scratch(y: Node) -> Dim:
    """Operands are put in the order batch, kept, summed: a copy where the axes interleave."""
    left, right, out = _terms(y)
    summed = [k for k in left if k not in out]
    if len(summed) < 2:
        return 0
    total: Dim = 0
    for term, operand in zip((left, right), y.inputs, strict=True):
        places = [term.index(k) for k in summed]
        if places != list(range(places[0], places[0] + len(places))):
            total = total + nbytes(operand)
    return total


SCRATCH_BY_RESULT: Final[Mapping[str, tuple[int, int]]] = {
    "atan2_derivative": (42, 62),
    "beta": (70, 90),
    "betaln": (116, 136),
    "cathetus": (16, 8),
    "cross": (3, 2),
    "digamma": (34, 46),
    "digamma_difference": (63, 83),
    "direction": (41, 61),
    "entr": (29, 41),
    "erf": (0, 16),
    "erf_derivative": (40, 52),
    "erfc": (28, 40),
    "erfcinv": (20, 32),
    "erfcinv_derivative": (54, 66),
    "erfcx": (42, 54),
    "erfcx_derivative": (100, 112),
    "erfinv": (0, 16),
    "erfinv_derivative": (62, 74),
    "exp2_share": (24, 44),
    "expit": (16, 28),
    "exprel": (22, 34),
    "exprel_derivative": (39, 51),
    "gamma": (0, 16),
    "gammaln": (36, 48),
    "i0": (20, 32),
    "i0_derivative": (61, 73),
    "i0e": (0, 16),
    "i0e_derivative": (45, 57),
    "i1": (20, 32),
    "i1e": (0, 16),
    "i1e_derivative": (53, 65),
    "imag": (8, 4),
    "inverse_lerp": (33, 17),
    "kl_div": (98, 118),
    "lerp": (25, 13),
    "log_expit": (8, 20),
    "log_ndtr": (60, 72),
    "log_ndtr_derivative": (94, 106),
    "log_ratio": (43, 63),
    "log_softmax": (17, 9),
    "logit": (28, 40),
    "logit_derivative": (16, 28),
    "nan_to_num": (5, 5),
    "ndtr": (25, 37),
    "ndtr_derivative": (40, 52),
    "ndtri": (0, 16),
    "ndtri_derivative": (60, 72),
    "polygamma": (39, 51),
    "pow_derivative": (25, 13),
    "rel_entr": (72, 92),
    "sech": (16, 12),
    "sigmoid": (9, 5),
    "sigmoid_binary_cross_entropy": (32, 16),
    "sinc": (25, 13),
    "sinc_derivative": (60, 72),
    "weighted_share": (17, 37),
    "xlog1py": (8, 4),
    "xlogy": (8, 4),
}
"""Bytes an entry of the result, where that is of 8 bytes an entry and where it is of 4.

What depends on the operands' values counts at its most."""

SCRATCH_BY_OPERAND: Final[Mapping[str, tuple[int, int]]] = {
    "add_along_axis": (16, 16),
    "fold": (8, 4),
    "logsumexp": (17, 9),
    "one_hot": (16, 16),
    "scatter_add": (8, 8),
}
"""Bytes an entry of the first operand."""

SCRATCH: Final[Mapping[str, Rule]] = {
    "argmax": _argmax_scratch,
    "argmin": _argmax_scratch,
    "einsum": _einsum_scratch,
    "p_norm": _p_norm_scratch,
    "p_norm_part": _p_norm_part_scratch,
}
