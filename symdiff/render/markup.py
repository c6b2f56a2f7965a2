"""Text made safe to stand in HTML, SVG and DOT.

The standard library's `html` and a compiled pattern would do, and cost `import symdiff` twenty
milliseconds.
"""

from __future__ import annotations

__all__ = ["escape", "printable"]

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"}


def printable(text: str) -> str:
    """`text` with what XML forbids (1.0, section 2.2) replaced by U+FFFD."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if _is_xml(ord(c)) else "\ufffd" for c in text)


def escape(text: str) -> str:
    """`text` with the characters of markup as entities.

    >>> escape("a < b")
    'a &lt; b'
    """
    return "".join(_ENTITIES.get(c, c) for c in printable(text))


def _is_xml(code: int) -> bool:
    if code < 0x20:
        return code in (0x9, 0xA, 0xD)
    return not (0xD800 <= code <= 0xDFFF or code in (0xFFFE, 0xFFFF))
