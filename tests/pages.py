"""Pages of `docs/` whose blocks are run: each ``python`` block that prints is followed by a
block that shows what it prints.
"""

from __future__ import annotations

import contextlib
import io
import linecache
import re
from pathlib import Path
from typing import Any, Final

__all__ = ["blocks", "printed", "shown", "with_outputs"]

DOCS: Final = Path(__file__).parent.parent / "docs"
FENCED: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(text: str) -> list[tuple[str, str]]:
    """The fenced blocks in order: (language, text)."""
    return FENCED.findall(text)


def shown(text: str) -> list[str]:
    """What the page shows as printed."""
    return [block for language, block in blocks(text) if language != "python"]


def printed(text: str) -> list[str]:
    """What the Python blocks print that print anything, run in one namespace.

    The first is the file ``model.py``, so that its lines can be named.
    """
    namespace: dict[str, Any] = {}
    found = []
    for k, (language, code) in enumerate(blocks(text)):
        if language != "python":
            continue
        name = "model.py" if k == 0 else f"block{k}.py"
        linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(code, name, "exec"), namespace)
        if out.getvalue():
            found.append(out.getvalue())
    return found


def with_outputs(text: str, outputs: list[str]) -> str:
    """The page showing these outputs."""
    rest = iter(outputs)
    return FENCED.sub(lambda m: m[0] if m[1] == "python" else f"```{m[1]}\n{next(rest)}```", text)
