"""What stands in a line of the text form: types, numbers, arrays, and values of parameters."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import numpy as np

from symdiff import types
from symdiff.graph import Graph
from symdiff.literals import Literal, Slice
from symdiff.op import Op
from symdiff.parse.line import CLOSE, COMMA, WORD, Line, compiled
from symdiff.sizes import Dim, Size, as_dim, bounds
from symdiff.types import TensorType, TupleType, Type, dtype_name, parse_type, type_of_value

__all__ = ["Known", "read_array", "read_scalar", "read_tensor_type", "read_type", "read_value"]

DType = np.dtype[Any]

DEEPEST_PARAM: Final = 32
"""Tuples within one another in a parameter."""

LARGEST_RANK: Final = 64
"""NumPy's own limit for arrays."""

_DTYPES: Final[Mapping[str, DType]] = {
    d.name: d.dtype for d in vars(types).values() if isinstance(d, types.DType)
}
_DTYPE: Final = "|".join(_DTYPES)
_UNSIGNED: Final = r"(?:inf|[0-9]+(?:\.[0-9]*)?(?:e[-+]?[0-9]+)?)"
_NAN: Final = r"nan(?:\(0x[0-9a-f]{1,16}\))?"
_NUMBER: Final = (
    rf"(?:(?P<truth>True|False)|(?P<real>-?{_UNSIGNED}|{_NAN})"
    rf"(?:(?P<imaginary>-{_UNSIGNED}|\+(?:{_UNSIGNED}|{_NAN}))j)?)"
)
_ENDS: Final = r"(?=[\s,:;)\]]|$)"  # what may follow a word or a number


class Known(NamedTuple):
    """What a line may refer to: ops, the graphs above it, the user's arrays by their digests."""

    ops: Mapping[str, Op]
    graphs: dict[str, Graph]
    constants: Mapping[str, Any]


# -- types ---------------------------------------------------------------------------------

_TENSOR: Final = r"[A-Za-z_][A-Za-z0-9_]*\[[^\]]*\]"


def read_tensor_type(line: Line) -> TensorType:
    """``f64[n,3]``."""
    start = line.skip_space()
    found = line.expect(_TENSOR, "a type, such as f64[n,3]")
    with line.blaming(start):
        return parse_type(found[0])


def read_type(line: Line) -> Type:
    """``f64[n,3]``, or ``(f64[], f64[])`` for a node with several results."""
    line.skip_space()
    if not line.next_is("("):
        return read_tensor_type(line)
    line.at += 1
    return _tuple_type(line, CLOSE)


def _tuple_type(line: Line, close: str) -> TupleType:
    items: list[TensorType] = []
    while not line.match(close):
        if items:
            line.expect(COMMA, f"`,` or `{close[-1]}`")
        items.append(read_tensor_type(line))
    return TupleType(tuple(items))


# -- numbers -------------------------------------------------------------------------------

_ELEMENT: Final = _NUMBER
_SCALAR: Final = rf"(?P<number>{_NUMBER})(?::(?P<dtype>\w+))?"
_NATURAL: Final = {
    kind: _DTYPES[name]
    for kind, name in {"b": "bool_", "i": "i64", "f": "f64", "c": "c128"}.items()
}
_BELOW: Final = {"b": "b", "i": "iufc", "f": "fc", "c": "c"}  # dtypes a number is fit for


def read_scalar(text: str) -> Any:
    """The NumPy scalar ``2.0`` or ``2:i32`` stands for, or None where the text is no number.

    Raises `ValueError` for a number that does not fit its dtype.
    """
    found = compiled(_SCALAR).fullmatch(text)
    if found is None:
        return None
    name = found["dtype"]
    if name is not None and name not in _DTYPES:
        raise ValueError(f"expected a dtype after the colon; {name} is none")
    return _number(found, None if name is None else _DTYPES[name])


def _number(found: re.Match[str], dtype: DType | None = None) -> Any:
    """The scalar of a number that was matched, in the dtype it is fit for by itself, or this."""
    real, imaginary = found["real"], found["imaginary"]
    whole = real is not None and real.lstrip("-").isdecimal()
    natural = "b" if real is None else "c" if imaginary else "i" if whole else "f"
    dtype = _NATURAL[natural] if dtype is None else dtype
    if dtype.kind not in _BELOW[natural]:
        raise ValueError(f"expected a number of dtype {dtype_name(dtype)}; this is none")
    match dtype.kind:
        case "b":
            return np.bool_(found["truth"] == "True")
        case "f":
            return _real(real, dtype)
        case "c":
            part = np.dtype(f"f{dtype.itemsize // 2}")
            parts = _real(real, part), _real(imaginary or "0.0", part)
            return np.frombuffer(b"".join(p.tobytes() for p in parts), dtype)[0]
    value, limits = _int(real), np.iinfo(dtype)
    if not limits.min <= value <= limits.max:
        raise ValueError(f"expected an integer that fits {dtype_name(dtype)}")
    return dtype.type(value)


def _real(text: str, dtype: DType) -> Any:
    text = text.lstrip("+")
    if text.startswith("nan("):
        bits = int(text[4:-1], 16)
        value = _of_bits(bits, dtype) if bits < 1 << 8 * dtype.itemsize else dtype.type(0)
        if not np.isnan(value):
            raise ValueError(f"expected the bits of a NaN of dtype {dtype_name(dtype)}")
        return value
    with np.errstate(over="ignore"):
        value = dtype.type(float(text))
    if np.isinf(value) and "inf" not in text:
        raise ValueError(f"expected a number that fits {dtype_name(dtype)}")
    return value


def _of_bits(bits: int, dtype: DType) -> Any:
    return np.array(bits, f"u{dtype.itemsize}").view(dtype)[()]


def _int(text: str) -> int:
    try:
        return int(text)
    except ValueError:  # Python's own limit, as the time grows with the square of the length
        raise ValueError(f"a number of {len(text)} digits is too long") from None


# -- arrays --------------------------------------------------------------------------------

_DIGEST: Final = r"#([0-9a-f]{32})"
_OPEN_LIST: Final = r"[ \t]*\[[ \t]*"
_CLOSE_LIST: Final = r"[ \t]*\]"
_EMPTY: Final = r"\[[ \t]*\]"


def read_array(line: Line, type_: TensorType, known: Known) -> Literal:
    """An array of this type: numbers in nested lists, or the digest of one of the user's."""
    start = line.skip_space()
    if digest := line.match(_DIGEST):
        return _of_digest(line, digest, type_, known)
    if not all(isinstance(dim, int) for dim in type_.shape) or type_.rank > LARGEST_RANK:
        raise line.error(f"an array cannot have the type {type_}", start)
    elements: list[bytes] = []
    if 0 in type_.shape:
        line.expect(_EMPTY, f"`[]`, as {type_} has no entries")
    else:
        _nested(line, type_, 0, elements)
    with line.blaming(start):
        array = np.frombuffer(b"".join(elements), type_.dtype)
        return Literal(array.reshape(type_.shape))


def _of_digest(line: Line, digest: re.Match[str], type_: TensorType, known: Known) -> Literal:
    if digest[1] not in known.constants:
        given = len(known.constants)
        why = f"expected the array of this digest in parse(text, constants=[...]); {given} given"
        raise line.error(why, *digest.span())
    literal = Literal(known.constants[digest[1]])
    if type_of_value(literal.array) != type_:
        why = f"expected an array of type {type_}; this is the digest of another"
        raise line.error(f"{why}, {type_of_value(literal.array)}", *digest.span())
    return literal


def _nested(line: Line, type_: TensorType, axis: int, elements: list[bytes]) -> None:
    # As deep as the rank, which is bounded.
    if axis == type_.rank:
        start = line.skip_space()
        found = line.expect(_ELEMENT, f"a number of dtype {dtype_name(type_.dtype)}")
        with line.blaming(start):
            elements.append(_number(found, type_.dtype).tobytes())
        return
    length = type_.shape[axis]
    assert isinstance(length, int)
    line.expect(_OPEN_LIST, "`[`")
    for k in range(length):
        if k:
            line.expect(COMMA, f"`,`: {type_} has {length} entries along axis {axis}")
        _nested(line, type_, axis + 1, elements)
    line.expect(_CLOSE_LIST, f"`]`: {type_} has {length} entries along axis {axis}")


# -- parameters ----------------------------------------------------------------------------


def read_value(line: Line, known: Known, depth: int = 0) -> Any:
    """A parameter's value: of the first kind whose beginning comes next."""
    start = line.at
    for pattern, read in _KINDS:
        if found := line.match(pattern):
            with line.blaming(start):
                return read(line, known, found)
    if line.next_is("(") and not _dim_text(line):
        return _tuple(line, known, depth)
    if line.next_is("<"):
        raise line.error("a Python object stood here, which no text can hold")
    return _dim_or_slice(line)


def _tuple(line: Line, known: Known, depth: int) -> tuple[Any, ...]:
    if depth == DEEPEST_PARAM:
        raise line.error(f"expected at most {DEEPEST_PARAM} tuples within one another")
    line.at += 1
    items: list[Any] = []
    while not line.match(CLOSE):
        line.skip_space()
        items.append(read_value(line, known, depth + 1))
        if not line.match(COMMA):
            line.expect(CLOSE, "`,` or `)`")
            if len(items) == 1:
                raise line.error("expected `,)`: a tuple of one ends in a comma", line.at - 1)
            break
    return tuple(items)


def _type_or_array(line: Line, known: Known, found: re.Match[str]) -> TensorType | Literal:
    type_ = parse_type(found[0])
    return type_ if compiled(_ENDS).match(line.text, line.at) else read_array(line, type_, known)


def _graph(line: Line, known: Known, found: re.Match[str]) -> Graph:
    if found[1] not in known.graphs:
        raise ValueError(f"expected a graph from above; none is named {found[1]}")
    return known.graphs[found[1]]


_WORDS: Final[Mapping[str, Any]] = {"None": None, "True": True, "False": False, **_DTYPES}

# How a kind of value begins, and what reads it. Tuples, sizes and slices are the rest.
_KINDS: Final[tuple[tuple[str, Callable[[Line, Known, Any], Any]], ...]] = (
    (r'"(?:[^"\\]|\\.)*"', lambda line, known, found: json.loads(found[0])),
    (rf"@({WORD})", _graph),
    (
        r"tuple\[",
        lambda line, known, found: _tuple_type(line, _CLOSE_LIST),
    ),
    (_TENSOR, _type_or_array),
    (
        rf"{_NUMBER}:(?P<dtype>{_DTYPE}){_ENDS}",
        lambda line, known, found: _number(found, _DTYPES[found["dtype"]]),
    ),
    (
        rf"(?:None|True|False|{_DTYPE}){_ENDS}",
        lambda line, known, found: _WORDS[found[0]],
    ),
    (  # an integer without a dtype is read as a size is
        rf"(?!-?[0-9]+{_ENDS}){_NUMBER}{_ENDS}",
        lambda line, known, found: _number(found).item(),
    ),
)

_DIM: Final = r"[A-Za-z0-9_+\-*/%()]{1,10001}"  # what is longer is refused as a size
_INTEGER: Final = r"-?[0-9]+"


def _dim_text(line: Line) -> str:
    """The size that comes next, up to a parenthesis it does not open; "" where none does."""
    found = compiled(_DIM).match(line.text, line.at)
    text = found[0] if found else ""
    depth = 0
    for k, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth < 0:
            text, depth = text[:k], 0
            break
    return "" if depth or text == "()" else text


def _dim(line: Line) -> Dim:
    start, text = line.at, _dim_text(line)
    if not text:
        raise line.error("expected a value: a number, size, string, tuple, type, dtype or @graph")
    line.at += len(text)
    with line.blaming(start):
        return _int(text) if compiled(_INTEGER).fullmatch(text) else as_dim(text)


def _dim_or_slice(line: Line) -> Dim | Slice:
    """``3``, ``n+1``; or a slice, ``1:n``, ``0:n:2``, ``n-1::-1``."""
    begin = line.at
    start = _dim(line)
    if not line.next_is(":"):
        return start
    line.at += 1
    stop = None if line.next_is(":") else _dim(line)
    step: Dim = 1
    if line.next_is(":"):
        line.at += 1
        step = _dim(line)
    if step == 0 or (isinstance(step, Size) and (bounds(step)[0] or 0) < 1):
        raise line.error(
            "expected an integer other than 0 as the step, or a size above 0", begin, line.at
        )
    if stop is None and step > 0:
        raise line.error("expected a stop: only a slice backwards may do without", begin, line.at)
    return Slice(start, -1 if stop is None else stop, step)
