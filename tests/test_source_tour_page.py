"""docs/source-tour.md leads through the source as it is: each file it names is there, none of the
packages and top-level modules is left out, and its layers are those that the imports keep.
"""

from __future__ import annotations

import re

import symdiff as sd
from tests.pages import DOCS, blocks
from tests.test_layers import LAYERS

ROOT = DOCS.parent
SOURCE = ROOT / "symdiff"
TEXT = (DOCS / "source-tour.md").read_text(encoding="utf-8")
PATH = re.compile(r"`([\w./-]+(?:\.py|/))`")

NAMED = set(PATH.findall(TEXT))
"""Files and folders in backticks, from `symdiff/` on or from the root."""

ROWS = re.findall(r"^\| (\d) \| (.*) \|$", TEXT, re.MULTILINE)
"""The table of layers: number and text."""


def units() -> set[str]:
    """Top-level modules, and packages with those inside them, as the page names them."""
    packages = {file.parent for file in SOURCE.rglob("__init__.py")} - {SOURCE}
    modules = {file.name for file in SOURCE.glob("*.py")}
    return modules | {f"{folder.relative_to(SOURCE).as_posix()}/" for folder in packages}


def test_every_file_it_names_is_there() -> None:
    assert len(NAMED) > 60
    assert [n for n in sorted(NAMED) if not ((SOURCE / n).exists() or (ROOT / n).exists())] == []


def test_no_package_and_no_top_level_module_is_left_out() -> None:
    assert sorted(units() - NAMED) == []


def test_the_layers_are_those_that_the_imports_keep() -> None:
    shown = {int(number): set(PATH.findall(text)) for number, text in ROWS}
    there = units()
    kept = {
        layer: {name for unit in members for name in (f"{unit}.py", f"{unit}/") if name in there}
        for layer, members in LAYERS.items()
    }
    inner = {name for name in NAMED if "/" in name.rstrip("/")}
    assert {layer: names - inner for layer, names in shown.items()} == kept


def test_the_expression_is_followed_to_the_end() -> None:
    outputs = [block.text for block in blocks(TEXT) if block.language == ""]
    for stage in ("subtract %1 1.0", "expm1 %0", "exp_minus_one", "in place of", "expm1(v0,"):
        assert any(stage in shown for shown in outputs), stage


def test_names_of_the_source_in_the_text_are_names_of_the_source() -> None:
    code = "\n".join(file.read_text(encoding="utf-8") for file in SOURCE.rglob("*.py"))
    for name in ("pruned", "_filled", "Graph.apply", "Graph.intern", "Op.infer", "Node.__pow__"):
        assert f"`{name}`" in TEXT, name
        owner, _, attribute = name.rpartition(".")
        if owner:
            assert attribute in {*dir(getattr(sd, owner)), *getattr(sd, owner).__slots__}, name
        else:
            assert re.search(rf"^def {name}\b", code, re.MULTILINE), name
