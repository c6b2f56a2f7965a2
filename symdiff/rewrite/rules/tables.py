"""All rules, by the pass that tries them: what lists or checks every one of them loads.

A run of passes loads only those it may need; see `symdiff.rewrite.rules`.
"""

from __future__ import annotations

from typing import Final

from symdiff.rewrite.pattern import Rule
from symdiff.rewrite.rules.algebra import CANCELLATION
from symdiff.rewrite.rules.algebra import PRODUCTS as FACTORS
from symdiff.rewrite.rules.conditions import CONDITIONS
from symdiff.rewrite.rules.contractions import CONTRACTIONS
from symdiff.rewrite.rules.gathered import GATHERED
from symdiff.rewrite.rules.masks import MASKS
from symdiff.rewrite.rules.neutral import NEUTRAL
from symdiff.rewrite.rules.powers import POWERS
from symdiff.rewrite.rules.products import PRODUCTS
from symdiff.rewrite.rules.shapes import SHAPES
from symdiff.rewrite.rules.stability import STABILITY
from symdiff.rewrite.rules.sums import SUMS

__all__ = ["TABLES"]

TABLES: Final[dict[str, tuple[Rule, ...]]] = {
    "stability": STABILITY,
    "neutral": NEUTRAL,
    "products": (*GATHERED, *PRODUCTS, *CONTRACTIONS),  # before two terms of a sum are an addition
    "shapes": SHAPES,
    "masks": (*MASKS, *CONDITIONS),
    "algebra": (*CANCELLATION, *POWERS, *FACTORS, *SUMS),
}
"""Pass name -> its rules."""
