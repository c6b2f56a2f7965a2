"""Names, argument names, kinds and defaults are the array API standard's."""

from __future__ import annotations

from inspect import Parameter, signature
from typing import Any

import pytest

import symdiff as sd
from tests.array_api.scope import (
    ADDED,
    IN_SCOPE,
    OUT_OF_SCOPE,
    PARAMETERS_OUT_OF_SCOPE,
    STANDARD,
    find,
)

Signature = list[tuple[str, Any, Any]]


def parameters(function: Any, ignored: Any) -> Signature:
    return [
        (p.name, p.kind, p.default)
        for p in signature(function).parameters.values()
        if p.name not in ignored
    ]


def here(name: str) -> Any:
    function = find(sd, name)
    assert function is not None, f"sd.{name} is missing"
    return function


@pytest.mark.parametrize("name", IN_SCOPE)
def test_the_signature_is_the_standards(name: str) -> None:
    assert parameters(here(name), ADDED.get(name, ())) == parameters(
        STANDARD[name], PARAMETERS_OUT_OF_SCOPE
    )


@pytest.mark.parametrize("name", ADDED)
def test_what_is_added_is_by_keyword_and_optional(name: str) -> None:
    found = signature(here(name)).parameters
    for added in ADDED[name]:
        assert found[added].kind is Parameter.KEYWORD_ONLY
        assert found[added].default is not Parameter.empty


@pytest.mark.parametrize("name", OUT_OF_SCOPE)
def test_what_is_out_of_scope_is_of_the_standard_and_not_here(name: str) -> None:
    assert name in STANDARD
    assert find(sd, name) is None, f"sd.{name} is there: take it out of OUT_OF_SCOPE"


@pytest.mark.parametrize("parameter", PARAMETERS_OUT_OF_SCOPE)
def test_a_parameter_out_of_scope_is_of_the_standard_and_nowhere_here(parameter: str) -> None:
    assert any(parameter in signature(f).parameters for f in STANDARD.values())
    found = [f for f in (find(sd, name) for name in IN_SCOPE) if f is not None]
    assert not any(parameter in signature(f).parameters for f in found)
