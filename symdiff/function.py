"""The function face: a plain NumPy-style function with its derivatives, compiled as needed."""

from __future__ import annotations

import functools
import inspect
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from symdiff import first_use
from symdiff.compile import CompiledFunction, compile
from symdiff.errors import ArgumentError, DTypeError
from symdiff.graph import Graph
from symdiff.node import Node
from symdiff.trace import trace_nested
from symdiff.trees import flatten, map_tree
from symdiff.types import DType, TensorType, as_type

__all__ = ["Function", "function"]

MOST_SPECIALISATIONS: Final = 32
"""Sets of argument types a function keeps compiled; the least recently used goes first."""


def function(f: Any = None, /, *types: Any, wrt: Any = 0) -> Any:
    """A NumPy-style function with `.value`, `.grad`, `.hessian`, … of its own.

    Arguments: `f`, a function of arrays (NumPy's functions and operators, sd's too) returning
    one array or nested arrays; derivatives need a scalar. Every argument of a call is an array or
    a number, nested or not, and a node inside `f`; fix other arguments, such as a number of
    steps, with `functools.partial`. `types`, one for each argument
    (nested as the argument is): given with named sizes the function is compiled once for all;
    without types it is compiled for each set of dtypes and shapes it is called with, and the
    most recent 32 are kept. `wrt`, the position or name of the argument to differentiate by, or
    a tuple of those.

    Also a decorator, ``@sd.function`` or ``@sd.function(wrt=1)``.

    >>> import numpy as np, symdiff as sd
    >>> @sd.function
    ... def f(x):
    ...     return np.sum(np.sin(x) ** 2)
    >>> f.grad(np.array([0.0, np.pi / 4]))
    array([0., 1.])
    """
    if callable(f):
        return Function(f, types, wrt)
    if f is not None and not isinstance(f, TensorType | DType):
        raise ArgumentError(f"function: {f!r} is neither a function nor a type")
    given = types if f is None else (f, *types)
    return lambda target: Function(target, given, wrt)


def _derive() -> Any:
    return first_use.module("derive")


class _Traced:
    """One specialisation: the graph for one set of types, and what was compiled from it."""

    def __init__(
        self, f: Callable[..., Any], types: tuple[Any, ...], wrt: tuple[int, ...]
    ) -> None:
        self.graph, self.result = trace_nested(f, types, {})
        names = iter(self.graph.inputs)
        self.arguments = [map_tree(lambda _: next(names), t) for t in types]
        targets = [self.arguments[k] for k in wrt]
        self.wrt = targets[0] if len(targets) == 1 else tuple(targets)
        self.compiled: dict[str, CompiledFunction] = {}

    def get(self, what: str) -> CompiledFunction:
        if what not in self.compiled:
            self.compiled[what] = getattr(self, f"_{what}")()
        return self.compiled[what]

    def _scalar(self) -> Node:
        if not isinstance(self.result, Node):
            raise ArgumentError(
                f"{self.graph.name} returns several values; derivatives need one scalar"
            )
        return self.result

    def _value(self) -> CompiledFunction:
        nodes = map_tree(lambda leaf: self.graph.constant(leaf), self.result)
        return compile(self.arguments, nodes)

    def _grad(self) -> CompiledFunction:
        return compile(
            self.arguments, _derive().grad(self._scalar(), self.wrt, disconnected="zero")
        )

    def _value_and_grad(self) -> CompiledFunction:
        z = self._scalar()
        return compile(self.arguments, (z, _derive().grad(z, self.wrt, disconnected="zero")))

    def _hessian(self) -> CompiledFunction:
        return compile(self.arguments, _derive().hessian(self._scalar(), self.wrt))

    def _hvp(self) -> CompiledFunction:
        taken = {str(i.name) for i in self.graph.inputs}
        prefix = "v"
        while any(name.startswith(prefix) for name in taken):
            prefix += "_"
        types = map_tree(lambda node: node.type, self.wrt)
        direction = self.graph.inputs_like(types, prefix)
        return compile(
            [*self.arguments, direction], _derive().hvp(self._scalar(), self.wrt, direction)
        )


class Function:
    """A traced function and its derivatives; see `function`.

    ``f(*args)`` and ``f.value(*args)`` give the value; `grad`, `value_and_grad` and `hessian`
    the derivatives with respect to `wrt`; ``hvp(args, v)`` the Hessian times `v`; `graph` the
    graph of the latest (or only) specialisation.
    """

    def __init__(self, f: Callable[..., Any], types: tuple[Any, ...], wrt: Any) -> None:
        functools.update_wrapper(self, f)
        self.__name__ = getattr(f, "__name__", type(f).__name__)
        self._f = f
        self._signature = inspect.signature(f)
        self._names = list(self._signature.parameters)
        chosen = wrt if isinstance(wrt, tuple | list) else (wrt,)
        self._wrt = tuple(self._position(w) for w in chosen)
        self._types = types
        if types and max(self._wrt) >= len(types):
            raise ArgumentError(f"{self.__name__}: wrt={wrt!r}, but {len(types)} types are given")
        self._kept: OrderedDict[Any, _Traced] = OrderedDict()
        self._only = _Traced(f, types, self._wrt) if types else None

    def _position(self, wrt: Any) -> int:
        if isinstance(wrt, str) and wrt in self._names:
            return self._names.index(wrt)
        if isinstance(wrt, int) and not isinstance(wrt, bool) and 0 <= wrt < len(self._names):
            return wrt
        raise ArgumentError(
            f"wrt={wrt!r} is no argument of {self.__name__}; "
            f"its arguments are {', '.join(self._names)}"
        )

    def __call__(self, *args: Any, **named: Any) -> Any:
        """The value at these arguments."""
        return self._run("value", args, named)

    def value(self, *args: Any, **named: Any) -> Any:
        """The value at these arguments."""
        return self._run("value", args, named)

    def grad(self, *args: Any, **named: Any) -> Any:
        """The gradient with respect to `wrt`, in the nesting of that argument."""
        return self._run("grad", args, named)

    def value_and_grad(self, *args: Any, **named: Any) -> tuple[Any, Any]:
        """The value and the gradient."""
        value, gradient = self._run("value_and_grad", args, named)
        return value, gradient

    def hessian(self, *args: Any, **named: Any) -> Any:
        """The Hessian with respect to `wrt`; nested arguments give nested blocks."""
        return self._run("hessian", args, named)

    def hvp(self, args: Any, v: Any) -> Any:
        """The Hessian at `args` (a tuple of arguments, or one) times `v`, nested as `wrt`."""
        given = args if isinstance(args, tuple) else (args,)
        arguments = self._bound(given, {})
        return self._traced(arguments).get("hvp")(*arguments, v)

    @property
    def graph(self) -> Graph:
        """The graph of the latest specialisation, gradients asked for so far included."""
        if self._only is not None:
            return self._only.graph
        if not self._kept:
            raise ArgumentError(
                f"{self.__name__} has not been called yet; give it types to have "
                "its graph beforehand"
            )
        return next(reversed(self._kept.values())).graph

    def _run(self, what: str, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        arguments = self._bound(args, named)
        return self._traced(arguments).get(what)(*arguments)

    def _bound(self, args: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
        if not named and len(args) == (len(self._types) or len(self._names)):
            return args
        try:
            bound = self._signature.bind(*args, **named)
        except TypeError as error:
            raise ArgumentError(f"{self.__name__}: {error}") from None
        least = max(len(self._types) - 1, *self._wrt)
        needed = {*bound.arguments, *self._names[: least + 1]}
        last = max(map(self._names.index, needed))
        bound.apply_defaults()
        for name in self._names[last + 1 :]:  # the function has these defaults itself
            del bound.arguments[name]
        return (*bound.args, *bound.kwargs.values())

    def _traced(self, arguments: tuple[Any, ...]) -> _Traced:
        if self._only is not None:
            return self._only
        structure = [map_tree(self._type_of, _settled(a)) for a in arguments]
        key = repr(structure)  # a list is another nesting than a tuple
        found = self._kept.pop(key, None)
        if found is None:
            found = _Traced(self._f, tuple(structure), self._wrt)
            if len(self._kept) >= MOST_SPECIALISATIONS:
                self._kept.popitem(last=False)
        self._kept[key] = found
        return found

    def _type_of(self, value: Any) -> TensorType:
        if isinstance(value, Node):
            raise ArgumentError(
                "a sd.function is called with arrays; call the plain function on nodes"
            )
        try:
            return as_type(np.asarray(value))
        except (DTypeError, ValueError):
            raise ArgumentError(
                f"{self.__name__}: {value!r} is not an array of numbers; fix what "
                "is none beforehand, sd.function(functools.partial(f, name=value))"
            ) from None


def _settled(value: Any) -> Any:
    """Lists of plain numbers are arrays, as NumPy takes them; lists of arrays are nested."""
    if isinstance(value, dict):
        return {key: _settled(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        if all(isinstance(leaf, int | float | complex) for leaf in flatten(value)):
            try:
                return np.asarray(value)
            except ValueError as error:
                raise ArgumentError(f"{value!r} makes no array: {error}") from None
        return type(value)(map(_settled, value)) if type(value) in (list, tuple) else value
    return value
