"""What the tests of `symdiff.autodiff` share."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture
def shallow_stack() -> Iterator[None]:
    """Python's default recursion limit, whatever the tests' runner has set."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(1000)
    yield
    sys.setrecursionlimit(before)
