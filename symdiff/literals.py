"""Values that stand in a node's params: arrays, slices, and their type-exact keys.

A node is interned by op, inputs and params, so params must be hashable, immutable, and compare
exactly: 1, 1.0 and True differ, and so do 0.0 and -0.0.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, NamedTuple, NoReturn

import numpy as np

from symdiff.hashing import blake2b
from symdiff.sizes import Dim, Size
from symdiff.types import TensorType, TupleType, as_dtype

__all__ = ["Literal", "Slice", "exact_key", "has_masked", "map_param", "stable_bytes"]


class Literal:
    """A constant array: a read-only copy, compared by dtype, shape and bytes.

    >>> Literal(np.array([0.0])) == Literal(np.array([-0.0]))
    False
    """

    __slots__ = ("_digest", "array", "key")

    array: np.ndarray[Any, Any]
    key: Hashable

    def __init__(self, value: Any, dtype: np.dtype[Any] | None = None) -> None:
        narrows = dtype is not None and dtype.kind != "c" and not isinstance(value, int | float)
        if narrows and np.iscomplexobj(value):
            raise TypeError(f"complex values do not become {dtype} without losing a part")
        if has_masked(value):
            raise TypeError("its mask would be lost; use value.filled(...) and sd.where")
        # A copy always: the graph's constant must not change when the user's array does.
        array = np.array(value, dtype=dtype, order="C", copy=True, subok=False)
        array = array.astype(as_dtype(array.dtype), copy=False)
        array.flags.writeable = False
        data = array.tobytes() if array.nbytes <= 4096 else _digest(array)
        object.__setattr__(self, "array", array)
        object.__setattr__(self, "key", (array.dtype.char, array.shape, data))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a Literal is immutable")

    @property
    def is_scalar(self) -> bool:
        """True for a 0-d array."""
        return self.array.ndim == 0

    def digest(self) -> bytes:
        """Sixteen bytes that name the dtype, shape and contents, the same in every process."""
        return _digest(self.array)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Literal) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __repr__(self) -> str:
        return f"Literal({self.array!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return Literal, (self.array,)


def has_masked(value: Any) -> bool:
    """Whether entries of a masked array are masked: an array made of it would not show it."""
    if type(value) is np.ndarray or not isinstance(value, np.ndarray):
        return False
    return bool(np.any(getattr(value, "mask", False)))


def _digest(array: np.ndarray[Any, Any]) -> bytes:
    head = f"{array.dtype.newbyteorder('<').str}{array.shape}".encode()
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    digest: bytes = blake2b(head + np.ascontiguousarray(little).tobytes()).digest()
    return digest


class Slice(NamedTuple):
    """One axis of a basic index: elements ``start, start + step, …`` before `stop`.

    Bounds are resolved against the axis; with a negative step, ``stop == -1`` means that the
    first element is taken too. A named `step` is provably positive: rewriting makes such slices.
    """

    start: Dim
    stop: Dim
    step: Dim

    @property
    def length(self) -> Dim:
        """Number of elements taken."""
        if self.step > 0:
            return (self.stop - self.start + (self.step - 1)) // self.step
        return (self.start - self.stop + (-self.step - 1)) // -self.step


def exact_key(value: Any) -> Hashable:
    """A hashable key under which two params are equal only if they are the same value.

    >>> exact_key(1) == exact_key(True), exact_key((0.0,)) == exact_key((-0.0,))
    (False, False)
    """
    kind = type(value)
    if kind is int or kind is str or value is None or kind is Size or kind is TensorType:
        return (kind, value)
    if isinstance(value, tuple):
        return (kind, *map(exact_key, value))
    if isinstance(value, float | complex):
        return (kind, repr(value))
    if hasattr(value, "outputs"):  # a graph, which is what its digest says
        return (kind, value.digest())
    return (kind, value)


def stable_bytes(value: Any) -> bytes:
    """Bytes that name a param's value, the same in every process and on every machine."""
    if isinstance(value, Literal):
        return b"L" + value.digest()
    if isinstance(value, Slice):
        return f"S{value.start}:{value.stop}:{value.step}".encode()
    if isinstance(value, tuple):
        return b"(" + b"".join(stable_bytes(v) + b"," for v in value) + b")"
    if isinstance(value, np.dtype):
        return b"D" + value.str[1:].encode()
    if value is None or isinstance(value, bool | int | float | complex | str | Size):
        return f"{type(value).__name__}:{value!r}".encode()
    if isinstance(value, TensorType | TupleType):
        return f"T{value}".encode()
    digest = getattr(value, "digest", None)  # a graph in a param: a loop's body, a rule
    if digest is not None:
        return b"G" + str(digest()).encode()
    return f"{type(value).__qualname__}:{value!r}".encode()


def map_param(value: Any, function: Callable[[Any], Any]) -> Any:
    """The param with `function` applied to every part that is not a tuple.

    Used to put sizes for sizes: both when a graph is inlined and when sizes become known.
    """
    if isinstance(value, Slice):
        return Slice(function(value.start), function(value.stop), function(value.step))
    if isinstance(value, tuple):
        return tuple(map_param(v, function) for v in value)
    return function(value)
