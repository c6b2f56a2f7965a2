"""16. Automatic differentiation, symbolic differentiation and finite differences.

All differentiate one deep function, the logistic map l_{k+1} = 4 l_k (1 - l_k) with l_1 = x.
SymPy's derivative, written out, swells with depth; the graph of symdiff grows by the same few
nodes a step. Differences err by what they cut off and by what they cancel, the others by rounding.
Baydin, Pearlmutter, Radul and Siskind, "Automatic differentiation in machine learning: a survey",
JMLR 18 (2018), section 2; Goodfellow, Bengio and Courville, *Deep Learning*, 6.5.5 and 6.5.9.
"""

import io
from fractions import Fraction
from typing import Any

import sympy
from matplotlib import rc_context
from matplotlib.figure import Figure

import symdiff as sd

X = sympy.Symbol("x")
DEPTH, AT = 6, 0.3  # the function and the point at which errors are measured
STEPS = [float(f"1e-{k}") for k in range(1, 16)]


def logistic(x: Any, depth: int) -> Any:
    """l_depth of a number, a symbol or a node x."""
    for _ in range(depth - 1):
        x = 4 * x * (1 - x)
    return x


def derivative(depth: int) -> tuple[sd.Node, sd.Node]:
    """l_depth and dl_depth/dx in a graph."""
    x = sd.Graph("logistic").input("x", sd.f64)
    l = logistic(x, depth).named("l")
    return l, sd.grad(l, x).named("dl")


by_symdiff = sd.compile(outputs=derivative(DEPTH)[1])
by_sympy = sympy.lambdify(X, sympy.diff(logistic(X, DEPTH), X))
EXACT = by_sympy(Fraction(AT))  # in rational numbers, at the double that AT is


def error(slope: float) -> float:
    """How far a derivative at AT is from the exact one, relative to that."""
    return float(abs(Fraction(float(slope)) / EXACT - 1))


def differences(h: float) -> tuple[float, float]:
    """The errors of the forward and of the central difference quotient with step h."""
    behind, here, ahead = (logistic(AT + t, DEPTH) for t in (-h, 0.0, h))
    return error((ahead - here) / h), error((ahead - behind) / (2 * h))


def main() -> None:
    """The derivative as a formula and as a graph, their sizes with depth, and all errors."""
    print("== l_3 in SymPy")
    print("dl/dx =", sympy.diff(logistic(X, 3), X))
    print("== l_3 in a graph")
    print(sd.text(derivative(3)))

    print("== swell")
    print("depth  SymPy: l  dl/dx  symdiff: both")
    for depth in range(2, 10):
        l = logistic(X, depth)
        in_l, in_dl = sympy.count_ops(l), sympy.count_ops(sympy.diff(l, X))
        nodes = len(derivative(depth)[0].graph)
        print(f"{depth:>5}  {in_l:>8}  {in_dl:>5}  {nodes:>13}")
        assert in_l == 5 * 2 ** (depth - 2) - 2
        assert in_dl > (depth - 2) * in_l
        assert nodes == 8 * (depth - 1) + 1

    print("== accuracy")
    print("step   forward  central")
    errors = [differences(h) for h in STEPS]
    for h, (forward, central) in zip(STEPS, errors, strict=True):
        print(f"{h:.0e}  {forward:.0e}    {central:.0e}")
    forward, central = map(min, zip(*errors, strict=True))  # each with its best step
    assert 1e-9 < forward < 1e-7 and 1e-10 < central < 1e-8
    print("without a step sd.grad is right to 1e-15 and SymPy to 1e-14")
    assert error(by_symdiff(AT)) < 1e-15 and error(by_sympy(AT)) < 1e-14


def pictures() -> dict[str, str]:
    """The errors of the quotients over the step, and that of the gradient."""
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "symdiff"}):
        axes = Figure(figsize=(6, 3.5), layout="constrained").subplots()
        errors = [differences(h) for h in STEPS]
        axes.loglog(STEPS, errors, label=["forward differences", "central differences"])
        axes.axhline(error(by_symdiff(AT)), color="C2", label="sd.grad")
        axes.set(xlabel="step", ylabel="relative error", ylim=(1e-18, 1e2))
        axes.legend(frameon=False, loc=(0.02, 0.12))
        out = io.StringIO()
        axes.figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return {"accuracy": out.getvalue()}


if __name__ == "__main__":
    main()
