"""The NumPy backend: an optimised graph as Python over NumPy, by a plan.

lower.py     ops that stand for several calls of NumPy
kernels.py   how an op writes into given memory
actions.py   what to call for each step of the plan, on what
scalars.py   scalars as Python floats, with `math`
source.py    the actions as straight-line source
loop.py      the same actions run one after another, for graphs too large to compile
program.py   bindings of the named sizes, and the pool of workspaces
"""

from symdiff.backends.numpy.program import CALLS, LARGEST_SOURCE, Program, build

__all__ = ["CALLS", "LARGEST_SOURCE", "Program", "build"]
