"""symdiff: a symbol-to-symbol differentiation compiler for NumPy expressions.

Expressions build a static graph; `build_grad` appends the gradient's nodes to that same graph,
so a gradient is an expression like any other and can be differentiated again.
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING

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
from symdiff.ops.probe import probe
from symdiff.ops.reduce import sum
from symdiff.ops.shape import broadcast_to, matrix_transpose, permute_dims, reshape, zeros_like
from symdiff.ops.structure import add_n, eye, item, refine
from symdiff.render.text import text
from symdiff.rewrite.passes import optimize
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

_REGISTRY.seal()

__version__ = "0.1.0"

if _TYPE_CHECKING:
    from symdiff import testing as testing


def __getattr__(name: str) -> object:
    # A program that runs has no need of the checks: they load when they are first used.
    if name == "testing":
        return _import_module("symdiff.testing")
    raise AttributeError(f"module 'symdiff' has no attribute {name!r}")
