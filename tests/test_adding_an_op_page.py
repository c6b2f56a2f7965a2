"""docs/adding-an-op.md: its ops hold in every respect, as the module of a user's that they are,
and the places that it sends the author of an op of symdiff's own to are there.
"""

from __future__ import annotations

import importlib
import pickle
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import symdiff as sd
from symdiff.op import REGISTRY
from tests.pages import DOCS, blocks

ROOT = DOCS.parent
TEXT = (DOCS / "adding-an-op.md").read_text(encoding="utf-8")
MODULE = next(block.text for block in blocks(TEXT) if block.language == "python")
OPS = {"logsubexp": "elementwise", "delay": "linear", "solve": "op"}
"""The ops of the page's module, and their forms."""

Case = tuple[list[np.ndarray], dict[str, Any]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first block of the page is the module `page_ops`."""
    folder = tmp_path_factory.mktemp("ops")
    (folder / "page_ops.py").write_text(MODULE)
    return folder


@pytest.fixture(scope="module")
def own(folder: Path) -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield importlib.import_module("page_ops")
    del sys.modules["page_ops"]


def cases(name: str) -> list[Case]:
    """Operands and parameters: plain, broadcast, stacked, without entries, beyond the edges."""
    rng = np.random.default_rng(0)
    match name:
        case "logsubexp":
            shapes = [((3,), (3,)), ((2, 1), (3,)), ((), (2, 3)), ((0, 3), (3,))]
            return [([rng.uniform(4, 5, a), rng.uniform(-2, 2, b)], {}) for a, b in shapes]
        case "delay":
            steps = (1, 0, 2, -1, -4, 7)
            return [([rng.normal(size=(2, 4))], {"steps": k}) for k in steps]
        case _:
            pairs = [((3, 3), (3, 2)), ((2, 3, 3), (2, 3, 1)), ((1, 1), (1, 1)), ((2, 2), (2, 0))]
            return [
                ([6 * np.eye(a[-1]) + rng.normal(size=a), rng.normal(size=b)], {})
                for a, b in pairs
            ]


def gradients(op: sd.Op, params: dict[str, Any], *operands: sd.Node) -> list[sd.Node]:
    return sd.grad(sd.sum(op(*operands, **params) ** 2), list(operands))


def test_there_is_one_op_of_each_form_and_none_is_registered(own: ModuleType) -> None:
    assert {n: v.form for n, v in vars(own).items() if isinstance(v, sd.Op)} == OPS
    assert REGISTRY.complete().keys().isdisjoint(OPS)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", OPS)
def test_an_op_of_the_page_is_all_that_it_declares(
    own: ModuleType, name: str, dtype: str, order: int
) -> None:
    for arrays, params in cases(name):
        operands = [a.astype(dtype) for a in arrays]
        sd.testing.check_op(getattr(own, name), *operands, params=params, order=order)


@pytest.mark.parametrize("name", OPS)
def test_with_its_gradients_it_comes_back_from_its_text(own: ModuleType, name: str) -> None:
    op, (arrays, params) = getattr(own, name), cases(name)[0]
    g = sd.Graph()
    g.outputs = gradients(op, params, *[g.input(f"x{k}", a) for k, a in enumerate(arrays)])
    again = sd.parse(g.text(), ops=[op])
    assert again.text() == g.text()
    sd.testing.assert_same_graph(again, g)


@pytest.mark.parametrize("name", OPS)
def test_compiled_for_many_it_is_what_it_is_for_each(own: ModuleType, name: str) -> None:
    op, (arrays, params) = getattr(own, name), cases(name)[0]
    many = [np.stack([a, 1.25 * a, 1.5 * a]) for a in arrays]
    g = sd.Graph()
    each = [g.input(f"x{k}", a) for k, a in enumerate(arrays)]
    rows = [g.input(f"rows{k}", sd.f64[("n", *a.shape)]) for k, a in enumerate(arrays)]
    mapped = sd.vmap(lambda *xs: gradients(op, params, *xs))(*rows)
    found = sd.compile(rows, mapped)(*many)
    alone = sd.compile(each, gradients(op, params, *each))
    for k, point in enumerate(zip(*many, strict=True)):
        for whole, part in zip(found, alone(*point), strict=True):
            np.testing.assert_allclose(whole[k], part, rtol=1e-12)


PROGRAM = """
import pickle, sys
f = pickle.load(sys.stdin.buffer)
print(f([[2.0, 0.0], [0.0, 4.0]], [[1.0], [1.0]])[0].tolist())
"""


def test_a_compiled_function_with_it_runs_in_another_process(
    own: ModuleType, folder: Path
) -> None:
    g = sd.Graph()
    A, B = g.input("A", sd.f64[2, 2]), g.input("B", sd.f64[2, 1])
    x = own.solve(A, B)
    function = sd.compile([A, B], [x, sd.grad(sd.sum(x), A)])
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.append({str(ROOT)!r}){PROGRAM}"],
        input=pickle.dumps(function),
        cwd=folder,
        capture_output=True,
        check=True,
    )
    assert done.stdout.decode().strip() == "[[0.5], [0.25]]"


def test_every_place_it_sends_to_is_there() -> None:
    part = TEXT.partition("## An op of symdiff's own")[2]
    named = [ROOT / name for name in re.findall(r"`((?:symdiff|tests|docs)/[\w./-]*)`", part)]
    assert len(named) > 15
    assert [path for path in named if not path.exists()] == []
    code = "\n".join(
        file.read_text(encoding="utf-8")
        for path in named
        for file in (path.glob("*.py") if path.is_dir() else [path])
    )
    words = ("_FAMILIES", "_NAMESPACED", "NUMPY", "VIEWS", "view", "numpy_function", "REGISTRY")
    for word in words:
        assert f"`{word}" in part, word
        assert re.search(rf"^(def )?{word}\b", code, re.MULTILINE), word
