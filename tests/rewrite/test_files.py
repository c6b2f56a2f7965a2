"""What loads when: the files of rules, and the modules of passes, against what they hold."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Sequence
from itertools import product

import pytest

import symdiff as sd
from symdiff.op import REGISTRY, Op
from symdiff.rewrite.passes import LEVELS, STRUCTURED, source_of
from symdiff.rewrite.pattern import Rule
from symdiff.rewrite.rules import FILES, PASSES, File
from symdiff.rewrite.rules.places import SOURCES
from symdiff.rewrite.rules.tables import TABLES

EVERY = [rule for table in TABLES.values() for rule in table]


def rules_in(file: File) -> Sequence[Rule]:
    module = importlib.import_module(f"symdiff.rewrite.rules.{file.module}")
    found: Sequence[Rule] = getattr(module, file.table)
    return found


def test_each_rule_is_in_one_file() -> None:
    assert tuple(TABLES) == PASSES
    for name, rules in TABLES.items():
        filed = [rule for file in FILES if file.tried_by == name for rule in rules_in(file)]
        assert len(filed) == len(rules)
        assert {id(rule) for rule in filed} == {id(rule) for rule in rules}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.module)
def test_a_file_loads_wherever_a_rule_of_it_may_fire(file: File) -> None:
    for rule in rules_in(file):
        for made_by in operands_of(rule):
            assert file.concerns(rule.op.name, frozenset(made_by)), rule.name


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.module)
def test_a_file_names_no_op_at_which_nothing_fires(file: File) -> None:
    ops = {rule.op.name for rule in rules_in(file)}
    assert {name for name in file.starts if name != "*"} <= ops


def test_the_rules_found_by_op_are_those_of_the_tables_in_their_order() -> None:
    found = source_of(LEVELS["fast"])
    for op in {rule.op for rule in EVERY}:
        here = [rule for rule in EVERY if rule.op is op]
        names = {name for rule in here for wanted in rule.needs for name in wanted}
        # What they want to see, and an op that none of them does, for all others.
        made_by = [REGISTRY.ops[n] for n in sorted(names) if n in REGISTRY.ops] + [sd.cbrt]
        for operands in product(made_by, repeat=1 if op.variadic else op.arity):
            assert matching(found(op, operands), operands) == matching(here, operands)


def operands_of(rule: Rule) -> list[tuple[str, ...]]:
    """Names of ops that may have made the operands: one of each set that the rule wants."""
    return list(product(*rule.needs))


def matching(rules: object, operands: Sequence[Op]) -> list[int]:
    assert isinstance(rules, list)
    return [id(rule) for rule in rules if rule.may_match(operands)]


def test_structure_is_looked_for_where_it_can_begin() -> None:
    assert set(STRUCTURED) == set(SOURCES)


PROGRAM = """
import sys
import symdiff as sd
g = sd.Graph()
x = g.input("x", sd.f64[5])
y = sd.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)
f = sd.compile([x], [y, *sd.grad(y, [x])])
print(*[name for name in sys.modules if name.startswith("symdiff.rewrite.")])
"""


def test_a_small_model_loads_few_rules() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    loaded = {name.removeprefix("symdiff.rewrite.") for name in done.stdout.split()}
    assert "rules.sums" in loaded
    assert loaded.isdisjoint(
        {"structured", "forms", "chain", "rules.stability", "rules.masks", "rules.tables"}
    )
