"""Every error a user meets: its class, and its message to the letter in `tests/golden/errors/`.

A message names the operands with their types, the user's line and the way out. The statements
below run as line 1 of ``user.py``, on what ``model.py`` made.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import symdiff as sd
from symdiff import errors

MODEL = """\
g = sd.Graph("model")
X = g.input("X", sd.f64["n", 3])
y = g.input("y", sd.f64["n"])
w = g.input("w", sd.f64[3])
s = g.input("s", sd.f64)
b = g.input("b", sd.bool_[2])
i = g.input("i", sd.i64[2])
u = g.input("u", sd.u8[2])
empty = g.input("empty", sd.f64[0])
area = g.input("area", sd.f64["h*k"])
even = g.input("even", sd.f64["2*k"])
pair = divmod(w, 2.0)[0].inputs[0]
other = sd.Graph("other")
v = other.input("v", sd.f64[3])
ridge = sd.trace(lambda X, w: sd.sum((X @ w) ** 2), sd.f64["n", 3], sd.f64[3])
tail = sd.trace(lambda x: x[1:], sd.f64["n"])
blind = sd.op("blind", "x", doc="No rules.", infer=lambda x: x, kernel=lambda x: x)
short = sd.op("short", "x", doc="Too few.", infer=lambda x: x, kernel=lambda x: x[1:])
objects = sd.op("objects", "x", doc="?", infer=lambda x: x, kernel=lambda x: x.astype(object))
broken = sd.op("broken", "x", doc="Fails.", infer=lambda x: x, kernel=lambda x: [][0])
"""

Cases = list[tuple[type[Exception], str]]

SHAPES: Cases = [
    (sd.ShapeError, "X @ y"),
    (sd.ShapeError, "w @ 2.0"),
    (sd.ShapeError, "X + y"),
    (sd.ShapeError, "w + np.ones(4)"),
    (sd.ShapeError, "w.reshape(2, 2)"),
    (sd.ShapeError, "w.reshape(-1, -1)"),
    (sd.ShapeError, "X.reshape(5, -1)"),
    (sd.ShapeError, "y.reshape('m')"),
    (sd.ShapeError, "w.mT"),
    (sd.ShapeError, "sd.sum(w, axis=1)"),
    (sd.ShapeError, "sd.sum(X, axis=(0, -2))"),
    (sd.ShapeError, "X.transpose(0, 0)"),
    (sd.ShapeError, "sd.broadcast_to(w, shape=(4,))"),
    (sd.ShapeError, "sd.refine(w, sd.f64[4])"),
    (sd.ShapeError, "sd.refine(w, sd.f64['n', 3])"),
    (sd.ShapeError, "sd.add_n(w, s)"),
    (sd.ShapeError, "w[3]"),
    (sd.ShapeError, "w[0, 0]"),
    (sd.ShapeError, "ridge(w, w)"),
    (sd.ShapeError, "tail(empty)"),
    (sd.ShapeError, "sd.f64[-1]"),
]

DTYPES: Cases = [
    (sd.DTypeError, "b - b"),
    (sd.DTypeError, "w & 1"),
    (sd.DTypeError, "u + 300"),
    (sd.DTypeError, "u * -1"),
    (sd.DTypeError, "w * np.array(['a'])"),
    (sd.DTypeError, "pair + 1.0"),
    (sd.DTypeError, "pair.shape"),
    (sd.DTypeError, "w.astype(str)"),
    (sd.DTypeError, "ridge(X.astype('f4'), w)"),
    (sd.DTypeError, "sd.refine(w, sd.f32[3])"),
    (sd.DTypeError, "g.constant(300, sd.u8)"),
    (sd.DTypeError, "g.constant('a')"),
]

ARGUMENTS: Cases = [
    (sd.ArgumentError, "sd.sum(w, axes=0)"),
    (sd.ArgumentError, "sd.sum(w, keepdims=2)"),
    (sd.ArgumentError, "sd.sum(w, axis='rows')"),
    (sd.ArgumentError, "sd.sin(1.0)"),
    (sd.ArgumentError, "sd.sin(w, w)"),
    (sd.ArgumentError, "pair[2]"),
    (sd.ArgumentError, "w[1.0]"),
    (sd.ArgumentError, "w[::0]"),
    (sd.ArgumentError, "w[..., ...]"),
    (sd.ArgumentError, "sd.f64[1.5]"),
    (sd.ParseError, "sd.f64['n +']"),
    (sd.ArgumentError, "g.input('no name', sd.f64)"),
    (sd.ArgumentError, "g.input('for', sd.f64)"),
    (sd.ArgumentError, "g.input('f64', sd.f64)"),
    (sd.ArgumentError, "g.input('w', sd.f64)"),
    (sd.ArgumentError, "g.input('z', None)"),
    (sd.ArgumentError, "g.input('z', 'f64')"),
    (sd.ArgumentError, "g.inputs_like({'a': {'b': sd.f64}, 'a_b': sd.f64})"),
    (sd.ArgumentError, "sd.Graph('no name')"),
    (sd.ArgumentError, "ridge(X)"),
    (sd.ArgumentError, "ridge(np.ones((2, 3)), np.ones(3))"),
    (sd.ArgumentError, "other()"),
    (sd.ArgumentError, "other.compact()"),
    (sd.ArgumentError, "sd.trace(lambda a: None, sd.f64)"),
    (sd.ArgumentError, "sd.trace(lambda a: [a, {'k': object}], sd.f64)"),
    (sd.ArgumentError, "sd.trace(lambda a: a)"),
    (sd.ArgumentError, "sd.substitute(3, {})"),
    (sd.ArgumentError, "sd.substitute(w, {'w': 1.0})"),
    (sd.ArgumentError, "sd.op('no name', 'x', doc='', infer=None, kernel=None)"),
    (sd.ArgumentError, "sd.op('f', 'x y', doc='', infer=None, kernel=None, vjp=(None,))"),
]

NUMPY: Cases = [
    (sd.ArgumentError, "np.busday_count(w, w)"),
    (sd.ArgumentError, "np.linalg.lstsq(w, w)"),
    (sd.ArgumentError, "np.isnat(w)"),
    (sd.ArgumentError, "np.subtract.accumulate(w)"),
    (sd.ArgumentError, "np.sin(w, out=np.ones(3))"),
    (sd.ArgumentError, "np.sum(w, out=np.ones(3))"),
    (sd.ArgumentError, "np.add(w, 1.0, where=[True])"),
]

MIXED: Cases = [
    (sd.MixedGraphError, "w + v"),
    (sd.MixedGraphError, "g.outputs = [w, v]"),
    (sd.MixedGraphError, "ridge(X, v)"),
    (sd.MixedGraphError, "sd.substitute(w, {w: v})"),
    (sd.MixedGraphError, "sd.evaluate([w, v])"),
    (sd.MixedGraphError, "sd.grad(sd.sum(w), v)"),
    (sd.MixedGraphError, "sd.trace(lambda a: w, sd.f64)"),
]

VALUES: Cases = [
    (sd.NoValueError, "bool(w > 0)"),
    (sd.NoValueError, "float(s)"),
    (sd.NoValueError, "int(s)"),
    (sd.NoValueError, "complex(s)"),
    (sd.NoValueError, "[1, 2][s]"),
    (sd.NoValueError, "len(y)"),
    (sd.NoValueError, "1.0 in w"),
    (sd.NoValueError, "np.array([w, w])"),
    (sd.NoValueError, "np.asarray(s)"),
    (sd.NoValueError, "w + [s, s, s]"),
]

DERIVATIVES: Cases = [
    (sd.ArgumentError, "sd.grad(w, w)"),
    (sd.ArgumentError, "sd.grad(s, w, disconnected='ignore')"),
    (sd.DisconnectedError, "sd.grad(sd.sum(w), X)"),
    (sd.NotDifferentiableError, "sd.grad(sd.sum(w * 1.0), i)"),
    (sd.NotDifferentiableError, "sd.grad(i[0], w)"),
    (sd.NotDifferentiableError, "sd.grad(sd.sum(blind(sd.sin(w))), w)"),
]

CALLS: Cases = [
    (sd.ArgumentError, "sd.evaluate(w)"),
    (sd.ArgumentError, "sd.evaluate(w, {'x': 1.0})"),
    (sd.ArgumentError, "sd.evaluate([w, 3])"),
    (sd.ArgumentError, "sd.evaluate(w, {w: w})"),
    (sd.ArgumentError, "sd.evaluate(w, {w: ['a', 'b', 'c']})"),
    (sd.ArgumentError, "sd.evaluate(pair[0], {pair: (1.0, 2.0)})"),
    (sd.ArgumentError, "sd.evaluate(y, {y: np.ones(2)}, sizes={'n': 2.5})"),
    (sd.ArgumentError, "sd.evaluate(s * 1.0, {s: 1.0}, sizes={'n': -2})"),
    (sd.DTypeError, "sd.evaluate(i, {i: np.array([1.5, 2.0])})"),
    (sd.ShapeError, "sd.evaluate(w, {w: np.ones(4)})"),
    (sd.ShapeError, "sd.evaluate(y, {y: np.ones((2, 2))})"),
    (
        sd.ShapeError,
        "sd.evaluate(X @ w + y, {X: np.ones((5, 3)), w: np.ones(3), y: np.ones(4)})",
    ),
    (sd.ShapeError, "sd.evaluate(y, {y: np.ones(2)}, sizes={'n': 3})"),
    (sd.ShapeError, "sd.evaluate(area, {area: np.ones(6)})"),
    (sd.ShapeError, "sd.evaluate(even, {even: np.ones(5)})"),
    (sd.ShapeError, "sd.evaluate(y[1:], {y: np.ones(0)})"),
    (sd.ShapeError, "sd.evaluate(y[-4], {y: np.ones(3)})"),
    (
        sd.ShapeError,
        "sd.evaluate(sd.refine(y, sd.f64['m']), {y: np.ones(2)}, sizes={'m': 3})",
    ),
    (sd.EvaluationError, "sd.evaluate(short(w), {w: np.ones(3)})"),
    (sd.EvaluationError, "sd.evaluate(objects(w), {w: np.ones(3)})"),
    (sd.EvaluationError, "sd.evaluate(broken(w), {w: np.ones(3)})"),
    (
        sd.NonFiniteError,
        "sd.evaluate(sd.log(w), {w: np.arange(-1.0, 2.0)}, stop_at_nonfinite=True)",
    ),
]

GROUPS: dict[str, Cases] = {
    "shapes": SHAPES,
    "dtypes": DTYPES,
    "arguments": ARGUMENTS,
    "numpy": NUMPY,
    "mixed_graphs": MIXED,
    "values": VALUES,
    "derivatives": DERIVATIVES,
    "calls": CALLS,
}

ALL = [case for cases in GROUPS.values() for case in cases]


def error_of(code: str) -> Exception:
    scope: dict[str, Any] = {"np": np, "sd": sd}
    exec(compile(MODEL, "model.py", "exec"), scope)
    with pytest.raises(sd.SymdiffError) as caught:
        exec(compile(code, "user.py", "exec"), scope)
    return caught.value


@pytest.mark.parametrize(("expected", "code"), ALL, ids=[code for _, code in ALL])
def test_an_error_has_the_class_that_is_documented(expected: type[Exception], code: str) -> None:
    assert type(error_of(code)) is expected


@pytest.mark.parametrize("group", GROUPS)
def test_messages_name_operands_types_line_and_way_out(
    group: str, golden: Callable[[str, str], None]
) -> None:
    shown = []
    for _, code in GROUPS[group]:
        error = error_of(code)
        lines = str(error).replace("\n", "\n    ")
        shown.append(f">>> {code}\n{type(error).__name__}\n    {lines}")
    golden(f"errors/{group}", "\n\n".join(shown))


def test_an_error_is_also_the_one_a_numpy_user_catches() -> None:
    builtin = {
        sd.ShapeError: ValueError,
        sd.ArgumentError: ValueError,
        sd.MixedGraphError: ValueError,
        sd.DisconnectedError: ValueError,
        sd.ParseError: ValueError,
        sd.DTypeError: TypeError,
        sd.NoValueError: TypeError,
        sd.NotDifferentiableError: TypeError,
        sd.EvaluationError: RuntimeError,
        sd.NonFiniteError: FloatingPointError,
        sd.InvariantError: AssertionError,
        sd.MissingDependencyError: ImportError,
    }
    assert {c.__name__ for c in builtin} == set(errors.__all__) - {"SymdiffError"}
    for error, base in builtin.items():
        assert issubclass(error, sd.SymdiffError)
        assert issubclass(error, base)


def test_every_class_has_an_example_here() -> None:
    elsewhere = {"InvariantError", "MissingDependencyError", "SymdiffError"}
    shown = {error.__name__ for error, _ in ALL}
    assert shown == set(errors.__all__) - elsewhere


def test_the_line_named_is_the_users_wherever_the_statement_stands() -> None:
    scope: dict[str, Any] = {"sd": sd}
    source = """\
g = sd.Graph("far")
x = g.input("x", sd.f64[3])
def layer(a):
    return a.reshape(2, 2)
def model(a):
    return layer(sd.sin(a))
model(x)
"""
    with pytest.raises(sd.ShapeError, match=r"%0 : f64\[3\] = sin x .*\(net.py:6\)\n.*net.py:4$"):
        exec(compile(source, "net.py", "exec"), scope)


def test_what_numpy_itself_refuses_stays_numpys_error() -> None:
    x = sd.Graph().input("x", sd.f64[3])
    for other in (object(), "a", {1}, None):
        with pytest.raises(TypeError, match="unsupported operand"):
            x + other
    with pytest.raises(TypeError, match="no axes"):
        len(sd.sum(x))
    with pytest.raises(TypeError, match="no axes"):
        iter(sd.sum(x))
