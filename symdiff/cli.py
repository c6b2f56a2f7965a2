"""The command line: an expression, its derivatives, its values and its pictures.

symdiff "mean((X @ w - y)**2)" -i X:f64[n,3] -i y:f64[n] -i w:f64[3] --grad w
symdiff demo
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import symdiff as sd
from symdiff.datafiles import read_arrays
from symdiff.demo import run as demo
from symdiff.errors import ArgumentError, SymdiffError
from symdiff.expression import parse_expression
from symdiff.graph import Graph
from symdiff.node import Node
from symdiff.op import Op
from symdiff.types import parse_type

__all__ = ["main"]

_NOT_CALLED = ("symdiff.ops.declare", "symdiff.ops.probe")
_FUNCTIONS = {
    name: found
    for name, found in ((name, getattr(sd, name)) for name in sd.__all__)
    if isinstance(found, Op)
    or (
        getattr(found, "__module__", "").startswith("symdiff.ops.")
        and found.__module__ not in _NOT_CALLED
    )
}
"""What an expression may call: the operations, and nothing else."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0, or 2 for what the user can mend."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if given[:1] == ["demo"]:
            return demo.main(given[1:])
        # argparse takes "-x**2" for an option: options are -i, --name and -h alone.
        return _run(_parser().parse_args([_shielded(part) for part in given]))
    except SymdiffError as error:
        message = "; ".join(line.strip() for line in str(error).splitlines() if line.strip(" ^"))
        print(f"symdiff: {message}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        return 0


def _shielded(part: str) -> str:
    """An expression that begins with a minus, so that it is not read as an option."""
    option = re.match(r"--[a-z]|-i|-h$", part)
    plain = not part.startswith("-") or part in ("-", "--") or option
    return part if plain else f" {part}"


class _Parser(argparse.ArgumentParser):
    """Errors in one line, as all others are."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"symdiff: {message}; symdiff --help explains\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="symdiff",
        description="Differentiate an expression symbol to symbol: print the graph with its "
        "gradients, evaluate it on data, draw it. `symdiff demo` shows what symdiff does.",
        epilog='example: symdiff "mean((X @ w - y)**2)" -i X:f64[n,3] -i y:f64[n] -i w:f64[3] '
        "--grad w --hessian w --dot ridge.dot --data ridge.npz",
    )
    add = parser.add_argument
    add("expression", help="NumPy-style, over the inputs")
    add("-i", "--input", action="append", default=[], metavar="NAME:TYPE", help="as X:f64[n,3]")
    add("--grad", action="append", default=[], metavar="NAME", help="gradient by this input")
    add("--hessian", action="append", default=[], metavar="NAME", help="Hessian by this input")
    add("--data", action="append", default=[], metavar="FILE", help=".npz, .npy or .csv to run on")
    add("--dot", metavar="FILE", help="write the graph as DOT")
    add("--svg", metavar="FILE", help="write the graph as SVG (needs graphviz)")
    add("--text", metavar="FILE", help="write the text form, which sd.parse reads")
    add("--source", metavar="FILE", help="write the generated Python")
    add("--version", action="version", version=f"symdiff {sd.__version__}")
    return parser


def _run(options: argparse.Namespace) -> int:
    graph = Graph("expression")
    for declaration in options.input:
        name, colon, type_ = declaration.partition(":")
        if not colon:
            raise ArgumentError(f"-i {declaration}: write NAME:TYPE, such as X:f64[n,3]")
        graph.input(name.strip(), parse_type(type_))
    outputs: dict[str, Node] = {"value": parse_expression(options.expression, graph, _FUNCTIONS)}
    inputs = {str(i.name): i for i in graph.inputs}
    for what, names, derive in (
        ("d value / d", options.grad, sd.grad),
        ("d2 value / d", options.hessian, sd.hessian),
    ):
        for name in _split(names):
            if name not in inputs:
                raise ArgumentError(f"{name} is no input; the inputs are {', '.join(inputs)}")
            outputs[f"{what} {name}"] = derive(outputs["value"], inputs[name])
    results = list(outputs.values())
    print(sd.text(results))
    _write(options.text, lambda: sd.text(results) + "\n")
    _write(options.dot, lambda: sd.to_dot(results))
    _write(options.svg, lambda: sd.to_svg(results))
    _write(options.source, lambda: sd.compile(list(graph.inputs), results).source)
    if options.data:
        _evaluate(graph, outputs, options.data)
    return 0


def _split(names: list[str]) -> list[str]:
    return [part.strip() for name in names for part in name.split(",") if part.strip()]


def _write(path: str | None, make: Any) -> None:
    if path is None:
        return
    try:
        Path(path).write_text(make(), encoding="utf-8")
    except OSError as error:
        raise ArgumentError(f"{path}: {error.strerror}") from error


def _evaluate(graph: Graph, outputs: dict[str, Node], files: list[str]) -> None:
    wanted = [str(i.name) for i in graph.inputs]
    arrays: dict[str, Any] = {}
    for file in files:
        arrays.update(read_arrays(file, wanted))
    missing = [name for name in wanted if name not in arrays]
    if missing:
        raise ArgumentError(f"the data has no {', '.join(missing)}; it is needed as an input")
    values = sd.compile(list(graph.inputs), outputs)(*[arrays[name] for name in wanted])
    print()
    for label, value in values.items():
        text = str(value)
        print(f"{label} =" + ("\n" if "\n" in text else " ") + text)


if __name__ == "__main__":
    sys.exit(main())
