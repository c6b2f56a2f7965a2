"""NIST's Misra1a by Newton's method, with the compiled gradient and Hessian.

The nonlinear regression y = b1 (1 - exp(-b2 x)) of NIST's Statistical Reference Datasets
(Misra, 1978; public domain), from both of NIST's starts. The bare Newton step diverges from
the first, so the iteration is globalised: directions are made descending by adding a multiple
of the scaled identity to the Hessian, and steps are halved until the sum of squares falls
(Nocedal and Wright, *Numerical Optimization*, 3.4).
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np

import symdiff as sd

__all__ = ["CERTIFIED", "STARTS", "Fit", "X", "Y", "fit", "main"]

# fmt: off
X: Final = np.array([
    77.6, 114.9, 141.1, 190.8, 239.9, 289.0, 332.8,
    378.4, 434.8, 477.3, 536.8, 593.1, 689.1, 760.0,
])
Y: Final = np.array([
    10.07, 14.73, 17.94, 23.93, 29.61, 35.18, 40.02,
    44.82, 50.76, 55.05, 61.01, 66.40, 75.47, 81.78,
])
# fmt: on
STARTS: Final = ((500.0, 0.0001), (250.0, 0.0005))
CERTIFIED: Final = {
    "parameters": (2.3894212918e02, 5.5015643181e-04),
    "deviations": (2.7070075241e00, 7.2668688436e-06),
    "residual_sum": 1.2455138894e-01,
}


class Fit(NamedTuple):
    """A fitted curve: parameters, their standard deviations, and how it was reached."""

    parameters: np.ndarray[Any, Any]
    deviations: np.ndarray[Any, Any]
    residual_sum: float
    iterations: int


def model() -> tuple[sd.CompiledFunction, sd.CompiledFunction]:
    """The sum of squares with its derivatives, and the residuals with their Jacobian."""
    g = sd.Graph("misra1a")
    x, y, b = g.input("x", sd.f64["n"]), g.input("y", sd.f64["n"]), g.input("b", sd.f64[2])
    residuals = y - b[0] * (1 - np.exp(-b[1] * x))
    total: sd.Node = np.sum(residuals**2)
    objective = sd.compile([x, y, b], (total, sd.grad(total, b), sd.hessian(total, b)))
    return objective, sd.compile([x, y, b], (residuals, sd.jacobian(residuals, b)))


def fit(x: np.ndarray[Any, Any], y: np.ndarray[Any, Any], start: tuple[float, ...]) -> Fit:
    """Newton's method with a line search, from `start` to where the step no longer matters."""
    objective, residuals = model()
    b = np.array(start)
    value, gradient, hessian = objective(x, y, b)
    iterations = 0
    moved = np.inf
    while moved > 1e-13 and iterations < 200:
        iterations += 1
        step = _descent_direction(gradient, hessian)
        length = 1.0
        while True:
            trial = b + length * step
            new = objective(x, y, trial)
            if np.isfinite(new[0]) and new[0] <= value + 1e-4 * length * (gradient @ step):
                break
            length /= 2
            if length < 1e-12:  # no further descent that rounding lets us see
                new, trial = (value, gradient, hessian), b
                break
        moved = np.max(np.abs(trial - b) / np.abs(b))
        b, (value, gradient, hessian) = trial, new
    r, J = residuals(x, y, b)
    residual_sum = float(r @ r)
    scale = np.sqrt(np.diag(J.T @ J))
    inverse = np.linalg.inv(J.T @ J / np.outer(scale, scale)) / np.outer(scale, scale)
    deviations = np.sqrt(residual_sum / (len(x) - len(b)) * np.diag(inverse))
    return Fit(b, deviations, residual_sum, iterations)


def _descent_direction(
    gradient: np.ndarray[Any, Any], hessian: np.ndarray[Any, Any]
) -> np.ndarray[Any, Any]:
    """-H⁻¹ g, with H made positive definite in the units its diagonal gives."""
    scale = np.sqrt(np.maximum(np.abs(np.diag(hessian)), np.finfo(float).tiny))
    scaled = hessian / np.outer(scale, scale)
    values, vectors = np.linalg.eigh(scaled)
    values = np.maximum(np.abs(values), 1e-12 * np.max(np.abs(values)))
    step: np.ndarray[Any, Any] = vectors @ (vectors.T @ (gradient / scale) / values) / scale
    return -step


def main() -> None:
    """Fit from both starts and print the results beside NIST's certified values."""
    print("Misra1a: y = b1 (1 - exp(-b2 x)), Newton's method from NIST's two starts")
    certified = CERTIFIED["parameters"], CERTIFIED["deviations"]
    print(f"  {'certified':<22} b = {_shown(certified[0])}   sd = {_shown(certified[1])}")
    for start in STARTS:
        found = fit(X, Y, start)
        label = f"from {start}"
        print(
            f"  {label:<22} b = {_shown(found.parameters)}   sd = {_shown(found.deviations)}"
            f"   {found.iterations} steps"
        )


def _shown(values: Any) -> str:
    return ", ".join(f"{v:.10e}" for v in values)


if __name__ == "__main__":
    main()
