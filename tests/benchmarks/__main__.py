"""Benchmarks against hand-written NumPy and the field, in one run.

    python -m tests.benchmarks --peers numpy,jax,autograd --tasks rosenbrock --json out.json

Every peer runs every task in a process of its own, on one processor and one thread. The
processes are timed in turn, round by round, so that a machine whose speed drifts drifts for all;
what is printed are medians over the rounds, and their ratio to hand-written NumPy's. Results
are compared with one another first. Peers that are not installed are left out.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any, Self

import numpy as np

from tests.benchmarks.peers import PEERS
from tests.benchmarks.tasks import TASKS

ROOT = Path(__file__).parents[2]
THREADS = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM")
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in THREADS} | {
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
}
BATCH = 0.05
"""Seconds that a batch of calls should take."""

Record = dict[str, Any]


class Worker:
    """A peer's process, once it has built what a task wants and called it once."""

    def __init__(self, peer: str, task: str, limit: float) -> None:
        self.peer, self.limit = peer, limit
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.benchmarks.worker", peer, task],
            cwd=ROOT,
            env={**os.environ, **ONE_THREAD},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    def read(self) -> Record:
        """The next answer; what went wrong where none came within the limit."""
        assert self.process.stdout is not None
        timer = subprocess.threading.Timer(self.limit, self.process.kill)  # type: ignore[attr-defined]
        timer.start()
        line = self.process.stdout.readline()
        timer.cancel()
        if line:
            return dict(json.loads(line))
        code = self.process.wait()
        return {"failed": "killed" if code == -9 else f"ended with code {code}"}

    def ask(self, command: str) -> Record:
        assert self.process.stdin is not None
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self.read()


def progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def measure(name: str, peers: list[str], rounds: int, limit: float) -> dict[str, Record]:
    """Every peer on one task."""
    found: dict[str, Record] = {}
    workers: dict[str, Worker] = {}
    try:
        for peer in peers:
            progress(f"{name}: {peer} builds")
            workers[peer] = Worker(peer, name, limit)
            found[peer] = workers[peer].read()
        running = {p: w for p, w in workers.items() if "failed" not in found[p]}
        compare(name, running, found)
        counts: dict[str, int] = {}
        for peer, worker in running.items():
            once = worker.ask("time 1").get("seconds", BATCH)
            counts[peer] = max(1, min(100_000, int(BATCH / max(once, 1e-7))))
            found[peer]["steady"] = []
        for k in range(rounds):
            for peer, worker in running.items():
                progress(f"{name}: round {k + 1} of {rounds}, {peer}")
                seconds = worker.ask(f"time {counts[peer]}")["seconds"]
                found[peer]["steady"].append(seconds / counts[peer])
        for peer, worker in running.items():
            found[peer].update(worker.ask("memory"))
    finally:
        for worker in workers.values():
            worker.__exit__()
    progress("")
    return found


def compare(name: str, running: dict[str, Worker], found: dict[str, Record]) -> None:
    """Hold the results of all against those of the first."""
    with tempfile.TemporaryDirectory() as folder:
        results: dict[str, list[Any]] = {}
        for peer, worker in running.items():
            worker.ask(f"save {folder}/{peer}.npz")
            with np.load(f"{folder}/{peer}.npz") as stored:
                results[peer] = [stored[k] for k in stored.files]
    if not results:
        return
    first = next(iter(results))
    for peer, arrays in results.items():
        errors = [
            float(np.max(np.abs(a - b), initial=0) / max(np.max(np.abs(b), initial=0), 1e-300))
            for a, b in zip(arrays, results[first], strict=True)
        ]
        found[peer]["error"] = max(errors)
        found[peer]["agrees"] = max(errors) <= TASKS[name].rtol


def machine(peers: list[str]) -> Record:
    """Where and with what this was measured."""
    model = ""
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        model = next((x.partition(":")[2].strip() for x in lines if "model name" in x), "")
    return {
        "processor": model or platform.processor(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "peers": peers,
    }


# -- tables --------------------------------------------------------------------------------


def shown(seconds: float | None) -> str:
    """A time with three digits and its unit."""
    if seconds is None:
        return "-"
    for unit, factor in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= factor:
            return f"{seconds / factor:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def steady(record: Record) -> float | None:
    return median(record["steady"]) if record.get("steady") else None


def to_first(record: Record) -> float | None:
    """From the objective to its first result, without imports."""
    if "first" not in record:
        return None
    return float(sum(record["phases"].values()) + record["first"])


def print_task(name: str, found: dict[str, Record]) -> None:
    base = steady(found.get("numpy", {}))
    print(f"\n{name}")
    print(f"  {'':<10}{'steady':>10}{'ratio':>8}{'first':>10}{'peak MB':>9}  before it")
    for peer, record in found.items():
        if "failed" in record:
            print(f"  {peer:<10}{'-':>10}   {record['failed']}")
            continue
        time = steady(record)
        ratio = f"{time / base:.2f}" if base and time else ""
        phases = ", ".join(f"{k} {shown(v)}" for k, v in record["phases"].items())
        wrong = "" if record.get("agrees", True) else f"  WRONG by {record['error']:.1e}"
        peak = (record["peak"] - record["before"]) / 1e6
        print(
            f"  {peer:<10}{shown(time):>10}{ratio:>8}{shown(to_first(record)):>10}{peak:>9.0f}"
            f"  {phases}{wrong}"
        )


def print_summary(results: dict[str, dict[str, Record]]) -> None:
    """Geometric means of symdiff's steady call over each peer's, and of the way to the first."""
    print("\nsymdiff / peer, geometric mean over the tasks both run (largest)")
    peers = {p for found in results.values() for p in found} - {"symdiff"}
    for peer in sorted(peers, key=PEERS.index):
        for what, figure in (("steady", steady), ("to the first result", to_first)):
            pairs = [
                (figure(found["symdiff"]), figure(found[peer]))
                for found in results.values()
                if {peer, "symdiff"} <= found.keys()
            ]
            ratios = [a / b for a, b in pairs if a and b]
            if ratios and (what == "steady" or peer != "numpy"):
                mean = float(np.exp(np.mean(np.log(ratios))))
                print(f"  {peer:<10}{what:<22}{mean:>7.2f}  ({max(ratios):.2f})")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--peers", default=",".join(PEERS), help="which to run beside symdiff")
    parser.add_argument("--tasks", default="", help="parts of the names of tasks to run")
    parser.add_argument("--rounds", type=int, default=7, help="medians are over so many")
    parser.add_argument("--limit", type=float, default=120.0, help="seconds a step may take")
    parser.add_argument("--json", type=Path, help="where to write every figure")
    options = parser.parse_args(arguments)
    given = [p.strip() for p in options.peers.split(",") if p.strip()]
    if unknown := set(given) - set(PEERS):
        parser.error(f"no such peer: {', '.join(sorted(unknown))}; there is {', '.join(PEERS)}")
    peers = [p for p in PEERS if p in given or p == "symdiff"]
    parts = [t.strip() for t in options.tasks.split(",") if t.strip()]
    names = [n for n in TASKS if not parts or any(part in n for part in parts)]
    results: dict[str, dict[str, Record]] = {}
    where = machine(peers)
    print(", ".join(f"{k} {v}" for k, v in where.items() if k != "peers"))
    for name in names:
        results[name] = measure(name, peers, options.rounds, options.limit)
        print_task(name, results[name])
    print_summary(results)
    if options.json:
        options.json.write_text(json.dumps({"machine": where, "tasks": results}, indent=1))
    wrong = [r for found in results.values() for r in found.values() if not r.get("agrees", True)]
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
