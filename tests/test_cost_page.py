"""docs/cost.md is true: its snippets print what it shows, but for times.

``pytest --update-golden`` writes what they print into the page.
"""

from __future__ import annotations

import contextlib
import io
import linecache
import re
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parent.parent / "docs" / "cost.md"
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXACT, TIMED = "", "text"
"""Languages of the blocks that show what was printed: to the letter, or with a machine's times."""


def blocks() -> list[tuple[str, str]]:
    """The fenced blocks in order: (language, text)."""
    return FENCED.findall(PAGE.read_text(encoding="utf-8"))


def printed() -> list[str]:
    """What the Python blocks print that print anything, run in one namespace."""
    namespace: dict[str, Any] = {}
    found = []
    for k, (language, code) in enumerate(blocks()):
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


def form_of(text: str) -> list[str]:
    """The lines of a text without its times, rates and blanks."""
    timeless = re.sub(r"[\d.]+ (ns|us|ms|s)\b", "", text)
    return [re.sub(r"\s+", " ", line) for line in timeless.splitlines()]


def lines_of(profile: str) -> set[str]:
    """What a profile's first table names in its last column, whatever the order."""
    _, table, _ = profile.split("\n\n")
    return {line.split("  ")[-1] for line in table.splitlines()}


def test_the_snippets_print_what_the_page_shows(request: pytest.FixtureRequest) -> None:
    found = printed()
    if request.config.getoption("--update-golden"):
        texts = iter(found)
        page = FENCED.sub(
            lambda m: m[0] if m[1] == "python" else f"```{m[1]}\n{next(texts)}```",
            PAGE.read_text(encoding="utf-8"),
        )
        PAGE.write_text(page, encoding="utf-8")
    shown = [(language, text) for language, text in blocks() if language != "python"]
    assert [language for language, _ in shown] == [EXACT] * 4 + [TIMED] * 2
    for (language, text), now in zip(shown, found, strict=True):
        if language == EXACT:
            assert text == now, "pytest --update-golden writes it anew"
    (_, profile), (_, report) = shown[-2:]
    assert form_of(report) == form_of(found[-1])
    assert lines_of(profile) == lines_of(found[-2])
