"""Modules that load when they are first used, so that `import symdiff` costs little.

`import symdiff` may cost a fifth of `import numpy`. What a program may never need (the reader of
texts, pages for notebooks, rewriting, code generation) is named here by its user, one layer or
more above it, and loaded by its first call.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["module"]


def module(name: str) -> Any:
    """The module ``symdiff.<name>``, loaded now if it is not yet."""
    return import_module(f"symdiff.{name}")
