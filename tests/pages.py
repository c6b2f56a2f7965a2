"""Pages of `docs/` as they must be: every block run, everything it shows made anew.

A page is true if `true_page` gives it back. What it does with a fenced block:

- ``python``: runs it in the page's namespace, as the file ``model.py`` (the first) or
  ``block<k>.py``, so that messages can name its lines; blocks with ``>>>`` are left to doctest;
- no language: shows what the python block before it printed, to the letter;
- ``text``: the same, but for times, which are the machine's (`timeless`);
- ``console``: runs each line ``$ command`` in a scratch folder and shows what it printed;
- ``sh``: commands of the README, where the tests run them, as they stand there;
- ``ebnf``: a grammar, which nothing runs.

A comment on the line before binds a block to a script of `examples/backprop/`:
``<!-- code: mlp.py loss -->`` shows the source of a function or variable (or of all),
``<!-- prints: mlp.py the loss -->`` the lines that the script prints under ``== the loss``.

``python -m tests.pages docs/compiling.md`` says where a page is not true; with ``--write`` it is
made so.
"""

from __future__ import annotations

import ast
import contextlib
import difflib
import io
import linecache
import os
import re
import runpy
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

__all__ = ["BACKPROP", "DOCS", "Block", "blocks", "sections", "timeless", "true_page"]

ROOT: Final = Path(__file__).parent.parent
DOCS: Final = ROOT / "docs"
README: Final = ROOT / "README.md"
BACKPROP: Final = ROOT / "examples" / "backprop"

_FENCED: Final = re.compile(
    r"(?:^<!-- (?P<note>[^\n]*) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


class Block(NamedTuple):
    """A fenced block: its language, its lines, and the comment that binds it to a script."""

    language: str
    text: str
    note: str = ""


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a page in order."""
    return [_block(found) for found in _FENCED.finditer(text)]


def _block(found: re.Match[str]) -> Block:
    return Block(found["language"], found["text"], found["note"] or "")


def true_page(text: str) -> str:
    """The page with what its blocks really show. Raises `AssertionError` for a block amiss."""
    with tempfile.TemporaryDirectory() as folder:
        run = _Run(folder)
        page = _FENCED.sub(run.shown, text)
    assert not run.unseen, f"what this block prints is not shown:\n{run.last}"
    return page


def timeless(page: str) -> str:
    """The page with the ``text`` blocks less their numbers, units of time and order of lines."""

    def kept(found: re.Match[str]) -> str:
        if found["language"] != "text":
            return found[0]
        bare = re.sub(r"[\d.]+( (ns|us|ms|s)\b)?", "", found["text"])
        return "\n".join(sorted({" ".join(line.split()) for line in bare.splitlines()}))

    return _FENCED.sub(kept, page)


class _Run:
    """The blocks of one page, run from the first to the last."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.namespace: dict[str, Any] = {"__name__": "__main__"}
        self.count = 0
        self.last = ""  # the block that ran last
        self.unseen = ""  # what it printed, until a block shows it

    def shown(self, found: re.Match[str]) -> str:
        """The block as it must stand on the page."""
        block = _block(found)
        text = block.text
        is_output = block.language in ("", "text") and not block.note
        assert is_output or not self.unseen, f"what this block prints is not shown:\n{self.last}"
        if block.note:
            text = _bound(block.note)
        elif is_output:
            assert self.unseen, f"no block printed this:\n{text}"
            text, self.unseen = self.unseen, ""
        elif block.language == "python" and ">>> " not in text:
            self.run(text)
        elif block.language == "console":
            text = "".join(map(self.command, re.findall(r"^\$ (.*)$", text, re.MULTILINE)))
        elif block.language == "sh":
            assert text in README.read_text(encoding="utf-8"), f"not in the README:\n{text}"
        else:
            assert block.language in ("python", "ebnf"), f"nothing runs {block.language}:\n{text}"
        before = f"<!-- {block.note} -->\n" if block.note else ""
        return f"{before}```{block.language}\n{text}```"

    def run(self, code: str) -> None:
        name = f"block{self.count}.py" if self.count else "model.py"
        self.count += 1
        linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
        out = io.StringIO()
        here = Path.cwd()
        try:
            os.chdir(self.folder)
            with contextlib.redirect_stdout(out):
                exec(compile(code, name, "exec"), self.namespace)
        finally:
            os.chdir(here)
        self.last, self.unseen = code, out.getvalue()

    def command(self, line: str) -> str:
        """A line of a shell as the page shows it, with what it prints."""
        own = Path(self.folder, "bin")  # `symdiff`, where nothing is installed
        if not own.exists():
            own.mkdir()
            script = own / "symdiff"
            script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m symdiff "$@"\n')
            script.chmod(0o755)
        programs = os.pathsep.join(
            [str(own), str(Path(sys.executable).parent), os.environ["PATH"]]
        )
        done = subprocess.run(
            ["sh", "-c", line],
            cwd=self.folder,
            env={**os.environ, "PATH": programs, "PYTHONPATH": str(ROOT), "COLUMNS": "80"},
            capture_output=True,
            text=True,
        )
        return f"$ {line}\n{done.stdout}{done.stderr}"


def _bound(note: str) -> str:
    """What stands in a block bound to a script."""
    kind, script, what = re.fullmatch(r"(code|prints): (\w+\.py) ?(.*)", note).groups()  # type: ignore[union-attr]
    if kind == "code":
        return _source(BACKPROP / script, what)
    found = sections(script)
    assert what in found, f"{script} prints no section {what!r}, but {list(found)}"
    return found[what]


def _source(file: Path, name: str) -> str:
    """The source of a function, class or variable of a script, or all of it."""
    text = file.read_text(encoding="utf-8")
    if not name:
        return text
    for node in ast.parse(text).body:
        names = [getattr(target, "id", "") for target in _targets(node)]
        if name in (getattr(node, "name", None), *names):
            lines = text.splitlines(keepends=True)
            first = min([node.lineno, *[d.lineno for d in getattr(node, "decorator_list", ())]])
            return "".join(lines[first - 1 : node.end_lineno])
    raise AssertionError(f"{file.name} has no function, class or variable {name!r}")


def _targets(node: ast.stmt) -> list[ast.expr]:
    """What a statement assigns to."""
    if isinstance(node, ast.Assign):
        return node.targets
    return [node.target] if isinstance(node, ast.AnnAssign) else []


@cache
def sections(script: str) -> dict[str, str]:
    """What a script of `examples/backprop/` prints, under the title of each section."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        runpy.run_path(str(BACKPROP / script))["main"]()
    before, *titled = re.split(r"^== (.*)\n", out.getvalue(), flags=re.MULTILINE)
    assert not before.strip(), f"{script} prints before its first section:\n{before}"
    found = {title: body.strip("\n") + "\n" for title, body in _pairs(titled)}
    assert len(found) == len(titled) // 2, f"{script} prints two sections of one title"
    return found


def _pairs(flat: list[str]) -> zip[tuple[str, str]]:
    return zip(flat[::2], flat[1::2], strict=True)


def _main(arguments: list[str]) -> int:
    differs = False
    for name in arguments:
        if name == "--write":
            continue
        file = Path(name)
        page = file.read_text(encoding="utf-8")
        now = true_page(page)
        if "--write" in arguments:
            file.write_text(now, encoding="utf-8")
        elif timeless(now) != timeless(page):
            differs = True
            diff = difflib.unified_diff(page.splitlines(), now.splitlines(), name, "now", n=1)
            print("\n".join(diff))
    return int(differs)


if __name__ == "__main__":
    raise SystemExit(_main(sys.argv[1:]))
