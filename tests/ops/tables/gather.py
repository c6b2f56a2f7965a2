"""Samples of the operations of `symdiff/ops/gather.py` and its kin."""

from __future__ import annotations

from collections.abc import Mapping

from tests.ops.domains import Samples

SAMPLES: Mapping[str, Samples] = {}
