"""A static page for notebooks."""

from __future__ import annotations

from html import escape
from typing import Any

from symdiff.render import text

__all__ = ["page"]


def page(outputs: tuple[Any, ...], name: str) -> str:
    """The picture and the text of what `outputs` are computed from."""
    return f"<pre>{escape(text.cut(text.text(outputs)))}</pre>"
