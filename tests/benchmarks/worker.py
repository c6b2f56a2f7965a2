"""One peer on one task, in a process of its own: `python -m tests.benchmarks.worker PEER TASK`.

It builds what is timed, then obeys commands on standard input, one a line, and answers each with
a line of JSON: ``time N`` runs N calls, ``save PATH`` writes the results there, ``memory`` tells
the peak. The end of the input ends it.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from importlib import import_module
from time import perf_counter
from typing import Any

import numpy as np

from tests.benchmarks.peers import UnavailableError
from tests.benchmarks.tasks import TASKS


def peak_memory() -> int:
    """The largest resident size so far, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def answer(**fields: Any) -> None:
    print(json.dumps(fields), flush=True)


def save(path: str, results: Any) -> None:
    """Write one array or several, in order."""
    listed = results if isinstance(results, list | tuple) else [results]
    np.savez(path, *[np.asarray(r) for r in listed])


def main(peer: str, name: str) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    start = perf_counter()
    try:
        module = import_module(f"tests.benchmarks.peers.{peer}")
        version = getattr(import_module(peer), "__version__", "")
    except ImportError as error:
        return answer(failed=f"not installed ({error.name})")
    imported = perf_counter() - start
    task = TASKS[name]
    data = task.data()
    before = peak_memory()
    try:
        call, phases = module.prepare(task, data)
        start = perf_counter()
        call()
        first = perf_counter() - start
    except UnavailableError as error:
        return answer(failed=str(error))
    except Exception as error:  # a peer's failure is a finding, not ours
        return answer(failed=f"{type(error).__name__}: {str(error).strip()[:120]}")
    answer(version=version, imported=imported, phases=phases, first=first)
    for line in sys.stdin:
        command, _, argument = line.strip().partition(" ")
        match command:
            case "time":
                count = int(argument)
                start = perf_counter()
                for _ in range(count):
                    call()
                answer(seconds=perf_counter() - start)
            case "save":
                save(argument, getattr(call, "results", call)())
                answer(saved=argument)
            case "memory":
                answer(peak=peak_memory(), before=before)
    return None


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
