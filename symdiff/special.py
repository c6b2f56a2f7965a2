"""Special functions of nodes, under SciPy's names: the namespace `sd.special`.

Names, argument names and values are those of `scipy.special`, and SciPy's ufuncs called on nodes
end here. Derivatives of every order are exact rules, in the forms of the NIST Digital Library of
Mathematical Functions that lose no digits. Kernels that NumPy has no function for need SciPy
(``pip install "symdiff[scipy]"``), which loads when the first of them runs.

>>> import symdiff as sd
>>> x = sd.Graph().input("x", sd.f64[2])
>>> y = sd.special.log_expit(x)
>>> sd.evaluate([y, sd.grad(sd.sum(y), x)], {x: [-1000.0, -3.0]})
[array([-1000.        ,    -3.04858735]), array([1.        , 0.95257413])]
"""

from symdiff.ops.bessel import i0, i0e, i1, i1e
from symdiff.ops.beta import beta, betaln
from symdiff.ops.entropy import entr, expit, kl_div, log_expit, logit, rel_entr
from symdiff.ops.floats import cbrt
from symdiff.ops.functions import exp2, expm1, log1p, round, xlog1py, xlogy
from symdiff.ops.gamma import (
    digamma,
    exprel,
    gamma,
    gammaln,
    multigammaln,
    polygamma,
)
from symdiff.ops.nn import softplus
from symdiff.ops.normal import erf, erfc, erfcinv, erfcx, erfinv, log_ndtr, ndtr, ndtri
from symdiff.ops.weighted import log_softmax, logsumexp, softmax

psi = digamma

__all__ = [
    "beta",
    "betaln",
    "cbrt",
    "digamma",
    "entr",
    "erf",
    "erfc",
    "erfcinv",
    "erfcx",
    "erfinv",
    "exp2",
    "expit",
    "expm1",
    "exprel",
    "gamma",
    "gammaln",
    "i0",
    "i0e",
    "i1",
    "i1e",
    "kl_div",
    "log1p",
    "log_expit",
    "log_ndtr",
    "log_softmax",
    "logit",
    "logsumexp",
    "multigammaln",
    "ndtr",
    "ndtri",
    "polygamma",
    "psi",
    "rel_entr",
    "round",
    "softmax",
    "softplus",
    "xlog1py",
    "xlogy",
]
