"""BLAKE2, loaded when first used: `hashlib` brings OpenSSL along, and few programs need either."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

__all__ = ["blake2b"]


@cache
def _function() -> Any:
    return import_module("hashlib").blake2b


def blake2b(data: bytes = b"") -> Any:
    """A BLAKE2b hash of sixteen bytes over `data`, to be updated or read."""
    return _function()(data, digest_size=16)
