"""docs/compiling.md names all there is to say to `sd.compile` and to ask of what it gives."""

from __future__ import annotations

import inspect
import re

import symdiff as sd
from tests.pages import DOCS

PAGE = DOCS / "compiling.md"


def test_every_option_and_attribute_is_on_the_page() -> None:
    text = PAGE.read_text(encoding="utf-8")
    options = inspect.signature(sd.compile).parameters
    public = [name for name in vars(sd.CompiledFunction) if not name.startswith("_")]
    for name in [*options, *public]:
        assert re.search(rf"\b{name}\b", text), name
