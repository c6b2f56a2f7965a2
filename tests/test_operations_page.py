"""`docs/operations.md` is made from the registry: every op, its rule, and how it is verified."""

from __future__ import annotations

import pytest

import symdiff as sd
from tests import infix
from tests.operations_page import PAGE, composed_in, declared_in, modules, page, public_names
from tests.ops.samples import OPS


def test_the_page_is_what_the_registry_says(request: pytest.FixtureRequest) -> None:
    found = page()
    if request.config.getoption("--update-golden"):
        PAGE.write_bytes(found.encode())
    assert PAGE.read_bytes().decode() == found, "pytest --update-golden writes it anew"


def test_every_op_is_on_the_page_once() -> None:
    declared = [op.name for module in modules().values() for op in declared_in(module)]
    assert sorted(declared) == sorted(OPS)


def test_every_public_function_over_ops_is_on_the_page() -> None:
    shown = {f for module in modules().values() for f in composed_in(module)}
    for function, name in public_names().items():
        module = getattr(function, "__module__", "")
        if module.startswith("symdiff.ops.") and module != "symdiff.ops.declare":
            assert function in shown or isinstance(function, sd.Op), name


# -- graphs as mathematics -----------------------------------------------------------------

G = sd.Graph()
A, B, C = (G.input(name, sd.f64) for name in "abc")
NAMES = {A: "a", B: "b", C: "c"}


@pytest.mark.parametrize(
    ("node", "text"),
    [
        (A + B * C, "a + b * c"),
        ((A + B) * C, "(a + b) * c"),
        (A - (B - C), "a - (b - c)"),
        (A - B - C, "a - b - c"),
        (A * B / C, "a * b / c"),
        (A * (B / C), "a * (b / c)"),
        (A / (B * C), "a / (b * c)"),
        ((A**B) ** C, "(a ** b) ** c"),
        (A ** (B**C), "a ** b ** c"),
        (-(A + B), "-(a + b)"),
        ((-A) ** 2.0, "(-a) ** 2"),
        (-(A**2.0), "-a ** 2"),
        (A < B, "a < b"),
        ((A < B) & (B < C), "(a < b) & (b < c)"),
        (sd.where(A < B, A, 0.0), "where(a < b, a, 0)"),
        (A * 0.1, "a * 0.1"),
        (A * (1 / 3), "a * (1/3)"),
        (A * -1.5, "a * -1.5"),
        (
            sd.sum(sd.broadcast_to(A, shape=(2, 3)), axis=0),
            "sum(broadcast_to(a, shape=(2, 3)), axis=(0,))",
        ),
        (sd.broadcast_to(A, shape=(4, 3))[1:3, 0], "broadcast_to(a, shape=(4, 3))[1:3, 0]"),
    ],
)
def test_an_expression_has_the_parentheses_it_needs(node: sd.Node, text: str) -> None:
    assert infix.lines({"y": node}, NAMES) == [f"y = {text}"]


def test_what_stands_twice_has_a_name() -> None:
    t = sd.exp(A + B)
    assert infix.lines({"y": t * t, "z": t + C}, NAMES) == [
        "t = exp(a + b)",
        "y = t * t",
        "z = t + c",
    ]
