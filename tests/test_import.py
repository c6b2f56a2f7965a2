"""`import symdiff` loads NumPy and nothing else; the rest loads on first use."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import symdiff as sd

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
    return set(run(PROGRAM).split())


def test_import_loads_no_optional_package(loaded: set[str]) -> None:
    assert loaded & OPTIONAL == set()


def test_import_loads_no_third_party_package_but_numpy(loaded: set[str]) -> None:
    assert loaded - sys.stdlib_module_names == {"symdiff", "numpy"}


def test_every_public_name_is_there_and_listed() -> None:
    for name in sd.__all__:
        getattr(sd, name)
    assert set(sd.__all__) <= set(dir(sd))


def test_an_unknown_name_raises() -> None:
    with pytest.raises(AttributeError, match="no attribute 'sine'"):
        sd.sine


def test_what_loads_later_is_what_type_checkers_see() -> None:
    """The imports under `if TYPE_CHECKING` and the tables that load the same names."""
    tree = ast.parse(Path(sd.__file__).read_text("utf-8"))
    (checked,) = [s for s in tree.body if isinstance(s, ast.If)]
    seen = {
        alias.name: statement.module.removeprefix("symdiff.")
        for statement in checked.body
        if isinstance(statement, ast.ImportFrom) and statement.module != "symdiff"
        for alias in statement.names
    }
    assert seen == sd._LATER
    assert set(seen) <= set(sd.__all__)


def test_every_op_is_in_a_family_that_is_found_by_name() -> None:
    for name in ("max", "take_diagonal", "log_softmax", "einsum"):
        load = "import symdiff\nfrom symdiff.op import REGISTRY\n"
        found = run(f"{load}print(REGISTRY.function({name!r}).__name__)")
        assert found.strip() == name


@pytest.mark.parametrize("call", ["np.max(x)", "np.tan(x)", "np.maximum.reduce(x)", "x.mean()"])
def test_numpy_finds_what_is_not_loaded_yet(call: str) -> None:
    program = "import numpy as np, symdiff as sd\nx = sd.Graph().input('x', sd.f64[3])\n"
    assert run(f"{program}print({call}.type.dtype)").strip() == "float64"


def run(program: str) -> str:
    """What a program prints in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
