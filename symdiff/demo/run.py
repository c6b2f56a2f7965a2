"""`symdiff demo`: its parts, one after another."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from symdiff.demo import chain, iris, misra1a

__all__ = ["main"]


def main(arguments: Sequence[str] = ()) -> int:
    """Run the parts one after another; drawings go to the folder `--out` names."""
    parser = argparse.ArgumentParser(prog="symdiff demo", description=__doc__)
    parser.add_argument("--out", default=None, metavar="FOLDER", help="write the drawings here")
    options = parser.parse_args(list(arguments))
    iris.main()
    print()
    misra1a.main()
    print()
    chain.main(options.out)
    return 0
