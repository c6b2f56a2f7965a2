"""Types of nodes: a dtype and a shape, whose entries are ints or named sizes.

Promotion is NumPy 2's (NEP 50) and is asked of NumPy itself, so it cannot drift. Broadcasting
is NumPy's too, with one addition: a named size is never silently 1, and two sizes broadcast
only if they are equal by normal form or one of them is the number 1.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from keyword import iskeyword
from typing import Any, Final, NoReturn

import numpy as np

from symdiff.errors import ArgumentError, DTypeError, ParseError, ShapeError
from symdiff.sizes import Dim, Size, as_dim, evaluate, names, substitute

__all__ = [
    "DType",
    "Shape",
    "TensorType",
    "TupleType",
    "Type",
    "as_dtype",
    "as_shape",
    "as_type",
    "bool_",
    "broadcast_shapes",
    "c64",
    "c128",
    "dtype_name",
    "element_count",
    "f16",
    "f32",
    "f64",
    "i8",
    "i16",
    "i32",
    "i64",
    "is_differentiable",
    "promote",
    "type_of_value",
    "u8",
    "u16",
    "u32",
    "u64",
]

Shape = tuple[Dim, ...]

_NAMES: Final[dict[str, str]] = {
    "bool_": "bool",
    "i8": "int8",
    "i16": "int16",
    "i32": "int32",
    "i64": "int64",
    "u8": "uint8",
    "u16": "uint16",
    "u32": "uint32",
    "u64": "uint64",
    "f16": "float16",
    "f32": "float32",
    "f64": "float64",
    "c64": "complex64",
    "c128": "complex128",
}
_NAME_OF: Final[dict[np.dtype[Any], str]] = {np.dtype(v): k for k, v in _NAMES.items()}


_BITS_OR_BYTES: Final = ("i8", "u8", "f16")
"""Names that NumPy reads as 8 or 16 bytes."""


def dtype_name(dtype: np.dtype[Any]) -> str:
    """The short name of a dtype, as types print it: ``"f64"``, ``"i32"``, ``"bool_"``.

    >>> dtype_name(np.dtype("float32"))
    'f32'
    """
    return _NAME_OF.get(dtype) or str(dtype)  # a message may speak of any dtype


class TensorType:
    """A dtype and a shape: the type of a node that holds one array.

    Immutable, hashable, compared by value. Made as ``sd.f64["n", 3]``.

    >>> t = TensorType(np.dtype("float64"), (Size("n"), 3))
    >>> t
    f64[n,3]
    >>> t.rank, t.shape[1]
    (2, 3)
    """

    __slots__ = ("_hash", "dtype", "shape")

    dtype: np.dtype[Any]
    shape: Shape

    def __init__(self, dtype: np.dtype[Any], shape: Shape) -> None:
        put = object.__setattr__
        put(self, "dtype", dtype)
        put(self, "shape", shape)
        put(self, "_hash", hash((dtype, shape)))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a TensorType is immutable; cannot set {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a TensorType is immutable; cannot delete {name!r}")

    @property
    def rank(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> Dim:
        """Number of elements: an int, or a `Size` when a named size takes part."""
        return element_count(self.shape)

    def with_shape(self, shape: Shape) -> TensorType:
        """The type with this dtype and another shape."""
        return TensorType(self.dtype, shape)

    def with_dtype(self, dtype: np.dtype[Any]) -> TensorType:
        """The type with this shape and another dtype."""
        return TensorType(dtype, self.shape)

    def __hash__(self) -> int:
        return self._hash  # type: ignore[no-any-return, attr-defined]

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, TensorType):
            return NotImplemented
        return self.dtype == other.dtype and self.shape == other.shape

    def __str__(self) -> str:
        return f"{_NAME_OF[self.dtype]}[{','.join(map(_dim_text, self.shape))}]"

    __repr__ = __str__

    def __reduce__(self) -> tuple[Any, ...]:
        return TensorType, (self.dtype, self.shape)


class TupleType:
    """The type of a node with several results; `item` projections take them apart.

    >>> f = TensorType(np.dtype("float64"), ())
    >>> TupleType((f, f))
    (f64[], f64[])
    """

    __slots__ = ("_hash", "items")

    items: tuple[TensorType, ...]

    def __init__(self, items: tuple[TensorType, ...]) -> None:
        object.__setattr__(self, "items", items)
        object.__setattr__(self, "_hash", hash(items))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a TupleType is immutable; cannot set {name!r}")

    def __len__(self) -> int:
        return len(self.items)

    def __hash__(self) -> int:
        return self._hash  # type: ignore[no-any-return, attr-defined]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TupleType):
            return NotImplemented
        return self.items == other.items

    def __str__(self) -> str:
        return f"({', '.join(map(str, self.items))})"

    __repr__ = __str__

    def __reduce__(self) -> tuple[Any, ...]:
        return TupleType, (self.items,)


Type = TensorType | TupleType


class DType:
    """A dtype by its short name; indexing it with a shape gives a `TensorType`.

    >>> f64["n", 3], f64[()], i32["2*n + 1"], f32[2, 2]
    (f64[n,3], f64[], i32[2*n+1], f32[2,2])

    Entries are ints >= 0, names of sizes, polynomials in them, or `Size`s. Raises `ShapeError`
    or `ParseError` for anything else.
    """

    __slots__ = ("dtype", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.dtype = np.dtype(_NAMES[name])

    def __getitem__(self, shape: Any) -> TensorType:
        return TensorType(self.dtype, as_shape(shape if isinstance(shape, tuple) else (shape,)))

    def __iter__(self) -> Iterator[Any]:
        raise TypeError(f"sd.{self.name} is not a sequence; write sd.{self.name}[shape]")

    def __repr__(self) -> str:
        return f"sd.{self.name}"

    def __reduce__(self) -> tuple[Any, ...]:
        return DType, (self.name,)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, DType) and self.name == other.name)

    def __hash__(self) -> int:
        return hash(self.name)


bool_ = DType("bool_")
i8, i16, i32, i64 = DType("i8"), DType("i16"), DType("i32"), DType("i64")
u8, u16, u32, u64 = DType("u8"), DType("u16"), DType("u32"), DType("u64")
f16, f32, f64 = DType("f16"), DType("f32"), DType("f64")
c64, c128 = DType("c64"), DType("c128")


def as_dtype(value: object) -> np.dtype[Any]:
    """The NumPy dtype of ``sd.f32``, ``"f32"``, ``np.float32``, ``"float32"``, ``float``, ….

    Raises `DTypeError` for a dtype symdiff has no name for (objects, strings, dates, …), and for
    the texts that mean another dtype in NumPy: "i8", "u8" and "f16".

    >>> as_dtype("f32"), as_dtype(float)
    (dtype('float32'), dtype('float64'))
    """
    if isinstance(value, DType):
        return value.dtype
    if isinstance(value, str) and value in _NAMES:
        if value in _BITS_OR_BYTES:
            raise DTypeError(
                f"dtype {value!r} counts bits here (sd.{value}, {_NAMES[value]}) and bytes in "
                f"NumPy; write sd.{value} or NumPy's own name, such as {_NAMES[value]!r}"
            )
        return np.dtype(_NAMES[value])
    try:
        dtype = np.dtype(value)  # type: ignore[call-overload]
    except TypeError as error:
        raise DTypeError(f"{value!r} is not a dtype; use one of {_dtype_list()}") from error
    dtype = np.dtype(dtype.type)  # in the machine's order of bytes, the object arrays hold
    if value is None or dtype not in _NAME_OF:
        raise DTypeError(f"dtype {value!r} is not supported; use one of {_dtype_list()}")
    return dtype  # type: ignore[no-any-return]


def _dtype_list() -> str:
    return ", ".join(f"sd.{name}" for name in _NAMES)


def parse_type(text: str) -> TensorType:
    """The type a text such as ``f64[n,3]`` or ``f64`` stands for; `ParseError` for any other.

    >>> parse_type("f32[2*n + 1, 3]")
    f32[2*n+1,3]
    """
    name, bracket, rest = text.strip().partition("[")
    if name.strip() not in _NAMES or (bracket and not rest.endswith("]")):
        raise ParseError(
            f"{text!r} is not a type; write it as f64[n,3] or f64, with one of {', '.join(_NAMES)}"
        )
    dims = [d for d in rest[:-1].split(",") if d.strip()]
    return TensorType(np.dtype(_NAMES[name.strip()]), as_shape(dims))


def check_name(name: object, what: str) -> None:
    """Raise `ArgumentError` unless `name` can stand for an input in the text form."""
    if not isinstance(name, str) or not name.isidentifier():
        raise ArgumentError(f"{what} must be an identifier, not {name!r}")
    if iskeyword(name) or name in _NAMES or name in ("nan", "inf", "nanj", "infj"):
        raise ArgumentError(
            f"{what} cannot be {name!r}, which means something else in the text form"
        )


def as_shape(shape: Any) -> Shape:
    """A shape from one entry or a sequence of entries; checks that known ones are >= 0.

    >>> as_shape((2, "n")), as_shape(3)
    ((2, Size('n')), (3,))
    """
    if isinstance(shape, int | str | Size | np.integer):
        shape = (shape,)
    try:
        dims = tuple(as_dim(entry) for entry in shape)
    except TypeError as error:
        raise ShapeError(
            f"{shape!r} is not a shape: entries are ints, size names such as 'n' or '2*n + 1', "
            "or sizes taken from another node's shape"
        ) from error
    for dim in dims:
        if isinstance(dim, int) and dim < 0:
            raise ShapeError(f"shape {shape_text(dims)} has a negative entry")
    return dims


def as_type(value: object) -> TensorType:
    """A `TensorType` from itself, a bare dtype such as ``sd.f64`` (a scalar), or an array.

    >>> as_type(f32), as_type(np.zeros((2, 3)))
    (f32[], f64[2,3])
    """
    if isinstance(value, TensorType):
        return value
    if isinstance(value, DType):
        return TensorType(value.dtype, ())
    if isinstance(value, TupleType) or value is None or isinstance(value, str | type):
        raise ArgumentError(f"{value!r} is not a type; write it as sd.f64['n', 3] or sd.f64[()]")
    return type_of_value(np.asarray(value))


def type_of_value(value: np.ndarray[Any, Any] | np.generic) -> TensorType:
    """The type of a NumPy array or scalar; `DTypeError` for dtypes symdiff does not carry."""
    return TensorType(as_dtype(value.dtype), value.shape)


def is_differentiable(type_: Type) -> bool:
    """True for real floating types: the ones gradients flow through."""
    return isinstance(type_, TensorType) and type_.dtype.kind == "f"


def element_count(shape: Iterable[Dim]) -> Dim:
    """Product of a shape's entries."""
    count: Dim = 1
    for dim in shape:
        count = count * dim
    return count


def promote(*operands: np.dtype[Any] | type) -> np.dtype[Any]:
    """NumPy 2's common dtype; the classes ``int``, ``float``, ``complex`` are weak scalars.

    >>> promote(np.dtype("float32"), float), promote(np.dtype("int32"), float)
    (dtype('float32'), dtype('float64'))
    """
    weak = {int: 0, float: 0.0, complex: 0j, bool: np.dtype(bool)}
    values = [weak[o] if isinstance(o, type) else o for o in operands]
    try:
        return np.result_type(*values)  # type: ignore[arg-type]
    except TypeError as error:
        listed = ", ".join(str(o) for o in operands)
        raise DTypeError(f"no common dtype for {listed}") from error


def broadcast_shapes(shapes: Sequence[Shape]) -> Shape | None:
    """NumPy's broadcast of shapes, or None where they do not broadcast.

    >>> n = Size("n")
    >>> broadcast_shapes([(n, 1), (3,)]), broadcast_shapes([(n,), (3,)])
    ((Size('n'), 3), None)
    """
    first = shapes[0] if shapes else ()
    if all(shape == first for shape in shapes):
        return first
    rank = max(map(len, shapes))
    result: list[Dim] = [1] * rank
    for shape in shapes:
        for axis, dim in enumerate(shape, rank - len(shape)):
            if dim == 1 or dim == result[axis]:
                continue
            if result[axis] != 1:
                return None
            result[axis] = dim
    return tuple(result)


def _dim_text(dim: Dim) -> str:
    return str(dim) if isinstance(dim, int) else dim.compact()


def shape_text(shape: Shape) -> str:
    """A shape as messages and the text form print it: ``(2*n+1,3)``."""
    inner = ",".join(map(_dim_text, shape))
    return f"({inner},)" if len(shape) == 1 else f"({inner})"


def normalize_axis(axis: object, rank: int, what: str) -> int:
    """One axis as an int in ``0 .. rank-1``; `ShapeError` outside, as NumPy's AxisError."""
    try:
        index = operator.index(axis)  # type: ignore[arg-type]
    except TypeError as error:
        raise ArgumentError(f"{what}: axis must be an int, not {axis!r}") from error
    if isinstance(axis, bool) or not -rank <= index < rank:
        raise ShapeError(f"{what}: axis {axis} is out of bounds for an array of {rank} axes")
    return index % rank


def normalize_axes(axis: object, rank: int, what: str) -> tuple[int, ...]:
    """Axes as a sorted tuple of ints; None means all of them. Repeats raise `ShapeError`."""
    if axis is None:
        return tuple(range(rank))
    given = axis if isinstance(axis, tuple | list) else (axis,)
    axes = sorted(normalize_axis(a, rank, what) for a in given)
    if len(set(axes)) != len(axes):
        raise ShapeError(f"{what}: axis {axis} names an axis twice")
    return tuple(axes)


def type_names(type_: Type) -> frozenset[str]:
    """Names of the sizes in a type."""
    if isinstance(type_, TupleType):
        return frozenset().union(*map(type_names, type_.items))
    return frozenset().union(*map(names, type_.shape))


def substitute_type(type_: Type, mapping: Mapping[str, Dim]) -> Type:
    """The type with its named sizes replaced."""
    if isinstance(type_, TupleType):
        return TupleType(tuple(TensorType(t.dtype, _put(t.shape, mapping)) for t in type_.items))
    return TensorType(type_.dtype, _put(type_.shape, mapping))


def _put(shape: Shape, mapping: Mapping[str, Dim]) -> Shape:
    return tuple(substitute(dim, mapping) for dim in shape)


def evaluate_shape(shape: Shape, values: Mapping[str, int]) -> tuple[int, ...]:
    """The shape with every named size given its value."""
    return tuple(evaluate(dim, values) for dim in shape)
