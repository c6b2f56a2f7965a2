"""What of the array API standard symdiff leaves out, and why: data.

Everything else of the standard's main namespace and of its `linalg` extension has the standard's
name, argument names, kinds and defaults, and its values and dtypes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import array_api_strict as xp

NO_MEMORY: Final = "a node holds no memory, which alone is on a device or can be copied"
SHAPE_FROM_DATA: Final = "its result's shape depends on the data; a graph's shapes do not"
OF_DTYPES: Final = "is about dtypes, not arrays: NumPy's own serves"
DECOMPOSITION: Final = "a decomposition, which has an issue of its own"
NOT_YET_AN_ARRAY: Final = "makes arrays of what is none; Graph.constant and Graph.input do"
LATER: Final = "of the edition 2025.12; symdiff follows 2024.12"

OUT_OF_SCOPE: Final[Mapping[str, str]] = {
    "__array_namespace_info__": "describes devices and dtypes; NumPy's own serves",
    "asarray": NOT_YET_AN_ARRAY,
    "broadcast_shapes": LATER,
    "can_cast": OF_DTYPES,
    "finfo": OF_DTYPES,
    "from_dlpack": NOT_YET_AN_ARRAY,
    "iinfo": OF_DTYPES,
    "isdtype": OF_DTYPES,
    "linalg.cholesky": DECOMPOSITION,
    "linalg.det": DECOMPOSITION,
    "linalg.eigh": DECOMPOSITION,
    "linalg.eigvalsh": DECOMPOSITION,
    "linalg.inv": DECOMPOSITION,
    "linalg.matrix_rank": DECOMPOSITION,
    "linalg.pinv": DECOMPOSITION,
    "linalg.qr": DECOMPOSITION,
    "linalg.slogdet": DECOMPOSITION,
    "linalg.solve": DECOMPOSITION,
    "linalg.svd": DECOMPOSITION,
    "linalg.svdvals": DECOMPOSITION,
    "result_type": OF_DTYPES,
    "unique_all": SHAPE_FROM_DATA,
    "unique_counts": SHAPE_FROM_DATA,
    "unique_inverse": SHAPE_FROM_DATA,
    "unique_values": SHAPE_FROM_DATA,
}
"""Functions of the standard that symdiff does not have."""

PARAMETERS_OUT_OF_SCOPE: Final[Mapping[str, str]] = {"device": NO_MEMORY, "copy": NO_MEMORY}
"""Parameters of the standard that no function has."""

_LIKE: Final = {"like": "the graph of a node without operands, or a node of it"}

ADDED: Final[Mapping[str, Mapping[str, str]]] = {
    **dict.fromkeys(("arange", "empty", "eye", "full", "linspace", "ones", "zeros"), _LIKE),
    "nonzero": {
        "fill_value": "what stands in for entries that are missing",
        "size": "how many there are, on which the result's shape depends",
    },
}
"""Parameters by keyword that functions have in addition."""

# -- what there is -------------------------------------------------------------------------

_NOT_OF_THE_STANDARD: Final = {
    "set_array_api_strict_flags",
    "get_array_api_strict_flags",
    "reset_array_api_strict_flags",
}


def _functions(prefix: str, namespace: Any) -> dict[str, Any]:
    return {
        f"{prefix}{name}": getattr(namespace, name)
        for name in namespace.__all__
        if callable(getattr(namespace, name))
        and not isinstance(getattr(namespace, name), type)
        and name not in _NOT_OF_THE_STANDARD
    }


STANDARD: Final[Mapping[str, Any]] = {
    **_functions("", xp),
    **_functions("linalg.", xp.linalg),
}
"""Every function of the standard by its name here: `sum`, `linalg.trace`."""

IN_SCOPE: Final = tuple(name for name in STANDARD if name not in OUT_OF_SCOPE)


def find(namespace: Any, name: str) -> Any:
    """``find(sd, "linalg.trace")`` is ``sd.linalg.trace``; None where there is none."""
    for part in name.split("."):
        namespace = getattr(namespace, part, None)
    return namespace
