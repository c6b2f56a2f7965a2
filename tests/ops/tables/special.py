"""Samples of the operations of `symdiff/ops/special.py` and its kin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tests.ops.domains import Case, Samples, Shape, anything, inside, positive


def quantile(rng: np.random.Generator, shape: Shape, dtype: Any) -> np.ndarray:
    """Between 0 and 1, also when `check_op` moves it."""
    return np.asarray(rng.uniform(0.1, 0.8, shape)).astype(dtype)


def weighted(*shapes: Shape, **params: Any) -> tuple[Case, ...]:
    """Entries and weights, of one shape."""
    return tuple(Case((shape, shape), params) for shape in shapes)


SHARES = (
    *weighted((2, 3), (3,), (0, 3), (3, 0), (1, 4), axis=-1),
    *weighted((2, 3, 2), axis=(0, -1)),
    *weighted((2, 3), axis=None),
)

SAMPLES: Mapping[str, Samples] = {
    "beta": Samples(domains=(positive, positive)),
    "betaln": Samples(domains=(positive, positive)),
    "digamma": Samples(domains=(positive,)),
    "digamma_difference": Samples(domains=(positive, positive)),
    "entr": Samples(domains=(positive,)),
    "erfcinv": Samples(domains=(quantile,)),
    "erfcinv_derivative": Samples(domains=(quantile,)),
    "erfinv": Samples(domains=(inside,)),
    "erfinv_derivative": Samples(domains=(inside,)),
    "gamma": Samples(domains=(positive,)),
    "gammaln": Samples(domains=(positive,)),
    "kl_div": Samples(domains=(positive, positive)),
    "log_ratio": Samples(domains=(positive, positive)),
    "logit": Samples(domains=(quantile,)),
    "logit_derivative": Samples(domains=(quantile,)),
    "ndtri": Samples(domains=(quantile,)),
    "ndtri_derivative": Samples(domains=(quantile,)),
    "polygamma": Samples(domains=(positive,)),
    "rel_entr": Samples(domains=(positive, positive)),
    "share": Samples(SHARES, (anything, positive)),
    "signed_logsumexp": Samples(
        (
            *weighted((2, 3), (1,), (2, 1, 3), axis=None),
            *weighted((2, 3), (3, 0), axis=0),
            *weighted((2, 3, 2), axis=(0, -1)),
            *weighted((2, 3), axis=1, keepdims=True),
            *weighted((2, 3), axis=()),
        ),
        (anything, positive),
    ),
    "weighted_share": Samples(SHARES, (anything, positive)),
}

NUMPY: Mapping[str, Callable[..., Any]] = {
    # NumPy's own computes in half precision what SciPy's does in single.
    "i0": lambda x: np.i0(x.astype(np.float64)).astype(np.result_type(x.dtype, 0.0)),
}
