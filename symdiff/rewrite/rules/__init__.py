"""The rule tables, one file a subject; each rule is a line of data that is checked by itself.

neutral.py   operations that do nothing, or undo one another
"""

from __future__ import annotations

from typing import Final

from symdiff.rewrite.pattern import Rule
from symdiff.rewrite.rules.neutral import NEUTRAL

__all__ = ["NEUTRAL", "TABLES"]

TABLES: Final[dict[str, tuple[Rule, ...]]] = {"neutral": NEUTRAL}
"""Pass name -> its rules."""
