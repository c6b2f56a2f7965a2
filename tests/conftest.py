"""What every test shares: one thread for BLAS, the Hypothesis profile and the golden files.

A golden test compares a text with `tests/golden/NAME.txt`; `pytest --update-golden` rewrites
the files, and the diff of the commit shows what changed.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

GOLDEN = Path(__file__).parent / "golden"

# Before anything imports NumPy. Threads of BLAS wait for one another in a loop: where the cores
# are busy with other tests, products of small matrices take twenty times as long.
for variable in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

# On a shared machine slowness says nothing about the code; in CI every run tries the same.
settings.register_profile(
    "default",
    deadline=None,
    derandomize="CI" in os.environ,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("default")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write the texts of golden tests to tests/golden/ instead of comparing them",
    )


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """`golden(name, text)`: `text` must be what `tests/golden/<name>.txt` holds.

    The file ends in one newline more than the text. A name may hold slashes.
    """
    update = request.config.getoption("--update-golden")

    def compare(name: str, text: str) -> None:
        __tracebackhide__ = True
        path = GOLDEN / f"{name}.txt"
        actual = text + "\n"
        if update:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(actual.encode())
        elif not path.exists():
            pytest.fail(
                f"{path} does not exist; `pytest --update-golden` writes it with:\n{actual}",
                pytrace=False,
            )
        elif (expected := path.read_bytes().decode()) != actual:
            diff = difflib.unified_diff(
                expected.splitlines(keepends=True),
                actual.splitlines(keepends=True),
                fromfile=f"golden/{name}.txt",
                tofile="this run",
            )
            pytest.fail(
                f"the text is not the golden one (accept it: pytest --update-golden)\n"
                f"{''.join(diff)}",
                pytrace=False,
            )

    return compare
