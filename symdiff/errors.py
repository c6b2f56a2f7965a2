"""The errors symdiff raises: one base class and its few subclasses.

Each class also derives from the built-in error a NumPy user would catch. Every message says
what went wrong, which operands with which types, the user's line, and the way out; the layers
above make those messages, each in one place.
"""

from __future__ import annotations

__all__ = [
    "ArgumentError",
    "DTypeError",
    "DisconnectedError",
    "EvaluationError",
    "InvariantError",
    "MissingDependencyError",
    "MixedGraphError",
    "NoValueError",
    "NonFiniteError",
    "NotDifferentiableError",
    "ParseError",
    "ShapeError",
    "SymdiffError",
]


class SymdiffError(Exception):
    """Base class of every error symdiff raises on purpose."""


class ShapeError(SymdiffError, ValueError):
    """Shapes, sizes or axes do not fit, or their fit cannot be decided."""


class DTypeError(SymdiffError, TypeError):
    """A dtype has no meaning for the operation."""


class ArgumentError(SymdiffError, ValueError):
    """An argument of a call is missing, unknown, of the wrong kind or out of range."""


class MixedGraphError(SymdiffError, ValueError):
    """Nodes of two graphs meet in one operation."""


class NoValueError(SymdiffError, TypeError):
    """A symbolic node or size was used where Python needs a value."""


class NotDifferentiableError(SymdiffError, TypeError):
    """A derivative was asked for where none is defined."""


class DisconnectedError(SymdiffError, ValueError):
    """A gradient was asked for with respect to a node the output does not depend on."""


class ParseError(SymdiffError, ValueError):
    """A text is not a graph, a type or a size; the message shows the place."""


class EvaluationError(SymdiffError, RuntimeError):
    """A kernel failed or gave a value that is not of its node's type."""


class NonFiniteError(SymdiffError, FloatingPointError):
    """A node's value has a NaN or an infinity, and the caller asked to stop there."""


class InvariantError(SymdiffError, AssertionError):
    """`Graph.check` found a broken invariant: a bug in symdiff or in an op."""


class MissingDependencyError(SymdiffError, ImportError):
    """An optional package is not installed; the message names the extra that brings it."""
