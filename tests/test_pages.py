"""The pages of `docs/` are true: each block is run, and the page shows what it prints.

``pytest --update-golden`` writes into the pages what is true now. That the site builds, with every
link leading somewhere, is checked by MkDocs itself, strictly, in `.ci/run`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pages import DOCS, timeless, true_page

MADE_ANEW = {"operations.md", "stability.md"}
"""Pages that are generated whole, and compared by tests of their own."""

MEASURED = {"performance.md"}
"""Pages of figures that a benchmark run gives."""

WRITTEN = sorted(
    page.relative_to(DOCS).as_posix()
    for page in DOCS.rglob("*.md")
    if page.name not in MADE_ANEW | MEASURED
)


@pytest.mark.parametrize("name", WRITTEN)
def test_the_page_shows_what_its_blocks_print(name: str, request: pytest.FixtureRequest) -> None:
    file = DOCS / name
    page = file.read_text(encoding="utf-8")
    now = true_page(page)
    if request.config.getoption("--update-golden") and timeless(page) != timeless(now):
        file.write_text(now, encoding="utf-8")
        page = now
    assert timeless(page) == timeless(now), "pytest --update-golden writes it anew"


STALE = {
    "what a block prints": "```python\nprint(1 + 1)\n```\n\n```\n3\n```\n",
    "what a command prints": "```console\n$ python -c 'print(2)'\n3\n```\n",
    "the lines of a script": "<!-- code: chain_rule.py main -->\n```python\nmain()\n```\n",
}


@pytest.mark.parametrize("what", STALE)
def test_a_page_that_is_stale_is_found_out(what: str) -> None:
    assert true_page(STALE[what]) != STALE[what]


AMISS = {
    "an output is not shown": "```python\nprint(2)\n```\n",
    "an output comes from nothing": "```\n2\n```\n",
    "a language that nothing runs": "```ruby\nputs 2\n```\n",
    "commands that the README has not": "```sh\nrm -r symdiff\n```\n",
    "a section that a script does not print": "<!-- prints: chain_rule.py nothing -->\n```\n```\n",
}


@pytest.mark.parametrize("what", AMISS)
def test_a_block_amiss_is_refused(what: str) -> None:
    with pytest.raises(AssertionError):
        true_page(AMISS[what])


def test_times_may_differ_and_what_takes_them_may_not() -> None:
    shown = "```text\n1.2 ms  matmul\n3 us  add\n```"
    assert timeless(shown) == timeless("```text\n7 us  add\n900 us  matmul\n```")
    assert timeless(shown) != timeless("```text\n7 us  add\n900 us  sum\n```")


def test_a_pages_files_are_left_behind_nowhere() -> None:
    here = Path.cwd()
    page = "```python\nopen('left.txt', 'w').close()\n```\n"
    assert true_page(page) == page
    assert not (here / "left.txt").exists()
    assert Path.cwd() == here
