"""Reading a size: precedence climbing, by Python's precedence; an error shows its place."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from keyword import iskeyword
from typing import NoReturn

from symdiff.errors import ArgumentError, ParseError
from symdiff.sizes import divide, sums
from symdiff.sizes.sums import Sum

MAX_NESTING = 70  # more than a quotient of MAX_WEIGHT prints with

# Operator -> how tightly it binds, and what it does.
_OPERATIONS: dict[str, tuple[int, Callable[[Sum, Sum], Sum]]] = {
    "+": (1, sums.add),
    "-": (1, sums.subtract),
    "*": (2, sums.multiply),
    "//": (2, divide.floor_divide),
    "%": (2, divide.remainder),
    "**": (4, divide.power),
}
_SIGN = 3  # how tightly the - of "-n" binds
_RESERVED = {"bool", "bool_", "f16", "f32", "f64", "c64", "c128", "nan", "inf"}
_RESERVED |= {"i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64"}
_TOKEN = r"[ \t]*(?:([0-9]+)|([A-Za-z_][A-Za-z0-9_]*)|(\*\*|//|[-+*/%()])|(\S)|$)"
_UNEXPECTED = {
    ")": "this parenthesis was never opened",
    "/": "`/` gives no integer; write `//`",
}


@cache
def _token_pattern() -> re.Pattern[str]:
    return re.compile(_TOKEN)  # on first use: compiling costs a program that names no size


def read(text: str) -> Sum:
    """The sum that a text means; a `ParseError` shows the place where it means none."""
    reader = _Reader(text)
    terms = reader.expression(1)
    if reader.kind:
        reader.fail(_UNEXPECTED.get(reader.kind, "an operator is missing here"))
    return terms


class _Reader:
    """A text and its next token, of the kind "number", "name", itself, or "" at the end."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.nesting = 0
        self.end = 0
        self.advance()

    def advance(self) -> None:
        found = _token_pattern().match(self.text, self.end)
        if found is None:  # a line break, or another space than blank and tab
            self.start = self.end
            self.fail("a size is one line of names, integers and + - * // % ** ( )")
        number, name, sign, other = found.groups()
        self.token = number or name or sign or ""
        self.kind = "number" if number else "name" if name else self.token
        self.end = found.end()
        self.start = self.end - len(other or self.token)
        if other:
            self.fail(f"{other!r} has no meaning in a size")

    def fail(self, why: str, place: int | None = None) -> NoReturn:
        place = self.start if place is None else place
        first = max(0, place - 40)
        window = re.sub(r"\s", " ", self.text[first : place + 30])
        mark = " " * (place - first) + "^"
        raise ParseError(f"not a size: {why}\n    {window}\n    {mark}")

    def expression(self, tightness: int) -> Sum:
        """Operands joined by operators that bind at least so tightly."""
        terms = self.operand()
        while self.kind in _OPERATIONS:
            binding, operation = _OPERATIONS[self.kind]
            if binding < tightness:
                break
            power, place = self.kind == "**", self.start
            self.advance()
            # From right to left for **, from left to right for the others.
            right = self.nested(binding) if power else self.expression(binding + 1)
            try:
                terms = operation(terms, right)
            except ArgumentError as error:
                self.fail(str(error), place)
        return terms

    def nested(self, tightness: int) -> Sum:
        if self.nesting == MAX_NESTING:
            self.fail(f"more than {MAX_NESTING} parentheses and powers within one another")
        self.nesting += 1
        terms = self.expression(tightness)
        self.nesting -= 1
        return terms

    def operand(self) -> Sum:
        if self.kind in ("+", "-"):
            return self.signed()
        token = self.token
        if self.kind == "(":
            self.advance()
            terms = self.nested(1)
            if self.kind != ")":
                what = "an operator is missing here, or" if self.kind else "the text ends, but"
                self.fail(f"{what} the parenthesis is not closed")
        elif self.kind == "number":
            if len(token) > 39 or int(token) >= sums.MAX_INT:
                self.fail("a number of 2**128 or more is not a size")
            terms = sums.constant(int(token))
        elif self.kind == "name":
            if iskeyword(token):
                self.fail(f"{token} is a Python keyword; a size needs another name")
            if token in _RESERVED:
                self.fail(f"{token} is a dtype or a float constant; a size needs another name")
            terms = sums.single(token)
        else:
            self.fail("a name or an integer is missing here")
        self.advance()
        return terms

    def signed(self) -> Sum:
        negative = False
        while self.kind in ("+", "-"):
            negative ^= self.kind == "-"
            self.advance()
        terms = self.expression(_SIGN)
        return sums.negate(terms) if negative else terms
