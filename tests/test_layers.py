"""The layering of `symdiff`, checked by reading the imports of every module with `ast`.

A module may import lower layers and its own layer, without cycles; siblings may not import one
another. Imports in function bodies count, those under `if TYPE_CHECKING` do not. To place a new
module, add its name to `LAYERS`.
"""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

# Layer -> the modules and packages directly under symdiff/ that it holds.
LAYERS: Mapping[int, tuple[str, ...]] = {
    0: (
        "binding",
        "collector",
        "errors",
        "first_use",
        "hashing",
        "literals",
        "sizes",
        "trees",
        "types",
    ),
    1: ("render",),
    2: (
        "describe",
        "digest",
        "flat",
        "graph",
        "inline",
        "invariants",
        "lift",
        "node",
        "op",
        "origin",
        "sources",
    ),
    3: ("ops",),
    4: ("autodiff", "parse", "rewrite", "trace"),
    5: ("arguments", "batching", "custom", "derive", "plan", "stabilize"),
    6: ("backends",),
    7: (
        "compile",
        "draw",
        "evaluate",
        "function",
        "interop",
        "linalg",
        "profile",
        "report",
        "special",
        "testing",
    ),
    8: ("__init__", "__main__", "cli", "datafiles", "demo", "expression"),
}

# No member of a group imports another member of it, nor anything inside one.
SIBLINGS: tuple[tuple[str, ...], ...] = (
    ("autodiff", "rewrite", "parse"),
    ("backends.interpret", "backends.numpy", "backends.native"),
    ("interop.sympy", "interop.networkx", "interop.scipy"),
)

# Packages that load on first use: the only ones a function may import.
OPTIONAL = frozenset({"IPython", "llvmlite", "matplotlib", "networkx", "pandas", "scipy", "sympy"})


@dataclass(frozen=True)
class Import:
    """One imported module, by its full dotted name, and where the import stands."""

    importer: str
    imported: str
    place: str
    in_function: bool
    star: bool


def breaches(
    package: Path,
    layers: Mapping[int, tuple[str, ...]] = LAYERS,
    siblings: Iterable[tuple[str, ...]] = SIBLINGS,
) -> list[str]:
    """Every breach of the layering in the package at this path, one line each."""
    modules = find_modules(package)
    imports = [i for name, path in modules.items() for i in find_imports(name, path, modules)]
    inside = [i for i in imports if is_inside(package.name, i.imported)]
    layer_of = {unit: layer for layer, units in layers.items() for unit in units}
    # A cycle through several layers has an import upward, which is reported as that.
    level = [
        i for i in inside if layer_of.get(unit_of(i.importer)) == layer_of.get(unit_of(i.imported))
    ]
    return [
        *(
            f"{path}: place {unit!r} in LAYERS of {Path(__file__).name}"
            for name, path in modules.items()
            if (unit := unit_of(name)) not in layer_of
        ),
        *(
            f"{i.place}: {i.importer} (layer {low}) imports {i.imported} (layer {high})"
            for i in inside
            if (low := layer_of.get(unit_of(i.importer), 99))
            < (high := layer_of.get(unit_of(i.imported), -1))
        ),
        *(
            f"{i.place}: {i.importer} imports its sibling {i.imported}"
            for i in inside
            for group in siblings
            if (one := member_of(group, i.importer)) and (two := member_of(group, i.imported))
            if one != two
        ),
        *(f"{i.place}: star import of {i.imported}" for i in imports if i.star),
        *(
            f"{i.place}: import of {i.imported} inside a function"
            for i in imports
            if i.in_function and i.imported.partition(".")[0] not in OPTIONAL
        ),
        *find_cycle("modules", {(i.importer, i.imported) for i in level}),
        *find_cycle(
            "top-level modules",
            {
                (one, two)
                for i in level
                if (one := unit_of(i.importer)) != (two := unit_of(i.imported))
            },
        ),
    ]


def find_modules(package: Path) -> dict[str, Path]:
    """Dotted name -> file, for every module of the package; a package's is its `__init__`."""
    modules = {}
    for path in sorted(package.rglob("*.py")):
        parts = (package.name, *path.relative_to(package).with_suffix("").parts)
        modules[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return modules


def find_imports(name: str, path: Path, modules: Mapping[str, Path]) -> Iterator[Import]:
    """The imports of one module. `from p import m` imports `p.m` if that is a module, else `p`."""
    parents = name.split(".") if path.stem == "__init__" else name.split(".")[:-1]
    for statement, in_function in import_statements(ast.parse(path.read_text("utf-8"))):
        star = False
        match statement:
            case ast.Import():
                targets = [alias.name for alias in statement.names]
            case ast.ImportFrom(level=level):
                prefix = parents[: len(parents) - level + 1] if level else []
                source = ".".join([*prefix, *([statement.module] if statement.module else [])])
                names = [alias.name for alias in statement.names]
                star = "*" in names
                full = [f"{source}.{n}" for n in names]
                targets = [m if m in modules else source for m in full]
        for target in dict.fromkeys(targets):
            yield Import(name, target, f"{path}:{statement.lineno}", in_function, star)


def import_statements(tree: ast.Module) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    """Every import that can run, and whether it stands in a function."""
    todo: list[tuple[ast.AST, bool]] = [(tree, False)]
    while todo:
        node, in_function = todo.pop()
        children: Iterable[ast.AST] = ast.iter_child_nodes(node)
        match node:
            case ast.Import() | ast.ImportFrom():
                yield node, in_function
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                in_function = True
            case ast.If(test=ast.Name("TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
                children = node.orelse
        todo += [(child, in_function) for child in children]


def is_inside(package: str, module: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def unit_of(module: str) -> str:
    """`ops` for `symdiff.ops.reduce`: what `LAYERS` places. `__init__` for `symdiff` itself."""
    return module.split(".")[1] if "." in module else "__init__"


def member_of(group: tuple[str, ...], module: str) -> str | None:
    """The member of a group of siblings that a module is, or is inside of."""
    inner = module.partition(".")[2]
    return next((m for m in group if is_inside(m, inner)), None)


def find_cycle(of_what: str, edges: Iterable[tuple[str, str]]) -> list[str]:
    """One import cycle, if there is any. Edges go from importer to imported."""
    graph: dict[str, list[str]] = {}
    for importer, imported in sorted(edges):
        graph.setdefault(importer, []).append(imported)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        # graphlib lists a cycle with each entry imported by the next one.
        return [f"cycle of {of_what}: " + " imports ".join(reversed(error.args[1]))]
    return []


def test_symdiff_keeps_its_layers() -> None:
    assert "\n".join(breaches(Path(__file__).parent.parent / "symdiff")) == ""


# The rule itself, on a package of three layers.

FAKE_LAYERS = {0: ("low", "low2"), 1: ("left", "right", "kit"), 2: ("__init__", "top")}
FAKE_SIBLINGS = (("left", "right"), ("kit.a", "kit.b"))
FAKE_FILES = {
    "__init__.py": "from fake.top import run",
    "low.py": """
        import typing
        from typing import TYPE_CHECKING
        if TYPE_CHECKING:
            from fake.top import run
        if typing.TYPE_CHECKING:
            from fake import top
        """,
    "low2.py": "from fake.low import x",
    "left.py": "from fake import low\nfrom fake.kit.shared import y",
    "right.py": "import fake.low2",
    "kit/__init__.py": "from fake.kit import a\nfrom . import b",
    "kit/a.py": "from .shared import y\nfrom ..low import x",
    "kit/b.py": "def f():\n    import sympy.core\n    from scipy import sparse",
    "kit/shared.py": "",
    "top.py": "from fake import left, right",
}


def fake_breaches(tmp_path: Path, **changes: str) -> list[str]:
    """The breaches of the fake package with files replaced, without the paths."""
    files = FAKE_FILES | {f"{name.replace('__', '/')}.py": text for name, text in changes.items()}
    for name, text in files.items():
        path = tmp_path / "fake" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    found = breaches(tmp_path / "fake", FAKE_LAYERS, FAKE_SIBLINGS)
    return [line.removeprefix(f"{tmp_path / 'fake'}/") for line in found]


def test_a_sound_package_has_no_breach(tmp_path: Path) -> None:
    assert fake_breaches(tmp_path) == []


@pytest.mark.parametrize(
    "statement",
    [
        "from fake.kit.shared import y",
        "from fake.kit import shared",
        "from .kit.shared import y",
        "from .kit import shared",
        "import fake.kit.shared as s",
        "try:\n    import fake.kit.shared\nexcept ImportError: ...",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING: ...\nelse: import fake.kit.shared",
        "class C:\n    import fake.kit.shared",
    ],
)
def test_an_import_of_a_higher_layer_is_reported(tmp_path: Path, statement: str) -> None:
    (line,) = fake_breaches(tmp_path, low=statement)
    assert line.endswith("fake.low (layer 0) imports fake.kit.shared (layer 1)")
    assert line.startswith("low.py:")


@pytest.mark.parametrize("statement", ["import fake", "from fake import run", "from . import run"])
def test_an_import_of_the_package_itself_is_reported(tmp_path: Path, statement: str) -> None:
    found = fake_breaches(tmp_path, low=statement)
    assert "low.py:1: fake.low (layer 0) imports fake (layer 2)" in found


def test_an_import_of_a_sibling_is_reported(tmp_path: Path) -> None:
    found = fake_breaches(tmp_path, left="import fake.right", kit__b="\nfrom . import a")
    assert found == [
        "kit/b.py:2: fake.kit.b imports its sibling fake.kit.a",
        "left.py:1: fake.left imports its sibling fake.right",
    ]


def test_a_cycle_of_modules_is_reported(tmp_path: Path) -> None:
    (line,) = fake_breaches(tmp_path, kit__shared="from fake.kit.a import z")
    assert line in (
        "cycle of modules: fake.kit.a imports fake.kit.shared imports fake.kit.a",
        "cycle of modules: fake.kit.shared imports fake.kit.a imports fake.kit.shared",
    )


def test_a_cycle_of_packages_without_a_cycle_of_modules_is_reported(tmp_path: Path) -> None:
    (line,) = fake_breaches(tmp_path, kit__b="from fake import left")
    assert line in (
        "cycle of top-level modules: kit imports left imports kit",
        "cycle of top-level modules: left imports kit imports left",
    )


@pytest.mark.parametrize(
    "function",
    [
        "def f():\n    import fake.low",
        "async def f():\n    from fake.low import x",
        "class C:\n    def f(self):\n        if self:\n            from . import low",
    ],
)
def test_an_import_hidden_in_a_function_is_reported(tmp_path: Path, function: str) -> None:
    (line,) = fake_breaches(tmp_path, top=function)
    assert line.endswith("import of fake.low inside a function")


def test_a_hidden_import_of_a_higher_layer_is_reported_as_both(tmp_path: Path) -> None:
    found = fake_breaches(tmp_path, low="def f():\n    import fake.kit.shared")
    assert found == [
        "low.py:2: fake.low (layer 0) imports fake.kit.shared (layer 1)",
        "low.py:2: import of fake.kit.shared inside a function",
    ]


def test_only_optional_packages_may_be_imported_in_a_function(tmp_path: Path) -> None:
    found = fake_breaches(tmp_path, low="def f():\n    import sympy, json")
    assert found == ["low.py:2: import of json inside a function"]


def test_a_star_import_is_reported(tmp_path: Path) -> None:
    found = fake_breaches(tmp_path, top="from fake.low import *\nfrom math import *")
    assert sorted(found) == ["top.py:1: star import of fake.low", "top.py:2: star import of math"]


def test_a_module_without_a_layer_is_told_to_be_placed(tmp_path: Path) -> None:
    (line,) = fake_breaches(tmp_path, new="")
    assert line == "new.py: place 'new' in LAYERS of test_layers.py"
