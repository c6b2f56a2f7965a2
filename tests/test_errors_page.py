"""docs/errors.md has a section for each class of error, and what it shows there raises it."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import symdiff as sd
from symdiff import errors
from tests.pages import DOCS, blocks

TEXT = (DOCS / "errors.md").read_text(encoding="utf-8")
BEFORE, *PARTS = re.split(r"^## (.*)\n", TEXT, flags=re.MULTILINE)
HEADINGS = PARTS[::2]
SECTIONS = dict(zip(HEADINGS, PARTS[1::2], strict=True))


def in_order() -> list[str]:
    """The classes as `symdiff/errors.py` has them, the base class first."""
    return [name for name, value in vars(errors).items() if isinstance(value, type)]


def seen(code: str, name: str, namespace: dict[str, Any]) -> set[type[BaseException]]:
    """The classes of the exceptions that reach the lines of a block, caught there or not."""
    found: set[type[BaseException]] = set()

    def watch(frame: FrameType, event: str, what: Any) -> Any:
        if event == "exception":
            found.add(what[0])
        return watch if frame.f_code.co_filename == name else None

    before = sys.gettrace()
    sys.settrace(watch)
    try:
        exec(compile(code, name, "exec"), namespace)
    finally:
        sys.settrace(before)
    return found


@pytest.fixture(scope="module")
def raised(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[type[BaseException]]]:
    """Heading -> what the blocks of its section raise, in one namespace as on the page."""
    here = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("errors"))
    namespace: dict[str, Any] = {}
    try:
        seen("".join(b.text for b in blocks(BEFORE) if b.language == "python"), "head", namespace)
        return {
            heading: set().union(
                *[
                    seen(block.text, heading, namespace)
                    for block in blocks(section)
                    if block.language == "python"
                ]
            )
            for heading, section in SECTIONS.items()
        }
    finally:
        os.chdir(here)


def test_every_class_has_a_heading_of_its_name_and_there_is_no_other() -> None:
    assert in_order() == HEADINGS
    assert set(HEADINGS) == set(errors.__all__)


@pytest.mark.parametrize("name", errors.__all__)
def test_a_snippet_below_the_heading_raises_the_class(
    name: str, raised: dict[str, set[type[BaseException]]]
) -> None:
    error = getattr(errors, name)
    found = raised[name]
    if error is sd.SymdiffError:  # what is caught by it
        assert len(found) > 1
        assert all(issubclass(one, error) for one in found)
    else:
        assert found == {error}


@pytest.mark.parametrize("name", errors.__all__)
def test_the_section_says_which_built_in_error_it_is_and_what_to_do(name: str) -> None:
    error = getattr(errors, name)
    builtin = next(base for base in error.__mro__ if base.__module__ == "builtins")
    assert re.match(rf"\s*Also an? `{builtin.__name__}`", SECTIONS[name])
    assert ("**What to do.**" in SECTIONS[name]) == (error is not sd.SymdiffError)


def test_an_exception_that_a_block_catches_is_seen() -> None:
    code = "try:\n    float('x')\nexcept ValueError:\n    pass\n"
    assert seen(code, "block", {}) == {ValueError}
    assert seen("1 + 1", "block", {}) == set()
