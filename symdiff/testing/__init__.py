"""`sd.testing`: checks of gradients, of ops and of graphs, for your tests and for symdiff's own.

`check_grad` holds the derivatives of a function against numbers, `check_op` everything an op
declares against its kernel, `assert_same_graph` one graph against another, `assert_cost` what a
function costs against bounds. A check that fails raises `AssertionError` and says what differs,
where and by how much. `bisect_rewrites` finds the rewrite that changed an answer. Random numbers
come from fixed seeds, so that a check gives the same answer every time.
"""

from symdiff.testing.bisect import bisect_rewrites
from symdiff.testing.cost import assert_cost
from symdiff.testing.gradients import check_grad
from symdiff.testing.ops import check_op
from symdiff.testing.structure import assert_same_graph

__all__ = ["assert_cost", "assert_same_graph", "bisect_rewrites", "check_grad", "check_op"]
