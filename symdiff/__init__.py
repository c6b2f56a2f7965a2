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
        astype,
        bitwise_and,
        bitwise_invert,
        bitwise_left_shift,
        bitwise_or,
        bitwise_right_shift,
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
        remainder,
        sech,
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
    from symdiff.ops.powers import pow, pow_derivative
    from symdiff.ops.reduce import sum
    from symdiff.ops.shape import (
        broadcast_arrays,
        broadcast_to,
        matrix_transpose,
        permute_dims,
        reshape,
        zeros_like,
    )
    from symdiff.ops.structure import add_n, item, refine
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
    from symdiff import linalg as linalg
    from symdiff import special as special
    from symdiff import testing as testing
    from symdiff.batching import batch, vmap
    from symdiff.custom import custom_gradient
    from symdiff.derive import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
    from symdiff.draw import to_dot, to_svg
    from symdiff.interop.networkx import from_networkx, to_networkx
    from symdiff.interop.sympy import to_sympy
    from symdiff.ops.along import take_along_axis
    from symdiff.ops.angles import atan2
    from symdiff.ops.checkpoint import checkpoint
    from symdiff.ops.complexes import angle, conj, imag, real
    from symdiff.ops.covariance import corrcoef, cov
    from symdiff.ops.creation import (
        empty,
        empty_like,
        eye,
        full,
        full_like,
        ones,
        ones_like,
        tri,
        zeros,
    )
    from symdiff.ops.cumulative import (
        cumulative_max,
        cumulative_min,
        cumulative_prod,
        cumulative_sum,
    )
    from symdiff.ops.differences import diff, unwrap
    from symdiff.ops.extrema import clip, fmax, fmin, maximum, minimum
    from symdiff.ops.floats import (
        cbrt,
        copysign,
        deg2rad,
        float_power,
        fmod,
        frexp,
        gcd,
        heaviside,
        lcm,
        ldexp,
        logaddexp2,
        modf,
        nextafter,
        positive,
        rad2deg,
        signbit,
        spacing,
    )
    from symdiff.ops.functions import (
        acos,
        acosh,
        asin,
        asinh,
        atan,
        atanh,
        cathetus,
        ceil,
        cosh,
        direction,
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
    from symdiff.ops.gather import gather, scatter_add
    from symdiff.ops.interpolation import interp
    from symdiff.ops.joining import concat, expand_dims, moveaxis, squeeze, stack, swapaxes
    from symdiff.ops.lookup import bincount, digitize, histogram, isin, searchsorted
    from symdiff.ops.losses import (
        binary_cross_entropy,
        categorical_cross_entropy,
        hinge_loss,
        multiclass_hinge_loss,
        sigmoid_binary_cross_entropy,
        softmax_cross_entropy,
    )
    from symdiff.ops.matrices import diag, diagflat, kron, tril, triu, vander
    from symdiff.ops.missing import nanmax, nanmean, nanmin, nanprod, nanstd, nansum, nanvar
    from symdiff.ops.moves import flip, fliplr, flipud, repeat, roll, rot90, tile
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
    from symdiff.ops.nonfinite import allclose, isclose, isneginf, isposinf, nan_to_num
    from symdiff.ops.padding import pad
    from symdiff.ops.polynomials import polyval
    from symdiff.ops.probe import probe
    from symdiff.ops.products import einsum, outer, tensordot, vecdot
    from symdiff.ops.put import assign, put, scatter_max, scatter_min
    from symdiff.ops.quantiles import (
        median,
        nanmedian,
        nanpercentile,
        nanquantile,
        percentile,
        quantile,
    )
    from symdiff.ops.ranges import arange, geomspace, linspace, logspace, meshgrid
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
    from symdiff.ops.sinc import sinc
    from symdiff.ops.sorting import argsort, sort, top_k
    from symdiff.ops.splitting import (
        array_split,
        delete,
        dsplit,
        hsplit,
        insert,
        split,
        unstack,
        vsplit,
    )
    from symdiff.ops.stacking import (
        append,
        atleast_1d,
        atleast_2d,
        atleast_3d,
        block,
        column_stack,
        dstack,
        hstack,
        vstack,
    )
    from symdiff.ops.summaries import average, ptp, std, var
    from symdiff.ops.take import nonzero, take
    from symdiff.rewrite.passes import optimize

# What loads when it is first used, as imported above: families of operations, and the rest.
_FAMILIES = {
    "batching": "batch vmap",
    "custom": "custom_gradient",
    "ops.along": "take_along_axis",
    "ops.angles": "atan2",
    "ops.checkpoint": "checkpoint",
    "ops.complexes": "angle conj imag real",
    "ops.covariance": "corrcoef cov",
    "ops.creation": "empty empty_like eye full full_like ones ones_like tri zeros",
    "ops.cumulative": "cumulative_max cumulative_min cumulative_prod cumulative_sum",
    "ops.differences": "diff unwrap",
    "ops.extrema": "clip fmax fmin maximum minimum",
    "ops.floats": (
        "cbrt copysign deg2rad float_power fmod frexp gcd heaviside lcm ldexp logaddexp2 "
        "modf nextafter positive rad2deg signbit spacing"
    ),
    "ops.functions": (
        "acos acosh asin asinh atan atanh cathetus ceil cosh direction exp2 expm1 floor "
        "hypot isfinite isinf isnan log10 log1p log2 logical_xor reciprocal round sinh "
        "square tan trunc xlog1py xlogy"
    ),
    "ops.gather": "gather scatter_add",
    "ops.interpolation": "interp",
    "ops.joining": "concat expand_dims moveaxis squeeze stack swapaxes",
    "ops.lookup": "bincount digitize histogram isin searchsorted",
    "ops.losses": (
        "binary_cross_entropy categorical_cross_entropy hinge_loss multiclass_hinge_loss "
        "sigmoid_binary_cross_entropy softmax_cross_entropy"
    ),
    "ops.matrices": "diag diagflat kron tril triu vander",
    "ops.missing": "nanmax nanmean nanmin nanprod nanstd nansum nanvar",
    "ops.moves": "flip fliplr flipud repeat roll rot90 tile",
    "ops.nn": "log_softmax logaddexp logsumexp one_hot relu sigmoid softmax softplus",
    "ops.nonfinite": "allclose isclose isneginf isposinf nan_to_num",
    "ops.padding": "pad",
    "ops.polynomials": "polyval",
    "ops.probe": "probe",
    "ops.products": "einsum outer tensordot vecdot",
    "ops.put": "assign put scatter_max scatter_min",
    "ops.quantiles": "median nanmedian nanpercentile nanquantile percentile quantile",
    "ops.ranges": "arange geomspace linspace logspace meshgrid",
    "ops.reductions": "all any argmax argmin count_nonzero max mean min prod",
    "ops.sinc": "sinc",
    "ops.sorting": "argsort sort top_k",
    "ops.splitting": "array_split delete dsplit hsplit insert split unstack vsplit",
    "ops.stacking": (
        "append atleast_1d atleast_2d atleast_3d block column_stack dstack hstack vstack"
    ),
    "ops.summaries": "average ptp std var",
    "ops.take": "nonzero take",
}
# Found by name as the families are, but no names of `sd`: those of `sd.linalg` and `sd.special`.
_NAMESPACED = {
    "ops.bessel": "i0 i0e i1 i1e",
    "ops.beta": "beta betaln",
    "ops.at": "at",
    "ops.cross": "cross",
    "ops.entropy": "entr expit kl_div log_expit logit rel_entr",
    "ops.gamma": "digamma exprel gamma gammaln multigammaln polygamma",
    "ops.matrices": "diagonal trace",
    "ops.normal": "erf erfc erfcinv erfcx erfinv log_ndtr ndtr ndtri",
    "ops.norms": "matrix_norm vector_norm",
    "ops.weighted": "share signed_logsumexp weighted_share",
}
_OTHERS = {
    "derive": "grad hessian hvp jacobian jvp value_and_grad vjp",
    "draw": "to_dot to_svg",
    "interop.networkx": "from_networkx to_networkx",
    "interop.sympy": "to_sympy",
    "rewrite.passes": "optimize",
}

_MODULES = ("linalg", "special", "testing")


def _by_name(table: dict[str, str]) -> dict[str, str]:
    return {name: module for module, names in table.items() for name in names.split()}


_REGISTRY.families = _by_name(_FAMILIES) | _by_name(_NAMESPACED)
_LATER = _by_name(_FAMILIES | _OTHERS)


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
    "allclose",
    "angle",
    "any",
    "append",
    "arange",
    "argmax",
    "argmin",
    "argsort",
    "array_split",
    "asin",
    "asinh",
    "assign",
    "astype",
    "atan",
    "atan2",
    "atanh",
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "average",
    "batch",
    "binary_cross_entropy",
    "bincount",
    "bitwise_and",
    "bitwise_invert",
    "bitwise_left_shift",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
    "block",
    "bool_",
    "broadcast_arrays",
    "broadcast_to",
    "build_grad",
    "c64",
    "c128",
    "cast",
    "categorical_cross_entropy",
    "cathetus",
    "cbrt",
    "ceil",
    "checkpoint",
    "clip",
    "column_stack",
    "compile",
    "concat",
    "conj",
    "copysign",
    "corrcoef",
    "cos",
    "cosh",
    "count_nonzero",
    "cov",
    "cumulative_max",
    "cumulative_min",
    "cumulative_prod",
    "cumulative_sum",
    "custom_gradient",
    "deg2rad",
    "delete",
    "diag",
    "diagflat",
    "diff",
    "digitize",
    "direction",
    "divide",
    "divmod",
    "dsplit",
    "dstack",
    "einsum",
    "elementwise",
    "empty",
    "empty_like",
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
    "flip",
    "fliplr",
    "flipud",
    "float_power",
    "floor",
    "floor_divide",
    "fmax",
    "fmin",
    "fmod",
    "frexp",
    "from_networkx",
    "full",
    "full_like",
    "function",
    "gather",
    "gcd",
    "geomspace",
    "grad",
    "greater",
    "greater_equal",
    "heaviside",
    "hessian",
    "hinge_loss",
    "histogram",
    "hsplit",
    "hstack",
    "hvp",
    "hypot",
    "i8",
    "i16",
    "i32",
    "i64",
    "imag",
    "index",
    "insert",
    "interp",
    "isclose",
    "isfinite",
    "isin",
    "isinf",
    "isnan",
    "isneginf",
    "isposinf",
    "item",
    "jacobian",
    "jvp",
    "kron",
    "lcm",
    "ldexp",
    "less",
    "less_equal",
    "linalg",
    "linear",
    "linspace",
    "log",
    "log1p",
    "log2",
    "log10",
    "log_softmax",
    "logaddexp",
    "logaddexp2",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "logspace",
    "logsumexp",
    "matmul",
    "matrix_transpose",
    "max",
    "maximum",
    "mean",
    "median",
    "meshgrid",
    "min",
    "minimum",
    "modf",
    "moveaxis",
    "multiclass_hinge_loss",
    "multiply",
    "nan_to_num",
    "nanmax",
    "nanmean",
    "nanmedian",
    "nanmin",
    "nanpercentile",
    "nanprod",
    "nanquantile",
    "nanstd",
    "nansum",
    "nanvar",
    "negative",
    "nextafter",
    "nonzero",
    "not_equal",
    "one_hot",
    "ones",
    "ones_like",
    "op",
    "optimize",
    "outer",
    "over",
    "pad",
    "parse",
    "percentile",
    "permute_dims",
    "polyval",
    "positive",
    "pow",
    "pow_derivative",
    "probe",
    "prod",
    "ptp",
    "put",
    "quantile",
    "rad2deg",
    "real",
    "reciprocal",
    "refine",
    "relu",
    "remainder",
    "repeat",
    "reshape",
    "roll",
    "rot90",
    "round",
    "scatter",
    "scatter_add",
    "scatter_max",
    "scatter_min",
    "searchsorted",
    "sigmoid",
    "sigmoid_binary_cross_entropy",
    "sign",
    "signbit",
    "sin",
    "sinc",
    "sinh",
    "softmax",
    "softmax_cross_entropy",
    "softplus",
    "sort",
    "spacing",
    "special",
    "split",
    "sqrt",
    "square",
    "squeeze",
    "stack",
    "std",
    "stop_gradient",
    "substitute",
    "subtract",
    "sum",
    "swapaxes",
    "take",
    "take_along_axis",
    "tan",
    "tanh",
    "tensordot",
    "testing",
    "text",
    "tile",
    "to_dot",
    "to_networkx",
    "to_svg",
    "to_sympy",
    "top_k",
    "trace",
    "tri",
    "tril",
    "triu",
    "trunc",
    "u8",
    "u16",
    "u32",
    "u64",
    "undefined",
    "unstack",
    "unwrap",
    "value_and_grad",
    "vander",
    "var",
    "vecdot",
    "vjp",
    "vmap",
    "vsplit",
    "vstack",
    "where",
    "xlog1py",
    "xlogy",
    "zeros",
    "zeros_like",
]
