"""`import symdiff` loads NumPy and nothing else; the rest loads on first use."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OPTIONAL = {"IPython", "llvmlite", "matplotlib", "networkx", "pandas", "scipy", "sympy"}

# What `site` loaded (.pth files of editable installs) is not ours; modules without a spec are
# made up in memory by compiled code (`cython_runtime`).
PROGRAM = """
import sys
before = set(sys.modules)
import symdiff
for name in set(sys.modules) - before:
    if getattr(sys.modules[name], "__spec__", None) is not None:
        print(name.partition(".")[0])
"""


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    """The top-level modules that `import symdiff` loads in a fresh interpreter."""
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    return set(run.stdout.split())


def test_import_loads_no_optional_package(loaded: set[str]) -> None:
    assert loaded & OPTIONAL == set()


def test_import_loads_no_third_party_package_but_numpy(loaded: set[str]) -> None:
    assert loaded - sys.stdlib_module_names == {"symdiff", "numpy"}
