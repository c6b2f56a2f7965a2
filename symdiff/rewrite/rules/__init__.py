"""The rule tables, one file a subject; each rule is a line of data that is checked by itself.

stability.py   forms that overflow or cancel, and what is accurate in their place
neutral.py     operations that do nothing, or undo one another
products.py    sums of products as matrix products, factors where they meet few entries
contractions.py  sums of products over some of many axes
gathered.py    sums of many products as one
shapes.py      broadcasts, reductions, transposes and reshapes, moved and cancelled
indexing.py    reading parts of arrays, and putting parts in place
masks.py       choices and conditions; what is known where they hold is in regions.py
algebra.py     products and quotients; sums are in sums.py, powers in powers.py
"""

from __future__ import annotations

from typing import Final

from symdiff.rewrite.pattern import Rule
from symdiff.rewrite.rules.algebra import ALGEBRA
from symdiff.rewrite.rules.contractions import CONTRACTIONS
from symdiff.rewrite.rules.gathered import GATHERED
from symdiff.rewrite.rules.masks import MASKS
from symdiff.rewrite.rules.neutral import NEUTRAL
from symdiff.rewrite.rules.products import PRODUCTS
from symdiff.rewrite.rules.shapes import SHAPES
from symdiff.rewrite.rules.stability import STABILITY

__all__ = ["NEUTRAL", "STABILITY", "TABLES"]

TABLES: Final[dict[str, tuple[Rule, ...]]] = {
    "stability": STABILITY,
    "neutral": NEUTRAL,
    "products": (*GATHERED, *PRODUCTS, *CONTRACTIONS),  # before two terms of a sum are an addition
    "shapes": SHAPES,
    "masks": MASKS,
    "algebra": ALGEBRA,
}
"""Pass name -> its rules."""
