"""docs/cost.md is true: its snippets print what it shows, but for times.

``pytest --update-golden`` writes what they print into the page.
"""

from __future__ import annotations

import re

import pytest

from tests.pages import DOCS, blocks, printed, with_outputs

PAGE = DOCS / "cost.md"
EXACT, TIMED = "", "text"
"""Languages of the blocks that show what was printed: to the letter, or with a machine's times."""


def form_of(text: str) -> list[str]:
    """The lines of a text without its times, rates and blanks."""
    timeless = re.sub(r"[\d.]+ (ns|us|ms|s)\b", "", text)
    return [re.sub(r"\s+", " ", line) for line in timeless.splitlines()]


def lines_of(profile: str) -> set[str]:
    """What a profile's first table names in its last column, whatever the order."""
    _, table, _ = profile.split("\n\n")
    return {line.split("  ")[-1] for line in table.splitlines()}


def test_the_snippets_print_what_the_page_shows(request: pytest.FixtureRequest) -> None:
    text = PAGE.read_text(encoding="utf-8")
    found = printed(text)
    if request.config.getoption("--update-golden"):
        text = with_outputs(text, found)
        PAGE.write_text(text, encoding="utf-8")
    shown = [(language, block) for language, block in blocks(text) if language != "python"]
    assert [language for language, _ in shown] == [EXACT] * 4 + [TIMED] * 2
    for (language, block), now in zip(shown, found, strict=True):
        if language == EXACT:
            assert block == now, "pytest --update-golden writes it anew"
    (_, profile), (_, report) = shown[-2:]
    assert form_of(report) == form_of(found[-1])
    assert lines_of(profile) == lines_of(found[-2])
