"""docs/compiling.md is true: its snippets print what it shows.

``pytest --update-golden`` writes what they print into the page.
"""

from __future__ import annotations

import inspect
import re

import pytest

import symdiff as sd
from tests.pages import DOCS, printed, shown, with_outputs

PAGE = DOCS / "compiling.md"


def test_the_snippets_print_what_the_page_shows(request: pytest.FixtureRequest) -> None:
    text = PAGE.read_text(encoding="utf-8")
    found = printed(text)
    if request.config.getoption("--update-golden"):
        text = with_outputs(text, found)
        PAGE.write_text(text, encoding="utf-8")
    assert shown(text) == found, "pytest --update-golden writes it anew"


def test_every_option_and_attribute_is_on_the_page() -> None:
    text = PAGE.read_text(encoding="utf-8")
    options = inspect.signature(sd.compile).parameters
    public = [name for name in vars(sd.CompiledFunction) if not name.startswith("_")]
    for name in [*options, *public]:
        assert re.search(rf"\b{name}\b", text), name


def test_its_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([\w.-]+)\)", PAGE.read_text(encoding="utf-8"))
    assert {"cost.md", "rewrites.md", "stability.md"} <= set(links)
    assert all((DOCS / link).exists() for link in links)
