"""The main job on real data: certified regression results, accuracy, drawings."""

from __future__ import annotations

import runpy
import subprocess
from pathlib import Path

import numpy as np
import pytest

from symdiff.demo import chain, iris, misra1a
from symdiff.demo.mlp import MLP

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.mark.parametrize("start", misra1a.STARTS)
def test_misra1a_reaches_nists_certified_values_from_both_starts(start: tuple[float, ...]) -> None:
    found = misra1a.fit(misra1a.X, misra1a.Y, start)
    certified = misra1a.CERTIFIED
    np.testing.assert_allclose(found.parameters, certified["parameters"], rtol=5e-10)
    np.testing.assert_allclose(found.deviations, certified["deviations"], rtol=5e-7)
    np.testing.assert_allclose(found.residual_sum, certified["residual_sum"], rtol=5e-10)


def test_the_mlp_learns_the_irises_with_a_smaller_last_batch() -> None:
    X, labels = iris.load()
    model = MLP(inputs=4, hidden=16, classes=3, decay=1e-3)
    first = float(model.step(X, labels, model.parameters)[0])
    last = model.train(X, labels, epochs=30, rate=0.05, batch=32)  # 150 = 4 * 32 + 22
    assert last < first / 5
    assert model.accuracy(X, labels) > 0.96


def test_the_mlps_gradient_is_that_of_the_text() -> None:
    X, labels = iris.load()
    model = MLP(inputs=4, hidden=5, classes=3, decay=0.01)
    p = model.parameters
    _, gradient = model.step(X, labels, p)
    U1 = X @ p["W1"] + p["b1"]
    H = np.maximum(U1, 0)
    U2 = H @ p["W2"] + p["b2"]
    softmax = np.exp(U2) / np.exp(U2).sum(axis=1, keepdims=True)
    G = (softmax - np.eye(3)[labels]) / len(X)
    G1 = G @ p["W2"].T * (U1 > 0)
    np.testing.assert_allclose(gradient["W2"], H.T @ G + 0.02 * p["W2"], atol=1e-14)
    np.testing.assert_allclose(gradient["W1"], X.T @ G1 + 0.02 * p["W1"], atol=1e-14)
    np.testing.assert_allclose(gradient["b1"], G1.sum(axis=0), atol=1e-14)
    np.testing.assert_allclose(gradient["b2"], G.sum(axis=0), atol=1e-14)


def test_the_digits_are_read_at_97_percent(capsys: pytest.CaptureFixture[str]) -> None:
    accuracy = runpy.run_path(str(EXAMPLES / "mlp_digits.py"))["main"]()
    assert accuracy >= 0.97
    assert "held-out third" in capsys.readouterr().out


def test_the_chain_is_differentiated_three_times_and_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chain.main(str(tmp_path))
    assert "order 3" in capsys.readouterr().out
    for k in (1, 2, 3):
        assert "<svg" in (tmp_path / f"chain{k}.svg").read_text()
        drawn = subprocess.run(
            ["dot", "-Tsvg", tmp_path / f"chain{k}.dot"], capture_output=True, check=True
        )
        assert b"<svg" in drawn.stdout


@pytest.mark.parametrize("script", sorted(p.name for p in EXAMPLES.glob("*.py")))
def test_every_example_has_a_docstring_and_a_main(script: str) -> None:
    namespace = runpy.run_path(str(EXAMPLES / script))
    assert namespace["__doc__"]
    assert callable(namespace["main"])
