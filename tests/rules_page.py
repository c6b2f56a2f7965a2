"""The part of `docs/rewrites.md` that is made from the rule tables: every rule, and its level."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from inspect import getmodule
from pathlib import Path
from types import FunctionType
from typing import Any, Final

import symdiff as sd
from symdiff.rewrite.pattern import Form, Rule, Variable
from symdiff.rewrite.rules.tables import TABLES
from symdiff.rewrite.show import shown

__all__ = ["HEADING", "PAGE", "meaning", "rules_part"]

PAGE: Final = Path(__file__).parent.parent / "docs" / "rewrites.md"
HEADING: Final = "## The rules"

_INFIX: Final = {
    "add": "+",
    "subtract": "-",
    "multiply": "*",
    "divide": "/",
    "matmul": "@",
    "pow": "**",
}
_MOST_OPS: Final = 4


def rules_part() -> str:
    """The heading and, under it, a table of rules for each table of the library."""
    parts = [HEADING, _summary()]
    for name, rules in TABLES.items():
        parts += [f"### {name}", "\n".join(_rows(rules))]
    return "\n\n".join(parts) + "\n"


def _summary() -> str:
    names = {rule.name for rules in TABLES.values() for rule in rules}
    return (
        f"{len(names)} rules in {len(TABLES)} tables, in the order in which they are tried. "
        "This part is made from the tables: `pytest --update-golden` writes it anew."
    )


def _rows(rules: Sequence[Rule]) -> Iterator[str]:
    yield "| rule | at | before → after | level |"
    yield "|---|---|---|---|"
    rows: dict[tuple[str, str, str], list[str]] = {}
    for rule in rules:
        level = "default" if rule.exact else "fast"
        at = rows.setdefault((rule.name, meaning(rule), level), [])
        if rule.op.name not in at:
            at.append(rule.op.name)
    for (name, says, level), ops in rows.items():
        shown_ops = ", ".join(f"`{op}`" for op in ops[:_MOST_OPS])
        more = f" and {len(ops) - _MOST_OPS} more" if len(ops) > _MOST_OPS else ""
        yield f"| `{name}` | {shown_ops}{more} | {_cell(says)} | {level} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("``", "`").replace(" -> ", " → ")


def meaning(rule: Rule) -> str:
    """What a rule does: both sides, or what its function says of itself, which may be nothing."""
    if rule.left is not None:
        right = _right(rule)
        if right is not None:
            return f"`{_text(rule.left)}` → `{right}`"
    return _said(rule.apply)


def _said(function: Callable[..., Any]) -> str:
    """The first sentence of the docstring of the function of a rule, or of one it wraps."""
    stack: list[Any] = [function]
    while stack:
        found = stack.pop(0)
        module = getmodule(found)
        ours = module is not None and module.__name__.startswith("symdiff.rewrite")
        if ours and found.__doc__ and module.__name__ != "symdiff.rewrite.pattern":
            return re.sub(r"\s+", " ", found.__doc__.strip().split("\n\n")[0])
        cells = [cell.cell_contents for cell in found.__closure__ or ()]
        stack += [c for c in cells if isinstance(c, FunctionType)]
    return ""


# -- both sides of a pattern -----------------------------------------------------------------


def _text(term: Any, inside: bool = False) -> str:
    if isinstance(term, Variable):
        return term.name
    if not isinstance(term, Form):
        return repr(term) if not isinstance(term, int | float) or term >= 0 else f"({term!r})"
    if term.op.name == "negative":
        return f"-{_text(term.args[0], True)}"
    if term.op.name in _INFIX:
        sides = [_text(arg, True) for arg in term.args]
        both = f" {_INFIX[term.op.name]} ".join(sides)
        return f"({both})" if inside else both
    params = [f"{key}={value}" for key, value in term.params.items()]
    return f"{term.op.name}({', '.join([*map(_text, term.args), *params])})"


def _right(rule: Rule) -> str | None:
    """The right side over the pattern's variables, or over nodes where it asks about them."""
    assert rule.right is not None
    code = getattr(rule.right, "__code__", None)
    if code is None:  # an op, of which the variables are the operands
        names = tuple("xyz"[: len(rule.right.arguments)])  # type: ignore[attr-defined]
    else:
        names = code.co_varnames[: code.co_argcount]
    try:
        return _text(rule.right(*[Variable(name) for name in names]))
    except (AttributeError, TypeError, sd.SymdiffError):
        pass
    for shape in (("n",), ("n", "n"), ()):
        graph = sd.Graph()
        try:
            found = rule.right(*[graph.input(name, sd.f64[shape]) for name in names])
        except (AttributeError, TypeError, ValueError, sd.SymdiffError):
            continue
        return shown(found, depth=9) if isinstance(found, sd.Node) else repr(found)
    return None
