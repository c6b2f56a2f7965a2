"""Where a node was made: the nearest line of the user's that is not symdiff's or NumPy's own.

This is the one place that looks at frames. What a code object's instruction offset stands for
is worked out once and kept, so recording costs a frame walk and two dict lookups.
"""

from __future__ import annotations

import contextlib
import os.path  # pathlib alone would take a third of the time `import symdiff` may
import sys
from types import CodeType
from typing import Final

import numpy as np

__all__ = ["Origin", "OriginRecorder"]

_INTERNAL: Final = (
    os.path.dirname(os.path.abspath(__file__)) + os.sep,
    os.path.dirname(os.path.abspath(np.__file__)) + os.sep,
    contextlib.__file__,  # `with graph.recording()` has it between the graph and the user
)


class Origin:
    """A file, a line and the function it stands in; printed as ``model.py:12``."""

    __slots__ = ("file", "function", "line")

    def __init__(self, file: str, line: int, function: str) -> None:
        self.file = file
        self.line = line
        self.function = function

    def __str__(self) -> str:
        return f"{os.path.basename(self.file)}:{self.line}"

    def __repr__(self) -> str:
        return f"Origin({self.file!r}, {self.line}, {self.function!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Origin):
            return NotImplemented
        return (self.file, self.line, self.function) == (other.file, other.line, other.function)

    def __hash__(self) -> int:
        return hash((self.file, self.line, self.function))


_UNKNOWN: Final = Origin("<unknown>", 0, "")


class OriginRecorder:
    """Finds the origin of what is being built now; one for each graph."""

    __slots__ = ("_sites",)

    def __init__(self) -> None:
        # id(code) -> (the code, kept alive so that the id stays its own; its sites by offset).
        # The sites are None for code of symdiff and NumPy.
        self._sites: dict[int, tuple[CodeType, dict[int, Origin] | None]] = {}

    def here(self) -> Origin:
        """The line of the nearest caller outside symdiff and NumPy."""
        sites = self._sites
        frame = sys._getframe(2)  # the nearest two callers are the graph's own
        while True:
            code = frame.f_code
            entry = sites.get(id(code))
            if entry is None:
                internal = code.co_filename.startswith(_INTERNAL)
                entry = sites[id(code)] = (code, None if internal else {})
            by_offset = entry[1]
            if by_offset is not None:
                origin = by_offset.get(frame.f_lasti)
                if origin is None:
                    origin = Origin(code.co_filename, frame.f_lineno or 0, code.co_qualname)
                    by_offset[frame.f_lasti] = origin
                return origin
            if frame.f_back is None:
                return _UNKNOWN
            frame = frame.f_back
