"""symdiff: a symbol-to-symbol differentiation compiler for NumPy expressions.

Expressions build a static graph; `build_grad` appends the gradient's nodes to that same graph,
so a gradient is an expression like any other and can be differentiated again.
"""

from typing import TYPE_CHECKING as _TYPE_CHECKING

from symdiff.collector import paused_collector as _paused_collector

# Importing makes many small objects and no garbage to look for.
with _paused_collector():
    from symdiff import first_use as _first_use
    from symdiff.autodiff.reverse import GradTable, build_grad
    from symdiff.compile import CompiledFunction, compile
    from symdiff.custom import custom_gradient
    from symdiff.derive import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
    from symdiff.errors import (
        ArgumentError,
        DisconnectedError,
        DTypeError,
        EvaluationError,
        InvariantError,
        MissingDependencyError,
        MixedGraphError,
        NonFiniteError,
        NotDifferentiableError,
        NoValueError,
        ParseError,
        ShapeError,
        SymdiffError,
    )
    from symdiff.evaluate import evaluate
    from symdiff.function import Function, function
    from symdiff.graph import Graph, Provenance
    from symdiff.inline import substitute
    from symdiff.node import Node
    from symdiff.op import REGISTRY as _REGISTRY
    from symdiff.op import Op, undefined
    from symdiff.ops.declare import elementwise, linear, op, over
    from symdiff.ops.elementwise import (
        abs,
        add,
        bitwise_and,
        bitwise_invert,
        bitwise_or,
        bitwise_xor,
        cast,
        cos,
        divide,
        divmod,
        equal,
        exp,
        floor_divide,
        greater,
        greater_equal,
        less,
        less_equal,
        log,
        logical_and,
        logical_not,
        logical_or,
        multiply,
        negative,
        not_equal,
        pow,
        remainder,
        sign,
        sin,
        sqrt,
        stop_gradient,
        subtract,
        tanh,
        where,
    )
    from symdiff.ops.index import index, scatter
    from symdiff.ops.linalg import matmul
    from symdiff.ops.reduce import sum
    from symdiff.ops.shape import broadcast_to, matrix_transpose, permute_dims, reshape, zeros_like
    from symdiff.ops.structure import add_n, eye, item, refine
    from symdiff.parse import parse
    from symdiff.render.text import text
    from symdiff.sizes import Size
    from symdiff.trace import trace
    from symdiff.types import (
        TensorType,
        TupleType,
        bool_,
        c64,
        c128,
        f16,
        f32,
        f64,
        i8,
        i16,
        i32,
        i64,
        u8,
        u16,
        u32,
        u64,
    )

__version__ = "0.1.0"

if _TYPE_CHECKING:
    from symdiff import testing as testing
    from symdiff.draw import to_dot, to_svg
    from symdiff.interop.networkx import from_networkx, to_networkx
    from symdiff.ops.extrema import clip, maximum, minimum
    from symdiff.ops.functions import (
        acos,
        acosh,
        asin,
        asinh,
        atan,
        atan2,
        atanh,
        cathetus,
        ceil,
        cosh,
        exp2,
        expm1,
        floor,
        hypot,
        isfinite,
        isinf,
        isnan,
        log1p,
        log2,
        log10,
        logical_xor,
        reciprocal,
        round,
        sinh,
        square,
        tan,
        trunc,
        xlog1py,
        xlogy,
    )
    from symdiff.ops.joining import concat, expand_dims, moveaxis, squeeze, stack, swapaxes
    from symdiff.ops.losses import (
        binary_cross_entropy,
        categorical_cross_entropy,
        hinge_loss,
        sigmoid_binary_cross_entropy,
        softmax_cross_entropy,
    )
    from symdiff.ops.nn import (
        log_softmax,
        logaddexp,
        logsumexp,
        one_hot,
        relu,
        sigmoid,
        softmax,
        softplus,
    )
    from symdiff.ops.probe import probe
    from symdiff.ops.products import einsum, outer, tensordot, vecdot
    from symdiff.ops.reductions import (
        all,
        any,
        argmax,
        argmin,
        count_nonzero,
        max,
        mean,
        min,
        prod,
    )
    from symdiff.rewrite.passes import optimize

# What loads when it is first used, as imported above: families of operations, and the rest.
_FAMILIES = {
    "ops.extrema": "clip maximum minimum",
    "ops.functions": (
        "acos acosh asin asinh atan atan2 atanh cathetus ceil cosh exp2 expm1 floor hypot "
        "isfinite isinf isnan log10 log1p log2 logical_xor reciprocal round sinh square tan "
        "trunc xlog1py xlogy"
    ),
    "ops.joining": "concat expand_dims moveaxis squeeze stack swapaxes",
    "ops.losses": (
        "binary_cross_entropy categorical_cross_entropy hinge_loss "
        "sigmoid_binary_cross_entropy softmax_cross_entropy"
    ),
    "ops.nn": "log_softmax logaddexp logsumexp one_hot relu sigmoid softmax softplus",
    "ops.probe": "probe",
    "ops.products": "einsum outer tensordot vecdot",
    "ops.reductions": "all any argmax argmin count_nonzero max mean min prod",
}
_OTHERS = {
    "draw": "to_dot to_svg",
    "interop.networkx": "from_networkx to_networkx",
    "rewrite.passes": "optimize",
}

_MODULES = ("testing",)


def _by_name(table: dict[str, str]) -> dict[str, str]:
    return {name: module for module, names in table.items() for name in names.split()}


_REGISTRY.families = _by_name(_FAMILIES)
_LATER = _REGISTRY.families | _by_name(_OTHERS)


def __getattr__(name: str) -> object:
    if name in _MODULES:
        return _first_use.module(name)
    if name not in _LATER:
        raise AttributeError(f"module 'symdiff' has no attribute {name!r}")
    value = globals()[name] = getattr(_first_use.module(_LATER[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


__all__ = [
    "ArgumentError",
    "CompiledFunction",
    "DTypeError",
    "DisconnectedError",
    "EvaluationError",
    "Function",
    "GradTable",
    "Graph",
    "InvariantError",
    "MissingDependencyError",
    "MixedGraphError",
    "NoValueError",
    "Node",
    "NonFiniteError",
    "NotDifferentiableError",
    "Op",
    "ParseError",
    "Provenance",
    "ShapeError",
    "Size",
    "SymdiffError",
    "TensorType",
    "TupleType",
    "abs",
    "acos",
    "acosh",
    "add",
    "add_n",
    "all",
    "any",
    "argmax",
    "argmin",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "binary_cross_entropy",
    "bitwise_and",
    "bitwise_invert",
    "bitwise_or",
    "bitwise_xor",
    "bool_",
    "broadcast_to",
    "build_grad",
    "c64",
    "c128",
    "cast",
    "categorical_cross_entropy",
    "cathetus",
    "ceil",
    "clip",
    "compile",
    "concat",
    "cos",
    "cosh",
    "count_nonzero",
    "custom_gradient",
    "divide",
    "divmod",
    "einsum",
    "elementwise",
    "equal",
    "evaluate",
    "exp",
    "exp2",
    "expand_dims",
    "expm1",
    "eye",
    "f16",
    "f32",
    "f64",
    "floor",
    "floor_divide",
    "from_networkx",
    "function",
    "grad",
    "greater",
    "greater_equal",
    "hessian",
    "hinge_loss",
    "hvp",
    "hypot",
    "i8",
    "i16",
    "i32",
    "i64",
    "index",
    "isfinite",
    "isinf",
    "isnan",
    "item",
    "jacobian",
    "jvp",
    "less",
    "less_equal",
    "linear",
    "log",
    "log1p",
    "log2",
    "log10",
    "log_softmax",
    "logaddexp",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "logsumexp",
    "matmul",
    "matrix_transpose",
    "max",
    "maximum",
    "mean",
    "min",
    "minimum",
    "moveaxis",
    "multiply",
    "negative",
    "not_equal",
    "one_hot",
    "op",
    "optimize",
    "outer",
    "over",
    "parse",
    "permute_dims",
    "pow",
    "probe",
    "prod",
    "reciprocal",
    "refine",
    "relu",
    "remainder",
    "reshape",
    "round",
    "scatter",
    "sigmoid",
    "sigmoid_binary_cross_entropy",
    "sign",
    "sin",
    "sinh",
    "softmax",
    "softmax_cross_entropy",
    "softplus",
    "sqrt",
    "square",
    "squeeze",
    "stack",
    "stop_gradient",
    "substitute",
    "subtract",
    "sum",
    "swapaxes",
    "tan",
    "tanh",
    "tensordot",
    "testing",
    "text",
    "to_dot",
    "to_networkx",
    "to_svg",
    "trace",
    "trunc",
    "u8",
    "u16",
    "u32",
    "u64",
    "undefined",
    "value_and_grad",
    "vecdot",
    "vjp",
    "where",
    "xlog1py",
    "xlogy",
    "zeros_like",
]
