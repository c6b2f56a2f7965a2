"""17. Handwritten digits: minibatches of different sizes, then Newton-CG.

Softmax regression on the 8 x 8 digits of scikit-learn. One compiled function gives the loss and
its gradient for as many rows as come: a batch, what is left of an epoch, or all of them. Then
SciPy's Newton-CG minimises the same loss: conjugate gradients find each step from products H v.
Goodfellow, Bengio and Courville, *Deep Learning*, 6.2.2.3, 6.5.10 and 8.6; J. Nocedal and
S. Wright, *Numerical Optimization*, 2nd edition, 7.1.
"""

import numpy as np
from scipy.optimize import minimize
from sklearn.datasets import load_digits

import symdiff as sd


def softmax_regression() -> list[sd.CompiledFunction]:
    """For n rows X with classes t: the loss with its gradient, H v, and the likeliest classes."""
    g = sd.Graph("digits")
    w, v = g.input("w", sd.f64[640]), g.input("v", sd.f64[640])
    X, t = g.input("X", sd.f64["n", 64]), g.input("t", sd.i64["n"])
    scores = X @ w.reshape(64, 10)
    J = sd.mean(sd.softmax_cross_entropy(scores, t)) + 5e-5 * sd.sum(w**2)
    return [
        sd.compile([w, X, t], sd.value_and_grad(J, w)),
        sd.compile([w, v, X, t], sd.hvp(J, w, v)),
        sd.compile([w, X], sd.argmax(scores, axis=1)),
    ]


def main() -> None:
    """Train by gradient descent on minibatches, then by Newton's method on all rows."""
    pixels, digits = load_digits(return_X_y=True)
    X, t = pixels[:1300] / 16, digits[:1300]
    X_test, t_test = pixels[1300:] / 16, digits[1300:]
    loss_and_gradient, Hv, classes = softmax_regression()

    print("== minibatches")
    rng, w, losses = np.random.default_rng(17), np.zeros(640), []
    for size in (16, 60, 128):
        for _ in range(5):
            order = rng.permutation(len(X))
            for start in range(0, len(X), size):
                batch = order[start : start + size]
                gradient = loss_and_gradient(w, X[batch], t[batch])[1]
                w = w - 0.5 * gradient
        J, gradient = loss_and_gradient(w, X, t)
        print(f"5 epochs in batches of {size:>3}, the last of {len(batch):>2}: J = {J:.3f}")
        losses.append(J)
    assert losses == sorted(losses, reverse=True) and np.linalg.norm(gradient) > 1e-2
    before = np.mean(classes(w, X_test) == t_test)
    print(f"|grad J| > 1e-2; {before:.0%} of the {len(X_test)} digits held out are right")

    print("== Newton-CG")
    found = minimize(loss_and_gradient, w, (X, t), "Newton-CG", jac=True, hessp=Hv)
    assert found.success and found.nit <= 10 and found.nhev <= 200
    print(f"at most 10 steps and 200 products H v: J = {found.fun:.3f}")
    after = np.mean(classes(found.x, X_test) == t_test)
    assert np.linalg.norm(found.jac) < 1e-5 and after > before
    print(f"|grad J| < 1e-5; {after:.0%} of the {len(X_test)} digits held out are right")


if __name__ == "__main__":
    main()
