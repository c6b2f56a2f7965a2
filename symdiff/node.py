"""`Node`: one immutable value of a graph, with NumPy's operators and methods.

A node is what a user writes expressions with. Its operators look their op up in the registry
when they are used, the one place where this layer reaches what is declared above it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from symdiff import first_use
from symdiff.errors import ArgumentError, DTypeError, NoValueError
from symdiff.op import NO_PARAMS, REGISTRY, Storage
from symdiff.origin import Origin
from symdiff.render import text
from symdiff.sizes import Dim, Size
from symdiff.types import Shape, TensorType, TupleType, element_count

if TYPE_CHECKING:
    from symdiff.graph import Graph

__all__ = ["Node"]

_MADE_LIKE: frozenset[Any] = frozenset(
    (
        np.arange,
        np.array,
        np.asarray,
        np.empty,
        np.eye,
        np.full,
        np.identity,
        np.ones,
        np.tri,
        np.zeros,
    )
)
"""NumPy's functions that take ``like=``, which NumPy itself keeps (NEP 35)."""

_OPERANDS = (Storage, int, float, complex, np.ndarray, np.generic, Size, list, tuple)


def _call(name: str, *args: Any, **params: Any) -> Any:
    return REGISTRY.function(name)(*args, **params)


def _binary(name: str) -> Callable[[Node, Any], Node]:
    ops = REGISTRY.ops

    def method(self: Node, other: Any) -> Node:
        if type(other) is Node or isinstance(other, _OPERANDS) or hasattr(other, "__array__"):
            return self.graph.apply(ops[name], (self, other), NO_PARAMS)
        return NotImplemented  # type: ignore[no-any-return]

    method.__name__ = f"__{name}__"
    method.__doc__ = f"NumPy's `{name}`, as a node."
    return method


def _reflected(name: str) -> Callable[[Node, Any], Node]:
    ops = REGISTRY.ops

    def method(self: Node, other: Any) -> Node:
        if isinstance(other, _OPERANDS) or hasattr(other, "__array__"):
            return ops[name](other, self)
        return NotImplemented  # type: ignore[no-any-return]

    method.__name__ = f"__r{name}__"
    method.__doc__ = f"NumPy's `{name}` with the node on the right."
    return method


class Node(Storage):
    """One value of a graph: an op on inputs with params, and the type of its result.

    Frozen, hashed by identity, owned by a graph. ``op, inputs, params, type, index, graph``
    are its fields; `shape`, `dtype`, `ndim` and `size` read its type; operators, NumPy's
    functions and array methods on it make new nodes. It holds no value: see `sd.evaluate`.

    >>> import symdiff as sd
    >>> g = sd.Graph("doc")
    >>> x = g.input("x", sd.f64["n"])
    >>> x * 2.0 + 1.0
    %1 : f64[n] = add %0 1.0
    """

    __slots__ = ()

    # -- what it is ------------------------------------------------------------------------

    @property
    def shape(self) -> Shape:
        """The shape: ints, and `Size`s where only a call settles them."""
        type_ = self.type
        return type_.shape if type(type_) is TensorType else self._tensor("shape").shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The NumPy dtype."""
        type_ = self.type
        return type_.dtype if type(type_) is TensorType else self._tensor("dtype").dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        type_ = self.type
        return len(type_.shape if type(type_) is TensorType else self._tensor("ndim").shape)

    @property
    def size(self) -> Dim:
        """Number of elements: an int or a `Size`."""
        return element_count(self._tensor("size").shape)

    @property
    def order(self) -> int:
        """Depth of differentiation: 0 for what the user wrote, 1 for its gradients, …."""
        return self.graph.order(self)

    @property
    def origin(self) -> Origin:
        """The user's line that made it."""
        return self.graph.origin(self)

    @property
    def name(self) -> str | None:
        """An input's name, or the name a node was given by `named`; None for any other node."""
        return self.params["name"] if self.op.name == "input" else self.graph.names.get(self)

    def named(self, name: str) -> Node:
        """This node, called `name` in texts, drawings and messages from now on.

        Arguments: `name`, an identifier. Equal expressions are one node, which keeps the name it
        was given first. Where several nodes of one name are printed, the later ones are ``h_2``,
        ``h_3``, …. Returns the node itself; nothing is computed differently.

        Raises `ArgumentError` for a name that is none, and for inputs and scalar constants.

        >>> import symdiff as sd
        >>> x = sd.Graph("doc").input("x", sd.f64)
        >>> y = sd.sin(x).named("y")
        >>> print(sd.text(sd.cos(y)))
        graph doc(x: f64[]) {
          y  : f64[] = sin x
          %1 : f64[] = cos y
          return %1
        }
        """
        self.graph.set_name(self, name)
        return self

    def _tensor(self, what: str) -> TensorType:
        if isinstance(self.type, TupleType):
            raise DTypeError(
                f"{self!r} ({self.origin}) has {len(self.type)} results and so no {what}; "
                "unpack it first"
            )
        return self.type

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a node is frozen; cannot set {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a node is frozen; cannot delete {name!r}")

    def __reduce__(self) -> tuple[Any, ...]:
        return _node_of, (self.graph, self.index)

    def __repr__(self) -> str:
        return text.line(self)

    def __str__(self) -> str:
        return text.cut(text.text((self,)))

    def _repr_html_(self) -> str:
        page: str = first_use.module("render.html").page((self,), self.graph.name)
        return page

    # -- elementwise operators -------------------------------------------------------------

    __hash__ = object.__hash__

    __add__ = _binary("add")
    __radd__ = _reflected("add")
    __sub__ = _binary("subtract")
    __rsub__ = _reflected("subtract")
    __mul__ = _binary("multiply")
    __rmul__ = _reflected("multiply")
    __truediv__ = _binary("divide")
    __rtruediv__ = _reflected("divide")
    __floordiv__ = _binary("floor_divide")
    __rfloordiv__ = _reflected("floor_divide")
    __mod__ = _binary("remainder")
    __rmod__ = _reflected("remainder")
    __divmod__ = _binary("divmod")
    __rdivmod__ = _reflected("divmod")
    __pow__ = _binary("pow")
    __rpow__ = _reflected("pow")
    __matmul__ = _binary("matmul")
    __rmatmul__ = _reflected("matmul")
    __lt__ = _binary("less")
    __le__ = _binary("less_equal")
    __gt__ = _binary("greater")
    __ge__ = _binary("greater_equal")
    __eq__ = _binary("equal")  # type: ignore[assignment]
    __ne__ = _binary("not_equal")  # type: ignore[assignment]
    __and__ = _binary("bitwise_and")
    __rand__ = _reflected("bitwise_and")
    __or__ = _binary("bitwise_or")
    __ror__ = _reflected("bitwise_or")
    __xor__ = _binary("bitwise_xor")
    __rxor__ = _reflected("bitwise_xor")
    __lshift__ = _binary("bitwise_left_shift")
    __rlshift__ = _reflected("bitwise_left_shift")
    __rshift__ = _binary("bitwise_right_shift")
    __rrshift__ = _reflected("bitwise_right_shift")

    def __neg__(self) -> Node:
        return _call("negative", self)  # type: ignore[no-any-return]

    def __pos__(self) -> Node:
        return self

    def __abs__(self) -> Node:
        return _call("abs", self)  # type: ignore[no-any-return]

    def __invert__(self) -> Node:
        return _call("bitwise_invert", self)  # type: ignore[no-any-return]

    # -- array methods ---------------------------------------------------------------------

    @property
    def T(self) -> Node:
        """All axes reversed."""
        return _call("permute_dims", self, axes=None)  # type: ignore[no-any-return]

    @property
    def mT(self) -> Node:
        """The last two axes exchanged."""
        return _call("matrix_transpose", self)  # type: ignore[no-any-return]

    def transpose(self, *axes: Any) -> Node:
        """NumPy's `ndarray.transpose`: axes as one tuple or one by one; none reverses all."""
        order = axes[0] if len(axes) == 1 and isinstance(axes[0], tuple | list) else axes
        return _call("permute_dims", self, axes=tuple(order) or None)  # type: ignore[no-any-return]

    def reshape(self, *shape: Any, order: str = "C") -> Node:
        """NumPy's `ndarray.reshape`: the shape as one tuple or one entry at a time."""
        dims = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple | list) else shape
        if order != "C":
            return np.reshape(self, tuple(dims), order)  # type: ignore[call-overload, no-any-return]
        return _call("reshape", self, shape=tuple(dims))  # type: ignore[no-any-return]

    def ravel(self, order: str = "C") -> Node:
        """All elements along one axis."""
        return np.ravel(self, order)  # type: ignore[call-overload, no-any-return]

    flatten = ravel

    @property
    def real(self) -> Node:
        """Real part, as `sd.real`."""
        return _call("real", self)  # type: ignore[no-any-return]

    @property
    def imag(self) -> Node:
        """Imaginary part, as `sd.imag`."""
        return _call("imag", self)  # type: ignore[no-any-return]

    def conj(self) -> Node:
        """Complex conjugate, as `sd.conj`."""
        return _call("conj", self)  # type: ignore[no-any-return]

    conjugate = conj

    def copy(self, order: str = "C") -> Node:
        """The node itself: no node ever changes."""
        return self

    def item(self, *args: Any) -> NoReturn:
        """Raises `NoValueError`: a node has no value."""
        raise _no_value(self, "item()", "sd.evaluate(node, {input: value}) gives its value")

    def tolist(self) -> NoReturn:
        """Raises `NoValueError`: a node has no value."""
        raise _no_value(self, "tolist()", "sd.evaluate(node, {input: value}) gives its value")

    def clip(self, min: Any = None, max: Any = None) -> Node:
        """The node limited to an interval, as `sd.clip`."""
        return _call("clip", self, min, max)  # type: ignore[no-any-return]

    def round(self, decimals: int = 0) -> Node:
        """Rounded to so many decimals, as `np.round`."""
        return np.round(self, decimals)  # type: ignore[return-value]

    def astype(self, dtype: Any) -> Node:
        """The values cast to another dtype."""
        return _call("cast", self, dtype=dtype)  # type: ignore[no-any-return]

    def sum(self, axis: Any = None, dtype: Any = None, *, keepdims: bool = False) -> Node:
        """Sum over axes, as `sd.sum`."""
        return _call("sum", self, axis=axis, dtype=dtype, keepdims=keepdims)  # type: ignore[no-any-return]

    def mean(self, axis: Any = None, dtype: Any = None, *, keepdims: bool = False) -> Node:
        """Arithmetic mean over axes, as `sd.mean`, of the values cast to `dtype`."""
        x = self if dtype is None else self.astype(dtype)
        return _call("mean", x, axis=axis, keepdims=keepdims)  # type: ignore[no-any-return]

    def prod(self, axis: Any = None, dtype: Any = None, *, keepdims: bool = False) -> Node:
        """Product over axes, as `sd.prod`."""
        return _call("prod", self, axis=axis, dtype=dtype, keepdims=keepdims)  # type: ignore[no-any-return]

    def var(
        self, axis: Any = None, dtype: Any = None, *, ddof: float = 0, keepdims: bool = False
    ) -> Node:
        """Variance over axes, as `sd.var` with the correction `ddof`."""
        return np.var(self, axis, dtype, ddof=ddof, keepdims=keepdims)  # type: ignore[no-any-return]

    def std(
        self, axis: Any = None, dtype: Any = None, *, ddof: float = 0, keepdims: bool = False
    ) -> Node:
        """Standard deviation over axes, as `sd.std` with the correction `ddof`."""
        return np.std(self, axis, dtype, ddof=ddof, keepdims=keepdims)  # type: ignore[no-any-return]

    def cumsum(self, axis: Any = None, dtype: Any = None) -> Node:
        """Sums of the entries up to each one, of all in row-major order without an axis."""
        return np.cumsum(self, axis, dtype)  # type: ignore[return-value]

    def cumprod(self, axis: Any = None, dtype: Any = None) -> Node:
        """Products of the entries up to each one, of all in row-major order without an axis."""
        return np.cumprod(self, axis, dtype)  # type: ignore[return-value]

    def max(self, axis: Any = None, *, keepdims: bool = False) -> Node:
        """The largest entry over axes, as `sd.max`."""
        return _call("max", self, axis=axis, keepdims=keepdims)  # type: ignore[no-any-return]

    def min(self, axis: Any = None, *, keepdims: bool = False) -> Node:
        """The smallest entry over axes, as `sd.min`."""
        return _call("min", self, axis=axis, keepdims=keepdims)  # type: ignore[no-any-return]

    def any(self, axis: Any = None, *, keepdims: bool = False) -> Node:
        """Whether an entry is not zero, over axes, as `sd.any`."""
        return _call("any", self, axis=axis, keepdims=keepdims)  # type: ignore[no-any-return]

    def all(self, axis: Any = None, *, keepdims: bool = False) -> Node:
        """Whether every entry is not zero, over axes, as `sd.all`."""
        return _call("all", self, axis=axis, keepdims=keepdims)  # type: ignore[no-any-return]

    def argmax(self, axis: Any = None, *, keepdims: bool = False) -> Node:
        """Where the largest entry is, as `sd.argmax`."""
        return _call("argmax", self, axis=axis, keepdims=keepdims)  # type: ignore[no-any-return]

    def argmin(self, axis: Any = None, *, keepdims: bool = False) -> Node:
        """Where the smallest entry is, as `sd.argmin`."""
        return _call("argmin", self, axis=axis, keepdims=keepdims)  # type: ignore[no-any-return]

    def argsort(self, axis: Any = -1) -> Node:
        """The places that sort along an axis, as `sd.argsort`."""
        return _call("argsort", self, axis=axis)  # type: ignore[no-any-return]

    def searchsorted(self, v: Any, side: str = "left", sorter: Any = None) -> Node:
        """Where the entries of `v` belong in a node in order, as `sd.searchsorted`."""
        return _call("searchsorted", self, v, side=side, sorter=sorter)  # type: ignore[no-any-return]

    def squeeze(self, axis: Any = None) -> Node:
        """The node without axes of length 1: those at `axis`, or all that are known to be."""
        ones = tuple(k for k, dim in enumerate(self.shape) if dim == 1)
        return _call("squeeze", self, ones if axis is None else axis)  # type: ignore[no-any-return]

    def swapaxes(self, axis1: int, axis2: int) -> Node:
        """The node with two axes exchanged."""
        return _call("swapaxes", self, axis1, axis2)  # type: ignore[no-any-return]

    def repeat(self, repeats: Any, axis: int | None = None) -> Node:
        """Every entry repeated, as `sd.repeat`."""
        return _call("repeat", self, repeats, axis=axis)  # type: ignore[no-any-return]

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Node:
        """NumPy's `ndarray.diagonal`, of two axes, as the last axis of the result."""
        return np.diagonal(self, offset, axis1, axis2)  # type: ignore[return-value]

    def trace(self, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None) -> Node:
        """NumPy's `ndarray.trace`: the sum over a diagonal of two axes."""
        return np.trace(self, offset, axis1, axis2, dtype)  # type: ignore[no-any-return]

    def take(self, indices: Any, axis: Any = None) -> Node:
        """The entries at indices along an axis, or of all in order, as `sd.take`."""
        return _call("take", self, indices, axis=axis)  # type: ignore[no-any-return]

    @property
    def at(self) -> Any:
        """``x.at[key].set(v)``, and `add`, `subtract`, `multiply`, `divide`, `max`, `min`, `get`.

        What ``x[key] = v``, ``x[key] += v`` … are to an array, as a new node.
        """
        return _call("at", self)

    def dot(self, other: Any) -> Node:
        """NumPy's `ndarray.dot`: a scaling, or the last axis against the last but one."""
        return np.dot(self, other)  # type: ignore[no-any-return]

    def __getitem__(self, key: Any) -> Node:
        if isinstance(self.type, TupleType):
            return _call("item", self, index=key)  # type: ignore[no-any-return]
        return _call("getitem", self, key)  # type: ignore[no-any-return]

    def __setitem__(self, key: Any, value: Any) -> NoReturn:
        raise NoValueError(
            f"x[key] = v: {self!r} ({self.origin}) never changes; x.at[key].set(v) is x with v in "
            "place of x[key], x.at[key].add(v) is what x[key] += v gives"
        )

    def __len__(self) -> int:
        if isinstance(self.type, TupleType):
            return len(self.type)
        if not self.type.shape:
            raise TypeError("len() of a node with no axes")
        first = self.type.shape[0]
        if isinstance(first, Size):
            raise NoValueError(
                f"len() of {self!r} ({self.origin}): the first axis has the size {first}, which "
                "only a call settles; node.shape[0] is the symbolic size"
            )
        return first

    def __iter__(self) -> Iterator[Node]:
        if isinstance(self.type, TensorType) and not self.type.shape:
            raise TypeError("iteration over a node with no axes")
        return (self[i] for i in range(len(self)))

    # -- what only a value could do --------------------------------------------------------

    def __contains__(self, item: object) -> bool:
        raise _no_value(self, "in", "compare elementwise and reduce: (node == value)")

    def __bool__(self) -> bool:
        raise _no_value(self, "bool()", "use sd.where to choose by a condition")

    def __float__(self) -> float:
        raise _no_value(self, "float()", "sd.evaluate(node, {input: value}) gives its value")

    def __int__(self) -> int:
        raise _no_value(self, "int()", "sd.evaluate(node, {input: value}) gives its value")

    def __complex__(self) -> complex:
        raise _no_value(self, "complex()", "sd.evaluate(node, {input: value}) gives its value")

    def __index__(self) -> int:
        raise _no_value(self, "an index", "sd.take(array, node, axis=0) takes entries at a node")

    def __array__(self, dtype: Any = None, copy: Any = None) -> NoReturn:
        raise _no_value(
            self,
            "np.array()",
            "sd.evaluate(node, {input: value}) gives its value, sd.stack joins nodes, "
            "node.at[...] replaces entries, sd.take(array, node) takes them at a node",
        )

    # -- NumPy's functions -----------------------------------------------------------------

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        function = REGISTRY.for_ufunc(ufunc)
        if function is None:
            raise ArgumentError(f"np.{ufunc.__name__} has no symdiff counterpart")
        if method == "outer":
            first, second = inputs
            ones = [1] * np.ndim(second)
            inputs = (first.reshape((*np.shape(first), *ones)), second)
        elif method != "__call__":
            function = REGISTRY.for_numpy((ufunc, method))
            if function is None:
                raise ArgumentError(f"np.{ufunc.__name__}.{method} is not available on nodes")
        _refuse(ufunc.__name__, kwargs, ("out",) if method == "reduce" else ("out", "where"))
        if method == "__call__" and (dtype := kwargs.pop("dtype", None)) is not None:
            inputs = tuple(_call("cast", x, dtype=dtype) for x in map(_as_operand(self), inputs))
        return function(*inputs, **kwargs)

    def __array_function__(
        self, function: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        ours = REGISTRY.for_numpy(function)
        if ours is None:
            module = function.__module__.replace("numpy", "np", 1)
            raise ArgumentError(
                f"{module}.{function.__name__} has no symdiff counterpart; "
                "see docs/operations.md for what there is"
            )
        _refuse(function.__name__, kwargs, ("out",))
        if function in _MADE_LIKE:
            return ours(*args, **kwargs, like=self)
        return ours(*args, **kwargs)


def _as_operand(like: Node) -> Callable[[Any], Node]:
    return lambda x: x if isinstance(x, Node) else like.graph.constant(x)


def _refuse(name: str, kwargs: dict[str, Any], keys: tuple[str, ...]) -> None:
    for key in keys:
        if kwargs.pop(key, None) is not None:
            raise ArgumentError(f"np.{name}: {key}= has no meaning for nodes, which hold no value")


def _no_value(node: Node, what: str, way_out: str) -> NoValueError:
    return NoValueError(
        f"{what}: {node!r} ({node.origin}) is symbolic and has no value yet; {way_out}"
    )


def _node_of(graph: Graph, index: int) -> Node:
    return graph.node(index)
