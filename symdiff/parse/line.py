"""One line of a text, how far it has been read, and the errors that point into it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Final

from symdiff.errors import ParseError, SymdiffError

__all__ = ["CLOSE", "COMMA", "SPACE", "WORD", "Line", "compiled"]

WORD: Final = r"[^\s,:;=(){}\[\]\"]+"
SPACE: Final = r"[ \t]*"
COMMA: Final = r"[ \t]*,[ \t]*"
CLOSE: Final = r"[ \t]*\)"

_END: Final = r"[ \t]*$"
_SHOWN: Final = 88  # characters of a faulty line in a message
_LONGEST: Final = 300  # characters of a line of a message, where hostile numbers make it long


# Patterns are texts, compiled when they are first used: `import symdiff` need not wait for them.
compiled = cache(re.compile)


class Line:
    """A line being read: its number in the text, its characters, and the next one's place."""

    __slots__ = ("at", "number", "text")

    def __init__(self, number: int, text: str, at: int = 0) -> None:
        self.number = number
        self.text = text
        self.at = at

    def match(self, pattern: str) -> re.Match[str] | None:
        """Read on over `pattern`, if it comes next."""
        found = compiled(pattern).match(self.text, self.at)
        if found is not None:
            self.at = found.end()
        return found

    def expect(self, pattern: str, what: str) -> re.Match[str]:
        """Read on over `pattern`; an error that says `what` was expected where it is missing."""
        found = self.match(pattern)
        if found is None:
            raise self.error(f"expected {what}")
        return found

    def expect_end(self) -> None:
        self.expect(_END, "the end of the line")

    def next_is(self, characters: str) -> bool:
        """Whether these characters come next."""
        return self.text.startswith(characters, self.at)

    @property
    def is_done(self) -> bool:
        """Whether nothing but space is left."""
        return compiled(_END).match(self.text, self.at) is not None

    def skip_space(self) -> int:
        """Read on over spaces; returns the place."""
        self.match(SPACE)
        return self.at

    def error(self, why: str, start: int | None = None, end: int = 0) -> ParseError:
        """The error that shows this line, with carets from `start` (or here) to `end`."""
        begin = self.skip_space() if start is None else start
        first = max(0, min(begin - _SHOWN // 2, len(self.text) - _SHOWN))
        marks = "^" * max(1, min(end, first + _SHOWN) - begin)
        why, *rest = why.split("\n")
        return ParseError(
            "\n".join(
                [
                    f"line {self.number}: {_cut(why)}",
                    f"    {_printable(self.text[first : first + _SHOWN])}",
                    f"    {' ' * (begin - first)}{marks}",
                    *map(_cut, rest),
                ]
            )
        )

    @contextmanager
    def blaming(self, start: int) -> Iterator[None]:
        """What goes wrong inside is the fault of the text from `start` on."""
        try:
            yield
        except (SymdiffError, ValueError) as error:
            if isinstance(error, ParseError) and str(error).startswith(f"line {self.number}: "):
                raise  # it shows its place already
            raise self.error(str(error).partition("\n")[0], start, self.at) from None


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " if c == "\t" else "?" for c in text)


def _cut(line: str) -> str:
    return _printable(line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…")
