"""`docs/operations.md` is made from the registry: every op and what it says of itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from symdiff.op import REGISTRY, REQUIRED, Op

PAGE = Path(__file__).parent.parent / "docs" / "operations.md"
HEAD = """# Operations

Every operation a graph can hold, by form. NumPy's functions and operators on nodes make these.
Functions such as `sd.mean`, `sd.clip`, `sd.einsum` or the losses are compositions of them; their
docstrings say of what.

This page is made from the operations themselves; a test fails when it is stale.
"""
FORMS = {
    "elementwise": "Elementwise, broadcasting as NumPy does",
    "linear": "Linear in all operands",
    "reduction": "Reductions",
    "op": "Others",
    "structure": "Of the graph itself",
    "source": "Without operands",
}


def call(op: Op) -> str:
    operands = [f"*{name}" if op.variadic else name for name in op.arguments]
    params = [
        name if default is REQUIRED else f"{name}={default}"
        for name, default in op.parameters.items()
    ]
    return f"{op.name}({', '.join([*operands, *params])})"


def page() -> str:
    lines = [HEAD]
    for form, title in FORMS.items():
        lines += [f"## {title}", "", "| operation | |", "|---|---|"]
        for op in sorted(REGISTRY.complete().values(), key=lambda op: op.name):
            if op.form == form:
                text = " ".join(op.doc.split()).replace("|", "\\|")
                lines.append(f"| `{call(op)}` | {text} |")
        lines.append("")
    return "\n".join(lines)


def test_every_form_of_op_has_its_section() -> None:
    assert {op.form for op in REGISTRY.complete().values()} <= set(FORMS)


def test_the_page_is_what_the_registry_says(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--update-golden"):
        PAGE.write_text(page(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page()
