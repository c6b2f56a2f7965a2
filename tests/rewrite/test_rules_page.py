"""`docs/rewrites.md` is true: its snippets print what it shows, and every rule is listed.

``pytest --update-golden`` writes both anew.
"""

from __future__ import annotations

import contextlib
import io
import linecache
import re
from typing import Any

import pytest

from symdiff.rewrite.rules.tables import TABLES
from tests.rules_page import HEADING, PAGE, meaning, rules_part

FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def printed(text: str) -> list[str]:
    """What the Python blocks print that print anything, run in one namespace."""
    namespace: dict[str, Any] = {}
    found = []
    for language, code in FENCED.findall(text):
        if language == "python":
            linecache.cache["model.py"] = (len(code), None, code.splitlines(True), "model.py")
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                exec(compile(code, "model.py", "exec"), namespace)
            if out.getvalue():
                found.append(out.getvalue())
    return found


def test_the_page_is_what_the_rules_and_its_snippets_say(request: pytest.FixtureRequest) -> None:
    text = PAGE.read_text(encoding="utf-8")
    written, heading, _ = text.partition(HEADING)
    assert heading == HEADING
    outputs = iter(printed(written))
    page = FENCED.sub(
        lambda m: m[0] if m[1] == "python" else f"```{m[1]}\n{next(outputs)}```", written
    )
    assert next(outputs, None) is None, "what a block prints is shown under it"
    page += rules_part()
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
