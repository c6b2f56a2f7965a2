"""`examples/backprop/` and `docs/backprop.md`: every system of the literature runs, and is shown.

Each script prints what it states and asserts it, so to run one is to test it.
"""

from __future__ import annotations

import ast
import re
import runpy
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.graphviz import words
from tests.pages import BACKPROP, DOCS, ROOT, sections

SCRIPTS = sorted(file.name for file in BACKPROP.glob("*.py"))
IMAGES = DOCS / "images" / "backprop"
SHORTEST, LONGEST, WIDEST = 40, 100, 120


def numbered() -> dict[int, str]:
    """The scripts by the number of their system."""
    found = {}
    for script in SCRIPTS:
        doc = ast.get_docstring(ast.parse((BACKPROP / script).read_text(encoding="utf-8"))) or ""
        found[int(doc.partition(".")[0])] = script
    return found


def test_there_is_a_script_for_each_system() -> None:
    assert sorted(numbered()) == list(range(1, 18))


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_script_states_what_it_asserts(script: str) -> None:
    lines = (BACKPROP / script).read_text(encoding="utf-8").splitlines()
    assert SHORTEST <= len(lines) <= LONGEST
    assert any("assert" in line for line in lines)
    found = sections(script)
    assert found
    lengths = [len(line) for body in found.values() for line in body.splitlines()]
    assert max(lengths) <= WIDEST


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_page_tells_of_the_script(script: str) -> None:
    page = (DOCS / "backprop.md").read_text(encoding="utf-8")
    assert f"examples/backprop/{script}" in page
    assert re.search(rf"<!-- (code|prints): {script}\b", page)


def test_the_page_takes_the_systems_in_their_order() -> None:
    page = (DOCS / "backprop.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (\d+)\. .*\n\n`examples/backprop/(\w+\.py)`", page, re.MULTILINE)
    assert [(int(k), script) for k, script in headings] == sorted(numbered().items())


@pytest.mark.parametrize("script", SCRIPTS)
def test_its_pictures_show_what_it_draws_now(script: str, request: pytest.FixtureRequest) -> None:
    pictures = runpy.run_path(str(BACKPROP / script)).get("pictures", dict)()
    for name, svg in pictures.items():
        file = IMAGES / f"{name}.svg"
        if request.config.getoption("--update-golden"):
            file.parent.mkdir(exist_ok=True)
            file.write_text(svg, encoding="utf-8")
        shown, kept = (sorted(words(ElementTree.fromstring(s))) for s in (svg, file.read_text()))
        assert shown == kept, "pytest --update-golden draws the pictures again"
        assert f"](images/backprop/{name}.svg)" in (DOCS / "backprop.md").read_text()


def test_no_picture_is_left_from_before() -> None:
    page = (DOCS / "backprop.md").read_text(encoding="utf-8")
    assert {f"images/backprop/{file.name}" for file in IMAGES.iterdir()} == set(
        re.findall(r"\]\((images/[^)]+)\)", page)
    )


def test_a_script_runs_by_itself(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, BACKPROP / SCRIPTS[0]],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("== ")
    assert not list(tmp_path.iterdir())
