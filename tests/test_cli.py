"""The command line as a person runs it: a process, its output and its exit code."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

RIDGE = ["mean((X @ w - y)**2)", "-i", "X:f64[n,3]", "-i", "y:f64[n]", "-i", "w:f64[3]"]


def symdiff(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "symdiff", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=cwd,
        check=False,
    )


def ridge_data() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {"X": rng.normal(size=(5, 3)), "y": rng.normal(size=5), "w": rng.normal(size=3)}


def test_it_prints_the_graph_with_its_gradients() -> None:
    done = symdiff(*RIDGE, "--grad", "w")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("graph expression(X: f64[n,3], y: f64[n], w: f64[3]) {")
    assert "/ d w" in done.stdout


def test_it_evaluates_on_data_and_writes_every_file(tmp_path: Path) -> None:
    data = ridge_data()
    np.savez(tmp_path / "ridge.npz", **data)
    files = {
        "--dot": "ridge.dot",
        "--svg": "ridge.svg",
        "--text": "ridge.txt",
        "--source": "ridge.py",
    }
    options = [part for pair in files.items() for part in pair]
    done = symdiff(
        *RIDGE, "--grad", "w", "--hessian", "w", "--data", "ridge.npz", *options, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    X, y, w = data["X"], data["y"], data["w"]
    assert f"value = {np.mean((X @ w - y) ** 2)}" in done.stdout
    assert f"d value / d w = {2 / 5 * X.T @ (X @ w - y)}" in done.stdout
    assert "d2 value / d w =\n[[" in done.stdout
    assert (tmp_path / "ridge.dot").read_text().startswith("digraph")
    assert "<svg" in (tmp_path / "ridge.svg").read_text()
    assert (tmp_path / "ridge.txt").read_text().startswith("graph expression(")
    assert "def expression(" in (tmp_path / "ridge.py").read_text()


def test_npy_and_csv_are_read(tmp_path: Path) -> None:
    np.save(tmp_path / "w.npy", np.array([1.0, 2.0]))
    (tmp_path / "rows.csv").write_text("X0,X1,y\n1,2,3\n4,5,6\n")
    done = symdiff(
        "sum((X @ w - y)**2)",
        *["-i", "X:f64[n,2]", "-i", "y:f64[n]", "-i", "w:f64[2]"],
        *["--data", "rows.csv", "--data", "w.npy"],
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert "value = 68.0" in done.stdout


def test_an_expression_may_begin_with_a_minus() -> None:
    for order in (["-x**2", "-i", "x:f64"], ["-ix:f64", "-x**2"], ["-i", "x:f64", "--", "-x**2"]):
        done = symdiff(*order, "--grad", "x") if "--" not in order else symdiff(*order)
        assert done.returncode == 0, done.stderr
        assert "%1 : f64[] = negative %0" in done.stdout


def test_numpys_spelling_methods_and_indexing_are_understood() -> None:
    for expression in (
        "np.sum(np.sin(X)**2)",
        "sd.sum(sd.exp(-X), axis=0)[1]",
        "(X.T @ X).sum()",
        "X[1:, 0].sum() / X.shape[0]",
        "sum(where(X > 0, sqrt(X), 0.0))",
        "X.reshape((-1,)).sum() + 2**3 - pi",
        " + ".join(["sum(X)"] * 500),
    ):
        done = symdiff(expression, "-i", "X:f64[n,2]")
        assert done.returncode == 0, (expression, done.stderr)


HOSTILE = {
    "import": "__import__('os').system('echo hacked')",
    "attribute": "X.__class__",
    "dunder call": "X.graph.input('q', 3)",
    "lambda": "(lambda: 1)()",
    "comprehension": "[x for x in X]",
    "huge power": "9**9**9**9",
    "huge product": "sum(X) * " + "*".join(["9" * 300] * 40),
    "string": "'a' * 10**9",
    "walrus": "(y := X)",
    "star call": "sum(*X)",
    "keywords": "sum(X, **{})",
    "f-string": "f'{X}'",
    "deep parentheses": "(" * 5000 + "X" + ")" * 5000,
    "deep calls": "sin(" * 150 + "X" + ")" * 150,
    "deep signs": "-" * 3000 + "X",
    "unknown name": "sum(Y)",
    "unknown function": "launch(X)",
    "statement": "X = 3",
    "two expressions": "X; X",
    "empty": "",
    "null byte": "X + \\0",
    "chained comparison": "1 < X < 2",
    "a type": "f64",
    "open": "open('/etc/passwd').read()",
    "bad axis": "sum(X, axis=7)",
    "bad shapes": "X @ X",
    "bad parameter": "sum(X, colour=3)",
    "callback": "probe(X, 'a')",
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_is_not_an_expression_is_one_line_and_exit_code_2(case: str) -> None:
    started = time.monotonic()
    done = symdiff(HOSTILE[case], "-i", "X:f64[n,3]", "--grad", "X")
    assert done.returncode == 2, done.stdout[:300]
    assert done.stdout == ""
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr[:500]
    assert lines[0].startswith("symdiff: ")
    assert "Traceback" not in done.stderr
    assert time.monotonic() - started < 30


BAD_OPTIONS = {
    "bad type": (["sum(x)", "-i", "x:f63[n]"], "not a type"),
    "bad size": (["sum(x)", "-i", "x:f64[n+]"], "not a size"),
    "no type": (["sum(x)", "-i", "x"], "NAME:TYPE"),
    "an input twice": (["sum(x)", "-i", "x:f64[n]", "-i", "x:f64[n]"], "already"),
    "gradient by what is no input": (["sum(x)", "-i", "x:f64[n]", "--grad", "y"], "no input"),
    "gradient of no scalar": (["x", "-i", "x:f64[n]", "--grad", "x"], "scalar"),
    "no such file": (["sum(x)", "-i", "x:f64[n]", "--data", "gone.npz"], "gone.npz"),
    "unknown kind of file": (["sum(x)", "-i", "x:f64[n]", "--data", "x.xlsx"], ".npz"),
    "not writable": (["sum(x)", "-i", "x:f64[n]", "--dot", "/nowhere/x.dot"], "/nowhere/x.dot"),
}


@pytest.mark.parametrize("case", BAD_OPTIONS)
def test_bad_options_are_one_line_and_exit_code_2(case: str, tmp_path: Path) -> None:
    arguments, message = BAD_OPTIONS[case]
    done = symdiff(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr


def test_bad_data_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "bad.npz").write_bytes(b"not a zip file")
    (tmp_path / "bad.csv").write_text("x\n1\ntwo\n")
    np.savez(tmp_path / "other.npz", z=np.ones(3))
    np.savez(tmp_path / "shape.npz", x=np.ones((2, 2)))
    np.savez(tmp_path / "pickle.npz", x=np.array([{}], dtype=object))
    for name, message in (
        ("bad.npz", "bad.npz"),
        ("bad.csv", "bad.csv"),
        ("other.npz", "no x"),
        ("shape.npz", "x has 2 axes"),
        ("pickle.npz", "pickle.npz"),
    ):
        done = symdiff("sum(x)", "-i", "x:f64[n]", "--data", name, cwd=tmp_path)
        assert (done.returncode, message in done.stderr) == (2, True), (name, done.stderr)


def test_help_and_version_are_there() -> None:
    assert "symdiff demo" in symdiff("--help").stdout
    assert symdiff("--version").stdout.startswith("symdiff ")
