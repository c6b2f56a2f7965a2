"""`docs/rewrites.md` lists every rule; ``pytest --update-golden`` writes the list anew."""

from __future__ import annotations

import pytest

from symdiff.rewrite.rules.tables import TABLES
from tests.rules_page import HEADING, PAGE, meaning, rules_part


def test_the_page_lists_the_rules_as_they_are(request: pytest.FixtureRequest) -> None:
    text = PAGE.read_text(encoding="utf-8")
    written, heading, _ = text.partition(HEADING)
    assert heading == HEADING
    page = written + rules_part()
    if request.config.getoption("--update-golden"):
        PAGE.write_text(page, encoding="utf-8")
        text = page
    assert text == page, "pytest --update-golden writes it anew"


def test_every_rule_is_on_the_page() -> None:
    text = rules_part()
    for rules in TABLES.values():
        for rule in rules:
            assert f"| `{rule.name}` | " in text


def test_every_rule_says_what_it_does() -> None:
    for rules in TABLES.values():
        for rule in rules:
            assert meaning(rule), f"{rule.name} has neither two sides nor a docstring"
