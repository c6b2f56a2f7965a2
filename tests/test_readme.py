"""The README is true: its example prints what it shows, and its commands run."""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The fenced blocks of that language, in order."""
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    return [code for name, code in fenced if name == language]


def test_the_example_prints_what_the_readme_shows() -> None:
    (code,) = blocks("python")
    shown = README.split("prints\n\n```\n")[1].split("```")[0]
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, "README.md", "exec"), {})
    assert out.getvalue() == shown


def test_the_command_line_it_shows_runs(tmp_path: Path) -> None:
    (command,) = [line for block in blocks("") for line in block.splitlines() if '"mean' in line]
    arguments = [sys.executable, "-m", "symdiff", *_words(command)[1:]]
    done = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "ridge.dot").exists()


def _words(command: str) -> list[str]:
    return [a or b for a, b in re.findall(r'"([^"]*)"|(\S+)', command)]


def test_every_page_it_points_to_exists() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


@pytest.mark.slow
def test_the_one_line_for_a_fresh_machine_runs_the_demo(tmp_path: Path) -> None:
    (command,) = [line for block in blocks("") for line in block.splitlines() if "demo" in line]
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", ROOT, clone], check=True)
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=clone,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "held-out third" in done.stdout
    assert "2.3894212918e+02, 5.5015643181e-04" in done.stdout
    assert "order 3" in done.stdout
