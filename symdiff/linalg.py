"""Linear algebra under the array API's names: `sd.linalg`, and what `np.linalg` calls on nodes.

Names only: the operations are those of `symdiff.ops`.
"""

from symdiff.ops.cross import cross
from symdiff.ops.linalg import matmul, matrix_power
from symdiff.ops.matrices import diagonal, trace
from symdiff.ops.norms import matrix_norm, vector_norm
from symdiff.ops.products import outer, tensordot, vecdot
from symdiff.ops.shape import matrix_transpose

__all__ = [
    "cross",
    "diagonal",
    "matmul",
    "matrix_norm",
    "matrix_power",
    "matrix_transpose",
    "outer",
    "tensordot",
    "trace",
    "vecdot",
    "vector_norm",
]
