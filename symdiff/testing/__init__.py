"""`sd.testing`: checks of gradients, of ops and of graphs, for your tests and for symdiff's own.

`check_grad` holds the derivatives of a function against numbers, `check_op` everything an op
declares against its kernel, `assert_same_graph` one graph against another. A check that fails
raises `AssertionError` and says what differs, where and by how much. Random numbers come from
fixed seeds, so that a check gives the same answer every time.
"""

from symdiff.testing.gradients import check_grad
from symdiff.testing.ops import check_op
from symdiff.testing.structure import assert_same_graph

__all__ = ["assert_same_graph", "check_grad", "check_op"]
